/* Insides of text cleaning: the text under work, its words and marks. Layer: deid, private to text.c and clean_*.c. */
#ifndef LETHE_DEID_CLEAN_INTERNAL_H
#define LETHE_DEID_CLEAN_INTERNAL_H

#include "deid/text/dates.h"
#include "deid/text/identifiers_internal.h"
#include "deid/text/text.h"
#include "deid/text/vocabulary.h"

typedef enum clean_date_fate { CLEAN_DATE_SHIFT, CLEAN_DATE_CUT, CLEAN_DATE_GONE } clean_date_fate;

/* A date, or a piece of a word that is cut out of it (match.year 0). */
typedef struct clean_date {
    lethe_date_match match;
    size_t first_word, last_word;
    clean_date_fate fate; /* CUT: the piece leaves its word; GONE: its words are marked */
} clean_date;

enum { CLEAN_MOST_DATES = 64, CLEAN_MOST_KEPT = 256 };

struct lethe_text_cleaner {
    const lethe_identifiers *identifiers;
    int32_t shift_days;
    lethe_words words;
    lethe_buffer kept_words; /* folded, each with NUL */
    /* of the text under work */
    const char *text;
    size_t size;
    lethe_text_mode mode;
    clean_date dates[CLEAN_MOST_DATES];
    size_t date_count;
};

/* Mark every word that a range of bytes touches. */
void lethe_clean_mark(lethe_text_cleaner *cleaner, size_t start, size_t end, lethe_text_reason reason);
/* Mail addresses, web addresses, paths, telephone numbers, national numbers, long numbers; fills `dates` first. */
void lethe_clean_patterns(lethe_text_cleaner *cleaner);
/* Known identifiers, titles, cues, addresses, vocabulary, dates' fate, dangling words. */
void lethe_clean_words(lethe_text_cleaner *cleaner);

#endif
