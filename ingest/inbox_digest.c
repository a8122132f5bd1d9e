#include "ingest/inbox_digest.h"

#include "core/memory.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>

enum { PIECE_BYTES = 64 << 10 }; /* between two looks at what has come meanwhile */

struct inbox_digester {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    EVP_MD_CTX *context;     /* the thread's while at != end */
    const uint8_t *at, *end; /* borrowed, not yet digested */
    bool failed, ending;
};

static void *run(void *context) {
    inbox_digester *self = context;
    (void)pthread_mutex_lock(&self->lock);
    while (!self->ending) {
        if (self->at == self->end) {
            (void)pthread_cond_wait(&self->work, &self->lock);
            continue;
        }
        size_t left = (size_t)(self->end - self->at), piece = left < PIECE_BYTES ? left : PIECE_BYTES;
        (void)pthread_mutex_unlock(&self->lock);
        bool done = EVP_DigestUpdate(self->context, self->at, piece) == 1;
        (void)pthread_mutex_lock(&self->lock);
        self->failed = self->failed || !done;
        self->at += piece;
        if (self->at == self->end) (void)pthread_cond_signal(&self->idle);
    }
    (void)pthread_mutex_unlock(&self->lock);
    return NULL;
}

inbox_digester *inbox_digester_create(void) {
    inbox_digester *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return NULL;
    sigset_t all, before;
    (void)sigfillset(&all); /* they are for the thread that waits for the peer */
    (void)pthread_mutex_init(&fresh->lock, NULL);
    (void)pthread_cond_init(&fresh->work, NULL);
    (void)pthread_cond_init(&fresh->idle, NULL);
    fresh->context = EVP_MD_CTX_new();
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool made = fresh->context != NULL && pthread_create(&fresh->thread, NULL, run, fresh) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (made) return fresh;
    EVP_MD_CTX_free(fresh->context);
    lethe_free(fresh);
    return NULL;
}

void inbox_digester_destroy(inbox_digester *digester) {
    if (digester == NULL) return;
    (void)pthread_mutex_lock(&digester->lock);
    digester->ending = true;
    (void)pthread_cond_signal(&digester->work);
    (void)pthread_mutex_unlock(&digester->lock);
    (void)pthread_join(digester->thread, NULL);
    (void)pthread_cond_destroy(&digester->work);
    (void)pthread_cond_destroy(&digester->idle);
    (void)pthread_mutex_destroy(&digester->lock);
    EVP_MD_CTX_free(digester->context);
    lethe_free(digester);
}

void inbox_digester_begin(inbox_digester *digester) {
    (void)pthread_mutex_lock(&digester->lock);
    while (digester->at != digester->end) (void)pthread_cond_wait(&digester->idle, &digester->lock);
    digester->at = digester->end = NULL;
    digester->failed = EVP_DigestInit_ex(digester->context, EVP_sha256(), NULL) != 1;
    (void)pthread_mutex_unlock(&digester->lock);
}

void inbox_digester_take(inbox_digester *digester, const uint8_t *bytes, size_t size) {
    (void)pthread_mutex_lock(&digester->lock);
    if (digester->at == digester->end) {
        digester->at = bytes;
        digester->end = bytes + size;
        if (size != 0) (void)pthread_cond_signal(&digester->work);
    } else {
        digester->end += size;
    }
    (void)pthread_mutex_unlock(&digester->lock);
}

void inbox_digester_wait(inbox_digester *digester) {
    (void)pthread_mutex_lock(&digester->lock);
    while (digester->at != digester->end) (void)pthread_cond_wait(&digester->idle, &digester->lock);
    (void)pthread_mutex_unlock(&digester->lock);
}

lethe_status inbox_digester_end(inbox_digester *digester, uint8_t digest[32], lethe_error *error) {
    inbox_digester_wait(digester);
    if (digester->failed || EVP_DigestFinal_ex(digester->context, digest, NULL) != 1) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    return LETHE_OK;
}
