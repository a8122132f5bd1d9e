#include "deid/run.h"

#include "core/log.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/sandbox.h"
#include "core/text.h"
#include "core/worker_pool.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 16, TASK_BYTES = 48 << 20, BATCH_BYTES = 256 << 20, LARGE_SLIDE_BYTES = 128 << 20 };

#define TALLY_MARK (SIZE_MAX - 1)

enum { DO_WORK = 'w', DO_PROBE = 'p', DO_LEARN = 'l' };

typedef struct piece {
    char *path, *source;
    lethe_buffer others; /* what other objects told */
    char what;           /* DO_ */
    bool preset;         /* the result was known from the start */
    bool told;
    lethe_result *result; /* NULL until known; of DO_LEARN: a lethe_learned and its values */
    size_t result_size;
} piece;

typedef struct batch {
    uint64_t number;
    unsigned count, known;
    uint64_t bytes; /* of its inputs */
    piece pieces[BATCH];
    struct batch *next;
} batch;

struct lethe_crew {
    lethe_crew_options options;
    lethe_worker_pool *pool;
    batch *first, *last; /* in order of input; delivered from the front */
    batch *open;         /* being filled */
    batch *retry;        /* first batch that has pieces to hand out again, one by one */
    uint64_t next_number;
    lethe_status failed; /* of the run */
    lethe_error error;
    lethe_progress slide; /* in a child: of the slide that it works on, in MB */
};

/* --- in the child --- */

/* Large slides take long: a bar of its own, or a line every few seconds. */
static void show_slide(void *context, uint64_t done_bytes, uint64_t total_bytes) {
    enum { MB = 1000000 };
    lethe_progress *slide = &((lethe_crew *)context)->slide;
    if (total_bytes < LARGE_SLIDE_BYTES) return;
    if (slide->total != total_bytes / MB || done_bytes / MB < slide->done)
        lethe_progress_start(slide, "a large slide, MB copied and proven", total_bytes / MB, false);
    lethe_progress_update(slide, done_bytes / MB);
    if (done_bytes < total_bytes) return;
    lethe_progress_finish(slide);
    *slide = (lethe_progress){0};
}

static lethe_status worker_start(void *context, void **state, lethe_error *error) {
    lethe_crew *crew = context;
    lethe_engine *engine = NULL;
    lethe_engine_options engine_options = crew->options.engine;
    if (crew->options.show_slides) engine_options.slide_progress = show_slide, engine_options.slide_progress_context = crew;
    lethe_status status = lethe_engine_create(&engine_options, &engine, error);
    if (status != LETHE_OK) return status;
    if (crew->options.readable != NULL) {
        lethe_sandbox_options options = {.read_only = crew->options.readable, .read_write = crew->options.writable};
        lethe_sandbox_report report;
        status = lethe_sandbox_enter(&options, &report, error);
        if (status != LETHE_OK) {
            lethe_engine_destroy(engine);
            return status;
        }
    }
    *state = engine;
    return LETHE_OK;
}

static void worker_stop(void *state) { lethe_engine_destroy(state); }

static lethe_status learn_one(lethe_engine *engine, const char *path, lethe_buffer *reply, lethe_error *error) {
    size_t before = reply->size, used = 0;
    lethe_status status = lethe_buffer_append(reply, &used, sizeof used, error);
    if (status == LETHE_OK) status = lethe_engine_learn(engine, path, reply, error);
    if (status != LETHE_OK) return status;
    used = reply->size - before - sizeof used;
    memcpy(reply->bytes + before, &used, sizeof used);
    return LETHE_OK;
}

/* The end of a reply that stops early: a size that no result has, then the status and its message. */
static lethe_status tell_failure(lethe_status why, lethe_buffer *reply, lethe_error *error) {
    size_t mark = SIZE_MAX;
    lethe_error detail = {.status = why};
    if (error != NULL) detail = *error;
    if (lethe_buffer_append(reply, &mark, sizeof mark, NULL) != LETHE_OK || lethe_buffer_append(reply, &detail, sizeof detail, NULL) != LETHE_OK)
        return why;
    if (error != NULL) lethe_error_clear(error);
    return LETHE_OK;
}

