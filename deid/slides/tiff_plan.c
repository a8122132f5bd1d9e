/* Directories of TIFF-based slides: what of an image may stay, by tag, type and count. */
#include "core/buffer.h"
#include "core/limits.h"
#include "core/memory.h"
#include "deid/slides/plan_regions.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/tile_check.h"
#include "imaging/slide/stream_check.h"
#include "imaging/slide/tiff_levels.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Tags that describe pixels (TIFF 6.0, its technical notes, libtiff). Numbers, with the most values that make sense. */
static const lethe_tag_rule image_tags[] = {
    {LETHE_TIFF_SUBFILE_TYPE, 1, 15},
    {255, 1, 3},
    {LETHE_TIFF_WIDTH, 1, INT32_MAX},
    {LETHE_TIFF_HEIGHT, 1, INT32_MAX},
    {LETHE_TIFF_BITS_PER_SAMPLE, 8, 64},
    {LETHE_TIFF_COMPRESSION, 1, 65535},
    {LETHE_TIFF_PHOTOMETRIC, 1, 34892},
    {266, 1, 2}, /* FillOrder */
    {LETHE_TIFF_ORIENTATION, 1, 8},
    {LETHE_TIFF_SAMPLES_PER_PIXEL, 1, 1024},
    {LETHE_TIFF_ROWS_PER_STRIP, 1, 0},
    {LETHE_TIFF_X_RESOLUTION, 1, 0},
    {LETHE_TIFF_Y_RESOLUTION, 1, 0},
    {LETHE_TIFF_PLANAR_CONFIGURATION, 1, 2},
    {LETHE_TIFF_RESOLUTION_UNIT, 1, 3},
    {LETHE_TIFF_PREDICTOR, 1, 3},
    {318, 2, 1}, /* WhitePoint */
    {319, 6, 1}, /* PrimaryChromaticities */
    {LETHE_TIFF_TILE_WIDTH, 1, 65535},
    {LETHE_TIFF_TILE_HEIGHT, 1, 65535},
    {338, 8, 999}, /* ExtraSamples */
    {339, 8, 6},   /* SampleFormat */
    {340, 8, 65535},
    {341, 8, 65535},
    {529, 3, 1}, /* YCbCrCoefficients */
    {LETHE_TIFF_YCBCR_SUBSAMPLING, 2, 4},
    {531, 1, 2},
    {532, 6, 65535}, /* ReferenceBlackWhite */
    {32997, 1, 1},   /* ImageDepth */
    {32998, 1, 1},
};

static bool is_listed(const uint16_t *tags, uint16_t tag) {
    for (; tags && *tags; tags++)
        if (*tags == tag) return true;
    return false;
}

static const lethe_tag_rule *rule_of(const lethe_tag_rule *extra, uint16_t tag) {
    for (size_t i = 0; i < sizeof image_tags / sizeof *image_tags; i++)
        if (image_tags[i].tag == tag) return &image_tags[i];
    for (; extra && extra->tag; extra++)
        if (extra->tag == tag) return extra;
    return NULL;
}

/* A number that no reader expects is no number of the image. */
static bool is_in_range(const lethe_tiff_tree *tree, const lethe_tiff_entry *entry, uint32_t highest) {
    for (uint64_t i = 0; highest && i < entry->count; i++) {
        double value;
        if (!lethe_tiff_entry_double(tree, entry, i, &value) || !(value >= -(double)highest) || value > (double)highest) return false;
    }
    return true;
}

static bool is_number_type(uint16_t type) {
    return type == LETHE_TIFF_SHORT || type == LETHE_TIFF_LONG || type == LETHE_TIFF_RATIONAL || type == LETHE_TIFF_FLOAT ||
           type == LETHE_TIFF_DOUBLE || type == LETHE_TIFF_LONG8 || type == LETHE_TIFF_SLONG || type == LETHE_TIFF_SSHORT ||
           type == LETHE_TIFF_SRATIONAL;
}

