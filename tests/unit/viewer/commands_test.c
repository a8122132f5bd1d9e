/* Everything has a key: each command of the sheet and each tool, and no key means two things. */
#include "viewer/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_command_has_a_key_of_its_own(void **state) {
    (void)state;
    size_t listed = 0;
    for (size_t i = 0; i < lethe_command_count(); i++) {
        const lethe_command *a = lethe_command_at(i);
        listed += a->group != NULL;
        if (a->group && a->key == LETHE_KEY_NONE) fail_msg("%s has no key", a->id);
        for (size_t j = 0; j < i; j++) {
            const lethe_command *b = lethe_command_at(j);
            if (strcmp(a->id, b->id) == 0) fail_msg("two commands are called %s", a->id);
            if (a->key != LETHE_KEY_NONE && a->key == b->key && a->mods == b->mods) fail_msg("%s and %s have the same key", a->id, b->id);
        }
    }
    assert_true(listed > 80);
}

static void every_tool_has_a_single_key(void **state) {
    (void)state;
    for (int t = 0; t < LETHE_TOOLS; t++) {
        int key = lethe_tool_of((lethe_tool)t)->key;
        assert_true(key >= 'A' && key <= 'Z');
        for (int u = 0; u < t; u++) assert_int_not_equal(key, lethe_tool_of((lethe_tool)u)->key);
        for (size_t i = 0; i < lethe_command_count(); i++)
            if (lethe_command_at(i)->key == key && lethe_command_at(i)->mods == 0) fail_msg("%s takes the key of a tool", lethe_command_at(i)->id);
    }
}

/* Keys of the sheet can be written in a script, and read back as the same. */
static void keys_have_names(void **state) {
    (void)state;
    for (size_t i = 0; i < lethe_command_count(); i++) {
        const lethe_command *c = lethe_command_at(i);
        char name[32];
        int key = 0, mods = 0;
        if (!c->group) continue;
        lethe_key_format(c->key, c->mods, name, sizeof name);
        assert_true(lethe_key_parse(name, &key, &mods));
        assert_int_equal(key, c->key);
        assert_int_equal(mods, c->mods);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_command_has_a_key_of_its_own), cmocka_unit_test(every_tool_has_a_single_key),
                                       cmocka_unit_test(keys_have_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
