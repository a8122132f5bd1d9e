#include "deid/attributes.h"

#include "core/text.h"
#include "deid/attributes_internal.h"
#include "deid/private.h"
#include "deid/values.h"

#include <stdio.h>
#include <string.h>

static lethe_status edit_item(walk *w, const lethe_dicom_item *item, lethe_tag parent, inside where, lethe_error *error);

/* --- records --- */

static lethe_status remember(walk *w, const uint8_t *bytes, size_t size, lethe_removed_kind kind, bool written, lethe_error *error) {
    lethe_attribute_record *r = w->record;
    lethe_removed_value **list = written ? &r->written : &r->removed;
    size_t *count = written ? &r->written_count : &r->removed_count, *capacity = written ? &r->written_capacity : &r->removed_capacity;
    if (*count == *capacity) {
        size_t more = *capacity == 0 ? 64 : 2 * *capacity;
        lethe_removed_value *grown = lethe_arena_alloc_array(w->job->dataset->arena, more, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the record of removed values");
        if (*count != 0) memcpy(grown, *list, *count * sizeof *grown);
        *list = grown;
        *capacity = more;
    }
    (*list)[(*count)++] = (lethe_removed_value){.bytes = bytes, .size = (uint32_t)size, .kind = (uint8_t)kind};
    return LETHE_OK;
}

/* A leaf that goes, for the audit: names, dates, UIDs and, when `identity`, texts. */
static lethe_status remember_removed(walk *w, const lethe_dicom_element *element, lethe_vr vr, bool identity, lethe_error *error) {
    if (element->form != LETHE_DICOM_LEAF || element->value_bytes < 3 || element->value_bytes > 4096) return LETHE_OK;
    size_t size = (size_t)element->value_bytes;
    if (vr == LETHE_VR_PN) return remember(w, element->value, size, LETHE_REMOVED_NAME, false, error);
    if (vr == LETHE_VR_DA || vr == LETHE_VR_DT) return remember(w, element->value, size, LETHE_REMOVED_DATE, false, error);
    if (vr == LETHE_VR_UI) return remember(w, element->value, size, LETHE_REMOVED_UID, false, error);
    if (identity && (lethe_vr_is_text(vr) || vr == LETHE_VR_AE || vr == LETHE_VR_UR))
        return remember(w, element->value, size, LETHE_REMOVED_TEXT, false, error);
    return LETHE_OK;
}

typedef struct collect {
    walk *w;
    lethe_status status;
    lethe_error *error;
} collect;

static bool collect_leaf(void *context, const lethe_dicom_element *element) {
    collect *c = context;
    const lethe_dictionary_entry *entry = lethe_tag_is_private(element->tag) ? NULL : lethe_dictionary_find(element->tag);
    const lethe_annex_row *row = entry == NULL ? NULL : lethe_annex_e_find(element->tag);
    bool identity = row != NULL && (row->cleaned_by & LETHE_OPTION_DESCRIPTORS) == 0;
    c->status = remember_removed(c->w, element, lethe_value_vr(element, entry), identity, c->error);
    return c->status == LETHE_OK;
}

static lethe_status remember_tree(walk *w, const lethe_dicom_element *element, lethe_error *error) {
    collect c = {.w = w, .status = LETHE_OK, .error = error};
    for (const lethe_dicom_item *item = element->form == LETHE_DICOM_SEQUENCE ? element->items : NULL; item != NULL && c.status == LETHE_OK;
         item = item->next)
        lethe_dicom_visit(item, collect_leaf, &c);
    return c.status;
}

/* --- doing --- */

static lethe_status drop(walk *w, const lethe_dicom_element *element, lethe_vr vr, const decision *d, lethe_error *error) {
    w->record->counts[LETHE_ACTION_REMOVE]++;
    lethe_status status = lethe_edit_drop(w->job->script, element, d->reason, error);
    if (status == LETHE_OK) status = remember_removed(w, element, vr, d->identity, error);
    return status == LETHE_OK && element->form == LETHE_DICOM_SEQUENCE ? remember_tree(w, element, error) : status;
}

static lethe_status replace(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_action action, const void *bytes, size_t size,
                            const decision *d, lethe_error *error) {
    w->record->counts[action]++;
    lethe_vr new_vr = element->vr == LETHE_VR_UN && vr != LETHE_VR_UN && vr != LETHE_VR_NONE ? vr : 0;
    lethe_status status = lethe_edit_replace(w->job->script, element, new_vr, bytes, size, d->reason, error);
    if (status == LETHE_OK && action == LETHE_ACTION_SHIFT) {
        uint8_t *copy = (uint8_t *)lethe_arena_strndup(w->job->dataset->arena, bytes, size);
        if (copy == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the record of dates");
        status = remember(w, copy, size, LETHE_REMOVED_DATE, true, error);
    }
    return status == LETHE_OK ? remember_removed(w, element, vr, d->identity, error) : status;
}

static lethe_status empty(walk *w, const lethe_dicom_element *element, lethe_vr vr, const decision *d, lethe_error *error) {
    if (element->value_bytes == 0 && element->item_count == 0) return LETHE_OK;
    lethe_status status = replace(w, element, vr, LETHE_ACTION_EMPTY, "", 0, d, error);
    return status == LETHE_OK && element->form == LETHE_DICOM_SEQUENCE ? remember_tree(w, element, error) : status;
}

/* A code sequence that says nothing (PS3.3 8.8). */
static lethe_status dummy_code(walk *w, const lethe_dicom_element *element, const decision *d, lethe_error *error) {
    lethe_dicom_encoding encoding = element->items->encoding;
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, 1024);
    lethe_status status = lethe_dicom_encode_item_begin(&bytes, encoding, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(&bytes, encoding, LETHE_TAG(0x0008, 0x0100), LETHE_VR_SH, "ANONYMIZED", error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(&bytes, encoding, LETHE_TAG(0x0008, 0x0102), LETHE_VR_SH, "99LETHE", error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(&bytes, encoding, LETHE_TAG(0x0008, 0x0104), LETHE_VR_LO, "Anonymized", error);
    if (status == LETHE_OK) status = lethe_dicom_encode_item_end(&bytes, encoding, error);
    if (status == LETHE_OK) status = lethe_edit_replace(w->job->script, element, 0, bytes.bytes, bytes.size, d->reason, error);
    lethe_buffer_release(&bytes);
    w->record->counts[LETHE_ACTION_DUMMY]++;
    return status == LETHE_OK ? remember_tree(w, element, error) : status;
}

static bool is_code_sequence(const lethe_dicom_element *element) {
    return element->form == LETHE_DICOM_SEQUENCE && element->items != NULL && lethe_dicom_find(element->items, LETHE_TAG(0x0008, 0x0100)) != NULL;
}

/* Patient ID of the root and wherever it stands again. */
static lethe_status patient_id(walk *w, const lethe_dicom_element *element, lethe_vr vr, const decision *d, lethe_error *error) {
    char own[256] = "", pseudonym[LETHE_PATIENT_PSEUDONYM_SIZE];
    const char *value = w->job->patient;
    bool root = element->parent->parent == NULL;
    if (!root && lethe_dicom_element_text(element, 0, own, sizeof own) && strcmp(own, w->job->patient_original) != 0) {
        lethe_status status = lethe_pseudonym_patient(w->job->pseudonymizer, "", own, pseudonym, error);
        if (status != LETHE_OK) return status;
        value = pseudonym;
    }
    return replace(w, element, vr, LETHE_ACTION_TOKEN, value, strlen(value), d, error);
}

static lethe_status token(walk *w, const lethe_dicom_element *element, lethe_vr vr, const decision *d, lethe_error *error) {
    if (element->value_bytes == 0) return LETHE_OK;
    char out[LETHE_TOKEN_SIZE], purpose[24];
    (void)snprintf(purpose, sizeof purpose, "tag-%08x", element->tag);
    lethe_status status =
        lethe_pseudonym_token(w->job->pseudonymizer, purpose, (const char *)element->value, (size_t)element->value_bytes, out, error);
    return status == LETHE_OK ? replace(w, element, vr, LETHE_ACTION_TOKEN, out, strlen(out), d, error) : status;
}

static bool wants_token(lethe_tag tag) {
    return tag == LETHE_TAG(0x0018, 0x1000) || tag == LETHE_TAG(0x0008, 0x1010) || tag == LETHE_TAG(0x0018, 0x700A) ||
           tag == LETHE_TAG(0x0040, 0x0512) || tag == LETHE_TAG(0x0040, 0x0551);
}

static lethe_status dummy(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const decision *d, lethe_error *error) {
    if (element->form == LETHE_DICOM_SEQUENCE) {
        if (element->items == NULL) return LETHE_OK;
        if (d->children == INSIDE_DUMMY && is_code_sequence(element)) return dummy_code(w, element, d, error);
        lethe_status status = LETHE_OK;
        for (const lethe_dicom_item *item = element->items; item != NULL && status == LETHE_OK; item = item->next)
            status = edit_item(w, item, element->tag, d->children, error);
        return status;
    }
    (void)parent;
    if (element->tag == LETHE_TAG(0x0010, 0x0020)) return patient_id(w, element, vr, d, error);
    if (element->value_bytes == 0) return LETHE_OK;
    if (vr == LETHE_VR_UI) {
        bool changed;
        lethe_buffer_clear(&w->scratch);
        lethe_status status = lethe_value_map_uids(w->job, element, &w->scratch, &changed, error);
        return status == LETHE_OK && changed ? replace(w, element, vr, LETHE_ACTION_UID, w->scratch.bytes, w->scratch.size, d, error) : status;
    }
    if (wants_token(element->tag)) return token(w, element, vr, d, error);
    const void *bytes;
    size_t size;
    if (element->form != LETHE_DICOM_LEAF || !lethe_value_dummy(vr, &bytes, &size)) return drop(w, element, vr, d, error);
    /* Under Modified Dates a date that must have a value gets the shifted one elsewhere; here only what has no option left. */
    return replace(w, element, vr, LETHE_ACTION_DUMMY, bytes, size, d, error);
}

/* Not clean after all: a dummy for what may need a value, else nothing. */
static lethe_status give_up(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const char *reason, lethe_error *error) {
    decision d = {.action = LETHE_ACTION_DUMMY, .reason = reason, .identity = true, .children = INSIDE_DUMMY};
    lethe_iod_type type = lethe_iod_type_of(w->iod, parent, element->tag);
    const lethe_annex_row *row = lethe_annex_e_find(element->tag);
    if (row != NULL && type == LETHE_TYPE_3) return drop(w, element, vr, &d, error);
    if (row != NULL && type == LETHE_TYPE_2) return empty(w, element, vr, &d, error);
    return dummy(w, element, vr, parent, &d, error);
}

static lethe_status clean(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const decision *d, lethe_error *error) {
    if (element->value_bytes == 0) return LETHE_OK;
    if (!lethe_vr_is_text(vr) || vr == LETHE_VR_PN) {
        bool identifies = false;
        lethe_status status = lethe_value_identifies(w->job, element, vr, false, &identifies, error);
        if (status != LETHE_OK) return status;
        return identifies || !lethe_value_fits(vr, element->value, (size_t)element->value_bytes)
                   ? give_up(w, element, vr, parent, "holds a known identifier", error)
                   : LETHE_OK;
    }
    bool changed = false;
    lethe_buffer_clear(&w->scratch);
    lethe_status status = lethe_value_clean(w->job, element, vr, d->clean, &w->scratch, &changed, error);
    if (status == LETHE_UNSUPPORTED) {
        if (error != NULL) lethe_error_clear(error);
        return give_up(w, element, vr, parent, "text that its character set cannot write after cleaning", error);
    }
    if (status != LETHE_OK || !changed) return status;
    if (w->scratch.size == 0) return give_up(w, element, vr, parent, d->reason, error);
    decision cleaned = *d;
    cleaned.identity = false; /* parts of it stay by right; what went is found by the identifiers */
    return replace(w, element, vr, LETHE_ACTION_CLEAN, w->scratch.bytes, w->scratch.size, &cleaned, error);
}

static lethe_status shift(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const decision *d, lethe_error *error) {
    if (element->value_bytes == 0) return LETHE_OK;
    if (!is_date_vr(vr)) return clean(w, element, vr, parent, d, error);
    const char *text;
    size_t size;
    lethe_buffer copy;
    lethe_buffer_init(&copy, 1u << 20);
    lethe_buffer_clear(&w->scratch);
    lethe_status status = lethe_value_utf8(element, vr, &copy, &text, &size, error);
    bool valid = false;
    if (status == LETHE_OK) status = lethe_scrub_shift(w->job->scrub, vr, text, size, &w->scratch, &valid, error);
    lethe_buffer_release(&copy);
    if (status != LETHE_OK) return status;
    if (!valid) return give_up(w, element, vr, parent, "not a date or time: it cannot be shifted", error);
    if (vr == LETHE_VR_TM && w->scratch.size == size) return LETHE_OK; /* whole days do not move the time of day */
    return replace(w, element, vr, LETHE_ACTION_SHIFT, w->scratch.bytes, w->scratch.size, d, error);
}

/* nnnD, nnnW, nnnM, nnnY (PS3.5 6.2); "24" and "22Y", as some devices write it, are years too. */
static bool read_age(const char *text, unsigned *number, char *unit) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || (text[digits] != '\0' && (strchr("DWMY", text[digits]) == NULL || text[digits + 1] != '\0'))) return false;
    *number = 0;
    for (size_t i = 0; i < digits; i++) *number = 10 * *number + (unsigned)(text[i] - '0');
    *unit = 'Y';
    if (text[digits] != '\0') *unit = text[digits];
    return true;
}

static lethe_status group_age(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const decision *d, lethe_error *error) {
    char text[32] = "";
    if (!lethe_dicom_element_text(element, 0, text, sizeof text)) return LETHE_OK;
    unsigned limit = lethe_profile_age_limit(w->job->profile), number;
    char unit;
    if (!read_age(text, &number, &unit)) return give_up(w, element, vr, parent, "not an age", error);
    if (limit == 0 || unit != 'Y' || number <= limit) return LETHE_OK;
    char grouped[24];
    (void)snprintf(grouped, sizeof grouped, "%03uY", (limit + 1) % 1000);
    return replace(w, element, vr, LETHE_ACTION_AGE, grouped, 4, d, error);
}

/* A number of five digits or more may be an identifier in a numeric string. */
static bool has_long_number(const lethe_dicom_element *element) {
    unsigned run = 0;
    for (uint64_t i = 0; i < element->value_bytes; i++) {
        run = element->value[i] >= '0' && element->value[i] <= '9' ? run + 1 : 0;
        if (run == 5) return element->vr == LETHE_VR_IS || element->vr == LETHE_VR_DS || element->vr == LETHE_VR_UN;
    }
    return false;
}

/* Of a list of coded values only those go that identify. Image Type counts places (PS3.3 C.7.6.1.1.2): there a value that says nothing takes the
 * place. */
static lethe_status keep_good_values(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const decision *d,
                                     lethe_error *error) {
    static const char *const places[] = {"DERIVED", "SECONDARY"};
    bool image_type = element->tag == LETHE_TAG(0x0008, 0x0008), any = false, found = false;
    lethe_status status = LETHE_OK;
    const uint8_t *at = element->value, *end = at + element->value_bytes;
    lethe_buffer_clear(&w->scratch);
    for (unsigned index = 0; at <= end && status == LETHE_OK; index++) {
        const uint8_t *stop = memchr(at, '\\', (size_t)(end - at));
        if (stop == NULL) stop = end;
        lethe_dicom_element one = *element;
        one.value = at;
        one.value_bytes = (uint64_t)(stop - at);
        bool identifies = false;
        if (one.value_bytes != 0) status = lethe_value_identifies(w->job, &one, vr, d->by_option, &identifies, error);
        bool bad = identifies || !lethe_value_fits(vr, at, (size_t)(stop - at));
        const char *instead = index < 2 ? places[index] : "OTHER";
        if (status == LETHE_OK && any && (!bad || image_type)) status = lethe_buffer_append(&w->scratch, "\\", 1, error);
        if (status == LETHE_OK && !bad) status = lethe_buffer_append(&w->scratch, at, (size_t)(stop - at), error);
        else if (status == LETHE_OK && image_type) status = lethe_buffer_append_text(&w->scratch, instead, error);
        any = any || !bad || image_type;
        found = found || bad;
        at = stop + 1;
    }
    if (status != LETHE_OK) return status;
    if (w->scratch.size == 0 || !found) return give_up(w, element, vr, parent, "holds a known identifier", error);
    decision cleaned = *d;
    cleaned.identity = false;
    cleaned.reason = "one of its values holds a known identifier";
    return replace(w, element, vr, LETHE_ACTION_CLEAN, w->scratch.bytes, w->scratch.size, &cleaned, error);
}

/* Of a list of numbers those that identify become 0: a position keeps its three. */
static lethe_status keep_good_numbers(walk *w, const lethe_dicom_element *element, lethe_vr vr, const decision *d, lethe_error *error) {
    lethe_status status = LETHE_OK;
    const uint8_t *at = element->value, *end = at + element->value_bytes;
    lethe_buffer_clear(&w->scratch);
    while (at <= end && status == LETHE_OK) {
        const uint8_t *stop = memchr(at, '\\', (size_t)(end - at));
        if (stop == NULL) stop = end;
        lethe_dicom_element one = *element;
        one.value = at;
        one.value_bytes = (uint64_t)(stop - at);
        bool identifies = false;
        if (at != element->value) status = lethe_buffer_append(&w->scratch, "\\", 1, error);
        if (status == LETHE_OK) status = lethe_value_identifies(w->job, &one, vr, d->by_option, &identifies, error);
        if (status == LETHE_OK && identifies) status = lethe_buffer_append(&w->scratch, "0", 1, error);
        else if (status == LETHE_OK) status = lethe_buffer_append(&w->scratch, at, (size_t)(stop - at), error);
        at = stop + 1;
    }
    if (status != LETHE_OK) return status;
    decision cleaned = *d;
    cleaned.identity = false;
    cleaned.reason = "one of its values is a known identifier";
    return replace(w, element, vr, LETHE_ACTION_CLEAN, w->scratch.bytes, w->scratch.size, &cleaned, error);
}

static lethe_status keep(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const decision *d, lethe_error *error) {
    if (element->form == LETHE_DICOM_FRAGMENTS || element->value_bytes == 0) return LETHE_OK;
    if (vr == LETHE_VR_AS) return group_age(w, element, vr, parent, d, error);
    if (element->value_bytes > 65536 || (lethe_tag_group(element->tag) == 0x7FE0)) return LETHE_OK;
    bool fits = lethe_value_fits(vr, element->value, (size_t)element->value_bytes), identifies = false;
    if ((lethe_vr_is_text(vr) || vr == LETHE_VR_CS || !fits || has_long_number(element)) && !d->trusted) {
        lethe_status status = lethe_value_identifies(w->job, element, vr, d->by_option, &identifies, error);
        if (status != LETHE_OK) return status;
    }
    if (element->tag == LETHE_TAG(0x0028, 0x2000) && !d->trusted) /* its text parts may stand right beside other bytes */
        identifies = lethe_scrub_hits_bytes(w->job->scrub, element->value, (size_t)element->value_bytes);
    bool several = memchr(element->value, '\\', (size_t)element->value_bytes) != NULL;
    if (identifies && several && vr == LETHE_VR_CS) return keep_good_values(w, element, vr, parent, d, error);
    if (identifies && several && fits && (vr == LETHE_VR_DS || vr == LETHE_VR_IS)) return keep_good_numbers(w, element, vr, d, error);
    if (identifies) return give_up(w, element, vr, parent, "holds a known identifier", error);
    if (!d->by_option && !d->trusted) return LETHE_OK;
    return remember(w, element->value, (size_t)element->value_bytes, is_date_vr(vr) ? LETHE_REMOVED_DATE : LETHE_REMOVED_TEXT, true, error);
}

static lethe_status do_sequence(walk *w, const lethe_dicom_element *element, const decision *d, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_item *item = element->items; item != NULL && status == LETHE_OK; item = item->next)
        status = edit_item(w, item, element->tag, d->children, error);
    return status;
}

static lethe_status apply(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, const decision *d, lethe_error *error) {
    bool sequence = element->form == LETHE_DICOM_SEQUENCE;
    switch (d->action) {
    case LETHE_ACTION_REMOVE: return drop(w, element, vr, d, error);
    case LETHE_ACTION_EMPTY:
        if (element->tag == LETHE_TAG(0x0010, 0x0020)) return patient_id(w, element, vr, d, error);
        if (parent == 0 && element->tag == LETHE_TAG(0x0010, 0x0010)) /* a name that viewers can show; a dummy is allowed for Z */
            return replace(w, element, vr, LETHE_ACTION_TOKEN, w->job->patient, strlen(w->job->patient), d, error);
        return empty(w, element, vr, d, error);
    case LETHE_ACTION_DUMMY: return dummy(w, element, vr, parent, d, error);
    case LETHE_ACTION_UID:
    case LETHE_ACTION_CLEAN:
    case LETHE_ACTION_SHIFT:
    case LETHE_ACTION_KEEP:
        if (sequence) return do_sequence(w, element, d, error);
        if (element->form == LETHE_DICOM_LEAF && vr == LETHE_VR_SQ) {
            /* A sequence in UN of defined length cannot be walked: it may hold anything. */
            decision hidden = {.action = LETHE_ACTION_REMOVE, .reason = "sequence hidden in UN", .identity = true};
            return element->value_bytes == 0 ? LETHE_OK : drop(w, element, vr, &hidden, error);
        }
        if (d->action == LETHE_ACTION_CLEAN) return clean(w, element, vr, parent, d, error);
        if (d->action == LETHE_ACTION_SHIFT) return shift(w, element, vr, parent, d, error);
        if (d->action == LETHE_ACTION_UID) return dummy(w, element, LETHE_VR_UI, parent, d, error);
        return keep(w, element, vr, parent, d, error);
    case LETHE_ACTION_AGE: return sequence ? drop(w, element, vr, d, error) : group_age(w, element, vr, parent, d, error);
    case LETHE_ACTION_TOKEN: return sequence ? drop(w, element, vr, d, error) : token(w, element, vr, d, error);
    case LETHE_ACTION_REPLACE:
        return sequence ? drop(w, element, vr, d, error) : replace(w, element, vr, LETHE_ACTION_REPLACE, d->value, strlen(d->value), d, error);
    default: return drop(w, element, vr, d, error);
    }
}

static lethe_status edit_private(walk *w, const lethe_dicom_element *element, lethe_vr vr, lethe_tag parent, inside where, const lethe_rule *rule,
                                 lethe_error *error) {
    decision d = {
        .action = LETHE_ACTION_REMOVE, .reason = "private element: PS3.15 Table E.1-1, X", .children = where, .clean = LETHE_CLEAN_IDENTIFIERS};
    if (lethe_tag_is_private_creator(element->tag)) {
        /* A block stays as long as something in it stays; private_finish() drops the empty ones. */
        return LETHE_OK;
    }
    if (rule != NULL) {
        lethe_decide_by_rule(rule, where, &d);
    } else if ((w->options & LETHE_OPTION_SAFE_PRIVATE) != 0 && element->private_creator != NULL) {
        lethe_private_verdict verdict = lethe_private_decide(element, vr);
        if (verdict.safe) {
            d.action = is_date_vr(vr) ? lethe_decide_date(w->options) : vr == LETHE_VR_UI ? LETHE_ACTION_UID : LETHE_ACTION_KEEP;
            d.reason = verdict.reason;
        }
    }
    if (d.action == LETHE_ACTION_KEEP && element->form == LETHE_DICOM_LEAF) {
        bool passes = false;
        lethe_status status = lethe_private_recheck(w->job, element, vr, &passes, error);
        if (status != LETHE_OK) return status;
        if (!passes) d = (decision){.action = LETHE_ACTION_REMOVE, .reason = "safe private element whose value might identify"};
    }
    if (d.action == LETHE_ACTION_REMOVE) w->record->private_dropped++;
    else w->record->counts[LETHE_ACTION_KEEP]++;
    if (d.action == LETHE_ACTION_KEEP && w->job->explain) {
        lethe_status status = lethe_edit_keep(w->job->script, element, d.reason, error);
        if (status != LETHE_OK) return status;
    }
    return apply(w, element, vr, parent, &d, error);
}

/* Drop private creators whose block has nothing left, and creator text that might identify. */
static lethe_status private_finish(walk *w, const lethe_dicom_item *item, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_element *creator = item->first; creator != NULL && status == LETHE_OK; creator = creator->next) {
        if (!lethe_tag_is_private_creator(creator->tag)) continue;
        uint32_t low = (uint32_t)lethe_tag_element(creator->tag) << 8;
        bool used = false;
        for (const lethe_dicom_element *e = creator->next; e != NULL && !used; e = e->next) {
            if (lethe_tag_group(e->tag) != lethe_tag_group(creator->tag) || lethe_tag_element(e->tag) < low || lethe_tag_element(e->tag) > low + 0xFF)
                continue;
            const lethe_edit *edit = lethe_edit_find(w->job->script, e);
            used = edit == NULL || edit->kind != LETHE_EDIT_DROP;
        }
        if (!used) status = lethe_edit_drop(w->job->script, creator, "private creator of a block that is gone", error);
    }
    return status;
}