/* Behind the results: a mark that no result has as its size, then what was counted on the way. */
static lethe_status tell_tally(lethe_engine *engine, lethe_buffer *reply, lethe_error *error) {
    size_t mark = TALLY_MARK, before = reply->size;
    lethe_status status = lethe_buffer_append(reply, &mark, sizeof mark, error);
    if (status == LETHE_OK) status = lethe_engine_take_tally(engine, reply, error);
    if (status == LETHE_OK && reply->size == before + sizeof mark) reply->size = before; /* nobody counts */
    return status;
}

static lethe_status worker_work(void *context, void *state, const uint8_t *task, size_t task_size, lethe_buffer *reply, lethe_error *error) {
    (void)context;
    lethe_engine *engine = state;
    lethe_status status = LETHE_OK;
    lethe_engine_start_task(engine);
    for (const char *at = (const char *)task, *end = at + task_size; at < end && status == LETHE_OK;) {
        char what = *at++;
        const char *path = at, *source = path + strlen(path) + 1;
        size_t others;
        memcpy(&others, source + strlen(source) + 1, sizeof others);
        at = source + strlen(source) + 1 + sizeof others;
        if (what == DO_LEARN) {
            status = learn_one(engine, path, reply, error);
            continue;
        }
        lethe_result result;
        status = lethe_engine_know(engine, at, others, error);
        at += others;
        if (what == DO_PROBE) lethe_engine_probe_next(engine);
        if (status == LETHE_OK) status = lethe_engine_process(engine, path, source, &result, error);
        if (status != LETHE_OK) return tell_failure(status, reply, error); /* what was released before has to become known */
        size_t used = offsetof(lethe_result, boxes) + result.box_count * sizeof result.boxes[0];
        if (status == LETHE_OK) status = lethe_buffer_append(reply, &used, sizeof used, error);
        if (status == LETHE_OK) status = lethe_buffer_append(reply, &result, used, error);
    }
    return status == LETHE_OK ? tell_tally(engine, reply, error) : status;
}

/* --- in the parent --- */

static void free_batch(batch *b) {
    for (unsigned i = 0; i < b->count; i++) {
        lethe_free(b->pieces[i].path);
        lethe_free(b->pieces[i].source);
        lethe_buffer_release(&b->pieces[i].others);
        lethe_free(b->pieces[i].result);
    }
    lethe_free(b);
}

static lethe_status tell(lethe_crew *crew, piece *p, lethe_error *error) {
    p->told = true;
    if (p->what != DO_LEARN) return crew->options.visit(crew->options.context, p->path, p->source, p->result, error);
    lethe_learned learned = {0}; /* all zero when its worker was lost */
    if (p->result_size >= sizeof learned) memcpy(&learned, p->result, sizeof learned);
    const uint8_t *values = (const uint8_t *)p->result + sizeof learned;
    size_t size = p->result_size > sizeof learned ? p->result_size - sizeof learned : 0;
    return crew->options.learn(crew->options.context, p->path, p->source, &learned, values, size, error);
}

/* Tell the visitor about batches that are complete, oldest first. */
static lethe_status deliver(lethe_crew *crew, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (crew->first != NULL && crew->first->known == crew->first->count && crew->first != crew->open && status == LETHE_OK) {
        batch *b = crew->first;
        for (unsigned i = 0; i < b->count && status == LETHE_OK; i++) status = tell(crew, &b->pieces[i], error);
        if (status != LETHE_OK) return status; /* the rest is for lethe_crew_wind_up */
        crew->first = b->next;
        if (crew->first == NULL) crew->last = NULL;
        if (crew->retry == b) crew->retry = b->next;
        free_batch(b);
    }
    return status;
}

static bool store(piece *p, const void *bytes, size_t size) {
    size_t room = size > sizeof *p->result ? size : sizeof *p->result;
    p->result = lethe_alloc_array(1, room);
    p->result_size = size;
    if (p->result != NULL) memcpy(p->result, bytes, size);
    return p->result != NULL;
}

