/* DCMTK's frame codecs behind plain C: JPEG 12-bit and lossless, JPEG-LS. Layer: imaging. Thread rule: safe; the registry is filled once. */
#ifndef LETHE_IMAGING_DICOM_DCMTK_CODEC_H
#define LETHE_IMAGING_DICOM_DCMTK_CODEC_H

#ifdef __cplusplus
extern "C" {
#endif

#include "core/buffer.h"
#include "core/error.h"

typedef struct lethe_dcmtk_frame {
    uint32_t columns, rows;
    uint16_t samples, bits_allocated, bits_stored;
    bool is_signed;
    const char *photometric; /* as declared */
} lethe_dcmtk_frame;

/* Decode to interleaved words of bits_allocated (8 or 16) in host byte order; `out` has exactly the frame's size. Colour is not converted. Errors:
 * LETHE_MALFORMED, LETHE_UNSUPPORTED, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_dcmtk_decode(const char *transfer_syntax, const lethe_dcmtk_frame *frame, const uint8_t *bytes, size_t size,
                                                uint8_t *out, size_t out_size, lethe_error *error);
/* Encode without loss (JPEG lossless, JPEG-LS); appends one frame's codestream. */
LETHE_NODISCARD lethe_status lethe_dcmtk_encode(const char *transfer_syntax, const lethe_dcmtk_frame *frame, const uint8_t *samples, size_t size,
                                                lethe_buffer *out, lethe_error *error);

#ifdef __cplusplus
}
#endif
#endif
