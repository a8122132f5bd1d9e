/* DICOM SR after TID 1500 (PS3.16): one Comprehensive SR per labelled series, a measurement group (TID 1410) per region with its outline, finding,
 * area and form. Import takes the outlines of groups: POLYLINE, POINT, ELLIPSE. */
#include "annotate/formats/formats.h"

#include "annotate/dicom_write.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SR_CLASS "1.2.840.10008.5.1.4.1.1.88.33"

/* --- export --- */

static void put_reference(lethe_dicom_writer *w, const lethe_image_ref *ref, uint32_t frame) {
    lethe_dw_sequence(w, 0x00081199);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00081150, LETHE_VR_UI, ref->sop_class);
    lethe_dw_text(w, 0x00081155, LETHE_VR_UI, ref->key);
    if (ref->frames > 1) lethe_dw_is(w, 0x00081160, (int64_t)frame + 1);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
}

/* What every content item starts with; it ends with lethe_dw_item_end. */
static void begin_item(lethe_dicom_writer *w, const char *relation, const char *type, const char *code, const char *scheme, const char *meaning) {
    lethe_dw_item(w);
    lethe_dw_text(w, 0x0040A010, LETHE_VR_CS, relation);
    lethe_dw_text(w, 0x0040A040, LETHE_VR_CS, type);
    lethe_dw_code(w, 0x0040A043, code, scheme, meaning);
}

static void put_code_item(lethe_dicom_writer *w, const char *relation, const char *code, const char *meaning, const char *value,
                          const char *value_scheme, const char *value_meaning) {
    begin_item(w, relation, "CODE", code, "DCM", meaning);
    lethe_dw_code(w, 0x0040A168, value, value_scheme, value_meaning);
    lethe_dw_item_end(w);
}

static void put_text_item(lethe_dicom_writer *w, const char *relation, const char *code, const char *scheme, const char *meaning, const char *text) {
    begin_item(w, relation, "TEXT", code, scheme, meaning);
    lethe_dw_text(w, 0x0040A160, LETHE_VR_UT, text);
    lethe_dw_item_end(w);
}

static void put_region(lethe_dicom_writer *w, const lethe_dataset *d, const lethe_part *part, const char *type, const lethe_point *points,
                       size_t count, bool closed) {
    size_t total = count + (closed ? 1 : 0);
    float *data = lethe_alloc_array(total * 2, sizeof *data);
    if (data == NULL) {
        if (w->status == LETHE_OK) w->status = lethe_fail(w->error, LETHE_NO_MEMORY, "no memory for a region");
        return;
    }
    for (size_t i = 0; i < total; i++) {
        data[2 * i] = (float)points[i % count].x;
        data[2 * i + 1] = (float)points[i % count].y;
    }
    begin_item(w, "CONTAINS", "SCOORD", "111030", "DCM", "Image Region");
    lethe_dw_sequence(w, 0x0040A730);
    lethe_dw_item(w);
    put_reference(w, lethe_image_index_at(d->index, part->image), part->frame);
    lethe_dw_text(w, 0x0040A010, LETHE_VR_CS, "SELECTED FROM");
    lethe_dw_text(w, 0x0040A040, LETHE_VR_CS, "IMAGE");
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_fl(w, 0x00700022, data, total * 2);
    lethe_dw_text(w, 0x00700023, LETHE_VR_CS, type);
    lethe_dw_item_end(w);
    lethe_free(data);
}

/* Major and minor axis end points, as PS3.3 C.18.6.1.2 wants them. */
static void put_ellipse(lethe_dicom_writer *w, const lethe_dataset *d, const lethe_part *part, const lethe_shape *s) {
    double angle = s->angle_degrees * (M_PI / 180.0), c = cos(angle), n = sin(angle);
    lethe_point centre = s->points[0], along = {s->points[1].x * c, s->points[1].x * n}, across = {-s->points[1].y * n, s->points[1].y * c};
    if (s->points[1].y > s->points[1].x) {
        lethe_point swap = along;
        along = across;
        across = swap;
    }
    const lethe_point ends[4] = {{centre.x - along.x, centre.y - along.y},
                                 {centre.x + along.x, centre.y + along.y},
                                 {centre.x - across.x, centre.y - across.y},
                                 {centre.x + across.x, centre.y + across.y}};
    put_region(w, d, part, "ELLIPSE", ends, 4, false);
}

