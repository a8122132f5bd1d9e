/* The review desk: what the pixel stage removed from an instance, and what a person decided about it. De-identification writes the proposals and
 * carries decisions out; the command line and the viewer record them. Private side, in the intake database. Layer: core. Thread rule: as database.h.
 *
 * Decisions are only ever added: the table refuses changes and deletions, and each decision is a line of the audit trail (core/trail.h) too. */
#ifndef LETHE_CORE_REVIEW_H
#define LETHE_CORE_REVIEW_H

#include "core/queue.h"

typedef struct lethe_review_box {
    uint32_t first_frame, last_frame; /* both included, from 0; last_frame UINT32_MAX = to the end */
    uint32_t x, y, w, h;              /* pixels of the frame */
    char why[56];                     /* of proposals: which rule; never what was read */
} lethe_review_box;

typedef enum lethe_review_action {
    LETHE_REVIEW_ADD,     /* remove what lies in the box */
    LETHE_REVIEW_KEEP,    /* what lies in the box is no text: a proposal deleted */
    LETHE_REVIEW_MOVE,    /* a proposal (`from`) deleted and `box` removed instead */
    LETHE_REVIEW_ACCEPT,  /* the proposal is right */
    LETHE_REVIEW_UNDO,    /* an earlier decision (`target`) no longer holds */
    LETHE_REVIEW_APPROVE, /* release */
    LETHE_REVIEW_REJECT,  /* never release: quarantine */
    LETHE_REVIEW_ACTIONS
} lethe_review_action;
const char *lethe_review_action_name(lethe_review_action action);

/* For which images a decision holds. */
typedef enum lethe_review_scope {
    LETHE_REVIEW_INSTANCE,
    LETHE_REVIEW_SERIES, /* every image of the same size in the series */
    LETHE_REVIEW_DEVICE, /* every image of this manufacturer, model, modality and size: a rule of the project's own device catalogue */
    LETHE_REVIEW_SCOPES
} lethe_review_scope;
const char *lethe_review_scope_name(lethe_review_scope scope);
bool lethe_review_scope_parse(const char *word, lethe_review_scope *scope);

typedef struct lethe_review_decision {
    int64_t id, item;
    lethe_review_action action;
    lethe_review_scope scope;
    lethe_review_box box, from;
    int64_t target; /* of an undo */
    char person[96];
    int64_t decided_us;
    bool done; /* carried out */
} lethe_review_decision;

typedef struct lethe_review_desk lethe_review_desk;

/* Makes the tables when they are missing. `queue` and `project` are borrowed. Errors: LETHE_DATABASE. */
LETHE_NODISCARD lethe_status lethe_review_desk_open(const lethe_project *project, lethe_queue *queue, lethe_review_desk **out, lethe_error *error);
void lethe_review_desk_close(lethe_review_desk *desk);

/* Replace the proposals of an item. */
LETHE_NODISCARD lethe_status lethe_review_put_boxes(lethe_review_desk *desk, int64_t item, const lethe_review_box *boxes, size_t count,
                                                    lethe_error *error);
/* The proposals of an item, in their order; *boxes is the caller's (lethe_free). */
LETHE_NODISCARD lethe_status lethe_review_boxes(lethe_review_desk *desk, int64_t item, lethe_review_box **boxes, size_t *count, lethe_error *error);

/* Record a decision; id and decided_us are set. The trail's line first: what is decided without a trace is not decided. */
LETHE_NODISCARD lethe_status lethe_review_record(lethe_review_desk *desk, lethe_review_decision *decision, lethe_error *error);
/* That a decision was carried out. */
LETHE_NODISCARD lethe_status lethe_review_finish(lethe_review_desk *desk, int64_t decision, lethe_error *error);

/* Visit decisions in their order: of one item, or of all (item 0). `only_open`: those that were not carried out. */
typedef lethe_status (*lethe_review_fn)(void *context, const lethe_review_decision *decision, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_review_visit(lethe_review_desk *desk, int64_t item, bool only_open, lethe_review_fn visit, void *context,
                                                lethe_error *error);

/* Items whose released output has to be made again; a killed run leaves them here for the next. */
LETHE_NODISCARD lethe_status lethe_review_remake_add(lethe_review_desk *desk, int64_t item, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_review_remake_done(lethe_review_desk *desk, int64_t item, lethe_error *error);
/* Up to `capacity` of them. */
LETHE_NODISCARD lethe_status lethe_review_remake_list(lethe_review_desk *desk, int64_t *items, size_t capacity, size_t *count, lethe_error *error);

#endif
