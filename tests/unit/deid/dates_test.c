#include "deid/text/dates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void the_calendar_counts(void **state) {
    (void)state;
    int32_t days;
    assert_true(lethe_date_to_days(1970, 1, 1, &days));
    assert_int_equal(days, 0);
    assert_true(lethe_date_to_days(2000, 3, 1, &days)); /* days since 1970: 30 years, 7 leap days, January and February of a leap year */
    assert_int_equal(days, 30 * 365 + 7 + 31 + 29);
    assert_true(lethe_date_to_days(1900, 2, 28, &days));
    assert_false(lethe_date_to_days(1900, 2, 29, &days)); /* no leap year */
    assert_true(lethe_date_to_days(2000, 2, 29, &days));
    assert_false(lethe_date_to_days(2023, 13, 1, &days));
    assert_false(lethe_date_to_days(2023, 4, 31, &days));
    assert_false(lethe_date_to_days(1799, 1, 1, &days));
    int32_t first = 0, last = 0;
    assert_true(lethe_date_to_days(1800, 1, 1, &first) && lethe_date_to_days(2199, 12, 31, &last));
    for (int32_t day = first; day <= last; day++) {
        int year, month, date;
        int32_t back;
        lethe_date_from_days(day, &year, &month, &date);
        assert_true(lethe_date_to_days(year, month, date, &back));
        assert_int_equal(back, day);
    }
}

typedef struct row {
    lethe_vr vr;
    const char *value, *expected;
    int32_t shift;
    unsigned impossible;
} row;

static const row rows[] = {
    {LETHE_VR_DA, "20190312", "20160615", -1000, 0},
    {LETHE_VR_DA, "20190312 ", "20160615", -1000, 0},
    {LETHE_VR_DA, "2019.03.12", "2016.06.15", -1000, 0}, /* ACR-NEMA */
    {LETHE_VR_DA, "20190312\\20190313", "20190311\\20190312", -1, 0},
    {LETHE_VR_DA, "20200301", "20200229", -1, 0},
    {LETHE_VR_DA, "20190101", "20181231", -1, 0},
    {LETHE_VR_DA, "20190312-20190320", "20190311-20190319", -1, 0},
    {LETHE_VR_DA, "-20190312", "-20190311", -1, 0},
    {LETHE_VR_DA, "20190312-", "20190311-", -1, 0},
    {LETHE_VR_DA, "", "", -1, 0},
    {LETHE_VR_DA, "20190230", "", -1, 1},
    {LETHE_VR_DA, "00000000", "", -1, 1},
    {LETHE_VR_DA, "unknown", "", -1, 1},
    {LETHE_VR_DA, "DUPONT", "", -1, 1},
    {LETHE_VR_DA, "2019", "", -1, 1},
    {LETHE_VR_DA, "-", "", -1, 1},
    {LETHE_VR_DA, "20190312\\x\\20190313", "20190311\\\\20190312", -1, 1},
    {LETHE_VR_DT, "20190312235959.123456+0100", "20190313235959.123456+0100", 1, 0},
    {LETHE_VR_DT, "20190312235959-0500", "20190313235959-0500", 1, 0},
    {LETHE_VR_DT, "2019031223", "2019031323", 1, 0},
    {LETHE_VR_DT, "201903", "201902", -10, 0},
    {LETHE_VR_DT, "2019", "2018", -10, 0},
    {LETHE_VR_DT, "20190312", "20190313", 1, 0},
    {LETHE_VR_DT, "20190312-20190314", "20190313-20190315", 1, 0},
    {LETHE_VR_DT, "20190312100000+0100-20190314100000+0100", "20190313100000+0100-20190315100000+0100", 1, 0},
    {LETHE_VR_DT, "20190312256000", "", 1, 1},
    {LETHE_VR_DT, "20191312", "", 1, 1},
    {LETHE_VR_DT, "20190312101500 Marie", "", 1, 1},
    {LETHE_VR_TM, "235959.999999", "235959.999999", -1000, 0},
    {LETHE_VR_TM, "0930", "0930", -1000, 0},
    {LETHE_VR_TM, "09:30:00", "09:30:00", -1000, 0},
    {LETHE_VR_TM, "0930-1130", "0930-1130", -1000, 0},
    {LETHE_VR_TM, "259999", "", -1000, 1},
    {LETHE_VR_TM, "Dupont", "", -1000, 1},
};

static void values_shift_or_come_out_empty(void **state) {
    (void)state;
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        lethe_buffer out;
        lethe_date_result result;
        lethe_buffer_init(&out, 1 << 10);
        assert_int_equal(lethe_date_shift_value(rows[at].vr, rows[at].value, strlen(rows[at].value), rows[at].shift, &out, &result, NULL), LETHE_OK);
        assert_string_equal(lethe_buffer_text(&out), rows[at].expected);
        assert_int_equal(result.impossible, rows[at].impossible);
        lethe_buffer_release(&out);
    }
    lethe_buffer out;
    lethe_buffer_init(&out, 64);
    assert_int_equal(lethe_date_shift_value(LETHE_VR_LO, "x", 1, 1, &out, NULL, NULL), LETHE_INTERNAL);
}

