/* lethe-ingest: how images come in. As "lethe VERB" through the dispatcher, or as "lethe-ingest VERB". */
#include "ingest/commands.h"
#include "ingest/pull.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: lethe ingest serve [-C DIR] [--port N] [--aet AET] [--host ADDR]\n"
                            "       lethe ingest pull  [-C DIR] --peer NAME --cohort FILE.csv\n"
                            "       lethe ingest add   [-C DIR] PATH...\n"
                            "       lethe ingest send  [-C DIR] --peer NAME\n"
                            "       lethe ingest trail [-C DIR]\n"
                            "       lethe init DIR [--name NAME] [--store URL]\n"
                            "       lethe status [-C DIR] [--json]\n"
                            "`--help` after each tells more.\n";

typedef struct command {
    const char *verb, *name; /* name "" = the verb alone */
    int (*run)(int argc, char **argv);
} command;

static const command commands[] = {
    {"init", "", lethe_command_init},         {"status", "", lethe_command_status},   {"ingest", "serve", lethe_command_serve},
    {"ingest", "add", lethe_command_add},     {"ingest", "pull", lethe_command_pull}, {"ingest", "send", lethe_command_send},
    {"ingest", "trail", lethe_command_trail},
};

int main(int argc, char **argv) {
    const char *verb = "";
    if (strncmp(argv[0], "lethe ", 6) == 0) {
        verb = argv[0] + 6;
    } else if (argc > 1) {
        verb = argv[1];
        argv++;
        argc--;
    }
    bool is_ingest = strcmp(verb, "ingest") == 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].verb, verb) != 0) continue;
        if (commands[i].name[0] == '\0') return commands[i].run(argc, argv);
        if (argc > 1 && strcmp(commands[i].name, argv[1]) == 0) return commands[i].run(argc - 1, argv + 1);
    }
    if (is_ingest && argc > 1 && strcmp(argv[1], "--help") == 0) return lethe_command_usage(usage, NULL);
    return lethe_command_usage(usage, is_ingest && argc > 1 ? "lethe ingest: no such command" : "lethe ingest: say what to do");
}
