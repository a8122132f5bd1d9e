/* What is reviewed and what was decided about it. */
#include "viewer/review.h"

#include "core/file.h"
#include "core/memory.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- the list --- */

typedef struct gathering {
    lethe_review *review;
    size_t capacity;
} gathering;

static lethe_status gather(void *context, const lethe_item *item, lethe_error *error) {
    gathering *g = context;
    lethe_review *r = g->review;
    if (item->kind != LETHE_ITEM_DICOM) return LETHE_OK;
    if (r->item_count == g->capacity) {
        g->capacity = g->capacity * 2 + 64;
        lethe_item *grown = lethe_realloc_array(r->items, g->capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        r->items = grown;
    }
    r->items[r->item_count++] = *item;
    return LETHE_OK;
}

/* Of what is released, only what was redacted is of interest. */
static lethe_status drop_untouched(lethe_review *r, size_t from, lethe_error *error) {
    size_t kept = from;
    for (size_t i = from; i < r->item_count; i++) {
        lethe_review_box *boxes;
        size_t count;
        lethe_status status = lethe_review_boxes(r->desk, r->items[i].id, &boxes, &count, error);
        if (status) return status;
        lethe_free(boxes);
        if (count == 0) continue;
        if (kept != i) r->items[kept] = r->items[i];
        kept++;
    }
    r->item_count = kept;
    return LETHE_OK;
}

static void name_person(lethe_review *r, const char *user) {
    const struct passwd *entry = getpwuid(getuid());
    const char *name = entry ? entry->pw_name : "unknown";
    if (user && *user) (void)snprintf(r->person, sizeof r->person, "%.60s (%.30s)", user, name);
    else (void)snprintf(r->person, sizeof r->person, "%s", name);
}

lethe_status lethe_review_open(lethe_app *app, lethe_error *error) {
    if (access(app->project->private_path, R_OK | W_OK | X_OK) != 0)
        return lethe_fail(error, LETHE_DENIED, "--review shows originals: it needs the private side of the project, which this user may not open");
    lethe_review *r = lethe_alloc_array(1, sizeof *r);
    if (!r) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    app->review = r;
    r->selected = -1;
    name_person(r, app->options.user);
    gathering g = {.review = r};
    /* Before the database, the window and their threads: the process that decodes has nothing of them. */
    lethe_status status = lethe_review_decoder_start(app->project, &r->decoder, error);
    if (!status) status = lethe_queue_open(app->project, &r->queue, error);
    if (!status) status = lethe_review_desk_open(app->project, r->queue, &r->desk, error);
    if (!status) status = lethe_queue_visit(r->queue, LETHE_ITEM_REVIEW, gather, &g, error);
    size_t waiting = r->item_count;
    if (!status) status = lethe_queue_visit(r->queue, LETHE_ITEM_RELEASED, gather, &g, error);
    if (!status) status = drop_untouched(r, waiting, error);
    return status;
}

void lethe_review_close(lethe_review *r) {
    if (!r) return;
    lethe_review_decoder_destroy(r->decoder);
    lethe_review_desk_close(r->desk);
    lethe_queue_close(r->queue);
    lethe_free(r->items);
    lethe_free(r->boxes);
    lethe_free(r);
}

/* --- the boxes of an item: proposals, and the decisions that are not in them yet --- */

static lethe_status append(lethe_review *r, const lethe_review_shown *shown, lethe_error *error) {
    if (r->box_count == r->box_capacity) {
        r->box_capacity = r->box_capacity * 2 + 32;
        lethe_review_shown *grown = lethe_realloc_array(r->boxes, r->box_capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        r->boxes = grown;
    }
    r->boxes[r->box_count++] = *shown;
    return LETHE_OK;
}

static bool same_place(const lethe_review_box *a, const lethe_review_box *b) { return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h; }

static lethe_review_shown *find_place(lethe_review *r, const lethe_review_box *box) {
    for (size_t i = 0; i < r->box_count; i++)
        if (same_place(&r->boxes[i].box, box)) return &r->boxes[i];
    return NULL;
}

static void take_back(lethe_review *r, int64_t decision) {
    for (size_t i = 0; i < r->box_count; i++) {
        lethe_review_shown *s = &r->boxes[i];
        if (s->decision != decision) continue;
        s->decision = 0;
        if (s->moved) s->box = s->from;
        if (s->moved || s->mark == LETHE_REVIEW_DELETED) {
            s->mark = LETHE_REVIEW_PROPOSED;
            s->moved = false;
        } else {
            memmove(s, s + 1, (r->box_count - i - 1) * sizeof *s);
            r->box_count--;
        }
        return;
    }
}

static lethe_status take_decision(void *context, const lethe_review_decision *d, lethe_error *error) {
    lethe_review *r = context;
    lethe_review_shown *at = find_place(r, d->action == LETHE_REVIEW_MOVE ? &d->from : &d->box);
    if (d->action == LETHE_REVIEW_ACCEPT && at) at->mark = LETHE_REVIEW_ACCEPTED;
    if (d->done) return LETHE_OK; /* the proposals know */
    r->open_decisions++;
    switch (d->action) {
    case LETHE_REVIEW_ADD: {
        if (at && at->mark != LETHE_REVIEW_DELETED) { /* applied to more images: the box is there already */
            at->mark = LETHE_REVIEW_ACCEPTED;
            return LETHE_OK;
        }
        lethe_review_shown shown = {.box = d->box, .mark = LETHE_REVIEW_DRAWN, .decision = d->id};
        return append(r, &shown, error);
    }
    case LETHE_REVIEW_KEEP:
        if (at) {
            at->mark = LETHE_REVIEW_DELETED;
            at->decision = d->id;
        }
        break;
    case LETHE_REVIEW_MOVE:
        if (at) {
            at->from = at->box;
            at->box = d->box;
            at->moved = true;
            at->mark = LETHE_REVIEW_DRAWN;
            at->decision = d->id;
        }
        break;
    case LETHE_REVIEW_UNDO: take_back(r, d->target); break;
    case LETHE_REVIEW_APPROVE: r->approved = true; break;
    case LETHE_REVIEW_REJECT: r->rejected = true; break;
    default: break;
    }
    return LETHE_OK;
}

static lethe_status load_boxes(lethe_review *r, lethe_error *error) {
    lethe_review_box *boxes = NULL;
    size_t count = 0;
    r->box_count = r->open_decisions = 0;
    r->approved = r->rejected = false;
    lethe_status status = lethe_review_boxes(r->desk, r->items[r->index].id, &boxes, &count, error);
    for (size_t i = 0; i < count && !status; i++) {
        lethe_review_shown shown = {.box = boxes[i]};
        shown.fixed = strncmp(boxes[i].why, "device rule", 11) == 0 || strncmp(boxes[i].why, "outside", 7) == 0;
        status = append(r, &shown, error);
    }
    lethe_free(boxes);
    if (!status) status = lethe_review_visit(r->desk, r->items[r->index].id, false, take_decision, r, error);
    if (r->selected >= (int)r->box_count) r->selected = -1;
    return status;
}

/* --- the image --- */

static lethe_status show_file(lethe_app *app, const char *folder, const char *name, lethe_error *error) {
    lethe_study *study = NULL;
    char *path = lethe_path_join(folder, name);
    if (!path) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    const char *paths[] = {path};
    lethe_error why = {0};
    lethe_status status = lethe_study_open_files(paths, 1, &app->next_source, &study, &why);
    lethe_free(path);
    for (size_t i = 0; i < (status ? 0 : study->series_count); i++) {
        study->series[i].outside = true;
        if (study->series[i].is_slide) status = LETHE_UNSUPPORTED; /* a file that is an image of both kinds: the decoder outside knows one of them */
    }
    if (status) {
        lethe_study_close(study);
        return lethe_fail(error, status, "the image cannot be shown");
    }
    lethe_app_close_case(app);
    app->study = study;
    app->opened_at = app->now;
    app->first_image_ms = 0;
    lethe_app_hang(app, LETHE_HANGING_SINGLE);
    app->tool = LETHE_TOOL_SELECT;
    return LETHE_OK;
}

static lethe_status show_item(lethe_app *app, lethe_error *error) {
    const lethe_review *r = app->review;
    const lethe_item *item = &r->items[r->index];
    bool released = r->after && item->state == LETHE_ITEM_RELEASED;
    return show_file(app, released ? app->project->released_path : app->project->private_path, released ? item->output : item->path, error);
}

lethe_status lethe_review_goto(lethe_app *app, size_t index, lethe_error *error) {
    lethe_review *r = app->review;
    if (index >= r->item_count) return LETHE_OK;
    r->index = index;
    r->selected = -1;
    r->after = false;
    r->drag = LETHE_REVIEW_IDLE;
    lethe_status status = load_boxes(r, error);
    return status ? status : show_item(app, error);
}

void lethe_review_step(lethe_app *app, int direction) {
    lethe_review *r = app->review;
    lethe_error error = {0};
    if (r->item_count == 0) return;
    size_t count = r->item_count;
    (void)lethe_app_failed(app, lethe_review_goto(app, (r->index + count + (size_t)(direction + (int)count)) % count, &error), &error);
}

void lethe_review_toggle_after(lethe_app *app) {
    lethe_review *r = app->review;
    if (r->item_count == 0) return;
    r->after = !r->after;
    if (r->items[r->index].state != LETHE_ITEM_RELEASED) return; /* drawn over the original */
    lethe_error error = {0};
    size_t at = app->views[0].index;
    if (lethe_app_failed(app, show_item(app, &error), &error)) return;
    if (app->views[0].series && at < app->views[0].series->frame_count) app->views[0].index = at;
}

/* --- deciding --- */

static bool record(lethe_app *app, lethe_review_decision *d) {
    lethe_review *r = app->review;
    lethe_error error = {0};
    d->item = r->items[r->index].id;
    (void)snprintf(d->person, sizeof d->person, "%s", r->person);
    lethe_status status = lethe_review_record(r->desk, d, &error);
    if (!status) status = load_boxes(r, &error);
    return !lethe_app_failed(app, status, &error);
}

static lethe_review_shown *chosen(lethe_app *app) {
    lethe_review *r = app->review;
    if (r->item_count == 0) return NULL;
    if (r->selected >= 0 && r->selected < (int)r->box_count) return &r->boxes[r->selected];
    lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("Choose a box first."));
    return NULL;
}

void lethe_review_accept(lethe_app *app) {
    lethe_review_shown *s = chosen(app);
    if (!s) return;
    lethe_review_decision d = {.action = LETHE_REVIEW_ACCEPT, .box = s->box};
    (void)record(app, &d);
}

static bool undo_one(lethe_app *app, int64_t decision) {
    lethe_review_decision d = {.action = LETHE_REVIEW_UNDO, .target = decision};
    return record(app, &d);
}

void lethe_review_delete(lethe_app *app) {
    lethe_review_shown *s = chosen(app);
    long long rule = 0;
    if (!s || s->mark == LETHE_REVIEW_DELETED) return;
    if (s->fixed) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("This box comes from the catalogue or the regions of the image: it stays."));
        return;
    }
    if (s->decision != 0) {
        (void)undo_one(app, s->decision);
        return;
    }
    if (sscanf(s->box.why, "own rule review %lld", &rule) == 1) { /* drawn by a person earlier */
        (void)undo_one(app, rule);
        return;
    }
    lethe_review_decision d = {.action = LETHE_REVIEW_KEEP, .scope = app->review->scope, .box = s->box};
    (void)record(app, &d);
}

