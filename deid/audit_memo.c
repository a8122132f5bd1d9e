#include "deid/audit_memo.h"

#include "core/memory.h"

#include <string.h>

enum { SLOTS = 8192, MOST_ENTRIES = SLOTS / 2, MOST_STEPS = 256 };

typedef struct step {
    uint32_t index;
    uint16_t label;
} step;

typedef struct entry {
    char *text; /* NULL = free */
    size_t size;
    uint64_t hash;
    step *steps;
    unsigned step_count;
    uint16_t label;
} entry;

struct lethe_audit_memo {
    entry *slots; /* open addressing */
    size_t count;
    bool complete; /* nothing was lost of what is being noted */
    unsigned noted_count;
    step noted[MOST_STEPS];
};

lethe_audit_memo *lethe_audit_memo_create(void) {
    lethe_audit_memo *memo = lethe_alloc_array(1, sizeof *memo);
    if (memo == NULL) return NULL;
    memo->slots = lethe_alloc_array(SLOTS, sizeof *memo->slots);
    if (memo->slots != NULL) return memo;
    lethe_free(memo);
    return NULL;
}

void lethe_audit_memo_clear(lethe_audit_memo *memo) {
    for (size_t i = 0; i < SLOTS && memo->count != 0; i++) {
        entry *e = &memo->slots[i];
        if (e->text == NULL) continue;
        lethe_wipe(e->text, e->size);
        lethe_free(e->text);
        lethe_free(e->steps);
        *e = (entry){0};
    }
    memo->count = 0;
}

void lethe_audit_memo_destroy(lethe_audit_memo *memo) {
    if (memo == NULL) return;
    lethe_audit_memo_clear(memo);
    lethe_free(memo->slots);
    lethe_free(memo);
}

static uint64_t hash_of(const char *text, size_t size, uint16_t label) {
    uint64_t hash = 1469598103934665603ull ^ label;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 1099511628211ull;
    return hash;
}

/* The entry of a text, or the free slot where it belongs. */
static entry *slot_of(const lethe_audit_memo *memo, const char *text, size_t size, uint16_t label, uint64_t hash) {
    size_t at = (size_t)(hash ^ hash >> 32) % SLOTS;
    for (;; at = (at + 1) % SLOTS) {
        entry *e = &memo->slots[at];
        if (e->text == NULL || (e->hash == hash && e->label == label && e->size == size && memcmp(e->text, text, size) == 0)) return e;
    }
}

bool lethe_audit_memo_replay(const lethe_audit_memo *memo, lethe_matcher *matcher, const char *text, size_t size, uint16_t label) {
    const entry *e = slot_of(memo, text, size, label, hash_of(text, size, label));
    if (e->text == NULL) return false;
    for (unsigned i = 0; i < e->step_count; i++) lethe_matcher_wake(matcher, e->steps[i].index, e->steps[i].label);
    return true;
}

void lethe_audit_memo_start(lethe_audit_memo *memo) {
    memo->complete = true;
    memo->noted_count = 0;
}

void lethe_audit_memo_note(lethe_audit_memo *memo, uint32_t index, uint16_t label) {
    if (memo->noted_count == MOST_STEPS) memo->complete = false;
    else memo->noted[memo->noted_count++] = (step){.index = index, .label = label};
}

void lethe_audit_memo_finish(lethe_audit_memo *memo, const char *text, size_t size, uint16_t label) {
    if (!memo->complete || memo->count == MOST_ENTRIES) return;
    uint64_t hash = hash_of(text, size, label);
    entry *e = slot_of(memo, text, size, label, hash);
    if (e->text != NULL) return;
    char *copy = lethe_alloc(size);
    step *steps = lethe_alloc_array(memo->noted_count + 1, sizeof *steps); /* what is passed over is remembered, too */
    if (copy == NULL || steps == NULL) {                                   /* it will be written out again next time */
        lethe_free(copy);
        lethe_free(steps);
        return;
    }
    memcpy(copy, text, size);
    memcpy(steps, memo->noted, memo->noted_count * sizeof *steps);
    *e = (entry){.text = copy, .size = size, .hash = hash, .steps = steps, .step_count = memo->noted_count, .label = label};
    memo->count++;
}
