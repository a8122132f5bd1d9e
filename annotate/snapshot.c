#include "annotate/snapshot.h"

#include "annotate/store_internal.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

/* A row whose head is not a revision of its own says nothing, whoever put it there. */
#define HEAD_STANDS "EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = annotation.head AND r.annotation = annotation.id)"

static lethe_status insert_snapshot(lethe_store *store, const char *name, int64_t *id, lethe_error *error) {
    const lethe_schema *schema = store->schema;
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(
        store->database,
        "INSERT INTO snapshot (name, author, at_us, schema_name, schema_version, schema_sha256, items) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT COUNT(*) FROM annotation WHERE deleted = 0 AND " HEAD_STANDS ")) RETURNING id",
        &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, name);
    lethe_statement_bind_text(statement, 2, store->user);
    lethe_statement_bind_int64(statement, 3, lethe_store_now_us());
    lethe_statement_bind_text(statement, 4, schema == NULL ? "" : schema->name);
    lethe_statement_bind_int64(statement, 5, schema == NULL ? 0 : schema->version);
    lethe_statement_bind_text(statement, 6, schema == NULL ? "" : schema->sha256);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK) *id = lethe_statement_int64(statement, 0);
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_snapshot_create(lethe_store *store, const char *name, int64_t *id, int64_t *items, lethe_error *error) {
    lethe_statement *statement = NULL;
    *id = *items = 0;
    if (store->role == LETHE_ROLE_READER) return lethe_fail(error, LETHE_DENIED, "a reader makes no snapshots");
    lethe_status status = lethe_database_begin(store->database, error);
    if (status != LETHE_OK) return status;
    /* Nobody may move a head between the count and the copy. */
    if (lethe_database_backend(store->database) == LETHE_POSTGRESQL)
        status = lethe_database_execute(store->database, "LOCK TABLE annotation IN SHARE MODE", error);
    if (status == LETHE_OK) status = insert_snapshot(store, name, id, error);
    if (status == LETHE_OK)
        status =
            lethe_statement_prepare(store->database,
                                    "INSERT INTO snapshot_item (snapshot, revision, annotation) SELECT CAST(?1 AS BIGINT), head, id FROM annotation "
                                    "WHERE deleted = 0 AND " HEAD_STANDS,
                                    &statement, error);
    if (status == LETHE_OK) {
        lethe_statement_bind_int64(statement, 1, *id);
        status = lethe_statement_run(statement, error);
    }
    if (status == LETHE_OK) *items = lethe_statement_changes(statement);
    lethe_statement_finalize(statement);
    if (status == LETHE_OK) return lethe_database_commit(store->database, error);
    lethe_database_rollback(store->database);
    return status;
}

lethe_status lethe_snapshot_visit(lethe_store *store, lethe_snapshot_fn visit, void *context, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status =
        lethe_store_query(store, "SELECT id, at_us, items, schema_version, name, author, schema_name, schema_sha256 FROM snapshot ORDER BY id", NULL,
                          0, &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        lethe_snapshot snapshot = {lethe_statement_int64(statement, 0), lethe_statement_int64(statement, 1), lethe_statement_int64(statement, 2),
                                   lethe_statement_int64(statement, 3), lethe_statement_text(statement, 4),  lethe_statement_text(statement, 5),
                                   lethe_statement_text(statement, 6),  lethe_statement_text(statement, 7)};
        status = visit(context, &snapshot, error);
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_snapshot_find(lethe_store *store, const char *number_or_name, int64_t *id, lethe_error *error) {
    lethe_status status = lethe_store_number(store, "SELECT id FROM snapshot WHERE name = ?1 OR CAST(id AS TEXT) = ?1 ORDER BY id LIMIT 1",
                                             &number_or_name, 1, id, error);
    if (status == LETHE_OK && *id == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no snapshot '%.80s'", number_or_name);
    return status;
}

lethe_status lethe_snapshot_identity(lethe_store *store, int64_t id, char *out, size_t size, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(store->database, "SELECT name, at_us FROM snapshot WHERE id = ?1", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, id);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_NOT_FOUND, "no snapshot %lld", (long long)id);
    if (status == LETHE_OK)
        (void)snprintf(out, size, "%.200s|%lld", lethe_statement_text(statement, 0), (long long)lethe_statement_int64(statement, 1));
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_snapshot_schema(lethe_store *store, int64_t id, lethe_schema **out, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    *out = NULL;
    lethe_status status = lethe_statement_prepare(store->database,
                                                  "SELECT l.yaml, l.name FROM snapshot s JOIN label_schema l ON l.name = s.schema_name AND "
                                                  "l.version = s.schema_version WHERE s.id = ?1",
                                                  &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, id);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && row) {
        const char *yaml = lethe_statement_text(statement, 0);
        status = lethe_schema_parse(yaml, strlen(yaml), lethe_statement_text(statement, 1), out, error);
    }
    lethe_statement_finalize(statement);
    return status;
}
