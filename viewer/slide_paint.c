/* Paint of a slide: the tiles of the screen and the mask annotations of the store. */
#include "viewer/marks_internal.h"

#include "core/memory.h"

#include <string.h>

static bool is_paint_of(const lethe_mark *mark, const char *image) {
    return mark->shape.kind == LETHE_SHAPE_MASK && mark->mine && strcmp(mark->image, image) == 0;
}

static lethe_status fill_from_marks(lethe_marks *marks, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_tiled_mask_clear(marks->tiled);
    const lethe_mark *mark;
    for (size_t i = 0; !status && (mark = lethe_marks_few_at(marks, i)) != NULL; i++) {
        unsigned value = is_paint_of(mark, marks->tiled_image) ? lethe_paint_label_value(marks, mark->label) : 0;
        for (size_t s = 0; value && s < mark->shape.slice_count && !status; s++)
            status = lethe_tiled_mask_add(marks->tiled, &mark->shape.slices[s].mask, (uint8_t)value, error);
    }
    return status;
}

lethe_status lethe_tiled_rebuild(lethe_marks *marks, const char *image, lethe_error *error) {
    return marks->tiled && strcmp(marks->tiled_image, image) == 0 ? fill_from_marks(marks, error) : LETHE_OK;
}

lethe_tiled_mask *lethe_marks_tiled(lethe_marks *marks, const char *image, int64_t width, int64_t height, bool make) {
    if (marks->tiled && strcmp(marks->tiled_image, image) == 0) return marks->tiled;
    bool any = make;
    const lethe_mark *mark;
    for (size_t i = 0; !any && (mark = lethe_marks_few_at(marks, i)) != NULL; i++) any = is_paint_of(mark, image);
    if (!any) return NULL;
    lethe_tiled_mask_destroy(marks->tiled);
    lethe_free(marks->tiled_image);
    marks->tiled = NULL;
    marks->tiled_image = lethe_strdup(image);
    if (!marks->tiled_image || lethe_tiled_mask_create(width, height, &marks->tiled, NULL)) return NULL;
    if (fill_from_marks(marks, NULL) == LETHE_OK) return marks->tiled;
    lethe_tiled_mask_destroy(marks->tiled);
    marks->tiled = NULL;
    return NULL;
}

lethe_status lethe_marks_save_tiled(lethe_marks *marks, const char *tool, const char *name, lethe_error *error) {
    if (!marks->tiled) return LETHE_OK;
    bool changed[256];
    lethe_tiled_mask_changed(marks->tiled, changed);
    lethe_paint_batch batch = {0};
    lethe_status status = LETHE_OK;
    for (unsigned value = 1; value < 256 && !status; value++) {
        lethe_shape shape = {0};
        if (!changed[value]) continue;
        status = lethe_tiled_mask_shape(marks->tiled, (uint8_t)value, &shape, error);
        if (!status) status = lethe_paint_batch_add(marks, marks->tiled_image, 0, value, tool, &shape, &batch, error);
    }
    if (!status) status = lethe_paint_batch_save(marks, &batch, name, error);
    for (size_t i = 0; i < batch.count; i++) lethe_shape_release(&batch.items[i].shape);
    lethe_free(batch.items);
    if (status) lethe_tiled_mask_unsaved(marks->tiled, changed);
    return status;
}
