/* From the mouse to annotations: what each tool does on press, move and release. Every finished stroke is in the store before the next event. */
#include "viewer/app.h"

#include "core/memory.h"
#include "viewer/tools/livewire.h"
#include "viewer/tools/measure.h"
#include "viewer/tools/raster.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LIVEWIRE_REACH_PX = 260, HANDLE_PX = 8, OUTLINE_PX = 6 };

static const lethe_tool_facts facts[LETHE_TOOLS] = {
    {LETHE_TOOL_SELECT, "select", "Select", "Click an annotation to select it; drag it or its points.", LETHE_ICON_SELECT, 'V', LETHE_SHAPE_NONE},
    {LETHE_TOOL_WINDOW, "window", "Window", "Drag to change contrast and brightness. The right button does it with any tool.", LETHE_ICON_WINDOW, 'W',
     LETHE_SHAPE_NONE},
    {LETHE_TOOL_PAN, "pan", "Pan", "Drag to move the image. Space or the middle button does it with any tool.", LETHE_ICON_PAN, 'H',
     LETHE_SHAPE_NONE},
    {LETHE_TOOL_ZOOM, "zoom", "Zoom", "Drag up or down. Ctrl and the wheel do it with any tool.", LETHE_ICON_ZOOM, 'Z', LETHE_SHAPE_NONE},
    {LETHE_TOOL_BOX, "box", "Box", "Drag from corner to corner.", LETHE_ICON_BOX, 'R', LETHE_SHAPE_BOX},
    {LETHE_TOOL_POLYGON, "polygon", "Polygon", "Click each corner; Enter, a double click or a click on the first corner closes it.",
     LETHE_ICON_POLYGON, 'P', LETHE_SHAPE_POLYGON},
    {LETHE_TOOL_FREEHAND, "freehand", "Freehand", "Draw around it in one stroke.", LETHE_ICON_FREEHAND, 'F', LETHE_SHAPE_FREEHAND},
    {LETHE_TOOL_ELLIPSE, "ellipse", "Ellipse", "Drag from corner to corner of its frame.", LETHE_ICON_ELLIPSE, 'O', LETHE_SHAPE_ELLIPSE},
    {LETHE_TOOL_POINT, "point", "Point", "Click.", LETHE_ICON_POINT, 'D', LETHE_SHAPE_POINT},
    {LETHE_TOOL_LINE, "polyline", "Line", "Click each point; Enter or a double click ends it.", LETHE_ICON_LINE, 'L', LETHE_SHAPE_POLYLINE},
    {LETHE_TOOL_LIVEWIRE, "livewire", "Live-wire", "Click along an edge: the line follows it. Enter closes it.", LETHE_ICON_LIVEWIRE, 'Q',
     LETHE_SHAPE_POLYGON},
    {LETHE_TOOL_BRUSH, "brush", "Brush", "Paint. Shift and the wheel, or [ and ], change its size.", LETHE_ICON_BRUSH, 'B', LETHE_SHAPE_MASK},
    {LETHE_TOOL_ERASER, "eraser", "Eraser", "Take paint away.", LETHE_ICON_ERASER, 'X', LETHE_SHAPE_MASK},
    {LETHE_TOOL_FILL, "fill", "Fill", "Click into a hole to fill it, or on paint to change its label.", LETHE_ICON_FILL, 'G', LETHE_SHAPE_MASK},
    {LETHE_TOOL_THRESHOLD, "threshold", "Threshold brush", "Paint only where the value lies in the range.", LETHE_ICON_THRESHOLD, 'T',
     LETHE_SHAPE_MASK},
    {LETHE_TOOL_GROW, "grow", "Grow region", "Click: what has nearly the same value and touches is painted, in this slice or in 3-D.",
     LETHE_ICON_GROW, 'Y', LETHE_SHAPE_MASK},
    {LETHE_TOOL_RULER, "ruler", "Length", "Drag from end to end.", LETHE_ICON_RULER, 'M', LETHE_SHAPE_MEASUREMENT},
    {LETHE_TOOL_ANGLE, "angle", "Angle", "Click the end of an arm, the vertex, the end of the other arm.", LETHE_ICON_ANGLE, 'A',
     LETHE_SHAPE_MEASUREMENT},
    {LETHE_TOOL_AREA, "area", "Area", "Click each corner; Enter or a double click closes it.", LETHE_ICON_AREA, 'J', LETHE_SHAPE_MEASUREMENT},
    {LETHE_TOOL_ROI, "roi", "Statistics", "Drag an ellipse: mean, deviation, range and area of what is inside.", LETHE_ICON_ROI, 'S',
     LETHE_SHAPE_ELLIPSE},
};

