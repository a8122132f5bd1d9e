#include "testdata/answer_key.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

struct lethe_answer_key {
    lethe_output *output;
    lethe_buffer subject; /* the first members of each line, up to "path" */
    lethe_buffer line;
    uint64_t count;
};

enum { LINE_CAP_BYTES = 16 << 20 };

static const char *const action_names[] = {"tag_retained",   "text_notnull",     "text_retained",   "text_removed",  "date_shifted", "uid_changed",
                                           "uid_consistent", "patid_consistent", "pixels_retained", "pixels_hidden", "bytes_absent"};

lethe_status lethe_answer_key_create(const char *path, lethe_answer_key **out, lethe_error *error) {
    *out = NULL;
    lethe_answer_key *key = lethe_alloc_array(1, sizeof *key);
    if (key == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an answer key");
    lethe_buffer_init(&key->subject, LINE_CAP_BYTES);
    lethe_buffer_init(&key->line, LINE_CAP_BYTES);
    lethe_status status = lethe_output_create(path, &key->output, error);
    if (status == LETHE_OK) *out = key;
    else lethe_answer_key_discard(key);
    return status;
}

static void release(lethe_answer_key *key) {
    lethe_buffer_release(&key->subject);
    lethe_buffer_release(&key->line);
    lethe_free(key);
}

lethe_status lethe_answer_key_commit(lethe_answer_key *key, lethe_error *error) {
    lethe_status status = lethe_output_commit(key->output, 0600, LETHE_SYNC_NONE, error);
    release(key);
    return status;
}

void lethe_answer_key_discard(lethe_answer_key *key) {
    if (key == NULL) return;
    lethe_output_discard(key->output);
    release(key);
}

/* ,"name":"text" with JSON's escapes; nothing when text is NULL. */
static lethe_status member(lethe_buffer *out, const char *separator, const char *name, const char *text, lethe_error *error) {
    if (text == NULL) return LETHE_OK;
    lethe_status status = lethe_buffer_printf(out, error, "%s\"%s\":\"", separator, name);
    for (; status == LETHE_OK && *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') status = lethe_buffer_printf(out, error, "\\%c", *text);
        else if ((unsigned char)*text < 0x20) status = lethe_buffer_printf(out, error, "\\u%04x", (unsigned char)*text);
        else status = lethe_buffer_append(out, text, 1, error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "\"", error) : status;
}

lethe_status lethe_answer_subject_set(lethe_answer_key *key, const lethe_answer_subject *subject, lethe_error *error) {
    lethe_buffer_clear(&key->subject);
    lethe_status status = member(&key->subject, "{", "file", subject->file, error);
    if (status == LETHE_OK) status = member(&key->subject, ",", "patient_id", subject->patient_id, error);
    if (status == LETHE_OK) status = member(&key->subject, ",", "issuer", subject->issuer, error);
    if (status == LETHE_OK) status = member(&key->subject, ",", "study", subject->study, error);
    if (status == LETHE_OK) status = member(&key->subject, ",", "series", subject->series, error);
    if (status == LETHE_OK) status = member(&key->subject, ",", "instance", subject->instance, error);
    if (status == LETHE_OK) status = member(&key->subject, ",", "modality", subject->modality, error);
    return status;
}

static lethe_status begin(lethe_answer_key *key, const char *path, lethe_answer_action action, lethe_error *error) {
    lethe_buffer_clear(&key->line);
    lethe_status status = lethe_buffer_append(&key->line, key->subject.bytes, key->subject.size, error);
    if (status == LETHE_OK) status = member(&key->line, ",", "path", path, error);
    return status == LETHE_OK ? member(&key->line, ",", "action", action_names[action], error) : status;
}

static lethe_status end(lethe_answer_key *key, lethe_error *error) {
    key->count++;
    lethe_status status = lethe_buffer_append_text(&key->line, "}\n", error);
    return status == LETHE_OK ? lethe_output_write(key->output, key->line.bytes, key->line.size, error) : status;
}

lethe_status lethe_answer_add(lethe_answer_key *key, const char *path, lethe_answer_action action, const char *value, const char *text,
                              lethe_error *error) {
    lethe_status status = begin(key, path, action, error);
    if (status == LETHE_OK) status = member(&key->line, ",", "value", value, error);
    if (status == LETHE_OK) status = member(&key->line, ",", "text", text == NULL ? value : text, error);
    return status == LETHE_OK ? end(key, error) : status;
}

static lethe_status add_mask(lethe_answer_key *key, const lethe_answer_box *box, lethe_error *error) {
    size_t stride = (box->width_px + 7u) / 8u;
    uint8_t *bits = lethe_alloc_array(stride, box->height_px);
    if (bits == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a glyph mask");
    for (size_t y = 0; y < box->height_px; y++)
        for (size_t x = 0; x < box->width_px; x++)
            if (box->mask[y * box->width_px + x] != 0) bits[y * stride + x / 8] |= (uint8_t)(0x80u >> x % 8);
    lethe_status status = lethe_buffer_append_text(&key->line, ",\"mask\":\"", error);
    if (status == LETHE_OK) status = lethe_base64(bits, stride * box->height_px, &key->line, error);
    lethe_free(bits);
    return status == LETHE_OK ? lethe_buffer_append_text(&key->line, "\"", error) : status;
}

lethe_status lethe_answer_add_boxes(lethe_answer_key *key, const lethe_answer_box *box, unsigned frames, const char *text, lethe_error *error) {
    lethe_status status = begin(key, "<(7fe0,0010)>", LETHE_ANSWER_PIXELS_HIDDEN, error);
    if (status == LETHE_OK) status = member(&key->line, ",", "text", text, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(&key->line, error, ",\"frame\":%u,\"frames\":%u,\"box\":[%u,%u,%u,%u]", box->frame, frames, box->x_px, box->y_px,
                                     box->width_px, box->height_px);
    if (status == LETHE_OK && box->mask != NULL) status = add_mask(key, box, error);
    return status == LETHE_OK ? end(key, error) : status;
}

lethe_status lethe_answer_add_box(lethe_answer_key *key, const lethe_answer_box *box, const char *text, lethe_error *error) {
    return lethe_answer_add_boxes(key, box, 1, text, error);
}

uint64_t lethe_answer_key_count(const lethe_answer_key *key) { return key->count; }
