/* Agreement and scores against values worked out by hand or printed in the papers that define them; each test names its source. */
#include "annotate/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void near(double value, double expected, double within) {
    if (!(fabs(value - expected) <= within)) fail_msg("%.9g is not %.9g", value, expected);
}

/* 2 x 2 table 20, 5, 10, 15: observed 0.7, expected 0.5, kappa 0.4. */
static void test_cohen(void **state) {
    (void)state;
    int a[50], b[50];
    for (int i = 0; i < 50; i++) {
        a[i] = i < 25 ? 0 : 1;
        b[i] = i < 20 ? 0 : i < 25 ? 1 : i < 35 ? 0 : 1;
    }
    near(lethe_kappa_cohen(a, b, 50, 2, LETHE_WEIGHTS_NONE), 0.4, 1e-12);
    int same[3] = {1, 1, 1};
    assert_true(isnan(lethe_kappa_cohen(same, same, 3, 2, LETHE_WEIGHTS_NONE)));
}

/* By hand: a = 0 1 2 2, b = 0 2 2 1 on 3 classes. Quadratic: observed (0 + 1/4 + 0 + 1/4) / 4 = 1/8. Shares 1/4, 1/4, 1/2 of both: expected
 * 2 * (1/16 * 1/4 + 1/8 * 1 + 1/8 * 1/4) = 11/32. kappa = 1 - 4/11. Linear: observed 1/4, expected 2 * (1/32 + 1/8 + 1/16) = 7/16, kappa 3/7. */
static void test_weighted(void **state) {
    (void)state;
    int a[4] = {0, 1, 2, 2}, b[4] = {0, 2, 2, 1};
    near(lethe_kappa_cohen(a, b, 4, 3, LETHE_WEIGHTS_QUADRATIC), 1 - 4.0 / 11, 1e-12);
    near(lethe_kappa_cohen(a, b, 4, 3, LETHE_WEIGHTS_LINEAR), 3.0 / 7, 1e-12);
}

/* The worked example of 10 subjects, 14 raters, 5 categories that goes with Fleiss (1971): P = 0.378, Pe = 0.213, kappa = 0.210. */
static void test_fleiss(void **state) {
    (void)state;
    static const int counts[50] = {0, 0, 0, 0, 14, 0, 2, 6, 4, 2, 0, 0, 3, 5, 6, 0, 3, 9, 2, 0, 2, 2, 8, 1, 1,
                                   7, 7, 0, 0, 0,  3, 2, 6, 3, 0, 2, 5, 3, 2, 2, 6, 5, 2, 1, 0, 0, 2, 2, 3, 7};
    near(lethe_kappa_fleiss(counts, 10, 5), 0.210, 5e-4);
}

/* Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: four observers, twelve units, missing data. Nominal 0.743, ordinal
 * 0.815, interval 0.849. */
static void test_krippendorff(void **state) {
    (void)state;
    const double x = NAN;
    const double values[48] = {1, 2, 3, 3, 2, 1, 4, 1, 2, x, x, x, 1, 2, 3, 3, 2, 2, 4, 1, 2, 5, x, 3,
                               x, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, x, 1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, x};
    double alpha;
    assert_int_equal(lethe_alpha_krippendorff(values, 4, 12, LETHE_SCALE_NOMINAL, &alpha, NULL), LETHE_OK);
    near(alpha, 0.743, 5e-4);
    assert_int_equal(lethe_alpha_krippendorff(values, 4, 12, LETHE_SCALE_ORDINAL, &alpha, NULL), LETHE_OK);
    near(alpha, 0.815, 5e-4);
    assert_int_equal(lethe_alpha_krippendorff(values, 4, 12, LETHE_SCALE_INTERVAL, &alpha, NULL), LETHE_OK);
    near(alpha, 0.849, 5e-4);
}

/* Shrout and Fleiss (1979), table 2: six targets, four judges. ICC(1,1) 0.17, ICC(2,1) 0.29, ICC(3,1) 0.71. */
static void test_icc(void **state) {
    (void)state;
    static const double values[24] = {9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7};
    double icc[3];
    lethe_icc(values, 6, 4, icc);
    near(icc[0], 0.17, 5e-3);
    near(icc[1], 0.29, 5e-3);
    near(icc[2], 0.71, 5e-3);
}

