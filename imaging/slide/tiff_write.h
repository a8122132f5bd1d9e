/* A new TIFF file from a draft: directories with typed values, and image data that is copied unread from the source file or taken from memory.
 *
 * The layout is computed first, then everything is written once, front to back: header, directories with their values, then image data in the order
 * of the source (NDPI: each directory behind its image data, as its readers expect). Nothing unreferenced gets in; gaps are zero and shorter than one
 * page. Equal segments are shared as they were. Layer: imaging. Thread rule: one thread at a time; memory is the draft's arena. */
#ifndef LETHE_IMAGING_SLIDE_TIFF_WRITE_H
#define LETHE_IMAGING_SLIDE_TIFF_WRITE_H

#include "core/arena.h"
#include "core/error.h"
#include "core/file.h"
#include "imaging/slide/tiff_tree.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_tiff_draft lethe_tiff_draft;
typedef struct lethe_tiff_draft_directory lethe_tiff_draft_directory;

/* A piece of a segment: from the source file, or from memory when `memory` is set (borrowed until the file is written). */
typedef struct lethe_tiff_piece {
    const uint8_t *memory;
    uint64_t offset, bytes;
} lethe_tiff_piece;

/* One tile or strip. `bytes` 0: missing. Without pieces it is source[offset, offset + bytes). */
typedef struct lethe_tiff_segment {
    uint64_t offset, bytes; /* with pieces: `offset` is that of the original, `bytes` the sum of the pieces */
    uint64_t out_offset;    /* set by layout */
    const lethe_tiff_piece *pieces;
    uint32_t piece_count;
    const void *note; /* the caller's own; NULL */
    bool shared;      /* set by layout: the same range of the source stands in the output already */
} lethe_tiff_segment;

/* An empty draft of the same kind (byte order, classic, BigTIFF, NDPI) as `source`. NULL when memory is short. */
LETHE_NODISCARD lethe_tiff_draft *lethe_tiff_draft_create(const lethe_tiff_tree *source, lethe_arena *arena);
/* The directory that `source_tree` position had is not kept: directories come out in the order of their addition. `parent` NULL adds to the chain;
 * else the new one becomes a SubIFD of `parent`. NULL when memory is short. */
LETHE_NODISCARD lethe_tiff_draft_directory *lethe_tiff_draft_add(lethe_tiff_draft *draft, lethe_tiff_draft_directory *parent);
size_t lethe_tiff_draft_count(const lethe_tiff_draft *draft);

/* Set a tag; a later value takes the place of an earlier one. Raw values are in the draft's byte order and borrowed; the others are copied. */
LETHE_NODISCARD lethe_status lethe_tiff_draft_raw(lethe_tiff_draft_directory *directory, uint16_t tag, uint16_t type, uint64_t count,
                                                  const void *value, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_tiff_draft_keep(lethe_tiff_draft_directory *directory, const lethe_tiff_entry *entry, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_tiff_draft_uint(lethe_tiff_draft_directory *directory, uint16_t tag, uint16_t type, uint64_t value,
                                                   lethe_error *error);
LETHE_NODISCARD lethe_status lethe_tiff_draft_text(lethe_tiff_draft_directory *directory, uint16_t tag, const char *text, lethe_error *error);
/* Image data. `segments` is borrowed and gets its out_offset. */
LETHE_NODISCARD lethe_status lethe_tiff_draft_segments(lethe_tiff_draft_directory *directory, bool tiled, lethe_tiff_segment *segments,
                                                       uint64_t count, lethe_error *error);

/* The segments as given; NULL and 0 when there are none. */
void lethe_tiff_draft_segments_of(const lethe_tiff_draft_directory *directory, lethe_tiff_segment **segments, uint64_t *count);

/* A range of the output that came from the source as it stands there. */
typedef struct lethe_tiff_copied {
    uint64_t source_offset, out_offset, bytes;
    bool shares_blocks; /* the file system was told to let both files have the same blocks */
    /* The segments that begin in it or before it and were not told of; among them may be NULL, such that are made of pieces,
     * and a shared one for each further note that its range has. All pointers are into
     * one array, so that neighbouring ranges have neighbouring lists; it stands until `ended` returns. */
    lethe_tiff_segment *const *segments;
    size_t segment_count;
    uint64_t total_bytes; /* of the whole output */
} lethe_tiff_copied;

/* Who watches the writing; both functions may be NULL. */
typedef struct lethe_tiff_watcher {
    bool (*copied)(void *context, const lethe_tiff_copied *range); /* in order of the output; false: stop */
    void (*ended)(void *context);                                  /* nothing more will be told; also after a failure */
    void *context;
} lethe_tiff_watcher;

/* Write to `output`, which must be empty. `source_fd` is the source's descriptor; `watcher` may be NULL. Errors: LETHE_UNSAFE when kept segments
 * overlap each other in part, LETHE_LIMIT when a classic file would pass 4 GiB, LETHE_DENIED when the watcher stopped it, LETHE_IO, LETHE_NO_MEMORY.
 */
LETHE_NODISCARD lethe_status lethe_tiff_draft_write(lethe_tiff_draft *draft, int source_fd, lethe_output *output, const lethe_tiff_watcher *watcher,
                                                    lethe_error *error);

#endif
