/* room: ingest. The multipart/related parser of STOW-RS: the first byte cuts the input into pieces, the rest is the body. */
#include "ingest/multipart.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct tally {
    size_t open, bytes;
} tally;

static lethe_status begin(void *context, const char *type, lethe_error *error) {
    tally *count = context;
    (void)type;
    (void)error;
    if (count->open++ != 0) abort(); /* a part within a part */
    return LETHE_OK;
}

static lethe_status data_of(void *context, const void *bytes, size_t size, lethe_error *error) {
    tally *count = context;
    (void)bytes;
    (void)error;
    if (count->open != 1) abort();
    count->bytes += size;
    return LETHE_OK;
}

static lethe_status end(void *context, lethe_error *error) {
    tally *count = context;
    (void)error;
    if (count->open-- != 1) abort();
    return LETHE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    tally count = {0};
    const lethe_multipart_handler handler = {&count, begin, data_of, end};
    lethe_multipart multipart;
    size_t piece = (size_t)data[0] + 1, fed = 0;
    lethe_status status = lethe_multipart_init(&multipart, "multipart/related; boundary=\"b\"; type=application/dicom", &handler, NULL);
    for (size_t at = 1; status == LETHE_OK && at < size; at += piece) {
        size_t take = size - at < piece ? size - at : piece;
        status = lethe_multipart_feed(&multipart, data + at, take, NULL);
        fed += take;
    }
    if (status == LETHE_OK) status = lethe_multipart_finish(&multipart, NULL);
    if (count.bytes > fed + 2) abort(); /* more content than input */
    lethe_multipart_release(&multipart);
    return 0;
}
