/* Hamamatsu NDPI. The magnification of each directory tells its role: above 0 a level or focal plane, -1 the macro photograph of the whole slide with
 * its label, -2 the map of what was scanned. There is no label image of its own: the macro is it. */
#include "core/memory.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/strip.h"
#include "imaging/slide/tiff_levels.h"

#include <string.h>

static const lethe_tag_rule extra_tags[] = {
    {LETHE_NDPI_FORMAT_FLAG, 1, 255}, {LETHE_NDPI_SOURCE_LENS, 1, 1000}, {65422, 1, 0}, {65423, 1, 0}, {65424, 1, 0}, {0, 0, 0}};
static const lethe_typed_rule words[] = {
    {"make", LETHE_TYPED_WORD, "Hamamatsu"},
    {"model", LETHE_TYPED_WORD,
     "NanoZoomer|NanoZoomer HT|NanoZoomer-HT|NanoZoomer-XR|NanoZoomer S210|NanoZoomer "
     "S360|C9600-02|C9600-12|C10730-12|C10730-13|C12000|C13140-01|C13210-01|C13220-01"},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule *const vocabulary[] = {words, NULL};
static const uint16_t handled[] = {LETHE_TIFF_MAKE, LETHE_TIFF_MODEL, LETHE_NDPI_MCU_STARTS, LETHE_NDPI_MCU_STARTS_HIGH, 0};

static lethe_status keep_word(lethe_slide_job *job, const lethe_tiff_directory *d, lethe_tiff_draft_directory *out, uint16_t tag, const char *allowed,
                              lethe_error *error) {
    const char *text = lethe_tiff_text(job->probe->tree, d, tag);
    if (!text) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!*text) return LETHE_OK;
    if (lethe_typed_fits(LETHE_TYPED_WORD, allowed, text, strlen(text))) return lethe_tiff_draft_text(out, tag, text, error);
    job->result->tags_removed++;
    return lethe_job_removed(job, text, strlen(text), error);
}

/* --- restart offsets --- */

/* Where each restart interval of the level's stream begins, as the tags tell. False when one is no such place: the first stands behind the scan's
 * header, the others behind a restart marker; a free number would be a hiding place, and readers do not trust these tags either. */
static bool read_starts(const lethe_tiff_tree *tree, const lethe_tiff_entry *low, const lethe_tiff_entry *high, const uint8_t *stream, uint64_t size,
                        uint64_t *starts) {
    for (uint64_t i = 0; i < low->count; i++) {
        uint64_t value = 0, upper = 0;
        if (!lethe_tiff_entry_uint(tree, low, i, &value) || (high && !lethe_tiff_entry_uint(tree, high, i, &upper))) return false;
        value |= upper << 32;
        if (value < 2 || value >= size || (i && value <= starts[i - 1])) return false;
        bool marked = stream[value - 2] == 0xFF && stream[value - 1] >= 0xD0 && stream[value - 1] <= 0xD7;
        if (i ? !marked : value != lethe_strip_scan_end(stream, (size_t)size)) return false;
        starts[i] = value;
    }
    return true;
}

static lethe_status write_starts(lethe_slide_job *job, lethe_tiff_draft_directory *out, const uint64_t *starts, uint64_t dropped, uint64_t count,
                                 bool wide, lethe_error *error) {
    uint8_t *lows = lethe_arena_alloc_array(job->arena, (size_t)count, 4), *highs = lethe_arena_alloc_array(job->arena, (size_t)count, 4);
    if (!lows || !highs) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = starts[i] - dropped;
        wide |= value > UINT32_MAX;
        for (unsigned b = 0; b < 4; b++) {
            lows[4 * i + b] = (uint8_t)(value >> 8 * b);
            highs[4 * i + b] = (uint8_t)(value >> (32 + 8 * b));
        }
    }
    lethe_status status = lethe_tiff_draft_raw(out, LETHE_NDPI_MCU_STARTS, LETHE_TIFF_LONG, count, lows, error);
    if (status == LETHE_OK && wide) status = lethe_tiff_draft_raw(out, LETHE_NDPI_MCU_STARTS_HIGH, LETHE_TIFF_LONG, count, highs, error);
    return status;
}

/* The places of restart intervals, moved by the `dropped` bytes that the stream's head got shorter. Where the tags tell others than the stream, they
 * are written from the stream; where that cannot be (another number of intervals, an unusual stream), they go: readers then look for the markers. */
static lethe_status keep_mcu_starts(lethe_slide_job *job, const lethe_tiff_directory *d, lethe_tiff_draft_directory *out, uint64_t original,
                                    uint64_t dropped, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    const lethe_tiff_entry *low = lethe_tiff_find(d, LETHE_NDPI_MCU_STARTS), *high = lethe_tiff_find(d, LETHE_NDPI_MCU_STARTS_HIGH);
    if (!low) return LETHE_OK;
    if (low->type != LETHE_TIFF_LONG || (high && (high->type != LETHE_TIFF_LONG || high->count != low->count)) || !low->count)
        return lethe_fail(error, LETHE_UNSAFE, "restart offsets of directory %u are of a wrong type", d->index);
    const uint64_t offset = lethe_tiff_uint(tree, d, LETHE_TIFF_STRIP_OFFSETS, 0);
    if (job->strip_moved && job->strip_start_count == low->count) return write_starts(job, out, job->strip_moved, 0, low->count, high != NULL, error);
    uint64_t *starts = lethe_arena_alloc_array(job->arena, (size_t)low->count, sizeof *starts);
    if (!starts) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!job->strip_moved && read_starts(tree, low, high, tree->bytes + offset, original, starts))
        return write_starts(job, out, starts, dropped, low->count, high != NULL, error);
    lethe_strip strip;
    if (!job->strip_moved &&
        lethe_strip_parse(tree->bytes + offset, (size_t)original, lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0),
                          lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0), job->arena, &strip, NULL) == LETHE_OK &&
        strip.interval_count == low->count)
        return write_starts(job, out, strip.starts, dropped, low->count, high != NULL, error);
    job->result->tags_removed += high ? 2 : 1;
    return LETHE_OK;
}

