/* A picture of a whole slide whose file has no small level of its own. Layer: viewer. Thread rule: any thread. */
#ifndef LETHE_VIEWER_SLIDE_BACKGROUND_H
#define LETHE_VIEWER_SLIDE_BACKGROUND_H

#include "imaging/slide/slide.h"

#include <stdatomic.h>

/* Average every `factor` x `factor` pixels of the coarsest level, with the smallest factor that brings both sides down to `side_px`. Decodes every
 * tile of the level, one after the other: seconds for a gigapixel, and memory for the picture and a row of it. *stop ends it early; *done (0 to 1000,
 * may be NULL) tells how far it is. Errors: LETHE_NOT_FOUND when it was stopped; those of the slide. */
LETHE_NODISCARD lethe_status lethe_slide_background(lethe_slide *slide, uint32_t side_px, const atomic_bool *stop, atomic_uint *done,
                                                    lethe_image *out, lethe_error *error);

#endif