/* Of what a worker says its parent believes only what makes sense. */
static bool store_result(piece *p, const uint8_t *bytes, size_t size) {
    if (p->what == DO_LEARN) return store(p, bytes, size);
    lethe_result *taken = lethe_alloc_array(1, sizeof *taken);
    if (taken != NULL && !lethe_result_take(bytes, size, taken))
        (void)snprintf(taken->reason, sizeof taken->reason, "the worker's answer makes no sense");
    p->result = taken;
    p->result_size = sizeof *taken;
    return taken != NULL;
}

static batch *find(lethe_crew *crew, uint64_t number) {
    batch *b = crew->first;
    while (b != NULL && b->number != number) b = b->next;
    return b;
}

static void take_tally(lethe_crew *crew, const uint8_t *bytes, size_t size) {
    size_t mark;
    if (crew->options.tally == NULL || crew->failed != LETHE_OK || size <= sizeof mark) return;
    memcpy(&mark, bytes, sizeof mark);
    if (mark == TALLY_MARK) crew->failed = crew->options.tally(crew->options.context, bytes + sizeof mark, size - sizeof mark, &crew->error);
}

static void take_reply(lethe_crew *crew, batch *b, unsigned from, unsigned to, const uint8_t *reply, size_t size) {
    const uint8_t *end = reply + size;
    for (unsigned i = from; i < to; i++) {
        size_t used;
        if (b->pieces[i].preset) continue;
        if ((size_t)(end - reply) < sizeof used) return;
        memcpy(&used, reply, sizeof used);
        reply += sizeof used;
        lethe_error detail;
        if (used == SIZE_MAX && (size_t)(end - reply) >= sizeof detail) {
            memcpy(&detail, reply, sizeof detail);
            detail.message[sizeof detail.message - 1] = '\0';
            if (crew->failed == LETHE_OK) {
                crew->failed = detail.status == LETHE_OK ? LETHE_INTERNAL : detail.status;
                (void)lethe_fail(&crew->error, crew->failed, "%s", detail.message);
            }
            return;
        }
        if ((size_t)(end - reply) < used) return;
        if (b->pieces[i].result == NULL) {
            if (!store_result(&b->pieces[i], reply, used)) crew->failed = LETHE_NO_MEMORY;
            else b->known++;
        }
        reply += used;
    }
    take_tally(crew, reply, (size_t)(end - reply));
}

static void lose(lethe_crew *crew, batch *b, unsigned index, lethe_task_fate fate) {
    lethe_result lost = {.outcome = LETHE_OUTCOME_QUARANTINED};
    (void)snprintf(lost.reason, sizeof lost.reason, "%s",
                   fate == LETHE_TASK_TIMED_OUT ? "the worker ran out of time on this input" : "the worker crashed on this input");
    if (!store(&b->pieces[index], &lost, b->pieces[index].what == DO_LEARN ? 0 : sizeof lost)) crew->failed = LETHE_NO_MEMORY;
    else b->known++;
}

/* tag = number * 32 for a whole batch, + 1 + index for one piece. */
static void done(void *context, uint64_t tag, lethe_task_fate fate, const uint8_t *reply, size_t size, const lethe_error *error) {
    lethe_crew *crew = context;
    batch *b = find(crew, tag / 32);
    unsigned index = (unsigned)(tag % 32);
    if (b == NULL) return;
    if (fate == LETHE_TASK_REPLIED) {
        take_reply(crew, b, index == 0 ? 0 : index - 1, index == 0 ? b->count : index, reply, size);
    } else if (fate == LETHE_TASK_FAILED) {
        crew->failed = error == NULL || error->status == LETHE_OK ? LETHE_INTERNAL : error->status;
        (void)lethe_fail(&crew->error, crew->failed, "%s", error == NULL ? "a worker failed" : error->message);
    } else if (index != 0 || b->count == 1) {
        lose(crew, b, index == 0 ? 0 : index - 1, fate);
    } else if (crew->retry == NULL || crew->retry->number > b->number) {
        crew->retry = b; /* one of its inputs is at fault: find out which, one by one */
    }
}

