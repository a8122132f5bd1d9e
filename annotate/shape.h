/* Geometry of an annotation.
 *
 * Coordinates are pixels of one frame (DICOM) or of level 0 (slides): x to the right, y down, (0, 0) is the top left corner of the top left pixel and
 * (0.5, 0.5) its centre, as in PS3.3 C.18.6.1.1 (SCOORD) and COCO. Layer: annotate. Thread rule: plain values, no shared state. */
#ifndef LETHE_ANNOTATE_SHAPE_H
#define LETHE_ANNOTATE_SHAPE_H

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum lethe_shape_kind {
    LETHE_SHAPE_NONE = 0,    /* the annotation is about the whole image, series, study or patient */
    LETHE_SHAPE_POINT,       /* 1 point */
    LETHE_SHAPE_LINE,        /* 2 points */
    LETHE_SHAPE_POLYLINE,    /* 2 or more, open */
    LETHE_SHAPE_BOX,         /* 2 points: top left, bottom right */
    LETHE_SHAPE_ROTATED_BOX, /* 2 points: centre, (width, height); and angle_degrees, clockwise on the screen */
    LETHE_SHAPE_ELLIPSE,     /* 2 points: centre, (radius x, radius y); and angle_degrees */
    LETHE_SHAPE_POLYGON,     /* closed rings without repetition of the first point: the outline, then holes (even-odd rule) */
    LETHE_SHAPE_FREEHAND,    /* a closed outline as drawn, many points, one ring */
    LETHE_SHAPE_MASK,        /* one slice of run lengths */
    LETHE_SHAPE_VOLUME,      /* run lengths on several images of one series */
    LETHE_SHAPE_MEASUREMENT, /* `measure` says what of; 2 points (length), 3 (angle: arm, vertex, arm), 3 or more (area), or slices (volume) */
    LETHE_SHAPE_KINDS
} lethe_shape_kind;

typedef enum lethe_measure {
    LETHE_MEASURE_LENGTH_MM = 1,
    LETHE_MEASURE_ANGLE_DEGREES,
    LETHE_MEASURE_AREA_MM2,
    LETHE_MEASURE_VOLUME_MM3
} lethe_measure;

typedef struct lethe_point {
    double x, y;
} lethe_point;

typedef struct lethe_box {
    double x0, y0, x1, y1; /* x0 <= x1, y0 <= y1 */
} lethe_box;

/* A bitmap as alternating runs of 0 and 1, row by row, starting with 0 (that run may be empty). It covers `columns` x `rows` pixels whose top left
 * pixel is (x, y) of the image; everything outside is 0. */
typedef struct lethe_rle {
    int64_t x, y;
    uint32_t columns, rows;
    uint32_t *runs;
    size_t run_count;
} lethe_rle;

typedef struct lethe_mask_slice {
    char *image;    /* SOP Instance UID (or slide path); NULL or "" = the annotation's own image */
    uint32_t frame; /* from 0 */
    lethe_rle mask;
} lethe_mask_slice;

typedef struct lethe_shape {
    lethe_shape_kind kind;
    uint32_t frame; /* from 0; of multi-frame instances */
    double angle_degrees;
    lethe_measure measure; /* 0 unless LETHE_SHAPE_MEASUREMENT */
    double measured;       /* the value, in the unit of `measure`; NaN or 0 when not known */
    lethe_point *points;   /* all rings one after the other */
    size_t point_count;
    uint32_t *ring_ends; /* polygons: index after the last point of each ring; NULL = one ring of all points */
    size_t ring_count;
    lethe_mask_slice *slices;
    size_t slice_count;
} lethe_shape;

/* "polygon", "volume", ...; and back (false when unknown). */
const char *lethe_shape_kind_name(lethe_shape_kind kind);
bool lethe_shape_kind_parse(const char *name, lethe_shape_kind *kind);

/* A deep copy: in the arena, or on the heap when `arena` is NULL (then release it). */
LETHE_NODISCARD lethe_status lethe_shape_copy(const lethe_shape *from, lethe_arena *arena, lethe_shape *to, lethe_error *error);
/* Free a heap shape and zero it. Shapes that live in an arena are not released. */
void lethe_shape_release(lethe_shape *shape);
bool lethe_shape_equal(const lethe_shape *a, const lethe_shape *b);
/* Errors: LETHE_MALFORMED when counts, order or finiteness of numbers do not fit the kind. */
LETHE_NODISCARD lethe_status lethe_shape_check(const lethe_shape *shape, lethe_error *error);

/* Heap shapes from plain numbers. */
LETHE_NODISCARD lethe_status lethe_shape_make_box(double x0, double y0, double x1, double y1, uint32_t frame, lethe_shape *out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_shape_make_points(lethe_shape_kind kind, const lethe_point *points, size_t count, uint32_t frame, lethe_shape *out,
                                                     lethe_error *error);
/* From a bitmap (bytes that are not 0 are 1) of columns x rows whose top left pixel is (x, y): cut to its content. An empty bitmap gives a mask of
 * 0 x 0 pixels. `stride` bytes from row to row. */
LETHE_NODISCARD lethe_status lethe_shape_make_mask(const uint8_t *bitmap, uint32_t columns, uint32_t rows, size_t stride, int64_t x, int64_t y,
                                                   uint32_t frame, lethe_shape *out, lethe_error *error);

/* The smallest box that holds it; false for LETHE_SHAPE_NONE and empty masks. */
bool lethe_shape_bounds(const lethe_shape *shape, lethe_box *box);
/* Area in square pixels (boxes, ellipses, polygons by the shoelace formula minus holes, masks by count); 0 for points and lines. */
double lethe_shape_area_px(const lethe_shape *shape);
/* Set the pixels (value 1..255) of a bitmap of columns x rows whose top left pixel is (x, y): a pixel belongs to a region when its centre does
 * (even-odd; left and top edges count, right and bottom do not). Points set one pixel; lines one pixel wide. `slice` picks a slice of a volume;
 * others ignore it. */
LETHE_NODISCARD lethe_status lethe_shape_rasterize(const lethe_shape *shape, size_t slice, uint8_t value, uint8_t *bitmap, uint32_t columns,
                                                   uint32_t rows, int64_t x, int64_t y, lethe_error *error);
/* The outline as polygon rings: boxes and ellipses (64 points) become polygons, masks the borders of their pixels (4-connected foreground, outer
 * rings and holes). LETHE_SHAPE_POLYGON on the heap; several outer rings stand one after the other (even-odd). Errors: LETHE_UNSUPPORTED for points
 * and lines. */
LETHE_NODISCARD lethe_status lethe_shape_to_polygon(const lethe_shape *shape, size_t slice, lethe_shape *out, lethe_error *error);

/* Set bits of a mask. */
uint64_t lethe_rle_count(const lethe_rle *rle);
/* Expand to columns * rows bytes of 0 or 1. */
LETHE_NODISCARD lethe_status lethe_rle_expand(const lethe_rle *rle, uint8_t *bitmap, lethe_error *error);
/* Errors: LETHE_MALFORMED when the runs do not add up to columns * rows. */
LETHE_NODISCARD lethe_status lethe_rle_check(const lethe_rle *rle, lethe_error *error);

/* The form in the store: bytes with a version, exact doubles, little endian. */
LETHE_NODISCARD lethe_status lethe_shape_encode(const lethe_shape *shape, lethe_buffer *out, lethe_error *error);
/* Into the arena, or the heap when `arena` is NULL. Errors: LETHE_MALFORMED, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_shape_decode(const void *bytes, size_t size, lethe_arena *arena, lethe_shape *out, lethe_error *error);

#endif
