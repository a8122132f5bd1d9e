/* Which ranges of an output were found to hold the same bytes as ranges of the input.
 *
 * It is written while a slide is copied, when the bytes are at hand (deid/slides/follow.h), and asked by the verifier, which knows from a reader of
 * its own where each tile should come from. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_SLIDES_LEDGER_H
#define LETHE_DEID_SLIDES_LEDGER_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* output[out, out + bytes) is source[source, source + bytes). */
typedef struct lethe_ledger_run {
    uint64_t source, out, bytes;
    bool apart; /* was searched as it stands in the source, so that its borders in the output are still to be searched */
} lethe_ledger_run;

typedef struct lethe_ledger {
    lethe_ledger_run *runs; /* in order of the output, without overlap */
    size_t count, capacity;
} lethe_ledger;

/* Add a range behind all others; it joins the last one where both go on. Errors: LETHE_NO_MEMORY, LETHE_INTERNAL (not behind all others). */
LETHE_NODISCARD lethe_status lethe_ledger_add(lethe_ledger *ledger, lethe_ledger_run run, lethe_error *error);
/* True when the whole range of the output lies in one run and comes from there in the source. */
bool lethe_ledger_holds(const lethe_ledger *ledger, uint64_t source, uint64_t out, uint64_t bytes);
void lethe_ledger_release(lethe_ledger *ledger);

#endif
