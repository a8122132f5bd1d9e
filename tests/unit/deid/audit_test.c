#include "core/buffer.h"
#include "deid/audit.h"
#include "deid/matcher.h"
#include "deid/text/patterns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool finds(lethe_audit *audit, const void *bytes, size_t size) {
    lethe_error error = {0};
    lethe_status status = lethe_audit_bytes(audit, bytes, size, &error);
    assert_true(status == LETHE_OK || status == LETHE_UNSAFE);
    return status == LETHE_UNSAFE;
}
#define FINDS(audit, literal) finds((audit), (literal), sizeof(literal) - 1)

static lethe_audit *fresh(void) {
    lethe_audit *audit;
    assert_int_equal(lethe_audit_create(&audit, NULL), LETHE_OK);
    return audit;
}

static void word_in_every_writing(void **state) {
    (void)state;
    lethe_audit *audit = fresh();
    static const char name[] = "Lefèvre";
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_WORD, name, sizeof name - 1, NULL), LETHE_OK);
    assert_true(FINDS(audit, "xx Lef\xC3\xA8vre yy"));     /* UTF-8 */
    assert_true(FINDS(audit, "LEF\xC3\x88VRE"));           /* capitals */
    assert_true(FINDS(audit, "Lef\xE8vre"));               /* Latin-1 */
    assert_true(FINDS(audit, "LEF\xC8VRE"));               /* Latin-1 capitals */
    assert_true(FINDS(audit, "LEFEVRE"));                  /* no accents */
    assert_true(FINDS(audit, "L\0e\0f\0\xE8\0v\0r\0e\0")); /* UTF-16 little endian */
    assert_true(FINDS(audit, "\0L\0e\0f\0\xE8\0v\0r\0e")); /* UTF-16 big endian */
    assert_true(FINDS(audit, "TGVmw6h2cmU="));             /* base64 of the UTF-8 */
    assert_true(FINDS(audit, "eExlZsOodnJleQ=="));         /* base64 of "xLefèvrey": another alignment */
    assert_true(FINDS(audit, "eHlMZWbDqHZyZQ=="));         /* base64 of "xyLefèvre": the third */
    assert_false(FINDS(audit, "Lefebvre"));
    assert_false(FINDS(audit, "Lefevrement")); /* inside a longer word */
    assert_true(FINDS(audit, "Lefevre2"));
    lethe_audit_destroy(audit);
}

static void name_in_both_orders(void **state) {
    (void)state;
    lethe_audit *audit = fresh();
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_NAME, "Li^Wei^^Dr", 10, NULL), LETHE_OK);
    assert_true(FINDS(audit, "LI^WEI"));
    assert_true(FINDS(audit, "wei li"));
    assert_true(FINDS(audit, "Li, Wei"));
    assert_true(FINDS(audit, "wei.li"));
    assert_false(FINDS(audit, "weight limit"));
    assert_false(FINDS(audit, "Li"));
    lethe_audit_destroy(audit);
}

static void numbers_stand_alone(void **state) {
    (void)state;
    lethe_audit *audit = fresh();
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_WORD, "123456", 6, NULL), LETHE_OK);
    assert_true(FINDS(audit, "ID123456X"));
    assert_true(FINDS(audit, "1.2.123456.3"));
    assert_false(FINDS(audit, "2.25.9123456789"));
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_WORD, "4711", 4, NULL), LETHE_OK); /* too short to mean anything */
    assert_false(FINDS(audit, "4711"));
    lethe_audit_destroy(audit);
}

static void dates_in_every_order_unless_allowed(void **state) {
    (void)state;
    lethe_audit *audit = fresh();
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_DATE, "19610312", 8, NULL), LETHE_OK);
    assert_true(FINDS(audit, "on 19610312."));
    assert_true(FINDS(audit, "12/03/1961"));
    assert_true(FINDS(audit, "1961-03-12"));
    assert_false(FINDS(audit, "0.196103125"));
    lethe_audit_reset(audit);
    assert_int_equal(lethe_audit_allow(audit, "19610312", 8, NULL), LETHE_OK);
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_DATE, "19610312", 8, NULL), LETHE_OK);
    assert_false(FINDS(audit, "19610312"));
    lethe_audit_destroy(audit);
}

static void what_lethe_writes_is_no_find(void **state) {
    (void)state;
    lethe_audit *audit = fresh();
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_WORD, "Clean", 5, NULL), LETHE_OK);
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_WORD, "ANONYMIZED", 10, NULL), LETHE_OK);
    assert_int_equal(lethe_audit_pattern_count(audit), 0);
    lethe_audit_destroy(audit);
}

/* --- whole files --- */

static void element(lethe_buffer *out, uint16_t group, uint16_t number, const char *vr, const char *value, size_t size) {
    uint8_t head[8] = {(uint8_t)group,
                       (uint8_t)(group >> 8),
                       (uint8_t)number,
                       (uint8_t)(number >> 8),
                       (uint8_t)vr[0],
                       (uint8_t)vr[1],
                       (uint8_t)(size + size % 2),
                       0};
    assert_int_equal(lethe_buffer_append(out, head, 8, NULL), LETHE_OK);
    assert_int_equal(lethe_buffer_append(out, value, size, NULL), LETHE_OK);
    if (size % 2 != 0) assert_int_equal(lethe_buffer_append(out, " ", 1, NULL), LETHE_OK);
}

