/* room: imaging. The TIFF walker: any bytes as a file; every value and every segment is read. */
#include "imaging/slide/stream_check.h"
#include "imaging/slide/tiff_levels.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const lethe_tiff_tree *tree, const lethe_tiff_directory *d) {
    uint64_t sum = 0, value, offset, bytes;
    double number;
    lethe_tiff_segments segments;
    for (uint32_t i = 0; i < d->entry_count; i++)
        for (uint64_t k = 0; k < d->entries[i].count && k < 64; k++) {
            if (lethe_tiff_entry_uint(tree, &d->entries[i], k, &value)) sum += value;
            if (lethe_tiff_entry_double(tree, &d->entries[i], k, &number)) sum += number > 1;
        }
    (void)lethe_tiff_text(tree, d, LETHE_TIFF_IMAGE_DESCRIPTION);
    if (lethe_tiff_segments_of(d, &segments))
        for (uint64_t k = 0; k < segments.count && k < 64; k++)
            if (lethe_tiff_segment_at(tree, &segments, k, &offset, &bytes) && bytes) {
                lethe_stream_pieces pieces = {0};
                sum += tree->bytes[offset] + tree->bytes[offset + bytes - 1];
                (void)!lethe_jpeg_check(tree->bytes + offset, (size_t)bytes, &pieces, NULL);
                (void)!lethe_j2k_check(tree->bytes + offset, (size_t)bytes, &pieces, NULL);
            }
    (void)lethe_tiff_role_of(tree, d, "aperio");
    if (sum == UINT64_MAX) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lethe_arena *arena = lethe_arena_create(64u << 20);
    lethe_tiff_tree *tree = NULL;
    if (arena && lethe_tiff_parse(data, size, arena, &tree, NULL) == LETHE_OK)
        for (const lethe_tiff_directory *d = tree->first; d; d = d->next) {
            touch(tree, d);
            for (const lethe_tiff_directory *child = d->children; child; child = child->next) touch(tree, child);
        }
    lethe_arena_destroy(arena);
    return 0;
}
