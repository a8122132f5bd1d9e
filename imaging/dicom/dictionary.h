/* Tags, value representations and the data dictionary (PS3.6, by way of DCMTK's installed dictionary, generated at build time).
 * Layer: imaging. Thread rule: constant tables. */
#ifndef LETHE_IMAGING_DICOM_DICTIONARY_H
#define LETHE_IMAGING_DICOM_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A tag is group << 16 | element. */
typedef uint32_t lethe_tag;
#define LETHE_TAG(group, element) ((lethe_tag)(((uint32_t)(group) << 16) | (uint32_t)(element)))
static inline uint16_t lethe_tag_group(lethe_tag tag) { return (uint16_t)(tag >> 16); }
static inline uint16_t lethe_tag_element(lethe_tag tag) { return (uint16_t)tag; }
static inline bool lethe_tag_is_private(lethe_tag tag) { return (lethe_tag_group(tag) & 1) != 0; }
/* (gggg,0010-00FF) of an odd group: reserves a block (PS3.5 7.8.1). */
static inline bool lethe_tag_is_private_creator(lethe_tag tag) {
    return lethe_tag_is_private(tag) && lethe_tag_element(tag) >= 0x10 && lethe_tag_element(tag) <= 0xFF;
}

/* A VR is its two letters, first letter in the high byte; 0 = not known (implicit VR and not in the dictionary). */
typedef uint16_t lethe_vr;
#define LETHE_VR(a, b) ((lethe_vr)(((uint16_t)(a) << 8) | (uint16_t)(b)))
enum {
    LETHE_VR_NONE = 0,
    LETHE_VR_AE = LETHE_VR('A', 'E'),
    LETHE_VR_AS = LETHE_VR('A', 'S'),
    LETHE_VR_AT = LETHE_VR('A', 'T'),
    LETHE_VR_CS = LETHE_VR('C', 'S'),
    LETHE_VR_DA = LETHE_VR('D', 'A'),
    LETHE_VR_DS = LETHE_VR('D', 'S'),
    LETHE_VR_DT = LETHE_VR('D', 'T'),
    LETHE_VR_FD = LETHE_VR('F', 'D'),
    LETHE_VR_FL = LETHE_VR('F', 'L'),
    LETHE_VR_IS = LETHE_VR('I', 'S'),
    LETHE_VR_LO = LETHE_VR('L', 'O'),
    LETHE_VR_LT = LETHE_VR('L', 'T'),
    LETHE_VR_OB = LETHE_VR('O', 'B'),
    LETHE_VR_OD = LETHE_VR('O', 'D'),
    LETHE_VR_OF = LETHE_VR('O', 'F'),
    LETHE_VR_OL = LETHE_VR('O', 'L'),
    LETHE_VR_OV = LETHE_VR('O', 'V'),
    LETHE_VR_OW = LETHE_VR('O', 'W'),
    LETHE_VR_PN = LETHE_VR('P', 'N'),
    LETHE_VR_SH = LETHE_VR('S', 'H'),
    LETHE_VR_SL = LETHE_VR('S', 'L'),
    LETHE_VR_SQ = LETHE_VR('S', 'Q'),
    LETHE_VR_SS = LETHE_VR('S', 'S'),
    LETHE_VR_ST = LETHE_VR('S', 'T'),
    LETHE_VR_SV = LETHE_VR('S', 'V'),
    LETHE_VR_TM = LETHE_VR('T', 'M'),
    LETHE_VR_UC = LETHE_VR('U', 'C'),
    LETHE_VR_UI = LETHE_VR('U', 'I'),
    LETHE_VR_UL = LETHE_VR('U', 'L'),
    LETHE_VR_UN = LETHE_VR('U', 'N'),
    LETHE_VR_UR = LETHE_VR('U', 'R'),
    LETHE_VR_US = LETHE_VR('U', 'S'),
    LETHE_VR_UT = LETHE_VR('U', 'T'),
    LETHE_VR_UV = LETHE_VR('U', 'V')
};

typedef struct lethe_dictionary_entry {
    lethe_tag tag;       /* for a repeating group (50xx, 60xx) the first of its tags */
    lethe_tag mask;      /* bits of the tag that must agree: 0xFFFFFFFF, or 0xFF00FFFF for repeating groups, 0xFFFFFF00 for (0020,31xx) */
    lethe_vr vr;         /* of several the one that implicit VR uses: US for "US or SS", OW for "OB or OW" */
    const char *keyword; /* "PatientName" */
    const char *name;    /* "Patient Name": the keyword's words */
} lethe_dictionary_entry;

/* NULL when the standard does not know the tag. Group lengths (gggg,0000) and private creators answer with VR UL and LO entries. */
const lethe_dictionary_entry *lethe_dictionary_find(lethe_tag tag);
/* By keyword ("PatientName", exact case); NULL when unknown. */
const lethe_dictionary_entry *lethe_dictionary_find_keyword(const char *keyword);
/* VR of an element, private creator known or NULL; LETHE_VR_NONE when unknown. */
lethe_vr lethe_dictionary_vr(lethe_tag tag, const char *private_creator);
/* "(0010,0010) PatientName" into `out`, or the bare tag. */
void lethe_tag_format(lethe_tag tag, char *out, size_t size);
/* Parse "0010,0010", "(0010,0010)", "00100010" or a keyword. */
bool lethe_tag_parse(const char *text, lethe_tag *tag);
/* Entries in tag order, for generators and tests. */
size_t lethe_dictionary_count(void);
const lethe_dictionary_entry *lethe_dictionary_at(size_t index);

/* True when the VR's explicit header has two reserved bytes and a 32-bit length (PS3.5 7.1.2); VRs that are not known have that form too. */
bool lethe_vr_is_long(lethe_vr vr);
/* True for the VRs that Specific Character Set governs: SH LO ST LT UC UT PN (PS3.5 6.1.2.3). */
bool lethe_vr_is_text(lethe_vr vr);
bool lethe_vr_is_known(lethe_vr vr);

#endif
