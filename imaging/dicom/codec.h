/* One encoded frame to samples and back. pixels.h finds the frames; this knows the codecs. Layer: imaging. Thread rule: no shared state but DCMTK's
 * codec registry, which is filled once. */
#ifndef LETHE_IMAGING_DICOM_CODEC_H
#define LETHE_IMAGING_DICOM_CODEC_H

#include "core/buffer.h"
#include "core/error.h"
#include "imaging/dicom/pixels.h"
#include "imaging/image.h"

/* What a codestream says about itself and a re-encoder has to repeat. */
typedef struct lethe_codec_traits {
    uint16_t precision;      /* bits that carry a value in the codestream */
    bool stream_signed;      /* JPEG 2000: samples are signed in the codestream */
    bool colour_transformed; /* JPEG 2000: a multiple component transform was undone */
    bool became_rgb;         /* the decoder converted YCbCr to RGB */
} lethe_codec_traits;

/* Decode one frame to words of bits_allocated, interleaved, host byte order: neither masked nor sign-extended. Allocates out->pixels. Errors:
 * LETHE_MALFORMED, LETHE_UNSUPPORTED, LETHE_LIMIT, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_codec_decode(const lethe_pixels_info *info, const char *transfer_syntax, const uint8_t *bytes, size_t size,
                                                lethe_image *out, lethe_codec_traits *traits, lethe_error *error);
/* Encode words as they come from lethe_codec_decode, without loss, as `transfer_syntax` allows; appends to `out`. Not for JPEG baseline and extended
 * (jpeg_blocks.h) and HTJ2K: LETHE_UNSUPPORTED. */
LETHE_NODISCARD lethe_status lethe_codec_encode(const lethe_pixels_info *info, const char *transfer_syntax, const lethe_image *image,
                                                const lethe_codec_traits *traits, lethe_buffer *out, lethe_error *error);

/* RLE Lossless (PS3.5 Annex G). Decodes into planes' bytes interleaved; `out` has columns * rows * samples * bytes_per_sample bytes. */
LETHE_NODISCARD lethe_status lethe_rle_decode(const uint8_t *bytes, size_t size, lethe_image *out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_rle_encode(const lethe_image *image, lethe_buffer *out, lethe_error *error);

/* 8-bit JPEG by libjpeg-turbo: baseline, extended sequential, progressive. `declared` decides on YCbCr where the stream is silent. */
LETHE_NODISCARD lethe_status lethe_jpeg8_decode(const uint8_t *bytes, size_t size, lethe_photometric declared, lethe_image *out, bool *became_rgb,
                                                lethe_error *error);
/* Kind of the first frame header: SOF marker (0xC0 ...) and precision; false when there is none. */
bool lethe_jpeg_probe(const uint8_t *bytes, size_t size, uint8_t *sof, uint8_t *precision, uint32_t *columns, uint32_t *rows, uint8_t *components);

LETHE_NODISCARD lethe_status lethe_j2k_decode(const uint8_t *bytes, size_t size, lethe_image *out, lethe_codec_traits *traits, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_j2k_encode(const lethe_image *image, const lethe_codec_traits *traits, lethe_buffer *out, lethe_error *error);

/* Sign-extend or mask a decoded image in place to what PS3.5 8.1.1 calls the stored value. */
void lethe_codec_normalise(lethe_image *image, unsigned bits_stored, unsigned high_bit, bool is_signed);

#endif
