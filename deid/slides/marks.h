/* Ink and writing on the scanned glass: pen strokes, stickers, handwritten and printed labels inside the scan.
 *
 * A low level of the pyramid is looked at (longest side at most 2,048 px, pixels of 12 um or more). Tissue is told from ink by its colour:
 * haematoxylin, eosin and DAB never show more green than red together with much blue, nor neutral black; pens do. What is left of tissue and
 * background is made white, and the text detector (deid/pixels/text_detector.h) looks for lines in the rest; large strokes count without being read.
 * Layer: deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_MARKS_H
#define LETHE_DEID_SLIDES_MARKS_H

#include "deid/slides/slide_deid.h"
#include "imaging/image.h"
#include "imaging/slide/slide.h"

enum { LETHE_MARKS_MOST = 64 };

typedef enum lethe_mark_kind { LETHE_MARK_INK, LETHE_MARK_WRITING } lethe_mark_kind;

typedef struct lethe_marks {
    unsigned count;
    struct {
        lethe_mark_kind kind;
        uint32_t x, y, width, height; /* in pixels of the picture */
    } list[LETHE_MARKS_MOST];         /* the largest; neighbours are merged */
} lethe_marks;

/* Look at one picture (3 or 4 samples of 8 bits). Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_marks_find(const lethe_image *picture, lethe_marks *marks, lethe_error *error);
/* Look at a low level of a slide; `found` (room for `room`) gets rectangles in pixels of level 0. Errors: as the reader's, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_marks_find_on_slide(lethe_slide *slide, lethe_slide_region *found, unsigned room, unsigned *count,
                                                       lethe_error *error);
/* A level made smaller so that its longest side is at most `side` pixels, and a pixel at least `least_um` micrometres wide where the slide tells its
 * scale: RGB, tile by tile. `factor` gets pixels of level 0 per pixel. Errors: as the reader's. */
LETHE_NODISCARD lethe_status lethe_slide_overview(lethe_slide *slide, uint32_t side, double least_um, lethe_image *rgb, double *factor,
                                                  lethe_error *error);

#endif
