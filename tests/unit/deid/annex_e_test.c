#include "deid/annex_e.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Row count of PS3.15 Table E.1-1, edition 2025b, and its actions (counted in the standard's table). */
static void table_is_whole(void **state) {
    (void)state;
    size_t by_action[11] = {0};
    assert_int_equal(lethe_annex_e_count(), 647);
    for (size_t i = 0; i < lethe_annex_e_count(); i++) {
        const lethe_annex_row *row = lethe_annex_e_at(i);
        by_action[row->basic]++;
        if (i > 0) assert_true(lethe_annex_e_at(i - 1)->tag < row->tag);
        assert_ptr_equal(lethe_annex_e_find(row->tag), row);
    }
    assert_int_equal(by_action[LETHE_ANNEX_X], 409);
    assert_int_equal(by_action[LETHE_ANNEX_D], 92);
    assert_int_equal(by_action[LETHE_ANNEX_U], 55);
    assert_int_equal(by_action[LETHE_ANNEX_Z], 42);
    assert_int_equal(by_action[LETHE_ANNEX_XD], 22);
    assert_int_equal(by_action[LETHE_ANNEX_XZ], 11);
    assert_int_equal(by_action[LETHE_ANNEX_XZD], 8);
    assert_int_equal(by_action[LETHE_ANNEX_ZD], 6);
    assert_int_equal(by_action[LETHE_ANNEX_XZU], 2);
    assert_null(lethe_annex_e_at(647));
}

static void known_rows(void **state) {
    (void)state;
    assert_int_equal(lethe_annex_e_find(0x00100010)->basic, LETHE_ANNEX_Z);
    assert_int_equal(lethe_annex_e_find(0x00100020)->basic, LETHE_ANNEX_ZD);
    const lethe_annex_row *study_date = lethe_annex_e_find(0x00080020);
    assert_int_equal(study_date->kept_by, LETHE_OPTION_FULL_DATES);
    assert_int_equal(study_date->cleaned_by, LETHE_OPTION_MODIFIED_DATES);
    assert_int_equal(lethe_annex_e_find(0x0008103E)->cleaned_by, LETHE_OPTION_DESCRIPTORS);
    assert_int_equal(lethe_annex_e_find(0x00181000)->kept_by, LETHE_OPTION_DEVICE);
    assert_null(lethe_annex_e_find(0x00080060));
    assert_null(lethe_annex_e_find(0x00280010));
}

static void repeating_groups_and_private(void **state) {
    (void)state;
    assert_int_equal(lethe_annex_e_find(0x50123000)->tag, 0x50000000);
    assert_int_equal(lethe_annex_e_find(0x601E4000)->tag, 0x60004000);
    assert_int_equal(lethe_annex_e_find(0x60023000)->tag, 0x60003000);
    assert_null(lethe_annex_e_find(0x60020010));
    assert_int_equal(lethe_annex_e_find(0x00191234)->cleaned_by, LETHE_OPTION_SAFE_PRIVATE);
}

/* Types as PS3.3 gives them. */
static void types(void **state) {
    (void)state;
    const lethe_iod_class *ct = lethe_iod_class_find("1.2.840.10008.5.1.4.1.1.2");
    const lethe_iod_class *enhanced_mr = lethe_iod_class_find("1.2.840.10008.5.1.4.1.1.4.1");
    const lethe_iod_class *slide = lethe_iod_class_find("1.2.840.10008.5.1.4.1.1.77.1.6");
    assert_non_null(ct);
    assert_int_equal(lethe_iod_type_of(ct, 0, 0x00100020), LETHE_TYPE_2);
    assert_int_equal(lethe_iod_type_of(ct, 0, 0x00080018), LETHE_TYPE_1);
    assert_int_equal(lethe_iod_type_of(ct, 0, 0x00081010), LETHE_TYPE_3);
    assert_int_equal(lethe_iod_type_of(enhanced_mr, 0, 0x00181000), LETHE_TYPE_1);
    assert_int_equal(lethe_iod_type_of(enhanced_mr, 0x00209111, 0x00189074), LETHE_TYPE_1);
    assert_int_equal(lethe_iod_type_of(slide, 0, 0x00400512), LETHE_TYPE_1);
    assert_int_equal(lethe_iod_type_of(slide, 0x00400560, 0x00400551), LETHE_TYPE_1);
    assert_null(lethe_iod_class_find("1.2.3"));
    assert_int_equal(lethe_iod_type_of(NULL, 0, 0x00100020), LETHE_TYPE_UNKNOWN);
}

/* PS3.15 Table E.1-1a: what each compound means by Type; unknown takes the strictest. */
static void compounds(void **state) {
    (void)state;
    static const struct {
        lethe_annex_action action, type1, type2, type3, unknown;
    } cases[] = {
        {LETHE_ANNEX_XZ, LETHE_ANNEX_Z, LETHE_ANNEX_Z, LETHE_ANNEX_X, LETHE_ANNEX_Z},
        {LETHE_ANNEX_XD, LETHE_ANNEX_D, LETHE_ANNEX_D, LETHE_ANNEX_X, LETHE_ANNEX_D},
        {LETHE_ANNEX_ZD, LETHE_ANNEX_D, LETHE_ANNEX_Z, LETHE_ANNEX_Z, LETHE_ANNEX_D},
        {LETHE_ANNEX_XZD, LETHE_ANNEX_D, LETHE_ANNEX_Z, LETHE_ANNEX_X, LETHE_ANNEX_D},
        {LETHE_ANNEX_XZU, LETHE_ANNEX_U, LETHE_ANNEX_U, LETHE_ANNEX_U, LETHE_ANNEX_U},
        {LETHE_ANNEX_X, LETHE_ANNEX_X, LETHE_ANNEX_X, LETHE_ANNEX_X, LETHE_ANNEX_X},
        {LETHE_ANNEX_U, LETHE_ANNEX_U, LETHE_ANNEX_U, LETHE_ANNEX_U, LETHE_ANNEX_U},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(lethe_annex_e_resolve(cases[i].action, LETHE_TYPE_1, false), cases[i].type1);
        assert_int_equal(lethe_annex_e_resolve(cases[i].action, LETHE_TYPE_2, false), cases[i].type2);
        assert_int_equal(lethe_annex_e_resolve(cases[i].action, LETHE_TYPE_3, false), cases[i].type3);
        assert_int_equal(lethe_annex_e_resolve(cases[i].action, LETHE_TYPE_UNKNOWN, false), cases[i].unknown);
    }
    /* What the table removes although the IOD needs it becomes empty or a dummy, never kept. */
    assert_int_equal(lethe_annex_e_resolve(LETHE_ANNEX_X, LETHE_TYPE_1, true), LETHE_ANNEX_D);
    assert_int_equal(lethe_annex_e_resolve(LETHE_ANNEX_X, LETHE_TYPE_2, true), LETHE_ANNEX_Z);
    assert_int_equal(lethe_annex_e_resolve(LETHE_ANNEX_Z, LETHE_TYPE_1, true), LETHE_ANNEX_D);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(table_is_whole), cmocka_unit_test(known_rows), cmocka_unit_test(repeating_groups_and_private),
                                       cmocka_unit_test(types), cmocka_unit_test(compounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
