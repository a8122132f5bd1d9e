#include "deid/review.h"

#include "core/catalogue.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/queue.h"
#include "core/text.h"
#include "deid/manifest.h"
#include "deid/objections.h"
#include "deid/pipeline.h"
#include "deid/review_internal.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void usage(FILE *to) {
    (void)fputs("usage: lethe review [-C DIR] list [--json]\n"
                "       lethe review [-C DIR] show ID [--picture FILE.png]\n"
                "       lethe review [-C DIR] approve ID\n"
                "       lethe review [-C DIR] reject ID\n"
                "       lethe review [-C DIR] mask ID X,Y,W,H\n"
                "       lethe review [-C DIR] log\n"
                "       lethe review [-C DIR] sheet -o FILE.html\n"
                "       lethe review sheet --manifest FILE --released DIR [--originals DIR] -o FILE.html\n",
                to);
}

typedef struct arguments {
    const char *project, *output, *manifest, *released, *originals, *picture;
    bool json;
    const char *action, *id, *box;
} arguments;

typedef struct desk {
    const arguments *a;
    lethe_project *project;
    lethe_queue *queue;
    lethe_item item;
    lethe_pixel_box boxes[64];
    unsigned box_count;
} desk;

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS review_decision (item BIGINT NOT NULL, action TEXT NOT NULL, box TEXT NOT NULL, person TEXT NOT NULL, "
    "decided_us BIGINT NOT NULL)";

static int64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const char *person_name(void) {
    const struct passwd *entry = getpwuid(getuid());
    return entry == NULL ? "unknown" : entry->pw_name;
}

static lethe_status record(desk *d, const char *action, const char *box, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status =
        lethe_statement_prepare(lethe_queue_database(d->queue),
                                "INSERT INTO review_decision (item, action, box, person, decided_us) VALUES (?1, ?2, ?3, ?4, ?5)", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, d->item.id);
    lethe_statement_bind_text(statement, 2, action);
    lethe_statement_bind_text(statement, 3, box);
    lethe_statement_bind_text(statement, 4, person_name());
    lethe_statement_bind_int64(statement, 5, now_us());
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

static bool parse_box(const char *text, lethe_pixel_box *box) {
    unsigned x, y, w, h;
    char rest;
    if (sscanf(text, "%u,%u,%u,%u%c", &x, &y, &w, &h, &rest) != 4 || w == 0 || h == 0 || x > 65535 || y > 65535 || w > 65535 || h > 65535)
        return false;
    *box = (lethe_pixel_box){.last_frame = UINT32_MAX, .x = x, .y = y, .w = w, .h = h};
    (void)snprintf(box->why, sizeof box->why, "drawn by a reviewer");
    return true;
}

/* Boxes that a person has drawn for this item so far. */
static lethe_status load_masks(desk *d, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(
        lethe_queue_database(d->queue), "SELECT box FROM review_decision WHERE item = ?1 AND action = 'mask' ORDER BY decided_us", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, d->item.id);
    while ((status = lethe_statement_step(statement, &row, error)) == LETHE_OK && row && d->box_count < sizeof d->boxes / sizeof *d->boxes)
        if (parse_box(lethe_statement_text(statement, 0), &d->boxes[d->box_count])) d->box_count++;
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status find_item(desk *d, lethe_error *error) {
    int64_t id;
    if (d->a->id == NULL || !lethe_text_to_int64(d->a->id, &id)) return lethe_fail(error, LETHE_USAGE, "an ID is needed (lethe review list)");
    lethe_status status = lethe_queue_get(d->queue, id, &d->item, error);
    if (status != LETHE_OK) return status;
    if (d->item.state != LETHE_ITEM_REVIEW)
        return lethe_fail(error, LETHE_USAGE, "item %lld does not wait for review: it is %s", (long long)id, lethe_item_state_name(d->item.state));
    return load_masks(d, error);
}

/* --- actions --- */

static lethe_status list_one(void *context, const lethe_item *item, lethe_error *error) {
    const desk *d = context;
    (void)error;
    if (d->a->json) {
        lethe_buffer reason;
        lethe_buffer_init(&reason, 4096);
        if (lethe_json_string(&reason, item->reason, NULL) == LETHE_OK)
            (void)printf("{\"id\": %lld, \"kind\": \"%s\", \"size\": %llu, \"reason\": %s}\n", (long long)item->id,
                         item->kind == LETHE_ITEM_SLIDE ? "slide" : "dicom", (unsigned long long)item->size_bytes, lethe_buffer_text(&reason));
        lethe_buffer_release(&reason);
    } else {
        (void)printf("%8lld  %-6s %12llu  %s\n", (long long)item->id, item->kind == LETHE_ITEM_SLIDE ? "slide" : "dicom",
                     (unsigned long long)item->size_bytes, item->reason);
    }
    return LETHE_OK;
}

static lethe_status load_profile(const desk *d, lethe_profile **profile, lethe_error *error) {
    const char *name = d->project->profile;
    bool file = strchr(name, '/') != NULL || lethe_text_ends(name, ".yaml") || lethe_text_ends(name, ".yml");
    if (!file || name[0] == '/') return lethe_profile_load(name, profile, error);
    char *path = lethe_path_join(d->project->folder, name);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_profile_load(path, profile, error);
    lethe_free(path);
    return status;
}

/* Run the item through the whole pipeline with the person's boxes. `release`: a person has approved. */
static lethe_status process(desk *d, bool release, lethe_result *result, lethe_error *error) {
    lethe_profile *profile = NULL;
    lethe_objections *objections = NULL;
    lethe_engine *engine = NULL;
    uint8_t key[LETHE_KEY_BYTES];
    char *path = lethe_path_join(d->project->private_path, d->item.path), *scratch = lethe_path_join(d->project->private_path, "scratch");
    lethe_status status =
        path == NULL || scratch == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create(scratch, 0700, error);
    if (status == LETHE_OK) status = load_profile(d, &profile, error);
    if (status == LETHE_OK) status = lethe_key_load(d->project->key_path, key, error);
    if (status == LETHE_OK) status = lethe_objections_load(lethe_queue_database(d->queue), &objections, error);
    if (status == LETHE_OK) {
        /* This profile is ours alone: what a person has drawn is part of its policy for one item. */
        lethe_pixel_policy *policy = (lethe_pixel_policy *)(uintptr_t)lethe_profile_pixels(profile);
        policy->extra_boxes = d->boxes;
        policy->extra_count = d->box_count;
        lethe_engine_options options = {.profile = profile,
                                        .key = key,
                                        .output_folder = release ? d->project->released_path : NULL,
                                        .scratch_folder = scratch,
                                        .objections = objections,
                                        .sync = LETHE_SYNC_FULL,
                                        .want_catalogue = release,
                                        .force_release = release};
        status = lethe_engine_create(&options, &engine, error);
    }
    if (status == LETHE_OK) status = lethe_engine_process(engine, path, d->item.source_name, result, error);
    lethe_engine_destroy(engine);
    lethe_objections_destroy(objections);
    lethe_profile_destroy(profile);
    lethe_wipe(key, sizeof key);
    lethe_free(path);
    lethe_free(scratch);
    return status;
}

static lethe_status put_catalogue(desk *d, const lethe_result *r, lethe_error *error) {
    lethe_catalogue *catalogue = NULL;
    lethe_catalogue_entry entry = lethe_result_entry(r);
    lethe_status status = lethe_catalogue_open(d->project, &catalogue, error);
    if (status == LETHE_OK) status = lethe_catalogue_put(catalogue, &entry, 1, error);
    lethe_catalogue_close(catalogue);
    return status;
}

static lethe_status put_manifest(desk *d, const lethe_result *r, lethe_error *error) {
    lethe_manifest *manifest = NULL;
    lethe_buffer line;
    lethe_buffer_init(&line, 1u << 20);
    char *path = lethe_path_join(d->project->private_path, "manifest.jsonl");
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_manifest_open(path, &manifest, error);
    if (status == LETHE_OK) status = lethe_manifest_format(d->item.source_name[0] != '\0' ? d->item.source_name : d->item.path, r, &line, error);
    if (status == LETHE_OK) status = lethe_manifest_append(manifest, lethe_buffer_text(&line), line.size, error);
    if (manifest != NULL) {
        lethe_status closed = lethe_manifest_close(manifest, error);
        if (status == LETHE_OK) status = closed;
    }
    lethe_buffer_release(&line);
    lethe_free(path);
    return status;
}

/* Decision first, then release, manifest, catalogue, queue: a kill in between leaves an item that can be approved again, to the same bytes. */
static lethe_status approve(desk *d, lethe_error *error) {
    lethe_result *result = lethe_alloc_array(1, sizeof *result);
    if (result == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a result");
    lethe_status status = find_item(d, error);
    if (status == LETHE_OK) status = record(d, "approve", "", error);
    if (status == LETHE_OK) status = process(d, true, result, error);
    if (status == LETHE_OK && result->outcome != LETHE_OUTCOME_RELEASED)
        status = lethe_fail(error, LETHE_UNSAFE, "not released: %.200s", result->reason);
    if (status == LETHE_OK) status = put_manifest(d, result, error);
    if (status == LETHE_OK) status = put_catalogue(d, result, error);
    if (status == LETHE_OK) {
        d->item.state = LETHE_ITEM_RELEASED;
        d->item.reason[0] = '\0';
        (void)snprintf(d->item.output, sizeof d->item.output, "%s", result->output);
        status = lethe_queue_finish(d->queue, &d->item, error);
    }
    if (status == LETHE_OK) (void)printf("released: %s\n", result->output);
    lethe_free(result);
    return status;
}

static lethe_status reject(desk *d, lethe_error *error) {
    lethe_status status = find_item(d, error);
    if (status == LETHE_OK) status = record(d, "reject", "", error);
    if (status != LETHE_OK) return status;
    d->item.state = LETHE_ITEM_QUARANTINED;
    (void)snprintf(d->item.reason, sizeof d->item.reason, "rejected in review");
    status = lethe_queue_finish(d->queue, &d->item, error);
    if (status == LETHE_OK) (void)puts("quarantined");
    return status;
}

static lethe_status mask(desk *d, lethe_error *error) {
    lethe_pixel_box box;
    if (d->a->box == NULL || !parse_box(d->a->box, &box)) return lethe_fail(error, LETHE_USAGE, "a box is four numbers: X,Y,W,H");
    lethe_status status = find_item(d, error);
    if (status == LETHE_OK) status = record(d, "mask", d->a->box, error);
    if (status == LETHE_OK) (void)puts("kept; `lethe review approve` applies it");
    return status;
}

static lethe_status show(desk *d, lethe_error *error) {
    lethe_result *result = lethe_alloc_array(1, sizeof *result);
    lethe_buffer png;
    lethe_buffer_init(&png, 64u << 20);
    lethe_status status = result == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a result") : find_item(d, error);
    if (status == LETHE_OK) status = process(d, false, result, error);
    if (status == LETHE_OK) {
        (void)printf("item %lld: %s\n", (long long)d->item.id, d->item.reason);
        for (unsigned i = 0; i < result->box_count; i++)
            (void)printf("  box %u,%u,%u,%u frames %u-%u: %s\n", result->boxes[i].x, result->boxes[i].y, result->boxes[i].w, result->boxes[i].h,
                         result->boxes[i].first_frame, result->boxes[i].last_frame, result->boxes[i].why);
    }
    if (status == LETHE_OK && d->a->picture != NULL) {
        char *path = lethe_path_join(d->project->private_path, d->item.path);
        status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                              : lethe_review_picture(path, 0, result->boxes, result->box_count, 1600, &png, error);
        if (status == LETHE_OK) status = lethe_file_write(d->a->picture, png.bytes, png.size, 0600, error);
        lethe_free(path);
    }
    lethe_buffer_release(&png);
    lethe_free(result);
    return status;
}

static lethe_status show_log(desk *d, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(
        lethe_queue_database(d->queue), "SELECT item, action, box, person, decided_us FROM review_decision ORDER BY decided_us", &statement, error);
    while (status == LETHE_OK && (status = lethe_statement_step(statement, &row, error)) == LETHE_OK && row) {
        time_t when = (time_t)(lethe_statement_int64(statement, 4) / 1000000);
        struct tm parts;
        char text[32];
        (void)gmtime_r(&when, &parts);
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
        (void)printf("%s %s %lld %s %s\n", text, lethe_statement_text(statement, 3), (long long)lethe_statement_int64(statement, 0),
                     lethe_statement_text(statement, 1), lethe_statement_text(statement, 2));
    }
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status sheet(desk *d, lethe_error *error) {
    unsigned pictures = 0;
    if (d->a->output == NULL) return lethe_fail(error, LETHE_USAGE, "sheet needs -o FILE.html");
    char *manifest = d->project == NULL ? NULL : lethe_path_join(d->project->private_path, "manifest.jsonl");
    lethe_sheet_options options = {.manifest = d->a->manifest, .released = d->a->released, .originals = d->a->originals, .output = d->a->output};
    if (d->project != NULL) {
        options.manifest = manifest;
        options.released = d->project->released_path;
    }
    lethe_status status = options.manifest == NULL || options.released == NULL
                              ? lethe_fail(error, LETHE_USAGE, "sheet needs --manifest and --released, or a project")
                              : lethe_review_sheet(&options, &pictures, error);
    if (status == LETHE_OK) (void)printf("%u redacted images\n", pictures);
    lethe_free(manifest);
    return status;
}

/* --- command line --- */

static int parse(int argc, char **argv, arguments *a) {
    enum { JSON = 256, MANIFEST, RELEASED, ORIGINALS, PICTURE, HELP };
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, JSON},
                                            {"manifest", required_argument, NULL, MANIFEST},
                                            {"released", required_argument, NULL, RELEASED},
                                            {"originals", required_argument, NULL, ORIGINALS},
                                            {"picture", required_argument, NULL, PICTURE},
                                            {"help", no_argument, NULL, HELP},
                                            {NULL, 0, NULL, 0}};
    *a = (arguments){.project = "."};
    for (int option; (option = getopt_long(argc, argv, "C:o:", options, NULL)) != -1;) switch (option) {
        case 'C': a->project = optarg; break;
        case 'o': a->output = optarg; break;
        case JSON: a->json = true; break;
        case MANIFEST: a->manifest = optarg; break;
        case RELEASED: a->released = optarg; break;
        case ORIGINALS: a->originals = optarg; break;
        case PICTURE: a->picture = optarg; break;
        case HELP: usage(stdout); return LETHE_EXIT_DONE;
        default: usage(stderr); return LETHE_EXIT_USAGE;
        }
    int left = argc - optind;
    if (left < 1 || left > 3) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    a->action = argv[optind];
    a->id = left > 1 ? argv[optind + 1] : NULL;
    a->box = left > 2 ? argv[optind + 2] : NULL;
    return -1;
}

static lethe_status act(desk *d, lethe_error *error) {
    static const struct {
        const char *name;
        lethe_status (*run)(desk *, lethe_error *);
    } actions[] = {{"show", show}, {"approve", approve}, {"reject", reject}, {"mask", mask}, {"log", show_log}, {"sheet", sheet}};
    if (strcmp(d->a->action, "list") == 0) return lethe_queue_visit(d->queue, LETHE_ITEM_REVIEW, list_one, d, error);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(d->a->action, actions[i].name) == 0) return actions[i].run(d, error);
    return lethe_fail(error, LETHE_USAGE, "no action '%.40s' (list, show, approve, reject, mask, log, sheet)", d->a->action);
}

int lethe_review_main(int argc, char **argv) {
    arguments a;
    int code = parse(argc, argv, &a);
    if (code >= 0) return code;
    lethe_error error = {0};
    desk *d = lethe_alloc_array(1, sizeof *d);
    if (d == NULL) return LETHE_EXIT_FAILED;
    d->a = &a;
    lethe_status status = LETHE_OK;
    if (a.manifest == NULL) {
        status = lethe_project_open(a.project, true, &d->project, &error);
        if (status == LETHE_OK) status = lethe_queue_open(d->project, &d->queue, &error);
        if (status == LETHE_OK) status = lethe_database_execute(lethe_queue_database(d->queue), tables, &error);
    }
    if (status == LETHE_OK) status = act(d, &error);
    if (status != LETHE_OK) (void)fprintf(stderr, "lethe review: %s\n", error.message[0] != '\0' ? error.message : lethe_status_name(status));
    lethe_queue_close(d->queue);
    lethe_project_close(d->project);
    lethe_free(d);
    return status == LETHE_OK ? LETHE_EXIT_DONE : status == LETHE_UNSAFE ? LETHE_EXIT_QUARANTINED : (int)lethe_status_exit(error.status);
}
