/* Selecting, moving, reshaping, deleting and taking over annotations; undo. */
#include "viewer/tool_internal.h"

#include "core/memory.h"
#include "viewer/tools/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct nearest {
    lethe_app *app;
    const lethe_view *view;
    lethe_point at;
    double best;
    int64_t id;
} nearest;

static void try_mark(void *context, lethe_mark *mark) {
    nearest *n = context;
    int label = lethe_mark_label(n->app, mark);
    if (mark->hidden || (label >= 0 && n->app->labels[label].hidden) || !lethe_view_shows_mark(n->app, n->view, mark)) return;
    double distance = lethe_shape_distance(&mark->shape, n->at);
    /* Inside counts as near, small shapes before large ones. */
    double score = distance < 0 ? 1e-9 * lethe_shape_area_px(&mark->shape) : distance;
    if (!mark->mine && n->view->reader == 0) score += 1e-3; /* of two in the same place one's own */
    if (score < n->best) {
        n->best = score;
        n->id = mark->id;
    }
}

static int handle_at(const lethe_view *view, const lethe_shape *shape, lethe_point screen) {
    lethe_point at[64];
    size_t count = lethe_shape_handles(shape, at, 64);
    for (size_t i = 0; i < count; i++) {
        lethe_point p = lethe_camera_to_screen(&view->camera, at[i]);
        if (hypot(p.x - screen.x, p.y - screen.y) <= LETHE_HANDLE_PX) return (int)i;
    }
    return -2;
}

void lethe_tool_select_press(lethe_app *app, int number, lethe_point screen) {
    lethe_view *view = &app->views[number];
    const char *image;
    uint32_t frame;
    if (!app->marks || !lethe_view_image(view, &image, &frame)) return;
    lethe_point at = lethe_camera_to_image(&view->camera, screen);
    lethe_mark *selected = app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    int handle = selected && strcmp(selected->image, image) == 0 && selected->shape.frame == frame ? handle_at(view, &selected->shape, screen) : -2;
    if (handle == -2) {
        nearest n = {app, view, at, LETHE_OUTLINE_PX / view->camera.scale, 0};
        double reach = n.best;
        lethe_box within = {at.x - reach, at.y - reach, at.x + reach, at.y + reach};
        lethe_marks_visit(app->marks, image, frame, &within, try_mark, &n);
        app->selected = n.id;
        selected = n.id ? lethe_marks_find(app->marks, n.id) : NULL;
        handle = selected ? handle_at(view, &selected->shape, screen) : -2;
        if (selected && handle == -2) handle = -1;
    }
    if (!selected || !selected->mine || selected->shape.kind == LETHE_SHAPE_MASK) return;
    int label = lethe_app_label_index(app, selected->label);
    if (label >= 0 && app->labels[label].locked) return;
    if (lethe_shape_copy(&selected->shape, NULL, &app->drag.before, NULL)) return;
    app->drag.handle = handle;
}

void lethe_tool_select_move(lethe_app *app, lethe_point screen) {
    lethe_drag *drag = &app->drag;
    lethe_mark *mark = drag->handle > -2 && drag->moved ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (!mark) return;
    lethe_point at = lethe_camera_to_image(&app->views[drag->view].camera, screen);
    lethe_shape moved = {0};
    if (lethe_shape_copy(&drag->before, NULL, &moved, NULL)) return;
    lethe_shape_drag(&moved, drag->handle, drag->start_image, at);
    lethe_shape_release(&mark->shape);
    mark->shape = moved;
    (void)lethe_shape_bounds(&mark->shape, &mark->bounds);
    lethe_marks_moved(app->marks, mark);
}

