/* An inbox file that carries its own row: the Part 10 header that Lethe writes before a received data set, with the row of the intake in Private
 * Information (0002,0102) (PS3.10 7.1). One sync of the file then makes both durable; after a power cut the sweep reads the rows back.
 *
 * Layer: ingest. Thread rule: pure functions. */
#ifndef LETHE_INGEST_INBOX_LABEL_H
#define LETHE_INGEST_INBOX_LABEL_H

#include "core/queue.h"
#include "ingest/inbox.h"

#include <stddef.h>
#include <stdint.h>

enum { LETHE_INBOX_HEADER_BYTES = 1280, LETHE_INBOX_LABEL_BYTES = 192 };

/* Preamble, DICM and file meta information, with an empty label (all zero). Returns the length; *label_offset is where the label begins. */
size_t lethe_inbox_header(const lethe_inbox_meta *meta, uint8_t out[LETHE_INBOX_HEADER_BYTES], size_t *label_offset);

/* A check that the bytes behind the label are those that were written: GMAC (NIST SP 800-38D) under a key made of the file's own path. It takes a
 * quarter of the time of the row's SHA-256, which is then computed while the disk syncs. */
typedef struct lethe_inbox_check lethe_inbox_check;
LETHE_NODISCARD lethe_status lethe_inbox_check_create(const char *row_path, lethe_inbox_check **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_inbox_check_add(lethe_inbox_check *check, const void *bytes, size_t size, lethe_error *error);
/* Once. 32 hex digits. */
LETHE_NODISCARD lethe_status lethe_inbox_check_end(lethe_inbox_check *check, char hex[65], lethe_error *error);
void lethe_inbox_check_destroy(lethe_inbox_check *check); /* NULL is a no-op */

/* The label of a complete file: the check of the data set (lethe_inbox_check_end; or, as earlier versions wrote, its SHA-256), size of the file, when
 * it came, priority, and a seal over these, the file's own path (item->path) and `header_sha256`, the digest of all bytes before the label.
 * Errors: LETHE_CRYPTO. */
LETHE_NODISCARD lethe_status lethe_inbox_label(const lethe_item *item, const char header_sha256[65], const char *check,
                                               char out[LETHE_INBOX_LABEL_BYTES], lethe_error *error);
/* Read back the file `path`, known to the store as `row_path`. *labelled is true only when it has a label, the seal is that of this path and this
 * header, and size and check are those of file and data set; then kind, classes, path, digest, size, time, source and priority of `item` are filled
 * in. A file whose seal is wrong is not read further. Errors: LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_inbox_read_label(const char *path, const char *row_path, lethe_item *item, bool *labelled, lethe_error *error);

#endif
