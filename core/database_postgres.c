/* core/database.h on PostgreSQL through libpq. SQL written for both is translated: ?N becomes $N, BLOB becomes BYTEA, REAL becomes DOUBLE PRECISION
 * and INTEGER PRIMARY KEY [AUTOINCREMENT] becomes BIGSERIAL PRIMARY KEY. */
#include "core/buffer.h"
#include "core/database_internal.h"
#include "core/memory.h"
#include "core/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_PARAMETERS = 64, SQL_CAP_BYTES = 1 << 20 };

typedef struct pg_database {
    lethe_database base;
    PGconn *connection;
    char *schema_name;
    uint64_t next_name;  /* of prepared statements */
    uint64_t generation; /* counts connections: what was prepared on an older one is gone */
} pg_database;

typedef struct pg_statement {
    lethe_statement base;
    char *sql;
    char name[24];
    uint64_t generation; /* of the connection it is prepared on; 0 = not yet */
    int parameters;
    char *values[MAX_PARAMETERS]; /* owned; NULL = SQL NULL */
    int lengths[MAX_PARAMETERS];
    int formats[MAX_PARAMETERS]; /* 0 text, 1 binary */
    PGresult *result;
    int row;
    int64_t changes;     /* of the last run; outlives a reset */
    unsigned char *blob; /* unescaped column, libpq's */
} pg_statement;

static pg_database *pg_of(lethe_database *database) { return (pg_database *)database; }
static pg_statement *pg_stmt(lethe_statement *statement) { return (pg_statement *)statement; }

/* --- errors --- */

/* Only the SQLSTATE, and the primary message where it cannot hold a value: syntax and names (42), connection (08), resources (53), operator (57). */
static lethe_status fail_pg(pg_database *database, const PGresult *result, lethe_error *error) {
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL)
        return lethe_fail(error, LETHE_DATABASE, "PostgreSQL: %s",
                          PQstatus(database->connection) == CONNECTION_OK ? "request failed" : "connection lost");
    if (strcmp(state, "23505") == 0) return lethe_fail(error, LETHE_EXISTS, "PostgreSQL: uniqueness violated (23505)");
    bool harmless = strncmp(state, "42", 2) == 0 || strncmp(state, "08", 2) == 0 || strncmp(state, "53", 2) == 0 || strncmp(state, "57", 2) == 0;
    const char *message = harmless ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    return lethe_fail(error, LETHE_DATABASE, "PostgreSQL: %s (%s)", message == NULL ? "request failed" : message, state);
}

/* --- SQL dialect --- */

typedef struct translation {
    const char *from, *to;
} translation;

static const translation translations[] = {
    {"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGSERIAL PRIMARY KEY"},
    {"INTEGER PRIMARY KEY", "BIGSERIAL PRIMARY KEY"},
    {"BLOB", "BYTEA"},
    {"REAL", "DOUBLE PRECISION"},
};

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Length of the quoted string, identifier or comment that starts at `at`; 0 when none does. */
static size_t quoted_length(const char *at) {
    if (*at == '-' && at[1] == '-') return strcspn(at, "\n");
    if (*at != '\'' && *at != '"') return 0;
    const char *end = at + 1;
    while (*end != '\0' && *end != *at) end++;
    return (size_t)(end - at) + (*end != '\0');
}

static lethe_status translate(const char *sql, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_OK;
    char before = ' ';
    for (const char *at = sql; status == LETHE_OK && *at != '\0';) {
        size_t take = quoted_length(at);
        const char *put = NULL;
        if (take == 0 && *at == '?') {
            take = 1;
            put = "$";
        }
        for (size_t i = 0; take == 0 && !is_word(before) && i < sizeof translations / sizeof *translations; i++) {
            size_t length = strlen(translations[i].from);
            if (strncasecmp(at, translations[i].from, length) == 0 && !is_word(at[length])) {
                take = length;
                put = translations[i].to;
            }
        }
        if (take == 0) take = 1;
        before = at[take - 1];
        status = put != NULL ? lethe_buffer_append_text(out, put, error) : lethe_buffer_append(out, at, take, error);
        at += take;
    }
    return status;
}

