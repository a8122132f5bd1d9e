#include "core/arena.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_BLOCK_BYTES = 64 << 10, LARGEST_BLOCK_BYTES = 1 << 20, ALIGNMENT = 16 };

typedef struct block {
    struct block *next;
    size_t size;
    _Alignas(ALIGNMENT) unsigned char bytes[];
} block;

struct lethe_arena {
    block *blocks; /* the newest first */
    size_t used_in_block;
    size_t used_bytes;
    size_t cap_bytes;
};

lethe_arena *lethe_arena_create(size_t cap_bytes) {
    lethe_arena *arena = lethe_alloc_array(1, sizeof *arena);
    if (arena != NULL) arena->cap_bytes = cap_bytes;
    return arena;
}

static void free_blocks(block *first) {
    while (first != NULL) {
        block *next = first->next;
        lethe_free(first);
        first = next;
    }
}

void lethe_arena_destroy(lethe_arena *arena) {
    if (arena == NULL) return;
    free_blocks(arena->blocks);
    lethe_free(arena);
}

void lethe_arena_reset(lethe_arena *arena) {
    if (arena->blocks != NULL) {
        free_blocks(arena->blocks->next);
        arena->blocks->next = NULL;
        if (arena->blocks->size > LARGEST_BLOCK_BYTES) {
            free_blocks(arena->blocks);
            arena->blocks = NULL;
        }
    }
    arena->used_in_block = 0;
    arena->used_bytes = 0;
}

static bool add_block(lethe_arena *arena, size_t least) {
    size_t size = arena->blocks == NULL ? FIRST_BLOCK_BYTES : arena->blocks->size * 2;
    if (size > LARGEST_BLOCK_BYTES) size = LARGEST_BLOCK_BYTES;
    if (size < least) size = least;
    size_t total;
    if (!lethe_add_size(size, sizeof(block), &total)) return false;
    block *fresh = lethe_alloc(total);
    if (fresh == NULL) return false;
    fresh->size = size;
    fresh->next = arena->blocks;
    arena->blocks = fresh;
    arena->used_in_block = 0;
    return true;
}

void *lethe_arena_alloc(lethe_arena *arena, size_t size) {
    size_t rounded;
    if (!lethe_add_size(size == 0 ? 1 : size, ALIGNMENT - 1, &rounded)) return NULL;
    rounded &= ~(size_t)(ALIGNMENT - 1);
    if (rounded > arena->cap_bytes - arena->used_bytes) return NULL;
    if (arena->blocks == NULL || arena->blocks->size - arena->used_in_block < rounded) {
        if (!add_block(arena, rounded)) return NULL;
    }
    void *memory = arena->blocks->bytes + arena->used_in_block;
    arena->used_in_block += rounded;
    arena->used_bytes += rounded;
    return memset(memory, 0, rounded);
}

void *lethe_arena_alloc_array(lethe_arena *arena, size_t count, size_t size) {
    size_t total;
    return lethe_multiply_size(count, size, &total) ? lethe_arena_alloc(arena, total) : NULL;
}

char *lethe_arena_strndup(lethe_arena *arena, const char *text, size_t length) {
    size_t size;
    if (!lethe_add_size(length, 1, &size)) return NULL;
    char *copy = lethe_arena_alloc(arena, size);
    if (copy != NULL && length != 0) memcpy(copy, text, length);
    return copy;
}

char *lethe_arena_printf(lethe_arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return NULL;
    char *text = lethe_arena_alloc(arena, (size_t)length + 1);
    if (text == NULL) return NULL;
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

size_t lethe_arena_used_bytes(const lethe_arena *arena) { return arena->used_bytes; }
