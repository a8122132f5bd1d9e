/* Graphics, texts and shutters of presentation states (PS3.3 C.10.5, C.10.7, C.7.6.11). */
#include "viewer/presentation_internal.h"

#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GRAPHICS = 100000, MOST_POINTS = 1000000, MOST_CORNERS = 4096, PLAIN_COLOUR = 0x5FE0C8 };

/* --- layers --- */

/* PS3.3 C.10.7.1.1: CIELab in 16 bits, D50, to sRGB. */
static uint32_t colour_of_lab(const double pcs[3]) {
    double l = pcs[0] / 65535 * 100, a = pcs[1] / 65535 * 255 - 128, b = pcs[2] / 65535 * 255 - 128;
    double fy = (l + 16) / 116, f[3] = {fy + a / 500, fy, fy - b / 200}, xyz[3], rgb[3];
    static const double white[3] = {0.9642, 1, 0.8249};
    for (int i = 0; i < 3; i++) xyz[i] = white[i] * (f[i] > 6.0 / 29 ? f[i] * f[i] * f[i] : 3 * (6.0 / 29) * (6.0 / 29) * (f[i] - 4.0 / 29));
    /* Bradford-adapted D50 to linear sRGB. */
    static const double m[3][3] = {{3.1338561, -1.6168667, -0.4906146}, {-0.9787684, 1.9161415, 0.0334540}, {0.0719453, -0.2289914, 1.4052427}};
    uint32_t colour = 0xFF;
    for (int i = 0; i < 3; i++) {
        double v = m[i][0] * xyz[0] + m[i][1] * xyz[1] + m[i][2] * xyz[2];
        v = v <= 0 ? 0 : v >= 1 ? 1 : v;
        rgb[i] = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
        colour = colour << 8 | (uint32_t)(rgb[i] * 255 + 0.5);
    }
    return colour;
}

static void use_layer(const lethe_dicom_item *root, const char *name, lethe_graphic *graphic) {
    graphic->colour = 0xFF000000u | PLAIN_COLOUR;
    char word[65];
    for (const lethe_dicom_item *i = lethe_presentation_items(root, LETHE_TAG(0x0070, 0x0060), NULL); i; i = i->next) {
        if (!lethe_dicom_text(i, LETHE_TAG(0x0070, 0x0002), 0, word, sizeof word) || strcmp(word, name) != 0) continue;
        int64_t value;
        if (lethe_dicom_int(i, LETHE_TAG(0x0070, 0x0062), 0, &value) && value > -1000000 && value < 1000000) graphic->order = (int)value;
        double lab[3];
        bool coloured = true;
        for (unsigned n = 0; n < 3; n++) coloured = coloured && lethe_dicom_double(i, LETHE_TAG(0x0070, 0x0401), n, &lab[n]);
        if (coloured) graphic->colour = colour_of_lab(lab);
        else if (lethe_dicom_int(i, LETHE_TAG(0x0070, 0x0066), 0, &value) && value >= 0 && value <= 65535)
            graphic->colour = 0xFF000000u | (uint32_t)(value >> 8) * 0x10101u;
        return;
    }
}

/* --- points --- */

static bool of_display(const lethe_dicom_item *item, lethe_tag tag) {
    char units[17];
    return lethe_dicom_text(item, tag, 0, units, sizeof units) && strcmp(units, "DISPLAY") == 0;
}

static bool take_point(const lethe_dicom_item *item, lethe_tag tag, unsigned first, lethe_point *out) {
    return lethe_dicom_double(item, tag, first, &out->x) && lethe_dicom_double(item, tag, first + 1, &out->y) && isfinite(out->x) && isfinite(out->y);
}

