/* CT: a chest-like slice with a rod phantom beside the patient. The rods' HU values are known: -1000 air, -100 fat, 0 water, 60 tissue, 300 and 1000
 * bone, at fixed fractions of the picture; viewers are checked against them. */
#include "testdata/modalities.h"

#include "core/memory.h"
#include "testdata/picture.h"

#include <stdio.h>

static const char ct_class[] = "1.2.840.10008.5.1.4.1.1.2";
static const int rods_hu[] = {-1000, -100, 0, 60, 300, 1000};

static void draw(lethe_picture *p, lethe_random *random, unsigned slice) {
    lethe_picture_fill(p, -1000);
    lethe_picture_ellipse(p, 0.5, 0.46, 0.40, 0.28, -90);
    lethe_picture_ellipse(p, 0.5, 0.46, 0.38, 0.26, 45);
    lethe_picture_ellipse(p, 0.33, 0.45, 0.13, 0.18, -830);
    lethe_picture_ellipse(p, 0.67, 0.45, 0.13, 0.18, -830);
    lethe_picture_ellipse(p, 0.53, 0.44, 0.09, 0.10, 140);
    lethe_picture_ellipse(p, 0.5, 0.66, 0.045, 0.04, 420);
    lethe_picture_ellipse(p, 0.30 + slice * 0.004, 0.50, 0.012, 0.012, 80);
    lethe_picture_texture(p, random, -900, 12, 10);
    for (unsigned i = 0; i < 6; i++) lethe_picture_ellipse(p, 0.15 + 0.14 * i, 0.88, 0.045, 0.045, rods_hu[i]);
    lethe_picture_clamp(p, -1024, 3071);
    for (size_t i = 0; i < (size_t)p->columns * p->rows; i++) p->values[i] = (int16_t)(p->values[i] + 1024);
}

static void put_ct(lethe_draft *draft, const lethe_series *s, unsigned side, unsigned slice, double gap_mm) {
    lethe_draft_item *d = lethe_draft_root(draft);
    double spacing_mm = 380.0 / side, spacing[2] = {spacing_mm, spacing_mm}, orientation[6] = {1, 0, 0, 0, 1, 0};
    double position[3] = {-190, -190, slice * gap_mm};
    lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL", EXPECT_KEPT);
    lethe_draft_text(d, 0x00180022, "CS", "HELICAL MODE", EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00180050, gap_mm, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00180060, 120, EXPECT_KEPT);
    lethe_draft_text(d, 0x00181210, "SH", "B30f", EXPECT_KEPT); /* Convolution Kernel */
    lethe_draft_text(d, 0x00185100, "CS", "HFS", EXPECT_KEPT);
    lethe_draft_decimals(d, 0x00200032, position, 3, EXPECT_KEPT);
    lethe_draft_decimals(d, 0x00200037, orientation, 6, EXPECT_KEPT);
    lethe_draft_text(d, 0x00200052, "UI", s->frame_uid, EXPECT_UID);
    lethe_draft_text(d, 0x00201040, "LO", "", EXPECT_NOTHING);
    lethe_draft_decimals(d, 0x00280030, spacing, 2, EXPECT_KEPT);
    lethe_pixel_format format = {.rows = side, .columns = side, .samples = 1, .bits_allocated = 16, .bits_stored = 12, .photometric = "MONOCHROME2"};
    lethe_put_pixel_format(draft, &format);
    lethe_draft_decimal(d, 0x00281050, 40, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00281051, 400, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00281052, -1024, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00281053, 1, EXPECT_KEPT);
    lethe_draft_text(d, 0x00281054, "LO", "HU", EXPECT_KEPT);
}

/* An overlay on which somebody wrote the patient's name (PS3.3 C.9.2). */
static void put_overlay(lethe_draft *draft, const lethe_visit *v, unsigned side) {
    lethe_draft_item *d = lethe_draft_root(draft);
    size_t size = (size_t)side * side / 8;
    uint8_t *bits = lethe_alloc_array(size, 1);
    if (bits == NULL) return; /* a picture without an overlay is a picture too */
    for (size_t i = 0; i < size / 16; i++) bits[i * 16 + i % 16] = 0x5A;
    uint16_t origin[2] = {1, 1};
    lethe_draft_u16(d, 0x60000010, side);
    lethe_draft_u16(d, 0x60000011, side);
    lethe_draft_text(d, 0x60000022, "LO", v->person.family, EXPECT_GONE); /* Overlay Description */
    lethe_draft_text(d, 0x60000040, "CS", "G", EXPECT_NOTHING);
    lethe_draft_u16s(d, 0x60000050, "SS", origin, 2);
    lethe_draft_u16(d, 0x60000100, 1);
    lethe_draft_u16(d, 0x60000102, 0);
    lethe_draft_text(d, 0x60001500, "LO", v->person.patient_id, EXPECT_GONE); /* Overlay Label */
    lethe_draft_bytes(d, 0x60003000, "OW", bits, size);
    lethe_free(bits);
}

