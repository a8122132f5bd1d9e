#include "deid/slides/review_picture.h"

#include "deid/pixels/burned_in.h"
#include "deid/slides/marks.h"
#include "deid/slides/slide_job.h"
#include "imaging/slide/slide.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { GRID_PX = 160, GLYPHS = 1, LINE_PX = 2 };

static void dot(lethe_image *rgba, uint32_t x, uint32_t y, const uint8_t colour[3]) {
    if (x < rgba->columns && y < rgba->rows) memcpy(rgba->pixels + ((size_t)y * rgba->columns + x) * 4, colour, 3);
}

static void outline(lethe_image *rgba, const lethe_pixel_box *box, double factor) {
    static const uint8_t orange[3] = {255, 120, 0};
    uint32_t left = (uint32_t)(box->x / factor), top = (uint32_t)(box->y / factor);
    uint32_t wide = (uint32_t)(box->w / factor) + 1, high = (uint32_t)(box->h / factor) + 1;
    for (uint32_t k = 0; k < LINE_PX; k++) {
        for (uint32_t x = 0; x < wide && left + x < rgba->columns; x++) {
            dot(rgba, left + x, top + k, orange);
            dot(rgba, left + x, top + high - 1 - (k < high ? k : 0), orange);
        }
        for (uint32_t y = 0; y < high && top + y < rgba->rows; y++) {
            dot(rgba, left + k, top + y, orange);
            dot(rgba, left + wide - 1 - (k < wide ? k : 0), top + y, orange);
        }
    }
}

/* A round number of pixels of level 0 (1, 2 or 5 times a power of ten) that is some way on the picture. */
static uint64_t grid_step(double factor) {
    uint64_t power = 1;
    for (;; power *= 10) {
        static const unsigned times[] = {1, 2, 5};
        for (unsigned i = 0; i < 3; i++)
            if ((double)(times[i] * power) >= GRID_PX * factor) return times[i] * power;
    }
}

/* Lines at round numbers of pixels of level 0, with the numbers: masks are given in them. */
static void put_grid(lethe_image *rgba, double factor) {
    static const uint8_t grey[3] = {150, 150, 150};
    uint64_t step = grid_step(factor);
    char text[24];
    for (uint64_t at = step; (double)at / factor < rgba->columns; at += step) {
        uint32_t x = (uint32_t)((double)at / factor);
        for (uint32_t y = 0; y < rgba->rows; y += 2) dot(rgba, x, y, grey);
        (void)snprintf(text, sizeof text, "%" PRIu64, at);
        lethe_label_text(text, rgba, x + 3, 3, GLYPHS);
    }
    for (uint64_t at = step; (double)at / factor < rgba->rows; at += step) {
        uint32_t y = (uint32_t)((double)at / factor);
        for (uint32_t x = 0; x < rgba->columns; x += 2) dot(rgba, x, y, grey);
        (void)snprintf(text, sizeof text, "%" PRIu64, at);
        lethe_label_text(text, rgba, 3, y + 3, GLYPHS);
    }
}

lethe_status lethe_slide_review_picture(const char *path, const lethe_pixel_box *boxes, unsigned box_count, unsigned side, lethe_buffer *png,
                                        lethe_error *error) {
    lethe_slide *slide = NULL;
    lethe_image rgb = {0}, rgba = {0};
    double factor = 1;
    lethe_status status = lethe_slide_open(path, &slide, error);
    if (status == LETHE_OK) status = lethe_slide_overview(slide, side, 0, &rgb, &factor, error);
    lethe_slide_close(slide);
    if (status == LETHE_OK) status = lethe_slide_white(rgb.columns, rgb.rows, &rgba, error);
    for (size_t i = 0; status == LETHE_OK && i < (size_t)rgb.columns * rgb.rows; i++) memcpy(rgba.pixels + 4 * i, rgb.pixels + 3 * i, 3);
    if (status == LETHE_OK) {
        put_grid(&rgba, factor);
        for (unsigned i = 0; i < box_count; i++) outline(&rgba, &boxes[i], factor);
        status = lethe_png_encode(&rgba, png, error);
    }
    lethe_image_release(&rgb);
    lethe_image_release(&rgba);
    return status;
}
