/* How readers agree, where they do not, and what follows: rows of measures, a queue of disagreements, a consensus. For organisers and adjudicators.
 * Layer: annotate. Thread rule: one thread at a time per store. */
#ifndef LETHE_ANNOTATE_AGREEMENT_H
#define LETHE_ANNOTATE_AGREEMENT_H

#include "annotate/store.h"
#include "core/buffer.h"

typedef struct lethe_agreement_options {
    const char *label;    /* only this one; NULL = all */
    double iou_threshold; /* of a detection match; 0 = 0.5 */
    unsigned rounds;      /* of the bootstrap; 0 = 500 */
    uint64_t seed;
    int64_t snapshot;           /* as it was when this snapshot froze; 0 = now */
    const lethe_schema *schema; /* NULL = the store's */
} lethe_agreement_options;

typedef struct lethe_agreement_row {
    const char *label;
    const char *measure; /* "kappa", "quadratic kappa", "Fleiss' kappa", "Krippendorff's alpha", "ICC(2,1)", "Dice", "detection F1", ... */
    const char *reader_a, *reader_b; /* "" and "" = all readers; the same name twice = a reader with himself; b "truth" = honeypots */
    size_t units;                    /* cases or images that both judged */
    double value, low, high;         /* 95 % bootstrap interval; NaN when there is none */
} lethe_agreement_row;

/* A question on which readers differ. */
typedef struct lethe_disagreement {
    const char *label, *unit; /* the image, series, study or patient */
    const char *answers;      /* "anne=4, bert=2"; for regions "anne 2, bert 1, Dice 0.41" */
    double severity;          /* 0 to 1: the worst come first */
} lethe_disagreement;

typedef struct lethe_agreement {
    lethe_agreement_row *rows;
    size_t row_count;
    lethe_disagreement *queue;
    size_t queue_count;
    const char **readers;
    size_t reader_count;
    lethe_arena *arena;
} lethe_agreement;

/* Second readings (calibration) compare a reader with himself and honeypots with the truth; neither counts among the others. Errors: LETHE_DENIED for
 * readers. */
LETHE_NODISCARD lethe_status lethe_agreement_compute(lethe_store *store, const lethe_agreement_options *options, lethe_agreement **out,
                                                     lethe_error *error);
void lethe_agreement_destroy(lethe_agreement *agreement);
/* A page with tables and plots (SVG inside), complete in itself. */
LETHE_NODISCARD lethe_status lethe_agreement_html(const lethe_agreement *agreement, const char *title, lethe_buffer *out, lethe_error *error);

typedef enum lethe_consensus_rule { LETHE_CONSENSUS_MAJORITY, LETHE_CONSENSUS_STAPLE, LETHE_CONSENSUS_ADJUDICATOR } lethe_consensus_rule;
/* Write the readers' consensus as annotations of the user `as` (made when missing); everybody's own labels stay. Majority: more than half of the
 * readers of a case, pixel by pixel for regions. STAPLE: probability of at least one half. Adjudicator: what an adjudicator said where one did, else
 * what all readers agree on. *open gets how many questions stay without an answer. Errors: LETHE_DENIED unless organiser. */
LETHE_NODISCARD lethe_status lethe_consensus_write(lethe_store *store, lethe_consensus_rule rule, const char *as, int64_t *written, int64_t *open,
                                                   lethe_error *error);

#endif
