#include "deid/file_set.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- one at a time --- */

/* A lock that walkers and readers pass over. Whoever held it takes its name away, so that nothing is left: the name is looked at again. */
static lethe_status lock_media(const char *media, char **path, int *fd, lethe_error *error) {
    *fd = -1;
    *path = lethe_path_join(media, ".lethe-file-set.tmp");
    if (*path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    for (;;) {
        struct stat held, named;
        *fd = open(*path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (*fd < 0 || fstat(*fd, &held) != 0) break;
        int result;
        do result = flock(*fd, LOCK_EX);
        while (result != 0 && errno == EINTR);
        if (result != 0) break;
        if (stat(*path, &named) == 0 && named.st_ino == held.st_ino && named.st_dev == held.st_dev) return LETHE_OK;
        (void)close(*fd);
    }
    lethe_status status = lethe_fail_errno(error, errno, "cannot lock the place of the file-set");
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
    lethe_free(*path);
    *path = NULL;
    return status;
}

static void unlock_media(char *path, int fd) {
    if (fd < 0) return;
    (void)unlink(path);
    (void)close(fd);
    lethe_free(path);
}

lethe_status lethe_file_set_make(const char *released, const char *media, lethe_dicomdir_counts *counts, lethe_error *error) {
    char *path = NULL;
    int fd = -1;
    lethe_status status = lethe_folder_create(media, 0755, error);
    if (status == LETHE_OK) status = lock_media(media, &path, &fd, error);
    if (status == LETHE_OK) status = lethe_dicomdir_write(released, media, counts, error);
    unlock_media(path, fd);
    return status;
}

/* --- shards --- */

static char *shard_mark(const char *released, unsigned shard, unsigned shards) {
    return lethe_asprintf("%s/.lethe-shard-%04u-of-%04u.tmp", released, shard, shards);
}

static bool all_shards_ended(const char *released, unsigned shards) {
    bool all = true;
    for (unsigned i = 1; i <= shards && all; i++) {
        char *mark = shard_mark(released, i, shards);
        all = mark != NULL && access(mark, F_OK) == 0;
        lethe_free(mark);
    }
    return all;
}

static int is_mark(const struct dirent *entry) { return strncmp(entry->d_name, ".lethe-shard-", 13) == 0 && lethe_text_ends(entry->d_name, ".tmp"); }

/* Those of an earlier run with another number of shards, too. */
static void remove_marks(const char *released) {
    struct dirent **entries = NULL;
    int count = scandir(released, &entries, is_mark, NULL);
    for (int i = 0; i < count; i++) {
        char *path = lethe_path_join(released, entries[i]->d_name);
        if (path != NULL) (void)unlink(path);
        lethe_free(path);
        free(entries[i]);
    }
    free(entries);
}

lethe_status lethe_file_set_shard_ended(const char *released, unsigned shard, unsigned shards, lethe_error *error) {
    char *path = NULL, *directory = lethe_path_join(released, "DICOMDIR"), *mark = shard_mark(released, shard, shards);
    int fd = -1;
    lethe_dicomdir_counts counts;
    lethe_status status = directory == NULL || mark == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : LETHE_OK;
    if (status == LETHE_OK) status = lock_media(released, &path, &fd, error);
    /* Where a directory stands a shard of a finished run is repeated: it may add files. */
    bool make = status == LETHE_OK && access(directory, F_OK) == 0;
    if (status == LETHE_OK && !make) {
        status = lethe_file_write(mark, "", 0, 0600, error);
        make = status == LETHE_OK && all_shards_ended(released, shards);
    }
    if (status == LETHE_OK && make) status = lethe_dicomdir_write(released, released, &counts, error);
    if (status == LETHE_OK && make) remove_marks(released);
    unlock_media(path, fd);
    lethe_free(directory);
    lethe_free(mark);
    return status;
}

/* --- a project's --- */

/* Notes on the private side, so that nothing depends on who is killed in between: that the project has a file-set, that it has to be made, and that
 * somebody has begun to make it. */
static const char has_set[] = "file-set", medium_came[] = "inbox/.lethe-file-set.tmp", set_is_due[] = "file-set-due",
                  set_is_begun[] = "file-set-begun";

static bool is_noted(const lethe_project *project, const char *name) {
    char *path = lethe_path_join(project->private_path, name);
    bool noted = path != NULL && access(path, F_OK) == 0;
    lethe_free(path);
    return noted;
}

/* `medium_came` is written by ingest. */
static bool has_file_set(const lethe_project *project) { return is_noted(project, has_set) || is_noted(project, medium_came); }

static lethe_status note(const lethe_project *project, const char *name, lethe_error *error) {
    if (is_noted(project, name)) return LETHE_OK;
    char *path = lethe_path_join(project->private_path, name);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_file_write(path, "", 0, 0600, error);
    lethe_free(path);
    return status;
}

static bool stands(const lethe_project *project) {
    char *path = lethe_path_join(project->released_path, "DICOMDIR");
    bool there = path != NULL && access(path, F_OK) == 0;
    lethe_free(path);
    return there;
}

lethe_status lethe_file_set_want(const lethe_project *project, lethe_error *error) {
    lethe_status status = note(project, has_set, error);
    return status == LETHE_OK ? note(project, set_is_due, error) : status;
}

lethe_status lethe_file_set_changed(const lethe_project *project, lethe_error *error) {
    return has_file_set(project) || stands(project) ? note(project, set_is_due, error) : LETHE_OK;
}

bool lethe_file_set_is_due(const lethe_project *project) {
    return is_noted(project, set_is_due) || is_noted(project, set_is_begun) || (has_file_set(project) && !stands(project));
}

lethe_status lethe_file_set_take_down(const lethe_project *project, lethe_error *error) {
    char *path = NULL;
    int fd = -1;
    if (!stands(project) && !has_file_set(project)) return LETHE_OK;
    lethe_status status = lethe_file_set_want(project, error); /* also one that was made by hand comes up again */
    if (status == LETHE_OK) status = lock_media(project->released_path, &path, &fd, error);
    if (status == LETHE_OK) status = lethe_dicomdir_remove(project->released_path, error);
    unlock_media(path, fd);
    return status;
}

lethe_status lethe_file_set_put_up(const lethe_project *project, lethe_error *error) {
    lethe_dicomdir_counts counts;
    if (!has_file_set(project) && !stands(project)) return LETHE_OK;
    char *due = lethe_path_join(project->private_path, set_is_due), *begun = lethe_path_join(project->private_path, set_is_begun);
    lethe_status status = due == NULL || begun == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : LETHE_OK;
    if (status == LETHE_OK) (void)rename(due, begun); /* before the walk: what is released meanwhile makes it due again */
    if (status == LETHE_OK) status = lethe_file_set_make(project->released_path, project->released_path, &counts, error);
    if (status == LETHE_OK) (void)unlink(begun);
    lethe_free(due);
    lethe_free(begun);
    return status;
}
