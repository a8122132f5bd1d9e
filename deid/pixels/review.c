#include "deid/pixels/review.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/review.h"
#include "core/text.h"
#include "deid/crosswalk.h"
#include "deid/encrypted.h"
#include "deid/manifest.h"
#include "deid/pixels/review_internal.h"
#include "deid/pixels/review_pool.h"
#include "deid/pixels/review_work.h"
#include "deid/run.h"
#include "deid/slides/slide_deid.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void usage(FILE *to) {
    (void)fputs(
        "usage: lethe review [-C DIR] list [--released] [--json]\n"
        "       lethe review [-C DIR] show ID [--picture FILE.png [--frame N]] [--json]\n"
        "       lethe review [-C DIR] mask ID X,Y,W,H [--frames A-B] [--to SCOPE]     remove what lies in a box\n"
        "       lethe review [-C DIR] keep ID X,Y,W,H [--to SCOPE]                    it is no text: leave it\n"
        "       lethe review [-C DIR] move ID X,Y,W,H X,Y,W,H [--to SCOPE]            not there, but here\n"
        "       lethe review [-C DIR] accept ID X,Y,W,H                               this box is right\n"
        "       lethe review [-C DIR] undo ID DECISION\n"
        "       lethe review [-C DIR] approve | reject ID [--to SCOPE]\n"
        "       lethe review [-C DIR] run [--jobs N]      carry out what was decided in the viewer or with --later\n"
        "       lethe review [-C DIR] log\n"
        "       lethe review [-C DIR] sheet -o FILE.html\n"
        "       lethe review sheet --manifest FILE --released DIR [--originals DIR] -o FILE.html\n\n"
        "SCOPE: instance (default), series, or device: every image of this manufacturer, model, modality and size, which makes a rule of the\n"
        "project's own catalogue, private/pixel_rules.yaml. ID: a number of the list, or the path of a released file. Outputs that are\n"
        "released already are made again at once; --later only records. Frames count from 0. A run that had --pseudonyms FILE.csv or\n"
        "--reidentify CERTIFICATE.pem is reviewed with the same, and so is one that had --slides FILE.csv. Boxes on slides are pixels of level 0 "
        "and\n"
        "hold for all levels; `show ID --picture` draws them with a grid that tells these pixels.\n",
        to);
}

typedef struct arguments {
    const char *project, *output, *manifest, *released, *originals, *picture, *frames, *pseudonyms, *reidentify, *slides;
    bool json, list_released, later;
    unsigned frame, jobs;
    lethe_review_scope scope;
    const char *action, *id, *box, *second_box;
} arguments;

typedef struct table {
    const arguments *a;
    lethe_project *project;
    lethe_queue *queue;
    lethe_review_desk *desk;
    lethe_slide_mapping *slides; /* NULL = none, or not loaded yet */
    lethe_item item;
} table;

static void person_name(char *out, size_t size) {
    const struct passwd *entry = getpwuid(getuid());
    (void)snprintf(out, size, "%s", entry == NULL ? "unknown" : entry->pw_name);
}

static bool parse_box(const char *text, lethe_review_box *box) {
    unsigned x, y, w, h;
    char rest;
    if (text == NULL || sscanf(text, "%u,%u,%u,%u%c", &x, &y, &w, &h, &rest) != 4 || w == 0 || h == 0 || x > INT32_MAX || y > INT32_MAX ||
        w > INT32_MAX || h > INT32_MAX)
        return false;
    *box = (lethe_review_box){.last_frame = UINT32_MAX, .x = x, .y = y, .w = w, .h = h};
    return true;
}

static bool parse_frames(const char *text, lethe_review_box *box) {
    unsigned first, last;
    char rest;
    if (text == NULL) return true;
    if (sscanf(text, "%u-%u%c", &first, &last, &rest) != 2) {
        if (sscanf(text, "%u%c", &first, &rest) != 1) return false;
        last = first;
    }
    box->first_frame = first;
    box->last_frame = last;
    return first <= last && last < UINT32_MAX;
}

