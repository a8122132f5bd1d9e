/* The parts of the text detector: planes and thresholds (text_planes.c), components (text_components.c), lines (text_lines.c). Layer: deid. */
#ifndef LETHE_DEID_TEXT_INTERNAL_H
#define LETHE_DEID_TEXT_INTERNAL_H

#include "core/error.h"
#include "deid/pixels/text_detector.h"

#include <stddef.h>
#include <stdint.h>

enum { LETHE_TEXT_BLOCK = 16, LETHE_TEXT_CELL = 8, LETHE_TEXT_FEATURES = 20, LETHE_TEXT_LEVELS = 4, LETHE_TEXT_MAX_COMPONENTS = 1 << 19 };

/* Which passes have something to look at in a block. */
enum { LETHE_TEXT_BRIGHT = 1, LETHE_TEXT_DARK = 2, LETHE_TEXT_BRIGHT_PLAIN = 4, LETHE_TEXT_DARK_PLAIN = 8 };

/* One pyramid level of one plane, with its local means and thresholds. Rows are padded to whole blocks (`stride`), the last value repeated. */
typedef struct lethe_text_level {
    uint32_t w, h, stride, blocks_x, blocks_y;
    uint16_t *value;                 /* stride * h, 0 to 32767: (number in the frame - base) >> shift */
    int16_t *deviation;              /* value less the local mean; only where a block may be active */
    uint16_t *noise;                 /* per block: deviation of the background, times 16 */
    uint16_t *bright_max, *dark_max; /* per block: largest deviation above and below the mean, neighbours included */
    uint8_t *active;                 /* per block: passes that look at it */
    float *cells;                    /* means of 8 x 8 pixels, smoothed; scratch */
    uint32_t base;
    unsigned shift;
    uint16_t floor; /* least contrast that counts */
    float range;    /* of values in the level, without outliers */
} lethe_text_level;

typedef struct lethe_text_component {
    int32_t x0, y0, x1, y1; /* both ends inside */
    uint32_t area, hruns, vruns;
    float ink, contrast; /* mean value, mean distance from the local mean */
    float noise;
    bool used;
    uint8_t failed; /* groups that it was in and that were no lines */
} lethe_text_component;

typedef struct lethe_text_components {
    lethe_text_component *items;
    size_t count, capacity;
    /* scratch of the labelling */
    uint64_t *rows; /* two mask rows, a bit a pixel */
    size_t rows_size;
    void *labels, *runs;
    size_t label_capacity, run_capacity;
} lethe_text_components;

typedef struct lethe_text_lines {
    lethe_text_line *items;
    float (*features)[LETHE_TEXT_FEATURES];
    size_t count, capacity;
    /* Components by cells of a grid: where each cell starts in `placed`, five numbers for each component there (x0, x1, y0, y1, index). */
    uint32_t *starts, *order;
    int32_t *placed;
    size_t start_capacity, item_capacity;
} lethe_text_lines;

/* --- planes --- */
/* The number that a plane shows at a pixel: plane 0 is grey (or Y), 1 and 2 are colour differences (or Cb and Cr). Never negative: signed samples
 * count from the lowest. */
uint32_t lethe_text_plane_sample(const lethe_image *image, uint32_t x, uint32_t y, unsigned plane);
/* Fill the values of level 0; its arrays must be allocated for the image's size. */
void lethe_text_level_load(lethe_text_level *level, const lethe_image *image, unsigned plane);
void lethe_text_level_halve(const lethe_text_level *from, lethe_text_level *to);
LETHE_NODISCARD lethe_status lethe_text_level_allocate(lethe_text_level *level, uint32_t w, uint32_t h, lethe_error *error);
void lethe_text_level_release(lethe_text_level *level);
/* Local means, noise, extremes and the blocks that are worth a look. `allowed`: per block, what may be looked at; NULL is everything. `scratch`
 * grows. */
LETHE_NODISCARD lethe_status lethe_text_level_measure(lethe_text_level *level, unsigned floor, const uint8_t *allowed, void **scratch,
                                                      size_t *scratch_size, lethe_error *error);

/* At least `needed` bytes in `*scratch`; what was in it is lost. */
LETHE_NODISCARD lethe_status lethe_text_scratch(size_t needed, void **scratch, size_t *scratch_size, lethe_error *error);

