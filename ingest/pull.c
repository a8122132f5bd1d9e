/* lethe ingest pull: options in, exit code out. */
#include "ingest/pull.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/trail.h"
#include "ingest/commands.h"
#include "ingest/inbox.h"
#include "ingest/remote.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: lethe ingest pull [-C DIR] --peer NAME --cohort FILE.csv [OPTIONS]\n\n"
                            "Ask a PACS of project.yaml for a cohort, fetch it, and write a reconciliation.\n"
                            "  --cohort FILE.csv   columns patient_id, accession_number, study_uid, date_from, date_to, modality, description\n"
                            "  --retrieve get|move|web  C-GET, C-MOVE to our own running receiver, or DICOMweb (default: C-GET, or DICOMweb for a\n"
                            "                      peer without a port)\n"
                            "  --jobs N            associations at once (default 2)\n"
                            "  --rate N            instances per minute at most\n"
                            "  --window HH:MM-HH:MM  fetch only at these hours (local time)\n"
                            "  --retries N         attempts per series (default 3)\n"
                            "  --back-off SECONDS  before a second attempt, doubled each time (default 5)\n"
                            "  --answers N         split queries by date when the peer gives this many answers\n"
                            "  --report NAME       writes NAME.csv and NAME.html (default: private/reconciliation)\n"
                            "  --find-only         ask and report, fetch nothing\n"
                            "Give the same command again to go on after an interruption. Exit code 1 when something is missing.\n";

typedef struct pull_arguments {
    const char *folder, *peer, *cohort, *report, *retrieve;
    bool find_only;
    lethe_pull_options options;
} pull_arguments;

static bool parse_window(const char *text, lethe_pull_options *options) {
    unsigned h1 = 0, m1 = 0, h2 = 0, m2 = 0;
    int used = 0;
    if (sscanf(text, "%2u:%2u-%2u:%2u%n", &h1, &m1, &h2, &m2, &used) != 4 || text[used] != '\0' || h1 > 23 || h2 > 23 || m1 > 59 || m2 > 59)
        return false;
    options->window_from_min = (int)(h1 * 60 + m1);
    options->window_to_min = (int)(h2 * 60 + m2);
    return true;
}

static bool parse_number(const char *text, unsigned least, unsigned most, unsigned *value) {
    int64_t number = 0;
    if (!lethe_text_to_int64(text, &number) || number < (int64_t)least || number > (int64_t)most) return false;
    *value = (unsigned)number;
    return true;
}

static bool parse_option(int option, pull_arguments *out) {
    lethe_pull_options *options = &out->options;
    unsigned seconds = 0;
    switch (option) {
    case 'C': out->folder = optarg; return true;
    case 'p': out->peer = optarg; return true;
    case 'c': out->cohort = optarg; return true;
    case 'o': out->report = optarg; return true;
    case 'f': return out->find_only = true;
    case 'q': return options->quiet = true;
    case 'r': out->retrieve = optarg; return strcmp(optarg, "get") == 0 || strcmp(optarg, "move") == 0 || strcmp(optarg, "web") == 0;
    case 'j': return parse_number(optarg, 1, 64, &options->jobs);
    case 'm': return parse_number(optarg, 1, 10000000, &options->instances_per_minute);
    case 'w': return parse_window(optarg, options);
    case 't': return parse_number(optarg, 1, 100, &options->attempts);
    case 'b':
        if (!parse_number(optarg, 0, 3600, &seconds)) return false;
        options->back_off_ms = seconds * 1000;
        return true;
    case 'a': return parse_number(optarg, 1, 10000000, &options->answer_limit);
    default: return false;
    }
}

static lethe_status write_report(const lethe_pull_options *options, const char *name, int64_t pull, lethe_pull_totals *totals, lethe_error *error) {
    lethe_queue *queue = NULL;
    lethe_buffer csv, html;
    lethe_buffer_init(&csv, 1u << 30);
    lethe_buffer_init(&html, 1u << 30);
    char *base = name == NULL ? lethe_path_join(options->project->private_path, "reconciliation") : lethe_strdup(name);
    char *csv_path = base == NULL ? NULL : lethe_asprintf("%s.csv", base), *html_path = base == NULL ? NULL : lethe_asprintf("%s.html", base);
    lethe_status status = csv_path == NULL || html_path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                                                                : lethe_queue_open(options->project, &queue, error);
    if (status == LETHE_OK) status = lethe_pull_reconcile(options, queue, pull, &csv, &html, totals, error);
    if (status == LETHE_OK) status = lethe_file_write(csv_path, csv.bytes, csv.size, 0600, error);
    if (status == LETHE_OK) status = lethe_file_write(html_path, html.bytes, html.size, 0600, error);
    if (status == LETHE_OK)
        (void)printf("asked %" PRId64 " lines, found %" PRId64 " studies, %" PRId64 " instances; received %" PRId64 ", missing %" PRId64
                     "\nreconciliation: %s, %s\n",
                     totals->rows, totals->studies, totals->expected, totals->received, totals->missing, csv_path, html_path);
    lethe_queue_close(queue);
    lethe_buffer_release(&csv);
    lethe_buffer_release(&html);
    lethe_free(base);
    lethe_free(csv_path);
    lethe_free(html_path);
    return status;
}

