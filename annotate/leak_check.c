/* Near-duplicate pictures across splits. A 64-bit difference hash of each picture is looked for among the hashes of the others, of their mirror
 * images and quarter turns, and of crops of them; what is found is compared again cell by cell. */
#include "annotate/publish.h"

#include "annotate/picture.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BITS = 3, BANDS = 4, TURNS = 8, FINE = 24 };

/* A part of the picture, turned: what a variant shows. Turns: bit 0 mirrors left and right, bit 1 top and bottom, bit 2 swaps the axes. */
typedef struct variant {
    double x, y, side;
    int turn;
} variant;
static const variant variants[] = {{0, 0, 1, 0},      {0, 0, 1, 1},   {0, 0, 1, 2},   {0, 0, 1, 3},      {0, 0, 1, 4},
                                   {0, 0, 1, 5},      {0, 0, 1, 6},   {0, 0, 1, 7},   {.05, .05, .9, 0}, {.1, .1, .8, 0},
                                   {.15, .15, .7, 0}, {0, 0, .9, 0},  {.1, 0, .9, 0}, {0, .1, .9, 0},    {.1, .1, .9, 0},
                                   {0, 0, .8, 0},     {.2, 0, .8, 0}, {0, .2, .8, 0}, {.2, .2, .8, 0}};
enum { VARIANTS = sizeof variants / sizeof *variants };

typedef struct hashed {
    uint64_t hash;
    uint32_t image;
    uint16_t band; /* the 16 bits that are sorted by in this pass */
    uint8_t variant;
} hashed;

/* Mean over a cell of what the variant shows; u and v are fractions of its sides. */
static double cell(const lethe_picture_grid *grid, const variant *how, double u0, double v0, double u1, double v1) {
    double a[2] = {u0, u1}, b[2] = {v0, v1};
    if (how->turn & 4) {
        double swap[2] = {a[0], a[1]};
        memcpy(a, b, sizeof a);
        memcpy(b, swap, sizeof b);
    }
    if (how->turn & 1) {
        double left = 1 - a[1];
        a[1] = 1 - a[0];
        a[0] = left;
    }
    if (how->turn & 2) {
        double top = 1 - b[1];
        b[1] = 1 - b[0];
        b[0] = top;
    }
    return lethe_picture_grid_mean(grid, how->x + a[0] * how->side, how->y + b[0] * how->side, how->x + a[1] * how->side, how->y + b[1] * how->side);
}

/* 9 x 8 means; a bit tells whether a cell is brighter than its right neighbour. Flat pictures have no hash. */
static bool difference_hash(const lethe_picture_grid *grid, const variant *how, uint64_t *hash) {
    double means[8][9], low = INFINITY, high = -INFINITY;
    for (int row = 0; row < 8; row++)
        for (int column = 0; column < 9; column++) {
            means[row][column] = cell(grid, how, column / 9.0, row / 8.0, (column + 1) / 9.0, (row + 1) / 8.0);
            low = fmin(low, means[row][column]);
            high = fmax(high, means[row][column]);
        }
    *hash = 0;
    for (int row = 0; row < 8; row++)
        for (int column = 0; column < 8; column++) *hash = *hash << 1 | (means[row][column] > means[row][column + 1]);
    return high - low > 1;
}

/* Correlation of a variant of one picture with another as it is. */
static double correlation(const lethe_picture_grid *a, const variant *how, const lethe_picture_grid *b) {
    double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0, n = FINE * FINE;
    for (int row = 0; row < FINE; row++)
        for (int column = 0; column < FINE; column++) {
            double u0 = (double)column / FINE, v0 = (double)row / FINE, u1 = (column + 1.0) / FINE, v1 = (row + 1.0) / FINE;
            double x = cell(a, how, u0, v0, u1, v1), y = cell(b, &variants[0], u0, v0, u1, v1);
            sum_a += x;
            sum_b += y;
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
    double spread = (aa - sum_a * sum_a / n) * (bb - sum_b * sum_b / n);
    return spread > 0 ? (ab - sum_a * sum_b / n) / sqrt(spread) : 0;
}

static int by_band(const void *a, const void *b) {
    const hashed *left = a, *right = b;
    if (left->band != right->band) return left->band < right->band ? -1 : 1;
    if (left->image != right->image) return left->image < right->image ? -1 : 1;
    return left->variant < right->variant ? -1 : left->variant > right->variant;
}

/* Two pictures that may be the same: `whole` as it is, `from` by its variant. */
typedef struct candidate {
    uint32_t low, high, from, whole;
    uint8_t variant;
} candidate;

typedef struct candidates {
    candidate *items;
    size_t count, capacity;
} candidates;

static int by_pair(const void *a, const void *b) {
    const candidate *left = a, *right = b;
    if (left->low != right->low) return left->low < right->low ? -1 : 1;
    if (left->high != right->high) return left->high < right->high ? -1 : 1;
    return left->variant < right->variant ? -1 : left->variant > right->variant;
}

static lethe_status add_candidate(candidates *list, const hashed *from, const hashed *whole, lethe_error *error) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        candidate *grown = lethe_realloc_array(list->items, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for comparing pictures");
        list->items = grown;
        list->capacity = capacity;
    }
    uint32_t low = from->image < whole->image ? from->image : whole->image, high = from->image < whole->image ? whole->image : from->image;
    list->items[list->count++] = (candidate){low, high, from->image, whole->image, from->variant};
    return LETHE_OK;
}

