/* Masks: overlap, surface distance, components, STAPLE. */
#include "annotate/metrics.h"

#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void lethe_overlap(const uint8_t *a, const uint8_t *b, size_t count, double *dice, double *iou) {
    size_t in_a = 0, in_b = 0, both = 0;
    for (size_t i = 0; i < count; i++) {
        in_a += a[i] != 0;
        in_b += b[i] != 0;
        both += a[i] != 0 && b[i] != 0;
    }
    *dice = in_a + in_b == 0 ? 1 : 2 * (double)both / (double)(in_a + in_b);
    *iou = in_a + in_b == 0 ? 1 : (double)both / (double)(in_a + in_b - both);
}

/* --- distances --- */

static size_t voxels_of(const lethe_grid *grid) { return (size_t)grid->columns * grid->rows * grid->slices; }

/* Inside with a neighbour (6 of them) outside; beyond the edge counts as outside. */
static bool is_border(const uint8_t *mask, const lethe_grid *g, size_t x, size_t y, size_t z) {
    size_t row = g->columns, slice = row * g->rows, at = z * slice + y * row + x;
    if (mask[at] == 0) return false;
    if (x == 0 || x + 1 == g->columns || y == 0 || y + 1 == g->rows) return true;
    if (mask[at - 1] == 0 || mask[at + 1] == 0 || mask[at - row] == 0 || mask[at + row] == 0) return true;
    if (g->slices == 1) return false; /* a picture, not a volume */
    return z == 0 || z + 1 == g->slices || mask[at - slice] == 0 || mask[at + slice] == 0;
}

/* One line of the squared distance transform of Felzenszwalb and Huttenlocher; positions are i * step. */
static void transform_line(double *values, size_t count, size_t stride, double step, double *copy, size_t *parabolas, double *borders) {
    size_t last = 0;
    bool any = false;
    for (size_t i = 0; i < count; i++) copy[i] = values[i * stride];
    for (size_t q = 0; q < count; q++) {
        if (isinf(copy[q])) continue;
        double at = (double)q * step;
        if (!any) {
            any = true;
            parabolas[0] = q;
            borders[0] = -INFINITY;
            borders[1] = INFINITY;
            continue;
        }
        for (;;) {
            double other = (double)parabolas[last] * step;
            double cross = ((copy[q] + at * at) - (copy[parabolas[last]] + other * other)) / (2 * (at - other));
            if (cross > borders[last] || last == 0) {
                if (cross > borders[last]) last++;
                parabolas[last] = q;
                borders[last] = last == 0 ? -INFINITY : cross;
                borders[last + 1] = INFINITY;
                break;
            }
            last--;
        }
    }
    if (!any) return;
    size_t k = 0;
    for (size_t i = 0; i < count; i++) {
        double at = (double)i * step;
        while (borders[k + 1] < at) k++;
        double away = at - (double)parabolas[k] * step;
        values[i * stride] = away * away + copy[parabolas[k]];
    }
}

