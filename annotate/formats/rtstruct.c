/* DICOM RT Structure Sets (PS3.3 A.19): one per labelled series in space, one ROI per annotation. Masks go by their outlines; every ring is a contour
 * of its own, to be read even-odd. Import takes CLOSED_PLANAR and POINT contours that name their image: one contour is a polygon, several make a
 * volume. */
#include "annotate/formats/formats.h"

#include "annotate/dicom_write.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RTSTRUCT_CLASS "1.2.840.10008.5.1.4.1.1.481.3"

/* --- export --- */

/* Pixel coordinates (corner of the first pixel is 0, 0; positions name its centre) to patient millimetres. */
static void to_patient(const lethe_frame_geometry *g, lethe_point p, double out[3]) {
    for (int k = 0; k < 3; k++)
        out[k] =
            g->position_mm[k] + g->row_direction[k] * g->column_spacing_mm * (p.x - 0.5) + g->column_direction[k] * g->row_spacing_mm * (p.y - 0.5);
}

typedef struct structure_plan {
    lethe_dataset *d;
    const lethe_series *s;
    const char *series_uid;
    const lethe_part *const *parts;
    size_t part_count;
    const lethe_annotation **rois;
    size_t roi_count;
} structure_plan;

static int by_annotation(const void *a, const void *b) {
    const lethe_annotation *left = *(const lethe_annotation *const *)a, *right = *(const lethe_annotation *const *)b;
    return left->id < right->id ? -1 : left->id > right->id;
}

static lethe_status list_rois(structure_plan *p, lethe_error *error) {
    if ((p->rois = lethe_alloc_array(p->part_count, sizeof(lethe_annotation *))) == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for structures");
    for (size_t i = 0; i < p->part_count; i++) p->rois[i] = p->parts[i]->annotation;
    qsort(p->rois, p->part_count, sizeof(lethe_annotation *), by_annotation);
    for (size_t i = 0; i < p->part_count; i++)
        if (p->roi_count == 0 || p->rois[p->roi_count - 1] != p->rois[i]) p->rois[p->roi_count++] = p->rois[i];
    return LETHE_OK;
}

static void put_contour(lethe_dicom_writer *w, const structure_plan *p, const lethe_part *part, const char *type, const lethe_point *points,
                        size_t count) {
    size_t position = lethe_series_find(p->s, part->image, part->frame);
    const lethe_image_ref *ref = lethe_image_index_at(p->d->index, part->image);
    if (position == SIZE_MAX || count == 0) return;
    double *data = lethe_alloc_array(count * 3, sizeof *data);
    if (data == NULL) {
        if (w->status == LETHE_OK) w->status = lethe_fail(w->error, LETHE_NO_MEMORY, "no memory for a contour");
        return;
    }
    for (size_t i = 0; i < count; i++) to_patient(&p->s->frames[position].geometry, points[i], data + 3 * i);
    lethe_dw_item(w);
    lethe_dw_sequence(w, 0x30060016);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00081150, LETHE_VR_UI, ref->sop_class);
    lethe_dw_text(w, 0x00081155, LETHE_VR_UI, ref->key);
    if (ref->frames > 1) lethe_dw_is(w, 0x00081160, part->frame + 1);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_text(w, 0x30060042, LETHE_VR_CS, type);
    lethe_dw_is(w, 0x30060046, (int64_t)count);
    lethe_dw_ds(w, 0x30060050, data, count * 3);
    lethe_dw_item_end(w);
    lethe_free(data);
}

static void put_contours(lethe_dicom_writer *w, const structure_plan *p, const lethe_part *part) {
    const lethe_shape *s = &part->annotation->shape;
    lethe_shape outline = {0};
    if (s->kind == LETHE_SHAPE_POINT) put_contour(w, p, part, "POINT", s->points, 1);
    else if (s->kind == LETHE_SHAPE_LINE || s->kind == LETHE_SHAPE_POLYLINE || (s->kind == LETHE_SHAPE_MEASUREMENT && s->point_count > 1))
        put_contour(w, p, part, "OPEN_PLANAR", s->points, s->point_count);
    else if (w->status == LETHE_OK) {
        lethe_error ignored = {0};
        lethe_status status = lethe_shape_to_polygon(s, part->slice, &outline, &ignored);
        if (status == LETHE_NOT_FOUND) return; /* an empty mask */
        if (status != LETHE_OK) w->status = lethe_fail(w->error, status, "%s", ignored.message);
        size_t rings = outline.ring_ends == NULL ? 1 : outline.ring_count, from = 0;
        for (size_t ring = 0; w->status == LETHE_OK && ring < rings; ring++) {
            size_t end = outline.ring_ends == NULL ? outline.point_count : outline.ring_ends[ring];
            put_contour(w, p, part, "CLOSED_PLANAR", outline.points + from, end - from);
            from = end;
        }
        lethe_shape_release(&outline);
    }
}