/* --- connection --- */

static lethe_status run_plain(pg_database *database, const char *sql, lethe_error *error) {
    PGresult *result = PQexec(database->connection, sql);
    ExecStatusType code = PQresultStatus(result);
    lethe_status status =
        code == PGRES_COMMAND_OK || code == PGRES_TUPLES_OK || code == PGRES_EMPTY_QUERY ? LETHE_OK : fail_pg(database, result, error);
    PQclear(result);
    return status;
}

static lethe_status enter_schema(pg_database *database, lethe_error *error) {
    lethe_status status = run_plain(database,
                                    "SET client_min_messages = warning; SET synchronous_commit = on; SET tcp_keepalives_idle = 20; "
                                    "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4; SET tcp_user_timeout = 45000",
                                    error);
    if (status != LETHE_OK || database->schema_name == NULL) return status;
    char *name = PQescapeIdentifier(database->connection, database->schema_name, strlen(database->schema_name));
    /* The lock keeps two hosts that start at once from creating it at once. */
    /* CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it is there: an annotator has none. */
    char *sql = name == NULL ? NULL
                             : lethe_asprintf("BEGIN; SELECT pg_advisory_xact_lock(5495748068); DO $$ BEGIN IF to_regnamespace('%s') IS NULL THEN "
                                              "CREATE SCHEMA %s; END IF; END $$; COMMIT; SET search_path = %s",
                                              name, name, name);
    status = sql == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a schema name") : run_plain(database, sql, error);
    lethe_free(sql);
    PQfreemem(name);
    return status;
}

/* A server that restarted: connect again, but only between transactions. */
static lethe_status ensure_connected(pg_database *database, lethe_error *error) {
    if (PQstatus(database->connection) == CONNECTION_OK) return LETHE_OK;
    if (database->base.in_transaction) return lethe_fail(error, LETHE_DATABASE, "PostgreSQL: connection lost");
    PQreset(database->connection);
    if (PQstatus(database->connection) != CONNECTION_OK) return lethe_fail(error, LETHE_DATABASE, "PostgreSQL: cannot connect again");
    database->generation++;
    return enter_schema(database, error);
}

static void close_database(lethe_database *database) {
    pg_database *pg = pg_of(database);
    PQfinish(pg->connection);
    lethe_free(pg->schema_name);
    lethe_free(pg);
}

static lethe_status execute(lethe_database *database, const char *sql, lethe_error *error) {
    lethe_buffer translated;
    lethe_buffer_init(&translated, SQL_CAP_BYTES);
    lethe_status status = ensure_connected(pg_of(database), error);
    if (status == LETHE_OK) status = translate(sql, &translated, error);
    if (status == LETHE_OK) status = run_plain(pg_of(database), lethe_buffer_text(&translated), error);
    lethe_buffer_release(&translated);
    return status;
}

static lethe_status begin(lethe_database *database, lethe_error *error) {
    lethe_status status = ensure_connected(pg_of(database), error);
    return status == LETHE_OK ? run_plain(pg_of(database), "BEGIN", error) : status;
}

static void rollback(lethe_database *database) { (void)run_plain(pg_of(database), "ROLLBACK", NULL); }

static lethe_status commit(lethe_database *database, lethe_error *error) {
    pg_database *pg = pg_of(database);
    PGresult *result = PQexec(pg->connection, "COMMIT");
    lethe_status status = LETHE_OK;
    /* COMMIT of an aborted transaction "succeeds" with the tag ROLLBACK. */
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        status = fail_pg(pg, result, error);
        /* The server says nothing, or that it is going down: it may have committed before. */
        database->in_doubt = PQstatus(pg->connection) != CONNECTION_OK;
    }
    if (status == LETHE_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        status = lethe_fail(error, LETHE_DATABASE, "PostgreSQL: the transaction had failed");
    PQclear(result);
    if (status != LETHE_OK) rollback(database);
    return status;
}

/* --- statements --- */

static void clear_result(pg_statement *statement) {
    PQclear(statement->result);
    statement->result = NULL;
    PQfreemem(statement->blob);
    statement->blob = NULL;
    statement->row = -1;
}

