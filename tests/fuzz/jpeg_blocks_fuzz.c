/* room: imaging
 * The coefficient path: a JPEG stream, a mask over its middle. What can be redacted must still be a JPEG of the same size,
 * by way of the coefficients and code by code. */
#include "core/memory.h"
#include "imaging/dicom/codec.h"
#include "imaging/dicom/jpeg_patch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const lethe_buffer *out, const lethe_jpeg_redaction *r, uint8_t components) {
    uint8_t sof, precision, found;
    uint32_t columns, rows;
    if (!lethe_jpeg_probe(out->bytes, out->size, &sof, &precision, &columns, &rows, &found) || columns != r->columns || rows != r->rows ||
        components != found)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    uint8_t sof, precision, components;
    lethe_jpeg_redaction r = {0};
    if (!lethe_jpeg_probe(bytes, size, &sof, &precision, &r.columns, &r.rows, &components) || (uint64_t)r.columns * r.rows > 1u << 18 ||
        r.columns == 0 || r.rows == 0)
        return 0;
    uint8_t *mask = lethe_alloc_array(r.columns, r.rows);
    lethe_buffer out;
    lethe_buffer_init(&out, 8u << 20);
    if (mask != NULL) {
        for (uint32_t y = r.rows / 3; y < 2 * r.rows / 3; y++) memset(mask + (size_t)y * r.columns + r.columns / 3, 1, r.columns / 3);
        r.mask = mask;
        bool done = false;
        if (lethe_jpeg_patch(bytes, size, &r, &done, &out, NULL) == LETHE_OK && done) check(&out, &r, components);
        lethe_buffer_clear(&out);
        if (lethe_jpeg_redact(bytes, size, &r, &out, NULL) == LETHE_OK) check(&out, &r, components);
    }
    lethe_buffer_release(&out);
    lethe_free(mask);
    return 0;
}
