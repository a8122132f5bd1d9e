#include "deid/pixels/text_detector.h"

#include "core/memory.h"
#include "deid/pixels/text_internal.h"

#include <stdlib.h>
#include <string.h>

/* Below `score_gate` by the features alone nothing is looked at, below `score_left` by the first network the judge is not asked; from `score_known`
 * on a place is text and is not looked at again; lines from `score_follow` on are followed beyond their ends. */
static const float score_gate = 0.06f, score_left = 0.05f, score_known = 0.95f, score_follow = 0.5f;
enum { BLOCK = LETHE_TEXT_BLOCK, CELL = LETHE_TEXT_CELL, LARGE_PIXELS = 2000000, COLOUR_RANGE = 40 };

struct lethe_text_detector {
    lethe_text_level levels[LETHE_TEXT_LEVELS];
    lethe_text_components components;
    lethe_text_lines lines;
    void *scratch;
    size_t scratch_size;
    uint8_t *maps; /* known cells of level 0, blocks of one level that may be looked at, blocks where colours differ */
    size_t maps_size;
    uint8_t *known, *allowed, *colourful;
    uint32_t cells_x, cells_y, blocks_x, blocks_y; /* of level 0 */
    /* Training only: called with each new line, its box in the pixels of the level. */
    lethe_text_observer *observe;
    lethe_text_stage observe_stage;
    void *observe_context;
    const lethe_text_gate_watch *watch;
};

lethe_text_detector *lethe_text_detector_create(void) { return lethe_alloc_array(1, sizeof(lethe_text_detector)); }

void lethe_text_detector_destroy(lethe_text_detector *detector) {
    if (detector == NULL) return;
    for (unsigned i = 0; i < LETHE_TEXT_LEVELS; i++) lethe_text_level_release(&detector->levels[i]);
    lethe_text_components_release(&detector->components);
    lethe_text_lines_release(&detector->lines);
    lethe_free(detector->scratch);
    lethe_free(detector->maps);
    lethe_free(detector);
}

static lethe_status prepare(lethe_text_level *level, uint32_t w, uint32_t h, lethe_error *error) {
    if (level->value != NULL && level->w == w && level->h == h) return LETHE_OK;
    lethe_text_level_release(level);
    return lethe_text_level_allocate(level, w, h, error);
}

static lethe_status prepare_maps(lethe_text_detector *d, const lethe_image *image, lethe_error *error) {
    d->cells_x = (image->columns + CELL - 1) / CELL;
    d->cells_y = (image->rows + CELL - 1) / CELL;
    d->blocks_x = (image->columns + BLOCK - 1) / BLOCK;
    d->blocks_y = (image->rows + BLOCK - 1) / BLOCK;
    size_t cells = (size_t)d->cells_x * d->cells_y, blocks = (size_t)d->blocks_x * d->blocks_y, needed = cells + 2 * blocks;
    if (needed > d->maps_size) {
        uint8_t *grown = lethe_realloc_array(d->maps, needed, 1);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to search for text");
        d->maps = grown;
        d->maps_size = needed;
    }
    d->known = d->maps;
    d->allowed = d->known + cells;
    d->colourful = d->allowed + blocks;
    memset(d->known, 0, cells);
    return LETHE_OK;
}

/* --- what is known already --- */

static void remember(lethe_text_detector *d, const lethe_text_line *line) {
    uint32_t margin = line->height_px / 4 + 1, x1 = (line->x + line->w + margin) / CELL, y1 = (line->y + line->h + margin) / CELL;
    for (uint32_t y = (line->y > margin ? line->y - margin : 0) / CELL; y <= y1 && y < d->cells_y; y++)
        for (uint32_t x = (line->x > margin ? line->x - margin : 0) / CELL; x <= x1 && x < d->cells_x; x++) {
            uint32_t u = x * CELL + CELL / 2, v = y * CELL + CELL / 2;
            if (u + margin >= line->x && u < line->x + line->w + margin && v + margin >= line->y && v < line->y + line->h + margin)
                d->known[(size_t)y * d->cells_x + x] = 1;
        }
}

