#include "deid/pixels/review_internal.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/pixels/burned_in.h"
#include "deid/pixels/review_pool.h"
#include "deid/slides/review_picture.h"
#include "imaging/dicom/pixels.h"
#include "imaging/slide/slide.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEET_BOXES = 64, SHEET_SIDE = 360, SHEET_LIMIT = 2000 };

static void outline(lethe_image *image, const lethe_pixel_box *box) {
    for (uint32_t y = box->y; y < box->y + box->h && y < image->rows; y++)
        for (uint32_t x = box->x; x < box->x + box->w && x < image->columns; x++) {
            uint32_t left = x - box->x, right = box->x + box->w - 1 - x, top = y - box->y, bottom = box->y + box->h - 1 - y;
            if (left > 1 && right > 1 && top > 1 && bottom > 1) continue;
            uint8_t *at = image->pixels + ((size_t)y * image->columns + x) * 3;
            at[0] = 255;
            at[1] = 140;
            at[2] = 0;
        }
}

static lethe_status to_colour(lethe_image *image, lethe_error *error) {
    if (image->samples == 3) return LETHE_OK;
    lethe_image colour = *image;
    colour.samples = 3;
    colour.photometric = LETHE_RGB;
    lethe_status status = lethe_image_allocate(&colour, error);
    if (status != LETHE_OK) return status;
    size_t count = (size_t)image->columns * image->rows;
    for (size_t i = 0; i < count; i++) memset(colour.pixels + 3 * i, image->pixels[i], 3);
    lethe_image_release(image);
    *image = colour;
    return LETHE_OK;
}

lethe_status lethe_review_picture(const char *path, unsigned frame, const lethe_pixel_box *boxes, unsigned box_count, unsigned side,
                                  lethe_buffer *png, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_pixels *pixels = NULL;
    lethe_image stored = {0}, picture = {0}, small = {0};
    lethe_display display;
    const char *format = lethe_slide_detect(path);
    if (format != NULL && strcmp(format, "dicom") != 0) return lethe_slide_review_picture(path, boxes, box_count, side, png, error);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a picture") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK) status = lethe_pixels_open(dataset, &pixels, error);
    if (status == LETHE_OK) status = lethe_pixels_decode(pixels, frame, &stored, error);
    if (status != LETHE_OK) goto out;
    lethe_display_load(dataset, frame, 0, &display);
    status = lethe_display_render(dataset, &stored, &display, &picture, error);
    if (status == LETHE_OK) status = to_colour(&picture, error);
    for (unsigned i = 0; i < box_count && status == LETHE_OK; i++)
        if (frame >= boxes[i].first_frame && frame <= boxes[i].last_frame) outline(&picture, &boxes[i]);
    if (status == LETHE_OK) status = lethe_image_thumbnail(&picture, side, &small, error);
    if (status == LETHE_OK) status = lethe_png_encode(&small, png, error);
out:
    lethe_image_release(&small);
    lethe_image_release(&picture);
    lethe_image_release(&stored);
    lethe_pixels_close(pixels);
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    return status;
}

static unsigned load_boxes(const json_t *regions, lethe_pixel_box *boxes) {
    unsigned count = 0;
    size_t index;
    json_t *region;
    json_array_foreach(regions, index, region) {
        if (count == SHEET_BOXES) break;
        json_int_t first = json_integer_value(json_object_get(region, "frame")), last = first;
        const json_t *end = json_object_get(region, "last_frame");
        if (json_is_integer(end)) last = json_integer_value(end);
        boxes[count] = (lethe_pixel_box){.first_frame = (uint32_t)first,
                                         .last_frame = (uint32_t)last,
                                         .x = (uint32_t)json_integer_value(json_object_get(region, "x")),
                                         .y = (uint32_t)json_integer_value(json_object_get(region, "y")),
                                         .w = (uint32_t)json_integer_value(json_object_get(region, "w")),
                                         .h = (uint32_t)json_integer_value(json_object_get(region, "h"))};
        const char *why = json_string_value(json_object_get(region, "why"));
        (void)snprintf(boxes[count].why, sizeof boxes[count].why, "%s", why == NULL ? "" : why);
        count++;
    }
    return count;
}

