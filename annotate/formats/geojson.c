/* GeoJSON as QuPath reads and writes it: one FeatureCollection per image, coordinates in pixels, the class in properties.classification.name. */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"
#include "core/file.h"
#include "core/memory.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- export --- */

static lethe_status put_point(lethe_buffer *out, lethe_point p, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "[", error);
    if (status == LETHE_OK) status = lethe_json_number(out, p.x, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, ",", error);
    if (status == LETHE_OK) status = lethe_json_number(out, p.y, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "]", error) : status;
}

/* Points with commas; closed rings repeat their first (RFC 7946 3.1.6). */
static lethe_status put_points(lethe_buffer *out, const lethe_point *points, size_t count, bool closed, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "[", error);
    for (size_t i = 0; status == LETHE_OK && i < count + (closed ? 1 : 0); i++) {
        if (i != 0) status = lethe_buffer_append_text(out, ",", error);
        if (status == LETHE_OK) status = put_point(out, points[i % count], error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "]", error) : status;
}

static bool ring_holds(const lethe_shape *s, size_t ring, lethe_point at) {
    size_t from = ring == 0 ? 0 : s->ring_ends[ring - 1], count = s->ring_ends[ring] - from;
    const lethe_point *p = s->points + from;
    bool in = false;
    for (size_t i = 0, j = count - 1; i < count; j = i++)
        if ((p[i].y > at.y) != (p[j].y > at.y) && at.x < (p[j].x - p[i].x) * (at.y - p[i].y) / (p[j].y - p[i].y) + p[i].x) in = !in;
    return in;
}

/* A point of a ring that lies on no other ring's corner. */
static lethe_point probe(const lethe_shape *s, size_t ring) {
    size_t from = ring == 0 ? 0 : s->ring_ends[ring - 1];
    return (lethe_point){(s->points[from].x + s->points[from + 1].x) / 2 + 1e-7, (s->points[from].y + s->points[from + 1].y) / 2 + 1e-7};
}

static unsigned depth_of(const lethe_shape *s, size_t ring) {
    unsigned depth = 0;
    for (size_t other = 0; other < s->ring_count; other++)
        if (other != ring && ring_holds(s, other, probe(s, ring))) depth++;
    return depth;
}

/* Rings that lie inside an even number of others are outlines; the others are holes of the outline around them. */
static lethe_status put_rings(lethe_buffer *out, const lethe_shape *s, lethe_error *error) {
    size_t outlines = 0, written = 0;
    if (s->ring_ends == NULL || s->ring_count == 1) {
        lethe_status status = lethe_buffer_append_text(out, "\"Polygon\",\"coordinates\":[", error);
        if (status == LETHE_OK) status = put_points(out, s->points, s->point_count, true, error);
        return status == LETHE_OK ? lethe_buffer_append_text(out, "]", error) : status;
    }
    for (size_t ring = 0; ring < s->ring_count; ring++) outlines += depth_of(s, ring) % 2 == 0;
    lethe_status status = lethe_buffer_append_text(out, outlines == 1 ? "\"Polygon\",\"coordinates\":" : "\"MultiPolygon\",\"coordinates\":[", error);
    for (size_t ring = 0; status == LETHE_OK && ring < s->ring_count; ring++) {
        unsigned depth = depth_of(s, ring);
        size_t from = ring == 0 ? 0 : s->ring_ends[ring - 1];
        if (depth % 2 != 0) continue;
        status = lethe_buffer_append_text(out, written++ == 0 ? "[" : ",[", error);
        if (status == LETHE_OK) status = put_points(out, s->points + from, s->ring_ends[ring] - from, true, error);
        for (size_t hole = 0; status == LETHE_OK && hole < s->ring_count; hole++) {
            size_t start = hole == 0 ? 0 : s->ring_ends[hole - 1];
            if (hole == ring || depth_of(s, hole) != depth + 1 || !ring_holds(s, ring, probe(s, hole))) continue;
            status = lethe_buffer_append_text(out, ",", error);
            if (status == LETHE_OK) status = put_points(out, s->points + start, s->ring_ends[hole] - start, true, error);
        }
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "]", error);
    }
    return status == LETHE_OK && outlines != 1 ? lethe_buffer_append_text(out, "]", error) : status;
}

