#include "annotate/store_batch.h"

#include "core/buffer.h"
#include "core/limits.h"
#include "core/memory.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_ROWS = 1000, MOST_BYTES = 8 << 20, MOST_ARRAYS = 13 };

typedef enum table { ANNOTATIONS, REVISIONS, PLANES, IMAGES, HEADS, TABLES } table;

/* Each statement takes its arrays as ?1, ?2 ...; what all rows share follows. Defaults give the numbers, in the order of the
 * rows. */
static const char *const statements[TABLES] = {
    [ANNOTATIONS] =
        "INSERT INTO annotation (target, author, task, head, deleted, shared, origin, x0, y0, x1, y1) SELECT u.target, ?7, u.task, 0, 0, "
        "CAST(?8 AS BIGINT), 0, u.x0, u.y0, u.x1, u.y1 FROM unnest(CAST(?1 AS BIGINT[]), CAST(?2 AS BIGINT[]), CAST(?3 AS BIGINT[]), "
        "CAST(?4 AS BIGINT[]), CAST(?5 AS BIGINT[]), CAST(?6 AS BIGINT[])) WITH ORDINALITY AS u(target, task, x0, y0, x1, y1, n) ORDER BY "
        "u.n RETURNING id",
    [REVISIONS] =
        "INSERT INTO annotation_revision (annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, "
        "confidence, spent_ms, deleted, shape) SELECT u.annotation, 0, 0, 0, ?11, CAST(?12 AS BIGINT), u.level, u.label, u.value, u.form, "
        "u.tool, u.source, u.confidence, u.spent_ms, 0, u.shape FROM unnest(CAST(?1 AS BIGINT[]), CAST(?2 AS BIGINT[]), CAST(?3 AS TEXT[]), "
        "CAST(?4 AS TEXT[]), CAST(?5 AS TEXT[]), CAST(?6 AS TEXT[]), CAST(?7 AS TEXT[]), CAST(?8 AS FLOAT8[]), CAST(?9 AS BIGINT[]), "
        "CAST(?10 AS BYTEA[])) WITH ORDINALITY AS u(annotation, level, label, value, form, tool, source, confidence, spent_ms, shape, n) "
        "ORDER BY u.n RETURNING id, at_us",
    [PLANES] = "INSERT INTO annotation_plane (revision, slice, frame_uid, ox, oy, oz, xx, xy, xz, yx, yy, yz) SELECT * FROM unnest(CAST(?1 AS "
               "BIGINT[]), CAST(?2 AS BIGINT[]), CAST(?3 AS TEXT[]), CAST(?4 AS FLOAT8[]), CAST(?5 AS FLOAT8[]), CAST(?6 AS FLOAT8[]), CAST(?7 AS "
               "FLOAT8[]), CAST(?8 AS FLOAT8[]), CAST(?9 AS FLOAT8[]), CAST(?10 AS FLOAT8[]), CAST(?11 AS FLOAT8[]), CAST(?12 AS FLOAT8[]))",
    [IMAGES] =
        "INSERT INTO annotation_image (image, annotation) SELECT * FROM unnest(CAST(?1 AS TEXT[]), CAST(?2 AS BIGINT[])) ON CONFLICT DO NOTHING",
    [HEADS] = "UPDATE annotation SET head = u.head FROM unnest(CAST(?1 AS BIGINT[]), CAST(?2 AS BIGINT[])) AS u(id, head) WHERE annotation.id = u.id",
};
static const int array_count[TABLES] = {[ANNOTATIONS] = 6, [REVISIONS] = 10, [PLANES] = 12, [IMAGES] = 2, [HEADS] = 2};

/* A plane waits for the number of its revision. */
typedef struct waiting_plane {
    size_t row, slice;
    lethe_pixel_plane plane;
} waiting_plane;

struct lethe_batch {
    lethe_statement *of[TABLES];
    const char *author;
    bool shared;
    lethe_annotation *items[MOST_ROWS];
    size_t count;
    waiting_plane *planes;
    size_t plane_count, plane_capacity;
    /* arrays as PostgreSQL writes them: {1,2,NULL,"text"} */
    lethe_buffer rows[6]; /* of annotations: they are known when a row is added */
    lethe_buffer shapes, arrays[MOST_ARRAYS];
};

