/* Prostate MR: T2, diffusion at three b-values (with the vendors' private elements) and the ADC map. One tilted stack geometry for all. */
#include "testdata/modalities.h"

#include "core/memory.h"
#include "testdata/picture.h"

#include <stdio.h>
#include <string.h>

static const char mr_class[] = "1.2.840.10008.5.1.4.1.1.4";

/* Axial, tilted by 12 degrees about the patient's left-right axis. */
static const double tilt_cos = 0.9781476, tilt_sin = 0.2079117;

typedef struct stack {
    unsigned columns, rows, slices;
    double spacing_mm, gap_mm;
} stack;

static void put_geometry(lethe_draft_item *d, const lethe_series *s, const stack *g, unsigned slice) {
    double orientation[6] = {1, 0, 0, 0, tilt_cos, tilt_sin}, spacing[2] = {g->spacing_mm, g->spacing_mm};
    double half = g->spacing_mm * g->columns / 2, offset = (slice - (g->slices - 1) / 2.0) * g->gap_mm;
    double position[3] = {-half, -half * tilt_cos - offset * tilt_sin, -half * tilt_sin + offset * tilt_cos}; /* normal = (0, -sin, cos) */
    lethe_draft_decimal(d, 0x00180050, g->gap_mm - 0.3, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00180088, g->gap_mm, EXPECT_KEPT);
    lethe_draft_text(d, 0x00185100, "CS", "HFS", EXPECT_KEPT);
    lethe_draft_decimals(d, 0x00200032, position, 3, EXPECT_KEPT);
    lethe_draft_decimals(d, 0x00200037, orientation, 6, EXPECT_KEPT);
    lethe_draft_text(d, 0x00200052, "UI", s->frame_uid, EXPECT_UID);
    lethe_draft_text(d, 0x00201040, "LO", "", EXPECT_NOTHING);
    lethe_draft_decimal(d, 0x00201041, offset, EXPECT_KEPT);
    lethe_draft_decimals(d, 0x00280030, spacing, 2, EXPECT_KEPT);
}

static void put_sequence(lethe_draft_item *d, const char *scanning, const char *options, double repetition_ms, double echo_ms) {
    lethe_draft_text(d, 0x00180020, "CS", scanning, EXPECT_KEPT);
    lethe_draft_text(d, 0x00180021, "CS", "SK", EXPECT_KEPT);
    lethe_draft_text(d, 0x00180022, "CS", options, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00180023, "CS", "2D", EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00180080, repetition_ms, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00180081, echo_ms, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00180087, 3, EXPECT_KEPT);
    lethe_draft_integer(d, 0x00180091, strcmp(scanning, "EP") == 0 ? 80 : 17);
}

/* b-value and direction as each vendor writes them; all in PS3.15 Table E.3.10-1. */
static void put_diffusion(lethe_draft_item *d, const lethe_visit *v, unsigned b) {
    char text[48];
    double direction[3] = {0.5773503, 0.5773503, -0.5773503}, matrix[6];
    if (v->vendor == VENDOR_SIEMENS) {
        uint32_t block = lethe_draft_block(d, 0x0019, "SIEMENS MR HEADER");
        (void)snprintf(text, sizeof text, "%u", b);
        lethe_draft_text(d, block + 0x0C, "IS", text, EXPECT_KEPT);
        lethe_draft_text(d, block + 0x0D, "CS", b == 0 ? "NONE" : "DIRECTIONAL", EXPECT_KEPT);
        if (b != 0) {
            for (int i = 0, k = 0; i < 3; i++)
                for (int j = i; j < 3; j++) matrix[k++] = b * direction[i] * direction[j];
            lethe_draft_f64s(d, block + 0x0E, direction, 3);
            lethe_draft_answer(d, block + 0x0E, LETHE_ANSWER_TEXT_NOTNULL, NULL, NULL);
            lethe_draft_f64s(d, block + 0x27, matrix, 6);
            lethe_draft_answer(d, block + 0x27, LETHE_ANSWER_TEXT_NOTNULL, NULL, NULL);
        }
    } else if (v->vendor == VENDOR_GE) {
        uint32_t acquisition = lethe_draft_block(d, 0x0019, "GEMS_ACQU_01"), parameters = lethe_draft_block(d, 0x0043, "GEMS_PARM_01");
        /* A safe element may still hold what somebody typed into it. */
        if (v->patient_index % 2 == 0) lethe_draft_text(d, acquisition + 0x9E, "LO", "EPI2", EXPECT_KEPT);
        else lethe_draft_text(d, acquisition + 0x9E, "LO", v->person.family, EXPECT_GONE);
        (void)snprintf(text, sizeof text, "%u\\8\\0\\0", b);
        lethe_draft_text(d, parameters + 0x39, "IS", text, EXPECT_KEPT);
    } else {
        uint32_t block = lethe_draft_block(d, 0x2001, "Philips Imaging DD 001"), scale = lethe_draft_block(d, 0x2005, "Philips MR Imaging DD 001");
        float value = (float)b, slope = 1.5f;
        (void)snprintf(text, sizeof text, "%u.0", b);
        lethe_draft_f32s(d, block + 0x03, "FL", &value, 1);
        lethe_draft_answer(d, block + 0x03, LETHE_ANSWER_TEXT_RETAINED, text, NULL);
        lethe_draft_text(d, block + 0x04, "CS", b == 0 ? "O" : "I", EXPECT_KEPT);
        lethe_draft_f32s(d, scale + 0x0E, "FL", &slope, 1);
        lethe_draft_answer(d, scale + 0x0E, LETHE_ANSWER_TEXT_RETAINED, "1.5", NULL);
        lethe_draft_text(d, scale + 0x70, "LO", v->person.pn, EXPECT_GONE); /* not on any safe list */
    }
}

