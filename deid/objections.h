/* The right to object: patients whose instances are never released. The list holds pseudonyms only, so that it names nobody and sharded workers can
 * share it. Layer: deid. Thread rule: immutable after load. */
#ifndef LETHE_DEID_OBJECTIONS_H
#define LETHE_DEID_OBJECTIONS_H

#include "core/database.h"
#include "core/error.h"

typedef struct lethe_objections lethe_objections;

LETHE_NODISCARD lethe_status lethe_objections_create(lethe_objections **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_objections_add(lethe_objections *objections, const char *patient_pseudonym, lethe_error *error);
/* Read the table of a project's intake database (created when missing). */
LETHE_NODISCARD lethe_status lethe_objections_load(lethe_database *intake, lethe_objections **out, lethe_error *error);
/* A patient was released under a pre-assigned pseudonym: remembered beside the keyed one, so that an objection finds the data without the list. */
LETHE_NODISCARD lethe_status lethe_objections_note_alias(lethe_database *intake, const char *keyed, const char *assigned, lethe_error *error);
/* Visit the other pseudonyms of a patient, whichever of them is given; none: no call. */
typedef lethe_status (*lethe_alias_fn)(void *context, const char *pseudonym, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_objections_aliases(lethe_database *intake, const char *pseudonym, lethe_alias_fn visit, void *context,
                                                      lethe_error *error);
/* A patient whose ID came with an issuer was released: remembered under the pseudonym that the ID has without one, which is what an objection by
 * number alone is of. */
LETHE_NODISCARD lethe_status lethe_objections_note_unissued(lethe_database *intake, const char *unissued, const char *patient, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_objections_of_any_issuer(lethe_database *intake, const char *unissued, lethe_alias_fn visit, void *context,
                                                            lethe_error *error);
/* Visit each patient ID of a list, one a line, in UTF-8 (with or without a byte order mark; lines end in LF, CR LF or CR). The whole list is looked at
 * before the first visit. Errors: LETHE_IO; LETHE_CONFIG for a list that names nobody, is no UTF-8, or has a line that cannot be a patient ID. */
typedef lethe_status (*lethe_patient_fn)(void *context, const char *patient_id, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_objections_read_list(const char *path, lethe_patient_fn visit, void *context, lethe_error *error);
void lethe_objections_destroy(lethe_objections *objections);
bool lethe_objections_contain(const lethe_objections *objections, const char *patient_pseudonym); /* NULL list: false */
bool lethe_objections_same(const lethe_objections *a, const lethe_objections *b);
size_t lethe_objections_count(const lethe_objections *objections);

/* `lethe object`: argv[1] is add, remove or list. Returns an exit code. */
int lethe_object_main(int argc, char **argv);

#endif
