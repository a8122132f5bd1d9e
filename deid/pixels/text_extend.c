#include "deid/pixels/text_internal.h"

#include <math.h>

/* The faint end of a line: the thresholds that find components lose letters over brighter anatomy that are still legible. Once most of a line is
 * known, less is needed to follow it: strips of half a letter's height are part of it while they hold about as much ink as letters do, and clearly
 * more than the strips above and below them. */
enum { MOST_STRIPS = 24, MOST_GAPS = 3 };
static const float least_ink = 0.07f, most_ink = 0.62f, weak = 0.38f;

typedef struct follower {
    const lethe_text_level *level;
    bool turned, dark;
    int32_t top, bottom; /* across the line, both inside */
    int limit;           /* of contrast */
} follower;

/* Part of the pixels of a strip that stand out; -1 outside the picture. Ends inside. */
static float ink_of(const follower *f, int32_t from, int32_t to, int32_t top, int32_t bottom) {
    const lethe_text_level *level = f->level;
    int32_t along = (int32_t)(f->turned ? level->h : level->w), across = (int32_t)(f->turned ? level->w : level->h);
    if (from < 0) from = 0;
    if (top < 0) top = 0;
    if (to >= along) to = along - 1;
    if (bottom >= across) bottom = across - 1;
    if (from > to || top > bottom) return -1;
    unsigned hits = 0;
    for (int32_t a = from; a <= to; a++)
        for (int32_t b = top; b <= bottom; b++) {
            int d = level->deviation[f->turned ? (size_t)a * level->stride + (size_t)b : (size_t)b * level->stride + (size_t)a];
            hits += (f->dark ? -d : d) > f->limit;
        }
    return (float)hits / (float)((to - from + 1) * (bottom - top + 1));
}

static bool goes_on(const follower *f, int32_t from, int32_t to) {
    int32_t height = f->bottom - f->top + 1;
    float here = ink_of(f, from, to, f->top, f->bottom);
    if (here < least_ink || here > most_ink) return false;
    float above = ink_of(f, from, to, f->top - height, f->top - height / 4 - 1),
          below = ink_of(f, from, to, f->bottom + height / 4 + 1, f->bottom + height);
    float around = above > below ? above : below;
    return here > 2 * around + 0.03f;
}

/* How far the line goes on from `at` in the direction of `step` (width of a strip, signed). */
static int32_t follow(const follower *f, int32_t at, int32_t step) {
    int32_t reached = 0, gaps = 0;
    for (int32_t i = 0; i < MOST_STRIPS && gaps <= MOST_GAPS; i++) {
        int32_t a = at + i * step, b = a + step - (step > 0 ? 1 : -1);
        if (goes_on(f, a < b ? a : b, a < b ? b : a)) {
            reached = (i + 1) * (step > 0 ? step : -step);
            gaps = 0;
        } else gaps++;
    }
    return reached;
}

void lethe_text_line_extend(const lethe_text_level *level, lethe_text_line *line) {
    follower f = {.level = level, .turned = line->vertical, .dark = line->dark};
    uint32_t *start = line->vertical ? &line->y : &line->x, *length = line->vertical ? &line->h : &line->w;
    uint32_t size = line->vertical ? level->h : level->w;
    f.top = (int32_t)(line->vertical ? line->x : line->y);
    f.bottom = f.top + (int32_t)(line->vertical ? line->w : line->h) - 1;
    float contrast = weak * line->contrast / (float)(1u << level->shift);
    f.limit = contrast < 1 ? 1 : contrast > INT16_MAX ? INT16_MAX : (int)contrast;
    int32_t strip = (f.bottom - f.top + 1) / 2 < 3 ? 3 : (f.bottom - f.top + 1) / 2;
    uint32_t back = (uint32_t)follow(&f, (int32_t)*start - 1, -strip), on = (uint32_t)follow(&f, (int32_t)(*start + *length), strip);
    if (back > *start) back = *start;
    *start -= back;
    *length += back + on;
    if (*length > size - *start) *length = size - *start;
}
