/* Memory that dies together: everything parsed from one file. Allocations are 16-byte aligned and never freed one by one; a cap bounds
 * what a hostile file can take. Layer: core. Thread rule: one thread at a time per arena. */
#ifndef LETHE_CORE_ARENA_H
#define LETHE_CORE_ARENA_H

#include "core/error.h"

#include <stddef.h>

typedef struct lethe_arena lethe_arena;

/* Create an arena that hands out at most `cap_bytes`; NULL when memory is short. */
LETHE_NODISCARD lethe_arena *lethe_arena_create(size_t cap_bytes);
void lethe_arena_destroy(lethe_arena *arena);
/* Forget all allocations but keep one block for reuse: the cheap way from file to file. */
void lethe_arena_reset(lethe_arena *arena);
/* Zeroed memory, or NULL when the cap is reached or memory is short. Lives until reset or destroy. */
LETHE_NODISCARD void *lethe_arena_alloc(lethe_arena *arena, size_t size);
LETHE_NODISCARD void *lethe_arena_alloc_array(lethe_arena *arena, size_t count, size_t size);
/* A NUL-terminated copy. */
LETHE_NODISCARD char *lethe_arena_strndup(lethe_arena *arena, const char *text, size_t length);
LETHE_NODISCARD char *lethe_arena_printf(lethe_arena *arena, const char *format, ...) LETHE_PRINTF(2, 3);
size_t lethe_arena_used_bytes(const lethe_arena *arena);

#endif
