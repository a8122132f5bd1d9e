/* The edit script's insides, shared by edit.c and edit_write.c. Layer: imaging, private to it. */
#ifndef LETHE_IMAGING_DICOM_EDIT_INTERNAL_H
#define LETHE_IMAGING_DICOM_EDIT_INTERNAL_H

#include "imaging/dicom/edit.h"

typedef struct edit_patch {
    struct edit_patch *next; /* by offset */
    uint64_t offset, size;
    const uint8_t *bytes;
} edit_patch;

typedef struct edit_node {
    lethe_edit edit;
    struct edit_node *next; /* inserts of one item, by tag */
    edit_patch *patches;
    lethe_edit_painter painter; /* of a patched element; next is NULL when there is none */
    bool from_file, encapsulated;
    int fd;
    uint64_t fd_offset;
} edit_node;

/* One per element and item, found by its ordinal. */
typedef struct edit_slot {
    edit_node *node;        /* of an element; of an item when it is dropped */
    edit_node *inserts;     /* of an item */
    uint64_t content_bytes; /* of a changed item or sequence in the output; set by the writer */
    bool changed;           /* itself or something inside differs in the output */
    bool marked;            /* itself or something inside has an edit, be it only KEEP */
} edit_slot;

struct lethe_edit_script {
    lethe_dicom_dataset *dataset;
    lethe_arena *arena;
    edit_slot *slots;       /* node_count + 1 */
    lethe_dicom_item *meta; /* the data set's, or an empty one once a meta is required */
    bool clear_preamble, drop_trailing, require_meta;
    const char *transfer_syntax; /* new, or NULL */
};

static inline edit_slot *lethe_edit_slot(const lethe_edit_script *script, uint32_t ordinal) { return &script->slots[ordinal]; }

#endif
