/* The camera's map from image to screen and back. */
#include "viewer/camera.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void near(double a, double b) {
    if (fabs(a - b) > 1e-6) fail_msg("%.9g is not %.9g", a, b);
}

static void fits_and_centres(void **state) {
    (void)state;
    lethe_camera c;
    lethe_camera_init(&c, (lethe_rect){100, 50, 400, 200}, 100, 100, 1);
    near(c.scale, 2);
    lethe_point p = lethe_camera_to_screen(&c, (lethe_point){0, 0});
    near(p.x, 200);
    near(p.y, 50);
    p = lethe_camera_to_screen(&c, (lethe_point){100, 100});
    near(p.x, 400);
    near(p.y, 250);
}

static void keeps_the_pixel_aspect(void **state) {
    (void)state;
    lethe_camera c;
    lethe_camera_init(&c, (lethe_rect){0, 0, 200, 200}, 100, 50, 2);
    near(c.scale, 2);
    lethe_point p = lethe_camera_to_screen(&c, (lethe_point){100, 50});
    near(p.x, 200);
    near(p.y, 200);
}

static void goes_there_and_back(void **state) {
    (void)state;
    lethe_camera c;
    lethe_camera_init(&c, (lethe_rect){10, 20, 640, 480}, 512, 300, 1.25);
    for (int turn = 0; turn < 24; turn++) {
        lethe_camera_rotate(&c, 15);
        if (turn % 3 == 0) lethe_camera_mirror(&c, true);
        if (turn % 4 == 0) lethe_camera_mirror(&c, false);
        lethe_camera_zoom_at(&c, (lethe_point){100, 100}, 1.1);
        lethe_point p = lethe_camera_to_image(&c, lethe_camera_to_screen(&c, (lethe_point){33.25, 77.5}));
        near(p.x, 33.25);
        near(p.y, 77.5);
    }
}

static void zoom_keeps_the_point_under_the_pointer(void **state) {
    (void)state;
    lethe_camera c;
    lethe_camera_init(&c, (lethe_rect){0, 0, 640, 480}, 512, 512, 1);
    lethe_point at = {200, 300}, before = lethe_camera_to_image(&c, at);
    lethe_camera_zoom_at(&c, at, 3);
    lethe_point after = lethe_camera_to_image(&c, at);
    near(before.x, after.x);
    near(before.y, after.y);
    lethe_camera_zoom_at(&c, at, 1e9);
    near(c.scale, c.scale_max);
}

static void a_mirror_is_a_mirror_of_the_screen(void **state) {
    (void)state;
    lethe_camera c;
    lethe_camera_init(&c, (lethe_rect){0, 0, 400, 400}, 100, 100, 1);
    lethe_camera_rotate(&c, 90);
    lethe_point before = lethe_camera_to_screen(&c, (lethe_point){10, 20});
    lethe_camera_mirror(&c, true);
    lethe_point after = lethe_camera_to_screen(&c, (lethe_point){10, 20});
    near(after.x, 400 - before.x);
    near(after.y, before.y);
}

static void quarter_turns_are_exact(void **state) {
    (void)state;
    lethe_camera c;
    lethe_camera_init(&c, (lethe_rect){0, 0, 400, 400}, 100, 100, 1);
    lethe_camera_rotate(&c, 90);
    lethe_point p = lethe_camera_to_screen(&c, (lethe_point){0, 0}); /* the top left corner goes to the top right */
    assert_true(p.x == 400 && p.y == 0);
}

static void pan_moves_by_screen_pixels(void **state) {
    (void)state;
    lethe_camera c;
    lethe_camera_init(&c, (lethe_rect){0, 0, 400, 400}, 100, 100, 1);
    lethe_camera_rotate(&c, 270);
    lethe_point before = lethe_camera_to_screen(&c, (lethe_point){10, 20});
    lethe_camera_pan(&c, 15, -7);
    lethe_point after = lethe_camera_to_screen(&c, (lethe_point){10, 20});
    near(after.x - before.x, 15);
    near(after.y - before.y, -7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_and_centres),
        cmocka_unit_test(keeps_the_pixel_aspect),
        cmocka_unit_test(goes_there_and_back),
        cmocka_unit_test(zoom_keeps_the_point_under_the_pointer),
        cmocka_unit_test(a_mirror_is_a_mirror_of_the_screen),
        cmocka_unit_test(quarter_turns_are_exact),
        cmocka_unit_test(pan_moves_by_screen_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
