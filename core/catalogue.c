#include "core/catalogue.h"

#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct lethe_catalogue {
    lethe_database *database;
};

static const lethe_migration migrations[] = {
    {1,
     "CREATE TABLE entry (path TEXT PRIMARY KEY, kind TEXT NOT NULL, patient TEXT NOT NULL, study_uid TEXT NOT NULL, series_uid TEXT NOT NULL, "
     "instance_uid TEXT NOT NULL, modality TEXT NOT NULL, sop_class TEXT NOT NULL, series_description TEXT NOT NULL, study_description TEXT NOT "
     "NULL, "
     "body_part TEXT NOT NULL, study_date TEXT NOT NULL, manufacturer TEXT NOT NULL, model TEXT NOT NULL, sex TEXT NOT NULL, age TEXT NOT NULL, "
     "laterality TEXT NOT NULL, view_position TEXT NOT NULL, series_number BIGINT NOT NULL, instance_number BIGINT NOT NULL, pixel_rows BIGINT NOT "
     "NULL, "
     "pixel_columns BIGINT NOT NULL, frames BIGINT NOT NULL, sha256 TEXT NOT NULL);"
     "CREATE INDEX entry_order ON entry (patient, study_uid, series_number, series_uid, instance_number, path);"
     "CREATE INDEX entry_instance ON entry (instance_uid);"
     "CREATE INDEX entry_series ON entry (series_uid);",
     NULL},
    /* What came under a path after something else had been released there. */
    {2, "CREATE TABLE entry_change (path TEXT PRIMARY KEY, patient TEXT NOT NULL, sha256 TEXT NOT NULL, changed_us BIGINT NOT NULL);", NULL},
};

/* The text columns in the order of the table, and where each lies in an entry. */
static const size_t text_fields[] = {
    offsetof(lethe_catalogue_entry, path),
    offsetof(lethe_catalogue_entry, kind),
    offsetof(lethe_catalogue_entry, patient),
    offsetof(lethe_catalogue_entry, study_uid),
    offsetof(lethe_catalogue_entry, series_uid),
    offsetof(lethe_catalogue_entry, instance_uid),
    offsetof(lethe_catalogue_entry, modality),
    offsetof(lethe_catalogue_entry, sop_class),
    offsetof(lethe_catalogue_entry, series_description),
    offsetof(lethe_catalogue_entry, study_description),
    offsetof(lethe_catalogue_entry, body_part),
    offsetof(lethe_catalogue_entry, study_date),
    offsetof(lethe_catalogue_entry, manufacturer),
    offsetof(lethe_catalogue_entry, model),
    offsetof(lethe_catalogue_entry, sex),
    offsetof(lethe_catalogue_entry, age),
    offsetof(lethe_catalogue_entry, laterality),
    offsetof(lethe_catalogue_entry, view_position),
};
enum { TEXT_FIELDS = sizeof text_fields / sizeof *text_fields };

#define ENTRY_COLUMNS                                                                                                                                \
    "path, kind, patient, study_uid, series_uid, instance_uid, modality, sop_class, series_description, study_description, body_part, study_date, "  \
    "manufacturer, model, sex, age, laterality, view_position, series_number, instance_number, pixel_rows, pixel_columns, frames, sha256"

static const char *text_at(const lethe_catalogue_entry *entry, size_t i) {
    const char *text = NULL;
    memcpy(&text, (const char *)entry + text_fields[i], sizeof text);
    return text == NULL ? "" : text;
}

static void set_text_at(lethe_catalogue_entry *entry, size_t i, const char *text) { memcpy((char *)entry + text_fields[i], &text, sizeof text); }

lethe_status lethe_catalogue_open(const lethe_project *project, lethe_catalogue **out, lethe_error *error) {
    *out = NULL;
    lethe_catalogue *fresh = lethe_alloc_array(1, sizeof *fresh);
    char *url = lethe_project_catalogue_url(project);
    lethe_status status = fresh == NULL || url == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for the catalogue") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_database_open(url, "lethe_released", &fresh->database, error);
    if (status == LETHE_OK)
        status = lethe_database_migrate_component(fresh->database, "catalogue", migrations, sizeof migrations / sizeof *migrations, error);
    lethe_free(url);
    if (status != LETHE_OK) lethe_catalogue_close(fresh);
    else *out = fresh;
    return status;
}

void lethe_catalogue_close(lethe_catalogue *catalogue) {
    if (catalogue == NULL) return;
    lethe_database_close(catalogue->database);
    lethe_free(catalogue);
}

