#include "deid/slides/contact_sheet.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/marks.h"
#include "deid/slides/verify.h"
#include "imaging/image.h"
#include "imaging/slide/slide.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

enum { SIDE = 256 };
static const size_t page_cap = (size_t)512 << 20;

typedef struct sheet {
    lethe_buffer page, manifest; /* `page`: what is not written yet */
    lethe_output *output;
    size_t count;
} sheet;

static lethe_status open_page(sheet *s, const char *path, const char *title, lethe_error *error) {
    lethe_buffer_init(&s->page, page_cap);
    lethe_status status = lethe_output_create(path, &s->output, error);
    if (status != LETHE_OK) return status;
    return lethe_buffer_printf(
        &s->page, error,
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s</title><style>body{font:14px sans-serif;margin:24px}"
        ".card{display:inline-block;vertical-align:top;width:272px;margin:8px;padding:8px;border:1px solid #ccc}img{max-width:256px;"
        "max-height:256px;display:block;margin-bottom:6px}code{font-size:11px;word-break:break-all}.bad{border-color:#b00;background:#fee}"
        "</style></head><body><h1>%s</h1>\n",
        title, title);
}

/* A page of thousands of pictures is not kept in memory. */
static lethe_status write_card(sheet *s, lethe_error *error) {
    lethe_status status = lethe_output_write(s->output, s->page.bytes, s->page.size, error);
    lethe_buffer_clear(&s->page);
    s->count++;
    return status;
}

static lethe_status close_page(sheet *s, mode_t mode, size_t *count, lethe_status status, lethe_error *error) {
    if (status == LETHE_OK) status = lethe_buffer_printf(&s->page, error, "<p>%zu shown.</p></body></html>\n", s->count);
    if (status == LETHE_OK) status = lethe_output_write(s->output, s->page.bytes, s->page.size, error);
    if (status == LETHE_OK) status = lethe_output_commit(s->output, mode, LETHE_SYNC_FULL, error);
    else lethe_output_discard(s->output);
    lethe_buffer_release(&s->page);
    lethe_buffer_release(&s->manifest);
    *count = s->count;
    return status;
}

static lethe_status put_picture(sheet *s, const lethe_image *image, lethe_error *error) {
    lethe_buffer png;
    lethe_buffer_init(&png, 16u << 20);
    lethe_status status = lethe_png_encode(image, &png, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&s->page, "<img alt=\"\" src=\"data:image/png;base64,", error);
    if (status == LETHE_OK) status = lethe_base64(png.bytes, png.size, &s->page, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&s->page, "\">", error);
    lethe_buffer_release(&png);
    return status;
}

/* The whole scan, from a low level. */
static lethe_status put_thumbnail(sheet *s, lethe_slide *slide, lethe_error *error) {
    lethe_image whole = {0}, small = {0};
    lethe_error ignored = {0};
    double factor;
    if (lethe_slide_overview(slide, 2 * SIDE, 0, &whole, &factor, &ignored) != LETHE_OK)
        return lethe_buffer_append_text(&s->page, "<p>no picture</p>", error);
    lethe_status status = lethe_image_thumbnail(&whole, SIDE, &small, error);
    if (status == LETHE_OK) status = put_picture(s, &small, error);
    lethe_image_release(&small);
    lethe_image_release(&whole);
    return status;
}

