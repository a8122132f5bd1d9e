#include "imaging/slide/stream_check.h"

#include "imaging/slide/stream_tables.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static lethe_status keep(lethe_stream_pieces *pieces, size_t from, size_t to, lethe_error *error) {
    if (from == to) return LETHE_OK;
    if (pieces->count && pieces->keep[pieces->count - 1].offset + pieces->keep[pieces->count - 1].size == from) {
        pieces->keep[pieces->count - 1].size += to - from;
        return LETHE_OK;
    }
    if (pieces->count == LETHE_STREAM_PIECES) return lethe_fail(error, LETHE_UNSAFE, "image stream has too many foreign segments");
    pieces->keep[pieces->count].offset = from;
    pieces->keep[pieces->count++].size = to - from;
    return LETHE_OK;
}

static size_t be16(const uint8_t *at) { return (size_t)(at[0] << 8 | at[1]); }

/* Application segments that describe pixels and hold no free text. */
static bool is_pixel_segment(uint8_t marker, const uint8_t *data, size_t size) {
    if (marker == 0xE0) return size == 14 && memcmp(data, "JFIF\0", 5) == 0 && data[12] == 0 && data[13] == 0;
    /* Version 100 or 101, flags of whole bits, transform 0 to 2: a free byte would be a hiding place. */
    if (marker == 0xEE)
        return size == 12 && memcmp(data, "Adobe\0", 6) == 0 && (data[6] == 100 || data[6] == 101) && !(data[7] & 0x3F) && !data[8] &&
               !(data[9] & 0x3F) && !data[10] && data[11] <= 2;
    return false;
}

/* Table and frame markers of T.81, table B.1. */
static bool is_table_marker(uint8_t marker) {
    return marker == 0xDB || marker == 0xC4 || marker == 0xDD || marker == 0xCC || (marker >= 0xC0 && marker <= 0xCF && marker != 0xC8);
}

/* Printable bytes in a row that chance does not bring: a slide may have a hundred thousand tiles, and a level a hundred thousand restart markers. */
enum { BEFORE_RESTART = 20, BEFORE_MARKER = 17 };

/* Decoders stop at the last block and skip to the marker: text may stand in between. True when what stands before the marker at `at` reads like it.
 */
static bool ends_in_text(const uint8_t *bytes, size_t start, size_t at, unsigned least) {
    bool seen[128] = {false};
    unsigned length = 0, letters = 0, distinct = 0;
    while (at > start && length < 64 && bytes[at - 1] >= 0x20 && bytes[at - 1] <= 0x7E) {
        uint8_t c = bytes[--at];
        length++;
        letters += (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == ' ';
        distinct += !seen[c];
        seen[c] = true;
    }
    return length >= least && letters * 4 >= length * 3 && distinct >= 6;
}

/* The first 0xFF from `at` on that is followed by anything but zero: a marker among entropy-coded data. `size` when there is none before its last
 * byte. */
static size_t find_marker_plain(const uint8_t *bytes, size_t size, size_t at) {
    while (at + 1 < size) {
        const uint8_t *found = memchr(bytes + at, 0xFF, size - at - 1);
        if (!found) return size;
        at = (size_t)(found - bytes);
        if (bytes[at + 1]) return at;
        at += 2;
    }
    return size;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static size_t find_marker_wide(const uint8_t *bytes, size_t size, size_t at) {
    const __m256i marker = _mm256_set1_epi8((char)0xFF), zero = _mm256_setzero_si256();
    for (; size - at >= 65; at += 64) {
        __m256i first = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(bytes + at)), marker),
                second = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(bytes + at + 32)), marker);
        if (_mm256_testz_si256(_mm256_or_si256(first, second), marker)) continue;
        __m256i first_zero = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(bytes + at + 1)), zero),
                second_zero = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(bytes + at + 33)), zero);
        uint64_t low = (uint32_t)_mm256_movemask_epi8(_mm256_andnot_si256(first_zero, first)),
                 high = (uint32_t)_mm256_movemask_epi8(_mm256_andnot_si256(second_zero, second));
        if (low | high) return at + (size_t)__builtin_ctzll(low | high << 32);
    }
    return find_marker_plain(bytes, size, at);
}
#endif

static size_t find_marker(const uint8_t *bytes, size_t size, size_t at) {
#if defined(__x86_64__)
    if (at < size && __builtin_cpu_supports("avx2")) return find_marker_wide(bytes, size, at);
#endif
    return find_marker_plain(bytes, size, at);
}

