/* Search over frames: text that stands in all of them, that comes and goes, cines that hardly move, palettes. */
#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/burned_in.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS = 240, ROWS = 160, FRAMES = 6, FRAME = COLUMNS * ROWS };
static const lethe_dicom_encoding explicit_little = {.explicit_vr = true};

static void text(lethe_buffer *out, lethe_tag tag, lethe_vr vr, const char *value) {
    assert_int_equal(lethe_dicom_encode_text(out, explicit_little, tag, vr, value, NULL), LETHE_OK);
}
static void number(lethe_buffer *out, lethe_tag tag, uint16_t value) {
    assert_int_equal(lethe_dicom_encode_us(out, explicit_little, tag, value, NULL), LETHE_OK);
}

/* A palette whose colours do not follow their indexes: neighbours differ, as on consoles that put the overlay's colours at the end. */
static void palette(lethe_buffer *out) {
    uint8_t table[512];
    static const uint16_t form[3] = {256, 0, 16};
    for (unsigned c = 0; c < 3; c++) {
        uint8_t bytes[6];
        for (unsigned i = 0; i < 3; i++) {
            bytes[2 * i] = (uint8_t)form[i];
            bytes[2 * i + 1] = (uint8_t)(form[i] >> 8);
        }
        assert_int_equal(lethe_dicom_encode(out, explicit_little, 0x00281101 + c, LETHE_VR_US, bytes, 6, NULL), LETHE_OK);
    }
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned i = 0; i < 256; i++) {
            unsigned value = i < 200 ? i : c == 0 ? 255 : 40;
            table[2 * i] = (uint8_t)value;
            table[2 * i + 1] = (uint8_t)value;
        }
        assert_int_equal(lethe_dicom_encode(out, explicit_little, 0x00281201 + c, LETHE_VR_OW, table, 512, NULL), LETHE_OK);
    }
}

static void build(lethe_buffer *out, const uint8_t *pixels, bool coloured) {
    static const char *const sop_class = "1.2.840.10008.5.1.4.1.1.3.1";
    assert_int_equal(lethe_dicom_encode_file_head(out, sop_class, "2.25.1", "1.2.840.10008.1.2.1", NULL), LETHE_OK);
    text(out, 0x00080008, LETHE_VR_CS, "ORIGINAL\\PRIMARY");
    text(out, 0x00080016, LETHE_VR_UI, sop_class);
    text(out, 0x00080018, LETHE_VR_UI, "2.25.1");
    text(out, 0x00080060, LETHE_VR_CS, "US");
    text(out, 0x00080070, LETHE_VR_LO, "Nobody");
    number(out, 0x00280002, 1);
    text(out, 0x00280004, LETHE_VR_CS, coloured ? "PALETTE COLOR" : "MONOCHROME2");
    text(out, 0x00280008, LETHE_VR_IS, "6");
    number(out, 0x00280010, ROWS);
    number(out, 0x00280011, COLUMNS);
    number(out, 0x00280100, 8);
    number(out, 0x00280101, 8);
    number(out, 0x00280102, 7);
    number(out, 0x00280103, 0);
    if (coloured) palette(out);
    assert_int_equal(lethe_dicom_encode(out, explicit_little, LETHE_TAG(0x7FE0, 0x0010), LETHE_VR_OB, pixels, FRAMES * FRAME, NULL), LETHE_OK);
}

static void draw_letters(uint8_t *pixels, unsigned x, unsigned y, unsigned count, uint8_t value) {
    static const uint8_t shapes[5][7] = {{17, 17, 17, 31, 17, 17, 17},
                                         {31, 16, 16, 30, 16, 16, 31},
                                         {16, 16, 16, 16, 16, 16, 31},
                                         {31, 4, 4, 4, 4, 4, 4},
                                         {14, 17, 16, 14, 1, 17, 14}};
    for (unsigned n = 0; n < count; n++)
        for (unsigned v = 0; v < 14; v++)
            for (unsigned u = 0; u < 10; u++)
                if (((shapes[n % 5][v / 2] >> (4 - u / 2)) & 1) != 0) pixels[(size_t)(y + v) * COLUMNS + x + n * 12 + u] = value;
}

/* Moving specks in the lower part; the upper part stands still. */
static void draw_anatomy(uint8_t *pixels, unsigned frame) {
    uint32_t seed = frame * 977 + 5;
    memset(pixels, 30, FRAME);
    for (unsigned y = 70; y < ROWS; y++)
        for (unsigned x = 0; x < COLUMNS; x++) pixels[y * COLUMNS + x] = (uint8_t)(50 + ((seed = seed * 1664525u + 1013904223u) >> 27));
}

