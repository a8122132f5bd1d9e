/* What a view shows, and what is under a point of it. No GL. */
#include "viewer/app.h"

#include <math.h>
#include <string.h>

const lethe_study_frame *lethe_view_frame(const lethe_view *view) {
    if (view->kind != LETHE_VIEW_STACK || !view->series || view->index >= view->series->frame_count) return NULL;
    return &view->series->frames[view->index];
}

bool lethe_view_image(const lethe_view *view, const char **image, uint32_t *frame) {
    if (view->kind == LETHE_VIEW_SLIDE && view->series->slide) {
        *image = view->series->files[0].image_key;
        *frame = 0;
        return true;
    }
    const lethe_study_frame *f = lethe_view_frame(view);
    if (!f) return false;
    *image = view->series->files[f->file].image_key;
    *frame = f->frame;
    return true;
}

bool lethe_view_spacing(const lethe_view *view, double *across_mm, double *down_mm) {
    *across_mm = *down_mm = 1;
    if (view->kind == LETHE_VIEW_PLANE) {
        const double *a = view->cut.across_mm, *d = view->cut.down_mm;
        *across_mm = sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
        *down_mm = sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        return *across_mm > 0;
    }
    return view->series && lethe_series_spacing(view->series, view->index, across_mm, down_mm);
}

bool lethe_view_spacing_at(const lethe_view *view, const lethe_point *points, size_t count, double *across_mm, double *down_mm) {
    const lethe_study_frame *frame = lethe_view_frame(view);
    const lethe_study_file *file = frame ? &view->series->files[frame->file] : NULL;
    if (!file || file->region_count == 0) return lethe_view_spacing(view, across_mm, down_mm);
    return lethe_us_regions_scale(file->regions, file->region_count, points, count, across_mm, down_mm);
}

int lethe_view_at(const lethe_app *app, lethe_point screen) {
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++)
        if (app->views[i].rect.width > 0 && lethe_rect_contains(app->views[i].rect, screen)) return i;
    return -1;
}

/* --- scrolling --- */

static void plane_step(lethe_app *app, const lethe_view *view, int by) {
    const lethe_volume *volume = app->mpr ? lethe_mpr_volume(app->mpr) : NULL;
    if (!volume || !app->has_cross) return;
    const double *a = view->cut.across_mm, *d = view->cut.down_mm;
    double normal[3] = {a[1] * d[2] - a[2] * d[1], a[2] * d[0] - a[0] * d[2], a[0] * d[1] - a[1] * d[0]};
    double length = sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
    if (!(length > 0)) return;
    double step = sqrt(length), next[3], voxel[3];
    for (int i = 0; i < 3; i++) next[i] = app->cross_mm[i] + normal[i] / length * step * by;
    lethe_volume_to_voxel(volume, next, voxel);
    if (voxel[0] < -0.5 || voxel[1] < -0.5 || voxel[2] < -0.5 || voxel[0] > volume->columns - 0.5 || voxel[1] > volume->rows - 0.5 ||
        voxel[2] > volume->slices - 0.5)
        return;
    memcpy(app->cross_mm, next, sizeof next);
}

void lethe_view_goto(lethe_app *app, int number, size_t index) {
    lethe_view *view = &app->views[number];
    if (view->kind != LETHE_VIEW_STACK || view->series->frame_count == 0) return;
    if (index >= view->series->frame_count) index = view->series->frame_count - 1;
    if (index == view->index) return;
    view->index = index;
    if (app->linked) lethe_app_sync_from(app, number);
}

void lethe_view_scroll(lethe_app *app, int number, int by) {
    lethe_view *view = &app->views[number];
    if (view->kind == LETHE_VIEW_PLANE) {
        plane_step(app, view, by);
        return;
    }
    if (view->kind != LETHE_VIEW_STACK) return;
    int64_t next = (int64_t)view->index + by, last = (int64_t)view->series->frame_count - 1;
    lethe_view_goto(app, number, (size_t)(next < 0 ? 0 : next > last ? last : next));
}

/* Other stacks of the same place in the patient follow: the nearest parallel slice. */
void lethe_app_sync_from(lethe_app *app, int number) {
    const lethe_view *from = &app->views[number];
    const lethe_study_frame *frame = lethe_view_frame(from);
    if (!frame || !frame->geometry.has_plane) return;
    const double *n = frame->geometry.normal;
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++) {
        lethe_view *view = &app->views[i];
        if (i == number || view->kind != LETHE_VIEW_STACK || view->series == from->series) continue;
        size_t first, count, best = view->index;
        if (view->series->frame_count == 0) continue;
        lethe_series_stack(view->series, view->index, &first, &count);
        double nearest = INFINITY;
        for (size_t f = first; f < first + count; f++) {
            const lethe_frame_geometry *g = &view->series->frames[f].geometry;
            if (!g->has_plane || fabs(g->normal[0] * n[0] + g->normal[1] * n[1] + g->normal[2] * n[2]) < 0.94) continue;
            double away = 0;
            for (int a = 0; a < 3; a++) away += n[a] * (g->position_mm[a] - frame->geometry.position_mm[a]);
            if (fabs(away) < nearest) {
                nearest = fabs(away);
                best = f;
            }
        }
        view->index = best;
    }
}

/* --- framing --- */

static double margin_of(const lethe_view *view) { return view->mammogram ? 0 : 4; }