/* Positives 0.9 0.8 0.3, negatives 0.7 0.3 0.1: 7.5 of 9 pairs in order. */
static void test_auroc(void **state) {
    (void)state;
    static const double scores[6] = {0.9, 0.8, 0.3, 0.7, 0.3, 0.1};
    static const int labels[6] = {1, 1, 1, 0, 0, 0};
    lethe_auroc_result r;
    assert_int_equal(lethe_auroc(scores, labels, 6, &r, NULL), LETHE_OK);
    near(r.area, 7.5 / 9, 1e-12);
    /* Components of the positives: 1, 1, 1/2 -> variance 1/12; of the negatives: 2/3, 5/6, 1 -> 1/36. (1/12 + 1/36) / 3 = 1/27. */
    near(r.variance, 1.0 / 27, 1e-12);
    near(r.low, 7.5 / 9 - 1.959963984540054 / sqrt(27), 1e-9);
    near(r.high, 1, 0);
    assert_int_equal(lethe_auroc(scores, (int[6]){0}, 6, &r, NULL), LETHE_OK);
    assert_true(isnan(r.area));
}

/* Hanley and McNeil (1982), table 1: 58 normal and 51 abnormal CT images on a scale of 1 to 5. Area 0.8932, standard error of DeLong 0.0307, 95 %
 * 0.83295 to 0.95339 (Stata base reference manual, roctab, same data). */
static void test_delong(void **state) {
    (void)state;
    static const int counts[2][5] = {{33, 6, 6, 11, 2}, {3, 2, 2, 11, 33}};
    double scores[109];
    int labels[109];
    size_t n = 0;
    for (int abnormal = 0; abnormal < 2; abnormal++)
        for (int rating = 0; rating < 5; rating++)
            for (int i = 0; i < counts[abnormal][rating]; i++, n++) {
                scores[n] = rating + 1;
                labels[n] = abnormal;
            }
    lethe_auroc_result r;
    assert_int_equal(n, 109);
    assert_int_equal(lethe_auroc(scores, labels, n, &r, NULL), LETHE_OK);
    near(r.area, 0.8932, 5e-5);
    near(sqrt(r.variance), 0.0307, 5e-5);
    near(r.low, 0.83295, 5e-6);
    near(r.high, 0.95339, 5e-6);
}

/* Answers of 91 couples on a scale of four (Hout, Duncan and Sobel 1987; data set SexualFun of the R package vcd, whose page gives kappa 0.1293 and,
 * with equally spaced weights, 0.2374). */
static void test_weighted_published(void **state) {
    (void)state;
    static const int counts[4][4] = {{7, 7, 2, 3}, {2, 8, 3, 7}, {1, 5, 4, 9}, {2, 8, 9, 14}};
    int a[91], b[91];
    size_t n = 0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < counts[i][j]; k++, n++) {
                a[n] = i;
                b[n] = j;
            }
    assert_int_equal(n, 91);
    near(lethe_kappa_cohen(a, b, n, 4, LETHE_WEIGHTS_NONE), 0.1293, 5e-5);
    near(lethe_kappa_cohen(a, b, n, 4, LETHE_WEIGHTS_LINEAR), 0.2374, 5e-5);
}

/* In order + - +: 1/2 * 1 + 1/2 * 2/3. With one positive never found: 1/3 * 1 + 1/3 * 2/3. */
static void test_average_precision(void **state) {
    (void)state;
    static const double scores[3] = {0.9, 0.6, 0.5};
    static const int labels[3] = {1, 0, 1};
    double value;
    assert_int_equal(lethe_average_precision(scores, labels, 3, 0, &value, NULL), LETHE_OK);
    near(value, 5.0 / 6, 1e-12);
    assert_int_equal(lethe_average_precision(scores, labels, 3, 1, &value, NULL), LETHE_OK);
    near(value, 5.0 / 9, 1e-12);
}

/* Hits 0.8 + 0.4, false alarms 0.6: precision 2/3, recall 0.6. */
static void test_pf1(void **state) {
    (void)state;
    static const double p[3] = {0.8, 0.4, 0.6};
    static const int labels[3] = {1, 1, 0};
    near(lethe_pf1(p, labels, 3), 2 * (2.0 / 3) * 0.6 / (2.0 / 3 + 0.6), 1e-12);
}

/* Two images, two lesions. 0.9 hits lesion 0; 0.8 hits it again (ignored); 0.7 false; 0.6 hits lesion 1; 0.5 false. Points (false alarms per image,
 * sensitivity): (0, 1/2) (1/2, 1/2) (1/2, 1) (1, 1). At 1/4: 1/2. From 1/2 on: 1. */
static void test_froc(void **state) {
    (void)state;
    static const lethe_finding findings[5] = {{0.9, 0}, {0.8, 0}, {0.7, -1}, {0.6, 1}, {0.5, -1}};
    double s[6], mean;
    assert_int_equal(lethe_froc(findings, 5, 2, 2, s, &mean, NULL), LETHE_OK);
    near(s[0], 0.5, 1e-12);
    near(s[1], 1, 1e-12);
    near(mean, 5.5 / 6, 1e-12);
}

static void fill(uint8_t *mask, uint32_t columns, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1) {
    for (uint32_t y = y0; y < y1; y++)
        for (uint32_t x = x0; x < x1; x++) mask[y * columns + x] = 1;
}

