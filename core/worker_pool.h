/* A pool of worker processes that survives a crashing, hanging or greedy worker.
 *
 * The parent hands tasks (byte strings) to forked children over socket pairs and gets one reply per task. A child that dies, exceeds its time or
 * its memory is reaped, its task is reported as failed with the reason, and a new child takes its place. Layer: core. Thread rule: the parent must be
 * single-threaded when the pool starts; one thread at a time afterwards. */
#ifndef LETHE_CORE_WORKER_POOL_H
#define LETHE_CORE_WORKER_POOL_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_worker_options {
    unsigned workers;         /* 0 = one per online processor */
    unsigned task_seconds;    /* wall-clock limit per task; 0 = 600 */
    uint64_t memory_bytes;    /* RLIMIT_AS of each child; 0 = no limit */
    size_t message_cap_bytes; /* longest task or reply; 0 = 1 MiB */
    /* In the child, before its first task: open databases, confine yourself (core/sandbox.h), return the state for `work`. NULL is fine. */
    lethe_status (*start)(void *context, void **state, lethe_error *error);
    void (*stop)(void *state);
    void *context; /* borrowed; given to start and work */
} lethe_worker_options;

/* In the child: do one task, append the reply. A failing status is passed to the parent with its message. */
typedef lethe_status (*lethe_work_fn)(void *context, void *state, const uint8_t *task, size_t task_size, lethe_buffer *reply, lethe_error *error);

typedef enum lethe_task_fate { LETHE_TASK_REPLIED, LETHE_TASK_FAILED, LETHE_TASK_CRASHED, LETHE_TASK_TIMED_OUT } lethe_task_fate;

/* In the parent: one task has ended. `tag` is what lethe_worker_pool_submit was given. `error` holds the child's failure or the reason of the crash.
 */
typedef void (*lethe_task_done_fn)(void *context, uint64_t tag, lethe_task_fate fate, const uint8_t *reply, size_t reply_size,
                                   const lethe_error *error);

typedef struct lethe_worker_pool lethe_worker_pool;

LETHE_NODISCARD lethe_status lethe_worker_pool_start(const lethe_worker_options *options, lethe_work_fn work, lethe_task_done_fn done,
                                                     void *done_context, lethe_worker_pool **out, lethe_error *error);
unsigned lethe_worker_pool_size(const lethe_worker_pool *pool);
/* Hand out a task; blocks (delivering finished ones through `done`) while every worker has two tasks in hand. */
LETHE_NODISCARD lethe_status lethe_worker_pool_submit(lethe_worker_pool *pool, uint64_t tag, const void *task, size_t size, lethe_error *error);
/* Deliver what finished within `timeout_ms` (-1 = wait for at least one); returns at once when nothing is under way. */
LETHE_NODISCARD lethe_status lethe_worker_pool_poll(lethe_worker_pool *pool, int timeout_ms, lethe_error *error);
unsigned lethe_worker_pool_pending(const lethe_worker_pool *pool);
/* Deliver all, then end the children. */
LETHE_NODISCARD lethe_status lethe_worker_pool_drain(lethe_worker_pool *pool, lethe_error *error);
void lethe_worker_pool_destroy(lethe_worker_pool *pool); /* kills what still runs */

#endif
