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
#include "imaging/slide/source.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEET_BOXES = 256, SHEET_SIDE = 360, SHEET_LIMIT = 2000, SHOWN_FRAMES = 4, SHOWN_BOXES = 12, JPEG_QUALITY = 82 };

static void draw_box(lethe_image *image, const lethe_pixel_box *box, bool filled) {
    /* Wide enough to be seen when the picture is made small. */
    uint32_t longer = image->columns > image->rows ? image->columns : image->rows, line = longer / SHEET_SIDE + 1;
    for (uint32_t y = box->y; y < box->y + box->h && y < image->rows; y++)
        for (uint32_t x = box->x; x < box->x + box->w && x < image->columns; x++) {
            uint32_t left = x - box->x, right = box->x + box->w - 1 - x, top = y - box->y, bottom = box->y + box->h - 1 - y;
            if (!filled && left > line && right > line && top > line && bottom > line) continue;
            uint8_t *at = image->pixels + ((size_t)y * image->columns + x) * 3;
            at[0] = filled ? 0 : 255;
            at[1] = filled ? 0 : 140;
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

static lethe_status encode(const lethe_image *rgb, bool jpeg, lethe_buffer *out, lethe_error *error) {
    if (!jpeg) return lethe_png_encode(rgb, out, error);
    lethe_image rgba = *rgb;
    rgba.samples = 4;
    lethe_status status = lethe_image_allocate(&rgba, error);
    if (status != LETHE_OK) return status;
    for (size_t i = 0; i < (size_t)rgb->columns * rgb->rows; i++) memcpy(rgba.pixels + 4 * i, rgb->pixels + 3 * i, 3);
    status = lethe_jpeg_encode(&rgba, JPEG_QUALITY, out, error);
    lethe_image_release(&rgba);
    return status;
}

/* Where a file names no window, one that letters do not change: before and after are to look the same. */
static bool in_box(const lethe_review_look *look, uint32_t x, uint32_t y) {
    for (unsigned i = 0; i < look->box_count; i++) {
        const lethe_pixel_box *b = &look->boxes[i];
        if (look->frame >= b->first_frame && look->frame <= b->last_frame && x - b->x < b->w && y - b->y < b->h) return true;
    }
    return false;
}

static void choose_window(const lethe_image *stored, const lethe_review_look *look, lethe_display *display) {
    enum { TAIL = 200 }; /* a part of the pixels that may be black or white */
    size_t count = (size_t)stored->columns * stored->rows, most = count / TAIL;
    if (display->has_window || stored->samples != 1 || stored->photometric == LETHE_PALETTE_COLOR || stored->bytes_per_sample > 2) return;
    display->has_window = true;
    display->centre = 128;
    display->width = 256;
    if (stored->bytes_per_sample == 1 && !stored->is_signed) return;
    uint32_t *bins = lethe_alloc_array(1 << 16, sizeof *bins), low = 0, high = UINT16_MAX;
    display->has_window = bins != NULL;
    if (bins == NULL) return;
    for (size_t i = 0; i < count; i++) {
        uint32_t x = (uint32_t)(i % stored->columns), y = (uint32_t)(i / stored->columns);
        int32_t value = lethe_image_sample(stored, x, y, 0);
        if (!in_box(look, x, y)) bins[(uint16_t)(stored->is_signed ? value + 32768 : value)]++;
    }
    for (size_t sum = bins[0]; low < high && sum <= most; sum += bins[low]) low++;
    for (size_t sum = bins[UINT16_MAX]; high > low && sum <= most; sum += bins[high]) high--;
    double offset = stored->is_signed ? -32768 : 0;
    display->width = ((double)high - low) * display->slope + 1;
    display->centre = (((double)high + low) / 2 + offset) * display->slope + display->intercept;
    lethe_free(bins);
}

lethe_status lethe_review_picture(const char *path, const lethe_review_look *look, lethe_buffer *out, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_pixels *pixels = NULL;
    lethe_image stored = {0}, picture = {0}, small = {0};
    lethe_display display;
    const char *format = lethe_slide_detect(path);
    if (format != NULL && strcmp(format, "dicom") != 0) return lethe_slide_review_picture(path, look->boxes, look->box_count, look->side, out, error);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a picture") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK) status = lethe_pixels_open(dataset, &pixels, error);
    if (status == LETHE_OK) status = lethe_pixels_decode(pixels, look->frame, &stored, error);
    if (status != LETHE_OK) goto out;
    lethe_display_load(dataset, look->frame, 0, &display);
    choose_window(&stored, look, &display);
    status = lethe_display_render(dataset, &stored, &display, &picture, error);
    if (status == LETHE_OK) status = to_colour(&picture, error);
    for (unsigned i = 0; i < look->box_count && !look->plain && status == LETHE_OK; i++)
        if (look->frame >= look->boxes[i].first_frame && look->frame <= look->boxes[i].last_frame) draw_box(&picture, &look->boxes[i], look->filled);
    if (status == LETHE_OK) status = lethe_image_thumbnail(&picture, look->side, &small, error);
    if (status == LETHE_OK) status = encode(&small, look->jpeg, out, error);
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

/* --- the page --- */

typedef struct page {
    const lethe_sheet_options *options;
    lethe_review_pool *pool;
    lethe_output *out;
    unsigned count, boxes, limit;
} page;

/* One image of the page: where it lies before and after. `after` NULL: it waits, and what a release would leave is drawn. */
typedef struct image_entry {
    const char *title, *note, *before, *after;
    const lethe_pixel_box *boxes;
    unsigned count;
} image_entry;

static lethe_status put(page *p, const char *text, lethe_error *error) { return lethe_output_write(p->out, text, strlen(text), error); }

static lethe_status put_picture(page *p, const char *path, const lethe_review_look *look, lethe_error *error) {
    lethe_buffer picture, html;
    lethe_buffer_init(&picture, 8u << 20);
    lethe_buffer_init(&html, 16u << 20);
    lethe_status status = LETHE_OK;
    if (lethe_review_pool_picture(p->pool, path, look, &picture, NULL) == LETHE_OK) {
        bool png = picture.size > 0 && picture.bytes[0] == 0x89;
        status = lethe_buffer_printf(&html, error, "<img src=\"data:image/%s;base64,", png ? "png" : "jpeg");
        if (status == LETHE_OK) status = lethe_base64(picture.bytes, picture.size, &html, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(&html, "\" alt=\"\">", error);
    } else {
        status = lethe_buffer_append_text(&html, "<div class=\"none\">no picture</div>", error);
    }
    if (status == LETHE_OK) status = lethe_output_write(p->out, html.bytes, html.size, error);
    lethe_buffer_release(&picture);
    lethe_buffer_release(&html);
    return status;
}

/* Frames that show every box, as few as one pass finds. Returns how many; *more: boxes that are on none of them. */
static unsigned choose_frames(const lethe_pixel_box *boxes, unsigned count, unsigned frames[SHOWN_FRAMES], unsigned *more) {
    unsigned chosen = 0;
    *more = 0;
    for (unsigned i = 0; i < count; i++) {
        bool seen = false;
        for (unsigned f = 0; f < chosen; f++) seen = seen || (frames[f] >= boxes[i].first_frame && frames[f] <= boxes[i].last_frame);
        if (seen) continue;
        if (chosen == SHOWN_FRAMES) ++*more;
        else frames[chosen++] = boxes[i].first_frame;
    }
    /* What a box of many frames hides may not be on its first one. */
    for (unsigned i = 0; i < count && chosen == 1; i++)
        if (boxes[i].last_frame != UINT32_MAX && boxes[i].last_frame - boxes[i].first_frame > 1)
            frames[chosen++] = boxes[i].first_frame + (boxes[i].last_frame - boxes[i].first_frame + 1) / 2;
    return chosen;
}

static lethe_status put_reasons(const image_entry *e, lethe_buffer *text, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < e->count && status == LETHE_OK; i++) {
        unsigned same = 0;
        bool told = false;
        for (unsigned k = 0; k < e->count; k++) {
            bool equal = strcmp(e->boxes[k].why, e->boxes[i].why) == 0;
            told = told || (equal && k < i);
            same += equal;
        }
        if (told) continue;
        status = lethe_buffer_printf(text, error, "%s%u &times; ", i == 0 ? "" : ", ", same);
        if (status == LETHE_OK) status = lethe_html_escape(e->boxes[i].why[0] != '\0' ? e->boxes[i].why : "box", text, error);
    }
    return status;
}

static lethe_status put_caption(page *p, const image_entry *e, unsigned more, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, 1u << 20);
    lethe_status status = lethe_buffer_printf(&text, error, "<figcaption><b>#%u</b> &middot; ", p->count);
    if (status == LETHE_OK && e->note != NULL) status = lethe_buffer_append_text(&text, "<i>", error);
    if (status == LETHE_OK && e->note != NULL) status = lethe_html_escape(e->note, &text, error);
    if (status == LETHE_OK && e->note != NULL) status = lethe_buffer_append_text(&text, "</i> ", error);
    if (status == LETHE_OK) status = put_reasons(e, &text, error);
    if (status == LETHE_OK && more > 0) status = lethe_buffer_printf(&text, error, "<br><i>%u more boxes on other frames</i>", more);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "<details><summary>where</summary>", error);
    if (status == LETHE_OK) status = lethe_html_escape(e->title, &text, error);
    for (unsigned i = 0; i < e->count && i < SHOWN_BOXES && status == LETHE_OK; i++) {
        const lethe_pixel_box *b = &e->boxes[i];
        status = lethe_buffer_printf(&text, error, "<br>%u,%u %u&times;%u", b->x, b->y, b->w, b->h);
        if (status == LETHE_OK && b->last_frame == UINT32_MAX) status = lethe_buffer_append_text(&text, ", all frames", error);
        else if (status == LETHE_OK && b->last_frame > b->first_frame)
            status = lethe_buffer_printf(&text, error, ", frames %u&ndash;%u", b->first_frame, b->last_frame);
        else if (status == LETHE_OK) status = lethe_buffer_printf(&text, error, ", frame %u", b->first_frame);
        if (status == LETHE_OK) status = lethe_buffer_append_text(&text, ": ", error);
        if (status == LETHE_OK) status = lethe_html_escape(b->why, &text, error);
    }
    if (status == LETHE_OK && e->count > SHOWN_BOXES) status = lethe_buffer_printf(&text, error, "<br>and %u more", e->count - SHOWN_BOXES);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "</details></figcaption></figure>\n", error);
    if (status == LETHE_OK) status = lethe_output_write(p->out, text.bytes, text.size, error);
    lethe_buffer_release(&text);
    return status;
}

