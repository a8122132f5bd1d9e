#include "deid/run.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/text.h"
#include "deid/file_set.h"
#include "deid/inputs.h"
#include "deid/people.h"
#include "deid/report.h"
#include "deid/slides/slide_deid.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct folder_run {
    const lethe_folder_run *options;
    lethe_run_counts *counts;
    lethe_crew *crew;
    lethe_manifest *manifest;
    lethe_report *report;
    lethe_people *people;
    lethe_progress progress;
    lethe_buffer line;
    char *last_folder; /* looked at by belongs_to_slide, with its slash */
    bool last_belongs;
    lethe_inputs *inputs; /* what was learned before; NULL for a single input */
    lethe_buffer others;
    bool probing;
    const char *output; /* resolved */
    bool dicomdir;      /* an input was one: it is made again */
} folder_run;

/* FNV-1a over the source name: the same input falls into the same shard everywhere. */
static uint32_t shard_of(const char *source, unsigned shards) {
    uint64_t hash = 1469598103934665603ull;
    for (const char *at = source; *at != '\0'; at++) hash = (hash ^ (uint8_t)*at) * 1099511628211ull;
    return (uint32_t)((hash ^ hash >> 32) % shards);
}

/* Data files of a MIRAX slide lie in a folder of its name: they belong to the .mrxs file. */
static bool belongs_to_slide(folder_run *run, const char *path) {
    const char *name = lethe_path_name(path);
    if (name == path) return false;
    size_t folder = (size_t)(name - path);
    if (run->last_folder != NULL && strlen(run->last_folder) == folder && memcmp(run->last_folder, path, folder) == 0) return run->last_belongs;
    char main_file[PATH_MAX];
    int length = (int)(name - path) - 1;
    if (length <= 0 || (size_t)length + 6 > sizeof main_file) return false;
    (void)snprintf(main_file, sizeof main_file, "%.*s.mrxs", length, path);
    run->last_belongs = access(main_file, F_OK) == 0;
    lethe_free(run->last_folder);
    run->last_folder = lethe_strndup(path, folder); /* NULL: looked up again next time */
    return run->last_belongs;
}

static lethe_status add_known(folder_run *run, const char *path, const char *relative, lethe_outcome outcome, const char *reason,
                              lethe_error *error) {
    lethe_result result = {.outcome = outcome};
    (void)snprintf(result.reason, sizeof result.reason, "%s", reason);
    return lethe_crew_add_result(run->crew, path, relative, &result, error);
}

static lethe_status add_refused(folder_run *run, const char *path, const char *relative, const char *reason, lethe_error *error) {
    return add_known(run, path, relative, LETHE_OUTCOME_QUARANTINED, reason, error);
}

static lethe_status add_input(void *context, const char *path, const char *relative, lethe_error *error) {
    folder_run *run = context;
    if (run->options->shards > 1 && shard_of(relative, run->options->shards) != run->options->shard - 1) return LETHE_OK;
    if (belongs_to_slide(run, path)) return LETHE_OK;
    if (run->inputs == NULL) return lethe_crew_add(run->crew, path, relative, error);
    lethe_claim claim = lethe_inputs_claim(run->inputs, path);
    if (claim == LETHE_CLAIM_CONFLICT) return add_refused(run, path, relative, LETHE_REASON_CONFLICT, error);
    if (claim == LETHE_CLAIM_COPY) return add_known(run, path, relative, LETHE_OUTCOME_DROPPED, LETHE_REASON_COPY, error);
    lethe_buffer_clear(&run->others);
    lethe_error why = {0};
    lethe_status status = lethe_inputs_others(run->inputs, path, &run->others, &why);
    if (status == LETHE_NOT_FOUND || status == LETHE_LIMIT) return add_refused(run, path, relative, why.message, error);
    if (status != LETHE_OK) return lethe_fail(error, status, "%s", why.message);
    return lethe_crew_add_knowing(run->crew, path, relative, run->others.bytes, run->others.size, false, error);
}

