/* One HTML report about a run for a data protection officer: counts by outcome, actions by clause, values kept and why, residual risk as k-anonymity
 * over what was kept. Holds no source path and no removed value. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_REPORT_H
#define LETHE_DEID_REPORT_H

#include "deid/people.h"

typedef struct lethe_report lethe_report;

LETHE_NODISCARD lethe_status lethe_report_create(const lethe_profile *profile, lethe_report **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_report_add(lethe_report *report, const lethe_result *result, lethe_error *error);
/* Write the page (mode 0600). `people` may be NULL. */
LETHE_NODISCARD lethe_status lethe_report_write(lethe_report *report, const lethe_people *people, const char *path, lethe_error *error);
void lethe_report_destroy(lethe_report *report);

#endif
