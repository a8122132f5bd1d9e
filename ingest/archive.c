#include "ingest/archive.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool lethe_archive_looks_like(const uint8_t *bytes, size_t size) {
    static const struct {
        size_t at, length;
        const char *magic;
    } magics[] = {{0, 4, "PK\3\4"},
                  {0, 4, "PK\5\6"},
                  {257, 5, "ustar"},
                  {0, 3, "\x1f\x8b\x08"},
                  {0, 3, "BZh"},
                  {0, 6,
                   "\xfd"
                   "7zXZ\0"},
                  {0, 4, "\x28\xb5\x2f\xfd"}};
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (size >= magics[i].at + magics[i].length && memcmp(bytes + magics[i].at, magics[i].magic, magics[i].length) == 0) return true;
    return false;
}

typedef struct unpacker {
    struct archive *archive;
    const char *folder;
    uint64_t packed_bytes, room_bytes, written_bytes;
    uint64_t members;
} unpacker;

static lethe_status fail_archive(lethe_error *error) { return lethe_fail(error, LETHE_MALFORMED, "the archive is damaged"); }

/* The member's path below the folder. Directories are made by the files in them. */
static lethe_status check_member(struct archive_entry *entry, const char **name, bool *is_file, lethe_error *error) {
    *is_file = false;
    mode_t type = archive_entry_filetype(entry);
    if (archive_entry_hardlink(entry) != NULL || archive_entry_symlink(entry) != NULL || (type != AE_IFREG && type != AE_IFDIR))
        return lethe_fail(error, LETHE_UNSAFE, "the archive holds links or special files");
    if (archive_entry_is_data_encrypted(entry) == 1 || archive_entry_is_metadata_encrypted(entry) == 1)
        return lethe_fail(error, LETHE_UNSAFE, "the archive is encrypted");
    const char *path = archive_entry_pathname(entry);
    if (path == NULL) return lethe_fail(error, LETHE_UNSAFE, "a member of the archive has no usable name");
    while (path[0] == '.' && path[1] == '/') path += 2;
    *name = path;
    if (type == AE_IFDIR) {
        if (path[0] == '/' || strstr(path, "..") != NULL) return lethe_fail(error, LETHE_UNSAFE, "a member's path leads out of the archive");
        return LETHE_OK;
    }
    if (!lethe_path_is_safe(path)) return lethe_fail(error, LETHE_UNSAFE, "a member's path leads out of the archive");
    *is_file = true;
    return LETHE_OK;
}

static lethe_status account(unpacker *self, size_t size, lethe_error *error) {
    self->written_bytes += size;
    if (self->written_bytes > self->room_bytes) return lethe_fail(error, LETHE_LIMIT, "the archive needs more room than there is");
    if (self->written_bytes > LETHE_LIMIT_ARCHIVE_BYTES ||
        (self->written_bytes > LETHE_LIMIT_ARCHIVE_FREE_BYTES && self->written_bytes / LETHE_LIMIT_ARCHIVE_RATIO > self->packed_bytes))
        return lethe_fail(error, LETHE_LIMIT, "the archive unpacks to far more than it holds");
    return LETHE_OK;
}

static lethe_status write_member(unpacker *self, int fd, lethe_error *error) {
    const void *block = NULL;
    size_t size = 0;
    la_int64_t offset = 0;
    lethe_status status = LETHE_OK;
    for (;;) {
        int code = archive_read_data_block(self->archive, &block, &size, &offset);
        if (code == ARCHIVE_EOF) return LETHE_OK;
        if (code != ARCHIVE_OK) return fail_archive(error);
        /* Sparse members: holes count as written, so that they cannot hide a bomb. */
        off_t end = lseek(fd, 0, SEEK_END);
        if (offset < end) return fail_archive(error);
        status = account(self, size + (size_t)(offset - end), error);
        if (status != LETHE_OK) return status;
        for (size_t done = 0; done < size;) {
            ssize_t put = pwrite(fd, (const char *)block + done, size - done, (off_t)offset + (off_t)done);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return lethe_fail_errno(error, errno, "cannot unpack");
            done += (size_t)put;
        }
    }
}

static lethe_status unpack_member(unpacker *self, struct archive_entry *entry, lethe_error *error) {
    const char *name = NULL;
    bool is_file = false;
    if (++self->members > LETHE_LIMIT_ARCHIVE_ENTRIES) return lethe_fail(error, LETHE_LIMIT, "the archive has too many members");
    lethe_status status = check_member(entry, &name, &is_file, error);
    if (status != LETHE_OK || !is_file) return status;
    char *path = lethe_path_join(self->folder, name);
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    status = lethe_folder_create_for(path, 0700, error);
    if (status == LETHE_OK) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == EEXIST) status = lethe_fail(error, LETHE_UNSAFE, "two members of the archive have one name");
        else if (fd < 0) status = lethe_fail_errno(error, errno, "cannot unpack");
        if (status == LETHE_OK) status = write_member(self, fd, error);
        if (fd >= 0) (void)close(fd);
    }
    lethe_free(path);
    return status;
}

static struct archive *open_archive(const char *path) {
    struct archive *archive = archive_read_new();
    if (archive == NULL) return NULL;
    (void)archive_read_support_filter_gzip(archive);
    (void)archive_read_support_filter_bzip2(archive);
    (void)archive_read_support_filter_xz(archive);
    (void)archive_read_support_filter_zstd(archive);
    (void)archive_read_support_format_zip(archive);
    (void)archive_read_support_format_tar(archive);
    (void)archive_read_support_format_raw(archive); /* a single compressed file */
    if (archive_read_open_filename(archive, path, 1 << 18) == ARCHIVE_OK) return archive;
    (void)archive_read_free(archive);
    return NULL;
}

lethe_status lethe_archive_unpack(const char *path, const char *folder, uint64_t room_bytes, lethe_error *error) {
    struct stat info;
    if (stat(path, &info) != 0) return lethe_fail_errno(error, errno, "cannot stat an archive");
    unpacker self = {.archive = open_archive(path), .folder = folder, .packed_bytes = (uint64_t)info.st_size, .room_bytes = room_bytes};
    if (self.archive == NULL) return fail_archive(error);
    lethe_status status = LETHE_OK;
    struct archive_entry *entry = NULL;
    for (int code; status == LETHE_OK && (code = archive_read_next_header(self.archive, &entry)) != ARCHIVE_EOF;) {
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) status = fail_archive(error);
        else if (archive_format(self.archive) == ARCHIVE_FORMAT_RAW && archive_filter_count(self.archive) < 2) status = fail_archive(error);
        else status = unpack_member(&self, entry, error);
    }
    if (status == LETHE_OK && self.members == 0) status = fail_archive(error);
    (void)archive_read_free(self.archive);
    return status;
}
