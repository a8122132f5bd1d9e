#include "viewer/app.h"
#include "viewer/review.h"

#include "core/memory.h"
#include "viewer/cut_off.h"
#include "viewer/slide_background.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    TEXTURE_CACHE_MIB = 512,
    TILE_CACHE_MIB = 512,
    UPLOAD_BUDGET_BYTES = 24 << 20,
    THUMBNAIL_SIDE = 96,
    BACKGROUND_SIDE = 4096,
    DECODE_THREADS = 2
};

/* --- decoding, on the scheduler's threads --- */

static lethe_series *series_of(const lethe_app *app, uint32_t source) {
    for (size_t i = 0; app->study && i < app->study->series_count; i++)
        if (app->study->series[i].source == source) return &app->study->series[i];
    for (size_t i = 0; app->prior && i < app->prior->series_count; i++)
        if (app->prior->series[i].source == source) return &app->prior->series[i];
    return NULL;
}

static lethe_status slide_thumbnail(lethe_slide *slide, lethe_image *out, lethe_error *error) {
    unsigned last = lethe_slide_level_count(slide) - 1;
    const lethe_slide_level *level = lethe_slide_level_at(slide, last);
    if (level->width_px * level->height_px > 64000000) return lethe_fail(error, LETHE_LIMIT, "no small level");
    lethe_image whole = {0};
    lethe_status status = lethe_slide_read_region(slide, last, 0, 0, (uint32_t)level->width_px, (uint32_t)level->height_px, &whole, error);
    if (!status) status = lethe_image_thumbnail(&whole, THUMBNAIL_SIDE * 2, out, error);
    lethe_image_release(&whole);
    return status;
}

/* A slide stays mapped while it is open: once it was cut off, what lies behind the cut reads as zeros, and no tile of it is believed any more. */
static lethe_status read_slide(lethe_app *app, lethe_series *series, const lethe_tile_key *key, lethe_image *out, lethe_error *error) {
    unsigned met = lethe_cut_off_count();
    lethe_status status = LETHE_OK;
    if (atomic_load(&series->cut_off)) status = LETHE_IO;
    else if (key->level == LETHE_TILE_BACKGROUND)
        status = lethe_slide_background(series->slide, BACKGROUND_SIDE, &app->closing, &app->background_done, out, error);
    else if (key->level == LETHE_TILE_THUMBNAIL) status = slide_thumbnail(series->slide, out, error);
    else status = lethe_slide_read_tile(series->slide, key->level, key->column, key->row, out, error);
    if (lethe_cut_off_count() != met) atomic_store(&series->cut_off, true);
    if (!atomic_load(&series->cut_off)) return status;
    lethe_image_release(out);
    return lethe_fail(error, LETHE_IO, "the file was cut off, or cannot be read any more");
}

static lethe_status read_tile(void *context, unsigned thread, const lethe_tile_key *key, lethe_image *out, lethe_error *error) {
    lethe_app *app = context;
    lethe_series *series = series_of(app, key->source);
    if (!series || series->file_count == 0) return lethe_fail(error, LETHE_NOT_FOUND, "the series is closed");
    if (series->slide) return read_slide(app, series, key, out, error);
    lethe_frame_reader *reader = app->readers[thread];
    if (key->level == LETHE_TILE_THUMBNAIL) {
        const lethe_study_file *file = &series->files[series->file_count / 2];
        return lethe_frame_reader_thumbnail(reader, file->path, (uint32_t)(file->frames / 2), THUMBNAIL_SIDE, out, error);
    }
    if (key->column < 0 || (size_t)key->column >= series->frame_count) return lethe_fail(error, LETHE_NOT_FOUND, "no such frame");
    const lethe_study_frame *frame = &series->frames[key->column];
    const char *path = series->files[frame->file].path;
    if (key->level == LETHE_TILE_OVERLAYS) return lethe_frame_reader_overlays(reader, path, frame->frame, out, error);
    return lethe_frame_reader_read(reader, path, frame->frame, out, error);
}

static lethe_status read_managed_tile(void *context, unsigned thread, const lethe_tile_key *key, lethe_image *out, lethe_error *error) {
    const lethe_app *app = context;
    lethe_status status = read_tile(context, thread, key, out, error);
    const lethe_series *series = status || app->raw_colours ? NULL : series_of(app, key->source);
    if (series && series->profile) lethe_colour_profile_apply(series->profile, out);
    return status;
}

static void tile_ready(void *context) {
    (void)context;
    lethe_window_wake();
}

/* --- creation --- */

