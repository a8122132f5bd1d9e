#include "deid/slides/search.h"

#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/byte_set.h"

#include <stdlib.h>
#include <string.h>

/* A pattern of length n has n - 3 windows of four bytes. With the shortest pattern at m bytes, every occurrence covers m - 3 neighbouring window
 * starts, so looking at every (m - 3)-th position finds one of its first m - 3 windows. A bit map over hashed, case-folded windows rejects nearly all
 * positions. Patterns of texts are looked for only where m bytes in a row belong to the bytes of which such patterns consist; samples of removed
 * streams are long, so that few positions are enough for them. */
enum {
    BITS = 18,
    SHORTEST_PIXELS = 6,
    SHORTEST_SAMPLE = 64,
    SHORTEST_TEXT = 3,
    LONGEST_VALUE = 96,
    BUCKETS = 1 << 14,
    TEXT_STRIDE = SHORTEST_PIXELS - 3,
    SAMPLE_STRIDE = SHORTEST_SAMPLE - 3
};

typedef struct pattern {
    uint8_t *bytes; /* owned */
    size_t size, value;
    bool fold;    /* ASCII letters compare in any case */
    bool bounded; /* must stand alone: no letter or digit beside it */
    bool in_pixels;
    /* Of a sample: what stands around it in its stream, and how much of that must be there among pixels. */
    uint8_t *around; /* owned; NULL: the pattern says it all */
    size_t around_size, at, needed;
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
    lethe_byte_set text_bytes; /* what the patterns of `texts` consist of, in either case */
    table texts, samples;
};

lethe_status lethe_search_create(lethe_search **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    return *out ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
}