void lethe_review_add(lethe_app *app, lethe_review_box box) {
    lethe_review *r = app->review;
    lethe_review_decision d = {.action = LETHE_REVIEW_ADD, .scope = r->scope, .box = box};
    if (r->item_count > 0 && record(app, &d)) r->selected = (int)r->box_count - 1;
}

void lethe_review_move(lethe_app *app, int index, lethe_review_box box) {
    lethe_review *r = app->review;
    lethe_review_shown s = r->boxes[index];
    if (same_place(&s.box, &box)) return;
    if (s.fixed) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("This box comes from the catalogue or the regions of the image: it stays."));
        return;
    }
    box.first_frame = s.box.first_frame;
    box.last_frame = s.box.last_frame;
    if (s.decision != 0 && !undo_one(app, s.decision)) return;
    lethe_review_decision d = {.action = s.decision != 0 && !s.moved ? LETHE_REVIEW_ADD : LETHE_REVIEW_MOVE,
                               .scope = r->scope,
                               .box = box,
                               .from = s.moved ? s.from : s.box};
    if (!record(app, &d)) return;
    const lethe_review_shown *at = find_place(r, &box);
    r->selected = at ? (int)(at - r->boxes) : -1;
}

void lethe_review_apply(lethe_app *app, lethe_review_scope scope) {
    lethe_review_shown *s = chosen(app);
    if (!s) return;
    lethe_review_decision d = {.action = s->mark == LETHE_REVIEW_DELETED ? LETHE_REVIEW_KEEP : LETHE_REVIEW_ADD, .scope = scope, .box = s->box};
    d.box.why[0] = '\0';
    if (record(app, &d))
        lethe_app_say(app, LETHE_COLOUR_GOOD, "%s",
                      scope == LETHE_REVIEW_SERIES ? T("Recorded for the whole series.") : T("Recorded for every image of this device and size."));
}

