#include "viewer/tools/livewire.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

struct lethe_livewire {
    int64_t x0, y0;
    uint32_t columns, rows;
    uint32_t *from; /* predecessor of each pixel; itself at the anchor */
};

typedef struct entry {
    float cost;
    uint32_t index;
} entry;

static void push(entry *heap, size_t *count, entry e) {
    size_t at = (*count)++;
    while (at > 0 && heap[(at - 1) / 2].cost > e.cost) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = e;
}

static entry pop(entry *heap, size_t *count) {
    entry top = heap[0], last = heap[--*count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= *count) break;
        if (child + 1 < *count && heap[child + 1].cost < heap[child].cost) child++;
        if (heap[child].cost >= last.cost) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

static float grey(const lethe_image *p, int64_t x, int64_t y) {
    x = x < 0 ? 0 : x >= p->columns ? p->columns - 1 : x;
    y = y < 0 ? 0 : y >= p->rows ? p->rows - 1 : y;
    float sum = 0;
    for (unsigned c = 0; c < p->samples && c < 3; c++) sum += (float)lethe_image_sample(p, (uint32_t)x, (uint32_t)y, c);
    return sum;
}

/* Low on strong edges: 1 - gradient / strongest gradient (Sobel). */
static void edge_costs(const lethe_image *p, const lethe_livewire *w, float *cost) {
    float strongest = 1e-6f;
    for (uint32_t r = 0; r < w->rows; r++)
        for (uint32_t c = 0; c < w->columns; c++) {
            int64_t x = w->x0 + c, y = w->y0 + r;
            float gx = grey(p, x + 1, y - 1) + 2 * grey(p, x + 1, y) + grey(p, x + 1, y + 1) - grey(p, x - 1, y - 1) - 2 * grey(p, x - 1, y) -
                       grey(p, x - 1, y + 1);
            float gy = grey(p, x - 1, y + 1) + 2 * grey(p, x, y + 1) + grey(p, x + 1, y + 1) - grey(p, x - 1, y - 1) - 2 * grey(p, x, y - 1) -
                       grey(p, x + 1, y - 1);
            float g = sqrtf(gx * gx + gy * gy);
            cost[(size_t)r * w->columns + c] = g;
            if (g > strongest) strongest = g;
        }
    for (size_t i = 0; i < (size_t)w->columns * w->rows; i++) {
        float e = 1 - cost[i] / strongest;
        cost[i] = 0.02f + e * e;
    }
}

static void spread(lethe_livewire *w, const float *cost, float *best, entry *heap, uint32_t start) {
    size_t count = 0, total = (size_t)w->columns * w->rows;
    for (size_t i = 0; i < total; i++) best[i] = INFINITY;
    best[start] = 0;
    w->from[start] = start;
    push(heap, &count, (entry){0, start});
    while (count > 0) {
        entry e = pop(heap, &count);
        if (e.cost > best[e.index]) continue;
        int64_t x = e.index % w->columns, y = e.index / w->columns;
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int64_t nx = x + dx, ny = y + dy;
                if ((dx == 0 && dy == 0) || nx < 0 || ny < 0 || nx >= w->columns || ny >= w->rows) continue;
                uint32_t next = (uint32_t)(ny * w->columns + nx);
                float c = e.cost + cost[next] * (dx != 0 && dy != 0 ? 1.41421356f : 1.0f);
                if (c >= best[next]) continue;
                best[next] = c;
                w->from[next] = e.index;
                push(heap, &count, (entry){c, next});
            }
    }
}

lethe_status lethe_livewire_create(const lethe_image *pixels, lethe_point anchor, uint32_t reach, lethe_livewire **out, lethe_error *error) {
    *out = NULL;
    int64_t ax = (int64_t)floor(anchor.x), ay = (int64_t)floor(anchor.y);
    if (ax < 0 || ay < 0 || ax >= pixels->columns || ay >= pixels->rows) return lethe_fail(error, LETHE_USAGE, "the point lies outside of the image");
    lethe_livewire *w = lethe_alloc_array(1, sizeof *w);
    if (!w) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    w->x0 = ax > reach ? ax - reach : 0;
    w->y0 = ay > reach ? ay - reach : 0;
    int64_t x1 = ax + reach + 1 < pixels->columns ? ax + reach + 1 : pixels->columns,
            y1 = ay + reach + 1 < pixels->rows ? ay + reach + 1 : pixels->rows;
    w->columns = (uint32_t)(x1 - w->x0);
    w->rows = (uint32_t)(y1 - w->y0);
    size_t total = (size_t)w->columns * w->rows;
    w->from = lethe_alloc_array(total, sizeof *w->from);
    float *cost = lethe_alloc_array(total, sizeof *cost), *best = lethe_alloc_array(total, sizeof *best);
    entry *heap = lethe_alloc_array(total, 8 * sizeof *heap); /* each pixel is pushed at most once per neighbour */
    lethe_status status = w->from && cost && best && heap ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) {
        edge_costs(pixels, w, cost);
        spread(w, cost, best, heap, (uint32_t)((ay - w->y0) * w->columns + (ax - w->x0)));
    }
    lethe_free(cost);
    lethe_free(best);
    lethe_free(heap);
    if (status) lethe_livewire_destroy(w);
    else *out = w;
    return status;
}

void lethe_livewire_destroy(lethe_livewire *wire) {
    if (!wire) return;
    lethe_free(wire->from);
    lethe_free(wire);
}

size_t lethe_livewire_path(const lethe_livewire *w, lethe_point to, lethe_point *out, size_t capacity) {
    int64_t x = (int64_t)floor(to.x) - w->x0, y = (int64_t)floor(to.y) - w->y0;
    x = x < 0 ? 0 : x >= w->columns ? w->columns - 1 : x;
    y = y < 0 ? 0 : y >= w->rows ? w->rows - 1 : y;
    size_t length = 1;
    uint32_t at = (uint32_t)(y * w->columns + x);
    for (uint32_t i = at; w->from[i] != i; i = w->from[i]) length++;
    /* From the end backwards; a path that is too long loses its far end. */
    size_t n = length;
    for (uint32_t i = at;; i = w->from[i]) {
        n--;
        if (n < capacity) out[n] = (lethe_point){(double)(w->x0 + i % w->columns) + 0.5, (double)(w->y0 + i / w->columns) + 0.5};
        if (w->from[i] == i) break;
    }
    return length < capacity ? length : capacity;
}
