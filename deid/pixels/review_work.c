#include "deid/pixels/review_work.h"

#include "core/catalogue.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/encrypted.h"
#include "deid/file_set.h"
#include "deid/manifest.h"
#include "deid/objections.h"
#include "deid/pixels/review_pool.h"
#include "deid/run.h"
#include "deid/slides/masks.h"
#include "deid/slides/slide_deid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROUND = 128, NAME_BYTES = 64 };

/* An item that is to be processed, and why. */
typedef struct chore {
    int64_t item;
    bool approved;
} chore;

typedef struct work {
    const lethe_review_job *job;
    lethe_review_counts *counts;
    lethe_review_decision *open;
    size_t open_count, open_capacity;
    char *rules_path, *scratch;
    lethe_pixel_rules *after, **single; /* single[i]: what decision i is about, where it is more than its own item */
    const lethe_pixel_rule **wanted;    /* rules that the scan asks for ... */
    size_t *wanted_for;                 /* ... and the decision each belongs to */
    unsigned wanted_count;
    chore *approved;
    size_t approved_count, approved_capacity;
    /* of the round at hand */
    lethe_item items[ROUND];
    lethe_result results[ROUND];
    size_t item_count, done_count;
    /* what the objects of a patient and study tell about each other: as the run that released them knew it */
    lethe_slide_masks *masks;
    lethe_known *known;
    bool knows_all;
    lethe_learned learned[ROUND];
    size_t learned_count;
    lethe_buffer others;
} work;

char *lethe_review_rules_path(const lethe_project *project) { return lethe_path_join(project->private_path, "pixel_rules.yaml"); }

static void rule_name(const lethe_review_decision *d, char out[NAME_BYTES]) {
    (void)snprintf(out, NAME_BYTES, "review %lld (%.16s)", (long long)d->id, lethe_review_scope_name(d->scope));
}

static bool is_box(lethe_review_action action) { return action == LETHE_REVIEW_ADD || action == LETHE_REVIEW_KEEP || action == LETHE_REVIEW_MOVE; }

/* --- 1. rules --- */

