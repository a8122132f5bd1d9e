#include "deid/pixels/redact_raw.h"

#include "core/memory.h"
#include "deid/pixels/redact.h"
#include "deid/pixels/redact_internal.h"

#include <string.h>

/* Shorter gaps between runs are read and written with them: a call to the kernel costs more. Longer runs stand alone, and are not read. */
enum { GAP_BYTES = 32 << 10, ALONE_BYTES = 64 << 10, PATTERN_UNITS = 256, UNIT_BYTES = 16 };

/* Bytes of one frame that are painted; plane tells the fill value of planar samples. */
typedef struct run {
    uint64_t start, size;
    unsigned plane;
} run;

typedef struct stretch {
    uint64_t start, size;
    size_t first_run;
    bool whole;
} stretch;

struct lethe_raw_paint {
    lethe_pixel_decision decision; /* only boxes; owned */
    uint32_t columns, rows, frames;
    uint64_t frame_bytes;
    size_t unit;                                     /* bytes of a pixel, or of one sample when planar, or of two pixels in 4:2:2 */
    unsigned planes, pair;                           /* pair: pixels in a unit */
    uint8_t patterns[4][PATTERN_UNITS * UNIT_BYTES]; /* by plane: the fill of a unit over and over */
    bool flat[4];                                    /* all bytes of the pattern are equal */
    uint8_t *mask;
    uint32_t built_from, built_until; /* frames that the runs hold for; until is excluded */
    run *runs;
    size_t run_count, run_capacity;
    stretch *stretches;
    size_t stretch_count, stretch_capacity;
    uint64_t now_frame; /* of the stretch that was named last */
    size_t now;
};

static bool is_422(const lethe_pixels_info *info) {
    return info->samples_per_pixel == 3 && info->bits_allocated == 8 &&
           (strcmp(info->photometric_text, "YBR_FULL_422") == 0 || strcmp(info->photometric_text, "YBR_PARTIAL_422") == 0);
}

bool lethe_raw_paint_fits(const lethe_dicom_dataset *dataset, const lethe_pixels *pixels) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    const lethe_dicom_element *element = lethe_pixels_element(pixels);
    if (info->encapsulated || info->codec != LETHE_CODEC_RAW || element->tag != LETHE_TAG(0x7FE0, 0x0010) || element->form != LETHE_DICOM_LEAF)
        return false;
    if (info->bits_allocated != 8 && info->bits_allocated != 16 && info->bits_allocated != 32) return false;
    if (is_422(info) && info->columns % 2 != 0) return false;
    return !(dataset->encoding.big_endian && info->bits_allocated == 8);
}

static void make_patterns(lethe_raw_paint *p, const lethe_dicom_dataset *dataset, const lethe_pixels_info *info) {
    uint32_t fill[4];
    lethe_redact_fill_values(dataset, info, false, fill);
    size_t width = info->bits_allocated / 8u, samples = info->samples_per_pixel;
    bool planar = info->planar_configuration == 1 && samples > 1 && !is_422(info);
    p->planes = planar ? (unsigned)samples : 1;
    p->pair = is_422(info) ? 2 : 1;
    p->unit = is_422(info) ? 4 : planar ? width : width * samples;
    for (unsigned plane = 0; plane < p->planes; plane++) {
        uint8_t unit[UNIT_BYTES] = {0};
        for (size_t at = 0; at < p->unit; at++) {
            size_t sample = planar ? plane : at / width, byte = at % width;
            if (is_422(info)) sample = at < 2 ? 0 : at - 1; /* Y Y Cb Cr */
            unit[at] = (uint8_t)(fill[sample] >> (8 * (dataset->encoding.big_endian ? width - 1 - byte : byte)));
        }
        p->flat[plane] = true;
        for (size_t at = 1; at < p->unit; at++) p->flat[plane] = p->flat[plane] && unit[at] == unit[0];
        for (size_t i = 0; i < PATTERN_UNITS; i++) memcpy(p->patterns[plane] + i * p->unit, unit, p->unit);
    }
}

