/* room: imaging
 * RLE Lossless: three bytes choose the frame's form, the rest is the frame. What decodes must survive encoding and decoding again. */
#include "imaging/dicom/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 3) return 0;
    lethe_image image = {
        .columns = 1u + bytes[0], .rows = 1u + bytes[1], .samples = (bytes[2] & 1) != 0 ? 3 : 1, .bytes_per_sample = (bytes[2] & 2) != 0 ? 2 : 1};
    lethe_image again = image;
    lethe_buffer encoded;
    lethe_buffer_init(&encoded, 4u << 20);
    if (lethe_image_allocate(&image, NULL) != LETHE_OK || lethe_image_allocate(&again, NULL) != LETHE_OK) abort();
    if (lethe_rle_decode(bytes + 3, size - 3, &image, NULL) == LETHE_OK) {
        if (lethe_rle_encode(&image, &encoded, NULL) != LETHE_OK || lethe_rle_decode(encoded.bytes, encoded.size, &again, NULL) != LETHE_OK) abort();
        if (memcmp(image.pixels, again.pixels, lethe_image_size_bytes(&image)) != 0) abort();
    }
    lethe_buffer_release(&encoded);
    lethe_image_release(&image);
    lethe_image_release(&again);
    return 0;
}
