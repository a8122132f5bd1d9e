#include "core/file.h"

#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_BUFFER_BYTES = 64 << 10 };

/* --- reading --- */

enum { SMALL_FILE_BYTES = 32 << 10 };

static lethe_status read_whole(int fd, uint8_t *bytes, size_t size, lethe_error *error) {
    for (size_t got = 0; got < size;) {
        ssize_t count = pread(fd, bytes + got, size - got, (off_t)got);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return lethe_fail_errno(error, errno, "cannot read input");
        if (count == 0) return lethe_fail(error, LETHE_IO, "input became shorter");
        got += (size_t)count;
    }
    return LETHE_OK;
}

static lethe_status read_small(int fd, size_t size, lethe_map *map, lethe_error *error) {
    uint8_t *bytes = lethe_alloc(size);
    if (bytes == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an input of %zu bytes", size);
    lethe_status status = read_whole(fd, bytes, size, error);
    if (status == LETHE_OK) *map = (lethe_map){.bytes = bytes, .size = size, .fd = fd, .copied = true};
    else lethe_free(bytes);
    return status;
}

static lethe_status read_into(int fd, size_t size, lethe_buffer *memory, lethe_map *map, lethe_error *error) {
    uint8_t *bytes;
    memory->size = 0;
    lethe_status status = lethe_buffer_extend(memory, size, &bytes, error);
    if (status == LETHE_OK) status = read_whole(fd, bytes, size, error);
    if (status == LETHE_OK) *map = (lethe_map){.bytes = bytes, .size = size, .fd = fd, .lent = true};
    return status;
}

static lethe_status take(int fd, lethe_buffer *memory, size_t most, lethe_map *map, lethe_error *error) {
    *map = (lethe_map){.fd = -1};
    struct stat info;
    lethe_status status = LETHE_OK;
    if (fstat(fd, &info) != 0) {
        status = lethe_fail_errno(error, errno, "cannot stat input");
    } else if (!S_ISREG(info.st_mode)) {
        status = lethe_fail(error, LETHE_IO, "input is not a regular file");
    } else if (info.st_size > 0 && memory != NULL && (uint64_t)info.st_size <= most) {
        status = read_into(fd, (size_t)info.st_size, memory, map, error);
    } else if (info.st_size > 0 && info.st_size <= SMALL_FILE_BYTES) {
        status = read_small(fd, (size_t)info.st_size, map, error);
    } else if (info.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) status = lethe_fail_errno(error, errno, "cannot map input of %lld bytes", (long long)info.st_size);
        else *map = (lethe_map){.bytes = bytes, .size = (size_t)info.st_size, .fd = fd};
    }
    if (status != LETHE_OK) (void)close(fd);
    else map->fd = fd;
    return status;
}

lethe_status lethe_map_take(int fd, lethe_map *map, lethe_error *error) { return take(fd, NULL, 0, map, error); }

lethe_status lethe_map_read(const char *path, lethe_buffer *memory, size_t most, lethe_map *map, lethe_error *error) {
    *map = (lethe_map){.fd = -1};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot open input");
    return take(fd, memory, most, map, error);
}

lethe_status lethe_map_open(const char *path, lethe_map *map, lethe_error *error) { return lethe_map_read(path, NULL, 0, map, error); }

void lethe_map_close(lethe_map *map) {
    if (map == NULL) return;
    if (map->bytes != NULL) {
        if (map->copied) lethe_free((void *)(uintptr_t)map->bytes);
        else if (!map->lent) (void)munmap((void *)(uintptr_t)map->bytes, map->size);
        (void)close(map->fd);
    } else if (map->fd > 0) {
        (void)close(map->fd);
    }
    *map = (lethe_map){.fd = -1};
}

lethe_status lethe_file_read(const char *path, lethe_buffer *buffer, lethe_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot open file");
    lethe_status status = LETHE_OK;
    for (;;) {
        uint8_t chunk[16384];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) status = lethe_fail_errno(error, errno, "cannot read file");
        if (got <= 0) break;
        status = lethe_buffer_append(buffer, chunk, (size_t)got, error);
        if (status != LETHE_OK) break;
    }
    (void)close(fd);
    return status;
}

/* --- writing --- */

struct lethe_output {
    int fd;
    char *path;
    char *temporary;
    uint64_t size;
    size_t pending;
    EVP_MD_CTX *sha256; /* NULL = not wanted */
    lethe_outlet *outlet;
    uint8_t buffer[OUTPUT_BUFFER_BYTES];
};

