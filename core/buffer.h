/* A growing byte buffer with a mandatory cap. Layer: core. Thread rule: one thread at a time per buffer. */
#ifndef LETHE_CORE_BUFFER_H
#define LETHE_CORE_BUFFER_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_buffer {
    uint8_t *bytes; /* owned; NULL while empty. Always followed by a NUL byte that `size` does not count */
    size_t size;
    size_t capacity;
    size_t cap_bytes; /* 0 is not "no limit": nothing fits */
} lethe_buffer;

/* No allocation; pair with lethe_buffer_release. */
void lethe_buffer_init(lethe_buffer *buffer, size_t cap_bytes);
void lethe_buffer_release(lethe_buffer *buffer);
/* Forget the content, keep the memory. */
void lethe_buffer_clear(lethe_buffer *buffer);
/* Errors: LETHE_LIMIT beyond the cap, LETHE_NO_MEMORY; the content stays as it was. */
LETHE_NODISCARD lethe_status lethe_buffer_append(lethe_buffer *buffer, const void *bytes, size_t size, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_buffer_append_text(lethe_buffer *buffer, const char *text, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_buffer_printf(lethe_buffer *buffer, lethe_error *error, const char *format, ...) LETHE_PRINTF(3, 4);
/* Grow `size` by `extra` uninitialised bytes and point `at` to them (valid until the next call). */
LETHE_NODISCARD lethe_status lethe_buffer_extend(lethe_buffer *buffer, size_t extra, uint8_t **at, lethe_error *error);
/* The content as text; "" when empty. Borrowed. */
const char *lethe_buffer_text(const lethe_buffer *buffer);

#endif
