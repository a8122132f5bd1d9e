/* lethe annotate rekey: clinical tables under the same pseudonyms and date shifts as the images. The only command of this program that reads the
 * private side. */
#include "annotate/commands.h"

#include "annotate/text_out.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_COLUMNS = 256 };

static bool in_list(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t part = strcspn(at, ",");
        if (part == length && strncmp(at, name, part) == 0) return true;
        at += part + (at[part] == ',');
    }
    return false;
}

/* Days since 1970 of the proleptic Gregorian calendar, and back. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365,
            of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), part = (5 * of_year + 2) / 153;
    *day = of_year - (153 * part + 2) / 5 + 1;
    *month = part < 10 ? part + 3 : part - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t digits(const char *text, size_t count) {
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* YYYYMMDD, YYYY-MM-DD (a time after 'T' or ' ' stays) or DD/MM/YYYY. False for anything else: a date that cannot be shifted must not pass. */
static bool shift_date(const char *text, int32_t days, char out[64]) {
    int64_t year, month, day;
    size_t length = strlen(text);
    int form = length == 8 ? 0 : length >= 10 && text[4] == '-' && text[7] == '-' ? 1 : length == 10 && text[2] == '/' && text[5] == '/' ? 2 : -1;
    if (form < 0 || length > 40) return false;
    year = form == 2 ? digits(text + 6, 4) : digits(text, 4);
    month = digits(text + (form == 0 ? 4 : form == 1 ? 5 : 3), 2);
    day = digits(text + (form == 0 ? 6 : form == 1 ? 8 : 0), 2);
    if (form == 1 && text[10] != '\0' && text[10] != 'T' && text[10] != ' ') return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31) return false;
    int64_t shifted = days_of(year, month, day), y, m, d;
    date_of(shifted, &y, &m, &d);
    if (y != year || m != month || d != day) return false; /* 30 February */
    date_of(shifted + days, &y, &m, &d);
    if (form == 0) (void)snprintf(out, 64, "%04d%02d%02d", (int)y, (int)m, (int)d);
    else if (form == 1) (void)snprintf(out, 64, "%04d-%02d-%02d%s", (int)y, (int)m, (int)d, text + 10);
    else (void)snprintf(out, 64, "%02d/%02d/%04d", (int)d, (int)m, (int)y);
    return true;
}

typedef struct rekeying {
    const lethe_csv *csv;
    lethe_pseudonymizer *pseudonymizer;
    int column;
    const char *issuer, *dates, *drop;
} rekeying;

static lethe_status put_row(const rekeying *k, size_t row, lethe_buffer *out, lethe_error *error) {
    const char *id = lethe_csv_get(k->csv, row, (size_t)k->column);
    char pseudonym[LETHE_PATIENT_PSEUDONYM_SIZE], shifted[64];
    int32_t days = 0;
    bool first = true;
    if (id[0] == '\0') return lethe_fail(error, LETHE_MALFORMED, "line %zu: no patient", lethe_csv_line(k->csv, row));
    lethe_status status = lethe_pseudonym_patient(k->pseudonymizer, k->issuer, id, pseudonym, error);
    if (status == LETHE_OK) status = lethe_pseudonym_date_shift(k->pseudonymizer, k->issuer, id, &days, error);
    for (size_t i = 0; status == LETHE_OK && i < lethe_csv_columns(k->csv); i++) {
        const char *header = lethe_csv_header(k->csv, i), *value = lethe_csv_get(k->csv, row, i);
        if (in_list(k->drop, header)) continue;
        if ((int)i == k->column) value = pseudonym;
        else if (in_list(k->dates, header) && value[0] != '\0') {
            if (!shift_date(value, days, shifted))
                return lethe_fail(error, LETHE_MALFORMED, "line %zu: column %s is not a date", lethe_csv_line(k->csv, row), header);
            value = shifted;
        }
        if (!first) status = lethe_buffer_append(out, ",", 1, error);
        first = false;
        if (status == LETHE_OK) status = lethe_csv_field(out, value, error);
    }
    return status == LETHE_OK ? lethe_buffer_append(out, "\n", 1, error) : status;
}

