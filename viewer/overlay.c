/* What lies over the pictures: corner text, orientation letters, scale bars, reference lines, the cross-hair, the magnifier, empty cells, toasts. */
#include "viewer/app.h"

#include "viewer/review.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PAD = 10 };

enum { ROWS = 8 };

/* Quieter than the titles, yet readable on bright tissue. */
#define QUIET 0xFFCBD3DBu

/* What the corners of a view hold, row by row: widths that later texts must not run into. */
typedef struct corners {
    double width[4][ROWS]; /* top left, top right, bottom left, bottom right */
    int most;              /* rows that a view of this height has room for at its top, or at its bottom */
} corners;

static double row_height(const lethe_app *app) { return lethe_ui_line_height(app->ui) + 3; }

static void start_corners(const lethe_app *app, const lethe_view *view, corners *c) {
    *c = (corners){.most = (int)((view->rect.height - 2 * PAD) / row_height(app) / 2.5)};
    if (c->most < 1) c->most = 1;
    if (c->most > ROWS) c->most = ROWS;
}

/* A text that is too long ends in dots. */
static void cut_to(lethe_app *app, bool bold, double width, char *text) {
    size_t length = strlen(text);
    if (lethe_ui_text_size(app->ui, bold, text).x <= width) return;
    size_t low = 0, high = length;
    char part[260];
    while (low < high) { /* the longest that fits */
        size_t middle = (low + high + 1) / 2;
        (void)snprintf(part, sizeof part, "%.*s…", (int)middle, text);
        if (lethe_ui_text_size(app->ui, bold, part).x <= width) low = middle;
        else high = middle - 1;
    }
    while (low > 0 && ((unsigned char)text[low] & 0xC0) == 0x80) low--; /* whole characters */
    while (low > 0 && text[low - 1] == ' ') low--;
    (void)snprintf(text + low, 4, "%s", low ? "…" : "");
}

static void corner(lethe_app *app, const lethe_view *view, corners *c, bool right, bool bottom, int row, uint32_t colour, bool bold,
                   const char *words) {
    if (row >= c->most) return;
    char text[256];
    (void)snprintf(text, sizeof text - 4, "%s", words);
    cut_to(app, bold, view->rect.width - 2 * PAD - c->width[2 * bottom + !right][row] - 12, text);
    double height = row_height(app), width = lethe_ui_text_size(app->ui, bold, text).x;
    c->width[2 * bottom + right][row] = width;
    lethe_point at = {right ? view->rect.x + view->rect.width - PAD : view->rect.x + PAD,
                      bottom ? view->rect.y + view->rect.height - PAD - height * (row + 1) : view->rect.y + PAD + height * row};
    if (view->kind == LETHE_VIEW_SLIDE && text[0]) /* slides are white where there is no tissue */
        lethe_canvas_fill(app->ui, (lethe_rect){at.x - (right ? width : 0) - 6, at.y - 1, width + 12, height}, 0xC8151A20, 4);
    lethe_canvas_text(app->ui, at, right ? 1 : 0, colour, bold, text);
}

/* A number with as many decimals as it deserves. */
static void number_text(double value, char out[32]) {
    (void)snprintf(out, 32, fabs(value - nearbyint(value)) < 0.005 || fabs(value) >= 1000 ? "%.0f" : "%.2f", value);
}

static void prior_text(lethe_app *app, const lethe_view *view, corners *c, bool right, int line) {
    char text[64];
    if (!view->is_prior || !app->prior) return;
    const char *date = app->prior->date;
    if (strlen(date) == 8) (void)snprintf(text, sizeof text, "%s %.4s-%.2s-%.2s", T("Prior"), date, date + 4, date + 6);
    else (void)snprintf(text, sizeof text, "%s", T("Prior"));
    corner(app, view, c, right, false, line, LETHE_COLOUR_WARNING, true, text);
}

