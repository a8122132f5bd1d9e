#include "imaging/dicom/stream_text.h"

#include "imaging/dicom/codec.h"

#include <string.h>

/* --- RLE (PS3.5 Annex G): 16 words of header, then one PackBits segment per byte plane --- */

enum { HEADER_BYTES = 64, HEADER_WORDS = 16 };

static uint32_t le32(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }

static bool only_zeros(const uint8_t *at, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (at[i] != 0) return false;
    return true;
}

/* The bytes of a segment that its `count` samples need, without what stands behind them. `over`: how many of its last run are one too many; `last`:
 * where that run begins. */
static bool measure_segment(const uint8_t *bytes, size_t size, uint64_t count, size_t *used, size_t *last, uint64_t *over) {
    size_t at = 0;
    uint64_t done = 0;
    *last = 0;
    while (done < count) {
        if (at >= size) return false;
        uint8_t control = bytes[at];
        size_t step = control == 128 ? 1 : control < 128 ? (size_t)control + 2 : 2;
        if (step > size - at) return false;
        *last = at;
        done += control == 128 ? 0 : control < 128 ? control + 1u : 257u - control;
        at += step;
    }
    *used = at;
    *over = done - count;
    return true;
}

typedef struct rle_frame {
    const uint8_t *bytes;
    size_t size;
    uint32_t segments;
    uint64_t count; /* samples of a plane */
    lethe_buffer *out;
    lethe_error *error;
} rle_frame;

static lethe_status broken(const rle_frame *f, const char *what) { return lethe_fail(f->error, LETHE_MALFORMED, "RLE frame: %s", what); }

/* One segment: is it exact, and (with `out`) what is needed of it, with an even length. */
static lethe_status take_segment(const rle_frame *f, const uint8_t *bytes, size_t size, bool *text) {
    size_t used = 0, last = 0;
    uint64_t over = 0;
    if (!measure_segment(bytes, size, f->count, &used, &last, &over)) return broken(f, "a segment ends early");
    if (over != 0 || !only_zeros(bytes + used, size - used)) *text = true;
    if (f->out == NULL) return LETHE_OK;
    size_t start = f->out->size;
    lethe_status status = lethe_buffer_append(f->out, bytes, used, f->error);
    if (status == LETHE_OK && over != 0) { /* the run ends with the picture */
        uint8_t *control = f->out->bytes + start + last;
        if (*control < 128) f->out->size -= (size_t)over;
        *control = (uint8_t)(*control < 128 ? *control - over : *control + over);
        if (*control == 128) return broken(f, "a run of nothing"); /* not reached: `over` is less than the run */
    }
    if (status == LETHE_OK && (f->out->size - start) % 2 != 0) status = lethe_buffer_append(f->out, "", 1, f->error);
    return status;
}

static lethe_status walk_rle(const rle_frame *f, bool *text) {
    if (f->size < HEADER_BYTES) return broken(f, "no header");
    if (le32(f->bytes) != f->segments || f->segments >= HEADER_WORDS) return broken(f, "another number of segments than the header asks for");
    size_t head = f->out == NULL ? 0 : f->out->size;
    uint8_t header[HEADER_BYTES] = {(uint8_t)f->segments};
    lethe_status status = f->out == NULL ? LETHE_OK : lethe_buffer_append(f->out, header, sizeof header, f->error);
    if (!only_zeros(f->bytes + 4 + 4u * f->segments, HEADER_BYTES - 4 - 4u * f->segments)) *text = true;
    for (uint32_t s = 0; s < f->segments && status == LETHE_OK; s++) {
        uint64_t from = le32(f->bytes + 4 + 4 * s), to = s + 1 < f->segments ? le32(f->bytes + 8 + 4 * s) : f->size;
        if (from < HEADER_BYTES || from > to || to > f->size) return broken(f, "a segment lies outside of it");
        if (s == 0 && !only_zeros(f->bytes + HEADER_BYTES, (size_t)from - HEADER_BYTES)) *text = true;
        if (f->out != NULL) {
            uint64_t offset = f->out->size - head;
            for (unsigned i = 0; i < 4; i++) f->out->bytes[head + 4 + 4 * s + i] = (uint8_t)(offset >> (8 * i));
        }
        status = take_segment(f, f->bytes + from, (size_t)(to - from), text);
    }
    return status;
}

static rle_frame rle_of(const lethe_pixels_info *info, const uint8_t *bytes, size_t size, lethe_error *error) {
    uint32_t width = info->bits_allocated <= 8 ? 1 : info->bits_allocated / 8u;
    return (rle_frame){
        .bytes = bytes, .size = size, .segments = info->samples_per_pixel * width, .count = (uint64_t)info->columns * info->rows, .error = error};
}

/* --- sizes --- */

static bool is_jpeg(lethe_codec codec) {
    return codec == LETHE_CODEC_JPEG_BASELINE || codec == LETHE_CODEC_JPEG_EXTENDED || codec == LETHE_CODEC_JPEG_LOSSLESS ||
           codec == LETHE_CODEC_JPEG_LS;
}

static uint32_t be32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

/* SOC and SIZ stand first (ISO 15444-1 A.4.1, A.5.1), in a JP2 file behind some boxes. */
static bool j2k_size(const uint8_t *bytes, size_t size, uint32_t *columns, uint32_t *rows, uint32_t *components) {
    static const uint8_t head[] = {0xFF, 0x4F, 0xFF, 0x51};
    const uint8_t *at = memmem(bytes, size < 4096 ? size : 4096, head, sizeof head);
    if (at == NULL || (size_t)(bytes + size - at) < 42) return false;
    *columns = be32(at + 8) - be32(at + 16);
    *rows = be32(at + 12) - be32(at + 20);
    *components = (uint32_t)at[40] << 8 | at[41];
    return true;
}

static lethe_status check_size(const lethe_pixels_info *info, const uint8_t *bytes, size_t size, lethe_error *error) {
    uint8_t sof, precision, of_jpeg = 0;
    uint32_t columns = 0, rows = 0, components = 0;
    bool known = is_jpeg(info->codec) ? lethe_jpeg_probe(bytes, size, &sof, &precision, &columns, &rows, &of_jpeg)
                                      : j2k_size(bytes, size, &columns, &rows, &components);
    if (of_jpeg != 0) components = of_jpeg;
    if (!known) return lethe_fail(error, LETHE_MALFORMED, "a frame is no stream of its transfer syntax");
    if (columns != info->columns || rows != info->rows || components != info->samples_per_pixel)
        return lethe_fail(error, LETHE_MALFORMED, "a frame of %u x %u x %u where the header says %u x %u x %u", columns, rows, components,
                          info->columns, info->rows, info->samples_per_pixel);
    return LETHE_OK;
}

/* --- both --- */

lethe_status lethe_stream_examine(const lethe_pixels_info *info, const uint8_t *bytes, size_t size, bool *text, lethe_error *error) {
    *text = false;
    if (info->codec == LETHE_CODEC_RLE) {
        rle_frame f = rle_of(info, bytes, size, error);
        return walk_rle(&f, text);
    }
    lethe_status status = check_size(info, bytes, size, error);
    if (status == LETHE_OK) *text = lethe_stream_has_text(info->codec, bytes, size);
    return status;
}

lethe_status lethe_stream_clean(const lethe_pixels_info *info, const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    if (info->codec != LETHE_CODEC_RLE) return lethe_stream_strip(info->codec, bytes, size, out, error);
    bool text;
    rle_frame f = rle_of(info, bytes, size, error);
    f.out = out;
    return walk_rle(&f, &text);
}
