#include "deid/slides/same_blocks.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

enum { MOST_EXTENTS = 4096 };

/* Where the byte at `offset` lies on the disk, and how many follow it there; false when that cannot be said. */
static bool find_block(int fd, uint64_t offset, uint64_t bytes, uint64_t *physical, uint64_t *length) {
    _Alignas(struct fiemap) unsigned char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
    struct fiemap *map = (struct fiemap *)(void *)room;
    memset(room, 0, sizeof room);
    map->fm_start = offset;
    map->fm_length = bytes;
    map->fm_extent_count = 1;
    if (ioctl(fd, FS_IOC_FIEMAP, map) != 0 || map->fm_mapped_extents != 1) return false;
    struct fiemap_extent extent;
    memcpy(&extent, room + sizeof *map, sizeof extent);
    if (extent.fe_flags & ~(uint32_t)(FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_MERGED)) return false;
    if (extent.fe_logical > offset || extent.fe_length <= offset - extent.fe_logical) return false;
    *physical = extent.fe_physical + (offset - extent.fe_logical);
    *length = extent.fe_length - (offset - extent.fe_logical);
    return true;
}

bool lethe_same_blocks(int fd_a, uint64_t offset_a, int fd_b, uint64_t offset_b, uint64_t bytes) {
    for (unsigned i = 0; bytes && i < MOST_EXTENTS; i++) {
        uint64_t at_a, at_b, length_a, length_b;
        if (!find_block(fd_a, offset_a, bytes, &at_a, &length_a) || !find_block(fd_b, offset_b, bytes, &at_b, &length_b) || at_a != at_b)
            return false;
        uint64_t step = length_a < length_b ? length_a : length_b;
        if (step >= bytes) return true;
        offset_a += step;
        offset_b += step;
        bytes -= step;
    }
    return bytes == 0;
}
