#include "deid/text/text_memo.h"

#include "core/memory.h"

#include <string.h>

enum { SLOTS = 1024, MOST_ENTRIES = 512, ROOM_BYTES = 128 << 10, LONGEST_BYTES = 512 };

typedef struct entry {
    uint64_t hash;                  /* 0 = free */
    uint32_t start, size, out_size; /* in `room`: the text, then what came out */
    uint8_t question, answer;
} entry;

struct lethe_text_memo {
    entry slots[SLOTS];
    size_t count, used;
    char room[ROOM_BYTES];
};

lethe_text_memo *lethe_text_memo_create(void) { return lethe_alloc_array(1, sizeof(lethe_text_memo)); }

void lethe_text_memo_clear(lethe_text_memo *memo) {
    if (memo->count == 0) return;
    memset(memo->slots, 0, sizeof memo->slots);
    lethe_wipe(memo->room, memo->used);
    memo->count = memo->used = 0;
}

void lethe_text_memo_destroy(lethe_text_memo *memo) {
    if (memo == NULL) return;
    lethe_text_memo_clear(memo);
    lethe_free(memo);
}

static uint64_t hash_of(uint8_t question, const char *text, size_t size) {
    uint64_t hash = 1469598103934665603ull ^ question;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 1099511628211ull;
    return hash | 1;
}

/* The entry of a text, or the free slot where it belongs. */
static size_t slot_of(const lethe_text_memo *memo, uint64_t hash, uint8_t question, const char *text, size_t size) {
    size_t at = (size_t)(hash ^ hash >> 32) % SLOTS;
    for (;; at = (at + 1) % SLOTS) {
        const entry *e = &memo->slots[at];
        if (e->hash == 0) return at;
        if (e->hash == hash && e->question == question && e->size == size && memcmp(memo->room + e->start, text, size) == 0) return at;
    }
}

bool lethe_text_memo_find(const lethe_text_memo *memo, uint8_t question, const char *text, size_t size, lethe_text_answer *answer) {
    if (size > LONGEST_BYTES) return false;
    uint64_t hash = hash_of(question, text, size);
    const entry *e = &memo->slots[slot_of(memo, hash, question, text, size)];
    if (e->hash == 0) return false;
    *answer = (lethe_text_answer){.text = memo->room + e->start + e->size, .size = e->out_size, .answer = e->answer};
    return true;
}

void lethe_text_memo_add(lethe_text_memo *memo, uint8_t question, const char *text, size_t size, const lethe_text_answer *answer) {
    if (size > LONGEST_BYTES || answer->size > LONGEST_BYTES) return;
    if (memo->count == MOST_ENTRIES || ROOM_BYTES - memo->used < size + answer->size) lethe_text_memo_clear(memo);
    uint64_t hash = hash_of(question, text, size);
    entry *e = &memo->slots[slot_of(memo, hash, question, text, size)];
    if (e->hash != 0) return;
    *e = (entry){.hash = hash,
                 .start = (uint32_t)memo->used,
                 .size = (uint32_t)size,
                 .out_size = (uint32_t)answer->size,
                 .question = question,
                 .answer = answer->answer};
    if (size != 0) memcpy(memo->room + memo->used, text, size);
    if (answer->size != 0) memcpy(memo->room + memo->used + size, answer->text, answer->size);
    memo->used += size + answer->size;
    memo->count++;
}
