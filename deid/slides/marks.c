#include "deid/slides/marks.h"

#include "core/memory.h"
#include "deid/pixels/text_detector.h"

#include <string.h>

enum {
    OVERVIEW_SIDE = 2048,
    LEAST_PIXEL_UM = 12,      /* a pen's stroke is some 500 um wide, tissue at that scale has no letters */
    LEAST_STROKE_PX = 24,     /* of the longer side of a stroke */
    LEAST_STROKE_AREA = 60,   /* pixels */
    MERGE_PX = 12,            /* strokes that are so close are one mark */
    LEAST_INNER_PERCENT = 60, /* of a violet stroke's pixels, inside of it */
    LEAST_VIOLET_PX = 60,     /* of its longer side: clusters of nuclei are smaller */
    LEAST_GLYPHS = 3,         /* of a line of writing */
    LEAST_LETTER_PX = 8
};

enum { NO_INK = 0, COLOURED_INK = 1, BLACK_INK = 2, GREY_INK = 3, VIOLET_INK = 4 };

/* Stained tissue lets most through in red and blue and least in green (H&E), or falls from red to blue (DAB): see docs/slides.md for the limits. */
static uint8_t ink_of(int r, int g, int b) {
    int high = r > g ? (r > b ? r : b) : (g > b ? g : b), low = r < g ? (r < b ? r : b) : (g < b ? g : b);
    if (g - r >= 30 && g - b >= 12) return COLOURED_INK;                 /* green */
    if (b - r >= 70 && g >= r - 5) return COLOURED_INK;                  /* blue, cyan */
    if (r - g >= 130 && r - b >= 110 && b - g < 15) return COLOURED_INK; /* red */
    /* Violet pens and tissue that is stained heavily with haematoxylin and eosin have the same colours; is_stroke tells them by their grain. */
    if (r <= 80 && g <= 45 && b - r >= 45 && b >= 85 && r - g >= 12) return VIOLET_INK;
    if (high <= 70 && high - low <= 30) return BLACK_INK;
    if (high <= 150 && high - low <= 22) return GREY_INK; /* pencil, grey print: writing only */
    return NO_INK;
}

static lethe_status classify(const lethe_image *picture, uint8_t *ink, lethe_error *error) {
    if (picture->bytes_per_sample != 1 || picture->samples < 3) return lethe_fail(error, LETHE_UNSUPPORTED, "marks are looked for in colour only");
    size_t pixels = (size_t)picture->columns * picture->rows;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = picture->pixels + i * picture->samples;
        ink[i] = ink_of(p[0], p[1], p[2]);
    }
    return LETHE_OK;
}

/* --- strokes: connected pixels of one kind of ink --- */

typedef struct stroke {
    uint32_t left, top, right, bottom; /* inclusive */
    uint64_t area, inner;              /* pixels; those whose four neighbours belong to it, too */
} stroke;

typedef struct filler {
    uint8_t *ink;
    uint32_t columns, rows;
    uint32_t *stack;
    size_t depth, capacity;
} filler;

static bool push(filler *f, uint32_t index) {
    if (f->depth == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 4096;
        uint32_t *grown = lethe_realloc_array(f->stack, capacity, sizeof *grown);
        if (!grown) return false;
        f->stack = grown;
        f->capacity = capacity;
    }
    f->stack[f->depth++] = index;
    return true;
}

enum { VISITED = 0x80 };

static bool is_kind(const filler *f, uint32_t at, uint8_t kind) { return (f->ink[at] & ~VISITED) == kind; }

