/* Shapes on the screen, their measurements in words, the shape under construction, and which of all annotations are drawn how. */
#include "viewer/app.h"

#include "core/memory.h"

#include "viewer/tools/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MANY_MARKS = 1000 };

static lethe_point on_screen(const lethe_view *view, lethe_point p) { return lethe_camera_to_screen(&view->camera, p); }

static void stroke(lethe_app *app, const lethe_view *view, const lethe_point *points, size_t count, bool closed, uint32_t colour, double width) {
    enum { STACK = 512 };
    lethe_point local[STACK], *screen = count <= STACK ? local : lethe_alloc_array(count, sizeof *screen);
    if (!screen || count == 0) return;
    for (size_t i = 0; i < count; i++) screen[i] = on_screen(view, points[i]);
    if (width > 1) lethe_canvas_polyline(app->ui, screen, count, closed, 0x90000000, width + 2);
    lethe_canvas_polyline(app->ui, screen, count, closed, colour, width);
    if (screen != local) lethe_free(screen);
}

static void handles(lethe_app *app, const lethe_view *view, const lethe_shape *shape) {
    lethe_point at[64];
    size_t count = lethe_shape_handles(shape, at, 64);
    for (size_t i = 0; i < count; i++) {
        lethe_point p = on_screen(view, at[i]);
        lethe_canvas_dot(app->ui, p, 5, 0xFF0E1216);
        lethe_canvas_dot(app->ui, p, 3.5, LETHE_COLOUR_TEXT);
    }
}

void lethe_app_draw_mark(lethe_app *app, const lethe_view *view, const lethe_shape *shape, uint32_t colour, bool selected, bool dashed) {
    double width = selected ? 2.5 : app->drawn_marks > MANY_MARKS ? 1 : 1.7; /* among thousands, lines without a halo */
    if (dashed && !selected) colour = (colour & 0xFFFFFF) | 0xB0000000u;
    switch (shape->kind) {
    case LETHE_SHAPE_POINT: {
        lethe_point p = on_screen(view, shape->points[0]);
        lethe_canvas_dot(app->ui, p, selected ? 6.5 : 5.5, 0xA0000000);
        lethe_canvas_dot(app->ui, p, selected ? 5 : 4, colour);
        break;
    }
    case LETHE_SHAPE_LINE:
    case LETHE_SHAPE_POLYLINE: stroke(app, view, shape->points, shape->point_count, false, colour, width); break;
    case LETHE_SHAPE_MEASUREMENT:
        stroke(app, view, shape->points, shape->point_count, shape->measure == LETHE_MEASURE_AREA_MM2, colour, width);
        for (size_t i = 0; i < shape->point_count && shape->measure != LETHE_MEASURE_AREA_MM2; i++)
            lethe_canvas_dot(app->ui, on_screen(view, shape->points[i]), 3, colour);
        break;
    case LETHE_SHAPE_BOX:
    case LETHE_SHAPE_ROTATED_BOX:
    case LETHE_SHAPE_ELLIPSE: {
        lethe_point outline[64];
        size_t count = lethe_shape_outline(shape, outline, 64);
        stroke(app, view, outline, count, true, colour, width);
        break;
    }
    case LETHE_SHAPE_POLYGON:
    case LETHE_SHAPE_FREEHAND: {
        size_t rings = shape->ring_ends ? shape->ring_count : 1, begin = 0;
        for (size_t r = 0; r < rings; r++) {
            size_t end = shape->ring_ends ? shape->ring_ends[r] : shape->point_count;
            stroke(app, view, shape->points + begin, end - begin, true, colour, width);
            begin = end;
        }
        break;
    }
    case LETHE_SHAPE_MASK:
    case LETHE_SHAPE_VOLUME:
        for (size_t s = 0; s < shape->slice_count; s++) {
            lethe_shape rings = {0};
            if (lethe_shape_to_polygon(shape, s, &rings, NULL) == LETHE_OK) lethe_app_draw_mark(app, view, &rings, colour, false, dashed);
            lethe_shape_release(&rings);
        }
        break;
    default: break;
    }
    if (selected) handles(app, view, shape);
}

