/* Near-duplicate pictures across splits, by a 64-bit difference hash of the first frame. */
#include "annotate/publish.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/pixels.h"

#include <stdlib.h>

enum { MOST_BITS = 2, BANDS = 4 };

typedef struct hashed {
    uint64_t hash;
    size_t image;
    uint16_t band; /* the 16 bits that are sorted by in this pass */
} hashed;

/* 9 x 8 means of blocks; a bit tells whether a block is brighter than its right neighbour. Flat pictures have no hash. */
static bool difference_hash(const lethe_image *image, uint64_t *hash) {
    double means[8][9];
    double low = 0, high = 0;
    for (uint32_t row = 0; row < 8; row++)
        for (uint32_t column = 0; column < 9; column++) {
            uint32_t x0 = image->columns * column / 9, x1 = image->columns * (column + 1) / 9, y0 = image->rows * row / 8,
                     y1 = image->rows * (row + 1) / 8;
            double sum = 0;
            if (x1 <= x0 || y1 <= y0) return false;
            for (uint32_t y = y0; y < y1; y++)
                for (uint32_t x = x0; x < x1; x++) sum += lethe_image_sample(image, x, y, 0);
            means[row][column] = sum / ((double)(x1 - x0) * (double)(y1 - y0));
            if (row + column == 0 || means[row][column] < low) low = means[row][column];
            if (row + column == 0 || means[row][column] > high) high = means[row][column];
        }
    *hash = 0;
    for (uint32_t row = 0; row < 8; row++)
        for (uint32_t column = 0; column < 8; column++) *hash = *hash << 1 | (means[row][column] > means[row][column + 1]);
    return high - low > 1;
}

static bool hash_of(const lethe_dataset *d, size_t image, uint64_t *hash) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_pixels *pixels = NULL;
    lethe_image frame = {0};
    bool found = false;
    char *path = lethe_path_join(d->released_path, lethe_image_index_at(d->index, image)->path);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (path != NULL && arena != NULL && lethe_map_open(path, &map, NULL) == LETHE_OK &&
        lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) == LETHE_OK && lethe_pixels_open(dataset, &pixels, NULL) == LETHE_OK &&
        lethe_pixels_decode(pixels, 0, &frame, NULL) == LETHE_OK)
        found = difference_hash(&frame, hash);
    lethe_image_release(&frame);
    lethe_pixels_close(pixels);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    if (map.fd >= 0) lethe_map_close(&map);
    lethe_free(path);
    return found;
}

static int by_band(const void *a, const void *b) {
    const hashed *left = a, *right = b;
    if (left->band != right->band) return left->band < right->band ? -1 : 1;
    return left->image < right->image ? -1 : left->image > right->image;
}

/* Hashes that differ in at most 2 bits agree in at least two of four bands: a pair is told once, in the first band that they share. */
static bool first_shared(uint64_t a, uint64_t b, int band) {
    for (int i = 0; i < band; i++)
        if ((uint16_t)(a >> (16 * i)) == (uint16_t)(b >> (16 * i))) return false;
    return true;
}

lethe_status lethe_leak_check(const lethe_dataset *d, const uint8_t *splits, lethe_buffer *found, size_t *count, lethe_error *error) {
    size_t images = lethe_image_index_count(d->index), hashes = 0;
    hashed *list = lethe_alloc_array(images, sizeof *list);
    *count = 0;
    if (list == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for hashes");
    for (size_t i = 0; i < images; i++) {
        uint64_t hash;
        if (!lethe_image_index_at(d->index, i)->is_slide && hash_of(d, i, &hash)) list[hashes++] = (hashed){hash, i, 0};
    }
    lethe_status status = LETHE_OK;
    for (int band = 0; status == LETHE_OK && band < BANDS; band++) {
        for (size_t i = 0; i < hashes; i++) list[i].band = (uint16_t)(list[i].hash >> (16 * band));
        if (hashes > 1) qsort(list, hashes, sizeof *list, by_band);
        for (size_t i = 0; status == LETHE_OK && i < hashes; i++)
            for (size_t k = i + 1; status == LETHE_OK && k < hashes && list[k].band == list[i].band; k++) {
                if (splits[list[i].image] == splits[list[k].image] || __builtin_popcountll(list[i].hash ^ list[k].hash) > MOST_BITS ||
                    !first_shared(list[i].hash, list[k].hash, band))
                    continue;
                ++*count;
                status = lethe_buffer_printf(found, error, "%s,%s\n", lethe_image_index_at(d->index, list[i].image)->path,
                                             lethe_image_index_at(d->index, list[k].image)->path);
            }
    }
    lethe_free(list);
    return status;
}
