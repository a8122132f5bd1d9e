/* Files: read-only maps, output that appears whole or not at all, private folders, tree walks.
 *
 * Inputs are opened O_RDONLY and never changed. An output is written to a file without a name in the target's folder (O_TMPFILE; where the
 * file system has none of those, under a name that says nothing) and becomes visible whole, by one link or rename. Layer: core. Thread rule: one
 * thread at a time per object. */
#ifndef LETHE_CORE_FILE_H
#define LETHE_CORE_FILE_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* --- reading --- */

typedef struct lethe_map {
    const uint8_t *bytes; /* NULL when size is 0 */
    size_t size;
    int fd;      /* stays open for copy_file_range; -1 when closed */
    bool copied; /* a small file, read into memory of its own: cheaper than a mapping */
    bool lent;   /* read into the caller's buffer (lethe_map_read) */
} lethe_map;

/* Map a regular file read-only. Errors: LETHE_IO (also for what is not a regular file). A truncation by others while mapped raises
 * SIGBUS: parse in a worker process. */
LETHE_NODISCARD lethe_status lethe_map_open(const char *path, lethe_map *map, lethe_error *error);
/* The same from an open descriptor, which the map takes (also on failure). */
LETHE_NODISCARD lethe_status lethe_map_take(int fd, lethe_map *map, lethe_error *error);
/* The same, but a file of at most `most` bytes is read into `memory` (an initialised buffer that outlives the map and is used again for the next file):
 * what is read once whole costs less than page faults, and cannot change or shrink any more. */
LETHE_NODISCARD lethe_status lethe_map_read(const char *path, lethe_buffer *memory, size_t most, lethe_map *map, lethe_error *error);
void lethe_map_close(lethe_map *map); /* zeroed or closed: no-op */

/* Read a whole file of at most buffer->cap_bytes into an initialised buffer. */
LETHE_NODISCARD lethe_status lethe_file_read(const char *path, lethe_buffer *buffer, lethe_error *error);

/* --- writing --- */

typedef enum lethe_sync {
    LETHE_SYNC_FULL = 0, /* file data and folder entry are on disk when commit returns */
    LETHE_SYNC_NONE      /* atomic, but durable only after lethe_folder_sync or a later sync */
} lethe_sync;

typedef struct lethe_output lethe_output;

/* Start an output that will appear as `path` (its folder must exist). Mode 0600 until commit. A process that is killed leaves nothing behind, except
 * on file systems without O_TMPFILE: there a hidden `.lethe-*.tmp`. */
