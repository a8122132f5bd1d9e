#include "deid/crosswalk.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

typedef struct row {
    const char *issuer, *patient, *pseudonym; /* into the file's text */
    size_t line;
} row;

struct lethe_crosswalk {
    lethe_buffer text; /* cut into NUL-terminated fields */
    row *rows;
    size_t count, capacity;
};

static int by_patient(const void *a, const void *b) {
    const row *x = a, *y = b;
    int order = strcmp(x->patient, y->patient);
    return order != 0 ? order : strcmp(x->issuer, y->issuer);
}

static int by_pseudonym(const void *a, const void *b) { return strcmp((*(const row *const *)a)->pseudonym, (*(const row *const *)b)->pseudonym); }

/* Cut one line into fields in place (RFC 4180 quotes); returns the start of the next line. */
static char *cut_line(char *at, char *fields[16], size_t *count, bool *bad) {
    *count = 0;
    for (;;) {
        char *write = at, *start = at;
        if (*at == '"') {
            at++;
            while (*at != '\0' && !(*at == '"' && at[1] != '"')) {
                if (*at == '"') at++;
                *write++ = *at++;
            }
            if (*at == '"') at++;
            else *bad = true;
        } else {
            while (*at != '\0' && *at != ',' && *at != '\n' && *at != '\r') *write++ = *at++;
        }
        char stop = *at;
        if (stop == '\r' && at[1] == '\n') at++;
        if (stop != '\0') at++;
        if (stop != ',' && stop != '\n' && stop != '\r' && stop != '\0') *bad = true;
        *write = '\0';
        if (*count == 16) *bad = true;
        else fields[(*count)++] = start;
        if (stop != ',') return at;
    }
}

static char *trim(char *text) {
    while (*text == ' ') text++;
    for (size_t n = strlen(text); n != 0 && text[n - 1] == ' '; n--) text[n - 1] = '\0';
    return text;
}

static bool is_pseudonym(const char *text) {
    size_t length = strlen(text);
    return length != 0 && length <= 64 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

static lethe_status read_rows(lethe_crosswalk *crosswalk, lethe_error *error) {
    char *at = (char *)crosswalk->text.bytes, *fields[16];
    if (at == NULL) return lethe_fail(error, LETHE_CONFIG, "pseudonym list: line 1: the header patient_id,pseudonym is missing");
    if (lethe_text_starts(at, "\xEF\xBB\xBF")) at += 3;
    int column[3] = {-1, -1, -1};
    static const char *const names[3] = {"patient_id", "pseudonym", "issuer"};
    size_t count;
    bool bad = false;
    at = cut_line(at, fields, &count, &bad);
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < 3; j++)
            if (lethe_text_equal_fold(trim(fields[i]), names[j])) column[j] = (int)i;
    if (bad || column[0] < 0 || column[1] < 0)
        return lethe_fail(error, LETHE_CONFIG, "pseudonym list: line 1: the columns patient_id and pseudonym are needed");
    for (size_t line = 2; *at != '\0'; line++) {
        at = cut_line(at, fields, &count, &bad);
        if (count == 1 && fields[0][0] == '\0') continue;
        if (bad || (int)count <= column[0] || (int)count <= column[1])
            return lethe_fail(error, LETHE_CONFIG, "pseudonym list: line %zu: wrong number of columns", line);
        row r = {.patient = trim(fields[column[0]]),
                 .pseudonym = trim(fields[column[1]]),
                 .line = line,
                 .issuer = column[2] >= 0 && column[2] < (int)count ? trim(fields[column[2]]) : ""};
        if (r.patient[0] == '\0') return lethe_fail(error, LETHE_CONFIG, "pseudonym list: line %zu: empty patient_id", line);
        if (!is_pseudonym(r.pseudonym))
            return lethe_fail(error, LETHE_CONFIG, "pseudonym list: line %zu: a pseudonym is 1 to 64 letters, digits, '-' and '_'", line);
        if (crosswalk->count == crosswalk->capacity) {
            size_t capacity = crosswalk->capacity == 0 ? 256 : 2 * crosswalk->capacity;
            row *grown = lethe_realloc_array(crosswalk->rows, capacity, sizeof *grown);
            if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the pseudonym list");
            crosswalk->rows = grown;
            crosswalk->capacity = capacity;
        }
        crosswalk->rows[crosswalk->count++] = r;
    }
    return LETHE_OK;
}