static lethe_status make_slices(lethe_series *s, unsigned side, unsigned count, bool draw_all, const lethe_draft_form *form) {
    lethe_visit *v = s->visit;
    lethe_picture p = {.columns = side, .rows = side, .values = lethe_alloc_array((size_t)side * side, 2)};
    if (p.values == NULL) return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for a picture");
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < count && status == LETHE_OK; i++) {
        lethe_draft *draft = lethe_instance_begin(s, i + 1, true);
        if (draft == NULL) {
            status = lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for an instance");
            break;
        }
        put_ct(draft, s, side, i, 2.5);
        if (v->key != NULL && i % 4 == 1) put_overlay(draft, v, side);
        if (draw_all || i == 0) draw(&p, &v->random, i);
        lethe_draft_pixels(draft, p.values, (size_t)side * side * 2, 16, 1, true);
        status = lethe_instance_end(s, draft, form);
    }
    lethe_free(p.values);
    return status;
}

lethe_status lethe_make_ct(lethe_visit *v) {
    v->protocol = "SCANNER THORAX";
    lethe_series s;
    lethe_series_begin(v, &s, 1, "CT", ct_class, "THORAX 2.5 B30f", "CHEST");
    return make_slices(&s, v->options->small ? 96 : 512, v->options->small ? 4 : 24, true, NULL);
}

/* Slices of many patients, without answers; the pixels of the first stand for all, which no copy can tell. */
lethe_status lethe_testdata_bench_ct(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    unsigned left = options->count == 0 ? 1000 : options->count, side = options->columns == 0 ? 512 : options->columns;
    lethe_draft_form form = {.syntax = SYNTAX_EXPLICIT};
    lethe_status status = LETHE_OK;
    (void)key;
    for (unsigned patient = 0; left != 0 && status == LETHE_OK; patient++) {
        lethe_visit v;
        lethe_series s;
        unsigned count = options->one_series || left < 100 ? left : 100;
        lethe_visit_begin(&v, options, folder, NULL, patient, 0, error);
        v.protocol = "SCANNER THORAX";
        lethe_series_begin(&v, &s, 1, "CT", ct_class, "THORAX 2.5 B30f", "CHEST");
        status = make_slices(&s, side, count, false, &form);
        left -= count;
    }
    if (status != LETHE_OK || options->big_bytes == 0) return status;
    /* One multi-frame object larger than any buffer: an enhanced CT of a long examination. */
    lethe_visit v;
    lethe_series s;
    lethe_visit_begin(&v, options, folder, NULL, 999999, 0, error);
    v.protocol = "SCANNER THORAX";
    lethe_series_begin(&v, &s, 1, "CT", "1.2.840.10008.5.1.4.1.1.2.1", "THORAX COMPLET", "CHEST");
    unsigned frames = (unsigned)(options->big_bytes / ((uint64_t)side * side * 2)) + 1;
    lethe_picture p = {.columns = side, .rows = side, .values = lethe_alloc_array((size_t)side * side, 2)};
    lethe_draft *draft = p.values == NULL ? NULL : lethe_instance_begin(&s, 1, true);
    if (draft == NULL) {
        lethe_free(p.values);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an instance");
    }
    draw(&p, &v.random, 0);
    lethe_draft_item *d = lethe_draft_root(draft);
    lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\VOLUME\\NONE", EXPECT_NOTHING);
    lethe_draft_item *shared = lethe_draft_sequence(d, 0x52009229), *measures = lethe_draft_sequence(shared, 0x00289110);
    lethe_draft_decimal(measures, 0x00180050, 1, EXPECT_NOTHING);
    lethe_pixel_format format = {
        .rows = side, .columns = side, .samples = 1, .bits_allocated = 16, .bits_stored = 16, .photometric = "MONOCHROME2", .frames = frames};
    lethe_put_pixel_format(draft, &format);
    lethe_draft_text(d, 0x00280301, "CS", "NO", EXPECT_NOTHING);
    lethe_draft_pixels(draft, p.values, (size_t)side * side * 2, 16, frames, false);
    status = lethe_instance_end(&s, draft, &form);
    lethe_free(p.values);
    return status;
}
