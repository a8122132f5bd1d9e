/* Many new annotations at once on PostgreSQL. Rows wait here and travel as arrays, a thousand in a statement: one annotation then costs the server a
 * few rows, not four round trips. For annotate/store*.c only. */
#ifndef LETHE_ANNOTATE_STORE_BATCH_H
#define LETHE_ANNOTATE_STORE_BATCH_H

#include "annotate/store_internal.h"
#include "annotate/store_place.h"

typedef struct lethe_batch lethe_batch;

/* What the row of a new annotation has beside the annotation itself. */
typedef struct lethe_batch_row {
    int64_t target, box[4]; /* box: x0, y0, x1, y1 */
    bool has_box;
    const void *shape; /* encoded; NULL = none */
    size_t shape_bytes;
} lethe_batch_row;

/* All annotations of a batch have one author and are shared or not. `author` is borrowed. */
lethe_status lethe_batch_create(lethe_store *store, const char *author, bool shared, lethe_batch **out, lethe_error *error);
void lethe_batch_destroy(lethe_batch *batch);
/* Take a new annotation (borrowed until the flush, which sets its id, revision, author and at_us) with the planes that the placer has prepared. Full
 * batches are flushed. */
lethe_status lethe_batch_add(lethe_batch *batch, lethe_annotation *annotation, const lethe_batch_row *row, const lethe_placer *placer,
                             lethe_error *error);
lethe_status lethe_batch_flush(lethe_batch *batch, lethe_error *error);

#endif
