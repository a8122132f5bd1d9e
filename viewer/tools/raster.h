/* Painting tools on bitmaps of label numbers. No GL, no store. Layer: viewer. Thread rule: no state. */
#ifndef LETHE_VIEWER_TOOLS_RASTER_H
#define LETHE_VIEWER_TOOLS_RASTER_H

#include "annotate/shape.h"
#include "core/error.h"
#include "imaging/image.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct lethe_bitmap {
    uint8_t *labels; /* borrowed; 0 = none */
    uint32_t columns, rows;
} lethe_bitmap;

/* Pixels that changed: x0 <= x < x1; empty when x0 >= x1. */
typedef struct lethe_dirty {
    int64_t x0, y0, x1, y1;
} lethe_dirty;

/* Which pixels a tool may touch. */
typedef struct lethe_paint_rule {
    const bool *locked;        /* 256 flags by label number: those pixels stay; NULL = none */
    const lethe_image *pixels; /* with `by_value`: only where low <= value <= high (modality units) */
    double slope, intercept, low, high;
    bool by_value;
} lethe_paint_rule;

/* A round brush from `from` to `to` (image coordinates), radius in pixels across and down: every pixel whose centre is within gets `value`. No gaps
 * however fast the hand. Erasing is value 0. Adds to *dirty. */
void lethe_brush(const lethe_bitmap *bitmap, lethe_point from, lethe_point to, double radius_x, double radius_y, uint8_t value,
                 const lethe_paint_rule *rule, lethe_dirty *dirty);

/* Give `value` to the 4-connected area of equal labels around a pixel. An area that touches the border of the image is refused when `value` is not 0
 * (nobody fills the background): returns 0. Returns how many pixels changed. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_fill(const lethe_bitmap *bitmap, int64_t x, int64_t y, uint8_t value, const lethe_paint_rule *rule,
                                        lethe_dirty *dirty, uint64_t *changed, lethe_error *error);

/* Grow over the 4-connected pixels whose value is within `tolerance` of the seed's (mean of its 3 x 3 neighbourhood). Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_grow(const lethe_bitmap *bitmap, const lethe_image *pixels, double slope, double intercept, int64_t x, int64_t y,
                                        double tolerance, uint8_t value, const lethe_paint_rule *rule, lethe_dirty *dirty, uint64_t *changed,
                                        lethe_error *error);

/* The same in a volume of floats [k][j][i], 6-connected: marks `out` (same shape, zeroed by the caller) with 1. *stop (may be NULL) ends it early
 * with what was found so far. */
LETHE_NODISCARD lethe_status lethe_grow_volume(const float *voxels, uint32_t columns, uint32_t rows, uint32_t slices, uint32_t i, uint32_t j,
                                               uint32_t k, double tolerance, uint8_t *out, uint64_t *marked, const atomic_bool *stop,
                                               lethe_error *error);

/* Smooth the border of a label: a pixel belongs to it when more than half of its 5 x 5 neighbourhood does. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_smooth(const lethe_bitmap *bitmap, uint8_t value, const lethe_paint_rule *rule, lethe_dirty *dirty,
                                          lethe_error *error);

/* Keep the largest 8-connected piece of a label and clear the others; returns how many went. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_islands(const lethe_bitmap *bitmap, uint8_t value, lethe_dirty *dirty, unsigned *removed, lethe_error *error);

/* The shape between two masks (bytes of 0 or 1, columns * rows): weight 0 gives `a`, 1 gives `b`; by signed distances. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_interpolate(const uint8_t *a, const uint8_t *b, uint32_t columns, uint32_t rows, double weight, uint8_t *out,
                                               lethe_error *error);

#endif