static lethe_status edit_element(walk *w, const lethe_dicom_element *element, lethe_tag parent, inside where, lethe_error *error) {
    bool is_private = lethe_tag_is_private(element->tag);
    const lethe_dictionary_entry *entry = is_private ? NULL : lethe_dictionary_find(element->tag);
    lethe_vr vr = lethe_value_vr(element, entry);
    decision d = {0};
    if (parent == 0 && lethe_decide_is_statement(element->tag)) return LETHE_OK; /* written anew by insert_statements() */
    if (lethe_decide_structural(w, element, entry, &d)) return drop(w, element, vr, &d, error);
    unsigned named = 0;
    for (unsigned i = 0; i < w->job->forced_count; i++) named += w->job->forced[i] == element->tag;
    if (named != 0) {
        static const char reason[] = "the audit found a trace of the patient in it";
        d = (decision){.action = LETHE_ACTION_REMOVE, .clean = LETHE_CLEAN_STRICT, .reason = reason};
        if (element->tag == LETHE_TAG(0x0042, 0x0011))
            return lethe_fail(error, LETHE_UNSAFE, "(0042,0011): the encapsulated document names the patient");
        if (is_private || element->form != LETHE_DICOM_LEAF) return drop(w, element, vr, &d, error);
        bool cleanable = named == 1 && lethe_vr_is_text(vr) && vr != LETHE_VR_PN;
        return cleanable ? clean(w, element, vr, parent, &d, error) : give_up(w, element, vr, parent, reason, error);
    }
    lethe_rule_query query = {.element = element, .vr = vr, .sop_class = w->sop_class, .modality = w->modality};
    const lethe_rule *rule = lethe_profile_rule(w->job->profile, &query);
    if (is_private) return edit_private(w, element, vr, parent, where, rule, error);
    const lethe_annex_row *row = lethe_annex_e_find(element->tag);
    if (rule != NULL) lethe_decide_by_rule(rule, where, &d);
    else if (lethe_decide_graphics(w, element, &d) || lethe_decide_content(w, element, &d)) {
    } else if (row != NULL) lethe_decide_by_table(w, row, vr, parent, element->tag, &d);
    else lethe_decide_by_vr(w, element, vr, where, &d);
    bool document = element->tag == LETHE_TAG(0x0042, 0x0011) && d.action == LETHE_ACTION_DUMMY;
    if (document && lethe_profile_documents(w->job->profile) == LETHE_DOCUMENT_KEEP) return LETHE_OK; /* documents.c searches it */
    if (document) return lethe_fail(error, LETHE_UNSAFE, "(0042,0011): an encapsulated document has no dummy");
    if (w->job->explain && d.action == LETHE_ACTION_KEEP) {
        lethe_status status = lethe_edit_keep(w->job->script, element, d.reason, error);
        if (status != LETHE_OK) return status;
    }
    return apply(w, element, vr, parent, &d, error);
}

