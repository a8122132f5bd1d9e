/* OMOP CDM medical imaging extension (MI-CDM): omop/image_occurrence.csv (one row per series or slide) and omop/image_feature.csv (one row per
 * label), the columns of the extension's tables first, then source values. Persons and procedures (studies) are numbered; the platform joins them by
 * person_source_value and image_study_uid. Concepts are left as source codes: mapping them to concept ids is the platform's vocabulary's task
 * (concept id 0, "no matching concept"). */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static lethe_status put_fields(lethe_buffer *out, const char *const *fields, size_t count, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        if (i != 0) status = lethe_buffer_append(out, ",", 1, error);
        if (status == LETHE_OK) status = lethe_csv_field(out, fields[i], error);
    }
    return status == LETHE_OK ? lethe_buffer_append(out, "\n", 1, error) : status;
}

/* Numbers of an image: its person's, study's (as a procedure) and series' or slide's (as an occurrence), counted from 1 over the whole catalogue, so
 * that splits of one set do not collide. */
typedef struct numbers {
    size_t person, study, occurrence;
} numbers;

static lethe_status count_all(const lethe_dataset *d, numbers **out, lethe_error *error) {
    size_t count = lethe_image_index_count(d->index);
    numbers now = {0};
    *out = lethe_alloc_array(count, sizeof **out);
    if (*out == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for tables");
    for (size_t i = 0; i < count; i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i), *last = i == 0 ? NULL : lethe_image_index_at(d->index, i - 1);
        bool new_person = last == NULL || strcmp(last->patient, ref->patient) != 0;
        bool new_study = new_person || ref->is_slide || strcmp(last->study_uid, ref->study_uid) != 0;
        now.person += new_person;
        now.study += new_study;
        now.occurrence += new_study || strcmp(last->series_uid, ref->series_uid) != 0;
        (*out)[i] = now;
    }
    return LETHE_OK;
}

static void as_date(const char *dicom, char out[16]) {
    out[0] = '\0';
    if (strlen(dicom) == 8 && strspn(dicom, "0123456789") == 8) (void)snprintf(out, 16, "%.4s-%.2s-%.2s", dicom, dicom + 4, dicom + 6);
}

static lethe_status write_occurrences(lethe_dataset *d, const numbers *of, lethe_error *error) {
    static const char *const header[] = {
        "image_occurrence_id", "person_id",           "procedure_occurrence_id", "visit_occurrence_id", "anatomic_site_concept_id",
        "wadors_uri",          "local_path",          "image_occurrence_date",   "image_study_uid",     "image_series_uid",
        "modality_concept_id", "person_source_value", "modality_source_value"};
    lethe_buffer out;
    size_t last = 0;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = put_fields(&out, header, sizeof header / sizeof *header, error);
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(d->index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        char ids[3][24], date[16];
        if (of[i].occurrence == last || !lethe_dataset_has(d, i)) continue;
        last = of[i].occurrence;
        (void)snprintf(ids[0], sizeof ids[0], "%zu", of[i].occurrence);
        (void)snprintf(ids[1], sizeof ids[1], "%zu", of[i].person);
        (void)snprintf(ids[2], sizeof ids[2], "%zu", of[i].study);
        as_date(ref->study_date, date);
        const char *const fields[] = {ids[0], ids[1],         ids[2],          "",  "0",          "",           ref->path,
                                      date,   ref->study_uid, ref->series_uid, "0", ref->patient, ref->modality};
        status = put_fields(&out, fields, sizeof fields / sizeof *fields, error);
    }
    if (status == LETHE_OK) status = lethe_package_write(d->package, "omop/image_occurrence.csv", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

/* The numbers of what a label is about. A label of a study or patient stands at its first series: the table knows no other place. */
static numbers numbers_of(const lethe_dataset *d, const numbers *of, const lethe_annotation *a) {
    size_t count = lethe_image_index_count(d->index), low = 0, high = count;
    const lethe_image_ref *image = a->image[0] == '\0' ? NULL : lethe_image_index_find(d->index, a->image, NULL);
    if (image != NULL) return of[lethe_image_index_position(d->index, image)];
    while (low < high) { /* the patient's images stand together */
        size_t middle = low + (high - low) / 2;
        if (strcmp(lethe_image_index_at(d->index, middle)->patient, a->patient) < 0) low = middle + 1;
        else high = middle;
    }
    for (size_t i = low; i < count && strcmp(lethe_image_index_at(d->index, i)->patient, a->patient) == 0; i++)
        if (a->series_uid[0] != '\0' && strcmp(lethe_image_index_at(d->index, i)->series_uid, a->series_uid) == 0) return of[i];
    for (size_t i = low; a->study_uid[0] != '\0' && i < count && strcmp(lethe_image_index_at(d->index, i)->patient, a->patient) == 0; i++)
        if (strcmp(lethe_image_index_at(d->index, i)->study_uid, a->study_uid) == 0) return of[i];
    return low < count ? of[low] : (numbers){0};
}

static lethe_status write_features(lethe_dataset *d, const numbers *of, lethe_error *error) {
    static const char *const header[] = {"image_feature_id",
                                         "person_id",
                                         "image_occurrence_id",
                                         "image_feature_event_field_concept_id",
                                         "image_feature_event_id",
                                         "image_feature_concept_id",
                                         "image_feature_type_concept_id",
                                         "image_finding_concept_id",
                                         "image_finding_id",
                                         "anatomic_site_concept_id",
                                         "alg_system",
                                         "alg_datetime",
                                         "person_source_value",
                                         "image_feature_source_value",
                                         "image_feature_source_vocabulary",
                                         "image_feature_source_code",
                                         "value_source_value",
                                         "annotator_source_value"};
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = put_fields(&out, header, sizeof header / sizeof *header, error);
    for (size_t i = 0; status == LETHE_OK && i < d->labels->count; i++) {
        const lethe_annotation *a = &d->labels->items[i];
        const lethe_label *label = d->schema == NULL ? NULL : lethe_schema_label(d->schema, a->label);
        const lethe_code *code = label == NULL ? NULL : label->code;
        char id[24], person[24], occurrence[24] = "";
        if (!lethe_dataset_has_label(d, a)) continue;
        numbers about = numbers_of(d, of, a);
        (void)snprintf(id, sizeof id, "%" PRId64, a->id);
        (void)snprintf(person, sizeof person, "%zu", about.person);
        if (about.occurrence != 0) (void)snprintf(occurrence, sizeof occurrence, "%zu", about.occurrence);
        const char *const fields[] = {id,
                                      person,
                                      occurrence,
                                      "0",
                                      "0",
                                      "0",
                                      "0",
                                      "0",
                                      a->level == LETHE_LEVEL_REGION ? id : "",
                                      "0",
                                      a->source,
                                      "",
                                      a->patient,
                                      a->label,
                                      code == NULL ? "" : code->scheme,
                                      code == NULL ? "" : code->value,
                                      a->value[0] != '\0' ? a->value : a->form,
                                      a->author};
        status = put_fields(&out, fields, sizeof fields / sizeof *fields, error);
    }
    if (status == LETHE_OK) status = lethe_package_write(d->package, "omop/image_feature.csv", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

static lethe_status write_omop(lethe_dataset *d, lethe_error *error) {
    numbers *of = NULL;
    lethe_status status = count_all(d, &of, error);
    if (status == LETHE_OK) status = write_occurrences(d, of, error);
    if (status == LETHE_OK) status = write_features(d, of, error);
    lethe_free(of);
    return status;
}

const lethe_format lethe_format_omop = {"omop", "OMOP CDM imaging extension: image_occurrence and image_feature tables", write_omop, NULL};
