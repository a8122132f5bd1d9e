#include "imaging/slide/ini.h"

#include "core/text.h"

#include <string.h>

enum { MAX_ENTRIES = 100000 };

static void trim(const char **at, size_t *length) {
    while (*length && ((*at)[*length - 1] == ' ' || (*at)[*length - 1] == '\t' || (*at)[*length - 1] == '\r')) --*length;
    while (*length && (**at == ' ' || **at == '\t')) ++*at, --*length;
}

static lethe_status add_line(lethe_ini *ini, size_t capacity, const char **section, const char *line, size_t length, unsigned number,
                             lethe_arena *arena, lethe_error *error) {
    trim(&line, &length);
    if (!length || *line == ';' || *line == '#') return LETHE_OK;
    if (*line == '[') {
        if (line[length - 1] != ']') return lethe_fail(error, LETHE_MALFORMED, "line %u: section without its end", number);
        *section = lethe_arena_strndup(arena, line + 1, length - 2);
        return *section ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    const char *equals = memchr(line, '=', length);
    if (!equals || !*section) return lethe_fail(error, LETHE_MALFORMED, "line %u: neither section nor key", number);
    const char *value = equals + 1;
    size_t key_length = (size_t)(equals - line), value_length = (size_t)(line + length - value);
    trim(&line, &key_length);
    trim(&value, &value_length);
    if (ini->count == capacity) return lethe_fail(error, LETHE_LIMIT, "too many keys");
    lethe_ini_entry *entry = &ini->entries[ini->count];
    *entry = (lethe_ini_entry){*section, lethe_arena_strndup(arena, line, key_length), lethe_arena_strndup(arena, value, value_length), false};
    if (!entry->key || !entry->value) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    ini->count++;
    return LETHE_OK;
}

lethe_status lethe_ini_parse(const char *text, size_t size, lethe_arena *arena, lethe_ini **out, lethe_error *error) {
    *out = NULL;
    if (size && memchr(text, 0, size)) return lethe_fail(error, LETHE_MALFORMED, "NUL byte in text");
    size_t lines = 1;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    size_t capacity = lines < MAX_ENTRIES ? lines : MAX_ENTRIES, at = 0;
    lethe_ini *ini = lethe_arena_alloc(arena, sizeof *ini);
    if (ini) ini->entries = lethe_arena_alloc_array(arena, capacity, sizeof *ini->entries);
    if (!ini || !ini->entries) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    const char *section = NULL;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) at = 3;
    for (unsigned number = 1; at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - (text + at)) : size - at;
        lethe_status status = add_line(ini, capacity, &section, text + at, length, number, arena, error);
        if (status != LETHE_OK) return status;
        at += length + 1;
    }
    *out = ini;
    return LETHE_OK;
}

lethe_ini_entry *lethe_ini_find(const lethe_ini *ini, const char *section, const char *key) {
    for (size_t i = 0; i < ini->count; i++)
        if (strcmp(ini->entries[i].key, key) == 0 && strcmp(ini->entries[i].section, section) == 0) return &ini->entries[i];
    return NULL;
}

const char *lethe_ini_text(const lethe_ini *ini, const char *section, const char *key) {
    const lethe_ini_entry *entry = lethe_ini_find(ini, section, key);
    return entry ? entry->value : "";
}

bool lethe_ini_integer(const lethe_ini *ini, const char *section, const char *key, int64_t *value) {
    return lethe_text_to_int64(lethe_ini_text(ini, section, key), value);
}
