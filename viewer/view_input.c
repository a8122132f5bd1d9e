/* From events to views: scrolling, panning, zooming, windowing; what is left goes to the tool in hand. */
#include "viewer/app.h"
#include "viewer/review.h"

#include <math.h>
#include <string.h>

static void change_window(lethe_app *app, lethe_view *view, double dx, double dy) {
    (void)app;
    /* A sweep over the width of the view doubles or halves; small widths stay adjustable. */
    double step = fmax(view->width, 8) / 300;
    view->width = fmax(1, view->width + dx * step);
    view->centre += dy * step;
    view->user_window = true;
    view->preset = 0;
}

/* Linked views of the same kind of pixels follow: the planes of one volume, the views of one mammography study. */
static void share_window(lethe_app *app, int from) {
    const lethe_view *view = &app->views[from];
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++) {
        lethe_view *other = &app->views[i];
        if (i == from || other->kind == LETHE_VIEW_EMPTY || other->series != view->series) continue;
        other->centre = view->centre;
        other->width = view->width;
        other->has_window = other->user_window = true;
    }
}

static void zoom(lethe_app *app, int number, lethe_point at, double factor) {
    lethe_view *view = &app->views[number];
    if (view->kind == LETHE_VIEW_EMPTY || !view->framed) return;
    lethe_camera_zoom_at(&view->camera, at, factor);
    if (!app->linked || !view->mammogram) return;
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++) {
        lethe_view *other = &app->views[i];
        if (i == number || !other->mammogram || !other->framed) continue;
        lethe_point middle = {other->camera.viewport.x + other->camera.viewport.width / 2,
                              other->camera.viewport.y + other->camera.viewport.height / 2};
        lethe_camera_zoom_at(&other->camera, middle, factor);
    }
}

static void on_scroll(lethe_app *app, const lethe_event *event) {
    int number = lethe_view_at(app, (lethe_point){event->x, event->y});
    if (number < 0) return;
    lethe_view *view = &app->views[number];
    app->compare_lead = number;
    if (event->mods & LETHE_MOD_SHIFT) {
        app->brush_mm = fmin(fmax(app->brush_mm * pow(1.15, event->amount), 0.002), 200);
        return;
    }
    if ((event->mods & LETHE_MOD_CTRL) || view->kind == LETHE_VIEW_SLIDE || (view->kind == LETHE_VIEW_STACK && view->series->frame_count < 2)) {
        zoom(app, number, (lethe_point){event->x, event->y}, pow(1.25, event->amount));
        return;
    }
    lethe_view_scroll(app, number, event->amount > 0 ? -(int)ceil(event->amount) : (int)ceil(-event->amount));
}

static void start_drag(lethe_app *app, int number, const lethe_event *event, lethe_tool tool) {
    lethe_view *view = &app->views[number];
    lethe_point at = {event->x, event->y};
    app->drag = (lethe_drag){.active = true,
                             .button = event->button,
                             .mods = event->mods,
                             .view = number,
                             .tool = tool,
                             .start_screen = at,
                             .last_screen = at,
                             .handle = -2,
                             .start_centre = view->centre,
                             .start_width = view->width};
    app->drag.start_image = app->drag.last_image = lethe_camera_to_image(&view->camera, at);
}

static bool navigates(lethe_tool tool) { return tool == LETHE_TOOL_WINDOW || tool == LETHE_TOOL_PAN || tool == LETHE_TOOL_ZOOM; }

static void set_cross(lethe_app *app, int number, lethe_point screen) {
    double p[3];
    const lethe_view *view = &app->views[number];
    if (!app->mpr_on || !app->has_cross || !lethe_view_to_patient(view, lethe_camera_to_image(&view->camera, screen), p)) return;
    memcpy(app->cross_mm, p, sizeof p);
    /* The acquired stack goes to the slice that is nearest to the cross. */
    lethe_view *stack = &app->views[0];
    const lethe_volume *volume = lethe_mpr_volume(app->mpr);
    if (stack->kind != LETHE_VIEW_STACK || !volume) return;
    double voxel[3];
    lethe_volume_to_voxel(volume, p, voxel);
    double k = fmin(fmax(nearbyint(voxel[2]), 0), volume->slices - 1.0);
    stack->index = lethe_mpr_first(app->mpr) + (size_t)k;
}