LETHE_NODISCARD lethe_status lethe_output_create(const char *path, lethe_output **output, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_output_write(lethe_output *output, const void *bytes, size_t size, lethe_error *error);
/* Where many outputs come into being one after the other: keeps their folder open and an output's memory. NULL is allowed wherever one is taken. */
typedef struct lethe_outlet lethe_outlet;
LETHE_NODISCARD lethe_status lethe_outlet_create(lethe_outlet **outlet, lethe_error *error);
void lethe_outlet_destroy(lethe_outlet *outlet);
/* Look for the folder again at the next output: somebody may have moved it. */
void lethe_outlet_forget(lethe_outlet *outlet);
/* lethe_output_create, and missing parents are made with mode 0755. The outlet outlives the output; one output of it at a time. */
LETHE_NODISCARD lethe_status lethe_output_create_in(lethe_outlet *outlet, const char *path, lethe_output **output, lethe_error *error);
/* Append a range of another file; shares extents or copies in the kernel where it can. */
LETHE_NODISCARD lethe_status lethe_output_copy(lethe_output *output, int source_fd, uint64_t offset, uint64_t size, lethe_error *error);
/* Append a range of another file as blocks that both files own from then on (a file system with reflinks; offset, size and the output's own size are
 * multiples of its block). `*shared` is false, and nothing was written, where that cannot be. */
LETHE_NODISCARD lethe_status lethe_output_share(lethe_output *output, int source_fd, uint64_t offset, uint64_t size, bool *shared,
                                                lethe_error *error);
/* Compute the SHA-256 of the output on the way; before the first byte. */
LETHE_NODISCARD lethe_status lethe_output_want_sha256(lethe_output *output, lethe_error *error);
/* SHA-256 of all that was flushed; once, after lethe_output_want_sha256 and lethe_output_flush. Nothing may be written afterwards. */
LETHE_NODISCARD lethe_status lethe_output_sha256(lethe_output *output, char hex[65], lethe_error *error);
/* The descriptor, for readers of what is written so far (call lethe_output_flush first). Borrowed. */
int lethe_output_fd(const lethe_output *output);
LETHE_NODISCARD lethe_status lethe_output_flush(lethe_output *output, lethe_error *error);
uint64_t lethe_output_size(const lethe_output *output);
/* Make it visible under its path with `mode` (0600 private, 0644 released), replacing what stood there. Frees `output` in every case;
 * on failure nothing is left behind. */
LETHE_NODISCARD lethe_status lethe_output_commit(lethe_output *output, mode_t mode, lethe_sync sync, lethe_error *error);
/* The same, but never replaces: LETHE_EXISTS when something has that name already (nothing is left behind then, either). */
LETHE_NODISCARD lethe_status lethe_output_commit_new(lethe_output *output, mode_t mode, lethe_sync sync, lethe_error *error);
void lethe_output_discard(lethe_output *output);

/* Write a small file whole: create, write, commit. */
LETHE_NODISCARD lethe_status lethe_file_write(const char *path, const void *bytes, size_t size, mode_t mode, lethe_error *error);

/* --- folders and paths --- */

/* Make `path` and its missing parents with `mode` (0700 private, 0755 released). An existing folder is fine. */
LETHE_NODISCARD lethe_status lethe_folder_create(const char *path, mode_t mode, lethe_error *error);
/* Make the missing parents of a file's path. */
LETHE_NODISCARD lethe_status lethe_folder_create_for(const char *file_path, mode_t mode, lethe_error *error);
/* fsync a folder, so that renames in it survive power loss. */
LETHE_NODISCARD lethe_status lethe_folder_sync(const char *path, lethe_error *error);
/* Start writing back, then wait for, everything below the file system of `path` (syncfs). */
LETHE_NODISCARD lethe_status lethe_filesystem_sync(const char *path, lethe_error *error);

/* "a/b" joined by one slash; the caller owns it; NULL when memory is short. */
LETHE_NODISCARD char *lethe_path_join(const char *folder, const char *name);
/* Pointer into `path` after its last slash. */
const char *lethe_path_name(const char *path);
/* True when a relative path has no "..", no leading slash, no empty part and no control characters. */
bool lethe_path_is_safe(const char *path);

/* Called per regular file, in an order sorted by name; return other than LETHE_OK to stop. `relative` is below the walked root. */
typedef lethe_status (*lethe_walk_fn)(void *context, const char *path, const char *relative, lethe_error *error);
/* Visit every regular file below `root` (or `root` itself when it is a file: relative is then its name). Symbolic links below the root are
 * not followed; `.lethe-*.tmp` leftovers are passed over. */
LETHE_NODISCARD lethe_status lethe_walk(const char *root, lethe_walk_fn visit, void *context, lethe_error *error);
/* The same, and `other` hears of what is passed over: `what` is "symbolic link", "pipe", "socket", "device", "unfinished output", "folder that cannot
 * be read", "folder nested too deep" or "file that is not there any more" (static). Without `other` the last three are errors. */
typedef lethe_status (*lethe_walk_other_fn)(void *context, const char *relative, const char *what, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_walk_all(const char *root, lethe_walk_fn visit, lethe_walk_other_fn other, void *context, lethe_error *error);

#endif