static lethe_status last_open(void *context, const lethe_review_decision *d, lethe_error *error) {
    int64_t *ids = context; /* the last box that can be taken back */
    (void)error;
    if (d->done) return LETHE_OK;
    if (d->action <= LETHE_REVIEW_MOVE) *ids = d->id;
    if (d->action == LETHE_REVIEW_UNDO && *ids == d->target) *ids = 0;
    return LETHE_OK;
}

void lethe_review_undo(lethe_app *app) {
    lethe_review *r = app->review;
    int64_t id = 0;
    lethe_error error = {0};
    if (r->item_count == 0) return;
    if (lethe_app_failed(app, lethe_review_visit(r->desk, r->items[r->index].id, true, last_open, &id, &error), &error)) return;
    if (id != 0) (void)undo_one(app, id);
}

void lethe_review_decide(lethe_app *app, bool approve) {
    lethe_review *r = app->review;
    if (r->item_count == 0) return;
    if (r->items[r->index].state != LETHE_ITEM_REVIEW) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("This image is released already: boxes can be drawn, there is nothing to approve."));
        return;
    }
    lethe_review_decision d = {.action = approve ? LETHE_REVIEW_APPROVE : LETHE_REVIEW_REJECT, .scope = r->scope};
    if (!record(app, &d)) return;
    lethe_app_say(app, LETHE_COLOUR_GOOD, "%s", T("Recorded. `lethe review run` carries it out."));
    if (r->item_count > 1) lethe_review_step(app, 1);
}

