/* The private manifest: one JSON line per input, chained by hashes so that a later change shows. Layer: deid. Thread rule: one thread at a time.
 *
 * Each line ends with "chain": SHA-256 of the previous chain value and the line without its chain. The first previous value is 64 zeros. */
#ifndef LETHE_DEID_MANIFEST_H
#define LETHE_DEID_MANIFEST_H

#include "core/buffer.h"
#include "core/error.h"
#include "deid/pipeline.h"

typedef struct lethe_manifest lethe_manifest;

/* Open for appending (created with mode 0600); an existing file is checked from its first line and continued. A torn last line (a crash) is cut off.
 * Errors: LETHE_MALFORMED when the chain is broken, LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_manifest_open(const char *path, lethe_manifest **out, lethe_error *error);
/* The JSON of one result without braces' end and chain, for sending between processes: `{"source": ..., ...` */
LETHE_NODISCARD lethe_status lethe_manifest_format(const char *source, const lethe_result *result, lethe_buffer *out, lethe_error *error);
/* Append a formatted line. Durable after lethe_manifest_sync. */
LETHE_NODISCARD lethe_status lethe_manifest_append(lethe_manifest *manifest, const char *formatted, size_t size, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_manifest_sync(lethe_manifest *manifest, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_manifest_close(lethe_manifest *manifest, lethe_error *error);
/* Check a file's chain; *lines counts the good ones. Errors: LETHE_UNSAFE with the number of the first line that does not fit. */
LETHE_NODISCARD lethe_status lethe_manifest_verify(const char *path, uint64_t *lines, lethe_error *error);
/* Append a JSON string with quotes. Invalid UTF-8 becomes U+FFFD. */
LETHE_NODISCARD lethe_status lethe_json_string(lethe_buffer *out, const char *text, lethe_error *error);

#endif
