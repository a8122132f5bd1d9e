/* Development tool: trains the networks of text_network.c and how their word is weighed with what was known before; called by text_network_train.py
 * and, built with TEXT_JUDGE as lethe-text-train-judge, by text_judge_train.py. Usage: lethe-text-train CROPS LABELS ROUNDS   writes the tables of
 * deid/pixels/text_network.h or text_judge.h. One thread, a fixed seed, a fixed instruction set: the same input gives the same output with the same
 * compiler. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TEXT_JUDGE
enum { H = 24, W = 96, A = 8, B = 16, C = 24, D = 32, WINDOWS = 3, EXTRA = 20 };
#define NAME "judge"
#define GUARD "JUDGE"
#define LETTERS "JUDGE"
#else
enum { H = 16, W = 64, A = 8, B = 16, C = 24, D = 32, WINDOWS = 2, EXTRA = 0 };
#define NAME "net"
#define GUARD "NETWORK"
#define LETTERS "NET"
#endif
enum { MAPS = H / 8 * (W / 8) * C, FLAT = MAPS + EXTRA, BATCH = 128 };
/* The same instructions on every machine (that has them). */
#if defined(__x86_64__)
#define FIXED __attribute__((target("avx2,fma")))
#else
#define FIXED
#endif

typedef struct parameters {
    float wa[9 * A], ba[A], wb[9 * A * B], bb[B], wc[9 * B * C], bc[C], wd[FLAT * D], bd[D], wout[D], bias;
} parameters;
enum { PARAMETERS = sizeof(parameters) / sizeof(float) };

typedef struct sample {
    int8_t crops[WINDOWS][H * W];
    float extra[EXTRA + 1];
    float score;
    int label;
} sample;

/* What the forward pass leaves for the backward one. */
typedef struct activity {
    float first[(H + 2) * (W + 2)], second[(H / 2 + 2) * (W / 2 + 2) * A], third[(H / 4 + 2) * (W / 4 + 2) * B], flat[FLAT], hidden[D];
    uint8_t best_a[H / 2 * (W / 2) * A], best_b[H / 4 * (W / 4) * B], best_c[MAPS];
} activity;

static uint64_t state = 88172645463325252u;
static double uniform(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}
static float normal(void) { return (float)(sqrt(-2 * log(uniform() + 1e-12)) * cos(6.283185307 * uniform())); }
static size_t below(size_t limit) { return (size_t)(uniform() * (double)limit); }

/* Convolution, ReLU, 2 x 2 maximum; `best` keeps which of the four won (4: none was above zero). */
static inline __attribute__((always_inline)) void forward_layer(const float *in_pixels, int h, int w, int in, const float *weights, const float *bias,
                                                                int out, float *to, int border, uint8_t *best) {
    int stride = (w + 2) * in, to_stride = (w / 2 + 2 * border) * out;
    for (int y = 0; y < h / 2; y++)
        for (int x = 0; x < w / 2; x++) {
            float sums[4][C];
            for (int k = 0; k < 4; k++) {
                const float *at = in_pixels + (2 * y + k / 2) * stride + (2 * x + k % 2) * in;
                for (int c = 0; c < out; c++) sums[k][c] = bias[c];
                for (int dy = 0; dy < 3; dy++)
                    for (int i = 0; i < 3 * in; i++)
                        for (int c = 0; c < out; c++) sums[k][c] += at[dy * stride + i] * weights[(dy * 3 * in + i) * out + c];
            }
            float *cell = to + (y + border) * to_stride + (x + border) * out;
            for (int c = 0; c < out; c++) {
                int winner = 4;
                float value = 0;
                for (int k = 0; k < 4; k++)
                    if (sums[k][c] > value) value = sums[k][c], winner = k;
                cell[c] = value;
                best[(y * (w / 2) + x) * out + c] = (uint8_t)winner;
            }
        }
}

