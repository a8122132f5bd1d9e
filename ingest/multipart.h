/* multipart/related as it streams in (RFC 2046, RFC 2387): no part is ever held in memory. Layer: ingest. Thread rule: one thread at a time per
 * object. */
#ifndef LETHE_INGEST_MULTIPART_H
#define LETHE_INGEST_MULTIPART_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>

enum { LETHE_MULTIPART_HEADER_BYTES = 8192, LETHE_MULTIPART_BOUNDARY_BYTES = 250 /* RFC 2046 says 70; peers use more */ };

typedef struct lethe_multipart_handler {
    void *context;
    lethe_status (*begin)(void *context, const char *content_type, lethe_error *error); /* "" when the part names none */
    lethe_status (*data)(void *context, const void *bytes, size_t size, lethe_error *error);
    lethe_status (*end)(void *context, lethe_error *error);
} lethe_multipart_handler;

typedef struct lethe_multipart {
    lethe_multipart_handler handler;
    lethe_buffer pending;
    char delimiter[LETHE_MULTIPART_BOUNDARY_BYTES + 5]; /* CR LF -- boundary */
    size_t delimiter_length;
    int state;
} lethe_multipart;

/* From a Content-Type header. Errors: LETHE_UNSUPPORTED when it is not multipart/related of application/dicom, LETHE_MALFORMED for a bad boundary. */
LETHE_NODISCARD lethe_status lethe_multipart_init(lethe_multipart *multipart, const char *content_type, const lethe_multipart_handler *handler,
                                                  lethe_error *error);
LETHE_NODISCARD lethe_status lethe_multipart_feed(lethe_multipart *multipart, const void *bytes, size_t size, lethe_error *error);
/* The stream has ended. Errors: LETHE_MALFORMED when the closing delimiter is missing. */
LETHE_NODISCARD lethe_status lethe_multipart_finish(lethe_multipart *multipart, lethe_error *error);
void lethe_multipart_release(lethe_multipart *multipart);

#endif