static void drop_known(lethe_text_detector *d, unsigned scale) {
    size_t kept = 0;
    for (size_t i = 0; i < d->components.count; i++) {
        const lethe_text_component *c = &d->components.items[i];
        uint32_t x = (uint32_t)(c->x0 + c->x1) / 2 * scale / CELL, y = (uint32_t)(c->y0 + c->y1) / 2 * scale / CELL;
        if (x < d->cells_x && y < d->cells_y && d->known[(size_t)y * d->cells_x + x] != 0) continue;
        d->components.items[kept++] = *c;
    }
    d->components.count = kept;
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

/* --- one level --- */

static float look(const lethe_text_level *level, const lethe_text_line *local, float score) {
    float crops[LETHE_TEXT_CROPS][LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH], odds = 0;
    unsigned count = lethe_text_crops(level, local, crops);
    for (unsigned c = 0; c < count; c++) odds += lethe_text_network(crops[c]) / (float)count;
    return lethe_text_combine(score, odds);
}

static float look_closely(const lethe_text_level *level, const lethe_text_line *local, const float *features, float score) {
    float crops[LETHE_TEXT_JUDGE_CROPS][LETHE_TEXT_JUDGE_HEIGHT * LETHE_TEXT_JUDGE_WIDTH], scaled[LETHE_TEXT_FEATURES], odds = 0;
    unsigned count = lethe_text_judge_crops(level, local, crops);
    lethe_text_features_scale(features, scaled);
    for (unsigned c = 0; c < count; c++) odds += lethe_text_judge(crops[c], scaled) / (float)count;
    return lethe_text_combine_judge(score, odds);
}

/* Look at the new lines as pictures; what the features rule out and what is known already goes. */
static void refine(lethe_text_detector *detector, const lethe_text_level *level, size_t first, unsigned scale) {
    bool training = detector->observe != NULL;
    size_t kept = first;
    for (size_t i = first; i < detector->lines.count; i++) {
        lethe_text_line *line = &detector->lines.items[i], local = *line;
        const float *features = detector->lines.features[i];
        bool raw = training && detector->observe_stage == LETHE_TEXT_FOUND;
        if (!raw && (line->score < score_gate || (!training && is_known(detector, kept, line)))) continue;
        local.x /= scale;
        local.y /= scale;
        local.w /= scale;
        local.h /= scale;
        if (!raw) line->score = look(level, &local, line->score);
        if (!raw && line->score < score_left) continue;
        if (training) {
            detector->observe(detector->observe_context, level, &local, features);
        } else {
            line->score = look_closely(level, &local, features, line->score);
            if (line->score >= score_follow) {
                lethe_text_line_extend(level, &local);
                line->x = local.x * scale;
                line->y = local.y * scale;
                line->w = local.w * scale;
                line->h = local.h * scale;
            }
            if (line->score >= score_known) remember(detector, line);
        }
        memmove(detector->lines.features[kept], features, sizeof detector->lines.features[0]);
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
        if (status == LETHE_OK && detector->observe == NULL) drop_known(detector, scale);
        if (status == LETHE_OK && detector->components.count > 0)
            status = lethe_text_lines_find(&detector->lines, &detector->components, level, pass, scale, plane, error);
        if (status == LETHE_OK) refine(detector, level, first, scale);
    }
    return status;
}

/* A block of a smaller level may be looked at when one of the blocks that it stands for may. */
static const uint8_t *allowed_at(lethe_text_detector *d, const uint8_t *blocks, const lethe_text_level *level, unsigned depth) {
    if (blocks == NULL || depth == 0) return blocks;
    memset(d->allowed, 0, (size_t)level->blocks_x * level->blocks_y);
    for (uint32_t y = 0; y < d->blocks_y; y++)
        for (uint32_t x = 0; x < d->blocks_x; x++)
            if (x >> depth < level->blocks_x && y >> depth < level->blocks_y)
                d->allowed[(size_t)(y >> depth) * level->blocks_x + (x >> depth)] |= blocks[(size_t)y * d->blocks_x + x];
    return d->allowed;
}

static lethe_status search_plane(lethe_text_detector *detector, const lethe_image *image, unsigned plane, const uint8_t *blocks, lethe_error *error) {
    uint32_t w = image->columns, h = image->rows;
    lethe_status status = LETHE_OK;
    /* Below this many grey levels nothing is legible; averaged levels are smoother. */
    unsigned floor = image->bytes_per_sample == 1 ? 3 : 2;
    for (unsigned i = 0; i < LETHE_TEXT_LEVELS && status == LETHE_OK; i++) {
        lethe_text_level *level = &detector->levels[i];
        if (i > 0 && (w < 24 || h < 24)) break;
        if (i == 3 && (uint64_t)image->columns * image->rows < LARGE_PIXELS) break;
        status = prepare(level, w, h, error);
        if (status != LETHE_OK) break;
        if (i == 0) lethe_text_level_load(level, image, plane);
        else lethe_text_level_halve(&detector->levels[i - 1], level);
        const uint8_t *allowed = allowed_at(detector, blocks, level, i);
        status = lethe_text_level_measure(level, floor, allowed, &detector->scratch, &detector->scratch_size, error);
        if (status == LETHE_OK) status = lethe_text_level_gate(level, allowed, detector->watch, &detector->scratch, &detector->scratch_size, error);
        if (status == LETHE_OK) status = search_level(detector, level, 1u << i, plane, error);
        w /= 2;
        h /= 2;
    }
    return status;
}

/* --- colour --- */

typedef struct range {
    int low, high;
} range;
static void widen(range *r, int value) {
    r->low = value < r->low ? value : r->low;
    r->high = value > r->high ? value : r->high;
}

/* Where colours differ more than brightness does, text may hide from the grey plane. Every second row is enough to see it. */
static bool find_colourful(lethe_text_detector *d, const lethe_image *image, const uint8_t *blocks) {
    bool any = false, bytes = image->bytes_per_sample == 1, direct = image->photometric == LETHE_YBR_FULL;
    unsigned shift = bytes ? 0 : image->bits_stored > 8 ? image->bits_stored - 8u : 0;
    size_t count = (size_t)d->blocks_x * d->blocks_y;
    memset(d->colourful, 0, count);
    for (uint32_t by = 0; by < d->blocks_y; by++)
        for (uint32_t bx = 0; bx < d->blocks_x; bx++) {
            if (blocks != NULL && blocks[(size_t)by * d->blocks_x + bx] == 0) continue;
            range grey = {INT32_MAX, INT32_MIN}, red = grey, blue = grey;
            uint32_t x1 = (bx + 1) * BLOCK < image->columns ? (bx + 1) * BLOCK : image->columns;
            for (uint32_t y = by * BLOCK; y < (by + 1) * BLOCK && y < image->rows; y += 2)
                for (uint32_t x = bx * BLOCK; x < x1; x++) {
                    int a, b, c;
                    if (bytes) {
                        const uint8_t *p = image->pixels + ((size_t)y * image->columns + x) * image->samples;
                        a = direct ? p[0] : (p[0] + 2 * p[1] + p[2]) >> 2;
                        b = direct ? p[1] : p[0] - p[1];
                        c = direct ? p[2] : p[2] - p[1];
                    } else {
                        a = (int)(lethe_text_plane_sample(image, x, y, 0) >> shift);
                        b = (int)(lethe_text_plane_sample(image, x, y, 1) >> shift);
                        c = (int)(lethe_text_plane_sample(image, x, y, 2) >> shift);
                    }
                    widen(&grey, a);
                    widen(&red, b);
                    widen(&blue, c);
                }
            int colour = red.high - red.low > blue.high - blue.low ? red.high - red.low : blue.high - blue.low;
            if (colour < COLOUR_RANGE || colour * 5 < (grey.high - grey.low) * 6) continue;
            d->colourful[(size_t)by * d->blocks_x + bx] = 1;
            any = true;
        }
    if (!any) return false;
    /* Letters reach into the next blocks. */
    for (uint32_t y = 0; y < d->blocks_y; y++)
        for (uint32_t x = 0; x < d->blocks_x; x++) {
            size_t at = (size_t)y * d->blocks_x + x;
            if (d->colourful[at] != 1) continue;
            if (x > 0) d->colourful[at - 1] |= 2;
            if (x + 1 < d->blocks_x) d->colourful[at + 1] |= 2;
            if (y > 0) d->colourful[at - d->blocks_x] |= 2;
            if (y + 1 < d->blocks_y) d->colourful[at + d->blocks_x] |= 2;
        }
    return true;
}

lethe_status lethe_text_detector_find_in(lethe_text_detector *detector, const lethe_image *image, const uint8_t *blocks,
                                         const lethe_text_line **lines, size_t *count, lethe_error *error) {
    detector->lines.count = 0;
    *lines = NULL;
    *count = 0;
    lethe_status status = prepare_maps(detector, image, error);
    if (status == LETHE_OK) status = search_plane(detector, image, 0, blocks, error);
    if (status == LETHE_OK && image->samples >= 3 && find_colourful(detector, image, blocks))
        for (unsigned plane = 1; plane < 3 && status == LETHE_OK; plane++) status = search_plane(detector, image, plane, detector->colourful, error);
    if (status != LETHE_OK) return status;
    *lines = detector->lines.items;
    *count = detector->lines.count;
    return LETHE_OK;
}

lethe_status lethe_text_detector_find(lethe_text_detector *detector, const lethe_image *image, const lethe_text_line **lines, size_t *count,
                                      lethe_error *error) {
    return lethe_text_detector_find_in(detector, image, NULL, lines, count, error);
}

/* For tools/text_features.c. */
const float *lethe_text_detector_features(const lethe_text_detector *detector, size_t line) { return detector->lines.features[line]; }
void lethe_text_detector_observe(lethe_text_detector *detector, lethe_text_stage stage, lethe_text_observer *observe, void *context) {
    detector->observe_stage = stage;
    detector->observe = observe;
    detector->observe_context = context;
}

void lethe_text_detector_watch(lethe_text_detector *detector, const lethe_text_gate_watch *watch) { detector->watch = watch; }
