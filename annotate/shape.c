/* The geometry model: copies, checks, bounds, areas. Rasterizing is in shape_raster.c, the stored form in shape_code.c. */
#include "annotate/shape.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

static const char *const kind_names[LETHE_SHAPE_KINDS] = {"none",    "point",   "line",     "polyline", "box",    "rotated_box",
                                                          "ellipse", "polygon", "freehand", "mask",     "volume", "measurement"};

const char *lethe_shape_kind_name(lethe_shape_kind kind) { return (unsigned)kind < LETHE_SHAPE_KINDS ? kind_names[kind] : "unknown"; }

bool lethe_shape_kind_parse(const char *name, lethe_shape_kind *kind) {
    for (unsigned i = 0; i < LETHE_SHAPE_KINDS; i++) {
        if (strcmp(kind_names[i], name) != 0) continue;
        *kind = (lethe_shape_kind)i;
        return true;
    }
    return false;
}

/* --- memory --- */

static void *take(lethe_arena *arena, size_t count, size_t size) {
    return arena != NULL ? lethe_arena_alloc_array(arena, count, size) : lethe_alloc_array(count, size);
}

static void *take_copy(lethe_arena *arena, const void *from, size_t count, size_t size) {
    void *to = take(arena, count, size);
    if (to != NULL && count != 0) memcpy(to, from, count * size);
    return to;
}

static bool copy_slice(const lethe_mask_slice *from, lethe_arena *arena, lethe_mask_slice *to) {
    *to = *from;
    to->mask.runs = NULL;
    const char *image = from->image != NULL ? from->image : "";
    to->image = take_copy(arena, image, strlen(image) + 1, 1);
    to->mask.runs = take_copy(arena, from->mask.runs, from->mask.run_count, sizeof *from->mask.runs);
    return to->image != NULL && to->mask.runs != NULL;
}

lethe_status lethe_shape_copy(const lethe_shape *from, lethe_arena *arena, lethe_shape *to, lethe_error *error) {
    *to = *from;
    to->points = NULL;
    to->ring_ends = NULL;
    to->slices = NULL;
    to->slice_count = 0;
    if (from->point_count != 0 && (to->points = take_copy(arena, from->points, from->point_count, sizeof *from->points)) == NULL) goto out_of_memory;
    if (from->ring_ends == NULL) to->ring_count = 0;
    else if ((to->ring_ends = take_copy(arena, from->ring_ends, from->ring_count, sizeof *from->ring_ends)) == NULL) goto out_of_memory;
    if (from->slice_count != 0 && (to->slices = take(arena, from->slice_count, sizeof *from->slices)) == NULL) goto out_of_memory;
    for (size_t i = 0; i < from->slice_count; i++) {
        to->slice_count = i + 1;
        if (!copy_slice(&from->slices[i], arena, &to->slices[i])) goto out_of_memory;
    }
    return LETHE_OK;
out_of_memory:
    if (arena == NULL) lethe_shape_release(to);
    memset(to, 0, sizeof *to);
    return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a shape");
}

void lethe_shape_release(lethe_shape *shape) {
    if (shape == NULL) return;
    lethe_free(shape->points);
    lethe_free(shape->ring_ends);
    for (size_t i = 0; i < shape->slice_count; i++) {
        lethe_free(shape->slices[i].image);
        lethe_free(shape->slices[i].mask.runs);
    }
    lethe_free(shape->slices);
    memset(shape, 0, sizeof *shape);
}

/* --- comparing and checking --- */

static bool same_double(double a, double b) { return (isnan(a) && isnan(b)) || !(a < b || a > b || isnan(a) || isnan(b)); }

static size_t ring_count_of(const lethe_shape *shape) { return shape->ring_ends == NULL ? 1 : shape->ring_count; }

static size_t ring_end_of(const lethe_shape *shape, size_t ring) { return shape->ring_ends == NULL ? shape->point_count : shape->ring_ends[ring]; }

