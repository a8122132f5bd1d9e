/* core: error, memory, arena, buffer. */
#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"
#include "core/memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void first_error_wins(void **state) {
    (void)state;
    lethe_error error = {0};
    assert_int_equal(lethe_fail(&error, LETHE_MALFORMED, "tag %04x", 16), LETHE_MALFORMED);
    assert_int_equal(lethe_fail(&error, LETHE_IO, "later"), LETHE_IO);
    assert_int_equal(error.status, LETHE_MALFORMED);
    assert_string_equal(error.message, "tag 0010");
    assert_int_equal(lethe_fail_errno(&error, ENOENT, "later"), LETHE_IO);
    assert_string_equal(error.message, "tag 0010");
    lethe_error_clear(&error);
    assert_int_equal(lethe_fail_errno(&error, ENOENT, "cannot open"), LETHE_IO);
    assert_string_equal(error.message, "cannot open: No such file or directory");
    assert_int_equal(lethe_fail(NULL, LETHE_LIMIT, "nobody listens"), LETHE_LIMIT);
    lethe_error_clear(NULL);
}

static void long_messages_are_cut(void **state) {
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    lethe_error error = {0};
    (void)lethe_fail_errno(&error, ENOENT, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

static void every_status_has_a_name_and_an_exit(void **state) {
    (void)state;
    for (int i = LETHE_OK; i <= LETHE_INTERNAL; i++) {
        assert_string_not_equal(lethe_status_name((lethe_status)i), "unknown");
        for (int j = LETHE_OK; j < i; j++) assert_string_not_equal(lethe_status_name((lethe_status)i), lethe_status_name((lethe_status)j));
    }
    assert_int_equal(lethe_status_exit(LETHE_OK), 0);
    assert_int_equal(lethe_status_exit(LETHE_USAGE), 2);
    assert_int_equal(lethe_status_exit(LETHE_CONFIG), 2);
    assert_int_equal(lethe_status_exit(LETHE_IO), 1);
    assert_int_equal(lethe_status_exit(LETHE_UNSAFE), 1);
}

static void allocation_is_checked_and_can_fail(void **state) {
    (void)state;
    volatile size_t huge = SIZE_MAX / 2; /* volatile: the compiler would warn about it */
    assert_null(lethe_alloc_array(huge, 3));
    assert_null(lethe_realloc_array(NULL, huge, 3));
    size_t sum;
    assert_false(lethe_add_size(SIZE_MAX, 1, &sum));
    assert_true(lethe_add_size(SIZE_MAX - 1, 1, &sum));
    assert_false(lethe_multiply_size(huge, 3, &sum));
    uint64_t before = lethe_memory_count();
    lethe_memory_fail_at(3);
    void *first = lethe_alloc(0), *second = lethe_alloc_array(0, 8), *third = lethe_alloc(1), *fourth = lethe_alloc(1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(third);
    assert_non_null(fourth);
    lethe_memory_fail_at(0);
    assert_int_equal(lethe_memory_count() - before, 4);
    lethe_free(first);
    lethe_free(second);
    lethe_free(fourth);
    lethe_free(NULL);
    char *text = lethe_asprintf("%s-%d", "a", 7), *copy = lethe_strdup(text), *part = lethe_strndup(text, 2);
    assert_string_equal(copy, "a-7");
    assert_string_equal(part, "a-");
    lethe_wipe(copy, 3);
    assert_memory_equal(copy, "\0\0\0", 3);
    lethe_free(text);
    lethe_free(copy);
    lethe_free(part);
    int *numbers = lethe_alloc_array(4, sizeof *numbers);
    assert_non_null(numbers);
    for (int i = 0; i < 4; i++) assert_int_equal(numbers[i], 0);
    lethe_memory_fail_at(1);
    assert_null(lethe_realloc_array(numbers, 8, sizeof *numbers));
    numbers[3] = 5; /* what was there is still there */
    lethe_memory_fail_at(0);
    lethe_free(numbers);
}

static void arena_aligns_zeroes_and_caps(void **state) {
    (void)state;
    lethe_arena *arena = lethe_arena_create(1 << 20);
    assert_non_null(arena);
    for (int round = 0; round < 3; round++) {
        size_t total = 0;
        for (size_t size = 1; size < 5000; size += 97) {
            uint8_t *memory = lethe_arena_alloc(arena, size);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 16, 0);
            for (size_t i = 0; i < size; i++) assert_int_equal(memory[i], 0);
            memset(memory, 0xAB, size);
            total += (size + 15) / 16 * 16;
        }
        assert_int_equal(lethe_arena_used_bytes(arena), total);
        assert_null(lethe_arena_alloc(arena, (1 << 20) - total + 1));
        assert_non_null(lethe_arena_alloc(arena, (1 << 20) - total)); /* exactly the cap */
        assert_null(lethe_arena_alloc(arena, 1));
        lethe_arena_reset(arena);
        assert_int_equal(lethe_arena_used_bytes(arena), 0);
    }
    assert_null(lethe_arena_alloc(arena, SIZE_MAX));
    assert_null(lethe_arena_alloc_array(arena, SIZE_MAX / 2, 4));
    assert_null(lethe_arena_strndup(arena, "x", SIZE_MAX));
    assert_string_equal(lethe_arena_strndup(arena, "pelvis", 3), "pel");
    assert_string_equal(lethe_arena_printf(arena, "%d/%s", 3, "x"), "3/x");
    lethe_arena_destroy(arena);
    lethe_arena_destroy(NULL);
}

static void arena_survives_failing_allocations(void **state) {
    (void)state;
    lethe_memory_fail_at(1);
    assert_null(lethe_arena_create(100));
    lethe_arena *arena = lethe_arena_create(1 << 20);
    lethe_memory_fail_at(1);
    assert_null(lethe_arena_alloc(arena, 10));
    lethe_memory_fail_at(0);
    assert_int_equal(lethe_arena_used_bytes(arena), 0);
    assert_non_null(lethe_arena_alloc(arena, 10));
    lethe_arena_destroy(arena);
}

static void buffer_grows_to_its_cap(void **state) {
    (void)state;
    lethe_buffer buffer;
    lethe_buffer_init(&buffer, 1000);
    assert_string_equal(lethe_buffer_text(&buffer), "");
    for (int i = 0; i < 100; i++) assert_int_equal(lethe_buffer_printf(&buffer, NULL, "%09d\n", i), LETHE_OK);
    assert_int_equal(buffer.size, 1000);
    assert_int_equal(strlen(lethe_buffer_text(&buffer)), 1000);
    lethe_error error = {0};
    assert_int_equal(lethe_buffer_append(&buffer, "x", 1, &error), LETHE_LIMIT);
    assert_int_equal(lethe_buffer_append(&buffer, "", 0, NULL), LETHE_OK);
    assert_int_equal(buffer.size, 1000);
    assert_memory_equal(buffer.bytes + 990, "000000099\n", 10);
    lethe_buffer_clear(&buffer);
    assert_string_equal(lethe_buffer_text(&buffer), "");
    assert_int_equal(lethe_buffer_append_text(&buffer, "again", NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&buffer), "again");
    uint8_t *at;
    assert_int_equal(lethe_buffer_extend(&buffer, SIZE_MAX, &at, NULL), LETHE_LIMIT);
    lethe_buffer_release(&buffer);
    lethe_buffer_release(&buffer);
    lethe_buffer_release(NULL);
    lethe_buffer_init(&buffer, 0);
    assert_int_equal(lethe_buffer_append(&buffer, "x", 1, NULL), LETHE_LIMIT);
    lethe_buffer_release(&buffer);
}

static void buffer_survives_failing_allocations(void **state) {
    (void)state;
    lethe_buffer buffer;
    lethe_buffer_init(&buffer, 100000);
    char block[300];
    memset(block, 'b', sizeof block);
    unsigned failures = 0;
    for (int i = 0; i < 100; i++) {
        lethe_memory_fail_at(1);
        size_t before = buffer.size;
        lethe_status status = lethe_buffer_append(&buffer, block, sizeof block, NULL);
        lethe_memory_fail_at(0);
        if (status == LETHE_OK) continue;
        failures++;
        assert_int_equal(status, LETHE_NO_MEMORY);
        assert_int_equal(buffer.size, before);
        assert_int_equal(lethe_buffer_append(&buffer, block, sizeof block, NULL), LETHE_OK);
    }
    assert_true(failures > 3);
    assert_int_equal(buffer.size, 30000);
    lethe_buffer_release(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(every_status_has_a_name_and_an_exit),
        cmocka_unit_test(allocation_is_checked_and_can_fail),
        cmocka_unit_test(arena_aligns_zeroes_and_caps),
        cmocka_unit_test(arena_survives_failing_allocations),
        cmocka_unit_test(buffer_grows_to_its_cap),
        cmocka_unit_test(buffer_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
