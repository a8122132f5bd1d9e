/* DICOM whole-slide instances through the Part 10 reader (PS3.3 A.32.8, C.8.12.4): the instances of a series in one folder are one slide. Each total
 * pixel matrix is a level; its frames are the tiles, TILED_FULL or TILED_SPARSE, in one instance or in a concatenation. Of several focal planes and
 * optical paths the first is shown. */
#include "core/arena.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/pixels.h"
#include "imaging/slide/source.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 4096, UID_SIZE = 68, HEAD_BYTES = 1 << 16 };

static const char class_uid[] = "1.2.840.10008.5.1.4.1.1.77.1.6";

/* One file. */
typedef struct part {
    char *path;
    lethe_map map; /* fd -1: the bytes are the probe's */
    lethe_arena *arena;
    lethe_dicom_dataset *dataset;
    lethe_pixels *pixels;
    pthread_mutex_t lock; /* of `pixels` */
    uint32_t frames;      /* of its pixel data */
    int64_t width, height;
    char series[UID_SIZE], kind[UID_SIZE], concatenation[UID_SIZE];
} part;

typedef struct place {
    uint32_t part, frame; /* frame + 1; 0 = missing */
} place;

typedef struct dicom_state {
    part **parts; /* by path */
    part *own;    /* the file that was opened */
    uint32_t part_count;
    place *tiles[LETHE_SLIDE_MAX_LEVELS];
    uint32_t front[LETHE_SLIDE_MAX_LEVELS]; /* the first part of each level */
} dicom_state;

static int64_t integer(const lethe_dicom_item *item, lethe_tag tag, int64_t fallback) {
    int64_t value;
    return item && lethe_dicom_int(item, tag, 0, &value) ? value : fallback;
}

/* --- files --- */

static void close_part(part *p) {
    if (!p) return;
    if (p->pixels) lethe_pixels_close(p->pixels);
    lethe_dicom_dataset_release(p->dataset);
    lethe_arena_destroy(p->arena);
    lethe_map_close(&p->map);
    (void)pthread_mutex_destroy(&p->lock);
    lethe_free(p->path);
    lethe_free(p);
}

