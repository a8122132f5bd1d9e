#include "core/trail.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 4096 };

/* What the first line carries. */
static const char beginning[65] = "0000000000000000000000000000000000000000000000000000000000000000";

/* "n" and the digest of the last line; 0 and `beginning` for an empty trail. A last line without its end is what a power cut left: it is closed by
 * the caller, and shows as damaged in verification. */
static lethe_status read_end(int fd, off_t size, uint64_t *number, char digest[65], bool *torn, lethe_error *error) {
    char tail[2 * LINE_BYTES + 1];
    *number = 0;
    *torn = false;
    memcpy(digest, beginning, sizeof beginning);
    if (size == 0) return LETHE_OK;
    off_t from = size > 2 * LINE_BYTES ? size - 2 * LINE_BYTES : 0;
    ssize_t got = pread(fd, tail, (size_t)(size - from), from);
    if (got != (ssize_t)(size - from)) return lethe_fail(error, LETHE_IO, "cannot read the audit trail");
    tail[got] = '\0';
    *torn = tail[got - 1] != '\n';
    size_t end = (size_t)got - (*torn ? 0 : 1), start = end;
    while (start > 0 && tail[start - 1] != '\n') start--;
    tail[end] = '\0';
    lethe_status status = lethe_sha256_hex(tail + start, end - start, digest, error);
    const char *n = strstr(tail + start, "\"n\":");
    if (status == LETHE_OK && n != NULL) *number = strtoull(n + 4, NULL, 10);
    return status;
}

static lethe_status append_locked(int fd, const char *event, const char *members, lethe_error *error) {
    struct stat info;
    char digest[65], line[LINE_BYTES], when[32];
    uint64_t number = 0;
    bool torn = false;
    if (fstat(fd, &info) != 0) return lethe_fail_errno(error, errno, "cannot stat the audit trail");
    lethe_status status = read_end(fd, info.st_size, &number, digest, &torn, error);
    if (status != LETHE_OK) return status;
    time_t now = time(NULL);
    struct tm utc;
    (void)gmtime_r(&now, &utc);
    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    int length = snprintf(line, sizeof line, "%s{\"n\":%" PRIu64 ",\"time\":\"%s\",\"user\":%lu,\"event\":\"%s\"%s%s,\"previous\":\"%s\"}\n",
                          torn ? "\n" : "", number + 1, when, (unsigned long)getuid(), event, members[0] == '\0' ? "" : ",", members, digest);
    if (length < 0 || (size_t)length >= sizeof line) return lethe_fail(error, LETHE_LIMIT, "an audit event is too long");
    if (write(fd, line, (size_t)length) != length || fdatasync(fd) != 0) return lethe_fail_errno(error, errno, "cannot write the audit trail");
    return LETHE_OK;
}

lethe_status lethe_trail_append(const lethe_project *project, lethe_error *error, const char *event, const char *format, ...) {
    char members[LINE_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(members, sizeof members, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof members) return lethe_fail(error, LETHE_LIMIT, "an audit event is too long");
    char *path = lethe_path_join(project->private_path, "audit.jsonl");
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    int reason = errno;
    lethe_free(path);
    if (fd < 0) return lethe_fail_errno(error, reason, "cannot open the audit trail");
    lethe_status status =
        flock(fd, LOCK_EX) == 0 ? append_locked(fd, event, members, error) : lethe_fail_errno(error, errno, "cannot lock the audit trail");
    (void)close(fd);
    return status;
}

lethe_status lethe_trail_verify(const lethe_project *project, uint64_t *lines, char head[65], lethe_error *error) {
    lethe_map map = {.fd = -1};
    struct stat info;
    *lines = 0;
    memcpy(head, beginning, sizeof beginning);
    char *path = lethe_path_join(project->private_path, "audit.jsonl");
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status =
        stat(path, &info) != 0 ? lethe_fail(error, LETHE_NOT_FOUND, "there is no audit trail yet") : lethe_map_open(path, &map, error);
    lethe_free(path);
    const char *at = (const char *)map.bytes, *end = at == NULL ? NULL : at + map.size;
    while (status == LETHE_OK && at < end) {
        char expected[128];
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        int tail = snprintf(expected, sizeof expected, ",\"previous\":\"%s\"}", head);
        int front = snprintf(expected + tail + 1, sizeof expected - (size_t)tail - 1, "{\"n\":%" PRIu64 ",", *lines + 1);
        size_t length = stop == NULL ? 0 : (size_t)(stop - at);
        bool fits = length > (size_t)(tail + front) && memcmp(at + length - (size_t)tail, expected, (size_t)tail) == 0 &&
                    memcmp(at, expected + tail + 1, (size_t)front) == 0;
        if (!fits) {
            status = lethe_fail(error, LETHE_UNSAFE, "the audit trail does not fit from line %" PRIu64 " on: it was changed", *lines + 1);
            break;
        }
        status = lethe_sha256_hex(at, length, head, error);
        ++*lines;
        at = stop + 1;
    }
    lethe_map_close(&map);
    return status;
}
