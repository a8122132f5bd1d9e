#include "viewer/tools/raster.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

static void touch(lethe_dirty *dirty, int64_t x, int64_t y) {
    if (dirty->x0 >= dirty->x1) {
        *dirty = (lethe_dirty){x, y, x + 1, y + 1};
        return;
    }
    if (x < dirty->x0) dirty->x0 = x;
    if (y < dirty->y0) dirty->y0 = y;
    if (x >= dirty->x1) dirty->x1 = x + 1;
    if (y >= dirty->y1) dirty->y1 = y + 1;
}

static bool allowed(const lethe_paint_rule *rule, uint8_t old, uint32_t x, uint32_t y) {
    if (!rule) return true;
    if (rule->locked && rule->locked[old]) return false;
    if (!rule->by_value || !rule->pixels) return true;
    double value = lethe_image_sample(rule->pixels, x, y, 0) * rule->slope + rule->intercept;
    return value >= rule->low && value <= rule->high;
}

static bool put(const lethe_bitmap *bitmap, uint32_t x, uint32_t y, uint8_t value, const lethe_paint_rule *rule, lethe_dirty *dirty) {
    uint8_t *at = &bitmap->labels[(size_t)y * bitmap->columns + x];
    if (*at == value || !allowed(rule, *at, x, y)) return false;
    *at = value;
    touch(dirty, x, y);
    return true;
}

void lethe_brush(const lethe_bitmap *bitmap, lethe_point from, lethe_point to, double rx, double ry, uint8_t value, const lethe_paint_rule *rule,
                 lethe_dirty *dirty) {
    /* Distances are measured with the ellipse made a unit circle; the stroke is a capsule there. A brush under one pixel paints the pixel it is on.
     */
    rx = fmax(rx, 0.5);
    ry = fmax(ry, 0.5);
    double ax = from.x / rx, ay = from.y / ry, dx = to.x / rx - ax, dy = to.y / ry - ay, length = dx * dx + dy * dy;
    int64_t x0 = (int64_t)floor(fmin(from.x, to.x) - rx), x1 = (int64_t)ceil(fmax(from.x, to.x) + rx);
    int64_t y0 = (int64_t)floor(fmin(from.y, to.y) - ry), y1 = (int64_t)ceil(fmax(from.y, to.y) + ry);
    if (x0 < 0) x0 = 0;
    if (y0 < 0) y0 = 0;
    if (x1 > bitmap->columns) x1 = bitmap->columns;
    if (y1 > bitmap->rows) y1 = bitmap->rows;
    for (int64_t y = y0; y < y1; y++)
        for (int64_t x = x0; x < x1; x++) {
            double px = ((double)x + 0.5) / rx - ax, py = ((double)y + 0.5) / ry - ay;
            double t = length > 0 ? (px * dx + py * dy) / length : 0;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            px -= t * dx;
            py -= t * dy;
            if (px * px + py * py <= 1) (void)put(bitmap, (uint32_t)x, (uint32_t)y, value, rule, dirty);
        }
    if (to.x >= 0 && to.y >= 0 && to.x < bitmap->columns && to.y < bitmap->rows)
        (void)put(bitmap, (uint32_t)to.x, (uint32_t)to.y, value, rule, dirty);
}

/* --- areas --- */

typedef bool (*belongs_fn)(const void *context, size_t index);

/* Mark the connected area around a pixel in `seen` (1 byte each); a stack of indices on the heap, each pixel pushed once. */
static lethe_status flood(uint32_t columns, uint32_t rows, size_t start, bool diagonal, belongs_fn belongs, const void *context, uint8_t *seen,
                          bool *border, uint64_t *count, size_t *stack) {
    size_t top = 0;
    *count = 0;
    if (border) *border = false;
    seen[start] = 1;
    stack[top++] = start;
    while (top > 0) {
        size_t at = stack[--top];
        int64_t x = (int64_t)(at % columns), y = (int64_t)(at / columns);
        ++*count;
        if (border && (x == 0 || y == 0 || x == columns - 1 || y == rows - 1)) *border = true;
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int64_t nx = x + dx, ny = y + dy;
                if ((dx == 0) == (dy == 0) && (!diagonal || (dx == 0 && dy == 0))) continue;
                if (nx < 0 || ny < 0 || nx >= columns || ny >= rows) continue;
                size_t next = (size_t)ny * columns + (size_t)nx;
                if (seen[next] || !belongs(context, next)) continue;
                seen[next] = 1;
                stack[top++] = next;
            }
    }
    return LETHE_OK;
}

