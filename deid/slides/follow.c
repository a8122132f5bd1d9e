#include "deid/slides/follow.h"

#include "core/memory.h"
#include "deid/slides/hash_follow.h"
#include "deid/slides/same_blocks.h"
#include "deid/slides/tile_check.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PART_BYTES = 2 << 20, /* what one thread looks at in one go */
    PART_SPANS = 64,
    QUEUE = 6,
    LARGE_STREAM_BYTES = 8 << 20
};

/* A range that was copied. */
typedef struct span {
    uint64_t source, out, bytes;
    uint64_t searched_from; /* in the source, when both have the same blocks: with what stands before it in its run */
    bool shares_blocks;
} span;

typedef struct part {
    span spans[PART_SPANS]; /* neighbours in the output */
    unsigned count;
    uint64_t bytes;
    lethe_tiff_segment *const *segments;
    size_t segment_count;
} part;

struct lethe_follow {
    lethe_follow_options options;
    lethe_hash_follow *hash;
    lethe_ledger ledger;   /* the writer's thread only */
    part filling;          /* the same */
    const uint8_t *output; /* a mapping that reaches to the end that the output will have; NULL before the first range */
    uint64_t total_bytes;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    part queue[QUEUE];
    unsigned first, waiting, busy;
    uint64_t looked_at;
    bool threaded, ended;
    lethe_status status;
    lethe_error why;
    _Atomic bool stopped; /* a failure, or an unclean stream */
    _Atomic bool unclean;
};

/* --- pages are given back, so that a large file does not count as memory in use --- */

static void give_pages(const uint8_t *bytes, uint64_t from, uint64_t to) {
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    from &= ~(page - 1);
    if (to > from) (void)madvise((void *)(uintptr_t)(bytes + from), (size_t)(to - from), MADV_DONTNEED);
}

static void give_source(const lethe_follow *f, uint64_t from, uint64_t to) {
    if (f->options.source_is_mapped) give_pages(f->options.source, from, to);
}

/* --- one part --- */

static void fail(lethe_follow *f, lethe_status status, const char *what, uint64_t offset) {
    (void)pthread_mutex_lock(&f->lock);
    if (f->status == LETHE_OK) f->status = lethe_fail(&f->why, status, "%s %" PRIu64, what, offset);
    (void)pthread_mutex_unlock(&f->lock);
    atomic_store(&f->stopped, true);
}

typedef struct long_stream {
    const lethe_follow *follow;
    uint64_t offset, released;
} long_stream;

static void on_passed(void *context, size_t upto) {
    long_stream *s = context;
    give_source(s->follow, s->offset + s->released, s->offset + upto);
    s->released = upto;
}

static bool is_clean(const lethe_follow *f, const lethe_tiff_segment *segment) {
    long_stream stream = {.follow = f, .offset = segment->offset};
    lethe_stream_pieces pieces = {.passed = on_passed, .passed_context = &stream};
    if (segment->offset > f->options.source_size || segment->bytes > f->options.source_size - segment->offset) return false;
    bool clean = lethe_tile_check_one(segment->note, f->options.source + segment->offset, segment->bytes, &pieces, NULL) == LETHE_OK;
    if (segment->bytes > LARGE_STREAM_BYTES) give_source(f, segment->offset + stream.released, segment->offset + segment->bytes);
    return clean && !pieces.dropped_bytes;
}

static void look_into_streams(lethe_follow *f, const part *p) {
    for (size_t i = 0; i < p->segment_count && !atomic_load(&f->stopped); i++) {
        const lethe_tiff_segment *segment = p->segments[i];
        if (!segment || !segment->note || segment->pieces || is_clean(f, segment)) continue;
        atomic_store(&f->unclean, true);
        atomic_store(&f->stopped, true);
    }
}

static void search(lethe_follow *f, const uint8_t *bytes, uint64_t from, uint64_t to, uint64_t out_offset) {
    lethe_search_hit hit;
    if (!f->options.search || to <= from || !lethe_search_run(f->options.search, LETHE_SEARCH_PIXELS, bytes + from, to - from, &hit)) return;
    (void)pthread_mutex_lock(&f->lock);
    if (f->status == LETHE_OK)
        f->status = lethe_fail(&f->why, LETHE_UNSAFE, "output: a removed value (number %zu) stands at offset %" PRIu64, hit.value + 1,
                               out_offset + hit.offset);
    (void)pthread_mutex_unlock(&f->lock);
    atomic_store(&f->stopped, true);
}

