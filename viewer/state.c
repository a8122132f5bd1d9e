/* The state by name, for scripts. */
#include "viewer/app.h"
#include "viewer/review.h"

#include "viewer/tools/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void number(char *out, size_t size, double value) {
    (void)snprintf(out, size, fabs(value - nearbyint(value)) < 1e-9 ? "%.0f" : "%.4f", value);
}

/* Resident memory of this process, in MiB; 0 when the system does not tell. */
static double resident_mib(void) {
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long size = 0, resident = 0;
    bool told = file && fscanf(file, "%llu %llu", &size, &resident) == 2;
    if (file) (void)fclose(file);
    return told ? (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20) : 0;
}

static double damaged_series(const lethe_app *app) {
    double count = 0;
    for (size_t i = 0; app->study && i < app->study->series_count; i++) count += app->study->series[i].failure[0] != '\0';
    return count;
}

static size_t count_marks(lethe_app *app, bool masks) {
    size_t count = 0;
    for (size_t i = 0; app->marks && i < lethe_marks_count(app->marks); i++) {
        const lethe_mark *mark = lethe_marks_at(app->marks, i);
        if (mark->level != LETHE_LEVEL_REGION) continue;
        bool mask = mark->shape.kind == LETHE_SHAPE_MASK;
        if (mask && mark->shape.slice_count && lethe_rle_count(&mark->shape.slices[0].mask) == 0) continue;
        count += mask == masks;
    }
    return count;
}

static double paint_mib(lethe_app *app) {
    const char *image;
    uint32_t frame;
    const lethe_view *view = &app->views[app->active];
    if (!app->marks || view->kind != LETHE_VIEW_SLIDE || !lethe_view_image(view, &image, &frame)) return 0;
    const lethe_tiled_mask *mask = lethe_marks_tiled(app->marks, image, (int64_t)view->camera.image_width, (int64_t)view->camera.image_height, false);
    return mask ? (double)lethe_tiled_mask_bytes(mask) / (1 << 20) : 0;
}

static double painted_pixels(lethe_app *app, bool everywhere) {
    const char *image;
    uint32_t frame;
    double count = 0;
    if (!lethe_view_image(&app->views[app->active], &image, &frame)) return 0;
    for (size_t i = 0; app->marks && i < lethe_marks_count(app->marks); i++) {
        const lethe_mark *mark = lethe_marks_at(app->marks, i);
        if (mark->shape.kind != LETHE_SHAPE_MASK || mark->shape.slice_count == 0) continue;
        if (everywhere || (mark->shape.frame == frame && strcmp(mark->image, image) == 0))
            count += (double)lethe_rle_count(&mark->shape.slices[0].mask);
    }
    return count;
}

static bool view_state(const lethe_view *view, const char *name, char *out, size_t size) {
    double across, down;
    bool spacing = lethe_view_spacing(view, &across, &down);
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"slice", (double)view->index + 1},
                   {"slices", view->series && view->kind == LETHE_VIEW_STACK ? (double)view->series->frame_count : 0},
                   {"centre", view->centre},
                   {"width", view->width},
                   {"zoom", view->camera.scale},
                   {"angle", view->camera.angle_degrees},
                   {"x", view->rect.x},
                   {"y", view->rect.y},
                   {"w", view->rect.width},
                   {"h", view->rect.height},
                   {"spacing", spacing ? across : 0},
                   {"inverted", view->invert},
                   {"look-x", view->camera.centre.x},
                   {"look-y", view->camera.centre.y},
                   {"mirrored", view->camera.flip_x},
                   {"playing", view->playing},
                   {"linear", view->linear},
                   {"table", lethe_view_uses_table(view)}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, name) == 0) {
            number(out, size, numbers[i].value);
            return true;
        }
    if (strcmp(name, "series") == 0) {
        (void)snprintf(out, size, "%s", view->series ? view->series->description : "");
        return true;
    }
    if (strcmp(name, "state") == 0) {
        const lethe_presentation *state = lethe_view_state(view);
        (void)snprintf(out, size, "%s", state ? state->label : "");
        return true;
    }
    if (strcmp(name, "position") == 0) {
        (void)snprintf(out, size, "%s%s", view->series ? view->series->laterality : "", view->series ? view->series->view_position : "");
        return true;
    }
    if (strcmp(name, "chest") == 0) { /* where the chest wall stands on the screen */
        bool right = view->series && view->series->chest_wall_right != view->camera.flip_x;
        (void)snprintf(out, size, "%s", right ? "right" : "left");
        return true;
    }
    return false;
}

static bool selected_state(lethe_app *app, const char *name, char *out, size_t size) {
    const lethe_mark *mark = app->marks && app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    if (strcmp(name, "selected") == 0) {
        (void)snprintf(out, size, "%s", mark ? lethe_shape_kind_name(mark->shape.kind) : "none");
        return true;
    }
    if (!mark) return false;
    double numbers[] = {mark->bounds.x0,
                        mark->bounds.y0,
                        mark->bounds.x1,
                        mark->bounds.y1,
                        mark->shape.measured,
                        (double)mark->shape.point_count,
                        lethe_shape_area_px(&mark->shape)};
    static const char *const names[] = {"selected.x0",       "selected.y0",     "selected.x1",  "selected.y1",
                                        "selected.measured", "selected.points", "selected.area"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            number(out, size, numbers[i]);
            return true;
        }
    const char *texts[] = {mark->label, mark->form, mark->author};
    static const char *const text_names[] = {"selected.label", "selected.form", "selected.author"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text_names[i], name) == 0) {
            (void)snprintf(out, size, "%s", texts[i]);
            return true;
        }
    return false;
}

