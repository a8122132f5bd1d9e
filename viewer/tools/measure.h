/* Measurements and outlines of shapes. Spacing is millimetres per pixel across and down. Layer: viewer. Thread rule: no state. */
#ifndef LETHE_VIEWER_TOOLS_MEASURE_H
#define LETHE_VIEWER_TOOLS_MEASURE_H

#include "annotate/shape.h"
#include "imaging/image.h"

double lethe_measure_length(lethe_point a, lethe_point b, double across_mm, double down_mm);
/* At `vertex`, 0 to 180 degrees. */
double lethe_measure_angle(lethe_point a, lethe_point vertex, lethe_point b, double across_mm, double down_mm);
double lethe_measure_area(const lethe_point *points, size_t count, double across_mm, double down_mm);

typedef struct lethe_statistics {
    uint64_t count; /* pixels whose centre lies inside */
    double mean, deviation /* of the sample, n - 1 */, minimum, maximum;
} lethe_statistics;
/* Over a region of a grey frame, in modality units. False when no pixel is inside. */
bool lethe_measure_statistics(const lethe_shape *shape, const lethe_image *pixels, double slope, double intercept, lethe_statistics *out);

/* The outline of a box, rotated box or ellipse as at most `capacity` points; returns how many. */
size_t lethe_shape_outline(const lethe_shape *shape, lethe_point *out, size_t capacity);
/* The points by which a shape is taken hold of: corners of a box, centre and ends of an ellipse, vertices. */
size_t lethe_shape_handles(const lethe_shape *shape, lethe_point *out, size_t capacity);
/* Move handle `index` (-1: the whole shape, by the difference) so that it lies at `to`. */
void lethe_shape_drag(lethe_shape *shape, int index, lethe_point from, lethe_point to);
/* Distance in pixels from a point to the nearest outline; negative inside of closed shapes. */
double lethe_shape_distance(const lethe_shape *shape, lethe_point at);

#endif
