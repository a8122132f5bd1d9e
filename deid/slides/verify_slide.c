/* A released slide on its own: what de-identification would still take away must be nothing, and every byte must be accounted for. */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/verify.h"

#include <inttypes.h>
#include <string.h>

/* Pictures that Lethe itself puts in: the label with the pseudonym, and the black place-holder of a BIF label. */
static bool is_own_picture(const lethe_tiff_tree *tree, const lethe_tiff_directory *d) {
    lethe_tiff_segments list;
    uint64_t offset, bytes, width = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0);
    const char *text = lethe_tiff_text(tree, d, LETHE_TIFF_IMAGE_DESCRIPTION);
    bool strip = lethe_tiff_uint(tree, d, LETHE_TIFF_COMPRESSION, 0) == LETHE_TIFF_NONE && lethe_tiff_segments_of(d, &list) && !list.tiled &&
                 list.count == 1 && lethe_tiff_segment_at(tree, &list, 0, &offset, &bytes) && bytes == width * height * 3;
    if (!strip || !text) return false;
    const uint8_t *pixels = tree->bytes + offset;
    if (width == 16 && height == 16 && strcmp(text, "Label Image") == 0) {
        for (uint64_t i = 0; i < bytes; i++)
            if (pixels[i]) return false;
        return true;
    }
    if (width != 400 || height != 400 || !lethe_text_ends(text, "\r\nlabel 400x400")) return false;
    for (uint64_t i = 0; i < bytes; i++) /* black on white, nothing between: no photograph */
        if (pixels[i] != 0 && pixels[i] != 255) return false;
    return true;
}

static lethe_status judge(const lethe_slide_result *found, uint64_t own, lethe_error *error) {
    if (found->removed_count) return lethe_fail(error, LETHE_UNSAFE, "the slide still holds %zu values that no rule allows", found->removed_count);
    if (found->keys_removed)
        return lethe_fail(error, LETHE_UNSAFE, "the slide still holds %" PRIu64 " keys that no rule allows", found->keys_removed);
    if (found->tiles_cleaned) return lethe_fail(error, LETHE_UNSAFE, "%" PRIu64 " tiles carry more than pixels", found->tiles_cleaned);
    if (found->directories_removed != own) return lethe_fail(error, LETHE_UNSAFE, "the slide still holds pictures that are no level");
    return LETHE_OK;
}

static lethe_status verify_tree(const lethe_slide_probe *probe, const lethe_slide_rules *rules, lethe_verify_report *report, lethe_error *error) {
    lethe_slide_result found = {0};
    const lethe_slide_options options = {.allow_missing_label = true, .thumbnail = LETHE_SLIDE_THUMBNAIL_KEEP};
    lethe_slide_job job = {.options = &options, .format = rules, .probe = probe, .result = &found};
    uint64_t own = 0;
    for (const lethe_tiff_directory *d = probe->tree->first; d; d = d->next) own += is_own_picture(probe->tree, d);
    job.arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = job.arena ? lethe_search_create(&job.search, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK && !(job.draft = lethe_tiff_draft_create(probe->tree, job.arena)))
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_plan_check(&job, error);
    if (status == LETHE_OK) status = rules->plan(&job, error);
    if (status == LETHE_OK) status = judge(&found, own, error);
    const lethe_verify_options how = {.format = rules->name};
    if (status == LETHE_OK) status = lethe_verify_tiff(probe->map.bytes, probe->map.size, &how, report, error);
    lethe_search_destroy(job.search);
    lethe_arena_destroy(job.arena);
    lethe_slide_result_release(&found);
    return status;
}

static lethe_status verify_folder(const char *path, lethe_error *error) {
    lethe_search *nothing = NULL;
    char *folder = lethe_strndup(path, strlen(path) - strlen(".mrxs"));
    lethe_status status = folder ? lethe_search_create(&nothing, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_verify_mirax(folder, folder, nothing, error);
    lethe_search_destroy(nothing);
    lethe_free(folder);
    return status;
}

lethe_status lethe_slide_verify(const char *path, lethe_verify_report *report, lethe_error *error) {
    lethe_slide_probe probe;
    *report = (lethe_verify_report){0};
    lethe_status status = lethe_slide_probe_open(path, &probe, error);
    if (status != LETHE_OK) return status;
    const char *name = lethe_slide_probe_format(&probe);
    const lethe_slide_rules *rules = NULL;
    for (size_t i = 0; name && lethe_slide_registry[i]; i++)
        if (strcmp(lethe_slide_registry[i]->name, name) == 0) rules = lethe_slide_registry[i];
    if (!rules) status = lethe_fail(error, LETHE_UNSUPPORTED, "not a slide of a known format");
    else if (probe.broken_tiff) status = lethe_fail(error, LETHE_UNSAFE, "%s", probe.tiff_error.message);
    else if (rules->refusal) status = lethe_fail(error, LETHE_UNSAFE, "%s", rules->refusal);
    else if (rules->write) status = verify_folder(path, error);
    else status = verify_tree(&probe, rules, report, error);
    lethe_slide_probe_close(&probe);
    return status;
}
