/* Many values, many spellings, one pass over the bytes.
 *
 * A value is looked for as UTF-8 and Latin-1 (any case), UTF-16 in both byte orders (any case), hexadecimal digits (any case), and base64 at its
 * three alignments (as written, upper case, lower case; of UTF-8 and UTF-16LE). Layer: deid. Thread rule: build with one thread; scanning is
 * thread-safe. */
#ifndef LETHE_DEID_SLIDES_SEARCH_H
#define LETHE_DEID_SLIDES_SEARCH_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_search lethe_search;

LETHE_NODISCARD lethe_status lethe_search_create(lethe_search **out, lethe_error *error);
void lethe_search_destroy(lethe_search *search);
/* Add a value with its spellings. Values under 3 characters are passed over; so are plain numbers under 5. Duplicates are fine. */
LETHE_NODISCARD lethe_status lethe_search_add(lethe_search *search, const char *utf8, size_t length, lethe_error *error);
/* Add bytes that must not occur as they are (at least 8; the first 64 count): the beginning of a removed stream. */
LETHE_NODISCARD lethe_status lethe_search_add_bytes(lethe_search *search, const void *bytes, size_t size, lethe_error *error);
/* Add stream[at, at + 64) as a sample of a removed picture's compressed stream, with what stands around it (copied). In texts the sample itself must
 * not occur. Among pixels it counts when it stands in a stretch of the stream as long as an eighth of it, at least 256 and at most 4,096 bytes: a
 * kept picture of the same tissue may repeat a few blocks. Errors: LETHE_NO_MEMORY, LETHE_INTERNAL. */
LETHE_NODISCARD lethe_status lethe_search_add_sample(lethe_search *search, const void *stream, size_t size, size_t at, lethe_error *error);
enum { LETHE_SEARCH_AROUND = 8192 };
size_t lethe_search_count(const lethe_search *search); /* of values */

/* What kind of bytes are searched. In compressed image data, spellings that are so short that chance would find them are passed over (under 48 bits).
 */
typedef enum lethe_search_in { LETHE_SEARCH_TEXT, LETHE_SEARCH_PIXELS } lethe_search_in;

typedef struct lethe_search_hit {
    uint64_t offset; /* in the searched bytes */
    size_t value;    /* which value, in order of addition */
} lethe_search_hit;

/* True when something was found; `hit` tells the first. */
bool lethe_search_run(const lethe_search *search, lethe_search_in in, const uint8_t *bytes, uint64_t size, lethe_search_hit *hit);
/* Longest spelling or stretch in bytes: how far two neighbouring pieces must overlap when a file is searched in pieces. */
size_t lethe_search_overlap(const lethe_search *search);

#endif
