/* Boxes painted over raw pixel data while it is copied: every layout against a naive rule, and a verification that notices each byte that is wrong.
 */
#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/burned_in.h"
#include "deid/pixels/redact.h"
#include "deid/pixels/redact_raw.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS = 150, ROWS = 90, FRAMES = 5 };

typedef struct layout {
    const char *photometric;
    unsigned samples, bits, planar, is_signed;
    bool big_endian;
    int padding;      /* 0: none */
    uint32_t fill[3]; /* what has to stand in a box, worked out by hand */
} layout;

static const layout layouts[] = {
    {"MONOCHROME2", 1, 8, 0, 0, false, 0, {0}},
    {"MONOCHROME1", 1, 8, 0, 0, false, 0, {255}},
    {"MONOCHROME2", 1, 16, 0, 1, false, -2000, {0xF830}},
    {"MONOCHROME1", 1, 16, 0, 0, true, 0, {0xFFFF}},
    {"MONOCHROME2", 1, 16, 0, 0, true, 4660, {0x1234}},
    {"MONOCHROME2", 1, 32, 0, 0, false, 0, {0}},
    {"RGB", 3, 8, 0, 0, false, 0, {0, 0, 0}},
    {"RGB", 3, 8, 1, 0, false, 0, {0, 0, 0}},
    {"YBR_FULL", 3, 8, 0, 0, false, 0, {0, 128, 128}},
    {"YBR_FULL", 3, 8, 1, 0, false, 0, {0, 128, 128}},
    {"YBR_FULL_422", 3, 8, 0, 0, false, 0, {0, 128, 128}},
    {"RGB", 3, 16, 1, 0, true, 0, {0, 0, 0}},
};

static size_t frame_bytes(const layout *l) {
    return (size_t)COLUMNS * ROWS * (strcmp(l->photometric, "YBR_FULL_422") == 0 ? 2 : l->samples * l->bits / 8);
}

static void put(lethe_buffer *out, lethe_dicom_encoding e, lethe_tag tag, unsigned value) {
    assert_int_equal(lethe_dicom_encode_us(out, e, tag, (uint16_t)value, NULL), LETHE_OK);
}

/* `extra`: bytes of the value behind its last frame. */
static void build(lethe_buffer *out, const layout *l, const uint8_t *pixels, size_t extra) {
    lethe_dicom_encoding e = {.explicit_vr = true, .big_endian = l->big_endian};
    const char *syntax = l->big_endian ? "1.2.840.10008.1.2.2" : "1.2.840.10008.1.2.1";
    char frames[8];
    (void)snprintf(frames, sizeof frames, "%d", FRAMES);
    assert_int_equal(lethe_dicom_encode_file_head(out, "1.2.840.10008.5.1.4.1.1.3.1", "2.25.1", syntax, NULL), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_text(out, e, 0x00080060, LETHE_VR_CS, "US", NULL), LETHE_OK);
    put(out, e, 0x00280002, l->samples);
    assert_int_equal(lethe_dicom_encode_text(out, e, 0x00280004, LETHE_VR_CS, l->photometric, NULL), LETHE_OK);
    if (l->samples > 1) put(out, e, 0x00280006, l->planar);
    assert_int_equal(lethe_dicom_encode_text(out, e, 0x00280008, LETHE_VR_IS, frames, NULL), LETHE_OK);
    put(out, e, 0x00280010, ROWS);
    put(out, e, 0x00280011, COLUMNS);
    put(out, e, 0x00280100, l->bits);
    put(out, e, 0x00280101, l->bits);
    put(out, e, 0x00280102, l->bits - 1);
    put(out, e, 0x00280103, l->is_signed);
    if (l->padding != 0) put(out, e, 0x00280120, (unsigned)l->padding);
    assert_int_equal(lethe_dicom_encode(out, e, LETHE_TAG(0x7FE0, 0x0010), l->bits == 8 ? LETHE_VR_OB : LETHE_VR_OW, pixels,
                                        FRAMES * frame_bytes(l) + extra, NULL),
                     LETHE_OK);
}

/* Two that overlap, one that reaches the right edge so that runs join over the end of a row, one of all columns; some in some frames only. */
static const lethe_pixel_box wanted[] = {{.first_frame = 0, .last_frame = 4, .x = 4, .y = 3, .w = 40, .h = 9},
                                         {.first_frame = 1, .last_frame = 2, .x = 30, .y = 8, .w = 60, .h = 30},
                                         {.first_frame = 2, .last_frame = 4, .x = 140, .y = 50, .w = 10, .h = 20},
                                         {.first_frame = 4, .last_frame = 4, .x = 0, .y = 80, .w = 150, .h = 10}};
