#include "ingest/csv.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

enum { MAX_COLUMNS = 256, MAX_ROWS = 10 << 20 };

typedef struct parser {
    lethe_csv *csv;
    const char *at, *end, *name;
    char separator;
    size_t line, row_capacity;
    char *fields[MAX_COLUMNS];
    char *scratch; /* as long as the file */
} parser;

/* One field, unquoted, in the arena. Stops at the separator or the line's end. */
static lethe_status read_field(parser *self, char **out, lethe_error *error) {
    size_t used = 0;
    if (self->at < self->end && *self->at == '"') {
        for (self->at++;; self->at++) {
            if (self->at == self->end) return lethe_fail(error, LETHE_CONFIG, "%s:%zu: a quote is never closed", self->name, self->line);
            if (*self->at == '"') {
                if (self->at + 1 == self->end || self->at[1] != '"') break;
                self->at++;
            }
            if (*self->at == '\n') self->line++;
            self->scratch[used++] = *self->at;
        }
        self->at++;
        if (self->at < self->end && *self->at != self->separator && *self->at != '\n' && *self->at != '\r')
            return lethe_fail(error, LETHE_CONFIG, "%s:%zu: text after a closing quote", self->name, self->line);
    } else {
        while (self->at < self->end && *self->at != self->separator && *self->at != '\n' && *self->at != '\r') self->scratch[used++] = *self->at++;
        while (used != 0 && self->scratch[used - 1] == ' ') used--;
    }
    *out = lethe_arena_strndup(self->csv->arena, self->scratch, used);
    return *out == NULL ? lethe_fail(error, LETHE_LIMIT, "%s: too large", self->name) : LETHE_OK;
}

/* One line into self->fields; *count 0 for an empty one. */
static lethe_status read_line(parser *self, size_t *count, lethe_error *error) {
    *count = 0;
    self->line++;
    for (;;) {
        if (*count == MAX_COLUMNS) return lethe_fail(error, LETHE_CONFIG, "%s:%zu: more than %d columns", self->name, self->line, MAX_COLUMNS);
        lethe_status status = read_field(self, &self->fields[*count], error);
        if (status != LETHE_OK) return status;
        ++*count;
        if (self->at == self->end || *self->at != self->separator) break;
        self->at++;
    }
    if (self->at < self->end && *self->at == '\r') self->at++;
    if (self->at < self->end && *self->at == '\n') self->at++;
    if (*count == 1 && self->fields[0][0] == '\0') *count = 0;
    return LETHE_OK;
}

static lethe_status keep_row(parser *self, size_t count, lethe_error *error) {
    lethe_csv *csv = self->csv;
    if (count > csv->columns)
        return lethe_fail(error, LETHE_CONFIG, "%s:%zu: %zu fields, but the header has %zu", self->name, self->line, count, csv->columns);
    if (csv->row_count == self->row_capacity) {
        size_t more = self->row_capacity == 0 ? 256 : 2 * self->row_capacity;
        char ***rows = csv->row_count >= MAX_ROWS ? NULL : lethe_realloc_array(csv->rows, more, sizeof *rows);
        if (rows == NULL) return lethe_fail(error, LETHE_LIMIT, "%s: too many rows", self->name);
        csv->rows = rows;
        self->row_capacity = more;
    }
    char **row = lethe_arena_alloc_array(csv->arena, csv->columns, sizeof *row);
    if (row == NULL) return lethe_fail(error, LETHE_LIMIT, "%s: too large", self->name);
    static char nothing[1];
    for (size_t i = 0; i < csv->columns; i++) row[i] = i < count ? self->fields[i] : nothing;
    csv->rows[csv->row_count++] = row;
    return LETHE_OK;
}

static lethe_status parse(parser *self, lethe_error *error) {
    size_t count = 0;
    lethe_status status = read_line(self, &count, error);
    if (status == LETHE_OK && count == 0) status = lethe_fail(error, LETHE_CONFIG, "%s:1: no header", self->name);
    if (status != LETHE_OK) return status;
    self->csv->columns = count;
    self->csv->header = lethe_arena_alloc_array(self->csv->arena, count, sizeof *self->csv->header);
    if (self->csv->header == NULL) return lethe_fail(error, LETHE_LIMIT, "%s: too large", self->name);
    memcpy(self->csv->header, self->fields, count * sizeof *self->fields);
    while (status == LETHE_OK && self->at < self->end) {
        status = read_line(self, &count, error);
        if (status == LETHE_OK && count != 0) status = keep_row(self, count, error);
    }
    return status;
}

lethe_status lethe_csv_load(const char *path, const char *name, lethe_csv **out, lethe_error *error) {
    *out = NULL;
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    parser self = {.name = name};
    lethe_csv *csv = lethe_alloc_array(1, sizeof *csv);
    lethe_error own = {0};
    lethe_status status = csv == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for %s", name) : LETHE_OK;
    if (status == LETHE_OK && (status = lethe_file_read(path, &text, &own)) != LETHE_OK) (void)lethe_fail(error, status, "%s: %s", name, own.message);
    if (status == LETHE_OK) {
        csv->arena = lethe_arena_create(4 * (size_t)LETHE_LIMIT_TEXT_FILE_BYTES);
        self.scratch = lethe_alloc(text.size + 1);
        if (csv->arena == NULL || self.scratch == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for %s", name);
    }
    if (status == LETHE_OK) {
        self.csv = csv;
        self.at = lethe_buffer_text(&text);
        self.end = self.at + text.size;
        if (text.size >= 3 && memcmp(self.at, "\xef\xbb\xbf", 3) == 0) self.at += 3;
        size_t header = strcspn(self.at, "\r\n");
        self.separator = memchr(self.at, ',', header) == NULL && memchr(self.at, ';', header) != NULL ? ';' : ',';
        status = parse(&self, error);
    }
    lethe_free(self.scratch);
    lethe_buffer_release(&text);
    if (status != LETHE_OK) lethe_csv_free(csv);
    else *out = csv;
    return status;
}

void lethe_csv_free(lethe_csv *csv) {
    if (csv == NULL) return;
    lethe_arena_destroy(csv->arena);
    lethe_free(csv->rows);
    lethe_free(csv);
}

size_t lethe_csv_column(const lethe_csv *csv, const char *header) {
    for (size_t i = 0; i < csv->columns; i++)
        if (lethe_text_equal_fold(csv->header[i], header)) return i;
    return SIZE_MAX;
}

lethe_status lethe_csv_put(lethe_buffer *out, bool first, const char *field, lethe_error *error) {
    lethe_status status = first ? LETHE_OK : lethe_buffer_append(out, ",", 1, error);
    bool formula = field[0] != '\0' && strchr("=+-@\t", field[0]) != NULL;
    bool quote = formula || strpbrk(field, ",\"\r\n") != NULL;
    if (status == LETHE_OK && quote) status = lethe_buffer_append_text(out, formula ? "\"'" : "\"", error);
    for (const char *at = field; status == LETHE_OK && *at != '\0'; at++) {
        if (*at == '"') status = lethe_buffer_append(out, "\"", 1, error);
        if (status == LETHE_OK) status = lethe_buffer_append(out, at, 1, error);
    }
    return status == LETHE_OK && quote ? lethe_buffer_append(out, "\"", 1, error) : status;
}
