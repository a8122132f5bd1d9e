#include "viewer/tools/tiled_mask.h"

#include "core/memory.h"
#include "viewer/tools/raster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = LETHE_MASK_TILE, AREA = SIDE * SIDE, RUNS_MAXIMUM = 64 << 20 };

struct lethe_tiled_mask {
    int64_t width, height;
    lethe_mask_tile *tiles;
    size_t count, capacity;
    uint32_t *slots; /* open addressing: 1 + index of a tile, 0 = empty */
    size_t slot_count;
    uint32_t version;
    bool changed[256];
};

lethe_status lethe_tiled_mask_create(int64_t width, int64_t height, lethe_tiled_mask **out, lethe_error *error) {
    *out = NULL;
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX)
        return lethe_fail(error, LETHE_LIMIT, "a slide of %lld x %lld pixels cannot be painted", (long long)width, (long long)height);
    lethe_tiled_mask *mask = lethe_alloc_array(1, sizeof *mask);
    if (!mask) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    mask->width = width;
    mask->height = height;
    *out = mask;
    return LETHE_OK;
}

void lethe_tiled_mask_clear(lethe_tiled_mask *mask) {
    for (size_t i = 0; i < mask->count; i++) lethe_free(mask->tiles[i].labels);
    mask->count = 0;
    if (mask->slots) memset(mask->slots, 0, mask->slot_count * sizeof *mask->slots);
    memset(mask->changed, 0, sizeof mask->changed);
}

void lethe_tiled_mask_destroy(lethe_tiled_mask *mask) {
    if (!mask) return;
    lethe_tiled_mask_clear(mask);
    lethe_free(mask->tiles);
    lethe_free(mask->slots);
    lethe_free(mask);
}

const lethe_mask_tile *lethe_tiled_mask_tile(const lethe_tiled_mask *mask, size_t index) { return index < mask->count ? &mask->tiles[index] : NULL; }

size_t lethe_tiled_mask_bytes(const lethe_tiled_mask *mask) {
    size_t bytes = mask->capacity * sizeof *mask->tiles + mask->slot_count * sizeof *mask->slots;
    for (size_t i = 0; i < mask->count; i++) bytes += mask->tiles[i].labels ? AREA : 0;
    return bytes;
}

void lethe_tiled_mask_unsaved(lethe_tiled_mask *mask, const bool changed[256]) {
    for (int v = 0; v < 256; v++) mask->changed[v] = mask->changed[v] || changed[v];
}

void lethe_tiled_mask_changed(lethe_tiled_mask *mask, bool changed[256]) {
    memcpy(changed, mask->changed, sizeof mask->changed);
    memset(mask->changed, 0, sizeof mask->changed);
}

/* --- finding tiles --- */

static size_t home(const lethe_tiled_mask *mask, int32_t column, int32_t row) {
    uint64_t h = (uint64_t)(uint32_t)column * 0x9E3779B97F4A7C15u ^ (uint64_t)(uint32_t)row * 0xC2B2AE3D27D4EB4Fu;
    return (size_t)(h >> 32) & (mask->slot_count - 1);
}

static lethe_mask_tile *find(const lethe_tiled_mask *mask, int32_t column, int32_t row) {
    if (mask->slot_count == 0) return NULL;
    for (size_t i = home(mask, column, row); mask->slots[i]; i = (i + 1) & (mask->slot_count - 1)) {
        lethe_mask_tile *tile = &mask->tiles[mask->slots[i] - 1];
        if (tile->column == column && tile->row == row) return tile;
    }
    return NULL;
}

static void put_slot(lethe_tiled_mask *mask, size_t index) {
    size_t i = home(mask, mask->tiles[index].column, mask->tiles[index].row);
    while (mask->slots[i]) i = (i + 1) & (mask->slot_count - 1);
    mask->slots[i] = (uint32_t)(index + 1);
}

