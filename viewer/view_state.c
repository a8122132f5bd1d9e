/* A presentation state in a view: chosen by the reader, then its greys, area, turn, shutter and graphics for the images that it names. */
#include "viewer/app.h"

#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool covers(const lethe_view *view, const lethe_presentation *state) {
    const char *image;
    uint32_t frame;
    const lethe_presentation_scope all = {0};
    return view->kind == LETHE_VIEW_STACK && lethe_view_image(view, &image, &frame) && lethe_presentation_covers(state, &all, image, frame);
}

const lethe_presentation *lethe_view_state(const lethe_view *view) { return view->state && covers(view, view->state) ? view->state : NULL; }

size_t lethe_view_state_count(const lethe_app *app, const lethe_view *view) {
    const lethe_study *study = view->is_prior ? app->prior : app->study;
    size_t count = 0;
    for (size_t i = 0; study && i < study->state_count; i++) count += covers(view, study->states[i]);
    return count;
}

const char *lethe_presentation_title(const lethe_app *app, const lethe_presentation *state) {
    return state->description[0] ? state->description : state->label[0] ? state->label : T("Presentation state");
}

/* The state speaks of stored values where the image has no modality LUT sequence, and of its outputs where it has one. */
static bool same_modality(const lethe_series *series, const lethe_presentation *state) {
    if (state->is_colour || series->colour) return true;
    const lethe_display_table *a = &series->modality_table, *b = &state->modality;
    if (a->entries != b->entries) return false;
    return a->entries == 0 || (a->first == b->first && memcmp(a->values, b->values, 2 * (size_t)a->entries) == 0);
}

static void forget(lethe_app *app, lethe_view *view) {
    lethe_texture_drop(app->draw, &view->shutter_texture);
    view->shutter_shown = NULL;
    lethe_display_table_release(&view->state_table);
    view->state_frame_done = false;
}

void lethe_view_release_state(lethe_app *app, lethe_view *view) {
    forget(app, view);
    view->state = NULL;
}

void lethe_view_next_state(lethe_app *app, int number) {
    lethe_view *view = &app->views[number];
    const lethe_study *study = view->is_prior ? app->prior : app->study;
    size_t at = 0;
    for (size_t i = 0; study && i < study->state_count; i++)
        if (study->states[i] == view->state) at = i + 1;
    const lethe_presentation *next = NULL;
    for (size_t i = at; study && i < study->state_count && !next; i++)
        if (covers(view, study->states[i])) next = study->states[i];
    bool had = view->state != NULL;
    if (!next && !had) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No presentation state is for this image."));
        return;
    }
    forget(app, view);
    view->state = next;
    lethe_view_reset(app, number);
    if (!next) {
        lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s", T("As the image itself says"));
        return;
    }
    if (!same_modality(view->series, next)) {
        view->state = NULL;
        lethe_app_say(app, LETHE_COLOUR_DANGER, "%s", T("This presentation state has another modality LUT than the image: it is not shown."));
    } else if (next->left_out > 0)
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s: %s (%zu)", lethe_presentation_title(app, next),
                      T("some of its graphics are of a kind that is not shown"), next->left_out);
    else lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s: %s", T("Presentation state"), lethe_presentation_title(app, next));
}

/* --- greys --- */

static void stored_range(const lethe_series *series, double *low, double *high) {
    unsigned bits = series->bits_stored >= 1 && series->bits_stored <= 32 ? series->bits_stored : 16;
    if (series->mapped) {
        *low = 0;
        *high = ldexp(1, (int)series->modality_table.bits) - 1;
        return;
    }
    *low = series->is_signed ? -ldexp(1, (int)bits - 1) : 0;
    *high = series->is_signed ? ldexp(1, (int)bits - 1) - 1 : ldexp(1, (int)bits) - 1;
}

static void modality_range(const lethe_series *series, const lethe_presentation *state, double *low, double *high) {
    stored_range(series, low, high);
    if (series->mapped) return;
    double a = *low * state->slope + state->intercept, b = *high * state->slope + state->intercept;
    *low = fmin(a, b);
    *high = fmax(a, b);
}

