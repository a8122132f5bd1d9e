#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/text_internal.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = LETHE_TEXT_BLOCK, CELL = LETHE_TEXT_CELL, LEAST_INK = 6 };

/* Vectors of the compiler: 8 floats or integers, 16 short numbers. Never passed by value. */
typedef float floats __attribute__((vector_size(32)));
typedef int32_t integers __attribute__((vector_size(32)));
typedef int16_t shorts __attribute__((vector_size(32), aligned(16)));
typedef uint16_t eight_values __attribute__((vector_size(16)));
typedef int16_t eight_shorts __attribute__((vector_size(16)));

lethe_status lethe_text_level_allocate(lethe_text_level *level, uint32_t w, uint32_t h, lethe_error *error) {
    *level = (lethe_text_level){.w = w, .h = h, .blocks_x = (w + BLOCK - 1) / BLOCK, .blocks_y = (h + BLOCK - 1) / BLOCK};
    level->stride = level->blocks_x * BLOCK;
    size_t pixels = (size_t)level->stride * h, blocks = (size_t)level->blocks_x * level->blocks_y;
    level->value = lethe_alloc(pixels * sizeof *level->value);
    level->deviation = lethe_alloc_array(pixels, sizeof *level->deviation); /* zeros: not every block is measured */
    level->noise = lethe_alloc(blocks * sizeof *level->noise);
    level->bright_max = lethe_alloc(blocks * sizeof *level->bright_max);
    level->dark_max = lethe_alloc(blocks * sizeof *level->dark_max);
    level->active = lethe_alloc(blocks);
    level->cells = lethe_alloc(blocks * (BLOCK / CELL) * (BLOCK / CELL) * sizeof *level->cells);
    if (level->value != NULL && level->deviation != NULL && level->noise != NULL && level->bright_max != NULL && level->dark_max != NULL &&
        level->active != NULL && level->cells != NULL)
        return LETHE_OK;
    lethe_text_level_release(level);
    return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search %u x %u pixels for text", w, h);
}

void lethe_text_level_release(lethe_text_level *level) {
    lethe_free(level->value);
    lethe_free(level->deviation);
    lethe_free(level->noise);
    lethe_free(level->bright_max);
    lethe_free(level->dark_max);
    lethe_free(level->active);
    lethe_free(level->cells);
    *level = (lethe_text_level){0};
}

/* --- loading --- */

static uint32_t number_at(const lethe_image *image, size_t index) {
    if (image->bytes_per_sample == 1) return (uint32_t)image->pixels[index] ^ (image->is_signed ? 0x80u : 0);
    if (image->bytes_per_sample == 2) return (uint32_t)((const uint16_t *)(const void *)image->pixels)[index] ^ (image->is_signed ? 0x8000u : 0);
    return ((const uint32_t *)(const void *)image->pixels)[index] ^ (image->is_signed ? 0x80000000u : 0);
}

static uint32_t plane_number(const lethe_image *image, size_t pixel, unsigned plane) {
    size_t at = pixel * image->samples;
    if (image->samples < 3) return number_at(image, at);
    if (image->photometric == LETHE_YBR_FULL) return number_at(image, at + plane);
    uint64_t red = number_at(image, at), green = number_at(image, at + 1), blue = number_at(image, at + 2);
    uint64_t top = image->bytes_per_sample == 1 ? UINT8_MAX : image->bytes_per_sample == 2 ? UINT16_MAX : UINT32_MAX;
    if (plane == 0) return (uint32_t)((red + 2 * green + blue) / 4);
    return (uint32_t)(((plane == 1 ? red : blue) + top - green) / (image->bytes_per_sample == 4 ? 2 : 1));
}

uint32_t lethe_text_plane_sample(const lethe_image *image, uint32_t x, uint32_t y, unsigned plane) {
    return plane_number(image, (size_t)y * image->columns + x, plane);
}

