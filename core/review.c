#include "core/review.h"

#include "core/memory.h"
#include "core/trail.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct lethe_review_desk {
    const lethe_project *project;
    lethe_database *database;
};

static const char *const action_names[LETHE_REVIEW_ACTIONS] = {"mask", "keep", "move", "accept", "undo", "approve", "reject"};
static const char *const scope_names[LETHE_REVIEW_SCOPES] = {"instance", "series", "device"};

const char *lethe_review_action_name(lethe_review_action action) { return (unsigned)action < LETHE_REVIEW_ACTIONS ? action_names[action] : "?"; }
const char *lethe_review_scope_name(lethe_review_scope scope) { return (unsigned)scope < LETHE_REVIEW_SCOPES ? scope_names[scope] : "?"; }

bool lethe_review_scope_parse(const char *word, lethe_review_scope *scope) {
    for (unsigned i = 0; i < LETHE_REVIEW_SCOPES; i++)
        if (strcmp(word, scope_names[i]) == 0) {
            *scope = (lethe_review_scope)i;
            return true;
        }
    return false;
}

#define TABLES                                                                                                                                       \
    "CREATE TABLE review_box (item BIGINT NOT NULL, number BIGINT NOT NULL, first_frame BIGINT NOT NULL, last_frame BIGINT NOT NULL, "               \
    "x BIGINT NOT NULL, y BIGINT NOT NULL, w BIGINT NOT NULL, h BIGINT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (item, number));"                    \
    "CREATE TABLE review_record (id INTEGER PRIMARY KEY AUTOINCREMENT, item BIGINT NOT NULL, action BIGINT NOT NULL, scope BIGINT NOT NULL, "        \
    "first_frame BIGINT NOT NULL, last_frame BIGINT NOT NULL, x BIGINT NOT NULL, y BIGINT NOT NULL, w BIGINT NOT NULL, h BIGINT NOT NULL, "          \
    "from_x BIGINT NOT NULL, from_y BIGINT NOT NULL, from_w BIGINT NOT NULL, from_h BIGINT NOT NULL, target BIGINT NOT NULL, "                       \
    "person TEXT NOT NULL, decided_us BIGINT NOT NULL);"                                                                                             \
    "CREATE INDEX review_record_item ON review_record (item);"                                                                                       \
    "CREATE TABLE review_done (record BIGINT PRIMARY KEY, done_us BIGINT NOT NULL);"                                                                 \
    "CREATE TABLE review_remake (item BIGINT PRIMARY KEY);"

static const lethe_migration migrations[] = {
    {1,
     TABLES "CREATE TRIGGER review_record_no_update BEFORE UPDATE ON review_record BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;"
            "CREATE TRIGGER review_record_no_delete BEFORE DELETE ON review_record BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;",
     TABLES "CREATE RULE review_record_no_update AS ON UPDATE TO review_record DO INSTEAD NOTHING;"
            "CREATE RULE review_record_no_delete AS ON DELETE TO review_record DO INSTEAD NOTHING;"},
    {2, "CREATE INDEX item_output ON item (output) WHERE output <> '';", NULL}}; /* contact sheets ask for originals */

static int64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

