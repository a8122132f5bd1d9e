/* core/database, core/queue, core/catalogue and core/project on SQLite and PostgreSQL. */
#include "store_fixture.h"

#include "core/catalogue.h"
#include "core/database.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/queue.h"

#include <sys/stat.h>

static store_fixture fixture;

static lethe_error error;

#define OK(call)                                                                                                                                     \
    do {                                                                                                                                             \
        lethe_error_clear(&error);                                                                                                                   \
        lethe_status status_ = (call);                                                                                                               \
        if (status_ != LETHE_OK) fail_msg("%s: %s", #call, error.message);                                                                           \
    } while (0)

static void wipe_tables(lethe_project *project) {
    /* One PostgreSQL server serves all tests of the group: each starts with empty tables. */
    char *url = lethe_project_intake_url(project);
    lethe_database *database = NULL;
    OK(lethe_database_open(url, "lethe_private", &database, &error));
    if (lethe_database_backend(database) == LETHE_POSTGRESQL)
        OK(lethe_database_execute(database, "DROP SCHEMA IF EXISTS lethe_private CASCADE; DROP SCHEMA IF EXISTS lethe_released CASCADE", &error));
    lethe_database_close(database);
    lethe_free(url);
}

static lethe_project *project_for_test(void) {
    lethe_project *project = fresh_project(&fixture);
    wipe_tables(project);
    return project;
}

/* --- database --- */

static lethe_database *open_database(lethe_project *project) {
    char *url = lethe_project_intake_url(project);
    lethe_database *database = NULL;
    OK(lethe_database_open(url, "lethe_private", &database, &error));
    lethe_free(url);
    return database;
}

static void values_come_back_as_bound(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_database *database = open_database(project);
    OK(lethe_database_execute(database, "CREATE TABLE v (id INTEGER PRIMARY KEY AUTOINCREMENT, i BIGINT, r REAL, t TEXT, b BLOB)", &error));
    lethe_statement *statement = NULL;
    OK(lethe_statement_prepare(database, "INSERT INTO v (i, r, t, b) VALUES (?1, ?2, ?3, ?4) RETURNING id", &statement, &error));
    const uint8_t bytes[] = {0, 1, 255, '\'', '\\', 0};
    lethe_statement_bind_int64(statement, 1, INT64_MIN);
    lethe_statement_bind_double(statement, 2, 0.1);
    lethe_statement_bind_text(statement, 3, "Müller's ?1 \\ \"x\"");
    lethe_statement_bind_blob(statement, 4, bytes, sizeof bytes);
    OK(lethe_statement_run(statement, &error));
    assert_int_equal(lethe_statement_changes(statement), 1);
    for (int i = 1; i <= 4; i++) lethe_statement_bind_null(statement, i);
    OK(lethe_statement_run(statement, &error));
    lethe_statement_bind_text(statement, 3, NULL);
    lethe_statement_bind_blob(statement, 4, NULL, 0);
    OK(lethe_statement_run(statement, &error));
    lethe_statement_finalize(statement);

    OK(lethe_statement_prepare(database, "SELECT i, r, t, b FROM v ORDER BY id -- why not?", &statement, &error));
    bool row = false;
    OK(lethe_statement_step(statement, &row, &error));
    assert_true(row);
    assert_true(lethe_statement_int64(statement, 0) == INT64_MIN);
    assert_true(lethe_statement_double(statement, 1) == 0.1);
    assert_string_equal(lethe_statement_text(statement, 2), "Müller's ?1 \\ \"x\"");
    size_t size = 0;
    const void *got = lethe_statement_blob(statement, 3, &size);
    assert_int_equal(size, sizeof bytes);
    assert_memory_equal(got, bytes, sizeof bytes);
    OK(lethe_statement_step(statement, &row, &error));
    for (int i = 0; i < 4; i++) assert_true(lethe_statement_is_null(statement, i));
    assert_string_equal(lethe_statement_text(statement, 2), "");
    OK(lethe_statement_step(statement, &row, &error));
    assert_true(row);
    assert_true(lethe_statement_is_null(statement, 2));
    assert_false(lethe_statement_is_null(statement, 3));
    OK(lethe_statement_step(statement, &row, &error));
    assert_false(row);
    lethe_statement_finalize(statement);
    lethe_database_close(database);
    lethe_project_close(project);
}

static void uniqueness_is_told_and_rolls_back(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_database *database = open_database(project);
    OK(lethe_database_execute(database, "CREATE TABLE u (k TEXT PRIMARY KEY)", &error));
    OK(lethe_database_execute(database, "INSERT INTO u VALUES ('secret-value')", &error));
    lethe_error_clear(&error);
    OK(lethe_database_begin(database, &error));
    OK(lethe_database_execute(database, "INSERT INTO u VALUES ('b')", &error));
    lethe_error_clear(&error);
    assert_int_equal(lethe_database_execute(database, "INSERT INTO u VALUES ('secret-value')", &error), LETHE_EXISTS);
    assert_null(strstr(error.message, "secret"));
    lethe_database_rollback(database);
    lethe_statement *statement = NULL;
    bool row = false;
    OK(lethe_statement_prepare(database, "SELECT COUNT(*) FROM u", &statement, &error));
    OK(lethe_statement_step(statement, &row, &error));
    assert_int_equal(lethe_statement_int64(statement, 0), 1);
    lethe_statement_finalize(statement);
    lethe_error_clear(&error);
    lethe_error_clear(&error);
    assert_int_equal(lethe_database_execute(database, "SELEKT", &error), LETHE_DATABASE);
    lethe_error_clear(&error);
    assert_int_equal(lethe_database_commit(database, &error), LETHE_INTERNAL);
    lethe_database_close(database);
    lethe_project_close(project);
}

static void migrations_apply_once_and_from_every_version(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    static const lethe_migration steps[] = {{1, "CREATE TABLE m (a BIGINT)", NULL},
                                            {2, "ALTER TABLE m ADD COLUMN b TEXT; INSERT INTO m VALUES (1, 'x')", NULL},
                                            {3, "CREATE TABLE w (s TEXT)", "CREATE TABLE w (s TEXT, only_here BYTEA)"}};
    for (size_t from = 0; from <= 3; from++) {
        wipe_tables(project);
        char path[128];
        (void)snprintf(path, sizeof path, "%s/m%zu.db", fixture.folder, from);
        lethe_database *database = NULL;
        OK(lethe_database_open(fixture.url[0] != '\0' ? fixture.url : path, "lethe_private", &database, &error));
        OK(lethe_database_migrate(database, steps, from, &error));
        OK(lethe_database_migrate(database, steps, 3, &error));
        OK(lethe_database_migrate(database, steps, 3, &error));
        OK(lethe_database_migrate_component(database, "other", (const lethe_migration[]){{1, "CREATE TABLE o (x BIGINT)", NULL}}, 1, &error));
        lethe_statement *statement = NULL;
        bool row = false;
        OK(lethe_statement_prepare(database, "SELECT (SELECT COUNT(*) FROM m), (SELECT COUNT(*) FROM w), (SELECT COUNT(*) FROM o)", &statement,
                                   &error));
        OK(lethe_statement_step(statement, &row, &error));
        assert_int_equal(lethe_statement_int64(statement, 0), 1);
        lethe_statement_finalize(statement);
        lethe_error_clear(&error);
        lethe_error_clear(&error);
        assert_int_equal(lethe_database_migrate(database, steps, 2, &error), LETHE_DATABASE); /* an older program */
        /* A failing migration leaves nothing of itself. */
        static const lethe_migration bad[] = {{1, "CREATE TABLE half (x BIGINT); SELEKT", NULL}};
        lethe_error_clear(&error);
        lethe_error_clear(&error);
        assert_int_equal(lethe_database_migrate_component(database, "bad", bad, 1, &error), LETHE_DATABASE);
        assert_int_not_equal(lethe_database_execute(database, "SELECT * FROM half", NULL), LETHE_OK);
        lethe_database_close(database);
    }
    lethe_project_close(project);
}

/* --- queue --- */

static lethe_item new_item(const char *uid, const char *sha, int32_t priority) {
    lethe_item item = {.kind = LETHE_ITEM_DICOM, .size_bytes = 10, .priority = priority};
    (void)snprintf(item.path, sizeof item.path, "inbox/%s.dcm", sha);
    (void)snprintf(item.sop_instance, sizeof item.sop_instance, "%s", uid);
    (void)snprintf(item.sha256, sizeof item.sha256, "%s", sha);
    (void)snprintf(item.source, sizeof item.source, "dimse");
    (void)snprintf(item.source_name, sizeof item.source_name, "Müller^Anna");
    return item;
}

static lethe_queue *open_queue(lethe_project *project) {
    lethe_queue *queue = NULL;
    OK(lethe_queue_open(project, &queue, &error));
    return queue;
}

static void make_file(const lethe_project *project, const char *relative) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", project->private_path, relative);
    OK(lethe_folder_create_for(path, 0700, &error));
    OK(lethe_file_write(path, "x", 1, 0600, &error));
}

