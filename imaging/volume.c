#include "imaging/volume.h"

#include "core/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAXIMUM_VOXELS_MIB = 4096 };

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void cross(const double a[3], const double b[3], double out[3]) {
    double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2], z = a[0] * b[1] - a[1] * b[0];
    out[0] = x;
    out[1] = y;
    out[2] = z;
}

static double norm(const double a[3]) { return sqrt(dot(a, a)); }

static bool unit(double a[3]) {
    double n = norm(a);
    if (!(n > 1e-9) || !isfinite(n)) return false;
    for (int i = 0; i < 3; i++) a[i] /= n;
    return true;
}

/* --- the plane of a frame --- */

static const lethe_dicom_item *item_at(const lethe_dicom_item *in, lethe_tag sequence, uint32_t index) {
    const lethe_dicom_element *element = in ? lethe_dicom_find(in, sequence) : NULL;
    if (!element || element->form != LETHE_DICOM_SEQUENCE) return NULL;
    const lethe_dicom_item *item = element->items;
    while (item && index-- > 0) item = item->next;
    return item;
}

/* The item that holds an attribute of frame n: its own functional group, the shared one, or the root (PS3.3 C.7.6.16.1). */
static const lethe_dicom_item *group_of(const lethe_dicom_dataset *dataset, uint32_t frame, lethe_tag macro) {
    static const lethe_tag per_frame = LETHE_TAG(0x5200, 0x9230), shared = LETHE_TAG(0x5200, 0x9229);
    const lethe_dicom_item *item = item_at(item_at(dataset->root, per_frame, frame), macro, 0);
    if (!item) item = item_at(item_at(dataset->root, shared, 0), macro, 0);
    return item ? item : dataset->root;
}

static bool doubles(const lethe_dicom_item *item, lethe_tag tag, unsigned count, double *out) {
    double found[6] = {0};
    for (unsigned i = 0; i < count; i++)
        if (!lethe_dicom_double(item, tag, i, &found[i]) || !isfinite(found[i])) return false;
    memcpy(out, found, count * sizeof *out);
    return true;
}

void lethe_frame_geometry_load(const lethe_dicom_dataset *dataset, uint32_t frame, lethe_frame_geometry *g) {
    *g = (lethe_frame_geometry){
        .row_spacing_mm = 1, .column_spacing_mm = 1, .row_direction = {1, 0, 0}, .column_direction = {0, 1, 0}, .normal = {0, 0, 1}};
    double orientation[6], spacing[2];
    bool position = doubles(group_of(dataset, frame, LETHE_TAG(0x0020, 0x9113)), LETHE_TAG(0x0020, 0x0032), 3, g->position_mm);
    if (position && doubles(group_of(dataset, frame, LETHE_TAG(0x0020, 0x9116)), LETHE_TAG(0x0020, 0x0037), 6, orientation)) {
        double row[3] = {orientation[0], orientation[1], orientation[2]}, column[3] = {orientation[3], orientation[4], orientation[5]}, normal[3];
        cross(row, column, normal);
        if (unit(row) && unit(column) && unit(normal) && fabs(dot(row, column)) < 0.05) {
            memcpy(g->row_direction, row, sizeof row);
            memcpy(g->column_direction, column, sizeof column);
            memcpy(g->normal, normal, sizeof normal);
            g->has_plane = true;
        }
    }
    const lethe_dicom_item *measures = group_of(dataset, frame, LETHE_TAG(0x0028, 0x9110));
    static const lethe_tag spacings[] = {LETHE_TAG(0x0028, 0x0030), LETHE_TAG(0x0018, 0x1164), LETHE_TAG(0x0018, 0x2010)};
    for (size_t i = 0; i < sizeof spacings / sizeof *spacings && !g->has_spacing; i++) {
        if (!doubles(i == 0 ? measures : dataset->root, spacings[i], 2, spacing) || !(spacing[0] > 0) || !(spacing[1] > 0)) continue;
        g->row_spacing_mm = spacing[0];
        g->column_spacing_mm = spacing[1];
        g->has_spacing = true;
    }
    if (!doubles(measures, LETHE_TAG(0x0018, 0x0050), 1, &g->thickness_mm) || g->thickness_mm < 0) g->thickness_mm = 0;
}

