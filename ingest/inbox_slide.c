/* Slides of several files: X.mrxs and the folder X beside it come in as one. */
#include "ingest/inbox_internal.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

typedef struct slide_copy {
    lethe_inbox_file *file;
    const char *folder; /* where companions go */
    uint64_t size;
} slide_copy;

static lethe_status copy_part(slide_copy *copy, const char *from, const char *to, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_output *output = NULL;
    lethe_status status = lethe_map_open(from, &map, error);
    if (status == LETHE_OK) status = lethe_folder_create_for(to, 0700, error);
    if (status == LETHE_OK) status = lethe_output_create(to, &output, error);
    if (status == LETHE_OK) status = lethe_output_copy(output, map.fd, 0, map.size, error);
    if (status == LETHE_OK && map.size != 0 && EVP_DigestUpdate(copy->file->digest, map.bytes, map.size) != 1)
        status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    copy->size += map.size;
    if (status == LETHE_OK) {
        status = lethe_output_commit(output, 0600, LETHE_SYNC_FULL, error);
        output = NULL;
    }
    lethe_output_discard(output);
    lethe_map_close(&map);
    return status;
}

static lethe_status copy_companion(void *context, const char *path, const char *relative, lethe_error *error) {
    slide_copy *copy = context;
    if (EVP_DigestUpdate(copy->file->digest, relative, strlen(relative) + 1) != 1) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    char *to = lethe_path_join(copy->folder, relative);
    lethe_status status = to == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : copy_part(copy, path, to, error);
    lethe_free(to);
    return status;
}

static lethe_status measure(void *context, const char *path, const char *relative, lethe_error *error) {
    (void)relative;
    struct stat info;
    if (stat(path, &info) != 0) return lethe_fail_errno(error, errno, "cannot stat a part of a slide");
    *(uint64_t *)context += (uint64_t)info.st_size;
    return LETHE_OK;
}

/* Make inbox/<day>/<minute>/<random>/ and name the main file in it. */
static lethe_status make_container(lethe_inbox *inbox, lethe_inbox_file *file, lethe_error *error) {
    uint8_t random[NAME_BYTES];
    char name[2 * NAME_BYTES + 1], folder[32];
    lethe_status status = inbox_make_minute(inbox, folder, error);
    if (status != LETHE_OK) return status;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return lethe_fail(error, LETHE_IO, "no random bytes for a file name");
    lethe_hex(random, sizeof random, name);
    (void)snprintf(file->relative, sizeof file->relative, "inbox/%s/%s/" INBOX_SLIDE_NAME, folder, name);
    file->path = lethe_path_join(inbox->project->private_path, file->relative);
    if (file->path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    file->container = lethe_strndup(file->path, (size_t)(lethe_path_name(file->path) - file->path - 1));
    if (file->container == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    return lethe_folder_create(file->container, 0700, error);
}

static lethe_status copy_parts(lethe_inbox_file *file, const char *path, const char *companions, lethe_item *item, lethe_error *error) {
    char *folder = lethe_path_join(file->container, "slide"), *minute = NULL;
    slide_copy copy = {file, folder, 0};
    struct stat info;
    uint8_t digest[32];
    lethe_status status = folder == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : copy_part(&copy, path, file->path, error);
    if (status == LETHE_OK && stat(companions, &info) == 0) status = lethe_walk(companions, copy_companion, &copy, error);
    if (status == LETHE_OK) {
        minute = lethe_strndup(file->container, (size_t)(lethe_path_name(file->container) - file->container));
        status = minute == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_sync(minute, error);
    }
    if (status == LETHE_OK && EVP_DigestFinal_ex(file->digest, digest, NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status == LETHE_OK) {
        lethe_hex(digest, sizeof digest, item->sha256);
        (void)snprintf(item->path, sizeof item->path, "%s", file->relative);
        item->size_bytes = copy.size;
    }
    lethe_free(folder);
    lethe_free(minute);
    return status;
}

lethe_status lethe_inbox_copy_slide(lethe_inbox *inbox, const char *path, lethe_item *item, lethe_inbox_file **out, lethe_error *error) {
    *out = NULL;
    uint64_t size = 0;
    struct stat info;
    const char *dot = strrchr(path, '.');
    char *companions = lethe_strndup(path, dot == NULL ? strlen(path) : (size_t)(dot - path));
    lethe_inbox_file *file = lethe_alloc_array(1, sizeof *file);
    lethe_status status = LETHE_OK;
    if (file != NULL) {
        file->fd = -1;
        file->digest = EVP_MD_CTX_new();
    }
    if (companions == NULL || file == NULL || file->digest == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a slide");
    else if (EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status == LETHE_OK) status = lethe_walk(path, measure, &size, error);
    if (status == LETHE_OK && stat(companions, &info) == 0) status = lethe_walk(companions, measure, &size, error);
    if (status == LETHE_OK) status = lethe_inbox_has_room(inbox, size, error);
    if (status == LETHE_OK) status = make_container(inbox, file, error);
    if (status == LETHE_OK) status = copy_parts(file, path, companions, item, error);
    lethe_free(companions);
    if (status != LETHE_OK) lethe_inbox_discard(file);
    else *out = file;
    return status;
}