/* `grown` is the gradient of the output (with the border of the next layer); `down`, of the input, may be NULL. */
static inline __attribute__((always_inline)) void backward_layer(const float *in_pixels, int h, int w, int in, const float *weights, int out,
                                                                 const float *grown, int border, const uint8_t *best, float *to_weights,
                                                                 float *to_bias, float *down) {
    int stride = (w + 2) * in, from_stride = (w / 2 + 2 * border) * out;
    for (int y = 0; y < h / 2; y++)
        for (int x = 0; x < w / 2; x++) {
            const float *cell = grown + (y + border) * from_stride + (x + border) * out;
            const uint8_t *winner = best + (y * (w / 2) + x) * out;
            for (int k = 0; k < 4; k++) {
                float g[C];
                bool any = false;
                for (int c = 0; c < out; c++) {
                    g[c] = winner[c] == k ? cell[c] : 0;
                    any = any || g[c] != 0;
                }
                if (!any) continue;
                size_t at = (size_t)((2 * y + k / 2) * stride + (2 * x + k % 2) * in);
                for (int c = 0; c < out; c++) to_bias[c] += g[c];
                for (int dy = 0; dy < 3; dy++)
                    for (int i = 0; i < 3 * in; i++) {
                        float value = in_pixels[at + (size_t)(dy * stride + i)], sum = 0;
                        const float *row = weights + (dy * 3 * in + i) * out;
                        float *grad = to_weights + (dy * 3 * in + i) * out;
                        for (int c = 0; c < out; c++) grad[c] += value * g[c];
                        if (down == NULL) continue;
                        for (int c = 0; c < out; c++) sum += row[c] * g[c];
                        down[at + (size_t)(dy * stride + i)] += sum;
                    }
            }
        }
}

FIXED static float forward(const parameters *p, activity *a, const float *crop, const float *extra) {
    for (int y = 0; y < H; y++) memcpy(a->first + (y + 1) * (W + 2) + 1, crop + y * W, W * sizeof *crop);
    forward_layer(a->first, H, W, 1, p->wa, p->ba, A, a->second, 1, a->best_a);
    forward_layer(a->second, H / 2, W / 2, A, p->wb, p->bb, B, a->third, 1, a->best_b);
    forward_layer(a->third, H / 4, W / 4, B, p->wc, p->bc, C, a->flat, 0, a->best_c);
    for (int i = 0; i < EXTRA; i++) a->flat[MAPS + i] = extra[i];
    float sum = p->bias;
    for (int d = 0; d < D; d++) a->hidden[d] = p->bd[d];
    for (int i = 0; i < FLAT; i++)
        for (int d = 0; d < D; d++) a->hidden[d] += a->flat[i] * p->wd[i * D + d];
    for (int d = 0; d < D; d++) sum += (a->hidden[d] > 0 ? a->hidden[d] : 0) * p->wout[d];
    return sum;
}

FIXED static void backward(const parameters *p, const activity *a, float slope, parameters *g) {
    static float flat[FLAT], third[sizeof a->third / sizeof(float)], second[sizeof a->second / sizeof(float)];
    float hidden[D];
    memset(third, 0, sizeof third);
    memset(second, 0, sizeof second);
    g->bias += slope;
    for (int d = 0; d < D; d++) {
        g->wout[d] += slope * (a->hidden[d] > 0 ? a->hidden[d] : 0);
        hidden[d] = a->hidden[d] > 0 ? slope * p->wout[d] : 0;
        g->bd[d] += hidden[d];
    }
    for (int i = 0; i < FLAT; i++) {
        float sum = 0;
        for (int d = 0; d < D; d++) {
            g->wd[i * D + d] += a->flat[i] * hidden[d];
            sum += p->wd[i * D + d] * hidden[d];
        }
        flat[i] = sum;
    }
    backward_layer(a->third, H / 4, W / 4, B, p->wc, C, flat, 0, a->best_c, g->wc, g->bc, third);
    backward_layer(a->second, H / 2, W / 2, A, p->wb, B, third, 1, a->best_b, g->wb, g->bb, second);
    backward_layer(a->first, H, W, 1, p->wa, A, second, 1, a->best_a, g->wa, g->ba, NULL);
}

static void start(float *weights, size_t count, int in) {
    for (size_t i = 0; i < count; i++) weights[i] = normal() * sqrtf(2.0f / (float)in);
}

