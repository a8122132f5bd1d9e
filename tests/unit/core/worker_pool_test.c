/* core/worker_pool: replies, failures, crashes, hangs and greed of children. */
#include "core/worker_pool.h"

#include "core/memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_TASKS = 2000 };

typedef struct outcome {
    bool done;
    lethe_task_fate fate;
    size_t reply_size;
    uint32_t reply_sum;
    char reply[32];
    lethe_error error;
} outcome;

static outcome *outcomes; /* one for each tag; reset by each test */

static int set_up(void **state) {
    (void)state;
    outcomes = calloc(MOST_TASKS, sizeof *outcomes);
    return outcomes == NULL;
}

static int tear_down(void **state) {
    (void)state;
    free(outcomes);
    return 0;
}

static uint32_t sum_of(const uint8_t *bytes, size_t size) {
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++) sum = sum * 31 + bytes[i];
    return sum;
}

static void on_done(void *context, uint64_t tag, lethe_task_fate fate, const uint8_t *reply, size_t size, const lethe_error *error) {
    (void)context;
    assert_true(tag < MOST_TASKS);
    outcome *o = &outcomes[tag];
    assert_false(o->done); /* never twice */
    *o = (outcome){.done = true, .fate = fate, .reply_size = size, .error = *error};
    if (reply != NULL) {
        o->reply_sum = sum_of(reply, size);
        memcpy(o->reply, reply, size < sizeof o->reply - 1 ? size : sizeof o->reply - 1);
    }
}

static void nap_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* Tasks are words: echo..., fail, crash, hang, hog, exit, long. */
static lethe_status work(void *context, void *state, const uint8_t *bytes, size_t size, lethe_buffer *reply, lethe_error *error) {
    (void)context;
    (void)state;
    char word[16] = {0};
    memcpy(word, bytes, size < 15 ? size : 15);
    if (strcmp(word, "fail") == 0) return lethe_fail(error, LETHE_MALFORMED, "tag %s at offset %d", "(0010,0010)", 132);
    if (strcmp(word, "crash") == 0) (void)raise(SIGKILL);
    if (strcmp(word, "segv") == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    }
    if (strcmp(word, "exit") == 0) _exit(7);
    if (strcmp(word, "hang") == 0)
        for (;;) nap_ms(1000);
    if (strcmp(word, "hog") == 0) {
        for (int i = 0; i < 64; i++) {
            char *memory = lethe_alloc(64u << 20);
            if (memory == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory after %d steps", i);
            memset(memory, 1, 64u << 20);
        }
    }
    if (strcmp(word, "long") == 0) {
        uint8_t *at;
        lethe_status status = lethe_buffer_extend(reply, 900000, &at, error);
        if (status == LETHE_OK) memset(at, 0x5A, 900000);
        return status;
    }
    return lethe_buffer_append(reply, bytes, size, error);
}

static lethe_worker_pool *start(const lethe_worker_options *options) {
    lethe_worker_pool *pool = NULL;
    lethe_error error = {0};
    assert_int_equal(lethe_worker_pool_start(options, work, on_done, NULL, &pool, &error), LETHE_OK);
    return pool;
}

static void submit(lethe_worker_pool *pool, uint64_t tag, const char *word) {
    lethe_error error = {0};
    assert_int_equal(lethe_worker_pool_submit(pool, tag, word, strlen(word), &error), LETHE_OK);
}

static void drain(lethe_worker_pool *pool) {
    lethe_error error = {0};
    assert_int_equal(lethe_worker_pool_drain(pool, &error), LETHE_OK);
    assert_int_equal(lethe_worker_pool_pending(pool), 0);
    lethe_worker_pool_destroy(pool);
}

static void every_task_is_answered_once(void **state) {
    (void)state;
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 3});
    assert_int_equal(lethe_worker_pool_size(pool), 3);
    char word[16];
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(word, sizeof word, "task %u", i);
        submit(pool, i, word);
    }
    drain(pool);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(word, sizeof word, "task %u", i);
        assert_true(outcomes[i].done);
        assert_int_equal(outcomes[i].fate, LETHE_TASK_REPLIED);
        assert_string_equal(outcomes[i].reply, word);
    }
}