static lethe_status edit_item(walk *w, const lethe_dicom_item *item, lethe_tag parent, inside where, lethe_error *error) {
    if (++w->depth > LETHE_LIMIT_SEQUENCE_DEPTH + 2) return lethe_fail(error, LETHE_LIMIT, "sequences nested too deep");
    lethe_status status = LETHE_OK;
    bool any_private = false;
    for (const lethe_dicom_element *element = item->first; element != NULL && status == LETHE_OK; element = element->next) {
        any_private |= lethe_tag_is_private_creator(element->tag);
        status = edit_element(w, element, parent, where, error);
    }
    if (status == LETHE_OK && any_private) status = private_finish(w, item, error);
    w->depth--;
    return status;
}

/* --- the file as a whole --- */

static lethe_status edit_meta(walk *w, lethe_error *error) {
    static const char implementation_uid[] = "2.25.142187329610562343218450175361850231764";
    const lethe_dicom_item *meta = w->job->dataset->meta;
    lethe_edit_clear_preamble(w->job->script);
    lethe_edit_drop_trailing(w->job->script);
    lethe_edit_require_meta(w->job->script);
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_element *e = meta == NULL ? NULL : meta->first; e != NULL && status == LETHE_OK; e = e->next) {
        uint16_t number = lethe_tag_element(e->tag);
        if (number == 0x0000 || number == 0x0001 || number == 0x0002 || number == 0x0003 || number == 0x0010) continue;
        if (number == 0x0012)
            status =
                lethe_edit_replace(w->job->script, e, 0, implementation_uid, sizeof implementation_uid - 1, "file meta: the writer's own", error);
        else if (number == 0x0013) status = lethe_edit_replace(w->job->script, e, 0, "LETHE", 5, "file meta: the writer's own", error);
        else status = lethe_edit_drop(w->job->script, e, "file meta element that is not needed (PS3.10 7.1)", error);
    }
    /* The old instance UID stands in the meta too; the writer takes the new one from the data set. */
    return status;
}

