#include "imaging/dicom/stream_text.h"

#include <ctype.h>
#include <string.h>

/* A stretch of a stream: kept, or text. `size` 0: the stream cannot be followed from here. */
typedef struct stretch {
    size_t size;
    bool text;
} stretch;

static size_t be16(const uint8_t *at) { return (size_t)at[0] << 8 | at[1]; }
static size_t be32(const uint8_t *at) { return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]; }

/* "Lavc58.134.100", "Created by OpenJPEG version 2.5.0": a name that we know, then digits and dots. */
static bool is_encoder_line(const uint8_t *text, size_t size) {
    static const char *const names[] = {"Created by OpenJPEG version ", "Kakadu-v", "Kakadu-", "Lavc", "LEAD Technologies Inc. V"};
    while (size > 0 && text[size - 1] == 0) size--;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]), at = length;
        if (size < length || size > length + 12 || memcmp(text, names[i], length) != 0) continue;
        while (at < size && (isdigit(text[at]) || text[at] == '.')) at++;
        if (at == size) return true;
    }
    return false;
}

static bool only_zeros(const uint8_t *at, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (at[i] != 0) return false;
    return true;
}

/* --- JPEG and JPEG-LS (ISO 10918-1 B, ISO 14495-1 C) --- */

/* Huffman or quantisation tables that fill their segment to its last byte. */
static bool are_tables(const uint8_t *at, size_t size, bool quantisation) {
    while (size > 0) {
        size_t need = quantisation ? 1 + (at[0] >> 4 != 0 ? 128u : 64u) : 17;
        for (size_t i = 1; !quantisation && i <= 16 && i < size; i++) need += at[i];
        if (need > size) return false;
        at += need;
        size -= need;
    }
    return true;
}

/* Segments that change how samples are decoded, in the only form in which they do nothing else. */
static bool is_plain_segment(uint8_t marker, const uint8_t *payload, size_t size) {
    if (marker == 0xE0) return size == 14 && memcmp(payload, "JFIF", 5) == 0 && payload[12] == 0 && payload[13] == 0;
    if (marker == 0xEE) return size == 12 && memcmp(payload, "Adobe", 5) == 0;
    if (marker == 0xE8) return size == 5 && memcmp(payload, "mrfx", 4) == 0; /* HP's colour transform of JPEG-LS */
    if (marker == 0xFE) return is_encoder_line(payload, size);
    if (marker == 0xC4) return are_tables(payload, size, false);
    if (marker == 0xDB) return are_tables(payload, size, true);
    if (marker == 0xCC) return size % 2 == 0 && size <= 16; /* conditioning of up to eight arithmetic coders */
    if (marker == 0xDD) return size <= 4;
    if (marker == 0xDC || marker == 0xDF) return size <= 4;
    /* Frames and scans: their decoders read all of them. JPEG-LS: F7 and its presets F8. What else there is, is reserved. */
    return (marker >= 0xC0 && marker <= 0xCF) || marker == 0xDA || marker == 0xDE || marker == 0xF7 || (marker == 0xF8 && size <= 16);
}

/* Entropy-coded bytes up to the next marker: FF 00 is data (JPEG-LS: FF and anything below 80), FF D0 to D7 are restarts. */
static size_t entropy_size(const uint8_t *bytes, size_t size, bool jpeg_ls) {
    for (size_t at = 0; at + 1 < size;) {
        const uint8_t *hit = memchr(bytes + at, 0xFF, size - at - 1);
        if (hit == NULL) return size;
        at = (size_t)(hit - bytes);
        uint8_t next = bytes[at + 1];
        bool data = next == 0 || (jpeg_ls && next < 0x80) || (next >= 0xD0 && next <= 0xD7);
        if (next == 0xFF) at++;
        else if (data) at += 2;
        else return at;
    }
    return size;
}

typedef struct jpeg_walk {
    const uint8_t *bytes;
    size_t size, at;
    bool jpeg_ls, in_scan, ended;
} jpeg_walk;

static stretch jpeg_next(jpeg_walk *w) {
    const uint8_t *at = w->bytes + w->at;
    size_t left = w->size - w->at;
    if (w->ended) return (stretch){.size = left, .text = !only_zeros(at, left)};
    if (w->in_scan) {
        w->in_scan = false;
        size_t size = entropy_size(at, left, w->jpeg_ls);
        if (size > 0) return (stretch){.size = size};
    }
    if (left < 2 || at[0] != 0xFF) return (stretch){0};
    uint8_t marker = at[1];
    if (marker == 0xFF) return (stretch){.size = 1};
    if (marker == 0xD9) w->ended = true;
    if (marker == 0xD8 || marker == 0xD9 || marker == 0x01) return (stretch){.size = 2};
    if (left < 4 || be16(at + 2) < 2 || be16(at + 2) > left - 2) return (stretch){0};
    size_t payload = be16(at + 2) - 2;
    if (marker == 0xF7) w->jpeg_ls = true;
    if (marker == 0xDA) w->in_scan = true;
    return (stretch){.size = payload + 4, .text = !is_plain_segment(marker, at + 4, payload)};
}

/* --- JPEG 2000 (ISO 15444-1 A, I) --- */

typedef lethe_status (*text_fn)(void *context, size_t from, size_t to);

/* Segments of parts 1, 2 and 15 that say how samples are coded. */
static bool is_j2k_marker(uint8_t marker) {
    static const uint8_t known[] = {0x50, 0x51, 0x52, 0x53, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60,
                                    0x61, 0x63, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x90, 0x91};
    return memchr(known, marker, sizeof known) != NULL;
}