/* 4 x 4 squares, one moved by 2 of 10 columns: overlap 8 of 16 and 16. */
static void test_overlap_and_hausdorff(void **state) {
    (void)state;
    uint8_t a[100] = {0}, b[100] = {0};
    double dice, iou, distance;
    fill(a, 10, 1, 1, 5, 5);
    fill(b, 10, 3, 1, 7, 5);
    lethe_overlap(a, b, 100, &dice, &iou);
    near(dice, 0.5, 1e-12);
    near(iou, 1.0 / 3, 1e-12);
    /* Border pixels of one at distances 0 (4), 1 (4: two columns' ends and x = 2 corners), 2 (4) columns: the 95th percentile is 2 columns = 3 mm. */
    lethe_grid grid = {10, 10, 1, {1.5, 1, 1}};
    assert_int_equal(lethe_hausdorff95(a, b, &grid, &distance, NULL), LETHE_OK);
    near(distance, 3, 1e-9);
    memset(b, 0, sizeof b);
    assert_int_equal(lethe_hausdorff95(a, b, &grid, &distance, NULL), LETHE_OK);
    assert_true(isnan(distance));
    assert_int_equal(lethe_hausdorff95(b, b, &grid, &distance, NULL), LETHE_OK);
    near(distance, 0, 0);
}

/* The distance transform against every pair of border pixels. */
static void test_hausdorff_against_brute_force(void **state) {
    (void)state;
    enum { W = 13, H = 9, D = 5 };
    lethe_random random = {7};
    for (int round = 0; round < 5; round++) {
        uint8_t a[W * H * D], b[W * H * D];
        for (int i = 0; i < W * H * D; i++) {
            a[i] = lethe_random_below(&random, 20) == 0;
            b[i] = lethe_random_below(&random, 20) == 0;
        }
        lethe_grid grid = {W, H, D, {0.5, 0.7, 3}};
        double distance, worst = 0, lists[2][W * H * D];
        assert_int_equal(lethe_hausdorff95(a, b, &grid, &distance, NULL), LETHE_OK);
        for (int way = 0; way < 2; way++) { /* sparse: every voxel is its own border or nearly so; all of them here */
            const uint8_t *from = way == 0 ? a : b, *to = way == 0 ? b : a;
            size_t n = 0;
            for (int i = 0; i < W * H * D; i++) {
                double best = INFINITY;
                if (from[i] == 0) continue;
                for (int k = 0; k < W * H * D; k++) {
                    if (to[k] == 0) continue;
                    double dx = (i % W - k % W) * 0.5, dy = (i / W % H - k / W % H) * 0.7, dz = (i / (W * H) - k / (W * H)) * 3.0;
                    best = fmin(best, sqrt(dx * dx + dy * dy + dz * dz));
                }
                size_t at = n++;
                while (at > 0 && lists[way][at - 1] > best) {
                    lists[way][at] = lists[way][at - 1];
                    at--;
                }
                lists[way][at] = best;
            }
            worst = fmax(worst, lethe_percentile(lists[way], n, 0.95));
        }
        near(distance, worst, 1e-9);
    }
}

