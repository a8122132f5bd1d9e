/* Appending revisions. A change never touches an old revision: it adds one and moves the annotation's head, in one transaction. */
#include "annotate/store_batch.h"

#include "core/buffer.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Statements that a batch uses again and again. */
typedef struct writer {
    lethe_store *store;
    lethe_statement *find_entry, *find_target, *add_target, *add_annotation, *add_revision, *move_head, *head_of, *add_image, *put_box, *drop_box;
    lethe_placer *placer;
    lethe_buffer shape;
    char image[512], patient[128], case_id[512]; /* of the last image looked up */
    char study[65], series[65];
    bool have_image;
    /* the last target and task: annotations of a batch mostly share them */
    char target_key[1300], task_key[700];
    int64_t target, task;
} writer;

/* What one append works with once its place is known. */
typedef struct place {
    const char *patient, *study_uid, *series_uid, *image, *case_id;
    int64_t target;
} place;

static void writer_close(writer *w) {
    lethe_statement *all[] = {w->find_entry, w->find_target, w->add_target, w->add_annotation, w->add_revision,
                              w->move_head,  w->head_of,     w->add_image,  w->put_box,        w->drop_box};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) lethe_statement_finalize(all[i]);
    lethe_placer_destroy(w->placer);
    lethe_buffer_release(&w->shape);
}

static lethe_status writer_open(lethe_store *store, writer *w, lethe_error *error) {
    memset(w, 0, sizeof *w);
    w->store = store;
    lethe_buffer_init(&w->shape, LETHE_LIMIT_ARENA_BYTES);
    bool sqlite = lethe_database_backend(store->database) == LETHE_SQLITE;
    const struct {
        lethe_statement **slot;
        const char *sql;
    } all[] = {
        {&w->find_entry, "SELECT patient, study_uid, series_uid, kind, path FROM entry WHERE instance_uid = ?1 OR path = ?1 LIMIT 1"},
        {&w->find_target, sqlite ? "SELECT no FROM target WHERE patient = ?1 AND study_uid = ?2 AND series_uid = ?3 AND image = ?4"
                                 : "SELECT target_number(?1, ?2, ?3, ?4)"},
        {&w->add_target, "INSERT INTO target (patient, study_uid, series_uid, image) VALUES (?1, ?2, ?3, ?4) RETURNING no"},
        {&w->add_annotation, "INSERT INTO annotation (target, author, task, head, deleted, shared, origin, x0, y0, x1, y1) "
                             "VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id"},
        {&w->add_revision,
         "INSERT INTO annotation_revision (annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, "
         "confidence, spent_ms, deleted, shape) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) RETURNING id, at_us"},
        {&w->move_head, "UPDATE annotation SET head = ?2, deleted = ?3, x0 = ?4, y0 = ?5, x1 = ?6, y1 = ?7 WHERE id = ?1"},
        {&w->head_of, "SELECT a.head, a.author, a.target, a.task, a.shared FROM annotation a WHERE a.id = ?1"},
        {&w->add_image, "INSERT INTO annotation_image (image, annotation) VALUES (?1, ?2) ON CONFLICT DO NOTHING"},
        {&w->put_box, sqlite ? "INSERT OR REPLACE INTO annotation_rtree (id, n0, n1, x0, x1, y0, y1) VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6)" : NULL},
        {&w->drop_box, sqlite ? "DELETE FROM annotation_rtree WHERE id = ?1" : NULL},
    };
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < sizeof all / sizeof *all; i++)
        if (all[i].sql != NULL) status = lethe_statement_prepare(store->database, all[i].sql, all[i].slot, error);
    return status == LETHE_OK ? lethe_placer_create(store, &w->placer, error) : status;
}

static const char *or_empty(const char *text) { return text == NULL ? "" : text; }

static bool keep_text(char *out, size_t size, const char *text) {
    size_t length = strlen(text);
    if (length >= size) return false;
    memcpy(out, text, length + 1);
    return true;
}

/* --- where an annotation belongs --- */

