/* What the files of the store share. For annotate/store*.c only. */
#ifndef LETHE_ANNOTATE_STORE_INTERNAL_H
#define LETHE_ANNOTATE_STORE_INTERNAL_H

#include "annotate/store.h"

struct lethe_store {
    lethe_catalogue *catalogue;
    lethe_database *database; /* the catalogue's */
    lethe_schema *schema;     /* owned; NULL when none is installed */
    lethe_role role;
    char user[128];
    char *released_path;
};

/* UTC now, microseconds since 1970. */
int64_t lethe_store_now_us(void);
/* A statement with its text parameters bound from 1 on. */
lethe_status lethe_store_query(lethe_store *store, const char *sql, const char *const *texts, int count, lethe_statement **out, lethe_error *error);
/* The first column of the first row, as a number; 0 when there is no row. */
lethe_status lethe_store_number(lethe_store *store, const char *sql, const char *const *texts, int count, int64_t *number, lethe_error *error);
/* Create the tables, triggers, indexes, and on PostgreSQL the policies. */
lethe_status lethe_store_migrate(lethe_database *database, lethe_error *error);
/* A name as an identifier of SQL, in double quotes. False when it does not fit. */
bool lethe_store_quote(const char *name, char *out, size_t size);
/* Let a PostgreSQL role use the tables as its role in the store allows. */
lethe_status lethe_store_grant(lethe_store *store, const char *name, lethe_role role, lethe_error *error);

/* The task under which `author` annotates a case now: 0 when the case was not given to them. Errors: LETHE_DENIED when all their tasks on it are
 * closed. */
lethe_status lethe_store_task_for(lethe_store *store, const char *case_id, const char *author, int64_t *task, lethe_error *error);

/* Append one revision with a given action, in its own transaction; `annotation` as loaded. */
lethe_status lethe_store_append_action(lethe_store *store, lethe_annotation *annotation, lethe_action action, int64_t undoes, bool deleted,
                                       lethe_error *error);

#endif