static const char *get_clipboard(void *window) { return lethe_window_clipboard(window); }
static void set_clipboard(void *window, const char *text) { lethe_window_set_clipboard(window, text); }

static lethe_status load_atlas(lethe_app *app, lethe_error *error) {
    lethe_image atlas = {.samples = 4, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_RGB};
    const uint8_t *rgba = NULL;
    lethe_ui_font_atlas(app->ui, &rgba, &atlas.columns, &atlas.rows);
    atlas.pixels = (uint8_t *)(uintptr_t)rgba; /* only read */
    lethe_texture_drop(app->draw, &app->font);
    lethe_status status = lethe_texture_load(app->draw, &atlas, &app->font, error);
    if (!status) lethe_ui_font_texture(app->ui, app->font.id);
    return status;
}

static lethe_status open_ui(lethe_app *app, lethe_error *error) {
    char normal[512], bold[512];
    const char *folder = app->options.font_folder ? app->options.font_folder : "/usr/share/fonts/truetype/dejavu";
    (void)snprintf(normal, sizeof normal, "%s/DejaVuSans.ttf", folder);
    (void)snprintf(bold, sizeof bold, "%s/DejaVuSans-Bold.ttf", folder);
    lethe_ui_options options = {
        .font_path = normal, .bold_font_path = bold, .font_size_px = app->options.font_size_px > 0 ? app->options.font_size_px : 14};
    lethe_status status = lethe_ui_create(&options, &app->ui, error);
    if (status) return status;
    lethe_ui_clipboard clipboard = {
        .get = app->policy.no_clipboard ? NULL : get_clipboard, .set = app->policy.no_clipboard ? NULL : set_clipboard, .context = app->window};
    lethe_ui_use_clipboard(app->ui, &clipboard);
    return load_atlas(app, error);
}

static lethe_status open_project(lethe_app *app, lethe_error *error) {
    lethe_status status = lethe_project_open(app->options.folder ? app->options.folder : ".", app->options.review, &app->project, error);
    if (!status) status = lethe_view_policy_load(app->project, &app->policy, error);
    if (!status && app->options.screenshot) /* said before anything is shown */
        status = lethe_view_policy_picture(&app->policy, app->project, app->options.review, app->options.screenshot, error);
    if (!status && app->options.review) status = lethe_review_open(app, error);
    if (!status) status = lethe_store_open(app->project, app->review ? NULL : app->options.user, &app->store, error);
    if (!status) status = lethe_recent_load(app->options.state_folder, app->project->folder, lethe_store_user(app->store), &app->recent, error);
    return status;
}

static void take_labels(lethe_app *app) {
    const lethe_schema *schema = lethe_store_schema(app->store);
    app->label_count = 0;
    if (!schema) {
        app->labels[app->label_count++] = (lethe_label_state){.name = "region", .title = "Region", .colour = 0xFFF2C46D};
    } else {
        for (unsigned i = 0; i < schema->labels_count && app->label_count < LETHE_LABELS; i++) {
            const lethe_label *label = &schema->labels[i];
            app->labels[app->label_count++] = (lethe_label_state){.label = label,
                                                                  .name = label->question.name,
                                                                  .title = label->question.title[0] ? label->question.title : label->question.name,
                                                                  .colour = 0xFF000000u | label->colour_rgb};
        }
    }
    app->label = -1;
    for (int i = 0; i < app->label_count && app->label < 0; i++)
        if (!app->labels[i].label || app->labels[i].label->level == LETHE_LEVEL_REGION) app->label = i;
}