/* --- gate --- */
enum { LETHE_TEXT_GATE_INPUTS = 18 };
/* Training: called with the numbers of each block that has activity, and nothing is taken away. */
typedef struct lethe_text_gate_watch {
    void (*see)(void *context, const lethe_text_level *level, uint32_t bx, uint32_t by, bool dark, const float inputs[LETHE_TEXT_GATE_INPUTS]);
    void *context;
} lethe_text_gate_watch;
/* Take away the activity of blocks whose strokes, and those of the blocks around them, are unlike those of letters: a small perceptron over counts
 * (tools/text_gate_train.py). Where `allowed` (may be NULL) says LETHE_TEXT_LOOK_CLOSELY nothing is taken. `watch` may be NULL. `scratch`
 * grows. */
LETHE_NODISCARD lethe_status lethe_text_level_gate(lethe_text_level *level, const uint8_t *allowed, const lethe_text_gate_watch *watch,
                                                   void **scratch, size_t *scratch_size, lethe_error *error);

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
/* Follow a line whose box is in the level's own pixels beyond its ends, as far as there is ink of its kind that the thresholds missed. */
void lethe_text_line_extend(const lethe_text_level *level, lethe_text_line *line);
/* --- pictures of lines --- */
enum { LETHE_TEXT_CROP_HEIGHT = 16, LETHE_TEXT_CROP_WIDTH = 64, LETHE_TEXT_CROPS = 2 };
/* Cut one or two windows out of a line whose box is in the level's own pixels; returns how many. */
unsigned lethe_text_crops(const lethe_text_level *level, const lethe_text_line *line,
                          float crops[LETHE_TEXT_CROPS][LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH]);
/* A small convolutional network over one window: the log-odds that it shows text. */
float lethe_text_network(const float crop[LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH]);
/* What is left after that is looked at again by a larger network: finer windows with more around the letters, and the line's features. */
enum { LETHE_TEXT_JUDGE_HEIGHT = 24, LETHE_TEXT_JUDGE_WIDTH = 96, LETHE_TEXT_JUDGE_CROPS = 3 };
unsigned lethe_text_judge_crops(const lethe_text_level *level, const lethe_text_line *line,
                                float crops[LETHE_TEXT_JUDGE_CROPS][LETHE_TEXT_JUDGE_HEIGHT * LETHE_TEXT_JUDGE_WIDTH]);
/* Log-odds for one window; `features` as lethe_text_features_scale leaves them. */
float lethe_text_judge(const float crop[LETHE_TEXT_JUDGE_HEIGHT * LETHE_TEXT_JUDGE_WIDTH], const float features[LETHE_TEXT_FEATURES]);

/* How sure a line's features make us, 0 to 1. */
float lethe_text_score(const float features[LETHE_TEXT_FEATURES]);
/* Features less their mean, in deviations of it, at most five. */
void lethe_text_features_scale(const float features[LETHE_TEXT_FEATURES], float scaled[LETHE_TEXT_FEATURES]);
/* Both judgements in one: `score` of the features, log-odds of the network. */
float lethe_text_combine(float score, float network_odds);
/* The same of what that gave and the mean log-odds of the judge. */
float lethe_text_combine_judge(float score, float judge_odds);

/* Training (tools/text_features.c): features of a line of the last search; lines as they are found (LETHE_TEXT_FOUND), or those that the first
 * network leaves to the judge, with its score (LETHE_TEXT_LEFT). */
typedef enum lethe_text_stage { LETHE_TEXT_FOUND, LETHE_TEXT_LEFT } lethe_text_stage;
typedef void lethe_text_observer(void *context, const lethe_text_level *level, const lethe_text_line *line,
                                 const float features[LETHE_TEXT_FEATURES]);
const float *lethe_text_detector_features(const lethe_text_detector *detector, size_t line);
void lethe_text_detector_observe(lethe_text_detector *detector, lethe_text_stage stage, lethe_text_observer *observe, void *context);
/* The same for the gate; `watch` has to outlive the detector. */
void lethe_text_detector_watch(lethe_text_detector *detector, const lethe_text_gate_watch *watch);

#endif
