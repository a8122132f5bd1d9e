/* Scores of rankings: AUROC with DeLong's variance, average precision, probabilistic F1, FROC. */
#include "annotate/metrics.h"

#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

typedef struct scored {
    double score;
    size_t index;
    int64_t tag; /* label, or lesion */
} scored;

static int lowest_first(const void *a, const void *b) {
    const scored *left = a, *right = b;
    if (left->score < right->score || left->score > right->score) return left->score < right->score ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static int highest_first(const void *a, const void *b) {
    const scored *left = a, *right = b;
    if (left->score < right->score || left->score > right->score) return left->score > right->score ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static bool same_score(double a, double b) { return !(a < b) && !(a > b); }

/* Midranks (from 1) of the items whose label is `only`, or of all (-1). */
static void midranks(const scored *sorted, size_t count, int only, double *ranks) {
    size_t taken = 0;
    for (size_t i = 0; i < count;) {
        size_t end = i, tied = 0;
        for (; end < count && same_score(sorted[end].score, sorted[i].score); end++) tied += only < 0 || sorted[end].tag == only;
        for (size_t k = i; k < end; k++)
            if (only < 0 || sorted[k].tag == only) ranks[sorted[k].index] = (double)taken + ((double)tied + 1) / 2;
        taken += tied;
        i = end;
    }
}

/* Sun and Xu's form of DeLong: structural components from midranks. */
lethe_status lethe_auroc(const double *scores, const int *labels, size_t count, lethe_auroc_result *result, lethe_error *error) {
    lethe_status status = LETHE_OK;
    double positives = 0, negatives = 0, sum = 0;
    *result = (lethe_auroc_result){NAN, NAN, NAN, NAN};
    scored *sorted = lethe_alloc_array(count, sizeof *sorted);
    double *all = lethe_alloc_array(count, sizeof *all), *own = lethe_alloc_array(count, sizeof *own);
    if (sorted == NULL || all == NULL || own == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a ROC curve");
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (scored){scores[i], i, labels[i]};
        *(labels[i] != 0 ? &positives : &negatives) += 1;
    }
    if (count > 1) qsort(sorted, count, sizeof *sorted, lowest_first);
    midranks(sorted, count, -1, all);
    midranks(sorted, count, 1, own);
    midranks(sorted, count, 0, own);
    if (!(positives > 0) || !(negatives > 0)) goto out; /* not defined */
    for (size_t i = 0; i < count; i++)
        if (labels[i] != 0) sum += all[i];
    result->area = (sum - positives * (positives + 1) / 2) / (positives * negatives);
    double spread_positive = 0, spread_negative = 0;
    for (size_t i = 0; i < count; i++) {
        double part = labels[i] != 0 ? (all[i] - own[i]) / negatives : 1 - (all[i] - own[i]) / positives;
        *(labels[i] != 0 ? &spread_positive : &spread_negative) += (part - result->area) * (part - result->area);
    }
    if (positives > 1 && negatives > 1) {
        result->variance = spread_positive / (positives - 1) / positives + spread_negative / (negatives - 1) / negatives;
        result->low = fmax(0, result->area - 1.959963984540054 * sqrt(result->variance));
        result->high = fmin(1, result->area + 1.959963984540054 * sqrt(result->variance));
    }
out:
    lethe_free(sorted);
    lethe_free(all);
    lethe_free(own);
    return status;
}

lethe_status lethe_average_precision(const double *scores, const int *labels, size_t count, size_t missed, double *value, lethe_error *error) {
    double positives = (double)missed, hits = 0;
    scored *sorted = lethe_alloc_array(count, sizeof *sorted);
    *value = NAN;
    if (sorted == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a precision-recall curve");
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (scored){scores[i], i, labels[i]};
        positives += labels[i] != 0;
    }
    if (count > 1) qsort(sorted, count, sizeof *sorted, highest_first);
    if (positives > 0) *value = 0;
    for (size_t i = 0; positives > 0 && i < count;) {
        size_t end = i;
        double here = 0;
        for (; end < count && same_score(sorted[end].score, sorted[i].score); end++) here += sorted[end].tag != 0;
        hits += here;
        *value += here / positives * (hits / (double)end);
        i = end;
    }
    lethe_free(sorted);
    return LETHE_OK;
}

double lethe_pf1(const double *probabilities, const int *labels, size_t count) {
    double hits = 0, false_alarms = 0, positives = 0;
    for (size_t i = 0; i < count; i++) {
        double p = probabilities[i] < 0 ? 0 : probabilities[i] > 1 ? 1 : probabilities[i];
        positives += labels[i] != 0;
        *(labels[i] != 0 ? &hits : &false_alarms) += p;
    }
    if (!(hits > 0) || !(positives > 0)) return 0;
    double precision = hits / (hits + false_alarms), recall = hits / positives;
    return 2 * precision * recall / (precision + recall);
}

/* --- FROC --- */

static int by_lesion_then_score(const void *a, const void *b) {
    const scored *left = a, *right = b;
    if (left->tag != right->tag) return left->tag < right->tag ? -1 : 1;
    return highest_first(a, b);
}

lethe_status lethe_froc(const lethe_finding *findings, size_t count, size_t lesions, size_t images, double sensitivities[6], double *mean,
                        lethe_error *error) {
    static const double rates[6] = {0.25, 0.5, 1, 2, 4, 8};
    double best[6] = {0}, last_rate = 0, last_sensitivity = 0;
    bool passed[6] = {false};
    size_t kept = 0, hits = 0, false_alarms = 0;
    *mean = NAN;
    if (lesions == 0 || images == 0) return LETHE_OK; /* not defined */
    scored *sorted = lethe_alloc_array(count, sizeof *sorted);
    if (sorted == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a FROC curve");
    for (size_t i = 0; i < count; i++) sorted[i] = (scored){findings[i].score, i, findings[i].lesion};
    if (count > 1) qsort(sorted, count, sizeof *sorted, by_lesion_then_score);
    for (size_t i = 0; i < count; i++)
        if (sorted[i].tag < 0 || kept == 0 || sorted[kept - 1].tag != sorted[i].tag) sorted[kept++] = sorted[i];
    if (kept > 1) qsort(sorted, kept, sizeof *sorted, highest_first);
    for (size_t i = 0; i < kept;) {
        size_t end = i;
        for (; end < kept && same_score(sorted[end].score, sorted[i].score); end++) (void)(sorted[end].tag < 0 ? false_alarms++ : hits++);
        double rate = (double)false_alarms / (double)images, sensitivity = (double)hits / (double)lesions;
        for (unsigned r = 0; r < 6; r++) { /* linear between the points of the curve, as the challenge's own script does */
            if (rate <= rates[r]) best[r] = sensitivity;
            else if (!passed[r]) {
                best[r] = last_sensitivity + (rates[r] - last_rate) / (rate - last_rate) * (sensitivity - last_sensitivity);
                passed[r] = true;
            }
        }
        last_rate = rate;
        last_sensitivity = sensitivity;
        i = end;
    }
    lethe_free(sorted);
    *mean = 0;
    for (unsigned r = 0; r < 6; r++) {
        *mean += best[r] / 6;
        if (sensitivities != NULL) sensitivities[r] = best[r];
    }
    return LETHE_OK;
}