/* --- items --- */

typedef struct wanted_output {
    const char *output;
    int64_t id;
} wanted_output;
static lethe_status match_output(void *context, const lethe_item *item, lethe_error *error) {
    wanted_output *wanted = context;
    (void)error;
    if (strcmp(item->output, wanted->output) == 0) wanted->id = item->id;
    return LETHE_OK;
}

static lethe_status find_item(table *t, lethe_error *error) {
    int64_t id;
    if (t->a->id == NULL) return lethe_fail(error, LETHE_USAGE, "an ID is needed (lethe review list)");
    if (!lethe_text_to_int64(t->a->id, &id)) {
        wanted_output wanted = {.output = t->a->id};
        lethe_status status = lethe_queue_visit(t->queue, LETHE_ITEM_RELEASED, match_output, &wanted, error);
        if (status != LETHE_OK) return status;
        if (wanted.id == 0) return lethe_fail(error, LETHE_USAGE, "neither a number of the list nor the path of a released file");
        id = wanted.id;
    }
    return lethe_queue_get(t->queue, id, &t->item, error);
}

static lethe_status find_waiting(table *t, lethe_error *error) {
    lethe_status status = find_item(t, error);
    if (status == LETHE_OK && t->item.state != LETHE_ITEM_REVIEW)
        status = lethe_fail(error, LETHE_USAGE, "item %lld does not wait for review: it is %s", (long long)t->item.id,
                            lethe_item_state_name(t->item.state));
    return status;
}

/* Boxes can be drawn on what waits and on what is released. */
static lethe_status find_open(table *t, lethe_error *error) {
    lethe_status status = find_item(t, error);
    if (status == LETHE_OK && t->item.state != LETHE_ITEM_REVIEW && t->item.state != LETHE_ITEM_RELEASED)
        status = lethe_fail(error, LETHE_USAGE, "item %lld neither waits nor is released: it is %s", (long long)t->item.id,
                            lethe_item_state_name(t->item.state));
    return status;
}

/* Pixels of a frame, or of level 0 of a slide: which knows masks only, of all its levels at once. */
static lethe_status check_box(const table *t, lethe_review_action action, const lethe_review_box *box, lethe_error *error) {
    if (t->item.kind == LETHE_ITEM_SLIDE && (action != LETHE_REVIEW_ADD || t->a->frames != NULL || t->a->scope != LETHE_REVIEW_INSTANCE))
        return lethe_fail(error, LETHE_USAGE, "of a slide regions are masked (mask ID X,Y,W,H, pixels of level 0), undone, approved or rejected");
    if (t->item.kind != LETHE_ITEM_SLIDE && (box->x > UINT16_MAX || box->y > UINT16_MAX || box->w > UINT16_MAX || box->h > UINT16_MAX))
        return lethe_fail(error, LETHE_USAGE, "a box lies outside of any frame");
    return LETHE_OK;
}

/* --- showing --- */

static lethe_status list_one(void *context, const lethe_item *item, lethe_error *error) {
    const table *t = context;
    lethe_review_box *boxes = NULL;
    size_t count = 0;
    lethe_status status = lethe_review_boxes(t->desk, item->id, &boxes, &count, error);
    lethe_free(boxes);
    if (status != LETHE_OK || (item->state == LETHE_ITEM_RELEASED && count == 0)) return status;
    const char *kind = item->kind == LETHE_ITEM_SLIDE ? "slide" : "dicom", *text = item->state == LETHE_ITEM_RELEASED ? item->output : item->reason;
    if (t->a->json) {
        lethe_buffer quoted;
        lethe_buffer_init(&quoted, 4096);
        status = lethe_json_string(&quoted, text, error);
        if (status == LETHE_OK)
            (void)printf("{\"id\": %lld, \"kind\": \"%s\", \"size\": %llu, \"boxes\": %zu, \"%s\": %s}\n", (long long)item->id, kind,
                         (unsigned long long)item->size_bytes, count, item->state == LETHE_ITEM_RELEASED ? "output" : "reason",
                         lethe_buffer_text(&quoted));
        lethe_buffer_release(&quoted);
    } else {
        (void)printf("%8lld  %-6s %12llu  %3zu boxes  %s\n", (long long)item->id, kind, (unsigned long long)item->size_bytes, count, text);
    }
    return status;
}

