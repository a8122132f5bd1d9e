/* What the two files that read presentation states share. Layer: viewer. */
#ifndef LETHE_VIEWER_PRESENTATION_INTERNAL_H
#define LETHE_VIEWER_PRESENTATION_INTERNAL_H

#include "imaging/dicom/charset.h"
#include "viewer/presentation.h"

typedef struct lethe_presentation_reader {
    lethe_arena *arena;
    lethe_charset *charset;
    bool short_of_memory;
} lethe_presentation_reader;

/* The first item of a sequence, or NULL; `count` may be NULL. */
const lethe_dicom_item *lethe_presentation_items(const lethe_dicom_item *item, lethe_tag tag, uint32_t *count);
/* In UTF-8, "" when absent; sets short_of_memory. */
const char *lethe_presentation_text(lethe_presentation_reader *r, const lethe_dicom_item *item, lethe_tag tag);
LETHE_NODISCARD lethe_status lethe_presentation_scope_take(lethe_presentation_reader *r, const lethe_dicom_item *item, lethe_presentation_scope *out,
                                                           lethe_error *error);
LETHE_NODISCARD lethe_status lethe_presentation_graphics_take(lethe_presentation_reader *r, const lethe_dicom_item *root, lethe_presentation *state,
                                                              lethe_error *error);

#endif
