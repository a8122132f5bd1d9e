/* NIfTI pairs: nifti/<patient>/<series>[_sN]_image.nii.gz and ..._mask.nii.gz (category numbers), for series that lie in space. The affine is
 * right-handed in RAS+ millimetres and holds for oblique series. Frames that share a position (b-values) make volumes of their own: _s1, _s2 ...
 * Import takes a mask drawn on the same grid (--series): each value is a label of the schema by its number, or what --map says. */
#include "annotate/formats/formats.h"
#include "annotate/formats/nifti_file.h"

#include "annotate/series.h"
#include "core/file.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The grid of one stack of a series: DICOM's LPS becomes RAS by turning the first two axes round. */
static void set_grid(const lethe_series *s, size_t first, lethe_nifti *n) {
    size_t each = s->count / s->stacks;
    const lethe_frame_geometry *g = &s->frames[first].geometry, *last = &s->frames[first + each - 1].geometry;
    double step = lethe_series_step_mm(s);
    *n = (lethe_nifti){.columns = s->columns, .rows = s->rows, .slices = (uint32_t)each};
    if (!(step > 0)) step = g->thickness_mm > 0 ? g->thickness_mm : 1;
    n->spacing_mm[0] = g->column_spacing_mm;
    n->spacing_mm[1] = g->row_spacing_mm;
    n->spacing_mm[2] = step;
    for (int row = 0; row < 3; row++) {
        double sign = row < 2 ? -1 : 1;
        double slice = each > 1 ? (last->position_mm[row] - g->position_mm[row]) / (double)(each - 1) : g->normal[row] * step;
        n->affine[row * 4] = sign * g->row_direction[row] * g->column_spacing_mm;
        n->affine[row * 4 + 1] = sign * g->column_direction[row] * g->row_spacing_mm;
        n->affine[row * 4 + 2] = sign * slice;
        n->affine[row * 4 + 3] = sign * g->position_mm[row];
    }
}

typedef struct volume_sink {
    float *voxels;
    size_t frame_size;
    bool whole, small; /* all values whole numbers; within int16 */
} volume_sink;

static lethe_status take_frame(void *context, size_t position, const float *values, lethe_error *error) {
    (void)error;
    volume_sink *sink = context;
    memcpy(sink->voxels + position * sink->frame_size, values, sink->frame_size * sizeof *values);
    for (size_t i = 0; i < sink->frame_size; i++) {
        float rounded = rintf(values[i]);
        if (rounded < values[i] || rounded > values[i]) sink->whole = false;
        if (values[i] < -32768 || values[i] > 32767) sink->small = false;
    }
    return LETHE_OK;
}

static lethe_status write_volume(lethe_dataset *d, const lethe_nifti *n, lethe_nifti_type type, const char *name, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 33);
    lethe_status status = lethe_nifti_encode(n, type, &out, error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, name, out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

static lethe_status draw_mask(lethe_dataset *d, const lethe_series *s, const lethe_part *const *parts, size_t count, float *voxels,
                              lethe_error *error) {
    size_t frame_size = (size_t)s->columns * s->rows;
    uint8_t *bitmap = lethe_alloc_array(frame_size, 1);
    lethe_status status = bitmap == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        size_t position = lethe_series_find(s, parts[i]->image, parts[i]->frame);
        if (position == SIZE_MAX) continue;
        memset(bitmap, 0, frame_size);
        status = lethe_shape_rasterize(&parts[i]->annotation->shape, parts[i]->slice, 1, bitmap, s->columns, s->rows, 0, 0, error);
        float value = (float)(lethe_dataset_category(d, parts[i]->annotation->label) + 1);
        for (size_t k = 0; status == LETHE_OK && k < frame_size; k++)
            if (bitmap[k] != 0) voxels[position * frame_size + k] = value;
    }
    lethe_free(bitmap);
    return status;
}

