#include "core/memory.h"
#include "deid/pixels/text_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = 8, MAX_MEMBERS = 160, LANES = 4, MOST_CLUTTER = 401, MOST_FAILED = 6 };

/* Of the compiler: four components at once. */
typedef int32_t four __attribute__((vector_size(4 * LANES), aligned(4)));

/* Components in a grid, and the line that is growing. For vertical lines x and y change places. */
typedef struct grower {
    lethe_text_lines *lines;
    lethe_text_component *items;
    size_t count;
    const lethe_text_level *level;
    lethe_text_pass pass;
    unsigned scale, plane;
    bool vertical;
    int32_t cells_x, cells_y;
    uint32_t members[MAX_MEMBERS];
    unsigned member_count;
} grower;

void lethe_text_lines_release(lethe_text_lines *lines) {
    lethe_free(lines->items);
    lethe_free(lines->features);
    lethe_free(lines->starts);
    lethe_free(lines->placed);
    lethe_free(lines->order);
    *lines = (lethe_text_lines){0};
}

static void transpose(lethe_text_component *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        lethe_text_component *c = &items[i];
        int32_t x0 = c->x0, x1 = c->x1;
        uint32_t runs = c->hruns;
        c->x0 = c->y0;
        c->x1 = c->y1;
        c->y0 = x0;
        c->y1 = x1;
        c->hruns = c->vruns;
        c->vruns = runs;
    }
}

static float width_of(const lethe_text_component *c) { return (float)(c->x1 - c->x0 + 1); }
static float height_of(const lethe_text_component *c) { return (float)(c->y1 - c->y0 + 1); }

/* Like a stroke figure and not like a speck, a filled patch or an outline of anatomy. */
static bool is_seed(const lethe_text_component *c) {
    float w = width_of(c), h = height_of(c);
    return h >= 5 && h <= 36 && w <= 45 * h && (float)c->area >= 0.08f * w * h && (w < 3 * h || (float)c->hruns > 1.2f * h);
}

/* One coordinate of the components in the order of the grid. */
static int32_t *placed(const grower *g, unsigned which) { return g->lines->placed + which * (g->lines->item_capacity + LANES); }
enum { X0, X1, Y0, Y1, INDEX };

static lethe_status reserve(lethe_text_lines *lines, size_t cells, size_t items, lethe_error *error) {
    if (cells + 2 > lines->start_capacity) {
        uint32_t *grown = lethe_realloc_array(lines->starts, cells + 2, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for lines of text");
        lines->starts = grown;
        lines->start_capacity = cells + 2;
    }
    if (items > lines->item_capacity) {
        int32_t *numbers = lethe_realloc_array(lines->placed, 5 * (items + LANES), sizeof *numbers);
        if (numbers != NULL) lines->placed = numbers;
        uint32_t *order = lethe_realloc_array(lines->order, items, sizeof *order);
        if (order != NULL) lines->order = order;
        if (numbers == NULL || order == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for lines of text");
        lines->item_capacity = items;
    }
    return LETHE_OK;
}

/* Sort the components by cells, row by row: neighbours along a row of cells lie in one stretch. */
static lethe_status build_grid(grower *g, lethe_error *error) {
    lethe_text_lines *lines = g->lines;
    uint32_t w = g->vertical ? g->level->h : g->level->w, h = g->vertical ? g->level->w : g->level->h;
    g->cells_x = (int32_t)(w / CELL + 1);
    g->cells_y = (int32_t)(h / CELL + 1);
    size_t cells = (size_t)g->cells_x * (size_t)g->cells_y;
    lethe_status status = reserve(lines, cells, g->count, error);
    if (status != LETHE_OK) return status;
    memset(lines->starts, 0, (cells + 2) * sizeof *lines->starts);
    uint32_t *next = lines->starts + 1;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = g->count; i-- > 0;) {
            const lethe_text_component *c = &g->items[i];
            size_t cell = (size_t)((c->y0 + c->y1) / 2 / CELL) * (size_t)g->cells_x + (size_t)(c->x0 / CELL);
            if (pass == 0) {
                next[cell + 1]++;
                continue;
            }
            uint32_t at = next[cell]++;
            placed(g, X0)[at] = c->x0;
            placed(g, X1)[at] = c->x1;
            placed(g, Y0)[at] = c->y0;
            placed(g, Y1)[at] = c->y1;
            placed(g, INDEX)[at] = (int32_t)i;
        }
        for (size_t cell = 0; pass == 0 && cell < cells; cell++) next[cell + 1] += next[cell];
    }
    for (unsigned which = 0; which < 5; which++) memset(placed(g, which) + g->count, 0, LANES * sizeof(int32_t));
    return LETHE_OK;
}

