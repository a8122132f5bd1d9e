/* Decoded pictures on the graphics card: found by tile key, bounded in bytes, filled at most so fast per frame. Layer: viewer. Thread rule: main
 * thread. */
#ifndef LETHE_VIEWER_TEXTURE_CACHE_H
#define LETHE_VIEWER_TEXTURE_CACHE_H

#include "viewer/draw_gl.h"
#include "viewer/tile_scheduler.h"

typedef struct lethe_texture_cache lethe_texture_cache;

LETHE_NODISCARD lethe_texture_cache *lethe_texture_cache_create(lethe_draw *draw, size_t cap_bytes);
void lethe_texture_cache_destroy(lethe_texture_cache *cache);
/* A new frame: `budget_bytes` may be uploaded in it (one picture always may). */
void lethe_texture_cache_begin(lethe_texture_cache *cache, size_t budget_bytes);
/* The texture, NULL when it is not there. Valid until the next begin. */
const lethe_texture *lethe_texture_cache_find(lethe_texture_cache *cache, const lethe_tile_key *key);
/* Upload; NULL when this frame's budget is spent (ask again next frame) or the card refuses. */
const lethe_texture *lethe_texture_cache_put(lethe_texture_cache *cache, const lethe_tile_key *key, const lethe_image *image);
/* The same for labels of one byte a pixel. */
const lethe_texture *lethe_texture_cache_put_labels(lethe_texture_cache *cache, const lethe_tile_key *key, const uint8_t *labels, uint32_t width,
                                                    uint32_t height);
/* Uploads were put off in this frame. */
bool lethe_texture_cache_pending(const lethe_texture_cache *cache);
void lethe_texture_cache_forget(lethe_texture_cache *cache, uint32_t source);
uint64_t lethe_texture_cache_uploads(const lethe_texture_cache *cache);

#endif