static lethe_status put_image(page *p, const image_entry *e, lethe_error *error) {
    unsigned frames[SHOWN_FRAMES], more, chosen = choose_frames(e->boxes, e->count, frames, &more);
    p->count++;
    p->boxes += e->count;
    lethe_status status = put(p, e->after == NULL ? "<figure class=\"waits\">" : "<figure>", error);
    for (unsigned f = 0; f < chosen && status == LETHE_OK; f++) {
        lethe_review_look look = {.frame = frames[f], .side = SHEET_SIDE, .boxes = e->boxes, .box_count = e->count, .jpeg = true};
        char number[48] = "";
        if (chosen > 1 || frames[f] > 0) (void)snprintf(number, sizeof number, "<p>frame %u</p>", frames[f]);
        status = put(p, number, error);
        if (status == LETHE_OK) status = put(p, "<div>", error);
        if (status == LETHE_OK && e->before != NULL) status = put_picture(p, e->before, &look, error);
        look.filled = true;
        look.plain = e->after != NULL; /* the file itself is shown */
        if (status == LETHE_OK && (e->after != NULL || e->before != NULL))
            status = put_picture(p, e->after != NULL ? e->after : e->before, &look, error);
        if (status == LETHE_OK) status = put(p, "</div>", error);
    }
    return status == LETHE_OK ? put_caption(p, e, more, error) : status;
}