const lethe_tool_facts *lethe_tool_of(lethe_tool tool) { return &facts[tool]; }

static bool paints(lethe_tool tool) { return facts[tool].makes == LETHE_SHAPE_MASK; }

void lethe_app_choose_tool(lethe_app *app, lethe_tool tool) {
    lethe_tool_cancel(app);
    app->tool_before = app->tool;
    app->tool = tool;
}

/* --- the draft --- */

void lethe_app_draft_clear(lethe_app *app) {
    lethe_livewire_destroy(app->draft.wire);
    lethe_free(app->draft.points);
    app->draft = (lethe_draft){.view = -1};
}

static bool draft_add(lethe_app *app, lethe_point point) {
    lethe_draft *d = &app->draft;
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? d->capacity * 2 : 64;
        lethe_point *more = lethe_realloc_array(d->points, capacity, sizeof *more);
        if (!more) return false;
        d->points = more;
        d->capacity = capacity;
    }
    d->points[d->count++] = point;
    return true;
}

static bool draft_start(lethe_app *app, int view) {
    lethe_app_draft_clear(app);
    const char *image;
    uint32_t frame;
    if (!app->marks || !lethe_view_image(&app->views[view], &image, &frame)) return false;
    app->draft.tool = app->tool;
    app->draft.view = view;
    app->draft.frame = frame;
    (void)snprintf(app->draft.image, sizeof app->draft.image, "%s", image);
    return true;
}

/* A draft belongs to the image on which it began: scrolling away drops it. */
static bool draft_is_here(const lethe_app *app, int view) {
    const char *image;
    uint32_t frame;
    return app->draft.count > 0 && app->draft.tool == app->tool && app->draft.view == view && lethe_view_image(&app->views[view], &image, &frame) &&
           app->draft.frame == frame && strcmp(app->draft.image, image) == 0;
}

/* --- making annotations --- */

/* A label that may be drawn like this: the chosen one, or the first that allows it. */
static int label_for(lethe_app *app, lethe_shape_kind kind) {
    const lethe_label_state *chosen = app->label >= 0 ? &app->labels[app->label] : NULL;
    if (chosen && (!chosen->label || (chosen->label->level == LETHE_LEVEL_REGION && lethe_label_allows(chosen->label, kind)))) return app->label;
    for (int i = 0; i < app->label_count; i++)
        if (app->labels[i].label && app->labels[i].label->level == LETHE_LEVEL_REGION && lethe_label_allows(app->labels[i].label, kind)) return i;
    return -1;
}

static const char *step_name(lethe_app *app, const char *tool, const char *label, char out[160]) {
    (void)snprintf(out, 160, "%s: %s", T(tool), label);
    return out;
}

static void add_note(lethe_app *app, lethe_shape *shape) {
    lethe_note *more = lethe_realloc_array(app->notes, app->note_count + 1, sizeof *more);
    if (!more) {
        lethe_shape_release(shape);
        return;
    }
    app->notes = more;
    lethe_note *note = &more[app->note_count++];
    (void)snprintf(note->image, sizeof note->image, "%s", app->draft.image);
    note->shape = *shape;
}

void lethe_app_clear_notes(lethe_app *app) {
    for (size_t i = 0; i < app->note_count; i++) lethe_shape_release(&app->notes[i].shape);
    lethe_free(app->notes);
    app->notes = NULL;
    app->note_count = 0;
}

