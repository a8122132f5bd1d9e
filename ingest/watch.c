/* Watched folders: inotify says that something happened, a scan finds out what; a file is taken in once its size and time have stood still. */
#include "ingest/service.h"

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/add.h"
#include "ingest/confine.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#define DONE_FOLDER ".lethe-done"

/* A file that has been seen but not been taken in. */
typedef struct candidate {
    char *path;
    uint64_t size;
    int64_t changed_ns;
    int64_t since; /* lethe_service_seconds */
    bool present;  /* in the scan under way */
    UT_hash_handle hh;
} candidate;

typedef struct watcher {
    const service_context *context;
    lethe_queue *queue;
    lethe_inbox *inbox;
    lethe_adder *adder;
    lethe_statement *known, *remember, *forget;
    candidate *candidates;
    lethe_cohort *cohort;
    int inotify_fd;
    unsigned present; /* watched folders that were there when the fence was drawn */
    bool waiting;     /* some file has not stood still for long enough */
    unsigned closed;  /* folders of this scan that cannot be looked into */
} watcher;

static const lethe_migration migrations[] = {
    {1, "CREATE TABLE watched (path_digest TEXT PRIMARY KEY, size_bytes BIGINT NOT NULL, changed_ns BIGINT NOT NULL)", NULL},
    {2, "ALTER TABLE watched ADD COLUMN stays BIGINT NOT NULL DEFAULT 1", NULL}, /* 0 = the original is to be moved or deleted */
};

static int64_t changed_ns(const struct stat *info) { return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec; }

/* --- what has been taken in already: originals that are kept, and those that are about to go --- */

