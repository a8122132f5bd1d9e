#include "deid/pixels/text_internal.h"
#include "deid/pixels/text_judge.h"
#include "deid/pixels/text_network.h"
#include "deid/pixels/text_weights.h"

#include <math.h>

void lethe_text_features_scale(const float features[LETHE_TEXT_FEATURES], float scaled[LETHE_TEXT_FEATURES]) {
    for (unsigned i = 0; i < LETHE_TEXT_FEATURES; i++) {
        float value = (features[i] - text_mean[i]) * text_scale[i];
        scaled[i] = value < -5 ? -5 : value > 5 ? 5 : value; /* NaN cannot come: every divisor is held off zero */
    }
}

/* A perceptron with one hidden layer over a line's features; tools/text_train.py makes the weights. */
float lethe_text_score(const float features[LETHE_TEXT_FEATURES]) {
    float scaled[LETHE_TEXT_FEATURES], sum = text_b2;
    lethe_text_features_scale(features, scaled);
    for (unsigned h = 0; h < LETHE_TEXT_HIDDEN; h++) {
        float hidden = text_b1[h];
        for (unsigned i = 0; i < LETHE_TEXT_FEATURES; i++) hidden += scaled[i] * text_w1[i * LETHE_TEXT_HIDDEN + h];
        sum += tanhf(hidden) * text_w2[h];
    }
    return 1.0f / (1.0f + expf(-sum));
}

static float combine(const float k[3], float score, float odds) {
    float clipped = score < 1e-4f ? 1e-4f : score > 1 - 1e-4f ? 1 - 1e-4f : score;
    return 1.0f / (1.0f + expf(-(k[0] + k[1] * logf(clipped / (1 - clipped)) + k[2] * odds)));
}

float lethe_text_combine(float score, float network_odds) { return combine(net_combine, score, network_odds); }
float lethe_text_combine_judge(float score, float judge_odds) { return combine(judge_combine, score, judge_odds); }
