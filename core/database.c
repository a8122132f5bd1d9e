/* The part of core/database.h that is the same for every backend: dispatch, transactions, migrations. */
#include "core/database.h"

#include "core/database_internal.h"
#include "core/text.h"

#include <time.h>

lethe_status lethe_database_open(const char *url, const char *schema_name, lethe_database **out, lethe_error *error) {
    *out = NULL;
    if (lethe_text_starts(url, "postgresql://") || lethe_text_starts(url, "postgres://"))
        return lethe_database_open_postgres(url, schema_name, out, error);
    return lethe_database_open_sqlite(url, out, error);
}

void lethe_database_close(lethe_database *database) {
    if (database != NULL) database->ops->close(database);
}

lethe_database_kind lethe_database_backend(const lethe_database *database) { return database->kind; }

lethe_status lethe_database_execute(lethe_database *database, const char *sql, lethe_error *error) {
    return database->ops->execute(database, sql, error);
}

lethe_status lethe_database_begin(lethe_database *database, lethe_error *error) {
    if (database->in_transaction) return lethe_fail(error, LETHE_INTERNAL, "a transaction is open already");
    database->in_doubt = false;
    lethe_status status = database->ops->begin(database, error);
    database->in_transaction = status == LETHE_OK;
    return status;
}

lethe_status lethe_database_commit(lethe_database *database, lethe_error *error) {
    if (!database->in_transaction) return lethe_fail(error, LETHE_INTERNAL, "commit without a transaction");
    database->in_transaction = false;
    database->in_doubt = false;
    return database->ops->commit(database, error);
}

bool lethe_database_in_doubt(const lethe_database *database) { return database->in_doubt; }

void lethe_database_rollback(lethe_database *database) {
    if (!database->in_transaction) return;
    database->in_transaction = false;
    database->ops->rollback(database);
}

/* --- migrations --- */

static const char migration_table_sql[] =
    "CREATE TABLE IF NOT EXISTS migration (component TEXT NOT NULL, number BIGINT NOT NULL, applied_us BIGINT NOT NULL, "
    "PRIMARY KEY (component, number))";

static lethe_status newest_migration(lethe_database *database, const char *component, int64_t *newest, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(database, "SELECT COALESCE(MAX(number), 0) FROM migration WHERE component = ?1", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, component);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK) *newest = row ? lethe_statement_int64(statement, 0) : 0;
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status record_migration(lethe_database *database, const char *component, int number, lethe_error *error) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    lethe_statement *statement = NULL;
    lethe_status status =
        lethe_statement_prepare(database, "INSERT INTO migration (component, number, applied_us) VALUES (?1, ?2, ?3)", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, component);
    lethe_statement_bind_int64(statement, 2, number);
    lethe_statement_bind_int64(statement, 3, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status migrate_locked(lethe_database *database, const char *component, const lethe_migration *migrations, size_t count,
                                   lethe_error *error) {
    /* Two hosts that start at once: the second waits here and then finds everything applied. SQLite's BEGIN IMMEDIATE does the same. */
    lethe_status status =
        database->kind == LETHE_POSTGRESQL ? lethe_database_execute(database, "SELECT pg_advisory_xact_lock(5495748069)", error) : LETHE_OK;
    if (status == LETHE_OK) status = lethe_database_execute(database, migration_table_sql, error);
    int64_t newest = 0;
    if (status == LETHE_OK) status = newest_migration(database, component, &newest, error);
    int last = 0;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        const lethe_migration *migration = &migrations[i];
        if (migration->number != last + 1) return lethe_fail(error, LETHE_INTERNAL, "migrations are not numbered 1, 2, 3 ...");
        last = migration->number;
        if (migration->number <= newest) continue;
        const char *sql = database->kind == LETHE_POSTGRESQL && migration->sql_postgresql != NULL ? migration->sql_postgresql : migration->sql;
        status = lethe_database_execute(database, sql, error);
        if (status == LETHE_OK) status = record_migration(database, component, migration->number, error);
    }
    if (status == LETHE_OK && newest > last)
        status = lethe_fail(error, LETHE_DATABASE, "the store was written by a newer version (migration %lld; this one knows %d)", (long long)newest,
                            last);
    return status;
}

lethe_status lethe_database_migrate_component(lethe_database *database, const char *component, const lethe_migration *migrations, size_t count,
                                              lethe_error *error) {
    /* Nothing to do is the rule, and needs no right to write. */
    int64_t newest = 0;
    if (count > 0 && newest_migration(database, component, &newest, NULL) == LETHE_OK && newest == migrations[count - 1].number) return LETHE_OK;
    lethe_status status = lethe_database_begin(database, error);
    if (status != LETHE_OK) return status;
    status = migrate_locked(database, component, migrations, count, error);
    if (status == LETHE_OK) return lethe_database_commit(database, error);
    lethe_database_rollback(database);
    return status;
}

lethe_status lethe_database_migrate(lethe_database *database, const lethe_migration *migrations, size_t count, lethe_error *error) {
    return lethe_database_migrate_component(database, "", migrations, count, error);
}

/* --- statements --- */

lethe_status lethe_statement_prepare(lethe_database *database, const char *sql, lethe_statement **out, lethe_error *error) {
    *out = NULL;
    return database->ops->prepare(database, sql, out, error);
}

void lethe_statement_finalize(lethe_statement *statement) {
    if (statement != NULL) statement->database->ops->finalize(statement);
}

void lethe_statement_bind_int64(lethe_statement *statement, int index, int64_t value) {
    statement->database->ops->bind_int64(statement, index, value);
}
void lethe_statement_bind_double(lethe_statement *statement, int index, double value) {
    statement->database->ops->bind_double(statement, index, value);
}
void lethe_statement_bind_null(lethe_statement *statement, int index) { statement->database->ops->bind_null(statement, index); }

void lethe_statement_bind_text(lethe_statement *statement, int index, const char *text) {
    if (text == NULL) statement->database->ops->bind_null(statement, index);
    else statement->database->ops->bind_text(statement, index, text);
}

void lethe_statement_bind_blob(lethe_statement *statement, int index, const void *bytes, size_t size) {
    statement->database->ops->bind_blob(statement, index, bytes, size);
}

lethe_status lethe_statement_step(lethe_statement *statement, bool *row, lethe_error *error) {
    *row = false;
    if (statement->bind_failed) return lethe_fail(error, LETHE_DATABASE, "a value could not be bound");
    return statement->database->ops->step(statement, row, error);
}

lethe_status lethe_statement_run(lethe_statement *statement, lethe_error *error) {
    bool row = true;
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK && row) status = lethe_statement_step(statement, &row, error);
    lethe_statement_reset(statement);
    return status;
}

void lethe_statement_reset(lethe_statement *statement) {
    statement->bind_failed = false;
    statement->database->ops->reset(statement);
}

int64_t lethe_statement_int64(lethe_statement *statement, int column) { return statement->database->ops->int64(statement, column); }
double lethe_statement_double(lethe_statement *statement, int column) { return statement->database->ops->real(statement, column); }
const char *lethe_statement_text(lethe_statement *statement, int column) { return statement->database->ops->text(statement, column); }
const void *lethe_statement_blob(lethe_statement *statement, int column, size_t *size) {
    return statement->database->ops->blob(statement, column, size);
}
bool lethe_statement_is_null(lethe_statement *statement, int column) { return statement->database->ops->is_null(statement, column); }
int64_t lethe_statement_changes(lethe_statement *statement) { return statement->database->ops->changes(statement); }
