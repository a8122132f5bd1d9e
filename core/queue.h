/* The intake: every instance or slide that came in, its state, and the work queue over it. Private side. Layer: core. Thread rule: one thread at
 * a time per object.
 *
 * received -> queued -> claimed -> released | quarantined | review | dropped. Each step is one transaction. A claim expires; whoever comes next
 * takes it over; after LETHE_QUEUE_ATTEMPTS failures an item is quarantined. */
#ifndef LETHE_CORE_QUEUE_H
#define LETHE_CORE_QUEUE_H

#include "core/database.h"
#include "core/error.h"
#include "core/project.h"

#include <stdint.h>
#include <sys/types.h>

enum { LETHE_QUEUE_ATTEMPTS = 2, LETHE_QUEUE_RATE_SECONDS = 60 };

typedef enum lethe_item_state {
    LETHE_ITEM_QUEUED,
    LETHE_ITEM_CLAIMED,
    LETHE_ITEM_RELEASED,
    LETHE_ITEM_QUARANTINED,
    LETHE_ITEM_REVIEW,
    LETHE_ITEM_DROPPED,
    LETHE_ITEM_STATES
} lethe_item_state;

typedef enum lethe_item_kind { LETHE_ITEM_DICOM, LETHE_ITEM_SLIDE } lethe_item_kind;

typedef struct lethe_item {
    int64_t id;
    lethe_item_kind kind;
    lethe_item_state state;
    char path[512];     /* below private/, e.g. "inbox/2026/ab/<random>.dcm"; a slide made of several files: its main file */
    char sop_class[65]; /* "" when unknown */
    char sop_instance[65];
    char sha256[65];
    uint64_t size_bytes;
    int64_t received_us;   /* UTC, microseconds since 1970 */
    char source[17];       /* where from: "dimse", "folder", "pull", "stow" */
    char source_name[512]; /* the name under which it came (for the private manifest); may identify */
    int32_t priority;
    int32_t attempts;
    char reason[256]; /* why quarantined, in review or dropped; no attribute values */
    char output[512]; /* below released/, or "" */
} lethe_item;

typedef struct lethe_queue lethe_queue;

LETHE_NODISCARD lethe_status lethe_queue_open(const lethe_project *project, lethe_queue **out, lethe_error *error);
void lethe_queue_close(lethe_queue *queue);
lethe_database *lethe_queue_database(lethe_queue *queue); /* borrowed; for tables that belong to a stage (objections, cohorts) */

/* Record a durable file as queued (id and state are set). Same SOP instance and same sha256 as an item of any state: LETHE_EXISTS, nothing recorded;
 * but with the same path too it is the same file, recorded by an attempt whose answer was lost: LETHE_OK. Same SOP instance but other content:
 * recorded with reason "conflicting duplicate". */
LETHE_NODISCARD lethe_status lethe_queue_add(lethe_queue *queue, lethe_item *item, lethe_error *error);
/* Several in one transaction; `results[i]` gets LETHE_OK or LETHE_EXISTS. */
LETHE_NODISCARD lethe_status lethe_queue_add_many(lethe_queue *queue, lethe_item *items, size_t count, lethe_status *results, lethe_error *error);
/* As lethe_queue_add, but in the state and with the reason that `item` has: for what is quarantined or dropped at the door. */
LETHE_NODISCARD lethe_status lethe_queue_record(lethe_queue *queue, lethe_item *item, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_queue_record_many(lethe_queue *queue, lethe_item *items, size_t count, lethe_status *results, lethe_error *error);
/* The same, and `also` runs in the same transaction behind the last row: what it writes stands when they do. It may run twice, when a commit is
 * repeated. */
typedef lethe_status (*lethe_queue_also_fn)(void *context, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_queue_record_with(lethe_queue *queue, lethe_item *items, size_t count, lethe_status *results,
                                                     lethe_queue_also_fn also, void *context, lethe_error *error);
/* Within such an `also`: record `item` `times` times over (tombstones, which nothing tells from each other). */
LETHE_NODISCARD lethe_status lethe_queue_record_within(lethe_queue *queue, const lethe_item *item, uint64_t times, lethe_error *error);

/* A name for lethe_queue_claim under which the claims of a process that died are taken over at once by others of its host, without waiting for
 * them to expire. Errors: LETHE_IO when /proc cannot be read. */
enum { LETHE_WORKER_NAME_SIZE = 64 };
LETHE_NODISCARD lethe_status lethe_queue_worker_name(char name[LETHE_WORKER_NAME_SIZE], lethe_error *error);
/* When a process started, in clock ticks since boot; false when there is none (or only its zombie). */
bool lethe_process_start_ticks(pid_t pid, uint64_t *ticks);

/* Claim up to `capacity` items (highest priority, then oldest) for `seconds`; expired claims are claimable. `worker` names the claimer. */
LETHE_NODISCARD lethe_status lethe_queue_claim(lethe_queue *queue, const char *worker, unsigned seconds, lethe_item *items, size_t capacity,
                                               size_t *count, lethe_error *error);
/* Put back whatever `worker` has claimed, attempts unchanged: for a worker that starts, and for one that lost its link and knows no more what it
 * holds. */
LETHE_NODISCARD lethe_status lethe_queue_give_back(lethe_queue *queue, const char *worker, lethe_error *error);
/* Give the outcome of an item: state, reason, output and path (where its file lies now, below private/) are taken from it. LETHE_ITEM_DROPPED leaves
 * a tombstone without names, digest or path. Idempotent. A file that its row names no more (dropped, or moved to another folder) is written down in
 * the same transaction; lethe_queue_remove_left removes it. */
LETHE_NODISCARD lethe_status lethe_queue_finish(lethe_queue *queue, const lethe_item *item, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_queue_finish_many(lethe_queue *queue, const lethe_item *items, size_t count, lethe_error *error);
/* Remove the files below private/ that no row names any more since an outcome was given; of a slide of several files its whole folder. Call it after
 * lethe_queue_finish, and at a start for what a killed process left. `*removed` (may be NULL) counts them. A file that cannot be removed is left for
 * the next call; that is no error. */
LETHE_NODISCARD lethe_status lethe_queue_remove_left(lethe_queue *queue, const lethe_project *project, uint64_t *removed, lethe_error *error);
/* Put a claimed item back (attempts + 1); beyond LETHE_QUEUE_ATTEMPTS it becomes quarantined with `reason`. */
LETHE_NODISCARD lethe_status lethe_queue_retry(lethe_queue *queue, const lethe_item *item, const char *reason, lethe_error *error);

typedef struct lethe_queue_counts {
    int64_t by_state[LETHE_ITEM_STATES];
    int64_t received;         /* all of them */
    int64_t oldest_queued_us; /* received_us of the oldest waiting item, 0 when none */
    int64_t finished_lately;  /* outcomes given within the last LETHE_QUEUE_RATE_SECONDS */
} lethe_queue_counts;
LETHE_NODISCARD lethe_status lethe_queue_count(lethe_queue *queue, lethe_queue_counts *counts, lethe_error *error);

/* Visit items in a state (or all: LETHE_ITEM_STATES), by id; stop when `visit` fails. */
typedef lethe_status (*lethe_item_fn)(void *context, const lethe_item *item, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_queue_visit(lethe_queue *queue, lethe_item_state state, lethe_item_fn visit, void *context, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_queue_get(lethe_queue *queue, int64_t id, lethe_item *item, lethe_error *error);

const char *lethe_item_state_name(lethe_item_state state);

#endif
