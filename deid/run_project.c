#include "deid/run.h"

#include "core/catalogue.h"
#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/queue.h"
#include "core/text.h"
#include "deid/file_set.h"
#include "deid/inputs.h"
#include "deid/objections.h"
#include "deid/people.h"
#include "deid/pixels/pixel_rules.h"
#include "deid/pixels/review_work.h"
#include "deid/report.h"
#include "deid/slides/slide_deid.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUND_BYTES ((uint64_t)2 << 30)            /* a round that is killed is done again: not hours of large slides */
enum { LEAST_PAUSE_MS = 25, MOST_PAUSE_MS = 200 }; /* while watching an empty queue: soon at first, then seldom */
enum { ROUND = 256, CLAIM_SECONDS = 3600, FINISH_ATTEMPTS = 20, MOST_PATIENCE_SECONDS = 30 };

/* One round: claim, let the crew work, then make everything durable in this order: released files, manifest, catalogue, queue. A kill between any two
 * steps leaves claimed items; the next run does them again and comes to the same bytes. */
typedef struct project_run {
    const lethe_project_run *options;
    lethe_run_counts *counts;
    lethe_queue *queue;
    lethe_catalogue *catalogue;
    lethe_manifest *manifest;
    lethe_report *report;
    lethe_people *people;
    lethe_objections *objections;
    lethe_review_desk *desk;
    lethe_pixel_rules *rules; /* the project's own; NULL = none */
    char *rules_path;
    lethe_crew *crew;
    uint8_t key[LETHE_KEY_BYTES];
    char *scratch;
    const char *readable[10], *writable[3];
    lethe_item items[ROUND];
    lethe_result results[ROUND];
    size_t item_count, done_count;
    lethe_known *known; /* of all items that this process has seen */
    int64_t last_known;
    lethe_learned learned[ROUND]; /* of the items of this round */
    size_t learned_count;
    bool released_more;       /* than the file-set knows */
    int64_t file_set_due;     /* seconds; not before, while watching */
    lethe_claim claim[ROUND]; /* beside other items of this round with the same SOP Instance UID */
    lethe_buffer others;
    lethe_buffer line;
    lethe_progress progress;
} project_run;

/* Results come in the order of the items. */
static lethe_status one_done(void *context, const char *path, const char *source, const lethe_result *result, lethe_error *error) {
    (void)path;
    (void)source;
    project_run *run = context;
    if (run->done_count == run->item_count) return lethe_fail(error, LETHE_INTERNAL, "more results than items");
    run->results[run->done_count++] = *result;
    return LETHE_OK;
}

static lethe_status tally_done(void *context, const void *bytes, size_t size, lethe_error *error) {
    project_run *run = context;
    return lethe_report_merge(run->report, bytes, size, error);
}

static lethe_status write_reports(project_run *run, lethe_error *error) {
    if (run->report == NULL) return LETHE_OK;
    lethe_status status = lethe_report_write(run->report, run->people, run->options->report, error);
    if (status != LETHE_OK) return status;
    char *path = lethe_path_join(run->options->project->private_path, LETHE_TEXTS_PAGE);
    status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_report_write_texts(run->report, path, error);
    lethe_free(path);
    return status;
}

/* --- what the objects of a patient and study tell about each other --- */

static lethe_status one_learned(void *context, const char *path, const char *source, const lethe_learned *learned, const void *values, size_t size,
                                lethe_error *error) {
    (void)path;
    project_run *run = context;
    if (source[0] != '\0' && run->learned_count < ROUND) run->learned[run->learned_count++] = *learned;
    return lethe_known_add(run->known, learned, values, size, error);
}

static lethe_status learn_path(project_run *run, const char *relative, const char *source, lethe_error *error) {
    char *path = lethe_path_join(run->options->project->private_path, relative);
    lethe_status status =
        path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_crew_learn(run->crew, path, source, error);
    lethe_free(path);
    return status;
}

/* Every original that came since the last round, whoever will work on it; at the start of a process all that are still there. Then the items at hand.
 */
