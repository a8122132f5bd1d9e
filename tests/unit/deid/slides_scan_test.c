/* The search of a whole file in pieces by two threads: values across borders are found, the lowest offset is told, nothing is found where nothing is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deid/slides/scan.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char secret[] = "HOLLOWAY^MARGUERITE";

enum { PIECE = 4 << 20, SIZE = 3 * PIECE + 12345 };

static uint8_t *map_file(int *fd) {
    FILE *file = tmpfile();
    assert_non_null(file);
    *fd = dup(fileno(file));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ftruncate(*fd, SIZE), 0);
    uint8_t *bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    assert_true(bytes != MAP_FAILED);
    uint32_t state = 2463534242u;
    for (size_t i = 0; i < SIZE; i++) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        bytes[i] = (uint8_t)state;
    }
    return bytes;
}

static lethe_status scan(const uint8_t *bytes, lethe_error *error) {
    lethe_search *search;
    lethe_scan *running;
    assert_int_equal(lethe_search_create(&search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add(search, secret, strlen(secret), NULL), LETHE_OK);
    assert_int_equal(lethe_scan_start(bytes, SIZE, search, &running, error), LETHE_OK);
    lethe_status status = lethe_scan_finish(running, error);
    lethe_search_destroy(search);
    return status;
}

static void test_places(void **state) {
    (void)state;
    int fd;
    uint8_t *bytes = map_file(&fd);
    lethe_error error = {0};
    assert_int_equal(scan(bytes, &error), LETHE_OK);
    const size_t length = strlen(secret);
    const size_t places[] = {0, PIECE - 1, PIECE - length, PIECE - 7, PIECE, 2 * PIECE - 3, 3 * PIECE + 1, SIZE - length};
    uint8_t before[sizeof secret];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char wanted[64];
        error = (lethe_error){0};
        memcpy(before, bytes + places[i], length);
        memcpy(bytes + places[i], secret, length);
        assert_int_equal(scan(bytes, &error), LETHE_UNSAFE);
        (void)snprintf(wanted, sizeof wanted, "stands at offset %zu", places[i]);
        assert_non_null(strstr(error.message, wanted));
        assert_null(strstr(error.message, "HOLLOWAY"));
        memcpy(bytes + places[i], before, length);
    }
    assert_int_equal(scan(bytes, &error), LETHE_OK);
    assert_int_equal(munmap(bytes, SIZE), 0);
    assert_int_equal(close(fd), 0);
}

static void test_cancel(void **state) {
    (void)state;
    int fd;
    uint8_t *bytes = map_file(&fd);
    lethe_search *search;
    lethe_scan *running;
    assert_int_equal(lethe_search_create(&search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add(search, secret, strlen(secret), NULL), LETHE_OK);
    assert_int_equal(lethe_scan_start(bytes, SIZE, search, &running, NULL), LETHE_OK);
    lethe_scan_cancel(running);
    lethe_scan_cancel(NULL);
    lethe_search_destroy(search);
    assert_int_equal(munmap(bytes, SIZE), 0);
    assert_int_equal(close(fd), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_cancel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
