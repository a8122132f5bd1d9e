/* room: deid. Any bytes as an instance: parsed, edited, written, audited; nothing may crash, and what is released must pass a second look. */
#include "core/file.h"
#include "deid/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lethe_engine *engine_of(const char *name, const char *output) {
    static const uint8_t key[LETHE_KEY_BYTES] = {7};
    lethe_profile *profile = NULL;
    lethe_engine *engine = NULL;
    static const char yaml[] = "base: research\npixels:\n  modalities:\n    - {modality: '*', mode: 'off'}\n";
    /* No pixel search: its decoders have fuzz targets of their own. */
    lethe_status status = strcmp(name, "research") == 0 ? lethe_profile_parse(yaml, sizeof yaml - 1, "fuzz.yaml", &profile, NULL)
                                                        : lethe_profile_load(name, &profile, NULL);
    if (status != LETHE_OK) abort();
    lethe_engine_options options = {.profile = profile, .key = key, .output_folder = output, .sync = LETHE_SYNC_NONE};
    if (lethe_engine_create(&options, &engine, NULL) != LETHE_OK) abort();
    return engine; /* lives as long as the process */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lethe_engine *engine;
    static char folder[] = "/tmp/lethe-fuzz-XXXXXX";
    static lethe_result result;
    if (engine == NULL) {
        if (mkdtemp(folder) == NULL) abort();
        engine = engine_of("research", folder);
    }
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    char path[64], output[1100];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    lethe_error error = {0};
    if (lethe_engine_process(engine, path, "fuzz", &result, &error) == LETHE_OK && result.outcome == LETHE_OUTCOME_RELEASED && !result.is_slide) {
        (void)snprintf(output, sizeof output, "%s/%s", folder, result.output);
        if (access(output, F_OK) != 0) abort();
        (void)unlink(output);
    }
    (void)close(fd);
    return 0;
}
