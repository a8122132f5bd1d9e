/* Runs a fuzz target over every file of the folders named on the command line, so that the corpus is part of every test run. */
#include "core/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static lethe_status replay(void *context, const char *path, const char *relative, lethe_error *error) {
    (void)relative;
    lethe_map map;
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    /* A copy of exact size lets AddressSanitizer see a read past the end. */
    uint8_t *copy = malloc(map.size == 0 ? 1 : map.size);
    if (copy == NULL) abort();
    for (size_t i = 0; i < map.size; i++) copy[i] = map.bytes[i];
    (void)LLVMFuzzerTestOneInput(copy, map.size);
    free(copy);
    lethe_map_close(&map);
    ++*(unsigned *)context;
    return LETHE_OK;
}

int main(int argc, char **argv) {
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        lethe_error error = {0};
        if (lethe_walk(argv[i], replay, &count, &error) != LETHE_OK) {
            (void)fprintf(stderr, "%s: %s\n", argv[i], error.message);
            return 1;
        }
    }
    (void)printf("%u inputs replayed\n", count);
    return count == 0 ? 1 : 0; /* a test that ran nothing fails */
}
