/* The scheduler: priorities, dropping of stale work, bounded cache, forgetting, failure. */
#include "viewer/tile_scheduler.h"

#include "core/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct log {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open; /* decoders wait until it is */
    int64_t order[256];
    unsigned count;
} log_t_;

static lethe_status read_one(void *context, unsigned thread, const lethe_tile_key *key, lethe_image *out, lethe_error *error) {
    (void)thread;
    log_t_ *log = context;
    (void)pthread_mutex_lock(&log->lock);
    while (!log->open) (void)pthread_cond_wait(&log->opened, &log->lock);
    log->order[log->count++ % 256] = key->column;
    (void)pthread_mutex_unlock(&log->lock);
    if (key->level == 9) return lethe_fail(error, LETHE_MALFORMED, "broken tile");
    *out = (lethe_image){.columns = 16, .rows = 16, .samples = 4, .bytes_per_sample = 1, .bits_stored = 8};
    return lethe_image_allocate(out, error);
}

static void open_gate(log_t_ *log) {
    (void)pthread_mutex_lock(&log->lock);
    log->open = true;
    (void)pthread_cond_broadcast(&log->opened);
    (void)pthread_mutex_unlock(&log->lock);
}

static lethe_tiles *make(log_t_ *log, unsigned threads, size_t cache_bytes) {
    *log = (log_t_){.open = false};
    (void)pthread_mutex_init(&log->lock, NULL);
    (void)pthread_cond_init(&log->opened, NULL);
    lethe_tiles_options options = {.threads = threads, .cache_bytes = cache_bytes, .read = read_one, .context = log};
    lethe_tiles *tiles;
    assert_int_equal(lethe_tiles_create(&options, &tiles, NULL), LETHE_OK);
    return tiles;
}

static void wait_idle(lethe_tiles *tiles) {
    for (int i = 0; i < 2000 && !lethe_tiles_idle(tiles); i++) (void)usleep(1000);
    assert_true(lethe_tiles_idle(tiles));
}

static lethe_tile_key key(int64_t column) { return (lethe_tile_key){.source = 1, .column = column}; }

static void nearest_first(void **state) {
    (void)state;
    log_t_ log;
    lethe_tiles *tiles = make(&log, 1, 1 << 20);
    lethe_tiles_begin(tiles);
    lethe_tile_key k = key(99);
    assert_null(lethe_tiles_want(tiles, &k, -1, NULL)); /* taken at once by the only thread */
    lethe_tiles_commit(tiles);
    for (int i = 0; i < 500; i++) {
        lethe_tiles_counts c;
        lethe_tiles_count(tiles, &c);
        (void)usleep(1000);
        if (c.waiting == 1 && i > 20) break;
    }
    lethe_tiles_begin(tiles);
    const double priorities[5] = {5, 1, 4, 2, 3};
    for (int i = 0; i < 5; i++) {
        k = key(i);
        assert_null(lethe_tiles_want(tiles, &k, priorities[i], NULL));
    }
    lethe_tiles_commit(tiles);
    open_gate(&log);
    wait_idle(tiles);
    const int64_t expected[6] = {99, 1, 3, 4, 2, 0};
    assert_memory_equal(log.order, expected, sizeof expected);
    lethe_tiles_destroy(tiles);
}

static void stale_work_is_dropped(void **state) {
    (void)state;
    log_t_ log;
    lethe_tiles *tiles = make(&log, 1, 1 << 20);
    lethe_tiles_begin(tiles);
    for (int i = 0; i < 50; i++) {
        lethe_tile_key k = key(i);
        (void)lethe_tiles_want(tiles, &k, i, NULL);
    }
    lethe_tiles_commit(tiles);
    (void)usleep(20000);
    lethe_tiles_begin(tiles); /* the view has moved on */
    for (int i = 100; i < 103; i++) {
        lethe_tile_key k = key(i);
        (void)lethe_tiles_want(tiles, &k, i, NULL);
    }
    lethe_tiles_commit(tiles);
    open_gate(&log);
    wait_idle(tiles);
    lethe_tiles_counts c;
    lethe_tiles_count(tiles, &c);
    assert_true(c.dropped >= 49 && c.decoded <= 4);
    lethe_tile_key k = key(101);
    assert_non_null(lethe_tiles_peek(tiles, &k));
    lethe_tiles_destroy(tiles);
}

static void the_cache_is_bounded(void **state) {
    (void)state;
    log_t_ log;
    size_t each = 16 * 16 * 4;
    lethe_tiles *tiles = make(&log, 2, each * 10);
    open_gate(&log);
    for (int round = 0; round < 30; round++) {
        lethe_tiles_begin(tiles);
        for (int i = 0; i < 5; i++) {
            lethe_tile_key k = key(round * 5 + i);
            (void)lethe_tiles_want(tiles, &k, i, NULL);
        }
        lethe_tiles_commit(tiles);
        wait_idle(tiles);
    }
    lethe_tiles_begin(tiles);
    lethe_tiles_begin(tiles);
    lethe_tiles_begin(tiles);
    lethe_tiles_counts c;
    lethe_tiles_count(tiles, &c);
    assert_true(c.cache_bytes <= each * 10);
    assert_true(c.evicted >= 130);
    lethe_tile_key k = key(149), old = key(0);
    assert_non_null(lethe_tiles_peek(tiles, &k));
    assert_null(lethe_tiles_peek(tiles, &old));
    lethe_tiles_destroy(tiles);
}

static void a_source_is_forgotten(void **state) {
    (void)state;
    log_t_ log;
    lethe_tiles *tiles = make(&log, 2, 1 << 20);
    open_gate(&log);
    lethe_tiles_begin(tiles);
    for (int i = 0; i < 40; i++) {
        lethe_tile_key a = {.source = 1, .column = i}, b = {.source = 2, .column = i};
        (void)lethe_tiles_want(tiles, &a, i, NULL);
        (void)lethe_tiles_want(tiles, &b, i, NULL);
    }
    lethe_tiles_commit(tiles);
    lethe_tiles_forget(tiles, 1); /* while they are being decoded */
    wait_idle(tiles);
    for (int i = 0; i < 40; i++) {
        lethe_tile_key a = {.source = 1, .column = i}, b = {.source = 2, .column = i};
        assert_null(lethe_tiles_peek(tiles, &a));
        assert_non_null(lethe_tiles_peek(tiles, &b));
    }
    lethe_tiles_destroy(tiles);
}

static void failures_are_said_once(void **state) {
    (void)state;
    log_t_ log;
    lethe_tiles *tiles = make(&log, 1, 1 << 20);
    open_gate(&log);
    lethe_tile_key k = {.source = 1, .level = 9};
    bool failed = true;
    lethe_tiles_begin(tiles);
    assert_null(lethe_tiles_want(tiles, &k, 0, &failed));
    assert_false(failed);
    lethe_tiles_commit(tiles);
    wait_idle(tiles);
    lethe_tiles_begin(tiles);
    assert_null(lethe_tiles_want(tiles, &k, 0, &failed));
    assert_true(failed);
    lethe_tiles_commit(tiles);
    lethe_error error = {0};
    lethe_tiles_error(tiles, &error);
    assert_string_equal(error.message, "broken tile");
    lethe_tiles_counts c;
    lethe_tiles_count(tiles, &c);
    assert_int_equal(c.failed, 1); /* not tried again and again */
    lethe_tiles_destroy(tiles);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nearest_first), cmocka_unit_test(stale_work_is_dropped),
                                       cmocka_unit_test(the_cache_is_bounded), cmocka_unit_test(a_source_is_forgotten),
                                       cmocka_unit_test(failures_are_said_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
