/* Files that outlived their row: an outcome is one transaction, the removal of its file is not. Their paths stand in `left_file` from the one to the
 * other. */
#include "core/queue.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 64, PATH_SIZE = 512 };

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    (void)where;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

/* A slide of several files lies in a folder of its own, inbox/<day>/<minute>/<random>/: that folder's length with its slash, else 0. */
static size_t folder_length(const char *path) {
    unsigned slashes = 0;
    if (!lethe_text_starts(path, "inbox/")) return 0;
    for (const char *at = path; *at != '\0'; at++)
        if (*at == '/' && ++slashes == 4) return (size_t)(at - path) + 1;
    return 0;
}

/* Does some row name this file after all? Of a slide of several files the row names the main one, as `path` does. */
static lethe_status is_named(lethe_queue *queue, const char *path, bool *named, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(lethe_queue_database(queue), "SELECT 1 FROM item WHERE path = ?1 LIMIT 1", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, path);
    status = lethe_statement_step(statement, named, error);
    lethe_statement_finalize(statement);
    return status;
}

static bool remove_file(const lethe_project *project, const char *path) {
    size_t folder = folder_length(path);
    char *full = lethe_asprintf("%s/%.*s", project->private_path, folder == 0 ? PATH_SIZE : (int)folder - 1, path);
    bool gone = false;
    if (full != NULL && folder != 0) gone = nftw(full, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
    else if (full != NULL) gone = unlink(full) == 0 || errno == ENOENT;
    lethe_free(full);
    return gone;
}

static lethe_status forget(lethe_queue *queue, const char *path, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(lethe_queue_database(queue), "DELETE FROM left_file WHERE path = ?1", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, path);
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

/* The next page of paths after `last`. */
static lethe_status read_page(lethe_queue *queue, const char *last, char (*paths)[PATH_SIZE], size_t *count, lethe_error *error) {
    lethe_statement *statement = NULL;
    *count = 0;
    lethe_status status =
        lethe_statement_prepare(lethe_queue_database(queue), "SELECT path FROM left_file WHERE path > ?1 ORDER BY path LIMIT 64", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, last);
    for (bool row = true; status == LETHE_OK && *count < PAGE;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        (void)snprintf(paths[(*count)++], PATH_SIZE, "%s", lethe_statement_text(statement, 0));
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_queue_remove_left(lethe_queue *queue, const lethe_project *project, uint64_t *removed, lethe_error *error) {
    if (removed != NULL) *removed = 0;
    char(*paths)[PATH_SIZE] = lethe_alloc_array(PAGE + 1, sizeof *paths), *last = paths == NULL ? NULL : paths[PAGE];
    if (paths == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for paths");
    lethe_status status = LETHE_OK;
    for (size_t count = PAGE; status == LETHE_OK && count == PAGE;) {
        status = read_page(queue, last, paths, &count, error);
        for (size_t i = 0; status == LETHE_OK && i < count; i++) {
            bool named = false;
            status = is_named(queue, paths[i], &named, error);
            bool gone = status == LETHE_OK && !named && remove_file(project, paths[i]);
            if (gone && removed != NULL) ++*removed;
            if (gone || named) status = forget(queue, paths[i], error);
        }
        if (count != 0) memcpy(last, paths[count - 1], PATH_SIZE);
    }
    lethe_free(paths);
    return status;
}