typedef struct work {
    uint8_t *seen;
    size_t *stack;
} work;

static lethe_status work_start(work *w, size_t count, lethe_error *error) {
    w->seen = lethe_alloc_array(count, 1);
    w->stack = lethe_alloc_array(count, sizeof *w->stack);
    return w->seen && w->stack ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
}

static void work_end(work *w) {
    lethe_free(w->seen);
    lethe_free(w->stack);
}

static uint64_t apply(const lethe_bitmap *bitmap, const uint8_t *seen, uint8_t value, const lethe_paint_rule *rule, lethe_dirty *dirty) {
    uint64_t changed = 0;
    for (uint32_t y = 0; y < bitmap->rows; y++)
        for (uint32_t x = 0; x < bitmap->columns; x++)
            if (seen[(size_t)y * bitmap->columns + x]) changed += put(bitmap, x, y, value, rule, dirty);
    return changed;
}

typedef struct same_label {
    const uint8_t *labels;
    uint8_t label;
} same_label;

static bool is_same(const void *context, size_t index) {
    const same_label *s = context;
    return s->labels[index] == s->label;
}

lethe_status lethe_fill(const lethe_bitmap *bitmap, int64_t x, int64_t y, uint8_t value, const lethe_paint_rule *rule, lethe_dirty *dirty,
                        uint64_t *changed, lethe_error *error) {
    *changed = 0;
    if (x < 0 || y < 0 || x >= bitmap->columns || y >= bitmap->rows) return LETHE_OK;
    work w;
    lethe_status status = work_start(&w, (size_t)bitmap->columns * bitmap->rows, error);
    if (!status) {
        size_t start = (size_t)y * bitmap->columns + (size_t)x;
        same_label same = {bitmap->labels, bitmap->labels[start]};
        bool border;
        uint64_t count;
        status = flood(bitmap->columns, bitmap->rows, start, false, is_same, &same, w.seen, &border, &count, w.stack);
        if (!status && !(border && value != 0 && same.label == 0)) *changed = apply(bitmap, w.seen, value, rule, dirty);
    }
    work_end(&w);
    return status;
}

typedef struct value_range {
    const lethe_image *pixels;
    double slope, intercept, low, high;
} value_range;

static bool is_in_range(const void *context, size_t index) {
    const value_range *r = context;
    double v =
        lethe_image_sample(r->pixels, (uint32_t)(index % r->pixels->columns), (uint32_t)(index / r->pixels->columns), 0) * r->slope + r->intercept;
    return v >= r->low && v <= r->high;
}

lethe_status lethe_grow(const lethe_bitmap *bitmap, const lethe_image *pixels, double slope, double intercept, int64_t x, int64_t y, double tolerance,
                        uint8_t value, const lethe_paint_rule *rule, lethe_dirty *dirty, uint64_t *changed, lethe_error *error) {
    *changed = 0;
    if (x < 0 || y < 0 || x >= bitmap->columns || y >= bitmap->rows || pixels->columns != bitmap->columns || pixels->rows != bitmap->rows)
        return LETHE_OK;
    double sum = 0;
    int near = 0;
    for (int64_t ny = y - 1; ny <= y + 1; ny++)
        for (int64_t nx = x - 1; nx <= x + 1; nx++) {
            if (nx < 0 || ny < 0 || nx >= bitmap->columns || ny >= bitmap->rows) continue;
            sum += lethe_image_sample(pixels, (uint32_t)nx, (uint32_t)ny, 0) * slope + intercept;
            near++;
        }
    value_range range = {pixels, slope, intercept, sum / near - tolerance, sum / near + tolerance};
    work w;
    lethe_status status = work_start(&w, (size_t)bitmap->columns * bitmap->rows, error);
    if (!status) {
        uint64_t count;
        status =
            flood(bitmap->columns, bitmap->rows, (size_t)y * bitmap->columns + (size_t)x, false, is_in_range, &range, w.seen, NULL, &count, w.stack);
        if (!status) *changed = apply(bitmap, w.seen, value, rule, dirty);
    }
    work_end(&w);
    return status;
}

