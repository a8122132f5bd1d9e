#include "ingest/inbox.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_BUFFER_BYTES = 512 << 10, NAME_BYTES = 16 };

struct lethe_inbox {
    const lethe_project *project;
    uint64_t reserve_bytes;
    int lock_fd;   /* -1 until lethe_inbox_sweep */
    char made[32]; /* the newest folder made, "20260131/1207" */
};

struct lethe_inbox_file {
    int fd;
    char *path;
    char relative[96]; /* below private/ */
    char *container;   /* folder of a slide of several files, or NULL */
    EVP_MD_CTX *digest;
    uint64_t size;       /* with header */
    uint64_t undigested; /* bytes at the start that do not count */
    size_t pending;
    uint8_t *buffer;
};

lethe_status lethe_inbox_open(const lethe_project *project, uint64_t reserve_bytes, lethe_inbox **out, lethe_error *error) {
    *out = NULL;
    lethe_inbox *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the inbox");
    fresh->project = project;
    fresh->reserve_bytes = reserve_bytes;
    fresh->lock_fd = -1;
    lethe_status status = lethe_folder_create(project->inbox_path, 0700, error);
    if (status != LETHE_OK) lethe_inbox_close(fresh);
    else *out = fresh;
    return status;
}

void lethe_inbox_close(lethe_inbox *inbox) {
    if (inbox == NULL) return;
    if (inbox->lock_fd >= 0) (void)close(inbox->lock_fd);
    lethe_free(inbox);
}

lethe_status lethe_inbox_free_bytes(const lethe_inbox *inbox, uint64_t *free_bytes, lethe_error *error) {
    struct statvfs info;
    if (statvfs(inbox->project->inbox_path, &info) != 0) return lethe_fail_errno(error, errno, "cannot ask how full the disk is");
    *free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return LETHE_OK;
}

lethe_status lethe_inbox_has_room(const lethe_inbox *inbox, uint64_t wanted_bytes, lethe_error *error) {
    uint64_t free_bytes = 0;
    lethe_status status = lethe_inbox_free_bytes(inbox, &free_bytes, error);
    if (status == LETHE_OK && (free_bytes < inbox->reserve_bytes || free_bytes - inbox->reserve_bytes < wanted_bytes))
        status = lethe_fail(error, LETHE_LIMIT, "the disk is nearly full (%llu MiB free, %llu MiB in reserve)",
                            (unsigned long long)(free_bytes >> 20), (unsigned long long)(inbox->reserve_bytes >> 20));
    return status;
}

/* --- writing --- */

/* A folder per minute: few enough files for a listing, and one folder to sync for all that arrive together. */
static lethe_status make_folder(lethe_inbox *inbox, char folder[32], lethe_error *error) {
    time_t now = time(NULL);
    struct tm utc;
    (void)gmtime_r(&now, &utc);
    (void)strftime(folder, 32, "%Y%m%d/%H%M", &utc);
    if (strcmp(folder, inbox->made) == 0) return LETHE_OK;
    char *day = lethe_asprintf("%s/%.8s", inbox->project->inbox_path, folder), *path = lethe_path_join(inbox->project->inbox_path, folder);
    lethe_status status =
        day == NULL || path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create(path, 0700, error);
    if (status == LETHE_OK) status = lethe_folder_sync(day, error);
    if (status == LETHE_OK) status = lethe_folder_sync(inbox->project->inbox_path, error);
    if (status == LETHE_OK) memcpy(inbox->made, folder, sizeof inbox->made);
    lethe_free(day);
    lethe_free(path);
    return status;
}

static void release(lethe_inbox_file *file) {
    if (file == NULL) return;
    if (file->fd >= 0) (void)close(file->fd);
    EVP_MD_CTX_free(file->digest);
    lethe_free(file->buffer);
    lethe_free(file->path);
    lethe_free(file->container);
    lethe_free(file);
}