static lethe_status learn_items(project_run *run, lethe_error *error) {
    lethe_statement *select = NULL;
    run->learned_count = 0;
    lethe_status status = lethe_statement_prepare(lethe_queue_database(run->queue),
                                                  "SELECT id, path FROM item WHERE id > ?1 AND kind = 0 AND state <> 5 ORDER BY id", &select, error);
    if (status == LETHE_OK) lethe_statement_bind_int64(select, 1, run->last_known);
    bool row = true;
    while (status == LETHE_OK) {
        status = lethe_statement_step(select, &row, error);
        if (status != LETHE_OK || !row) break;
        run->last_known = lethe_statement_int64(select, 0);
        status = learn_path(run, lethe_statement_text(select, 1), "", error);
    }
    lethe_statement_finalize(select);
    for (size_t i = 0; i < run->item_count && status == LETHE_OK; i++) status = learn_path(run, run->items[i].path, "claimed", error);
    return status == LETHE_OK ? lethe_crew_flush(run->crew, error) : status;
}

static lethe_status add_item(project_run *run, size_t index, bool probe, lethe_error *error) {
    const lethe_item *item = &run->items[index];
    char *path = lethe_path_join(run->options->project->private_path, item->path);
    const char *name = item->source_name[0] != '\0' ? item->source_name : lethe_path_name(item->path);
    lethe_error why = {0};
    lethe_buffer_clear(&run->others);
    lethe_status status = path == NULL ? lethe_fail(&why, LETHE_NO_MEMORY, "no memory for a path")
                                       : lethe_known_others(run->known, &run->learned[index], &run->others, &why);
    if (status == LETHE_LIMIT) {
        lethe_result refused = {.outcome = LETHE_OUTCOME_QUARANTINED};
        (void)snprintf(refused.reason, sizeof refused.reason, "%s", why.message);
        status = lethe_crew_add_result(run->crew, path, name, &refused, error);
    } else if (status == LETHE_OK && !probe && run->claim[index] != LETHE_CLAIM_GOOD) {
        bool copy = run->claim[index] == LETHE_CLAIM_COPY;
        lethe_result known = {.outcome = copy ? LETHE_OUTCOME_DROPPED : LETHE_OUTCOME_QUARANTINED};
        (void)snprintf(known.reason, sizeof known.reason, "%s", copy ? LETHE_REASON_COPY : LETHE_REASON_CONFLICT);
        status = lethe_crew_add_result(run->crew, path, name, &known, error);
    } else if (status == LETHE_OK) {
        status = lethe_crew_add_knowing(run->crew, path, name, run->others.bytes, run->others.size, probe, error);
    } else {
        status = lethe_fail(error, status, "%s", why.message);
    }
    lethe_free(path);
    return status;
}

/* What a trial that would be released is beside another one of the same instance. */
static lethe_claim compare_trials(lethe_claim claim, const lethe_result *own, const lethe_result *other) {
    if (own->outcome != LETHE_OUTCOME_RELEASED || other->outcome != LETHE_OUTCOME_RELEASED || claim == LETHE_CLAIM_CONFLICT) return claim;
    if (strcmp(own->content, other->content) != 0) return LETHE_CLAIM_CONFLICT;
    return strcmp(own->sha256, other->sha256) > 0 ? LETHE_CLAIM_COPY : claim;
}

/* Items of one round that share their SOP Instance UID are tried first: which of them a worker finishes sooner must not decide which is released.
 * Unless all of them have the same content, none is. */
static lethe_status find_conflicts(project_run *run, lethe_error *error) {
    size_t tried[ROUND], count = 0;
    lethe_status status = LETHE_OK;
    memset(run->claim, 0, sizeof run->claim);
    for (size_t i = 0; i < run->item_count && status == LETHE_OK; i++) {
        bool shared = false;
        for (size_t k = 0; k < run->item_count && run->learned[i].instance != 0 && !shared; k++)
            shared = k != i && run->learned[k].instance == run->learned[i].instance;
        if (!shared) continue;
        tried[count++] = i;
        status = add_item(run, i, true, error);
    }
    if (status == LETHE_OK && count != 0) status = lethe_crew_flush(run->crew, error);
    if (status == LETHE_OK && run->done_count != count) status = lethe_fail(error, LETHE_INTERNAL, "fewer results than trials");
    for (size_t i = 0; i < count && status == LETHE_OK; i++)
        for (size_t k = 0; k < count; k++)
            if (run->learned[tried[i]].instance == run->learned[tried[k]].instance)
                run->claim[tried[i]] = compare_trials(run->claim[tried[i]], &run->results[i], &run->results[k]);
    /* A conflict anywhere among them is one of all. */
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (run->learned[tried[i]].instance == run->learned[tried[k]].instance && run->claim[tried[k]] == LETHE_CLAIM_CONFLICT &&
                run->results[i].outcome == LETHE_OUTCOME_RELEASED)
                run->claim[tried[i]] = LETHE_CLAIM_CONFLICT;
    run->done_count = 0;
    return status;
}

