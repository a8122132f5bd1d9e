/* Small text helpers: strict numbers, hex, base64, base32, UTF-8. No locale is ever consulted. Layer: core. Thread rule: no state. */
#ifndef LETHE_CORE_TEXT_H
#define LETHE_CORE_TEXT_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* The whole text must be one number in range; returns false otherwise (`value` untouched). */
bool lethe_text_to_int64(const char *text, int64_t *value);
bool lethe_text_to_double(const char *text, double *value);

bool lethe_text_equal_fold(const char *a, const char *b); /* ASCII case only */
bool lethe_text_starts(const char *text, const char *prefix);
bool lethe_text_ends(const char *text, const char *suffix);

/* Lower-case hex; `out` holds 2 * size + 1. */
void lethe_hex(const uint8_t *bytes, size_t size, char *out);
/* Decode exactly 2 * size hex digits; false when there are others. */
bool lethe_unhex(const char *text, uint8_t *bytes, size_t size);
/* Crockford base32 without padding, upper-case: ceil(8 * size / 5) characters and NUL. */
void lethe_base32(const uint8_t *bytes, size_t size, char *out);
/* RFC 4648 base64 with padding, appended. */
LETHE_NODISCARD lethe_status lethe_base64(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error);
/* Decode, white space ignored. Errors: LETHE_MALFORMED. */
LETHE_NODISCARD lethe_status lethe_unbase64(const char *text, size_t length, lethe_buffer *out, lethe_error *error);

/* Decode one code point at `*at` (< end) and advance; an invalid byte gives U+FFFD and advances by one. */
uint32_t lethe_utf8_next(const char **at, const char *end);
/* Encode; returns 1 to 4 bytes written to `out`. */
size_t lethe_utf8_put(uint32_t code_point, char out[4]);
bool lethe_utf8_is_valid(const char *text, size_t length);

/* Text for HTML, appended: & < > " ' become entities. */
LETHE_NODISCARD lethe_status lethe_html_escape(const char *text, lethe_buffer *out, lethe_error *error);

/* Levenshtein distance, bytes, capped at `limit` + 1; used for "nearest right word" and for fuzzy identifiers. */
size_t lethe_text_distance(const char *a, const char *b, size_t limit);
/* The word of a NULL-terminated list that is nearest to `word` (distance at most 3), or NULL. */
const char *lethe_text_nearest(const char *word, const char *const *words);

#endif