/* No patient twice, no pseudonym for two patients. */
static lethe_status check_rows(lethe_crosswalk *crosswalk, lethe_error *error) {
    if (crosswalk->count == 0) return LETHE_OK;
    qsort(crosswalk->rows, crosswalk->count, sizeof *crosswalk->rows, by_patient);
    for (size_t i = 1; i < crosswalk->count; i++)
        if (by_patient(&crosswalk->rows[i - 1], &crosswalk->rows[i]) == 0)
            return lethe_fail(error, LETHE_CONFIG, "pseudonym list: lines %zu and %zu name the same patient", crosswalk->rows[i - 1].line,
                              crosswalk->rows[i].line);
    row **order = lethe_alloc_array(crosswalk->count, sizeof *order);
    if (order == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the pseudonym list");
    for (size_t i = 0; i < crosswalk->count; i++) order[i] = &crosswalk->rows[i];
    qsort(order, crosswalk->count, sizeof *order, by_pseudonym);
    lethe_status status = LETHE_OK;
    for (size_t i = 1; i < crosswalk->count && status == LETHE_OK; i++)
        if (strcmp(order[i - 1]->pseudonym, order[i]->pseudonym) == 0 && strcmp(order[i - 1]->patient, order[i]->patient) != 0)
            status = lethe_fail(error, LETHE_CONFIG, "pseudonym list: lines %zu and %zu give two patients one pseudonym", order[i - 1]->line,
                                order[i]->line);
    lethe_free(order);
    return status;
}

lethe_status lethe_crosswalk_load(const char *path, lethe_crosswalk **out, lethe_error *error) {
    *out = NULL;
    lethe_crosswalk *crosswalk = lethe_alloc_array(1, sizeof *crosswalk);
    if (crosswalk == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the pseudonym list");
    lethe_buffer_init(&crosswalk->text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_file_read(path, &crosswalk->text, error);
    if (status == LETHE_OK && crosswalk->text.bytes != NULL && memchr(crosswalk->text.bytes, 0, crosswalk->text.size) != NULL)
        status = lethe_fail(error, LETHE_CONFIG, "pseudonym list: not a text file");
    if (status == LETHE_OK) status = read_rows(crosswalk, error);
    if (status == LETHE_OK) status = check_rows(crosswalk, error);
    if (status != LETHE_OK) lethe_crosswalk_destroy(crosswalk);
    else *out = crosswalk;
    return status;
}

void lethe_crosswalk_destroy(lethe_crosswalk *crosswalk) {
    if (crosswalk == NULL) return;
    lethe_wipe(crosswalk->text.bytes, crosswalk->text.size);
    lethe_buffer_release(&crosswalk->text);
    lethe_free(crosswalk->rows);
    lethe_free(crosswalk);
}

const char *lethe_crosswalk_find(const lethe_crosswalk *crosswalk, const char *issuer, const char *patient_id) {
    if (crosswalk->count == 0) return NULL;
    row key = {.patient = patient_id, .issuer = issuer};
    const row *found = bsearch(&key, crosswalk->rows, crosswalk->count, sizeof key, by_patient);
    key.issuer = "";
    if (found == NULL && issuer[0] != '\0') found = bsearch(&key, crosswalk->rows, crosswalk->count, sizeof key, by_patient);
    return found == NULL ? NULL : found->pseudonym;
}

size_t lethe_crosswalk_count(const lethe_crosswalk *crosswalk) { return crosswalk->count; }
