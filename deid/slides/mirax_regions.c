#include "deid/slides/mirax_regions.h"

#include "core/memory.h"
#include "core/text.h"
#include "imaging/image.h"
#include "imaging/slide/stream_check.h"
#include "imaging/slide/tiff_tree.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

enum { POSITION_BYTES = 9, MOST_PICTURES = 16 << 20, MOST_SIDE = 32768, MOST_JOINED = 1 << 20 };

/* --- reading --- */

static lethe_status whole(const lethe_ini *ini, const char *section, const char *key, int64_t least, int64_t most, int64_t *value,
                          lethe_error *error) {
    if (lethe_ini_integer(ini, section, key, value) && *value >= least && *value <= most) return LETHE_OK;
    return lethe_fail(error, LETHE_UNSAFE, "Slidedat.ini: %s is missing or out of range: regions cannot be placed", key);
}

static double decimal(const lethe_ini *ini, const char *section, const char *key) {
    double value = 0;
    return lethe_text_to_double(lethe_ini_text(ini, section, key), &value) && isfinite(value) ? value : 0;
}

static lethe_status read_levels(const lethe_ini *ini, const char *const *sections, lethe_mirax_layout *l, lethe_error *error) {
    int64_t exponent = 0;
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; status == LETHE_OK && i < l->level_count; i++) {
        int64_t more = 0;
        status = whole(ini, sections[i], "IMAGE_CONCAT_FACTOR", 0, 20, &more, error);
        if (status == LETHE_OK) status = whole(ini, sections[i], "DIGITIZER_WIDTH", 1, MOST_SIDE, &l->levels[i].width_px, error);
        if (status == LETHE_OK) status = whole(ini, sections[i], "DIGITIZER_HEIGHT", 1, MOST_SIDE, &l->levels[i].height_px, error);
        exponent += more;
        if (status == LETHE_OK && exponent > 20) status = lethe_fail(error, LETHE_UNSAFE, "Slidedat.ini: level %u joins too many pictures", i);
        if (status == LETHE_OK) l->levels[i].joined = 1u << exponent;
    }
    return status;
}

static int32_t number(const uint8_t *at) { return (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24); }

static lethe_status read_positions(const uint8_t *bytes, uint64_t size, bool deflated, lethe_arena *arena, lethe_mirax_layout *l,
                                   lethe_error *error) {
    size_t wanted = l->position_count * POSITION_BYTES;
    uint8_t *plain = NULL;
    if (deflated) {
        uLongf there = (uLongf)wanted;
        plain = lethe_alloc(wanted ? wanted : 1);
        if (!plain) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        if (uncompress(plain, &there, bytes, (uLong)size) != Z_OK) there = 0;
        bytes = plain;
        size = there;
    }
    lethe_status status = size == wanted ? LETHE_OK : lethe_fail(error, LETHE_UNSAFE, "the positions do not fit the number of pictures");
    if (status == LETHE_OK && !(l->positions = lethe_arena_alloc_array(arena, 2 * l->position_count + 1, sizeof *l->positions)))
        status = lethe_fail(error, LETHE_LIMIT, "too many positions");
    for (size_t i = 0; status == LETHE_OK && i < l->position_count; i++) {
        l->positions[2 * i] = number(bytes + i * POSITION_BYTES + 1);
        l->positions[2 * i + 1] = number(bytes + i * POSITION_BYTES + 5);
    }
    lethe_free(plain);
    return status;
}