static lethe_status put_geometry(lethe_buffer *out, const lethe_part *part, lethe_error *error) {
    const lethe_shape *s = &part->annotation->shape;
    lethe_shape outline = {0};
    lethe_status status;
    if (s->kind == LETHE_SHAPE_POINT) {
        status = lethe_buffer_append_text(out, "\"Point\",\"coordinates\":", error);
        return status == LETHE_OK ? put_point(out, s->points[0], error) : status;
    }
    if (s->kind == LETHE_SHAPE_LINE || s->kind == LETHE_SHAPE_POLYLINE || (s->kind == LETHE_SHAPE_MEASUREMENT && s->point_count > 1)) {
        status = lethe_buffer_append_text(out, "\"LineString\",\"coordinates\":", error);
        return status == LETHE_OK ? put_points(out, s->points, s->point_count, false, error) : status;
    }
    status = lethe_shape_to_polygon(s, part->slice, &outline, error);
    if (status == LETHE_OK) status = put_rings(out, &outline, error);
    lethe_shape_release(&outline);
    return status;
}

/* What a polygon or line cannot say: the numbers of an ellipse, a rotated box, a measurement or a mask, for those who read them back. */
static lethe_status put_exact(lethe_buffer *out, const lethe_part *part, lethe_error *error) {
    const lethe_shape *s = &part->annotation->shape;
    static const char *const measures[] = {"length_mm", "angle_degrees", "area_mm2", "volume_mm3"};
    lethe_status status = LETHE_OK;
    bool measure = s->kind == LETHE_SHAPE_MEASUREMENT && s->measure >= 1 && s->measure <= 4;
    if (s->slice_count > 0) {
        const lethe_rle *mask = &s->slices[part->slice].mask;
        status = lethe_buffer_printf(out, error, ",\"mask\":{\"x\":%" PRId64 ",\"y\":%" PRId64 ",\"columns\":%u,\"rows\":%u,\"runs\":[", mask->x,
                                     mask->y, mask->columns, mask->rows);
        for (size_t i = 0; status == LETHE_OK && i < mask->run_count; i++)
            status = lethe_buffer_printf(out, error, i == 0 ? "%u" : ",%u", mask->runs[i]);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "]}", error);
    } else if (s->kind == LETHE_SHAPE_ELLIPSE || s->kind == LETHE_SHAPE_ROTATED_BOX) {
        status = lethe_buffer_append_text(out, ",\"numbers\":", error); /* centre, size or radii */
        if (status == LETHE_OK) status = put_points(out, s->points, 2, false, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, ",\"angle_degrees\":", error);
        if (status == LETHE_OK) status = lethe_json_number(out, s->angle_degrees, error);
    }
    if (status == LETHE_OK && measure) status = lethe_buffer_printf(out, error, ",\"measure\":\"%s\",\"measured\":", measures[s->measure - 1]);
    return status == LETHE_OK && measure ? lethe_json_number(out, s->measured, error) : status;
}

static lethe_status put_feature(const lethe_dataset *d, const lethe_part *part, bool first, lethe_buffer *out, lethe_error *error) {
    const lethe_annotation *a = part->annotation;
    const lethe_category *c = &d->categories[lethe_dataset_category(d, a->label)];
    lethe_status status = lethe_buffer_append_text(
        out, first ? "\n{\"type\":\"Feature\",\"geometry\":{\"type\":" : ",\n{\"type\":\"Feature\",\"geometry\":{\"type\":", error);
    if (status == LETHE_OK) status = put_geometry(out, part, error);
    if (status == LETHE_OK && part->frame != 0) status = lethe_buffer_printf(out, error, ",\"plane\":{\"c\":-1,\"z\":%u,\"t\":0}", part->frame);
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(out, "},\"properties\":{\"objectType\":\"annotation\",\"classification\":{\"name\":", error);
    if (status == LETHE_OK) status = lethe_json_string(out, a->label, error);
    if (status == LETHE_OK)
        status =
            lethe_buffer_printf(out, error, ",\"color\":[%u,%u,%u]},\"shape\":\"%s\",\"annotation\":%" PRId64 ",\"author\":", c->colour_rgb >> 16,
                                c->colour_rgb >> 8 & 255, c->colour_rgb & 255, lethe_shape_kind_name(a->shape.kind), a->id);
    if (status == LETHE_OK) status = lethe_json_string(out, a->author, error);
    if (status == LETHE_OK) status = put_exact(out, part, error);
    if (status == LETHE_OK && a->form[0] != '\0') status = lethe_buffer_printf(out, error, ",\"form\":%s", a->form);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "}}", error) : status;
}

