/* A copy is looked at while it is made: what differs from the input, what was removed and lies across borders of parts, and streams that are not
 * clean are seen; the digest is that of the output; and the verifier may take from the ledger only what stands in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "deid/slides/follow.h"
#include "deid/slides/tile_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = (9 << 20) + 4321, PART = 2 << 20, FRONT = 100 };

static const char secret[] = "HOLLOWAY^MARGUERITE";

typedef struct fixture {
    int source_fd, output_fd;
    uint8_t *source;
    lethe_search *search;
} fixture;

static int file_of(size_t size) {
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = dup(fileno(file));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static void set_up(fixture *f) {
    f->source_fd = file_of(SIZE);
    f->output_fd = file_of(0);
    f->source = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f->source_fd, 0);
    assert_true(f->source != MAP_FAILED);
    uint32_t state = 2463534242u;
    for (size_t i = 0; i < SIZE; i++) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        f->source[i] = (uint8_t)state;
    }
    assert_int_equal(lethe_search_create(&f->search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add(f->search, secret, strlen(secret), NULL), LETHE_OK);
}

static void tear_down(fixture *f) {
    lethe_search_destroy(f->search);
    assert_int_equal(munmap(f->source, SIZE), 0);
    assert_int_equal(close(f->source_fd), 0);
    assert_int_equal(close(f->output_fd), 0);
}

/* FRONT bytes of our own, then the whole source in steps of `step`; the output's byte `spoilt` is another one than it should be (none: SIZE_MAX). */
static lethe_status copy_all(fixture *f, size_t step, size_t spoilt, lethe_tiff_segment *segment, bool *unclean, char sha256[65],
                             lethe_error *error) {
    static const uint8_t front[FRONT] = "made by the writer";
    lethe_follow *follow;
    const lethe_follow_options options = {.source_fd = f->source_fd,
                                          .output_fd = f->output_fd,
                                          .source = f->source,
                                          .source_size = SIZE,
                                          .source_is_mapped = true,
                                          .search = f->search,
                                          .digest = true};
    assert_int_equal(ftruncate(f->output_fd, 0), 0);
    assert_int_equal(lethe_follow_start(&options, &follow, error), LETHE_OK);
    assert_int_equal(pwrite(f->output_fd, front, FRONT, 0), FRONT);
    lethe_tiff_segment *const list[] = {segment};
    for (size_t at = 0; at < SIZE; at += step) {
        size_t bytes = SIZE - at < step ? SIZE - at : step;
        assert_int_equal(pwrite(f->output_fd, f->source + at, bytes, (off_t)(FRONT + at)), (ssize_t)bytes);
        if (spoilt >= at && spoilt < at + bytes) {
            uint8_t other = (uint8_t)(f->source[spoilt] ^ 1);
            assert_int_equal(pwrite(f->output_fd, &other, 1, (off_t)(FRONT + spoilt)), 1);
        }
        bool first = segment && at == 0;
        const lethe_tiff_copied range = {.source_offset = at,
                                         .out_offset = FRONT + at,
                                         .bytes = bytes,
                                         .segments = list + (segment && !first),
                                         .segment_count = first,
                                         .total_bytes = FRONT + SIZE};
        if (!lethe_follow_copied(follow, &range)) break;
    }
    lethe_follow_ended(follow);
    lethe_status status = lethe_follow_result(follow, unclean, error);
    if (status == LETHE_OK) {
        const lethe_ledger *ledger = lethe_follow_ledger(follow);
        assert_int_equal(ledger->count, 1);
        assert_true(lethe_ledger_holds(ledger, 0, FRONT, SIZE));
        assert_false(lethe_ledger_holds(ledger, 1, FRONT, 10));
        assert_false(lethe_ledger_holds(ledger, 0, FRONT - 1, 10));
        assert_false(lethe_ledger_holds(ledger, 10, FRONT + 10, SIZE - 9));
        assert_int_equal(lethe_follow_digest(follow, FRONT + SIZE, sha256, error), LETHE_OK);
    }
    lethe_follow_destroy(follow);
    return status;
}

static void test_good(void **state) {
    (void)state;
    fixture f;
    bool unclean;
    char sha256[65], wanted[65];
    set_up(&f);
    const size_t steps[] = {PART, 12345, SIZE, PART + 1, 300};
    uint8_t *whole = lethe_alloc(FRONT + SIZE);
    assert_non_null(whole);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(copy_all(&f, steps[i], SIZE_MAX, NULL, &unclean, sha256, NULL), LETHE_OK);
        assert_false(unclean);
        assert_int_equal(pread(f.output_fd, whole, FRONT + SIZE, 0), FRONT + SIZE);
        assert_int_equal(lethe_sha256_hex(whole, FRONT + SIZE, wanted, NULL), LETHE_OK);
        assert_string_equal(sha256, wanted);
    }
    lethe_free(whole);
    tear_down(&f);
}

static void test_difference(void **state) {
    (void)state;
    fixture f;
    bool unclean;
    char sha256[65];
    set_up(&f);
    const size_t places[] = {0, 1, PART - 1, PART, 3 * PART + 77, SIZE - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        lethe_error error = {0};
        assert_int_equal(copy_all(&f, i % 2 ? PART : 100000, places[i], NULL, &unclean, sha256, &error), LETHE_UNSAFE);
        assert_non_null(strstr(error.message, "differs from the input"));
        assert_false(unclean);
    }
    tear_down(&f);
}

