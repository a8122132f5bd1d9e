/* Where a revision lies in the patient: the plane of each frame that it is drawn on, and measures in millimetres that follow from it. */
#include "annotate/store_place.h"

#include "core/arena.h"
#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/volume.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PATH = 512 };

typedef struct placed {
    lethe_pixel_plane plane;
    double normal[3], thickness_mm;
    bool known;
} placed;

struct lethe_placer {
    lethe_store *store;
    lethe_statement *find_path, *add_plane;
    /* the last file that was opened */
    char key[MOST_PATH];
    lethe_map map;
    lethe_arena *arena;
    lethe_dicom_dataset *dataset;
    char frame_of_reference[65];
    /* of the annotation at hand */
    placed *planes;
    size_t count, capacity;
};

static void close_image(lethe_placer *p) {
    lethe_dicom_dataset_release(p->dataset);
    lethe_arena_destroy(p->arena);
    if (p->map.fd >= 0) lethe_map_close(&p->map);
    p->dataset = NULL;
    p->arena = NULL;
    p->map = (lethe_map){.fd = -1};
    p->key[0] = '\0';
}

lethe_status lethe_placer_create(lethe_store *store, lethe_placer **out, lethe_error *error) {
    *out = NULL;
    lethe_placer *p = lethe_alloc_array(1, sizeof *p);
    if (p == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the store");
    p->store = store;
    p->map.fd = -1;
    lethe_status status =
        lethe_statement_prepare(store->database, "SELECT path FROM entry WHERE instance_uid = ?1 AND kind = 'dicom' LIMIT 1", &p->find_path, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(store->database,
                                         "INSERT INTO annotation_plane (revision, slice, frame_uid, ox, oy, oz, xx, xy, xz, yx, yy, yz) VALUES "
                                         "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                                         &p->add_plane, error);
    if (status == LETHE_OK) *out = p;
    else lethe_placer_destroy(p);
    return status;
}

void lethe_placer_destroy(lethe_placer *p) {
    if (p == NULL) return;
    close_image(p);
    lethe_statement_finalize(p->find_path);
    lethe_statement_finalize(p->add_plane);
    lethe_free(p->planes);
    lethe_free(p);
}

/* The image's file stays open for the next annotation on it. An image that cannot be read has no plane: that does not stop a label. */
static lethe_status open_image(lethe_placer *p, const char *image, lethe_error *error) {
    bool row = false;
    if (strcmp(p->key, image) == 0) return LETHE_OK;
    close_image(p);
    if (image[0] == '\0' || strlen(image) >= sizeof p->key || p->store->released_path == NULL) return LETHE_OK;
    memcpy(p->key, image, strlen(image) + 1);
    lethe_statement_bind_text(p->find_path, 1, image);
    lethe_status status = lethe_statement_step(p->find_path, &row, error);
    char *path = status == LETHE_OK && row ? lethe_path_join(p->store->released_path, lethe_statement_text(p->find_path, 0)) : NULL;
    lethe_statement_reset(p->find_path);
    if (path != NULL && (p->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) != NULL && lethe_map_open(path, &p->map, NULL) == LETHE_OK &&
        lethe_dicom_dataset_parse(p->map.bytes, p->map.size, p->arena, &p->dataset, NULL) != LETHE_OK)
        p->dataset = NULL;
    if (p->dataset == NULL || !lethe_dicom_text(p->dataset->root, 0x00200052, 0, p->frame_of_reference, sizeof p->frame_of_reference))
        p->frame_of_reference[0] = '\0';
    lethe_free(path);
    return status;
}

/* Pixel (0.5, 0.5) is the centre of the first one, where Image Position (Patient) is (PS3.3 C.7.6.2.1.1). */
static void place_frame(const lethe_placer *p, uint32_t frame, placed *out) {
    lethe_frame_geometry g;
    *out = (placed){.known = false};
    if (p->dataset == NULL) return;
    lethe_frame_geometry_load(p->dataset, frame, &g);
    if (!g.has_plane || !g.has_spacing) return;
    out->known = true;
    out->thickness_mm = g.thickness_mm;
    memcpy(out->plane.frame_of_reference, p->frame_of_reference, sizeof out->plane.frame_of_reference);
    for (int k = 0; k < 3; k++) {
        out->plane.x_mm[k] = g.row_direction[k] * g.column_spacing_mm;
        out->plane.y_mm[k] = g.column_direction[k] * g.row_spacing_mm;
        out->plane.origin_mm[k] = g.position_mm[k] - (out->plane.x_mm[k] + out->plane.y_mm[k]) / 2;
        out->normal[k] = g.normal[k];
    }
}

/* --- measures --- */

static double distance(const double a[3], const double b[3]) {
    return sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
}

static double pixel_area_mm2(const lethe_pixel_plane *plane) {
    const double *x = plane->x_mm, *y = plane->y_mm;
    double cross[3] = {x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]};
    return sqrt(cross[0] * cross[0] + cross[1] * cross[1] + cross[2] * cross[2]);
}

static double measure_points(const lethe_shape *shape, const placed *at) {
    double a[3], b[3], c[3];
    if (shape->point_count < 2) return NAN;
    lethe_pixel_plane_point(&at->plane, shape->points[0], a);
    lethe_pixel_plane_point(&at->plane, shape->points[1], b);
    if (shape->measure == LETHE_MEASURE_LENGTH_MM) return distance(a, b);
    if (shape->point_count < 3) return NAN;
    if (shape->measure == LETHE_MEASURE_AREA_MM2) {
        double twice = 0;
        for (size_t i = 0; i < shape->point_count; i++) {
            lethe_point p = shape->points[i], q = shape->points[(i + 1) % shape->point_count];
            twice += p.x * q.y - q.x * p.y;
        }
        return fabs(twice) / 2 * pixel_area_mm2(&at->plane);
    }
    lethe_pixel_plane_point(&at->plane, shape->points[2], c);
    double dot = 0, first = distance(a, b), second = distance(c, b);
    for (int k = 0; k < 3; k++) dot += (a[k] - b[k]) * (c[k] - b[k]);
    return first > 0 && second > 0 ? acos(fmax(-1, fmin(1, dot / (first * second)))) * 57.29577951308232 : NAN;
}

static int by_number(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Voxels times their size. The distance of slices is the median gap between those that are drawn on; a single one has its own thickness. */
static double measure_volume(const lethe_shape *shape, const placed *planes) {
    double *depths = lethe_alloc_array(shape->slice_count, sizeof *depths), sum = 0, step = planes[0].thickness_mm;
    size_t gaps = 0;
    if (depths == NULL) return NAN;
    for (size_t i = 0; i < shape->slice_count; i++) {
        depths[i] = 0;
        for (int k = 0; k < 3; k++) depths[i] += planes[i].plane.origin_mm[k] * planes[0].normal[k];
    }
    qsort(depths, shape->slice_count, sizeof *depths, by_number);
    for (size_t i = 1; i < shape->slice_count; i++)
        if (depths[i] - depths[i - 1] > 1e-4) depths[gaps++] = depths[i] - depths[i - 1];
    qsort(depths, gaps, sizeof *depths, by_number);
    if (gaps > 0) step = depths[(gaps - 1) / 2];
    for (size_t i = 0; i < shape->slice_count; i++) sum += (double)lethe_rle_count(&shape->slices[i].mask) * pixel_area_mm2(&planes[i].plane) * step;
    lethe_free(depths);
    return step > 0 ? sum : NAN;
}

/* A measurement that came without its value gets it. */
static void measure(const lethe_placer *p, lethe_shape *shape) {
    if (shape->kind != LETHE_SHAPE_MEASUREMENT || (!isnan(shape->measured) && fabs(shape->measured) > 0)) return;
    for (size_t i = 0; i < p->count; i++)
        if (!p->planes[i].known) return;
    if (p->count == 0) return;
    double value = shape->measure == LETHE_MEASURE_VOLUME_MM3 ? shape->slice_count > 0 ? measure_volume(shape, p->planes) : NAN
                                                              : measure_points(shape, &p->planes[0]);
    if (!isnan(value)) shape->measured = value;
}

/* --- the annotation at hand --- */

static placed *next_place(lethe_placer *p) {
    if (p->count == p->capacity) {
        size_t capacity = p->capacity == 0 ? 64 : p->capacity * 2;
        placed *grown = lethe_realloc_array(p->planes, capacity, sizeof *grown);
        if (grown == NULL) return NULL;
        p->planes = grown;
        p->capacity = capacity;
    }
    return &p->planes[p->count++];
}

lethe_status lethe_placer_prepare(lethe_placer *p, lethe_annotation *a, lethe_error *error) {
    lethe_status status = LETHE_OK;
    const char *image = a->image == NULL ? "" : a->image;
    size_t slices = a->shape.slice_count > 0 ? a->shape.slice_count : 1;
    p->count = 0;
    if (a->shape.kind == LETHE_SHAPE_NONE) return LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < slices; i++) {
        const lethe_mask_slice *slice = a->shape.slice_count > 0 ? &a->shape.slices[i] : NULL;
        placed *at = next_place(p);
        if (at == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for planes");
        status = open_image(p, slice != NULL && slice->image != NULL && slice->image[0] != '\0' ? slice->image : image, error);
        if (status == LETHE_OK) place_frame(p, slice != NULL ? slice->frame : a->shape.frame, at);
    }
    if (status == LETHE_OK) measure(p, &a->shape);
    return status;
}

size_t lethe_placer_count(const lethe_placer *p) { return p->count; }

const lethe_pixel_plane *lethe_placer_plane(const lethe_placer *p, size_t i) { return p->planes[i].known ? &p->planes[i].plane : NULL; }

lethe_status lethe_placer_store(lethe_placer *p, int64_t revision, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < p->count; i++) {
        const lethe_pixel_plane *plane = &p->planes[i].plane;
        if (!p->planes[i].known) continue;
        lethe_statement_bind_int64(p->add_plane, 1, revision);
        lethe_statement_bind_int64(p->add_plane, 2, (int64_t)i);
        lethe_statement_bind_text(p->add_plane, 3, plane->frame_of_reference);
        for (int k = 0; k < 3; k++) {
            lethe_statement_bind_double(p->add_plane, 4 + k, plane->origin_mm[k]);
            lethe_statement_bind_double(p->add_plane, 7 + k, plane->x_mm[k]);
            lethe_statement_bind_double(p->add_plane, 10 + k, plane->y_mm[k]);
        }
        status = lethe_statement_run(p->add_plane, error);
    }
    return status;
}

void lethe_pixel_plane_point(const lethe_pixel_plane *plane, lethe_point pixel, double patient_mm[3]) {
    for (int k = 0; k < 3; k++) patient_mm[k] = plane->origin_mm[k] + pixel.x * plane->x_mm[k] + pixel.y * plane->y_mm[k];
}

#define PLANE_COLUMNS "frame_uid, ox, oy, oz, xx, xy, xz, yx, yy, yz"

/* Columns as in PLANE_COLUMNS. */
static void read_plane(lethe_statement *row, lethe_pixel_plane *plane) {
    const char *uid = lethe_statement_text(row, 0);
    size_t length = strnlen(uid, sizeof plane->frame_of_reference - 1);
    *plane = (lethe_pixel_plane){0};
    memcpy(plane->frame_of_reference, uid, length);
    for (int k = 0; k < 3; k++) {
        plane->origin_mm[k] = lethe_statement_double(row, 1 + k);
        plane->x_mm[k] = lethe_statement_double(row, 4 + k);
        plane->y_mm[k] = lethe_statement_double(row, 7 + k);
    }
}

lethe_status lethe_store_load_plane(lethe_store *store, int64_t revision, size_t slice, lethe_pixel_plane *plane, bool *known, lethe_error *error) {
    lethe_statement *statement = NULL;
    *known = false;
    lethe_status status = lethe_statement_prepare(
        store->database, "SELECT " PLANE_COLUMNS " FROM annotation_plane WHERE revision = ?1 AND slice = ?2", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, revision);
    lethe_statement_bind_int64(statement, 2, (int64_t)slice);
    status = lethe_statement_step(statement, known, error);
    if (status == LETHE_OK && *known) read_plane(statement, plane);
    lethe_statement_finalize(statement);
    return status;
}

/* The rows of one request go to all annotations with that revision: 500 at most, so that a search of the list is short. */
static lethe_status load_some(lethe_store *store, const lethe_annotation *list, size_t count, lethe_pixel_plane *planes, bool *known,
                              lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_buffer sql;
    lethe_buffer_init(&sql, 1 << 16);
    lethe_status status =
        lethe_buffer_append_text(&sql, "SELECT " PLANE_COLUMNS ", revision FROM annotation_plane WHERE slice = 0 AND revision IN (0", error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = lethe_buffer_printf(&sql, error, ",%" PRId64, list[i].revision);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&sql, ")", error);
    if (status == LETHE_OK) status = lethe_statement_prepare(store->database, lethe_buffer_text(&sql), &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        int64_t revision = lethe_statement_int64(statement, 10);
        for (size_t i = 0; i < count; i++) {
            if (list[i].revision != revision) continue;
            read_plane(statement, &planes[i]);
            known[i] = true;
        }
    }
    lethe_statement_finalize(statement);
    lethe_buffer_release(&sql);
    return status;
}

lethe_status lethe_store_load_planes(lethe_store *store, const lethe_annotation *annotations, size_t count, lethe_pixel_plane *planes, bool *known,
                                     lethe_error *error) {
    enum { AT_ONCE = 500 };
    lethe_status status = LETHE_OK;
    memset(known, 0, count * sizeof *known);
    for (size_t i = 0; status == LETHE_OK && i < count; i += AT_ONCE)
        status = load_some(store, annotations + i, count - i < AT_ONCE ? count - i : AT_ONCE, planes + i, known + i, error);
    return status;
}
