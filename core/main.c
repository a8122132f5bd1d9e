/* `lethe VERB ...`: finds the program that knows the verb beside itself and becomes it, as git does. */
#include "core/error.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct verb {
    const char *name, *program, *help;
} verb;

static const verb verbs[] = {
    {"init", "lethe-ingest", "make a project folder"},
    {"ingest", "lethe-ingest", "take images in: serve, pull, add"},
    {"status", "lethe-ingest", "counts by state"},
    {"deid", "lethe-deid", "forget patients: a project's inbox, or IN... -o OUT; explain, verify"},
    {"review", "lethe-deid", "decide uncertain cases"},
    {"object", "lethe-deid", "patients who object to the use of their data"},
    {"annotate", "lethe-annotate", "label schemas, users, tasks, import, agreement"},
    {"snapshot", "lethe-annotate", "freeze labels"},
    {"export", "lethe-annotate", "write a snapshot as a data set"},
    {"score", "lethe-annotate", "score a submission against the truth"},
    {"view", "lethe-view", "the desktop viewer"},
};

static void usage(FILE *to) {
    (void)fputs("usage: lethe VERB [OPTIONS]\n\nverbs:\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) (void)fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].help);
    (void)fputs(
        "\n`lethe VERB --help` tells more. Exit codes: 0 done; 1 failed; 2 wrong usage; 3 something was quarantined; 4 something waits for review.\n",
        to);
}

/* Every program tells its verb by argv[0] = "lethe VERB". */
static int become(const verb *chosen, char **argv) {
    char self[PATH_MAX], target[PATH_MAX + 32], name[64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) {
        perror("lethe");
        return LETHE_EXIT_FAILED;
    }
    self[length] = '\0';
    (void)snprintf(target, sizeof target, "%s/%s", dirname(self), chosen->program);
    (void)snprintf(name, sizeof name, "lethe %s", chosen->name);
    argv[1] = name;
    (void)execv(target, argv + 1);
    (void)fprintf(stderr, "lethe: cannot start %s: %s\n", chosen->program, strerror(errno));
    return LETHE_EXIT_FAILED;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return LETHE_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)puts("lethe " LETHE_VERSION);
        return LETHE_EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0) return become(&verbs[i], argv);
    (void)fprintf(stderr, "lethe: no verb '%s'\n", argv[1]);
    usage(stderr);
    return LETHE_EXIT_USAGE;
}
