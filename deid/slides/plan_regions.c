#include "deid/slides/plan_regions.h"

#include "core/buffer.h"
#include "core/limits.h"
#include "deid/slides/strip.h"
#include "imaging/slide/tiff_levels.h"

#include <string.h>

static int64_t number(const lethe_tiff_tree *tree, const lethe_tiff_directory *d, uint16_t tag, uint64_t fallback) {
    uint64_t value = lethe_tiff_uint(tree, d, tag, fallback);
    return value > INT32_MAX ? INT32_MAX : (int64_t)value;
}

/* --- which pixels --- */

static lethe_status make_room(lethe_slide_job *job, size_t parts, lethe_plan_boxes *boxes, lethe_error *error) {
    size_t room = 0;
    if (__builtin_mul_overflow(parts, job->region_count, &room)) return lethe_fail(error, LETHE_LIMIT, "too many regions");
    boxes->list = lethe_arena_alloc_array(job->arena, room, sizeof *boxes->list);
    boxes->near = lethe_arena_alloc_array(job->arena, room, sizeof *boxes->near);
    return boxes->list && boxes->near ? LETHE_OK : lethe_fail(error, LETHE_LIMIT, "too many regions");
}

static lethe_status find_by_map(lethe_slide_job *job, lethe_plan_boxes *boxes, lethe_error *error) {
    const lethe_level_map *map = job->level_map;
    size_t touched = 0;
    lethe_level_box box;
    for (size_t p = 0; p < map->count; p++)
        for (size_t i = 0; i < job->region_count; i++) touched += lethe_region_on_part(&job->regions[i], &map->parts[p], &box);
    if (!touched) return LETHE_OK;
    boxes->list = lethe_arena_alloc_array(job->arena, touched, sizeof box);
    boxes->near = lethe_arena_alloc_array(job->arena, touched, sizeof box);
    if (!boxes->list || !boxes->near) return lethe_fail(error, LETHE_LIMIT, "too many regions");
    for (size_t p = 0; p < map->count; p++)
        for (size_t i = 0; i < job->region_count; i++)
            if (lethe_region_on_part(&job->regions[i], &map->parts[p], &box)) boxes->list[boxes->count++] = box;
    return LETHE_OK;
}

static lethe_status find_on_copy(lethe_slide_job *job, const lethe_tiff_directory *directory, bool tiled, lethe_plan_boxes *boxes,
                                 lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    int64_t width0 = number(tree, tree->first, LETHE_TIFF_WIDTH, 0), height0 = number(tree, tree->first, LETHE_TIFF_HEIGHT, 0);
    int64_t width = number(tree, directory, LETHE_TIFF_WIDTH, 0), height = number(tree, directory, LETHE_TIFF_HEIGHT, 0);
    bool philips = strcmp(job->format->name, "philips") == 0;
    lethe_status status = make_room(job, 1, boxes, error);
    for (size_t i = 0; status == LETHE_OK && i < job->region_count; i++)
        if (lethe_region_on_level(&job->regions[i], width0, height0, width, height, philips, &boxes->list[boxes->count])) boxes->count++;
    if (status != LETHE_OK || !boxes->count) return status;
    if (!tiled) return lethe_fail(error, LETHE_UNSAFE, "directory %u is not tiled: regions cannot be blacked out", directory->index);
    uint64_t tile = lethe_tiff_uint(tree, directory, LETHE_TIFF_TILE_WIDTH, 0);
    if (!lethe_tiff_is_scaled((uint64_t)width0, (uint64_t)height0, (uint64_t)width, (uint64_t)height, philips ? 2 * tile : tile))
        return lethe_fail(error, LETHE_UNSAFE, "directory %u is no smaller copy of the first one: regions cannot be placed", directory->index);
    return LETHE_OK;
}

