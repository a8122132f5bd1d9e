#include "deid/text_detector.h"

#include "core/memory.h"
#include "deid/text_internal.h"

#include <stdlib.h>
#include <string.h>

/* By the features alone; below, nothing is looked at. */
static const float score_gate = 0.06f;

struct lethe_text_detector {
    lethe_text_level levels[LETHE_TEXT_LEVELS];
    lethe_text_components components;
    lethe_text_lines lines;
    uint32_t *columns;
    size_t columns_size;
    /* Training only: called with each new line, its box in the pixels of the level. */
    void (*observe)(void *context, const lethe_text_level *level, const lethe_text_line *line);
    void *observe_context;
};

lethe_text_detector *lethe_text_detector_create(void) { return lethe_alloc_array(1, sizeof(lethe_text_detector)); }

void lethe_text_detector_destroy(lethe_text_detector *detector) {
    if (detector == NULL) return;
    for (unsigned i = 0; i < LETHE_TEXT_LEVELS; i++) lethe_text_level_release(&detector->levels[i]);
    lethe_text_components_release(&detector->components);
    lethe_text_lines_release(&detector->lines);
    lethe_free(detector->columns);
    lethe_free(detector);
}

static lethe_status prepare(lethe_text_level *level, uint32_t w, uint32_t h, lethe_error *error) {
    if (level->value != NULL && level->w == w && level->h == h) return LETHE_OK;
    lethe_text_level_release(level);
    return lethe_text_level_allocate(level, w, h, error);
}

/* Most of the line lies in one that is surely text already. */
static bool is_known(const lethe_text_detector *detector, size_t count, const lethe_text_line *line) {
    for (size_t i = 0; i < count; i++) {
        const lethe_text_line *have = &detector->lines.items[i];
        if (have->score < 0.9f) continue;
        uint32_t x0 = have->x > line->x ? have->x : line->x, x1 = have->x + have->w < line->x + line->w ? have->x + have->w : line->x + line->w;
        uint32_t y0 = have->y > line->y ? have->y : line->y, y1 = have->y + have->h < line->y + line->h ? have->y + have->h : line->y + line->h;
        if (x0 < x1 && y0 < y1 && (uint64_t)(x1 - x0) * (y1 - y0) * 10 >= (uint64_t)line->w * line->h * 9) return true;
    }
    return false;
}

/* Look at the new lines as pictures; what the features rule out and what is known already goes. */
static void refine(lethe_text_detector *detector, const lethe_text_level *level, size_t first, unsigned scale) {
    float crops[LETHE_TEXT_CROPS][LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH];
    size_t kept = first;
    for (size_t i = first; i < detector->lines.count; i++) {
        lethe_text_line *line = &detector->lines.items[i], local = *line;
        if (detector->observe == NULL && (line->score < score_gate || is_known(detector, kept, line))) continue;
        local.x /= scale;
        local.y /= scale;
        local.w /= scale;
        local.h /= scale;
        if (detector->observe != NULL) {
            detector->observe(detector->observe_context, level, &local);
            kept++;
            continue;
        }
        unsigned count = lethe_text_crops(level, &local, crops);
        float odds = 0;
        for (unsigned c = 0; c < count; c++) odds += lethe_text_network(crops[c]) / (float)count;
        line->score = lethe_text_combine(line->score, odds);
        memmove(detector->lines.features[kept], detector->lines.features[i], sizeof detector->lines.features[0]);
        detector->lines.items[kept++] = *line;
    }
    detector->lines.count = kept;
}

static lethe_status search_level(lethe_text_detector *detector, const lethe_text_level *level, unsigned scale, unsigned plane, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (unsigned kind = 0; kind < 4 && status == LETHE_OK; kind++) {
        lethe_text_pass pass = {.dark = (kind & 1) != 0, .adaptive = (kind & 2) == 0};
        status = lethe_text_components_find(&detector->components, level, pass, error);
        size_t first = detector->lines.count;
        if (status == LETHE_OK && detector->components.count > 0)
            status = lethe_text_lines_find(&detector->lines, &detector->components, level, pass, scale, plane, error);
        if (status == LETHE_OK) refine(detector, level, first, scale);
    }
    return status;
}

static lethe_status search_plane(lethe_text_detector *detector, const lethe_image *image, unsigned channel, lethe_error *error) {
    uint32_t w = image->columns, h = image->rows;
    lethe_status status = LETHE_OK;
    /* Below this many grey levels nothing is legible; averaged levels are smoother. */
    unsigned floor = image->bytes_per_sample == 1 ? 3 : 2;
    for (unsigned i = 0; i < LETHE_TEXT_LEVELS && status == LETHE_OK; i++) {
        if (i > 0 && (w < 24 || h < 24)) break;
        if (i == 3 && (uint64_t)image->columns * image->rows < 2000000) break;
        status = prepare(&detector->levels[i], w, h, error);
        if (status != LETHE_OK) break;
        if (i == 0) lethe_text_level_load(&detector->levels[0], image, channel);
        else lethe_text_level_halve(&detector->levels[i - 1], &detector->levels[i]);
        status = lethe_text_level_measure(&detector->levels[i], floor, &detector->columns, &detector->columns_size, error);
        if (status == LETHE_OK) status = search_level(detector, &detector->levels[i], 1u << i, channel, error);
        w /= 2;
        h /= 2;
    }
    return status;
}

/* Do the channels differ enough to hide text from one of them? */
static bool is_colourful(const lethe_image *image) {
    if (image->samples < 3) return false;
    if (image->bytes_per_sample != 1) return true;
    size_t count = (size_t)image->columns * image->rows, coloured = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = image->pixels + i * image->samples;
        int a = p[0] - p[1], b = p[1] - p[2];
        coloured += (a > 12) | (a < -12) | (b > 12) | (b < -12);
    }
    return coloured > 24;
}

lethe_status lethe_text_detector_find(lethe_text_detector *detector, const lethe_image *image, const lethe_text_line **lines, size_t *count,
                                      lethe_error *error) {
    detector->lines.count = 0;
    *lines = NULL;
    *count = 0;
    unsigned planes = is_colourful(image) ? 3 : 1;
    lethe_status status = LETHE_OK;
    for (unsigned c = 0; c < planes && status == LETHE_OK; c++) status = search_plane(detector, image, c, error);
    if (status == LETHE_OK) {
        *lines = detector->lines.items;
        *count = detector->lines.count;
    }
    return status;
}

/* For tools/text_features.c. */
const float *lethe_text_detector_features(const lethe_text_detector *detector, size_t line) { return detector->lines.features[line]; }
void lethe_text_detector_observe(lethe_text_detector *detector, void (*observe)(void *, const lethe_text_level *, const lethe_text_line *),
                                 void *context) {
    detector->observe = observe;
    detector->observe_context = context;
}
