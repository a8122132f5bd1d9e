/* A file that is cut off while it is mapped: zeros and a count instead of the end of the program; any other SIGBUS ends it as before. */
#include "viewer/cut_off.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGES = 16 };

static int file_of_ones(size_t size) {
    FILE *file = tmpfile();
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) assert_int_equal(fputc(1, file), 1);
    assert_int_equal(fflush(file), 0);
    int fd = dup(fileno(file));
    assert_true(fd >= 0);
    (void)fclose(file);
    return fd;
}

static void missing_pages_are_counted(void **state) {
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page;
    int fd = file_of_ones(size);
    const volatile uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(bytes != MAP_FAILED);
    lethe_cut_off_install();
    unsigned before = lethe_cut_off_count();
    assert_int_equal(bytes[size - 1], 1);
    assert_int_equal(lethe_cut_off_count(), before);
    assert_int_equal(ftruncate(fd, (off_t)(3 * page)), 0);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(lethe_cut_off_count(), before);
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++) sum += bytes[i];
    assert_int_equal(sum, 3 * page);
    assert_int_equal(lethe_cut_off_count(), before + 1); /* once for all that is missing */
    (void)munmap((void *)(uintptr_t)bytes, size);
    (void)close(fd);
}

/* Shared memory that others write: zeros in it would be believed. */
static void other_signals_end_the_program(void **state) {
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        FILE *file = tmpfile();
        lethe_cut_off_install();
        if (!file || ftruncate(fileno(file), (off_t)page)) _exit(3);
        volatile uint8_t *bytes = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
        if (bytes == MAP_FAILED || ftruncate(fileno(file), 0)) _exit(4);
        bytes[0] = 1;
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(missing_pages_are_counted), cmocka_unit_test(other_signals_end_the_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