static lethe_mask_tile *add_tile(lethe_tiled_mask *mask, int32_t column, int32_t row) {
    if (mask->count == mask->capacity) {
        size_t capacity = mask->capacity ? mask->capacity * 2 : 64;
        lethe_mask_tile *tiles = lethe_realloc_array(mask->tiles, capacity, sizeof *tiles);
        if (!tiles) return NULL;
        mask->tiles = tiles;
        uint32_t *slots = lethe_alloc_array(capacity * 2, sizeof *slots);
        if (!slots) return NULL;
        lethe_free(mask->slots);
        mask->slots = slots;
        mask->slot_count = capacity * 2;
        mask->capacity = capacity;
        for (size_t i = 0; i < mask->count; i++) put_slot(mask, i);
    }
    mask->tiles[mask->count] = (lethe_mask_tile){.column = column, .row = row};
    put_slot(mask, mask->count);
    return &mask->tiles[mask->count++];
}

static bool open_tile(lethe_mask_tile *tile) {
    if (tile->labels) return true;
    tile->labels = lethe_alloc(AREA);
    if (tile->labels) memset(tile->labels, tile->uniform, AREA);
    return tile->labels != NULL;
}

/* One number instead of a bitmap where all pixels are alike. */
static void close_tile(lethe_mask_tile *tile) {
    if (!tile->labels || memcmp(tile->labels, tile->labels + 1, AREA - 1) != 0) return;
    tile->uniform = tile->labels[0];
    lethe_free(tile->labels);
    tile->labels = NULL;
}

static void note_change(lethe_tiled_mask *mask, lethe_mask_tile *tile) { tile->version = ++mask->version; }

uint8_t lethe_tiled_mask_at(const lethe_tiled_mask *mask, int64_t x, int64_t y) {
    if (x < 0 || y < 0 || x >= mask->width || y >= mask->height) return 0;
    const lethe_mask_tile *tile = find(mask, (int32_t)(x / SIDE), (int32_t)(y / SIDE));
    if (!tile) return 0;
    return tile->labels ? tile->labels[(y % SIDE) * SIDE + x % SIDE] : tile->uniform;
}

/* --- the brush --- */

static double distance_to_segment(double x, double y, lethe_point a, lethe_point b) {
    double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy, t = length > 0 ? ((x - a.x) * dx + (y - a.y) * dy) / length : 0;
    t = fmin(fmax(t, 0), 1);
    return hypot(x - a.x - t * dx, y - a.y - t * dy);
}

/* A capsule is convex: it holds a tile when it holds its corners. */
static bool covers(double x, double y, lethe_point a, lethe_point b, double radius) {
    return distance_to_segment(x, y, a, b) <= radius && distance_to_segment(x + SIDE, y, a, b) <= radius &&
           distance_to_segment(x, y + SIDE, a, b) <= radius && distance_to_segment(x + SIDE, y + SIDE, a, b) <= radius;
}

static lethe_status paint_tile(lethe_tiled_mask *mask, int32_t column, int32_t row, lethe_point from, lethe_point to, double radius, uint8_t value,
                               const bool *locked, lethe_error *error) {
    lethe_mask_tile *tile = find(mask, column, row);
    if (!tile && value == 0) return LETHE_OK;
    double x = (double)column * SIDE, y = (double)row * SIDE;
    bool inside = covers(x, y, from, to, radius);
    if (!inside && distance_to_segment(x + SIDE / 2.0, y + SIDE / 2.0, from, to) > radius + SIDE * 0.7072) return LETHE_OK;
    if (!tile && !(tile = add_tile(mask, column, row))) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!tile->labels && (tile->uniform == value || (locked && locked[tile->uniform]))) return LETHE_OK;
    if (inside && !tile->labels) {
        mask->changed[tile->uniform] = mask->changed[value] = true;
        tile->uniform = value;
        note_change(mask, tile);
        return LETHE_OK;
    }
    if (!open_tile(tile)) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    bool had[256] = {false};
    for (int i = 0; i < AREA; i++) had[tile->labels[i]] = true;
    lethe_bitmap bitmap = {tile->labels, SIDE, SIDE};
    lethe_paint_rule rule = {.locked = locked};
    lethe_dirty dirty = {0};
    lethe_brush(&bitmap, (lethe_point){from.x - x, from.y - y}, (lethe_point){to.x - x, to.y - y}, radius, radius, value, &rule, &dirty);
    if (dirty.x0 < dirty.x1) {
        for (int v = 0; v < 256; v++) mask->changed[v] = mask->changed[v] || (had[v] && !(locked && locked[v]));
        mask->changed[value] = true;
        note_change(mask, tile);
    }
    close_tile(tile);
    return LETHE_OK;
}

