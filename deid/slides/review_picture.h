/* A slide for whoever has to decide about marks on its glass. Layer: deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_REVIEW_PICTURE_H
#define LETHE_DEID_SLIDES_REVIEW_PICTURE_H

#include "core/buffer.h"

struct lethe_pixel_box;

/* The whole scan as a PNG of at most `side` pixels, with `boxes` (pixels of level 0) outlined and a grid that tells pixels of level 0. Private: it
 * shows the input. Errors: as the reader's. */
LETHE_NODISCARD lethe_status lethe_slide_review_picture(const char *path, const struct lethe_pixel_box *boxes, unsigned box_count, unsigned side,
                                                        lethe_buffer *png, lethe_error *error);

#endif