enum { WANTED = sizeof wanted / sizeof *wanted };

static bool inside(unsigned frame, unsigned x, unsigned y) {
    for (unsigned i = 0; i < WANTED; i++) {
        const lethe_pixel_box *b = &wanted[i];
        if (frame >= b->first_frame && frame <= b->last_frame && x >= b->x && x < b->x + b->w && y >= b->y && y < b->y + b->h) return true;
    }
    return false;
}

/* One sample after the other, in the file's layout. */
static void paint_naively(const layout *l, uint8_t *pixels) {
    size_t width = l->bits / 8, count = (size_t)COLUMNS * ROWS;
    bool halved = strcmp(l->photometric, "YBR_FULL_422") == 0;
    for (unsigned f = 0; f < FRAMES; f++)
        for (unsigned y = 0; y < ROWS; y++)
            for (unsigned x = 0; x < COLUMNS; x++) {
                if (!inside(f, x, y)) continue;
                uint8_t *frame = pixels + f * frame_bytes(l);
                size_t i = (size_t)y * COLUMNS + x;
                for (unsigned c = 0; c < l->samples; c++) {
                    size_t at = halved ? i / 2 * 4 + (c == 0 ? i % 2 : c + 1) : (l->planar != 0 ? c * count + i : i * l->samples + c) * width;
                    for (size_t b = 0; b < width; b++) frame[at + b] = (uint8_t)(l->fill[c] >> (8 * (l->big_endian ? width - 1 - b : b)));
                }
            }
}

typedef struct fixture {
    lethe_buffer in, out;
    lethe_arena *arena, *after_arena;
    lethe_dicom_dataset *before, *after;
    lethe_pixel_decision decision;
    lethe_pixel_box boxes[WANTED];
} fixture;

static void redact(fixture *f, const layout *l, const uint8_t *pixels) {
    lethe_error error = {0};
    lethe_redaction *redaction = NULL;
    *f = (fixture){0};
    lethe_buffer_init(&f->in, 16u << 20);
    lethe_buffer_init(&f->out, 16u << 20);
    f->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    f->after_arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    build(&f->in, l, pixels, 0);
    assert_int_equal(lethe_dicom_dataset_parse(f->in.bytes, f->in.size, f->arena, &f->before, &error), LETHE_OK);
    memcpy(f->boxes, wanted, sizeof wanted);
    f->decision.boxes = f->boxes;
    f->decision.box_count = f->decision.box_capacity = WANTED;
    lethe_edit_script *script = lethe_edit_script_create(f->before);
    if (lethe_redact_apply(f->before, &f->decision, script, NULL, &redaction, &error) != LETHE_OK) fail_msg("%s", error.message);
    if (lethe_edit_write_buffer(script, &f->out, &error) != LETHE_OK) fail_msg("%s", error.message);
    lethe_redaction_destroy(redaction);
    assert_int_equal(lethe_dicom_dataset_parse(f->out.bytes, f->out.size, f->after_arena, &f->after, &error), LETHE_OK);
}

static void release(fixture *f) {
    lethe_dicom_dataset_release(f->before);
    lethe_dicom_dataset_release(f->after);
    lethe_arena_destroy(f->arena);
    lethe_arena_destroy(f->after_arena);
    lethe_buffer_release(&f->in);
    lethe_buffer_release(&f->out);
}

static void draw(uint8_t *pixels, size_t size) {
    uint32_t seed = 11;
    for (size_t i = 0; i < size; i++) pixels[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
}

static void every_layout_is_painted_like_a_naive_rule_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const layout *l = &layouts[i];
        size_t size = FRAMES * frame_bytes(l);
        uint8_t *pixels = lethe_alloc(size);
        fixture f;
        draw(pixels, size);
        redact(&f, l, pixels);
        paint_naively(l, pixels);
        const lethe_dicom_element *element = lethe_dicom_find(f.after->root, LETHE_TAG(0x7FE0, 0x0010));
        assert_non_null(element);
        assert_int_equal(element->value_bytes, size);
        for (size_t at = 0; at < size; at++)
            if (element->value[at] != pixels[at])
                fail_msg("layout %zu (%s), byte %zu: %02x where %02x is due", i, l->photometric, at, element->value[at], pixels[at]);
        release(&f);
        lethe_free(pixels);
    }
}

