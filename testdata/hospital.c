#include "testdata/modalities.h"

#include "core/file.h"
#include "core/memory.h"
#include "testdata/picture.h"

#include <stdio.h>
#include <string.h>

typedef lethe_status (*make_fn)(lethe_visit *visit);

/* What person number `index` came for: men to the prostate MR, women to the mammography, everybody to one thing more. */
static lethe_status visit_all(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, unsigned index, lethe_error *error) {
    lethe_person person;
    lethe_person_invent(options->seed, index, &person);
    make_fn mr_study[] = {lethe_make_prostate_mr, lethe_make_report, lethe_make_scanned_form, NULL}, mg_study[] = {lethe_make_mammography, NULL};
    make_fn ct_study[] = {lethe_make_ct, NULL}, us_study[] = {lethe_make_ultrasound, NULL};
    make_fn pet_study[] = {lethe_make_pet, NULL}, odd_study[] = {lethe_make_oddities, NULL};
    make_fn *studies[] = {person.sex == 'M' ? mr_study : mg_study, index % 2 == 0 ? ct_study : us_study,
                          index % 3 == 0   ? odd_study
                          : index % 3 == 1 ? pet_study
                                           : NULL};
    for (unsigned study = 0; study < 3 && studies[study] != NULL; study++) {
        lethe_visit visit;
        lethe_visit_begin(&visit, options, folder, key, index, study, error);
        for (make_fn *make = studies[study]; *make != NULL; make++) {
            lethe_status status = (*make)(&visit);
            if (status != LETHE_OK) return status;
        }
    }
    return LETHE_OK;
}

lethe_status lethe_testdata_hospital(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    unsigned patients = options->patients == 0 ? 6 : options->patients;
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < patients && status == LETHE_OK; i++) status = visit_all(options, folder, key, i, error);
    return status;
}

/* Header-heavy small slices, as old MR archives hold them. */
lethe_status lethe_testdata_bench_mr(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    unsigned left = options->count == 0 ? 1000 : options->count, side = options->columns == 0 ? 64 : options->columns;
    lethe_draft_form form = {.syntax = SYNTAX_EXPLICIT};
    int16_t *pixels = lethe_alloc_array((size_t)side * side, 2);
    if (pixels == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a picture");
    lethe_picture picture = {.columns = side, .rows = side, .values = pixels};
    lethe_random random;
    lethe_random_seed(&random, options->seed, 0);
    lethe_picture_fill(&picture, 100);
    lethe_picture_ellipse(&picture, 0.5, 0.5, 0.4, 0.35, 600);
    lethe_picture_texture(&picture, &random, 50, 60, 20);
    lethe_picture_clamp(&picture, 0, 4095);
    lethe_status status = LETHE_OK;
    (void)key;
    for (unsigned patient = 0; left != 0 && status == LETHE_OK; patient++) {
        lethe_visit v;
        lethe_series s;
        lethe_visit_begin(&v, options, folder, NULL, patient, 0, error);
        v.protocol = "IRM CEREBRALE";
        lethe_series_begin(&v, &s, 1, "MR", "1.2.840.10008.5.1.4.1.1.4", "T1 SE SAG", "HEAD");
        for (unsigned i = 1; i <= 50 && left != 0 && status == LETHE_OK; i++, left--) {
            lethe_draft *draft = lethe_instance_begin(&s, i, true);
            if (draft == NULL) {
                status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for an instance");
                break;
            }
            lethe_draft_item *d = lethe_draft_root(draft);
            double orientation[6] = {0, 1, 0, 0, 0, -1}, position[3] = {-60 + 2.5 * i, -120, 120}, spacing[2] = {240.0 / side, 240.0 / side};
            lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\M\\SE", EXPECT_NOTHING);
            lethe_draft_text(d, 0x00180020, "CS", "SE", EXPECT_NOTHING);
            lethe_draft_text(d, 0x00180021, "CS", "NONE", EXPECT_NOTHING);
            lethe_draft_text(d, 0x00180022, "CS", "", EXPECT_NOTHING);
            lethe_draft_text(d, 0x00180023, "CS", "2D", EXPECT_NOTHING);
            lethe_draft_decimal(d, 0x00180050, 2.5, EXPECT_NOTHING);
            lethe_draft_decimal(d, 0x00180080, 500, EXPECT_NOTHING);
            lethe_draft_decimal(d, 0x00180081, 14, EXPECT_NOTHING);
            lethe_draft_integer(d, 0x00180091, 1);
            lethe_draft_decimals(d, 0x00200032, position, 3, EXPECT_NOTHING);
            lethe_draft_decimals(d, 0x00200037, orientation, 6, EXPECT_NOTHING);
            lethe_draft_text(d, 0x00200052, "UI", s.frame_uid, EXPECT_NOTHING);
            lethe_draft_text(d, 0x00201040, "LO", "", EXPECT_NOTHING);
            lethe_draft_decimals(d, 0x00280030, spacing, 2, EXPECT_NOTHING);
            lethe_pixel_format format = {
                .rows = side, .columns = side, .samples = 1, .bits_allocated = 16, .bits_stored = 12, .photometric = "MONOCHROME2"};
            lethe_put_pixel_format(draft, &format);
            lethe_draft_pixels(draft, pixels, (size_t)side * side * 2, 16, 1, false);
            status = lethe_instance_end(&s, draft, &form);
        }
    }
    lethe_free(pixels);
    return status;
}
