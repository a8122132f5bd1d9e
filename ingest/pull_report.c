/* The reconciliation of a pull: asked, found, received, missing with reasons. */
#include "ingest/pull.h"

#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct line_counts {
    int64_t studies, series, expected, received, missing;
    char reason[256];
} line_counts;

static lethe_status one_row(lethe_statement *statement, bool *row, lethe_error *error) { return lethe_statement_step(statement, row, error); }

static lethe_status count_line(lethe_queue *queue, int64_t pull, size_t line, line_counts *counts, lethe_error *error) {
    static const char *const sql[] = {
        "SELECT studies, reason FROM pull_row WHERE pull = ?1 AND line = ?2",
        "SELECT COUNT(*), COALESCE(MAX(reason), '') FROM pull_series WHERE pull = ?1 AND line = ?2",
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM item i WHERE i.sop_instance = p.sop_instance AND i.sha256 <> '') THEN 1 ELSE "
        "0 END), 0) "
        "FROM pull_instance p JOIN pull_series s ON s.pull = p.pull AND s.series_uid = p.series_uid WHERE s.pull = ?1 AND s.line = ?2",
    };
    lethe_status status = LETHE_OK;
    memset(counts, 0, sizeof *counts);
    for (size_t i = 0; status == LETHE_OK && i < 3; i++) {
        lethe_statement *statement = NULL;
        bool row = false;
        status = lethe_statement_prepare(lethe_queue_database(queue), sql[i], &statement, error);
        if (status != LETHE_OK) return status;
        lethe_statement_bind_int64(statement, 1, pull);
        lethe_statement_bind_int64(statement, 2, (int64_t)line);
        status = one_row(statement, &row, error);
        if (status == LETHE_OK && row && i == 0) {
            counts->studies = lethe_statement_int64(statement, 0);
            (void)snprintf(counts->reason, sizeof counts->reason, "%s", lethe_statement_text(statement, 1));
        } else if (status == LETHE_OK && row && i == 1) {
            counts->series = lethe_statement_int64(statement, 0);
            if (counts->reason[0] == '\0') (void)snprintf(counts->reason, sizeof counts->reason, "%s", lethe_statement_text(statement, 1));
        } else if (status == LETHE_OK && row) {
            counts->expected = lethe_statement_int64(statement, 0);
            counts->received = lethe_statement_int64(statement, 1);
        }
        lethe_statement_finalize(statement);
    }
    counts->missing = counts->expected - counts->received;
    if (status == LETHE_OK && counts->reason[0] == '\0' && counts->series == 0)
        (void)snprintf(counts->reason, sizeof counts->reason, "no series of the wanted kind");
    return status;
}

static lethe_status put_csv(lethe_buffer *csv, const char *const *fields, size_t count, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = lethe_csv_put(csv, i == 0, fields[i], error);
    return status == LETHE_OK ? lethe_buffer_append_text(csv, "\r\n", error) : status;
}

static lethe_status put_html(lethe_buffer *html, const char *const *fields, size_t count, const char *cell, bool bad, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(html, error, "<tr%s>", bad ? " class=bad" : "");
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        status = lethe_buffer_printf(html, error, "<%s>", cell);
        if (status == LETHE_OK) status = lethe_html_escape(fields[i], html, error);
        if (status == LETHE_OK) status = lethe_buffer_printf(html, error, "</%s>", cell);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(html, "</tr>\n", error) : status;
}

enum { FIELDS = 13 };
static const char *const header[FIELDS] = {"line",        "patient_id", "accession_number", "study_uid", "date_from", "date_to", "modality",
                                           "description", "studies",    "expected",         "received",  "missing",   "reason"};

