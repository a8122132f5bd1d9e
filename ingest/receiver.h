/* The receiving daemon: one process per association, one committer for all of them.
 *
 * Each connection is served by a forked child that writes and syncs files but has no database. It hands the finished item to the parent and waits;
 * the parent commits whatever is waiting in one transaction (group commit) and answers; only then does the child answer its peer. A child that
 * crashes takes its own association with it and nothing else. Layer: ingest. Thread rule: the process must be single-threaded. */
#ifndef LETHE_INGEST_RECEIVER_H
#define LETHE_INGEST_RECEIVER_H

#include "core/project.h"
#include "ingest/door.h"

#include <stdio.h>

typedef struct lethe_receiver_options {
    const lethe_project *project;
    const lethe_door *door;
    const char *aet, *host; /* NULL = as in project.yaml */
    int port;               /* -1 = as in project.yaml, 0 = a free one */
    FILE *announce;         /* gets one line "listening on HOST:PORT" */
} lethe_receiver_options;

/* Receive until SIGTERM or SIGINT, then let associations finish their current instance and return LETHE_OK. */
LETHE_NODISCARD lethe_status lethe_receiver_run(const lethe_receiver_options *options, lethe_error *error);

#endif
