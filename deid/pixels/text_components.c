#include "core/memory.h"
#include "deid/pixels/text_internal.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))

/* A component in the making; its root's sums are complete only after flattening. */
typedef struct label {
    uint32_t parent, area, hruns, vruns;
    int32_t x0, y0, x1, y1;
    uint64_t ink, contrast;
} label;

typedef struct run {
    int32_t x0, x1; /* both inside */
    uint32_t label;
} run;

void lethe_text_components_release(lethe_text_components *components) {
    lethe_free(components->items);
    lethe_free(components->rows);
    lethe_free(components->labels);
    lethe_free(components->runs);
    *components = (lethe_text_components){0};
}

static INLINE uint32_t root_of(label *labels, uint32_t i) {
    while (labels[i].parent != i) {
        labels[i].parent = labels[labels[i].parent].parent;
        i = labels[i].parent;
    }
    return i;
}

static INLINE void unite(label *labels, uint32_t a, uint32_t b) {
    a = root_of(labels, a);
    b = root_of(labels, b);
    if (a < b) labels[b].parent = a;
    else labels[a].parent = b;
}

/* One bit for each of 16 pixels that leave the local mean by more than `limit`. */
static INLINE uint16_t sixteen(const int16_t *deviation, bool dark, int16_t limit) {
#if defined(__SSE2__)
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)deviation), b = _mm_loadu_si128((const __m128i *)(const void *)(deviation + 8));
    __m128i edge = _mm_set1_epi16(dark ? (int16_t)-limit : limit);
    a = dark ? _mm_cmplt_epi16(a, edge) : _mm_cmpgt_epi16(a, edge);
    b = dark ? _mm_cmplt_epi16(b, edge) : _mm_cmpgt_epi16(b, edge);
    return (uint16_t)_mm_movemask_epi8(_mm_packs_epi16(a, b));
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < 16; i++) bits |= (unsigned)(dark ? deviation[i] < -limit : deviation[i] > limit) << i;
    return (uint16_t)bits;
#endif
}

/* Thresholds of a row of blocks for a pass; INT16_MAX where nobody looks. Returns whether anything is to be looked at. */
static INLINE bool block_limits(const lethe_text_level *level, lethe_text_pass pass, uint32_t by, int16_t *limits) {
    uint8_t bit = pass.adaptive ? (pass.dark ? LETHE_TEXT_DARK : LETHE_TEXT_BRIGHT) : (pass.dark ? LETHE_TEXT_DARK_PLAIN : LETHE_TEXT_BRIGHT_PLAIN);
    size_t row = (size_t)by * level->blocks_x;
    bool any = false;
    for (uint32_t bx = 0; bx < level->blocks_x; bx++) {
        limits[bx] = INT16_MAX;
        if ((level->active[row + bx] & bit) == 0) continue;
        uint32_t strongest = pass.dark ? level->dark_max[row + bx] : level->bright_max[row + bx];
        uint32_t needed = ((uint32_t)level->noise[row + bx] * 5 / 2) / 16;
        if (needed < level->floor) needed = level->floor;
        if (strongest <= needed) continue;
        if (pass.adaptive && strongest * 2 / 5 > needed) needed = strongest * 2 / 5;
        if (needed >= INT16_MAX) continue;
        limits[bx] = (int16_t)needed;
        any = true;
    }
    return any;
}

static INLINE void mask_row(const lethe_text_level *level, lethe_text_pass pass, uint32_t y, const int16_t *limits, uint64_t *mask) {
    const int16_t *deviation = level->deviation + (size_t)y * level->stride;
    for (uint32_t bx = 0; bx < level->blocks_x; bx += 4) {
        uint64_t word = 0;
        for (uint32_t k = 0; k < 4 && bx + k < level->blocks_x; k++)
            if (limits[bx + k] != INT16_MAX)
                word |= (uint64_t)sixteen(deviation + (size_t)(bx + k) * LETHE_TEXT_BLOCK, pass.dark, limits[bx + k]) << (16 * k);
        mask[bx / 4] = word;
    }
    if (level->w % 64 != 0) mask[level->w / 64] &= (UINT64_C(1) << level->w % 64) - 1; /* not the padding */
}

