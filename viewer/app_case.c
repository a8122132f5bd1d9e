/* Opening, hanging and closing cases; the work list. */
#include "viewer/app.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

lethe_status lethe_app_refresh_lists(lethe_app *app, lethe_error *error) {
    lethe_cases *cases = NULL;
    lethe_tasks *tasks = NULL;
    lethe_status status = lethe_store_cases(app->store, &cases, error);
    lethe_task_filter filter = {.reader = lethe_store_user(app->store)};
    if (!status) status = lethe_store_tasks(app->store, &filter, &tasks, error);
    if (status) {
        lethe_cases_destroy(cases);
        return status;
    }
    lethe_cases_destroy(app->cases);
    lethe_tasks_destroy(app->tasks);
    app->cases = cases;
    app->tasks = tasks;
    return LETHE_OK;
}

static void clear_view(lethe_app *app, lethe_view *view) {
    lethe_texture_drop(app->draw, &view->plane_texture);
    lethe_texture_drop(app->draw, &view->table_texture);
    lethe_view_release_state(app, view);
    lethe_free(view->cut_values);
    *view = (lethe_view){0};
}

void lethe_app_close_case(lethe_app *app) {
    if (!app->study) return;
    if (!app->review) (void)lethe_app_keep_work(app); /* at the end of the program: the last attempt */
    app->unsaved_paint = app->leaving_unsaved = false;
    lethe_app_drop_prior(app);
    lethe_tool_cancel(app);
    lethe_app_clear_notes(app);
    for (int i = 0; i < LETHE_VIEWS; i++) clear_view(app, &app->views[i]);
    lethe_grow_cancel(app);
    lethe_mpr_destroy(app->mpr);
    app->mpr = NULL;
    app->mpr_on = app->has_cross = app->compare_on = false;
    for (int i = 0; i < LETHE_VIEWS; i++) {
        lethe_texture_drop(app->draw, &app->paint_textures[i].texture);
        app->paint_textures[i] = (lethe_paint_texture){0};
    }
    for (size_t i = 0; i < app->thumbnail_count; i++) lethe_texture_drop(app->draw, &app->thumbnails[i].texture);
    lethe_free(app->thumbnails);
    app->thumbnails = NULL;
    app->thumbnail_count = 0;
    atomic_store(&app->closing, true);
    for (size_t i = 0; i < app->study->series_count; i++) {
        lethe_tiles_forget(app->tiles, app->study->series[i].source);
        lethe_texture_cache_forget(app->textures, app->study->series[i].source);
    }
    atomic_store(&app->closing, false);
    lethe_marks_close(app->marks);
    app->marks = NULL;
    lethe_study_close(app->study);
    app->study = NULL;
    app->selected = 0;
    app->task = 0;
    app->case_id[0] = '\0';
}

static void find_task(lethe_app *app) {
    app->task = 0;
    for (size_t i = 0; app->tasks && i < app->tasks->count; i++) {
        const lethe_task *task = &app->tasks->items[i];
        if (strcmp(task->case_id, app->case_id) != 0) continue;
        app->task = task->id;
        app->task_state = task->state;
        if (task->state != LETHE_TASK_SUBMITTED) break;
    }
}

