/* deid/matcher: all matches are found, whatever patterns share, and those that sleep are not. */
#include "deid/matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static lethe_matcher *fresh(void) {
    lethe_matcher *matcher = NULL;
    assert_int_equal(lethe_matcher_create(&matcher, NULL), LETHE_OK);
    return matcher;
}

static uint32_t add(lethe_matcher *matcher, const char *text, unsigned flags, uint16_t label) {
    uint32_t index;
    assert_int_equal(lethe_matcher_add(matcher, text, strlen(text), 1, flags, label, &index, NULL), LETHE_OK);
    return index;
}

/* All matches as "label@offset ", in the order in which they are found. */
static const char *all(const lethe_matcher *matcher, const char *text, uint64_t from, uint64_t to) {
    static char told[400];
    size_t size = 0;
    lethe_match match = {0};
    told[0] = '\0';
    while (lethe_matcher_find(matcher, (const uint8_t *)text, strlen(text), from, to, &match)) {
        assert_true(size + 32 < sizeof told);
        size += (size_t)snprintf(told + size, sizeof told - size, "%u@%u ", match.label, (unsigned)match.offset);
    }
    return told;
}

static void matches_come_by_their_ends(void **state) {
    (void)state;
    lethe_matcher *m = fresh();
    add(m, "marie", 0, 1);
    add(m, "MARIE DUPONT", 0, 2);
    add(m, "pont", LETHE_MATCH_ANYWHERE, 3);
    add(m, "DUPONT", LETHE_MATCH_EXACT, 4);
    assert_string_equal(all(m, "x Marie DUPONT y", 0, 100), "1@2 4@8 3@10 2@2 ");
    assert_string_equal(all(m, "x Marie Dupont y", 0, 100), "1@2 3@10 2@2 ");
    assert_string_equal(all(m, "Mariette, Rosemarie", 0, 100), "");
    /* Nothing that begins before, or ends behind, what was asked for. */
    assert_string_equal(all(m, "x Marie DUPONT y", 3, 100), "4@8 3@10 ");
    assert_string_equal(all(m, "x Marie DUPONT y", 2, 13), "1@2 ");
    assert_string_equal(all(m, "Marie", 0, 2), "");
    assert_string_equal(all(m, "", 0, 0), "");
    lethe_matcher_destroy(m);
}

/* Several patterns that end alike at one place: none hides another. */
static void patterns_with_one_end_are_all_found(void **state) {
    (void)state;
    lethe_matcher *m = fresh();
    add(m, "45", 0, 9); /* too short: ignored */
    add(m, "345", LETHE_MATCH_ANYWHERE, 1);
    add(m, "2345", LETHE_MATCH_ANYWHERE, 2);
    add(m, "012345", 0, 3);
    const char *found = all(m, "x=012345;", 0, 100);
    assert_non_null(strstr(found, "1@5 "));
    assert_non_null(strstr(found, "2@4 "));
    assert_non_null(strstr(found, "3@2 "));
    assert_int_equal(strlen(found), 12);
    lethe_matcher_destroy(m);
}

static void sleepers_are_not_found(void **state) {
    (void)state;
    lethe_matcher *m = fresh();
    uint32_t first = add(m, "1.2.826.0.1.3680043.8.498.1", 0, 1), second = add(m, "1.2.826.0.1.3680043.8.498.2", 0, 2);
    const char *text = "1.2.826.0.1.3680043.8.498.1\\1.2.826.0.1.3680043.8.498.2";
    assert_string_equal(all(m, text, 0, 1000), "1@0 2@28 ");
    assert_true(lethe_matcher_sleep(m));
    assert_int_equal(lethe_matcher_count(m), 0);
    assert_string_equal(all(m, text, 0, 1000), "");
    lethe_matcher_wake(m, second, 7);
    assert_string_equal(all(m, text, 0, 1000), "7@28 ");
    assert_int_equal(add(m, "1.2.826.0.1.3680043.8.498.1", 0, 8), first); /* the same pattern, awake again */
    assert_int_equal(lethe_matcher_count(m), 2);
    assert_string_equal(all(m, text, 0, 1000), "8@0 7@28 ");
    lethe_matcher_destroy(m);
}

/* Against a search that tries every pattern at every place. */
static void finds_what_a_plain_search_finds(void **state) {
    (void)state;
    srand(11);
    for (int round = 0; round < 300; round++) {
        lethe_matcher *m = fresh();
        char patterns[12][8], text[121];
        unsigned count = 1 + (unsigned)rand() % 12, expected = 0;
        for (unsigned i = 0; i < count; i++) {
            size_t size = 3 + (size_t)rand() % 5;
            for (size_t k = 0; k < size; k++) patterns[i][k] = "aB1"[rand() % 3];
            patterns[i][size] = '\0';
            bool twice = false;
            for (unsigned j = 0; j < i; j++) twice |= strcmp(patterns[i], patterns[j]) == 0;
            if (twice) i--; /* it would count once */
            else add(m, patterns[i], LETHE_MATCH_ANYWHERE | LETHE_MATCH_EXACT, (uint16_t)i);
        }
        for (size_t k = 0; k < 120; k++) text[k] = "aB1"[rand() % 3];
        text[120] = '\0';
        for (unsigned i = 0; i < count; i++)
            for (const char *at = text; (at = strstr(at, patterns[i])) != NULL; at++) expected++;
        unsigned found = 0;
        lethe_match match = {0};
        while (lethe_matcher_find(m, (const uint8_t *)text, 120, 0, 120, &match)) {
            assert_memory_equal(text + match.offset, patterns[match.label], strlen(patterns[match.label]));
            found++;
        }
        assert_int_equal(found, expected);
        lethe_matcher_destroy(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_come_by_their_ends),
        cmocka_unit_test(patterns_with_one_end_are_all_found),
        cmocka_unit_test(sleepers_are_not_found),
        cmocka_unit_test(finds_what_a_plain_search_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
