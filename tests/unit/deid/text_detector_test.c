/* The text detector on drawn letters: every depth and sign, both turns and tones, odd sizes; colours of equal brightness; only where it is asked to
 * look. */
#include "core/memory.h"
#include "deid/pixels/text_detector.h"
#include "deid/pixels/text_internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { W = 333, H = 217 };

static lethe_image picture(uint16_t samples, uint16_t bytes, bool is_signed, uint32_t value) {
    lethe_image image = {.columns = W,
                         .rows = H,
                         .samples = samples,
                         .bytes_per_sample = bytes,
                         .bits_stored = (uint16_t)(8 * bytes),
                         .is_signed = is_signed,
                         .photometric = samples == 3 ? LETHE_RGB : LETHE_MONOCHROME2};
    assert_int_equal(lethe_image_allocate(&image, NULL), LETHE_OK);
    for (size_t i = 0; i < (size_t)W * H * samples; i++) {
        if (bytes == 1) image.pixels[i] = (uint8_t)value;
        else ((uint16_t *)(void *)image.pixels)[i] = (uint16_t)value;
    }
    return image;
}

static void put(lethe_image *image, unsigned x, unsigned y, const uint32_t colour[3]) {
    for (unsigned c = 0; c < image->samples; c++) {
        size_t at = ((size_t)y * image->columns + x) * image->samples + c;
        if (image->bytes_per_sample == 1) image->pixels[at] = (uint8_t)colour[c];
        else ((uint16_t *)(void *)image->pixels)[at] = (uint16_t)colour[c];
    }
}

/* "HELTSOA..." of 5 x 7 dots, each `scale` pixels wide. */
static void letters(lethe_image *image, unsigned x, unsigned y, unsigned count, unsigned scale, const uint32_t colour[3], bool turned) {
    static const uint8_t shapes[7][7] = {{17, 17, 17, 31, 17, 17, 17}, {31, 16, 16, 30, 16, 16, 31}, {16, 16, 16, 16, 16, 16, 31},
                                         {31, 4, 4, 4, 4, 4, 4},       {14, 17, 16, 14, 1, 17, 14},  {14, 17, 17, 17, 17, 17, 14},
                                         {4, 10, 17, 17, 31, 17, 17}};
    for (unsigned n = 0; n < count; n++)
        for (unsigned v = 0; v < 7 * scale; v++)
            for (unsigned u = 0; u < 5 * scale; u++) {
                if (((shapes[n % 7][v / scale] >> (4 - u / scale)) & 1) == 0) continue;
                unsigned a = x + n * 6 * scale + u, b = y + v;
                if (turned) put(image, b, H - 1 - a, colour);
                else put(image, a, b, colour);
            }
}

/* Does a line that is likely text (a reader confirms what is not sure) cover most of the place? */
static bool finds(const lethe_image *image, const uint8_t *blocks, uint32_t x, uint32_t y, uint32_t w, uint32_t h) {
    lethe_text_detector *detector = lethe_text_detector_create();
    const lethe_text_line *lines;
    size_t count;
    bool found = false;
    assert_int_equal(lethe_text_detector_find_in(detector, image, blocks, &lines, &count, NULL), LETHE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(lines[i].x + lines[i].w <= image->columns && lines[i].y + lines[i].h <= image->rows);
        uint32_t x0 = lines[i].x > x ? lines[i].x : x, x1 = lines[i].x + lines[i].w < x + w ? lines[i].x + lines[i].w : x + w;
        uint32_t y0 = lines[i].y > y ? lines[i].y : y, y1 = lines[i].y + lines[i].h < y + h ? lines[i].y + lines[i].h : y + h;
        found = found || (lines[i].score >= 0.5f && x0 < x1 && y0 < y1 && (x1 - x0) * (y1 - y0) * 10 >= w * h * 8);
    }
    lethe_text_detector_destroy(detector);
    return found;
}

