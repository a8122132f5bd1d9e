/* Boxes on the image, and the mouse and keys on them. */
#include "viewer/review.h"

#include <math.h>
#include <string.h>

enum { HANDLE_PX = 8, SMALLEST_PX = 3 };

static bool in_frame(const lethe_view *view, const lethe_review_box *box) {
    if (view->kind != LETHE_VIEW_STACK || !view->series || view->index >= view->series->frame_count) return false;
    uint32_t frame = view->series->frames[view->index].frame;
    return frame >= box->first_frame && frame <= box->last_frame;
}

static void corners(const lethe_view *view, const lethe_review_box *box, lethe_point out[4]) {
    double x0 = box->x, y0 = box->y, x1 = x0 + box->w, y1 = y0 + box->h;
    const lethe_point image[4] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
    for (int i = 0; i < 4; i++) out[i] = lethe_camera_to_screen(&view->camera, image[i]);
}

static lethe_review_box box_between(const lethe_view *view, lethe_point a, lethe_point b) {
    double w = view->series->columns, h = view->series->rows;
    double x0 = fmin(fmax(floor(fmin(a.x, b.x)), 0), w), x1 = fmin(fmax(ceil(fmax(a.x, b.x)), 0), w);
    double y0 = fmin(fmax(floor(fmin(a.y, b.y)), 0), h), y1 = fmin(fmax(ceil(fmax(a.y, b.y)), 0), h);
    return (lethe_review_box){.last_frame = UINT32_MAX, .x = (uint32_t)x0, .y = (uint32_t)y0, .w = (uint32_t)(x1 - x0), .h = (uint32_t)(y1 - y0)};
}

/* What the drag in hand would make of its box. */
static lethe_review_box dragged(const lethe_review *r, const lethe_view *view) {
    if (r->drag == LETHE_REVIEW_NEW) return box_between(view, r->start, r->now);
    double x0 = r->before.x, y0 = r->before.y, x1 = x0 + r->before.w, y1 = y0 + r->before.h;
    double dx = round(r->now.x - r->start.x), dy = round(r->now.y - r->start.y);
    if (r->drag == LETHE_REVIEW_SHIFT) {
        dx = fmin(fmax(dx, -x0), view->series->columns - x1);
        dy = fmin(fmax(dy, -y0), view->series->rows - y1);
        x0 += dx, x1 += dx, y0 += dy, y1 += dy;
    } else {
        if (r->corner & 1) x1 += dx;
        else x0 += dx;
        if (r->corner & 2) y1 += dy;
        else y0 += dy;
    }
    return box_between(view, (lethe_point){x0, y0}, (lethe_point){x1, y1});
}

/* --- drawing --- */

static uint32_t colour_of(lethe_review_mark mark) {
    switch (mark) {
    case LETHE_REVIEW_ACCEPTED: return LETHE_COLOUR_GOOD;
    case LETHE_REVIEW_DRAWN: return LETHE_COLOUR_ACCENT;
    case LETHE_REVIEW_DELETED: return LETHE_COLOUR_MUTED;
    default: return LETHE_COLOUR_WARNING;
    }
}

static void draw_box(lethe_app *app, const lethe_view *view, const lethe_review_box *box, uint32_t colour, bool selected, bool crossed) {
    lethe_point at[4];
    corners(view, box, at);
    lethe_canvas_polyline(app->ui, at, 4, true, 0xFF000000u, selected ? 5 : 4);
    lethe_canvas_polyline(app->ui, at, 4, true, colour, selected ? 3 : 2);
    if (crossed) {
        lethe_canvas_line(app->ui, at[0], at[2], colour, 1);
        lethe_canvas_line(app->ui, at[1], at[3], colour, 1);
    }
    for (int i = 0; i < 4 && selected; i++) lethe_canvas_dot(app->ui, at[i], 4, colour);
}

/* After: what is going to be removed is black, as it will be. */
static void draw_after(lethe_app *app, const lethe_view *view) {
    const lethe_review *r = app->review;
    for (size_t i = 0; i < r->box_count; i++) {
        if (r->boxes[i].mark == LETHE_REVIEW_DELETED || !in_frame(view, &r->boxes[i].box)) continue;
        lethe_point at[4];
        corners(view, &r->boxes[i].box, at);
        lethe_canvas_fill_convex(app->ui, at, 4, 0xFF000000u);
    }
}

void lethe_review_draw(lethe_app *app) {
    const lethe_review *r = app->review;
    const lethe_view *view = &app->views[0];
    if (r->item_count == 0 || view->kind != LETHE_VIEW_STACK || !view->framed) return;
    bool released = r->items[r->index].state == LETHE_ITEM_RELEASED;
    lethe_canvas_clip(app->ui, view->rect);
    if (r->after && !released) draw_after(app, view);
    for (size_t i = 0; i < r->box_count && !r->after; i++) {
        const lethe_review_shown *s = &r->boxes[i];
        bool selected = (int)i == r->selected;
        if (!in_frame(view, &s->box) || (selected && (r->drag == LETHE_REVIEW_SHIFT || r->drag == LETHE_REVIEW_CORNER))) continue;
        draw_box(app, view, &s->box, colour_of(s->mark), selected, s->mark == LETHE_REVIEW_DELETED);
    }
    if (r->drag != LETHE_REVIEW_IDLE) {
        lethe_review_box box = dragged(r, view);
        draw_box(app, view, &box, LETHE_COLOUR_ACCENT, true, false);
    }
    lethe_point corner = {view->rect.x + view->rect.width / 2, view->rect.y + 14};
    const char *title = !r->after  ? T("Before: the original, private")
                        : released ? T("After: as released")
                                   : T("After, as drawn here: what approval would release");
    lethe_canvas_text(app->ui, corner, 0.5, r->after ? LETHE_COLOUR_GOOD : LETHE_COLOUR_WARNING, true, title);
    lethe_canvas_unclip(app->ui);
}

