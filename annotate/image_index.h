/* Every released image in memory, found by any of its names: the ground of imports and exports. Layer: annotate. Thread rule: immutable after load.
 */
#ifndef LETHE_ANNOTATE_IMAGE_INDEX_H
#define LETHE_ANNOTATE_IMAGE_INDEX_H

#include "core/arena.h"
#include "core/catalogue.h"
#include "core/error.h"

typedef struct lethe_image_ref {
    const char *key;  /* lethe_image_key: SOP Instance UID or slide path */
    const char *path; /* below released/ */
    const char *stem; /* path without its extension: the name of files made from this image */
    const char *patient, *study_uid, *series_uid, *modality, *sop_class, *series_description, *study_description, *manufacturer, *model, *sex, *age;
    const char *laterality, *view_position, *sha256, *study_date;
    int64_t series_number, instance_number, rows, columns, frames;
    bool is_slide;
    const char *source;                      /* the file below released/: `path`, unless the image got another name for an export (rename.h) */
    const char *source_patient, *source_key; /* the names in the project */
} lethe_image_ref;

typedef struct lethe_image_index lethe_image_index;

LETHE_NODISCARD lethe_status lethe_image_index_load(lethe_catalogue *catalogue, lethe_image_index **out, lethe_error *error);
void lethe_image_index_destroy(lethe_image_index *index);
size_t lethe_image_index_count(const lethe_image_index *index);
const lethe_image_ref *lethe_image_index_at(const lethe_image_index *index, size_t i); /* in catalogue order */
/* What gave the images random case names (rename.h); NULL when they have their released ones. Borrowed. */
struct lethe_renamer;
struct lethe_renamer *lethe_image_index_renamer(const lethe_image_index *index);
/* The position of a reference in the index. */
size_t lethe_image_index_position(const lethe_image_index *index, const lethe_image_ref *ref);
/* By SOP Instance UID, by path below released/ (a longer path that ends in it will do), by file name, or by file name without its extension. NULL
 * when unknown; *ambiguous (may be NULL) tells that several images have that name. */
const lethe_image_ref *lethe_image_index_find(const lethe_image_index *index, const char *name, bool *ambiguous);

#endif
