/* Comma-separated values as RFC 4180 has them, with a header line. Layer: ingest. Thread rule: immutable after load. */
#ifndef LETHE_INGEST_CSV_H
#define LETHE_INGEST_CSV_H

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>

typedef struct lethe_csv {
    lethe_arena *arena;
    char **header;
    size_t columns;
    char ***rows; /* each of `columns` texts, never NULL; short rows are filled with "" */
    size_t row_count;
} lethe_csv;

/* Separator: comma, or semicolon when the header has no comma. A UTF-8 byte order mark is skipped. `name` stands for the file in messages. Errors:
 * LETHE_CONFIG ("NAME:LINE: reason"), LETHE_IO, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_csv_load(const char *path, const char *name, lethe_csv **out, lethe_error *error);
void lethe_csv_free(lethe_csv *csv);
/* Index of a column by its header, case ignored; SIZE_MAX when there is none. */
size_t lethe_csv_column(const lethe_csv *csv, const char *header);

/* Append one field, quoted where needed; a separator before it unless it is the first. Fields that a spreadsheet would take for a formula get a
 * leading apostrophe. */
LETHE_NODISCARD lethe_status lethe_csv_put(lethe_buffer *out, bool first, const char *field, lethe_error *error);

#endif
