/* What redaction, verification and tests share. Layer: deid. */
#ifndef LETHE_DEID_REDACT_INTERNAL_H
#define LETHE_DEID_REDACT_INTERNAL_H

#include "deid/pixels/burned_in.h"
#include "imaging/dicom/pixels.h"

bool lethe_redact_frame_has_box(const lethe_pixel_decision *decision, uint32_t frame);
/* Set mask[y * columns + x] = 1 inside the frame's boxes; false when there is none. */
bool lethe_redact_mask(const lethe_pixel_decision *decision, uint32_t frame, uint32_t columns, uint32_t rows, uint8_t *mask);
/* The word that replaces each sample: padding value, else what shows black (in the raw cell's bit position). */
void lethe_redact_fill_values(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info, bool became_rgb, uint32_t fill[4]);

#endif
