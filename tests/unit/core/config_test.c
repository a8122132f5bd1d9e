/* core/config: what loads, and what the messages for wrong files say. */
#include "core/config.h"

#include "core/file.h"
#include "core/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct peer {
    char *aet;
    uint16_t port;
} peer;

typedef struct settings {
    char *name;
    int32_t level;
    double factor;
    bool strict;
    int colour;
    peer *peers;
    unsigned peers_count;
    char **words;
    unsigned words_count;
} settings;

static const cyaml_strval_t colours[] = {{"red", 1}, {"green", 2}, {"blue", 3}};
static const cyaml_schema_field_t peer_fields[] = {
    CYAML_FIELD_STRING_PTR("aet", CYAML_FLAG_POINTER, peer, aet, 1, 16),
    CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, peer, port),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t peer_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, peer, peer_fields)};
static const cyaml_schema_value_t word_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, 20)};
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, settings, name, 1, 64),
    CYAML_FIELD_INT("level", CYAML_FLAG_OPTIONAL, settings, level),
    CYAML_FIELD_FLOAT("factor", CYAML_FLAG_OPTIONAL, settings, factor),
    CYAML_FIELD_BOOL("strict", CYAML_FLAG_OPTIONAL, settings, strict),
    CYAML_FIELD_ENUM("colour", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, settings, colour, colours, 3),
    CYAML_FIELD_SEQUENCE("peers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, settings, peers, &peer_schema, 0, 4),
    CYAML_FIELD_SEQUENCE("words", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, settings, words, &word_schema, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, settings, fields)};

static const char good[] = "# a comment\nname: Étude\nlevel: -3\nfactor: 2.5\nstrict: no\ncolour: green\npeers:\n  - aet: PACS\n    port: 104\n  - "
                           "{aet: B}\nwords: [a, b, \"c d\"]\n";

static void good_file_loads(void **state) {
    (void)state;
    settings *s = NULL;
    lethe_error error = {0};
    assert_int_equal(lethe_config_parse(good, strlen(good), "good.yaml", &schema, (cyaml_data_t **)&s, &error), LETHE_OK);
    assert_string_equal(s->name, "Étude");
    assert_int_equal(s->level, -3);
    assert_true(s->factor > 2.49 && s->factor < 2.51);
    assert_false(s->strict);
    assert_int_equal(s->colour, 2);
    assert_int_equal(s->peers_count, 2);
    assert_string_equal(s->peers[0].aet, "PACS");
    assert_int_equal(s->peers[0].port, 104);
    assert_int_equal(s->peers[1].port, 0);
    assert_int_equal(s->words_count, 3);
    assert_string_equal(s->words[2], "c d");
    lethe_config_free(&schema, s);
    lethe_config_free(&schema, NULL);
}

