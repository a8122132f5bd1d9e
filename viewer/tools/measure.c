#include "viewer/tools/measure.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

double lethe_measure_length(lethe_point a, lethe_point b, double across_mm, double down_mm) {
    return hypot((b.x - a.x) * across_mm, (b.y - a.y) * down_mm);
}

double lethe_measure_angle(lethe_point a, lethe_point vertex, lethe_point b, double across_mm, double down_mm) {
    double ux = (a.x - vertex.x) * across_mm, uy = (a.y - vertex.y) * down_mm, vx = (b.x - vertex.x) * across_mm, vy = (b.y - vertex.y) * down_mm;
    return fabs(atan2(ux * vy - uy * vx, ux * vx + uy * vy)) * 180 / PI;
}

double lethe_measure_area(const lethe_point *points, size_t count, double across_mm, double down_mm) {
    double twice = 0;
    for (size_t i = 0; i < count; i++) {
        lethe_point a = points[i], b = points[(i + 1) % count];
        twice += a.x * b.y - b.x * a.y;
    }
    return fabs(twice) / 2 * across_mm * down_mm;
}

bool lethe_measure_statistics(const lethe_shape *shape, const lethe_image *pixels, double slope, double intercept, lethe_statistics *out) {
    *out = (lethe_statistics){0};
    lethe_box box;
    if (!lethe_shape_bounds(shape, &box)) return false;
    int64_t x0 = (int64_t)floor(fmax(0, box.x0)), y0 = (int64_t)floor(fmax(0, box.y0));
    int64_t x1 = (int64_t)ceil(fmin(pixels->columns, box.x1)), y1 = (int64_t)ceil(fmin(pixels->rows, box.y1));
    if (x1 <= x0 || y1 <= y0) return false;
    uint32_t w = (uint32_t)(x1 - x0), h = (uint32_t)(y1 - y0);
    uint8_t *inside = lethe_alloc_array((size_t)w * h, 1);
    if (!inside || lethe_shape_rasterize(shape, 0, 1, inside, w, h, x0, y0, NULL)) {
        lethe_free(inside);
        return false;
    }
    double mean = 0, square = 0; /* Welford's running form */
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            if (!inside[(size_t)y * w + x]) continue;
            double v = lethe_image_sample(pixels, (uint32_t)x0 + x, (uint32_t)y0 + y, 0) * slope + intercept, before = v - mean;
            out->count++;
            mean += before / (double)out->count;
            square += before * (v - mean);
            if (out->count == 1 || v < out->minimum) out->minimum = v;
            if (out->count == 1 || v > out->maximum) out->maximum = v;
        }
    lethe_free(inside);
    out->mean = mean;
    out->deviation = out->count > 1 ? sqrt(square / (double)(out->count - 1)) : 0;
    return out->count > 0;
}

static lethe_point turned(lethe_point centre, double x, double y, double degrees) {
    double c = cos(degrees * PI / 180), s = sin(degrees * PI / 180);
    return (lethe_point){centre.x + c * x - s * y, centre.y + s * x + c * y};
}