bool lethe_view_state_window(lethe_view *view) {
    const lethe_presentation *state = lethe_view_state(view);
    const char *image;
    uint32_t frame;
    if (!state || state->is_colour || view->series->colour || !lethe_view_image(view, &image, &frame)) return false;
    const lethe_presentation_voi *voi = lethe_presentation_voi_for(state, image, frame);
    double low, high;
    if (voi && voi->has_window) {
        view->centre = voi->centre;
        view->width = voi->width;
    } else if (voi) { /* to start from when the mouse changes it */
        view->centre = voi->table.first + voi->table.entries / 2.0;
        view->width = voi->table.entries;
    } else { /* nothing is left out */
        modality_range(view->series, state, &low, &high);
        view->centre = (low + high) / 2 + 0.5;
        view->width = high - low + 1;
    }
    view->has_window = true;
    return true;
}

/* VOI and presentation LUT in one table; made again only when what it depends on has changed. */
static const lethe_display_table *whole_table(lethe_view *view, const lethe_presentation *state, const lethe_presentation_voi *voi) {
    const lethe_presentation_voi own = {.has_window = true, .centre = view->centre, .width = view->width};
    const lethe_presentation_voi *used = view->user_window ? &own : voi;
    double key[3] = {used == &own ? view->centre : 0, used == &own ? view->width : 0, voi ? (double)(voi - state->voi) : -1};
    if (view->state_table.entries && memcmp(key, view->state_table_key, sizeof key) == 0) return &view->state_table;
    double low, high;
    modality_range(view->series, state, &low, &high);
    lethe_display_table_release(&view->state_table);
    view->table_shown = NULL; /* its address may be the same */
    if (!(high - low <= 65535) || fabs(low) > 1e9) return NULL;
    if (lethe_presentation_table(state, used, (int32_t)floor(low), (int32_t)ceil(high), &view->state_table, NULL)) return NULL;
    memcpy(view->state_table_key, key, sizeof key);
    return &view->state_table;
}

const lethe_display_table *lethe_view_state_greys(lethe_view *view, lethe_picture *picture) {
    const lethe_presentation *state = lethe_view_state(view);
    const char *image;
    uint32_t frame;
    if (!state || state->is_colour || view->series->colour || !lethe_view_image(view, &image, &frame)) return NULL;
    const lethe_presentation_voi *voi = lethe_presentation_voi_for(state, image, frame);
    if (!view->series->mapped) {
        picture->slope = state->slope;
        picture->intercept = state->intercept;
    }
    /* The state's LUT takes the place of the photometric interpretation too (PS3.3 C.11.6). */
    picture->invert = view->invert != (state->lut == LETHE_LUT_INVERSE);
    picture->function = voi && voi->has_window && !view->user_window ? voi->function : LETHE_VOI_LINEAR;
    if (state->lut == LETHE_LUT_TABLE) return whole_table(view, state, voi);
    return voi && !voi->has_window && !view->user_window ? &voi->table : NULL;
}

/* --- area, turn, shutter --- */

void lethe_view_state_frame(lethe_app *app, lethe_view *view) {
    const lethe_presentation *state = lethe_view_state(view);
    const char *image;
    uint32_t frame;
    if (!state || view->state_frame_done || !view->framed || !lethe_view_image(view, &image, &frame)) return;
    view->state_frame_done = true;
    lethe_camera *camera = &view->camera;
    /* First turned, then mirrored: the camera mirrors first, so that the turn goes the other way. */
    camera->flip_x = state->mirrored;
    camera->flip_y = false;
    camera->angle_degrees = state->mirrored ? (360 - state->rotation) % 360 : state->rotation;
    const lethe_presentation_area *area = lethe_presentation_area_for(state, image, frame);
    if (!area || !(area->rect.width > 0) || !(area->rect.height > 0)) {
        lethe_camera_fit(camera);
        return;
    }
    if (area->aspect > 0) camera->aspect = area->aspect;
    lethe_camera_fit(camera);
    double w = area->rect.width, h = area->rect.height * camera->aspect;
    bool lying = state->rotation % 180 != 0;
    double scale = fmin(camera->viewport.width / (lying ? h : w), camera->viewport.height / (lying ? w : h));
    if (area->size == LETHE_SIZE_MAGNIFY) scale = area->magnification / app->pixel_scale;
    if (area->size == LETHE_SIZE_TRUE) scale = area->across_mm * lethe_screen_px_per_mm(app);
    if (!(scale > 0) || !isfinite(scale)) return;
    camera->scale_min = fmin(camera->scale_min, scale / 8);
    camera->scale_max = fmax(camera->scale_max, scale * 8);
    camera->scale = scale;
    camera->centre = (lethe_point){area->rect.x + area->rect.width / 2, area->rect.y + area->rect.height / 2};
}