/* What is neither a file nor a folder is not read, and not forgotten. */
static lethe_status add_other(void *context, const char *relative, const char *what, lethe_error *error) {
    folder_run *run = context;
    if (run->options->shards > 1 && shard_of(relative, run->options->shards) != run->options->shard - 1) return LETHE_OK;
    char reason[80];
    bool unseen = strncmp(what, "folder", 6) == 0 || strncmp(what, "file", 4) == 0;
    (void)snprintf(reason, sizeof reason, "a %s%s", what, unseen ? ": nothing of it was seen" : ": only files are read");
    return add_refused(run, "", relative, reason, error);
}

/* --- before the first output: what every input tells --- */

static lethe_status learn_input(void *context, const char *path, const char *relative, lethe_error *error) {
    folder_run *run = context;
    run->dicomdir = run->dicomdir || lethe_text_equal_fold(lethe_path_name(path), "DICOMDIR"); /* of whatever shard, readable or not */
    return belongs_to_slide(run, path) ? LETHE_OK : lethe_crew_learn(run->crew, path, relative, error);
}

/* Heard of again when the outputs are made. */
static lethe_status learn_nothing(void *context, const char *relative, const char *what, lethe_error *error) {
    (void)context;
    (void)relative;
    (void)what;
    (void)error;
    return LETHE_OK;
}

static lethe_status one_learned(void *context, const char *path, const char *source, const lethe_learned *learned, const void *values, size_t size,
                                lethe_error *error) {
    (void)source;
    folder_run *run = context;
    run->dicomdir = run->dicomdir || learned->is_directory != 0;
    return lethe_inputs_add(run->inputs, path, learned, values, size, error);
}

/* Names only: a row of the slide mapping that fits nothing is noticed before anything is released. */
static lethe_status note_name(void *context, const char *path, const char *relative, lethe_error *error) {
    folder_run *run = context;
    return belongs_to_slide(run, path) ? LETHE_OK : lethe_slide_mapping_note_input(run->options->slide_mapping, relative, error);
}

static lethe_status check_mapping(folder_run *run, lethe_error *error) {
    lethe_status status = LETHE_OK;
    if (run->options->slide_mapping == NULL) return LETHE_OK;
    for (unsigned i = 0; i < run->options->input_count && status == LETHE_OK; i++)
        status = lethe_walk_all(run->options->inputs[i], note_name, learn_nothing, run, error);
    return status == LETHE_OK ? lethe_slide_mapping_check_inputs(run->options->slide_mapping, error) : status;
}

/* A shard sees a part of the inputs: there only names are told of that no input has. */
static void count_unused_rows(folder_run *run) {
    run->counts->unused_rows = lethe_slide_mapping_unused(run->options->slide_mapping, run->options->shards > 1, run->counts->unused_lines,
                                                          sizeof run->counts->unused_lines);
}

/* Inputs of one SOP Instance UID: what each would become decides whether they are one or in conflict. */
static lethe_status probe_input(void *context, const char *path, const char *relative, lethe_error *error) {
    folder_run *run = context;
    if (!lethe_inputs_is_contested(run->inputs, path)) return LETHE_OK;
    lethe_buffer_clear(&run->others);
    if (lethe_inputs_others(run->inputs, path, &run->others, NULL) != LETHE_OK) return LETHE_OK; /* refused in its turn */
    return lethe_crew_add_knowing(run->crew, path, relative, run->others.bytes, run->others.size, true, error);
}

static lethe_status walk_inputs(folder_run *run, lethe_walk_fn visit, lethe_walk_other_fn other, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; i < run->options->input_count && status == LETHE_OK; i++)
        status = lethe_walk_all(run->options->inputs[i], visit, other, run, error);
    return status == LETHE_OK ? lethe_crew_flush(run->crew, error) : status;
}

/* The folder of the manifest is private; without one nothing is. */
static lethe_status learn_inputs(folder_run *run, lethe_error *error) {
    struct stat info;
    const lethe_folder_run *options = run->options;
    if (options->input_count == 1 && stat(options->inputs[0], &info) == 0 && S_ISREG(info.st_mode)) return LETHE_OK;
    char folder[PATH_MAX] = "";
    if (options->manifest != NULL) {
        size_t length = (size_t)(lethe_path_name(options->manifest) - options->manifest);
        (void)snprintf(folder, sizeof folder, "%.*s", length == 0 ? 1 : (int)length, length == 0 ? "." : options->manifest);
    }
    lethe_status status = lethe_inputs_create(folder[0] != '\0' ? folder : NULL, &run->inputs, error);
    if (status == LETHE_OK) status = walk_inputs(run, learn_input, learn_nothing, error);
    if (status == LETHE_OK) status = lethe_inputs_settle(run->inputs, error);
    if (status != LETHE_OK || lethe_inputs_contested_count(run->inputs) == 0) return status;
    run->probing = true;
    status = walk_inputs(run, probe_input, learn_nothing, error);
    run->probing = false;
    return status;
}

