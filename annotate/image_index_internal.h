/* Inside of the image index, for those who name its images anew. */
#ifndef LETHE_ANNOTATE_IMAGE_INDEX_INTERNAL_H
#define LETHE_ANNOTATE_IMAGE_INDEX_INTERNAL_H

#include "annotate/image_index.h"

typedef struct name_entry {
    const char *name;
    size_t image;
} name_entry;

struct lethe_image_index {
    lethe_arena *arena;
    lethe_image_ref *images;
    size_t count, capacity;
    name_entry *names; /* sorted by name, then image */
    size_t name_count;
    struct lethe_renamer *renamer; /* borrowed */
};

/* Sort the images and list their names (again). */
lethe_status lethe_image_index_arrange(lethe_image_index *index, lethe_error *error);

#endif