static lethe_status create_file(lethe_inbox *inbox, const char *extension, lethe_inbox_file *file, lethe_error *error) {
    uint8_t random[NAME_BYTES];
    char name[2 * NAME_BYTES + 1], folder[32];
    lethe_status status = make_folder(inbox, folder, error);
    if (status != LETHE_OK) return status;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return lethe_fail(error, LETHE_IO, "no random bytes for a file name");
    lethe_hex(random, sizeof random, name);
    (void)snprintf(file->relative, sizeof file->relative, "inbox/%s/%s%.8s", folder, name, extension);
    file->path = lethe_path_join(inbox->project->private_path, file->relative);
    if (file->path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    file->fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return file->fd >= 0 ? LETHE_OK : lethe_fail_errno(error, errno, "cannot create a file in the inbox");
}

static lethe_status flush(lethe_inbox_file *file, lethe_error *error) {
    const uint8_t *at = file->buffer;
    size_t left = file->pending;
    file->pending = 0;
    while (left != 0) {
        ssize_t put = write(file->fd, at, left);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return lethe_fail_errno(error, errno, "cannot write to the inbox");
        at += put;
        left -= (size_t)put;
    }
    return LETHE_OK;
}

static lethe_status put(lethe_inbox_file *file, const uint8_t *bytes, size_t size, lethe_error *error) {
    file->size += size;
    while (size != 0) {
        size_t room = WRITE_BUFFER_BYTES - file->pending, take = size < room ? size : room;
        memcpy(file->buffer + file->pending, bytes, take);
        file->pending += take;
        bytes += take;
        size -= take;
        if (file->pending == WRITE_BUFFER_BYTES) {
            lethe_status status = flush(file, error);
            if (status != LETHE_OK) return status;
            /* Let the disk start while the rest is still on its way. */
            (void)sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        }
    }
    return LETHE_OK;
}

lethe_status lethe_inbox_write(lethe_inbox_file *file, const void *bytes, size_t size, lethe_error *error) {
    size_t skip = size < file->undigested ? size : (size_t)file->undigested;
    file->undigested -= skip;
    if (EVP_DigestUpdate(file->digest, (const uint8_t *)bytes + skip, size - skip) != 1) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    return put(file, bytes, size, error);
}

/* --- Part 10 header (PS3.10 7.1, explicit VR little endian) --- */

static size_t put_element(uint8_t *at, uint16_t element, const char *vr, const void *value, size_t length, char padding) {
    size_t even = length + (length & 1);
    const uint8_t head[8] = {0x02,           0x00,           (uint8_t)element, (uint8_t)(element >> 8),
                             (uint8_t)vr[0], (uint8_t)vr[1], (uint8_t)even,    (uint8_t)(even >> 8)};
    memcpy(at, head, sizeof head);
    memcpy(at + 8, value, length);
    if (even != length) at[8 + length] = (uint8_t)padding;
    return 8 + even;
}

static size_t put_text(uint8_t *at, uint16_t element, const char *vr, const char *text) {
    return put_element(at, element, vr, text, strnlen(text, 64), vr[0] == 'U' ? '\0' : ' ');
}

static lethe_status put_header(lethe_inbox_file *file, const lethe_inbox_meta *meta, lethe_error *error) {
    static const char implementation_uid[] = "2.25.137209811044207711640937215038417214305", implementation_name[] = "LETHE_" LETHE_VERSION;
    uint8_t group[1024], header[128 + 4 + 12] = {0};
    static const uint8_t version[] = {0x02, 0x00, 0x01, 0x00, 'O', 'B', 0, 0, 2, 0, 0, 0, 0x00, 0x01};
    size_t used = sizeof version;
    memcpy(group, version, sizeof version);
    used += put_text(group + used, 0x0002, "UI", meta->sop_class);
    used += put_text(group + used, 0x0003, "UI", meta->sop_instance);
    used += put_text(group + used, 0x0010, "UI", meta->transfer_syntax);
    used += put_text(group + used, 0x0012, "UI", implementation_uid);
    used += put_text(group + used, 0x0013, "SH", implementation_name);
    if (meta->source_aet != NULL && meta->source_aet[0] != '\0') used += put_text(group + used, 0x0016, "AE", meta->source_aet);
    memcpy(header + 128, "DICM", 4);
    const uint8_t length[4] = {(uint8_t)used, (uint8_t)(used >> 8), 0, 0};
    (void)put_element(header + 132, 0x0000, "UL", length, 4, '\0');
    lethe_status status = put(file, header, sizeof header, error);
    return status == LETHE_OK ? put(file, group, used, error) : status;
}

lethe_status lethe_inbox_begin(lethe_inbox *inbox, const lethe_inbox_meta *meta, const char *extension, lethe_inbox_file **out, lethe_error *error) {
    *out = NULL;
    lethe_status status = lethe_inbox_has_room(inbox, 0, error);
    if (status != LETHE_OK) return status;
    lethe_inbox_file *file = lethe_alloc_array(1, sizeof *file);
    if (file == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an inbox file");
    file->fd = -1;
    file->buffer = lethe_alloc(WRITE_BUFFER_BYTES);
    file->digest = EVP_MD_CTX_new();
    if (file->buffer == NULL || file->digest == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for an inbox file");
    else if (EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status == LETHE_OK) status = create_file(inbox, extension, file, error);
    if (status == LETHE_OK && meta != NULL) status = put_header(file, meta, error);
    if (status != LETHE_OK) lethe_inbox_discard(file);
    else *out = file;
    return status;
}

lethe_status lethe_inbox_sync(lethe_inbox_file *file, lethe_item *item, lethe_error *error) {
    uint8_t digest[32];
    lethe_status status = flush(file, error);
    if (status != LETHE_OK) return status;
    if (fsync(file->fd) != 0) return lethe_fail_errno(error, errno, "cannot sync a file of the inbox");
    if (EVP_DigestFinal_ex(file->digest, digest, NULL) != 1) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    lethe_hex(digest, sizeof digest, item->sha256);
    (void)snprintf(item->path, sizeof item->path, "%s", file->relative);
    item->size_bytes = file->size;
    int closed = close(file->fd);
    file->fd = -1;
    return closed == 0 ? LETHE_OK : lethe_fail_errno(error, errno, "cannot close a file of the inbox");
}

void lethe_inbox_keep(lethe_inbox_file *file) { release(file); }

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    (void)where;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static void remove_tree(const char *path) { (void)nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

void lethe_inbox_discard(lethe_inbox_file *file) {
    if (file == NULL) return;
    if (file->container != NULL) remove_tree(file->container);
    else if (file->path != NULL) (void)unlink(file->path);
    release(file);
}

lethe_status lethe_inbox_sync_folders(const lethe_inbox *inbox, const lethe_item *items, size_t count, lethe_error *error) {
    lethe_status status = LETHE_OK;
    char last[64] = "";
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        if (items[i].path[0] == '\0') continue; /* a tombstone */
        int length = (int)(lethe_path_name(items[i].path) - items[i].path);
        if (length >= (int)sizeof last || strncmp(last, items[i].path, (size_t)length) == 0) continue; /* batches are nearly always of one minute */
        (void)snprintf(last, sizeof last, "%.*s", length, items[i].path);
        char *folder = lethe_path_join(inbox->project->private_path, last);
        status = folder == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_sync(folder, error);
        lethe_free(folder);
    }
    return status;
}

lethe_status lethe_inbox_copy(lethe_inbox *inbox, int source_fd, uint64_t size, uint64_t skip_bytes, const char *extension, lethe_item *item,
                              lethe_inbox_file **out, lethe_error *error) {
    *out = NULL;
    lethe_inbox_file *file = NULL;
    lethe_status status = lethe_inbox_has_room(inbox, size, error);
    if (status == LETHE_OK) status = lethe_inbox_begin(inbox, NULL, extension, &file, error);
    if (status != LETHE_OK) return status;
    file->undigested = skip_bytes;
    uint8_t *chunk = lethe_alloc(WRITE_BUFFER_BYTES);
    if (chunk == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for copying");
    for (uint64_t at = 0; status == LETHE_OK;) {
        ssize_t got = pread(source_fd, chunk, WRITE_BUFFER_BYTES, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) status = lethe_fail_errno(error, errno, "cannot read the input");
        if (got <= 0) break;
        at += (uint64_t)got;
        status = lethe_inbox_write(file, chunk, (size_t)got, error);
    }
    lethe_free(chunk);
    if (status == LETHE_OK && file->size != size) status = lethe_fail(error, LETHE_IO, "the input changed while it was read");
    if (status == LETHE_OK) status = lethe_inbox_sync(file, item, error);
    if (status != LETHE_OK) lethe_inbox_discard(file);
    else *out = file;
    return status;
}

/* --- slides of several files --- */

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
    lethe_status status = make_folder(inbox, folder, error);
    if (status != LETHE_OK) return status;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return lethe_fail(error, LETHE_IO, "no random bytes for a file name");
    lethe_hex(random, sizeof random, name);
    (void)snprintf(file->relative, sizeof file->relative, "inbox/%s/%s/slide.mrxs", folder, name);
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

lethe_status lethe_inbox_make_folder(lethe_inbox *inbox, char **path, uint64_t *room_bytes, lethe_error *error) {
    *path = NULL;
    *room_bytes = 0;
    uint64_t free_bytes = 0;
    lethe_status status = lethe_inbox_has_room(inbox, 0, error);
    if (status == LETHE_OK) status = lethe_inbox_free_bytes(inbox, &free_bytes, error);
    char *folder = status == LETHE_OK ? lethe_path_join(inbox->project->inbox_path, ".unpack-XXXXXX") : NULL;
    if (status == LETHE_OK && folder == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    if (status == LETHE_OK && mkdtemp(folder) == NULL) status = lethe_fail_errno(error, errno, "cannot make a folder for unpacking");
    if (status != LETHE_OK) {
        lethe_free(folder);
        return status;
    }
    /* Twice: unpacked, and copied into the inbox. */
    *room_bytes = (free_bytes - inbox->reserve_bytes) / 2;
    *path = folder;
    return LETHE_OK;
}

/* --- leftovers --- */

typedef struct sweeper {
    lethe_inbox *inbox;
    lethe_statement *known;
    uint64_t removed;
} sweeper;

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
        if (path != NULL) remove_tree(path);
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
    sweeper sweep = {inbox, NULL, 0};
    lethe_status status = LETHE_OK;
    if (flock(inbox->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        status =
            lethe_statement_prepare(lethe_queue_database(queue), "SELECT 1 FROM item WHERE path >= ?1 AND path <= ?2 LIMIT 1", &sweep.known, error);
        if (status == LETHE_OK) status = lethe_walk(inbox->project->inbox_path, sweep_file, &sweep, error);
        lethe_statement_finalize(sweep.known);
        if (status == LETHE_OK) remove_unpack_folders(inbox);
    }
    if (flock(inbox->lock_fd, LOCK_SH) != 0 && status == LETHE_OK) status = lethe_fail_errno(error, errno, "cannot lock the inbox");
    if (removed != NULL) *removed = sweep.removed;
    return status;
}
