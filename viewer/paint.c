/* Painted labels: bitmaps of the screen and mask annotations of the store. */
#include "viewer/marks_internal.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

static const char *label_name(const lethe_marks *marks, unsigned value) {
    const lethe_schema *schema = lethe_store_schema(marks->store);
    if (!schema) return "region";
    return value >= 1 && value <= schema->labels_count ? schema->labels[value - 1].question.name : "";
}

unsigned lethe_paint_label_value(const lethe_marks *marks, const char *name) {
    const lethe_schema *schema = lethe_store_schema(marks->store);
    if (!schema) return 1;
    for (unsigned i = 0; i < schema->labels_count && i < 255; i++)
        if (strcmp(schema->labels[i].question.name, name) == 0) return i + 1;
    return 0;
}

void lethe_paint_free(lethe_paint *paint) {
    if (!paint) return;
    lethe_free(paint->image);
    lethe_free(paint->labels);
    lethe_free(paint->saved);
    lethe_free(paint);
}

static lethe_paint *find(lethe_marks *marks, const char *image, uint32_t frame) {
    for (size_t i = 0; i < marks->paint_count; i++)
        if (marks->paints[i]->frame == frame && strcmp(marks->paints[i]->image, image) == 0) return marks->paints[i];
    return NULL;
}

void lethe_paint_touch(lethe_paint *paint, int64_t x0, int64_t y0, int64_t x1, int64_t y1) {
    if (x0 < 0) x0 = 0;
    if (y0 < 0) y0 = 0;
    if (x1 > paint->columns) x1 = paint->columns;
    if (y1 > paint->rows) y1 = paint->rows;
    if (x0 >= x1 || y0 >= y1) return;
    paint->version++;
    if (paint->dirty_x0 >= paint->dirty_x1) {
        paint->dirty_x0 = (uint32_t)x0;
        paint->dirty_y0 = (uint32_t)y0;
        paint->dirty_x1 = (uint32_t)x1;
        paint->dirty_y1 = (uint32_t)y1;
        return;
    }
    if ((uint32_t)x0 < paint->dirty_x0) paint->dirty_x0 = (uint32_t)x0;
    if ((uint32_t)y0 < paint->dirty_y0) paint->dirty_y0 = (uint32_t)y0;
    if ((uint32_t)x1 > paint->dirty_x1) paint->dirty_x1 = (uint32_t)x1;
    if ((uint32_t)y1 > paint->dirty_y1) paint->dirty_y1 = (uint32_t)y1;
}

void lethe_paint_clean(lethe_paint *paint) { paint->dirty_x0 = paint->dirty_y0 = paint->dirty_x1 = paint->dirty_y1 = 0; }

static lethe_status fill_from_marks(lethe_marks *marks, lethe_paint *paint, lethe_error *error) {
    memset(paint->labels, 0, (size_t)paint->columns * paint->rows);
    lethe_status status = LETHE_OK;
    const lethe_mark *mark;
    for (size_t i = 0; !status && (mark = lethe_marks_few_at(marks, i)) != NULL; i++) {
        if (mark->shape.kind != LETHE_SHAPE_MASK || !mark->mine || mark->shape.frame != paint->frame || strcmp(mark->image, paint->image) != 0)
            continue;
        unsigned value = lethe_paint_label_value(marks, mark->label);
        if (value) status = lethe_shape_rasterize(&mark->shape, 0, (uint8_t)value, paint->labels, paint->columns, paint->rows, 0, 0, error);
    }
    memcpy(paint->saved, paint->labels, (size_t)paint->columns * paint->rows);
    lethe_paint_touch(paint, 0, 0, paint->columns, paint->rows);
    return status;
}

lethe_status lethe_paint_rebuild(lethe_marks *marks, const char *image, uint32_t frame, lethe_error *error) {
    lethe_paint *paint = find(marks, image, frame);
    lethe_status status = paint ? fill_from_marks(marks, paint, error) : LETHE_OK;
    return status ? status : lethe_tiled_rebuild(marks, image, error);
}

lethe_paint *lethe_marks_paint(lethe_marks *marks, const char *image, uint32_t frame, uint32_t columns, uint32_t rows) {
    lethe_paint *paint = find(marks, image, frame);
    if (paint) return paint;
    paint = lethe_alloc_array(1, sizeof *paint);
    lethe_paint **more = lethe_realloc_array(marks->paints, marks->paint_count + 1, sizeof *more);
    if (more) marks->paints = more;
    if (paint) {
        *paint = (lethe_paint){.frame = frame, .columns = columns, .rows = rows, .fresh = true};
        paint->image = lethe_strdup(image);
        paint->labels = lethe_alloc_array((size_t)columns * rows, 1);
        paint->saved = lethe_alloc_array((size_t)columns * rows, 1);
    }
    if (!more || !paint || !paint->image || !paint->labels || !paint->saved || fill_from_marks(marks, paint, NULL)) {
        lethe_paint_free(paint);
        return NULL;
    }
    marks->paints[marks->paint_count++] = paint;
    return paint;
}

lethe_paint *lethe_marks_painted(lethe_marks *marks, const char *image, uint32_t frame) { return find(marks, image, frame); }

bool lethe_marks_has_paint(lethe_marks *marks, const char *image, uint32_t frame) {
    const lethe_mark *m;
    for (size_t i = 0; (m = lethe_marks_few_at(marks, i)) != NULL; i++) {
        if (m->shape.kind == LETHE_SHAPE_MASK && m->mine && m->shape.frame == frame && strcmp(m->image, image) == 0) return true;
    }
    return false;
}

