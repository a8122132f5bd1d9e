#include "core/queue.h"

#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Hosts that died while they held an item before it is given up: far more than LETHE_QUEUE_ATTEMPTS, since a host dies with many innocent items. */
enum { TAKEOVERS = 10, PAGE = 64 };

/* On PostgreSQL a worker holds an advisory lock while its session lives. A lock that is free for so long is a host that is gone. */
enum { LIFE_LOCK = 5495748, GONE_SECONDS = 15 };

/* A worker of another host whose lock was found free. */
typedef struct silence {
    char name[LETHE_WORKER_NAME_SIZE];
    int64_t since_us;
} silence;

struct lethe_queue {
    lethe_database *database;
    lethe_statement *insert, *conflict, *same, *finish, *leave; /* prepared when first needed */
    silence silences[PAGE];
    size_t silence_count;
};

static const lethe_migration migrations[] = {
    {1,
     "CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, kind BIGINT NOT NULL, state BIGINT NOT NULL, path TEXT NOT NULL, sop_class TEXT NOT "
     "NULL, "
     "sop_instance TEXT NOT NULL, sha256 TEXT NOT NULL, size_bytes BIGINT NOT NULL, received_us BIGINT NOT NULL, source TEXT NOT NULL, "
     "source_name TEXT NOT NULL, priority BIGINT NOT NULL, attempts BIGINT NOT NULL, reason TEXT NOT NULL, output TEXT NOT NULL, "
     "claimed_by TEXT NOT NULL DEFAULT '', claimed_until_us BIGINT NOT NULL DEFAULT 0, takeovers BIGINT NOT NULL DEFAULT 0, "
     "finished_us BIGINT NOT NULL DEFAULT 0);"
     /* A dropped item has lost its digest: tombstones do not collide. */
     "CREATE UNIQUE INDEX item_content ON item (sop_instance, sha256) WHERE sha256 <> '';"
     "CREATE INDEX item_state ON item (state, id);"
     "CREATE INDEX item_waiting ON item (priority DESC, id) WHERE state = 0;"
     "CREATE INDEX item_claimed ON item (claimed_until_us) WHERE state = 1;",
     NULL},
    {2, "CREATE INDEX item_path ON item (path)", NULL},                                  /* the inbox is swept by it */
    {3, "CREATE INDEX item_finished ON item (finished_us) WHERE finished_us > 0", NULL}, /* rates */
    {4, "CREATE TABLE left_file (path TEXT PRIMARY KEY)", NULL},                         /* core/queue_left.c */
};

#define ITEM_COLUMNS                                                                                                                                 \
    "id, kind, state, path, sop_class, sop_instance, sha256, size_bytes, received_us, source, source_name, priority, attempts, reason, output"

static const char *const state_names[LETHE_ITEM_STATES] = {"queued", "claimed", "released", "quarantined", "review", "dropped"};

const char *lethe_item_state_name(lethe_item_state state) { return (unsigned)state < LETHE_ITEM_STATES ? state_names[state] : "unknown"; }

static int64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

lethe_status lethe_queue_open(const lethe_project *project, lethe_queue **out, lethe_error *error) {
    *out = NULL;
    lethe_queue *fresh = lethe_alloc_array(1, sizeof *fresh);
    char *url = lethe_project_intake_url(project);
    lethe_status status = fresh == NULL || url == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for the queue") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_database_open(url, "lethe_private", &fresh->database, error);
    if (status == LETHE_OK)
        status = lethe_database_migrate_component(fresh->database, "queue", migrations, sizeof migrations / sizeof *migrations, error);
    lethe_free(url);
    if (status != LETHE_OK) lethe_queue_close(fresh);
    else *out = fresh;
    return status;
}

void lethe_queue_close(lethe_queue *queue) {
    if (queue == NULL) return;
    lethe_statement_finalize(queue->insert);
    lethe_statement_finalize(queue->conflict);
    lethe_statement_finalize(queue->same);
    lethe_statement_finalize(queue->finish);
    lethe_statement_finalize(queue->leave);
    lethe_database_close(queue->database);
    lethe_free(queue);
}

lethe_database *lethe_queue_database(lethe_queue *queue) { return queue->database; }

/* --- rows --- */

