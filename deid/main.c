/* lethe deid | review | object: the command line over the room. Which verb it is stands in argv[0] ("lethe VERB"). */
#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "core/text.h"
#include "deid/encrypted.h"
#include "deid/objections.h"
#include "deid/pixels/pixel_rules.h"
#include "deid/pixels/review.h"
#include "deid/run.h"
#include "deid/slides/contact_sheet.h"
#include "deid/slides/slide_deid.h"
#include "deid/verbs.h"
#include "deid/verify.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static void on_signal(int number) {
    (void)number;
    stop = 1;
}

static void usage(FILE *to) {
    (void)fputs(
        "usage: lethe deid [-C DIR] [--jobs N] [--watch] [--report FILE.html]\n"
        "       lethe deid IN... -o OUT [--profile FILE|NAME] [--key FILE] [--jobs N] [--shard I/N] [--manifest FILE] [--report FILE.html]\n"
        "                       [--private FOLDER] [--pseudonyms FILE.csv] [--slides FILE.csv] [--pixel-rules FILE.yaml] [--json] [--quiet]\n"
        "                       [--crosswalk FILE.p7m --recipient CERTIFICATE.pem] [--reidentify CERTIFICATE.pem]\n"
        "       lethe deid explain FILE [--profile FILE|NAME] [--key FILE] [-C DIR | --pixel-rules FILE.yaml]\n"
        "       lethe deid sheet RELEASED-DIR -o FILE.html [--manifest FILE] | --labels PRIVATE-DIR -o FILE.html    pages to check slides\n"
        "       lethe deid verify PATH [--manifest FILE|FOLDER [--chain HEX]] [--profile FILE|NAME] [--json]\n"
        "       lethe deid dicomdir RELEASED [-o MEDIA] [--json]\n"
        "       lethe deid reidentify PATH -o FOLDER --private-key KEY.pem [--passphrase FILE]\n\n"
        "Profiles: basic, research (default), challenge, or a YAML file. Exit codes: 0 all released; 1 failed; 2 wrong usage or configuration;\n"
        "3 something was quarantined; 4 something waits for review. A row of --slides that fits no slide: 2.\n",
        to);
}

typedef struct arguments {
    const char *project, *output, *profile, *key, *manifest, *report, *pseudonyms, *slides, *crosswalk, *recipient, *reidentify, *chain, *pixel_rules,
        *private_folder;
    unsigned jobs, shard, shards;
    bool watch, json, quiet, project_given;
    const char *const *inputs;
    unsigned input_count;
} arguments;

static int complain(const lethe_error *error) {
    (void)fprintf(stderr, "lethe deid: %s\n", error->message[0] != '\0' ? error->message : lethe_status_name(error->status));
    return (int)lethe_status_exit(error->status);
}

static bool parse_number(const char *text, unsigned *value) {
    int64_t number;
    if (!lethe_text_to_int64(text, &number) || number < 1 || number > 4096) return false;
    *value = (unsigned)number;
    return true;
}

