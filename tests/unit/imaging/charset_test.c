/* Character sets. The encoded names are the examples of PS3.5 annexes H (Japanese), I (Korean), J (Chinese) and K; the others are by hand. */
#include "imaging/dicom/charset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct example {
    const char *terms, *bytes, *utf8;
    bool one_way; /* another encoding of the same text is as good */
} example;

static const example examples[] = {
    {"", "MARTIN^ALICE", "MARTIN^ALICE", false},
    {"ISO_IR 100", "Buc^J\xE9r\xF4me", "Buc^Jérôme", false},
    {"ISO_IR 101",
     "W\xB3"
     "adys\xB3"
     "aw",
     "Władysław", false},
    {"ISO_IR 109",
     "Je\xB6"
     "ek",
     "Jeĥek", false},
    {"ISO_IR 110", "J\xBCis", "Jŧis", true},
    {"ISO_IR 144", "\xBB\xEE\xDA\x63\x65\xDC\xD1yp\xC3", "ЛюкceмбypУ", true},
    {"ISO_IR 127", "\xE2\xC8\xC7\xE6\xEA^\xE4\xE6\xD2\xC7\xD1", "قباني^لنزار", true},
    {"ISO_IR 126", "\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2", "Διονυσιος", false},
    {"ISO_IR 138", "\xF9\xF8\xE5\xEF^\xE3\xE1\xE5\xF8\xE4", "שרון^דבורה", false},
    {"ISO_IR 148",
     "\xC7"
     "avu\xFEo\xF0lu",
     "Çavuşoğlu", false},
    {"ISO_IR 203", "c\xBDur 10\xA4", "cœur 10€", false},
    {"ISO_IR 166", "\xB9\xD2\xC1\xCA\xA1\xD8\xC5", "นามสกุล", false},
    {"ISO_IR 13", "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3", "ﾔﾏﾀﾞ^ﾀﾛｳ", false},
    {"ISO_IR 192", "Wang^XiaoDong=\xE7\x8E\x8B^\xE5\xB0\x8F\xE4\xB8\x9C", "Wang^XiaoDong=王^小东", false},
    {"GB18030", "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB", "Wang^XiaoDong=王^小东", false},
    {"GB18030", "\x81\x30\x84\x36", "¥", false},
    {"GB18030", "\x90\x30\x81\x30", "\xF0\x90\x80\x80", false},
    {"GBK", "\xCD\xF5^\xD0\xA1\xB6\xAB", "王^小东", false},
    {"\\ISO 2022 IR 87", "Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B",
     "Yamada^Tarou=山田^太郎=やまだ^たろう", false},
    {"ISO 2022 IR 13\\ISO 2022 IR 87", "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\x1B$B;3ED\x1B(J^\x1B$BB@O:\x1B(J=\x1B$B$d$^$@\x1B(J^\x1B$B$?$m$&\x1B(J",
     "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", true},
    {"\\ISO 2022 IR 149", "Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7=\x1B$)C\xC8\xAB^\x1B$)C\xB1\xE6\xB5\xBF",
     "Hong^Gildong=洪^吉洞=홍^길동", false},
    {"\\ISO 2022 IR 58", "Zhang^XiaoDong=\x1B$)A\xD5\xC5^\x1B$)A\xD0\xA1\xB6\xAB=", "Zhang^XiaoDong=张^小东=", false},
    {"\\ISO 2022 IR 159", "\x1B$(D\x22\x42\x1B(B", "¡", true},
    {"ISO 2022 IR 100\\ISO 2022 IR 144", "J\xE9^\x1B-L\xBB\xEE\xDA", "Jé^Люк", false},
    {"ISO IR 100", "J\xE9r\xF4me", "Jérôme", false}, /* wrong punctuation of the term is common */
};