static lethe_status take_graphic(lethe_presentation_reader *r, const lethe_dicom_item *item, lethe_graphic *out, bool *known, lethe_error *error) {
    static const struct {
        const char *word;
        lethe_graphic_kind kind;
        size_t least;
    } kinds[] = {{"POINT", LETHE_GRAPHIC_POINT, 1},
                 {"POLYLINE", LETHE_GRAPHIC_POLYLINE, 2},
                 {"INTERPOLATED", LETHE_GRAPHIC_INTERPOLATED, 2},
                 {"CIRCLE", LETHE_GRAPHIC_CIRCLE, 2},
                 {"ELLIPSE", LETHE_GRAPHIC_ELLIPSE, 4}};
    char word[17] = "";
    (void)lethe_dicom_text(item, LETHE_TAG(0x0070, 0x0023), 0, word, sizeof word);
    const lethe_dicom_element *data = lethe_dicom_find(item, LETHE_TAG(0x0070, 0x0022));
    size_t count = data ? lethe_dicom_multiplicity(data) / 2 : 0, least = 0;
    *known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].word, word) == 0) {
            out->kind = kinds[i].kind;
            least = kinds[i].least;
            *known = true;
        }
    if (!*known) return LETHE_OK; /* counted as left out */
    if (count < least) return lethe_fail(error, LETHE_MALFORMED, "(0070,0022) has too few points for its kind of graphic");
    if (count > MOST_POINTS) return lethe_fail(error, LETHE_LIMIT, "too many points in (0070,0022)");
    lethe_point *points = lethe_arena_alloc_array(r->arena, count, sizeof *points);
    if (!points) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!lethe_dicom_element_double(data, (unsigned)(2 * i), &points[i].x) ||
            !lethe_dicom_element_double(data, (unsigned)(2 * i + 1), &points[i].y) || !isfinite(points[i].x) || !isfinite(points[i].y))
            return lethe_fail(error, LETHE_MALFORMED, "(0070,0022) is no list of numbers");
    out->points = points;
    out->count = count;
    out->of_display = of_display(item, LETHE_TAG(0x0070, 0x0005));
    out->filled = lethe_dicom_text(item, LETHE_TAG(0x0070, 0x0024), 0, word, sizeof word) && word[0] == 'Y';
    return LETHE_OK;
}

static lethe_status take_text(lethe_presentation_reader *r, const lethe_dicom_item *item, lethe_graphic *out, lethe_error *error) {
    out->kind = LETHE_GRAPHIC_TEXT;
    char *text = (char *)(uintptr_t)lethe_presentation_text(r, item, LETHE_TAG(0x0070, 0x0006));
    for (char *at = text; *at; at++) /* lines end with CR LF */
        if (*at == '\r') memmove(at, at + 1, strlen(at));
    out->text = text;
    lethe_point *box = lethe_arena_alloc_array(r->arena, 2, sizeof *box);
    if (!box) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (take_point(item, LETHE_TAG(0x0070, 0x0010), 0, &box[0]) && take_point(item, LETHE_TAG(0x0070, 0x0011), 0, &box[1])) {
        out->points = box;
        out->count = 2;
        out->of_display = of_display(item, LETHE_TAG(0x0070, 0x0003));
    }
    out->has_anchor = take_point(item, LETHE_TAG(0x0070, 0x0014), 0, &out->anchor);
    out->anchor_of_display = of_display(item, LETHE_TAG(0x0070, 0x0004));
    char word[17];
    out->anchor_visible = lethe_dicom_text(item, LETHE_TAG(0x0070, 0x0015), 0, word, sizeof word) && word[0] == 'Y';
    if (lethe_dicom_text(item, LETHE_TAG(0x0070, 0x0012), 0, word, sizeof word))
        out->align = strcmp(word, "CENTER") == 0 ? 0.5 : strcmp(word, "RIGHT") == 0 ? 1 : 0;
    if (!out->points && !out->has_anchor) return lethe_fail(error, LETHE_MALFORMED, "(0070,0008): a text without a place");
    return LETHE_OK;
}

