/* Agreement and scores as numbers: what `lethe annotate agree` and `lethe score` compute. Plain arrays in, doubles out; NaN where a value is not
 * defined.
 *
 * Layer: annotate. Thread rule: no shared state. */
#ifndef LETHE_ANNOTATE_METRICS_H
#define LETHE_ANNOTATE_METRICS_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* --- a small seeded generator (SplitMix64): the same numbers everywhere --- */
typedef struct lethe_random {
    uint64_t state;
} lethe_random;
uint64_t lethe_random_next(lethe_random *random);
size_t lethe_random_below(lethe_random *random, size_t bound); /* bound > 0 */

/* --- agreement on classes 0 .. classes-1 --- */
typedef enum lethe_weights { LETHE_WEIGHTS_NONE, LETHE_WEIGHTS_LINEAR, LETHE_WEIGHTS_QUADRATIC } lethe_weights;
/* Cohen's kappa of two readers (J. Cohen 1960; weighted 1968). NaN when both only ever used one and the same class. */
double lethe_kappa_cohen(const int *a, const int *b, size_t count, int classes, lethe_weights weights);
/* Fleiss' kappa (1971): counts[item * classes + class] of readings; every item read at least twice (others are passed over). */
double lethe_kappa_fleiss(const int *counts, size_t items, int classes);
typedef enum lethe_scale { LETHE_SCALE_NOMINAL, LETHE_SCALE_ORDINAL, LETHE_SCALE_INTERVAL } lethe_scale;
/* Krippendorff's alpha; values[reader * units + unit], NaN = not read. */
LETHE_NODISCARD lethe_status lethe_alpha_krippendorff(const double *values, size_t readers, size_t units, lethe_scale scale, double *alpha,
                                                      lethe_error *error);
/* Intraclass correlation of Shrout and Fleiss: ICC(1,1), ICC(2,1), ICC(3,1); values[unit * readers + reader], complete. */
void lethe_icc(const double *values, size_t units, size_t readers, double icc[3]);

/* --- bootstrap --- */
/* Computes a statistic of the items with these indices. */
typedef double (*lethe_statistic_fn)(const void *context, const size_t *items, size_t count);
/* Percentile interval (2.5 %, 97.5 %) over `rounds` resamples of `count` items. */
LETHE_NODISCARD lethe_status lethe_bootstrap(lethe_statistic_fn statistic, const void *context, size_t count, unsigned rounds, uint64_t seed,
                                             double interval[2], lethe_error *error);
/* Value at a fraction of sorted values, linear between neighbours (as numpy's default). */
double lethe_percentile(const double *sorted, size_t count, double fraction);

/* --- ranking scores; labels 0 or 1 --- */
typedef struct lethe_auroc_result {
    double area, variance, low, high; /* DeLong variance (1988); 95 % normal interval cut to 0..1 */
} lethe_auroc_result;
LETHE_NODISCARD lethe_status lethe_auroc(const double *scores, const int *labels, size_t count, lethe_auroc_result *result, lethe_error *error);
/* Average precision: sum of (recall step * precision), ties taken together. `missed`: positives with no score at all (never found). */
LETHE_NODISCARD lethe_status lethe_average_precision(const double *scores, const int *labels, size_t count, size_t missed, double *value,
                                                     lethe_error *error);
/* Probabilistic F1: precision and recall with probabilities in place of decisions. */
double lethe_pf1(const double *probabilities, const int *labels, size_t count);

/* A finding for FROC: its score and the lesion that it hits (-1 = none: a false positive). */
typedef struct lethe_finding {
    double score;
    int64_t lesion; /* unique over the whole set */
} lethe_finding;
/* Mean sensitivity at 1/4, 1/2, 1, 2, 4 and 8 false positives per image (CAMELYON16): only the best-scored hit of a lesion counts, others of the same
 * lesion are ignored. sensitivities (6 values) may be NULL. */
LETHE_NODISCARD lethe_status lethe_froc(const lethe_finding *findings, size_t count, size_t lesions, size_t images, double sensitivities[6],
                                        double *mean, lethe_error *error);

/* One-to-one matching of the largest total weight; weights[row * columns + column], finite. column_of_row[row] gets a column, or SIZE_MAX where there
 * are fewer columns than rows. Cost: the square of the shorter side times the longer one. */
LETHE_NODISCARD lethe_status lethe_match_largest(const double *weights, size_t rows, size_t columns, size_t *column_of_row, lethe_error *error);

/* --- masks: [z][y][x], not 0 = inside; spacing in mm along x, y, z --- */
typedef struct lethe_grid {
    uint32_t columns, rows, slices;
    double spacing_mm[3];
} lethe_grid;
/* Dice and IoU; both 1 when both masks are empty. */
void lethe_overlap(const uint8_t *a, const uint8_t *b, size_t count, double *dice, double *iou);
/* 95 % Hausdorff distance in mm: the larger of the two directed 95th percentiles of distances between border voxels (6-connected border). NaN when
 * one mask is empty and the other is not; 0 when both are. */
LETHE_NODISCARD lethe_status lethe_hausdorff95(const uint8_t *a, const uint8_t *b, const lethe_grid *grid, double *distance_mm, lethe_error *error);
/* Number connected components (26-connectivity in 3D, 8 in one slice) in `labels` from 1; returns how many. */
LETHE_NODISCARD lethe_status lethe_components(const uint8_t *mask, const lethe_grid *grid, uint32_t *labels, uint32_t *count, lethe_error *error);
/* STAPLE (Warfield 2004) for binary masks: probabilities of the hidden truth, and each reader's sensitivity and specificity. masks: readers pointers.
 */
LETHE_NODISCARD lethe_status lethe_staple(const uint8_t *const *masks, size_t readers, size_t count, double *probability, double *sensitivity,
                                          double *specificity, lethe_error *error);

#endif