lethe_status lethe_mirax_layout_read(const lethe_ini *ini, const char *const *sections, unsigned level_count, const uint8_t *positions, uint64_t size,
                                     bool deflated, lethe_arena *arena, lethe_mirax_layout *l, lethe_error *error) {
    *l = (lethe_mirax_layout){.level_count = level_count, .divisions = 1};
    if (!level_count || level_count > LETHE_MIRAX_LEVELS) return lethe_fail(error, LETHE_LIMIT, "too many levels");
    lethe_status status = whole(ini, "GENERAL", "IMAGENUMBER_X", 1, MOST_PICTURES, &l->across, error);
    if (status == LETHE_OK) status = whole(ini, "GENERAL", "IMAGENUMBER_Y", 1, MOST_PICTURES, &l->down, error);
    if (status == LETHE_OK && *lethe_ini_text(ini, "GENERAL", "CameraImageDivisionsPerSide"))
        status = whole(ini, "GENERAL", "CameraImageDivisionsPerSide", 1, 1024, &l->divisions, error);
    if (status == LETHE_OK && (l->across * l->down > MOST_PICTURES || l->across < l->divisions || l->down < l->divisions))
        status = lethe_fail(error, LETHE_UNSAFE, "Slidedat.ini: numbers of pictures do not fit each other");
    if (status == LETHE_OK) status = read_levels(ini, sections, l, error);
    if (status != LETHE_OK) return status;
    l->overlap_x = decimal(ini, sections[0], "OVERLAP_X");
    l->overlap_y = decimal(ini, sections[0], "OVERLAP_Y");
    l->position_count = (size_t)((l->across / l->divisions) * (l->down / l->divisions));
    if (positions) status = read_positions(positions, size, deflated, arena, l, error);
    uint32_t most = 1;
    for (unsigned i = 0; i < level_count; i++)
        if (l->levels[i].joined / l->divisions > most) most = (uint32_t)(l->levels[i].joined / l->divisions);
    /* One picture cannot show more photographs than there are. */
    l->part_room = (uint64_t)most * most < l->position_count ? (size_t)most * most : l->position_count;
    l->parts = lethe_arena_alloc_array(arena, l->part_room + 1, sizeof *l->parts);
    return status == LETHE_OK && !l->parts ? lethe_fail(error, LETHE_LIMIT, "too many pictures") : status;
}

/* --- where a picture is shown --- */

/* Where readers show picture (x, y) of the camera, in its own pixels. */
static bool position_of(const lethe_mirax_layout *l, int64_t x, int64_t y, double place[2]) {
    int64_t column = x / l->divisions, row = y / l->divisions, columns = l->across / l->divisions;
    size_t photograph = (size_t)(row * columns + column);
    if (column >= columns || photograph >= l->position_count) return false;
    int64_t width = l->levels[0].width_px, height = l->levels[0].height_px, scale = l->levels[0].joined;
    if (l->positions) {
        place[0] = (double)((int64_t)l->positions[2 * photograph] * scale);
        place[1] = (double)((int64_t)l->positions[2 * photograph + 1] * scale);
    } else {
        place[0] = trunc((double)column * ((double)(width * l->divisions) - l->overlap_x));
        place[1] = trunc((double)row * ((double)(height * l->divisions) - l->overlap_y));
    }
    place[0] += (double)(width * (x - column * l->divisions));
    place[1] += (double)(height * (y - row * l->divisions));
    return true;
}

/* The parts of a picture: one per photograph in it. */
static lethe_status find_parts(const lethe_mirax_layout *l, unsigned level, uint32_t image, size_t *count, lethe_error *error) {
    int64_t x = image % l->across, y = image / l->across, joined = l->levels[level].joined;
    int64_t per_side = joined > l->divisions ? joined / l->divisions : 1;
    double wide = (double)l->levels[level].width_px / (double)per_side, high = (double)l->levels[level].height_px / (double)per_side;
    double factor = (double)joined / (double)l->levels[0].joined;
    *count = 0;
    if (y >= l->down) return lethe_fail(error, LETHE_UNSAFE, "a picture of level %u lies outside the grid: regions cannot be placed", level);
    for (int64_t v = 0; v < per_side && y + v * l->divisions < l->down; v++)
        for (int64_t u = 0; u < per_side && x + u * l->divisions < l->across; u++) {
            double place[2];
            if (!position_of(l, x + u * l->divisions, y + v * l->divisions, place)) continue; /* a last row that fills no photograph: never shown */
            if (*count == l->part_room) return lethe_fail(error, LETHE_UNSAFE, "a picture of level %u joins too many photographs", level);
            double left = (double)u * wide, top = (double)v * high;
            lethe_level_box box = {(int64_t)left, (int64_t)top, (int64_t)ceil(left + wide) - (int64_t)left, (int64_t)ceil(top + high) - (int64_t)top};
            l->parts[(*count)++] = (lethe_level_part){.box = box,
                                                      .x_l0 = place[0] / l->levels[0].joined - (left - floor(left)) * factor,
                                                      .y_l0 = place[1] / l->levels[0].joined - (top - floor(top)) * factor,
                                                      .across_l0 = factor,
                                                      .down_l0 = factor};
        }
    return LETHE_OK;
}