static lethe_status start_crew(project_run *run, lethe_error *error) {
    const lethe_project *project = run->options->project;
    lethe_crew_options crew = {.engine = {.profile = run->options->profile,
                                          .key = run->key,
                                          .output_folder = project->released_path,
                                          .scratch_folder = run->scratch,
                                          .objections = run->objections,
                                          .pixel_rules = run->rules,
                                          .crosswalk = run->options->crosswalk,
                                          .slide_mapping = run->options->slide_mapping,
                                          .recipients = run->options->recipients,
                                          .sync = LETHE_SYNC_NONE,
                                          .want_catalogue = true,
                                          .want_tally = run->report != NULL,
                                          .want_texts = run->report != NULL},
                               .workers = run->options->jobs,
                               .show_slides = !run->options->quiet,
                               .readable = run->readable,
                               .writable = run->writable,
                               .visit = one_done,
                               .learn = one_learned,
                               .tally = run->report != NULL ? tally_done : NULL,
                               .context = run};
    return lethe_crew_start(&crew, &run->crew, error);
}

/* Objections and pixel rules may change while a daemon runs; workers hold those of their start. */
static lethe_status refresh_lists(project_run *run, lethe_error *error) {
    lethe_objections *objections = NULL;
    lethe_pixel_rules *rules = NULL;
    lethe_status status = lethe_objections_load(lethe_queue_database(run->queue), &objections, error);
    if (status == LETHE_OK) status = lethe_pixel_rules_load_optional(run->rules_path, &rules, error);
    bool same =
        status == LETHE_OK && run->crew != NULL && lethe_objections_same(run->objections, objections) && lethe_pixel_rules_same(run->rules, rules);
    if (status != LETHE_OK || same) {
        lethe_objections_destroy(objections);
        lethe_pixel_rules_destroy(rules);
        return status;
    }
    lethe_crew_destroy(run->crew);
    run->crew = NULL;
    lethe_objections_destroy(run->objections);
    lethe_pixel_rules_destroy(run->rules);
    run->objections = objections;
    run->rules = rules;
    return start_crew(run, error);
}

/* --- the review desk --- */

static lethe_status propose(project_run *run, lethe_error *error) {
    lethe_review_box boxes[LETHE_RESULT_BOXES];
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < run->done_count && status == LETHE_OK; i++) {
        const lethe_result *r = &run->results[i];
        if (r->box_count == 0 || (r->outcome != LETHE_OUTCOME_RELEASED && r->outcome != LETHE_OUTCOME_REVIEW)) continue;
        for (unsigned b = 0; b < r->box_count; b++) {
            const lethe_pixel_box *box = &r->boxes[b];
            boxes[b] = (lethe_review_box){
                .first_frame = box->first_frame, .last_frame = box->last_frame, .x = box->x, .y = box->y, .w = box->w, .h = box->h};
            (void)snprintf(boxes[b].why, sizeof boxes[b].why, "%s", box->why);
        }
        status = lethe_review_put_boxes(run->desk, run->items[i].id, boxes, r->box_count, error);
    }
    return status;
}

/* A rule that a reviewer made while this round was at work holds for its images too: they are made again. */
static lethe_status catch_new_rules(project_run *run, lethe_error *error) {
    lethe_pixel_rules *fresh = NULL;
    lethe_status status = lethe_pixel_rules_load_optional(run->rules_path, &fresh, error);
    bool same = status == LETHE_OK && lethe_pixel_rules_same(run->rules, fresh);
    lethe_pixel_rules_destroy(fresh);
    for (size_t i = 0; i < run->done_count && status == LETHE_OK && !same; i++)
        if (run->results[i].outcome == LETHE_OUTCOME_RELEASED || run->results[i].outcome == LETHE_OUTCOME_REVIEW)
            status = lethe_review_remake_add(run->desk, run->items[i].id, error);
    return status;
}

