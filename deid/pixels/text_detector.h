/* Finds overlay text in a frame: no model, no display window, every bit depth.
 *
 * Strokes that stand out from their surroundings by local contrast against local noise become connected components; components of like height, colour
 * and base line become lines. Horizontal and vertical lines, bright and dark, 8 to 100 px. Layer: deid. Thread rule: one thread at a time per
 * detector (it keeps its buffers). */
#ifndef LETHE_DEID_TEXT_DETECTOR_H
#define LETHE_DEID_TEXT_DETECTOR_H

#include "core/error.h"
#include "imaging/image.h"

typedef struct lethe_text_detector lethe_text_detector;

typedef struct lethe_text_line {
    uint32_t x, y, w, h; /* of the glyphs found; callers add a margin */
    uint32_t height_px;  /* of the letters across the line */
    uint16_t glyphs;     /* estimated */
    uint8_t bars;        /* percent of its parts that are plain filled bars: ticks of a ruler, dots of a dotted line */
    bool vertical;       /* rotated by 90 or 270 degrees */
    bool dark;           /* darker than the background */
    uint8_t plane;       /* where it was found: 0 grey (or Y), 1 red less green (or Cb), 2 blue less green (or Cr) */
    float score;         /* 0 to 1: how sure */
    float contrast;      /* in units of that plane */
    float ink;           /* mean of the strokes in that plane; signed samples count from the lowest */
} lethe_text_line;

LETHE_NODISCARD lethe_text_detector *lethe_text_detector_create(void); /* NULL when memory is short */
void lethe_text_detector_destroy(lethe_text_detector *detector);
/* Lines of a frame (1 or 3 samples). `*lines` is owned by the detector until the next call. Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_text_detector_find(lethe_text_detector *detector, const lethe_image *image, const lethe_text_line **lines,
                                                      size_t *count, lethe_error *error);
/* The same where `blocks` is not zero: one byte for each 16 x 16 pixels, rows of (columns + 15) / 16. A line that reaches out of them may be cut or
 * missed. NULL: everywhere. LETHE_TEXT_LOOK_CLOSELY: also where a block on its own does not look like a part of text; dear, for what is near text. */
enum { LETHE_TEXT_LOOK = 1, LETHE_TEXT_LOOK_CLOSELY = 4 };
LETHE_NODISCARD lethe_status lethe_text_detector_find_in(lethe_text_detector *detector, const lethe_image *image, const uint8_t *blocks,
                                                         const lethe_text_line **lines, size_t *count, lethe_error *error);

#endif
