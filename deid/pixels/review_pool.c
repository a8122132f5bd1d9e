#include "deid/pixels/review_pool.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "core/worker_pool.h"
#include "deid/pixels/review_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REPLY_CAP = 32 << 20, NAME_BYTES = 128, SYSTEM_PATHS = 5, MOST_PATHS = 16 };

/* A task: this head, `box_count` boxes, the path with its end. */
typedef enum kind { ASK_FITS, ASK_FORMAT, ASK_PICTURE } kind;
typedef struct head {
    kind kind;
    unsigned frame, side, box_count, remove_count;
    bool filled, plain, jpeg;
    lethe_pixel_rule_scope scope;
    char name[NAME_BYTES];
} head;

struct lethe_review_pool {
    lethe_review_pool_options options;
    const char *readable[MOST_PATHS + SYSTEM_PATHS + 1];
    lethe_worker_pool *pool;
    lethe_review_fits_fn told;
    void *context;
    lethe_buffer *reply; /* of a task that is waited for */
    lethe_status status;
    lethe_error error;
};

/* --- in the child --- */

static lethe_status confine(void *context, void **state, lethe_error *error) {
    const lethe_review_pool *pool = context;
    lethe_sandbox_options options = {.read_only = pool->readable};
    lethe_sandbox_report report;
    *state = NULL;
    return lethe_sandbox_enter(&options, &report, error);
}

static lethe_status with_dataset(const lethe_review_pool *pool, const head *h, const lethe_pixel_box *boxes, const char *path, lethe_buffer *reply,
                                 lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory to read an image") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (h->kind == ASK_FITS) {
        bool readable = status == LETHE_OK;
        status = LETHE_OK;
        for (unsigned i = 0; i < pool->options.rule_count && status == LETHE_OK; i++) {
            uint8_t fits = readable && lethe_pixel_rule_fits(pool->options.rules[i], dataset);
            status = lethe_buffer_append(reply, &fits, 1, error);
        }
    } else if (status == LETHE_OK) {
        lethe_pixel_rule_draft draft = {.name = h->name,
                                        .scope = h->scope,
                                        .dataset = dataset,
                                        .remove = boxes,
                                        .remove_count = h->remove_count,
                                        .keep = boxes == NULL ? NULL : boxes + h->remove_count,
                                        .keep_count = h->box_count - h->remove_count};
        status = lethe_pixel_rule_format(&draft, reply, error);
    }
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    return status;
}

