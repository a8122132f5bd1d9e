/* Labels of all readers sorted by what they are about: the ground of agreement and consensus. For annotate/agreement*.c and consensus.c only. */
#ifndef LETHE_ANNOTATE_READINGS_H
#define LETHE_ANNOTATE_READINGS_H

#include "annotate/store.h"

typedef struct reading {
    const lethe_annotation *annotation; /* for regions: the first of the reader's on this unit */
    const char *unit;                   /* image, series, study or patient */
    uint32_t frame;                     /* regions */
    size_t slice;                       /* regions: of volumes */
    int reader;                         /* index; -1 = an adjudicator, -2 = truth */
    int64_t pass;
} reading;

typedef struct readings {
    lethe_annotations *all;
    lethe_tasks *tasks;
    const char **readers; /* sorted names; borrowed from the arena */
    size_t reader_count;
    reading *items; /* sorted by label, unit, frame, reader, pass */
    size_t count;
    lethe_arena *arena;
} readings;

/* `snapshot`: the labels that it froze, and tasks as they stood then; 0 = now. */
lethe_status lethe_readings_load(lethe_store *store, const char *label, int64_t snapshot, readings *out, lethe_error *error);
void lethe_readings_close(readings *r);
/* End of the run of items with the same label (and unit and frame) as items[from]. */
size_t lethe_readings_label_end(const readings *r, size_t from);
size_t lethe_readings_unit_end(const readings *r, size_t from);
/* Draw every region of a reader in items[from, end) into a bitmap of the box; box in pixels, reduced by `factor`. */
lethe_status lethe_readings_draw(const readings *r, size_t from, size_t end, int reader, int64_t pass, const lethe_box *box, double factor,
                                 uint8_t *bitmap, uint32_t columns, uint32_t rows, lethe_error *error);
/* The box around all regions of items[from, end), and the reduction that makes it at most 1,024 pixels wide and high. */
bool lethe_readings_box(const readings *r, size_t from, size_t end, lethe_box *box, double *factor, uint32_t *columns, uint32_t *rows);

#endif
