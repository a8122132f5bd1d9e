/* Everything that a key does, in one table: the shortcut sheet and the scripts read it too. */
#include "viewer/app.h"
#include "viewer/review.h"

#include "viewer/tools/raster.h"

#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static lethe_view *active(lethe_app *app) { return &app->views[app->active]; }

static bool has_image(lethe_app *app) { return active(app)->kind != LETHE_VIEW_EMPTY && active(app)->framed; }

/* --- views --- */
static void pan_up(lethe_app *app);
static void pan_down(lethe_app *app);
/* A slide has no slices: the same keys move over it. */
static void next_slice(lethe_app *app) { active(app)->kind == LETHE_VIEW_SLIDE ? pan_down(app) : lethe_view_scroll(app, app->active, 1); }
static void previous_slice(lethe_app *app) { active(app)->kind == LETHE_VIEW_SLIDE ? pan_up(app) : lethe_view_scroll(app, app->active, -1); }
static void next_ten(lethe_app *app) { lethe_view_scroll(app, app->active, 10); }
static void previous_ten(lethe_app *app) { lethe_view_scroll(app, app->active, -10); }
static void first_slice(lethe_app *app) { lethe_view_goto(app, app->active, 0); }
static void last_slice(lethe_app *app) { lethe_view_goto(app, app->active, SIZE_MAX); }
static void play(lethe_app *app) {
    lethe_view *view = active(app);
    view->playing = !view->playing && view->kind == LETHE_VIEW_STACK;
    double period = view->playing && view->series->frame_ms > 0 ? view->series->frame_ms / 1000 : 0.1;
    view->next_frame_at = app->now + period;
}
static void zoom_by(lethe_app *app, double factor) {
    if (!has_image(app)) return;
    const lethe_rect *r = &active(app)->camera.viewport;
    lethe_camera_zoom_at(&active(app)->camera, (lethe_point){r->x + r->width / 2, r->y + r->height / 2}, factor);
}
static void zoom_in(lethe_app *app) { zoom_by(app, 1.25); }
static void zoom_out(lethe_app *app) { zoom_by(app, 0.8); }
static void fit(lethe_app *app) {
    if (has_image(app)) lethe_view_fit(app, app->active);
}
static void one_to_one(lethe_app *app) {
    if (has_image(app)) zoom_by(app, 1 / active(app)->camera.scale / app->pixel_scale);
}
static void true_size(lethe_app *app) {
    if (has_image(app)) lethe_view_true_size(app, app->active);
}
static void rotate_right(lethe_app *app) { lethe_camera_rotate(&active(app)->camera, 90); }
static void rotate_left(lethe_app *app) { lethe_camera_rotate(&active(app)->camera, -90); }
static void flip_across(lethe_app *app) { lethe_camera_mirror(&active(app)->camera, true); }
static void flip_down(lethe_app *app) { lethe_camera_mirror(&active(app)->camera, false); }
static void invert(lethe_app *app) { active(app)->invert = !active(app)->invert; }
static void reset(lethe_app *app) { lethe_view_reset(app, app->active); }
static void interpolate(lethe_app *app) { active(app)->linear = !active(app)->linear; }
static void colour_map(lethe_app *app) { active(app)->colour_map = (active(app)->colour_map + 1) % 3; }
static void magnifier(lethe_app *app) { app->magnifier = !app->magnifier; }
static void next_view(lethe_app *app) { app->active = (app->active + 1) % (app->grid_columns * app->grid_rows); }
static void maximise(lethe_app *app) { app->maximised = app->maximised >= 0 ? -1 : app->active; }
static void pan_quadrant(lethe_app *app) {
    /* From quarter to quarter at one image pixel per screen pixel: a whole breast is read in four looks. */
    if (!has_image(app)) return;
    lethe_view *view = active(app);
    double scale = 1 / app->pixel_scale, w = view->camera.image_width, h = view->camera.image_height;
    if (view->camera.scale < scale * 0.99) zoom_by(app, scale / view->camera.scale);
    double half_x = view->rect.width / view->camera.scale / 2, half_y = view->rect.height / view->camera.scale / 2;
    int at = (view->camera.centre.x > w / 2) + 2 * (view->camera.centre.y > h / 2), next = (at + 1) % 4;
    view->camera.centre =
        (lethe_point){next & 1 ? fmax(w / 2, w - half_x) : fmin(w / 2, half_x), next & 2 ? fmax(h / 2, h - half_y) : fmin(h / 2, half_y)};
}

