#include "deid/text_internal.h"
#include "deid/text_network.h"

#include <math.h>
#include <string.h>

enum { H = LETHE_TEXT_CROP_HEIGHT, W = LETHE_TEXT_CROP_WIDTH };

/* Mean of four nearby bilinear samples: crops shrink large letters by up to four. */
static float soft_sample(const lethe_text_level *level, float x, float y, float step) {
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        float u = x + ((i & 1) != 0 ? 0.25f : -0.25f) * step, v = y + ((i & 2) != 0 ? 0.25f : -0.25f) * step;
        u = u < 0 ? 0 : u > (float)(level->w - 1) ? (float)(level->w - 1) : u;
        v = v < 0 ? 0 : v > (float)(level->h - 1) ? (float)(level->h - 1) : v;
        uint32_t x0 = (uint32_t)u, y0 = (uint32_t)v, x1 = x0 + 1 < level->w ? x0 + 1 : x0, y1 = y0 + 1 < level->h ? y0 + 1 : y0;
        float fx = u - (float)x0, fy = v - (float)y0;
        const uint16_t *a = level->value + (size_t)y0 * level->w, *b = level->value + (size_t)y1 * level->w;
        sum += (1 - fy) * ((1 - fx) * (float)a[x0] + fx * (float)a[x1]) + fy * ((1 - fx) * (float)b[x0] + fx * (float)b[x1]);
    }
    return sum / 4;
}

/* The part of a line around `along` (0 to 1), letters about 9 of 16 pixels high, normalised to mean 0 and deviation 1, ink positive. */
static void cut(const lethe_text_level *level, const lethe_text_line *line, float along, float crop[H * W]) {
    float across = (float)(line->vertical ? line->w : line->h), length = (float)(line->vertical ? line->h : line->w);
    float step = across * 1.7f / H, span = step * W, start = length <= span ? (length - span) / 2 : (length - span) * along;
    float middle = line->vertical ? (float)line->x + across / 2 : (float)line->y + across / 2, sum = 0;
    for (int v = 0; v < H; v++)
        for (int u = 0; u < W; u++) {
            float a = start + ((float)u + 0.5f) * step, b = middle + ((float)v + 0.5f - H / 2) * step;
            float x = line->vertical ? b : (float)line->x + a, y = line->vertical ? (float)line->y + length - a : b;
            float value = soft_sample(level, x - 0.5f, y - 0.5f, step);
            crop[v * W + u] = value;
            sum += value;
        }
    float mean = sum / (H * W), variance = 0;
    for (int i = 0; i < H * W; i++) variance += (crop[i] - mean) * (crop[i] - mean);
    float scale = 1 / (sqrtf(variance / (H * W)) + 1e-3f);
    if (line->dark) scale = -scale;
    for (int i = 0; i < H * W; i++) {
        float value = (crop[i] - mean) * scale;
        crop[i] = value < -4 ? -4 : value > 4 ? 4 : value;
    }
}

unsigned lethe_text_crops(const lethe_text_level *level, const lethe_text_line *line, float crops[LETHE_TEXT_CROPS][H * W]) {
    float across = (float)(line->vertical ? line->w : line->h), length = (float)(line->vertical ? line->h : line->w), span = across * 1.7f / H * W;
    unsigned count = length <= span * 1.2f ? 1 : LETHE_TEXT_CROPS;
    for (unsigned i = 0; i < count; i++) cut(level, line, count == 1 ? 0.5f : (float)i / (float)(count - 1), crops[i]);
    return count;
}

/* 3 x 3 convolution with border zeros, then ReLU and 2 x 2 maximum; channels innermost. `padded` has a border of one pixel all round. Sizes are
 * constants where it is called, so that the loops unroll. */
static inline __attribute__((always_inline)) void layer(const float *padded, int h, int w, int in, const float *weights, const float *bias, int out,
                                                        float *to, int to_border) {
    int stride = (w + 2) * in, to_stride = (w / 2 + 2 * to_border) * out;
    for (int y = 0; y < h / 2; y++)
        for (int x = 0; x < w / 2; x++) {
            float best[NET_C] = {0};
            for (int k = 0; k < 4; k++) {
                float sum[NET_C];
                const float *at = padded + (2 * y + k / 2) * stride + (2 * x + k % 2) * in;
                for (int c = 0; c < out; c++) sum[c] = bias[c];
                for (int dy = 0; dy < 3; dy++)
                    for (int i = 0; i < 3 * in; i++) {
                        float value = at[dy * stride + i];
                        const float *row = weights + (dy * 3 * in + i) * out;
                        for (int c = 0; c < out; c++) sum[c] += value * row[c];
                    }
                for (int c = 0; c < out; c++) best[c] = sum[c] > best[c] ? sum[c] : best[c];
            }
            float *cell = to + (y + to_border) * to_stride + (x + to_border) * out;
            for (int c = 0; c < out; c++) cell[c] = best[c];
        }
}

static inline __attribute__((always_inline)) float run_network(const float *crop) {
    float first[(H + 2) * (W + 2)] = {0}, second[(H / 2 + 2) * (W / 2 + 2) * NET_A] = {0}, third[(H / 4 + 2) * (W / 4 + 2) * NET_B] = {0};
    float flat[H / 8 * (W / 8) * NET_C], sum = net_bias_out;
    for (int y = 0; y < H; y++) memcpy(first + (y + 1) * (W + 2) + 1, crop + y * W, W * sizeof *crop);
    layer(first, H, W, 1, net_wa, net_ba, NET_A, second, 1);
    layer(second, H / 2, W / 2, NET_A, net_wb, net_bb, NET_B, third, 1);
    layer(third, H / 4, W / 4, NET_B, net_wc, net_bc, NET_C, flat, 0);
    float hidden[NET_D];
    for (int d = 0; d < NET_D; d++) hidden[d] = net_bd[d];
    for (int i = 0; i < H / 8 * (W / 8) * NET_C; i++)
        for (int d = 0; d < NET_D; d++) hidden[d] += flat[i] * net_wd[i * NET_D + d];
    for (int d = 0; d < NET_D; d++) sum += (hidden[d] > 0 ? hidden[d] : 0) * net_wout[d];
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float run_wide(const float *crop) { return run_network(crop); }
#endif
static float run_plain(const float *crop) { return run_network(crop); }

float lethe_text_network(const float crop[H * W]) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return run_wide(crop);
#endif
    return run_plain(crop);
}