static bool same_slice(const lethe_mask_slice *a, const lethe_mask_slice *b) {
    const char *image_a = a->image != NULL ? a->image : "", *image_b = b->image != NULL ? b->image : "";
    return strcmp(image_a, image_b) == 0 && a->frame == b->frame && a->mask.x == b->mask.x && a->mask.y == b->mask.y &&
           a->mask.columns == b->mask.columns && a->mask.rows == b->mask.rows && a->mask.run_count == b->mask.run_count &&
           (a->mask.run_count == 0 || memcmp(a->mask.runs, b->mask.runs, a->mask.run_count * sizeof *a->mask.runs) == 0);
}

bool lethe_shape_equal(const lethe_shape *a, const lethe_shape *b) {
    if (a->kind != b->kind || a->frame != b->frame || a->measure != b->measure || a->point_count != b->point_count ||
        a->slice_count != b->slice_count)
        return false;
    if (!same_double(a->angle_degrees, b->angle_degrees) || !same_double(a->measured, b->measured)) return false;
    for (size_t i = 0; i < a->point_count; i++)
        if (!same_double(a->points[i].x, b->points[i].x) || !same_double(a->points[i].y, b->points[i].y)) return false;
    if (ring_count_of(a) != ring_count_of(b)) return false;
    for (size_t i = 0; i < ring_count_of(a); i++)
        if (ring_end_of(a, i) != ring_end_of(b, i)) return false;
    for (size_t i = 0; i < a->slice_count; i++)
        if (!same_slice(&a->slices[i], &b->slices[i])) return false;
    return true;
}

static bool points_fit(const lethe_shape *shape) {
    size_t n = shape->point_count;
    switch (shape->kind) {
    case LETHE_SHAPE_NONE:
    case LETHE_SHAPE_MASK:
    case LETHE_SHAPE_VOLUME: return n == 0;
    case LETHE_SHAPE_POINT: return n == 1;
    case LETHE_SHAPE_LINE:
    case LETHE_SHAPE_BOX:
    case LETHE_SHAPE_ROTATED_BOX:
    case LETHE_SHAPE_ELLIPSE: return n == 2;
    case LETHE_SHAPE_POLYLINE: return n >= 2;
    case LETHE_SHAPE_POLYGON:
    case LETHE_SHAPE_FREEHAND: return n >= 3;
    case LETHE_SHAPE_MEASUREMENT:
        switch (shape->measure) {
        case LETHE_MEASURE_LENGTH_MM: return n >= 2;
        case LETHE_MEASURE_ANGLE_DEGREES: return n == 3 || n == 4;
        case LETHE_MEASURE_AREA_MM2: return n >= 3;
        case LETHE_MEASURE_VOLUME_MM3: return n == 0 && shape->slice_count > 0;
        default: return false;
        }
    default: return false;
    }
}

static bool slices_fit(const lethe_shape *shape) {
    if (shape->kind == LETHE_SHAPE_MASK) return shape->slice_count == 1;
    if (shape->kind == LETHE_SHAPE_VOLUME) return shape->slice_count >= 1;
    return shape->slice_count == 0 || (shape->kind == LETHE_SHAPE_MEASUREMENT && shape->measure == LETHE_MEASURE_VOLUME_MM3);
}

static lethe_status check_rings(const lethe_shape *shape, lethe_error *error) {
    size_t start = 0;
    if (shape->ring_ends != NULL && shape->kind != LETHE_SHAPE_POLYGON) return lethe_fail(error, LETHE_MALFORMED, "only polygons have rings");
    for (size_t i = 0; i < ring_count_of(shape); i++) {
        size_t end = ring_end_of(shape, i);
        if (end > shape->point_count || end < start || end - start < 3)
            return lethe_fail(error, LETHE_MALFORMED, "polygon ring %zu has fewer than 3 points", i);
        start = end;
    }
    return start == shape->point_count ? LETHE_OK
                                       : lethe_fail(error, LETHE_MALFORMED, "polygon rings leave %zu points over", shape->point_count - start);
}

