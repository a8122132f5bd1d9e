/* room: imaging. Index.dat of a 3DHISTECH slide; the first bytes choose the counts that Slidedat.ini would give. */
#include "imaging/slide/mirax_index.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lethe_arena *arena = lethe_arena_create(64u << 20);
    lethe_mirax_index *index = NULL;
    if (arena && size > 2) (void)!lethe_mirax_index_parse(data + 2, size - 2, 2, data[0] % 16, data[1] % 16, arena, &index, NULL);
    lethe_arena_destroy(arena);
    return 0;
}
