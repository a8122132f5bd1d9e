#include "deid/slides/regions.h"

#include "core/buffer.h"
#include "core/memory.h"
#include "imaging/dicom/codec.h"
#include "imaging/dicom/jpeg_blocks.h"
#include "imaging/slide/slide.h"
#include "imaging/slide/stream_check.h"
#include "imaging/slide/tiff_tree.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

enum { MOST_SIDE = 16384, TILE_CAP = 256 << 20 };

bool lethe_region_on_level(const lethe_slide_region *region, int64_t width0, int64_t height0, int64_t width, int64_t height, bool power_of_two,
                           lethe_level_box *box) {
    if (width0 <= 0 || height0 <= 0 || width <= 0 || height <= 0) return false;
    double across = (double)width0 / (double)width, down = (double)height0 / (double)height;
    if (power_of_two) across = down = exp2(round(log2((across + down) / 2)));
    int64_t left = (int64_t)floor((double)region->x_l0 / across), top = (int64_t)floor((double)region->y_l0 / down);
    int64_t right = (int64_t)ceil((double)(region->x_l0 + region->width_l0) / across),
            bottom = (int64_t)ceil((double)(region->y_l0 + region->height_l0) / down);
    /* Pixels of a smaller level mix what lies beside the region with it: one more all round. */
    if (width < width0) left--, top--, right++, bottom++;
    if (left < 0) left = 0;
    if (top < 0) top = 0;
    if (right > width) right = width;
    if (bottom > height) bottom = height;
    *box = (lethe_level_box){left, top, right - left, bottom - top};
    return box->width > 0 && box->height > 0;
}

bool lethe_region_on_part(const lethe_slide_region *region, const lethe_level_part *part, lethe_level_box *box) {
    enum { FARTHEST = 1 << 30 };
    if (!(part->across_l0 > 0) || !(part->down_l0 > 0)) return false;
    double left = floor(((double)region->x_l0 - part->x_l0) / part->across_l0), top = floor(((double)region->y_l0 - part->y_l0) / part->down_l0);
    double right = ceil(((double)(region->x_l0 + region->width_l0) - part->x_l0) / part->across_l0),
           bottom = ceil(((double)(region->y_l0 + region->height_l0) - part->y_l0) / part->down_l0);
    bool aligned = part->across_l0 <= 1 && part->down_l0 <= 1 && floor(part->x_l0) >= part->x_l0 && floor(part->y_l0) >= part->y_l0;
    if (!aligned) left--, top--, right++, bottom++;
    if (!(left > 0)) left = 0;
    if (!(top > 0)) top = 0;
    if (!(right < (double)part->box.width)) right = (double)part->box.width;
    if (!(bottom < (double)part->box.height)) bottom = (double)part->box.height;
    if (!(right > left) || !(bottom > top) || right > FARTHEST || bottom > FARTHEST) return false;
    *box = (lethe_level_box){part->box.x + (int64_t)left, part->box.y + (int64_t)top, (int64_t)(right - left), (int64_t)(bottom - top)};
    return true;
}

/* --- one tile --- */

/* The part of a box that falls into columns x rows; false when none does. */
static bool cut(const lethe_level_box *box, uint32_t columns, uint32_t rows, lethe_level_box *out) {
    int64_t left = box->x > 0 ? box->x : 0, top = box->y > 0 ? box->y : 0;
    int64_t right = box->x + box->width < columns ? box->x + box->width : columns, bottom = box->y + box->height < rows ? box->y + box->height : rows;
    *out = (lethe_level_box){left, top, right - left, bottom - top};
    return right > left && bottom > top;
}

static void fill_mask(const lethe_region_tile *tile, uint32_t columns, uint32_t rows, uint8_t *mask) {
    lethe_level_box box;
    for (unsigned i = 0; i < tile->box_count; i++) {
        if (!cut(&tile->boxes[i], columns, rows, &box)) continue;
        for (int64_t y = box.y; y < box.y + box.height; y++) memset(mask + (size_t)y * columns + box.x, 1, (size_t)box.width);
    }
}

