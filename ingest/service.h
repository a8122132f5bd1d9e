/* Helpers that the receiver keeps running beside it, each in a process of its own: watched folders, metrics, STOW-RS, commitment reports, audit
 * messages. One that dies is started again. Layer: ingest. */
#ifndef LETHE_INGEST_SERVICE_H
#define LETHE_INGEST_SERVICE_H

#include "core/project.h"
#include "ingest/door.h"
#include "ingest/intake.h"

typedef struct service_context {
    const lethe_project *project;
    const lethe_door *door;
    const char *host; /* that the receiver listens on */
    const char *aet;  /* ours */
    intake_shared *shared;
    int stop_fd; /* readable (a signalfd for SIGTERM) when it is time to end */
} service_context;

/* Seconds of a clock that nobody sets: for time-outs, whatever happens to the time of day. */
int64_t lethe_service_seconds(void);

/* Each opens its own database and returns when stop_fd is readable. */
LETHE_NODISCARD lethe_status lethe_watch_run(const service_context *context, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_metrics_run(const service_context *context, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_audit_run(const service_context *context, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_report_run(const service_context *context, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_stow_run(const service_context *context, lethe_error *error);

#endif