static lethe_status insert_codes(walk *w, lethe_error *error) {
    static const struct {
        uint32_t option;
        const char *code, *meaning;
    } codes[] = {
        {0, "113100", "Basic Application Confidentiality Profile"},
        {LETHE_OPTION_PIXELS, "113101", "Clean Pixel Data Option"},
        {LETHE_OPTION_GRAPHICS, "113103", "Clean Graphics Option"},
        {LETHE_OPTION_STRUCTURED, "113104", "Clean Structured Content Option"},
        {LETHE_OPTION_DESCRIPTORS, "113105", "Clean Descriptors Option"},
        {LETHE_OPTION_FULL_DATES, "113106", "Retain Longitudinal Temporal Information Full Dates Option"},
        {LETHE_OPTION_MODIFIED_DATES, "113107", "Retain Longitudinal Temporal Information Modified Dates Option"},
        {LETHE_OPTION_PATIENT, "113108", "Retain Patient Characteristics Option"},
        {LETHE_OPTION_DEVICE, "113109", "Retain Device Identity Option"},
        {LETHE_OPTION_UIDS, "113110", "Retain UIDs Option"},
        {LETHE_OPTION_SAFE_PRIVATE, "113111", "Retain Safe Private Option"},
        {LETHE_OPTION_INSTITUTION, "113112", "Retain Institution Identity Option"},
    };
    lethe_dicom_encoding encoding = w->job->dataset->root->encoding;
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, 1u << 16);
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < sizeof codes / sizeof *codes && status == LETHE_OK; i++) {
        if (codes[i].option != 0 && (w->options & codes[i].option) == 0) continue;
        if (codes[i].option == LETHE_OPTION_PIXELS && !w->job->pixels_cleaned) continue;
        status = lethe_dicom_encode_item_begin(&bytes, encoding, error);
        if (status == LETHE_OK) status = lethe_dicom_encode_text(&bytes, encoding, LETHE_TAG(0x0008, 0x0100), LETHE_VR_SH, codes[i].code, error);
        if (status == LETHE_OK) status = lethe_dicom_encode_text(&bytes, encoding, LETHE_TAG(0x0008, 0x0102), LETHE_VR_SH, "DCM", error);
        if (status == LETHE_OK) status = lethe_dicom_encode_text(&bytes, encoding, LETHE_TAG(0x0008, 0x0104), LETHE_VR_LO, codes[i].meaning, error);
        if (status == LETHE_OK) status = lethe_dicom_encode_item_end(&bytes, encoding, error);
    }
    if (status == LETHE_OK)
        status = lethe_edit_insert(w->job->script, w->job->dataset->root, LETHE_TAG(0x0012, 0x0064), LETHE_VR_SQ, bytes.bytes, bytes.size,
                                   "CID 7050 (PS3.16)", error);
    lethe_buffer_release(&bytes);
    return status;
}

