/* Measures of agreement from the store's labels. The numbers come from metrics_*.c; here they are fed. */
#include "annotate/agreement.h"

#include "annotate/metrics.h"
#include "annotate/readings.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct computer {
    lethe_agreement *out;
    const lethe_agreement_options *options;
    const lethe_schema *schema;
    const readings *r;
    size_t row_capacity, queue_capacity;
    const char *label;
    size_t from, end; /* of the label's readings */
} computer;

static lethe_status add_row(computer *c, const char *measure, const char *a, const char *b, size_t units, double value, const double interval[2],
                            lethe_error *error) {
    if (c->out->row_count == c->row_capacity) {
        size_t capacity = c->row_capacity == 0 ? 64 : c->row_capacity * 2;
        lethe_agreement_row *grown = lethe_realloc_array(c->out->rows, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
        c->out->rows = grown;
        c->row_capacity = capacity;
    }
    c->out->rows[c->out->row_count++] =
        (lethe_agreement_row){c->label, measure, a, b, units, value, interval == NULL ? NAN : interval[0], interval == NULL ? NAN : interval[1]};
    return LETHE_OK;
}

static lethe_status add_disagreement(computer *c, const char *unit, const char *answers, double severity, lethe_error *error) {
    lethe_arena *arena = c->out->arena;
    if (c->out->queue_count == c->queue_capacity) {
        size_t capacity = c->queue_capacity == 0 ? 64 : c->queue_capacity * 2;
        lethe_disagreement *grown = lethe_realloc_array(c->out->queue, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
        c->out->queue = grown;
        c->queue_capacity = capacity;
    }
    lethe_disagreement *d = &c->out->queue[c->out->queue_count];
    *d = (lethe_disagreement){c->label, lethe_arena_strndup(arena, unit, strlen(unit)), lethe_arena_strndup(arena, answers, strlen(answers)),
                              severity};
    if (d->unit == NULL || d->answers == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
    c->out->queue_count++;
    return LETHE_OK;
}

static unsigned rounds_of(const computer *c) { return c->options->rounds == 0 ? 500 : c->options->rounds; }

/* --- classes and numbers --- */

/* values[reader * units + unit] of first readings, of second ones, and the truth of honeypots; NaN = not said. */
typedef struct table {
    size_t units, readers;
    double *first, *second, *truth, *honeypot;
    int classes; /* 0 for numbers */
    lethe_answer_kind kind;
    const char **names; /* of the classes, when the schema does not list them */
} table;

static int class_number(table *t, const lethe_field *field, const char *value) {
    for (unsigned i = 0; field != NULL && i < field->options_count; i++)
        if (strcmp(field->options[i].value, value) == 0) return (int)i;
    for (int i = 0; i < t->classes; i++)
        if (t->names[i] != NULL && strcmp(t->names[i], value) == 0) return i;
    t->names[t->classes] = value;
    return t->classes++;
}

static void fill_table(computer *c, table *t, const lethe_field *field) {
    size_t unit = 0;
    t->classes = field == NULL ? 0 : (int)field->options_count;
    for (size_t i = c->from; i < c->end; unit++) {
        size_t end = lethe_readings_unit_end(c->r, i);
        for (; i < end; i++) {
            const reading *item = &c->r->items[i];
            const char *text = item->annotation->value[0] == '\0' ? "1" : item->annotation->value;
            double value;
            if (t->kind == LETHE_ANSWER_NUMBER ? !lethe_text_to_double(text, &value) : ((value = class_number(t, field, text)), false)) continue;
            if (item->reader == -2) t->truth[unit] = value;
            if (item->reader < 0) continue;
            double *to = item->pass == -1 ? t->honeypot : item->pass > 1 ? t->second : t->first;
            to[(size_t)item->reader * t->units + unit] = value;
        }
    }
}

typedef struct pair_values {
    int *a, *b;
    size_t count;
    int classes;
    lethe_weights weights;
    int *copy_a, *copy_b;
} pair_values;

static double mean_of(const void *context, const size_t *items, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += ((const double *)context)[items[i]];
    return count == 0 ? NAN : sum / (double)count;
}

static double kappa_of(const void *context, const size_t *items, size_t count) {
    const pair_values *p = context;
    for (size_t i = 0; i < count; i++) {
        p->copy_a[i] = p->a[items[i]];
        p->copy_b[i] = p->b[items[i]];
    }
    return lethe_kappa_cohen(p->copy_a, p->copy_b, count, p->classes, p->weights);
}

/* Kappa of two columns of a table where both have a value. */
static lethe_status add_kappa(computer *c, const table *t, const double *a, const double *b, const char *name_a, const char *name_b,
                              lethe_error *error) {
    int *memory = lethe_alloc_array(t->units * 4, sizeof *memory);
    double *equal = lethe_alloc_array(t->units, sizeof *equal);
    if (memory == NULL || equal == NULL) {
        lethe_free(memory);
        lethe_free(equal);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
    }
    bool ordinal = t->kind == LETHE_ANSWER_ORDINAL;
    pair_values p = {memory,
                     memory + t->units,
                     0,
                     t->classes,
                     ordinal ? LETHE_WEIGHTS_QUADRATIC : LETHE_WEIGHTS_NONE,
                     memory + 2 * t->units,
                     memory + 3 * t->units};
    double interval[2] = {NAN, NAN}, same = 0;
    for (size_t u = 0; u < t->units; u++) {
        if (isnan(a[u]) || isnan(b[u])) continue;
        p.a[p.count] = (int)a[u];
        equal[p.count] = (int)a[u] == (int)b[u];
        same += equal[p.count];
        p.b[p.count++] = (int)b[u];
    }
    lethe_status status = LETHE_OK;
    if (p.count > 0) {
        double kappa = lethe_kappa_cohen(p.a, p.b, p.count, p.classes, p.weights);
        status = lethe_bootstrap(kappa_of, &p, p.count, rounds_of(c), c->options->seed, interval, error);
        if (status == LETHE_OK) status = add_row(c, ordinal ? "quadratic kappa" : "kappa", name_a, name_b, p.count, kappa, interval, error);
        if (status == LETHE_OK) status = lethe_bootstrap(mean_of, equal, p.count, rounds_of(c), c->options->seed, interval, error);
        if (status == LETHE_OK) status = add_row(c, "agreement", name_a, name_b, p.count, same / (double)p.count, interval, error);
    }
    lethe_free(equal);
    lethe_free(memory);
    return status;
}

static lethe_status add_pairs(computer *c, const table *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t a = 0; status == LETHE_OK && a < t->readers; a++) {
        for (size_t b = a + 1; status == LETHE_OK && b < t->readers; b++)
            status = add_kappa(c, t, t->first + a * t->units, t->first + b * t->units, c->r->readers[a], c->r->readers[b], error);
        if (status == LETHE_OK)
            status = add_kappa(c, t, t->first + a * t->units, t->second + a * t->units, c->r->readers[a], c->r->readers[a], error);
        if (status == LETHE_OK) status = add_kappa(c, t, t->honeypot + a * t->units, t->truth, c->r->readers[a], "truth", error);
    }
    return status;
}

typedef struct fleiss_context {
    const int *counts;
    int *copy, classes;
} fleiss_context;

static double fleiss_of(const void *context, const size_t *items, size_t count) {
    const fleiss_context *f = context;
    size_t row = (size_t)f->classes;
    for (size_t i = 0; i < count; i++) memcpy(f->copy + i * row, f->counts + items[i] * row, row * sizeof *f->copy);
    return lethe_kappa_fleiss(f->copy, count, f->classes);
}

static lethe_status add_fleiss(computer *c, const table *t, lethe_error *error) {
    size_t cells, read_twice = 0;
    if (!lethe_multiply_size(t->units, (size_t)t->classes, &cells)) return lethe_fail(error, LETHE_LIMIT, "too many classes");
    int *counts = lethe_alloc_array(cells, sizeof *counts), *copy = lethe_alloc_array(cells, sizeof *copy);
    double interval[2];
    if (counts == NULL || copy == NULL) {
        lethe_free(counts);
        lethe_free(copy);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
    }
    for (size_t u = 0; u < t->units; u++) {
        size_t n = 0;
        for (size_t r = 0; r < t->readers; r++) {
            double v = t->first[r * t->units + u];
            if (isnan(v)) continue;
            counts[u * (size_t)t->classes + (size_t)v]++;
            n++;
        }
        read_twice += n > 1;
    }
    fleiss_context context = {counts, copy, t->classes};
    lethe_status status =
        read_twice == 0 ? LETHE_OK : lethe_bootstrap(fleiss_of, &context, t->units, rounds_of(c), c->options->seed, interval, error);
    if (status == LETHE_OK && read_twice > 0)
        status = add_row(c, "Fleiss' kappa", "", "", read_twice, lethe_kappa_fleiss(counts, t->units, t->classes), interval, error);
    lethe_free(copy);
    lethe_free(counts);
    return status;
}

typedef struct alpha_context {
    const table *t;
    lethe_scale scale;
    double *copy;
} alpha_context;

static double alpha_of(const void *context, const size_t *items, size_t count) {
    const alpha_context *a = context;
    double alpha = NAN;
    for (size_t r = 0; r < a->t->readers; r++)
        for (size_t i = 0; i < count; i++) a->copy[r * count + i] = a->t->first[r * a->t->units + items[i]];
    return lethe_alpha_krippendorff(a->copy, a->t->readers, count, a->scale, &alpha, NULL) == LETHE_OK ? alpha : NAN;
}

static lethe_status add_alpha(computer *c, const table *t, lethe_error *error) {
    alpha_context context = {t,
                             t->kind == LETHE_ANSWER_NUMBER    ? LETHE_SCALE_INTERVAL
                             : t->kind == LETHE_ANSWER_ORDINAL ? LETHE_SCALE_ORDINAL
                                                               : LETHE_SCALE_NOMINAL,
                             NULL};
    double alpha = NAN, interval[2];
    if ((context.copy = lethe_alloc_array(t->units * t->readers, sizeof *context.copy)) == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
    lethe_status status = lethe_alpha_krippendorff(t->first, t->readers, t->units, context.scale, &alpha, error);
    if (status == LETHE_OK && !isnan(alpha)) {
        status = lethe_bootstrap(alpha_of, &context, t->units, rounds_of(c), c->options->seed, interval, error);
        if (status == LETHE_OK) status = add_row(c, "Krippendorff's alpha", "", "", t->units, alpha, interval, error);
    }
    lethe_free(context.copy);
    return status;
}

typedef struct icc_context {
    const double *complete;
    double *copy;
    size_t readers;
    int which;
} icc_context;

static double icc_of(const void *context, const size_t *items, size_t count) {
    const icc_context *x = context;
    double icc[3];
    for (size_t i = 0; i < count; i++) memcpy(x->copy + i * x->readers, x->complete + items[i] * x->readers, x->readers * sizeof *x->copy);
    lethe_icc(x->copy, count, x->readers, icc);
    return icc[x->which];
}

static lethe_status add_icc(computer *c, const table *t, lethe_error *error) {
    static const char *const names[3] = {"ICC(1,1)", "ICC(2,1)", "ICC(3,1)"};
    double *complete = lethe_alloc_array(t->units * t->readers, sizeof *complete), *copy = lethe_alloc_array(t->units * t->readers, sizeof *copy),
           icc[3];
    size_t units = 0;
    if (complete == NULL || copy == NULL) {
        lethe_free(complete);
        lethe_free(copy);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
    }
    for (size_t u = 0; u < t->units; u++) {
        bool all = true;
        for (size_t r = 0; r < t->readers; r++) {
            complete[units * t->readers + r] = t->first[r * t->units + u];
            all = all && !isnan(t->first[r * t->units + u]);
        }
        units += all;
    }
    lethe_icc(complete, units, t->readers, icc);
    lethe_status status = LETHE_OK;
    for (int i = 0; status == LETHE_OK && i < 3 && units > 1 && t->readers > 1; i++) {
        icc_context context = {complete, copy, t->readers, i};
        double interval[2];
        status = lethe_bootstrap(icc_of, &context, units, rounds_of(c), c->options->seed, interval, error);
        if (status == LETHE_OK) status = add_row(c, names[i], "", "", units, icc[i], interval, error);
    }
    lethe_free(copy);
    lethe_free(complete);
    return status;
}

static lethe_status queue_answers(computer *c, const table *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    size_t unit = 0;
    for (size_t i = c->from; status == LETHE_OK && i < c->end; unit++) {
        size_t end = lethe_readings_unit_end(c->r, i);
        double low = INFINITY, high = -INFINITY;
        for (size_t r = 0; r < t->readers; r++) {
            double v = t->first[r * t->units + unit];
            if (isnan(v)) continue;
            low = fmin(low, v);
            high = fmax(high, v);
        }
        if (low < high) {
            lethe_buffer text;
            lethe_buffer_init(&text, 1 << 16);
            for (size_t k = i, n = 0; status == LETHE_OK && k < end; k++)
                if (c->r->items[k].reader >= 0 && c->r->items[k].pass == 1)
                    status = lethe_buffer_printf(&text, error, "%s%s=%.200s", n++ == 0 ? "" : ", ", c->r->readers[c->r->items[k].reader],
                                                 c->r->items[k].annotation->value);
            double severity = t->kind == LETHE_ANSWER_ORDINAL && t->classes > 1 ? (high - low) / (t->classes - 1) : 1;
            if (status == LETHE_OK) status = add_disagreement(c, c->r->items[i].unit, lethe_buffer_text(&text), severity, error);
            lethe_buffer_release(&text);
        }
        i = end;
    }
    return status;
}

static lethe_status compare_answers(computer *c, const lethe_label *label, lethe_error *error) {
    table t = {.readers = c->r->reader_count, .kind = label == NULL ? LETHE_ANSWER_SINGLE : label->question.answer};
    for (size_t i = c->from; i < c->end; i = lethe_readings_unit_end(c->r, i)) t.units++;
    if (t.kind == LETHE_ANSWER_TEXT) return LETHE_OK;
    size_t cells = t.units * t.readers;
    double *memory = lethe_alloc_array(3 * cells + t.units, sizeof *memory);
    t.names = lethe_alloc_array(c->end - c->from + (label == NULL ? 0 : label->question.options_count) + 1, sizeof *t.names);
    lethe_status status = memory == NULL || t.names == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement") : LETHE_OK;
    if (status == LETHE_OK) {
        for (size_t i = 0; i < 3 * cells + t.units; i++) memory[i] = NAN;
        t.first = memory;
        t.second = memory + cells;
        t.honeypot = memory + 2 * cells;
        t.truth = memory + 3 * cells;
        fill_table(c, &t, label == NULL ? NULL : &label->question);
        bool number = t.kind == LETHE_ANSWER_NUMBER;
        if (t.readers > 1) status = add_alpha(c, &t, error);
        if (status == LETHE_OK && number) status = add_icc(c, &t, error);
        if (status == LETHE_OK && !number && t.readers > 1) status = add_fleiss(c, &t, error);
        if (status == LETHE_OK && !number) status = add_pairs(c, &t, error);
        if (status == LETHE_OK) status = queue_answers(c, &t, error);
    }
    lethe_free(memory);
    lethe_free(t.names);
    return status;
}

/* --- regions --- */

/* How two readers' regions on one image compare. */
typedef struct region_pair {
    double dice, iou, hd95_px;
    size_t count_a, count_b, matched;
} region_pair;

static double iou_of(const reading *a, const reading *b, const lethe_box *box, double factor, uint8_t *bitmap, size_t size, uint32_t columns,
                     uint32_t rows, const readings *r) {
    double dice, iou = 0;
    reading pair[2] = {*a, *b};
    readings one = *r;
    one.items = pair;
    one.count = 2;
    if (lethe_readings_draw(&one, 0, 1, pair[0].reader, 0, box, factor, bitmap, columns, rows, NULL) == LETHE_OK &&
        lethe_readings_draw(&one, 1, 2, pair[1].reader, 0, box, factor, bitmap + size, columns, rows, NULL) == LETHE_OK)
        lethe_overlap(bitmap, bitmap + size, size, &dice, &iou);
    return iou;
}

/* One-to-one matches of at least the threshold: as many as can be, then the largest total overlap. */
static lethe_status match_regions(const readings *r, size_t from, size_t end, int a, int b, double threshold, const lethe_box *box, double factor,
                                  uint8_t *bitmap, size_t size, uint32_t columns, uint32_t rows, size_t *matched, lethe_error *error) {
    size_t count_a = 0, count_b = 0, all = end - from, row = 0;
    for (size_t i = from; i < end; i++) {
        count_a += r->items[i].reader == a && r->items[i].pass == 1;
        count_b += r->items[i].reader == b && r->items[i].pass == 1;
    }
    *matched = 0;
    if (count_a == 0 || count_b == 0) return LETHE_OK;
    double *weights = lethe_alloc_array(count_a * count_b, sizeof *weights);
    size_t *column_of_row = lethe_alloc_array(all, sizeof *column_of_row);
    lethe_status status = weights == NULL || column_of_row == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for regions") : LETHE_OK;
    for (size_t i = from; status == LETHE_OK && i < end; i++) {
        size_t column = 0;
        if (r->items[i].reader != a || r->items[i].pass != 1) continue;
        for (size_t k = from; k < end; k++) {
            if (r->items[k].reader != b || r->items[k].pass != 1) continue;
            double iou = iou_of(&r->items[i], &r->items[k], box, factor, bitmap, size, columns, rows, r);
            weights[row * count_b + column++] = iou >= threshold ? 1 + iou : 0;
        }
        row++;
    }
    if (status == LETHE_OK) status = lethe_match_largest(weights, count_a, count_b, column_of_row, error);
    for (size_t i = 0; status == LETHE_OK && i < count_a; i++)
        *matched += column_of_row[i] != SIZE_MAX && weights[i * count_b + column_of_row[i]] > 0;
    lethe_free(weights);
    lethe_free(column_of_row);
    return status;
}

static lethe_status compare_pair(computer *c, size_t from, size_t end, int a, int b, region_pair *out, lethe_error *error) {
    lethe_box box;
    double factor;
    uint32_t columns, rows;
    memset(out, 0, sizeof *out);
    for (size_t i = from; i < end; i++) {
        if (c->r->items[i].pass != 1) continue;
        out->count_a += c->r->items[i].reader == a;
        out->count_b += c->r->items[i].reader == b;
    }
    if (out->count_a + out->count_b == 0 || !lethe_readings_box(c->r, from, end, &box, &factor, &columns, &rows)) {
        out->dice = out->iou = NAN;
        out->hd95_px = NAN;
        return LETHE_OK;
    }
    size_t size = (size_t)columns * rows;
    uint8_t *bitmap = lethe_alloc_array(size * 2, 1);
    lethe_grid grid = {columns, rows, 1, {factor, factor, 1}};
    lethe_status status = bitmap == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for regions") : LETHE_OK;
    if (status == LETHE_OK) {
        double threshold = c->options->iou_threshold > 0 ? c->options->iou_threshold : 0.5;
        status = match_regions(c->r, from, end, a, b, threshold, &box, factor, bitmap, size, columns, rows, &out->matched, error);
    }
    if (status == LETHE_OK) {
        status = lethe_readings_draw(c->r, from, end, a, 1, &box, factor, bitmap, columns, rows, error);
    }
    if (status == LETHE_OK) status = lethe_readings_draw(c->r, from, end, b, 1, &box, factor, bitmap + size, columns, rows, error);
    if (status == LETHE_OK) {
        lethe_overlap(bitmap, bitmap + size, size, &out->dice, &out->iou);
        status = lethe_hausdorff95(bitmap, bitmap + size, &grid, &out->hd95_px, error);
    }
    lethe_free(bitmap);
    return status;
}

/* Did a reader have this case at all? A reader without a region may have seen none, or not have read it: then there is nothing to compare. */
static bool has_read(const readings *r, const lethe_annotation *about, int reader) {
    bool any_task = false;
    const char *name = r->readers[reader];
    for (size_t i = 0; i < r->tasks->count; i++) {
        const lethe_task *t = &r->tasks->items[i];
        if (strcmp(t->reader, name) != 0) continue;
        any_task = true;
        if (strcmp(t->case_id, about->study_uid) == 0 || strcmp(t->case_id, about->image) == 0)
            return t->state == LETHE_TASK_SUBMITTED || t->state == LETHE_TASK_STARTED || t->state == LETHE_TASK_RETURNED;
    }
    if (any_task) return false;
    for (size_t i = 0; i < r->count; i++) /* without tasks: whoever said anything about the study or image */
        if (r->items[i].reader == reader && ((about->study_uid[0] != '\0' && strcmp(r->items[i].annotation->study_uid, about->study_uid) == 0) ||
                                             strcmp(r->items[i].unit, about->image) == 0))
            return true;
    return false;
}

static lethe_status add_mean(computer *c, const char *measure, int a, int b, const double *values, size_t count, lethe_error *error) {
    double interval[2], sum = 0;
    if (count == 0) return LETHE_OK;
    for (size_t i = 0; i < count; i++) sum += values[i];
    lethe_status status = lethe_bootstrap(mean_of, values, count, rounds_of(c), c->options->seed, interval, error);
    return status == LETHE_OK ? add_row(c, measure, c->r->readers[a], c->r->readers[b], count, sum / (double)count, interval, error) : status;
}

/* F1 over some images: twice the matches over all regions of both. */
typedef struct detection_context {
    const double *matched, *total;
} detection_context;

static double detection_of(const void *context, const size_t *items, size_t count) {
    const detection_context *x = context;
    double matched = 0, total = 0;
    for (size_t i = 0; i < count; i++) {
        matched += x->matched[items[i]];
        total += x->total[items[i]];
    }
    return total > 0 ? matched / total : NAN;
}

static lethe_status compare_regions_of(computer *c, int a, int b, double *memory, size_t units, lethe_error *error) {
    double *dice = memory, *iou = memory + units, *far = memory + 2 * units, *pairs = memory + 3 * units, *regions = memory + 4 * units;
    size_t count = 0, distances = 0, matched = 0, total = 0;
    lethe_status status = LETHE_OK;
    for (size_t i = c->from; status == LETHE_OK && i < c->end;) {
        size_t end = lethe_readings_unit_end(c->r, i);
        region_pair pair;
        if (!has_read(c->r, c->r->items[i].annotation, a) || !has_read(c->r, c->r->items[i].annotation, b)) {
            i = end;
            continue;
        }
        status = compare_pair(c, i, end, a, b, &pair, error);
        if (status == LETHE_OK && !isnan(pair.dice)) {
            dice[count] = pair.dice;
            pairs[count] = 2 * (double)pair.matched;
            regions[count] = (double)(pair.count_a + pair.count_b);
            iou[count++] = pair.iou;
            if (!isnan(pair.hd95_px)) far[distances++] = pair.hd95_px;
            matched += 2 * pair.matched;
            total += pair.count_a + pair.count_b;
            if (pair.dice < 0.7 || pair.matched < pair.count_a || pair.matched < pair.count_b) {
                lethe_buffer text;
                lethe_buffer_init(&text, 4096);
                status = lethe_buffer_printf(&text, error, "%s %zu, %s %zu, Dice %.2f", c->r->readers[a], pair.count_a, c->r->readers[b],
                                             pair.count_b, pair.dice);
                if (status == LETHE_OK) status = add_disagreement(c, c->r->items[i].unit, lethe_buffer_text(&text), 1 - pair.dice, error);
                lethe_buffer_release(&text);
            }
        }
        i = end;
    }
    if (status == LETHE_OK) status = add_mean(c, "Dice", a, b, dice, count, error);
    if (status == LETHE_OK) status = add_mean(c, "IoU", a, b, iou, count, error);
    if (status == LETHE_OK) status = add_mean(c, "HD95 (pixels)", a, b, far, distances, error);
    if (status != LETHE_OK || total == 0) return status;
    detection_context context = {pairs, regions};
    double interval[2];
    status = lethe_bootstrap(detection_of, &context, count, rounds_of(c), c->options->seed, interval, error);
    if (status == LETHE_OK)
        status = add_row(c, "detection F1", c->r->readers[a], c->r->readers[b], count, (double)matched / (double)total, interval, error);
    return status;
}

static lethe_status compare_regions(computer *c, lethe_error *error) {
    size_t units = 0;
    for (size_t i = c->from; i < c->end; i = lethe_readings_unit_end(c->r, i)) units++;
    double *memory = lethe_alloc_array(units * 5, sizeof *memory);
    lethe_status status = memory == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for regions") : LETHE_OK;
    for (size_t a = 0; status == LETHE_OK && a < c->r->reader_count; a++)
        for (size_t b = a + 1; status == LETHE_OK && b < c->r->reader_count; b++)
            status = compare_regions_of(c, (int)a, (int)b, memory, units, error);
    lethe_free(memory);
    return status;
}

/* --- all labels --- */

static int worst_first(const void *a, const void *b) {
    const lethe_disagreement *left = a, *right = b;
    if (left->severity < right->severity || left->severity > right->severity) return left->severity > right->severity ? -1 : 1;
    int order = strcmp(left->label, right->label);
    return order != 0 ? order : strcmp(left->unit, right->unit);
}

lethe_status lethe_agreement_compute(lethe_store *store, const lethe_agreement_options *options, lethe_agreement **out, lethe_error *error) {
    static const lethe_agreement_options defaults = {0};
    readings r;
    *out = NULL;
    lethe_agreement *agreement = lethe_alloc_array(1, sizeof *agreement);
    if (agreement == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
    computer c = {.out = agreement, .options = options == NULL ? &defaults : options, .schema = lethe_store_schema(store), .r = &r};
    if (c.options->schema != NULL) c.schema = c.options->schema;
    lethe_status status = lethe_readings_load(store, c.options->label, c.options->snapshot, &r, error);
    if (status != LETHE_OK) {
        lethe_free(agreement);
        return status;
    }
    agreement->arena = r.arena;
    r.arena = NULL;
    agreement->reader_count = r.reader_count;
    agreement->readers = r.readers;
    for (c.from = 0; status == LETHE_OK && c.from < r.count; c.from = c.end) {
        const char *name = r.items[c.from].annotation->label;
        c.end = lethe_readings_label_end(&r, c.from);
        c.label = lethe_arena_strndup(agreement->arena, name, strlen(name));
        if (c.label == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for agreement");
        else if (r.items[c.from].annotation->level == LETHE_LEVEL_REGION) status = compare_regions(&c, error);
        else status = compare_answers(&c, c.schema == NULL ? NULL : lethe_schema_label(c.schema, name), error);
    }
    lethe_readings_close(&r);
    if (status == LETHE_OK && agreement->queue_count > 1) qsort(agreement->queue, agreement->queue_count, sizeof *agreement->queue, worst_first);
    if (status == LETHE_OK) *out = agreement;
    else lethe_agreement_destroy(agreement);
    return status;
}

void lethe_agreement_destroy(lethe_agreement *agreement) {
    if (agreement == NULL) return;
    lethe_arena_destroy(agreement->arena);
    lethe_free(agreement->rows);
    lethe_free(agreement->queue);
    lethe_free(agreement);
}