static lethe_status note_open(void *context, const lethe_review_decision *decision, lethe_error *error) {
    (void)decision;
    (void)error;
    *(bool *)context = true;
    return LETHE_OK;
}

/* Decisions that were only recorded (in the viewer), and outputs that a killed review left to be made again. */
static lethe_status clear_desk(project_run *run, lethe_error *error) {
    bool open = false;
    int64_t waiting;
    size_t count = 0;
    lethe_status status = lethe_review_visit(run->desk, 0, true, note_open, &open, error);
    if (status == LETHE_OK) status = lethe_review_remake_list(run->desk, &waiting, 1, &count, error);
    if (status != LETHE_OK || (!open && count == 0)) return status;
    lethe_review_counts counts;
    lethe_review_job job = {.project = run->options->project,
                            .queue = run->queue,
                            .desk = run->desk,
                            .jobs = run->options->jobs,
                            .crosswalk = run->options->crosswalk,
                            .slide_mapping = run->options->slide_mapping,
                            .recipients = run->options->recipients};
    return lethe_review_carry_out(&job, &counts, error);
}

/* Let a quarantined or waiting original stand in its own folder: a second name first, the old one goes after the queue knows. */
static lethe_status link_aside(const lethe_project *project, lethe_item *item, const char *folder_path, lethe_error *error) {
    unsigned depth = 0;
    for (const char *at = item->path; *at != '\0'; at++) depth += *at == '/';
    /* A slide of several files, inbox/<day>/<minute>/<random>/slide.mrxs, stays where it is: its parts are found beside it. */
    if (depth == 0 || depth > 3) return LETHE_OK;
    char *old_path = lethe_path_join(project->private_path, item->path),
         *new_path = lethe_asprintf("%s/%s", folder_path, lethe_path_name(item->path));
    lethe_status status = old_path == NULL || new_path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                                                               : lethe_folder_create(folder_path, 0700, error);
    if (status == LETHE_OK && link(old_path, new_path) != 0 && errno != EEXIST) {
        /* Already moved by a run that was killed. */
        lethe_free(old_path);
        lethe_free(new_path);
        return LETHE_OK;
    }
    if (status == LETHE_OK) {
        size_t prefix = strlen(project->private_path);
        (void)snprintf(item->path, sizeof item->path, "%s", new_path + prefix + (new_path[prefix] == '/' ? 1 : 0));
    }
    lethe_free(old_path);
    lethe_free(new_path);
    return status;
}

static lethe_status put_catalogue(project_run *run, lethe_error *error) {
    lethe_catalogue_entry *entries = lethe_alloc_array(ROUND, sizeof *entries);
    if (entries == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for catalogue entries");
    size_t count = 0;
    for (size_t i = 0; i < run->done_count; i++) {
        const lethe_result *r = &run->results[i];
        if (r->outcome != LETHE_OUTCOME_RELEASED) continue;
        entries[count++] = lethe_result_entry(r);
    }
    lethe_status status = count == 0 ? LETHE_OK : lethe_catalogue_put(run->catalogue, entries, count, error);
    lethe_free(entries);
    return status;
}

static lethe_status write_manifest(project_run *run, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < run->done_count && status == LETHE_OK; i++) {
        const lethe_item *item = &run->items[i];
        lethe_buffer_clear(&run->line);
        status = lethe_manifest_format(item->source_name[0] != '\0' ? item->source_name : item->path, &run->results[i], &run->line, error);
        if (status == LETHE_OK) status = lethe_manifest_append(run->manifest, lethe_buffer_text(&run->line), run->line.size, error);
    }
    return status == LETHE_OK ? lethe_manifest_sync(run->manifest, error) : status;
}