lethe_status lethe_grow_volume(const float *voxels, uint32_t columns, uint32_t rows, uint32_t slices, uint32_t i, uint32_t j, uint32_t k,
                               double tolerance, uint8_t *out, uint64_t *marked, const atomic_bool *stop, lethe_error *error) {
    size_t area = (size_t)columns * rows, total = area * slices, start = (size_t)k * area + (size_t)j * columns + i;
    *marked = 0;
    size_t capacity = 4096, top = 0;
    size_t *stack = lethe_alloc_array(capacity, sizeof *stack);
    if (!stack) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    float low = voxels[start] - (float)tolerance, high = voxels[start] + (float)tolerance;
    out[start] = 1;
    stack[top++] = start;
    while (top > 0) {
        size_t at = stack[--top], x = at % columns, y = at / columns % rows;
        if (++*marked % 4096 == 0 && stop && atomic_load(stop)) break;
        const size_t near[6] = {x > 0 ? at - 1 : total,         x + 1 < columns ? at + 1 : total,
                                y > 0 ? at - columns : total,   y + 1 < rows ? at + columns : total,
                                at >= area ? at - area : total, at + area < total ? at + area : total};
        if (top + 6 > capacity) {
            size_t *more = lethe_realloc_array(stack, capacity * 2, sizeof *more);
            if (!more) {
                lethe_free(stack);
                return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
            }
            stack = more;
            capacity *= 2;
        }
        for (int n = 0; n < 6; n++) {
            if (near[n] == total || out[near[n]] || voxels[near[n]] < low || voxels[near[n]] > high) continue;
            out[near[n]] = 1;
            stack[top++] = near[n];
        }
    }
    lethe_free(stack);
    return LETHE_OK;
}

lethe_status lethe_smooth(const lethe_bitmap *bitmap, uint8_t value, const lethe_paint_rule *rule, lethe_dirty *dirty, lethe_error *error) {
    size_t count = (size_t)bitmap->columns * bitmap->rows;
    uint8_t *before = lethe_alloc(count);
    if (!before) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    memcpy(before, bitmap->labels, count);
    int64_t w = bitmap->columns, h = bitmap->rows;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            int inside = 0, all = 0;
            for (int64_t ny = y - 2; ny <= y + 2; ny++)
                for (int64_t nx = x - 2; nx <= x + 2; nx++) {
                    if (nx < 0 || ny < 0 || nx >= w || ny >= h) continue;
                    inside += before[ny * w + nx] == value;
                    all++;
                }
            uint8_t old = before[y * w + x];
            if (inside * 2 > all && old == 0) (void)put(bitmap, (uint32_t)x, (uint32_t)y, value, rule, dirty);
            else if (inside * 2 < all && old == value) (void)put(bitmap, (uint32_t)x, (uint32_t)y, 0, rule, dirty);
        }
    lethe_free(before);
    return LETHE_OK;
}

lethe_status lethe_islands(const lethe_bitmap *bitmap, uint8_t value, lethe_dirty *dirty, unsigned *removed, lethe_error *error) {
    *removed = 0;
    size_t count = (size_t)bitmap->columns * bitmap->rows, best_start = count;
    uint64_t best = 0;
    work w;
    lethe_status status = work_start(&w, count, error);
    same_label same = {bitmap->labels, value};
    unsigned pieces = 0;
    for (size_t i = 0; i < count && !status; i++) {
        if (bitmap->labels[i] != value || w.seen[i]) continue;
        uint64_t size;
        status = flood(bitmap->columns, bitmap->rows, i, true, is_same, &same, w.seen, NULL, &size, w.stack);
        pieces++;
        if (size > best) {
            best = size;
            best_start = i;
        }
    }
    if (!status && pieces > 1) {
        uint64_t size;
        memset(w.seen, 0, count);
        status = flood(bitmap->columns, bitmap->rows, best_start, true, is_same, &same, w.seen, NULL, &size, w.stack);
        for (size_t i = 0; i < count && !status; i++)
            if (bitmap->labels[i] == value && !w.seen[i]) {
                bitmap->labels[i] = 0;
                touch(dirty, (int64_t)(i % bitmap->columns), (int64_t)(i / bitmap->columns));
            }
        *removed = pieces - 1;
    }
    work_end(&w);
    return status;
}

