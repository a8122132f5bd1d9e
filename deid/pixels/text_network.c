#include "deid/pixels/text_network.h"
#include "deid/pixels/text_internal.h"
#include "deid/pixels/text_judge.h"

#include <string.h>

enum { H = LETHE_TEXT_CROP_HEIGHT, W = LETHE_TEXT_CROP_WIDTH, LANES = 8 };

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));

_Static_assert((int)NET_A == (int)LANES && (int)NET_B == 2 * LANES && (int)NET_C == 3 * LANES && (int)NET_D == 4 * LANES, "layers are whole vectors");
_Static_assert((int)JUDGE_A % (int)LANES == 0 && (int)JUDGE_B % (int)LANES == 0 && JUDGE_C == 3 * LANES && JUDGE_D == 4 * LANES, "likewise");

/* 3 x 3 convolution with border zeros, then ReLU and 2 x 2 maximum; channels innermost. `padded` has a border of one pixel all round. Sizes are
 * constants where it is called: the four sums of a cell stay in registers. */
static inline __attribute__((always_inline)) void layer(const float *padded, int h, int w, int in, const float *weights, const float *bias,
                                                        int vectors, float *to, int to_border) {
    int stride = (w + 2) * in, out = vectors * LANES, to_stride = (w / 2 + 2 * to_border) * out;
    for (int y = 0; y < h / 2; y++)
        for (int x = 0; x < w / 2; x++) {
            lanes a[3], b[3], c[3], d[3]; /* more do not fit the registers */
            for (int v = 0; v < vectors; v++) a[v] = b[v] = c[v] = d[v] = *(const lanes *)(bias + v * LANES);
            const float *at = padded + 2 * y * stride + 2 * x * in;
            for (int dy = 0; dy < 3; dy++)
                for (int i = 0; i < 3 * in; i++) {
                    const float *from = at + dy * stride + i, *row = weights + (dy * 3 * in + i) * out;
                    for (int v = 0; v < vectors; v++) {
                        lanes weight = *(const lanes *)(row + v * LANES);
                        a[v] += weight * from[0];
                        b[v] += weight * from[in];
                        c[v] += weight * from[stride];
                        d[v] += weight * from[stride + in];
                    }
                }
            float *cell = to + (y + to_border) * to_stride + (x + to_border) * out;
            for (int v = 0; v < vectors; v++)
                for (int i = 0; i < LANES; i++) {
                    float p = a[v][i] > b[v][i] ? a[v][i] : b[v][i], q = c[v][i] > d[v][i] ? c[v][i] : d[v][i];
                    p = p > q ? p : q;
                    cell[v * LANES + i] = p > 0 ? p : 0;
                }
        }
}

/* A dense layer of 32 with ReLU, and their weighted sum. */
static inline __attribute__((always_inline)) float dense(const float *from, int count, const float *weights, const float *bias, const float *out) {
    lanes hidden[4];
    float sum = 0;
    for (int v = 0; v < 4; v++) hidden[v] = *(const lanes *)(bias + v * LANES);
    for (int i = 0; i < count; i++)
        for (int v = 0; v < 4; v++) hidden[v] += *(const lanes *)(weights + i * 4 * LANES + v * LANES) * from[i];
    for (int d = 0; d < 4 * LANES; d++) {
        float value = hidden[d / LANES][d % LANES];
        sum += (value > 0 ? value : 0) * out[d];
    }
    return sum;
}

static inline __attribute__((always_inline)) float run_network(const float *crop) {
    float first[(H + 2) * (W + 2)] = {0}, second[(H / 2 + 2) * (W / 2 + 2) * NET_A] = {0}, third[(H / 4 + 2) * (W / 4 + 2) * NET_B] = {0};
    float flat[H / 8 * (W / 8) * NET_C], sum = net_bias_out;
    for (int y = 0; y < H; y++) memcpy(first + (y + 1) * (W + 2) + 1, crop + y * W, W * sizeof *crop);
    layer(first, H, W, 1, net_wa, net_ba, 1, second, 1);
    layer(second, H / 2, W / 2, NET_A, net_wb, net_bb, 2, third, 1);
    layer(third, H / 4, W / 4, NET_B, net_wc, net_bc, 3, flat, 0);
    return sum + dense(flat, H / 8 * (W / 8) * NET_C, net_wd, net_bd, net_wout);
}

static inline __attribute__((always_inline)) float run_judge(const float *crop, const float *features) {
    enum { JH = LETHE_TEXT_JUDGE_HEIGHT, JW = LETHE_TEXT_JUDGE_WIDTH, FLAT = JH / 8 * (JW / 8) * JUDGE_C };
    float first[(JH + 2) * (JW + 2)] = {0}, second[(JH / 2 + 2) * (JW / 2 + 2) * JUDGE_A] = {0}, third[(JH / 4 + 2) * (JW / 4 + 2) * JUDGE_B] = {0};
    float flat[FLAT + LETHE_TEXT_FEATURES], sum = judge_bias_out;
    for (int y = 0; y < JH; y++) memcpy(first + (y + 1) * (JW + 2) + 1, crop + y * JW, JW * sizeof *crop);
    layer(first, JH, JW, 1, judge_wa, judge_ba, JUDGE_A / LANES, second, 1);
    layer(second, JH / 2, JW / 2, JUDGE_A, judge_wb, judge_bb, JUDGE_B / LANES, third, 1);
    layer(third, JH / 4, JW / 4, JUDGE_B, judge_wc, judge_bc, JUDGE_C / LANES, flat, 0);
    memcpy(flat + FLAT, features, LETHE_TEXT_FEATURES * sizeof *features);
    return sum + dense(flat, FLAT + LETHE_TEXT_FEATURES, judge_wd, judge_bd, judge_wout);
}

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2,fma")))
WIDE static float network_wide(const float *crop) { return run_network(crop); }
WIDE static float judge_wide(const float *crop, const float *features) { return run_judge(crop, features); }
static bool has_wide(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
static float network_wide(const float *crop) { return run_network(crop); }
static float judge_wide(const float *crop, const float *features) { return run_judge(crop, features); }
static bool has_wide(void) { return false; }
#endif
static float network_plain(const float *crop) { return run_network(crop); }
static float judge_plain(const float *crop, const float *features) { return run_judge(crop, features); }

float lethe_text_network(const float crop[H * W]) { return has_wide() ? network_wide(crop) : network_plain(crop); }

float lethe_text_judge(const float crop[LETHE_TEXT_JUDGE_HEIGHT * LETHE_TEXT_JUDGE_WIDTH], const float features[LETHE_TEXT_FEATURES]) {
    return has_wide() ? judge_wide(crop, features) : judge_plain(crop, features);
}
