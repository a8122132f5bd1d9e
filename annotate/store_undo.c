/* Undo over sessions, and named states. Both only ever append revisions. */
#include "annotate/store_internal.h"

#include "core/limits.h"
#include "core/memory.h"

#include <string.h>

/* This user's revisions on an image: what joins every query below. */
#define ON_IMAGE                                                                                                                                     \
    " FROM annotation_revision r JOIN annotation a ON a.id = r.annotation JOIN target t ON t.no = a.target WHERE t.image = ?1 AND r.author = ?2 "

/* The last change that is neither an undo itself nor undone. An undo that was redone leaves its redo as the change to look at. */
static const char last_change_sql[] =
    "SELECT r.id, r.annotation, r.previous" ON_IMAGE
    "AND r.action <> 3 AND NOT EXISTS (SELECT 1 FROM annotation_revision u WHERE u.annotation = r.annotation AND u.action = 3 AND "
    "u.undoes = r.id) ORDER BY r.id DESC LIMIT 1";
/* The last undo that was not redone, unless something new was done after it. */
static const char last_undo_sql[] =
    "SELECT r.id, r.annotation, r.undoes" ON_IMAGE
    "AND r.action = 3 AND NOT EXISTS (SELECT 1 FROM annotation_revision d WHERE d.annotation = r.annotation AND d.action = 4 AND "
    "d.undoes = r.id) AND NOT EXISTS (SELECT 1 FROM annotation_revision n JOIN annotation b ON b.id = n.annotation "
    "JOIN target s ON s.no = b.target WHERE s.image = ?1 AND n.author = ?2 AND n.id > r.id AND n.action < 3) "
    "ORDER BY r.id DESC LIMIT 1";

