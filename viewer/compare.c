/* Adjudication: readers side by side, one pane each and one's own last; what they said is accepted, merged or drawn anew. The store decides whose
 * labels may be seen here at all: under blind reading there is nobody else to show. */
#include "viewer/tool_internal.h"

#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MERGE_PIXELS_MAXIMUM = 64 << 20 };

/* Okabe and Ito's colours, which people of every colour vision tell apart. */
static const uint32_t reader_colours[LETHE_READERS] = {0xFFE69F00, 0xFF56B4E9, 0xFF009E73, 0xFFF0E442,
                                                       0xFFCC79A7, 0xFFD55E00, 0xFF7FB2FF, 0xFFB0B8C0};

const char *lethe_mark_owner(const lethe_mark *mark) { return mark->source[0] && !mark->mine ? mark->source : mark->author; }

uint32_t lethe_reader_colour_at(int reader) { return reader_colours[reader % LETHE_READERS]; }

uint32_t lethe_reader_colour(const lethe_app *app, const lethe_mark *mark) {
    for (int i = 0; i < app->reader_count; i++)
        if (strcmp(app->reader_names[i], lethe_mark_owner(mark)) == 0) return reader_colours[i];
    return 0xFFB0B8C0;
}

bool lethe_view_shows_mark(const lethe_app *app, const lethe_view *view, const lethe_mark *mark) {
    if (!app->compare_on || view->reader <= 0 || view->reader > app->reader_count) return true;
    return !mark->mine && strcmp(app->reader_names[view->reader - 1], lethe_mark_owner(mark)) == 0;
}

/* Everybody whose labels of this case the store shows, but oneself. */
void lethe_app_find_readers(lethe_app *app) {
    app->reader_count = 0;
    for (size_t i = 0; app->marks && i < lethe_marks_count(app->marks); i++) {
        const lethe_mark *mark = lethe_marks_at(app->marks, i);
        bool known = mark->mine;
        for (int r = 0; r < app->reader_count && !known; r++) known = strcmp(app->reader_names[r], lethe_mark_owner(mark)) == 0;
        if (known || app->reader_count == LETHE_READERS) continue;
        (void)snprintf(app->reader_names[app->reader_count++], sizeof app->reader_names[0], "%s", lethe_mark_owner(mark));
    }
}

void lethe_app_toggle_compare(lethe_app *app) {
    if (app->compare_on) {
        app->compare_on = false;
        lethe_app_hang(app, LETHE_HANGING_AUTO);
        return;
    }
    lethe_view *from = &app->views[app->active];
    lethe_series *series = from->series;
    if (!app->study || !series || app->mpr_on) return;
    lethe_app_find_readers(app);
    if (app->reader_count == 0) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No other reader's labels are shown to you here."));
        return;
    }
    size_t index = from->index;
    int cells = app->reader_count + 1 < LETHE_VIEWS ? app->reader_count + 1 : LETHE_VIEWS;
    app->grid_columns = cells <= 3 ? cells : cells <= 4 ? 2 : 3;
    app->grid_rows = (cells + app->grid_columns - 1) / app->grid_columns;
    app->maximised = -1;
    app->hanging = LETHE_HANGING_SINGLE;
    lethe_app_layout(app);
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++) {
        lethe_app_show(app, i, i < cells ? series : NULL);
        app->views[i].index = app->views[i].last_good = index;
        app->views[i].reader = i < cells - 1 ? i + 1 : 0;
    }
    app->active = app->compare_lead = cells - 1;
    app->compare_on = true;
}

/* All panes look at the same place in the same way as the active one. */
void lethe_app_compare_follow(lethe_app *app) {
    int number = app->compare_lead >= 0 && app->compare_lead < app->grid_columns * app->grid_rows ? app->compare_lead : app->active;
    const lethe_view *lead = &app->views[number];
    if (!app->compare_on || !lead->framed) return;
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++) {
        lethe_view *view = &app->views[i];
        if (i == number || view->series != lead->series || !view->framed) continue;
        lethe_camera camera = lead->camera;
        camera.viewport = view->camera.viewport;
        view->camera = camera;
        view->index = lead->index;
        view->centre = lead->centre;
        view->width = lead->width;
        view->has_window = lead->has_window;
        view->user_window = lead->user_window;
        view->voi = lead->voi;
        view->invert = lead->invert;
        view->linear = lead->linear;
        view->colour_map = lead->colour_map;
    }
}

/* --- accepting --- */

