/* init, serve, add, status: options in, exit code out. */
#include "ingest/commands.h"

#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "core/trail.h"
#include "ingest/add.h"
#include "ingest/door.h"
#include "ingest/receiver.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lethe_command_failed(const char *command, const lethe_error *error) {
    (void)fprintf(stderr, "lethe %s: %s\n", command, error->message);
    return (int)lethe_status_exit(error->status);
}

int lethe_command_usage(const char *usage, const char *complaint) {
    if (complaint == NULL) {
        (void)fputs(usage, stdout);
        return LETHE_EXIT_DONE;
    }
    (void)fprintf(stderr, "%s\n%s", complaint, usage);
    return LETHE_EXIT_USAGE;
}

/* --- init --- */

static const char init_usage[] = "usage: lethe init DIR [--name NAME] [--store URL]\n\n"
                                 "Make a project folder.\n"
                                 "  --name NAME   the project's name (default: the folder's)\n"
                                 "  --store URL   postgresql://... to share the project between machines (default: SQLite in the folder)\n";

int lethe_command_init(int argc, char **argv) {
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'}, {"store", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *name = NULL, *store = "";
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'n') name = optarg;
        else if (option == 's') store = optarg;
        else return option == 'h' ? lethe_command_usage(init_usage, NULL) : lethe_command_usage(init_usage, "");
    }
    if (optind != argc - 1) return lethe_command_usage(init_usage, "lethe init: give one folder");
    char *folder = argv[optind], resolved[PATH_MAX];
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') folder[--length] = '\0';
    lethe_error error = {0};
    if (lethe_folder_create(folder, 0755, &error) != LETHE_OK) return lethe_command_failed("init", &error);
    if (name == NULL) name = realpath(folder, resolved) != NULL ? lethe_path_name(resolved) : folder;
    if (lethe_project_create(folder, name, store, &error) != LETHE_OK) return lethe_command_failed("init", &error);
    lethe_project *project = NULL;
    lethe_status status = lethe_project_open(folder, true, &project, &error);
    if (status == LETHE_OK) status = lethe_trail_append(project, &error, "init", "%s", "");
    lethe_project_close(project);
    if (status != LETHE_OK) return lethe_command_failed("init", &error);
    (void)printf("project %s is ready\n", folder);
    return LETHE_EXIT_DONE;
}

/* --- serve --- */

static const char serve_usage[] = "usage: lethe ingest serve [-C DIR] [--port N] [--aet AET] [--host ADDR]\n\n"
                                  "Receive by DICOM (C-STORE, C-ECHO, storage commitment) and from watched folders until SIGTERM.\n"
                                  "  -C DIR        the project (default: here)\n"
                                  "  --port N      default: ingest.port of project.yaml; 0 = a free one\n"
                                  "  --aet AET     default: ingest.aet\n"
                                  "  --host ADDR   address to listen on; default: ingest.host\n"
                                  "Prints one line, `listening on HOST:PORT`, when ready.\n";

