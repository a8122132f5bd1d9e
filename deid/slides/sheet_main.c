/* lethe deid sheet: pages for people who check slides. */
#include "core/config.h"
#include "core/file.h"
#include "core/memory.h"
#include "deid/slides/contact_sheet.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void usage(FILE *to) {
    (void)fputs("usage: lethe deid sheet RELEASED-DIR -o FILE.html [--manifest FILE]   slides as released: picture, levels, scale, what was removed\n"
                "       lethe deid sheet --labels PRIVATE-DIR -o FILE.html             removed label pictures (private page, mode 0600)\n",
                to);
}

int lethe_slide_sheet_main(int argc, char **argv) {
    enum { LABELS = 256, MANIFEST, HELP };
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"labels", required_argument, NULL, LABELS},
                                            {"manifest", required_argument, NULL, MANIFEST},
                                            {"help", no_argument, NULL, HELP},
                                            {NULL, 0, NULL, 0}};
    const char *output = NULL, *labels = NULL, *manifest = NULL;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) switch (option) {
        case 'o': output = optarg; break;
        case LABELS: labels = optarg; break;
        case MANIFEST: manifest = optarg; break;
        case HELP: usage(stdout); return LETHE_EXIT_DONE;
        default: usage(stderr); return LETHE_EXIT_USAGE;
        }
    const char *released = optind < argc ? argv[optind] : NULL;
    if (!output || (released != NULL) == (labels != NULL) || argc - optind > 1 || (labels && manifest)) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    size_t count = 0;
    lethe_error error = {0};
    lethe_status status =
        labels ? lethe_label_sheet_write(labels, output, &count, &error) : lethe_contact_sheet_write(released, manifest, output, &count, &error);
    if (status != LETHE_OK) (void)fprintf(stderr, "lethe deid sheet: %s\n", error.message);
    else (void)printf("%zu %s\n", count, labels ? "labels" : "slides");
    return status == LETHE_OK ? LETHE_EXIT_DONE : (int)lethe_status_exit(status);
}