static bool has_file(const lethe_project *project, const char *relative) {
    char path[512];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/%s", project->private_path, relative);
    return stat(path, &info) == 0;
}

/* A process may end between an outcome and the removal of the file: the next one finds what to remove, and removes nothing else. */
static void files_without_a_row_are_removed_later(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_queue *queue = open_queue(project);
    static const char *const paths[] = {"inbox/20260101/0000/dropped.dcm", "inbox/20260101/0000/moved.dcm", "inbox/20260101/0000/stays.dcm",
                                        "inbox/20260101/0000/back.dcm", "inbox/20260101/0000/f00d/slide.mrxs"};
    lethe_item items[5];
    for (int i = 0; i < 5; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "4.%d", i);
        items[i] = new_item(text, text, 0);
        (void)snprintf(items[i].path, sizeof items[i].path, "%s", paths[i]);
        make_file(project, paths[i]);
        OK(lethe_queue_add(queue, &items[i], &error));
    }
    make_file(project, "inbox/20260101/0000/f00d/slide/Data0000.dat");
    make_file(project, "inbox/20260101/0000/f00e/slide.mrxs");
    make_file(project, "quarantine/moved.dcm");
    items[0].state = items[4].state = LETHE_ITEM_DROPPED;
    items[1].state = items[3].state = LETHE_ITEM_QUARANTINED;
    items[2].state = LETHE_ITEM_RELEASED;
    (void)snprintf(items[1].path, sizeof items[1].path, "quarantine/moved.dcm");
    (void)snprintf(items[3].path, sizeof items[3].path, "quarantine/back.dcm");
    OK(lethe_queue_finish_many(queue, items, 5, &error));
    OK(lethe_queue_finish_many(queue, items, 5, &error)); /* an answer that was lost */
    (void)snprintf(items[3].path, sizeof items[3].path, "%s", paths[3]);
    OK(lethe_queue_finish(queue, &items[3], &error)); /* it came back to its place */
    lethe_queue_close(queue);
    queue = open_queue(project);
    for (int i = 0; i < 5; i++) assert_true(has_file(project, paths[i]));
    uint64_t removed = 0;
    OK(lethe_queue_remove_left(queue, project, &removed, &error));
    assert_int_equal(removed, 4); /* quarantine/back.dcm was never there, which is as good */
    assert_false(has_file(project, paths[0]));
    assert_false(has_file(project, paths[1]));
    assert_true(has_file(project, paths[2]));
    assert_true(has_file(project, paths[3]));
    assert_false(has_file(project, "inbox/20260101/0000/f00d"));
    assert_true(has_file(project, "inbox/20260101/0000/f00e/slide.mrxs"));
    assert_true(has_file(project, "quarantine/moved.dcm"));
    OK(lethe_queue_remove_left(queue, project, &removed, &error));
    assert_int_equal(removed, 0);
    lethe_queue_close(queue);
    lethe_project_close(project);
}