/* Walk entropy-coded data from `at` to its next real marker. */
static size_t skip_entropy(const uint8_t *bytes, size_t size, size_t at, const lethe_stream_pieces *pieces, bool *text) {
    enum { PASS_BYTES = 8 << 20 };
    size_t start = at;
    while (at + 1 < size) {
        size_t end = size - at > PASS_BYTES ? at + PASS_BYTES : size, found = find_marker(bytes, end, at);
        if (found == end && end < size) {
            at = end - 1; /* its last byte may be the first of a marker */
            if (pieces->passed) pieces->passed(pieces->passed_context, at);
            continue;
        }
        if (found == end) return size;
        at = found;
        uint8_t next = bytes[at + 1];
        bool restart = next >= 0xD0 && next <= 0xD7;
        *text |= ends_in_text(bytes, start, at, restart ? BEFORE_RESTART : BEFORE_MARKER);
        if (!restart) return at;
        start = at += 2;
    }
    return size;
}

/* Symbols of a Huffman table stand once each; those of DC tables are numbers of bits. */
static bool are_symbols(unsigned kind, const uint8_t *symbols, size_t count) {
    bool seen[256] = {false};
    for (size_t i = 0; i < count; i++) {
        if (seen[symbols[i]] || (kind == 0 && symbols[i] > 16)) return false;
        seen[symbols[i]] = true;
    }
    return kind <= 1;
}

/* True when a table or frame segment holds exactly what it declares (T.81, B.2.2 to B.2.4): bytes left over would be read by nobody. */
static bool is_filled(uint8_t marker, const uint8_t *data, size_t size) {
    size_t at = 0;
    switch (marker) {
    case 0xDB:
        while (at < size) at += data[at] >> 4 ? 129 : 65;
        return at == size;
    case 0xC4:
        while (at + 17 <= size) {
            size_t codes = 0;
            for (unsigned i = 1; i <= 16; i++) codes += data[at + i];
            if (at + 17 + codes > size || !are_symbols(data[at] >> 4, data + at + 17, codes)) return false;
            at += 17 + codes;
        }
        return at == size;
    case 0xDD: return size == 2;
    case 0xCC: return size % 2 == 0 && size <= 16;
    case 0xDA: return size >= 4 && size == 4 + 2 * (size_t)data[0];
    default: return size >= 6 && size == 6 + 3 * (size_t)data[5]; /* frames */
    }
}

lethe_status lethe_jpeg_check(const uint8_t *bytes, size_t size, lethe_stream_pieces *pieces, lethe_error *error) {
    pieces->count = 0;
    pieces->dropped_bytes = 0;
    if (size < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8) return lethe_fail(error, LETHE_MALFORMED, "tile is not a JPEG stream");
    lethe_status status = keep(pieces, 0, 2, error);
    const lethe_jpeg_tables tables = lethe_jpeg_tables_of(bytes, size);
    size_t at = 2;
    unsigned frames = 0;
    while (status == LETHE_OK) {
        if (at + 2 > size || bytes[at] != 0xFF) return lethe_fail(error, LETHE_MALFORMED, "JPEG marker expected at byte %zu of a tile", at);
        uint8_t marker = bytes[at + 1];
        if (marker == 0xFF) {
            at++; /* fill byte */
            continue;
        }
        if (marker == 0xD9) {
            status = keep(pieces, at, at + 2, error);
            break;
        }
        if (at + 4 > size || be16(bytes + at + 2) < 2 || at + 2 + be16(bytes + at + 2) > size)
            return lethe_fail(error, LETHE_MALFORMED, "JPEG segment at byte %zu is cut off", at);
        size_t end = at + 2 + be16(bytes + at + 2);
        if ((is_table_marker(marker) || marker == 0xDA) && !is_filled(marker, bytes + at + 4, end - at - 4))
            return lethe_fail(error, LETHE_UNSAFE, "JPEG segment at byte %zu holds more or less than it declares", at);
        frames += marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (frames > 1) return lethe_fail(error, LETHE_UNSAFE, "JPEG stream holds more than one picture");
        if (marker == 0xDA) {
            bool text = false;
            size_t next = skip_entropy(bytes, size, end, pieces, &text);
            if (text) return lethe_fail(error, LETHE_UNSAFE, "JPEG data before byte %zu of a tile ends in text", next);
            if (next == size) return lethe_fail(error, LETHE_MALFORMED, "JPEG stream has no end");
            status = keep(pieces, at, next, error);
            at = next;
            continue;
        }
        lethe_jpeg_tables_use use =
            marker == 0xDB || marker == 0xC4 ? lethe_jpeg_tables_check(&tables, marker, bytes + at + 4, end - at - 4) : LETHE_TABLES_USED;
        if (use == LETHE_TABLES_TEXT) return lethe_fail(error, LETHE_UNSAFE, "a table at byte %zu of a tile that nothing uses reads like text", at);
        if (use == LETHE_TABLES_UNUSED) at = end;
        if (use == LETHE_TABLES_UNUSED) continue;
        if (is_table_marker(marker) || is_pixel_segment(marker, bytes + at + 4, end - at - 4)) status = keep(pieces, at, end, error);
        else if (marker != 0xFE && (marker < 0xE0 || marker > 0xEF))
            return lethe_fail(error, LETHE_UNSAFE, "JPEG marker %02X at byte %zu is unknown", marker, at);
        at = end;
    }
    size_t kept = 0;
    for (unsigned i = 0; i < pieces->count; i++) kept += pieces->keep[i].size;
    pieces->dropped_bytes = size - kept;
    return status;
}

