/* Do two ranges of two files lie in the same blocks of the disk? Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_SLIDES_SAME_BLOCKS_H
#define LETHE_DEID_SLIDES_SAME_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

/* True only when the file system says so (FIEMAP) for every byte, in plain extents. Both files must be of one file system: ask only about ranges that
 * it agreed to share. */
bool lethe_same_blocks(int fd_a, uint64_t offset_a, int fd_b, uint64_t offset_b, uint64_t bytes);

#endif