lethe_status lethe_raw_paint_create(const lethe_dicom_dataset *dataset, lethe_pixels *pixels, const lethe_pixel_decision *decision,
                                    lethe_raw_paint **out, lethe_error *error) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    const uint8_t *bytes;
    size_t size;
    *out = NULL;
    /* The last frame is there when all are. */
    lethe_status status = lethe_pixels_frame_bytes(pixels, info->frames - 1, NULL, &bytes, &size, error);
    if (status != LETHE_OK) return status;
    lethe_raw_paint *p = lethe_alloc_array(1, sizeof *p);
    if (p == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a redaction");
    p->columns = info->columns;
    p->rows = info->rows;
    p->frames = info->frames;
    p->frame_bytes = size;
    make_patterns(p, dataset, info);
    p->mask = lethe_alloc_array((size_t)info->columns * info->rows, 1);
    p->decision.box_count = decision->box_count;
    p->decision.boxes = lethe_alloc_array(decision->box_count + 1, sizeof *p->decision.boxes);
    if (p->mask == NULL || p->decision.boxes == NULL) {
        lethe_raw_paint_destroy(p);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a redaction");
    }
    if (decision->box_count > 0) memcpy(p->decision.boxes, decision->boxes, decision->box_count * sizeof *decision->boxes);
    *out = p;
    return LETHE_OK;
}

void lethe_raw_paint_destroy(lethe_raw_paint *paint) {
    if (paint == NULL) return;
    lethe_free(paint->decision.boxes);
    lethe_free(paint->mask);
    lethe_free(paint->runs);
    lethe_free(paint->stretches);
    lethe_free(paint);
}

/* --- runs of a frame --- */

/* Room for one entry more in an array. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size, lethe_error *error) {
    if (count < *capacity) return array;
    void *grown = lethe_realloc_array(array, *capacity * 2 + 64, size);
    if (grown == NULL) (void)lethe_fail(error, LETHE_NO_MEMORY, "no memory for a redaction");
    else *capacity = *capacity * 2 + 64;
    return grown;
}

static lethe_status add_run(lethe_raw_paint *p, uint64_t start, uint64_t size, unsigned plane, lethe_error *error) {
    run *runs = grow(p->runs, p->run_count, &p->run_capacity, sizeof *runs, error);
    if (runs == NULL) return LETHE_NO_MEMORY;
    p->runs = runs;
    p->runs[p->run_count++] = (run){.start = start, .size = size, .plane = plane};
    stretch *last = p->stretch_count == 0 ? NULL : &p->stretches[p->stretch_count - 1];
    if (last != NULL && size < ALONE_BYTES && !(last->whole && last->size >= ALONE_BYTES) && start - (last->start + last->size) < GAP_BYTES) {
        last->size = start + size - last->start;
        last->whole = false;
        return LETHE_OK;
    }
    stretch *stretches = grow(p->stretches, p->stretch_count, &p->stretch_capacity, sizeof *stretches, error);
    if (stretches == NULL) return LETHE_NO_MEMORY;
    p->stretches = stretches;
    p->stretches[p->stretch_count++] = (stretch){.start = start, .size = size, .first_run = p->run_count - 1, .whole = true};
    return LETHE_OK;
}

/* From the mask of the frame; the same for all frames until a box begins or ends. */
static lethe_status build(lethe_raw_paint *p, uint32_t frame, lethe_error *error) {
    size_t count = (size_t)p->columns * p->rows;
    p->run_count = p->stretch_count = 0;
    p->built_from = frame;
    p->built_until = p->frames;
    for (size_t i = 0; i < p->decision.box_count; i++) {
        const lethe_pixel_box *box = &p->decision.boxes[i];
        if (box->first_frame > frame && box->first_frame < p->built_until) p->built_until = box->first_frame;
        if (box->first_frame <= frame && box->last_frame >= frame && box->last_frame < p->built_until - 1) p->built_until = box->last_frame + 1;
    }
    if (!lethe_redact_frame_has_box(&p->decision, frame) || !lethe_redact_mask(&p->decision, frame, p->columns, p->rows, p->mask)) return LETHE_OK;
    for (unsigned plane = 0; plane < p->planes; plane++) {
        uint64_t base = (uint64_t)plane * count * p->unit;
        for (size_t at = 0; at < count;) {
            const uint8_t *first = memchr(p->mask + at, 1, count - at);
            if (first == NULL) break;
            size_t start = (size_t)(first - p->mask);
            const uint8_t *end = memchr(first, 0, count - start);
            at = end == NULL ? count : (size_t)(end - p->mask);
            size_t from = start / p->pair, to = (at + p->pair - 1) / p->pair; /* two pixels share their chroma */
            lethe_status status = add_run(p, base + from * p->unit, (to - from) * p->unit, plane, error);
            if (status != LETHE_OK) return status;
        }
    }
    return LETHE_OK;
}

