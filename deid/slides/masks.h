/* Regions that reviewers drew on slides (lethe review mask), by the path of the original. Layer: deid. Thread rule: read-only once it is filled. */
#ifndef LETHE_DEID_SLIDES_MASKS_H
#define LETHE_DEID_SLIDES_MASKS_H

#include "deid/slides/slide_deid.h"

typedef struct lethe_slide_masks lethe_slide_masks;

LETHE_NODISCARD lethe_status lethe_slide_masks_create(lethe_slide_masks **out, lethe_error *error);
void lethe_slide_masks_destroy(lethe_slide_masks *masks);
/* A further region of the slide at `path` (copied). Errors: LETHE_NO_MEMORY, LETHE_LIMIT (more than LETHE_SLIDE_REGIONS on one slide). */
LETHE_NODISCARD lethe_status lethe_slide_masks_add(lethe_slide_masks *masks, const char *path, const lethe_slide_region *region, lethe_error *error);
/* The regions of the slide at `path`, in the order in which they were added; returns how many (never more than `room`). NULL masks: 0. */
size_t lethe_slide_masks_of(const lethe_slide_masks *masks, const char *path, lethe_slide_region *regions, size_t room);

#endif