static void put_frame_of_reference(lethe_dicom_writer *w, const structure_plan *p) {
    size_t last = SIZE_MAX;
    lethe_dw_sequence(w, 0x30060010);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00200052, LETHE_VR_UI, p->s->frame_of_reference);
    lethe_dw_sequence(w, 0x30060012);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00081150, LETHE_VR_UI, "1.2.840.10008.3.1.2.3.1");
    lethe_dw_text(w, 0x00081155, LETHE_VR_UI, p->s->study_uid);
    lethe_dw_sequence(w, 0x30060014);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x0020000E, LETHE_VR_UI, p->series_uid);
    lethe_dw_sequence(w, 0x30060016);
    for (size_t i = 0; i < p->s->count; i++) {
        const lethe_image_ref *ref = lethe_image_index_at(p->d->index, p->s->frames[i].image);
        if (p->s->frames[i].image == last) continue;
        last = p->s->frames[i].image;
        lethe_dw_item(w);
        lethe_dw_text(w, 0x00081150, LETHE_VR_UI, ref->sop_class);
        lethe_dw_text(w, 0x00081155, LETHE_VR_UI, ref->key);
        lethe_dw_item_end(w);
    }
    for (int i = 0; i < 4; i++) {
        lethe_dw_sequence_end(w);
        if (i < 3) lethe_dw_item_end(w);
    }
}

static void put_rois(lethe_dicom_writer *w, const structure_plan *p) {
    lethe_dw_sequence(w, 0x30060020);
    for (size_t i = 0; i < p->roi_count; i++) {
        lethe_dw_item(w);
        lethe_dw_is(w, 0x30060022, (int64_t)i + 1);
        lethe_dw_text(w, 0x30060024, LETHE_VR_UI, p->s->frame_of_reference);
        lethe_dw_text(w, 0x30060026, LETHE_VR_LO, p->rois[i]->label);
        lethe_dw_text(w, 0x30060036, LETHE_VR_CS, p->rois[i]->source[0] == '\0' ? "MANUAL" : "SEMIAUTOMATIC");
        lethe_dw_item_end(w);
    }
    lethe_dw_sequence_end(w);
    lethe_dw_sequence(w, 0x30060039);
    for (size_t i = 0; i < p->roi_count; i++) {
        uint32_t rgb = p->d->categories[lethe_dataset_category(p->d, p->rois[i]->label)].colour_rgb;
        char colour[24];
        (void)snprintf(colour, sizeof colour, "%u\\%u\\%u", rgb >> 16, rgb >> 8 & 255, rgb & 255);
        lethe_dw_item(w);
        lethe_dw_text(w, 0x3006002A, LETHE_VR_IS, colour);
        lethe_dw_sequence(w, 0x30060040);
        for (size_t k = 0; k < p->part_count; k++)
            if (p->parts[k]->annotation == p->rois[i]) put_contours(w, p, p->parts[k]);
        lethe_dw_sequence_end(w);
        lethe_dw_is(w, 0x30060084, (int64_t)i + 1);
        lethe_dw_item_end(w);
    }
    lethe_dw_sequence_end(w);
    lethe_dw_sequence(w, 0x30060080);
    for (size_t i = 0; i < p->roi_count; i++) {
        lethe_dw_item(w);
        lethe_dw_is(w, 0x30060082, (int64_t)i + 1);
        lethe_dw_is(w, 0x30060084, (int64_t)i + 1);
        lethe_dw_text(w, 0x300600A4, LETHE_VR_CS, "");
        lethe_dw_text(w, 0x300600A6, LETHE_VR_PN, "");
        lethe_dw_item_end(w);
    }
    lethe_dw_sequence_end(w);
}

static void date_and_time(int64_t at_us, char date[16], char time_text[16]) {
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm parts;
    date[0] = time_text[0] = '\0';
    if (gmtime_r(&seconds, &parts) == NULL) return;
    (void)strftime(date, 16, "%Y%m%d", &parts);
    (void)strftime(time_text, 16, "%H%M%S", &parts);
}

