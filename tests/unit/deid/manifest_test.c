#include "core/file.h"
#include "deid/crosswalk.h"
#include "deid/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/lethe-manifest-XXXXXX";

static int set_up(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state) {
    (void)state;
    return unlink(path);
}

static void append(const char *source) {
    lethe_manifest *manifest;
    lethe_buffer line;
    lethe_buffer_init(&line, 1u << 16);
    lethe_result *result = calloc(1, sizeof *result);
    result->outcome = LETHE_OUTCOME_RELEASED;
    (void)snprintf(result->output, sizeof result->output, "P-1/a.dcm");
    assert_int_equal(lethe_manifest_open(path, &manifest, NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_format(source, result, &line, NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_append(manifest, lethe_buffer_text(&line), line.size, NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_close(manifest, NULL), LETHE_OK);
    lethe_buffer_release(&line);
    free(result);
}

/* A review beside a daemon: both have the manifest open, both append. */
static void two_writers_keep_one_chain(void **state) {
    (void)state;
    lethe_manifest *one, *two;
    uint64_t lines = 0;
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(lethe_manifest_open(path, &one, NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_open(path, &two, NULL), LETHE_OK);
    static const char first[] = "{\"source\": \"a\"", second[] = "{\"source\": \"bb\"";
    assert_int_equal(lethe_manifest_append(one, first, strlen(first), NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_append(two, second, strlen(second), NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_append(two, first, strlen(first), NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_append(one, second, strlen(second), NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_close(one, NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_close(two, NULL), LETHE_OK);
    assert_int_equal(lethe_manifest_verify(path, &lines, NULL), LETHE_OK);
    assert_int_equal(lines, 4);
    assert_int_equal(truncate(path, 0), 0);
}

static void change(const char *from, const char *to) {
    lethe_buffer text;
    lethe_buffer_init(&text, 1u << 20);
    assert_int_equal(lethe_file_read(path, &text, NULL), LETHE_OK);
    char *at = strstr((char *)text.bytes, from);
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    assert_int_equal(lethe_file_write(path, text.bytes, text.size, 0600, NULL), LETHE_OK);
    lethe_buffer_release(&text);
}

static void chain_shows_any_change(void **state) {
    (void)state;
    uint64_t lines;
    append("a \"quoted\"\n name");
    append("second");
    append("third");
    assert_int_equal(lethe_manifest_verify(path, &lines, NULL), LETHE_OK);
    assert_int_equal(lines, 3);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    change("second", "sekond");
    lethe_error error = {0};
    assert_int_equal(lethe_manifest_verify(path, &lines, &error), LETHE_UNSAFE);
    assert_non_null(strstr(error.message, "line 2"));
    lethe_manifest *manifest;
    assert_int_equal(lethe_manifest_open(path, &manifest, NULL), LETHE_UNSAFE); /* nothing is added to a broken chain */
    change("sekond", "second");
    assert_int_equal(lethe_manifest_verify(path, &lines, NULL), LETHE_OK);
}

static void torn_last_line_is_cut_off(void **state) {
    (void)state;
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    (void)fputs("{\"source\": \"half", file);
    assert_int_equal(fclose(file), 0);
    append("fourth");
    uint64_t lines;
    assert_int_equal(lethe_manifest_verify(path, &lines, NULL), LETHE_OK);
    assert_int_equal(lines, 4);
}

static lethe_status load(const char *csv, lethe_crosswalk **out, lethe_error *error) {
    assert_int_equal(lethe_file_write(path, csv, strlen(csv), 0600, NULL), LETHE_OK);
    return lethe_crosswalk_load(path, out, error);
}

static void crosswalk(void **state) {
    (void)state;
    lethe_crosswalk *list;
    assert_int_equal(load("\xEF\xBB\xBFissuer,patient_id,pseudonym\r\nCHU, 12 ,S-001\r\n,12,S-002\n\"A,B\",\"x\"\"y\",S-003\n", &list, NULL),
                     LETHE_OK);
    assert_int_equal(lethe_crosswalk_count(list), 3);
    assert_string_equal(lethe_crosswalk_find(list, "CHU", "12"), "S-001");
    assert_string_equal(lethe_crosswalk_find(list, "OTHER", "12"), "S-002");
    assert_string_equal(lethe_crosswalk_find(list, "A,B", "x\"y"), "S-003");
    assert_null(lethe_crosswalk_find(list, "", "13"));
    lethe_crosswalk_destroy(list);
    static const char *const wrong[] = {"",
                                        "patient,pseudonym\n1,S\n",
                                        "patient_id,pseudonym\n1,../x\n",
                                        "patient_id,pseudonym\n1,a\n1,b\n",
                                        "patient_id,pseudonym\n1,a\n2,a\n",
                                        "patient_id,pseudonym\n1\n",
                                        "patient_id,pseudonym\n,a\n",
                                        "patient_id,pseudonym\n\"1,a\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lethe_error error = {0};
        assert_int_equal(load(wrong[i], &list, &error), LETHE_CONFIG);
        assert_non_null(strstr(error.message, "line"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_writers_keep_one_chain), cmocka_unit_test(chain_shows_any_change),
                                       cmocka_unit_test(torn_last_line_is_cut_off), cmocka_unit_test(crosswalk)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
