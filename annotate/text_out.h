/* JSON and CSV text into a buffer: strings escaped, numbers in the shortest form that reads back to the same value. Layer: annotate. */
#ifndef LETHE_ANNOTATE_TEXT_OUT_H
#define LETHE_ANNOTATE_TEXT_OUT_H

#include "core/buffer.h"
#include "core/error.h"

/* A quoted JSON string (RFC 8259). */
LETHE_NODISCARD lethe_status lethe_json_string(lethe_buffer *out, const char *text, lethe_error *error);
/* A JSON number; not finite becomes null. */
LETHE_NODISCARD lethe_status lethe_json_number(lethe_buffer *out, double value, lethe_error *error);
/* One CSV field (RFC 4180), quoted where needed; no separator. */
LETHE_NODISCARD lethe_status lethe_csv_field(lethe_buffer *out, const char *text, lethe_error *error);

/* A CSV file in memory: header and rows. Fields may be quoted, hold commas, quotes and line ends; separator ',' or ';' or tab (guessed from the
 * header); a UTF-8 byte order mark is skipped. */
typedef struct lethe_csv lethe_csv;
/* Errors: LETHE_MALFORMED with the line number; every row must have as many fields as the header. `name` stands for the file. */
LETHE_NODISCARD lethe_status lethe_csv_parse(const char *text, size_t size, const char *name, lethe_csv **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_csv_load(const char *path, lethe_csv **out, lethe_error *error);
void lethe_csv_destroy(lethe_csv *csv);
size_t lethe_csv_rows(const lethe_csv *csv);
size_t lethe_csv_columns(const lethe_csv *csv);
const char *lethe_csv_header(const lethe_csv *csv, size_t column);
/* -1 when there is no such column. */
int lethe_csv_find(const lethe_csv *csv, const char *header);
const char *lethe_csv_get(const lethe_csv *csv, size_t row, size_t column);
/* Line of the file on which a row starts (the header is line 1). */
size_t lethe_csv_line(const lethe_csv *csv, size_t row);
char lethe_csv_separator(const lethe_csv *csv);

#endif
