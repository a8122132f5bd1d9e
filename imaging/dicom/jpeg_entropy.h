/* Sequential JPEG entropy coding of wide (12-bit) coefficients, which libjpeg-turbo does not write (ISO 10918-1 F.1, K.2). Internal to imaging. */
#ifndef LETHE_IMAGING_DICOM_JPEG_ENTROPY_H
#define LETHE_IMAGING_DICOM_JPEG_ENTROPY_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

/* Write a complete stream from coefficient arrays as jpeg_read_coefficients gives them: same tables, sampling and restart interval; one interleaved
 * scan. May leave by the error manager's longjmp when coefficient access fails; then `out` holds a part. */
LETHE_NODISCARD lethe_status lethe_jpeg_entropy_write(struct jpeg_decompress_struct *in, jvirt_barray_ptr *arrays, unsigned precision,
                                                      lethe_buffer *out, lethe_error *error);

#endif