lethe_status lethe_mirax_boxes(const lethe_mirax_layout *layout, unsigned level, uint32_t image, const lethe_slide_region *regions,
                               size_t region_count, lethe_arena *arena, lethe_level_box **boxes, size_t *count, lethe_error *error) {
    size_t part_count = 0, touched = 0;
    lethe_level_box box;
    *boxes = NULL;
    *count = 0;
    lethe_status status = find_parts(layout, level, image, &part_count, error);
    for (size_t p = 0; status == LETHE_OK && p < part_count; p++)
        for (size_t i = 0; i < region_count; i++) touched += lethe_region_on_part(&regions[i], &layout->parts[p], &box);
    if (status != LETHE_OK || !touched) return status;
    *boxes = lethe_arena_alloc_array(arena, touched, sizeof **boxes);
    if (!*boxes) return lethe_fail(error, LETHE_LIMIT, "the regions touch too many pictures");
    for (size_t p = 0; p < part_count; p++)
        for (size_t i = 0; i < region_count; i++)
            if (lethe_region_on_part(&regions[i], &layout->parts[p], &box)) (*boxes)[(*count)++] = box;
    return LETHE_OK;
}

/* --- pictures --- */

static uint32_t le32(const uint8_t *at) { return (uint32_t)number(at); }

/* Uncompressed, 24 bits, rows padded to four bytes, the lowest one first (a negative height: the highest). */
static lethe_status redact_bmp(const uint8_t *bytes, size_t size, const lethe_level_box *boxes, size_t count, lethe_buffer *out, lethe_error *error) {
    size_t start = out->size;
    uint32_t pixels = size >= 54 ? le32(bytes + 10) : 0, bits = size >= 54 ? bytes[28] : 0u;
    int64_t width = size >= 54 ? number(bytes + 18) : 0, height = size >= 54 ? number(bytes + 22) : 0;
    bool from_below = height > 0;
    if (height < 0) height = -height;
    if (bits != 24 || le32(bytes + 30) != 0 || width < 1 || height < 1 || width > MOST_SIDE || height > MOST_SIDE || pixels > size)
        return lethe_fail(error, LETHE_UNSAFE, "a BMP picture in a region is of a kind that cannot be written again");
    size_t row = ((size_t)width * 3 + 3) & ~(size_t)3;
    if (size - pixels < row * (size_t)height) return lethe_fail(error, LETHE_MALFORMED, "a BMP picture in a region is cut off");
    lethe_status status = lethe_buffer_append(out, bytes, size, error);
    for (size_t b = 0; status == LETHE_OK && b < count; b++) {
        int64_t left = boxes[b].x > 0 ? boxes[b].x : 0, right = boxes[b].x + boxes[b].width < width ? boxes[b].x + boxes[b].width : width;
        for (int64_t y = boxes[b].y > 0 ? boxes[b].y : 0; left < right && y < boxes[b].y + boxes[b].height && y < height; y++) {
            size_t at = pixels + row * (size_t)(from_below ? height - 1 - y : y) + 3 * (size_t)left;
            memset(out->bytes + start + at, 0, 3 * (size_t)(right - left));
        }
    }
    return status;
}

static lethe_status flat_png(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    if (size < 33 || memcmp(bytes + 12, "IHDR", 4) != 0) return lethe_fail(error, LETHE_MALFORMED, "a PNG picture in a region has no header");
    uint32_t sides[2];
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *at = bytes + 16 + 4 * i;
        sides[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        if (!sides[i] || sides[i] > MOST_SIDE) return lethe_fail(error, LETHE_MALFORMED, "a PNG picture in a region has no usable size");
    }
    lethe_image black = {.columns = sides[0], .rows = sides[1], .samples = 3, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_RGB};
    lethe_status status = lethe_image_allocate(&black, error);
    if (status == LETHE_OK) {
        memset(black.pixels, 0, lethe_image_size_bytes(&black));
        status = lethe_png_encode(&black, out, error);
    }
    lethe_image_release(&black);
    return status;
}

lethe_status lethe_mirax_redact(const char *format, const uint8_t *bytes, size_t size, const lethe_level_box *boxes, size_t count, lethe_buffer *out,
                                lethe_error *error) {
    if (strcmp(format, "BMP24") == 0) return redact_bmp(bytes, size, boxes, count, out, error);
    if (strcmp(format, "PNG") == 0) return flat_png(bytes, size, out, error);
    lethe_stream_size picture;
    if (!lethe_stream_measure(bytes, size, &picture)) return lethe_fail(error, LETHE_MALFORMED, "a JPEG picture in a region has no usable size");
    const lethe_region_tile tile = {.compression = LETHE_TIFF_JPEG,
                                    .bytes = bytes,
                                    .size = size,
                                    .width_px = picture.width_px,
                                    .height_px = picture.height_px,
                                    .samples = picture.samples,
                                    .bits = 8,
                                    .boxes = boxes,
                                    .box_count = (unsigned)count};
    return lethe_region_redact_tile(&tile, out, error);
}