size_t lethe_shape_outline(const lethe_shape *shape, lethe_point *out, size_t capacity) {
    const lethe_point *p = shape->points;
    if (shape->kind == LETHE_SHAPE_BOX && capacity >= 4) {
        out[0] = p[0];
        out[1] = (lethe_point){p[1].x, p[0].y};
        out[2] = p[1];
        out[3] = (lethe_point){p[0].x, p[1].y};
        return 4;
    }
    if (shape->kind == LETHE_SHAPE_ROTATED_BOX && capacity >= 4) {
        static const int signs[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
        for (int i = 0; i < 4; i++) out[i] = turned(p[0], signs[i][0] * p[1].x / 2, signs[i][1] * p[1].y / 2, shape->angle_degrees);
        return 4;
    }
    if (shape->kind == LETHE_SHAPE_ELLIPSE && capacity >= 8) {
        for (size_t i = 0; i < capacity; i++) {
            double a = 2 * PI * (double)i / (double)capacity;
            out[i] = turned(p[0], p[1].x * cos(a), p[1].y * sin(a), shape->angle_degrees);
        }
        return capacity;
    }
    return 0;
}

size_t lethe_shape_handles(const lethe_shape *shape, lethe_point *out, size_t capacity) {
    if (shape->kind == LETHE_SHAPE_BOX || shape->kind == LETHE_SHAPE_ROTATED_BOX) return lethe_shape_outline(shape, out, capacity);
    if (shape->kind == LETHE_SHAPE_ELLIPSE && capacity >= 3) {
        out[0] = shape->points[0];
        out[1] = turned(shape->points[0], shape->points[1].x, 0, shape->angle_degrees);
        out[2] = turned(shape->points[0], 0, shape->points[1].y, shape->angle_degrees);
        return 3;
    }
    if (shape->kind == LETHE_SHAPE_MASK || shape->kind == LETHE_SHAPE_VOLUME || shape->point_count > capacity) return 0;
    for (size_t i = 0; i < shape->point_count; i++) out[i] = shape->points[i];
    return shape->point_count;
}

static void drag_box_corner(lethe_shape *shape, int index, lethe_point to) {
    lethe_point a = shape->points[0], b = shape->points[1];
    if (index == 0 || index == 3) a.x = to.x;
    else b.x = to.x;
    if (index == 0 || index == 1) a.y = to.y;
    else b.y = to.y;
    shape->points[0] = (lethe_point){fmin(a.x, b.x), fmin(a.y, b.y)};
    shape->points[1] = (lethe_point){fmax(a.x, b.x), fmax(a.y, b.y)};
}

void lethe_shape_drag(lethe_shape *shape, int index, lethe_point from, lethe_point to) {
    double dx = to.x - from.x, dy = to.y - from.y;
    if (index < 0) {
        bool by_centre = shape->kind == LETHE_SHAPE_ELLIPSE || shape->kind == LETHE_SHAPE_ROTATED_BOX;
        for (size_t i = 0; i < (by_centre ? 1 : shape->point_count); i++) {
            shape->points[i].x += dx;
            shape->points[i].y += dy;
        }
        return;
    }
    if (shape->kind == LETHE_SHAPE_BOX) drag_box_corner(shape, index, to);
    else if (shape->kind == LETHE_SHAPE_ROTATED_BOX) {
        lethe_point local = turned((lethe_point){0, 0}, to.x - shape->points[0].x, to.y - shape->points[0].y, -shape->angle_degrees);
        shape->points[1] = (lethe_point){fmax(1, 2 * fabs(local.x)), fmax(1, 2 * fabs(local.y))};
    } else if (shape->kind == LETHE_SHAPE_ELLIPSE) {
        double radius = fmax(0.5, hypot(to.x - shape->points[0].x, to.y - shape->points[0].y));
        if (index == 0) shape->points[0] = to;
        else if (index == 1) shape->points[1].x = radius;
        else shape->points[1].y = radius;
    } else if ((size_t)index < shape->point_count) shape->points[index] = to;
}

static double to_segment(lethe_point p, lethe_point a, lethe_point b) {
    double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double t = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

static double ring_distance(const lethe_point *p, size_t count, bool closed, lethe_point at, bool *inside) {
    double best = INFINITY;
    for (size_t i = 0; i < count; i++) {
        size_t j = (i + 1) % count;
        if (j == 0 && !closed) break;
        best = fmin(best, to_segment(at, p[i], p[j]));
        if ((p[i].y > at.y) != (p[j].y > at.y) && at.x < (p[j].x - p[i].x) * (at.y - p[i].y) / (p[j].y - p[i].y) + p[i].x) *inside = !*inside;
    }
    if (count == 1) best = hypot(at.x - p[0].x, at.y - p[0].y);
    return best;
}

double lethe_shape_distance(const lethe_shape *shape, lethe_point at) {
    lethe_point outline[64];
    bool inside = false;
    double best = INFINITY;
    switch (shape->kind) {
    case LETHE_SHAPE_BOX:
    case LETHE_SHAPE_ROTATED_BOX:
    case LETHE_SHAPE_ELLIPSE: {
        size_t count = lethe_shape_outline(shape, outline, 64);
        best = ring_distance(outline, count, true, at, &inside);
        break;
    }
    case LETHE_SHAPE_POLYGON:
    case LETHE_SHAPE_FREEHAND: {
        size_t rings = shape->ring_ends ? shape->ring_count : 1, begin = 0;
        for (size_t r = 0; r < rings; r++) {
            size_t end = shape->ring_ends ? shape->ring_ends[r] : shape->point_count;
            best = fmin(best, ring_distance(shape->points + begin, end - begin, true, at, &inside));
            begin = end;
        }
        break;
    }
    case LETHE_SHAPE_MEASUREMENT:
        best = ring_distance(shape->points, shape->point_count, shape->measure == LETHE_MEASURE_AREA_MM2, at, &inside);
        inside = false;
        break;
    case LETHE_SHAPE_POINT:
    case LETHE_SHAPE_LINE:
    case LETHE_SHAPE_POLYLINE:
        best = ring_distance(shape->points, shape->point_count, false, at, &inside);
        inside = false;
        break;
    default: break;
    }
    return inside ? -best : best;
}