static void rest(unsigned ms) {
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* PostgreSQL may go away over the commit, which may have taken effect all the same: the same outcome given again is the same. */
static lethe_status give_outcomes(project_run *run, lethe_error *error) {
    lethe_status status = LETHE_DATABASE;
    for (unsigned attempt = 0; attempt < FINISH_ATTEMPTS && status == LETHE_DATABASE; attempt++) {
        if (attempt != 0 && run->options->project->store[0] == '\0') break; /* SQLite has no link to lose */
        if (attempt != 0) rest(500);
        lethe_error_clear(error);
        status = lethe_queue_finish_many(run->queue, run->items, run->done_count, error);
    }
    return status;
}

static lethe_status finish_items(project_run *run, lethe_error *error) {
    static const lethe_item_state states[] = {[LETHE_OUTCOME_QUARANTINED] = LETHE_ITEM_QUARANTINED,
                                              [LETHE_OUTCOME_RELEASED] = LETHE_ITEM_RELEASED,
                                              [LETHE_OUTCOME_REVIEW] = LETHE_ITEM_REVIEW,
                                              [LETHE_OUTCOME_DROPPED] = LETHE_ITEM_DROPPED};
    const lethe_project *project = run->options->project;
    lethe_status status = LETHE_OK;
    bool quarantined = false, review = false;
    for (size_t i = 0; i < run->done_count && status == LETHE_OK; i++) {
        lethe_item *item = &run->items[i];
        const lethe_result *r = &run->results[i];
        item->state = states[r->outcome];
        (void)snprintf(item->reason, sizeof item->reason, "%s", r->reason);
        (void)snprintf(item->output, sizeof item->output, "%s", r->output);
        if (r->outcome == LETHE_OUTCOME_QUARANTINED) status = link_aside(project, item, project->quarantine_path, error);
        else if (r->outcome == LETHE_OUTCOME_REVIEW) status = link_aside(project, item, project->review_path, error);
        quarantined = quarantined || lethe_text_starts(item->path, "quarantine/");
        review = review || lethe_text_starts(item->path, "review/");
    }
    /* The second names are on the disk before the queue knows them, and lets the first ones go: the store may lie on another machine. */
    if (status == LETHE_OK && quarantined) status = lethe_folder_sync(project->quarantine_path, error);
    if (status == LETHE_OK && review) status = lethe_folder_sync(project->review_path, error);
    if (status == LETHE_OK) status = give_outcomes(run, error);
    return status == LETHE_OK ? lethe_queue_remove_left(run->queue, project, NULL, error) : status;
}

static lethe_status report_items(project_run *run, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < run->done_count && status == LETHE_OK; i++) {
        if (run->report != NULL) status = lethe_report_add(run->report, &run->results[i], error);
        if (status == LETHE_OK && run->people != NULL) status = lethe_people_add(run->people, &run->results[i], error);
    }
    return status;
}

static void count_round(project_run *run) {
    for (size_t i = 0; i < run->done_count; i++) {
        lethe_run_counts *c = run->counts;
        c->inputs++;
        lethe_slide_mapping_note_used(run->options->slide_mapping, run->results[i].slide_row);
        switch (run->results[i].outcome) {
        case LETHE_OUTCOME_RELEASED: c->released++; break;
        case LETHE_OUTCOME_REVIEW: c->review++; break;
        case LETHE_OUTCOME_DROPPED: c->dropped++; break;
        default: c->quarantined++; break;
        }
    }
    lethe_progress_update(&run->progress, run->counts->inputs);
}

static int64_t now_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* A project that has a DICOMDIR: over all that is released now. Every header is read, so a daemon gives it a twentieth of its time. */
static lethe_status renew_file_set(project_run *run, bool last, lethe_error *error) {
    int64_t start = now_seconds();
    if ((!last && start < run->file_set_due) || !lethe_file_set_is_due(run->options->project)) return LETHE_OK;
    lethe_status status = lethe_file_set_put_up(run->options->project, error);
    run->file_set_due = now_seconds() + 20 * (now_seconds() - start) + 2;
    return status;
}

/* Before anything becomes known: an objection finds what is released under a pre-assigned pseudonym, and who has the ID by any issuer. */
static lethe_status note_aliases(project_run *run, lethe_error *error) {
    const char *last = "";
    lethe_database *intake = lethe_queue_database(run->queue);
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < run->done_count && status == LETHE_OK; i++) {
        const lethe_result *r = &run->results[i];
        if (r->outcome == LETHE_OUTCOME_DROPPED || r->keyed[0] == '\0' || strcmp(last, r->keyed) == 0) continue;
        last = r->keyed;
        if (strcmp(r->keyed, r->patient) != 0) status = lethe_objections_note_alias(intake, r->keyed, r->patient, error);
        if (status == LETHE_OK && r->unissued[0] != '\0') status = lethe_objections_note_unissued(intake, r->unissued, r->patient, error);
    }
    return status;
}

