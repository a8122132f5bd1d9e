/* Loading annotations. */
#include "annotate/store_internal.h"

#include "core/buffer.h"
#include "core/limits.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

enum { MOST_VALUES = 16 };

/* A query under construction: its text, and what to bind in order. */
typedef struct query {
    lethe_buffer sql;
    const char *texts[MOST_VALUES];
    int64_t numbers[MOST_VALUES]; /* where the text is NULL */
    int count;
    lethe_status status;
    lethe_error *error;
} query;

static void add(query *q, const char *sql) {
    if (q->status == LETHE_OK) q->status = lethe_buffer_append_text(&q->sql, sql, q->error);
}

/* Append `sql`, in which each '#' stands for this value. */
static void add_value(query *q, const char *sql, const char *text, int64_t number) {
    if (q->count == MOST_VALUES) q->status = lethe_fail(q->error, LETHE_INTERNAL, "too many conditions");
    if (q->status != LETHE_OK) return;
    q->texts[q->count] = text;
    q->numbers[q->count] = number;
    q->count++;
    for (; q->status == LETHE_OK && *sql != '\0'; sql++)
        q->status = *sql == '#' ? lethe_buffer_printf(&q->sql, q->error, "?%d", q->count) : lethe_buffer_append(&q->sql, sql, 1, q->error);
}

static void add_text(query *q, const char *sql, const char *text) {
    if (text != NULL) add_value(q, sql, text, 0);
}

#define COLUMNS                                                                                                                                      \
    "r.annotation, r.id, a.task, r.level, t.patient, t.study_uid, t.series_uid, t.image, r.label, r.value, r.form, r.tool, r.source, r.confidence, " \
    "r.spent_ms, r.author, r.at_us, r.action, r.deleted, r.shape"

static int64_t edge(double value) { return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int64_t)value; }

static void add_box(query *q, lethe_store *store, const lethe_annotation_filter *filter) {
    const lethe_box *box = filter->within;
    if (box == NULL) return;
    if (lethe_database_backend(store->database) == LETHE_SQLITE) {
        /* One image may have several targets only when it was moved between series; the tree's first axis is the target. */
        add_text(q, " AND a.id IN (SELECT x.id FROM target y JOIN annotation_rtree x ON x.n0 <= y.no AND x.n1 >= y.no WHERE y.image = #",
                 filter->image);
        add_value(q, " AND x.x1 >= #", NULL, edge(floor(box->x0)));
        add_value(q, " AND x.y1 >= #", NULL, edge(floor(box->y0)));
        add_value(q, " AND x.x0 <= #", NULL, edge(ceil(box->x1)));
        add_value(q, " AND x.y0 <= #)", NULL, edge(ceil(box->y1)));
        return;
    }
    add_value(q, " AND box(point(a.x0, a.y0), point(a.x1, a.y1)) && box(point(CAST(# AS BIGINT), ", NULL, edge(floor(box->x0)));
    add_value(q, "CAST(# AS BIGINT)), ", NULL, edge(floor(box->y0)));
    add_value(q, "point(CAST(# AS BIGINT), ", NULL, edge(ceil(box->x1)));
    add_value(q, "CAST(# AS BIGINT)))", NULL, edge(ceil(box->y1)));
}

static void build(query *q, lethe_store *store, const lethe_annotation_filter *f) {
    add(q, "SELECT " COLUMNS " FROM annotation a JOIN target t ON t.no = a.target JOIN annotation_revision r ON ");
    add(q, f->history ? "r.annotation = a.id" : "r.id = a.head");
    add(q, " WHERE 1 = 1");
    if (f->annotation != 0) add_value(q, " AND a.id = #", NULL, f->annotation);
    /* With a box the R-tree leads; else the image does. */
    if (f->image != NULL && f->within == NULL)
        add_text(q,
                 " AND a.id IN (SELECT b.id FROM annotation b JOIN target u ON u.no = b.target WHERE u.image = # UNION SELECT annotation FROM "
                 "annotation_image WHERE image = #)",
                 f->image);
    else add_text(q, " AND t.image = #", f->image);
    add_text(q, " AND t.series_uid = #", f->series_uid);
    add_text(q, " AND t.study_uid = #", f->study_uid);
    add_text(q, " AND t.patient = #", f->patient);
    add_text(q, " AND r.label = #", f->label);
    add_text(q, " AND a.author = #", f->author);
    if (f->task != 0) add_value(q, " AND (a.task = # OR a.shared = 1)", NULL, f->task);
    if (!f->include_deleted && !f->history) add(q, " AND a.deleted = 0");
    add_box(q, store, f);
    if (store->role == LETHE_ROLE_READER) {
        add_text(q, " AND (a.author = # OR a.shared = 1)", store->user);
        if (f->annotation == 0)
            add_text(q, " AND (a.shared = 0 OR NOT EXISTS (SELECT 1 FROM annotation o WHERE o.origin = a.id AND o.origin <> 0 AND o.author = #))",
                     store->user);
    }
    add(q, f->history ? " ORDER BY r.id" : " ORDER BY a.id");
}