/* Seeds from left to right, by counting sort on the left edge. */
static size_t order_seeds(grower *g, uint32_t w) {
    uint32_t *starts = lethe_alloc_array((size_t)w + 2, sizeof *starts);
    size_t seeds = 0;
    if (starts == NULL) return 0;
    for (size_t i = 0; i < g->count; i++)
        if (is_seed(&g->items[i])) {
            starts[g->items[i].x0 + 1]++;
            seeds++;
        }
    for (uint32_t x = 0; x < w; x++) starts[x + 1] += starts[x];
    for (size_t i = 0; i < g->count; i++)
        if (is_seed(&g->items[i])) g->lines->order[starts[g->items[i].x0]++] = (uint32_t)i;
    lethe_free(starts);
    return seeds;
}

typedef struct band {
    float top, base; /* of the letters so far */
    int32_t right;   /* end of the last letter */
    float ink, contrast;
} band;

static bool fits(const band *b, const lethe_text_component *c) {
    float h = b->base - b->top + 1, height = height_of(c), middle = (float)(c->y0 + c->y1) / 2;
    if (height > 1.55f * h + 2 || (float)c->y1 > b->base + 0.45f * h + 1 || (float)c->y0 < b->top - 0.55f * h - 1) return false;
    if (middle < b->top - 0.15f * h || middle > b->base + 0.3f * h) return false;
    float gap = (float)(c->x0 - b->right - 1);
    if (gap > 1.15f * h + 2 || gap < -0.5f * h - 2 || c->x1 <= b->right) return false;
    if (fabsf(c->ink - b->ink) > 0.4f * b->contrast + 2 * c->noise + 1) return false;
    return c->contrast > 0.3f * b->contrast && c->contrast < 3 * b->contrast;
}

/* The next component to the right: of those that fit the one that starts first. */
static int32_t next_member(const grower *g, const band *b) {
    float h = b->base - b->top + 1;
    int32_t from_x = (b->right - (int32_t)(0.5f * h) - 2) / CELL, to_x = (b->right + (int32_t)(1.2f * h) + 4) / CELL;
    int32_t from_y = (int32_t)(b->top - 0.5f * h) / CELL, to_y = (int32_t)(b->base + 0.5f * h) / CELL;
    if (from_x < 0) from_x = 0;
    if (from_y < 0) from_y = 0;
    if (to_x >= g->cells_x) to_x = g->cells_x - 1;
    if (to_y >= g->cells_y) to_y = g->cells_y - 1;
    /* What no component that fits can be beyond; the few that are within are looked at in full. */
    int32_t left = (int32_t)floorf((float)(b->right + 1) - 0.5f * h - 2), right = (int32_t)ceilf((float)(b->right + 1) + 1.15f * h + 2);
    int32_t low = (int32_t)floorf(b->top - 0.55f * h - 1), high = (int32_t)ceilf(b->base + 0.45f * h + 1), best = -1;
    const int32_t *x0 = placed(g, X0), *x1 = placed(g, X1), *y0 = placed(g, Y0), *y1 = placed(g, Y1), *index = placed(g, INDEX);
    for (int32_t cy = from_y; cy <= to_y; cy++) {
        size_t row = (size_t)cy * (size_t)g->cells_x;
        uint32_t end = g->lines->starts[row + (size_t)to_x + 1];
        for (uint32_t at = g->lines->starts[row + (size_t)from_x]; at < end; at += LANES) {
            four near = (*(const four *)(x0 + at) >= left) & (*(const four *)(x0 + at) <= right) & (*(const four *)(x1 + at) > b->right) &
                        (*(const four *)(y0 + at) >= low) & (*(const four *)(y1 + at) <= high);
            uint64_t any[LANES / 2];
            memcpy(any, &near, sizeof any);
            if ((any[0] | any[1]) == 0) continue;
            for (uint32_t k = 0; k < LANES && at + k < end; k++) {
                if (near[k] == 0) continue;
                const lethe_text_component *c = &g->items[index[at + k]];
                if (c->used || (best >= 0 && c->x0 >= g->items[best].x0) || !fits(b, c)) continue;
                best = index[at + k];
            }
        }
    }
    return best;
}