static lethe_status put_line(page *p, const json_t *line, lethe_error *error) {
    const lethe_sheet_options *o = p->options;
    lethe_pixel_box boxes[SHEET_BOXES];
    const char *output = json_string_value(json_object_get(line, "output")), *source = json_string_value(json_object_get(line, "source"));
    const char *outcome = json_string_value(json_object_get(line, "outcome"));
    unsigned count = load_boxes(json_object_get(line, "regions"), boxes);
    if (count == 0 || (o->find_original != NULL && output == NULL)) return LETHE_OK; /* of a project: what waits is shown by visit_waiting */
    char original[1024] = "";
    lethe_status status =
        o->find_original != NULL && output != NULL ? o->find_original(o->context, output, original, sizeof original, error) : LETHE_OK;
    if (status != LETHE_OK) return status;
    bool listed = original[0] == '\0' && o->originals != NULL && source != NULL && lethe_path_is_safe(source);
    char *before = original[0] != '\0' ? lethe_strdup(original) : listed ? lethe_path_join(o->originals, source) : NULL;
    char *after = output != NULL && lethe_path_is_safe(output) ? lethe_path_join(o->released, output) : NULL;
    image_entry e = {.title = output != NULL ? output : "no output",
                     .note = output == NULL ? outcome : NULL,
                     .before = before,
                     .after = after,
                     .boxes = boxes,
                     .count = count};
    status = put_image(p, &e, error);
    lethe_free(before);
    lethe_free(after);
    return status;
}

