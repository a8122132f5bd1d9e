#include "viewer/marks_internal.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

static char *copy(const char *text) { return lethe_strdup(text ? text : ""); }

void lethe_mark_release(lethe_mark *mark) {
    lethe_free(mark->image);
    lethe_free(mark->label);
    lethe_free(mark->value);
    lethe_free(mark->form);
    lethe_free(mark->tool);
    lethe_free(mark->source);
    lethe_free(mark->author);
    lethe_shape_release(&mark->shape);
    *mark = (lethe_mark){0};
}

static lethe_status from_annotation(lethe_marks *marks, const lethe_annotation *a, lethe_mark *mark, lethe_error *error) {
    *mark = (lethe_mark){.id = a->id,
                         .revision = a->revision,
                         .task = a->task,
                         .level = a->level,
                         .confidence = a->confidence,
                         .image = copy(a->image),
                         .label = copy(a->label),
                         .value = copy(a->value),
                         .form = copy(a->form),
                         .tool = copy(a->tool),
                         .source = copy(a->source),
                         .author = copy(a->author)};
    lethe_status status = lethe_shape_copy(&a->shape, NULL, &mark->shape, error);
    if (!status && (!mark->image || !mark->label || !mark->value || !mark->form || !mark->tool || !mark->source || !mark->author))
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status) {
        lethe_mark_release(mark);
        return status;
    }
    mark->mine = strcmp(mark->author, lethe_store_user(marks->store)) == 0;
    if (!lethe_shape_bounds(&mark->shape, &mark->bounds)) mark->bounds = (lethe_box){0, 0, 0, 0};
    return LETHE_OK;
}

static bool is_paint(const lethe_mark *mark) { return mark->shape.kind == LETHE_SHAPE_MASK && mark->mine; }

static uint32_t hash_of(const char *text) {
    uint32_t h = 2166136261u;
    for (; *text; text++) h = (h ^ (uint8_t)*text) * 16777619u;
    return h;
}

/* Single precision is coarse on a gigapixel slide: a pixel of margin keeps every box on the safe side. */
static lethe_mark_place place_of(const lethe_mark *mark) {
    const lethe_box *b = &mark->bounds;
    if (mark->level != LETHE_LEVEL_REGION || is_paint(mark)) return (lethe_mark_place){.x0 = 1, .x1 = 0};
    return (lethe_mark_place){(float)(b->x0 - 1), (float)(b->y0 - 1),   (float)(b->x1 + 1),
                              (float)(b->y1 + 1), hash_of(mark->image), mark->shape.frame};
}

static bool is_few(const lethe_mark *mark) { return mark->level != LETHE_LEVEL_REGION || mark->shape.kind == LETHE_SHAPE_MASK; }

/* Short of memory they are looked for again next time. */
static void add_few(lethe_marks *marks, size_t index) {
    if (marks->few_count == marks->few_capacity) {
        size_t capacity = marks->few_capacity ? marks->few_capacity * 2 : 64;
        size_t *more = lethe_realloc_array(marks->few, capacity, sizeof *more);
        if (!more) {
            marks->few_known = false;
            return;
        }
        marks->few = more;
        marks->few_capacity = capacity;
    }
    marks->few[marks->few_count++] = index;
}

lethe_mark *lethe_marks_few_at(lethe_marks *marks, size_t index) {
    if (!marks->few_known) {
        marks->few_known = true;
        marks->few_count = 0;
        for (size_t i = 0; i < marks->count && marks->few_known; i++)
            if (is_few(&marks->items[i])) add_few(marks, i);
    }
    return index < marks->few_count ? &marks->items[marks->few[index]] : NULL;
}

