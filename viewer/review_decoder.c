#include "viewer/review_decoder.h"

#include "core/limits.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "core/worker_pool.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { TASK_SECONDS = 120, SYSTEM_PATHS = 3, HEAD_BYTES = 1 << 16 };

/* A task: this, and the path with its end. A reply: `head`, and the pixels. */
typedef struct task_head {
    lethe_frame_kind kind;
    uint32_t frame, side;
} task_head;
typedef struct reply_head {
    uint32_t columns, rows, samples, bytes_per_sample, bits_stored, is_signed, photometric;
    int32_t process;
} reply_head;

struct lethe_review_decoder {
    const char *readable[2 + SYSTEM_PATHS + 1];
    lethe_worker_pool *pool;
    pthread_mutex_t lock;
    /* of the task at hand */
    lethe_image *out;
    int process;
    lethe_status status;
    lethe_error *error;
};

/* --- in the child --- */

static lethe_status confine(void *context, void **state, lethe_error *error) {
    const lethe_review_decoder *decoder = context;
    lethe_sandbox_options options = {.read_only = decoder->readable};
    lethe_sandbox_report report;
    lethe_status status = lethe_sandbox_enter(&options, &report, error);
    if (status == LETHE_OK && (*state = lethe_frame_reader_create()) == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    return status;
}

static lethe_status work(void *context, void *state, const uint8_t *task, size_t task_size, lethe_buffer *reply, lethe_error *error) {
    task_head head;
    lethe_image image = {0};
    (void)context;
    if (task_size <= sizeof head || task[task_size - 1] != 0) return lethe_fail(error, LETHE_INTERNAL, "a task without its end");
    memcpy(&head, task, sizeof head);
    lethe_status status = LETHE_OK;
    const char *path = (const char *)task + sizeof head;
    if (*path != '\0') status = lethe_frame_reader_get(state, head.kind, path, head.frame, head.side, &image, error);
    reply_head about = {
        image.columns,    image.rows, image.samples, image.bytes_per_sample, image.bits_stored, image.is_signed, (uint32_t)image.photometric,
        (int32_t)getpid()};
    if (status == LETHE_OK) status = lethe_buffer_append(reply, &about, sizeof about, error);
    if (status == LETHE_OK && image.pixels != NULL) status = lethe_buffer_append(reply, image.pixels, lethe_image_size_bytes(&image), error);
    lethe_image_release(&image);
    return status;
}

/* --- in the viewer --- */

/* The child has looked at whatever a file made of it: its answer is a stranger's. */
static lethe_status take_image(const uint8_t *reply, size_t size, lethe_image *out, int *process, lethe_error *error) {
    reply_head head;
    if (size < sizeof head) return lethe_fail(error, LETHE_MALFORMED, "the image cannot be read");
    memcpy(&head, reply, sizeof head);
    *process = head.process;
    if (head.columns == 0) return LETHE_OK; /* it was only asked who it is */
    bool width = head.bytes_per_sample == 1 || head.bytes_per_sample == 2 || head.bytes_per_sample == 4;
    if (!width || head.rows == 0 || head.columns > LETHE_LIMIT_PIXEL_SIDE || head.rows > LETHE_LIMIT_PIXEL_SIDE || head.samples == 0 ||
        head.samples > 4 || head.bits_stored > 8 * head.bytes_per_sample || head.photometric > LETHE_PHOTOMETRIC_UNKNOWN ||
        (uint64_t)head.columns * head.rows * head.samples * head.bytes_per_sample != size - sizeof head)
        return lethe_fail(error, LETHE_MALFORMED, "the image cannot be read");
    *out = (lethe_image){.columns = head.columns,
                         .rows = head.rows,
                         .samples = (uint16_t)head.samples,
                         .bytes_per_sample = (uint16_t)head.bytes_per_sample,
                         .bits_stored = (uint16_t)head.bits_stored,
                         .is_signed = head.is_signed != 0,
                         .photometric = (lethe_photometric)head.photometric};
    lethe_status status = lethe_image_allocate(out, error);
    if (status == LETHE_OK) memcpy(out->pixels, reply + sizeof head, size - sizeof head);
    return status;
}

static void done(void *context, uint64_t tag, lethe_task_fate fate, const uint8_t *reply, size_t size, const lethe_error *error) {
    lethe_review_decoder *decoder = context;
    (void)tag;
    if (fate == LETHE_TASK_REPLIED) decoder->status = take_image(reply, size, decoder->out, &decoder->process, decoder->error);
    else if (fate == LETHE_TASK_FAILED && error != NULL && error->status != LETHE_OK)
        decoder->status = lethe_fail(decoder->error, error->status, "%s", error->message);
    else decoder->status = lethe_fail(decoder->error, LETHE_MALFORMED, "the image cannot be read: its decoder ended");
}

lethe_status lethe_review_decoder_start(const lethe_project *project, lethe_review_decoder **out, lethe_error *error) {
    static const char *const system_paths[SYSTEM_PATHS] = {"/usr/share", "/usr/lib", "/lib"};
    *out = NULL;
    lethe_review_decoder *decoder = lethe_alloc_array(1, sizeof *decoder);
    if (decoder == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    size_t n = 0;
    decoder->readable[n++] = project->private_path;
    decoder->readable[n++] = project->released_path;
    for (size_t i = 0; i < SYSTEM_PATHS; i++)
        if (access(system_paths[i], F_OK) == 0) decoder->readable[n++] = system_paths[i];
    lethe_worker_options options = {.workers = 1,
                                    .task_seconds = TASK_SECONDS,
                                    .message_cap_bytes = (size_t)LETHE_LIMIT_FRAME_BYTES + HEAD_BYTES,
                                    .start = confine,
                                    .context = decoder};
    if (pthread_mutex_init(&decoder->lock, NULL) != 0) {
        lethe_free(decoder);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    lethe_status status = lethe_worker_pool_start(&options, work, done, decoder, &decoder->pool, error);
    if (status != LETHE_OK) lethe_review_decoder_destroy(decoder);
    else *out = decoder;
    return status;
}

void lethe_review_decoder_destroy(lethe_review_decoder *decoder) {
    if (decoder == NULL) return;
    lethe_worker_pool_destroy(decoder->pool);
    (void)pthread_mutex_destroy(&decoder->lock);
    lethe_free(decoder);
}

static lethe_status ask(void *context, lethe_frame_kind kind, const char *path, uint32_t frame, uint32_t side, lethe_image *out, lethe_error *error) {
    lethe_review_decoder *decoder = context;
    task_head head = {.kind = kind, .frame = frame, .side = side};
    lethe_buffer task;
    lethe_buffer_init(&task, HEAD_BYTES);
    *out = (lethe_image){0};
    lethe_status status = lethe_buffer_append(&task, &head, sizeof head, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&task, path, strlen(path) + 1, error);
    (void)pthread_mutex_lock(&decoder->lock);
    decoder->out = out;
    decoder->error = error;
    decoder->status = LETHE_OK;
    if (status == LETHE_OK) status = lethe_worker_pool_submit(decoder->pool, 0, task.bytes, task.size, error);
    while (status == LETHE_OK && lethe_worker_pool_pending(decoder->pool) > 0) status = lethe_worker_pool_poll(decoder->pool, -1, error);
    if (status == LETHE_OK) status = decoder->status;
    decoder->out = NULL;
    decoder->error = NULL;
    (void)pthread_mutex_unlock(&decoder->lock);
    lethe_buffer_release(&task);
    if (status != LETHE_OK) lethe_image_release(out);
    return status;
}

lethe_frame_outside lethe_review_decoder_frames(lethe_review_decoder *decoder) { return (lethe_frame_outside){.get = ask, .context = decoder}; }

int lethe_review_decoder_process(lethe_review_decoder *decoder) {
    lethe_image none = {0};
    decoder->process = 0;
    return ask(decoder, LETHE_FRAME_PIXELS, "", 0, 0, &none, NULL) == LETHE_OK ? decoder->process : 0;
}