static bool parse_shard(const char *text, arguments *a) {
    char copy[32];
    (void)snprintf(copy, sizeof copy, "%s", text);
    char *slash = strchr(copy, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    return parse_number(copy, &a->shard) && parse_number(slash + 1, &a->shards) && a->shard <= a->shards;
}

/* Returns an exit code, or -1 to go on. */
static int parse(int argc, char **argv, arguments *a) {
    enum {
        PROFILE = 256,
        KEY,
        JOBS,
        WATCH,
        SHARD,
        MANIFEST,
        REPORT,
        PRIVATE,
        PSEUDONYMS,
        SLIDES,
        CROSSWALK,
        RECIPIENT,
        REIDENTIFY,
        CHAIN,
        PIXEL_RULES,
        JSON,
        QUIET,
        HELP
    };
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"profile", required_argument, NULL, PROFILE},
                                            {"key", required_argument, NULL, KEY},
                                            {"jobs", required_argument, NULL, JOBS},
                                            {"watch", no_argument, NULL, WATCH},
                                            {"shard", required_argument, NULL, SHARD},
                                            {"manifest", required_argument, NULL, MANIFEST},
                                            {"report", required_argument, NULL, REPORT},
                                            {"private", required_argument, NULL, PRIVATE},
                                            {"pseudonyms", required_argument, NULL, PSEUDONYMS},
                                            {"slides", required_argument, NULL, SLIDES},
                                            {"crosswalk", required_argument, NULL, CROSSWALK},
                                            {"recipient", required_argument, NULL, RECIPIENT},
                                            {"reidentify", required_argument, NULL, REIDENTIFY},
                                            {"chain", required_argument, NULL, CHAIN},
                                            {"pixel-rules", required_argument, NULL, PIXEL_RULES},
                                            {"json", no_argument, NULL, JSON},
                                            {"quiet", no_argument, NULL, QUIET},
                                            {"help", no_argument, NULL, HELP},
                                            {NULL, 0, NULL, 0}};
    *a = (arguments){.project = "."};
    for (int option; (option = getopt_long(argc, argv, "C:o:", options, NULL)) != -1;) {
        bool good = true;
        switch (option) {
        case 'C':
            a->project = optarg;
            a->project_given = true;
            break;
        case 'o': a->output = optarg; break;
        case PROFILE: a->profile = optarg; break;
        case KEY: a->key = optarg; break;
        case JOBS: good = parse_number(optarg, &a->jobs); break;
        case WATCH: a->watch = true; break;
        case SHARD: good = parse_shard(optarg, a); break;
        case MANIFEST: a->manifest = optarg; break;
        case REPORT: a->report = optarg; break;
        case PRIVATE: a->private_folder = optarg; break;
        case PSEUDONYMS: a->pseudonyms = optarg; break;
        case SLIDES: a->slides = optarg; break;
        case CROSSWALK: a->crosswalk = optarg; break;
        case RECIPIENT: a->recipient = optarg; break;
        case CHAIN: a->chain = optarg; break;
        case REIDENTIFY: a->reidentify = optarg; break;
        case PIXEL_RULES: a->pixel_rules = optarg; break;
        case JSON: a->json = true; break;
        case QUIET: a->quiet = true; break;
        case HELP: usage(stdout); return LETHE_EXIT_DONE;
        default: usage(stderr); return LETHE_EXIT_USAGE;
        }
        if (!good) {
            (void)fprintf(stderr, "lethe deid: '%s' is no value for this option\n", optarg);
            return LETHE_EXIT_USAGE;
        }
    }
    if ((a->crosswalk == NULL) != (a->recipient == NULL)) {
        (void)fputs("lethe deid: --crosswalk and --recipient go together\n", stderr);
        return LETHE_EXIT_USAGE;
    }
    if (a->private_folder != NULL && a->report == NULL) {
        (void)fputs("lethe deid: --private goes with --report: it is where the texts before and after cleaning are shown\n", stderr);
        return LETHE_EXIT_USAGE;
    }
    a->inputs = (const char *const *)(argv + optind);
    a->input_count = (unsigned)(argc - optind);
    return -1;
}

static int finish(const arguments *a, const lethe_run_counts *c) {
    if (a->json)
        (void)printf("{\"inputs\": %llu, \"released\": %llu, \"quarantined\": %llu, \"review\": %llu, \"dropped\": %llu, \"unused_rows\": %u}\n",
                     (unsigned long long)c->inputs, (unsigned long long)c->released, (unsigned long long)c->quarantined,
                     (unsigned long long)c->review, (unsigned long long)c->dropped, c->unused_rows);
    else if (!a->quiet)
        (void)printf("%llu inputs: %llu released, %llu quarantined, %llu waiting for review, %llu dropped\n", (unsigned long long)c->inputs,
                     (unsigned long long)c->released, (unsigned long long)c->quarantined, (unsigned long long)c->review,
                     (unsigned long long)c->dropped);
    if (c->unused_rows != 0)
        (void)fprintf(stderr, "lethe deid: %u row%s of --slides %s no slide: line %s\n", c->unused_rows, c->unused_rows == 1 ? "" : "s",
                      c->unused_rows == 1 ? "fits" : "fit", c->unused_lines);
    if (c->quarantined == 0 && c->unused_rows != 0) return LETHE_EXIT_USAGE;
    return c->quarantined != 0 ? LETHE_EXIT_QUARANTINED : c->review != 0 ? LETHE_EXIT_REVIEW : LETHE_EXIT_DONE;
}

