/* Painted labels of a whole slide: level 0 cut into tiles that exist only where there is paint, and that are one number where all of a tile is alike.
 * So memory follows the length of the borders, not the area. No GL, no store. Layer: viewer. Thread rule: one owner. */
#ifndef LETHE_VIEWER_TOOLS_TILED_MASK_H
#define LETHE_VIEWER_TOOLS_TILED_MASK_H

#include "annotate/shape.h"
#include "core/error.h"

#include <stdint.h>

enum { LETHE_MASK_TILE = 256 }; /* pixels of level 0 */

typedef struct lethe_mask_tile {
    int32_t column, row;
    uint8_t uniform;  /* the label of all pixels when `labels` is NULL */
    uint8_t *labels;  /* LETHE_MASK_TILE squared, or NULL */
    uint32_t version; /* grows with every change */
} lethe_mask_tile;

typedef struct lethe_tiled_mask lethe_tiled_mask;

/* Errors: LETHE_LIMIT beyond 2^31 pixels a side. */
LETHE_NODISCARD lethe_status lethe_tiled_mask_create(int64_t width_px, int64_t height_px, lethe_tiled_mask **out, lethe_error *error);
void lethe_tiled_mask_destroy(lethe_tiled_mask *mask);
void lethe_tiled_mask_clear(lethe_tiled_mask *mask);
uint8_t lethe_tiled_mask_at(const lethe_tiled_mask *mask, int64_t x, int64_t y);
/* Tiles with paint, in no order; the pointer is good until the next change. NULL when `index` is behind the last. */
const lethe_mask_tile *lethe_tiled_mask_tile(const lethe_tiled_mask *mask, size_t index);
size_t lethe_tiled_mask_bytes(const lethe_tiled_mask *mask);
/* Labels (256 flags) that gained or lost pixels since the last call; then forgets. */
void lethe_tiled_mask_changed(lethe_tiled_mask *mask, bool changed[256]);
/* They could not be saved: they count as changed again. */
void lethe_tiled_mask_unsaved(lethe_tiled_mask *mask, const bool changed[256]);

/* A round brush from `from` to `to`, radius in pixels; value 0 erases; `locked` labels (256 flags, may be NULL) stay. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_tiled_mask_brush(lethe_tiled_mask *mask, lethe_point from, lethe_point to, double radius_px, uint8_t value,
                                                    const bool *locked, lethe_error *error);
/* Give `value` to the 4-connected area around a pixel that has one label; an unpainted area that is not enclosed by paint is left alone: *filled
 * says how many pixels changed. Cost: by the runs of the painted area, not its pixels. Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_tiled_mask_fill(lethe_tiled_mask *mask, int64_t x, int64_t y, uint8_t value, uint64_t *filled, lethe_error *error);
/* Add a mask of the store. Errors: LETHE_NO_MEMORY, LETHE_MALFORMED. */
LETHE_NODISCARD lethe_status lethe_tiled_mask_add(lethe_tiled_mask *mask, const lethe_rle *rle, uint8_t value, lethe_error *error);
/* All pixels of a label as a mask shape on the heap; 0 x 0 pixels when there are none. Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_tiled_mask_shape(const lethe_tiled_mask *mask, uint8_t value, lethe_shape *out, lethe_error *error);

#endif