/* Paint of another becomes paint of mine: pixels of the bitmap, so that there is one mask per label and image. */
static lethe_status accept_mask(lethe_app *app, const lethe_shape *shape, const char *image, const char *label, lethe_error *error) {
    lethe_view *view = &app->views[app->active];
    int index = lethe_app_label_index(app, label);
    if (index < 0 || view->kind != LETHE_VIEW_STACK) return lethe_fail(error, LETHE_UNSUPPORTED, "this mask has no label of the schema");
    lethe_paint *paint = lethe_marks_paint(app->marks, image, shape->frame, view->series->columns, view->series->rows);
    if (!paint) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = lethe_shape_rasterize(shape, 0, (uint8_t)(index + 1), paint->labels, paint->columns, paint->rows, 0, 0, error);
    lethe_paint_touch(paint, 0, 0, paint->columns, paint->rows);
    return status;
}

static lethe_status accept_one(lethe_app *app, const lethe_mark *mark, const char *name, int64_t *id, lethe_error *error) {
    lethe_shape shape = {0};
    char image[512], label[128], form[2048];
    (void)snprintf(image, sizeof image, "%s", mark->image);
    (void)snprintf(label, sizeof label, "%s", mark->label);
    (void)snprintf(form, sizeof form, "%s", mark->form);
    if (mark->shape.kind == LETHE_SHAPE_MASK) {
        lethe_status status = accept_mask(app, &mark->shape, image, label, error);
        return status ? status : lethe_marks_save_paint(app->marks, "accept", name, error);
    }
    lethe_status status = lethe_shape_copy(&mark->shape, NULL, &shape, error);
    if (!status) status = lethe_marks_add_with_form(app->marks, image, label, "accept", form, &shape, name, id, error);
    return status;
}

/* What another reader, or a model, has drawn becomes mine: a copy that I can correct; the original stays. */
void lethe_app_accept_selected(lethe_app *app) {
    lethe_mark *mark = app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (!mark || mark->mine) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Select an annotation of another reader or of a model first."));
        return;
    }
    lethe_error error = {0};
    char name[160];
    int64_t id = 0;
    lethe_status status = accept_one(app, mark, lethe_tool_step_name(app, "Accept", mark->label, name), &id, &error);
    if (!lethe_app_failed(app, status, &error)) app->selected = id;
}

/* Everything that the reader of the active pane has drawn on this image. */
void lethe_app_accept_all(lethe_app *app) {
    lethe_view *view = &app->views[app->active];
    const char *image;
    uint32_t frame;
    if (!app->marks || !lethe_view_image(view, &image, &frame)) return;
    unsigned taken = 0;
    lethe_error error = {0};
    size_t count = lethe_marks_count(app->marks); /* what is added comes behind */
    for (size_t i = 0; i < count; i++) {
        const lethe_mark *mark = lethe_marks_at(app->marks, i);
        if (mark->mine || mark->level != LETHE_LEVEL_REGION || mark->shape.frame != frame || strcmp(mark->image, image) != 0 ||
            !lethe_view_shows_mark(app, view, mark))
            continue;
        char name[160];
        int64_t id;
        if (lethe_app_failed(app, accept_one(app, mark, lethe_tool_step_name(app, "Accept", mark->label, name), &id, &error), &error)) return;
        taken++;
    }
    if (taken == 0) lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("There is nothing of another reader on this image."));
    else lethe_app_say(app, LETHE_COLOUR_GOOD, "%s: %u", T("Accepted"), taken);
}

/* --- merging --- */

typedef struct group {
    const lethe_mark *items[LETHE_READERS * 4];
    size_t count;
    lethe_box box;
} group;

static bool touches(const lethe_box *a, const lethe_box *b) { return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1; }

/* The selected annotation and those of other readers with the same label that overlap it. */
static void find_group(lethe_app *app, const lethe_mark *seed, group *g) {
    *g = (group){.items = {seed}, .count = 1, .box = seed->bounds};
    for (size_t i = 0; i < lethe_marks_count(app->marks) && g->count < sizeof g->items / sizeof *g->items; i++) {
        const lethe_mark *mark = lethe_marks_at(app->marks, i);
        if (mark->id == seed->id || mark->mine || mark->level != LETHE_LEVEL_REGION || mark->shape.frame != seed->shape.frame ||
            strcmp(mark->image, seed->image) != 0 || strcmp(mark->label, seed->label) != 0 || !touches(&mark->bounds, &seed->bounds))
            continue;
        g->items[g->count++] = mark;
        g->box.x0 = fmin(g->box.x0, mark->bounds.x0);
        g->box.y0 = fmin(g->box.y0, mark->bounds.y0);
        g->box.x1 = fmax(g->box.x1, mark->bounds.x1);
        g->box.y1 = fmax(g->box.y1, mark->bounds.y1);
    }
}