lethe_status lethe_tiled_mask_brush(lethe_tiled_mask *mask, lethe_point from, lethe_point to, double radius, uint8_t value, const bool *locked,
                                    lethe_error *error) {
    double x0 = fmax(fmin(from.x, to.x) - radius, 0), x1 = fmin(fmax(from.x, to.x) + radius, (double)mask->width - 1);
    double y0 = fmax(fmin(from.y, to.y) - radius, 0), y1 = fmin(fmax(from.y, to.y) + radius, (double)mask->height - 1);
    lethe_status status = LETHE_OK;
    if (!(x0 <= x1) || !(y0 <= y1)) return LETHE_OK;
    for (int32_t row = (int32_t)(y0 / SIDE); row <= (int32_t)(y1 / SIDE); row++)
        for (int32_t column = (int32_t)(x0 / SIDE); column <= (int32_t)(x1 / SIDE) && !status; column++)
            status = paint_tile(mask, column, row, from, to, radius, value, locked, error);
    return status;
}

/* --- runs --- */

/* Set [x0, x1) of a row. */
static lethe_status set_run(lethe_tiled_mask *mask, int64_t y, int64_t x0, int64_t x1, uint8_t value, lethe_error *error) {
    if (y < 0 || y >= mask->height) return LETHE_OK;
    if (x0 < 0) x0 = 0;
    if (x1 > mask->width) x1 = mask->width;
    for (int64_t x = x0; x < x1;) {
        int32_t column = (int32_t)(x / SIDE), row = (int32_t)(y / SIDE);
        int64_t end = (int64_t)(column + 1) * SIDE < x1 ? (int64_t)(column + 1) * SIDE : x1;
        lethe_mask_tile *tile = find(mask, column, row);
        if (!tile) tile = add_tile(mask, column, row);
        if (!tile) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        if (tile->labels || tile->uniform != value) {
            if (!open_tile(tile)) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
            memset(tile->labels + (y % SIDE) * SIDE + x % SIDE, value, (size_t)(end - x));
            note_change(mask, tile);
        }
        x = end;
    }
    return LETHE_OK;
}

static void close_row(lethe_tiled_mask *mask, int32_t row) {
    for (size_t i = 0; i < mask->count; i++)
        if (mask->tiles[i].row == row) close_tile(&mask->tiles[i]);
}

lethe_status lethe_tiled_mask_add(lethe_tiled_mask *mask, const lethe_rle *rle, uint8_t value, lethe_error *error) {
    lethe_status status = lethe_rle_check(rle, error);
    uint64_t at = 0;
    int64_t last_row = -1;
    for (size_t i = 0; i < rle->run_count && !status; i++) {
        uint64_t length = rle->runs[i];
        while (i % 2 == 1 && length > 0 && !status) {
            int64_t y = rle->y + (int64_t)(at / rle->columns);
            uint64_t x = at % rle->columns, part = rle->columns - x < length ? rle->columns - x : length;
            if (y / SIDE != last_row / SIDE && last_row >= 0) close_row(mask, (int32_t)(last_row / SIDE));
            last_row = y;
            status = set_run(mask, y, rle->x + (int64_t)x, rle->x + (int64_t)(x + part), value, error);
            at += part;
            length -= part;
        }
        at += length;
    }
    if (last_row >= 0) close_row(mask, (int32_t)(last_row / SIDE));
    return status;
}

typedef struct run {
    int64_t y, x0, x1;
    size_t parent; /* union-find */
} run;

typedef struct run_list {
    run *items;
    size_t count, capacity;
} run_list;

static bool push_run(run_list *list, int64_t y, int64_t x0, int64_t x1) {
    if (list->count > 0) { /* goes on from the tile before */
        run *last = &list->items[list->count - 1];
        if (last->y == y && last->x1 == x0) {
            last->x1 = x1;
            return true;
        }
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 1024;
        run *more = capacity > RUNS_MAXIMUM ? NULL : lethe_realloc_array(list->items, capacity, sizeof *more);
        if (!more) return false;
        list->items = more;
        list->capacity = capacity;
    }
    list->items[list->count] = (run){y, x0, x1, list->count};
    list->count++;
    return true;
}

