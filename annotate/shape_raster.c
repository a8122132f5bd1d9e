/* Shapes to bitmaps and back: run lengths, scan conversion, outlines of masks. */
#include "annotate/shape.h"

#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BITMAP_LIMIT ((uint64_t)1 << 31)

typedef struct canvas {
    uint8_t *pixels, value;
    int64_t columns, rows, x, y; /* x, y: the image pixel that pixels[0] is */
} canvas;

/* --- run lengths --- */

uint64_t lethe_rle_count(const lethe_rle *rle) {
    uint64_t sum = 0;
    for (size_t i = 1; i < rle->run_count; i += 2) sum += rle->runs[i];
    return sum;
}

lethe_status lethe_rle_check(const lethe_rle *rle, lethe_error *error) {
    uint64_t sum = 0;
    for (size_t i = 0; i < rle->run_count; i++) sum += rle->runs[i];
    if (sum != (uint64_t)rle->columns * rle->rows)
        return lethe_fail(error, LETHE_MALFORMED, "run lengths cover %llu pixels of a mask of %u x %u", (unsigned long long)sum, rle->columns,
                          rle->rows);
    /* Far beyond any image, and safe to do sums with. */
    if (llabs(rle->x) > INT32_MAX || llabs(rle->y) > INT32_MAX) return lethe_fail(error, LETHE_MALFORMED, "a mask lies outside every image");
    return LETHE_OK;
}

lethe_status lethe_rle_expand(const lethe_rle *rle, uint8_t *bitmap, lethe_error *error) {
    lethe_status status = lethe_rle_check(rle, error);
    size_t at = 0;
    for (size_t i = 0; status == LETHE_OK && i < rle->run_count; i++) {
        memset(bitmap + at, (int)(i & 1), rle->runs[i]);
        at += rle->runs[i];
    }
    return status;
}

/* The rows and columns of a bitmap that hold something; false when it is empty. */
static bool content_box(const uint8_t *bitmap, uint32_t columns, uint32_t rows, size_t stride, uint32_t box[4]) {
    box[0] = columns;
    box[1] = rows;
    box[2] = box[3] = 0;
    for (uint32_t y = 0; y < rows; y++)
        for (uint32_t x = 0; x < columns; x++) {
            if (bitmap[(size_t)y * stride + x] == 0) continue;
            if (x < box[0]) box[0] = x;
            if (y < box[1]) box[1] = y;
            if (x >= box[2]) box[2] = x + 1;
            if (y >= box[3]) box[3] = y + 1;
        }
    return box[2] != 0;
}

/* Runs of the box's pixels; with `runs` NULL only counts them. */
static size_t collect_runs(const uint8_t *bitmap, size_t stride, const uint32_t box[4], uint32_t *runs) {
    size_t count = 0;
    uint32_t length = 0;
    bool current = false;
    for (uint32_t y = box[1]; y < box[3]; y++)
        for (uint32_t x = box[0]; x < box[2]; x++) {
            bool set = bitmap[(size_t)y * stride + x] != 0;
            if (set != current) {
                if (runs != NULL) runs[count] = length;
                count++;
                length = 0;
                current = set;
            }
            length++;
        }
    if (runs != NULL) runs[count] = length;
    return count + 1;
}

