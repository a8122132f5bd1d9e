/* Overlay planes (60xx): graphics and regions of one bit a pixel that the scanner drew beside the image (PS3.3 C.9.2). Layer: imaging. Thread rule:
 * as lethe_pixels. */
#ifndef LETHE_IMAGING_DICOM_OVERLAY_H
#define LETHE_IMAGING_DICOM_OVERLAY_H

#include "imaging/dicom/pixels.h"

/* How many overlay groups have a plane, at most 16. */
unsigned lethe_overlay_count(const lethe_dicom_dataset *dataset);
/* All overlays of a frame as one 8-bit picture of the image's size: 0 where there is none, else 1 + the number of the group (6000 = 1, 6002 = 2, ...)
 * of the last one that is set. Planes of their own (60xx,3000) and, in uncompressed pixel data, bits inside of the pixel cells (retired in 2004);
 * parts beyond the image are cut off. Errors: LETHE_NO_MEMORY, LETHE_LIMIT, LETHE_MALFORMED. */
LETHE_NODISCARD lethe_status lethe_overlay_draw(const lethe_dicom_dataset *dataset, lethe_pixels *pixels, uint32_t frame, lethe_image *out,
                                                lethe_error *error);

#endif
