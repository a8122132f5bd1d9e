#include "annotate/package.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/pseudonym.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lethe_package {
    char *folder;
    lethe_package_file *files;
    size_t count, capacity;
    bool sorted;
    char prefix[64];
};

static lethe_status require_empty(const char *folder, lethe_error *error) {
    DIR *open = opendir(folder);
    if (open == NULL) return errno == ENOENT ? LETHE_OK : lethe_fail_errno(error, errno, "cannot read the output folder");
    bool empty = true;
    for (const struct dirent *entry; empty && (entry = readdir(open)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    (void)closedir(open);
    return empty ? LETHE_OK : lethe_fail(error, LETHE_EXISTS, "the output folder is not empty");
}

lethe_status lethe_package_create(const char *folder, lethe_package **out, lethe_error *error) {
    *out = NULL;
    lethe_status status = require_empty(folder, error);
    if (status == LETHE_OK) status = lethe_folder_create(folder, 0755, error);
    if (status != LETHE_OK) return status;
    lethe_package *package = lethe_alloc_array(1, sizeof *package);
    if (package == NULL || (package->folder = lethe_strdup(folder)) == NULL) {
        lethe_free(package);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a package");
    }
    *out = package;
    return LETHE_OK;
}

void lethe_package_destroy(lethe_package *package) {
    if (package == NULL) return;
    for (size_t i = 0; i < package->count; i++) lethe_free(package->files[i].path);
    lethe_free(package->files);
    lethe_free(package->folder);
    lethe_free(package);
}

void lethe_package_set_prefix(lethe_package *package, const char *prefix) { (void)snprintf(package->prefix, sizeof package->prefix, "%s", prefix); }

const char *lethe_package_folder(const lethe_package *package) { return package->folder; }

static lethe_status note(lethe_package *package, const char *relative, const char sha256[65], uint64_t size, lethe_error *error) {
    if (package->count == package->capacity) {
        size_t capacity = package->capacity == 0 ? 64 : package->capacity * 2;
        lethe_package_file *grown = lethe_realloc_array(package->files, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a manifest");
        package->files = grown;
        package->capacity = capacity;
    }
    lethe_package_file *file = &package->files[package->count];
    if ((file->path = lethe_asprintf("%s%s", package->prefix, relative)) == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a manifest");
    memcpy(file->sha256, sha256, sizeof file->sha256);
    file->size_bytes = size;
    package->count++;
    package->sorted = false;
    return LETHE_OK;
}

/* The full path of a new file, its folder made. */
lethe_status lethe_package_place(lethe_package *package, const char *relative, char **path, lethe_error *error) {
    *path = NULL;
    if (!lethe_path_is_safe(relative)) return lethe_fail(error, LETHE_MALFORMED, "unsafe file name in an export");
    *path = lethe_asprintf("%s/%s%s", package->folder, package->prefix, relative);
    if (*path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = lethe_folder_create_for(*path, 0755, error);
    if (status == LETHE_OK && access(*path, F_OK) == 0)
        status = lethe_fail(error, LETHE_EXISTS, "two files of the export have the name %.150s", relative);
    if (status == LETHE_OK) return LETHE_OK;
    lethe_free(*path);
    *path = NULL;
    return status;
}

lethe_status lethe_package_write(lethe_package *package, const char *relative, const void *bytes, size_t size, lethe_error *error) {
    char *path = NULL, sha256[65];
    lethe_output *output = NULL;
    lethe_status status = lethe_package_place(package, relative, &path, error);
    if (status == LETHE_OK) status = lethe_sha256_hex(size == 0 ? "" : bytes, size, sha256, error);
    if (status == LETHE_OK) status = lethe_output_create(path, &output, error);
    if (status == LETHE_OK) status = lethe_output_write(output, bytes, size, error);
    if (status == LETHE_OK) {
        status = lethe_output_commit(output, 0644, LETHE_SYNC_NONE, error);
        output = NULL;
    }
    lethe_output_discard(output);
    if (status == LETHE_OK) status = note(package, relative, sha256, size, error);
    lethe_free(path);
    return status;
}

lethe_status lethe_package_copy(lethe_package *package, const char *relative, const char *source, lethe_error *error) {
    char *path = NULL, sha256[65];
    lethe_output *output = NULL;
    lethe_map map = {.fd = -1};
    uint64_t size = 0;
    lethe_status status = lethe_package_place(package, relative, &path, error);
    if (status == LETHE_OK) status = lethe_map_open(source, &map, error);
    if (status == LETHE_OK) size = map.size;
    if (status == LETHE_OK) status = lethe_sha256_hex(map.size == 0 ? (const uint8_t *)"" : map.bytes, map.size, sha256, error);
    if (status == LETHE_OK) status = lethe_output_create(path, &output, error);
    if (status == LETHE_OK) status = lethe_output_copy(output, map.fd, 0, map.size, error);
    if (status == LETHE_OK) {
        status = lethe_output_commit(output, 0644, LETHE_SYNC_NONE, error);
        output = NULL;
    }
    lethe_output_discard(output);
    if (map.fd >= 0) lethe_map_close(&map);
    if (status == LETHE_OK) status = note(package, relative, sha256, size, error);
    lethe_free(path);
    return status;
}

lethe_status lethe_package_adopt(lethe_package *package, const char *relative, lethe_error *error) {
    char sha256[65];
    lethe_map map = {.fd = -1};
    char *path = lethe_asprintf("%s/%s%s", package->folder, package->prefix, relative);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_sha256_hex(map.size == 0 ? (const uint8_t *)"" : map.bytes, map.size, sha256, error);
    if (status == LETHE_OK) status = note(package, relative, sha256, map.size, error);
    if (map.fd >= 0) lethe_map_close(&map);
    lethe_free(path);
    return status;
}

lethe_status lethe_package_remove(lethe_package *package, const char *beginning, lethe_error *error) {
    size_t kept = 0, length = strlen(beginning);
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < package->count; i++) {
        lethe_package_file *file = &package->files[i];
        if (status != LETHE_OK || strncmp(file->path, beginning, length) != 0) {
            package->files[kept++] = *file;
            continue;
        }
        char *path = lethe_asprintf("%s/%s", package->folder, file->path), *slash;
        if (path == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
        else if (unlink(path) != 0) status = lethe_fail_errno(error, errno, "cannot take a file out of the package");
        /* Folders that are empty now go, too. */
        while (status == LETHE_OK && (slash = strrchr(path, '/')) != NULL && (size_t)(slash - path) > strlen(package->folder)) {
            *slash = '\0';
            if (rmdir(path) != 0) break;
        }
        lethe_free(path);
        lethe_free(file->path);
    }
    package->count = kept;
    return status;
}

static int by_path(const void *a, const void *b) { return strcmp(((const lethe_package_file *)a)->path, ((const lethe_package_file *)b)->path); }

const lethe_package_file *lethe_package_files(lethe_package *package, size_t *count) {
    if (!package->sorted && package->count > 1) qsort(package->files, package->count, sizeof *package->files, by_path);
    package->sorted = true;
    *count = package->count;
    return package->files;
}

lethe_status lethe_package_finish(lethe_package *package, lethe_error *error) {
    lethe_buffer sums;
    size_t count;
    const lethe_package_file *files = lethe_package_files(package, &count);
    lethe_status status = LETHE_OK;
    lethe_buffer_init(&sums, (size_t)1 << 31);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = lethe_buffer_printf(&sums, error, "%s  %s\n", files[i].sha256, files[i].path);
    if (status == LETHE_OK) status = lethe_package_write(package, "SHA256SUMS", sums.bytes, sums.size, error);
    lethe_buffer_release(&sums);
    if (status == LETHE_OK) status = lethe_filesystem_sync(package->folder, error);
    return status;
}
