/* Identifiers where nobody looks: deep in sequences, in elements of the wrong VR, in multi-valued and code strings, beside words that must stay.
 * Objects that are no images: presentation state, structure set, encapsulated PDF, key object. */
#include "testdata/modalities.h"

#include "core/memory.h"
#include "testdata/picture.h"

#include <stdio.h>
#include <string.h>

static lethe_draft *begin(lethe_series *s, unsigned number, bool image) {
    lethe_draft *draft = lethe_instance_begin(s, number, image);
    if (draft == NULL) (void)lethe_fail(s->visit->error, LETHE_NO_MEMORY, "no memory for an instance");
    return draft;
}

static void plant_everywhere(lethe_draft_item *d, const lethe_visit *v) {
    const lethe_person *p = &v->person;
    char text[400], gone[240];
    /* Six levels down. */
    lethe_draft_item *deep = d;
    for (int level = 0; level < 6; level++) deep = lethe_draft_sequence(deep, level % 2 == 0 ? 0x00400440 : 0x00400441);
    lethe_draft_text(deep, 0x00081048, "PN", p->referring_pn, EXPECT_GONE);
    lethe_draft_text(deep, 0x00102154, "SH", p->phone, EXPECT_GONE);
    /* Multi-valued: the second value only. */
    (void)snprintf(text, sizeof text, "FOIE\\%s", p->family);
    lethe_draft_mixed(d, 0x00181400, "LO", text, NULL, p->family); /* Acquisition Device Processing Description */
    /* A description that only describes, of words that look like names. */
    lethe_draft_text(d, 0x00321070, "LO", "Iomeron 400", EXPECT_KEPT);
    lethe_draft_text(d, 0x00180010, "LO", "Iomeron 400", EXPECT_KEPT);
    /* Dates in words. */
    (void)snprintf(text, sizeof text, "Suivi de lithiase. Vu le 3 mars 2017, ne(e) le %u-%02u-%02u. Ref. patient %s. Merci a Mme %s.", p->birth_year,
                   p->birth_month, p->birth_day, p->patient_id, p->family);
    (void)snprintf(gone, sizeof gone, "%u-%02u-%02u|%s|%s", p->birth_year, p->birth_month, p->birth_day, p->patient_id, p->family);
    lethe_draft_mixed(d, 0x00324000, "LT", text, "Suivi de lithiase", gone); /* Study Comments */
    lethe_draft_answer(d, 0x00324000, LETHE_ANSWER_DATE_SHIFTED, text, "3 mars 2017");
    (void)snprintf(text, sizeof text, "Hydronephrose gauche ; courrier a %s, %s %s, %s", p->street, p->postcode, p->town, p->email);
    (void)snprintf(gone, sizeof gone, "%s|%s", p->street, p->email);
    lethe_draft_mixed(d, 0x00184000, "LT", text, "Hydronephrose gauche", gone); /* Acquisition Comments */
    (void)snprintf(text, sizeof text, "Allergie iode. %s^%s", p->family, p->given);
    lethe_draft_mixed(d, 0x00102110, "LO", text, "Allergie iode", p->family); /* Allergies */
    (void)snprintf(text, sizeof text, "NIR %.1s %.2s %.2s %.2s %.3s %.3s %.2s", p->nir, p->nir + 1, p->nir + 3, p->nir + 5, p->nir + 7, p->nir + 10,
                   p->nir + 13);
    lethe_draft_text(d, 0x00321030, "LO", text, EXPECT_GONE);  /* Reason for Study: the number written with spaces */
    lethe_draft_text(d, 0x00102297, "PN", p->pn, EXPECT_GONE); /* Responsible Person */
    lethe_draft_text(d, 0x00102298, "CS", "PARENT", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00400012, "LO", p->family, EXPECT_GONE); /* Pre-Medication, misused */
    /* The creator of a block names a person. */
    (void)snprintf(text, sizeof text, "PERSO %.40s", p->operator_family);
    uint32_t block = lethe_draft_block(d, 0x0099, text);
    lethe_draft_text(d, block + 1, "LT", p->email, EXPECT_GONE);
    lethe_draft_absent(lethe_draft_of(d), p->operator_family);
}

