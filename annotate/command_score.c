/* lethe score: a submission, or a leaderboard of several. */
#include "annotate/commands.h"

#include "annotate/score.h"
#include "annotate/text_out.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SUBMISSIONS = 1024, ROUNDS = 1000 };

static lethe_status put_score(const lethe_score *score, const char *metric, const char *submission, const double *ranks, lethe_buffer *out,
                              lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "{\"submission\":", error);
    if (status == LETHE_OK) status = lethe_json_string(out, lethe_path_name(submission), error);
    if (status == LETHE_OK) status = lethe_buffer_printf(out, error, ",\"metric\":\"%s\",\"cases\":%zu", metric, score->cases);
    for (size_t i = 0; status == LETHE_OK && i < score->count; i++) {
        const lethe_score_value *v = &score->values[i];
        status = lethe_buffer_printf(out, error, ",\"%s\":", v->name);
        if (status == LETHE_OK) status = lethe_json_number(out, v->value, error);
        if (status != LETHE_OK || isnan(v->interval[0])) continue;
        status = lethe_buffer_printf(out, error, ",\"%s_95\":[", v->name);
        if (status == LETHE_OK) status = lethe_json_number(out, v->interval[0], error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, ",", error);
        if (status == LETHE_OK) status = lethe_json_number(out, v->interval[1], error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "]", error);
    }
    if (status == LETHE_OK && ranks != NULL)
        status = lethe_buffer_printf(out, error, ",\"rank_median\":%g,\"rank_95\":[%g,%g]", ranks[1], ranks[0], ranks[2]);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "}", error) : status;
}

static void print_score(const lethe_score *score, const char *submission, const double *ranks) {
    (void)printf("%s (%zu cases)\n", lethe_path_name(submission), score->cases);
    for (size_t i = 0; i < score->count; i++) {
        const lethe_score_value *v = &score->values[i];
        if (isnan(v->interval[0])) (void)printf("  %-20s %.6f\n", v->name, v->value);
        else (void)printf("  %-20s %.6f  (95 %%: %.6f to %.6f)\n", v->name, v->value, v->interval[0], v->interval[1]);
    }
    if (ranks != NULL) (void)printf("  %-20s %g  (95 %%: %g to %g)\n", "rank", ranks[1], ranks[0], ranks[2]);
}

/* Best first; a NaN is last. */
static void sort_scores(const lethe_score *scores, size_t count, size_t *order) {
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        double value = scores[i].values[0].value;
        for (; at > 0; at--) {
            double other = scores[order[at - 1]].values[0].value;
            bool ahead = !isnan(value) && (isnan(other) || (scores[i].lower_is_better ? value < other : value > other));
            if (!ahead) break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
}

static lethe_status score_all(lethe_command *c, const lethe_metric *metric, const char *truth, const char *const *submissions, size_t count,
                              uint64_t seed, const char *leaderboard, lethe_error *error) {
    lethe_buffer board;
    lethe_buffer_init(&board, (size_t)1 << 30);
    lethe_score *scores = lethe_alloc_array(count, sizeof *scores);
    double(*ranks)[3] = lethe_alloc_array(count, sizeof *ranks);
    size_t *order = lethe_alloc_array(count, sizeof *order);
    lethe_status status = scores == NULL || ranks == NULL || order == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for scores") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = lethe_score_run(metric, truth, submissions[i], ROUNDS, seed, &scores[i], error);
    if (status == LETHE_OK && count > 1) status = lethe_score_ranks(metric, truth, submissions, count, ROUNDS, seed, ranks, error);
    if (status == LETHE_OK) sort_scores(scores, count, order);
    if (status == LETHE_OK && count > 1) status = lethe_buffer_append_text(&board, "[", error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        const double *rank = count > 1 ? ranks[order[i]] : NULL;
        if (i > 0) status = lethe_buffer_append_text(&board, ",\n", error);
        if (status == LETHE_OK) status = put_score(&scores[order[i]], metric->name, submissions[order[i]], rank, &board, error);
        if (!c->json) print_score(&scores[order[i]], submissions[order[i]], rank);
    }
    if (status == LETHE_OK) status = lethe_buffer_append_text(&board, count > 1 ? "]\n" : "\n", error);
    if (status == LETHE_OK && c->json) (void)fputs(lethe_buffer_text(&board), stdout);
    if (status == LETHE_OK && leaderboard != NULL) status = lethe_file_write(leaderboard, board.bytes, board.size, 0644, error);
    lethe_free(scores);
    lethe_free(ranks);
    lethe_free(order);
    lethe_buffer_release(&board);
    return status;
}

int lethe_command_score(lethe_command *c) {
    const char *truth = lethe_command_option(c, "--truth"), *name = lethe_command_option(c, "--metric"),
               *leaderboard = lethe_command_option(c, "--leaderboard");
    const char *seed_text = lethe_command_option(c, "--seed"), *submissions[MOST_SUBMISSIONS], *submission;
    size_t count = 0;
    int64_t seed = 1;
    lethe_error error = {0};
    while (count < MOST_SUBMISSIONS && (submission = lethe_command_option(c, "--submission")) != NULL) submissions[count++] = submission;
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    const lethe_metric *metric = name == NULL ? NULL : lethe_metric_find(name);
    if (truth == NULL || count == 0 || name == NULL) return lethe_command_usage(c, "--truth DIR --submission FILE --metric NAME are needed");
    if (metric == NULL) return lethe_command_usage(c, "no metric '%s'", name);
    if (seed_text != NULL && !lethe_text_to_int64(seed_text, &seed)) return lethe_command_usage(c, "--seed wants a number");
    return score_all(c, metric, truth, submissions, count, (uint64_t)seed, leaderboard, &error) == LETHE_OK ? LETHE_EXIT_DONE
                                                                                                            : lethe_command_fail(c, &error);
}
