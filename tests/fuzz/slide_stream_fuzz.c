/* room: deid. Streams of tiles: what may stay lies inside the stream, in order, and what was cleaned is clean. The first byte picks the compression.
 */
#include "core/memory.h"
#include "deid/slides/tile_check.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint64_t kinds[] = {LETHE_TIFF_JPEG,    LETHE_TIFF_JPEG_2000, LETHE_TIFF_NONE,          LETHE_TIFF_LZW,
                                     LETHE_TIFF_DEFLATE, LETHE_TIFF_PACKBITS,  LETHE_TIFF_APERIO_J2K_RGB};
    if (size < 2) return 0;
    const lethe_tile_check check = {.compression = kinds[data[0] % 7], .width_px = 256, .height_px = 256, .raw_bytes = 64 * (uint64_t)data[1]};
    data += 2;
    size -= 2;
    lethe_stream_pieces pieces = {0};
    lethe_stream_size picture;
    (void)lethe_stream_measure(data, size, &picture);
    if (lethe_tile_check_one(&check, data, size, &pieces, NULL) != LETHE_OK || !pieces.dropped_bytes) return 0;
    uint8_t *clean = lethe_alloc(size + 1);
    if (!clean) return 0;
    size_t used = 0, end = 0;
    for (unsigned i = 0; i < pieces.count; i++) {
        if (pieces.keep[i].offset < end || pieces.keep[i].offset > size || pieces.keep[i].size > size - pieces.keep[i].offset) abort();
        memcpy(clean + used, data + pieces.keep[i].offset, pieces.keep[i].size);
        end = pieces.keep[i].offset + pieces.keep[i].size;
        used += pieces.keep[i].size;
    }
    if (used != size - pieces.dropped_bytes) abort();
    if (lethe_tile_check_one(&check, clean, used, &pieces, NULL) != LETHE_OK || pieces.dropped_bytes) abort();
    lethe_free(clean);
    return 0;
}