static void test_components(void **state) {
    (void)state;
    /* Two voxels that touch by a corner in space are one lesion with 26 neighbours; a third is apart. */
    uint8_t mask[4 * 4 * 2] = {0};
    uint32_t labels[32], count;
    lethe_grid grid = {4, 4, 2, {1, 1, 1}};
    mask[0] = mask[16 + 4 + 1] = mask[15] = 1;
    assert_int_equal(lethe_components(mask, &grid, labels, &count, NULL), LETHE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(labels[0], labels[21]);
    assert_int_not_equal(labels[0], labels[15]);
}

/* Three readers agree, the fourth marks the opposite: STAPLE finds him out. */
static void test_staple(void **state) {
    (void)state;
    uint8_t good[64] = {0}, bad[64];
    double p[64], sensitivity[4], specificity[4];
    fill(good, 8, 2, 2, 6, 6);
    for (int i = 0; i < 64; i++) bad[i] = !good[i];
    const uint8_t *masks[4] = {good, good, good, bad};
    assert_int_equal(lethe_staple(masks, 4, 64, p, sensitivity, specificity, NULL), LETHE_OK);
    near(sensitivity[0], 1, 1e-3);
    near(sensitivity[3], 0, 1e-3);
    near(specificity[3], 0, 1e-3);
    assert_true(p[2 * 8 + 2] > 0.99 && p[0] < 0.01);
}

static double mean_of(const void *context, const size_t *items, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += ((const double *)context)[items[i]];
    return sum / (double)count;
}

/* Four readers who err on every 11th, 7th, 13th and 5th pixel or so; the fixed point was computed by an EM of its own in numpy. */
static void test_staple_against_numpy(void **state) {
    (void)state;
    static const size_t at[8] = {0, 3, 6, 9, 20, 33, 41, 50};
    static const double expected[8] = {0.994301426278, 0.999667338409, 0.000262978094335, 0.0305706761469,
                                       0.592742400871, 0.999667338409, 0.000262978094335, 0.994301426278};
    static const double sensitivities[4] = {0.908730900872, 0.856139604934, 0.905920615377, 0.802720650473},
                        specificities[4] = {0.923315667048, 0.891448540077, 0.921612804947, 0.80889430286};
    uint8_t masks[4][64];
    const uint8_t *const readers[4] = {masks[0], masks[1], masks[2], masks[3]};
    double probability[64], sensitivity[4], specificity[4];
    for (int i = 0; i < 64; i++) {
        uint8_t truth = i % 16 < 6;
        masks[0][i] = (uint8_t)(truth ^ ((i * 7 + 3) % 11 == 0));
        masks[1][i] = (uint8_t)(truth ^ ((i * 5 + 1) % 7 == 0));
        masks[2][i] = (uint8_t)(truth ^ ((i * 3 + 2) % 13 == 0));
        masks[3][i] = (uint8_t)(truth ^ ((i * 11 + 5) % 5 == 0));
    }
    assert_int_equal(lethe_staple(readers, 4, 64, probability, sensitivity, specificity, NULL), LETHE_OK);
    for (int i = 0; i < 8; i++) near(probability[at[i]], expected[i], 1e-5);
    for (int r = 0; r < 4; r++) {
        near(sensitivity[r], sensitivities[r], 1e-5);
        near(specificity[r], specificities[r], 1e-5);
    }
}

/* The assignment against every permutation: 200 random tables of up to 5 x 6 cells. */
static double best_of_all(const double *weights, size_t rows, size_t columns, size_t row, unsigned used) {
    if (row == rows) return 0;
    double best = rows > columns ? best_of_all(weights, rows, columns, row + 1, used) : -INFINITY;
    for (size_t c = 0; c < columns; c++)
        if (!(used >> c & 1u)) best = fmax(best, weights[row * columns + c] + best_of_all(weights, rows, columns, row + 1, used | 1u << c));
    return best;
}

static void test_matching(void **state) {
    (void)state;
    lethe_random random = {7};
    for (int round = 0; round < 200; round++) {
        size_t rows = 1 + lethe_random_below(&random, 5), columns = 1 + lethe_random_below(&random, 6), column_of_row[5];
        double weights[30], total = 0;
        unsigned used = 0;
        for (size_t i = 0; i < rows * columns; i++) weights[i] = (double)lethe_random_below(&random, 10);
        assert_int_equal(lethe_match_largest(weights, rows, columns, column_of_row, NULL), LETHE_OK);
        size_t placed = 0;
        for (size_t i = 0; i < rows; i++) {
            if (column_of_row[i] == SIZE_MAX) continue;
            assert_false(used >> column_of_row[i] & 1u);
            used |= 1u << column_of_row[i];
            total += weights[i * columns + column_of_row[i]];
            placed++;
        }
        assert_int_equal(placed, rows < columns ? rows : columns);
        near(total, best_of_all(weights, rows, columns, 0, 0), 1e-9);
    }
    size_t none[1];
    assert_int_equal(lethe_match_largest(NULL, 1, 0, none, NULL), LETHE_OK);
    assert_true(none[0] == SIZE_MAX);
}

static void test_bootstrap(void **state) {
    (void)state;
    double values[100], interval[2], again[2];
    for (int i = 0; i < 100; i++) values[i] = i;
    assert_int_equal(lethe_bootstrap(mean_of, values, 100, 2000, 1, interval, NULL), LETHE_OK);
    assert_int_equal(lethe_bootstrap(mean_of, values, 100, 2000, 1, again, NULL), LETHE_OK);
    near(interval[0], again[0], 0);
    /* The mean has standard error 28.87 / 10. */
    near(interval[0], 49.5 - 1.96 * 2.887, 0.6);
    near(interval[1], 49.5 + 1.96 * 2.887, 0.6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cohen),
        cmocka_unit_test(test_weighted),
        cmocka_unit_test(test_weighted_published),
        cmocka_unit_test(test_delong),
        cmocka_unit_test(test_fleiss),
        cmocka_unit_test(test_krippendorff),
        cmocka_unit_test(test_icc),
        cmocka_unit_test(test_auroc),
        cmocka_unit_test(test_average_precision),
        cmocka_unit_test(test_pf1),
        cmocka_unit_test(test_froc),
        cmocka_unit_test(test_overlap_and_hausdorff),
        cmocka_unit_test(test_hausdorff_against_brute_force),
        cmocka_unit_test(test_components),
        cmocka_unit_test(test_staple),
        cmocka_unit_test(test_staple_against_numpy),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