lethe_status lethe_app_open_case(lethe_app *app, const char *case_id, lethe_error *error) {
    char wanted[512];
    (void)snprintf(wanted, sizeof wanted, "%s", case_id); /* may point into a list that is about to go */
    lethe_study *study = NULL;
    double started = lethe_window_seconds();
    lethe_status status = lethe_study_open(lethe_store_catalogue(app->store), app->project->released_path, wanted, &app->next_source, &study, error);
    if (!status && app->study && !lethe_app_keep_work(app)) {
        lethe_study_close(study);
        return lethe_fail(error, LETHE_IO, "%s", app->toast.text);
    }
    if (status) return status;
    lethe_app_close_case(app);
    app->study = study;
    app->opened_at = started;
    app->first_image_ms = 0;
    (void)snprintf(app->case_id, sizeof app->case_id, "%s", wanted);
    find_task(app);
    if (app->task && app->task_state == LETHE_TASK_OPEN &&
        lethe_store_set_task_state(app->store, app->task, LETHE_TASK_STARTED, NULL, NULL) == LETHE_OK) {
        app->task_state = LETHE_TASK_STARTED;
        status = lethe_app_refresh_lists(app, error);
    }
    if (!status)
        status = lethe_marks_open(app->store, study->study_uid, study->is_slide ? study->series[0].files[0].image_key : NULL, app->task, &app->marks,
                                  error);
    app->thumbnails = lethe_alloc_array(study->series_count, sizeof *app->thumbnails);
    app->thumbnail_count = app->thumbnails ? study->series_count : 0;
    for (size_t i = 0; i < app->thumbnail_count; i++) app->thumbnails[i].source = study->series[i].source;
    if (study->is_slide && !status) status = lethe_series_load(&study->series[0], error);
    if (study->series[0].slide && app->thumbnail_count > 0) { /* one huge level: the background serves as thumbnail */
        const lethe_slide_level *coarsest = lethe_slide_level_at(study->series[0].slide, lethe_slide_level_count(study->series[0].slide) - 1);
        app->thumbnails[0].failed = coarsest->width_px * coarsest->height_px > 64000000;
    }
    if (status) {
        lethe_app_close_case(app);
        return status;
    }
    if (study->is_slide != app->slide_brush) {
        double swap = app->brush_mm;
        app->brush_mm = app->other_brush_mm;
        app->other_brush_mm = swap;
        app->slide_brush = study->is_slide;
    }
    app->recent_saved = lethe_recent_add(&app->recent, wanted, NULL) == LETHE_OK; /* a convenience: no reason to disturb a reader */
    app->active_since = app->now;
    lethe_app_hang(app, LETHE_HANGING_AUTO);
    lethe_app_find_readers(app);
    if (app->task && app->reader_count > 1 && lethe_store_role(app->store) == LETHE_ROLE_ADJUDICATOR) lethe_app_toggle_compare(app);
    if (app->tool == LETHE_TOOL_WINDOW && study->is_slide) lethe_app_choose_tool(app, LETHE_TOOL_PAN);
    else if (app->tool == LETHE_TOOL_PAN && !study->is_slide) lethe_app_choose_tool(app, LETHE_TOOL_WINDOW);
    return LETHE_OK;
}

void lethe_app_open_later(lethe_app *app, const char *case_id) { (void)snprintf(app->pending_case, sizeof app->pending_case, "%s", case_id); }

static void wake(void *context) {
    (void)context;
    lethe_window_wake();
}

/* The frame at which a stack opens: the middle; of several b-values that of the last stack, which is the highest one and shows most. */
static size_t opening_frame(const lethe_series *series) {
    size_t first, count;
    lethe_series_stack(series, lethe_series_role_of(series) == LETHE_SERIES_DWI ? series->frame_count - 1 : 0, &first, &count);
    return series->multi_frame && series->frame_ms > 0 ? 0 : first + count / 2;
}

/* What is on the screen stays there, and gets its place among the others. */
static void take_headers(lethe_app *app, lethe_series *series) {
    char images[LETHE_VIEWS][512] = {{0}};
    uint32_t frames[LETHE_VIEWS] = {0};
    for (int v = 0; v < LETHE_VIEWS; v++) {
        const char *image;
        if (app->views[v].series == series && lethe_view_image(&app->views[v], &image, &frames[v]))
            (void)snprintf(images[v], sizeof images[v], "%s", image);
    }
    lethe_tiles_forget(app->tiles, series->source);
    lethe_texture_cache_forget(app->textures, series->source);
    lethe_error error = {0};
    (void)lethe_app_failed(app, lethe_series_finish(series, &error), &error);
    for (int v = 0; v < LETHE_VIEWS; v++) {
        lethe_view *view = &app->views[v];
        if (view->series != series || view->kind != LETHE_VIEW_STACK || series->frame_count == 0) continue;
        view->table_shown = NULL; /* these were of the first header */
        view->shutter_shown = NULL;
        view->index = opening_frame(series);
        for (size_t i = 0; i < series->frame_count && (series->stacks <= 1 || app->draft.count > 0 || app->drag.active); i++)
            if (series->frames[i].frame == frames[v] && strcmp(series->files[series->frames[i].file].image_key, images[v]) == 0) view->index = i;
        view->last_good = view->index;
    }
    if (app->linked) lethe_app_sync_from(app, 0);
    app->idle_frames = 0;
}

