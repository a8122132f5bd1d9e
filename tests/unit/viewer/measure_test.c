/* Measurements, handles and live-wire against known geometry. */
#include "viewer/tools/livewire.h"
#include "viewer/tools/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.9g is not %.9g", a, b);
}

static void lengths_angles_areas(void **state) {
    (void)state;
    near(lethe_measure_length((lethe_point){0, 0}, (lethe_point){30, 20}, 0.1, 0.2), 5, 1e-12);
    near(lethe_measure_angle((lethe_point){10, 0}, (lethe_point){0, 0}, (lethe_point){0, 7}, 1, 1), 90, 1e-9);
    near(lethe_measure_angle((lethe_point){1, 0}, (lethe_point){0, 0}, (lethe_point){1, 1}, 1, 2), 63.43494882, 1e-6); /* in mm, not pixels */
    const lethe_point square[4] = {{0, 0}, {10, 0}, {10, 10}, {0, 10}};
    near(lethe_measure_area(square, 4, 0.5, 0.5), 25, 1e-12);
}

static void statistics_of_a_region(void **state) {
    (void)state;
    int16_t pixels[100];
    for (int i = 0; i < 100; i++) pixels[i] = (int16_t)(i % 10);
    lethe_image image = {
        .columns = 10, .rows = 10, .samples = 1, .bytes_per_sample = 2, .bits_stored = 16, .is_signed = true, .pixels = (uint8_t *)pixels};
    lethe_point corners[2] = {{2, 2}, {5, 4}};
    lethe_shape box = {.kind = LETHE_SHAPE_BOX, .points = corners, .point_count = 2};
    lethe_statistics s;
    assert_true(lethe_measure_statistics(&box, &image, 2, -1, &s)); /* columns 2, 3, 4 -> 3, 5, 7 twice */
    assert_int_equal(s.count, 6);
    near(s.mean, 5, 1e-12);
    near(s.minimum, 3, 0);
    near(s.maximum, 7, 0);
    near(s.deviation, sqrt(16.0 / 5), 1e-12);
    corners[0] = (lethe_point){-50, -50};
    corners[1] = (lethe_point){-40, -40};
    assert_false(lethe_measure_statistics(&box, &image, 1, 0, &s));
}

static void handles_move_what_they_hold(void **state) {
    (void)state;
    lethe_point corners[2] = {{10, 10}, {20, 30}};
    lethe_shape box = {.kind = LETHE_SHAPE_BOX, .points = corners, .point_count = 2};
    lethe_shape_drag(&box, 1, (lethe_point){20, 10}, (lethe_point){25, 5}); /* top right */
    near(corners[0].x, 10, 0);
    near(corners[0].y, 5, 0);
    near(corners[1].x, 25, 0);
    near(corners[1].y, 30, 0);
    lethe_shape_drag(&box, 0, (lethe_point){10, 5}, (lethe_point){40, 40}); /* through the opposite corner: stays a box */
    assert_true(corners[0].x <= corners[1].x && corners[0].y <= corners[1].y);
    lethe_shape_drag(&box, -1, (lethe_point){0, 0}, (lethe_point){1, -2});
    near(corners[0].x, 26, 0);
    near(lethe_shape_distance(&box, (lethe_point){26, 33}), 0, 1e-9);
    assert_true(lethe_shape_distance(&box, (lethe_point){30, 33}) < 0);
    assert_true(lethe_shape_distance(&box, (lethe_point){0, 33}) > 25);
}

static void the_wire_follows_an_edge(void **state) {
    (void)state;
    enum { N = 80 };
    static uint16_t pixels[N * N];
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++) pixels[y * N + x] = (uint16_t)(hypot(x - 40.0, y - 40.0) < 25 ? 900 : 100);
    lethe_image image = {.columns = N, .rows = N, .samples = 1, .bytes_per_sample = 2, .bits_stored = 16, .pixels = (uint8_t *)pixels};
    lethe_livewire *wire;
    assert_int_equal(lethe_livewire_create(&image, (lethe_point){65.5, 40.5}, 60, &wire, NULL), LETHE_OK);
    lethe_point path[400];
    size_t count = lethe_livewire_path(wire, (lethe_point){40.5, 65.5}, path, 400);
    assert_true(count > 30); /* a quarter of the circle, not the chord */
    near(path[0].x, 65.5, 0);
    near(path[count - 1].y, 65.5, 0);
    for (size_t i = 0; i < count; i++) near(hypot(path[i].x - 40.5, path[i].y - 40.5), 25, 2.0);
    lethe_livewire_destroy(wire);
    assert_int_equal(lethe_livewire_create(&image, (lethe_point){-3, 5}, 60, &wire, NULL), LETHE_USAGE);
    assert_null(wire);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lengths_angles_areas), cmocka_unit_test(statistics_of_a_region),
                                       cmocka_unit_test(handles_move_what_they_hold), cmocka_unit_test(the_wire_follows_an_edge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
