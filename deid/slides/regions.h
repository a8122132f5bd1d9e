/* Regions of a slide that are blacked out on every level: only the tiles that they touch are encoded again, all others stay byte for byte.
 *
 * JPEG tiles change by DCT blocks (imaging/dicom/jpeg_blocks.h), JPEG 2000 tiles are decoded and written again without further loss, uncompressed
 * ones are overwritten; tiles of the other lossless kinds become flat as a whole. Layer: deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_REGIONS_H
#define LETHE_DEID_SLIDES_REGIONS_H

#include "core/error.h"
#include "deid/slides/slide_deid.h"

/* A rectangle in pixels of one level. */
typedef struct lethe_level_box {
    int64_t x, y, width, height;
} lethe_level_box;

/* `region` on a level of width x height pixels, grown to whole pixels. False when it lies outside. Philips pads its levels: `power_of_two` rounds the
 * factor. */
bool lethe_region_on_level(const lethe_slide_region *region, int64_t width0, int64_t height0, int64_t width, int64_t height, bool power_of_two,
                           lethe_level_box *box);

/* A part of a level's own pixels that readers show somewhere on level 0: where stitching moves tiles, each is a part of its own. */
typedef struct lethe_level_part {
    lethe_level_box box;       /* in the level's own pixels */
    double x_l0, y_l0;         /* where its top left corner is shown */
    double across_l0, down_l0; /* pixels of level 0 per pixel of its own */
} lethe_level_part;
typedef struct lethe_level_map {
    const lethe_level_part *parts;
    size_t count;
} lethe_level_map;

/* What `region` covers of a part, in pixels of the level: whole pixels, one more all round where pixels do not lie on those of level 0. False when
 * nothing. */
bool lethe_region_on_part(const lethe_slide_region *region, const lethe_level_part *part, lethe_level_box *box);

/* The geometry of one tile, and what of it must go. */
typedef struct lethe_region_tile {
    uint64_t compression;               /* as in TIFF */
    const uint8_t *bytes, *jpeg_tables; /* jpeg_tables NULL: none */
    size_t size, jpeg_tables_size;
    uint32_t width_px, height_px; /* of the whole tile */
    uint32_t samples, bits;       /* per pixel in this plane; bits per sample: 8 or 16 */
    bool is_rgb;                  /* PhotometricInterpretation 2 */
    const lethe_level_box *boxes; /* in pixels of the tile; may reach beyond it */
    unsigned box_count;
} lethe_region_tile;

struct lethe_buffer;
/* Append the tile with its boxes blacked out. Errors: LETHE_UNSAFE when tiles of the kind cannot be written again, LETHE_MALFORMED, LETHE_NO_MEMORY.
 */
LETHE_NODISCARD lethe_status lethe_region_redact_tile(const lethe_region_tile *tile, struct lethe_buffer *out, lethe_error *error);

/* The proof: open the slide at `path` and look at each region on each level; every pixel must be flat. Errors: LETHE_UNSAFE. */
LETHE_NODISCARD lethe_status lethe_regions_prove(const char *path, const lethe_slide_region *regions, size_t count, lethe_error *error);

#endif