static lethe_status put_picture(lethe_review_pool *pool, lethe_output *out, const char *folder, const char *name, unsigned frame,
                                const lethe_pixel_box *boxes, unsigned count, lethe_error *error) {
    lethe_buffer png, html;
    lethe_buffer_init(&png, 8u << 20);
    lethe_buffer_init(&html, 16u << 20);
    char *path = folder[0] == '\0' ? lethe_strdup(name) : lethe_path_join(folder, name);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : LETHE_OK;
    if (status == LETHE_OK && lethe_review_pool_picture(pool, path, frame, boxes, count, SHEET_SIDE, &png, NULL) == LETHE_OK) {
        status = lethe_buffer_append_text(&html, "<img src=\"data:image/png;base64,", error);
        if (status == LETHE_OK) status = lethe_base64(png.bytes, png.size, &html, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(&html, "\" alt=\"\">", error);
    } else if (status == LETHE_OK) {
        status = lethe_buffer_append_text(&html, "<div class=\"none\">no picture</div>", error);
    }
    if (status == LETHE_OK) status = lethe_output_write(out, html.bytes, html.size, error);
    lethe_buffer_release(&png);
    lethe_buffer_release(&html);
    lethe_free(path);
    return status;
}

static lethe_status put_entry(const lethe_sheet_options *o, lethe_review_pool *pool, lethe_output *out, const json_t *line, unsigned *pictures,
                              lethe_error *error) {
    lethe_pixel_box boxes[SHEET_BOXES];
    const char *output = json_string_value(json_object_get(line, "output")), *source = json_string_value(json_object_get(line, "source"));
    const char *outcome = json_string_value(json_object_get(line, "outcome"));
    unsigned count = load_boxes(json_object_get(line, "regions"), boxes);
    if (count == 0 || (o->find_original != NULL && output == NULL)) return LETHE_OK; /* what waits stands in `lethe review list` */
    lethe_buffer text;
    lethe_buffer_init(&text, 1u << 20);
    lethe_status status = lethe_buffer_append_text(&text, "<figure>", error);
    if (status == LETHE_OK) status = lethe_output_write(out, text.bytes, text.size, error);
    bool safe = source != NULL && lethe_path_is_safe(source);
    char original[1024] = "";
    if (status == LETHE_OK && o->find_original != NULL && output != NULL)
        status = o->find_original(o->context, output, original, sizeof original, error);
    if (status == LETHE_OK && original[0] != '\0') status = put_picture(pool, out, "", original, boxes[0].first_frame, boxes, count, error);
    else if (status == LETHE_OK && o->originals != NULL && safe)
        status = put_picture(pool, out, o->originals, source, boxes[0].first_frame, boxes, count, error);
    if (status == LETHE_OK && output != NULL && lethe_path_is_safe(output))
        status = put_picture(pool, out, o->released, output, boxes[0].first_frame, NULL, 0, error);
    lethe_buffer_clear(&text);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "<figcaption>", error);
    if (status == LETHE_OK) status = lethe_html_escape(output != NULL ? output : outcome != NULL ? outcome : "", &text, error);
    for (unsigned i = 0; i < count && i < 8 && status == LETHE_OK; i++) {
        status = lethe_buffer_printf(&text, error, "<br>%u,%u %u&times;%u, frames %u&ndash;%u: ", boxes[i].x, boxes[i].y, boxes[i].w, boxes[i].h,
                                     boxes[i].first_frame, boxes[i].last_frame);
        if (status == LETHE_OK) status = lethe_html_escape(boxes[i].why, &text, error);
    }
    if (status == LETHE_OK && count > 8) status = lethe_buffer_printf(&text, error, "<br>and %u more", count - 8);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "</figcaption></figure>\n", error);
    if (status == LETHE_OK) status = lethe_output_write(out, text.bytes, text.size, error);
    lethe_buffer_release(&text);
    (*pictures)++;
    return status;
}

/* The last lines of the manifest that speak of each output and of each source. */
typedef struct last_lines {
    json_t *outputs, *sources;
} last_lines;

