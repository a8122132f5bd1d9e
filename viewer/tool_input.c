/* From the mouse to annotations: what each tool does on press, move and release. Every finished stroke is in the store before the next event. */
#include "viewer/tool_internal.h"

#include "core/memory.h"
#include "viewer/tools/livewire.h"
#include "viewer/tools/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LIVEWIRE_REACH_PX = 260 };

void lethe_app_choose_tool(lethe_app *app, lethe_tool tool) {
    if (app->unsaved && !lethe_app_save_again(app)) return; /* the draft would go with its tool */
    lethe_tool_cancel(app);
    app->tool_before = app->tool;
    app->tool = tool;
}

/* --- the draft --- */

void lethe_app_draft_clear(lethe_app *app) {
    app->unsaved = false;
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
    if (app->unsaved && !lethe_app_save_again(app)) return false;
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
    return app->draft.count > 0 && !app->unsaved && app->draft.tool == app->tool && app->draft.view == view &&
           lethe_view_image(&app->views[view], &image, &frame) && app->draft.frame == frame && strcmp(app->draft.image, image) == 0;
}

/* --- making annotations --- */

int lethe_tool_label_for(lethe_app *app, lethe_shape_kind kind) {
    const lethe_label_state *chosen = app->label >= 0 ? &app->labels[app->label] : NULL;
    if (chosen && (!chosen->label || (chosen->label->level == LETHE_LEVEL_REGION && lethe_label_allows(chosen->label, kind)))) return app->label;
    for (int i = 0; i < app->label_count; i++)
        if (app->labels[i].label && app->labels[i].label->level == LETHE_LEVEL_REGION && lethe_label_allows(app->labels[i].label, kind)) return i;
    return -1;
}

const char *lethe_tool_step_name(lethe_app *app, const char *tool, const char *label, char out[160]) {
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

/* False when the store did not take it: then the draft is kept, and Enter tries again. */
static bool add_shape(lethe_app *app, lethe_shape *shape) {
    const lethe_tool_facts *tool = lethe_tool_of(app->draft.tool);
    int label = lethe_tool_label_for(app, shape->kind);
    if (app->draft.tool == LETHE_TOOL_ROI || (label < 0 && shape->kind == LETHE_SHAPE_MEASUREMENT)) {
        add_note(app, shape);
        return true;
    }
    if (label < 0 && shape->kind == LETHE_SHAPE_FREEHAND) {
        shape->kind = LETHE_SHAPE_POLYGON; /* the same outline, where the schema knows only polygons */
        label = lethe_tool_label_for(app, shape->kind);
    }
    lethe_error error = {0};
    if (label < 0) {
        lethe_shape_release(shape);
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No label of the schema may be drawn like this."));
        return true;
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
                                          lethe_tool_step_name(app, tool->title, app->labels[label].title, name), &id, &error);
    if (status) {
        lethe_app_say(app, LETHE_COLOUR_DANGER, "%s (%s)", T("Not saved: press Enter to try again, Escape to give it up."),
                      lethe_status_name(status));
        app->unsaved = true;
        return false;
    }
    app->selected = id;
    app->unsaved = false;
    return true;
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
            if (measure && lethe_view_spacing_at(&app->views[d->view], d->points, d->count, &across, &down)) {
                if (measure == LETHE_MEASURE_LENGTH_MM) shape.measured = lethe_measure_length(d->points[0], d->points[1], across, down);
                else if (measure == LETHE_MEASURE_ANGLE_DEGREES)
                    shape.measured = lethe_measure_angle(d->points[0], d->points[1], d->points[2], across, down);
                else shape.measured = lethe_measure_area(d->points, d->count, across, down);
            }
            if (!add_shape(app, &shape)) return;
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
            if (!lethe_app_failed(app, status, &error) && !add_shape(app, &shape)) return;
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

/* --- snapping --- */

typedef struct snap {
    lethe_app *app;
    const lethe_view *view;
    lethe_point screen, best;
    double reach;
} snap;

static void try_point(snap *s, lethe_point image, double handicap) {
    lethe_point p = lethe_camera_to_screen(&s->view->camera, image);
    double away = hypot(p.x - s->screen.x, p.y - s->screen.y) + handicap;
    if (away >= s->reach) return;
    s->reach = away;
    s->best = image;
}

/* Corners before edges: a point on an edge has to be nearer by a few pixels. */
static void try_shape(void *context, lethe_mark *mark) {
    enum { MOST = 256, EDGE_HANDICAP_PX = 4 };
    snap *s = context;
    lethe_point outline[MOST];
    size_t count = 0;
    if (mark->hidden) return;
    bool closed = mark->shape.kind == LETHE_SHAPE_BOX || mark->shape.kind == LETHE_SHAPE_ROTATED_BOX || mark->shape.kind == LETHE_SHAPE_ELLIPSE;
    if (closed) count = lethe_shape_outline(&mark->shape, outline, MOST);
    const lethe_point *points = closed ? outline : mark->shape.points;
    if (!closed) count = mark->shape.point_count;
    closed = closed || mark->shape.kind == LETHE_SHAPE_POLYGON || mark->shape.kind == LETHE_SHAPE_FREEHAND;
    for (size_t i = 0; i < count; i++) {
        try_point(s, points[i], 0);
        if (i + 1 == count && (!closed || mark->shape.ring_ends)) break;
        lethe_point a = points[i], b = points[(i + 1) % count], at = lethe_camera_to_image(&s->view->camera, s->screen);
        double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy, t = length > 0 ? ((at.x - a.x) * dx + (at.y - a.y) * dy) / length : 0;
        if (t > 0 && t < 1) try_point(s, (lethe_point){a.x + t * dx, a.y + t * dy}, EDGE_HANDICAP_PX);
    }
}

lethe_point lethe_tool_snap(lethe_app *app, int number, lethe_point screen) {
    lethe_view *view = &app->views[number];
    lethe_point at = lethe_camera_to_image(&view->camera, screen);
    const char *image;
    uint32_t frame;
    bool draws =
        !lethe_tool_paints(app->tool) && app->tool != LETHE_TOOL_SELECT && app->tool != LETHE_TOOL_FREEHAND && app->tool != LETHE_TOOL_LIVEWIRE;
    if (!app->snap || !draws || !lethe_view_image(view, &image, &frame)) return at;
    double reach = LETHE_HANDLE_PX / view->camera.scale;
    lethe_box within = {at.x - reach, at.y - reach, at.x + reach, at.y + reach};
    snap s = {app, view, screen, at, LETHE_HANDLE_PX};
    lethe_marks_visit(app->marks, image, frame, &within, try_shape, &s);
    return s.best;
}

/* --- press, move, release --- */

static bool closes(const lethe_app *app, const lethe_view *view, lethe_point screen) {
    lethe_point first = lethe_camera_to_screen(&view->camera, app->draft.points[0]);
    return app->draft.count >= 3 && hypot(first.x - screen.x, first.y - screen.y) <= LETHE_HANDLE_PX;
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
    lethe_point at = lethe_tool_snap(app, number, screen);
    (void)mods;
    if (!app->marks || view->kind == LETHE_VIEW_PLANE) return;
    if (view->is_prior) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("An earlier study is only looked at: draw on the current one."));
        return;
    }
    if (!lethe_tool_works_on(app->tool, view->kind)) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("This tool needs grey values: use brush or shapes on slides."));
        return;
    }
    switch (app->tool) {
    case LETHE_TOOL_SELECT: lethe_tool_select_press(app, number, screen); break;
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
    case LETHE_TOOL_THRESHOLD: lethe_tool_brush_to(app, at, at); break;
    case LETHE_TOOL_FILL: lethe_tool_fill_at(app, view, at); break;
    case LETHE_TOOL_GROW: lethe_tool_grow_at(app, view, at); break;
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
    lethe_point at = lethe_tool_snap(app, drag->view, screen);
    switch (app->tool) {
    case LETHE_TOOL_SELECT: lethe_tool_select_move(app, screen); break;
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
    case LETHE_TOOL_THRESHOLD: lethe_tool_brush_to(app, drag->last_image, at); break;
    default: break;
    }
}

