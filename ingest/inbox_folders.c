/* The sweep's walk: a folder of the inbox that has not changed since it was swept is not looked into again, so that a start costs what is new and not
 * what lies there. What a folder was like then stands in the store, beside the rows of its files: a store that lost its end has lost that, too. */
#include "ingest/inbox_internal.h"

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A clock of the file system that is coarser than this would hide a change. */
enum { SETTLED_SECONDS = 3 };

typedef struct mark {
    char folder[16]; /* "20260131/1207" */
    int64_t changed_ns;
} mark;

typedef struct folders {
    const lethe_inbox *inbox;
    lethe_queue *queue;
    const inbox_visit *visit;
    const char *prefix; /* of what is walked now, below the inbox, or "" */
    lethe_statement *is_swept;
    mark *marks;
    size_t count, capacity;
    uint64_t passed; /* entries that were there and are not, or that cannot be looked at */
} folders;

static const lethe_migration migrations[] = {
    {1, "CREATE TABLE swept (folder TEXT PRIMARY KEY, changed_ns BIGINT NOT NULL)", NULL},
};

static bool is_number(const char *name, size_t digits) {
    for (size_t i = 0; i < digits; i++)
        if (!isdigit((unsigned char)name[i])) return false;
    return name[digits] == '\0';
}

static lethe_status visit_one(void *context, const char *path, const char *relative, lethe_error *error) {
    const folders *self = context;
    char *below = self->prefix[0] == '\0' ? lethe_strdup(relative) : lethe_asprintf("%s/%s", self->prefix, relative);
    if (below == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = self->visit->file(self->visit->context, path, below, error);
    lethe_free(below);
    return status;
}

/* Workers take files away meanwhile. A folder that cannot be looked into may hold files without a row: it is told, and looked at again. */
static lethe_status pass_over(void *context, const char *relative, const char *what, lethe_error *error) {
    folders *self = context;
    (void)relative;
    (void)error;
    self->passed++;
    if (lethe_text_starts(what, "folder ")) lethe_log(LETHE_LOG_ERROR, "inbox_folder_not_readable", "reason=\"%s\"", what);
    return LETHE_OK;
}

/* `path`, wholly; it lies at `prefix` below the inbox. One that has gone is no trouble. */
static lethe_status walk(folders *self, const char *path, const char *prefix, lethe_error *error) {
    struct stat info;
    if (lstat(path, &info) != 0 && errno == ENOENT) return LETHE_OK;
    self->prefix = prefix;
    return lethe_walk_all(path, visit_one, pass_over, self, error);
}

static lethe_status keep_mark(folders *self, const char *folder, int64_t changed_ns, lethe_error *error) {
    if (self->count == self->capacity) {
        size_t capacity = self->capacity * 2 + 64;
        mark *grown = lethe_realloc_array(self->marks, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the inbox");
        self->marks = grown;
        self->capacity = capacity;
    }
    mark *fresh = &self->marks[self->count++];
    (void)snprintf(fresh->folder, sizeof fresh->folder, "%s", folder);
    fresh->changed_ns = changed_ns;
    return LETHE_OK;
}

static lethe_status walk_minute(folders *self, const char *path, const char *folder, lethe_error *error) {
    struct stat info;
    bool swept = false;
    if (stat(path, &info) != 0) return errno == ENOENT ? LETHE_OK : lethe_fail_errno(error, errno, "cannot look at a folder of the inbox");
    /* The time of the last change of its entries that nobody can set. */
    int64_t changed_ns = (int64_t)info.st_ctim.tv_sec * 1000000000 + info.st_ctim.tv_nsec;
    lethe_statement_bind_text(self->is_swept, 1, folder);
    lethe_statement_bind_int64(self->is_swept, 2, changed_ns);
    lethe_status status = lethe_statement_step(self->is_swept, &swept, error);
    lethe_statement_reset(self->is_swept);
    if (status != LETHE_OK || swept) return status;
    uint64_t trouble = *self->visit->trouble + self->passed;
    status = walk(self, path, folder, error);
    time_t now = time(NULL);
    bool settled = info.st_ctim.tv_sec + SETTLED_SECONDS < now && trouble == *self->visit->trouble + self->passed;
    return status == LETHE_OK && settled ? keep_mark(self, folder, changed_ns, error) : status;
}

static int is_entry(const struct dirent *entry) { return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0; }

/* Days (`day` is NULL) or the minutes of a day; in the order of time. */
static lethe_status walk_folder(folders *self, const char *path, const char *day, lethe_error *error) {
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_entry, alphasort);
    if (count < 0) return lethe_fail_errno(error, errno, "cannot list a folder of the inbox");
    lethe_status status = LETHE_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct stat info;
        char *below = status != LETHE_OK ? NULL : lethe_path_join(path, name);
        char *prefix = below == NULL ? NULL : day == NULL ? lethe_strdup(name) : lethe_asprintf("%s/%s", day, name);
        if (status == LETHE_OK && prefix == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
        bool gone = status == LETHE_OK && lstat(below, &info) != 0;
        if (gone && errno != ENOENT) status = lethe_fail_errno(error, errno, "cannot look into the inbox");
        if (gone) info.st_mode = 0;
        if (status == LETHE_OK && S_ISDIR(info.st_mode) && day == NULL && is_number(name, 8)) status = walk_folder(self, below, name, error);
        else if (status == LETHE_OK && S_ISDIR(info.st_mode) && day != NULL && is_number(name, 4)) status = walk_minute(self, below, prefix, error);
        else if (status == LETHE_OK && S_ISDIR(info.st_mode)) status = walk(self, below, prefix, error);
        else if (status == LETHE_OK && S_ISREG(info.st_mode)) status = walk(self, below, day == NULL ? "" : day, error);
        lethe_free(below);
        lethe_free(prefix);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static lethe_status put_marks(folders *self, lethe_error *error) {
    lethe_database *database = lethe_queue_database(self->queue);
    lethe_statement *put = NULL;
    if (self->count == 0) return LETHE_OK;
    lethe_status status = lethe_database_begin(database, error);
    if (status != LETHE_OK) return status;
    status = lethe_statement_prepare(
        database, "INSERT INTO swept (folder, changed_ns) VALUES (?1, ?2) ON CONFLICT (folder) DO UPDATE SET changed_ns = excluded.changed_ns", &put,
        error);
    for (size_t i = 0; status == LETHE_OK && i < self->count; i++) {
        lethe_statement_bind_text(put, 1, self->marks[i].folder);
        lethe_statement_bind_int64(put, 2, self->marks[i].changed_ns);
        status = lethe_statement_run(put, error);
    }
    lethe_statement_finalize(put);
    if (status == LETHE_OK) return lethe_database_commit(database, error);
    lethe_database_rollback(database);
    return status;
}

lethe_status inbox_walk_changed(const lethe_inbox *inbox, lethe_queue *queue, const inbox_visit *visit, lethe_error *error) {
    folders self = {.inbox = inbox, .queue = queue, .visit = visit, .prefix = ""};
    lethe_database *database = lethe_queue_database(queue);
    lethe_status status = lethe_database_migrate_component(database, "inbox", migrations, sizeof migrations / sizeof *migrations, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(database, "SELECT 1 FROM swept WHERE folder = ?1 AND changed_ns = ?2", &self.is_swept, error);
    if (status == LETHE_OK) status = walk_folder(&self, inbox->project->inbox_path, NULL, error);
    if (status == LETHE_OK) status = visit->end(visit->context, error);
    if (status == LETHE_OK) status = put_marks(&self, error);
    lethe_statement_finalize(self.is_swept);
    lethe_free(self.marks);
    return status;
}