/* Pelvis: bladder, prostate with a zone and a lesion, rectum, hips. `b` dims all but the lesion. */
static void draw_pelvis(lethe_picture *p, lethe_visit *v, double level, unsigned b, bool map) {
    int scale = b == 0 ? 100 : b < 500 ? 55 : 25;
    lethe_picture_fill(p, 10);
    lethe_picture_ellipse(p, 0.5, 0.5, 0.46, 0.36, 220 * scale / 100);
    lethe_picture_ellipse(p, 0.22, 0.52, 0.09, 0.10, 520 * scale / 100);
    lethe_picture_ellipse(p, 0.78, 0.52, 0.09, 0.10, 520 * scale / 100);
    lethe_picture_ellipse(p, 0.5, 0.36, 0.12, 0.08, 900 * scale / 100);
    lethe_picture_ellipse(p, 0.5, 0.54, 0.13 * level, 0.10 * level, 640 * scale / 100);
    lethe_picture_ellipse(p, 0.5, 0.52, 0.07 * level, 0.06 * level, 430 * scale / 100);
    lethe_picture_ellipse(p, 0.57, 0.57, 0.025 * level, 0.02 * level, map ? 180 : b == 0 ? 300 : 520);
    lethe_picture_ellipse(p, 0.5, 0.70, 0.07, 0.06, 120 * scale / 100);
    lethe_picture_texture(p, &v->random, 40, 40, 12);
    lethe_picture_clamp(p, 0, 4095);
}

static lethe_status make_series(lethe_visit *v, unsigned number, const char *description, const stack *g, int b, const lethe_series *source) {
    bool diffusion = b >= 0, map = source != NULL;
    lethe_series s;
    lethe_series_begin(v, &s, number, "MR", mr_class, description, "PROSTATE");
    lethe_picture p = {.columns = g->columns, .rows = g->rows, .values = lethe_alloc_array((size_t)g->columns * g->rows, 2)};
    if (p.values == NULL) return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for a picture");
    static const unsigned b_values[] = {0, 400, 800};
    unsigned repeats = diffusion && !map ? 3 : 1;
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < g->slices * repeats && status == LETHE_OK; i++) {
        unsigned slice = i % g->slices, value = b_values[i / g->slices];
        lethe_draft *draft = lethe_instance_begin(&s, i + 1, true);
        if (draft == NULL) {
            status = lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for an instance");
            break;
        }
        lethe_draft_item *d = lethe_draft_root(draft);
        lethe_draft_text(d, 0x00080008, "CS",
                         map         ? "DERIVED\\PRIMARY\\DIFFUSION\\ADC"
                         : diffusion ? "ORIGINAL\\PRIMARY\\DIFFUSION\\NONE"
                                     : "ORIGINAL\\PRIMARY\\M\\ND",
                         EXPECT_KEPT);
        put_sequence(d, diffusion ? "EP" : "SE", diffusion ? "FS" : "", diffusion ? 4800 : 5300, diffusion ? 62 : 101);
        put_geometry(d, &s, g, slice);
        if (diffusion && !map) put_diffusion(d, v, value);
        if (map) {
            char uid[65];
            lethe_instance_uid(source, slice + 1, uid);
            (void)lethe_put_reference(d, 0x00082112, mr_class, uid);                  /* Source Image */
            lethe_plant_text(d, v, 0x00082111, "ST", "ADC map from b0 b400 b800", 3); /* Derivation Description */
        }
        double rise = 1 - 0.8 * (slice > g->slices / 2 ? slice - g->slices / 2 : g->slices / 2 - slice) / g->slices;
        draw_pelvis(&p, v, rise, diffusion ? value : 0, map);
        lethe_pixel_format format = {
            .rows = g->rows, .columns = g->columns, .samples = 1, .bits_allocated = 16, .bits_stored = 12, .photometric = "MONOCHROME2"};
        lethe_put_pixel_format(draft, &format);
        lethe_draft_decimal(d, 0x00281050, 450, EXPECT_KEPT);
        lethe_draft_decimal(d, 0x00281051, 900, EXPECT_KEPT);
        lethe_draft_pixels(draft, p.values, (size_t)g->columns * g->rows * 2, 16, 1, true);
        status = lethe_instance_end(&s, draft, NULL);
    }
    lethe_free(p.values);
    return status;
}

lethe_status lethe_make_prostate_mr(lethe_visit *v) {
    bool small = v->options->small;
    v->protocol = "IRM PROSTATE";
    stack t2 = {.columns = small ? 96 : 320, .rows = small ? 96 : 320, .slices = small ? 4 : 20, .spacing_mm = small ? 2 : 0.625, .gap_mm = 3.6};
    stack dwi = {.columns = small ? 64 : 128, .rows = small ? 64 : 128, .slices = small ? 3 : 12, .spacing_mm = small ? 3 : 1.6, .gap_mm = 3.6};
    lethe_series source;
    lethe_series_begin(v, &source, 2, "MR", mr_class, "", NULL);
    lethe_status status = make_series(v, 1, "T2 TSE AX", &t2, -1, NULL);
    if (status == LETHE_OK) status = make_series(v, 2, "DWI b0 b400 b800", &dwi, 0, NULL);
    if (status == LETHE_OK) status = make_series(v, 3, "ADC", &dwi, 0, &source);
    return status;
}