static bool all_of(const group *g, lethe_shape_kind kind) {
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i]->shape.kind != kind) return false;
    return true;
}

/* Boxes stay boxes: the one around all, or the mean of the corners. */
static lethe_status merge_boxes(const group *g, bool majority, lethe_shape *out, lethe_error *error) {
    lethe_box b = g->box;
    if (majority) {
        b = (lethe_box){0, 0, 0, 0};
        for (size_t i = 0; i < g->count; i++) {
            b.x0 += g->items[i]->bounds.x0 / (double)g->count;
            b.y0 += g->items[i]->bounds.y0 / (double)g->count;
            b.x1 += g->items[i]->bounds.x1 / (double)g->count;
            b.y1 += g->items[i]->bounds.y1 / (double)g->count;
        }
    }
    return lethe_shape_make_box(b.x0, b.y0, b.x1, b.y1, g->items[0]->shape.frame, out, error);
}

/* Pixel by pixel: in any of the regions, or in more than half of them. */
static lethe_status merge_regions(const group *g, bool majority, lethe_shape *mask, lethe_error *error) {
    int64_t x = (int64_t)floor(g->box.x0), y = (int64_t)floor(g->box.y0);
    double columns = ceil(g->box.x1) - (double)x, rows = ceil(g->box.y1) - (double)y;
    if (!(columns >= 1) || !(rows >= 1) || columns * rows > MERGE_PIXELS_MAXIMUM)
        return lethe_fail(error, LETHE_LIMIT, "regions of %.0f x %.0f pixels are too large to merge", columns, rows);
    size_t count = (size_t)columns * (size_t)rows;
    uint8_t *votes = lethe_alloc_array(count, 1), *one = lethe_alloc_array(count, 1);
    lethe_status status = votes && one ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < g->count && !status; i++) {
        memset(one, 0, count);
        status = lethe_shape_rasterize(&g->items[i]->shape, 0, 1, one, (uint32_t)columns, (uint32_t)rows, x, y, error);
        for (size_t p = 0; p < count && !status; p++) votes[p] = (uint8_t)(votes[p] + one[p]);
    }
    size_t least = majority ? g->count / 2 + 1 : 1;
    for (size_t p = 0; p < count && !status; p++) votes[p] = votes[p] >= least;
    if (!status)
        status = lethe_shape_make_mask(votes, (uint32_t)columns, (uint32_t)rows, (size_t)columns, x, y, g->items[0]->shape.frame, mask, error);
    lethe_free(votes);
    lethe_free(one);
    return status;
}

static lethe_status merge(lethe_app *app, const group *g, bool majority, const char *name, int64_t *id, lethe_error *error) {
    const lethe_mark *seed = g->items[0];
    char image[512], label[128];
    (void)snprintf(image, sizeof image, "%s", seed->image);
    (void)snprintf(label, sizeof label, "%s", seed->label);
    bool boxes = all_of(g, LETHE_SHAPE_BOX), masks = all_of(g, LETHE_SHAPE_MASK);
    lethe_shape merged = {0}, outline = {0};
    lethe_status status = boxes ? merge_boxes(g, majority, &merged, error) : merge_regions(g, majority, &merged, error);
    if (status) return status;
    if (!boxes && merged.slice_count && lethe_rle_count(&merged.slices[0].mask) == 0) {
        lethe_shape_release(&merged);
        return lethe_fail(error, LETHE_UNSUPPORTED, "no pixel lies in more than half of these regions");
    }
    if (masks) {
        status = accept_mask(app, &merged, image, label, error);
        if (!status) status = lethe_marks_save_paint(app->marks, "merge", name, error);
        lethe_shape_release(&merged);
        return status;
    }
    if (!boxes) {
        status = lethe_shape_to_polygon(&merged, 0, &outline, error);
        lethe_shape_release(&merged);
        merged = outline;
        merged.frame = seed->shape.frame;
    }
    return status ? status : lethe_marks_add(app->marks, image, label, "merge", &merged, name, id, error);
}

void lethe_app_merge_selected(lethe_app *app, bool majority) {
    const lethe_mark *seed = app->marks && app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    group g = {.count = 0};
    if (seed && !seed->mine && seed->level == LETHE_LEVEL_REGION) find_group(app, seed, &g);
    if (g.count < 2) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Select another reader's region that a second reader's overlaps."));
        return;
    }
    lethe_error error = {0};
    char name[160];
    int64_t id = 0;
    lethe_status status =
        merge(app, &g, majority, lethe_tool_step_name(app, majority ? "Merge by majority" : "Merge", seed->label, name), &id, &error);
    if (!lethe_app_failed(app, status, &error)) app->selected = id;
}
