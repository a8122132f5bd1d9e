#include "deid/annex_e.h"

#include <string.h>

#define ROW(t, m, action, kept, cleaned) {.tag = (t), .mask = (m), .basic = LETHE_ANNEX_##action, .kept_by = (kept), .cleaned_by = (cleaned)},
static const lethe_annex_row rows[] = {
#include "deid/annex_e_2025b.def"
};
#undef ROW

size_t lethe_annex_e_count(void) { return sizeof rows / sizeof *rows; }
const lethe_annex_row *lethe_annex_e_at(size_t index) { return index < lethe_annex_e_count() ? &rows[index] : NULL; }

static const lethe_annex_row *search(lethe_tag tag) {
    size_t low = 0, high = lethe_annex_e_count();
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].tag == tag) return &rows[middle];
        if (rows[middle].tag < tag) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

const lethe_annex_row *lethe_annex_e_find(lethe_tag tag) {
    if (lethe_tag_is_private(tag)) return search(0x00010000);
    lethe_tag repeated = tag & 0xFF00FFFFu;
    if ((repeated & 0xFF000000u) == 0x50000000u) return search(0x50000000u);
    if ((repeated & 0xFF000000u) == 0x60000000u) tag = repeated;
    const lethe_annex_row *row = search(tag);
    return row != NULL && (tag & row->mask) == row->tag ? row : NULL;
}

/* --- types --- */

struct lethe_iod_class {
    const char *uid;
    bool covered;
};

#define CLASS(uid, covered) {(uid), (covered) != 0},
#define PATTERN(digits)
#define TYPE(parent, tag, pattern)
static const lethe_iod_class classes[] = {
#include "deid/iod_types.def"
};
#undef CLASS
#undef PATTERN
#undef TYPE

#define CLASS(uid, covered)
#define PATTERN(digits) digits,
#define TYPE(parent, tag, pattern)
static const char *const patterns[] = {
#include "deid/iod_types.def"
};
#undef PATTERN
#undef TYPE

typedef struct type_row {
    lethe_tag parent, tag;
    uint16_t pattern;
} type_row;

#define PATTERN(digits)
#define TYPE(parent, tag, pattern) {(parent), (tag), (pattern)},
static const type_row types[] = {
#include "deid/iod_types.def"
};
#undef CLASS
#undef PATTERN
#undef TYPE

enum { CLASSES = sizeof classes / sizeof *classes, TYPES = sizeof types / sizeof *types };

const lethe_iod_class *lethe_iod_class_find(const char *uid) {
    size_t low = 0, high = CLASSES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(classes[middle].uid, uid);
        if (order == 0) return &classes[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

/* Digit of the class in the pattern of (parent, tag): 0 when there is no row. */
static int type_digit(const lethe_iod_class *iod, lethe_tag parent, lethe_tag tag) {
    size_t low = 0, high = TYPES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const type_row *row = &types[middle];
        if (row->parent == parent && row->tag == tag) return patterns[row->pattern][iod - classes] - '0';
        if (row->parent < parent || (row->parent == parent && row->tag < tag)) low = middle + 1;
        else high = middle;
    }
    return 0;
}

lethe_iod_type lethe_iod_type_of(const lethe_iod_class *iod, lethe_tag parent, lethe_tag tag) {
    if (iod == NULL) return LETHE_TYPE_UNKNOWN;
    if ((tag & 0xFF000000u) == 0x60000000u) tag &= 0xFF00FFFFu;
    int digit = type_digit(iod, parent, tag);
    if (digit == 0) digit = type_digit(iod, 0xFFFFFFFFu, tag);
    switch (digit) {
    case 1: return LETHE_TYPE_1;
    case 2: return LETHE_TYPE_2;
    case 3: return LETHE_TYPE_3;
    default: return iod->covered ? LETHE_TYPE_3 : LETHE_TYPE_UNKNOWN;
    }
}

/* --- compound actions --- */

lethe_annex_action lethe_annex_e_resolve(lethe_annex_action action, lethe_iod_type type, bool keep_valid) {
    bool one = type == LETHE_TYPE_1, two = type == LETHE_TYPE_2, unknown = type == LETHE_TYPE_UNKNOWN;
    switch (action) {
    case LETHE_ANNEX_X:
        if (keep_valid && one) return LETHE_ANNEX_D;
        return keep_valid && two ? LETHE_ANNEX_Z : LETHE_ANNEX_X;
    case LETHE_ANNEX_Z: return keep_valid && one ? LETHE_ANNEX_D : LETHE_ANNEX_Z;
    case LETHE_ANNEX_XZ:
        if (one && keep_valid) return LETHE_ANNEX_D;
        return one || two || unknown ? LETHE_ANNEX_Z : LETHE_ANNEX_X;
    case LETHE_ANNEX_XD: return one || two || unknown ? LETHE_ANNEX_D : LETHE_ANNEX_X;
    case LETHE_ANNEX_ZD: return one || unknown ? LETHE_ANNEX_D : LETHE_ANNEX_Z;
    case LETHE_ANNEX_XZD:
        if (one || unknown) return LETHE_ANNEX_D;
        return two ? LETHE_ANNEX_Z : LETHE_ANNEX_X;
    /* U*: the sequence stays and the UIDs in it are replaced, which holds for every Type and keeps references whole (Table E.1-1a, U*). */
    case LETHE_ANNEX_XZU: return LETHE_ANNEX_U;
    default: return action;
    }
}

const char *lethe_annex_action_name(lethe_annex_action action) {
    static const char *const names[] = {"K", "X", "Z", "D", "C", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"};
    return (size_t)action < sizeof names / sizeof *names ? names[action] : "?";
}