/* Says that there are presentation states, or which one is shown. */
static void state_text(lethe_app *app, const lethe_view *view, corners *c, int line) {
    char text[160];
    const lethe_presentation *state = lethe_view_state(view);
    size_t count = state ? 0 : lethe_view_state_count(app, view);
    bool right = view->mammogram && !view->chest_right;
    if (state) (void)snprintf(text, sizeof text, "%s: %s", T("Presentation state"), lethe_presentation_title(app, state));
    else (void)snprintf(text, sizeof text, "%s: %zu (Ctrl+G)", T("Presentation states"), count);
    if (state || count > 0) corner(app, view, c, right, false, line, state ? LETHE_COLOUR_ACCENT : QUIET, false, text);
}

static void draw_texts(lethe_app *app, int number, corners *c) {
    const lethe_view *view = &app->views[number];
    const lethe_series *series = view->series;
    char text[200], a[32], b[32];
    /* Mammograms have their title at the outer edge, the others at the left: the count stands on the other side, and titles give way to it. */
    bool stack_right = !(view->mammogram && series->laterality[0]) || view->chest_right;
    if (series->job) {
        (void)snprintf(text, sizeof text, "%s %.0f %%", T("Reading the series"), 100 * lethe_series_progress(series));
        corner(app, view, c, stack_right, false, 0, LETHE_COLOUR_ACCENT, true, text);
    }
    if (view->kind == LETHE_VIEW_STACK && series->frame_count > 1) {
        (void)snprintf(text, sizeof text, "%zu / %zu", view->index + 1, series->frame_count);
        corner(app, view, c, stack_right, false, 0, LETHE_COLOUR_TEXT, true, text);
        const lethe_frame_geometry *g = &series->frames[view->index].geometry;
        if (g->has_plane && g->thickness_mm > 0) {
            number_text(g->thickness_mm, a);
            (void)snprintf(text, sizeof text, "%s mm", a);
            corner(app, view, c, stack_right, false, 1, QUIET, false, text);
        }
    }
    if (app->compare_on) {
        bool other = view->reader > 0;
        corner(app, view, c, false, false, 0, other ? lethe_reader_colour_at(view->reader - 1) : LETHE_COLOUR_TEXT, true,
               other ? app->reader_names[view->reader - 1] : T("My reading"));
    } else if (view->kind == LETHE_VIEW_PLANE) {
        static const char *const names[] = {"Axial", "Coronal", "Sagittal"};
        corner(app, view, c, false, false, 0, LETHE_COLOUR_TEXT, true, T(names[view->plane]));
        if (app->slab_mm > 0) {
            (void)snprintf(text, sizeof text,
                           app->slab == LETHE_SLAB_MAXIMUM   ? "MIP %.0f mm"
                           : app->slab == LETHE_SLAB_MINIMUM ? "MinIP %.0f mm"
                                                             : "%.0f mm",
                           app->slab_mm);
            corner(app, view, c, false, false, 1, LETHE_COLOUR_ACCENT, false, text);
        }
    } else if (view->mammogram && series->laterality[0]) {
        (void)snprintf(text, sizeof text, "%s %s", series->laterality, series->view_position);
        corner(app, view, c, view->chest_right ? false : true, false, 0, LETHE_COLOUR_TEXT, true, text);
        prior_text(app, view, c, view->chest_right ? false : true, 1);
        state_text(app, view, c, 2);
    } else {
        corner(app, view, c, false, false, 0, LETHE_COLOUR_TEXT, true, lethe_series_title(series));
        (void)snprintf(text, sizeof text, "%s%s%s", series->modality, series->body_part[0] ? " · " : "", series->body_part);
        if (strcmp(text, lethe_series_title(series)) != 0) corner(app, view, c, false, false, 1, QUIET, false, text);
        state_text(app, view, c, 2);
        prior_text(app, view, c, false, 3);
    }
    int line = 0;
    if (lethe_view_uses_table(view)) {
        lethe_view_voi_name(app, view, view->voi, text, sizeof text);
        corner(app, view, c, false, true, line++, LETHE_COLOUR_TEXT, false, text);
    } else if (view->kind != LETHE_VIEW_SLIDE && view->has_window && !series->colour) {
        number_text(view->centre, a);
        number_text(view->width, b);
        (void)snprintf(text, sizeof text, "%s %s   %s %s", T("C"), a, T("W"), b);
        if (lethe_ui_text_size(app->ui, false, text).x > view->rect.width - 2 * PAD - c->width[3][0] - 12) { /* one above the other */
            (void)snprintf(text, sizeof text, "%s %s", T("W"), b);
            corner(app, view, c, false, true, line++, LETHE_COLOUR_TEXT, false, text);
            (void)snprintf(text, sizeof text, "%s %s", T("C"), a);
        }
        corner(app, view, c, false, true, line++, LETHE_COLOUR_TEXT, false, text);
    }
    if (view->kind == LETHE_VIEW_SLIDE) {
        double mpp = lethe_slide_mpp_um(series->slide);
        const double magnification = mpp > 0 ? 10 / mpp * view->camera.scale : 0;
        if (mpp > 0) (void)snprintf(text, sizeof text, magnification < 10 ? "%.2f×" : "%.0f×", magnification);
        else (void)snprintf(text, sizeof text, "%.1f %%", view->camera.scale * 100);
    } else {
        (void)snprintf(text, sizeof text, "%s %.0f %%", T("Zoom"), view->camera.scale * 100);
    }
    corner(app, view, c, false, true, line++, QUIET, false, text);
    if (series->profile && app->raw_colours) corner(app, view, c, false, true, line++, LETHE_COLOUR_WARNING, false, T("Colours as stored"));
    if (series->damaged_files > 0) {
        (void)snprintf(text, sizeof text, "%s: %zu / %zu", T("Files that cannot be read"), series->damaged_files, series->file_count);
        corner(app, view, c, false, true, line++, LETHE_COLOUR_DANGER, true, text);
    }
    if (view->damaged > 0 && !atomic_load(&series->cut_off)) {
        (void)snprintf(text, sizeof text, "%s: %u", T("Parts that cannot be read"), view->damaged);
        corner(app, view, c, false, true, line++, LETHE_COLOUR_DANGER, true, text);
    }
    if (view->invert) corner(app, view, c, false, true, line++, LETHE_COLOUR_WARNING, false, T("Inverted"));
    if (!view->linear) corner(app, view, c, false, true, line++, LETHE_COLOUR_ACCENT, false, T("Exact pixels"));
}

