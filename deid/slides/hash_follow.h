/* SHA-256 of a file while it is being written: a second thread follows the writer, so that the checksum costs no time of its own on two processors.
 * The thread also starts the disk early, with or without a checksum.
 * Layer: deid. Thread rule: start, passed and finish from one thread. */
#ifndef LETHE_DEID_SLIDES_HASH_FOLLOW_H
#define LETHE_DEID_SLIDES_HASH_FOLLOW_H

#include "core/error.h"

#include <stdint.h>

typedef struct lethe_hash_follow lethe_hash_follow;

/* Follow the file behind `fd` (duplicated); `digest` false: nobody asks for the checksum. Where no thread can be had, everything is hashed in finish.
 * Errors: LETHE_NO_MEMORY, LETHE_IO, LETHE_CRYPTO. */
LETHE_NODISCARD lethe_status lethe_hash_follow_start(int fd, bool digest, lethe_hash_follow **out, lethe_error *error);
/* A range of the file that has the same blocks of the disk as one of another file, from where it is read instead (it is in memory more likely). In
 * order; before lethe_hash_follow_passed goes beyond. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_hash_follow_elsewhere(lethe_hash_follow *follow, uint64_t at, int fd, uint64_t offset, uint64_t bytes,
                                                         lethe_error *error);
/* The first `bytes` of the file are written and will not change. */
void lethe_hash_follow_passed(lethe_hash_follow *follow, uint64_t bytes);
/* The file has `bytes` in all: wait for the rest and give 64 hex characters ("" when no checksum was asked for). Frees `follow` in every case. */
LETHE_NODISCARD lethe_status lethe_hash_follow_finish(lethe_hash_follow *follow, uint64_t bytes, char out[65], lethe_error *error);
/* Stop without a result; NULL is a no-op. */
void lethe_hash_follow_cancel(lethe_hash_follow *follow);

#endif
