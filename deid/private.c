#include "deid/private.h"

#include "deid/values.h"

#include <stdio.h>
#include <string.h>

typedef struct safe_row {
    uint16_t group;
    uint8_t element, source;
    lethe_vr vr;
    const char *creator;
} safe_row;

#define SAFE(g, c, e, v, s) {.group = (g), .element = (e), .source = (s), .vr = LETHE_VR_##v, .creator = (c)},
static const safe_row rows[] = {
#include "deid/safe_private.def"
};
#undef SAFE

size_t lethe_private_safe_count(void) { return sizeof rows / sizeof *rows; }

static int compare(const safe_row *row, uint16_t group, const char *creator, uint8_t element) {
    if (row->group != group) return row->group < group ? -1 : 1;
    int order = strcmp(row->creator, creator);
    if (order != 0) return order;
    return (row->element > element) - (row->element < element);
}

lethe_private_verdict lethe_private_decide(const lethe_dicom_element *element, lethe_vr vr) {
    (void)vr;
    lethe_private_verdict verdict = {.safe = false, .vr = LETHE_VR_UN, .reason = "private element that no safe list names"};
    char creator[65];
    size_t length = 0;
    for (const char *at = element->private_creator; at != NULL && *at != '\0' && length < sizeof creator - 1; at++) {
        if (length == 0 && *at == ' ') continue;
        creator[length++] = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
    }
    while (length != 0 && creator[length - 1] == ' ') length--;
    creator[length] = '\0';
    uint16_t group = lethe_tag_group(element->tag);
    uint8_t number = (uint8_t)element->tag;
    size_t low = 0, high = sizeof rows / sizeof *rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&rows[middle], group, creator, number);
        if (order == 0) {
            verdict.safe = true;
            verdict.vr = rows[middle].vr;
            verdict.reason =
                rows[middle].source == 1 ? "Retain Safe Private: PS3.15 Table E.3.10-1" : "Retain Safe Private: extension (TCIA knowledge base)";
            return verdict;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return verdict;
}

/* Bytes of UN or OB that a table types as text must read as text. */
static bool plain_text(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0 && (bytes[i] < 0x20 || bytes[i] > 0x7E) && bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '\t') return false;
    return true;
}

static size_t unit_bytes(lethe_vr vr) {
    switch (vr) {
    case LETHE_VR_US:
    case LETHE_VR_SS:
    case LETHE_VR_OW: return 2;
    case LETHE_VR_UL:
    case LETHE_VR_SL:
    case LETHE_VR_FL:
    case LETHE_VR_AT:
    case LETHE_VR_OF:
    case LETHE_VR_OL: return 4;
    case LETHE_VR_FD:
    case LETHE_VR_SV:
    case LETHE_VR_UV:
    case LETHE_VR_OD:
    case LETHE_VR_OV: return 8;
    default: return 1;
    }
}

/* Four or more letters in a row in binary data: a word may hide there. */
static bool has_words(const uint8_t *bytes, size_t size) {
    size_t run = 0;
    for (size_t i = 0; i < size; i++) {
        bool letter =
            (bytes[i] >= 'A' && bytes[i] <= 'Z') || (bytes[i] >= 'a' && bytes[i] <= 'z') || (bytes[i] >= '0' && bytes[i] <= '9') || bytes[i] >= 0xC0;
        run = letter ? run + 1 : 0;
        if (run == 6) return true;
    }
    return false;
}

/* Numbers all of whose bytes can be read are words under a wrong VR: one double in 2,000 is that by chance, two never. */
static bool is_written_text(const uint8_t *bytes, size_t size) {
    size_t letters = 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7E) return false;
        letters += (bytes[i] | 0x20) >= 'a' && (bytes[i] | 0x20) <= 'z';
    }
    return letters >= 4;
}

