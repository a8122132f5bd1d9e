/* Burned-in text for the benchmark of the pixel stage: every second image carries identifying strings (fonts, sizes, contrasts, rotations, plates,
 * outlines, bit depths), the other half only anatomy and harmless marks. The answer key holds the glyphs as masks; what each string is like stands in
 * front of its text: "category|text". */
#include "testdata/burned_in.h"

#include "core/memory.h"
#include "testdata/font.h"
#include "testdata/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Fonts: 0 to 2 the bitmap font at scales 1 to 3, others its strokes drawn smooth, slanted or bold at any size. */
typedef struct canvas {
    unsigned columns, rows, levels; /* levels: highest value + 1 */
    float *values;                  /* 0 to 1 */
} canvas;

static float uniform(lethe_random *r, double low, double high) { return (float)(low + (high - low) * lethe_random_below(r, 1000000) / 1e6); }

static void smooth_field(canvas *c, lethe_random *r, unsigned cell, float amplitude) {
    unsigned w = c->columns / cell + 3, h = c->rows / cell + 3;
    float *grid = lethe_alloc_array((size_t)w * h, sizeof *grid);
    if (grid == NULL) return;
    for (size_t i = 0; i < (size_t)w * h; i++) grid[i] = uniform(r, -1, 1);
    for (unsigned y = 0; y < c->rows; y++)
        for (unsigned x = 0; x < c->columns; x++) {
            float fx = (float)x / (float)cell, fy = (float)y / (float)cell;
            unsigned u = (unsigned)fx, v = (unsigned)fy;
            fx -= (float)u;
            fy -= (float)v;
            fx = fx * fx * (3 - 2 * fx);
            fy = fy * fy * (3 - 2 * fy);
            const float *g = grid + (size_t)v * w + u;
            c->values[(size_t)y * c->columns + x] += amplitude * ((1 - fy) * ((1 - fx) * g[0] + fx * g[1]) + fy * ((1 - fx) * g[w] + fx * g[w + 1]));
        }
    lethe_free(grid);
}

static void set(canvas *c, int x, int y, float value) {
    if (x >= 0 && y >= 0 && x < (int)c->columns && y < (int)c->rows) c->values[(size_t)y * c->columns + (size_t)x] = value;
}
static void line(canvas *c, float x0, float y0, float x1, float y1, int width, float value) {
    int steps = (int)(fabsf(x1 - x0) + fabsf(y1 - y0)) + 1;
    for (int i = 0; i <= steps; i++)
        for (int v = 0; v < width; v++)
            for (int u = 0; u < width; u++)
                set(c, (int)(x0 + (x1 - x0) * (float)i / (float)steps) + u, (int)(y0 + (y1 - y0) * (float)i / (float)steps) + v, value);
}

/* What the picture shows; `kind` also chooses the modality. */
static void draw_anatomy(canvas *c, lethe_random *r, unsigned kind) {
    size_t count = (size_t)c->columns * c->rows;
    for (size_t i = 0; i < count; i++) c->values[i] = kind == 3 ? 0.92f : 0.3f;
    if (kind == 3) return; /* a scanned page */
    smooth_field(c, r, 120, 0.25f);
    smooth_field(c, r, 40, 0.12f);
    smooth_field(c, r, 12, 0.06f);
    for (unsigned y = 0; y < c->rows; y++)
        for (unsigned x = 0; x < c->columns; x++) {
            float *at = &c->values[(size_t)y * c->columns + x];
            float dx = ((float)x - (float)c->columns / 2) / (float)c->columns, dy = (float)y / (float)c->rows;
            float noise = uniform(r, -1, 1);
            if (kind == 0) { /* ultrasound: a sector of speckle */
                bool inside = dy > 0.1f && dy < 0.9f && fabsf(dx) < 0.08f + dy * 0.45f;
                *at = inside ? fabsf(*at) * (0.6f + 0.8f * fabsf(noise)) : 0;
            } else if (kind == 1) { /* breast */
                bool inside = (float)x < (float)c->columns * (0.55f - 0.6f * (dy - 0.5f) * (dy - 0.5f));
                *at = inside ? 0.35f + *at * 0.6f + noise * 0.02f : 0.02f + fabsf(noise) * 0.005f;
            } else if (kind == 2) /* radiograph, angiography */
                *at = 0.25f + *at + noise * 0.02f;
        }
    if (kind == 2)
        for (unsigned i = 0; i < 14; i++) {
            float x = uniform(r, 0, c->columns), y = uniform(r, 0, c->rows), angle = uniform(r, 0, 6.28);
            int width = 1 + (int)lethe_random_below(r, 6);
            for (unsigned s = 0; s < 30; s++) {
                angle += uniform(r, -0.4, 0.4);
                line(c, x, y, x + 9 * cosf(angle), y + 9 * sinf(angle), width, 0.18f);
                x += 9 * cosf(angle);
                y += 9 * sinf(angle);
            }
        }
}

