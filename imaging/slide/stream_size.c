/* The size of the picture in a compressed stream, from its header alone. */
#include "imaging/slide/stream_check.h"

#include <string.h>

static uint32_t be16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static uint32_t be32(const uint8_t *at) { return be16(at) << 16 | be16(at + 2); }

static bool is_frame(uint8_t marker) { return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC; }

static bool jpeg_size(const uint8_t *bytes, size_t size, lethe_stream_size *out) {
    for (size_t at = 2; at + 4 <= size && bytes[at] == 0xFF;) {
        uint8_t marker = bytes[at + 1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        size_t length = be16(bytes + at + 2);
        if (length < 2 || length > size - at - 2 || marker == 0xDA || marker == 0xD9) return false;
        if (is_frame(marker)) {
            if (length < 8) return false;
            *out = (lethe_stream_size){.width_px = be16(bytes + at + 7), .height_px = be16(bytes + at + 5), .samples = bytes[at + 9]};
            return true;
        }
        at += 2 + length;
    }
    return false;
}

bool lethe_stream_measure(const uint8_t *bytes, size_t size, lethe_stream_size *out) {
    *out = (lethe_stream_size){0};
    if (size >= 4 && bytes[0] == 0xFF && bytes[1] == 0xD8) return jpeg_size(bytes, size, out);
    /* ISO/IEC 15444-1 A.5.1: SIZ follows SOC. */
    if (size < 42 || memcmp(bytes, "\xFF\x4F\xFF\x51", 4) != 0) return false;
    uint32_t x1 = be32(bytes + 8), y1 = be32(bytes + 12), x0 = be32(bytes + 16), y0 = be32(bytes + 20);
    if (x1 <= x0 || y1 <= y0) return false;
    *out = (lethe_stream_size){.width_px = x1 - x0, .height_px = y1 - y0, .samples = be16(bytes + 40)};
    return true;
}
