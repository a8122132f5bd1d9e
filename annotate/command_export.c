/* lethe export: a snapshot as files. */
#include "annotate/commands.h"

#include "annotate/snapshot.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

enum { MOST_FORMATS = 32 };

/* "coco,png" -> formats. */
static int parse_formats(lethe_command *c, const char *list, const lethe_format *formats[MOST_FORMATS], size_t *count) {
    *count = 0;
    for (const char *at = list; *at != '\0';) {
        char name[32];
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof name) return lethe_command_usage(c, "'%s' is not a list of formats", list);
        memcpy(name, at, length);
        name[length] = '\0';
        const lethe_format *format = lethe_format_find(name);
        if (format == NULL || format->write == NULL || *count == MOST_FORMATS) return lethe_command_usage(c, "'%s' is not an export format", name);
        formats[(*count)++] = format;
        at += length + (at[length] == ',');
    }
    return 0;
}

static lethe_status run_export(lethe_command *c, const char *snapshot, const lethe_format *const *formats, size_t count, const char *out,
                               const lethe_dataset_options *options, lethe_error *error) {
    lethe_image_index *index = NULL;
    lethe_dataset *dataset = NULL;
    lethe_package *package = NULL;
    int64_t id = 0;
    lethe_status status = lethe_command_open(c, error);
    if (status == LETHE_OK) status = lethe_snapshot_find(c->store, snapshot, &id, error);
    if (status == LETHE_OK) status = lethe_image_index_load(lethe_store_catalogue(c->store), &index, error);
    if (status == LETHE_OK) status = lethe_dataset_load(c->store, c->project->released_path, index, id, options, &dataset, error);
    if (status == LETHE_OK) status = lethe_package_create(out, &package, error);
    if (status == LETHE_OK) dataset->package = package;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = formats[i]->write(dataset, error);
    if (status == LETHE_OK) status = lethe_package_finish(package, error);
    if (status == LETHE_OK) {
        size_t files;
        (void)lethe_package_files(package, &files);
        (void)printf(c->json ? "{\"files\":%zu,\"annotations\":%zu}\n" : "%zu files, %zu annotations\n", files, dataset->labels->count);
    }
    lethe_package_destroy(package);
    lethe_dataset_destroy(dataset);
    lethe_image_index_destroy(index);
    return status;
}

int lethe_command_export(lethe_command *c) {
    const char *snapshot = lethe_command_option(c, "--snapshot"), *list = lethe_command_option(c, "--format"), *out = lethe_command_option(c, "-o");
    lethe_dataset_options options = {.author = lethe_command_option(c, "--author"), .keep_empty_frames = lethe_command_flag(c, "--keep-empty-frames")};
    const lethe_format *formats[MOST_FORMATS];
    lethe_error error = {0};
    size_t count = 0;
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (snapshot == NULL || list == NULL || out == NULL || out[0] == '\0') return lethe_command_usage(c, "--snapshot N --format FORMAT[,FORMAT] -o FOLDER are needed");
    left = parse_formats(c, list, formats, &count);
    if (left != 0) return left;
    return run_export(c, snapshot, formats, count, out, &options, &error) == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}
