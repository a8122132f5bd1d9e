/* Tiles at a fraction of their size show what the mean of the whole tile's pixels shows; letting go of pages changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "imaging/slide/slide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <unistd.h>

enum { TILE = 256, WIDE = 500, HIGH = 300 }; /* edge tiles of 244 x 44 */

static void write_slide(const char *path, uint16_t compression) {
    TIFF *tiff = TIFFOpen(path, "w");
    assert_non_null(tiff);
    (void)TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, WIDE);
    (void)TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, HIGH);
    (void)TIFFSetField(tiff, TIFFTAG_TILEWIDTH, TILE);
    (void)TIFFSetField(tiff, TIFFTAG_TILELENGTH, TILE);
    (void)TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
    (void)TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
    (void)TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    (void)TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression);
    (void)TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, compression == COMPRESSION_JPEG ? PHOTOMETRIC_YCBCR : PHOTOMETRIC_RGB);
    if (compression == COMPRESSION_JPEG) {
        (void)TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        (void)TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, 90);
    }
    uint8_t *tile = malloc((size_t)TILE * TILE * 3);
    assert_non_null(tile);
    for (uint32_t y = 0; y < HIGH; y += TILE)
        for (uint32_t x = 0; x < WIDE; x += TILE) {
            for (uint32_t v = 0; v < TILE; v++)
                for (uint32_t u = 0; u < TILE; u++) {
                    uint8_t *pixel = tile + ((size_t)v * TILE + u) * 3;
                    /* Brightness jumps; colour does not: decoders smooth subsampled colour across jumps, each in its way. */
                    uint32_t bright = ((x + u) / 64 + (y + v) / 64) % 2 ? 100 : 20;
                    pixel[0] = (uint8_t)(bright + (x + u) * 120 / 512);
                    pixel[1] = (uint8_t)(bright + (y + v) * 120 / 512);
                    pixel[2] = (uint8_t)(bright + 60);
                }
            assert_true(TIFFWriteTile(tiff, tile, x, y, 0, 0) > 0);
        }
    free(tile);
    TIFFClose(tiff);
}

static void compare_tile(lethe_slide *slide, int64_t column, int64_t row, unsigned shrink) {
    lethe_image whole, small;
    assert_int_equal(lethe_slide_read_tile(slide, 0, column, row, &whole, NULL), LETHE_OK);
    lethe_slide_forget(slide);
    assert_int_equal(lethe_slide_read_tile_reduced(slide, 0, column, row, shrink, &small, NULL), LETHE_OK);
    assert_int_equal(small.columns, (whole.columns + shrink - 1) / shrink);
    assert_int_equal(small.rows, (whole.rows + shrink - 1) / shrink);
    /* Whole blocks only: what lies beside the picture in an edge block is the encoder's. */
    for (uint32_t y = 0; y < whole.rows / shrink; y++)
        for (uint32_t x = 0; x < whole.columns / shrink; x++)
            for (unsigned s = 0; s < 3; s++) {
                int sum = 0;
                for (uint32_t v = 0; v < shrink; v++)
                    for (uint32_t u = 0; u < shrink; u++) sum += whole.pixels[((size_t)(y * shrink + v) * whole.columns + x * shrink + u) * 4 + s];
                int mean = sum / (int)(shrink * shrink), got = small.pixels[((size_t)y * small.columns + x) * 4 + s];
                assert_true(abs(mean - got) <= 12);
            }
    lethe_image_release(&whole);
    lethe_image_release(&small);
}

static void check_slide(uint16_t compression) {
    char path[] = "/tmp/lethe-slide-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    write_slide(path, compression);
    lethe_slide *slide;
    assert_int_equal(lethe_slide_open(path, &slide, NULL), LETHE_OK);
    for (unsigned shrink = 1; shrink <= 8; shrink *= 2)
        for (int64_t tile = 0; tile < 4; tile++) compare_tile(slide, tile % 2, tile / 2, shrink);
    lethe_image none;
    assert_int_equal(lethe_slide_read_tile_reduced(slide, 0, 0, 0, 3, &none, NULL), LETHE_UNSUPPORTED);
    assert_int_equal(lethe_slide_read_tile_reduced(slide, 0, 0, 0, 16, &none, NULL), LETHE_UNSUPPORTED);
    assert_int_equal(lethe_slide_read_tile_reduced(slide, 0, 2, 0, 8, &none, NULL), LETHE_NOT_FOUND);
    lethe_slide_close(slide);
    assert_int_equal(unlink(path), 0);
}

static void test_jpeg(void **state) {
    (void)state;
    check_slide(COMPRESSION_JPEG);
}
static void test_deflate(void **state) {
    (void)state;
    check_slide(COMPRESSION_ADOBE_DEFLATE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_jpeg), cmocka_unit_test(test_deflate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
