/* Painting tools on small bitmaps whose right answers can be counted by hand or by formula. */
#include "viewer/tools/raster.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { W = 64, H = 48 };

static unsigned count(const uint8_t *labels, uint8_t value) {
    unsigned n = 0;
    for (size_t i = 0; i < (size_t)W * H; i++) n += labels[i] == value;
    return n;
}

static void a_brush_is_a_disc_in_mm(void **state) {
    (void)state;
    uint8_t labels[W * H] = {0};
    lethe_bitmap b = {labels, W, H};
    lethe_dirty d = {0};
    lethe_brush(&b, (lethe_point){32, 24}, (lethe_point){32, 24}, 10, 10, 3, NULL, &d);
    assert_true(fabs(count(labels, 3) - 3.14159265 * 100) < 12);
    assert_true(d.x0 >= 22 && d.x1 <= 42 && d.y0 >= 14 && d.y1 <= 34);
    /* Anisotropic pixels: the disc in mm is an ellipse in pixels. */
    memset(labels, 0, sizeof labels);
    lethe_brush(&b, (lethe_point){32, 24}, (lethe_point){32, 24}, 20, 5, 3, NULL, &d);
    assert_true(fabs(count(labels, 3) - 3.14159265 * 100) < 12);
    assert_int_equal(labels[24 * W + 50], 3);
    assert_int_equal(labels[32 * W + 32], 0);
}

static void fast_strokes_have_no_gaps(void **state) {
    (void)state;
    uint8_t labels[W * H] = {0};
    lethe_bitmap b = {labels, W, H};
    lethe_dirty d = {0};
    lethe_brush(&b, (lethe_point){2, 2}, (lethe_point){60, 45}, 1, 1, 1, NULL, &d);
    for (int i = 0; i <= 58; i++) {
        int x = 2 + i, y = (int)floor(2 + 43.0 * i / 58);
        assert_true(labels[y * W + x] || labels[(y + 1) * W + x] || labels[(y > 0 ? y - 1 : 0) * W + x]);
    }
    /* Off the image: nothing breaks. */
    lethe_brush(&b, (lethe_point){-50, -50}, (lethe_point){-20, 400}, 9, 9, 1, NULL, &d);
}

static void locks_and_values_hold(void **state) {
    (void)state;
    uint8_t labels[W * H] = {0};
    uint16_t pixels[W * H];
    for (int i = 0; i < W * H; i++) pixels[i] = (uint16_t)(i % W < W / 2 ? 10 : 500);
    for (int y = 0; y < H; y++) labels[y * W + 30] = 2;
    lethe_bitmap b = {labels, W, H};
    bool locked[256] = {false};
    locked[2] = true;
    lethe_image image = {.columns = W, .rows = H, .samples = 1, .bytes_per_sample = 2, .bits_stored = 16, .pixels = (uint8_t *)pixels};
    lethe_paint_rule rule = {.locked = locked, .pixels = &image, .slope = 2, .intercept = -100, .low = -90, .high = 0, .by_value = true};
    lethe_dirty d = {0};
    lethe_brush(&b, (lethe_point){32, 24}, (lethe_point){32, 24}, 12, 12, 1, &rule, &d);
    assert_int_equal(count(labels, 2), H);
    assert_int_equal(labels[24 * W + 31], 1);
    assert_int_equal(labels[24 * W + 33], 0); /* 500 * 2 - 100 is out of range */
}

static void fill_stays_inside(void **state) {
    (void)state;
    uint8_t labels[W * H] = {0};
    for (int i = 10; i <= 30; i++) labels[10 * W + i] = labels[30 * W + i] = labels[i * W + 10] = labels[i * W + 30] = 1;
    lethe_bitmap b = {labels, W, H};
    lethe_dirty d = {0};
    uint64_t changed;
    assert_int_equal(lethe_fill(&b, 20, 20, 1, NULL, &d, &changed, NULL), LETHE_OK);
    assert_int_equal(changed, 19 * 19);
    assert_int_equal(lethe_fill(&b, 50, 20, 1, NULL, &d, &changed, NULL), LETHE_OK);
    assert_int_equal(changed, 0); /* the background */
    assert_int_equal(lethe_fill(&b, 20, 20, 4, NULL, &d, &changed, NULL), LETHE_OK);
    assert_int_equal(changed, 21 * 21); /* relabel what is painted */
}

