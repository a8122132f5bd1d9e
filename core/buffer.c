#include "core/buffer.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

void lethe_buffer_init(lethe_buffer *buffer, size_t cap_bytes) { *buffer = (lethe_buffer){.cap_bytes = cap_bytes}; }

void lethe_buffer_release(lethe_buffer *buffer) {
    if (buffer == NULL) return;
    lethe_free(buffer->bytes);
    *buffer = (lethe_buffer){.cap_bytes = buffer->cap_bytes};
}

void lethe_buffer_clear(lethe_buffer *buffer) {
    buffer->size = 0;
    if (buffer->bytes != NULL) buffer->bytes[0] = 0;
}

lethe_status lethe_buffer_extend(lethe_buffer *buffer, size_t extra, uint8_t **at, lethe_error *error) {
    size_t needed;
    if (!lethe_add_size(buffer->size, extra, &needed) || needed > buffer->cap_bytes || needed == SIZE_MAX)
        return lethe_fail(error, LETHE_LIMIT, "buffer would exceed its cap of %zu bytes", buffer->cap_bytes);
    if (buffer->bytes == NULL || needed > buffer->capacity) {
        size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity + buffer->capacity / 2;
        if (capacity < needed) capacity = needed;
        uint8_t *bytes = lethe_realloc_array(buffer->bytes, capacity + 1, 1);
        if (bytes == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a buffer of %zu bytes", capacity);
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    *at = buffer->bytes + buffer->size;
    buffer->size = needed;
    buffer->bytes[needed] = 0;
    return LETHE_OK;
}

lethe_status lethe_buffer_append(lethe_buffer *buffer, const void *bytes, size_t size, lethe_error *error) {
    uint8_t *at;
    lethe_status status = lethe_buffer_extend(buffer, size, &at, error);
    if (status == LETHE_OK && size != 0) memcpy(at, bytes, size);
    return status;
}

lethe_status lethe_buffer_append_text(lethe_buffer *buffer, const char *text, lethe_error *error) {
    return lethe_buffer_append(buffer, text, strlen(text), error);
}

lethe_status lethe_buffer_printf(lethe_buffer *buffer, lethe_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return lethe_fail(error, LETHE_INTERNAL, "bad format");
    uint8_t *at;
    lethe_status status = lethe_buffer_extend(buffer, (size_t)length, &at, error);
    if (status != LETHE_OK) return status;
    va_start(arguments, format);
    (void)vsnprintf((char *)at, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return LETHE_OK;
}

const char *lethe_buffer_text(const lethe_buffer *buffer) { return buffer->bytes == NULL ? "" : (const char *)buffer->bytes; }