/* --- windows (PS3.3 gives none; customary values in HU) --- */
static void window(lethe_app *app, double centre, double width, int preset) {
    lethe_view *view = active(app);
    view->centre = centre;
    view->width = width;
    view->has_window = view->user_window = true;
    view->preset = preset;
}
static void window_default(lethe_app *app) {
    active(app)->has_window = active(app)->user_window = false;
    active(app)->preset = active(app)->voi = 0;
}
static void window_next(lethe_app *app) { lethe_view_choose_voi(app, active(app), active(app)->voi + 1); }
static void window_soft(lethe_app *app) { window(app, 40, 400, 1); }
static void window_lung(lethe_app *app) { window(app, -600, 1500, 2); }
static void window_bone(lethe_app *app) { window(app, 400, 1800, 3); }
static void window_brain(lethe_app *app) { window(app, 40, 80, 4); }
static void window_range(lethe_app *app) { lethe_view_choose_voi(app, active(app), lethe_view_voi_count(active(app)) - 1); }
static void presentation(lethe_app *app) { lethe_view_next_state(app, app->active); }
static void overlays(lethe_app *app) { app->show_overlays = !app->show_overlays; }
static void colours(lethe_app *app) { lethe_app_toggle_colours(app); }

/* --- layout --- */
static void hang_auto(lethe_app *app) { lethe_app_hang(app, LETHE_HANGING_AUTO); }
static void hang_single(lethe_app *app) { lethe_app_hang(app, LETHE_HANGING_SINGLE); }
static void hang_two(lethe_app *app) { lethe_app_hang(app, LETHE_HANGING_TWO); }
static void hang_four(lethe_app *app) { lethe_app_hang(app, LETHE_HANGING_FOUR); }
static void priors(lethe_app *app) { lethe_app_toggle_priors(app); }
static void snap(lethe_app *app) {
    app->snap = !app->snap;
    lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s", app->snap ? T("Points snap to corners and edges.") : T("Points stay where they are put."));
}
static void mpr(lethe_app *app) { lethe_app_toggle_mpr(app); }
static void slab(lethe_app *app) {
    app->slab_mm = app->slab_mm > 0 ? (app->slab_mm >= 40 ? 0 : app->slab_mm * 2) : 5;
    app->slab = LETHE_SLAB_MAXIMUM;
}
static void slab_kind(lethe_app *app) { app->slab = (lethe_slab)((app->slab + 1) % 3); }
static void link_views(lethe_app *app) {
    app->linked = !app->linked;
    if (app->linked) lethe_app_sync_from(app, app->active);
    lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s", app->linked ? T("Views scroll together.") : T("Views scroll on their own."));
}
static void next_series(lethe_app *app) {
    if (!app->study || app->mpr_on) return;
    size_t at = 0;
    for (size_t i = 0; i < app->study->series_count; i++)
        if (&app->study->series[i] == active(app)->series) at = i;
    lethe_app_show(app, app->active, &app->study->series[(at + 1) % app->study->series_count]);
}
static void toggle_marks(lethe_app *app) { app->show_marks = !app->show_marks; }
static void toggle_text(lethe_app *app) { app->show_text = !app->show_text; }
static void toggle_left(lethe_app *app) { app->show_left = !app->show_left; }
static void toggle_right(lethe_app *app) { app->show_right = !app->show_right; }
static void full_screen(lethe_app *app) { lethe_window_toggle_full_screen(app->window); }
static void shortcuts(lethe_app *app) { app->sheet = app->sheet == LETHE_SHEET_SHORTCUTS ? LETHE_SHEET_NONE : LETHE_SHEET_SHORTCUTS; }
static void language(lethe_app *app) { app->language = app->language == LETHE_ENGLISH ? LETHE_FRENCH : LETHE_ENGLISH; }

/* --- labelling --- */
static void undo(lethe_app *app) { lethe_app_undo(app, false); }
static void redo(lethe_app *app) { lethe_app_undo(app, true); }
static void delete_selected(lethe_app *app) { lethe_app_delete_selected(app); }
static void accept(lethe_app *app) { lethe_app_accept_selected(app); }
static void accept_all(lethe_app *app) { lethe_app_accept_all(app); }
static void merge(lethe_app *app) { lethe_app_merge_selected(app, false); }
static void majority(lethe_app *app) { lethe_app_merge_selected(app, true); }
static void compare(lethe_app *app) { lethe_app_toggle_compare(app); }
static void brush_smaller(lethe_app *app) { app->brush_mm = fmax(0.002, app->brush_mm / 1.25); }
static void brush_larger(lethe_app *app) { app->brush_mm = fmin(200, app->brush_mm * 1.25); }
static void outline(lethe_app *app) { app->fill_outline = !app->fill_outline; }
static void brush_in_3d(lethe_app *app) { app->brush_3d = app->grow_3d = !app->brush_3d; }

