#include "deid/slides/hash_follow.h"

#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <unistd.h>

enum { CHUNK = 256 << 10 };

/* file[at, at + bytes) is what stands at `offset` behind `fd`. */
typedef struct elsewhere {
    uint64_t at, offset, bytes;
    int fd;
} elsewhere;

struct lethe_hash_follow {
    int fd;
    EVP_MD_CTX *context;
    uint8_t *chunk;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    uint64_t written;
    elsewhere *ranges; /* in order */
    size_t range_count, range_capacity, range_passed;
    bool digest, threaded, done, cancelled;
    lethe_status status;
    uint64_t hashed; /* the thread's own until it ends */
};

/* Where the next bytes are read, and how many of them at most. */
static void find_bytes(lethe_hash_follow *f, uint64_t at, int *fd, uint64_t *offset, uint64_t *bytes) {
    (void)pthread_mutex_lock(&f->lock);
    while (f->range_passed < f->range_count && f->ranges[f->range_passed].at + f->ranges[f->range_passed].bytes <= at) f->range_passed++;
    const elsewhere *next = f->range_passed < f->range_count ? &f->ranges[f->range_passed] : NULL;
    *fd = f->fd;
    *offset = at;
    if (next && next->at > at && *bytes > next->at - at) *bytes = next->at - at;
    if (next && next->at <= at) {
        *fd = next->fd;
        *offset = next->offset + (at - next->at);
        if (*bytes > next->at + next->bytes - at) *bytes = next->at + next->bytes - at;
    }
    (void)pthread_mutex_unlock(&f->lock);
}

static lethe_status hash_upto(lethe_hash_follow *f, uint64_t end) {
    if (!f->digest) f->hashed = end;
    while (f->hashed < end) {
        uint64_t offset, wanted = end - f->hashed < CHUNK ? end - f->hashed : CHUNK;
        int fd;
        find_bytes(f, f->hashed, &fd, &offset, &wanted);
        ssize_t got = pread(fd, f->chunk, (size_t)wanted, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return LETHE_IO;
        if (EVP_DigestUpdate(f->context, f->chunk, (size_t)got) != 1) return LETHE_CRYPTO;
        f->hashed += (uint64_t)got;
    }
    return LETHE_OK;
}

static void *follow_writer(void *argument) {
    lethe_hash_follow *f = argument;
    lethe_status status = LETHE_OK;
    for (;;) {
        (void)pthread_mutex_lock(&f->lock);
        while (f->written == f->hashed && !f->done && !f->cancelled) (void)pthread_cond_wait(&f->changed, &f->lock);
        uint64_t end = f->written;
        bool last = f->done && end == f->hashed, stop = f->cancelled;
        (void)pthread_mutex_unlock(&f->lock);
        if (last || stop || status != LETHE_OK) break;
        uint64_t from = f->hashed;
        status = hash_upto(f, end);
        if (status != LETHE_OK) break;
        /* The disk starts now, not when the slide has been proven: whoever syncs later waits for less. A hint; nothing depends on it. */
        if (end > from) (void)sync_file_range(f->fd, (off_t)from, (off_t)(end - from), SYNC_FILE_RANGE_WRITE);
    }
    f->status = status;
    return NULL;
}

static void release(lethe_hash_follow *f) {
    EVP_MD_CTX_free(f->context);
    if (f->fd >= 0) (void)close(f->fd);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->changed);
    lethe_free(f->ranges);
    lethe_free(f->chunk);
    lethe_free(f);
}

lethe_status lethe_hash_follow_start(int fd, bool wanted, lethe_hash_follow **out, lethe_error *error) {
    *out = NULL;
    lethe_hash_follow *f = lethe_alloc_array(1, sizeof *f);
    if (!f) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    f->digest = wanted;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->changed, NULL);
    f->chunk = lethe_alloc(CHUNK);
    f->fd = dup(fd);
    f->context = EVP_MD_CTX_new();
    lethe_status status = LETHE_OK;
    if (!f->chunk) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    else if (f->fd < 0) status = lethe_fail_errno(error, errno, "cannot read the output back");
    else if (!f->context || EVP_DigestInit_ex(f->context, EVP_sha256(), NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status != LETHE_OK) {
        release(f);
        return status;
    }
    f->threaded = pthread_create(&f->thread, NULL, follow_writer, f) == 0;
    *out = f;
    return LETHE_OK;
}

static void tell(lethe_hash_follow *f, uint64_t written, bool done, bool cancelled) {
    (void)pthread_mutex_lock(&f->lock);
    if (written > f->written) f->written = written;
    f->done |= done;
    f->cancelled |= cancelled;
    (void)pthread_cond_signal(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
}

lethe_status lethe_hash_follow_elsewhere(lethe_hash_follow *f, uint64_t at, int fd, uint64_t offset, uint64_t bytes, lethe_error *error) {
    lethe_status status = LETHE_OK;
    (void)pthread_mutex_lock(&f->lock);
    elsewhere *last = f->range_count ? &f->ranges[f->range_count - 1] : NULL;
    const bool goes_on = last && last->fd == fd && last->at + last->bytes == at && last->offset + last->bytes == offset;
    if (goes_on) last->bytes += bytes;
    else if (f->range_count == f->range_capacity) {
        size_t capacity = f->range_capacity ? 2 * f->range_capacity : 16;
        elsewhere *grown = lethe_realloc_array(f->ranges, capacity, sizeof *grown);
        if (!grown) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        else f->ranges = grown, f->range_capacity = capacity;
    }
    if (status == LETHE_OK && !goes_on) f->ranges[f->range_count++] = (elsewhere){at, offset, bytes, fd};
    (void)pthread_mutex_unlock(&f->lock);
    return status;
}

void lethe_hash_follow_passed(lethe_hash_follow *f, uint64_t bytes) { tell(f, bytes, false, false); }

lethe_status lethe_hash_follow_finish(lethe_hash_follow *f, uint64_t bytes, char out[65], lethe_error *error) {
    tell(f, bytes, true, false);
    if (f->threaded) (void)pthread_join(f->thread, NULL);
    lethe_status status = f->status == LETHE_OK ? hash_upto(f, bytes) : f->status;
    uint8_t digest[32];
    out[0] = '\0';
    if (status == LETHE_OK && f->digest && EVP_DigestFinal_ex(f->context, digest, NULL) != 1) status = LETHE_CRYPTO;
    if (status == LETHE_OK && f->digest) lethe_hex(digest, sizeof digest, out);
    release(f);
    return status == LETHE_OK ? status : lethe_fail(error, status, "checksum of the output failed");
}

void lethe_hash_follow_cancel(lethe_hash_follow *f) {
    if (!f) return;
    tell(f, 0, false, true);
    if (f->threaded) (void)pthread_join(f->thread, NULL);
    release(f);
}
