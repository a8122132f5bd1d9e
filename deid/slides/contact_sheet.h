/* An HTML page for people who check slides: one card a slide. Layer: deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_CONTACT_SHEET_H
#define LETHE_DEID_SLIDES_CONTACT_SHEET_H

#include "core/error.h"
#include "deid/slides/slide_deid.h"

#include <stddef.h>

/* Released side: a thumbnail made from the lowest level, levels, size, MPP, format of each slide below `released_folder` (walked; DICOM left out),
 * sorted by path, and what the verifier says of each; with `manifest` (private, JSON lines; NULL = none) also how much was removed from each. Written
 * to `path`; holds only what stands in released files, and counts. `count` gets the number of slides. Errors: LETHE_IO, LETHE_NO_MEMORY. A slide that
 * cannot be read gets a card that says so. */
LETHE_NODISCARD lethe_status lethe_contact_sheet_write(const char *released_folder, const char *manifest, const char *path, size_t *count,
                                                       lethe_error *error);
/* Private side: the removed labels (`private_folder`/<slide pseudonym>-label.png) for a person who must check that they were labels. Written with
 * mode 0600. */
LETHE_NODISCARD lethe_status lethe_label_sheet_write(const char *private_folder, const char *path, size_t *count, lethe_error *error);

/* lethe deid sheet. */
int lethe_slide_sheet_main(int argc, char **argv);

#endif
