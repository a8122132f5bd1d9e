/* Painted slides: the same pixels as a plain bitmap, in memory that follows the borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdint.h>

#include <cmocka.h>

#include "core/memory.h"
#include "viewer/tools/raster.h"
#include "viewer/tools/tiled_mask.h"

#include <string.h>

enum { W = 900, H = 700 };

static lethe_tiled_mask *make(int64_t w, int64_t h) {
    lethe_tiled_mask *mask = NULL;
    assert_int_equal(lethe_tiled_mask_create(w, h, &mask, NULL), LETHE_OK);
    return mask;
}

static void same_as(const lethe_tiled_mask *mask, const uint8_t *plain) {
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            if (lethe_tiled_mask_at(mask, x, y) != plain[y * W + x]) fail_msg("pixel %d, %d", x, y);
}

static void test_brush_is_that_of_a_bitmap(void **state) {
    (void)state;
    static uint8_t plain[W * H];
    memset(plain, 0, sizeof plain);
    lethe_bitmap bitmap = {plain, W, H};
    lethe_tiled_mask *mask = make(W, H);
    const struct {
        lethe_point a, b;
        double radius;
        uint8_t value;
    } strokes[] = {
        {{300, 300}, {420, 330}, 260, 1}, {{100, 600}, {850, 60}, 31.5, 2}, {{400, 350}, {400, 350}, 120, 0}, {{880, 690}, {899, 699}, 40, 3}};
    bool locked[256] = {false};
    locked[2] = true;
    for (size_t i = 0; i < sizeof strokes / sizeof *strokes; i++) {
        lethe_paint_rule rule = {.locked = locked};
        lethe_dirty dirty = {0};
        lethe_brush(&bitmap, strokes[i].a, strokes[i].b, strokes[i].radius, strokes[i].radius, strokes[i].value, &rule, &dirty);
        assert_int_equal(lethe_tiled_mask_brush(mask, strokes[i].a, strokes[i].b, strokes[i].radius, strokes[i].value, locked, NULL), LETHE_OK);
        same_as(mask, plain);
    }
    /* to the store and back */
    lethe_tiled_mask *again = make(W, H);
    for (uint8_t value = 1; value <= 3; value++) {
        lethe_shape shape = {0};
        assert_int_equal(lethe_tiled_mask_shape(mask, value, &shape, NULL), LETHE_OK);
        assert_int_equal(lethe_shape_check(&shape, NULL), LETHE_OK);
        assert_int_equal(lethe_tiled_mask_add(again, &shape.slices[0].mask, value, NULL), LETHE_OK);
        lethe_shape_release(&shape);
    }
    same_as(again, plain);
    lethe_tiled_mask_destroy(again);
    lethe_tiled_mask_destroy(mask);
}

static void test_fill_takes_the_hole_and_not_the_world(void **state) {
    (void)state;
    lethe_tiled_mask *mask = make(100000, 80000);
    const lethe_point corners[5] = {{20000, 20000}, {60000, 20000}, {60000, 50000}, {20000, 50000}, {20000, 20000}};
    for (int i = 0; i < 4; i++) assert_int_equal(lethe_tiled_mask_brush(mask, corners[i], corners[i + 1], 100, 5, NULL, NULL), LETHE_OK);
    size_t ring = lethe_tiled_mask_bytes(mask);
    uint64_t filled;
    assert_int_equal(lethe_tiled_mask_fill(mask, 10, 10, 5, &filled, NULL), LETHE_OK);
    assert_int_equal(filled, 0);
    assert_int_equal(lethe_tiled_mask_fill(mask, 40000, 30000, 5, &filled, NULL), LETHE_OK);
    /* the inner edges run 100 px inside of the centre lines */
    assert_true(filled > 39790ull * 29790 && filled < 39810ull * 29810);
    assert_int_equal(lethe_tiled_mask_at(mask, 40000, 30000), 5);
    assert_int_equal(lethe_tiled_mask_at(mask, 19000, 30000), 0);
    assert_true(lethe_tiled_mask_bytes(mask) < ring + (4u << 20)); /* 1.2 gigapixels of paint */
    lethe_shape shape = {0};
    assert_int_equal(lethe_tiled_mask_shape(mask, 5, &shape, NULL), LETHE_OK);
    assert_int_equal(lethe_shape_check(&shape, NULL), LETHE_OK);
    lethe_box box;
    assert_true(lethe_shape_bounds(&shape, &box));
    assert_true(box.x0 == 19900 && box.y1 == 50100);
    bool changed[256];
    lethe_tiled_mask_changed(mask, changed);
    assert_true(changed[5] && !changed[4]);
    lethe_shape_release(&shape);
    lethe_tiled_mask_destroy(mask);
}

static void test_limits(void **state) {
    (void)state;
    lethe_tiled_mask *mask = NULL;
    assert_int_equal(lethe_tiled_mask_create((int64_t)1 << 40, 10, &mask, NULL), LETHE_LIMIT);
    assert_null(mask);
    mask = make(10, 10);
    assert_int_equal(lethe_tiled_mask_brush(mask, (lethe_point){-500, -500}, (lethe_point){-400, -400}, 20, 1, NULL, NULL), LETHE_OK);
    assert_null(lethe_tiled_mask_tile(mask, 0));
    uint32_t runs[] = {0, 5};
    lethe_rle wrong = {.columns = 2, .rows = 2, .runs = runs, .run_count = 2};
    assert_int_equal(lethe_tiled_mask_add(mask, &wrong, 1, NULL), LETHE_MALFORMED);
    lethe_tiled_mask_destroy(mask);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brush_is_that_of_a_bitmap),
        cmocka_unit_test(test_fill_takes_the_hole_and_not_the_world),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