/* One stream from the tables of the directory and the tile's own. */
static lethe_status join_tables(const lethe_region_tile *tile, lethe_buffer *out, lethe_error *error) {
    bool tables = tile->jpeg_tables && tile->jpeg_tables_size > 4;
    size_t end = tile->jpeg_tables_size;
    if (tables && tile->jpeg_tables[end - 2] == 0xFF && tile->jpeg_tables[end - 1] == 0xD9) end -= 2;
    lethe_status status = lethe_buffer_append(out, "\xFF\xD8", 2, error);
    if (status == LETHE_OK && tables) status = lethe_buffer_append(out, tile->jpeg_tables + 2, end - 2, error);
    return status == LETHE_OK ? lethe_buffer_append(out, tile->bytes + 2, tile->size - 2, error) : status;
}

/* Only what the check of streams keeps: no comment, no application segment. */
static lethe_status append_checked(const lethe_buffer *stream, lethe_buffer *out, lethe_error *error) {
    lethe_stream_pieces pieces = {0};
    lethe_status status = lethe_jpeg_check(stream->bytes, stream->size, &pieces, error);
    for (unsigned i = 0; status == LETHE_OK && i < pieces.count; i++)
        status = lethe_buffer_append(out, stream->bytes + pieces.keep[i].offset, pieces.keep[i].size, error);
    return status;
}

static lethe_status redact_jpeg(const lethe_region_tile *tile, lethe_buffer *out, lethe_error *error) {
    lethe_buffer whole, redacted;
    lethe_stream_size picture = {0};
    uint8_t *mask = NULL;
    lethe_buffer_init(&whole, TILE_CAP);
    lethe_buffer_init(&redacted, TILE_CAP);
    lethe_status status =
        tile->size > 4 ? join_tables(tile, &whole, error) : lethe_fail(error, LETHE_MALFORMED, "JPEG tile of %zu bytes", tile->size);
    uint32_t columns = 0, rows = 0;
    if (status == LETHE_OK && lethe_stream_measure(whole.bytes, whole.size, &picture)) columns = picture.width_px, rows = picture.height_px;
    if (status == LETHE_OK && (!columns || !rows || columns > MOST_SIDE || rows > MOST_SIDE))
        status = lethe_fail(error, LETHE_UNSAFE, "a JPEG tile in a region has no usable size");
    if (status == LETHE_OK && !(mask = lethe_alloc_array((size_t)columns * rows, 1))) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) {
        fill_mask(tile, columns, rows, mask);
        const lethe_jpeg_redaction how = {.columns = columns, .rows = rows, .mask = mask, .is_rgb = tile->is_rgb};
        status = lethe_jpeg_redact(whole.bytes, whole.size, &how, &redacted, error);
    }
    if (status == LETHE_OK) status = append_checked(&redacted, out, error);
    lethe_free(mask);
    lethe_buffer_release(&whole);
    lethe_buffer_release(&redacted);
    return status;
}

static lethe_status redact_j2k(const lethe_region_tile *tile, bool ycc, lethe_buffer *out, lethe_error *error) {
    lethe_stream_size size;
    if (!lethe_stream_measure(tile->bytes, tile->size, &size) || size.width_px > MOST_SIDE || size.height_px > MOST_SIDE ||
        (size.samples != 1 && size.samples != 3))
        return lethe_fail(error, LETHE_UNSAFE, "a JPEG 2000 tile in a region is of a kind that cannot be written again");
    lethe_image image = {
        .columns = size.width_px, .rows = size.height_px, .samples = (uint16_t)size.samples, .bytes_per_sample = 1, .bits_stored = 8};
    lethe_codec_traits traits = {0};
    lethe_buffer stream;
    lethe_stream_pieces pieces = {0};
    lethe_buffer_init(&stream, TILE_CAP);
    lethe_status status = lethe_image_allocate(&image, error);
    if (status == LETHE_OK) status = lethe_j2k_decode(tile->bytes, tile->size, &image, &traits, error);
    for (unsigned i = 0; status == LETHE_OK && i < tile->box_count; i++) {
        lethe_level_box box;
        if (!cut(&tile->boxes[i], image.columns, image.rows, &box)) continue;
        for (int64_t y = box.y; y < box.y + box.height; y++)
            for (int64_t x = box.x; x < box.x + box.width; x++)
                for (unsigned s = 0; s < image.samples; s++)
                    image.pixels[((size_t)y * image.columns + (size_t)x) * image.samples + s] = ycc && (s == 1 || s == 2) ? 128 : 0;
    }
    if (status == LETHE_OK) status = lethe_j2k_encode(&image, &traits, &stream, error);
    if (status == LETHE_OK) status = lethe_j2k_check(stream.bytes, stream.size, &pieces, error);
    for (unsigned i = 0; status == LETHE_OK && i < pieces.count; i++)
        status = lethe_buffer_append(out, stream.bytes + pieces.keep[i].offset, pieces.keep[i].size, error);
    lethe_image_release(&image);
    lethe_buffer_release(&stream);
    return status;
}