/* What cannot be written down is not released: a full disk lets nothing be added, but files can go. */
static void take_back(const folder_run *run, const lethe_result *result) {
    if (result->outcome != LETHE_OUTCOME_RELEASED || result->output[0] == '\0' || (result->notes & LETHE_NOTE_REPLACED_SAME) != 0) return;
    char *path = lethe_path_join(run->output, result->output);
    if (path != NULL) (void)lethe_slide_output_remove(path);
    lethe_free(path);
}

static lethe_status one_done(void *context, const char *path, const char *source, const lethe_result *result, lethe_error *error) {
    folder_run *run = context;
    if (run->probing) {
        lethe_inputs_probed(run->inputs, path, result->outcome == LETHE_OUTCOME_RELEASED ? result->sha256 : "", result->content);
        return LETHE_OK;
    }
    lethe_run_counts *c = run->counts;
    c->inputs++;
    lethe_slide_mapping_note_used(run->options->slide_mapping, result->slide_row);
    switch (result->outcome) {
    case LETHE_OUTCOME_RELEASED: c->released++; break;
    case LETHE_OUTCOME_REVIEW: c->review++; break;
    case LETHE_OUTCOME_DROPPED: c->dropped++; break;
    default: c->quarantined++; break;
    }
    run->dicomdir = run->dicomdir || (result->outcome == LETHE_OUTCOME_DROPPED && strncmp(result->reason, "DICOMDIR", 8) == 0);
    lethe_progress_update(&run->progress, c->inputs);
    if (result->outcome != LETHE_OUTCOME_RELEASED && !run->options->quiet && run->manifest == NULL)
        (void)fprintf(stderr, "%s: input %llu: %s (its name stands in the manifest, see --manifest)\n", lethe_outcome_name(result->outcome),
                      (unsigned long long)c->inputs, result->reason); /* a path may name a patient, and stderr ends up in logs */
    lethe_status status = run->people != NULL ? lethe_people_add(run->people, result, error) : LETHE_OK;
    if (status == LETHE_OK && run->manifest != NULL) {
        lethe_buffer_clear(&run->line);
        status = lethe_manifest_format(source, result, &run->line, error);
        if (status == LETHE_OK) status = lethe_manifest_append(run->manifest, lethe_buffer_text(&run->line), run->line.size, error);
        if (status != LETHE_OK) take_back(run, result);
    }
    if (status == LETHE_OK && run->report != NULL) status = lethe_report_add(run->report, result, error);
    return status;
}

static lethe_status tally_done(void *context, const void *bytes, size_t size, lethe_error *error) {
    folder_run *run = context;
    return lethe_report_merge(run->report, bytes, size, error);
}

/* True when `inner` is `outer` or lies below it. */
static bool lies_in(const char *inner, const char *outer) {
    size_t length = strlen(outer);
    if (length > 1 && outer[length - 1] == '/') length--;
    return strncmp(inner, outer, length) == 0 && (inner[length] == '\0' || inner[length] == '/' || length == 1);
}

/* What names patients must not lie among what is released. */
static lethe_status check_private(const char *file, const char *resolved_output, const char *what, lethe_error *error) {
    char folder[PATH_MAX], resolved[PATH_MAX];
    if (file == NULL) return LETHE_OK;
    size_t length = (size_t)(lethe_path_name(file) - file);
    if (length >= sizeof folder) return lethe_fail(error, LETHE_USAGE, "the path of the %s is too long", what);
    (void)snprintf(folder, sizeof folder, "%.*s", length == 0 ? 1 : (int)length, length == 0 ? "." : file);
    if (realpath(folder, resolved) == NULL) return LETHE_OK; /* opening it will say why */
    return lies_in(resolved, resolved_output) ? lethe_fail(error, LETHE_USAGE, "the %s is private and cannot lie in the output folder", what)
                                              : LETHE_OK;
}