int lethe_command_serve(int argc, char **argv) {
    static const struct option options[] = {{"port", required_argument, NULL, 'p'},
                                            {"aet", required_argument, NULL, 'a'},
                                            {"host", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *folder = ".";
    lethe_receiver_options receiver = {.port = -1, .announce = stdout};
    for (int option; (option = getopt_long(argc, argv, "C:h", options, NULL)) != -1;) {
        int64_t port = 0;
        switch (option) {
        case 'C': folder = optarg; break;
        case 'p':
            if (!lethe_text_to_int64(optarg, &port) || port < 0 || port > 65535)
                return lethe_command_usage(serve_usage, "lethe ingest serve: --port is 0 to 65535");
            receiver.port = (int)port;
            break;
        case 'a':
            if (optarg[0] == '\0' || strlen(optarg) > 16) return lethe_command_usage(serve_usage, "lethe ingest serve: --aet has 1 to 16 characters");
            receiver.aet = optarg;
            break;
        case 'o': receiver.host = optarg; break;
        default: return option == 'h' ? lethe_command_usage(serve_usage, NULL) : lethe_command_usage(serve_usage, "");
        }
    }
    if (optind != argc) return lethe_command_usage(serve_usage, "lethe ingest serve: no further arguments");
    lethe_project *project = NULL;
    lethe_door *door = NULL;
    lethe_error error = {0};
    lethe_status status = lethe_project_open(folder, true, &project, &error);
    if (status == LETHE_OK) status = lethe_door_load(project, &door, &error);
    if (status == LETHE_OK) {
        receiver.project = project;
        receiver.door = door;
        status = lethe_trail_append(project, &error, "serve_start", "%s", "");
        if (status == LETHE_OK) status = lethe_receiver_run(&receiver, &error);
        if (status == LETHE_OK) status = lethe_trail_append(project, &error, "serve_stop", "%s", "");
    }
    int code = status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_failed("ingest serve", &error);
    lethe_door_free(door);
    lethe_project_close(project);
    return code;
}

/* --- add --- */

static const char add_usage[] = "usage: lethe ingest add [-C DIR] [--json] PATH...\n\n"
                                "Take in files and folders: DICOM with or without extension, DICOMDIR media, slides. Originals stay where they are.\n"
                                "What is neither DICOM nor a slide is kept in quarantine (exit code 3).\n";

static void tell_trouble(void *context, const char *path, const lethe_error *error) {
    (void)context;
    (void)fprintf(stderr, "lethe ingest add: %s: %s\n", path, error->message);
}

static void print_add(const lethe_add_counts *counts, bool json) {
    const struct {
        const char *key, *word;
        uint64_t value;
    } lines[] = {{"added", "added", counts->added},
                 {"conflicts", "conflicting", counts->conflicts},
                 {"duplicates", "duplicates", counts->duplicates},
                 {"quarantined", "quarantined", counts->quarantined},
                 {"dropped", "dropped", counts->dropped},
                 {"indexes", "indexes", counts->indexes},
                 {"failed", "failed", counts->failed}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (json) (void)printf("%s\"%s\":%" PRIu64, i == 0 ? "{" : ",", lines[i].key, lines[i].value);
        else (void)printf("%s%s %" PRIu64, i == 0 ? "" : ", ", lines[i].word, lines[i].value);
    }
    (void)puts(json ? "}" : "");
}

static lethe_status add_paths(const lethe_project *project, const lethe_door *door, char **paths, int count, lethe_add_counts *counts,
                              lethe_error *error) {
    lethe_queue *queue = NULL;
    lethe_inbox *inbox = NULL;
    lethe_adder *adder = NULL;
    lethe_cohort *cohort = NULL;
    lethe_status status = door->cohort == NULL ? LETHE_OK : lethe_cohort_load(door->cohort, "cohort", &cohort, error);
    const lethe_add_options options = {.source = "folder", .cohort = cohort, .trouble = tell_trouble};
    if (status == LETHE_OK) status = lethe_queue_open(project, &queue, error);
    if (status == LETHE_OK) status = lethe_inbox_open(project, (uint64_t)door->reserve_mib << 20, &inbox, error);
    if (status == LETHE_OK) status = lethe_inbox_sweep(inbox, queue, NULL, error);
    if (status == LETHE_OK) status = lethe_adder_create(queue, inbox, &options, &adder, error);
    for (int i = 0; status == LETHE_OK && i < count; i++) status = lethe_adder_path(adder, paths[i], error);
    if (status == LETHE_OK) status = lethe_adder_flush(adder, error);
    if (adder != NULL) *counts = *lethe_adder_counts(adder);
    lethe_adder_destroy(adder);
    lethe_cohort_free(cohort);
    lethe_inbox_close(inbox);
    lethe_queue_close(queue);
    return status;
}

int lethe_command_add(int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *folder = ".";
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "C:h", options, NULL)) != -1;) {
        if (option == 'C') folder = optarg;
        else if (option == 'j') json = true;
        else return option == 'h' ? lethe_command_usage(add_usage, NULL) : lethe_command_usage(add_usage, "");
    }
    if (optind == argc) return lethe_command_usage(add_usage, "lethe ingest add: give files or folders");
    lethe_project *project = NULL;
    lethe_door *door = NULL;
    lethe_error error = {0};
    lethe_add_counts counts = {0};
    lethe_status status = lethe_project_open(folder, true, &project, &error);
    if (status == LETHE_OK) status = lethe_door_load(project, &door, &error);
    if (status == LETHE_OK) {
        status = add_paths(project, door, argv + optind, argc - optind, &counts, &error);
        print_add(&counts, json);
    }
    int code = status != LETHE_OK        ? lethe_command_failed("ingest add", &error)
               : counts.failed != 0      ? LETHE_EXIT_FAILED
               : counts.quarantined != 0 ? LETHE_EXIT_QUARANTINED
                                         : LETHE_EXIT_DONE;
    lethe_door_free(door);
    lethe_project_close(project);
    return code;
}

