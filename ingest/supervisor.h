/* Starts the services of ingest/service.h and starts them again. Layer: ingest; for the receiver only. */
#ifndef LETHE_INGEST_SUPERVISOR_H
#define LETHE_INGEST_SUPERVISOR_H

#include "ingest/service.h"

#include <sys/types.h>

enum { SUPERVISED = 5 };

typedef struct supervisor {
    service_context context;
    pid_t pids[SUPERVISED];
    int64_t not_before[SUPERVISED]; /* lethe_service_seconds */
} supervisor;

/* True when some service should be started now. */
bool supervisor_has_work(const supervisor *self);
/* Fork what is missing. No database may be open in this process: SQLite must not be carried over fork(). */
void supervisor_start(supervisor *self);
/* Tell of an ended child; false when it is none of ours. */
bool supervisor_reaped(supervisor *self, pid_t pid, int code);
void supervisor_signal(const supervisor *self, int number);
bool supervisor_is_idle(const supervisor *self);

#endif
