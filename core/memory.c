#include "core/memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t allocations;
static _Atomic uint64_t fail_at; /* absolute number of the allocation that fails; 0 = never */

static bool refused(void) {
    uint64_t number = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;
    uint64_t at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    return at != 0 && number == at;
}

void *lethe_alloc(size_t size) { return refused() ? NULL : malloc(size == 0 ? 1 : size); }

void *lethe_alloc_array(size_t count, size_t size) {
    size_t total;
    if (refused() || !lethe_multiply_size(count, size, &total)) return NULL;
    return calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
}

void *lethe_realloc_array(void *memory, size_t count, size_t size) {
    size_t total;
    if (refused() || !lethe_multiply_size(count, size, &total)) return NULL;
    return reallocarray(memory, count == 0 ? 1 : count, size == 0 ? 1 : size);
}

char *lethe_strndup(const char *text, size_t length) {
    size_t size;
    if (!lethe_add_size(length, 1, &size)) return NULL;
    char *copy = lethe_alloc(size);
    if (copy == NULL) return NULL;
    if (length != 0) memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *lethe_strdup(const char *text) { return lethe_strndup(text, strlen(text)); }

char *lethe_asprintf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return NULL;
    char *text = lethe_alloc((size_t)length + 1);
    if (text == NULL) return NULL;
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void lethe_free(void *memory) { free(memory); }

void lethe_wipe(void *memory, size_t size) {
    if (memory != NULL) explicit_bzero(memory, size);
}

void lethe_memory_fail_at(uint64_t n) {
    uint64_t now = atomic_load_explicit(&allocations, memory_order_relaxed);
    atomic_store_explicit(&fail_at, n == 0 ? 0 : now + n, memory_order_relaxed);
}

uint64_t lethe_memory_count(void) { return atomic_load_explicit(&allocations, memory_order_relaxed); }
