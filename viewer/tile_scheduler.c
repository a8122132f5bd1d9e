#include "viewer/tile_scheduler.h"

#include "core/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, THREADS_MAXIMUM = 16 };

typedef enum tile_state { TILE_WAITING, TILE_DECODING, TILE_READY, TILE_FAILED } tile_state;

typedef struct tile {
    lethe_tile_key key;
    tile_state state;
    bool forgotten; /* its source went while it was being decoded */
    double priority;
    uint64_t round; /* in which it was wanted last */
    lethe_image image;
    struct tile *chain;         /* of its bucket */
    struct tile *newer, *older; /* of the cache, by use */
} tile;

struct lethe_tiles {
    lethe_tiles_options options;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t threads[THREADS_MAXIMUM];
    unsigned thread_count, next_thread, decoding;
    bool stopping;
    tile *buckets[BUCKETS];
    tile **heap; /* waiting, lowest priority first */
    size_t heap_count;
    tile **round_wants; /* found waiting or new in this round */
    size_t round_count;
    uint64_t round;
    tile *newest, *oldest;
    lethe_tiles_counts counts;
    lethe_error error;
};

static size_t hash(const lethe_tile_key *key) {
    uint64_t h = key->source * 0x9E3779B97F4A7C15u ^ (uint64_t)key->level * 0xC2B2AE3D27D4EB4Fu;
    h ^= (uint64_t)key->column * 0x165667B19E3779F9u;
    h = (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9u;
    h ^= (uint64_t)key->row * 0x94D049BB133111EBu;
    return (size_t)((h ^ (h >> 32)) % BUCKETS);
}

static bool same(const lethe_tile_key *a, const lethe_tile_key *b) {
    return a->source == b->source && a->level == b->level && a->column == b->column && a->row == b->row;
}

static tile *find(const lethe_tiles *tiles, const lethe_tile_key *key) {
    tile *t = tiles->buckets[hash(key)];
    while (t && (t->forgotten || !same(&t->key, key))) t = t->chain;
    return t;
}

static void unchain(lethe_tiles *tiles, tile *t) {
    tile **at = &tiles->buckets[hash(&t->key)];
    while (*at != t) at = &(*at)->chain;
    *at = t->chain;
}

static void list_remove(lethe_tiles *tiles, tile *t) {
    *(t->newer ? &t->newer->older : &tiles->newest) = t->older;
    *(t->older ? &t->older->newer : &tiles->oldest) = t->newer;
    t->newer = t->older = NULL;
}

static void list_push(lethe_tiles *tiles, tile *t) {
    t->older = tiles->newest;
    t->newer = NULL;
    if (tiles->newest) tiles->newest->newer = t;
    tiles->newest = t;
    if (!tiles->oldest) tiles->oldest = t;
}

static void discard(lethe_tiles *tiles, tile *t) {
    if (t->state == TILE_READY) {
        list_remove(tiles, t);
        tiles->counts.cache_bytes -= lethe_image_size_bytes(&t->image);
        tiles->counts.cached--;
        lethe_image_release(&t->image);
    }
    unchain(tiles, t);
    lethe_free(t);
}

static void sift_down(tile **heap, size_t count, size_t at) {
    for (;;) {
        size_t best = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (heap[child]->priority < heap[best]->priority) best = child;
        if (best == at) return;
        tile *swap = heap[at];
        heap[at] = heap[best];
        heap[best] = swap;
        at = best;
    }
}

static tile *heap_take(lethe_tiles *tiles) {
    tile *t = tiles->heap[0];
    tiles->heap[0] = tiles->heap[--tiles->heap_count];
    sift_down(tiles->heap, tiles->heap_count, 0);
    return t;
}

/* What this round shows is never evicted, so the cache may exceed its size by one screenful. */
static void evict(lethe_tiles *tiles) {
    tile *t = tiles->oldest;
    while (t && tiles->counts.cache_bytes > tiles->options.cache_bytes) {
        tile *newer = t->newer;
        if (t->round + 1 < tiles->round) {
            discard(tiles, t);
            tiles->counts.evicted++;
        }
        t = newer;
    }
}

static void finish(lethe_tiles *tiles, tile *t, lethe_status status, const lethe_error *error) {
    tiles->decoding--;
    if (status) {
        t->state = TILE_FAILED;
        tiles->counts.failed++;
        tiles->error = *error;
    } else {
        t->state = TILE_READY;
        tiles->counts.decoded++;
        tiles->counts.cached++;
        tiles->counts.cache_bytes += lethe_image_size_bytes(&t->image);
        list_push(tiles, t);
    }
    if (t->forgotten) discard(tiles, t);
    (void)pthread_cond_broadcast(&tiles->done);
}

static void *decode_loop(void *argument) {
    lethe_tiles *tiles = argument;
    (void)pthread_mutex_lock(&tiles->lock);
    unsigned me = tiles->next_thread++;
    while (!tiles->stopping) {
        if (tiles->heap_count == 0) {
            (void)pthread_cond_wait(&tiles->work, &tiles->lock);
            continue;
        }
        tile *t = heap_take(tiles);
        t->state = TILE_DECODING;
        tiles->decoding++;
        lethe_tile_key key = t->key;
        (void)pthread_mutex_unlock(&tiles->lock);
        lethe_image image = {0};
        lethe_error error = {0};
        lethe_status status = tiles->options.read(tiles->options.context, me, &key, &image, &error);
        (void)pthread_mutex_lock(&tiles->lock);
        t->image = image;
        finish(tiles, t, status, &error);
        if (tiles->options.ready) {
            (void)pthread_mutex_unlock(&tiles->lock);
            tiles->options.ready(tiles->options.context);
            (void)pthread_mutex_lock(&tiles->lock);
        }
    }
    (void)pthread_mutex_unlock(&tiles->lock);
    return NULL;
}

lethe_status lethe_tiles_create(const lethe_tiles_options *options, lethe_tiles **out, lethe_error *error) {
    *out = NULL;
    lethe_tiles *tiles = lethe_alloc_array(1, sizeof *tiles);
    if (!tiles) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    tiles->options = *options;
    if (tiles->options.threads == 0) tiles->options.threads = 2;
    if (tiles->options.threads > THREADS_MAXIMUM) tiles->options.threads = THREADS_MAXIMUM;
    if (tiles->options.cache_bytes == 0) tiles->options.cache_bytes = (size_t)256 << 20;
    if (tiles->options.wanted_limit == 0) tiles->options.wanted_limit = 512;
    tiles->heap = lethe_alloc_array(tiles->options.wanted_limit, sizeof(tile *));
    tiles->round_wants = lethe_alloc_array(tiles->options.wanted_limit, sizeof(tile *));
    (void)pthread_mutex_init(&tiles->lock, NULL);
    (void)pthread_cond_init(&tiles->work, NULL);
    (void)pthread_cond_init(&tiles->done, NULL);
    bool good = tiles->heap && tiles->round_wants;
    while (good && tiles->thread_count < tiles->options.threads) {
        good = pthread_create(&tiles->threads[tiles->thread_count], NULL, decode_loop, tiles) == 0;
        if (good) tiles->thread_count++;
    }
    if (!good) {
        lethe_tiles_destroy(tiles);
        return lethe_fail(error, LETHE_NO_MEMORY, "cannot start decoding threads");
    }
    *out = tiles;
    return LETHE_OK;
}

void lethe_tiles_destroy(lethe_tiles *tiles) {
    if (!tiles) return;
    (void)pthread_mutex_lock(&tiles->lock);
    tiles->stopping = true;
    (void)pthread_cond_broadcast(&tiles->work);
    (void)pthread_mutex_unlock(&tiles->lock);
    for (unsigned i = 0; i < tiles->thread_count; i++) (void)pthread_join(tiles->threads[i], NULL);
    for (size_t b = 0; b < BUCKETS; b++)
        while (tiles->buckets[b]) discard(tiles, tiles->buckets[b]);
    (void)pthread_mutex_destroy(&tiles->lock);
    (void)pthread_cond_destroy(&tiles->work);
    (void)pthread_cond_destroy(&tiles->done);
    lethe_free(tiles->heap);
    lethe_free(tiles->round_wants);
    lethe_free(tiles);
}

void lethe_tiles_begin(lethe_tiles *tiles) {
    (void)pthread_mutex_lock(&tiles->lock);
    tiles->round++;
    tiles->round_count = 0;
    evict(tiles);
    (void)pthread_mutex_unlock(&tiles->lock);
}

static void want_again(lethe_tiles *tiles, tile *t, double priority) {
    if (t->round == tiles->round) { /* wanted by two views: the more urgent one counts */
        if (priority < t->priority) t->priority = priority;
        return;
    }
    if (tiles->round_count >= tiles->options.wanted_limit) return;
    t->round = tiles->round;
    t->priority = priority;
    tiles->round_wants[tiles->round_count++] = t;
}

const lethe_image *lethe_tiles_want(lethe_tiles *tiles, const lethe_tile_key *key, double priority, bool *failed) {
    if (failed) *failed = false;
    const lethe_image *image = NULL;
    (void)pthread_mutex_lock(&tiles->lock);
    tile *t = find(tiles, key);
    if (t && t->state == TILE_READY) {
        t->round = tiles->round;
        list_remove(tiles, t);
        list_push(tiles, t);
        tiles->counts.hits++;
        image = &t->image;
    } else if (t && t->state == TILE_FAILED) {
        if (failed) *failed = true;
    } else if (t && t->state == TILE_WAITING) {
        want_again(tiles, t, priority);
    } else if (!t && tiles->round_count < tiles->options.wanted_limit) {
        t = lethe_alloc_array(1, sizeof *t);
        if (t) {
            t->key = *key;
            t->state = TILE_WAITING;
            t->chain = tiles->buckets[hash(key)];
            tiles->buckets[hash(key)] = t;
            tiles->counts.misses++;
            want_again(tiles, t, priority);
        }
    }
    (void)pthread_mutex_unlock(&tiles->lock);
    return image;
}

const lethe_image *lethe_tiles_peek(lethe_tiles *tiles, const lethe_tile_key *key) {
    (void)pthread_mutex_lock(&tiles->lock);
    tile *t = find(tiles, key);
    const lethe_image *image = NULL;
    if (t && t->state == TILE_READY) {
        t->round = tiles->round;
        image = &t->image;
    }
    (void)pthread_mutex_unlock(&tiles->lock);
    return image;
}

void lethe_tiles_commit(lethe_tiles *tiles) {
    (void)pthread_mutex_lock(&tiles->lock);
    for (size_t i = 0; i < tiles->heap_count; i++)
        if (tiles->heap[i]->round != tiles->round) {
            discard(tiles, tiles->heap[i]);
            tiles->counts.dropped++;
        }
    /* A thread may have begun one of this round's wants since. */
    tiles->heap_count = 0;
    for (size_t i = 0; i < tiles->round_count; i++)
        if (tiles->round_wants[i]->state == TILE_WAITING) tiles->heap[tiles->heap_count++] = tiles->round_wants[i];
    for (size_t i = tiles->heap_count; i-- > 0;) sift_down(tiles->heap, tiles->heap_count, i);
    tiles->round_count = 0;
    if (tiles->heap_count > 0) (void)pthread_cond_broadcast(&tiles->work);
    (void)pthread_mutex_unlock(&tiles->lock);
}

static bool is_decoding(const lethe_tiles *tiles, uint32_t source) {
    for (size_t b = 0; b < BUCKETS; b++)
        for (const tile *t = tiles->buckets[b]; t; t = t->chain)
            if (t->key.source == source && t->state == TILE_DECODING) return true;
    return false;
}

void lethe_tiles_forget(lethe_tiles *tiles, uint32_t source) {
    (void)pthread_mutex_lock(&tiles->lock);
    size_t kept = 0;
    for (size_t i = 0; i < tiles->heap_count; i++)
        if (tiles->heap[i]->key.source != source) tiles->heap[kept++] = tiles->heap[i];
    tiles->heap_count = kept;
    for (size_t i = kept; i-- > 0;) sift_down(tiles->heap, tiles->heap_count, i);
    kept = 0;
    for (size_t i = 0; i < tiles->round_count; i++)
        if (tiles->round_wants[i]->key.source != source) tiles->round_wants[kept++] = tiles->round_wants[i];
    tiles->round_count = kept;
    for (size_t b = 0; b < BUCKETS; b++)
        for (tile *t = tiles->buckets[b], *next; t; t = next) {
            next = t->chain;
            if (t->key.source != source) continue;
            if (t->state == TILE_DECODING) t->forgotten = true;
            else discard(tiles, t);
        }
    while (is_decoding(tiles, source)) (void)pthread_cond_wait(&tiles->done, &tiles->lock);
    (void)pthread_mutex_unlock(&tiles->lock);
}

bool lethe_tiles_idle(lethe_tiles *tiles) {
    (void)pthread_mutex_lock(&tiles->lock);
    bool idle = tiles->heap_count == 0 && tiles->decoding == 0 && tiles->round_count == 0;
    (void)pthread_mutex_unlock(&tiles->lock);
    return idle;
}

void lethe_tiles_count(lethe_tiles *tiles, lethe_tiles_counts *counts) {
    (void)pthread_mutex_lock(&tiles->lock);
    *counts = tiles->counts;
    counts->waiting = tiles->heap_count + tiles->decoding;
    (void)pthread_mutex_unlock(&tiles->lock);
}

void lethe_tiles_error(lethe_tiles *tiles, lethe_error *error) {
    (void)pthread_mutex_lock(&tiles->lock);
    *error = tiles->error;
    (void)pthread_mutex_unlock(&tiles->lock);
}