static void set_value(lethe_statement *base, int index, char *value, size_t length, int format) {
    pg_statement *statement = pg_stmt(base);
    if (index < 1 || index > MAX_PARAMETERS || length > INT32_MAX) {
        lethe_free(value);
        base->bind_failed = true;
        return;
    }
    lethe_free(statement->values[index - 1]);
    statement->values[index - 1] = value;
    statement->lengths[index - 1] = (int)length;
    statement->formats[index - 1] = format;
    if (index > statement->parameters) statement->parameters = index;
}

static void bind_null(lethe_statement *statement, int index) { set_value(statement, index, NULL, 0, 0); }

static void bind_text(lethe_statement *statement, int index, const char *text) {
    char *copy = lethe_strdup(text);
    if (copy == NULL) statement->bind_failed = true;
    set_value(statement, index, copy, strlen(text), 0);
}

static void bind_int64(lethe_statement *statement, int index, int64_t value) {
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    bind_text(statement, index, text);
}

static void bind_double(lethe_statement *statement, int index, double value) {
    char text[64];
    (void)snprintf(text, sizeof text, "%.17g", value); /* C locale: the programs never call setlocale */
    bind_text(statement, index, text);
}

static void bind_blob(lethe_statement *statement, int index, const void *bytes, size_t size) {
    char *copy = lethe_alloc(size + 1);
    if (copy == NULL) statement->bind_failed = true;
    else if (size != 0) memcpy(copy, bytes, size);
    set_value(statement, index, copy, size, 1);
}

