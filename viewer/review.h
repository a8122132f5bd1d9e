/* The review of redactions (`lethe view --review`): a person sees an original of the private side with the boxes that were proposed, accepts, moves,
 * adds and deletes, for this image, its series or its device, and approves or rejects. Everything is recorded at once (core/review.h);
 * de-identification carries it out (`lethe review run`, or a running `lethe deid --watch`). Without --review none of this exists and only released
 * data is opened. Layer: viewer. Thread rule: main thread. */
#ifndef LETHE_VIEWER_REVIEW_H
#define LETHE_VIEWER_REVIEW_H

#include "core/review.h"
#include "viewer/app.h"
#include "viewer/review_decoder.h"

typedef enum lethe_review_mark {
    LETHE_REVIEW_PROPOSED,
    LETHE_REVIEW_ACCEPTED,
    LETHE_REVIEW_DRAWN,  /* added or moved, not carried out so far */
    LETHE_REVIEW_DELETED /* will not be removed */
} lethe_review_mark;

typedef struct lethe_review_shown {
    lethe_review_box box, from; /* `from` of a moved one */
    lethe_review_mark mark;
    int64_t decision;  /* that made it what it is; 0 = the search or the catalogue did */
    bool moved, fixed; /* fixed: a rule of the catalogue or the regions of the ultrasound; it cannot be deleted here */
} lethe_review_shown;

typedef struct lethe_review {
    lethe_queue *queue;
    lethe_review_desk *desk;
    lethe_review_decoder *decoder;
    lethe_item *items; /* what waits, then what was released with boxes */
    size_t item_count, index;
    lethe_review_shown *boxes;
    size_t box_count, box_capacity;
    int selected; /* -1 = none */
    lethe_review_scope scope;
    bool after, approved, rejected;
    size_t open_decisions;
    char person[96];
    /* what the mouse is in the middle of */
    enum { LETHE_REVIEW_IDLE, LETHE_REVIEW_NEW, LETHE_REVIEW_SHIFT, LETHE_REVIEW_CORNER } drag;
    lethe_point start, now; /* image */
    lethe_review_box before;
    int corner; /* bit 0: right, bit 1: bottom */
} lethe_review;

/* --- review_mode.c --- */
LETHE_NODISCARD lethe_status lethe_review_open(lethe_app *app, lethe_error *error);
void lethe_review_close(lethe_review *review);
LETHE_NODISCARD lethe_status lethe_review_goto(lethe_app *app, size_t index, lethe_error *error);
void lethe_review_step(lethe_app *app, int direction);
void lethe_review_toggle_after(lethe_app *app);
void lethe_review_accept(lethe_app *app);
void lethe_review_delete(lethe_app *app);
void lethe_review_add(lethe_app *app, lethe_review_box box);
void lethe_review_move(lethe_app *app, int index, lethe_review_box box);
void lethe_review_apply(lethe_app *app, lethe_review_scope scope);
void lethe_review_undo(lethe_app *app);
void lethe_review_decide(lethe_app *app, bool approve);
bool lethe_review_state(const lethe_app *app, const char *name, char *out, size_t size);

/* --- review_view.c --- */
void lethe_review_draw(lethe_app *app);
/* True when the event was for the boxes. */
bool lethe_review_event(lethe_app *app, const lethe_event *event);

/* --- review_panel.c --- */
void lethe_review_panels(lethe_app *app);

#endif