void lethe_measure_text(lethe_app *app, const lethe_view *view, const lethe_shape *shape, char *out, size_t size) {
    double across, down;
    lethe_box box = {0};
    (void)lethe_shape_bounds(shape, &box);
    const lethe_point corners[2] = {{box.x0, box.y0}, {box.x1, box.y1}};
    bool known = lethe_view_spacing_at(view, corners, 2, &across, &down);
    const char *unit = known ? "mm" : "px";
    out[0] = '\0';
    if (shape->kind == LETHE_SHAPE_LINE || (shape->kind == LETHE_SHAPE_MEASUREMENT && shape->measure == LETHE_MEASURE_LENGTH_MM)) {
        double mm = lethe_measure_length(shape->points[0], shape->points[1], across, down);
        (void)snprintf(out, size, mm < 0.1 && known ? "%.1f µm" : "%.1f %s", mm < 0.1 && known ? mm * 1000 : mm, unit);
    } else if (shape->kind == LETHE_SHAPE_MEASUREMENT && shape->measure == LETHE_MEASURE_ANGLE_DEGREES) {
        (void)snprintf(out, size, "%.1f°", lethe_measure_angle(shape->points[0], shape->points[1], shape->points[2], across, down));
    } else if (shape->kind == LETHE_SHAPE_MEASUREMENT && shape->measure == LETHE_MEASURE_AREA_MM2) {
        (void)snprintf(out, size, "%.1f %s²", lethe_measure_area(shape->points, shape->point_count, across, down), unit);
    } else if (shape->kind == LETHE_SHAPE_ELLIPSE || shape->kind == LETHE_SHAPE_BOX) {
        const lethe_image *pixels = lethe_view_pixels(app, view);
        const lethe_study_frame *frame = lethe_view_frame(view);
        lethe_statistics s;
        if (!pixels || pixels->samples != 1 || !frame || !lethe_measure_statistics(shape, pixels, frame->display.slope, frame->display.intercept, &s))
            return;
        (void)snprintf(out, size, "%s %.1f ± %.1f  [%.0f; %.0f]  %.1f %s²", T("mean"), s.mean, s.deviation, s.minimum, s.maximum,
                       (double)s.count * across * down, unit);
    }
}

/* --- the shape under construction --- */

