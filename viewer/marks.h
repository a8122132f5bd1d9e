/* The annotations of the open case, as the screen needs them, and every change to them written to the store at once.
 *
 * Brush work of one image is a bitmap of label numbers (one class per pixel); what changed in it becomes one mask annotation per label. Undo is named
 * and goes across the whole case. Layer: viewer. Thread rule: main thread. */
#ifndef LETHE_VIEWER_MARKS_H
#define LETHE_VIEWER_MARKS_H

#include "annotate/store.h"
#include "viewer/tools/tiled_mask.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_mark {
    int64_t id, revision, task;
    lethe_level level;
    char *image, *label, *value, *form, *tool, *source, *author;
    double confidence;
    lethe_shape shape; /* owned */
    lethe_box bounds;  /* of the shape, when it has one */
    int schema_label;  /* 1 + index in the viewer's list of labels; 0 = not looked up, -1 = none */
    bool mine;         /* may be changed here */
    bool hidden;
} lethe_mark;

/* The painted labels of one frame. */
typedef struct lethe_paint {
    char *image;
    uint32_t frame, columns, rows;
    uint8_t *labels;                                 /* 0 = none, else 1 + index of the label in the schema */
    uint8_t *saved;                                  /* as in the store */
    uint32_t dirty_x0, dirty_y0, dirty_x1, dirty_y1; /* changed since lethe_paint_clean */
    bool fresh;                                      /* no texture has seen it */
    uint64_t version;
} lethe_paint;

typedef struct lethe_marks lethe_marks;

/* Load what this user may see of a case: `study_uid`, or `image` for a slide (the other NULL). `task` is stamped on new annotations. Borrows the
 * store. */
LETHE_NODISCARD lethe_status lethe_marks_open(lethe_store *store, const char *study_uid, const char *image, int64_t task, lethe_marks **out,
                                              lethe_error *error);
void lethe_marks_close(lethe_marks *marks);

size_t lethe_marks_count(const lethe_marks *marks);
/* Regions that hold something, painted masks included; remembered until the next change. */
size_t lethe_marks_regions(lethe_marks *marks);
lethe_mark *lethe_marks_at(lethe_marks *marks, size_t index);
lethe_mark *lethe_marks_find(lethe_marks *marks, int64_t id); /* NULL when gone */
/* Answers and masks, which are few where shapes may be hundreds of thousands: index 0, 1, 2 ... until NULL. Valid until the next change. */
lethe_mark *lethe_marks_few_at(lethe_marks *marks, size_t index);
/* Marks (not painted masks) of an image that touch `within` (NULL = all), in order of drawing. Cost: 24 bytes read for each mark of the case, so that
 * hundreds of thousands are no burden. */
typedef void (*lethe_mark_fn)(void *context, lethe_mark *mark);
void lethe_marks_visit(lethe_marks *marks, const char *image, uint32_t frame, const lethe_box *within, lethe_mark_fn visit, void *context);

/* The same, but `pass_over` is asked first, with nothing but the box of the mark (x0, y0, x1, y1, with a pixel of margin): of a hundred thousand
 * objects in sight most need no more than that. */
typedef bool (*lethe_place_fn)(void *context, const float box[4]);
void lethe_marks_visit_some(lethe_marks *marks, const char *image, uint32_t frame, const lethe_box *within, lethe_place_fn pass_over,
                            lethe_mark_fn visit, void *context);

/* The shape of a mark was changed on the screen only (it is being dragged): windows are asked for its new place. */
void lethe_marks_moved(lethe_marks *marks, lethe_mark *mark);

/* Add a region (takes the shape, also on failure). `name` is what undo will call it. The new id in *id (may be NULL). */
LETHE_NODISCARD lethe_status lethe_marks_add(lethe_marks *marks, const char *image, const char *label, const char *tool, lethe_shape *shape,
                                             const char *name, int64_t *id, lethe_error *error);
