/* CSV: classifications of images, series, studies and patients, one row each (long) or one row per image with a column per label (wide). */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- export --- */

static lethe_status put_row(lethe_buffer *out, const char *const *fields, size_t count, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        if (i != 0) status = lethe_buffer_append(out, ",", 1, error);
        if (status == LETHE_OK) status = lethe_csv_field(out, fields[i], error);
    }
    return status == LETHE_OK ? lethe_buffer_append(out, "\r\n", 2, error) : status;
}

static lethe_status put_long(lethe_dataset *d, lethe_buffer *out, lethe_error *error) {
    static const char *const header[] = {"annotation", "revision", "patient", "study_uid", "series_uid", "image",  "frame",      "level",
                                         "label",      "value",    "form",    "geometry",  "author",     "source", "confidence", "spent_ms"};
    lethe_status status = put_row(out, header, sizeof header / sizeof *header, error);
    for (size_t i = 0; status == LETHE_OK && i < d->labels->count; i++) {
        const lethe_annotation *a = &d->labels->items[i];
        if (!lethe_dataset_has_label(d, a)) continue;
        char id[24], revision[24], frame[16], confidence[32] = "", spent[24];
        (void)snprintf(id, sizeof id, "%" PRId64, a->id);
        (void)snprintf(revision, sizeof revision, "r%" PRId64, a->revision); /* may be above 2^53: never a number */
        (void)snprintf(frame, sizeof frame, "%u", a->shape.frame + 1);
        (void)snprintf(spent, sizeof spent, "%" PRId64, a->spent_ms);
        if (a->confidence >= 0) (void)snprintf(confidence, sizeof confidence, "%.9g", a->confidence);
        const char *const fields[] = {id,
                                      revision,
                                      a->patient,
                                      a->study_uid,
                                      a->series_uid,
                                      a->image,
                                      a->level == LETHE_LEVEL_REGION ? frame : "",
                                      lethe_level_name(a->level),
                                      a->label,
                                      a->value,
                                      a->form,
                                      a->level == LETHE_LEVEL_REGION ? lethe_shape_kind_name(a->shape.kind) : "",
                                      a->author,
                                      a->source,
                                      confidence,
                                      spent};
        status = put_row(out, fields, sizeof fields / sizeof *fields, error);
    }
    return status;
}

/* The value of a label for an image: of every reader who gave one, "reader=value" joined by ';' when there are several. */
static lethe_status put_wide_value(const lethe_annotation *const *of_patient, size_t count, const lethe_image_ref *image, const char *label,
                                   lethe_buffer *cell, lethe_error *error) {
    size_t found = 0;
    lethe_status status = LETHE_OK;
    lethe_buffer_clear(cell);
    for (size_t i = 0; i < count; i++)
        if (strcmp(of_patient[i]->label, label) == 0 && lethe_annotation_covers(of_patient[i], image)) found++;
    for (size_t i = 0, n = 0; status == LETHE_OK && i < count; i++) {
        const lethe_annotation *a = of_patient[i];
        if (strcmp(a->label, label) != 0 || !lethe_annotation_covers(a, image)) continue;
        const char *value = a->value[0] != '\0' ? a->value : "1"; /* a label that takes no answer is a flag */
        if (found == 1) status = lethe_buffer_append_text(cell, value, error);
        else status = lethe_buffer_printf(cell, error, "%s%s=%s", n == 0 ? "" : ";", a->author, value);
        n++;
    }
    return status;
}

static bool is_answered_label(const lethe_dataset *d, size_t i) { return d->schema->labels[i].level != LETHE_LEVEL_REGION; }