static lethe_status write_geojson(lethe_dataset *d, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t image = 0; status == LETHE_OK && image < lethe_image_index_count(d->index); image++) {
        size_t count;
        const lethe_part *parts = lethe_dataset_parts_of(d, image, &count);
        if (count == 0 || !lethe_dataset_has(d, image)) continue;
        char name[640];
        lethe_buffer out;
        lethe_buffer_init(&out, (size_t)1 << 33);
        (void)snprintf(name, sizeof name, "geojson/%s.geojson", lethe_image_index_at(d->index, image)->stem);
        status = lethe_buffer_append_text(&out, "{\"type\":\"FeatureCollection\",\"features\":[", error);
        for (size_t i = 0; status == LETHE_OK && i < count; i++) status = put_feature(d, &parts[i], i == 0, &out, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "]}\n", error);
        if (status == LETHE_OK) status = lethe_package_write(d->package, name, out.bytes, out.size, error);
        lethe_buffer_release(&out);
    }
    return status;
}

/* --- import --- */

static bool read_point(json_t *pair, lethe_point *point) {
    json_t *x = json_array_get(pair, 0), *y = json_array_get(pair, 1);
    if (!json_is_number(x) || !json_is_number(y)) return false;
    *point = (lethe_point){json_number_value(x), json_number_value(y)};
    return true;
}

/* Points of a line or ring; a closing repetition is dropped from rings. False for what is not an array of points. */
static bool read_points(json_t *array, bool ring, lethe_point *points, size_t *count) {
    *count = json_array_size(array);
    for (size_t i = 0; i < *count; i++)
        if (!read_point(json_array_get(array, i), &points[i])) return false;
    if (ring && *count > 1) {
        lethe_point a = points[0], b = points[*count - 1];
        if (!(a.x < b.x || a.x > b.x || a.y < b.y || a.y > b.y)) --*count;
    }
    return json_is_array(array);
}

static size_t count_points(json_t *polygons) {
    size_t total = 0;
    for (size_t i = 0; i < json_array_size(polygons); i++)
        for (size_t k = 0; k < json_array_size(json_array_get(polygons, i)); k++)
            total += json_array_size(json_array_get(json_array_get(polygons, i), k));
    return total;
}

static size_t count_rings(json_t *polygons) {
    size_t total = 0;
    for (size_t i = 0; i < json_array_size(polygons); i++) total += json_array_size(json_array_get(polygons, i));
    return total;
}

/* `polygons`: as in MultiPolygon. Into the import's arena. */
static bool read_polygons(lethe_import *import, json_t *polygons, lethe_shape *shape) {
    size_t points = count_points(polygons), rings = count_rings(polygons), at = 0;
    if (rings == 0) return false;
    shape->kind = LETHE_SHAPE_POLYGON;
    shape->points = lethe_arena_alloc_array(lethe_import_arena(import), points, sizeof *shape->points);
    shape->ring_ends = lethe_arena_alloc_array(lethe_import_arena(import), rings, sizeof *shape->ring_ends);
    if (shape->points == NULL || shape->ring_ends == NULL) return false;
    for (size_t i = 0; i < json_array_size(polygons); i++)
        for (size_t k = 0; k < json_array_size(json_array_get(polygons, i)); k++) {
            size_t count;
            if (!read_points(json_array_get(json_array_get(polygons, i), k), true, shape->points + at, &count)) return false;
            at += count;
            shape->ring_ends[shape->ring_count++] = (uint32_t)at;
        }
    shape->point_count = at;
    if (rings == 1) {
        shape->ring_ends = NULL;
        shape->ring_count = 0;
    }
    return true;
}

static bool near_points(const lethe_shape *a, const lethe_shape *b) {
    if (a->point_count != b->point_count) return false;
    for (size_t i = 0; i < a->point_count; i++)
        if (fabs(a->points[i].x - b->points[i].x) > 1e-6 || fabs(a->points[i].y - b->points[i].y) > 1e-6) return false;
    return true;
}

