/* Two slides in OpenSlide's eyes. Layer: imaging. Thread rule: no shared state. */
#ifndef LETHE_IMAGING_SLIDE_OPENSLIDE_COMPARE_H
#define LETHE_IMAGING_SLIDE_OPENSLIDE_COMPARE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* Compare levels, sizes, resolution, objective power, and pixels of sampled regions. *regions counts the compared ones; it is 0 when OpenSlide does
 * not open the first slide (then there is nothing to compare). Errors: LETHE_UNSAFE says what differs. */
typedef struct lethe_compare_area {
    int64_t x_l0, y_l0, width_l0, height_l0;
} lethe_compare_area;
/* As lethe_openslide_compare; pixels that fall into one of `areas` may differ: samples that touch one are left out. */
LETHE_NODISCARD lethe_status lethe_openslide_compare_outside(const char *input_path, const char *output_path, const lethe_compare_area *areas,
                                                             size_t area_count, uint64_t *regions, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_openslide_compare(const char *input_path, const char *output_path, uint64_t *regions, lethe_error *error);

/* Each area of each level shows one flat colour, but for places that the slide does not show at all. Errors: LETHE_UNSAFE, also when OpenSlide cannot
 * open the slide. */
LETHE_NODISCARD lethe_status lethe_openslide_flat(const char *path, const lethe_compare_area *areas, size_t area_count, lethe_error *error);

#endif
