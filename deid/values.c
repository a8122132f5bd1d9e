#include "deid/values.h"

#include "core/memory.h"
#include "core/text.h"
#include "deid/text/text.h"

#include <string.h>

lethe_vr lethe_value_vr(const lethe_dicom_element *element, const lethe_dictionary_entry *entry) {
    if (element->form == LETHE_DICOM_SEQUENCE) return LETHE_VR_SQ;
    if (entry == NULL) return element->vr;
    if (element->vr == LETHE_VR_NONE || element->vr == LETHE_VR_UN) return entry->vr;
    /* Names and dates under a wrong VR are treated as what they are meant to be. */
    if (entry->vr == LETHE_VR_PN || entry->vr == LETHE_VR_UI || entry->vr == LETHE_VR_SQ) return entry->vr;
    return element->vr;
}

/* --- grammar (PS3.5 6.2) --- */

static bool all_of(const uint8_t *bytes, size_t size, const char *extra, bool digits, bool capitals) {
    for (size_t i = 0; i < size; i++) {
        uint8_t c = bytes[i];
        if ((digits && c >= '0' && c <= '9') || (capitals && c >= 'A' && c <= 'Z') || (c != 0 && strchr(extra, c) != NULL)) continue;
        return false;
    }
    return true;
}

static size_t trimmed(const uint8_t *bytes, size_t size) {
    while (size != 0 && (bytes[size - 1] == 0 || bytes[size - 1] == ' ')) size--;
    return size;
}

bool lethe_value_fits(lethe_vr vr, const uint8_t *bytes, size_t size) {
    switch (vr) {
    case LETHE_VR_AS: {
        size = trimmed(bytes, size);
        for (size_t i = 0; i + 3 < size; i += 5) {
            if (!all_of(bytes + i, 3, "", true, false) || strchr("DWMY", bytes[i + 3]) == NULL) return false;
            if (i + 4 < size && bytes[i + 4] != '\\') return false;
        }
        return size % 5 == 4 || size == 0;
    }
    case LETHE_VR_CS: return all_of(bytes, trimmed(bytes, size), " _\\", true, true);
    case LETHE_VR_DA: return all_of(bytes, trimmed(bytes, size), "-\\ ", true, false);
    case LETHE_VR_TM: return all_of(bytes, trimmed(bytes, size), ".-\\ :", true, false);
    case LETHE_VR_DT: return all_of(bytes, trimmed(bytes, size), ".+-\\ ", true, false);
    case LETHE_VR_DS: return all_of(bytes, trimmed(bytes, size), "+-.eE\\ ", true, false);
    case LETHE_VR_IS: return all_of(bytes, trimmed(bytes, size), "+-\\ ", true, false);
    case LETHE_VR_UI: return all_of(bytes, trimmed(bytes, size), ".\\", true, false);
    case LETHE_VR_US:
    case LETHE_VR_SS:
    case LETHE_VR_OW: return size % 2 == 0;
    case LETHE_VR_UL:
    case LETHE_VR_SL:
    case LETHE_VR_FL:
    case LETHE_VR_AT:
    case LETHE_VR_OF:
    case LETHE_VR_OL: return size % 4 == 0;
    case LETHE_VR_FD:
    case LETHE_VR_SV:
    case LETHE_VR_UV:
    case LETHE_VR_OD:
    case LETHE_VR_OV: return size % 8 == 0;
    case LETHE_VR_UN:
    case LETHE_VR_NONE: return false;
    default: return true;
    }
}

