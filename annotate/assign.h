/* Making tasks: which cases, read by whom. Layer: annotate. Thread rule: one thread at a time per store. */
#ifndef LETHE_ANNOTATE_ASSIGN_H
#define LETHE_ANNOTATE_ASSIGN_H

#include "annotate/store.h"

typedef struct lethe_assignment {
    const char *batch;            /* a name for these tasks */
    const char *query;            /* "modality=MR,manufacturer~SIEMENS": columns of the catalogue, = equal or ~ contains; "" = every case */
    const char *const *readers;   /* NULL-terminated */
    unsigned per_case;            /* readers of each case, blind to each other; 0 = all of them */
    unsigned calibration;         /* cases that each of their readers gets a second time, to measure how a reader agrees with himself */
    const char *const *honeypots; /* NULL-terminated case ids with known truth, given to every reader; NULL = none */
    int64_t priority;
    uint64_t seed;        /* of the shuffles */
    lethe_task_kind kind; /* LETHE_TASK_READ or LETHE_TASK_ADJUDICATION */
} lethe_assignment;

/* Cases are shuffled; each goes to the readers with the least work so far. A case that a reader has already is not given again. *created gets the
 * number of tasks. Errors: LETHE_DENIED unless organiser, LETHE_USAGE (unknown column, too few readers), LETHE_NOT_FOUND (unknown reader, honeypot).
 */
LETHE_NODISCARD lethe_status lethe_assign(lethe_store *store, const lethe_assignment *assignment, int64_t *created, lethe_error *error);

#endif
