/* Pulling a cohort from a PACS: find (C-FIND), fetch (C-GET or C-MOVE), reconcile. What was found is kept in the intake database, so that a pull that
 * was killed goes on where it stood. Layer: ingest. */
#ifndef LETHE_INGEST_PULL_H
#define LETHE_INGEST_PULL_H

#include "core/project.h"
#include "core/queue.h"
#include "ingest/cohort.h"
#include "ingest/door.h"

#include <stdio.h>

typedef struct lethe_pull_options {
    const lethe_project *project;
    const lethe_door *door;
    const lethe_peer *peer;
    const lethe_cohort *cohort;
    const char *cohort_digest;          /* sha256 of its file: which pull this is */
    bool move;                          /* C-MOVE to our own receiver instead of C-GET */
    bool web;                           /* DICOMweb: QIDO-RS and WADO-RS */
    unsigned jobs;                      /* associations at once */
    unsigned attempts;                  /* per series */
    unsigned back_off_ms;               /* before the second attempt; doubled for each further one */
    unsigned instances_per_minute;      /* over all jobs; 0 = no limit */
    unsigned answer_limit;              /* queries with this many answers are split by date; 0 = only when the peer refuses */
    int window_from_min, window_to_min; /* minutes of the day in which to fetch; equal = always */
    bool quiet;
} lethe_pull_options;

typedef struct lethe_pull_totals {
    int64_t rows, studies, series, expected, received, dropped, missing;
} lethe_pull_totals;

/* C-FIND everything into the tables pull_*; *pull is the number of this pull. What an earlier run found stays; what is new is added. */
LETHE_NODISCARD lethe_status lethe_pull_find(const lethe_pull_options *options, lethe_queue *queue, int64_t *pull, lethe_error *error);
/* Fetch what is missing, in `jobs` processes. No database may be open in the caller. A series that fails for good is recorded with its reason and
 * does not stop the others. */
LETHE_NODISCARD lethe_status lethe_pull_fetch(const lethe_pull_options *options, int64_t pull, lethe_error *error);
/* Asked, found, received, missing with reasons; as CSV and as one HTML page. Either file may be NULL. */
LETHE_NODISCARD lethe_status lethe_pull_reconcile(const lethe_pull_options *options, lethe_queue *queue, int64_t pull, lethe_buffer *csv,
                                                  lethe_buffer *html, lethe_pull_totals *totals, lethe_error *error);

/* The tables; called by each of the above. */
LETHE_NODISCARD lethe_status lethe_pull_prepare(lethe_queue *queue, lethe_error *error);

int lethe_command_pull(int argc, char **argv);

#endif