static lethe_status look_up_image(writer *w, const char *image, lethe_error *error) {
    bool row = false;
    if (w->have_image && strcmp(w->image, image) == 0) return LETHE_OK;
    w->have_image = false;
    lethe_statement_bind_text(w->find_entry, 1, image);
    lethe_status status = lethe_statement_step(w->find_entry, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_NOT_FOUND, "no released image %.100s", image);
    if (status == LETHE_OK) {
        const char *kind = lethe_statement_text(w->find_entry, 3), *study = lethe_statement_text(w->find_entry, 1);
        const char *case_id = strcmp(kind, "slide") == 0 ? lethe_statement_text(w->find_entry, 4) : study;
        bool fits = keep_text(w->image, sizeof w->image, image) && keep_text(w->patient, sizeof w->patient, lethe_statement_text(w->find_entry, 0)) &&
                    keep_text(w->study, sizeof w->study, study) && keep_text(w->series, sizeof w->series, lethe_statement_text(w->find_entry, 2)) &&
                    keep_text(w->case_id, sizeof w->case_id, case_id);
        if (!fits) status = lethe_fail(error, LETHE_LIMIT, "a name in the catalogue is too long");
        w->have_image = fits;
    }
    lethe_statement_reset(w->find_entry);
    return status;
}

/* Series, studies and patients: what stands above them comes from the catalogue, whatever the caller said. */
static lethe_status look_up_group(writer *w, const char *column, const char *value, place *at, lethe_error *error) {
    char sql[128];
    bool row = false, fits = true;
    lethe_statement *statement = NULL;
    w->have_image = false;
    (void)snprintf(sql, sizeof sql, "SELECT patient, study_uid FROM entry WHERE %s = ?1 LIMIT 1", column);
    lethe_status status = lethe_store_query(w->store, sql, &value, 1, &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_NOT_FOUND, "nothing released has this %s: %.100s", column, value);
    if (status == LETHE_OK) {
        fits = keep_text(w->patient, sizeof w->patient, lethe_statement_text(statement, 0)) &&
               keep_text(w->study, sizeof w->study, lethe_statement_text(statement, 1));
        at->patient = w->patient;
        bool below_patient = strcmp(column, "patient") != 0;
        at->study_uid = below_patient ? w->study : "";
        at->case_id = at->study_uid;
    }
    lethe_statement_finalize(statement);
    return status == LETHE_OK && !fits ? lethe_fail(error, LETHE_LIMIT, "a name in the catalogue is too long") : status;
}

static void keep_target(writer *w, const char *key, int64_t target) {
    w->target = key == NULL ? 0 : target;
    if (key != NULL) memcpy(w->target_key, key, strlen(key) + 1);
}

/* The task under which the author annotates the case: looked up once for neighbours. */
static lethe_status find_task(writer *w, const char *case_id, const char *author, int64_t *task, lethe_error *error) {
    char key[sizeof w->task_key];
    int length = snprintf(key, sizeof key, "%s|%s", author, case_id);
    if (length > 0 && (size_t)length < sizeof key && w->task_key[0] != '\0' && strcmp(key, w->task_key) == 0) {
        *task = w->task;
        return LETHE_OK;
    }
    lethe_status status = lethe_store_task_for(w->store, case_id, author, task, error);
    w->task_key[0] = '\0';
    if (status == LETHE_OK && length > 0 && (size_t)length < sizeof key) {
        memcpy(w->task_key, key, sizeof key);
        w->task = *task;
    }
    return status;
}