const lethe_texture *lethe_view_shutter(lethe_app *app, lethe_view *view, uint32_t columns, uint32_t rows, double *grey) {
    const lethe_presentation *state = lethe_view_state(view);
    const lethe_study_frame *frame = lethe_view_frame(view);
    /* A state that has none shows what the image's own would hide (PS3.3 A.33.1.1). */
    const lethe_shutter *shutter = state ? &state->shutter : frame ? view->series->files[frame->file].shutter : NULL;
    if (!shutter || !(shutter->rectangle || shutter->circle || shutter->polygon)) return NULL;
    *grey = shutter->grey;
    if (view->shutter_shown == shutter && view->shutter_texture.width == columns && view->shutter_texture.height == rows)
        return &view->shutter_texture;
    lethe_texture_drop(app->draw, &view->shutter_texture);
    view->shutter_shown = NULL;
    lethe_image mask = {.columns = columns, .rows = rows, .samples = 1, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_MONOCHROME2};
    if (lethe_image_allocate(&mask, NULL)) return NULL;
    lethe_shutter_mask(shutter, columns, rows, mask.pixels);
    bool made = lethe_texture_load(app->draw, &mask, &view->shutter_texture, NULL) == LETHE_OK;
    lethe_image_release(&mask);
    if (!made) return NULL;
    view->shutter_shown = shutter;
    return &view->shutter_texture;
}

/* --- graphics --- */

/* The displayed area as it stands on the screen. */
static lethe_rect area_on_screen(const lethe_view *view, const lethe_presentation *state) {
    const char *image;
    uint32_t frame;
    lethe_rect r = {0, 0, view->camera.image_width, view->camera.image_height};
    if (lethe_view_image(view, &image, &frame)) {
        const lethe_presentation_area *area = lethe_presentation_area_for(state, image, frame);
        if (area) r = area->rect;
    }
    lethe_point a = lethe_camera_to_screen(&view->camera, (lethe_point){r.x, r.y});
    lethe_point b = lethe_camera_to_screen(&view->camera, (lethe_point){r.x + r.width, r.y + r.height});
    return (lethe_rect){fmin(a.x, b.x), fmin(a.y, b.y), fabs(b.x - a.x), fabs(b.y - a.y)};
}

typedef struct placing {
    lethe_app *app;
    const lethe_view *view;
    lethe_rect area;
} placing;

static lethe_point place(const placing *p, lethe_point at, bool of_display) {
    if (of_display) return (lethe_point){p->area.x + at.x * p->area.width, p->area.y + at.y * p->area.height};
    return lethe_camera_to_screen(&p->view->camera, at);
}

static void draw_lines(const placing *p, const lethe_graphic *g) {
    lethe_point *points = lethe_alloc_array(g->count, sizeof *points);
    if (!points) return;
    for (size_t i = 0; i < g->count; i++) points[i] = place(p, g->points[i], g->of_display);
    bool closed = g->count > 2 && memcmp(&g->points[0], &g->points[g->count - 1], sizeof *points) == 0;
    lethe_canvas_polyline(p->app->ui, points, closed ? g->count - 1 : g->count, closed, g->colour, 1.5);
    lethe_free(points);
}

/* A curve through all points (Catmull and Rom). */
static void draw_curve(const placing *p, const lethe_graphic *g) {
    enum { STEPS = 8 };
    size_t count = (g->count - 1) * STEPS + 1;
    lethe_point *points = lethe_alloc_array(count, sizeof *points);
    if (!points) return;
    for (size_t i = 0; i < count; i++) {
        size_t at = i / STEPS;
        double t = (double)(i % STEPS) / STEPS;
        const lethe_point a = g->points[at ? at - 1 : 0], b = g->points[at], c = g->points[at + 1 < g->count ? at + 1 : at],
                          d = g->points[at + 2 < g->count ? at + 2 : g->count - 1];
        lethe_point m;
        m.x = 0.5 * (2 * b.x + (c.x - a.x) * t + (2 * a.x - 5 * b.x + 4 * c.x - d.x) * t * t + (3 * b.x - a.x - 3 * c.x + d.x) * t * t * t);
        m.y = 0.5 * (2 * b.y + (c.y - a.y) * t + (2 * a.y - 5 * b.y + 4 * c.y - d.y) * t * t + (3 * b.y - a.y - 3 * c.y + d.y) * t * t * t);
        points[i] = place(p, m, g->of_display);
    }
    lethe_canvas_polyline(p->app->ui, points, count, false, g->colour, 1.5);
    lethe_free(points);
}

