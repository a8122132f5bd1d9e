#include "deid/manifest.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char marker[] = ", \"chain\": \"";
static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
enum { CHAIN_TAIL = 64 + 2 }; /* digest, quote, brace */

struct lethe_manifest {
    int fd;
    off_t end; /* of what `chain` stands for: others (a review beside a daemon) append too */
    char chain[65];
    lethe_buffer line;
};

lethe_status lethe_json_string(lethe_buffer *out, const char *text, lethe_error *error) {
    lethe_status status = lethe_buffer_append(out, "\"", 1, error);
    for (const char *at = text, *end = text + strlen(text); at < end && status == LETHE_OK;) {
        uint32_t c = lethe_utf8_next(&at, end);
        if (c == '"' || c == '\\') status = lethe_buffer_printf(out, error, "\\%c", (char)c);
        else if (c < 0x20 || c == 0x7F) status = lethe_buffer_printf(out, error, "\\u%04x", c);
        else {
            char bytes[4];
            size_t size = lethe_utf8_put(c, bytes);
            status = lethe_buffer_append(out, bytes, size, error);
        }
    }
    return status == LETHE_OK ? lethe_buffer_append(out, "\"", 1, error) : status;
}

static lethe_status member(lethe_buffer *out, const char *name, const char *value, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, ", \"%s\": ", name);
    if (status != LETHE_OK) return status;
    return value[0] == '\0' ? lethe_buffer_append_text(out, "null", error) : lethe_json_string(out, value, error);
}

lethe_status lethe_manifest_format(const char *source, const lethe_result *r, lethe_buffer *out, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "{\"source\": ", error);
    if (status == LETHE_OK) status = lethe_json_string(out, source, error);
    if (status == LETHE_OK) status = member(out, "output", r->output, error);
    if (status == LETHE_OK) status = member(out, "outcome", lethe_outcome_name(r->outcome), error);
    if (status == LETHE_OK) status = member(out, "reason", r->reason, error);
    if (status == LETHE_OK) status = member(out, "sha256", r->sha256, error);
    if (status == LETHE_OK)
        status =
            lethe_buffer_printf(out, error,
                                ", \"edits\": {\"removed\": %u, \"emptied\": %u, \"replaced\": %u, \"uids\": %u, \"cleaned\": %u, \"shifted\": %u, "
                                "\"private_kept\": %u, \"private_removed\": %u}, \"regions\": [",
                                r->removed, r->emptied, r->replaced, r->uids, r->cleaned, r->shifted, r->kept_private, r->dropped_private);
    for (unsigned i = 0; i < r->box_count && status == LETHE_OK; i++) {
        const lethe_pixel_box *box = &r->boxes[i];
        status = lethe_buffer_printf(out, error, "%s{\"frame\": %u, \"last_frame\": %u, \"x\": %u, \"y\": %u, \"w\": %u, \"h\": %u, \"why\": ",
                                     i == 0 ? "" : ", ", box->first_frame, box->last_frame, box->x, box->y, box->w, box->h);
        if (status == LETHE_OK) status = lethe_json_string(out, box->why, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "}", error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "]", error) : status;
}

/* chain = SHA-256(previous chain, line without its chain) */
static lethe_status link_of(const char *previous, const char *line, size_t size, char out[65], lethe_error *error) {
    lethe_buffer joined;
    lethe_buffer_init(&joined, 64 + size);
    lethe_status status = lethe_buffer_append(&joined, previous, 64, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&joined, line, size, error);
    if (status == LETHE_OK) status = lethe_sha256_hex(joined.bytes, joined.size, out, error);
    lethe_buffer_release(&joined);
    return status;
}

/* Follow the chain through `text`; *good is the size of its whole, right lines. A line without its end is a torn one, not a wrong one. */
static lethe_status follow(const char *text, size_t size, char chain[65], size_t *good, uint64_t *lines, lethe_error *error) {
    memcpy(chain, zeros, 65);
    *good = 0;
    *lines = 0;
    if (size == 0) return LETHE_OK;
    for (const char *at = text, *end = text + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) return LETHE_OK;
        size_t length = (size_t)(stop - at), tail = CHAIN_TAIL + sizeof marker - 1;
        char wanted[65];
        bool right = length > tail && memcmp(stop - tail, marker, sizeof marker - 1) == 0;
        lethe_status status = right ? link_of(chain, at, length - tail, wanted, error) : LETHE_OK;
        if (status != LETHE_OK) return status;
        if (!right || memcmp(stop - CHAIN_TAIL, wanted, 64) != 0)
            return lethe_fail(error, LETHE_UNSAFE, "manifest: line %llu does not follow from the lines before it", (unsigned long long)*lines + 1);
        memcpy(chain, wanted, 65);
        at = stop + 1;
        *good = (size_t)(at - text);
        ++*lines;
    }
    return LETHE_OK;
}

static lethe_status read_chain(const char *path, char chain[65], size_t *good, uint64_t *lines, lethe_error *error) {
    lethe_map map;
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    status = follow((const char *)map.bytes, map.size, chain, good, lines, error);
    lethe_map_close(&map);
    return status;
}