static void test_secret(void **state) {
    (void)state;
    fixture f;
    bool unclean;
    char sha256[65], wanted[80];
    uint8_t before[sizeof secret];
    set_up(&f);
    const size_t length = strlen(secret);
    const size_t places[] = {0, PART - 1, PART - length, PART - 7, PART, 2 * PART - 3, SIZE - length};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        lethe_error error = {0};
        memcpy(before, f.source + places[i], length);
        memcpy(f.source + places[i], secret, length);
        assert_int_equal(copy_all(&f, i % 2 ? PART : 54321, SIZE_MAX, NULL, &unclean, sha256, &error), LETHE_UNSAFE);
        (void)snprintf(wanted, sizeof wanted, "stands at offset %zu", FRONT + places[i]);
        assert_non_null(strstr(error.message, wanted));
        assert_null(strstr(error.message, "HOLLOWAY"));
        memcpy(f.source + places[i], before, length);
    }
    tear_down(&f);
}

/* A stream that begins in the first range and ends beyond all parts that were copied with it. */
static void test_stream(void **state) {
    (void)state;
    fixture f;
    bool unclean;
    char sha256[65];
    set_up(&f);
    static const uint8_t head[] = {0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 16, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0};
    const size_t from = 5000, size = PART + 70000;
    for (size_t i = from; i < from + size; i++)
        if (f.source[i] == 0xFF) f.source[i] = 0xFE;
    memcpy(f.source + from, head, sizeof head);
    memcpy(f.source + from + size - 2, "\xFF\xD9", 2);
    const lethe_tile_check check = {.compression = LETHE_TIFF_JPEG, .width_px = 16, .height_px = 16, .raw_bytes = 256};
    lethe_tiff_segment segment = {.offset = from, .bytes = size, .note = &check};
    lethe_error error = {0};
    assert_int_equal(copy_all(&f, PART, SIZE_MAX, &segment, &unclean, sha256, &error), LETHE_OK);
    assert_false(unclean);
    segment.bytes = size + 1; /* a byte behind its end */
    assert_int_equal(copy_all(&f, PART, SIZE_MAX, &segment, &unclean, sha256, &error), LETHE_UNSAFE);
    assert_true(unclean);
    segment.bytes = size - 1; /* cut off */
    assert_int_equal(copy_all(&f, 77777, SIZE_MAX, &segment, &unclean, sha256, &error), LETHE_UNSAFE);
    assert_true(unclean);
    segment.note = NULL; /* was looked into before */
    assert_int_equal(copy_all(&f, PART, SIZE_MAX, &segment, &unclean, sha256, &error), LETHE_OK);
    tear_down(&f);
}

static void test_stop(void **state) {
    (void)state;
    fixture f;
    lethe_follow *follow;
    set_up(&f);
    const lethe_follow_options options = {
        .source_fd = f.source_fd, .output_fd = f.output_fd, .source = f.source, .source_size = SIZE, .digest = true};
    assert_int_equal(lethe_follow_start(&options, &follow, NULL), LETHE_OK);
    assert_int_equal(pwrite(f.output_fd, f.source, PART, 0), PART);
    const lethe_tiff_copied range = {.bytes = PART, .total_bytes = SIZE};
    assert_true(lethe_follow_copied(follow, &range));
    lethe_follow_destroy(follow);
    lethe_follow_destroy(NULL);
    tear_down(&f);
}

static void test_ledger(void **state) {
    (void)state;
    lethe_ledger ledger = {0};
    assert_false(lethe_ledger_holds(&ledger, 0, 0, 1));
    assert_int_equal(lethe_ledger_add(&ledger, (lethe_ledger_run){1000, 10, 90, false}, NULL), LETHE_OK);
    assert_int_equal(lethe_ledger_add(&ledger, (lethe_ledger_run){1090, 100, 10, false}, NULL), LETHE_OK); /* goes on */
    assert_int_equal(ledger.count, 1);
    assert_int_equal(lethe_ledger_add(&ledger, (lethe_ledger_run){1100, 110, 10, true}, NULL), LETHE_OK);
    assert_int_equal(lethe_ledger_add(&ledger, (lethe_ledger_run){5000, 200, 50, true}, NULL), LETHE_OK);
    assert_int_equal(ledger.count, 3);
    assert_int_equal(lethe_ledger_add(&ledger, (lethe_ledger_run){0, 249, 1, false}, NULL), LETHE_INTERNAL);
    assert_true(lethe_ledger_holds(&ledger, 1000, 10, 100));
    assert_true(lethe_ledger_holds(&ledger, 1099, 109, 1));
    assert_false(lethe_ledger_holds(&ledger, 1099, 109, 2)); /* over the border of two runs */
    assert_true(lethe_ledger_holds(&ledger, 5049, 249, 1));
    assert_false(lethe_ledger_holds(&ledger, 5050, 250, 1));
    assert_false(lethe_ledger_holds(&ledger, 4999, 199, 2));
    assert_false(lethe_ledger_holds(&ledger, 5000, 200, UINT64_MAX));
    lethe_ledger_release(&ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good),   cmocka_unit_test(test_difference), cmocka_unit_test(test_secret),
                                       cmocka_unit_test(test_stream), cmocka_unit_test(test_stop),       cmocka_unit_test(test_ledger)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
