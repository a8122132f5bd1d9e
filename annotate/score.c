#include "annotate/score_internal.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const lethe_metric *const lethe_metrics[] = {&lethe_metric_tissuenet, &lethe_metric_kappa, &lethe_metric_pf1,
                                             &lethe_metric_auroc,     &lethe_metric_froc,  &lethe_metric_picai,
                                             &lethe_metric_dice,      &lethe_metric_hd95,  NULL};

const lethe_metric *lethe_metric_find(const char *name) {
    for (size_t i = 0; lethe_metrics[i] != NULL; i++)
        if (strcmp(lethe_metrics[i]->name, name) == 0) return lethe_metrics[i];
    return NULL;
}

lethe_scored *lethe_scored_create(size_t count) {
    lethe_scored *scored = lethe_alloc_array(1, sizeof *scored);
    if (scored == NULL) return NULL;
    scored->count = count;
    if ((scored->cases = lethe_alloc_array(count, sizeof *scored->cases)) != NULL) return scored;
    lethe_free(scored);
    return NULL;
}

size_t lethe_scored_cases(const lethe_scored *scored) { return scored->count; }

void lethe_scored_destroy(lethe_scored *scored) {
    if (scored == NULL) return;
    for (size_t i = 0; i < scored->count; i++) {
        lethe_free(scored->cases[i].id);
        lethe_free(scored->cases[i].findings);
    }
    lethe_free(scored->cases);
    lethe_free(scored);
}

char *lethe_score_truth_file(const char *truth, const char *name) {
    struct stat info;
    return stat(truth, &info) == 0 && S_ISDIR(info.st_mode) ? lethe_path_join(truth, name) : lethe_strdup(truth);
}

int lethe_score_id_column(const lethe_csv *csv) {
    static const char *const names[] = {"filename", "image", "image_id", "case", "case_id", "prediction_id", "patient", "patient_id", "id", NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        if (lethe_csv_find(csv, names[i]) >= 0) return lethe_csv_find(csv, names[i]);
    return 0;
}

lethe_status lethe_score_number(const lethe_csv *csv, const char *name, size_t row, int column, double *value, lethe_error *error) {
    if (lethe_text_to_double(lethe_csv_get(csv, row, (size_t)column), value) && isfinite(*value)) return LETHE_OK;
    return lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: column %s is not a number", name, lethe_csv_line(csv, row),
                      lethe_csv_header(csv, (size_t)column));
}

/* --- joining two tables --- */

typedef struct id_row {
    const char *id;
    size_t row;
} id_row;

static int by_id(const void *a, const void *b) { return strcmp(((const id_row *)a)->id, ((const id_row *)b)->id); }

static lethe_status sort_ids(const lethe_csv *csv, const char *name, int column, id_row **out, lethe_error *error) {
    size_t rows = lethe_csv_rows(csv);
    if ((*out = lethe_alloc_array(rows, sizeof **out)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a table");
    for (size_t i = 0; i < rows; i++) (*out)[i] = (id_row){lethe_csv_get(csv, i, (size_t)column), i};
    if (rows > 1) qsort(*out, rows, sizeof **out, by_id);
    for (size_t i = 0; i < rows; i++) {
        if ((*out)[i].id[0] == '\0')
            return lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: no %s", name, lethe_csv_line(csv, (*out)[i].row),
                              lethe_csv_header(csv, (size_t)column));
        if (i > 0 && strcmp((*out)[i].id, (*out)[i - 1].id) == 0)
            return lethe_fail(error, LETHE_MALFORMED, "%s: '%.60s' stands twice (lines %zu and %zu)", name, (*out)[i].id,
                              lethe_csv_line(csv, (*out)[i - 1].row), lethe_csv_line(csv, (*out)[i].row));
    }
    return LETHE_OK;
}

lethe_status lethe_score_join(const lethe_csv *truth, const char *truth_name, int truth_id, const lethe_csv *submission, const char *submission_name,
                              int submission_id, size_t **order, lethe_error *error) {
    id_row *ours = NULL, *theirs = NULL;
    size_t count = lethe_csv_rows(truth), given = lethe_csv_rows(submission);
    *order = lethe_alloc_array(count, sizeof **order);
    lethe_status status =
        *order == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a table") : sort_ids(truth, truth_name, truth_id, &ours, error);
    if (status == LETHE_OK) status = sort_ids(submission, submission_name, submission_id, &theirs, error);
    for (size_t i = 0, k = 0; status == LETHE_OK && (i < count || k < given);) {
        int order_of = i == count ? 1 : k == given ? -1 : strcmp(ours[i].id, theirs[k].id);
        if (order_of < 0) status = lethe_fail(error, LETHE_MALFORMED, "%s: '%.60s' is missing", submission_name, ours[i].id);
        else if (order_of > 0)
            status = lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: '%.60s' is not in the test set", submission_name,
                                lethe_csv_line(submission, theirs[k].row), theirs[k].id);
        else (*order)[ours[i++].row] = theirs[k++].row;
    }
    lethe_free(ours);
    lethe_free(theirs);
    if (status != LETHE_OK) {
        lethe_free(*order);
        *order = NULL;
    }
    return status;
}

