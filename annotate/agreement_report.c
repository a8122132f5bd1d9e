/* The agreement report: one HTML page, plots as SVG in it, nothing fetched. */
#include "annotate/agreement.h"

#include "core/text.h"

#include <math.h>
#include <string.h>

enum { PLOT_WIDTH = 360, ROW_HEIGHT = 20 };

static lethe_status put(lethe_buffer *out, const char *text, lethe_error *error) { return lethe_buffer_append_text(out, text, error); }

static lethe_status put_cell(lethe_buffer *out, const char *text, lethe_error *error) {
    lethe_status status = put(out, "<td>", error);
    if (status == LETHE_OK) status = lethe_html_escape(text, out, error);
    return status == LETHE_OK ? put(out, "</td>", error) : status;
}

static bool on_scale(const lethe_agreement_row *row) { return strcmp(row->measure, "HD95 (pixels)") != 0 && !isnan(row->value); }

/* -1 to 1 across the plot; bars are intervals, points are values. */
static double place(double value) { return 10 + (fmax(-1, fmin(1, value)) + 1) / 2 * (PLOT_WIDTH - 20); }

static lethe_status put_plot(const lethe_agreement_row *row, lethe_buffer *out, lethe_error *error) {
    double middle = ROW_HEIGHT / 2.0;
    lethe_status status =
        lethe_buffer_printf(out, error, "<td><svg width=\"%d\" height=\"%d\"><line x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\" stroke=\"#ccc\"/>",
                            PLOT_WIDTH, ROW_HEIGHT, place(0), place(0), ROW_HEIGHT);
    if (status == LETHE_OK && on_scale(row) && !isnan(row->low))
        status = lethe_buffer_printf(out, error, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#4363d8\" stroke-width=\"3\"/>",
                                     place(row->low), place(row->high), middle, middle);
    if (status == LETHE_OK && on_scale(row))
        status = lethe_buffer_printf(out, error, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#1a2a6c\"/>", place(row->value), middle);
    return status == LETHE_OK ? put(out, "</svg></td>", error) : status;
}

static lethe_status put_row(const lethe_agreement_row *row, lethe_buffer *out, lethe_error *error) {
    lethe_status status = put(out, "<tr>", error);
    if (status == LETHE_OK) status = put_cell(out, row->label, error);
    if (status == LETHE_OK) status = put_cell(out, row->measure, error);
    if (status == LETHE_OK) status = put_cell(out, row->reader_a[0] == '\0' ? "all readers" : row->reader_a, error);
    if (status == LETHE_OK)
        status = put_cell(out, row->reader_a[0] != '\0' && strcmp(row->reader_a, row->reader_b) == 0 ? "again" : row->reader_b, error);
    if (status == LETHE_OK) status = lethe_buffer_printf(out, error, "<td class=\"n\">%zu</td>", row->units);
    if (status == LETHE_OK)
        status = isnan(row->value) ? put(out, "<td class=\"n\">not defined</td>", error)
                                   : lethe_buffer_printf(out, error, "<td class=\"n\">%.3f</td>", row->value);
    if (status == LETHE_OK)
        status = isnan(row->low) ? put(out, "<td></td>", error)
                                 : lethe_buffer_printf(out, error, "<td class=\"n\">%.3f to %.3f</td>", row->low, row->high);
    if (status == LETHE_OK) status = put_plot(row, out, error);
    return status == LETHE_OK ? put(out, "</tr>\n", error) : status;
}

lethe_status lethe_agreement_html(const lethe_agreement *agreement, const char *title, lethe_buffer *out, lethe_error *error) {
    lethe_status status = put(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>", error);
    if (status == LETHE_OK) status = lethe_html_escape(title, out, error);
    if (status == LETHE_OK)
        status = put(out,
                     "</title><style>body{font:14px sans-serif;margin:2em;max-width:80em}table{border-collapse:collapse}td,th{padding:2px "
                     "10px;border-bottom:1px solid #ddd;"
                     "text-align:left}.n{text-align:right;font-variant-numeric:tabular-nums}</style></head><body>\n<h1>",
                     error);
    if (status == LETHE_OK) status = lethe_html_escape(title, out, error);
    if (status == LETHE_OK)
        status =
            lethe_buffer_printf(out, error,
                                "</h1>\n<p>%zu readers. Intervals are 95 %% bootstrap intervals over cases. Plots run from -1 to 1; the grey line is "
                                "0. \"again\" is a reader's second "
                                "look at the same cases, \"truth\" the "
                                "honeypots.</p>\n<h2>Agreement</h2>\n<table><tr><th>label</th><th>measure</th><th>reader</th><th>with</th><th>n</th>"
                                "<th>value</th><th>95 %%</th><th></th></tr>\n",
                                agreement->reader_count);
    for (size_t i = 0; status == LETHE_OK && i < agreement->row_count; i++) status = put_row(&agreement->rows[i], out, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(
            out, error, "</table>\n<h2>Disagreements: %zu</h2>\n<table><tr><th>label</th><th>about</th><th>readers</th><th>severity</th></tr>\n",
            agreement->queue_count);
    for (size_t i = 0; status == LETHE_OK && i < agreement->queue_count; i++) {
        const lethe_disagreement *d = &agreement->queue[i];
        status = put(out, "<tr>", error);
        if (status == LETHE_OK) status = put_cell(out, d->label, error);
        if (status == LETHE_OK) status = put_cell(out, d->unit, error);
        if (status == LETHE_OK) status = put_cell(out, d->answers, error);
        if (status == LETHE_OK) status = lethe_buffer_printf(out, error, "<td class=\"n\">%.2f</td></tr>\n", d->severity);
    }
    return status == LETHE_OK ? put(out, "</table></body></html>\n", error) : status;
}