/* One window of a sample: shifted by a pixel or two, half of the time with noise. */
static void vary(const int8_t *crop, float out[H * W]) {
    int dx = (int)below(5) - 2, dy = (int)below(3) - 1;
    float noise = uniform() < 0.5 ? (float)uniform() * 0.25f : 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) out[y * W + x] = (float)crop[(y + dy + H) % H * W + (x + dx + W) % W] / 31 + (noise > 0 ? noise * normal() : 0);
}

static float odds_of(const parameters *p, activity *a, const sample *s) {
    float crop[H * W], sum = 0;
    for (int k = 0; k < WINDOWS; k++) {
        for (int i = 0; i < H * W; i++) crop[i] = (float)s->crops[k][i] / 31;
        sum += forward(p, a, crop, s->extra) / WINDOWS;
    }
    return sum;
}

static double sigmoid(double x) { return 1 / (1 + exp(-(x < -30 ? -30 : x > 30 ? 30 : x))); }
static double logit(float score) {
    double s = score < 1e-4f ? 1e-4 : score > 1 - 1e-4f ? 1 - 1e-4 : (double)score;
    return log(s / (1 - s));
}

static sample *load(const char *crops_name, const char *labels_name, size_t *count) {
    FILE *crops = fopen(crops_name, "rb"), *labels = fopen(labels_name, "r");
    size_t capacity = 0;
    sample *samples = NULL, s;
    *count = 0;
    if (crops == NULL || labels == NULL) return NULL;
    while (fscanf(labels, "%d %f", &s.label, &s.score) == 2 && fread(s.crops, sizeof s.crops, 1, crops) == 1 &&
           (EXTRA == 0 || fread(s.extra, EXTRA * sizeof(float), 1, crops) == 1)) {
        if (s.label < 0) continue;
        /* Easy examples without text are many: a part of them is enough. */
        if (EXTRA == 0 && s.label == 0 && s.score < 0.3f && uniform() > (s.score > 0.06f ? 0.5 : 0.05)) continue;
        if (*count == capacity) {
            capacity = capacity * 2 + 4096;
            sample *grown = realloc(samples, capacity * sizeof *samples);
            if (grown == NULL) exit(1);
            samples = grown;
        }
        samples[(*count)++] = s;
    }
    (void)fclose(crops);
    (void)fclose(labels);
    for (size_t i = *count; i-- > 1;) {
        size_t j = below(i + 1);
        s = samples[i];
        samples[i] = samples[j];
        samples[j] = s;
    }
    return samples;
}

static void table(const char *name, const float *values, size_t count) {
    (void)printf("static const float %s[%zu] = {\n", name, count);
    for (size_t i = 0; i < count; i += 10) {
        (void)printf("   ");
        for (size_t k = i; k < i + 10 && k < count; k++) (void)printf(" %.4ef,", (double)values[k]);
        (void)printf("\n");
    }
    (void)printf("};\n\n");
}

static void weigh(const double *lo, const double *net, const sample *held, size_t count, double k[3]) {
    k[0] = 0;
    k[1] = 0.4;
    k[2] = 0.9;
    for (int step = 0; step < 3000; step++) {
        double g[3] = {0};
        for (size_t i = 0; i < count; i++) {
            double e = sigmoid(k[0] + k[1] * lo[i] + k[2] * net[i]) - held[i].label;
            g[0] += e;
            g[1] += e * lo[i];
            g[2] += e * net[i];
        }
        for (int j = 0; j < 3; j++) k[j] -= 0.05 * g[j] / (double)count;
    }
    for (double limit = 0.5; limit < 1; limit += limit < 0.8 ? 0.35 : 0.12) {
        size_t right = 0, text = 0, wrong = 0;
        for (size_t i = 0; i < count; i++) {
            bool yes = sigmoid(k[0] + k[1] * lo[i] + k[2] * net[i]) > limit;
            text += held[i].label == 1;
            right += yes && held[i].label == 1;
            wrong += yes && held[i].label == 0;
        }
        (void)fprintf(stderr, "combined at %.2f: recall %.4f false %.5f\n", limit, (double)right / (double)text,
                      (double)wrong / (double)(count - text));
    }
}