lethe_status lethe_plan_find_boxes(lethe_slide_job *job, const lethe_tiff_directory *directory, bool tiled, lethe_plan_boxes *boxes,
                                   lethe_error *error) {
    *boxes = (lethe_plan_boxes){0};
    if (!job->region_count) return LETHE_OK;
    if (job->format->has_placed_levels && !job->level_map)
        return lethe_fail(error, LETHE_UNSAFE, "nobody knows where directory %u is shown: regions cannot be placed", directory->index);
    return job->level_map ? find_by_map(job, boxes, error) : find_on_copy(job, directory, tiled, boxes, error);
}

/* --- tiles --- */

static lethe_status replace(lethe_slide_job *job, const lethe_buffer *bytes, lethe_tiff_segment *segment, lethe_error *error) {
    uint8_t *copy = lethe_arena_alloc(job->arena, bytes->size);
    lethe_tiff_piece *piece = lethe_arena_alloc(job->arena, sizeof *piece);
    if (!copy || !piece) return lethe_fail(error, LETHE_LIMIT, "the regions touch too many tiles");
    memcpy(copy, bytes->bytes, bytes->size);
    *piece = (lethe_tiff_piece){.memory = copy, .bytes = bytes->size};
    segment->pieces = piece;
    segment->piece_count = 1;
    segment->bytes = bytes->size;
    job->result->tiles_redacted++;
    return LETHE_OK;
}

lethe_status lethe_plan_redact_tile(lethe_slide_job *job, const lethe_tiff_directory *d, const lethe_plan_boxes *boxes, uint64_t place,
                                    lethe_tiff_segment *segment, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    int64_t width = number(tree, d, LETHE_TIFF_WIDTH, 0), tile_width = number(tree, d, LETHE_TIFF_TILE_WIDTH, 1),
            tile_height = number(tree, d, LETHE_TIFF_TILE_HEIGHT, 1);
    int64_t across = (width + tile_width - 1) / tile_width, x = (int64_t)place % across * tile_width, y = (int64_t)place / across * tile_height;
    size_t count = 0;
    for (size_t i = 0; i < boxes->count; i++) {
        const lethe_level_box *b = &boxes->list[i];
        if (b->x < x + tile_width && b->x + b->width > x && b->y < y + tile_height && b->y + b->height > y)
            boxes->near[count++] = (lethe_level_box){b->x - x, b->y - y, b->width, b->height};
    }
    if (!count) return LETHE_OK;
    const lethe_tiff_entry *tables = lethe_tiff_find(d, LETHE_TIFF_JPEG_TABLES);
    uint64_t samples = lethe_tiff_uint(tree, d, LETHE_TIFF_SAMPLES_PER_PIXEL, 1);
    const lethe_region_tile tile = {.compression = lethe_tiff_uint(tree, d, LETHE_TIFF_COMPRESSION, LETHE_TIFF_NONE),
                                    .bytes = tree->bytes + segment->offset,
                                    .size = (size_t)segment->bytes,
                                    .jpeg_tables = tables ? tables->value : NULL,
                                    .jpeg_tables_size = tables && tables->value ? (size_t)tables->bytes : 0,
                                    .width_px = (uint32_t)tile_width,
                                    .height_px = (uint32_t)tile_height,
                                    .samples = lethe_tiff_uint(tree, d, LETHE_TIFF_PLANAR_CONFIGURATION, 1) == 2 ? 1 : (uint32_t)samples,
                                    .bits = (uint32_t)lethe_tiff_uint(tree, d, LETHE_TIFF_BITS_PER_SAMPLE, 1),
                                    .is_rgb = lethe_tiff_uint(tree, d, LETHE_TIFF_PHOTOMETRIC, 6) == 2,
                                    .boxes = boxes->near,
                                    .box_count = (unsigned)count};
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = lethe_region_redact_tile(&tile, &bytes, error);
    if (status == LETHE_OK) status = replace(job, &bytes, segment, error);
    lethe_buffer_release(&bytes);
    return status;
}

/* --- strips --- */

typedef struct pieces {
    lethe_tiff_piece *list;
    size_t count, room;
    uint64_t bytes;
} pieces;