lethe_status lethe_review_desk_open(const lethe_project *project, lethe_queue *queue, lethe_review_desk **out, lethe_error *error) {
    *out = NULL;
    lethe_review_desk *desk = lethe_alloc_array(1, sizeof *desk);
    if (desk == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the review desk");
    desk->project = project;
    desk->database = lethe_queue_database(queue);
    lethe_status status = lethe_database_migrate_component(desk->database, "review", migrations, sizeof migrations / sizeof *migrations, error);
    if (status != LETHE_OK) lethe_review_desk_close(desk);
    else *out = desk;
    return status;
}

void lethe_review_desk_close(lethe_review_desk *desk) { lethe_free(desk); }

/* --- proposals --- */

static lethe_status run_with_id(lethe_review_desk *desk, const char *sql, int64_t id, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(desk->database, sql, &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, id);
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status insert_boxes(lethe_review_desk *desk, int64_t item, const lethe_review_box *boxes, size_t count, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = run_with_id(desk, "DELETE FROM review_box WHERE item = ?1", item, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(desk->database, "INSERT INTO review_box VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", &statement, error);
    for (size_t i = 0; i < count && status == LETHE_OK; i++) {
        const int64_t values[] = {item, (int64_t)i, boxes[i].first_frame, boxes[i].last_frame, boxes[i].x, boxes[i].y, boxes[i].w, boxes[i].h};
        for (int v = 0; v < 8; v++) lethe_statement_bind_int64(statement, v + 1, values[v]);
        lethe_statement_bind_text(statement, 9, boxes[i].why);
        status = lethe_statement_run(statement, error);
        lethe_statement_reset(statement);
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_review_put_boxes(lethe_review_desk *desk, int64_t item, const lethe_review_box *boxes, size_t count, lethe_error *error) {
    lethe_status status = lethe_database_begin(desk->database, error);
    if (status != LETHE_OK) return status;
    status = insert_boxes(desk, item, boxes, count, error);
    if (status == LETHE_OK) return lethe_database_commit(desk->database, error);
    lethe_database_rollback(desk->database);
    return status;
}

static lethe_status read_boxes(lethe_statement *statement, lethe_review_box **boxes, size_t *count, lethe_error *error) {
    size_t capacity = 0;
    bool row = false;
    lethe_status status;
    while ((status = lethe_statement_step(statement, &row, error)) == LETHE_OK && row) {
        if (*count == capacity) {
            capacity = capacity * 2 + 16;
            lethe_review_box *grown = lethe_realloc_array(*boxes, capacity, sizeof *grown);
            if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for boxes");
            *boxes = grown;
        }
        lethe_review_box *box = &(*boxes)[(*count)++];
        *box = (lethe_review_box){.first_frame = (uint32_t)lethe_statement_int64(statement, 0),
                                  .last_frame = (uint32_t)lethe_statement_int64(statement, 1),
                                  .x = (uint32_t)lethe_statement_int64(statement, 2),
                                  .y = (uint32_t)lethe_statement_int64(statement, 3),
                                  .w = (uint32_t)lethe_statement_int64(statement, 4),
                                  .h = (uint32_t)lethe_statement_int64(statement, 5)};
        (void)snprintf(box->why, sizeof box->why, "%s", lethe_statement_text(statement, 6));
    }
    return status;
}

lethe_status lethe_review_boxes(lethe_review_desk *desk, int64_t item, lethe_review_box **boxes, size_t *count, lethe_error *error) {
    lethe_statement *statement = NULL;
    *boxes = NULL;
    *count = 0;
    lethe_status status = lethe_statement_prepare(
        desk->database, "SELECT first_frame, last_frame, x, y, w, h, why FROM review_box WHERE item = ?1 ORDER BY number", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, item);
    status = read_boxes(statement, boxes, count, error);
    lethe_statement_finalize(statement);
    if (status == LETHE_OK) return status;
    lethe_free(*boxes);
    *boxes = NULL;
    *count = 0;
    return status;
}

/* --- decisions --- */

static bool is_plain_name(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == '"' || *text == '\\' || (unsigned char)*text > 0x7E) return false;
    return true;
}

static lethe_status insert_decision(lethe_review_desk *desk, lethe_review_decision *d, lethe_error *error) {
    static const char sql[] =
        "INSERT INTO review_record (item, action, scope, first_frame, last_frame, x, y, w, h, from_x, from_y, from_w, from_h, target, person, "
        "decided_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) RETURNING id";
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(desk->database, sql, &statement, error);
    if (status != LETHE_OK) return status;
    const int64_t values[] = {d->item,  d->action, d->scope,  d->box.first_frame, d->box.last_frame, d->box.x,  d->box.y,
                              d->box.w, d->box.h,  d->from.x, d->from.y,          d->from.w,         d->from.h, d->target};
    for (int v = 0; v < 14; v++) lethe_statement_bind_int64(statement, v + 1, values[v]);
    lethe_statement_bind_text(statement, 15, d->person);
    lethe_statement_bind_int64(statement, 16, d->decided_us);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && row) d->id = lethe_statement_int64(statement, 0);
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_review_record(lethe_review_desk *desk, lethe_review_decision *d, lethe_error *error) {
    if (!is_plain_name(d->person)) return lethe_fail(error, LETHE_USAGE, "a reviewer's name is written in plain letters");
    d->decided_us = now_us();
    d->done = false;
    lethe_status status = lethe_trail_append(
        desk->project, error, "review",
        "\"item\":%lld,\"action\":\"%s\",\"scope\":\"%s\",\"person\":\"%s\",\"box\":[%u,%u,%u,%u],\"frames\":[%u,%u],\"from\":[%u,%u,%u,%u],"
        "\"target\":%lld",
        (long long)d->item, lethe_review_action_name(d->action), lethe_review_scope_name(d->scope), d->person, d->box.x, d->box.y, d->box.w, d->box.h,
        d->box.first_frame, d->box.last_frame, d->from.x, d->from.y, d->from.w, d->from.h, (long long)d->target);
    return status == LETHE_OK ? insert_decision(desk, d, error) : status;
}

lethe_status lethe_review_finish(lethe_review_desk *desk, int64_t decision, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(desk->database, "INSERT INTO review_done (record, done_us) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                                                  &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, decision);
    lethe_statement_bind_int64(statement, 2, now_us());
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

static lethe_review_box box_at(lethe_statement *statement, int column, bool frames) {
    lethe_review_box box = {.last_frame = UINT32_MAX};
    if (frames) {
        box.first_frame = (uint32_t)lethe_statement_int64(statement, column++);
        box.last_frame = (uint32_t)lethe_statement_int64(statement, column++);
    }
    box.x = (uint32_t)lethe_statement_int64(statement, column);
    box.y = (uint32_t)lethe_statement_int64(statement, column + 1);
    box.w = (uint32_t)lethe_statement_int64(statement, column + 2);
    box.h = (uint32_t)lethe_statement_int64(statement, column + 3);
    return box;
}

static lethe_review_decision decision_of(lethe_statement *statement) {
    lethe_review_decision d = {.id = lethe_statement_int64(statement, 0),
                               .item = lethe_statement_int64(statement, 1),
                               .action = (lethe_review_action)lethe_statement_int64(statement, 2),
                               .scope = (lethe_review_scope)lethe_statement_int64(statement, 3),
                               .box = box_at(statement, 4, true),
                               .from = box_at(statement, 10, false),
                               .target = lethe_statement_int64(statement, 14),
                               .decided_us = lethe_statement_int64(statement, 16),
                               .done = !lethe_statement_is_null(statement, 17)};
    (void)snprintf(d.person, sizeof d.person, "%s", lethe_statement_text(statement, 15));
    return d;
}

/* All are read before any is shown: a visitor may write. */
lethe_status lethe_review_visit(lethe_review_desk *desk, int64_t item, bool only_open, lethe_review_fn visit, void *context, lethe_error *error) {
    static const char sql[] =
        "SELECT r.id, r.item, r.action, r.scope, r.first_frame, r.last_frame, r.x, r.y, r.w, r.h, r.from_x, r.from_y, r.from_w, r.from_h, r.target, "
        "r.person, r.decided_us, d.done_us FROM review_record r LEFT JOIN review_done d ON d.record = r.id WHERE (CAST(?1 AS BIGINT) = 0 OR r.item = "
        "?2) AND "
        "(CAST(?3 AS BIGINT) = 0 OR d.done_us IS NULL) ORDER BY r.id";
    lethe_statement *statement = NULL;
    lethe_review_decision *all = NULL;
    size_t count = 0, capacity = 0;
    bool row = false;
    lethe_status status = lethe_statement_prepare(desk->database, sql, &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, item);
    lethe_statement_bind_int64(statement, 2, item);
    lethe_statement_bind_int64(statement, 3, only_open);
    while ((status = lethe_statement_step(statement, &row, error)) == LETHE_OK && row) {
        if (count == capacity) {
            capacity = capacity * 2 + 32;
            lethe_review_decision *grown = lethe_realloc_array(all, capacity, sizeof *grown);
            if (grown == NULL) {
                status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for decisions");
                break;
            }
            all = grown;
        }
        all[count++] = decision_of(statement);
    }
    lethe_statement_finalize(statement);
    for (size_t i = 0; i < count && status == LETHE_OK; i++) status = visit(context, &all[i], error);
    lethe_free(all);
    return status;
}

/* --- outputs to be made again --- */

lethe_status lethe_review_remake_add(lethe_review_desk *desk, int64_t item, lethe_error *error) {
    return run_with_id(desk, "INSERT INTO review_remake (item) VALUES (?1) ON CONFLICT DO NOTHING", item, error);
}

lethe_status lethe_review_remake_done(lethe_review_desk *desk, int64_t item, lethe_error *error) {
    return run_with_id(desk, "DELETE FROM review_remake WHERE item = ?1", item, error);
}

lethe_status lethe_review_remake_list(lethe_review_desk *desk, int64_t *items, size_t capacity, size_t *count, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    *count = 0;
    lethe_status status = lethe_statement_prepare(desk->database, "SELECT item FROM review_remake ORDER BY item", &statement, error);
    if (status != LETHE_OK) return status;
    while (*count < capacity && (status = lethe_statement_step(statement, &row, error)) == LETHE_OK && row)
        items[(*count)++] = lethe_statement_int64(statement, 0);
    lethe_statement_finalize(statement);
    return status;
}
