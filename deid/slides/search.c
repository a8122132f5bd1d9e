#include "deid/slides/search.h"

#include "core/memory.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* A pattern of length n has n - 3 windows of four bytes. With the shortest pattern at m bytes, every occurrence covers m - 3 neighbouring window
 * starts, so looking at every (m - 3)-th position finds one of its first m - 3 windows. A bit map over hashed, case-folded windows rejects nearly all
 * positions. */
enum { BITS = 18, SHORTEST_PIXELS = 6, SHORTEST_TEXT = 3, LONGEST_VALUE = 96, BUCKETS = 1 << 14 };

typedef struct pattern {
    uint8_t *bytes; /* owned */
    size_t size, value;
    bool fold;    /* ASCII letters compare in any case */
    bool bounded; /* must stand alone: no letter or digit beside it */
    bool in_pixels;
} pattern;

typedef struct window {
    uint32_t next; /* index + 1 of the next window of the bucket */
    uint32_t pattern;
    uint32_t at;
    uint32_t hash;
} window;

typedef struct table {
    uint8_t bits[1 << (BITS - 3)];
    uint32_t buckets[BUCKETS];
    window *windows;
    size_t window_count, window_capacity, stride;
} table;

struct lethe_search {
    pattern *patterns;
    size_t count, capacity, values, longest;
    table pixels;
};

lethe_status lethe_search_create(lethe_search **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    return *out ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
}

void lethe_search_destroy(lethe_search *search) {
    if (!search) return;
    for (size_t i = 0; i < search->count; i++) lethe_free(search->patterns[i].bytes);
    lethe_free(search->patterns);
    lethe_free(search->pixels.windows);
    lethe_free(search);
}

size_t lethe_search_count(const lethe_search *search) { return search->values; }
size_t lethe_search_overlap(const lethe_search *search) { return search->longest; }

