#include "imaging/dicom/edit.h"

#include "imaging/dicom/edit_internal.h"
#include "imaging/dicom/encode_internal.h"

#include <string.h>

lethe_edit_script *lethe_edit_script_create(lethe_dicom_dataset *dataset) {
    lethe_edit_script *script = lethe_arena_alloc(dataset->arena, sizeof *script);
    if (script == NULL) return NULL;
    script->dataset = dataset;
    script->arena = dataset->arena;
    script->meta = dataset->meta;
    script->slots = lethe_arena_alloc_array(dataset->arena, (size_t)dataset->node_count + 1, sizeof *script->slots);
    return script->slots == NULL ? NULL : script;
}

static lethe_status no_memory(lethe_error *error) { return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the edit script"); }

static void mark_item(lethe_edit_script *script, const lethe_dicom_item *item, bool changed) {
    while (item != NULL) {
        edit_slot *slot = lethe_edit_slot(script, item->ordinal);
        slot->marked = true;
        if (changed) slot->changed = true;
        if (item->parent == NULL) break;
        slot = lethe_edit_slot(script, item->parent->ordinal);
        slot->marked = true;
        if (changed) slot->changed = true;
        item = item->parent->parent;
    }
}

static void mark_element(lethe_edit_script *script, const lethe_dicom_element *element, bool changed) {
    edit_slot *slot = lethe_edit_slot(script, element->ordinal);
    slot->marked = true;
    if (changed) slot->changed = true;
    mark_item(script, element->parent, changed);
}

/* The fresh or emptied edit of an element. */
static edit_node *take_node(lethe_edit_script *script, const lethe_dicom_element *element, lethe_edit_kind kind, const char *rule) {
    edit_slot *slot = lethe_edit_slot(script, element->ordinal);
    if (slot->node == NULL) slot->node = lethe_arena_alloc(script->arena, sizeof *slot->node);
    if (slot->node == NULL) return NULL;
    *slot->node =
        (edit_node){.edit = {.kind = kind, .element = element, .parent = element->parent, .tag = element->tag, .vr = element->vr, .rule = rule}};
    mark_element(script, element, kind != LETHE_EDIT_KEEP);
    return slot->node;
}

lethe_status lethe_edit_keep(lethe_edit_script *script, const lethe_dicom_element *element, const char *rule, lethe_error *error) {
    return take_node(script, element, LETHE_EDIT_KEEP, rule) == NULL ? no_memory(error) : LETHE_OK;
}

lethe_status lethe_edit_drop(lethe_edit_script *script, const lethe_dicom_element *element, const char *rule, lethe_error *error) {
    return take_node(script, element, LETHE_EDIT_DROP, rule) == NULL ? no_memory(error) : LETHE_OK;
}

lethe_status lethe_edit_drop_item(lethe_edit_script *script, const lethe_dicom_item *item, const char *rule, lethe_error *error) {
    if (item->parent == NULL) return lethe_fail(error, LETHE_INTERNAL, "only items of sequences can be dropped");
    edit_slot *slot = lethe_edit_slot(script, item->ordinal);
    if (slot->node == NULL) slot->node = lethe_arena_alloc(script->arena, sizeof *slot->node);
    if (slot->node == NULL) return no_memory(error);
    *slot->node = (edit_node){.edit = {.kind = LETHE_EDIT_DROP,
                                       .element = item->parent,
                                       .parent = item->parent->parent,
                                       .item = item,
                                       .tag = item->parent->tag,
                                       .vr = item->parent->vr,
                                       .rule = rule}};
    mark_item(script, item, true);
    return LETHE_OK;
}

static lethe_status check_length(lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, uint64_t size, lethe_error *error) {
    if (lethe_dicom_length_fits(encoding, vr, size)) return LETHE_OK;
    return lethe_fail(error, LETHE_LIMIT, "(%04X,%04X): a replacement of %llu bytes is too long for its value representation", lethe_tag_group(tag),
                      lethe_tag_element(tag), (unsigned long long)size);
}

static lethe_status set_value(lethe_edit_script *script, edit_node *node, const void *value, size_t size, lethe_error *error) {
    uint8_t *copy = lethe_arena_alloc(script->arena, size);
    if (copy == NULL) return no_memory(error);
    if (size != 0) memcpy(copy, value, size);
    node->edit.value = copy;
    node->edit.value_bytes = size;
    return LETHE_OK;
}

lethe_status lethe_edit_replace(lethe_edit_script *script, const lethe_dicom_element *element, lethe_vr vr, const void *value, size_t size,
                                const char *rule, lethe_error *error) {
    if (vr == LETHE_VR_NONE) vr = element->vr;
    lethe_status status = check_length(element->parent->encoding, element->tag, vr, size, error);
    if (status != LETHE_OK) return status;
    edit_node *node = take_node(script, element, LETHE_EDIT_REPLACE, rule);
    if (node == NULL) return no_memory(error);
    node->edit.vr = vr;
    return set_value(script, node, value, size, error);
}

lethe_status lethe_edit_replace_from_file(lethe_edit_script *script, const lethe_dicom_element *element, lethe_vr vr, bool encapsulated, int fd,
                                          uint64_t offset, uint64_t size, const char *rule, lethe_error *error) {
    if (vr == LETHE_VR_NONE) vr = element->vr;
    lethe_status status = encapsulated ? LETHE_OK : check_length(element->parent->encoding, element->tag, vr, size, error);
    if (status != LETHE_OK) return status;
    edit_node *node = take_node(script, element, LETHE_EDIT_REPLACE, rule);
    if (node == NULL) return no_memory(error);
    node->edit.vr = vr;
    node->edit.value_bytes = size;
    node->from_file = true;
    node->encapsulated = encapsulated;
    node->fd = fd;
    node->fd_offset = offset;
    return LETHE_OK;
}

lethe_status lethe_edit_patch(lethe_edit_script *script, const lethe_dicom_element *element, uint64_t value_offset, const void *bytes, size_t size,
                              const char *rule, lethe_error *error) {
    if (size == 0) return LETHE_OK;
    if (value_offset > element->value_bytes || size > element->value_bytes - value_offset || element->form == LETHE_DICOM_SEQUENCE)
        return lethe_fail(error, LETHE_INTERNAL, "(%04X,%04X): a patch stands outside the value", lethe_tag_group(element->tag),
                          lethe_tag_element(element->tag));
    edit_node *node = lethe_edit_slot(script, element->ordinal)->node;
    if (node == NULL || node->edit.kind != LETHE_EDIT_PATCH || node->painter.next != NULL) node = take_node(script, element, LETHE_EDIT_PATCH, rule);
    edit_patch *patch = node == NULL ? NULL : lethe_arena_alloc(script->arena, sizeof *patch);
    uint8_t *copy = patch == NULL ? NULL : lethe_arena_alloc(script->arena, size);
    if (copy == NULL) return no_memory(error);
    memcpy(copy, bytes, size);
    patch->offset = value_offset;
    patch->size = size;
    patch->bytes = copy;
    edit_patch **at = &node->patches;
    while (*at != NULL && (*at)->offset < value_offset) at = &(*at)->next;
    patch->next = *at;
    *at = patch;
    return LETHE_OK;
}

lethe_status lethe_edit_paint(lethe_edit_script *script, const lethe_dicom_element *element, const lethe_edit_painter *painter, const char *rule,
                              lethe_error *error) {
    if (element->form != LETHE_DICOM_LEAF)
        return lethe_fail(error, LETHE_INTERNAL, "(%04X,%04X): only values can be painted", lethe_tag_group(element->tag),
                          lethe_tag_element(element->tag));
    edit_node *node = take_node(script, element, LETHE_EDIT_PATCH, rule);
    if (node == NULL) return no_memory(error);
    node->painter = *painter;
    return LETHE_OK;
}

lethe_status lethe_edit_insert(lethe_edit_script *script, const lethe_dicom_item *parent, lethe_tag tag, lethe_vr vr, const void *value, size_t size,
                               const char *rule, lethe_error *error) {
    if (vr == LETHE_VR_NONE) vr = lethe_dictionary_vr(tag, NULL);
    if (vr == LETHE_VR_NONE) vr = LETHE_VR_UN;
    const lethe_dicom_element *existing = lethe_dicom_find(parent, tag);
    if (existing != NULL) return lethe_edit_replace(script, existing, vr, value, size, rule, error);
    lethe_status status = check_length(parent->encoding, tag, vr, size, error);
    if (status != LETHE_OK) return status;
    edit_node **at = &lethe_edit_slot(script, parent->ordinal)->inserts;
    while (*at != NULL && (*at)->edit.tag < tag) at = &(*at)->next;
    edit_node *node = *at != NULL && (*at)->edit.tag == tag ? *at : lethe_arena_alloc(script->arena, sizeof *node);
    if (node == NULL) return no_memory(error);
    edit_node *next = node == *at ? node->next : *at;
    *node = (edit_node){.edit = {.kind = LETHE_EDIT_INSERT, .parent = parent, .tag = tag, .vr = vr, .rule = rule}, .next = next};
    status = set_value(script, node, value, size, error);
    if (status != LETHE_OK) return status;
    *at = node;
    mark_item(script, parent, true);
    return LETHE_OK;
}

void lethe_edit_clear_preamble(lethe_edit_script *script) { script->clear_preamble = true; }
void lethe_edit_drop_trailing(lethe_edit_script *script) { script->drop_trailing = true; }
void lethe_edit_require_meta(lethe_edit_script *script) { script->require_meta = true; }

lethe_status lethe_edit_transfer_syntax(lethe_edit_script *script, const char *uid, lethe_error *error) {
    lethe_dicom_encoding encoding;
    bool deflated, encapsulated;
    (void)lethe_transfer_syntax_encoding(uid, &encoding, &deflated, &encapsulated);
    const lethe_dicom_encoding now = script->dataset->encoding;
    if (deflated || script->dataset->deflated || encoding.explicit_vr != now.explicit_vr || encoding.big_endian != now.big_endian)
        return lethe_fail(error, LETHE_UNSUPPORTED, "the data set's encoding cannot change with its transfer syntax");
    script->transfer_syntax = lethe_arena_strndup(script->arena, uid, strlen(uid));
    return script->transfer_syntax == NULL ? no_memory(error) : LETHE_OK;
}

const lethe_edit *lethe_edit_find(const lethe_edit_script *script, const lethe_dicom_element *element) {
    const edit_node *node = lethe_edit_slot(script, element->ordinal)->node;
    return node == NULL ? NULL : &node->edit;
}

/* --- visiting; nesting is bounded by LETHE_LIMIT_SEQUENCE_DEPTH --- */

static lethe_status visit_item(const lethe_edit_script *script, const lethe_dicom_item *item, lethe_edit_fn visit, void *context, lethe_error *error);

static lethe_status visit_element(const lethe_edit_script *script, const lethe_dicom_element *element, lethe_edit_fn visit, void *context,
                                  lethe_error *error) {
    const edit_slot *slot = lethe_edit_slot(script, element->ordinal);
    if (!slot->marked) return LETHE_OK;
    lethe_status status = slot->node == NULL ? LETHE_OK : visit(context, &slot->node->edit, error);
    if (status != LETHE_OK || (slot->node != NULL && (slot->node->edit.kind == LETHE_EDIT_DROP || slot->node->edit.kind == LETHE_EDIT_REPLACE)))
        return status;
    for (const lethe_dicom_item *item = element->items; item != NULL && status == LETHE_OK; item = item->next) {
        const edit_slot *inside = lethe_edit_slot(script, item->ordinal);
        if (inside->node != NULL) status = visit(context, &inside->node->edit, error);
        else if (inside->marked) status = visit_item(script, item, visit, context, error);
    }
    return status;
}

static lethe_status visit_item(const lethe_edit_script *script, const lethe_dicom_item *item, lethe_edit_fn visit, void *context,
                               lethe_error *error) {
    lethe_status status = LETHE_OK;
    const edit_node *insert = lethe_edit_slot(script, item->ordinal)->inserts;
    for (const lethe_dicom_element *element = item->first; element != NULL && status == LETHE_OK; element = element->next) {
        for (; insert != NULL && insert->edit.tag < element->tag && status == LETHE_OK; insert = insert->next)
            status = visit(context, &insert->edit, error);
        if (status == LETHE_OK) status = visit_element(script, element, visit, context, error);
    }
    for (; insert != NULL && status == LETHE_OK; insert = insert->next) status = visit(context, &insert->edit, error);
    return status;
}

lethe_status lethe_edit_visit(const lethe_edit_script *script, lethe_edit_fn visit, void *context, lethe_error *error) {
    lethe_status status = script->meta == NULL ? LETHE_OK : visit_item(script, script->meta, visit, context, error);
    return status == LETHE_OK ? visit_item(script, script->dataset->root, visit, context, error) : status;
}
