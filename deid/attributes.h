/* From a parsed instance to an edit script: what happens to each element, at every depth (PS3.15 E.1, E.3).
 *
 * Order of say: illegal and structural elements, own rules of the profile, private elements by creator, Table E.1-1 with the profile's options, and
 * for what the table does not name a default by VR. An element that the dictionary does not know is removed. Every value that stays is checked
 * against the known identifiers of the patient. Layer: deid. Thread rule: one thread at a time per job. */
#ifndef LETHE_DEID_ATTRIBUTES_H
#define LETHE_DEID_ATTRIBUTES_H

#include "core/pseudonym.h"
#include "deid/profile.h"
#include "deid/scrub.h"
#include "imaging/dicom/charset.h"
#include "imaging/dicom/edit.h"

/* A value that was taken out, for the audit. Bytes are borrowed from the input. */
typedef enum lethe_removed_kind { LETHE_REMOVED_TEXT, LETHE_REMOVED_NAME, LETHE_REMOVED_DATE, LETHE_REMOVED_UID } lethe_removed_kind;
typedef struct lethe_removed_value {
    const uint8_t *bytes;
    uint32_t size;
    uint8_t kind; /* lethe_removed_kind */
} lethe_removed_value;

/* What was done, by action, and what the report needs. */
typedef struct lethe_attribute_record {
    uint32_t counts[LETHE_ACTIONS]; /* elements by action; LETHE_ACTION_KEEP counts private elements that stayed */
    uint32_t private_dropped;
    lethe_removed_value *removed; /* in the data set's arena */
    size_t removed_count, removed_capacity;
    lethe_removed_value *written; /* dates that stand in the output by right: a removed value equal to one of them is no leak */
    size_t written_count, written_capacity;
} lethe_attribute_record;

typedef struct lethe_attribute_job {
    const lethe_profile *profile;
    lethe_pseudonymizer *pseudonymizer;
    const lethe_dicom_dataset *dataset;
    lethe_edit_script *script;
    const char *patient;          /* the pseudonym that becomes PatientID and PatientName */
    const char *patient_original; /* Patient ID as it stands in the input, trimmed; "" when missing */
    lethe_scrub *scrub;           /* has learned this data set */
    bool explain;                 /* record every decision, kept elements too, with its reason */
    bool pixels_cleaned;          /* the pixel stage searched or redacted this instance: declare Clean Pixel Data */
    const lethe_tag
        *forced; /* elements that an audit found wanting. Named once: texts are cleaned strictly; named twice: they go, whatever the rules say */
    unsigned forced_count;
    bool unsafe_graphics; /* set by the walk: overlay planes share the pixel cells, or a region overlay stays */
} lethe_attribute_job;

/* Fill `job->script`. Errors: LETHE_NO_MEMORY, LETHE_LIMIT, LETHE_CRYPTO, LETHE_UNSAFE with a tag when an element can neither be kept nor removed. */
LETHE_NODISCARD lethe_status lethe_attributes_edit(lethe_attribute_job *job, lethe_attribute_record *record, lethe_error *error);

/* True for UIDs that the standard itself registers (PS3.6 Annex A): they say nothing about a patient and are kept. */
bool lethe_uid_is_registered(const char *uid, size_t length);

#endif