static lethe_status redact_raw(const lethe_region_tile *tile, lethe_buffer *out, lethe_error *error) {
    size_t pixel = (size_t)tile->samples * tile->bits / 8, row = pixel * tile->width_px;
    if (tile->bits % 8 || !pixel || tile->size > row * tile->height_px || tile->size % row)
        return lethe_fail(error, LETHE_UNSAFE, "an uncompressed tile in a region is of a kind that cannot be written again");
    size_t start = out->size;
    lethe_status status = lethe_buffer_append(out, tile->bytes, tile->size, error);
    for (unsigned i = 0; status == LETHE_OK && i < tile->box_count; i++) {
        lethe_level_box box;
        if (!cut(&tile->boxes[i], tile->width_px, (uint32_t)(tile->size / row), &box)) continue;
        for (int64_t y = box.y; y < box.y + box.height; y++)
            memset(out->bytes + start + (size_t)y * row + (size_t)box.x * pixel, 0, (size_t)box.width * pixel);
    }
    return status;
}

/* --- tiles that become flat as a whole: their predictors make every value depend on its neighbours --- */

static size_t raw_bytes(const lethe_region_tile *tile) {
    return (size_t)tile->height_px * (((size_t)tile->width_px * tile->samples * tile->bits + 7) / 8);
}

static lethe_status flat_deflate(const lethe_region_tile *tile, lethe_buffer *out, lethe_error *error) {
    size_t raw = raw_bytes(tile);
    uint8_t *zeros = lethe_alloc_array(raw ? raw : 1, 1);
    uLongf bound = compressBound((uLong)raw);
    uint8_t *packed = lethe_alloc(bound);
    lethe_status status = LETHE_OK;
    if (!zeros || !packed || compress(packed, &bound, zeros, (uLong)raw) != Z_OK) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_buffer_append(out, packed, bound, error);
    lethe_free(zeros);
    lethe_free(packed);
    return status;
}

static lethe_status flat_packbits(const lethe_region_tile *tile, lethe_buffer *out, lethe_error *error) {
    size_t row = ((size_t)tile->width_px * tile->samples * tile->bits + 7) / 8;
    lethe_status status = LETHE_OK;
    for (uint32_t y = 0; y < tile->height_px; y++)
        for (size_t left = row; status == LETHE_OK && left;) {
            size_t run = left < 128 ? left : 128;
            const uint8_t code[2] = {(uint8_t)(257 - run), 0}, single[2] = {0, 0};
            status = lethe_buffer_append(out, run > 1 ? code : single, 2, error);
            left -= run;
        }
    return status;
}

/* LZW without strings: literals of 9 bits, and a clear code before the table would need a tenth (TIFF 6.0, section 13). */
static lethe_status flat_lzw(const lethe_region_tile *tile, lethe_buffer *out, lethe_error *error) {
    enum { CLEAR = 256, END = 257, PER_TABLE = 250 };
    uint32_t held = 0, bits = 0;
    size_t raw = raw_bytes(tile);
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i <= raw; i++) {
        const uint32_t codes[2] = {CLEAR, i == raw ? END : 0};
        for (unsigned k = i % PER_TABLE == 0 ? 0 : 1; status == LETHE_OK && k < 2; k++) {
            held = held << 9 | codes[k];
            bits += 9;
            for (; status == LETHE_OK && bits >= 8; bits -= 8) {
                uint8_t byte = (uint8_t)(held >> (bits - 8));
                status = lethe_buffer_append(out, &byte, 1, error);
            }
        }
    }
    uint8_t last = (uint8_t)(held << (8 - bits));
    return status == LETHE_OK && bits ? lethe_buffer_append(out, &last, 1, error) : status;
}