static lethe_status write_series(lethe_dataset *d, const lethe_series *s, const char *series_uid, const lethe_part *const *parts, size_t count,
                                 lethe_error *error) {
    structure_plan p = {.d = d, .s = s, .series_uid = series_uid, .parts = parts, .part_count = count};
    char instance[65], series[65], name[400], date[16], time_text[16];
    const char *words[5] = {"rtstruct", d->snapshot_name, d->options.author != NULL ? d->options.author : "", series_uid, NULL};
    lethe_dicom_writer w = {0};
    if (!s->in_space) return LETHE_OK; /* a projection has no place in space */
    lethe_status status = list_rois(&p, error);
    if (status == LETHE_OK) status = lethe_derived_uid(words, instance, error);
    words[0] = "rtstruct series";
    if (status == LETHE_OK) status = lethe_derived_uid(words, series, error);
    if (status == LETHE_OK) {
        date_and_time(d->snapshot_at_us, date, time_text);
        lethe_dw_begin(&w, RTSTRUCT_CLASS, instance, error);
        lethe_dw_general(&w, s, RTSTRUCT_CLASS, instance, NULL, "RTSTRUCT", d->snapshot_at_us, "Structures");
        lethe_dw_patient(&w, s);
        lethe_dw_identity(&w, s, series, 9002);
        lethe_dw_text(&w, 0x00200052, LETHE_VR_UI, s->frame_of_reference);
        lethe_dw_text(&w, 0x00201040, LETHE_VR_LO, "");
        lethe_dw_text(&w, 0x30060002, LETHE_VR_SH, "LETHE");
        lethe_dw_text(&w, 0x30060008, LETHE_VR_DA, date);
        lethe_dw_text(&w, 0x30060009, LETHE_VR_TM, time_text);
        put_frame_of_reference(&w, &p);
        put_rois(&w, &p);
        lethe_dw_text(&w, 0x300E0002, LETHE_VR_CS, "UNAPPROVED");
        status = w.status;
        (void)snprintf(name, sizeof name, "rtstruct/%s/%s.dcm", lethe_image_index_at(d->index, s->frames[0].image)->patient, series_uid);
        if (status == LETHE_OK) status = lethe_package_write(d->package, name, w.out.bytes, w.out.size, error);
        lethe_buffer_release(&w.out);
    }
    lethe_free(p.rois);
    return status;
}

static lethe_status write_rtstruct(lethe_dataset *d, lethe_error *error) { return lethe_dataset_each_series(d, write_series, error); }

/* --- import --- */

/* Contours of one ROI on one image become one shape; several images one volume. */
typedef struct roi_reader {
    lethe_import *import;
    const char *file;
    lethe_series *series; /* of the last image */
    char series_uid[65];
} roi_reader;

static lethe_status series_of(roi_reader *r, const lethe_image_ref *image, lethe_error *error) {
    if (r->series != NULL && strcmp(r->series_uid, image->series_uid) == 0) return LETHE_OK;
    lethe_series_destroy(r->series);
    r->series = NULL;
    (void)snprintf(r->series_uid, sizeof r->series_uid, "%s", image->series_uid);
    lethe_status status = lethe_series_load(lethe_import_index(r->import), lethe_import_released(r->import), image->series_uid, &r->series, error);
    if (status == LETHE_OK && !r->series->in_space) status = lethe_fail(error, LETHE_UNSUPPORTED, "%s: the images do not lie in space", r->file);
    return status;
}

static lethe_point to_pixels(const lethe_frame_geometry *g, const double at[3]) {
    double x = 0, y = 0;
    for (int k = 0; k < 3; k++) {
        x += (at[k] - g->position_mm[k]) * g->row_direction[k];
        y += (at[k] - g->position_mm[k]) * g->column_direction[k];
    }
    /* Decimal strings of 16 characters are not exact: what lies within a millionth of a half pixel is meant to. */
    x = x / g->column_spacing_mm + 0.5;
    y = y / g->row_spacing_mm + 0.5;
    return (lethe_point){fabs(x - rint(x * 2) / 2) < 1e-5 ? rint(x * 2) / 2 : x, fabs(y - rint(y * 2) / 2) < 1e-5 ? rint(y * 2) / 2 : y};
}

typedef struct contour {
    const lethe_image_ref *image;
    uint32_t frame;
    lethe_point *points;
    size_t count;
    bool point;
} contour;