static int by_layer(const void *left, const void *right) {
    const lethe_graphic *a = left, *b = right;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static size_t count_graphics(const lethe_dicom_item *root, size_t *left_out) {
    size_t total = 0;
    for (const lethe_dicom_item *a = lethe_presentation_items(root, LETHE_TAG(0x0070, 0x0001), NULL); a; a = a->next) {
        uint32_t graphics, texts, compound;
        (void)lethe_presentation_items(a, LETHE_TAG(0x0070, 0x0009), &graphics);
        (void)lethe_presentation_items(a, LETHE_TAG(0x0070, 0x0008), &texts);
        (void)lethe_presentation_items(a, LETHE_TAG(0x0070, 0x0209), &compound);
        total += (size_t)graphics + texts;
        *left_out += compound;
    }
    for (uint16_t group = 0x6000; group <= 0x601E; group = (uint16_t)(group + 2))
        *left_out += lethe_dicom_find(root, LETHE_TAG(group, 0x3000)) != NULL;
    return total;
}

static lethe_status take_annotation(lethe_presentation_reader *r, const lethe_dicom_item *root, const lethe_dicom_item *annotation,
                                    lethe_presentation *state, lethe_error *error) {
    lethe_presentation_scope scope;
    lethe_status status = lethe_presentation_scope_take(r, annotation, &scope, error);
    char layer[65] = "";
    (void)lethe_dicom_text(annotation, LETHE_TAG(0x0070, 0x0002), 0, layer, sizeof layer);
    for (const lethe_dicom_item *i = lethe_presentation_items(annotation, LETHE_TAG(0x0070, 0x0009), NULL); i && !status; i = i->next) {
        lethe_graphic graphic = {.scope = scope, .ordinal = (uint32_t)state->graphic_count};
        bool known;
        status = take_graphic(r, i, &graphic, &known, error);
        use_layer(root, layer, &graphic);
        if (!status && known) state->graphics[state->graphic_count++] = graphic;
        else state->left_out++;
    }
    for (const lethe_dicom_item *i = lethe_presentation_items(annotation, LETHE_TAG(0x0070, 0x0008), NULL); i && !status; i = i->next) {
        lethe_graphic graphic = {.scope = scope, .ordinal = (uint32_t)state->graphic_count};
        status = take_text(r, i, &graphic, error);
        use_layer(root, layer, &graphic);
        if (!status) state->graphics[state->graphic_count++] = graphic;
    }
    return status;
}

lethe_status lethe_presentation_graphics_take(lethe_presentation_reader *r, const lethe_dicom_item *root, lethe_presentation *state,
                                              lethe_error *error) {
    size_t count = count_graphics(root, &state->left_out);
    if (count == 0) return LETHE_OK;
    if (count > MOST_GRAPHICS) return lethe_fail(error, LETHE_LIMIT, "too many graphics in (0070,0001)");
    state->graphics = lethe_arena_alloc_array(r->arena, count, sizeof *state->graphics);
    if (!state->graphics) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_item *a = lethe_presentation_items(root, LETHE_TAG(0x0070, 0x0001), NULL); a && !status; a = a->next)
        status = take_annotation(r, root, a, state, error);
    if (!status) qsort(state->graphics, state->graphic_count, sizeof *state->graphics, by_layer);
    return status;
}

/* --- shutters --- */

static bool number(const lethe_dicom_item *root, lethe_tag tag, unsigned index, double *out) {
    return lethe_dicom_double(root, tag, index, out) && isfinite(*out);
}