static lethe_status load_key(const arguments *a, uint8_t key[LETHE_KEY_BYTES], lethe_error *error) {
    if (a->key != NULL) return lethe_key_load(a->key, key, error);
    if (a->shards > 1) return lethe_fail(error, LETHE_USAGE, "--shard needs --key: shards with keys of their own would not fit together");
    if (getrandom(key, LETHE_KEY_BYTES, 0) != LETHE_KEY_BYTES) return lethe_fail_errno(error, errno, "no random bytes for a key");
    if (!a->quiet) (void)fputs("lethe deid: no --key: a random key for this run; its pseudonyms cannot be made again\n", stderr);
    return LETHE_OK;
}

/* What a run needs beside profile and key. */
typedef struct lists {
    lethe_crosswalk *crosswalk;
    lethe_slide_mapping *mapping;
    lethe_recipients *recipients;
    lethe_pixel_rules *rules;
} lists;

static lethe_status load_lists(const arguments *a, const lethe_profile *profile, lists *l, lethe_error *error) {
    const char *recipients = a->reidentify != NULL ? a->reidentify : lethe_profile_recipients(profile);
    lethe_status status = a->pseudonyms == NULL ? LETHE_OK : lethe_crosswalk_load(a->pseudonyms, &l->crosswalk, error);
    if (status == LETHE_OK && a->slides != NULL) status = lethe_slide_mapping_load(a->slides, &l->mapping, error);
    if (status == LETHE_OK && recipients != NULL) status = lethe_recipients_load(recipients, &l->recipients, error);
    if (status == LETHE_OK && a->pixel_rules != NULL) status = lethe_pixel_rules_load(a->pixel_rules, &l->rules, error);
    return status;
}

static void drop_lists(lists *l) {
    lethe_pixel_rules_destroy(l->rules);
    lethe_recipients_destroy(l->recipients);
    lethe_slide_mapping_destroy(l->mapping);
    lethe_crosswalk_destroy(l->crosswalk);
}

static int run_folder(const arguments *a) {
    uint8_t key[LETHE_KEY_BYTES];
    lethe_profile *profile = NULL;
    lists l = {0};
    lethe_run_counts counts;
    lethe_error error = {0};
    lethe_status status = lethe_profile_load(a->profile != NULL ? a->profile : "research", &profile, &error);
    if (status == LETHE_NOT_FOUND) error.status = LETHE_CONFIG;
    if (status == LETHE_OK) status = load_lists(a, profile, &l, &error);
    if (status == LETHE_OK) status = load_key(a, key, &error);
    if (status == LETHE_OK) {
        lethe_folder_run run = {.inputs = a->inputs,
                                .input_count = a->input_count,
                                .output = a->output,
                                .profile = profile,
                                .key = key,
                                .jobs = a->jobs,
                                .shard = a->shard,
                                .shards = a->shards,
                                .manifest = a->manifest,
                                .report = a->report,
                                .private_folder = a->private_folder,
                                .crosswalk = l.crosswalk,
                                .crosswalk_file = a->crosswalk,
                                .recipient = a->recipient,
                                .slide_mapping = l.mapping,
                                .recipients = l.recipients,
                                .pixel_rules = l.rules,
                                .quiet = a->quiet};
        status = lethe_run_folder(&run, &counts, &error);
    }
    lethe_wipe(key, sizeof key);
    drop_lists(&l);
    lethe_profile_destroy(profile);
    return status == LETHE_OK ? finish(a, &counts) : complain(&error);
}

/* The profile of project.yaml: a built-in name, or a file below the project folder. */
static lethe_status project_profile(const lethe_project *project, const arguments *a, lethe_profile **profile, lethe_error *error) {
    const char *name = a->profile != NULL ? a->profile : project->profile;
    bool file = strchr(name, '/') != NULL || lethe_text_ends(name, ".yaml") || lethe_text_ends(name, ".yml");
    if (!file || a->profile != NULL || name[0] == '/') return lethe_profile_load(name, profile, error);
    char *path = lethe_path_join(project->folder, name);
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = lethe_profile_load(path, profile, error);
    lethe_free(path);
    return status;
}

