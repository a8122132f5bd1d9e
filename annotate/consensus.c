/* From several readers' labels to one: majority, STAPLE, or what the adjudicator said. */
#include "annotate/agreement.h"

#include "annotate/metrics.h"
#include "annotate/readings.h"
#include "annotate/store_internal.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct collector {
    lethe_store *store;
    const readings *r;
    lethe_consensus_rule rule;
    lethe_annotation *items;
    size_t count, capacity;
    int64_t open;
} collector;

static lethe_status add(collector *c, const lethe_annotation *like, const lethe_shape *shape, const char *value, lethe_error *error) {
    static const char *const rules[] = {"majority", "staple", "adjudicator"};
    if (c->count == c->capacity) {
        size_t capacity = c->capacity == 0 ? 64 : c->capacity * 2;
        lethe_annotation *grown = lethe_realloc_array(c->items, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a consensus");
        c->items = grown;
        c->capacity = capacity;
    }
    lethe_annotation *a = &c->items[c->count];
    *a = (lethe_annotation){.level = like->level,
                            .patient = like->patient,
                            .study_uid = like->study_uid,
                            .series_uid = like->series_uid,
                            .image = like->image,
                            .label = like->label,
                            .value = value,
                            .tool = "consensus",
                            .source = rules[c->rule],
                            .confidence = -1};
    if (shape != NULL) {
        lethe_status status = lethe_shape_copy(shape, NULL, &a->shape, error);
        if (status != LETHE_OK) return status;
    }
    c->count++;
    return LETHE_OK;
}

static const reading *by_adjudicator(const collector *c, size_t from, size_t end) {
    for (size_t i = from; i < end; i++)
        if (c->r->items[i].reader == -1) return &c->r->items[i];
    return NULL;
}

/* The answer of more than half of the readers (of all of them, under the adjudicator's rule); NULL when there is none. */
static const char *common_answer(const collector *c, size_t from, size_t end) {
    size_t readers = 0;
    for (size_t i = from; i < end; i++) readers += c->r->items[i].reader >= 0 && c->r->items[i].pass == 1;
    for (size_t i = from; i < end; i++) {
        size_t same = 0;
        if (c->r->items[i].reader < 0 || c->r->items[i].pass != 1) continue;
        for (size_t k = from; k < end; k++)
            same += c->r->items[k].reader >= 0 && c->r->items[k].pass == 1 &&
                    strcmp(c->r->items[k].annotation->value, c->r->items[i].annotation->value) == 0;
        if (c->rule == LETHE_CONSENSUS_ADJUDICATOR ? same == readers : 2 * same > readers) return c->r->items[i].annotation->value;
    }
    return NULL;
}

static lethe_status decide_answer(collector *c, size_t from, size_t end, lethe_error *error) {
    const reading *judge = c->rule == LETHE_CONSENSUS_ADJUDICATOR ? by_adjudicator(c, from, end) : NULL;
    bool read = false;
    for (size_t i = from; i < end; i++) read = read || (c->r->items[i].reader >= 0 && c->r->items[i].pass == 1);
    if (!read && judge == NULL) return LETHE_OK; /* honeypots, truth */
    const char *value = judge != NULL ? judge->annotation->value : common_answer(c, from, end);
    if (value != NULL) return add(c, c->r->items[from].annotation, NULL, value, error);
    c->open++;
    return LETHE_OK;
}

/* Readers who had the case: those who drew here, and those whose finished task it was. */
static bool took_part(const collector *c, size_t from, size_t end, int reader) {
    for (size_t i = from; i < end; i++)
        if (c->r->items[i].reader == reader && c->r->items[i].pass == 1) return true;
    const lethe_annotation *about = c->r->items[from].annotation;
    for (size_t i = 0; i < c->r->tasks->count; i++) {
        const lethe_task *t = &c->r->tasks->items[i];
        if (t->state == LETHE_TASK_SUBMITTED && t->pass == 1 && strcmp(t->reader, c->r->readers[reader]) == 0 &&
            (strcmp(t->case_id, about->study_uid) == 0 || strcmp(t->case_id, about->image) == 0))
            return true;
    }
    return false;
}

static lethe_status vote_pixels(const collector *c, uint8_t *const *masks, size_t readers, size_t size, uint8_t *out, lethe_error *error) {
    if (c->rule != LETHE_CONSENSUS_STAPLE) {
        for (size_t i = 0; i < size; i++) {
            size_t votes = 0;
            for (size_t r = 0; r < readers; r++) votes += masks[r][i] != 0;
            out[i] = c->rule == LETHE_CONSENSUS_ADJUDICATOR ? votes == readers : 2 * votes > readers;
        }
        return LETHE_OK;
    }
    double *probability = lethe_alloc_array(size, sizeof *probability), *quality = lethe_alloc_array(2 * readers, sizeof *quality);
    lethe_status status = probability == NULL || quality == NULL
                              ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for STAPLE")
                              : lethe_staple((const uint8_t *const *)masks, readers, size, probability, quality, quality + readers, error);
    for (size_t i = 0; status == LETHE_OK && i < size; i++) out[i] = probability[i] >= 0.5;
    lethe_free(probability);
    lethe_free(quality);
    return status;
}

/* The voted mask back at full size, as an annotation of the image it is on. */
static lethe_status add_mask(collector *c, const reading *first, const uint8_t *mask, uint32_t columns, uint32_t rows, const lethe_box *box,
                             double factor, lethe_error *error) {
    lethe_shape shape = {0}, outline = {0};
    lethe_annotation like = *first->annotation;
    lethe_status status = lethe_shape_make_mask(mask, columns, rows, columns, factor > 1 ? 0 : (int64_t)box->x0, factor > 1 ? 0 : (int64_t)box->y0,
                                                first->frame, &shape, error);
    if (status == LETHE_OK && factor > 1) { /* a reduced slide: its outline, scaled */
        status = lethe_shape_to_polygon(&shape, 0, &outline, error);
        for (size_t i = 0; i < outline.point_count; i++) {
            outline.points[i].x = outline.points[i].x * factor + box->x0;
            outline.points[i].y = outline.points[i].y * factor + box->y0;
        }
    }
    like.image = first->unit;
    const lethe_shape *chosen = factor > 1 ? &outline : &shape;
    const lethe_schema *schema = lethe_store_schema(c->store);
    const lethe_label *label = schema == NULL ? NULL : lethe_schema_label(schema, like.label);
    if (status == LETHE_OK && label != NULL && !lethe_label_allows(label, chosen->kind)) {
        lethe_shape polygon = {0};
        if (lethe_label_allows(label, LETHE_SHAPE_POLYGON)) {
            status = lethe_shape_to_polygon(chosen, 0, &polygon, error);
            if (status == LETHE_OK) status = add(c, &like, &polygon, "", error);
        } else if (lethe_label_allows(label, LETHE_SHAPE_BOX)) {
            lethe_box bounds;
            if (lethe_shape_bounds(chosen, &bounds))
                status = lethe_shape_make_box(bounds.x0, bounds.y0, bounds.x1, bounds.y1, first->frame, &polygon, error);
            if (status == LETHE_OK) status = add(c, &like, &polygon, "", error);
        } else c->open++;
        lethe_shape_release(&polygon);
    } else if (status == LETHE_OK) status = add(c, &like, chosen, "", error);
    lethe_shape_release(&shape);
    lethe_shape_release(&outline);
    return status;
}

static lethe_status decide_regions(collector *c, size_t from, size_t end, lethe_error *error) {
    lethe_box box;
    double factor;
    uint32_t columns, rows;
    size_t readers = 0, size;
    const reading *judge = c->rule == LETHE_CONSENSUS_ADJUDICATOR ? by_adjudicator(c, from, end) : NULL;
    lethe_status status = LETHE_OK;
    if (judge != NULL) { /* every region the adjudicator drew, as it is; volumes once, where they begin */
        for (size_t i = from; status == LETHE_OK && i < end; i++)
            if (c->r->items[i].reader == -1 && c->r->items[i].slice == 0)
                status = add(c, c->r->items[i].annotation, &c->r->items[i].annotation->shape, c->r->items[i].annotation->value, error);
        return status;
    }
    if (!lethe_readings_box(c->r, from, end, &box, &factor, &columns, &rows)) return LETHE_OK;
    size = (size_t)columns * rows;
    uint8_t **masks = lethe_alloc_array(c->r->reader_count + 1, sizeof(uint8_t *)), *out = lethe_alloc_array(size, 1);
    if (masks == NULL || out == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a consensus");
    for (size_t reader = 0; status == LETHE_OK && reader < c->r->reader_count; reader++) {
        if (!took_part(c, from, end, (int)reader)) continue;
        if ((masks[readers] = lethe_alloc_array(size, 1)) == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a consensus");
        else status = lethe_readings_draw(c->r, from, end, (int)reader, 1, &box, factor, masks[readers++], columns, rows, error);
    }
    if (status == LETHE_OK && readers > 0) {
        status = vote_pixels(c, masks, readers, size, out, error);
        if (status == LETHE_OK && memchr(out, 1, size) != NULL) status = add_mask(c, &c->r->items[from], out, columns, rows, &box, factor, error);
        else if (status == LETHE_OK) c->open++;
    }
    for (size_t i = 0; masks != NULL && i < readers; i++) lethe_free(masks[i]);
    lethe_free(masks);
    lethe_free(out);
    return status;
}

lethe_status lethe_consensus_write(lethe_store *store, lethe_consensus_rule rule, const char *as, int64_t *written, int64_t *open,
                                   lethe_error *error) {
    readings r;
    collector c = {.store = store, .r = &r, .rule = rule};
    *written = *open = 0;
    if (lethe_store_role(store) != LETHE_ROLE_ORGANISER) return lethe_fail(error, LETHE_DENIED, "only an organiser writes a consensus");
    lethe_error ignored = {0};
    lethe_status status = lethe_store_add_user(store, as, LETHE_ROLE_ORGANISER, &ignored);
    if (status != LETHE_OK && status != LETHE_EXISTS) return lethe_fail(error, status, "%s", ignored.message);
    int64_t earlier = 0;
    status = lethe_store_number(store, "SELECT COUNT(*) FROM annotation WHERE author = ?1 AND deleted = 0", &as, 1, &earlier, error);
    if (status == LETHE_OK && earlier > 0) status = lethe_fail(error, LETHE_EXISTS, "'%.60s' has a consensus already: name another with --as", as);
    if (status != LETHE_OK) return status;
    status = lethe_readings_load(store, NULL, 0, &r, error);
    if (status != LETHE_OK) return status;
    for (size_t i = 0; status == LETHE_OK && i < r.count;) {
        size_t end = lethe_readings_unit_end(&r, i);
        status = r.items[i].annotation->level == LETHE_LEVEL_REGION ? decide_regions(&c, i, end, error) : decide_answer(&c, i, end, error);
        i = end;
    }
    if (status == LETHE_OK) status = lethe_store_append_as(store, as, false, c.items, c.count, NULL, error);
    if (status == LETHE_OK) {
        *written = (int64_t)c.count;
        *open = c.open;
    }
    for (size_t i = 0; i < c.count; i++) lethe_shape_release(&c.items[i].shape);
    lethe_free(c.items);
    lethe_readings_close(&r);
    return status;
}