static lethe_status number_lines(FILE *manifest, last_lines *last, lethe_error *error) {
    char *line = NULL;
    size_t capacity = 0;
    last->outputs = json_object();
    last->sources = json_object();
    lethe_status status = last->outputs == NULL || last->sources == NULL ? LETHE_NO_MEMORY : LETHE_OK;
    for (json_int_t number = 0; status == LETHE_OK && getline(&line, &capacity, manifest) > 0; number++) {
        json_t *parsed = json_loads(line, 0, NULL);
        const char *output = json_string_value(json_object_get(parsed, "output")), *source = json_string_value(json_object_get(parsed, "source"));
        if (parsed == NULL) status = LETHE_MALFORMED;
        else if (output != NULL && json_object_set_new(last->outputs, output, json_integer(number)) != 0) status = LETHE_NO_MEMORY;
        else if (source != NULL && json_object_set_new(last->sources, source, json_integer(number)) != 0) status = LETHE_NO_MEMORY;
        json_decref(parsed);
    }
    free(line);
    rewind(manifest);
    if (status == LETHE_MALFORMED) return lethe_fail(error, status, "the manifest holds a line that is no JSON");
    return status == LETHE_OK ? status : lethe_fail(error, status, "no memory for a contact sheet");
}

/* What was made again counts as it is now. */
static bool is_superseded(const last_lines *last, const json_t *line, json_int_t number) {
    const char *output = json_string_value(json_object_get(line, "output")), *source = json_string_value(json_object_get(line, "source"));
    if (output != NULL) return json_integer_value(json_object_get(last->outputs, output)) != number;
    return source != NULL && json_integer_value(json_object_get(last->sources, source)) != number;
}

lethe_status lethe_review_sheet(const lethe_sheet_options *options, unsigned *pictures, lethe_error *error) {
    static const char head[] =
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Redacted images</title><style>body{background:#1b1d20;color:#ddd;"
        "font:13px sans-serif}figure{display:inline-block;margin:8px;vertical-align:top;max-width:760px}img{margin-right:4px;"
        "border:1px solid "
        "#444}figcaption{overflow-wrap:anywhere;color:#9fb0bd;font-size:12px}.none{display:inline-block;width:120px}</style>\n<h1>Redacted "
        "images</h1><p>Left: before, with boxes. "
        "Right: as released.</p>\n";
    *pictures = 0;
    unsigned limit = options->limit == 0 ? SHEET_LIMIT : options->limit;
    char *line = NULL;
    size_t capacity = 0;
    lethe_output *out = NULL;
    lethe_review_pool *pool = NULL;
    const char *readable[4] = {NULL};
    size_t n = 0;
    readable[n++] = options->released;
    if (options->originals != NULL) readable[n++] = options->originals;
    lethe_review_pool_options workers = {.readable = readable, .workers = 1};
    FILE *manifest = fopen(options->manifest, "r");
    if (manifest == NULL) return lethe_fail(error, LETHE_NOT_FOUND, "no manifest to read");
    last_lines last = {NULL, NULL};
    lethe_status status = number_lines(manifest, &last, error);
    if (status == LETHE_OK) status = lethe_review_pool_start(&workers, &pool, error);
    if (status == LETHE_OK) status = lethe_output_create(options->output, &out, error);
    if (status == LETHE_OK) status = lethe_output_write(out, head, sizeof head - 1, error);
    for (json_int_t number = 0; status == LETHE_OK && *pictures < limit; number++) {
        if (getline(&line, &capacity, manifest) <= 0) break;
        json_t *parsed = json_loads(line, 0, NULL);
        if (parsed == NULL) status = lethe_fail(error, LETHE_MALFORMED, "the manifest holds a line that is no JSON");
        else if (!is_superseded(&last, parsed, number)) status = put_entry(options, pool, out, parsed, pictures, error);
        json_decref(parsed);
    }
    if (status == LETHE_OK) status = lethe_output_commit(out, 0600, LETHE_SYNC_NONE, error);
    else lethe_output_discard(out);
    lethe_review_pool_destroy(pool);
    json_decref(last.outputs);
    json_decref(last.sources);
    free(line);
    (void)fclose(manifest);
    return status;
}