static void on_press(lethe_app *app, const lethe_event *event) {
    lethe_point at = {event->x, event->y};
    int number = lethe_view_at(app, at);
    if (number < 0) return;
    bool same = app->active == number;
    app->active = app->compare_lead = number;
    lethe_view *view = &app->views[number];
    if (view->kind == LETHE_VIEW_EMPTY || !view->framed) return;
    lethe_tool tool = app->tool;
    if (event->button == LETHE_BUTTON_RIGHT) tool = view->kind == LETHE_VIEW_SLIDE ? LETHE_TOOL_PAN : LETHE_TOOL_WINDOW;
    if (event->button == LETHE_BUTTON_MIDDLE || app->space_down) tool = LETHE_TOOL_PAN;
    if (event->button == LETHE_BUTTON_LEFT && app->mpr_on && (navigates(tool) || tool == LETHE_TOOL_SELECT) && !app->space_down &&
        tool != LETHE_TOOL_PAN && tool != LETHE_TOOL_ZOOM) {
        start_drag(app, number, event, LETHE_TOOL_SELECT);
        app->drag.handle = -3; /* moves the cross-hair */
        set_cross(app, number, at);
        return;
    }
    if (navigates(tool) || event->button != LETHE_BUTTON_LEFT) {
        start_drag(app, number, event, tool);
        return;
    }
    (void)same;
    start_drag(app, number, event, tool);
    lethe_tool_press(app, number, at, event->mods);
}

static void on_move(lethe_app *app, const lethe_event *event) {
    lethe_point at = {event->x, event->y};
    app->mouse = at;
    app->mouse_on_canvas = lethe_rect_contains(app->canvas, at) && (app->drag.active || !lethe_ui_wants_mouse(app->ui));
    lethe_drag *drag = &app->drag;
    if (!drag->active) {
        lethe_tool_move(app, at);
        return;
    }
    lethe_view *view = &app->views[drag->view];
    double dx = at.x - drag->last_screen.x, dy = at.y - drag->last_screen.y;
    if (fabs(at.x - drag->start_screen.x) + fabs(at.y - drag->start_screen.y) > 2) drag->moved = true;
    if (drag->handle == -3) set_cross(app, drag->view, at);
    else if (drag->tool == LETHE_TOOL_WINDOW) {
        change_window(app, view, dx, dy);
        share_window(app, drag->view);
    } else if (drag->tool == LETHE_TOOL_PAN) {
        lethe_camera_pan(&view->camera, dx, dy);
    } else if (drag->tool == LETHE_TOOL_ZOOM) {
        zoom(app, drag->view, drag->start_screen, pow(1.01, -dy));
    } else lethe_tool_move(app, at);
    drag->last_screen = at;
    drag->last_image = lethe_camera_to_image(&view->camera, at);
}

static void on_release(lethe_app *app, const lethe_event *event) {
    if (!app->drag.active || event->button != app->drag.button) return;
    bool tool = !navigates(app->drag.tool) && app->drag.handle != -3;
    lethe_point at = {event->x, event->y};
    if (tool) lethe_tool_release(app, at);
    lethe_shape_release(&app->drag.before);
    app->drag = (lethe_drag){.handle = -2};
}

/* While a panel has the keys, plain ones walk through it; Escape goes back to the images. */
static bool panel_takes(lethe_app *app, const lethe_event *event) {
    if (event->key == LETHE_KEY_ESCAPE) {
        if (!lethe_ui_popup_open(app->ui)) lethe_focus_set(app, LETHE_FOCUS_IMAGES);
        return true;
    }
    return event->mods == 0 && !(event->key >= LETHE_KEY_F1 && event->key <= LETHE_KEY_F12);
}

