/* Where lossless streams end, without keeping what they unpack to. */
#include "core/memory.h"
#include "imaging/slide/stream_check.h"
#include "imaging/slide/tiff_tree.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { LZW_CLEAR = 256, LZW_END = 257, LZW_FIRST = 258, LZW_CODES = 4096, SLACK = 65536, OUT_BYTES = 131072, WINDOW_LOG = 27 };

/* Strings of the table are known by their lengths alone. 0: broken. */
static size_t lzw_end(const uint8_t *bytes, size_t size, uint64_t raw_bytes) {
    uint32_t lengths[LZW_CODES];
    uint32_t next = LZW_FIRST, width = 9, previous = UINT32_MAX;
    uint64_t total = 0;
    size_t bit = 0;
    for (uint32_t i = 0; i < LZW_CODES; i++) lengths[i] = 1;
    for (;;) {
        if (bit + width > 8 * size) return total >= raw_bytes ? size : 0;
        uint32_t code = 0;
        for (uint32_t i = 0; i < width; i++, bit++) code = code << 1 | (bytes[bit >> 3] >> (7 - (bit & 7)) & 1);
        if (code == LZW_END) return (bit + 7) / 8;
        if (code == LZW_CLEAR) {
            next = LZW_FIRST, width = 9, previous = UINT32_MAX;
            continue;
        }
        if (total >= raw_bytes + SLACK || code > next || (previous == UINT32_MAX && code > 255)) return 0;
        if (total >= raw_bytes) return (bit - width + 7) / 8; /* no end code: the rest is not read by anyone */
        if (previous != UINT32_MAX) {
            if (next == LZW_CODES) return 0;
            lengths[next++] = lengths[previous] + 1;
        }
        total += lengths[code];
        previous = code;
        if (next + 1 == 1u << width && width < 12) width++;
    }
}

static size_t deflate_end(const uint8_t *bytes, size_t size, uint64_t raw_bytes) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)(size < UINT32_MAX ? size : UINT32_MAX)};
    uint8_t out[16384];
    uint64_t total = 0;
    bool filling = true;
    if (inflateInit(&stream) != Z_OK) return 0;
    int code = Z_OK;
    while (code == Z_OK && total <= raw_bytes + SLACK) {
        stream.next_out = out;
        stream.avail_out = sizeof out;
        code = inflate(&stream, Z_NO_FLUSH);
        size_t got = sizeof out - stream.avail_out;
        /* What unpacks to more than the image may only be filling. */
        for (size_t i = total >= raw_bytes ? 0 : (size_t)(raw_bytes - total < got ? raw_bytes - total : got); i < got; i++) filling &= out[i] == 0;
        total += got;
    }
    size_t end = code == Z_STREAM_END && filling ? (size_t)stream.total_in : 0;
    (void)inflateEnd(&stream);
    return end;
}

static size_t packbits_end(const uint8_t *bytes, size_t size, uint64_t raw_bytes) {
    uint64_t total = 0;
    size_t at = 0;
    while (at < size && total < raw_bytes) {
        int8_t head = (int8_t)bytes[at++];
        if (head == -128) continue;
        if (head >= 0 &&
            (uint64_t)head + 1 > raw_bytes - total) { /* a literal run that reaches beyond the image: what lies there may only be filling */
            for (size_t i = at + (size_t)(raw_bytes - total); i <= at + (size_t)head; i++)
                if (i >= size || bytes[i]) return 0;
        }
        total += head >= 0 ? (uint64_t)head + 1 : (uint64_t)(1 - head);
        at += head >= 0 ? (size_t)head + 1 : 1;
    }
    return at <= size && total >= raw_bytes ? at : 0;
}

/* One frame (RFC 8878), decoded to its end: skippable frames before it, and whatever unpacks to more than the image, would be read by nobody. */
static size_t zstd_end(const uint8_t *bytes, size_t size, uint64_t raw_bytes) {
    static const uint8_t magic[4] = {0x28, 0xB5, 0x2F, 0xFD};
    uint8_t *out = size > 4 && memcmp(bytes, magic, 4) == 0 ? lethe_alloc(OUT_BYTES) : NULL;
    ZSTD_DStream *stream = out ? ZSTD_createDStream() : NULL;
    ZSTD_inBuffer in = {bytes, size, 0};
    uint64_t total = 0;
    size_t left = stream ? ZSTD_initDStream(stream) : 0;
    bool sound = stream && !ZSTD_isError(left) && !ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG));
    do {
        ZSTD_outBuffer room = {out, OUT_BYTES, 0};
        size_t before = in.pos;
        left = sound ? ZSTD_decompressStream(stream, &room, &in) : 0;
        sound = sound && !ZSTD_isError(left) && (room.pos != 0 || in.pos != before || left == 0);
        for (size_t i = total >= raw_bytes ? 0 : (size_t)(raw_bytes - total < room.pos ? raw_bytes - total : room.pos); sound && i < room.pos; i++)
            sound = out[i] == 0;
        total += room.pos;
    } while (sound && left != 0 && total <= raw_bytes + SLACK);
    (void)ZSTD_freeDStream(stream);
    lethe_free(out);
    return sound && left == 0 ? in.pos : 0;
}

lethe_status lethe_packed_check(uint64_t compression, const uint8_t *bytes, size_t size, uint64_t raw_bytes, lethe_stream_pieces *pieces,
                                lethe_error *error) {
    pieces->count = 1;
    size_t end = compression == LETHE_TIFF_LZW        ? lzw_end(bytes, size, raw_bytes)
                 : compression == LETHE_TIFF_PACKBITS ? packbits_end(bytes, size, raw_bytes)
                 : compression == LETHE_TIFF_ZSTD     ? zstd_end(bytes, size, raw_bytes)
                                                      : deflate_end(bytes, size, raw_bytes);
    if (end == 0 || end > size) return lethe_fail(error, LETHE_MALFORMED, "packed image data of %zu bytes has no sound end", size);
    pieces->keep[0].offset = 0;
    pieces->keep[0].size = end;
    pieces->dropped_bytes = size - end;
    return LETHE_OK;
}
