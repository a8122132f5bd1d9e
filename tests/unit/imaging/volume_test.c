/* Order of slices, patient coordinates and planes cut through an oblique phantom. */
#include "imaging/volume.h"

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

/* Slices turned by 30 degrees about x, 2 mm apart. */
static lethe_frame_geometry oblique(int k) {
    double c = cos(0.5235987755982988), s = sin(0.5235987755982988);
    lethe_frame_geometry g = {.has_plane = true,
                              .has_spacing = true,
                              .row_spacing_mm = 0.5,
                              .column_spacing_mm = 0.8,
                              .row_direction = {1, 0, 0},
                              .column_direction = {0, c, s},
                              .normal = {0, -s, c}};
    for (int a = 0; a < 3; a++) g.position_mm[a] = (const double[]){-10, 5, 40}[a] + 2.0 * k * g.normal[a];
    return g;
}

static void sorts_along_the_normal(void **state) {
    (void)state;
    lethe_frame_geometry frames[4] = {oblique(2), oblique(0), oblique(3), oblique(1)};
    int64_t instances[4] = {1, 2, 3, 4};
    size_t order[4];
    unsigned stacks;
    assert_int_equal(lethe_series_sort(frames, instances, 4, order, &stacks, NULL), LETHE_OK);
    const size_t expected[4] = {1, 3, 0, 2};
    assert_memory_equal(order, expected, sizeof expected);
    assert_int_equal(stacks, 1);
}

static void keeps_b_values_apart(void **state) {
    (void)state;
    /* Two b-values at each of three places, interleaved as scanners send them. */
    lethe_frame_geometry frames[6] = {oblique(0), oblique(0), oblique(1), oblique(1), oblique(2), oblique(2)};
    int64_t instances[6] = {1, 2, 3, 4, 5, 6};
    size_t order[6];
    unsigned stacks;
    assert_int_equal(lethe_series_sort(frames, instances, 6, order, &stacks, NULL), LETHE_OK);
    const size_t expected[6] = {0, 2, 4, 1, 3, 5};
    assert_memory_equal(order, expected, sizeof expected);
    assert_int_equal(stacks, 2);
}

static void frames_without_a_plane_come_last_by_instance(void **state) {
    (void)state;
    lethe_frame_geometry frames[3] = {{.has_plane = false}, oblique(0), {.has_plane = false}};
    int64_t instances[3] = {9, 5, 2};
    size_t order[3];
    assert_int_equal(lethe_series_sort(frames, instances, 3, order, NULL, NULL), LETHE_OK);
    const size_t expected[3] = {1, 2, 0};
    assert_memory_equal(order, expected, sizeof expected);
}

static void letters_of_directions(void **state) {
    (void)state;
    char out[4];
    lethe_orientation_letters((const double[]){1, 0, 0}, out);
    assert_string_equal(out, "L");
    lethe_orientation_letters((const double[]){0, -0.9, 0.43}, out);
    assert_string_equal(out, "AH");
    lethe_orientation_letters((const double[]){-0.58, 0.57, -0.58}, out);
    assert_int_equal(strlen(out), 3);
    lethe_orientation_letters((const double[]){-0.99, 0.1, 0}, out);
    assert_string_equal(out, "R");
}

enum { COLUMNS = 20, ROWS = 24, SLICES = 8 };

/* Values that are a linear function of the patient position: linear interpolation must give them back exactly. */
static double field(const double p[3]) { return 3 * p[0] - 2 * p[1] + 5 * p[2] + 100; }

static void make_phantom(lethe_volume *volume) {
    lethe_frame_geometry frames[SLICES];
    for (int k = 0; k < SLICES; k++) frames[k] = oblique(k);
    assert_int_equal(lethe_volume_plan(frames, SLICES, COLUMNS, ROWS, volume, NULL), LETHE_OK);
    assert_int_equal(lethe_volume_allocate(volume, NULL), LETHE_OK);
    for (uint32_t k = 0; k < SLICES; k++) {
        lethe_image image = {.columns = COLUMNS, .rows = ROWS, .samples = 1, .bytes_per_sample = 4, .bits_stored = 32, .is_signed = true};
        int32_t pixels[COLUMNS * ROWS];
        for (uint32_t j = 0; j < ROWS; j++)
            for (uint32_t i = 0; i < COLUMNS; i++) {
                double p[3];
                lethe_volume_to_patient(volume, (const double[]){i, j, k}, p);
                pixels[j * COLUMNS + i] = (int32_t)lround(field(p) * 1000);
            }
        image.pixels = (uint8_t *)pixels;
        assert_int_equal(lethe_volume_put(volume, k, &image, 0.001, 0, NULL), LETHE_OK);
    }
}

