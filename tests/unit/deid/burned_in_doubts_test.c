/* What could not be read goes where enough other text is; where the list of it is full nobody knows what did not fit, and a person has to look. */
#include "deid/pixels/burned_in_search.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static lethe_pixels_info info = {.columns = 2000, .rows = 2000, .frames = 1};

/* A picture with so many lines of sure text, and below each other so many that may be text. */
static unsigned left_in_doubt(unsigned sure, unsigned doubts, size_t *boxes) {
    lethe_pixel_decision decision = {0};
    lethe_pixel_search s = {.decision = &decision, .info = &info};
    for (unsigned i = 0; i < sure; i++) {
        const lethe_pixel_box box = {.x = 20, .y = 20 + 40 * i, .w = 200, .h = 12};
        assert_int_equal(add_found(&s, &box, 0.99f), LETHE_OK);
    }
    for (unsigned i = 0; i < doubts; i++) doubt(&s, &(lethe_text_line){.x = 1000, .y = 20 + 40 * i, .w = 200, .h = 12, .height_px = 10});
    assert_int_equal(settle_doubts(&s, is_company(&s)), LETHE_OK);
    *boxes = decision.box_count;
    unsigned left = s.doubts;
    lethe_pixel_search_release(&s);
    lethe_pixel_decision_release(&decision);
    return left;
}

static void doubts_go_in_company(void **state) {
    (void)state;
    size_t boxes;
    assert_int_equal(left_in_doubt(3, 3, &boxes), 0);
    assert_int_equal(boxes, 6);
    assert_int_equal(left_in_doubt(40, LETHE_PIXELS_DOUBTS - 1, &boxes), 0);
    assert_int_equal(boxes, 40 + LETHE_PIXELS_DOUBTS - 1);
    assert_int_equal(left_in_doubt(3, 4, &boxes), 4);
    assert_int_equal(boxes, 3);
    assert_int_equal(left_in_doubt(0, 1, &boxes), 1);
}

static void a_full_list_is_for_a_person(void **state) {
    (void)state;
    size_t boxes;
    assert_int_equal(left_in_doubt(40, LETHE_PIXELS_DOUBTS + 8, &boxes), LETHE_PIXELS_DOUBTS);
    assert_int_equal(boxes, 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(doubts_go_in_company), cmocka_unit_test(a_full_list_is_for_a_person)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