static lethe_status put_wide(lethe_dataset *d, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_NO_MEMORY;
    size_t columns = 0, labels = d->schema == NULL ? 0 : d->schema->labels_count;
    lethe_buffer cell;
    lethe_buffer_init(&cell, 1 << 20);
    const char **fields = lethe_alloc_array(labels + 8, sizeof *fields);
    if (fields == NULL) goto out;
    static const char *const fixed[] = {"image", "path", "patient", "study_uid", "series_uid", "modality"};
    for (; columns < 6; columns++) fields[columns] = fixed[columns];
    for (size_t i = 0; i < labels; i++)
        if (is_answered_label(d, i)) fields[columns++] = d->schema->labels[i].question.name;
    status = put_row(out, fields, columns, error);
    for (size_t at = 0; status == LETHE_OK && at < lethe_image_index_count(d->index); at++) {
        const lethe_image_ref *image = lethe_image_index_at(d->index, at);
        if (!lethe_dataset_has(d, at)) continue;
        const char *const start[6] = {image->key, image->path, image->patient, image->study_uid, image->series_uid, image->modality};
        size_t total;
        const lethe_annotation *const *about = lethe_dataset_classifications(d, image->patient, &total);
        for (size_t i = 0; status == LETHE_OK && i < 6; i++) {
            if (i != 0) status = lethe_buffer_append(out, ",", 1, error);
            if (status == LETHE_OK) status = lethe_csv_field(out, start[i], error);
        }
        for (size_t i = 0; status == LETHE_OK && i < labels; i++) {
            if (!is_answered_label(d, i)) continue;
            status = put_wide_value(about, total, image, d->schema->labels[i].question.name, &cell, error);
            if (status == LETHE_OK) status = lethe_buffer_append(out, ",", 1, error);
            if (status == LETHE_OK) status = lethe_csv_field(out, lethe_buffer_text(&cell), error);
        }
        if (status == LETHE_OK) status = lethe_buffer_append(out, "\r\n", 2, error);
    }
out:
    lethe_buffer_release(&cell);
    lethe_free(fields);
    return status == LETHE_OK ? LETHE_OK : lethe_fail(error, status, "no memory for a table");
}