static void put_outline(lethe_dicom_writer *w, const lethe_dataset *d, const lethe_part *part) {
    const lethe_shape *s = &part->annotation->shape;
    lethe_shape outline = {0};
    lethe_error ignored = {0};
    if (s->kind == LETHE_SHAPE_POINT) put_region(w, d, part, "POINT", s->points, 1, false);
    else if (s->kind == LETHE_SHAPE_ELLIPSE) put_ellipse(w, d, part, s);
    else if (s->kind == LETHE_SHAPE_LINE || s->kind == LETHE_SHAPE_POLYLINE || (s->kind == LETHE_SHAPE_MEASUREMENT && s->point_count > 1))
        put_region(w, d, part, "POLYLINE", s->points, s->point_count, false);
    else if (w->status == LETHE_OK) {
        lethe_status status = lethe_shape_to_polygon(s, part->slice, &outline, &ignored);
        if (status == LETHE_NOT_FOUND) return;
        if (status != LETHE_OK) w->status = lethe_fail(w->error, status, "%s", ignored.message);
        size_t rings = outline.ring_ends == NULL ? 1 : outline.ring_count, from = 0;
        for (size_t ring = 0; w->status == LETHE_OK && ring < rings; ring++) {
            size_t end = outline.ring_ends == NULL ? outline.point_count : outline.ring_ends[ring];
            put_region(w, d, part, "POLYLINE", outline.points + from, end - from, true);
            from = end;
        }
        lethe_shape_release(&outline);
    }
}

static void put_area(lethe_dicom_writer *w, const lethe_series *s, const lethe_part *part) {
    size_t position = lethe_series_find(s, part->image, part->frame);
    lethe_shape view = part->annotation->shape;
    if (view.slice_count != 0) {
        view.slices += part->slice;
        view.slice_count = 1;
    }
    double area = lethe_shape_area_px(&view);
    if (position == SIZE_MAX || !s->frames[position].geometry.has_spacing || !(area > 0)) return;
    area *= s->frames[position].geometry.row_spacing_mm * s->frames[position].geometry.column_spacing_mm;
    begin_item(w, "CONTAINS", "NUM", "42798000", "SCT", "Area");
    lethe_dw_sequence(w, 0x0040A300);
    lethe_dw_item(w);
    lethe_dw_code(w, 0x004008EA, "mm2", "UCUM", "square millimeter");
    lethe_dw_ds(w, 0x0040A30A, &area, 1);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_item_end(w);
}

static void put_form(lethe_dicom_writer *w, const char *form_json) {
    json_t *form = form_json[0] == '\0' ? NULL : json_loads(form_json, 0, NULL), *value;
    const char *name;
    json_object_foreach(form, name, value) if (json_is_string(value) && json_string_length(value) > 0)
        put_text_item(w, "CONTAINS", name, "99LETHE", name, json_string_value(value));
    json_decref(form);
}

