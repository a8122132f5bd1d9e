#include "core/limits.h"
#include "core/memory.h"
#include "deid/text_internal.h"

#include <stdlib.h>
#include <string.h>

lethe_status lethe_text_level_allocate(lethe_text_level *level, uint32_t w, uint32_t h, lethe_error *error) {
    *level = (lethe_text_level){
        .w = w, .h = h, .blocks_x = (w + LETHE_TEXT_BLOCK - 1) / LETHE_TEXT_BLOCK, .blocks_y = (h + LETHE_TEXT_BLOCK - 1) / LETHE_TEXT_BLOCK};
    size_t pixels = (size_t)w * h, blocks = (size_t)level->blocks_x * level->blocks_y;
    level->value = lethe_alloc(pixels * sizeof *level->value);
    level->mean = lethe_alloc(pixels * sizeof *level->mean);
    level->noise = lethe_alloc(blocks * sizeof *level->noise);
    level->bright_max = lethe_alloc(blocks * sizeof *level->bright_max);
    level->dark_max = lethe_alloc(blocks * sizeof *level->dark_max);
    if (level->value != NULL && level->mean != NULL && level->noise != NULL && level->bright_max != NULL && level->dark_max != NULL) return LETHE_OK;
    lethe_text_level_release(level);
    return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search %u x %u pixels for text", w, h);
}

void lethe_text_level_release(lethe_text_level *level) {
    lethe_free(level->value);
    lethe_free(level->mean);
    lethe_free(level->noise);
    lethe_free(level->bright_max);
    lethe_free(level->dark_max);
    *level = (lethe_text_level){0};
}

void lethe_text_level_load(lethe_text_level *level, const lethe_image *image, unsigned channel) {
    size_t count = (size_t)level->w * level->h, step = image->samples;
    if (image->bytes_per_sample == 1) {
        const uint8_t *from = image->pixels + channel;
        uint8_t flip = image->is_signed ? 0x80 : 0;
        for (size_t i = 0; i < count; i++) level->value[i] = (uint16_t)(from[i * step] ^ flip);
    } else if (image->bytes_per_sample == 2) {
        const uint16_t *from = (const uint16_t *)(const void *)image->pixels + channel;
        uint16_t flip = image->is_signed ? 0x8000 : 0;
        for (size_t i = 0; i < count; i++) level->value[i] = from[i * step] ^ flip;
    } else {
        const uint32_t *from = (const uint32_t *)(const void *)image->pixels + channel;
        uint32_t flip = image->is_signed ? 0x80000000u : 0, low = UINT32_MAX, high = 0;
        for (size_t i = 0; i < count; i++) {
            uint32_t value = from[i * step] ^ flip;
            if (value < low) low = value;
            if (value > high) high = value;
        }
        unsigned shift = 0;
        while ((high - low) >> shift > 65535) shift++;
        for (size_t i = 0; i < count; i++) level->value[i] = (uint16_t)(((from[i * step] ^ flip) - low) >> shift);
    }
}

void lethe_text_level_halve(const lethe_text_level *from, lethe_text_level *to) {
    for (uint32_t y = 0; y < to->h; y++) {
        const uint16_t *a = from->value + (size_t)(2 * y) * from->w, *b = a + from->w;
        uint16_t *out = to->value + (size_t)y * to->w;
        for (uint32_t x = 0; x < to->w; x++) out[x] = (uint16_t)(((uint32_t)a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
    }
}

/* Means over a window of 2 * radius + 1, border values repeated. Sums wrap around 2^32; their differences do not. */
static void box_mean(lethe_text_level *level, uint32_t *sums, uint32_t *prefix) {
    enum { R = LETHE_TEXT_RADIUS, SIDE = 2 * R + 1 };
    uint32_t w = level->w, h = level->h;
    memset(sums, 0, w * sizeof *sums);
    for (int y = -R; y < R; y++) {
        const uint16_t *row = level->value + (size_t)(y < 0 ? 0 : (uint32_t)y >= h ? h - 1 : (uint32_t)y) * w;
        for (uint32_t x = 0; x < w; x++) sums[x] += row[x];
    }
    const float scale = 1.0f / (SIDE * SIDE);
    for (uint32_t y = 0; y < h; y++) {
        const uint16_t *enter = level->value + (size_t)(y + R >= h ? h - 1 : y + R) * w;
        const uint16_t *leave = level->value + (size_t)(y < R ? 0 : y - R) * w;
        for (uint32_t x = 0; x < w; x++) sums[x] += enter[x];
        uint32_t total = 0;
        for (uint32_t i = 0; i < R; i++) prefix[i] = total += sums[0];
        for (uint32_t x = 0; x < w; x++) prefix[R + x] = total += sums[x];
        for (uint32_t i = 0; i < R; i++) prefix[R + w + i] = total += sums[w - 1];
        uint16_t *out = level->mean + (size_t)y * w;
        out[0] = (uint16_t)((float)prefix[2 * R] * scale);
        for (uint32_t x = 1; x < w; x++) out[x] = (uint16_t)((float)(prefix[x + 2 * R] - prefix[x - 1]) * scale);
        for (uint32_t x = 0; x < w; x++) sums[x] -= leave[x];
    }
}

static int by_size(const void *a, const void *b) {
    uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;
    return (x > y) - (x < y);
}

static uint16_t smallest(uint16_t *values, unsigned count, unsigned rank) {
    if (count == 0) return 0;
    if (rank >= count) rank = count - 1;
    unsigned low = 0, high = count - 1;
    while (low < high) {
        uint16_t pivot = values[(low + high) / 2];
        unsigned i = low, j = high;
        for (;;) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i >= j) break;
            uint16_t swap = values[i];
            values[i++] = values[j];
            values[j--] = swap;
        }
        if (rank <= j) high = j;
        else low = j + 1;
    }
    return values[rank];
}

