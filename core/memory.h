/* Heap allocation with checked arithmetic and fault injection. Layer: core. Thread rule: safe; the fault counter is per process and atomic. */
#ifndef LETHE_CORE_MEMORY_H
#define LETHE_CORE_MEMORY_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* Return uninitialised memory of `size` bytes (at least 1), or NULL. The caller owns it. */
LETHE_NODISCARD void *lethe_alloc(size_t size);
/* Return zeroed memory for `count` elements of `size` bytes; NULL when the product overflows or memory is short. */
LETHE_NODISCARD void *lethe_alloc_array(size_t count, size_t size);
/* Resize to `count` elements of `size` bytes; on failure returns NULL and leaves `memory` as it was. */
LETHE_NODISCARD void *lethe_realloc_array(void *memory, size_t count, size_t size);
LETHE_NODISCARD char *lethe_strdup(const char *text);
LETHE_NODISCARD char *lethe_strndup(const char *text, size_t length);
LETHE_NODISCARD char *lethe_asprintf(const char *format, ...) LETHE_PRINTF(1, 2);
void lethe_free(void *memory); /* NULL is a no-op */

/* Overwrite with zeros in a way that the compiler keeps; for keys. */
void lethe_wipe(void *memory, size_t size);

/* Let the n-th allocation from now on fail (1 = the next); 0 switches injection off. For tests. */
void lethe_memory_fail_at(uint64_t n);
/* Allocations asked for since the process started. */
uint64_t lethe_memory_count(void);

static inline bool lethe_add_size(size_t a, size_t b, size_t *sum) { return !__builtin_add_overflow(a, b, sum); }
static inline bool lethe_multiply_size(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }

#endif