void lethe_tool_select_release(lethe_app *app) {
    lethe_drag *drag = &app->drag;
    lethe_mark *mark = drag->handle > -2 && drag->moved ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (!mark || lethe_shape_equal(&mark->shape, &drag->before)) return;
    lethe_shape shape = {0};
    lethe_error error = {0};
    if (lethe_shape_copy(&mark->shape, NULL, &shape, &error)) return;
    if (shape.kind == LETHE_SHAPE_MEASUREMENT && shape.point_count >= 2) {
        double across, down;
        bool known = lethe_view_spacing_at(&app->views[drag->view], shape.points, shape.point_count, &across, &down);
        if (!known) shape.measured = 0; /* pixels are no millimetres */
        else if (shape.measure == LETHE_MEASURE_LENGTH_MM) shape.measured = lethe_measure_length(shape.points[0], shape.points[1], across, down);
        else if (shape.measure == LETHE_MEASURE_ANGLE_DEGREES)
            shape.measured = lethe_measure_angle(shape.points[0], shape.points[1], shape.points[2], across, down);
        else shape.measured = lethe_measure_area(shape.points, shape.point_count, across, down);
    }
    char name[160];
    if (lethe_app_failed(app,
                         lethe_marks_reshape(app->marks, mark->id, &shape,
                                             lethe_tool_step_name(app, drag->handle >= 0 ? "Reshape" : "Move", mark->label, name), &error),
                         &error)) {
        lethe_mark *again = lethe_marks_find(app->marks, app->selected); /* back to what the store holds */
        if (again) {
            lethe_shape_release(&again->shape);
            again->shape = drag->before;
            drag->before = (lethe_shape){0};
            (void)lethe_shape_bounds(&again->shape, &again->bounds);
            lethe_marks_moved(app->marks, again);
        }
    }
}

void lethe_app_delete_selected(lethe_app *app) {
    lethe_mark *mark = app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (app->draft.count > 0) {
        lethe_tool_cancel(app);
        return;
    }
    if (!mark) lethe_app_clear_notes(app);
    if (!mark || !mark->mine) return;
    char name[160];
    lethe_error error = {0};
    if (!lethe_app_failed(app, lethe_marks_delete(app->marks, mark->id, lethe_tool_step_name(app, "Delete", mark->label, name), &error), &error))
        app->selected = 0;
}

void lethe_app_undo(lethe_app *app, bool redo) {
    if (!app->marks) return;
    if (app->unsaved_paint) { /* the last thing done; what was undone before it is gone, as after any stroke */
        if (!redo) lethe_app_drop_unsaved_paint(app);
        else (void)lethe_app_keep_work(app);
        return;
    }
    lethe_tool_cancel(app);
    lethe_error error = {0};
    char name[160];
    const char *what = redo ? lethe_marks_redo_name(app->marks) : lethe_marks_undo_name(app->marks), *image = NULL;
    const char *shown;
    uint32_t shown_frame;
    if (!what && !redo && lethe_view_image(&app->views[app->active], &shown, &shown_frame) &&
        lethe_marks_undo_stored(app->marks, shown, &error) == LETHE_OK) {
        lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s: %s", T("Undone"), T("Earlier change"));
        return;
    }
    if (!what) {
        lethe_app_say(app, LETHE_COLOUR_MUTED, "%s", redo ? T("Nothing to redo.") : T("Nothing to undo."));
        return;
    }
    (void)snprintf(name, sizeof name, "%s", what);
    lethe_status status = redo ? lethe_marks_redo(app->marks, &image, &error) : lethe_marks_undo(app->marks, &image, &error);
    if (lethe_app_failed(app, status, &error)) return;
    lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s: %s", redo ? T("Redone") : T("Undone"), name);
    /* Show where it happened. */
    lethe_view *view = &app->views[app->active];
    const char *here;
    uint32_t frame;
    if (!image || !image[0] || view->kind != LETHE_VIEW_STACK || !lethe_view_image(view, &here, &frame) || strcmp(here, image) == 0) return;
    for (size_t i = 0; i < view->series->frame_count; i++)
        if (strcmp(view->series->files[view->series->frames[i].file].image_key, image) == 0) {
            lethe_view_goto(app, app->active, i);
            return;
        }
}