lethe_status lethe_manifest_verify(const char *path, uint64_t *lines, lethe_error *error) {
    char chain[65];
    size_t good;
    return read_chain(path, chain, &good, lines, error);
}

lethe_status lethe_manifest_open(const char *path, lethe_manifest **out, lethe_error *error) {
    *out = NULL;
    lethe_manifest *manifest = lethe_alloc_array(1, sizeof *manifest);
    if (manifest == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a manifest");
    lethe_buffer_init(&manifest->line, 1u << 20);
    memcpy(manifest->chain, zeros, sizeof zeros);
    manifest->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat info;
    lethe_status status = LETHE_OK;
    if (manifest->fd < 0 || fstat(manifest->fd, &info) != 0) status = lethe_fail_errno(error, errno, "cannot open the manifest");
    else if (flock(manifest->fd, LOCK_EX) != 0 || fstat(manifest->fd, &info) != 0)
        status = lethe_fail_errno(error, errno, "cannot lock the manifest");
    else if (!S_ISREG(info.st_mode)) status = lethe_fail(error, LETHE_IO, "the manifest is not a regular file");
    else if (fchmod(manifest->fd, 0600) != 0) status = lethe_fail_errno(error, errno, "cannot protect the manifest");
    size_t good = 0;
    uint64_t lines;
    if (status == LETHE_OK && info.st_size > 0) status = read_chain(path, manifest->chain, &good, &lines, error);
    if (status == LETHE_OK && (off_t)good < info.st_size && ftruncate(manifest->fd, (off_t)good) != 0)
        status = lethe_fail_errno(error, errno, "cannot cut a torn line off the manifest");
    manifest->end = (off_t)good;
    if (manifest->fd >= 0) (void)flock(manifest->fd, LOCK_UN);
    if (status != LETHE_OK) {
        if (manifest->fd >= 0) (void)close(manifest->fd);
        lethe_free(manifest);
        return status;
    }
    *out = manifest;
    return LETHE_OK;
}

/* Somebody else has appended: go on from their last line. */
static lethe_status catch_up(lethe_manifest *manifest, lethe_error *error) {
    struct stat info;
    char tail[CHAIN_TAIL + 1];
    if (fstat(manifest->fd, &info) != 0) return lethe_fail_errno(error, errno, "cannot stat the manifest");
    if (info.st_size == manifest->end) return LETHE_OK;
    if (info.st_size < (off_t)sizeof tail || pread(manifest->fd, tail, sizeof tail, info.st_size - (off_t)sizeof tail) != (ssize_t)sizeof tail ||
        memcmp(tail + 64, "\"}\n", 3) != 0)
        return lethe_fail(error, LETHE_UNSAFE, "manifest: another process left a line without its end");
    memcpy(manifest->chain, tail, 64);
    manifest->end = info.st_size;
    return LETHE_OK;
}

static lethe_status append_locked(lethe_manifest *manifest, const char *formatted, size_t size, lethe_error *error) {
    char chain[65];
    lethe_status status = catch_up(manifest, error);
    if (status == LETHE_OK) status = link_of(manifest->chain, formatted, size, chain, error);
    lethe_buffer_clear(&manifest->line);
    if (status == LETHE_OK) status = lethe_buffer_append(&manifest->line, formatted, size, error);
    if (status == LETHE_OK) status = lethe_buffer_printf(&manifest->line, error, "%s%s\"}\n", marker, chain);
    if (status != LETHE_OK) return status;
    for (size_t done = 0; done < manifest->line.size;) {
        ssize_t put = write(manifest->fd, manifest->line.bytes + done, manifest->line.size - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) {
            int reason = errno;
            if (done != 0 && ftruncate(manifest->fd, manifest->end) != 0) reason = EIO; /* half a line must not stand before another */
            return lethe_fail_errno(error, reason, "cannot write the manifest");
        }
        done += (size_t)put;
    }
    memcpy(manifest->chain, chain, sizeof chain);
    manifest->end += (off_t)manifest->line.size;
    return LETHE_OK;
}

lethe_status lethe_manifest_append(lethe_manifest *manifest, const char *formatted, size_t size, lethe_error *error) {
    if (flock(manifest->fd, LOCK_EX) != 0) return lethe_fail_errno(error, errno, "cannot lock the manifest");
    lethe_status status = append_locked(manifest, formatted, size, error);
    (void)flock(manifest->fd, LOCK_UN);
    return status;
}

lethe_status lethe_manifest_sync(lethe_manifest *manifest, lethe_error *error) {
    return fdatasync(manifest->fd) == 0 ? LETHE_OK : lethe_fail_errno(error, errno, "cannot sync the manifest");
}

lethe_status lethe_manifest_close(lethe_manifest *manifest, lethe_error *error) {
    if (manifest == NULL) return LETHE_OK;
    lethe_status status = lethe_manifest_sync(manifest, error);
    if (close(manifest->fd) != 0 && status == LETHE_OK) status = lethe_fail_errno(error, errno, "cannot close the manifest");
    lethe_buffer_release(&manifest->line);
    lethe_free(manifest);
    return status;
}
