/* room: deid. Any bytes as what a worker says an object told: kept, told to the others, and learned by the text cleaner's list. */
#include "deid/known.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lethe_status check_value(void *context, lethe_identifier_kind kind, const char *text, size_t size, lethe_error *error) {
    (void)text;
    (void)error;
    if (kind > LETHE_ID_UID || size > LETHE_KNOWN_VALUE_BYTES) abort();
    ++*(size_t *)context;
    return LETHE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lethe_known *known = NULL;
    lethe_learned learned;
    lethe_buffer others;
    lethe_buffer_init(&others, 4u << 20);
    if (lethe_known_create(NULL, &known, NULL) != LETHE_OK) abort();
    for (unsigned round = 0; round < 2 && size >= sizeof learned; round++) {
        memcpy(&learned, data, sizeof learned);
        learned.study += round; /* the second is of the same patient and another study */
        if (lethe_known_add(known, &learned, data + sizeof learned, size - sizeof learned, NULL) != LETHE_OK) break;
        lethe_buffer_clear(&others);
        size_t values = 0;
        if (lethe_known_others(known, &learned, &others, NULL) != LETHE_OK) continue;
        if (lethe_known_visit(others.bytes, others.size, check_value, &values, NULL) != LETHE_OK) abort();
    }
    lethe_buffer_release(&others);
    lethe_known_destroy(known);
    return 0;
}
