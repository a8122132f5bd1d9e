/* Finds any of many byte patterns in one pass: a filter over three-byte groups, then comparison. Patterns are known by their last three bytes, which
 * differ where the first do not: UIDs of one root. Cheap to fill anew for every file. Layer: deid.
 * Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_MATCHER_H
#define LETHE_DEID_MATCHER_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lethe_matcher lethe_matcher;

enum {
    LETHE_MATCH_EXACT = 1,   /* case counts; otherwise ASCII letters are folded */
    LETHE_MATCH_ANYWHERE = 2 /* no look at the neighbours; otherwise a letter may not stand next to a letter, nor a digit next to a digit */
};

typedef struct lethe_match {
    uint64_t offset;
    uint16_t label; /* given with the pattern */
    /* Where the search goes on. */
    bool found;
    uint64_t at;
    uint32_t pattern;
} lethe_match;

LETHE_NODISCARD lethe_status lethe_matcher_create(lethe_matcher **out, lethe_error *error);
void lethe_matcher_destroy(lethe_matcher *matcher);
void lethe_matcher_clear(lethe_matcher *matcher);
/* Put all patterns to sleep: they match nothing until they are added or woken; waking costs much less than adding anew. False when there were too
 * many to keep and all are forgotten instead, as by lethe_matcher_clear: indices from before mean nothing then. */
bool lethe_matcher_sleep(lethe_matcher *matcher);
/* As adding the same pattern again under `label`. */
void lethe_matcher_wake(lethe_matcher *matcher, uint32_t index, uint16_t label);
/* Patterns under 3 bytes are ignored. `stride`: bytes per character (2 for UTF-16), for the look at neighbours. Copied.
 * `index`: for lethe_matcher_wake; UINT32_MAX for what was ignored. */
LETHE_NODISCARD lethe_status lethe_matcher_add(lethe_matcher *matcher, const void *bytes, size_t size, unsigned stride, unsigned flags,
                                               uint16_t label, uint32_t *index, lethe_error *error);
/* A match in bytes[from, to), in the order of their ends; neighbours are looked at within bytes[0, size). With a zeroed `match` the first one, with the
 * one that was found last (and the same other parameters) the next. */
bool lethe_matcher_find(const lethe_matcher *matcher, const uint8_t *bytes, uint64_t size, uint64_t from, uint64_t to, lethe_match *match);
size_t lethe_matcher_count(const lethe_matcher *matcher); /* awake */

#endif