static uint8_t fold(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c; }
static bool is_alnum(uint8_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* Bits of evidence that a chance match lacks: 8 a byte, 7 for a letter in any case. */
static unsigned evidence_bits(const pattern *p) {
    unsigned bits = 0;
    for (size_t i = 0; i < p->size; i++) bits += p->fold && ((p->bytes[i] | 0x20) >= 'a' && (p->bytes[i] | 0x20) <= 'z') ? 7 : 8;
    return bits;
}

/* --- windows --- */

static uint32_t window_hash(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return (word | 0x20202020u) * 2654435761u;
}

static lethe_status table_add(table *t, uint32_t pattern_index, const pattern *p, lethe_error *error) {
    for (uint32_t i = 0; i < t->stride; i++) {
        if (t->window_count == t->window_capacity) {
            size_t capacity = t->window_capacity ? 2 * t->window_capacity : 1024;
            window *grown = lethe_realloc_array(t->windows, capacity, sizeof *grown);
            if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
            t->windows = grown;
            t->window_capacity = capacity;
        }
        uint32_t hash = window_hash(p->bytes + i), bucket = hash % BUCKETS;
        t->windows[t->window_count] = (window){.next = t->buckets[bucket], .pattern = pattern_index, .at = i, .hash = hash};
        t->buckets[bucket] = (uint32_t)++t->window_count;
        t->bits[hash >> (32 - BITS + 3)] |= (uint8_t)(1u << (hash >> (32 - BITS) & 7));
    }
    return LETHE_OK;
}

/* --- building --- */

static lethe_status add_pattern(lethe_search *search, const void *bytes, size_t size, bool folded, bool bounded, lethe_error *error) {
    if (search->count == search->capacity) {
        size_t capacity = search->capacity ? 2 * search->capacity : 64;
        pattern *grown = lethe_realloc_array(search->patterns, capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        search->patterns = grown;
        search->capacity = capacity;
    }
    pattern *p = &search->patterns[search->count];
    *p = (pattern){.bytes = lethe_alloc(size), .size = size, .value = search->values, .fold = folded, .bounded = bounded};
    if (!p->bytes) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    memcpy(p->bytes, bytes, size);
    p->in_pixels = !bounded && size >= SHORTEST_PIXELS && evidence_bits(p) >= 48;
    search->count++;
    if (size > search->longest) search->longest = size;
    if (!p->in_pixels) return LETHE_OK;
    table *t = &search->pixels;
    t->stride = SHORTEST_PIXELS - 3;
    return table_add(t, (uint32_t)(search->count - 1), p, error);
}

/* The three middles of base64 that do not depend on what stands before and after. */
static lethe_status add_base64(lethe_search *search, const uint8_t *bytes, size_t size, lethe_error *error) {
    uint8_t shifted[2 * LONGEST_VALUE + 4] = {0};
    if (size > 2 * LONGEST_VALUE) size = 2 * LONGEST_VALUE;
    for (unsigned shift = 0; shift < 3; shift++) {
        memcpy(shifted + shift, bytes, size);
        lethe_buffer text;
        lethe_buffer_init(&text, 4 * LONGEST_VALUE + 64);
        lethe_status status = lethe_base64(shifted, shift + size, &text, error);
        size_t first = shift == 0 ? 0 : shift + 1, last = (shift + size) * 8 / 6; /* whole characters that only the value decides */
        if (status == LETHE_OK && last > first && last - first >= SHORTEST_PIXELS)
            status = add_pattern(search, text.bytes + first, last - first, false, false, error);
        lethe_buffer_release(&text);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

static lethe_status add_utf16(lethe_search *search, const char *utf8, size_t length, bool little, bool base64, lethe_error *error) {
    uint8_t wide[4 * LONGEST_VALUE];
    size_t used = 0;
    for (const char *at = utf8, *end = utf8 + length; at < end && used + 4 <= sizeof wide;) {
        uint32_t point = lethe_utf8_next(&at, end);
        uint16_t units[2] = {(uint16_t)point, 0};
        unsigned count = 1;
        if (point > 0xFFFF) units[0] = (uint16_t)(0xD7C0 + (point >> 10)), units[1] = (uint16_t)(0xDC00 | (point & 0x3FF)), count = 2;
        for (unsigned i = 0; i < count; i++, used += 2) {
            wide[used + !little] = (uint8_t)units[i];
            wide[used + little] = (uint8_t)(units[i] >> 8);
        }
    }
    if (base64) return add_base64(search, wide, used, error);
    return add_pattern(search, wide, used, true, false, error);
}

static lethe_status add_latin1(lethe_search *search, const char *utf8, size_t length, lethe_error *error) {
    uint8_t narrow[LONGEST_VALUE];
    size_t used = 0;
    bool different = false;
    for (const char *at = utf8, *end = utf8 + length; at < end && used < sizeof narrow;) {
        uint32_t point = lethe_utf8_next(&at, end);
        if (point > 255) return LETHE_OK;
        different |= point > 127;
        narrow[used++] = (uint8_t)point;
    }
    return different && used >= SHORTEST_TEXT ? add_pattern(search, narrow, used, true, false, error) : LETHE_OK;
}

static void change_case(const char *text, size_t length, bool upper, char *out) {
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        out[i] = upper && c >= 'a' && c <= 'z' ? (char)(c - 32) : !upper && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
}

static bool is_plain_number(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!(text[i] >= '0' && text[i] <= '9') && text[i] != '.' && text[i] != '-' && text[i] != '+') return false;
    return true;
}

lethe_status lethe_search_add(lethe_search *search, const char *utf8, size_t length, lethe_error *error) {
    while (length && (utf8[length - 1] == ' ' || utf8[length - 1] == '\0')) length--;
    while (length && *utf8 == ' ') utf8++, length--;
    if (length < SHORTEST_TEXT || (is_plain_number(utf8, length) && length < 5)) return LETHE_OK;
    if (length > LONGEST_VALUE) length = LONGEST_VALUE;
    /* Short values must stand alone to count: "Lee" is not in "Fleece". */
    bool short_one = length < SHORTEST_PIXELS || (is_plain_number(utf8, length) && length < 7);
    lethe_status status = add_pattern(search, utf8, length, true, short_one, error);
    if (status == LETHE_OK && !short_one) status = add_latin1(search, utf8, length, error);
    if (status == LETHE_OK) status = add_utf16(search, utf8, length, true, false, error);
    if (status == LETHE_OK) status = add_utf16(search, utf8, length, false, false, error);
    char other[2 * LONGEST_VALUE + 1];
    if (status == LETHE_OK && length >= 4) {
        lethe_hex((const uint8_t *)utf8, length, other);
        status = add_pattern(search, other, 2 * length, true, false, error);
    }
    if (status == LETHE_OK) status = add_base64(search, (const uint8_t *)utf8, length, error);
    for (unsigned upper = 0; status == LETHE_OK && upper < 2; upper++) {
        change_case(utf8, length, upper, other);
        if (memcmp(other, utf8, length) != 0) status = add_base64(search, (const uint8_t *)other, length, error);
    }
    if (status == LETHE_OK) status = add_utf16(search, utf8, length, true, true, error);
    search->values++;
    return status;
}

lethe_status lethe_search_add_bytes(lethe_search *search, const void *bytes, size_t size, lethe_error *error) {
    if (size < 8) return LETHE_OK;
    lethe_status status = add_pattern(search, bytes, size < 64 ? size : 64, false, false, error);
    search->values++;
    return status;
}

/* --- searching --- */

static bool matches(const pattern *p, const uint8_t *bytes, uint64_t size, uint64_t at) {
    if (at + p->size > size) return false;
    const uint8_t *here = bytes + at;
    if (p->fold) {
        for (size_t i = 0; i < p->size; i++)
            if (fold(here[i]) != fold(p->bytes[i])) return false;
    } else if (memcmp(here, p->bytes, p->size) != 0) return false;
    if (p->bounded && ((at > 0 && is_alnum(here[-1])) || (at + p->size < size && is_alnum(here[p->size])))) return false;
    return true;
}

static bool search_pixels(const lethe_search *search, const uint8_t *bytes, uint64_t size, lethe_search_hit *hit) {
    const table *t = &search->pixels;
    if (!t->window_count) return false;
    for (uint64_t at = 0; at + 4 <= size; at += t->stride) {
        uint32_t hash = window_hash(bytes + at);
        if (!(t->bits[hash >> (32 - BITS + 3)] >> (hash >> (32 - BITS) & 7) & 1)) continue;
        for (uint32_t w = t->buckets[hash % BUCKETS]; w; w = t->windows[w - 1].next) {
            const window *found = &t->windows[w - 1];
            if (found->hash != hash || at < found->at || !matches(&search->patterns[found->pattern], bytes, size, at - found->at)) continue;
            *hit = (lethe_search_hit){at - found->at, search->patterns[found->pattern].value};
            return true;
        }
    }
    return false;
}

/* Text is short: every pattern at every place where its first byte fits. */
static bool search_text(const lethe_search *search, const uint8_t *bytes, uint64_t size, lethe_search_hit *hit) {
    if (search_pixels(search, bytes, size, hit)) return true;
    for (size_t i = 0; i < search->count; i++) {
        const pattern *p = &search->patterns[i];
        if (p->in_pixels) continue;
        for (uint64_t at = 0; at + p->size <= size; at++) {
            if (!matches(p, bytes, size, at)) continue;
            *hit = (lethe_search_hit){at, p->value};
            return true;
        }
    }
    return false;
}

bool lethe_search_run(const lethe_search *search, lethe_search_in in, const uint8_t *bytes, uint64_t size, lethe_search_hit *hit) {
    return in == LETHE_SEARCH_PIXELS ? search_pixels(search, bytes, size, hit) : search_text(search, bytes, size, hit);
}
