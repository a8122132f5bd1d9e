#include "deid/scrub.h"

#include "core/memory.h"
#include "deid/known.h"
#include "deid/text/dates.h"
#include "deid/text/text.h"
#include "deid/text/text_memo.h"

#include <string.h>

struct lethe_scrub {
    const lethe_profile *profile;
    lethe_identifiers *identifiers;
    lethe_text_cleaner *cleaner;
    int32_t shift_days;
    bool dates_shifted;
    lethe_buffer literals; /* each ended by a NUL */
    /* What this instance told, as known.h writes it, and what the identifiers were made of: files of a series tell the same again and again. */
    lethe_buffer told, settled_told;
    int32_t settled_shift;
    bool settled;  /* the identifiers are those of `told` */
    bool unusable; /* they could not be made: nothing may pass */
    lethe_text_memo *memo;
};

lethe_status lethe_scrub_create(const lethe_profile *profile, lethe_scrub **out, lethe_error *error) {
    *out = NULL;
    lethe_scrub *scrub = lethe_alloc_array(1, sizeof *scrub);
    if (scrub == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a text cleaner");
    scrub->profile = profile;
    lethe_buffer_init(&scrub->literals, 16u << 20);
    lethe_buffer_init(&scrub->told, 256u << 20);
    lethe_buffer_init(&scrub->settled_told, 256u << 20);
    scrub->settled = true; /* nothing is known yet */
    scrub->memo = lethe_text_memo_create();
    scrub->dates_shifted = (lethe_profile_options(profile) & LETHE_OPTION_MODIFIED_DATES) != 0;
    lethe_status status = scrub->memo == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a text cleaner") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_identifiers_create(&scrub->identifiers, error);
    if (status == LETHE_OK) status = lethe_text_cleaner_create(scrub->identifiers, &scrub->cleaner, error);
    if (status != LETHE_OK) lethe_scrub_destroy(scrub);
    else *out = scrub;
    return status;
}

void lethe_scrub_destroy(lethe_scrub *scrub) {
    if (scrub == NULL) return;
    lethe_text_cleaner_destroy(scrub->cleaner);
    lethe_identifiers_destroy(scrub->identifiers);
    if (scrub->literals.bytes != NULL) lethe_wipe(scrub->literals.bytes, scrub->literals.size);
    lethe_buffer_release(&scrub->literals);
    lethe_buffer *const told[] = {&scrub->told, &scrub->settled_told};
    for (int i = 0; i < 2; i++) {
        if (told[i]->bytes != NULL) lethe_wipe(told[i]->bytes, told[i]->capacity);
        lethe_buffer_release(told[i]);
    }
    lethe_text_memo_destroy(scrub->memo);
    lethe_free(scrub);
}

static lethe_status tell(void *context, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error) {
    lethe_buffer *told = context;
    if (size > LETHE_KNOWN_VALUE_BYTES) size = LETHE_KNOWN_VALUE_BYTES;
    const uint8_t head[3] = {(uint8_t)kind, (uint8_t)size, (uint8_t)(size >> 8)};
    for (size_t at = 0; at + sizeof head + size <= told->size; at += sizeof head + (told->bytes[at + 1] | (size_t)told->bytes[at + 2] << 8))
        if (memcmp(told->bytes + at, head, sizeof head) == 0 && memcmp(told->bytes + at + sizeof head, utf8, size) == 0) return LETHE_OK; /* again */
    lethe_status status = lethe_buffer_append(told, head, sizeof head, error);
    return status == LETHE_OK ? lethe_buffer_append(told, utf8, size, error) : status;
}

lethe_status lethe_scrub_learn(lethe_scrub *scrub, const lethe_dicom_dataset *dataset, const char *source_name, int32_t shift_days,
                               lethe_error *error) {
    (void)source_name;
    lethe_buffer_clear(&scrub->literals);
    lethe_buffer_clear(&scrub->told);
    scrub->settled = scrub->unusable = false;
    scrub->shift_days = shift_days;
    lethe_text_cleaner_set_shift(scrub->cleaner, scrub->dates_shifted ? shift_days : 0);
    return lethe_identifiers_list(dataset, tell, &scrub->told, error);
}

static lethe_status add_known(void *context, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error) {
    return lethe_identifiers_add(context, kind, utf8, size, error);
}

/* Make the identifiers of what was told, unless they are those already. */
static lethe_status settle(lethe_scrub *scrub, lethe_error *error) {
    if (scrub->unusable) return lethe_fail(error, LETHE_INTERNAL, "the known identifiers could not be made");
    if (scrub->settled) return LETHE_OK;
    const lethe_buffer *told = &scrub->told, *before = &scrub->settled_told;
    bool same = told->size == before->size && (told->size == 0 || memcmp(told->bytes, before->bytes, told->size) == 0);
    if (!same || scrub->shift_days != scrub->settled_shift) lethe_text_memo_clear(scrub->memo);
    scrub->settled_shift = scrub->shift_days;
    lethe_status status = LETHE_OK;
    if (!same) {
        lethe_identifiers_clear(scrub->identifiers);
        lethe_buffer_clear(&scrub->settled_told);
        status = lethe_known_visit(told->bytes, told->size, add_known, scrub->identifiers, error);
        if (status == LETHE_OK) status = lethe_buffer_append(&scrub->settled_told, told->bytes, told->size, error);
        if (status != LETHE_OK) lethe_buffer_clear(&scrub->settled_told);
    }
    scrub->settled = status == LETHE_OK;
    scrub->unusable = status != LETHE_OK;
    return status;
}

lethe_status lethe_scrub_know(lethe_scrub *scrub, const void *values, size_t size, lethe_error *error) {
    scrub->settled = false;
    lethe_status status = size == 0 ? LETHE_OK : lethe_known_visit(values, size, tell, &scrub->told, error);
    return status == LETHE_OK ? settle(scrub, error) : status;
}

const lethe_identifiers *lethe_scrub_identifiers(const lethe_scrub *scrub) { return scrub->identifiers; }

lethe_status lethe_scrub_add_literal(lethe_scrub *scrub, const void *bytes, size_t size, lethe_error *error) {
    const char *text = bytes;
    while (size != 0 && (text[size - 1] == ' ' || text[size - 1] == '\0')) size--;
    if (size < 3 || memchr(text, '\0', size) != NULL) return LETHE_OK;
    lethe_status status = lethe_buffer_append(&scrub->literals, text, size, error);
    return status == LETHE_OK ? lethe_buffer_append(&scrub->literals, "", 1, error) : status;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Digits are whole runs: "20000" does not stand in "120000". */
static bool cuts_number(const char *text, size_t size, size_t start, size_t end) {
    return (start > 0 && is_digit(text[start]) && is_digit(text[start - 1])) || (end < size && is_digit(text[end]) && is_digit(text[end - 1]));
}

static bool blank_one(const char *literal, char *text, size_t size) {
    size_t length = strlen(literal);
    bool any = false;
    for (size_t at = 0; length >= 3 && at + length <= size; at++) {
        if (strncasecmp(text + at, literal, length) != 0 || cuts_number(text, size, at, at + length)) continue;
        memset(text + at, ' ', length);
        any = true;
    }
    return any;
}

/* Blank out every known identifier and removed value as it was written, whatever the words around it: for texts that an audit did not let pass. */
static bool blank_identifiers(const lethe_scrub *scrub, char *text, size_t size) {
    bool any = false;
    for (size_t at = 0; at < scrub->literals.size; at += strlen((const char *)scrub->literals.bytes + at) + 1)
        any |= blank_one((const char *)scrub->literals.bytes + at, text, size);
    for (size_t i = 0; i < lethe_identifiers_count(scrub->identifiers); i++) {
        const lethe_identifier *identifier = lethe_identifiers_at(scrub->identifiers, i);
        if (!identifier->common) any |= blank_one(identifier->text, text, size);
    }
    return any;
}

/* First as any text, so that whole dates and names go; then what was removed elsewhere, as it was written. */
static lethe_status clean_strictly(lethe_scrub *scrub, const char *utf8, size_t size, lethe_buffer *out, bool *changed, lethe_error *error) {
    lethe_text_result result = {0};
    size_t before = out->size, kept = before;
    lethe_status status = lethe_text_clean(scrub->cleaner, utf8, size, LETHE_TEXT_STRICT, out, &result, error);
    if (status != LETHE_OK) return status;
    char *text = (char *)out->bytes;
    bool blanked = out->size != before && blank_identifiers(scrub, text + before, out->size - before);
    for (size_t i = before; blanked && i < out->size; i++) { /* one space or comma where several were left, none at the ends */
        if (text[i] == ',' && kept != before && text[kept - 1] == ' ') kept--;
        if (text[i] == ',' && (kept == before || text[kept - 1] == ',')) continue;
        if (text[i] != ' ' || (kept != before && text[kept - 1] != ' ')) text[kept++] = text[i];
    }
    while (blanked && kept != before && text[kept - 1] == ' ') kept--;
    if (blanked) {
        out->size = kept;
        text[kept] = '\0';
    }
    *changed = blanked || result.changed;
    return LETHE_OK;
}

static lethe_status clean_text(lethe_scrub *scrub, const char *utf8, size_t size, lethe_clean_mode mode, lethe_buffer *out, bool *changed,
                               lethe_error *error) {
    lethe_text_result result = {0};
    size_t before = out->size;
    lethe_text_mode text_mode = mode == LETHE_CLEAN_FULL      ? lethe_profile_text(scrub->profile)
                                : mode == LETHE_CLEAN_PRODUCT ? LETHE_TEXT_PRODUCT
                                                              : LETHE_TEXT_RESEARCH;
    lethe_status status = lethe_text_clean(scrub->cleaner, utf8, size, text_mode, out, &result, error);
    *changed = result.changed;
    if (status != LETHE_OK || mode == LETHE_CLEAN_FULL || !result.changed) return status;
    /* Technical attributes outside the table (manufacturer, sequence, kernel): only what is known to identify goes, not what merely looks unusual. */
    unsigned grave =
        LETHE_TEXT_KNOWN | LETHE_TEXT_TITLE | LETHE_TEXT_NUMBER | LETHE_TEXT_CONTACT | LETHE_TEXT_ADDRESS | LETHE_TEXT_DATE | LETHE_TEXT_SCRIPT;
    if ((result.reasons & grave) != 0) return LETHE_OK;
    *changed = false;
    out->size = before;
    if (out->bytes != NULL) out->bytes[before] = 0;
    return lethe_buffer_append(out, utf8, size, error);
}

lethe_status lethe_scrub_text(lethe_scrub *scrub, const char *utf8, size_t size, lethe_clean_mode mode, lethe_buffer *out, bool *changed,
                              lethe_error *error) {
    lethe_status settled = settle(scrub, error);
    if (settled != LETHE_OK) return settled;
    if (mode == LETHE_CLEAN_STRICT) return clean_strictly(scrub, utf8, size, out, changed, error);
    lethe_text_answer known;
    if (lethe_text_memo_find(scrub->memo, (uint8_t)mode, utf8, size, &known)) {
        *changed = known.answer != 0;
        return *changed ? lethe_buffer_append(out, known.text, known.size, error) : lethe_buffer_append(out, utf8, size, error);
    }
    size_t before = out->size;
    lethe_status status = clean_text(scrub, utf8, size, mode, out, changed, error);
    if (status == LETHE_OK) {
        known = (lethe_text_answer){.text = lethe_buffer_text(out) + before, .size = *changed ? out->size - before : 0, .answer = *changed};
        lethe_text_memo_add(scrub->memo, (uint8_t)mode, utf8, size, &known);
    }
    return status;
}
bool lethe_scrub_hits(const lethe_scrub *scrub, const char *utf8, size_t size, bool person_only) {
    enum { ASKED = 100, NO_HIT = 255 };
    lethe_text_answer known;
    if (!scrub->settled) return true; /* cannot say no */
    if (!lethe_text_memo_find(scrub->memo, ASKED, utf8, size, &known)) {
        lethe_identifier_kind kind = LETHE_ID_NAME;
        known = (lethe_text_answer){.answer = lethe_identifiers_in_text(scrub->identifiers, utf8, size, &kind) ? (uint8_t)kind : NO_HIT};
        lethe_text_memo_add(scrub->memo, ASKED, utf8, size, &known);
    }
    if (known.answer == NO_HIT) return false;
    return !person_only || known.answer == LETHE_ID_NAME || known.answer == LETHE_ID_NUMBER;
}

bool lethe_scrub_hits_bytes(const lethe_scrub *scrub, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < lethe_identifiers_count(scrub->identifiers); i++) {
        const lethe_identifier *identifier = lethe_identifiers_at(scrub->identifiers, i);
        size_t length = strlen(identifier->text);
        if (identifier->common || length < 5 || identifier->kind == LETHE_ID_DATE) continue;
        for (size_t at = 0; at + length <= size; at++)
            if (strncasecmp((const char *)bytes + at, identifier->text, length) == 0) return true;
    }
    return false;
}

lethe_status lethe_scrub_shift(lethe_scrub *scrub, lethe_vr vr, const char *text, size_t size, lethe_buffer *out, bool *valid, lethe_error *error) {
    lethe_date_result result = {0};
    size_t before = out->size;
    lethe_status status = lethe_date_shift_value(vr, text, size, scrub->shift_days, out, &result, error);
    *valid = status == LETHE_OK && result.impossible == 0 && out->size != before;
    if (!*valid) out->size = before;
    return status;
}
