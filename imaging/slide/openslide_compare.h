/* Two slides in OpenSlide's eyes. Layer: imaging. Thread rule: no shared state. */
#ifndef LETHE_IMAGING_SLIDE_OPENSLIDE_COMPARE_H
#define LETHE_IMAGING_SLIDE_OPENSLIDE_COMPARE_H

#include "core/error.h"

#include <stdint.h>

/* Compare levels, sizes, resolution, objective power, and pixels of sampled regions. *regions counts the compared ones; it is 0 when OpenSlide does
 * not open the first slide (then there is nothing to compare). Errors: LETHE_UNSAFE says what differs. */
LETHE_NODISCARD lethe_status lethe_openslide_compare(const char *input_path, const char *output_path, uint64_t *regions, lethe_error *error);

#endif
