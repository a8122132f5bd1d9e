/* The digest in a thread of its own is the digest, however the bytes come and whatever was left unfinished before. */
#include "ingest/inbox_digest.h"

#include "core/pseudonym.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES = 1 << 20 };

static uint8_t *bytes;

static int set_up(void **state) {
    (void)state;
    bytes = malloc(BYTES);
    for (size_t i = 0; bytes != NULL && i < BYTES; i++) bytes[i] = (uint8_t)(i * 31 + i / 257);
    return bytes == NULL;
}

static int tear_down(void **state) {
    (void)state;
    free(bytes);
    return 0;
}

static void check(inbox_digester *digester, size_t size) {
    uint8_t digest[32];
    char hex[65], expected[65];
    assert_int_equal(inbox_digester_end(digester, digest, NULL), LETHE_OK);
    lethe_hex(digest, sizeof digest, hex);
    assert_int_equal(lethe_sha256_hex(bytes, size, expected, NULL), LETHE_OK);
    assert_string_equal(hex, expected);
}

static void pieces_of_any_size_give_the_digest(void **state) {
    (void)state;
    static const size_t pieces[] = {0, 1, 63, 4096, 65536, 65537, 300000};
    inbox_digester *digester = inbox_digester_create();
    assert_non_null(digester);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t done = 0;
        inbox_digester_begin(digester);
        for (; pieces[i] != 0 && done + pieces[i] <= BYTES && done < 500 * pieces[i]; done += pieces[i])
            inbox_digester_take(digester, bytes + done, pieces[i]);
        check(digester, done);
    }
    inbox_digester_destroy(digester);
}

/* A buffer that is used again after a wait, as the one of the inbox is. */
static void a_buffer_serves_again_after_a_wait(void **state) {
    (void)state;
    uint8_t *buffer = malloc(BYTES / 4);
    inbox_digester *digester = inbox_digester_create();
    assert_non_null(digester);
    assert_non_null(buffer);
    inbox_digester_begin(digester);
    for (size_t part = 0; part < 4; part++) {
        inbox_digester_wait(digester);
        memcpy(buffer, bytes + part * (BYTES / 4), BYTES / 4);
        inbox_digester_take(digester, buffer, BYTES / 8);
        inbox_digester_take(digester, buffer + BYTES / 8, BYTES / 8);
    }
    check(digester, BYTES);
    inbox_digester_destroy(digester);
    free(buffer);
}

static void what_was_left_unfinished_does_not_count(void **state) {
    (void)state;
    inbox_digester *digester = inbox_digester_create();
    assert_non_null(digester);
    for (int i = 0; i < 20; i++) {
        inbox_digester_begin(digester);
        inbox_digester_take(digester, bytes + 7, BYTES - 7);
    }
    inbox_digester_begin(digester);
    inbox_digester_take(digester, bytes, 1000);
    check(digester, 1000);
    inbox_digester_take(digester, bytes, BYTES); /* destroyed while it works */
    inbox_digester_destroy(digester);
    inbox_digester_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_of_any_size_give_the_digest), cmocka_unit_test(a_buffer_serves_again_after_a_wait),
                                       cmocka_unit_test(what_was_left_unfinished_does_not_count)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