static void grow_follows_values(void **state) {
    (void)state;
    uint8_t labels[W * H] = {0};
    int16_t pixels[W * H];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) pixels[y * W + x] = (int16_t)((x - 20) * (x - 20) + (y - 20) * (y - 20) < 64 ? 100 + (x + y) % 3 : -200);
    pixels[20 * W + 60] = 100; /* same value, not connected */
    lethe_image image = {
        .columns = W, .rows = H, .samples = 1, .bytes_per_sample = 2, .bits_stored = 16, .is_signed = true, .pixels = (uint8_t *)pixels};
    lethe_bitmap b = {labels, W, H};
    lethe_dirty d = {0};
    uint64_t changed;
    assert_int_equal(lethe_grow(&b, &image, 1, 0, 20, 20, 10, 5, NULL, &d, &changed, NULL), LETHE_OK);
    unsigned inside = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) inside += (x - 20) * (x - 20) + (y - 20) * (y - 20) < 64;
    assert_int_equal(changed, inside);
    assert_int_equal(labels[20 * W + 60], 0);
}

static void grow_in_a_volume(void **state) {
    (void)state;
    float voxels[8 * 8 * 8];
    uint8_t out[8 * 8 * 8] = {0};
    for (int i = 0; i < 512; i++) voxels[i] = 0;
    for (int k = 2; k < 6; k++)
        for (int j = 2; j < 6; j++)
            for (int i = 2; i < 6; i++) voxels[(k * 8 + j) * 8 + i] = 100;
    uint64_t marked;
    assert_int_equal(lethe_grow_volume(voxels, 8, 8, 8, 3, 3, 3, 10, out, &marked, NULL, NULL), LETHE_OK);
    assert_int_equal(marked, 64);
    assert_int_equal(out[(2 * 8 + 2) * 8 + 2], 1);
    assert_int_equal(out[(1 * 8 + 2) * 8 + 2], 0);
    /* told to stop, it ends long before the volume is searched */
    enum { LARGE = 64 };
    float *even = calloc((size_t)LARGE * LARGE * LARGE, sizeof *even);
    uint8_t *found = calloc((size_t)LARGE * LARGE * LARGE, 1);
    assert_true(even && found);
    const atomic_bool stop = true;
    assert_int_equal(lethe_grow_volume(even, LARGE, LARGE, LARGE, 3, 3, 3, 1, found, &marked, &stop, NULL), LETHE_OK);
    assert_true(marked < 10000);
    free(even);
    free(found);
}

static void smooth_takes_spikes_away(void **state) {
    (void)state;
    uint8_t labels[W * H] = {0};
    for (int y = 10; y < 30; y++)
        for (int x = 10; x < 30; x++) labels[y * W + x] = 1;
    labels[20 * W + 35] = 1; /* a stray pixel */
    labels[20 * W + 20] = 0; /* a pin hole */
    lethe_bitmap b = {labels, W, H};
    lethe_dirty d = {0};
    assert_int_equal(lethe_smooth(&b, 1, NULL, &d, NULL), LETHE_OK);
    assert_int_equal(labels[20 * W + 35], 0);
    assert_int_equal(labels[20 * W + 20], 1);
    assert_true(count(labels, 1) > 380 && count(labels, 1) <= 400);
}

static void the_largest_piece_stays(void **state) {
    (void)state;
    uint8_t labels[W * H] = {0};
    for (int i = 0; i < 10; i++) labels[5 * W + 5 + i] = 1;
    labels[6 * W + 15] = 1; /* touches by a corner: the same piece */
    labels[40 * W + 40] = 1;
    labels[44 * W + 50] = 1;
    labels[20 * W + 20] = 2;
    lethe_bitmap b = {labels, W, H};
    lethe_dirty d = {0};
    unsigned removed;
    assert_int_equal(lethe_islands(&b, 1, &d, &removed, NULL), LETHE_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(count(labels, 1), 11);
    assert_int_equal(count(labels, 2), 1);
}

static void between_two_discs_lies_a_disc(void **state) {
    (void)state;
    uint8_t a[W * H] = {0}, b[W * H] = {0}, out[W * H];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            double r = hypot(x - 32.0, y - 24.0);
            a[y * W + x] = r < 8;
            b[y * W + x] = r < 16;
        }
    assert_int_equal(lethe_interpolate(a, b, W, H, 0.5, out, NULL), LETHE_OK);
    double area = count(out, 1);
    assert_true(fabs(sqrt(area / 3.14159265) - 12) < 0.5);
    assert_int_equal(lethe_interpolate(a, b, W, H, 0, out, NULL), LETHE_OK);
    assert_memory_equal(a, out, sizeof a);
    assert_int_equal(lethe_interpolate(a, b, W, H, 1, out, NULL), LETHE_OK);
    assert_memory_equal(b, out, sizeof b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_brush_is_a_disc_in_mm),  cmocka_unit_test(fast_strokes_have_no_gaps), cmocka_unit_test(locks_and_values_hold),
        cmocka_unit_test(fill_stays_inside),        cmocka_unit_test(grow_follows_values),       cmocka_unit_test(grow_in_a_volume),
        cmocka_unit_test(smooth_takes_spikes_away), cmocka_unit_test(the_largest_piece_stays),   cmocka_unit_test(between_two_discs_lies_a_disc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
