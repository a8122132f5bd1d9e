/* Planes of frames for revisions that are being written. For annotate/store*.c only. */
#ifndef LETHE_ANNOTATE_STORE_PLACE_H
#define LETHE_ANNOTATE_STORE_PLACE_H

#include "annotate/store_internal.h"

typedef struct lethe_placer lethe_placer;

lethe_status lethe_placer_create(lethe_store *store, lethe_placer **out, lethe_error *error);
void lethe_placer_destroy(lethe_placer *placer);
/* Find the planes of an annotation that is about to be written; a measurement without a value gets it. Images without a plane (slides, projections,
 * files that are not there) are no error. */
lethe_status lethe_placer_prepare(lethe_placer *placer, lethe_annotation *annotation, lethe_error *error);
/* Write them for its new revision. */
lethe_status lethe_placer_store(lethe_placer *placer, int64_t revision, lethe_error *error);

/* What was prepared last: one per slice, in order; NULL where the image has no plane. */
size_t lethe_placer_count(const lethe_placer *placer);
const lethe_pixel_plane *lethe_placer_plane(const lethe_placer *placer, size_t i);

#endif