static void wrong_files_are_refused_with_line_and_key(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"name: x\nlevl: 3\n", "f.yaml:2: levl: unknown key 'levl', did you mean 'level'?"},
        {"name: x\n\npeers:\n  - aet: a\n    prot: 2\n", "f.yaml:5: peers[0].prot: unknown key 'prot', did you mean 'port'?"},
        {"name: x\nsomething_else: 1\n", "f.yaml:2: something_else: unknown key 'something_else'"},
        {"name: x\ncolour: gren\n", "f.yaml:2: colour: unknown word 'gren', did you mean 'green'?"},
        {"name: x\ncolour: 2\n", "f.yaml:2: colour: unknown word '2'"},
        {"name: x\nlevel: abc\n", "f.yaml:2: level: wants a whole number"},
        {"name: x\nlevel: 4000000000\n", "f.yaml:2: level: number out of range"},
        {"name: x\npeers:\n- {aet: a, port: 65536}\n", "f.yaml:3: peers[0].port: number out of range"},
        {"name: x\npeers:\n- {aet: a, port: -1}\n", "f.yaml:3: peers[0].port: number out of range"},
        {"name: x\nfactor: 1,5\n", "f.yaml:2: factor: wants a number"},
        {"name: x\nstrict: fales\n", "f.yaml:2: strict: unknown truth value 'fales', did you mean 'false'?"},
        {"name: x\nstrict: off\n", "f.yaml:2: strict: unknown truth value 'off'"},
        {"level: 3\n", "f.yaml:1: name: is missing"},
        {"name: x\npeers:\n- port: 1\n", "f.yaml:3: peers[0].aet: is missing"},
        {"name: x\nlevel: 1\nname: y\n", "f.yaml:3: name: stands here twice"},
        {"name:\n", "f.yaml:1: name: must not be empty"},
        {"name: [x]\n", "f.yaml:1: name: wants a single value"},
        {"name: x\npeers: 3\n", "f.yaml:2: peers: wants a list"},
        {"name: x\npeers:\n- 3\n", "f.yaml:3: peers[0]: wants keys with values"},
        {"name: x\npeers: [{aet: a}, {aet: a}, {aet: a}, {aet: a}, {aet: a}]\n", "f.yaml:2: peers: list is too long"},
        {"name: x\nwords: [abcdefghijklmnopqrstuvwxyz]\n", "f.yaml:2: words[0]: text is too long"},
        {"- a\n", "f.yaml:1: top: wants keys with values"},
        {"just a word\n", "f.yaml:1: top: wants keys with values"},
        {"", "f.yaml:1: top: the file is empty"},
        {"# only a comment\n", "f.yaml:1: top: the file is empty"},
        {"name: &a x\nwords: [*a]\n", "f.yaml:2: syntax: references (*name) are not supported"},
        {"name: x\n---\nname: y\n", "f.yaml:2: syntax: more than one document"},
        {"name: [x\n", NULL},
        {"name: x\n\tlevel: 3\n", NULL},
        {"name: \"x\n", NULL},
        {"\xff\xfe", "f.yaml:1: top: the file is empty"},
        {"name: \xc3(\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cyaml_data_t *data = &data;
        lethe_error error = {0};
        assert_int_equal(lethe_config_parse(cases[i].text, strlen(cases[i].text), "f.yaml", &schema, &data, &error), LETHE_CONFIG);
        assert_null(data);
        assert_int_equal(error.status, LETHE_CONFIG);
        if (cases[i].message != NULL) assert_string_equal(error.message, cases[i].message);
        else assert_non_null(strstr(error.message, "f.yaml:")), assert_non_null(strstr(error.message, "syntax"));
    }
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    char text[2000] = "name: x\nwords: ";
    size_t length = strlen(text);
    memset(text + length, '[', 1500);
    cyaml_data_t *data;
    lethe_error error = {0};
    assert_int_equal(lethe_config_parse(text, length + 1500, "f.yaml", &schema, &data, &error), LETHE_CONFIG);
    assert_non_null(strstr(error.message, "nested deeper"));
}

static void files_load(void **state) {
    (void)state;
    char path[] = "/tmp/lethe-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, good, strlen(good)), (ssize_t)strlen(good));
    (void)close(fd);
    cyaml_data_t *data;
    lethe_error error = {0};
    assert_int_equal(lethe_config_load(path, "good.yaml", &schema, &data, &error), LETHE_OK);
    lethe_config_free(&schema, data);
    (void)unlink(path);
    assert_int_equal(lethe_config_load(path, "good.yaml", &schema, &data, &error), LETHE_IO);
    assert_null(strstr(error.message, path));
}

static void survives_failing_allocations(void **state) {
    (void)state;
    unsigned failures = 0;
    for (unsigned n = 1; n < 500; n++) {
        cyaml_data_t *data = NULL;
        lethe_error error = {0};
        lethe_memory_fail_at(n);
        lethe_status status = lethe_config_parse(good, strlen(good), "good.yaml", &schema, &data, &error);
        lethe_memory_fail_at(0);
        if (status == LETHE_OK) {
            lethe_config_free(&schema, data);
            assert_true(failures > 3);
            return;
        }
        failures++;
        assert_int_equal(status, LETHE_NO_MEMORY);
        assert_null(data);
    }
    fail_msg("loading never ran without a failed allocation");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file_loads),
        cmocka_unit_test(wrong_files_are_refused_with_line_and_key),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(files_load),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
