/* room: deid. Any bytes as the result of a worker: what is accepted can be written into a manifest, and its output lies below the output folder. */
#include "core/file.h"
#include "deid/manifest.h"
#include "deid/pipeline.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lethe_result result;
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL) abort();
    if (size != 0) memcpy(exact, data, size);
    if (lethe_result_take(exact, size, &result)) {
        if (result.outcome == LETHE_OUTCOME_RELEASED && !lethe_path_is_safe(result.output)) abort();
        if (result.outcome != LETHE_OUTCOME_RELEASED && result.output[0] != '\0') abort();
        lethe_buffer line;
        lethe_buffer_init(&line, 1u << 20);
        if (lethe_manifest_format("source", &result, &line, NULL) != LETHE_OK) abort();
        if (memchr(line.bytes, '\n', line.size) != NULL) abort();
        lethe_buffer_release(&line);
    } else if (result.outcome != LETHE_OUTCOME_QUARANTINED) {
        abort();
    }
    free(exact);
    return 0;
}
