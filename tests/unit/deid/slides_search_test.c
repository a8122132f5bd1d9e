/* The fast search of pixels against a slow one that looks at every position, and samples of removed pictures. */
#include "deid/slides/byte_set.h"
#include "deid/slides/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint32_t random_next(uint32_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x >> 8;
}

static void test_byte_set_marks_members(void **state) {
    (void)state;
    lethe_byte_set set = {0};
    uint8_t bytes[3 * LETHE_BYTE_SET_BLOCK], member[256] = {0};
    uint64_t masks[3];
    uint32_t x = 11;
    for (unsigned i = 0; i < 90; i++) {
        uint8_t b = (uint8_t)random_next(&x);
        member[b] = 1;
        lethe_byte_set_add(&set, b);
    }
    for (unsigned round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = round ? (uint8_t)random_next(&x) : (uint8_t)i;
        lethe_byte_set_find(&set, bytes, 3, masks);
        for (size_t i = 0; i < sizeof bytes; i++) assert_int_equal(masks[i / 64] >> (i % 64) & 1, member[bytes[i]]);
    }
}

/* A text at every offset of a buffer of every awkward size, in noise of several kinds: found wherever it fits, and nowhere else. */
static void test_texts_are_found_at_every_place(void **state) {
    (void)state;
    static const char secret[] = "Karolina Weber-Ott";
    enum { SIZE = 64 * 66 + 40 };
    static uint8_t haystack[SIZE];
    lethe_search *search = NULL;
    lethe_search_hit hit;
    uint32_t x = 5;
    const size_t length = strlen(secret);
    assert_int_equal(lethe_search_create(&search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add(search, secret, length, NULL), LETHE_OK);
    for (unsigned kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < SIZE; i++) /* like pixels; like text, so that nothing is passed over; none of the text's bytes */
            haystack[i] = kind == 0 ? (uint8_t)random_next(&x) : kind == 1 ? (uint8_t)("karolinweb-t "[random_next(&x) % 13]) : 0xA5;
        assert_false(lethe_search_run(search, LETHE_SEARCH_PIXELS, haystack, SIZE, &hit));
        for (size_t at = 0; at + length <= SIZE; at++) {
            uint8_t saved[sizeof secret];
            memcpy(saved, haystack + at, length);
            memcpy(haystack + at, secret, length);
            assert_true(lethe_search_run(search, LETHE_SEARCH_PIXELS, haystack, at + length, &hit));
            assert_int_equal(hit.offset, at);
            assert_false(lethe_search_run(search, LETHE_SEARCH_PIXELS, haystack, at + length - 1, &hit));
            memcpy(haystack + at, saved, length);
        }
    }
    lethe_search_destroy(search);
}

