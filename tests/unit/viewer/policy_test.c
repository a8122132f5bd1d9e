/* What a project forbids its viewers, and what it takes for a picture of originals; the list of cases opened last. */
#include "viewer/policy.h"
#include "viewer/recent.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], private_path[96], config[96];

static int make(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/lethe-policy-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    (void)snprintf(private_path, sizeof private_path, "%s/private", folder);
    (void)snprintf(config, sizeof config, "%s/project.yaml", folder);
    return mkdir(private_path, 0700);
}

static lethe_status load(const char *yaml, lethe_view_policy *policy, lethe_error *error) {
    lethe_project project = {.folder = folder, .private_path = private_path, .config_path = config};
    assert_int_equal(lethe_file_write(config, yaml, strlen(yaml), 0600, NULL), LETHE_OK);
    return lethe_view_policy_load(&project, policy, error);
}

static void what_is_not_said_is_allowed(void **state) {
    (void)state;
    lethe_view_policy policy;
    assert_int_equal(load("name: a\nstore: \"\"\n", &policy, NULL), LETHE_OK);
    assert_false(policy.no_screenshots || policy.no_clipboard);
    assert_int_equal(load("name: a\nviewer: {clipboard: false}\ningest: {aet: LETHE}\n", &policy, NULL), LETHE_OK);
    assert_true(!policy.no_screenshots && policy.no_clipboard);
    assert_int_equal(load("name: a\nviewer:\n  screenshots: false\n  clipboard: true\n", &policy, NULL), LETHE_OK);
    assert_true(policy.no_screenshots && !policy.no_clipboard);
}

static void a_wrong_word_forbids_everything(void **state) {
    (void)state;
    static const char *const wrong[] = {"name: a\nviewer: {screenshot: false}\n", "name: a\nviewer: {screenshots: perhaps}\n",
                                        "name: a\nviewer: 3\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lethe_view_policy policy;
        lethe_error error = {0};
        assert_int_equal(load(wrong[i], &policy, &error), LETHE_CONFIG);
        assert_true(policy.no_screenshots && policy.no_clipboard);
    }
}

static void pictures_of_originals_stay_private(void **state) {
    (void)state;
    const lethe_project project = {.private_path = private_path};
    lethe_view_policy policy = {0};
    char path[160], link[160];
    (void)snprintf(path, sizeof path, "%s/a.png", private_path);
    assert_int_equal(lethe_view_policy_picture(&policy, &project, true, path, NULL), LETHE_OK);
    assert_int_equal(lethe_view_policy_picture(&policy, &project, true, "/tmp/a.png", NULL), LETHE_DENIED);
    assert_int_equal(lethe_view_policy_picture(&policy, &project, true, "a.png", NULL), LETHE_DENIED);
    (void)snprintf(path, sizeof path, "%s/../a.png", private_path);
    assert_int_equal(lethe_view_policy_picture(&policy, &project, true, path, NULL), LETHE_DENIED);
    (void)snprintf(link, sizeof link, "%s/out", private_path); /* a folder that only seems to be private */
    assert_int_equal(symlink("/tmp", link), 0);
    (void)snprintf(path, sizeof path, "%s/out/a.png", private_path);
    assert_int_equal(lethe_view_policy_picture(&policy, &project, true, path, NULL), LETHE_DENIED);
    (void)snprintf(path, sizeof path, "%s-b/a.png", private_path); /* the same beginning is not the same folder */
    assert_int_equal(lethe_view_policy_picture(&policy, &project, true, path, NULL), LETHE_DENIED);
    assert_int_equal(lethe_view_policy_picture(&policy, &project, false, "/tmp/a.png", NULL), LETHE_OK);
    policy.no_screenshots = true;
    assert_int_equal(lethe_view_policy_picture(&policy, &project, false, "/tmp/a.png", NULL), LETHE_DENIED);
    assert_int_equal(unlink(link), 0);
}

static void the_newest_case_is_first(void **state) {
    (void)state;
    char states[96], id[32];
    (void)snprintf(states, sizeof states, "%s/state", folder);
    lethe_recent recent, again;
    assert_int_equal(lethe_recent_load(states, folder, "ada", &recent, NULL), LETHE_OK);
    assert_int_equal(recent.count, 0);
    for (int i = 0; i < 15; i++) {
        (void)snprintf(id, sizeof id, "1.2.%d", i);
        assert_int_equal(lethe_recent_add(&recent, id, NULL), LETHE_OK);
    }
    assert_int_equal(recent.count, LETHE_RECENT_CASES);
    assert_string_equal(recent.ids[11], "1.2.3");
    assert_int_equal(lethe_recent_add(&recent, recent.ids[4], NULL), LETHE_OK); /* 1.2.10 comes forward, nothing is doubled */
    assert_string_equal(recent.ids[0], "1.2.10");
    assert_string_equal(recent.ids[1], "1.2.14");
    assert_string_equal(recent.ids[5], "1.2.9");
    assert_int_equal(recent.count, LETHE_RECENT_CASES);
    struct stat info;
    assert_int_equal(stat(recent.path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(stat(states, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_null(strstr(recent.path, "ada"));
    assert_int_equal(lethe_recent_load(states, folder, "ada", &again, NULL), LETHE_OK);
    assert_int_equal(again.count, LETHE_RECENT_CASES);
    assert_memory_equal(again.ids[0], recent.ids[0], sizeof "1.2.10");
    lethe_recent_release(&again);
    assert_int_equal(lethe_recent_load(states, folder, "eve", &again, NULL), LETHE_OK); /* each has their own */
    assert_int_equal(again.count, 0);
    lethe_recent_release(&again);
    /* what somebody else wrote into the file does no harm */
    char forged[2000];
    memset(forged, 'x', sizeof forged);
    memcpy(forged, "1.2.3\n\n\x1b[2J\n\xff\xfe\n4.5.6\n", 22);
    assert_int_equal(lethe_file_write(recent.path, forged, sizeof forged, 0600, NULL), LETHE_OK);
    assert_int_equal(lethe_recent_load(states, folder, "ada", &again, NULL), LETHE_OK);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.ids[1], "4.5.6");
    assert_int_equal(unlink(recent.path), 0);
    assert_int_equal(rmdir(states), 0);
    lethe_recent_release(&again);
    lethe_recent_release(&recent);
}

static int drop(void **state) {
    (void)state;
    (void)unlink(config);
    return rmdir(private_path) | rmdir(folder) ? -1 : 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(what_is_not_said_is_allowed, make, drop),
                                       cmocka_unit_test_setup_teardown(a_wrong_word_forbids_everything, make, drop),
                                       cmocka_unit_test_setup_teardown(pictures_of_originals_stay_private, make, drop),
                                       cmocka_unit_test_setup_teardown(the_newest_case_is_first, make, drop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
