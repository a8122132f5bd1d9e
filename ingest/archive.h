/* ZIP and tar archives (plain or compressed) through libarchive. Layer: ingest. Thread rule: no shared state. */
#ifndef LETHE_INGEST_ARCHIVE_H
#define LETHE_INGEST_ARCHIVE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* Cheap test of the first bytes: ZIP, tar, gzip, bzip2, xz, Zstandard. */
bool lethe_archive_looks_like(const uint8_t *bytes, size_t size);

/* Unpack every member below `folder`, which must exist and be empty. Nothing is ever written outside it. Errors: LETHE_UNSAFE for a member with an
 * absolute path or "..", a link, a device, a name that comes twice, or one that is encrypted; LETHE_LIMIT for a bomb (core/limits.h) or more than
 * `room_bytes`; LETHE_MALFORMED for a damaged archive. What was unpacked before the error stays in `folder`: throw it away. */
LETHE_NODISCARD lethe_status lethe_archive_unpack(const char *path, const char *folder, uint64_t room_bytes, lethe_error *error);

#endif
