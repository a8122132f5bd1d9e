#include "imaging/dicom/dictionary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_standard_is_there(void **state) {
    (void)state;
    assert_true(lethe_dictionary_count() > 4500);
    lethe_tag last = 0;
    for (size_t index = 0; index < lethe_dictionary_count(); index++) {
        const lethe_dictionary_entry *entry = lethe_dictionary_at(index);
        assert_true(entry->tag >= last);
        last = entry->tag;
        assert_true(lethe_vr_is_known(entry->vr));
        assert_ptr_equal(lethe_dictionary_find_keyword(entry->keyword), entry);
        if (entry->mask == 0xFFFFFFFFu) assert_ptr_equal(lethe_dictionary_find(entry->tag), entry);
    }
}

static void tags_have_their_vr(void **state) {
    (void)state;
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0010, 0x0010), NULL), LETHE_VR_PN);
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x7FE0, 0x0010), NULL), LETHE_VR_OW);
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0008, 0x1140), NULL), LETHE_VR_SQ);
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x6002, 0x3000), NULL), LETHE_VR_OW); /* repeating group */
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x50FE, 0x0022), NULL), LETHE_VR_LO);
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0008, 0x0000), NULL), LETHE_VR_UL); /* group length */
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0009, 0x0010), NULL), LETHE_VR_LO); /* private creator */
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0009, 0x1010), NULL), LETHE_VR_NONE);
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0008, 0x7777), NULL), LETHE_VR_NONE);
    /* By creator, wherever the block was reserved. */
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0043, 0x1030), "GEMS_PARM_01"), LETHE_VR_SS);
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0043, 0x4230), "GEMS_PARM_01"), LETHE_VR_SS);
    assert_int_equal(lethe_dictionary_vr(LETHE_TAG(0x0043, 0x4230), "NOBODY"), LETHE_VR_NONE);
}

static void tags_parse_and_print(void **state) {
    (void)state;
    char text[64];
    lethe_tag tag = 0;
    lethe_tag_format(LETHE_TAG(0x0010, 0x0010), text, sizeof text);
    assert_string_equal(text, "(0010,0010) PatientName");
    lethe_tag_format(LETHE_TAG(0x0009, 0x1001), text, sizeof text);
    assert_string_equal(text, "(0009,1001)");
    static const char *const good[] = {"0010,0010", "(0010,0010)", "00100010", "PatientName"};
    for (size_t row = 0; row < 4; row++) {
        assert_true(lethe_tag_parse(good[row], &tag));
        assert_int_equal(tag, LETHE_TAG(0x0010, 0x0010));
    }
    static const char *const bad[] = {"", "0010", "(0010,0010", "0010,001", "0010,00100", "patientname", "00100010x"};
    for (size_t row = 0; row < sizeof bad / sizeof bad[0]; row++) assert_false(lethe_tag_parse(bad[row], &tag));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_standard_is_there), cmocka_unit_test(tags_have_their_vr),
                                       cmocka_unit_test(tags_parse_and_print)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