static lethe_status sweep(const lethe_pull_options *options, lethe_inbox **inbox, lethe_error *error) {
    lethe_queue *queue = NULL;
    lethe_status status = lethe_queue_open(options->project, &queue, error);
    if (status == LETHE_OK) status = lethe_inbox_open(options->project, 0, inbox, error);
    if (status == LETHE_OK) status = lethe_inbox_sweep(*inbox, queue, NULL, error);
    lethe_queue_close(queue);
    return status;
}

static lethe_status pull_all(const pull_arguments *arguments, lethe_pull_totals *totals, lethe_error *error) {
    const lethe_pull_options *options = &arguments->options;
    lethe_queue *queue = NULL;
    lethe_inbox *inbox = NULL; /* holds the lock that keeps others from sweeping */
    int64_t pull = 0;
    lethe_status status = sweep(options, &inbox, error);
    if (status == LETHE_OK) status = lethe_queue_open(options->project, &queue, error);
    if (status == LETHE_OK) status = lethe_pull_find(options, queue, &pull, error);
    lethe_queue_close(queue); /* before the fetching processes start */
    if (status == LETHE_OK && !arguments->find_only) status = lethe_pull_fetch(options, pull, error);
    if (status == LETHE_OK) status = write_report(options, arguments->report, pull, totals, error);
    if (status == LETHE_OK)
        status = lethe_trail_append(options->project, error, "pull", "\"expected\":%" PRId64 ",\"received\":%" PRId64 ",\"missing\":%" PRId64,
                                    totals->expected, totals->received, totals->missing);
    lethe_inbox_close(inbox);
    return status;
}

/* How is the peer asked, and can it be? */
static lethe_status choose_peer(pull_arguments *arguments, const lethe_project *project, lethe_error *error) {
    lethe_pull_options *options = &arguments->options;
    const char *retrieve = arguments->retrieve;
    options->peer = lethe_remote_peer(project, arguments->peer);
    if (options->peer == NULL) return lethe_fail(error, LETHE_USAGE, "project.yaml has no peer of that name");
    options->move = retrieve != NULL && strcmp(retrieve, "move") == 0;
    options->web = retrieve != NULL ? strcmp(retrieve, "web") == 0 : lethe_remote_is_web(options->peer);
    if (options->web && options->peer->url[0] == '\0') return lethe_fail(error, LETHE_CONFIG, "project.yaml: the peer has no url");
    if (!options->web && options->peer->port == 0) return lethe_fail(error, LETHE_CONFIG, "project.yaml: the peer has no port");
    return LETHE_OK;
}

static lethe_status run(pull_arguments *arguments, lethe_pull_totals *totals, lethe_error *error) {
    lethe_project *project = NULL;
    lethe_door *door = NULL;
    lethe_cohort *cohort = NULL;
    char digest[65];
    lethe_status status = lethe_project_open(arguments->folder, true, &project, error);
    if (status == LETHE_OK) status = lethe_door_load(project, &door, error);
    if (status == LETHE_OK) status = lethe_cohort_load(arguments->cohort, lethe_path_name(arguments->cohort), &cohort, error);
    if (status == LETHE_OK) status = lethe_sha256_file(arguments->cohort, digest, error);
    if (status == LETHE_OK) {
        arguments->options.project = project;
        arguments->options.door = door;
        arguments->options.cohort = cohort;
        arguments->options.cohort_digest = digest;
        status = choose_peer(arguments, project, error);
    }
    if (status == LETHE_OK) status = pull_all(arguments, totals, error);
    lethe_cohort_free(cohort);
    lethe_door_free(door);
    lethe_project_close(project);
    return status;
}

int lethe_command_pull(int argc, char **argv) {
    static const struct option options[] = {{"peer", required_argument, NULL, 'p'},     {"cohort", required_argument, NULL, 'c'},
                                            {"retrieve", required_argument, NULL, 'r'}, {"jobs", required_argument, NULL, 'j'},
                                            {"rate", required_argument, NULL, 'm'},     {"window", required_argument, NULL, 'w'},
                                            {"retries", required_argument, NULL, 't'},  {"back-off", required_argument, NULL, 'b'},
                                            {"answers", required_argument, NULL, 'a'},  {"report", required_argument, NULL, 'o'},
                                            {"find-only", no_argument, NULL, 'f'},      {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},           {0}};
    pull_arguments arguments = {.folder = ".", .options = {.jobs = 2, .attempts = 3, .back_off_ms = 5000}};
    for (int option; (option = getopt_long(argc, argv, "C:h", options, NULL)) != -1;) {
        if (option == 'h') return lethe_command_usage(usage, NULL);
        if (!parse_option(option, &arguments)) return lethe_command_usage(usage, "lethe ingest pull: wrong option or value");
    }
    if (optind != argc || arguments.peer == NULL || arguments.cohort == NULL)
        return lethe_command_usage(usage, "lethe ingest pull: give --peer and --cohort");
    /* DCMTK's own switch: without it every answer of ours waits 40 ms for Nagle's algorithm. */
    (void)setenv("TCP_NODELAY", "1", 0);
    lethe_error error = {0};
    lethe_pull_totals totals = {0};
    lethe_status status = run(&arguments, &totals, &error);
    if (status != LETHE_OK) return lethe_command_failed("ingest pull", &error);
    return totals.missing != 0 && !arguments.find_only ? LETHE_EXIT_FAILED : LETHE_EXIT_DONE;
}
