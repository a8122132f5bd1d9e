#include "viewer/mpr.h"

#include "core/memory.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

struct lethe_mpr {
    const lethe_series *series;
    size_t first;
    lethe_volume volume;
    pthread_t thread;
    bool started;
    atomic_uint done;
    atomic_bool stop, whole, failed;
    lethe_error error; /* read after `failed` */
    void (*ready)(void *);
};

static void *read_all(void *argument) {
    lethe_mpr *mpr = argument;
    lethe_frame_reader *reader = lethe_frame_reader_create();
    lethe_status status = reader ? LETHE_OK : lethe_fail(&mpr->error, LETHE_NO_MEMORY, "out of memory");
    for (uint32_t k = 0; k < mpr->volume.slices && !status && !atomic_load(&mpr->stop); k++) {
        const lethe_study_frame *frame = &mpr->series->frames[mpr->first + k];
        lethe_image image = {0};
        status = lethe_frame_reader_read(reader, mpr->series->files[frame->file].path, frame->frame, &image, &mpr->error);
        if (!status) status = lethe_volume_put(&mpr->volume, k, &image, frame->display.slope, frame->display.intercept, &mpr->error);
        lethe_image_release(&image);
        atomic_fetch_add(&mpr->done, 1);
    }
    lethe_frame_reader_destroy(reader);
    if (status) atomic_store(&mpr->failed, true);
    else if (!atomic_load(&mpr->stop)) atomic_store(&mpr->whole, true);
    if (mpr->ready) mpr->ready(NULL);
    return NULL;
}

lethe_status lethe_mpr_start(const lethe_series *series, size_t first, size_t count, void (*ready)(void *), lethe_mpr **out, lethe_error *error) {
    *out = NULL;
    if (series->outside) return lethe_fail(error, LETHE_UNSUPPORTED, "originals under review are shown frame by frame");
    if (series->is_slide || series->colour) return lethe_fail(error, LETHE_UNSUPPORTED, "only grey series make a volume");
    lethe_mpr *mpr = lethe_alloc_array(1, sizeof *mpr);
    lethe_frame_geometry *geometry = lethe_alloc_array(count ? count : 1, sizeof *geometry);
    lethe_status status = mpr && geometry ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) {
        for (size_t i = 0; i < count; i++) geometry[i] = series->frames[first + i].geometry;
        mpr->series = series;
        mpr->first = first;
        mpr->ready = ready;
        status = lethe_volume_plan(geometry, count, series->columns, series->rows, &mpr->volume, error);
    }
    if (!status) status = lethe_volume_allocate(&mpr->volume, error);
    if (!status) {
        mpr->started = pthread_create(&mpr->thread, NULL, read_all, mpr) == 0;
        if (!mpr->started) status = lethe_fail(error, LETHE_NO_MEMORY, "cannot start a thread");
    }
    lethe_free(geometry);
    if (status) lethe_mpr_destroy(mpr);
    else *out = mpr;
    return status;
}

void lethe_mpr_destroy(lethe_mpr *mpr) {
    if (!mpr) return;
    atomic_store(&mpr->stop, true);
    if (mpr->started) (void)pthread_join(mpr->thread, NULL);
    lethe_volume_release(&mpr->volume);
    lethe_free(mpr);
}

const lethe_series *lethe_mpr_series(const lethe_mpr *mpr) { return mpr->series; }
size_t lethe_mpr_first(const lethe_mpr *mpr) { return mpr->first; }
const lethe_volume *lethe_mpr_volume(lethe_mpr *mpr) { return mpr && atomic_load(&mpr->whole) ? &mpr->volume : NULL; }
double lethe_mpr_progress(lethe_mpr *mpr) { return (double)atomic_load(&mpr->done) / mpr->volume.slices; }

bool lethe_mpr_failed(lethe_mpr *mpr, lethe_error *error) {
    if (!atomic_load(&mpr->failed)) return false;
    if (error) *error = mpr->error;
    return true;
}

void lethe_series_stack(const lethe_series *series, size_t frame, size_t *first, size_t *count) {
    size_t a = frame, b = frame + 1, n = series->frame_count;
    const lethe_study_frame *f = series->frames;
    /* Within a stack the place along the normal grows; it falls back where the next stack begins. */
    for (; a > 0; a--) {
        const double *p = f[a].geometry.position_mm, *q = f[a - 1].geometry.position_mm, *m = f[a].geometry.normal;
        bool grows = (p[0] - q[0]) * m[0] + (p[1] - q[1]) * m[1] + (p[2] - q[2]) * m[2] > 1e-3;
        if (!grows || !f[a - 1].geometry.has_plane ||
            fabs(m[0] - f[a - 1].geometry.normal[0]) + fabs(m[1] - f[a - 1].geometry.normal[1]) + fabs(m[2] - f[a - 1].geometry.normal[2]) > 0.01)
            break;
    }
    for (; b < n; b++) {
        const double *p = f[b].geometry.position_mm, *q = f[b - 1].geometry.position_mm, *m = f[b - 1].geometry.normal;
        bool grows = (p[0] - q[0]) * m[0] + (p[1] - q[1]) * m[1] + (p[2] - q[2]) * m[2] > 1e-3;
        if (!grows || !f[b].geometry.has_plane ||
            fabs(m[0] - f[b].geometry.normal[0]) + fabs(m[1] - f[b].geometry.normal[1]) + fabs(m[2] - f[b].geometry.normal[2]) > 0.01)
            break;
    }
    *first = a;
    *count = b - a;
}
