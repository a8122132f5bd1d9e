/* lethe annotate agree | adjudicate. */
#include "annotate/commands.h"

#include "annotate/agreement.h"
#include "annotate/text_out.h"
#include "core/file.h"
#include "core/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static lethe_status put_rows(const lethe_agreement *a, lethe_buffer *out, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "{\"agreement\":[", error);
    for (size_t i = 0; status == LETHE_OK && i < a->row_count; i++) {
        const lethe_agreement_row *row = &a->rows[i];
        const char *const keys[] = {"label", "measure", "reader_a", "reader_b"}, *const texts[] = {row->label, row->measure, row->reader_a,
                                                                                                   row->reader_b};
        status = lethe_buffer_append_text(out, i == 0 ? "\n{" : ",\n{", error);
        for (int k = 0; status == LETHE_OK && k < 4; k++) {
            status = lethe_buffer_printf(out, error, "%s\"%s\":", k == 0 ? "" : ",", keys[k]);
            if (status == LETHE_OK) status = lethe_json_string(out, texts[k], error);
        }
        if (status == LETHE_OK) status = lethe_buffer_printf(out, error, ",\"n\":%zu,\"value\":", row->units);
        if (status == LETHE_OK) status = lethe_json_number(out, row->value, error);
        if (status == LETHE_OK && !isnan(row->low)) status = lethe_buffer_printf(out, error, ",\"low\":%.9g,\"high\":%.9g", row->low, row->high);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "}", error);
    }
    return status == LETHE_OK ? lethe_buffer_printf(out, error, "],\"disagreements\":%zu}\n", a->queue_count) : status;
}

static void print_rows(const lethe_agreement *a) {
    for (size_t i = 0; i < a->row_count; i++) {
        const lethe_agreement_row *row = &a->rows[i];
        (void)printf("%-20s %-22s %-12s %-12s %6zu  ", row->label, row->measure, row->reader_a[0] == '\0' ? "all" : row->reader_a, row->reader_b,
                     row->units);
        if (isnan(row->low)) (void)printf("%.3f\n", row->value);
        else (void)printf("%.3f (%.3f to %.3f)\n", row->value, row->low, row->high);
    }
    (void)printf("%zu disagreements (`lethe annotate adjudicate list`)\n", a->queue_count);
}

int lethe_command_agree(lethe_command *c) {
    const char *report = lethe_command_option(c, "--report"), *iou = lethe_command_option(c, "--iou");
    lethe_agreement_options options = {.label = lethe_command_option(c, "--label"), .seed = 1};
    lethe_agreement *agreement = NULL;
    lethe_buffer out;
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (iou != NULL && (!lethe_text_to_double(iou, &options.iou_threshold) || !(options.iou_threshold > 0) || options.iou_threshold > 1))
        return lethe_command_usage(c, "--iou wants a number between 0 and 1");
    lethe_buffer_init(&out, (size_t)1 << 30);
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_agreement_compute(c->store, &options, &agreement, &error);
    if (status == LETHE_OK && report != NULL) {
        status = lethe_agreement_html(agreement, "Agreement of readers", &out, &error);
        if (status == LETHE_OK) status = lethe_file_write(report, out.bytes, out.size, 0644, &error);
        lethe_buffer_clear(&out);
    }
    if (status == LETHE_OK && c->json) {
        status = put_rows(agreement, &out, &error);
        if (status == LETHE_OK) (void)fputs(lethe_buffer_text(&out), stdout);
    } else if (status == LETHE_OK) print_rows(agreement);
    lethe_agreement_destroy(agreement);
    lethe_buffer_release(&out);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

static int list_disagreements(lethe_command *c) {
    lethe_agreement_options options = {.label = lethe_command_option(c, "--label"), .rounds = 1};
    lethe_agreement *agreement = NULL;
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_agreement_compute(c->store, &options, &agreement, &error);
    for (size_t i = 0; status == LETHE_OK && i < agreement->queue_count; i++) {
        const lethe_disagreement *d = &agreement->queue[i];
        (void)printf(c->json ? "{\"label\":\"%s\",\"about\":\"%s\",\"readers\":\"%s\",\"severity\":%.3f}\n" : "%-20s %s  %s  %.2f\n", d->label,
                     d->unit, d->answers, d->severity);
    }
    lethe_agreement_destroy(agreement);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

int lethe_command_adjudicate(lethe_command *c) {
    static const char *const rules[] = {"majority", "staple", "adjudicator"};
    const char *what = lethe_command_word(c), *rule_name = lethe_command_option(c, "--rule"), *as = lethe_command_option(c, "--as");
    int64_t written = 0, open = 0;
    lethe_error error = {0};
    if (what != NULL && strcmp(what, "list") == 0 && rule_name == NULL) return list_disagreements(c);
    int left = lethe_command_leftover(c), rule = -1;
    if (left != 0) return left;
    for (int i = 0; rule_name != NULL && i < 3; i++)
        if (strcmp(rules[i], rule_name) == 0) rule = i;
    if (what == NULL || strcmp(what, "consensus") != 0 || rule < 0)
        return lethe_command_usage(c, "adjudicate list, or adjudicate consensus --rule majority|staple|adjudicator [--as NAME]");
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK)
        status = lethe_consensus_write(c->store, (lethe_consensus_rule)rule, as == NULL ? "consensus" : as, &written, &open, &error);
    if (status != LETHE_OK) return lethe_command_fail(c, &error);
    (void)printf(c->json ? "{\"written\":%" PRId64 ",\"open\":%" PRId64 "}\n" : "%" PRId64 " labels written, %" PRId64 " questions stay open\n",
                 written, open);
    return LETHE_EXIT_DONE;
}
