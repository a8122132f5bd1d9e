/* room: deid. Any bytes as one of two inputs with one SOP Instance UID: its content is digested, frames decoded, and comes out the same each time. */
#include "deid/content.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char one[65], two[65];
    if (size > 1u << 18) return 0;
    bool good = lethe_content_digest(data, size, one, NULL) == LETHE_OK;
    if (good != (lethe_content_digest(data, size, two, NULL) == LETHE_OK)) abort();
    if (good && (strlen(one) != 64 || strcmp(one, two) != 0)) abort();
    if (!good && one[0] != '\0') abort();
    return 0;
}
