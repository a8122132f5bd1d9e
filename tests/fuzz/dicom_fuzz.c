/* room: imaging. Parse anything; play an empty script (the bytes must come back), then a script of edits that the input chooses. */
#include "imaging/dicom/charset.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/edit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct chooser {
    lethe_edit_script *script;
    uint32_t state;
} chooser;

static uint32_t choose(chooser *random) {
    random->state = random->state * 1664525u + 1013904223u;
    return random->state >> 16;
}

static bool edit_one(void *context, const lethe_dicom_element *element) {
    chooser *random = context;
    static const char value[] = "A^B\\C and some more text";
    lethe_status status = LETHE_OK;
    double number;
    char text[32];
    (void)lethe_dicom_element_double(element, 0, &number);
    (void)lethe_dicom_element_text(element, 1, text, sizeof text);
    (void)lethe_dicom_multiplicity(element);
    if (element->form == LETHE_DICOM_LEAF && element->value_bytes < 4096) {
        lethe_charset *charset = NULL;
        char terms[129];
        lethe_buffer utf8, back;
        lethe_buffer_init(&utf8, 1 << 20);
        lethe_buffer_init(&back, 1 << 20);
        if (lethe_charset_create(lethe_charset_governing(element->parent, terms), &charset, NULL) == LETHE_OK &&
            lethe_charset_decode(charset, element->value, (size_t)element->value_bytes, element->vr, &utf8, NULL, NULL) == LETHE_OK)
            status = lethe_charset_encode(charset, lethe_buffer_text(&utf8), utf8.size, &back, NULL);
        lethe_charset_destroy(charset);
        lethe_buffer_release(&utf8);
        lethe_buffer_release(&back);
    }
    switch (choose(random) % 8) {
    case 0: status = lethe_edit_drop(random->script, element, "fuzz", NULL); break;
    case 1:
        if (element->form == LETHE_DICOM_LEAF)
            status = lethe_edit_replace(random->script, element, 0, value, choose(random) % sizeof value, "fuzz", NULL);
        break;
    case 2:
        status = lethe_edit_insert(random->script, element->parent, LETHE_TAG(0x0010, choose(random) & 0xFF), LETHE_VR_LO, value, 5, "fuzz", NULL);
        break;
    case 3:
        if (element->items != NULL && element->form == LETHE_DICOM_SEQUENCE)
            status = lethe_edit_drop_item(random->script, element->items, "fuzz", NULL);
        break;
    case 4:
        if (element->form == LETHE_DICOM_LEAF && element->value_bytes != 0)
            status = lethe_edit_patch(random->script, element, element->value_bytes - 1, "x", 1, "fuzz", NULL);
        break;
    default: break;
    }
    return status != LETHE_NO_MEMORY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    (void)lethe_dicom_looks_like(data, size);
    lethe_arena *arena = lethe_arena_create(64 << 20);
    lethe_dicom_dataset *dataset = NULL, *again = NULL;
    lethe_buffer out;
    lethe_buffer_init(&out, 256 << 20);
    if (arena == NULL || lethe_dicom_dataset_parse(data, size, arena, &dataset, NULL) != LETHE_OK) goto out;
    lethe_edit_script *script = lethe_edit_script_create(dataset);
    if (script == NULL) goto out;
    if (lethe_edit_write_buffer(script, &out, NULL) == LETHE_OK && (out.size != size || (size != 0 && memcmp(out.bytes, data, size) != 0))) abort();
    script = lethe_edit_script_create(dataset);
    if (script == NULL) goto out;
    chooser random = {script, (uint32_t)size * 2654435761u + (size != 0 ? data[size / 2] : 0u)};
    lethe_dicom_visit(dataset->root, edit_one, &random);
    lethe_edit_drop_trailing(script);
    lethe_buffer_clear(&out);
    if (dataset->transfer_syntax[0] != '\0') lethe_edit_require_meta(script);
    if (lethe_edit_write_buffer(script, &out, NULL) == LETHE_OK && dataset->meta != NULL &&
        lethe_dicom_dataset_parse(out.bytes, out.size, arena, &again, NULL) != LETHE_OK)
        again = NULL; /* an edit may have broken what a later element needs: an error is fine, a crash is not */
out:
    lethe_dicom_dataset_release(dataset);
    lethe_dicom_dataset_release(again);
    lethe_arena_destroy(arena);
    lethe_buffer_release(&out);
    return 0;
}
