/* Shared by marks.c and paint.c. Layer: viewer. */
#ifndef LETHE_VIEWER_MARKS_INTERNAL_H
#define LETHE_VIEWER_MARKS_INTERNAL_H

#include "viewer/marks.h"

/* What one step did on one image: so many changes in the store, or an answer that has no image. */
typedef struct lethe_step_part {
    char *image;
    unsigned changes;
    unsigned done;  /* of them, in an undo or redo that the store did not let come to its end */
    int64_t unread; /* an annotation that changed in the store but could not be read again; 0: none */
    int64_t id;
    bool is_answer;
    lethe_level level;
    const char *place[3]; /* patient, study, series of an answer; borrowed from the open study */
    char *before, *after;
} lethe_step_part;

typedef struct lethe_step {
    char *name;
    lethe_step_part *parts;
    size_t part_count;
} lethe_step;

typedef struct lethe_steps {
    lethe_step *items;
    size_t count;
} lethe_steps;

/* Where a mark is, beside the marks so that a window is searched in little memory. Empty (x0 > x1) for what is not drawn as a shape. */
typedef struct lethe_mark_place {
    float x0, y0, x1, y1;
    uint32_t image, frame; /* image: a hash of its key */
} lethe_mark_place;

struct lethe_marks {
    lethe_store *store; /* borrowed */
    int64_t task, spent_ms, revisions;
    lethe_mark *items;
    lethe_mark_place *places; /* one for each item */
    size_t count, capacity, regions;
    bool counted;   /* `regions` holds */
    bool unordered; /* ids do not rise with the index */
    size_t *few;    /* indices of the marks that are not drawn as shapes: answers and masks */
    size_t few_count, few_capacity;
    bool few_known;
    lethe_paint **paints;
    size_t paint_count;
    lethe_tiled_mask *tiled; /* paint of a slide; NULL until there is some */
    char *tiled_image;
    lethe_steps undo, redo;
};

void lethe_mark_release(lethe_mark *mark);
void lethe_step_release(lethe_step *step);
LETHE_NODISCARD lethe_status lethe_step_add(lethe_step *step, const char *image, int64_t id, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_steps_push(lethe_steps *steps, lethe_step *step, lethe_error *error);
/* A step is done: name it, put it on the undo list, empty the redo list. Takes the step. */
LETHE_NODISCARD lethe_status lethe_marks_done(lethe_marks *marks, lethe_step *step, const char *name, lethe_error *error);
/* The annotation again, without its paint: what the screen shows is what was written. */
LETHE_NODISCARD lethe_status lethe_marks_reload_quietly(lethe_marks *marks, int64_t id, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_marks_reload(lethe_marks *marks, int64_t id, lethe_error *error);
void lethe_paint_free(lethe_paint *paint);
/* What a stroke made, to be written: one annotation per label. Shapes are owned. */
typedef struct lethe_paint_batch {
    lethe_annotation *items;
    size_t count;
} lethe_paint_batch;
unsigned lethe_paint_label_value(const lethe_marks *marks, const char *label);
/* The annotation that holds a label's paint of an image, with the given shape (taken). */
LETHE_NODISCARD lethe_status lethe_paint_batch_add(lethe_marks *marks, const char *image, uint32_t frame, unsigned value, const char *tool,
                                                   lethe_shape *shape, lethe_paint_batch *batch, lethe_error *error);
/* All in one transaction, as one step of undo; the batch is released in every case. */
LETHE_NODISCARD lethe_status lethe_paint_batch_save(lethe_marks *marks, lethe_paint_batch *batch, const char *name, lethe_error *error);
/* Paint of a slide again from the annotations. */
LETHE_NODISCARD lethe_status lethe_tiled_rebuild(lethe_marks *marks, const char *image, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_paint_rebuild(lethe_marks *marks, const char *image, uint32_t frame, lethe_error *error);

#endif