static lethe_status append_mark(lethe_marks *marks, lethe_mark *mark, lethe_error *error) {
    marks->counted = false;
    if (marks->count == marks->capacity) {
        size_t capacity = marks->capacity ? marks->capacity * 2 : 64;
        lethe_mark *more = lethe_realloc_array(marks->items, capacity, sizeof *more);
        if (more) marks->items = more;
        lethe_mark_place *places = more ? lethe_realloc_array(marks->places, capacity, sizeof *places) : NULL;
        if (!places) {
            lethe_mark_release(mark);
            return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        }
        marks->places = places;
        marks->capacity = capacity;
    }
    marks->unordered = marks->unordered || (marks->count > 0 && mark->id <= marks->items[marks->count - 1].id);
    if (marks->few_known && is_few(mark)) add_few(marks, marks->count);
    marks->places[marks->count] = place_of(mark);
    marks->items[marks->count++] = *mark;
    return LETHE_OK;
}

static lethe_status put_mark(lethe_marks *marks, lethe_mark *mark, lethe_error *error) {
    lethe_mark *old = lethe_marks_find(marks, mark->id);
    if (!old) return append_mark(marks, mark, error);
    marks->counted = false;
    if (is_few(old) != is_few(mark)) marks->few_known = false;
    mark->hidden = old->hidden;
    lethe_mark_release(old);
    *old = *mark;
    marks->places[old - marks->items] = place_of(old);
    return LETHE_OK;
}

void lethe_marks_moved(lethe_marks *marks, lethe_mark *mark) { marks->places[mark - marks->items] = place_of(mark); }

static void remove_mark(lethe_marks *marks, int64_t id) {
    for (size_t i = 0; i < marks->count; i++) {
        if (marks->items[i].id != id) continue;
        marks->counted = marks->few_known = false;
        lethe_mark_release(&marks->items[i]);
        memmove(&marks->items[i], &marks->items[i + 1], (marks->count - i - 1) * sizeof *marks->items);
        memmove(&marks->places[i], &marks->places[i + 1], (marks->count - i - 1) * sizeof *marks->places);
        marks->count--;
        return;
    }
}

/* Take an annotation from the store again. `paint`: its pixels too. */
static lethe_status reload(lethe_marks *marks, int64_t id, bool paint, lethe_error *error) {
    lethe_annotations *found = NULL;
    lethe_annotation_filter filter = {.annotation = id};
    lethe_status status = lethe_store_load(marks->store, &filter, &found, error);
    if (status) return status;
    lethe_mark *old = lethe_marks_find(marks, id);
    char *image = old && is_paint(old) ? copy(old->image) : NULL;
    uint32_t frame = old ? old->shape.frame : 0;
    if (found->count == 0) {
        remove_mark(marks, id);
    } else {
        lethe_mark mark;
        status = from_annotation(marks, &found->items[0], &mark, error);
        if (!status) {
            if (is_paint(&mark) && !image) {
                image = copy(mark.image);
                frame = mark.shape.frame;
            }
            status = put_mark(marks, &mark, error);
        }
    }
    if (!status && image && paint) status = lethe_paint_rebuild(marks, image, frame, error);
    lethe_free(image);
    lethe_annotations_destroy(found);
    return status;
}

lethe_status lethe_marks_reload(lethe_marks *marks, int64_t id, lethe_error *error) { return reload(marks, id, true, error); }
lethe_status lethe_marks_reload_quietly(lethe_marks *marks, int64_t id, lethe_error *error) { return reload(marks, id, false, error); }

lethe_status lethe_marks_open(lethe_store *store, const char *study_uid, const char *image, int64_t task, lethe_marks **out, lethe_error *error) {
    *out = NULL;
    lethe_marks *marks = lethe_alloc_array(1, sizeof *marks);
    if (!marks) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    marks->store = store;
    marks->task = task;
    lethe_annotations *found = NULL;
    lethe_annotation_filter filter = {.study_uid = image ? NULL : study_uid, .image = image};
    lethe_status status = lethe_store_load(store, &filter, &found, error);
    for (size_t i = 0; !status && i < found->count; i++) {
        lethe_mark mark;
        status = from_annotation(marks, &found->items[i], &mark, error);
        if (!status) status = append_mark(marks, &mark, error); /* the store gives each once */
    }
    lethe_annotations_destroy(found);
    if (status) {
        lethe_marks_close(marks);
        return status;
    }
    *out = marks;
    return LETHE_OK;
}