static void finds_text_at_every_depth(void **state) {
    (void)state;
    static const struct {
        uint16_t bytes;
        bool is_signed;
        uint32_t paper, ink;
    } kinds[] = {{1, false, 30, 200},    {1, false, 220, 120},  {1, false, 100, 112},      {1, true, 0xE0, 0x60},
                 {2, false, 1000, 1040}, {2, false, 60000, 10}, {2, true, 0xFC00, 0x0400}, {2, true, 0x8000, 0x7FFF}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (unsigned turned = 0; turned < 2; turned++) {
            lethe_image image = picture(1, kinds[i].bytes, kinds[i].is_signed, kinds[i].paper);
            uint32_t ink[3] = {kinds[i].ink, 0, 0};
            letters(&image, 40, 60, 10, 2, ink, turned != 0);
            if (!(turned != 0 ? finds(&image, NULL, 60, H - 1 - 158, 14, 118) : finds(&image, NULL, 40, 60, 118, 14)))
                fail_msg("kind %zu, turned %u: not found", i, turned);
            lethe_image_release(&image);
        }
}

static void finds_small_and_large_letters_at_the_very_edge(void **state) {
    (void)state;
    static const uint32_t ink[3] = {230, 230, 230};
    for (unsigned scale = 1; scale <= 7; scale++) {
        unsigned count = scale < 4 ? 8 : 7, w = 6 * scale * count - scale, h = 7 * scale;
        lethe_image image = picture(1, 1, false, 20);
        letters(&image, W - w, H - h, count, scale, ink, false);
        if (!finds(&image, NULL, W - w, H - h, w, h)) fail_msg("letters of %u pixels: not found", h);
        lethe_image_release(&image);
    }
}

/* Red on green of the same grey: no grey-level reader sees it, a person does. */
static void finds_colours_of_equal_brightness(void **state) {
    (void)state;
    lethe_image image = picture(3, 1, false, 0);
    static const uint32_t paper[3] = {60, 120, 60}, ink[3] = {240, 30, 60}; /* (R + 2 G + B) / 4 = 90 both */
    for (unsigned y = 0; y < H; y++)
        for (unsigned x = 0; x < W; x++) put(&image, x, y, paper);
    letters(&image, 50, 90, 9, 2, ink, false);
    assert_true(finds(&image, NULL, 50, 90, 106, 14));
    lethe_image_release(&image);
}

static void looks_only_where_it_is_told_to(void **state) {
    (void)state;
    static const uint32_t ink[3] = {230, 230, 230};
    uint8_t blocks[(W + 15) / 16 * ((H + 15) / 16)];
    lethe_image image = picture(1, 1, false, 20);
    letters(&image, 40, 20, 10, 2, ink, false);
    letters(&image, 40, 150, 10, 2, ink, false);
    memset(blocks, 0, sizeof blocks);
    for (size_t i = 0; i < sizeof blocks / 2; i++) blocks[i] = 1; /* the upper half */
    assert_true(finds(&image, blocks, 40, 20, 118, 14));
    assert_false(finds(&image, blocks, 40, 150, 118, 14));
    assert_true(finds(&image, NULL, 40, 150, 118, 14));
    memset(blocks, 0, sizeof blocks);
    assert_false(finds(&image, blocks, 40, 20, 118, 14));
    lethe_image_release(&image);
}

static void bears_pictures_of_every_size(void **state) {
    (void)state;
    lethe_text_detector *detector = lethe_text_detector_create();
    const lethe_text_line *lines;
    size_t count;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 300}, {300, 1}, {7, 5}, {16, 16}, {17, 31}, {24, 24}, {63, 65}, {64, 64}, {129, 48}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint16_t samples = 1; samples <= 3; samples = (uint16_t)(samples + 2)) {
            lethe_image image = {
                .columns = sizes[i][0], .rows = sizes[i][1], .samples = samples, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_RGB};
            assert_int_equal(lethe_image_allocate(&image, NULL), LETHE_OK);
            uint32_t seed = 1;
            for (size_t k = 0; k < lethe_image_size_bytes(&image); k++) image.pixels[k] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
            assert_int_equal(lethe_text_detector_find(detector, &image, &lines, &count, NULL), LETHE_OK);
            lethe_image_release(&image);
        }
    lethe_text_detector_destroy(detector);
}

/* Speckle of the size of letters is no text; letters on the same speckle are. */
static void tells_letters_from_speckle(void **state) {
    (void)state;
    static const uint32_t ink[3] = {250, 250, 250};
    lethe_image image = picture(1, 1, false, 0);
    uint32_t seed = 7;
    for (unsigned y = 0; y < H; y += 2)
        for (unsigned x = 0; x < W; x += 3) {
            uint32_t tone[3] = {(seed = seed * 1664525u + 1013904223u) >> 25};
            for (unsigned k = 0; k < 6; k++)
                if (x + k % 3 < W && y + k / 3 < H) put(&image, x + k % 3, y + k / 3, tone);
        }
    lethe_text_detector *detector = lethe_text_detector_create();
    const lethe_text_line *lines;
    size_t count;
    assert_int_equal(lethe_text_detector_find(detector, &image, &lines, &count, NULL), LETHE_OK);
    for (size_t i = 0; i < count; i++)
        if (lines[i].score >= 0.85f && lines[i].bars < 85)
            fail_msg("a line at %u, %u of %u x %u: %.3f", lines[i].x, lines[i].y, lines[i].w, lines[i].h, (double)lines[i].score);
    letters(&image, 60, 60, 10, 3, ink, false);
    assert_true(finds(&image, NULL, 60, 60, 177, 21));
    lethe_text_detector_destroy(detector);
    lethe_image_release(&image);
}

/* Deviations are from the mean of a window of 24 pixels around: on a plane they vanish, on a spot they are its height less its part of the window. */
static void measures_deviations_from_the_neighbourhood(void **state) {
    (void)state;
    lethe_image image = picture(1, 1, false, 50);
    image.pixels[100 * W + 100] = 250;
    lethe_text_level level;
    void *scratch = NULL;
    size_t scratch_size = 0;
    assert_int_equal(lethe_text_level_allocate(&level, W, H, NULL), LETHE_OK);
    lethe_text_level_load(&level, &image, 0);
    assert_int_equal(lethe_text_level_measure(&level, 3, NULL, &scratch, &scratch_size, NULL), LETHE_OK);
    assert_int_equal(level.deviation[10 * level.stride + 10], 0);
    assert_in_range(level.deviation[100 * level.stride + 100], 198, 200);
    lethe_text_level_release(&level);
    lethe_free(scratch);
    lethe_image_release(&image);
}