static lethe_status submit(lethe_crew *crew, batch *b, unsigned from, unsigned to, uint64_t tag, lethe_error *error) {
    lethe_buffer task;
    lethe_buffer_init(&task, TASK_BYTES);
    lethe_status status = LETHE_OK;
    for (unsigned i = from; i < to && status == LETHE_OK; i++) {
        const piece *p = &b->pieces[i];
        if (p->preset) continue;
        status = lethe_buffer_append(&task, &p->what, 1, error);
        if (status == LETHE_OK) status = lethe_buffer_append(&task, p->path, strlen(p->path) + 1, error);
        if (status == LETHE_OK) status = lethe_buffer_append(&task, p->source, strlen(p->source) + 1, error);
        if (status == LETHE_OK) status = lethe_buffer_append(&task, &p->others.size, sizeof p->others.size, error);
        if (status == LETHE_OK) status = lethe_buffer_append(&task, p->others.bytes, p->others.size, error);
    }
    if (status == LETHE_OK) status = lethe_worker_pool_submit(crew->pool, tag, task.bytes, task.size, error);
    lethe_buffer_release(&task);
    return status;
}

static lethe_status check(lethe_crew *crew, lethe_error *error) {
    return crew->failed == LETHE_OK ? LETHE_OK
                                    : lethe_fail(error, crew->failed, "%s", crew->error.message[0] != '\0' ? crew->error.message : "a worker failed");
}

/* Batches that lost their worker: each of their inputs by itself. */
static lethe_status run_retries(lethe_crew *crew, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (crew->retry != NULL && status == LETHE_OK) {
        batch *b = crew->retry;
        crew->retry = NULL;
        /* Nothing else may be under way for this batch: its own task has ended. */
        for (unsigned i = 0; i < b->count && status == LETHE_OK; i++)
            if (b->pieces[i].result == NULL) status = submit(crew, b, i, i + 1, b->number * 32 + 1 + i, error);
        while (status == LETHE_OK && b->known < b->count && crew->failed == LETHE_OK) status = lethe_worker_pool_poll(crew->pool, -1, error);
        for (batch *other = b->next; other != NULL && crew->retry == NULL; other = other->next)
            if (other != crew->open && other->known == 0 && lethe_worker_pool_pending(crew->pool) == 0) crew->retry = other;
        if (status == LETHE_OK) status = check(crew, error);
    }
    return status;
}

static lethe_status send_open(lethe_crew *crew, lethe_error *error) {
    batch *b = crew->open;
    if (b == NULL) return LETHE_OK;
    crew->open = NULL;
    lethe_status status = b->known == b->count ? LETHE_OK : submit(crew, b, 0, b->count, b->number * 32, error);
    if (status == LETHE_OK) status = lethe_worker_pool_poll(crew->pool, 0, error);
    if (status == LETHE_OK) status = check(crew, error);
    if (status == LETHE_OK) status = run_retries(crew, error);
    return status == LETHE_OK ? deliver(crew, error) : status;
}