lethe_database *lethe_catalogue_database(lethe_catalogue *catalogue) { return catalogue->database; }

/* "INSERT INTO entry (...) VALUES (?1 ... ?24) ON CONFLICT (path) DO UPDATE SET every other column = excluded's". */
static lethe_status put_sql(lethe_buffer *sql, lethe_error *error) {
    static const char columns[] = ENTRY_COLUMNS;
    lethe_status status = lethe_buffer_append_text(sql, "INSERT INTO entry (" ENTRY_COLUMNS ") VALUES (", error);
    for (int i = 1; status == LETHE_OK && i <= TEXT_FIELDS + 6; i++) status = lethe_buffer_printf(sql, error, "%s?%d", i == 1 ? "" : ", ", i);
    if (status == LETHE_OK) status = lethe_buffer_append_text(sql, ") ON CONFLICT (path) DO UPDATE SET ", error);
    const char *at = strchr(columns, ' ') + 1; /* past "path," */
    for (bool first = true; status == LETHE_OK && *at != '\0'; first = false) {
        int length = (int)strcspn(at, ",");
        status = lethe_buffer_printf(sql, error, "%s%.*s = excluded.%.*s", first ? "" : ", ", length, at, length, at);
        at += length;
        while (*at == ',' || *at == ' ') at++;
    }
    return status;
}

static int64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static lethe_status put_one(lethe_statement *statement, const lethe_catalogue_entry *entry, lethe_error *error) {
    for (size_t i = 0; i < TEXT_FIELDS; i++) lethe_statement_bind_text(statement, (int)i + 1, text_at(entry, i));
    const int64_t numbers[] = {entry->series_number, entry->instance_number, entry->rows, entry->columns, entry->frames};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) lethe_statement_bind_int64(statement, TEXT_FIELDS + 1 + (int)i, numbers[i]);
    lethe_statement_bind_text(statement, TEXT_FIELDS + 6, entry->sha256 == NULL ? "" : entry->sha256);
    return lethe_statement_run(statement, error);
}

/* Other bytes under a name that was released before: the moment is kept, so that labels and snapshots can be held against it. */
static const char *const change_sql[] = {
    "INSERT INTO entry_change (path, patient, sha256, changed_us) SELECT path, patient, CAST(?2 AS TEXT), CAST(?3 AS BIGINT) FROM entry WHERE path = "
    "?1 "
    "AND sha256 <> ?2 ON CONFLICT (path) DO UPDATE SET sha256 = excluded.sha256, changed_us = excluded.changed_us",
    "UPDATE entry_change SET sha256 = ?2, changed_us = ?3 WHERE path = ?1 AND sha256 <> ?2"};
enum { CHANGES = sizeof change_sql / sizeof *change_sql };

static lethe_status note_change(lethe_statement *const statements[CHANGES], const lethe_catalogue_entry *entry, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (int i = 0; i < CHANGES && status == LETHE_OK; i++) {
        lethe_statement_bind_text(statements[i], 1, entry->path);
        lethe_statement_bind_text(statements[i], 2, entry->sha256 == NULL ? "" : entry->sha256);
        lethe_statement_bind_int64(statements[i], 3, now_us());
        status = lethe_statement_run(statements[i], error);
    }
    return status;
}

lethe_status lethe_catalogue_put(lethe_catalogue *catalogue, const lethe_catalogue_entry *entries, size_t count, lethe_error *error) {
    if (count == 0) return LETHE_OK;
    lethe_buffer sql;
    lethe_statement *statement = NULL, *changes[CHANGES] = {NULL};
    lethe_buffer_init(&sql, 8192);
    lethe_status status = put_sql(&sql, error);
    if (status == LETHE_OK) status = lethe_database_begin(catalogue->database, error);
    if (status != LETHE_OK) goto out;
    status = lethe_statement_prepare(catalogue->database, lethe_buffer_text(&sql), &statement, error);
    for (int i = 0; status == LETHE_OK && i < CHANGES; i++) status = lethe_statement_prepare(catalogue->database, change_sql[i], &changes[i], error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        status = note_change(changes, &entries[i], error);
        if (status == LETHE_OK) status = put_one(statement, &entries[i], error);
    }
    if (status == LETHE_OK) status = lethe_database_commit(catalogue->database, error);
    else lethe_database_rollback(catalogue->database);
out:
    lethe_statement_finalize(statement);
    for (int i = 0; i < CHANGES; i++) lethe_statement_finalize(changes[i]);
    lethe_buffer_release(&sql);
    return status;
}