/* The visitor asks the database: gather first. */
typedef struct gathered {
    lethe_item *items;
    size_t count, capacity;
} gathered;
static lethe_status gather(void *context, const lethe_item *item, lethe_error *error) {
    gathered *g = context;
    if (g->count == g->capacity) {
        g->capacity = g->capacity * 2 + 64;
        lethe_item *grown = lethe_realloc_array(g->items, g->capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a list");
        g->items = grown;
    }
    g->items[g->count++] = *item;
    return LETHE_OK;
}

static lethe_status list(table *t, lethe_error *error) {
    gathered g = {0};
    lethe_status status = lethe_queue_visit(t->queue, t->a->list_released ? LETHE_ITEM_RELEASED : LETHE_ITEM_REVIEW, gather, &g, error);
    for (size_t i = 0; i < g.count && status == LETHE_OK; i++) status = list_one(t, &g.items[i], error);
    lethe_free(g.items);
    return status;
}

static lethe_status print_decision(void *context, const lethe_review_decision *d, lethe_error *error) {
    time_t when = (time_t)(d->decided_us / 1000000);
    struct tm parts;
    char text[32], box[128] = "";
    (void)context;
    (void)error;
    (void)gmtime_r(&when, &parts);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (d->action == LETHE_REVIEW_MOVE)
        (void)snprintf(box, sizeof box, "%u,%u,%u,%u -> %u,%u,%u,%u", d->from.x, d->from.y, d->from.w, d->from.h, d->box.x, d->box.y, d->box.w,
                       d->box.h);
    else if (d->action == LETHE_REVIEW_UNDO) (void)snprintf(box, sizeof box, "decision %lld", (long long)d->target);
    else if (d->box.w > 0) (void)snprintf(box, sizeof box, "%u,%u,%u,%u", d->box.x, d->box.y, d->box.w, d->box.h);
    (void)printf("%lld  %s %s item %lld %s to %s %s%s\n", (long long)d->id, text, d->person, (long long)d->item, lethe_review_action_name(d->action),
                 lethe_review_scope_name(d->scope), box, d->done ? "" : " (open)");
    return LETHE_OK;
}

static lethe_pixel_box *pixel_boxes(const lethe_review_box *boxes, size_t count) {
    lethe_pixel_box *out = lethe_alloc_array(count + 1, sizeof *out);
    for (size_t i = 0; i < count && out != NULL; i++) {
        out[i] = (lethe_pixel_box){.first_frame = boxes[i].first_frame,
                                   .last_frame = boxes[i].last_frame,
                                   .x = boxes[i].x,
                                   .y = boxes[i].y,
                                   .w = boxes[i].w,
                                   .h = boxes[i].h};
        memcpy(out[i].why, boxes[i].why, sizeof out[i].why);
    }
    return out;
}

static lethe_status put_picture(table *t, const lethe_review_box *boxes, size_t count, lethe_error *error) {
    lethe_review_pool *pool = NULL;
    const char *readable[] = {t->project->private_path, NULL};
    lethe_review_pool_options options = {.readable = readable, .workers = 1};
    lethe_buffer png;
    lethe_buffer_init(&png, 64u << 20);
    lethe_pixel_box *drawn = pixel_boxes(boxes, count);
    char *path = lethe_path_join(t->project->private_path, t->item.path);
    lethe_status status = drawn == NULL || path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a picture") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_review_pool_start(&options, &pool, error);
    lethe_review_look look = {.frame = t->a->frame, .side = 1600, .boxes = drawn, .box_count = (unsigned)count};
    if (status == LETHE_OK) status = lethe_review_pool_picture(pool, path, &look, &png, error);
    if (status == LETHE_OK) status = lethe_file_write(t->a->picture, png.bytes, png.size, 0600, error);
    lethe_review_pool_destroy(pool);
    lethe_buffer_release(&png);
    lethe_free(drawn);
    lethe_free(path);
    return status;
}

static lethe_status show(table *t, lethe_error *error) {
    lethe_review_box *boxes = NULL;
    size_t count = 0;
    lethe_status status = find_item(t, error);
    if (status == LETHE_OK) status = lethe_review_boxes(t->desk, t->item.id, &boxes, &count, error);
    if (status == LETHE_OK) {
        (void)printf("item %lld: %s%s%s\n", (long long)t->item.id, lethe_item_state_name(t->item.state), t->item.reason[0] != '\0' ? ": " : "",
                     t->item.reason);
        for (size_t i = 0; i < count; i++)
            (void)printf("  box %u,%u,%u,%u frames %u-%u: %s\n", boxes[i].x, boxes[i].y, boxes[i].w, boxes[i].h, boxes[i].first_frame,
                         boxes[i].last_frame, boxes[i].why);
        status = lethe_review_visit(t->desk, t->item.id, false, print_decision, NULL, error);
    }
    if (status == LETHE_OK && t->a->picture != NULL) status = put_picture(t, boxes, count, error);
    lethe_free(boxes);
    return status;
}

static lethe_status show_log(table *t, lethe_error *error) { return lethe_review_visit(t->desk, 0, false, print_decision, NULL, error); }

/* --- deciding --- */

/* The list that is named, or the project's own. A mistake in it is noticed before a decision is recorded: what is recorded will be carried out. */
static lethe_status load_slides(table *t, lethe_error *error) {
    if (t->slides != NULL) return LETHE_OK;
    lethe_status status = lethe_run_load_mapping(t->project, t->a->slides, &t->slides, error);
    return status == LETHE_OK ? lethe_run_check_mapping(t->queue, t->slides, false, error) : status;
}

static lethe_status run(table *t, lethe_error *error) {
    lethe_crosswalk *crosswalk = NULL;
    lethe_recipients *recipients = NULL;
    lethe_review_counts c = {0};
    lethe_status status = t->a->pseudonyms == NULL ? LETHE_OK : lethe_crosswalk_load(t->a->pseudonyms, &crosswalk, error);
    if (status == LETHE_OK) status = load_slides(t, error);
    if (status == LETHE_OK && t->a->reidentify != NULL) status = lethe_recipients_load(t->a->reidentify, &recipients, error);
    if (status == LETHE_OK) {
        lethe_review_job job = {.project = t->project,
                                .queue = t->queue,
                                .desk = t->desk,
                                .jobs = t->a->jobs,
                                .crosswalk = crosswalk,
                                .slide_mapping = t->slides,
                                .recipients = recipients};
        status = lethe_review_carry_out(&job, &c, error);
    }
    lethe_recipients_destroy(recipients);
    lethe_crosswalk_destroy(crosswalk);
    if (status != LETHE_OK) return status;
    (void)printf("%u decided: %u released, %u rejected, %u made again, %u withdrawn, %u proposed anew\n", c.decisions, c.released, c.rejected,
                 c.remade, c.withdrawn, c.proposed);
    if (c.refused > 0) return lethe_fail(error, LETHE_UNSUPPORTED, "%u decisions cannot be carried out: %s", c.refused, c.refusal);
    if (c.not_released > 0)
        return lethe_fail(error, LETHE_UNSAFE, "%u approved images are not safe to release: they wait, with the reason", c.not_released);
    return LETHE_OK;
}

static lethe_status decide(table *t, lethe_review_decision *d, lethe_error *error) {
    d->item = t->item.id;
    d->scope = t->a->scope;
    person_name(d->person, sizeof d->person);
    lethe_status status = load_slides(t, error);
    const char *name = t->item.source_name[0] != '\0' ? t->item.source_name : lethe_path_name(t->item.path);
    if (status == LETHE_OK && t->a->slides != NULL && t->item.kind == LETHE_ITEM_SLIDE && !lethe_slide_mapping_may_fit(t->slides, name))
        status = lethe_fail(error, LETHE_CONFIG, "no row of --slides has the name of this slide: its mask would be none");
    if (status == LETHE_OK) status = lethe_review_record(t->desk, d, error);
    if (status != LETHE_OK) return status;
    (void)printf("decision %lld recorded\n", (long long)d->id);
    return t->a->later ? LETHE_OK : run(t, error);
}

static lethe_status decide_box(table *t, lethe_review_action action, lethe_error *error) {
    lethe_review_decision d = {.action = action};
    if (!parse_box(t->a->box, &d.box) || !parse_frames(t->a->frames, &d.box))
        return lethe_fail(error, LETHE_USAGE, "a box is four numbers: X,Y,W,H; frames are A-B");
    lethe_status status = find_open(t, error);
    if (status == LETHE_OK) status = check_box(t, action, &d.box, error);
    return status == LETHE_OK ? decide(t, &d, error) : status;
}
static lethe_status mask(table *t, lethe_error *error) { return decide_box(t, LETHE_REVIEW_ADD, error); }
static lethe_status keep(table *t, lethe_error *error) { return decide_box(t, LETHE_REVIEW_KEEP, error); }
static lethe_status accept(table *t, lethe_error *error) { return decide_box(t, LETHE_REVIEW_ACCEPT, error); }

static lethe_status move(table *t, lethe_error *error) {
    lethe_review_decision d = {.action = LETHE_REVIEW_MOVE};
    if (!parse_box(t->a->box, &d.from) || !parse_box(t->a->second_box, &d.box) || !parse_frames(t->a->frames, &d.box))
        return lethe_fail(error, LETHE_USAGE, "two boxes are needed, of four numbers each: X,Y,W,H");
    d.from.first_frame = d.box.first_frame;
    d.from.last_frame = d.box.last_frame;
    lethe_status status = find_open(t, error);
    if (status == LETHE_OK) status = check_box(t, d.action, &d.box, error);
    if (status == LETHE_OK) status = check_box(t, d.action, &d.from, error);
    return status == LETHE_OK ? decide(t, &d, error) : status;
}

static lethe_status find_own(void *context, const lethe_review_decision *d, lethe_error *error) {
    lethe_review_decision *wanted = context;
    (void)error;
    if (d->id == wanted->target && d->action <= LETHE_REVIEW_MOVE) wanted->id = d->id;
    return LETHE_OK;
}

static lethe_status undo(table *t, lethe_error *error) {
    lethe_review_decision d = {.action = LETHE_REVIEW_UNDO};
    if (t->a->box == NULL || !lethe_text_to_int64(t->a->box, &d.target))
        return lethe_fail(error, LETHE_USAGE, "the number of a decision is needed (lethe review show ID)");
    lethe_status status = find_open(t, error);
    if (status == LETHE_OK) status = lethe_review_visit(t->desk, t->item.id, false, find_own, &d, error);
    if (status == LETHE_OK && d.id == 0) status = lethe_fail(error, LETHE_USAGE, "no box of this item was decided under that number");
    d.id = 0;
    return status == LETHE_OK ? decide(t, &d, error) : status;
}

static lethe_status approve(table *t, lethe_error *error) {
    lethe_review_decision d = {.action = LETHE_REVIEW_APPROVE};
    lethe_status status = find_waiting(t, error);
    return status == LETHE_OK ? decide(t, &d, error) : status;
}

static lethe_status reject(table *t, lethe_error *error) {
    lethe_review_decision d = {.action = LETHE_REVIEW_REJECT};
    lethe_status status = find_waiting(t, error);
    return status == LETHE_OK ? decide(t, &d, error) : status;
}

/* The originals of a project stand under random names. */
static lethe_status find_original(void *context, const char *output, char *path, size_t size, lethe_error *error) {
    table *t = context;
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status =
        lethe_statement_prepare(lethe_queue_database(t->queue), "SELECT path FROM item WHERE output = ?1 AND output <> ''", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, output);
    status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && row) (void)snprintf(path, size, "%s/%s", t->project->private_path, lethe_statement_text(statement, 0));
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status visit_waiting(void *context, lethe_status (*show_one)(void *, const lethe_sheet_waiting *, lethe_error *), void *show_context,
                                  lethe_error *error) {
    table *t = context;
    gathered g = {0};
    lethe_status status = lethe_queue_visit(t->queue, LETHE_ITEM_REVIEW, gather, &g, error);
    for (size_t i = 0; i < g.count && status == LETHE_OK; i++) {
        lethe_review_box *boxes = NULL;
        size_t count = 0;
        char title[48];
        char *path = lethe_path_join(t->project->private_path, g.items[i].path);
        status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                              : lethe_review_boxes(t->desk, g.items[i].id, &boxes, &count, error);
        lethe_pixel_box *drawn = status == LETHE_OK ? pixel_boxes(boxes, count) : NULL;
        if (status == LETHE_OK && drawn == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for boxes");
        (void)snprintf(title, sizeof title, "item %lld", (long long)g.items[i].id);
        lethe_sheet_waiting waiting = {.title = title, .original = path, .reason = g.items[i].reason, .boxes = drawn, .box_count = (unsigned)count};
        if (status == LETHE_OK) status = show_one(show_context, &waiting, error);
        lethe_free(drawn);
        lethe_free(boxes);
        lethe_free(path);
    }
    lethe_free(g.items);
    return status;
}

static lethe_status sheet(table *t, lethe_error *error) {
    unsigned pictures = 0;
    if (t->a->output == NULL) return lethe_fail(error, LETHE_USAGE, "sheet needs -o FILE.html");
    char *manifest = t->project == NULL ? NULL : lethe_path_join(t->project->private_path, "manifest.jsonl");
    lethe_sheet_options options = {.manifest = t->a->manifest, .released = t->a->released, .originals = t->a->originals, .output = t->a->output};
    if (t->project != NULL) {
        options.manifest = manifest;
        options.released = t->project->released_path;
        options.originals = t->project->private_path;
        options.find_original = find_original;
        options.visit_waiting = visit_waiting;
        options.context = t;
    }
    lethe_status status = options.manifest == NULL || options.released == NULL
                              ? lethe_fail(error, LETHE_USAGE, "sheet needs --manifest and --released, or a project")
                              : lethe_review_sheet(&options, &pictures, error);
    if (status == LETHE_OK) (void)printf("%u redacted images\n", pictures);
    lethe_free(manifest);
    return status;
}

/* --- command line --- */

static bool parse_count(const char *text, unsigned most, unsigned *out) {
    int64_t value;
    if (!lethe_text_to_int64(text, &value) || value < 0 || value > most) return false;
    *out = (unsigned)value;
    return true;
}

static int parse(int argc, char **argv, arguments *a) {
    enum { JSON = 256, MANIFEST, RELEASED, ORIGINALS, PICTURE, FRAME, FRAMES, TO, LATER, JOBS, PSEUDONYMS, REIDENTIFY, SLIDES, HELP };
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, JSON},
                                            {"manifest", required_argument, NULL, MANIFEST},
                                            {"released", optional_argument, NULL, RELEASED},
                                            {"originals", required_argument, NULL, ORIGINALS},
                                            {"picture", required_argument, NULL, PICTURE},
                                            {"frame", required_argument, NULL, FRAME},
                                            {"frames", required_argument, NULL, FRAMES},
                                            {"to", required_argument, NULL, TO},
                                            {"later", no_argument, NULL, LATER},
                                            {"jobs", required_argument, NULL, JOBS},
                                            {"pseudonyms", required_argument, NULL, PSEUDONYMS},
                                            {"reidentify", required_argument, NULL, REIDENTIFY},
                                            {"slides", required_argument, NULL, SLIDES},
                                            {"help", no_argument, NULL, HELP},
                                            {NULL, 0, NULL, 0}};
    *a = (arguments){.project = "."};
    bool good = true;
    for (int option; (option = getopt_long(argc, argv, "C:o:", options, NULL)) != -1;) switch (option) {
        case 'C': a->project = optarg; break;
        case 'o': a->output = optarg; break;
        case JSON: a->json = true; break;
        case MANIFEST: a->manifest = optarg; break;
        case RELEASED:
            a->list_released = true;
            /* "sheet --released DIR" has a folder, "list --released" has none. */
            if (optarg != NULL) a->released = optarg;
            else if (optind < argc && a->manifest != NULL && argv[optind][0] != '-') a->released = argv[optind++];
            break;
        case ORIGINALS: a->originals = optarg; break;
        case PICTURE: a->picture = optarg; break;
        case FRAME: good = good && parse_count(optarg, 1u << 20, &a->frame); break;
        case FRAMES: a->frames = optarg; break;
        case TO: good = good && lethe_review_scope_parse(optarg, &a->scope); break;
        case LATER: a->later = true; break;
        case JOBS: good = good && parse_count(optarg, 4096, &a->jobs); break;
        case PSEUDONYMS: a->pseudonyms = optarg; break;
        case SLIDES: a->slides = optarg; break;
        case REIDENTIFY: a->reidentify = optarg; break;
        case HELP: usage(stdout); return LETHE_EXIT_DONE;
        default: usage(stderr); return LETHE_EXIT_USAGE;
        }
    int left = argc - optind;
    if (left < 1 || left > 4 || !good) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    a->action = argv[optind];
    a->id = left > 1 ? argv[optind + 1] : NULL;
    a->box = left > 2 ? argv[optind + 2] : NULL;
    a->second_box = left > 3 ? argv[optind + 3] : NULL;
    return -1;
}