static lethe_status insert_text(walk *w, lethe_tag tag, lethe_vr vr, const char *text, const char *reason, lethe_error *error) {
    return lethe_edit_insert(w->job->script, w->job->dataset->root, tag, vr, text, strlen(text), reason, error);
}

static lethe_status insert_statements(walk *w, lethe_error *error) {
    char method[160];
    (void)snprintf(method, sizeof method, "Lethe %.16s\\DICOM PS3.15 2025b Annex E\\profile %.40s", LETHE_VERSION,
                   lethe_profile_name(w->job->profile));
    for (char *at = method; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7E) *at = '?';
    lethe_status status = insert_text(w, LETHE_TAG(0x0012, 0x0062), LETHE_VR_CS, "YES", "PS3.15 E.1.1: Patient Identity Removed", error);
    if (status == LETHE_OK) status = insert_text(w, LETHE_TAG(0x0012, 0x0063), LETHE_VR_LO, method, "PS3.15 E.1.1: De-identification Method", error);
    if (status == LETHE_OK) status = insert_codes(w, error);
    const char *longitudinal = (w->options & LETHE_OPTION_MODIFIED_DATES) != 0 ? "MODIFIED"
                               : (w->options & LETHE_OPTION_FULL_DATES) != 0   ? "UNMODIFIED"
                                                                               : "REMOVED";
    if (status == LETHE_OK)
        status =
            insert_text(w, LETHE_TAG(0x0028, 0x0303), LETHE_VR_CS, longitudinal, "PS3.15 E.3.6: Longitudinal Temporal Information Modified", error);
    const lethe_dicom_item *root = w->job->dataset->root;
    if (status == LETHE_OK && lethe_dicom_find(root, LETHE_TAG(0x0010, 0x0020)) == NULL)
        status = insert_text(w, LETHE_TAG(0x0010, 0x0020), LETHE_VR_LO, w->job->patient, "Patient ID was missing: the pseudonym", error);
    if (status == LETHE_OK && lethe_dicom_find(root, LETHE_TAG(0x0010, 0x0010)) == NULL)
        status = insert_text(w, LETHE_TAG(0x0010, 0x0010), LETHE_VR_PN, w->job->patient, "Patient's Name was missing: the pseudonym", error);
    return status;
}

