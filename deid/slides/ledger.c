#include "deid/slides/ledger.h"

#include "core/memory.h"

lethe_status lethe_ledger_add(lethe_ledger *ledger, lethe_ledger_run run, lethe_error *error) {
    lethe_ledger_run *last = ledger->count ? &ledger->runs[ledger->count - 1] : NULL;
    if (!run.bytes) return LETHE_OK;
    if (last && run.out < last->out + last->bytes) return lethe_fail(error, LETHE_INTERNAL, "ranges of the output are not in order");
    if (last && run.out == last->out + last->bytes && run.source == last->source + last->bytes && run.apart == last->apart) {
        last->bytes += run.bytes;
        return LETHE_OK;
    }
    if (ledger->count == ledger->capacity) {
        size_t capacity = ledger->capacity ? 2 * ledger->capacity : 64;
        lethe_ledger_run *grown = lethe_realloc_array(ledger->runs, capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        ledger->runs = grown;
        ledger->capacity = capacity;
    }
    ledger->runs[ledger->count++] = run;
    return LETHE_OK;
}

bool lethe_ledger_holds(const lethe_ledger *ledger, uint64_t source, uint64_t out, uint64_t bytes) {
    size_t first = 0, last = ledger->count; /* the first run that begins behind `out` */
    while (first < last) {
        size_t middle = first + (last - first) / 2;
        if (ledger->runs[middle].out <= out) first = middle + 1;
        else last = middle;
    }
    if (!first) return false;
    const lethe_ledger_run *run = &ledger->runs[first - 1];
    const uint64_t into = out - run->out;
    return into < run->bytes && bytes <= run->bytes - into && source >= into && source - into == run->source;
}

void lethe_ledger_release(lethe_ledger *ledger) {
    lethe_free(ledger->runs);
    *ledger = (lethe_ledger){0};
}
