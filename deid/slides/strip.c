#include "deid/slides/strip.h"

#include "core/buffer.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/jpeg_blocks.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_JPEG_SIDE = 65500, MOST_INTERVALS = 32 << 20, MOST_PIXELS = 128 << 20 };

static size_t be16(const uint8_t *at) { return (size_t)at[0] << 8 | at[1]; }

/* --- the head --- */

static lethe_status read_frame(lethe_strip *s, size_t at, size_t length, lethe_error *error) {
    const uint8_t *data = s->bytes + at + 4;
    unsigned components = length >= 8 ? data[5] : 0, across = 1, down = 1;
    if (!components || components > 4 || length != 8 + 3 * (size_t)components || data[0] != 8)
        return lethe_fail(error, LETHE_UNSAFE, "the JPEG stream of a level has a frame of an unknown kind");
    /* The MCU of a single component is one block, whatever its sampling (T.81, A.2.2). */
    for (unsigned c = 0; components > 1 && c < components; c++) {
        unsigned sampling = data[7 + 3 * c];
        if (sampling >> 4 > across) across = sampling >> 4;
        if ((sampling & 15) > down) down = sampling & 15;
    }
    if (across > 4 || down > 4) return lethe_fail(error, LETHE_MALFORMED, "the JPEG stream of a level has an impossible sampling");
    s->frame_at = at;
    s->mcu_width_px = 8 * across;
    s->mcu_height_px = 8 * down;
    uint64_t rows = be16(data + 1), columns = be16(data + 3);
    /* Sizes beyond 16 bits stand as 0 or cut off: only a stream without restart intervals must say its own. */
    if (s->mcus_per_interval == 0 && (rows != s->height_px || columns != s->width_px) && rows && columns)
        return lethe_fail(error, LETHE_UNSAFE, "the JPEG stream of a level has another size than the level");
    return LETHE_OK;
}

