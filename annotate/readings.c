#include "annotate/readings.h"

#include "annotate/snapshot.h"
#include "core/limits.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_SIDE_PX = 1024 };

typedef struct account {
    const char *name;
    lethe_role role;
} account;

typedef struct loader {
    readings *r;
    account *accounts;
    size_t count, capacity, readers;
} loader;

static lethe_status note_account(void *context, const char *name, lethe_role role, lethe_error *error) {
    loader *l = context;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity == 0 ? 32 : l->capacity * 2;
        account *grown = lethe_realloc_array(l->accounts, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for users");
        l->accounts = grown;
        l->capacity = capacity;
    }
    const char *copy = lethe_arena_strndup(l->r->arena, name, strlen(name));
    if (copy == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for users");
    l->accounts[l->count++] = (account){copy, role};
    l->readers += role == LETHE_ROLE_READER;
    return LETHE_OK;
}

static const account *find_account(const loader *l, const char *name) {
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->accounts[i].name, name) == 0) return &l->accounts[i];
    return NULL;
}

/* Index of a reader by name; -1 adjudicator, -2 organiser (truth), -3 nobody (a consensus). */
static int reader_of(const loader *l, const char *author) {
    const account *a = find_account(l, author);
    if (a == NULL) return -3;
    if (a->role == LETHE_ROLE_ADJUDICATOR) return -1;
    if (a->role == LETHE_ROLE_ORGANISER && l->readers > 0) return -2;
    for (size_t i = 0; i < l->r->reader_count; i++)
        if (strcmp(l->r->readers[i], author) == 0) return (int)i;
    return -3;
}