/* Every named column must be there: a date column that is misspelt would stay in clear. */
static lethe_status check_list(const lethe_csv *csv, const char *list, lethe_error *error) {
    for (const char *at = list; at != NULL && *at != '\0';) {
        char name[128];
        size_t part = strcspn(at, ",");
        if (part >= sizeof name) return lethe_fail(error, LETHE_USAGE, "a column's name is too long");
        memcpy(name, at, part);
        name[part] = '\0';
        if (lethe_csv_find(csv, name) < 0) return lethe_fail(error, LETHE_USAGE, "the table has no column '%s'", name);
        at += part + (at[part] == ',');
    }
    return LETHE_OK;
}

static lethe_status rekey(lethe_command *c, const char *file, const char *column, const char *out_path, rekeying *k, size_t *rows,
                          lethe_error *error) {
    uint8_t key[LETHE_KEY_BYTES] = {0};
    lethe_csv *csv = NULL;
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = lethe_project_open(c->folder, true, &c->project, error);
    if (status == LETHE_OK) status = lethe_key_load(c->project->key_path, key, error);
    if (status == LETHE_OK) status = lethe_pseudonymizer_create(key, &k->pseudonymizer, error);
    lethe_wipe(key, sizeof key);
    if (status == LETHE_OK) status = lethe_csv_load(file, &csv, error);
    k->csv = csv;
    if (status == LETHE_OK && (k->column = lethe_csv_find(csv, column)) < 0)
        status = lethe_fail(error, LETHE_USAGE, "the table has no column '%.60s'", column);
    if (status == LETHE_OK) status = check_list(csv, k->dates, error);
    if (status == LETHE_OK) status = check_list(csv, k->drop, error);
    bool first = true;
    for (size_t i = 0; status == LETHE_OK && i < lethe_csv_columns(csv); i++) {
        if (in_list(k->drop, lethe_csv_header(csv, i))) continue;
        if (!first) status = lethe_buffer_append(&out, ",", 1, error);
        first = false;
        if (status == LETHE_OK) status = lethe_csv_field(&out, lethe_csv_header(csv, i), error);
    }
    if (status == LETHE_OK) status = lethe_buffer_append(&out, "\n", 1, error);
    for (size_t row = 0; status == LETHE_OK && row < lethe_csv_rows(csv); row++) status = put_row(k, row, &out, error);
    if (status == LETHE_OK) status = lethe_file_write(out_path, out.bytes, out.size, 0644, error);
    if (status == LETHE_OK) *rows = lethe_csv_rows(csv);
    if (out.bytes != NULL) lethe_wipe(out.bytes, out.size);
    lethe_buffer_release(&out);
    lethe_csv_destroy(csv);
    lethe_pseudonymizer_destroy(k->pseudonymizer);
    return status;
}

int lethe_command_rekey(lethe_command *c) {
    const char *column = lethe_command_option(c, "--column"), *out = lethe_command_option(c, "-o"), *issuer = lethe_command_option(c, "--issuer");
    rekeying k = {.issuer = issuer == NULL ? "" : issuer, .dates = lethe_command_option(c, "--dates"), .drop = lethe_command_option(c, "--drop")};
    const char *file = lethe_command_word(c);
    lethe_error error = {0};
    size_t rows = 0;
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (file == NULL || column == NULL || out == NULL)
        return lethe_command_usage(c, "rekey FILE.csv --column PatientID -o OUT.csv [--dates A,B] [--drop C,D]");
    if (rekey(c, file, column, out, &k, &rows, &error) != LETHE_OK) return lethe_command_fail(c, &error);
    (void)printf("%zu rows\n", rows);
    return LETHE_EXIT_DONE;
}
