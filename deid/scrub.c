#include "deid/scrub.h"

#include "core/memory.h"
#include "deid/dates.h"
#include "deid/text.h"

#include <string.h>

struct lethe_scrub {
    const lethe_profile *profile;
    lethe_identifiers *identifiers;
    lethe_text_cleaner *cleaner;
    int32_t shift_days;
    bool dates_shifted;
    lethe_buffer literals; /* each ended by a NUL */
};

lethe_status lethe_scrub_create(const lethe_profile *profile, lethe_scrub **out, lethe_error *error) {
    *out = NULL;
    lethe_scrub *scrub = lethe_alloc_array(1, sizeof *scrub);
    if (scrub == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a text cleaner");
    scrub->profile = profile;
    lethe_buffer_init(&scrub->literals, 16u << 20);
    scrub->dates_shifted = (lethe_profile_options(profile) & LETHE_OPTION_MODIFIED_DATES) != 0;
    lethe_status status = lethe_identifiers_create(&scrub->identifiers, error);
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
    lethe_free(scrub);
}

lethe_status lethe_scrub_learn(lethe_scrub *scrub, const lethe_dicom_dataset *dataset, const char *source_name, int32_t shift_days,
                               lethe_error *error) {
    (void)source_name;
    lethe_identifiers_clear(scrub->identifiers);
    lethe_buffer_clear(&scrub->literals);
    scrub->shift_days = shift_days;
    lethe_text_cleaner_set_shift(scrub->cleaner, scrub->dates_shifted ? shift_days : 0);
    return lethe_identifiers_gather(scrub->identifiers, dataset, error);
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
    for (size_t i = before; blanked && i < out->size; i++) /* one space where several were left, none at the ends */
        if (text[i] != ' ' || (kept != before && text[kept - 1] != ' ')) text[kept++] = text[i];
    while (blanked && kept != before && text[kept - 1] == ' ') kept--;
    if (blanked) {
        out->size = kept;
        text[kept] = '\0';
    }
    *changed = blanked || result.changed;
    return LETHE_OK;
}

lethe_status lethe_scrub_text(lethe_scrub *scrub, const char *utf8, size_t size, lethe_clean_mode mode, lethe_buffer *out, bool *changed,
                              lethe_error *error) {
    if (mode == LETHE_CLEAN_STRICT) return clean_strictly(scrub, utf8, size, out, changed, error);
    lethe_text_result result = {0};
    size_t before = out->size;
    lethe_text_mode text_mode = mode == LETHE_CLEAN_FULL ? lethe_profile_text(scrub->profile) : LETHE_TEXT_RESEARCH;
    lethe_status status = lethe_text_clean(scrub->cleaner, utf8, size, text_mode, out, &result, error);
    *changed = result.changed;
    if (status != LETHE_OK || mode != LETHE_CLEAN_IDENTIFIERS || !result.changed) return status;
    /* Technical attributes outside the table (manufacturer, sequence, kernel): only what is known to identify goes, not what merely looks unusual. */
    unsigned grave = LETHE_TEXT_KNOWN | LETHE_TEXT_TITLE | LETHE_TEXT_NUMBER | LETHE_TEXT_CONTACT | LETHE_TEXT_ADDRESS | LETHE_TEXT_DATE;
    if ((result.reasons & grave) != 0) return LETHE_OK;
    *changed = false;
    out->size = before;
    if (out->bytes != NULL) out->bytes[before] = 0;
    return lethe_buffer_append(out, utf8, size, error);
}

bool lethe_scrub_hits(const lethe_scrub *scrub, const char *utf8, size_t size, bool person_only) {
    lethe_identifier_kind kind;
    if (!lethe_identifiers_in_text(scrub->identifiers, utf8, size, &kind)) return false;
    return !person_only || kind == LETHE_ID_NAME || kind == LETHE_ID_NUMBER;
}

lethe_status lethe_scrub_shift(lethe_scrub *scrub, lethe_vr vr, const char *text, size_t size, lethe_buffer *out, bool *valid, lethe_error *error) {
    lethe_date_result result = {0};
    size_t before = out->size;
    lethe_status status = lethe_date_shift_value(vr, text, size, scrub->shift_days, out, &result, error);
    *valid = status == LETHE_OK && result.impossible == 0 && out->size != before;
    if (!*valid) out->size = before;
    return status;
}