/* A worker that lost its link gives back what it may hold, without harm to the items' reputation; others keep theirs. */
static void claims_are_given_back(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_queue *queue = open_queue(project);
    lethe_item item = new_item("5.1", "5a", 0), other = new_item("5.2", "5b", 0), got;
    size_t count = 0;
    OK(lethe_queue_add(queue, &item, &error));
    OK(lethe_queue_add(queue, &other, &error));
    for (int i = 0; i < 40; i++) {
        OK(lethe_queue_claim(queue, "me", 600, &got, 1, &count, &error));
        assert_int_equal(count, 1);
        assert_int_equal(got.id, item.id);
        assert_int_equal(got.attempts, 0);
        if (i == 0) OK(lethe_queue_claim(queue, "you", 600, &other, 1, &count, &error));
        OK(lethe_queue_give_back(queue, "me", &error));
    }
    lethe_queue_counts counts;
    OK(lethe_queue_count(queue, &counts, &error));
    assert_int_equal(counts.by_state[LETHE_ITEM_QUEUED], 1);
    assert_int_equal(counts.by_state[LETHE_ITEM_CLAIMED], 1);
    lethe_queue_close(queue);
    lethe_project_close(project);
}

static void duplicates_are_told_apart(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_queue *queue = open_queue(project);
    lethe_item first = new_item("1.2.3", "aa", 0), same = first, other = new_item("1.2.3", "bb", 0), anonymous = new_item("", "aa", 0);
    OK(lethe_queue_add(queue, &first, &error));
    assert_true(first.id > 0);
    /* The same file once more: the answer to the first attempt was lost. Another file with the same content is a duplicate. */
    OK(lethe_queue_add(queue, &same, &error));
    (void)snprintf(same.path, sizeof same.path, "inbox/aa-again.dcm");
    assert_int_equal(lethe_queue_add(queue, &same, &error), LETHE_EXISTS);
    lethe_error_clear(&error);
    OK(lethe_queue_add(queue, &other, &error));
    assert_string_equal(other.reason, "conflicting duplicate");
    OK(lethe_queue_add(queue, &anonymous, &error));
    assert_string_equal(anonymous.reason, "");
    lethe_item batch[3] = {new_item("1.2.4", "cc", 0), new_item("1.2.3", "aa", 0), new_item("1.2.4", "cc", 0)};
    lethe_status results[3];
    (void)snprintf(batch[1].path, sizeof batch[1].path, "inbox/aa-again.dcm");
    (void)snprintf(batch[2].path, sizeof batch[2].path, "inbox/cc-again.dcm");
    OK(lethe_queue_add_many(queue, batch, 3, results, &error));
    assert_int_equal(results[0], LETHE_OK);
    assert_int_equal(results[1], LETHE_EXISTS);
    assert_int_equal(results[2], LETHE_EXISTS);
    lethe_queue_counts counts;
    OK(lethe_queue_count(queue, &counts, &error));
    assert_int_equal(counts.received, 4);
    assert_int_equal(counts.by_state[LETHE_ITEM_QUEUED], 4);
    assert_true(counts.oldest_queued_us > 1500000000000000);
    lethe_item got;
    OK(lethe_queue_get(queue, other.id, &got, &error));
    assert_string_equal(got.source_name, "Müller^Anna");
    assert_string_equal(got.path, "inbox/bb.dcm");
    lethe_error_clear(&error);
    assert_int_equal(lethe_queue_get(queue, 99999, &got, &error), LETHE_NOT_FOUND);
    lethe_queue_close(queue);
    lethe_project_close(project);
}