/* Slides learn their patient late, and the list may have grown while workers worked: look once more before anything becomes known. */
static lethe_status enforce_objections(project_run *run, lethe_error *error) {
    for (size_t i = 0; i < run->done_count; i++) {
        lethe_result *r = &run->results[i];
        if (r->outcome != LETHE_OUTCOME_RELEASED || !lethe_result_is_objected(r, run->objections)) continue;
        char *path = lethe_path_join(run->options->project->released_path, r->output);
        if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
        bool gone = lethe_slide_output_remove(path) == 0 || errno == ENOENT;
        lethe_free(path);
        if (!gone) return lethe_fail(error, LETHE_IO, "an output of a patient who objects cannot be removed");
        r->outcome = LETHE_OUTCOME_DROPPED;
        r->output[0] = r->sha256[0] = '\0';
        (void)snprintf(r->reason, sizeof r->reason, "the patient objects to the use of the data");
    }
    return LETHE_OK;
}

/* How many of the claimed items make a round: all, or as many as reach ROUND_BYTES. */
static size_t round_of(const project_run *run) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < run->item_count; i++) {
        struct stat info;
        char *path = lethe_path_join(run->options->project->private_path, run->items[i].path);
        if (path != NULL && stat(path, &info) == 0) bytes += (uint64_t)info.st_size;
        if (lethe_text_ends(run->items[i].path, ".mrxs")) bytes += ROUND_BYTES / 2; /* its data lie in a folder */
        lethe_free(path);
        if (bytes >= ROUND_BYTES) return i + 1;
    }
    return run->item_count;
}

static lethe_status claim_items(project_run *run, lethe_error *error) {
    char worker[LETHE_WORKER_NAME_SIZE];
    lethe_status status = lethe_queue_worker_name(worker, error);
    if (status == LETHE_OK) status = lethe_queue_claim(run->queue, worker, CLAIM_SECONDS, run->items, ROUND, &run->item_count, error);
    if (status != LETHE_OK) return status;
    size_t wanted = round_of(run);
    if (wanted == run->item_count) return LETHE_OK;
    run->item_count = 0;
    status = lethe_queue_give_back(run->queue, worker, error);
    return status == LETHE_OK ? lethe_queue_claim(run->queue, worker, CLAIM_SECONDS, run->items, wanted, &run->item_count, error) : status;
}

static lethe_status one_round(project_run *run, size_t *claimed, lethe_error *error) {
    const lethe_project *project = run->options->project;
    run->done_count = run->item_count = 0;
    lethe_status status = claim_items(run, error);
    *claimed = run->item_count;
    if (status != LETHE_OK || run->item_count == 0) return status;
    status = learn_items(run, error);
    if (status == LETHE_OK && run->learned_count != run->item_count) status = lethe_fail(error, LETHE_INTERNAL, "fewer items learned than claimed");
    for (size_t i = 0; i < run->item_count && status == LETHE_OK; i++)
        if (run->learned[i].is_directory != 0) status = lethe_file_set_want(project, error);
    if (status == LETHE_OK) status = find_conflicts(run, error);
    for (size_t i = 0; i < run->item_count && status == LETHE_OK; i++) status = add_item(run, i, false, error);
    if (status == LETHE_OK) status = lethe_crew_flush(run->crew, error);
    if (status == LETHE_OK && run->done_count != run->item_count) status = lethe_fail(error, LETHE_INTERNAL, "fewer results than items");
    if (status == LETHE_OK) status = enforce_objections(run, error);
    if (status == LETHE_OK) status = lethe_filesystem_sync(project->released_path, error);
    if (status == LETHE_OK) status = note_aliases(run, error);
    if (status == LETHE_OK) status = write_manifest(run, error);
    if (status == LETHE_OK) status = lethe_file_set_changed(project, error);
    if (status == LETHE_OK) status = put_catalogue(run, error);
    if (status == LETHE_OK) status = propose(run, error);
    if (status == LETHE_OK) status = finish_items(run, error);
    if (status == LETHE_OK) status = report_items(run, error);
    if (status == LETHE_OK) status = catch_new_rules(run, error);
    if (status == LETHE_OK) count_round(run);
    return status;
}

