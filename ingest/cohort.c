#include "ingest/cohort.h"

#include "core/memory.h"
#include "core/text.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

/* Rows that share their most telling value; rows without one are tried for everything. */
typedef struct bucket {
    const char *key; /* "s" study, "a" accession or "p" patient, then the value */
    size_t first;    /* index + 1 into `rows`, then by `next` */
    UT_hash_handle hh;
} bucket;

struct lethe_cohort {
    lethe_csv *csv;
    lethe_cohort_row *rows;
    size_t *next; /* index + 1 of the next row of a bucket; 0 = end */
    size_t count, open_first;
    bucket *buckets;
};

static const struct {
    const char *header;
    size_t offset;
} columns[] = {
    {"patient_id", offsetof(lethe_cohort_row, patient_id)},   {"accession_number", offsetof(lethe_cohort_row, accession_number)},
    {"study_uid", offsetof(lethe_cohort_row, study_uid)},     {"date_from", offsetof(lethe_cohort_row, date_from)},
    {"date_to", offsetof(lethe_cohort_row, date_to)},         {"modality", offsetof(lethe_cohort_row, modality)},
    {"description", offsetof(lethe_cohort_row, description)},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* "2024-01-31" -> "20240131", in place. */
static bool squeeze_date(char *text) {
    size_t used = 0;
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] != '-') text[used++] = text[i];
    text[used] = '\0';
    if (used != 0 && used != 8) return false;
    for (size_t i = 0; i < used; i++)
        if (text[i] < '0' || text[i] > '9') return false;
    return true;
}

static lethe_status check_columns(const lethe_csv *csv, const char *name, lethe_error *error) {
    static const char *const words[] = {"patient_id", "accession_number", "study_uid", "date_from", "date_to", "modality", "description", NULL};
    for (size_t i = 0; i < csv->columns; i++) {
        bool known = csv->header[i][0] == '\0';
        for (size_t j = 0; j < COLUMNS; j++) known = known || lethe_text_equal_fold(csv->header[i], columns[j].header);
        const char *nearest = known ? NULL : lethe_text_nearest(csv->header[i], words);
        if (!known) /* an unknown condition that is ignored would let too many in */
            return lethe_fail(error, LETHE_CONFIG, "%s:1: unknown column %zu%s%s%s", name, i + 1, nearest == NULL ? "" : " (did you mean ",
                              nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?)");
    }
    return LETHE_OK;
}

static lethe_status take_row(lethe_cohort *cohort, size_t index, const char *name, lethe_error *error) {
    static char nothing[1];
    lethe_cohort_row *row = &cohort->rows[index];
    bool any = false;
    row->line = index + 2;
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t column = lethe_csv_column(cohort->csv, columns[i].header);
        char *value = column == SIZE_MAX ? nothing : cohort->csv->rows[index][column];
        bool date = i == 3 || i == 4;
        if (date && value != nothing && !squeeze_date(value))
            return lethe_fail(error, LETHE_CONFIG, "%s:%zu: %s is no date", name, row->line, columns[i].header);
        any = any || value[0] != '\0';
        const char *keep = value;
        memcpy((char *)row + columns[i].offset, &keep, sizeof keep);
    }
    return any ? LETHE_OK : lethe_fail(error, LETHE_CONFIG, "%s:%zu: a row without any condition would let everything in", name, row->line);
}

