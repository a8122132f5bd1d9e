/* Results as they come from workers, and as the catalogue wants them (pipeline.h). */
#include "deid/objections.h"
#include "deid/pipeline.h"

#include <string.h>

bool lethe_result_is_objected(const lethe_result *r, const lethe_objections *objections) {
    return lethe_objections_contain(objections, r->patient) || lethe_objections_contain(objections, r->keyed) ||
           (r->unissued[0] != '\0' && lethe_objections_contain(objections, r->unissued));
}

static bool ends(const char *text, size_t size) { return memchr(text, '\0', size) != NULL; }
#define ENDS(member) ends(r->member, sizeof r->member)

static bool texts_end(const lethe_result *r) {
    bool good = ENDS(reason) && ENDS(output) && ENDS(sha256) && ENDS(content) && ENDS(keyed) && ENDS(unissued) && ENDS(patient) && ENDS(study_uid) &&
                ENDS(series_uid) && ENDS(instance_uid) && ENDS(sop_class) && ENDS(modality) && ENDS(series_description) && ENDS(study_description) &&
                ENDS(body_part) && ENDS(study_date) && ENDS(manufacturer) && ENDS(model) && ENDS(sex) && ENDS(age) && ENDS(laterality) &&
                ENDS(view_position) && ENDS(institution) && ENDS(original_id) && ENDS(original_issuer);
    for (unsigned i = 0; good && i < r->box_count; i++) good = ENDS(boxes[i].why);
    return good;
}

static bool is_hex_or_empty(const char *digest) {
    size_t length = strlen(digest);
    return (length == 0 || length == 64) && strspn(digest, "0123456789abcdef") == length;
}

bool lethe_result_take(const void *bytes, size_t size, lethe_result *r) {
    *r = (lethe_result){.outcome = LETHE_OUTCOME_QUARANTINED};
    if (size < offsetof(lethe_result, boxes) || size > sizeof *r) return false;
    /* A bool of any other byte is no value at all: looked at before it becomes one. */
    uint8_t slide = ((const uint8_t *)bytes)[offsetof(lethe_result, is_slide)];
    uint32_t outcome;
    memcpy(&outcome, (const uint8_t *)bytes + offsetof(lethe_result, outcome), sizeof outcome);
    _Static_assert(sizeof outcome == sizeof r->outcome, "an outcome is as large as an int");
    if (slide > 1 || outcome > LETHE_OUTCOME_DROPPED) return false;
    memcpy(r, bytes, size);
    bool whole = r->box_count <= LETHE_RESULT_BOXES && size == offsetof(lethe_result, boxes) + r->box_count * sizeof r->boxes[0];
    bool good = whole && texts_end(r) && is_hex_or_empty(r->sha256) && is_hex_or_empty(r->content);
    if (good && r->outcome == LETHE_OUTCOME_RELEASED) good = lethe_path_is_safe(r->output);
    else if (good) good = r->output[0] == '\0';
    if (!good) *r = (lethe_result){.outcome = LETHE_OUTCOME_QUARANTINED};
    return good;
}

/* The strings of the entry are those of the result. */
lethe_catalogue_entry lethe_result_entry(const lethe_result *r) {
    return (lethe_catalogue_entry){.path = r->output,
                                   .kind = r->is_slide ? "slide" : "dicom",
                                   .patient = r->patient,
                                   .study_uid = r->study_uid,
                                   .series_uid = r->series_uid,
                                   .instance_uid = r->instance_uid,
                                   .modality = r->modality,
                                   .sop_class = r->sop_class,
                                   .series_description = r->series_description,
                                   .study_description = r->study_description,
                                   .body_part = r->body_part,
                                   .study_date = r->study_date,
                                   .manufacturer = r->manufacturer,
                                   .model = r->model,
                                   .sex = r->sex,
                                   .age = r->age,
                                   .laterality = r->laterality,
                                   .view_position = r->view_position,
                                   .series_number = r->series_number,
                                   .instance_number = r->instance_number,
                                   .rows = r->rows,
                                   .columns = r->columns,
                                   .frames = r->frames,
                                   .sha256 = r->sha256};
}
