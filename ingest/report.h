/* Storage commitment reports that are to be delivered on an association of their own (PS3.4 J.3.3): a spool of files in private/commitments/, so that
 * they outlive the host. Layer: ingest. */
#ifndef LETHE_INGEST_REPORT_H
#define LETHE_INGEST_REPORT_H

#include "core/project.h"
#include "ingest/dimse.h"

/* The spool's folder; the caller frees; NULL when memory is short. */
LETHE_NODISCARD char *lethe_reports_path(const lethe_project *project);
/* Keep a report for the peer with the title `aet`, synced. UIDs hold printable ASCII. */
LETHE_NODISCARD lethe_status lethe_report_keep(const lethe_project *project, const char *aet, const char *transaction_uid,
                                               const lethe_dimse_reference *references, size_t count, lethe_error *error);
/* Deliver what is due and older than a second (the request must have been answered first). A report that cannot be delivered is tried again after a
 * while, half its age and at most ten minutes, and given up after three days. Errors: only such as concern the spool as a whole. */
LETHE_NODISCARD lethe_status lethe_reports_deliver(const lethe_project *project, const char *our_aet, lethe_error *error);

#endif