static lethe_status read_contour(roi_reader *r, const lethe_dicom_item *item, const char *where, contour *c, lethe_error *error) {
    static const lethe_tag uid_path[] = {0x30060016, 0x00081155}, frame_path[] = {0x30060016, 0x00081160};
    const lethe_dicom_element *uid_element = lethe_dicom_find_path(item, uid_path, 2), *frame_element = lethe_dicom_find_path(item, frame_path, 2),
                              *data = lethe_dicom_find(item, 0x30060050);
    char uid[65], type[17] = "";
    int64_t frame = 1;
    (void)lethe_dicom_text(item, 0x30060042, 0, type, sizeof type);
    c->point = strcmp(type, "POINT") == 0;
    if (!c->point && strncmp(type, "CLOSED", 6) != 0)
        return lethe_fail(error, LETHE_UNSUPPORTED, "%s: %s: contours of type '%s' are not taken", r->file, where, type);
    if (uid_element == NULL || !lethe_dicom_element_text(uid_element, 0, uid, sizeof uid))
        return lethe_fail(error, LETHE_UNSUPPORTED, "%s: %s: a contour does not name its image", r->file, where);
    if (frame_element != NULL) (void)lethe_dicom_element_int(frame_element, 0, &frame);
    lethe_status status = lethe_import_find(r->import, uid, where, &c->image, error);
    if (status == LETHE_OK) status = series_of(r, c->image, error);
    if (status != LETHE_OK) return status;
    c->frame = (uint32_t)(frame - 1);
    size_t position = lethe_series_find(r->series, lethe_image_index_position(lethe_import_index(r->import), c->image), c->frame);
    c->count = data == NULL ? 0 : lethe_dicom_multiplicity(data) / 3;
    if (position == SIZE_MAX || c->count < (c->point ? 1 : 3))
        return lethe_fail(error, LETHE_MALFORMED, "%s: %s: a contour has too few points", r->file, where);
    if ((c->points = lethe_arena_alloc_array(lethe_import_arena(r->import), c->count, sizeof *c->points)) == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a contour");
    /* Values are taken one after the other from the text: asking for each by its number would be quadratic. */
    const char *at = (const char *)data->value, *end = at + data->value_bytes;
    for (size_t i = 0; i < c->count; i++) {
        double place[3];
        for (int k = 0; k < 3; k++) {
            char number[24];
            size_t length = 0;
            while (at < end && *at != '\\' && length + 1 < sizeof number) number[length++] = *at++;
            number[length] = '\0';
            char *rest;
            place[k] = strtod(number, &rest);
            if (length == 0 || (*rest != '\0' && *rest != ' ') || !isfinite(place[k]))
                return lethe_fail(error, LETHE_MALFORMED, "%s: %s: a coordinate is not a number", r->file, where);
            if (at < end) at++;
        }
        c->points[i] = to_pixels(&r->series->frames[position].geometry, place);
    }
    return LETHE_OK;
}

static lethe_status add_polygon(roi_reader *r, const contour *c, const char *label, const char *where, lethe_error *error) {
    lethe_annotation a = {.level = LETHE_LEVEL_REGION,
                          .image = c->image->key,
                          .label = label,
                          .confidence = -1,
                          .shape = {.kind = c->point ? LETHE_SHAPE_POINT : LETHE_SHAPE_POLYGON,
                                    .frame = c->frame,
                                    .points = c->points,
                                    .point_count = c->point ? 1 : c->count}};
    return lethe_import_add(r->import, &a, where, error);
}

/* Contours on the same image are one region, even-odd. */
static lethe_status add_volume(roi_reader *r, contour *contours, size_t count, const char *label, const char *where, lethe_error *error) {
    lethe_shape volume = {.kind = LETHE_SHAPE_VOLUME, .slices = lethe_alloc_array(count, sizeof(lethe_mask_slice))};
    size_t size = (size_t)r->series->columns * r->series->rows;
    uint8_t *bitmap = lethe_alloc_array(size, 1), *one = lethe_alloc_array(size, 1);
    lethe_status status =
        volume.slices == NULL || bitmap == NULL || one == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a structure") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        if (contours[i].points == NULL) continue; /* taken with an earlier one */
        memset(bitmap, 0, size);
        for (size_t k = i; status == LETHE_OK && k < count; k++) {
            if (contours[k].points == NULL || contours[k].image != contours[i].image || contours[k].frame != contours[i].frame) continue;
            lethe_shape polygon = {.kind = LETHE_SHAPE_POLYGON, .points = contours[k].points, .point_count = contours[k].count};
            memset(one, 0, size);
            status = lethe_shape_rasterize(&polygon, 0, 1, one, r->series->columns, r->series->rows, 0, 0, error);
            for (size_t j = 0; j < size; j++) bitmap[j] ^= one[j];
            if (k != i) contours[k].points = NULL;
        }
        lethe_shape mask = {0};
        if (status == LETHE_OK)
            status = lethe_shape_make_mask(bitmap, r->series->columns, r->series->rows, r->series->columns, 0, 0, contours[i].frame, &mask, error);
        if (status != LETHE_OK) break;
        lethe_mask_slice *slot = &volume.slices[volume.slice_count++];
        *slot = mask.slices[0];
        lethe_free(slot->image);
        lethe_free(mask.slices);
        if ((slot->image = lethe_strdup(contours[i].image->key)) == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a structure");
    }
    lethe_annotation a = {.level = LETHE_LEVEL_REGION,
                          .patient = contours[0].image->patient,
                          .study_uid = contours[0].image->study_uid,
                          .series_uid = contours[0].image->series_uid,
                          .label = label,
                          .confidence = -1,
                          .shape = volume};
    if (status == LETHE_OK) status = lethe_import_add(r->import, &a, where, error);
    lethe_shape_release(&volume);
    lethe_free(bitmap);
    lethe_free(one);
    return status;
}

static const char *roi_name(const lethe_dicom_item *root, int64_t number, char name[65]) {
    const lethe_dicom_element *rois = lethe_dicom_find(root, 0x30060020);
    for (const lethe_dicom_item *item = rois == NULL ? NULL : rois->items; item != NULL; item = item->next) {
        int64_t found = 0;
        if (lethe_dicom_int(item, 0x30060022, 0, &found) && found == number && lethe_dicom_text(item, 0x30060026, 0, name, 65)) return name;
    }
    return NULL;
}

static lethe_status read_roi(roi_reader *r, const lethe_dicom_item *root, const lethe_dicom_item *item, lethe_error *error) {
    char name[65], where[48];
    int64_t number = 0;
    if (!lethe_dicom_int(item, 0x30060084, 0, &number) || roi_name(root, number, name) == NULL)
        return lethe_fail(error, LETHE_MALFORMED, "%s: contours belong to no ROI", r->file);
    (void)snprintf(where, sizeof where, "ROI %lld", (long long)number);
    const char *label = lethe_import_label(r->import, name);
    const lethe_dicom_element *sequence = lethe_dicom_find(item, 0x30060040);
    if (label == NULL || sequence == NULL || sequence->item_count == 0) return LETHE_OK;
    contour *contours = lethe_alloc_array(sequence->item_count, sizeof *contours);
    lethe_status status = contours == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for contours") : LETHE_OK;
    size_t count = 0;
    for (const lethe_dicom_item *at = sequence->items; status == LETHE_OK && at != NULL; at = at->next) {
        status = read_contour(r, at, where, &contours[count], error);
        count++;
    }
    if (status == LETHE_OK && (count == 1 || contours[0].point)) {
        for (size_t i = 0; status == LETHE_OK && i < count; i++) status = add_polygon(r, &contours[i], label, where, error);
    } else if (status == LETHE_OK) status = add_volume(r, contours, count, label, where, error);
    lethe_free(contours);
    return status;
}

static lethe_status read_file(lethe_import *import, const char *path, const char *relative, lethe_error *error) {
    roi_reader r = {.import = import, .file = relative};
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    char text[65];
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK && (!lethe_dicom_text(dataset->root, 0x00080016, 0, text, sizeof text) || strcmp(text, RTSTRUCT_CLASS) != 0))
        status = lethe_fail(error, LETHE_MALFORMED, "%s: not an RT Structure Set", relative);
    const lethe_dicom_element *rois = status == LETHE_OK ? lethe_dicom_find(dataset->root, 0x30060039) : NULL;
    for (const lethe_dicom_item *item = rois == NULL ? NULL : rois->items; status == LETHE_OK && item != NULL; item = item->next)
        status = read_roi(&r, dataset->root, item, error);
    lethe_series_destroy(r.series);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    if (map.fd >= 0) lethe_map_close(&map);
    return status;
}

static lethe_status read_rtstruct(lethe_import *import, const char *path, lethe_error *error) {
    return lethe_format_each_file(import, path, ".dcm", read_file, error);
}

const lethe_format lethe_format_rtstruct = {"rtstruct", "DICOM RT Structure Set per series in space", write_rtstruct, read_rtstruct};