typedef struct extent {
    int32_t column0, row0, column1, row1; /* of tiles, end included */
    bool any;
} extent;

static extent extent_of(const lethe_tiled_mask *mask, int value) { /* -1: any label */
    extent e = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN, false};
    for (size_t i = 0; i < mask->count; i++) {
        const lethe_mask_tile *t = &mask->tiles[i];
        bool has = t->labels ? value < 0 || memchr(t->labels, value, AREA) != NULL : value < 0 ? t->uniform != 0 : t->uniform == value;
        if (!has) continue;
        e.any = true;
        if (t->column < e.column0) e.column0 = t->column;
        if (t->column > e.column1) e.column1 = t->column;
        if (t->row < e.row0) e.row0 = t->row;
        if (t->row > e.row1) e.row1 = t->row;
    }
    return e;
}

/* Runs of a label in reading order, over a range of tiles. */
static bool collect(const lethe_tiled_mask *mask, const extent *e, uint8_t value, run_list *list) {
    size_t across = (size_t)(e->column1 - e->column0 + 1);
    const lethe_mask_tile **band = lethe_alloc_array(across, sizeof *band);
    bool good = band != NULL;
    for (int32_t row = e->row0; row <= e->row1 && good; row++) {
        for (size_t c = 0; c < across; c++) band[c] = find(mask, e->column0 + (int32_t)c, row);
        for (int64_t y = (int64_t)row * SIDE; y < (int64_t)(row + 1) * SIDE && y < mask->height && good; y++)
            for (size_t c = 0; c < across && good; c++) {
                int64_t x = (int64_t)(e->column0 + (int32_t)c) * SIDE, end = x + SIDE < mask->width ? x + SIDE : mask->width;
                if (!band[c] || !band[c]->labels) {
                    if ((band[c] ? band[c]->uniform : 0) == value) good = push_run(list, y, x, end);
                    continue;
                }
                const uint8_t *line = band[c]->labels + (y % SIDE) * SIDE;
                int64_t width = end - x;
                for (int64_t i = 0; i < width && good;) {
                    if (line[i] != value) {
                        i++;
                        continue;
                    }
                    int64_t from = i;
                    while (i < width && line[i] == value) i++;
                    good = push_run(list, y, x + from, x + i);
                }
            }
    }
    lethe_free(band);
    return good;
}

lethe_status lethe_tiled_mask_shape(const lethe_tiled_mask *mask, uint8_t value, lethe_shape *out, lethe_error *error) {
    extent e = extent_of(mask, value);
    uint8_t none = 0;
    if (!e.any) return lethe_shape_make_mask(&none, 1, 1, 1, 0, 0, 0, out, error);
    run_list list = {0};
    uint32_t *runs = NULL;
    lethe_status status = collect(mask, &e, value, &list) ? LETHE_OK : lethe_fail(error, LETHE_LIMIT, "too many painted runs");
    if (!status && list.count == 0) status = lethe_shape_make_mask(&none, 1, 1, 1, 0, 0, 0, out, error);
    if (status || list.count == 0) goto out;
    int64_t x0 = INT64_MAX, x1 = 0, y0 = list.items[0].y, y1 = list.items[list.count - 1].y + 1;
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].x0 < x0) x0 = list.items[i].x0;
        if (list.items[i].x1 > x1) x1 = list.items[i].x1;
    }
    /* A gap may be longer than a run can say: then it is cut by an empty run of ones. */
    size_t count = 0;
    uint64_t at = 0, columns = (uint64_t)(x1 - x0);
    runs = lethe_alloc_array(2 * list.count + 2 * (size_t)(columns * (uint64_t)(y1 - y0) / UINT32_MAX + 1) + 1, sizeof *runs);
    if (!runs) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < list.count; i++) {
        uint64_t begin = (uint64_t)(list.items[i].y - y0) * columns + (uint64_t)(list.items[i].x0 - x0),
                 length = (uint64_t)(list.items[i].x1 - list.items[i].x0), gap = begin - at;
        if (gap == 0 && count > 0 && (uint64_t)runs[count - 1] + length <= UINT32_MAX) { /* full width: joins the row above */
            runs[count - 1] += (uint32_t)length;
            at = begin + length;
            continue;
        }
        for (; gap > UINT32_MAX; gap -= UINT32_MAX) {
            runs[count++] = UINT32_MAX;
            runs[count++] = 0;
        }
        runs[count++] = (uint32_t)gap;
        runs[count++] = (uint32_t)length;
        at = begin + length;
    }
    uint64_t rest = columns * (uint64_t)(y1 - y0) - at;
    if (rest > 0) runs[count++] = (uint32_t)rest;
    *out = (lethe_shape){.kind = LETHE_SHAPE_MASK, .slice_count = 1, .slices = lethe_alloc_array(1, sizeof(lethe_mask_slice))};
    if (!out->slices) {
        *out = (lethe_shape){0};
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        goto out;
    }
    out->slices[0].mask = (lethe_rle){.x = x0, .y = y0, .columns = (uint32_t)columns, .rows = (uint32_t)(y1 - y0), .runs = runs, .run_count = count};
    runs = NULL;
