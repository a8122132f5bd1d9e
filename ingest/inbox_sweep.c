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
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct sweeper {
    lethe_inbox *inbox;
    lethe_queue *queue;
    lethe_statement *known;
    uint64_t removed, adopted;
} sweeper;

/* A file that carries its row was synced before its peer was answered: after a power cut the store may have lost that row, the file has not. */
static lethe_status adopt(sweeper *sweep, const char *path, const char *row_path, bool *adopted, lethe_error *error) {
    lethe_item item;
    lethe_status status = lethe_inbox_read_label(path, &item, adopted, error);
    if (status != LETHE_OK || !*adopted) return status;
    (void)snprintf(item.path, sizeof item.path, "%s", row_path);
    lethe_error own = {0};
    status = lethe_queue_add(sweep->queue, &item, &own);
    *adopted = status == LETHE_OK;
    if (status == LETHE_EXISTS) return LETHE_OK; /* a duplicate whose removal the power cut undid */
    if (status != LETHE_OK) return lethe_fail(error, status, "%s", own.message);
    sweep->adopted++;
    return LETHE_OK;
}

static lethe_status sweep_file(void *context, const char *path, const char *relative, lethe_error *error) {
    sweeper *sweep = context;
    char *row_path = lethe_asprintf("inbox/%s", relative);
    if (row_path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    /* A slide of several files lies in a folder of its own, inbox/<day>/<minute>/<random>/; its row names one file in there. */
    unsigned slashes = 0;
    char *end = row_path + strlen(row_path), *upper = NULL;
    for (char *at = row_path; *at != '\0' && slashes < 4; at++)
        if (*at == '/' && ++slashes == 4) end = at + 1;
    *end = '\0';
    upper = lethe_strdup(row_path);
    if (upper == NULL) {
        lethe_free(row_path);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    }
    if (slashes == 4) upper[end - row_path - 1] = '/' + 1;
    bool known = false;
    lethe_statement_bind_text(sweep->known, 1, row_path);
    lethe_statement_bind_text(sweep->known, 2, upper);
    lethe_status status = lethe_statement_step(sweep->known, &known, error);
    lethe_statement_reset(sweep->known);
    if (status == LETHE_OK && !known && slashes < 4) status = adopt(sweep, path, row_path, &known, error);
    lethe_free(row_path);
    lethe_free(upper);
    if (status != LETHE_OK || known) return status;
    if (unlink(path) != 0 && errno != ENOENT) return lethe_fail_errno(error, errno, "cannot remove a leftover of the inbox");
    sweep->removed++;
    return LETHE_OK;
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
        status =
            lethe_statement_prepare(lethe_queue_database(queue), "SELECT 1 FROM item WHERE path >= ?1 AND path <= ?2 LIMIT 1", &sweep.known, error);
        if (status == LETHE_OK) status = lethe_walk(inbox->project->inbox_path, sweep_file, &sweep, error);
        lethe_statement_finalize(sweep.known);
        if (status == LETHE_OK) remove_unpack_folders(inbox);
    }
    if (flock(inbox->lock_fd, LOCK_SH) != 0 && status == LETHE_OK) status = lethe_fail_errno(error, errno, "cannot lock the inbox");
    if (sweep.adopted != 0) lethe_log(LETHE_LOG_WARNING, "inbox_rows_restored", "instances=%" PRIu64, sweep.adopted);
    if (removed != NULL) *removed = sweep.removed;
    return status;
}
