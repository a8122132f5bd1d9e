/* The right to object, at the door: `lethe object` keeps pseudonyms of patients in the intake database; whose instance comes is told by the project's
 * key. De-identification checks again, also what has no Patient ID. Layer: ingest. Thread rule: one thread at a time per queue. */
#ifndef LETHE_INGEST_OBJECTION_H
#define LETHE_INGEST_OBJECTION_H

#include "core/project.h"
#include "core/queue.h"

/* Does anybody object? Cheap. Errors: LETHE_DATABASE. */
LETHE_NODISCARD lethe_status lethe_door_has_objections(lethe_queue *queue, bool *any, lethe_error *error);
/* Does this patient? The key is read for the occasion and wiped: a process forked later does not hold it. An empty ID: false. Errors: LETHE_DATABASE,
 * and those of the key's file. */
LETHE_NODISCARD lethe_status lethe_door_patient_objects(const lethe_project *project, lethe_queue *queue, const char *issuer, const char *patient_id,
                                                        bool *objects, lethe_error *error);

#endif
