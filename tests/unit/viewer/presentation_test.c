/* Presentation states: which images they are for, tables, shutters, and what is no state. The states are those of the fuzz corpus, written by pydicom
 * (tests/support/viewer_states.py says what is in them). */
#include "viewer/presentation.h"
#include "viewer/study.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CORPUS LETHE_SOURCE_DIR "/tests/fuzz/corpus/presentation_fuzz/"

static lethe_presentation *load(const char *name) {
    char path[512];
    lethe_presentation *state = NULL;
    lethe_error error = {0};
    (void)snprintf(path, sizeof path, CORPUS "%s", name);
    if (lethe_presentation_load(path, &state, &error)) fail_msg("%s: %s", name, error.message);
    return state;
}

static void reads_a_whole_state(void **unused) {
    (void)unused;
    lethe_presentation *state = load("state2");
    assert_string_equal(state->label, "WINDOW");
    assert_string_equal(state->description, "Zustand window \xC3\xA9");
    assert_int_equal(state->lut, LETHE_LUT_INVERSE);
    assert_int_equal(state->rotation, 90);
    assert_false(state->mirrored);
    const lethe_presentation_voi *voi = lethe_presentation_voi_for(state, "1.2.4.1.1.1", 0);
    assert_non_null(voi);
    assert_true(voi->has_window && voi->centre == 1500 && voi->width == 1000);
    assert_null(lethe_presentation_voi_for(state, "1.2.4.1.1.2", 0));
    const lethe_presentation_area *area = lethe_presentation_area_for(state, "1.2.4.1.1.1", 0);
    assert_non_null(area);
    assert_true(area->rect.x == 10 && area->rect.y == 5 && area->rect.width == 40 && area->rect.height == 30);
    assert_int_equal(state->graphic_count, 3);
    assert_int_equal(state->left_out, 0);
    assert_int_equal(state->graphics[0].kind, LETHE_GRAPHIC_POLYLINE);
    assert_true(state->graphics[0].points[1].x == 40 && !state->graphics[0].of_display && state->graphics[1].of_display);
    assert_int_equal(state->graphics[0].colour, 0xFFFFFFFF);
    assert_string_equal(state->graphics[2].text, "deux\nlignes \xC3\xA9");
    lethe_presentation_destroy(state);
}

static void tables_are_those_of_the_standard(void **unused) {
    (void)unused;
    lethe_presentation *state = load("state4");
    const lethe_presentation_voi *voi = lethe_presentation_voi_for(state, "1.2.4.1.1.1", 0);
    lethe_display_table table;
    assert_int_equal(lethe_presentation_table(state, voi, 0, 4095, &table, NULL), LETHE_OK);
    assert_int_equal(table.entries, 4096);
    for (int v = 0; v < 4096; v += 7) { /* VOI: 1000 + i gives i of 255; then sixteen squares */
        double g = v < 1000 ? 0 : v > 1255 ? 1 : (v - 1000) / 255.0;
        int n = (int)(g * 15 + 0.5), expected = (int)(n * n / 225.0 * 255 + 0.5);
        assert_true(fabs(table.values[v] / 65535.0 * 255 - expected) < 0.51);
    }
    lethe_display_table_release(&table);
    assert_int_equal(lethe_presentation_table(state, voi, 0, 65536, &table, NULL), LETHE_LIMIT);
    lethe_presentation_destroy(state);
}

/* The VOI LUT of a state for signed images without rescale: its descriptor is SS and begins below zero. */
static void a_signed_table_begins_below_zero(void **unused) {
    (void)unused;
    static const char from[] = {0x28, 0, 2, 0x30, 'U', 'S', 6, 0, 0, 1, (char)0xE8, 3},
                      to[] = {0x28, 0, 2, 0x30, 'S', 'S', 6, 0, 0, 1, 0x18, (char)0xFC};
    char bytes[1 << 16], path[] = "/tmp/lethe-state-XXXXXX";
    FILE *in = fopen(CORPUS "state4", "rb");
    assert_non_null(in);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    (void)fclose(in);
    char *at = memmem(bytes, size, from, sizeof from);
    assert_non_null(at); /* 256 entries from 1000 on */
    memcpy(at, to, sizeof to);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    (void)close(fd);
    lethe_presentation *state = NULL;
    lethe_status status = lethe_presentation_load(path, &state, NULL);
    (void)unlink(path);
    assert_int_equal(status, LETHE_OK);
    const lethe_presentation_voi *voi = lethe_presentation_voi_for(state, "1.2.4.1.1.1", 0);
    assert_non_null(voi);
    assert_int_equal(voi->table.first, -1000);
    assert_int_equal(voi->table.entries, 256);
    lethe_presentation_destroy(state);
}

static void shutters_hide_what_is_outside_of_any(void **unused) {
    (void)unused;
    lethe_presentation *state = load("state3");
    const lethe_shutter *s = &state->shutter;
    assert_true(s->circle && s->polygon && !s->rectangle && s->grey == 1);
    uint8_t mask[64 * 48];
    lethe_shutter_mask(s, 64, 48, mask);
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 64; x++) {
            double dx = x + 1 - 32, dy = y + 1 - 24;                                     /* pixels counted from 1 */
            bool inside_polygon = x + 1 > 20 && x + 1 <= 60 && y + 1 > 5 && y + 1 <= 44; /* its corners are centres of pixels */
            bool on_edge = x + 1 == 20 || x + 1 == 60 || y + 1 == 5 || y + 1 == 44;
            if (on_edge) continue;
            assert_int_equal(mask[y * 64 + x], !(inside_polygon && dx * dx + dy * dy <= 15 * 15));
        }
    lethe_presentation_destroy(state);
}

static void what_is_no_state_is_refused(void **unused) {
    (void)unused;
    lethe_presentation *state = NULL;
    lethe_error error = {0};
    assert_int_equal(lethe_presentation_load(CORPUS "regions", &state, &error), LETHE_UNSUPPORTED);
    assert_null(state);
    assert_int_not_equal(lethe_presentation_load(CORPUS "none", &state, &error), LETHE_OK);
    assert_true(lethe_presentation_class("1.2.840.10008.5.1.4.1.1.11.1"));
    assert_false(lethe_presentation_class("1.2.840.10008.5.1.4.1.1.11.4")); /* blending */
    assert_false(lethe_presentation_class(NULL));
}

static void regions_have_scales_of_their_own(void **unused) {
    (void)unused;
    const lethe_us_region regions[] = {{{0, 0, 100, 100}, 0.2, 0.2}, {{20, 20, 30, 30}, 0, 0}};
    const lethe_point wide[2] = {{1, 1}, {90, 90}}, small[2] = {{25, 25}, {40, 40}}, out[2] = {{1, 1}, {101, 1}};
    double across, down;
    assert_true(lethe_us_regions_scale(regions, 2, wide, 2, &across, &down));
    assert_true(across == 0.2 && down == 0.2);
    assert_false(lethe_us_regions_scale(regions, 2, small, 2, &across, &down)); /* the smaller one lies on top, and is no length */
    assert_false(lethe_us_regions_scale(regions, 2, out, 2, &across, &down));
    assert_false(lethe_us_regions_scale(NULL, 0, wide, 2, &across, &down));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_whole_state),
        cmocka_unit_test(tables_are_those_of_the_standard),
        cmocka_unit_test(a_signed_table_begins_below_zero),
        cmocka_unit_test(shutters_hide_what_is_outside_of_any),
        cmocka_unit_test(what_is_no_state_is_refused),
        cmocka_unit_test(regions_have_scales_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
