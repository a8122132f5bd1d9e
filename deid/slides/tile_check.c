#include "deid/slides/tile_check.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- one stream --- */

static bool is_zero(const uint8_t *bytes, uint64_t size) {
    for (uint64_t i = 0; i < size; i++)
        if (bytes[i]) return false;
    return true;
}

static bool is_picture(uint64_t compression) {
    return compression == LETHE_TIFF_JPEG || compression == LETHE_TIFF_JPEG_2000 || compression == LETHE_TIFF_APERIO_J2K_YCBCR ||
           compression == LETHE_TIFF_APERIO_J2K_RGB;
}

/* A picture larger than its tile would show the rest to nobody but who looks into the stream. Scanners round sizes up to whole blocks. */
static lethe_status check_size(const lethe_tile_check *check, const uint8_t *bytes, uint64_t size, lethe_error *error) {
    lethe_stream_size picture;
    const uint64_t block = check->compression == LETHE_TIFF_JPEG ? 16 : 1;
    if (!lethe_stream_measure(bytes, (size_t)size, &picture)) return LETHE_OK; /* the stream's own check says what is wrong */
    if (picture.width_px <= (check->width_px + block - 1) / block * block && picture.height_px <= (check->height_px + block - 1) / block * block)
        return LETHE_OK;
    return lethe_fail(error, LETHE_UNSAFE, "a picture of %u x %u stands in a tile of %" PRIu64 " x %" PRIu64 " in directory %u", picture.width_px,
                      picture.height_px, check->width_px, check->height_px, check->directory);
}

lethe_status lethe_tile_check_one(const lethe_tile_check *check, const uint8_t *bytes, uint64_t size, lethe_stream_pieces *pieces,
                                  lethe_error *error) {
    lethe_status status = LETHE_OK;
    pieces->count = 0;
    pieces->dropped_bytes = 0;
    switch (check->compression) {
    case LETHE_TIFF_JPEG: status = lethe_jpeg_check(bytes, (size_t)size, pieces, error); break;
    case LETHE_TIFF_APERIO_J2K_YCBCR:
    case LETHE_TIFF_APERIO_J2K_RGB:
    case LETHE_TIFF_JPEG_2000: status = lethe_j2k_check(bytes, (size_t)size, pieces, error); break;
    case LETHE_TIFF_NONE:
        if (size > check->raw_bytes && !is_zero(bytes + check->raw_bytes, size - check->raw_bytes)) {
            pieces->count = 1;
            pieces->keep[0].offset = 0;
            pieces->keep[0].size = (size_t)check->raw_bytes;
            pieces->dropped_bytes = (size_t)(size - check->raw_bytes);
        }
        break;
    case LETHE_TIFF_LZW:
    case LETHE_TIFF_DEFLATE:
    case LETHE_TIFF_OLD_DEFLATE:
    case LETHE_TIFF_PACKBITS:
    case LETHE_TIFF_ZSTD: status = lethe_packed_check(check->compression, bytes, (size_t)size, check->raw_bytes, pieces, error); break;
    default: return lethe_fail(error, LETHE_UNSAFE, "compression %" PRIu64 " is not known", check->compression);
    }
    return status == LETHE_OK && is_picture(check->compression) ? check_size(check, bytes, size, error) : status;
}

/* --- all tiles --- */

enum { TILES_AT_ONCE = 128, TILES_WORTH_A_THREAD = 512, LARGE_FILE_BYTES = 8 << 20 };

typedef struct crew {
    const lethe_tile_check *check;
    const lethe_tiff_tree *tree;
    const lethe_tiff_segments *tiles;
    bool *clean;
    _Atomic uint64_t next; /* first tile that nobody has taken */
} crew;

/* Pages of the mapping that nobody needs any more; whoever does, gets them from the page cache again. A small file is no mapping. */
static void give_back(const lethe_tiff_tree *tree, uint64_t offset, uint64_t size) {
    if (tree->size < LARGE_FILE_BYTES) return;
    const uint8_t *bytes = tree->bytes + offset;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)bytes & ~(page - 1), end = ((uintptr_t)bytes + size) & ~(page - 1);
    if (end > start) (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

static void check_some(const crew *c, uint64_t first, uint64_t last) {
    uint64_t run_at = 0, run_end = 0; /* neighbours in the file are given back together */
    uint64_t last_offset = 0, last_bytes = 0;
    for (uint64_t i = first; i < last; i++) {
        uint64_t offset, bytes;
        lethe_stream_pieces pieces = {0};
        if (!lethe_tiff_segment_at(c->tree, c->tiles, i, &offset, &bytes) || !bytes) continue;
        if (offset == last_offset && bytes == last_bytes) continue; /* blank tiles are often one */
        last_offset = offset;
        last_bytes = bytes;
        const uint8_t *at = c->tree->bytes + offset;
        c->clean[i] = lethe_tile_check_one(c->check, at, bytes, &pieces, NULL) == LETHE_OK && !pieces.dropped_bytes;
        if (offset != run_end) {
            if (run_end > run_at) give_back(c->tree, run_at, run_end - run_at);
            run_at = offset;
        }
        run_end = offset + bytes;
    }
    if (run_end > run_at) give_back(c->tree, run_at, run_end - run_at);
}

bool lethe_tile_check_some(const lethe_tile_check *check, const lethe_tiff_tree *tree, const lethe_tiff_segments *tiles) {
    enum { SAMPLES = 16, LARGEST = 4 << 20 };
    for (uint64_t i = 0; i < tiles->count; i += tiles->count / SAMPLES + 1) {
        uint64_t offset, bytes;
        lethe_stream_pieces pieces = {0};
        if (!lethe_tiff_segment_at(tree, tiles, i, &offset, &bytes) || !bytes || bytes > LARGEST) continue;
        if (lethe_tile_check_one(check, tree->bytes + offset, bytes, &pieces, NULL) != LETHE_OK || pieces.dropped_bytes) return false;
    }
    return true;
}

static void *check_pieces(void *argument) {
    crew *c = argument;
    uint64_t first;
    while ((first = atomic_fetch_add(&c->next, TILES_AT_ONCE)) < c->tiles->count)
        check_some(c, first, c->tiles->count - first < TILES_AT_ONCE ? c->tiles->count : first + TILES_AT_ONCE);
    return NULL;
}

void lethe_tile_check_all(const lethe_tile_check *check, const lethe_tiff_tree *tree, const lethe_tiff_segments *tiles, bool *clean) {
    crew c = {.check = check, .tree = tree, .tiles = tiles, .clean = clean};
    pthread_t thread;
    if (!tiles->tiled) return;
    bool threaded = tiles->count >= TILES_WORTH_A_THREAD && pthread_create(&thread, NULL, check_pieces, &c) == 0;
    (void)check_pieces(&c);
    if (threaded) (void)pthread_join(thread, NULL);
}