static void names_of_the_standard_decode_and_encode(void **state) {
    (void)state;
    for (size_t row = 0; row < sizeof examples / sizeof examples[0]; row++) {
        const example *now = &examples[row];
        lethe_charset *charset = NULL;
        lethe_buffer utf8, back;
        bool lossy = true;
        lethe_buffer_init(&utf8, 4096);
        lethe_buffer_init(&back, 4096);
        assert_int_equal(lethe_charset_create(now->terms, &charset, NULL), LETHE_OK);
        assert_true(lethe_charset_is_known(charset));
        assert_int_equal(lethe_charset_decode(charset, (const uint8_t *)now->bytes, strlen(now->bytes), LETHE_VR_PN, &utf8, &lossy, NULL), LETHE_OK);
        assert_string_equal(lethe_buffer_text(&utf8), now->utf8);
        assert_false(lossy);
        assert_int_equal(lethe_charset_encode(charset, now->utf8, strlen(now->utf8), &back, NULL), LETHE_OK);
        if (!now->one_way) {
            assert_string_equal(lethe_buffer_text(&back), now->bytes);
        } else {
            lethe_buffer_clear(&utf8);
            assert_int_equal(lethe_charset_decode(charset, back.bytes, back.size, LETHE_VR_PN, &utf8, NULL, NULL), LETHE_OK);
            assert_string_equal(lethe_buffer_text(&utf8), now->utf8);
        }
        lethe_buffer_release(&utf8);
        lethe_buffer_release(&back);
        lethe_charset_destroy(charset);
    }
}

static void check(const char *terms, const char *bytes, lethe_vr vr, const char *expected, bool expect_lossy) {
    lethe_charset *charset = NULL;
    lethe_buffer utf8;
    bool lossy = false;
    lethe_buffer_init(&utf8, 4096);
    assert_int_equal(lethe_charset_create(terms, &charset, NULL), LETHE_OK);
    assert_int_equal(lethe_charset_decode(charset, (const uint8_t *)bytes, strlen(bytes), vr, &utf8, &lossy, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&utf8), expected);
    assert_int_equal(lossy, expect_lossy);
    lethe_buffer_release(&utf8);
    lethe_charset_destroy(charset);
}

static void values_in_the_wrong_character_set_are_still_read(void **state) {
    (void)state;
    check("", "Lef\xC3\xA8vre", LETHE_VR_PN, "Lefèvre", true);                    /* UTF-8 that nobody declared */
    check("ISO_IR 100", "Lef\xC3\xA8vre", LETHE_VR_PN, "Lefèvre", true);          /* UTF-8 under Latin-1 */
    check("", "Lef\xE8vre", LETHE_VR_PN, "Lefèvre", true);                        /* Latin-1 that nobody declared */
    check("ISO_IR 192", "Lef\xE8vre", LETHE_VR_PN, "Lefèvre", true);              /* Latin-1 under UTF-8 */
    check("ISO_IR 192", "Lef\xC3\x83\xC2\xA8vre", LETHE_VR_PN, "Lefèvre", false); /* made UTF-8 twice */
    check("ISO_IR 126", "\xD2", LETHE_VR_LO, "\xEF\xBF\xBD", true);               /* a hole in ISO 8859-7 */
    check("\\ISO 2022 IR 87", "\x1B$B;3E", LETHE_VR_PN, "山\xEF\xBF\xBD", true);
}

static void escapes_reset_at_delimiters(void **state) {
    (void)state;
    check("ISO 2022 IR 100\\ISO 2022 IR 144", "\x1B-L\xBB\\\xE9", LETHE_VR_LO, "Л\\é", false);
    check("ISO 2022 IR 100\\ISO 2022 IR 144", "\x1B-L\xBB\\\xE9", LETHE_VR_LT, "Л\\щ", false); /* no delimiter in LT */
    check("ISO 2022 IR 100\\ISO 2022 IR 144", "\x1B-L\xBB\r\n\xE9", LETHE_VR_LT, "Л\r\né", false);
}

static void unknown_terms_say_so(void **state) {
    (void)state;
    lethe_charset *charset = NULL;
    assert_int_equal(lethe_charset_create("ISO_IR 999", &charset, NULL), LETHE_OK);
    assert_false(lethe_charset_is_known(charset));
    lethe_charset_destroy(charset);
}

static void what_has_no_place_is_refused(void **state) {
    (void)state;
    lethe_charset *charset = NULL;
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, 4096);
    assert_int_equal(lethe_charset_create("ISO_IR 100", &charset, NULL), LETHE_OK);
    assert_int_equal(lethe_charset_encode(charset, "ab王", strlen("ab王"), &bytes, NULL), LETHE_UNSUPPORTED);
    assert_int_equal(bytes.size, 0);
    assert_int_equal(lethe_charset_encode(charset, "\xFF\xC3", 2, &bytes, NULL), LETHE_MALFORMED);
    lethe_buffer_release(&bytes);
    lethe_charset_destroy(charset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_the_standard_decode_and_encode),
        cmocka_unit_test(values_in_the_wrong_character_set_are_still_read),
        cmocka_unit_test(escapes_reset_at_delimiters),
        cmocka_unit_test(unknown_terms_say_so),
        cmocka_unit_test(what_has_no_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