/* The lower quartile of differences between near pixels: strokes cover less than the other three quarters. */
static uint16_t block_noise(const lethe_text_level *level, uint32_t bx, uint32_t by) {
    uint16_t differences[64];
    unsigned count = 0;
    uint32_t x0 = bx * LETHE_TEXT_BLOCK, y0 = by * LETHE_TEXT_BLOCK;
    uint32_t x1 = x0 + LETHE_TEXT_BLOCK < level->w ? x0 + LETHE_TEXT_BLOCK : level->w,
             y1 = y0 + LETHE_TEXT_BLOCK < level->h ? y0 + LETHE_TEXT_BLOCK : level->h;
    for (uint32_t y = y0; y + 2 < y1; y += 3)
        for (uint32_t x = x0; x + 2 < x1; x += 2) {
            const uint16_t *at = level->value + (size_t)y * level->w + x;
            int d = count % 2 == 0 ? (int)at[0] - at[2] : (int)at[0] - at[2 * (size_t)level->w];
            if (count < sizeof differences / sizeof *differences) differences[count++] = (uint16_t)(d < 0 ? -d : d);
        }
    /* |difference| of two normal values: lower quartile is 0.45 deviations. */
    uint32_t noise = (uint32_t)smallest(differences, count, count / 4) * 36;
    return noise > UINT16_MAX ? UINT16_MAX : (uint16_t)noise;
}

static void block_extremes(const lethe_text_level *level, uint32_t bx, uint32_t by, uint16_t *bright, uint16_t *dark) {
    uint32_t x0 = bx * LETHE_TEXT_BLOCK, y0 = by * LETHE_TEXT_BLOCK;
    uint32_t x1 = x0 + LETHE_TEXT_BLOCK < level->w ? x0 + LETHE_TEXT_BLOCK : level->w,
             y1 = y0 + LETHE_TEXT_BLOCK < level->h ? y0 + LETHE_TEXT_BLOCK : level->h;
    int high = 0, low = 0;
    for (uint32_t y = y0; y < y1; y++) {
        const uint16_t *value = level->value + (size_t)y * level->w, *mean = level->mean + (size_t)y * level->w;
        for (uint32_t x = x0; x < x1; x++) {
            int d = (int)value[x] - (int)mean[x];
            high = d > high ? d : high;
            low = d < low ? d : low;
        }
    }
    *bright = (uint16_t)high;
    *dark = (uint16_t)-low;
}

/* Largest of the block and its eight neighbours. */
static void spread(uint16_t *blocks, uint16_t *scratch, uint32_t w, uint32_t h) {
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            uint16_t best = 0;
            for (uint32_t v = y == 0 ? 0 : y - 1; v <= y + 1 && v < h; v++)
                for (uint32_t u = x == 0 ? 0 : x - 1; u <= x + 1 && u < w; u++)
                    if (blocks[(size_t)v * w + u] > best) best = blocks[(size_t)v * w + u];
            scratch[(size_t)y * w + x] = best;
        }
    memcpy(blocks, scratch, (size_t)w * h * sizeof *blocks);
}

static float value_range(const lethe_text_level *level) {
    uint16_t samples[2048];
    size_t count = (size_t)level->w * level->h, step = count / 2048 + 1;
    unsigned taken = 0;
    for (size_t i = step / 2; i < count && taken < 2048; i += step) samples[taken++] = level->value[i];
    if (taken == 0) return 1;
    qsort(samples, taken, sizeof *samples, by_size);
    float range = (float)samples[taken - 1 - taken / 100] - (float)samples[taken / 100];
    return range < 1 ? 1 : range;
}

lethe_status lethe_text_level_measure(lethe_text_level *level, unsigned floor, uint32_t **columns, size_t *columns_size, lethe_error *error) {
    size_t blocks = (size_t)level->blocks_x * level->blocks_y;
    size_t needed = 2 * (size_t)level->w + 2 * LETHE_TEXT_RADIUS + blocks / 2 + 1;
    if (needed > *columns_size) {
        uint32_t *grown = lethe_realloc_array(*columns, needed, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search for text");
        *columns = grown;
        *columns_size = needed;
    }
    uint32_t *sums = *columns, *prefix = sums + level->w;
    uint16_t *scratch = (uint16_t *)(prefix + level->w + 2 * LETHE_TEXT_RADIUS);
    box_mean(level, sums, prefix);
    for (uint32_t by = 0; by < level->blocks_y; by++)
        for (uint32_t bx = 0; bx < level->blocks_x; bx++) {
            size_t block = (size_t)by * level->blocks_x + bx;
            level->noise[block] = block_noise(level, bx, by);
            block_extremes(level, bx, by, &level->bright_max[block], &level->dark_max[block]);
        }
    spread(level->bright_max, scratch, level->blocks_x, level->blocks_y);
    spread(level->dark_max, scratch, level->blocks_x, level->blocks_y);
    level->floor = (uint16_t)floor;
    level->range = value_range(level);
    return LETHE_OK;
}
