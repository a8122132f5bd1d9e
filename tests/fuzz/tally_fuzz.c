/* room: deid. Any bytes as the counts of a worker, which may have been taken over by what it read. What is accepted must come out the same when it is
 * sent on. */
#include "deid/annex_e.h"
#include "deid/tally.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lethe_tally *make(void) {
    lethe_tally *tally = NULL;
    if (lethe_tally_create(LETHE_OPTION_DESCRIPTORS, true, &tally, NULL) != LETHE_OK) abort();
    return tally;
}

static void compare(lethe_tally *a, lethe_tally *b) {
    size_t rows_a, rows_b;
    const lethe_tally_row *x = lethe_tally_rows(a, &rows_a), *y = lethe_tally_rows(b, &rows_b);
    if (rows_a != rows_b || lethe_tally_overflow(a) != lethe_tally_overflow(b)) abort();
    for (size_t i = 0; i < rows_a; i++)
        if (x[i].tag != y[i].tag || x[i].deed != y[i].deed || x[i].clause != y[i].clause || x[i].elements != y[i].elements) abort();
    if (lethe_tally_text_count(a) != lethe_tally_text_count(b) || lethe_tally_texts_cut(a) != lethe_tally_texts_cut(b)) abort();
    for (size_t i = 0; i < lethe_tally_text_count(a); i++) {
        lethe_tally_text p = lethe_tally_text_at(a, i), q = lethe_tally_text_at(b, i);
        if (p.tag != q.tag || strcmp(p.before, q.before) != 0 || strcmp(p.after, q.after) != 0) abort();
        if (strlen(p.before) > LETHE_TALLY_TEXT_BYTES || strlen(p.after) > LETHE_TALLY_TEXT_BYTES) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lethe_tally *first = make(), *second = make(), *third = make();
    lethe_buffer sent;
    lethe_buffer_init(&sent, 64u << 20);
    if (lethe_tally_merge(first, data, size, NULL) == LETHE_OK && lethe_tally_merge(second, data, size, NULL) == LETHE_OK) {
        if (lethe_tally_take(second, &sent, NULL) != LETHE_OK) abort();
        if (lethe_tally_merge(third, sent.bytes, sent.size, NULL) != LETHE_OK) abort();
        compare(first, third);
    }
    lethe_buffer_release(&sent);
    lethe_tally_destroy(first);
    lethe_tally_destroy(second);
    lethe_tally_destroy(third);
    return 0;
}