static void add_shape(lethe_app *app, lethe_shape *shape) {
    const lethe_tool_facts *tool = &facts[app->draft.tool];
    int label = label_for(app, shape->kind);
    if (app->draft.tool == LETHE_TOOL_ROI || (label < 0 && shape->kind == LETHE_SHAPE_MEASUREMENT)) {
        add_note(app, shape);
        return;
    }
    if (label < 0 && shape->kind == LETHE_SHAPE_FREEHAND) {
        shape->kind = LETHE_SHAPE_POLYGON; /* the same outline, where the schema knows only polygons */
        label = label_for(app, shape->kind);
    }
    lethe_error error = {0};
    if (label < 0) {
        lethe_shape_release(shape);
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No label of the schema may be drawn like this."));
        return;
    }
    if (label != app->label) {
        app->label = label;
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s: %s", T("The chosen label is drawn otherwise; used"), app->labels[label].title);
    }
    char name[160];
    int64_t id = 0;
    lethe_marks_spent(app->marks, (int64_t)((app->now - app->active_since) * 1000));
    app->active_since = app->now;
    lethe_status status = lethe_marks_add(app->marks, app->draft.image, app->labels[label].name, tool->id, shape,
                                          step_name(app, tool->title, app->labels[label].title, name), &id, &error);
    if (!lethe_app_failed(app, status, &error)) app->selected = id;
}

static void finish_points(lethe_app *app, lethe_shape_kind kind, size_t least, lethe_measure measure) {
    lethe_draft *d = &app->draft;
    if (d->count >= least) {
        lethe_shape shape = {0};
        lethe_error error = {0};
        lethe_shape_kind plain = kind == LETHE_SHAPE_MEASUREMENT ? LETHE_SHAPE_POLYLINE : kind;
        if (!lethe_app_failed(app, lethe_shape_make_points(plain, d->points, d->count, d->frame, &shape, &error), &error)) {
            double across, down;
            shape.kind = kind;
            shape.measure = measure;
            if (measure && lethe_view_spacing(&app->views[d->view], &across, &down)) {
                if (measure == LETHE_MEASURE_LENGTH_MM) shape.measured = lethe_measure_length(d->points[0], d->points[1], across, down);
                else if (measure == LETHE_MEASURE_ANGLE_DEGREES)
                    shape.measured = lethe_measure_angle(d->points[0], d->points[1], d->points[2], across, down);
                else shape.measured = lethe_measure_area(d->points, d->count, across, down);
            }
            add_shape(app, &shape);
        }
    }
    lethe_app_draft_clear(app);
}

static void finish_two_corners(lethe_app *app, lethe_shape_kind kind) {
    lethe_draft *d = &app->draft;
    if (d->count == 4) {
        lethe_point a = d->points[0], b = d->points[2];
        double x0 = fmin(a.x, b.x), x1 = fmax(a.x, b.x), y0 = fmin(a.y, b.y), y1 = fmax(a.y, b.y);
        if (x1 - x0 >= 1 && y1 - y0 >= 1) {
            lethe_shape shape = {0};
            lethe_error error = {0};
            lethe_point ellipse[2] = {{(x0 + x1) / 2, (y0 + y1) / 2}, {(x1 - x0) / 2, (y1 - y0) / 2}};
            lethe_status status = kind == LETHE_SHAPE_BOX ? lethe_shape_make_box(x0, y0, x1, y1, d->frame, &shape, &error)
                                                          : lethe_shape_make_points(LETHE_SHAPE_ELLIPSE, ellipse, 2, d->frame, &shape, &error);
            if (!lethe_app_failed(app, status, &error)) add_shape(app, &shape);
        }
    }
    lethe_app_draft_clear(app);
}

static void draft_corners(lethe_app *app, lethe_point a, lethe_point b) {
    app->draft.count = 0;
    if (app->tool == LETHE_TOOL_BOX) {
        (void)(draft_add(app, a) && draft_add(app, (lethe_point){b.x, a.y}) && draft_add(app, b) && draft_add(app, (lethe_point){a.x, b.y}));
        return;
    }
    /* An ellipse keeps its frame in the first four points while it is drawn: stored after the outline. */
    (void)(draft_add(app, a) && draft_add(app, (lethe_point){b.x, a.y}) && draft_add(app, b) && draft_add(app, (lethe_point){a.x, b.y}));
}