static lethe_paint *paint_of(lethe_app *app, size_t index, bool make) {
    lethe_view *view = active(app);
    if (!app->marks || view->kind != LETHE_VIEW_STACK || index >= view->series->frame_count) return NULL;
    const lethe_study_frame *frame = &view->series->frames[index];
    const char *image = view->series->files[frame->file].image_key;
    (void)make;
    return lethe_marks_paint(app->marks, image, frame->frame, view->series->columns, view->series->rows);
}

static void edit_label(lethe_app *app, bool smooth) {
    lethe_paint *paint = paint_of(app, active(app)->index, true);
    if (!paint || app->label < 0) return;
    lethe_bitmap bitmap = {paint->labels, paint->columns, paint->rows};
    lethe_dirty dirty = {0};
    lethe_error error = {0};
    unsigned removed = 0;
    lethe_status status = smooth ? lethe_smooth(&bitmap, (uint8_t)(app->label + 1), NULL, &dirty, &error)
                                 : lethe_islands(&bitmap, (uint8_t)(app->label + 1), &dirty, &removed, &error);
    if (lethe_app_failed(app, status, &error)) return;
    lethe_paint_touch(paint, dirty.x0, dirty.y0, dirty.x1, dirty.y1);
    lethe_app_save_paint(app, smooth ? "smooth" : "islands", smooth ? T("Smooth") : T("Keep the largest piece"));
}
static void smooth(lethe_app *app) { edit_label(app, true); }
static void islands(lethe_app *app) { edit_label(app, false); }

static void copy_next(lethe_app *app) {
    (void)lethe_app_reading_headers(app, true);
    size_t index = active(app)->index;
    lethe_paint *from = paint_of(app, index, false), *to = paint_of(app, index + 1, true);
    if (!from || !to || app->label < 0) return;
    uint8_t value = (uint8_t)(app->label + 1);
    for (size_t i = 0; i < (size_t)to->columns * to->rows; i++)
        if (from->labels[i] == value && (to->labels[i] == 0 || !app->labels[to->labels[i] - 1].locked)) to->labels[i] = value;
    lethe_paint_touch(to, 0, 0, to->columns, to->rows);
    lethe_app_save_paint(app, "copy", T("Copy to the next slice"));
    lethe_view_scroll(app, app->active, 1);
}

static bool has_label(const lethe_paint *paint, uint8_t value) {
    return paint && memchr(paint->labels, value, (size_t)paint->columns * paint->rows) != NULL;
}

/* Fill the slices between this one and the nearest painted one on each side. */
static void between(lethe_app *app) {
    (void)lethe_app_reading_headers(app, true);
    lethe_view *view = active(app);
    if (view->kind != LETHE_VIEW_STACK || app->label < 0 || !app->marks) return;
    uint8_t value = (uint8_t)(app->label + 1);
    size_t first, count, filled = 0;
    lethe_series_stack(view->series, view->index, &first, &count);
    size_t area = (size_t)view->series->columns * view->series->rows;
    uint8_t *a = lethe_alloc(area), *b = lethe_alloc(area), *out = lethe_alloc(area);
    lethe_error error = {0};
    lethe_status status = a && b && out ? LETHE_OK : lethe_fail(&error, LETHE_NO_MEMORY, "out of memory");
    size_t last = SIZE_MAX;
    for (size_t i = first; i < first + count && !status; i++) {
        lethe_paint *paint = paint_of(app, i, true);
        if (!has_label(paint, value)) continue;
        if (last != SIZE_MAX && i > last + 1) {
            const lethe_paint *from = paint_of(app, last, true);
            for (size_t p = 0; p < area; p++) {
                a[p] = from->labels[p] == value;
                b[p] = paint->labels[p] == value;
            }
            for (size_t s = last + 1; s < i && !status; s++) {
                lethe_paint *middle = paint_of(app, s, true);
                if (!middle) continue;
                status = lethe_interpolate(a, b, view->series->columns, view->series->rows, (double)(s - last) / (double)(i - last), out, &error);
                for (size_t p = 0; p < area && !status; p++)
                    if (out[p] && middle->labels[p] == 0) middle->labels[p] = value;
                lethe_paint_touch(middle, 0, 0, middle->columns, middle->rows);
                filled++;
            }
        }
        last = i;
    }
    lethe_free(a);
    lethe_free(b);
    lethe_free(out);
    if (lethe_app_failed(app, status, &error)) return;
    if (filled == 0) lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Paint this label on two slices first; those between are then filled."));
    else lethe_app_save_paint(app, "interpolate", T("Fill between slices"));
}

