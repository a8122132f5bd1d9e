/* Redaction of JPEG frames as DCT coefficients: blocks that a mask touches become flat, every other coefficient stays as it is. Baseline, extended (8
 * and 12 bits), progressive; any sampling; restart intervals are kept; application and comment markers (embedded thumbnails) are left out. Layer:
 * imaging. Thread rule: no shared state. */
#ifndef LETHE_IMAGING_DICOM_JPEG_BLOCKS_H
#define LETHE_IMAGING_DICOM_JPEG_BLOCKS_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_jpeg_redaction {
    uint32_t columns, rows; /* of the mask; must be the frame's */
    const uint8_t *mask;    /* columns * rows bytes: not zero = to be removed */
    bool white;             /* fill with the highest value (MONOCHROME1) */
    bool is_rgb;            /* the three components are R, G, B and not Y, Cb, Cr (used where the stream itself does not tell) */
    bool keep_tables; /* code with the stream's own Huffman tables, so that its entropy-coded data can replace the original's; baseline of one scan
                         only. LETHE_UNSUPPORTED when the tables have no code for what has to be written */
} lethe_jpeg_redaction;

/* Size of an MCU in pixels and whether chroma is subsampled; false when the stream is none that can be redacted. */
bool lethe_jpeg_block_size(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height);
/* Append the redacted stream. Errors: LETHE_MALFORMED, LETHE_UNSUPPORTED (lossless, hierarchical), LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_jpeg_redact(const uint8_t *bytes, size_t size, const lethe_jpeg_redaction *redaction, lethe_buffer *out,
                                               lethe_error *error);

#endif
