/* Everything without a mouse: a pointer that keys move and press, panels that keys walk through, annotations one after another. */
#include "viewer/app.h"

#include "viewer/tools/measure.h"

#include <math.h>
#include <string.h>

/* --- the pointer --- */

static lethe_point middle_of(const lethe_rect *r) { return (lethe_point){floor(r->x + r->width / 2), floor(r->y + r->height / 2)}; }

static lethe_event pointer_event(const lethe_app *app, lethe_event_kind kind) {
    return (lethe_event){.kind = kind, .x = app->mouse.x, .y = app->mouse.y, .button = LETHE_BUTTON_LEFT, .mods = 0};
}

/* It starts in the middle of the active view, and never leaves the images. */
static void wake_pointer(lethe_app *app) {
    const lethe_rect *view = &app->views[app->active].rect;
    if (!app->keyboard_pointer && !lethe_rect_contains(*view, app->mouse)) app->mouse = middle_of(view);
    app->keyboard_pointer = app->mouse_on_canvas = true;
}

void lethe_pointer_move(lethe_app *app, double dx, double dy) {
    if (!app->study) return;
    wake_pointer(app);
    const lethe_rect *r = &app->canvas;
    lethe_event event = pointer_event(app, LETHE_EVENT_MOVE);
    event.x = fmin(fmax(event.x + dx, r->x), r->x + r->width - 1);
    event.y = fmin(fmax(event.y + dy, r->y), r->y + r->height - 1);
    lethe_app_pointer_event(app, &event);
    app->mouse_on_canvas = true;
}

void lethe_pointer_to(lethe_app *app, lethe_point screen) {
    if (!app->study) return;
    app->keyboard_pointer = true;
    lethe_pointer_move(app, screen.x - app->mouse.x, screen.y - app->mouse.y);
}

void lethe_pointer_hold(lethe_app *app) {
    if (!app->study) return;
    bool fresh = !app->keyboard_pointer;
    wake_pointer(app);
    if (fresh) lethe_pointer_move(app, 0, 0);
    lethe_event event = pointer_event(app, LETHE_EVENT_BUTTON);
    event.down = app->keyboard_held = !app->drag.active;
    lethe_app_pointer_event(app, &event);
}

void lethe_pointer_click(lethe_app *app) {
    if (!app->study) return;
    if (!app->drag.active) lethe_pointer_hold(app);
    if (app->drag.active) lethe_pointer_hold(app);
}

void lethe_pointer_draw(lethe_app *app) {
    enum { ARM = 14, HOLE = 4 };
    if (!app->keyboard_pointer) return;
    lethe_point p = {floor(app->mouse.x) + 0.5, floor(app->mouse.y) + 0.5};
    const struct { double x, y; } arms[4] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < 4; i++)
            lethe_canvas_line(app->ui, (lethe_point){p.x + arms[i].x * HOLE, p.y + arms[i].y * HOLE},
                              (lethe_point){p.x + arms[i].x * ARM, p.y + arms[i].y * ARM},
                              pass == 0            ? 0xE0000000
                              : app->keyboard_held ? LETHE_COLOUR_WARNING
                                                   : LETHE_COLOUR_TEXT,
                              pass == 0 ? 4 : 2);
}

/* --- panels --- */

static const char *const panels[LETHE_FOCUS_PANELS] = {NULL, "cases", "series", "tools", "labels", "top"};

static bool panel_there(const lethe_app *app, lethe_focus_panel panel) {
    switch (panel) {
    case LETHE_FOCUS_CASES: return lethe_app_left(app) > 0;
    case LETHE_FOCUS_SERIES: return lethe_app_left(app) > 0 && app->study;
    case LETHE_FOCUS_LABELS: return lethe_app_right(app) > 0;
    default: return true;
    }
}

void lethe_focus_set(lethe_app *app, lethe_focus_panel panel) {
    if (panel == LETHE_FOCUS_CASES || panel == LETHE_FOCUS_SERIES) app->show_left = true;
    if (panel == LETHE_FOCUS_LABELS) app->show_right = true;
    app->focus = panel_there(app, panel) ? panel : LETHE_FOCUS_IMAGES;
    lethe_ui_navigate(app->ui, panels[app->focus]);
}

void lethe_focus_step(lethe_app *app, int by) {
    int at = (int)app->focus;
    do at = (at + by + LETHE_FOCUS_PANELS) % LETHE_FOCUS_PANELS;
    while (!panel_there(app, (lethe_focus_panel)at));
    lethe_focus_set(app, (lethe_focus_panel)at);
}

/* --- annotations --- */

static bool steppable(const lethe_app *app, lethe_mark *mark) {
    if (mark->level != LETHE_LEVEL_REGION || mark->hidden || mark->shape.kind == LETHE_SHAPE_NONE) return false;
    if (mark->shape.kind == LETHE_SHAPE_MASK && mark->shape.slice_count && lethe_rle_count(&mark->shape.slices[0].mask) == 0) return false;
    int label = lethe_mark_label(app, mark);
    return label < 0 || !app->labels[label].hidden;
}

void lethe_app_step_mark(lethe_app *app, int by) {
    size_t count = app->marks ? lethe_marks_count(app->marks) : 0, at = by > 0 ? count - 1 : 0;
    for (size_t i = 0; i < count; i++)
        if (lethe_marks_at(app->marks, i)->id == app->stepped_mark) at = i;
    for (size_t n = 1; n <= count; n++) {
        size_t i = by > 0 ? (at + n) % count : (at + count - n) % count;
        lethe_mark *mark = lethe_marks_at(app->marks, i);
        if (!steppable(app, mark)) continue;
        app->stepped_mark = mark->id;
        lethe_app_go_to_mark(app, mark);
        /* The pointer stands on its first corner, ready to take hold of it. */
        const lethe_view *view = &app->views[app->active];
        lethe_point first, corner = {mark->bounds.x0, mark->bounds.y0};
        if (lethe_shape_handles(&mark->shape, &first, 1) > 0) corner = first;
        if (view->framed) lethe_pointer_to(app, lethe_camera_to_screen(&view->camera, corner));
        return;
    }
    lethe_app_say(app, LETHE_COLOUR_MUTED, "%s", T("Nothing drawn yet. Choose a label, then a tool, and draw on the image."));
}

/* --- labels --- */

void lethe_app_step_label(lethe_app *app, int by) {
    for (int n = 1; n <= app->label_count; n++) {
        int i = ((app->label + by * n) % app->label_count + app->label_count) % app->label_count;
        if (app->labels[i].label && app->labels[i].label->level != LETHE_LEVEL_REGION) continue;
        app->label = i;
        return;
    }
}

void lethe_app_relabel_selected(lethe_app *app) {
    lethe_mark *mark = app->marks && app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (!mark || !mark->mine || app->label < 0) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Select an annotation of your own first."));
        return;
    }
    const lethe_label_state *label = &app->labels[app->label];
    if (label->label && !lethe_label_allows(label->label, mark->shape.kind)) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No label of the schema may be drawn like this."));
        return;
    }
    lethe_error error = {0};
    (void)lethe_app_failed(app, lethe_marks_relabel(app->marks, mark->id, label->name, T("Change of label"), &error), &error);
}