/* --- without a mouse --- */
static void pointer_left(lethe_app *app) { lethe_pointer_move(app, -8, 0); }
static void pointer_right(lethe_app *app) { lethe_pointer_move(app, 8, 0); }
static void pointer_up(lethe_app *app) { lethe_pointer_move(app, 0, -8); }
static void pointer_down(lethe_app *app) { lethe_pointer_move(app, 0, 8); }
static void pointer_left_fine(lethe_app *app) { lethe_pointer_move(app, -1, 0); }
static void pointer_right_fine(lethe_app *app) { lethe_pointer_move(app, 1, 0); }
static void pointer_up_fine(lethe_app *app) { lethe_pointer_move(app, 0, -1); }
static void pointer_down_fine(lethe_app *app) { lethe_pointer_move(app, 0, 1); }
static void pointer_click(lethe_app *app) { lethe_pointer_click(app); }
static void pointer_hold(lethe_app *app) { lethe_pointer_hold(app); }
static void pan_by(lethe_app *app, double x, double y) {
    if (!has_image(app)) return;
    const lethe_rect *r = &active(app)->rect;
    lethe_camera_pan(&active(app)->camera, -x * r->width / 8, -y * r->height / 8);
}
static void pan_left(lethe_app *app) { pan_by(app, -1, 0); }
static void pan_right(lethe_app *app) { pan_by(app, 1, 0); }
static void pan_up(lethe_app *app) { pan_by(app, 0, -1); }
static void pan_down(lethe_app *app) { pan_by(app, 0, 1); }
static void arrow_left(lethe_app *app) { active(app)->kind == LETHE_VIEW_SLIDE ? pan_left(app) : previous_slice(app); }
static void arrow_right(lethe_app *app) { active(app)->kind == LETHE_VIEW_SLIDE ? pan_right(app) : next_slice(app); }
static void change_window(lethe_app *app, double centre, double width) {
    lethe_view *view = active(app);
    if (!view->has_window) return;
    view->centre += centre * view->width;
    view->width = fmax(1, view->width * width);
    view->user_window = true;
    view->preset = 0;
}
static void window_wider(lethe_app *app) { change_window(app, 0, 1.1); }
static void window_narrower(lethe_app *app) { change_window(app, 0, 1 / 1.1); }
static void window_brighter(lethe_app *app) { change_window(app, -0.05, 1); }
static void window_darker(lethe_app *app) { change_window(app, 0.05, 1); }
static void next_mark(lethe_app *app) { lethe_app_step_mark(app, 1); }
static void previous_mark(lethe_app *app) { lethe_app_step_mark(app, -1); }
static void next_label(lethe_app *app) { lethe_app_step_label(app, 1); }
static void previous_label(lethe_app *app) { lethe_app_step_label(app, -1); }
static void relabel(lethe_app *app) { lethe_app_relabel_selected(app); }
static void hide_label(lethe_app *app) {
    if (app->label >= 0) app->labels[app->label].hidden = !app->labels[app->label].hidden;
}
static void lock_label(lethe_app *app) {
    if (app->label >= 0) app->labels[app->label].locked = !app->labels[app->label].locked;
}
static void more_opaque(lethe_app *app) { app->opacity = fmin(1, app->opacity + 0.1); }
static void less_opaque(lethe_app *app) { app->opacity = fmax(0.05, app->opacity - 0.1); }
static void next_panel(lethe_app *app) { lethe_focus_step(app, 1); }
static void previous_panel(lethe_app *app) { lethe_focus_step(app, -1); }
static void panel_cases(lethe_app *app) { lethe_focus_set(app, LETHE_FOCUS_CASES); }
static void panel_labels(lethe_app *app) { lethe_focus_set(app, LETHE_FOCUS_LABELS); }
static void palette(lethe_app *app) { lethe_palette_open(app); }