void lethe_view_fit(lethe_app *app, int number) {
    (void)app;
    lethe_view *view = &app->views[number];
    lethe_camera_fit(&view->camera);
    if (!view->mammogram) return;
    /* The chest wall at the inner edge of the cell, so that both breasts stand back to back. */
    double shown = view->camera.image_width * view->camera.scale, free_px = view->camera.viewport.width - shown;
    double direction = view->chest_right ? 1 : -1;
    if (free_px > 0) lethe_camera_pan(&view->camera, direction * (free_px / 2 - margin_of(view)), 0);
}

void lethe_view_reset(lethe_app *app, int number) {
    lethe_view *view = &app->views[number];
    if (view->kind == LETHE_VIEW_EMPTY) return;
    view->camera.angle_degrees = 0;
    view->camera.flip_x = view->camera.flip_y = false;
    view->framed = view->has_window = view->user_window = view->state_frame_done = false;
    view->invert = false;
    view->colour_map = 0;
}

/* One millimetre of tissue is one millimetre of glass: by the user's ruler, else the size that the monitor tells, else the 96 dots an inch that
 * desktops assume. Mammograms without calibration are as large as on the detector. */
double lethe_screen_px_per_mm(const lethe_app *app) {
    double monitor = lethe_window_px_per_mm(app->window);
    return app->options.px_per_mm > 0 ? app->options.px_per_mm : monitor > 0 ? monitor : 96 / 25.4;
}

void lethe_view_true_size(lethe_app *app, int number) {
    double per_mm = lethe_screen_px_per_mm(app);
    lethe_view *view = &app->views[number];
    double across, down;
    if (!lethe_view_spacing(view, &across, &down)) return;
    lethe_point middle = {view->camera.viewport.x + view->camera.viewport.width / 2, view->camera.viewport.y + view->camera.viewport.height / 2};
    lethe_camera_zoom_at(&view->camera, middle, across * per_mm / view->camera.scale);
}

/* --- values --- */

const lethe_image *lethe_view_pixels(lethe_app *app, const lethe_view *view) {
    if (!lethe_view_frame(view)) return NULL;
    lethe_tile_key key = {.source = view->series->source, .column = (int64_t)view->index};
    return lethe_tiles_peek(app->tiles, &key);
}

bool lethe_view_value(lethe_app *app, const lethe_view *view, lethe_point image, double values[3], int *count) {
    *count = 0;
    if (view->kind == LETHE_VIEW_PLANE) {
        if (!view->cut_values || image.x < 0 || image.y < 0 || image.x >= view->cut.columns || image.y >= view->cut.rows) return false;
        values[0] = (double)view->cut_values[(size_t)image.y * view->cut.columns + (size_t)image.x];
        *count = 1;
        return !isnan(values[0]);
    }
    const lethe_image *pixels = lethe_view_pixels(app, view);
    if (!pixels || image.x < 0 || image.y < 0 || image.x >= pixels->columns || image.y >= pixels->rows) return false;
    const lethe_display *display = &view->series->frames[view->index].display;
    for (unsigned c = 0; c < pixels->samples && c < 3; c++) values[(*count)++] = lethe_image_sample(pixels, (uint32_t)image.x, (uint32_t)image.y, c);
    if (pixels->samples == 1) values[0] = values[0] * display->slope + display->intercept;
    return true;
}

/* --- patient space --- */

bool lethe_view_to_patient(const lethe_view *view, lethe_point image, double patient_mm[3]) {
    if (view->kind == LETHE_VIEW_PLANE) {
        for (int a = 0; a < 3; a++)
            patient_mm[a] = view->cut.origin_mm[a] + view->cut.across_mm[a] * (image.x - 0.5) + view->cut.down_mm[a] * (image.y - 0.5);
        return true;
    }
    const lethe_study_frame *frame = lethe_view_frame(view);
    if (!frame || !frame->geometry.has_plane) return false;
    const lethe_frame_geometry *g = &frame->geometry;
    for (int a = 0; a < 3; a++)
        patient_mm[a] = g->position_mm[a] + g->row_direction[a] * g->column_spacing_mm * (image.x - 0.5) +
                        g->column_direction[a] * g->row_spacing_mm * (image.y - 0.5);
    return true;
}

bool lethe_view_from_patient(const lethe_view *view, const double p[3], lethe_point *image, double *distance_mm) {
    double origin[3], across[3], down[3];
    if (view->kind == LETHE_VIEW_PLANE) {
        memcpy(origin, view->cut.origin_mm, sizeof origin);
        memcpy(across, view->cut.across_mm, sizeof across);
        memcpy(down, view->cut.down_mm, sizeof down);
    } else {
        const lethe_study_frame *frame = lethe_view_frame(view);
        if (!frame || !frame->geometry.has_plane) return false;
        const lethe_frame_geometry *g = &frame->geometry;
        for (int a = 0; a < 3; a++) {
            origin[a] = g->position_mm[a];
            across[a] = g->row_direction[a] * g->column_spacing_mm;
            down[a] = g->column_direction[a] * g->row_spacing_mm;
        }
    }
    double normal[3] = {across[1] * down[2] - across[2] * down[1], across[2] * down[0] - across[0] * down[2],
                        across[0] * down[1] - across[1] * down[0]};
    double aa = 0, dd = 0, nn = 0, da = 0, ddown = 0, dn = 0;
    for (int a = 0; a < 3; a++) {
        double d = p[a] - origin[a];
        aa += across[a] * across[a];
        dd += down[a] * down[a];
        nn += normal[a] * normal[a];
        da += d * across[a];
        ddown += d * down[a];
        dn += d * normal[a];
    }
    if (!(aa > 0) || !(dd > 0) || !(nn > 0)) return false;
    *image = (lethe_point){da / aa + 0.5, ddown / dd + 0.5};
    if (distance_mm) *distance_mm = dn / sqrt(nn);
    return true;
}