static lethe_status act(table *t, lethe_error *error) {
    static const struct {
        const char *name;
        lethe_status (*run)(table *, lethe_error *);
    } actions[] = {{"list", list}, {"show", show},     {"approve", approve}, {"reject", reject}, {"mask", mask},    {"keep", keep},
                   {"move", move}, {"accept", accept}, {"undo", undo},       {"run", run},       {"log", show_log}, {"sheet", sheet}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(t->a->action, actions[i].name) == 0) return actions[i].run(t, error);
    return lethe_fail(error, LETHE_USAGE, "no action '%.40s' (list, show, mask, keep, move, accept, undo, approve, reject, run, log, sheet)",
                      t->a->action);
}

int lethe_review_main(int argc, char **argv) {
    arguments a;
    int code = parse(argc, argv, &a);
    if (code >= 0) return code;
    lethe_error error = {0};
    table *t = lethe_alloc_array(1, sizeof *t);
    if (t == NULL) return LETHE_EXIT_FAILED;
    t->a = &a;
    lethe_status status = LETHE_OK;
    if (a.manifest == NULL) {
        status = lethe_project_open(a.project, true, &t->project, &error);
        if (status == LETHE_OK) status = lethe_queue_open(t->project, &t->queue, &error);
        if (status == LETHE_OK) status = lethe_review_desk_open(t->project, t->queue, &t->desk, &error);
    }
    if (status == LETHE_OK) status = act(t, &error);
    if (status != LETHE_OK) (void)fprintf(stderr, "lethe review: %s\n", error.message[0] != '\0' ? error.message : lethe_status_name(status));
    lethe_slide_mapping_destroy(t->slides);
    lethe_review_desk_close(t->desk);
    lethe_queue_close(t->queue);
    lethe_project_close(t->project);
    lethe_free(t);
    return status == LETHE_OK ? LETHE_EXIT_DONE : status == LETHE_UNSAFE ? LETHE_EXIT_QUARANTINED : (int)lethe_status_exit(error.status);
}
