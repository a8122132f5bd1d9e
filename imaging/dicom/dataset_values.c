#include "core/text.h"
#include "imaging/dicom/bytes.h"
#include "imaging/dicom/dataset.h"

#include <math.h>
#include <string.h>

const lethe_dicom_element *lethe_dicom_find(const lethe_dicom_item *item, lethe_tag tag) {
    if (item == NULL) return NULL;
    for (const lethe_dicom_element *element = item->first; element != NULL; element = element->next) {
        if (element->tag == tag) return element;
        if (element->tag > tag && item->ascending) return NULL;
    }
    return NULL;
}

const lethe_dicom_element *lethe_dicom_find_path(const lethe_dicom_item *item, const lethe_tag *path, size_t count) {
    const lethe_dicom_element *element = NULL;
    for (size_t step = 0; step < count; step++) {
        if (step != 0) item = element->items;
        element = lethe_dicom_find(item, path[step]);
        if (element == NULL || (step + 1 < count && element->form != LETHE_DICOM_SEQUENCE)) return NULL;
    }
    return element;
}

const lethe_dicom_element *lethe_dicom_find_private(const lethe_dicom_item *item, uint16_t group, const char *creator, uint8_t element) {
    if (item == NULL) return NULL;
    for (const lethe_dicom_element *at = item->first; at != NULL; at = at->next) {
        if (lethe_tag_group(at->tag) == group && (at->tag & 0xFF) == element && at->private_creator != NULL &&
            strcmp(at->private_creator, creator) == 0)
            return at;
    }
    return NULL;
}

/* VR that the value is read by: UN and unknown go by the dictionary. */
static lethe_vr effective_vr(const lethe_dicom_element *element) {
    if (element->vr != LETHE_VR_UN && element->vr != LETHE_VR_NONE) return element->vr;
    return lethe_dictionary_vr(element->tag, element->private_creator);
}

static bool effective_big_endian(const lethe_dicom_element *element) {
    return element->vr != LETHE_VR_UN && element->parent->encoding.big_endian; /* UN holds little endian, PS3.5 6.2.2 */
}

static unsigned number_bytes(lethe_vr vr) {
    switch (vr) {
    case LETHE_VR_US:
    case LETHE_VR_SS:
    case LETHE_VR_OW: return 2;
    case LETHE_VR_UL:
    case LETHE_VR_SL:
    case LETHE_VR_FL:
    case LETHE_VR_AT:
    case LETHE_VR_OL:
    case LETHE_VR_OF: return 4;
    case LETHE_VR_UV:
    case LETHE_VR_SV:
    case LETHE_VR_FD:
    case LETHE_VR_OV:
    case LETHE_VR_OD: return 8;
    case LETHE_VR_OB:
    case LETHE_VR_UN: return 1;
    default: return 0;
    }
}

static bool is_single_text(lethe_vr vr) { return vr == LETHE_VR_ST || vr == LETHE_VR_LT || vr == LETHE_VR_UT || vr == LETHE_VR_UR; }

static uint64_t trimmed_size(const lethe_dicom_element *element) {
    uint64_t size = element->value_bytes;
    while (size != 0 && (element->value[size - 1] == ' ' || element->value[size - 1] == 0)) size--;
    return size;
}

unsigned lethe_dicom_multiplicity(const lethe_dicom_element *element) {
    if (element == NULL) return 0;
    if (element->form != LETHE_DICOM_LEAF) return element->item_count;
    lethe_vr vr = effective_vr(element);
    unsigned bytes = number_bytes(vr);
    if (bytes != 0) return (unsigned)(element->value_bytes / bytes);
    uint64_t size = trimmed_size(element);
    if (size == 0) return 0;
    if (is_single_text(vr)) return 1;
    unsigned count = 1;
    for (uint64_t at = 0; at < size; at++) count += element->value[at] == '\\';
    return count;
}

bool lethe_dicom_element_text(const lethe_dicom_element *element, unsigned index, char *out, size_t size) {
    if (size != 0) out[0] = '\0';
    if (element == NULL || element->form != LETHE_DICOM_LEAF || size == 0) return false;
    lethe_vr vr = effective_vr(element);
    if (number_bytes(vr) != 0 && vr != LETHE_VR_UN && vr != LETHE_VR_NONE) return false;
    const uint8_t *at = element->value, *end = element->value + trimmed_size(element);
    if (!is_single_text(vr)) {
        for (; index != 0; index--) {
            const uint8_t *next = at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;
            if (next == NULL) return false;
            at = next + 1;
        }
        const uint8_t *stop = at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;
        if (stop != NULL) end = stop;
        while (at < end && *at == ' ') at++;
    } else if (index != 0) {
        return false;
    }
    while (at < end && (end[-1] == ' ' || end[-1] == 0)) end--;
    if (at >= end) return false;
    size_t length = (size_t)(end - at) < size - 1 ? (size_t)(end - at) : size - 1;
    memcpy(out, at, length);
    out[length] = '\0';
    return true;
}