/* Runs of set pixels; returns their number. `mask` ends with an empty word. */
static INLINE size_t find_runs(const uint64_t *mask, uint32_t words, run *runs) {
    size_t count = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t word = mask[i];
        while (word != 0) {
            unsigned start = (unsigned)__builtin_ctzll(word);
            uint64_t rest = ~(word >> start);
            unsigned length = rest == 0 ? 64 : (unsigned)__builtin_ctzll(rest);
            int32_t x0 = (int32_t)(i * 64 + start);
            bool open = start + length >= 64;
            if (open) length = 64 - start;
            word = open ? 0 : word & (~UINT64_C(0) << (start + length));
            if (count > 0 && runs[count - 1].x1 + 1 == x0) runs[count - 1].x1 += (int32_t)length;
            else runs[count++] = (run){.x0 = x0, .x1 = x0 + (int32_t)length - 1};
        }
    }
    return count;
}

static INLINE unsigned ones_between(const uint64_t *mask, int32_t x0, int32_t x1) {
    unsigned count = 0;
    for (int32_t i = x0 / 64; i <= x1 / 64; i++) {
        uint64_t word = mask[i];
        if (i == x0 / 64) word &= ~UINT64_C(0) << (x0 % 64);
        if (i == x1 / 64 && x1 % 64 != 63) word &= (UINT64_C(1) << (x1 % 64 + 1)) - 1;
        count += (unsigned)__builtin_popcountll(word);
    }
    return count;
}

static INLINE void add_run(label *to, const lethe_text_level *level, const run *r, int32_t y, const uint64_t *above) {
    const uint16_t *value = level->value + (size_t)y * level->stride;
    const int16_t *deviation = level->deviation + (size_t)y * level->stride;
    uint32_t ink = 0, contrast = 0; /* at most 65,536 pixels of 15 bits */
    for (int32_t x = r->x0; x <= r->x1; x++) {
        ink += value[x];
        contrast += (uint32_t)abs(deviation[x]);
    }
    uint32_t length = (uint32_t)(r->x1 - r->x0 + 1);
    to->ink += ink;
    to->contrast += contrast;
    to->area += length;
    to->hruns++;
    to->vruns += length - ones_between(above, r->x0, r->x1);
    if (r->x0 < to->x0) to->x0 = r->x0;
    if (r->x1 > to->x1) to->x1 = r->x1;
    if (y < to->y0) to->y0 = y;
    if (y > to->y1) to->y1 = y;
}

static bool could_be_glyph(const label *l) {
    int32_t w = l->x1 - l->x0 + 1, h = l->y1 - l->y0 + 1;
    int32_t small = w < h ? w : h, large = w < h ? h : w;
    return l->area >= 4 && small <= 40 && large >= 3 && large <= 1200;
}

