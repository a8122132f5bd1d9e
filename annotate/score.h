/* Scoring a submission against the truth: `lethe score`. Layer: annotate. Thread rule: no shared state. */
#ifndef LETHE_ANNOTATE_SCORE_H
#define LETHE_ANNOTATE_SCORE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* What one case adds: metrics are functions of a set of cases, so that the bootstrap can resample them. */
typedef struct lethe_scored lethe_scored;

typedef struct lethe_score_value {
    char name[64];
    double value;
    double interval[2]; /* 95 %, NaN when there is none */
} lethe_score_value;

typedef struct lethe_score {
    lethe_score_value values[64];
    size_t count; /* the first one ranks */
    size_t cases;
    bool lower_is_better; /* of the first */
} lethe_score;

typedef struct lethe_metric {
    const char *name, *help;
    /* Read and check truth and submission. Errors: LETHE_MALFORMED with file and line for everything that is wrong with a submission. */
    lethe_status (*load)(const char *truth, const char *submission, lethe_scored **out, lethe_error *error);
    /* Value of the ranking score over some cases (indices may repeat). */
    double (*main_value)(const void *scored, const size_t *cases, size_t count);
    /* Further values over all cases; NULL = none. */
    lethe_status (*more)(const lethe_scored *scored, lethe_score *score, lethe_error *error);
    const char *value_name;
    bool lower_is_better;
} lethe_metric;

extern const lethe_metric *const lethe_metrics[]; /* NULL-terminated */
const lethe_metric *lethe_metric_find(const char *name);

size_t lethe_scored_cases(const lethe_scored *scored);
void lethe_scored_destroy(lethe_scored *scored);

LETHE_NODISCARD lethe_status lethe_score_run(const lethe_metric *metric, const char *truth, const char *submission, unsigned rounds, uint64_t seed,
                                             lethe_score *score, lethe_error *error);
/* Bootstrap ranks of several submissions on the same cases: for each, the 2.5 %, 50 % and 97.5 % points of its rank (1 = best). */
LETHE_NODISCARD lethe_status lethe_score_ranks(const lethe_metric *metric, const char *truth, const char *const *submissions, size_t count,
                                               unsigned rounds, uint64_t seed, double (*ranks)[3], lethe_error *error);

#endif
