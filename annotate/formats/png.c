/* PNG label maps: one grey 8-bit picture per labelled image and frame, 0 = nothing, otherwise the category's number (labels.json tells which). Where
 * two regions overlap, the later annotation shows. Slides are drawn at a reduced size: the largest power of two that fits 8,192 pixels. */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "imaging/image.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_SIDE_PX = 8192 };

static unsigned reduction(const lethe_image_ref *image) {
    unsigned factor = 1;
    while (image->is_slide && (image->columns / factor > LARGEST_SIDE_PX || image->rows / factor > LARGEST_SIDE_PX)) factor *= 2;
    return factor;
}

/* Draw one region; a reduced slide takes one pixel in `factor`, at the centre of each block. */
static lethe_status draw(const lethe_part *part, uint8_t value, unsigned factor, lethe_image *to, lethe_error *error) {
    if (factor == 1) return lethe_shape_rasterize(&part->annotation->shape, part->slice, value, to->pixels, to->columns, to->rows, 0, 0, error);
    lethe_shape scaled = {0};
    lethe_status status = lethe_shape_copy(&part->annotation->shape, NULL, &scaled, error);
    for (size_t i = 0; i < scaled.point_count; i++) {
        scaled.points[i].x /= factor;
        scaled.points[i].y /= factor;
    }
    if (status == LETHE_OK && scaled.slice_count != 0) { /* masks go through their outline */
        lethe_shape outline = {0};
        status = lethe_shape_to_polygon(&part->annotation->shape, part->slice, &outline, error);
        for (size_t i = 0; i < outline.point_count; i++) {
            outline.points[i].x /= factor;
            outline.points[i].y /= factor;
        }
        lethe_shape_release(&scaled);
        scaled = outline;
    }
    if (status == LETHE_OK) status = lethe_shape_rasterize(&scaled, 0, value, to->pixels, to->columns, to->rows, 0, 0, error);
    lethe_shape_release(&scaled);
    return status;
}

static lethe_status write_frame(lethe_dataset *d, const lethe_part *parts, size_t count, lethe_error *error) {
    const lethe_image_ref *ref = lethe_image_index_at(d->index, parts->image);
    unsigned factor = reduction(ref);
    char stem[600], name[640];
    lethe_buffer png;
    if (ref->rows <= 0 || ref->columns <= 0) return lethe_fail(error, LETHE_MALFORMED, "the catalogue does not know the size of a labelled image");
    lethe_image map = {.columns = (uint32_t)((ref->columns + factor - 1) / factor),
                       .rows = (uint32_t)((ref->rows + factor - 1) / factor),
                       .samples = 1,
                       .bytes_per_sample = 1,
                       .bits_stored = 8,
                       .photometric = LETHE_MONOCHROME2};
    lethe_buffer_init(&png, (size_t)1 << 31);
    lethe_status status = lethe_image_allocate(&map, error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        size_t category = lethe_dataset_category(d, parts[i].annotation->label);
        if (category >= 255) status = lethe_fail(error, LETHE_LIMIT, "a PNG label map holds at most 255 categories");
        else status = draw(&parts[i], (uint8_t)(category + 1), factor, &map, error);
    }
    if (status == LETHE_OK) status = lethe_png_encode(&map, &png, error);
    lethe_dataset_stem(d, parts->image, parts->frame, stem, sizeof stem);
    (void)snprintf(name, sizeof name, "masks/%s.png", stem);
    if (status == LETHE_OK) status = lethe_package_write(d->package, name, png.bytes, png.size, error);
    lethe_image_release(&map);
    lethe_buffer_release(&png);
    return status;
}

static lethe_status write_legend(lethe_dataset *d, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 24);
    lethe_status status = lethe_buffer_append_text(&out, "{\"0\":\"background\"", error);
    for (size_t i = 0; status == LETHE_OK && i < d->category_count; i++) {
        status = lethe_buffer_printf(&out, error, ",\n\"%zu\":", i + 1);
        if (status == LETHE_OK) status = lethe_json_string(&out, d->categories[i].name, error);
    }
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "}\n", error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "masks/labels.json", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

static lethe_status write_png(lethe_dataset *d, lethe_error *error) {
    lethe_status status = write_legend(d, error);
    for (size_t i = 0; status == LETHE_OK && i < d->part_count;) {
        size_t end = i + 1;
        while (end < d->part_count && d->parts[end].image == d->parts[i].image && d->parts[end].frame == d->parts[i].frame) end++;
        if (lethe_dataset_has(d, d->parts[i].image)) status = write_frame(d, d->parts + i, end - i, error);
        i = end;
    }
    return status;
}

/* --- import --- */

/* labels.json beside the masks (as exported), or the schema's region labels by their number; --map renames either. */
static const char *label_of(const lethe_import *import, json_t *legend, int value, char number[16]) {
    (void)snprintf(number, 16, "%d", value);
    const char *mapped = lethe_import_label(import, number);
    if (mapped != number) return mapped;
    const char *name = json_string_value(json_object_get(legend, number));
    if (name != NULL) return lethe_import_label(import, name);
    const lethe_schema *schema = lethe_store_schema(lethe_import_store(import));
    for (unsigned i = 0, n = 0; schema != NULL && i < schema->labels_count; i++)
        if (schema->labels[i].level == LETHE_LEVEL_REGION && ++n == (unsigned)value) return schema->labels[i].question.name;
    return number;
}