/* Rulers, grids, calipers, needles, skin markers, boxes. */
static void draw_marks(canvas *c, lethe_random *r, float tone) {
    unsigned marks = lethe_random_below(r, 5);
    for (unsigned m = 0; m < marks; m++) {
        float x = uniform(r, 0, c->columns * 0.8), y = uniform(r, 0, c->rows * 0.8), step = uniform(r, 6, 26);
        switch (lethe_random_below(r, 6)) {
        case 0:
            for (int i = 0; i < 24; i++) line(c, x, y + (float)i * step, x + (i % 5 == 0 ? 12.f : 6.f), y + (float)i * step, 1, tone);
            break;
        case 1:
            for (int i = 0; i < 24; i++) line(c, x + (float)i * step, y, x + (float)i * step, y + (i % 5 == 0 ? 12.f : 6.f), 1, tone);
            break;
        case 2:
            for (int i = 0; i < 8; i++) {
                line(c, x + (float)i * step * 2, y, x + (float)i * step * 2, y + 14 * step, 1, tone);
                line(c, x, y + (float)i * step * 2, x + 14 * step, y + (float)i * step * 2, 1, tone);
            }
            break;
        case 3: line(c, x, y, x + uniform(r, -200, 200), y + uniform(r, 60, 200), 1 + (int)lethe_random_below(r, 3), tone); break;
        case 4:
            for (int i = 0; i < 6; i++) {
                float u = x + uniform(r, 0, 120), v = y + uniform(r, 0, 120);
                line(c, u - 5, v, u + 5, v, 1, tone);
                line(c, u, v - 5, u, v + 5, 1, tone);
            }
            break;
        default:
            for (int i = 0; i < 5; i++) {
                int u = (int)(x + uniform(r, 0, 150)), v = (int)(y + uniform(r, 0, 150)), radius = 1 + (int)lethe_random_below(r, 4);
                for (int b = -radius; b <= radius; b++)
                    for (int a = -radius; a <= radius; a++)
                        if (a * a + b * b <= radius * radius) set(c, u + a, v + b, tone);
            }
        }
    }
}

typedef struct glyphs {
    unsigned w, h;
    uint8_t *mask; /* coverage 0 to 255 */
} glyphs;

/* The bitmap font enlarged by any factor with smooth edges, `slant` pixels per pixel of height, `bold` pixels wider. */
static lethe_status render(const char *text, float scale, float slant, int bold, glyphs *out, lethe_error *error) {
    unsigned w, h;
    enum { FINE = 4 };
    lethe_font_measure(text, FINE, &w, &h);
    uint8_t *fine = lethe_alloc_array(w, h);
    out->h = (unsigned)((float)h / FINE * scale + 2);
    out->w = (unsigned)((float)w / FINE * scale + slant * (float)out->h + (float)bold + 3);
    out->mask = fine == NULL ? NULL : lethe_alloc_array(out->w, out->h);
    if (out->mask == NULL) {
        lethe_free(fine);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a caption");
    }
    lethe_font_draw(text, FINE, fine, w, h);
    for (unsigned y = 0; y < out->h; y++)
        for (unsigned x = 0; x < out->w; x++) {
            unsigned hits = 0;
            for (unsigned k = 0; k < 16; k++) {
                float v = ((float)y + ((float)(k / 4) + 0.5f) / 4) * FINE / scale;
                float base = (float)x + ((float)(k % 4) + 0.5f) / 4 - slant * ((float)out->h - (float)y);
                bool hit = false;
                for (int b = 0; b <= bold && !hit; b++) {
                    float u = (base - (float)b) * FINE / scale;
                    hit = u >= 0 && v >= 0 && u < (float)w && v < (float)h && fine[(size_t)v * w + (size_t)u] != 0;
                }
                hits += hit;
            }
            out->mask[(size_t)y * out->w + x] = (uint8_t)(hits * 255 / 16);
        }
    lethe_free(fine);
    return LETHE_OK;
}