static void claims_go_by_priority_and_are_exclusive(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_queue *one = open_queue(project), *two = open_queue(project);
    for (int i = 0; i < 6; i++) {
        char uid[16], sha[16];
        (void)snprintf(uid, sizeof uid, "1.%d", i);
        (void)snprintf(sha, sizeof sha, "%02d", i);
        lethe_item item = new_item(uid, sha, i == 4 ? 5 : 0);
        OK(lethe_queue_add(one, &item, &error));
    }
    lethe_item a[3], b[8];
    size_t na = 0, nb = 0;
    OK(lethe_queue_claim(one, "a", 60, a, 3, &na, &error));
    OK(lethe_queue_claim(two, "b", 60, b, 8, &nb, &error));
    assert_int_equal(na, 3);
    assert_int_equal(nb, 3);
    assert_string_equal(a[0].sop_instance, "1.4");
    assert_string_equal(a[1].sop_instance, "1.0");
    assert_string_equal(b[0].sop_instance, "1.2");
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++) assert_int_not_equal(a[i].id, b[j].id);
    a[0].state = LETHE_ITEM_RELEASED;
    (void)snprintf(a[0].output, sizeof a[0].output, "P-1/x.dcm");
    OK(lethe_queue_finish(one, &a[0], &error));
    OK(lethe_queue_finish(one, &a[0], &error));
    OK(lethe_queue_retry(one, &a[1], "crashed", &error));
    OK(lethe_queue_claim(two, "b", 60, b, 8, &nb, &error));
    assert_int_equal(nb, 1);
    assert_int_equal(b[0].attempts, 1);
    OK(lethe_queue_retry(two, &b[0], "crashed again", &error));
    lethe_item got;
    OK(lethe_queue_get(one, b[0].id, &got, &error));
    assert_int_equal(got.state, LETHE_ITEM_QUARANTINED);
    assert_string_equal(got.reason, "crashed again");
    lethe_queue_close(one);
    lethe_queue_close(two);
    lethe_project_close(project);
}

