/* Every text that the sources show has a French one, and the table has no stale or doubled lines. Reads the sources themselves. */
#include "viewer/messages.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    (void)fclose(file);
    return text;
}

/* Copy a C string literal that starts after the quote; false at its end without one. */
static const char *literal(const char *at, char *out, size_t size) {
    size_t n = 0;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1] == '"') at++;
        if (n + 1 < size) out[n++] = *at;
    }
    out[n] = '\0';
    return at;
}

static bool known(const char *english) {
    const char *e, *f;
    for (size_t i = 0; i < lethe_message_count(); i++) {
        lethe_message_at(i, &e, &f);
        if (strcmp(e, english) == 0) return true;
    }
    return false;
}

static unsigned check_source(const char *text, const char *name) {
    char word[512];
    unsigned found = 0;
    for (const char *at = text; (at = strstr(at, "T(\"")) != NULL; at++) {
        if (at > text && (at[-1] == '_' || (at[-1] >= 'A' && at[-1] <= 'Z'))) continue;
        (void)literal(at + 3, word, sizeof word);
        found++;
        if (!known(word)) fail_msg("%s: no French for \"%s\"", name, word);
    }
    /* Tables: {LETHE_TOOL_X, "id", "title", "help", and {"id", "group", "title", KEY */
    bool tools = strcmp(name, "tool_table.c") == 0, commands = strcmp(name, "commands.c") == 0;
    for (const char *at = text; (tools || commands) && (at = strstr(at, tools ? "\n    {LETHE_TOOL_" : "\n    {\"")) != NULL; at++) {
        char fields[3][512];
        const char *from = at + 1;
        int n = 0;
        for (; n < 3; n++) {
            const char *quote = strchr(from, '"'), *line = strchr(from, '\n');
            if (!quote || (line && quote > line)) break;
            from = literal(quote + 1, fields[n], sizeof fields[n]) + 1;
        }
        if (n < 2) continue;
        found++;
        for (int i = 1; i < n; i++)
            if (!known(fields[i])) fail_msg("%s: no French for \"%s\"", name, fields[i]);
    }
    return found;
}

static void every_text_has_french(void **state) {
    (void)state;
    DIR *folder = opendir(LETHE_SOURCE_DIR "/viewer");
    assert_non_null(folder);
    unsigned found = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length < 3 || strcmp(entry->d_name + length - 2, ".c") != 0) continue;
        char path[512];
        (void)snprintf(path, sizeof path, "%s/viewer/%s", LETHE_SOURCE_DIR, entry->d_name);
        char *text = read_file(path);
        found += check_source(text, entry->d_name);
        free(text);
    }
    (void)closedir(folder);
    assert_true(found > 150);
}

static void no_line_twice_or_empty(void **state) {
    (void)state;
    const char *a, *b, *french;
    for (size_t i = 0; i < lethe_message_count(); i++) {
        lethe_message_at(i, &a, &french);
        assert_true(french[0] != '\0');
        for (size_t j = i + 1; j < lethe_message_count(); j++) {
            lethe_message_at(j, &b, &french);
            if (strcmp(a, b) == 0) fail_msg("\"%s\" stands twice", a);
        }
    }
}

static void translates(void **state) {
    (void)state;
    assert_string_equal(lethe_message(LETHE_FRENCH, "Brush"), "Pinceau");
    assert_string_equal(lethe_message(LETHE_ENGLISH, "Brush"), "Brush");
    assert_string_equal(lethe_message(LETHE_FRENCH, "no such text"), "no such text");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_text_has_french), cmocka_unit_test(no_line_twice_or_empty),
                                       cmocka_unit_test(translates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