static part *new_part(void) {
    part *p = lethe_alloc_array(1, sizeof *p);
    if (!p) return NULL;
    p->map.fd = -1;
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

static lethe_status read_part(part *p, const lethe_map *map, lethe_error *error) {
    p->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (!p->arena) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = lethe_dicom_dataset_parse(map->bytes, map->size, p->arena, &p->dataset, error);
    if (status == LETHE_OK) status = lethe_pixels_open(p->dataset, &p->pixels, error);
    if (status != LETHE_OK) return status;
    const lethe_pixels_info *info = lethe_pixels_describe(p->pixels);
    const lethe_dicom_item *root = p->dataset->root;
    p->frames = info->frames;
    p->width = integer(root, 0x00480006, info->columns);
    p->height = integer(root, 0x00480007, info->rows);
    (void)lethe_dicom_text(root, 0x0020000E, 0, p->series, sizeof p->series);
    (void)lethe_dicom_text(root, 0x00080008, 2, p->kind, sizeof p->kind);
    (void)lethe_dicom_text(root, 0x00209161, 0, p->concatenation, sizeof p->concatenation);
    if (!info->columns || !info->rows || p->width <= 0 || p->height <= 0 || p->width > INT32_MAX || p->height > INT32_MAX)
        return lethe_fail(error, LETHE_MALFORMED, "total pixel matrix has no size");
    return LETHE_OK;
}

static bool head_has(const lethe_map *map, const char *needle) {
    size_t size = map->size < HEAD_BYTES ? map->size : HEAD_BYTES;
    return size && memmem(map->bytes, size, needle, strlen(needle)) != NULL;
}

/* NULL when the file is no instance of the same series, or cannot be read: the slide is shown without it. */
static part *open_sibling(const char *path, const part *first) {
    part *p = new_part();
    if (!p) return NULL;
    bool same = lethe_map_open(path, &p->map, NULL) == LETHE_OK && lethe_dicom_looks_like(p->map.bytes, p->map.size) &&
                head_has(&p->map, class_uid) && head_has(&p->map, first->series) && read_part(p, &p->map, NULL) == LETHE_OK &&
                strcmp(p->series, first->series) == 0;
    p->path = same ? lethe_strdup(path) : NULL;
    if (p->path) return p;
    close_part(p);
    return NULL;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int is_shown(const struct dirent *entry) { return entry->d_name[0] != '.' && (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN); }

static int by_path(const void *a, const void *b) { return strcmp((*(part *const *)a)->path, (*(part *const *)b)->path); }

/* The other instances of the series that stand in the folder. Where the folder cannot be read (a confined worker), there are none. */
static lethe_status find_siblings(dicom_state *state, const char *path, lethe_error *error) {
    struct dirent **names = NULL;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? lethe_strndup(path, (size_t)(slash - path) + 1) : lethe_strdup("./");
    if (!folder) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = LETHE_OK;
    int count = *state->own->series && strncmp(path, "/proc/", 6) != 0 ? scandir(folder, &names, is_shown, by_name) : -1;
    if (count > 1 && count <= MOST_FILES) {
        part **grown = lethe_realloc_array(state->parts, (size_t)count + 1, sizeof *grown);
        if (grown) state->parts = grown;
        else status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        for (int i = 0; status == LETHE_OK && i < count; i++) {
            if (slash ? strcmp(names[i]->d_name, slash + 1) == 0 : strcmp(names[i]->d_name, path) == 0) continue;
            char *sibling = lethe_path_join(folder, names[i]->d_name);
            part *p = sibling ? open_sibling(sibling, state->own) : NULL;
            if (p) state->parts[state->part_count++] = p;
            lethe_free(sibling);
        }
    }
    qsort(state->parts, state->part_count, sizeof *state->parts, by_path);
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
    lethe_free(folder);
    return status;
}

/* --- levels --- */

static void put(place *tile, uint32_t number, uint32_t frame) {
    if (!tile->frame) *tile = (place){number, frame + 1};
}

/* What sets a frame apart from others at the same place: its focal plane and its optical path. */
typedef struct plane {
    double z_mm;
    char path[UID_SIZE];
} plane;

static plane plane_of(const lethe_dicom_item *item, const lethe_dicom_item *position) {
    static const lethe_tag path[] = {0x00480207, 0x00480106};
    plane p = {0};
    const lethe_dicom_element *z = position ? lethe_dicom_find(position, 0x0040074A) : NULL, *light = lethe_dicom_find_path(item, path, 1);
    if (z) (void)lethe_dicom_element_double(z, 0, &p.z_mm);
    if (light && light->items) (void)lethe_dicom_text(light->items, path[1], 0, p.path, sizeof p.path);
    return p;
}

static bool same_plane(const plane *a, const plane *b) { return !(a->z_mm < b->z_mm) && !(a->z_mm > b->z_mm) && strcmp(a->path, b->path) == 0; }

static void place_sparse(dicom_state *state, uint32_t number, const lethe_slide_level *level, place *tiles) {
    const part *p = state->parts[number];
    const lethe_dicom_element *frames = lethe_dicom_find(p->dataset->root, 0x52009230);
    uint32_t frame = 0;
    plane first = {0};
    for (const lethe_dicom_item *item = frames ? frames->items : NULL; item && frame < p->frames; item = item->next, frame++) {
        const lethe_dicom_element *position = lethe_dicom_find(item, 0x0048021A);
        if (!position || !position->items) continue;
        plane own = plane_of(item, position->items);
        if (frame == 0) first = own;
        int64_t column = integer(position->items, 0x0048021E, 0), row = integer(position->items, 0x0048021F, 0);
        if (column < 1 || row < 1 || !same_plane(&first, &own)) continue;
        int64_t x = (column - 1) / level->tile_width_px, y = (row - 1) / level->tile_height_px;
        if (x < level->tiles_across && y < level->tiles_down) put(&tiles[y * level->tiles_across + x], number, frame);
    }
}

/* TILED_FULL goes through the tiles of the first focal plane of the first optical path, then through those of the others (PS3.3 C.7.6.17.3). */
static void place_frames(dicom_state *state, uint32_t number, const lethe_slide_level *level, place *tiles) {
    const part *p = state->parts[number];
    const lethe_dicom_item *root = p->dataset->root;
    uint64_t count = (uint64_t)(level->tiles_across * level->tiles_down);
    char organisation[17] = "";
    (void)lethe_dicom_text(root, 0x00209311, 0, organisation, sizeof organisation);
    bool full = strcmp(organisation, "TILED_FULL") == 0;
    if (!full && lethe_dicom_find(root, 0x52009230)) {
        place_sparse(state, number, level, tiles);
        return;
    }
    int64_t first = integer(root, 0x00209228, 0); /* ConcatenationFrameOffsetNumber */
    for (uint64_t i = 0; first >= 0 && i < p->frames && i + (uint64_t)first < count; i++) put(&tiles[i + (uint64_t)first], number, (uint32_t)i);
}

static int by_size(const void *a, const void *b) {
    const lethe_slide_level *left = a, *right = b;
    return left->width_px < right->width_px ? 1 : left->width_px > right->width_px ? -1 : 0;
}

/* A level for each size of matrix that instances of the opened one's kind have. */
static lethe_status find_levels(lethe_slide *slide, lethe_error *error) {
    dicom_state *state = slide->state;
    for (uint32_t i = 0; i < state->part_count; i++) {
        const part *p = state->parts[i];
        const lethe_pixels_info *info = lethe_pixels_describe(p->pixels);
        bool known = false;
        if (strcmp(p->kind, state->own->kind) != 0) continue;
        for (unsigned k = 0; k < slide->level_count; k++) known |= slide->levels[k].width_px == p->width && slide->levels[k].height_px == p->height;
        if (known || slide->level_count == LETHE_SLIDE_MAX_LEVELS) continue;
        lethe_slide_level *level = &slide->levels[slide->level_count++];
        *level = (lethe_slide_level){.width_px = p->width, .height_px = p->height, .tile_width_px = info->columns, .tile_height_px = info->rows};
        level->tiles_across = (level->width_px + info->columns - 1) / info->columns;
        level->tiles_down = (level->height_px + info->rows - 1) / info->rows;
        if ((uint64_t)(level->tiles_across * level->tiles_down) > LETHE_LIMIT_TIFF_TILES) return lethe_fail(error, LETHE_LIMIT, "too many tiles");
    }
    qsort(slide->levels, slide->level_count, sizeof *slide->levels, by_size);
    for (unsigned k = 0; k < slide->level_count; k++) {
        lethe_slide_level *level = &slide->levels[k];
        level->downsample =
            ((double)slide->levels[0].width_px / (double)level->width_px + (double)slide->levels[0].height_px / (double)level->height_px) / 2;
    }
    return LETHE_OK;
}

/* Parts of one concatenation fill one level; of several whole instances of a size (optical paths, focal planes), the one that was opened or the
 * first. */
static lethe_status fill_level(lethe_slide *slide, unsigned number, lethe_error *error) {
    dicom_state *state = slide->state;
    const lethe_slide_level *level = &slide->levels[number];
    const part *own = state->own->width == level->width_px && state->own->height == level->height_px ? state->own : NULL, *front = NULL;
    state->tiles[number] = lethe_alloc_array((size_t)(level->tiles_across * level->tiles_down), sizeof *state->tiles[number]);
    if (!state->tiles[number]) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i < state->part_count; i++) {
        const part *p = state->parts[i];
        const lethe_pixels_info *info = lethe_pixels_describe(p->pixels);
        if (p->width != level->width_px || p->height != level->height_px || strcmp(p->kind, state->own->kind) != 0 ||
            info->columns != level->tile_width_px || info->rows != level->tile_height_px)
            continue;
        const part *chosen = front ? front : own;
        if (chosen && p != chosen && (!*p->concatenation || strcmp(p->concatenation, chosen->concatenation) != 0)) continue;
        if (!front) front = p, state->front[number] = i;
        place_frames(state, i, level, state->tiles[number]);
    }
    return LETHE_OK;
}

static void read_properties(lethe_slide *slide, const lethe_dicom_item *root) {
    static const lethe_tag path[] = {0x52009229, 0x00289110, 0x00280030}, power[] = {0x00480105, 0x00480112}, colours[] = {0x00480105, 0x00282000};
    const lethe_dicom_element *spacing = lethe_dicom_find_path(root, path, 3), *objective = lethe_dicom_find_path(root, power, 2),
                              *icc = lethe_dicom_find_path(root, colours, 2);
    double millimetres;
    if (spacing && lethe_dicom_element_double(spacing, 0, &millimetres) && millimetres > 0) slide->mpp_um = 1000 * millimetres;
    if (objective) (void)lethe_dicom_element_double(objective, 0, &slide->objective_power);
    if (icc && icc->form == LETHE_DICOM_LEAF && icc->value_bytes) slide->icc = icc->value, slide->icc_size = (size_t)icc->value_bytes;
}

static lethe_status dicom_open(lethe_slide *slide, lethe_error *error) {
    dicom_state *state = lethe_alloc_array(1, sizeof *state);
    if (!state) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    slide->state = state;
    state->parts = lethe_alloc_array(1, sizeof *state->parts);
    part *first = state->parts ? new_part() : NULL;
    if (!first) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    state->parts[state->part_count++] = state->own = first;
    first->path = lethe_strdup(slide->path);
    lethe_status status = first->path ? read_part(first, &slide->probe.map, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = find_siblings(state, slide->path, error);
    if (status == LETHE_OK) status = find_levels(slide, error);
    for (unsigned k = 0; status == LETHE_OK && k < slide->level_count; k++) status = fill_level(slide, k, error);
    if (status == LETHE_OK) read_properties(slide, state->parts[state->front[0]]->dataset->root);
    return status;
}

static void dicom_close(lethe_slide *slide) {
    dicom_state *state = slide->state;
    if (!state) return;
    for (uint32_t i = 0; i < state->part_count; i++) close_part(state->parts[i]);
    for (unsigned k = 0; k < LETHE_SLIDE_MAX_LEVELS; k++) lethe_free(state->tiles[k]);
    lethe_free(state->parts);
    lethe_free(state);
    slide->state = NULL;
}

/* --- pixels --- */

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

static lethe_status read_frame(part *p, uint32_t frame, lethe_image *shown, lethe_error *error) {
    lethe_image stored = {0};
    lethe_display display;
    (void)pthread_mutex_lock(&p->lock);
    lethe_status status = lethe_pixels_decode(p->pixels, frame, &stored, error);
    (void)pthread_mutex_unlock(&p->lock);
    if (status != LETHE_OK) return status;
    /* Eight bits of grey are shown as they are: a window of its own for each tile would show the same tissue in different greys. */
    if (stored.samples == 1 && stored.bytes_per_sample == 1 && stored.photometric == LETHE_MONOCHROME2) {
        *shown = stored;
        return LETHE_OK;
    }
    lethe_display_load(p->dataset, frame, 0, &display);
    status = lethe_display_render(p->dataset, &stored, &display, shown, error);
    lethe_image_release(&stored);
    return status;
}

static lethe_status dicom_read_tile(lethe_slide *slide, unsigned level, int64_t column, int64_t row, lethe_image *rgba, lethe_error *error) {
    const dicom_state *state = slide->state;
    place tile = state->tiles[level][row * slide->levels[level].tiles_across + column];
    lethe_image shown = {0};
    if (!tile.frame) return LETHE_OK;
    lethe_status status = read_frame(state->parts[tile.part], tile.frame - 1, &shown, error);
    if (status == LETHE_OK) copy_out(&shown, rgba);
    lethe_image_release(&shown);
    return status;
}

static lethe_status dicom_read_associated(lethe_slide *slide, const char *name, lethe_image *rgba, lethe_error *error) {
    const dicom_state *state = slide->state;
    const char *kind = strcmp(name, "label") == 0       ? "LABEL"
                       : strcmp(name, "macro") == 0     ? "OVERVIEW"
                       : strcmp(name, "thumbnail") == 0 ? "THUMBNAIL"
                                                        : "?";
    for (uint32_t i = 0; i < state->part_count; i++) {
        part *p = state->parts[i];
        lethe_image shown = {0};
        if (strcmp(p->kind, kind) != 0 || !p->frames) continue;
        lethe_status status = read_frame(p, 0, &shown, error);
        if (status == LETHE_OK) status = lethe_slide_white(shown.columns, shown.rows, rgba, error);
        if (status == LETHE_OK) copy_out(&shown, rgba);
        lethe_image_release(&shown);
        return status;
    }
    return lethe_fail(error, LETHE_NOT_FOUND, "no such associated image");
}

/* The first instance of the largest volume, whichever was opened. */
static const char *dicom_front(const lethe_slide *slide) {
    const dicom_state *state = slide->state;
    const part *front = NULL;
    for (uint32_t i = 0; i < state->part_count; i++)
        if (strcmp(state->parts[i]->kind, "VOLUME") == 0 && (!front || state->parts[i]->width > front->width)) front = state->parts[i];
    return front ? front->path : slide->path;
}

const lethe_slide_source lethe_dicom_source = {
    .open = dicom_open, .close = dicom_close, .read_tile = dicom_read_tile, .read_associated = dicom_read_associated, .front = dicom_front};
