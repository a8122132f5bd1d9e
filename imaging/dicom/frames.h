/* Where the frames of encapsulated pixel data lie (PS3.5 A.4): offset tables, fragments, or the codestreams themselves. Layer: imaging. Thread rule:
 * immutable after build. */
#ifndef LETHE_IMAGING_DICOM_FRAMES_H
#define LETHE_IMAGING_DICOM_FRAMES_H

#include "core/error.h"
#include "imaging/dicom/dataset.h"

typedef struct lethe_fragment {
    const uint8_t *bytes; /* borrowed from the parsed bytes */
    uint64_t size;
    uint64_t offset; /* of its item tag, from the first byte after the basic offset table's item */
} lethe_fragment;

typedef struct lethe_frame_table {
    lethe_fragment *fragments; /* owned */
    uint32_t *first;           /* owned: frame i has fragments first[i] up to first[i + 1] */
    uint32_t frames, fragment_count;
} lethe_frame_table;

/* `root` is looked up for an extended offset table. Errors: LETHE_MALFORMED when frames cannot be told apart, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_frame_table_build(const lethe_dicom_item *root, const lethe_dicom_element *pixel_data, uint32_t frames,
                                                     lethe_frame_table *table, lethe_error *error);
/* Do the offset tables of the file, if it has any, say exactly where these frames lie, and nothing else? A table that was not of use may say
 * anything. */
bool lethe_frame_table_is_told(const lethe_frame_table *table, const lethe_dicom_item *root, const lethe_dicom_element *pixel_data);
void lethe_frame_table_release(lethe_frame_table *table);

#endif
