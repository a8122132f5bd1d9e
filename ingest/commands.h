/* The commands of the program lethe-ingest. Layer: ingest (its program). Each takes argv from its verb on and returns the exit code. */
#ifndef LETHE_INGEST_COMMANDS_H
#define LETHE_INGEST_COMMANDS_H

#include "core/error.h"
#include "core/project.h"

int lethe_command_init(int argc, char **argv);
int lethe_command_serve(int argc, char **argv);
int lethe_command_add(int argc, char **argv);
int lethe_command_status(int argc, char **argv);
int lethe_command_send(int argc, char **argv);
int lethe_command_trail(int argc, char **argv);

/* Say what failed on stderr and give the exit code. */
int lethe_command_failed(const char *command, const lethe_error *error);
/* Wrong usage: `complaint` and the usage line. */
int lethe_command_usage(const char *usage, const char *complaint);

#endif