static lethe_status distance_transform(double *squared, const lethe_grid *g, lethe_error *error) {
    size_t longest = g->columns > g->rows ? g->columns : g->rows, row = g->columns, slice = row * g->rows;
    if (g->slices > longest) longest = g->slices;
    double *copy = lethe_alloc_array(longest, sizeof *copy), *borders = lethe_alloc_array(longest + 1, sizeof *borders);
    size_t *parabolas = lethe_alloc_array(longest, sizeof *parabolas);
    lethe_status status =
        copy == NULL || borders == NULL || parabolas == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for distances") : LETHE_OK;
    if (status == LETHE_OK) {
        for (size_t z = 0; z < g->slices; z++)
            for (size_t y = 0; y < g->rows; y++)
                transform_line(squared + z * slice + y * row, g->columns, 1, g->spacing_mm[0], copy, parabolas, borders);
        for (size_t z = 0; z < g->slices; z++)
            for (size_t x = 0; x < g->columns; x++) transform_line(squared + z * slice + x, g->rows, row, g->spacing_mm[1], copy, parabolas, borders);
        for (size_t y = 0; g->slices > 1 && y < g->rows; y++)
            for (size_t x = 0; x < g->columns; x++)
                transform_line(squared + y * row + x, g->slices, slice, g->spacing_mm[2], copy, parabolas, borders);
    }
    lethe_free(copy);
    lethe_free(borders);
    lethe_free(parabolas);
    return status;
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* 95th percentile of the distance from the border of `from` to the border of `to`. */
static lethe_status directed95(const uint8_t *from, const uint8_t *to, const lethe_grid *g, double *distance, lethe_error *error) {
    size_t count = voxels_of(g), found = 0;
    double *squared = lethe_alloc_array(count, sizeof *squared), *distances = NULL;
    lethe_status status = squared == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for distances") : LETHE_OK;
    for (size_t z = 0, at = 0; status == LETHE_OK && z < g->slices; z++)
        for (size_t y = 0; y < g->rows; y++)
            for (size_t x = 0; x < g->columns; x++, at++) {
                squared[at] = is_border(to, g, x, y, z) ? 0 : INFINITY;
                found += is_border(from, g, x, y, z);
            }
    if (status == LETHE_OK) status = distance_transform(squared, g, error);
    if (status == LETHE_OK && (distances = lethe_alloc_array(found, sizeof *distances)) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for distances");
    if (status == LETHE_OK) {
        found = 0;
        for (size_t z = 0, at = 0; z < g->slices; z++)
            for (size_t y = 0; y < g->rows; y++)
                for (size_t x = 0; x < g->columns; x++, at++)
                    if (is_border(from, g, x, y, z)) distances[found++] = sqrt(squared[at]);
        if (found > 1) qsort(distances, found, sizeof *distances, by_value);
        *distance = lethe_percentile(distances, found, 0.95);
    }
    lethe_free(squared);
    lethe_free(distances);
    return status;
}

static bool is_empty(const uint8_t *mask, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (mask[i] != 0) return false;
    return true;
}

lethe_status lethe_hausdorff95(const uint8_t *a, const uint8_t *b, const lethe_grid *grid, double *distance_mm, lethe_error *error) {
    size_t count = voxels_of(grid);
    bool empty_a = is_empty(a, count), empty_b = is_empty(b, count);
    double forth = 0, back = 0;
    *distance_mm = empty_a && empty_b ? 0 : NAN;
    if (empty_a || empty_b) return LETHE_OK;
    lethe_status status = directed95(a, b, grid, &forth, error);
    if (status == LETHE_OK) status = directed95(b, a, grid, &back, error);
    if (status == LETHE_OK) *distance_mm = fmax(forth, back);
    return status;
}

/* --- components --- */

static void flood(const uint8_t *mask, const lethe_grid *g, size_t start, uint32_t number, uint32_t *labels, size_t *stack) {
    size_t depth = 0, row = g->columns, slice = row * g->rows;
    stack[depth++] = start;
    labels[start] = number;
    while (depth > 0) {
        size_t at = stack[--depth], x = at % row, y = at / row % g->rows, z = at / slice;
        for (int dz = -1; dz <= 1; dz++)
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++) {
                    int64_t nx = (int64_t)x + dx, ny = (int64_t)y + dy, nz = (int64_t)z + dz;
                    if (nx < 0 || ny < 0 || nz < 0 || nx >= g->columns || ny >= g->rows || nz >= g->slices) continue;
                    size_t next = (size_t)nz * slice + (size_t)ny * row + (size_t)nx;
                    if (mask[next] == 0 || labels[next] != 0) continue;
                    labels[next] = number;
                    stack[depth++] = next; /* each voxel goes in once */
                }
    }
}

lethe_status lethe_components(const uint8_t *mask, const lethe_grid *grid, uint32_t *labels, uint32_t *count, lethe_error *error) {
    size_t total = voxels_of(grid);
    size_t *stack = lethe_alloc_array(total, sizeof *stack);
    *count = 0;
    if (stack == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for components");
    memset(labels, 0, total * sizeof *labels);
    for (size_t i = 0; i < total; i++)
        if (mask[i] != 0 && labels[i] == 0) flood(mask, grid, i, ++*count, labels, stack);
    lethe_free(stack);
    return LETHE_OK;
}

/* --- STAPLE --- */

static double update_readers(const uint8_t *const *masks, size_t readers, size_t count, const double *probability, double *sensitivity,
                             double *specificity) {
    double inside = 0, moved = 0;
    for (size_t i = 0; i < count; i++) inside += probability[i];
    for (size_t r = 0; r < readers; r++) {
        double hit = 0, right_no = 0;
        for (size_t i = 0; i < count; i++) {
            if (masks[r][i] != 0) hit += probability[i];
            else right_no += 1 - probability[i];
        }
        double p = inside > 0 ? hit / inside : 1, q = (double)count - inside > 0 ? right_no / ((double)count - inside) : 1;
        moved += fabs(p - sensitivity[r]) + fabs(q - specificity[r]);
        sensitivity[r] = p;
        specificity[r] = q;
    }
    return moved;
}

lethe_status lethe_staple(const uint8_t *const *masks, size_t readers, size_t count, double *probability, double *sensitivity, double *specificity,
                          lethe_error *error) {
    double prior = 0;
    if (readers == 0 || count == 0) return lethe_fail(error, LETHE_USAGE, "STAPLE needs readers and pixels");
    for (size_t r = 0; r < readers; r++) {
        sensitivity[r] = specificity[r] = 0.99999;
        for (size_t i = 0; i < count; i++) prior += (masks[r][i] != 0) / (double)(readers * count);
    }
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < count; i++) {
            double yes = prior, no = 1 - prior;
            for (size_t r = 0; r < readers; r++) {
                yes *= masks[r][i] != 0 ? sensitivity[r] : 1 - sensitivity[r];
                no *= masks[r][i] != 0 ? 1 - specificity[r] : specificity[r];
            }
            probability[i] = yes + no > 0 ? yes / (yes + no) : prior;
        }
        if (update_readers(masks, readers, count, probability, sensitivity, specificity) < 1e-7) break;
    }
    return LETHE_OK;
}