struct lethe_outlet {
    int folder_fd;       /* -1: none is open */
    bool can_name;       /* a file without a name can be given one: tried once, since /proc may be missing */
    bool needs_proc;     /* linkat() of a descriptor is for the privileged (before Linux 6.10) */
    lethe_output *spare; /* memory of the last output */
    char folder[PATH_MAX];
};

static lethe_status write_all(lethe_output *output, const uint8_t *bytes, size_t size, lethe_error *error) {
    if (output->sha256 != NULL && size != 0 && EVP_DigestUpdate(output->sha256, bytes, size) != 1)
        return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    while (size != 0) {
        ssize_t put = write(output->fd, bytes, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return lethe_fail_errno(error, errno, "cannot write output");
        bytes += put;
        size -= (size_t)put;
    }
    return LETHE_OK;
}

/* Can a file without a name be given one later? That needs /proc. */
static bool can_be_named(int fd) {
    char link[32];
    struct stat info;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return stat(link, &info) == 0;
}

/* A file without a name in the folder of `path`: a process that is killed leaves nothing behind. -1 where the file system has none, or where /proc,
 * which gives it its name later, cannot be read. */
static int open_nameless(const char *path, size_t folder_length) {
    char folder[PATH_MAX];
    if (folder_length >= sizeof folder) return -1;
    (void)snprintf(folder, sizeof folder, "%.*s", folder_length == 0 ? 1 : (int)folder_length, folder_length == 0 ? "." : path);
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || can_be_named(fd)) return fd;
    (void)close(fd);
    return -1;
}

