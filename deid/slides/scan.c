#include "deid/slides/scan.h"

#include "core/memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE_BYTES = 4 << 20 };

struct lethe_scan {
    const uint8_t *bytes;
    uint64_t size;
    const lethe_search *search;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    uint64_t next;        /* first byte that nobody has taken */
    bool threaded, found;
    lethe_search_hit hit; /* offset within the file; the lowest of all that were found */
};

/* Page table entries are dropped, so that a large file does not count as memory in use. The last page may hold what others still read, and a small
 * file is no mapping. */
static void give_back(const lethe_scan *s, uint64_t from, uint64_t to) {
    if (s->size <= PIECE_BYTES) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = ((uintptr_t)s->bytes + from + page - 1) & ~(page - 1),
              end = ((uintptr_t)s->bytes + to) & ~(page - 1);
    if (end > start) (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

/* The next piece that is free; false when there is none, or a hit stands before it already. */
static bool take_piece(lethe_scan *s, uint64_t *from) {
    (void)pthread_mutex_lock(&s->lock);
    bool more = s->next < s->size && !s->found;
    *from = s->next;
    if (more) s->next += PIECE_BYTES;
    (void)pthread_mutex_unlock(&s->lock);
    return more;
}

static void note_hit(lethe_scan *s, lethe_search_hit hit) {
    (void)pthread_mutex_lock(&s->lock);
    if (!s->found || hit.offset < s->hit.offset) s->hit = hit;
    s->found = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static void *search_pieces(void *argument) {
    lethe_scan *s = argument;
    const uint64_t overlap = lethe_search_overlap(s->search); /* values that lie across the border of two pieces */
    uint64_t from;
    while (take_piece(s, &from)) {
        uint64_t left = s->size - from, length = left > PIECE_BYTES + overlap ? PIECE_BYTES + overlap : left;
        lethe_search_hit hit;
        if (lethe_search_run(s->search, LETHE_SEARCH_PIXELS, s->bytes + from, length, &hit)) {
            hit.offset += from;
            note_hit(s, hit);
        }
        give_back(s, from, from + length);
    }
    return NULL;
}

lethe_status lethe_scan_start(const uint8_t *bytes, uint64_t size, const lethe_search *search, lethe_scan **out, lethe_error *error) {
    lethe_scan *s = *out = lethe_alloc_array(1, sizeof *s);
    if (!s) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    s->bytes = bytes;
    s->size = size;
    s->search = search;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->threaded = size > PIECE_BYTES && pthread_create(&s->thread, NULL, search_pieces, s) == 0;
    return LETHE_OK;
}

static void release(lethe_scan *s) {
    if (s->threaded) (void)pthread_join(s->thread, NULL);
    (void)pthread_mutex_destroy(&s->lock);
    lethe_free(s);
}

lethe_status lethe_scan_finish(lethe_scan *s, lethe_error *error) {
    (void)search_pieces(s);
    if (s->threaded) (void)pthread_join(s->thread, NULL);
    s->threaded = false;
    lethe_status status = LETHE_OK;
    if (s->found)
        status = lethe_fail(error, LETHE_UNSAFE, "output: a removed value (number %zu) stands at offset %" PRIu64, s->hit.value + 1, s->hit.offset);
    release(s);
    return status;
}

void lethe_scan_cancel(lethe_scan *s) {
    if (!s) return;
    (void)pthread_mutex_lock(&s->lock);
    s->next = s->size;
    (void)pthread_mutex_unlock(&s->lock);
    release(s);
}