static bool value_state(lethe_app *app, const char *name, char *out, size_t size) {
    if (strcmp(name, "value") != 0) return false;
    int view = lethe_view_at(app, app->mouse), count = 0;
    double values[3] = {NAN, NAN, NAN};
    if (view >= 0 && app->views[view].framed)
        (void)lethe_view_value(app, &app->views[view], lethe_camera_to_image(&app->views[view].camera, app->mouse), values, &count);
    number(out, size, values[0]);
    return count > 0;
}

bool lethe_app_state(lethe_app *app, const char *name, char *out, size_t size) {
    int view = app->active, used = 0;
    if (sscanf(name, "view%d.%n", &view, &used) == 1 && used > 0 && view >= 0 && view < LETHE_VIEWS)
        return view_state(&app->views[view], name + used, out, size);
    if (strncmp(name, "view.", 5) == 0) return view_state(&app->views[app->active], name + 5, out, size);
    if (strncmp(name, "review.", 7) == 0) return lethe_review_state(app, name + 7, out, size);
    if (strncmp(name, "selected", 8) == 0) return selected_state(app, name, out, size);
    if (strncmp(name, "answer.", 7) == 0) {
        int label = lethe_app_label_index(app, name + 7);
        const char *image = "";
        uint32_t frame;
        (void)lethe_view_image(&app->views[app->active], &image, &frame);
        if (label < 0 || !app->labels[label].label || !app->marks) return false;
        (void)snprintf(out, size, "%s", lethe_marks_answered(app->marks, app->labels[label].label, "", image));
        return true;
    }
    lethe_tiles_counts tiles;
    lethe_tiles_count(app->tiles, &tiles);
    const char *undo = app->marks ? lethe_marks_undo_name(app->marks) : NULL, *redo = app->marks ? lethe_marks_redo_name(app->marks) : NULL;
    const char *clipboard = strcmp(name, "clipboard") == 0 ? lethe_window_clipboard(app->window) : NULL;
    const struct {
        const char *name, *value;
    } texts[] = {{"tool", lethe_tool_of(app->tool)->id},
                 {"label", app->label >= 0 ? app->labels[app->label].name : ""},
                 {"case", app->case_id},
                 {"filter", app->case_filter},
                 {"clipboard", clipboard ? clipboard : ""},
                 {"recent.0", app->recent.count > 0 ? app->recent.ids[0] : ""},
                 {"undo", undo ? undo : ""},
                 {"redo", redo ? redo : ""},
                 {"toast", app->toast.until > app->now ? app->toast.text : ""},
                 {"language", app->language == LETHE_FRENCH ? "fr" : "en"},
                 {"renderer", lethe_draw_renderer(app->draw)},
                 {"task-state", app->task ? lethe_task_state_name(app->task_state) : "none"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, name) == 0) {
            (void)snprintf(out, size, "%s", texts[i].value);
            return true;
        }
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"cases", app->cases ? (double)app->cases->count : 0},
                   {"tasks", app->tasks ? (double)app->tasks->count : 0},
                   {"recent", (double)app->recent.count},
                   {"recent-saved", app->recent_saved},
                   {"case-tab", app->case_tab},
                   {"views", app->grid_columns * app->grid_rows},
                   {"active", app->active},
                   {"marks", (double)count_marks(app, false)},
                   {"masks", (double)count_marks(app, true)},
                   {"paint-mib", paint_mib(app)},
                   {"painted", painted_pixels(app, false)},
                   {"painted-all", painted_pixels(app, true)},
                   {"draft", (double)app->draft.count},
                   {"brush-mm", app->brush_mm},
                   {"gl-errors", lethe_draw_errors(app->draw)},
                   {"tiles.decoded", (double)tiles.decoded},
                   {"tiles.dropped", (double)tiles.dropped},
                   {"tiles.failed", (double)tiles.failed},
                   {"start-ms", app->start_ms},
                   {"first-image-ms", app->first_image_ms},
                   {"revisions", app->marks ? (double)lethe_marks_revisions(app->marks) : 0},
                   {"series", app->study ? (double)app->study->series_count : 0},
                   {"states", app->study ? (double)app->study->state_count : 0},
                   {"unsaved", lethe_app_has_unsaved(app)},
                   {"series-damaged", damaged_series(app)},
                   {"slab-mm", app->slab_mm},
                   {"rss-mib", strcmp(name, "rss-mib") == 0 ? resident_mib() : 0},
                   {"linked", app->linked},
                   {"mpr", app->mpr_on},
                   {"compare", app->compare_on},
                   {"prior", app->prior != NULL},
                   {"snap", app->snap},
                   {"growing", app->grow != NULL},
                   {"readers", app->reader_count},
                   {"sheet", app->sheet},
                   {"focus", app->focus},
                   {"pointer", app->keyboard_pointer},
                   {"opacity", app->opacity},
                   {"label-locked", app->label >= 0 && app->labels[app->label].locked},
                   {"label-hidden", app->label >= 0 && app->labels[app->label].hidden},
                   {"reading", app->study && app->study->series[0].job != NULL},
                   {"cut-off", app->study && atomic_load(&app->study->series[0].cut_off)},
                   {"pixel-scale", app->pixel_scale},
                   {"cross-x", app->cross_mm[0]},
                   {"cross-y", app->cross_mm[1]},
                   {"cross-z", app->cross_mm[2]},
                   {"drawn-marks", (double)app->drawn_marks},
                   {"notes", (double)app->note_count}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, name) == 0) {
            number(out, size, numbers[i].value);
            return true;
        }
    return value_state(app, name, out, size);
}