/* Everything of the same ink that hangs together with `start`; false when memory is short. */
static bool trace(filler *f, uint32_t start, stroke *out) {
    uint8_t kind = f->ink[start];
    *out = (stroke){.left = UINT32_MAX, .top = UINT32_MAX};
    f->ink[start] |= VISITED;
    if (!push(f, start)) return false;
    while (f->depth) {
        uint32_t at = f->stack[--f->depth], x = at % f->columns, y = at / f->columns;
        out->area++;
        if (x < out->left) out->left = x;
        if (x > out->right) out->right = x;
        if (y < out->top) out->top = y;
        if (y > out->bottom) out->bottom = y;
        bool edge = x == 0 || y == 0 || x + 1 == f->columns || y + 1 == f->rows;
        out->inner +=
            !edge && is_kind(f, at - 1, kind) && is_kind(f, at + 1, kind) && is_kind(f, at - f->columns, kind) && is_kind(f, at + f->columns, kind);
        for (uint32_t v = y ? y - 1 : 0; v <= y + 1 && v < f->rows; v++)
            for (uint32_t u = x ? x - 1 : 0; u <= x + 1 && u < f->columns; u++) {
                uint32_t next = v * f->columns + u;
                if (f->ink[next] != kind) continue;
                f->ink[next] |= VISITED;
                if (!push(f, next)) return false;
            }
    }
    return true;
}

/* Black at the border of the scan is what was not scanned, or the edge of the glass. */
static bool is_frame(const stroke *s, uint32_t columns, uint32_t rows) {
    bool touches = s->left == 0 || s->top == 0 || s->right + 1 == columns || s->bottom + 1 == rows;
    uint32_t width = s->right - s->left + 1, height = s->bottom - s->top + 1;
    return touches && (s->area * 10 >= (uint64_t)width * height * 7 || width * 5 >= columns * 4 || height * 5 >= rows * 4);
}

static bool is_stroke(const stroke *s, uint32_t columns, uint32_t rows, uint8_t kind) {
    uint32_t width = s->right - s->left + 1, height = s->bottom - s->top + 1, longer = width > height ? width : height;
    if (kind == VIOLET_INK && (longer < LEAST_VIOLET_PX || s->inner * 100 < s->area * LEAST_INNER_PERCENT)) return false; /* grain: tissue */
    return longer >= LEAST_STROKE_PX && s->area >= LEAST_STROKE_AREA && !(kind == BLACK_INK && is_frame(s, columns, rows));
}

/* --- the list --- */

static bool touch(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) { return a <= b + b_size + MERGE_PX && b <= a + a_size + MERGE_PX; }

static void add_mark(lethe_marks *marks, lethe_mark_kind kind, uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
    for (unsigned i = 0; i < marks->count; i++) {
        uint32_t *mx = &marks->list[i].x, *my = &marks->list[i].y, *mw = &marks->list[i].width, *mh = &marks->list[i].height;
        /* When the list is full everything else joins the last one: nothing is forgotten. */
        bool full = marks->count == LETHE_MARKS_MOST && i + 1 == marks->count;
        if (!full && (!touch(*mx, *mw, x, width) || !touch(*my, *mh, y, height))) continue;
        uint32_t right = *mx + *mw > x + width ? *mx + *mw : x + width, bottom = *my + *mh > y + height ? *my + *mh : y + height;
        *mx = *mx < x ? *mx : x;
        *my = *my < y ? *my : y;
        *mw = right - *mx;
        *mh = bottom - *my;
        if (kind == LETHE_MARK_WRITING) marks->list[i].kind = kind;
        return;
    }
    marks->list[marks->count].kind = kind;
    marks->list[marks->count].x = x;
    marks->list[marks->count].y = y;
    marks->list[marks->count].width = width;
    marks->list[marks->count++].height = height;
}

static lethe_status find_strokes(uint8_t *ink, const lethe_image *picture, lethe_marks *marks, lethe_error *error) {
    filler f = {.ink = ink, .columns = picture->columns, .rows = picture->rows};
    bool enough = true;
    for (uint32_t i = 0; enough && i < picture->columns * picture->rows; i++) {
        stroke s;
        if (ink[i] != COLOURED_INK && ink[i] != BLACK_INK && ink[i] != VIOLET_INK) continue;
        uint8_t kind = ink[i];
        enough = trace(&f, i, &s);
        if (enough && is_stroke(&s, picture->columns, picture->rows, kind))
            add_mark(marks, LETHE_MARK_INK, s.left, s.top, s.right - s.left + 1, s.bottom - s.top + 1);
    }
    lethe_free(f.stack);
    return enough ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
}

