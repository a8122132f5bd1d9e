#include "deid/pixels/text_gate.h"
#include "core/memory.h"
#include "deid/pixels/text_detector.h"
#include "deid/pixels/text_internal.h"

#include <math.h>
#include <string.h>

/* Blocks are looked at that are above `odds_sure`, those beside them, and what is above `odds_left` and reached from there in a few steps. */
static const float odds_left = -2.5f, odds_sure = 0.5f;
enum { BLOCK = LETHE_TEXT_BLOCK, INPUTS = LETHE_TEXT_GATE_INPUTS, LANES = 8, LEFT = 1, SURE = 2, STEPS = 3 };

typedef int16_t shorts __attribute__((vector_size(32), aligned(2)));
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));
_Static_assert((int)GATE_HIDDEN == 2 * LANES && (int)GATE_INPUTS == (int)INPUTS, "two vectors");

/* Counts of one block and one side, bright or dark: pixels beyond the threshold, their runs along rows and columns, pixels near the extreme, between
 * background and threshold, and of the background. Nine blocks' fit, too. */
enum { INK, ROWS, COLUMNS, STRONG, BETWEEN, QUIET }; /* places in it */
typedef uint16_t counts __attribute__((vector_size(16), aligned(2)));

static inline __attribute__((always_inline)) uint16_t total(const shorts *v) {
    int16_t part[BLOCK], sum = 0;
    memcpy(part, v, sizeof part);
    for (unsigned i = 0; i < BLOCK; i++) sum = (int16_t)(sum - part[i]);
    return (uint16_t)sum;
}

static uint32_t threshold(const lethe_text_level *level, size_t block, uint32_t most) {
    uint32_t needed = ((uint32_t)level->noise[block] * 5 / 2) / 16;
    if (needed < level->floor) needed = level->floor;
    return most <= needed ? UINT32_MAX : most * 2 / 5 > needed ? most * 2 / 5 : needed;
}