static void grow(grower *g, uint32_t seed) {
    const lethe_text_component *s = &g->items[seed];
    band b = {.top = (float)s->y0, .base = (float)s->y1, .right = s->x1, .ink = s->ink, .contrast = s->contrast};
    float weight = 1;
    g->members[0] = seed;
    g->member_count = 1;
    g->items[seed].used = true;
    int32_t next;
    while (g->member_count < MAX_MEMBERS && (next = next_member(g, &b)) >= 0) {
        lethe_text_component *c = &g->items[next];
        c->used = true;
        g->members[g->member_count++] = (uint32_t)next;
        if (c->x1 > b.right) b.right = c->x1;
        float h = b.base - b.top + 1, height = height_of(c);
        if (height > 1.2f * h) { /* a capital after small letters, or a real letter after a dot */
            b.top = (float)c->y0;
            b.base = weight < 3 ? (float)c->y1 : b.base;
        } else if (height > 0.75f * h) {
            b.top += ((float)c->y0 - b.top) / (weight + 1);
            b.base += ((float)c->y1 - b.base) / (weight + 1);
        }
        if ((float)c->area > 0.15f * h * h * 0.2f) {
            b.ink += (c->ink - b.ink) / (weight + 1);
            b.contrast += (c->contrast - b.contrast) / (weight + 1);
            if (weight < 8) weight++;
        }
    }
}

/* The upper median; reorders the values. */
static float median(float *values, unsigned count) {
    if (count == 0) return 0;
    unsigned low = 0, high = count - 1, rank = count / 2;
    while (low < high) {
        float pivot = values[(low + high) / 2];
        unsigned i = low, j = high;
        for (;;) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i >= j) break;
            float swap = values[i];
            values[i++] = values[j];
            values[j--] = swap;
        }
        if (rank <= j) high = j;
        else low = j + 1;
    }
    return values[rank];
}

typedef struct moments {
    float n, sum, squares;
} moments;
static void add(moments *m, float value) {
    m->n++;
    m->sum += value;
    m->squares += value * value;
}
static float mean_of(const moments *m) { return m->n > 0 ? m->sum / m->n : 0; }
static float deviation_of(const moments *m) {
    float mean = mean_of(m), variance = m->n > 0 ? m->squares / m->n - mean * mean : 0;
    return variance > 0 ? sqrtf(variance) : 0;
}

/* Other components around the line, per letter height of its length: much in texture, little around an overlay. */
static float clutter(const grower *g, int32_t x0, int32_t x1, int32_t y0, int32_t y1, float h) {
    int32_t margin = (int32_t)(h * 0.9f) + 1;
    int32_t from_x = x0 - margin, to_x = x1 + margin, from_y = y0 - margin, to_y = y1 + margin;
    unsigned seen = 0;
    int32_t last = to_x / CELL < g->cells_x ? to_x / CELL : g->cells_x - 1;
    const int32_t *left = placed(g, X0), *right = placed(g, X1), *top = placed(g, Y0), *bottom = placed(g, Y1);
    for (int32_t cy = (from_y < 0 ? 0 : from_y / CELL); cy <= to_y / CELL && cy < g->cells_y && seen < MOST_CLUTTER; cy++) {
        size_t row = (size_t)cy * (size_t)g->cells_x;
        uint32_t end = g->lines->starts[row + (size_t)last + 1];
        for (uint32_t at = g->lines->starts[row + (size_t)(from_x < 0 ? 0 : from_x / CELL)]; at < end; at++) {
            int32_t x = (left[at] + right[at]) / 2, y = (top[at] + bottom[at]) / 2;
            bool inside = x >= x0 && x <= x1 && y >= y0 && y <= y1;
            seen += !inside && x >= from_x && x <= to_x && y >= from_y && y <= to_y;
        }
    }
    if (seen > MOST_CLUTTER) seen = MOST_CLUTTER;
    return (float)seen * h / (float)(x1 - x0 + 1 + 2 * margin);
}

/* Height of the letters: the median of those that are no specks beside the tallest. */
static float letter_height(const grower *g) {
    float values[MAX_MEMBERS], tall = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < g->member_count; i++) {
        values[i] = height_of(&g->items[g->members[i]]);
        tall = values[i] > tall ? values[i] : tall;
    }
    for (unsigned i = 0; i < g->member_count; i++)
        if (values[i] > 0.5f * tall) values[count++] = values[i];
    return median(values, count);
}

/* About how many letters a component holds, by its width and by how often its rows cross ink. */
static float glyphs_of(const lethe_text_component *c, float h) {
    float by_width = width_of(c) / (0.75f * h), by_runs = (float)c->hruns / height_of(c) / 1.3f, n = by_width < by_runs ? by_width : by_runs;
    return n > 1 ? n : 1;
}