static void turn_left(glyphs *g) {
    uint8_t *turned = lethe_alloc_array(g->w, g->h);
    if (turned == NULL) return;
    for (unsigned y = 0; y < g->h; y++)
        for (unsigned x = 0; x < g->w; x++) turned[(size_t)(g->w - 1 - x) * g->h + y] = g->mask[(size_t)y * g->w + x];
    lethe_free(g->mask);
    *g = (glyphs){.w = g->h, .h = g->w, .mask = turned};
}

static float local_deviation(const canvas *c, unsigned x0, unsigned y0, unsigned w, unsigned h, float *mean) {
    double sum = 0, squares = 0;
    for (unsigned y = y0; y < y0 + h; y++)
        for (unsigned x = x0; x < x0 + w; x++) {
            double v = (double)c->values[(size_t)y * c->columns + x];
            sum += v;
            squares += v * v;
        }
    double n = (double)w * h, m = sum / n, variance = squares / n - m * m;
    *mean = (float)m;
    return (float)sqrt(variance > 0 ? variance : 0);
}

static void identifying_text(lethe_random *r, const lethe_person *p, char out[128]) {
    switch (lethe_random_below(r, 6)) {
    case 0: (void)snprintf(out, 128, "%.30s, %.20s", p->family, p->given); break;
    case 1: (void)snprintf(out, 128, "%.20s %.30s", p->given, p->family); break;
    case 2: (void)snprintf(out, 128, "%02u/%02u/%04u", p->birth_day, p->birth_month, p->birth_year); break;
    case 3: (void)snprintf(out, 128, "ID: %.16s", p->patient_id); break;
    case 4: (void)snprintf(out, 128, "%.40s", p->hospital); break;
    default: (void)snprintf(out, 128, "%.16s", p->patient_id);
    }
}

typedef struct caption {
    char label[192];
    unsigned x, y;
    glyphs g;
} caption;

