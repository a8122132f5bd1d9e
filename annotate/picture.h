/* Small pictures of released images: for previews and for comparing images. Layer: annotate. Thread rule: no shared state. */
#ifndef LETHE_ANNOTATE_PICTURE_H
#define LETHE_ANNOTATE_PICTURE_H

#include "annotate/image_index.h"
#include "imaging/image.h"

#include <stdint.h>

/* A frame of a DICOM image as a reader sees it first (modality LUT, window), or a slide's overview: 8 bits, grey or RGB, at most side x side pixels.
 * `scale` gets picture pixels per image pixel. Errors: what the decoders say. */
LETHE_NODISCARD lethe_status lethe_picture_load(const char *released_path, const lethe_image_ref *ref, uint32_t frame, uint32_t side,
                                                lethe_image *out, double *scale, lethe_error *error);

/* Means of the stored values over a grid of cells that covers the whole picture: what near-duplicates are told by. */
enum { LETHE_GRID_SIDE = 64 };
typedef struct lethe_picture_grid {
    double sums[LETHE_GRID_SIDE + 1][LETHE_GRID_SIDE + 1]; /* of the cells left of and above */
} lethe_picture_grid;
LETHE_NODISCARD lethe_status lethe_picture_grid_load(const char *released_path, const lethe_image_ref *ref, lethe_picture_grid *grid,
                                                     lethe_error *error);
/* Mean over a part of the picture, in fractions of its sides. */
double lethe_picture_grid_mean(const lethe_picture_grid *grid, double u0, double v0, double u1, double v1);

#endif
