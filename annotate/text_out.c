#include "annotate/text_out.h"

#include "core/arena.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lethe_status lethe_json_string(lethe_buffer *out, const char *text, lethe_error *error) {
    lethe_status status = lethe_buffer_append(out, "\"", 1, error);
    for (const char *from = text; status == LETHE_OK && *from != '\0';) {
        size_t plain = 0;
        while ((unsigned char)from[plain] >= 0x20 && from[plain] != '"' && from[plain] != '\\') plain++;
        if (plain != 0) status = lethe_buffer_append(out, from, plain, error);
        from += plain;
        if (status != LETHE_OK || *from == '\0') break;
        if (*from == '"' || *from == '\\') status = lethe_buffer_printf(out, error, "\\%c", *from);
        else status = lethe_buffer_printf(out, error, "\\u%04x", (unsigned)(unsigned char)*from);
        from++;
    }
    return status == LETHE_OK ? lethe_buffer_append(out, "\"", 1, error) : status;
}

lethe_status lethe_json_number(lethe_buffer *out, double value, lethe_error *error) {
    char text[40];
    if (!isfinite(value)) return lethe_buffer_append_text(out, "null", error);
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (!(back < value) && !(back > value)) break;
    }
    return lethe_buffer_append_text(out, text, error);
}

lethe_status lethe_csv_field(lethe_buffer *out, const char *text, lethe_error *error) {
    if (strpbrk(text, ",;\"\r\n\t") == NULL) return lethe_buffer_append_text(out, text, error);
    lethe_status status = lethe_buffer_append(out, "\"", 1, error);
    for (; status == LETHE_OK && *text != '\0'; text++) {
        if (*text == '"') status = lethe_buffer_append(out, "\"", 1, error);
        if (status == LETHE_OK) status = lethe_buffer_append(out, text, 1, error);
    }
    return status == LETHE_OK ? lethe_buffer_append(out, "\"", 1, error) : status;
}

/* --- reading CSV --- */

struct lethe_csv {
    char *text; /* a copy in which fields end with NUL */
    const char **fields;
    size_t field_count, field_capacity, columns, rows;
    size_t *lines; /* of each row, the header first */
    size_t line_capacity;
    char separator;
};

static char guess_separator(const char *text) {
    size_t counts[3] = {0};
    static const char candidates[3] = {',', ';', '\t'};
    for (; *text != '\0' && *text != '\n'; text++)
        for (size_t i = 0; i < 3; i++)
            if (*text == candidates[i]) counts[i]++;
    size_t best = counts[1] > counts[0] ? 1 : 0;
    return candidates[counts[2] > counts[best] ? 2 : best];
}

static bool push_field(lethe_csv *csv, const char *field) {
    if (csv->field_count == csv->field_capacity) {
        size_t capacity = csv->field_capacity == 0 ? 256 : csv->field_capacity * 2;
        const char **grown = lethe_realloc_array(csv->fields, capacity, sizeof *grown);
        if (grown == NULL) return false;
        csv->fields = grown;
        csv->field_capacity = capacity;
    }
    csv->fields[csv->field_count++] = field;
    return true;
}

static bool push_row(lethe_csv *csv, size_t line) {
    if (csv->rows == csv->line_capacity) {
        size_t capacity = csv->line_capacity == 0 ? 64 : csv->line_capacity * 2;
        size_t *grown = lethe_realloc_array(csv->lines, capacity, sizeof *grown);
        if (grown == NULL) return false;
        csv->lines = grown;
        csv->line_capacity = capacity;
    }
    csv->lines[csv->rows++] = line;
    return true;
}