bool lethe_shutter_load(const lethe_dicom_item *root, lethe_arena *arena, lethe_shutter *out) {
    *out = (lethe_shutter){0};
    char word[17];
    for (unsigned i = 0; i < 3 && lethe_dicom_text(root, LETHE_TAG(0x0018, 0x1600), i, word, sizeof word); i++) {
        double left, right, upper, lower, radius;
        if (strcmp(word, "RECTANGULAR") == 0 && number(root, LETHE_TAG(0x0018, 0x1602), 0, &left) &&
            number(root, LETHE_TAG(0x0018, 0x1604), 0, &right) && number(root, LETHE_TAG(0x0018, 0x1606), 0, &upper) &&
            number(root, LETHE_TAG(0x0018, 0x1608), 0, &lower)) {
            out->rectangle = true;
            out->box = (lethe_rect){left - 1, upper - 1, right - left + 1, lower - upper + 1};
        } else if (strcmp(word, "CIRCULAR") == 0 && number(root, LETHE_TAG(0x0018, 0x1610), 0, &upper) &&
                   number(root, LETHE_TAG(0x0018, 0x1610), 1, &left) && number(root, LETHE_TAG(0x0018, 0x1612), 0, &radius)) {
            out->circle = true;
            out->centre = (lethe_point){left - 0.5, upper - 0.5};
            out->radius = radius;
        } else if (strcmp(word, "POLYGONAL") == 0) {
            const lethe_dicom_element *e = lethe_dicom_find(root, LETHE_TAG(0x0018, 0x1620));
            size_t count = e ? lethe_dicom_multiplicity(e) / 2 : 0;
            lethe_point *corners = count >= 3 && count <= MOST_CORNERS ? lethe_arena_alloc_array(arena, count, sizeof *corners) : NULL;
            bool good = corners != NULL;
            for (size_t n = 0; good && n < count; n++) {
                good = lethe_dicom_element_double(e, (unsigned)(2 * n), &corners[n].y) &&
                       lethe_dicom_element_double(e, (unsigned)(2 * n + 1), &corners[n].x) && isfinite(corners[n].x) && isfinite(corners[n].y);
                corners[n].x -= 0.5;
                corners[n].y -= 0.5;
            }
            if (!good) continue;
            out->polygon = true;
            out->corners = corners;
            out->corner_count = count;
        }
    }
    int64_t grey;
    if (lethe_dicom_int(root, LETHE_TAG(0x0018, 0x1622), 0, &grey) && grey >= 0 && grey <= 65535) out->grey = (double)grey / 65535;
    return out->rectangle || out->circle || out->polygon;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Where a line through the centres of a row enters and leaves the polygon, by the even-odd rule. */
static void hide_outside_polygon(const lethe_shutter *shutter, uint32_t columns, uint32_t rows, uint8_t *out) {
    double *cuts = lethe_alloc_array(shutter->corner_count, sizeof *cuts);
    if (!cuts) { /* hide rather than show */
        memset(out, 1, (size_t)columns * rows);
        return;
    }
    for (uint32_t y = 0; y < rows; y++) {
        size_t count = 0, at = 0;
        double line = y + 0.5;
        for (size_t i = 0; i < shutter->corner_count; i++) {
            lethe_point a = shutter->corners[i], b = shutter->corners[(i + 1) % shutter->corner_count];
            if ((a.y <= line) != (b.y <= line)) cuts[count++] = a.x + (line - a.y) / (b.y - a.y) * (b.x - a.x);
        }
        qsort(cuts, count, sizeof *cuts, by_value);
        for (uint32_t x = 0; x < columns; x++) {
            while (at < count && cuts[at] <= x + 0.5) at++;
            if (at % 2 == 0) out[(size_t)y * columns + x] = 1;
        }
    }
    lethe_free(cuts);
}

void lethe_shutter_mask(const lethe_shutter *shutter, uint32_t columns, uint32_t rows, uint8_t *out) {
    memset(out, 0, (size_t)columns * rows);
    if (shutter->polygon) hide_outside_polygon(shutter, columns, rows, out);
    for (uint32_t y = 0; y < rows; y++)
        for (uint32_t x = 0; x < columns; x++) {
            double px = x + 0.5, py = y + 0.5, dx = px - shutter->centre.x, dy = py - shutter->centre.y;
            bool hidden = (shutter->rectangle && (px < shutter->box.x || px > shutter->box.x + shutter->box.width || py < shutter->box.y ||
                                                  py > shutter->box.y + shutter->box.height)) ||
                          (shutter->circle && dx * dx + dy * dy > shutter->radius * shutter->radius);
            if (hidden) out[(size_t)y * columns + x] = 1;
        }
}