/* --- rows --- */

typedef struct loader {
    lethe_annotations *list;
    size_t capacity;
    lethe_annotation *last; /* neighbours often share their strings */
} loader;

static const char *keep(loader *load, const char *text, const char *same) {
    if (text[0] == '\0') return "";
    if (same != NULL && strcmp(same, text) == 0) return same;
    return lethe_arena_strndup(load->list->arena, text, strlen(text));
}

static lethe_status read_row(loader *load, lethe_statement *row, lethe_annotation *a, lethe_error *error) {
    const lethe_annotation *last = load->last;
    size_t size = 0;
    memset(a, 0, sizeof *a);
    a->id = lethe_statement_int64(row, 0);
    a->revision = lethe_statement_int64(row, 1);
    a->task = lethe_statement_int64(row, 2);
    a->level = (lethe_level)lethe_statement_int64(row, 3);
    a->patient = keep(load, lethe_statement_text(row, 4), last == NULL ? NULL : last->patient);
    a->study_uid = keep(load, lethe_statement_text(row, 5), last == NULL ? NULL : last->study_uid);
    a->series_uid = keep(load, lethe_statement_text(row, 6), last == NULL ? NULL : last->series_uid);
    a->image = keep(load, lethe_statement_text(row, 7), last == NULL ? NULL : last->image);
    a->label = keep(load, lethe_statement_text(row, 8), last == NULL ? NULL : last->label);
    a->value = keep(load, lethe_statement_text(row, 9), last == NULL ? NULL : last->value);
    a->form = keep(load, lethe_statement_text(row, 10), last == NULL ? NULL : last->form);
    a->tool = keep(load, lethe_statement_text(row, 11), last == NULL ? NULL : last->tool);
    a->source = keep(load, lethe_statement_text(row, 12), last == NULL ? NULL : last->source);
    a->confidence = lethe_statement_is_null(row, 13) ? -1 : lethe_statement_double(row, 13);
    a->spent_ms = lethe_statement_int64(row, 14);
    a->author = keep(load, lethe_statement_text(row, 15), last == NULL ? NULL : last->author);
    a->at_us = lethe_statement_int64(row, 16);
    a->action = (lethe_action)lethe_statement_int64(row, 17);
    a->deleted = lethe_statement_int64(row, 18) != 0;
    const char *const texts[] = {a->patient, a->study_uid, a->series_uid, a->image, a->label, a->value, a->form, a->tool, a->source, a->author};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for annotations");
    const void *bytes = lethe_statement_blob(row, 19, &size);
    return lethe_shape_decode(bytes, size, load->list->arena, &a->shape, error);
}

static lethe_status grow(loader *load, lethe_error *error) {
    if (load->list->count < load->capacity) return LETHE_OK;
    size_t capacity = load->capacity == 0 ? 64 : load->capacity * 2;
    lethe_annotation *grown = lethe_realloc_array(load->list->items, capacity, sizeof *grown);
    if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for annotations");
    load->list->items = grown;
    load->capacity = capacity;
    return LETHE_OK;
}

/* Read every row of a statement whose columns are COLUMNS. */
static lethe_status read_rows(loader *load, lethe_statement *statement, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        status = grow(load, error);
        load->last = load->list->count == 0 ? NULL : &load->list->items[load->list->count - 1];
        if (status == LETHE_OK) status = read_row(load, statement, &load->list->items[load->list->count], error);
        if (status == LETHE_OK) load->list->count++;
    }
    return status;
}