static bool read_runs(lethe_import *import, json_t *mask, lethe_shape *out) {
    json_t *runs = json_object_get(mask, "runs");
    json_int_t columns = json_integer_value(json_object_get(mask, "columns")), rows = json_integer_value(json_object_get(mask, "rows"));
    size_t count = json_array_size(runs);
    lethe_mask_slice *slice = lethe_arena_alloc_array(lethe_import_arena(import), 1, sizeof *slice);
    uint32_t *numbers = lethe_arena_alloc_array(lethe_import_arena(import), count, sizeof *numbers);
    if (slice == NULL || numbers == NULL || columns < 0 || columns > UINT32_MAX || rows < 0 || rows > UINT32_MAX) return false;
    for (size_t i = 0; i < count; i++) {
        json_int_t run = json_integer_value(json_array_get(runs, i));
        if (run < 0 || run > UINT32_MAX) return false;
        numbers[i] = (uint32_t)run;
    }
    *slice = (lethe_mask_slice){.frame = out->frame,
                                .mask = {.x = json_integer_value(json_object_get(mask, "x")),
                                         .y = json_integer_value(json_object_get(mask, "y")),
                                         .columns = (uint32_t)columns,
                                         .rows = (uint32_t)rows,
                                         .runs = numbers,
                                         .run_count = count}};
    out->kind = LETHE_SHAPE_MASK;
    out->slices = slice;
    out->slice_count = 1;
    return lethe_shape_check(out, NULL) == LETHE_OK;
}

/* The shape that the properties of one of our own exports tell; false when they do not. */
static bool read_exact(lethe_import *import, json_t *properties, lethe_shape_kind kind, const lethe_shape *shape, lethe_shape *exact) {
    json_t *numbers = json_object_get(properties, "numbers"), *mask = json_object_get(properties, "mask");
    size_t count = 0;
    *exact = (lethe_shape){.kind = kind, .frame = shape->frame, .angle_degrees = json_number_value(json_object_get(properties, "angle_degrees"))};
    if (kind == LETHE_SHAPE_MASK || kind == LETHE_SHAPE_VOLUME) return json_is_object(mask) && read_runs(import, mask, exact);
    exact->points = lethe_arena_alloc_array(lethe_import_arena(import), 2, sizeof *exact->points);
    if (exact->points == NULL) return false;
    if (kind == LETHE_SHAPE_BOX) {
        lethe_box box;
        if (!lethe_shape_bounds(shape, &box)) return false;
        exact->points[0] = (lethe_point){box.x0, box.y0};
        exact->points[1] = (lethe_point){box.x1, box.y1};
    } else if (json_array_size(numbers) != 2 || !read_points(numbers, false, exact->points, &count)) {
        return false;
    }
    exact->point_count = 2;
    return true;
}

static void restore_measure(json_t *properties, lethe_shape *shape) {
    static const char *const measures[] = {"length_mm", "angle_degrees", "area_mm2", "volume_mm3"};
    const char *name = json_string_value(json_object_get(properties, "measure"));
    for (unsigned i = 0; name != NULL && i < 4; i++) {
        if (strcmp(name, measures[i]) != 0) continue;
        shape->kind = LETHE_SHAPE_MEASUREMENT;
        shape->measure = (lethe_measure)(i + 1);
        shape->measured = json_number_value(json_object_get(properties, "measured"));
    }
}

/* Our own exports tell what the polygon or line stands for; believed only while the geometry is still the one that was exported. */
static void restore_kind(lethe_import *import, json_t *properties, lethe_shape *shape) {
    const char *name = json_string_value(json_object_get(properties, "shape"));
    lethe_shape_kind kind;
    lethe_shape exact, outline = {0};
    if (name == NULL || !lethe_shape_kind_parse(name, &kind)) return;
    if (kind == LETHE_SHAPE_FREEHAND && shape->kind == LETHE_SHAPE_POLYGON && shape->ring_ends == NULL) shape->kind = kind;
    if (kind == LETHE_SHAPE_POLYLINE && shape->kind == LETHE_SHAPE_LINE) shape->kind = kind;
    if (kind == LETHE_SHAPE_MEASUREMENT && (shape->kind == LETHE_SHAPE_LINE || shape->kind == LETHE_SHAPE_POLYLINE))
        restore_measure(properties, shape);
    bool measured_mask = kind == LETHE_SHAPE_MEASUREMENT && shape->kind == LETHE_SHAPE_POLYGON;
    if (shape->kind != LETHE_SHAPE_POLYGON || kind == LETHE_SHAPE_POLYGON ||
        !read_exact(import, properties, measured_mask ? LETHE_SHAPE_MASK : kind, shape, &exact))
        return;
    if (lethe_shape_to_polygon(&exact, 0, &outline, NULL) == LETHE_OK && near_points(&outline, shape)) *shape = exact;
    lethe_shape_release(&outline);
    if (measured_mask && shape->kind == LETHE_SHAPE_MASK) restore_measure(properties, shape);
}