static inline __attribute__((always_inline)) void count_block(const lethe_text_level *level, uint32_t bx, uint32_t by, bool dark, counts *out) {
    static const shorts not_first = {0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    size_t block = (size_t)by * level->blocks_x + bx;
    uint32_t most = dark ? level->dark_max[block] : level->bright_max[block], limit = threshold(level, block, most);
    *out = (counts){0};
    if (limit > INT16_MAX || most > INT16_MAX) return;
    int16_t edge = (int16_t)limit, fifth = (int16_t)(most / 5), two = (int16_t)(most * 2 / 5), seven = (int16_t)(most * 7 / 10);
    shorts ink = {0}, rows = {0}, columns = {0}, strong = {0}, between = {0}, quiet = {0}, above = {0};
    uint32_t y1 = (by + 1) * BLOCK < level->h ? (by + 1) * BLOCK : level->h;
    for (uint32_t y = by * BLOCK; y < y1; y++) {
        const int16_t *at = level->deviation + (size_t)y * level->stride + bx * BLOCK;
        shorts d, left;
        memcpy(&d, at, sizeof d);
        memcpy(&left, bx + y == 0 ? at : at - 1, sizeof left); /* its first place does not count */
        if (dark) {
            d = -d;
            left = -left;
        }
        shorts over = d > edge, beside = (left > edge) & not_first, faint = d > fifth;
        ink += over;
        rows += over & ~beside;
        columns += over & ~above;
        strong += d > seven;
        between += faint & ~(d > two);
        quiet += (d > (int16_t)-fifth) & ~faint;
        above = over;
    }
    *out = (counts){total(&ink), total(&rows), total(&columns), total(&strong), total(&between), total(&quiet)};
}

/* Numbers that tell a block with a part of a letter from one without: its own counts, and those of the three by three blocks around it. */
static inline __attribute__((always_inline)) void describe(const lethe_text_level *level, const counts *all, uint32_t bx, uint32_t by, bool dark,
                                                           float f[INPUTS]) {
    size_t block = (size_t)by * level->blocks_x + bx;
    counts c = all[block], sum = {0}, middle = {0};
    uint32_t x0 = bx > 0 ? bx - 1 : 0, x1 = bx + 1 < level->blocks_x ? bx + 1 : bx, along = 0;
    for (uint32_t y = by > 0 ? by - 1 : 0; y <= by + 1 && y < level->blocks_y; y++) {
        const counts *row = all + (size_t)y * level->blocks_x;
        for (uint32_t x = x0; x <= x1; x++) sum += row[x];
        middle += row[bx];
    }
    for (uint32_t x = x0; x <= x1; x++) along += all[(size_t)by * level->blocks_x + x][INK];
    float most = (float)(dark ? level->dark_max[block] : level->bright_max[block]), noise = (float)level->noise[block] / 16;
    float own = 1 / ((float)c[INK] + 4), near = 1 / ((float)sum[INK] + 4);
    const float values[INPUTS] = {log2f((most + 1) / (noise + 1)),
                                  log2f(most + 1) / 2,
                                  (float)c[INK] / 64,
                                  (float)c[ROWS] * own,
                                  (float)c[COLUMNS] * own,
                                  (float)c[STRONG] * own,
                                  (float)c[BETWEEN] * own,
                                  (float)c[QUIET] / 128,
                                  (float)sum[INK] / 512,
                                  (float)sum[ROWS] * near,
                                  (float)sum[COLUMNS] * near,
                                  (float)sum[STRONG] * near,
                                  (float)sum[BETWEEN] * near,
                                  (float)sum[QUIET] / 1024,
                                  (float)along / 192,
                                  (float)middle[INK] / 192,
                                  log2f(noise + 1),
                                  threshold(level, block, (uint32_t)most) == (uint32_t)most * 2 / 5 ? 1.0f : 0.0f};
    memcpy(f, values, sizeof values);
}

static inline __attribute__((always_inline)) float odds(const float f[INPUTS]) {
    lanes hidden[2];
    float sum = gate_b2;
    for (unsigned v = 0; v < 2; v++) memcpy(&hidden[v], gate_b1 + v * LANES, sizeof hidden[v]);
    for (unsigned i = 0; i < INPUTS; i++) {
        float value = (f[i] - gate_mean[i]) * gate_scale[i];
        value = value < -4 ? -4 : value > 4 ? 4 : value;
        for (unsigned v = 0; v < 2; v++) {
            lanes weight;
            memcpy(&weight, gate_w1 + i * GATE_HIDDEN + v * LANES, sizeof weight);
            hidden[v] += weight * value;
        }
    }
    for (unsigned h = 0; h < GATE_HIDDEN; h++) sum += (hidden[h / LANES][h % LANES] > 0 ? hidden[h / LANES][h % LANES] : 0) * gate_w2[h];
    return sum;
}

static bool beside(const uint8_t *marks, const lethe_text_level *level, uint32_t bx, uint32_t by, uint8_t mark) {
    for (uint32_t y = by > 0 ? by - 1 : 0; y <= by + 1 && y < level->blocks_y; y++)
        for (uint32_t x = bx > 0 ? bx - 1 : 0; x <= bx + 1 && x < level->blocks_x; x++)
            if ((marks[(size_t)y * level->blocks_x + x] & mark) != 0) return true;
    return false;
}

/* From the sure blocks the others are reached step by step: a line begins clearly somewhere. */
static void reach(uint8_t *marks, const lethe_text_level *level) {
    for (unsigned step = 0; step < STEPS; step++) {
        uint8_t from = (uint8_t)(SURE << step), to = (uint8_t)(SURE << (step + 1));
        for (uint32_t by = 0; by < level->blocks_y; by++)
            for (uint32_t bx = 0; bx < level->blocks_x; bx++) {
                uint8_t *mark = &marks[(size_t)by * level->blocks_x + bx];
                if ((*mark & from) != 0 || ((step == 0 || (*mark & LEFT) != 0) && beside(marks, level, bx, by, from))) *mark |= to;
            }
    }
}

static inline __attribute__((always_inline)) void gate_side(lethe_text_level *level, bool dark, const uint8_t *allowed, counts *all, uint8_t *marks,
                                                            const lethe_text_gate_watch *watch) {
    const uint8_t bits = dark ? LETHE_TEXT_DARK | LETHE_TEXT_DARK_PLAIN : LETHE_TEXT_BRIGHT | LETHE_TEXT_BRIGHT_PLAIN;
    bool any = false;
    for (uint32_t by = 0; by < level->blocks_y; by++)
        for (uint32_t bx = 0; bx < level->blocks_x; bx++) {
            size_t block = (size_t)by * level->blocks_x + bx;
            bool active = (level->active[block] & bits) != 0;
            any = any || active;
            if (active) count_block(level, bx, by, dark, &all[block]);
            else all[block] = (counts){0};
        }
    for (uint32_t by = 0; by < level->blocks_y && any; by++)
        for (uint32_t bx = 0; bx < level->blocks_x; bx++) {
            size_t block = (size_t)by * level->blocks_x + bx;
            float f[INPUTS];
            marks[block] = 0;
            if ((level->active[block] & bits) == 0) continue;
            describe(level, all, bx, by, dark, f);
            if (watch != NULL) {
                watch->see(watch->context, level, bx, by, dark, f);
                continue;
            }
            float value = odds(f);
            marks[block] = (uint8_t)((value > odds_left ? LEFT : 0) | (value > odds_sure ? SURE : 0));
        }
    if (!any || watch != NULL) return;
    reach(marks, level);
    for (size_t block = 0; block < (size_t)level->blocks_x * level->blocks_y; block++)
        if ((marks[block] & SURE << STEPS) == 0 && (allowed == NULL || (allowed[block] & LETHE_TEXT_LOOK_CLOSELY) == 0))
            level->active[block] = (uint8_t)(level->active[block] & ~bits);
}

static inline __attribute__((always_inline)) void gate(lethe_text_level *level, const uint8_t *allowed, void *scratch,
                                                       const lethe_text_gate_watch *watch) {
    counts *all = scratch;
    uint8_t *marks = (uint8_t *)(all + (size_t)level->blocks_x * level->blocks_y);
    gate_side(level, false, allowed, all, marks, watch);
    gate_side(level, true, allowed, all, marks, watch);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void gate_wide(lethe_text_level *level, const uint8_t *allowed, void *scratch,
                                                          const lethe_text_gate_watch *watch) {
    gate(level, allowed, scratch, watch);
}
#endif
static void gate_plain(lethe_text_level *level, const uint8_t *allowed, void *scratch, const lethe_text_gate_watch *watch) {
    gate(level, allowed, scratch, watch);
}

lethe_status lethe_text_level_gate(lethe_text_level *level, const uint8_t *allowed, const lethe_text_gate_watch *watch, void **scratch,
                                   size_t *scratch_size, lethe_error *error) {
    size_t needed = (size_t)level->blocks_x * level->blocks_y * (sizeof(counts) + 1);
    lethe_status status = lethe_text_scratch(needed, scratch, scratch_size, error);
    if (status != LETHE_OK) return status;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        gate_wide(level, allowed, *scratch, watch);
        return LETHE_OK;
    }
#endif
    gate_plain(level, allowed, *scratch, watch);
    return LETHE_OK;
}