static lethe_status find_place(writer *w, const lethe_annotation *a, place *at, lethe_error *error) {
    lethe_status status = LETHE_OK;
    bool row = false;
    *at = (place){or_empty(a->patient), or_empty(a->study_uid), or_empty(a->series_uid), or_empty(a->image), or_empty(a->study_uid), 0};
    if (at->image[0] != '\0') {
        status = look_up_image(w, at->image, error);
        if (status == LETHE_OK) *at = (place){w->patient, w->study, w->series, at->image, w->case_id, 0};
    } else if (a->level == LETHE_LEVEL_IMAGE ||
               (a->level == LETHE_LEVEL_REGION && a->shape.kind != LETHE_SHAPE_VOLUME && a->shape.measure != LETHE_MEASURE_VOLUME_MM3)) {
        status = lethe_fail(error, LETHE_MALFORMED, "an annotation of an image must name the image");
    } else if (at->series_uid[0] != '\0') {
        status = look_up_group(w, "series_uid", at->series_uid, at, error);
    } else if (at->study_uid[0] != '\0' && a->level >= LETHE_LEVEL_STUDY) {
        status = look_up_group(w, "study_uid", at->study_uid, at, error);
    } else if (at->patient[0] != '\0' && a->level == LETHE_LEVEL_PATIENT) {
        status = look_up_group(w, "patient", at->patient, at, error);
    } else {
        status = lethe_fail(error, LETHE_MALFORMED, "an annotation of a %s must name it", lethe_level_name(a->level));
    }
    if (status != LETHE_OK) return status;
    const char *keys[4] = {at->patient, at->study_uid, at->series_uid, at->image};
    char key[sizeof w->target_key];
    int length = snprintf(key, sizeof key, "%s|%s|%s|%s", keys[0], keys[1], keys[2], keys[3]);
    bool short_key = length > 0 && (size_t)length < sizeof key;
    if (short_key && w->target != 0 && strcmp(key, w->target_key) == 0) {
        at->target = w->target;
        return LETHE_OK;
    }
    for (int i = 0; i < 4; i++) lethe_statement_bind_text(w->find_target, i + 1, keys[i]);
    status = lethe_statement_step(w->find_target, &row, error);
    if (status == LETHE_OK && row) at->target = lethe_statement_int64(w->find_target, 0);
    lethe_statement_reset(w->find_target);
    if (status != LETHE_OK) return status;
    if (at->target != 0) {
        keep_target(w, short_key ? key : NULL, at->target);
        return LETHE_OK;
    }
    for (int i = 0; i < 4; i++) lethe_statement_bind_text(w->add_target, i + 1, keys[i]);
    status = lethe_statement_step(w->add_target, &row, error);
    if (status == LETHE_OK) at->target = lethe_statement_int64(w->add_target, 0);
    lethe_statement_reset(w->add_target);
    if (status == LETHE_OK) keep_target(w, short_key ? key : NULL, at->target);
    return status;
}

/* --- writing --- */

static bool box_of(const lethe_shape *shape, int64_t box[4]) {
    lethe_box bounds = {0};
    bool has_box = lethe_shape_bounds(shape, &bounds);
    const double edges[4] = {floor(bounds.x0), floor(bounds.y0), ceil(bounds.x1), ceil(bounds.y1)};
    for (int i = 0; i < 4; i++)
        box[i] = edges[i] > INT32_MAX ? INT32_MAX : edges[i] < INT32_MIN ? INT32_MIN : (int64_t)edges[i]; /* the R-tree holds 32 bits */
    return has_box;
}

static void bind_bounds(lethe_statement *statement, int first, const lethe_shape *shape, int64_t box[4], bool *has_box) {
    *has_box = box_of(shape, box);
    for (int i = 0; i < 4; i++) {
        if (*has_box) lethe_statement_bind_int64(statement, first + i, box[i]);
        else lethe_statement_bind_null(statement, first + i);
    }
}

static lethe_status put_box(writer *w, int64_t id, int64_t target, const int64_t box[4], bool has_box, lethe_error *error) {
    if (w->put_box == NULL) return LETHE_OK; /* PostgreSQL indexes the columns themselves */
    if (!has_box) {
        lethe_statement_bind_int64(w->drop_box, 1, id);
        return lethe_statement_run(w->drop_box, error);
    }
    const int64_t values[6] = {id, target, box[0], box[2], box[1], box[3]};
    for (int i = 0; i < 6; i++) lethe_statement_bind_int64(w->put_box, i + 1, values[i]);
    return lethe_statement_run(w->put_box, error);
}

static lethe_status returned_id(lethe_statement *statement, int64_t *id, lethe_error *error) {
    bool row = false;
    lethe_status status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_DATABASE, "the store gave no number for a new row");
    if (status == LETHE_OK) *id = lethe_statement_int64(statement, 0);
    lethe_statement_reset(statement);
    return status;
}

