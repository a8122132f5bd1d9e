/* room: deid. Where the processor time of de-identification goes, by stage: each stage is timed with all before it, and the difference shown.
 * bench-deid_stages PROFILE FOLDER OUT: one process, no start-up, files read once before so that they lie in the page cache. */
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "deid/known.h"
#include "deid/pipeline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_FILES = 100000, STAGES = 6 };

typedef struct inputs {
    char **paths;
    size_t count;
} inputs;

static lethe_status take(void *context, const char *path, const char *relative, lethe_error *error) {
    (void)relative;
    inputs *in = context;
    if (in->count == MOST_FILES) return LETHE_OK;
    in->paths[in->count] = lethe_strndup(path, strlen(path));
    return in->paths[in->count++] == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory") : LETHE_OK;
}

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static lethe_status open_and_parse(const char *path, lethe_arena *arena, bool parse, bool learn, lethe_error *error) {
    lethe_map map;
    lethe_dicom_dataset *dataset = NULL;
    lethe_status status = lethe_map_open(path, &map, error);
    if (status == LETHE_OK && parse) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK && learn) {
        lethe_learned learned = {0};
        lethe_buffer values;
        lethe_buffer_init(&values, 2u << 20);
        status = lethe_known_learn(dataset, &learned, &values, error);
        lethe_buffer_release(&values);
    }
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_reset(arena);
    return status;
}

static lethe_status run_engine(const inputs *in, const lethe_profile *profile, const char *out, bool digest, double *seconds, lethe_error *error) {
    static const uint8_t key[LETHE_KEY_BYTES] = {7};
    lethe_engine_options options = {.profile = profile, .key = key, .output_folder = out, .skip_sha256 = !digest};
    lethe_engine *engine = NULL;
    lethe_status status = lethe_engine_create(&options, &engine, error);
    double start = now();
    for (size_t i = 0; i < in->count && status == LETHE_OK; i++) {
        static lethe_result result;
        status = lethe_engine_process(engine, in->paths[i], in->paths[i], &result, error);
    }
    *seconds = now() - start;
    lethe_engine_destroy(engine);
    return status;
}

int main(int argc, char **argv) {
    static const char *const names[STAGES] = {"open, read or map, close",
                                              "parse",
                                              "learn what it tells (first pass)",
                                              "rules, texts, dates, edit script, audit's patterns",
                                              "write, audit the output, make visible",
                                              "SHA-256 (manifest only)"};
    lethe_error error = {0};
    lethe_profile *profile = NULL;
    inputs in = {.paths = lethe_alloc_array(MOST_FILES, sizeof *in.paths)};
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (argc != 4 || in.paths == NULL || arena == NULL) return 2;
    char with[4096];
    double at[STAGES] = {0};
    lethe_status status = lethe_profile_load(argv[1], &profile, &error);
    if (status == LETHE_OK) status = lethe_walk(argv[2], take, &in, &error);
    for (int stage = 0; stage < 3; stage++) {
        double start = now();
        for (size_t i = 0; i < in.count && status == LETHE_OK; i++) status = open_and_parse(in.paths[i], arena, stage > 0, stage > 1, &error);
        at[stage] = now() - start;
    }
    double dry = 0, wet = 0, hashed = 0;
    if (status == LETHE_OK) status = run_engine(&in, profile, NULL, false, &dry, &error);
    if (status == LETHE_OK) status = run_engine(&in, profile, argv[3], false, &wet, &error);
    (void)snprintf(with, sizeof with, "%s.digests", argv[3]);
    if (status == LETHE_OK) status = run_engine(&in, profile, with, true, &hashed, &error);
    if (status != LETHE_OK || in.count == 0) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const double spent[STAGES] = {at[0], at[1] - at[0], at[2] - at[1], dry - at[1], wet - dry, hashed - wet};
    double total = at[2] + wet;
    for (int stage = 0; stage < STAGES; stage++) printf("  %-52s %9.1f us/file\n", names[stage], 1e6 * spent[stage] / (double)in.count);
    printf("  %-52s %9.1f us/file (both passes, without SHA-256)\n", "in all", 1e6 * total / (double)in.count);
    for (size_t i = 0; i < in.count; i++) lethe_free(in.paths[i]);
    lethe_free(in.paths);
    lethe_arena_destroy(arena);
    lethe_profile_destroy(profile);
    return 0;
}