static void take_text(lethe_statement *statement, int column, char *out, size_t size) {
    (void)snprintf(out, size, "%s", lethe_statement_text(statement, column));
}

static void item_from_row(lethe_statement *row, lethe_item *item) {
    memset(item, 0, sizeof *item);
    item->id = lethe_statement_int64(row, 0);
    item->kind = (lethe_item_kind)lethe_statement_int64(row, 1);
    item->state = (lethe_item_state)lethe_statement_int64(row, 2);
    take_text(row, 3, item->path, sizeof item->path);
    take_text(row, 4, item->sop_class, sizeof item->sop_class);
    take_text(row, 5, item->sop_instance, sizeof item->sop_instance);
    take_text(row, 6, item->sha256, sizeof item->sha256);
    item->size_bytes = (uint64_t)lethe_statement_int64(row, 7);
    item->received_us = lethe_statement_int64(row, 8);
    take_text(row, 9, item->source, sizeof item->source);
    take_text(row, 10, item->source_name, sizeof item->source_name);
    item->priority = (int32_t)lethe_statement_int64(row, 11);
    item->attempts = (int32_t)lethe_statement_int64(row, 12);
    take_text(row, 13, item->reason, sizeof item->reason);
    take_text(row, 14, item->output, sizeof item->output);
}

static lethe_status prepare_once(lethe_queue *queue, lethe_statement **slot, const char *sql, lethe_error *error) {
    return *slot != NULL ? LETHE_OK : lethe_statement_prepare(queue->database, sql, slot, error);
}

/* --- adding --- */