/* --- mouse --- */

static int hit(const lethe_app *app, const lethe_view *view, lethe_point screen, int *corner) {
    const lethe_review *r = app->review;
    lethe_point image = lethe_camera_to_image(&view->camera, screen);
    *corner = -1;
    if (r->selected >= 0 && in_frame(view, &r->boxes[r->selected].box)) {
        static const int bits[4] = {0, 1, 3, 2};
        lethe_point at[4];
        corners(view, &r->boxes[r->selected].box, at);
        for (int i = 0; i < 4; i++)
            if (fabs(at[i].x - screen.x) <= HANDLE_PX && fabs(at[i].y - screen.y) <= HANDLE_PX) {
                *corner = bits[i];
                return r->selected;
            }
    }
    for (int i = (int)r->box_count - 1; i >= 0; i--) {
        const lethe_review_box *b = &r->boxes[i].box;
        if (in_frame(view, b) && image.x >= b->x && image.x <= b->x + b->w && image.y >= b->y && image.y <= b->y + b->h) return i;
    }
    return -1;
}

static bool press(lethe_app *app, const lethe_event *event) {
    lethe_review *r = app->review;
    lethe_view *view = &app->views[0];
    lethe_point at = {event->x, event->y};
    if (event->button != LETHE_BUTTON_LEFT || app->space_down || r->after || view->kind != LETHE_VIEW_STACK || !view->framed ||
        lethe_view_at(app, at) != 0 || r->item_count == 0)
        return false;
    int corner, index = hit(app, view, at, &corner);
    r->start = r->now = lethe_camera_to_image(&view->camera, at);
    r->selected = index;
    r->corner = corner;
    r->drag = index < 0 ? LETHE_REVIEW_NEW : corner >= 0 ? LETHE_REVIEW_CORNER : LETHE_REVIEW_SHIFT;
    if (index >= 0) r->before = r->boxes[index].box;
    return true;
}

static bool release(lethe_app *app) {
    lethe_review *r = app->review;
    if (r->drag == LETHE_REVIEW_IDLE) return false;
    lethe_review_box box = dragged(r, &app->views[0]);
    bool is_new = r->drag == LETHE_REVIEW_NEW;
    r->drag = LETHE_REVIEW_IDLE;
    if (box.w < SMALLEST_PX || box.h < SMALLEST_PX) return true;
    if (is_new) lethe_review_add(app, box);
    else lethe_review_move(app, r->selected, box);
    return true;
}

/* --- keys --- */

static const struct {
    int key, mods;
    const char *command;
} keys[] = {{'N', 0, "review-next"},
            {'N', LETHE_MOD_SHIFT, "review-previous"},
            {'B', 0, "review-before-after"},
            {'A', 0, "review-accept"},
            {LETHE_KEY_DELETE, 0, "review-delete"},
            {'S', 0, "review-apply-series"},
            {'D', 0, "review-apply-device"},
            {'Z', LETHE_MOD_CTRL, "review-undo"},
            {LETHE_KEY_ENTER, LETHE_MOD_CTRL, "review-approve"},
            {LETHE_KEY_BACKSPACE, LETHE_MOD_CTRL, "review-reject"}};

static bool on_key(lethe_app *app, const lethe_event *event) {
    if (!event->down || app->sheet != LETHE_SHEET_NONE) return false;
    if (event->key == LETHE_KEY_ESCAPE && app->review->selected >= 0) {
        app->review->selected = -1;
        app->review->drag = LETHE_REVIEW_IDLE;
        return true;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].key == event->key && keys[i].mods == event->mods) {
            lethe_command_find(keys[i].command)->run(app);
            return true;
        }
    /* Tools and marks of the annotator mean nothing here. */
    return event->mods == 0 && ((event->key >= 'A' && event->key <= 'Z' && event->key != 'C' && event->key != 'I') || event->key == LETHE_KEY_ENTER);
}

bool lethe_review_event(lethe_app *app, const lethe_event *event) {
    lethe_review *r = app->review;
    if (event->kind == LETHE_EVENT_KEY) return on_key(app, event);
    if (event->kind == LETHE_EVENT_MOVE && r->drag != LETHE_REVIEW_IDLE) {
        r->now = lethe_camera_to_image(&app->views[0].camera, (lethe_point){event->x, event->y});
        return false;
    }
    if (event->kind != LETHE_EVENT_BUTTON) return false;
    if (!event->down) return release(app);
    bool covered = app->sheet != LETHE_SHEET_NONE || lethe_ui_wants_mouse(app->ui);
    return !covered && press(app, event);
}