/* --- writing --- */

static lethe_status find_lines(const lethe_image *grey, lethe_marks *marks, lethe_error *error) {
    const lethe_text_line *lines;
    size_t count = 0;
    lethe_text_detector *detector = lethe_text_detector_create();
    lethe_status status =
        detector ? lethe_text_detector_find(detector, grey, &lines, &count, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; status == LETHE_OK && i < count; i++)
        if (lines[i].glyphs >= LEAST_GLYPHS && lines[i].height_px >= LEAST_LETTER_PX && lines[i].score >= 0.5f)
            add_mark(marks, LETHE_MARK_WRITING, lines[i].x, lines[i].y, lines[i].w, lines[i].h);
    lethe_text_detector_destroy(detector);
    return status;
}

/* The picture without tissue: ink as dark as it is, everything else white. In the dark (fluorescence) there is no ink, only light. */
static lethe_status find_writing(const uint8_t *ink, const lethe_image *picture, bool dark, lethe_marks *marks, lethe_error *error) {
    lethe_image grey = {
        .columns = picture->columns, .rows = picture->rows, .samples = 1, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_MONOCHROME2};
    lethe_status status = lethe_image_allocate(&grey, error);
    size_t pixels = (size_t)grey.columns * grey.rows;
    for (size_t i = 0; status == LETHE_OK && i < pixels; i++) {
        const uint8_t *p = picture->pixels + i * picture->samples;
        uint8_t luma = (uint8_t)((p[0] * 77 + p[1] * 150 + p[2] * 29) >> 8);
        grey.pixels[i] = dark || ((ink[i] & ~VISITED) != NO_INK && (ink[i] & ~VISITED) != VIOLET_INK) ? luma : 255;
    }
    if (status == LETHE_OK) status = find_lines(&grey, marks, error);
    lethe_image_release(&grey);
    return status;
}

/* A mark that has grown may reach its neighbours: start over until none does. */
static void merge_marks(lethe_marks *marks) {
    for (unsigned before = marks->count + 1; before != marks->count;) {
        lethe_marks old = *marks;
        before = old.count;
        marks->count = 0;
        for (unsigned i = 0; i < old.count; i++)
            add_mark(marks, old.list[i].kind, old.list[i].x, old.list[i].y, old.list[i].width, old.list[i].height);
    }
}

lethe_status lethe_marks_find(const lethe_image *picture, lethe_marks *marks, lethe_error *error) {
    *marks = (lethe_marks){0};
    size_t pixels = (size_t)picture->columns * picture->rows, black = 0;
    if (pixels > 64u << 20) return lethe_fail(error, LETHE_LIMIT, "the picture is too large to be searched for marks");
    uint8_t *ink = lethe_alloc_array(pixels ? pixels : 1, 1);
    lethe_status status = ink ? classify(picture, ink, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; status == LETHE_OK && i < pixels; i++) black += ink[i] == BLACK_INK;
    bool dark = 2 * black > pixels;
    if (status == LETHE_OK && !dark) status = find_strokes(ink, picture, marks, error);
    if (status == LETHE_OK) status = find_writing(ink, picture, dark, marks, error);
    merge_marks(marks);
    lethe_free(ink);
    return status;
}

/* --- a slide --- */

