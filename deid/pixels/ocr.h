/* Reads a candidate line with Tesseract. Layer: deid. Thread rule: one thread at a time per object. Create it in the process that uses it. */
#ifndef LETHE_DEID_OCR_H
#define LETHE_DEID_OCR_H

#include "core/error.h"
#include "deid/pixels/text_detector.h"
#include "imaging/image.h"

typedef struct lethe_ocr lethe_ocr;

/* Loads English (and French when installed). Errors: LETHE_NOT_FOUND when no language data is installed. */
LETHE_NODISCARD lethe_status lethe_ocr_create(lethe_ocr **out, lethe_error *error);
void lethe_ocr_destroy(lethe_ocr *ocr);

typedef struct lethe_ocr_text {
    char text[256];   /* UTF-8, trimmed; may identify: never log it */
    int confidence;   /* 0 to 100, mean of the words */
    unsigned letters; /* letters and digits in it */
} lethe_ocr_text;
/* Read one line (upright or rotated: both turns are tried, the better one wins). */
LETHE_NODISCARD lethe_status lethe_ocr_read(lethe_ocr *ocr, const lethe_image *image, const lethe_text_line *line, lethe_ocr_text *out,
                                            lethe_error *error);

#endif