/* The first row of a corner pair that leaves the middle free; a letter goes there. */
static int free_row(const lethe_app *app, const lethe_view *view, const corners *c, bool bottom) {
    double half = view->rect.width / 2 - PAD - 2 * lethe_ui_line_height(app->ui);
    int row = 0;
    while (row < c->most && row < ROWS - 1 && (c->width[2 * bottom][row] > half || c->width[2 * bottom + 1][row] > half)) row++;
    return row;
}

/* Letters at the four edges, turned and mirrored with the picture. */
static void draw_letters(lethe_app *app, const lethe_view *view, const corners *c) {
    double row[3], column[3];
    if (view->kind == LETHE_VIEW_PLANE) {
        memcpy(row, view->cut.across_mm, sizeof row);
        memcpy(column, view->cut.down_mm, sizeof column);
        double n = sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2]);
        if (!(n > 0)) return;
        for (int i = 0; i < 3; i++) {
            row[i] /= n;
            column[i] /= n;
        }
    } else {
        const lethe_study_frame *frame = lethe_view_frame(view);
        if (!frame || !frame->geometry.has_plane) return;
        memcpy(row, frame->geometry.row_direction, sizeof row);
        memcpy(column, frame->geometry.column_direction, sizeof column);
    }
    double xx, xy, yx, yy;
    lethe_camera_matrix(&view->camera, &xx, &xy, &yx, &yy);
    double determinant = xx * yy - xy * yx;
    lethe_point m = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
    double line = lethe_ui_line_height(app->ui), above = row_height(app) * free_row(app, view, c, false),
           below = row_height(app) * free_row(app, view, c, true);
    if (view->rect.height < 6 * line || view->rect.width < 6 * line) return; /* no room to tell them apart */
    const struct {
        double sx, sy;
        lethe_point at;
        double align;
    } edges[4] = {{1, 0, {view->rect.x + view->rect.width - PAD, m.y - line / 2}, 1},
                  {-1, 0, {view->rect.x + PAD, m.y - line / 2}, 0},
                  {0, 1, {m.x, view->rect.y + view->rect.height - PAD - line - below}, 0.5},
                  {0, -1, {m.x, view->rect.y + PAD + above}, 0.5}};
    for (int e = 0; e < 4; e++) {
        /* A step on the screen as a step in the image, then in the patient. */
        double ix = (yy * edges[e].sx - yx * edges[e].sy) / determinant, iy = (-xy * edges[e].sx + xx * edges[e].sy) / determinant, n = 0,
               direction[3];
        iy *= view->camera.aspect;
        for (int i = 0; i < 3; i++) {
            direction[i] = row[i] * ix + column[i] * iy;
            n += direction[i] * direction[i];
        }
        if (!(n > 0)) continue;
        for (int i = 0; i < 3; i++) direction[i] /= sqrt(n);
        char letters[4];
        lethe_orientation_letters(direction, letters);
        lethe_canvas_text(app->ui, edges[e].at, edges[e].align, 0xFFFFD479, true, letters);
    }
}

