/* The same slide in OpenSlide's eyes. */
#include "imaging/slide/openslide_compare.h"
#include "core/memory.h"
#include "core/text.h"

#include <openslide.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

enum { SIDE = 256, PER_LEVEL = 3 };

static bool same_property(openslide_t *a, openslide_t *b, const char *name) {
    const char *left = openslide_get_property_value(a, name), *right = openslide_get_property_value(b, name);
    if (!left || !right) return left == right;
    return strcmp(left, right) == 0;
}

static lethe_status compare_shape(openslide_t *a, openslide_t *b, lethe_error *error) {
    if (openslide_get_level_count(a) != openslide_get_level_count(b))
        return lethe_fail(error, LETHE_UNSAFE, "OpenSlide sees another number of levels");
    for (int32_t i = 0; i < openslide_get_level_count(a); i++) {
        int64_t left[2], right[2];
        openslide_get_level_dimensions(a, i, &left[0], &left[1]);
        openslide_get_level_dimensions(b, i, &right[0], &right[1]);
        if (left[0] != right[0] || left[1] != right[1]) return lethe_fail(error, LETHE_UNSAFE, "OpenSlide sees another size of level %d", i);
    }
    static const char *const names[] = {OPENSLIDE_PROPERTY_NAME_VENDOR, OPENSLIDE_PROPERTY_NAME_MPP_X, OPENSLIDE_PROPERTY_NAME_MPP_Y,
                                        OPENSLIDE_PROPERTY_NAME_OBJECTIVE_POWER};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!same_property(a, b, names[i])) return lethe_fail(error, LETHE_UNSAFE, "OpenSlide sees another %s", names[i]);
    return LETHE_OK;
}

static int64_t tile_side(openslide_t *slide, int32_t level, const char *side) {
    char name[64];
    int64_t tile = 0;
    (void)snprintf(name, sizeof name, "openslide.level[%d].tile-%s", level, side);
    const char *text = openslide_get_property_value(slide, name);
    return text && lethe_text_to_int64(text, &tile) ? tile : 0;
}

/* Debian's OpenSlide shows memory that was never written where a level is smaller than its tile: nothing to compare there. */
static bool is_small(openslide_t *slide, int32_t level) {
    int64_t width, height;
    openslide_get_level_dimensions(slide, level, &width, &height);
    return width < tile_side(slide, level, "width") || height < tile_side(slide, level, "height");
}

/* Tiles are redacted as a whole where their coding asks for it: a tile is the margin. */
static bool is_excluded(openslide_t *slide, int32_t level, const lethe_compare_area *areas, size_t count, int64_t x, int64_t y) {
    double downsample = openslide_get_level_downsample(slide, level);
    int64_t across = tile_side(slide, level, "width"), down = tile_side(slide, level, "height"), tile = across > down ? across : down;
    double margin = (double)(tile ? tile : 512) * downsample, side = SIDE * downsample;
    for (size_t i = 0; i < count; i++)
        if ((double)areas[i].x_l0 - margin < (double)x + side && (double)(areas[i].x_l0 + areas[i].width_l0) + margin > (double)x &&
            (double)areas[i].y_l0 - margin < (double)y + side && (double)(areas[i].y_l0 + areas[i].height_l0) + margin > (double)y)
            return true;
    return false;
}

static lethe_status compare_pixels(openslide_t *a, openslide_t *b, const lethe_compare_area *areas, size_t area_count, uint64_t *regions,
                                   lethe_error *error) {
    const size_t bytes = (size_t)SIDE * SIDE * 4;
    uint32_t *left = lethe_alloc_array(1, bytes), *right = lethe_alloc_array(1, bytes);
    lethe_status status = left && right ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    int64_t width, height;
    openslide_get_level0_dimensions(a, &width, &height);
    for (int32_t level = 0; status == LETHE_OK && level < openslide_get_level_count(a); level++) {
        if (is_small(a, level)) continue;
        for (int64_t i = 0; status == LETHE_OK && i < PER_LEVEL; i++) {
            int64_t x = i * (width - SIDE) / PER_LEVEL, y = (PER_LEVEL - 1 - i) * (height - SIDE) / PER_LEVEL;
            if (x < 0) x = 0;
            if (y < 0) y = 0;
            if (is_excluded(a, level, areas, area_count, x, y)) continue;
            openslide_read_region(a, left, x, y, level, SIDE, SIDE);
            openslide_read_region(b, right, x, y, level, SIDE, SIDE);
            if (openslide_get_error(a)) break; /* the input's own fault: nothing to compare with */
            if (openslide_get_error(b)) status = lethe_fail(error, LETHE_UNSAFE, "OpenSlide cannot read a region of the output's level %d", level);
            else if (memcmp(left, right, bytes) != 0) status = lethe_fail(error, LETHE_UNSAFE, "OpenSlide sees other pixels on level %d", level);
            else (*regions)++;
        }
    }
    lethe_free(left);
    lethe_free(right);
    return status;
}