/* True when the span needs no second look because both files have it in the same place of the disk. */
static bool look_at_shared(lethe_follow *f, const span *s) {
    if (!s->shares_blocks || !lethe_same_blocks(f->options.source_fd, s->source, f->options.output_fd, s->out, s->bytes)) return false;
    search(f, f->options.source, s->searched_from, s->source + s->bytes, s->out - (s->source - s->searched_from));
    return true;
}

static void look_at(lethe_follow *f, const part *p) {
    const uint64_t overlap = f->options.search ? lethe_search_overlap(f->options.search) : 0;
    uint64_t from = 0, to = 0; /* of the output, compared and not searched yet */
    look_into_streams(f, p);
    for (unsigned i = 0; i < p->count && !atomic_load(&f->stopped); i++) {
        const span *s = &p->spans[i];
        if (look_at_shared(f, s)) continue;
        if (memcmp(f->options.source + s->source, f->output + s->out, (size_t)s->bytes) != 0) {
            fail(f, LETHE_UNSAFE, "output: what was copied differs from the input behind offset", s->out);
            break;
        }
        if (s->out != to) {
            search(f, f->output, from, to, from);
            from = s->out > overlap ? s->out - overlap : 0; /* everything before was written already */
        }
        to = s->out + s->bytes;
    }
    if (!atomic_load(&f->stopped)) search(f, f->output, from, to, from);
    for (unsigned i = 0; i < p->count; i++) {
        const span *s = &p->spans[i];
        give_source(f, s->searched_from, s->source + s->bytes);
        give_pages(f->output, s->out > overlap ? s->out - overlap : 0, s->out + s->bytes);
    }
}

/* --- the queue --- */

/* Take a part and look at it; the lock is held before and after. */
static void work_on_one(lethe_follow *f) {
    part taken = f->queue[f->first];
    f->first = (f->first + 1) % QUEUE;
    f->waiting--;
    f->busy++;
    (void)pthread_mutex_unlock(&f->lock);
    if (!atomic_load(&f->stopped)) look_at(f, &taken);
    (void)pthread_mutex_lock(&f->lock);
    f->busy--;
    f->looked_at += taken.bytes;
    (void)pthread_cond_broadcast(&f->changed);
}

