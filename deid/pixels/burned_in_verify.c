/* What was written, checked against what was meant: outside the boxes nothing changed, inside nothing is left. */
#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/burned_in.h"
#include "deid/pixels/burned_in_search.h"
#include "deid/pixels/redact_internal.h"
#include "deid/pixels/redact_raw.h"
#include "imaging/dicom/jpeg_patch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Bytes that went from file to file in the kernel are compared at both ends of each range, where an offset that is wrong would show; all of them in
 * small objects. */
enum { CHUNK_BYTES = 256 << 10, ENDS_BYTES = 512, COMPARE_ALL_BYTES = 1 << 20 };

void lethe_burned_in_files(lethe_burned_in *engine, int before_fd, int after_fd) {
    engine->before_fd = before_fd;
    engine->after_fd = after_fd;
}

static lethe_status compare_frame(const lethe_pixel_decision *decision, uint32_t frame, const lethe_image *before, const lethe_image *after,
                                  uint8_t *mask, lethe_error *error) {
    size_t size = (size_t)before->samples * before->bytes_per_sample, count = (size_t)before->columns * before->rows;
    if (before->columns != after->columns || before->rows != after->rows || before->samples != after->samples ||
        before->bytes_per_sample != after->bytes_per_sample)
        return lethe_fail(error, LETHE_INTERNAL, "frame %u changed its form by redaction", frame);
    (void)lethe_redact_mask(decision, frame, before->columns, before->rows, mask);
    for (size_t at = 0; at < count;) { /* from box to box */
        const uint8_t *box = memchr(mask + at, 1, count - at);
        size_t end = box == NULL ? count : (size_t)(box - mask);
        if (memcmp(before->pixels + at * size, after->pixels + at * size, (end - at) * size) != 0)
            return lethe_fail(error, LETHE_INTERNAL, "frame %u: pixels outside every box changed", frame);
        if (box == NULL) break;
        const uint8_t *next = memchr(box, 0, count - end);
        at = next == NULL ? count : (size_t)(next - mask);
    }
    return LETHE_OK;
}

/* --- raw pixel data that was painted over --- */

/* One side of the comparison: a value in a file, or in memory. */
typedef struct side {
    const uint8_t *value;
    int fd;
    uint64_t offset; /* of the value in the file */
    uint8_t *chunk;  /* CHUNK_BYTES, owned */
} side;

static side side_of(const lethe_dicom_dataset *dataset, const lethe_dicom_element *element, int fd) {
    bool in_file = !dataset->deflated && fd >= 0;
    return (side){
        .value = element->value, .fd = in_file ? fd : -1, .offset = element->offset + element->header_bytes, .chunk = lethe_alloc(CHUNK_BYTES)};
}

