/* The theme's contrast after WCAG 2.1 (1.4.3: 4.5 : 1 for text; 1.4.11: 3 : 1 for what a control is recognised by). */
#include "viewer/ui.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double channel(uint32_t value) {
    double c = value / 255.0;
    return c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double luminance(uint32_t argb) {
    return 0.2126 * channel(argb >> 16 & 255) + 0.7152 * channel(argb >> 8 & 255) + 0.0722 * channel(argb & 255);
}

static double contrast(uint32_t a, uint32_t b) {
    double x = luminance(a), y = luminance(b);
    return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

static void known_pairs(void **state) {
    (void)state;
    assert_true(fabs(contrast(0xFF000000u, 0xFFFFFFFFu) - 21) < 1e-9);
    assert_true(fabs(contrast(0xFF777777u, 0xFFFFFFFFu) - 4.48) < 0.01); /* the grey that just fails */
}

static void text_is_readable(void **state) {
    (void)state;
    const uint32_t surfaces[] = {LETHE_COLOUR_CANVAS, LETHE_COLOUR_BASE,  LETHE_COLOUR_SURFACE,
                                 LETHE_COLOUR_RAISED, LETHE_COLOUR_HOVER, LETHE_COLOUR_SELECTED};
    const uint32_t texts[] = {LETHE_COLOUR_TEXT, LETHE_COLOUR_MUTED,   LETHE_COLOUR_ACCENT,
                              LETHE_COLOUR_GOOD, LETHE_COLOUR_WARNING, LETHE_COLOUR_DANGER};
    for (size_t s = 0; s < sizeof surfaces / sizeof *surfaces; s++)
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            if (contrast(surfaces[s], texts[t]) < 4.5) fail_msg("%08x on %08x: %.2f : 1", texts[t], surfaces[s], contrast(surfaces[s], texts[t]));
    assert_true(contrast(LETHE_COLOUR_ON_ACCENT, LETHE_COLOUR_ACCENT) >= 4.5);
}

static void controls_are_recognised(void **state) {
    (void)state;
    assert_true(contrast(LETHE_COLOUR_ACCENT, LETHE_COLOUR_BASE) >= 3);
    assert_true(contrast(0xFFC4CDD6u, LETHE_COLOUR_BASE) >= 3); /* icons */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_pairs), cmocka_unit_test(text_is_readable), cmocka_unit_test(controls_are_recognised)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
