#include "deid/scrub.h"

#include "core/memory.h"
#include "deid/dates.h"
#include "deid/text.h"

struct lethe_scrub {
    const lethe_profile *profile;
    lethe_identifiers *identifiers;
    lethe_text_cleaner *cleaner;
    int32_t shift_days;
    bool dates_kept, dates_shifted;
};

lethe_status lethe_scrub_create(const lethe_profile *profile, lethe_scrub **out, lethe_error *error) {
    *out = NULL;
    lethe_scrub *scrub = lethe_alloc_array(1, sizeof *scrub);
    if (scrub == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a text cleaner");
    scrub->profile = profile;
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
    lethe_free(scrub);
}

lethe_status lethe_scrub_learn(lethe_scrub *scrub, const lethe_dicom_dataset *dataset, const char *source_name, int32_t shift_days, lethe_error *error) {
    (void)source_name;
    lethe_identifiers_clear(scrub->identifiers);
    scrub->shift_days = shift_days;
    lethe_text_cleaner_set_shift(scrub->cleaner, scrub->dates_shifted ? shift_days : 0);
    return lethe_identifiers_gather(scrub->identifiers, dataset, error);
}

const lethe_identifiers *lethe_scrub_identifiers(const lethe_scrub *scrub) { return scrub->identifiers; }

lethe_status lethe_scrub_text(lethe_scrub *scrub, const char *utf8, size_t size, lethe_clean_mode mode, lethe_buffer *out, bool *changed,
                              lethe_error *error) {
    lethe_text_result result = {0};
    size_t before = out->size;
    lethe_text_mode text_mode = mode == LETHE_CLEAN_STRICT ? LETHE_TEXT_STRICT : mode == LETHE_CLEAN_FULL ? lethe_profile_text(scrub->profile) : LETHE_TEXT_RESEARCH;
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