static lethe_status write_csv(lethe_dataset *d, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 33);
    lethe_status status = put_long(d, &out, error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "labels_long.csv", out.bytes, out.size, error);
    lethe_buffer_clear(&out);
    if (status == LETHE_OK) status = put_wide(d, &out, error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "labels_wide.csv", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

/* --- import --- */

/* Which columns say what a row is about. */
typedef struct key_columns {
    int image, series, study, patient, label, value, level, confidence;
} key_columns;

static int find_any(const lethe_csv *csv, const char *const *names) {
    for (; *names != NULL; names++) {
        int column = lethe_csv_find(csv, *names);
        if (column >= 0) return column;
    }
    return -1;
}

static key_columns find_columns(const lethe_csv *csv) {
    static const char *const image[] = {"image", "instance_uid", "SOPInstanceUID", "image_id", "path", "file_name", "filename", NULL};
    static const char *const series[] = {"series_uid", "SeriesInstanceUID", NULL}, *const study[] = {"study_uid", "StudyInstanceUID", NULL};
    static const char *const patient[] = {"patient", "patient_id", "PatientID", NULL}, *const label[] = {"label", NULL},
                             *const value[] = {"value", NULL};
    static const char *const level[] = {"level", NULL}, *const confidence[] = {"confidence", "score", NULL};
    return (key_columns){find_any(csv, image), find_any(csv, series), find_any(csv, study), find_any(csv, patient),
                         find_any(csv, label), find_any(csv, value),  find_any(csv, level), find_any(csv, confidence)};
}

static const char *cell_of(const lethe_csv *csv, size_t row, int column) { return column < 0 ? "" : lethe_csv_get(csv, row, (size_t)column); }

static lethe_level level_of(const lethe_import *import, const lethe_csv *csv, size_t row, const key_columns *keys, const char *label) {
    const lethe_schema *schema = lethe_store_schema(lethe_import_store(import));
    const lethe_label *known = schema == NULL ? NULL : lethe_schema_label(schema, label);
    lethe_level level = LETHE_LEVEL_IMAGE;
    if (known != NULL) return known->level;
    if (lethe_level_parse(cell_of(csv, row, keys->level), &level)) return level;
    if (cell_of(csv, row, keys->image)[0] != '\0') return LETHE_LEVEL_IMAGE;
    if (cell_of(csv, row, keys->series)[0] != '\0') return LETHE_LEVEL_SERIES;
    return cell_of(csv, row, keys->study)[0] != '\0' ? LETHE_LEVEL_STUDY : LETHE_LEVEL_PATIENT;
}

static lethe_status add_answer(lethe_import *import, const lethe_csv *csv, size_t row, const key_columns *keys, const char *label, const char *value,
                               lethe_error *error) {
    char where[64];
    const lethe_image_ref *image = NULL;
    lethe_status status = LETHE_OK;
    (void)snprintf(where, sizeof where, "line %zu", lethe_csv_line(csv, row));
    lethe_annotation a = {.label = label, .value = value, .level = level_of(import, csv, row, keys, label), .confidence = -1};
    if (a.level == LETHE_LEVEL_REGION)
        return lethe_fail(error, LETHE_MALFORMED, "%s: %s: %s is a region: a CSV has no geometry", lethe_import_file_name(import), where, label);
    const char *name = cell_of(csv, row, keys->image);
    if (name[0] != '\0') status = lethe_import_find(import, name, where, &image, error);
    if (status != LETHE_OK) return status;
    a.patient = image != NULL ? image->patient : cell_of(csv, row, keys->patient);
    if (a.level <= LETHE_LEVEL_STUDY) a.study_uid = image != NULL ? image->study_uid : cell_of(csv, row, keys->study);
    if (a.level <= LETHE_LEVEL_SERIES) a.series_uid = image != NULL ? image->series_uid : cell_of(csv, row, keys->series);
    if (image != NULL && (a.level == LETHE_LEVEL_IMAGE || image->is_slide)) a.image = image->key;
    return lethe_import_add(import, &a, where, error);
}

/* A wide file: every column whose (mapped) name is a label of the schema. */
static lethe_status read_wide(lethe_import *import, const lethe_csv *csv, const key_columns *keys, lethe_error *error) {
    const lethe_schema *schema = lethe_store_schema(lethe_import_store(import));
    lethe_status status = LETHE_OK;
    size_t used = 0;
    if (schema == NULL)
        return lethe_fail(error, LETHE_CONFIG, "%s: a table with a column per label needs an installed schema", lethe_import_file_name(import));
    for (size_t column = 0; column < lethe_csv_columns(csv); column++) {
        const char *label = lethe_import_label(import, lethe_csv_header(csv, column));
        if (label == NULL || lethe_schema_label(schema, label) == NULL) continue;
        used++;
        for (size_t row = 0; status == LETHE_OK && row < lethe_csv_rows(csv); row++) {
            const char *value = lethe_csv_get(csv, row, column);
            bool flag = lethe_schema_label(schema, label)->question.answer == LETHE_ANSWER_NONE;
            if (value[0] == '\0' || (flag && strcmp(value, "0") == 0)) continue;
            status = add_answer(import, csv, row, keys, label, flag && strcmp(value, "1") == 0 ? "" : value, error);
        }
    }
    if (status == LETHE_OK && used == 0)
        status =
            lethe_fail(error, LETHE_MALFORMED, "%s:1: no column is named like a label of schema %s", lethe_import_file_name(import), schema->name);
    return status;
}

static lethe_status read_csv(lethe_import *import, const char *path, lethe_error *error) {
    lethe_csv *csv = NULL;
    lethe_status status = lethe_csv_load(path, &csv, error);
    if (status != LETHE_OK) return status;
    key_columns keys = find_columns(csv);
    if (keys.image < 0 && keys.series < 0 && keys.study < 0 && keys.patient < 0)
        status = lethe_fail(error, LETHE_MALFORMED, "%s:1: no column says what a row is about (image, series_uid, study_uid or patient)",
                            lethe_import_file_name(import));
    else if (keys.label < 0 || keys.value < 0) status = read_wide(import, csv, &keys, error);
    else
        for (size_t row = 0; status == LETHE_OK && row < lethe_csv_rows(csv); row++) {
            const char *label = lethe_import_label(import, cell_of(csv, row, keys.label));
            if (label != NULL) status = add_answer(import, csv, row, &keys, label, cell_of(csv, row, keys.value), error);
        }
    lethe_csv_destroy(csv);
    return status;
}

const lethe_format lethe_format_csv = {"csv", "tables of classifications: labels_long.csv and labels_wide.csv", write_csv, read_csv};
