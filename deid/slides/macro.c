/* The macro photograph with its label area blacked out. The label lies at the left end of the glass in every format that has a macro of its own here;
 * its share of the picture is taken wider than any label is. What is left is searched for writing, ink and bar codes: when something is found, or the
 * picture has another shape, the macro goes as a whole. */
#include "core/memory.h"
#include "deid/pixels/text_detector.h"
#include "deid/slides/marks.h"
#include "deid/slides/slide_job.h"

#include <string.h>

uint32_t lethe_macro_label_px(uint32_t columns, uint32_t rows) {
    /* A label is as long as the glass is wide (25 mm of 75 mm); 40 % of the picture, and a tenth more than a square. */
    uint32_t share = columns / 5 * 2 + columns % 5, square = rows + rows / 10;
    return share > square ? share : square;
}

bool lethe_macro_is_black(const uint8_t *rgb, uint32_t columns, uint32_t rows) {
    uint32_t label = lethe_macro_label_px(columns, rows);
    if (label >= columns) return false;
    for (uint32_t y = 0; y < rows; y++)
        for (size_t i = 0; i < (size_t)label * 3; i++)
            if (rgb[(size_t)y * columns * 3 + i]) return false;
    return true;
}

static void note_code(void *context, const char *text) {
    (void)text;
    *(bool *)context = true;
}

/* Lines on the picture as it is: tissue may be taken for text, which costs the macro and nothing else. */
static lethe_status find_lines(const lethe_image *picture, bool *found, lethe_error *error) {
    lethe_image grey = {
        .columns = picture->columns, .rows = picture->rows, .samples = 1, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_MONOCHROME2};
    const lethe_text_line *lines;
    size_t count = 0;
    lethe_status status = lethe_image_allocate(&grey, error);
    for (size_t i = 0; status == LETHE_OK && i < (size_t)grey.columns * grey.rows; i++) {
        const uint8_t *p = picture->pixels + 4 * i;
        grey.pixels[i] = (uint8_t)((p[0] * 77 + p[1] * 150 + p[2] * 29) >> 8);
    }
    lethe_text_detector *detector = status == LETHE_OK ? lethe_text_detector_create() : NULL;
    if (status == LETHE_OK && !detector) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_text_detector_find(detector, &grey, &lines, &count, error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) *found |= lines[i].glyphs >= 3 && lines[i].score >= 0.5f;
    lethe_text_detector_destroy(detector);
    lethe_image_release(&grey);
    return status;
}

static lethe_status find_anything(const lethe_image *macro, uint32_t label, bool *found, lethe_error *error) {
    lethe_image rest = {0};
    lethe_status status = lethe_slide_white(macro->columns - label, macro->rows, &rest, error);
    if (status != LETHE_OK) return status;
    for (uint32_t y = 0; y < macro->rows; y++)
        memcpy(rest.pixels + (size_t)y * rest.columns * 4, macro->pixels + ((size_t)y * macro->columns + label) * 4, (size_t)rest.columns * 4);
    lethe_marks *marks = lethe_alloc_array(1, sizeof *marks);
    if (!marks) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_marks_find(&rest, marks, error);
    if (status == LETHE_OK) *found |= marks->count != 0;
    if (status == LETHE_OK && !*found) status = find_lines(&rest, found, error);
    if (status == LETHE_OK && !*found) status = lethe_barcode_read(&rest, note_code, found, error);
    lethe_free(marks);
    lethe_image_release(&rest);
    return status;
}

lethe_status lethe_macro_blackout(lethe_slide_job *job, lethe_tiff_draft_directory **out, lethe_error *error) {
    *out = NULL;
    if (job->options->macro != LETHE_SLIDE_MACRO_BLACKOUT) return LETHE_OK;
    lethe_slide *slide = NULL;
    lethe_image macro = {0};
    lethe_error ignored = {0};
    if (lethe_slide_open(job->probe->path, &slide, &ignored) != LETHE_OK) return LETHE_OK;
    bool read = lethe_slide_read_associated(slide, "macro", &macro, &ignored) == LETHE_OK, found = false;
    lethe_slide_close(slide);
    lethe_status status = LETHE_OK;
    uint32_t label = read ? lethe_macro_label_px(macro.columns, macro.rows) : 0;
    /* Upright or nearly square: nobody knows where its label is. */
    if (read && (2 * macro.columns < 3 * macro.rows || label >= macro.columns || macro.columns > 8192)) read = false;
    /* Whole blocks of a JPEG stream, and one for what chroma brings in: so that all of the label's share decodes to black. */
    if (read && job->macro_as_jpeg) label = (label + 15) / 16 * 16 + 16;
    if (read && label >= macro.columns) read = false;
    if (read) {
        for (uint32_t y = 0; y < macro.rows; y++)
            for (uint32_t x = 0; x < label; x++) memset(macro.pixels + ((size_t)y * macro.columns + x) * 4, 0, 3);
        status = find_anything(&macro, label, &found, error);
    }
    if (status == LETHE_OK && read && !found) {
        status = job->macro_as_jpeg ? lethe_plan_jpeg_picture(job, &macro, out, error) : lethe_plan_picture(job, &macro, out, error);
        job->macro_px[0] = macro.columns;
        job->macro_px[1] = macro.rows;
    }
    lethe_image_release(&macro);
    return status;
}