lethe_status lethe_app_create(const lethe_app_options *options, lethe_app **out, lethe_error *error) {
    *out = NULL;
    lethe_app *app = lethe_alloc_array(1, sizeof *app);
    if (!app) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    app->options = *options;
    app->language = options->language && strcmp(options->language, "fr") == 0 ? LETHE_FRENCH : LETHE_ENGLISH;
    app->brush_mm = 6;
    app->other_brush_mm = 0.2;
    app->opacity = 0.4;
    app->grow_tolerance = 15;
    app->threshold_high = 200;
    app->show_overlays = app->show_marks = app->show_text = app->show_left = app->show_right = app->linked = app->show_reference =
        app->show_crosshair = true;
    app->grid_columns = app->grid_rows = 1;
    app->maximised = -1;
    lethe_cut_off_install();
    lethe_status status = open_project(app, error);
    lethe_window_options window = {
        .width = options->width, .height = options->height, .no_vsync = options->script || options->bench, .scale = options->scale};
    if (!status) status = lethe_window_open(&window, &app->window, error);
    if (!status) status = lethe_draw_create(&app->draw, error);
    if (!status) status = open_ui(app, error);
    for (int i = 0; i < DECODE_THREADS && !status; i++) {
        app->readers[i] = lethe_frame_reader_create();
        if (!app->readers[i]) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        else if (app->review) lethe_frame_reader_decode_outside(app->readers[i], lethe_review_decoder_frames(app->review->decoder));
    }
    lethe_tiles_options tiles = {
        .threads = DECODE_THREADS, .cache_bytes = (size_t)TILE_CACHE_MIB << 20, .read = read_managed_tile, .context = app, .ready = tile_ready};
    if (!status) status = lethe_tiles_create(&tiles, &app->tiles, error);
    if (!status && !(app->textures = lethe_texture_cache_create(app->draw, (size_t)TEXTURE_CACHE_MIB << 20)))
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) take_labels(app);
    if (!status) status = lethe_app_refresh_lists(app, error);
    if (!status && options->script) status = lethe_script_open(app, options->script, error);
    if (status) {
        lethe_app_destroy(app);
        return status;
    }
    app->tool = LETHE_TOOL_WINDOW;
    app->case_tab = app->tasks->count > 0 ? 0 : 1;
    *out = app;
    return LETHE_OK;
}

void lethe_app_destroy(lethe_app *app) {
    if (!app) return;
    lethe_app_close_case(app);
    lethe_script_close(app->script);
    lethe_tiles_destroy(app->tiles);
    for (int i = 0; i < DECODE_THREADS; i++) lethe_frame_reader_destroy(app->readers[i]);
    lethe_review_close(app->review); /* its decoder was asked by the tiles */
    lethe_texture_cache_destroy(app->textures);
    for (int i = 0; i < 256 && app->draw; i++) lethe_texture_drop(app->draw, &app->solid_labels[i]);
    if (app->draw) lethe_texture_drop(app->draw, &app->font);
    lethe_free(app->dot_cells);
    lethe_ui_destroy(app->ui);
    lethe_draw_destroy(app->draw);
    lethe_window_close(app->window);
    lethe_cases_destroy(app->cases);
    lethe_tasks_destroy(app->tasks);
    lethe_recent_release(&app->recent);
    lethe_store_close(app->store);
    lethe_project_close(app->project);
    lethe_free(app);
}

/* --- messages --- */

void lethe_app_say(lethe_app *app, uint32_t colour, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(app->toast.text, sizeof app->toast.text, format, arguments);
    va_end(arguments);
    app->toast.colour = colour;
    app->toast.until = app->now + 3.5;
}

bool lethe_app_failed(lethe_app *app, lethe_status status, const lethe_error *error) {
    if (status == LETHE_OK) return false;
    lethe_app_say(app, LETHE_COLOUR_DANGER, "%s", error->message[0] ? error->message : lethe_status_name(status));
    return true;
}

/* --- the loop --- */

bool lethe_app_idle(const lethe_app *app) { return app->idle_frames >= 2; }

static bool everything_shown(const lethe_app *app) {
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++)
        if (app->views[i].kind != LETHE_VIEW_EMPTY && app->views[i].rect.width > 0 && !app->views[i].shown) return false;
    return true;
}

static void advance_cine(lethe_app *app) {
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++) {
        lethe_view *view = &app->views[i];
        if (!view->playing || view->kind != LETHE_VIEW_STACK || view->series->frame_count < 2 || app->now < view->next_frame_at) continue;
        double period = view->series->frame_ms > 0 ? view->series->frame_ms / 1000 : 0.1;
        /* The recorded rate is kept: where drawing cannot follow, frames are left out. */
        double due = fmin(floor((app->now - view->next_frame_at) / period) + 1, 1e9);
        view->next_frame_at += due * period;
        lethe_view_goto(app, i, (view->index + (size_t)due) % view->series->frame_count);
    }
}

