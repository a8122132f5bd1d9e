/* PS3.15 Annex E as data: what Table E.1-1 (edition 2025b) says about a tag, and the Type of its attributes in each SOP class, on which the
 * compound actions depend (PS3.15 E.1.1, E.3). Layer: deid. Thread rule: constant tables. */
#ifndef LETHE_DEID_ANNEX_E_H
#define LETHE_DEID_ANNEX_E_H

#include "imaging/dicom/dictionary.h"

/* Options of PS3.15 E.3, as bits. */
enum {
    LETHE_OPTION_SAFE_PRIVATE = 1 << 0,   /* E.3.10, CID 7050 113111 */
    LETHE_OPTION_UIDS = 1 << 1,           /* E.3.9, 113110 */
    LETHE_OPTION_DEVICE = 1 << 2,         /* E.3.8, 113109 */
    LETHE_OPTION_INSTITUTION = 1 << 3,    /* E.3.11, 113112 */
    LETHE_OPTION_PATIENT = 1 << 4,        /* E.3.7, 113108 */
    LETHE_OPTION_FULL_DATES = 1 << 5,     /* E.3.6, 113106 */
    LETHE_OPTION_MODIFIED_DATES = 1 << 6, /* E.3.6, 113107 */
    LETHE_OPTION_DESCRIPTORS = 1 << 7,    /* E.3.5, 113105 */
    LETHE_OPTION_STRUCTURED = 1 << 8,     /* E.3.4, 113104 */
    LETHE_OPTION_GRAPHICS = 1 << 9,       /* E.3.3, 113103 */
    LETHE_OPTION_PIXELS = 1 << 10,        /* E.3.1, 113101: not a column of the table */
    LETHE_OPTION_FACES = 1 << 11          /* E.3.2, 113102: likewise */
};

/* Actions as the table writes them (PS3.15 Table E.1-1a). */
typedef enum lethe_annex_action {
    LETHE_ANNEX_K,  /* keep */
    LETHE_ANNEX_X,  /* remove */
    LETHE_ANNEX_Z,  /* zero length, or a dummy */
    LETHE_ANNEX_D,  /* a dummy */
    LETHE_ANNEX_C,  /* clean */
    LETHE_ANNEX_U,  /* another UID, the same in the whole set */
    LETHE_ANNEX_XZ, /* X unless Z is needed for the Type */
    LETHE_ANNEX_XD,
    LETHE_ANNEX_ZD,
    LETHE_ANNEX_XZD,
    LETHE_ANNEX_XZU
} lethe_annex_action;

typedef struct lethe_annex_row {
    lethe_tag tag, mask; /* the row speaks about t when (t & mask) == tag */
    lethe_annex_action basic;
    uint32_t kept_by, cleaned_by; /* LETHE_OPTION_ bits whose column says K or C */
} lethe_annex_row;

/* The row of a tag, repeating groups and private tags included; NULL when the table does not know it. Cost: one binary search. */
const lethe_annex_row *lethe_annex_e_find(lethe_tag tag);
size_t lethe_annex_e_count(void);
const lethe_annex_row *lethe_annex_e_at(size_t index);

typedef struct lethe_iod_class lethe_iod_class;
typedef enum lethe_iod_type { LETHE_TYPE_UNKNOWN, LETHE_TYPE_1, LETHE_TYPE_2, LETHE_TYPE_3 } lethe_iod_type;

/* A storage SOP class by UID; NULL when the tables do not know it. */
const lethe_iod_class *lethe_iod_class_find(const char *uid);
/* Strictest Type of `tag` inside sequence `parent` (0 = top level) over all modules of the class. LETHE_TYPE_3 when the class is fully covered and
 * has no row; LETHE_TYPE_UNKNOWN when the class is NULL or has modules that the tables lack. */
lethe_iod_type lethe_iod_type_of(const lethe_iod_class *iod, lethe_tag parent, lethe_tag tag);

/* The single action for an attribute of Type `type`: X, Z, D, U, K or C. An unknown Type takes the strictest branch. With `keep_valid`, plain X and Z
 * are raised to Z and D where the Type forbids them. */
lethe_annex_action lethe_annex_e_resolve(lethe_annex_action action, lethe_iod_type type, bool keep_valid);
/* "X", "Z", "X/Z/D" ... static. */
const char *lethe_annex_action_name(lethe_annex_action action);

#endif