static lethe_status put_waiting(void *context, const lethe_sheet_waiting *w, lethe_error *error) {
    page *p = context;
    lethe_pixel_box none = {.last_frame = UINT32_MAX}; /* something was found that nobody proposes to remove: the image alone */
    if (p->count >= p->limit) return LETHE_OK;
    image_entry e = {
        .title = w->title, .note = w->reason, .before = w->original, .boxes = w->box_count > 0 ? w->boxes : &none, .count = w->box_count};
    if (w->box_count == 0) e.count = 1;
    return put_image(p, &e, error);
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

static const char page_head[] =
    "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Redacted images</title><style>body{background:#1b1d20;color:#ddd;"
    "font:13px sans-serif;margin:12px}main{display:grid;grid-template-columns:repeat(auto-fill,minmax(440px,1fr));gap:10px}"
    "figure{margin:0;padding:6px;background:#24272b;border-radius:4px}figure.waits{outline:1px solid #c98a1b}figure div{display:grid;"
    "grid-template-columns:1fr 1fr;gap:4px;align-items:start}figure p{margin:2px 0;color:#9fb0bd;font-size:11px}"
    "img{max-width:100%;max-height:360px;justify-self:center;background:#000}"
    "figcaption{overflow-wrap:anywhere;color:#9fb0bd;font-size:12px;margin-top:4px}figcaption i{color:#e0a84a}"
    "summary{cursor:pointer}.none{padding:40px 0;text-align:center}@media print{body{background:#fff;color:#000}}</style>\n"
    "<h1>Redacted images</h1><p>Left: before, boxes in orange. Right: as released; where an image waits for a person (orange frame), as a release "
    "would "
    "leave it. Private: originals are shown.</p>\n<main>\n";

/* Of the manifest, what is true now. */
static lethe_status put_lines(page *p, FILE *manifest, const last_lines *last, lethe_error *error) {
    char *line = NULL;
    size_t capacity = 0;
    lethe_status status = LETHE_OK;
    for (json_int_t number = 0; status == LETHE_OK && p->count < p->limit; number++) {
        if (getline(&line, &capacity, manifest) <= 0) break;
        json_t *parsed = json_loads(line, 0, NULL);
        if (parsed == NULL) status = lethe_fail(error, LETHE_MALFORMED, "the manifest holds a line that is no JSON");
        else if (!is_superseded(last, parsed, number)) status = put_line(p, parsed, error);
        json_decref(parsed);
    }
    free(line);
    return status;
}

lethe_status lethe_review_sheet(const lethe_sheet_options *options, unsigned *pictures, lethe_error *error) {
    page p = {.options = options, .limit = options->limit == 0 ? SHEET_LIMIT : options->limit};
    const char *readable[4] = {NULL};
    size_t n = 0;
    readable[n++] = options->released;
    if (options->originals != NULL) readable[n++] = options->originals;
    lethe_review_pool_options workers = {.readable = readable, .workers = 1};
    *pictures = 0;
    FILE *manifest = fopen(options->manifest, "r");
    if (manifest == NULL) return lethe_fail(error, LETHE_NOT_FOUND, "no manifest to read");
    last_lines last = {NULL, NULL};
    lethe_status status = number_lines(manifest, &last, error);
    if (status == LETHE_OK) status = lethe_review_pool_start(&workers, &p.pool, error);
    if (status == LETHE_OK) status = lethe_output_create(options->output, &p.out, error);
    if (status == LETHE_OK) status = lethe_output_write(p.out, page_head, sizeof page_head - 1, error);
    if (status == LETHE_OK && options->visit_waiting != NULL) status = options->visit_waiting(options->context, put_waiting, &p, error);
    if (status == LETHE_OK) status = put_lines(&p, manifest, &last, error);
    char end[160];
    (void)snprintf(end, sizeof end, "</main>\n<p>%u images, %u boxes%s.</p></html>\n", p.count, p.boxes,
                   p.count >= p.limit ? "; there may be more than this page takes" : "");
    if (status == LETHE_OK) status = put(&p, end, error);
    if (status == LETHE_OK) status = lethe_output_commit(p.out, 0600, LETHE_SYNC_NONE, error);
    else lethe_output_discard(p.out);
    lethe_review_pool_destroy(p.pool);
    json_decref(last.outputs);
    json_decref(last.sources);
    (void)fclose(manifest);
    *pictures = p.count;
    return status;
}