static void coordinates_go_there_and_back(void **state) {
    (void)state;
    lethe_frame_geometry frames[2] = {oblique(0), oblique(1)};
    lethe_volume volume;
    assert_int_equal(lethe_volume_plan(frames, 2, COLUMNS, ROWS, &volume, NULL), LETHE_OK);
    double p[3], v[3];
    lethe_volume_to_patient(&volume, (const double[]){3.25, 7.5, 0.5}, p);
    lethe_volume_to_voxel(&volume, p, v);
    near(v[0], 3.25, 1e-9);
    near(v[1], 7.5, 1e-9);
    near(v[2], 0.5, 1e-9);
    /* The point of the standard's equation (PS3.3 C.7.6.2.1.1): column index times column spacing along the row direction. */
    lethe_volume_to_patient(&volume, (const double[]){10, 0, 0}, p);
    near(p[0], -10 + 10 * 0.8, 1e-9);
}

static void cuts_an_oblique_phantom(void **state) {
    (void)state;
    lethe_volume volume;
    make_phantom(&volume);
    double centre[3];
    lethe_volume_centre(&volume, centre);
    for (int which = 0; which < 3; which++) {
        lethe_plane plane;
        lethe_volume_view_plane(&volume, (lethe_view_plane)which, centre, &plane);
        float out[256 * 256];
        assert_true(plane.columns * plane.rows <= 256 * 256);
        lethe_volume_cut(&volume, &plane, NAN, out);
        unsigned inside = 0;
        for (uint32_t r = 0; r < plane.rows; r++)
            for (uint32_t c = 0; c < plane.columns; c++) {
                float value = out[r * plane.columns + c];
                double p[3], v[3];
                for (int a = 0; a < 3; a++) p[a] = plane.origin_mm[a] + plane.across_mm[a] * c + plane.down_mm[a] * r;
                lethe_volume_to_voxel(&volume, p, v);
                bool within = v[0] >= 0 && v[1] >= 0 && v[2] >= 0 && v[0] <= COLUMNS - 1 && v[1] <= ROWS - 1 && v[2] <= SLICES - 1;
                if (!within) continue;
                inside++;
                near((double)value, field(p), 0.01);
            }
        assert_true(inside > 50);
    }
    lethe_volume_release(&volume);
}

static void axial_looks_from_the_feet(void **state) {
    (void)state;
    lethe_volume volume;
    make_phantom(&volume);
    double centre[3];
    lethe_volume_centre(&volume, centre);
    lethe_plane plane;
    char letters[4];
    lethe_volume_view_plane(&volume, LETHE_PLANE_AXIAL, centre, &plane);
    lethe_orientation_letters(plane.across_mm, letters); /* scaled by the step, still the strongest */
    assert_true(plane.across_mm[0] > 0 && plane.down_mm[1] > 0);
    lethe_volume_view_plane(&volume, LETHE_PLANE_CORONAL, centre, &plane);
    assert_true(plane.across_mm[0] > 0 && plane.down_mm[2] < 0);
    lethe_volume_release(&volume);
}

static void a_slab_takes_the_maximum(void **state) {
    (void)state;
    lethe_volume volume;
    make_phantom(&volume);
    for (size_t i = 0; i < (size_t)COLUMNS * ROWS * SLICES; i++) volume.voxels[i] = 0;
    volume.voxels[(5 * ROWS + 12) * COLUMNS + 9] = 1000;
    lethe_plane plane = {.columns = COLUMNS, .rows = ROWS, .slab = LETHE_SLAB_MAXIMUM, .nearest = true};
    lethe_volume_to_patient(&volume, (const double[]){0, 0, 3}, plane.origin_mm);
    memcpy(plane.across_mm, volume.i_step_mm, sizeof plane.across_mm);
    memcpy(plane.down_mm, volume.j_step_mm, sizeof plane.down_mm);
    float out[COLUMNS * ROWS];
    lethe_volume_cut(&volume, &plane, 0, out);
    near((double)out[12 * COLUMNS + 9], 0, 0);
    plane.slab_mm = 9; /* reaches 4.5 mm to each side; slice 5 is 4 mm away */
    lethe_volume_cut(&volume, &plane, 0, out);
    near((double)out[12 * COLUMNS + 9], 1000, 0);
    near((double)out[12 * COLUMNS + 8], 0, 0);
    lethe_volume_release(&volume);
}

static void refuses_uneven_slices(void **state) {
    (void)state;
    lethe_frame_geometry frames[3] = {oblique(0), oblique(1), oblique(4)};
    lethe_volume volume;
    lethe_error error = {0};
    assert_int_equal(lethe_volume_plan(frames, 3, COLUMNS, ROWS, &volume, &error), LETHE_UNSUPPORTED);
    assert_non_null(strstr(error.message, "evenly"));
    frames[2] = oblique(2);
    frames[1].row_direction[1] = 0.3;
    frames[1].row_direction[0] = 0.95;
    assert_int_equal(lethe_volume_plan(frames, 3, COLUMNS, ROWS, &volume, NULL), LETHE_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_along_the_normal),
        cmocka_unit_test(keeps_b_values_apart),
        cmocka_unit_test(frames_without_a_plane_come_last_by_instance),
        cmocka_unit_test(letters_of_directions),
        cmocka_unit_test(coordinates_go_there_and_back),
        cmocka_unit_test(cuts_an_oblique_phantom),
        cmocka_unit_test(axial_looks_from_the_feet),
        cmocka_unit_test(a_slab_takes_the_maximum),
        cmocka_unit_test(refuses_uneven_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
