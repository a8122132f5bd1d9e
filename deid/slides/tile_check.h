/* A look into each tile before it is copied: does its stream hold pixels only, and no larger picture than the tile?
 *
 * Layer: deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_TILE_CHECK_H
#define LETHE_DEID_SLIDES_TILE_CHECK_H

#include "core/error.h"
#include "imaging/slide/stream_check.h"
#include "imaging/slide/tiff_tree.h"

#include <stdint.h>

typedef struct lethe_tile_check {
    uint64_t compression;         /* as in TIFF */
    uint64_t width_px, height_px; /* of a tile or full strip */
    uint64_t raw_bytes;           /* of this tile or strip, uncompressed */
    unsigned directory;           /* for messages */
} lethe_tile_check;

/* Look into one stream. `pieces` tells what may stay; its `passed` may be set before the call. Errors: those of imaging/slide/stream_check.h;
 * LETHE_UNSAFE for a picture larger than the tile or an unknown compression. */
LETHE_NODISCARD lethe_status lethe_tile_check_one(const lethe_tile_check *check, const uint8_t *bytes, uint64_t size, lethe_stream_pieces *pieces,
                                                  lethe_error *error);
/* Look into a few tiles or strips of a list that are spread over it: false when one of them may not stay as it is. True says nothing about the
 * others. */
bool lethe_tile_check_some(const lethe_tile_check *check, const lethe_tiff_tree *tree, const lethe_tiff_segments *tiles);
/* Look into all tiles of a list with two threads. clean[i] becomes true when the whole of tile i may stay as it is; what is false has to be looked
 * into again, one by one. Pages of the mapping that were read are given back. Strips are left alone. */
void lethe_tile_check_all(const lethe_tile_check *check, const lethe_tiff_tree *tree, const lethe_tiff_segments *tiles, bool *clean);

#endif