static lethe_status prepare(lethe_database *database, const char *sql, lethe_statement **out, lethe_error *error) {
    lethe_buffer translated;
    lethe_buffer_init(&translated, SQL_CAP_BYTES);
    pg_statement *statement = lethe_alloc_array(1, sizeof *statement);
    lethe_status status = statement == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a statement") : translate(sql, &translated, error);
    if (status == LETHE_OK) {
        statement->sql = lethe_strdup(lethe_buffer_text(&translated));
        if (statement->sql == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a statement");
    }
    lethe_buffer_release(&translated);
    if (status != LETHE_OK) {
        lethe_free(statement);
        return status;
    }
    statement->base.database = database;
    statement->row = -1;
    (void)snprintf(statement->name, sizeof statement->name, "s%" PRIu64, ++pg_of(database)->next_name);
    *out = &statement->base;
    return LETHE_OK;
}

static lethe_status ensure_prepared(pg_database *database, pg_statement *statement, lethe_error *error) {
    lethe_status status = ensure_connected(database, error);
    if (status != LETHE_OK || statement->generation == database->generation) return status;
    PGresult *result = PQprepare(database->connection, statement->name, statement->sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) status = fail_pg(database, result, error);
    PQclear(result);
    if (status == LETHE_OK) statement->generation = database->generation;
    return status;
}

static void finalize(lethe_statement *base) {
    pg_statement *statement = pg_stmt(base);
    pg_database *database = pg_of(base->database);
    clear_result(statement);
    if (statement->generation == database->generation && PQtransactionStatus(database->connection) != PQTRANS_INERROR) {
        char sql[48];
        (void)snprintf(sql, sizeof sql, "DEALLOCATE %s", statement->name);
        (void)run_plain(database, sql, NULL);
    }
    for (int i = 0; i < MAX_PARAMETERS; i++) lethe_free(statement->values[i]);
    lethe_free(statement->sql);
    lethe_free(statement);
}

static lethe_status run_query(pg_database *database, pg_statement *statement, lethe_error *error) {
    lethe_status status = ensure_prepared(database, statement, error);
    if (status != LETHE_OK) return status;
    statement->result = PQexecPrepared(database->connection, statement->name, statement->parameters, (const char *const *)statement->values,
                                       statement->lengths, statement->formats, 0);
    ExecStatusType code = PQresultStatus(statement->result);
    if (code == PGRES_COMMAND_OK || code == PGRES_TUPLES_OK) {
        if (!lethe_text_to_int64(PQcmdTuples(statement->result), &statement->changes)) statement->changes = 0;
        return LETHE_OK;
    }
    status = fail_pg(database, statement->result, error);
    clear_result(statement);
    return status;
}

static lethe_status step(lethe_statement *base, bool *row, lethe_error *error) {
    pg_statement *statement = pg_stmt(base);
    if (statement->result == NULL) {
        lethe_status status = run_query(pg_of(base->database), statement, error);
        if (status != LETHE_OK) return status;
    }
    int rows = PQresultStatus(statement->result) == PGRES_TUPLES_OK ? PQntuples(statement->result) : 0;
    if (statement->row < rows) statement->row++;
    *row = statement->row < rows;
    return LETHE_OK;
}

static void reset(lethe_statement *base) {
    pg_statement *statement = pg_stmt(base);
    clear_result(statement);
    for (int i = 0; i < statement->parameters; i++) {
        lethe_free(statement->values[i]);
        statement->values[i] = NULL;
        statement->lengths[i] = 0;
        statement->formats[i] = 0;
    }
}

static const char *column_text(lethe_statement *base, int column) {
    pg_statement *statement = pg_stmt(base);
    if (statement->result == NULL || statement->row < 0 || statement->row >= PQntuples(statement->result)) return "";
    return PQgetvalue(statement->result, statement->row, column);
}

static int64_t column_int64(lethe_statement *statement, int column) {
    const char *text = column_text(statement, column);
    int64_t value = 0;
    if (lethe_text_to_int64(text, &value)) return value;
    if (strcmp(text, "t") == 0) return 1;
    double real = 0; /* sums of BIGINT are NUMERIC */
    return lethe_text_to_double(text, &real) ? (int64_t)real : 0;
}

static double column_double(lethe_statement *statement, int column) {
    double value = 0;
    return lethe_text_to_double(column_text(statement, column), &value) ? value : 0;
}

static const void *column_blob(lethe_statement *base, int column, size_t *size) {
    pg_statement *statement = pg_stmt(base);
    PQfreemem(statement->blob);
    statement->blob = PQunescapeBytea((const unsigned char *)column_text(base, column), size);
    if (statement->blob == NULL) {
        *size = 0;
        return "";
    }
    return statement->blob;
}

static bool column_is_null(lethe_statement *base, int column) {
    pg_statement *statement = pg_stmt(base);
    if (statement->result == NULL || statement->row < 0 || statement->row >= PQntuples(statement->result)) return true;
    return PQgetisnull(statement->result, statement->row, column) != 0;
}

static int64_t changes(lethe_statement *statement) { return pg_stmt(statement)->changes; }

static const database_ops pg_ops = {
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

static void keep_quiet(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

lethe_status lethe_database_open_postgres(const char *url, const char *schema_name, lethe_database **out, lethe_error *error) {
    pg_database *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a database");
    fresh->base.ops = &pg_ops;
    fresh->base.kind = LETHE_POSTGRESQL;
    fresh->generation = 1;
    /* A cable that is pulled must show within a minute, on both sides; what the URL says of it comes later and wins. */
    static const char *const names[] = {
        "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname", NULL};
    const char *const values[] = {"15", "20", "5", "4", "45000", url, NULL};
    fresh->connection = PQconnectdbParams(names, values, 1);
    lethe_status status = LETHE_OK;
    if (schema_name != NULL && schema_name[0] != '\0') {
        fresh->schema_name = lethe_strdup(schema_name);
        if (fresh->schema_name == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a database");
    }
    if (status == LETHE_OK && PQstatus(fresh->connection) != CONNECTION_OK) {
        const char *reason = fresh->connection == NULL ? "no memory" : PQerrorMessage(fresh->connection);
        status = lethe_fail(error, LETHE_DATABASE, "PostgreSQL: cannot connect: %.*s", (int)strcspn(reason, "\n"), reason);
    }
    if (status == LETHE_OK) {
        (void)PQsetNoticeReceiver(fresh->connection, keep_quiet, NULL);
        (void)PQsetClientEncoding(fresh->connection, "UTF8");
        status = enter_schema(fresh, error);
    }
    if (status != LETHE_OK) close_database(&fresh->base);
    else *out = &fresh->base;
    return status;
}