static void draw_scale_bar(lethe_app *app, const lethe_view *view, corners *c) {
    static const double steps[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500};
    double across, down;
    if (!lethe_view_spacing(view, &across, &down)) return;
    double px_per_mm = view->camera.scale / across, length = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * px_per_mm <= fmin(view->rect.width * 0.25, 140)) length = steps[i];
    if (!(length > 0)) return;
    char text[32];
    if (length >= 10) (void)snprintf(text, sizeof text, "%.0f cm", length / 10);
    else if (length >= 1) (void)snprintf(text, sizeof text, "%.0f mm", length);
    else (void)snprintf(text, sizeof text, "%.0f µm", length * 1000);
    double x = view->rect.x + view->rect.width - PAD - 2, y = view->rect.y + view->rect.height - PAD - 2, px = length * px_per_mm;
    double words = lethe_ui_text_size(app->ui, false, text).x;
    if (view->rect.height < 5 * row_height(app)) return;
    c->width[3][0] = c->width[3][1] = fmax(px, px / 2 + words / 2) + 4;
    if (view->kind == LETHE_VIEW_SLIDE) lethe_canvas_fill(app->ui, (lethe_rect){x - px - 8, y - 30, px + 16, 36}, 0xC8151A20, 4);
    lethe_point points[4] = {{x - px, y - 6}, {x - px, y}, {x, y}, {x, y - 6}};
    lethe_canvas_polyline(app->ui, points, 4, false, 0xC0000000, 4);
    lethe_canvas_polyline(app->ui, points, 4, false, LETHE_COLOUR_TEXT, 2);
    lethe_canvas_text(app->ui, (lethe_point){x - px / 2, y - 10 - lethe_ui_line_height(app->ui)}, 0.5, LETHE_COLOUR_TEXT, false, text);
}

/* Where the active slice cuts this one. */
static void draw_reference(lethe_app *app, int number) {
    const lethe_view *view = &app->views[number], *active = &app->views[app->active];
    if (number == app->active || app->mpr_on) return;
    const lethe_study_frame *f = lethe_view_frame(active), *here = lethe_view_frame(view);
    if (!f || !here || !f->geometry.has_plane || !here->geometry.has_plane) return;
    const double *n = f->geometry.normal, *m = here->geometry.normal;
    if (fabs(n[0] * m[0] + n[1] * m[1] + n[2] * m[2]) > 0.9) return;
    lethe_point ends[4] = {{0, 0}, {view->series->columns, 0}, {view->series->columns, view->series->rows}, {0, view->series->rows}}, hits[4];
    double away[4];
    size_t count = 0;
    for (int i = 0; i < 4; i++) {
        double p[3];
        if (!lethe_view_to_patient(view, ends[i], p)) return;
        away[i] = 0;
        for (int a = 0; a < 3; a++) away[i] += n[a] * (p[a] - f->geometry.position_mm[a]);
    }
    for (int i = 0; i < 4; i++) {
        int j = (i + 1) % 4;
        if ((away[i] < 0) == (away[j] < 0) || count == 2) continue;
        double t = away[i] / (away[i] - away[j]);
        hits[count++] = (lethe_point){ends[i].x + (ends[j].x - ends[i].x) * t, ends[i].y + (ends[j].y - ends[i].y) * t};
    }
    if (count == 2)
        lethe_canvas_line(app->ui, lethe_camera_to_screen(&view->camera, hits[0]), lethe_camera_to_screen(&view->camera, hits[1]), 0xC0F2C46D, 1.5);
}

