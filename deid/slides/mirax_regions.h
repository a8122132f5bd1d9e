/* Regions of an MRXS slide: where readers show its pictures, and the pictures written anew.
 *
 * The camera takes photographs at positions that the slide lists (or at even distances); each is cut into equal pictures, and pictures of smaller
 * levels join those of several photographs. So a picture shows one part of level 0 per photograph in it. Layer: deid. Thread rule: immutable after
 * lethe_mirax_layout_read. */
#ifndef LETHE_DEID_SLIDES_MIRAX_REGIONS_H
#define LETHE_DEID_SLIDES_MIRAX_REGIONS_H

#include "core/arena.h"
#include "core/buffer.h"
#include "deid/slides/regions.h"
#include "imaging/slide/ini.h"

enum { LETHE_MIRAX_LEVELS = 64 };

typedef struct lethe_mirax_layout {
    int64_t across, down, divisions; /* pictures of level 0; per side of a photograph */
    unsigned level_count;
    struct {
        int64_t width_px, height_px; /* of a picture */
        uint32_t joined;             /* pictures of the camera per side of one of this level */
    } levels[LETHE_MIRAX_LEVELS];
    double overlap_x, overlap_y;
    int32_t *positions; /* pairs, per photograph; NULL: at even distances */
    size_t position_count;
    lethe_level_part *parts; /* room for those of one picture */
    size_t part_room;
} lethe_mirax_layout;

/* From Slidedat.ini and the bytes of the positions (NULL: there are none; `deflated`: StitchingIntensityLayer). Errors: LETHE_UNSAFE when the slide
 * does not say where its pictures are, LETHE_LIMIT, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_mirax_layout_read(const lethe_ini *ini, const char *const *sections, unsigned level_count,
                                                     const uint8_t *positions, uint64_t size, bool deflated, lethe_arena *arena,
                                                     lethe_mirax_layout *layout, lethe_error *error);
/* The boxes that regions make on picture `image` of a level, in its pixels; `boxes` and `count` belong to the arena. Errors: LETHE_UNSAFE when the
 * picture lies outside the grid, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_mirax_boxes(const lethe_mirax_layout *layout, unsigned level, uint32_t image, const lethe_slide_region *regions,
                                               size_t region_count, lethe_arena *arena, lethe_level_box **boxes, size_t *count, lethe_error *error);
/* Append the picture with its boxes blacked out: JPEG by blocks, BMP by pixels, PNG black as a whole. Errors: as lethe_region_redact_tile. */
LETHE_NODISCARD lethe_status lethe_mirax_redact(const char *format, const uint8_t *bytes, size_t size, const lethe_level_box *boxes, size_t count,
                                                lethe_buffer *out, lethe_error *error);

#endif