/* Differences between dates do not change, whatever the shift. */
static void intervals_are_kept(void **state) {
    (void)state;
    for (int32_t shift = -3652; shift <= -365; shift += 97) {
        int32_t before[2], after[2];
        static const char *const dates[] = {"20190228", "20200301"};
        for (int which = 0; which < 2; which++) {
            lethe_buffer out;
            lethe_buffer_init(&out, 64);
            assert_int_equal(lethe_date_shift_value(LETHE_VR_DA, dates[which], 8, shift, &out, NULL, NULL), LETHE_OK);
            int year, month, day;
            assert_int_equal(sscanf(dates[which], "%4d%2d%2d", &year, &month, &day), 3);
            assert_true(lethe_date_to_days(year, month, day, &before[which]));
            assert_int_equal(sscanf(lethe_buffer_text(&out), "%4d%2d%2d", &year, &month, &day), 3);
            assert_true(lethe_date_to_days(year, month, day, &after[which]));
            lethe_buffer_release(&out);
        }
        assert_int_equal(after[1] - after[0], before[1] - before[0]);
        assert_int_equal(after[0] - before[0], shift);
    }
}

typedef struct written {
    const char *text, *shifted; /* by -1000 days; NULL: no date */
} written;

static const written texts[] = {
    {"20190312", "20160615"},
    {"12032019", "15062016"},
    {"2019-03-12", "2016-06-15"},
    {"2019/03/12", "2016/06/15"},
    {"12/03/2019", "15/06/2016"},
    {"12.03.2019", "15.06.2016"},
    {"12-03-19", "15-06-16"},
    {"03/28/2019", "07/01/2016"},
    {"1/4/2019", "5/7/2016"},
    {"12 mars 2019", "15 juin 2016"},
    {"12 MARS 2019", "15 JUIN 2016"},
    {"1er mars 2019", "4er juin 2016"},
    {"12 février 2019", "18 mai 2016"},
    {"12 août 2019", "15 novembre 2016"},
    {"12 AOUT 2019", "15 NOVEMBRE 2016"},
    {"March 12, 2019", "June 15, 2016"},
    {"12. März 2019", "15. Juni 2016"},
    {"12-MAR-2019", "15-JUN-2016"},
    {"12MAR2019", "15JUN2016"},
    {"mars 2019", "juin 2016"},
    {"03/2019", "06/2016"},
    {"20190312101500", "20160615101500"},
    {"12 de marzo de 2019", "15 de junio de 2016"},
    {"12 03 2019", "15 06 2016"},
    {"2019_03_12", "2016_06_15"},
    {"1.2.840.10008", NULL},
    {"0/50/800", NULL},
    {"512 x 512", NULL},
    {"120 kV", NULL},
    {"3.1.20", NULL},
    {"0.976562", NULL},
    {"T2 TSE 320", NULL},
    {"99999999", NULL},
    {"20191312", NULL},
    {"31/02/2019", NULL},
    {"10/20/30 mm", NULL},
    {"b 0 500 1000", NULL},
    {"MAI", NULL},
    {"MARS", NULL},
    {"12.3456", NULL},
    {"VB 17.1.2", NULL},
    {"1.25mm", NULL},
    {"2/3", NULL},
    {"4 mars", NULL},
    {"16:30:12", NULL},
};

static void dates_in_text(void **state) {
    (void)state;
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
        lethe_date_match match;
        lethe_buffer out;
        lethe_buffer_init(&out, 256);
        bool found = lethe_date_find(texts[at].text, strlen(texts[at].text), 0, &match);
        if (strcmp(texts[at].text, "10/20/30 mm") == 0) { /* month, day, year: cannot be told apart, and goes */
            assert_true(found);
            lethe_buffer_release(&out);
            continue;
        }
        if (found != (texts[at].shifted != NULL)) fail_msg("[%s] %s a date", texts[at].text, found ? "was" : "was not");
        if (found) {
            size_t end = match.start + match.size;
            assert_int_equal(lethe_date_write(texts[at].text, &match, -1000, &out, NULL), LETHE_OK);
            assert_int_equal(lethe_buffer_append_text(&out, texts[at].text + end, NULL), LETHE_OK);
            assert_string_equal(lethe_buffer_text(&out), texts[at].shifted);
        }
        lethe_buffer_release(&out);
    }
}

static void old_ages_are_one_group(void **state) {
    (void)state;
    static const char *const ages[][2] = {{"095Y", "090Y"}, {"089Y", "089Y"}, {"090Y", "090Y"}, {"006M", "006M"}, {"65Y", "065Y"}, {" 101Y ", "090Y"},
                                          {"", NULL},       {"Y", NULL},      {"old", NULL},    {"1234Y", NULL},  {"999W", "999W"}};
    for (size_t at = 0; at < sizeof ages / sizeof ages[0]; at++) {
        char out[5];
        bool good = lethe_date_cap_age(ages[at][0], strlen(ages[at][0]), 89, out);
        assert_int_equal(good, ages[at][1] != NULL);
        assert_string_equal(out, good ? ages[at][1] : "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_calendar_counts), cmocka_unit_test(values_shift_or_come_out_empty),
                                       cmocka_unit_test(intervals_are_kept), cmocka_unit_test(dates_in_text),
                                       cmocka_unit_test(old_ages_are_one_group)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
