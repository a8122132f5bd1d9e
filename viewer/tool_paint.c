/* Painting: what brush, fill and growing do to the bitmap of an image. Every finished stroke is in the store before the next event. */
#include "viewer/tool_internal.h"

#include "core/memory.h"
#include "viewer/tools/raster.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static lethe_paint *paint_here(lethe_app *app, const lethe_view *view) {
    const char *image;
    uint32_t frame;
    if (!app->marks || view->kind != LETHE_VIEW_STACK || !lethe_view_image(view, &image, &frame)) return NULL;
    return lethe_marks_paint(app->marks, image, frame, view->series->columns, view->series->rows);
}

static lethe_paint_rule rule_here(lethe_app *app, const lethe_view *view, bool locked[256]) {
    memset(locked, 0, 256 * sizeof *locked);
    for (int i = 0; i < app->label_count; i++) locked[i + 1] = app->labels[i].locked;
    lethe_paint_rule rule = {.locked = locked};
    const lethe_study_frame *frame = lethe_view_frame(view);
    if (app->tool == LETHE_TOOL_THRESHOLD && frame) {
        rule.pixels = lethe_view_pixels(app, view);
        if (rule.pixels && rule.pixels->samples != 1) rule.pixels = NULL;
        rule.by_value = rule.pixels != NULL;
        rule.slope = frame->display.slope;
        rule.intercept = frame->display.intercept;
        rule.low = app->threshold_low;
        rule.high = app->threshold_high;
    }
    return rule;
}

static int paint_label(lethe_app *app) {
    int label = lethe_tool_label_for(app, LETHE_SHAPE_MASK);
    if (label < 0) lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No label of the schema may be painted."));
    else if (label != app->label) app->label = label;
    return label;
}

static lethe_tiled_mask *slide_here(lethe_app *app, const lethe_view *view) {
    const char *image;
    uint32_t frame;
    if (!app->marks || view->kind != LETHE_VIEW_SLIDE || !lethe_view_image(view, &image, &frame)) return NULL;
    return lethe_marks_tiled(app->marks, image, (int64_t)view->camera.image_width, (int64_t)view->camera.image_height, true);
}

static void brush_slide(lethe_app *app, lethe_view *view, lethe_point from, lethe_point to) {
    lethe_tiled_mask *mask = slide_here(app, view);
    int label = app->tool == LETHE_TOOL_ERASER ? 0 : paint_label(app);
    if (!mask || label < 0) return;
    double across, down;
    (void)lethe_view_spacing(view, &across, &down);
    bool locked[256];
    (void)rule_here(app, view, locked);
    lethe_error error = {0};
    uint8_t value = app->tool == LETHE_TOOL_ERASER ? 0 : (uint8_t)(label + 1);
    (void)lethe_app_failed(app, lethe_tiled_mask_brush(mask, from, to, app->brush_mm / 2 / across, value, locked, &error), &error);
}

static void fill_slide(lethe_app *app, lethe_view *view, lethe_point at) {
    lethe_tiled_mask *mask = slide_here(app, view);
    int label = paint_label(app);
    uint64_t filled = 0;
    lethe_error error = {0};
    if (!mask || label < 0) return;
    lethe_status status = lethe_tiled_mask_fill(mask, (int64_t)floor(at.x), (int64_t)floor(at.y), (uint8_t)(label + 1), &filled, &error);
    if (lethe_app_failed(app, status, &error)) return;
    if (filled == 0) lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Nothing to fill: this area is not enclosed by paint."));
    else lethe_tool_save_stroke(app);
}

