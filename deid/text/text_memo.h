/* Cleaned texts by what they were, so that a description that comes in file after file of a series is cleaned once. Valid for one set of identifiers
 * and one shift: forget everything when they change. Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_TEXT_MEMO_H
#define LETHE_DEID_TEXT_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lethe_text_memo lethe_text_memo;
typedef struct lethe_text_answer {
    const char *text; /* borrowed until the next add or clear; what came out, when something changed */
    size_t size;
    uint8_t answer; /* the asker's own */
} lethe_text_answer;

lethe_text_memo *lethe_text_memo_create(void); /* NULL when memory is short */
void lethe_text_memo_destroy(lethe_text_memo *memo);
void lethe_text_memo_clear(lethe_text_memo *memo); /* wipes */
/* `question` tells apart what is asked about the same text. */
bool lethe_text_memo_find(const lethe_text_memo *memo, uint8_t question, const char *text, size_t size, lethe_text_answer *answer);
/* Copied. What does not fit is forgotten. */
void lethe_text_memo_add(lethe_text_memo *memo, uint8_t question, const char *text, size_t size, const lethe_text_answer *answer);

#endif
