/* SHA-256 of a data set in a thread of its own, while it is received, written and synced: the peer waits for the longest of these, not for their sum.
 * Layer: ingest; for ingest/inbox*.c only. Thread rule: one caller at a time per object. */
#ifndef LETHE_INGEST_INBOX_DIGEST_H
#define LETHE_INGEST_INBOX_DIGEST_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct inbox_digester inbox_digester;

/* NULL when no thread can be had. */
inbox_digester *inbox_digester_create(void);
void inbox_digester_destroy(inbox_digester *digester); /* NULL is a no-op */

/* Forget everything and begin a digest. */
void inbox_digester_begin(inbox_digester *digester);
/* Go on with these bytes. They are borrowed until inbox_digester_wait or _end, and follow in memory those that were given since then. */
void inbox_digester_take(inbox_digester *digester, const uint8_t *bytes, size_t size);
/* Until nothing is borrowed. */
void inbox_digester_wait(inbox_digester *digester);
/* Wait, and the digest. Errors: LETHE_CRYPTO. */
LETHE_NODISCARD lethe_status inbox_digester_end(inbox_digester *digester, uint8_t digest[32], lethe_error *error);

#endif