lethe_status lethe_shape_make_mask(const uint8_t *bitmap, uint32_t columns, uint32_t rows, size_t stride, int64_t x, int64_t y, uint32_t frame,
                                   lethe_shape *out, lethe_error *error) {
    uint32_t box[4];
    lethe_mask_slice *slice = lethe_alloc_array(1, sizeof *slice);
    memset(out, 0, sizeof *out);
    if (slice == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
    out->kind = LETHE_SHAPE_MASK;
    out->frame = slice->frame = frame;
    out->slices = slice;
    out->slice_count = 1;
    slice->image = lethe_strdup("");
    bool any = content_box(bitmap, columns, rows, stride, box);
    slice->mask.run_count = any ? collect_runs(bitmap, stride, box, NULL) : 0;
    slice->mask.runs = lethe_alloc_array(slice->mask.run_count, sizeof *slice->mask.runs);
    if (slice->image == NULL || slice->mask.runs == NULL) {
        lethe_shape_release(out);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
    }
    if (!any) return LETHE_OK;
    (void)collect_runs(bitmap, stride, box, slice->mask.runs);
    slice->mask.x = x + box[0];
    slice->mask.y = y + box[1];
    slice->mask.columns = box[2] - box[0];
    slice->mask.rows = box[3] - box[1];
    return LETHE_OK;
}

/* --- scan conversion --- */

static void set_pixel(const canvas *to, int64_t x, int64_t y) {
    int64_t column = x - to->x, row = y - to->y;
    if (column >= 0 && row >= 0 && column < to->columns && row < to->rows) to->pixels[(size_t)row * (size_t)to->columns + (size_t)column] = to->value;
}

static double clamp(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

/* Pixels whose centres lie in [from, to) of a row. */
static void fill_span(const canvas *to, int64_t row, double from, double until) {
    double left = clamp(ceil(from - 0.5) - (double)to->x, 0, (double)to->columns);
    double right = clamp(ceil(until - 0.5) - (double)to->x, 0, (double)to->columns);
    if (right > left) memset(to->pixels + (size_t)row * (size_t)to->columns + (size_t)left, to->value, (size_t)(right - left));
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

typedef struct edge {
    double top, bottom, x, slope; /* x at y = top */
} edge;

static int by_top(const void *a, const void *b) {
    const edge *left = a, *right = b;
    return left->top < right->top ? -1 : left->top > right->top;
}

static size_t collect_edges(const lethe_shape *shape, edge *edges) {
    size_t count = 0, from = 0, rings = shape->ring_ends == NULL ? 1 : shape->ring_count;
    for (size_t ring = 0; ring < rings; ring++) {
        size_t end = shape->ring_ends == NULL ? shape->point_count : shape->ring_ends[ring];
        for (size_t i = from; i < end; i++) {
            lethe_point a = shape->points[i], b = shape->points[i + 1 < end ? i + 1 : from];
            if (!(a.y < b.y || a.y > b.y)) continue;
            if (a.y > b.y) {
                lethe_point swap = a;
                a = b;
                b = swap;
            }
            edges[count++] = (edge){a.y, b.y, a.x, (b.x - a.x) / (b.y - a.y)};
        }
        from = end;
    }
    return count;
}

/* Even-odd scan lines with an active list: cost rows + edges, not rows * edges. */
static lethe_status fill_polygon(const lethe_shape *shape, const canvas *to, lethe_error *error) {
    lethe_status status = LETHE_NO_MEMORY;
    size_t count = shape->point_count, active_count = 0, next = 0;
    edge *edges = lethe_alloc_array(count, sizeof *edges);
    size_t *active = lethe_alloc_array(count, sizeof *active);
    double *crossings = lethe_alloc_array(count, sizeof *crossings);
    if (edges == NULL || active == NULL || crossings == NULL) goto out;
    count = collect_edges(shape, edges);
    qsort(edges, count, sizeof *edges, by_top);
    for (int64_t row = 0; row < to->rows; row++) {
        double centre = (double)(row + to->y) + 0.5;
        while (next < count && edges[next].top <= centre) active[active_count++] = next++;
        size_t kept = 0, found = 0;
        for (size_t i = 0; i < active_count; i++) {
            const edge *line = &edges[active[i]];
            if (line->bottom <= centre) continue;
            active[kept++] = active[i];
            crossings[found++] = line->x + (centre - line->top) * line->slope;
        }
        active_count = kept;
        qsort(crossings, found, sizeof *crossings, by_value);
        for (size_t i = 0; i + 1 < found; i += 2) fill_span(to, row, crossings[i], crossings[i + 1]);
    }
    status = LETHE_OK;
out:
    lethe_free(edges);
    lethe_free(active);
    lethe_free(crossings);
    return status == LETHE_OK ? LETHE_OK : lethe_fail(error, status, "no memory to fill a polygon");
}

static void fill_ellipse(const lethe_shape *shape, const canvas *to) {
    lethe_box box;
    if (!lethe_shape_bounds(shape, &box)) return;
    double c = cos(shape->angle_degrees * (M_PI / 180.0)), s = sin(shape->angle_degrees * (M_PI / 180.0)), a = shape->points[1].x,
           b = shape->points[1].y;
    int64_t top = (int64_t)clamp(floor(box.y0) - (double)to->y, 0, (double)to->rows),
            bottom = (int64_t)clamp(ceil(box.y1) - (double)to->y, 0, (double)to->rows);
    int64_t left = (int64_t)clamp(floor(box.x0) - (double)to->x, 0, (double)to->columns);
    int64_t right = (int64_t)clamp(ceil(box.x1) - (double)to->x, 0, (double)to->columns);
    for (int64_t row = top; row < bottom; row++)
        for (int64_t column = left; column < right; column++) {
            double dx = (double)(column + to->x) + 0.5 - shape->points[0].x, dy = (double)(row + to->y) + 0.5 - shape->points[0].y;
            double u = dx * c + dy * s, v = -dx * s + dy * c;
            if (u * u * b * b + v * v * a * a <= a * a * b * b) to->pixels[(size_t)row * (size_t)to->columns + (size_t)column] = to->value;
        }
}

static void draw_line(const canvas *to, lethe_point a, lethe_point b) {
    double length = fmax(fabs(b.x - a.x), fabs(b.y - a.y));
    int64_t steps = (int64_t)clamp(ceil(length), 1, 1e6);
    for (int64_t i = 0; i <= steps; i++) {
        double t = (double)i / (double)steps;
        set_pixel(to, (int64_t)floor(a.x + (b.x - a.x) * t), (int64_t)floor(a.y + (b.y - a.y) * t));
    }
}

static void paste_rle(const lethe_rle *mask, const canvas *to) {
    uint64_t at = 0;
    for (size_t i = 0; i < mask->run_count; i++) {
        uint64_t end = at + mask->runs[i];
        if ((i & 1) == 0) at = end;
        while (at < end) { /* row by row */
            uint64_t row = at / mask->columns, column = at % mask->columns, length = end - at;
            if (length > mask->columns - column) length = mask->columns - column;
            int64_t y = mask->y + (int64_t)row - to->y, x0 = mask->x + (int64_t)column - to->x, x1 = x0 + (int64_t)length;
            if (x0 < 0) x0 = 0;
            if (x1 > to->columns) x1 = to->columns;
            if (y >= 0 && y < to->rows && x1 > x0) memset(to->pixels + (size_t)y * (size_t)to->columns + (size_t)x0, to->value, (size_t)(x1 - x0));
            at += length;
        }
    }
}

static void corners_of(const lethe_shape *shape, lethe_point corners[4]) {
    if (shape->kind == LETHE_SHAPE_BOX) {
        lethe_point a = shape->points[0], b = shape->points[1];
        corners[0] = a;
        corners[1] = (lethe_point){b.x, a.y};
        corners[2] = b;
        corners[3] = (lethe_point){a.x, b.y};
        return;
    }
    double c = cos(shape->angle_degrees * (M_PI / 180.0)), s = sin(shape->angle_degrees * (M_PI / 180.0));
    static const int sign[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    for (unsigned i = 0; i < 4; i++) {
        double u = sign[i][0] * shape->points[1].x / 2, v = sign[i][1] * shape->points[1].y / 2;
        corners[i] = (lethe_point){shape->points[0].x + u * c - v * s, shape->points[0].y + u * s + v * c};
    }
}

lethe_status lethe_shape_rasterize(const lethe_shape *shape, size_t slice, uint8_t value, uint8_t *bitmap, uint32_t columns, uint32_t rows, int64_t x,
                                   int64_t y, lethe_error *error) {
    canvas to = {bitmap, value, columns, rows, x, y};
    lethe_point corners[4];
    switch (shape->kind) {
    case LETHE_SHAPE_NONE: return LETHE_OK;
    case LETHE_SHAPE_POINT: set_pixel(&to, (int64_t)floor(shape->points[0].x), (int64_t)floor(shape->points[0].y)); return LETHE_OK;
    case LETHE_SHAPE_LINE:
    case LETHE_SHAPE_POLYLINE:
        for (size_t i = 0; i + 1 < shape->point_count; i++) draw_line(&to, shape->points[i], shape->points[i + 1]);
        return LETHE_OK;
    case LETHE_SHAPE_BOX:
    case LETHE_SHAPE_ROTATED_BOX: {
        corners_of(shape, corners);
        lethe_shape polygon = {.kind = LETHE_SHAPE_POLYGON, .points = corners, .point_count = 4};
        return fill_polygon(&polygon, &to, error);
    }
    case LETHE_SHAPE_ELLIPSE: fill_ellipse(shape, &to); return LETHE_OK;
    case LETHE_SHAPE_POLYGON:
    case LETHE_SHAPE_FREEHAND: return fill_polygon(shape, &to, error);
    case LETHE_SHAPE_MEASUREMENT:
        if (shape->measure == LETHE_MEASURE_AREA_MM2) return fill_polygon(shape, &to, error);
        for (size_t i = 0; i + 1 < shape->point_count; i++) draw_line(&to, shape->points[i], shape->points[i + 1]);
        break;
    case LETHE_SHAPE_MASK:
    case LETHE_SHAPE_VOLUME:
    default: break;
    }
    if (slice < shape->slice_count) paste_rle(&shape->slices[slice].mask, &to);
    return LETHE_OK;
}

/* --- outlines --- */

typedef struct ring_list {
    lethe_point *points;
    size_t count, capacity;
    uint32_t *ends;
    size_t end_count, end_capacity;
} ring_list;

static bool push_point(ring_list *list, double x, double y) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        lethe_point *grown = lethe_realloc_array(list->points, capacity, sizeof *grown);
        if (grown == NULL) return false;
        list->points = grown;
        list->capacity = capacity;
    }
    list->points[list->count++] = (lethe_point){x, y};
    return true;
}

static bool push_end(ring_list *list) {
    if (list->end_count == list->end_capacity) {
        size_t capacity = list->end_capacity == 0 ? 8 : list->end_capacity * 2;
        uint32_t *grown = lethe_realloc_array(list->ends, capacity, sizeof *grown);
        if (grown == NULL) return false;
        list->ends = grown;
        list->end_capacity = capacity;
    }
    list->ends[list->end_count++] = (uint32_t)list->count;
    return true;
}

/* Directed borders with the foreground on the right: at each grid corner, bit d is set when a border leaves in direction d (east, south, west,
 * north). */
static void mark_borders(const uint8_t *pixels, size_t columns, size_t rows, uint8_t *leaving) {
    size_t stride = columns + 1;
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++) {
            if (pixels[y * columns + x] == 0) continue;
            if (y == 0 || pixels[(y - 1) * columns + x] == 0) leaving[y * stride + x] |= 1;
            if (x + 1 == columns || pixels[y * columns + x + 1] == 0) leaving[y * stride + x + 1] |= 2;
            if (y + 1 == rows || pixels[(y + 1) * columns + x] == 0) leaving[(y + 1) * stride + x + 1] |= 4;
            if (x == 0 || pixels[y * columns + x - 1] == 0) leaving[(y + 1) * stride + x] |= 8;
        }
}

/* Follow one border from a corner until it closes; where two borders cross, turn right: that keeps to 4-connected foreground. */
static bool follow(uint8_t *leaving, size_t stride, size_t start, const lethe_rle *mask, ring_list *list) {
    const ptrdiff_t step[4] = {1, (ptrdiff_t)stride, -1, -(ptrdiff_t)stride};
    size_t at = start;
    int direction = -1;
    do {
        int next = -1;
        static const int turns[3] = {1, 0, 3};
        if (direction < 0) {
            for (int d = 0; next < 0 && d < 4; d++)
                if ((leaving[at] >> d & 1) != 0) next = d;
        } else {
            for (unsigned i = 0; next < 0 && i < 3; i++)
                if ((leaving[at] >> ((direction + turns[i]) & 3) & 1) != 0) next = (direction + turns[i]) & 3;
        }
        if (next < 0) return true;
        if (next != direction && !push_point(list, (double)(mask->x + (int64_t)(at % stride)), (double)(mask->y + (int64_t)(at / stride))))
            return false;
        leaving[at] = (uint8_t)(leaving[at] & ~(1u << next));
        at = (size_t)((ptrdiff_t)at + step[next]);
        direction = next;
    } while (at != start || (leaving[at] >> ((direction + 1) & 3) & 1) != 0);
    return push_end(list);
}

static lethe_status trace_mask(const lethe_rle *mask, uint32_t frame, lethe_shape *out, lethe_error *error) {
    lethe_status status = LETHE_NO_MEMORY;
    ring_list list = {0};
    uint8_t *pixels = NULL, *leaving = NULL;
    size_t columns = mask->columns, rows = mask->rows, corners = (columns + 1) * (rows + 1);
    if ((uint64_t)corners > BITMAP_LIMIT)
        return lethe_fail(error, LETHE_LIMIT, "a mask of %u x %u pixels is too large to outline", mask->columns, mask->rows);
    if ((pixels = lethe_alloc_array(columns, rows)) == NULL || (leaving = lethe_alloc_array(corners, 1)) == NULL) goto out;
    if ((status = lethe_rle_expand(mask, pixels, error)) != LETHE_OK) goto out;
    mark_borders(pixels, columns, rows, leaving);
    status = LETHE_NO_MEMORY;
    for (size_t at = 0; at < corners; at++)
        while (leaving[at] != 0)
            if (!follow(leaving, columns + 1, at, mask, &list)) goto out;
    if (list.end_count == 0) {
        status = lethe_fail(error, LETHE_NOT_FOUND, "an empty mask has no outline");
        goto out;
    }
    *out = (lethe_shape){.kind = LETHE_SHAPE_POLYGON,
                         .frame = frame,
                         .points = list.points,
                         .point_count = list.count,
                         .ring_ends = list.ends,
                         .ring_count = list.end_count};
    list = (ring_list){0};
    status = LETHE_OK;
out:
    lethe_free(pixels);
    lethe_free(leaving);
    lethe_free(list.points);
    lethe_free(list.ends);
    return status == LETHE_OK ? LETHE_OK : lethe_fail(error, status, "no memory to outline a mask");
}

lethe_status lethe_shape_to_polygon(const lethe_shape *shape, size_t slice, lethe_shape *out, lethe_error *error) {
    lethe_point points[64];
    memset(out, 0, sizeof *out);
    switch (shape->kind) {
    case LETHE_SHAPE_BOX:
    case LETHE_SHAPE_ROTATED_BOX: corners_of(shape, points); return lethe_shape_make_points(LETHE_SHAPE_POLYGON, points, 4, shape->frame, out, error);
    case LETHE_SHAPE_ELLIPSE: {
        double c = cos(shape->angle_degrees * (M_PI / 180.0)), s = sin(shape->angle_degrees * (M_PI / 180.0));
        for (unsigned i = 0; i < 64; i++) {
            double u = shape->points[1].x * cos(i * (M_PI / 32)), v = shape->points[1].y * sin(i * (M_PI / 32));
            points[i] = (lethe_point){shape->points[0].x + u * c - v * s, shape->points[0].y + u * s + v * c};
        }
        return lethe_shape_make_points(LETHE_SHAPE_POLYGON, points, 64, shape->frame, out, error);
    }
    case LETHE_SHAPE_POLYGON: return lethe_shape_copy(shape, NULL, out, error);
    case LETHE_SHAPE_FREEHAND: return lethe_shape_make_points(LETHE_SHAPE_POLYGON, shape->points, shape->point_count, shape->frame, out, error);
    case LETHE_SHAPE_MEASUREMENT:
        if (shape->measure == LETHE_MEASURE_AREA_MM2)
            return lethe_shape_make_points(LETHE_SHAPE_POLYGON, shape->points, shape->point_count, shape->frame, out, error);
        if (shape->slice_count == 0) return lethe_fail(error, LETHE_UNSUPPORTED, "a measured line or angle has no outline");
        __attribute__((fallthrough));
    case LETHE_SHAPE_MASK:
    case LETHE_SHAPE_VOLUME:
        if (slice >= shape->slice_count) return lethe_fail(error, LETHE_NOT_FOUND, "no slice %zu in a volume of %zu", slice, shape->slice_count);
        return trace_mask(&shape->slices[slice].mask, shape->slices[slice].frame, out, error);
    default: return lethe_fail(error, LETHE_UNSUPPORTED, "a %s has no outline", lethe_shape_kind_name(shape->kind));
    }
}
