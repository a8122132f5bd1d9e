/* Images that were made again after they were labelled: a person found more (or less) to redact, so the file under the same name has other pixels
 * inside of its boxes. Layer: annotate. Thread rule: one thread at a time per store. */
#ifndef LETHE_ANNOTATE_CHANGED_H
#define LETHE_ANNOTATE_CHANGED_H

#include "annotate/store.h"

typedef struct lethe_changed_image {
    const char *path; /* below released/ */
    int64_t changed_us, annotations;
} lethe_changed_image;

/* By path. Strings are borrowed during the call. */
typedef lethe_status (*lethe_changed_fn)(void *context, const lethe_changed_image *image, lethe_error *error);
/* `snapshot` 0: images that changed after the current revision of an annotation on them (or on their series, study or patient) was made, as far as
 * this user may see annotations. Else: those that changed after the snapshot was frozen and have annotations in it. Cost: by changed images, not by
 * all of them. Errors: LETHE_DATABASE. */
LETHE_NODISCARD lethe_status lethe_changed_visit(lethe_store *store, int64_t snapshot, lethe_changed_fn visit, void *context, lethe_error *error);
/* How many of them, and how many annotations they have together (one that is on several counts for each). */
LETHE_NODISCARD lethe_status lethe_changed_count(lethe_store *store, int64_t snapshot, int64_t *images, int64_t *annotations, lethe_error *error);

#endif
