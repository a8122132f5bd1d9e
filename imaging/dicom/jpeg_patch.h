/* Redaction of sequential Huffman-coded JPEG frames of 8 bits in one pass over their codes: blocks that a mask touches become flat with the codes
 * that the stream's own tables have for that, all other codes are copied. About five times as fast as by way of libjpeg (jpeg_blocks.h), which takes
 * everything else. Layer: imaging. Thread rule: no shared state. */
#ifndef LETHE_IMAGING_DICOM_JPEG_PATCH_H
#define LETHE_IMAGING_DICOM_JPEG_PATCH_H

#include "imaging/dicom/jpeg_blocks.h"

/* Append the redacted stream when it is of this kind (ISO 10918-1 SOF0, SOF1; one scan; any sampling; restart intervals) and its tables have the
 * codes; else *done is false and nothing is appended. Application and comment segments but JFIF and Adobe without content of their own are left out,
 * bytes behind the last block and behind the end too. Equal input gives equal output. Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_jpeg_patch(const uint8_t *bytes, size_t size, const lethe_jpeg_redaction *redaction, bool *done, lethe_buffer *out,
                                              lethe_error *error);

#endif
