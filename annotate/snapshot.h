/* Snapshots: a frozen list of revisions. Layer: annotate. Thread rule: one thread at a time per store. */
#ifndef LETHE_ANNOTATE_SNAPSHOT_H
#define LETHE_ANNOTATE_SNAPSHOT_H

#include "annotate/store.h"

typedef struct lethe_snapshot {
    int64_t id, at_us, items, schema_version;
    const char *name, *author, *schema_name, *schema_sha256;
} lethe_snapshot;

/* Freeze every current annotation. Errors: LETHE_EXISTS for a name in use, LETHE_DENIED for readers. */
LETHE_NODISCARD lethe_status lethe_snapshot_create(lethe_store *store, const char *name, int64_t *id, int64_t *items, lethe_error *error);
typedef lethe_status (*lethe_snapshot_fn)(void *context, const lethe_snapshot *snapshot, lethe_error *error);
/* By id. */
LETHE_NODISCARD lethe_status lethe_snapshot_visit(lethe_store *store, lethe_snapshot_fn visit, void *context, lethe_error *error);
/* By number or by name. Errors: LETHE_NOT_FOUND. */
LETHE_NODISCARD lethe_status lethe_snapshot_find(lethe_store *store, const char *number_or_name, int64_t *id, lethe_error *error);
/* What tells this snapshot from every other, of other stores as well: its name and the moment of its making. */
LETHE_NODISCARD lethe_status lethe_snapshot_identity(lethe_store *store, int64_t id, char *out, size_t size, lethe_error *error);
/* The schema that was current then; NULL in *out when there was none. The caller owns it. */
LETHE_NODISCARD lethe_status lethe_snapshot_schema(lethe_store *store, int64_t id, lethe_schema **out, lethe_error *error);

#endif