static void load_bytes(lethe_text_level *level, const lethe_image *image, unsigned plane) {
    bool direct = image->samples < 3 || image->photometric == LETHE_YBR_FULL;
    size_t step = image->samples;
    for (uint32_t y = 0; y < level->h; y++) {
        const uint8_t *from = image->pixels + (size_t)y * level->w * step;
        uint16_t *to = level->value + (size_t)y * level->stride;
        uint8_t flip = image->is_signed ? 0x80 : 0;
        if (step == 1)
            for (uint32_t x = 0; x < level->w; x++) to[x] = (uint16_t)(from[x] ^ flip);
        else if (direct)
            for (uint32_t x = 0; x < level->w; x++) to[x] = (uint16_t)(from[x * step + plane] ^ flip);
        else if (plane == 0 && step == 3)
            for (uint32_t x = 0; x < level->w; x++)
                to[x] = (uint16_t)(((from[3 * x] ^ flip) + 2 * (from[3 * x + 1] ^ flip) + (from[3 * x + 2] ^ flip)) >> 2);
        else
            for (uint32_t x = 0; x < level->w; x++) to[x] = (uint16_t)plane_number(image, (size_t)y * level->w + x, plane);
    }
}

/* Words: only the range that is in use, in at most 15 bits. */
static void load_words(lethe_text_level *level, const lethe_image *image, unsigned plane) {
    size_t count = (size_t)level->w * level->h;
    bool plain = image->samples == 1 && image->bytes_per_sample == 2;
    const uint16_t *words = (const uint16_t *)(const void *)image->pixels;
    uint16_t flip = image->is_signed ? 0x8000 : 0;
    uint32_t low = UINT32_MAX, high = 0;
    if (plain) {
        uint16_t least = UINT16_MAX, most = 0;
        for (size_t i = 0; i < count; i++) {
            uint16_t v = words[i] ^ flip;
            least = v < least ? v : least;
            most = v > most ? v : most;
        }
        low = least;
        high = most;
    } else
        for (size_t i = 0; i < count; i++) {
            uint32_t v = plane_number(image, i, plane);
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    level->base = low;
    while ((high - low) >> level->shift > INT16_MAX) level->shift++;
    unsigned shift = level->shift;
    for (uint32_t y = 0; y < level->h; y++) {
        uint16_t *to = level->value + (size_t)y * level->stride;
        size_t row = (size_t)y * level->w;
        if (plain)
            for (uint32_t x = 0; x < level->w; x++) to[x] = (uint16_t)((uint16_t)((words[row + x] ^ flip) - low) >> shift);
        else
            for (uint32_t x = 0; x < level->w; x++) to[x] = (uint16_t)((plane_number(image, row + x, plane) - low) >> shift);
    }
}

static void pad_rows(lethe_text_level *level) {
    for (uint32_t y = 0; y < level->h && level->stride > level->w; y++) {
        uint16_t *row = level->value + (size_t)y * level->stride;
        for (uint32_t x = level->w; x < level->stride; x++) row[x] = row[level->w - 1];
    }
}

void lethe_text_level_load(lethe_text_level *level, const lethe_image *image, unsigned plane) {
    level->base = 0;
    level->shift = 0;
    if (image->bytes_per_sample == 1) load_bytes(level, image, plane);
    else load_words(level, image, plane);
    pad_rows(level);
}

void lethe_text_level_halve(const lethe_text_level *from, lethe_text_level *to) {
    to->base = from->base;
    to->shift = from->shift;
    for (uint32_t y = 0; y < to->h; y++) {
        const uint16_t *a = from->value + (size_t)(2 * y) * from->stride, *b = a + from->stride;
        uint16_t *out = to->value + (size_t)y * to->stride;
        for (uint32_t x = 0; x < to->w; x++) out[x] = (uint16_t)(((uint32_t)a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
    }
    pad_rows(to);
}

/* --- local means --- */

/* Mean of each cell, then of the 3 x 3 cells around it: a window of 24 pixels. */
static inline __attribute__((always_inline)) void measure_cells(lethe_text_level *level, float *scratch) {
    uint32_t across = level->stride / CELL, down = (level->h + CELL - 1) / CELL;
    for (uint32_t cy = 0; cy < down; cy++) {
        uint32_t rows = level->h - cy * CELL < CELL ? level->h - cy * CELL : CELL;
        float scale = 1.0f / (float)(rows * CELL), *row = scratch + across, *out = level->cells + (size_t)cy * across;
        for (uint32_t cx = 0; cx < across; cx++) {
            const uint16_t *at = level->value + (size_t)cy * CELL * level->stride + cx * CELL;
            integers sum = {0};
            for (uint32_t y = 0; y < rows; y++) {
                eight_values v;
                memcpy(&v, at + (size_t)y * level->stride, sizeof v);
                sum += __builtin_convertvector(v, integers);
            }
            row[cx] = (float)(sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7]) * scale;
        }
        row[-1] = row[0];
        row[across] = row[across - 1];
        for (uint32_t cx = 0; cx < across; cx++) out[cx] = (row[(ptrdiff_t)cx - 1] + row[cx] + row[cx + 1]) / 3;
    }
    /* Down the columns, in place: the row before is kept. */
    float *before = scratch, *keep = scratch + across;
    for (uint32_t cy = 0; cy < down; cy++) {
        float *row = level->cells + (size_t)cy * across;
        const float *after = cy + 1 < down ? row + across : row;
        for (uint32_t cx = 0; cx < across; cx++) {
            keep[cx] = row[cx];
            row[cx] = ((cy == 0 ? row[cx] : before[cx]) + row[cx] + after[cx]) / 3;
        }
        float *swap = before;
        before = keep;
        keep = swap;
    }
}

/* Deviations of one row from the mean between the cells; extremes of its blocks. `means` has a place before and behind the cells of a row. */
static inline __attribute__((always_inline)) void measure_row(lethe_text_level *level, uint32_t y, uint32_t from, uint32_t to, float *means,
                                                              shorts *high, shorts *low) {
    static const floats left = {3.5f / 8, 2.5f / 8, 1.5f / 8, 0.5f / 8}, right = {0, 0, 0, 0, 0.5f / 8, 1.5f / 8, 2.5f / 8, 3.5f / 8};
    const floats centre = 1.0f - left - right;
    uint32_t across = level->stride / CELL, down = (level->h + CELL - 1) / CELL, below = (y + CELL / 2) / CELL, above = below > 0 ? below - 1 : 0;
    if (below >= down) below = down - 1;
    float part = ((float)((y + CELL / 2) % CELL) + 0.5f) / CELL;
    const float *a = level->cells + (size_t)above * across, *b = level->cells + (size_t)below * across;
    uint32_t first = from * 2 > 0 ? from * 2 - 1 : 0, last = to * 2 < across ? to * 2 + 1 : across;
    for (uint32_t cx = first; cx < last; cx++) means[cx + 1] = a[cx] + (b[cx] - a[cx]) * part;
    if (first == 0) means[0] = means[1];
    if (last == across) means[across + 1] = means[across];
    for (uint32_t bx = from; bx < to; bx++) {
        const uint16_t *value = level->value + (size_t)y * level->stride + bx * BLOCK;
        int16_t *out = level->deviation + (size_t)y * level->stride + bx * BLOCK;
        shorts both;
        for (unsigned half = 0; half < 2; half++) {
            const float *m = means + bx * 2 + half;
            floats mean = left * m[0] + centre * m[1] + right * m[2];
            eight_values v;
            memcpy(&v, value + half * 8, sizeof v);
            integers d = __builtin_convertvector(v, integers) - __builtin_convertvector(mean, integers);
            eight_shorts narrow = __builtin_convertvector(d, eight_shorts);
            memcpy((char *)&both + half * sizeof narrow, &narrow, sizeof narrow);
        }
        memcpy(out, &both, sizeof both);
        shorts more = both > high[bx], less = both < low[bx];
        high[bx] = (both & more) | (high[bx] & ~more);
        low[bx] = (both & less) | (low[bx] & ~less);
    }
}

/* --- blocks --- */

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

/* The lower quartile of differences between near pixels: strokes cover less than the other three quarters. Along rows and down columns in turn, every
 * second column, every third row; |difference| of two normal values has its lower quartile at 0.45 deviations. */
static uint16_t edge_noise(const lethe_text_level *level, uint32_t bx, uint32_t by) {
    uint16_t differences[40];
    unsigned count = 0;
    uint32_t x0 = bx * BLOCK, y0 = by * BLOCK, x1 = x0 + BLOCK < level->w ? x0 + BLOCK : level->w, y1 = y0 + BLOCK < level->h ? y0 + BLOCK : level->h;
    for (uint32_t y = y0; y + 2 < y1; y += 3)
        for (uint32_t x = x0; x + 2 < x1; x += 2) {
            const uint16_t *at = level->value + (size_t)y * level->stride + x;
            int d = count % 2 == 0 ? (int)at[0] - at[2] : (int)at[0] - at[2 * (size_t)level->stride];
            if (count < sizeof differences / sizeof *differences) differences[count++] = (uint16_t)(d < 0 ? -d : d);
        }
    return smallest(differences, count, count / 4);
}

/* The same for a whole block, its 35 differences side by side: the least value that a quarter of them do not exceed is found bit by bit. */
static inline __attribute__((always_inline)) uint16_t whole_noise(const lethe_text_level *level, uint32_t bx, uint32_t by) {
    enum { ROWS = 5, RANK = 35 / 4 };
    static const shorts used = {-1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, 0, 0}, along = {-1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0};
    shorts differences[ROWS], all = {0};
    for (unsigned i = 0; i < ROWS; i++) {
        const uint16_t *at = level->value + (size_t)(by * BLOCK + 3 * i) * level->stride + bx * BLOCK;
        shorts here, right = {0}, below, row = i % 2 == 0 ? along : used & ~along;
        memcpy(&here, at, sizeof here);
        memcpy(&right, at + 2, sizeof right - 2 * sizeof *at);
        memcpy(&below, at + 2 * (size_t)level->stride, sizeof below);
        shorts d = here - ((right & row) | (below & ~row)), sign = d < 0;
        differences[i] = (((d ^ sign) - sign) & used) | (~used & INT16_MAX); /* 15 bits */
        all |= differences[i] & used;
    }
    uint16_t any = 0, least = 0;
    for (unsigned k = 0; k < 16; k++) any |= (uint16_t)all[k];
    for (int bit = any == 0 ? -1 : 31 - __builtin_clz(any); bit >= 0; bit--) {
        int16_t limit = (int16_t)(least | (1 << bit));
        shorts below = {0};
        unsigned count = 0;
        for (unsigned i = 0; i < ROWS; i++) below -= differences[i] < limit;
        for (unsigned k = 0; k < 16; k++) count += (unsigned)below[k];
        if (count <= RANK) least = (uint16_t)limit;
    }
    return least;
}

static inline __attribute__((always_inline)) uint16_t block_noise(const lethe_text_level *level, uint32_t bx, uint32_t by) {
    bool whole = (bx + 1) * BLOCK <= level->w && (by + 1) * BLOCK <= level->h;
    uint32_t noise = (uint32_t)(whole ? whole_noise(level, bx, by) : edge_noise(level, bx, by)) * 36;
    return noise > UINT16_MAX ? UINT16_MAX : (uint16_t)noise;
}

static uint32_t needed_contrast(const lethe_text_level *level, size_t block) {
    uint32_t needed = ((uint32_t)level->noise[block] * 5 / 2) / 16;
    return needed < level->floor ? level->floor : needed;
}

/* How many pixels of a block stand out on either side. */
static inline __attribute__((always_inline)) void count_ink(const lethe_text_level *level, uint32_t bx, uint32_t by, uint32_t needed,
                                                            unsigned *bright, unsigned *dark) {
    int16_t limit = needed > INT16_MAX ? INT16_MAX : (int16_t)needed;
    shorts above = {0}, below = {0};
    uint32_t y1 = (by + 1) * BLOCK < level->h ? (by + 1) * BLOCK : level->h;
    for (uint32_t y = by * BLOCK; y < y1; y++) {
        shorts d;
        memcpy(&d, level->deviation + (size_t)y * level->stride + bx * BLOCK, sizeof d);
        above -= d > limit;
        below -= d < (int16_t)-limit;
    }
    *bright = *dark = 0;
    for (unsigned i = 0; i < 16; i++) {
        *bright += (unsigned)above[i];
        *dark += (unsigned)below[i];
    }
}

static inline __attribute__((always_inline)) void measure_block_row(lethe_text_level *level, uint32_t by, const uint8_t *allowed, float *means,
                                                                    shorts *high, shorts *low) {
    uint32_t from = 0, to = level->blocks_x;
    size_t row = (size_t)by * level->blocks_x;
    memset(level->active + row, 0, level->blocks_x);
    memset(level->noise + row, 0, level->blocks_x * sizeof *level->noise);
    memset(level->bright_max + row, 0, level->blocks_x * sizeof *level->bright_max);
    memset(level->dark_max + row, 0, level->blocks_x * sizeof *level->dark_max);
    if (allowed != NULL) {
        while (from < to && allowed[row + from] == 0) from++;
        while (to > from && allowed[row + to - 1] == 0) to--;
        if (from == to) return;
    }
    memset(high + from, 0, (to - from) * sizeof *high);
    memset(low + from, 0, (to - from) * sizeof *low);
    for (uint32_t y = by * BLOCK; y < (by + 1) * BLOCK && y < level->h; y++) measure_row(level, y, from, to, means, high, low);
    for (uint32_t bx = from; bx < to; bx++) {
        int16_t most = 0, least = 0;
        for (unsigned i = 0; i < 16; i++) {
            most = high[bx][i] > most ? high[bx][i] : most;
            least = low[bx][i] < least ? low[bx][i] : least;
        }
        if (allowed != NULL && allowed[row + bx] == 0) continue;
        level->bright_max[row + bx] = (uint16_t)most;
        level->dark_max[row + bx] = (uint16_t)-least;
        if (most <= level->floor && -least <= level->floor) continue;
        level->noise[row + bx] = block_noise(level, bx, by);
        uint32_t needed = needed_contrast(level, row + bx);
        if ((uint32_t)most <= needed && (uint32_t)-least <= needed) continue;
        unsigned bright, dark;
        count_ink(level, bx, by, needed, &bright, &dark);
        level->active[row + bx] = (uint8_t)((bright >= LEAST_INK ? LETHE_TEXT_BRIGHT : 0) | (dark >= LEAST_INK ? LETHE_TEXT_DARK : 0));
    }
}

static inline __attribute__((always_inline)) void measure_all(lethe_text_level *level, const uint8_t *allowed, void *scratch) {
    uint32_t across = level->stride / CELL;
    shorts *high = scratch, *low = high + level->blocks_x;
    float *means = (float *)(void *)(low + level->blocks_x);
    measure_cells(level, means + across + 8);
    for (uint32_t by = 0; by < level->blocks_y; by++) measure_block_row(level, by, allowed, means, high, low);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void measure_wide(lethe_text_level *level, const uint8_t *allowed, void *scratch) {
    measure_all(level, allowed, scratch);
}
#endif
static void measure_plain(lethe_text_level *level, const uint8_t *allowed, void *scratch) { measure_all(level, allowed, scratch); }

/* Largest of each block and its eight neighbours, of numbers or of bits. */
static void spread(uint16_t *blocks, uint16_t *scratch, uint32_t w, uint32_t h) {
    for (uint32_t y = 0; y < h; y++) {
        const uint16_t *row = blocks + (size_t)y * w;
        for (uint32_t x = 0; x < w; x++) {
            uint16_t best = row[x];
            if (x > 0 && row[x - 1] > best) best = row[x - 1];
            if (x + 1 < w && row[x + 1] > best) best = row[x + 1];
            scratch[(size_t)y * w + x] = best;
        }
    }
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            uint16_t best = scratch[(size_t)y * w + x];
            if (y > 0 && scratch[(size_t)(y - 1) * w + x] > best) best = scratch[(size_t)(y - 1) * w + x];
            if (y + 1 < h && scratch[(size_t)(y + 1) * w + x] > best) best = scratch[(size_t)(y + 1) * w + x];
            blocks[(size_t)y * w + x] = best;
        }
}

static void spread_bits(uint8_t *blocks, uint8_t *scratch, uint32_t w, uint32_t h) {
    for (uint32_t y = 0; y < h; y++) {
        const uint8_t *row = blocks + (size_t)y * w;
        for (uint32_t x = 0; x < w; x++) scratch[(size_t)y * w + x] = (uint8_t)(row[x] | (x > 0 ? row[x - 1] : 0) | (x + 1 < w ? row[x + 1] : 0));
    }
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            blocks[(size_t)y * w + x] = (uint8_t)(scratch[(size_t)y * w + x] | (y > 0 ? scratch[(size_t)(y - 1) * w + x] : 0) |
                                                  (y + 1 < h ? scratch[(size_t)(y + 1) * w + x] : 0));
}

/* Blocks with ink and their neighbours are looked at; a second time, with a threshold that only the noise sets, where something near is so strong
 * that it hides the rest. */
static void settle_activity(lethe_text_level *level, const uint8_t *allowed, uint8_t *scratch) {
    size_t blocks = (size_t)level->blocks_x * level->blocks_y;
    uint8_t *first = scratch + blocks;
    spread_bits(level->active, scratch, level->blocks_x, level->blocks_y);
    memcpy(first, level->active, blocks);
    for (size_t i = 0; i < blocks; i++) {
        if (level->active[i] == 0) continue;
        uint32_t needed = needed_contrast(level, i), limit = needed * 3;
        if ((level->active[i] & LETHE_TEXT_BRIGHT) != 0 && level->bright_max[i] > limit) level->active[i] |= LETHE_TEXT_BRIGHT_PLAIN;
        if ((level->active[i] & LETHE_TEXT_DARK) != 0 && level->dark_max[i] > limit) level->active[i] |= LETHE_TEXT_DARK_PLAIN;
    }
    /* A line that runs from one kind of block into the other is seen whole. */
    spread_bits(level->active, scratch, level->blocks_x, level->blocks_y);
    const uint8_t plain = LETHE_TEXT_BRIGHT_PLAIN | LETHE_TEXT_DARK_PLAIN;
    for (size_t i = 0; i < blocks; i++) level->active[i] = allowed != NULL && allowed[i] == 0 ? 0 : (uint8_t)((level->active[i] & plain) | first[i]);
}

static float value_range(const lethe_text_level *level) {
    uint16_t samples[1024];
    size_t count = (size_t)level->w * level->h, step = count / 1024 + 1;
    unsigned taken = 0;
    for (size_t i = step / 2; i < count && taken < 1024; i += step) samples[taken++] = level->value[i / level->w * level->stride + i % level->w];
    if (taken == 0) return 1;
    float low = (float)smallest(samples, taken, taken / 100), high = (float)smallest(samples, taken, taken - 1 - taken / 100);
    return high - low < 1 ? 1 : high - low;
}

lethe_status lethe_text_scratch(size_t needed, void **scratch, size_t *scratch_size, lethe_error *error) {
    if (needed <= *scratch_size) return LETHE_OK;
    lethe_free(*scratch);
    *scratch_size = 0;
    *scratch = lethe_alloc(needed);
    if (*scratch == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search for text");
    *scratch_size = needed;
    return LETHE_OK;
}

lethe_status lethe_text_level_measure(lethe_text_level *level, unsigned floor, const uint8_t *allowed, void **scratch, size_t *scratch_size,
                                      lethe_error *error) {
    size_t blocks = (size_t)level->blocks_x * level->blocks_y, across = level->stride / CELL;
    size_t needed = 2 * level->blocks_x * sizeof(shorts) + (3 * across + 24) * sizeof(float) + 2 * across * sizeof(float), maps = blocks * 2;
    if (needed < maps) needed = maps;
    needed = (needed + 31) / 32 * 32;
    lethe_status status = lethe_text_scratch(needed, scratch, scratch_size, error);
    if (status != LETHE_OK) return status;
    level->floor = (uint16_t)floor;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) measure_wide(level, allowed, *scratch);
    else measure_plain(level, allowed, *scratch);
#else
    measure_plain(level, allowed, *scratch);
#endif
    spread(level->bright_max, *scratch, level->blocks_x, level->blocks_y);
    spread(level->dark_max, *scratch, level->blocks_x, level->blocks_y);
    settle_activity(level, allowed, *scratch);
    level->range = value_range(level);
    return LETHE_OK;
}
