/* Where to look and what to decide: device rules, ultrasound regions, modes by modality, the detector on drawn letters, corrupt frames. */
#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/burned_in.h"
#include "deid/pixels/burned_in_internal.h"
#include "deid/pixels/text_detector.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS = 320, ROWS = 200 };
static const lethe_dicom_encoding explicit_little = {.explicit_vr = true};

typedef struct sample {
    const char *modality, *sop_class, *image_type, *manufacturer, *model, *burned_in;
    bool regions;
    uint32_t pixel_bytes; /* 0 = all of them */
} sample;

static void text(lethe_buffer *out, lethe_tag tag, lethe_vr vr, const char *value) {
    if (value != NULL) assert_int_equal(lethe_dicom_encode_text(out, explicit_little, tag, vr, value, NULL), LETHE_OK);
}
static void number(lethe_buffer *out, lethe_tag tag, uint16_t value) {
    assert_int_equal(lethe_dicom_encode_us(out, explicit_little, tag, value, NULL), LETHE_OK);
}
static void long_number(lethe_buffer *out, lethe_tag tag, uint32_t value) {
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    assert_int_equal(lethe_dicom_encode(out, explicit_little, tag, LETHE_VR_UL, bytes, 4, NULL), LETHE_OK);
}

static void build(lethe_buffer *out, const sample *s, const uint8_t *pixels) {
    assert_int_equal(lethe_dicom_encode_file_head(out, s->sop_class, "2.25.1", "1.2.840.10008.1.2.1", NULL), LETHE_OK);
    text(out, 0x00080008, LETHE_VR_CS, s->image_type);
    text(out, 0x00080016, LETHE_VR_UI, s->sop_class);
    text(out, 0x00080018, LETHE_VR_UI, "2.25.1");
    text(out, 0x00080060, LETHE_VR_CS, s->modality);
    text(out, 0x00080070, LETHE_VR_LO, s->manufacturer);
    text(out, 0x00081090, LETHE_VR_LO, s->model);
    if (s->regions) {
        assert_int_equal(lethe_dicom_encode_sequence_begin(out, explicit_little, 0x00186011, NULL), LETHE_OK);
        assert_int_equal(lethe_dicom_encode_item_begin(out, explicit_little, NULL), LETHE_OK);
        long_number(out, 0x00186018, 40);
        long_number(out, 0x0018601A, 50);
        long_number(out, 0x0018601C, 279);
        long_number(out, 0x0018601E, 179);
        assert_int_equal(lethe_dicom_encode_item_end(out, explicit_little, NULL), LETHE_OK);
        assert_int_equal(lethe_dicom_encode_sequence_end(out, explicit_little, NULL), LETHE_OK);
    }
    number(out, 0x00280002, 1);
    text(out, 0x00280004, LETHE_VR_CS, "MONOCHROME2");
    number(out, 0x00280010, ROWS);
    number(out, 0x00280011, COLUMNS);
    number(out, 0x00280100, 8);
    number(out, 0x00280101, 8);
    number(out, 0x00280102, 7);
    number(out, 0x00280103, 0);
    text(out, 0x00280301, LETHE_VR_CS, s->burned_in);
    assert_int_equal(lethe_dicom_encode(out, explicit_little, LETHE_TAG(0x7FE0, 0x0010), LETHE_VR_OB, pixels,
                                        s->pixel_bytes != 0 ? s->pixel_bytes : COLUMNS * ROWS, NULL),
                     LETHE_OK);
}

/* Letters of 5 x 7 dots, doubled: "H E L T I" in turns. */
static void draw_letters(uint8_t *pixels, unsigned x, unsigned y, unsigned count, uint8_t value, bool turned) {
    static const uint8_t shapes[5][7] = {{17, 17, 17, 31, 17, 17, 17},
                                         {31, 16, 16, 30, 16, 16, 31},
                                         {16, 16, 16, 16, 16, 16, 31},
                                         {31, 4, 4, 4, 4, 4, 4},
                                         {14, 17, 16, 14, 1, 17, 14}};
    for (unsigned n = 0; n < count; n++)
        for (unsigned v = 0; v < 14; v++)
            for (unsigned u = 0; u < 10; u++) {
                if (((shapes[n % 5][v / 2] >> (4 - u / 2)) & 1) == 0) continue;
                unsigned a = x + n * 12 + u, b = y + v;
                if (turned) pixels[(size_t)(ROWS - 1 - a) * COLUMNS + b] = value;
                else pixels[(size_t)b * COLUMNS + a] = value;
            }
}