static void expired_and_dead_claims_are_taken_over(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_queue *queue = open_queue(project);
    lethe_item item = new_item("1.9", "99", 0), got[2];
    size_t count = 0;
    OK(lethe_queue_add(queue, &item, &error));
    OK(lethe_queue_claim(queue, "other-host", 0, got, 2, &count, &error));
    assert_int_equal(count, 1);
    OK(lethe_queue_claim(queue, "me", 3600, got, 2, &count, &error));
    assert_int_equal(count, 1); /* the first claim had run out */
    assert_int_equal(got[0].attempts, 0);
    OK(lethe_queue_claim(queue, "third", 3600, got, 2, &count, &error));
    assert_int_equal(count, 0);
    OK(lethe_queue_retry(queue, &item, "", &error));

    /* A process that claims for an hour and dies: its neighbour takes over at once. */
    lethe_queue_close(queue);
    pid_t child = fork();
    if (child == 0) {
        lethe_queue *mine = NULL;
        char name[LETHE_WORKER_NAME_SIZE];
        if (lethe_queue_open(project, &mine, NULL) != LETHE_OK || lethe_queue_worker_name(name, NULL) != LETHE_OK) _exit(1);
        if (lethe_queue_claim(mine, name, 3600, got, 2, &count, NULL) != LETHE_OK || count != 1) _exit(2);
        _exit(0);
    }
    int code = 0;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    queue = open_queue(project);
    OK(lethe_queue_claim(queue, "me", 3600, got, 2, &count, &error));
    assert_int_equal(count, 1);
    /* A living one keeps its claim. */
    OK(lethe_queue_retry(queue, &item, "", &error));
    char self[LETHE_WORKER_NAME_SIZE];
    OK(lethe_queue_worker_name(self, &error));
    OK(lethe_queue_claim(queue, self, 3600, got, 2, &count, &error));
    assert_int_equal(count, 1);
    OK(lethe_queue_claim(queue, "me", 3600, got, 2, &count, &error));
    assert_int_equal(count, 0);
    lethe_queue_close(queue);
    lethe_project_close(project);
}

static void a_host_killer_is_given_up(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_queue *queue = open_queue(project);
    lethe_item item = new_item("1.9", "99", 0), got[2];
    size_t count = 1;
    OK(lethe_queue_add(queue, &item, &error));
    unsigned claims = 0;
    for (; count == 1 && claims < 100; claims++) OK(lethe_queue_claim(queue, "h", 0, got, 2, &count, &error));
    assert_in_range(claims, 5, 20);
    OK(lethe_queue_get(queue, item.id, &got[0], &error));
    assert_int_equal(got[0].state, LETHE_ITEM_QUARANTINED);
    lethe_queue_close(queue);
    lethe_project_close(project);
}

/* Several processes drain one queue: every item exactly once. */
static void many_processes_drain_once(void **state) {
    (void)state;
    enum { ITEMS = 300, WORKERS = 4 };
    lethe_project *project = project_for_test();
    lethe_queue *queue = open_queue(project);
    lethe_item *items = calloc(ITEMS, sizeof *items);
    lethe_status *results = calloc(ITEMS, sizeof *results);
    assert_non_null(items);
    assert_non_null(results);
    for (int i = 0; i < ITEMS; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof uid, "1.%d", i);
        items[i] = new_item(uid, uid, 0);
    }
    OK(lethe_queue_add_many(queue, items, ITEMS, results, &error));
    lethe_queue_close(queue);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int w = 0; w < WORKERS; w++) {
        if (fork() != 0) continue;
        lethe_queue *mine = NULL;
        lethe_item got[7];
        size_t count = 7;
        if (lethe_queue_open(project, &mine, NULL) != LETHE_OK) _exit(1);
        while (lethe_queue_claim(mine, w % 2 == 0 ? "even" : "odd", 60, got, 7, &count, NULL) == LETHE_OK && count != 0) {
            for (size_t i = 0; i < count; i++) {
                got[i].state = LETHE_ITEM_RELEASED;
                if (write(ends[1], &got[i].id, sizeof got[i].id) != sizeof got[i].id) _exit(1);
            }
            if (lethe_queue_finish_many(mine, got, count, NULL) != LETHE_OK) _exit(1);
        }
        lethe_queue_close(mine);
        _exit(count == 0 ? 0 : 1);
    }
    (void)close(ends[1]);
    bool seen[ITEMS + 1000] = {false};
    int64_t id = 0;
    int total = 0;
    while (read(ends[0], &id, sizeof id) == sizeof id) {
        assert_in_range(id, 1, ITEMS + 999);
        assert_false(seen[id]);
        seen[id] = true;
        total++;
    }
    (void)close(ends[0]);
    for (int w = 0, code = 0; w < WORKERS; w++) {
        assert_true(wait(&code) > 0);
        assert_int_equal(code, 0);
    }
    assert_int_equal(total, ITEMS);
    free(items);
    free(results);
    lethe_project_close(project);
}