/* One field from *at, written in place; *at is left on what ended it (separator, '\n' or NUL). False for a quote that never closes. */
static bool take_field(char **at, char separator, char **field, size_t *line) {
    char *from = *at, *to = *at;
    *field = to;
    bool quoted = *from == '"';
    if (quoted) from++;
    for (;; from++) {
        if (*from == '\0') {
            if (quoted) return false;
            break;
        }
        if (quoted && *from == '"') {
            if (from[1] != '"') {
                quoted = false;
                continue;
            }
            from++;
        } else if (!quoted && (*from == separator || *from == '\n')) {
            break;
        }
        if (*from == '\n') ++*line;
        *to++ = *from;
    }
    char *end = to;
    if (*from != separator && end > *field && end[-1] == '\r') end--;
    *at = from;
    /* The terminator may fall on `from` itself, which the caller still has to look at: it does so before writing. */
    if (end != from) *end = '\0';
    return true;
}

static lethe_status parse_rows(lethe_csv *csv, char *at, const char *name, lethe_error *error) {
    size_t line = 1;
    while (*at != '\0') {
        size_t start = line, first = csv->field_count;
        if (*at == '\n' || (*at == '\r' && at[1] == '\n')) { /* an empty line */
            at += *at == '\r' ? 2 : 1;
            line++;
            continue;
        }
        if (!push_row(csv, start)) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a CSV file");
        for (;;) {
            char *field;
            if (!take_field(&at, csv->separator, &field, &line))
                return lethe_fail(error, LETHE_MALFORMED, "%s:%zu: a quote is never closed", name, start);
            char ended_by = *at;
            *at = '\0';
            if (!push_field(csv, field)) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a CSV file");
            if (ended_by == '\0') break;
            at++;
            if (ended_by == '\n') {
                line++;
                break;
            }
        }
        if (csv->rows == 1) csv->columns = csv->field_count;
        else if (csv->field_count - first != csv->columns)
            return lethe_fail(error, LETHE_MALFORMED, "%s:%zu: %zu fields, the header has %zu", name, start, csv->field_count - first, csv->columns);
    }
    return csv->rows > 0 ? LETHE_OK : lethe_fail(error, LETHE_MALFORMED, "%s: no header", name);
}

lethe_status lethe_csv_parse(const char *text, size_t size, const char *name, lethe_csv **out, lethe_error *error) {
    *out = NULL;
    if (memchr(text, '\0', size) != NULL) return lethe_fail(error, LETHE_MALFORMED, "%s: not a text file", name);
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    lethe_csv *csv = lethe_alloc_array(1, sizeof *csv);
    if (csv == NULL || (csv->text = lethe_strndup(text, size)) == NULL) {
        lethe_free(csv);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a CSV file");
    }
    csv->separator = guess_separator(csv->text);
    lethe_status status = parse_rows(csv, csv->text, name, error);
    if (status == LETHE_OK) *out = csv;
    else lethe_csv_destroy(csv);
    return status;
}

lethe_status lethe_csv_load(const char *path, lethe_csv **out, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, (size_t)1 << 31);
    *out = NULL;
    lethe_status status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK) status = lethe_csv_parse(lethe_buffer_text(&text), text.size, lethe_path_name(path), out, error);
    lethe_buffer_release(&text);
    return status;
}

void lethe_csv_destroy(lethe_csv *csv) {
    if (csv == NULL) return;
    lethe_free(csv->text);
    lethe_free(csv->fields);
    lethe_free(csv->lines);
    lethe_free(csv);
}

size_t lethe_csv_rows(const lethe_csv *csv) { return csv->rows - 1; }
size_t lethe_csv_columns(const lethe_csv *csv) { return csv->columns; }
const char *lethe_csv_header(const lethe_csv *csv, size_t column) { return csv->fields[column]; }
const char *lethe_csv_get(const lethe_csv *csv, size_t row, size_t column) { return csv->fields[(row + 1) * csv->columns + column]; }
size_t lethe_csv_line(const lethe_csv *csv, size_t row) { return csv->lines[row + 1]; }
char lethe_csv_separator(const lethe_csv *csv) { return csv->separator; }

int lethe_csv_find(const lethe_csv *csv, const char *header) {
    for (size_t i = 0; i < csv->columns; i++)
        if (strcmp(csv->fields[i], header) == 0) return (int)i;
    return -1;
}
