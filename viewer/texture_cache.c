#include "viewer/texture_cache.h"

#include "core/memory.h"

#include <string.h>

enum { SLOTS = 8192 }; /* a power of two, more than any screenful of tiles */

typedef struct slot {
    bool used;
    lethe_tile_key key;
    lethe_texture texture;
    uint64_t frame;
} slot;

struct lethe_texture_cache {
    lethe_draw *draw;
    size_t cap_bytes, bytes, budget, count;
    uint64_t frame, uploads;
    bool pending, uploaded;
    slot slots[SLOTS]; /* open addressing */
};

static bool same(const lethe_tile_key *a, const lethe_tile_key *b) {
    return a->source == b->source && a->level == b->level && a->column == b->column && a->row == b->row;
}

static size_t home(const lethe_tile_key *key) {
    uint64_t h = (uint64_t)key->source * 0x9E3779B97F4A7C15u + (uint64_t)key->level * 0xC2B2AE3D27D4EB4Fu;
    h = (h ^ (uint64_t)key->column) * 0x165667B19E3779F9u;
    h = (h ^ (h >> 31) ^ (uint64_t)key->row) * 0x94D049BB133111EBu;
    return (size_t)(h >> 40) & (SLOTS - 1);
}

static slot *find(lethe_texture_cache *cache, const lethe_tile_key *key) {
    for (size_t i = home(key), n = 0; n < SLOTS; i = (i + 1) & (SLOTS - 1), n++) {
        if (!cache->slots[i].used) return NULL;
        if (same(&cache->slots[i].key, key)) return &cache->slots[i];
    }
    return NULL;
}

/* Take out, and close the gap so that later slots of the chain are still found. */
static void take_out(lethe_texture_cache *cache, size_t i) {
    cache->bytes -= lethe_texture_bytes(&cache->slots[i].texture);
    lethe_texture_drop(cache->draw, &cache->slots[i].texture);
    cache->count--;
    size_t gap = i;
    for (size_t j = (i + 1) & (SLOTS - 1); cache->slots[j].used; j = (j + 1) & (SLOTS - 1)) {
        size_t h = home(&cache->slots[j].key);
        if (((j - h) & (SLOTS - 1)) < ((j - gap) & (SLOTS - 1))) continue;
        cache->slots[gap] = cache->slots[j];
        gap = j;
    }
    cache->slots[gap] = (slot){.used = false};
}

lethe_texture_cache *lethe_texture_cache_create(lethe_draw *draw, size_t cap_bytes) {
    lethe_texture_cache *cache = lethe_alloc_array(1, sizeof *cache);
    if (!cache) return NULL;
    cache->draw = draw;
    cache->cap_bytes = cap_bytes;
    return cache;
}

void lethe_texture_cache_destroy(lethe_texture_cache *cache) {
    if (!cache) return;
    for (size_t i = 0; i < SLOTS; i++)
        if (cache->slots[i].used) lethe_texture_drop(cache->draw, &cache->slots[i].texture);
    lethe_free(cache);
}

void lethe_texture_cache_begin(lethe_texture_cache *cache, size_t budget_bytes) {
    cache->frame++;
    cache->budget = budget_bytes;
    cache->pending = cache->uploaded = false;
    while (cache->bytes > cache->cap_bytes || cache->count > SLOTS / 2) {
        size_t oldest = SLOTS;
        for (size_t i = 0; i < SLOTS; i++)
            if (cache->slots[i].used && cache->slots[i].frame + 1 < cache->frame &&
                (oldest == SLOTS || cache->slots[i].frame < cache->slots[oldest].frame))
                oldest = i;
        if (oldest == SLOTS) break;
        take_out(cache, oldest);
    }
}

const lethe_texture *lethe_texture_cache_find(lethe_texture_cache *cache, const lethe_tile_key *key) {
    slot *s = find(cache, key);
    if (!s) return NULL;
    s->frame = cache->frame;
    return &s->texture;
}

static bool has_room(lethe_texture_cache *cache, size_t size) {
    if ((!cache->uploaded || size <= cache->budget) && cache->count < SLOTS - 1) return true;
    cache->pending = true;
    return false;
}

static const lethe_texture *keep(lethe_texture_cache *cache, const lethe_tile_key *key, const lethe_texture *texture, size_t size) {
    cache->budget -= size < cache->budget ? size : cache->budget;
    cache->uploaded = true;
    cache->uploads++;
    size_t i = home(key);
    while (cache->slots[i].used) i = (i + 1) & (SLOTS - 1);
    cache->slots[i] = (slot){.used = true, .key = *key, .texture = *texture, .frame = cache->frame};
    cache->bytes += lethe_texture_bytes(texture);
    cache->count++;
    return &cache->slots[i].texture;
}

const lethe_texture *lethe_texture_cache_put(lethe_texture_cache *cache, const lethe_tile_key *key, const lethe_image *image) {
    size_t size = lethe_image_size_bytes(image);
    lethe_texture texture;
    if (!has_room(cache, size) || lethe_texture_load(cache->draw, image, &texture, NULL)) return NULL;
    return keep(cache, key, &texture, size);
}

const lethe_texture *lethe_texture_cache_put_labels(lethe_texture_cache *cache, const lethe_tile_key *key, const uint8_t *labels, uint32_t width,
                                                    uint32_t height) {
    size_t size = (size_t)width * height;
    lethe_texture texture;
    if (!has_room(cache, size) || lethe_texture_load_labels(cache->draw, labels, width, height, &texture, NULL)) return NULL;
    return keep(cache, key, &texture, size);
}

bool lethe_texture_cache_pending(const lethe_texture_cache *cache) { return cache->pending; }

void lethe_texture_cache_forget(lethe_texture_cache *cache, uint32_t source) {
    for (size_t i = 0; i < SLOTS;) {
        if (cache->slots[i].used && cache->slots[i].key.source == source) take_out(cache, i);
        else i++;
    }
}

uint64_t lethe_texture_cache_uploads(const lethe_texture_cache *cache) { return cache->uploads; }
