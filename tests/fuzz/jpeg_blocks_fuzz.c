/* room: imaging
 * The coefficient path: a JPEG stream, a mask over its middle. What can be redacted must still be a JPEG of the same size. */
#include "core/memory.h"
#include "imaging/dicom/codec.h"
#include "imaging/dicom/jpeg_blocks.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

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
        if (lethe_jpeg_redact(bytes, size, &r, &out, NULL) == LETHE_OK) {
            uint8_t sof2, precision2, components2;
            uint32_t columns, rows;
            if (!lethe_jpeg_probe(out.bytes, out.size, &sof2, &precision2, &columns, &rows, &components2) || columns != r.columns || rows != r.rows ||
                components != components2)
                abort();
        }
    }
    lethe_buffer_release(&out);
    lethe_free(mask);
    return 0;
}