lethe_status lethe_output_create(const char *path, lethe_output **output, lethe_error *error) {
    *output = NULL;
    lethe_output *fresh = lethe_alloc(sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an output");
    fresh->fd = -1;
    fresh->size = 0;
    fresh->pending = 0;
    fresh->sha256 = NULL;
    fresh->outlet = NULL;
    fresh->path = lethe_strdup(path);
    const char *name = lethe_path_name(path);
    fresh->temporary = lethe_asprintf("%.*s.lethe-XXXXXX.tmp", (int)(name - path), path);
    if (fresh->path == NULL || fresh->temporary == NULL) {
        lethe_output_discard(fresh);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an output");
    }
    fresh->fd = open_nameless(path, (size_t)(name - path));
    if (fresh->fd >= 0) {
        lethe_free(fresh->temporary);
        fresh->temporary = NULL;
        *output = fresh;
        return LETHE_OK;
    }
    fresh->fd = mkostemps(fresh->temporary, 4, O_CLOEXEC); /* mode 0600 */
    if (fresh->fd < 0) {
        int reason = errno;
        lethe_free(fresh->temporary);
        fresh->temporary = NULL;
        lethe_output_discard(fresh);
        return lethe_fail_errno(error, reason, "cannot create output");
    }
    *output = fresh;
    return LETHE_OK;
}

/* --- many outputs, one after the other --- */

lethe_status lethe_outlet_create(lethe_outlet **outlet, lethe_error *error) {
    *outlet = lethe_alloc_array(1, sizeof **outlet);
    if (*outlet == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for outputs");
    (*outlet)->folder_fd = -1;
    return LETHE_OK;
}

void lethe_outlet_forget(lethe_outlet *outlet) {
    if (outlet == NULL || outlet->folder_fd < 0) return;
    (void)close(outlet->folder_fd);
    outlet->folder_fd = -1;
}

void lethe_outlet_destroy(lethe_outlet *outlet) {
    if (outlet == NULL) return;
    lethe_outlet_forget(outlet);
    lethe_free(outlet->spare);
    lethe_free(outlet);
}

/* The folder of `path`, made if need be and kept open. */
static lethe_status enter(lethe_outlet *outlet, const char *path, lethe_error *error) {
    size_t length = (size_t)(lethe_path_name(path) - path);
    if (outlet->folder_fd >= 0 && strlen(outlet->folder) == length && memcmp(outlet->folder, path, length) == 0) return LETHE_OK;
    lethe_outlet_forget(outlet);
    if (length >= sizeof outlet->folder) return lethe_fail(error, LETHE_IO, "the path of an output is too long");
    lethe_status status = lethe_folder_create_for(path, 0755, error);
    if (status != LETHE_OK) return status;
    memcpy(outlet->folder, path, length);
    outlet->folder[length] = '\0';
    outlet->folder_fd = open(length == 0 ? "." : outlet->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return outlet->folder_fd >= 0 ? LETHE_OK : lethe_fail_errno(error, errno, "cannot open the folder of an output");
}

lethe_status lethe_output_create_in(lethe_outlet *outlet, const char *path, lethe_output **output, lethe_error *error) {
    *output = NULL;
    if (outlet == NULL) {
        lethe_status status = lethe_folder_create_for(path, 0755, error);
        return status == LETHE_OK ? lethe_output_create(path, output, error) : status;
    }
    lethe_status status = enter(outlet, path, error);
    if (status != LETHE_OK) return status;
    int fd = openat(outlet->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) { /* gone from the disk? Made again. */
        lethe_outlet_forget(outlet);
        status = enter(outlet, path, error);
        if (status != LETHE_OK) return status;
        fd = openat(outlet->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    }
    outlet->can_name = fd >= 0 && (outlet->can_name || can_be_named(fd));
    if (!outlet->can_name) {
        if (fd >= 0) (void)close(fd);
        return lethe_output_create(path, output, error);
    }
    lethe_output *fresh = outlet->spare != NULL ? outlet->spare : lethe_alloc(sizeof *fresh);
    char *copy = lethe_strdup(path);
    if (fresh == NULL || copy == NULL) {
        lethe_free(copy);
        if (fresh != outlet->spare) lethe_free(fresh);
        (void)close(fd);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an output");
    }
    outlet->spare = NULL;
    fresh->fd = fd;
    fresh->path = copy;
    fresh->temporary = NULL;
    fresh->size = 0;
    fresh->pending = 0;
    fresh->sha256 = NULL;
    fresh->outlet = outlet;
    *output = fresh;
    return LETHE_OK;
}

lethe_status lethe_output_want_sha256(lethe_output *output, lethe_error *error) {
    if (output->size != 0) return lethe_fail(error, LETHE_INTERNAL, "the SHA-256 of an output is wanted too late");
    if (output->sha256 == NULL) output->sha256 = EVP_MD_CTX_new();
    bool good = output->sha256 != NULL && EVP_DigestInit_ex(output->sha256, EVP_sha256(), NULL) == 1;
    return good ? LETHE_OK : lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
}

lethe_status lethe_output_sha256(lethe_output *output, char hex[65], lethe_error *error) {
    uint8_t digest[32];
    if (output->sha256 == NULL || output->pending != 0) return lethe_fail(error, LETHE_INTERNAL, "the SHA-256 of an output is not known");
    if (EVP_DigestFinal_ex(output->sha256, digest, NULL) != 1) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    lethe_hex(digest, sizeof digest, hex);
    return LETHE_OK;
}

lethe_status lethe_output_flush(lethe_output *output, lethe_error *error) {
    size_t pending = output->pending;
    output->pending = 0;
    return write_all(output, output->buffer, pending, error);
}

lethe_status lethe_output_write(lethe_output *output, const void *bytes, size_t size, lethe_error *error) {
    output->size += size;
    if (size <= sizeof output->buffer - output->pending) {
        if (size != 0) memcpy(output->buffer + output->pending, bytes, size);
        output->pending += size;
        return LETHE_OK;
    }
    lethe_status status = lethe_output_flush(output, error);
    return status == LETHE_OK ? write_all(output, bytes, size, error) : status;
}

static lethe_status copy_by_reading(lethe_output *output, int source_fd, uint64_t offset, uint64_t size, lethe_error *error) {
    uint8_t *chunk = output->buffer; /* empty: it was flushed */
    while (size != 0) {
        size_t want = size < sizeof output->buffer ? (size_t)size : sizeof output->buffer;
        ssize_t got = pread(source_fd, chunk, want, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return lethe_fail_errno(error, errno, "cannot read input at offset %llu", (unsigned long long)offset);
        if (got == 0) return lethe_fail(error, LETHE_IO, "input ended at offset %llu while copying", (unsigned long long)offset);
        lethe_status status = write_all(output, chunk, (size_t)got, error);
        if (status != LETHE_OK) return status;
        offset += (uint64_t)got;
        size -= (uint64_t)got;
    }
    return LETHE_OK;
}

lethe_status lethe_output_copy(lethe_output *output, int source_fd, uint64_t offset, uint64_t size, lethe_error *error) {
    lethe_status status = lethe_output_flush(output, error);
    if (status != LETHE_OK) return status;
    output->size += size;
    if (output->sha256 != NULL)
        return copy_by_reading(output, source_fd, offset, size, error); /* the bytes that were hashed are those that were written */
    while (size != 0) {
        off_t from = (off_t)offset;
        ssize_t put = copy_file_range(source_fd, &from, output->fd, NULL, size > SSIZE_MAX ? (size_t)SSIZE_MAX : (size_t)size, 0);
        if (put < 0 && errno == EINTR) continue;
        /* Other file systems, old kernels, and confined workers: fall back to reading and writing. */
        if (put < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM || errno == EBADF))
            return copy_by_reading(output, source_fd, offset, size, error);
        if (put < 0) return lethe_fail_errno(error, errno, "cannot copy to output");
        if (put == 0) return copy_by_reading(output, source_fd, offset, size, error);
        offset += (uint64_t)put;
        size -= (uint64_t)put;
    }
    return LETHE_OK;
}

lethe_status lethe_output_share(lethe_output *output, int source_fd, uint64_t offset, uint64_t size, bool *shared, lethe_error *error) {
    *shared = false;
    if (output->sha256 != NULL || size == 0) return LETHE_OK;
    lethe_status status = lethe_output_flush(output, error);
    if (status != LETHE_OK) return status;
    struct file_clone_range range = {.src_fd = source_fd, .src_offset = offset, .src_length = size, .dest_offset = output->size};
    if (ioctl(output->fd, FICLONERANGE, &range) != 0) return LETHE_OK; /* the caller copies, and hears then what is wrong */
    output->size += size;
    if (lseek(output->fd, (off_t)output->size, SEEK_SET) < 0) return lethe_fail_errno(error, errno, "cannot seek in output");
    *shared = true;
    return LETHE_OK;
}

int lethe_output_fd(const lethe_output *output) { return output->fd; }
uint64_t lethe_output_size(const lethe_output *output) { return output->size; }

static lethe_status sync_parent(const char *path, lethe_error *error) {
    const char *name = lethe_path_name(path);
    char *folder = name == path ? lethe_strdup(".") : lethe_strndup(path, (size_t)(name - path));
    if (folder == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = lethe_folder_sync(folder, error);
    lethe_free(folder);
    return status;
}

/* Give a nameless file its name. A name that is taken is replaced by a second step, since linkat() cannot. */
static lethe_status name_it(lethe_output *output, bool only_new, lethe_error *error) {
    char link[32];
    const char *name = lethe_path_name(output->path);
    lethe_outlet *outlet = output->outlet;
    if (outlet != NULL && outlet->folder_fd >= 0 && !outlet->needs_proc) {
        if (linkat(output->fd, "", outlet->folder_fd, name, AT_EMPTY_PATH) == 0) return LETHE_OK;
        outlet->needs_proc = errno != EEXIST;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", output->fd);
    if (linkat(AT_FDCWD, link, AT_FDCWD, output->path, AT_SYMLINK_FOLLOW) == 0) return LETHE_OK;
    if (errno != EEXIST) return lethe_fail_errno(error, errno, "cannot give output its name");
    if (only_new) return lethe_fail(error, LETHE_EXISTS, "an output of that name exists already");
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        lethe_free(output->temporary);
        output->temporary = lethe_asprintf("%.*s.lethe-%ld-%u.tmp", (int)(name - output->path), output->path, (long)getpid(), attempt);
        if (output->temporary == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an output");
        if (linkat(AT_FDCWD, link, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) == 0)
            return rename(output->temporary, output->path) == 0 ? LETHE_OK : lethe_fail_errno(error, errno, "cannot rename output");
        int reason = errno;
        lethe_free(output->temporary); /* not ours: it must not be removed */
        output->temporary = NULL;
        if (reason != EEXIST) return lethe_fail_errno(error, reason, "cannot give output its name");
    }
    return lethe_fail(error, LETHE_IO, "cannot give output its name");
}

static lethe_status make_visible(lethe_output *output, bool only_new, lethe_error *error) {
    if (output->temporary == NULL) return name_it(output, only_new, error);
    int result =
        only_new ? renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->path, RENAME_NOREPLACE) : rename(output->temporary, output->path);
    if (result == 0) return LETHE_OK;
    if (only_new && errno == EEXIST) return lethe_fail(error, LETHE_EXISTS, "an output of that name exists already");
    return lethe_fail_errno(error, errno, "cannot rename output");
}

static lethe_status commit(lethe_output *output, bool only_new, mode_t mode, lethe_sync sync, lethe_error *error) {
    lethe_status status = lethe_output_flush(output, error);
    if (status == LETHE_OK && mode != 0600 && fchmod(output->fd, mode) != 0) status = lethe_fail_errno(error, errno, "cannot set the mode of output");
    if (status == LETHE_OK && sync == LETHE_SYNC_FULL && fsync(output->fd) != 0) status = lethe_fail_errno(error, errno, "cannot sync output");
    bool nameless = output->temporary == NULL;
    if (status == LETHE_OK && nameless) status = make_visible(output, only_new, error);
    if (status == LETHE_OK && close(output->fd) != 0) {
        status = lethe_fail_errno(error, errno, "cannot close output");
        if (nameless) (void)unlink(output->path);
    } else if (status != LETHE_OK) (void)close(output->fd);
    output->fd = -1;
    if (status == LETHE_OK && !nameless) status = make_visible(output, only_new, error);
    if (status == LETHE_OK) {
        lethe_free(output->temporary);
        output->temporary = NULL;
        if (sync == LETHE_SYNC_FULL) status = sync_parent(output->path, error);
    }
    lethe_output_discard(output);
    return status;
}

lethe_status lethe_output_commit(lethe_output *output, mode_t mode, lethe_sync sync, lethe_error *error) {
    return commit(output, false, mode, sync, error);
}

lethe_status lethe_output_commit_new(lethe_output *output, mode_t mode, lethe_sync sync, lethe_error *error) {
    return commit(output, true, mode, sync, error);
}

void lethe_output_discard(lethe_output *output) {
    if (output == NULL) return;
    if (output->fd >= 0) (void)close(output->fd);
    if (output->temporary != NULL) (void)unlink(output->temporary);
    EVP_MD_CTX_free(output->sha256);
    lethe_free(output->temporary);
    lethe_free(output->path);
    lethe_outlet *outlet = output->outlet;
    if (outlet == NULL || outlet->spare != NULL) lethe_free(output);
    else outlet->spare = output;
}

lethe_status lethe_file_write(const char *path, const void *bytes, size_t size, mode_t mode, lethe_error *error) {
    lethe_output *output = NULL;
    lethe_status status = lethe_output_create(path, &output, error);
    if (status == LETHE_OK) status = lethe_output_write(output, bytes, size, error);
    if (status != LETHE_OK) {
        lethe_output_discard(output);
        return status;
    }
    return lethe_output_commit(output, mode, LETHE_SYNC_FULL, error);
}

/* --- folders and paths --- */

lethe_status lethe_folder_create(const char *path, mode_t mode, lethe_error *error) {
    if (mkdir(path, mode) == 0) return LETHE_OK;
    struct stat info;
    if (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return LETHE_OK;
    if (errno != ENOENT) return lethe_fail_errno(error, errno, "cannot create folder");
    lethe_status status = lethe_folder_create_for(path, mode, error);
    if (status != LETHE_OK) return status;
    if (mkdir(path, mode) != 0 && errno != EEXIST) return lethe_fail_errno(error, errno, "cannot create folder");
    return LETHE_OK;
}

lethe_status lethe_folder_create_for(const char *file_path, mode_t mode, lethe_error *error) {
    size_t length = strlen(file_path);
    while (length > 0 && file_path[length - 1] == '/') length--;
    while (length > 0 && file_path[length - 1] != '/') length--;
    while (length > 1 && file_path[length - 1] == '/') length--;
    if (length == 0) return LETHE_OK;
    char *folder = lethe_strndup(file_path, length);
    if (folder == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = lethe_folder_create(folder, mode, error);
    lethe_free(folder);
    return status;
}

lethe_status lethe_folder_sync(const char *path, lethe_error *error) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot open folder");
    int result = fsync(fd);
    int reason = errno;
    (void)close(fd);
    return result == 0 ? LETHE_OK : lethe_fail_errno(error, reason, "cannot sync folder");
}

lethe_status lethe_filesystem_sync(const char *path, lethe_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot open folder");
    int result = syncfs(fd);
    int reason = errno;
    (void)close(fd);
    return result == 0 ? LETHE_OK : lethe_fail_errno(error, reason, "cannot sync file system");
}

char *lethe_path_join(const char *folder, const char *name) {
    size_t length = strlen(folder);
    return lethe_asprintf("%s%s%s", folder, length != 0 && folder[length - 1] != '/' ? "/" : "", name);
}

const char *lethe_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool lethe_path_is_safe(const char *path) {
    const char *part = path;
    for (const char *at = path;; at++) {
        if (*at == '/' || *at == '\0') {
            size_t length = (size_t)(at - part);
            if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.')) return false;
            if (*at == '\0') return true;
            part = at + 1;
        } else if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
}
