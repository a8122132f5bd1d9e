/* The proof for levels in one JPEG stream, with a reader of its own: interval by interval. */
#include "deid/slides/verify.h"

#include <inttypes.h>
#include <string.h>

typedef struct reader {
    const uint8_t *bytes;
    uint64_t size, at;
    uint64_t frame_at; /* of the frame header's data */
    uint64_t restart_mcus;
} reader;

static uint64_t two(const uint8_t *b) { return (uint64_t)(b[0] << 8 | b[1]); }

static bool is_remark(uint8_t marker) { return marker == 0xFE || (marker >= 0xE0 && marker <= 0xEF); }

/* The next segment of a head that is no remark: its marker, with `at` on it; 0 at the end of the bytes. */
static uint8_t next_segment(reader *r, uint64_t *length) {
    while (r->at + 4 <= r->size && r->bytes[r->at] == 0xFF) {
        uint8_t marker = r->bytes[r->at + 1];
        if (marker == 0xFF) {
            r->at++;
            continue;
        }
        *length = 2 + two(r->bytes + r->at + 2);
        if (*length > r->size - r->at) return 0;
        if (!is_remark(marker)) return marker;
        r->at += *length;
    }
    return 0;
}

/* Heads must be the same but for remarks. Leaves both readers behind the scan's header. */
static bool same_heads(reader *in, reader *out) {
    in->at = out->at = 2;
    for (;;) {
        uint64_t left = 0, right = 0;
        uint8_t marker = next_segment(in, &left);
        if (!marker || next_segment(out, &right) != marker || left != right || memcmp(in->bytes + in->at, out->bytes + out->at, (size_t)left) != 0)
            return false;
        if (marker == 0xDD && left == 6) in->restart_mcus = two(in->bytes + in->at + 4);
        if (marker == 0xC0 || marker == 0xC1) in->frame_at = in->at + 4;
        in->at += left;
        out->at += right;
        if (marker == 0xDA) return in->frame_at != 0;
    }
}

/* From `at` to the next marker that ends an interval; its second byte, 0 when there is none. `*length` is that of the data before it. */
static uint8_t next_end(const reader *r, uint64_t *length) {
    for (uint64_t at = r->at; at + 1 < r->size; at++) {
        const uint8_t *found = memchr(r->bytes + at, 0xFF, (size_t)(r->size - at - 1));
        if (!found) return 0;
        at = (uint64_t)(found - r->bytes);
        uint8_t marker = r->bytes[at + 1];
        if (marker == 0 || marker == 0xFF) continue;
        *length = at - r->at;
        return marker;
    }
    return 0;
}

typedef struct grid {
    uint64_t width, height; /* of an MCU */
    uint64_t across, restart;
} grid;

static grid grid_of(const reader *in, uint64_t width_px) {
    const uint8_t *frame = in->bytes + in->frame_at;
    grid g = {.width = 1, .height = 1, .restart = in->restart_mcus};
    for (unsigned c = 0; frame[5] > 1 && c < frame[5]; c++) {
        uint8_t sampling = frame[7 + 3 * c];
        if (sampling >> 4 > g.width) g.width = sampling >> 4;
        if ((sampling & 15u) > g.height) g.height = sampling & 15u;
    }
    g.width *= 8;
    g.height *= 8;
    g.across = (width_px + g.width - 1) / g.width;
    return g;
}

/* May interval `index` differ? Its MCUs lie in one row, or it goes over the end of one: then all of its rows count. */
static bool may_differ(const grid *g, uint64_t index, const lethe_level_box *boxes, size_t count) {
    if (!g->restart || !g->across) return count != 0;
    uint64_t first = index * g->restart, last = first + g->restart - 1;
    int64_t top = (int64_t)(first / g->across * g->height), bottom = (int64_t)((last / g->across + 1) * g->height);
    int64_t left = (int64_t)(first % g->across * g->width), right = left + (int64_t)(g->restart * g->width);
    if (first / g->across != last / g->across) left = 0, right = INT64_MAX;
    for (size_t i = 0; i < count; i++)
        if (boxes[i].y < bottom && boxes[i].y + boxes[i].height > top && boxes[i].x < right && boxes[i].x + boxes[i].width > left) return true;
    return false;
}

lethe_status lethe_verify_strip(const uint8_t *in_bytes, uint64_t in_size, const uint8_t *out_bytes, uint64_t out_size, uint64_t width_px,
                                const lethe_level_box *boxes, size_t box_count, uint64_t *redacted, lethe_error *error) {
    reader in = {.bytes = in_bytes, .size = in_size}, out = {.bytes = out_bytes, .size = out_size};
    if (in_size < 4 || out_size < 4 || memcmp(in_bytes, out_bytes, 2) != 0 || !same_heads(&in, &out))
        return lethe_fail(error, LETHE_UNSAFE, "output: the head of a level differs from the input's");
    grid g = grid_of(&in, width_px);
    for (uint64_t index = 0;; index++) {
        uint64_t left = 0, right = 0;
        uint8_t marker = next_end(&in, &left);
        if (!marker || next_end(&out, &right) != marker)
            return lethe_fail(error, LETHE_UNSAFE, "output: restart interval %" PRIu64 " of a level ends otherwise than the input's", index);
        bool same = left == right && memcmp(in.bytes + in.at, out.bytes + out.at, (size_t)left) == 0;
        if (!same && !may_differ(&g, index, boxes, box_count))
            return lethe_fail(error, LETHE_UNSAFE, "output: restart interval %" PRIu64 " of a level differs from the input's", index);
        *redacted += !same;
        in.at += left + 2;
        out.at += right + 2;
        if (marker == 0xD9) break;
        if (marker < 0xD0 || marker > 0xD7) return lethe_fail(error, LETHE_UNSAFE, "output: a level holds a marker that is due nowhere");
    }
    return out.at == out.size ? LETHE_OK : lethe_fail(error, LETHE_UNSAFE, "output: bytes behind the end of a level's stream");
}
