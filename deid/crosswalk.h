/* Pseudonyms that others have assigned: a CSV with the columns patient_id, pseudonym and optionally issuer. Patients that it does not name get their
 * keyed pseudonym. Private side. Layer: deid. Thread rule: immutable after load. */
#ifndef LETHE_DEID_CROSSWALK_H
#define LETHE_DEID_CROSSWALK_H

#include "core/error.h"

#include <stddef.h>

typedef struct lethe_crosswalk lethe_crosswalk;

/* Errors: LETHE_CONFIG with the line number for a wrong header, an unsafe or repeated pseudonym (letters, digits, '-', '_', at most 64), a patient
 * named twice; LETHE_IO; LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_crosswalk_load(const char *path, lethe_crosswalk **out, lethe_error *error);
void lethe_crosswalk_destroy(lethe_crosswalk *crosswalk);
/* NULL when not named. A row without issuer stands for every issuer. */
const char *lethe_crosswalk_find(const lethe_crosswalk *crosswalk, const char *issuer, const char *patient_id);
size_t lethe_crosswalk_count(const lethe_crosswalk *crosswalk);

#endif
