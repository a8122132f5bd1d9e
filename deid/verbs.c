#include "deid/verbs.h"

#include "deid/file_set.h"
#include "deid/reidentify.h"

#include <getopt.h>
#include <stdio.h>

static int complain(const char *verb, const lethe_error *error) {
    (void)fprintf(stderr, "lethe deid %s: %s\n", verb, error->message[0] != '\0' ? error->message : lethe_status_name(error->status));
    return (int)lethe_status_exit(error->status);
}

static void tell(void *context, const char *relative, const char *reason) {
    (void)context;
    (void)fprintf(stderr, "%s: %s\n", relative, reason);
}

int lethe_reidentify_main(int argc, char **argv) {
    static const char usage[] = "usage: lethe deid reidentify PATH -o FOLDER --private-key KEY.pem [--passphrase FILE] [--json]\n";
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"private-key", required_argument, NULL, 'k'},
                                            {"passphrase", required_argument, NULL, 'p'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *output = NULL, *key_path = NULL, *passphrase = NULL;
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        if (option == 'o') output = optarg;
        else if (option == 'k') key_path = optarg;
        else if (option == 'p') passphrase = optarg;
        else if (option == 'j') json = true;
        else {
            (void)fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? LETHE_EXIT_DONE : LETHE_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc || output == NULL || key_path == NULL) {
        (void)fputs(usage, stderr);
        return LETHE_EXIT_USAGE;
    }
    lethe_error error = {0};
    lethe_private_key *key = NULL;
    lethe_reidentify_counts counts = {0};
    lethe_status status = lethe_private_key_load(key_path, passphrase, &key, &error);
    if (status == LETHE_OK) status = lethe_reidentify_tree(key, argv[optind], output, tell, NULL, &counts, &error);
    lethe_private_key_destroy(key);
    if (status != LETHE_OK) return complain("reidentify", &error);
    (void)printf(json ? "{\"restored\": %llu, \"without\": %llu, \"failed\": %llu}\n"
                      : "%llu restored, %llu without encrypted attributes, %llu failed\n",
                 (unsigned long long)counts.restored, (unsigned long long)counts.without, (unsigned long long)counts.failed);
    return counts.failed + counts.without != 0 ? LETHE_EXIT_QUARANTINED : LETHE_EXIT_DONE;
}

int lethe_dicomdir_main(int argc, char **argv) {
    static const char usage[] = "usage: lethe deid dicomdir RELEASED [-o MEDIA] [--json]\n";
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *media = NULL;
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        if (option == 'o') media = optarg;
        else if (option == 'j') json = true;
        else {
            (void)fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? LETHE_EXIT_DONE : LETHE_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        (void)fputs(usage, stderr);
        return LETHE_EXIT_USAGE;
    }
    lethe_error error = {0};
    lethe_dicomdir_counts c;
    lethe_status status = lethe_file_set_make(argv[optind], media != NULL ? media : argv[optind], &c, &error);
    if (status != LETHE_OK) return complain("dicomdir", &error);
    (void)printf(json ? "{\"patients\": %llu, \"studies\": %llu, \"series\": %llu, \"instances\": %llu, \"left_out\": %llu}\n"
                      : "%llu patients, %llu studies, %llu series, %llu instances, %llu files left out\n",
                 (unsigned long long)c.patients, (unsigned long long)c.studies, (unsigned long long)c.series, (unsigned long long)c.instances,
                 (unsigned long long)c.left_out);
    return LETHE_EXIT_DONE;
}