typedef struct change {
    int64_t previous, undoes, origin, target;
    lethe_action action;
    bool deleted, shared;
    const char *author;
} change;

static lethe_status insert_annotation(writer *w, lethe_annotation *a, const change *c, lethe_error *error) {
    int64_t box[4];
    bool has_box;
    lethe_statement *s = w->add_annotation;
    lethe_statement_bind_int64(s, 1, c->target);
    lethe_statement_bind_text(s, 2, c->author);
    lethe_statement_bind_int64(s, 3, a->task);
    lethe_statement_bind_int64(s, 4, c->deleted);
    lethe_statement_bind_int64(s, 5, c->shared);
    lethe_statement_bind_int64(s, 6, c->origin);
    bind_bounds(s, 7, &a->shape, box, &has_box);
    return returned_id(s, &a->id, error);
}

static lethe_status insert_revision(writer *w, lethe_annotation *a, const change *c, lethe_error *error) {
    lethe_statement *s = w->add_revision;
    lethe_status status = LETHE_OK;
    lethe_buffer_clear(&w->shape);
    if (a->shape.kind != LETHE_SHAPE_NONE) status = lethe_shape_encode(&a->shape, &w->shape, error);
    if (status != LETHE_OK) return status;
    a->at_us = lethe_store_now_us();
    const int64_t head[4] = {a->id, c->previous, c->action, c->undoes};
    for (int i = 0; i < 4; i++) lethe_statement_bind_int64(s, i + 1, head[i]);
    lethe_statement_bind_text(s, 5, c->author);
    lethe_statement_bind_int64(s, 6, a->at_us);
    lethe_statement_bind_int64(s, 7, a->level);
    const char *texts[5] = {a->label, a->value, a->form, a->tool, a->source};
    for (int i = 0; i < 5; i++) lethe_statement_bind_text(s, 8 + i, or_empty(texts[i]));
    if (a->confidence >= 0) lethe_statement_bind_double(s, 13, a->confidence);
    else lethe_statement_bind_null(s, 13);
    lethe_statement_bind_int64(s, 14, a->spent_ms);
    lethe_statement_bind_int64(s, 15, c->deleted);
    if (w->shape.size != 0) lethe_statement_bind_blob(s, 16, w->shape.bytes, w->shape.size);
    else lethe_statement_bind_null(s, 16);
    bool row = false;
    status = lethe_statement_step(s, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_DATABASE, "the store gave no number for a revision");
    if (status == LETHE_OK) {
        a->revision = lethe_statement_int64(s, 0);
        a->at_us = lethe_statement_int64(s, 1); /* a server keeps its own time */
    }
    lethe_statement_reset(s);
    return status;
}

static lethe_status insert_images(writer *w, const lethe_annotation *a, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < a->shape.slice_count; i++) {
        const char *image = or_empty(a->shape.slices[i].image);
        if (image[0] == '\0' || strcmp(image, or_empty(a->image)) == 0) continue;
        lethe_statement_bind_text(w->add_image, 1, image);
        lethe_statement_bind_int64(w->add_image, 2, a->id);
        status = lethe_statement_run(w->add_image, error);
    }
    return status;
}

static lethe_status move_head(writer *w, const lethe_annotation *a, const change *c, lethe_error *error) {
    int64_t box[4];
    bool has_box;
    lethe_statement *s = w->move_head;
    lethe_statement_bind_int64(s, 1, a->id);
    lethe_statement_bind_int64(s, 2, a->revision);
    lethe_statement_bind_int64(s, 3, c->deleted);
    bind_bounds(s, 4, &a->shape, box, &has_box);
    lethe_status status = lethe_statement_run(s, error);
    return status == LETHE_OK ? put_box(w, a->id, c->target, box, has_box && !c->deleted, error) : status;
}

/* The annotation that is changed: whose, and is what the caller saw still current? A reader's change of a shared one (a model's prediction) makes an
 * annotation of their own, so that every reader corrects alone. */
