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

/* Which script a letter is of, as a bit; 0 for Latin letters, digits and signs. Han and Kana are one. Scripts beyond those named share a bit. */
typedef enum lethe_script {
    LETHE_SCRIPT_GREEK = 1 << 0,
    LETHE_SCRIPT_CYRILLIC = 1 << 1,
    LETHE_SCRIPT_HEBREW = 1 << 2,
    LETHE_SCRIPT_ARABIC = 1 << 3,
    LETHE_SCRIPT_THAI = 1 << 4,
    LETHE_SCRIPT_HAN = 1 << 5,
    LETHE_SCRIPT_HANGUL = 1 << 6,
    LETHE_SCRIPT_OTHER = 1 << 7
} lethe_script;
unsigned lethe_script_of(uint32_t point);
/* Whether a code point is part of a word (letters of any script, marks), not a digit. */
bool lethe_is_letter(uint32_t point);

#endif
