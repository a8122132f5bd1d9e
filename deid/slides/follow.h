/* Looks at a copy while it is made, as long as its bytes are in a processor's cache: are they the input's, do any of them belong to a removed value,
 * and do the compressed streams among them hold pixels only?
 *
 * A thread follows the writer; a writer that gets too far ahead helps it. What is written is read back through a mapping of the output, not taken
 * from what was handed to the kernel. Where both files have the same blocks of the disk (which the file system is asked for each range, FIEMAP), the
 * input's bytes are the output's, and are looked at in their place: docs/adr/0504. Layer: deid. Thread rule: one thread calls. */
#ifndef LETHE_DEID_SLIDES_FOLLOW_H
#define LETHE_DEID_SLIDES_FOLLOW_H

#include "core/error.h"
#include "deid/slides/ledger.h"
#include "deid/slides/search.h"
#include "imaging/slide/tiff_write.h"

#include <stdint.h>

typedef struct lethe_follow lethe_follow;

typedef struct lethe_follow_options {
    int source_fd, output_fd; /* borrowed */
    const uint8_t *source;    /* the input; borrowed */
    uint64_t source_size;
    bool source_is_mapped;                                                      /* pages of it may be given back; false: memory of another kind */
    const lethe_search *search;                                                 /* borrowed; must not change any more */
    bool digest;                                                                /* the SHA-256 of the output is asked for */
    void (*progress)(void *context, uint64_t done_bytes, uint64_t total_bytes); /* from the writer's thread; may be NULL */
    void *progress_context;
} lethe_follow_options;

/* Errors: LETHE_NO_MEMORY, LETHE_IO, LETHE_CRYPTO. Without a thread everything is done by the writer's. */
LETHE_NODISCARD lethe_status lethe_follow_start(const lethe_follow_options *options, lethe_follow **out, lethe_error *error);
/* The two functions of a lethe_tiff_watcher; `follow` is its context. A segment's `note` is a lethe_tile_check, or NULL when the stream was looked
 * into already. `copied` is false when it makes no sense to go on. */
bool lethe_follow_copied(void *follow, const lethe_tiff_copied *range);
void lethe_follow_ended(void *follow);
/* After `ended`: LETHE_OK when all of what was copied is what it should be. `*unclean`: a stream holds more than pixels, and has to be looked into
 * before the layout is made. Errors: LETHE_UNSAFE with the offset in the output, LETHE_IO, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_follow_result(const lethe_follow *follow, bool *unclean, lethe_error *error);
/* What was compared and searched; valid after a good result, as long as `follow` is. */
const lethe_ledger *lethe_follow_ledger(const lethe_follow *follow);
/* The output has `bytes` in all: the digest ("" when none was asked for). Once, after the last byte is written. */
LETHE_NODISCARD lethe_status lethe_follow_digest(lethe_follow *follow, uint64_t bytes, char sha256[65], lethe_error *error);
/* Stops what is under way; NULL is a no-op. */
void lethe_follow_destroy(lethe_follow *follow);

#endif
