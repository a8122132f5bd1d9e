/* A small SQL layer with SQLite and PostgreSQL behind it. SQL is written once, with ?1 ?2 ... placeholders, in the dialect both understand
 * (INTEGER is 64 bits wide: write BIGINT; BLOB: write BLOB, the PostgreSQL side says BYTEA). Layer: core. Thread rule: one thread at a time per
 * database object; open one per worker and thread; never carry one over fork(). */
#ifndef LETHE_CORE_DATABASE_H
#define LETHE_CORE_DATABASE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_database lethe_database;
typedef struct lethe_statement lethe_statement;
typedef enum lethe_database_kind { LETHE_SQLITE, LETHE_POSTGRESQL } lethe_database_kind;

/* `url` is a path of a SQLite file (created with mode 0600 when missing: WAL, synchronous=FULL, busy timeout 30 s, foreign keys on) or
 * "postgresql://..." (libpq's URI). `schema_name` names the PostgreSQL schema that holds the tables (created when missing; ignored by SQLite).
 * Errors: LETHE_DATABASE. */
LETHE_NODISCARD lethe_status lethe_database_open(const char *url, const char *schema_name, lethe_database **out, lethe_error *error);
void lethe_database_close(lethe_database *database);
lethe_database_kind lethe_database_backend(const lethe_database *database);

/* One or more statements without parameters or results. For PostgreSQL ?N becomes $N, BLOB becomes BYTEA, REAL becomes DOUBLE PRECISION, and
 * INTEGER PRIMARY KEY [AUTOINCREMENT] becomes BIGSERIAL PRIMARY KEY; ON CONFLICT and RETURNING are the same in both. */
LETHE_NODISCARD lethe_status lethe_database_execute(lethe_database *database, const char *sql, lethe_error *error);

/* A transaction (SQLite: BEGIN IMMEDIATE). After any failed statement only rollback makes sense (PostgreSQL has aborted the transaction): where a
 * row may exist already write INSERT ... ON CONFLICT DO NOTHING rather than wait for LETHE_EXISTS. A failed commit has rolled back. Rollback never
 * fails visibly. */
LETHE_NODISCARD lethe_status lethe_database_begin(lethe_database *database, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_database_commit(lethe_database *database, lethe_error *error);
void lethe_database_rollback(lethe_database *database);

/* True when the last commit failed because the connection broke over it: the transaction may or may not stand. False for SQLite. */
bool lethe_database_in_doubt(const lethe_database *database);

/* Numbered migrations, each applied once, in order, in one transaction, recorded in table `migration`. `sql_postgresql` NULL: the same SQL for both.
 */
typedef struct lethe_migration {
    int number; /* 1, 2, 3 ... */
    const char *sql;
    const char *sql_postgresql;
} lethe_migration;
LETHE_NODISCARD lethe_status lethe_database_migrate(lethe_database *database, const lethe_migration *migrations, size_t count, lethe_error *error);
/* The same for one of several owners of tables in one database ("queue", "catalogue", "annotate" ...): each has its own numbers. */
LETHE_NODISCARD lethe_status lethe_database_migrate_component(lethe_database *database, const char *component, const lethe_migration *migrations,
                                                              size_t count, lethe_error *error);

/* Prepared statements. Statements must be finalized before their database closes. Bound text and blobs are copied. Index starts at 1. */
LETHE_NODISCARD lethe_status lethe_statement_prepare(lethe_database *database, const char *sql, lethe_statement **out, lethe_error *error);
void lethe_statement_finalize(lethe_statement *statement);
void lethe_statement_bind_int64(lethe_statement *statement, int index, int64_t value);
void lethe_statement_bind_double(lethe_statement *statement, int index, double value);
void lethe_statement_bind_text(lethe_statement *statement, int index, const char *text); /* NULL binds SQL NULL */
void lethe_statement_bind_blob(lethe_statement *statement, int index, const void *bytes, size_t size);
void lethe_statement_bind_null(lethe_statement *statement, int index);
/* Fetch the next row: *row tells whether there is one. The first call executes. Errors: LETHE_EXISTS for a uniqueness violation, else
 * LETHE_DATABASE (also for a failed bind). */
LETHE_NODISCARD lethe_status lethe_statement_step(lethe_statement *statement, bool *row, lethe_error *error);
/* Execute to the end, ignoring rows, and reset. */
LETHE_NODISCARD lethe_status lethe_statement_run(lethe_statement *statement, lethe_error *error);
/* Ready for new binds (old ones are cleared). */
void lethe_statement_reset(lethe_statement *statement);
/* Columns of the current row, index from 0. Borrowed until the next step, reset or finalize. NULL gives 0, 0.0, "" and is_null. */
int64_t lethe_statement_int64(lethe_statement *statement, int column);
double lethe_statement_double(lethe_statement *statement, int column);
const char *lethe_statement_text(lethe_statement *statement, int column);
const void *lethe_statement_blob(lethe_statement *statement, int column, size_t *size);
bool lethe_statement_is_null(lethe_statement *statement, int column);
/* Rows changed by the last run of this statement. */
int64_t lethe_statement_changes(lethe_statement *statement);

#endif
