#include "imaging/image.h"

#include "core/limits.h"
#include "core/memory.h"

#include <assert.h>
#include <string.h>

size_t lethe_image_size_bytes(const lethe_image *image) { return (size_t)image->columns * image->rows * image->samples * image->bytes_per_sample; }

lethe_status lethe_image_allocate(lethe_image *image, lethe_error *error) {
    size_t size = 0;
    image->pixels = NULL;
    bool fits = image->columns > 0 && image->rows > 0 && image->columns <= LETHE_LIMIT_PIXEL_SIDE && image->rows <= LETHE_LIMIT_PIXEL_SIDE &&
                image->samples >= 1 && image->samples <= 4 &&
                (image->bytes_per_sample == 1 || image->bytes_per_sample == 2 || image->bytes_per_sample == 4) &&
                lethe_multiply_size((size_t)image->columns * image->rows, (size_t)image->samples * image->bytes_per_sample, &size);
    if (!fits || size > LETHE_LIMIT_FRAME_BYTES)
        return lethe_fail(error, LETHE_LIMIT, "frame of %u x %u pixels, %u samples of %u bytes is out of limits", image->columns, image->rows,
                          image->samples, image->bytes_per_sample);
    image->pixels = lethe_alloc_array(size, 1);
    if (image->pixels == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a frame of %zu bytes", size);
    return LETHE_OK;
}

void lethe_image_release(lethe_image *image) {
    if (image == NULL) return;
    lethe_free(image->pixels);
    image->pixels = NULL;
}

int32_t lethe_image_sample(const lethe_image *image, uint32_t x, uint32_t y, unsigned channel) {
    assert(x < image->columns && y < image->rows && channel < image->samples);
    size_t index = ((size_t)y * image->columns + x) * image->samples + channel;
    const uint8_t *at = image->pixels + index * image->bytes_per_sample;
    if (image->bytes_per_sample == 1) return image->is_signed ? (int8_t)*at : *at;
    if (image->bytes_per_sample == 2) {
        uint16_t value;
        memcpy(&value, at, sizeof value);
        return image->is_signed ? (int16_t)value : value;
    }
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

lethe_status lethe_image_thumbnail(const lethe_image *image, uint32_t side, lethe_image *out, lethe_error *error) {
    if (image->bytes_per_sample != 1 || side == 0) return lethe_fail(error, LETHE_UNSUPPORTED, "thumbnails are made of 8-bit pictures");
    uint32_t longest = image->columns > image->rows ? image->columns : image->rows;
    double scale = longest <= side ? 1.0 : (double)side / longest;
    *out = *image;
    out->columns = (uint32_t)(image->columns * scale + 0.5);
    out->rows = (uint32_t)(image->rows * scale + 0.5);
    if (out->columns == 0) out->columns = 1;
    if (out->rows == 0) out->rows = 1;
    lethe_status status = lethe_image_allocate(out, error);
    if (status != LETHE_OK) return status;
    for (uint32_t y = 0; y < out->rows; y++) {
        uint32_t top = (uint32_t)((uint64_t)y * image->rows / out->rows), bottom = (uint32_t)((uint64_t)(y + 1) * image->rows / out->rows);
        if (bottom == top) bottom++;
        for (uint32_t x = 0; x < out->columns; x++) {
            uint32_t left = (uint32_t)((uint64_t)x * image->columns / out->columns),
                     right = (uint32_t)((uint64_t)(x + 1) * image->columns / out->columns);
            if (right == left) right++;
            for (unsigned c = 0; c < image->samples; c++) {
                uint64_t sum = 0;
                for (uint32_t v = top; v < bottom; v++)
                    for (uint32_t u = left; u < right; u++) sum += image->pixels[((size_t)v * image->columns + u) * image->samples + c];
                uint64_t area = (uint64_t)(bottom - top) * (right - left);
                out->pixels[((size_t)y * out->columns + x) * image->samples + c] = (uint8_t)((sum + area / 2) / area);
            }
        }
    }
    return LETHE_OK;
}
