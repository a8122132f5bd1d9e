/* Random case names for a published data set: patients, slides and UIDs under names that a key and the snapshot make, so that a published case cannot
 * be linked to the labelling project, nor to another snapshot, without the key or the mapping file. Layer: annotate. Thread rule: one thread at a
 * time. */
#ifndef LETHE_ANNOTATE_RENAME_H
#define LETHE_ANNOTATE_RENAME_H

#include "annotate/image_index.h"
#include "annotate/package.h"
#include "annotate/store.h"

enum { LETHE_CASE_NAME_SIZE = 11 }; /* ten letters, NUL */

typedef struct lethe_renamer lethe_renamer;

/* `key_path`: 32 bytes, made (mode 0600) when missing. `snapshot` sets the names of this snapshot apart. Errors: LETHE_CRYPTO, LETHE_DENIED,
 * LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_renamer_create(const char *key_path, const char *snapshot, lethe_renamer **out, lethe_error *error);
void lethe_renamer_destroy(lethe_renamer *renamer);
LETHE_NODISCARD lethe_status lethe_renamer_case(lethe_renamer *renamer, const char *patient, char out[LETHE_CASE_NAME_SIZE], lethe_error *error);
/* UIDs of the standard (1.2.840.10008...) and "" stay. */
LETHE_NODISCARD lethe_status lethe_renamer_uid(lethe_renamer *renamer, const char *uid, char out[LETHE_UID_SIZE], lethe_error *error);

/* Names of every image of the index: patients and slides get ten letters, UIDs new ones; `source` keeps where the file is. The renamer is borrowed
 * until the index is destroyed. Errors: LETHE_EXISTS when two
 * patients or slides would get one name (take another key). */
LETHE_NODISCARD lethe_status lethe_rename_index(lethe_renamer *renamer, lethe_image_index *index, lethe_error *error);
/* The same for labels that were loaded. Errors: LETHE_NOT_FOUND for an image that the index does not know. */
LETHE_NODISCARD lethe_status lethe_rename_labels(lethe_renamer *renamer, const lethe_image_index *index, lethe_annotations *labels,
                                                 lethe_error *error);
/* A released DICOM file under its new names: patient, UIDs, accession number and study ID; pixels are copied untouched. Errors: LETHE_UNSAFE when an
 * old name is found in the output. */
LETHE_NODISCARD lethe_status lethe_rename_dicom(lethe_renamer *renamer, const char *source, const lethe_image_ref *ref, lethe_package *package,
                                                const char *relative, lethe_error *error);
/* new name, released name: for the organiser alone (mode 0600). */
LETHE_NODISCARD lethe_status lethe_rename_mapping(const lethe_image_index *index, const char *path, lethe_error *error);

#endif