/* --- interpolation between slices --- */

/* One pass of the exact squared distance transform (lower envelope of parabolas) along a line. */
static void distance_line(const double *f, size_t n, double *out, size_t *v, double *z) {
    size_t k = 0;
    v[0] = 0;
    z[0] = -INFINITY;
    z[1] = INFINITY;
    for (size_t q = 1; q < n; q++) {
        double s;
        for (;;) {
            double p = (double)v[k];
            s = (f[q] + (double)q * (double)q - f[v[k]] - p * p) / (2 * (double)q - 2 * p);
            if (s > z[k] || k == 0) break;
            k--;
        }
        if (s <= z[k]) s = z[k];
        k++;
        v[k] = q;
        z[k] = s;
        z[k + 1] = INFINITY;
    }
    k = 0;
    for (size_t q = 0; q < n; q++) {
        while (z[k + 1] < (double)q) k++;
        double d = (double)q - (double)v[k];
        out[q] = d * d + f[v[k]];
    }
}

/* Distance of each pixel to the nearest pixel where mask == `wanted`. */
static lethe_status distances(const uint8_t *mask, uint8_t wanted, uint32_t columns, uint32_t rows, double *out, lethe_error *error) {
    size_t longest = columns > rows ? columns : rows;
    double *line = lethe_alloc_array(longest, sizeof *line), *result = lethe_alloc_array(longest, sizeof *result),
           *z = lethe_alloc_array(longest + 2, sizeof *z);
    size_t *v = lethe_alloc_array(longest + 1, sizeof *v);
    lethe_status status = line && result && z && v ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < (size_t)columns * rows && !status; i++) out[i] = mask[i] == wanted ? 0 : 1e12;
    for (uint32_t x = 0; x < columns && !status; x++) {
        for (uint32_t y = 0; y < rows; y++) line[y] = out[(size_t)y * columns + x];
        distance_line(line, rows, result, v, z);
        for (uint32_t y = 0; y < rows; y++) out[(size_t)y * columns + x] = result[y];
    }
    for (uint32_t y = 0; y < rows && !status; y++) {
        memcpy(line, out + (size_t)y * columns, columns * sizeof *line);
        distance_line(line, columns, result, v, z);
        for (uint32_t x = 0; x < columns; x++) out[(size_t)y * columns + x] = sqrt(result[x]);
    }
    lethe_free(line);
    lethe_free(result);
    lethe_free(z);
    lethe_free(v);
    return status;
}

static lethe_status signed_distances(const uint8_t *mask, uint32_t columns, uint32_t rows, double *out, lethe_error *error) {
    size_t count = (size_t)columns * rows;
    double *inside = lethe_alloc_array(count, sizeof *inside);
    lethe_status status = inside ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) status = distances(mask, 1, columns, rows, out, error);
    if (!status) status = distances(mask, 0, columns, rows, inside, error);
    for (size_t i = 0; i < count && !status; i++) out[i] = mask[i] ? 0.5 - inside[i] : out[i] - 0.5;
    lethe_free(inside);
    return status;
}

lethe_status lethe_interpolate(const uint8_t *a, const uint8_t *b, uint32_t columns, uint32_t rows, double weight, uint8_t *out, lethe_error *error) {
    size_t count = (size_t)columns * rows;
    double *da = lethe_alloc_array(count, sizeof *da), *db = lethe_alloc_array(count, sizeof *db);
    lethe_status status = da && db ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) status = signed_distances(a, columns, rows, da, error);
    if (!status) status = signed_distances(b, columns, rows, db, error);
    for (size_t i = 0; i < count && !status; i++) out[i] = da[i] * (1 - weight) + db[i] * weight < 0;
    lethe_free(da);
    lethe_free(db);
    return status;
}
