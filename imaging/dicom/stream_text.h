/* What compressed frames say beside their pixels: comments, application segments (thumbnails, EXIF, the writer's own notes), bytes behind the end.
 * None of it is needed to decode them, all of it may name somebody. Layer: imaging. Thread rule: no state. */
#ifndef LETHE_IMAGING_DICOM_STREAM_TEXT_H
#define LETHE_IMAGING_DICOM_STREAM_TEXT_H

#include "core/buffer.h"
#include "core/error.h"
#include "imaging/dicom/pixels.h"

/* Does a JPEG, JPEG-LS or JPEG 2000 frame hold such bytes? JFIF without a thumbnail, Adobe's colour transform, JPEG-LS colour transforms and the
 * plain version line of an encoder are no text. A stream that cannot be followed holds some. Reads the whole frame. */
bool lethe_stream_has_text(lethe_codec codec, const uint8_t *bytes, size_t size);
/* Append the frame without them; every byte that decoding needs stays as it is. JPEG 2000: the bytes are blanked in their place. Errors:
 * LETHE_MALFORMED when the stream cannot be followed to its end. */
LETHE_NODISCARD lethe_status lethe_stream_strip(lethe_codec codec, const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error);

/* A frame of known size, RLE too: does it hold such bytes, does its stream tell the size that the header tells? In RLE they can stand in the header,
 * between and behind segments, and in a last run that goes beyond the picture. Errors: LETHE_MALFORMED for another size, or RLE that cannot be
 * followed. */
LETHE_NODISCARD lethe_status lethe_stream_examine(const lethe_pixels_info *info, const uint8_t *bytes, size_t size, bool *text, lethe_error *error);
/* As lethe_stream_strip, RLE too. */
LETHE_NODISCARD lethe_status lethe_stream_clean(const lethe_pixels_info *info, const uint8_t *bytes, size_t size, lethe_buffer *out,
                                                lethe_error *error);

#endif