static lethe_status put_group(lethe_dicom_writer *w, const lethe_dataset *d, const lethe_series *s, const lethe_part *part, lethe_error *error) {
    char uid[65], name[48];
    const lethe_category *c = &d->categories[lethe_dataset_category(d, part->annotation->label)];
    (void)snprintf(name, sizeof name, "%lld", (long long)part->annotation->id);
    const char *words[4] = {"tracking", d->snapshot_name, name, NULL};
    lethe_status status = lethe_derived_uid(words, uid, error);
    if (status != LETHE_OK) return status;
    begin_item(w, "CONTAINS", "CONTAINER", "125007", "DCM", "Measurement Group");
    lethe_dw_text(w, 0x0040A050, LETHE_VR_CS, "SEPARATE");
    lethe_dw_sequence(w, 0x0040A504);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00080105, LETHE_VR_CS, "DCMR");
    lethe_dw_text(w, 0x0040DB00, LETHE_VR_CS, "1410");
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_sequence(w, 0x0040A730);
    put_text_item(w, "HAS OBS CONTEXT", "112039", "DCM", "Tracking Identifier", name);
    begin_item(w, "HAS OBS CONTEXT", "UIDREF", "112040", "DCM", "Tracking Unique Identifier");
    lethe_dw_text(w, 0x0040A124, LETHE_VR_UI, uid);
    lethe_dw_item_end(w);
    begin_item(w, "CONTAINS", "CODE", "121071", "DCM", "Finding");
    lethe_dw_label_code(w, 0x0040A168, c);
    lethe_dw_item_end(w);
    put_outline(w, d, part);
    put_area(w, s, part);
    put_form(w, part->annotation->form);
    lethe_dw_sequence_end(w);
    lethe_dw_item_end(w);
    return w->status;
}

static void put_evidence(lethe_dicom_writer *w, const lethe_dataset *d, const lethe_series *s, const char *series_uid, const lethe_part *const *parts,
                         size_t count) {
    size_t last = SIZE_MAX;
    lethe_dw_sequence(w, 0x0040A375);
    lethe_dw_item(w);
    lethe_dw_sequence(w, 0x00081115);
    lethe_dw_item(w);
    lethe_dw_sequence(w, 0x00081199);
    for (size_t i = 0; i < count; i++) { /* sorted by image */
        const lethe_image_ref *ref = lethe_image_index_at(d->index, parts[i]->image);
        if (parts[i]->image == last) continue;
        last = parts[i]->image;
        lethe_dw_item(w);
        lethe_dw_text(w, 0x00081150, LETHE_VR_UI, ref->sop_class);
        lethe_dw_text(w, 0x00081155, LETHE_VR_UI, ref->key);
        lethe_dw_item_end(w);
    }
    lethe_dw_sequence_end(w);
    lethe_dw_text(w, 0x0020000E, LETHE_VR_UI, series_uid);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_text(w, 0x0020000D, LETHE_VR_UI, s->study_uid);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
}

static lethe_status put_content(lethe_dicom_writer *w, const lethe_dataset *d, const lethe_series *s, const lethe_part *const *parts, size_t count,
                                lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_dw_sequence(w, 0x0040A730);
    put_code_item(w, "HAS CONCEPT MOD", "121049", "Language of Content Item and Descendants", "en", "RFC5646", "English");
    put_code_item(w, "HAS OBS CONTEXT", "121005", "Observer Type", "121006", "DCM", "Person");
    begin_item(w, "HAS OBS CONTEXT", "PNAME", "121008", "DCM", "Person Observer Name");
    lethe_dw_text(w, 0x0040A123, LETHE_VR_PN, d->options.author != NULL ? d->options.author : "readers");
    lethe_dw_item_end(w);
    put_code_item(w, "HAS CONCEPT MOD", "121058", "Procedure reported", "363679005", "SCT", "Imaging procedure");
    begin_item(w, "CONTAINS", "CONTAINER", "126010", "DCM", "Imaging Measurements");
    lethe_dw_text(w, 0x0040A050, LETHE_VR_CS, "SEPARATE");
    lethe_dw_sequence(w, 0x0040A730);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = put_group(w, d, s, parts[i], error);
    lethe_dw_sequence_end(w);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    return status == LETHE_OK ? w->status : status;
}

