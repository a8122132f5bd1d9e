/* Where the bytes of boxes lie in uncompressed pixel data, and what goes there: the writer paints them while the value goes from file to file, and
 * verification paints them over the original and compares. Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_PIXELS_REDACT_RAW_H
#define LETHE_DEID_PIXELS_REDACT_RAW_H

#include "deid/pixels/burned_in.h"
#include "imaging/dicom/edit.h"
#include "imaging/dicom/pixels.h"

typedef struct lethe_raw_paint lethe_raw_paint;

/* Can boxes of this pixel data be painted byte by byte? Not where samples share bytes or stand in swapped pairs. */
bool lethe_raw_paint_fits(const lethe_dicom_dataset *dataset, const lethe_pixels *pixels);
/* Boxes are copied. Memory: a mask of one frame and its runs. Errors: LETHE_MALFORMED when the value is shorter than its frames, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_raw_paint_create(const lethe_dicom_dataset *dataset, lethe_pixels *pixels, const lethe_pixel_decision *decision,
                                                    lethe_raw_paint **out, lethe_error *error);
void lethe_raw_paint_destroy(lethe_raw_paint *paint);
/* Borrows `paint`. Every use starts at offset 0 again. */
lethe_edit_painter lethe_raw_paint_painter(lethe_raw_paint *paint);

#endif