static void draw_frame(lethe_app *app) {
    lethe_tiles_begin(app->tiles);
    lethe_texture_cache_begin(app->textures, UPLOAD_BUDGET_BYTES);
    lethe_app_layout(app);
    lethe_draw_begin(app->draw, app->width, app->height, app->pixel_scale, LETHE_COLOUR_CANVAS & 0xFFFFFF);
    lethe_app_draw_views(app);
    lethe_app_draw_overlays(app);
    lethe_panels(app);
    lethe_tiles_commit(app->tiles);
    lethe_ui_output output;
    lethe_ui_end(app->ui, &output);
    lethe_draw_ui(app->draw, &output);
    app->frames_drawn++;
    if (app->frames_drawn == 1 && app->options.started > 0) {
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        app->start_ms = ((double)now.tv_sec + (double)now.tv_nsec / 1e9 - app->options.started) * 1000;
    }
    bool waiting = lethe_texture_cache_pending(app->textures) || !everything_shown(app) ||
                   (app->mpr && lethe_mpr_progress(app->mpr) < 1 && !lethe_mpr_failed(app->mpr, NULL)) || app->grow;
    app->idle_frames = waiting ? 0 : app->idle_frames + 1;
    if (!waiting && app->study && !(app->first_image_ms > 0)) app->first_image_ms = (lethe_window_seconds() - app->opened_at) * 1000;
}

lethe_status lethe_app_turn(lethe_app *app, double seconds, const lethe_event *extra, unsigned extra_count, lethe_error *error) {
    lethe_event events[64];
    unsigned count = lethe_window_events(app->window, seconds, events, 1);
    app->now = app->clock_held ? app->clock : lethe_window_seconds();
    if (app->pending_case[0]) {
        lethe_error failure = {0};
        (void)lethe_app_failed(app, lethe_app_open_case(app, app->pending_case, &failure), &failure);
        app->pending_case[0] = '\0';
        app->idle_frames = 0;
    }
    int pixel_width, pixel_height;
    lethe_window_size(app->window, &app->width, &app->height);
    lethe_window_pixels(app->window, &pixel_width, &pixel_height);
    app->pixel_scale = app->width > 0 ? (double)pixel_width / app->width : 1;
    /* Another monitor, another scale. */
    if (app->width > 0 && lethe_ui_scale(app->ui, app->pixel_scale)) {
        lethe_status status = load_atlas(app, error);
        if (status) return status;
    }
    if (app->options.script) count = 0; /* a script is alone with its window */
    if (extra_count > 0) {
        count = extra_count < 64 ? extra_count : 64;
        memcpy(events, extra, count * sizeof *events);
    }
    for (unsigned i = 0; i < count; i++) lethe_ui_event(app->ui, &events[i]);
    lethe_ui_begin(app->ui, app->width, app->height, app->pixel_scale, app->now);
    for (unsigned i = 0; i < count; i++) {
        if (events[i].kind == LETHE_EVENT_CLOSE) lethe_app_leave(app);
        else lethe_app_event(app, &events[i]);
        app->idle_frames = 0;
    }
    advance_cine(app);
    bool reading = lethe_app_reading_headers(app, false);
    lethe_grow_poll(app);
    lethe_app_compare_follow(app);
    draw_frame(app);
    if (reading) app->idle_frames = 0;
    return LETHE_OK;
}

lethe_status lethe_app_screenshot(lethe_app *app, const char *path, lethe_error *error) {
    lethe_image image = {0};
    lethe_status status = lethe_view_policy_picture(&app->policy, app->project, app->review != NULL, path, error);
    if (!status) status = lethe_draw_read(app->draw, &image, error);
    if (!status) status = lethe_png_write(path, &image, error);
    lethe_image_release(&image);
    return status;
}

static bool moving(const lethe_app *app) {
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++)
        if (app->views[i].playing) return true;
    return app->drag.active;
}

lethe_status lethe_app_run(lethe_app *app, lethe_error *error) {
    lethe_status status = LETHE_OK;
    if (app->review) status = lethe_review_goto(app, 0, error);
    else if (app->options.case_id) status = lethe_app_open_case(app, app->options.case_id, error);
    while (!status && !app->quit) {
        lethe_event events[64];
        unsigned count = 0;
        if (app->script) status = lethe_script_step(app, events, 64, &count, error);
        if (status) break;
        double wait = app->script                   ? (count > 0 ? 0 : 0.002)
                      : moving(app)                 ? 0.004
                      : app->idle_frames < 3        ? 0.008
                      : app->toast.until > app->now ? 0.25
                                                    : 1.0;
        status = lethe_app_turn(app, wait, events, count, error);
        if (app->options.screenshot && !app->script && !status && lethe_app_idle(app) && app->frames_drawn > 4) {
            status = lethe_app_screenshot(app, app->options.screenshot, error);
            app->quit = true;
        }
        lethe_window_swap(app->window);
    }
    if (!status && app->script && app->options.screenshot) status = lethe_app_screenshot(app, app->options.screenshot, error);
    if (!status && lethe_draw_errors(app->draw) > 0) status = lethe_fail(error, LETHE_INTERNAL, "%u OpenGL errors", lethe_draw_errors(app->draw));
    return status;
}
