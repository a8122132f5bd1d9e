/* COCO JSON (detection and segmentation). Boxes and polygons as themselves; what COCO cannot say as a polygon (holes, masks, volumes) as uncompressed
 * run lengths, column by column. One `images` entry per image and annotated frame; frames after the first are named "path#frame=N" (from 1). */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MASK_LIMIT_PIXELS ((uint64_t)1 << 28)

/* --- export --- */

static lethe_status put(lethe_buffer *out, const char *text, lethe_error *error) { return lethe_buffer_append_text(out, text, error); }

static lethe_status put_categories(const lethe_dataset *d, lethe_buffer *out, lethe_error *error) {
    lethe_status status = put(out, "\"categories\":[", error);
    for (size_t i = 0; status == LETHE_OK && i < d->category_count; i++) {
        const lethe_category *c = &d->categories[i];
        status = lethe_buffer_printf(out, error, "%s\n{\"id\":%zu,\"name\":", i == 0 ? "" : ",", i + 1);
        if (status == LETHE_OK) status = lethe_json_string(out, c->name, error);
        if (status == LETHE_OK) status = put(out, ",\"supercategory\":", error);
        if (status == LETHE_OK) status = lethe_json_string(out, d->schema == NULL ? "" : d->schema->name, error);
        if (status == LETHE_OK) status = lethe_buffer_printf(out, error, ",\"color\":\"#%06x\"}", c->colour_rgb);
    }
    return status == LETHE_OK ? put(out, "]", error) : status;
}

