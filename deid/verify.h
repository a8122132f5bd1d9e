/* `lethe deid verify`: released files checked on their own, without the inputs. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_VERIFY_H
#define LETHE_DEID_VERIFY_H

#include "core/error.h"
#include "deid/profile.h"

#include <stdint.h>

typedef struct lethe_verify_counts {
    uint64_t files, good, bad;
    uint64_t lines; /* of the manifest */
    char chain[65]; /* in which the manifest ends; who keeps it elsewhere sees lines cut off at the end */
} lethe_verify_counts;

/* Called for each file that does not pass. */
typedef void (*lethe_verify_fn)(void *context, const char *relative, const char *reason);

/* Check every file below `path`: DICOM form, the statements of PS3.15 E.1.1, what Table E.1-1 removes under the options that the file declares,
 * patterns with key digits (NIR), mail addresses; with `profile` (may be NULL) what its own rules say comes before the table; with `manifest` (may be
 * NULL; a file, or a folder of the manifests of all shards) its chain, the SHA-256 of each file that it names, files that it does not name and files
 * that are gone. Links, pipes and unfinished outputs do not pass. Errors are of the run (LETHE_IO ..., LETHE_UNSAFE for a broken chain); findings are
 * counted. */
LETHE_NODISCARD lethe_status lethe_verify(const char *path, const char *manifest, const lethe_profile *profile, lethe_verify_fn tell, void *context,
                                          lethe_verify_counts *counts, lethe_error *error);

#endif