static lethe_status remove_where(lethe_catalogue *catalogue, const char *sql, const char *value, int64_t *removed, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(catalogue->database, sql, &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, value);
    status = lethe_statement_run(statement, error);
    if (status == LETHE_OK) *removed = lethe_statement_changes(statement);
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_catalogue_remove(lethe_catalogue *catalogue, const char *path, lethe_error *error) {
    int64_t removed = 0;
    /* What it was is kept: it may come back as something else. */
    lethe_status status =
        remove_where(catalogue,
                     "INSERT INTO entry_change (path, patient, sha256, changed_us) SELECT path, patient, sha256, 0 FROM entry WHERE "
                     "path = ?1 ON CONFLICT (path) DO UPDATE SET sha256 = excluded.sha256",
                     path, &removed, error);
    return status == LETHE_OK ? remove_where(catalogue, "DELETE FROM entry WHERE path = ?1", path, &removed, error) : status;
}

lethe_status lethe_catalogue_remove_patient(lethe_catalogue *catalogue, const char *patient, int64_t *removed, lethe_error *error) {
    lethe_status status = remove_where(catalogue, "DELETE FROM entry_change WHERE patient = ?1", patient, removed, error);
    *removed = 0;
    return status == LETHE_OK ? remove_where(catalogue, "DELETE FROM entry WHERE patient = ?1", patient, removed, error) : status;
}

/* --- reading --- */

static lethe_status visit_sql(const lethe_catalogue_filter *filter, lethe_buffer *sql, const char *values[5], int *count, lethe_error *error) {
    static const lethe_catalogue_filter any = {0};
    if (filter == NULL) filter = &any;
    const struct {
        const char *column, *value;
    } conditions[] = {{"patient", filter->patient},
                      {"study_uid", filter->study_uid},
                      {"series_uid", filter->series_uid},
                      {"modality", filter->modality},
                      {"instance_uid", filter->instance_uid}};
    *count = 0;
    lethe_status status = lethe_buffer_append_text(sql, "SELECT " ENTRY_COLUMNS " FROM entry", error);
    for (size_t i = 0; status == LETHE_OK && i < sizeof conditions / sizeof *conditions; i++) {
        if (conditions[i].value == NULL || conditions[i].value[0] == '\0') continue;
        values[(*count)++] = conditions[i].value;
        status = lethe_buffer_printf(sql, error, " %s %s = ?%d", *count == 1 ? "WHERE" : "AND", conditions[i].column, *count);
    }
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(sql, " ORDER BY patient, study_uid, series_number, series_uid, instance_number, path", error);
    return status;
}

static void entry_from_row(lethe_statement *row, lethe_catalogue_entry *entry) {
    memset(entry, 0, sizeof *entry);
    for (size_t i = 0; i < TEXT_FIELDS; i++) set_text_at(entry, i, lethe_statement_text(row, (int)i));
    entry->series_number = lethe_statement_int64(row, TEXT_FIELDS);
    entry->instance_number = lethe_statement_int64(row, TEXT_FIELDS + 1);
    entry->rows = lethe_statement_int64(row, TEXT_FIELDS + 2);
    entry->columns = lethe_statement_int64(row, TEXT_FIELDS + 3);
    entry->frames = lethe_statement_int64(row, TEXT_FIELDS + 4);
    entry->sha256 = lethe_statement_text(row, TEXT_FIELDS + 5);
}

lethe_status lethe_catalogue_visit(lethe_catalogue *catalogue, const lethe_catalogue_filter *filter, lethe_catalogue_fn visit, void *context,
                                   lethe_error *error) {
    lethe_buffer sql;
    lethe_statement *statement = NULL;
    const char *values[5];
    int count = 0;
    lethe_buffer_init(&sql, 8192);
    lethe_status status = visit_sql(filter, &sql, values, &count, error);
    if (status == LETHE_OK) status = lethe_statement_prepare(catalogue->database, lethe_buffer_text(&sql), &statement, error);
    if (status == LETHE_OK)
        for (int i = 0; i < count; i++) lethe_statement_bind_text(statement, i + 1, values[i]);
    while (status == LETHE_OK) {
        bool row = false;
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        lethe_catalogue_entry entry;
        entry_from_row(statement, &entry);
        status = visit(context, &entry, error);
    }
    lethe_statement_finalize(statement);
    lethe_buffer_release(&sql);
    return status;
}
