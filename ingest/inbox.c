#include "ingest/inbox_internal.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/inbox_label.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

lethe_status lethe_inbox_open(const lethe_project *project, uint64_t reserve_bytes, lethe_inbox **out, lethe_error *error) {
    *out = NULL;
    lethe_inbox *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the inbox");
    fresh->project = project;
    fresh->reserve_bytes = reserve_bytes;
    fresh->lock_fd = -1;
    lethe_status status = lethe_folder_create(project->inbox_path, 0700, error);
    if (status == LETHE_OK) status = lethe_folder_sync(project->private_path, error); /* the inbox's own entry */
    if (status != LETHE_OK) lethe_inbox_close(fresh);
    else *out = fresh;
    return status;
}

void lethe_inbox_close(lethe_inbox *inbox) {
    if (inbox == NULL) return;
    lethe_inbox_drop_spares(inbox);
    lethe_free(inbox->spare_buffer);
    inbox_digester_destroy(inbox->digester);
    if (inbox->lock_fd >= 0) (void)close(inbox->lock_fd);
    lethe_free(inbox);
}

const lethe_project *lethe_inbox_project(const lethe_inbox *inbox) { return inbox->project; }

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
lethe_status inbox_make_minute(lethe_inbox *inbox, char folder[32], lethe_error *error) {
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
    if (file->digester != NULL) {
        inbox_digester_wait(file->digester); /* it reads from the buffer */
        file->inbox->digester_taken = false;
    }
    EVP_MD_CTX_free(file->digest);
    lethe_inbox_check_destroy(file->check);
    if (file->capacity == DATA_SET_BUFFER_BYTES && file->inbox->spare_buffer == NULL) file->inbox->spare_buffer = file->buffer;
    else lethe_free(file->buffer);
    lethe_free(file->path);
    lethe_free(file->container);
    lethe_free(file);
}

/* A new empty file in this minute's folder. The caller frees *path. */
static lethe_status create_named(lethe_inbox *inbox, const char *extension, char relative[96], char **path, int *fd, lethe_error *error) {
    uint8_t random[NAME_BYTES];
    char name[2 * NAME_BYTES + 1], folder[32];
    *path = NULL;
    *fd = -1;
    lethe_status status = inbox_make_minute(inbox, folder, error);
    if (status != LETHE_OK) return status;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return lethe_fail(error, LETHE_IO, "no random bytes for a file name");
    lethe_hex(random, sizeof random, name);
    (void)snprintf(relative, 96, "inbox/%s/%s%.8s", folder, name, extension);
    *path = lethe_path_join(inbox->project->private_path, relative);
    if (*path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    *fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd >= 0 ? LETHE_OK : lethe_fail_errno(error, errno, "cannot create a file in the inbox");
}

static lethe_status create_file(lethe_inbox *inbox, const char *extension, lethe_inbox_file *file, lethe_error *error) {
    return create_named(inbox, extension, file->relative, &file->path, &file->fd, error);
}

/* Make the next files ahead, twice as many each time, and sync their folder once for all of them. */
static lethe_status make_spares(lethe_inbox *inbox, lethe_error *error) {
    size_t wanted = inbox->spare_batch == 0 ? 1 : inbox->spare_batch;
    char *path = NULL, *folder = NULL;
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < wanted; i++) {
        spare *fresh = &inbox->spares[inbox->spare_count];
        status = create_named(inbox, ".dcm", fresh->relative, &path, &fresh->fd, error);
        if (status == LETHE_OK) inbox->spare_count++;
        lethe_free(path);
    }
    for (size_t i = 0; status == LETHE_OK && i < inbox->spare_count; i++) {
        const char *relative = inbox->spares[i].relative;
        size_t length = (size_t)(lethe_path_name(relative) - relative);
        if (i != 0 && strncmp(relative, inbox->spares[i - 1].relative, length) == 0) continue; /* nearly always one minute */
        path = lethe_path_join(inbox->project->private_path, relative);
        folder = path == NULL ? NULL : lethe_strndup(path, (size_t)(lethe_path_name(path) - path));
        status = folder == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_sync(folder, error);
        lethe_free(folder);
        lethe_free(path);
    }
    if (status == LETHE_OK) inbox->spare_batch = wanted * 2 <= MOST_SPARES ? wanted * 2 : MOST_SPARES;
    else lethe_inbox_drop_spares(inbox);
    return status;
}

