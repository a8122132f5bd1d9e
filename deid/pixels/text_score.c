#include "deid/pixels/text_internal.h"
#include "deid/pixels/text_network.h"
#include "deid/pixels/text_weights.h"

#include <math.h>

/* A perceptron with one hidden layer over a line's features; tools/text_train.py makes the weights. */
float lethe_text_score(const float features[LETHE_TEXT_FEATURES]) {
    float scaled[LETHE_TEXT_FEATURES], sum = text_b2;
    for (unsigned i = 0; i < LETHE_TEXT_FEATURES; i++) {
        float value = (features[i] - text_mean[i]) * text_scale[i];
        scaled[i] = value < -5 ? -5 : value > 5 ? 5 : value; /* NaN cannot come: every divisor is held off zero */
    }
    for (unsigned h = 0; h < LETHE_TEXT_HIDDEN; h++) {
        float hidden = text_b1[h];
        for (unsigned i = 0; i < LETHE_TEXT_FEATURES; i++) hidden += scaled[i] * text_w1[i * LETHE_TEXT_HIDDEN + h];
        sum += tanhf(hidden) * text_w2[h];
    }
    return 1.0f / (1.0f + expf(-sum));
}

float lethe_text_combine(float score, float network_odds) {
    float clipped = score < 1e-4f ? 1e-4f : score > 1 - 1e-4f ? 1 - 1e-4f : score;
    float odds = net_combine[0] + net_combine[1] * logf(clipped / (1 - clipped)) + net_combine[2] * network_odds;
    return 1.0f / (1.0f + expf(-odds));
}
