#include "deid/text/vocabulary.h"

#include <stdint.h>
#include <string.h>

#include "deid/text/vocabulary_table.h"

static unsigned look_up(const char *folded, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t at = 0; at < size; at++) hash = (hash ^ (unsigned char)folded[at]) * 16777619u;
    hash ^= hash >> 15;
    const uint32_t mask = (1u << VOCABULARY_BITS) - 1;
    for (uint32_t at = hash & mask; vocabulary_slots[at] != 0; at = (at + 1) & mask) {
        unsigned row = vocabulary_slots[at] - 1u;
        if (vocabulary_entries[row].size == size && memcmp(vocabulary_text + vocabulary_entries[row].start, folded, size) == 0)
            return vocabulary_entries[row].classes;
    }
    return LETHE_WORD_UNKNOWN;
}

/* A question mark stands for one lost letter. */
unsigned lethe_vocabulary_classes(const char *folded, size_t size) {
    static const char vowels[] = "EAIOUC";
    const char *first = memchr(folded, '?', size);
    char tried[64];
    if (first == NULL || size > sizeof tried) return look_up(folded, size);
    memcpy(tried, folded, size);
    char *one = tried + (first - folded), *two = memchr(one + 1, '?', size - (size_t)(first - folded) - 1);
    if (two != NULL && memchr(two + 1, '?', size - (size_t)(two + 1 - tried)) != NULL) return LETHE_WORD_UNKNOWN;
    for (const char *a = vowels; *a != '\0'; a++) {
        *one = *a;
        for (const char *b = vowels; *b != '\0'; b++) {
            if (two != NULL) *two = *b;
            unsigned classes = look_up(tried, size);
            if (classes != LETHE_WORD_UNKNOWN) return classes;
            if (two == NULL) break;
        }
    }
    return LETHE_WORD_UNKNOWN;
}

size_t lethe_vocabulary_count(void) { return VOCABULARY_COUNT; }

static unsigned letter(const char *folded, size_t size, size_t at) {
    return at == 0 || at > size || folded[at - 1] < 'A' || folded[at - 1] > 'Z' ? 0 : (unsigned)(folded[at - 1] - 'A' + 1);
}

int lethe_vocabulary_resemblance(const char *folded, size_t size) {
    int sum = 0;
    if (size > 64) size = 64;
    for (size_t at = 0; at < size; at++)
        sum += vocabulary_trigrams[(letter(folded, size, at) * 27 + letter(folded, size, at + 1)) * 27 + letter(folded, size, at + 2)];
    return 10 * sum - 16 * (int)size;
}