bool lethe_dicom_element_int(const lethe_dicom_element *element, unsigned index, int64_t *value) {
    if (element == NULL || element->form != LETHE_DICOM_LEAF) return false;
    lethe_vr vr = effective_vr(element);
    if (vr == LETHE_VR_IS || vr == LETHE_VR_DS) {
        char text[65];
        double number;
        if (!lethe_dicom_element_text(element, index, text, sizeof text)) return false;
        const char *digits = text[0] == '+' ? text + 1 : text;
        if (vr == LETHE_VR_IS && lethe_text_to_int64(digits, value)) return true;
        if (!lethe_text_to_double(digits, &number) || fabs(number) > 9e15 || number != floor(number)) return false;
        *value = (int64_t)number;
        return true;
    }
    unsigned bytes = number_bytes(vr);
    if (bytes == 0 || vr == LETHE_VR_FL || vr == LETHE_VR_FD || vr == LETHE_VR_AT || vr == LETHE_VR_OF || vr == LETHE_VR_OD) return false;
    if ((uint64_t)index >= element->value_bytes / bytes) return false;
    const uint8_t *at = element->value + (uint64_t)index * bytes;
    bool big = effective_big_endian(element);
    switch (vr) {
    case LETHE_VR_SS: *value = (int16_t)lethe_get16(at, big); return true;
    case LETHE_VR_SL: *value = (int32_t)lethe_get32(at, big); return true;
    case LETHE_VR_SV: *value = (int64_t)lethe_get64(at, big); return true;
    default: break;
    }
    if (bytes == 1) *value = *at;
    else if (bytes == 2) *value = lethe_get16(at, big);
    else if (bytes == 4) *value = lethe_get32(at, big);
    else {
        uint64_t wide = lethe_get64(at, big);
        if (wide > INT64_MAX) return false;
        *value = (int64_t)wide;
    }
    return true;
}

bool lethe_dicom_element_double(const lethe_dicom_element *element, unsigned index, double *value) {
    if (element == NULL || element->form != LETHE_DICOM_LEAF) return false;
    lethe_vr vr = effective_vr(element);
    if (vr == LETHE_VR_DS || vr == LETHE_VR_IS) {
        char text[65];
        if (!lethe_dicom_element_text(element, index, text, sizeof text)) return false;
        return lethe_text_to_double(text[0] == '+' ? text + 1 : text, value);
    }
    bool wide = vr == LETHE_VR_FD || vr == LETHE_VR_OD;
    if (wide || vr == LETHE_VR_FL || vr == LETHE_VR_OF) {
        unsigned bytes = wide ? 8 : 4;
        if ((uint64_t)index >= element->value_bytes / bytes) return false;
        const uint8_t *at = element->value + (uint64_t)index * bytes;
        bool big = effective_big_endian(element);
        if (wide) {
            uint64_t bits = lethe_get64(at, big);
            memcpy(value, &bits, sizeof *value);
        } else {
            uint32_t bits = lethe_get32(at, big);
            float narrow;
            memcpy(&narrow, &bits, sizeof narrow);
            *value = (double)narrow;
        }
        return true;
    }
    int64_t integer;
    if (!lethe_dicom_element_int(element, index, &integer)) return false;
    *value = (double)integer;
    return true;
}

bool lethe_dicom_text(const lethe_dicom_item *item, lethe_tag tag, unsigned index, char *out, size_t size) {
    return lethe_dicom_element_text(lethe_dicom_find(item, tag), index, out, size);
}

bool lethe_dicom_int(const lethe_dicom_item *item, lethe_tag tag, unsigned index, int64_t *value) {
    return lethe_dicom_element_int(lethe_dicom_find(item, tag), index, value);
}

bool lethe_dicom_double(const lethe_dicom_item *item, lethe_tag tag, unsigned index, double *value) {
    return lethe_dicom_element_double(lethe_dicom_find(item, tag), index, value);
}

/* First element of the next item that has one, or of an enclosing sequence's next item, or the element after it. */
static const lethe_dicom_element *climb(const lethe_dicom_element *element, const lethe_dicom_item *top) {
    for (;;) {
        if (element->next != NULL) return element->next;
        const lethe_dicom_item *item = element->parent;
        if (item == top || item->parent == NULL) return NULL;
        for (const lethe_dicom_item *next = item->next; next != NULL; next = next->next) {
            if (next->first != NULL) return next->first;
        }
        element = item->parent;
    }
}

void lethe_dicom_visit(const lethe_dicom_item *item, lethe_dicom_visit_fn visit, void *context) {
    const lethe_dicom_element *element = item == NULL ? NULL : item->first;
    while (element != NULL) {
        if (!visit(context, element)) return;
        const lethe_dicom_element *inside = NULL;
        for (const lethe_dicom_item *child = element->items; child != NULL && inside == NULL; child = child->next) inside = child->first;
        element = inside != NULL ? inside : climb(element, item);
    }
}
