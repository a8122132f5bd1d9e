/* What a reader's text is taken for: markers, identifying words, and identifiers of the header that were read with mistakes. */
#include "deid/pixels/burned_in_internal.h"
#include "deid/text/identifiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static lethe_identifiers *known(void) {
    lethe_identifiers *identifiers;
    assert_int_equal(lethe_identifiers_create(&identifiers, NULL), LETHE_OK);
    static const struct {
        lethe_identifier_kind kind;
        const char *text;
    } list[] = {
        {LETHE_ID_NAME, "Lefèvre^Gaspard"}, {LETHE_ID_NUMBER, "KX4471902"}, {LETHE_ID_DATE, "19610312"}, {LETHE_ID_INSTITUTION, "Belleroche"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        assert_int_equal(lethe_identifiers_add(identifiers, list[i].kind, list[i].text, strlen(list[i].text), NULL), LETHE_OK);
    return identifiers;
}

static void knows_names_in_any_order_accent_and_case(void **state) {
    (void)state;
    lethe_identifiers *identifiers = known();
    static const char *const named[] = {"LEFEVRE GASPARD", "Gaspard Lefèvre", "gaspard, lefevre", "M. LEFÈVRE", "Pat: lefévre"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) assert_true(lethe_burned_in_names_someone(identifiers, named[i]));
    lethe_identifiers_destroy(identifiers);
}

static void knows_what_was_misread(void **state) {
    (void)state;
    lethe_identifiers *identifiers = known();
    static const char *const misread[] = {
        "LEFEVRF",        /* a letter wrong */
        "LEFEVE G",       /* a letter lost */
        "GA5PARD",        /* S read as 5 */
        "LEFEVREGASPARD", /* the space was not seen */
        "LEF EVRE",       /* a space too many */
        "KX447I9O2",      /* digits as letters */
        "BELLEROOHE",     /* C as O */
        "12/03/1961",     /* the birth date, day first */
        "03.12.1961",     /* month first */
        "1961-03-12",     /* year first */
        "12 03 1967",     /* one digit wrong */
    };
    for (size_t i = 0; i < sizeof misread / sizeof *misread; i++)
        if (!lethe_burned_in_names_someone(identifiers, misread[i])) fail_msg("not recognised: %s", misread[i]);
    lethe_identifiers_destroy(identifiers);
}

static void leaves_other_words_alone(void **state) {
    (void)state;
    lethe_identifiers *identifiers = known();
    static const char *const other[] = {"LATERAL VIEW", "TIS 0.4 MI 1.2", "25/11/2003", "KX1234567", "FEVER", "GRANDPARENT", "", "Freq 3.5 MHz"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (lethe_burned_in_names_someone(identifiers, other[i])) fail_msg("taken for an identifier: %s", other[i]);
    assert_false(lethe_burned_in_names_someone(NULL, "LEFEVRE"));
    lethe_identifiers_destroy(identifiers);
}

static void tells_markers_from_initials_and_names(void **state) {
    (void)state;
    static const char *const markers[] = {"L", "R", "R-MLO", "L CC", "(R)", "Left", "UPRIGHT"}, *const others[] = {"RM Dupont", "L1", "JD", "CCMLOX",
                                                                                                                   ""};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) assert_true(lethe_burned_in_is_marker(markers[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_false(lethe_burned_in_is_marker(others[i]));
}

static void sees_dates_numbers_and_introductions(void **state) {
    (void)state;
    static const char *const telling[] = {"12/03/1961", "123456", "Name X", "né: DOB"}, *const not_telling[] = {"MI 1.2", "3.5 MHz", "FR 24",
                                                                                                                "B 12 cm"};
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) assert_true(lethe_burned_in_looks_identifying(telling[i]));
    for (size_t i = 0; i < sizeof not_telling / sizeof *not_telling; i++) assert_false(lethe_burned_in_looks_identifying(not_telling[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_names_in_any_order_accent_and_case),
        cmocka_unit_test(knows_what_was_misread),
        cmocka_unit_test(leaves_other_words_alone),
        cmocka_unit_test(tells_markers_from_initials_and_names),
        cmocka_unit_test(sees_dates_numbers_and_introductions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
