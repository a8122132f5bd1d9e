/* room: deid. A level in one JPEG stream with restart intervals, and the regions of it that are written anew. The first four bytes are the level's
 * size. */
#include "core/arena.h"
#include "deid/slides/strip.h"
#include "deid/slides/verify.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 8) return 0;
    const uint64_t width = (uint64_t)(data[0] | data[1] << 8) + 1, height = (uint64_t)(data[2] | data[3] << 8) + 1;
    const lethe_level_box boxes[] = {{(int64_t)(width / 3), (int64_t)(height / 3), 9, 5}, {0, 0, 1, 1}};
    lethe_arena *arena = lethe_arena_create(32u << 20);
    lethe_strip strip;
    uint64_t redacted = 0;
    data += 4;
    size -= 4;
    if (arena && lethe_strip_parse(data, size, width, height, arena, &strip, NULL) == LETHE_OK)
        for (uint64_t i = 0; i < strip.interval_count && i < 16; i++) {
            const uint8_t *out;
            size_t out_size;
            if (lethe_strip_end_of(&strip, i) < strip.starts[i] || lethe_strip_end_of(&strip, i) > size) __builtin_trap();
            if (lethe_strip_is_touched(&strip, i, boxes, 2)) (void)!lethe_strip_redact(&strip, i, boxes, 2, false, arena, &out, &out_size, NULL);
        }
    /* A stream is always the same as itself, or no stream at all. */
    (void)!lethe_verify_strip(data, size, data, size, width, boxes, 2, &redacted, NULL);
    if (redacted) __builtin_trap();
    lethe_arena_destroy(arena);
    return 0;
}