static lethe_status collect(lethe_text_components *components, const lethe_text_level *level, label *labels, size_t count, lethe_error *error) {
    for (size_t i = count; i-- > 0;) {
        uint32_t root = root_of(labels, (uint32_t)i);
        if (root == i) continue;
        label *to = &labels[root], *from = &labels[i];
        to->area += from->area;
        to->hruns += from->hruns;
        to->vruns += from->vruns;
        to->ink += from->ink;
        to->contrast += from->contrast;
        if (from->x0 < to->x0) to->x0 = from->x0;
        if (from->x1 > to->x1) to->x1 = from->x1;
        if (from->y0 < to->y0) to->y0 = from->y0;
        if (from->y1 > to->y1) to->y1 = from->y1;
        from->area = 0;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (labels[i].area > 0 && could_be_glyph(&labels[i])) kept++;
    if (components->count + kept > components->capacity) {
        size_t capacity = components->count + kept;
        lethe_text_component *grown = lethe_realloc_array(components->items, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for %zu components", capacity);
        components->items = grown;
        components->capacity = capacity;
    }
    for (size_t i = 0; i < count; i++) {
        const label *l = &labels[i];
        if (l->area == 0 || !could_be_glyph(l)) continue;
        size_t block = (size_t)((l->y0 + l->y1) / 2 / LETHE_TEXT_BLOCK) * level->blocks_x + (size_t)((l->x0 + l->x1) / 2 / LETHE_TEXT_BLOCK);
        components->items[components->count++] = (lethe_text_component){.x0 = l->x0,
                                                                        .y0 = l->y0,
                                                                        .x1 = l->x1,
                                                                        .y1 = l->y1,
                                                                        .area = l->area,
                                                                        .hruns = l->hruns,
                                                                        .vruns = l->vruns,
                                                                        .ink = (float)l->ink / (float)l->area,
                                                                        .contrast = (float)l->contrast / (float)l->area,
                                                                        .noise = (float)level->noise[block] / 16};
    }
    return LETHE_OK;
}

static lethe_status prepare(lethe_text_components *components, const lethe_text_level *level, lethe_error *error) {
    size_t words = level->blocks_x / 4 + 2, per_row = level->w / 2 + 1, rows = 2 * words + level->blocks_x / 4 + 1;
    if (components->rows_size < rows) {
        uint64_t *grown = lethe_realloc_array(components->rows, rows, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search for text");
        components->rows = grown;
        components->rows_size = rows;
    }
    if (components->run_capacity < 2 * per_row) {
        run *grown = lethe_realloc_array(components->runs, 2 * per_row, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search for text");
        components->runs = grown;
        components->run_capacity = 2 * per_row;
    }
    return LETHE_OK;
}

/* Give each run of a row the label of what it touches above, or a new one. */
static INLINE size_t label_row(lethe_text_components *components, const lethe_text_level *level, uint32_t y, const run *above, size_t above_count,
                               run *here, size_t here_count, const uint64_t *mask_above, size_t label_count) {
    label *labels = components->labels;
    size_t first = 0;
    for (size_t i = 0; i < here_count; i++) {
        run *r = &here[i];
        while (first < above_count && above[first].x1 + 1 < r->x0) first++;
        r->label = UINT32_MAX;
        for (size_t j = first; j < above_count && above[j].x0 <= r->x1 + 1; j++) {
            if (r->label == UINT32_MAX) r->label = root_of(labels, above[j].label);
            else {
                unite(labels, r->label, above[j].label);
                r->label = root_of(labels, r->label);
            }
        }
        if (r->label == UINT32_MAX) {
            r->label = (uint32_t)label_count;
            labels[label_count++] = (label){.parent = r->label, .x0 = INT32_MAX, .y0 = INT32_MAX, .x1 = -1, .y1 = -1};
        }
        add_run(&labels[r->label], level, r, (int32_t)y, mask_above);
    }
    return label_count;
}

static INLINE lethe_status find(lethe_text_components *components, const lethe_text_level *level, lethe_text_pass pass, lethe_error *error) {
    size_t words = level->blocks_x / 4 + 2, per_row = level->w / 2 + 1, label_count = 0, above_count = 0;
    components->count = 0;
    lethe_status status = prepare(components, level, error);
    if (status != LETHE_OK) return status;
    run *above = components->runs, *here = above + per_row;
    uint64_t *mask = components->rows, *mask_above = mask + words;
    int16_t *limits = (int16_t *)(void *)(mask_above + words);
    bool looked = false;
    memset(mask, 0, 2 * words * sizeof *mask);
    for (uint32_t y = 0; y < level->h; y++) {
        if (y % LETHE_TEXT_BLOCK == 0) {
            bool look = block_limits(level, pass, y / LETHE_TEXT_BLOCK, limits);
            if (!look) { /* a row of blocks where nothing is */
                if (looked) memset(mask_above, 0, words * sizeof *mask_above);
                looked = false;
                above_count = 0;
                y += LETHE_TEXT_BLOCK - 1;
                continue;
            }
            looked = true;
        }
        mask_row(level, pass, y, limits, mask);
        size_t here_count = find_runs(mask, (uint32_t)words - 1, here);
        if (label_count + here_count > LETHE_TEXT_MAX_COMPONENTS) { /* noise: close what there is, so that memory stays bounded */
            status = collect(components, level, components->labels, label_count, error);
            if (status != LETHE_OK) return status;
            label_count = above_count = 0;
            memset(mask_above, 0, words * sizeof *mask_above);
        }
        if (label_count + here_count > components->label_capacity) {
            size_t capacity = components->label_capacity * 2 + here_count + 4096;
            label *grown = lethe_realloc_array(components->labels, capacity, sizeof *grown);
            if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for components");
            components->labels = grown;
            components->label_capacity = capacity;
        }
        label_count = label_row(components, level, y, above, above_count, here, here_count, mask_above, label_count);
        run *swap_runs = above;
        above = here;
        here = swap_runs;
        above_count = here_count;
        uint64_t *swap_mask = mask_above;
        mask_above = mask;
        mask = swap_mask;
    }
    return collect(components, level, components->labels, label_count, error);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma,popcnt,bmi"))) static lethe_status find_wide(lethe_text_components *components, const lethe_text_level *level,
                                                                             lethe_text_pass pass, lethe_error *error) {
    return find(components, level, pass, error);
}
#endif
static lethe_status find_plain(lethe_text_components *components, const lethe_text_level *level, lethe_text_pass pass, lethe_error *error) {
    return find(components, level, pass, error);
}

lethe_status lethe_text_components_find(lethe_text_components *components, const lethe_text_level *level, lethe_text_pass pass, lethe_error *error) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi"))
        return find_wide(components, level, pass, error);
#endif
    return find_plain(components, level, pass, error);
}
