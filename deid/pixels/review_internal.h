/* The contact sheet of `lethe review sheet` (review_sheet.c). Layer: deid. */
#ifndef LETHE_DEID_REVIEW_INTERNAL_H
#define LETHE_DEID_REVIEW_INTERNAL_H

#include "core/error.h"

#include <stddef.h>

typedef struct lethe_sheet_options {
    const char *manifest;  /* JSON lines */
    const char *released;  /* folder that `output` counts from */
    const char *originals; /* folder that `source` counts from; NULL: only pictures after redaction */
    const char *output;    /* HTML */
    unsigned limit;        /* pictures; 0 = 2,000 */
    /* Where the original of an output lies ("" when nobody knows; must be below `originals`); NULL: `source` of the manifest tells. */
    lethe_status (*find_original)(void *context, const char *output, char *path, size_t size, lethe_error *error);
    void *context;
} lethe_sheet_options;
/* Thumbnails of every redacted image with its boxes outlined. The page may show what identifies: it is written with mode 0600. */
LETHE_NODISCARD lethe_status lethe_review_sheet(const lethe_sheet_options *options, unsigned *pictures, lethe_error *error);

struct lethe_pixel_box;
/* In a confined worker only (review_pool.h). One frame of a DICOM file, or the whole of a slide, as a PNG picture of at most `side` pixels with boxes
 * outlined. */
struct lethe_buffer;
LETHE_NODISCARD lethe_status lethe_review_picture(const char *path, unsigned frame, const struct lethe_pixel_box *boxes, unsigned box_count,
                                                  unsigned side, struct lethe_buffer *png, lethe_error *error);

#endif
