/* The commands of lethe-annotate. Each prints for the person at the terminal and returns an exit code. Layer: annotate, command line only. */
#ifndef LETHE_ANNOTATE_COMMANDS_H
#define LETHE_ANNOTATE_COMMANDS_H

#include "annotate/format.h"
#include "annotate/store.h"
#include "core/error.h"
#include "core/project.h"

/* What every command is started with. */
typedef struct lethe_command {
    const char *verb; /* "annotate" */
    const char *folder, *user;
    bool json, quiet;
    int argc; /* what follows the common options, the sub-command first */
    char **argv;
    lethe_project *project;
    lethe_store *store;
} lethe_command;

/* Print "lethe VERB: message" and give the exit code that fits. */
int lethe_command_fail(const lethe_command *command, const lethe_error *error);
int lethe_command_usage(const lethe_command *command, const char *format, ...) LETHE_PRINTF(2, 3);
/* Open project and store once; closed by main. */
LETHE_NODISCARD lethe_status lethe_command_open(lethe_command *command, lethe_error *error);

/* Take "--name VALUE" or "--name=VALUE" out of the arguments; NULL when it is not there. A missing value gives "". */
const char *lethe_command_option(lethe_command *command, const char *name);
bool lethe_command_flag(lethe_command *command, const char *name);
/* The next argument that is no option, or NULL. */
const char *lethe_command_word(lethe_command *command);
/* Usage error for what is left over; 0 when nothing is. */
int lethe_command_leftover(const lethe_command *command);

int lethe_command_schema(lethe_command *command);
int lethe_command_user(lethe_command *command);
int lethe_command_task(lethe_command *command);
int lethe_command_import(lethe_command *command);
int lethe_command_status(lethe_command *command);
int lethe_command_changed(lethe_command *command);
int lethe_command_show(lethe_command *command);
int lethe_command_snapshot(lethe_command *command);
int lethe_command_export(lethe_command *command);
int lethe_command_unseal(lethe_command *command);
int lethe_command_agree(lethe_command *command);
int lethe_command_adjudicate(lethe_command *command);
int lethe_command_rekey(lethe_command *command);
int lethe_command_score(lethe_command *command);

#endif