static lethe_status write_series(lethe_dataset *d, const lethe_series *s, const char *series_uid, const lethe_part *const *parts, size_t count,
                                 lethe_error *error) {
    char instance[65], series[65], name[400];
    const char *words[5] = {"sr", d->snapshot_name, d->options.author != NULL ? d->options.author : "", series_uid, NULL};
    lethe_dicom_writer w = {0};
    lethe_status status = lethe_derived_uid(words, instance, error);
    words[0] = "sr series";
    if (status == LETHE_OK) status = lethe_derived_uid(words, series, error);
    if (status != LETHE_OK) return status;
    lethe_dw_begin(&w, SR_CLASS, instance, error);
    lethe_dw_general(&w, s, SR_CLASS, instance, NULL, "SR", d->snapshot_at_us, "Measurements");
    lethe_dw_sequence(&w, 0x00081111);
    lethe_dw_sequence_end(&w);
    lethe_dw_patient(&w, s);
    lethe_dw_identity(&w, s, series, 9003);
    lethe_dw_text(&w, 0x0040A040, LETHE_VR_CS, "CONTAINER");
    lethe_dw_code(&w, 0x0040A043, "126000", "DCM", "Imaging Measurement Report");
    lethe_dw_text(&w, 0x0040A050, LETHE_VR_CS, "SEPARATE");
    lethe_dw_sequence(&w, 0x0040A372);
    lethe_dw_sequence_end(&w);
    put_evidence(&w, d, s, series_uid, parts, count);
    lethe_dw_text(&w, 0x0040A491, LETHE_VR_CS, "COMPLETE");
    lethe_dw_text(&w, 0x0040A493, LETHE_VR_CS, "UNVERIFIED");
    lethe_dw_sequence(&w, 0x0040A504);
    lethe_dw_item(&w);
    lethe_dw_text(&w, 0x00080105, LETHE_VR_CS, "DCMR");
    lethe_dw_text(&w, 0x0040DB00, LETHE_VR_CS, "1500");
    lethe_dw_item_end(&w);
    lethe_dw_sequence_end(&w);
    status = put_content(&w, d, s, parts, count, error);
    (void)snprintf(name, sizeof name, "sr/%s/%s.dcm", lethe_image_index_at(d->index, s->frames[0].image)->patient, series_uid);
    if (status == LETHE_OK) status = lethe_package_write(d->package, name, w.out.bytes, w.out.size, error);
    lethe_buffer_release(&w.out);
    return status;
}

static lethe_status write_sr(lethe_dataset *d, lethe_error *error) { return lethe_dataset_each_series(d, write_series, error); }

/* --- import --- */

typedef struct sr_reader {
    lethe_import *import;
    const char *file;
    size_t groups;
} sr_reader;

static bool code_is(const lethe_dicom_item *item, lethe_tag sequence, const char *value) {
    const lethe_tag path[] = {sequence, 0x00080100};
    const lethe_dicom_element *element = lethe_dicom_find_path(item, path, 2);
    char text[65];
    return element != NULL && lethe_dicom_element_text(element, 0, text, sizeof text) && strcmp(text, value) == 0;
}

static void code_text(const lethe_dicom_item *item, lethe_tag sequence, lethe_tag part, char out[65]) {
    const lethe_tag path[] = {sequence, part};
    const lethe_dicom_element *element = lethe_dicom_find_path(item, path, 2);
    if (element == NULL || !lethe_dicom_element_text(element, 0, out, 65)) out[0] = '\0';
}

/* The finding's label: mapped by meaning or value; the schema's label with that code; else the meaning itself. */
static const char *finding_label(const sr_reader *r, const lethe_dicom_item *group, char meaning[65]) {
    const lethe_schema *schema = lethe_store_schema(lethe_import_store(r->import));
    const lethe_dicom_element *content = lethe_dicom_find(group, 0x0040A730);
    char value[65] = "", scheme[65] = "";
    meaning[0] = '\0';
    for (const lethe_dicom_item *item = content == NULL ? NULL : content->items; item != NULL; item = item->next) {
        if (!code_is(item, 0x0040A043, "121071")) continue;
        code_text(item, 0x0040A168, 0x00080100, value);
        if (value[0] == '\0') code_text(item, 0x0040A168, 0x00080119, value);
        code_text(item, 0x0040A168, 0x00080102, scheme);
        code_text(item, 0x0040A168, 0x00080104, meaning);
    }
    const char *mapped = lethe_import_label(r->import, meaning);
    if (mapped != meaning) return mapped;
    for (unsigned i = 0; schema != NULL && i < schema->labels_count; i++) {
        const lethe_label *label = &schema->labels[i];
        if (label->level != LETHE_LEVEL_REGION) continue;
        if (label->code != NULL && strcmp(label->code->value, value) == 0 && strcmp(label->code->scheme, scheme) == 0) return label->question.name;
        if (strcmp(scheme, "99LETHE") == 0 && strcmp(value, label->question.name) == 0) return label->question.name;
    }
    if (strcmp(scheme, "99LETHE") == 0) memcpy(meaning, value, 65);
    return meaning;
}

