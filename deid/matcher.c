#include "deid/matcher.h"

#include "core/memory.h"

#include <string.h>

enum { BUCKETS = 4096, FILTER_BITS = 1 << 16, MOST_KEPT = 8192 };

typedef struct pattern {
    uint32_t start, size; /* in `text` */
    int32_t next;
    uint16_t hash, label;
    uint8_t stride, flags;
    uint32_t seen;  /* awake in this generation */
    uint32_t whole; /* hash of all of it */
} pattern;

struct lethe_matcher {
    uint64_t filter[FILTER_BITS / 64]; /* by hash: of patterns that are awake */
    int32_t bucket[BUCKETS];
    pattern *patterns;
    size_t count, capacity, awake;
    uint32_t generation;
    uint8_t *text; /* folded, unless exact */
    size_t text_size, text_capacity;
    uint8_t fold[256];
};

static bool is_letter(uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xC0; }
static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static uint32_t hash_of_group(uint32_t three_bytes) { return three_bytes * 2654435761u >> 16; }
static uint32_t group_hash(uint8_t a, uint8_t b, uint8_t c) { return hash_of_group((uint32_t)a << 16 | (uint32_t)b << 8 | c); }

lethe_status lethe_matcher_create(lethe_matcher **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    if (*out == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a matcher");
    for (unsigned c = 0; c < 256; c++) (*out)->fold[c] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    lethe_matcher_clear(*out);
    return LETHE_OK;
}

void lethe_matcher_destroy(lethe_matcher *matcher) {
    if (matcher == NULL) return;
    lethe_wipe(matcher->text, matcher->text_size);
    lethe_free(matcher->patterns);
    lethe_free(matcher->text);
    lethe_free(matcher);
}

static void empty_buckets(lethe_matcher *m) {
    memset(m->filter, 0, sizeof m->filter);
    memset(m->bucket, 0xFF, sizeof m->bucket);
    m->awake = 0;
    m->generation = 1;
}

void lethe_matcher_clear(lethe_matcher *matcher) {
    empty_buckets(matcher);
    if (matcher->text != NULL) lethe_wipe(matcher->text, matcher->text_size);
    matcher->count = matcher->text_size = 0;
}

bool lethe_matcher_sleep(lethe_matcher *matcher) {
    if (matcher->count > MOST_KEPT) {
        lethe_matcher_clear(matcher);
        return false;
    }
    if (matcher->generation == UINT32_MAX) {
        lethe_matcher_clear(matcher);
        return false;
    }
    matcher->generation++; /* all patterns stay in their buckets, and match nothing */
    memset(matcher->filter, 0, sizeof matcher->filter);
    matcher->awake = 0;
    return true;
}

static lethe_status make_room(lethe_matcher *m, size_t size, lethe_error *error) {
    if (m->count == m->capacity) {
        size_t capacity = m->capacity == 0 ? 256 : 2 * m->capacity;
        pattern *grown = lethe_realloc_array(m->patterns, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for patterns");
        m->patterns = grown;
        m->capacity = capacity;
    }
    if (m->text_size + size > m->text_capacity) {
        size_t capacity = 2 * (m->text_size + size) + 4096;
        uint8_t *grown = lethe_realloc_array(m->text, capacity, 1);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for patterns");
        m->text = grown;
        m->text_capacity = capacity;
    }
    return LETHE_OK;
}

/* A pattern with the same bytes, awake or not; -1 = none. */
static int32_t find_same(const lethe_matcher *m, uint16_t hash, uint32_t whole, const uint8_t *folded, size_t size, unsigned flags) {
    int32_t i = m->bucket[hash % BUCKETS];
    while (i >= 0 && (m->patterns[i].whole != whole || m->patterns[i].size != size || m->patterns[i].flags != flags ||
                      memcmp(m->text + m->patterns[i].start, folded, size) != 0))
        i = m->patterns[i].next;
    return i;
}

static void put_into_bucket(lethe_matcher *m, int32_t index) {
    pattern *p = &m->patterns[index];
    p->next = m->bucket[p->hash % BUCKETS];
    m->bucket[p->hash % BUCKETS] = index;
}

lethe_status lethe_matcher_add(lethe_matcher *m, const void *bytes, size_t size, unsigned stride, unsigned flags, uint16_t label, uint32_t *index,
                               lethe_error *error) {
    *index = UINT32_MAX;
    if (size < 3 || size > UINT16_MAX) return LETHE_OK;
    lethe_status status = make_room(m, size, error);
    if (status != LETHE_OK) return status;
    const uint8_t *from = bytes;
    uint8_t *to = m->text + m->text_size;
    uint32_t whole = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        to[i] = (flags & LETHE_MATCH_EXACT) != 0 ? from[i] : m->fold[from[i]];
        whole = (whole ^ to[i]) * 16777619u;
    }
    uint16_t hash = (uint16_t)group_hash(m->fold[to[size - 3]], m->fold[to[size - 2]], m->fold[to[size - 1]]);
    int32_t known = find_same(m, hash, whole, to, size, flags);
    if (known < 0) {
        m->patterns[m->count] = (pattern){.start = (uint32_t)m->text_size,
                                          .size = (uint32_t)size,
                                          .hash = hash,
                                          .whole = whole,
                                          .label = label,
                                          .stride = (uint8_t)stride,
                                          .flags = (uint8_t)flags};
        m->text_size += size;
        known = (int32_t)m->count++;
        put_into_bucket(m, known);
    }
    lethe_matcher_wake(m, (uint32_t)known, label);
    *index = (uint32_t)known;
    return LETHE_OK;
}

void lethe_matcher_wake(lethe_matcher *m, uint32_t index, uint16_t label) {
    if (index >= m->count || m->patterns[index].seen == m->generation) return;
    pattern *p = &m->patterns[index];
    p->label = label;
    p->seen = m->generation;
    m->filter[p->hash / 64] |= 1ull << (p->hash % 64);
    m->awake++;
}

static bool same_class(uint8_t a, uint8_t b) { return (is_letter(a) && is_letter(b)) || (is_digit(a) && is_digit(b)); }

/* In UTF-16 a neighbour counts only when its other byte is zero. */
static bool stands_alone(const pattern *p, const uint8_t *bytes, uint64_t size, uint64_t at) {
    if ((p->flags & LETHE_MATCH_ANYWHERE) != 0) return true;
    uint64_t end = at + p->size;
    if (p->stride == 1) return !(at > 0 && same_class(bytes[at - 1], bytes[at])) && !(end < size && same_class(bytes[end], bytes[end - 1]));
    unsigned letter = bytes[at] == 0 ? 1 : 0; /* big endian: the letter is the second byte */
    bool before = at >= 2 && bytes[at - 2 + (1 - letter)] == 0 && same_class(bytes[at - 2 + letter], bytes[at + letter]);
    bool after = end + 1 < size && bytes[end + (1 - letter)] == 0 && same_class(bytes[end + letter], bytes[end - 2 + letter]);
    return !before && !after;
}

static bool matches(const lethe_matcher *m, const pattern *p, const uint8_t *bytes, uint64_t size, uint64_t at) {
    if (p->size > size - at) return false;
    const uint8_t *text = m->text + p->start;
    if ((p->flags & LETHE_MATCH_EXACT) != 0) {
        if (memcmp(bytes + at, text, p->size) != 0) return false;
    } else {
        for (uint32_t i = 0; i < p->size; i++)
            if (m->fold[bytes[at + i]] != text[i]) return false;
    }
    return stands_alone(p, bytes, size, at);
}

bool lethe_matcher_find(const lethe_matcher *m, const uint8_t *bytes, uint64_t size, uint64_t from, uint64_t to, lethe_match *match) {
    if (to > size) to = size;
    if (m->awake == 0 || from >= to || to - from < 3) return false;
    uint64_t at = match->found ? match->at : from; /* of the last three bytes */
    int32_t i = match->found ? m->patterns[match->pattern].next : -1;
    bool goes_on = match->found;
    uint32_t group = (uint32_t)m->fold[bytes[at]] << 8 | m->fold[bytes[at + 1]];
    for (; at + 3 <= to; at++) {
        group = (group << 8 | m->fold[bytes[at + 2]]) & 0xFFFFFF;
        if (!goes_on) {
            uint32_t hash = hash_of_group(group);
            if ((m->filter[hash / 64] >> (hash % 64) & 1) == 0) continue;
            i = m->bucket[hash % BUCKETS];
        }
        goes_on = false;
        for (uint64_t end = at + 3; i >= 0; i = m->patterns[i].next) {
            const pattern *p = &m->patterns[i];
            if (p->seen != m->generation || p->size > end - from || !matches(m, p, bytes, to, end - p->size)) continue;
            *match = (lethe_match){.offset = end - p->size, .label = p->label, .found = true, .at = at, .pattern = (uint32_t)i};
            return true;
        }
    }
    return false;
}

size_t lethe_matcher_count(const lethe_matcher *matcher) { return matcher->awake; }