bool lethe_value_dummy(lethe_vr vr, const void **bytes, size_t *size) {
    static const uint8_t zeros[8] = {0};
    const char *text = NULL;
    *bytes = zeros;
    switch (vr) {
    case LETHE_VR_AE:
    case LETHE_VR_CS:
    case LETHE_VR_LO:
    case LETHE_VR_SH:
    case LETHE_VR_ST:
    case LETHE_VR_LT:
    case LETHE_VR_UT:
    case LETHE_VR_UC:
    case LETHE_VR_PN: text = "ANONYMIZED"; break;
    case LETHE_VR_AS: text = "000Y"; break;
    case LETHE_VR_DA: text = "19000101"; break;
    case LETHE_VR_DT: text = "19000101000000"; break;
    case LETHE_VR_TM: text = "000000"; break;
    case LETHE_VR_DS:
    case LETHE_VR_IS: text = "0"; break;
    case LETHE_VR_UR: text = "urn:anonymized"; break;
    case LETHE_VR_UI: text = "2.25.0"; break;
    case LETHE_VR_US:
    case LETHE_VR_SS:
    case LETHE_VR_OB:
    case LETHE_VR_OW:
    case LETHE_VR_UN: *size = 2; return true;
    case LETHE_VR_UL:
    case LETHE_VR_SL:
    case LETHE_VR_FL:
    case LETHE_VR_AT:
    case LETHE_VR_OF:
    case LETHE_VR_OL: *size = 4; return true;
    case LETHE_VR_FD:
    case LETHE_VR_SV:
    case LETHE_VR_UV:
    case LETHE_VR_OD:
    case LETHE_VR_OV: *size = 8; return true;
    default: return false;
    }
    *bytes = text;
    *size = strlen(text);
    return true;
}

/* --- text --- */

static bool plain_ascii(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] >= 0x80 || bytes[i] == 0x1B || bytes[i] == 0) return false;
    return true;
}

lethe_status lethe_value_utf8(const lethe_dicom_element *element, lethe_vr vr, lethe_buffer *copy, const char **text, size_t *size,
                              lethe_error *error) {
    *size = trimmed(element->value, (size_t)element->value_bytes);
    *text = (const char *)element->value;
    if (plain_ascii(element->value, *size)) return LETHE_OK;
    char term[129];
    lethe_charset *charset = NULL;
    lethe_vr text_vr = lethe_vr_is_text(vr) ? vr : LETHE_VR_LO;
    lethe_status status = lethe_charset_create(lethe_charset_governing(element->parent, term), &charset, error);
    if (status == LETHE_OK) status = lethe_charset_decode(charset, element->value, *size, text_vr, copy, NULL, error);
    lethe_charset_destroy(charset);
    *text = lethe_buffer_text(copy);
    *size = copy->size;
    return status;
}

static bool is_multi_valued(lethe_vr vr) { return vr != LETHE_VR_ST && vr != LETHE_VR_LT && vr != LETHE_VR_UT && vr != LETHE_VR_UR; }

/* Clean each value of a multi-valued text by itself. */
static lethe_status clean_values(lethe_scrub *scrub, const char *text, size_t size, bool several, lethe_clean_mode mode, lethe_buffer *out,
                                 bool *changed, lethe_error *error) {
    lethe_status status = LETHE_OK;
    const char *end = text + size;
    for (const char *at = text;;) {
        const char *stop = several ? memchr(at, '\\', (size_t)(end - at)) : NULL;
        const char *value_end = stop != NULL ? stop : end;
        bool one = false;
        if (value_end != at) status = lethe_scrub_text(scrub, at, (size_t)(value_end - at), mode, out, &one, error);
        *changed |= one;
        if (status != LETHE_OK || stop == NULL) return status;
        status = lethe_buffer_append(out, "\\", 1, error);
        if (status != LETHE_OK) return status;
        at = stop + 1;
    }
}

static bool only_separators(const lethe_buffer *text) {
    for (size_t i = 0; i < text->size; i++)
        if (text->bytes[i] != '\\' && text->bytes[i] != ' ') return false;
    return true;
}