/* Half-written outputs of killed workers: invisible to readers (mode 0600, hidden name), but not audited. Old ones only: others may be at work. */
static int sweep_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    const char *name = path + at->base;
    if (type == FTW_F && strncmp(name, ".lethe-", 7) == 0 && lethe_text_ends(name, ".tmp") && time(NULL) - info->st_mtime > 600) (void)unlink(path);
    return 0;
}

static lethe_status open_store(project_run *run, lethe_error *error) {
    const lethe_project *project = run->options->project;
    char worker[LETHE_WORKER_NAME_SIZE];
    lethe_status status = lethe_known_create(run->scratch, &run->known, error);
    if (status == LETHE_OK) status = lethe_queue_open(project, &run->queue, error);
    /* What this very process claimed and does not know of any more, and what killed ones left. */
    if (status == LETHE_OK) status = lethe_queue_worker_name(worker, error);
    if (status == LETHE_OK) status = lethe_queue_give_back(run->queue, worker, error);
    if (status == LETHE_OK) status = lethe_queue_remove_left(run->queue, project, NULL, error);
    if (status == LETHE_OK) status = lethe_review_desk_open(project, run->queue, &run->desk, error);
    return status == LETHE_OK ? lethe_catalogue_open(project, &run->catalogue, error) : status;
}

static void close_store(project_run *run) {
    lethe_known_destroy(run->known);
    lethe_catalogue_close(run->catalogue);
    lethe_review_desk_close(run->desk);
    lethe_queue_close(run->queue);
    run->known = NULL;
    run->catalogue = NULL;
    run->desk = NULL;
    run->queue = NULL;
    run->last_known = 0;
}

static bool is_told_to_stop(const project_run *run) { return run->options->stop != NULL && *run->options->stop; }

/* The link to PostgreSQL is lost (a restart, a cable): a daemon waits until it is back and begins the round again, as after a kill. */
static lethe_status wait_for_store(project_run *run, lethe_error *error) {
    lethe_status status = LETHE_DATABASE;
    lethe_crew_destroy(run->crew); /* its workers may hold half a round */
    run->crew = NULL;
    close_store(run);
    for (unsigned seconds = 1; status == LETHE_DATABASE; seconds = seconds * 2 < MOST_PATIENCE_SECONDS ? seconds * 2 : MOST_PATIENCE_SECONDS) {
        lethe_log(LETHE_LOG_WARNING, "store_lost", "again_in=%u detail=\"%s\"", seconds, error->message);
        for (unsigned i = 0; i < seconds * 5; i++) {
            if (is_told_to_stop(run)) return LETHE_OK;
            rest(200);
        }
        lethe_error_clear(error);
        status = open_store(run, error);
        if (status != LETHE_OK) close_store(run);
    }
    if (status == LETHE_OK) lethe_log(LETHE_LOG_INFO, "store_back", "done=%llu", (unsigned long long)run->counts->inputs);
    return status;
}

static lethe_status open_all(project_run *run, lethe_error *error) {
    const lethe_project *project = run->options->project;
    char *manifest = lethe_path_join(project->private_path, "manifest.jsonl");
    run->scratch = lethe_path_join(project->private_path, "scratch");
    run->rules_path = lethe_review_rules_path(project);
    lethe_status status =
        manifest == NULL || run->scratch == NULL || run->rules_path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_folder_create(run->scratch, 0700, error);
    if (status == LETHE_OK) status = lethe_key_load(project->key_path, run->key, error);
    if (status == LETHE_OK) status = open_store(run, error);
    if (status == LETHE_OK) status = lethe_manifest_open(manifest, &run->manifest, error);
    if (status == LETHE_OK && run->options->report != NULL) status = lethe_report_create(run->options->profile, true, &run->report, error);
    if (status == LETHE_OK && (run->options->report != NULL || run->options->crosswalk_file != NULL))
        status = lethe_people_create(&run->people, error);
    static const char *const system_paths[] = {"/usr/share", "/usr/lib", "/lib", "/etc/ssl", "/proc/self"};
    size_t n = 0;
    run->readable[n++] = project->private_path;
    for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++)
        if (access(system_paths[i], F_OK) == 0) run->readable[n++] = system_paths[i];
    run->writable[0] = project->released_path;
    (void)nftw(project->released_path, sweep_one, 16, FTW_PHYS);
    run->writable[1] = run->scratch;
    lethe_free(manifest);
    return status;
}

