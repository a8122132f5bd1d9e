/* The inside of a draft, shared by draft.c and draft_write.c. */
#ifndef LETHE_TESTDATA_DRAFT_INTERNAL_H
#define LETHE_TESTDATA_DRAFT_INTERNAL_H

#include "core/arena.h"
#include "core/buffer.h"
#include "testdata/draft.h"

typedef struct draft_fragment {
    struct draft_fragment *next;
    uint8_t *bytes;
    size_t size; /* even */
} draft_fragment;

typedef struct draft_element {
    struct draft_element *next; /* by tag */
    uint32_t tag;
    char vr[3];
    bool hidden;          /* a sequence that is written as UN */
    const uint8_t *bytes; /* little endian, padded */
    size_t size;
    const char *creator;       /* of a private block, UTF-8 */
    unsigned repeats;          /* of bytes; 1 for nearly all */
    lethe_draft_item *items;   /* of a sequence */
    draft_fragment *fragments; /* of encapsulated pixel data */
} draft_element;

struct lethe_draft_item {
    lethe_draft *draft;
    lethe_draft_item *next; /* in its sequence */
    draft_element *elements;
    char path[224]; /* of the item: what stands before the tags of its elements */
};

struct lethe_draft {
    lethe_arena *arena;
    lethe_answer_key *key;
    lethe_draft_charset charset;
    lethe_draft_item root;
    lethe_status status;
    lethe_error error;
};

/* The element with this tag, made when missing; NULL after a failure. */
draft_element *draft_element_at(lethe_draft_item *item, uint32_t tag, const char *vr);

#endif