lethe_status lethe_shape_check(const lethe_shape *shape, lethe_error *error) {
    if ((unsigned)shape->kind >= LETHE_SHAPE_KINDS) return lethe_fail(error, LETHE_MALFORMED, "unknown shape kind %d", (int)shape->kind);
    if (!points_fit(shape))
        return lethe_fail(error, LETHE_MALFORMED, "%zu points do not make a %s", shape->point_count, lethe_shape_kind_name(shape->kind));
    if (!slices_fit(shape))
        return lethe_fail(error, LETHE_MALFORMED, "%zu mask slices in a %s", shape->slice_count, lethe_shape_kind_name(shape->kind));
    if (!isfinite(shape->angle_degrees)) return lethe_fail(error, LETHE_MALFORMED, "the angle is not a number");
    for (size_t i = 0; i < shape->point_count; i++)
        if (!isfinite(shape->points[i].x) || !isfinite(shape->points[i].y)) return lethe_fail(error, LETHE_MALFORMED, "point %zu is not a number", i);
    if (shape->kind == LETHE_SHAPE_BOX && (shape->points[1].x < shape->points[0].x || shape->points[1].y < shape->points[0].y))
        return lethe_fail(error, LETHE_MALFORMED, "the corners of a box are in the wrong order");
    if ((shape->kind == LETHE_SHAPE_ELLIPSE || shape->kind == LETHE_SHAPE_ROTATED_BOX) && (shape->points[1].x < 0 || shape->points[1].y < 0))
        return lethe_fail(error, LETHE_MALFORMED, "negative size");
    if (shape->kind == LETHE_SHAPE_POLYGON || shape->ring_ends != NULL) {
        lethe_status status = check_rings(shape, error);
        if (status != LETHE_OK) return status;
    }
    for (size_t i = 0; i < shape->slice_count; i++) {
        lethe_status status = lethe_rle_check(&shape->slices[i].mask, error);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

/* --- making --- */

lethe_status lethe_shape_make_points(lethe_shape_kind kind, const lethe_point *points, size_t count, uint32_t frame, lethe_shape *out,
                                     lethe_error *error) {
    lethe_shape shape = {.kind = kind, .frame = frame, .points = (lethe_point *)points, .point_count = count};
    memset(out, 0, sizeof *out);
    lethe_status status = lethe_shape_check(&shape, error);
    return status == LETHE_OK ? lethe_shape_copy(&shape, NULL, out, error) : status;
}

lethe_status lethe_shape_make_box(double x0, double y0, double x1, double y1, uint32_t frame, lethe_shape *out, lethe_error *error) {
    lethe_point corners[2] = {{fmin(x0, x1), fmin(y0, y1)}, {fmax(x0, x1), fmax(y0, y1)}};
    return lethe_shape_make_points(LETHE_SHAPE_BOX, corners, 2, frame, out, error);
}

/* --- measures --- */

static void grow(lethe_box *box, bool *any, double x, double y) {
    if (!*any) *box = (lethe_box){x, y, x, y};
    *any = true;
    box->x0 = fmin(box->x0, x);
    box->x1 = fmax(box->x1, x);
    box->y0 = fmin(box->y0, y);
    box->y1 = fmax(box->y1, y);
}

static double radians(double degrees) { return degrees * (M_PI / 180.0); }

static void bounds_of_rotated(const lethe_shape *shape, lethe_box *box) {
    double c = cos(radians(shape->angle_degrees)), s = sin(radians(shape->angle_degrees)), half_x, half_y;
    double cx = shape->points[0].x, cy = shape->points[0].y;
    if (shape->kind == LETHE_SHAPE_ELLIPSE) {
        double a = shape->points[1].x, b = shape->points[1].y;
        half_x = sqrt(a * a * c * c + b * b * s * s);
        half_y = sqrt(a * a * s * s + b * b * c * c);
    } else {
        double w = shape->points[1].x / 2, h = shape->points[1].y / 2;
        half_x = fabs(w * c) + fabs(h * s);
        half_y = fabs(w * s) + fabs(h * c);
    }
    *box = (lethe_box){cx - half_x, cy - half_y, cx + half_x, cy + half_y};
}

bool lethe_shape_bounds(const lethe_shape *shape, lethe_box *box) {
    bool any = false;
    *box = (lethe_box){0, 0, 0, 0};
    if (shape->kind == LETHE_SHAPE_ELLIPSE || shape->kind == LETHE_SHAPE_ROTATED_BOX) {
        bounds_of_rotated(shape, box);
        return true;
    }
    for (size_t i = 0; i < shape->point_count; i++) grow(box, &any, shape->points[i].x, shape->points[i].y);
    for (size_t i = 0; i < shape->slice_count; i++) {
        const lethe_rle *mask = &shape->slices[i].mask;
        if (mask->columns == 0 || mask->rows == 0) continue;
        grow(box, &any, (double)mask->x, (double)mask->y);
        grow(box, &any, (double)(mask->x + mask->columns), (double)(mask->y + mask->rows));
    }
    return any;
}

static double ring_area(const lethe_point *points, size_t count) {
    double twice = 0;
    for (size_t i = 0; i < count; i++) {
        const lethe_point *a = &points[i], *b = &points[(i + 1) % count];
        twice += a->x * b->y - b->x * a->y;
    }
    return fabs(twice) / 2;
}

/* Even-odd: a ring whose first point lies inside an odd number of the others is a hole. */
static bool ring_is_hole(const lethe_shape *shape, size_t ring) {
    size_t start = ring == 0 ? 0 : ring_end_of(shape, ring - 1);
    lethe_point at = shape->points[start], next = shape->points[start + 1];
    at.x = (at.x + next.x) / 2 + 1e-7; /* not on a corner of a ring that touches this one */
    at.y = (at.y + next.y) / 2 + 1e-7;
    bool inside = false;
    for (size_t other = 0, from = 0; other < ring_count_of(shape); from = ring_end_of(shape, other), other++) {
        if (other == ring) continue;
        size_t count = ring_end_of(shape, other) - from;
        const lethe_point *points = shape->points + from;
        for (size_t i = 0, j = count - 1; i < count; j = i++)
            if ((points[i].y > at.y) != (points[j].y > at.y) &&
                at.x < (points[j].x - points[i].x) * (at.y - points[i].y) / (points[j].y - points[i].y) + points[i].x)
                inside = !inside;
    }
    return inside;
}

double lethe_shape_area_px(const lethe_shape *shape) {
    double area = 0;
    switch (shape->kind) {
    case LETHE_SHAPE_BOX: return (shape->points[1].x - shape->points[0].x) * (shape->points[1].y - shape->points[0].y);
    case LETHE_SHAPE_ROTATED_BOX: return shape->points[1].x * shape->points[1].y;
    case LETHE_SHAPE_ELLIPSE: return M_PI * shape->points[1].x * shape->points[1].y;
    case LETHE_SHAPE_FREEHAND: return ring_area(shape->points, shape->point_count);
    case LETHE_SHAPE_POLYGON:
        for (size_t ring = 0, from = 0; ring < ring_count_of(shape); from = ring_end_of(shape, ring), ring++) {
            double of_ring = ring_area(shape->points + from, ring_end_of(shape, ring) - from);
            area += ring_count_of(shape) > 1 && ring_is_hole(shape, ring) ? -of_ring : of_ring;
        }
        return area;
    case LETHE_SHAPE_MEASUREMENT:
        if (shape->measure == LETHE_MEASURE_AREA_MM2) return ring_area(shape->points, shape->point_count);
        break;
    default: break;
    }
    for (size_t i = 0; i < shape->slice_count; i++) area += (double)lethe_rle_count(&shape->slices[i].mask);
    return area;
}
