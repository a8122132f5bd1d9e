#include "core/memory.h"
#include "imaging/dicom/codec.h"

#include <string.h>

/* RLE Lossless, PS3.5 Annex G: a header of 16 little-endian words (segment count, then offsets), one PackBits segment per byte plane, most
 * significant byte first, planes of one sample together. */
enum { RLE_HEADER_BYTES = 64, RLE_MAX_SEGMENTS = 15 };

static uint32_t read_u32(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }
static void write_u32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

/* Unpack one segment into every `step`-th byte of `out`. Returns false when the segment ends before `count` bytes. */
static bool unpack(const uint8_t *at, const uint8_t *end, uint8_t *out, size_t count, size_t step) {
    size_t done = 0;
    while (done < count && at < end) {
        uint8_t control = *at++;
        if (control == 128) continue;
        if (control < 128) {
            size_t run = (size_t)control + 1;
            if ((size_t)(end - at) < run) return false;
            if (run > count - done) run = count - done;
            if (step == 1) memcpy(out + done, at, run);
            else
                for (size_t i = 0; i < run; i++) out[(done + i) * step] = at[i];
            at += (size_t)control + 1;
            done += run;
        } else {
            if (at == end) return false;
            size_t run = 257u - control;
            if (run > count - done) run = count - done;
            if (step == 1) memset(out + done, *at, run);
            else
                for (size_t i = 0; i < run; i++) out[(done + i) * step] = *at;
            at++;
            done += run;
        }
    }
    return done == count;
}

lethe_status lethe_rle_decode(const uint8_t *bytes, size_t size, lethe_image *out, lethe_error *error) {
    if (size < RLE_HEADER_BYTES) return lethe_fail(error, LETHE_MALFORMED, "RLE frame of %zu bytes has no header", size);
    uint32_t segments = read_u32(bytes);
    unsigned width = out->bytes_per_sample;
    if (segments != (uint32_t)out->samples * width || segments > RLE_MAX_SEGMENTS)
        return lethe_fail(error, LETHE_MALFORMED, "RLE frame has %u segments where %u are due", segments, out->samples * width);
    size_t count = (size_t)out->columns * out->rows, step = (size_t)out->samples * width;
    for (uint32_t s = 0; s < segments; s++) {
        uint32_t start = read_u32(bytes + 4 + 4 * s);
        uint32_t stop = s + 1 < segments ? read_u32(bytes + 8 + 4 * s) : (uint32_t)(size > UINT32_MAX ? UINT32_MAX : size);
        if (start < RLE_HEADER_BYTES || start > stop || stop > size)
            return lethe_fail(error, LETHE_MALFORMED, "RLE segment %u lies outside its frame", s);
        unsigned sample = s / width, byte = width - 1 - s % width; /* host order is little endian */
        if (!unpack(bytes + start, bytes + stop, out->pixels + (size_t)sample * width + byte, count, step))
            return lethe_fail(error, LETHE_MALFORMED, "RLE segment %u ends early", s);
    }
    return LETHE_OK;
}

/* PackBits of one row; at most size + size / 128 + 1 bytes. */
static size_t pack_row(const uint8_t *row, size_t size, uint8_t *out) {
    size_t at = 0, written = 0;
    while (at < size) {
        size_t run = 1;
        while (at + run < size && run < 128 && row[at + run] == row[at]) run++;
        if (run >= 2) {
            out[written++] = (uint8_t)(257 - run);
            out[written++] = row[at];
            at += run;
            continue;
        }
        size_t start = at++;
        while (at < size && at - start < 128 && !(at + 2 < size && row[at] == row[at + 1] && row[at] == row[at + 2])) at++;
        out[written++] = (uint8_t)(at - start - 1);
        memcpy(out + written, row + start, at - start);
        written += at - start;
    }
    return written;
}

lethe_status lethe_rle_encode(const lethe_image *image, lethe_buffer *out, lethe_error *error) {
    unsigned width = image->bytes_per_sample, segments = image->samples * width;
    if (segments > RLE_MAX_SEGMENTS) return lethe_fail(error, LETHE_UNSUPPORTED, "RLE cannot hold %u segments", segments);
    size_t start = out->size;
    uint8_t *header, *row = lethe_alloc_array(image->columns, 1);
    lethe_status status = row == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for an RLE row") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_buffer_extend(out, RLE_HEADER_BYTES, &header, error);
    if (status != LETHE_OK) goto out;
    memset(header, 0, RLE_HEADER_BYTES);
    write_u32(header, segments);
    for (unsigned s = 0; s < segments && status == LETHE_OK; s++) {
        unsigned sample = s / width, byte = width - 1 - s % width;
        write_u32(out->bytes + start + 4 + 4 * s, (uint32_t)(out->size - start));
        for (uint32_t y = 0; y < image->rows; y++) {
            const uint8_t *from = image->pixels + (size_t)y * image->columns * segments + (size_t)sample * width + byte;
            for (uint32_t x = 0; x < image->columns; x++) row[x] = from[(size_t)x * segments];
            size_t before = out->size;
            uint8_t *at;
            status = lethe_buffer_extend(out, (size_t)image->columns + image->columns / 64 + 4, &at, error);
            if (status != LETHE_OK) goto out;
            out->size = before + pack_row(row, image->columns, at);
        }
        if ((out->size - start) % 2 != 0) status = lethe_buffer_append(out, "", 1, error); /* segments have even length */
    }
out:
    lethe_free(row);
    return status;
}
