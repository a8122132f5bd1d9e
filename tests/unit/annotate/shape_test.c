/* Geometry: stored form, rasterizing against a per-pixel test, outlines of masks. */
#include "annotate/shape.h"

#include "core/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void round_trip(const lethe_shape *shape) {
    lethe_buffer bytes;
    lethe_shape back;
    lethe_error error = {0};
    lethe_buffer_init(&bytes, 1 << 20);
    assert_int_equal(lethe_shape_encode(shape, &bytes, &error), LETHE_OK);
    assert_int_equal(lethe_shape_decode(bytes.bytes, bytes.size, NULL, &back, &error), LETHE_OK);
    assert_true(lethe_shape_equal(shape, &back));
    lethe_shape_release(&back);
    /* Every cut and every changed byte gives an error or a sound shape, never a crash. */
    for (size_t cut = 1; cut < bytes.size; cut++) assert_int_not_equal(lethe_shape_decode(bytes.bytes, cut, NULL, &back, NULL), LETHE_OK);
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.bytes[i] ^= 0x41;
        if (lethe_shape_decode(bytes.bytes, bytes.size, NULL, &back, NULL) == LETHE_OK) {
            assert_int_equal(lethe_shape_check(&back, NULL), LETHE_OK);
            lethe_shape_release(&back);
        }
        bytes.bytes[i] ^= 0x41;
    }
    lethe_buffer_release(&bytes);
}

static void test_stored_form(void **state) {
    (void)state;
    lethe_point points[7] = {{0.1, 0.2}, {10, 0}, {10, 10.5}, {0, 10}, {2, 2}, {4, 2}, {3, 5}};
    uint32_t ends[2] = {4, 7};
    lethe_shape polygon = {.kind = LETHE_SHAPE_POLYGON, .frame = 300, .points = points, .point_count = 7, .ring_ends = ends, .ring_count = 2};
    round_trip(&polygon);
    lethe_shape ellipse = {.kind = LETHE_SHAPE_ELLIPSE, .angle_degrees = 33.3, .points = points + 4, .point_count = 2};
    round_trip(&ellipse);
    lethe_shape ruler = {.kind = LETHE_SHAPE_MEASUREMENT, .measure = LETHE_MEASURE_LENGTH_MM, .measured = 12.25, .points = points, .point_count = 2};
    round_trip(&ruler);
    uint32_t runs[3] = {2, 3, 7};
    char name[] = "2.25.7";
    lethe_mask_slice slices[2] = {{NULL, 0, {-5, 7, 4, 3, runs, 3}}, {name, 2, {0, 0, 4, 3, runs, 3}}};
    lethe_shape volume = {.kind = LETHE_SHAPE_VOLUME, .slices = slices, .slice_count = 2};
    round_trip(&volume);
}

static void test_checks_refuse(void **state) {
    (void)state;
    lethe_point two[2] = {{5, 5}, {1, 1}};
    lethe_shape box = {.kind = LETHE_SHAPE_BOX, .points = two, .point_count = 2};
    assert_int_equal(lethe_shape_check(&box, NULL), LETHE_MALFORMED);
    lethe_shape polygon = {.kind = LETHE_SHAPE_POLYGON, .points = two, .point_count = 2};
    assert_int_equal(lethe_shape_check(&polygon, NULL), LETHE_MALFORMED);
    lethe_point nan = {NAN, 0};
    lethe_shape point = {.kind = LETHE_SHAPE_POINT, .points = &nan, .point_count = 1};
    assert_int_equal(lethe_shape_check(&point, NULL), LETHE_MALFORMED);
    uint32_t runs[2] = {2, 3};
    lethe_mask_slice slice = {NULL, 0, {0, 0, 4, 3, runs, 2}};
    lethe_shape mask = {.kind = LETHE_SHAPE_MASK, .slices = &slice, .slice_count = 1};
    assert_int_equal(lethe_shape_check(&mask, NULL), LETHE_MALFORMED);
}

static bool inside(const lethe_point *p, size_t count, double x, double y) {
    bool in = false;
    for (size_t i = 0, j = count - 1; i < count; j = i++)
        if ((p[i].y > y) != (p[j].y > y) && x < (p[j].x - p[i].x) * (y - p[i].y) / (p[j].y - p[i].y) + p[i].x) in = !in;
    return in;
}