static void *follow_writer(void *argument) {
    lethe_follow *f = argument;
    (void)pthread_mutex_lock(&f->lock);
    for (;;) {
        while (!f->waiting && !f->ended) (void)pthread_cond_wait(&f->changed, &f->lock);
        if (!f->waiting) break;
        work_on_one(f);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* Put what was gathered into the queue; a writer that finds it full looks at some itself. */
static void push(lethe_follow *f) {
    if (!f->filling.count) return;
    (void)pthread_mutex_lock(&f->lock);
    while (f->waiting == QUEUE || (f->waiting && !f->threaded)) work_on_one(f);
    f->queue[(f->first + f->waiting++) % QUEUE] = f->filling;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
    f->filling.count = 0;
}

static bool map_output(lethe_follow *f, uint64_t bytes) {
    void *mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, f->options.output_fd, 0);
    if (mapped == MAP_FAILED) {
        fail(f, LETHE_IO, "the output cannot be mapped: error", (uint64_t)errno);
        return false;
    }
    f->output = mapped;
    f->total_bytes = bytes;
    return true;
}

static void add_span(lethe_follow *f, const lethe_tiff_copied *range) {
    part *p = &f->filling;
    const uint64_t overlap = f->options.search ? lethe_search_overlap(f->options.search) : 0;
    if (p->count && (p->count == PART_SPANS || p->bytes + range->bytes > PART_BYTES ||
                     p->spans[p->count - 1].out + p->spans[p->count - 1].bytes != range->out_offset))
        push(f);
    if (!p->count) *p = (part){.segments = range->segments};
    const lethe_ledger_run *run = &f->ledger.runs[f->ledger.count - 1]; /* the one that the range has just joined */
    uint64_t before = range->source_offset - run->source;
    p->spans[p->count++] = (span){.source = range->source_offset,
                                  .out = range->out_offset,
                                  .bytes = range->bytes,
                                  .searched_from = range->source_offset - (before < overlap ? before : overlap),
                                  .shares_blocks = range->shares_blocks};
    p->bytes += range->bytes;
    if (range->segments) p->segment_count = (size_t)(range->segments + range->segment_count - p->segments);
}

bool lethe_follow_copied(void *follow, const lethe_tiff_copied *range) {
    lethe_follow *f = follow;
    lethe_error why = {0};
    if (!range->bytes) return true;
    if (!f->output && !map_output(f, range->total_bytes)) return false;
    if (range->source_offset > f->options.source_size || range->bytes > f->options.source_size - range->source_offset) {
        fail(f, LETHE_INTERNAL, "what was copied lies outside of the input at offset", range->source_offset);
        return false;
    }
    const lethe_ledger_run run = {range->source_offset, range->out_offset, range->bytes, range->shares_blocks};
    lethe_status status = lethe_ledger_add(&f->ledger, run, &why);
    if (status == LETHE_OK && range->shares_blocks)
        status = lethe_hash_follow_elsewhere(f->hash, range->out_offset, f->options.source_fd, range->source_offset, range->bytes, &why);
    if (status != LETHE_OK) {
        fail(f, status, "what was copied cannot be noted at offset", range->out_offset);
        return false;
    }
    lethe_hash_follow_passed(f->hash, range->out_offset + range->bytes);
    add_span(f, range);
    if (f->filling.bytes >= PART_BYTES) push(f);
    if (f->options.progress) {
        (void)pthread_mutex_lock(&f->lock);
        uint64_t done = f->looked_at;
        (void)pthread_mutex_unlock(&f->lock);
        f->options.progress(f->options.progress_context, range->out_offset + range->bytes + done, 2 * range->total_bytes);
    }
    return !atomic_load(&f->stopped);
}

void lethe_follow_ended(void *follow) {
    lethe_follow *f = follow;
    push(f);
    (void)pthread_mutex_lock(&f->lock);
    f->ended = true;
    (void)pthread_cond_broadcast(&f->changed);
    while (f->waiting || f->busy) {
        if (f->waiting) work_on_one(f);
        else (void)pthread_cond_wait(&f->changed, &f->lock);
    }
    (void)pthread_mutex_unlock(&f->lock);
    if (f->threaded) (void)pthread_join(f->thread, NULL);
    f->threaded = false;
}

/* --- from outside --- */

lethe_status lethe_follow_start(const lethe_follow_options *options, lethe_follow **out, lethe_error *error) {
    *out = NULL;
    lethe_follow *f = lethe_alloc_array(1, sizeof *f);
    if (!f) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    f->options = *options;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->changed, NULL);
    lethe_status status = lethe_hash_follow_start(options->output_fd, options->digest, &f->hash, error);
    if (status != LETHE_OK) {
        lethe_follow_destroy(f);
        return status;
    }
    f->threaded = pthread_create(&f->thread, NULL, follow_writer, f) == 0;
    *out = f;
    return LETHE_OK;
}

lethe_status lethe_follow_result(const lethe_follow *f, bool *unclean, lethe_error *error) {
    *unclean = atomic_load(&f->unclean);
    if (f->status != LETHE_OK) return lethe_fail(error, f->status, "%s", f->why.message);
    return *unclean ? lethe_fail(error, LETHE_UNSAFE, "a stream holds more than pixels") : LETHE_OK;
}

const lethe_ledger *lethe_follow_ledger(const lethe_follow *f) { return &f->ledger; }

lethe_status lethe_follow_digest(lethe_follow *f, uint64_t bytes, char sha256[65], lethe_error *error) {
    lethe_hash_follow *hash = f->hash;
    f->hash = NULL;
    return lethe_hash_follow_finish(hash, bytes, sha256, error);
}

void lethe_follow_destroy(lethe_follow *f) {
    if (!f) return;
    atomic_store(&f->stopped, true);
    f->filling.count = 0;
    lethe_follow_ended(f);
    lethe_hash_follow_cancel(f->hash);
    if (f->output) (void)munmap((void *)(uintptr_t)f->output, (size_t)f->total_bytes);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->changed);
    lethe_ledger_release(&f->ledger);
    lethe_free(f);
}
