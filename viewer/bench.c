/* Frame times over a path through the open case. */
#include "viewer/app.h"

#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { FRAMES_MAXIMUM = 4000 };

typedef struct times {
    double ms[FRAMES_MAXIMUM];
    unsigned count, blank; /* frames in which the wanted picture was not there yet */
    double seconds, cpu_seconds;
} times;

static double cpu_now(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

static lethe_status turn(lethe_app *app, times *t, const lethe_event *event, lethe_error *error) {
    double before = lethe_window_seconds();
    lethe_status status = lethe_app_turn(app, 0, event, event ? 1 : 0, error);
    lethe_draw_finish(app->draw);
    lethe_window_swap(app->window);
    double ms = (lethe_window_seconds() - before) * 1000;
    if (t->count < FRAMES_MAXIMUM) t->ms[t->count++] = ms;
    t->seconds += ms / 1000;
    if (app->idle_frames == 0 && !app->views[app->active].shown) t->blank++;
    return status;
}

static void report(const char *what, times *t) {
    qsort(t->ms, t->count, sizeof *t->ms, by_size);
    if (t->count == 0) return;
    (void)printf("%-28s %6u frames  %6.1f /s  p50 %6.2f ms  p95 %6.2f ms  p99 %6.2f ms  worst %6.2f ms  cpu %5.2f ms/frame  late %u\n", what,
                 t->count, t->count / t->seconds, t->ms[t->count / 2], t->ms[t->count * 95 / 100], t->ms[t->count * 99 / 100], t->ms[t->count - 1],
                 t->cpu_seconds * 1000 / t->count, t->blank);
}

static lethe_status settle(lethe_app *app, lethe_error *error) {
    lethe_status status = LETHE_OK;
    double limit = lethe_window_seconds() + 60;
    app->idle_frames = 0;
    while (!status && !lethe_app_idle(app) && lethe_window_seconds() < limit) {
        status = lethe_app_turn(app, 0.002, NULL, 0, error);
        lethe_window_swap(app->window);
    }
    return status;
}

static lethe_status scroll(lethe_app *app, times *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_view *view = &app->views[app->active];
    for (int i = 0; i < 600 && !status; i++) {
        lethe_view_goto(app, app->active, (size_t)i % view->series->frame_count);
        status = turn(app, t, NULL, error);
    }
    return status;
}

static lethe_status pan(lethe_app *app, times *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_view *view = &app->views[app->active];
    for (int i = 0; i < 600 && !status; i++) {
        if (i % 150 == 0 && i > 0)
            lethe_camera_zoom_at(&view->camera, (lethe_point){view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2},
                                 i % 300 ? 4 : 0.25);
        lethe_camera_pan(&view->camera, 12 * cos(i * 0.021), 12 * sin(i * 0.033));
        status = turn(app, t, NULL, error);
    }
    return status;
}

static lethe_status zoom(lethe_app *app, times *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_view *view = &app->views[app->active];
    lethe_point middle = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
    for (int i = 0; i < 240 && !status; i++) {
        lethe_camera_zoom_at(&view->camera, middle, i % 120 < 60 ? 1.04 : 1 / 1.04);
        status = turn(app, t, NULL, error);
    }
    return status;
}

/* Strokes as a hand makes them; the times hold drawing and, at each end of a stroke, writing to the store. */
static lethe_status brush(lethe_app *app, times *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_view *view = &app->views[app->active];
    lethe_point m = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
    double r = fmin(view->rect.width, view->rect.height) / 4;
    lethe_app_choose_tool(app, LETHE_TOOL_BRUSH);
    for (int i = 0; i < 240 && !status; i++) {
        lethe_event event = {.kind = LETHE_EVENT_MOVE, .x = m.x + r * cos(i * 0.1), .y = m.y + r * sin(i * 0.17)};
        if (i % 60 == 0 || i % 60 == 59) {
            event.kind = LETHE_EVENT_BUTTON;
            event.down = i % 60 == 0;
        }
        status = turn(app, t, &event, error);
    }
    for (int i = 0; i < 4 && !status; i++) lethe_app_undo(app, false); /* leave the project as it was */
    return status;
}

static bool is_polygon(const lethe_mark *mark) {
    return mark->mine && mark->level == LETHE_LEVEL_REGION && mark->shape.kind == LETHE_SHAPE_POLYGON && mark->shape.point_count > 2;
}

/* Go to an object somewhere, click it, and drag one of its corners when asked: with all others in sight. */
static lethe_status touch_objects(lethe_app *app, times *t, bool edit, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_view *view = &app->views[app->active];
    size_t count = lethe_marks_count(app->marks);
    unsigned steps = 0;
    lethe_app_choose_tool(app, LETHE_TOOL_SELECT);
    for (size_t i = 0; i < 20 && !status; i++) {
        const lethe_mark *mark = lethe_marks_at(app->marks, i * (count - 1) / 20);
        if (!is_polygon(mark)) continue;
        lethe_point corner = mark->shape.points[0];
        view->camera.centre = corner;
        status = settle(app, error);
        lethe_event event = {.kind = LETHE_EVENT_MOVE};
        lethe_point at = lethe_camera_to_screen(&view->camera, corner);
        for (int n = 0; n < (edit ? 10 : 4) && !status; n++) {
            event = (lethe_event){.kind = n == 0 || (edit && n < 8 && n > 2) ? LETHE_EVENT_MOVE : LETHE_EVENT_BUTTON, .x = at.x, .y = at.y};
            event.down = n == 1 || n == 2;
            if (n == 2) event.kind = LETHE_EVENT_MOVE; /* between press and moves */
            if (edit && n > 2) event.x += fmin(n - 2, 5);
            status = turn(app, t, &event, error);
        }
        steps += lethe_marks_undo_name(app->marks) != NULL;
    }
    for (; edit && steps > 0 && !status; steps--) /* leave the project as it was */
        if (lethe_marks_undo_name(app->marks)) lethe_app_undo(app, false);
    return status;
}
static lethe_status select_objects(lethe_app *app, times *t, lethe_error *error) { return touch_objects(app, t, false, error); }
static lethe_status edit_objects(lethe_app *app, times *t, lethe_error *error) { return touch_objects(app, t, true, error); }

/* From a jump to a place that was not on the screen before until the last tile of it is: the pixels of the file are in the system's memory, nothing
 * of them is decoded. */
static lethe_status new_fields(lethe_app *app, times *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_view *view = &app->views[app->active];
    lethe_point middle = {view->rect.x + view->rect.width / 2, view->rect.y + view->rect.height / 2};
    lethe_camera_zoom_at(&view->camera, middle, 1 / view->camera.scale / app->pixel_scale);
    for (int pass = 0; pass < 2 && !status; pass++) /* the first brings the file into memory */
        for (int i = 0; i < 40 && !status; i++) {
            if (pass == 1 && i == 0) {
                lethe_tiles_forget(app->tiles, view->series->source);
                lethe_texture_cache_forget(app->textures, view->series->source);
            }
            view->camera.centre =
                (lethe_point){view->camera.image_width * ((i * 37 % 40) + 0.5) / 40, view->camera.image_height * ((i * 23 % 40) + 0.5) / 40};
            double before = lethe_window_seconds();
            do {
                status = lethe_app_turn(app, 0.001, NULL, 0, error);
                lethe_draw_finish(app->draw);
                lethe_window_swap(app->window);
            } while (!status && !view->shown && lethe_window_seconds() - before < 20);
            if (pass == 1) t->ms[t->count++] = (lethe_window_seconds() - before) * 1000;
            t->seconds += pass == 1 ? lethe_window_seconds() - before : 0;
        }
    return status;
}

/* As if its row in the list were clicked. */
static lethe_status click_again(lethe_app *app, times *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    char id[sizeof app->case_id];
    (void)snprintf(id, sizeof id, "%s", app->case_id);
    for (int i = 0; i < 7 && !status; i++) {
        lethe_app_close_case(app);
        status = lethe_app_turn(app, 0, NULL, 0, error);
        lethe_app_open_later(app, id);
        for (double limit = lethe_window_seconds() + 60; !status && !(app->study && app->first_image_ms > 0) && lethe_window_seconds() < limit;) {
            status = lethe_app_turn(app, 0.001, NULL, 0, error);
            lethe_draw_finish(app->draw);
            lethe_window_swap(app->window);
        }
        t->ms[t->count++] = app->first_image_ms;
        t->seconds += app->first_image_ms / 1000;
    }
    return status;
}

lethe_status lethe_bench_run(lethe_app *app, lethe_error *error) {
    lethe_status status = LETHE_OK;
    times *t = lethe_alloc_array(1, sizeof *t);
    if (!t) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (int i = 0; i < 3 && !status; i++) status = lethe_app_turn(app, 0, NULL, 0, error);
    if (!status && app->options.case_id) status = lethe_app_open_case(app, app->options.case_id, error);
    else if (!status && app->cases->count > 0) status = lethe_app_open_case(app, app->cases->items[0].id, error);
    if (!status && !app->study) status = lethe_fail(error, LETHE_NOT_FOUND, "no case to measure");
    if (!status) status = settle(app, error);
    if (status) goto out;
    lethe_view *view = &app->views[app->active];
    (void)printf(
        "renderer                     %s, %d x %d\nstart                        %.0f ms to the first frame\nfirst image                  %.0f ms\n",
        lethe_draw_renderer(app->draw), app->width, app->height, app->start_ms, app->first_image_ms);
    if (lethe_marks_count(app->marks) > 1000) (void)printf("annotations                  %zu\n", lethe_marks_count(app->marks));
    static const struct {
        const char *name;
        lethe_status (*run)(lethe_app *, times *, lethe_error *);
        bool stack, slide, objects; /* objects: only where there are thousands */
    } parts[] = {{"stack scroll", scroll, true, false, false},
                 {"pan", pan, true, true, false},
                 {"zoom", zoom, true, true, false},
                 {"new field of view, complete", new_fields, false, true, false},
                 {"brush", brush, true, true, false},
                 {"select an object", select_objects, false, true, true},
                 {"edit an object", edit_objects, false, true, true},
                 {"first image after a click", click_again, true, true, false}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !status; i++) {
        if (parts[i].objects && lethe_marks_count(app->marks) <= 1000) continue;
        if (view->kind == LETHE_VIEW_SLIDE ? !parts[i].slide : !parts[i].stack) continue;
        lethe_tiles_counts before, after;
        lethe_tiles_count(app->tiles, &before);
        *t = (times){0};
        double cpu = cpu_now();
        status = parts[i].run(app, t, error);
        t->cpu_seconds = cpu_now() - cpu;
        lethe_tiles_count(app->tiles, &after);
        report(parts[i].name, t);
        if (after.decoded > before.decoded)
            (void)printf("%-28s %6.0f pictures decoded /s, %llu dropped\n", "", (double)(after.decoded - before.decoded) / t->seconds,
                         (unsigned long long)(after.dropped - before.dropped));
        if (!status) status = settle(app, error);
    }
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    lethe_tiles_counts counts;
    lethe_tiles_count(app->tiles, &counts);
    (void)printf("memory                       %ld MiB at most, %zu MiB decoded, %zu MiB textures\nGL errors                    %u\n",
                 usage.ru_maxrss / 1024, counts.cache_bytes >> 20, lethe_draw_texture_bytes(app->draw) >> 20, lethe_draw_errors(app->draw));
out:
    lethe_free(t);
    return status;
}