void lethe_search_destroy(lethe_search *search) {
    if (!search) return;
    for (size_t i = 0; i < search->count; i++) {
        lethe_free(search->patterns[i].bytes);
        lethe_free(search->patterns[i].around);
    }
    lethe_free(search->patterns);
    lethe_free(search->texts.windows);
    lethe_free(search->samples.windows);
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

static void note_bytes(lethe_byte_set *set, const pattern *p) {
    for (size_t i = 0; i < p->size; i++) {
        uint8_t c = fold(p->bytes[i]);
        lethe_byte_set_add(set, p->fold ? c : p->bytes[i]);
        if (p->fold && c >= 'a' && c <= 'z') lethe_byte_set_add(set, (uint8_t)(c - 0x20));
    }
}

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
    bool sample = !folded && size >= SHORTEST_SAMPLE;
    table *t = sample ? &search->samples : &search->texts;
    t->stride = sample ? SAMPLE_STRIDE : TEXT_STRIDE;
    if (!sample) note_bytes(&search->text_bytes, p);
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

/* Letters of two bytes in UTF-8 whose other case is as long: Latin-1, Latin Extended-A, Greek, Cyrillic. */
static uint32_t other_case(uint32_t point, bool upper) {
    static const struct {
        uint32_t first, last, distance; /* of the small letters, to the capital */
    } blocks[] = {{0xE0, 0xF6, 32}, {0xF8, 0xFE, 32}, {0x3B1, 0x3C1, 32}, {0x3C3, 0x3CB, 32}, {0x430, 0x44F, 32}, {0x450, 0x45F, 80}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        uint32_t first = upper ? blocks[i].first : blocks[i].first - blocks[i].distance, size = blocks[i].last - blocks[i].first;
        if (point >= first && point <= first + size) return upper ? point - blocks[i].distance : point + blocks[i].distance;
    }
    if ((point >= 0x100 && point <= 0x12F) || (point >= 0x132 && point <= 0x137) || (point >= 0x14A && point <= 0x177))
        return upper ? point & ~1u : point | 1; /* pairs from an even number on */
    if ((point >= 0x139 && point <= 0x148) || (point >= 0x179 && point <= 0x17E)) return upper ? point - (point + 1) % 2 : point + point % 2;
    return point;
}

/* The value in capitals or small letters as far as ASCII's folding does not reach. False when that is the value itself. */
static bool change_wide_case(const char *text, size_t length, bool upper, char *out) {
    bool different = false;
    memcpy(out, text, length);
    for (const char *at = text, *end = text + length; at < end;) {
        const char *start = at;
        uint32_t point = lethe_utf8_next(&at, end), other = other_case(point, upper);
        if (at - start != 2 || other == point) continue;
        out[start - text] = (char)(0xC0 | other >> 6);
        out[start - text + 1] = (char)(0x80 | (other & 0x3F));
        different = true;
    }
    return different;
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
    for (unsigned upper = 0; status == LETHE_OK && upper < 2; upper++) {
        if (!change_wide_case(utf8, length, upper, other)) continue;
        status = add_pattern(search, other, length, true, short_one, error);
        if (status == LETHE_OK && !short_one) status = add_latin1(search, other, length, error);
        if (status == LETHE_OK) status = add_utf16(search, other, length, true, false, error);
        if (status == LETHE_OK) status = add_utf16(search, other, length, false, false, error);
    }
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

lethe_status lethe_search_add_sample(lethe_search *search, const void *stream, size_t size, size_t at, lethe_error *error) {
    enum { SAMPLE = 64, AROUND = LETHE_SEARCH_AROUND / 2, LEAST = 256, SHARE = 8 };
    if (at > size || size - at < SAMPLE) return lethe_fail(error, LETHE_INTERNAL, "a sample lies outside its stream");
    size_t from = at > AROUND ? at - AROUND : 0, to = size - at > SAMPLE + AROUND ? at + SAMPLE + AROUND : size, needed = size / SHARE;
    lethe_status status = add_pattern(search, (const uint8_t *)stream + at, SAMPLE, false, false, error);
    if (status != LETHE_OK) return status;
    pattern *p = &search->patterns[search->count - 1];
    p->around = lethe_alloc(to - from);
    if (!p->around) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    memcpy(p->around, (const uint8_t *)stream + from, to - from);
    p->around_size = to - from;
    p->at = at - from;
    p->needed = needed < LEAST ? LEAST : needed > AROUND ? AROUND : needed;
    if (p->needed > p->around_size) p->needed = p->around_size;
    if (search->longest < LETHE_SEARCH_AROUND + SAMPLE) search->longest = LETHE_SEARCH_AROUND + SAMPLE;
    search->values++;
    return LETHE_OK;
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

/* A piece that two pictures share by chance, or because one is drawn from the other, is short; what would show the removed one is long. */
static bool shows_the_stream(const pattern *p, const uint8_t *bytes, uint64_t size, uint64_t at) {
    if (!p->around) return true;
    size_t before = 0, after = 0;
    while (before < p->at && before < at && bytes[at - before - 1] == p->around[p->at - before - 1]) before++;
    const size_t end = p->at + p->size;
    while (end + after < p->around_size && at + p->size + after < size && bytes[at + p->size + after] == p->around[end + after]) after++;
    return before + p->size + after >= p->needed;
}

static bool may_stand(const table *t, uint32_t hash) { return t->bits[hash >> (32 - BITS + 3)] >> (hash >> (32 - BITS) & 7) & 1; }

/* Does a pattern of the table stand around `at`? */
static bool look_up(const lethe_search *search, const table *t, const uint8_t *bytes, uint64_t size, uint64_t at, bool pieces,
                    lethe_search_hit *hit) {
    uint32_t hash = window_hash(bytes + at);
    if (!may_stand(t, hash)) return false;
    for (uint32_t w = t->buckets[hash % BUCKETS]; w; w = t->windows[w - 1].next) {
        const window *found = &t->windows[w - 1];
        const pattern *p = &search->patterns[found->pattern];
        if (found->hash != hash || at < found->at || !matches(p, bytes, size, at - found->at)) continue;
        if (!pieces && !shows_the_stream(p, bytes, size, at - found->at)) continue;
        *hit = (lethe_search_hit){at - found->at, p->value};
        return true;
    }
    return false;
}

static bool search_samples(const lethe_search *search, const uint8_t *bytes, uint64_t size, bool pieces, lethe_search_hit *hit) {
    for (uint64_t at = 0; search->samples.window_count && at + 4 <= size; at += SAMPLE_STRIDE)
        if (may_stand(&search->samples, window_hash(bytes + at)) && look_up(search, &search->samples, bytes, size, at, pieces, hit)) return true;
    return false;
}

/* Which bytes belong to the set, for up to `blocks` blocks from `at`, and for the one behind them; bytes behind the end do not. */
static void find_members(const lethe_byte_set *set, const uint8_t *bytes, uint64_t size, uint64_t at, size_t blocks, uint64_t *masks) {
    uint8_t last[LETHE_BYTE_SET_BLOCK] = {0};
    size_t whole = (size_t)((size - at) / LETHE_BYTE_SET_BLOCK), rest = (size_t)((size - at) % LETHE_BYTE_SET_BLOCK);
    if (whole > blocks + 1) whole = blocks + 1;
    lethe_byte_set_find(set, bytes + at, whole, masks);
    if (whole == blocks + 1) return;
    masks[whole] = 0;
    if (!rest) return;
    memcpy(last, bytes + at + whole * LETHE_BYTE_SET_BLOCK, rest);
    lethe_byte_set_find(set, last, 1, &masks[whole]);
    masks[whole] &= (UINT64_C(1) << rest) - 1;
}

_Static_assert(SHORTEST_PIXELS == 6, "runs are put together from two and four");

/* Bits at which SHORTEST_PIXELS bits in a row begin. */
static uint64_t starts_of_runs(uint64_t mask, uint64_t next) {
    uint64_t two = mask & (mask >> 1 | next << 63), next_two = next & next >> 1;
    uint64_t four = two & (two >> 2 | next_two << 62);
    return four & (two >> 4 | next_two << 60);
}

/* A text begins where a run does; one of the first TEXT_STRIDE positions behind each start is a multiple of the stride. */
static bool search_texts(const lethe_search *search, const uint8_t *bytes, uint64_t size, lethe_search_hit *hit) {
    enum { BLOCKS = 64, BLOCK = LETHE_BYTE_SET_BLOCK };
    static const uint64_t multiples[TEXT_STRIDE] = {0x9249249249249249u, 0x4924924924924924u, 0x2492492492492492u};
    uint64_t masks[BLOCKS + 1], carried = 0;
    for (uint64_t at = 0; search->texts.window_count && at < size; at += BLOCKS * BLOCK) {
        uint64_t left = (size - at + BLOCK - 1) / BLOCK;
        size_t blocks = left < BLOCKS ? (size_t)left : BLOCKS;
        find_members(&search->text_bytes, bytes, size, at, blocks, masks);
        if (blocks < BLOCKS) masks[blocks] = 0;
        for (size_t b = 0; b < blocks; b++) {
            uint64_t starts = starts_of_runs(masks[b], masks[b + 1]), spread = starts | starts << 1 | starts << 2 | carried;
            carried = starts >> 62 | starts >> 63;
            if (!spread) continue;
            uint64_t first = at + b * BLOCK;
            for (uint64_t bits = spread & multiples[first % TEXT_STRIDE]; bits; bits &= bits - 1) {
                uint64_t place = first + (uint64_t)__builtin_ctzll(bits);
                if (place + 4 <= size && look_up(search, &search->texts, bytes, size, place, false, hit)) return true;
            }
        }
    }
    return false;
}

static bool search_pixels(const lethe_search *search, const uint8_t *bytes, uint64_t size, bool pieces, lethe_search_hit *hit) {
    return search_samples(search, bytes, size, pieces, hit) || search_texts(search, bytes, size, hit);
}

/* Text is short: every pattern at every place where its first byte fits. */
static bool search_text(const lethe_search *search, const uint8_t *bytes, uint64_t size, lethe_search_hit *hit) {
    if (search_pixels(search, bytes, size, true, hit)) return true;
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
    return in == LETHE_SEARCH_PIXELS ? search_pixels(search, bytes, size, false, hit) : search_text(search, bytes, size, hit);
}
