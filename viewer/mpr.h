/* The volume of a series, read by a thread of its own. Layer: viewer. Thread rule: one owner; the series must stay open until it is destroyed. */
#ifndef LETHE_VIEWER_MPR_H
#define LETHE_VIEWER_MPR_H

#include "imaging/volume.h"
#include "viewer/study.h"

typedef struct lethe_mpr lethe_mpr;

/* Start reading `count` frames of a series from `first` on (one stack). Errors: LETHE_UNSUPPORTED when they are no volume. */
LETHE_NODISCARD lethe_status lethe_mpr_start(const lethe_series *series, size_t first, size_t count, void (*ready)(void *), lethe_mpr **out,
                                             lethe_error *error);
void lethe_mpr_destroy(lethe_mpr *mpr); /* stops the thread */
const lethe_series *lethe_mpr_series(const lethe_mpr *mpr);
size_t lethe_mpr_first(const lethe_mpr *mpr);
/* The volume once it is whole, else NULL. */
const lethe_volume *lethe_mpr_volume(lethe_mpr *mpr);
double lethe_mpr_progress(lethe_mpr *mpr); /* 0 to 1 */
/* Why it failed; false when it did not. */
bool lethe_mpr_failed(lethe_mpr *mpr, lethe_error *error);
/* The stack (frames of one pass along the normal) that holds a frame. */
void lethe_series_stack(const lethe_series *series, size_t frame, size_t *first, size_t *count);

#endif