static lethe_status put_image(const lethe_dataset *d, size_t id, size_t image, uint32_t frame, lethe_buffer *out, lethe_error *error) {
    const lethe_image_ref *ref = lethe_image_index_at(d->index, image);
    char name[600];
    if (frame == 0) (void)snprintf(name, sizeof name, "%s", ref->path);
    else (void)snprintf(name, sizeof name, "%s#frame=%u", ref->path, frame + 1);
    lethe_status status = lethe_buffer_printf(out, error, "%s\n{\"id\":%zu,\"file_name\":", id == 1 ? "" : ",", id);
    if (status == LETHE_OK) status = lethe_json_string(out, name, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(out, error, ",\"width\":%" PRId64 ",\"height\":%" PRId64 ",\"patient\":", ref->columns, ref->rows);
    if (status == LETHE_OK) status = lethe_json_string(out, ref->patient, error);
    return status == LETHE_OK ? put(out, "}", error) : status;
}

static lethe_status put_polygons(const lethe_shape *shape, lethe_buffer *out, lethe_error *error) {
    size_t rings = shape->ring_ends == NULL ? 1 : shape->ring_count, from = 0;
    lethe_status status = put(out, "[", error);
    for (size_t ring = 0; status == LETHE_OK && ring < rings; ring++) {
        size_t end = shape->ring_ends == NULL ? shape->point_count : shape->ring_ends[ring];
        status = put(out, ring == 0 ? "[" : ",[", error);
        for (size_t i = from; status == LETHE_OK && i < end; i++) {
            if (i != from) status = put(out, ",", error);
            if (status == LETHE_OK) status = lethe_json_number(out, shape->points[i].x, error);
            if (status == LETHE_OK) status = put(out, ",", error);
            if (status == LETHE_OK) status = lethe_json_number(out, shape->points[i].y, error);
        }
        if (status == LETHE_OK) status = put(out, "]", error);
        from = end;
    }
    return status == LETHE_OK ? put(out, "]", error) : status;
}

/* {"size":[rows,columns],"counts":[...]}: runs down the columns, starting with zeros. */
static lethe_status put_runs(const lethe_shape *shape, size_t slice, const lethe_image_ref *image, lethe_buffer *out, lethe_error *error) {
    if (image->rows <= 0 || image->columns <= 0 || (uint64_t)image->rows * (uint64_t)image->columns > MASK_LIMIT_PIXELS)
        return lethe_fail(error, LETHE_LIMIT, "a mask on an image of %" PRId64 " x %" PRId64 " pixels does not go into COCO", image->columns,
                          image->rows);
    size_t columns = (size_t)image->columns, rows = (size_t)image->rows;
    uint8_t *bitmap = lethe_alloc_array(rows, columns);
    if (bitmap == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
    lethe_status status = lethe_shape_rasterize(shape, slice, 1, bitmap, (uint32_t)columns, (uint32_t)rows, 0, 0, error);
    if (status == LETHE_OK) status = lethe_buffer_printf(out, error, "{\"size\":[%zu,%zu],\"counts\":[", rows, columns);
    size_t length = 0, written = 0;
    uint8_t current = 0;
    for (size_t x = 0; status == LETHE_OK && x < columns; x++)
        for (size_t y = 0; status == LETHE_OK && y < rows; y++, length++) {
            if (bitmap[y * columns + x] == current) continue;
            status = lethe_buffer_printf(out, error, "%s%zu", written++ == 0 ? "" : ",", length);
            current = bitmap[y * columns + x];
            length = 0;
        }
    if (status == LETHE_OK) status = lethe_buffer_printf(out, error, "%s%zu]}", written == 0 ? "" : ",", length);
    lethe_free(bitmap);
    return status;
}

static bool is_plain_polygon(const lethe_shape *shape) {
    return (shape->kind == LETHE_SHAPE_POLYGON && (shape->ring_ends == NULL || shape->ring_count == 1)) || shape->kind == LETHE_SHAPE_FREEHAND;
}

static lethe_status put_segmentation(const lethe_part *part, const lethe_image_ref *image, lethe_buffer *out, lethe_error *error) {
    const lethe_shape *shape = &part->annotation->shape;
    lethe_shape outline = {0};
    lethe_status status;
    switch (shape->kind) {
    case LETHE_SHAPE_POLYGON:
    case LETHE_SHAPE_FREEHAND: return is_plain_polygon(shape) ? put_polygons(shape, out, error) : put_runs(shape, 0, image, out, error);
    case LETHE_SHAPE_ELLIPSE:
    case LETHE_SHAPE_ROTATED_BOX:
        status = lethe_shape_to_polygon(shape, 0, &outline, error);
        if (status == LETHE_OK) status = put_polygons(&outline, out, error);
        lethe_shape_release(&outline);
        return status;
    case LETHE_SHAPE_MASK:
    case LETHE_SHAPE_VOLUME: return put_runs(shape, part->slice, image, out, error);
    default: return put(out, "[]", error);
    }
}

static void part_shape(const lethe_part *part, lethe_shape *view) {
    *view = part->annotation->shape;
    if (view->slice_count == 0) return;
    view->slices += part->slice; /* this slice alone */
    view->slice_count = 1;
}

static lethe_status put_box(const lethe_shape *shape, lethe_buffer *out, lethe_error *error) {
    lethe_box box;
    (void)lethe_shape_bounds(shape, &box);
    const double values[4] = {box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0};
    lethe_status status = put(out, ",\"bbox\":[", error);
    for (int i = 0; status == LETHE_OK && i < 4; i++) {
        if (i != 0) status = put(out, ",", error);
        if (status == LETHE_OK) status = lethe_json_number(out, values[i], error);
    }
    return status == LETHE_OK ? put(out, "]", error) : status;
}

static lethe_status put_annotation(const lethe_dataset *d, size_t id, size_t image_id, const lethe_part *part, lethe_buffer *out,
                                   lethe_error *error) {
    const lethe_annotation *a = part->annotation;
    lethe_shape shape;
    part_shape(part, &shape);
    bool runs = shape.slice_count != 0 || (shape.kind == LETHE_SHAPE_POLYGON && !is_plain_polygon(&shape));
    lethe_status status =
        lethe_buffer_printf(out, error, "%s\n{\"id\":%zu,\"image_id\":%zu,\"category_id\":%zu,\"iscrowd\":%d,\"area\":", id == 1 ? "" : ",", id,
                            image_id, lethe_dataset_category(d, a->label) + 1, runs ? 1 : 0);
    if (status == LETHE_OK) status = lethe_json_number(out, lethe_shape_area_px(&shape), error);
    if (status == LETHE_OK) status = put_box(&shape, out, error);
    if (status == LETHE_OK) status = put(out, ",\"segmentation\":", error);
    if (status == LETHE_OK) status = put_segmentation(part, lethe_image_index_at(d->index, part->image), out, error);
    if (status == LETHE_OK && a->confidence >= 0) {
        status = put(out, ",\"score\":", error);
        if (status == LETHE_OK) status = lethe_json_number(out, a->confidence, error);
    }
    if (status == LETHE_OK)
        status =
            lethe_buffer_printf(out, error, ",\"annotation\":%" PRId64 ",\"shape\":\"%s\",\"author\":", a->id, lethe_shape_kind_name(shape.kind));
    if (status == LETHE_OK) status = lethe_json_string(out, a->author, error);
    if (status == LETHE_OK && a->form[0] != '\0') status = lethe_buffer_printf(out, error, ",\"attributes\":%s", a->form);
    return status == LETHE_OK ? put(out, "}", error) : status;
}

/* Walk images and annotated frames in order, calling out each (image, frame) with its parts. */
static lethe_status put_all(lethe_dataset *d, lethe_buffer *images, lethe_buffer *annotations, lethe_error *error) {
    lethe_status status = LETHE_OK;
    size_t image_id = 0, annotation_id = 0;
    for (size_t image = 0; status == LETHE_OK && image < lethe_image_index_count(d->index); image++) {
        size_t count;
        const lethe_part *parts = lethe_dataset_parts_of(d, image, &count);
        if (!lethe_dataset_has(d, image)) continue;
        uint32_t frame = 0;
        status = put_image(d, ++image_id, image, frame, images, error);
        for (size_t i = 0; status == LETHE_OK && i < count; i++) {
            if (parts[i].frame != frame) {
                frame = parts[i].frame;
                status = put_image(d, ++image_id, image, frame, images, error);
            }
            if (status == LETHE_OK) status = put_annotation(d, ++annotation_id, image_id, &parts[i], annotations, error);
        }
    }
    return status;
}

static lethe_status write_coco(lethe_dataset *d, lethe_error *error) {
    lethe_buffer out, annotations;
    lethe_buffer_init(&out, (size_t)1 << 33);
    lethe_buffer_init(&annotations, (size_t)1 << 33);
    lethe_status status = put(&out, "{\"info\":{\"description\":", error);
    if (status == LETHE_OK) status = lethe_json_string(&out, d->snapshot_name, error);
    if (status == LETHE_OK) status = put(&out, "},\"licenses\":[],", error);
    if (status == LETHE_OK) status = put_categories(d, &out, error);
    if (status == LETHE_OK) status = put(&out, ",\"images\":[", error);
    if (status == LETHE_OK) status = put_all(d, &out, &annotations, error);
    if (status == LETHE_OK) status = put(&out, "],\"annotations\":[", error);
    if (status == LETHE_OK)
        status = lethe_buffer_append(&out, annotations.size == 0 ? (const uint8_t *)"" : annotations.bytes, annotations.size, error);
    if (status == LETHE_OK) status = put(&out, "]}\n", error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "coco.json", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    lethe_buffer_release(&annotations);
    return status;
}

/* --- import --- */

typedef struct coco_image {
    json_int_t id;
    const lethe_image_ref *ref;
    uint32_t frame;
} coco_image;

typedef struct coco_reader {
    lethe_import *import;
    json_t *root;
    coco_image *images;
    size_t image_count;
    const char *file;
} coco_reader;

static int by_id(const void *a, const void *b) {
    json_int_t left = ((const coco_image *)a)->id, right = ((const coco_image *)b)->id;
    return left < right ? -1 : left > right;
}

/* "path#frame=7" -> path and 6. */
static lethe_status split_frame(const char *name, char *path, size_t size, uint32_t *frame, const char *where, const char *file, lethe_error *error) {
    const char *mark = strstr(name, "#frame=");
    size_t length = mark == NULL ? strlen(name) : (size_t)(mark - name);
    *frame = 0;
    if (length >= size) return lethe_fail(error, LETHE_MALFORMED, "%s: %s: the file name is too long", file, where);
    memcpy(path, name, length);
    path[length] = '\0';
    if (mark == NULL) return LETHE_OK;
    char *end;
    unsigned long number = strtoul(mark + 7, &end, 10);
    if (*end != '\0' || number == 0 || number > LETHE_LIMIT_FRAMES)
        return lethe_fail(error, LETHE_MALFORMED, "%s: %s: no frame number after #frame=", file, where);
    *frame = (uint32_t)(number - 1);
    return LETHE_OK;
}

static lethe_status read_images(coco_reader *r, lethe_error *error) {
    json_t *images = json_object_get(r->root, "images");
    lethe_status status = LETHE_OK;
    if (!json_is_array(images)) return lethe_fail(error, LETHE_MALFORMED, "%s: no \"images\"", r->file);
    r->images = lethe_alloc_array(json_array_size(images), sizeof *r->images);
    if (r->images == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an import");
    for (size_t i = 0; status == LETHE_OK && i < json_array_size(images); i++) {
        json_t *image = json_array_get(images, i), *id = json_object_get(image, "id");
        const char *name = json_string_value(json_object_get(image, "file_name"));
        char where[64], path[600];
        coco_image *slot = &r->images[r->image_count];
        (void)snprintf(where, sizeof where, "image %zu", i + 1);
        if (!json_is_integer(id) || name == NULL)
            return lethe_fail(error, LETHE_MALFORMED, "%s: %s: needs an integer id and a file_name", r->file, where);
        status = split_frame(name, path, sizeof path, &slot->frame, where, r->file, error);
        slot->id = json_integer_value(id);
        if (status == LETHE_OK) status = lethe_import_find(r->import, path, where, &slot->ref, error);
        if (status == LETHE_OK && slot->frame >= slot->ref->frames)
            status = lethe_fail(error, LETHE_MALFORMED, "%s: %s: the image has no frame %u", r->file, where, slot->frame + 1);
        json_int_t width = json_integer_value(json_object_get(image, "width")), height = json_integer_value(json_object_get(image, "height"));
        if (status == LETHE_OK && ((width != 0 && width != slot->ref->columns) || (height != 0 && height != slot->ref->rows)))
            status = lethe_fail(error, LETHE_MALFORMED, "%s: %s: says %lld x %lld, the released image has %" PRId64 " x %" PRId64, r->file, where,
                                (long long)width, (long long)height, slot->ref->columns, slot->ref->rows);
        if (status == LETHE_OK) r->image_count++;
    }
    if (status == LETHE_OK && r->image_count > 1) qsort(r->images, r->image_count, sizeof *r->images, by_id);
    for (size_t i = 1; status == LETHE_OK && i < r->image_count; i++)
        if (r->images[i].id == r->images[i - 1].id)
            status = lethe_fail(error, LETHE_MALFORMED, "%s: two images have the id %lld", r->file, (long long)r->images[i].id);
    return status;
}

static const char *category_name(const coco_reader *r, json_int_t id) {
    json_t *categories = json_object_get(r->root, "categories");
    for (size_t i = 0; i < json_array_size(categories); i++) {
        json_t *category = json_array_get(categories, i);
        if (json_integer_value(json_object_get(category, "id")) == id) return json_string_value(json_object_get(category, "name"));
    }
    return NULL;
}

static lethe_status bad(const coco_reader *r, const char *where, const char *what, lethe_error *error) {
    return lethe_fail(error, LETHE_MALFORMED, "%s: %s: %s", r->file, where, what);
}

static lethe_status shape_from_polygons(const coco_reader *r, json_t *polygons, const char *where, lethe_shape *shape, lethe_error *error) {
    size_t rings = json_array_size(polygons), total = 0, at = 0;
    for (size_t i = 0; i < rings; i++) {
        size_t numbers = json_array_size(json_array_get(polygons, i));
        if (numbers < 6 || numbers % 2 != 0) return bad(r, where, "a polygon needs an even count of at least 6 numbers", error);
        total += numbers / 2;
    }
    shape->kind = LETHE_SHAPE_POLYGON;
    shape->points = lethe_alloc_array(total, sizeof *shape->points);
    if (rings > 1) shape->ring_ends = lethe_alloc_array(rings, sizeof *shape->ring_ends);
    if (shape->points == NULL || (rings > 1 && shape->ring_ends == NULL)) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a polygon");
    shape->point_count = total;
    for (size_t i = 0; i < rings; i++) {
        json_t *numbers = json_array_get(polygons, i);
        for (size_t k = 0; k < json_array_size(numbers); k += 2) {
            json_t *x = json_array_get(numbers, k), *y = json_array_get(numbers, k + 1);
            if (!json_is_number(x) || !json_is_number(y)) return bad(r, where, "a polygon holds something that is not a number", error);
            shape->points[at++] = (lethe_point){json_number_value(x), json_number_value(y)};
        }
        if (rings > 1) shape->ring_ends[shape->ring_count++] = (uint32_t)at;
    }
    return LETHE_OK;
}

/* Decode COCO's packed string: 6 bits a character from '0', 5 of them payload, deltas to the count before the last. */
static size_t unpack_counts(const char *text, uint32_t *counts, size_t capacity) {
    size_t count = 0;
    while (*text != '\0' && count < capacity) {
        int64_t value = 0;
        unsigned shift = 0;
        for (bool more = true; more; shift += 5) {
            unsigned char c = (unsigned char)(*text - 48);
            if (*text == '\0' || *text < 48 || *text > 111 || shift > 55) return SIZE_MAX;
            text++;
            value |= (int64_t)(c & 0x1F) << shift;
            more = (c & 0x20) != 0;
            if (!more && (c & 0x10) != 0) value |= -((int64_t)1 << (shift + 5));
        }
        if (count > 2) value += counts[count - 2];
        if (value < 0 || value > UINT32_MAX) return SIZE_MAX;
        counts[count++] = (uint32_t)value;
    }
    return count;
}

static size_t read_counts(json_t *counts, uint32_t **out) {
    bool packed = json_is_string(counts);
    size_t capacity = packed ? json_string_length(counts) : json_array_size(counts);
    *out = lethe_alloc_array(capacity, sizeof **out);
    if (*out == NULL) return SIZE_MAX;
    if (packed) return unpack_counts(json_string_value(counts), *out, capacity);
    for (size_t i = 0; i < capacity; i++) {
        json_int_t value = json_integer_value(json_array_get(counts, i));
        if (!json_is_integer(json_array_get(counts, i)) || value < 0 || value > UINT32_MAX) return SIZE_MAX;
        (*out)[i] = (uint32_t)value;
    }
    return capacity;
}

static lethe_status shape_from_runs(const coco_reader *r, json_t *segmentation, const coco_image *image, const char *where, lethe_shape *shape,
                                    lethe_error *error) {
    json_t *size = json_object_get(segmentation, "size");
    json_int_t rows = json_integer_value(json_array_get(size, 0)), columns = json_integer_value(json_array_get(size, 1));
    if (rows != image->ref->rows || columns != image->ref->columns) return bad(r, where, "the mask is not as large as the image", error);
    if (rows <= 0 || columns <= 0 || (uint64_t)rows * (uint64_t)columns > MASK_LIMIT_PIXELS) return bad(r, where, "the mask is too large", error);
    uint32_t *counts = NULL;
    size_t count = read_counts(json_object_get(segmentation, "counts"), &counts), at = 0, total = (size_t)rows * (size_t)columns;
    uint8_t *bitmap = lethe_alloc_array(total, 1);
    lethe_status status = count == SIZE_MAX ? bad(r, where, "the run lengths cannot be read", error) : LETHE_OK;
    if (status == LETHE_OK && bitmap == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        if (counts[i] > total - at) status = bad(r, where, "the run lengths cover more than the image", error);
        for (uint32_t k = 0; status == LETHE_OK && k < counts[i]; k++, at++)
            if ((i & 1) != 0) bitmap[at % (size_t)rows * (size_t)columns + at / (size_t)rows] = 1;
    }
    if (status == LETHE_OK && at != total) status = bad(r, where, "the run lengths do not cover the image", error);
    if (status == LETHE_OK)
        status = lethe_shape_make_mask(bitmap, (uint32_t)columns, (uint32_t)rows, (size_t)columns, 0, 0, image->frame, shape, error);
    lethe_free(counts);
    lethe_free(bitmap);
    return status;
}

static lethe_status shape_from_box(const coco_reader *r, json_t *box, const coco_image *image, const char *where, lethe_shape *shape,
                                   lethe_error *error) {
    double v[4];
    if (json_array_size(box) != 4) return bad(r, where, "needs a segmentation or a bbox of 4 numbers", error);
    for (size_t i = 0; i < 4; i++) {
        if (!json_is_number(json_array_get(box, i))) return bad(r, where, "the bbox holds something that is not a number", error);
        v[i] = json_number_value(json_array_get(box, i));
    }
    if (v[2] < 0 || v[3] < 0) return bad(r, where, "the bbox has a negative size", error);
    return lethe_shape_make_box(v[0], v[1], v[0] + v[2], v[1] + v[3], image->frame, shape, error);
}

/* Our own exports say what a box around nothing else was. */
static lethe_status point_or_box(const coco_reader *r, json_t *annotation, const coco_image *image, const char *where, lethe_shape *shape,
                                 lethe_error *error) {
    const char *kind = json_string_value(json_object_get(annotation, "shape"));
    json_t *box = json_object_get(annotation, "bbox");
    if (kind == NULL || strcmp(kind, "point") != 0 || json_array_size(box) != 4) return shape_from_box(r, box, image, where, shape, error);
    lethe_point at = {json_number_value(json_array_get(box, 0)), json_number_value(json_array_get(box, 1))};
    return lethe_shape_make_points(LETHE_SHAPE_POINT, &at, 1, image->frame, shape, error);
}

static lethe_status read_annotation(coco_reader *r, json_t *annotation, size_t number, lethe_error *error) {
    char where[80];
    json_t *id = json_object_get(annotation, "id"), *segmentation = json_object_get(annotation, "segmentation");
    (void)snprintf(where, sizeof where, "annotation %zu (id %lld)", number, (long long)json_integer_value(id));
    coco_image key = {.id = json_integer_value(json_object_get(annotation, "image_id"))};
    const coco_image *image = r->image_count == 0 ? NULL : bsearch(&key, r->images, r->image_count, sizeof key, by_id);
    if (image == NULL) return bad(r, where, "its image_id is not in \"images\"", error);
    const char *foreign = category_name(r, json_integer_value(json_object_get(annotation, "category_id")));
    if (foreign == NULL) return bad(r, where, "its category_id is not in \"categories\"", error);
    const char *label = lethe_import_label(r->import, foreign);
    if (label == NULL) return LETHE_OK;
    lethe_shape shape = {0};
    lethe_status status;
    if (json_is_object(segmentation)) status = shape_from_runs(r, segmentation, image, where, &shape, error);
    else if (json_array_size(segmentation) > 0) status = shape_from_polygons(r, segmentation, where, &shape, error);
    else status = point_or_box(r, annotation, image, where, &shape, error);
    shape.frame = image->frame;
    json_t *score = json_object_get(annotation, "score"), *attributes = json_object_get(annotation, "attributes");
    char *form = json_is_object(attributes) && json_object_size(attributes) > 0 ? json_dumps(attributes, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    lethe_annotation a = {.level = LETHE_LEVEL_REGION,
                          .image = image->ref->key,
                          .label = label,
                          .form = form,
                          .shape = shape,
                          .confidence = json_is_number(score) ? json_number_value(score) : -1};
    if (status == LETHE_OK) status = lethe_import_add(r->import, &a, where, error);
    free(form);
    lethe_shape_release(&shape);
    return status;
}

static lethe_status read_coco(lethe_import *import, const char *path, lethe_error *error) {
    coco_reader r = {.import = import, .file = lethe_import_file_name(import)};
    lethe_map map = {.fd = -1};
    json_error_t json_error;
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    r.root = json_loadb((const char *)map.bytes, map.size, JSON_REJECT_DUPLICATES, &json_error);
    if (r.root == NULL) status = lethe_fail(error, LETHE_MALFORMED, "%s:%d: %.120s", r.file, json_error.line, json_error.text);
    if (status == LETHE_OK) status = read_images(&r, error);
    json_t *annotations = json_object_get(r.root, "annotations");
    if (status == LETHE_OK && !json_is_array(annotations)) status = lethe_fail(error, LETHE_MALFORMED, "%s: no \"annotations\"", r.file);
    for (size_t i = 0; status == LETHE_OK && i < json_array_size(annotations); i++)
        status = read_annotation(&r, json_array_get(annotations, i), i + 1, error);
    lethe_free(r.images);
    json_decref(r.root);
    lethe_map_close(&map);
    return status;
}

const lethe_format lethe_format_coco = {"coco", "COCO JSON: boxes, polygons, masks as run lengths", write_coco, read_coco};