static void on_key(lethe_app *app, const lethe_event *event) {
    app->mods = event->mods;
    if (event->key == ' ') app->space_down = event->down && event->mods == 0 && app->focus == LETHE_FOCUS_IMAGES;
    if (!event->down) return;
    app->compare_lead = app->active;
    if (app->sheet == LETHE_SHEET_SHORTCUTS &&
        (event->key == LETHE_KEY_DOWN || event->key == LETHE_KEY_UP || event->key == LETHE_KEY_PAGE_DOWN || event->key == LETHE_KEY_PAGE_UP)) {
        bool page = event->key == LETHE_KEY_PAGE_DOWN || event->key == LETHE_KEY_PAGE_UP,
             down = event->key == LETHE_KEY_DOWN || event->key == LETHE_KEY_PAGE_DOWN;
        app->sheet_scroll += (page ? app->height / 2.0 : 40) * (down ? 1 : -1);
        return;
    }
    if (app->sheet == LETHE_SHEET_PALETTE && lethe_palette_key(app, event->key)) return;
    if (app->sheet == LETHE_SHEET_SKIP && event->key == LETHE_KEY_ENTER) {
        app->sheet_fresh = app->skip_reason[0] == '\0'; /* go on typing */
        if (app->sheet_fresh) return;
        app->sheet = LETHE_SHEET_NONE;
        lethe_app_skip(app, app->skip_reason);
        app->skip_reason[0] = '\0';
        return;
    }
    if (lethe_ui_wants_keyboard(app->ui) && !(event->key == LETHE_KEY_ESCAPE && app->focus == LETHE_FOCUS_IMAGES)) return;
    if (app->focus != LETHE_FOCUS_IMAGES && app->sheet == LETHE_SHEET_NONE && panel_takes(app, event)) return;
    if (event->key == LETHE_KEY_ESCAPE) {
        if (app->sheet != LETHE_SHEET_NONE) app->sheet = LETHE_SHEET_NONE;
        else if (app->grow) lethe_grow_cancel(app);
        else if (app->draft.count > 0) lethe_tool_cancel(app); /* given up, also when it is unsaved */
        else if (app->maximised >= 0) app->maximised = -1;
        else app->selected = 0;
        return;
    }
    if (event->key == LETHE_KEY_ENTER && event->mods == 0) {
        lethe_tool_finish(app);
        return;
    }
    (void)lethe_command_key(app, event->key, event->mods);
}

void lethe_app_pointer_event(lethe_app *app, const lethe_event *event) {
    if (event->kind == LETHE_EVENT_MOVE) on_move(app, event);
    else if (event->down) on_press(app, event);
    else on_release(app, event);
}

void lethe_app_event(lethe_app *app, const lethe_event *event) {
    if (event->kind == LETHE_EVENT_BUTTON || event->kind == LETHE_EVENT_SCROLL || event->kind == LETHE_EVENT_MOVE) {
        app->keyboard_pointer = app->keyboard_held = false; /* a hand on the mouse */
        if (event->kind == LETHE_EVENT_BUTTON && event->down && app->focus != LETHE_FOCUS_IMAGES) lethe_focus_set(app, LETHE_FOCUS_IMAGES);
    }
    if (app->review && lethe_review_event(app, event)) return;
    bool covered = app->sheet != LETHE_SHEET_NONE || (lethe_ui_wants_mouse(app->ui) && !app->drag.active);
    switch (event->kind) {
    case LETHE_EVENT_KEY: on_key(app, event); break;
    case LETHE_EVENT_MOVE: on_move(app, event); break;
    case LETHE_EVENT_BUTTON:
        if (event->down && !covered) on_press(app, event);
        if (!event->down) on_release(app, event);
        break;
    case LETHE_EVENT_SCROLL:
        if (!covered) on_scroll(app, event);
        break;
    default: break;
    }
}