static void draw_round(const placing *p, const lethe_graphic *g) {
    enum { SIDES = 72 };
    lethe_point outline[SIDES], centre = g->points[0], u, v;
    if (g->kind == LETHE_GRAPHIC_CIRCLE) {
        double r = hypot(g->points[1].x - centre.x, g->points[1].y - centre.y);
        u = (lethe_point){r, 0};
        v = (lethe_point){0, r};
    } else {
        centre = (lethe_point){(g->points[0].x + g->points[1].x) / 2, (g->points[0].y + g->points[1].y) / 2};
        u = (lethe_point){(g->points[1].x - g->points[0].x) / 2, (g->points[1].y - g->points[0].y) / 2};
        v = (lethe_point){(g->points[3].x - g->points[2].x) / 2, (g->points[3].y - g->points[2].y) / 2};
    }
    for (int i = 0; i < SIDES; i++) {
        double t = 2 * 3.14159265358979323846 * i / SIDES;
        outline[i] = place(p, (lethe_point){centre.x + u.x * cos(t) + v.x * sin(t), centre.y + u.y * cos(t) + v.y * sin(t)}, g->of_display);
    }
    if (g->filled) lethe_canvas_fill_convex(p->app->ui, outline, SIDES, (g->colour & 0xFFFFFFu) | 0x60000000u);
    lethe_canvas_polyline(p->app->ui, outline, SIDES, true, g->colour, 1.5);
}

static void draw_words(const placing *p, const lethe_graphic *g) {
    lethe_point anchor = {0, 0}, at;
    if (g->has_anchor) at = anchor = place(p, g->anchor, g->anchor_of_display);
    double line = lethe_ui_line_height(p->app->ui) + 2;
    if (g->count == 2) {
        lethe_point a = place(p, g->points[0], g->of_display), b = place(p, g->points[1], g->of_display);
        double left = fmin(a.x, b.x), right = fmax(a.x, b.x), top = fmin(a.y, b.y), bottom = fmax(a.y, b.y);
        at = (lethe_point){left + (right - left) * g->align, top};
        if (g->has_anchor && g->anchor_visible) {
            lethe_point near = {fmin(fmax(anchor.x, left), right), fmin(fmax(anchor.y, top), bottom)};
            lethe_canvas_line(p->app->ui, near, anchor, g->colour, 1);
        }
    } else at = (lethe_point){anchor.x + 6, anchor.y - line};
    if (g->has_anchor && g->anchor_visible) lethe_canvas_dot(p->app->ui, anchor, 2.5, g->colour);
    const char *text = g->text;
    for (int n = 0; *text && n < 64; n++) { /* line by line */
        size_t length = strcspn(text, "\n");
        char words[512];
        (void)snprintf(words, sizeof words, "%.*s", length < sizeof words ? (int)length : (int)sizeof words - 1, text);
        lethe_canvas_text(p->app->ui, (lethe_point){at.x, at.y + n * line}, g->align, g->colour, false, words);
        text += length + (text[length] == '\n');
    }
}

void lethe_view_draw_state(lethe_app *app, const lethe_view *view) {
    const lethe_presentation *state = lethe_view_state(view);
    const char *image;
    uint32_t frame;
    if (!state || !app->show_overlays || !view->framed || !lethe_view_image(view, &image, &frame)) return;
    placing p = {app, view, area_on_screen(view, state)};
    for (size_t i = 0; i < state->graphic_count; i++) {
        const lethe_graphic *g = &state->graphics[i];
        if (!lethe_presentation_covers(state, &g->scope, image, frame)) continue;
        switch (g->kind) {
        case LETHE_GRAPHIC_POINT: lethe_canvas_dot(app->ui, place(&p, g->points[0], g->of_display), 2.5, g->colour); break;
        case LETHE_GRAPHIC_POLYLINE: draw_lines(&p, g); break;
        case LETHE_GRAPHIC_INTERPOLATED: draw_curve(&p, g); break;
        case LETHE_GRAPHIC_CIRCLE:
        case LETHE_GRAPHIC_ELLIPSE: draw_round(&p, g); break;
        default: draw_words(&p, g); break;
        }
    }
}
