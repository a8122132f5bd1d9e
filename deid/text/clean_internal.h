/* Insides of text cleaning: the text under work, its words and marks. Layer: deid, private to text.c and clean_*.c. */
#ifndef LETHE_DEID_CLEAN_INTERNAL_H
#define LETHE_DEID_CLEAN_INTERNAL_H

#include "deid/text/dates.h"
#include "deid/text/identifiers_internal.h"
#include "deid/text/text.h"
#include "deid/text/vocabulary.h"

#include <string.h>

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
    size_t date_count, found_dates; /* the first found_dates are dates, the others pieces of words */
};

static inline lethe_word *word_at(const lethe_text_cleaner *cleaner, size_t index) { return &cleaner->words.at[index]; }
static inline size_t word_end(const lethe_word *word) { return word->start + word->size; }
static inline bool has(const lethe_word *word, unsigned classes) { return (word->classes & classes) != 0; }
static inline bool is_word(const lethe_word *word, const char *folded) {
    return word->folded[0] == folded[0] && word->folded_size == strlen(folded) && memcmp(word->folded, folded, word->folded_size) == 0;
}
static inline bool is_one_of(const lethe_word *word, const char *const *list) { /* ends in NULL */
    while (*list != NULL && !is_word(word, *list)) list++;
    return *list != NULL;
}
static inline void mark_run(lethe_text_cleaner *cleaner, size_t first, size_t count, lethe_text_reason reason) {
    for (size_t at = first; at < first + count && at < cleaner->words.count; at++) word_at(cleaner, at)->reason |= (uint16_t)reason;
}

/* clean_patterns.c */
/* Mark every word that a range of bytes touches. */
void lethe_clean_mark(lethe_text_cleaner *cleaner, size_t start, size_t end, lethe_text_reason reason);
/* Mail addresses, web addresses, paths, telephone numbers, national numbers, long numbers; fills `dates` first. */
void lethe_clean_patterns(lethe_text_cleaner *cleaner);

/* clean_words.c */
/* Not a line break or a stop between word `index` and the next: they may belong to one name. */
bool lethe_clean_joins_next(const lethe_text_cleaner *cleaner, size_t index);
/* All that works by words, in its order: known identifiers, places, titles, cues, vocabulary, dates, neighbours, dangling words. */
void lethe_clean_words(lethe_text_cleaner *cleaner);

/* clean_judge.c */
/* Give each word its classes: of the vocabulary, or of the parts that it is made of. */
void lethe_clean_classify(lethe_text_cleaner *cleaner);
bool lethe_clean_has_medical_ending(const lethe_word *word);
bool lethe_clean_is_kept_word(const lethe_text_cleaner *cleaner, const lethe_word *word);
/* "Baker" in "Baker's cyst", "kyste de Baker", "Osgood-Schlatter": a name that stands for a thing. */
bool lethe_clean_is_medical_name(const lethe_text_cleaner *cleaner, size_t index);
/* Words that nothing has marked yet, by the lists and by their shape. */
void lethe_clean_judge(lethe_text_cleaner *cleaner);

/* clean_names.c */
void lethe_clean_known(lethe_text_cleaner *cleaner);
void lethe_clean_announced(lethe_text_cleaner *cleaner); /* by titles and cues */
void lethe_clean_neighbours(lethe_text_cleaner *cleaner);
/* A word that can go on a name after the first. */
bool lethe_clean_continues_name(const lethe_text_cleaner *cleaner, size_t index);

/* clean_places.c */
void lethe_clean_places(lethe_text_cleaner *cleaner); /* streets, towns, hospitals, rooms */

/* clean_dates.c */
void lethe_clean_locate_dates(lethe_text_cleaner *cleaner);
void lethe_clean_settle_dates(lethe_text_cleaner *cleaner);
bool lethe_clean_in_date(const lethe_text_cleaner *cleaner, size_t index); /* of those that stay */
bool lethe_clean_is_birth_cue(const lethe_word *word);
void lethe_clean_ages(lethe_text_cleaner *cleaner);
void lethe_clean_births(lethe_text_cleaner *cleaner); /* year or place without a date */

#endif
