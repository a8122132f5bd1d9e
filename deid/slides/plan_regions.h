/* Regions in the directories of TIFF-based slides: which pixels of a level they are, and the tiles and strips written anew. Layer: deid. Thread rule:
 * one job at a time. */
#ifndef LETHE_DEID_SLIDES_PLAN_REGIONS_H
#define LETHE_DEID_SLIDES_PLAN_REGIONS_H

#include "deid/slides/slide_job.h"

/* Boxes in pixels of one level; in the job's arena. */
typedef struct lethe_plan_boxes {
    lethe_level_box *list, *near; /* `near`: room for those of one tile */
    size_t count;
} lethe_plan_boxes;

/* The job's regions on a directory, by job->level_map or as a smaller copy of the first one. Errors: LETHE_UNSAFE when they cannot be placed. */
LETHE_NODISCARD lethe_status lethe_plan_find_boxes(lethe_slide_job *job, const lethe_tiff_directory *directory, bool tiled, lethe_plan_boxes *boxes,
                                                   lethe_error *error);
/* Tile `place` of a plane: when a box touches it, its segment gets new bytes, which wait in the arena. */
LETHE_NODISCARD lethe_status lethe_plan_redact_tile(lethe_slide_job *job, const lethe_tiff_directory *directory, const lethe_plan_boxes *boxes,
                                                    uint64_t place, lethe_tiff_segment *segment, lethe_error *error);
/* The strip of a level that is one JPEG stream: touched restart intervals are written anew, everything else stays in place of the source. Sets
 * job->strip_moved. */
LETHE_NODISCARD lethe_status lethe_plan_redact_strip(lethe_slide_job *job, const lethe_tiff_directory *directory, const lethe_plan_boxes *boxes,
                                                     lethe_tiff_segment *segment, lethe_error *error);

#endif