static bool take_study_headers(lethe_app *app, lethe_study *study, bool wait) {
    bool reading = false;
    for (size_t i = 0; study && i < study->series_count; i++) {
        if (!study->series[i].job) continue;
        if (wait || lethe_series_ready(&study->series[i])) take_headers(app, &study->series[i]);
        else reading = true;
    }
    return reading;
}

bool lethe_app_reading_headers(lethe_app *app, bool wait) {
    bool current = take_study_headers(app, app->study, wait), prior = take_study_headers(app, app->prior, wait);
    return current || prior;
}

void lethe_app_show(lethe_app *app, int number, lethe_series *series) {
    lethe_view *view = &app->views[number];
    lethe_error error = {0};
    if (series && app->unsaved && !lethe_app_save_again(app)) return;
    lethe_rect rect = view->rect;
    clear_view(app, view);
    view->rect = rect;
    if (!series || lethe_app_failed(app, lethe_series_load_soon(series, wake, &error), &error)) return;
    view->series = series;
    view->linear = true;
    if (series->is_slide) {
        if (series->slide) view->kind = LETHE_VIEW_SLIDE;
    } else if (series->frame_count > 0) {
        view->kind = LETHE_VIEW_STACK;
        view->index = opening_frame(series);
        view->last_good = view->index;
    }
    if (series->failure[0] && view->kind == LETHE_VIEW_EMPTY) lethe_app_say(app, LETHE_COLOUR_DANGER, "%s", series->failure);
}

void lethe_app_hang_cell(lethe_app *app, int number, lethe_series *series, bool chest_right) {
    lethe_app_show(app, number, series);
    lethe_view *view = &app->views[number];
    view->mammogram = strcmp(series->modality, "MG") == 0;
    view->chest_right = chest_right;
    /* The header of the file may know the side that the catalogue does not. */
    view->camera.flip_x = view->mammogram && series->laterality[0] && series->chest_wall_right != chest_right;
}

void lethe_app_hang(lethe_app *app, lethe_hanging_kind kind) {
    if (!app->study) return;
    if (app->unsaved && !lethe_app_save_again(app)) return; /* the draft belongs to what is shown */
    lethe_app_drop_prior(app);
    lethe_tool_cancel(app);
    app->mpr_on = app->compare_on = false;
    lethe_hanging h;
    for (size_t i = 0; i < app->study->series_count; i++) lethe_series_peek(&app->study->series[i]);
    lethe_hang(app->study, kind, &h);
    for (int i = 0; i < LETHE_VIEWS; i++) clear_view(app, &app->views[i]);
    app->grid_columns = h.columns;
    app->grid_rows = h.rows;
    app->hanging = h.kind;
    app->active = 0;
    app->maximised = -1;
    for (int i = 0; i < h.columns * h.rows; i++) {
        if (h.series[i] < 0) continue;
        lethe_app_hang_cell(app, i, &app->study->series[h.series[i]], h.chest_right[i]);
    }
    if (app->linked) lethe_app_sync_from(app, 0);
}

/* --- the work list --- */

static int case_index(const lethe_app *app) {
    for (size_t i = 0; app->cases && i < app->cases->count; i++)
        if (strcmp(app->cases->items[i].id, app->case_id) == 0) return (int)i;
    return -1;
}

static const char *next_task(const lethe_app *app, int direction) {
    size_t count = app->tasks ? app->tasks->count : 0, at = direction > 0 ? count - 1 : 0;
    for (size_t i = 0; i < count; i++)
        if (app->tasks->items[i].id == app->task) at = i;
    for (size_t n = 1; n <= count; n++) {
        size_t i = direction > 0 ? (at + n) % count : (at + count - n) % count;
        const lethe_task *task = &app->tasks->items[i];
        if (task->state != LETHE_TASK_SUBMITTED && task->state != LETHE_TASK_SKIPPED && task->id != app->task) return task->case_id;
    }
    return NULL;
}