static lethe_status read_geometry(lethe_import *import, json_t *geometry, const char *where, lethe_shape *shape, lethe_error *error) {
    const char *type = json_string_value(json_object_get(geometry, "type"));
    json_t *coordinates = json_object_get(geometry, "coordinates");
    bool good = false;
    if (type == NULL) return lethe_fail(error, LETHE_MALFORMED, "%s: %s: no geometry type", lethe_import_file_name(import), where);
    shape->frame = (uint32_t)json_integer_value(json_object_get(json_object_get(geometry, "plane"), "z"));
    if (strcmp(type, "MultiPolygon") == 0) good = read_polygons(import, coordinates, shape);
    else if (strcmp(type, "Polygon") == 0) {
        json_t *one = json_pack("[O]", coordinates);
        good = one != NULL && read_polygons(import, one, shape);
        json_decref(one);
    } else if (strcmp(type, "Point") == 0 || strcmp(type, "LineString") == 0) {
        bool point = type[0] == 'P';
        size_t count = point ? 1 : json_array_size(coordinates);
        shape->points = lethe_arena_alloc_array(lethe_import_arena(import), count, sizeof *shape->points);
        if (shape->points == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a shape");
        good = point ? read_point(coordinates, shape->points) : read_points(coordinates, false, shape->points, &count);
        shape->kind = point ? LETHE_SHAPE_POINT : count == 2 ? LETHE_SHAPE_LINE : LETHE_SHAPE_POLYLINE;
        shape->point_count = count;
    } else return lethe_fail(error, LETHE_UNSUPPORTED, "%s: %s: geometry '%.40s' is not taken", lethe_import_file_name(import), where, type);
    return good ? LETHE_OK
                : lethe_fail(error, LETHE_MALFORMED, "%s: %s: the coordinates do not make a %s", lethe_import_file_name(import), where, type);
}

static lethe_status read_feature(lethe_import *import, json_t *feature, const lethe_image_ref *image, size_t number, lethe_error *error) {
    char where[64];
    lethe_shape shape = {0};
    json_t *properties = json_object_get(feature, "properties"), *form = json_object_get(properties, "form");
    const char *foreign = json_string_value(json_object_get(json_object_get(properties, "classification"), "name"));
    if (foreign == NULL) foreign = json_string_value(json_object_get(properties, "name"));
    (void)snprintf(where, sizeof where, "feature %zu", number);
    const char *label = lethe_import_label(import, foreign == NULL ? "unclassified" : foreign);
    if (label == NULL) return LETHE_OK;
    lethe_status status = read_geometry(import, json_object_get(feature, "geometry"), where, &shape, error);
    if (status != LETHE_OK) return status;
    restore_kind(import, properties, &shape);
    char *text = json_is_object(form) ? json_dumps(form, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    lethe_annotation a = {.level = LETHE_LEVEL_REGION, .image = image->key, .label = label, .form = text, .shape = shape, .confidence = -1};
    status = lethe_import_add(import, &a, where, error);
    free(text);
    return status;
}

static lethe_status read_file(lethe_import *import, const char *path, const char *relative, lethe_error *error) {
    lethe_map map = {.fd = -1};
    const lethe_image_ref *image = NULL;
    json_error_t json_error;
    json_t *root = NULL;
    lethe_status status = lethe_format_image_of(import, relative, &image, error);
    if (status == LETHE_OK) status = lethe_map_open(path, &map, error);
    if (status == LETHE_OK) {
        root = json_loadb((const char *)map.bytes, map.size, 0, &json_error);
        if (root == NULL) status = lethe_fail(error, LETHE_MALFORMED, "%s:%d: %.120s", relative, json_error.line, json_error.text);
        lethe_map_close(&map);
    }
    json_t *features = json_is_array(root) ? root : json_object_get(root, "features");
    if (status == LETHE_OK && !json_is_array(features)) status = lethe_fail(error, LETHE_MALFORMED, "%s: no features", relative);
    for (size_t i = 0; status == LETHE_OK && i < json_array_size(features); i++)
        status = read_feature(import, json_array_get(features, i), image, i + 1, error);
    json_decref(root);
    return status;
}

static lethe_status read_geojson(lethe_import *import, const char *path, lethe_error *error) {
    return lethe_format_each_file(import, path, "json", read_file, error);
}

const lethe_format lethe_format_geojson = {"geojson", "GeoJSON per image, as QuPath reads it", write_geojson, read_geojson};
