/* Key = value files with [sections], as slide scanners write them. Layer: imaging. Thread rule: immutable after parse. */
#ifndef LETHE_IMAGING_SLIDE_INI_H
#define LETHE_IMAGING_SLIDE_INI_H

#include "core/arena.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_ini_entry {
    const char *section, *key, *value; /* trimmed; in the arena */
    bool used;                         /* for callers: this entry has been dealt with */
} lethe_ini_entry;

typedef struct lethe_ini {
    lethe_ini_entry *entries; /* in file order */
    size_t count;
} lethe_ini;

/* Parse; a byte order mark, CR LF, blank lines and comments (';' and '#') are fine. Errors: LETHE_MALFORMED with the line (no section, no '=', NUL
 * byte), LETHE_LIMIT (more than 100,000 entries), LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_ini_parse(const char *text, size_t size, lethe_arena *arena, lethe_ini **out, lethe_error *error);
/* The first entry of that section and key (exact); NULL when absent. */
lethe_ini_entry *lethe_ini_find(const lethe_ini *ini, const char *section, const char *key);
/* Its value; "" when absent. */
const char *lethe_ini_text(const lethe_ini *ini, const char *section, const char *key);
/* False when absent or no whole number. */
bool lethe_ini_integer(const lethe_ini *ini, const char *section, const char *key, int64_t *value);

#endif