static int run_project(const arguments *a) {
    lethe_project *project = NULL;
    lethe_profile *profile = NULL;
    lists l = {0};
    lethe_run_counts counts;
    lethe_error error = {0};
    lethe_status status = lethe_project_open(a->project, true, &project, &error);
    if (status == LETHE_OK) status = project_profile(project, a, &profile, &error);
    if (status == LETHE_NOT_FOUND) error.status = LETHE_CONFIG;
    if (status == LETHE_OK) status = load_lists(a, profile, &l, &error);
    if (status == LETHE_OK && a->slides == NULL) status = lethe_run_load_mapping(project, NULL, &l.mapping, &error);
    if (status == LETHE_OK) {
        struct sigaction action = {.sa_handler = on_signal};
        (void)sigaction(SIGTERM, &action, NULL);
        (void)sigaction(SIGINT, &action, NULL);
        lethe_project_run run = {.project = project,
                                 .profile = profile,
                                 .jobs = a->jobs,
                                 .watch = a->watch,
                                 .stop = &stop,
                                 .report = a->report,
                                 .crosswalk_file = a->crosswalk,
                                 .recipient = a->recipient,
                                 .crosswalk = l.crosswalk,
                                 .slide_mapping = l.mapping,
                                 .recipients = l.recipients,
                                 .quiet = a->quiet};
        status = lethe_run_project(&run, &counts, &error);
        if (a->slides == NULL) counts.unused_rows = 0; /* the project's own list may stand there before its slides */
    }
    drop_lists(&l);
    lethe_profile_destroy(profile);
    lethe_project_close(project);
    return status == LETHE_OK ? finish(a, &counts) : complain(&error);
}

/* Rules for an explanation: of the file that is named, or of the project. */
static lethe_status explain_rules(const arguments *a, lethe_pixel_rules **rules, lethe_error *error) {
    if (a->pixel_rules != NULL) return lethe_pixel_rules_load(a->pixel_rules, rules, error);
    if (!a->project_given) return LETHE_OK;
    char *path = lethe_path_join(a->project, "private/pixel_rules.yaml");
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = lethe_pixel_rules_load_optional(path, rules, error);
    lethe_free(path);
    return status;
}

/* The file is as hostile as any other: what reads it can read nothing else, and talk to nobody. */
static lethe_status confine(const char *file, lethe_error *error) {
    const char *readable[8] = {file};
    static const char *const system_paths[] = {"/usr/share", "/usr/lib", "/lib", "/etc/ssl", "/proc/self"};
    for (size_t i = 0, n = 1; i < sizeof system_paths / sizeof *system_paths; i++)
        if (access(system_paths[i], F_OK) == 0) readable[n++] = system_paths[i];
    lethe_sandbox_options options = {.read_only = readable};
    lethe_sandbox_report report;
    return lethe_sandbox_enter(&options, &report, error);
}

static int explain_here(int argc, char **argv) {
    arguments a;
    int code = parse(argc, argv, &a);
    if (code >= 0) return code;
    if (a.input_count != 1) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    uint8_t key[LETHE_KEY_BYTES];
    lethe_profile *profile = NULL;
    lethe_pixel_rules *rules = NULL;
    lethe_engine *engine = NULL;
    lethe_error error = {0};
    lethe_buffer text;
    lethe_buffer_init(&text, 256u << 20);
    lethe_result *result = lethe_alloc_array(1, sizeof *result);
    lethe_status status = result == NULL ? lethe_fail(&error, LETHE_NO_MEMORY, "no memory")
                                         : lethe_profile_load(a.profile != NULL ? a.profile : "research", &profile, &error);
    if (status == LETHE_NOT_FOUND) error.status = LETHE_CONFIG;
    a.quiet = true;
    if (status == LETHE_OK) status = load_key(&a, key, &error);
    if (status == LETHE_OK) status = explain_rules(&a, &rules, &error);
    if (status == LETHE_OK) {
        lethe_engine_options options = {.profile = profile, .key = key, .pixel_rules = rules, .explain = true};
        status = lethe_engine_create(&options, &engine, &error);
    }
    if (status == LETHE_OK && access(a.inputs[0], R_OK) == 0) status = confine(a.inputs[0], &error);
    if (status == LETHE_OK) status = lethe_engine_process(engine, a.inputs[0], lethe_path_name(a.inputs[0]), result, &error);
    code = LETHE_EXIT_DONE;
    if (status == LETHE_OK) {
        (void)printf("profile %s, PS3.15 Annex E edition 2025b; values before the arrow may identify\n", lethe_profile_name(profile));
        if (lethe_engine_explain(engine, &text, NULL) == LETHE_OK) (void)fputs(lethe_buffer_text(&text), stdout);
        (void)printf("outcome %s%s%s\n", lethe_outcome_name(result->outcome), result->reason[0] != '\0' ? ": " : "", result->reason);
        code = result->outcome == LETHE_OUTCOME_QUARANTINED ? LETHE_EXIT_QUARANTINED
               : result->outcome == LETHE_OUTCOME_REVIEW    ? LETHE_EXIT_REVIEW
                                                            : LETHE_EXIT_DONE;
    } else {
        code = complain(&error);
    }
    lethe_wipe(key, sizeof key);
    lethe_engine_destroy(engine);
    lethe_pixel_rules_destroy(rules);
    lethe_profile_destroy(profile);
    lethe_buffer_release(&text);
    lethe_free(result);
    return code;
}