/* Values of six characters are the shortest that count among pixels. */
static void test_shortest_texts(void **state) {
    (void)state;
    uint8_t haystack[700];
    lethe_search *search = NULL;
    lethe_search_hit hit;
    assert_int_equal(lethe_search_create(&search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add(search, "#47-11", 6, NULL), LETHE_OK);
    for (size_t at = 0; at + 6 <= sizeof haystack; at++) {
        memset(haystack, 0xEE, sizeof haystack);
        memcpy(haystack + at, "#47-11", 6);
        assert_true(lethe_search_run(search, LETHE_SEARCH_PIXELS, haystack, sizeof haystack, &hit));
        assert_int_equal(hit.offset, at);
    }
    lethe_search_destroy(search);
}

/* --- samples --- */

enum { STREAM = 40000, AT = 20000 };
static uint8_t stream[STREAM], pixels[3 * STREAM];

static lethe_search *search_for_sample(size_t stream_size, size_t at) {
    lethe_search *search = NULL;
    uint32_t x = 3;
    for (size_t i = 0; i < sizeof stream; i++) stream[i] = (uint8_t)random_next(&x);
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)random_next(&x);
    assert_int_equal(lethe_search_create(&search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add_sample(search, stream, stream_size, at, NULL), LETHE_OK);
    return search;
}

static bool is_found(const lethe_search *search, lethe_search_in in, size_t from, size_t to, size_t place) {
    lethe_search_hit hit;
    uint8_t saved[STREAM];
    memcpy(saved, pixels + place, to - from);
    memcpy(pixels + place, stream + from, to - from);
    bool found = lethe_search_run(search, in, pixels, sizeof pixels, &hit);
    memcpy(pixels + place, saved, to - from);
    return found;
}

/* Letters beyond ASCII in the other case, in UTF-8, Latin-1 and UTF-16. The expected bytes are from the code charts. */
static void test_letters_beyond_ascii_in_any_case(void **state) {
    (void)state;
    static const struct {
        const char *value, *planted;
        size_t size;
    } cases[] = {{"M\xC3\xBCllerova", "M\xC3\x9CLLEROVA", 10},               /* small u with diaeresis: C3 BC, capital C3 9C */
                 {"M\xC3\xBCllerova", "M\xDCLLEROVA", 9},                    /* Latin-1: DC */
                 {"M\xC3\x9CLLEROVA", "m\xFCllerova", 9},                    /* and back: FC */
                 {"Dvo\xC5\x99\xC3\xA1kova", "DVO\xC5\x98\xC3\x81KOVA", 11}, /* r with caron: C5 99, capital C5 98 */
                 {"\xC4\xBD"
                  "ubica",
                  "\xC4\xBE"
                  "ubica",
                  7}, /* L with caron: C4 BD, small C4 BE */
                 {"\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD", "\xD0\x98\xD0\x92\xD0\x90\xD0\x9D", 8},
                 {"M\xC3\xBCller", "M\0\xDC\0L\0L\0E\0R\0", 12}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lethe_search *search = NULL;
        lethe_search_hit hit;
        lethe_error error = {0};
        uint8_t bytes[300];
        assert_int_equal(lethe_search_create(&search, &error), LETHE_OK);
        assert_int_equal(lethe_search_add(search, cases[i].value, strlen(cases[i].value), &error), LETHE_OK);
        for (size_t at = 100; at < 170; at++) {
            memset(bytes, 0xAA, sizeof bytes);
            assert_false(lethe_search_run(search, LETHE_SEARCH_PIXELS, bytes, sizeof bytes, &hit));
            memcpy(bytes + at, cases[i].planted, cases[i].size);
            if (!lethe_search_run(search, LETHE_SEARCH_PIXELS, bytes, sizeof bytes, &hit)) fail_msg("case %zu at %zu", i, at);
            assert_int_equal(hit.offset, at);
        }
        lethe_search_destroy(search);
    }
}

static void test_a_repeated_piece_is_no_picture(void **state) {
    (void)state;
    lethe_search *search = search_for_sample(STREAM, AT);
    assert_false(is_found(search, LETHE_SEARCH_PIXELS, 0, 64, 100)); /* another piece of the stream */
    assert_false(is_found(search, LETHE_SEARCH_PIXELS, AT, AT + 64, 777));
    assert_false(is_found(search, LETHE_SEARCH_PIXELS, AT - 1000, AT + 1000, 777));
    assert_true(is_found(search, LETHE_SEARCH_TEXT, AT, AT + 64, 777)); /* no picture has business in a text */
    lethe_search_destroy(search);
}

static void test_a_removed_picture_is_found_at_every_place(void **state) {
    (void)state;
    lethe_search *search = search_for_sample(STREAM, AT);
    for (size_t place = 0; place < 200; place++) assert_true(is_found(search, LETHE_SEARCH_PIXELS, 0, STREAM, place));
    assert_true(is_found(search, LETHE_SEARCH_PIXELS, 0, STREAM, sizeof pixels - STREAM)); /* up to the last byte */
    assert_true(is_found(search, LETHE_SEARCH_PIXELS, AT - 4096 + 64, AT + 64, 33333));    /* the sample and what stands before it */
    assert_true(is_found(search, LETHE_SEARCH_PIXELS, AT, AT + 4096, 33333));              /* and behind it */
    lethe_search_destroy(search);
}

static void test_a_small_picture_counts_as_a_whole(void **state) {
    (void)state;
    lethe_search *search = search_for_sample(256, 100);
    assert_true(is_found(search, LETHE_SEARCH_PIXELS, 0, 256, 5));
    assert_false(is_found(search, LETHE_SEARCH_PIXELS, 1, 256, 5));
    lethe_search_destroy(search);
}

static void test_samples_lie_in_their_stream(void **state) {
    (void)state;
    lethe_search *search = search_for_sample(256, 192);
    assert_int_equal(lethe_search_add_sample(search, stream, 256, 193, NULL), LETHE_INTERNAL);
    assert_int_equal(lethe_search_add_sample(search, stream, 20, 30, NULL), LETHE_INTERNAL);
    assert_true(lethe_search_overlap(search) >= 2 * 4096); /* a stretch across the border of two pieces is whole in one of them */
    lethe_search_destroy(search);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_set_marks_members),
        cmocka_unit_test(test_texts_are_found_at_every_place),
        cmocka_unit_test(test_shortest_texts),
        cmocka_unit_test(test_letters_beyond_ascii_in_any_case),
        cmocka_unit_test(test_a_repeated_piece_is_no_picture),
        cmocka_unit_test(test_a_removed_picture_is_found_at_every_place),
        cmocka_unit_test(test_a_small_picture_counts_as_a_whole),
        cmocka_unit_test(test_samples_lie_in_their_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