/* Eight letters make a rational number, too. */
static bool looks_like_text(const lethe_tiff_entry *entry) {
    if (entry->bytes < 8) return false;
    unsigned letters = 0;
    for (uint64_t i = 0; i < entry->bytes; i++) {
        uint8_t c = entry->value[i];
        if (c < 0x20 || c > 0x7E) return false;
        letters += (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    }
    /* Small numbers have zero bytes; only floating point may look like letters by chance. */
    bool floating = entry->type == LETHE_TIFF_FLOAT || entry->type == LETHE_TIFF_DOUBLE;
    return !floating || letters >= 4;
}

lethe_status lethe_plan_check(lethe_slide_job *job, lethe_error *error) {
    for (const lethe_tiff_directory *d = job->probe->tree->first; d; d = d->next)
        for (uint32_t i = 0; i < d->entry_count; i++)
            for (uint32_t k = 0; k < i; k++)
                if (d->entries[i].tag == d->entries[k].tag)
                    return lethe_fail(error, LETHE_UNSAFE, "tag %u stands twice in directory %u", d->entries[i].tag, d->index);
    return LETHE_OK;
}

static lethe_status remember(lethe_slide_job *job, const lethe_tiff_entry *entry, lethe_error *error) {
    job->result->tags_removed++;
    if (!entry->value || lethe_tiff_type_bytes(entry->type) != 1) return LETHE_OK;
    if (entry->type == LETHE_TIFF_ASCII && entry->bytes <= 97) {
        size_t length = strnlen((const char *)entry->value, (size_t)entry->bytes);
        lethe_status status = lethe_job_removed(job, (const char *)entry->value, length, error);
        if (status != LETHE_OK || length + 1 >= entry->bytes) return status;
    }
    return lethe_job_removed_blob(job, entry->value, entry->bytes, error);
}

/* --- removing --- */

static lethe_status remember_streams(lethe_slide_job *job, const lethe_tiff_directory *directory, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    lethe_tiff_segments segments;
    if (!lethe_tiff_segments_of(directory, &segments)) return LETHE_OK;
    job->result->images_removed++;
    uint64_t step = segments.count / 16 + 1; /* some strips of each picture are enough to find it */
    for (uint64_t i = 0; i < segments.count; i += step) {
        uint64_t offset, bytes;
        if (!lethe_tiff_segment_at(tree, &segments, i, &offset, &bytes)) continue;
        lethe_status status = lethe_job_removed_stream(job, tree->bytes + offset, bytes, error);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

/* Recursion is bounded by the depth of the parsed tree. */
lethe_status lethe_plan_remove(lethe_slide_job *job, const lethe_tiff_directory *directory, const uint16_t *handled, lethe_error *error) {
    job->result->directories_removed++;
    for (uint32_t i = 0; i < directory->entry_count; i++) {
        if (is_listed(handled, directory->entries[i].tag)) continue;
        lethe_status status = remember(job, &directory->entries[i], error);
        if (status != LETHE_OK) return status;
    }
    lethe_status status = remember_streams(job, directory, error);
    return status == LETHE_OK ? lethe_plan_remove_children(job, directory, 0, error) : status;
}

lethe_status lethe_plan_remove_children(lethe_slide_job *job, const lethe_tiff_directory *directory, uint16_t keep_tag, lethe_error *error) {
    for (const lethe_tiff_directory *child = directory->children; child; child = child->next) {
        if (keep_tag && child->parent_tag == keep_tag) continue;
        lethe_status status = lethe_plan_remove(job, child, NULL, error);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

/* --- keeping --- */

enum { RELEASE_BYTES = 8 << 20 };

typedef struct keeper {
    lethe_slide_job *job;
    const lethe_tiff_directory *directory;
    lethe_tiff_draft_directory *out;
    uint64_t compression;
    uint64_t wide, high;    /* of a tile or full strip, in pixels */
    uint64_t raw_bytes;     /* of an uncompressed tile or full strip */
    lethe_plan_boxes boxes; /* regions on this level */
    uint64_t released;      /* end of the part of the source whose pages were given back */
    uint64_t stream;        /* offset of the stream that is looked into */
    lethe_error *error;
} keeper;

static lethe_status store_pieces(keeper *k, const lethe_stream_pieces *pieces, lethe_tiff_segment *segment) {
    lethe_tiff_piece *list = lethe_arena_alloc_array(k->job->arena, pieces->count, sizeof *list);
    if (!list) return lethe_fail(k->error, LETHE_NO_MEMORY, "out of memory");
    segment->bytes = 0;
    for (unsigned i = 0; i < pieces->count; i++) {
        list[i] = (lethe_tiff_piece){.offset = segment->offset + pieces->keep[i].offset, .bytes = pieces->keep[i].size};
        segment->bytes += list[i].bytes;
    }
    segment->pieces = list;
    segment->piece_count = pieces->count;
    k->job->result->tiles_cleaned++;
    return LETHE_OK;
}

/* What a stream drops may be an identifier: remember it. */
static lethe_status remember_dropped(keeper *k, const uint8_t *bytes, uint64_t size, const lethe_stream_pieces *pieces) {
    uint64_t at = 0;
    for (unsigned i = 0; i <= pieces->count; i++) {
        uint64_t until = i < pieces->count ? pieces->keep[i].offset : size;
        lethe_status status = until > at ? lethe_job_removed_blob(k->job, bytes + at, until - at, k->error) : LETHE_OK;
        if (status != LETHE_OK) return status;
        if (i < pieces->count) at = pieces->keep[i].offset + pieces->keep[i].size;
    }
    return LETHE_OK;
}

/* The source is mapped: pages that were looked at would count as memory of ours. They stay in the page cache. */
static void give_back(keeper *k, uint64_t upto) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (upto < k->released) k->released = 0; /* tiles out of order */
    upto &= ~(page - 1);
    if (upto < k->released + RELEASE_BYTES) return;
    (void)madvise((void *)(uintptr_t)(k->job->probe->tree->bytes + k->released), (size_t)(upto - k->released), MADV_DONTNEED);
    k->released = upto;
}

static void on_passed(void *context, size_t offset) {
    keeper *k = context;
    give_back(k, k->stream + offset);
}

static lethe_tile_check check_of(const keeper *k) { return (lethe_tile_check){k->compression, k->wide, k->high, k->raw_bytes, k->directory->index}; }

static lethe_status look_into(keeper *k, lethe_tiff_segment *segment) {
    const uint8_t *bytes = k->job->probe->tree->bytes + segment->offset;
    lethe_stream_pieces pieces = {.passed = on_passed, .passed_context = k};
    const lethe_tile_check check = check_of(k);
    k->stream = segment->offset;
    lethe_status status = lethe_tile_check_one(&check, bytes, segment->bytes, &pieces, k->error);
    if (status != LETHE_OK || pieces.dropped_bytes == 0) return status;
    status = remember_dropped(k, bytes, segment->bytes, &pieces);
    return status == LETHE_OK ? store_pieces(k, &pieces, segment) : status;
}

static uint64_t raw_segment_bytes(const lethe_slide_job *job, const lethe_tiff_directory *d, bool tiled) {
    const lethe_tiff_tree *tree = job->probe->tree;
    uint64_t across = lethe_tiff_uint(tree, d, tiled ? LETHE_TIFF_TILE_WIDTH : LETHE_TIFF_WIDTH, 0),
             height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0);
    uint64_t down = lethe_tiff_uint(tree, d, tiled ? LETHE_TIFF_TILE_HEIGHT : LETHE_TIFF_ROWS_PER_STRIP, height);
    uint64_t samples =
        lethe_tiff_uint(tree, d, LETHE_TIFF_PLANAR_CONFIGURATION, 1) == 2 ? 1 : lethe_tiff_uint(tree, d, LETHE_TIFF_SAMPLES_PER_PIXEL, 1);
    uint64_t bits = lethe_tiff_uint(tree, d, LETHE_TIFF_BITS_PER_SAMPLE, 1);
    if (!tiled && down > height) down = height;
    if (across > 1u << 30 || down > 1u << 30 || samples > 1024 || bits > 64) return UINT64_MAX;
    return (across * samples * bits + 7) / 8 * down;
}

/* How many tiles or strips the image's geometry asks for; more would be a hiding place, fewer a broken image. 0: cannot be. */
static uint64_t expected_segments(const keeper *k, bool tiled) {
    const lethe_tiff_tree *tree = k->job->probe->tree;
    const lethe_tiff_directory *d = k->directory;
    uint64_t width = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0);
    uint64_t across = lethe_tiff_uint(tree, d, tiled ? LETHE_TIFF_TILE_WIDTH : LETHE_TIFF_WIDTH, 0);
    uint64_t down = lethe_tiff_uint(tree, d, tiled ? LETHE_TIFF_TILE_HEIGHT : LETHE_TIFF_ROWS_PER_STRIP, height);
    uint64_t planes =
        lethe_tiff_uint(tree, d, LETHE_TIFF_PLANAR_CONFIGURATION, 1) == 2 ? lethe_tiff_uint(tree, d, LETHE_TIFF_SAMPLES_PER_PIXEL, 1) : 1;
    uint64_t depth = lethe_tiff_uint(tree, d, 32997, 1);
    if (!width || !height || !across || !down || width >= 1u << 31 || height >= 1u << 31 || planes > 1024 || depth != 1) return 0;
    if (down > height) down = height;
    return ((width + across - 1) / across) * ((height + down - 1) / down) * planes;
}

/* The last strip of a plane is as short as the image ends. */
static uint64_t raw_strip_bytes(const keeper *k, uint64_t full_bytes, uint64_t count, uint64_t index) {
    const lethe_tiff_tree *tree = k->job->probe->tree;
    uint64_t height = lethe_tiff_uint(tree, k->directory, LETHE_TIFF_HEIGHT, 0),
             rows = lethe_tiff_uint(tree, k->directory, LETHE_TIFF_ROWS_PER_STRIP, height);
    if (!rows || rows > height) rows = height;
    uint64_t per_plane = rows ? (height + rows - 1) / rows : count, left = height - (per_plane - 1) * rows;
    return rows && index % per_plane == per_plane - 1 && full_bytes != UINT64_MAX ? full_bytes / rows * left : full_bytes;
}

/* The check of a strip that has another size than the others. */
static const lethe_tile_check *later_check(const keeper *k) {
    lethe_tile_check *check = lethe_arena_alloc(k->job->arena, sizeof *check);
    if (check) *check = check_of(k);
    return check;
}

static lethe_status keep_segments(keeper *k) {
    const lethe_tiff_tree *tree = k->job->probe->tree;
    lethe_tiff_segments list;
    if (!lethe_tiff_segments_of(k->directory, &list))
        return lethe_fail(k->error, LETHE_UNSAFE, "directory %u has no usable image data", k->directory->index);
    if (list.count != expected_segments(k, list.tiled))
        return lethe_fail(k->error, LETHE_UNSAFE, "directory %u has %" PRIu64 " tiles or strips, which does not fit its size", k->directory->index,
                          list.count);
    lethe_tiff_segment *segments = lethe_arena_alloc_array(k->job->arena, (size_t)list.count, sizeof *segments);
    if (!segments) return lethe_fail(k->error, LETHE_LIMIT, "directory %u has too many tiles", k->directory->index);
    lethe_status found = lethe_plan_find_boxes(k->job, k->directory, list.tiled, &k->boxes, k->error);
    if (found != LETHE_OK) return found;
    uint64_t planes = lethe_tiff_uint(tree, k->directory, LETHE_TIFF_PLANAR_CONFIGURATION, 1) == 2
                          ? lethe_tiff_uint(tree, k->directory, LETHE_TIFF_SAMPLES_PER_PIXEL, 1)
                          : 1;
    uint64_t full_bytes = raw_segment_bytes(k->job, k->directory, list.tiled);
    uint64_t height = lethe_tiff_uint(tree, k->directory, LETHE_TIFF_HEIGHT, 0);
    k->wide = lethe_tiff_uint(tree, k->directory, list.tiled ? LETHE_TIFF_TILE_WIDTH : LETHE_TIFF_WIDTH, 0);
    k->high = lethe_tiff_uint(tree, k->directory, list.tiled ? LETHE_TIFF_TILE_HEIGHT : LETHE_TIFF_ROWS_PER_STRIP, height);
    if (!list.tiled && k->high > height) k->high = height;
    k->raw_bytes = full_bytes;
    lethe_tile_check *check = lethe_arena_alloc(k->job->arena, sizeof *check);
    if (!check) return lethe_fail(k->error, LETHE_NO_MEMORY, "out of memory");
    *check = check_of(k);
    /* Streams are looked into while they are copied, unless that would change the layout. */
    const bool later = !k->job->look_first && !k->job->region_count && lethe_tile_check_some(check, tree, &list);
    bool *clean = later ? NULL : lethe_arena_alloc_array(k->job->arena, (size_t)list.count, sizeof *clean);
    if (!later && !clean) return lethe_fail(k->error, LETHE_LIMIT, "directory %u has too many tiles", k->directory->index);
    if (!later) lethe_tile_check_all(check, tree, &list, clean);
    uint64_t last_offset = UINT64_MAX, last_bytes = 0;
    for (uint64_t i = 0; i < list.count; i++) {
        if (!lethe_tiff_segment_at(tree, &list, i, &segments[i].offset, &segments[i].bytes))
            return lethe_fail(k->error, LETHE_MALFORMED, "tile %" PRIu64 " of directory %u lies outside the file", i, k->directory->index);
        if (segments[i].bytes == 0) continue;
        k->raw_bytes = list.tiled ? full_bytes : raw_strip_bytes(k, full_bytes, list.count, i);
        bool same = !k->boxes.count && segments[i].offset == last_offset && segments[i].bytes == last_bytes; /* blank tiles are often one */
        last_offset = segments[i].offset;
        last_bytes = segments[i].bytes;
        if (same) {
            segments[i] = segments[i - 1];
            continue;
        }
        lethe_status status = LETHE_OK;
        if (later) segments[i].note = k->raw_bytes == full_bytes ? check : later_check(k);
        if (later && !segments[i].note) return lethe_fail(k->error, LETHE_NO_MEMORY, "out of memory");
        if (!later && !clean[i]) status = look_into(k, &segments[i]);
        if (status == LETHE_OK && k->boxes.count)
            status = list.tiled ? lethe_plan_redact_tile(k->job, k->directory, &k->boxes, i % (list.count / planes), &segments[i], k->error)
                                : lethe_plan_redact_strip(k->job, k->directory, &k->boxes, &segments[i], k->error);
        if (status != LETHE_OK) return status;
        if (!later) give_back(k, last_offset + last_bytes);
    }
    k->job->result->tiles_kept += list.count;
    return lethe_tiff_draft_segments(k->out, list.tiled, segments, list.count, k->error);
}

/* JPEGTables hold quantisation and Huffman tables; anything else in there goes. */
static lethe_status keep_jpeg_tables(keeper *k, const lethe_tiff_entry *entry) {
    lethe_stream_pieces pieces = {0};
    lethe_status status = lethe_jpeg_check(entry->value, (size_t)entry->bytes, &pieces, k->error);
    if (status != LETHE_OK) return status;
    if (pieces.dropped_bytes == 0) return lethe_tiff_draft_keep(k->out, entry, k->error);
    status = remember_dropped(k, entry->value, entry->bytes, &pieces);
    if (status != LETHE_OK) return status;
    uint8_t *clean = lethe_arena_alloc(k->job->arena, (size_t)entry->bytes);
    if (!clean) return lethe_fail(k->error, LETHE_NO_MEMORY, "out of memory");
    size_t used = 0;
    for (unsigned i = 0; i < pieces.count; used += pieces.keep[i].size, i++)
        memcpy(clean + used, entry->value + pieces.keep[i].offset, pieces.keep[i].size);
    return lethe_tiff_draft_raw(k->out, entry->tag, LETHE_TIFF_UNDEFINED, used, clean, k->error);
}

static lethe_status keep_icc(keeper *k, const lethe_tiff_entry *entry) {
    const uint8_t *clean;
    size_t size;
    lethe_status status = lethe_icc_clean(k->job, entry->value, (size_t)entry->bytes, &clean, &size, k->error);
    return status == LETHE_OK ? lethe_tiff_draft_raw(k->out, entry->tag, LETHE_TIFF_UNDEFINED, size, clean, k->error) : status;
}

/* 2^32 - 1 stands for "all in one" (TIFF 6.0). */
static bool is_row_count(const lethe_tiff_tree *tree, const lethe_tiff_entry *entry) {
    uint64_t rows;
    return lethe_tiff_entry_uint(tree, entry, 0, &rows) && (rows <= 1u << 24 || rows == UINT32_MAX);
}

/* Colours of 8 bits, as everybody writes them: repeated, or with a lower half of zeros. Only images of indexed colours have any. */
static bool is_palette(const keeper *k, const lethe_tiff_entry *entry) {
    bool repeated = true, upper = true;
    if (lethe_tiff_uint(k->job->probe->tree, k->directory, LETHE_TIFF_PHOTOMETRIC, 0) != 3) return false;
    for (uint64_t i = 0; i < entry->count; i++) {
        uint64_t value = 0;
        if (!entry->value || !lethe_tiff_entry_uint(k->job->probe->tree, entry, i, &value)) return false;
        repeated &= (value & 0xFF) == value >> 8;
        upper &= (value & 0xFF) == 0;
    }
    return repeated || upper;
}

static bool is_structure(uint16_t tag) {
    return tag == LETHE_TIFF_TILE_OFFSETS || tag == LETHE_TIFF_TILE_BYTE_COUNTS || tag == LETHE_TIFF_STRIP_OFFSETS ||
           tag == LETHE_TIFF_STRIP_BYTE_COUNTS || tag == LETHE_TIFF_SUB_IFDS;
}

static lethe_status keep_tag(keeper *k, const lethe_tiff_entry *entry, const lethe_tag_rule *extra) {
    lethe_status status;
    if (entry->tag == LETHE_TIFF_JPEG_TABLES && entry->value && k->compression == LETHE_TIFF_JPEG) status = keep_jpeg_tables(k, entry);
    else if (entry->tag == LETHE_TIFF_ICC_PROFILE && entry->value) status = keep_icc(k, entry);
    else {
        const lethe_tag_rule *rule = rule_of(extra, entry->tag);
        bool palette = entry->tag == 320 && entry->type == LETHE_TIFF_SHORT && entry->count == 768 && is_palette(k, entry);
        bool fits = (rule && entry->count <= rule->count && is_number_type(entry->type) && entry->value) || palette;
        if (fits && entry->tag == LETHE_TIFF_ROWS_PER_STRIP && !is_row_count(k->job->probe->tree, entry))
            return lethe_fail(k->error, LETHE_UNSAFE, "rows per strip of directory %u are no number of rows", k->directory->index);
        if (fits && !palette && !is_in_range(k->job->probe->tree, entry, rule->highest))
            return lethe_fail(k->error, LETHE_UNSAFE, "tag %u in directory %u has a value that means nothing", entry->tag, k->directory->index);
        if (fits && looks_like_text(entry))
            return lethe_fail(k->error, LETHE_UNSAFE, "number of tag %u in directory %u is written text", entry->tag, k->directory->index);
        if (entry->tag == 320 && !palette && lethe_tiff_uint(k->job->probe->tree, k->directory, LETHE_TIFF_PHOTOMETRIC, 0) == 3)
            return lethe_fail(k->error, LETHE_UNSAFE, "the colours of directory %u are no palette of 8 bits", k->directory->index);
        if (!fits) return remember(k->job, entry, k->error);
        status = lethe_tiff_draft_keep(k->out, entry, k->error);
    }
    if (status == LETHE_OK) k->job->result->tags_kept++;
    return status;
}

lethe_status lethe_plan_keep(lethe_slide_job *job, const lethe_tiff_directory *directory, lethe_tiff_draft_directory *parent,
                             const lethe_tag_rule *extra, const uint16_t *handled, lethe_tiff_draft_directory **out, lethe_error *error) {
    keeper k = {.job = job, .directory = directory, .error = error};
    k.out = lethe_tiff_draft_add(job->draft, parent);
    if (!k.out) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    size_t number = lethe_tiff_draft_count(job->draft) - 1;
    if (job->out_maps && number < job->out_map_count) job->out_maps[number] = job->level_map;
    job->strip_moved = NULL;
    if (out) *out = k.out;
    k.compression = lethe_tiff_uint(job->probe->tree, directory, LETHE_TIFF_COMPRESSION, LETHE_TIFF_NONE);
    for (uint32_t i = 0; i < directory->entry_count; i++) {
        const lethe_tiff_entry *entry = &directory->entries[i];
        if (is_structure(entry->tag) || is_listed(handled, entry->tag)) continue;
        lethe_status status = keep_tag(&k, entry, extra);
        if (status != LETHE_OK) return status;
    }
    return keep_segments(&k);
}

/* --- pictures of our own --- */

/* A directory of one strip that waits in memory. */
static lethe_status plan_strip(lethe_slide_job *job, const lethe_image *rgba, const uint8_t *bytes, size_t size, bool jpeg,
                               lethe_tiff_draft_directory **out, lethe_error *error) {
    lethe_tiff_segment *segment = lethe_arena_alloc(job->arena, sizeof *segment);
    lethe_tiff_piece *piece = lethe_arena_alloc(job->arena, sizeof *piece);
    lethe_tiff_draft_directory *d = lethe_tiff_draft_add(job->draft, NULL);
    if (!segment || !piece || !d) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    *piece = (lethe_tiff_piece){.memory = bytes, .bytes = size};
    *segment = (lethe_tiff_segment){.bytes = piece->bytes, .pieces = piece, .piece_count = 1};
    const struct {
        uint16_t tag, type;
        uint64_t value;
    } tags[] = {{LETHE_TIFF_WIDTH, LETHE_TIFF_LONG, rgba->columns},
                {LETHE_TIFF_HEIGHT, LETHE_TIFF_LONG, rgba->rows},
                {LETHE_TIFF_COMPRESSION, LETHE_TIFF_SHORT, jpeg ? LETHE_TIFF_JPEG : LETHE_TIFF_NONE},
                {LETHE_TIFF_PHOTOMETRIC, LETHE_TIFF_SHORT, jpeg ? 6 : 2},
                {LETHE_TIFF_SAMPLES_PER_PIXEL, LETHE_TIFF_SHORT, 3},
                {LETHE_TIFF_ROWS_PER_STRIP, LETHE_TIFF_LONG, rgba->rows},
                {LETHE_TIFF_PLANAR_CONFIGURATION, LETHE_TIFF_SHORT, 1}};
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < sizeof tags / sizeof *tags; i++)
        status = lethe_tiff_draft_uint(d, tags[i].tag, tags[i].type, tags[i].value, error);
    static const uint8_t bits_little[] = {8, 0, 8, 0, 8, 0}, bits_big[] = {0, 8, 0, 8, 0, 8};
    if (status == LETHE_OK)
        status =
            lethe_tiff_draft_raw(d, LETHE_TIFF_BITS_PER_SAMPLE, LETHE_TIFF_SHORT, 3, job->probe->tree->big_endian ? bits_big : bits_little, error);
    if (status == LETHE_OK) status = lethe_tiff_draft_segments(d, false, segment, 1, error);
    job->made_images++;
    *out = d;
    return status;
}

lethe_status lethe_plan_jpeg_picture(lethe_slide_job *job, const lethe_image *rgba, lethe_tiff_draft_directory **out, lethe_error *error) {
    enum { QUALITY = 95 };
    lethe_buffer stream;
    lethe_buffer_init(&stream, LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = lethe_jpeg_encode(rgba, QUALITY, &stream, error);
    uint8_t *copy = status == LETHE_OK ? lethe_arena_alloc(job->arena, stream.size) : NULL;
    if (status == LETHE_OK && !copy) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) {
        memcpy(copy, stream.bytes, stream.size);
        status = plan_strip(job, rgba, copy, stream.size, true, out, error);
    }
    lethe_buffer_release(&stream);
    return status;
}

lethe_status lethe_plan_picture(lethe_slide_job *job, const lethe_image *rgba, lethe_tiff_draft_directory **out, lethe_error *error) {
    size_t pixels = (size_t)rgba->columns * rgba->rows;
    uint8_t *rgb = lethe_arena_alloc(job->arena, pixels * 3);
    if (!rgb) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < pixels; i++) memcpy(rgb + 3 * i, rgba->pixels + 4 * i, 3);
    return plan_strip(job, rgba, rgb, pixels * 3, false, out, error);
}