static int ascending(const void *a, const void *b) { return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b; }

/* Noise of a block: the lower quartile of its 35 differences, sorted here, counted bit by bit there. */
static void measures_noise_by_the_lower_quartile(void **state) {
    (void)state;
    lethe_image image = picture(1, 2, false, 0);
    uint32_t seed = 3;
    for (size_t i = 0; i < (size_t)W * H; i++) ((uint16_t *)(void *)image.pixels)[i] = (uint16_t)((seed = seed * 1664525u + 1013904223u) >> 23);
    lethe_text_level level;
    void *scratch = NULL;
    size_t scratch_size = 0;
    assert_int_equal(lethe_text_level_allocate(&level, W, H, NULL), LETHE_OK);
    lethe_text_level_load(&level, &image, 0);
    assert_int_equal(lethe_text_level_measure(&level, 2, NULL, &scratch, &scratch_size, NULL), LETHE_OK);
    for (size_t by = 0; by < H / 16; by++)
        for (size_t bx = 0; bx < W / 16; bx++) {
            uint16_t differences[35];
            unsigned count = 0;
            for (size_t y = by * 16; y < by * 16 + 14; y += 3)
                for (size_t x = bx * 16; x < bx * 16 + 14; x += 2, count++) {
                    const uint16_t *at = level.value + y * level.stride + x;
                    differences[count] = (uint16_t)abs((int)at[0] - at[count % 2 == 0 ? 2 : 2 * (size_t)level.stride]);
                }
            qsort(differences, count, sizeof *differences, ascending);
            assert_int_equal(level.noise[by * level.blocks_x + bx], differences[count / 4] * 36);
        }
    lethe_text_level_release(&level);
    lethe_free(scratch);
    lethe_image_release(&image);
}

/* The gate takes most blocks of speckle away and none that hold letters; where it is told to look closely it takes none. */
static void gate_takes_speckle_and_leaves_letters(void **state) {
    (void)state;
    static const uint32_t ink[3] = {250, 250, 250};
    enum { ACROSS = (W + 15) / 16, DOWN = (H + 15) / 16 };
    lethe_image image = picture(1, 1, false, 20);
    uint32_t seed = 11;
    for (unsigned y = 112; y < H; y++)
        for (unsigned x = 0; x < W; x++) {
            uint32_t tone[3] = {20 + ((seed = seed * 1664525u + 1013904223u) >> 26)};
            put(&image, x, y, tone);
        }
    letters(&image, 40, 42, 10, 2, ink, false);
    uint8_t closely[ACROSS * DOWN], before[ACROSS * DOWN];
    memset(closely, LETHE_TEXT_LOOK_CLOSELY, sizeof closely);
    lethe_text_level level;
    void *scratch = NULL;
    size_t scratch_size = 0, speckle = 0, kept = 0;
    assert_int_equal(lethe_text_level_allocate(&level, W, H, NULL), LETHE_OK);
    lethe_text_level_load(&level, &image, 0);
    assert_int_equal(lethe_text_level_measure(&level, 3, NULL, &scratch, &scratch_size, NULL), LETHE_OK);
    memset(level.active, LETHE_TEXT_BRIGHT, sizeof before); /* as if everything stood out */
    memcpy(before, level.active, sizeof before);
    assert_int_equal(lethe_text_level_gate(&level, closely, NULL, &scratch, &scratch_size, NULL), LETHE_OK);
    assert_memory_equal(level.active, before, sizeof before);
    assert_int_equal(lethe_text_level_gate(&level, NULL, NULL, &scratch, &scratch_size, NULL), LETHE_OK);
    for (size_t x = 40 / 16; x <= (40 + 118) / 16; x++)
        for (size_t y = 42 / 16; y <= (42 + 13) / 16; y++) assert_int_equal(level.active[y * ACROSS + x], LETHE_TEXT_BRIGHT);
    for (size_t y = 8; y < DOWN; y++)
        for (size_t x = 0; x < ACROSS; x++) {
            speckle++;
            kept += level.active[y * ACROSS + x] != 0;
        }
    if (kept * 3 > speckle) fail_msg("%zu of %zu blocks of speckle are left", kept, speckle);
    lethe_text_level_release(&level);
    lethe_free(scratch);
    lethe_image_release(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_text_at_every_depth),
        cmocka_unit_test(finds_small_and_large_letters_at_the_very_edge),
        cmocka_unit_test(finds_colours_of_equal_brightness),
        cmocka_unit_test(looks_only_where_it_is_told_to),
        cmocka_unit_test(bears_pictures_of_every_size),
        cmocka_unit_test(measures_deviations_from_the_neighbourhood),
        cmocka_unit_test(tells_letters_from_speckle),
        cmocka_unit_test(gate_takes_speckle_and_leaves_letters),
        cmocka_unit_test(measures_noise_by_the_lower_quartile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