static void verification_notices_every_kind_of_wrong_byte(void **state) {
    (void)state;
    const layout *l = &layouts[6]; /* RGB */
    size_t size = FRAMES * frame_bytes(l);
    uint8_t *pixels = lethe_alloc(size);
    lethe_burned_in *engine = NULL;
    lethe_pixel_policy policy;
    lethe_error error = {0};
    fixture f;
    lethe_pixel_policy_default(&policy);
    assert_int_equal(lethe_pixel_policy_set(&policy, "US", "off", NULL), LETHE_OK);
    assert_int_equal(lethe_burned_in_create(&policy, &engine, NULL), LETHE_OK);
    draw(pixels, size);
    redact(&f, l, pixels);
    if (lethe_burned_in_verify(engine, f.before, f.after, NULL, &f.decision, &error) != LETHE_OK) fail_msg("%s", error.message);
    uint8_t *value = (uint8_t *)(uintptr_t)lethe_dicom_find(f.after->root, LETHE_TAG(0x7FE0, 0x0010))->value;
    /* Frame, column, row: inside a box, beside one, far from all, the first and the last sample; in frames that are not decoded, too. */
    static const unsigned places[][3] = {{1, 10, 5}, {3, 10, 5},   {1, 3, 5},    {3, 44, 5},  {3, 75, 45},
                                         {0, 0, 0},  {4, 149, 89}, {3, 145, 60}, {3, 139, 60}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        uint8_t *at = value + places[i][0] * frame_bytes(l) + ((size_t)places[i][2] * COLUMNS + places[i][1]) * 3 + 1;
        *at ^= 1;
        if (lethe_burned_in_verify(engine, f.before, f.after, NULL, &f.decision, &error) == LETHE_OK) fail_msg("place %zu: not noticed", i);
        *at ^= 1;
    }
    assert_int_equal(lethe_burned_in_verify(engine, f.before, f.after, NULL, &f.decision, &error), LETHE_OK);
    lethe_burned_in_destroy(engine);
    release(&f);
    lethe_free(pixels);
}

/* A name behind the last frame goes, what is all equal stays, and boxes in the same data quarantine. */
static void bytes_behind_the_last_frame_go(void **state) {
    (void)state;
    static const char name[] = "MOREAU^JEANNE 1961";
    const layout *l = &layouts[2];
    size_t size = FRAMES * frame_bytes(l);
    uint8_t *pixels = lethe_alloc_array(size + sizeof name - 1, 1);
    for (int round = 0; round < 3; round++) {
        lethe_buffer in, out;
        lethe_dicom_dataset *before = NULL;
        lethe_redaction *redaction = NULL;
        lethe_error error = {0};
        lethe_buffer_init(&in, 16u << 20);
        lethe_buffer_init(&out, 16u << 20);
        lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
        draw(pixels, size);
        if (round == 1) memset(pixels + size, 0xAA, sizeof name - 1);
        else memcpy(pixels + size, name, sizeof name - 1);
        build(&in, l, pixels, sizeof name - 1);
        assert_int_equal(lethe_dicom_dataset_parse(in.bytes, in.size, arena, &before, &error), LETHE_OK);
        lethe_edit_script *script = lethe_edit_script_create(before);
        if (round == 2) {
            lethe_pixel_box boxes[WANTED];
            memcpy(boxes, wanted, sizeof wanted);
            lethe_pixel_decision decision = {.boxes = boxes, .box_count = WANTED, .box_capacity = WANTED};
            assert_int_equal(lethe_redact_apply(before, &decision, script, NULL, &redaction, &error), LETHE_OK);
            assert_int_equal(lethe_redact_tail(before, script, &error), LETHE_UNSAFE);
        } else {
            assert_int_equal(lethe_redact_tail(before, script, &error), LETHE_OK);
            assert_int_equal(lethe_edit_write_buffer(script, &out, &error), LETHE_OK);
            const uint8_t *at = out.bytes + out.size - (sizeof name - 1);
            assert_int_equal(out.size, in.size);
            assert_memory_equal(at - size, pixels, size);
            for (size_t i = 0; i < sizeof name - 1; i++) assert_int_equal(at[i], round == 1 ? 0xAA : 0);
        }
        lethe_redaction_destroy(redaction);
        lethe_dicom_dataset_release(before);
        lethe_arena_destroy(arena);
        lethe_buffer_release(&in);
        lethe_buffer_release(&out);
    }
    lethe_free(pixels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_is_painted_like_a_naive_rule_says),
        cmocka_unit_test(verification_notices_every_kind_of_wrong_byte),
        cmocka_unit_test(bytes_behind_the_last_frame_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