static void draw_crosshair(lethe_app *app, int number) {
    const lethe_view *view = &app->views[number];
    lethe_point at;
    double distance;
    if (!app->mpr_on || !app->has_cross || !app->show_crosshair || !lethe_view_from_patient(view, app->cross_mm, &at, &distance)) return;
    lethe_point s = lethe_camera_to_screen(&view->camera, at);
    const lethe_rect *r = &view->rect;
    static const uint32_t colours[3] = {0xB0FF8A80, 0xB07FD6A0, 0xB062C4E8};
    uint32_t across = view->kind == LETHE_VIEW_PLANE ? colours[view->plane == LETHE_PLANE_AXIAL ? 1 : 0] : 0x90E8ECF0;
    uint32_t down = view->kind == LETHE_VIEW_PLANE ? colours[view->plane == LETHE_PLANE_SAGITTAL ? 1 : 2] : 0x90E8ECF0;
    lethe_canvas_line(app->ui, (lethe_point){r->x, s.y}, (lethe_point){s.x - 12, s.y}, across, 1);
    lethe_canvas_line(app->ui, (lethe_point){s.x + 12, s.y}, (lethe_point){r->x + r->width, s.y}, across, 1);
    lethe_canvas_line(app->ui, (lethe_point){s.x, r->y}, (lethe_point){s.x, s.y - 12}, down, 1);
    lethe_canvas_line(app->ui, (lethe_point){s.x, s.y + 12}, (lethe_point){s.x, r->y + r->height}, down, 1);
}

/* The whole slide, and where we are on it. */
static void draw_minimap(lethe_app *app, const lethe_view *view) {
    const lethe_texture *texture = NULL;
    for (size_t i = 0; i < app->thumbnail_count; i++)
        if (app->thumbnails[i].source == view->series->source && app->thumbnails[i].texture.kind != LETHE_TEXTURE_NONE)
            texture = &app->thumbnails[i].texture;
    if (!texture) {
        lethe_tile_key key = {.source = view->series->source, .level = LETHE_TILE_BACKGROUND};
        texture = lethe_texture_cache_find(app->textures, &key);
    }
    if (!texture) return;
    double side = fmin(180, view->rect.width * 0.25), w = side, h = side;
    if (texture->width >= texture->height) h = side * texture->height / texture->width;
    else w = side * texture->width / texture->height;
    lethe_rect map = {view->rect.x + view->rect.width - w - PAD, view->rect.y + PAD, w, h};
    lethe_canvas_fill(app->ui, (lethe_rect){map.x - 3, map.y - 3, w + 6, h + 6}, 0xE0151A20, 4);
    lethe_canvas_image(app->ui, map, texture->id, 0, 0, 1, 1);
    lethe_rect v = lethe_camera_visible(&view->camera);
    double sx = w / view->camera.image_width, sy = h / view->camera.image_height;
    lethe_rect box = {map.x + v.x * sx, map.y + v.y * sy, v.width * sx, v.height * sy};
    lethe_canvas_clip(app->ui, (lethe_rect){map.x - 3, map.y - 3, w + 6, h + 6});
    lethe_canvas_rect(app->ui, box, 0xFFFF5A4F, 2, 0);
    lethe_canvas_unclip(app->ui);
}

