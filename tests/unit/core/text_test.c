/* core/text */
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void numbers_are_strict(void **state) {
    (void)state;
    static const char *const bad[] = {"", " 1", "1 ", "1x", "x", "--1", "0x10", "9223372036854775808", "1.5"};
    int64_t value = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(lethe_text_to_int64(bad[i], &value));
    assert_false(lethe_text_to_int64(NULL, &value));
    assert_int_equal(value, 42);
    assert_true(lethe_text_to_int64("-9223372036854775808", &value));
    assert_true(value == INT64_MIN);
    assert_true(lethe_text_to_int64("+007", &value));
    assert_int_equal(value, 7);
    static const char *const bad_real[] = {"", "nan", "inf", "0x1p3", "1,5", "1e999", "1.2.3", " 1", "e5"};
    double real = 42;
    for (size_t i = 0; i < sizeof bad_real / sizeof *bad_real; i++) assert_false(lethe_text_to_double(bad_real[i], &real));
    assert_true(lethe_text_to_double("-1.25e2", &real));
    assert_true(real == -125.0);
    assert_true(lethe_text_to_double(".5", &real) && real == 0.5);
}

static void words(void **state) {
    (void)state;
    assert_true(lethe_text_equal_fold("DICOM", "dicom"));
    assert_false(lethe_text_equal_fold("DICOM", "dicom "));
    assert_false(lethe_text_equal_fold("\xc3\x89", "\xc3\xa9")); /* ASCII only */
    assert_true(lethe_text_starts("2.25.1", "2.25."));
    assert_false(lethe_text_starts("2.", "2.25."));
    assert_true(lethe_text_ends("a.dcm", ".dcm"));
    assert_false(lethe_text_ends("dcm", ".dcm"));
    assert_int_equal(lethe_text_distance("kitten", "sitting", 10), 3);
    assert_int_equal(lethe_text_distance("kitten", "sitting", 2), 3); /* capped at limit + 1 */
    assert_int_equal(lethe_text_distance("", "abc", 10), 3);
    assert_int_equal(lethe_text_distance("same", "same", 0), 0);
    static const char *const list[] = {"profile", "store", "ingest", NULL};
    assert_string_equal(lethe_text_nearest("profil", list), "profile");
    assert_string_equal(lethe_text_nearest("injest", list), "ingest");
    assert_null(lethe_text_nearest("something", list));
}

static void hex(void **state) {
    (void)state;
    uint8_t bytes[3];
    char text[7];
    assert_true(lethe_unhex("00fFa5", bytes, 3));
    assert_memory_equal(bytes, "\x00\xff\xa5", 3);
    lethe_hex(bytes, 3, text);
    assert_string_equal(text, "00ffa5");
    assert_false(lethe_unhex("00ffa", bytes, 3));
    assert_false(lethe_unhex("00ffa5aa", bytes, 3));
    assert_false(lethe_unhex("00ffg5", bytes, 3));
}

static void base64(void **state) {
    (void)state;
    /* RFC 4648, section 10 */
    static const struct {
        const char *plain, *encoded;
    } vectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    lethe_buffer out;
    lethe_buffer_init(&out, 1000);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        lethe_buffer_clear(&out);
        assert_int_equal(lethe_base64((const uint8_t *)vectors[i].plain, strlen(vectors[i].plain), &out, NULL), LETHE_OK);
        assert_string_equal(lethe_buffer_text(&out), vectors[i].encoded);
        lethe_buffer_clear(&out);
        assert_int_equal(lethe_unbase64(vectors[i].encoded, strlen(vectors[i].encoded), &out, NULL), LETHE_OK);
        assert_string_equal(lethe_buffer_text(&out), vectors[i].plain);
    }
    lethe_buffer_clear(&out);
    assert_int_equal(lethe_unbase64(" Zm9v\nYmFy\t", 11, &out, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&out), "foobar");
    static const char *const bad[] = {"Zm9v!", "Z", "Zg===", "Zg==Zg=="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(lethe_unbase64(bad[i], strlen(bad[i]), &out, NULL), LETHE_MALFORMED);
    lethe_buffer_release(&out);
}

static void base32(void **state) {
    (void)state;
    char text[17];
    lethe_base32((const uint8_t *)"\0\0\0\0\0", 5, text);
    assert_string_equal(text, "00000000");
    lethe_base32((const uint8_t *)"\xff\xff\xff\xff\xff", 5, text);
    assert_string_equal(text, "ZZZZZZZZ");
    lethe_base32((const uint8_t *)"\x01", 1, text); /* 00000 001(00) */
    assert_string_equal(text, "04");
}

static void utf8(void **state) {
    (void)state;
    static const struct {
        uint32_t code;
        const char *bytes;
    } good[] = {{0x41, "A"}, {0xE9, "\xc3\xa9"}, {0x20AC, "\xe2\x82\xac"}, {0x1F600, "\xf0\x9f\x98\x80"}, {0xFFFD, "\xef\xbf\xbd"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char out[5] = {0};
        assert_int_equal(lethe_utf8_put(good[i].code, out), strlen(good[i].bytes));
        assert_string_equal(out, good[i].bytes);
        const char *at = good[i].bytes;
        assert_int_equal(lethe_utf8_next(&at, at + strlen(at)), good[i].code);
        assert_int_equal(*at, 0);
        assert_true(lethe_utf8_is_valid(good[i].bytes, strlen(good[i].bytes)));
    }
    /* stray continuation, overlong, surrogate, beyond Unicode, cut short */
    static const char *const bad[] = {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\xe2\x82", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *at = bad[i];
        assert_int_equal(lethe_utf8_next(&at, at + strlen(at)), 0xFFFD);
        assert_ptr_equal(at, bad[i] + 1);
        assert_false(lethe_utf8_is_valid(bad[i], strlen(bad[i])));
    }
}

static void html(void **state) {
    (void)state;
    lethe_buffer out;
    lethe_buffer_init(&out, 1000);
    assert_int_equal(lethe_html_escape("<a href=\"x\">O'Hara & \xc3\xa9</a>", &out, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&out), "&lt;a href=&quot;x&quot;&gt;O&#39;Hara &amp; \xc3\xa9&lt;/a&gt;");
    lethe_buffer_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(words),
        cmocka_unit_test(hex),
        cmocka_unit_test(base64),
        cmocka_unit_test(base32),
        cmocka_unit_test(utf8),
        cmocka_unit_test(html),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
