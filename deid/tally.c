#include "deid/tally.h"

#include "core/memory.h"
#include "core/text.h"
#include "deid/annex_e.h"
#include "deid/values.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 8192, FULL = 6000, TOLD = 4096, TEXT_SLOTS = 16384 };

typedef struct text_entry {
    lethe_tag tag;
    char *before, *after; /* one block, at `before` */
    uint64_t hash;
} text_entry;

struct lethe_tally {
    uint32_t options;
    bool want_texts, cut;
    lethe_tally_row slots[SLOTS]; /* open addressing; elements 0 = free */
    lethe_tally_row *sorted;
    size_t used;
    uint64_t overflow;
    uint64_t told[TOLD]; /* digests of texts that went to the other process */
    text_entry *texts;
    uint16_t *index; /* TEXT_SLOTS of 1 + place in `texts` */
    size_t text_count;
    lethe_buffer copy, other; /* of values that are being decoded */
};

lethe_status lethe_tally_create(uint32_t options, bool want_texts, lethe_tally **out, lethe_error *error) {
    *out = NULL;
    lethe_tally *tally = lethe_alloc_array(1, sizeof *tally);
    if (tally == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for counts");
    tally->options = options;
    tally->want_texts = want_texts;
    lethe_buffer_init(&tally->copy, 1u << 20);
    lethe_buffer_init(&tally->other, 1u << 20);
    if (want_texts) {
        tally->texts = lethe_alloc_array(LETHE_TALLY_TEXTS, sizeof *tally->texts);
        tally->index = lethe_alloc_array(TEXT_SLOTS, sizeof *tally->index);
    }
    if (want_texts && (tally->texts == NULL || tally->index == NULL)) {
        lethe_tally_destroy(tally);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for counts");
    }
    *out = tally;
    return LETHE_OK;
}

static void forget_texts(lethe_tally *tally) {
    for (size_t i = 0; i < tally->text_count; i++) {
        lethe_wipe(tally->texts[i].before, strlen(tally->texts[i].before));
        lethe_free(tally->texts[i].before);
    }
    tally->text_count = 0;
    if (tally->index != NULL) memset(tally->index, 0, TEXT_SLOTS * sizeof *tally->index);
}

void lethe_tally_destroy(lethe_tally *tally) {
    if (tally == NULL) return;
    forget_texts(tally);
    if (tally->copy.bytes != NULL) lethe_wipe(tally->copy.bytes, tally->copy.size);
    lethe_buffer_release(&tally->copy);
    lethe_buffer_release(&tally->other);
    lethe_free(tally->texts);
    lethe_free(tally->index);
    lethe_free(tally->sorted);
    lethe_free(tally);
}

/* --- counting --- */

static void add_overflow(lethe_tally *tally, uint64_t elements) {
    tally->overflow = elements > UINT64_MAX - tally->overflow ? UINT64_MAX : tally->overflow + elements;
}

static void count(lethe_tally *tally, lethe_tally_row row) {
    uint64_t hash = ((uint64_t)row.tag << 16 | (uint64_t)row.deed << 8 | row.clause) * 0x9E3779B97F4A7C15ull;
    for (size_t slot = hash >> 32;; slot++) {
        lethe_tally_row *at = &tally->slots[slot % SLOTS];
        if (at->elements != 0 && (at->tag != row.tag || at->deed != row.deed || at->clause != row.clause)) continue;
        if (at->elements == 0 && tally->used >= FULL) {
            add_overflow(tally, row.elements);
            return;
        }
        tally->used += at->elements == 0;
        row.elements = row.elements > UINT64_MAX - at->elements ? UINT64_MAX : row.elements + at->elements;
        *at = row;
        return;
    }
}

/* --- texts --- */

static uint64_t digest_of(lethe_tag tag, const char *before, const char *after) {
    uint64_t hash = 1469598103934665603ull ^ tag;
    for (const char *at = before; *at != '\0'; at++) hash = (hash ^ (uint8_t)*at) * 1099511628211ull;
    hash = (hash ^ 0x1F) * 1099511628211ull;
    for (const char *at = after; *at != '\0'; at++) hash = (hash ^ (uint8_t)*at) * 1099511628211ull;
    return hash | 1;
}

/* `size` bytes without a cut character at their end and without NUL. */
static size_t cut_text(char *out, const char *text, size_t size) {
    const char *end = text + size;
    size_t used = 0;
    for (const char *at = text; at < end;) {
        const char *before = at;
        uint32_t point = lethe_utf8_next(&at, end);
        char letter[4];
        size_t length = lethe_utf8_put(point == 0 ? ' ' : point, letter);
        if (at == before || used + length > LETHE_TALLY_TEXT_BYTES) break;
        memcpy(out + used, letter, length);
        used += length;
    }
    out[used] = '\0';
    return used;
}

static lethe_status keep_text(lethe_tally *tally, lethe_tag tag, const char *before, const char *after, lethe_error *error) {
    uint64_t hash = digest_of(tag, before, after);
    size_t slot = (hash >> 20) % TEXT_SLOTS;
    for (; tally->index[slot] != 0; slot = (slot + 1) % TEXT_SLOTS)
        if (tally->texts[tally->index[slot] - 1].hash == hash) return LETHE_OK;
    if (tally->text_count == LETHE_TALLY_TEXTS) {
        tally->cut = true;
        return LETHE_OK;
    }
    size_t first = strlen(before) + 1, second = strlen(after) + 1;
    char *block = lethe_alloc_array(first + second, 1);
    if (block == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for texts");
    memcpy(block, before, first);
    memcpy(block + first, after, second);
    tally->texts[tally->text_count] = (text_entry){.tag = tag, .before = block, .after = block + first, .hash = hash};
    tally->index[slot] = (uint16_t)++tally->text_count;
    return LETHE_OK;
}

/* What a value reads like; false when it cannot be decoded. */
static bool decode(lethe_buffer *copy, const lethe_dicom_element *element, lethe_vr vr, char out[LETHE_TALLY_TEXT_BYTES + 1]) {
    const char *text;
    size_t size;
    lethe_buffer_clear(copy);
    if (lethe_value_utf8(element, vr, copy, &text, &size, NULL) != LETHE_OK) return false;
    (void)cut_text(out, text, size);
    return true;
}

static lethe_status note_text(lethe_tally *tally, const lethe_dicom_element *element, lethe_vr vr, const lethe_edit *edit, lethe_error *error) {
    char before[LETHE_TALLY_TEXT_BYTES + 1], after[LETHE_TALLY_TEXT_BYTES + 1] = "";
    if (!decode(&tally->copy, element, vr, before)) return LETHE_OK;
    if (edit->kind == LETHE_EDIT_REPLACE && edit->value != NULL && edit->value_bytes != 0) {
        lethe_dicom_element written = *element;
        written.value = edit->value;
        written.value_bytes = edit->value_bytes;
        if (!decode(&tally->other, &written, vr, after)) return LETHE_OK;
    }
    uint64_t hash = digest_of(element->tag, before, after), *told = &tally->told[(hash >> 20) % TOLD];
    if (*told == hash) return LETHE_OK;
    *told = hash;
    return keep_text(tally, element->tag, before, after, error);
}

/* --- judging one element --- */

static bool is_date_vr(lethe_vr vr) { return vr == LETHE_VR_DA || vr == LETHE_VR_DT || vr == LETHE_VR_TM; }

static uint8_t option_clause(uint32_t bits) {
    uint8_t clause = LETHE_CLAUSE_OPTION;
    while ((bits & 1) == 0) {
        bits >>= 1;
        clause++;
    }
    return clause;
}

/* The option whose column of the row is in force, cleaning before keeping as in attributes.h. */
static uint8_t clause_of(const lethe_tally *tally, const lethe_annex_row *row, const lethe_dicom_element *element) {
    if (lethe_tag_is_private(element->tag)) return LETHE_CLAUSE_PRIVATE;
    if (row == NULL) return LETHE_CLAUSE_OUTSIDE;
    uint32_t cleaned = row->cleaned_by & tally->options, kept = row->kept_by & tally->options;
    return cleaned != 0 ? option_clause(cleaned) : kept != 0 ? option_clause(kept) : LETHE_CLAUSE_BASIC;
}

static lethe_deed deed_of(const lethe_tally *tally, const lethe_annex_row *row, lethe_vr vr, const lethe_edit *edit) {
    if (edit == NULL || edit->kind == LETHE_EDIT_KEEP) return LETHE_DEED_KEPT;
    if (edit->kind == LETHE_EDIT_DROP) return LETHE_DEED_REMOVED;
    if (edit->kind == LETHE_EDIT_PATCH || lethe_tag_group(edit->tag) == 0x7FE0) return LETHE_DEED_PIXELS;
    if (edit->value_bytes == 0) return LETHE_DEED_EMPTIED;
    if (vr == LETHE_VR_UI) return LETHE_DEED_UID;
    const void *dummy;
    size_t size;
    bool says_nothing =
        edit->value != NULL && lethe_value_dummy(vr, &dummy, &size) && size == edit->value_bytes && memcmp(dummy, edit->value, size) == 0;
    if (says_nothing) return LETHE_DEED_REPLACED;
    if (is_date_vr(vr)) return (tally->options & LETHE_OPTION_MODIFIED_DATES) != 0 ? LETHE_DEED_SHIFTED : LETHE_DEED_REPLACED;
    bool cleanable = row == NULL || (row->cleaned_by & tally->options) != 0;
    return cleanable && lethe_vr_is_text(vr) && vr != LETHE_VR_PN ? LETHE_DEED_CLEANED : LETHE_DEED_REPLACED;
}

static lethe_tag shown_tag(const lethe_dicom_element *element, const lethe_annex_row *row, lethe_deed deed) {
    if (lethe_tag_is_private(element->tag))
        return deed == LETHE_DEED_REMOVED ? LETHE_TAG(0x0001, 0x0000)
                                          : LETHE_TAG(lethe_tag_group(element->tag), lethe_tag_element(element->tag) & 0xFF);
    return row != NULL ? row->tag : element->tag;
}

static lethe_status add_item(lethe_tally *tally, const lethe_dicom_item *item, uint8_t inherited, const lethe_edit_script *script,
                             lethe_error *error);

/* What a cleaning option says about a sequence it says about what the table does not name inside (PS3.15 E.3.3, E.3.4). */
static uint8_t clause_inside(const lethe_tally *tally, const lethe_dicom_element *sequence, uint8_t inherited) {
    const lethe_annex_row *row = lethe_tag_is_private(sequence->tag) ? NULL : lethe_annex_e_find(sequence->tag);
    uint32_t cleaned = row == NULL ? 0 : row->cleaned_by & tally->options;
    return cleaned != 0 ? option_clause(cleaned) : inherited;
}

/* `inherited`: the clause of what the table does not name; LETHE_CLAUSE_OUTSIDE at the root. */
static lethe_status add_element(lethe_tally *tally, const lethe_dicom_element *element, uint8_t inherited, const lethe_edit_script *script,
                                lethe_error *error) {
    const lethe_edit *edit = lethe_edit_find(script, element);
    bool changed = edit != NULL && edit->kind != LETHE_EDIT_KEEP;
    lethe_status status = LETHE_OK;
    if (!changed && element->form == LETHE_DICOM_SEQUENCE) {
        for (const lethe_dicom_item *item = element->items; item != NULL && status == LETHE_OK; item = item->next)
            status = add_item(tally, item, clause_inside(tally, element, inherited), script, error);
        return status;
    }
    bool is_private = lethe_tag_is_private(element->tag), creator = lethe_tag_is_private_creator(element->tag);
    if (creator || (!changed && element->value_bytes == 0 && element->form == LETHE_DICOM_LEAF)) return LETHE_OK;
    const lethe_dictionary_entry *entry = is_private ? NULL : lethe_dictionary_find(element->tag);
    const lethe_annex_row *row = is_private ? NULL : lethe_annex_e_find(element->tag);
    lethe_vr vr = lethe_value_vr(element, entry);
    lethe_tally_row counted = {.clause = clause_of(tally, row, element), .elements = 1};
    lethe_deed deed = deed_of(tally, row, vr, edit);
    if (counted.clause == LETHE_CLAUSE_OUTSIDE) counted.clause = inherited;
    counted.deed = (uint8_t)deed;
    counted.tag = shown_tag(element, row, deed);
    bool registered = vr == LETHE_VR_UI; /* UIDs that stay although the table maps them are those of the standard */
    if (deed == LETHE_DEED_KEPT && counted.clause == LETHE_CLAUSE_BASIC && !registered) counted.clause = LETHE_CLAUSE_RULE;
    count(tally, counted);
    uint32_t cleaning = LETHE_OPTION_DESCRIPTORS | LETHE_OPTION_STRUCTURED | LETHE_OPTION_GRAPHICS;
    bool text = tally->want_texts && changed && element->form == LETHE_DICOM_LEAF && lethe_vr_is_text(vr) && vr != LETHE_VR_PN;
    bool cleaned = deed == LETHE_DEED_CLEANED || (row != NULL && (row->cleaned_by & tally->options & cleaning) != 0);
    return text && cleaned && element->value_bytes != 0 ? note_text(tally, element, vr, edit, error) : LETHE_OK;
}

/* Nesting is bounded by LETHE_LIMIT_SEQUENCE_DEPTH. */
static lethe_status add_item(lethe_tally *tally, const lethe_dicom_item *item, uint8_t inherited, const lethe_edit_script *script,
                             lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_element *element = item->first; element != NULL && status == LETHE_OK; element = element->next)
        status = add_element(tally, element, inherited, script, error);
    return status;
}

lethe_status lethe_tally_add(lethe_tally *tally, const lethe_dicom_dataset *dataset, const lethe_edit_script *script, lethe_error *error) {
    return add_item(tally, dataset->root, LETHE_CLAUSE_OUTSIDE, script, error);
}

/* --- between processes: rows, then texts, each list behind its number --- */

lethe_status lethe_tally_take(lethe_tally *tally, lethe_buffer *out, lethe_error *error) {
    uint64_t head[4] = {tally->used, tally->overflow, tally->text_count, tally->cut};
    lethe_status status = lethe_buffer_append(out, head, sizeof head, error);
    for (size_t i = 0; i < SLOTS && status == LETHE_OK && tally->used != 0; i++)
        if (tally->slots[i].elements != 0) status = lethe_buffer_append(out, &tally->slots[i], sizeof tally->slots[i], error);
    for (size_t i = 0; i < tally->text_count && status == LETHE_OK; i++) {
        const text_entry *text = &tally->texts[i];
        status = lethe_buffer_append(out, &text->tag, sizeof text->tag, error);
        if (status == LETHE_OK) status = lethe_buffer_append(out, text->before, strlen(text->before) + 1, error);
        if (status == LETHE_OK) status = lethe_buffer_append(out, text->after, strlen(text->after) + 1, error);
    }
    if (tally->used != 0) memset(tally->slots, 0, sizeof tally->slots);
    tally->used = 0;
    tally->overflow = 0;
    forget_texts(tally);
    return status;
}

static lethe_status merge_text(lethe_tally *tally, const uint8_t **at, const uint8_t *end, lethe_error *error) {
    lethe_tag tag;
    const char *parts[2];
    if ((size_t)(end - *at) < sizeof tag) return lethe_fail(error, LETHE_MALFORMED, "counts of a worker are cut off");
    memcpy(&tag, *at, sizeof tag);
    *at += sizeof tag;
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *stop = memchr(*at, '\0', (size_t)(end - *at));
        if (stop == NULL || stop - *at > LETHE_TALLY_TEXT_BYTES) return lethe_fail(error, LETHE_MALFORMED, "counts of a worker are cut off");
        parts[i] = (const char *)*at;
        *at = stop + 1;
    }
    return tally->want_texts ? keep_text(tally, tag, parts[0], parts[1], error) : LETHE_OK;
}