static void free_steps(lethe_steps *steps) {
    for (size_t i = 0; i < steps->count; i++) lethe_step_release(&steps->items[i]);
    lethe_free(steps->items);
    *steps = (lethe_steps){0};
}

void lethe_marks_close(lethe_marks *marks) {
    if (!marks) return;
    for (size_t i = 0; i < marks->count; i++) lethe_mark_release(&marks->items[i]);
    for (size_t i = 0; i < marks->paint_count; i++) lethe_paint_free(marks->paints[i]);
    free_steps(&marks->undo);
    free_steps(&marks->redo);
    lethe_free(marks->items);
    lethe_free(marks->places);
    lethe_free(marks->few);
    lethe_free(marks->paints);
    lethe_tiled_mask_destroy(marks->tiled);
    lethe_free(marks->tiled_image);
    lethe_free(marks);
}

size_t lethe_marks_count(const lethe_marks *marks) { return marks->count; }

size_t lethe_marks_regions(lethe_marks *marks) {
    if (marks->counted) return marks->regions;
    marks->regions = 0;
    for (size_t i = 0; i < marks->count; i++) {
        const lethe_mark *m = &marks->items[i];
        marks->regions += m->level == LETHE_LEVEL_REGION &&
                          !(m->shape.kind == LETHE_SHAPE_MASK && m->shape.slice_count && lethe_rle_count(&m->shape.slices[0].mask) == 0);
    }
    marks->counted = true;
    return marks->regions;
}

lethe_mark *lethe_marks_at(lethe_marks *marks, size_t index) { return &marks->items[index]; }

lethe_mark *lethe_marks_find(lethe_marks *marks, int64_t id) {
    if (marks->unordered) {
        for (size_t i = marks->count; i-- > 0;)
            if (marks->items[i].id == id) return &marks->items[i];
        return NULL;
    }
    size_t low = 0, high = marks->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (marks->items[middle].id < id) low = middle + 1;
        else high = middle;
    }
    return low < marks->count && marks->items[low].id == id ? &marks->items[low] : NULL;
}

void lethe_marks_visit(lethe_marks *marks, const char *image, uint32_t frame, const lethe_box *within, lethe_mark_fn visit, void *context) {
    lethe_marks_visit_some(marks, image, frame, within, NULL, visit, context);
}

void lethe_marks_visit_some(lethe_marks *marks, const char *image, uint32_t frame, const lethe_box *within, lethe_place_fn pass_over,
                            lethe_mark_fn visit, void *context) {
    const uint32_t hash = hash_of(image);
    const float x0 = within ? (float)within->x0 - 1 : -INFINITY, x1 = within ? (float)within->x1 + 1 : INFINITY;
    const float y0 = within ? (float)within->y0 - 1 : -INFINITY, y1 = within ? (float)within->y1 + 1 : INFINITY;
    for (size_t i = 0; i < marks->count; i++) {
        const lethe_mark_place *p = &marks->places[i];
        if (p->x1 < x0 || p->x0 > x1 || p->y1 < y0 || p->y0 > y1 || p->x0 > p->x1 || p->image != hash || p->frame != frame) continue;
        if (pass_over && pass_over(context, (const float[4]){p->x0, p->y0, p->x1, p->y1})) continue;
        if (strcmp(marks->items[i].image, image) == 0) visit(context, &marks->items[i]);
    }
}

/* --- steps of undo --- */

void lethe_step_release(lethe_step *step) {
    for (size_t i = 0; i < step->part_count; i++) {
        lethe_free(step->parts[i].image);
        lethe_free(step->parts[i].before);
        lethe_free(step->parts[i].after);
    }
    lethe_free(step->parts);
    lethe_free(step->name);
    *step = (lethe_step){0};
}

