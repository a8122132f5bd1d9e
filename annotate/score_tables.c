/* Metrics of submissions that are tables: TissueNet's cost, quadratic kappa, probabilistic F1, AUROC. The truth is truth.csv in its folder (or the
 * file). */
#include "annotate/score_internal.h"

#include "core/file.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct tables {
    lethe_csv *truth, *submission;
    const char *truth_name, *submission_name;
    char *truth_path;
    int truth_id, submission_id;
    size_t *order; /* row of the submission for each row of the truth */
    lethe_scored *scored;
} tables;

static void tables_close(tables *t) {
    lethe_csv_destroy(t->truth);
    lethe_csv_destroy(t->submission);
    lethe_free(t->truth_path);
    lethe_free(t->order);
    lethe_scored_destroy(t->scored);
}

static lethe_status tables_open(tables *t, const char *truth, const char *submission, lethe_error *error) {
    memset(t, 0, sizeof *t);
    t->truth_path = lethe_score_truth_file(truth, "truth.csv");
    if (t->truth_path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    t->truth_name = lethe_path_name(t->truth_path);
    t->submission_name = lethe_path_name(submission);
    lethe_status status = lethe_csv_load(t->truth_path, &t->truth, error);
    if (status == LETHE_OK) status = lethe_csv_load(submission, &t->submission, error);
    if (status != LETHE_OK) return status;
    t->truth_id = lethe_score_id_column(t->truth);
    t->submission_id = lethe_score_id_column(t->submission);
    if (strcmp(lethe_csv_header(t->truth, (size_t)t->truth_id), lethe_csv_header(t->submission, (size_t)t->submission_id)) != 0)
        return lethe_fail(error, LETHE_MALFORMED, "%s: line 1: no column '%s'", t->submission_name, lethe_csv_header(t->truth, (size_t)t->truth_id));
    status = lethe_score_join(t->truth, t->truth_name, t->truth_id, t->submission, t->submission_name, t->submission_id, &t->order, error);
    if (status == LETHE_OK && (t->scored = lethe_scored_create(lethe_csv_rows(t->truth))) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
    for (size_t i = 0; status == LETHE_OK && i < t->scored->count; i++) {
        t->scored->cases[i].id = lethe_strdup(lethe_csv_get(t->truth, i, (size_t)t->truth_id));
        if (t->scored->cases[i].id == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
    }
    return status;
}

static lethe_status tables_give(tables *t, lethe_status status, lethe_scored **out) {
    if (status == LETHE_OK) {
        *out = t->scored;
        t->scored = NULL;
    }
    tables_close(t);
    return status;
}

/* The only other column, or the one that has the same name in both. */
static lethe_status value_columns(const tables *t, int *truth, int *submission, lethe_error *error) {
    *truth = *submission = -1;
    for (size_t i = 0; *submission < 0 && i < lethe_csv_columns(t->submission); i++) {
        if ((int)i == t->submission_id) continue;
        int same = lethe_csv_find(t->truth, lethe_csv_header(t->submission, i));
        if (same >= 0) {
            *truth = same;
            *submission = (int)i;
        }
    }
    if (*submission < 0 && lethe_csv_columns(t->submission) == 2 && lethe_csv_columns(t->truth) == 2) {
        *truth = 1 - t->truth_id;
        *submission = 1 - t->submission_id;
    }
    return *submission >= 0 ? LETHE_OK : lethe_fail(error, LETHE_MALFORMED, "%s: line 1: no column of the truth beside the id", t->submission_name);
}

/* --- TissueNet: one column per class, exactly one of them 1 --- */

static lethe_status one_hot(const lethe_csv *csv, const char *name, size_t row, int *class, lethe_error *error) {
    *class = -1;
    for (int k = 0; k < 4; k++) {
        double value;
        char header[2] = {(char)('0' + k), '\0'};
        int column = lethe_csv_find(csv, header);
        if (column < 0) return lethe_fail(error, LETHE_MALFORMED, "%s: line 1: no column '%s'", name, header);
        lethe_status status = lethe_score_number(csv, name, row, column, &value, error);
        if (status != LETHE_OK) return status;
        bool one = value > 0.5;
        if ((one && (value > 1 || value < 1 || *class >= 0)) || (!one && (value > 0 || value < 0)))
            return lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: exactly one class must be 1 and the others 0", name, lethe_csv_line(csv, row));
        if (one) *class = k;
    }
    return *class >= 0
               ? LETHE_OK
               : lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: exactly one class must be 1 and the others 0", name, lethe_csv_line(csv, row));
}

static lethe_status load_tissuenet(const char *truth, const char *submission, lethe_scored **out, lethe_error *error) {
    tables t;
    lethe_status status = tables_open(&t, truth, submission, error);
    for (size_t i = 0; status == LETHE_OK && i < t.scored->count; i++) {
        status = one_hot(t.truth, t.truth_name, i, &t.scored->cases[i].truth, error);
        if (status == LETHE_OK) status = one_hot(t.submission, t.submission_name, t.order[i], &t.scored->cases[i].predicted, error);
    }
    return tables_give(&t, status, out);
}

/* error[true][predicted]: missing an invasive cancer costs most (TissueNet 2020). */
static double tissuenet_value(const void *context, const size_t *cases, size_t count) {
    static const double cost[4][4] = {{0, 0.1, 0.7, 1}, {0.1, 0, 0.3, 0.7}, {0.7, 0.3, 0, 0.3}, {1, 0.7, 0.3, 0}};
    const lethe_scored *scored = context;
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += cost[scored->cases[cases[i]].truth][scored->cases[cases[i]].predicted];
    return count == 0 ? NAN : 1 - sum / (double)count;
}

const lethe_metric lethe_metric_tissuenet = {
    "tissuenet", "1 - mean cost of TissueNet's matrix; columns filename,0,1,2,3 with one 1", load_tissuenet, tissuenet_value, NULL, "tissuenet",
    false};

/* --- quadratic kappa: whole numbers from 0 --- */

static lethe_status load_classes(const char *truth, const char *submission, lethe_scored **out, lethe_error *error) {
    tables t;
    int ours = -1, theirs = -1;
    lethe_status status = tables_open(&t, truth, submission, error);
    if (status == LETHE_OK) status = value_columns(&t, &ours, &theirs, error);
    for (size_t i = 0; status == LETHE_OK && i < t.scored->count; i++) {
        double a = 0, b = 0;
        scored_case *c = &t.scored->cases[i];
        status = lethe_score_number(t.truth, t.truth_name, i, ours, &a, error);
        if (status == LETHE_OK) status = lethe_score_number(t.submission, t.submission_name, t.order[i], theirs, &b, error);
        if (status == LETHE_OK && (a < 0 || a > 999 || floor(a) < a))
            status = lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: a class is a whole number from 0", t.truth_name, lethe_csv_line(t.truth, i));
        if (status == LETHE_OK && (b < 0 || b > 999 || floor(b) < b))
            status = lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: a class is a whole number from 0", t.submission_name,
                                lethe_csv_line(t.submission, t.order[i]));
        if (status != LETHE_OK) break;
        c->truth = (int)a;
        c->predicted = (int)b;
        if (c->truth >= t.scored->classes) t.scored->classes = c->truth + 1;
        if (c->predicted >= t.scored->classes) t.scored->classes = c->predicted + 1;
    }
    return tables_give(&t, status, out);
}

static double kappa_value(const void *context, const size_t *cases, size_t count) {
    const lethe_scored *scored = context;
    double kappa = NAN;
    int *a = lethe_alloc_array(count, sizeof *a), *b = lethe_alloc_array(count, sizeof *b);
    for (size_t i = 0; a != NULL && b != NULL && i < count; i++) {
        a[i] = scored->cases[cases[i]].truth;
        b[i] = scored->cases[cases[i]].predicted;
    }
    if (a != NULL && b != NULL) kappa = lethe_kappa_cohen(a, b, count, scored->classes, LETHE_WEIGHTS_QUADRATIC);
    lethe_free(a);
    lethe_free(b);
    return kappa;
}

static lethe_status more_kappa(const lethe_scored *scored, lethe_score *score, lethe_error *error) {
    (void)error;
    double right = 0;
    for (size_t i = 0; i < scored->count; i++) right += scored->cases[i].truth == scored->cases[i].predicted;
    score->values[score->count++] = (lethe_score_value){"accuracy", right / (double)scored->count, {NAN, NAN}};
    return LETHE_OK;
}

const lethe_metric lethe_metric_kappa = {
    "quadratic-kappa", "Cohen's kappa with quadratic weights (CAMELYON17, PANDA)", load_classes, kappa_value, more_kappa, "quadratic_kappa", false};

/* --- probabilities of a positive class --- */

static lethe_status load_scores(const char *truth, const char *submission, bool probability, lethe_scored **out, lethe_error *error) {
    tables t;
    int ours = -1, theirs = -1;
    lethe_status status = tables_open(&t, truth, submission, error);
    if (status == LETHE_OK) status = value_columns(&t, &ours, &theirs, error);
    for (size_t i = 0; status == LETHE_OK && i < t.scored->count; i++) {
        double label = 0;
        status = lethe_score_number(t.truth, t.truth_name, i, ours, &label, error);
        if (status == LETHE_OK) status = lethe_score_number(t.submission, t.submission_name, t.order[i], theirs, &t.scored->cases[i].score, error);
        if (status == LETHE_OK && (label < 0 || label > 1 || floor(label) < label))
            status = lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: the truth is 0 or 1", t.truth_name, lethe_csv_line(t.truth, i));
        if (status == LETHE_OK && probability && (t.scored->cases[i].score < 0 || t.scored->cases[i].score > 1))
            status = lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: a probability lies between 0 and 1", t.submission_name,
                                lethe_csv_line(t.submission, t.order[i]));
        if (status == LETHE_OK) t.scored->cases[i].truth = label > 0.5;
    }
    return tables_give(&t, status, out);
}

static lethe_status load_pf1(const char *truth, const char *submission, lethe_scored **out, lethe_error *error) {
    return load_scores(truth, submission, true, out, error);
}
static lethe_status load_auroc(const char *truth, const char *submission, lethe_scored **out, lethe_error *error) {
    return load_scores(truth, submission, false, out, error);
}

static bool collect(const lethe_scored *scored, const size_t *cases, size_t count, double **scores, int **labels) {
    *scores = lethe_alloc_array(count, sizeof **scores);
    *labels = lethe_alloc_array(count, sizeof **labels);
    for (size_t i = 0; *scores != NULL && *labels != NULL && i < count; i++) {
        (*scores)[i] = scored->cases[cases[i]].score;
        (*labels)[i] = scored->cases[cases[i]].truth;
    }
    return *scores != NULL && *labels != NULL;
}

static double pf1_value(const void *context, const size_t *cases, size_t count) {
    double *scores;
    int *labels;
    double value = collect(context, cases, count, &scores, &labels) ? lethe_pf1(scores, labels, count) : NAN;
    lethe_free(scores);
    lethe_free(labels);
    return value;
}

static double auroc_value(const void *context, const size_t *cases, size_t count) {
    double *scores, value = NAN;
    int *labels;
    lethe_auroc_result result;
    if (collect(context, cases, count, &scores, &labels) && lethe_auroc(scores, labels, count, &result, NULL) == LETHE_OK) value = result.area;
    lethe_free(scores);
    lethe_free(labels);
    return value;
}

static lethe_status more_auroc(const lethe_scored *scored, lethe_score *score, lethe_error *error) {
    double *scores = NULL, precision = NAN;
    int *labels = NULL;
    lethe_auroc_result result;
    size_t *all = lethe_alloc_array(scored->count, sizeof *all);
    lethe_status status = all == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < scored->count; i++) all[i] = i;
    if (status == LETHE_OK && !collect(scored, all, scored->count, &scores, &labels))
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
    if (status == LETHE_OK) status = lethe_auroc(scores, labels, scored->count, &result, error);
    if (status == LETHE_OK) status = lethe_average_precision(scores, labels, scored->count, 0, &precision, error);
    if (status == LETHE_OK) {
        score->values[score->count++] = (lethe_score_value){"auroc_delong", result.area, {result.low, result.high}};
        score->values[score->count++] = (lethe_score_value){"average_precision", precision, {NAN, NAN}};
    }
    lethe_free(all);
    lethe_free(scores);
    lethe_free(labels);
    return status;
}

const lethe_metric lethe_metric_pf1 = {"pf1", "probabilistic F1 (RSNA mammography): probabilities against 0 and 1", load_pf1, pf1_value, NULL, "pf1",
                                       false};
const lethe_metric lethe_metric_auroc = {
    "auroc", "area under the ROC curve with DeLong's interval, and average precision", load_auroc, auroc_value, more_auroc, "auroc", false};