lethe_status lethe_value_clean(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_vr vr, lethe_clean_mode mode,
                               lethe_buffer *out, bool *changed, lethe_error *error) {
    *changed = false;
    if (element->value_bytes > (16u << 20)) return lethe_fail(error, LETHE_LIMIT, "text of %llu bytes", (unsigned long long)element->value_bytes);
    lethe_buffer copy, cleaned;
    lethe_buffer_init(&copy, 64u << 20);
    lethe_buffer_init(&cleaned, 64u << 20);
    const char *text;
    size_t size;
    lethe_status status = lethe_value_utf8(element, vr, &copy, &text, &size, error);
    if (status == LETHE_OK) status = clean_values(job->scrub, text, size, is_multi_valued(vr), mode, &cleaned, changed, error);
    if (status == LETHE_OK && *changed && !only_separators(&cleaned)) {
        bool ascii = plain_ascii(cleaned.bytes, cleaned.size);
        if (ascii) {
            status = lethe_buffer_append(out, cleaned.bytes, cleaned.size, error);
        } else {
            char term[129];
            lethe_charset *charset = NULL;
            status = lethe_charset_create(lethe_charset_governing(element->parent, term), &charset, error);
            if (status == LETHE_OK) status = lethe_text_encode(charset, lethe_buffer_text(&cleaned), cleaned.size, out, error);
            lethe_charset_destroy(charset);
        }
    }
    lethe_buffer_release(&cleaned);
    lethe_buffer_release(&copy);
    return status;
}

/* Numbers identify as a whole only: 20000 is not found in 120000, 1.20000 or 20000.5. A postcode is no secret among numbers. */
static bool numbers_identify(const lethe_attribute_job *job, const char *text, size_t size) {
    const lethe_identifiers *known = lethe_scrub_identifiers(job->scrub);
    const char *end = text + size;
    for (const char *at = text; at < end;) {
        while (at < end && (*at == ' ' || *at == '+' || *at == '-' || *at == '0')) at++;
        const char *first = at;
        while (at < end && *at >= '0' && *at <= '9') at++;
        size_t length = (size_t)(at - first);
        if (at < end && *at == '.') at++;
        while (at < end && *at == '0') at++;
        while (at < end && *at == ' ') at++;
        const lethe_identifier *id = at == end || *at == '\\' ? lethe_identifiers_find(known, first, length) : NULL;
        if (id != NULL && !id->common && id->kind != LETHE_ID_ADDRESS) return true;
        while (at < end && *at != '\\') at++;
        if (at < end) at++;
    }
    return false;
}

lethe_status lethe_value_identifies(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_vr vr, bool person_only,
                                    bool *identifies, lethe_error *error) {
    *identifies = false;
    if (element->form != LETHE_DICOM_LEAF || element->value_bytes == 0 || element->value_bytes > (16u << 20)) return LETHE_OK;
    lethe_buffer copy;
    lethe_buffer_init(&copy, 64u << 20);
    const char *text;
    size_t size;
    lethe_status status = lethe_value_utf8(element, vr, &copy, &text, &size, error);
    bool numeric = (vr == LETHE_VR_DS || vr == LETHE_VR_IS) && lethe_value_fits(vr, element->value, (size_t)element->value_bytes);
    if (status == LETHE_OK) *identifies = numeric ? numbers_identify(job, text, size) : lethe_scrub_hits(job->scrub, text, size, person_only);
    lethe_buffer_release(&copy);
    return status;
}

lethe_status lethe_value_map_uids(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_buffer *out, bool *changed,
                                  lethe_error *error) {
    *changed = false;
    const char *text = (const char *)element->value;
    size_t size = trimmed(element->value, (size_t)element->value_bytes);
    const char *end = text + size;
    lethe_status status = LETHE_OK;
    for (const char *at = text; status == LETHE_OK;) {
        const char *stop = memchr(at, '\\', (size_t)(end - at));
        const char *value_end = stop != NULL ? stop : end;
        size_t length = trimmed((const uint8_t *)at, (size_t)(value_end - at));
        if (length == 0 || lethe_uid_is_registered(at, length)) {
            status = lethe_buffer_append(out, at, length, error);
        } else {
            char mapped[LETHE_UID_SIZE];
            status = lethe_pseudonym_uid(job->pseudonymizer, at, length, mapped, error);
            if (status == LETHE_OK) status = lethe_buffer_append_text(out, mapped, error);
            *changed = true;
        }
        if (status != LETHE_OK || stop == NULL) break;
        status = lethe_buffer_append(out, "\\", 1, error);
        at = stop + 1;
    }
    return status;
}