static lethe_status report_lines(const lethe_pull_options *options, lethe_queue *queue, int64_t pull, lethe_buffer *csv, lethe_buffer *html,
                                 lethe_pull_totals *totals, lethe_error *error) {
    lethe_status status = put_csv(csv, header, FIELDS, error);
    if (status == LETHE_OK) status = put_html(html, header, FIELDS, "th", false, error);
    for (size_t i = 0; status == LETHE_OK && i < lethe_cohort_size(options->cohort); i++) {
        const lethe_cohort_row *row = lethe_cohort_at(options->cohort, i);
        line_counts counts;
        status = count_line(queue, pull, row->line, &counts, error);
        if (status != LETHE_OK) break;
        char numbers[5][24];
        const int64_t values[5] = {(int64_t)row->line, counts.studies, counts.expected, counts.received, counts.missing};
        for (size_t j = 0; j < 5; j++) (void)snprintf(numbers[j], sizeof numbers[j], "%" PRId64, values[j]);
        const char *fields[FIELDS] = {numbers[0],   row->patient_id, row->accession_number, row->study_uid, row->date_from,
                                      row->date_to, row->modality,   row->description,      numbers[1],     numbers[2],
                                      numbers[3],   numbers[4],      counts.reason};
        status = put_csv(csv, fields, FIELDS, error);
        if (status == LETHE_OK) status = put_html(html, fields, FIELDS, "td", counts.missing != 0 || counts.reason[0] != '\0', error);
        totals->rows++;
        totals->studies += counts.studies;
        totals->series += counts.series;
    }
    return status;
}

/* Instances that are wanted by several rows count once. */
static lethe_status count_all(lethe_queue *queue, int64_t pull, lethe_pull_totals *totals, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status =
        lethe_statement_prepare(lethe_queue_database(queue),
                                "SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM item i WHERE i.sop_instance = p.sop_instance "
                                "AND i.sha256 <> '') THEN 1 ELSE 0 END), 0) FROM pull_instance p WHERE p.pull = ?1",
                                &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, pull);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && row) {
        totals->expected = lethe_statement_int64(statement, 0);
        totals->received = lethe_statement_int64(statement, 1);
        totals->missing = totals->expected - totals->received;
    }
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status report_missing(lethe_queue *queue, int64_t pull, lethe_buffer *html, lethe_error *error) {
    static const char *const columns[] = {"study", "series", "instance", "reason"};
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(
        lethe_queue_database(queue),
        "SELECT s.study_uid, p.series_uid, p.sop_instance, s.reason FROM pull_instance p JOIN pull_series s ON s.pull = p.pull AND "
        "s.series_uid = p.series_uid WHERE p.pull = ?1 AND NOT EXISTS (SELECT 1 FROM item i WHERE i.sop_instance = p.sop_instance "
        "AND i.sha256 <> '') ORDER BY s.study_uid, p.series_uid, p.sop_instance LIMIT 10000",
        &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, pull);
    status = put_html(html, columns, 4, "th", false, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        const char *fields[4] = {lethe_statement_text(statement, 0), lethe_statement_text(statement, 1), lethe_statement_text(statement, 2),
                                 lethe_statement_text(statement, 3)};
        status = put_html(html, fields, 4, "td", true, error);
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_pull_reconcile(const lethe_pull_options *options, lethe_queue *queue, int64_t pull, lethe_buffer *csv, lethe_buffer *html,
                                  lethe_pull_totals *totals, lethe_error *error) {
    memset(totals, 0, sizeof *totals);
    lethe_status status = lethe_pull_prepare(queue, error);
    if (status == LETHE_OK) status = count_all(queue, pull, totals, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(
            html, error,
            "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>Reconciliation</title>\n<style>body{font:15px "
            "sans-serif;margin:2em;color:#222}"
            "table{border-collapse:collapse}td,th{padding:.3em .7em;border-bottom:1px solid #ddd;text-align:left}.bad td{background:#fdecea}"
            "</style>\n<h1>Reconciliation</h1>\n<p>Private: holds identities. Asked for, found, received.</p>\n"
            "<p><b>%" PRId64 "</b> instances expected, <b>%" PRId64 "</b> received, <b>%" PRId64
            "</b> missing.</p>\n<h2>By cohort line</h2>\n<table>\n",
            totals->expected, totals->received, totals->missing);
    if (status == LETHE_OK) status = report_lines(options, queue, pull, csv, html, totals, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(html, "</table>\n<h2>Missing instances</h2>\n<table>\n", error);
    if (status == LETHE_OK) status = report_missing(queue, pull, html, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(html, "</table>\n", error);
    return status;
}
