/* What the two databases have in common: the table of operations behind core/database.h. For core/database*.c only. */
#ifndef LETHE_CORE_DATABASE_INTERNAL_H
#define LETHE_CORE_DATABASE_INTERNAL_H

#include "core/database.h"

typedef struct database_ops {
    void (*close)(lethe_database *database);
    lethe_status (*execute)(lethe_database *database, const char *sql, lethe_error *error);
    lethe_status (*begin)(lethe_database *database, lethe_error *error);
    lethe_status (*commit)(lethe_database *database, lethe_error *error); /* rolls back when it fails */
    void (*rollback)(lethe_database *database);
    lethe_status (*prepare)(lethe_database *database, const char *sql, lethe_statement **out, lethe_error *error);
    void (*finalize)(lethe_statement *statement);
    void (*bind_int64)(lethe_statement *statement, int index, int64_t value);
    void (*bind_double)(lethe_statement *statement, int index, double value);
    void (*bind_text)(lethe_statement *statement, int index, const char *text);
    void (*bind_blob)(lethe_statement *statement, int index, const void *bytes, size_t size);
    void (*bind_null)(lethe_statement *statement, int index);
    lethe_status (*step)(lethe_statement *statement, bool *row, lethe_error *error);
    void (*reset)(lethe_statement *statement);
    int64_t (*int64)(lethe_statement *statement, int column);
    double (*real)(lethe_statement *statement, int column);
    const char *(*text)(lethe_statement *statement, int column);
    const void *(*blob)(lethe_statement *statement, int column, size_t *size);
    bool (*is_null)(lethe_statement *statement, int column);
    int64_t (*changes)(lethe_statement *statement);
} database_ops;

/* Each backend's object starts with this. */
struct lethe_database {
    const database_ops *ops;
    lethe_database_kind kind;
    bool in_transaction;
    bool in_doubt; /* set by commit */
};

struct lethe_statement {
    lethe_database *database;
    bool bind_failed; /* reported by the next step */
};

lethe_status lethe_database_open_sqlite(const char *path, lethe_database **out, lethe_error *error);
lethe_status lethe_database_open_postgres(const char *url, const char *schema_name, lethe_database **out, lethe_error *error);

#endif