static lethe_status collect(void *context, const lethe_review_decision *decision, lethe_error *error) {
    work *w = context;
    if (w->open_count == w->open_capacity) {
        w->open_capacity = w->open_capacity * 2 + 16;
        lethe_review_decision *grown = lethe_realloc_array(w->open, w->open_capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for decisions");
        w->open = grown;
    }
    w->open[w->open_count++] = *decision;
    return LETHE_OK;
}

static lethe_pixel_box pixel_box(const lethe_review_box *from) {
    return (lethe_pixel_box){
        .first_frame = from->first_frame, .last_frame = from->last_frame, .x = from->x, .y = from->y, .w = from->w, .h = from->h};
}

/* A box of a series or a device is not about the frame numbers of one image. */
static lethe_pixel_box box_for(const lethe_review_decision *d, const lethe_review_box *from) {
    lethe_pixel_box box = pixel_box(from);
    if (d->scope != LETHE_REVIEW_INSTANCE && d->scope != LETHE_REVIEW_SERIES) {
        box.first_frame = 0;
        box.last_frame = UINT32_MAX;
    }
    return box;
}

static lethe_status format_rule(work *w, lethe_review_pool *pool, const lethe_review_decision *d, lethe_buffer *text, lethe_error *error) {
    lethe_item item;
    char name[NAME_BYTES];
    rule_name(d, name);
    lethe_status status = lethe_queue_get(w->job->queue, d->item, &item, error);
    if (status != LETHE_OK) return status;
    char *path = lethe_path_join(w->job->project->private_path, item.path);
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_pixel_box box = box_for(d, &d->box), from = box_for(d, &d->from), any = {.w = 1, .h = 1};
    lethe_pixel_rule_draft draft = {.name = name, .scope = (lethe_pixel_rule_scope)d->scope};
    if (d->action == LETHE_REVIEW_ADD || d->action == LETHE_REVIEW_MOVE) draft.remove = &box, draft.remove_count = 1;
    if (d->action == LETHE_REVIEW_KEEP) draft.keep = &box, draft.keep_count = 1;
    if (d->action == LETHE_REVIEW_MOVE) draft.keep = &from, draft.keep_count = 1;
    if (!is_box(d->action)) draft.keep = &any, draft.keep_count = 1; /* only its conditions matter */
    status = lethe_review_pool_format(pool, path, &draft, text, error);
    lethe_free(path);
    return status;
}

static const lethe_review_decision *target_of(const lethe_review_decision *all, size_t count, int64_t id) {
    for (size_t i = 0; i < count; i++)
        if (all[i].id == id) return &all[i];
    return NULL;
}

typedef struct finding {
    int64_t id;
    lethe_review_decision found;
} finding;
static lethe_status find_decision(void *context, const lethe_review_decision *d, lethe_error *error) {
    finding *f = context;
    (void)error;
    if (d->id == f->id) f->found = *d;
    return LETHE_OK;
}

/* Regions on slides are no rules: they are gathered from the decisions (load_masks). */
static lethe_status check_slide(const lethe_review_decision *d, lethe_error *error) {
    if (d->scope != LETHE_REVIEW_INSTANCE) return lethe_fail(error, LETHE_UNSUPPORTED, "a decision about a slide holds for that slide only");
    if (d->action == LETHE_REVIEW_KEEP || d->action == LETHE_REVIEW_MOVE)
        return lethe_fail(error, LETHE_UNSUPPORTED, "slides take mask, undo, approve and reject");
    return LETHE_OK;
}

static lethe_status write_one(work *w, lethe_review_pool *pool, size_t index, lethe_error *error) {
    lethe_review_decision *d = &w->open[index];
    char name[NAME_BYTES];
    lethe_item item;
    lethe_status known = lethe_queue_get(w->job->queue, d->item, &item, error);
    if (known != LETHE_OK || item.kind == LETHE_ITEM_SLIDE) return known == LETHE_OK ? check_slide(d, error) : known;
    lethe_buffer text;
    lethe_buffer_init(&text, 1u << 20);
    lethe_status status = LETHE_OK;
    if (d->action == LETHE_REVIEW_UNDO) {
        finding f = {.id = d->target};
        const lethe_review_decision *target = target_of(w->open, w->open_count, d->target);
        if (target != NULL) f.found = *target;
        else status = lethe_review_visit(w->job->desk, d->item, false, find_decision, &f, error);
        if (status == LETHE_OK && f.found.id != 0) {
            d->scope = f.found.scope; /* the undo reaches as far as what it undoes */
            rule_name(&f.found, name);
            status = lethe_pixel_rules_remove(w->rules_path, name, error);
        }
    }
    if (status == LETHE_OK && (is_box(d->action) || (d->scope != LETHE_REVIEW_INSTANCE && d->action != LETHE_REVIEW_ACCEPT)))
        status = format_rule(w, pool, d, &text, error);
    if (status == LETHE_OK && is_box(d->action)) {
        rule_name(d, name);
        status = lethe_pixel_rules_put(w->rules_path, name, lethe_buffer_text(&text), error);
    }
    if (status == LETHE_OK && text.size > 0) status = lethe_pixel_rules_from_text(lethe_buffer_text(&text), text.size, &w->single[index], error);
    lethe_buffer_release(&text);
    return status;
}

static lethe_status write_rules(work *w, lethe_error *error) {
    lethe_review_pool *pool = NULL;
    const char *readable[] = {w->job->project->private_path, NULL};
    lethe_review_pool_options options = {.readable = readable, .workers = 1};
    w->single = lethe_alloc_array(w->open_count + 1, sizeof *w->single);
    lethe_status status = w->single == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for rules") : LETHE_OK;
    if (status == LETHE_OK && w->open_count > 0) status = lethe_review_pool_start(&options, &pool, error);
    for (size_t i = 0; i < w->open_count && status == LETHE_OK; i++) {
        lethe_error why = {0};
        status = write_one(w, pool, i, &why);
        if (status == LETHE_UNSUPPORTED || status == LETHE_MALFORMED || status == LETHE_NOT_FOUND || status == LETHE_CONFIG) {
            /* It stands in the record and never comes to anything; the others are not held up by it. */
            if (w->counts->refused++ == 0) (void)snprintf(w->counts->refusal, sizeof w->counts->refusal, "%.190s", why.message);
            w->open[i].action = LETHE_REVIEW_ACCEPT;
            status = LETHE_OK;
        } else if (status != LETHE_OK) {
            status = lethe_fail(error, status, "%s", why.message);
        }
    }
    lethe_review_pool_destroy(pool);
    return status == LETHE_OK ? lethe_pixel_rules_load_optional(w->rules_path, &w->after, error) : status;
}

/* --- 2. which items --- */

static lethe_status approve_later(work *w, int64_t item, lethe_error *error) {
    if (w->approved_count == w->approved_capacity) {
        w->approved_capacity = w->approved_capacity * 2 + 64;
        chore *grown = lethe_realloc_array(w->approved, w->approved_capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for items");
        w->approved = grown;
    }
    w->approved[w->approved_count++] = (chore){.item = item, .approved = true};
    return LETHE_OK;
}

static lethe_status reject(work *w, lethe_item *item, lethe_error *error) {
    item->state = LETHE_ITEM_QUARANTINED;
    (void)snprintf(item->reason, sizeof item->reason, "rejected in review");
    w->counts->rejected++;
    return lethe_queue_finish(w->job->queue, item, error);
}

/* What decision `d` means for an item that it reaches. */
static lethe_status reach(work *w, const lethe_review_decision *d, int64_t id, lethe_error *error) {
    lethe_item item;
    lethe_status status = lethe_queue_get(w->job->queue, id, &item, error);
    if (status != LETHE_OK) return status;
    bool waits = item.state == LETHE_ITEM_REVIEW;
    if (!waits && item.state != LETHE_ITEM_RELEASED) return LETHE_OK;
    if (d->action == LETHE_REVIEW_ACCEPT) return LETHE_OK;
    if (d->action == LETHE_REVIEW_APPROVE) return waits ? approve_later(w, id, error) : LETHE_OK;
    if (d->action == LETHE_REVIEW_REJECT) return waits ? reject(w, &item, error) : LETHE_OK;
    return lethe_review_remake_add(w->job->desk, id, error);
}

static lethe_status told(void *context, uint64_t tag, const uint8_t *fits, unsigned count, lethe_error *error) {
    work *w = context;
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < count && status == LETHE_OK; i++)
        if (fits[i]) status = reach(w, &w->open[w->wanted_for[i]], (int64_t)tag, error);
    return status;
}

typedef struct id_list {
    int64_t *ids;
    size_t count, capacity;
} id_list;
static lethe_status list_item(void *context, const lethe_item *item, lethe_error *error) {
    id_list *list = context;
    if (item->kind != LETHE_ITEM_DICOM || (item->state != LETHE_ITEM_RELEASED && item->state != LETHE_ITEM_REVIEW)) return LETHE_OK;
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 1024;
        int64_t *grown = lethe_realloc_array(list->ids, list->capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for items");
        list->ids = grown;
    }
    list->ids[list->count++] = item->id;
    return LETHE_OK;
}

/* Look into every item once, whatever the number of decisions. */
static lethe_status scan(work *w, lethe_error *error) {
    id_list list = {0};
    lethe_review_pool *pool = NULL;
    const char *readable[] = {w->job->project->private_path, NULL};
    lethe_review_pool_options options = {.readable = readable, .workers = w->job->jobs, .rules = w->wanted, .rule_count = w->wanted_count};
    lethe_status status = lethe_queue_visit(w->job->queue, LETHE_ITEM_STATES, list_item, &list, error);
    if (status == LETHE_OK) status = lethe_review_pool_start(&options, &pool, error);
    for (size_t i = 0; i < list.count && status == LETHE_OK; i++) {
        lethe_item item;
        status = lethe_queue_get(w->job->queue, list.ids[i], &item, error);
        char *path = status == LETHE_OK ? lethe_path_join(w->job->project->private_path, item.path) : NULL;
        if (status == LETHE_OK && path == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
        if (status == LETHE_OK) status = lethe_review_pool_fits(pool, (uint64_t)list.ids[i], path, told, w, error);
        lethe_free(path);
    }
    if (status == LETHE_OK) status = lethe_review_pool_drain(pool, error);
    lethe_review_pool_destroy(pool);
    lethe_free(list.ids);
    return status;
}

static lethe_status find_items(work *w, lethe_error *error) {
    lethe_status status = LETHE_OK;
    w->wanted = lethe_alloc_array(w->open_count + 1, sizeof(lethe_pixel_rule *));
    w->wanted_for = lethe_alloc_array(w->open_count + 1, sizeof *w->wanted_for);
    if (w->wanted == NULL || w->wanted_for == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for rules");
    for (size_t i = 0; i < w->open_count && status == LETHE_OK; i++) {
        if (w->open[i].scope == LETHE_REVIEW_INSTANCE || w->single[i] == NULL) {
            status = reach(w, &w->open[i], w->open[i].item, error);
        } else {
            w->wanted[w->wanted_count] = lethe_pixel_rules_at(w->single[i], 0);
            w->wanted_for[w->wanted_count++] = i;
        }
    }
    return status == LETHE_OK && w->wanted_count > 0 ? scan(w, error) : status;
}

/* --- regions on slides: every mask that was ever drawn and not undone --- */

typedef struct decision_list {
    lethe_review_decision *list;
    size_t count, capacity;
} decision_list;

static lethe_status gather_masks(void *context, const lethe_review_decision *d, lethe_error *error) {
    decision_list *masks = context;
    for (size_t i = 0; d->action == LETHE_REVIEW_UNDO && i < masks->count; i++)
        if (masks->list[i].id == d->target) masks->list[i] = masks->list[--masks->count];
    if (d->action != LETHE_REVIEW_ADD || d->scope != LETHE_REVIEW_INSTANCE) return LETHE_OK;
    if (masks->count == masks->capacity) {
        masks->capacity = masks->capacity * 2 + 16;
        lethe_review_decision *grown = lethe_realloc_array(masks->list, masks->capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for decisions");
        masks->list = grown;
    }
    masks->list[masks->count++] = *d;
    return LETHE_OK;
}

static lethe_status load_masks(work *w, lethe_error *error) {
    decision_list masks = {0};
    lethe_status status = lethe_slide_masks_create(&w->masks, error);
    if (status == LETHE_OK) status = lethe_review_visit(w->job->desk, 0, false, gather_masks, &masks, error);
    for (size_t i = 0; i < masks.count && status == LETHE_OK; i++) {
        lethe_item item;
        const lethe_review_box *box = &masks.list[i].box;
        lethe_slide_region region = {box->x, box->y, box->w, box->h};
        status = lethe_queue_get(w->job->queue, masks.list[i].item, &item, error);
        if (status == LETHE_NOT_FOUND) status = LETHE_OK;
        else if (status == LETHE_OK && item.kind == LETHE_ITEM_SLIDE) {
            char *path = lethe_path_join(w->job->project->private_path, item.path);
            status =
                path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_slide_masks_add(w->masks, path, &region, error);
            lethe_free(path);
        }
    }
    lethe_free(masks.list);
    return status;
}

/* --- 3. processing --- */

static lethe_status load_profile(const lethe_project *project, lethe_profile **profile, lethe_error *error) {
    const char *name = project->profile;
    bool file = strchr(name, '/') != NULL || lethe_text_ends(name, ".yaml") || lethe_text_ends(name, ".yml");
    if (!file || name[0] == '/') return lethe_profile_load(name, profile, error);
    char *path = lethe_path_join(project->folder, name);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_profile_load(path, profile, error);
    lethe_free(path);
    return status;
}

static lethe_status put_manifest(const work *w, const lethe_item *item, const lethe_result *r, lethe_error *error) {
    lethe_manifest *manifest = NULL;
    lethe_buffer line;
    lethe_buffer_init(&line, 1u << 20);
    char *path = lethe_path_join(w->job->project->private_path, "manifest.jsonl");
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_manifest_open(path, &manifest, error);
    if (status == LETHE_OK) status = lethe_manifest_format(item->source_name[0] != '\0' ? item->source_name : item->path, r, &line, error);
    if (status == LETHE_OK) status = lethe_manifest_append(manifest, lethe_buffer_text(&line), line.size, error);
    lethe_status closed = lethe_manifest_close(manifest, error);
    lethe_buffer_release(&line);
    lethe_free(path);
    return status == LETHE_OK ? closed : status;
}

/* First nobody is told of it any more, then it goes. */
static lethe_status withdraw(const work *w, lethe_catalogue *catalogue, const char *output, lethe_error *error) {
    if (output[0] == '\0') return LETHE_OK;
    lethe_status status = lethe_catalogue_remove(catalogue, output, error);
    if (status == LETHE_NOT_FOUND) status = LETHE_OK;
    char *path = lethe_path_join(w->job->project->released_path, output);
    if (status == LETHE_OK && path == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    if (status == LETHE_OK && lethe_slide_output_remove(path) != 0 && errno != ENOENT)
        status = lethe_fail_errno(error, errno, "cannot remove an output that is withdrawn");
    lethe_free(path);
    return status;
}

static lethe_status put_boxes(const work *w, int64_t item, const lethe_result *r, lethe_error *error) {
    lethe_review_box boxes[LETHE_RESULT_BOXES];
    for (unsigned i = 0; i < r->box_count; i++) {
        const lethe_pixel_box *b = &r->boxes[i];
        boxes[i] = (lethe_review_box){.first_frame = b->first_frame, .last_frame = b->last_frame, .x = b->x, .y = b->y, .w = b->w, .h = b->h};
        (void)snprintf(boxes[i].why, sizeof boxes[i].why, "%s", b->why);
    }
    return lethe_review_put_boxes(w->job->desk, item, boxes, r->box_count, error);
}

static lethe_status settle(work *w, lethe_catalogue *catalogue, lethe_item *item, const lethe_result *r, bool approved, lethe_error *error) {
    bool was_released = item->state == LETHE_ITEM_RELEASED, is_released = r->outcome == LETHE_OUTCOME_RELEASED;
    char old_output[sizeof item->output];
    memcpy(old_output, item->output, sizeof old_output);
    if (was_released && is_released && strcmp(old_output, r->output) != 0) {
        /* Nothing else changed, so the patient's pseudonym did: two names for one image would link them. */
        char *path = lethe_path_join(w->job->project->released_path, r->output);
        if (path != NULL) (void)lethe_slide_output_remove(path);
        lethe_free(path);
        return lethe_fail(error, LETHE_CONFIG, "item %lld would be released under another name: give the --pseudonyms or --slides of its run",
                          (long long)item->id);
    }
    lethe_status status = put_boxes(w, item->id, r, error);
    if (status == LETHE_OK) status = put_manifest(w, item, r, error);
    if (status == LETHE_OK && is_released) {
        lethe_catalogue_entry entry = lethe_result_entry(r);
        status = lethe_catalogue_put(catalogue, &entry, 1, error);
    }
    if (status == LETHE_OK && was_released && strcmp(old_output, r->output) != 0) status = withdraw(w, catalogue, old_output, error);
    if (status != LETHE_OK) return status;
    static const lethe_item_state states[] = {[LETHE_OUTCOME_QUARANTINED] = LETHE_ITEM_QUARANTINED,
                                              [LETHE_OUTCOME_RELEASED] = LETHE_ITEM_RELEASED,
                                              [LETHE_OUTCOME_REVIEW] = LETHE_ITEM_REVIEW,
                                              [LETHE_OUTCOME_DROPPED] = LETHE_ITEM_DROPPED};
    item->state = states[r->outcome];
    /* Who waited and was not found safe goes on waiting: a person can draw more boxes. */
    if (!was_released && r->outcome == LETHE_OUTCOME_QUARANTINED) item->state = LETHE_ITEM_REVIEW;
    (void)snprintf(item->reason, sizeof item->reason, "%s", r->reason);
    (void)snprintf(item->output, sizeof item->output, "%s", r->output);
    if (is_released) *(was_released ? &w->counts->remade : &w->counts->released) += 1;
    else if (was_released) w->counts->withdrawn++;
    else if (approved) w->counts->not_released++;
    else w->counts->proposed++;
    return lethe_queue_finish(w->job->queue, item, error);
}

static lethe_status one_done(void *context, const char *path, const char *source, const lethe_result *result, lethe_error *error) {
    (void)path;
    (void)source;
    work *w = context;
    if (w->done_count == w->item_count) return lethe_fail(error, LETHE_INTERNAL, "more results than items");
    w->results[w->done_count++] = *result;
    return LETHE_OK;
}

static lethe_status one_learned(void *context, const char *path, const char *source, const lethe_learned *learned, const void *values, size_t size,
                                lethe_error *error) {
    (void)path;
    work *w = context;
    if (source[0] != '\0' && w->learned_count < ROUND) w->learned[w->learned_count++] = *learned;
    return lethe_known_add(w->known, learned, values, size, error);
}

static lethe_status learn_path(const work *w, lethe_crew *crew, const char *relative, const char *source, lethe_error *error) {
    char *path = lethe_path_join(w->job->project->private_path, relative);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_crew_learn(crew, path, source, error);
    lethe_free(path);
    return status;
}

/* First every original of the project, once; then the items at hand. */
static lethe_status learn(work *w, lethe_crew *crew, lethe_error *error) {
    lethe_statement *select = NULL;
    bool row = false;
    lethe_status status = LETHE_OK;
    w->learned_count = 0;
    if (!w->knows_all)
        status = lethe_statement_prepare(lethe_queue_database(w->job->queue), "SELECT path FROM item WHERE kind = 0 AND state <> 5 ORDER BY id",
                                         &select, error);
    while (select != NULL && status == LETHE_OK && (status = lethe_statement_step(select, &row, error)) == LETHE_OK && row)
        status = learn_path(w, crew, lethe_statement_text(select, 0), "", error);
    lethe_statement_finalize(select);
    w->knows_all = status == LETHE_OK;
    for (size_t i = 0; i < w->item_count && status == LETHE_OK; i++) status = learn_path(w, crew, w->items[i].path, "at hand", error);
    if (status == LETHE_OK) status = lethe_crew_flush(crew, error);
    if (status == LETHE_OK && w->learned_count != w->item_count) status = lethe_fail(error, LETHE_INTERNAL, "fewer items learned than asked for");
    return status;
}

static lethe_status add_item(work *w, lethe_crew *crew, size_t index, lethe_error *error) {
    const lethe_item *item = &w->items[index];
    char *path = lethe_path_join(w->job->project->private_path, item->path);
    const char *name = item->source_name[0] != '\0' ? item->source_name : lethe_path_name(item->path);
    lethe_buffer_clear(&w->others);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                                       : lethe_known_others(w->known, &w->learned[index], &w->others, error);
    if (status == LETHE_OK) status = lethe_crew_add_knowing(crew, path, name, w->others.bytes, w->others.size, false, error);
    lethe_free(path);
    return status;
}

/* Whatever is in w->items: through the confined workers, then settled. `force`: a person has released it, or has just approved. */
static lethe_status run_round(work *w, const lethe_crew_options *base, bool force, lethe_error *error) {
    lethe_crew *crew = NULL;
    lethe_crew_options options = *base;
    options.engine.force_release = force;
    options.engine.replace = force;
    w->done_count = 0;
    lethe_status status = w->item_count == 0 ? LETHE_OK : lethe_crew_start(&options, &crew, error);
    if (status == LETHE_OK && crew != NULL) status = learn(w, crew, error);
    for (size_t i = 0; i < w->item_count && status == LETHE_OK; i++) status = add_item(w, crew, i, error);
    if (status == LETHE_OK && crew != NULL) status = lethe_crew_flush(crew, error);
    lethe_crew_destroy(crew);
    if (status == LETHE_OK && w->done_count != w->item_count) status = lethe_fail(error, LETHE_INTERNAL, "fewer results than items");
    return status;
}

static lethe_status take_items(work *w, const int64_t *ids, size_t count, lethe_item_state state, lethe_error *error) {
    w->item_count = 0;
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < count && status == LETHE_OK; i++) {
        status = lethe_queue_get(w->job->queue, ids[i], &w->items[w->item_count], error);
        if (status == LETHE_OK && w->items[w->item_count].state == state) w->item_count++;
    }
    return status;
}

static lethe_status settle_round(work *w, lethe_catalogue *catalogue, bool approved, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < w->item_count && status == LETHE_OK; i++) status = settle(w, catalogue, &w->items[i], &w->results[i], approved, error);
    return status;
}

static lethe_status remake(work *w, const lethe_crew_options *base, lethe_catalogue *catalogue, lethe_error *error) {
    int64_t ids[ROUND];
    size_t count = 0;
    lethe_status status;
    while ((status = lethe_review_remake_list(w->job->desk, ids, ROUND, &count, error)) == LETHE_OK && count > 0) {
        static const lethe_item_state states[] = {LETHE_ITEM_RELEASED, LETHE_ITEM_REVIEW};
        for (unsigned s = 0; s < 2 && status == LETHE_OK; s++) {
            bool released = states[s] == LETHE_ITEM_RELEASED;
            status = take_items(w, ids, count, states[s], error);
            if (status == LETHE_OK) status = run_round(w, base, released, error);
            if (status == LETHE_OK) status = settle_round(w, catalogue, false, error);
        }
        for (size_t i = 0; i < count && status == LETHE_OK; i++) status = lethe_review_remake_done(w->job->desk, ids[i], error);
        if (status != LETHE_OK) break;
    }
    return status;
}

static lethe_status release_approved(work *w, const lethe_crew_options *base, lethe_catalogue *catalogue, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t at = 0; at < w->approved_count && status == LETHE_OK; at += ROUND) {
        int64_t ids[ROUND];
        size_t count = 0;
        for (; count < ROUND && at + count < w->approved_count; count++) ids[count] = w->approved[at + count].item;
        status = take_items(w, ids, count, LETHE_ITEM_REVIEW, error);
        if (status == LETHE_OK) status = run_round(w, base, true, error);
        if (status == LETHE_OK) status = settle_round(w, catalogue, true, error);
    }
    return status;
}

static lethe_status process(work *w, lethe_error *error) {
    const lethe_project *project = w->job->project;
    lethe_profile *profile = NULL;
    lethe_objections *objections = NULL;
    lethe_catalogue *catalogue = NULL;
    lethe_recipients *recipients = NULL; /* those of the project's profile, unless the job names others */
    uint8_t key[LETHE_KEY_BYTES];
    static const char *const system_paths[] = {"/usr/share", "/usr/lib", "/lib", "/etc/ssl", "/proc/self"};
    const char *readable[8] = {project->private_path}, *writable[] = {project->released_path, w->scratch, NULL};
    for (size_t i = 0, n = 1; i < sizeof system_paths / sizeof *system_paths; i++)
        if (access(system_paths[i], F_OK) == 0) readable[n++] = system_paths[i];
    lethe_status status = lethe_folder_create(w->scratch, 0700, error);
    if (status == LETHE_OK) status = load_profile(project, &profile, error);
    if (status == LETHE_OK && w->job->recipients == NULL && lethe_profile_recipients(profile) != NULL)
        status = lethe_recipients_load(lethe_profile_recipients(profile), &recipients, error);
    if (status == LETHE_OK) status = lethe_key_load(project->key_path, key, error);
    if (status == LETHE_OK) status = lethe_objections_load(lethe_queue_database(w->job->queue), &objections, error);
    if (status == LETHE_OK) status = lethe_catalogue_open(project, &catalogue, error);
    lethe_crew_options crew = {.engine = {.profile = profile,
                                          .key = key,
                                          .output_folder = project->released_path,
                                          .scratch_folder = w->scratch,
                                          .objections = objections,
                                          .pixel_rules = w->after,
                                          .crosswalk = w->job->crosswalk,
                                          .slide_mapping = w->job->slide_mapping,
                                          .slide_masks = w->masks,
                                          .recipients = w->job->recipients != NULL ? w->job->recipients : recipients,
                                          .sync = LETHE_SYNC_FULL,
                                          .want_catalogue = true},
                               .workers = w->job->jobs,
                               .readable = readable,
                               .writable = writable,
                               .visit = one_done,
                               .learn = one_learned,
                               .context = w};
    if (status == LETHE_OK) status = lethe_known_create(w->scratch, &w->known, error);
    if (status == LETHE_OK) status = remake(w, &crew, catalogue, error);
    if (status == LETHE_OK) status = release_approved(w, &crew, catalogue, error);
    lethe_known_destroy(w->known);
    w->known = NULL;
    lethe_catalogue_close(catalogue);
    lethe_recipients_destroy(recipients);
    lethe_objections_destroy(objections);
    lethe_profile_destroy(profile);
    lethe_wipe(key, sizeof key);
    return status;
}

lethe_status lethe_review_carry_out(const lethe_review_job *job, lethe_review_counts *counts, lethe_error *error) {
    *counts = (lethe_review_counts){0};
    work *w = lethe_alloc_array(1, sizeof *w);
    if (w == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a review");
    w->job = job;
    w->counts = counts;
    lethe_buffer_init(&w->others, 16u << 20);
    w->rules_path = lethe_review_rules_path(job->project);
    w->scratch = lethe_path_join(job->project->private_path, "scratch");
    lethe_status status = w->rules_path == NULL || w->scratch == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_review_visit(job->desk, 0, true, collect, w, error);
    if (status == LETHE_OK) status = write_rules(w, error);
    if (status == LETHE_OK) status = find_items(w, error);
    if (status == LETHE_OK) status = load_masks(w, error);
    if (status == LETHE_OK) status = lethe_file_set_take_down(job->project, error); /* second names of what is made again */
    if (status == LETHE_OK) status = process(w, error);
    if (status == LETHE_OK) status = lethe_file_set_put_up(job->project, error);
    for (size_t i = 0; i < w->open_count && status == LETHE_OK; i++) status = lethe_review_finish(job->desk, w->open[i].id, error);
    if (status == LETHE_OK) counts->decisions = (unsigned)w->open_count;
    for (size_t i = 0; i < w->open_count && w->single != NULL; i++) lethe_pixel_rules_destroy(w->single[i]);
    lethe_pixel_rules_destroy(w->after);
    lethe_slide_masks_destroy(w->masks);
    lethe_free(w->single);
    lethe_free(w->wanted);
    lethe_free(w->wanted_for);
    lethe_free(w->approved);
    lethe_free(w->open);
    lethe_buffer_release(&w->others);
    lethe_free(w->rules_path);
    lethe_free(w->scratch);
    lethe_free(w);
    return status;
}