lethe_status lethe_tally_merge(lethe_tally *tally, const void *bytes, size_t size, lethe_error *error) {
    const uint8_t *at = bytes, *end = at + size;
    uint64_t head[4];
    if (size < sizeof head) return lethe_fail(error, LETHE_MALFORMED, "counts of a worker are cut off");
    memcpy(head, at, sizeof head);
    at += sizeof head;
    for (uint64_t i = 0; i < head[0]; i++) {
        lethe_tally_row row;
        if ((size_t)(end - at) < sizeof row) return lethe_fail(error, LETHE_MALFORMED, "counts of a worker are cut off");
        memcpy(&row, at, sizeof row);
        at += sizeof row;
        if (row.deed >= LETHE_DEEDS || row.clause >= LETHE_CLAUSES) return lethe_fail(error, LETHE_MALFORMED, "counts of a worker make no sense");
        if (row.elements != 0) count(tally, row);
    }
    add_overflow(tally, head[1]);
    tally->cut = tally->cut || head[3] != 0;
    lethe_status status = LETHE_OK;
    for (uint64_t i = 0; i < head[2] && status == LETHE_OK; i++) status = merge_text(tally, &at, end, error);
    return status;
}

/* --- reading --- */

static int by_tag(const void *a, const void *b) {
    const lethe_tally_row *x = a, *y = b;
    if (x->tag != y->tag) return x->tag < y->tag ? -1 : 1;
    return x->clause != y->clause ? (int)x->clause - (int)y->clause : (int)x->deed - (int)y->deed;
}

