/* A sampled preview: a few images as small pictures with their regions coloured in, for people who decide whether to ask for the whole set. */
#include "annotate/publish.h"

#include "annotate/picture.h"
#include "annotate/text_out.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_PX = 512 };

typedef struct drawn_lot {
    char order[65];
    size_t image;
} drawn_lot;

static int by_order(const void *a, const void *b) { return strcmp(((const drawn_lot *)a)->order, ((const drawn_lot *)b)->order); }

/* Images in the order of a seeded lot, labelled ones first. Hidden test images are not shown. */
static lethe_status draw_lots(const lethe_dataset *d, const lethe_publication *p, const uint8_t *splits, drawn_lot **out, size_t *count,
                              lethe_error *error) {
    size_t images = lethe_image_index_count(d->index);
    *count = 0;
    *out = lethe_alloc_array(images, sizeof **out);
    if (*out == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a preview");
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < images; i++) {
        size_t parts;
        char text[700];
        (void)lethe_dataset_parts_of(d, i, &parts);
        if (splits != NULL && p->hidden_path != NULL && splits[i] == LETHE_SPLIT_TEST) continue;
        drawn_lot *lot = &(*out)[(*count)++];
        int length = snprintf(text, sizeof text, "preview|%llu|%.600s", (unsigned long long)p->seed, lethe_image_index_at(d->index, i)->key);
        lot->image = i;
        status = lethe_sha256_hex(text, (size_t)length, lot->order, error);
        memmove(lot->order + 1, lot->order, sizeof lot->order - 2);
        lot->order[0] = parts > 0 ? '0' : '1';
    }
    if (*count > 1) qsort(*out, *count, sizeof **out, by_order);
    return status;
}

static lethe_status to_rgb(lethe_image *image, lethe_error *error) {
    if (image->samples == 3) return LETHE_OK;
    lethe_image colour = *image;
    colour.samples = 3;
    colour.photometric = LETHE_RGB;
    lethe_status status = lethe_image_allocate(&colour, error);
    if (status != LETHE_OK) return status;
    for (size_t i = 0; i < (size_t)image->columns * image->rows; i++)
        for (int c = 0; c < 3; c++) colour.pixels[3 * i + (size_t)c] = image->pixels[i * image->samples];
    lethe_image_release(image);
    *image = colour;
    return LETHE_OK;
}

static lethe_status colour_regions(const lethe_dataset *d, const lethe_part *parts, size_t count, uint32_t frame, double scale, lethe_image *image,
                                   lethe_error *error) {
    size_t pixels = (size_t)image->columns * image->rows;
    uint8_t *mask = lethe_alloc_array(pixels, 1);
    lethe_status status = mask == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a preview") : LETHE_OK;
    for (size_t k = 0; status == LETHE_OK && k < count; k++) {
        lethe_shape outline = {0};
        if (parts[k].frame != frame) continue;
        uint32_t rgb = d->categories[lethe_dataset_category(d, parts[k].annotation->label)].colour_rgb;
        if (lethe_shape_to_polygon(&parts[k].annotation->shape, parts[k].slice, &outline, NULL) != LETHE_OK &&
            lethe_shape_copy(&parts[k].annotation->shape, NULL, &outline, NULL) != LETHE_OK)
            continue;
        for (size_t i = 0; i < outline.point_count; i++) {
            outline.points[i].x *= scale;
            outline.points[i].y *= scale;
        }
        memset(mask, 0, pixels);
        status = lethe_shape_rasterize(&outline, 0, 1, mask, image->columns, image->rows, 0, 0, error);
        for (size_t i = 0; status == LETHE_OK && i < pixels; i++) {
            if (mask[i] == 0) continue;
            for (unsigned c = 0; c < 3; c++) {
                unsigned own = image->pixels[3 * i + c], put = rgb >> (16 - 8 * c) & 255;
                image->pixels[3 * i + c] = (uint8_t)((own * 6 + put * 4) / 10);
            }
        }
        lethe_shape_release(&outline);
    }
    lethe_free(mask);
    return status;
}

/* False (without an error) for an image that has no picture. */
static lethe_status show_image(lethe_dataset *d, size_t image, unsigned number, bool *shown, lethe_error *error) {
    const lethe_image_ref *ref = lethe_image_index_at(d->index, image);
    size_t count;
    const lethe_part *parts = lethe_dataset_parts_of(d, image, &count);
    uint32_t frame = count > 0 ? parts[0].frame : 0;
    lethe_image picture = {0};
    double scale = 1;
    char name[48];
    *shown = lethe_picture_load(d->released_path, ref, frame, SIDE_PX, &picture, &scale, NULL) == LETHE_OK;
    if (!*shown) return LETHE_OK;
    lethe_buffer png;
    lethe_buffer_init(&png, (size_t)1 << 24);
    (void)snprintf(name, sizeof name, "preview/%03u.png", number);
    lethe_status status = to_rgb(&picture, error);
    if (status == LETHE_OK) status = colour_regions(d, parts, count, frame, scale, &picture, error);
    if (status == LETHE_OK) status = lethe_png_encode(&picture, &png, error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, name, png.bytes, png.size, error);
    lethe_buffer_release(&png);
    lethe_image_release(&picture);
    return status;
}

static lethe_status put_figure(const lethe_dataset *d, size_t image, unsigned number, lethe_buffer *html, lethe_error *error) {
    const lethe_image_ref *ref = lethe_image_index_at(d->index, image);
    size_t count;
    (void)lethe_dataset_parts_of(d, image, &count);
    lethe_status status = lethe_buffer_printf(html, error, "<figure><img src=\"%03u.png\" alt=\"\"><figcaption>", number);
    if (status == LETHE_OK) status = lethe_html_escape(ref->path, html, error);
    return status == LETHE_OK ? lethe_buffer_printf(html, error, "<br>%zu regions</figcaption></figure>\n", count) : status;
}

lethe_status lethe_preview_write(lethe_dataset *d, const lethe_publication *p, const uint8_t *splits, lethe_error *error) {
    drawn_lot *lots = NULL;
    size_t count = 0;
    unsigned number = 0;
    lethe_buffer html;
    lethe_buffer_init(&html, (size_t)1 << 24);
    lethe_status status = draw_lots(d, p, splits, &lots, &count, error);
    if (status == LETHE_OK)
        status =
            lethe_buffer_append_text(&html,
                                     "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Preview</title>\n<style>body{font:14px "
                                     "sans-serif;margin:1em}figure{display:inline-block;margin:.5em;max-width:270px;vertical-align:top;overflow-wrap:"
                                     "anywhere}img{width:256px}</style>\n<h1>Preview: a seeded sample</h1>\n",
                                     error);
    for (size_t i = 0; status == LETHE_OK && i < count && number < p->preview; i++) {
        bool shown = false;
        status = show_image(d, lots[i].image, number + 1, &shown, error);
        if (status != LETHE_OK || !shown) continue;
        status = put_figure(d, lots[i].image, ++number, &html, error);
    }
    if (status == LETHE_OK) status = lethe_package_write(d->package, "preview/index.html", html.bytes, html.size, error);
    lethe_buffer_release(&html);
    lethe_free(lots);
    return status;
}