/* One tile, averaged over step x step pixels, into its place. */
static void put_tile(const lethe_image *tile, int64_t x, int64_t y, uint32_t step, lethe_image *rgb) {
    for (uint32_t v = 0; v < tile->rows; v += step)
        for (uint32_t u = 0; u < tile->columns; u += step) {
            uint32_t sums[3] = {0}, count = 0;
            for (uint32_t b = v; b < v + step && b < tile->rows; b++)
                for (uint32_t a = u; a < u + step && a < tile->columns; a++, count++)
                    for (unsigned s = 0; s < 3; s++) sums[s] += tile->pixels[((size_t)b * tile->columns + a) * 4 + s];
            uint64_t column = ((uint64_t)x + u) / step, row = ((uint64_t)y + v) / step;
            if (column >= rgb->columns || row >= rgb->rows) continue;
            for (unsigned s = 0; s < 3; s++) rgb->pixels[(row * rgb->columns + column) * 3 + s] = (uint8_t)(sums[s] / count);
        }
}

lethe_status lethe_slide_overview(lethe_slide *slide, uint32_t side, double least_um, lethe_image *rgb, double *factor, lethe_error *error) {
    *rgb = (lethe_image){0};
    unsigned level = lethe_slide_level_count(slide) - 1;
    const lethe_slide_level *l = lethe_slide_level_at(slide, level);
    /* The smallest level that is fine enough: by its scale where the slide tells it, else by half of the size that is asked for. */
    double mpp_um = lethe_slide_mpp_um(slide);
    bool by_scale = mpp_um > 0 && least_um > 0;
    while (level > 0 && (by_scale ? mpp_um * l->downsample > 2 * least_um : l->width_px < side / 2 && l->height_px < side / 2))
        l = lethe_slide_level_at(slide, --level);
    int64_t longer = l->width_px > l->height_px ? l->width_px : l->height_px;
    uint32_t step = 1;
    double pixel_um = mpp_um * l->downsample;
    while (longer / step > side || (pixel_um > 0 && pixel_um * step < least_um)) step *= 2;
    *rgb = (lethe_image){.columns = (uint32_t)((l->width_px + step - 1) / step),
                         .rows = (uint32_t)((l->height_px + step - 1) / step),
                         .samples = 3,
                         .bytes_per_sample = 1,
                         .bits_stored = 8,
                         .photometric = LETHE_RGB};
    lethe_status status = lethe_image_allocate(rgb, error);
    /* What would be averaged away need not be decoded. */
    uint32_t shrink = step < 8 ? step : 8;
    while (shrink > 1 && (l->tile_width_px % shrink || l->tile_height_px % shrink)) shrink /= 2;
    for (int64_t row = 0; status == LETHE_OK && row < l->tiles_down; row++) {
        for (int64_t column = 0; status == LETHE_OK && column < l->tiles_across; column++) {
            lethe_image tile;
            status = lethe_slide_read_tile_reduced(slide, level, column, row, shrink, &tile, error);
            if (status != LETHE_OK) break;
            put_tile(&tile, column * (l->tile_width_px / shrink), row * (l->tile_height_px / shrink), step / shrink, rgb);
            lethe_image_release(&tile);
        }
        lethe_slide_forget(slide);
    }
    *factor = l->downsample * step;
    if (status != LETHE_OK) lethe_image_release(rgb);
    return status;
}

lethe_status lethe_marks_find_on_slide(lethe_slide *slide, lethe_slide_region *found, unsigned room, unsigned *count, lethe_error *error) {
    lethe_image rgb;
    double factor = 1;
    *count = 0;
    lethe_marks *marks = lethe_alloc_array(1, sizeof *marks);
    if (!marks) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = lethe_slide_overview(slide, OVERVIEW_SIDE, LEAST_PIXEL_UM, &rgb, &factor, error);
    if (status == LETHE_OK) {
        status = lethe_marks_find(&rgb, marks, error);
        lethe_image_release(&rgb);
    }
    for (unsigned i = 0; status == LETHE_OK && i < marks->count && *count < room; i++)
        found[(*count)++] = (lethe_slide_region){(int64_t)(marks->list[i].x * factor), (int64_t)(marks->list[i].y * factor),
                                                 (int64_t)(marks->list[i].width * factor) + 1, (int64_t)(marks->list[i].height * factor) + 1};
    lethe_free(marks);
    return status;
}
