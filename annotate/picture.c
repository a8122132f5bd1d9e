#include "annotate/picture.h"

#include "core/arena.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/pixels.h"
#include "imaging/slide/slide.h"

#include <math.h>
#include <string.h>

enum { OVERVIEW_SIDE_PX = 4096 };

/* The whole slide at the smallest level that is at least `side` wide or high, or the last one. */
static lethe_status load_slide(const char *path, uint32_t side, lethe_image *out, lethe_error *error) {
    lethe_slide *slide = NULL;
    lethe_image rgba = {0};
    lethe_status status = lethe_slide_open(path, &slide, error);
    if (status != LETHE_OK) return status;
    unsigned level = 0;
    while (level + 1 < lethe_slide_level_count(slide)) {
        const lethe_slide_level *next = lethe_slide_level_at(slide, level + 1);
        if (next->width_px < side && next->height_px < side) break;
        level++;
    }
    const lethe_slide_level *l = lethe_slide_level_at(slide, level);
    if (l->width_px > OVERVIEW_SIDE_PX || l->height_px > OVERVIEW_SIDE_PX)
        status = lethe_fail(error, LETHE_UNSUPPORTED, "the slide has no overview small enough");
    else status = lethe_slide_read_region(slide, level, 0, 0, (uint32_t)l->width_px, (uint32_t)l->height_px, &rgba, error);
    if (status == LETHE_OK) {
        *out = rgba;
        out->samples = 3;
        out->photometric = LETHE_RGB;
        for (size_t i = 0; i < (size_t)rgba.columns * rgba.rows; i++) memmove(out->pixels + 3 * i, rgba.pixels + 4 * i, 3);
    }
    lethe_slide_close(slide);
    return status;
}

/* Stored values, or what is shown of them. */
static lethe_status load_dicom(const char *path, uint32_t frame, bool shown, lethe_image *out, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_pixels *pixels = NULL;
    lethe_image stored = {0};
    lethe_display display;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a picture") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK) status = lethe_pixels_open(dataset, &pixels, error);
    if (status == LETHE_OK) status = lethe_pixels_decode(pixels, frame, &stored, error);
    if (status == LETHE_OK && shown) {
        lethe_display_load(dataset, frame, 0, &display);
        status = lethe_display_render(dataset, &stored, &display, out, error);
    } else if (status == LETHE_OK) {
        *out = stored;
        stored.pixels = NULL;
    }
    lethe_image_release(&stored);
    lethe_pixels_close(pixels);
    lethe_dicom_dataset_release(dataset);
    if (map.fd >= 0) lethe_map_close(&map);
    lethe_arena_destroy(arena);
    return status;
}

lethe_status lethe_picture_load(const char *released_path, const lethe_image_ref *ref, uint32_t frame, uint32_t side, lethe_image *out, double *scale,
                                lethe_error *error) {
    lethe_image whole = {0};
    *out = (lethe_image){0};
    char *path = lethe_path_join(released_path, ref->source);
    lethe_status status = path == NULL    ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                          : ref->is_slide ? load_slide(path, side, &whole, error)
                                          : load_dicom(path, frame, true, &whole, error);
    if (status == LETHE_OK) status = lethe_image_thumbnail(&whole, side, out, error);
    if (status == LETHE_OK) *scale = (double)out->columns / (double)(ref->is_slide && ref->columns > 0 ? ref->columns : (int64_t)whole.columns);
    lethe_image_release(&whole);
    lethe_free(path);
    return status;
}

static void fill_grid(const lethe_image *image, lethe_picture_grid *grid) {
    enum { N = LETHE_GRID_SIDE };
    memset(grid, 0, sizeof *grid);
    unsigned channels = image->samples > 3 ? 3 : image->samples;
    for (uint32_t row = 0; row < N; row++)
        for (uint32_t column = 0; column < N; column++) {
            uint32_t x0 = (uint32_t)((uint64_t)image->columns * column / N), x1 = (uint32_t)((uint64_t)image->columns * (column + 1) / N);
            uint32_t y0 = (uint32_t)((uint64_t)image->rows * row / N), y1 = (uint32_t)((uint64_t)image->rows * (row + 1) / N);
            double sum = 0;
            x1 += x1 == x0; /* pictures smaller than the grid repeat their pixels */
            y1 += y1 == y0;
            for (uint32_t y = y0; y < y1; y++)
                for (uint32_t x = x0; x < x1; x++)
                    for (unsigned c = 0; c < channels; c++) sum += lethe_image_sample(image, x, y, c);
            double mean = sum / ((double)(x1 - x0) * (double)(y1 - y0) * (double)channels);
            grid->sums[row + 1][column + 1] = mean + grid->sums[row][column + 1] + grid->sums[row + 1][column] - grid->sums[row][column];
        }
}

lethe_status lethe_picture_grid_load(const char *released_path, const lethe_image_ref *ref, lethe_picture_grid *grid, lethe_error *error) {
    lethe_image image = {0};
    char *path = lethe_path_join(released_path, ref->source);
    lethe_status status = path == NULL    ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                          : ref->is_slide ? load_slide(path, 512, &image, error)
                                          : load_dicom(path, 0, false, &image, error);
    if (status == LETHE_OK) fill_grid(&image, grid);
    lethe_image_release(&image);
    lethe_free(path);
    return status;
}

/* Sum left of and above a point, linear between grid lines. */
static double sum_to(const lethe_picture_grid *grid, double u, double v) {
    double x = fmin(fmax(u, 0), 1) * LETHE_GRID_SIDE, y = fmin(fmax(v, 0), 1) * LETHE_GRID_SIDE;
    int column = (int)fmin(floor(x), LETHE_GRID_SIDE - 1), row = (int)fmin(floor(y), LETHE_GRID_SIDE - 1);
    double a = x - column, b = y - row;
    return grid->sums[row][column] * (1 - a) * (1 - b) + grid->sums[row][column + 1] * a * (1 - b) + grid->sums[row + 1][column] * (1 - a) * b +
           grid->sums[row + 1][column + 1] * a * b;
}

double lethe_picture_grid_mean(const lethe_picture_grid *grid, double u0, double v0, double u1, double v1) {
    double area = (u1 - u0) * (v1 - v0) * LETHE_GRID_SIDE * LETHE_GRID_SIDE;
    return (sum_to(grid, u1, v1) - sum_to(grid, u0, v1) - sum_to(grid, u1, v0) + sum_to(grid, u0, v0)) / area;
}