static lethe_status count_visit(void *context, const lethe_item *item, lethe_error *failure) {
    (void)item;
    (void)failure;
    ++*(int *)context;
    return LETHE_OK;
}

static void tombstones_hold_no_identity(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_queue *queue = open_queue(project);
    for (int i = 0; i < 70; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof uid, "1.%d", i);
        lethe_item item = new_item(uid, uid, 0);
        OK(lethe_queue_add(queue, &item, &error));
        item.state = LETHE_ITEM_DROPPED;
        (void)snprintf(item.reason, sizeof item.reason, "objected");
        OK(lethe_queue_finish(queue, &item, &error));
        OK(lethe_queue_get(queue, item.id, &item, &error));
        assert_string_equal(item.sop_instance, "");
        assert_string_equal(item.source_name, "");
        assert_string_equal(item.sha256, "");
        assert_string_equal(item.path, "");
        assert_string_equal(item.reason, "objected");
    }
    int dropped = 0, queued = 0, all = 0;
    OK(lethe_queue_visit(queue, LETHE_ITEM_DROPPED, count_visit, &dropped, &error));
    OK(lethe_queue_visit(queue, LETHE_ITEM_QUEUED, count_visit, &queued, &error));
    OK(lethe_queue_visit(queue, LETHE_ITEM_STATES, count_visit, &all, &error));
    assert_int_equal(dropped, 70);
    assert_int_equal(queued, 0);
    assert_int_equal(all, 70);
    lethe_queue_close(queue);
    lethe_project_close(project);
}

/* --- catalogue --- */

static lethe_status gather(void *context, const lethe_catalogue_entry *entry, lethe_error *failure) {
    (void)failure;
    char *text = context;
    size_t used = strlen(text);
    (void)snprintf(text + used, 1024 - used, "%s:%s:%lld ", entry->path, entry->modality, (long long)entry->rows);
    return LETHE_OK;
}

static void catalogue_orders_filters_and_withdraws(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    lethe_catalogue *catalogue = NULL;
    OK(lethe_catalogue_open(project, &catalogue, &error));
    lethe_catalogue_entry entries[] = {
        {.path = "c", .kind = "dicom", .patient = "P2", .study_uid = "2", .modality = "CT", .rows = 1},
        {.path = "b",
         .kind = "dicom",
         .patient = "P1",
         .study_uid = "1",
         .series_uid = "s",
         .series_number = 2,
         .modality = "MR",
         .instance_number = 2},
        {.path = "a",
         .kind = "dicom",
         .patient = "P1",
         .study_uid = "1",
         .series_uid = "s",
         .series_number = 2,
         .modality = "MR",
         .instance_number = 10},
        {.path = "d", .kind = "slide", .patient = "P1", .study_uid = "1", .series_number = 1},
    };
    OK(lethe_catalogue_put(catalogue, entries, 4, &error));
    entries[0].rows = 7;
    OK(lethe_catalogue_put(catalogue, entries, 1, &error));
    char text[1024] = "";
    OK(lethe_catalogue_visit(catalogue, NULL, gather, text, &error));
    assert_string_equal(text, "d::0 b:MR:0 a:MR:0 c:CT:7 ");
    text[0] = '\0';
    OK(lethe_catalogue_visit(catalogue, &(lethe_catalogue_filter){.patient = "P1", .modality = "MR"}, gather, text, &error));
    assert_string_equal(text, "b:MR:0 a:MR:0 ");
    int64_t removed = 0;
    OK(lethe_catalogue_remove_patient(catalogue, "P1", &removed, &error));
    assert_int_equal(removed, 3);
    OK(lethe_catalogue_remove(catalogue, "c", &error));
    text[0] = '\0';
    OK(lethe_catalogue_visit(catalogue, NULL, gather, text, &error));
    assert_string_equal(text, "");
    lethe_catalogue_close(catalogue);
    lethe_project_close(project);
}

