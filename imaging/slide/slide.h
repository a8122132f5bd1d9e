/* One interface to whole-slide images of every format: properties, levels, tiles, regions, associated images.
 *
 * Coordinates ending in _l0 are pixels of level 0, origin top left. Layer: imaging. Thread rule: safe for several threads at once; memory bounded. */
#ifndef LETHE_IMAGING_SLIDE_SLIDE_H
#define LETHE_IMAGING_SLIDE_SLIDE_H

#include "core/error.h"
#include "imaging/image.h"

#include <stdint.h>

typedef struct lethe_slide lethe_slide;

typedef struct lethe_slide_level {
    int64_t width_px, height_px;
    double downsample; /* level 0: 1.0 */
    uint32_t tile_width_px, tile_height_px;
    int64_t tiles_across, tiles_down;
} lethe_slide_level;

/* The name of the format ("aperio", "hamamatsu", "mirax", ...) that `path` is in, by its content; "tiff" for a TIFF that is no tiled pyramid or
 * cannot be parsed (de-identification quarantines it with the reason); NULL when it is no slide of a known kind. Static. */
const char *lethe_slide_detect(const char *path);
/* A DICOM instance opens all volumes of its series that stand in the same folder, as one pyramid. Errors: LETHE_UNSUPPORTED, LETHE_MALFORMED,
 * LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_slide_open(const char *path, lethe_slide **out, lethe_error *error);
void lethe_slide_close(lethe_slide *slide);
/* The file that stands for the slide: of several (the instances of a DICOM series), the first of level 0; else the one that was opened. Borrowed. */
const char *lethe_slide_front(const lethe_slide *slide);
const char *lethe_slide_format(const lethe_slide *slide);
unsigned lethe_slide_level_count(const lethe_slide *slide);
const lethe_slide_level *lethe_slide_level_at(const lethe_slide *slide, unsigned level);
/* Micrometres per pixel of level 0; 0 when unknown. */
double lethe_slide_mpp_um(const lethe_slide *slide);
double lethe_slide_objective_power(const lethe_slide *slide); /* 0 when unknown */
/* Decode one tile to RGBA, 8 bits. Tiles at the right and bottom edge are cut to the level. Missing tiles are white. */
LETHE_NODISCARD lethe_status lethe_slide_read_tile(lethe_slide *slide, unsigned level, int64_t column, int64_t row, lethe_image *rgba,
                                                   lethe_error *error);
/* Decode one tile at 1 / `shrink` (1, 2, 4 or 8) of its size, rounded up, for searches and overviews: each pixel is about the mean of shrink x
 * shrink. JPEG tiles of TIFF cost a third of lethe_slide_read_tile, others the same. */
LETHE_NODISCARD lethe_status lethe_slide_read_tile_reduced(lethe_slide *slide, unsigned level, int64_t column, int64_t row, unsigned shrink,
                                                           lethe_image *rgba, lethe_error *error);
/* Let go of the pages of the mapped file that were read: else all of a large level counts as memory in use. They stay in the page cache. */
void lethe_slide_forget(lethe_slide *slide);
/* Decode a region: top left corner in level 0 pixels, size in pixels of `level`; white outside. */
LETHE_NODISCARD lethe_status lethe_slide_read_region(lethe_slide *slide, unsigned level, int64_t x_l0, int64_t y_l0, uint32_t width_px,
                                                     uint32_t height_px, lethe_image *rgba, lethe_error *error);
/* "label", "macro", "thumbnail": private side only. Errors: LETHE_NOT_FOUND. */
LETHE_NODISCARD lethe_status lethe_slide_read_associated(lethe_slide *slide, const char *name, lethe_image *rgba, lethe_error *error);
/* ICC profile of level 0; NULL when there is none. Borrowed. */
const uint8_t *lethe_slide_icc(const lethe_slide *slide, size_t *size);

#endif
