/* What the metrics share. For annotate/score*.c only. */
#ifndef LETHE_ANNOTATE_SCORE_INTERNAL_H
#define LETHE_ANNOTATE_SCORE_INTERNAL_H

#include "annotate/metrics.h"
#include "annotate/score.h"
#include "annotate/text_out.h"

/* One lesion or finding of a case. */
typedef struct scored_finding {
    double score;   /* of a prediction; findings that were missed have none */
    bool is_lesion; /* hits a lesion of its own (or is a lesion that was missed) */
    bool missed;
} scored_finding;

typedef struct scored_case {
    char *id;
    int truth, predicted; /* classes */
    double score;         /* probability or rank score of the positive class */
    double values[3];     /* dice, iou, hd95 */
    scored_finding *findings;
    size_t finding_count, lesion_count;
} scored_case;

struct lethe_scored {
    scored_case *cases;
    size_t count;
    int classes;
};

lethe_scored *lethe_scored_create(size_t count);
/* Two tables by an id column: every id of the truth once in the submission and no other. Errors name file and line. order[i] is the submission's row
 * of the truth's row i (owned by the caller). */
lethe_status lethe_score_join(const lethe_csv *truth, const char *truth_name, int truth_id, const lethe_csv *submission, const char *submission_name,
                              int submission_id, size_t **order, lethe_error *error);
/* A finite number in a cell; the error names file, line and column. */
lethe_status lethe_score_number(const lethe_csv *csv, const char *name, size_t row, int column, double *value, lethe_error *error);
/* truth is a file, or a folder that holds `name`. The caller owns the path. */
char *lethe_score_truth_file(const char *truth, const char *name);
/* The column that names cases: image, filename, id, case, *_id ...: the first one known, else the first of the table. */
int lethe_score_id_column(const lethe_csv *csv);

extern const lethe_metric lethe_metric_tissuenet, lethe_metric_kappa, lethe_metric_pf1, lethe_metric_auroc, lethe_metric_froc, lethe_metric_picai,
    lethe_metric_dice, lethe_metric_hd95;

#endif
