#include "core/memory.h"
#include "deid/text_internal.h"

#include <string.h>

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

static uint32_t root_of(label *labels, uint32_t i) {
    while (labels[i].parent != i) {
        labels[i].parent = labels[labels[i].parent].parent;
        i = labels[i].parent;
    }
    return i;
}

static void unite(label *labels, uint32_t a, uint32_t b) {
    a = root_of(labels, a);
    b = root_of(labels, b);
    if (a < b) labels[b].parent = a;
    else labels[a].parent = b;
}

/* mask[x] = 1 where the value leaves the local mean by more than the block's threshold. */
static void mask_row(const lethe_text_level *level, lethe_text_pass pass, uint32_t y, uint8_t *mask) {
    const uint16_t *value = level->value + (size_t)y * level->w, *mean = level->mean + (size_t)y * level->w;
    size_t block_row = (size_t)(y / LETHE_TEXT_BLOCK) * level->blocks_x;
    for (uint32_t bx = 0; bx < level->blocks_x; bx++) {
        uint32_t x0 = bx * LETHE_TEXT_BLOCK, x1 = x0 + LETHE_TEXT_BLOCK < level->w ? x0 + LETHE_TEXT_BLOCK : level->w;
        uint32_t strongest = pass.dark ? level->dark_max[block_row + bx] : level->bright_max[block_row + bx];
        uint32_t noise = level->noise[block_row + bx];
        uint32_t needed = (noise * 5 / 2) / 16;
        if (needed < level->floor) needed = level->floor;
        if (strongest <= needed) {
            memset(mask + x0, 0, x1 - x0);
            continue;
        }
        if (pass.adaptive) {
            if (strongest * 2 / 5 > needed) needed = strongest * 2 / 5;
        }
        int threshold = (int)needed;
        if (pass.dark)
            for (uint32_t x = x0; x < x1; x++) mask[x] = (int)mean[x] - (int)value[x] > threshold;
        else
            for (uint32_t x = x0; x < x1; x++) mask[x] = (int)value[x] - (int)mean[x] > threshold;
    }
}

/* Runs of set pixels; returns their number. */
static size_t find_runs(const uint8_t *mask, uint32_t w, run *runs) {
    size_t count = 0;
    uint32_t x = 0;
    while (x < w) {
        if (mask[x] == 0) {
            uint64_t eight;
            while (x + 8 <= w && (memcpy(&eight, mask + x, 8), eight == 0)) x += 8;
            while (x < w && mask[x] == 0) x++;
            continue;
        }
        uint32_t start = x;
        while (x < w && mask[x] != 0) x++;
        runs[count++] = (run){.x0 = (int32_t)start, .x1 = (int32_t)x - 1};
    }
    return count;
}

static void add_run(label *to, const lethe_text_level *level, const run *r, int32_t y, const uint8_t *above) {
    const uint16_t *value = level->value + (size_t)y * level->w, *mean = level->mean + (size_t)y * level->w;
    uint64_t ink = 0, contrast = 0;
    uint32_t fresh = 0;
    for (int32_t x = r->x0; x <= r->x1; x++) {
        int d = (int)value[x] - (int)mean[x];
        ink += value[x];
        contrast += (uint64_t)(d < 0 ? -d : d);
        fresh += above[x] == 0;
    }
    to->ink += ink;
    to->contrast += contrast;
    to->area += (uint32_t)(r->x1 - r->x0 + 1);
    to->hruns++;
    to->vruns += fresh;
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

lethe_status lethe_text_components_find(lethe_text_components *components, const lethe_text_level *level, lethe_text_pass pass, lethe_error *error) {
    size_t w = level->w, per_row = w / 2 + 1, label_count = 0;
    components->count = 0;
    if (components->rows_size < 2 * w) {
        uint8_t *rows = lethe_realloc_array(components->rows, 2 * w, 1);
        if (rows == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search for text");
        components->rows = rows;
        components->rows_size = 2 * w;
    }
    if (components->run_capacity < 2 * per_row) {
        run *runs = lethe_realloc_array(components->runs, 2 * per_row, sizeof *runs);
        if (runs == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search for text");
        components->runs = runs;
        components->run_capacity = 2 * per_row;
    }
    run *above = components->runs, *here = above + per_row;
    uint8_t *mask = components->rows, *mask_above = mask + w;
    size_t above_count = 0;
    memset(mask_above, 0, w);
    for (uint32_t y = 0; y < level->h; y++) {
        mask_row(level, pass, y, mask);
        size_t here_count = find_runs(mask, level->w, here), first = 0;
        if (label_count + here_count > LETHE_TEXT_MAX_COMPONENTS) { /* noise: close what there is, so that memory stays bounded */
            lethe_status status = collect(components, level, components->labels, label_count, error);
            if (status != LETHE_OK) return status;
            label_count = above_count = 0;
            memset(mask_above, 0, w);
        }
        if (label_count + here_count > components->label_capacity) {
            size_t capacity = components->label_capacity * 2 + here_count + 4096;
            label *grown = lethe_realloc_array(components->labels, capacity, sizeof *grown);
            if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for components");
            components->labels = grown;
            components->label_capacity = capacity;
        }
        label *labels = components->labels;
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
        run *swap_runs = above;
        above = here;
        here = swap_runs;
        above_count = here_count;
        uint8_t *swap_mask = mask_above;
        mask_above = mask;
        mask = swap_mask;
    }
    return collect(components, level, components->labels, label_count, error);
}