lethe_status lethe_batch_create(lethe_store *store, const char *author, bool shared, lethe_batch **out, lethe_error *error) {
    *out = NULL;
    lethe_batch *batch = lethe_alloc_array(1, sizeof *batch);
    if (batch == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a batch");
    batch->author = author;
    batch->shared = shared;
    for (int i = 0; i < 6; i++) lethe_buffer_init(&batch->rows[i], LETHE_LIMIT_ARENA_BYTES);
    for (int i = 0; i < MOST_ARRAYS; i++) lethe_buffer_init(&batch->arrays[i], LETHE_LIMIT_ARENA_BYTES);
    lethe_buffer_init(&batch->shapes, (size_t)LETHE_LIMIT_ARENA_BYTES * 2 + MOST_BYTES);
    lethe_status status = LETHE_OK;
    for (int i = 0; status == LETHE_OK && i < TABLES; i++) status = lethe_statement_prepare(store->database, statements[i], &batch->of[i], error);
    if (status == LETHE_OK) *out = batch;
    else lethe_batch_destroy(batch);
    return status;
}

void lethe_batch_destroy(lethe_batch *batch) {
    if (batch == NULL) return;
    for (int i = 0; i < TABLES; i++) lethe_statement_finalize(batch->of[i]);
    for (int i = 0; i < 6; i++) lethe_buffer_release(&batch->rows[i]);
    for (int i = 0; i < MOST_ARRAYS; i++) lethe_buffer_release(&batch->arrays[i]);
    lethe_buffer_release(&batch->shapes);
    lethe_free(batch->planes);
    lethe_free(batch);
}

/* --- elements of arrays --- */

static const char *separator(const lethe_buffer *array) { return array->size == 0 ? "{" : ","; }

static lethe_status put_number(lethe_buffer *array, int64_t value, lethe_error *error) {
    return lethe_buffer_printf(array, error, "%s%" PRId64, separator(array), value);
}

static lethe_status put_real(lethe_buffer *array, double value, lethe_error *error) {
    return lethe_buffer_printf(array, error, "%s%.17g", separator(array), value);
}

static lethe_status put_null(lethe_buffer *array, lethe_error *error) { return lethe_buffer_printf(array, error, "%sNULL", separator(array)); }

static lethe_status put_text(lethe_buffer *array, const char *text, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(array, error, "%s\"", separator(array));
    for (const char *at = text == NULL ? "" : text; status == LETHE_OK && *at != '\0';) {
        size_t plain = strcspn(at, "\"\\");
        status = lethe_buffer_append(array, at, plain, error);
        at += plain;
        if (status != LETHE_OK || *at == '\0') continue;
        const char escaped[2] = {'\\', *at++};
        status = lethe_buffer_append(array, escaped, 2, error);
    }
    return status == LETHE_OK ? lethe_buffer_append(array, "\"", 1, error) : status;
}

static lethe_status put_bytes(lethe_buffer *array, const uint8_t *bytes, size_t size, lethe_error *error) {
    static const char digits[] = "0123456789abcdef";
    lethe_status status = lethe_buffer_printf(array, error, "%s\"\\\\x", separator(array));
    for (size_t i = 0; status == LETHE_OK && i < size; i++) {
        const char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
        status = lethe_buffer_append(array, pair, 2, error);
    }
    return status == LETHE_OK ? lethe_buffer_append(array, "\"", 1, error) : status;
}

static lethe_status bind_arrays(lethe_batch *batch, table which, lethe_buffer *arrays, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (int i = 0; status == LETHE_OK && i < array_count[which]; i++) {
        status = lethe_buffer_append_text(&arrays[i], "}", error);
        if (status == LETHE_OK) lethe_statement_bind_text(batch->of[which], i + 1, lethe_buffer_text(&arrays[i]));
        lethe_buffer_clear(&arrays[i]);
    }
    return status;
}

/* --- adding --- */

static lethe_status keep_planes(lethe_batch *batch, const lethe_placer *placer, lethe_error *error) {
    for (size_t i = 0; i < lethe_placer_count(placer); i++) {
        const lethe_pixel_plane *plane = lethe_placer_plane(placer, i);
        if (plane == NULL) continue;
        if (batch->plane_count == batch->plane_capacity) {
            size_t capacity = batch->plane_capacity == 0 ? MOST_ROWS : batch->plane_capacity * 2;
            waiting_plane *grown = lethe_realloc_array(batch->planes, capacity, sizeof *grown);
            if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for planes");
            batch->planes = grown;
            batch->plane_capacity = capacity;
        }
        batch->planes[batch->plane_count++] = (waiting_plane){batch->count, i, *plane};
    }
    return LETHE_OK;
}

lethe_status lethe_batch_add(lethe_batch *batch, lethe_annotation *a, const lethe_batch_row *row, const lethe_placer *placer, lethe_error *error) {
    lethe_status status = keep_planes(batch, placer, error);
    if (status == LETHE_OK) status = put_number(&batch->rows[0], row->target, error);
    if (status == LETHE_OK) status = put_number(&batch->rows[1], a->task, error);
    for (int i = 0; status == LETHE_OK && i < 4; i++)
        status = row->has_box ? put_number(&batch->rows[2 + i], row->box[i], error) : put_null(&batch->rows[2 + i], error);
    if (status == LETHE_OK)
        status = row->shape == NULL ? put_null(&batch->shapes, error) : put_bytes(&batch->shapes, row->shape, row->shape_bytes, error);
    if (status != LETHE_OK) return status;
    batch->items[batch->count++] = a;
    return batch->count == MOST_ROWS || batch->shapes.size >= MOST_BYTES ? lethe_batch_flush(batch, error) : LETHE_OK;
}

/* --- writing --- */

static lethe_status insert_annotations(lethe_batch *batch, lethe_error *error) {
    lethe_statement *s = batch->of[ANNOTATIONS];
    lethe_status status = bind_arrays(batch, ANNOTATIONS, batch->rows, error);
    lethe_statement_bind_text(s, 7, batch->author);
    lethe_statement_bind_int64(s, 8, batch->shared);
    for (size_t i = 0; status == LETHE_OK && i < batch->count; i++) {
        bool row = false;
        status = lethe_statement_step(s, &row, error);
        if (status != LETHE_OK) break;
        batch->items[i]->id = row ? lethe_statement_int64(s, 0) : 0;
        if (!row || (i > 0 && batch->items[i]->id <= batch->items[i - 1]->id))
            status = lethe_fail(error, LETHE_DATABASE, "the store gave no number for a new row");
    }
    lethe_statement_reset(s);
    return status;
}

static lethe_status insert_revisions(lethe_batch *batch, lethe_error *error) {
    lethe_statement *s = batch->of[REVISIONS];
    lethe_buffer *to = batch->arrays;
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < batch->count; i++) {
        const lethe_annotation *a = batch->items[i];
        const char *const texts[5] = {a->label, a->value, a->form, a->tool, a->source};
        status = put_number(&to[0], a->id, error);
        if (status == LETHE_OK) status = put_number(&to[1], a->level, error);
        for (int k = 0; status == LETHE_OK && k < 5; k++) status = put_text(&to[2 + k], texts[k], error);
        if (status == LETHE_OK) status = a->confidence >= 0 ? put_real(&to[7], a->confidence, error) : put_null(&to[7], error);
        if (status == LETHE_OK) status = put_number(&to[8], a->spent_ms, error);
    }
    lethe_buffer swap = to[9]; /* the shapes were written as they came */
    to[9] = batch->shapes;
    batch->shapes = swap;
    if (status == LETHE_OK) status = bind_arrays(batch, REVISIONS, to, error);
    swap = to[9];
    to[9] = batch->shapes;
    batch->shapes = swap;
    lethe_statement_bind_text(s, 11, batch->author);
    lethe_statement_bind_int64(s, 12, lethe_store_now_us());
    for (size_t i = 0; status == LETHE_OK && i < batch->count; i++) {
        bool row = false;
        lethe_annotation *a = batch->items[i];
        status = lethe_statement_step(s, &row, error);
        if (status != LETHE_OK) break;
        int64_t revision = row ? lethe_statement_int64(s, 0) : 0;
        if (!row || (i > 0 && revision <= batch->items[i - 1]->revision))
            status = lethe_fail(error, LETHE_DATABASE, "the store gave no number for a revision");
        a->revision = revision;
        a->at_us = lethe_statement_int64(s, 1); /* a server keeps its own time */
        a->author = batch->author;
        a->action = LETHE_ACTION_CREATE;
        a->deleted = false;
    }
    lethe_statement_reset(s);
    return status;
}