void lethe_tool_brush_to(lethe_app *app, lethe_point from, lethe_point to) {
    lethe_view *view = &app->views[app->drag.view];
    if (view->kind == LETHE_VIEW_SLIDE) {
        brush_slide(app, view, from, to);
        return;
    }
    lethe_paint *paint = paint_here(app, view);
    int label = app->tool == LETHE_TOOL_ERASER ? 0 : paint_label(app);
    if (!paint || label < 0) return;
    double across, down;
    (void)lethe_view_spacing(view, &across, &down);
    bool locked[256];
    lethe_paint_rule rule = rule_here(app, view, locked);
    uint8_t value = app->tool == LETHE_TOOL_ERASER ? 0 : (uint8_t)(label + 1);
    lethe_bitmap bitmap = {paint->labels, paint->columns, paint->rows};
    lethe_dirty dirty = {0};
    lethe_brush(&bitmap, from, to, app->brush_mm / 2 / across, app->brush_mm / 2 / down, value, &rule, &dirty);
    lethe_paint_touch(paint, dirty.x0, dirty.y0, dirty.x1, dirty.y1);
    if (!app->brush_3d) return;
    /* A ball: neighbouring slices get the disc that the ball cuts out of them. */
    double radius = app->brush_mm / 2;
    const lethe_frame_geometry *here = &view->series->frames[view->index].geometry;
    for (size_t i = 0; i < view->series->frame_count && here->has_plane; i++) {
        const lethe_study_frame *frame = &view->series->frames[i];
        double away = 0;
        for (int a = 0; a < 3; a++) away += here->normal[a] * (frame->geometry.position_mm[a] - here->position_mm[a]);
        if (i == view->index || !frame->geometry.has_plane || fabs(away) >= radius) continue;
        double r = sqrt(radius * radius - away * away);
        lethe_paint *other =
            lethe_marks_paint(app->marks, view->series->files[frame->file].image_key, frame->frame, view->series->columns, view->series->rows);
        if (!other) continue;
        lethe_bitmap b = {other->labels, other->columns, other->rows};
        lethe_dirty d = {0};
        lethe_brush(&b, from, to, r / across, r / down, value, &(lethe_paint_rule){.locked = locked}, &d);
        lethe_paint_touch(other, d.x0, d.y0, d.x1, d.y1);
    }
}

void lethe_tool_save_stroke(lethe_app *app) {
    char name[160];
    const lethe_tool_facts *tool = lethe_tool_of(app->tool);
    lethe_app_save_paint(app, tool->id, lethe_tool_step_name(app, tool->title, app->label >= 0 ? app->labels[app->label].title : "", name));
}

void lethe_tool_fill_at(lethe_app *app, lethe_view *view, lethe_point at) {
    if (view->kind == LETHE_VIEW_SLIDE) {
        fill_slide(app, view, at);
        return;
    }
    lethe_paint *paint = paint_here(app, view);
    int label = paint_label(app);
    if (!paint || label < 0) return;
    bool locked[256];
    lethe_paint_rule rule = rule_here(app, view, locked);
    lethe_bitmap bitmap = {paint->labels, paint->columns, paint->rows};
    lethe_dirty dirty = {0};
    uint64_t changed = 0;
    lethe_error error = {0};
    if (lethe_app_failed(app, lethe_fill(&bitmap, (int64_t)floor(at.x), (int64_t)floor(at.y), (uint8_t)(label + 1), &rule, &dirty, &changed, &error),
                         &error))
        return;
    if (changed == 0) lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Nothing to fill: this area reaches the border of the image."));
    lethe_paint_touch(paint, dirty.x0, dirty.y0, dirty.x1, dirty.y1);
    lethe_tool_save_stroke(app);
}

void lethe_tool_grow_at(lethe_app *app, lethe_view *view, lethe_point at) {
    lethe_paint *paint = paint_here(app, view);
    const lethe_image *pixels = lethe_view_pixels(app, view);
    const lethe_study_frame *frame = lethe_view_frame(view);
    int label = paint_label(app);
    if (!paint || !pixels || !frame || label < 0 || at.x < 0 || at.y < 0 || at.x >= paint->columns || at.y >= paint->rows) return;
    bool locked[256];
    lethe_paint_rule rule = rule_here(app, view, locked);
    if (app->grow_3d && pixels->samples == 1) {
        lethe_grow_start(app, view, at, label);
        return;
    }
    lethe_bitmap bitmap = {paint->labels, paint->columns, paint->rows};
    lethe_dirty dirty = {0};
    uint64_t changed = 0;
    lethe_error error = {0};
    lethe_status status = lethe_grow(&bitmap, pixels, frame->display.slope, frame->display.intercept, (int64_t)at.x, (int64_t)at.y,
                                     app->grow_tolerance, (uint8_t)(label + 1), &rule, &dirty, &changed, &error);
    if (lethe_app_failed(app, status, &error)) return;
    lethe_paint_touch(paint, dirty.x0, dirty.y0, dirty.x1, dirty.y1);
    lethe_tool_save_stroke(app);
}
