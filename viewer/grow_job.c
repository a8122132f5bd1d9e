/* Region growing in 3-D beside the screen: the volume is read, then searched, by threads; the window goes on, and Escape ends it. What was found
 * becomes paint, and one step of undo, on the main thread. */
#include "viewer/tool_internal.h"

#include "core/memory.h"
#include "viewer/tools/raster.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct lethe_grow_job {
    lethe_series *series;
    size_t first;
    uint32_t i, j, k;
    double tolerance;
    int label;
    const lethe_volume *volume; /* of app->mpr, which outlives the search */
    uint8_t *marked;
    uint64_t voxels;
    lethe_status status;
    lethe_error error;
    pthread_t thread;
    bool running;
    atomic_bool stop, done;
    atomic_bool *held; /* of the app: a script may want to stop it on its way */
};

static void *search(void *argument) {
    lethe_grow_job *job = argument;
    const lethe_volume *v = job->volume;
    job->marked = lethe_alloc_array((size_t)v->columns * v->rows, v->slices);
    if (!job->marked) job->status = lethe_fail(&job->error, LETHE_NO_MEMORY, "out of memory");
    else
        job->status = lethe_grow_volume(v->voxels, v->columns, v->rows, v->slices, job->i, job->j, job->k, job->tolerance, job->marked, &job->voxels,
                                        &job->stop, &job->error);
    const struct timespec moment = {0, 2000000};
    while (atomic_load(job->held) && !atomic_load(&job->stop)) (void)nanosleep(&moment, NULL);
    atomic_store(&job->done, true);
    lethe_window_wake();
    return NULL;
}

void lethe_grow_cancel(lethe_app *app) {
    lethe_grow_job *job = app->grow;
    if (!job) return;
    atomic_store(&job->stop, true);
    if (job->running) (void)pthread_join(job->thread, NULL);
    lethe_free(job->marked);
    lethe_free(job);
    app->grow = NULL;
}

static void wake(void *context) {
    (void)context;
    lethe_window_wake();
}

void lethe_grow_start(lethe_app *app, lethe_view *view, lethe_point at, int label) {
    lethe_grow_cancel(app);
    (void)lethe_app_reading_headers(app, true);
    size_t first, count;
    lethe_error error = {0};
    lethe_series_stack(view->series, view->index, &first, &count);
    if (!app->mpr || lethe_mpr_series(app->mpr) != view->series || lethe_mpr_first(app->mpr) != first || lethe_mpr_failed(app->mpr, &error)) {
        lethe_mpr_destroy(app->mpr);
        app->mpr = NULL;
        if (lethe_app_failed(app, lethe_mpr_start(view->series, first, count, wake, &app->mpr, &error), &error)) return;
    }
    lethe_grow_job *job = lethe_alloc_array(1, sizeof *job);
    if (!job) {
        (void)lethe_app_failed(app, lethe_fail(&error, LETHE_NO_MEMORY, "out of memory"), &error);
        return;
    }
    job->series = view->series;
    job->first = first;
    job->i = (uint32_t)at.x;
    job->j = (uint32_t)at.y;
    job->k = (uint32_t)(view->index - first);
    job->tolerance = app->grow_tolerance;
    job->label = label;
    job->held = &app->grow_held;
    app->grow = job;
    lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s", T("Growing in 3-D. Escape stops it."));
}

static void take(lethe_app *app, const lethe_grow_job *job) {
    const lethe_volume *v = job->volume;
    size_t area = (size_t)v->columns * v->rows;
    for (uint32_t k = 0; k < v->slices; k++) {
        const uint8_t *slice = job->marked + k * area;
        if (!memchr(slice, 1, area)) continue;
        const lethe_study_frame *frame = &job->series->frames[job->first + k];
        lethe_paint *paint = lethe_marks_paint(app->marks, job->series->files[frame->file].image_key, frame->frame, v->columns, v->rows);
        if (!paint) continue;
        for (size_t p = 0; p < area; p++)
            if (slice[p] && (paint->labels[p] == 0 || !app->labels[paint->labels[p] - 1].locked)) paint->labels[p] = (uint8_t)(job->label + 1);
        lethe_paint_touch(paint, 0, 0, paint->columns, paint->rows);
    }
    char name[160];
    lethe_app_save_paint(app, "grow", lethe_tool_step_name(app, "Grow region", app->labels[job->label].title, name));
}

void lethe_grow_poll(lethe_app *app) {
    lethe_grow_job *job = app->grow;
    lethe_error error = {0};
    if (!job || !app->mpr) return;
    if (!job->running && lethe_mpr_failed(app->mpr, &error)) {
        (void)lethe_app_failed(app, LETHE_UNSUPPORTED, &error);
        lethe_grow_cancel(app);
    } else if (!job->running && (job->volume = lethe_mpr_volume(app->mpr)) != NULL) {
        job->running = pthread_create(&job->thread, NULL, search, job) == 0;
        if (job->running) return;
        (void)lethe_app_failed(app, lethe_fail(&error, LETHE_NO_MEMORY, "cannot start a thread"), &error);
        lethe_grow_cancel(app);
    } else if (job->running && atomic_load(&job->done)) {
        if (!lethe_app_failed(app, job->status, &job->error)) take(app, job);
        lethe_grow_cancel(app);
    }
}
