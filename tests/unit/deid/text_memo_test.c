/* The memory of cleaned texts: it answers what it was told, keeps questions apart, forgets on demand, and never grows. */
#include "deid/text/text_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void it_answers_what_it_was_told(void **state) {
    (void)state;
    lethe_text_memo *memo = lethe_text_memo_create();
    assert_non_null(memo);
    lethe_text_answer told = {.text = "IRM T2", .size = 6, .answer = 1}, got;
    assert_false(lethe_text_memo_find(memo, 1, "IRM DUPONT T2", 13, &got));
    lethe_text_memo_add(memo, 1, "IRM DUPONT T2", 13, &told);
    assert_true(lethe_text_memo_find(memo, 1, "IRM DUPONT T2", 13, &got));
    assert_int_equal(got.size, 6);
    assert_memory_equal(got.text, "IRM T2", 6);
    assert_int_equal(got.answer, 1);
    assert_false(lethe_text_memo_find(memo, 2, "IRM DUPONT T2", 13, &got)); /* another question */
    assert_false(lethe_text_memo_find(memo, 1, "IRM DUPONT T", 12, &got));
    lethe_text_memo_clear(memo);
    assert_false(lethe_text_memo_find(memo, 1, "IRM DUPONT T2", 13, &got)); /* another patient */
    lethe_text_memo_destroy(memo);
}

static void it_forgets_rather_than_grows(void **state) {
    (void)state;
    lethe_text_memo *memo = lethe_text_memo_create();
    assert_non_null(memo);
    lethe_text_answer got;
    char text[600];
    for (int i = 0; i < 5000; i++) {
        int size = snprintf(text, sizeof text, "text %d %0*d", i, i % 500 + 1, i);
        lethe_text_answer told = {.text = text, .size = (size_t)size, .answer = (uint8_t)i};
        lethe_text_memo_add(memo, 0, text, (size_t)size, &told);
        bool kept = lethe_text_memo_find(memo, 0, text, (size_t)size, &got);
        assert_true(kept || size > 512);
        if (kept) assert_int_equal(got.answer, (uint8_t)i);
        if (kept) assert_memory_equal(got.text, text, (size_t)size);
    }
    lethe_text_memo_destroy(memo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_answers_what_it_was_told),
        cmocka_unit_test(it_forgets_rather_than_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
