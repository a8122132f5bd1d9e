/* Agreement of readers on classes and numbers, and the bootstrap. */
#include "annotate/metrics.h"

#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t lethe_random_next(lethe_random *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

size_t lethe_random_below(lethe_random *random, size_t bound) {
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound, value; /* no class is favoured */
    do value = lethe_random_next(random);
    while (value >= limit);
    return (size_t)(value % bound);
}

/* How much two classes disagree, 0 to 1. */
static double disagreement(int a, int b, int classes, lethe_weights weights) {
    double step = classes > 1 ? (double)abs(a - b) / (classes - 1) : 0;
    if (weights == LETHE_WEIGHTS_LINEAR) return step;
    return weights == LETHE_WEIGHTS_QUADRATIC ? step * step : (a == b ? 0 : 1);
}

double lethe_kappa_cohen(const int *a, const int *b, size_t count, int classes, lethe_weights weights) {
    double observed = 0, expected = 0;
    double *share_a = lethe_alloc_array((size_t)classes, sizeof *share_a), *share_b = lethe_alloc_array((size_t)classes, sizeof *share_b);
    double kappa = NAN;
    if (share_a != NULL && share_b != NULL && count > 0) {
        for (size_t i = 0; i < count; i++) {
            observed += disagreement(a[i], b[i], classes, weights) / (double)count;
            share_a[a[i]] += 1.0 / (double)count;
            share_b[b[i]] += 1.0 / (double)count;
        }
        for (int i = 0; i < classes; i++)
            for (int k = 0; k < classes; k++) expected += share_a[i] * share_b[k] * disagreement(i, k, classes, weights);
        if (expected > 0) kappa = 1 - observed / expected;
    }
    lethe_free(share_a);
    lethe_free(share_b);
    return kappa;
}

double lethe_kappa_fleiss(const int *counts, size_t items, int classes) {
    double observed = 0, expected = 0, readings = 0;
    size_t used = 0;
    double *share = lethe_alloc_array((size_t)classes, sizeof *share);
    if (share == NULL) return NAN;
    for (size_t i = 0; i < items; i++) {
        double n = 0, squares = 0;
        for (int k = 0; k < classes; k++) {
            double c = counts[i * (size_t)classes + (size_t)k];
            n += c;
            squares += c * c;
        }
        if (n < 2) continue;
        used++;
        readings += n;
        observed += (squares - n) / (n * (n - 1));
        for (int k = 0; k < classes; k++) share[k] += counts[i * (size_t)classes + (size_t)k];
    }
    for (int k = 0; k < classes; k++) expected += readings > 0 ? share[k] / readings * (share[k] / readings) : 0;
    lethe_free(share);
    if (used == 0 || !(expected < 1)) return NAN;
    return (observed / (double)used - expected) / (1 - expected);
}

/* --- Krippendorff --- */

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static size_t distinct_values(const double *values, size_t count, double *out) {
    size_t found = 0, kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) out[found++] = values[i];
    if (found > 1) qsort(out, found, sizeof *out, by_value);
    for (size_t i = 0; i < found; i++)
        if (kept == 0 || out[i] > out[kept - 1]) out[kept++] = out[i];
    return kept;
}

static size_t rank_of(const double *sorted, size_t count, double value) {
    const double *at = bsearch(&value, sorted, count, sizeof *sorted, by_value);
    return at == NULL ? 0 : (size_t)(at - sorted);
}

/* Squared difference of two ranked values. `totals` are the pairable values of each rank. */
static double difference(const double *sorted, const double *totals, size_t a, size_t b, lethe_scale scale) {
    if (scale == LETHE_SCALE_NOMINAL) return a == b ? 0 : 1;
    if (scale == LETHE_SCALE_INTERVAL) return (sorted[a] - sorted[b]) * (sorted[a] - sorted[b]);
    size_t low = a < b ? a : b, high = a < b ? b : a;
    double sum = -(totals[low] + totals[high]) / 2;
    for (size_t i = low; i <= high; i++) sum += totals[i];
    return a == b ? 0 : sum * sum;
}