void lethe_draft_draw(lethe_app *app, int number) {
    const lethe_view *view = &app->views[number];
    const lethe_draft *draft = &app->draft;
    const char *image = "";
    uint32_t frame = 0;
    bool here = draft->count > 0 && draft->view == number && lethe_view_image(view, &image, &frame) && frame == draft->frame &&
                strcmp(image, draft->image) == 0;
    uint32_t colour = app->label >= 0 ? app->labels[app->label].colour : LETHE_COLOUR_ACCENT;
    if (draft->count == 4 && here && (draft->tool == LETHE_TOOL_ELLIPSE || draft->tool == LETHE_TOOL_ROI)) {
        lethe_point a = draft->points[0], b = draft->points[2],
                    extent[2] = {{(a.x + b.x) / 2, (a.y + b.y) / 2}, {fabs(b.x - a.x) / 2, fabs(b.y - a.y) / 2}}, outline[64];
        lethe_shape ellipse = {.kind = LETHE_SHAPE_ELLIPSE, .points = extent, .point_count = 2};
        stroke(app, view, outline, lethe_shape_outline(&ellipse, outline, 64), true, colour, 2);
    } else if (here) {
        stroke(app, view, draft->points, draft->count,
               draft->tool == LETHE_TOOL_FREEHAND || draft->tool == LETHE_TOOL_BOX || draft->tool == LETHE_TOOL_ELLIPSE, colour, 2);
        size_t fixed = draft->tool == LETHE_TOOL_LIVEWIRE ? draft->anchored : draft->count;
        bool dots = draft->tool == LETHE_TOOL_POLYGON || draft->tool == LETHE_TOOL_AREA || draft->tool == LETHE_TOOL_ANGLE ||
                    draft->tool == LETHE_TOOL_LINE || draft->tool == LETHE_TOOL_RULER;
        for (size_t i = 0; i < fixed && dots; i++) lethe_canvas_dot(app->ui, on_screen(view, draft->points[i]), 3.5, colour);
        bool follows = draft->tool == LETHE_TOOL_POLYGON || draft->tool == LETHE_TOOL_AREA || draft->tool == LETHE_TOOL_LINE ||
                       (draft->tool == LETHE_TOOL_ANGLE && draft->count < 3);
        if (follows && lethe_view_at(app, app->mouse) == number)
            lethe_canvas_line(app->ui, on_screen(view, draft->points[draft->count - 1]), app->mouse, (colour & 0xFFFFFF) | 0xA0000000u, 1.5);
        char text[96] = "";
        if (draft->tool == LETHE_TOOL_RULER && draft->count == 2) {
            lethe_shape line = {.kind = LETHE_SHAPE_LINE, .points = draft->points, .point_count = 2};
            lethe_measure_text(app, view, &line, text, sizeof text);
            lethe_point p = on_screen(view, draft->points[1]);
            lethe_canvas_text(app->ui, (lethe_point){p.x + 10, p.y - 8}, 0, colour, false, text);
        }
    }
    bool brush = app->tool == LETHE_TOOL_BRUSH || app->tool == LETHE_TOOL_ERASER || app->tool == LETHE_TOOL_THRESHOLD;
    if (!brush || !app->mouse_on_canvas || lethe_view_at(app, app->mouse) != number ||
        (view->kind != LETHE_VIEW_STACK && view->kind != LETHE_VIEW_SLIDE))
        return;
    double across, down;
    (void)lethe_view_spacing(view, &across, &down);
    double radius = app->brush_mm / 2 / across * view->camera.scale;
    lethe_canvas_circle(app->ui, app->mouse, radius + 1, 0xA0000000, 1);
    lethe_canvas_circle(app->ui, app->mouse, radius, app->tool == LETHE_TOOL_ERASER ? LETHE_COLOUR_TEXT : colour, 1.5);
}

/* --- all that lies on the image of a view --- */

int lethe_app_label_index(const lethe_app *app, const char *label) {
    for (int i = 0; i < app->label_count; i++)
        if (strcmp(app->labels[i].name, label) == 0) return i;
    return -1;
}

uint32_t lethe_app_label_colour(const lethe_app *app, const char *label) {
    int i = lethe_app_label_index(app, label);
    return i >= 0 ? app->labels[i].colour : 0xFFB0B8C0;
}

/* Dots share cells of the screen: of a hundred thousand nuclei in one view no more are drawn than can be told apart. */
enum { DOT_PX = 8, CELL_PX = 4, CELLS_ACROSS = 1280, CELLS = CELLS_ACROSS * 800 };

/* Numbers are read on any image and in any colour of a label: on a ground of their own. */
/* Beside a corner of what it belongs to, inside of the view where that corner is. */
static void mark_text(lethe_app *app, const lethe_view *view, lethe_point at, const char *text) {
    double height = lethe_ui_line_height(app->ui), width = lethe_ui_text_size(app->ui, false, text).x;
    double right = view->rect.x + view->rect.width - width - 20, bottom = view->rect.y + view->rect.height - height - 2;
    if (at.x > right && at.x <= view->rect.x + view->rect.width) { /* no room beside it: above, where it hides no corner */
        at.x = fmax(right, fmin(at.x, view->rect.x - 4));
        at.y -= height + 8;
    }
    if (at.y >= view->rect.y - height - 8) at.y = fmax(view->rect.y + 6, fmin(at.y, bottom));
    lethe_canvas_fill(app->ui, (lethe_rect){at.x + 6, at.y - 4, width + 12, height + 4}, 0xD0151A20, 4);
    lethe_canvas_text(app->ui, (lethe_point){at.x + 12, at.y - 2}, 0, LETHE_COLOUR_TEXT, false, text);
}

