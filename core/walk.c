/* The tree walk of core/file.h: depth first, names sorted, links below the root not followed. */
#include "core/file.h"
#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 256 };

typedef struct walker {
    lethe_walk_fn visit;
    lethe_walk_other_fn other; /* may be NULL */
    void *context;
    size_t root_length;
} walker;

static int keep_entry(const struct dirent *entry) { return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0; }

static bool is_leftover(const char *path) {
    const char *name = lethe_path_name(path);
    size_t length = strlen(name);
    return strncmp(name, ".lethe-", 7) == 0 && length > 4 && strcmp(name + length - 4, ".tmp") == 0;
}

static const char *kind_of(mode_t mode) { return S_ISLNK(mode) ? "symbolic link" : S_ISFIFO(mode) ? "pipe" : S_ISSOCK(mode) ? "socket" : "device"; }

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static lethe_status walk_folder(const walker *walk, const char *folder, int depth, lethe_error *error);

static lethe_status walk_entry(const walker *walk, const char *path, int depth, lethe_error *error) {
    struct stat info;
    const char *relative = path + walk->root_length;
    if (lstat(path, &info) != 0)
        return walk->other != NULL ? walk->other(walk->context, relative, "file that is not there any more", error)
                                   : lethe_fail_errno(error, errno, "cannot stat an entry while walking");
    if (is_leftover(path)) return walk->other == NULL ? LETHE_OK : walk->other(walk->context, relative, "unfinished output", error);
    if (S_ISDIR(info.st_mode)) return walk_folder(walk, path, depth + 1, error);
    if (!S_ISREG(info.st_mode)) return walk->other == NULL ? LETHE_OK : walk->other(walk->context, relative, kind_of(info.st_mode), error);
    return walk->visit(walk->context, path, relative, error);
}

static lethe_status walk_folder(const walker *walk, const char *folder, int depth, lethe_error *error) {
    const char *relative = depth == 0 ? "" : folder + walk->root_length;
    bool told = walk->other != NULL && depth > 0; /* one folder of many: the others are looked at all the same */
    if (depth > DEEPEST)
        return told ? walk->other(walk->context, relative, "folder nested too deep", error)
                    : lethe_fail(error, LETHE_LIMIT, "folders nested deeper than %d", DEEPEST);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, keep_entry, by_bytes);
    if (count < 0 && told && errno != ENOMEM && errno != EMFILE && errno != ENFILE)
        return walk->other(walk->context, relative, "folder that cannot be read", error);
    if (count < 0) return lethe_fail_errno(error, errno, "cannot read folder");
    lethe_status status = LETHE_OK;
    for (int i = 0; i < count; i++) {
        if (status == LETHE_OK) {
            char *path = lethe_path_join(folder, entries[i]->d_name);
            status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : walk_entry(walk, path, depth, error);
            lethe_free(path);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

lethe_status lethe_walk(const char *root, lethe_walk_fn visit, void *context, lethe_error *error) {
    return lethe_walk_all(root, visit, NULL, context, error);
}

lethe_status lethe_walk_all(const char *root, lethe_walk_fn visit, lethe_walk_other_fn other, void *context, lethe_error *error) {
    struct stat info;
    if (stat(root, &info) != 0) return lethe_fail_errno(error, errno, "cannot stat input");
    if (S_ISREG(info.st_mode)) return visit(context, root, lethe_path_name(root), error);
    if (!S_ISDIR(info.st_mode)) return lethe_fail(error, LETHE_IO, "input is neither a file nor a folder");
    size_t length = strlen(root);
    walker walk = {visit, other, context, length != 0 && root[length - 1] == '/' ? length : length + 1};
    return walk_folder(&walk, root, 0, error);
}