static lethe_status index_row(lethe_cohort *cohort, size_t index, lethe_error *error) {
    const lethe_cohort_row *row = &cohort->rows[index];
    char kind = row->study_uid[0] != '\0' ? 's' : row->accession_number[0] != '\0' ? 'a' : row->patient_id[0] != '\0' ? 'p' : '\0';
    if (kind == '\0') {
        cohort->next[index] = cohort->open_first;
        cohort->open_first = index + 1;
        return LETHE_OK;
    }
    char *key = lethe_arena_printf(cohort->csv->arena, "%c%s", kind,
                                   kind == 's'   ? row->study_uid
                                   : kind == 'a' ? row->accession_number
                                                 : row->patient_id);
    bucket *found = NULL;
    if (key != NULL) HASH_FIND_STR(cohort->buckets, key, found);
    if (key != NULL && found == NULL) {
        found = lethe_arena_alloc(cohort->csv->arena, sizeof *found);
        if (found != NULL) {
            found->key = key;
            HASH_ADD_KEYPTR(hh, cohort->buckets, found->key, strlen(found->key), found);
        }
    }
    if (found == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a cohort");
    cohort->next[index] = found->first;
    found->first = index + 1;
    return LETHE_OK;
}

lethe_status lethe_cohort_load(const char *path, const char *name, lethe_cohort **out, lethe_error *error) {
    *out = NULL;
    lethe_cohort *cohort = lethe_alloc_array(1, sizeof *cohort);
    lethe_status status =
        cohort == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a cohort") : lethe_csv_load(path, name, &cohort->csv, error);
    if (status == LETHE_OK) status = check_columns(cohort->csv, name, error);
    if (status == LETHE_OK) {
        cohort->count = cohort->csv->row_count;
        cohort->rows = lethe_alloc_array(cohort->count + 1, sizeof *cohort->rows);
        cohort->next = lethe_alloc_array(cohort->count + 1, sizeof *cohort->next);
        if (cohort->rows == NULL || cohort->next == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a cohort");
    }
    for (size_t i = 0; status == LETHE_OK && i < cohort->count; i++) {
        status = take_row(cohort, i, name, error);
        if (status == LETHE_OK) status = index_row(cohort, i, error);
    }
    if (status != LETHE_OK) lethe_cohort_free(cohort);
    else *out = cohort;
    return status;
}

void lethe_cohort_free(lethe_cohort *cohort) {
    if (cohort == NULL) return;
    HASH_CLEAR(hh, cohort->buckets);
    lethe_csv_free(cohort->csv);
    lethe_free(cohort->rows);
    lethe_free(cohort->next);
    lethe_free(cohort);
}

size_t lethe_cohort_size(const lethe_cohort *cohort) { return cohort->count; }
const lethe_cohort_row *lethe_cohort_at(const lethe_cohort *cohort, size_t index) { return &cohort->rows[index]; }

/* --- holding an instance against it --- */

void lethe_cohort_facts_of(const lethe_dicom_dataset *dataset, lethe_cohort_facts *facts) {
    memset(facts, 0, sizeof *facts);
    (void)lethe_dicom_text(dataset->root, 0x00100020, 0, facts->patient_id, sizeof facts->patient_id);
    (void)lethe_dicom_text(dataset->root, 0x00100021, 0, facts->issuer, sizeof facts->issuer);
    (void)lethe_dicom_text(dataset->root, 0x00080050, 0, facts->accession_number, sizeof facts->accession_number);
    (void)lethe_dicom_text(dataset->root, 0x0020000d, 0, facts->study_uid, sizeof facts->study_uid);
    (void)lethe_dicom_text(dataset->root, 0x00080020, 0, facts->study_date, sizeof facts->study_date);
    (void)lethe_dicom_text(dataset->root, 0x00080060, 0, facts->modality, sizeof facts->modality);
    (void)lethe_dicom_text(dataset->root, 0x00081030, 0, facts->study_description, sizeof facts->study_description);
    (void)lethe_dicom_text(dataset->root, 0x0008103e, 0, facts->series_description, sizeof facts->series_description);
}

static bool lists(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; length != 0 && *at != '\0';) {
        size_t span = strcspn(at, "|, ");
        if (span == length && strncasecmp(at, word, length) == 0) return true;
        at += span;
        if (*at != '\0') at++;
    }
    return false;
}

static bool matches(const char *pattern, const char *text) { return fnmatch(pattern, text, FNM_CASEFOLD | FNM_NOESCAPE) == 0; }

bool lethe_cohort_row_holds(const lethe_cohort_row *row, const lethe_cohort_facts *facts) {
    if (row->patient_id[0] != '\0' && strcmp(row->patient_id, facts->patient_id) != 0) return false;
    if (row->accession_number[0] != '\0' && strcmp(row->accession_number, facts->accession_number) != 0) return false;
    if (row->study_uid[0] != '\0' && strcmp(row->study_uid, facts->study_uid) != 0) return false;
    if (row->date_from[0] != '\0' && (facts->study_date[0] == '\0' || strcmp(facts->study_date, row->date_from) < 0)) return false;
    if (row->date_to[0] != '\0' && (facts->study_date[0] == '\0' || strcmp(facts->study_date, row->date_to) > 0)) return false;
    if (row->modality[0] != '\0' && !lists(row->modality, facts->modality)) return false;
    return row->description[0] == '\0' || matches(row->description, facts->study_description) || matches(row->description, facts->series_description);
}

bool lethe_cohort_has(const lethe_cohort *cohort, const lethe_cohort_facts *facts) {
    const char *const values[] = {facts->study_uid, facts->accession_number, facts->patient_id};
    for (size_t row = cohort->open_first; row != 0; row = cohort->next[row - 1])
        if (lethe_cohort_row_holds(&cohort->rows[row - 1], facts)) return true;
    for (size_t i = 0; i < 3; i++) {
        char key[72];
        bucket *found = NULL;
        if (values[i][0] == '\0') continue;
        (void)snprintf(key, sizeof key, "%c%s", "sap"[i], values[i]);
        HASH_FIND_STR(cohort->buckets, key, found);
        for (size_t row = found == NULL ? 0 : found->first; row != 0; row = cohort->next[row - 1])
            if (lethe_cohort_row_holds(&cohort->rows[row - 1], facts)) return true;
    }
    return false;
}