/* The folder for what identifies: made if need be, and never a part of the output. */
static lethe_status prepare_private(const char *folder, const char *resolved_output, lethe_error *error) {
    char resolved[PATH_MAX];
    if (folder == NULL) return LETHE_OK;
    bool existed = access(folder, F_OK) == 0;
    lethe_status status = lethe_folder_create(folder, 0700, error);
    if (status != LETHE_OK) return status;
    if (realpath(folder, resolved) == NULL) return lethe_fail(error, LETHE_IO, "cannot resolve the private folder");
    if (!lies_in(resolved, resolved_output) && !lies_in(resolved_output, resolved)) return LETHE_OK;
    if (!existed) (void)rmdir(resolved);
    return lethe_fail(error, LETHE_USAGE, "the private folder and the output folder lie in one another");
}

static lethe_status write_reports(folder_run *run, lethe_error *error) {
    const lethe_folder_run *options = run->options;
    if (run->report == NULL) return LETHE_OK;
    lethe_status status = lethe_report_write(run->report, run->people, options->report, error);
    if (status != LETHE_OK || options->private_folder == NULL) return status;
    char *path = lethe_path_join(options->private_folder, LETHE_TEXTS_PAGE);
    status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_report_write_texts(run->report, path, error);
    lethe_free(path);
    return status;
}

static lethe_status make_file_set(const folder_run *run, lethe_error *error) {
    lethe_dicomdir_counts counts;
    const lethe_folder_run *options = run->options;
    return options->shards > 1 ? lethe_file_set_shard_ended(run->output, options->shard, options->shards, error)
                               : lethe_file_set_make(run->output, run->output, &counts, error);
}

/* The output folder made, and no input in it nor it in an input; nothing is left behind in an input. */
static lethe_status check_folders(const lethe_folder_run *options, char resolved_output[PATH_MAX], lethe_error *error) {
    bool existed = access(options->output, F_OK) == 0;
    lethe_status status = lethe_folder_create(options->output, 0755, error);
    if (status != LETHE_OK) return status;
    if (realpath(options->output, resolved_output) == NULL) return lethe_fail(error, LETHE_IO, "cannot resolve the output folder");
    for (unsigned i = 0; i < options->input_count; i++) {
        char resolved[PATH_MAX];
        if (realpath(options->inputs[i], resolved) == NULL) return lethe_fail(error, LETHE_IO, "cannot read input %u of the command line", i + 1);
        if (lies_in(resolved_output, resolved) || lies_in(resolved, resolved_output)) {
            if (!existed) (void)rmdir(resolved_output);
            return lethe_fail(error, LETHE_USAGE, "the output folder and input %u lie in one another", i + 1);
        }
    }
    status = check_private(options->manifest, resolved_output, "manifest", error);
    if (status == LETHE_OK) status = check_private(options->report, resolved_output, "report", error);
    if (status == LETHE_OK) status = check_private(options->crosswalk_file, resolved_output, "crosswalk", error);
    if (status == LETHE_OK) status = prepare_private(options->private_folder, resolved_output, error);
    return status;
}

/* What workers may read of the inputs. An MRXS slide that was named by its file has its data in a folder beside it; a link to another place is not
 * followed. Returns how many entries were made; those in `beside` are the caller's to free. */
static unsigned list_readable(const lethe_folder_run *options, const char **readable, char **beside) {
    unsigned n = 0, folders = 0;
    for (unsigned i = 0; i < options->input_count; i++) {
        const char *input = readable[n++] = options->inputs[i];
        struct stat info;
        if (!lethe_text_ends(input, ".mrxs")) continue;
        char *folder = lethe_strndup(input, strlen(input) - strlen(".mrxs")); /* NULL: the slide is quarantined for its missing files */
        if (folder != NULL && lstat(folder, &info) == 0 && S_ISDIR(info.st_mode)) readable[n++] = beside[folders++] = folder;
        else lethe_free(folder);
    }
    return n;
}