/* --- painting --- */

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
    int label = label_for(app, LETHE_SHAPE_MASK);
    if (label < 0) lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No label of the schema may be painted."));
    else if (label != app->label) app->label = label;
    return label;
}

static void brush_to(lethe_app *app, lethe_point from, lethe_point to) {
    lethe_view *view = &app->views[app->drag.view];
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

void lethe_app_save_paint(lethe_app *app, const char *tool, const char *name) {
    lethe_error error = {0};
    lethe_marks_spent(app->marks, (int64_t)((app->now - app->active_since) * 1000));
    app->active_since = app->now;
    (void)lethe_app_failed(app, lethe_marks_save_paint(app->marks, tool, name, &error), &error);
}

static void save_stroke(lethe_app *app) {
    char name[160];
    const lethe_tool_facts *tool = &facts[app->tool];
    lethe_app_save_paint(app, tool->id, step_name(app, tool->title, app->label >= 0 ? app->labels[app->label].title : "", name));
}

static void fill_at(lethe_app *app, lethe_view *view, lethe_point at) {
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
    save_stroke(app);
}

static bool grow_in_3d(lethe_app *app, lethe_view *view, lethe_point at, uint8_t value, const bool *locked) {
    size_t first, count;
    lethe_series *series = view->series;
    lethe_series_stack(series, view->index, &first, &count);
    const lethe_volume *volume =
        app->mpr && lethe_mpr_series(app->mpr) == series && lethe_mpr_first(app->mpr) == first ? lethe_mpr_volume(app->mpr) : NULL;
    lethe_error error = {0};
    if (!volume) {
        if (!app->mpr || lethe_mpr_series(app->mpr) != series || lethe_mpr_first(app->mpr) != first) {
            lethe_mpr_destroy(app->mpr);
            app->mpr = NULL;
            if (lethe_app_failed(app, lethe_mpr_start(series, first, count, NULL, &app->mpr, &error), &error)) return false;
        }
        while (!(volume = lethe_mpr_volume(app->mpr)) && !lethe_mpr_failed(app->mpr, &error)) (void)lethe_window_seconds();
        if (!volume) return !lethe_app_failed(app, LETHE_UNSUPPORTED, &error);
    }
    size_t area = (size_t)volume->columns * volume->rows;
    uint8_t *marked = lethe_alloc_array(area, volume->slices);
    uint64_t voxels = 0;
    lethe_status status = marked ? LETHE_OK : lethe_fail(&error, LETHE_NO_MEMORY, "out of memory");
    if (!status)
        status = lethe_grow_volume(volume->voxels, volume->columns, volume->rows, volume->slices, (uint32_t)at.x, (uint32_t)at.y,
                                   (uint32_t)(view->index - first), app->grow_tolerance, marked, &voxels, &error);
    for (uint32_t k = 0; k < volume->slices && !status; k++) {
        const uint8_t *slice = marked + k * area;
        if (!memchr(slice, 1, area)) continue;
        const lethe_study_frame *frame = &series->frames[first + k];
        lethe_paint *paint = lethe_marks_paint(app->marks, series->files[frame->file].image_key, frame->frame, volume->columns, volume->rows);
        if (!paint) continue;
        for (size_t i = 0; i < area; i++)
            if (slice[i] && !locked[paint->labels[i]]) paint->labels[i] = value;
        lethe_paint_touch(paint, 0, 0, paint->columns, paint->rows);
    }
    lethe_free(marked);
    return !lethe_app_failed(app, status, &error);
}

static void grow_at(lethe_app *app, lethe_view *view, lethe_point at) {
    lethe_paint *paint = paint_here(app, view);
    const lethe_image *pixels = lethe_view_pixels(app, view);
    const lethe_study_frame *frame = lethe_view_frame(view);
    int label = paint_label(app);
    if (!paint || !pixels || !frame || label < 0 || at.x < 0 || at.y < 0 || at.x >= paint->columns || at.y >= paint->rows) return;
    bool locked[256];
    lethe_paint_rule rule = rule_here(app, view, locked);
    if (app->grow_3d && pixels->samples == 1) {
        if (grow_in_3d(app, view, at, (uint8_t)(label + 1), locked)) save_stroke(app);
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
    save_stroke(app);
}

/* --- selecting and editing --- */

typedef struct nearest {
    lethe_app *app;
    lethe_point at;
    double best;
    int64_t id;
} nearest;

static void try_mark(void *context, lethe_mark *mark) {
    nearest *n = context;
    int label = lethe_app_label_index(n->app, mark->label);
    if (mark->hidden || (label >= 0 && n->app->labels[label].hidden)) return;
    double distance = lethe_shape_distance(&mark->shape, n->at);
    /* Inside counts as near, small shapes before large ones. */
    double score = distance < 0 ? 1e-9 * lethe_shape_area_px(&mark->shape) : distance;
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
        if (hypot(p.x - screen.x, p.y - screen.y) <= HANDLE_PX) return (int)i;
    }
    return -2;
}

static void select_press(lethe_app *app, int number, lethe_point screen) {
    lethe_view *view = &app->views[number];
    const char *image;
    uint32_t frame;
    if (!app->marks || !lethe_view_image(view, &image, &frame)) return;
    lethe_point at = lethe_camera_to_image(&view->camera, screen);
    lethe_mark *selected = app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    int handle = selected && strcmp(selected->image, image) == 0 && selected->shape.frame == frame ? handle_at(view, &selected->shape, screen) : -2;
    if (handle == -2) {
        nearest n = {app, at, OUTLINE_PX / view->camera.scale, 0};
        lethe_marks_visit(app->marks, image, frame, NULL, try_mark, &n);
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

static void select_move(lethe_app *app, lethe_point screen) {
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
}

static void select_release(lethe_app *app) {
    lethe_drag *drag = &app->drag;
    lethe_mark *mark = drag->handle > -2 && drag->moved ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (!mark || lethe_shape_equal(&mark->shape, &drag->before)) return;
    lethe_shape shape = {0};
    lethe_error error = {0};
    if (lethe_shape_copy(&mark->shape, NULL, &shape, &error)) return;
    if (shape.kind == LETHE_SHAPE_MEASUREMENT && shape.point_count >= 2) {
        double across, down;
        (void)lethe_view_spacing(&app->views[drag->view], &across, &down);
        if (shape.measure == LETHE_MEASURE_LENGTH_MM) shape.measured = lethe_measure_length(shape.points[0], shape.points[1], across, down);
        else if (shape.measure == LETHE_MEASURE_ANGLE_DEGREES)
            shape.measured = lethe_measure_angle(shape.points[0], shape.points[1], shape.points[2], across, down);
        else shape.measured = lethe_measure_area(shape.points, shape.point_count, across, down);
    }
    char name[160];
    if (lethe_app_failed(
            app, lethe_marks_reshape(app->marks, mark->id, &shape, step_name(app, drag->handle >= 0 ? "Reshape" : "Move", mark->label, name), &error),
            &error)) {
        lethe_mark *again = lethe_marks_find(app->marks, app->selected); /* back to what the store holds */
        if (again) {
            lethe_shape_release(&again->shape);
            again->shape = drag->before;
            drag->before = (lethe_shape){0};
            (void)lethe_shape_bounds(&again->shape, &again->bounds);
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
    if (!lethe_app_failed(app, lethe_marks_delete(app->marks, mark->id, step_name(app, "Delete", mark->label, name), &error), &error))
        app->selected = 0;
}

/* What another reader, or a model, has drawn becomes mine: a copy that says where it comes from, and that I can correct. */
void lethe_app_accept_selected(lethe_app *app) {
    lethe_mark *mark = app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (!mark || mark->mine) return;
    lethe_shape shape = {0};
    lethe_error error = {0};
    char name[160], image[512], label[128];
    int64_t id = 0;
    if (lethe_app_failed(app, lethe_shape_copy(&mark->shape, NULL, &shape, &error), &error)) return;
    (void)snprintf(image, sizeof image, "%s", mark->image);
    (void)snprintf(label, sizeof label, "%s", mark->label);
    lethe_status status = lethe_marks_add(app->marks, image, label, "accept", &shape, step_name(app, "Accept", label, name), &id, &error);
    if (!lethe_app_failed(app, status, &error)) app->selected = id;
}

void lethe_app_undo(lethe_app *app, bool redo) {
    if (!app->marks) return;
    lethe_tool_cancel(app);
    lethe_error error = {0};
    char name[160];
    const char *what = redo ? lethe_marks_redo_name(app->marks) : lethe_marks_undo_name(app->marks), *image = NULL;
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

/* --- press, move, release --- */

static bool closes(const lethe_app *app, const lethe_view *view, lethe_point screen) {
    lethe_point first = lethe_camera_to_screen(&view->camera, app->draft.points[0]);
    return app->draft.count >= 3 && hypot(first.x - screen.x, first.y - screen.y) <= HANDLE_PX;
}

static void livewire_press(lethe_app *app, int number, lethe_point at) {
    lethe_view *view = &app->views[number];
    const lethe_image *pixels = lethe_view_pixels(app, view);
    if (!pixels || (!draft_is_here(app, number) && !(draft_start(app, number) && draft_add(app, at)))) return;
    app->draft.anchored = app->draft.count;
    lethe_livewire_destroy(app->draft.wire);
    app->draft.wire = NULL;
    lethe_error error = {0};
    lethe_point anchor = app->draft.points[app->draft.count - 1];
    (void)lethe_app_failed(app, lethe_livewire_create(pixels, anchor, LIVEWIRE_REACH_PX, &app->draft.wire, &error), &error);
}

static void livewire_move(lethe_app *app, lethe_point at) {
    lethe_draft *d = &app->draft;
    if (!d->wire) return;
    enum { MOST = 2048 };
    lethe_point path[MOST];
    size_t count = lethe_livewire_path(d->wire, at, path, MOST);
    d->count = d->anchored;
    for (size_t i = 1; i < count; i++)
        if (!draft_add(app, path[i])) return;
}

static void click_point(lethe_app *app, int number, lethe_point screen, lethe_point at) {
    lethe_view *view = &app->views[number];
    if (!draft_is_here(app, number)) {
        if (draft_start(app, number)) (void)draft_add(app, at);
        return;
    }
    lethe_point last = lethe_camera_to_screen(&view->camera, app->draft.points[app->draft.count - 1]);
    bool twice = hypot(last.x - screen.x, last.y - screen.y) < 3;
    bool closed = app->tool != LETHE_TOOL_LINE && app->tool != LETHE_TOOL_ANGLE && closes(app, view, screen);
    if (twice || closed) {
        lethe_tool_finish(app);
        return;
    }
    (void)draft_add(app, at);
    if (app->tool == LETHE_TOOL_ANGLE && app->draft.count == 3) lethe_tool_finish(app);
}

void lethe_tool_press(lethe_app *app, int number, lethe_point screen, int mods) {
    lethe_view *view = &app->views[number];
    lethe_point at = lethe_camera_to_image(&view->camera, screen);
    (void)mods;
    if (!app->marks || view->kind == LETHE_VIEW_PLANE) return;
    if (paints(app->tool) && view->kind == LETHE_VIEW_SLIDE) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Slides are labelled with shapes; painting is for radiology images."));
        return;
    }
    switch (app->tool) {
    case LETHE_TOOL_SELECT: select_press(app, number, screen); break;
    case LETHE_TOOL_POINT:
        if (draft_start(app, number) && draft_add(app, at)) finish_points(app, LETHE_SHAPE_POINT, 1, 0);
        break;
    case LETHE_TOOL_POLYGON:
    case LETHE_TOOL_LINE:
    case LETHE_TOOL_ANGLE:
    case LETHE_TOOL_AREA: click_point(app, number, screen, at); break;
    case LETHE_TOOL_LIVEWIRE:
        if (draft_is_here(app, number) && app->draft.count >= 3 && closes(app, view, screen)) lethe_tool_finish(app);
        else livewire_press(app, number, at);
        break;
    case LETHE_TOOL_BRUSH:
    case LETHE_TOOL_ERASER:
    case LETHE_TOOL_THRESHOLD: brush_to(app, at, at); break;
    case LETHE_TOOL_FILL: fill_at(app, view, at); break;
    case LETHE_TOOL_GROW: grow_at(app, view, at); break;
    default:
        if (draft_start(app, number)) (void)draft_add(app, at);
        break;
    }
}

void lethe_tool_move(lethe_app *app, lethe_point screen) {
    lethe_drag *drag = &app->drag;
    if (!app->marks) return;
    if (!drag->active) {
        if (app->tool == LETHE_TOOL_LIVEWIRE && app->draft.count > 0)
            livewire_move(app, lethe_camera_to_image(&app->views[app->draft.view].camera, screen));
        return;
    }
    lethe_view *view = &app->views[drag->view];
    lethe_point at = lethe_camera_to_image(&view->camera, screen);
    switch (app->tool) {
    case LETHE_TOOL_SELECT: select_move(app, screen); break;
    case LETHE_TOOL_BOX:
    case LETHE_TOOL_ELLIPSE:
    case LETHE_TOOL_ROI:
        if (app->draft.count > 0) draft_corners(app, drag->start_image, at);
        break;
    case LETHE_TOOL_RULER:
        if (app->draft.count > 0) {
            app->draft.count = 1;
            (void)draft_add(app, at);
        }
        break;
    case LETHE_TOOL_FREEHAND: {
        if (app->draft.count == 0) break;
        lethe_point last = app->draft.points[app->draft.count - 1];
        if (hypot(last.x - at.x, last.y - at.y) * view->camera.scale >= 2) (void)draft_add(app, at);
        break;
    }
    case LETHE_TOOL_BRUSH:
    case LETHE_TOOL_ERASER:
    case LETHE_TOOL_THRESHOLD: brush_to(app, drag->last_image, at); break;
    default: break;
    }
}

void lethe_tool_release(lethe_app *app, lethe_point screen) {
    if (!app->marks) return;
    if (hypot(screen.x - app->drag.last_screen.x, screen.y - app->drag.last_screen.y) > 0) lethe_tool_move(app, screen);
    switch (app->tool) {
    case LETHE_TOOL_SELECT: select_release(app); break;
    case LETHE_TOOL_BOX: finish_two_corners(app, LETHE_SHAPE_BOX); break;
    case LETHE_TOOL_ELLIPSE:
    case LETHE_TOOL_ROI: finish_two_corners(app, LETHE_SHAPE_ELLIPSE); break;
    case LETHE_TOOL_RULER: finish_points(app, LETHE_SHAPE_MEASUREMENT, 2, LETHE_MEASURE_LENGTH_MM); break;
    case LETHE_TOOL_FREEHAND: finish_points(app, LETHE_SHAPE_FREEHAND, 3, 0); break;
    case LETHE_TOOL_BRUSH:
    case LETHE_TOOL_ERASER:
    case LETHE_TOOL_THRESHOLD: save_stroke(app); break;
    default: break;
    }
}

void lethe_tool_finish(lethe_app *app) {
    switch (app->draft.count > 0 ? app->draft.tool : LETHE_TOOL_SELECT) {
    case LETHE_TOOL_POLYGON:
    case LETHE_TOOL_LIVEWIRE: finish_points(app, LETHE_SHAPE_POLYGON, 3, 0); break;
    case LETHE_TOOL_LINE: finish_points(app, LETHE_SHAPE_POLYLINE, 2, 0); break;
    case LETHE_TOOL_ANGLE: finish_points(app, LETHE_SHAPE_MEASUREMENT, 3, LETHE_MEASURE_ANGLE_DEGREES); break;
    case LETHE_TOOL_AREA: finish_points(app, LETHE_SHAPE_MEASUREMENT, 3, LETHE_MEASURE_AREA_MM2); break;
    default: break;
    }
}

void lethe_tool_cancel(lethe_app *app) { lethe_app_draft_clear(app); }