static lethe_status has_conflict(lethe_queue *queue, const lethe_item *item, bool *conflict, lethe_error *error) {
    *conflict = false;
    if (item->sop_instance[0] == '\0') return LETHE_OK;
    lethe_status status =
        prepare_once(queue, &queue->conflict, "SELECT 1 FROM item WHERE sop_instance = ?1 AND sha256 <> '' AND sha256 <> ?2 LIMIT 1", error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(queue->conflict, 1, item->sop_instance);
    lethe_statement_bind_text(queue->conflict, 2, item->sha256);
    status = lethe_statement_step(queue->conflict, conflict, error);
    lethe_statement_reset(queue->conflict);
    return status;
}

/* A row with this content and this very file: an earlier attempt whose answer was lost. */
static lethe_status is_recorded(lethe_queue *queue, const lethe_item *item, bool *recorded, lethe_error *error) {
    if (item->path[0] == '\0') return LETHE_OK;
    lethe_status status = prepare_once(queue, &queue->same, "SELECT id FROM item WHERE sop_instance = ?1 AND sha256 = ?2 AND path = ?3", error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(queue->same, 1, item->sop_instance);
    lethe_statement_bind_text(queue->same, 2, item->sha256);
    lethe_statement_bind_text(queue->same, 3, item->path);
    status = lethe_statement_step(queue->same, recorded, error);
    lethe_statement_reset(queue->same);
    return status;
}

/* In a transaction. *recorded tells whether the row is new. */
static lethe_status insert_item(lethe_queue *queue, lethe_item *item, bool *recorded, lethe_error *error) {
    *recorded = false;
    bool conflict = false;
    lethe_status status = has_conflict(queue, item, &conflict, error);
    if (status == LETHE_OK)
        status = prepare_once(
            queue, &queue->insert,
            "INSERT INTO item (kind, state, path, sop_class, sop_instance, sha256, size_bytes, received_us, source, source_name, priority, "
            "attempts, reason, output) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12, '') ON CONFLICT DO NOTHING RETURNING id",
            error);
    if (status != LETHE_OK) return status;
    if (conflict && item->reason[0] == '\0') (void)snprintf(item->reason, sizeof item->reason, "conflicting duplicate");
    if (item->received_us == 0) item->received_us = now_us();
    lethe_statement *insert = queue->insert;
    lethe_statement_bind_int64(insert, 1, (int64_t)item->kind);
    lethe_statement_bind_int64(insert, 2, (int64_t)item->state);
    lethe_statement_bind_text(insert, 3, item->path);
    lethe_statement_bind_text(insert, 4, item->sop_class);
    lethe_statement_bind_text(insert, 5, item->sop_instance);
    lethe_statement_bind_text(insert, 6, item->sha256);
    lethe_statement_bind_int64(insert, 7, (int64_t)item->size_bytes);
    lethe_statement_bind_int64(insert, 8, item->received_us);
    lethe_statement_bind_text(insert, 9, item->source);
    lethe_statement_bind_text(insert, 10, item->source_name);
    lethe_statement_bind_int64(insert, 11, item->priority);
    lethe_statement_bind_text(insert, 12, item->reason);
    status = lethe_statement_step(insert, recorded, error);
    if (status == LETHE_OK && *recorded) item->id = lethe_statement_int64(insert, 0);
    lethe_statement_reset(insert);
    if (status == LETHE_OK && !*recorded) status = is_recorded(queue, item, recorded, error);
    return status;
}

lethe_status lethe_queue_record_with(lethe_queue *queue, lethe_item *items, size_t count, lethe_status *results, lethe_queue_also_fn also,
                                     void *context, lethe_error *error) {
    lethe_status status = lethe_database_begin(queue->database, error);
    if (status != LETHE_OK) return status;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        bool recorded = false;
        status = insert_item(queue, &items[i], &recorded, error);
        results[i] = recorded ? LETHE_OK : LETHE_EXISTS;
    }
    if (status == LETHE_OK && also != NULL) status = also(context, error);
    if (status == LETHE_OK) return lethe_database_commit(queue->database, error);
    lethe_database_rollback(queue->database);
    return status;
}

lethe_status lethe_queue_record_within(lethe_queue *queue, const lethe_item *item, uint64_t times, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (uint64_t i = 0; status == LETHE_OK && i < times; i++) {
        lethe_item copy = *item;
        bool recorded = false;
        status = insert_item(queue, &copy, &recorded, error);
    }
    return status;
}

lethe_status lethe_queue_record_many(lethe_queue *queue, lethe_item *items, size_t count, lethe_status *results, lethe_error *error) {
    return lethe_queue_record_with(queue, items, count, results, NULL, NULL, error);
}

lethe_status lethe_queue_add_many(lethe_queue *queue, lethe_item *items, size_t count, lethe_status *results, lethe_error *error) {
    for (size_t i = 0; i < count; i++) items[i].state = LETHE_ITEM_QUEUED;
    return lethe_queue_record_many(queue, items, count, results, error);
}

lethe_status lethe_queue_record(lethe_queue *queue, lethe_item *item, lethe_error *error) {
    lethe_status result = LETHE_OK;
    lethe_status status = lethe_queue_record_many(queue, item, 1, &result, error);
    if (status != LETHE_OK) return status;
    return result == LETHE_EXISTS ? lethe_fail(error, LETHE_EXISTS, "the same content is recorded already") : LETHE_OK;
}

lethe_status lethe_queue_add(lethe_queue *queue, lethe_item *item, lethe_error *error) {
    item->state = LETHE_ITEM_QUEUED;
    return lethe_queue_record(queue, item, error);
}

/* --- claiming --- */

lethe_status lethe_queue_worker_name(char name[LETHE_WORKER_NAME_SIZE], lethe_error *error) {
    /* boot and PID namespace tell hosts and containers apart; PID and start time tell processes apart. */
    char boot[9] = "", space[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, boot, 8);
    if (fd >= 0) (void)close(fd);
    ssize_t linked = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    uint64_t started = 0;
    if (got != 8 || linked < 6 || !lethe_process_start_ticks(getpid(), &started))
        return lethe_fail(error, LETHE_IO, "cannot name this process from /proc");
    char digits[24] = "";
    size_t used = 0;
    for (ssize_t i = 0; i < linked && used < sizeof digits - 1; i++)
        if (space[i] >= '0' && space[i] <= '9') digits[used++] = space[i];
    (void)snprintf(name, LETHE_WORKER_NAME_SIZE, "%.8s-%.16s:%ld:%" PRIu64, boot, digits, (long)getpid(), started);
    return LETHE_OK;
}

bool lethe_process_start_ticks(pid_t pid, uint64_t *ticks) {
    char path[48], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t got = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (got <= 0) return false;
    text[got] = '\0';
    const char *at = strrchr(text, ')'); /* the program's name may hold anything */
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
        if (field == 2 && at != NULL && (at[1] == 'Z' || at[1] == 'X')) return false; /* a zombie does no work */
    }
    if (at == NULL) return false;
    *ticks = strtoull(at + 1, NULL, 10);
    return true;
}

