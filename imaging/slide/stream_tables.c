#include "imaging/slide/stream_tables.h"

enum { LEAST_TEXT = 10, LEAST_DISTINCT = 6 };

static uint32_t be16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }

lethe_jpeg_tables lethe_jpeg_tables_of(const uint8_t *bytes, size_t size) {
    lethe_jpeg_tables tables = {0};
    bool frame = false;
    unsigned components = 0;
    for (size_t at = 2; at + 4 <= size && bytes[at] == 0xFF;) {
        uint8_t marker = bytes[at + 1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        if (marker == 0xD9) break;
        size_t length = be16(bytes + at + 2), end = at + 2 + length;
        const uint8_t *data = bytes + at + 4;
        if (length < 2 || end > size) break;
        if (marker == 0xC0 || marker == 0xC1) { /* sequential: baseline and extended */
            frame = length >= 8 && length == 8 + 3 * (size_t)data[5];
            for (unsigned i = 0; frame && i < data[5]; i++) tables.quantisers |= (uint8_t)(1u << (data[6 + 3 * i + 2] & 7));
            components = frame ? data[5] : 0;
            tables.known = frame;
        }
        if (marker == 0xDA) {
            /* One component a scan: the others follow, with tables that are not known yet. */
            bool whole = length >= 6 && length == 6 + 2 * (size_t)data[0] && data[0] == components;
            for (unsigned i = 0; whole && i < data[0]; i++) {
                tables.dc |= (uint8_t)(1u << (data[2 + 2 * i] >> 4 & 7));
                tables.ac |= (uint8_t)(1u << (data[2 + 2 * i] & 7));
            }
            tables.known &= whole;
            return tables;
        }
        at = end;
    }
    tables.known = false;
    return tables;
}

static bool reads_like_text(const uint8_t *data, size_t size) {
    size_t run = 0, letters = 0, distinct = 0;
    bool seen[128] = {false};
    for (size_t i = 0; i < size; i++) {
        uint8_t c = data[i];
        if (c < 0x20 || c > 0x7E) {
            run = letters = distinct = 0;
            for (unsigned k = 0; k < sizeof seen; k++) seen[k] = false;
            continue;
        }
        run++;
        letters += (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == ' ' || c == '^' || c == '-';
        distinct += !seen[c];
        seen[c] = true;
        if (run >= LEAST_TEXT && letters * 4 >= run * 3 && distinct >= LEAST_DISTINCT) return true;
    }
    return false;
}

/* Size of the table at `data` with its head. */
static size_t table_size(uint8_t marker, const uint8_t *data, size_t size) {
    size_t length = marker == 0xDB ? (data[0] >> 4 ? 129u : 65u) : 17u;
    for (unsigned i = 1; marker == 0xC4 && i <= 16 && i < size; i++) length += data[i];
    return length <= size ? length : size;
}

lethe_jpeg_tables_use lethe_jpeg_tables_check(const lethe_jpeg_tables *tables, uint8_t marker, const uint8_t *data, size_t size) {
    bool used = false, text = false;
    for (size_t at = 0, length; at < size; at += length) {
        length = table_size(marker, data + at, size - at);
        uint8_t number = data[at] & 15, mask = marker == 0xDB ? tables->quantisers : data[at] >> 4 ? tables->ac : tables->dc;
        bool here = tables->known ? number < 8 && (mask >> number & 1) : number < 2;
        used |= here || !tables->known;
        text |= !here && reads_like_text(data + at + 1, length - 1);
    }
    return !used ? LETHE_TABLES_UNUSED : text ? LETHE_TABLES_TEXT : LETHE_TABLES_USED;
}