/* --- cases --- */
static void next_case(lethe_app *app) { lethe_app_step_case(app, 1); }
static void previous_case(lethe_app *app) { lethe_app_step_case(app, -1); }
static void submit(lethe_app *app) { lethe_app_submit(app); }
static void skip(lethe_app *app) {
    app->sheet = app->task ? LETHE_SHEET_SKIP : LETHE_SHEET_NONE;
    app->sheet_fresh = true;
    if (!app->task) lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("This case is no task of yours: nothing to hand in."));
}
static void quit(lethe_app *app) { lethe_app_leave(app); }

/* --- review of redactions: keys of its own (review_view.c), nothing without --review --- */
static void review_next(lethe_app *app) {
    if (app->review) lethe_review_step(app, 1);
}
static void review_previous(lethe_app *app) {
    if (app->review) lethe_review_step(app, -1);
}
static void review_before_after(lethe_app *app) {
    if (app->review) lethe_review_toggle_after(app);
}
static void review_accept(lethe_app *app) {
    if (app->review) lethe_review_accept(app);
}
static void review_delete(lethe_app *app) {
    if (app->review) lethe_review_delete(app);
}
static void review_series(lethe_app *app) {
    if (app->review) lethe_review_apply(app, LETHE_REVIEW_SERIES);
}
static void review_device(lethe_app *app) {
    if (app->review) lethe_review_apply(app, LETHE_REVIEW_DEVICE);
}
static void review_undo(lethe_app *app) {
    if (app->review) lethe_review_undo(app);
}
static void review_approve(lethe_app *app) {
    if (app->review) lethe_review_decide(app, true);
}
static void review_reject(lethe_app *app) {
    if (app->review) lethe_review_decide(app, false);
}