static lethe_status put_facts(sheet *s, const lethe_slide *slide, const char *relative, lethe_error *error) {
    const lethe_slide_level *l = lethe_slide_level_at(slide, 0);
    lethe_status status = lethe_buffer_append_text(&s->page, "<code>", error);
    if (status == LETHE_OK) status = lethe_html_escape(relative, &s->page, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(&s->page, error, "</code><br>%s, %" PRId64 " x %" PRId64 ", %u level%s<br>", lethe_slide_format(slide),
                                     l->width_px, l->height_px, lethe_slide_level_count(slide), lethe_slide_level_count(slide) == 1 ? "" : "s");
    if (status == LETHE_OK && lethe_slide_mpp_um(slide) > 0)
        status = lethe_buffer_printf(&s->page, error, "%.4f &micro;m per pixel<br>", lethe_slide_mpp_um(slide));
    if (status == LETHE_OK && lethe_slide_objective_power(slide) > 0)
        status = lethe_buffer_printf(&s->page, error, "objective %gx<br>", lethe_slide_objective_power(slide));
    return status;
}

/* The numbers of the manifest's row whose output is `relative`: counts only, nothing else of that private file gets onto the page. */
static lethe_status put_counts(sheet *s, const char *relative, bool dicom, lethe_error *error) {
    static const char *const kinds[] = {"removed", "cleaned", "replaced"};
    static const char *const words[2][3] = {{"tags, keys and pictures removed", "tiles without their comments", "tiles encoded again around masks"},
                                            {"attributes removed", "attributes cleaned", "attributes replaced"}};
    if (!s->manifest.size) return LETHE_OK;
    for (const char *line = lethe_buffer_text(&s->manifest); *line;) {
        size_t length = strcspn(line, "\n");
        if (!memmem(line, length, relative, strlen(relative))) { /* another slide's */
            line += length + (line[length] == '\n');
            continue;
        }
        json_t *row = json_loadb(line, length, 0, NULL);
        const char *output = json_string_value(json_object_get(row, "output"));
        const json_t *edits = json_object_get(row, "edits");
        bool found = output && strcmp(output, relative) == 0;
        lethe_status status = LETHE_OK;
        for (unsigned i = 0; found && status == LETHE_OK && i < sizeof kinds / sizeof *kinds; i++) {
            json_int_t number = json_integer_value(json_object_get(edits, kinds[i]));
            if (number) status = lethe_buffer_printf(&s->page, error, "%s: %" JSON_INTEGER_FORMAT "<br>", words[dicom][i], number);
        }
        json_decref(row);
        if (found) return status;
        line += length + (line[length] == '\n');
    }
    return LETHE_OK;
}

static lethe_status put_slide(void *context, const char *path, const char *relative, lethe_error *error) {
    sheet *s = context;
    const char *format = lethe_slide_detect(path);
    if (!format) return LETHE_OK;
    lethe_verify_report report;
    lethe_error why = {0}, unread = {0};
    lethe_slide *slide = NULL;
    bool dicom = strcmp(format, "dicom") == 0, open = lethe_slide_open(path, &slide, &unread) == LETHE_OK;
    /* The instances of a DICOM series are one slide, shown once. */
    if (dicom && open && strcmp(lethe_slide_front(slide), path) != 0) {
        lethe_slide_close(slide);
        return LETHE_OK;
    }
    bool clean = dicom || lethe_slide_verify(path, &report, &why) == LETHE_OK;
    lethe_status status = lethe_buffer_printf(&s->page, error, "<div class=\"card%s\">", clean ? "" : " bad");
    if (status == LETHE_OK && open) status = put_thumbnail(s, slide, error);
    if (status == LETHE_OK && open) status = put_facts(s, slide, relative, error);
    if (status == LETHE_OK && !open) status = lethe_buffer_printf(&s->page, error, "cannot be opened: %s<br>", unread.message);
    if (status == LETHE_OK) status = put_counts(s, relative, dicom, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(&s->page, error, "%s", dicom ? "DICOM instances: see lethe deid verify" : clean ? "verified" : "NOT CLEAN: ");
    if (status == LETHE_OK && !clean) status = lethe_html_escape(why.message, &s->page, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&s->page, "</div>\n", error);
    lethe_slide_close(slide);
    return status == LETHE_OK ? write_card(s, error) : status;
}

lethe_status lethe_contact_sheet_write(const char *released_folder, const char *manifest, const char *path, size_t *count, lethe_error *error) {
    sheet s = {0};
    lethe_buffer_init(&s.manifest, page_cap);
    lethe_status status = open_page(&s, path, "Released slides", error);
    if (status == LETHE_OK && manifest) status = lethe_file_read(manifest, &s.manifest, error);
    if (status == LETHE_OK) status = lethe_walk(released_folder, put_slide, &s, error);
    return close_page(&s, 0644, count, status, error);
}

static lethe_status put_label(void *context, const char *path, const char *relative, lethe_error *error) {
    sheet *s = context;
    lethe_image label = {0}, small = {0};
    lethe_error ignored = {0};
    if (!lethe_text_ends(relative, "-label.png")) return LETHE_OK;
    lethe_status status = lethe_buffer_append_text(&s->page, "<div class=\"card\">", error);
    if (status == LETHE_OK && lethe_png_read(path, &label, &ignored) == LETHE_OK) {
        status = lethe_image_thumbnail(&label, SIDE, &small, error);
        if (status == LETHE_OK) status = put_picture(s, &small, error);
    }
    if (status == LETHE_OK)
        status = lethe_buffer_printf(&s->page, error, "<code>%.*s</code></div>\n", (int)(strlen(relative) - strlen("-label.png")), relative);
    lethe_image_release(&small);
    lethe_image_release(&label);
    return status == LETHE_OK ? write_card(s, error) : status;
}

lethe_status lethe_label_sheet_write(const char *private_folder, const char *path, size_t *count, lethe_error *error) {
    sheet s = {0};
    lethe_status status = open_page(&s, path, "Removed labels (private)", error);
    if (status == LETHE_OK) status = lethe_walk(private_folder, put_label, &s, error);
    return close_page(&s, 0600, count, status, error);
}
