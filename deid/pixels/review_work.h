/* Carrying out what reviewers decided: rules are written, waiting items are proposed anew, released outputs are made again, approvals released.
 * Layer: deid. Thread rule: one at a time; the process must be single-threaded (workers are forked). */
#ifndef LETHE_DEID_REVIEW_WORK_H
#define LETHE_DEID_REVIEW_WORK_H

#include "core/review.h"

typedef struct lethe_review_counts {
    unsigned decisions;               /* carried out */
    unsigned proposed;                /* waiting items whose boxes were worked out again */
    unsigned remade;                  /* released outputs that were made again */
    unsigned released, rejected;      /* waiting items */
    unsigned withdrawn, not_released; /* outputs that had to go; approved items that are not safe */
    unsigned refused;                 /* decisions that cannot be carried out */
    char refusal[200];                /* why the first of them cannot */
} lethe_review_counts;

typedef struct lethe_review_job {
    const lethe_project *project;
    lethe_queue *queue;
    lethe_review_desk *desk;
    unsigned jobs; /* 0 = one per processor */
    /* As the run had them that released the outputs; borrowed, may be NULL. */
    const struct lethe_crosswalk *crosswalk;
    const struct lethe_slide_mapping *slide_mapping; /* patients and masks of slides; NULL = none */
    const struct lethe_recipients *recipients;
} lethe_review_job;

/* Everything that is open, in the order in which it was decided. Killed at any point, the next call goes on and comes to the same outputs. */
LETHE_NODISCARD lethe_status lethe_review_carry_out(const lethe_review_job *job, lethe_review_counts *counts, lethe_error *error);

/* The project's own pixel rules: private/pixel_rules.yaml. The caller frees; NULL when memory is short. */
LETHE_NODISCARD char *lethe_review_rules_path(const lethe_project *project);

#endif