static lethe_status insert_planes(lethe_batch *batch, lethe_error *error) {
    lethe_buffer *to = batch->arrays;
    lethe_status status = LETHE_OK;
    if (batch->plane_count == 0) return LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < batch->plane_count; i++) {
        const waiting_plane *w = &batch->planes[i];
        status = put_number(&to[0], batch->items[w->row]->revision, error);
        if (status == LETHE_OK) status = put_number(&to[1], (int64_t)w->slice, error);
        if (status == LETHE_OK) status = put_text(&to[2], w->plane.frame_of_reference, error);
        for (int k = 0; status == LETHE_OK && k < 3; k++) {
            status = put_real(&to[3 + k], w->plane.origin_mm[k], error);
            if (status == LETHE_OK) status = put_real(&to[6 + k], w->plane.x_mm[k], error);
            if (status == LETHE_OK) status = put_real(&to[9 + k], w->plane.y_mm[k], error);
        }
    }
    if (status == LETHE_OK) status = bind_arrays(batch, PLANES, to, error);
    return status == LETHE_OK ? lethe_statement_run(batch->of[PLANES], error) : status;
}

static lethe_status insert_images(lethe_batch *batch, lethe_error *error) {
    lethe_buffer *to = batch->arrays;
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < batch->count; i++) {
        const lethe_annotation *a = batch->items[i];
        const char *own = a->image == NULL ? "" : a->image;
        for (size_t k = 0; status == LETHE_OK && k < a->shape.slice_count; k++) {
            const char *image = a->shape.slices[k].image == NULL ? "" : a->shape.slices[k].image;
            if (image[0] == '\0' || strcmp(image, own) == 0) continue;
            status = put_text(&to[0], image, error);
            if (status == LETHE_OK) status = put_number(&to[1], a->id, error);
        }
    }
    if (status != LETHE_OK || to[0].size == 0) return status;
    status = bind_arrays(batch, IMAGES, to, error);
    return status == LETHE_OK ? lethe_statement_run(batch->of[IMAGES], error) : status;
}

static lethe_status move_heads(lethe_batch *batch, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < batch->count; i++) {
        status = put_number(&batch->arrays[0], batch->items[i]->id, error);
        if (status == LETHE_OK) status = put_number(&batch->arrays[1], batch->items[i]->revision, error);
    }
    if (status == LETHE_OK) status = bind_arrays(batch, HEADS, batch->arrays, error);
    if (status == LETHE_OK) status = lethe_statement_run(batch->of[HEADS], error);
    if (status == LETHE_OK && lethe_statement_changes(batch->of[HEADS]) != (int64_t)batch->count)
        status = lethe_fail(error, LETHE_DATABASE, "not every new annotation got its revision");
    return status;
}

lethe_status lethe_batch_flush(lethe_batch *batch, lethe_error *error) {
    if (batch->count == 0) return LETHE_OK;
    lethe_status status = insert_annotations(batch, error);
    if (status == LETHE_OK) status = insert_revisions(batch, error);
    if (status == LETHE_OK) status = insert_planes(batch, error);
    if (status == LETHE_OK) status = insert_images(batch, error);
    if (status == LETHE_OK) status = move_heads(batch, error);
    batch->count = batch->plane_count = 0;
    return status;
}