typedef struct mark_drawing {
    lethe_app *app;
    const lethe_view *view;
    size_t count;
    double xx, xy, yx, yy; /* of the camera */
    lethe_point middle, centre;
} mark_drawing;

int lethe_mark_label(const lethe_app *app, lethe_mark *mark) {
    if (mark->schema_label == 0) {
        int found = lethe_app_label_index(app, mark->label);
        mark->schema_label = found >= 0 ? found + 1 : -1;
    }
    return mark->schema_label > 0 ? mark->schema_label - 1 : -1;
}

static bool crowded(mark_drawing *d, lethe_point p) {
    int64_t x = (int64_t)((p.x - d->view->rect.x) / CELL_PX), y = (int64_t)((p.y - d->view->rect.y) / CELL_PX);
    if (!d->app->dot_cells || x < 0 || y < 0 || x >= CELLS_ACROSS || y >= CELLS / CELLS_ACROSS) return false;
    uint8_t *cell = &d->app->dot_cells[y * CELLS_ACROSS + x];
    if (*cell) return true;
    *cell = 1;
    return false;
}

/* A dot where there is one already is not drawn: the box says so, and the annotation itself, far away in memory, is not looked at. */
static bool dot_on_dot(void *context, const float box[4]) {
    mark_drawing *d = context;
    double w = (double)(box[2] - box[0]) - 2, h = (double)(box[3] - box[1]) - 2;
    if (fmax(w, h) * d->view->camera.scale >= DOT_PX - 1 || !d->app->dot_cells) return false;
    double ix = ((double)box[0] + (double)box[2]) / 2 - d->centre.x, iy = ((double)box[1] + (double)box[3]) / 2 - d->centre.y;
    double sx = d->middle.x + d->xx * ix + d->yx * iy - d->view->rect.x, sy = d->middle.y + d->xy * ix + d->yy * iy - d->view->rect.y;
    int64_t x = (int64_t)(sx / CELL_PX), y = (int64_t)(sy / CELL_PX);
    if (x < 0 || y < 0 || x >= CELLS_ACROSS || y >= CELLS / CELLS_ACROSS || !d->app->dot_cells[y * CELLS_ACROSS + x]) return false;
    d->count++;
    d->app->drawn_marks++;
    return true;
}

