/* The contact sheet of `lethe review sheet` (review_sheet.c). Layer: deid. */
#ifndef LETHE_DEID_REVIEW_INTERNAL_H
#define LETHE_DEID_REVIEW_INTERNAL_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>

struct lethe_pixel_box;

/* An image that waits, with the boxes that are proposed. */
typedef struct lethe_sheet_waiting {
    const char *title, *original, *reason;
    const struct lethe_pixel_box *boxes;
    unsigned box_count;
} lethe_sheet_waiting;

typedef struct lethe_sheet_options {
    const char *manifest;  /* JSON lines */
    const char *released;  /* folder that `output` counts from */
    const char *originals; /* folder that `source` counts from; NULL: only pictures after redaction */
    const char *output;    /* HTML */
    unsigned limit;        /* pictures; 0 = 2,000 */
    /* Where the original of an output lies ("" when nobody knows; must be below `originals`); NULL: `source` of the manifest tells. */
    lethe_status (*find_original)(void *context, const char *output, char *path, size_t size, lethe_error *error);
    /* What waits for a person: calls `show` for each; NULL: nobody knows of any. */
    lethe_status (*visit_waiting)(void *context, lethe_status (*show)(void *, const lethe_sheet_waiting *, lethe_error *), void *show_context,
                                  lethe_error *error);
    void *context;
} lethe_sheet_options;
/* Thumbnails of every redacted image with its boxes outlined. The page may show what identifies: it is written with mode 0600. */
LETHE_NODISCARD lethe_status lethe_review_sheet(const lethe_sheet_options *options, unsigned *pictures, lethe_error *error);

/* How a frame is shown. */
typedef struct lethe_review_look {
    unsigned frame, side; /* at most `side` pixels */
    const struct lethe_pixel_box *boxes;
    unsigned box_count;
    bool filled; /* boxes black, as a redaction would leave them, instead of outlined */
    bool plain;  /* nothing is drawn: what lies in the boxes is only not asked how bright the picture is */
    bool jpeg;   /* a JPEG (DICOM only), not a PNG: a sheet has thousands */
} lethe_review_look;
/* In a confined worker only (review_pool.h). One frame of a DICOM file, or the whole of a slide. */
struct lethe_buffer;
LETHE_NODISCARD lethe_status lethe_review_picture(const char *path, const lethe_review_look *look, struct lethe_buffer *out, lethe_error *error);

#endif