/* Answers of our own forms: text items with codes of 99LETHE. The caller frees. */
static char *group_form(const lethe_dicom_item *group) {
    const lethe_dicom_element *content = lethe_dicom_find(group, 0x0040A730);
    json_t *form = json_object();
    for (const lethe_dicom_item *item = content == NULL ? NULL : content->items; item != NULL; item = item->next) {
        char scheme[65], name[65], text[1024];
        code_text(item, 0x0040A043, 0x00080102, scheme);
        code_text(item, 0x0040A043, 0x00080100, name);
        if (name[0] == '\0') code_text(item, 0x0040A043, 0x00080119, name);
        if (strcmp(scheme, "99LETHE") == 0 && lethe_dicom_text(item, 0x0040A160, 0, text, sizeof text))
            (void)json_object_set_new(form, name, json_string(text));
    }
    char *out = json_object_size(form) > 0 ? json_dumps(form, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(form);
    return out;
}

static bool make_shape(const char *type, lethe_point *points, size_t count, lethe_shape *shape) {
    shape->points = points;
    shape->point_count = count;
    if (strcmp(type, "POINT") == 0 && count == 1) shape->kind = LETHE_SHAPE_POINT;
    else if (strcmp(type, "POLYLINE") == 0 && count >= 2) {
        bool closed = count > 3 && fabs(points[0].x - points[count - 1].x) < 1e-6 && fabs(points[0].y - points[count - 1].y) < 1e-6;
        shape->kind = closed ? LETHE_SHAPE_POLYGON : count == 2 ? LETHE_SHAPE_LINE : LETHE_SHAPE_POLYLINE;
        if (closed) shape->point_count--;
    } else if ((strcmp(type, "ELLIPSE") == 0 && count == 4) || (strcmp(type, "CIRCLE") == 0 && count == 2)) {
        bool circle = count == 2;
        lethe_point a = points[0], b = points[1], c = circle ? a : points[2], d = circle ? b : points[3];
        double first = hypot(b.x - a.x, b.y - a.y) / (circle ? 1 : 2), second = hypot(d.x - c.x, d.y - c.y) / (circle ? 1 : 2);
        shape->kind = LETHE_SHAPE_ELLIPSE;
        shape->angle_degrees = circle ? 0 : atan2(b.y - a.y, b.x - a.x) * (180.0 / M_PI);
        shape->points[0] = circle ? a : (lethe_point){(a.x + b.x) / 2, (a.y + b.y) / 2};
        shape->points[1] = (lethe_point){first, second};
        shape->point_count = 2;
    } else return false;
    return true;
}

static lethe_status read_outline(sr_reader *r, const lethe_dicom_item *item, const char *label, const char *form, const char *where,
                                 lethe_error *error) {
    static const lethe_tag uid_path[] = {0x0040A730, 0x00081199, 0x00081155}, frame_path[] = {0x0040A730, 0x00081199, 0x00081160};
    const lethe_dicom_element *uid_element = lethe_dicom_find_path(item, uid_path, 3), *frame_element = lethe_dicom_find_path(item, frame_path, 3),
                              *data = lethe_dicom_find(item, 0x00700022);
    char uid[65], type[17] = "";
    int64_t frame = 1;
    const lethe_image_ref *image = NULL;
    if (uid_element == NULL || !lethe_dicom_element_text(uid_element, 0, uid, sizeof uid) || data == NULL)
        return lethe_fail(error, LETHE_MALFORMED, "%s: %s: an outline names no image", r->file, where);
    if (frame_element != NULL) (void)lethe_dicom_element_int(frame_element, 0, &frame);
    lethe_status status = lethe_import_find(r->import, uid, where, &image, error);
    if (status != LETHE_OK) return status;
    size_t count = lethe_dicom_multiplicity(data) / 2;
    lethe_point *points = lethe_arena_alloc_array(lethe_import_arena(r->import), count + 2, sizeof *points);
    if (points == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a region");
    for (size_t i = 0; i < count; i++)
        if (!lethe_dicom_element_double(data, (unsigned)(2 * i), &points[i].x) ||
            !lethe_dicom_element_double(data, (unsigned)(2 * i + 1), &points[i].y))
            return lethe_fail(error, LETHE_MALFORMED, "%s: %s: a coordinate cannot be read", r->file, where);
    (void)lethe_dicom_text(item, 0x00700023, 0, type, sizeof type);
    lethe_annotation a = {.level = LETHE_LEVEL_REGION, .image = image->key, .label = label, .form = form, .confidence = -1};
    a.shape.frame = frame > 0 ? (uint32_t)(frame - 1) : 0;
    if (!make_shape(type, points, count, &a.shape))
        return lethe_fail(error, LETHE_UNSUPPORTED, "%s: %s: %zu points do not make a %s", r->file, where, count, type);
    return lethe_import_add(r->import, &a, where, error);
}

/* Walk containers; each measurement group gives its outlines. Depth is bounded by the parser. */
static lethe_status walk_content(sr_reader *r, const lethe_dicom_item *of, lethe_error *error) {
    const lethe_dicom_element *content = lethe_dicom_find(of, 0x0040A730);
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_item *item = content == NULL ? NULL : content->items; status == LETHE_OK && item != NULL; item = item->next) {
        char type[17] = "", meaning[65], where[48];
        (void)lethe_dicom_text(item, 0x0040A040, 0, type, sizeof type);
        if (strcmp(type, "CONTAINER") != 0) continue;
        if (!code_is(item, 0x0040A043, "125007")) {
            status = walk_content(r, item, error);
            continue;
        }
        (void)snprintf(where, sizeof where, "measurement group %zu", ++r->groups);
        const char *label = finding_label(r, item, meaning);
        char *form = group_form(item);
        const lethe_dicom_element *inside = lethe_dicom_find(item, 0x0040A730);
        for (const lethe_dicom_item *part = inside == NULL ? NULL : inside->items; label != NULL && status == LETHE_OK && part != NULL;
             part = part->next) {
            char kind[17] = "";
            (void)lethe_dicom_text(part, 0x0040A040, 0, kind, sizeof kind);
            if (strcmp(kind, "SCOORD") == 0) status = read_outline(r, part, label, form, where, error);
        }
        free(form);
    }
    return status;
}

static lethe_status read_file(lethe_import *import, const char *path, const char *relative, lethe_error *error) {
    sr_reader r = {.import = import, .file = relative};
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    char type[17] = "";
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK && (!lethe_dicom_text(dataset->root, 0x0040A040, 0, type, sizeof type) || strcmp(type, "CONTAINER") != 0))
        status = lethe_fail(error, LETHE_MALFORMED, "%s: not a structured report", relative);
    if (status == LETHE_OK) status = walk_content(&r, dataset->root, error);
    if (status == LETHE_OK && r.groups == 0) status = lethe_fail(error, LETHE_UNSUPPORTED, "%s: no measurement group of TID 1500", relative);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    if (map.fd >= 0) lethe_map_close(&map);
    return status;
}

static lethe_status read_sr(lethe_import *import, const char *path, lethe_error *error) {
    return lethe_format_each_file(import, path, ".dcm", read_file, error);
}

const lethe_format lethe_format_sr = {"sr", "DICOM SR after TID 1500 per series", write_sr, read_sr};