static lethe_status write_series(lethe_dataset *d, const lethe_series *s, const char *series_uid, const lethe_part *const *parts, size_t count,
                                 lethe_error *error) {
    size_t frame_size = (size_t)s->columns * s->rows, each = s->count / s->stacks;
    if (!s->in_space || (each > 1 && !(lethe_series_step_mm(s) > 0))) return LETHE_OK; /* projections, scouts: PNG is for them */
    const char *patient = lethe_image_index_at(d->index, s->frames[0].image)->patient;
    float *image = lethe_alloc_array(s->count * frame_size, sizeof *image), *mask = lethe_alloc_array(s->count * frame_size, sizeof *mask);
    volume_sink sink = {image, frame_size, true, true};
    lethe_status status = image == NULL || mask == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a volume")
                                                        : lethe_series_decode(s, d->index, d->released_path, take_frame, &sink, error);
    if (status == LETHE_OK) status = draw_mask(d, s, parts, count, mask, error);
    for (unsigned stack = 0; status == LETHE_OK && stack < s->stacks; stack++) {
        char name[400], suffix[24] = "";
        lethe_nifti n;
        set_grid(s, stack * each, &n);
        if (s->stacks > 1) (void)snprintf(suffix, sizeof suffix, "_s%u", stack + 1);
        n.voxels = image + stack * each * frame_size;
        (void)snprintf(name, sizeof name, "nifti/%s/%s%s_image.nii.gz", patient, series_uid, suffix);
        status = write_volume(d, &n, sink.whole && sink.small ? LETHE_NIFTI_INT16 : LETHE_NIFTI_FLOAT32, name, error);
        n.voxels = mask + stack * each * frame_size;
        (void)snprintf(name, sizeof name, "nifti/%s/%s%s_mask.nii.gz", patient, series_uid, suffix);
        if (status == LETHE_OK) status = write_volume(d, &n, d->category_count < 255 ? LETHE_NIFTI_UINT8 : LETHE_NIFTI_INT16, name, error);
    }
    lethe_free(image);
    lethe_free(mask);
    return status;
}

static lethe_status write_nifti(lethe_dataset *d, lethe_error *error) { return lethe_dataset_each_series(d, write_series, error); }

/* --- import --- */

/* Voxel (i, j, k) of the series' grid -> voxel of the file, by both affines. Fails unless every axis of one is an axis of the other. */
typedef struct axis_map {
    int axis[3]; /* of the file, for each of ours */
    bool flipped[3];
} axis_map;

static lethe_status match_grid(const lethe_nifti *ours, const lethe_nifti *theirs, axis_map *map, lethe_error *error) {
    const uint32_t our_size[3] = {ours->columns, ours->rows, ours->slices}, their_size[3] = {theirs->columns, theirs->rows, theirs->slices};
    for (int a = 0; a < 3; a++) {
        map->axis[a] = -1;
        for (int b = 0; b < 3; b++) {
            double same = 0, opposite = 0;
            for (int row = 0; row < 3; row++) {
                same = fmax(same, fabs(ours->affine[row * 4 + a] - theirs->affine[row * 4 + b]));
                opposite = fmax(opposite, fabs(ours->affine[row * 4 + a] + theirs->affine[row * 4 + b]));
            }
            if (fmin(same, opposite) > 0.02 * ours->spacing_mm[a] || our_size[a] != their_size[b]) continue;
            map->axis[a] = b;
            map->flipped[a] = opposite < same;
        }
        if (map->axis[a] < 0) return lethe_fail(error, LETHE_UNSUPPORTED, "the mask does not lie on the grid of the series (axis %d)", a + 1);
    }
    /* Where our voxel (0, 0, 0) is in the file, back in millimetres. */
    for (int row = 0; row < 3; row++) {
        double at = theirs->affine[row * 4 + 3];
        for (int a = 0; a < 3; a++)
            if (map->flipped[a]) at += theirs->affine[row * 4 + map->axis[a]] * (double)(their_size[map->axis[a]] - 1);
        if (fabs(at - ours->affine[row * 4 + 3]) > 0.1)
            return lethe_fail(error, LETHE_UNSUPPORTED, "the mask is shifted against the series by %.2f mm", fabs(at - ours->affine[row * 4 + 3]));
    }
    return LETHE_OK;
}

static size_t their_index(const lethe_nifti *theirs, const axis_map *map, size_t i, size_t j, size_t k) {
    const size_t ours[3] = {i, j, k}, size[3] = {theirs->columns, theirs->rows, theirs->slices};
    size_t at[3];
    for (int a = 0; a < 3; a++) at[map->axis[a]] = map->flipped[a] ? size[map->axis[a]] - 1 - ours[a] : ours[a];
    return (at[2] * size[1] + at[1]) * size[0] + at[0];
}

