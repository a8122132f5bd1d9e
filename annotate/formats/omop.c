/* OMOP CDM medical imaging extension: omop/image_occurrence.csv (one row per series or slide) and omop/image_feature.csv (one row per label).
 * Concepts are left as source codes: mapping them to concept ids is the platform's vocabulary's task (concept id 0, "no matching concept"). */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"

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

static bool starts_occurrence(const lethe_dataset *d, size_t image) {
    const lethe_image_ref *ref = lethe_image_index_at(d->index, image);
    return ref->is_slide || image == 0 || strcmp(lethe_image_index_at(d->index, image - 1)->series_uid, ref->series_uid) != 0;
}

static lethe_status write_occurrences(lethe_dataset *d, lethe_error *error) {
    static const char *const header[] = {"image_occurrence_id",   "person_source_value", "image_study_UID", "image_series_UID",
                                         "modality_source_value", "modality_concept_id", "local_path"};
    lethe_buffer out;
    size_t id = 0;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = put_fields(&out, header, sizeof header / sizeof *header, error);
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(d->index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        char number[24];
        if (!starts_occurrence(d, i)) continue;
        (void)snprintf(number, sizeof number, "%zu", ++id);
        const char *const fields[] = {number, ref->patient, ref->study_uid, ref->series_uid, ref->modality, "0", ref->path};
        if (lethe_dataset_has(d, i)) status = put_fields(&out, fields, sizeof fields / sizeof *fields, error);
    }
    if (status == LETHE_OK) status = lethe_package_write(d->package, "omop/image_occurrence.csv", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

/* The occurrence of a label's image or series, counted as above; 0 for labels of studies and patients. */
static size_t occurrence_of(const lethe_dataset *d, const lethe_annotation *a) {
    const lethe_image_ref *image = a->image[0] == '\0' ? NULL : lethe_image_index_find(d->index, a->image, NULL);
    size_t id = 0;
    for (size_t i = 0; i < lethe_image_index_count(d->index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        id += starts_occurrence(d, i);
        if (image == ref || (image == NULL && a->series_uid[0] != '\0' && strcmp(ref->series_uid, a->series_uid) == 0)) return id;
    }
    return 0;
}

static lethe_status write_features(lethe_dataset *d, lethe_error *error) {
    static const char *const header[] = {"image_feature_id",           "person_source_value",
                                         "image_occurrence_id",        "image_feature_concept_id",
                                         "image_feature_source_value", "image_feature_source_vocabulary",
                                         "image_feature_source_code",  "value_source_value",
                                         "image_finding_num",          "alg_system",
                                         "annotator_source_value"};
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = put_fields(&out, header, sizeof header / sizeof *header, error);
    for (size_t i = 0; status == LETHE_OK && i < d->labels->count; i++) {
        const lethe_annotation *a = &d->labels->items[i];
        const lethe_label *label = d->schema == NULL ? NULL : lethe_schema_label(d->schema, a->label);
        const lethe_code *code = label == NULL ? NULL : label->code;
        char id[24], occurrence[24];
        if (!lethe_dataset_has_label(d, a)) continue;
        (void)snprintf(id, sizeof id, "%" PRId64, a->id);
        (void)snprintf(occurrence, sizeof occurrence, "%zu", occurrence_of(d, a));
        const char *const fields[] = {id,
                                      a->patient,
                                      strcmp(occurrence, "0") == 0 ? "" : occurrence,
                                      "0",
                                      a->label,
                                      code == NULL ? "" : code->scheme,
                                      code == NULL ? "" : code->value,
                                      a->value[0] != '\0' ? a->value : a->form,
                                      a->level == LETHE_LEVEL_REGION ? id : "",
                                      a->source,
                                      a->author};
        status = put_fields(&out, fields, sizeof fields / sizeof *fields, error);
    }
    if (status == LETHE_OK) status = lethe_package_write(d->package, "omop/image_feature.csv", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

static lethe_status write_omop(lethe_dataset *d, lethe_error *error) {
    lethe_status status = write_occurrences(d, error);
    return status == LETHE_OK ? write_features(d, error) : status;
}

const lethe_format lethe_format_omop = {"omop", "OMOP CDM imaging extension: image_occurrence and image_feature tables", write_omop, NULL};