/* True when `name` is of lethe_queue_worker_name's form, from this host and PID namespace (`self`), and its process is gone. */
static bool is_dead_neighbour(const char *name, const char *self) {
    const char *colon = strchr(self, ':');
    if (colon == NULL || strncmp(name, self, (size_t)(colon - self) + 1) != 0) return false;
    char *end = NULL;
    long pid = strtol(name + (colon - self) + 1, &end, 10);
    if (end == NULL || *end != ':' || pid <= 0) return false;
    uint64_t started = 0, now = 0;
    started = strtoull(end + 1, NULL, 10);
    return !lethe_process_start_ticks((pid_t)pid, &now) || now != started;
}

static lethe_status release_claims_of(lethe_queue *queue, const char *worker, bool taken_over, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(queue->database,
                                                  "UPDATE item SET state = 0, claimed_by = '', claimed_until_us = 0, takeovers = takeovers + ?2 "
                                                  "WHERE state = 1 AND claimed_by = ?1",
                                                  &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, worker);
    lethe_statement_bind_int64(statement, 2, taken_over);
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_queue_give_back(lethe_queue *queue, const char *worker, lethe_error *error) {
    return release_claims_of(queue, worker, false, error);
}

/* Claims of processes that died on this host need not wait for their time to run out. */
static lethe_status release_dead_neighbours(lethe_queue *queue, bool *any, lethe_error *error) {
    char self[LETHE_WORKER_NAME_SIZE], names[PAGE][LETHE_WORKER_NAME_SIZE];
    size_t count = 0;
    *any = false;
    if (lethe_queue_worker_name(self, NULL) != LETHE_OK) return LETHE_OK;
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(queue->database, "SELECT DISTINCT claimed_by FROM item WHERE state = 1", &statement, error);
    if (status != LETHE_OK) return status;
    for (bool row = true; status == LETHE_OK && count < PAGE;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        const char *name = lethe_statement_text(statement, 0);
        if (is_dead_neighbour(name, self)) (void)snprintf(names[count++], LETHE_WORKER_NAME_SIZE, "%s", name);
    }
    lethe_statement_finalize(statement);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = release_claims_of(queue, names[i], true, error);
    *any = count != 0;
    return status;
}

/* --- hosts that are gone (PostgreSQL) --- */

/* Say that this worker lives, for as long as its session does. Before a transaction: whoever looks for it holds the lock for an instant. */
static lethe_status show_life(lethe_queue *queue, const char *worker, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    if (lethe_database_backend(queue->database) != LETHE_POSTGRESQL) return LETHE_OK;
    /* Taken once: each further claim finds it in pg_locks. */
    lethe_status status = lethe_statement_prepare(
        queue->database,
        "SELECT pg_advisory_lock(CAST(?1 AS INT), hashtext(?2)) WHERE NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = "
        "pg_backend_pid() AND granted AND objsubid = 2 AND classid::bigint = CAST(?1 AS INT) AND objid = CAST(hashtext(?2) AS "
        "BIGINT)::bit(32)::bigint::oid)",
        &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, LIFE_LOCK);
    lethe_statement_bind_text(statement, 2, worker);
    status = lethe_statement_step(statement, &row, error);
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status is_silent(lethe_queue *queue, const char *name, bool *silent, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status =
        lethe_statement_prepare(queue->database, "SELECT pg_try_advisory_xact_lock(CAST(?1 AS INT), hashtext(?2))", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, LIFE_LOCK);
    lethe_statement_bind_text(statement, 2, name);
    status = lethe_statement_step(statement, &row, error);
    *silent = status == LETHE_OK && row && lethe_statement_int64(statement, 0) != 0;
    lethe_statement_finalize(statement);
    return status;
}

static int64_t silent_since(const lethe_queue *queue, const char *name, int64_t now) {
    for (size_t i = 0; i < queue->silence_count; i++)
        if (strcmp(queue->silences[i].name, name) == 0) return queue->silences[i].since_us;
    return now;
}

/* Claims of workers whose sessions ended a while ago need not wait for their time to run out. In a transaction. */
static lethe_status release_gone_hosts(lethe_queue *queue, const char *worker, int64_t now, bool *any, lethe_error *error) {
    silence found[PAGE];
    size_t count = 0, kept = 0;
    *any = false;
    if (lethe_database_backend(queue->database) != LETHE_POSTGRESQL) return LETHE_OK;
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(
        queue->database, "SELECT DISTINCT claimed_by FROM item WHERE state = 1 AND claimed_by <> ?1 LIMIT 64", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, worker);
    for (bool row = true; status == LETHE_OK && count < PAGE;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        take_text(statement, 0, found[count++].name, sizeof found[0].name);
    }
    lethe_statement_finalize(statement);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        bool silent = false;
        status = is_silent(queue, found[i].name, &silent, error);
        if (status != LETHE_OK || !silent) continue;
        found[i].since_us = silent_since(queue, found[i].name, now);
        if (now - found[i].since_us < (int64_t)GONE_SECONDS * 1000000) {
            found[kept++] = found[i];
            continue;
        }
        status = release_claims_of(queue, found[i].name, true, error);
        *any = true;
    }
    memcpy(queue->silences, found, kept * sizeof *found);
    queue->silence_count = kept;
    return status;
}

static lethe_status release_expired(lethe_queue *queue, int64_t now, lethe_error *error) {
    static const char *const sql[] = {
        "UPDATE item SET state = 3, reason = 'the hosts that worked on it kept dying', claimed_by = '', finished_us = ?1 "
        "WHERE state = 1 AND claimed_until_us <= ?1 AND takeovers >= ?2",
        "UPDATE item SET state = 0, claimed_by = '', takeovers = takeovers + 1 WHERE state = 1 AND claimed_until_us <= ?1 AND takeovers < ?2",
    };
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < 2; i++) {
        lethe_statement *statement = NULL;
        status = lethe_statement_prepare(queue->database, sql[i], &statement, error);
        if (status != LETHE_OK) break;
        lethe_statement_bind_int64(statement, 1, now);
        lethe_statement_bind_int64(statement, 2, TAKEOVERS);
        status = lethe_statement_run(statement, error);
        lethe_statement_finalize(statement);
    }
    return status;
}