static lethe_status find_head(writer *w, lethe_annotation *a, change *c, lethe_error *error) {
    bool row = false;
    lethe_statement_bind_int64(w->head_of, 1, a->id);
    lethe_status status = lethe_statement_step(w->head_of, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_NOT_FOUND, "no annotation %lld", (long long)a->id);
    if (status == LETHE_OK) {
        int64_t head = lethe_statement_int64(w->head_of, 0);
        bool own = strcmp(lethe_statement_text(w->head_of, 1), c->author) == 0, shared = lethe_statement_int64(w->head_of, 4) != 0;
        c->previous = head;
        if (a->task == 0) a->task = lethe_statement_int64(w->head_of, 3);
        if (a->revision != 0 && a->revision != head) {
            status = lethe_fail(error, LETHE_EXISTS, "annotation %lld was changed by somebody else", (long long)a->id);
        } else if (!own && shared && w->store->role == LETHE_ROLE_READER) {
            c->origin = a->id;
            c->previous = 0;
            a->id = 0;
        } else if (!own && w->store->role == LETHE_ROLE_READER) {
            status = lethe_fail(error, LETHE_DENIED, "annotation %lld belongs to somebody else", (long long)a->id);
        }
        /* An organiser who corrects somebody's annotation stands as the author of the revision, not of the annotation. */
    }
    lethe_statement_reset(w->head_of);
    return status;
}

static lethe_status check_content(writer *w, const lethe_annotation *a, bool deleted, lethe_error *error) {
    lethe_status status = lethe_shape_check(&a->shape, error);
    if (status != LETHE_OK || deleted) return status;
    if (or_empty(a->label)[0] == '\0') return lethe_fail(error, LETHE_MALFORMED, "an annotation needs a label");
    const char *texts[5] = {a->label, a->value, a->form, a->tool, a->source};
    for (int i = 0; i < 5; i++)
        if (!lethe_utf8_is_valid(or_empty(texts[i]), strlen(or_empty(texts[i])))) return lethe_fail(error, LETHE_MALFORMED, "text is not UTF-8");
    if (w->store->schema == NULL) return LETHE_OK;
    return lethe_schema_check(w->store->schema, a->label, a->level, a->shape.kind, or_empty(a->value), or_empty(a->form), false, error);
}

static lethe_status append_one(writer *w, lethe_annotation *a, change *c, lethe_error *error) {
    place at;
    lethe_status status = check_content(w, a, c->deleted, error);
    if (status == LETHE_OK) status = find_place(w, a, &at, error);
    if (status == LETHE_OK && a->id != 0 && c->previous == 0) status = find_head(w, a, c, error);
    if (status == LETHE_OK && a->task == 0) status = find_task(w, at.case_id, c->author, &a->task, error);
    if (status != LETHE_OK) return status;
    c->target = at.target;
    if (a->id == 0) {
        status = insert_annotation(w, a, c, error);
        if (status == LETHE_OK && c->action == LETHE_ACTION_CHANGE) c->action = LETHE_ACTION_CREATE;
    }
    if (status == LETHE_OK) status = lethe_placer_prepare(w->placer, a, error);
    if (status == LETHE_OK) status = insert_revision(w, a, c, error);
    if (status == LETHE_EXISTS && error != NULL) { /* UNIQUE (annotation, previous): two changes of the same revision at once */
        lethe_error_clear(error);
        status = lethe_fail(error, LETHE_EXISTS, "the annotation was changed by somebody else");
    }
    if (status == LETHE_OK) status = lethe_placer_store(w->placer, a->revision, error);
    if (status == LETHE_OK) status = insert_images(w, a, error);
    if (status == LETHE_OK) status = move_head(w, a, c, error);
    if (status == LETHE_OK) {
        a->author = c->author;
        a->action = c->action;
        a->deleted = c->deleted;
    }
    return status;
}

