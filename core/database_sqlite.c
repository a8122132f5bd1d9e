/* core/database.h on SQLite: one file, write-ahead log, full sync. */
#include "core/database_internal.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 30000 };

typedef struct sqlite_database {
    lethe_database base;
    sqlite3 *handle;
} sqlite_database;

typedef struct sqlite_statement {
    lethe_statement base;
    sqlite3_stmt *handle;
    int64_t changes;
} sqlite_statement;

static sqlite3 *handle_of(lethe_database *database) { return ((sqlite_database *)database)->handle; }
static sqlite3_stmt *stmt_of(lethe_statement *statement) { return ((sqlite_statement *)statement)->handle; }

static lethe_status fail_sqlite(lethe_database *database, int code, lethe_error *error) {
    /* SQLite's messages name tables and columns, never values. */
    int extended = sqlite3_extended_errcode(handle_of(database));
    bool exists = extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_ROWID;
    return lethe_fail(error, exists ? LETHE_EXISTS : LETHE_DATABASE, "SQLite: %s (%d)", sqlite3_errmsg(handle_of(database)), code);
}

static void close_database(lethe_database *database) {
    (void)sqlite3_close_v2(handle_of(database));
    lethe_free(database);
}

static lethe_status execute(lethe_database *database, const char *sql, lethe_error *error) {
    int code = sqlite3_exec(handle_of(database), sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? LETHE_OK : fail_sqlite(database, code, error);
}

static lethe_status begin(lethe_database *database, lethe_error *error) { return execute(database, "BEGIN IMMEDIATE", error); }

static void rollback(lethe_database *database) {
    if (sqlite3_get_autocommit(handle_of(database)) == 0) (void)sqlite3_exec(handle_of(database), "ROLLBACK", NULL, NULL, NULL);
}

static lethe_status commit(lethe_database *database, lethe_error *error) {
    lethe_status status = execute(database, "COMMIT", error);
    if (status != LETHE_OK) rollback(database);
    return status;
}

static lethe_status prepare(lethe_database *database, const char *sql, lethe_statement **out, lethe_error *error) {
    sqlite_statement *statement = lethe_alloc_array(1, sizeof *statement);
    if (statement == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a statement");
    int code = sqlite3_prepare_v3(handle_of(database), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
    if (code != SQLITE_OK) {
        lethe_free(statement);
        return fail_sqlite(database, code, error);
    }
    statement->base.database = database;
    *out = &statement->base;
    return LETHE_OK;
}

static void finalize(lethe_statement *statement) {
    (void)sqlite3_finalize(stmt_of(statement));
    lethe_free(statement);
}

static void note_bind(lethe_statement *statement, int code) {
    if (code != SQLITE_OK) statement->bind_failed = true;
}

static void bind_int64(lethe_statement *statement, int index, int64_t value) {
    note_bind(statement, sqlite3_bind_int64(stmt_of(statement), index, value));
}
static void bind_double(lethe_statement *statement, int index, double value) {
    note_bind(statement, sqlite3_bind_double(stmt_of(statement), index, value));
}
static void bind_null(lethe_statement *statement, int index) { note_bind(statement, sqlite3_bind_null(stmt_of(statement), index)); }

static void bind_text(lethe_statement *statement, int index, const char *text) {
    note_bind(statement, sqlite3_bind_text(stmt_of(statement), index, text, -1, SQLITE_TRANSIENT));
}

static void bind_blob(lethe_statement *statement, int index, const void *bytes, size_t size) {
    note_bind(statement, sqlite3_bind_blob64(stmt_of(statement), index, size == 0 ? "" : bytes, size, SQLITE_TRANSIENT));
}

static lethe_status step(lethe_statement *statement, bool *row, lethe_error *error) {
    int code = sqlite3_step(stmt_of(statement));
    if (code == SQLITE_ROW) {
        *row = true;
        return LETHE_OK;
    }
    if (code != SQLITE_DONE) return fail_sqlite(statement->database, code, error);
    ((sqlite_statement *)statement)->changes = sqlite3_changes64(handle_of(statement->database));
    return LETHE_OK;
}

static void reset(lethe_statement *statement) {
    (void)sqlite3_reset(stmt_of(statement)); /* its code repeats the last step's */
    (void)sqlite3_clear_bindings(stmt_of(statement));
}

static int64_t column_int64(lethe_statement *statement, int column) { return sqlite3_column_int64(stmt_of(statement), column); }
static double column_double(lethe_statement *statement, int column) { return sqlite3_column_double(stmt_of(statement), column); }

static const char *column_text(lethe_statement *statement, int column) {
    const unsigned char *text = sqlite3_column_text(stmt_of(statement), column);
    return text == NULL ? "" : (const char *)text;
}

static const void *column_blob(lethe_statement *statement, int column, size_t *size) {
    const void *bytes = sqlite3_column_blob(stmt_of(statement), column);
    *size = (size_t)sqlite3_column_bytes(stmt_of(statement), column);
    return bytes == NULL ? "" : bytes;
}

static bool column_is_null(lethe_statement *statement, int column) { return sqlite3_column_type(stmt_of(statement), column) == SQLITE_NULL; }
static int64_t changes(lethe_statement *statement) { return ((sqlite_statement *)statement)->changes; }

static const database_ops sqlite_ops = {
    .close = close_database,
    .execute = execute,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .prepare = prepare,
    .finalize = finalize,
    .bind_int64 = bind_int64,
    .bind_double = bind_double,
    .bind_text = bind_text,
    .bind_blob = bind_blob,
    .bind_null = bind_null,
    .step = step,
    .reset = reset,
    .int64 = column_int64,
    .real = column_double,
    .text = column_text,
    .blob = column_blob,
    .is_null = column_is_null,
    .changes = changes,
};

/* SQLite would create the file with the umask's mode. An existing file is not opened here: closing a descriptor of a database that this process
 * has open elsewhere would drop its locks (POSIX). */
static lethe_status create_private(const char *path, lethe_error *error) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) (void)close(fd);
    else if (errno != EEXIST) return lethe_fail(error, LETHE_DATABASE, "cannot create the database file (errno %d)", errno);
    return LETHE_OK;
}

lethe_status lethe_database_open_sqlite(const char *path, lethe_database **out, lethe_error *error) {
    lethe_status status = create_private(path, error);
    if (status != LETHE_OK) return status;
    sqlite_database *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a database");
    fresh->base.ops = &sqlite_ops;
    fresh->base.kind = LETHE_SQLITE;
    int code = sqlite3_open_v2(path, &fresh->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) {
        status = lethe_fail(error, LETHE_DATABASE, "cannot open the database: %s", sqlite3_errstr(code));
    } else {
        (void)sqlite3_busy_timeout(fresh->handle, BUSY_TIMEOUT_MS);
        status = execute(&fresh->base, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF", error);
    }
    if (status != LETHE_OK) close_database(&fresh->base);
    else *out = &fresh->base;
    return status;
}
