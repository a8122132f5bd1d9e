/* Where an image stands on the screen: a similarity with quarter turns, mirrors and a free angle. Plain values, no GL.
 *
 * Image coordinates are pixels of the frame (or of level 0 of a slide), x to the right, y down, (0, 0) the outer corner of the first pixel: the
 * centre of pixel (i, j) is (i + 0.5, j + 0.5). Screen coordinates are pixels of the window, y down. Layer: viewer. Thread rule: plain value. */
#ifndef LETHE_VIEWER_CAMERA_H
#define LETHE_VIEWER_CAMERA_H

#include "annotate/shape.h" /* lethe_point */

#include <stdbool.h>

typedef struct lethe_rect {
    double x, y, width, height;
} lethe_rect;

typedef struct lethe_camera {
    lethe_point centre;   /* image point in the middle of the viewport */
    double scale;         /* screen pixels per image pixel in x, > 0 */
    double aspect;        /* pixel height / pixel width of the image, 1 for square pixels */
    double angle_degrees; /* clockwise on the screen */
    bool flip_x, flip_y;  /* mirrored in image x, y before turning */
    lethe_rect viewport;  /* on the screen */
    double image_width, image_height;
    double scale_min, scale_max;
} lethe_camera;

/* Fit a whole image of the given size into the viewport, upright. */
void lethe_camera_init(lethe_camera *camera, lethe_rect viewport, double image_width, double image_height, double aspect);
/* Centre and scale so that all is visible; turn and mirrors stay. */
void lethe_camera_fit(lethe_camera *camera);
/* New viewport: the same image point stays in its middle, the scale follows the smaller side. */
void lethe_camera_resize(lethe_camera *camera, lethe_rect viewport);
lethe_point lethe_camera_to_screen(const lethe_camera *camera, lethe_point image);
lethe_point lethe_camera_to_image(const lethe_camera *camera, lethe_point screen);
/* Columns of the linear part image -> screen: (xx, xy) is where a step of one image pixel in x goes. */
void lethe_camera_matrix(const lethe_camera *camera, double *xx, double *xy, double *yx, double *yy);
void lethe_camera_pan(lethe_camera *camera, double dx_px, double dy_px);
/* Multiply the scale and keep the image point under `at` (screen) where it is. */
void lethe_camera_zoom_at(lethe_camera *camera, lethe_point at, double factor);
void lethe_camera_rotate(lethe_camera *camera, double degrees_clockwise);
/* Mirror what is seen left-right (or top-bottom), whatever the turn. */
void lethe_camera_mirror(lethe_camera *camera, bool horizontally);
/* The image rectangle that covers the viewport (bounding box when turned), not cut to the image. */
lethe_rect lethe_camera_visible(const lethe_camera *camera);
bool lethe_rect_contains(lethe_rect rect, lethe_point point);

#endif