lethe_status lethe_step_add(lethe_step *step, const char *image, int64_t id, lethe_error *error) {
    for (size_t i = 0; i < step->part_count; i++)
        if (strcmp(step->parts[i].image, image) == 0 && !step->parts[i].is_answer) {
            step->parts[i].changes++;
            return LETHE_OK;
        }
    lethe_step_part *more = lethe_realloc_array(step->parts, step->part_count + 1, sizeof *more);
    char *key = more ? copy(image) : NULL;
    if (more) step->parts = more;
    if (!key) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    more[step->part_count++] = (lethe_step_part){.image = key, .changes = 1, .id = id};
    return LETHE_OK;
}

lethe_status lethe_steps_push(lethe_steps *steps, lethe_step *step, lethe_error *error) {
    lethe_step *more = lethe_realloc_array(steps->items, steps->count + 1, sizeof *more);
    if (!more) {
        lethe_step_release(step);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    steps->items = more;
    more[steps->count++] = *step;
    *step = (lethe_step){0};
    return LETHE_OK;
}

lethe_status lethe_marks_done(lethe_marks *marks, lethe_step *step, const char *name, lethe_error *error) {
    step->name = copy(name);
    if (!step->name) {
        lethe_step_release(step);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    free_steps(&marks->redo);
    return lethe_steps_push(&marks->undo, step, error);
}

const char *lethe_marks_undo_name(const lethe_marks *marks) { return marks->undo.count ? marks->undo.items[marks->undo.count - 1].name : NULL; }
const char *lethe_marks_redo_name(const lethe_marks *marks) { return marks->redo.count ? marks->redo.items[marks->redo.count - 1].name : NULL; }

static lethe_status answer_again(lethe_marks *marks, lethe_step_part *part, bool back, lethe_error *error) {
    const char *value = back ? part->before : part->after;
    lethe_annotation a = {.id = part->id, .level = part->level, .value = value};
    lethe_mark *mark = lethe_marks_find(marks, part->id);
    if (!mark) return lethe_fail(error, LETHE_NOT_FOUND, "the answer is gone");
    a.revision = mark->revision;
    a.task = mark->task;
    a.image = mark->image;
    a.label = mark->label;
    a.tool = "form";
    a.patient = part->place[0];
    a.study_uid = part->place[1];
    a.series_uid = part->place[2];
    a.confidence = -1;
    lethe_status status = lethe_store_append(marks->store, &a, error);
    return status ? status : lethe_marks_reload(marks, part->id, error);
}

/* Goes on where an attempt before it was stopped: what came back once must not come back twice. */
static lethe_status replay_part(lethe_marks *marks, lethe_step_part *part, bool back, lethe_error *error) {
    if (part->is_answer) {
        lethe_status status = part->done ? LETHE_OK : answer_again(marks, part, back, error);
        part->done = status == LETHE_OK;
        return status;
    }
    for (;;) {
        lethe_status status = part->unread ? lethe_marks_reload(marks, part->unread, error) : LETHE_OK;
        if (status != LETHE_OK) return status;
        part->unread = 0;
        if (part->done == part->changes) return LETHE_OK;
        int64_t id = 0;
        status = back ? lethe_store_undo(marks->store, part->image, &id, error) : lethe_store_redo(marks->store, part->image, &id, error);
        if (!status && id == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "the store has nothing to %s there", back ? "undo" : "redo");
        if (status != LETHE_OK) return status;
        part->unread = id;
        part->done++;
        marks->revisions++;
    }
}

static lethe_status replay(lethe_marks *marks, lethe_steps *from, lethe_steps *to, bool back, const char **image, lethe_error *error) {
    if (from->count == 0) return lethe_fail(error, LETHE_NOT_FOUND, "nothing to %s", back ? "undo" : "redo");
    lethe_step step = from->items[--from->count];
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < step.part_count && !status; i++) status = replay_part(marks, &step.parts[i], back, error);
    if (status) { /* the store may answer again later: the step stays where it was */
        if (lethe_steps_push(from, &step, NULL)) lethe_step_release(&step);
        return status;
    }
    for (size_t i = 0; i < step.part_count; i++) step.parts[i].done = 0;
    if (image) *image = step.part_count ? step.parts[0].image : NULL; /* the step moves to the other list; its strings stay where they are */
    return lethe_steps_push(to, &step, error);
}

lethe_status lethe_marks_undo(lethe_marks *marks, const char **image, lethe_error *error) {
    return replay(marks, &marks->undo, &marks->redo, true, image, error);
}
lethe_status lethe_marks_redo(lethe_marks *marks, const char **image, lethe_error *error) {
    return replay(marks, &marks->redo, &marks->undo, false, image, error);
}

lethe_status lethe_marks_undo_stored(lethe_marks *marks, const char *image, lethe_error *error) {
    int64_t id = 0;
    lethe_step step = {0};
    lethe_status status = lethe_store_undo(marks->store, image, &id, error);
    if (!status && id == 0) return lethe_fail(error, LETHE_NOT_FOUND, "nothing to undo");
    if (!status) status = lethe_step_add(&step, image, id, error);
    if (!status) status = lethe_marks_reload(marks, id, error);
    if (!status && !(step.name = copy("Earlier change"))) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) {
        marks->revisions++;
        return lethe_steps_push(&marks->redo, &step, error);
    }
    lethe_step_release(&step);
    return status;
}