lethe_status lethe_private_recheck(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_vr vr, bool *passes,
                                   lethe_error *error) {
    *passes = false;
    if (element->value_bytes == 0) {
        *passes = true;
        return LETHE_OK;
    }
    if (element->value_bytes > 65536) return LETHE_OK;
    size_t size = (size_t)element->value_bytes;
    lethe_private_verdict verdict = lethe_private_decide(element, vr);
    lethe_vr meant = verdict.safe ? verdict.vr : vr;
    bool raw = vr == LETHE_VR_UN || vr == LETHE_VR_NONE || vr == LETHE_VR_OB;
    if (raw && meant == LETHE_VR_UN) meant = LETHE_VR_OB;
    if (vr == LETHE_VR_PN) return LETHE_OK;
    if (unit_bytes(meant) > 1 && (raw || unit_bytes(vr) == unit_bytes(meant))) {
        /* Binary numbers: whole units, and when the VR is not the file's own nothing that reads as a word. */
        *passes = size % unit_bytes(meant) == 0 && !(raw && has_words(element->value, size)) && (size < 8 || !is_written_text(element->value, size));
        return LETHE_OK;
    }
    if (meant == LETHE_VR_OB && raw) {
        *passes = !has_words(element->value, size);
        return LETHE_OK;
    }
    if (raw && !plain_text(element->value, size)) return LETHE_OK;
    lethe_vr check = raw ? meant : vr;
    if (!lethe_value_fits(check, element->value, size)) return LETHE_OK;
    if (check == LETHE_VR_DS || check == LETHE_VR_IS) {
        /* A frequency or a position may be a long number; only known ones identify. */
        bool identifies = false;
        lethe_status numeric = lethe_value_identifies(job, element, check, false, &identifies, error);
        *passes = numeric == LETHE_OK && !identifies;
        return numeric;
    }
    bool changed = false;
    lethe_buffer out;
    lethe_buffer_init(&out, 1u << 20);
    lethe_status status = lethe_value_clean(job, element, check, LETHE_CLEAN_IDENTIFIERS, &out, &changed, error);
    lethe_buffer_release(&out);
    *passes = status == LETHE_OK && !changed;
    return status;
}

bool lethe_attribute_is_listed(lethe_tag tag) {
    static const lethe_tag listed[] = {
        0x00080070,                                     /* Manufacturer */
        0x00081090,                                     /* ManufacturerModelName */
        0x00082218, 0x00082228, 0x0008225F, 0x00180010, /* ContrastBolusAgent */
        0x00180022, 0x00180023, 0x00180024,             /* ScanOptions, MRAcquisitionType, SequenceName */
        0x00180031,                                     /* Radiopharmaceutical */
        0x00180085,                                     /* ImagedNucleus */
        0x00181016, 0x00181018, 0x00181019, 0x00181020, /* secondary capture device, software versions */
        0x00181022, 0x00181023, 0x00181030, 0x00181050, 0x00181160, 0x00181170, 0x00181180, 0x00181190, 0x001811A0, 0x00181210, /* ConvolutionKernel
                                                                                                                                 */
        0x00181250, 0x00181251,                                                                                                 /* coils */
        0x00181261, 0x00181320, 0x00181400, 0x00185000, 0x00185010, 0x00185020, 0x00185100, 0x00187001, 0x00187005, 0x00187006, 0x00187008,
        0x00187030, 0x00189005,                                     /* PulseSequenceName */
        0x00181040,                                                 /* ContrastBolusRoute */
        0x00201040,                                                 /* PositionReferenceIndicator */
        0x00209056,                                                 /* StackID */
        0x00280A02, 0x00281054, 0x00281055, 0x00281300, 0x00283003, /* explanations of windows and tables */
        0x00541300, 0x00541103, 0x00541105,                         /* PET reconstruction, scatter */
        0x00620005, 0x00620009,                                     /* segment labels are cleaned, not listed: names of algorithms */
        0x00420012,                                                 /* MIMETypeOfEncapsulatedDocument: what it is read with */
        0x0066003E, 0x00700080, 0x20500020,
    };
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (listed[i] == tag) return true;
    return false;
}