/* Long and high enough, and level: ascenders and descenders make a line at most this much higher than its letters; a slanting row of specks is not
 * one. Most groups of a texture end here, before they are measured. */
static bool could_be_line(const grower *g, float h) {
    int32_t x0 = INT32_MAX, y0 = INT32_MAX, x1 = 0, y1 = 0;
    float glyphs = 0;
    for (unsigned i = 0; i < g->member_count; i++) {
        const lethe_text_component *c = &g->items[g->members[i]];
        if (c->x0 < x0) x0 = c->x0;
        if (c->y0 < y0) y0 = c->y0;
        if (c->x1 > x1) x1 = c->x1;
        if (c->y1 > y1) y1 = c->y1;
        if (height_of(c) >= 0.45f * h) glyphs += glyphs_of(c, h);
    }
    float whole = floorf(h);
    return glyphs >= 2.5f && (float)(x1 - x0 + 1) >= whole && whole >= 5 && (float)(y1 - y0 + 1) <= 1.9f * whole + 3;
}

/* Numbers that tell a line of text from a chance row of specks; `h` is the height of its letters. */
static void measure(const grower *g, float h, float f[LETHE_TEXT_FEATURES], lethe_text_line *line) {
    float values[MAX_MEMBERS];
    unsigned count = 0;
    int32_t x0 = INT32_MAX, y0 = INT32_MAX, x1 = 0, y1 = 0;
    moments ink = {0}, contrast = {0}, stroke = {0}, fill = {0}, heights = {0}, gaps = {0}, aspect = {0}, noise = {0};
    float glyphs = 0, hruns = 0, vruns = 0, bars = 0, small = 0, majors = 0;
    int32_t right = -1;
    for (unsigned i = 0; i < g->member_count; i++) {
        const lethe_text_component *c = &g->items[g->members[i]];
        float cw = width_of(c), ch = height_of(c), filled = (float)c->area / (cw * ch);
        if (c->x0 < x0) x0 = c->x0;
        if (c->y0 < y0) y0 = c->y0;
        if (c->y1 > y1) y1 = c->y1;
        if (right >= 0) add(&gaps, (float)(c->x0 - right - 1) / h);
        if (c->x1 > x1) x1 = c->x1;
        right = x1;
        add(&ink, c->ink);
        add(&contrast, c->contrast);
        add(&noise, c->noise);
        hruns += (float)c->hruns;
        vruns += (float)c->vruns;
        if (ch < 0.45f * h) {
            small++;
            continue;
        }
        majors++;
        add(&stroke, (float)c->area / (float)(c->hruns > c->vruns ? c->hruns : c->vruns) / h);
        add(&fill, filled);
        add(&heights, ch / h);
        add(&aspect, cw / ch);
        if (filled > 0.85f) bars++;
        glyphs += glyphs_of(c, h);
    }
    count = 0;
    for (unsigned i = 0; i < g->member_count; i++)
        if (height_of(&g->items[g->members[i]]) >= 0.45f * h) values[count++] = (float)g->items[g->members[i]].y1;
    float base = median(values, count);
    count = 0;
    for (unsigned i = 0; i < g->member_count; i++)
        if (height_of(&g->items[g->members[i]]) >= 0.45f * h) values[count++] = (float)g->items[g->members[i]].y0;
    float top = median(values, count), on_base = 0, on_top = 0;
    for (unsigned i = 0; i < g->member_count; i++) {
        const lethe_text_component *c = &g->items[g->members[i]];
        if (height_of(c) < 0.45f * h) continue;
        if (fabsf((float)c->y1 - base) <= 0.08f * h + 0.6f) on_base++;
        if (fabsf((float)c->y0 - top) <= 0.08f * h + 0.6f) on_top++;
    }
    float length = (float)(x1 - x0 + 1);
    if (majors < 1) majors = 1;
    float all_contrast = mean_of(&contrast) > 0.5f ? mean_of(&contrast) : 0.5f;
    f[0] = log2f(glyphs < 1 ? 1 : glyphs);
    f[1] = on_base / majors;
    f[2] = on_top / majors;
    f[3] = deviation_of(&heights);
    f[4] = deviation_of(&ink) / all_contrast;
    f[5] = log2f(all_contrast / (mean_of(&noise) + 0.5f));
    f[6] = mean_of(&stroke);
    f[7] = deviation_of(&stroke) / (mean_of(&stroke) + 0.01f);
    f[8] = bars / majors;
    f[9] = mean_of(&fill);
    f[10] = hruns / (length < 1 ? 1 : length);
    f[11] = vruns / (length < 1 ? 1 : length);
    f[12] = log2f(length / (h < 1 ? 1 : h));
    f[13] = mean_of(&gaps);
    f[14] = deviation_of(&gaps);
    f[15] = small / (float)g->member_count;
    f[16] = log2f(h < 1 ? 1 : h);
    f[17] = log2f(all_contrast / g->level->range);
    f[18] = clutter(g, x0, x1, y0, y1, h);
    f[19] = mean_of(&aspect);
    *line = (lethe_text_line){.x = (uint32_t)x0,
                              .y = (uint32_t)y0,
                              .w = (uint32_t)(x1 - x0 + 1),
                              .h = (uint32_t)(y1 - y0 + 1),
                              .height_px = (uint32_t)h,
                              .glyphs = (uint16_t)(glyphs + 0.5f),
                              .bars = (uint8_t)(100 * bars / majors),
                              .vertical = g->vertical,
                              .dark = g->pass.dark,
                              .plane = (uint8_t)g->plane,
                              .contrast = all_contrast * (float)(1u << g->level->shift),
                              .ink = mean_of(&ink) * (float)(1u << g->level->shift) + (float)g->level->base};
}