lethe_status lethe_alpha_krippendorff(const double *values, size_t readers, size_t units, lethe_scale scale, double *alpha, lethe_error *error) {
    lethe_status status = LETHE_NO_MEMORY;
    double *sorted = lethe_alloc_array(readers * units, sizeof *sorted), *totals = NULL, *pairs = NULL;
    *alpha = NAN;
    if (sorted == NULL) goto out;
    size_t ranks = distinct_values(values, readers * units, sorted), squared;
    if (!lethe_multiply_size(ranks, ranks, &squared)) goto out;
    totals = lethe_alloc_array(ranks, sizeof *totals);
    pairs = lethe_alloc_array(squared, sizeof *pairs); /* the coincidence matrix */
    if (totals == NULL || pairs == NULL) goto out;
    for (size_t u = 0; u < units; u++) {
        size_t read = 0;
        for (size_t r = 0; r < readers; r++) read += isnan(values[r * units + u]) ? 0 : 1;
        if (read < 2) continue;
        for (size_t r = 0; r < readers; r++)
            for (size_t s = 0; s < readers; s++) {
                double a = values[r * units + u], b = values[s * units + u];
                if (r == s || isnan(a) || isnan(b)) continue;
                pairs[rank_of(sorted, ranks, a) * ranks + rank_of(sorted, ranks, b)] += 1.0 / (double)(read - 1);
            }
    }
    double n = 0, observed = 0, expected = 0;
    for (size_t a = 0; a < ranks; a++) {
        for (size_t b = 0; b < ranks; b++) totals[a] += pairs[a * ranks + b];
        n += totals[a];
    }
    for (size_t a = 0; a < ranks; a++)
        for (size_t b = 0; b < ranks; b++) {
            double d = difference(sorted, totals, a, b, scale);
            observed += pairs[a * ranks + b] * d;
            expected += totals[a] * totals[b] * d;
        }
    if (expected > 0) *alpha = 1 - (n - 1) * observed / expected;
    status = LETHE_OK;
out:
    lethe_free(sorted);
    lethe_free(totals);
    lethe_free(pairs);
    return status == LETHE_OK ? LETHE_OK : lethe_fail(error, status, "no memory for Krippendorff's alpha");
}

/* --- intraclass correlation --- */

void lethe_icc(const double *values, size_t units, size_t readers, double icc[3]) {
    double n = (double)units, k = (double)readers, grand = 0, between_units = 0, between_readers = 0, total = 0;
    icc[0] = icc[1] = icc[2] = NAN;
    if (units < 2 || readers < 2) return;
    for (size_t i = 0; i < units * readers; i++) grand += values[i] / (n * k);
    for (size_t u = 0; u < units; u++) {
        double mean = 0;
        for (size_t r = 0; r < readers; r++) {
            mean += values[u * readers + r] / k;
            total += (values[u * readers + r] - grand) * (values[u * readers + r] - grand);
        }
        between_units += k * (mean - grand) * (mean - grand);
    }
    for (size_t r = 0; r < readers; r++) {
        double mean = 0;
        for (size_t u = 0; u < units; u++) mean += values[u * readers + r] / n;
        between_readers += n * (mean - grand) * (mean - grand);
    }
    double bms = between_units / (n - 1), wms = (total - between_units) / (n * (k - 1)), jms = between_readers / (k - 1);
    double ems = (total - between_units - between_readers) / ((n - 1) * (k - 1));
    if (bms + (k - 1) * wms > 0) icc[0] = (bms - wms) / (bms + (k - 1) * wms);
    if (bms + (k - 1) * ems + k * (jms - ems) / n > 0) icc[1] = (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n);
    if (bms + (k - 1) * ems > 0) icc[2] = (bms - ems) / (bms + (k - 1) * ems);
}

/* --- bootstrap --- */

double lethe_percentile(const double *sorted, size_t count, double fraction) {
    if (count == 0) return NAN;
    double at = fraction * (double)(count - 1);
    size_t low = (size_t)at;
    if (low + 1 >= count) return sorted[count - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

lethe_status lethe_bootstrap(lethe_statistic_fn statistic, const void *context, size_t count, unsigned rounds, uint64_t seed, double interval[2],
                             lethe_error *error) {
    lethe_random random = {seed};
    size_t kept = 0;
    size_t *items = lethe_alloc_array(count, sizeof *items);
    double *values = lethe_alloc_array(rounds, sizeof *values);
    interval[0] = interval[1] = NAN;
    lethe_status status = items == NULL || values == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a bootstrap") : LETHE_OK;
    for (unsigned round = 0; status == LETHE_OK && count > 0 && round < rounds; round++) {
        for (size_t i = 0; i < count; i++) items[i] = lethe_random_below(&random, count);
        double value = statistic(context, items, count);
        if (!isnan(value)) values[kept++] = value;
    }
    if (status == LETHE_OK && kept > 0) {
        qsort(values, kept, sizeof *values, by_value);
        interval[0] = lethe_percentile(values, kept, 0.025);
        interval[1] = lethe_percentile(values, kept, 0.975);
    }
    lethe_free(items);
    lethe_free(values);
    return status;
}
