/* DICOM whole-slide instances through the Part 10 reader: one instance is one level; its frames are the tiles (PS3.3 C.8.12.14, TILED_FULL and
 * TILED_SPARSE). */
#include "core/arena.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/pixels.h"
#include "imaging/slide/source.h"

#include <pthread.h>
#include <string.h>

typedef struct dicom_state {
    lethe_arena *arena;
    lethe_dicom_dataset *dataset;
    lethe_pixels *pixels;
    pthread_mutex_t lock; /* of `pixels` */
    uint32_t *frames;     /* tile -> frame + 1; 0 = missing */
} dicom_state;

static int64_t integer(const lethe_dicom_item *item, lethe_tag tag, int64_t fallback) {
    int64_t value;
    return lethe_dicom_int(item, tag, 0, &value) ? value : fallback;
}

static void place_sparse(dicom_state *state, const lethe_slide_level *level, uint32_t frame_count) {
    const lethe_dicom_element *frames = lethe_dicom_find(state->dataset->root, 0x52009230);
    uint32_t frame = 0;
    for (const lethe_dicom_item *item = frames ? frames->items : NULL; item && frame < frame_count; item = item->next, frame++) {
        const lethe_dicom_element *position = lethe_dicom_find(item, 0x0048021A);
        if (!position || !position->items) continue;
        int64_t column = integer(position->items, 0x0048021E, 0), row = integer(position->items, 0x0048021F, 0);
        if (column < 1 || row < 1) continue;
        int64_t x = (column - 1) / level->tile_width_px, y = (row - 1) / level->tile_height_px;
        if (x < level->tiles_across && y < level->tiles_down) state->frames[y * level->tiles_across + x] = frame + 1;
    }
}

static void read_spacing(lethe_slide *slide, const lethe_dicom_item *root) {
    static const lethe_tag path[] = {0x52009229, 0x00289110, 0x00280030};
    const lethe_dicom_element *spacing = lethe_dicom_find_path(root, path, 3);
    double millimetres;
    if (spacing && lethe_dicom_element_double(spacing, 0, &millimetres) && millimetres > 0) slide->mpp_um = 1000 * millimetres;
    static const lethe_tag power[] = {0x00480105, 0x00480112};
    const lethe_dicom_element *objective = lethe_dicom_find_path(root, power, 2);
    if (objective) (void)lethe_dicom_element_double(objective, 0, &slide->objective_power);
}

static lethe_status dicom_open(lethe_slide *slide, lethe_error *error) {
    dicom_state *state = lethe_alloc_array(1, sizeof *state);
    if (!state) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    (void)pthread_mutex_init(&state->lock, NULL);
    slide->state = state;
    state->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (!state->arena) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = lethe_dicom_dataset_parse(slide->probe.map.bytes, slide->probe.map.size, state->arena, &state->dataset, error);
    if (status == LETHE_OK) status = lethe_pixels_open(state->dataset, &state->pixels, error);
    if (status != LETHE_OK) return status;
    const lethe_pixels_info *info = lethe_pixels_describe(state->pixels);
    const lethe_dicom_item *root = state->dataset->root;
    lethe_slide_level *level = &slide->levels[0];
    *level = (lethe_slide_level){.width_px = integer(root, 0x00480006, info->columns),
                                 .height_px = integer(root, 0x00480007, info->rows),
                                 .downsample = 1,
                                 .tile_width_px = info->columns,
                                 .tile_height_px = info->rows};
    if (!info->columns || !info->rows || level->width_px <= 0 || level->height_px <= 0 || level->width_px > INT32_MAX || level->height_px > INT32_MAX)
        return lethe_fail(error, LETHE_MALFORMED, "total pixel matrix has no size");
    level->tiles_across = (level->width_px + info->columns - 1) / info->columns;
    level->tiles_down = (level->height_px + info->rows - 1) / info->rows;
    uint64_t tiles = (uint64_t)level->tiles_across * (uint64_t)level->tiles_down;
    if (tiles > LETHE_LIMIT_TIFF_TILES) return lethe_fail(error, LETHE_LIMIT, "too many tiles");
    state->frames = lethe_alloc_array((size_t)tiles, sizeof *state->frames);
    if (!state->frames) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    char organisation[17] = "";
    (void)lethe_dicom_text(root, 0x00209311, 0, organisation, sizeof organisation);
    uint32_t first = (uint32_t)integer(root, 0x00209228, 0); /* concatenations: ConcatenationFrameOffsetNumber */
    if (strcmp(organisation, "TILED_SPARSE") == 0 || (lethe_dicom_find(root, 0x52009230) && strcmp(organisation, "TILED_FULL") != 0))
        place_sparse(state, level, info->frames);
    else {
        for (uint64_t i = 0; i < info->frames && i + first < tiles; i++) state->frames[i + first] = (uint32_t)i + 1;
    }
    slide->level_count = 1;
    read_spacing(slide, root);
    return LETHE_OK;
}

static void dicom_close(lethe_slide *slide) {
    dicom_state *state = slide->state;
    if (!state) return;
    if (state->pixels) lethe_pixels_close(state->pixels);
    lethe_dicom_dataset_release(state->dataset);
    lethe_arena_destroy(state->arena);
    lethe_free(state->frames);
    (void)pthread_mutex_destroy(&state->lock);
    lethe_free(state);
    slide->state = NULL;
}

static void copy_out(const lethe_image *shown, lethe_image *rgba) {
    uint32_t rows = shown->rows < rgba->rows ? shown->rows : rgba->rows, columns = shown->columns < rgba->columns ? shown->columns : rgba->columns;
    unsigned samples = shown->samples;
    for (uint32_t y = 0; y < rows; y++)
        for (uint32_t x = 0; x < columns; x++) {
            const uint8_t *in = shown->pixels + ((size_t)y * shown->columns + x) * samples;
            uint8_t *out = rgba->pixels + ((size_t)y * rgba->columns + x) * 4;
            out[0] = in[0], out[1] = in[samples > 2 ? 1 : 0], out[2] = in[samples > 2 ? 2 : 0], out[3] = 255;
        }
}

static lethe_status dicom_read_tile(lethe_slide *slide, unsigned level, int64_t column, int64_t row, lethe_image *rgba, lethe_error *error) {
    dicom_state *state = slide->state;
    uint32_t frame = state->frames[row * slide->levels[level].tiles_across + column];
    if (!frame) return LETHE_OK;
    lethe_image stored = {0}, shown = {0};
    lethe_display display;
    (void)pthread_mutex_lock(&state->lock);
    lethe_status status = lethe_pixels_decode(state->pixels, frame - 1, &stored, error);
    (void)pthread_mutex_unlock(&state->lock);
    if (status != LETHE_OK) return status;
    lethe_display_load(state->dataset, frame - 1, 0, &display);
    status = lethe_display_render(state->dataset, &stored, &display, &shown, error);
    if (status == LETHE_OK) copy_out(&shown, rgba);
    lethe_image_release(&shown);
    lethe_image_release(&stored);
    return status;
}

const lethe_slide_source lethe_dicom_source = {dicom_open, dicom_close, dicom_read_tile, NULL, NULL};