static void long_tasks_and_long_replies_do_not_block_each_other(void **state) {
    (void)state;
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 1});
    uint8_t *bytes = malloc(1 << 20);
    assert_non_null(bytes);
    for (size_t i = 0; i < 1u << 20; i++) bytes[i] = (uint8_t)(i * 7 + 3);
    lethe_error error = {0};
    for (unsigned i = 0; i < 20; i++) assert_int_equal(lethe_worker_pool_submit(pool, i, bytes, 1 << 20, &error), LETHE_OK);
    assert_int_equal(lethe_worker_pool_submit(pool, 20, bytes, (1 << 20) + 1, &error), LETHE_LIMIT);
    drain(pool);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(outcomes[i].reply_size, 1 << 20);
        assert_int_equal(outcomes[i].reply_sum, sum_of(bytes, 1 << 20));
    }
    free(bytes);
}

static void failure_keeps_status_and_message(void **state) {
    (void)state;
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 1});
    submit(pool, 0, "fail");
    submit(pool, 1, "after");
    drain(pool);
    assert_int_equal(outcomes[0].fate, LETHE_TASK_FAILED);
    assert_int_equal(outcomes[0].error.status, LETHE_MALFORMED);
    assert_string_equal(outcomes[0].error.message, "tag (0010,0010) at offset 132");
    assert_int_equal(outcomes[1].fate, LETHE_TASK_REPLIED);
}

static void crash_costs_one_task_only(void **state) {
    (void)state;
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 2});
    static const char *const words[] = {"a", "crash", "b", "segv", "c", "exit", "crash", "crash", "d", "fail", "e"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) submit(pool, i, words[i]);
    drain(pool);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        bool dies = strcmp(words[i], "crash") == 0 || strcmp(words[i], "segv") == 0 || strcmp(words[i], "exit") == 0;
        lethe_task_fate wanted = dies ? LETHE_TASK_CRASHED : strcmp(words[i], "fail") == 0 ? LETHE_TASK_FAILED : LETHE_TASK_REPLIED;
        assert_true(outcomes[i].done);
        assert_int_equal(outcomes[i].fate, wanted);
        if (wanted == LETHE_TASK_REPLIED) assert_string_equal(outcomes[i].reply, words[i]);
    }
    assert_string_equal(outcomes[1].error.message, "worker died of signal 9");
    assert_string_equal(outcomes[5].error.message, "worker ended with code 7");
}

static void hang_is_killed_and_the_next_task_lives(void **state) {
    (void)state;
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 1, .task_seconds = 1});
    submit(pool, 0, "hang");
    submit(pool, 1, "after");
    drain(pool);
    assert_int_equal(outcomes[0].fate, LETHE_TASK_TIMED_OUT);
    assert_string_equal(outcomes[0].error.message, "worker took longer than 1 s");
    assert_int_equal(outcomes[1].fate, LETHE_TASK_REPLIED);
    assert_string_equal(outcomes[1].reply, "after");
}

static void greed_is_limited(void **state) {
    (void)state;
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    skip(); /* the sanitizer owns the address space */
#endif
#endif
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 1, .memory_bytes = 512u << 20});
    submit(pool, 0, "hog");
    submit(pool, 1, "after");
    drain(pool);
    assert_int_equal(outcomes[0].fate, LETHE_TASK_FAILED);
    assert_int_equal(outcomes[0].error.status, LETHE_NO_MEMORY);
    assert_int_equal(outcomes[1].fate, LETHE_TASK_REPLIED);
}

static lethe_status refuse(void *context, void **state, lethe_error *error) {
    (void)context;
    *state = NULL;
    return lethe_fail(error, LETHE_DATABASE, "no store");
}