static lethe_status claim_waiting(lethe_queue *queue, const char *worker, int64_t until, lethe_item *items, size_t capacity, size_t *count,
                                  lethe_error *error) {
    bool postgres = lethe_database_backend(queue->database) == LETHE_POSTGRESQL;
    const char *sql = postgres ? "UPDATE item SET state = 1, claimed_by = ?1, claimed_until_us = ?2 WHERE id IN (SELECT id FROM item WHERE state = 0 "
                                 "ORDER BY priority DESC, id LIMIT ?3 FOR UPDATE SKIP LOCKED) RETURNING " ITEM_COLUMNS
                               : "UPDATE item SET state = 1, claimed_by = ?1, claimed_until_us = ?2 WHERE id IN (SELECT id FROM item WHERE state = 0 "
                                 "ORDER BY priority DESC, id LIMIT ?3) RETURNING " ITEM_COLUMNS;
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(queue->database, sql, &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, worker);
    lethe_statement_bind_int64(statement, 2, until);
    lethe_statement_bind_int64(statement, 3, (int64_t)capacity);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        if (*count == capacity) {
            status = lethe_fail(error, LETHE_INTERNAL, "more items claimed than asked for");
            break;
        }
        item_from_row(statement, &items[(*count)++]);
    }
    lethe_statement_finalize(statement);
    return status;
}