/* A new annotation that is written together with others. */
static lethe_status append_later(writer *w, lethe_batch *batch, lethe_annotation *a, const char *author, lethe_error *error) {
    place at;
    lethe_batch_row row = {0};
    lethe_status status = check_content(w, a, false, error);
    if (status == LETHE_OK) status = find_place(w, a, &at, error);
    if (status == LETHE_OK && a->task == 0) status = find_task(w, at.case_id, author, &a->task, error);
    if (status == LETHE_OK) status = lethe_placer_prepare(w->placer, a, error);
    lethe_buffer_clear(&w->shape);
    if (status == LETHE_OK && a->shape.kind != LETHE_SHAPE_NONE) status = lethe_shape_encode(&a->shape, &w->shape, error);
    if (status != LETHE_OK) return status;
    row.target = at.target;
    row.has_box = box_of(&a->shape, row.box);
    row.shape = w->shape.size == 0 ? NULL : w->shape.bytes;
    row.shape_bytes = w->shape.size;
    return lethe_batch_add(batch, a, &row, w->placer, error);
}

lethe_status lethe_store_append_as(lethe_store *store, const char *author, bool shared, lethe_annotation *annotations, size_t count, size_t *failed,
                                   lethe_error *error) {
    writer w;
    if ((shared || strcmp(author, store->user) != 0) && store->role != LETHE_ROLE_ORGANISER)
        return lethe_fail(error, LETHE_DENIED, "only an organiser writes for others");
    lethe_status status = lethe_database_begin(store->database, error);
    if (status != LETHE_OK) return status;
    lethe_batch *batch = NULL;
    status = writer_open(store, &w, error);
    if (status == LETHE_OK && count > 1 && lethe_database_backend(store->database) == LETHE_POSTGRESQL)
        status = lethe_batch_create(store, author, shared, &batch, error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        change c = {.action = annotations[i].id == 0 ? LETHE_ACTION_CREATE : LETHE_ACTION_CHANGE, .author = author, .shared = shared};
        status = batch != NULL && annotations[i].id == 0 ? append_later(&w, batch, &annotations[i], author, error)
                                                         : append_one(&w, &annotations[i], &c, error);
        if (status != LETHE_OK && failed != NULL) *failed = i;
    }
    if (status == LETHE_OK && batch != NULL) status = lethe_batch_flush(batch, error);
    lethe_batch_destroy(batch);
    writer_close(&w);
    if (status == LETHE_OK) return lethe_database_commit(store->database, error);
    lethe_database_rollback(store->database);
    return status;
}

lethe_status lethe_store_append_many(lethe_store *store, lethe_annotation *annotations, size_t count, size_t *failed, lethe_error *error) {
    return lethe_store_append_as(store, store->user, false, annotations, count, failed, error);
}

lethe_status lethe_store_append(lethe_store *store, lethe_annotation *annotation, lethe_error *error) {
    lethe_annotation saved = *annotation;
    lethe_status status = lethe_store_append_many(store, annotation, 1, NULL, error);
    if (status != LETHE_OK) *annotation = saved;
    return status;
}

/* One revision that copies `a` (as loaded) with another action; its own transaction. */
lethe_status lethe_store_append_action(lethe_store *store, lethe_annotation *a, lethe_action action, int64_t undoes, bool deleted,
                                       lethe_error *error) {
    writer w;
    change c = {.action = action, .undoes = undoes, .deleted = deleted, .author = store->user};
    lethe_status status = lethe_database_begin(store->database, error);
    if (status != LETHE_OK) return status;
    status = writer_open(store, &w, error);
    if (status == LETHE_OK) status = append_one(&w, a, &c, error);
    writer_close(&w);
    if (status == LETHE_OK) return lethe_database_commit(store->database, error);
    lethe_database_rollback(store->database);
    return status;
}

lethe_status lethe_store_delete(lethe_store *store, int64_t annotation, int64_t spent_ms, lethe_error *error) {
    lethe_annotations *found = NULL;
    lethe_annotation_filter filter = {.annotation = annotation};
    lethe_status status = lethe_store_load(store, &filter, &found, error);
    if (status == LETHE_OK && found->count == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no annotation %lld", (long long)annotation);
    if (status == LETHE_OK) {
        found->items[0].spent_ms = spent_ms;
        found->items[0].tool = "delete";
        status = lethe_store_append_action(store, &found->items[0], LETHE_ACTION_DELETE, 0, true, error);
    }
    lethe_annotations_destroy(found);
    return status;
}
