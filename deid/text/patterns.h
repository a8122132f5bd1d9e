/* Patterns of identifiers whose form proves them, for the audit and `verify`: independent of the text cleaner. Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_PATTERNS_H
#define LETHE_DEID_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A French NIR or INS: 13 characters (Corsica 2A, 2B too) and the key 97 - (number mod 97); spaces, dots and dashes between are allowed. */
bool lethe_pattern_is_nir(const char *text, size_t size, size_t *length);
/* What the text holds: "a French NIR with its key", "a mail address"; NULL when nothing. Static. */
const char *lethe_pattern_find(const char *text, size_t size);

#endif