/* Random polygons (also self-crossing ones) against the crossing-number test of every pixel centre. */
static void test_polygon_fill(void **state) {
    (void)state;
    srand(5);
    for (int round = 0; round < 200; round++) {
        lethe_point points[9];
        uint8_t bitmap[40 * 30] = {0};
        size_t count = 3 + (size_t)(rand() % 7);
        for (size_t i = 0; i < count; i++) points[i] = (lethe_point){rand() % 5000 / 100.0 - 5 + 100, rand() % 4000 / 100.0 - 5 + 200};
        lethe_shape polygon = {.kind = LETHE_SHAPE_POLYGON, .points = points, .point_count = count};
        assert_int_equal(lethe_shape_rasterize(&polygon, 0, 1, bitmap, 40, 30, 100, 200, NULL), LETHE_OK);
        for (int y = 0; y < 30; y++)
            for (int x = 0; x < 40; x++)
                if ((bitmap[y * 40 + x] != 0) != inside(points, count, x + 100.5, y + 200.5)) fail_msg("round %d, pixel %d %d", round, x, y);
    }
}

static void test_box_fill_and_area(void **state) {
    (void)state;
    lethe_shape box;
    uint8_t bitmap[10 * 10] = {0};
    size_t set = 0;
    assert_int_equal(lethe_shape_make_box(6, 7, 2, 3, 0, &box, NULL), LETHE_OK); /* corners in any order */
    assert_int_equal(lethe_shape_rasterize(&box, 0, 1, bitmap, 10, 10, 0, 0, NULL), LETHE_OK);
    for (int i = 0; i < 100; i++) set += bitmap[i];
    assert_int_equal(set, 16);
    assert_int_equal(bitmap[3 * 10 + 2], 1);
    assert_int_equal(bitmap[7 * 10 + 6], 0);
    assert_float_equal(lethe_shape_area_px(&box), 16, 0);
    lethe_shape_release(&box);
}

/* Mask -> outline -> mask gives the same pixels; the outline's area is the pixel count. */
static void test_mask_outline(void **state) {
    (void)state;
    srand(9);
    for (int round = 0; round < 100; round++) {
        uint8_t bitmap[24 * 18], again[24 * 18] = {0};
        size_t set = 0;
        for (int i = 0; i < 24 * 18; i++) set += bitmap[i] = rand() % 3 != 0;
        lethe_shape mask, outline;
        assert_int_equal(lethe_shape_make_mask(bitmap, 24, 18, 24, -7, 1000, 0, &mask, NULL), LETHE_OK);
        assert_int_equal(lethe_rle_count(&mask.slices[0].mask), set);
        assert_int_equal(lethe_shape_to_polygon(&mask, 0, &outline, NULL), LETHE_OK);
        assert_int_equal(lethe_shape_check(&outline, NULL), LETHE_OK);
        assert_int_equal(lethe_shape_rasterize(&outline, 0, 1, again, 24, 18, -7, 1000, NULL), LETHE_OK);
        assert_memory_equal(bitmap, again, sizeof bitmap);
        memset(again, 0, sizeof again);
        assert_int_equal(lethe_shape_rasterize(&mask, 0, 1, again, 24, 18, -7, 1000, NULL), LETHE_OK);
        assert_memory_equal(bitmap, again, sizeof bitmap);
        lethe_shape_release(&mask);
        lethe_shape_release(&outline);
    }
}

static void test_ring_with_hole(void **state) {
    (void)state;
    lethe_point points[8] = {{0, 0}, {10, 0}, {10, 10}, {0, 10}, {2, 2}, {8, 2}, {8, 8}, {2, 8}};
    uint32_t ends[2] = {4, 8};
    lethe_shape ring = {.kind = LETHE_SHAPE_POLYGON, .points = points, .point_count = 8, .ring_ends = ends, .ring_count = 2};
    assert_float_equal(lethe_shape_area_px(&ring), 64, 1e-9);
    uint8_t bitmap[100] = {0};
    assert_int_equal(lethe_shape_rasterize(&ring, 0, 1, bitmap, 10, 10, 0, 0, NULL), LETHE_OK);
    assert_int_equal(bitmap[5 * 10 + 5], 0);
    assert_int_equal(bitmap[1 * 10 + 5], 1);
}

static void test_allocation_faults(void **state) {
    (void)state;
    uint8_t bitmap[64] = {0, 1, 1, 0, 1};
    for (uint64_t n = 1; n < 20; n++) {
        lethe_shape mask = {0}, copy = {0};
        lethe_memory_fail_at(n);
        lethe_status status = lethe_shape_make_mask(bitmap, 8, 8, 8, 0, 0, 0, &mask, NULL);
        if (status == LETHE_OK) status = lethe_shape_copy(&mask, NULL, &copy, NULL);
        lethe_memory_fail_at(0);
        lethe_shape_release(&mask);
        lethe_shape_release(&copy);
        assert_true(status == LETHE_OK || status == LETHE_NO_MEMORY);
        if (n == 1) assert_int_equal(status, LETHE_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_form),       cmocka_unit_test(test_checks_refuse), cmocka_unit_test(test_polygon_fill),
        cmocka_unit_test(test_box_fill_and_area), cmocka_unit_test(test_mask_outline),  cmocka_unit_test(test_ring_with_hole),
        cmocka_unit_test(test_allocation_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
