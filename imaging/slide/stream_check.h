/* What a compressed tile carries beside its pixels: comments, EXIF, bytes behind its end. Layer: imaging. Thread rule: no state. */
#ifndef LETHE_IMAGING_SLIDE_STREAM_CHECK_H
#define LETHE_IMAGING_SLIDE_STREAM_CHECK_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

enum { LETHE_STREAM_PIECES = 16 };

typedef struct lethe_stream_pieces {
    struct {
        size_t offset, size;
    } keep[LETHE_STREAM_PIECES]; /* what stays, in order */
    unsigned count;
    size_t dropped_bytes; /* 0: the stream is clean, keep[0] is all of it */
    /* Set by the caller, may be NULL: called now and then with how far a long stream has been looked at. */
    void (*passed)(void *context, size_t offset);
    void *passed_context;
} lethe_stream_pieces;

/* A JPEG (ITU-T T.81) interchange or abbreviated stream, or JPEGTables. Dropped: COM, APPn other than JFIF (without thumbnail), Adobe and ICC, fill
 * bytes, tables that nothing uses, and what stands behind EOI. Restart markers and 0xFF00 are walked. Errors: LETHE_MALFORMED (no JPEG, segment past
 * the end, no EOI), LETHE_UNSAFE (unknown marker, more than LETHE_STREAM_PIECES pieces). */
LETHE_NODISCARD lethe_status lethe_jpeg_check(const uint8_t *bytes, size_t size, lethe_stream_pieces *pieces, lethe_error *error);
/* A JPEG 2000 codestream (ISO/IEC 15444-1). Dropped: comments of the main header that are not the name of a known encoder, bytes behind EOC. Errors:
 * LETHE_MALFORMED, LETHE_UNSAFE (boxed files with XML, UUID or unknown boxes). */
LETHE_NODISCARD lethe_status lethe_j2k_check(const uint8_t *bytes, size_t size, lethe_stream_pieces *pieces, lethe_error *error);
/* LZW (TIFF 6.0, section 13), Deflate, PackBits or Zstandard data that unpack to at most `raw_bytes`: what stands behind the end of the data is
 * dropped. `compression` as in TIFF. Errors: LETHE_MALFORMED (broken, or unpacks to more). */
LETHE_NODISCARD lethe_status lethe_packed_check(uint64_t compression, const uint8_t *bytes, size_t size, uint64_t raw_bytes,
                                                lethe_stream_pieces *pieces, lethe_error *error);

typedef struct lethe_stream_size {
    uint32_t width_px, height_px; /* JPEG: 0 where the header leaves it open */
    uint32_t samples;
} lethe_stream_size;
/* The size of the picture in a JPEG stream (SOF) or JPEG 2000 codestream (SIZ); false when its header does not say. */
bool lethe_stream_measure(const uint8_t *bytes, size_t size, lethe_stream_size *out);

#endif
