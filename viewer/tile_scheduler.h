/* Decoding in the background: tiles of slides and frames of series alike are "tiles" with a key. Each frame of the display wants some, with
 * priorities; what is no longer wanted and not yet begun is dropped; decoded ones stay in a cache of bounded size.
 *
 *     begin -> want ... want -> commit -> (draw what `want` returned)
 *
 * Layer: viewer. Thread rule: one owner thread calls everything; the read function runs on the scheduler's threads, several at once. */
#ifndef LETHE_VIEWER_TILE_SCHEDULER_H
#define LETHE_VIEWER_TILE_SCHEDULER_H

#include "core/error.h"
#include "imaging/image.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_tile_key {
    uint32_t source, level; /* source: a series or slide */
    int64_t column, row;    /* frames: column = index */
} lethe_tile_key;

/* Decode one. `thread` numbers the calling thread from 0, for caches per thread. */
typedef lethe_status (*lethe_tile_read_fn)(void *context, unsigned thread, const lethe_tile_key *key, lethe_image *out, lethe_error *error);

typedef struct lethe_tiles lethe_tiles;

typedef struct lethe_tiles_options {
    unsigned threads;      /* 0 = 2 */
    size_t cache_bytes;    /* 0 = 256 MiB */
    unsigned wanted_limit; /* most tiles waiting at once; 0 = 512 */
    lethe_tile_read_fn read;
    void *context;
    void (*ready)(void *context); /* on a scheduler thread, after a decode; may be NULL */
} lethe_tiles_options;

LETHE_NODISCARD lethe_status lethe_tiles_create(const lethe_tiles_options *options, lethe_tiles **out, lethe_error *error);
/* Waits for the decodes under way. */
void lethe_tiles_destroy(lethe_tiles *tiles);

/* A new round: pictures returned in the last one may go from now on. */
void lethe_tiles_begin(lethe_tiles *tiles);
/* The picture, valid until the next begin, or NULL: then it is queued with `priority` (lowest first). *failed (may be NULL) tells that it cannot be
 * decoded. */
const lethe_image *lethe_tiles_want(lethe_tiles *tiles, const lethe_tile_key *key, double priority, bool *failed);
/* In the cache? Does not queue. */
const lethe_image *lethe_tiles_peek(lethe_tiles *tiles, const lethe_tile_key *key);
/* Hand the round's wants to the threads; what was queued before and not wanted again is dropped. */
void lethe_tiles_commit(lethe_tiles *tiles);
/* Forget everything of a source; waits for decodes of it that are under way, so that the source may be closed then. */
void lethe_tiles_forget(lethe_tiles *tiles, uint32_t source);
/* Nothing queued or being decoded. */
bool lethe_tiles_idle(lethe_tiles *tiles);

typedef struct lethe_tiles_counts {
    uint64_t decoded, dropped, failed, hits, misses, evicted;
    size_t cache_bytes, cached, waiting;
} lethe_tiles_counts;
void lethe_tiles_count(lethe_tiles *tiles, lethe_tiles_counts *counts);

/* Why the last failed decode failed; "" when none did. */
void lethe_tiles_error(lethe_tiles *tiles, lethe_error *error);

#endif
