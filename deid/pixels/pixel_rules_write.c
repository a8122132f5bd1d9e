#include "deid/pixels/pixel_rules.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char head[] = "# Pixel rules of this project, read beside the built-in device catalogue (docs/pixel-rules.md).\n"
                           "# Rules whose names start with \"review\" were written by `lethe review`; others are yours.\n"
                           "rules:\n";
static const char item_start[] = "  - name: ";

/* A rule goes from its "  - name:" line up to the next one. Text is cut, not parsed and printed, so that comments stay. */
static bool find_rule(const char *text, size_t size, const char *name, size_t *from, size_t *to) {
    char line[160];
    size_t length = (size_t)snprintf(line, sizeof line, "%s\"%s\"\n", item_start, name);
    if (length >= sizeof line) return false;
    for (size_t at = 0; at + length <= size; at++) {
        if ((at != 0 && text[at - 1] != '\n') || memcmp(text + at, line, length) != 0) continue;
        *from = at;
        for (*to = at + length; *to < size; ++*to)
            if (text[*to - 1] == '\n' && strncmp(text + *to, item_start, sizeof item_start - 1) == 0) break;
        return true;
    }
    return false;
}

/* What is written must load again, under another name first. */
static lethe_status replace_file(const char *path, const lethe_buffer *text, lethe_error *error) {
    lethe_pixel_rules *rules = NULL;
    char *trial = lethe_asprintf("%s.new", path);
    lethe_status status =
        trial == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_file_write(trial, text->bytes, text->size, 0600, error);
    if (status == LETHE_OK) status = lethe_pixel_rules_load(trial, &rules, error);
    lethe_pixel_rules_destroy(rules);
    if (trial != NULL) (void)remove(trial);
    if (status == LETHE_OK) status = lethe_file_write(path, text->bytes, text->size, 0600, error);
    lethe_free(trial);
    return status;
}

static bool is_missing(const char *path) { return access(path, F_OK) != 0 && errno == ENOENT; }

static lethe_status load_text(const char *path, lethe_buffer *text, lethe_error *error) {
    if (is_missing(path)) return lethe_buffer_append_text(text, head, error);
    lethe_status status = lethe_file_read(path, text, error);
    if (status != LETHE_OK) return status;
    if (text->size > 0 && text->bytes[text->size - 1] != '\n') status = lethe_buffer_append_text(text, "\n", error);
    return status;
}

static lethe_status cut_rule(lethe_buffer *text, const char *name, lethe_error *error) {
    size_t from, to;
    (void)error;
    while (find_rule(lethe_buffer_text(text), text->size, name, &from, &to)) {
        memmove(text->bytes + from, text->bytes + to, text->size - to);
        text->size -= to - from;
    }
    return LETHE_OK;
}

/* Values as conditions see them: printable ASCII, so quotes and backslashes are all that needs escaping. */
static lethe_status put_value(lethe_buffer *out, const char *key, const char *value, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "    %s: \"", key);
    for (; *value != '\0' && status == LETHE_OK; value++) {
        if (*value == '"' || *value == '\\') status = lethe_buffer_append_text(out, "\\", error);
        if (status == LETHE_OK) status = lethe_buffer_append(out, value, 1, error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "\"\n", error) : status;
}

static lethe_status put_boxes(lethe_buffer *out, const char *key, const lethe_pixel_box *boxes, unsigned count, lethe_error *error) {
    lethe_status status = count == 0 ? LETHE_OK : lethe_buffer_printf(out, error, "    %s:\n", key);
    for (unsigned i = 0; i < count && status == LETHE_OK; i++) {
        const lethe_pixel_box *b = &boxes[i];
        status = lethe_buffer_printf(out, error, "      - {x: %u, y: %u, w: %u, h: %u", b->x, b->y, b->w, b->h);
        if (status == LETHE_OK && (b->first_frame != 0 || b->last_frame != UINT32_MAX))
            status = lethe_buffer_printf(out, error, ", first_frame: %u", b->first_frame);
        if (status == LETHE_OK && b->last_frame != UINT32_MAX) status = lethe_buffer_printf(out, error, ", last_frame: %u", b->last_frame);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "}\n", error);
    }
    return status;
}

static lethe_status put_attribute(lethe_buffer *out, const lethe_dicom_dataset *dataset, const char *key, lethe_tag tag, bool needed,
                                  lethe_error *error) {
    char value[512];
    lethe_device_text(dataset, tag, value, sizeof value);
    if (value[0] == '\0') return needed ? lethe_fail(error, LETHE_UNSUPPORTED, "the image does not say its %s", key) : LETHE_OK;
    return put_value(out, key, value, error);
}

lethe_status lethe_pixel_rule_format(const lethe_pixel_rule_draft *draft, lethe_buffer *out, lethe_error *error) {
    const lethe_dicom_dataset *dataset = draft->dataset;
    int64_t rows = 0, columns = 0;
    lethe_status status = lethe_buffer_printf(out, error, "%s\"%s\"\n", item_start, draft->name);
    if (status == LETHE_OK && draft->scope == LETHE_PIXEL_RULE_INSTANCE)
        status = put_attribute(out, dataset, "instance", LETHE_TAG(0x0008, 0x0018), true, error);
    if (status == LETHE_OK && draft->scope == LETHE_PIXEL_RULE_SERIES)
        status = put_attribute(out, dataset, "series", LETHE_TAG(0x0020, 0x000E), true, error);
    if (status == LETHE_OK && draft->scope == LETHE_PIXEL_RULE_DEVICE) {
        status = put_attribute(out, dataset, "modality", LETHE_TAG(0x0008, 0x0060), true, error);
        if (status == LETHE_OK) status = put_attribute(out, dataset, "manufacturer", LETHE_TAG(0x0008, 0x0070), true, error);
        if (status == LETHE_OK) status = put_attribute(out, dataset, "model", LETHE_TAG(0x0008, 0x1090), true, error);
    }
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0010), 0, &rows);
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0011), 0, &columns);
    if (status == LETHE_OK && (rows < 1 || rows > 65535 || columns < 1 || columns > 65535))
        status = lethe_fail(error, LETHE_UNSUPPORTED, "the image does not say its size");
    if (status == LETHE_OK) status = lethe_buffer_printf(out, error, "    rows: %lld\n    columns: %lld\n", (long long)rows, (long long)columns);
    if (status == LETHE_OK) status = put_boxes(out, "remove", draft->remove, draft->remove_count, error);
    return status == LETHE_OK ? put_boxes(out, "keep", draft->keep, draft->keep_count, error) : status;
}

lethe_status lethe_pixel_rules_put(const char *path, const char *name, const char *rule, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = load_text(path, &text, error);
    if (status == LETHE_OK) status = cut_rule(&text, name, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, rule, error);
    if (status == LETHE_OK) status = replace_file(path, &text, error);
    lethe_buffer_release(&text);
    return status;
}

lethe_status lethe_pixel_rules_remove(const char *path, const char *name, lethe_error *error) {
    lethe_buffer text;
    size_t from, to;
    if (is_missing(path)) return LETHE_OK;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK && find_rule(lethe_buffer_text(&text), text.size, name, &from, &to)) {
        status = cut_rule(&text, name, error);
        if (status == LETHE_OK) status = replace_file(path, &text, error);
    }
    lethe_buffer_release(&text);
    return status;
}