/* One value of the mask as a volume over the series' images; strings and runs live on the heap until released. */
static lethe_status volume_of_value(const lethe_import *import, const lethe_series *s, const lethe_nifti *theirs, const axis_map *map, int value,
                                    lethe_shape *shape, lethe_error *error) {
    size_t each = theirs->slices == 0 ? 0 : s->count / s->stacks;
    uint8_t *bitmap = lethe_alloc_array((size_t)s->columns * s->rows, 1);
    shape->kind = LETHE_SHAPE_VOLUME;
    shape->slices = lethe_alloc_array(each, sizeof *shape->slices);
    lethe_status status = bitmap == NULL || shape->slices == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask") : LETHE_OK;
    for (size_t k = 0; status == LETHE_OK && k < each; k++) {
        bool any = false;
        for (size_t j = 0; j < s->rows; j++)
            for (size_t i = 0; i < s->columns; i++) {
                bool set = (int)lrintf(theirs->voxels[their_index(theirs, map, i, j, k)]) == value;
                bitmap[j * s->columns + i] = set;
                any = any || set;
            }
        if (!any) continue;
        lethe_shape one = {0};
        status = lethe_shape_make_mask(bitmap, s->columns, s->rows, s->columns, 0, 0, s->frames[k].frame, &one, error);
        if (status != LETHE_OK) break;
        shape->slices[shape->slice_count] = one.slices[0];
        lethe_free(shape->slices[shape->slice_count].image);
        shape->slices[shape->slice_count].image = lethe_strdup(lethe_image_index_at(lethe_import_index(import), s->frames[k].image)->key);
        if (shape->slices[shape->slice_count++].image == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
        lethe_free(one.slices);
    }
    lethe_free(bitmap);
    return status;
}

/* The schema's n-th region label, unless --map knows the number. */
static const char *label_of_value(const lethe_import *import, int value, char number[16]) {
    const lethe_schema *schema = lethe_store_schema(lethe_import_store(import));
    (void)snprintf(number, 16, "%d", value);
    const char *label = lethe_import_label(import, number);
    if (label != number || schema == NULL) return label;
    for (unsigned i = 0, n = 0; i < schema->labels_count; i++)
        if (schema->labels[i].level == LETHE_LEVEL_REGION && ++n == (unsigned)value) return schema->labels[i].question.name;
    return label;
}

static lethe_status add_values(lethe_import *import, const lethe_series *s, const lethe_nifti *theirs, const axis_map *map, const char *series_uid,
                               lethe_error *error) {
    size_t total = (size_t)theirs->columns * theirs->rows * theirs->slices;
    bool present[256] = {false};
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < total; i++) {
        float v = theirs->voxels[i];
        if (!(v >= 0) || v > 255 || v > rintf(v) || v < rintf(v))
            return lethe_fail(error, LETHE_MALFORMED, "%s: a mask holds whole numbers from 0 to 255", lethe_import_file_name(import));
        present[(int)v] = true;
    }
    for (int value = 1; status == LETHE_OK && value < 256; value++) {
        char number[16], where[32];
        if (!present[value]) continue;
        (void)snprintf(where, sizeof where, "value %d", value);
        const char *label = label_of_value(import, value, number);
        if (label == NULL) continue;
        lethe_shape shape = {0};
        status = volume_of_value(import, s, theirs, map, value, &shape, error);
        lethe_annotation a = {.level = LETHE_LEVEL_REGION, .series_uid = series_uid, .label = label, .confidence = -1, .shape = shape};
        a.patient = lethe_image_index_at(lethe_import_index(import), s->frames[0].image)->patient;
        a.study_uid = lethe_image_index_at(lethe_import_index(import), s->frames[0].image)->study_uid;
        if (status == LETHE_OK) status = lethe_import_add(import, &a, where, error);
        lethe_shape_release(&shape);
    }
    return status;
}

static lethe_status read_nifti(lethe_import *import, const char *path, lethe_error *error) {
    const char *series_uid = lethe_import_settings(import)->series_uid;
    lethe_nifti theirs = {0}, ours;
    lethe_series *series = NULL;
    axis_map map;
    if (series_uid == NULL) return lethe_fail(error, LETHE_USAGE, "a NIfTI mask does not say what it is about: name the series with --series UID");
    lethe_status status = lethe_nifti_load(path, &theirs, error);
    if (status == LETHE_OK) status = lethe_series_load(lethe_import_index(import), lethe_import_released(import), series_uid, &series, error);
    if (status == LETHE_OK && !series->in_space) status = lethe_fail(error, LETHE_UNSUPPORTED, "the series does not lie in space");
    if (status == LETHE_OK) {
        set_grid(series, 0, &ours);
        status = match_grid(&ours, &theirs, &map, error);
    }
    if (status == LETHE_OK) status = add_values(import, series, &theirs, &map, series_uid, error);
    lethe_series_destroy(series);
    lethe_nifti_release(&theirs);
    return status;
}

const lethe_format lethe_format_nifti = {"nifti", "NIfTI-1 image and mask pairs of series in space", write_nifti, read_nifti};
