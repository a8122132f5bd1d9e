/* What the commands share: opening, options, messages. */
#include "annotate/commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int lethe_command_fail(const lethe_command *command, const lethe_error *error) {
    (void)fprintf(stderr, "lethe %s: %s\n", command->verb, error->message[0] != '\0' ? error->message : lethe_status_name(error->status));
    return (int)lethe_status_exit(error->status);
}

int lethe_command_usage(const lethe_command *command, const char *format, ...) {
    va_list arguments;
    (void)fprintf(stderr, "lethe %s: ", command->verb);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, " (`lethe %s --help`)\n", command->verb);
    return LETHE_EXIT_USAGE;
}

lethe_status lethe_command_open(lethe_command *command, lethe_error *error) {
    if (command->store != NULL) return LETHE_OK;
    lethe_status status = lethe_project_open(command->folder, false, &command->project, error);
    return status == LETHE_OK ? lethe_store_open(command->project, command->user, &command->store, error) : status;
}

static void remove_arguments(lethe_command *command, int at, int count) {
    for (int i = at; i + count < command->argc; i++) command->argv[i] = command->argv[i + count];
    command->argc -= count;
}

const char *lethe_command_option(lethe_command *command, const char *name) {
    size_t length = strlen(name);
    for (int i = 0; i < command->argc; i++) {
        const char *argument = command->argv[i];
        if (strcmp(argument, "--") == 0) return NULL;
        if (strcmp(argument, name) == 0) {
            const char *value = i + 1 < command->argc ? command->argv[i + 1] : "";
            remove_arguments(command, i, i + 1 < command->argc ? 2 : 1);
            return value;
        }
        if (strncmp(argument, name, length) == 0 && argument[length] == '=' && length > 2) {
            remove_arguments(command, i, 1);
            return argument + length + 1;
        }
    }
    return NULL;
}

bool lethe_command_flag(lethe_command *command, const char *name) {
    for (int i = 0; i < command->argc; i++) {
        if (strcmp(command->argv[i], "--") == 0) return false;
        if (strcmp(command->argv[i], name) != 0) continue;
        remove_arguments(command, i, 1);
        return true;
    }
    return false;
}

const char *lethe_command_word(lethe_command *command) {
    for (int i = 0; i < command->argc; i++) {
        const char *argument = command->argv[i];
        if (argument[0] == '-' && argument[1] != '\0') continue;
        remove_arguments(command, i, 1);
        return argument;
    }
    return NULL;
}

int lethe_command_leftover(const lethe_command *command) {
    return command->argc == 0 ? 0 : lethe_command_usage(command, "'%s' means nothing here", command->argv[0]);
}