void lethe_app_step_case(lethe_app *app, int direction) {
    const char *id = NULL;
    if (app->case_tab == 0 && app->tasks && app->tasks->count > 0) {
        id = next_task(app, direction);
        if (!id) {
            lethe_app_say(app, LETHE_COLOUR_GOOD, "%s", T("No task is left. Thank you."));
            return;
        }
    } else if (app->cases && app->cases->count > 0) {
        int count = (int)app->cases->count, at = case_index(app);
        id = app->cases->items[at < 0 ? 0 : (at + direction + count) % count].id;
    }
    if (id) lethe_app_open_later(app, id);
}

static bool set_state(lethe_app *app, lethe_task_state state, const char *note) {
    lethe_error error = {0};
    if (!app->task) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("This case is no task of yours: nothing to hand in."));
        return false;
    }
    if (!lethe_app_keep_work(app)) return false;
    lethe_tool_cancel(app);
    if (lethe_app_failed(app, lethe_store_set_task_state(app->store, app->task, state, note, &error), &error)) return false;
    app->task_state = state;
    return !lethe_app_failed(app, lethe_app_refresh_lists(app, &error), &error);
}

void lethe_app_submit(lethe_app *app) {
    if (!set_state(app, LETHE_TASK_SUBMITTED, NULL)) return;
    lethe_app_say(app, LETHE_COLOUR_GOOD, "%s", T("Submitted."));
    const char *id = next_task(app, 1);
    if (id) lethe_app_open_later(app, id);
}

void lethe_app_skip(lethe_app *app, const char *reason) {
    if (reason[0] == '\0' || !set_state(app, LETHE_TASK_SKIPPED, reason)) return;
    const char *id = next_task(app, 1);
    if (id) lethe_app_open_later(app, id);
}

/* Decoded colours depend on the switch: read them again. */
void lethe_app_toggle_colours(lethe_app *app) {
    for (size_t i = 0; app->study && i < app->study->series_count; i++) {
        if (!app->study->series[i].profile) continue;
        lethe_tiles_forget(app->tiles, app->study->series[i].source);
        lethe_texture_cache_forget(app->textures, app->study->series[i].source);
    }
    app->raw_colours = !app->raw_colours;
    lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s", app->raw_colours ? T("Colours as stored") : T("Colours by the ICC profile"));
}

/* --- multi-planar reconstruction --- */

void lethe_app_toggle_mpr(lethe_app *app) {
    (void)lethe_app_reading_headers(app, true);
    lethe_view *view = &app->views[app->active];
    if (app->mpr_on) {
        lethe_app_hang(app, app->hanging);
        return;
    }
    if (!view->series || view->kind != LETHE_VIEW_STACK) return;
    lethe_series *series = view->series;
    size_t first, count;
    lethe_series_stack(series, view->index, &first, &count);
    if (count < 2) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Planes need a series of two slices or more."));
        return;
    }
    if (!app->mpr || lethe_mpr_series(app->mpr) != series || lethe_mpr_first(app->mpr) != first) {
        lethe_error error = {0};
        lethe_grow_cancel(app);
        lethe_mpr_destroy(app->mpr);
        app->mpr = NULL;
        if (lethe_app_failed(app, lethe_mpr_start(series, first, count, wake, &app->mpr, &error), &error)) return;
    }
    lethe_view keep = *view;
    keep.table_texture = keep.shutter_texture = (lethe_texture){0}; /* these go with the view below */
    keep.state = NULL;
    keep.state_table = (lethe_display_table){0};
    keep.shutter_shown = NULL;
    view->plane_texture = (lethe_texture){0};
    view->cut_values = NULL;
    for (int i = 0; i < LETHE_VIEWS; i++) clear_view(app, &app->views[i]);
    app->grid_columns = app->grid_rows = 2;
    app->maximised = -1;
    app->active = 0;
    app->views[0] = keep;
    app->views[0].framed = false;
    for (int i = 1; i < 4; i++)
        app->views[i] = (lethe_view){.kind = LETHE_VIEW_PLANE,
                                     .series = series,
                                     .linear = true,
                                     .plane = (lethe_view_plane)(i - 1),
                                     .centre = keep.centre,
                                     .width = keep.width,
                                     .has_window = keep.has_window,
                                     .user_window = keep.user_window,
                                     .voi = keep.voi};
    app->has_cross = false;
    app->mpr_on = true;
}
