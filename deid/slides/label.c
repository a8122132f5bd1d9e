/* A label of our own: the slide's pseudonym in a small bitmap font. */
#include "deid/slides/slide_job.h"

#include <string.h>

/* 5 x 7 glyphs, one byte a row, bit 4 left. Only what pseudonyms are made of. */
static const struct {
    char letter;
    uint8_t rows[7];
} glyphs[] = {
    {'0', {14, 17, 19, 21, 25, 17, 14}}, {'1', {4, 12, 4, 4, 4, 4, 14}},      {'2', {14, 17, 1, 6, 8, 16, 31}},
    {'3', {31, 2, 4, 2, 1, 17, 14}},     {'4', {2, 6, 10, 18, 31, 2, 2}},     {'5', {31, 16, 30, 1, 1, 17, 14}},
    {'6', {6, 8, 16, 30, 17, 17, 14}},   {'7', {31, 1, 2, 4, 8, 8, 8}},       {'8', {14, 17, 17, 14, 17, 17, 14}},
    {'9', {14, 17, 17, 15, 1, 2, 12}},   {'A', {14, 17, 17, 31, 17, 17, 17}}, {'B', {30, 17, 17, 30, 17, 17, 30}},
    {'C', {14, 17, 16, 16, 16, 17, 14}}, {'D', {28, 18, 17, 17, 17, 18, 28}}, {'E', {31, 16, 16, 30, 16, 16, 31}},
    {'F', {31, 16, 16, 30, 16, 16, 16}}, {'G', {14, 17, 16, 23, 17, 17, 15}}, {'H', {17, 17, 17, 31, 17, 17, 17}},
    {'I', {14, 4, 4, 4, 4, 4, 14}},      {'J', {7, 2, 2, 2, 2, 18, 12}},      {'K', {17, 18, 20, 24, 20, 18, 17}},
    {'L', {16, 16, 16, 16, 16, 16, 31}}, {'M', {17, 27, 21, 21, 17, 17, 17}}, {'N', {17, 17, 25, 21, 19, 17, 17}},
    {'O', {14, 17, 17, 17, 17, 17, 14}}, {'P', {30, 17, 17, 30, 16, 16, 16}}, {'Q', {14, 17, 17, 17, 21, 18, 13}},
    {'R', {30, 17, 17, 30, 20, 18, 17}}, {'S', {15, 16, 16, 14, 1, 1, 30}},   {'T', {31, 4, 4, 4, 4, 4, 4}},
    {'U', {17, 17, 17, 17, 17, 17, 14}}, {'V', {17, 17, 17, 17, 17, 10, 4}},  {'W', {17, 17, 17, 21, 21, 27, 17}},
    {'X', {17, 17, 10, 4, 10, 17, 17}},  {'Y', {17, 17, 10, 4, 4, 4, 4}},     {'Z', {31, 1, 2, 4, 8, 16, 31}},
    {'-', {0, 0, 0, 31, 0, 0, 0}},       {'_', {0, 0, 0, 0, 0, 0, 31}},
};

static const uint8_t *glyph_of(char letter) {
    if (letter >= 'a' && letter <= 'z') letter = (char)(letter - 32);
    for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++)
        if (glyphs[i].letter == letter) return glyphs[i].rows;
    return NULL;
}

static void draw_glyph(lethe_image *rgba, const uint8_t *rows, uint32_t left, uint32_t top, uint32_t scale) {
    for (uint32_t y = 0; y < 7 * scale; y++)
        for (uint32_t x = 0; x < 5 * scale; x++)
            if (rows[y / scale] >> (4 - x / scale) & 1 && left + x < rgba->columns && top + y < rgba->rows)
                memset(rgba->pixels + ((size_t)(top + y) * rgba->columns + left + x) * 4, 0, 3);
}

void lethe_label_text(const char *text, lethe_image *rgba, uint32_t left, uint32_t top, uint32_t scale) {
    for (unsigned i = 0; text[i]; i++, left += 6 * scale) {
        const uint8_t *glyph = glyph_of(text[i]);
        if (glyph) draw_glyph(rgba, glyph, left, top, scale);
    }
}

lethe_status lethe_label_draw(const char *text, uint32_t columns, uint32_t rows, lethe_image *rgba, lethe_error *error) {
    *rgba = (lethe_image){.columns = columns, .rows = rows, .samples = 4, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_RGB};
    lethe_status status = lethe_image_allocate(rgba, error);
    if (status != LETHE_OK) return status;
    memset(rgba->pixels, 255, lethe_image_size_bytes(rgba));
    const uint32_t per_line = 10, scale = columns / (per_line * 6 + 2) ? columns / (per_line * 6 + 2) : 1;
    uint32_t left = scale * 4, top = scale * 8;
    for (unsigned i = 0; text[i]; i++) {
        if (i && i % per_line == 0) left = scale * 4, top += 10 * scale;
        const uint8_t *glyph = glyph_of(text[i]);
        if (glyph) draw_glyph(rgba, glyph, left, top, scale);
        left += 6 * scale;
    }
    return LETHE_OK;
}