lethe_status lethe_region_redact_tile(const lethe_region_tile *tile, lethe_buffer *out, lethe_error *error) {
    if (raw_bytes(tile) > TILE_CAP) return lethe_fail(error, LETHE_UNSAFE, "a tile in a region is too large to be written again");
    switch (tile->compression) {
    case LETHE_TIFF_JPEG: return redact_jpeg(tile, out, error);
    case LETHE_TIFF_APERIO_J2K_YCBCR: return redact_j2k(tile, true, out, error);
    case LETHE_TIFF_APERIO_J2K_RGB:
    case LETHE_TIFF_JPEG_2000: return redact_j2k(tile, false, out, error);
    case LETHE_TIFF_NONE: return redact_raw(tile, out, error);
    case LETHE_TIFF_DEFLATE:
    case LETHE_TIFF_OLD_DEFLATE: return flat_deflate(tile, out, error);
    case LETHE_TIFF_PACKBITS: return flat_packbits(tile, out, error);
    case LETHE_TIFF_LZW: return flat_lzw(tile, out, error);
    default: return lethe_fail(error, LETHE_UNSAFE, "tiles of compression %u cannot be written again", (unsigned)tile->compression);
    }
}

/* --- the proof --- */

/* Flat but for what chroma brings in at the edge of neighbours: a stroke would differ by far more. */
static bool is_flat(const lethe_image *rgba, uint32_t margin) {
    enum { MOST_SPREAD = 48 };
    uint8_t low[3] = {255, 255, 255}, high[3] = {0, 0, 0};
    for (uint32_t y = margin; y + margin < rgba->rows; y++)
        for (uint32_t x = margin; x + margin < rgba->columns; x++)
            for (unsigned s = 0; s < 3; s++) {
                uint8_t v = rgba->pixels[((size_t)y * rgba->columns + x) * 4 + s];
                if (v < low[s]) low[s] = v;
                if (v > high[s]) high[s] = v;
            }
    for (unsigned s = 0; s < 3; s++)
        if (high[s] > low[s] && high[s] - low[s] > MOST_SPREAD) return false;
    return true;
}

/* In pieces, each of which must be flat on its own and as dark as the first. */
static lethe_status prove_level(lethe_slide *slide, unsigned level, const lethe_slide_region *region, lethe_error *error) {
    enum { PIECE = 512 };
    const lethe_slide_level *first = lethe_slide_level_at(slide, 0), *l = lethe_slide_level_at(slide, level);
    int64_t left = (int64_t)ceil((double)region->x_l0 / l->downsample), top = (int64_t)ceil((double)region->y_l0 / l->downsample);
    int64_t right = region->x_l0 + region->width_l0, bottom = region->y_l0 + region->height_l0;
    right = (int64_t)floor((double)(right < first->width_px ? right : first->width_px) / l->downsample);
    bottom = (int64_t)floor((double)(bottom < first->height_px ? bottom : first->height_px) / l->downsample);
    lethe_status status = LETHE_OK;
    for (int64_t y = top > 0 ? top : 0; status == LETHE_OK && y < bottom; y += PIECE)
        for (int64_t x = left > 0 ? left : 0; status == LETHE_OK && x < right; x += PIECE) {
            uint32_t width = (uint32_t)(right - x < PIECE ? right - x : PIECE), height = (uint32_t)(bottom - y < PIECE ? bottom - y : PIECE);
            lethe_image piece = {0};
            status = lethe_slide_read_region(slide, level, (int64_t)((double)x * l->downsample), (int64_t)((double)y * l->downsample), width, height,
                                             &piece, error);
            if (status == LETHE_OK && !is_flat(&piece, 2))
                status = lethe_fail(error, LETHE_UNSAFE, "output: a region that was to be blacked out still shows something on level %u", level);
            lethe_image_release(&piece);
        }
    return status;
}

lethe_status lethe_regions_prove(const char *path, const lethe_slide_region *regions, size_t count, lethe_error *error) {
    if (!count) return LETHE_OK;
    lethe_slide *slide = NULL;
    lethe_error why = {0};
    if (lethe_slide_open(path, &slide, &why) != LETHE_OK)
        return lethe_fail(error, LETHE_UNSAFE, "regions cannot be proven: the output cannot be opened");
    lethe_status status = LETHE_OK;
    for (unsigned level = 0; status == LETHE_OK && level < lethe_slide_level_count(slide); level++)
        for (size_t i = 0; status == LETHE_OK && i < count; i++) status = prove_level(slide, level, &regions[i], error);
    lethe_slide_close(slide);
    return status;
}