void lethe_marks_spent(lethe_marks *marks, int64_t ms) { marks->spent_ms = ms; }
int64_t lethe_marks_revisions(const lethe_marks *marks) { return marks->revisions; }

/* --- changes --- */

static lethe_status append(lethe_marks *marks, lethe_annotation *a, const char *name, lethe_error *error) {
    a->spent_ms = marks->spent_ms;
    marks->spent_ms = 0;
    lethe_step step = {0};
    lethe_status status = lethe_step_add(&step, a->image, a->id, error); /* before the reload: the strings may be the old mark's */
    if (!status) status = lethe_store_append(marks->store, a, error);
    if (!status) {
        marks->revisions++;
        status = lethe_marks_reload(marks, a->id, error);
    }
    if (!status) return lethe_marks_done(marks, &step, name, error);
    lethe_step_release(&step);
    return status;
}

lethe_status lethe_marks_add(lethe_marks *marks, const char *image, const char *label, const char *tool, lethe_shape *shape, const char *name,
                             int64_t *id, lethe_error *error) {
    return lethe_marks_add_with_form(marks, image, label, tool, "", shape, name, id, error);
}

lethe_status lethe_marks_add_with_form(lethe_marks *marks, const char *image, const char *label, const char *tool, const char *form,
                                       lethe_shape *shape, const char *name, int64_t *id, lethe_error *error) {
    lethe_annotation a = {.task = marks->task,
                          .level = LETHE_LEVEL_REGION,
                          .image = image,
                          .label = label,
                          .form = form,
                          .tool = tool,
                          .confidence = -1,
                          .shape = *shape};
    lethe_status status = lethe_shape_check(shape, error);
    if (!status) status = append(marks, &a, name, error);
    lethe_shape_release(shape);
    if (id) *id = status ? 0 : a.id;
    return status;
}

static lethe_annotation as_annotation(const lethe_mark *mark) {
    return (lethe_annotation){.id = mark->id,
                              .revision = mark->revision,
                              .task = mark->task,
                              .level = mark->level,
                              .image = mark->image,
                              .label = mark->label,
                              .value = mark->value,
                              .form = mark->form,
                              .tool = mark->tool,
                              .source = mark->source,
                              .confidence = mark->confidence,
                              .shape = mark->shape};
}

lethe_status lethe_marks_reshape(lethe_marks *marks, int64_t id, lethe_shape *shape, const char *name, lethe_error *error) {
    lethe_mark *mark = lethe_marks_find(marks, id);
    lethe_status status = mark ? lethe_shape_check(shape, error) : lethe_fail(error, LETHE_NOT_FOUND, "the annotation is gone");
    if (!status) {
        lethe_annotation a = as_annotation(mark);
        a.shape = *shape;
        status = append(marks, &a, name, error);
    }
    lethe_shape_release(shape);
    return status;
}