out:
    lethe_free(runs);
    lethe_free(list.items);
    return status;
}

static size_t root_of(run *runs, size_t i) {
    while (runs[i].parent != i) {
        runs[i].parent = runs[runs[i].parent].parent;
        i = runs[i].parent;
    }
    return i;
}

/* Join runs of neighbouring rows that touch; both rows are in order, so one pass does. */
static void join_rows(run_list *list) {
    size_t above = 0;
    for (size_t i = 0; i < list->count; i++) {
        run *r = &list->items[i];
        while (above < i && (list->items[above].y < r->y - 1 || (list->items[above].y == r->y - 1 && list->items[above].x1 <= r->x0))) above++;
        for (size_t a = above; a < i && list->items[a].y == r->y - 1 && list->items[a].x0 < r->x1; a++) {
            size_t p = root_of(list->items, a), q = root_of(list->items, i);
            if (p != q) list->items[q].parent = p;
        }
    }
}

lethe_status lethe_tiled_mask_fill(lethe_tiled_mask *mask, int64_t x, int64_t y, uint8_t value, uint64_t *filled, lethe_error *error) {
    *filled = 0;
    extent e = extent_of(mask, -1);
    uint8_t old = lethe_tiled_mask_at(mask, x, y);
    if (!e.any || old == value || x < 0 || y < 0 || x >= mask->width || y >= mask->height) return LETHE_OK;
    int64_t left = (int64_t)e.column0 * SIDE, top = (int64_t)e.row0 * SIDE, right = (int64_t)(e.column1 + 1) * SIDE,
            bottom = (int64_t)(e.row1 + 1) * SIDE;
    if (right > mask->width) right = mask->width;
    if (bottom > mask->height) bottom = mask->height;
    run_list list = {0};
    lethe_status status = collect(mask, &e, old, &list) ? LETHE_OK : lethe_fail(error, LETHE_LIMIT, "too many painted runs");
    if (!status) join_rows(&list);
    size_t seed = SIZE_MAX;
    for (size_t i = 0; i < list.count && !status; i++)
        if (list.items[i].y == y && list.items[i].x0 <= x && x < list.items[i].x1) seed = root_of(list.items, i);
    bool open = seed == SIZE_MAX;
    for (size_t i = 0; i < list.count && old == 0 && !open && !status; i++) {
        const run *r = &list.items[i];
        if (r->x0 == left || r->x1 == right || r->y == top || r->y == bottom - 1) open = root_of(list.items, i) == seed;
    }
    for (size_t i = 0; i < list.count && !open && !status; i++) {
        if (root_of(list.items, i) != seed) continue;
        status = set_run(mask, list.items[i].y, list.items[i].x0, list.items[i].x1, value, error);
        *filled += (uint64_t)(list.items[i].x1 - list.items[i].x0);
    }
    for (size_t i = 0; i < mask->count && *filled; i++) close_tile(&mask->tiles[i]);
    if (*filled) mask->changed[old] = mask->changed[value] = true;
    lethe_free(list.items);
    return status;
}