void lethe_orientation_letters(const double direction[3], char out[4]) {
    static const char positive[] = "LPH", negative[] = "RAF";
    double left[3] = {fabs(direction[0]), fabs(direction[1]), fabs(direction[2])};
    size_t at = 0;
    while (at < 3) {
        int best = left[0] >= left[1] && left[0] >= left[2] ? 0 : left[1] >= left[2] ? 1 : 2;
        if (left[best] < 0.17) break;
        out[at++] = direction[best] > 0 ? positive[best] : negative[best];
        left[best] = -1;
    }
    out[at] = '\0';
}

/* --- order --- */

typedef struct sort_key {
    size_t index;
    int64_t instance;
    int group; /* of equal orientation; last for frames without a plane */
    double along_mm;
    unsigned stack;
} sort_key;

static int by_place(const void *left, const void *right) {
    const sort_key *a = left, *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    if (fabs(a->along_mm - b->along_mm) > 1e-3) return a->along_mm < b->along_mm ? -1 : 1;
    if (a->instance != b->instance) return a->instance < b->instance ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_stack(const void *left, const void *right) {
    const sort_key *a = left, *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    if (a->stack != b->stack) return a->stack < b->stack ? -1 : 1;
    return by_place(left, right);
}

lethe_status lethe_series_sort(const lethe_frame_geometry *frames, const int64_t *instances, size_t count, size_t *order, unsigned *stacks,
                               lethe_error *error) {
    sort_key *keys = lethe_alloc_array(count ? count : 1, sizeof *keys);
    if (!keys) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    enum { GROUPS = 16 };
    const lethe_frame_geometry *groups[GROUPS];
    int group_count = 0;
    for (size_t i = 0; i < count; i++) {
        keys[i] = (sort_key){.index = i, .instance = instances[i], .group = GROUPS};
        if (!frames[i].has_plane) continue;
        int g = 0;
        while (g < group_count &&
               !(dot(groups[g]->normal, frames[i].normal) > 0.999 && dot(groups[g]->row_direction, frames[i].row_direction) > 0.999))
            g++;
        if (g == group_count && group_count < GROUPS) groups[group_count++] = &frames[i];
        keys[i].group = g;
        if (g < GROUPS) keys[i].along_mm = dot(groups[g]->normal, frames[i].position_mm);
    }
    qsort(keys, count, sizeof *keys, by_place);
    unsigned most = count > 0 ? 1 : 0;
    for (size_t i = 1; i < count; i++) {
        bool same = keys[i].group < GROUPS && keys[i].group == keys[i - 1].group && fabs(keys[i].along_mm - keys[i - 1].along_mm) <= 1e-3;
        keys[i].stack = same ? keys[i - 1].stack + 1 : 0;
        if (keys[i].stack + 1 > most) most = keys[i].stack + 1;
    }
    qsort(keys, count, sizeof *keys, by_stack);
    for (size_t i = 0; i < count; i++) order[i] = keys[i].index;
    if (stacks) *stacks = most;
    lethe_free(keys);
    return LETHE_OK;
}

/* --- volumes --- */

static bool invert(const double a[3], const double b[3], const double c[3], double out[9]) {
    /* Columns a, b, c. Rows of the inverse are the cross products over the determinant. */
    double bc[3], ca[3], ab[3];
    cross(b, c, bc);
    cross(c, a, ca);
    cross(a, b, ab);
    double determinant = dot(a, bc);
    if (!(fabs(determinant) > 1e-12)) return false;
    for (int i = 0; i < 3; i++) {
        out[i] = bc[i] / determinant;
        out[3 + i] = ca[i] / determinant;
        out[6 + i] = ab[i] / determinant;
    }
    return true;
}

static lethe_status check_frame(const lethe_frame_geometry *first, const lethe_frame_geometry *frame, lethe_error *error) {
    if (!frame->has_plane || !frame->has_spacing) return lethe_fail(error, LETHE_UNSUPPORTED, "a slice has no position, orientation or spacing");
    if (dot(first->row_direction, frame->row_direction) < 0.999 || dot(first->column_direction, frame->column_direction) < 0.999)
        return lethe_fail(error, LETHE_UNSUPPORTED, "the slices are not parallel");
    if (fabs(first->row_spacing_mm - frame->row_spacing_mm) > 1e-3 || fabs(first->column_spacing_mm - frame->column_spacing_mm) > 1e-3)
        return lethe_fail(error, LETHE_UNSUPPORTED, "the slices differ in pixel spacing");
    return LETHE_OK;
}

lethe_status lethe_volume_plan(const lethe_frame_geometry *frames, size_t count, uint32_t columns, uint32_t rows, lethe_volume *volume,
                               lethe_error *error) {
    *volume = (lethe_volume){0};
    if (count < 2 || count > UINT32_MAX) return lethe_fail(error, LETHE_UNSUPPORTED, "a volume needs two slices or more");
    const lethe_frame_geometry *first = &frames[0], *last = &frames[count - 1];
    double step[3];
    for (int a = 0; a < 3; a++) step[a] = (last->position_mm[a] - first->position_mm[a]) / (double)(count - 1);
    double distance = norm(step), allowed = fmax(0.1, 0.05 * distance);
    if (!(distance > 1e-3)) return lethe_fail(error, LETHE_UNSUPPORTED, "the slices lie at one place");
    for (size_t i = 0; i < count; i++) {
        lethe_status status = check_frame(first, &frames[i], error);
        if (status) return status;
        double off[3];
        for (int a = 0; a < 3; a++) off[a] = frames[i].position_mm[a] - first->position_mm[a] - step[a] * (double)i;
        if (norm(off) > allowed) return lethe_fail(error, LETHE_UNSUPPORTED, "the slices are not evenly spaced");
    }
    *volume = (lethe_volume){.columns = columns, .rows = rows, .slices = (uint32_t)count};
    for (int a = 0; a < 3; a++) {
        volume->origin_mm[a] = first->position_mm[a];
        volume->i_step_mm[a] = first->row_direction[a] * first->column_spacing_mm;
        volume->j_step_mm[a] = first->column_direction[a] * first->row_spacing_mm;
        volume->k_step_mm[a] = step[a];
    }
    if (!invert(volume->i_step_mm, volume->j_step_mm, volume->k_step_mm, volume->inverse))
        return lethe_fail(error, LETHE_UNSUPPORTED, "the slices are stacked within their own plane");
    return LETHE_OK;
}

lethe_status lethe_volume_allocate(lethe_volume *volume, lethe_error *error) {
    size_t area, count;
    if (!lethe_multiply_size(volume->columns, volume->rows, &area) || !lethe_multiply_size(area, volume->slices, &count) ||
        count > ((size_t)MAXIMUM_VOXELS_MIB << 20) / sizeof(float))
        return lethe_fail(error, LETHE_LIMIT, "the volume is larger than %d MiB", MAXIMUM_VOXELS_MIB);
    volume->voxels = lethe_alloc_array(count, sizeof(float));
    if (!volume->voxels) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    volume->low = INFINITY;
    volume->high = -INFINITY;
    return LETHE_OK;
}

lethe_status lethe_volume_put(lethe_volume *volume, uint32_t k, const lethe_image *frame, double slope, double intercept, lethe_error *error) {
    assert(k < volume->slices);
    if (frame->columns != volume->columns || frame->rows != volume->rows || frame->samples != 1)
        return lethe_fail(error, LETHE_UNSUPPORTED, "a slice has another size, or is in colour");
    float *out = volume->voxels + (size_t)k * volume->columns * volume->rows;
    for (uint32_t y = 0; y < frame->rows; y++)
        for (uint32_t x = 0; x < frame->columns; x++) {
            float value = (float)(lethe_image_sample(frame, x, y, 0) * slope + intercept);
            *out++ = value;
            if (value < volume->low) volume->low = value;
            if (value > volume->high) volume->high = value;
        }
    return LETHE_OK;
}

void lethe_volume_release(lethe_volume *volume) {
    lethe_free(volume->voxels);
    *volume = (lethe_volume){0};
}

void lethe_volume_to_voxel(const lethe_volume *volume, const double p[3], double voxel[3]) {
    double d[3] = {p[0] - volume->origin_mm[0], p[1] - volume->origin_mm[1], p[2] - volume->origin_mm[2]};
    for (int a = 0; a < 3; a++) voxel[a] = dot(volume->inverse + 3 * a, d);
}

void lethe_volume_to_patient(const lethe_volume *volume, const double v[3], double p[3]) {
    for (int a = 0; a < 3; a++) p[a] = volume->origin_mm[a] + v[0] * volume->i_step_mm[a] + v[1] * volume->j_step_mm[a] + v[2] * volume->k_step_mm[a];
}

static float voxel_at(const lethe_volume *volume, int64_t i, int64_t j, int64_t k) {
    return volume->voxels[((size_t)k * volume->rows + (size_t)j) * volume->columns + (size_t)i];
}

/* Half a voxel beyond the outer centres still belongs to the volume. */
static float sample_voxel(const lethe_volume *volume, const double v[3], bool linear, float outside) {
    const double size[3] = {volume->columns, volume->rows, volume->slices};
    double c[3];
    for (int a = 0; a < 3; a++) {
        if (!(v[a] >= -0.5 && v[a] <= size[a] - 0.5)) return outside;
        c[a] = fmin(fmax(v[a], 0), size[a] - 1);
    }
    if (!linear) return voxel_at(volume, (int64_t)(c[0] + 0.5), (int64_t)(c[1] + 0.5), (int64_t)(c[2] + 0.5));
    int64_t low[3], high[3];
    float f[3];
    for (int a = 0; a < 3; a++) {
        low[a] = (int64_t)c[a];
        high[a] = low[a] + 1 < (int64_t)size[a] ? low[a] + 1 : low[a];
        f[a] = (float)(c[a] - (double)low[a]);
    }
    float plane[2];
    for (int s = 0; s < 2; s++) {
        int64_t k = s ? high[2] : low[2];
        float a = voxel_at(volume, low[0], low[1], k), b = voxel_at(volume, high[0], low[1], k);
        float d = voxel_at(volume, low[0], high[1], k), e = voxel_at(volume, high[0], high[1], k);
        float top = a + (b - a) * f[0], bottom = d + (e - d) * f[0];
        plane[s] = top + (bottom - top) * f[1];
    }
    return plane[0] + (plane[1] - plane[0]) * f[2];
}

float lethe_volume_sample(const lethe_volume *volume, const double patient_mm[3], bool linear, float outside) {
    double v[3];
    lethe_volume_to_voxel(volume, patient_mm, v);
    return sample_voxel(volume, v, linear, outside);
}

static double smallest_spacing(const lethe_volume *volume) {
    return fmin(norm(volume->i_step_mm), fmin(norm(volume->j_step_mm), norm(volume->k_step_mm)));
}

static float through_slab(const lethe_volume *volume, const lethe_plane *plane, double v[3], const double step[3], int samples, float outside) {
    float best = plane->slab == LETHE_SLAB_MAXIMUM ? -INFINITY : plane->slab == LETHE_SLAB_MINIMUM ? INFINITY : 0;
    int inside = 0;
    double at[3] = {v[0] - step[0] * (samples - 1) / 2, v[1] - step[1] * (samples - 1) / 2, v[2] - step[2] * (samples - 1) / 2};
    for (int s = 0; s < samples; s++) {
        float value = sample_voxel(volume, at, !plane->nearest, NAN);
        for (int a = 0; a < 3; a++) at[a] += step[a];
        if (isnan(value)) continue;
        inside++;
        if (plane->slab == LETHE_SLAB_MEAN) best += value;
        else if (plane->slab == LETHE_SLAB_MAXIMUM ? value > best : value < best) best = value;
    }
    if (inside == 0) return outside;
    return plane->slab == LETHE_SLAB_MEAN ? best / (float)inside : best;
}

void lethe_volume_cut(const lethe_volume *volume, const lethe_plane *plane, float outside, float *out) {
    double start[3], across[3], down[3], end[3], normal[3], depth[3] = {0, 0, 0};
    lethe_volume_to_voxel(volume, plane->origin_mm, start);
    for (int a = 0; a < 3; a++) end[a] = plane->origin_mm[a] + plane->across_mm[a];
    lethe_volume_to_voxel(volume, end, across);
    for (int a = 0; a < 3; a++) end[a] = plane->origin_mm[a] + plane->down_mm[a];
    lethe_volume_to_voxel(volume, end, down);
    for (int a = 0; a < 3; a++) {
        across[a] -= start[a];
        down[a] -= start[a];
    }
    int samples = 1;
    cross(plane->across_mm, plane->down_mm, normal);
    if (plane->slab_mm > 0 && unit(normal)) {
        double step = smallest_spacing(volume);
        samples = (int)fmin(512, fmax(1, ceil(plane->slab_mm / step)));
        for (int a = 0; a < 3; a++) end[a] = plane->origin_mm[a] + normal[a] * plane->slab_mm / samples;
        lethe_volume_to_voxel(volume, end, depth);
        for (int a = 0; a < 3; a++) depth[a] -= start[a];
    }
    for (uint32_t r = 0; r < plane->rows; r++)
        for (uint32_t c = 0; c < plane->columns; c++) {
            double v[3];
            for (int a = 0; a < 3; a++) v[a] = start[a] + across[a] * c + down[a] * r;
            *out++ = samples == 1 ? sample_voxel(volume, v, !plane->nearest, outside) : through_slab(volume, plane, v, depth, samples, outside);
        }
}

void lethe_volume_centre(const lethe_volume *volume, double patient_mm[3]) {
    double v[3] = {(volume->columns - 1) / 2.0, (volume->rows - 1) / 2.0, (volume->slices - 1) / 2.0};
    lethe_volume_to_patient(volume, v, patient_mm);
}

void lethe_volume_view_plane(const lethe_volume *volume, lethe_view_plane which, const double through_mm[3], lethe_plane *plane) {
    static const double acrosses[3][3] = {{1, 0, 0}, {1, 0, 0}, {0, 1, 0}}, downs[3][3] = {{0, 1, 0}, {0, 0, -1}, {0, 0, -1}};
    const double *across = acrosses[which], *down = downs[which];
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int corner = 0; corner < 8; corner++) {
        double v[3] = {corner & 1 ? volume->columns - 0.5 : -0.5, corner & 2 ? volume->rows - 0.5 : -0.5, corner & 4 ? volume->slices - 0.5 : -0.5},
               p[3];
        lethe_volume_to_patient(volume, v, p);
        double at[2] = {dot(p, across), dot(p, down)};
        for (int a = 0; a < 2; a++) {
            low[a] = fmin(low[a], at[a]);
            high[a] = fmax(high[a], at[a]);
        }
    }
    double step = smallest_spacing(volume), widest = fmax(high[0] - low[0], high[1] - low[1]);
    if (widest / step > 1024) step = widest / 1024;
    *plane = (lethe_plane){.columns = (uint32_t)fmax(1, ceil((high[0] - low[0]) / step)), .rows = (uint32_t)fmax(1, ceil((high[1] - low[1]) / step))};
    double move[2] = {low[0] + step / 2 - dot(through_mm, across), low[1] + step / 2 - dot(through_mm, down)};
    for (int a = 0; a < 3; a++) {
        plane->origin_mm[a] = through_mm[a] + across[a] * move[0] + down[a] * move[1];
        plane->across_mm[a] = across[a] * step;
        plane->down_mm[a] = down[a] * step;
    }
}