/* --- status --- */

static const char status_usage[] =
    "usage: lethe status [-C DIR] [--json]\n\nCounts by state, the rate of de-identification over the last minute, and the time left at that rate.\n";

static void print_status(const lethe_queue_counts *counts, bool json) {
    const int64_t *n = counts->by_state;
    double rate = (double)counts->finished_lately / LETHE_QUEUE_RATE_SECONDS;
    int64_t left = n[LETHE_ITEM_QUEUED] + n[LETHE_ITEM_CLAIMED];
    const struct {
        const char *key, *word;
        int64_t value;
    } lines[] = {{"received", "received", counts->received},
                 {"released", "released", n[LETHE_ITEM_RELEASED]},
                 {"quarantined", "quarantined", n[LETHE_ITEM_QUARANTINED]},
                 {"review", "review", n[LETHE_ITEM_REVIEW]},
                 {"dropped", "dropped", n[LETHE_ITEM_DROPPED]},
                 {"queued", "queued", n[LETHE_ITEM_QUEUED]},
                 {"claimed", "in work", n[LETHE_ITEM_CLAIMED]}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (json) (void)printf("%s\"%s\":%" PRId64, i == 0 ? "{" : ",", lines[i].key, lines[i].value);
        else (void)printf("%-12s %" PRId64 "\n", lines[i].word, lines[i].value);
    }
    if (json) {
        (void)printf(",\"oldest_queued_us\":%" PRId64 ",\"rate_per_s\":%.3f,\"seconds_left\":", counts->oldest_queued_us, rate);
        if (left != 0 && rate <= 0) (void)puts("null}");
        else (void)printf("%.0f}\n", left == 0 ? 0.0 : (double)left / rate);
    } else if (left != 0 && rate > 0) {
        (void)printf("rate         %.1f/s over the last %d s\nleft         about %.0f s\n", rate, LETHE_QUEUE_RATE_SECONDS, (double)left / rate);
    }
}

int lethe_command_status(int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *folder = ".";
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "C:h", options, NULL)) != -1;) {
        if (option == 'C') folder = optarg;
        else if (option == 'j') json = true;
        else return option == 'h' ? lethe_command_usage(status_usage, NULL) : lethe_command_usage(status_usage, "");
    }
    if (optind != argc) return lethe_command_usage(status_usage, "lethe status: no further arguments");
    lethe_project *project = NULL;
    lethe_queue *queue = NULL;
    lethe_error error = {0};
    lethe_queue_counts counts;
    lethe_status status = lethe_project_open(folder, true, &project, &error);
    if (status == LETHE_OK) status = lethe_queue_open(project, &queue, &error);
    if (status == LETHE_OK) status = lethe_queue_count(queue, &counts, &error);
    if (status == LETHE_OK) print_status(&counts, json);
    lethe_queue_close(queue);
    lethe_project_close(project);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_failed("status", &error);
}

/* --- trail --- */

static const char trail_usage[] = "usage: lethe ingest trail [-C DIR]\n\nCheck that the audit trail, private/audit.jsonl, was not changed. Prints "
                                  "its length and the digest of its last line.\n";

int lethe_command_trail(int argc, char **argv) {
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    const char *folder = ".";
    for (int option; (option = getopt_long(argc, argv, "C:h", options, NULL)) != -1;) {
        if (option == 'C') folder = optarg;
        else return option == 'h' ? lethe_command_usage(trail_usage, NULL) : lethe_command_usage(trail_usage, "");
    }
    if (optind != argc) return lethe_command_usage(trail_usage, "lethe ingest trail: no further arguments");
    lethe_project *project = NULL;
    lethe_error error = {0};
    uint64_t lines = 0;
    char head[65];
    lethe_status status = lethe_project_open(folder, true, &project, &error);
    if (status == LETHE_OK) status = lethe_trail_verify(project, &lines, head, &error);
    if (status == LETHE_OK) (void)printf("%" PRIu64 " events, unchanged; last digest %s\n", lines, head);
    lethe_project_close(project);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_failed("ingest trail", &error);
}
