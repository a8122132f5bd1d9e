/* How values become greys in a view: the windows and VOI LUTs that a file offers, and the reader's own window. */
#include "viewer/app.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The frame whose header says how the view is shown. */
static const lethe_study_frame *header_frame(const lethe_view *view) {
    if (!view->series || view->series->frame_count == 0) return NULL;
    return view->kind == LETHE_VIEW_PLANE ? &view->series->frames[0] : lethe_view_frame(view);
}

/* Windows first, then the LUT, then the range of the values. */
static int choices(const lethe_study_frame *frame) { return frame->window_count + (frame->table > 0) + 1; }

static bool is_table(const lethe_study_frame *frame, int choice) { return frame->table > 0 && choice == frame->window_count; }

static const lethe_display_table *table_of(const lethe_view *view) {
    const lethe_study_frame *frame = header_frame(view);
    if (!frame || view->user_window || !is_table(frame, view->voi)) return NULL;
    return &view->series->tables[frame->table - 1];
}

bool lethe_view_uses_table(const lethe_view *view) { return !lethe_view_state(view) && table_of(view) != NULL; }

static void range_of(const lethe_series *series, const lethe_image *image, double *low, double *high) {
    int32_t a = INT32_MAX, b = INT32_MIN;
    for (uint32_t y = 0; y < image->rows; y++)
        for (uint32_t x = 0; x < image->columns; x++) {
            int32_t v = lethe_image_sample(image, x, y, 0);
            if (series->has_padding && v >= series->padding_low && v <= series->padding_high) continue;
            if (v < a) a = v;
            if (v > b) b = v;
        }
    if (a > b) a = b = 0;
    *low = a;
    *high = b;
}

static void use_range(lethe_app *app, lethe_view *view, const lethe_study_frame *frame) {
    const lethe_image *pixels = view->kind == LETHE_VIEW_PLANE ? NULL : lethe_view_pixels(app, view);
    if (!pixels || pixels->samples != 1) return;
    double low, high;
    range_of(view->series, pixels, &low, &high);
    low = low * frame->display.slope + frame->display.intercept;
    high = high * frame->display.slope + frame->display.intercept;
    view->centre = (low + high) / 2 + 0.5;
    view->width = fmax(1, fabs(high - low) + 1);
    if (low == high) { /* one value everywhere has no range of its own: show it as it would look among 8 bits */
        view->centre = 128;
        view->width = 256;
    }
    view->has_window = true;
}

void lethe_view_default_window(lethe_app *app, lethe_view *view) {
    if (view->user_window) return; /* the reader's own stays */
    bool state = lethe_view_state(view) != NULL;
    if (state != view->state_was) view->has_window = false;
    view->state_was = state;
    if (state && lethe_view_state_window(view)) return;
    if (view->series->colour || view->kind == LETHE_VIEW_SLIDE) {
        if (view->has_window) return;
        view->centre = 127.5;
        view->width = 255;
        view->has_window = true;
        return;
    }
    const lethe_study_frame *frame = header_frame(view);
    if (!frame) return;
    if (view->voi >= choices(frame)) view->voi = 0;
    if (view->voi < frame->window_count) { /* frame by frame, as the file says */
        view->centre = frame->windows[view->voi][0];
        view->width = frame->windows[view->voi][1];
        view->has_window = true;
        return;
    }
    if (view->has_window) return;
    if (is_table(frame, view->voi)) { /* a window of the LUT's input range, to start from when the mouse changes it */
        const lethe_display_table *table = &view->series->tables[frame->table - 1];
        view->centre = table->first + table->entries / 2.0;
        view->width = table->entries;
        view->has_window = true;
    } else use_range(app, view, frame);
}

int lethe_view_voi_count(const lethe_view *view) {
    const lethe_study_frame *frame = view->kind == LETHE_VIEW_SLIDE || !view->series || view->series->colour ? NULL : header_frame(view);
    return frame ? choices(frame) : 0;
}

void lethe_view_voi_name(const lethe_app *app, const lethe_view *view, int choice, char *out, size_t size) {
    const lethe_study_frame *frame = header_frame(view);
    out[0] = '\0';
    if (!frame) return;
    if (is_table(frame, choice)) {
        const char *words = view->series->tables[frame->table - 1].explanation;
        (void)snprintf(out, size, "%s%s%s", T("VOI LUT"), words[0] ? " · " : "", words);
    } else if (choice < frame->window_count) {
        const char *words = view->series->window_names[choice];
        if (words[0]) (void)snprintf(out, size, "%s", words);
        else if (frame->window_count == 1) (void)snprintf(out, size, "%s", T("Default window"));
        else (void)snprintf(out, size, "%s %d", T("Window"), choice + 1);
    } else (void)snprintf(out, size, "%s", T("Full range"));
}

void lethe_view_choose_voi(lethe_app *app, lethe_view *view, int choice) {
    int count = lethe_view_voi_count(view);
    if (count == 0) return;
    view->voi = (choice % count + count) % count;
    view->has_window = view->user_window = false;
    view->preset = 0;
    char name[96];
    lethe_view_voi_name(app, view, view->voi, name, sizeof name);
    lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s", name);
}

static const lethe_texture *table_texture(lethe_app *app, lethe_view *view, const lethe_display_table *table) {
    if (view->table_shown == table && view->table_texture.kind != LETHE_TEXTURE_NONE) return &view->table_texture;
    lethe_texture_drop(app->draw, &view->table_texture);
    view->table_shown = table;
    return lethe_texture_load_table(app->draw, table->values, table->entries, table->bits, &view->table_texture, NULL) ? NULL : &view->table_texture;
}

lethe_picture lethe_view_picture(lethe_app *app, lethe_view *view, const lethe_texture *texture, double width, double height,
                                 const lethe_display *display) {
    lethe_picture p = {.texture = texture,
                       .camera = &view->camera,
                       .place = {0, 0, width, height},
                       .linear = view->linear,
                       .slope = display->slope,
                       .intercept = display->intercept,
                       .centre = view->centre,
                       .width = view->width,
                       .function = (int)display->function,
                       .colour_map = view->colour_map};
    p.invert = view->invert != (display->invert && texture->kind != LETHE_TEXTURE_COLOUR);
    const lethe_display_table *table = texture->kind == LETHE_TEXTURE_COLOUR ? NULL : table_of(view);
    if (lethe_view_state(view)) table = lethe_view_state_greys(view, &p);
    if (table && (p.table = table_texture(app, view, table)) != NULL) {
        p.function = LETHE_FUNCTION_TABLE;
        p.table_first = table->first;
        p.table_entries = table->entries;
    }
    return p;
}
