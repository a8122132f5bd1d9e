/* The cases that this user opened last in this project: released identifiers only (study UIDs and paths of slides below released/), newest first, in
 * a file of the user's own (0600, in a folder 0700). Layer: viewer. Thread rule: one owner. */
#ifndef LETHE_VIEWER_RECENT_H
#define LETHE_VIEWER_RECENT_H

#include "core/error.h"

#include <stddef.h>

enum { LETHE_RECENT_CASES = 12, LETHE_RECENT_ID_SIZE = 512 };

typedef struct lethe_recent {
    char *path; /* NULL: nowhere to keep it; the list lasts as long as the program */
    size_t count;
    char ids[LETHE_RECENT_CASES][LETHE_RECENT_ID_SIZE];
} lethe_recent;

/* Read the list of `user` for the project in `project_folder`. `state_folder` (NULL: keep nothing) is made when the first case is added. A file that
 * is missing or that cannot be read is an empty list; lines that are no identifiers are left out. */
LETHE_NODISCARD lethe_status lethe_recent_load(const char *state_folder, const char *project_folder, const char *user, lethe_recent *out,
                                               lethe_error *error);
/* Put `id` first and save. The list in memory has it even when saving fails. Errors: LETHE_IO, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_recent_add(lethe_recent *recent, const char *id, lethe_error *error);
void lethe_recent_release(lethe_recent *recent);

#endif