lethe_status lethe_openslide_compare(const char *input_path, const char *output_path, uint64_t *regions, lethe_error *error) {
    return lethe_openslide_compare_outside(input_path, output_path, NULL, 0, regions, error);
}

lethe_status lethe_openslide_compare_outside(const char *input_path, const char *output_path, const lethe_compare_area *areas, size_t area_count,
                                             uint64_t *regions, lethe_error *error) {
    *regions = 0;
    (void)TIFFSetErrorHandler(NULL), (void)TIFFSetWarningHandler(NULL); /* libraries never print */
    openslide_t *a = openslide_open(input_path), *b = NULL;
    lethe_status status = LETHE_OK;
    if (!a || openslide_get_error(a)) goto out;
    b = openslide_open(output_path);
    if (!b || openslide_get_error(b)) status = lethe_fail(error, LETHE_UNSAFE, "OpenSlide opens the input but not the output");
    if (status == LETHE_OK) status = compare_shape(a, b, error);
    if (status == LETHE_OK) status = compare_pixels(a, b, areas, area_count, regions, error);
out:
    if (a) openslide_close(a);
    if (b) openslide_close(b);
    return status;
}

/* --- regions that are to be black --- */

/* Opaque pixels alike, but for what chroma brings in at the edge of neighbours: a stroke would differ by far more. The outermost pixels are not
 * looked at. */
static bool is_flat(const uint32_t *argb, int64_t width, int64_t height) {
    enum { MARGIN = 2, MOST_SPREAD = 48 };
    uint32_t low[3] = {255, 255, 255}, high[3] = {0, 0, 0};
    for (int64_t y = MARGIN; y + MARGIN < height; y++)
        for (int64_t x = MARGIN; x + MARGIN < width; x++) {
            uint32_t pixel = argb[y * width + x];
            if (pixel >> 24 != 255) continue; /* not scanned */
            for (unsigned s = 0; s < 3; s++) {
                uint32_t value = pixel >> 8 * s & 255;
                if (value < low[s]) low[s] = value;
                if (value > high[s]) high[s] = value;
            }
        }
    for (unsigned s = 0; s < 3; s++)
        if (high[s] > low[s] && high[s] - low[s] > MOST_SPREAD) return false;
    return true;
}

static lethe_status flat_on_level(openslide_t *slide, int32_t level, const lethe_compare_area *area, uint32_t *argb, lethe_error *error) {
    enum { PIECE = 512 };
    double factor = openslide_get_level_downsample(slide, level);
    int64_t width = 0, height = 0;
    openslide_get_level_dimensions(slide, level, &width, &height);
    int64_t left = (int64_t)((double)area->x_l0 / factor) + 1, top = (int64_t)((double)area->y_l0 / factor) + 1;
    int64_t right = (int64_t)((double)(area->x_l0 + area->width_l0) / factor), bottom = (int64_t)((double)(area->y_l0 + area->height_l0) / factor);
    if (right > width) right = width;
    if (bottom > height) bottom = height;
    for (int64_t y = top; y < bottom; y += PIECE)
        for (int64_t x = left; x < right; x += PIECE) {
            int64_t wide = right - x < PIECE ? right - x : PIECE, high = bottom - y < PIECE ? bottom - y : PIECE;
            openslide_read_region(slide, argb, (int64_t)((double)x * factor), (int64_t)((double)y * factor), level, wide, high);
            if (openslide_get_error(slide)) return lethe_fail(error, LETHE_UNSAFE, "OpenSlide cannot read a region of the output's level %d", level);
            if (!is_flat(argb, wide, high))
                return lethe_fail(error, LETHE_UNSAFE, "output: a region that was to be blacked out still shows something on level %d", level);
        }
    return LETHE_OK;
}

lethe_status lethe_openslide_flat(const char *path, const lethe_compare_area *areas, size_t area_count, lethe_error *error) {
    if (!area_count) return LETHE_OK;
    (void)TIFFSetErrorHandler(NULL), (void)TIFFSetWarningHandler(NULL); /* libraries never print */
    openslide_t *slide = openslide_open(path);
    uint32_t *argb = lethe_alloc_array(512 * 512, sizeof *argb);
    lethe_status status = argb ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK && (!slide || openslide_get_error(slide)))
        status = lethe_fail(error, LETHE_UNSAFE, "regions cannot be proven: OpenSlide cannot open the output");
    for (int32_t level = 0; status == LETHE_OK && level < openslide_get_level_count(slide); level++)
        for (size_t i = 0; status == LETHE_OK && i < area_count; i++) status = flat_on_level(slide, level, &areas[i], argb, error);
    lethe_free(argb);
    if (slide) openslide_close(slide);
    return status;
}