static const lethe_command commands[] = {
    {"next-slice", "View", "Next slice", LETHE_KEY_DOWN, 0, next_slice},
    {"previous-slice", "View", "Previous slice", LETHE_KEY_UP, 0, previous_slice},
    {"next-ten", "View", "Ten slices on", LETHE_KEY_PAGE_DOWN, 0, next_ten},
    {"previous-ten", "View", "Ten slices back", LETHE_KEY_PAGE_UP, 0, previous_ten},
    {"first-slice", "View", "First slice", LETHE_KEY_HOME, 0, first_slice},
    {"last-slice", "View", "Last slice", LETHE_KEY_END, 0, last_slice},
    {"play", "View", "Play or stop the cine", 'C', 0, play},
    {"arrow-right", "View", "Next slice; on slides to the right", LETHE_KEY_RIGHT, 0, arrow_right},
    {"arrow-left", "View", "Previous slice; on slides to the left", LETHE_KEY_LEFT, 0, arrow_left},
    {"pan-left", "View", "Pan left", LETHE_KEY_LEFT, LETHE_MOD_CTRL | LETHE_MOD_ALT, pan_left},
    {"pan-right", "View", "Pan right", LETHE_KEY_RIGHT, LETHE_MOD_CTRL | LETHE_MOD_ALT, pan_right},
    {"pan-up", "View", "Pan up", LETHE_KEY_UP, LETHE_MOD_CTRL | LETHE_MOD_ALT, pan_up},
    {"pan-down", "View", "Pan down", LETHE_KEY_DOWN, LETHE_MOD_CTRL | LETHE_MOD_ALT, pan_down},
    {"zoom-in", "View", "Zoom in", '+', 0, zoom_in},
    {"zoom-in-2", NULL, "Zoom in", '=', 0, zoom_in},
    {"zoom-out", "View", "Zoom out", '-', 0, zoom_out},
    {"fit", "View", "Fit to the window", LETHE_KEY_BACKSPACE, 0, fit},
    {"one-to-one", "View", "One image pixel on one screen pixel", '*', 0, one_to_one},
    {"true-size", "View", "True size", 'T', LETHE_MOD_CTRL, true_size},
    {"rotate-right", "View", "Rotate right", LETHE_KEY_RIGHT, LETHE_MOD_CTRL, rotate_right},
    {"rotate-left", "View", "Rotate left", LETHE_KEY_LEFT, LETHE_MOD_CTRL, rotate_left},
    {"flip-across", "View", "Mirror left to right", LETHE_KEY_UP, LETHE_MOD_CTRL, flip_across},
    {"flip-down", "View", "Mirror top to bottom", LETHE_KEY_DOWN, LETHE_MOD_CTRL, flip_down},
    {"invert", "View", "Invert the greys", 'I', 0, invert},
    {"reset", "View", "Reset the view", 'R', LETHE_MOD_CTRL, reset},
    {"interpolation", "View", "Exact pixels or smooth", 'N', LETHE_MOD_CTRL, interpolate},
    {"colour-map", "View", "Colour map", 'M', LETHE_MOD_CTRL, colour_map},
    {"magnifier", "View", "Magnifying glass", 'E', 0, magnifier},
    {"quadrant", "View", "Next quarter of the image", LETHE_KEY_TAB, LETHE_MOD_SHIFT, pan_quadrant},
    {"window-default", "Window", "Window of the image", '0', LETHE_MOD_SHIFT, window_default},
    {"window-soft", "Window", "Soft tissue", '1', LETHE_MOD_SHIFT, window_soft},
    {"window-lung", "Window", "Lung", '2', LETHE_MOD_SHIFT, window_lung},
    {"window-bone", "Window", "Bone", '3', LETHE_MOD_SHIFT, window_bone},
    {"window-brain", "Window", "Brain", '4', LETHE_MOD_SHIFT, window_brain},
    {"window-range", "Window", "Full range of the values", '5', LETHE_MOD_SHIFT, window_range},
    {"window-next", "Window", "Next window or VOI LUT", 'W', LETHE_MOD_SHIFT, window_next},
    {"window-wider", "Window", "Wider window", LETHE_KEY_END, LETHE_MOD_ALT, window_wider},
    {"window-narrower", "Window", "Narrower window", LETHE_KEY_HOME, LETHE_MOD_ALT, window_narrower},
    {"window-brighter", "Window", "Brighter", LETHE_KEY_PAGE_UP, LETHE_MOD_ALT, window_brighter},
    {"window-darker", "Window", "Darker", LETHE_KEY_PAGE_DOWN, LETHE_MOD_ALT, window_darker},
    {"presentation", "Window", "Next presentation state", 'G', LETHE_MOD_CTRL, presentation},
    {"overlays", "Window", "Graphics of the file", 'U', LETHE_MOD_SHIFT, overlays},
    {"colours", "Window", "ICC colours or as stored", 'P', LETHE_MOD_CTRL, colours},
    {"hang-auto", "Layout", "Layout of the kind of study", '0', LETHE_MOD_CTRL, hang_auto},
    {"hang-single", "Layout", "One view", '1', LETHE_MOD_CTRL, hang_single},
    {"hang-two", "Layout", "Two views", '2', LETHE_MOD_CTRL, hang_two},
    {"hang-four", "Layout", "Four views", '4', LETHE_MOD_CTRL, hang_four},
    {"mpr", "Layout", "Axial, coronal and sagittal planes", '3', LETHE_MOD_CTRL, mpr},
    {"compare", "Layout", "Readers side by side", '5', LETHE_MOD_CTRL, compare},
    {"priors", "Layout", "Earlier study below, and back", '6', LETHE_MOD_CTRL, priors},
    {"slab", "Layout", "Thicker slab of the planes", 'K', 0, slab},
    {"slab-kind", "Layout", "Slab: mean, max, min", 'K', LETHE_MOD_SHIFT, slab_kind},
    {"link", "Layout", "Scroll views together", 'L', LETHE_MOD_CTRL, link_views},
    {"next-view", "Layout", "Next view", LETHE_KEY_TAB, 0, next_view},
    {"maximise", "Layout", "This view alone, and back", 'F', LETHE_MOD_CTRL, maximise},
    {"next-series", "Layout", "Next series in this view", LETHE_KEY_RIGHT, LETHE_MOD_ALT, next_series},
    {"undo", "Label", "Undo", 'Z', LETHE_MOD_CTRL, undo},
    {"redo", "Label", "Redo", 'Z', LETHE_MOD_CTRL | LETHE_MOD_SHIFT, redo},
    {"redo-2", NULL, "Redo", 'Y', LETHE_MOD_CTRL, redo},
    {"delete", "Label", "Delete what is selected", LETHE_KEY_DELETE, 0, delete_selected},
    {"accept", "Label", "Accept another's annotation", 'A', LETHE_MOD_CTRL, accept},
    {"accept-all", "Label", "Accept all of this reader", 'A', LETHE_MOD_CTRL | LETHE_MOD_SHIFT, accept_all},
    {"merge", "Label", "Merge overlapping regions", 'J', LETHE_MOD_CTRL, merge},
    {"majority", "Label", "Merge by majority", 'J', LETHE_MOD_CTRL | LETHE_MOD_SHIFT, majority},
    {"brush-smaller", "Label", "Smaller brush", '[', 0, brush_smaller},
    {"brush-larger", "Label", "Larger brush", ']', 0, brush_larger},
    {"brush-smaller-2", NULL, "Smaller brush", ',', 0, brush_smaller},
    {"brush-larger-2", NULL, "Larger brush", '.', 0, brush_larger},
    {"brush-3d", "Label", "Brush and region growing in 3-D", '3', LETHE_MOD_ALT, brush_in_3d},
    {"smooth", "Label", "Smooth the label", 'S', LETHE_MOD_CTRL | LETHE_MOD_SHIFT, smooth},
    {"islands", "Label", "Keep the largest piece", 'I', LETHE_MOD_CTRL, islands},
    {"copy-next", "Label", "Copy the label to the next slice", LETHE_KEY_DOWN, LETHE_MOD_ALT, copy_next},
    {"between", "Label", "Fill between painted slices", 'B', LETHE_MOD_CTRL, between},
    {"outline", "Label", "Paint as outline or filled", 'O', LETHE_MOD_CTRL, outline},
    {"snap", "Label", "Snap to corners and edges", 'V', LETHE_MOD_SHIFT, snap},
    {"next-mark", "Label", "Next annotation", LETHE_KEY_PAGE_DOWN, LETHE_MOD_CTRL, next_mark},
    {"previous-mark", "Label", "Previous annotation", LETHE_KEY_PAGE_UP, LETHE_MOD_CTRL, previous_mark},
    {"next-label", "Label", "Next label", LETHE_KEY_PAGE_DOWN, LETHE_MOD_SHIFT, next_label},
    {"previous-label", "Label", "Previous label", LETHE_KEY_PAGE_UP, LETHE_MOD_SHIFT, previous_label},
    {"relabel", "Label", "Give the selection this label", 'U', LETHE_MOD_CTRL, relabel},
    {"hide-label", "Label", "Show or hide this label", 'H', LETHE_MOD_CTRL, hide_label},
    {"lock-label", "Label", "Lock this label, and back", 'D', LETHE_MOD_CTRL, lock_label},
    {"more-opaque", "Label", "Paint more opaque", ']', LETHE_MOD_CTRL, more_opaque},
    {"less-opaque", "Label", "Paint more transparent", '[', LETHE_MOD_CTRL, less_opaque},
    {"toggle-marks", "Label", "Show or hide annotations", 'U', 0, toggle_marks},
    {"next-case", "Work list", "Next case", 'N', 0, next_case},
    {"previous-case", "Work list", "Previous case", 'N', LETHE_MOD_SHIFT, previous_case},
    {"submit", "Work list", "Submit and go on", LETHE_KEY_ENTER, LETHE_MOD_CTRL, submit},
    {"skip", "Work list", "Skip with a reason", LETHE_KEY_BACKSPACE, LETHE_MOD_CTRL, skip},
    {"pointer-left", "Without a mouse", "Pointer to the left", LETHE_KEY_LEFT, LETHE_MOD_SHIFT, pointer_left},
    {"pointer-right", "Without a mouse", "Pointer to the right", LETHE_KEY_RIGHT, LETHE_MOD_SHIFT, pointer_right},
    {"pointer-up", "Without a mouse", "Pointer up", LETHE_KEY_UP, LETHE_MOD_SHIFT, pointer_up},
    {"pointer-down", "Without a mouse", "Pointer down", LETHE_KEY_DOWN, LETHE_MOD_SHIFT, pointer_down},
    {"pointer-left-fine", "Without a mouse", "Pointer one pixel left", LETHE_KEY_LEFT, LETHE_MOD_CTRL | LETHE_MOD_SHIFT, pointer_left_fine},
    {"pointer-right-fine", "Without a mouse", "Pointer one pixel right", LETHE_KEY_RIGHT, LETHE_MOD_CTRL | LETHE_MOD_SHIFT, pointer_right_fine},
    {"pointer-up-fine", "Without a mouse", "Pointer one pixel up", LETHE_KEY_UP, LETHE_MOD_CTRL | LETHE_MOD_SHIFT, pointer_up_fine},
    {"pointer-down-fine", "Without a mouse", "Pointer one pixel down", LETHE_KEY_DOWN, LETHE_MOD_CTRL | LETHE_MOD_SHIFT, pointer_down_fine},
    {"click", "Without a mouse", "Click at the pointer", LETHE_KEY_ENTER, LETHE_MOD_SHIFT, pointer_click},
    {"hold", "Without a mouse", "Hold the button, and let go", ' ', LETHE_MOD_SHIFT, pointer_hold},
    {"next-panel", "Without a mouse", "Keys into the next panel", LETHE_KEY_F6, 0, next_panel},
    {"previous-panel", "Without a mouse", "Keys into the previous panel", LETHE_KEY_F6, LETHE_MOD_SHIFT, previous_panel},
    {"panel-cases", "Without a mouse", "Keys into the work list", LETHE_KEY_F7, 0, panel_cases},
    {"panel-labels", "Without a mouse", "Keys into labels and questions", LETHE_KEY_F8, 0, panel_labels},
    {"palette", "Window of the program", "All commands", 'K', LETHE_MOD_CTRL, palette},
    {"toggle-text", "Window of the program", "Show or hide the texts", 'I', LETHE_MOD_SHIFT, toggle_text},
    {"toggle-left", "Window of the program", "Show or hide the case list", LETHE_KEY_F2, 0, toggle_left},
    {"toggle-right", "Window of the program", "Show or hide the label panel", LETHE_KEY_F3, 0, toggle_right},
    {"language", "Window of the program", "English or French", LETHE_KEY_F4, 0, language},
    {"shortcuts", "Window of the program", "This list", LETHE_KEY_F1, 0, shortcuts},
    {"shortcuts-2", NULL, "This list", '?', 0, shortcuts},
    {"full-screen", "Window of the program", "Full screen", LETHE_KEY_F11, 0, full_screen},
    {"quit", "Window of the program", "Quit", 'Q', LETHE_MOD_CTRL, quit},
    {"review-next", NULL, "Next", LETHE_KEY_NONE, 0, review_next},
    {"review-previous", NULL, "Previous", LETHE_KEY_NONE, 0, review_previous},
    {"review-before-after", NULL, "Show after (B)", LETHE_KEY_NONE, 0, review_before_after},
    {"review-accept", NULL, "Accept (A)", LETHE_KEY_NONE, 0, review_accept},
    {"review-delete", NULL, "Delete (Del)", LETHE_KEY_NONE, 0, review_delete},
    {"review-apply-series", NULL, "Apply to the series (S)", LETHE_KEY_NONE, 0, review_series},
    {"review-apply-device", NULL, "Apply to the device (D)", LETHE_KEY_NONE, 0, review_device},
    {"review-undo", NULL, "Undo", LETHE_KEY_NONE, 0, review_undo},
    {"review-approve", NULL, "Approve (Ctrl+Enter)", LETHE_KEY_NONE, 0, review_approve},
    {"review-reject", NULL, "Reject (Ctrl+Backspace)", LETHE_KEY_NONE, 0, review_reject},
};

size_t lethe_command_count(void) { return sizeof commands / sizeof *commands; }
const lethe_command *lethe_command_at(size_t index) { return &commands[index]; }

const lethe_command *lethe_command_find(const char *id) {
    for (size_t i = 0; i < lethe_command_count(); i++)
        if (strcmp(commands[i].id, id) == 0) return &commands[i];
    return NULL;
}

bool lethe_command_key(lethe_app *app, int key, int mods) {
    if (key == LETHE_KEY_NONE) return false;
    for (size_t i = 0; i < lethe_command_count(); i++)
        if (commands[i].key == key && commands[i].mods == mods) {
            commands[i].run(app);
            return true;
        }
    if (mods != 0) return false;
    if (key >= '1' && key <= '9') {
        int wanted = key - '1', region = 0;
        for (int i = 0; i < app->label_count; i++) {
            if (app->labels[i].label && app->labels[i].label->level != LETHE_LEVEL_REGION) continue;
            if (region++ == wanted) app->label = i;
        }
        return true;
    }
    for (int t = 0; t < LETHE_TOOLS; t++)
        if (lethe_tool_of((lethe_tool)t)->key == key) {
            lethe_app_choose_tool(app, (lethe_tool)t);
            return true;
        }
    return false;
}