static lethe_status make_image(lethe_visit *v) {
    lethe_series s;
    lethe_series_begin(v, &s, 20, "CT", "1.2.840.10008.5.1.4.1.1.2", "ABDOMEN PORTAL 1.0 B40f", "ABDOMEN");
    enum { SIDE = 64 };
    lethe_picture p = {.columns = SIDE, .rows = SIDE, .values = lethe_alloc_array((size_t)SIDE * SIDE, 2)};
    if (p.values == NULL) return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for a picture");
    lethe_picture_fill(&p, 24);
    lethe_picture_ellipse(&p, 0.5, 0.5, 0.4, 0.3, 1080);
    lethe_picture_texture(&p, &v->random, 500, 20, 12);
    lethe_picture_clamp(&p, 0, 4095);
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < 3 && status == LETHE_OK; i++) {
        lethe_draft *draft = begin(&s, i + 1, true);
        if (draft == NULL) {
            status = LETHE_NO_MEMORY;
            break;
        }
        lethe_draft_item *d = lethe_draft_root(draft);
        double orientation[6] = {1, 0, 0, 0, 1, 0}, position[3] = {-150, -150, i}, spacing[2] = {4.6875, 4.6875};
        lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL", EXPECT_KEPT);
        lethe_draft_text(d, 0x00180050, "DS", "1", EXPECT_KEPT);
        lethe_draft_text(d, 0x00180060, "DS", "100", EXPECT_KEPT);
        lethe_draft_text(d, 0x00185100, "CS", "HFS", EXPECT_KEPT);
        lethe_draft_decimals(d, 0x00200032, position, 3, EXPECT_KEPT);
        lethe_draft_decimals(d, 0x00200037, orientation, 6, EXPECT_KEPT);
        lethe_draft_text(d, 0x00200052, "UI", s.frame_uid, EXPECT_UID);
        lethe_draft_text(d, 0x00201040, "LO", "", EXPECT_NOTHING);
        lethe_draft_decimals(d, 0x00280030, spacing, 2, EXPECT_KEPT);
        lethe_pixel_format format = {
            .rows = SIDE, .columns = SIDE, .samples = 1, .bits_allocated = 16, .bits_stored = 12, .photometric = "MONOCHROME2"};
        lethe_put_pixel_format(draft, &format);
        lethe_draft_text(d, 0x00281052, "DS", "-1024", EXPECT_KEPT);
        lethe_draft_text(d, 0x00281053, "DS", "1", EXPECT_KEPT);
        plant_everywhere(d, v);
        lethe_draft_pixels(draft, p.values, (size_t)SIDE * SIDE * 2, 16, 1, true);
        lethe_draft_form form = {.syntax = SYNTAX_IMPLICIT, .no_meta = i == 1, .undefined_lengths = i == 2};
        status = lethe_instance_end(&s, draft, &form);
    }
    lethe_free(p.values);
    return status;
}

static lethe_status make_structures(lethe_visit *v) {
    lethe_series s, images;
    lethe_series_begin(v, &s, 21, "RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.3", "CONTOURS", NULL);
    lethe_series_begin(v, &images, 20, "CT", "1.2.840.10008.5.1.4.1.1.2", "", NULL);
    lethe_draft *draft = begin(&s, 1, false);
    if (draft == NULL) return LETHE_NO_MEMORY;
    lethe_draft_item *d = lethe_draft_root(draft);
    char uid[65], text[80];
    lethe_instance_uid(&images, 1, uid);
    lethe_draft_mixed(d, 0x30060002, "SH", "CONTOURS 1", NULL, NULL);
    lethe_draft_text(d, 0x30060008, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x30060009, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00200052, "UI", s.frame_uid, EXPECT_UID);
    lethe_draft_text(d, 0x00201040, "LO", "", EXPECT_NOTHING);
    lethe_draft_item *frame = lethe_draft_sequence(d, 0x30060010);
    lethe_draft_text(frame, 0x00200052, "UI", s.frame_uid, EXPECT_UID);
    static const char *const organs[] = {"Foie", "Rein gauche"};
    for (unsigned i = 0; i < 2; i++) {
        lethe_draft_item *roi = lethe_draft_sequence(d, 0x30060020);
        lethe_draft_integer(roi, 0x30060022, (long)i + 1);
        lethe_draft_text(roi, 0x30060024, "UI", s.frame_uid, EXPECT_UID);
        (void)snprintf(text, sizeof text, "%s %s", organs[i], i == 1 ? v->person.performing_family : "");
        lethe_draft_mixed(roi, 0x30060026, "LO", text, organs[i], i == 1 ? v->person.performing_family : NULL);
        lethe_draft_text(roi, 0x30060036, "CS", "MANUAL", EXPECT_KEPT);
        lethe_draft_item *contours = lethe_draft_sequence(d, 0x30060039), *contour = lethe_draft_sequence(contours, 0x30060040);
        lethe_draft_integer(contours, 0x30060084, (long)i + 1);
        (void)lethe_put_reference(contour, 0x30060016, "1.2.840.10008.5.1.4.1.1.2", uid);
        lethe_draft_text(contour, 0x30060042, "CS", "CLOSED_PLANAR", EXPECT_KEPT);
        lethe_draft_integer(contour, 0x30060046, 3);
        lethe_draft_text(contour, 0x30060050, "DS", "10\\10\\0\\40\\10\\0\\20\\40\\0", EXPECT_KEPT);
        lethe_draft_item *observation = lethe_draft_sequence(d, 0x30060080);
        lethe_draft_integer(observation, 0x30060082, (long)i + 1);
        lethe_draft_integer(observation, 0x30060084, (long)i + 1);
        lethe_draft_text(observation, 0x300600A4, "CS", "ORGAN", EXPECT_KEPT);
        lethe_draft_text(observation, 0x300600A6, "PN", v->person.performing_pn, EXPECT_GONE);
    }
    lethe_draft_form form = {.syntax = SYNTAX_EXPLICIT};
    return lethe_instance_end(&s, draft, &form);
}