/* --- saving --- */

static lethe_mark *mask_of(lethe_marks *marks, const char *image, uint32_t frame, const char *label) {
    lethe_mark *m;
    for (size_t i = 0; (m = lethe_marks_few_at(marks, i)) != NULL; i++) {
        if (m->shape.kind == LETHE_SHAPE_MASK && m->mine && m->shape.frame == frame && strcmp(m->label, label) == 0 && strcmp(m->image, image) == 0)
            return m;
    }
    return NULL;
}

lethe_status lethe_paint_batch_add(lethe_marks *marks, const char *image, uint32_t frame, unsigned value, const char *tool, lethe_shape *shape,
                                   lethe_paint_batch *batch, lethe_error *error) {
    lethe_annotation *more = lethe_realloc_array(batch->items, batch->count + 1, sizeof *more);
    if (!more) {
        lethe_shape_release(shape);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    batch->items = more;
    const char *label = label_name(marks, value);
    const lethe_mark *mark = mask_of(marks, image, frame, label);
    lethe_annotation a = {.task = marks->task,
                          .level = LETHE_LEVEL_REGION,
                          .image = image,
                          .label = label,
                          .tool = tool,
                          .confidence = -1,
                          .spent_ms = marks->spent_ms,
                          .shape = *shape};
    marks->spent_ms = 0;
    if (mark) {
        a.id = mark->id;
        a.revision = mark->revision;
        a.task = mark->task;
        a.value = mark->value;
        a.form = mark->form;
    }
    more[batch->count++] = a;
    return LETHE_OK;
}

lethe_status lethe_paint_batch_save(lethe_marks *marks, lethe_paint_batch *batch, const char *name, lethe_error *error) {
    lethe_step step = {0};
    lethe_status status = batch->count > 0 ? lethe_store_append_many(marks->store, batch->items, batch->count, NULL, error) : LETHE_OK;
    for (size_t i = 0; i < batch->count && !status; i++) status = lethe_step_add(&step, batch->items[i].image, batch->items[i].id, error);
    for (size_t i = 0; i < batch->count && !status; i++) {
        marks->revisions++;
        status = lethe_marks_reload_quietly(marks, batch->items[i].id, error);
    }
    for (size_t i = 0; i < batch->count; i++) lethe_shape_release(&batch->items[i].shape);
    bool any = batch->count > 0;
    lethe_free(batch->items);
    *batch = (lethe_paint_batch){0};
    if (!status && any) return lethe_marks_done(marks, &step, name, error);
    lethe_step_release(&step);
    return status;
}

static lethe_status add_label(lethe_marks *marks, const lethe_paint *paint, unsigned value, const char *tool, uint8_t *scratch, lethe_paint_batch *b,
                              lethe_error *error) {
    size_t count = (size_t)paint->columns * paint->rows;
    for (size_t i = 0; i < count; i++) scratch[i] = paint->labels[i] == value;
    lethe_shape shape = {0};
    lethe_status status = lethe_shape_make_mask(scratch, paint->columns, paint->rows, paint->columns, 0, 0, paint->frame, &shape, error);
    return status ? status : lethe_paint_batch_add(marks, paint->image, paint->frame, value, tool, &shape, b, error);
}

static lethe_status add_changes(lethe_marks *marks, const lethe_paint *paint, const char *tool, lethe_paint_batch *b, lethe_error *error) {
    size_t count = (size_t)paint->columns * paint->rows;
    if (memcmp(paint->labels, paint->saved, count) == 0) return LETHE_OK;
    bool changed[256] = {false};
    for (size_t i = 0; i < count; i++)
        if (paint->labels[i] != paint->saved[i]) changed[paint->labels[i]] = changed[paint->saved[i]] = true;
    uint8_t *scratch = lethe_alloc(count);
    if (!scratch) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = LETHE_OK;
    for (unsigned value = 1; value < 256 && !status; value++)
        if (changed[value]) status = add_label(marks, paint, value, tool, scratch, b, error);
    lethe_free(scratch);
    return status;
}

lethe_status lethe_marks_save_paint(lethe_marks *marks, const char *tool, const char *name, lethe_error *error) {
    lethe_paint_batch b = {0};
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < marks->paint_count && !status; i++) status = add_changes(marks, marks->paints[i], tool, &b, error);
    if (!status) status = lethe_paint_batch_save(marks, &b, name, error);
    for (size_t i = 0; i < b.count; i++) lethe_shape_release(&b.items[i].shape); /* of a batch that was not even tried */
    lethe_free(b.items);
    for (size_t i = 0; i < marks->paint_count; i++) {
        lethe_paint *paint = marks->paints[i];
        size_t count = (size_t)paint->columns * paint->rows;
        if (!status) memcpy(paint->saved, paint->labels, count);
    }
    return status;
}

lethe_status lethe_marks_drop_unsaved(lethe_marks *marks, lethe_error *error) {
    for (size_t i = 0; i < marks->paint_count; i++) {
        lethe_paint *paint = marks->paints[i];
        size_t count = (size_t)paint->columns * paint->rows;
        if (memcmp(paint->labels, paint->saved, count) == 0) continue;
        memcpy(paint->labels, paint->saved, count);
        lethe_paint_touch(paint, 0, 0, paint->columns, paint->rows);
    }
    return marks->tiled_image ? lethe_tiled_rebuild(marks, marks->tiled_image, error) : LETHE_OK;
}
