#include "deid/pipeline_steps.h"

#include "core/limits.h"
#include "core/text.h"
#include "imaging/dicom/charset.h"
#include "imaging/dicom/pixels.h"

#include <stdio.h>
#include <string.h>

/* --- catalogue fields --- */

static void take(const lethe_dicom_item *root, lethe_charset *charset, lethe_tag tag, char *out, size_t size) {
    const lethe_dicom_element *element = lethe_dicom_find(root, tag);
    out[0] = '\0';
    if (element == NULL || element->form != LETHE_DICOM_LEAF || element->value_bytes > 4096) return;
    char raw[4097];
    if (!lethe_dicom_element_text(element, 0, raw, sizeof raw)) return;
    lethe_buffer utf8;
    lethe_buffer_init(&utf8, 16384);
    if (charset != NULL && lethe_charset_decode(charset, (const uint8_t *)raw, strlen(raw), element->vr, &utf8, NULL, NULL) == LETHE_OK) {
        /* Cut between characters, not inside one. */
        const char *text = lethe_buffer_text(&utf8), *end = text + utf8.size;
        size_t used = 0;
        for (const char *at = text; at < end;) {
            const char *before = at;
            (void)lethe_utf8_next(&at, end);
            if (used + (size_t)(at - before) >= size) break;
            memcpy(out + used, before, (size_t)(at - before));
            used += (size_t)(at - before);
        }
        out[used] = '\0';
    }
    lethe_buffer_release(&utf8);
}

lethe_status lethe_result_describe(lethe_result *r, const uint8_t *bytes, size_t size, lethe_error *error) {
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL;
    lethe_charset *charset = NULL;
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory to describe the output") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(bytes, size, arena, &dataset, error);
    char term[129];
    if (status == LETHE_OK) status = lethe_charset_create(lethe_charset_governing(dataset->root, term), &charset, error);
    if (status == LETHE_OK) {
        const lethe_dicom_item *root = dataset->root;
        take(root, charset, LETHE_TAG(0x0020, 0x000D), r->study_uid, sizeof r->study_uid);
        take(root, charset, LETHE_TAG(0x0020, 0x000E), r->series_uid, sizeof r->series_uid);
        take(root, charset, LETHE_TAG(0x0008, 0x0018), r->instance_uid, sizeof r->instance_uid);
        take(root, charset, LETHE_TAG(0x0008, 0x0060), r->modality, sizeof r->modality);
        take(root, charset, LETHE_TAG(0x0008, 0x0016), r->sop_class, sizeof r->sop_class);
        take(root, charset, LETHE_TAG(0x0008, 0x103E), r->series_description, sizeof r->series_description);
        take(root, charset, LETHE_TAG(0x0008, 0x1030), r->study_description, sizeof r->study_description);
        take(root, charset, LETHE_TAG(0x0018, 0x0015), r->body_part, sizeof r->body_part);
        take(root, charset, LETHE_TAG(0x0008, 0x0020), r->study_date, sizeof r->study_date);
        take(root, charset, LETHE_TAG(0x0008, 0x0070), r->manufacturer, sizeof r->manufacturer);
        take(root, charset, LETHE_TAG(0x0008, 0x1090), r->model, sizeof r->model);
        take(root, charset, LETHE_TAG(0x0010, 0x0040), r->sex, sizeof r->sex);
        take(root, charset, LETHE_TAG(0x0010, 0x1010), r->age, sizeof r->age);
        take(root, charset, LETHE_TAG(0x0020, 0x0062), r->laterality, sizeof r->laterality);
        if (r->laterality[0] == '\0') take(root, charset, LETHE_TAG(0x0020, 0x0060), r->laterality, sizeof r->laterality);
        take(root, charset, LETHE_TAG(0x0018, 0x5101), r->view_position, sizeof r->view_position);
        take(root, charset, LETHE_TAG(0x0008, 0x0080), r->institution, sizeof r->institution);
        (void)lethe_dicom_int(root, LETHE_TAG(0x0020, 0x0011), 0, &r->series_number);
        (void)lethe_dicom_int(root, LETHE_TAG(0x0020, 0x0013), 0, &r->instance_number);
        (void)lethe_dicom_int(root, LETHE_TAG(0x0028, 0x0010), 0, &r->rows);
        (void)lethe_dicom_int(root, LETHE_TAG(0x0028, 0x0011), 0, &r->columns);
        r->frames = r->rows > 0 ? 1 : 0;
        (void)lethe_dicom_int(root, LETHE_TAG(0x0028, 0x0008), 0, &r->frames);
    }
    lethe_charset_destroy(charset);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    return status;
}

/* --- explaining --- */