int main(int argc, char **argv) {
    static parameters p, g, m, v;
    static activity a;
    size_t count;
    sample *samples = argc == 4 ? load(argv[1], argv[2], &count) : NULL;
    if (samples == NULL || count < 1000) return 1;
    size_t held = count / 8, used = count - held;
    int rounds = (int)strtol(argv[3], NULL, 10);
    start(p.wa, 9 * A, 9);
    start(p.wb, (size_t)9 * A * B, 9 * A);
    start(p.wc, (size_t)9 * B * C, 9 * B);
    start(p.wd, (size_t)FLAT * D, FLAT);
    start(p.wout, D, D);
    double step = 0, total = (double)rounds * (double)(used / BATCH);
    for (int round = 0; round < rounds; round++) {
        double loss = 0;
        for (size_t batch = 0; batch < used / BATCH; batch++) {
            memset(&g, 0, sizeof g);
            for (int i = 0; i < BATCH; i++) {
                const sample *s = &samples[held + below(used)];
                float crop[H * W];
                vary(s->crops[below(WINDOWS)], crop);
                double out = forward(&p, &a, crop, s->extra), probability = sigmoid(out);
                loss -= log((s->label == 1 ? probability : 1 - probability) + 1e-7);
                /* What is known well already teaches nothing. */
                if (fabs(probability - s->label) > 0.02) backward(&p, &a, (float)((probability - s->label) / BATCH), &g);
            }
            step++;
            double rate = 0.002 * fmax(0.02, 1 - step / total), fix_m = 1 - pow(0.9, step), fix_v = 1 - pow(0.999, step);
            float *pp = (float *)&p, *gp = (float *)&g, *mp = (float *)&m, *vp = (float *)&v;
            for (size_t i = 0; i < PARAMETERS; i++) {
                float slope = gp[i] + 1e-5f * pp[i];
                mp[i] = 0.9f * mp[i] + 0.1f * slope;
                vp[i] = 0.999f * vp[i] + 0.001f * slope * slope;
                pp[i] -= (float)(rate * ((double)mp[i] / fix_m) / (sqrt((double)vp[i] / fix_v) + 1e-8));
            }
        }
        size_t right = 0, text = 0, wrong = 0;
        for (size_t i = 0; i < held; i++) {
            bool yes = odds_of(&p, &a, &samples[i]) > 0;
            text += samples[i].label == 1;
            right += yes && samples[i].label == 1;
            wrong += yes && samples[i].label == 0;
        }
        (void)fprintf(stderr, "round %d of %zu examples: loss %.4f held-out: recall %.4f false %.4f\n", round, used,
                      loss / (double)(used / BATCH * BATCH), (double)right / (double)text, (double)wrong / (double)(held - text));
    }
    double *lo = calloc(held, sizeof *lo), *net = calloc(held, sizeof *net), k[3];
    if (lo == NULL || net == NULL) return 1;
    for (size_t i = 0; i < held; i++) {
        lo[i] = logit(samples[i].score);
        net[i] = odds_of(&p, &a, &samples[i]);
    }
    weigh(lo, net, samples, held, k);
    (void)printf("#ifndef LETHE_DEID_TEXT_" GUARD "_H\n#define LETHE_DEID_TEXT_" GUARD "_H\n\nenum { " LETTERS "_A = %d, " LETTERS "_B = %d, " LETTERS
                 "_C = %d, " LETTERS "_D = %d };\n\n",
                 A, B, C, D);
    table(NAME "_wa", p.wa, 9 * A);
    table(NAME "_ba", p.ba, A);
    table(NAME "_wb", p.wb, (size_t)9 * A * B);
    table(NAME "_bb", p.bb, B);
    table(NAME "_wc", p.wc, (size_t)9 * B * C);
    table(NAME "_bc", p.bc, C);
    table(NAME "_wd", p.wd, (size_t)FLAT * D);
    table(NAME "_bd", p.bd, D);
    table(NAME "_wout", p.wout, D);
    (void)printf("static const float " NAME "_bias_out = %.6ef;\nstatic const float " NAME "_combine[3] = {%.6ef, %.6ef, %.6ef};\n\n#endif\n",
                 (double)p.bias, k[0], k[1], k[2]);
    free(lo);
    free(net);
    free(samples);
    return 0;
}