lethe_status lethe_attributes_edit(lethe_attribute_job *job, lethe_attribute_record *record, lethe_error *error) {
    walk w = {.job = job, .record = record, .options = lethe_profile_options(job->profile)};
    *record = (lethe_attribute_record){0};
    lethe_buffer_init(&w.scratch, 64u << 20);
    (void)lethe_dicom_text(job->dataset->root, LETHE_TAG(0x0008, 0x0016), 0, w.sop_class, sizeof w.sop_class);
    (void)lethe_dicom_text(job->dataset->root, LETHE_TAG(0x0008, 0x0060), 0, w.modality, sizeof w.modality);
    w.iod = lethe_iod_class_find(w.sop_class);
    lethe_status status = edit_meta(&w, error);
    if (status == LETHE_OK) status = edit_item(&w, job->dataset->root, 0, INSIDE_NOTHING, error);
    if (status == LETHE_OK) status = insert_statements(&w, error);
    lethe_buffer_release(&w.scratch);
    return status;
}

bool lethe_uid_is_registered(const char *uid, size_t length) {
    static const char root[] = "1.2.840.10008.";
    size_t prefix = sizeof root - 1;
    if (length <= prefix || memcmp(uid, root, prefix) != 0) return false;
    unsigned digits = 0, parts = 1;
    for (size_t i = prefix; i < length; i++) {
        if (uid[i] == '.') {
            if (digits == 0) return false;
            digits = 0;
            parts++;
        } else if (uid[i] >= '0' && uid[i] <= '9') {
            if (++digits > 4) return false; /* the registry has none longer: an instance UID under the standard's root is an invention */
        } else {
            return false;
        }
    }
    return digits != 0 && parts <= 8;
}
