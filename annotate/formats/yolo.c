/* YOLO text: labels/<image>.txt with "class cx cy width height" and labels_seg/<image>.txt with "class x1 y1 x2 y2 ...", everything as a share of the
 * image's size; data.yaml names the classes. Frames of multi-frame images have files of their own. */
#include "annotate/formats/formats.h"

#include <stdio.h>

static lethe_status put_box(const lethe_part *part, size_t category, double width, double height, lethe_buffer *out, lethe_error *error) {
    lethe_shape view = part->annotation->shape;
    lethe_box box;
    if (view.slice_count != 0) {
        view.slices += part->slice;
        view.slice_count = 1;
    }
    if (!lethe_shape_bounds(&view, &box)) return LETHE_OK;
    return lethe_buffer_printf(out, error, "%zu %.9g %.9g %.9g %.9g\n", category, (box.x0 + box.x1) / 2 / width, (box.y0 + box.y1) / 2 / height,
                               (box.x1 - box.x0) / width, (box.y1 - box.y0) / height);
}

/* One line per outline; holes cannot be said and are filled. */
static lethe_status put_outline(const lethe_part *part, size_t category, double width, double height, lethe_buffer *out, lethe_error *error) {
    lethe_shape outline = {0};
    lethe_error ignored = {0};
    lethe_status status = lethe_shape_to_polygon(&part->annotation->shape, part->slice, &outline, &ignored);
    if (status == LETHE_UNSUPPORTED || status == LETHE_NOT_FOUND) return LETHE_OK; /* points and lines */
    if (status != LETHE_OK) return lethe_fail(error, status, "%s", ignored.message);
    size_t end = outline.ring_ends == NULL ? outline.point_count : outline.ring_ends[0];
    status = lethe_buffer_printf(out, error, "%zu", category);
    for (size_t i = 0; status == LETHE_OK && i < end; i++)
        status = lethe_buffer_printf(out, error, " %.9g %.9g", outline.points[i].x / width, outline.points[i].y / height);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "\n", error);
    lethe_shape_release(&outline);
    return status;
}

static lethe_status write_frame(lethe_dataset *d, const lethe_part *parts, size_t count, lethe_error *error) {
    const lethe_image_ref *ref = lethe_image_index_at(d->index, parts->image);
    lethe_status status = LETHE_OK;
    if (ref->rows <= 0 || ref->columns <= 0) return lethe_fail(error, LETHE_MALFORMED, "the catalogue does not know the size of a labelled image");
    for (int outlines = 0; status == LETHE_OK && outlines < 2; outlines++) {
        lethe_buffer out;
        char stem[600], name[640];
        lethe_buffer_init(&out, (size_t)1 << 31);
        for (size_t i = 0; status == LETHE_OK && i < count; i++) {
            size_t category = lethe_dataset_category(d, parts[i].annotation->label);
            status = (outlines ? put_outline : put_box)(&parts[i], category, (double)ref->columns, (double)ref->rows, &out, error);
        }
        lethe_dataset_stem(d, parts->image, parts->frame, stem, sizeof stem);
        (void)snprintf(name, sizeof name, "%s/%s.txt", outlines ? "labels_seg" : "labels", stem);
        if (status == LETHE_OK) status = lethe_package_write(d->package, name, out.bytes, out.size, error);
        lethe_buffer_release(&out);
    }
    return status;
}

static lethe_status write_yolo(lethe_dataset *d, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 20);
    lethe_status status = lethe_buffer_append_text(&out, "path: .\nnames:\n", error);
    for (size_t i = 0; status == LETHE_OK && i < d->category_count; i++)
        status = lethe_buffer_printf(&out, error, "  %zu: \"%s\"\n", i, d->categories[i].name);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "data.yaml", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    for (size_t i = 0; status == LETHE_OK && i < d->part_count;) {
        size_t end = i + 1;
        while (end < d->part_count && d->parts[end].image == d->parts[i].image && d->parts[end].frame == d->parts[i].frame) end++;
        if (lethe_dataset_has(d, d->parts[i].image)) status = write_frame(d, d->parts + i, end - i, error);
        i = end;
    }
    return status;
}

const lethe_format lethe_format_yolo = {"yolo", "YOLO text: boxes and outlines as shares of the image", write_yolo, NULL};
