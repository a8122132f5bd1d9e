#include "imaging/dicom/dictionary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct private_creator {
    const char *creator;
    uint16_t first, count; /* rows of private_entries */
} private_creator;

typedef struct private_entry {
    uint16_t group, element;
    lethe_vr vr;
} private_entry;

#include "imaging/dicom/dictionary_table.h"

enum { ENTRY_COUNT = sizeof dictionary_entries / sizeof dictionary_entries[0], SLOT_MASK = (1 << DICTIONARY_HASH_BITS) - 1 };

static const lethe_dictionary_entry group_length = {0, 0x0000FFFFu, LETHE_VR_UL, "GenericGroupLength", "Generic Group Length"};
static const lethe_dictionary_entry creator_entry = {0x00010010u, 0x0001FF00u, LETHE_VR_LO, "PrivateCreator", "Private Creator"};

static const lethe_dictionary_entry *find_exact(lethe_tag tag, lethe_tag mask) {
    uint32_t at = (uint32_t)(tag * 0x9E3779B1u) >> (32 - DICTIONARY_HASH_BITS);
    for (; dictionary_slots[at] != 0; at = (at + 1) & SLOT_MASK) {
        const lethe_dictionary_entry *entry = &dictionary_entries[dictionary_slots[at] - 1];
        if (entry->tag == tag && entry->mask == mask) return entry;
    }
    return NULL;
}

const lethe_dictionary_entry *lethe_dictionary_find(lethe_tag tag) {
    const lethe_dictionary_entry *entry = find_exact(tag, 0xFFFFFFFFu);
    if (entry != NULL) return entry;
    uint16_t group = lethe_tag_group(tag);
    if (lethe_tag_element(tag) == 0) return &group_length;
    if ((group & 1) != 0) return lethe_tag_is_private_creator(tag) ? &creator_entry : NULL;
    uint16_t family = group & 0xFF00;
    if (family == 0x5000 || family == 0x6000 || family == 0x7F00) return find_exact(tag & 0xFF00FFFFu, 0xFF00FFFFu);
    if (group == 0x0020) return find_exact(tag & 0xFFFFFF00u, 0xFFFFFF00u);
    return NULL;
}

static int compare_keyword(const void *key, const void *slot) { return strcmp(key, dictionary_entries[*(const uint16_t *)slot].keyword); }

const lethe_dictionary_entry *lethe_dictionary_find_keyword(const char *keyword) {
    const uint16_t *slot = bsearch(keyword, dictionary_by_keyword, ENTRY_COUNT, sizeof *dictionary_by_keyword, compare_keyword);
    return slot == NULL ? NULL : &dictionary_entries[*slot];
}

static int compare_creator(const void *key, const void *row) { return strcmp(key, ((const private_creator *)row)->creator); }

static lethe_vr private_vr(lethe_tag tag, const char *creator) {
    const private_creator *row =
        bsearch(creator, private_creators, sizeof private_creators / sizeof *private_creators, sizeof *private_creators, compare_creator);
    if (row == NULL) return LETHE_VR_NONE;
    for (const private_entry *entry = private_entries + row->first, *end = entry + row->count; entry < end; entry++) {
        if (entry->group == lethe_tag_group(tag) && entry->element == (tag & 0xFF)) return entry->vr;
    }
    return LETHE_VR_NONE;
}

lethe_vr lethe_dictionary_vr(lethe_tag tag, const char *private_creator_text) {
    if (lethe_tag_is_private(tag) && lethe_tag_element(tag) > 0xFF) {
        return private_creator_text == NULL ? LETHE_VR_NONE : private_vr(tag, private_creator_text);
    }
    const lethe_dictionary_entry *entry = lethe_dictionary_find(tag);
    return entry == NULL ? LETHE_VR_NONE : entry->vr;
}

void lethe_tag_format(lethe_tag tag, char *out, size_t size) {
    const lethe_dictionary_entry *entry = lethe_dictionary_find(tag);
    (void)snprintf(out, size, "(%04X,%04X)%s%s", lethe_tag_group(tag), lethe_tag_element(tag), entry == NULL ? "" : " ",
                   entry == NULL ? "" : entry->keyword);
}

static bool parse_hex(const char **text, uint32_t *value) {
    *value = 0;
    for (int digit = 0; digit < 4; digit++, (*text)++) {
        char c = **text;
        if (c >= '0' && c <= '9') *value = *value * 16 + (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') *value = *value * 16 + (uint32_t)((c | 0x20) - 'a' + 10);
        else return false;
    }
    return true;
}

bool lethe_tag_parse(const char *text, lethe_tag *tag) {
    const char *at = text;
    uint32_t group, element;
    bool bracket = *at == '(';
    if (bracket) at++;
    if (parse_hex(&at, &group)) {
        if (*at == ',') at++;
        if (parse_hex(&at, &element) && (bracket ? at[0] == ')' && at[1] == '\0' : at[0] == '\0')) {
            *tag = LETHE_TAG(group, element);
            return true;
        }
    }
    const lethe_dictionary_entry *entry = lethe_dictionary_find_keyword(text);
    if (entry == NULL) return false;
    *tag = entry->tag;
    return true;
}

size_t lethe_dictionary_count(void) { return ENTRY_COUNT; }
const lethe_dictionary_entry *lethe_dictionary_at(size_t index) { return &dictionary_entries[index]; }

static bool vr_is_short(lethe_vr vr) {
    switch (vr) {
    case LETHE_VR_AE:
    case LETHE_VR_AS:
    case LETHE_VR_AT:
    case LETHE_VR_CS:
    case LETHE_VR_DA:
    case LETHE_VR_DS:
    case LETHE_VR_DT:
    case LETHE_VR_FD:
    case LETHE_VR_FL:
    case LETHE_VR_IS:
    case LETHE_VR_LO:
    case LETHE_VR_LT:
    case LETHE_VR_PN:
    case LETHE_VR_SH:
    case LETHE_VR_SL:
    case LETHE_VR_SS:
    case LETHE_VR_ST:
    case LETHE_VR_TM:
    case LETHE_VR_UI:
    case LETHE_VR_UL:
    case LETHE_VR_US:
    case LETHE_VR(' ', ' '): /* some writers leave the VR blank; the length is then short */ return true;
    default: return false;
    }
}

bool lethe_vr_is_long(lethe_vr vr) { return !vr_is_short(vr); }

bool lethe_vr_is_known(lethe_vr vr) {
    switch (vr) {
    case LETHE_VR_OB:
    case LETHE_VR_OD:
    case LETHE_VR_OF:
    case LETHE_VR_OL:
    case LETHE_VR_OV:
    case LETHE_VR_OW:
    case LETHE_VR_SQ:
    case LETHE_VR_SV:
    case LETHE_VR_UC:
    case LETHE_VR_UN:
    case LETHE_VR_UR:
    case LETHE_VR_UT:
    case LETHE_VR_UV: return true;
    default: return vr_is_short(vr) && vr != LETHE_VR(' ', ' ');
    }
}

bool lethe_vr_is_text(lethe_vr vr) {
    switch (vr) {
    case LETHE_VR_SH:
    case LETHE_VR_LO:
    case LETHE_VR_ST:
    case LETHE_VR_LT:
    case LETHE_VR_UC:
    case LETHE_VR_UT:
    case LETHE_VR_PN: return true;
    default: return false;
    }
}