static json_t *load_legend(const char *path) {
    const char *name = lethe_path_name(path);
    for (const char *end = name; end > path;) { /* in the file's folder or one above it */
        char *beside = lethe_asprintf("%.*slabels.json", (int)(end - path), path);
        json_t *legend = beside == NULL ? NULL : json_load_file(beside, 0, NULL);
        lethe_free(beside);
        if (legend != NULL) return legend;
        for (end--; end > path && end[-1] != '/';) end--;
    }
    return NULL;
}

/* "x_f0007.png": a later frame of several. */
static lethe_status find_image(lethe_import *import, const char *relative, const lethe_image_ref **image, uint32_t *frame, lethe_error *error) {
    char stem[600];
    (void)snprintf(stem, sizeof stem, "%.590s", relative);
    char *dot = strrchr(stem, '.'), *mark = strstr(stem, "_f");
    for (char *next = mark; next != NULL; next = strstr(next + 1, "_f")) mark = next;
    if (dot != NULL) *dot = '\0';
    *frame = 0;
    int64_t number = 0;
    if (mark != NULL && strlen(mark) >= 6 && lethe_text_to_int64(mark + 2, &number) && number >= 1 && number <= UINT32_MAX) {
        *mark = '\0';
        lethe_error ignored = {0};
        const char *given = lethe_import_settings(import)->image;
        if (lethe_import_find(import, given != NULL ? given : stem, relative, image, &ignored) == LETHE_OK && (*image)->frames > 1) {
            *frame = (uint32_t)number - 1;
            if (number > (*image)->frames)
                return lethe_fail(error, LETHE_MALFORMED, "%s: the image has only %lld frames", relative, (long long)(*image)->frames);
            return LETHE_OK;
        }
    }
    return lethe_format_image_of(import, relative, image, error);
}

static lethe_status add_value(lethe_import *import, const lethe_image *map, const lethe_image_ref *image, uint32_t frame, int value, json_t *legend,
                              const char *relative, lethe_error *error) {
    char number[16], where[700];
    const char *label = label_of(import, legend, value, number);
    if (label == NULL) return LETHE_OK;
    size_t pixels = (size_t)map->columns * map->rows;
    uint8_t *bitmap = lethe_alloc_array(pixels, 1);
    if (bitmap == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
    for (size_t i = 0; i < pixels; i++) bitmap[i] = map->pixels[i] == value;
    lethe_annotation a = {.level = LETHE_LEVEL_REGION, .image = image->key, .label = label, .confidence = -1};
    lethe_status status = lethe_shape_make_mask(bitmap, map->columns, map->rows, map->columns, 0, 0, frame, &a.shape, error);
    (void)snprintf(where, sizeof where, "%.600s value %d", relative, value);
    if (status == LETHE_OK) status = lethe_import_add(import, &a, where, error);
    lethe_shape_release(&a.shape);
    lethe_free(bitmap);
    return status;
}

static lethe_status read_file(lethe_import *import, const char *path, const char *relative, lethe_error *error) {
    const lethe_image_ref *image = NULL;
    uint32_t frame = 0;
    lethe_image map = {0};
    lethe_error inner = {0};
    bool present[256] = {false};
    lethe_status status = find_image(import, relative, &image, &frame, error);
    if (status != LETHE_OK) return status;
    if ((status = lethe_png_read(path, &map, &inner)) != LETHE_OK) return lethe_fail(error, status, "%s: %.150s", relative, inner.message);
    if (map.samples != 1 || map.bytes_per_sample != 1)
        status = lethe_fail(error, LETHE_MALFORMED, "%s: a mask is a grey picture of 8 bits", relative);
    else if (map.columns != image->columns || map.rows != image->rows)
        status = lethe_fail(error, LETHE_MALFORMED, "%s: %u x %u pixels, the image has %lld x %lld", relative, map.columns, map.rows,
                            (long long)image->columns, (long long)image->rows);
    json_t *legend = status == LETHE_OK ? load_legend(path) : NULL;
    for (size_t i = 0; status == LETHE_OK && i < (size_t)map.columns * map.rows; i++) present[map.pixels[i]] = true;
    for (int value = 1; status == LETHE_OK && value < 256; value++)
        if (present[value]) status = add_value(import, &map, image, frame, value, legend, relative, error);
    json_decref(legend);
    lethe_image_release(&map);
    return status;
}

static lethe_status read_png(lethe_import *import, const char *path, lethe_error *error) {
    return lethe_format_each_file(import, path, ".png", read_file, error);
}

const lethe_format lethe_format_png = {"png", "PNG label maps, one per labelled image and frame (import: 8-bit grey, the image's own size)",
                                       write_png, read_png};