/* In a process of its own: what a hostile file breaks there ends there. */
static int explain(int argc, char **argv) {
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = explain_here(argc, argv);
        (void)fflush(stdout);
        _exit(code);
    }
    int ended = 0;
    if (child < 0 || waitpid(child, &ended, 0) != child || !WIFEXITED(ended)) {
        (void)fputs("lethe deid: the input could not be explained: its reader broke\n", stderr);
        return LETHE_EXIT_FAILED;
    }
    return WEXITSTATUS(ended);
}

static void tell_finding(void *context, const char *relative, const char *reason) {
    (void)context;
    (void)fprintf(stderr, "%s: %s\n", relative, reason);
}

static int verify(int argc, char **argv) {
    arguments a;
    int code = parse(argc, argv, &a);
    if (code >= 0) return code;
    if (a.input_count != 1) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    lethe_verify_counts counts;
    lethe_error error = {0};
    lethe_profile *profile = NULL;
    lethe_status status = a.profile == NULL ? LETHE_OK : lethe_profile_load(a.profile, &profile, &error);
    if (status == LETHE_NOT_FOUND) error.status = status = LETHE_CONFIG;
    if (status == LETHE_OK) status = lethe_verify(a.inputs[0], a.manifest, profile, tell_finding, NULL, &counts, &error);
    lethe_profile_destroy(profile);
    if (status == LETHE_OK && a.chain != NULL && strcmp(a.chain, counts.chain) != 0)
        status = lethe_fail(&error, LETHE_UNSAFE, "the manifest does not end in the given chain: lines were added or cut off");
    if (status == LETHE_UNSAFE) {
        (void)complain(&error);
        return LETHE_EXIT_QUARANTINED;
    }
    if (status != LETHE_OK) return complain(&error);
    if (a.json)
        (void)printf("{\"files\": %llu, \"good\": %llu, \"bad\": %llu, \"manifest_lines\": %llu, \"chain\": \"%s\"}\n",
                     (unsigned long long)counts.files, (unsigned long long)counts.good, (unsigned long long)counts.bad,
                     (unsigned long long)counts.lines, counts.chain);
    else
        (void)printf("%llu files: %llu good, %llu bad\n", (unsigned long long)counts.files, (unsigned long long)counts.good,
                     (unsigned long long)counts.bad);
    return counts.bad != 0 ? LETHE_EXIT_QUARANTINED : LETHE_EXIT_DONE;
}

int main(int argc, char **argv) {
    const char *space = strrchr(argv[0], ' '), *verb = space != NULL ? space + 1 : "deid";
    if (strcmp(verb, "review") == 0) return lethe_review_main(argc, argv);
    if (strcmp(verb, "object") == 0) return lethe_object_main(argc, argv);
    if (argc >= 2 && strcmp(argv[1], "explain") == 0) return explain(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "sheet") == 0) return lethe_slide_sheet_main(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "verify") == 0) return verify(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "dicomdir") == 0) return lethe_dicomdir_main(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "reidentify") == 0) return lethe_reidentify_main(argc - 1, argv + 1);
    arguments a;
    int code = parse(argc, argv, &a);
    if (code >= 0) return code;
    if (a.input_count == 0 && a.output == NULL && a.private_folder != NULL) {
        (void)fputs("lethe deid: a project has its own private folder: --private is for runs from folder to folder\n", stderr);
        return LETHE_EXIT_USAGE;
    }
    if (a.input_count == 0 && a.output == NULL) return run_project(&a);
    if (a.input_count == 0 || a.output == NULL || a.project_given || a.watch) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    return run_folder(&a);
}