lethe_status lethe_crew_start(const lethe_crew_options *options, lethe_crew **out, lethe_error *error) {
    *out = NULL;
    lethe_crew *crew = lethe_alloc_array(1, sizeof *crew);
    if (crew == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for workers");
    crew->options = *options;
    crew->next_number = 1;
    if (options->readable != NULL && !lethe_sandbox_has_landlock())
        lethe_log(LETHE_LOG_WARNING, "sandbox_weak", "landlock=no effect=workers_can_read_what_their_user_can");
    lethe_worker_options pool = {.workers = options->workers,
                                 .message_cap_bytes = TASK_BYTES + (4u << 20),
                                 .start = worker_start,
                                 .stop = worker_stop,
                                 .context = crew,
                                 .task_seconds = 1800};
    lethe_status status = lethe_worker_pool_start(&pool, worker_work, done, crew, &crew->pool, error);
    if (status != LETHE_OK) lethe_free(crew);
    else *out = crew;
    return status;
}

/* How much work an input is. The pictures of an MRXS slide lie beside the file that stands for it. */
static uint64_t weight_of(const char *path) {
    struct stat info;
    if (lethe_text_ends(path, ".mrxs")) return BATCH_BYTES;
    return stat(path, &info) == 0 && info.st_size > 0 ? (uint64_t)info.st_size : 0;
}

static lethe_status add(lethe_crew *crew, const char *path, const char *source, piece like, const void *others, size_t size, lethe_error *error) {
    if (crew->open == NULL) {
        batch *fresh = lethe_alloc_array(1, sizeof *fresh);
        if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a batch");
        fresh->number = crew->next_number++;
        if (crew->last != NULL) crew->last->next = fresh;
        else crew->first = fresh;
        crew->last = crew->open = fresh;
    }
    piece *p = &crew->open->pieces[crew->open->count++];
    *p = like;
    lethe_buffer_init(&p->others, size);
    p->path = lethe_strdup(path);
    p->source = lethe_strdup(source);
    if (p->result != NULL) crew->open->known++;
    if (size != 0) {
        lethe_status status = lethe_buffer_append(&p->others, others, size, error);
        if (status != LETHE_OK) return status;
    }
    if (p->path == NULL || p->source == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a batch");
    if (like.what != DO_LEARN && like.result == NULL) crew->open->bytes += weight_of(path);
    /* Large inputs go one by one, so that no worker gets many of them while another has none. */
    return crew->open->count == BATCH || crew->open->bytes >= BATCH_BYTES ? send_open(crew, error) : LETHE_OK;
}

lethe_status lethe_crew_add(lethe_crew *crew, const char *path, const char *source, lethe_error *error) {
    return add(crew, path, source, (piece){.what = DO_WORK}, NULL, 0, error);
}

lethe_status lethe_crew_add_knowing(lethe_crew *crew, const char *path, const char *source, const void *values, size_t size, bool probe,
                                    lethe_error *error) {
    return add(crew, path, source, (piece){.what = probe ? DO_PROBE : DO_WORK}, values, size, error);
}

lethe_status lethe_crew_add_result(lethe_crew *crew, const char *path, const char *source, const lethe_result *result, lethe_error *error) {
    piece p = {.what = DO_WORK, .preset = true};
    if (!store(&p, result, sizeof *result)) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a result");
    return add(crew, path, source, p, NULL, 0, error);
}

lethe_status lethe_crew_learn(lethe_crew *crew, const char *path, const char *source, lethe_error *error) {
    return add(crew, path, source, (piece){.what = DO_LEARN}, NULL, 0, error);
}

lethe_status lethe_crew_wind_up(lethe_crew *crew, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK && lethe_worker_pool_pending(crew->pool) != 0) status = lethe_worker_pool_poll(crew->pool, -1, error);
    for (; crew->first != NULL;) {
        batch *b = crew->first;
        for (unsigned i = 0; i < b->count; i++) {
            if (b->pieces[i].result == NULL || b->pieces[i].what != DO_WORK || b->pieces[i].told) continue;
            lethe_status told = tell(crew, &b->pieces[i], error);
            if (status == LETHE_OK) status = told;
        }
        crew->first = b->next;
        free_batch(b);
    }
    crew->last = crew->open = crew->retry = NULL;
    return status;
}

lethe_status lethe_crew_flush(lethe_crew *crew, lethe_error *error) {
    lethe_status status = send_open(crew, error);
    while (status == LETHE_OK && crew->first != NULL) {
        if (lethe_worker_pool_pending(crew->pool) != 0) status = lethe_worker_pool_poll(crew->pool, -1, error);
        if (status == LETHE_OK) status = check(crew, error);
        if (status == LETHE_OK) status = run_retries(crew, error);
        if (status == LETHE_OK) status = deliver(crew, error);
        if (status == LETHE_OK && crew->first != NULL && crew->retry == NULL && lethe_worker_pool_pending(crew->pool) == 0) {
            if (crew->first->known == crew->first->count) continue;
            crew->retry = crew->first; /* its worker is gone and nobody told: ask again, one by one */
        }
    }
    return status;
}

void lethe_crew_destroy(lethe_crew *crew) {
    if (crew == NULL) return;
    lethe_worker_pool_destroy(crew->pool);
    while (crew->first != NULL) {
        batch *next = crew->first->next;
        free_batch(crew->first);
        crew->first = next;
    }
    lethe_free(crew);
}