static lethe_pixel_verdict decide(const sample *s, const uint8_t *pixels, const lethe_pixel_policy *policy, lethe_pixel_decision *decision) {
    lethe_buffer file;
    lethe_dicom_dataset *dataset = NULL;
    lethe_burned_in *engine = NULL;
    lethe_buffer_init(&file, 4u << 20);
    build(&file, s, pixels);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    assert_int_equal(lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, NULL), LETHE_OK);
    assert_int_equal(lethe_burned_in_create(policy, &engine, NULL), LETHE_OK);
    assert_int_equal(lethe_burned_in_decide(engine, dataset, NULL, decision, NULL), LETHE_OK);
    lethe_burned_in_destroy(engine);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
    return decision->verdict;
}

static bool covered(const lethe_pixel_decision *d, uint32_t x, uint32_t y) {
    for (size_t i = 0; i < d->box_count; i++)
        if (x >= d->boxes[i].x && y >= d->boxes[i].y && x < d->boxes[i].x + d->boxes[i].w && y < d->boxes[i].y + d->boxes[i].h) return true;
    return false;
}

static const sample ultrasound = {
    .modality = "US", .sop_class = "1.2.840.10008.5.1.4.1.1.6.1", .image_type = "ORIGINAL\\PRIMARY", .manufacturer = "Nobody", .model = "Nothing"};

static void finds_letters_upright_turned_bright_and_dark(void **state) {
    (void)state;
    lethe_pixel_policy policy;
    lethe_pixel_policy_default(&policy);
    for (unsigned i = 0; i < 4; i++) {
        lethe_pixel_decision d;
        uint8_t *pixels = lethe_alloc(COLUMNS * ROWS);
        bool turned = (i & 1) != 0, dark = (i & 2) != 0;
        memset(pixels, dark ? 200 : 30, COLUMNS * ROWS);
        draw_letters(pixels, 30, 60, 11, dark ? 20 : 220, turned);
        assert_int_equal(decide(&ultrasound, pixels, &policy, &d), LETHE_PIXELS_REVIEW);
        for (unsigned v = 0; v < ROWS; v++)
            for (unsigned u = 0; u < COLUMNS; u++)
                if (pixels[(size_t)v * COLUMNS + u] != (dark ? 200 : 30)) assert_true(covered(&d, u, v));
        assert_false(covered(&d, 300, 150));
        assert_true(d.searched && d.all_text);
        lethe_pixel_decision_release(&d);
        lethe_free(pixels);
    }
}

static void leaves_a_plain_picture_and_a_ruler_alone(void **state) {
    (void)state;
    lethe_pixel_policy policy;
    lethe_pixel_decision d;
    lethe_pixel_policy_default(&policy);
    uint8_t *pixels = lethe_alloc(COLUMNS * ROWS);
    for (unsigned i = 0; i < COLUMNS * ROWS; i++) pixels[i] = (uint8_t)(40 + (i % COLUMNS) / 8 + (i * 2654435761u >> 28));
    for (unsigned tick = 0; tick < 15; tick++)
        for (unsigned u = 0; u < (tick % 5 == 0 ? 12u : 6u); u++) pixels[(20 + tick * 10) * COLUMNS + 20 + u] = 230;
    assert_int_equal(decide(&ultrasound, pixels, &policy, &d), LETHE_PIXELS_CLEAN);
    assert_int_equal(d.box_count, 0);
    lethe_pixel_decision_release(&d);
    lethe_free(pixels);
}

static void removes_everything_outside_ultrasound_regions(void **state) {
    (void)state;
    lethe_pixel_policy policy;
    lethe_pixel_decision d;
    sample s = ultrasound;
    s.regions = true;
    lethe_pixel_policy_default(&policy);
    uint8_t *pixels = lethe_alloc_array(COLUMNS, ROWS);
    assert_int_equal(decide(&s, pixels, &policy, &d), LETHE_PIXELS_REDACT);
    for (unsigned y = 0; y < ROWS; y++)
        for (unsigned x = 0; x < COLUMNS; x++) assert_int_equal(covered(&d, x, y), !(x >= 40 && x <= 279 && y >= 50 && y <= 179));
    lethe_pixel_decision_release(&d);
    lethe_free(pixels);
}

