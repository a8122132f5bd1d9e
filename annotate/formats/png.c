/* PNG label maps: one grey 8-bit picture per labelled image and frame, 0 = nothing, otherwise the category's number (labels.json tells which). Where
 * two regions overlap, the later annotation shows. Slides are drawn at a reduced size: the largest power of two that fits 8,192 pixels. */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"
#include "core/memory.h"
#include "imaging/image.h"

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

const lethe_format lethe_format_png = {"png", "PNG label maps, one per labelled image and frame", write_png, NULL};