lethe_status lethe_run_load_mapping(const lethe_project *project, const char *path, struct lethe_slide_mapping **out, lethe_error *error) {
    *out = NULL;
    if (path != NULL) return lethe_slide_mapping_load(path, out, error);
    char *own = lethe_path_join(project->private_path, "slides.csv");
    if (own == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = access(own, F_OK) == 0 ? lethe_slide_mapping_load(own, out, error) : LETHE_OK;
    lethe_free(own);
    return status;
}

static lethe_status note_slide(void *context, const lethe_item *item, lethe_error *error) {
    const char *name = item->source_name[0] != '\0' ? item->source_name : lethe_path_name(item->path);
    return item->kind == LETHE_ITEM_SLIDE ? lethe_slide_mapping_note_input(context, name, error) : LETHE_OK;
}

lethe_status lethe_run_check_mapping(lethe_queue *queue, struct lethe_slide_mapping *mapping, bool masks, lethe_error *error) {
    if (mapping == NULL) return LETHE_OK;
    lethe_status status = lethe_queue_visit(queue, LETHE_ITEM_STATES, note_slide, mapping, error);
    if (status != LETHE_OK) return status;
    return masks ? lethe_slide_mapping_check_inputs(mapping, error) : lethe_slide_mapping_check_names(mapping, error);
}

lethe_status lethe_run_project(const lethe_project_run *options, lethe_run_counts *counts, lethe_error *error) {
    *counts = (lethe_run_counts){0};
    project_run *run = lethe_alloc_array(1, sizeof *run);
    if (run == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a run");
    run->options = options;
    run->counts = counts;
    lethe_buffer_init(&run->line, 1u << 20);
    lethe_buffer_init(&run->others, 16u << 20);
    lethe_status status = open_all(run, error);
    /* Whoever watches may have masks of slides that are still to come. */
    if (status == LETHE_OK && !options->watch) status = lethe_run_check_mapping(run->queue, options->slide_mapping, true, error);
    lethe_progress_start(&run->progress, "de-identifying", 0, options->quiet);
    unsigned pause_ms = LEAST_PAUSE_MS;
    while (status == LETHE_OK && !is_told_to_stop(run)) {
        size_t claimed = 0;
        status = clear_desk(run, error);
        if (status == LETHE_OK) status = refresh_lists(run, error);
        if (status == LETHE_OK) status = one_round(run, &claimed, error);
        if (status == LETHE_DATABASE && options->watch && options->project->store[0] != '\0') {
            status = wait_for_store(run, error);
            continue;
        }
        if (claimed != 0) pause_ms = LEAST_PAUSE_MS;
        if (status != LETHE_OK || claimed != 0) continue;
        if (!options->watch) break;
        status = renew_file_set(run, false, error);
        rest(pause_ms);
        pause_ms = pause_ms * 2 < MOST_PAUSE_MS ? pause_ms * 2 : MOST_PAUSE_MS;
    }
    lethe_progress_finish(&run->progress);
    if (!options->watch) /* bar codes that earlier runs have read are not known here */
        counts->unused_rows = lethe_slide_mapping_unused(options->slide_mapping, true, counts->unused_lines, sizeof counts->unused_lines);
    if (status == LETHE_OK) status = renew_file_set(run, true, error);
    if (status == LETHE_OK) status = write_reports(run, error);
    if (status == LETHE_OK && options->crosswalk_file != NULL)
        status = lethe_people_write_crosswalk(run->people, options->recipient, options->crosswalk_file, error);
    lethe_crew_destroy(run->crew);
    lethe_report_destroy(run->report);
    lethe_people_destroy(run->people);
    lethe_objections_destroy(run->objections);
    lethe_buffer_release(&run->others);
    lethe_status closed = lethe_manifest_close(run->manifest, error);
    close_store(run);
    lethe_pixel_rules_destroy(run->rules);
    lethe_free(run->rules_path);
    lethe_buffer_release(&run->line);
    lethe_wipe(run->key, sizeof run->key);
    lethe_free(run->scratch);
    lethe_free(run);
    return status == LETHE_OK ? closed : status;
}
