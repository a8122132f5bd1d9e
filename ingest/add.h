/* Taking in files and folders: DICOM files (with or without extension), slides of one or several files. Layer: ingest. Thread rule: one thread per
 * object. */
#ifndef LETHE_INGEST_ADD_H
#define LETHE_INGEST_ADD_H

#include "core/project.h"
#include "core/queue.h"
#include "ingest/cohort.h"
#include "ingest/inbox.h"

#include <stdint.h>

typedef struct lethe_add_counts {
    uint64_t added, duplicates, conflicts, quarantined, dropped, indexes; /* indexes: DICOMDIR files, whose content is added but not they */
    uint64_t failed;
} lethe_add_counts;

/* Told once per file that could not be read or stored, with its path as it was named (for the person at the terminal only). */
typedef void (*lethe_add_trouble_fn)(void *context, const char *path, const lethe_error *error);
/* Told once per file whose row is committed (or was there already); only then may an original be moved or deleted. */
typedef void (*lethe_add_done_fn)(void *context, const char *path, lethe_item_state state);

/* Called in the transaction of a file's row, for each file that was named (not for members of archives): what it writes to the store stands when the
 * row does. */
typedef lethe_status (*lethe_add_also_fn)(void *context, const char *path, lethe_item_state state, lethe_error *error);

typedef struct lethe_add_options {
    const char *source; /* "folder", "pull", "stow" */
    int32_t priority;
    const lethe_cohort *cohort; /* who may come in (DICOM; slides carry no such facts); NULL = everybody */
    lethe_add_trouble_fn trouble;
    lethe_add_done_fn done;
    lethe_add_also_fn also;
    void *context;
} lethe_add_options;

typedef struct lethe_adder lethe_adder;

LETHE_NODISCARD lethe_status lethe_adder_create(lethe_queue *queue, lethe_inbox *inbox, const lethe_add_options *options, lethe_adder **out,
                                                lethe_error *error);
/* Rows are committed in batches: what has not been flushed is lost with the adder (its files are removed). */
void lethe_adder_destroy(lethe_adder *adder);
/* A file, or a folder with everything below it. A file that cannot be read counts as failed and the others go on; errors are those that concern all:
 * LETHE_LIMIT (disk), LETHE_DATABASE, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_adder_path(lethe_adder *adder, const char *path, lethe_error *error);
/* One file under the name that the private manifest shall show. */
LETHE_NODISCARD lethe_status lethe_adder_file(lethe_adder *adder, const char *path, const char *name, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_adder_flush(lethe_adder *adder, lethe_error *error);
/* True for a file in the folder X beside a slide X.mrxs: it comes in with that slide. */
bool lethe_add_belongs_to_slide(const char *path);
/* What the last file was taken for (not yet committed, id not set). Borrowed. */
const lethe_item *lethe_adder_last(const lethe_adder *adder);
const lethe_add_counts *lethe_adder_counts(const lethe_adder *adder);

#endif