void lethe_tool_release(lethe_app *app, lethe_point screen) {
    if (!app->marks) return;
    if (hypot(screen.x - app->drag.last_screen.x, screen.y - app->drag.last_screen.y) > 0) lethe_tool_move(app, screen);
    switch (app->tool) {
    case LETHE_TOOL_SELECT: lethe_tool_select_release(app); break;
    case LETHE_TOOL_BOX: finish_two_corners(app, LETHE_SHAPE_BOX); break;
    case LETHE_TOOL_ELLIPSE:
    case LETHE_TOOL_ROI: finish_two_corners(app, LETHE_SHAPE_ELLIPSE); break;
    case LETHE_TOOL_RULER: finish_points(app, LETHE_SHAPE_MEASUREMENT, 2, LETHE_MEASURE_LENGTH_MM); break;
    case LETHE_TOOL_FREEHAND: finish_points(app, LETHE_SHAPE_FREEHAND, 3, 0); break;
    case LETHE_TOOL_BRUSH:
    case LETHE_TOOL_ERASER:
    case LETHE_TOOL_THRESHOLD: lethe_tool_save_stroke(app); break;
    default: break;
    }
}

void lethe_tool_finish(lethe_app *app) {
    lethe_tool_finish_draft(app);
    if (app->unsaved_paint) (void)lethe_app_save_again(app);
}

void lethe_tool_finish_draft(lethe_app *app) {
    switch (app->draft.count > 0 ? app->draft.tool : LETHE_TOOL_SELECT) {
    case LETHE_TOOL_POLYGON:
    case LETHE_TOOL_LIVEWIRE: finish_points(app, LETHE_SHAPE_POLYGON, 3, 0); break;
    case LETHE_TOOL_LINE: finish_points(app, LETHE_SHAPE_POLYLINE, 2, 0); break;
    /* What the store did not take when the button was released. */
    case LETHE_TOOL_FREEHAND: finish_points(app, LETHE_SHAPE_FREEHAND, 3, 0); break;
    case LETHE_TOOL_BOX: finish_two_corners(app, LETHE_SHAPE_BOX); break;
    case LETHE_TOOL_ELLIPSE: finish_two_corners(app, LETHE_SHAPE_ELLIPSE); break;
    case LETHE_TOOL_POINT: finish_points(app, LETHE_SHAPE_POINT, 1, 0); break;
    case LETHE_TOOL_RULER: finish_points(app, LETHE_SHAPE_MEASUREMENT, 2, LETHE_MEASURE_LENGTH_MM); break;
    case LETHE_TOOL_ANGLE: finish_points(app, LETHE_SHAPE_MEASUREMENT, 3, LETHE_MEASURE_ANGLE_DEGREES); break;
    case LETHE_TOOL_AREA: finish_points(app, LETHE_SHAPE_MEASUREMENT, 3, LETHE_MEASURE_AREA_MM2); break;
    default: break;
    }
}

void lethe_tool_cancel(lethe_app *app) { lethe_app_draft_clear(app); }
