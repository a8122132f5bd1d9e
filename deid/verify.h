/* `lethe deid verify`: released files checked on their own, without the inputs. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_VERIFY_H
#define LETHE_DEID_VERIFY_H

#include "core/error.h"

#include <stdint.h>

typedef struct lethe_verify_counts {
    uint64_t files, good, bad;
} lethe_verify_counts;

/* Called for each file that does not pass. */
typedef void (*lethe_verify_fn)(void *context, const char *relative, const char *reason);

/* Check every file below `path`: DICOM form, the statements of PS3.15 E.1.1, what Table E.1-1 removes under the options that the file declares,
 * patterns with key digits (NIR), mail addresses; with `manifest` (may be NULL) its chain and the SHA-256 of each file that it names. Errors are of
 * the run (LETHE_IO ...); findings are counted. */
LETHE_NODISCARD lethe_status lethe_verify(const char *path, const char *manifest, lethe_verify_fn tell, void *context, lethe_verify_counts *counts,
                                          lethe_error *error);

#endif