/* --- project --- */

static void a_project_is_private_and_made_once(void **state) {
    (void)state;
    lethe_project *project = project_for_test();
    struct stat info;
    assert_int_equal(stat(project->private_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(project->key_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, LETHE_KEY_BYTES);
    assert_string_equal(project->profile, "research");
    assert_string_equal(project->ingest.aet, "LETHE");
    assert_int_equal(project->ingest.port, 11112);
    lethe_error_clear(&error);
    lethe_error_clear(&error);
    assert_int_equal(lethe_project_create(project->folder, "again", "", &error), LETHE_EXISTS);
    lethe_error_clear(&error);
    assert_int_equal(chmod(project->private_path, 0755), 0);
    lethe_project *second = NULL;
    lethe_error_clear(&error);
    assert_int_equal(lethe_project_open(project->folder, true, &second, &error), LETHE_DENIED);
    assert_null(second);
    OK(lethe_project_open(project->folder, false, &second, &error));
    lethe_project_close(second);
    lethe_error_clear(&error);
    lethe_error_clear(&error);
    assert_int_equal(lethe_project_open("/nonexistent", false, &second, &error), LETHE_NOT_FOUND);
    FILE *file = fopen(project->config_path, "w");
    assert_non_null(file);
    (void)fputs("name: \"x\"\nstore: ''\ningest:\n  aet: A\n  port: 1\n  watch: [/a, b]\n  peers:\n    - {name: pacs, aet: P, host: h, port: 104}\n"
                "  door: {anything: 1}\ndeid: {anything: 2}\n",
                file);
    assert_int_equal(fclose(file), 0);
    OK(lethe_project_open(project->folder, false, &second, &error));
    assert_string_equal(second->name, "x");
    assert_int_equal(second->ingest.watch_count, 2);
    assert_string_equal(second->ingest.watch[0], "/a");
    assert_string_equal(second->ingest.peers[0].name, "pacs");
    assert_int_equal(second->ingest.peers[0].port, 104);
    lethe_project_close(second);
    file = fopen(project->config_path, "w");
    assert_non_null(file);
    (void)fputs("name: x\nprofil: y\n", file);
    assert_int_equal(fclose(file), 0);
    lethe_error_clear(&error);
    lethe_error_clear(&error);
    assert_int_equal(lethe_project_open(project->folder, false, &second, &error), LETHE_CONFIG);
    assert_non_null(strstr(error.message, "profile")); /* did you mean */
    lethe_project_close(project);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(values_come_back_as_bound),
    cmocka_unit_test(uniqueness_is_told_and_rolls_back),
    cmocka_unit_test(migrations_apply_once_and_from_every_version),
    cmocka_unit_test(duplicates_are_told_apart),
    cmocka_unit_test(claims_go_by_priority_and_are_exclusive),
    cmocka_unit_test(expired_and_dead_claims_are_taken_over),
    cmocka_unit_test(a_host_killer_is_given_up),
    cmocka_unit_test(many_processes_drain_once),
    cmocka_unit_test(tombstones_hold_no_identity),
    cmocka_unit_test(files_without_a_row_are_removed_later),
    cmocka_unit_test(claims_are_given_back),
    cmocka_unit_test(catalogue_orders_filters_and_withdraws),
    cmocka_unit_test(a_project_is_private_and_made_once),
};

int main(void) {
    int failed = 0;
    if (store_fixture_start(&fixture, false) != 0) return 1;
    failed += cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
    store_fixture_stop(&fixture);
    int started = store_fixture_start(&fixture, true);
    if (started == 0) failed += cmocka_run_group_tests_name("postgresql", tests, NULL, NULL);
    else if (started == 77) (void)puts("skipped: the PostgreSQL half, no server installed");
    else failed++;
    store_fixture_stop(&fixture);
    return failed == 0 ? 0 : 1;
}
