/* Drawing with OpenGL 3.3 core: images at full bit depth, label maps, and the triangles of the user interface. The only place that knows GL.
 *
 * Layer: viewer. Thread rule: the thread whose context is current. */
#ifndef LETHE_VIEWER_DRAW_GL_H
#define LETHE_VIEWER_DRAW_GL_H

#include "core/error.h"
#include "imaging/image.h"
#include "viewer/camera.h"
#include "viewer/ui.h"

typedef struct lethe_draw lethe_draw;

typedef enum lethe_texture_kind {
    LETHE_TEXTURE_NONE,
    LETHE_TEXTURE_GREY,   /* 8 or 16 bits, stored values kept exactly */
    LETHE_TEXTURE_FLOAT,  /* 32-bit values and resampled planes */
    LETHE_TEXTURE_COLOUR, /* RGBA, 8 bits */
    LETHE_TEXTURE_LABELS  /* 8-bit label indices */
} lethe_texture_kind;

typedef struct lethe_texture {
    lethe_texture_kind kind;
    uint32_t id, width, height;
    double bias; /* stored value = texel + bias */
} lethe_texture;

LETHE_NODISCARD lethe_status lethe_draw_create(lethe_draw **out, lethe_error *error);
void lethe_draw_destroy(lethe_draw *draw);

/* Copy a decoded frame (1 sample: grey; 3 or 4 samples of 8 bits: colour) into a new texture. Errors: LETHE_LIMIT beyond the GPU's size,
 * LETHE_UNSUPPORTED. */
LETHE_NODISCARD lethe_status lethe_texture_load(lethe_draw *draw, const lethe_image *image, lethe_texture *out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_texture_load_float(lethe_draw *draw, const float *values, uint32_t width, uint32_t height, lethe_texture *out,
                                                      lethe_error *error);
LETHE_NODISCARD lethe_status lethe_texture_load_labels(lethe_draw *draw, const uint8_t *labels, uint32_t width, uint32_t height, lethe_texture *out,
                                                       lethe_error *error);
/* Copy a rectangle of a label map or float plane whose rows are `stride` elements apart; `values` points to the first element of the whole plane. */
void lethe_texture_update_labels(lethe_draw *draw, const lethe_texture *texture, const uint8_t *labels, uint32_t stride, uint32_t x, uint32_t y,
                                 uint32_t width, uint32_t height);
void lethe_texture_update_float(lethe_draw *draw, const lethe_texture *texture, const float *values);
void lethe_texture_drop(lethe_draw *draw, lethe_texture *texture);
size_t lethe_texture_bytes(const lethe_texture *texture);
size_t lethe_draw_texture_bytes(const lethe_draw *draw); /* all that live */

enum { LETHE_FUNCTION_TABLE = 3, LETHE_COLOUR_MAP_OVERLAY = 3, LETHE_COLOUR_MAP_SHUTTER = 4 };
/* A VOI LUT, its outputs scaled to 0 .. 1. */
LETHE_NODISCARD lethe_status lethe_texture_load_table(lethe_draw *draw, const uint16_t *values, uint32_t entries, unsigned bits, lethe_texture *out,
                                                      lethe_error *error);

/* One picture: a texture over `place` (image coordinates), seen through a camera, cut to the camera's viewport. */
typedef struct lethe_picture {
    const lethe_texture *texture;
    const lethe_camera *camera;
    lethe_rect place;
    bool linear; /* interpolate; else nearest */
    bool invert;
    double slope, intercept;    /* grey: modality LUT */
    double centre, width;       /* grey: window in modality units */
    int function;               /* lethe_display.function, or LETHE_FUNCTION_TABLE */
    const lethe_texture *table; /* VOI LUT of lethe_texture_load_table; values from `table_first` on, `table_entries` of them */
    int32_t table_first;
    uint32_t table_entries;
    bool has_padding;
    double padding_low, padding_high; /* stored values shown black */
    double opacity;                   /* labels and overlays; 0 counts as 1 */
    bool outline;                     /* labels: only their borders */
    int colour_map;                   /* grey: 0 grey, 1 hot, 2 cool-warm, 3 graphics: what is not 0 is drawn in one
                                         colour, 4 shutter: in the grey `centre` of 0 to 1 */
    const uint8_t *palette;           /* labels: 256 RGBA colours, alpha 0 = hidden; borrowed for the call */
} lethe_picture;

/* Sizes in screen coordinates; `pixel_scale` frame buffer pixels each. `clear` is 0xRRGGBB. */
void lethe_draw_begin(lethe_draw *draw, int width, int height, double pixel_scale, uint32_t clear);
void lethe_draw_picture(lethe_draw *draw, const lethe_picture *picture);
void lethe_draw_ui(lethe_draw *draw, const lethe_ui_output *output);
/* What was drawn since begin, as RGB. */
LETHE_NODISCARD lethe_status lethe_draw_read(lethe_draw *draw, lethe_image *out, lethe_error *error);
/* GL errors seen since creation (checked once a frame). */
unsigned lethe_draw_errors(lethe_draw *draw);
const char *lethe_draw_renderer(const lethe_draw *draw);
void lethe_draw_finish(lethe_draw *draw); /* wait for the GPU, for timing */

#endif