/* The same with answers to the questions of the region. */
LETHE_NODISCARD lethe_status lethe_marks_add_with_form(lethe_marks *marks, const char *image, const char *label, const char *tool, const char *form,
                                                       lethe_shape *shape, const char *name, int64_t *id, lethe_error *error);
/* New geometry for a mark (takes the shape). */
LETHE_NODISCARD lethe_status lethe_marks_reshape(lethe_marks *marks, int64_t id, lethe_shape *shape, const char *name, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_marks_relabel(lethe_marks *marks, int64_t id, const char *label, const char *name, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_marks_set_form(lethe_marks *marks, int64_t id, const char *form, const char *name, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_marks_delete(lethe_marks *marks, int64_t id, const char *name, lethe_error *error);
/* Answer a classification question (level image, series, study or patient); "" takes the answer back. */
LETHE_NODISCARD lethe_status lethe_marks_answer(lethe_marks *marks, const lethe_label *label, const char *patient, const char *study_uid,
                                                const char *series_uid, const char *image, const char *value, const char *name, lethe_error *error);
/* The answer so far, "" when there is none. Borrowed. */
const char *lethe_marks_answered(lethe_marks *marks, const lethe_label *label, const char *series_uid, const char *image);

/* --- painting --- */
/* The bitmap of a frame, made when missing. NULL when memory is short. Valid until close. */
lethe_paint *lethe_marks_paint(lethe_marks *marks, const char *image, uint32_t frame, uint32_t columns, uint32_t rows);
/* The same, but NULL when nothing was painted there. */
lethe_paint *lethe_marks_painted(lethe_marks *marks, const char *image, uint32_t frame);
/* Whether the store holds paint of a frame that is not in memory yet. */
bool lethe_marks_has_paint(lethe_marks *marks, const char *image, uint32_t frame);
void lethe_paint_touch(lethe_paint *paint, int64_t x0, int64_t y0, int64_t x1, int64_t y1);
void lethe_paint_clean(lethe_paint *paint);
/* Write what changed since the last save, of all frames, in one transaction, as one step of undo. Nothing changed: LETHE_OK. On failure the paint
 * stays as it is, and the next save tries it again. */
LETHE_NODISCARD lethe_status lethe_marks_save_paint(lethe_marks *marks, const char *tool, const char *name, lethe_error *error);
/* Back to what the store holds, in every image and on the slide. */
LETHE_NODISCARD lethe_status lethe_marks_drop_unsaved(lethe_marks *marks, lethe_error *error);

/* --- painting on slides --- */
/* The paint of a slide in level 0, read from the store on first use. NULL when memory is short, or nothing is painted there and `make` is false. */
lethe_tiled_mask *lethe_marks_tiled(lethe_marks *marks, const char *image, int64_t width_px, int64_t height_px, bool make);
/* As lethe_marks_save_paint. */
LETHE_NODISCARD lethe_status lethe_marks_save_tiled(lethe_marks *marks, const char *tool, const char *name, lethe_error *error);

/* --- undo --- */
/* Name of what undo (redo) would take back; NULL when nothing. */
const char *lethe_marks_undo_name(const lethe_marks *marks);
const char *lethe_marks_redo_name(const lethe_marks *marks);
/* The image it happened on goes to `image` (may be NULL). Errors: as the store's. LETHE_NOT_FOUND when there is nothing. */
LETHE_NODISCARD lethe_status lethe_marks_undo(lethe_marks *marks, const char **image, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_marks_redo(lethe_marks *marks, const char **image, lethe_error *error);

/* Undo (redo) of what was done on an image before this session, when nothing of it is left. Errors: LETHE_NOT_FOUND when there is nothing. */
LETHE_NODISCARD lethe_status lethe_marks_undo_stored(lethe_marks *marks, const char *image, lethe_error *error);

/* Milliseconds that the next change is said to have taken. */
void lethe_marks_spent(lethe_marks *marks, int64_t ms);
int64_t lethe_marks_revisions(const lethe_marks *marks); /* written in this session */

#endif
