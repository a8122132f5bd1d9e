/* room: deid. Any bytes as a manifest: verified, continued, and used to verify a folder. What was accepted still is after a line was added; what was
 * refused is not repaired. */
#include "core/file.h"
#include "deid/manifest.h"
#include "deid/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/lethe-fuzz-XXXXXX";

static void add_line(lethe_manifest *manifest) {
    static lethe_result result = {.outcome = LETHE_OUTCOME_QUARANTINED, .reason = "no reason"};
    lethe_buffer line;
    lethe_buffer_init(&line, 1u << 16);
    if (lethe_manifest_format("one\nname \xff", &result, &line, NULL) != LETHE_OK) abort();
    if (lethe_manifest_append(manifest, lethe_buffer_text(&line), line.size, NULL) != LETHE_OK) abort();
    lethe_buffer_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char path[64], released[64];
    if (path[0] == '\0') {
        if (mkdtemp(folder) == NULL) abort();
        (void)snprintf(path, sizeof path, "%s/m.jsonl", folder);
        (void)snprintf(released, sizeof released, "%s/out", folder);
        if (lethe_folder_create(released, 0700, NULL) != LETHE_OK) abort();
    }
    if (lethe_file_write(path, data, size, 0600, NULL) != LETHE_OK) abort();
    uint64_t before = 0, after = 0;
    bool good = lethe_manifest_verify(path, &before, NULL) == LETHE_OK;
    lethe_verify_counts counts;
    bool trusted = lethe_verify(released, path, NULL, NULL, NULL, &counts, NULL) == LETHE_OK;
    if (trusted && !good) abort();
    lethe_manifest *manifest = NULL;
    bool opened = lethe_manifest_open(path, &manifest, NULL) == LETHE_OK;
    if (opened != good) abort();
    if (opened) {
        add_line(manifest);
        if (lethe_manifest_close(manifest, NULL) != LETHE_OK) abort();
        if (lethe_manifest_verify(path, &after, NULL) != LETHE_OK || after != before + 1) abort();
    }
    return 0;
}
