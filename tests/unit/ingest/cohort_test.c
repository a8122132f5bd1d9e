/* ingest/csv, ingest/cohort and ingest/multipart: what is read, what is refused, and with which words. */
#include "core/memory.h"
#include "ingest/cohort.h"
#include "ingest/csv.h"
#include "ingest/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/lethe-cohort-XXXXXX";

static void put(const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static lethe_status load(const char *text, lethe_cohort **cohort, lethe_error *error) {
    put(text);
    lethe_error_clear(error);
    return lethe_cohort_load(path, "c.csv", cohort, error);
}

static void csv_follows_rfc_4180(void **state) {
    (void)state;
    lethe_csv *csv = NULL;
    lethe_error error = {0};
    put("\xef\xbb\xbf"
        "a,b,\"c \"\"x\"\"\"\r\n1,\"two\nlines, and more\",\n\n4\n");
    assert_int_equal(lethe_csv_load(path, "x", &csv, &error), LETHE_OK);
    assert_int_equal(csv->columns, 3);
    assert_int_equal(csv->row_count, 2);
    assert_string_equal(csv->header[2], "c \"x\"");
    assert_string_equal(csv->rows[0][1], "two\nlines, and more");
    assert_string_equal(csv->rows[0][2], "");
    assert_string_equal(csv->rows[1][0], "4");
    assert_string_equal(csv->rows[1][2], "");
    assert_int_equal(lethe_csv_column(csv, "B"), 1);
    assert_true(lethe_csv_column(csv, "z") == SIZE_MAX);
    lethe_csv_free(csv);
    static const char *const bad[] = {"", "a,b\n1,2,3\n", "a\n\"never closed\n", "a\n\"x\"y\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(bad[i]);
        lethe_error_clear(&error);
        assert_int_equal(lethe_csv_load(path, "x", &csv, &error), LETHE_CONFIG);
        assert_null(csv);
        assert_non_null(strstr(error.message, "x:"));
    }
}

static void csv_output_is_no_formula(void **state) {
    (void)state;
    lethe_buffer out;
    lethe_buffer_init(&out, 1024);
    static const char *const fields[] = {"plain", "a,b", "say \"x\"", "=cmd()", "-1"};
    for (size_t i = 0; i < 5; i++) assert_int_equal(lethe_csv_put(&out, i == 0, fields[i], NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&out), "plain,\"a,b\",\"say \"\"x\"\"\",\"'=cmd()\",\"'-1\"");
    lethe_buffer_release(&out);
}

static lethe_cohort_facts facts_of(const char *patient, const char *study, const char *date, const char *modality, const char *description) {
    lethe_cohort_facts facts = {0};
    (void)snprintf(facts.patient_id, sizeof facts.patient_id, "%s", patient);
    (void)snprintf(facts.study_uid, sizeof facts.study_uid, "%s", study);
    (void)snprintf(facts.study_date, sizeof facts.study_date, "%s", date);
    (void)snprintf(facts.modality, sizeof facts.modality, "%s", modality);
    (void)snprintf(facts.series_description, sizeof facts.series_description, "%s", description);
    return facts;
}

static void a_cohort_holds_all_conditions_of_a_row(void **state) {
    (void)state;
    lethe_cohort *cohort = NULL;
    lethe_error error = {0};
    assert_int_equal(
        load("patient_id,study_uid,date_from,date_to,modality,description\nP1,,,,,\nP2,,2024-01-01,20241231,MR|CT,\n,9.9,,,,t2*\n,,,,MG,\n", &cohort,
             &error),
        LETHE_OK);
    static const struct {
        const char *patient, *study, *date, *modality, *description;
        bool in;
    } cases[] = {
        {"P1", "1", "", "US", "", true},          {"P1x", "1", "", "US", "", false},
        {"p1", "1", "", "US", "", false},         {"P2", "1", "20240101", "CT", "", true},
        {"P2", "1", "20241231", "MR", "", true},  {"P2", "1", "20231231", "CT", "", false},
        {"P2", "1", "20250101", "CT", "", false}, {"P2", "1", "", "CT", "", false},
        {"P2", "1", "20240601", "US", "", false}, {"P7", "9.9", "", "MR", "T2 axial", true},
        {"P7", "9.9", "", "MR", "ADC", false},    {"P7", "9.91", "", "MR", "T2", false},
        {"P8", "4", "", "MG", "", true},          {"", "", "", "", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lethe_cohort_facts facts = facts_of(cases[i].patient, cases[i].study, cases[i].date, cases[i].modality, cases[i].description);
        if (lethe_cohort_has(cohort, &facts) != cases[i].in) fail_msg("case %zu", i);
    }
    lethe_cohort_free(cohort);
}

static void a_doubtful_cohort_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"patient_id\nP1\n\"\",\n", "c.csv:"},
        {"patient_id,modality\nP1,CT\n,\n", "without any condition"},
        {"patientid\nP1\n", "did you mean patient_id"},
        {"patient_id,date_from\nP1,yesterday\n", "date_from is no date"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lethe_cohort *cohort = NULL;
        lethe_error error = {0};
        assert_int_equal(load(cases[i].text, &cohort, &error), LETHE_CONFIG);
        assert_null(cohort);
        if (strstr(error.message, cases[i].message) == NULL) fail_msg("case %zu: %s", i, error.message);
        assert_null(strstr(error.message, "yesterday")); /* no values in messages */
    }
}