/* Through the descriptor where there is one: the pages of a mapping would stay resident. */
static lethe_status load(const side *s, uint64_t offset, size_t size, lethe_error *error) {
    if (s->fd < 0) {
        memcpy(s->chunk, s->value + offset, size);
        return LETHE_OK;
    }
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(s->fd, s->chunk + done, size - done, (off_t)(s->offset + offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return lethe_fail(error, LETHE_IO, "cannot read pixel data to compare it");
        done += (size_t)got;
    }
    return LETHE_OK;
}

/* `painter` NULL: both sides are equal. */
static lethe_status compare_range(const side *before, const side *after, uint64_t offset, uint64_t size, const lethe_edit_painter *painter,
                                  bool whole, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (size != 0 && status == LETHE_OK) {
        size_t part = size < CHUNK_BYTES ? (size_t)size : CHUNK_BYTES;
        status = load(after, offset, part, error);
        if (status == LETHE_OK && !whole) status = load(before, offset, part, error);
        if (status == LETHE_OK && painter != NULL) painter->paint(painter->context, offset, before->chunk, part);
        if (status == LETHE_OK && memcmp(before->chunk, after->chunk, part) != 0)
            status = lethe_fail(error, LETHE_INTERNAL, "pixel data is not as it was to be after redaction, near byte %llu of it",
                                (unsigned long long)offset);
        offset += part;
        size -= part;
    }
    return status;
}

static lethe_status compare_kept(const side *before, const side *after, uint64_t offset, uint64_t size, bool all, lethe_error *error) {
    if (all || size <= 2 * ENDS_BYTES) return compare_range(before, after, offset, size, NULL, false, error);
    lethe_status status = compare_range(before, after, offset, ENDS_BYTES, NULL, false, error);
    return status == LETHE_OK ? compare_range(before, after, offset + size - ENDS_BYTES, ENDS_BYTES, NULL, false, error) : status;
}

static lethe_status verify_painted(lethe_pixel_search *s, lethe_pixels *old, const lethe_dicom_dataset *dataset) {
    const lethe_dicom_element *from = lethe_pixels_element(old), *to = lethe_pixels_element(s->pixels);
    lethe_raw_paint *paint = NULL;
    if (from->value_bytes != to->value_bytes || from->tag != to->tag)
        return lethe_fail(s->error, LETHE_INTERNAL, "redaction changed the length of the pixel data");
    lethe_status status = lethe_raw_paint_create(dataset, old, s->decision, &paint, s->error);
    if (status != LETHE_OK) return status;
    side before = side_of(dataset, from, s->engine->before_fd), after = side_of(s->dataset, to, s->engine->after_fd);
    if (before.chunk == NULL || after.chunk == NULL) status = lethe_fail(s->error, LETHE_NO_MEMORY, "no memory to compare pixel data");
    lethe_edit_painter painter = lethe_raw_paint_painter(paint);
    bool all = from->value_bytes <= COMPARE_ALL_BYTES, whole = false;
    for (uint64_t done = 0; status == LETHE_OK && done < from->value_bytes;) {
        uint64_t start = 0, size = 0;
        status = painter.next(painter.context, done, &start, &size, &whole, s->error);
        if (status != LETHE_OK) break;
        if (size == 0) start = from->value_bytes;
        status = compare_kept(&before, &after, done, start - done, all, s->error);
        if (status == LETHE_OK) status = compare_range(&before, &after, start, size, &painter, whole, s->error);
        done = start + size;
    }
    lethe_free(before.chunk);
    lethe_free(after.chunk);
    lethe_raw_paint_destroy(paint);
    return status;
}

/* --- frames --- */

/* A frame that no box touches, and whose bytes are the same, decodes to the same. */
static bool is_same(lethe_pixel_search *s, lethe_pixels *before, uint32_t frame) {
    const uint8_t *was, *is;
    size_t was_size, is_size;
    if (s->info->codec != lethe_pixels_describe(before)->codec || lethe_redact_frame_has_box(s->decision, frame)) return false;
    lethe_buffer joined[2];
    for (unsigned i = 0; i < 2; i++) lethe_buffer_init(&joined[i], LETHE_LIMIT_FRAME_BYTES);
    bool same = lethe_pixels_frame_bytes(before, frame, &joined[0], &was, &was_size, NULL) == LETHE_OK &&
                lethe_pixels_frame_bytes(s->pixels, frame, &joined[1], &is, &is_size, NULL) == LETHE_OK;
    /* Fragments are padded to an even size. */
    same = same && is_size >= was_size && is_size <= was_size + 1 && memcmp(was, is, was_size) == 0;
    for (unsigned i = 0; i < 2; i++) lethe_buffer_release(&joined[i]);
    return same;
}

/* A JPEG frame that was redacted code by code is what comes out when that is done once more. */
static bool is_patched(lethe_pixel_search *s, lethe_pixels *before, uint32_t frame, uint8_t *mask) {
    const lethe_pixels_info *info = lethe_pixels_describe(before);
    const uint8_t *was, *is;
    size_t was_size, is_size;
    lethe_pixel_decision drawn = {.boxes = s->decision->drawn, .box_count = s->decision->drawn_count};
    if ((info->codec != LETHE_CODEC_JPEG_BASELINE && info->codec != LETHE_CODEC_JPEG_EXTENDED) || s->info->codec != info->codec) return false;
    if (drawn.box_count == 0 || !lethe_redact_mask(&drawn, frame, info->columns, info->rows, mask)) return false;
    lethe_buffer joined[2], again;
    for (unsigned i = 0; i < 2; i++) lethe_buffer_init(&joined[i], LETHE_LIMIT_FRAME_BYTES);
    lethe_buffer_init(&again, LETHE_LIMIT_FRAME_BYTES);
    lethe_jpeg_redaction r = {.columns = info->columns,
                              .rows = info->rows,
                              .mask = mask,
                              .white = info->photometric == LETHE_MONOCHROME1,
                              .is_rgb = info->photometric == LETHE_RGB};
    bool same = lethe_pixels_frame_bytes(before, frame, &joined[0], &was, &was_size, NULL) == LETHE_OK &&
                lethe_pixels_frame_bytes(s->pixels, frame, &joined[1], &is, &is_size, NULL) == LETHE_OK;
    bool done = false;
    same = same && lethe_jpeg_patch(was, was_size, &r, &done, &again, NULL) == LETHE_OK && done;
    same = same && is_size >= again.size && is_size <= again.size + 1 && memcmp(is, again.bytes, again.size) == 0;
    for (unsigned i = 0; i < 2; i++) lethe_buffer_release(&joined[i]);
    lethe_buffer_release(&again);
    return same;
}

static lethe_status verify_frame(lethe_pixel_search *s, lethe_pixels *before, uint32_t frame, uint8_t *mask) {
    lethe_image was = {0}, is = {0};
    bool legible = false;
    lethe_status status = lethe_pixels_decode(s->pixels, frame, &is, s->error);
    if (status == LETHE_OK) status = lethe_pixels_decode(before, frame, &was, s->error);
    if (status == LETHE_OK) status = compare_frame(s->decision, frame, &was, &is, mask, s->error);
    if (status == LETHE_OK && s->mode != LETHE_PIXELS_OFF) status = lethe_pixel_search_frame(s, &is, frame, &legible);
    if (status == LETHE_OK && legible) status = lethe_fail(s->error, LETHE_UNSAFE, "frame %u: text is still legible after redaction", frame);
    lethe_image_release(&was);
    lethe_image_release(&is);
    return status;
}

lethe_status lethe_burned_in_verify(lethe_burned_in *engine, const lethe_dicom_dataset *before, const lethe_dicom_dataset *after,
                                    const lethe_identifiers *identifiers, const lethe_pixel_decision *decision, lethe_error *error) {
    lethe_pixels *old = NULL, *new = NULL;
    uint8_t *mask = NULL;
    lethe_pixel_decision scratch = *decision;
    lethe_device_match devices = {0};
    const char *reason;
    lethe_status status = lethe_pixels_open(before, &old, error);
    if (status == LETHE_OK) status = lethe_pixels_open(after, &new, error);
    if (status != LETHE_OK) goto out;
    const lethe_pixels_info *info = lethe_pixels_describe(new);
    mask = lethe_alloc_array((size_t)info->columns * info->rows, 1);
    if (mask == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
        goto out;
    }
    if (info->frames != lethe_pixels_describe(old)->frames || info->columns != lethe_pixels_describe(old)->columns ||
        info->rows != lethe_pixels_describe(old)->rows) {
        status = lethe_fail(error, LETHE_INTERNAL, "redaction changed the size of the image");
        goto out;
    }
    if (!engine->policy.ignore_catalogue) lethe_device_find(before, &devices);
    lethe_pixel_search s = {.engine = engine,
                            .dataset = after,
                            .identifiers = identifiers,
                            .decision = &scratch,
                            .pixels = new,
                            .info = info,
                            .verifying = true,
                            .error = error};
    s.mode = decision->searched ? lethe_burned_in_mode(&engine->policy, before, &devices, &reason) : LETHE_PIXELS_OFF;
    bool painted =
        s.mode == LETHE_PIXELS_OFF && !decision->clear_unused_bits && lethe_raw_paint_fits(before, old) && lethe_raw_paint_fits(after, new);
    if (painted) status = verify_painted(&s, old, before);
    /* What was painted, or patched code by code, is told by the boxes once more, from decoded frames: the first, the last, and one between. */
    for (uint32_t frame = 0; frame < info->frames && status == LETHE_OK; frame++) {
        bool decoded = frame == 0 || frame == info->frames / 2 || frame == info->frames - 1;
        if (painted && !decoded) continue;
        if (s.mode == LETHE_PIXELS_OFF && !decoded && is_patched(&s, old, frame, mask)) continue;
        if (is_same(&s, old, frame)) continue; /* what was searched, and found without text */
        status = verify_frame(&s, old, frame, mask);
    }
    lethe_pixel_search_release(&s);
out:
    lethe_free(mask);
    lethe_pixels_close(old);
    lethe_pixels_close(new);
    return status;
}
