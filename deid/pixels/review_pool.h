/* Confined workers for the review desk: whatever looks into an image runs there, never in the process that holds the key and the database. Layer:
 * deid. Thread rule: one thread at a time; the process must be single-threaded when the pool starts. */
#ifndef LETHE_DEID_REVIEW_POOL_H
#define LETHE_DEID_REVIEW_POOL_H

#include "deid/pixels/pixel_rules.h"

typedef struct lethe_review_pool lethe_review_pool;

typedef struct lethe_review_pool_options {
    const char *const *readable; /* NULL-terminated: folders of the images */
    unsigned workers;            /* 0 = one per processor */
    /* Rules to ask for: borrowed until the pool is destroyed. */
    const lethe_pixel_rule *const *rules;
    unsigned rule_count;
} lethe_review_pool_options;

LETHE_NODISCARD lethe_status lethe_review_pool_start(const lethe_review_pool_options *options, lethe_review_pool **out, lethe_error *error);
void lethe_review_pool_destroy(lethe_review_pool *pool);

/* Ask which of the rules fit an image: `told` is called later, with fits[i] for rule i; an image that cannot be read fits none. */
typedef lethe_status (*lethe_review_fits_fn)(void *context, uint64_t tag, const uint8_t *fits, unsigned count, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_review_pool_fits(lethe_review_pool *pool, uint64_t tag, const char *path, lethe_review_fits_fn told, void *context,
                                                    lethe_error *error);
LETHE_NODISCARD lethe_status lethe_review_pool_drain(lethe_review_pool *pool, lethe_error *error);

/* A rule for the image at `path` as text (lethe_pixel_rule_format); draft->dataset is not looked at. Waits. */
LETHE_NODISCARD lethe_status lethe_review_pool_format(lethe_review_pool *pool, const char *path, const lethe_pixel_rule_draft *draft,
                                                      lethe_buffer *out, lethe_error *error);

/* One frame of an image as a picture. Waits. */
struct lethe_review_look;
LETHE_NODISCARD lethe_status lethe_review_pool_picture(lethe_review_pool *pool, const char *path, const struct lethe_review_look *look,
                                                       lethe_buffer *picture, lethe_error *error);

#endif