lethe_status lethe_marks_relabel(lethe_marks *marks, int64_t id, const char *label, const char *name, lethe_error *error) {
    lethe_mark *mark = lethe_marks_find(marks, id);
    if (!mark) return lethe_fail(error, LETHE_NOT_FOUND, "the annotation is gone");
    lethe_annotation a = as_annotation(mark);
    a.label = label;
    return append(marks, &a, name, error);
}

lethe_status lethe_marks_set_form(lethe_marks *marks, int64_t id, const char *form, const char *name, lethe_error *error) {
    lethe_mark *mark = lethe_marks_find(marks, id);
    if (!mark) return lethe_fail(error, LETHE_NOT_FOUND, "the annotation is gone");
    lethe_annotation a = as_annotation(mark);
    a.form = form;
    return append(marks, &a, name, error);
}

lethe_status lethe_marks_delete(lethe_marks *marks, int64_t id, const char *name, lethe_error *error) {
    lethe_mark *mark = lethe_marks_find(marks, id);
    if (!mark) return lethe_fail(error, LETHE_NOT_FOUND, "the annotation is gone");
    lethe_step step = {0};
    lethe_status status = lethe_step_add(&step, mark->image, id, error);
    if (!status) status = lethe_store_delete(marks->store, id, marks->spent_ms, error);
    marks->spent_ms = 0;
    if (!status) {
        marks->revisions++;
        status = lethe_marks_reload(marks, id, error);
    }
    if (!status) return lethe_marks_done(marks, &step, name, error);
    lethe_step_release(&step);
    return status;
}

/* --- classifications --- */

static lethe_mark *answer_of(lethe_marks *marks, const lethe_label *label, const char *series_uid, const char *image) {
    (void)series_uid;
    lethe_mark *mark;
    for (size_t i = 0; (mark = lethe_marks_few_at(marks, i)) != NULL; i++) {
        if (mark->level != label->level || !mark->mine || strcmp(mark->label, label->question.name) != 0) continue;
        if (label->level == LETHE_LEVEL_IMAGE && strcmp(mark->image, image ? image : "") != 0) continue;
        return mark;
    }
    return NULL;
}

const char *lethe_marks_answered(lethe_marks *marks, const lethe_label *label, const char *series_uid, const char *image) {
    const lethe_mark *mark = answer_of(marks, label, series_uid, image);
    return mark ? mark->value : "";
}

lethe_status lethe_marks_answer(lethe_marks *marks, const lethe_label *label, const char *patient, const char *study_uid, const char *series_uid,
                                const char *image, const char *value, const char *name, lethe_error *error) {
    lethe_mark *mark = answer_of(marks, label, series_uid, image);
    bool about_image = label->level == LETHE_LEVEL_IMAGE;
    lethe_annotation a = {.task = marks->task,
                          .level = label->level,
                          .patient = patient,
                          .study_uid = label->level <= LETHE_LEVEL_STUDY ? study_uid : "",
                          .series_uid = label->level <= LETHE_LEVEL_SERIES ? series_uid : "",
                          .image = about_image ? image : "",
                          .label = label->question.name,
                          .value = value,
                          .tool = "form",
                          .confidence = -1,
                          .spent_ms = marks->spent_ms};
    lethe_step step = {0};
    lethe_status status = lethe_step_add(&step, about_image ? image : "", 0, error);
    if (status) return status;
    lethe_step_part *part = &step.parts[0];
    *part = (lethe_step_part){.image = part->image, .is_answer = true, .level = label->level, .place = {patient, a.study_uid, a.series_uid}};
    part->before = copy(mark ? mark->value : "");
    part->after = copy(value);
    if (mark) {
        a.id = mark->id;
        a.revision = mark->revision;
        a.task = mark->task;
    }
    marks->spent_ms = 0;
    status = part->before && part->after ? lethe_store_append(marks->store, &a, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) {
        marks->revisions++;
        part->id = a.id;
        status = lethe_marks_reload(marks, a.id, error);
    }
    if (!status) return lethe_marks_done(marks, &step, name, error);
    lethe_step_release(&step);
    return status;
}
