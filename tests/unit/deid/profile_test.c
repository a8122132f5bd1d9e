#include "deid/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static lethe_profile *parse(const char *yaml) {
    lethe_profile *profile;
    lethe_error error = {0};
    if (lethe_profile_parse(yaml, strlen(yaml), "my.yaml", &profile, &error) != LETHE_OK) fail_msg("%s", error.message);
    return profile;
}

static void refuse(const char *yaml, const char *part, const char *other) {
    lethe_profile *profile = (lethe_profile *)1;
    lethe_error error = {0};
    assert_int_equal(lethe_profile_parse(yaml, strlen(yaml), "my.yaml", &profile, &error), LETHE_CONFIG);
    assert_null(profile);
    if (strstr(error.message, part) == NULL || strstr(error.message, other) == NULL)
        fail_msg("'%s' says neither '%s' nor '%s'", error.message, part, other);
}

static void built_in(void **state) {
    (void)state;
    lethe_profile *profile;
    assert_int_equal(lethe_profile_load("basic", &profile, NULL), LETHE_OK);
    assert_int_equal(lethe_profile_options(profile), LETHE_OPTION_PIXELS);
    lethe_profile_destroy(profile);
    assert_int_equal(lethe_profile_load("research", &profile, NULL), LETHE_OK);
    assert_true((lethe_profile_options(profile) & LETHE_OPTION_MODIFIED_DATES) != 0);
    assert_true((lethe_profile_options(profile) & LETHE_OPTION_FULL_DATES) == 0);
    lethe_profile_destroy(profile);
    assert_int_equal(lethe_profile_load("challenge", &profile, NULL), LETHE_OK);
    assert_int_equal(lethe_profile_age_limit(profile), 89);
    assert_true(lethe_profile_allow_list(profile));
    lethe_profile_destroy(profile);
    lethe_error error = {0};
    assert_int_equal(lethe_profile_load("reserch", &profile, &error), LETHE_NOT_FOUND);
    assert_non_null(strstr(error.message, "research"));
}

static void refusals_name_the_place(void **state) {
    (void)state;
    refuse("base: basic\noptons: [retain-uids]\n", "my.yaml:2", "options");
    refuse("base: basik\n", "my.yaml:1", "basic");
    refuse("base: basic\noptions: [retain-uid]\n", "my.yaml:2", "retain-uids");
    refuse("rules:\n  - tag: PatientNmae\n    action: remove\n", "my.yaml:2", "PatientName");
    refuse("rules:\n  - tag: PatientName\n    action: delete\n", "my.yaml:3", "action");
    refuse("rules:\n  - tag: 0010,001\n    action: remove\n", "my.yaml:2", "tag");
    refuse("rules:\n  - action: remove\n", "rule 1", "nothing");
    refuse("rules:\n  - tag: PatientName\n    action: replace\n", "rule 1", "value");
    refuse("rules:\n  - modality: CT\n    action: keep\n", "rule 1", "keep");
    refuse("rules:\n  - vr: QQ\n    action: remove\n", "my.yaml:2", "vr");
    refuse("options: [retain-full-dates, retain-modified-dates]\n", "my.yaml:1", "exclude");
    refuse("ages_over: 200\n", "my.yaml:1", "ages_over");
    refuse("rules: yes\n", "my.yaml", "rules");
    refuse("pixels:\n  modalities:\n    - modality: US\n      mode: any-txt\n", "my.yaml:4", "any-text");
    refuse("slides:\n  label: keep\n", "my.yaml:2", "label");
    refuse("base: [\n", "my.yaml", "");
}

static const lethe_rule *ask(const lethe_profile *profile, lethe_tag tag, lethe_dicom_element *parent, const char *creator, const char *modality) {
    static lethe_dicom_item item;
    static lethe_dicom_element element;
    item = (lethe_dicom_item){.parent = parent};
    element = (lethe_dicom_element){.tag = tag, .parent = &item, .private_creator = creator};
    lethe_rule_query query = {.element = &element, .vr = LETHE_VR_LO, .sop_class = "1.2.3", .modality = modality};
    return lethe_profile_rule(profile, &query);
}

static void rules_match(void **state) {
    (void)state;
    lethe_profile *profile = parse("name: mine\nbase: research\nrules:\n"
                                   "  - {tag: SeriesDescription, action: keep}\n"
                                   "  - {tag: SeriesDescription, modality: US, action: remove}\n"
                                   "  - {tag: '0019,xx0C', creator: 'SIEMENS MR HEADER', action: keep}\n"
                                   "  - {tag: RequestAttributesSequence/RequestedProcedureID, action: token}\n"
                                   "  - {tag: /StudyID, action: replace, value: X1}\n"
                                   "  - {vr: UT, action: remove}\n");
    assert_int_equal(ask(profile, 0x0008103E, NULL, NULL, "MR")->action, LETHE_ACTION_KEEP);
    assert_int_equal(ask(profile, 0x0008103E, NULL, NULL, "US")->action, LETHE_ACTION_REMOVE); /* the later rule wins */
    assert_int_equal(ask(profile, 0x0019110C, NULL, "Siemens MR Header ", "MR")->action, LETHE_ACTION_KEEP);
    assert_null(ask(profile, 0x0019110C, NULL, "GEMS_ACQU_01", "MR"));
    assert_null(ask(profile, 0x0019110D, NULL, "SIEMENS MR HEADER", "MR"));
    lethe_dicom_item root = {0};
    lethe_dicom_element sequence = {.tag = 0x00400275, .parent = &root};
    assert_int_equal(ask(profile, 0x00401001, &sequence, NULL, "MR")->action, LETHE_ACTION_TOKEN);
    assert_null(ask(profile, 0x00401001, NULL, NULL, "MR"));
    assert_string_equal(ask(profile, 0x00200010, NULL, NULL, "MR")->value, "X1");
    assert_null(ask(profile, 0x00200010, &sequence, NULL, "MR")); /* anchored at the top */
    assert_string_equal(lethe_profile_name(profile), "mine");
    lethe_profile_destroy(profile);
}

static void options_replace_those_of_the_base(void **state) {
    (void)state;
    lethe_profile *profile = parse("base: research\noptions: [retain-uids, retain-full-dates]\ntext: strict\nages_over: 85\n");
    assert_int_equal(lethe_profile_options(profile), LETHE_OPTION_UIDS | LETHE_OPTION_FULL_DATES);
    assert_int_equal(lethe_profile_age_limit(profile), 85);
    assert_int_equal(lethe_profile_text(profile), LETHE_TEXT_STRICT);
    lethe_profile_destroy(profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(built_in), cmocka_unit_test(refusals_name_the_place), cmocka_unit_test(rules_match),
                                       cmocka_unit_test(options_replace_those_of_the_base)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