static lethe_status append(grower *g, const lethe_text_line *line, const float f[LETHE_TEXT_FEATURES], lethe_error *error) {
    lethe_text_lines *lines = g->lines;
    if (lines->count == lines->capacity) {
        size_t capacity = lines->capacity * 2 + 64;
        lethe_text_line *items = lethe_realloc_array(lines->items, capacity, sizeof *items);
        if (items != NULL) lines->items = items;
        float(*features)[LETHE_TEXT_FEATURES] = lethe_realloc_array(lines->features, capacity, sizeof *features);
        if (features != NULL) lines->features = features;
        if (items == NULL || features == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for lines of text");
        lines->capacity = capacity;
    }
    lethe_text_line *to = &lines->items[lines->count];
    *to = *line;
    if (g->vertical) {
        to->x = line->y;
        to->y = line->x;
        to->w = line->h;
        to->h = line->w;
    }
    to->x *= g->scale;
    to->y *= g->scale;
    to->w *= g->scale;
    to->h *= g->scale;
    to->height_px *= g->scale;
    memcpy(lines->features[lines->count], f, sizeof lines->features[0]);
    lines->count++;
    return LETHE_OK;
}

static lethe_status grow_all(grower *g, lethe_error *error) {
    uint32_t w = g->vertical ? g->level->h : g->level->w;
    lethe_status status = build_grid(g, error);
    if (status != LETHE_OK) return status;
    for (size_t i = 0; i < g->count; i++) {
        g->items[i].used = false;
        g->items[i].failed = 0;
    }
    size_t seeds = order_seeds(g, w);
    for (size_t i = 0; i < seeds && status == LETHE_OK; i++) {
        uint32_t seed = g->lines->order[i];
        if (g->items[seed].used || g->items[seed].failed >= MOST_FAILED) continue; /* the end of a row that was tried from many places */
        grow(g, seed);
        bool kept = false;
        float h = letter_height(g);
        if (could_be_line(g, h)) {
            lethe_text_line line;
            float f[LETHE_TEXT_FEATURES];
            measure(g, h, f, &line);
            line.score = lethe_text_score(f);
            if (line.score >= 0.02f) {
                status = append(g, &line, f, error);
                kept = line.score >= 0.5f;
            }
        }
        if (!kept) /* give the others back: a better seed may use them */
            for (unsigned m = 1; m < g->member_count; m++) {
                g->items[g->members[m]].used = false;
                if (g->items[g->members[m]].failed < MOST_FAILED) g->items[g->members[m]].failed++;
            }
    }
    return status;
}

lethe_status lethe_text_lines_find(lethe_text_lines *lines, lethe_text_components *components, const lethe_text_level *level, lethe_text_pass pass,
                                   unsigned scale, unsigned plane, lethe_error *error) {
    grower *g = lethe_alloc_array(1, sizeof *g);
    if (g == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for lines of text");
    *g = (grower){
        .lines = lines, .items = components->items, .count = components->count, .level = level, .pass = pass, .scale = scale, .plane = plane};
    lethe_status status = grow_all(g, error);
    if (status == LETHE_OK) {
        transpose(g->items, g->count);
        g->vertical = true;
        status = grow_all(g, error);
    }
    lethe_free(g);
    return status;
}
