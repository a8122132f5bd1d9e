/* A folder under construction: every file that goes in is hashed, and the last one is the manifest. Layer: annotate. Thread rule: one thread at a
 * time. */
#ifndef LETHE_ANNOTATE_PACKAGE_H
#define LETHE_ANNOTATE_PACKAGE_H

#include "core/buffer.h"
#include "core/error.h"

#include <stdint.h>

typedef struct lethe_package lethe_package;

/* `folder` must not exist or be empty. Errors: LETHE_EXISTS, LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_package_create(const char *folder, lethe_package **out, lethe_error *error);
void lethe_package_destroy(lethe_package *package); /* what was written stays */
/* Write a file at a path below the folder (made as needed). Errors: LETHE_EXISTS when it is there already, LETHE_MALFORMED for an unsafe path. */
LETHE_NODISCARD lethe_status lethe_package_write(lethe_package *package, const char *relative, const void *bytes, size_t size, lethe_error *error);
/* Copy a file in; shares extents or copies in the kernel where it can. */
LETHE_NODISCARD lethe_status lethe_package_copy(lethe_package *package, const char *relative, const char *source, lethe_error *error);
/* Note a file that was written by other means (its hash is computed now). */
LETHE_NODISCARD lethe_status lethe_package_adopt(lethe_package *package, const char *relative, lethe_error *error);
/* The full path (the caller frees) at which a file is to be written by other means, its folder made; lethe_package_adopt notes it afterwards. Errors:
 * as lethe_package_write. */
LETHE_NODISCARD lethe_status lethe_package_place(lethe_package *package, const char *relative, char **path, lethe_error *error);
/* Take files that were written out again: those whose path (with prefix) begins with this. */
LETHE_NODISCARD lethe_status lethe_package_remove(lethe_package *package, const char *beginning, lethe_error *error);
/* Put this before every path from now on: "" or "train/". At most 63 bytes. */
void lethe_package_set_prefix(lethe_package *package, const char *prefix);
const char *lethe_package_folder(const lethe_package *package);

typedef struct lethe_package_file {
    char *path;
    char sha256[65];
    uint64_t size_bytes;
} lethe_package_file;
/* Sorted by path. Borrowed until the next write. */
const lethe_package_file *lethe_package_files(lethe_package *package, size_t *count);

/* Write SHA256SUMS (`sha256sum -c` reads it), sorted by path, and sync the folder. */
LETHE_NODISCARD lethe_status lethe_package_finish(lethe_package *package, lethe_error *error);

#endif