static int by_priority(const void *left, const void *right) {
    const lethe_item *a = left, *b = right;
    if (a->priority != b->priority) return a->priority > b->priority ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

lethe_status lethe_queue_claim(lethe_queue *queue, const char *worker, unsigned seconds, lethe_item *items, size_t capacity, size_t *count,
                               lethe_error *error) {
    *count = 0;
    if (capacity == 0) return LETHE_OK;
    int64_t now = now_us();
    lethe_status status = show_life(queue, worker, error);
    if (status == LETHE_OK) status = lethe_database_begin(queue->database, error);
    if (status != LETHE_OK) return status;
    status = release_expired(queue, now, error);
    int64_t until = now + (int64_t)seconds * 1000000;
    if (status == LETHE_OK) status = claim_waiting(queue, worker, until, items, capacity, count, error);
    if (status == LETHE_OK && *count == 0) {
        bool any = false, gone = false;
        status = release_dead_neighbours(queue, &any, error);
        if (status == LETHE_OK) status = release_gone_hosts(queue, worker, now, &gone, error);
        if (status == LETHE_OK && (any || gone)) status = claim_waiting(queue, worker, until, items, capacity, count, error);
    }
    if (status == LETHE_OK) status = lethe_database_commit(queue->database, error);
    else lethe_database_rollback(queue->database);
    if (status != LETHE_OK) *count = 0;
    else qsort(items, *count, sizeof *items, by_priority); /* RETURNING keeps no order */
    return status;
}

/* --- outcomes --- */

/* The file that the row names now and will not name any more: to be removed, whatever happens to this process. */
static lethe_status leave_file(lethe_queue *queue, const lethe_item *item, lethe_error *error) {
    lethe_status status = prepare_once(
        queue, &queue->leave,
        "INSERT INTO left_file (path) SELECT path FROM item WHERE id = ?1 AND path <> '' AND path <> ?2 ON CONFLICT (path) DO NOTHING", error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(queue->leave, 1, item->id);
    lethe_statement_bind_text(queue->leave, 2, item->state == LETHE_ITEM_DROPPED ? "" : item->path);
    return lethe_statement_run(queue->leave, error);
}

static lethe_status finish_item(lethe_queue *queue, const lethe_item *item, lethe_error *error) {
    if (item->state == LETHE_ITEM_CLAIMED || item->state >= LETHE_ITEM_STATES) return lethe_fail(error, LETHE_INTERNAL, "not an outcome");
    lethe_status status = item->state == LETHE_ITEM_RELEASED || item->state == LETHE_ITEM_QUEUED ? LETHE_OK : leave_file(queue, item, error);
    /* A tombstone holds no identity: the names, the digest and the place of a dropped item go. */
    if (status == LETHE_OK)
        status = prepare_once(
            queue, &queue->finish,
            "UPDATE item SET state = CAST(?1 AS BIGINT), reason = ?2, output = ?3, attempts = ?4, finished_us = ?5, claimed_by = '', "
            "claimed_until_us = 0, sop_instance = CASE WHEN CAST(?1 AS BIGINT) = 5 THEN '' ELSE sop_instance END, "
            "sha256 = CASE WHEN CAST(?1 AS BIGINT) = 5 THEN '' ELSE sha256 END, source_name = CASE WHEN CAST(?1 AS BIGINT) = 5 THEN '' ELSE "
            "source_name END, "
            "path = CASE WHEN CAST(?1 AS BIGINT) = 5 THEN '' ELSE ?6 END WHERE id = ?7",
            error);
    if (status != LETHE_OK) return status;
    lethe_statement *finish = queue->finish;
    lethe_statement_bind_int64(finish, 1, (int64_t)item->state);
    lethe_statement_bind_text(finish, 2, item->reason);
    lethe_statement_bind_text(finish, 3, item->output);
    lethe_statement_bind_int64(finish, 4, item->attempts);
    lethe_statement_bind_int64(finish, 5, now_us());
    lethe_statement_bind_text(finish, 6, item->path);
    lethe_statement_bind_int64(finish, 7, item->id);
    status = lethe_statement_run(finish, error);
    if (status == LETHE_OK && lethe_statement_changes(finish) != 1) return lethe_fail(error, LETHE_NOT_FOUND, "no such item");
    return status;
}

lethe_status lethe_queue_finish_many(lethe_queue *queue, const lethe_item *items, size_t count, lethe_error *error) {
    lethe_status status = lethe_database_begin(queue->database, error);
    if (status != LETHE_OK) return status;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = finish_item(queue, &items[i], error);
    if (status == LETHE_OK) return lethe_database_commit(queue->database, error);
    lethe_database_rollback(queue->database);
    return status;
}

lethe_status lethe_queue_finish(lethe_queue *queue, const lethe_item *item, lethe_error *error) {
    return lethe_queue_finish_many(queue, item, 1, error);
}

lethe_status lethe_queue_retry(lethe_queue *queue, const lethe_item *item, const char *reason, lethe_error *error) {
    lethe_item again = *item;
    again.attempts++;
    again.state = again.attempts >= LETHE_QUEUE_ATTEMPTS ? LETHE_ITEM_QUARANTINED : LETHE_ITEM_QUEUED;
    (void)snprintf(again.reason, sizeof again.reason, "%s", reason == NULL ? "" : reason);
    return lethe_queue_finish(queue, &again, error);
}

/* --- looking --- */

static lethe_status count_states(lethe_queue *queue, lethe_queue_counts *counts, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(queue->database, "SELECT state, COUNT(*) FROM item GROUP BY state", &statement, error);
    if (status != LETHE_OK) return status;
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        int64_t state = lethe_statement_int64(statement, 0), n = lethe_statement_int64(statement, 1);
        if (state >= 0 && state < LETHE_ITEM_STATES) counts->by_state[state] = n;
        counts->received += n;
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_queue_count(lethe_queue *queue, lethe_queue_counts *counts, lethe_error *error) {
    memset(counts, 0, sizeof *counts);
    lethe_status status = count_states(queue, counts, error);
    if (status != LETHE_OK) return status;
    lethe_statement *statement = NULL;
    bool row = false;
    status = lethe_statement_prepare(queue->database, "SELECT received_us FROM item WHERE state = 0 ORDER BY id LIMIT 1", &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && row) counts->oldest_queued_us = lethe_statement_int64(statement, 0);
    lethe_statement_finalize(statement);
    statement = NULL;
    if (status == LETHE_OK)
        status = lethe_statement_prepare(queue->database, "SELECT COUNT(*) FROM item WHERE finished_us > ?1 AND finished_us > 0", &statement, error);
    if (status == LETHE_OK) {
        lethe_statement_bind_int64(statement, 1, now_us() - (int64_t)LETHE_QUEUE_RATE_SECONDS * 1000000);
        status = lethe_statement_step(statement, &row, error);
    }
    if (status == LETHE_OK && row) counts->finished_lately = lethe_statement_int64(statement, 0);
    lethe_statement_finalize(statement);
    return status;
}

/* A page of items after `after`; so that `visit` may change the queue while it looks. */
static lethe_status read_page(lethe_queue *queue, lethe_item_state state, int64_t after, lethe_item *items, size_t *count, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool all = state == LETHE_ITEM_STATES;
    *count = 0;
    lethe_status status = lethe_statement_prepare(queue->database,
                                                  all ? "SELECT " ITEM_COLUMNS " FROM item WHERE id > ?1 ORDER BY id LIMIT 64"
                                                      : "SELECT " ITEM_COLUMNS " FROM item WHERE id > ?1 AND state = ?2 ORDER BY id LIMIT 64",
                                                  &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, after);
    if (!all) lethe_statement_bind_int64(statement, 2, (int64_t)state);
    for (bool row = true; status == LETHE_OK && *count < PAGE;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        item_from_row(statement, &items[(*count)++]);
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_queue_visit(lethe_queue *queue, lethe_item_state state, lethe_item_fn visit, void *context, lethe_error *error) {
    lethe_item *items = lethe_alloc_array(PAGE, sizeof *items);
    if (items == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a page of items");
    lethe_status status = LETHE_OK;
    int64_t after = 0;
    for (size_t count = PAGE; status == LETHE_OK && count == PAGE;) {
        status = read_page(queue, state, after, items, &count, error);
        for (size_t i = 0; status == LETHE_OK && i < count; i++) status = visit(context, &items[i], error);
        if (count != 0) after = items[count - 1].id;
    }
    lethe_free(items);
    return status;
}

lethe_status lethe_queue_get(lethe_queue *queue, int64_t id, lethe_item *item, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(queue->database, "SELECT " ITEM_COLUMNS " FROM item WHERE id = ?1", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, id);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_NOT_FOUND, "no item %" PRId64, id);
    if (status == LETHE_OK) item_from_row(statement, item);
    lethe_statement_finalize(statement);
    return status;
}
