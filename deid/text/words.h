/* Text into words: runs of letters and digits, with their folded form. Shared by identifiers and text cleaning. Layer: deid, private to it. Thread
 * rule: one thread at a time per list. */
#ifndef LETHE_DEID_WORDS_H
#define LETHE_DEID_WORDS_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_word {
    size_t start, size; /* in the text */
    const char *folded; /* not NUL-terminated; valid until the list changes */
    uint32_t folded_size;
    uint16_t letters, digits; /* characters, capped */
    bool ascii;
    bool first_upper, any_lower; /* of its letters, as written */
    /* for the cleaner */
    uint16_t reason; /* lethe_text_reason; 0 = kept */
    uint16_t classes;
} lethe_word;

typedef struct lethe_words {
    lethe_word *at; /* owned */
    size_t count, capacity;
    lethe_buffer folded;
} lethe_words;

void lethe_words_init(lethe_words *words);
void lethe_words_release(lethe_words *words);
/* Replace the content by the words of a text. Errors: LETHE_NO_MEMORY, LETHE_LIMIT beyond 64 MiB. */
LETHE_NODISCARD lethe_status lethe_words_split(lethe_words *words, const char *utf8, size_t size, lethe_error *error);

/* Whether a code point is part of a word (letters of any script, marks), not a digit. */
bool lethe_is_letter(uint32_t point);

#endif