/* --- running --- */

lethe_status lethe_score_run(const lethe_metric *metric, const char *truth, const char *submission, unsigned rounds, uint64_t seed,
                             lethe_score *score, lethe_error *error) {
    lethe_scored *scored = NULL;
    memset(score, 0, sizeof *score);
    lethe_status status = metric->load(truth, submission, &scored, error);
    if (status != LETHE_OK) return status;
    size_t *all = lethe_alloc_array(scored->count, sizeof *all);
    lethe_score_value *first = &score->values[score->count++];
    (void)snprintf(first->name, sizeof first->name, "%s", metric->value_name);
    score->cases = scored->count;
    score->lower_is_better = metric->lower_is_better;
    if (all == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
    for (size_t i = 0; status == LETHE_OK && i < scored->count; i++) all[i] = i;
    if (status == LETHE_OK) first->value = metric->main_value(scored, all, scored->count);
    if (status == LETHE_OK) status = lethe_bootstrap(metric->main_value, scored, scored->count, rounds, seed, first->interval, error);
    if (status == LETHE_OK && metric->more != NULL) status = metric->more(scored, score, error);
    lethe_free(all);
    lethe_scored_destroy(scored);
    return status;
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Rank of each value, ties sharing the middle. */
static void rank_values(const double *values, size_t count, bool lower_is_better, double *ranks, size_t stride) {
    for (size_t i = 0; i < count; i++) {
        double better = 0, same = 0;
        for (size_t k = 0; k < count; k++) {
            bool worse = isnan(values[k]) || (lower_is_better ? values[k] > values[i] : values[k] < values[i]);
            bool ahead = !isnan(values[k]) && (isnan(values[i]) || (lower_is_better ? values[k] < values[i] : values[k] > values[i]));
            better += ahead;
            same += !ahead && (!worse || (isnan(values[i]) && isnan(values[k])));
        }
        ranks[i * stride] = better + (same + 1) / 2;
    }
}

lethe_status lethe_score_ranks(const lethe_metric *metric, const char *truth, const char *const *submissions, size_t count, unsigned rounds,
                               uint64_t seed, double (*ranks)[3], lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_random random = {seed};
    size_t *cases = NULL;
    lethe_scored **scored = lethe_alloc_array(count, sizeof(lethe_scored *));
    double *values = lethe_alloc_array(count, sizeof *values), *all = lethe_alloc_array(count * rounds, sizeof *all);
    if (scored == NULL || values == NULL || all == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for ranks");
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = metric->load(truth, submissions[i], &scored[i], error);
    size_t total = status == LETHE_OK && count > 0 ? scored[0]->count : 0;
    if (status == LETHE_OK && (cases = lethe_alloc_array(total, sizeof *cases)) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for ranks");
    for (unsigned round = 0; status == LETHE_OK && total > 0 && round < rounds; round++) {
        for (size_t i = 0; i < total; i++) cases[i] = lethe_random_below(&random, total); /* the same cases for everybody */
        for (size_t i = 0; i < count; i++) values[i] = metric->main_value(scored[i], cases, total);
        rank_values(values, count, metric->lower_is_better, all + round, rounds);
    }
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        qsort(all + i * rounds, rounds, sizeof *all, by_value);
        ranks[i][0] = lethe_percentile(all + i * rounds, rounds, 0.025);
        ranks[i][1] = lethe_percentile(all + i * rounds, rounds, 0.5);
        ranks[i][2] = lethe_percentile(all + i * rounds, rounds, 0.975);
    }
    for (size_t i = 0; scored != NULL && i < count; i++) lethe_scored_destroy(scored[i]);
    lethe_free(scored);
    lethe_free(values);
    lethe_free(all);
    lethe_free(cases);
    return status;
}