/* A small explicit VR little endian file that passes. */
static void make_file(lethe_buffer *out, bool identity_removed) {
    lethe_buffer_init(out, 1u << 20);
    uint8_t zeros[128] = {0};
    assert_int_equal(lethe_buffer_append(out, zeros, 128, NULL), LETHE_OK);
    assert_int_equal(lethe_buffer_append(out, "DICM", 4, NULL), LETHE_OK);
    element(out, 2, 0, "UL", "\x1C\0\0\0", 4);
    element(out, 2, 0x10, "UI", "1.2.840.10008.1.2.1\0", 20);
    if (identity_removed) element(out, 0x12, 0x62, "CS", "YES", 3);
    element(out, 0x12, 0x63, "LO", "method", 6);
    element(out, 0x18, 0x15, "CS", "CHEST", 5);
}

static lethe_status audit_file(lethe_audit *audit, const lethe_buffer *file, lethe_error *error) {
    *error = (lethe_error){0};
    return lethe_audit_dicom(audit, file->bytes, file->size, error);
}

static void files(void **state) {
    (void)state;
    lethe_audit *audit = fresh();
    lethe_buffer file;
    lethe_error error;
    make_file(&file, true);
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_WORD, "DUPONT", 6, NULL), LETHE_OK);
    assert_int_equal(audit_file(audit, &file, &error), LETHE_OK);
    element(&file, 0x20, 0x4000, "LT", "seen by Dupont", 14);
    assert_int_equal(audit_file(audit, &file, &error), LETHE_UNSAFE);
    assert_int_equal(lethe_audit_found_tag(audit), 0x00204000);
    assert_null(strstr(error.message, "upont")); /* never the value */
    lethe_buffer_release(&file);

    make_file(&file, false); /* (0012,0062) missing */
    assert_int_equal(audit_file(audit, &file, &error), LETHE_UNSAFE);
    lethe_buffer_release(&file);

    make_file(&file, true);
    element(&file, 0x7FE0, 0x0000, "UL", "\0\0\0\0", 4); /* a group length */
    assert_int_equal(audit_file(audit, &file, &error), LETHE_UNSAFE);
    lethe_buffer_release(&file);

    make_file(&file, true);
    file.bytes[5] = 'X'; /* the preamble */
    assert_int_equal(audit_file(audit, &file, &error), LETHE_UNSAFE);
    file.bytes[5] = 0;
    assert_int_equal(lethe_buffer_append(&file, "trail", 5, NULL), LETHE_OK);
    assert_int_equal(audit_file(audit, &file, &error), LETHE_MALFORMED);
    lethe_buffer_release(&file);
    lethe_audit_destroy(audit);
}

/* Pixel data is not searched, what follows it is. */
static void pixels_are_left_out(void **state) {
    (void)state;
    lethe_audit *audit = fresh();
    lethe_buffer file;
    lethe_error error;
    make_file(&file, true);
    assert_int_equal(lethe_audit_add(audit, LETHE_AUDIT_WORD, "DUPONT", 6, NULL), LETHE_OK);
    static const uint8_t pixels[] = {0xE0, 0x7F, 0x10, 0, 'O', 'W', 0, 0, 8, 0, 0, 0, ' ', 'D', 'U', 'P', 'O', 'N', 'T', ' '};
    assert_int_equal(lethe_buffer_append(&file, pixels, sizeof pixels, NULL), LETHE_OK);
    assert_int_equal(audit_file(audit, &file, &error), LETHE_OK);
    element(&file, 0x7FE1, 0x0010, "LO", "DUPONT", 6);
    assert_int_equal(audit_file(audit, &file, &error), LETHE_UNSAFE);
    lethe_buffer_release(&file);
    lethe_audit_destroy(audit);
}

static void nir(void **state) {
    (void)state;
    size_t length;
    /* Keys worked out by hand: 97 - (number mod 97); Corsica counts as 19 and 18. */
    assert_true(lethe_pattern_is_nir("255081416802538", 15, &length)); /* the sample number of the French social security's own documents */
    assert_true(lethe_pattern_is_nir("2 55 08 14 168 025 38", 21, &length));
    assert_false(lethe_pattern_is_nir("255081416802539", 15, &length));
    assert_false(lethe_pattern_is_nir("2550814168025", 13, &length));
    assert_false(lethe_pattern_is_nir("2550814168025381", 16, &length));
    assert_non_null(lethe_pattern_find("no 255081416802538 x", 20));
    assert_non_null(lethe_pattern_find("write to jean.dupont@chu-lille.fr", 33));
    assert_null(lethe_pattern_find("2@3x", 4));
    assert_null(lethe_pattern_find("T2 TSE @ 3.0 T", 14));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(word_in_every_writing),        cmocka_unit_test(name_in_both_orders),
                                       cmocka_unit_test(numbers_stand_alone),          cmocka_unit_test(dates_in_every_order_unless_allowed),
                                       cmocka_unit_test(what_lethe_writes_is_no_find), cmocka_unit_test(files),
                                       cmocka_unit_test(pixels_are_left_out),          cmocka_unit_test(nir)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