/* A value for the terminal: printable characters, at most 60. */
static lethe_status show(lethe_buffer *out, lethe_vr vr, const uint8_t *value, uint64_t size, bool big_endian, lethe_error *error) {
    if (vr == LETHE_VR_SQ) return lethe_buffer_append_text(out, size == 0 ? "(empty sequence)" : "(sequence)", error);
    if (value == NULL) return lethe_buffer_append_text(out, "(bytes)", error);
    if ((vr == LETHE_VR_US || vr == LETHE_VR_SS) && size == 2)
        return lethe_buffer_printf(out, error, "%u", big_endian ? (unsigned)value[0] << 8 | value[1] : (unsigned)value[1] << 8 | value[0]);
    bool text = lethe_vr_is_text(vr) || vr == LETHE_VR_UI || vr == LETHE_VR_CS || vr == LETHE_VR_DA || vr == LETHE_VR_TM || vr == LETHE_VR_DT ||
                vr == LETHE_VR_DS || vr == LETHE_VR_IS || vr == LETHE_VR_AS || vr == LETHE_VR_AE || vr == LETHE_VR_UR;
    if (!text) return lethe_buffer_printf(out, error, "(%llu bytes)", (unsigned long long)size);
    while (size != 0 && (value[size - 1] == ' ' || value[size - 1] == 0)) size--;
    lethe_status status = lethe_buffer_append(out, "\"", 1, error);
    for (uint64_t i = 0; i < size && i < 60 && status == LETHE_OK; i++) {
        uint8_t c = value[i] >= 0x20 && value[i] != 0x7F ? value[i] : '?';
        status = lethe_buffer_append(out, &c, 1, error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, size > 60 ? "...\"" : "\"", error) : status;
}

static lethe_status show_path(lethe_buffer *out, const lethe_dicom_item *item, lethe_error *error) {
    if (item == NULL || item->parent == NULL) return LETHE_OK;
    lethe_status status = show_path(out, item->parent->parent, error);
    char tag[96];
    lethe_tag_format(item->parent->tag, tag, sizeof tag);
    return status == LETHE_OK ? lethe_buffer_printf(out, error, "%s[%u] > ", tag, item->index + 1) : status;
}

typedef struct explaining {
    lethe_engine *engine;
    lethe_buffer *out;
} explaining;

static lethe_status explain_one(void *context, const lethe_edit *edit, lethe_error *error) {
    static const char *const words[] = {"keep", "remove", "replace", "patch", "insert"};
    explaining *e = context;
    const lethe_dicom_item *parent = edit->element != NULL ? edit->element->parent : edit->parent;
    bool big = parent != NULL && parent->encoding.big_endian;
    char tag[96];
    lethe_tag_format(edit->tag, tag, sizeof tag);
    lethe_status status = lethe_buffer_printf(e->out, error, "%-8s", (unsigned)edit->kind < 5 ? words[edit->kind] : "?");
    if (status == LETHE_OK) status = show_path(e->out, parent, error);
    if (status == LETHE_OK) status = lethe_buffer_printf(e->out, error, "%s: ", tag);
    if (status == LETHE_OK && edit->element != NULL)
        status = show(e->out, edit->element->form == LETHE_DICOM_SEQUENCE ? LETHE_VR_SQ : edit->element->vr, edit->element->value,
                      edit->element->value_bytes, big, error);
    if (status == LETHE_OK && edit->kind != LETHE_EDIT_DROP && edit->kind != LETHE_EDIT_KEEP) {
        if (edit->element != NULL) status = lethe_buffer_append_text(e->out, " -> ", error);
        lethe_vr vr = edit->vr != 0 ? edit->vr : edit->element != NULL ? edit->element->vr : LETHE_VR_UN;
        if (status == LETHE_OK)
            status = show(e->out, edit->element != NULL && edit->element->form == LETHE_DICOM_SEQUENCE ? LETHE_VR_SQ : vr, edit->value,
                          edit->value_bytes, big, error);
    }
    return status == LETHE_OK ? lethe_buffer_printf(e->out, error, "  [%s]\n", edit->rule != NULL ? edit->rule : "") : status;
}

lethe_status lethe_engine_explain(lethe_engine *engine, lethe_buffer *out, lethe_error *error) {
    if (engine->script == NULL) return lethe_fail(error, LETHE_NOT_FOUND, "nothing to explain: the input was not read so far");
    explaining e = {.engine = engine, .out = out};
    lethe_status status = lethe_edit_visit(engine->script, explain_one, &e, error);
    for (size_t i = 0; status == LETHE_OK && i < engine->decision.box_count; i++) {
        const lethe_pixel_box *box = &engine->decision.boxes[i];
        status = lethe_buffer_printf(out, error, "redact  frames %u to %u: %u,%u %ux%u  [%s]\n", box->first_frame + 1, box->last_frame + 1, box->x,
                                     box->y, box->w, box->h, box->why);
    }
    for (size_t i = 0; status == LETHE_OK && i < engine->decision.kept_count; i++) {
        const lethe_pixel_box *box = &engine->decision.kept[i];
        status = lethe_buffer_printf(out, error, "leave   frames %u to %u: %u,%u %ux%u  [%s]\n", box->first_frame + 1, box->last_frame + 1, box->x,
                                     box->y, box->w, box->h, box->why);
    }
    if (status == LETHE_OK && engine->decision.rule[0] != '\0') status = lethe_buffer_printf(out, error, "rule    %s\n", engine->decision.rule);
    if (status == LETHE_OK && engine->decision.reason[0] != '\0') status = lethe_buffer_printf(out, error, "pixels  %s\n", engine->decision.reason);
    return status;
}
