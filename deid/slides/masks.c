#include "deid/slides/masks.h"

#include "core/memory.h"
#include "core/text.h"

#include <string.h>

typedef struct mask {
    char *path; /* owned */
    lethe_slide_region region;
} mask;

struct lethe_slide_masks {
    mask *list;
    size_t count, capacity;
};

lethe_status lethe_slide_masks_create(lethe_slide_masks **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    return *out ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
}

void lethe_slide_masks_destroy(lethe_slide_masks *masks) {
    if (!masks) return;
    for (size_t i = 0; i < masks->count; i++) lethe_free(masks->list[i].path);
    lethe_free(masks->list);
    lethe_free(masks);
}

lethe_status lethe_slide_masks_add(lethe_slide_masks *masks, const char *path, const lethe_slide_region *region, lethe_error *error) {
    size_t own = 0;
    for (size_t i = 0; i < masks->count; i++) own += strcmp(masks->list[i].path, path) == 0;
    if (own == LETHE_SLIDE_REGIONS) return lethe_fail(error, LETHE_LIMIT, "more than %d regions on one slide", LETHE_SLIDE_REGIONS);
    if (masks->count == masks->capacity) {
        size_t capacity = masks->capacity ? 2 * masks->capacity : 16;
        mask *grown = lethe_realloc_array(masks->list, capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        masks->list = grown;
        masks->capacity = capacity;
    }
    char *copy = lethe_strdup(path);
    if (!copy) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    masks->list[masks->count++] = (mask){copy, *region};
    return LETHE_OK;
}

size_t lethe_slide_masks_of(const lethe_slide_masks *masks, const char *path, lethe_slide_region *regions, size_t room) {
    size_t count = 0;
    for (size_t i = 0; masks && i < masks->count && count < room; i++)
        if (strcmp(masks->list[i].path, path) == 0) regions[count++] = masks->list[i].region;
    return count;
}
