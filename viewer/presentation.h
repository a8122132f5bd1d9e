/* Softcopy presentation states: how somebody wanted images to be shown (PS3.3 A.33.1 greyscale, A.33.2 colour, A.33.6 XA/XRF). Read once, shown when
 * a reader asks for them, never by themselves: their graphics are another reader's opinion.
 *
 * Read: referenced images and frames, modality, VOI and presentation LUT, displayed area, rotation and mirror, display shutters, graphics and text
 * with their layers. Not read: overlays and bitmap shutters of the state itself, compound graphics, masks (subtraction); `left_out` counts them.
 * Image coordinates are the viewer's: the corner of the first pixel is 0, 0. Layer: viewer. Thread rule: immutable once read; readable by many
 * threads. */
#ifndef LETHE_VIEWER_PRESENTATION_H
#define LETHE_VIEWER_PRESENTATION_H

#include "core/arena.h"
#include "core/error.h"
#include "imaging/dicom/pixels.h"
#include "viewer/camera.h"

#include <stddef.h>
#include <stdint.h>

/* An image, or one frame of it. */
typedef struct lethe_presentation_image {
    const char *instance;
    uint32_t frame; /* from 1; 0 = all */
} lethe_presentation_image;

/* Which of the state's images something is for. */
typedef struct lethe_presentation_scope {
    const lethe_presentation_image *images;
    size_t count; /* 0 = all of the state */
} lethe_presentation_scope;

/* PS3.3 C.11.8 */
typedef struct lethe_presentation_voi {
    lethe_presentation_scope scope;
    bool has_window;
    double centre, width;
    int function;              /* as in lethe_display */
    lethe_display_table table; /* without a window */
} lethe_presentation_voi;

/* PS3.3 C.10.4 */
typedef enum lethe_presentation_size { LETHE_SIZE_FIT, LETHE_SIZE_TRUE, LETHE_SIZE_MAGNIFY } lethe_presentation_size;
typedef struct lethe_presentation_area {
    lethe_presentation_scope scope;
    lethe_rect rect; /* of the image */
    lethe_presentation_size size;
    double magnification; /* screen pixels an image pixel: LETHE_SIZE_MAGNIFY */
    double across_mm;     /* of an image pixel: LETHE_SIZE_TRUE; 0 = not given */
    double aspect;        /* pixel height / width; 0 = not given */
} lethe_presentation_area;

/* PS3.3 C.7.6.11; what is outside of any of its shapes is hidden. Also of images themselves. */
typedef struct lethe_shutter {
    bool rectangle, circle, polygon;
    lethe_rect box;
    lethe_point centre;
    double radius;
    const lethe_point *corners;
    size_t corner_count;
    double grey; /* 0 black to 1 white */
} lethe_shutter;

/* PS3.3 C.10.5 */
typedef enum lethe_graphic_kind {
    LETHE_GRAPHIC_POINT,
    LETHE_GRAPHIC_POLYLINE,
    LETHE_GRAPHIC_INTERPOLATED,
    LETHE_GRAPHIC_CIRCLE,  /* centre, a point of the circle */
    LETHE_GRAPHIC_ELLIPSE, /* ends of the major axis, ends of the minor axis */
    LETHE_GRAPHIC_TEXT     /* corners of a box, where there is one */
} lethe_graphic_kind;
typedef struct lethe_graphic {
    lethe_presentation_scope scope;
    lethe_graphic_kind kind;
    bool of_display; /* points are fractions of the displayed area as it is on the screen, else places of the image */
    bool filled;
    const lethe_point *points;
    size_t count;
    const char *text; /* UTF-8 with line ends */
    double align;     /* of text in its box: 0 left, 0.5 middle, 1 right */
    bool has_anchor, anchor_of_display, anchor_visible;
    lethe_point anchor;
    int order;        /* of its layer: lower ones are drawn first */
    uint32_t ordinal; /* in the file */
    uint32_t colour;
} lethe_graphic;

typedef enum lethe_presentation_lut { LETHE_LUT_IDENTITY, LETHE_LUT_INVERSE, LETHE_LUT_TABLE } lethe_presentation_lut;

typedef struct lethe_presentation {
    const char *uid, *label, *description; /* UTF-8, "" when not given */
    bool is_colour;
    lethe_presentation_scope images;
    bool has_rescale;
    double slope, intercept;
    lethe_display_table modality; /* no entries: none */
    lethe_presentation_voi *voi;
    lethe_presentation_area *areas;
    lethe_graphic *graphics; /* in order of drawing */
    size_t voi_count, area_count, graphic_count, left_out;
    lethe_presentation_lut lut;
    lethe_display_table lut_table; /* input 0 to entries - 1 is the whole range of the VOI's output */
    int rotation;                  /* clockwise: 0, 90, 180, 270; then mirrored left to right */
    bool mirrored;
    lethe_shutter shutter;
    lethe_arena *arena;
} lethe_presentation;

/* Whether a SOP class is one that is read here. */
bool lethe_presentation_class(const char *sop_class);
/* Errors: LETHE_UNSUPPORTED (another kind of object), LETHE_MALFORMED with the tag, LETHE_LIMIT, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_presentation_load(const char *path, lethe_presentation **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_presentation_take(const lethe_dicom_dataset *dataset, lethe_presentation **out, lethe_error *error);
void lethe_presentation_destroy(lethe_presentation *state);

/* Whether something is for a frame (from 0) of an instance. */
bool lethe_presentation_covers(const lethe_presentation *state, const lethe_presentation_scope *scope, const char *instance, uint32_t frame);
/* The VOI and the displayed area for a frame; NULL when the state has none. */
const lethe_presentation_voi *lethe_presentation_voi_for(const lethe_presentation *state, const char *instance, uint32_t frame);
const lethe_presentation_area *lethe_presentation_area_for(const lethe_presentation *state, const char *instance, uint32_t frame);
/* VOI and presentation LUT in one table over modality values `low` to `high`, 16 bits deep, as the shader takes it. Errors: LETHE_LIMIT when that are
 * more than 65,536 values, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_presentation_table(const lethe_presentation *state, const lethe_presentation_voi *voi, int32_t low, int32_t high,
                                                      lethe_display_table *out, lethe_error *error);

/* The shutter of an image or a state; points live in the arena. False when there is none. */
bool lethe_shutter_load(const lethe_dicom_item *root, lethe_arena *arena, lethe_shutter *out);
/* 1 where a pixel is hidden, else 0: `out` holds columns * rows bytes. */
void lethe_shutter_mask(const lethe_shutter *shutter, uint32_t columns, uint32_t rows, uint8_t *out);

#endif