static lethe_status find_revision(lethe_store *store, const char *sql, const char *image, int64_t found[3], lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    const char *texts[2] = {image, store->user};
    lethe_status status = lethe_store_query(store, sql, texts, 2, &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    for (int i = 0; i < 3; i++) found[i] = status == LETHE_OK && row ? lethe_statement_int64(statement, i) : 0;
    lethe_statement_finalize(statement);
    return status;
}

/* Append a revision to `annotation` that says what `revision` said (0: that it does not exist). */
static lethe_status bring_back(lethe_store *store, int64_t annotation, int64_t revision, lethe_action action, int64_t undoes, lethe_error *error) {
    lethe_annotations *now = NULL, *then = NULL;
    lethe_annotation_filter filter = {.annotation = annotation, .include_deleted = true};
    lethe_status status = lethe_store_load(store, &filter, &now, error);
    if (status == LETHE_OK && now->count == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no annotation %lld", (long long)annotation);
    if (status == LETHE_OK && revision != 0) status = lethe_store_load_revision(store, revision, &then, error);
    if (status == LETHE_OK) {
        lethe_annotation again = then != NULL ? then->items[0] : now->items[0];
        again.revision = now->items[0].revision;
        again.spent_ms = 0;
        again.tool = action == LETHE_ACTION_UNDO ? "undo" : action == LETHE_ACTION_REDO ? "redo" : "restore";
        status = lethe_store_append_action(store, &again, action, undoes, then == NULL || then->items[0].deleted, error);
    }
    lethe_annotations_destroy(now);
    lethe_annotations_destroy(then);
    return status;
}

lethe_status lethe_store_undo(lethe_store *store, const char *image, int64_t *annotation, lethe_error *error) {
    int64_t found[3]; /* revision, annotation, the revision before it */
    *annotation = 0;
    lethe_status status = find_revision(store, last_change_sql, image, found, error);
    if (status != LETHE_OK || found[0] == 0) return status;
    status = bring_back(store, found[1], found[2], LETHE_ACTION_UNDO, found[0], error);
    if (status == LETHE_OK) *annotation = found[1];
    return status;
}

lethe_status lethe_store_redo(lethe_store *store, const char *image, int64_t *annotation, lethe_error *error) {
    int64_t found[3]; /* the undo, its annotation, what it had undone */
    *annotation = 0;
    lethe_status status = find_revision(store, last_undo_sql, image, found, error);
    if (status != LETHE_OK || found[0] == 0) return status;
    status = bring_back(store, found[1], found[2], LETHE_ACTION_REDO, found[0], error);
    if (status == LETHE_OK) *annotation = found[1];
    return status;
}

/* --- named states --- */

lethe_status lethe_store_name_state(lethe_store *store, const char *image, const char *name, lethe_error *error) {
    int64_t newest = 0;
    lethe_statement *statement = NULL;
    const char *texts[3] = {image, store->user, name};
    if (name == NULL || name[0] == '\0') return lethe_fail(error, LETHE_USAGE, "a state needs a name");
    lethe_status status = lethe_store_number(store, "SELECT COALESCE(MAX(r.id), 0)" ON_IMAGE, texts, 2, &newest, error);
    if (status == LETHE_OK)
        status = lethe_store_query(store,
                                   "INSERT INTO named_state (image, author, name, revision, at_us) VALUES (?1, ?2, ?3, ?4, ?5) "
                                   "ON CONFLICT (author, image, name) DO UPDATE SET revision = excluded.revision, at_us = excluded.at_us",
                                   texts, 3, &statement, error);
    if (status == LETHE_OK) {
        lethe_statement_bind_int64(statement, 4, newest);
        lethe_statement_bind_int64(statement, 5, lethe_store_now_us());
        status = lethe_statement_run(statement, error);
    }
    lethe_statement_finalize(statement);
    return status;
}

/* Each annotation's revision at a moment: the last one up to it, 0 when it did not exist yet. */
static const char state_sql[] =
    "SELECT a.id, a.head, COALESCE((SELECT MAX(q.id) FROM annotation_revision q WHERE q.annotation = a.id AND q.id <= "
    "CAST(?3 AS BIGINT)), 0), a.deleted FROM annotation a JOIN target t ON t.no = a.target WHERE t.image = ?1 AND a.author = ?2 "
    "ORDER BY a.id";

typedef struct step_back {
    int64_t annotation, revision;
} step_back;

static lethe_status plan_restore(lethe_store *store, const char *image, int64_t moment, step_back **plan, size_t *count, lethe_error *error) {
    lethe_statement *statement = NULL;
    size_t capacity = 0;
    const char *texts[2] = {image, store->user};
    lethe_status status = lethe_store_query(store, state_sql, texts, 2, &statement, error);
    if (status == LETHE_OK) lethe_statement_bind_int64(statement, 3, moment);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        int64_t head = lethe_statement_int64(statement, 1), then = lethe_statement_int64(statement, 2), deleted = lethe_statement_int64(statement, 3);
        if (head == then || (then == 0 && deleted != 0)) continue;
        if (*count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            step_back *grown = lethe_realloc_array(*plan, capacity, sizeof *grown);
            if (grown == NULL) {
                status = lethe_fail(error, LETHE_NO_MEMORY, "no memory to restore a state");
                break;
            }
            *plan = grown;
        }
        (*plan)[(*count)++] = (step_back){lethe_statement_int64(statement, 0), then};
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_store_restore_state(lethe_store *store, const char *image, const char *name, int64_t *changed, lethe_error *error) {
    lethe_statement *statement = NULL;
    step_back *plan = NULL;
    size_t count = 0;
    bool row = false;
    int64_t moment = 0;
    const char *texts[3] = {image, store->user, name};
    *changed = 0;
    lethe_status status =
        lethe_store_query(store, "SELECT revision FROM named_state WHERE image = ?1 AND author = ?2 AND name = ?3", texts, 3, &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_NOT_FOUND, "no state of that name");
    if (status == LETHE_OK) moment = lethe_statement_int64(statement, 0);
    lethe_statement_finalize(statement);
    if (status == LETHE_OK) status = plan_restore(store, image, moment, &plan, &count, error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        status = bring_back(store, plan[i].annotation, plan[i].revision, LETHE_ACTION_CHANGE, 0, error);
        if (status == LETHE_OK) ++*changed;
    }
    lethe_free(plan);
    return status;
}

lethe_status lethe_store_state_names(lethe_store *store, const char *image, lethe_state_names **out, lethe_error *error) {
    lethe_statement *statement = NULL;
    const char *texts[2] = {image, store->user};
    size_t capacity = 0;
    *out = NULL;
    lethe_state_names *names = lethe_alloc_array(1, sizeof *names);
    if (names == NULL || (names->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) == NULL) {
        lethe_free(names);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
    }
    lethe_status status = lethe_store_query(store, "SELECT name, at_us FROM named_state WHERE image = ?1 AND author = ?2 ORDER BY at_us, name", texts,
                                            2, &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        if (names->count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            lethe_state_name *grown = lethe_realloc_array(names->items, capacity, sizeof *grown);
            if (grown == NULL) {
                status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
                break;
            }
            names->items = grown;
        }
        const char *name = lethe_statement_text(statement, 0);
        char *copy = lethe_arena_strndup(names->arena, name, strlen(name));
        if (copy == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
        else names->items[names->count++] = (lethe_state_name){copy, lethe_statement_int64(statement, 1)};
    }
    lethe_statement_finalize(statement);
    if (status == LETHE_OK) *out = names;
    else lethe_state_names_destroy(names);
    return status;
}

void lethe_state_names_destroy(lethe_state_names *names) {
    if (names == NULL) return;
    lethe_arena_destroy(names->arena);
    lethe_free(names->items);
    lethe_free(names);
}
