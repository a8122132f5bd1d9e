#include "annotate/publish_figures.h"

#include "annotate/leakage.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_PX = 22, NAME_PX = 340, PLOT_PX = 340, VALUE_PX = 90, TOP_PX = 44, MOST_ROWS = 60 };

/* One row of a figure: a bar from 0 to value, or a point with its interval. */
typedef struct row {
    char name[160];
    double value, low, high; /* NaN: no interval */
} row;

typedef struct figure {
    const char *path, *title;
    row rows[MOST_ROWS];
    size_t count, left_out;
    bool points; /* of a scale from -1 to 1 */
} figure;

static row *row_of(figure *f, const char *name) {
    char cut[sizeof f->rows[0].name];
    (void)snprintf(cut, sizeof cut, "%s", name);
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->rows[i].name, cut) == 0) return &f->rows[i];
    if (f->count == MOST_ROWS) {
        f->left_out++;
        return NULL;
    }
    row *fresh = &f->rows[f->count++];
    *fresh = (row){.low = NAN, .high = NAN};
    memcpy(fresh->name, cut, sizeof cut);
    return fresh;
}

static void count_one(figure *f, const char *name) {
    row *found = row_of(f, name);
    if (found != NULL) found->value++;
}

/* --- drawing --- */

/* Names are cut to what fits beside the plot: whole characters of UTF-8. */
static lethe_status put_name(const char *name, double y, lethe_buffer *out, lethe_error *error) {
    enum { MOST_CHARACTERS = 50 };
    char cut[200];
    size_t at = 0, characters = 0;
    for (; name[at] != '\0' && at + 8 < sizeof cut; at++) {
        if (((unsigned char)name[at] & 0xC0) != 0x80 && characters++ == MOST_CHARACTERS) break;
        cut[at] = name[at];
    }
    (void)snprintf(cut + at, sizeof cut - at, "%s", name[at] == '\0' ? "" : "…");
    lethe_status status = lethe_buffer_printf(out, error, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", NAME_PX - 8, y + 4);
    if (status == LETHE_OK) status = lethe_html_escape(cut, out, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</text>", error) : status;
}

static double on_scale(double value) { return NAME_PX + (fmax(-1, fmin(1, value)) + 1) / 2 * PLOT_PX; }

static lethe_status put_row(const row *r, double largest, bool points, double y, lethe_buffer *out, lethe_error *error) {
    lethe_status status = put_name(r->name, y, out, error);
    if (status != LETHE_OK) return status;
    if (!points)
        return lethe_buffer_printf(
            out, error, "<rect x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"14\" fill=\"#4363d8\"/><text x=\"%.1f\" y=\"%.0f\">%.0f</text>\n", NAME_PX,
            y - 7, largest > 0 ? r->value / largest * PLOT_PX : 0, NAME_PX + 6 + (largest > 0 ? r->value / largest * PLOT_PX : 0), y + 4, r->value);
    if (!isnan(r->low))
        status = lethe_buffer_printf(out, error, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#4363d8\" stroke-width=\"3\"/>",
                                     on_scale(r->low), on_scale(r->high), y, y);
    if (status != LETHE_OK) return status;
    return lethe_buffer_printf(out, error, "<circle cx=\"%.1f\" cy=\"%.0f\" r=\"4\" fill=\"#1a2a6c\"/><text x=\"%d\" y=\"%.0f\">%.3f</text>\n",
                               on_scale(r->value), y, NAME_PX + PLOT_PX + 8, y + 4, r->value);
}

static lethe_status put_scale(double bottom, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (int tenth = -10; status == LETHE_OK && tenth <= 10; tenth += 5) {
        double x = on_scale(tenth / 10.0);
        status = lethe_buffer_printf(out, error,
                                     "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.0f\" stroke=\"%s\"/><text x=\"%.1f\" y=\"%.0f\" "
                                     "text-anchor=\"middle\" fill=\"#666\">%g</text>",
                                     x, x, TOP_PX - 10, bottom, tenth == 0 ? "#999" : "#ddd", x, bottom + 15, tenth / 10.0);
    }
    return status;
}

static lethe_status write_figure(lethe_dataset *d, const figure *f, lethe_buffer *card, lethe_error *error) {
    double largest = 0, bottom = TOP_PX + (double)f->count * ROW_PX;
    lethe_buffer out;
    if (f->count == 0) return LETHE_OK;
    lethe_buffer_init(&out, 1 << 20);
    for (size_t i = 0; i < f->count; i++) largest = fmax(largest, f->rows[i].value);
    int width = NAME_PX + PLOT_PX + VALUE_PX, height = (int)bottom + 24;
    lethe_status status = lethe_buffer_printf(&out, error,
                                              "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                                              "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>"
                                              "<text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"bold\">",
                                              width, height, width, height);
    if (status == LETHE_OK) status = lethe_html_escape(f->title, &out, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "</text>\n", error);
    if (status == LETHE_OK && f->points) status = put_scale(bottom - 4, &out, error);
    for (size_t i = 0; status == LETHE_OK && i < f->count; i++)
        status = put_row(&f->rows[i], largest, f->points, TOP_PX + ((double)i + 0.5) * ROW_PX - 4, &out, error);
    if (status == LETHE_OK && f->left_out > 0)
        status = lethe_buffer_printf(&out, error, "<text x=\"12\" y=\"%d\" fill=\"#666\">and more that are not drawn</text>\n", height - 6);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "</svg>\n", error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, f->path, out.bytes, out.size, error);
    if (status == LETHE_OK) status = lethe_buffer_printf(card, error, "\n![%s](%s)\n", f->title, f->path);
    lethe_buffer_release(&out);
    return status;
}

/* --- what they show --- */

/* A label; with its value where the schema lists what may be answered. */
static void count_labels(const lethe_dataset *d, bool (*counted)(const lethe_dataset *, const lethe_annotation *), figure *f) {
    for (unsigned l = 0; d->schema != NULL && l < d->schema->labels_count; l++) { /* rows in the order of the schema, empty ones too */
        const lethe_field *q = &d->schema->labels[l].question;
        char name[320];
        if (q->options_count == 0) (void)row_of(f, q->name);
        for (unsigned o = 0; o < q->options_count; o++) {
            (void)snprintf(name, sizeof name, "%.120s: %.120s", q->name, q->options[o].value);
            (void)row_of(f, name);
        }
    }
    for (size_t i = 0; i < d->labels->count; i++) {
        const lethe_annotation *a = &d->labels->items[i];
        const lethe_label *label = d->schema == NULL ? NULL : lethe_schema_label(d->schema, a->label);
        char name[320];
        if (!counted(d, a)) continue;
        if (label != NULL && label->question.options_count > 0) (void)snprintf(name, sizeof name, "%.120s: %.120s", a->label, a->value);
        else (void)snprintf(name, sizeof name, "%.120s", a->label);
        count_one(f, name);
    }
}

static lethe_status draw_labels(lethe_dataset *d, bool (*counted)(const lethe_dataset *, const lethe_annotation *), figure *f, lethe_buffer *card,
                                lethe_error *error) {
    *f = (figure){.path = "figures/labels.svg", .title = "Annotations per label"};
    count_labels(d, counted, f);
    return write_figure(d, f, card, error);
}

static lethe_status draw_splits(lethe_dataset *d, const uint8_t *splits, figure *f, lethe_buffer *card, lethe_error *error) {
    *f = (figure){.path = "figures/splits.svg", .title = "Patients and images per split"};
    for (int k = 0; k < LETHE_SPLITS; k++) { /* rows in this order */
        char name[64];
        (void)snprintf(name, sizeof name, "%s: patients", lethe_split_name((lethe_split)k));
        (void)row_of(f, name);
        (void)snprintf(name, sizeof name, "%s: images", lethe_split_name((lethe_split)k));
        (void)row_of(f, name);
    }
    for (size_t i = 0; i < lethe_image_index_count(d->index); i++) {
        const char *split = lethe_split_name((lethe_split)splits[i]), *patient = lethe_image_index_at(d->index, i)->patient;
        char name[64];
        bool new_patient = i == 0 || strcmp(lethe_image_index_at(d->index, i - 1)->patient, patient) != 0;
        (void)snprintf(name, sizeof name, "%s: patients", split);
        if (new_patient) count_one(f, name);
        (void)snprintf(name, sizeof name, "%s: images", split);
        count_one(f, name);
    }
    return write_figure(d, f, card, error);
}

static int by_most(const void *a, const void *b) {
    const row *left = a, *right = b;
    if (left->value < right->value || left->value > right->value) return left->value > right->value ? -1 : 1;
    return strcmp(left->name, right->name);
}

static lethe_status draw_sites(lethe_dataset *d, const lethe_publication *p, figure *f, lethe_buffer *card, lethe_error *error) {
    lethe_csv *sites = NULL;
    *f = (figure){.path = "figures/sites.svg", .title = p->sites_path != NULL ? "Patients per site" : "Patients per manufacturer"};
    lethe_status status = lethe_sites_load(p->sites_path, &sites, error);
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(d->index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        if (i > 0 && strcmp(lethe_image_index_at(d->index, i - 1)->patient, ref->patient) == 0) continue; /* by a patient's first image */
        const char *name = sites != NULL ? lethe_site_of(sites, ref) : ref->manufacturer;
        count_one(f, name[0] == '\0' ? "not known" : name);
    }
    lethe_csv_destroy(sites);
    if (f->count > 1) qsort(f->rows, f->count, sizeof *f->rows, by_most);
    return status == LETHE_OK ? write_figure(d, f, card, error) : status;
}

lethe_status lethe_figures_write(lethe_dataset *d, const lethe_publication *p, const uint8_t *splits,
                                 bool (*counted)(const lethe_dataset *, const lethe_annotation *), lethe_buffer *card, lethe_error *error) {
    figure *f = lethe_alloc_array(1, sizeof *f);
    if (f == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for figures");
    lethe_status status = draw_labels(d, counted, f, card, error);
    if (status == LETHE_OK && splits != NULL) status = draw_splits(d, splits, f, card, error);
    if (status == LETHE_OK) status = draw_sites(d, p, f, card, error);
    lethe_free(f);
    return status;
}

lethe_status lethe_figure_agreement(lethe_dataset *d, const lethe_agreement *agreement,
                                    const char *(*name_reader)(const lethe_dataset *, const char *), lethe_buffer *card, lethe_error *error) {
    figure *f = lethe_alloc_array(1, sizeof *f);
    if (f == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for figures");
    *f = (figure){.path = "figures/agreement.svg", .title = "Agreement of readers, 95 % intervals", .points = true};
    for (size_t i = 0; i < agreement->row_count; i++) {
        const lethe_agreement_row *from = &agreement->rows[i];
        char name[400], pair[160] = "all";
        if (isnan(from->value) || strcmp(from->measure, "HD95 (pixels)") == 0) continue;
        if (from->reader_a[0] != '\0')
            (void)snprintf(pair, sizeof pair, "%.60s, %.60s", name_reader(d, from->reader_a), name_reader(d, from->reader_b));
        (void)snprintf(name, sizeof name, "%.60s, %.40s (%s)", from->label, from->measure, pair);
        row *to = row_of(f, name);
        if (to == NULL) continue;
        to->value = from->value;
        to->low = from->low;
        to->high = from->high;
    }
    lethe_status status = write_figure(d, f, card, error);
    lethe_free(f);
    return status;
}