static lethe_status list_readers(loader *l, lethe_error *error) {
    readings *r = l->r;
    if ((r->readers = lethe_arena_alloc_array(r->arena, l->count + 1, sizeof *r->readers)) == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for users");
    for (size_t i = 0; i < l->count; i++) /* sorted by name already */
        if (l->readers == 0 || l->accounts[i].role == LETHE_ROLE_READER) r->readers[r->reader_count++] = l->accounts[i].name;
    return LETHE_OK;
}

static const char *unit_of(const lethe_annotation *a) {
    if (a->image[0] != '\0') return a->image;
    if (a->series_uid[0] != '\0') return a->series_uid;
    return a->study_uid[0] != '\0' ? a->study_uid : a->patient;
}

static int64_t pass_of(const lethe_tasks *tasks, int64_t task, bool *honeypot) {
    size_t low = 0, high = tasks->count;
    while (low < high) { /* sorted by id below */
        size_t middle = low + (high - low) / 2;
        if (tasks->items[middle].id < task) low = middle + 1;
        else high = middle;
    }
    if (low == tasks->count || tasks->items[low].id != task) return 1;
    *honeypot = tasks->items[low].kind == LETHE_TASK_HONEYPOT;
    return tasks->items[low].pass;
}

static int by_task(const void *a, const void *b) {
    int64_t left = ((const lethe_task *)a)->id, right = ((const lethe_task *)b)->id;
    return left < right ? -1 : left > right;
}

static int by_place(const void *a, const void *b) {
    const reading *left = a, *right = b;
    int order = strcmp(left->annotation->label, right->annotation->label);
    if (order == 0) order = strcmp(left->unit, right->unit);
    if (order != 0) return order;
    if (left->frame != right->frame) return left->frame < right->frame ? -1 : 1;
    if (left->reader != right->reader) return left->reader < right->reader ? -1 : 1;
    if (left->pass != right->pass) return left->pass < right->pass ? -1 : 1;
    return left->annotation->id < right->annotation->id ? -1 : left->annotation->id > right->annotation->id;
}

static lethe_status sort_labels(loader *l, lethe_error *error) {
    readings *r = l->r;
    size_t total = 0;
    for (size_t i = 0; i < r->all->count; i++) total += r->all->items[i].shape.slice_count > 1 ? r->all->items[i].shape.slice_count : 1;
    if ((r->items = lethe_alloc_array(total, sizeof *r->items)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for labels");
    for (size_t i = 0; i < r->all->count; i++) {
        const lethe_annotation *a = &r->all->items[i];
        bool honeypot = false;
        int reader = reader_of(l, a->author);
        if (reader == -3) continue;
        int64_t pass = pass_of(r->tasks, a->task, &honeypot);
        if (honeypot) pass = -1;
        size_t slices = a->shape.slice_count == 0 ? 1 : a->shape.slice_count;
        for (size_t slice = 0; slice < slices; slice++) {
            const lethe_mask_slice *s = a->shape.slice_count == 0 ? NULL : &a->shape.slices[slice];
            const char *unit = s != NULL && s->image != NULL && s->image[0] != '\0' ? s->image : unit_of(a);
            r->items[r->count++] = (reading){a, unit, s != NULL ? s->frame : a->shape.frame, slice, reader, pass};
        }
    }
    if (r->count > 1) qsort(r->items, r->count, sizeof *r->items, by_place);
    return LETHE_OK;
}

/* Tasks as they stood at a time: what was made later is not there, what was done later has not happened. */
static lethe_status turn_back(lethe_store *store, int64_t at_us, lethe_tasks *tasks, lethe_error *error) {
    lethe_statement *events = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < tasks->count; i++) {
        if (tasks->items[i].created_us > at_us) continue;
        tasks->items[kept] = tasks->items[i];
        tasks->items[kept++].state = LETHE_TASK_OPEN;
    }
    tasks->count = kept;
    lethe_status status = lethe_statement_prepare(lethe_store_database(store),
                                                  "SELECT task, state FROM task_event WHERE at_us <= ?1 ORDER BY at_us, id", &events, error);
    if (status == LETHE_OK) lethe_statement_bind_int64(events, 1, at_us);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(events, &row, error);
        if (status != LETHE_OK || !row) break;
        lethe_task key = {.id = lethe_statement_int64(events, 0)};
        lethe_task *task = tasks->count == 0 ? NULL : bsearch(&key, tasks->items, tasks->count, sizeof key, by_task);
        int64_t state = lethe_statement_int64(events, 1);
        if (task != NULL && state >= 0 && state < LETHE_TASK_STATES) task->state = (lethe_task_state)state;
    }
    lethe_statement_finalize(events);
    return status;
}

static lethe_status load_frozen(lethe_store *store, const char *label, int64_t snapshot, lethe_annotations **out, lethe_error *error) {
    lethe_status status = lethe_store_load_snapshot(store, snapshot, NULL, out, error);
    size_t kept = 0;
    for (size_t i = 0; status == LETHE_OK && i < (*out)->count; i++)
        if (label == NULL || strcmp((*out)->items[i].label, label) == 0) (*out)->items[kept++] = (*out)->items[i];
    if (status == LETHE_OK) (*out)->count = kept;
    return status;
}

static lethe_status find_time(void *context, const lethe_snapshot *snapshot, lethe_error *error) {
    int64_t *wanted = context; /* its number, then its time */
    (void)error;
    if (snapshot->id == wanted[0]) wanted[1] = snapshot->at_us;
    return LETHE_OK;
}

lethe_status lethe_readings_load(lethe_store *store, const char *label, int64_t snapshot, readings *r, lethe_error *error) {
    int64_t frozen[2] = {snapshot, 0};
    loader l = {.r = r};
    lethe_annotation_filter filter = {.label = label};
    memset(r, 0, sizeof *r);
    if (lethe_store_role(store) == LETHE_ROLE_READER) return lethe_fail(error, LETHE_DENIED, "a reader does not see how others read");
    if ((r->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for labels");
    lethe_status status = lethe_store_visit_users(store, note_account, &l, error);
    if (status == LETHE_OK) status = list_readers(&l, error);
    if (status == LETHE_OK)
        status = snapshot != 0 ? load_frozen(store, label, snapshot, &r->all, error) : lethe_store_load(store, &filter, &r->all, error);
    if (status == LETHE_OK) status = lethe_store_tasks(store, NULL, &r->tasks, error);
    if (status == LETHE_OK && r->tasks->count > 1) qsort(r->tasks->items, r->tasks->count, sizeof *r->tasks->items, by_task);
    if (status == LETHE_OK && snapshot != 0) status = lethe_snapshot_visit(store, find_time, frozen, error);
    if (status == LETHE_OK && snapshot != 0) status = turn_back(store, frozen[1], r->tasks, error);
    if (status == LETHE_OK) status = sort_labels(&l, error);
    lethe_free(l.accounts);
    if (status != LETHE_OK) lethe_readings_close(r);
    return status;
}

void lethe_readings_close(readings *r) {
    lethe_annotations_destroy(r->all);
    lethe_tasks_destroy(r->tasks);
    lethe_free(r->items);
    lethe_arena_destroy(r->arena);
    memset(r, 0, sizeof *r);
}

size_t lethe_readings_label_end(const readings *r, size_t from) {
    size_t end = from;
    while (end < r->count && strcmp(r->items[end].annotation->label, r->items[from].annotation->label) == 0) end++;
    return end;
}

size_t lethe_readings_unit_end(const readings *r, size_t from) {
    size_t end = from;
    while (end < r->count && r->items[end].frame == r->items[from].frame && strcmp(r->items[end].unit, r->items[from].unit) == 0 &&
           strcmp(r->items[end].annotation->label, r->items[from].annotation->label) == 0)
        end++;
    return end;
}

/* --- regions --- */

static bool part_bounds(const reading *item, lethe_box *box) {
    lethe_shape view = item->annotation->shape;
    if (view.slice_count > 0) {
        view.slices += item->slice;
        view.slice_count = 1;
    }
    return lethe_shape_bounds(&view, box);
}

bool lethe_readings_box(const readings *r, size_t from, size_t end, lethe_box *box, double *factor, uint32_t *columns, uint32_t *rows) {
    bool any = false;
    for (size_t i = from; i < end; i++) {
        lethe_box one;
        if (!part_bounds(&r->items[i], &one)) continue;
        if (!any) *box = one;
        box->x0 = fmin(box->x0, one.x0);
        box->y0 = fmin(box->y0, one.y0);
        box->x1 = fmax(box->x1, one.x1);
        box->y1 = fmax(box->y1, one.y1);
        any = true;
    }
    if (!any) return false;
    *box = (lethe_box){floor(box->x0), floor(box->y0), ceil(box->x1) + 1, ceil(box->y1) + 1};
    *factor = fmax(1, ceil(fmax(box->x1 - box->x0, box->y1 - box->y0) / LARGEST_SIDE_PX));
    *columns = (uint32_t)ceil((box->x1 - box->x0) / *factor);
    *rows = (uint32_t)ceil((box->y1 - box->y0) / *factor);
    return true;
}

static lethe_status draw_reduced(const reading *item, const lethe_box *box, double factor, uint8_t *bitmap, uint32_t columns, uint32_t rows,
                                 lethe_error *error) {
    lethe_shape outline = {0};
    lethe_status status = lethe_shape_to_polygon(&item->annotation->shape, item->slice, &outline, NULL);
    if (status == LETHE_UNSUPPORTED || status == LETHE_NOT_FOUND) return LETHE_OK;
    if (status != LETHE_OK) return lethe_fail(error, status, "a region cannot be outlined");
    for (size_t i = 0; i < outline.point_count; i++) {
        outline.points[i].x = (outline.points[i].x - box->x0) / factor;
        outline.points[i].y = (outline.points[i].y - box->y0) / factor;
    }
    status = lethe_shape_rasterize(&outline, 0, 1, bitmap, columns, rows, 0, 0, error);
    lethe_shape_release(&outline);
    return status;
}

lethe_status lethe_readings_draw(const readings *r, size_t from, size_t end, int reader, int64_t pass, const lethe_box *box, double factor,
                                 uint8_t *bitmap, uint32_t columns, uint32_t rows, lethe_error *error) {
    lethe_status status = LETHE_OK;
    memset(bitmap, 0, (size_t)columns * rows);
    for (size_t i = from; status == LETHE_OK && i < end; i++) {
        const reading *item = &r->items[i];
        if (item->reader != reader || (pass != 0 && item->pass != pass)) continue;
        if (factor > 1) status = draw_reduced(item, box, factor, bitmap, columns, rows, error);
        else
            status =
                lethe_shape_rasterize(&item->annotation->shape, item->slice, 1, bitmap, columns, rows, (int64_t)box->x0, (int64_t)box->y0, error);
    }
    return status;
}
