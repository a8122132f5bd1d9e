/* The durable inbox: bytes that came in, on disk before anybody is told so. Private side.
 *
 * A file is written under its final, random name below private/inbox/<day>/<minute>/ and synced; it exists for the rest of Lethe once its row stands
 * in the queue. What has no row was never acknowledged and is swept away at the next start; only a received data set carries its row in its own
 * header (ingest/inbox_label.h) and gets it back. Layer: ingest. Thread rule: one thread at a time per object. */
#ifndef LETHE_INGEST_INBOX_H
#define LETHE_INGEST_INBOX_H

#include "core/project.h"
#include "core/queue.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_inbox lethe_inbox;
typedef struct lethe_inbox_file lethe_inbox_file;

/* `reserve_bytes`: refuse to begin when less than this is free on the file system. The project is borrowed. */
LETHE_NODISCARD lethe_status lethe_inbox_open(const lethe_project *project, uint64_t reserve_bytes, lethe_inbox **out, lethe_error *error);
void lethe_inbox_close(lethe_inbox *inbox);
const lethe_project *lethe_inbox_project(const lethe_inbox *inbox);
/* Free bytes for us on the file system. */
LETHE_NODISCARD lethe_status lethe_inbox_free_bytes(const lethe_inbox *inbox, uint64_t *free_bytes, lethe_error *error);
/* Errors: LETHE_LIMIT when the disk is nearly full. Recovers by itself. */
LETHE_NODISCARD lethe_status lethe_inbox_has_room(const lethe_inbox *inbox, uint64_t wanted_bytes, lethe_error *error);

/* What stands in the file meta information of a received data set (PS3.10 7.1). Values may hold any bytes; they are cut and padded. */
typedef struct lethe_inbox_meta {
    const char *sop_class, *sop_instance, *transfer_syntax, *source_aet;
} lethe_inbox_meta;

/* Begin a file: with `meta` a Part 10 header is written and the bytes to come are the data set; with NULL they are the whole file. `extension` such
 * as
 * ".dcm". Errors: LETHE_LIMIT (no room), LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_inbox_begin(lethe_inbox *inbox, const lethe_inbox_meta *meta, const char *extension, lethe_inbox_file **out,
                                               lethe_error *error);
LETHE_NODISCARD lethe_status lethe_inbox_write(lethe_inbox_file *file, const void *bytes, size_t size, lethe_error *error);
/* Optional, before lethe_inbox_sync: the file can be read from here on, and path and size_bytes are filled in, but nothing is durable. */
LETHE_NODISCARD lethe_status lethe_inbox_complete(lethe_inbox_file *file, lethe_item *item, lethe_error *error);
/* Sync the file and fill in path, sha256 (of the bytes written through lethe_inbox_write, without the header) and size_bytes. A file begun with
 * `meta` is now durable with its row (its folder's entry was synced before), whatever becomes of the store's last transactions in a power cut; the
 * folder of another still needs lethe_inbox_sync_folders before its row is committed. Keeps `file`: then either lethe_inbox_keep or
 * lethe_inbox_discard. */
LETHE_NODISCARD lethe_status lethe_inbox_sync(lethe_inbox_file *file, lethe_item *item, lethe_error *error);
void lethe_inbox_keep(lethe_inbox_file *file);    /* frees the object, not the file */
void lethe_inbox_discard(lethe_inbox_file *file); /* removes the file; NULL is a no-op */

/* Remove the empty files that lethe_inbox_begin made ahead. */
void lethe_inbox_drop_spares(lethe_inbox *inbox);

/* Sync the folders of several items, each folder once. */
LETHE_NODISCARD lethe_status lethe_inbox_sync_folders(const lethe_inbox *inbox, const lethe_item *items, size_t count, lethe_error *error);

/* Copy an existing file in (begin, copy, sync). `skip_bytes` at the start do not count for the digest (preamble and file meta). */
LETHE_NODISCARD lethe_status lethe_inbox_copy(lethe_inbox *inbox, int source_fd, uint64_t size, uint64_t skip_bytes, const char *extension,
                                              lethe_item *item, lethe_inbox_file **out, lethe_error *error);

/* Copy a slide that consists of `path` (X.mrxs) and the folder X beside it into a folder of its own, as slide.mrxs and slide/. The digest is over all
 * of them. The folder of the row is synced here. */
LETHE_NODISCARD lethe_status lethe_inbox_copy_slide(lethe_inbox *inbox, const char *path, lethe_item *item, lethe_inbox_file **out,
                                                    lethe_error *error);

/* Make a private folder for unpacking and tell how many bytes may go there. The caller frees the path and removes the folder; the next sweep removes
 * it if the process dies. */
LETHE_NODISCARD lethe_status lethe_inbox_make_folder(lethe_inbox *inbox, char **path, uint64_t *room_bytes, lethe_error *error);

/* Remove files that no row knows: leftovers of a process that died before it acknowledged them. A file that carries its row is recorded again
 * instead. Does nothing while another process takes images in.
 * `removed` may be NULL. Call before writing anything. Afterwards this process counts as one that takes images in, until lethe_inbox_close. */
LETHE_NODISCARD lethe_status lethe_inbox_sweep(lethe_inbox *inbox, lethe_queue *queue, uint64_t *removed, lethe_error *error);

#endif
