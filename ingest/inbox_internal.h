/* What the files of the inbox share; for ingest/inbox*.c only. */
#ifndef LETHE_INGEST_INBOX_INTERNAL_H
#define LETHE_INGEST_INBOX_INTERNAL_H

#include "core/file.h"
#include "ingest/inbox.h"
#include "ingest/inbox_digest.h"
#include "ingest/inbox_label.h"

#include <openssl/evp.h>

enum {
    WRITE_BUFFER_BYTES = 256 << 10,
    DATA_SET_BUFFER_BYTES = 1 << 20, /* of a file that carries its row; a multiple of PAGE_BYTES */
    WRITE_BYTES = 256 << 10,
    PAGE_BYTES = 4096,
    NAME_BYTES = 16,
    MOST_SPARES = 32
};

/* An empty file whose entry in its folder is on disk already. */
typedef struct spare {
    int fd;
    char relative[96];
} spare;

/* The main file of a slide of several files, in a folder of its own. */
#define INBOX_SLIDE_NAME "slide.mrxs"

struct lethe_inbox {
    const lethe_project *project;
    uint64_t reserve_bytes;
    int lock_fd;   /* -1 until lethe_inbox_sweep */
    char made[32]; /* the newest folder made, "20260131/1207" */
    spare spares[MOST_SPARES];
    size_t spare_count, spare_batch;
    uint8_t *spare_buffer;    /* DATA_SET_BUFFER_BYTES, of the last data set; or NULL */
    inbox_digester *digester; /* made with the first data set of this process */
    bool digester_taken;      /* by a file under way */
};

struct lethe_inbox_file {
    lethe_inbox *inbox;
    int fd;
    char *path;
    char relative[96]; /* below private/ */
    char *container;   /* folder of a slide of several files, or NULL */
    EVP_MD_CTX *digest;
    uint64_t size;       /* with header */
    uint64_t undigested; /* bytes at the start that do not count */
    uint8_t *buffer;
    size_t capacity, filled;  /* of `buffer`, which begins at a whole number of pages of the file */
    size_t written, digested; /* how much of what is in `buffer` (digested: or handed to the digester) */
    inbox_digester *digester; /* of the inbox, or NULL: `digest` does it */
    size_t label_offset;      /* 0 = the file carries no row */
    char header_sha256[65];   /* of what stands before the label */
    lethe_inbox_check *check; /* of what stands behind it */
    bool complete;
};

/* The folder of this minute, made and synced: "20260131/1207". */
lethe_status inbox_make_minute(lethe_inbox *inbox, char folder[32], lethe_error *error);
/* What the sweep does with each file; `file` gets its path and where it lies below the inbox. */
typedef struct inbox_visit {
    lethe_walk_fn file;
    lethe_status (*end)(void *context, lethe_error *error); /* after the last; what was found must be in the store when it returns */
    const uint64_t *trouble;                                /* counts files that must be looked at again next time */
    void *context;
} inbox_visit;
/* Visit the files of all folders that have changed since this was done before (ingest/inbox_folders.c). */
lethe_status inbox_walk_changed(const lethe_inbox *inbox, lethe_queue *queue, const inbox_visit *visit, lethe_error *error);
/* Remove a folder with all that is in it. */
void inbox_remove_tree(const char *path);

#endif
