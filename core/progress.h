/* Progress of long work: a bar on a terminal, a plain line every few seconds elsewhere, nothing when quiet. Layer: core. One thread at a time. */
#ifndef LETHE_CORE_PROGRESS_H
#define LETHE_CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct lethe_progress {
    const char *label; /* borrowed, e.g. "de-identifying" */
    uint64_t total;    /* 0 = unknown */
    uint64_t done;
    uint64_t started_ns, shown_ns;
    bool quiet, terminal, shown;
} lethe_progress;

/* Writes to stderr. `total` 0 when not known; may be raised later by assignment. */
void lethe_progress_start(lethe_progress *progress, const char *label, uint64_t total, bool quiet);
/* Set the count; draws at most ten times a second on a terminal, every five seconds elsewhere. Shows rate and time left. */
void lethe_progress_update(lethe_progress *progress, uint64_t done);
void lethe_progress_finish(lethe_progress *progress);

#endif