/* Every allocation in turn fails: an error, no leak (under the sanitizers), no half-made object. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    put("patient_id,study_uid\nP1,\nP2,1.2\n,3.4\n");
    lethe_status status = LETHE_NO_MEMORY;
    unsigned n = 1;
    for (; status != LETHE_OK && n < 500; n++) {
        lethe_cohort *cohort = NULL;
        lethe_memory_fail_at(n);
        status = lethe_cohort_load(path, "c.csv", &cohort, NULL);
        lethe_memory_fail_at(0);
        assert_true((status == LETHE_OK) == (cohort != NULL));
        lethe_cohort_free(cohort);
    }
    assert_int_equal(status, LETHE_OK);
    assert_true(n > 5);
}

typedef struct gathered {
    char text[256];
} gathered;

static lethe_status part_begin(void *context, const char *type, lethe_error *error) {
    gathered *out = context;
    (void)error;
    (void)snprintf(out->text + strlen(out->text), sizeof out->text - strlen(out->text), "[%s:", type);
    return LETHE_OK;
}

static lethe_status part_data(void *context, const void *bytes, size_t size, lethe_error *error) {
    gathered *out = context;
    (void)error;
    (void)snprintf(out->text + strlen(out->text), sizeof out->text - strlen(out->text), "%.*s", (int)size, (const char *)bytes);
    return LETHE_OK;
}

static lethe_status part_end(void *context, lethe_error *error) {
    gathered *out = context;
    (void)error;
    (void)snprintf(out->text + strlen(out->text), sizeof out->text - strlen(out->text), "]");
    return LETHE_OK;
}

static void multipart_is_the_same_in_any_pieces(void **state) {
    (void)state;
    static const char body[] =
        "preamble\r\n--xy\r\nContent-Type: application/dicom\r\nX: 1\r\n\r\none\r\n--x not it\r\n--xy\r\n\r\ntwo\r\n--xy--\r\nrest";
    for (size_t piece = 1; piece < sizeof body; piece++) {
        gathered out = {""};
        lethe_multipart multipart;
        const lethe_multipart_handler handler = {&out, part_begin, part_data, part_end};
        assert_int_equal(lethe_multipart_init(&multipart, "Multipart/Related; type=\"application/dicom\"; boundary=xy", &handler, NULL), LETHE_OK);
        for (size_t at = 0; at < sizeof body - 1; at += piece) {
            size_t take = sizeof body - 1 - at < piece ? sizeof body - 1 - at : piece;
            assert_int_equal(lethe_multipart_feed(&multipart, body + at, take, NULL), LETHE_OK);
        }
        assert_int_equal(lethe_multipart_finish(&multipart, NULL), LETHE_OK);
        assert_string_equal(out.text, "[application/dicom:one\r\n--x not it][:two]");
        lethe_multipart_release(&multipart);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_follows_rfc_4180),
        cmocka_unit_test(csv_output_is_no_formula),
        cmocka_unit_test(a_cohort_holds_all_conditions_of_a_row),
        cmocka_unit_test(a_doubtful_cohort_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(multipart_is_the_same_in_any_pieces),
    };
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    (void)close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