static void add(pieces *p, lethe_tiff_piece piece) {
    if (!piece.bytes || p->count == p->room) return;
    p->bytes += piece.bytes;
    lethe_tiff_piece *last = p->count ? &p->list[p->count - 1] : NULL;
    if (last && !last->memory && !piece.memory && last->offset + last->bytes == piece.offset) last->bytes += piece.bytes;
    else p->list[p->count++] = piece;
}

/* What stays of the stream's head, and of what stands before `until` of it. */
static void add_head(pieces *p, const lethe_tiff_segment *segment, uint64_t until) {
    for (uint32_t i = 0; segment->pieces && i < segment->piece_count; i++) {
        lethe_tiff_piece piece = segment->pieces[i];
        if (piece.offset >= segment->offset + until) break;
        if (piece.offset + piece.bytes > segment->offset + until) piece.bytes = segment->offset + until - piece.offset;
        add(p, piece);
    }
    if (!segment->pieces) add(p, (lethe_tiff_piece){.offset = segment->offset, .bytes = until});
}

lethe_status lethe_plan_redact_strip(lethe_slide_job *job, const lethe_tiff_directory *d, const lethe_plan_boxes *boxes, lethe_tiff_segment *segment,
                                     lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    lethe_tiff_segments all;
    uint64_t offset = 0, bytes = 0;
    if (!lethe_tiff_segments_of(d, &all) || all.count != 1 || !lethe_tiff_segment_at(tree, &all, 0, &offset, &bytes) ||
        lethe_tiff_uint(tree, d, LETHE_TIFF_COMPRESSION, 0) != LETHE_TIFF_JPEG)
        return lethe_fail(error, LETHE_UNSAFE, "directory %u is neither tiled nor one JPEG stream: regions cannot be blacked out", d->index);
    lethe_strip strip;
    lethe_status status = lethe_strip_parse(tree->bytes + offset, (size_t)bytes, (uint64_t)number(tree, d, LETHE_TIFF_WIDTH, 0),
                                            (uint64_t)number(tree, d, LETHE_TIFF_HEIGHT, 0), job->arena, &strip, error);
    if (status != LETHE_OK) return status;
    uint64_t touched = 0;
    for (uint64_t i = 0; i < strip.interval_count; i++) touched += lethe_strip_is_touched(&strip, i, boxes->list, boxes->count);
    if (!touched) return LETHE_OK;
    pieces p = {.room = (size_t)(2 * touched + segment->piece_count + 4)};
    p.list = lethe_arena_alloc_array(job->arena, p.room, sizeof *p.list);
    uint64_t *moved = lethe_arena_alloc_array(job->arena, (size_t)strip.interval_count, sizeof *moved);
    if (!p.list || !moved) return lethe_fail(error, LETHE_LIMIT, "the regions touch too much of directory %u", d->index);
    bool is_rgb = lethe_tiff_uint(tree, d, LETHE_TIFF_PHOTOMETRIC, 6) == 2;
    add_head(&p, segment, strip.scan_end);
    for (uint64_t i = 0; status == LETHE_OK && i < strip.interval_count; i++) {
        size_t end = lethe_strip_end_of(&strip, i), size = 0;
        moved[i] = p.bytes;
        if (!lethe_strip_is_touched(&strip, i, boxes->list, boxes->count)) {
            add(&p, (lethe_tiff_piece){.offset = offset + strip.starts[i], .bytes = end + 2 - strip.starts[i]}); /* with its marker, or EOI */
            continue;
        }
        lethe_tiff_piece made = {0};
        status = lethe_strip_redact(&strip, i, boxes->list, boxes->count, is_rgb, job->arena, &made.memory, &size, error);
        made.bytes = size;
        add(&p, made);
        add(&p, (lethe_tiff_piece){.offset = offset + end, .bytes = 2});
        job->result->tiles_redacted++;
    }
    segment->pieces = p.list;
    segment->piece_count = (uint32_t)p.count;
    segment->bytes = p.bytes;
    job->strip_moved = moved;
    job->strip_start_count = strip.interval_count;
    return status;
}