static lethe_annotations *list_create(void) {
    lethe_annotations *list = lethe_alloc_array(1, sizeof *list);
    if (list == NULL) return NULL;
    list->arena = lethe_arena_create((size_t)LETHE_LIMIT_ARENA_BYTES * 8); /* 150,000 polygons of a slide and more */
    if (list->arena != NULL) return list;
    lethe_free(list);
    return NULL;
}

static lethe_status run(lethe_store *store, query *q, lethe_annotations **out, lethe_error *error) {
    lethe_statement *statement = NULL;
    loader load = {list_create(), 0, NULL};
    lethe_status status = load.list == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for annotations") : q->status;
    if (status == LETHE_OK) status = lethe_statement_prepare(store->database, lethe_buffer_text(&q->sql), &statement, error);
    for (int i = 0; status == LETHE_OK && i < q->count; i++) {
        if (q->texts[i] != NULL) lethe_statement_bind_text(statement, i + 1, q->texts[i]);
        else lethe_statement_bind_int64(statement, i + 1, q->numbers[i]);
    }
    if (status == LETHE_OK) status = read_rows(&load, statement, error);
    lethe_statement_finalize(statement);
    if (status == LETHE_OK) *out = load.list;
    else lethe_annotations_destroy(load.list);
    return status;
}

lethe_status lethe_store_load(lethe_store *store, const lethe_annotation_filter *filter, lethe_annotations **out, lethe_error *error) {
    static const lethe_annotation_filter all = {0};
    query q = {.status = LETHE_OK, .error = error};
    *out = NULL;
    if (filter == NULL) filter = &all;
    if (filter->within != NULL && filter->image == NULL) return lethe_fail(error, LETHE_INTERNAL, "a box needs an image");
    lethe_buffer_init(&q.sql, 8192);
    build(&q, store, filter);
    lethe_status status = run(store, &q, out, error);
    lethe_buffer_release(&q.sql);
    return status;
}

lethe_status lethe_store_load_revision(lethe_store *store, int64_t revision, lethe_annotations **out, lethe_error *error) {
    query q = {.status = LETHE_OK, .error = error};
    *out = NULL;
    lethe_buffer_init(&q.sql, 8192);
    add_value(
        &q, "SELECT " COLUMNS " FROM annotation_revision r JOIN annotation a ON a.id = r.annotation JOIN target t ON t.no = a.target WHERE r.id = #",
        NULL, revision);
    lethe_status status = run(store, &q, out, error);
    lethe_buffer_release(&q.sql);
    if (status == LETHE_OK && (*out)->count == 0) {
        status = lethe_fail(error, LETHE_NOT_FOUND, "no revision %lld", (long long)revision);
        lethe_annotations_destroy(*out);
        *out = NULL;
    }
    return status;
}

lethe_status lethe_store_load_snapshot(lethe_store *store, int64_t snapshot, const char *patient, lethe_annotations **out, lethe_error *error) {
    query q = {.status = LETHE_OK, .error = error};
    *out = NULL;
    lethe_buffer_init(&q.sql, 8192);
    add_value(&q,
              "SELECT " COLUMNS " FROM snapshot_item i JOIN annotation_revision r ON r.id = i.revision JOIN annotation a ON a.id = r.annotation "
              "JOIN target t ON t.no = a.target WHERE i.snapshot = #",
              NULL, snapshot);
    add_text(&q, " AND t.patient = #", patient);
    /* Withdrawn since: a patient, or an image of theirs, that is no longer released. */
    add(&q, " AND EXISTS (SELECT 1 FROM entry e WHERE e.patient = t.patient) AND (t.image = '' OR EXISTS (SELECT 1 FROM entry e WHERE e.instance_uid "
            "= t.image) "
            "OR EXISTS (SELECT 1 FROM entry e WHERE e.path = t.image))");
    add(&q, " ORDER BY a.id");
    lethe_status status = run(store, &q, out, error);
    lethe_buffer_release(&q.sql);
    return status;
}

void lethe_annotations_destroy(lethe_annotations *annotations) {
    if (annotations == NULL) return;
    lethe_arena_destroy(annotations->arena);
    lethe_free(annotations->items);
    lethe_free(annotations);
}