static void failing_start_is_told_at_once(void **state) {
    (void)state;
    lethe_worker_pool *pool = NULL;
    lethe_error error = {0};
    lethe_worker_options options = {.workers = 2, .start = refuse};
    assert_int_equal(lethe_worker_pool_start(&options, work, on_done, NULL, &pool, &error), LETHE_DATABASE);
    assert_null(pool);
    assert_string_equal(error.message, "no store");
}

static lethe_status open_state(void *context, void **state, lethe_error *error) {
    (void)error;
    *state = context;
    return LETHE_OK;
}

static void write_mark(void *state) { (void)!write(*(int *)state, "x", 1); }

static void stop_runs_in_each_child(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 3, .start = open_state, .stop = write_mark, .context = &ends[1]});
    submit(pool, 0, "a");
    drain(pool);
    (void)close(ends[1]);
    char marks[8];
    ssize_t total = 0, got;
    while ((got = read(ends[0], marks, sizeof marks)) > 0) total += got;
    (void)close(ends[0]);
    assert_int_equal(total, 3);
}

static void poll_returns_without_work(void **state) {
    (void)state;
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 1});
    lethe_error error = {0};
    assert_int_equal(lethe_worker_pool_poll(pool, -1, &error), LETHE_OK);
    submit(pool, 0, "hang");
    assert_int_equal(lethe_worker_pool_poll(pool, 50, &error), LETHE_OK);
    assert_int_equal(lethe_worker_pool_pending(pool), 1);
    lethe_worker_pool_destroy(pool); /* kills the hanging child */
    lethe_worker_pool_destroy(NULL);
    assert_false(outcomes[0].done);
}

static void idle_child_that_was_killed_is_replaced(void **state) {
    (void)state;
    lethe_worker_pool *pool = start(&(lethe_worker_options){.workers = 1, .task_seconds = 20});
    for (unsigned i = 0; i < 50; i++) submit(pool, i, i % 5 == 0 ? "exit" : "long");
    drain(pool);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(outcomes[i].fate, i % 5 == 0 ? LETHE_TASK_CRASHED : LETHE_TASK_REPLIED);
        if (i % 5 != 0) assert_int_equal(outcomes[i].reply_size, 900000);
    }
}

/* Every allocation of the parent fails once: nothing hangs, leaks or is reported twice. */
static void survives_failing_allocations(void **state) {
    (void)state;
    for (unsigned n = 1; n < 40; n++) {
        memset(outcomes, 0, MOST_TASKS * sizeof *outcomes);
        lethe_worker_pool *pool = NULL;
        lethe_error error = {0};
        lethe_memory_fail_at(n);
        lethe_status status = lethe_worker_pool_start(&(lethe_worker_options){.workers = 1}, work, on_done, NULL, &pool, &error);
        bool asked[3] = {false};
        for (unsigned i = 0; status == LETHE_OK && i < 3; i++) {
            status = lethe_worker_pool_submit(pool, i, i == 1 ? "crash" : "a", i == 1 ? 5 : 1, &error);
            asked[i] = status == LETHE_OK;
        }
        lethe_memory_fail_at(0);
        if (status != LETHE_OK) assert_int_equal(status, LETHE_NO_MEMORY);
        lethe_error again = {0};
        if (pool != NULL) assert_int_equal(lethe_worker_pool_drain(pool, &again), LETHE_OK);
        for (unsigned i = 0; i < 3; i++) assert_true(outcomes[i].done == asked[i]);
        lethe_worker_pool_destroy(pool);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_task_is_answered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_tasks_and_long_replies_do_not_block_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failure_keeps_status_and_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(crash_costs_one_task_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hang_is_killed_and_the_next_task_lives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(greed_is_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failing_start_is_told_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stop_runs_in_each_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(poll_returns_without_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_child_that_was_killed_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(survives_failing_allocations, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