static lethe_status is_known(watcher *self, const char *path, const struct stat *info, bool *known, bool *stays, lethe_error *error) {
    char digest[65];
    lethe_status status = lethe_sha256_hex(path, strlen(path), digest, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(self->known, 1, digest);
    lethe_statement_bind_int64(self->known, 2, (int64_t)info->st_size);
    lethe_statement_bind_int64(self->known, 3, changed_ns(info));
    status = lethe_statement_step(self->known, known, error);
    *stays = status == LETHE_OK && *known && lethe_statement_int64(self->known, 0) != 0;
    lethe_statement_reset(self->known);
    return status;
}

static lethe_status remember(watcher *self, const char *path, uint64_t size, int64_t changed, bool stays, lethe_error *error) {
    char digest[65];
    lethe_status status = lethe_sha256_hex(path, strlen(path), digest, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(self->remember, 1, digest);
    lethe_statement_bind_int64(self->remember, 2, (int64_t)size);
    lethe_statement_bind_int64(self->remember, 3, changed);
    lethe_statement_bind_int64(self->remember, 4, stays);
    return lethe_statement_run(self->remember, error);
}

static lethe_status forget_path(watcher *self, const char *path, lethe_error *error) {
    char digest[65];
    lethe_status status = lethe_sha256_hex(path, strlen(path), digest, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(self->forget, 1, digest);
    return lethe_statement_run(self->forget, error);
}

/* What the cohort or an objection leaves out is not ours to take away. */
static bool goes(const watcher *self, lethe_item_state state) {
    return self->context->door->originals != LETHE_ORIGINALS_KEEP && state != LETHE_ITEM_DROPPED;
}

/* In the transaction of the row: a file is either not taken in and not known, or both. It is known as it was when it was looked at. */
static lethe_status original_recorded(void *context, const char *path, lethe_item_state state, lethe_error *error) {
    watcher *self = context;
    candidate *seen = NULL;
    HASH_FIND_STR(self->candidates, path, seen);
    return seen == NULL ? LETHE_OK : remember(self, path, seen->size, seen->changed_ns, !goes(self, state), error);
}

static const char *root_of(const watcher *self, const char *path) {
    const lethe_project *project = self->context->project;
    for (unsigned i = 0; i < project->ingest.watch_count; i++)
        if (lethe_text_starts(path, project->ingest.watch[i])) return project->ingest.watch[i];
    return NULL;
}

static bool move_away(const watcher *self, const char *path) {
    const char *root = root_of(self, path);
    if (root == NULL) return false;
    const char *relative = path + strlen(root);
    while (*relative == '/') relative++;
    char *target = lethe_asprintf("%s/" DONE_FOLDER "/%s", root, relative);
    bool moved = target != NULL && lethe_folder_create_for(target, 0700, NULL) == LETHE_OK && rename(path, target) == 0;
    lethe_free(target);
    return moved;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    (void)where;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static bool take_away(const watcher *self, const char *path) {
    /* A slide's folder goes with its main file. */
    char *folder = lethe_text_ends(path, ".mrxs") ? lethe_strndup(path, strlen(path) - 5) : NULL;
    bool move = self->context->door->originals == LETHE_ORIGINALS_MOVE;
    /* The folder first: who is killed in between finds the main file, which is known, and goes on. */
    if (folder != NULL && move) (void)move_away(self, folder);
    else if (folder != NULL) (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    lethe_free(folder);
    return move ? move_away(self, path) : unlink(path) == 0;
}

/* The row is committed: do with the original what the configuration says. */
static void original_done(void *context, const char *path, lethe_item_state state) {
    watcher *self = context;
    candidate *seen = NULL;
    struct stat info;
    lethe_error error = {0};
    HASH_FIND_STR(self->candidates, path, seen);
    if (stat(path, &info) != 0) return;
    /* Written to since it was read: that is another file, whose turn comes. */
    if (seen != NULL && (seen->size != (uint64_t)info.st_size || seen->changed_ns != changed_ns(&info))) return;
    bool gone = goes(self, state) && take_away(self, path);
    lethe_status status = gone ? forget_path(self, path, &error) : remember(self, path, (uint64_t)info.st_size, changed_ns(&info), true, &error);
    if (!gone && goes(self, state)) lethe_log(LETHE_LOG_WARNING, "watch_original_stays", "errno=%d", errno);
    /* Forgotten means: looked at again after a restart, and then found to be a duplicate. */
    if (status != LETHE_OK) lethe_log(LETHE_LOG_WARNING, "watch_not_remembered", "detail=\"%s\"", error.message);
}

static void trouble(void *context, const char *path, const lethe_error *error) {
    (void)context;
    (void)path;
    lethe_log(LETHE_LOG_WARNING, "watch_file_failed", "reason=%s detail=\"%s\"", lethe_status_name(error->status), error->message);
}

/* --- scanning --- */

static void forget(watcher *self, candidate *old) {
    HASH_DEL(self->candidates, old);
    lethe_free(old->path);
    lethe_free(old);
}

/* True when the file has had this size and time for long enough. */
static lethe_status stands_still(watcher *self, const char *path, const struct stat *info, bool *still, lethe_error *error) {
    candidate *seen = NULL;
    int64_t now = lethe_service_seconds();
    *still = false;
    HASH_FIND_STR(self->candidates, path, seen);
    if (seen == NULL) {
        seen = lethe_alloc_array(1, sizeof *seen);
        char *copy = lethe_strdup(path);
        if (seen == NULL || copy == NULL) {
            lethe_free(seen);
            lethe_free(copy);
            return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a watched file");
        }
        seen->path = copy;
        seen->size = UINT64_MAX;
        HASH_ADD_KEYPTR(hh, self->candidates, seen->path, strlen(seen->path), seen);
    }
    seen->present = true;
    if (seen->size != (uint64_t)info->st_size || seen->changed_ns != changed_ns(info)) {
        seen->size = (uint64_t)info->st_size;
        seen->changed_ns = changed_ns(info);
        seen->since = now;
    }
    *still = now - seen->since >= (int64_t)self->context->door->stable_seconds;
    return LETHE_OK;
}

typedef struct stillness {
    watcher *self;
    bool all;
} stillness;

static lethe_status part_stands_still(void *context, const char *path, const char *relative, lethe_error *error) {
    stillness *look = context;
    struct stat info;
    bool still = false;
    (void)relative;
    if (stat(path, &info) != 0) {
        look->all = false;
        return LETHE_OK;
    }
    lethe_status status = stands_still(look->self, path, &info, &still, error);
    look->all = look->all && still;
    return status;
}

/* A part that cannot be looked at, or that has gone meanwhile, is not known to stand still. */
static lethe_status part_not_seen(void *context, const char *relative, const char *what, lethe_error *error) {
    stillness *look = context;
    (void)relative;
    (void)error;
    look->all = look->all && !lethe_text_starts(what, "f");
    return LETHE_OK;
}

/* A slide of several files is ready when all of them are. */
static lethe_status slide_stands_still(watcher *self, const char *path, bool *still, lethe_error *error) {
    struct stat info;
    char *folder = lethe_text_ends(path, ".mrxs") ? lethe_strndup(path, strlen(path) - 5) : NULL;
    lethe_status status = LETHE_OK;
    if (folder != NULL && stat(folder, &info) == 0) {
        stillness look = {self, *still};
        status = lethe_walk_all(folder, part_stands_still, part_not_seen, &look, error);
        *still = look.all;
    }
    lethe_free(folder);
    return status;
}

static lethe_status visit(void *context, const char *path, const char *relative, lethe_error *error) {
    watcher *self = context;
    struct stat info;
    bool known = false, stays = false, still = false;
    if (lethe_text_starts(relative, DONE_FOLDER "/") || lethe_add_belongs_to_slide(path) || lstat(path, &info) != 0) return LETHE_OK;
    lethe_status status = is_known(self, path, &info, &known, &stays, error);
    if (status != LETHE_OK || (known && stays)) return status;
    if (known) { /* somebody was killed before it could go */
        original_done(self, path, LETHE_ITEM_QUEUED);
        return LETHE_OK;
    }
    status = stands_still(self, path, &info, &still, error);
    if (status == LETHE_OK) status = slide_stands_still(self, path, &still, error);
    if (status != LETHE_OK) return status;
    if (!still) {
        self->waiting = true;
        return LETHE_OK;
    }
    candidate *seen = NULL;
    HASH_FIND_STR(self->candidates, path, seen);
    if (seen != NULL) seen->present = false; /* forgotten after the scan; back when it cannot be read now */
    return lethe_adder_file(self->adder, path, relative, error);
}

/* One folder that is closed to us, or nested without end, keeps nobody else's files waiting. */
static lethe_status pass_over(void *context, const char *relative, const char *what, lethe_error *error) {
    watcher *self = context;
    (void)relative;
    (void)error;
    self->closed += lethe_text_starts(what, "folder ");
    return LETHE_OK;
}

static int watch_entry_fd = -1; /* nftw has no context; this process watches for one watcher only */
static int watch_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    if (kind == FTW_D && strcmp(path + where->base, DONE_FOLDER) != 0)
        (void)inotify_add_watch(watch_entry_fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
    return 0;
}

static void watch_folders(watcher *self, const char *path) {
    watch_entry_fd = self->inotify_fd;
    (void)nftw(path, watch_entry, 16, FTW_PHYS);
}

static lethe_status scan(watcher *self, lethe_error *error) {
    const lethe_project *project = self->context->project;
    lethe_status status = LETHE_OK;
    candidate *at = NULL, *next = NULL;
    self->waiting = false;
    HASH_ITER(hh, self->candidates, at, next) at->present = false;
    for (unsigned i = 0; status == LETHE_OK && i < project->ingest.watch_count; i++) {
        struct stat info;
        if (stat(project->ingest.watch[i], &info) != 0) continue; /* a share that is not mounted now */
        watch_folders(self, project->ingest.watch[i]);
        lethe_error own = {0};
        self->closed = 0;
        lethe_status walked = lethe_walk_all(project->ingest.watch[i], visit, pass_over, self, &own);
        if (self->closed != 0) lethe_log(LETHE_LOG_WARNING, "watch_folders_closed", "folder=%u closed=%u", i, self->closed);
        if (walked == LETHE_IO) lethe_log(LETHE_LOG_WARNING, "watch_scan_incomplete", "folder=%u detail=\"%s\"", i, own.message);
        else if (walked != LETHE_OK) status = lethe_fail(error, walked, "%s", own.message);
    }
    if (status == LETHE_OK) status = lethe_adder_flush(self->adder, error);
    HASH_ITER(hh, self->candidates, at, next) {
        if (!at->present) forget(self, at);
    }
    return status;
}

/* --- the loop --- */

static unsigned count_present(const lethe_project *project) {
    unsigned present = 0;
    struct stat info;
    for (unsigned i = 0; i < project->ingest.watch_count; i++) present += stat(project->ingest.watch[i], &info) == 0;
    return present;
}

static lethe_status wait_for_news(watcher *self, bool *stop, lethe_error *error) {
    const lethe_door *door = self->context->door;
    unsigned seconds = self->waiting && door->stable_seconds < door->rescan_seconds ? door->stable_seconds : door->rescan_seconds;
    struct pollfd polls[2] = {{.fd = self->context->stop_fd, .events = POLLIN}, {.fd = self->inotify_fd, .events = POLLIN}};
    if (poll(polls, 2, (int)seconds * 1000) < 0 && errno != EINTR) return lethe_fail_errno(error, errno, "cannot wait for watched folders");
    *stop = (polls[0].revents & POLLIN) != 0;
    /* A folder that was not there is outside the fence: the next process, which is started at once, has it inside. */
    if (count_present(self->context->project) > self->present) *stop = true;
    if ((polls[1].revents & POLLIN) != 0) {
        char events[4096];
        (void)poll(NULL, 0, 200); /* let a burst pass */
        while (read(self->inotify_fd, events, sizeof events) > 0) continue;
    }
    return LETHE_OK;
}

static lethe_status prepare(watcher *self, lethe_error *error) {
    const char *cohort = self->context->door->cohort;
    lethe_status status = cohort == NULL ? LETHE_OK : lethe_cohort_load(cohort, "cohort", &self->cohort, error);
    const lethe_add_options options = {
        .source = "folder", .cohort = self->cohort, .trouble = trouble, .done = original_done, .also = original_recorded, .context = self};
    self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (self->inotify_fd < 0) return lethe_fail_errno(error, errno, "cannot watch folders");
    if (status == LETHE_OK) status = lethe_queue_open(self->context->project, &self->queue, error);
    if (status == LETHE_OK)
        status =
            lethe_database_migrate_component(lethe_queue_database(self->queue), "watch", migrations, sizeof migrations / sizeof *migrations, error);
    if (status == LETHE_OK)
        status =
            lethe_statement_prepare(lethe_queue_database(self->queue),
                                    "SELECT stays FROM watched WHERE path_digest = ?1 AND size_bytes = ?2 AND changed_ns = ?3", &self->known, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(lethe_queue_database(self->queue),
                                         "INSERT INTO watched (path_digest, size_bytes, changed_ns, stays) VALUES (?1, ?2, ?3, ?4) ON CONFLICT "
                                         "(path_digest) DO UPDATE SET size_bytes = excluded.size_bytes, changed_ns = excluded.changed_ns, stays = "
                                         "excluded.stays",
                                         &self->remember, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(lethe_queue_database(self->queue), "DELETE FROM watched WHERE path_digest = ?1", &self->forget, error);
    if (status == LETHE_OK) status = lethe_inbox_open(self->context->project, (uint64_t)self->context->door->reserve_mib << 20, &self->inbox, error);
    if (status == LETHE_OK) status = lethe_adder_create(self->queue, self->inbox, &options, &self->adder, error);
    return status;
}

lethe_status lethe_watch_run(const service_context *context, lethe_error *error) {
    watcher self = {.context = context, .inotify_fd = -1};
    candidate *at = NULL, *next = NULL;
    lethe_status status = prepare(&self, error); /* the store is opened here: inside, no file can be made beside it */
    self.present = count_present(context->project);
    if (status == LETHE_OK) status = lethe_confine_watch(context->project, context->door, error);
    for (bool stop = false; status == LETHE_OK && !stop;) {
        lethe_error own = {0};
        lethe_status scanned = scan(&self, &own);
        if (scanned == LETHE_LIMIT) lethe_log(LETHE_LOG_WARNING, "watch_waits", "detail=\"%s\"", own.message); /* for room on the disk */
        else if (scanned != LETHE_OK) status = lethe_fail(error, scanned, "%s", own.message);
        if (status == LETHE_OK) status = wait_for_news(&self, &stop, error);
    }
    HASH_ITER(hh, self.candidates, at, next) forget(&self, at);
    lethe_adder_destroy(self.adder);
    lethe_cohort_free(self.cohort);
    lethe_statement_finalize(self.known);
    lethe_statement_finalize(self.remember);
    lethe_statement_finalize(self.forget);
    lethe_inbox_close(self.inbox);
    lethe_queue_close(self.queue);
    if (self.inotify_fd >= 0) (void)close(self.inotify_fd);
    return status;
}
