/* The audit's own reader: finds the pixel data and the form of a DICOM output, independently of imaging/dicom. Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_AUDIT_WALK_H
#define LETHE_DEID_AUDIT_WALK_H

#include "core/buffer.h"
#include "core/error.h"

typedef struct lethe_audit_element {
    uint32_t tag;
    uint16_t vr; /* two letters; 0 with implicit VR */
    uint32_t depth;
    uint64_t offset, value_offset, value_bytes; /* in `bytes` of the walk */
    bool container;                             /* sequence or fragments */
} lethe_audit_element;

typedef struct lethe_audit_layout {
    const uint8_t *bytes; /* the file, or file head and inflated data set joined in the caller's buffer */
    uint64_t size;
    uint64_t data_set_offset;
    uint64_t pixel_from, pixel_to; /* values of the top-level pixel data: not searched */
    bool explicit_vr, big_endian;
} lethe_audit_layout;

typedef lethe_status (*lethe_audit_visit_fn)(void *context, const lethe_audit_layout *layout, const lethe_audit_element *element, lethe_error *error);

/* Walk head and data set; `inflated` (initialised, empty) receives a deflated data set. Errors: LETHE_MALFORMED with the offset. */
LETHE_NODISCARD lethe_status lethe_audit_walk(const uint8_t *bytes, uint64_t size, lethe_buffer *inflated, lethe_audit_layout *layout,
                                              lethe_audit_visit_fn visit, void *context, lethe_error *error);

#endif
