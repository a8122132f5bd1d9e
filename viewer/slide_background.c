#include "viewer/slide_background.h"

#include "core/memory.h"

#include <string.h>

/* Sums of one band: the rows of the picture that a row of tiles touches. */
typedef struct band {
    uint32_t *sums; /* [row][column][red, green, blue, count] */
    uint32_t columns, rows;
    int64_t first; /* row of the picture */
} band;

static void add_tile(band *b, const lethe_image *tile, int64_t x0, int64_t y0, int64_t factor) {
    for (uint32_t y = 0; y < tile->rows; y++) {
        int64_t row = (y0 + y) / factor - b->first;
        if (row < 0 || row >= b->rows) continue;
        const uint8_t *from = tile->pixels + (size_t)y * tile->columns * 4;
        uint32_t *line = b->sums + (size_t)row * b->columns * 4;
        for (uint32_t x = 0; x < tile->columns; x++, from += 4) {
            int64_t column = (x0 + x) / factor;
            if (column >= b->columns) break;
            uint32_t *to = line + 4 * column;
            to[0] += from[0];
            to[1] += from[1];
            to[2] += from[2];
            to[3]++;
        }
    }
}

/* Rows of the picture above `until` are complete: write them, move the rest up. */
static void flush(band *b, int64_t until, lethe_image *out) {
    if (until > (int64_t)out->rows) until = out->rows;
    int64_t whole = until - b->first;
    if (whole <= 0) return;
    if (whole > b->rows) whole = b->rows;
    for (int64_t r = 0; r < whole; r++)
        for (uint32_t c = 0; c < b->columns; c++) {
            const uint32_t *sum = b->sums + ((size_t)r * b->columns + c) * 4;
            uint8_t *to = out->pixels + ((size_t)(b->first + r) * out->columns + c) * 4;
            for (int i = 0; i < 3; i++) to[i] = sum[3] ? (uint8_t)((sum[i] + sum[3] / 2) / sum[3]) : 255;
            to[3] = 255;
        }
    size_t line = (size_t)b->columns * 4;
    memmove(b->sums, b->sums + (size_t)whole * line, (b->rows - (size_t)whole) * line * sizeof *b->sums);
    memset(b->sums + (b->rows - (size_t)whole) * line, 0, (size_t)whole * line * sizeof *b->sums);
    b->first += whole;
}

lethe_status lethe_slide_background(lethe_slide *slide, uint32_t side, const atomic_bool *stop, atomic_uint *done, lethe_image *out,
                                    lethe_error *error) {
    *out = (lethe_image){0};
    unsigned number = lethe_slide_level_count(slide) - 1;
    const lethe_slide_level *level = lethe_slide_level_at(slide, number);
    int64_t longer = level->width_px > level->height_px ? level->width_px : level->height_px, factor = (longer + side - 1) / side;
    if (factor < 1) factor = 1;
    *out = (lethe_image){.columns = (uint32_t)((level->width_px + factor - 1) / factor),
                         .rows = (uint32_t)((level->height_px + factor - 1) / factor),
                         .samples = 4,
                         .bytes_per_sample = 1,
                         .bits_stored = 8,
                         .photometric = LETHE_RGB};
    lethe_status status = lethe_image_allocate(out, error);
    if (status) return status;
    band b = {.columns = out->columns, .rows = (uint32_t)(level->tile_height_px / factor + 2)};
    b.sums = lethe_alloc_array((size_t)b.columns * b.rows, 4 * sizeof *b.sums);
    if (!b.sums) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (int64_t row = 0; row < level->tiles_down && !status; row++) {
        for (int64_t column = 0; column < level->tiles_across && !status; column++) {
            if (stop && atomic_load(stop)) status = lethe_fail(error, LETHE_NOT_FOUND, "stopped");
            lethe_image tile = {0};
            if (!status) status = lethe_slide_read_tile(slide, number, column, row, &tile, error);
            if (!status && tile.samples == 4)
                add_tile(&b, &tile, column * (int64_t)level->tile_width_px, row * (int64_t)level->tile_height_px, factor);
            lethe_image_release(&tile);
        }
        flush(&b, row + 1 == level->tiles_down ? out->rows : (row + 1) * (int64_t)level->tile_height_px / factor, out);
        if (done) atomic_store(done, (unsigned)(1000 * (row + 1) / level->tiles_down));
    }
    lethe_free(b.sums);
    if (status) lethe_image_release(out);
    return status;
}
