/* The parts of the text detector: planes and thresholds (text_planes.c), components (text_components.c), lines (text_lines.c). Layer: deid. */
#ifndef LETHE_DEID_TEXT_INTERNAL_H
#define LETHE_DEID_TEXT_INTERNAL_H

#include "core/error.h"
#include "deid/text_detector.h"

#include <stddef.h>
#include <stdint.h>

enum { LETHE_TEXT_BLOCK = 16, LETHE_TEXT_RADIUS = 10, LETHE_TEXT_FEATURES = 20, LETHE_TEXT_LEVELS = 4, LETHE_TEXT_MAX_COMPONENTS = 1 << 19 };

/* One pyramid level of one colour plane, with its local means and thresholds. */
typedef struct lethe_text_level {
    uint32_t w, h, blocks_x, blocks_y;
    uint16_t *value, *mean;          /* w * h */
    uint16_t *noise;                 /* per block: deviation of the background, times 16 */
    uint16_t *bright_max, *dark_max; /* per block: largest deviation above and below the mean, neighbours included */
    uint16_t floor;                  /* least contrast that counts */
    float range;                     /* of values in the level, without outliers */
} lethe_text_level;

typedef struct lethe_text_component {
    int32_t x0, y0, x1, y1; /* both ends inside */
    uint32_t area, hruns, vruns;
    float ink, contrast; /* mean value, mean distance from the local mean */
    float noise;
    bool used;
} lethe_text_component;

typedef struct lethe_text_components {
    lethe_text_component *items;
    size_t count, capacity;
    /* scratch of the labelling */
    uint8_t *rows; /* two mask rows */
    size_t rows_size;
    void *labels, *runs;
    size_t label_capacity, run_capacity;
} lethe_text_components;

typedef struct lethe_text_lines {
    lethe_text_line *items;
    float (*features)[LETHE_TEXT_FEATURES];
    size_t count, capacity;
    int32_t *heads, *next;
    uint32_t *order;
    size_t head_capacity, item_capacity;
} lethe_text_lines;

/* --- planes --- */
/* Values of one channel as 16-bit numbers that keep their order; `width` and `height` of the level must be set and its arrays allocated. */
void lethe_text_level_load(lethe_text_level *level, const lethe_image *image, unsigned channel);
void lethe_text_level_halve(const lethe_text_level *from, lethe_text_level *to);
LETHE_NODISCARD lethe_status lethe_text_level_allocate(lethe_text_level *level, uint32_t w, uint32_t h, lethe_error *error);
void lethe_text_level_release(lethe_text_level *level);
/* Local means, noise and extremes. `columns` is scratch that grows. */
LETHE_NODISCARD lethe_status lethe_text_level_measure(lethe_text_level *level, unsigned floor, uint32_t **columns, size_t *columns_size,
                                                      lethe_error *error);

/* --- components --- */
typedef struct lethe_text_pass {
    bool dark;     /* darker than the surroundings */
    bool adaptive; /* threshold follows the strongest contrast nearby; else only the noise */
} lethe_text_pass;
LETHE_NODISCARD lethe_status lethe_text_components_find(lethe_text_components *components, const lethe_text_level *level, lethe_text_pass pass,
                                                        lethe_error *error);
void lethe_text_components_release(lethe_text_components *components);

/* --- lines --- */
/* Append the lines of one pass; boxes are scaled by `scale` to frame pixels. */
LETHE_NODISCARD lethe_status lethe_text_lines_find(lethe_text_lines *lines, lethe_text_components *components, const lethe_text_level *level,
                                                   lethe_text_pass pass, unsigned scale, unsigned plane, lethe_error *error);
void lethe_text_lines_release(lethe_text_lines *lines);
/* --- pictures of lines --- */
enum { LETHE_TEXT_CROP_HEIGHT = 16, LETHE_TEXT_CROP_WIDTH = 64, LETHE_TEXT_CROPS = 2 };
/* Cut one or two windows out of a line whose box is in the level's own pixels; returns how many. */
unsigned lethe_text_crops(const lethe_text_level *level, const lethe_text_line *line,
                          float crops[LETHE_TEXT_CROPS][LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH]);
/* A small convolutional network over one window: the log-odds that it shows text. */
float lethe_text_network(const float crop[LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH]);

/* How sure a line's features make us, 0 to 1. */
float lethe_text_score(const float features[LETHE_TEXT_FEATURES]);
/* Both judgements in one: `score` of the features, log-odds of the network. */
float lethe_text_combine(float score, float network_odds);

/* Training (tools/text_features.c): features of a line of the last search; lines as they are found. */
const float *lethe_text_detector_features(const lethe_text_detector *detector, size_t line);
void lethe_text_detector_observe(lethe_text_detector *detector, void (*observe)(void *, const lethe_text_level *, const lethe_text_line *),
                                 void *context);

#endif