static bool place(canvas *c, lethe_random *r, const lethe_person *p, caption *have, unsigned count, lethe_error *error) {
    static const char *const sizes[] = {"small", "medium", "large"};
    caption *k = &have[count];
    char text[128];
    identifying_text(r, p, text);
    float scale = uniform(r, 1.0, 2.0) * (lethe_random_below(r, 3) == 0 ? uniform(r, 1, 2.6) : 1);
    if (lethe_random_below(r, 4) == 0) scale = 1 + (float)lethe_random_below(r, 3);
    bool upright = lethe_random_below(r, 5) != 0;
    if (render(text, scale, lethe_random_below(r, 4) == 0 ? 0.18f : 0, scale > 1.6f && lethe_random_below(r, 3) == 0, &k->g, error) != LETHE_OK)
        return false;
    if (!upright) turn_left(&k->g);
    for (unsigned attempt = 0; attempt < 20; attempt++) {
        if (k->g.w + 6 >= c->columns || k->g.h + 6 >= c->rows) break;
        k->x = 3 + lethe_random_below(r, c->columns - k->g.w - 6);
        k->y = 3 + lethe_random_below(r, c->rows - k->g.h - 6);
        bool free_place = true;
        for (unsigned i = 0; i < count; i++)
            free_place = free_place && (k->x > have[i].x + have[i].g.w + 8 || have[i].x > k->x + k->g.w + 8 || k->y > have[i].y + have[i].g.h + 8 ||
                                        have[i].y > k->y + k->g.h + 8);
        if (!free_place) continue;
        float mean, deviation = local_deviation(c, k->x, k->y, k->g.w, k->g.h, &mean);
        bool low = lethe_random_below(r, 3) == 0;
        float contrast = low ? 0.08f + 3.2f * deviation : 0.35f + 3 * deviation;
        bool bright = mean + contrast <= 1.0f;
        if (!bright && mean - contrast < 0) continue;
        unsigned style = lethe_random_below(r, 4);
        float tone = bright ? mean + contrast : mean - contrast;
        for (int pass = 0; pass < 2; pass++)
            for (unsigned y = 0; y < k->g.h; y++)
                for (unsigned x = 0; x < k->g.w; x++) {
                    float cover = (float)k->g.mask[(size_t)y * k->g.w + x] / 255;
                    if (cover <= 0) continue;
                    if (pass == 0) { /* shadow or outline of the other tone */
                        float other = bright ? 0 : 1;
                        if (style == 1) set(c, (int)(k->x + x) + 1, (int)(k->y + y) + 1, other);
                        if (style == 2)
                            for (int b = -1; b <= 1; b++)
                                for (int a = -1; a <= 1; a++) set(c, (int)(k->x + x) + a, (int)(k->y + y) + b, other);
                        continue;
                    }
                    float *at = &c->values[(size_t)(k->y + y) * c->columns + k->x + x];
                    *at = *at * (1 - cover) + tone * cover;
                }
        float cap = 8 * scale;
        (void)snprintf(k->label, sizeof k->label, "%s %s %s%s|%.120s",
                       sizes[cap < 13   ? 0
                             : cap < 25 ? 1
                                        : 2],
                       low ? "faint" : "clear", upright ? "" : "rotated ",
                       style == 1   ? "shadowed"
                       : style == 2 ? "outlined"
                                    : "plain",
                       text);
        return true;
    }
    lethe_free(k->g.mask);
    return false;
}

typedef struct sort {
    const char *modality, *sop_class, *photometric;
    unsigned bits;
} sort;
static const sort sorts[] = {{"US", "1.2.840.10008.5.1.4.1.1.6.1", "MONOCHROME2", 8},  {"MG", "1.2.840.10008.5.1.4.1.1.1.2", "MONOCHROME2", 12},
                             {"XA", "1.2.840.10008.5.1.4.1.1.12.1", "MONOCHROME2", 8}, {"OT", "1.2.840.10008.5.1.4.1.1.7", "MONOCHROME2", 8},
                             {"DX", "1.2.840.10008.5.1.4.1.1.1.1", "MONOCHROME1", 16}, {"ES", "1.2.840.10008.5.1.4.1.1.77.1.1", "RGB", 8}};

