/* What an ended process left in the inbox: files without a row. Those that carry their row get it back, the others were never acknowledged. */
#include "ingest/inbox_internal.h"

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/inbox_label.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { BATCH = 1024 };

typedef struct sweeper {
    lethe_inbox *inbox;
    lethe_queue *queue;
    lethe_statement *known;
    uint64_t removed, adopted, unreadable;
    lethe_item *found; /* BATCH of them that carry their row and are not recorded again yet */
    size_t count;
    lethe_status *results;
} sweeper;

static lethe_status remove_leftover(sweeper *sweep, const char *path, lethe_error *error) {
    if (unlink(path) != 0 && errno != ENOENT) return lethe_fail_errno(error, errno, "cannot remove a leftover of the inbox");
    sweep->removed++;
    return LETHE_OK;
}

static int by_arrival(const void *a, const void *b) {
    const lethe_item *one = a, *two = b;
    return (one->received_us > two->received_us) - (one->received_us < two->received_us);
}

/* In the order in which they came, so that of two with one UID the later one is the conflicting duplicate, as it was. */
static lethe_status record_found(void *context, lethe_error *error) {
    sweeper *sweep = context;
    size_t count = sweep->count;
    if (count == 0) return LETHE_OK;
    sweep->count = 0;
    qsort(sweep->found, count, sizeof *sweep->found, by_arrival);
    lethe_status status = lethe_queue_add_many(sweep->queue, sweep->found, count, sweep->results, error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        if (sweep->results[i] == LETHE_OK) {
            sweep->adopted++;
            continue;
        }
        char *path = lethe_path_join(sweep->inbox->project->private_path, sweep->found[i].path); /* a duplicate whose removal the power cut undid */
        status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : remove_leftover(sweep, path, error);
        lethe_free(path);
    }
    return status;
}

/* A file that carries its row was synced before its peer was answered: after a power cut the store may have lost that row, the file has not. What
 * cannot be read stays where it is: it may have been acknowledged. */
static lethe_status look_at_stranger(sweeper *sweep, const char *path, const char *row_path, lethe_error *error) {
    bool labelled = false;
    lethe_error own = {0};
    lethe_status status = lethe_inbox_read_label(path, row_path, &sweep->found[sweep->count], &labelled, &own);
    if (status == LETHE_IO) {
        sweep->unreadable++;
        return LETHE_OK;
    }
    if (status != LETHE_OK) return lethe_fail(error, status, "%s", own.message);
    if (!labelled) return remove_leftover(sweep, path, error);
    return ++sweep->count == BATCH ? record_found(sweep, error) : LETHE_OK;
}

static lethe_status sweep_file(void *context, const char *path, const char *relative, lethe_error *error) {
    sweeper *sweep = context;
    char *row_path = lethe_asprintf("inbox/%s", relative);
    if (row_path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    /* A slide of several files lies in a folder of its own, inbox/<day>/<minute>/<random>/; its row names the main file in there. */
    unsigned slashes = 0;
    size_t folder = 0;
    for (size_t i = 0; row_path[i] != '\0' && slashes < 4; i++)
        if (row_path[i] == '/' && ++slashes == 4) folder = i + 1;
    if (slashes == 4) {
        char *main_file = lethe_asprintf("%.*s" INBOX_SLIDE_NAME, (int)folder, row_path);
        lethe_free(row_path);
        row_path = main_file;
        if (row_path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    }
    bool known = false;
    lethe_statement_bind_text(sweep->known, 1, row_path);
    lethe_status status = lethe_statement_step(sweep->known, &known, error);
    lethe_statement_reset(sweep->known);
    if (status == LETHE_OK && !known) status = slashes < 4 ? look_at_stranger(sweep, path, row_path, error) : remove_leftover(sweep, path, error);
    lethe_free(row_path);
    return status;
}

/* Their files are gone already; what stays are folders. */
static void remove_unpack_folders(const lethe_inbox *inbox) {
    DIR *folder = opendir(inbox->project->inbox_path);
    if (folder == NULL) return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, ".unpack-", 8) != 0) continue;
        char *path = lethe_path_join(inbox->project->inbox_path, entry->d_name);
        if (path != NULL) inbox_remove_tree(path);
        lethe_free(path);
    }
    (void)closedir(folder);
}

lethe_status lethe_inbox_sweep(lethe_inbox *inbox, lethe_queue *queue, uint64_t *removed, lethe_error *error) {
    if (removed != NULL) *removed = 0;
    if (inbox->lock_fd >= 0) return LETHE_OK;
    char *path = lethe_path_join(inbox->project->private_path, ".inbox.lock");
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    inbox->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int reason = errno;
    lethe_free(path);
    if (inbox->lock_fd < 0) return lethe_fail_errno(error, reason, "cannot open the inbox's lock");
    sweeper sweep = {.inbox = inbox, .queue = queue};
    lethe_status status = LETHE_OK;
    if (flock(inbox->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        sweep.found = lethe_alloc_array(BATCH, sizeof *sweep.found);
        sweep.results = lethe_alloc_array(BATCH, sizeof *sweep.results);
        if (sweep.found == NULL || sweep.results == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for the inbox");
        if (status == LETHE_OK) status = lethe_queue_remove_left(queue, inbox->project, NULL, error);
        if (status == LETHE_OK) /* what waits for its removal is nobody's: it must not come back */
            status = lethe_statement_prepare(lethe_queue_database(queue),
                                             "SELECT 1 FROM item WHERE path = ?1 UNION ALL SELECT 1 FROM left_file WHERE path = ?1 LIMIT 1",
                                             &sweep.known, error);
        const inbox_visit visit = {sweep_file, record_found, &sweep.unreadable, &sweep};
        if (status == LETHE_OK) status = inbox_walk_changed(inbox, queue, &visit, error);
        lethe_statement_finalize(sweep.known);
        lethe_free(sweep.found);
        lethe_free(sweep.results);
        if (status == LETHE_OK) remove_unpack_folders(inbox);
    }
    if (flock(inbox->lock_fd, LOCK_SH) != 0 && status == LETHE_OK) status = lethe_fail_errno(error, errno, "cannot lock the inbox");
    if (sweep.adopted != 0) lethe_log(LETHE_LOG_WARNING, "inbox_rows_restored", "instances=%" PRIu64, sweep.adopted);
    if (sweep.unreadable != 0) lethe_log(LETHE_LOG_ERROR, "inbox_not_readable", "files=%" PRIu64, sweep.unreadable);
    if (removed != NULL) *removed = sweep.removed;
    return status;
}