/* Hashes that differ in at most 3 bits agree in one of four bands of 16 at least. */
static lethe_status find_candidates(hashed *list, size_t hashes, const uint8_t *splits, candidates *found, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (int band = 0; status == LETHE_OK && band < BANDS; band++) {
        for (size_t i = 0; i < hashes; i++) list[i].band = (uint16_t)(list[i].hash >> (16 * band));
        if (hashes > 1) qsort(list, hashes, sizeof *list, by_band);
        for (size_t i = 0; status == LETHE_OK && i < hashes; i++)
            for (size_t k = i + 1; status == LETHE_OK && k < hashes && list[k].band == list[i].band; k++) {
                const hashed *a = &list[i], *b = &list[k];
                if ((a->variant != 0 && b->variant != 0) || splits[a->image] == splits[b->image] ||
                    __builtin_popcountll(a->hash ^ b->hash) > MOST_BITS)
                    continue;
                status = add_candidate(found, a->variant != 0 ? a : b, a->variant != 0 ? b : a, error);
            }
    }
    if (found->count > 1) qsort(found->items, found->count, sizeof *found->items, by_pair);
    return status;
}

static lethe_status confirm(const lethe_dataset *d, const candidates *list, lethe_buffer *found, size_t *count, lethe_error *error) {
    lethe_picture_grid *from = lethe_alloc_array(1, sizeof *from), *whole = lethe_alloc_array(1, sizeof *whole);
    lethe_status status = from == NULL || whole == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for comparing pictures") : LETHE_OK;
    bool told = false;
    for (size_t i = 0; status == LETHE_OK && i < list->count; i++) {
        const candidate *c = &list->items[i];
        if (i > 0 && (c->low != c[-1].low || c->high != c[-1].high)) told = false;
        if (told) continue;
        const lethe_image_ref *a = lethe_image_index_at(d->index, c->from), *b = lethe_image_index_at(d->index, c->whole);
        if (lethe_picture_grid_load(d->released_path, a, from, NULL) != LETHE_OK ||
            lethe_picture_grid_load(d->released_path, b, whole, NULL) != LETHE_OK)
            continue;
        told = correlation(from, &variants[c->variant], whole) > 0.95;
        if (!told) continue;
        ++*count;
        status =
            lethe_buffer_printf(found, error, "%s,%s\n", lethe_image_index_at(d->index, c->low)->path, lethe_image_index_at(d->index, c->high)->path);
    }
    lethe_free(from);
    lethe_free(whole);
    return status;
}

lethe_status lethe_leak_check(const lethe_dataset *d, const uint8_t *splits, lethe_buffer *found, size_t *count, size_t *unread, lethe_error *error) {
    size_t images = lethe_image_index_count(d->index), hashes = 0;
    candidates pairs = {0};
    hashed *list = images > UINT32_MAX ? NULL : lethe_alloc_array(images * VARIANTS, sizeof *list);
    lethe_picture_grid *grid = lethe_alloc_array(1, sizeof *grid);
    *count = *unread = 0;
    lethe_status status = list == NULL || grid == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for hashes") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < images; i++) {
        uint64_t hash;
        if (lethe_picture_grid_load(d->released_path, lethe_image_index_at(d->index, i), grid, NULL) != LETHE_OK) {
            ++*unread;
            continue;
        }
        for (uint8_t k = 0; k < VARIANTS; k++)
            if (difference_hash(grid, &variants[k], &hash)) list[hashes++] = (hashed){hash, (uint32_t)i, 0, k};
    }
    if (status == LETHE_OK) status = find_candidates(list, hashes, splits, &pairs, error);
    if (status == LETHE_OK) status = confirm(d, &pairs, found, count, error);
    lethe_free(pairs.items);
    lethe_free(list);
    lethe_free(grid);
    return status;
}
