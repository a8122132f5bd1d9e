/* Hanging protocols on studies made up in memory. */
#include "viewer/hanging.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static lethe_series mammogram(const char *side, const char *view, bool chest_right) {
    lethe_series s = {.modality = (char *)"MG", .description = (char *)"", .chest_wall_right = chest_right};
    (void)snprintf(s.laterality, sizeof s.laterality, "%s", side);
    (void)snprintf(s.view_position, sizeof s.view_position, "%s", view);
    return s;
}

static lethe_series magnetic(const char *description, const char *image_type, const char *sequence, double echo) {
    lethe_series s = {.modality = (char *)"MR", .description = (char *)(uintptr_t)description, .echo_ms = echo};
    (void)snprintf(s.image_type, sizeof s.image_type, "%s", image_type);
    (void)snprintf(s.sequence, sizeof s.sequence, "%s", sequence);
    return s;
}

static void four_views_back_to_back(void **state) {
    (void)state;
    /* In the order in which a PACS may send them; LMLO was stored with its chest wall on the wrong side. */
    lethe_series series[4] = {mammogram("L", "MLO", true), mammogram("R", "MLO", true), mammogram("L", "CC", false), mammogram("R", "CC", true)};
    lethe_study study = {.series = series, .series_count = 4};
    lethe_hanging h;
    lethe_hang(&study, LETHE_HANGING_AUTO, &h);
    assert_int_equal(h.kind, LETHE_HANGING_MAMMOGRAPHY);
    assert_int_equal(h.columns * 10 + h.rows, 22);
    const int expected[4] = {3, 2, 1, 0}; /* RCC LCC over RMLO LMLO */
    assert_memory_equal(h.series, expected, sizeof expected);
    assert_true(h.chest_right[0] && !h.chest_right[1] && h.chest_right[2] && !h.chest_right[3]);
    assert_true(!h.mirror[0] && !h.mirror[1] && !h.mirror[2] && h.mirror[3]);
}

static void a_missing_view_leaves_its_cell_empty(void **state) {
    (void)state;
    lethe_series series[3] = {mammogram("L", "MLO", false), mammogram("R", "MLO", true), mammogram("R", "CC", true)};
    lethe_study study = {.series = series, .series_count = 3};
    lethe_hanging h;
    lethe_hang(&study, LETHE_HANGING_AUTO, &h);
    assert_int_equal(h.series[0], 2);
    assert_int_equal(h.series[1], -1);
    assert_int_equal(h.series[2], 1);
}

static void prostate_by_words(void **state) {
    (void)state;
    lethe_series series[4] = {magnetic("localizer", "", "", 0), magnetic("ADC map", "", "", 0), magnetic("t2_tse_tra", "", "", 0),
                              magnetic("ep2d_diff_b1000", "", "", 0)};
    lethe_study study = {.series = series, .series_count = 4};
    lethe_hanging h;
    lethe_hang(&study, LETHE_HANGING_AUTO, &h);
    assert_int_equal(h.kind, LETHE_HANGING_PROSTATE);
    const int expected[3] = {2, 3, 1};
    assert_memory_equal(h.series, expected, sizeof expected);
}

static void prostate_without_descriptions(void **state) {
    (void)state;
    lethe_series series[3] = {magnetic("", "DERIVED\\PRIMARY\\DIFFUSION\\ADC", "EP", 62),
                              magnetic("", "ORIGINAL\\PRIMARY\\DIFFUSION\\NONE", "EP", 62), magnetic("", "ORIGINAL\\PRIMARY\\M\\ND", "SE", 101)};
    lethe_study study = {.series = series, .series_count = 3};
    lethe_hanging h;
    lethe_hang(&study, LETHE_HANGING_AUTO, &h);
    assert_int_equal(h.kind, LETHE_HANGING_PROSTATE);
    const int expected[3] = {2, 1, 0};
    assert_memory_equal(h.series, expected, sizeof expected);
    assert_string_equal(lethe_series_title(&series[0]), "ADC");
}

static void anything_else_hangs_alone(void **state) {
    (void)state;
    lethe_series series[1] = {{.modality = (char *)"CT", .description = (char *)"CHEST"}};
    lethe_study study = {.series = series, .series_count = 1};
    lethe_hanging h;
    lethe_hang(&study, LETHE_HANGING_AUTO, &h);
    assert_int_equal(h.columns * h.rows, 1);
    assert_int_equal(h.series[0], 0);
    lethe_hang(&study, LETHE_HANGING_FOUR, &h);
    assert_int_equal(h.series[1], -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(four_views_back_to_back), cmocka_unit_test(a_missing_view_leaves_its_cell_empty),
                                       cmocka_unit_test(prostate_by_words), cmocka_unit_test(prostate_without_descriptions),
                                       cmocka_unit_test(anything_else_hangs_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
