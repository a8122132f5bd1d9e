/* Values of known kinds: a text is kept only when it is exactly a number, a word of a list, or the like. Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_SLIDES_TYPED_H
#define LETHE_DEID_SLIDES_TYPED_H

#include "core/error.h"

#include <stddef.h>

typedef enum lethe_typed_kind {
    LETHE_TYPED_NOTHING = 0, /* nothing fits: the value goes */
    LETHE_TYPED_INTEGER,     /* sign and at most 10 digits */
    LETHE_TYPED_DECIMAL,     /* one number, at most 24 characters, exponent allowed */
    LETHE_TYPED_DECIMALS,    /* up to 64 of them, separated by spaces, commas or semicolons, each perhaps in double quotes */
    LETHE_TYPED_FLAG,        /* true false yes no 0 1, any case */
    LETHE_TYPED_WORD,        /* one of `words`, separated by '|', exact */
    LETHE_TYPED_HEX,         /* 0x and at most 8 hex digits */
    LETHE_TYPED_OME_ID,      /* Name:0 or Name:0:1 */
    LETHE_TYPED_EMPTY        /* nothing but white space */
} lethe_typed_kind;

typedef struct lethe_typed_rule {
    const char *key;
    lethe_typed_kind kind;
    const char *words;
} lethe_typed_rule;

/* `value` of `length` bytes, leading and trailing white space not counted. */
bool lethe_typed_fits(lethe_typed_kind kind, const char *words, const char *value, size_t length);
/* The rule for a key (exact), or NULL. */
const lethe_typed_rule *lethe_typed_find(const lethe_typed_rule *rules, size_t count, const char *key, size_t length);
/* Cut white space from both ends. */
void lethe_typed_trim(const char **text, size_t *length);

#endif