static lethe_status work(void *context, void *state, const uint8_t *task, size_t task_size, lethe_buffer *reply, lethe_error *error) {
    const lethe_review_pool *pool = context;
    head h;
    lethe_pixel_box *boxes = NULL;
    (void)state;
    if (task_size <= sizeof h) return lethe_fail(error, LETHE_INTERNAL, "a task without its head");
    memcpy(&h, task, sizeof h);
    size_t box_bytes = h.box_count * sizeof *boxes;
    if (task_size <= sizeof h + box_bytes || task[task_size - 1] != 0) return lethe_fail(error, LETHE_INTERNAL, "a task without its end");
    if (h.box_count > 0) {
        boxes = lethe_alloc_array(h.box_count, sizeof *boxes);
        if (boxes == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for boxes");
        memcpy(boxes, task + sizeof h, box_bytes);
    }
    const char *path = (const char *)task + sizeof h + box_bytes;
    lethe_review_look look = {
        .frame = h.frame, .side = h.side, .boxes = boxes, .box_count = h.box_count, .filled = h.filled, .plain = h.plain, .jpeg = h.jpeg};
    lethe_status status = h.kind == ASK_PICTURE ? lethe_review_picture(path, &look, reply, error) : with_dataset(pool, &h, boxes, path, reply, error);
    lethe_free(boxes);
    return status;
}

/* --- in the parent --- */

static void done(void *context, uint64_t tag, lethe_task_fate fate, const uint8_t *reply, size_t size, const lethe_error *error) {
    lethe_review_pool *pool = context;
    lethe_status status = LETHE_OK;
    if (pool->reply != NULL) {
        if (fate == LETHE_TASK_REPLIED) status = lethe_buffer_append(pool->reply, reply, size, &pool->error);
        else
            status =
                lethe_fail(&pool->error, fate == LETHE_TASK_FAILED && error != NULL && error->status != LETHE_OK ? error->status : LETHE_MALFORMED,
                           "%s", fate == LETHE_TASK_FAILED && error != NULL ? error->message : "the image cannot be read");
    } else if (pool->told != NULL) {
        bool good = fate == LETHE_TASK_REPLIED && size == pool->options.rule_count;
        status = pool->told(pool->context, tag, reply, good ? (unsigned)size : 0, &pool->error);
    }
    if (pool->status == LETHE_OK) pool->status = status;
}

lethe_status lethe_review_pool_start(const lethe_review_pool_options *options, lethe_review_pool **out, lethe_error *error) {
    static const char *const system_paths[SYSTEM_PATHS] = {"/usr/share", "/usr/lib", "/lib", "/etc/ssl", "/proc/self"};
    *out = NULL;
    lethe_review_pool *pool = lethe_alloc_array(1, sizeof *pool);
    if (pool == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for workers");
    pool->options = *options;
    size_t n = 0;
    for (size_t i = 0; options->readable[i] != NULL && n < MOST_PATHS; i++) pool->readable[n++] = options->readable[i];
    for (size_t i = 0; i < SYSTEM_PATHS; i++)
        if (access(system_paths[i], F_OK) == 0) pool->readable[n++] = system_paths[i];
    lethe_worker_options workers = {
        .workers = options->workers, .message_cap_bytes = REPLY_CAP, .start = confine, .context = pool, .task_seconds = 300};
    lethe_status status = lethe_worker_pool_start(&workers, work, done, pool, &pool->pool, error);
    if (status != LETHE_OK) lethe_free(pool);
    else *out = pool;
    return status;
}

void lethe_review_pool_destroy(lethe_review_pool *pool) {
    if (pool == NULL) return;
    lethe_worker_pool_destroy(pool->pool);
    lethe_free(pool);
}

static lethe_status submit(lethe_review_pool *pool, uint64_t tag, const head *h, const lethe_pixel_box *first, size_t first_count,
                           const lethe_pixel_box *second, size_t second_count, const char *path, lethe_error *error) {
    lethe_buffer task;
    lethe_buffer_init(&task, REPLY_CAP);
    lethe_status status = lethe_buffer_append(&task, h, sizeof *h, error);
    if (status == LETHE_OK && first_count > 0) status = lethe_buffer_append(&task, first, first_count * sizeof *first, error);
    if (status == LETHE_OK && second_count > 0) status = lethe_buffer_append(&task, second, second_count * sizeof *second, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&task, path, strlen(path) + 1, error);
    if (status == LETHE_OK) status = lethe_worker_pool_submit(pool->pool, tag, task.bytes, task.size, error);
    lethe_buffer_release(&task);
    return status;
}

static lethe_status failed(lethe_review_pool *pool, lethe_error *error) {
    lethe_status status = pool->status;
    pool->status = LETHE_OK;
    if (status != LETHE_OK) status = lethe_fail(error, status, "%s", pool->error.message);
    pool->error = (lethe_error){0};
    return status;
}

lethe_status lethe_review_pool_fits(lethe_review_pool *pool, uint64_t tag, const char *path, lethe_review_fits_fn told, void *context,
                                    lethe_error *error) {
    head h = {.kind = ASK_FITS};
    pool->told = told;
    pool->context = context;
    lethe_status status = submit(pool, tag, &h, NULL, 0, NULL, 0, path, error);
    return status == LETHE_OK ? failed(pool, error) : status;
}

lethe_status lethe_review_pool_drain(lethe_review_pool *pool, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK && lethe_worker_pool_pending(pool->pool) > 0) status = lethe_worker_pool_poll(pool->pool, -1, error);
    return status == LETHE_OK ? failed(pool, error) : status;
}

static lethe_status wait_for(lethe_review_pool *pool, const head *h, const lethe_pixel_box *first, size_t first_count, const lethe_pixel_box *second,
                             size_t second_count, const char *path, lethe_buffer *reply, lethe_error *error) {
    pool->reply = reply;
    lethe_status status = submit(pool, 0, h, first, first_count, second, second_count, path, error);
    if (status == LETHE_OK) status = lethe_review_pool_drain(pool, error);
    pool->reply = NULL;
    return status;
}

lethe_status lethe_review_pool_format(lethe_review_pool *pool, const char *path, const lethe_pixel_rule_draft *draft, lethe_buffer *out,
                                      lethe_error *error) {
    head h = {.kind = ASK_FORMAT, .scope = draft->scope, .box_count = draft->remove_count + draft->keep_count, .remove_count = draft->remove_count};
    (void)snprintf(h.name, sizeof h.name, "%s", draft->name);
    return wait_for(pool, &h, draft->remove, draft->remove_count, draft->keep, draft->keep_count, path, out, error);
}

lethe_status lethe_review_pool_picture(lethe_review_pool *pool, const char *path, const lethe_review_look *look, lethe_buffer *picture,
                                       lethe_error *error) {
    head h = {.kind = ASK_PICTURE,
              .frame = look->frame,
              .side = look->side,
              .box_count = look->box_count,
              .filled = look->filled,
              .plain = look->plain,
              .jpeg = look->jpeg};
    return wait_for(pool, &h, look->boxes, look->box_count, NULL, 0, path, picture, error);
}
