/* lethe-testdata: invents hospitals. */
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "testdata/kinds.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void usage(FILE *to) {
    (void)fputs(
        "usage: lethe-testdata KIND -o DIR [--seed S] [--patients N] [--size small|normal] [--count N] [--columns N]\n"
        "                      [--big-file BYTES] [--one-series] [--key FILE.jsonl]\n\n"
        "Invents patients and their images; the same options give the same bytes. The answer key (default DIR.answers.jsonl) says what must go\n"
        "and what must stay.\n\nkinds:\n",
        to);
    for (const lethe_testdata_kind *kind = lethe_testdata_kinds; kind->name != NULL; kind++)
        (void)fprintf(to, "  %-10s %s\n", kind->name, kind->help);
}

static bool to_number(const char *text, uint64_t highest, uint64_t *value) {
    int64_t number;
    if (!lethe_text_to_int64(text, &number) || number < 0 || (uint64_t)number > highest) return false;
    *value = (uint64_t)number;
    return true;
}

static lethe_status make(const lethe_testdata_kind *kind, const lethe_testdata_options *options, const char *folder, const char *key_path,
                         uint64_t *count, lethe_error *error) {
    lethe_answer_key *key = NULL;
    lethe_status status = lethe_folder_create(folder, 0755, error);
    if (status == LETHE_OK) status = lethe_answer_key_create(key_path, &key, error);
    if (status != LETHE_OK) return status;
    status = kind->make(options, folder, key, error);
    *count = lethe_answer_key_count(key);
    if (status == LETHE_OK) return lethe_answer_key_commit(key, error);
    lethe_answer_key_discard(key);
    return status;
}

int main(int argc, char **argv) {
    enum { SEED = 256, PATIENTS, SIZE, COUNT, COLUMNS, BIG, KEY, ONE_SERIES, HELP };
    static const struct option options_known[] = {{"seed", required_argument, NULL, SEED},
                                                  {"patients", required_argument, NULL, PATIENTS},
                                                  {"size", required_argument, NULL, SIZE},
                                                  {"count", required_argument, NULL, COUNT},
                                                  {"columns", required_argument, NULL, COLUMNS},
                                                  {"big-file", required_argument, NULL, BIG},
                                                  {"key", required_argument, NULL, KEY},
                                                  {"one-series", no_argument, NULL, ONE_SERIES},
                                                  {"help", no_argument, NULL, HELP},
                                                  {0}};
    lethe_testdata_options options = {.seed = 1};
    const char *folder = NULL, *key_path = NULL;
    uint64_t number;
    int chosen;
    while ((chosen = getopt_long(argc, argv, "o:h", options_known, NULL)) != -1) {
        bool right = true;
        switch (chosen) {
        case 'o': folder = optarg; break;
        case SEED: right = to_number(optarg, INT64_MAX, &options.seed); break;
        case PATIENTS: right = to_number(optarg, 90000, &number), options.patients = (unsigned)number; break;
        case COUNT: right = to_number(optarg, 10000000, &number), options.count = (unsigned)number; break;
        case COLUMNS: right = to_number(optarg, 8192, &number), options.columns = (unsigned)number; break;
        case BIG: right = to_number(optarg, 4000000000u, &options.big_bytes); break;
        case SIZE: options.small = strcmp(optarg, "small") == 0, right = options.small || strcmp(optarg, "normal") == 0; break;
        case KEY: key_path = optarg; break;
        case ONE_SERIES: options.one_series = true; break;
        case 'h':
        case HELP: usage(stdout); return LETHE_EXIT_DONE;
        default: right = false;
        }
        if (!right) {
            usage(stderr);
            return LETHE_EXIT_USAGE;
        }
    }
    const lethe_testdata_kind *kind = lethe_testdata_kinds;
    while (optind < argc && kind->name != NULL && strcmp(kind->name, argv[optind]) != 0) kind++;
    if (folder == NULL || optind != argc - 1 || kind->name == NULL) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    char *beside = lethe_asprintf("%s.answers.jsonl", folder);
    lethe_error error = {0};
    uint64_t count = 0;
    lethe_status status = beside == NULL ? LETHE_NO_MEMORY : make(kind, &options, folder, key_path == NULL ? beside : key_path, &count, &error);
    if (status == LETHE_OK) (void)printf("%s: %llu checks in the answer key\n", kind->name, (unsigned long long)count);
    else (void)fprintf(stderr, "lethe-testdata: %s\n", error.message);
    lethe_free(beside);
    return (int)lethe_status_exit(status);
}
