/* The patients of a run, in the parent's memory only: who came under several names, who under several IDs, and, only when asked for, a crosswalk
 * encrypted for one recipient (CMS, RFC 5652). Private side. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_PEOPLE_H
#define LETHE_DEID_PEOPLE_H

#include "deid/pipeline.h"

typedef struct lethe_people lethe_people;

LETHE_NODISCARD lethe_status lethe_people_create(lethe_people **out, lethe_error *error);
void lethe_people_destroy(lethe_people *people); /* wipes */
/* Take note of a released instance's patient. */
LETHE_NODISCARD lethe_status lethe_people_add(lethe_people *people, const lethe_result *result, lethe_error *error);

typedef struct lethe_people_counts {
    uint64_t patients;
    uint64_t several_names; /* patient IDs that came with names that differ in more than case, accents and spaces */
    uint64_t several_ids;   /* persons (name and birth date) that came under more than one patient ID */
} lethe_people_counts;
void lethe_people_count(const lethe_people *people, lethe_people_counts *counts);
/* Pseudonyms of those patients, one call each; `why` is static. */
typedef lethe_status (*lethe_people_fn)(void *context, const char *pseudonym, const char *why, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_people_visit_doubts(const lethe_people *people, lethe_people_fn visit, void *context, lethe_error *error);

/* Write `issuer,patient_id,pseudonym` lines, encrypted for the X.509 certificate (PEM) of the recipient as CMS EnvelopedData in DER with AES-256,
 * mode 0600. `openssl cms -decrypt -inform DER -inkey KEY` reads it. Errors: LETHE_CRYPTO, LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_people_write_crosswalk(const lethe_people *people, const char *certificate_path, const char *path,
                                                          lethe_error *error);

#endif