const lethe_tally_row *lethe_tally_rows(lethe_tally *tally, size_t *number) {
    lethe_free(tally->sorted);
    *number = 0;
    tally->sorted = lethe_alloc_array(tally->used + 1, sizeof *tally->sorted);
    if (tally->sorted == NULL) return NULL;
    for (size_t i = 0; i < SLOTS; i++)
        if (tally->slots[i].elements != 0) tally->sorted[(*number)++] = tally->slots[i];
    qsort(tally->sorted, *number, sizeof *tally->sorted, by_tag);
    return tally->sorted;
}

uint64_t lethe_tally_overflow(const lethe_tally *tally) { return tally->overflow; }
size_t lethe_tally_text_count(const lethe_tally *tally) { return tally->text_count; }
bool lethe_tally_texts_cut(const lethe_tally *tally) { return tally->cut; }

static int by_text(const void *a, const void *b) {
    const text_entry *x = a, *y = b;
    if (x->tag != y->tag) return x->tag < y->tag ? -1 : 1;
    int order = strcmp(x->before, y->before);
    return order != 0 ? order : strcmp(x->after, y->after);
}

lethe_tally_text lethe_tally_text_at(lethe_tally *tally, size_t index) {
    if (index == 0) { /* from here on texts are read, not added: the index is for adding */
        qsort(tally->texts, tally->text_count, sizeof *tally->texts, by_text);
        memset(tally->index, 0, TEXT_SLOTS * sizeof *tally->index);
        for (size_t i = 0; i < tally->text_count; i++) {
            size_t slot = (tally->texts[i].hash >> 20) % TEXT_SLOTS;
            while (tally->index[slot] != 0) slot = (slot + 1) % TEXT_SLOTS;
            tally->index[slot] = (uint16_t)(i + 1);
        }
    }
    const text_entry *text = index < tally->text_count ? &tally->texts[index] : NULL;
    return text == NULL ? (lethe_tally_text){.tag = 0, .before = NULL, .after = NULL}
                        : (lethe_tally_text){.tag = text->tag, .before = text->before, .after = text->after};
}