/* Words in the middle, in as many lines as they need (at most eight). */
static void draw_wrapped(lethe_app *app, lethe_point middle, double width, uint32_t colour, const char *words) {
    enum { MOST = 256 };
    char line[MOST + 4]; /* room for the dots of a cut */
    for (int n = 0; n < 8 && *words; n++) {
        size_t length = 0, last = 0;
        do { /* one word more */
            last = length;
            length += strspn(words + length, " ");
            length += strcspn(words + length, " ");
            if (length > MOST - 1) break;
            (void)snprintf(line, MOST, "%.*s", (int)length, words);
        } while (words[length] && lethe_ui_text_size(app->ui, false, line).x <= width);
        if (length > MOST - 1 || (last > 0 && lethe_ui_text_size(app->ui, false, line).x > width)) length = last ? last : MOST - 1;
        (void)snprintf(line, MOST, "%.*s", (int)length, words);
        if (lethe_ui_text_size(app->ui, false, line).x > width) cut_to(app, false, width, line);
        lethe_canvas_text(app->ui, (lethe_point){middle.x, middle.y + n * row_height(app)}, 0.5, colour, false, line);
        words += strnlen(words, length);
        words += strspn(words, " ");
    }
}

static void draw_empty(lethe_app *app, const lethe_view *view) {
    lethe_point m = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
    double line = lethe_ui_line_height(app->ui) + 6;
    const char *title = T("Nothing here"), *hint = T("Click a series in the list while this cell is active.");
    if (!app->study) {
        bool none = !app->cases || app->cases->count == 0;
        title = none ? T("No released cases yet") : T("Choose a case");
        hint =
            none ? T("Cases appear here once images were de-identified and released.") : T("Click a case on the left, or press N for the next one.");
    } else if (view->series && view->series->failure[0]) {
        title = T("This series cannot be shown");
        hint = view->series->failure;
    }
    lethe_canvas_text(app->ui, (lethe_point){m.x, m.y - line}, 0.5, LETHE_COLOUR_TEXT, true, title);
    draw_wrapped(app, m, view->rect.width - 4 * PAD, LETHE_COLOUR_MUTED, hint);
}

static void draw_failure(lethe_app *app, const lethe_view *view) {
    if (view->kind == LETHE_VIEW_PLANE) {
        lethe_error error = {0};
        lethe_point m = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
        if (app->mpr && lethe_mpr_failed(app->mpr, &error)) draw_wrapped(app, m, view->rect.width - 4 * PAD, LETHE_COLOUR_DANGER, error.message);
        else if (app->mpr && !lethe_mpr_volume(app->mpr)) {
            char text[64];
            (void)snprintf(text, sizeof text, "%s %.0f %%", T("Reading the volume"), 100 * lethe_mpr_progress(app->mpr));
            lethe_canvas_text(app->ui, m, 0.5, LETHE_COLOUR_MUTED, false, text);
        }
        return;
    }
    if (view->kind == LETHE_VIEW_SLIDE && !view->shown && atomic_load(&app->background_done) > 0 && atomic_load(&app->background_done) < 1000) {
        lethe_point m = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
        char text[64];
        (void)snprintf(text, sizeof text, "%s %.0f %%", T("Reading the slide"), atomic_load(&app->background_done) / 10.0);
        lethe_canvas_text(app->ui, m, 0.5, LETHE_COLOUR_TEXT, false, text);
    }
    if (view->kind == LETHE_VIEW_SLIDE && atomic_load(&view->series->cut_off)) {
        lethe_rect box = {view->rect.x + 2 * PAD, view->rect.y + view->rect.height / 2 - 3 * row_height(app), view->rect.width - 4 * PAD,
                          5 * row_height(app)};
        lethe_point m = {box.x + box.width / 2, box.y + row_height(app)};
        lethe_canvas_fill(app->ui, box, 0xF0151A20, 8);
        lethe_canvas_text(app->ui, m, 0.5, LETHE_COLOUR_DANGER, true, T("The file of this slide was cut off while it was open"));
        draw_wrapped(app, (lethe_point){m.x, m.y + row_height(app) + 4}, box.width - 4 * PAD, LETHE_COLOUR_TEXT,
                     T("What you drew is saved. Open the case again once the file is whole."));
    }
    if (view->kind != LETHE_VIEW_STACK) return;
    bool failed = false;
    lethe_tile_key key = {.source = view->series->source, .column = (int64_t)view->index};
    (void)lethe_tiles_want(app->tiles, &key, 0, &failed);
    if (!failed) return;
    lethe_error error = {0};
    lethe_tiles_error(app->tiles, &error);
    lethe_point m = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
    lethe_canvas_text(app->ui, (lethe_point){m.x, m.y - 24}, 0.5, LETHE_COLOUR_DANGER, true, T("This image cannot be decoded"));
    draw_wrapped(app, m, view->rect.width - 4 * PAD, LETHE_COLOUR_MUTED, error.message);
}