static lethe_status take_spare(lethe_inbox *inbox, lethe_inbox_file *file, lethe_error *error) {
    lethe_status status = inbox->spare_count == 0 ? make_spares(inbox, error) : LETHE_OK;
    if (status != LETHE_OK) return status;
    spare *next = &inbox->spares[inbox->spare_count - 1];
    file->path = lethe_path_join(inbox->project->private_path, next->relative);
    if (file->path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    memcpy(file->relative, next->relative, sizeof file->relative);
    file->fd = next->fd;
    inbox->spare_count--;
    return LETHE_OK;
}

void lethe_inbox_drop_spares(lethe_inbox *inbox) {
    while (inbox->spare_count != 0) {
        const spare *last = &inbox->spares[--inbox->spare_count];
        char *path = lethe_path_join(inbox->project->private_path, last->relative);
        if (path != NULL) (void)unlink(path);
        lethe_free(path);
        (void)close(last->fd);
    }
}

static lethe_status write_until(lethe_inbox_file *file, size_t end, lethe_error *error) {
    while (file->written < end) {
        ssize_t put = write(file->fd, file->buffer + file->written, end - file->written);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return lethe_fail_errno(error, errno, "cannot write to the inbox");
        file->written += (size_t)put;
    }
    return LETHE_OK;
}

static lethe_status digest_rest(lethe_inbox_file *file, lethe_error *error) {
    const uint8_t *bytes = file->buffer + file->digested;
    size_t size = file->filled - file->digested;
    file->digested = file->filled;
    if (file->digester != NULL) inbox_digester_take(file->digester, bytes, size);
    else if (EVP_DigestUpdate(file->digest, bytes, size) != 1) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    return LETHE_OK;
}

/* Whole pages to the file, and let the disk start while the rest is still on its way: all but the first page, into which the label is to go. */
static lethe_status write_pages(lethe_inbox_file *file, lethe_error *error) {
    lethe_status status = file->check == NULL ? LETHE_OK : digest_rest(file, error);
    /* One instance may be larger than all the room there is: the reserve is for the store and for what others have nearly finished. */
    if (status == LETHE_OK) status = lethe_inbox_has_room(file->inbox, 0, error);
    if (status == LETHE_OK) status = write_until(file, file->filled / PAGE_BYTES * PAGE_BYTES, error);
    if (status != LETHE_OK) return status;
    (void)sync_file_range(file->fd, PAGE_BYTES, 0, SYNC_FILE_RANGE_WRITE);
    if (file->filled != file->capacity) return LETHE_OK;
    if (file->digester != NULL) inbox_digester_wait(file->digester);
    file->filled = file->written = file->digested = 0;
    return LETHE_OK;
}

static lethe_status put(lethe_inbox_file *file, const uint8_t *bytes, size_t size, lethe_error *error) {
    lethe_status status = LETHE_OK;
    file->size += size;
    while (status == LETHE_OK && size != 0) {
        size_t room = file->capacity - file->filled, take = size < room ? size : room;
        memcpy(file->buffer + file->filled, bytes, take);
        file->filled += take;
        bytes += take;
        size -= take;
        if (file->filled == file->capacity || file->filled - file->written >= WRITE_BYTES) status = write_pages(file, error);
    }
    return status;
}

lethe_status lethe_inbox_write(lethe_inbox_file *file, const void *bytes, size_t size, lethe_error *error) {
    size_t skip = size < file->undigested ? size : (size_t)file->undigested;
    file->undigested -= skip;
    if (file->check != NULL) {
        lethe_status status = lethe_inbox_check_add(file->check, bytes, size, error);
        if (status != LETHE_OK) return status;
    } else if (EVP_DigestUpdate(file->digest, (const uint8_t *)bytes + skip, size - skip) != 1) {
        return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    }
    return put(file, bytes, size, error);
}

static lethe_status put_header(lethe_inbox *inbox, lethe_inbox_file *file, const lethe_inbox_meta *meta, lethe_error *error) {
    uint8_t header[LETHE_INBOX_HEADER_BYTES];
    size_t size = lethe_inbox_header(meta, header, &file->label_offset);
    lethe_status status = lethe_sha256_hex(header, file->label_offset, file->header_sha256, error);
    if (status == LETHE_OK) status = lethe_inbox_check_create(file->relative, &file->check, error);
    if (status == LETHE_OK) status = put(file, header, size, error);
    file->digested = file->filled;
    if (inbox->digester == NULL) inbox->digester = inbox_digester_create();
    if (inbox->digester != NULL && !inbox->digester_taken) {
        file->digester = inbox->digester;
        inbox->digester_taken = true;
        inbox_digester_begin(file->digester);
    }
    return status;
}

static lethe_status take_buffer(lethe_inbox_file *file, bool data_set, lethe_error *error) {
    if (data_set) {
        file->buffer = file->inbox->spare_buffer;
        file->inbox->spare_buffer = NULL;
    }
    file->capacity = data_set ? DATA_SET_BUFFER_BYTES : WRITE_BUFFER_BYTES;
    if (file->buffer == NULL) file->buffer = lethe_alloc(file->capacity);
    return file->buffer != NULL ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for an inbox file");
}

lethe_status lethe_inbox_begin(lethe_inbox *inbox, const lethe_inbox_meta *meta, const char *extension, lethe_inbox_file **out, lethe_error *error) {
    *out = NULL;
    lethe_status status = lethe_inbox_has_room(inbox, 0, error);
    if (status != LETHE_OK) return status;
    lethe_inbox_file *file = lethe_alloc_array(1, sizeof *file);
    if (file == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an inbox file");
    file->inbox = inbox;
    file->fd = -1;
    file->digest = EVP_MD_CTX_new();
    status = take_buffer(file, meta != NULL, error);
    if (status == LETHE_OK && (file->digest == NULL || EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL) != 1))
        status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status == LETHE_OK) status = meta != NULL ? take_spare(inbox, file, error) : create_file(inbox, extension, file, error);
    if (status == LETHE_OK && meta != NULL) status = put_header(inbox, file, meta, error);
    if (status != LETHE_OK) lethe_inbox_discard(file);
    else *out = file;
    return status;
}

