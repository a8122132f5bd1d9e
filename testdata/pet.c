/* PET: what SUV needs must survive (weight, dose, half-life, the time from injection to scan); some examinations run past midnight. */
#include "testdata/modalities.h"

#include "core/memory.h"
#include "testdata/picture.h"

#include <stdio.h>
#include <string.h>

static const char pt_class[] = "1.2.840.10008.5.1.4.1.1.128";

static void put_isotope(lethe_draft_item *d, const lethe_visit *v) {
    char text[32];
    lethe_draft_item *drug = lethe_draft_sequence(d, 0x00540016);
    lethe_draft_text(drug, 0x00180031, "LO", "FDG", EXPECT_KEPT);
    lethe_draft_text(drug, 0x00181072, "TM", "233000", EXPECT_FILLED);
    lethe_draft_text(drug, 0x00181074, "DS", "285000000", EXPECT_KEPT);
    lethe_draft_text(drug, 0x00181075, "DS", "6586.2", EXPECT_KEPT);
    lethe_draft_text(drug, 0x00181076, "DS", "0.97", EXPECT_KEPT);
    (void)snprintf(text, sizeof text, "%s233000", v->study_da);
    lethe_draft_text(drug, 0x00181078, "DT", text, EXPECT_NOTHING);
    lethe_draft_answer(drug, 0x00181078, LETHE_ANSWER_DATE_SHIFTED, text, v->study_da);
    (void)lethe_put_code(drug, 0x00540300, "77004003", "SCT", "^18^Fluorine");
}

static void put_series(lethe_draft_item *d, unsigned slices, unsigned slice) {
    lethe_draft_u16(d, 0x00540081, slices);
    lethe_draft_text(d, 0x00280051, "CS", "DECY\\ATTN\\SCAT\\RAN", EXPECT_KEPT);
    lethe_draft_text(d, 0x00541000, "CS", "STATIC\\IMAGE", EXPECT_KEPT);
    lethe_draft_text(d, 0x00541001, "CS", "BQML", EXPECT_KEPT);
    lethe_draft_text(d, 0x00541002, "CS", "EMISSION", EXPECT_KEPT);
    lethe_draft_text(d, 0x00541102, "CS", "START", EXPECT_KEPT);
    lethe_draft_text(d, 0x00181181, "CS", "NONE", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00541300, "DS", "0", EXPECT_KEPT);
    lethe_draft_text(d, 0x00181242, "IS", "120000", EXPECT_KEPT);
    lethe_draft_text(d, 0x00541321, "DS", "1.0", EXPECT_KEPT);
    lethe_draft_u16(d, 0x00541330, slice + 1);
    (void)lethe_put_code(d, 0x00540410, "102538003", "SCT", "recumbent");
    (void)lethe_put_code(d, 0x00540414, "102540008", "SCT", "headfirst");
}

static void put_geometry(lethe_draft_item *d, const lethe_series *s, unsigned side, unsigned slice) {
    double spacing[2] = {600.0 / side, 600.0 / side}, orientation[6] = {1, 0, 0, 0, 1, 0}, position[3] = {-300, -300, slice * 4.0};
    lethe_draft_text(d, 0x00180050, "DS", "4", EXPECT_KEPT);
    lethe_draft_decimals(d, 0x00200032, position, 3, EXPECT_KEPT);
    lethe_draft_decimals(d, 0x00200037, orientation, 6, EXPECT_KEPT);
    lethe_draft_text(d, 0x00200052, "UI", s->frame_uid, EXPECT_UID);
    lethe_draft_text(d, 0x00201040, "LO", "", EXPECT_NOTHING);
    lethe_draft_decimals(d, 0x00280030, spacing, 2, EXPECT_KEPT);
}

lethe_status lethe_make_pet(lethe_visit *v) {
    v->protocol = "TEP FDG";
    lethe_series s;
    unsigned side = v->options->small ? 64 : 200, slices = v->options->small ? 3 : 16;
    lethe_series_begin(v, &s, 4, "PT", pt_class, "TEP CORPS ENTIER", "WHOLEBODY");
    lethe_picture p = {.columns = side, .rows = side, .values = lethe_alloc_array((size_t)side * side, 2)};
    if (p.values == NULL) return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for a picture");
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < slices && status == LETHE_OK; i++) {
        lethe_draft *draft = lethe_instance_begin(&s, i + 1, true);
        if (draft == NULL) {
            status = lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for an instance");
            break;
        }
        lethe_draft_item *d = lethe_draft_root(draft);
        lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY", EXPECT_KEPT);
        put_isotope(d, v);
        put_series(d, slices, i);
        put_geometry(d, &s, side, i);
        lethe_picture_fill(&p, 0);
        lethe_picture_ellipse(&p, 0.5, 0.5, 0.35, 0.22, 900);
        lethe_picture_ellipse(&p, 0.55, 0.45, 0.05, 0.05, 9000);
        lethe_picture_texture(&p, &v->random, 10, 90, 60);
        lethe_picture_clamp(&p, 0, 32767);
        lethe_pixel_format format = {
            .rows = side, .columns = side, .samples = 1, .bits_allocated = 16, .bits_stored = 16, .is_signed = true, .photometric = "MONOCHROME2"};
        lethe_put_pixel_format(draft, &format);
        lethe_draft_text(d, 0x00281052, "DS", "0", EXPECT_KEPT);
        lethe_draft_text(d, 0x00281053, "DS", "2.35", EXPECT_KEPT);
        lethe_draft_pixels(draft, p.values, (size_t)side * side * 2, 16, 1, true);
        status = lethe_instance_end(&s, draft, NULL);
    }
    lethe_free(p.values);
    return status;
}
