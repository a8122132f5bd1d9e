/* One decoded frame or picture. Layer: imaging. Thread rule: plain value. */
#ifndef LETHE_IMAGING_IMAGE_H
#define LETHE_IMAGING_IMAGE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum lethe_photometric {
    LETHE_MONOCHROME1,
    LETHE_MONOCHROME2,
    LETHE_PALETTE_COLOR,
    LETHE_RGB,
    LETHE_YBR_FULL, /* decoded to full sampling when in memory */
    LETHE_PHOTOMETRIC_UNKNOWN
} lethe_photometric;

/* Samples are stored interleaved (colour-by-pixel), rows top to bottom without gaps, 8 or 16 (or 32) bits each in host byte order. Stored values:
 * before rescale and window. Signed samples are sign-extended to the sample width. */
typedef struct lethe_image {
    uint32_t columns, rows;
    uint16_t samples;          /* per pixel: 1 or 3 (4 for RGBA pictures) */
    uint16_t bytes_per_sample; /* 1, 2 or 4 */
    uint16_t bits_stored;
    bool is_signed;
    lethe_photometric photometric;
    uint8_t *pixels; /* owned: columns * rows * samples * bytes_per_sample */
} lethe_image;

/* Allocate zeroed pixels for the fields that are set. Errors: LETHE_LIMIT, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_image_allocate(lethe_image *image, lethe_error *error);
void lethe_image_release(lethe_image *image);
size_t lethe_image_size_bytes(const lethe_image *image);
/* Sample at (x, y), channel c, as a number; no bounds check beyond assert. */
int32_t lethe_image_sample(const lethe_image *image, uint32_t x, uint32_t y, unsigned channel);

/* --- pictures for reports and tests (8-bit, 1, 3 or 4 samples) --- */
LETHE_NODISCARD lethe_status lethe_png_write(const char *path, const lethe_image *image, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_png_read(const char *path, lethe_image *image, lethe_error *error);
/* Append as PNG bytes (for data: URIs in reports). */
struct lethe_buffer;
LETHE_NODISCARD lethe_status lethe_png_encode(const lethe_image *image, struct lethe_buffer *out, lethe_error *error);
/* Area-averaged copy that fits into side x side pixels. */
LETHE_NODISCARD lethe_status lethe_image_thumbnail(const lethe_image *image, uint32_t side, lethe_image *out, lethe_error *error);

#endif
