/* The search of an instance's frames for text (burned_in_search.c), for burned_in.c. Layer: deid. */
#ifndef LETHE_DEID_BURNED_IN_SEARCH_H
#define LETHE_DEID_BURNED_IN_SEARCH_H

#include "deid/pixels/burned_in_internal.h"
#include "deid/pixels/ocr.h"
#include "deid/pixels/text_detector.h"

struct lethe_burned_in {
    lethe_pixel_policy policy;
    lethe_text_detector *detector;
    lethe_ocr *ocr;
    bool ocr_missing;
    int before_fd, after_fd; /* lethe_burned_in_files; -1 when there are none */
};

enum { LETHE_PIXELS_CLEARED = 64, LETHE_PIXELS_DOUBTS = 32 };

/* One instance's search; zero but for what the caller sets. */
typedef struct lethe_pixel_search {
    /* Set by the caller. */
    lethe_burned_in *engine;
    const lethe_dicom_dataset *dataset;
    const lethe_identifiers *identifiers;
    lethe_pixel_mode mode;
    lethe_pixel_decision *decision;
    lethe_pixels *pixels;
    const lethe_pixels_info *info;
    bool verifying; /* look only whether anything is left */
    lethe_error *error;

    uint32_t fill[4];
    /* Boxes from `first_found` on come from the search; `tracks[i]` is about box first_found + i. */
    size_t first_found;
    struct lethe_pixel_track *tracks;
    size_t track_capacity;
    unsigned reads_left;
    /* Places that were read in an earlier frame and hold no text that has to go: what stands still is read once. */
    lethe_pixel_box cleared[LETHE_PIXELS_CLEARED];
    unsigned cleared_count;
    /* Lines that look like text and that the reader could not read; in the end, those of them that nothing settles. */
    lethe_text_line doubtful[LETHE_PIXELS_DOUBTS];
    unsigned doubts;
    bool standing; /* the picture that is searched is the mean of a cine */
    /* The frame before, and maps of 16 x 16 blocks: where this one differs from it, where to look, and what is near new
     * boxes. */
    uint8_t *previous, *changed, *look, *near;
    size_t previous_bytes;
    bool have_previous;
} lethe_pixel_search;

/* Decode and search every frame; boxes and the verdict go to the decision. A frame that cannot be decoded gives verdict quarantine. */
LETHE_NODISCARD lethe_status lethe_pixel_search_all(lethe_pixel_search *search);
/* Search one decoded frame (its pixels are filled where text is found). Frames have to come in order. */
LETHE_NODISCARD lethe_status lethe_pixel_search_frame(lethe_pixel_search *search, lethe_image *image, uint32_t frame, bool *found);
/* Free what the search holds; not what the caller set. */
void lethe_pixel_search_release(lethe_pixel_search *search);

#endif