static void draw_one_mark(void *context, lethe_mark *mark) {
    mark_drawing *d = context;
    int label = lethe_mark_label(d->app, mark);
    if (mark->hidden || (label >= 0 && d->app->labels[label].hidden) || !lethe_view_shows_mark(d->app, d->view, mark)) return;
    bool selected = mark->id == d->app->selected;
    /* What is a pixel or two on the screen is a dot. */
    double extent = fmax(mark->bounds.x1 - mark->bounds.x0, mark->bounds.y1 - mark->bounds.y0) * d->view->camera.scale;
    /* Side by side, everybody has a colour of their own; elsewhere the label has. */
    uint32_t colour = d->app->compare_on && !mark->mine ? lethe_reader_colour(d->app, mark) : label >= 0 ? d->app->labels[label].colour : 0xFFB0B8C0;
    d->count++;
    d->app->drawn_marks++;
    if (!selected && (extent < DOT_PX || mark->shape.kind == LETHE_SHAPE_POINT)) {
        lethe_point p =
            lethe_camera_to_screen(&d->view->camera, (lethe_point){(mark->bounds.x0 + mark->bounds.x1) / 2, (mark->bounds.y0 + mark->bounds.y1) / 2});
        if (crowded(d, p)) return; /* another dot is there already */
        if (mark->shape.kind == LETHE_SHAPE_POINT && d->count < 5000) {
            lethe_app_draw_mark(d->app, d->view, &mark->shape, colour, false, !mark->mine);
            return;
        }
        double side = fmax(extent, 2.5);
        lethe_canvas_fill(d->app->ui, (lethe_rect){p.x - side / 2, p.y - side / 2, side, side}, colour, 0);
        return;
    }
    lethe_app_draw_mark(d->app, d->view, &mark->shape, colour, selected, !mark->mine);
    if (!selected && extent < 40) return;
    if (mark->shape.kind == LETHE_SHAPE_MASK && !mark->mine) return;
    char text[128] = "";
    bool statistics =
        mark->shape.kind == LETHE_SHAPE_BOX || mark->shape.kind == LETHE_SHAPE_ELLIPSE; /* read every pixel inside: only where asked for */
    if (!statistics || (selected && lethe_shape_area_px(&mark->shape) < 400000)) lethe_measure_text(d->app, d->view, &mark->shape, text, sizeof text);
    if (mark->confidence > 0 && text[0] == '\0') (void)snprintf(text, sizeof text, "%.0f %%", mark->confidence * 100);
    if (text[0] == '\0') return;
    lethe_point p = lethe_camera_to_screen(&d->view->camera, (lethe_point){mark->bounds.x1, mark->bounds.y0});
    mark_text(d->app, d->view, p, text);
}

void lethe_app_draw_marks(lethe_app *app, int number) {
    const lethe_view *view = &app->views[number];
    const char *image;
    uint32_t frame;
    if (!app->marks || !app->show_marks || !lethe_view_image(view, &image, &frame) || !view->framed) return;
    lethe_rect v = lethe_camera_visible(&view->camera);
    lethe_box within = {v.x, v.y, v.x + v.width, v.y + v.height};
    mark_drawing d = {.app = app, .view = view};
    if (!app->dot_cells) app->dot_cells = lethe_alloc_array(CELLS, 1);
    if (app->dot_cells) memset(app->dot_cells, 0, CELLS);
    lethe_camera_matrix(&view->camera, &d.xx, &d.xy, &d.yx, &d.yy);
    d.centre = view->camera.centre;
    d.middle = lethe_camera_to_screen(&view->camera, d.centre);
    lethe_marks_visit_some(app->marks, image, frame, &within, dot_on_dot, draw_one_mark, &d);
    lethe_mark *selected = app->selected ? lethe_marks_find(app->marks, app->selected) : NULL; /* never passed over */
    if (selected && selected->shape.frame == frame && strcmp(selected->image, image) == 0 && selected->bounds.x1 >= within.x0 &&
        selected->bounds.x0 <= within.x1 && selected->bounds.y1 >= within.y0 && selected->bounds.y0 <= within.y1 &&
        fmax(selected->bounds.x1 - selected->bounds.x0, selected->bounds.y1 - selected->bounds.y0) * view->camera.scale < DOT_PX)
        draw_one_mark(&d, selected);
    for (size_t i = 0; i < app->note_count; i++) {
        const lethe_shape *shape = &app->notes[i].shape;
        lethe_box box;
        char text[128];
        if (shape->frame != frame || strcmp(app->notes[i].image, image) != 0 || !lethe_shape_bounds(shape, &box)) continue;
        lethe_app_draw_mark(app, view, shape, LETHE_COLOUR_GOOD, false, false);
        lethe_measure_text(app, view, shape, text, sizeof text);
        lethe_point p = lethe_camera_to_screen(&view->camera, (lethe_point){box.x1, box.y0});
        if (text[0]) mark_text(app, view, p, text);
    }
    lethe_draft_draw(app, number);
}
