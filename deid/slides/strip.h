/* A level that is one JPEG stream with restart intervals, as Hamamatsu NDPI keeps it: regions are blacked out by writing the touched intervals anew.
 *
 * Each interval decodes on its own (ITU-T T.81, F.2.1.3.1), so all others stay byte for byte, with the same code tables and restart markers. Without
 * restart intervals the stream's only one is all of its data. Layer: deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_STRIP_H
#define LETHE_DEID_SLIDES_STRIP_H

#include "core/arena.h"
#include "core/error.h"
#include "deid/slides/regions.h"

#include <stddef.h>
#include <stdint.h>

/* Where the intervals of a stream are. */
typedef struct lethe_strip {
    const uint8_t *bytes; /* borrowed */
    size_t size;
    uint64_t width_px, height_px; /* of the level; a stream that is wider than its header can say leaves that open */
    size_t frame_at, scan_end;    /* of the SOF marker; behind the scan's header */
    size_t end;                   /* of the entropy-coded data: the EOI marker */
    uint32_t mcu_width_px, mcu_height_px;
    uint64_t mcus_across, mcus_per_interval, interval_count;
    uint64_t *starts; /* interval_count offsets of first bytes; in the arena */
} lethe_strip;

/* Find the intervals. Errors: LETHE_MALFORMED, LETHE_UNSAFE (no baseline stream of one scan; markers that do not fit the size), LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_strip_parse(const uint8_t *bytes, size_t size, uint64_t width_px, uint64_t height_px, lethe_arena *arena,
                                               lethe_strip *strip, lethe_error *error);
/* Where the first scan's data begins: behind its header; 0 when there is none. */
size_t lethe_strip_scan_end(const uint8_t *bytes, size_t size);
/* The end of an interval's data: its restart marker, or EOI. */
size_t lethe_strip_end_of(const lethe_strip *strip, uint64_t interval);
/* True when an interval shows pixels of one of the boxes, which are in pixels of the level. */
bool lethe_strip_is_touched(const lethe_strip *strip, uint64_t interval, const lethe_level_box *boxes, size_t box_count);
/* The data of one interval with its boxes blacked out, without its restart marker; in the arena. Errors: LETHE_UNSUPPORTED, LETHE_MALFORMED,
 * LETHE_UNSAFE (an interval of more than 65,500 pixels), LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_strip_redact(const lethe_strip *strip, uint64_t interval, const lethe_level_box *boxes, size_t box_count,
                                                bool is_rgb, lethe_arena *arena, const uint8_t **data, size_t *size, lethe_error *error);

#endif