static lethe_pixel_verdict decide(const uint8_t *pixels, bool coloured, lethe_pixel_decision *decision) {
    lethe_buffer file;
    lethe_dicom_dataset *dataset = NULL;
    lethe_burned_in *engine = NULL;
    lethe_pixel_policy policy;
    lethe_pixel_policy_default(&policy);
    policy.unknown_device = LETHE_UNKNOWN_DEVICE_REDACT;
    lethe_buffer_init(&file, 4u << 20);
    build(&file, pixels, coloured);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    assert_int_equal(lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, NULL), LETHE_OK);
    assert_int_equal(lethe_burned_in_create(&policy, &engine, NULL), LETHE_OK);
    assert_int_equal(lethe_burned_in_decide(engine, dataset, NULL, decision, NULL), LETHE_OK);
    lethe_burned_in_destroy(engine);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
    return decision->verdict;
}

static bool covered(const lethe_pixel_decision *d, uint32_t frame, uint32_t x, uint32_t y) {
    for (size_t i = 0; i < d->box_count; i++) {
        const lethe_pixel_box *b = &d->boxes[i];
        if (frame >= b->first_frame && frame <= b->last_frame && x >= b->x && y >= b->y && x < b->x + b->w && y < b->y + b->h) return true;
    }
    return false;
}

static void all_covered(const lethe_pixel_decision *d, const uint8_t *pixels, uint8_t value, uint32_t frame) {
    for (uint32_t y = 0; y < ROWS; y++)
        for (uint32_t x = 0; x < COLUMNS; x++)
            if (pixels[(size_t)frame * FRAME + y * COLUMNS + x] == value && !covered(d, frame, x, y))
                fail_msg("frame %u: (%u, %u) is left", frame, x, y);
}

static void text_that_stands_is_covered_in_every_frame(void **state) {
    (void)state;
    for (unsigned coloured = 0; coloured < 2; coloured++) {
        lethe_pixel_decision d;
        uint8_t *pixels = lethe_alloc(FRAMES * FRAME);
        for (unsigned f = 0; f < FRAMES; f++) {
            draw_anatomy(pixels + f * FRAME, f);
            draw_letters(pixels + f * FRAME, 20, 20, 11, 250);  /* where nothing moves */
            draw_letters(pixels + f * FRAME, 60, 110, 11, 251); /* over what moves */
        }
        assert_int_equal(decide(pixels, coloured != 0, &d), LETHE_PIXELS_REDACT);
        assert_int_equal(d.frames_searched, FRAMES);
        for (uint32_t f = 0; f < FRAMES; f++) {
            all_covered(&d, pixels, 250, f);
            all_covered(&d, pixels, 251, f);
            assert_false(covered(&d, f, 200, 60));
        }
        lethe_pixel_decision_release(&d);
        lethe_free(pixels);
    }
}

static void text_of_some_frames_is_covered_there(void **state) {
    (void)state;
    lethe_pixel_decision d;
    uint8_t *pixels = lethe_alloc(FRAMES * FRAME);
    for (unsigned f = 0; f < FRAMES; f++) {
        draw_anatomy(pixels + f * FRAME, f);
        if (f >= 2 && f <= 4) draw_letters(pixels + f * FRAME, 20, 20, 11, 250); /* comes in the third frame, stands still, goes */
    }
    assert_int_equal(decide(pixels, false, &d), LETHE_PIXELS_REDACT);
    for (uint32_t f = 2; f <= 4; f++) all_covered(&d, pixels, 250, f);
    lethe_pixel_decision_release(&d);
    lethe_free(pixels);
}

static void a_cine_that_stands_still_is_clean_or_covered(void **state) {
    (void)state;
    lethe_pixel_decision d;
    uint8_t *pixels = lethe_alloc(FRAMES * FRAME);
    for (unsigned f = 0; f < FRAMES; f++) draw_anatomy(pixels + f * FRAME, 0);
    assert_int_equal(decide(pixels, false, &d), LETHE_PIXELS_CLEAN);
    lethe_pixel_decision_release(&d);
    for (unsigned f = 0; f < FRAMES; f++) draw_letters(pixels + f * FRAME, 20, 20, 11, 250);
    assert_int_equal(decide(pixels, false, &d), LETHE_PIXELS_REDACT);
    for (uint32_t f = 0; f < FRAMES; f++) all_covered(&d, pixels, 250, f);
    lethe_pixel_decision_release(&d);
    lethe_free(pixels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_stands_is_covered_in_every_frame),
        cmocka_unit_test(text_of_some_frames_is_covered_there),
        cmocka_unit_test(a_cine_that_stands_still_is_clean_or_covered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