lethe_status lethe_run_folder(const lethe_folder_run *options, lethe_run_counts *counts, lethe_error *error) {
    *counts = (lethe_run_counts){0};
    char output[PATH_MAX];
    folder_run run = {.options = options, .counts = counts, .output = output};
    lethe_buffer_init(&run.line, 1u << 20);
    lethe_buffer_init(&run.others, 16u << 20);
    const char **readable = lethe_alloc_array(2 * (size_t)options->input_count + 8, sizeof *readable);
    char **beside = lethe_alloc_array((size_t)options->input_count + 1, sizeof *beside);
    lethe_status status =
        readable == NULL || beside == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a run") : check_folders(options, output, error);
    if (status != LETHE_OK) goto out;
    static const char *const system_paths[] = {"/usr/share", "/usr/lib", "/lib", "/etc/ssl", "/proc/self", NULL};
    unsigned n = list_readable(options, readable, beside);
    for (unsigned i = 0; system_paths[i] != NULL; i++)
        if (access(system_paths[i], F_OK) == 0) readable[n++] = system_paths[i];
    const char *const writable[] = {output, NULL};
    if (options->manifest != NULL) status = lethe_manifest_open(options->manifest, &run.manifest, error);
    if (status == LETHE_OK && options->report != NULL)
        status = lethe_report_create(options->profile, options->private_folder != NULL, &run.report, error);
    if (status == LETHE_OK && (options->report != NULL || options->crosswalk_file != NULL)) status = lethe_people_create(&run.people, error);
    if (status != LETHE_OK) goto out;
    lethe_crew_options crew = {.engine = {.profile = options->profile,
                                          .key = options->key,
                                          .output_folder = output,
                                          .scratch_folder = output, /* files without a name, of redacted pixels only */
                                          .crosswalk = options->crosswalk,
                                          .slide_mapping = options->slide_mapping,
                                          .recipients = options->recipients,
                                          .pixel_rules = options->pixel_rules,
                                          .sync = LETHE_SYNC_NONE,
                                          .want_catalogue = options->report != NULL,
                                          .want_tally = options->report != NULL,
                                          .want_texts = options->private_folder != NULL,
                                          .skip_sha256 = options->manifest == NULL},
                               .workers = options->jobs,
                               .show_slides = !options->quiet,
                               .readable = readable,
                               .writable = writable,
                               .visit = one_done,
                               .learn = one_learned,
                               .tally = run.report != NULL ? tally_done : NULL,
                               .context = &run};
    status = check_mapping(&run, error);
    if (status == LETHE_OK) status = lethe_crew_start(&crew, &run.crew, error);
    lethe_progress_start(&run.progress, "de-identifying", 0, options->quiet);
    if (status == LETHE_OK) status = learn_inputs(&run, error);
    if (status == LETHE_OK) status = walk_inputs(&run, add_input, add_other, error);
    lethe_progress_finish(&run.progress);
    count_unused_rows(&run);
    if (status == LETHE_OK && run.dicomdir) status = make_file_set(&run, error);
    if (status == LETHE_OK) status = lethe_filesystem_sync(output, error);
    if (status == LETHE_OK) status = write_reports(&run, error);
    if (status == LETHE_OK && options->crosswalk_file != NULL)
        status = lethe_people_write_crosswalk(run.people, options->recipient, options->crosswalk_file, error);
out:
    if (status != LETHE_OK && run.crew != NULL && run.manifest != NULL) { /* what workers have released meanwhile is written down, or taken back */
        lethe_status wound_up = lethe_crew_wind_up(run.crew, NULL);
        (void)wound_up;
    }
    lethe_crew_destroy(run.crew);
    lethe_report_destroy(run.report);
    lethe_people_destroy(run.people);
    if (run.manifest != NULL) {
        lethe_status closed = lethe_manifest_close(run.manifest, error);
        if (status == LETHE_OK) status = closed;
    }
    lethe_buffer_release(&run.line);
    lethe_buffer_release(&run.others);
    lethe_inputs_destroy(run.inputs);
    lethe_free(run.last_folder);
    for (unsigned i = 0; beside != NULL && beside[i] != NULL; i++) lethe_free(beside[i]);
    lethe_free(beside);
    lethe_free(readable);
    return status;
}
