/* A released slide on its own: what de-identification would still take away must be nothing, and every byte must be accounted for. */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/verify.h"
#include "imaging/slide/source.h"
#include "imaging/slide/stream_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Pictures that Lethe itself puts in: the label with the pseudonym, the macro without its label, the black place-holder of a BIF label. */
typedef struct own_picture {
    const uint8_t *rgb;
    uint64_t width, height, bytes;
    const char *text; /* the directory's description */
} own_picture;

/* The macro of an NDPI: one JPEG stream that holds pixels only, decoded into the tree's arena. */
static bool is_jpeg_picture(const lethe_tiff_tree *tree, const lethe_tiff_directory *d, own_picture *out) {
    lethe_tiff_segments list;
    uint64_t offset = 0, bytes = 0;
    lethe_stream_pieces pieces = {0};
    lethe_image rgba = {0};
    if (!out->width || out->width > 8192 || !out->height || out->height > 8192 || !out->text || lethe_tiff_find(d, LETHE_TIFF_JPEG_TABLES) ||
        !lethe_tiff_segments_of(d, &list) || list.tiled || list.count != 1 || !lethe_tiff_segment_at(tree, &list, 0, &offset, &bytes) || !bytes)
        return false;
    const lethe_jpeg_hint hint = {.rgb = lethe_tiff_uint(tree, d, LETHE_TIFF_PHOTOMETRIC, 6) == 2};
    if (lethe_jpeg_check(tree->bytes + offset, (size_t)bytes, &pieces, NULL) != LETHE_OK || pieces.dropped_bytes) return false;
    if (lethe_slide_white((uint32_t)out->width, (uint32_t)out->height, &rgba, NULL) != LETHE_OK) return false;
    out->bytes = out->width * out->height * 3;
    uint8_t *rgb = lethe_arena_alloc(tree->arena, (size_t)out->bytes);
    bool read = rgb && lethe_jpeg_tile_decode(tree->bytes + offset, (size_t)bytes, &hint, &rgba, NULL) == LETHE_OK;
    for (size_t i = 0; read && i < (size_t)(out->width * out->height); i++) memcpy(rgb + 3 * i, rgba.pixels + 4 * i, 3);
    lethe_image_release(&rgba);
    out->rgb = rgb;
    return read;
}

static bool is_plain_picture(const lethe_tiff_tree *tree, const lethe_tiff_directory *d, own_picture *out) {
    lethe_tiff_segments list;
    uint64_t offset = 0;
    *out = (own_picture){.width = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0),
                         .height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0),
                         .text = lethe_tiff_text(tree, d, LETHE_TIFF_IMAGE_DESCRIPTION)};
    bool strip = lethe_tiff_uint(tree, d, LETHE_TIFF_COMPRESSION, 0) == LETHE_TIFF_NONE && lethe_tiff_segments_of(d, &list) && !list.tiled &&
                 list.count == 1 && lethe_tiff_segment_at(tree, &list, 0, &offset, &out->bytes);
    out->rgb = tree->bytes + offset;
    bool ndpi_macro = tree->ndpi && lethe_tiff_double(tree, d, LETHE_NDPI_SOURCE_LENS, 0) < 0;
    if (ndpi_macro && lethe_tiff_uint(tree, d, LETHE_TIFF_COMPRESSION, 0) == LETHE_TIFF_JPEG) return is_jpeg_picture(tree, d, out);
    return strip && out->text && out->width && out->width <= 8192 && out->height && out->height <= 8192 && out->bytes == out->width * out->height * 3;
}

static bool is_black(const own_picture *p) {
    for (uint64_t i = 0; i < p->bytes; i++)
        if (p->rgb[i]) return false;
    return true;
}

/* Black on white, nothing between: no photograph. */
static bool is_drawn(const own_picture *p) {
    for (uint64_t i = 0; i < p->bytes; i++)
        if (p->rgb[i] != 0 && p->rgb[i] != 255) return false;
    return p->width == 400 && p->height == 400;
}

static bool is_own_picture(const lethe_tiff_tree *tree, const lethe_tiff_directory *d, const char *format) {
    own_picture p;
    if (!is_plain_picture(tree, d, &p)) return false;
    if (strcmp(format, "ventana") == 0)
        return strcmp(p.text, "Label Image") == 0 && ((p.width == 16 && p.height == 16 && is_black(&p)) || is_drawn(&p));
    char macro[64];
    (void)snprintf(macro, sizeof macro, "\nmacro %ux%u", (unsigned)p.width, (unsigned)p.height);
    bool aperio = strcmp(format, "aperio") == 0, philips = strcmp(format, "philips") == 0;
    if ((aperio && lethe_text_ends(p.text, "\nlabel 400x400")) || (philips && strcmp(p.text, "Label") == 0)) return is_drawn(&p);
    bool is_macro = (aperio && lethe_text_ends(p.text, macro)) || (philips && strcmp(p.text, "Macro") == 0) ||
                    (strcmp(format, "hamamatsu") == 0 && lethe_tiff_double(tree, d, LETHE_NDPI_SOURCE_LENS, 0) == -1);
    return is_macro && 2 * p.width >= 3 * p.height && lethe_macro_is_black(p.rgb, (uint32_t)p.width, (uint32_t)p.height);
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
    for (const lethe_tiff_directory *d = probe->tree->first; d; d = d->next) own += is_own_picture(probe->tree, d, rules->name);
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
    if (status == LETHE_OK) status = lethe_verify_mirax(folder, folder, nothing, NULL, error);
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