/* Comments of the main header and of the tile-parts' headers. */
static bool visit_codestream(const uint8_t *bytes, size_t from, size_t size, text_fn visit, void *context) {
    size_t at = from, part = 0, part_size = 0;
    while (at + 2 <= size) {
        if (bytes[at] != 0xFF) return false;
        uint8_t marker = bytes[at + 1];
        if (marker == 0x4F) { /* SOC */
            at += 2;
            continue;
        }
        if (marker == 0xD9) { /* EOC */
            if (!only_zeros(bytes + at + 2, size - at - 2)) return visit(context, at + 2, size) == LETHE_OK;
            return true;
        }
        if (marker == 0x93) {     /* SOD: on to the next tile-part */
            if (part_size == 0) { /* the last: up to the end of the codestream; no marker above FF8F stands in packets (B.10.1) */
                const uint8_t *end = memmem(bytes + at, size - at, "\xFF\xD9", 2);
                if (end == NULL) return true;
                at = (size_t)(end - bytes);
                continue;
            }
            if (part_size > size - part || part + part_size < at + 2) return false;
            at = part + part_size;
            continue;
        }
        if (at + 4 > size || be16(bytes + at + 2) < 2 || be16(bytes + at + 2) > size - at - 2) return false;
        size_t length = be16(bytes + at + 2);
        if (marker == 0x90) { /* SOT */
            if (length < 10) return false;
            part = at;
            part_size = be32(bytes + at + 6);
        }
        /* COM: two bytes say what kind of text it is. */
        if (marker == 0x64 && length > 4 && !is_encoder_line(bytes + at + 6, length - 4) && visit(context, at + 6, at + 2 + length) != LETHE_OK)
            return false;
        if (marker != 0x64 && !is_j2k_marker(marker) && visit(context, at + 4, at + 2 + length) != LETHE_OK) return false;
        at += 2 + length;
    }
    return at == size;
}

/* A JP2 file instead of a codestream: boxes that decoding needs, and others. */
static bool visit_boxes(const uint8_t *bytes, size_t size, text_fn visit, void *context) {
    static const char *const needed[] = {"jP  ", "ftyp", "jp2h", "ihdr", "bpcc", "colr", "pclr", "cmap", "cdef", "res "};
    size_t at = 0;
    while (at + 8 <= size) {
        size_t length = be32(bytes + at), head = 8;
        if (length == 0) length = size - at;
        if (length < head || length > size - at) return false; /* boxes of 64-bit length do not fit into a frame */
        bool plain = false;
        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) plain = plain || memcmp(bytes + at + 4, needed[i], 4) == 0;
        if (memcmp(bytes + at + 4, "jp2h", 4) == 0) length = head; /* a box of boxes: they are looked at one by one */
        if (memcmp(bytes + at + 4, "jp2c", 4) == 0) {
            if (!visit_codestream(bytes, at + head, at + length, visit, context)) return false;
        } else if (!plain && !only_zeros(bytes + at + head, length - head) && visit(context, at + head, at + length) != LETHE_OK) {
            return false;
        }
        at += length;
    }
    return only_zeros(bytes + at, size - at) || visit(context, at, size) == LETHE_OK;
}

static bool visit_j2k(const uint8_t *bytes, size_t size, text_fn visit, void *context) {
    static const uint8_t box[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    if (size > sizeof box && memcmp(bytes, box, sizeof box) == 0) return visit_boxes(bytes, size, visit, context);
    return visit_codestream(bytes, 0, size, visit, context);
}

static lethe_status note(void *context, size_t from, size_t to) {
    (void)from;
    (void)to;
    *(bool *)context = true;
    return LETHE_OK;
}

typedef struct blanking {
    lethe_buffer *out;
    size_t start;
} blanking;
static lethe_status blank(void *context, size_t from, size_t to) {
    blanking *b = context;
    memset(b->out->bytes + b->start + from, 0, to - from);
    return LETHE_OK;
}

/* --- both --- */

static bool is_jpeg(lethe_codec codec) {
    return codec == LETHE_CODEC_JPEG_BASELINE || codec == LETHE_CODEC_JPEG_EXTENDED || codec == LETHE_CODEC_JPEG_LOSSLESS ||
           codec == LETHE_CODEC_JPEG_LS;
}

bool lethe_stream_has_text(lethe_codec codec, const uint8_t *bytes, size_t size) {
    if (codec == LETHE_CODEC_JPEG_2000) {
        bool found = false;
        return !visit_j2k(bytes, size, note, &found) || found;
    }
    if (!is_jpeg(codec)) return false;
    jpeg_walk w = {.bytes = bytes, .size = size};
    while (w.at < size) {
        stretch s = jpeg_next(&w);
        if (s.size == 0 || s.text) return true;
        w.at += s.size;
    }
    return false;
}

lethe_status lethe_stream_strip(lethe_codec codec, const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    if (codec == LETHE_CODEC_JPEG_2000) {
        blanking b = {.out = out, .start = out->size};
        lethe_status status = lethe_buffer_append(out, bytes, size, error);
        if (status == LETHE_OK && !visit_j2k(bytes, size, blank, &b))
            status = lethe_fail(error, LETHE_MALFORMED, "a JPEG 2000 frame cannot be followed to its end");
        return status;
    }
    if (!is_jpeg(codec)) return lethe_buffer_append(out, bytes, size, error);
    jpeg_walk w = {.bytes = bytes, .size = size};
    lethe_status status = LETHE_OK;
    while (w.at < size && status == LETHE_OK) {
        stretch s = jpeg_next(&w);
        if (s.size == 0) return lethe_fail(error, LETHE_MALFORMED, "a JPEG frame cannot be followed from byte %zu on", w.at);
        if (!s.text) status = lethe_buffer_append(out, bytes + w.at, s.size, error);
        w.at += s.size;
    }
    return status;
}
