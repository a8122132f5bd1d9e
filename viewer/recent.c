#include "viewer/recent.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "core/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_identifier(const char *text, size_t length) {
    if (length == 0 || length >= LETHE_RECENT_ID_SIZE || !lethe_utf8_is_valid(text, length)) return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F) return false;
    return true;
}

static void parse(lethe_recent *recent, const char *text, size_t size) {
    for (size_t at = 0; at < size && recent->count < LETHE_RECENT_CASES;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        if (is_identifier(text + at, length)) {
            memcpy(recent->ids[recent->count], text + at, length);
            recent->ids[recent->count++][length] = '\0';
        }
        at += length + 1;
    }
}

/* The name of the file tells nothing about the project: a digest of where it lies and of the user. */
static lethe_status path_for(const char *state_folder, const char *project_folder, const char *user, char **out, lethe_error *error) {
    char real[PATH_MAX], key[PATH_MAX + 256], hex[65], name[32];
    if (!realpath(project_folder, real)) return lethe_fail(error, LETHE_IO, "the project folder is gone");
    int length = snprintf(key, sizeof key, "%s\n%.200s", real, user);
    lethe_status status = lethe_sha256_hex(key, (size_t)length, hex, error);
    if (status) return status;
    (void)snprintf(name, sizeof name, "recent-%.16s", hex);
    *out = lethe_path_join(state_folder, name);
    return *out ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
}

lethe_status lethe_recent_load(const char *state_folder, const char *project_folder, const char *user, lethe_recent *out, lethe_error *error) {
    *out = (lethe_recent){0};
    if (!state_folder) return LETHE_OK;
    lethe_status status = path_for(state_folder, project_folder, user, &out->path, error);
    if (status) return status;
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    if (lethe_file_read(out->path, &text, NULL) == LETHE_OK) parse(out, (const char *)text.bytes, text.size);
    lethe_buffer_release(&text);
    return LETHE_OK;
}

static lethe_status save(const lethe_recent *recent, lethe_error *error) {
    lethe_status status = lethe_folder_create_for(recent->path, 0700, error);
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    for (size_t i = 0; i < recent->count && !status; i++) status = lethe_buffer_printf(&text, error, "%s\n", recent->ids[i]);
    if (!status) status = lethe_file_write(recent->path, text.bytes, text.size, 0600, error);
    lethe_buffer_release(&text);
    return status;
}

lethe_status lethe_recent_add(lethe_recent *recent, const char *id, lethe_error *error) {
    size_t length = strlen(id);
    if (!is_identifier(id, length)) return LETHE_OK;
    if (recent->count > 0 && strcmp(recent->ids[0], id) == 0) return LETHE_OK;
    size_t at = 0;
    while (at < recent->count && strcmp(recent->ids[at], id) != 0) at++;
    if (at == recent->count && recent->count < LETHE_RECENT_CASES) recent->count++;
    if (at == LETHE_RECENT_CASES) at--; /* the oldest goes */
    char kept[LETHE_RECENT_ID_SIZE];
    memcpy(kept, id, length + 1); /* may point into the list */
    memmove(recent->ids[1], recent->ids[0], at * sizeof recent->ids[0]);
    memcpy(recent->ids[0], kept, length + 1);
    return recent->path ? save(recent, error) : LETHE_OK;
}

void lethe_recent_release(lethe_recent *recent) {
    lethe_free(recent->path);
    *recent = (lethe_recent){0};
}