/* --- JPEG 2000 --- */

static bool is_encoder_name(const uint8_t *text, size_t size) {
    static const char *const names[] = {"Kakadu-", "Created by OpenJPEG version ", "Creator: JasPer Version ", "LEADTOOLS "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (size < length || size > length + 12 || memcmp(text, names[i], length) != 0) continue;
        bool version = true;
        for (size_t k = length; k < size; k++) version &= strchr("0123456789.v-", text[k]) != NULL && text[k] != '\0';
        if (version) return true;
    }
    return false;
}

/* Marker segments of main and tile-part headers (ISO/IEC 15444-1, table A.2; CAP of part 15). */
static bool is_j2k_segment(uint8_t marker) {
    return marker != 0 && memchr("\x50\x51\x52\x53\x55\x57\x58\x5C\x5D\x5E\x5F\x60\x61\x63\x64", marker, 15) != NULL;
}

/* A tile part without a length reaches to the EOC. Packets hold no FF90 or above (ISO/IEC 15444-1, B.10.1), so the first one ends them. */
static size_t end_of_codestream(const uint8_t *bytes, size_t size, size_t at) {
    while (at + 1 < size) {
        const uint8_t *found = memchr(bytes + at, 0xFF, size - at - 1);
        if (!found) return size;
        at = (size_t)(found - bytes);
        if (bytes[at + 1] == 0xD9) return at;
        at++;
    }
    return size;
}

lethe_status lethe_j2k_check(const uint8_t *bytes, size_t size, lethe_stream_pieces *pieces, lethe_error *error) {
    pieces->count = 0;
    pieces->dropped_bytes = 0;
    if (size >= 12 && memcmp(bytes + 4, "jP  ", 4) == 0) return lethe_fail(error, LETHE_UNSAFE, "tile is a boxed JPEG 2000 file, not a codestream");
    if (size < 4 || memcmp(bytes, "\xFF\x4F", 2) != 0) return lethe_fail(error, LETHE_MALFORMED, "tile is not a JPEG 2000 codestream");
    size_t at = 2;
    lethe_status status = keep(pieces, 0, 2, error);
    while (status == LETHE_OK) {
        if (at + 4 > size || bytes[at] != 0xFF) return lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 marker expected at byte %zu of a tile", at);
        uint8_t marker = bytes[at + 1];
        if (marker == 0x90) break; /* first tile part */
        size_t end = at + 2 + be16(bytes + at + 2);
        if (end < at + 4 || end > size) return lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 segment at byte %zu is cut off", at);
        bool comment = marker == 0x64;
        if (!is_j2k_segment(marker)) return lethe_fail(error, LETHE_UNSAFE, "JPEG 2000 marker %02X at byte %zu is unknown", marker, at);
        if (!comment || (end >= at + 6 && is_encoder_name(bytes + at + 6, end - at - 6))) status = keep(pieces, at, end, error);
        at = end;
    }
    /* Everything up to the last EOC; tile parts are walked by their lengths. */
    while (status == LETHE_OK && at + 2 <= size && bytes[at] == 0xFF && bytes[at + 1] == 0x90) {
        if (size - at < 12) return lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 tile part at byte %zu is cut off", at);
        uint64_t length = (uint64_t)be16(bytes + at + 6) << 16 | be16(bytes + at + 8);
        size_t end = length == 0 ? size : at + (size_t)length, m = at + 12;
        if (length != 0 && (length < 14 || length > size - at))
            return lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 tile part at byte %zu is cut off", at);
        for (; m + 4 <= end && bytes[m] == 0xFF && bytes[m + 1] != 0x93; m += 2 + be16(bytes + m + 2))
            if (bytes[m + 1] == 0x64 || !is_j2k_segment(bytes[m + 1]))
                return lethe_fail(error, LETHE_UNSAFE, "JPEG 2000 tile part carries a comment or unknown segment");
        if (length == 0) end = end_of_codestream(bytes, size, m);
        if (ends_in_text(bytes, m, end, BEFORE_RESTART))
            return lethe_fail(error, LETHE_UNSAFE, "JPEG 2000 data before byte %zu of a tile ends in text", end);
        status = keep(pieces, at, end, error);
        at = end;
    }
    if (status == LETHE_OK && at + 2 <= size && bytes[at] == 0xFF && bytes[at + 1] == 0xD9) status = keep(pieces, at, at + 2, error);
    size_t kept = 0;
    for (unsigned i = 0; i < pieces->count; i++) kept += pieces->keep[i].size;
    pieces->dropped_bytes = size - kept;
    return status;
}
