/* Four-view mammography, for presentation, twelve bits. */
#include "testdata/modalities.h"

#include "core/memory.h"
#include "testdata/picture.h"

#include <string.h>

static const char mg_class[] = "1.2.840.10008.5.1.4.1.1.1.2";

typedef struct view {
    const char *laterality, *position, *code, *meaning, *orientation;
} view;

static const view views[] = {
    {"R", "CC", "399162004", "cranio-caudal", "P\\L"},
    {"L", "CC", "399162004", "cranio-caudal", "A\\R"},
    {"R", "MLO", "399368009", "medio-lateral oblique", "P\\FL"},
    {"L", "MLO", "399368009", "medio-lateral oblique", "A\\FR"},
};

/* The breast lies against the right edge for R, against the left for L. */
static void draw(lethe_picture *p, lethe_random *random, const view *w) {
    bool right = w->laterality[0] == 'R', oblique = strcmp(w->position, "MLO") == 0;
    double edge = right ? 1 : 0, way = right ? -1 : 1;
    lethe_picture_fill(p, 60);
    lethe_picture_ellipse(p, edge, 0.5, 0.72, 0.42, 1500);
    lethe_picture_ellipse(p, edge + way * 0.25, 0.48, 0.30, 0.26, 2300);
    lethe_picture_ellipse(p, edge + way * 0.38, 0.55, 0.05, 0.035, 3100);
    if (oblique) lethe_picture_ellipse(p, edge, 0.05, 0.38, 0.30, 2900);
    lethe_picture_texture(p, random, 900, 220, 25);
    for (int i = 0; i < 6; i++)
        lethe_picture_ellipse(p, edge + way * (0.30 + 0.01 * i), 0.42 + 0.012 * (i % 3), 0.003, 0.002, 4000); /* calcifications */
    lethe_picture_clamp(p, 0, 4095);
}

static void put_modules(lethe_draft *draft, const view *w, const lethe_pixel_format *format) {
    lethe_draft_item *d = lethe_draft_root(draft);
    double spacing[2] = {0.085, 0.085};
    lethe_draft_text(d, 0x00080008, "CS", "DERIVED\\PRIMARY\\", EXPECT_PRESENT);
    lethe_draft_text(d, 0x00080068, "CS", "FOR PRESENTATION", EXPECT_KEPT);
    (void)lethe_put_code(d, 0x00082218, "76752008", "SCT", "Breast");
    lethe_draft_decimal(d, 0x00180060, 28, EXPECT_KEPT);
    lethe_draft_text(d, 0x00181508, "CS", "MAMMOGRAPHIC", EXPECT_KEPT);
    lethe_draft_text(d, 0x00181147, "CS", "RECTANGLE", EXPECT_NOTHING);
    lethe_draft_decimals(d, 0x00181164, spacing, 2, EXPECT_KEPT);
    lethe_draft_text(d, 0x0018115E, "DS", "1.2", EXPECT_NOTHING);
    lethe_draft_text(d, 0x001811A0, "DS", "54", EXPECT_KEPT); /* Body Part Thickness */
    lethe_draft_text(d, 0x001811A2, "DS", "98", EXPECT_KEPT); /* Compression Force */
    lethe_draft_text(d, 0x0018115A, "CS", "CONTINUOUS", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00181191, "CS", "TUNGSTEN", EXPECT_KEPT);
    lethe_draft_text(d, 0x00185101, "CS", w->position, EXPECT_KEPT);
    lethe_draft_text(d, 0x00187004, "CS", "DIRECT", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00200020, "CS", w->orientation, EXPECT_KEPT);
    lethe_draft_text(d, 0x00200062, "CS", w->laterality, EXPECT_KEPT);
    lethe_put_pixel_format(draft, format);
    lethe_draft_decimals(d, 0x00280030, spacing, 2, EXPECT_KEPT);
    lethe_draft_text(d, 0x00280301, "CS", "NO", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00281040, "CS", "LOG", EXPECT_NOTHING);
    uint16_t sign = 0xFFFF; /* -1 */
    lethe_draft_u16s(d, 0x00281041, "SS", &sign, 1);
    lethe_draft_decimal(d, 0x00281050, 2000, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00281051, 4000, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00281052, 0, EXPECT_NOTHING);
    lethe_draft_decimal(d, 0x00281053, 1, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00281054, "LO", "US", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00282110, "CS", "00", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00400318, "CS", "BREAST", EXPECT_KEPT);
    lethe_draft_text(d, 0x20500020, "CS", "IDENTITY", EXPECT_FILLED);
    lethe_draft_empty_sequence(d, 0x00400555); /* Acquisition Context */
}

lethe_status lethe_make_mammography(lethe_visit *v) {
    v->protocol = "MAMMOGRAPHIE";
    lethe_series s;
    lethe_series_begin(v, &s, 1, "MG", mg_class, "MAMMO 4 VUES", "BREAST");
    bool small = v->options->small;
    lethe_pixel_format format = {.rows = small ? 160 : 1664,
                                 .columns = small ? 128 : 1280,
                                 .samples = 1,
                                 .bits_allocated = 16,
                                 .bits_stored = 12,
                                 .photometric = "MONOCHROME2"};
    lethe_picture p = {.columns = format.columns, .rows = format.rows, .values = lethe_alloc_array((size_t)format.columns * format.rows, 2)};
    if (p.values == NULL) return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for a picture");
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < 4 && status == LETHE_OK; i++) {
        lethe_draft *draft = lethe_instance_begin(&s, i + 1, true);
        if (draft == NULL) {
            status = lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for an instance");
            break;
        }
        put_modules(draft, &views[i], &format);
        lethe_draft_item *code = lethe_put_code(lethe_draft_root(draft), 0x00540220, views[i].code, "SCT", views[i].meaning);
        lethe_draft_empty_sequence(code, 0x00540222); /* View Modifier */
        draw(&p, &v->random, &views[i]);
        lethe_draft_pixels(draft, p.values, (size_t)format.columns * format.rows * 2, 16, 1, true);
        status = lethe_instance_end(&s, draft, NULL);
    }
    lethe_free(p.values);
    return status;
}