static lethe_status make_document(lethe_visit *v) {
    lethe_series s;
    lethe_series_begin(v, &s, 22, "DOC", "1.2.840.10008.5.1.4.1.1.104.1", "COURRIER", NULL);
    lethe_draft *draft = begin(&s, 1, false);
    if (draft == NULL) return LETHE_NO_MEMORY;
    lethe_draft_item *d = lethe_draft_root(draft);
    char pdf[1200];
    int length = snprintf(
        pdf, sizeof pdf,
        "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 "
        "R/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>"
        "endobj\n4 0 obj<</Length 80>>stream\nBT /F1 14 Tf 20 150 Td (%.30s %.10s) Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF\n",
        v->person.birth_name, v->birth_french);
    lethe_draft_text(d, 0x00080023, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00080033, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00080064, "CS", "WSD", EXPECT_NOTHING);
    lethe_draft_text(d, 0x0008002A, "DT", "", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00280301, "CS", "YES", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00420010, "ST", v->person.family, EXPECT_GONE); /* Document Title */
    lethe_draft_empty_sequence(d, 0x0040A043);
    lethe_draft_bytes(d, 0x00420011, "OB", pdf, (size_t)length);
    lethe_draft_text(d, 0x00420012, "LO", "application/pdf", EXPECT_NOTHING);
    lethe_draft_form form = {.syntax = SYNTAX_EXPLICIT};
    return lethe_instance_end(&s, draft, &form);
}

static lethe_status make_presentation(lethe_visit *v) {
    lethe_series s, images;
    lethe_series_begin(v, &s, 23, "PR", "1.2.840.10008.5.1.4.1.1.11.1", "ANNOTATIONS", NULL);
    lethe_series_begin(v, &images, 20, "CT", "1.2.840.10008.5.1.4.1.1.2", "", NULL);
    lethe_draft *draft = begin(&s, 1, false);
    if (draft == NULL) return LETHE_NO_MEMORY;
    lethe_draft_item *d = lethe_draft_root(draft);
    char uid[65], text[120];
    lethe_instance_uid(&images, 1, uid);
    lethe_draft_text(d, 0x00200060, "CS", "", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00700080, "CS", "ANNOT", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00700081, "LO", v->person.family, EXPECT_GONE); /* Content Description */
    lethe_draft_text(d, 0x00700082, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00700083, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00700084, "PN", v->person.operator_pn, EXPECT_GONE);
    lethe_draft_item *series = lethe_draft_sequence(d, 0x00081115);
    lethe_draft_text(series, 0x0020000E, "UI", images.uid, EXPECT_UID);
    (void)lethe_put_reference(series, 0x00081140, "1.2.840.10008.5.1.4.1.1.2", uid);
    lethe_draft_item *graphic = lethe_draft_sequence(d, 0x00700001), *object = lethe_draft_sequence(graphic, 0x00700008);
    lethe_draft_text(graphic, 0x00700002, "CS", "LAYER", EXPECT_NOTHING);
    (void)snprintf(text, sizeof text, "Calcul 6 mm %s", v->person.family);
    lethe_draft_mixed(object, 0x00700006, "ST", text, "Calcul 6 mm", v->person.family);
    lethe_draft_text(object, 0x00700003, "CS", "PIXEL", EXPECT_NOTHING);
    float corner[2] = {10, 10}, other[2] = {40, 20};
    lethe_draft_f32s(object, 0x00700010, "FL", corner, 2);
    lethe_draft_f32s(object, 0x00700011, "FL", other, 2);
    lethe_draft_text(object, 0x00700012, "CS", "LEFT", EXPECT_NOTHING);
    lethe_draft_item *layer = lethe_draft_sequence(d, 0x00700060);
    lethe_draft_text(layer, 0x00700002, "CS", "LAYER", EXPECT_NOTHING);
    lethe_draft_integer(layer, 0x00700062, 1);
    lethe_draft_item *area = lethe_draft_sequence(d, 0x0070005A);
    static const uint8_t top_left[8] = {1, 0, 0, 0, 1}, bottom_right[8] = {64, 0, 0, 0, 64};
    double spacing[2] = {4.6875, 4.6875};
    lethe_draft_bytes(area, 0x00700052, "SL", top_left, 8);
    lethe_draft_bytes(area, 0x00700053, "SL", bottom_right, 8);
    lethe_draft_decimals(area, 0x00700101, spacing, 2, EXPECT_KEPT);
    lethe_draft_text(area, 0x00700100, "CS", "SCALE TO FIT", EXPECT_NOTHING);
    lethe_draft_text(d, 0x20500020, "CS", "IDENTITY", EXPECT_FILLED);
    lethe_draft_form form = {.syntax = SYNTAX_EXPLICIT, .undefined_lengths = true};
    return lethe_instance_end(&s, draft, &form);
}

lethe_status lethe_make_oddities(lethe_visit *v) {
    v->protocol = "SCANNER ABDOMEN";
    lethe_status status = make_image(v);
    if (status == LETHE_OK) status = make_structures(v);
    if (status == LETHE_OK) status = make_document(v);
    if (status == LETHE_OK) status = make_presentation(v);
    return status;
}
