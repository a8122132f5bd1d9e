/* A cohort: who and what a project may have. A CSV file with any of the columns patient_id, accession_number, study_uid, date_from, date_to, modality
 * and description; an empty field is no condition; a row holds when all its conditions hold; the cohort is the union of its rows.
 *
 * Dates are YYYYMMDD or YYYY-MM-DD, inclusive. `modality` may list several, separated by | or spaces. `description` is a pattern with * and ?, case
 * ignored, against Study Description and Series Description. Layer: ingest. Thread rule: immutable after load. */
#ifndef LETHE_INGEST_COHORT_H
#define LETHE_INGEST_COHORT_H

#include "core/error.h"
#include "imaging/dicom/dataset.h"
#include "ingest/csv.h"

typedef struct lethe_cohort_row {
    const char *patient_id, *accession_number, *study_uid, *date_from, *date_to, *modality, *description; /* "" = no condition */
    size_t line;                                                                                          /* in the file, from 1 */
} lethe_cohort_row;

typedef struct lethe_cohort lethe_cohort;

/* Errors: LETHE_CONFIG for an unknown column, no known column, a row with no condition at all or a wrong date; names file and line. */
LETHE_NODISCARD lethe_status lethe_cohort_load(const char *path, const char *name, lethe_cohort **out, lethe_error *error);
void lethe_cohort_free(lethe_cohort *cohort);
size_t lethe_cohort_size(const lethe_cohort *cohort);
const lethe_cohort_row *lethe_cohort_at(const lethe_cohort *cohort, size_t index);

/* What a row is held against; "" = unknown (a condition on it then fails). */
typedef struct lethe_cohort_facts {
    char patient_id[65], issuer[65], accession_number[17], study_uid[65], study_date[9], modality[17], study_description[65], series_description[65];
} lethe_cohort_facts;
void lethe_cohort_facts_of(const lethe_dicom_dataset *dataset, lethe_cohort_facts *facts);
bool lethe_cohort_row_holds(const lethe_cohort_row *row, const lethe_cohort_facts *facts);
bool lethe_cohort_has(const lethe_cohort *cohort, const lethe_cohort_facts *facts);

#endif
