/* HTML about a run for a data protection officer: outcomes, actions by clause and by row of PS3.15 Table E.1-1, what is kept and why, residual risk
 * as k-anonymity over what was kept. The report holds no source path and no removed value; texts before and after cleaning go to a page of their own
 * for the private side. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_REPORT_H
#define LETHE_DEID_REPORT_H

#include "deid/people.h"
#include "deid/tally.h"

/* The name of the page of texts in a private folder. */
#define LETHE_TEXTS_PAGE "cleaned-texts.html"

typedef struct lethe_report lethe_report;

/* `want_texts`: lethe_report_write_texts will be called. `profile` is borrowed. */
LETHE_NODISCARD lethe_status lethe_report_create(const lethe_profile *profile, bool want_texts, lethe_report **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_report_add(lethe_report *report, const lethe_result *result, lethe_error *error);
/* What lethe_engine_take_tally told. */
LETHE_NODISCARD lethe_status lethe_report_merge(lethe_report *report, const void *bytes, size_t size, lethe_error *error);
/* Write the page (mode 0600). `people` may be NULL. */
LETHE_NODISCARD lethe_status lethe_report_write(lethe_report *report, const lethe_people *people, const char *path, lethe_error *error);
/* Write the page of texts before and after cleaning (mode 0600). It identifies: for the private side only. */
LETHE_NODISCARD lethe_status lethe_report_write_texts(lethe_report *report, const char *path, lethe_error *error);
void lethe_report_destroy(lethe_report *report);

#endif