static lethe_status write_image(const canvas *c, const sort *s, unsigned index, const lethe_person *p, const caption *captions, unsigned count,
                                const char *folder, lethe_answer_key *key, lethe_error *error) {
    unsigned samples = strcmp(s->photometric, "RGB") == 0 ? 3 : 1, width = s->bits > 8 ? 2 : 1;
    size_t pixels = (size_t)c->columns * c->rows, size = pixels * samples * width;
    uint8_t *bytes = lethe_alloc_array(size + 1, 1);
    lethe_draft *draft = bytes == NULL ? NULL : lethe_draft_create(key, CHARSET_UTF_8);
    char file[64], uid[64], number[16];
    if (draft == NULL) {
        lethe_free(bytes);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an image");
    }
    float top = (float)((1u << s->bits) - 1);
    for (size_t i = 0; i < pixels; i++) {
        float v = c->values[i] < 0 ? 0 : c->values[i] > 1 ? 1 : c->values[i];
        if (strcmp(s->photometric, "MONOCHROME1") == 0) v = 1 - v;
        unsigned word = (unsigned)(v * top + 0.5f);
        for (unsigned k = 0; k < samples; k++) {
            if (width == 2) {
                bytes[2 * i] = (uint8_t)word;
                bytes[2 * i + 1] = (uint8_t)(word >> 8);
            } else bytes[i * samples + k] = (uint8_t)(k == 0 ? word : k == 1 ? word * 7 / 8 : word * 3 / 4);
        }
    }
    (void)snprintf(file, sizeof file, "%s/%05u.dcm", count > 0 ? "text" : "clean", index);
    (void)snprintf(uid, sizeof uid, "2.25.77%u", 100000 + index);
    (void)snprintf(number, sizeof number, "%u", index + 1);
    lethe_answer_subject subject = {
        .file = file, .patient_id = p->patient_id, .study = "2.25.771", .series = "2.25.772", .instance = uid, .modality = s->modality};
    lethe_status status = lethe_answer_subject_set(key, &subject, error);
    lethe_draft_item *d = lethe_draft_root(draft);
    lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00080016, "UI", s->sop_class, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00080018, "UI", uid, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00080060, "CS", s->modality, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00080070, "LO", "Invented Devices", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00100010, "PN", p->pn, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00100020, "LO", p->patient_id, EXPECT_NOTHING);
    lethe_draft_text(d, 0x0020000D, "UI", "2.25.771", EXPECT_NOTHING);
    lethe_draft_text(d, 0x0020000E, "UI", "2.25.772", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00200013, "IS", number, EXPECT_NOTHING);
    lethe_pixel_format f = {.rows = c->rows,
                            .columns = c->columns,
                            .samples = samples,
                            .bits_allocated = 8 * width,
                            .bits_stored = s->bits,
                            .photometric = s->photometric};
    lethe_put_pixel_format(draft, &f);
    for (unsigned i = 0; i < count && status == LETHE_OK; i++) {
        size_t area = (size_t)captions[i].g.w * captions[i].g.h;
        for (size_t k = 0; k < area; k++) captions[i].g.mask[k] = captions[i].g.mask[k] >= 128;
        lethe_answer_box box = {
            .x_px = captions[i].x, .y_px = captions[i].y, .width_px = captions[i].g.w, .height_px = captions[i].g.h, .mask = captions[i].g.mask};
        status = lethe_answer_add_box(key, &box, captions[i].label, error);
    }
    lethe_draft_pixels(draft, bytes, size + size % 2, 8 * width, 1, false);
    lethe_draft_form form = {.syntax = SYNTAX_EXPLICIT};
    if (status == LETHE_OK) status = lethe_draft_write(draft, &form, folder, file, error);
    lethe_draft_destroy(draft);
    lethe_free(bytes);
    return status;
}

static lethe_status make_one(const lethe_testdata_options *o, unsigned index, const char *folder, lethe_answer_key *key, lethe_error *error) {
    lethe_random r;
    lethe_person p;
    caption captions[6] = {0};
    unsigned count = 0, wanted;
    const sort *s = &sorts[index / 2 % (sizeof sorts / sizeof *sorts)];
    lethe_random_seed(&r, o->seed, 7700 + index);
    lethe_person_invent(o->seed, index, &p);
    unsigned base = o->columns != 0 ? o->columns : o->small ? 400 : 640;
    canvas c = {.columns = base + 2 * lethe_random_below(&r, 120), .rows = base * 3 / 4 + 2 * lethe_random_below(&r, 120)};
    c.values = lethe_alloc_array((size_t)c.columns * c.rows, sizeof *c.values);
    if (c.values == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a picture");
    unsigned kinds[] = {0, 1, 2, 3, 2, 0};
    unsigned kind = kinds[s - sorts];
    draw_anatomy(&c, &r, kind);
    draw_marks(&c, &r, kind == 3 ? 0.1f : uniform(&r, 0.5, 1));
    wanted = index % 2 == 0 ? 1 + lethe_random_below(&r, 4) : 0;
    for (unsigned i = 0; i < wanted * 3 && count < wanted; i++) count += place(&c, &r, &p, captions, count, error);
    lethe_status status = wanted > 0 && count == 0 ? LETHE_OK : write_image(&c, s, index, &p, captions, count, folder, key, error);
    for (unsigned i = 0; i < count; i++) lethe_free(captions[i].g.mask);
    lethe_free(c.values);
    return status;
}

lethe_status lethe_testdata_burned_in(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    unsigned count = options->count != 0 ? options->count : 120;
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < count && status == LETHE_OK; i++) status = make_one(options, i, folder, key, error);
    return status;
}
