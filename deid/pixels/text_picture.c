#include "deid/pixels/text_internal.h"

#include <math.h>
#include <string.h>

enum { TAPS = 4, LONGEST = 640, WIDEST = LETHE_TEXT_JUDGE_WIDTH };

/* The form of a window: pixels, and heights of the line that they hold. */
typedef struct window {
    int h, w;
    float heights;
} window;
static const window small = {LETHE_TEXT_CROP_HEIGHT, LETHE_TEXT_CROP_WIDTH, 1.7f}, large = {LETHE_TEXT_JUDGE_HEIGHT, LETHE_TEXT_JUDGE_WIDTH, 2.2f};

/* Four samples that together are the mean of two linear interpolations, a quarter step to either side: crops shrink large letters by up to four. */
typedef struct taps {
    uint32_t at[TAPS];
    float weight[TAPS];
} taps;

static taps taps_at(float position, float step, uint32_t size) {
    taps t;
    for (unsigned i = 0; i < 2; i++) {
        float u = position + (i == 0 ? -0.25f : 0.25f) * step;
        u = u < 0 ? 0 : u > (float)(size - 1) ? (float)(size - 1) : u;
        uint32_t whole = (uint32_t)u;
        float part = u - (float)whole;
        t.at[2 * i] = whole;
        t.at[2 * i + 1] = whole + 1 < size ? whole + 1 : whole;
        t.weight[2 * i] = (1 - part) / 2;
        t.weight[2 * i + 1] = part / 2;
    }
    return t;
}

/* One row of a crop: `sources` are the four lines of pixels across, `step` apart in memory; `along` picks from their weighted sum. */
static void cut_row(const uint16_t *const sources[TAPS], const float weight[TAPS], size_t step, uint32_t first, uint32_t count, const taps *along,
                    int w, float *row) {
    float line[LONGEST];
    for (uint32_t i = 0; i < count; i++) {
        size_t at = (size_t)(first + i) * step;
        line[i] = weight[0] * (float)sources[0][at] + weight[1] * (float)sources[1][at] + weight[2] * (float)sources[2][at] +
                  weight[3] * (float)sources[3][at];
    }
    for (int u = 0; u < w; u++) {
        const taps *t = &along[u];
        row[u] = line[t->at[0] - first] * t->weight[0] + line[t->at[1] - first] * t->weight[1] + line[t->at[2] - first] * t->weight[2] +
                 line[t->at[3] - first] * t->weight[3];
    }
}

static void normalise(float *crop, int size, bool dark) {
    float sum = 0, variance = 0;
    for (int i = 0; i < size; i++) sum += crop[i];
    float mean = sum / (float)size;
    for (int i = 0; i < size; i++) variance += (crop[i] - mean) * (crop[i] - mean);
    float scale = 1 / (sqrtf(variance / (float)size) + 1e-3f);
    if (dark) scale = -scale;
    for (int i = 0; i < size; i++) {
        float value = (crop[i] - mean) * scale;
        crop[i] = value < -4 ? -4 : value > 4 ? 4 : value;
    }
}

/* The part of a line around `part` (0 to 1), normalised to mean 0 and deviation 1, ink positive. A vertical line
 * is read upwards. */
static void cut(const lethe_text_level *level, const lethe_text_line *line, float part, const window *form, float *crop) {
    bool turned = line->vertical;
    float across = (float)(turned ? line->w : line->h), length = (float)(turned ? line->h : line->w);
    float step = across * form->heights / (float)form->h, span = step * (float)form->w,
          start = length <= span ? (length - span) / 2 : (length - span) * part;
    float middle = turned ? (float)line->x + across / 2 : (float)line->y + across / 2;
    uint32_t along_size = turned ? level->h : level->w, across_size = turned ? level->w : level->h;
    taps along[WIDEST];
    uint32_t first = UINT32_MAX, last = 0;
    for (int u = 0; u < form->w; u++) {
        float a = start + ((float)u + 0.5f) * step;
        along[u] = taps_at((turned ? (float)line->y + length - a : (float)line->x + a) - 0.5f, step, along_size);
        for (int k = 0; k < TAPS; k++) {
            first = along[u].at[k] < first ? along[u].at[k] : first;
            last = along[u].at[k] > last ? along[u].at[k] : last;
        }
    }
    uint32_t count = last - first + 1 > LONGEST ? LONGEST : last - first + 1;
    if (last - first + 1 > LONGEST) /* a level holds letters of at most 36 pixels; larger ones only touch the rim of the buffer */
        for (int u = 0; u < form->w; u++)
            for (int k = 0; k < TAPS; k++)
                if (along[u].at[k] - first >= LONGEST) along[u].at[k] = first + LONGEST - 1;
    for (int v = 0; v < form->h; v++) {
        taps down = taps_at(middle + ((float)v + 0.5f - (float)form->h / 2) * step - 0.5f, step, across_size);
        const uint16_t *sources[TAPS];
        for (int k = 0; k < TAPS; k++) sources[k] = level->value + (turned ? down.at[k] : (size_t)down.at[k] * level->stride);
        cut_row(sources, down.weight, turned ? level->stride : 1, first, count, along, form->w, crop + v * form->w);
    }
    normalise(crop, form->h * form->w, line->dark);
}

/* How many windows it takes: one, or several from end to end. */
static unsigned windows(const lethe_text_line *line, const window *form, unsigned most) {
    float across = (float)(line->vertical ? line->w : line->h), length = (float)(line->vertical ? line->h : line->w);
    float span = across * form->heights / (float)form->h * (float)form->w;
    unsigned count = length <= span * 1.2f ? 1 : length <= span * 2 ? 2 : most;
    return count < most ? count : most;
}

unsigned lethe_text_crops(const lethe_text_level *level, const lethe_text_line *line,
                          float crops[LETHE_TEXT_CROPS][LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH]) {
    unsigned count = windows(line, &small, LETHE_TEXT_CROPS);
    for (unsigned i = 0; i < count; i++) cut(level, line, count == 1 ? 0.5f : (float)i / (float)(count - 1), &small, crops[i]);
    return count;
}

unsigned lethe_text_judge_crops(const lethe_text_level *level, const lethe_text_line *line,
                                float crops[LETHE_TEXT_JUDGE_CROPS][LETHE_TEXT_JUDGE_HEIGHT * LETHE_TEXT_JUDGE_WIDTH]) {
    unsigned count = windows(line, &large, LETHE_TEXT_JUDGE_CROPS);
    for (unsigned i = 0; i < count; i++) cut(level, line, count == 1 ? 0.5f : (float)i / (float)(count - 1), &large, crops[i]);
    return count;
}