static void looks_only_where_there_is_a_risk(void **state) {
    (void)state;
    static const struct {
        sample s;
        bool searched;
    } cases[] = {
        {{.modality = "CT", .sop_class = "1.2.840.10008.5.1.4.1.1.2", .image_type = "ORIGINAL\\PRIMARY\\AXIAL"}, false},
        {{.modality = "MR", .sop_class = "1.2.840.10008.5.1.4.1.1.4", .image_type = "DERIVED\\PRIMARY\\ADC"}, false},
        {{.modality = "CT", .sop_class = "1.2.840.10008.5.1.4.1.1.2", .image_type = "DERIVED\\SECONDARY\\SCREEN SAVE"}, true},
        {{.modality = "CT", .sop_class = "1.2.840.10008.5.1.4.1.1.7", .image_type = "ORIGINAL\\PRIMARY"}, true},
        {{.modality = "MR", .sop_class = "1.2.840.10008.5.1.4.1.1.4", .image_type = "ORIGINAL\\PRIMARY\\M", .burned_in = "YES"}, true},
        {{.modality = "DX", .sop_class = "1.2.840.10008.5.1.4.1.1.1.1", .image_type = "ORIGINAL\\PRIMARY"}, true},
        {{.modality = "ZZ", .sop_class = "1.2.3", .image_type = "ORIGINAL\\PRIMARY"}, true}, /* unknown: looked at */
    };
    uint8_t *pixels = lethe_alloc_array(COLUMNS, ROWS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lethe_pixel_policy policy;
        lethe_pixel_decision d;
        lethe_pixel_policy_default(&policy);
        (void)decide(&cases[i].s, pixels, &policy, &d);
        assert_int_equal(d.searched, cases[i].searched);
        lethe_pixel_decision_release(&d);
    }
    lethe_free(pixels);
}

static void applies_a_device_rule_by_manufacturer_and_size(void **state) {
    (void)state;
    /* Every rule that burns has boxes and at least one condition; every clean one has none. */
    assert_true(lethe_device_rule_count() > 300);
    for (size_t i = 0; i < lethe_device_rule_count(); i++) {
        const lethe_device_rule *rule = lethe_device_rule_at(i);
        assert_true(rule->condition_count > 0);
        assert_int_equal(rule->kind == LETHE_DEVICE_BURNS, rule->box_count > 0);
    }
}

static void a_corrupt_frame_is_quarantined(void **state) {
    (void)state;
    lethe_pixel_policy policy;
    lethe_pixel_decision d;
    sample s = ultrasound;
    s.pixel_bytes = COLUMNS * ROWS / 2;
    lethe_pixel_policy_default(&policy);
    uint8_t *pixels = lethe_alloc_array(COLUMNS, ROWS);
    assert_int_equal(decide(&s, pixels, &policy, &d), LETHE_PIXELS_QUARANTINE);
    assert_int_equal(d.box_count, 0);
    lethe_pixel_decision_release(&d);
    lethe_free(pixels);
}

static void the_policy_has_its_say(void **state) {
    (void)state;
    lethe_pixel_policy policy;
    lethe_pixel_decision d;
    lethe_error error = {0};
    uint8_t *pixels = lethe_alloc(COLUMNS * ROWS);
    memset(pixels, 30, COLUMNS * ROWS);
    draw_letters(pixels, 30, 60, 11, 220, false);
    lethe_pixel_policy_default(&policy);
    assert_int_equal(lethe_pixel_policy_set(&policy, "US", "some", &error), LETHE_CONFIG);
    assert_int_equal(lethe_pixel_policy_set(&policy, "US", "off", NULL), LETHE_OK);
    assert_int_equal(decide(&ultrasound, pixels, &policy, &d), LETHE_PIXELS_NOT_SEARCHED);
    lethe_pixel_decision_release(&d);
    lethe_pixel_policy_default(&policy);
    policy.unknown_device = LETHE_UNKNOWN_DEVICE_REDACT;
    assert_int_equal(decide(&ultrasound, pixels, &policy, &d), LETHE_PIXELS_REDACT);
    lethe_pixel_decision_release(&d);
    policy.unknown_device = LETHE_UNKNOWN_DEVICE_QUARANTINE;
    assert_int_equal(decide(&ultrasound, pixels, &policy, &d), LETHE_PIXELS_QUARANTINE);
    lethe_pixel_decision_release(&d);
    lethe_free(pixels);
}

static void boxes_that_take_much_are_for_a_person(void **state) {
    (void)state;
    lethe_pixel_box boxes[] = {{.w = 400, .h = 300}, {.w = 620, .h = 90}, {.w = 90, .h = 460}, {.w = 120, .h = 120}};
    const lethe_pixel_decision found = {.boxes = boxes, .box_count = 4};
    const lethe_pixels_info info = {.columns = 640, .rows = 480, .frames = 1};
    assert_true(lethe_burned_in_takes_much(&found, 0, &info));
    assert_false(lethe_burned_in_takes_much(&found, 1, &info)); /* lines of text either way, and large letters that take little */
    boxes[3].w = 520;
    assert_true(lethe_burned_in_takes_much(&found, 1, &info));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_letters_upright_turned_bright_and_dark),
        cmocka_unit_test(leaves_a_plain_picture_and_a_ruler_alone),
        cmocka_unit_test(removes_everything_outside_ultrasound_regions),
        cmocka_unit_test(looks_only_where_there_is_a_risk),
        cmocka_unit_test(applies_a_device_rule_by_manufacturer_and_size),
        cmocka_unit_test(a_corrupt_frame_is_quarantined),
        cmocka_unit_test(the_policy_has_its_say),
        cmocka_unit_test(boxes_that_take_much_are_for_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
