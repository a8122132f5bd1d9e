/* Index.dat of a 3DHISTECH slide: which range of which data file holds which picture. Layer: imaging. Thread rule: immutable after parse. */
#ifndef LETHE_IMAGING_SLIDE_MIRAX_INDEX_H
#define LETHE_IMAGING_SLIDE_MIRAX_INDEX_H

#include "core/arena.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_mirax_record {
    uint32_t image; /* position in the grid of level 0 */
    uint32_t file;
    uint64_t offset, bytes;
} lethe_mirax_record;

typedef struct lethe_mirax_list {
    lethe_mirax_record *records;
    size_t count;
} lethe_mirax_list;

typedef struct lethe_mirax_index {
    lethe_mirax_list *levels; /* hierarchical records, `level_count` of them */
    uint32_t level_count;
    lethe_mirax_record *others; /* non-hierarchical records; bytes 0: absent */
    uint32_t other_count;
} lethe_mirax_index;

/* Parse `bytes`. `id_bytes` is the length of the slide's identifier behind the version; the counts come from Slidedat.ini. Errors: LETHE_MALFORMED
 * with the offset (pointer outside the file, page loop, negative number), LETHE_LIMIT, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_mirax_index_parse(const uint8_t *bytes, size_t size, size_t id_bytes, uint32_t level_count, uint32_t other_count,
                                                     lethe_arena *arena, lethe_mirax_index **out, lethe_error *error);

#endif
