/* Series of many files: the picture in the middle is shown as soon as its own header is read; the other headers are read, and the frames sorted, by a
 * thread. */
#include "viewer/study.h"

#include "core/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lethe_series_job {
    lethe_series shadow; /* the series as it will be; its strings are the series' own */
    pthread_t thread;
    atomic_bool stop, finished;
    atomic_size_t done; /* files */
    lethe_status status;
    lethe_error error;
    void (*ready)(void *);
};

static void *load_all(void *argument) {
    lethe_series_job *job = argument;
    job->status = lethe_series_load_counted(&job->shadow, &job->done, &job->stop, &job->error);
    atomic_store(&job->finished, true);
    if (job->ready) job->ready(NULL);
    return NULL;
}

typedef struct numbered {
    int64_t number;
    uint32_t file;
} numbered;

static int by_number(const void *left, const void *right) {
    const numbered *a = left, *b = right;
    if (a->number != b->number) return a->number < b->number ? -1 : 1;
    return a->file < b->file ? -1 : a->file > b->file;
}

static uint32_t middle_file(const lethe_series *series) {
    numbered *all = lethe_alloc_array(series->file_count, sizeof *all);
    if (!all) return (uint32_t)(series->file_count / 2);
    for (size_t i = 0; i < series->file_count; i++) all[i] = (numbered){series->files[i].instance_number, (uint32_t)i};
    qsort(all, series->file_count, sizeof *all, by_number);
    uint32_t middle = all[series->file_count / 2].file;
    lethe_free(all);
    return middle;
}

lethe_status lethe_series_load_soon(lethe_series *series, void (*ready)(void *), lethe_error *error) {
    if (series->loaded || series->is_slide || series->file_count < LETHE_SERIES_MANY) return lethe_series_load(series, error);
    lethe_series_job *job = lethe_alloc_array(1, sizeof *job);
    lethe_study_file *files = lethe_alloc_array(series->file_count, sizeof *files);
    if (job && files) {
        memcpy(files, series->files, series->file_count * sizeof *files);
        job->shadow = *series;
        job->shadow.files = files;
        job->ready = ready;
        /* A file that cannot be read says nothing about the others: then all of them are read first. */
        if (lethe_series_load_one(series, middle_file(series)) && pthread_create(&job->thread, NULL, load_all, job) == 0) {
            series->job = job;
            series->loaded = true;
            return LETHE_OK;
        }
        lethe_series_release_loaded(series);
    }
    lethe_free(files);
    lethe_free(job);
    return lethe_series_load(series, error);
}

double lethe_series_progress(const lethe_series *series) {
    return series->job ? (double)atomic_load(&series->job->done) / (double)series->file_count : 1;
}

bool lethe_series_ready(const lethe_series *series) { return series->job && atomic_load(&series->job->finished); }

lethe_status lethe_series_finish(lethe_series *series, lethe_error *error) {
    lethe_series_job *job = series->job;
    if (!job) return LETHE_OK;
    (void)pthread_join(job->thread, NULL);
    lethe_status status = job->status ? lethe_fail(error, job->status, "%s", job->error.message) : LETHE_OK;
    lethe_series_release_loaded(series);
    lethe_free(series->files);
    *series = job->shadow;
    series->job = NULL;
    lethe_free(job);
    return status;
}

void lethe_series_cancel(lethe_series *series) {
    if (!series->job) return;
    atomic_store(&series->job->stop, true);
    (void)!lethe_series_finish(series, NULL);
}
