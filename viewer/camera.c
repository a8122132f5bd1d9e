#include "viewer/camera.h"

#include <math.h>

static double clamp(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

/* Exact for quarter turns, so that a turned image stays on the pixel grid. */
static void turn(double degrees, double *c, double *s) {
    double quarter = degrees / 90.0;
    if (fabs(quarter - nearbyint(quarter)) < 1e-9) {
        int n = (int)((long long)nearbyint(quarter) & 3);
        *c = n == 0 ? 1 : n == 2 ? -1 : 0;
        *s = n == 1 ? 1 : n == 3 ? -1 : 0;
        return;
    }
    double radians = degrees * 3.14159265358979323846 / 180.0;
    *c = cos(radians);
    *s = sin(radians);
}

void lethe_camera_matrix(const lethe_camera *camera, double *xx, double *xy, double *yx, double *yy) {
    double c, s;
    turn(camera->angle_degrees, &c, &s);
    double sx = camera->scale * (camera->flip_x ? -1 : 1), sy = camera->scale * camera->aspect * (camera->flip_y ? -1 : 1);
    *xx = c * sx;
    *xy = s * sx;
    *yx = -s * sy;
    *yy = c * sy;
}

static lethe_point middle(const lethe_rect *rect) { return (lethe_point){rect->x + rect->width / 2, rect->y + rect->height / 2}; }

void lethe_camera_fit(lethe_camera *camera) {
    double c, s;
    turn(camera->angle_degrees, &c, &s);
    double w = camera->image_width, h = camera->image_height * camera->aspect;
    double across = fabs(c) * w + fabs(s) * h, down = fabs(s) * w + fabs(c) * h;
    double scale = 1;
    if (across > 0 && down > 0) scale = fmin(camera->viewport.width / across, camera->viewport.height / down);
    camera->scale = scale > 0 ? scale : 1;
    camera->scale_min = camera->scale / 8;
    camera->scale_max = fmax(64, camera->scale * 8);
    camera->centre = (lethe_point){camera->image_width / 2, camera->image_height / 2};
}

void lethe_camera_init(lethe_camera *camera, lethe_rect viewport, double image_width, double image_height, double aspect) {
    *camera = (lethe_camera){.viewport = viewport, .image_width = image_width, .image_height = image_height, .aspect = aspect > 0 ? aspect : 1};
    lethe_camera_fit(camera);
}

void lethe_camera_resize(lethe_camera *camera, lethe_rect viewport) {
    double before = fmin(camera->viewport.width, camera->viewport.height), after = fmin(viewport.width, viewport.height);
    camera->viewport = viewport;
    if (before > 0 && after > 0) camera->scale *= after / before;
}

lethe_point lethe_camera_to_screen(const lethe_camera *camera, lethe_point image) {
    double xx, xy, yx, yy;
    lethe_camera_matrix(camera, &xx, &xy, &yx, &yy);
    lethe_point m = middle(&camera->viewport);
    double dx = image.x - camera->centre.x, dy = image.y - camera->centre.y;
    return (lethe_point){m.x + xx * dx + yx * dy, m.y + xy * dx + yy * dy};
}

lethe_point lethe_camera_to_image(const lethe_camera *camera, lethe_point screen) {
    double xx, xy, yx, yy;
    lethe_camera_matrix(camera, &xx, &xy, &yx, &yy);
    lethe_point m = middle(&camera->viewport);
    double dx = screen.x - m.x, dy = screen.y - m.y, determinant = xx * yy - xy * yx;
    return (lethe_point){camera->centre.x + (yy * dx - yx * dy) / determinant, camera->centre.y + (-xy * dx + xx * dy) / determinant};
}

void lethe_camera_pan(lethe_camera *camera, double dx_px, double dy_px) {
    lethe_point m = middle(&camera->viewport);
    camera->centre = lethe_camera_to_image(camera, (lethe_point){m.x - dx_px, m.y - dy_px});
}

void lethe_camera_zoom_at(lethe_camera *camera, lethe_point at, double factor) {
    lethe_point before = lethe_camera_to_image(camera, at);
    camera->scale = clamp(camera->scale * factor, camera->scale_min, camera->scale_max);
    lethe_point after = lethe_camera_to_image(camera, at);
    camera->centre.x += before.x - after.x;
    camera->centre.y += before.y - after.y;
}

void lethe_camera_rotate(lethe_camera *camera, double degrees_clockwise) {
    camera->angle_degrees = fmod(camera->angle_degrees + degrees_clockwise, 360.0);
    if (camera->angle_degrees < 0) camera->angle_degrees += 360.0;
}

void lethe_camera_mirror(lethe_camera *camera, bool horizontally) {
    /* A mirror on the screen is a mirror of the image followed by the opposite turn. */
    if (horizontally) camera->flip_x = !camera->flip_x;
    else camera->flip_y = !camera->flip_y;
    camera->angle_degrees = fmod(360.0 - camera->angle_degrees, 360.0);
}

lethe_rect lethe_camera_visible(const lethe_camera *camera) {
    const lethe_rect *v = &camera->viewport;
    lethe_point low = {INFINITY, INFINITY}, high = {-INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        lethe_point p = lethe_camera_to_image(camera, (lethe_point){v->x + (i & 1 ? v->width : 0), v->y + (i & 2 ? v->height : 0)});
        low = (lethe_point){fmin(low.x, p.x), fmin(low.y, p.y)};
        high = (lethe_point){fmax(high.x, p.x), fmax(high.y, p.y)};
    }
    return (lethe_rect){low.x, low.y, high.x - low.x, high.y - low.y};
}

bool lethe_rect_contains(lethe_rect rect, lethe_point point) {
    return point.x >= rect.x && point.y >= rect.y && point.x < rect.x + rect.width && point.y < rect.y + rect.height;
}