/* --- the painter --- */

static lethe_status next(void *context, uint64_t offset, uint64_t *start, uint64_t *size, bool *whole, lethe_error *error) {
    lethe_raw_paint *p = context;
    *size = 0;
    for (uint64_t frame = offset / p->frame_bytes; frame < p->frames;) {
        if (frame < p->built_from || frame >= p->built_until) {
            lethe_status status = build(p, (uint32_t)frame, error);
            if (status != LETHE_OK) return status;
        }
        uint64_t base = frame * p->frame_bytes;
        size_t i = frame == p->now_frame && p->now < p->stretch_count && base + p->stretches[p->now].start < offset ? p->now : 0;
        while (i < p->stretch_count && base + p->stretches[i].start + p->stretches[i].size <= offset) i++;
        if (i < p->stretch_count) {
            p->now_frame = frame;
            p->now = i;
            *start = base + p->stretches[i].start;
            *size = p->stretches[i].size;
            *whole = p->stretches[i].whole;
            return LETHE_OK;
        }
        frame = p->stretch_count == 0 ? p->built_until : frame + 1;
    }
    return LETHE_OK;
}

static void paint(void *context, uint64_t offset, uint8_t *bytes, size_t size) {
    lethe_raw_paint *p = context;
    uint64_t start = offset - p->now_frame * p->frame_bytes, end = start + size;
    size_t low = p->stretches[p->now].first_run, high = p->run_count; /* the first run that ends behind the start */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->runs[middle].start + p->runs[middle].size <= start) low = middle + 1;
        else high = middle;
    }
    for (; low < p->run_count && p->runs[low].start < end; low++) {
        const run *r = &p->runs[low];
        uint64_t from = r->start > start ? r->start : start, to = r->start + r->size < end ? r->start + r->size : end;
        const uint8_t *pattern = p->patterns[r->plane];
        if (p->flat[r->plane]) {
            memset(bytes + (from - start), pattern[0], (size_t)(to - from));
            continue;
        }
        while (from < to) {
            size_t phase = (size_t)((from - r->start) % p->unit), part = PATTERN_UNITS * p->unit - phase;
            if (part > to - from) part = (size_t)(to - from);
            memcpy(bytes + (from - start), pattern + phase, part);
            from += part;
        }
    }
}

lethe_edit_painter lethe_raw_paint_painter(lethe_raw_paint *paint_of) {
    return (lethe_edit_painter){.context = paint_of, .next = next, .paint = paint};
}

/* --- behind the last frame --- */

enum { TAIL_BYTES = 1 << 20 };

lethe_status lethe_redact_tail(const lethe_dicom_dataset *dataset, lethe_edit_script *script, lethe_error *error) {
    lethe_pixels *pixels = NULL;
    const uint8_t *frame = NULL;
    size_t size = 0;
    if (dataset->encapsulated) return LETHE_OK; /* every frame is followed to its end */
    lethe_error why = {0};
    lethe_status status = lethe_pixels_open(dataset, &pixels, &why);
    if (status == LETHE_NOT_FOUND) return LETHE_OK;
    if (status != LETHE_OK) return lethe_fail(error, status, "%s", why.message);
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    const lethe_dicom_element *element = lethe_pixels_element(pixels);
    status = lethe_pixels_frame_bytes(pixels, info->frames - 1, NULL, &frame, &size, error);
    if (status == LETHE_OK) {
        const uint8_t *tail = frame + size, *end = element->value + element->value_bytes;
        size_t left = (size_t)(end - tail), same = 1;
        while (same < left && tail[same] == tail[0]) same++;
        const lethe_edit *edit = lethe_edit_find(script, element);
        if (same < left && (left > TAIL_BYTES || (edit != NULL && edit->kind != LETHE_EDIT_KEEP)))
            status = lethe_fail(error, LETHE_UNSAFE, "(7FE0,0010): bytes behind the last frame");
        else if (same < left) {
            uint8_t *zeros = lethe_alloc_array(left, 1);
            status = zeros == NULL
                         ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for %zu bytes", left)
                         : lethe_edit_patch(script, element, (uint64_t)(tail - element->value), zeros, left, "bytes behind the last frame", error);
            lethe_free(zeros);
        }
    }
    lethe_pixels_close(pixels);
    return status;
}