lethe_status lethe_inbox_complete(lethe_inbox_file *file, lethe_item *item, lethe_error *error) {
    lethe_status status = write_until(file, file->filled, error);
    if (status != LETHE_OK) return status;
    (void)snprintf(item->path, sizeof item->path, "%s", file->relative);
    item->size_bytes = file->size;
    file->complete = true;
    return LETHE_OK;
}

/* The row goes into the file, so that one sync makes both durable. */
static lethe_status put_label(lethe_inbox_file *file, lethe_item *item, lethe_error *error) {
    char label[LETHE_INBOX_LABEL_BYTES], check[65];
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    item->received_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    lethe_status status = lethe_inbox_check_end(file->check, check, error);
    if (status == LETHE_OK) status = lethe_inbox_label(item, file->header_sha256, check, label, error);
    if (status != LETHE_OK) return status;
    ssize_t put = pwrite(file->fd, label, sizeof label, (off_t)file->label_offset);
    return put == (ssize_t)sizeof label ? LETHE_OK : lethe_fail_errno(error, put < 0 ? errno : EIO, "cannot write to the inbox");
}

lethe_status lethe_inbox_sync(lethe_inbox_file *file, lethe_item *item, lethe_error *error) {
    uint8_t digest[32];
    lethe_status status = file->complete ? LETHE_OK : lethe_inbox_complete(file, item, error);
    if (status == LETHE_OK && file->check != NULL) status = digest_rest(file, error);
    if (status == LETHE_OK && file->check != NULL) status = put_label(file, item, error);
    if (status == LETHE_OK && fsync(file->fd) != 0) status = lethe_fail_errno(error, errno, "cannot sync a file of the inbox");
    if (status == LETHE_OK && file->digester != NULL) status = inbox_digester_end(file->digester, digest, error);
    else if (status == LETHE_OK && EVP_DigestFinal_ex(file->digest, digest, NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status != LETHE_OK) return status;
    lethe_hex(digest, sizeof digest, item->sha256);
    /* Somebody swept the inbox although we hold its lock (a shared file system without locks): never acknowledge what has no name. */
    struct stat info;
    if (fstat(file->fd, &info) != 0 || info.st_nlink == 0) return lethe_fail(error, LETHE_IO, "a file of the inbox was removed while it was written");
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

void inbox_remove_tree(const char *path) { (void)nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

void lethe_inbox_discard(lethe_inbox_file *file) {
    if (file == NULL) return;
    if (file->container != NULL) inbox_remove_tree(file->container);
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