/* --- magnifier, toast --- */

static void draw_magnifier(lethe_app *app) {
    if (!app->magnifier || !app->mouse_on_canvas) return;
    int number = lethe_view_at(app, app->mouse);
    if (number < 0 || app->views[number].kind != LETHE_VIEW_STACK || !app->views[number].framed) return;
    lethe_view *view = &app->views[number];
    lethe_tile_key key = {.source = view->series->source, .column = (int64_t)view->index};
    const lethe_texture *texture = lethe_texture_cache_find(app->textures, &key);
    if (!texture) return;
    double side = 280;
    lethe_camera lens = view->camera;
    lens.viewport = (lethe_rect){floor(app->mouse.x - side / 2), floor(app->mouse.y - side / 2), side, side};
    lens.scale = fmax(view->camera.scale * 3, 1);
    lens.centre = lethe_camera_to_image(&view->camera, app->mouse);
    const lethe_study_frame *frame = lethe_view_frame(view);
    lethe_picture p = lethe_view_picture(app, view, texture, texture->width, texture->height, &frame->display);
    p.camera = &lens;
    lethe_draw_picture(app->draw, &p);
    lethe_canvas_rect(app->ui, lens.viewport, LETHE_COLOUR_ACCENT, 2, 2);
}

static void draw_toast(lethe_app *app) {
    if (app->toast.until <= app->now || app->toast.text[0] == '\0') return;
    lethe_point size = lethe_ui_text_size(app->ui, false, app->toast.text);
    double x = app->canvas.x + app->canvas.width / 2, y = app->canvas.y + app->canvas.height - 64;
    lethe_rect box = {floor(x - size.x / 2 - 18), y, size.x + 36, size.y + 20};
    lethe_canvas_fill(app->ui, box, 0xF01F262E, 10);
    lethe_canvas_fill(app->ui, (lethe_rect){box.x, box.y + 8, 4, box.height - 16}, app->toast.colour, 2);
    lethe_canvas_text(app->ui, (lethe_point){x, y + 10}, 0.5, LETHE_COLOUR_TEXT, false, app->toast.text);
}

void lethe_app_draw_overlays(lethe_app *app) {
    app->drawn_marks = 0;
    int cells = app->grid_columns * app->grid_rows;
    for (int i = 0; i < cells; i++) {
        const lethe_view *view = &app->views[i];
        if (view->rect.width <= 0) continue;
        lethe_canvas_clip(app->ui, view->rect);
        if (view->kind == LETHE_VIEW_EMPTY) {
            draw_empty(app, view);
            lethe_canvas_unclip(app->ui);
            continue;
        }
        lethe_view_draw_state(app, view);
        lethe_app_draw_marks(app, i);
        if (view->framed) {
            if (app->show_reference) draw_reference(app, i);
            draw_crosshair(app, i);
            if (app->show_text) {
                corners c;
                start_corners(app, view, &c);
                draw_scale_bar(app, view, &c);
                draw_texts(app, i, &c);
                draw_letters(app, view, &c);
                if (view->kind == LETHE_VIEW_SLIDE) draw_minimap(app, view);
            }
        }
        draw_failure(app, view);
        lethe_canvas_unclip(app->ui);
        if (cells > 1 && i == app->active && app->maximised < 0)
            lethe_canvas_rect(app->ui, (lethe_rect){view->rect.x + 0.5, view->rect.y + 0.5, view->rect.width - 1, view->rect.height - 1},
                              LETHE_COLOUR_ACCENT, 1.5, 0);
    }
    if (app->review) lethe_review_draw(app);
    draw_magnifier(app);
    lethe_pointer_draw(app);
    draw_toast(app);
}