/* --- for scripts --- */

bool lethe_review_state(const lethe_app *app, const char *name, char *out, size_t size) {
    const lethe_review *r = app->review;
    if (!r) return false;
    size_t tally[4] = {0};
    for (size_t i = 0; i < r->box_count; i++) tally[r->boxes[i].mark]++;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"items", (double)r->item_count},
                   {"index", (double)r->index},
                   {"boxes", (double)(r->box_count - tally[LETHE_REVIEW_DELETED])},
                   {"proposed", (double)tally[LETHE_REVIEW_PROPOSED]},
                   {"accepted", (double)tally[LETHE_REVIEW_ACCEPTED]},
                   {"drawn", (double)tally[LETHE_REVIEW_DRAWN]},
                   {"deleted", (double)tally[LETHE_REVIEW_DELETED]},
                   {"selected", r->selected},
                   {"after", r->after},
                   {"open", (double)r->open_decisions},
                   {"approved", r->approved},
                   {"rejected", r->rejected},
                   {"decoder", strcmp(name, "decoder") == 0 ? lethe_review_decoder_process(r->decoder) : 0}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, name) == 0) {
            (void)snprintf(out, size, "%.0f", numbers[i].value);
            return true;
        }
    if (strcmp(name, "scope") == 0) {
        (void)snprintf(out, size, "%s", lethe_review_scope_name(r->scope));
        return true;
    }
    if (strcmp(name, "box") == 0 && r->selected >= 0 && r->selected < (int)r->box_count) {
        const lethe_review_box *b = &r->boxes[r->selected].box;
        (void)snprintf(out, size, "%u,%u,%u,%u", b->x, b->y, b->w, b->h);
        return true;
    }
    return false;
}