static lethe_status read_head(lethe_strip *s, lethe_error *error) {
    size_t at = 2;
    if (s->size < 4 || s->bytes[0] != 0xFF || s->bytes[1] != 0xD8) return lethe_fail(error, LETHE_MALFORMED, "level is no JPEG stream");
    while (at + 4 <= s->size && s->bytes[at] == 0xFF) {
        uint8_t marker = s->bytes[at + 1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        size_t length = be16(s->bytes + at + 2);
        if (length < 2 || length > s->size - at - 2) break;
        if (marker == 0xDD && length == 4) s->mcus_per_interval = be16(s->bytes + at + 4);
        bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (frame && (marker > 0xC1 || s->frame_at)) return lethe_fail(error, LETHE_UNSAFE, "the JPEG stream of a level is not baseline");
        lethe_status status = frame ? read_frame(s, at, length, error) : LETHE_OK;
        if (status != LETHE_OK) return status;
        at += 2 + length;
        if (marker != 0xDA) continue;
        if (!s->frame_at || s->bytes[at - length + 2] != s->bytes[s->frame_at + 9])
            return lethe_fail(error, LETHE_UNSAFE, "the JPEG stream of a level has several scans");
        s->scan_end = at;
        return LETHE_OK;
    }
    return lethe_fail(error, LETHE_MALFORMED, "the JPEG stream of a level has no scan");
}

size_t lethe_strip_scan_end(const uint8_t *bytes, size_t size) {
    size_t at = 2;
    while (at + 4 <= size && bytes[at] == 0xFF) {
        uint8_t marker = bytes[at + 1];
        size_t length = marker == 0xFF ? 1 : 2 + be16(bytes + at + 2);
        if (length > size - at || length == 2 || length == 3) return 0;
        at += length;
        if (marker == 0xDA) return at;
    }
    return 0;
}

/* --- the intervals --- */

static lethe_status find_intervals(lethe_strip *s, lethe_error *error) {
    uint64_t found = 1;
    s->starts[0] = s->scan_end;
    for (size_t at = s->scan_end; at + 1 < s->size; at += 2) {
        const uint8_t *mark = memchr(s->bytes + at, 0xFF, s->size - at - 1);
        if (!mark) break;
        at = (size_t)(mark - s->bytes);
        uint8_t next = s->bytes[at + 1];
        if (next == 0) continue;
        if (next == 0xFF) {
            at--; /* a fill byte */
            continue;
        }
        if (next == 0xD9 && found == s->interval_count) {
            s->end = at;
            return LETHE_OK;
        }
        if (next != 0xD0 + (found - 1) % 8 || found >= s->interval_count)
            return lethe_fail(error, LETHE_UNSAFE, "restart marker %" PRIu64 " of a level is not the one that is due", found);
        s->starts[found++] = at + 2;
    }
    return lethe_fail(error, LETHE_MALFORMED, "the JPEG stream of a level ends after %" PRIu64 " of %" PRIu64 " restart intervals", found,
                      s->interval_count);
}

lethe_status lethe_strip_parse(const uint8_t *bytes, size_t size, uint64_t width_px, uint64_t height_px, lethe_arena *arena, lethe_strip *strip,
                               lethe_error *error) {
    *strip = (lethe_strip){.bytes = bytes, .size = size, .width_px = width_px, .height_px = height_px};
    if (!width_px || !height_px || width_px > INT32_MAX || height_px > INT32_MAX) return lethe_fail(error, LETHE_MALFORMED, "level without a size");
    lethe_status status = read_head(strip, error);
    if (status != LETHE_OK) return status;
    strip->mcus_across = (width_px + strip->mcu_width_px - 1) / strip->mcu_width_px;
    uint64_t mcus = strip->mcus_across * ((height_px + strip->mcu_height_px - 1) / strip->mcu_height_px);
    if (!strip->mcus_per_interval) strip->mcus_per_interval = mcus;
    strip->interval_count = (mcus + strip->mcus_per_interval - 1) / strip->mcus_per_interval;
    if (strip->interval_count > MOST_INTERVALS) return lethe_fail(error, LETHE_LIMIT, "a level has too many restart intervals");
    strip->starts = lethe_arena_alloc_array(arena, (size_t)strip->interval_count, sizeof *strip->starts);
    if (!strip->starts) return lethe_fail(error, LETHE_LIMIT, "a level has too many restart intervals");
    return find_intervals(strip, error);
}

size_t lethe_strip_end_of(const lethe_strip *s, uint64_t interval) {
    return interval + 1 < s->interval_count ? (size_t)s->starts[interval + 1] - 2 : s->end;
}

/* --- what of an interval is shown where --- */

typedef struct run {
    uint64_t first, count; /* of its MCUs, in the order of the scan */
} run;

static run run_of(const lethe_strip *s, uint64_t interval) {
    uint64_t mcus = s->mcus_across * ((s->height_px + s->mcu_height_px - 1) / s->mcu_height_px), first = interval * s->mcus_per_interval;
    return (run){first, mcus - first < s->mcus_per_interval ? mcus - first : s->mcus_per_interval};
}

bool lethe_strip_is_touched(const lethe_strip *s, uint64_t interval, const lethe_level_box *boxes, size_t box_count) {
    run r = run_of(s, interval);
    int64_t first_row = (int64_t)(r.first / s->mcus_across), last_row = (int64_t)((r.first + r.count - 1) / s->mcus_across);
    int64_t left = 0, right = (int64_t)(s->mcus_across * s->mcu_width_px);
    if (first_row == last_row) {
        left = (int64_t)(r.first % s->mcus_across * s->mcu_width_px);
        right = left + (int64_t)(r.count * s->mcu_width_px);
    }
    int64_t top = first_row * s->mcu_height_px, bottom = (last_row + 1) * s->mcu_height_px;
    for (size_t i = 0; i < box_count; i++)
        if (boxes[i].x < right && boxes[i].x + boxes[i].width > left && boxes[i].y < bottom && boxes[i].y + boxes[i].height > top) return true;
    return false;
}

/* --- one interval as a picture of its own: a row of its MCUs --- */

/* `in` is the part of a box that lies in the MCU at (x, y); its place in the picture is `at_x`, 0. */
static void mark_mcu(const lethe_strip *s, const lethe_level_box *box, int64_t x, int64_t y, uint32_t columns, int64_t at_x, uint8_t *mask) {
    int64_t left = box->x > x ? box->x - x : 0, top = box->y > y ? box->y - y : 0;
    int64_t right = box->x + box->width - x, bottom = box->y + box->height - y;
    if (right > s->mcu_width_px) right = s->mcu_width_px;
    if (bottom > s->mcu_height_px) bottom = s->mcu_height_px;
    for (int64_t v = top; left < right && v < bottom; v++) memset(mask + (size_t)v * columns + at_x + left, 1, (size_t)(right - left));
}

static lethe_status add_head(const lethe_strip *s, uint32_t columns, uint32_t rows, lethe_buffer *out, lethe_error *error) {
    lethe_status status = lethe_buffer_append(out, s->bytes, 2, error);
    for (size_t at = 2; status == LETHE_OK && at < s->scan_end;) {
        if (s->bytes[at + 1] == 0xFF) {
            at++;
            continue;
        }
        size_t length = 2 + be16(s->bytes + at + 2), place = out->size;
        if (s->bytes[at + 1] != 0xDD) status = lethe_buffer_append(out, s->bytes + at, length, error);
        if (status == LETHE_OK && at == s->frame_at) {
            const uint8_t sides[4] = {(uint8_t)(rows >> 8), (uint8_t)rows, (uint8_t)(columns >> 8), (uint8_t)columns};
            memcpy(out->bytes + place + 5, sides, sizeof sides);
        }
        at += length;
    }
    return status;
}

/* The entropy-coded data of a stream of one scan without restart intervals. */
static bool data_of(const lethe_buffer *stream, size_t *from, size_t *to) {
    size_t at = 2;
    while (at + 4 <= stream->size && stream->bytes[at] == 0xFF) {
        bool scan = stream->bytes[at + 1] == 0xDA;
        at += 2 + be16(stream->bytes + at + 2);
        if (!scan) continue;
        *from = at;
        *to = stream->size - 2;
        return at <= *to && stream->bytes[*to] == 0xFF && stream->bytes[*to + 1] == 0xD9;
    }
    return false;
}

lethe_status lethe_strip_redact(const lethe_strip *s, uint64_t interval, const lethe_level_box *boxes, size_t box_count, bool is_rgb,
                                lethe_arena *arena, const uint8_t **data, size_t *size, lethe_error *error) {
    run r = run_of(s, interval);
    bool whole = s->interval_count == 1;
    uint64_t columns = whole ? s->width_px : r.count * s->mcu_width_px, rows = whole ? s->height_px : s->mcu_height_px;
    if (columns > MOST_JPEG_SIDE || rows > MOST_JPEG_SIDE || columns * rows > MOST_PIXELS)
        return lethe_fail(error, LETHE_UNSAFE, "a restart interval of %" PRIu64 " x %" PRIu64 " pixels is too large to be written again", columns,
                          rows);
    lethe_buffer stream, redacted;
    lethe_buffer_init(&stream, LETHE_LIMIT_ARENA_BYTES);
    lethe_buffer_init(&redacted, LETHE_LIMIT_ARENA_BYTES);
    uint8_t *mask = lethe_alloc_array((size_t)(columns * rows), 1), *copy = NULL;
    lethe_status status = mask ? add_head(s, (uint32_t)columns, (uint32_t)rows, &stream, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    size_t from = (size_t)s->starts[interval], to = lethe_strip_end_of(s, interval);
    if (status == LETHE_OK) status = lethe_buffer_append(&stream, s->bytes + from, to - from, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&stream, "\xFF\xD9", 2, error);
    if (status != LETHE_OK) goto out;
    for (size_t b = 0; b < box_count; b++) {
        for (uint64_t y = 0; whole && y < rows; y++)
            if ((int64_t)y >= boxes[b].y && (int64_t)y < boxes[b].y + boxes[b].height) {
                int64_t left = boxes[b].x > 0 ? boxes[b].x : 0, right = boxes[b].x + boxes[b].width;
                if (right > (int64_t)columns) right = (int64_t)columns;
                if (right > left) memset(mask + y * columns + (size_t)left, 1, (size_t)(right - left));
            }
        for (uint64_t m = 0; !whole && m < r.count; m++)
            mark_mcu(s, &boxes[b], (int64_t)((r.first + m) % s->mcus_across * s->mcu_width_px),
                     (int64_t)((r.first + m) / s->mcus_across * s->mcu_height_px), (uint32_t)columns, (int64_t)(m * s->mcu_width_px), mask);
    }
    const lethe_jpeg_redaction how = {.columns = (uint32_t)columns, .rows = (uint32_t)rows, .mask = mask, .is_rgb = is_rgb, .keep_tables = true};
    status = lethe_jpeg_redact(stream.bytes, stream.size, &how, &redacted, error);
    if (status == LETHE_OK && !data_of(&redacted, &from, &to)) status = lethe_fail(error, LETHE_INTERNAL, "a restart interval came out without data");
    if (status != LETHE_OK) goto out;
    copy = lethe_arena_alloc(arena, to - from + 1);
    if (!copy) {
        status = lethe_fail(error, LETHE_LIMIT, "the regions touch too much of a level");
        goto out;
    }
    memcpy(copy, redacted.bytes + from, to - from);
    *data = copy;
    *size = to - from;
out:
    lethe_free(mask);
    lethe_buffer_release(&stream);
    lethe_buffer_release(&redacted);
    return status;
}