/* Levels and focal planes are smaller copies of the widest one. */
static lethe_status place_level(lethe_slide_job *job, const lethe_tiff_directory *d, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    job->level_map = NULL;
    if (!job->region_count) return LETHE_OK;
    uint64_t width0 = 0, height0 = 0, width = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0);
    for (const lethe_tiff_directory *other = tree->first; other; other = other->next)
        if (lethe_tiff_double(tree, other, LETHE_NDPI_SOURCE_LENS, 0) > 0 && lethe_tiff_uint(tree, other, LETHE_TIFF_WIDTH, 0) > width0) {
            width0 = lethe_tiff_uint(tree, other, LETHE_TIFF_WIDTH, 0);
            height0 = lethe_tiff_uint(tree, other, LETHE_TIFF_HEIGHT, 0);
        }
    if (!lethe_tiff_is_scaled(width0, height0, width, height, 16) || width > INT32_MAX || height > INT32_MAX)
        return lethe_fail(error, LETHE_UNSAFE, "directory %u is no smaller copy of the first one: regions cannot be placed", d->index);
    lethe_level_part *part = lethe_arena_alloc(job->arena, sizeof *part);
    lethe_level_map *map = lethe_arena_alloc(job->arena, sizeof *map);
    if (!part || !map) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    *part = (lethe_level_part){
        .box = {0, 0, (int64_t)width, (int64_t)height}, .across_l0 = (double)width0 / (double)width, .down_l0 = (double)height0 / (double)height};
    *map = (lethe_level_map){part, 1};
    job->level_map = map;
    return LETHE_OK;
}

static lethe_status keep_level(lethe_slide_job *job, const lethe_tiff_directory *d, lethe_error *error) {
    lethe_tiff_draft_directory *out;
    lethe_status status = place_level(job, d, error);
    if (status == LETHE_OK) status = lethe_plan_keep(job, d, NULL, extra_tags, handled, &out, error);
    if (status == LETHE_OK) status = lethe_plan_remove_children(job, d, 0, error);
    if (status == LETHE_OK) status = keep_word(job, d, out, LETHE_TIFF_MAKE, words[0].words, error);
    if (status == LETHE_OK) status = keep_word(job, d, out, LETHE_TIFF_MODEL, words[1].words, error);
    if (status != LETHE_OK) return status;
    lethe_tiff_segment *segments;
    uint64_t count;
    lethe_tiff_draft_segments_of(out, &segments, &count);
    if (count != 1)
        return lethe_tiff_find(d, LETHE_NDPI_MCU_STARTS) ? lethe_fail(error, LETHE_UNSAFE, "directory %u has several strips", d->index) : LETHE_OK;
    uint64_t original = lethe_tiff_uint(job->probe->tree, d, LETHE_TIFF_STRIP_BYTE_COUNTS, 0), dropped = 0;
    /* Only what went out of the stream's head moves the restart intervals. */
    if (segments->pieces && !job->strip_moved) {
        dropped = original - segments->bytes;
        const lethe_tiff_piece *last = &segments->pieces[segments->piece_count - 1];
        dropped -= segments->offset + original - (last->offset + last->bytes);
    }
    return keep_mcu_starts(job, d, out, original, dropped, error);
}

static lethe_status add_macro(lethe_slide_job *job, lethe_error *error) {
    static const uint8_t minus_one[4] = {0x00, 0x00, 0x80, 0xBF}; /* NDPI is little-endian */
    lethe_tiff_draft_directory *out;
    job->macro_as_jpeg = true;
    lethe_status status = lethe_macro_blackout(job, &out, error);
    if (status != LETHE_OK || !out) return status;
    job->made_last = 1;
    status = lethe_tiff_draft_uint(out, LETHE_NDPI_FORMAT_FLAG, LETHE_TIFF_LONG, 1, error);
    return status == LETHE_OK ? lethe_tiff_draft_raw(out, LETHE_NDPI_SOURCE_LENS, LETHE_TIFF_FLOAT, 1, minus_one, error) : status;
}

static lethe_status plan(lethe_slide_job *job, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    lethe_status status = LETHE_OK;
    for (const lethe_tiff_directory *d = tree->first; status == LETHE_OK && d; d = d->next) {
        double lens = lethe_tiff_double(tree, d, LETHE_NDPI_SOURCE_LENS, 0);
        if (lens > 0) {
            status = keep_level(job, d, error);
            continue;
        }
        if (lens != -1 && lens != -2) return lethe_fail(error, LETHE_UNSAFE, "directory %u has no known magnification", d->index);
        job->label_found |= lens == -1;
        status = lethe_plan_remove(job, d, NULL, error);
    }
    return status == LETHE_OK ? add_macro(job, error) : status;
}

const lethe_slide_rules lethe_slide_hamamatsu = {
    .name = "hamamatsu", .extension = ".ndpi", .has_label_always = true, .has_placed_levels = true, .plan = plan, .vocabulary = vocabulary};
