/* Everything that OpenSlide reads and we do not read faster. */
#include "core/memory.h"
#include "core/text.h"
#include "imaging/slide/source.h"

#include <math.h>
#include <openslide.h>
#include <tiffio.h>

enum { TILE_PX = 512 };

typedef struct opened {
    openslide_t *os;
    int64_t left, top, right, bottom; /* in pixels of level 0: nothing was scanned outside */
} opened;

static double property(openslide_t *os, const char *name) {
    const char *text = openslide_get_property_value(os, name);
    double value = 0;
    return text && lethe_text_to_double(text, &value) && isfinite(value) && value > 0 ? value : 0;
}

static bool bound(openslide_t *os, const char *name, int64_t *value) {
    const char *text = openslide_get_property_value(os, name);
    return text && lethe_text_to_int64(text, value) && *value >= 0 && *value <= INT64_MAX / 4;
}

/* Slides of several scans on one glass are mostly nothing; OpenSlide says where the scans are. */
static void find_bounds(opened *o) {
    int64_t x, y, width, height;
    o->right = o->bottom = INT64_MAX;
    if (!bound(o->os, OPENSLIDE_PROPERTY_NAME_BOUNDS_X, &x) || !bound(o->os, OPENSLIDE_PROPERTY_NAME_BOUNDS_Y, &y) ||
        !bound(o->os, OPENSLIDE_PROPERTY_NAME_BOUNDS_WIDTH, &width) || !bound(o->os, OPENSLIDE_PROPERTY_NAME_BOUNDS_HEIGHT, &height))
        return;
    o->left = x, o->top = y, o->right = x + width, o->bottom = y + height;
}

/* Generous by two pixels of the level, which resampling may take from their neighbours. */
static bool is_empty(const lethe_slide *slide, unsigned level, int64_t column, int64_t row) {
    const opened *o = slide->state;
    double factor = slide->levels[level].downsample;
    double left = ((double)(column * TILE_PX) - 2) * factor, top = ((double)(row * TILE_PX) - 2) * factor;
    double right = left + (TILE_PX + 4) * factor, bottom = top + (TILE_PX + 4) * factor;
    return right <= (double)o->left || bottom <= (double)o->top || left >= (double)o->right || top >= (double)o->bottom;
}

static lethe_status source_open(lethe_slide *slide, lethe_error *error) {
    (void)TIFFSetErrorHandler(NULL), (void)TIFFSetWarningHandler(NULL); /* libraries never print */
    opened *o = lethe_alloc_array(1, sizeof *o);
    if (!o) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    slide->state = o;
    openslide_t *os = o->os = openslide_open(slide->path);
    if (!os || openslide_get_error(os)) return lethe_fail(error, LETHE_UNSUPPORTED, "OpenSlide cannot open the slide");
    int32_t count = openslide_get_level_count(os);
    for (int32_t i = 0; i < count && i < LETHE_SLIDE_MAX_LEVELS; i++) {
        lethe_slide_level *level = &slide->levels[i];
        int64_t width = 0, height = 0;
        openslide_get_level_dimensions(os, i, &width, &height);
        if (width <= 0 || height <= 0) return lethe_fail(error, LETHE_MALFORMED, "level without size");
        *level = (lethe_slide_level){.width_px = width,
                                     .height_px = height,
                                     .downsample = openslide_get_level_downsample(os, i),
                                     .tile_width_px = TILE_PX,
                                     .tile_height_px = TILE_PX,
                                     .tiles_across = (width + TILE_PX - 1) / TILE_PX,
                                     .tiles_down = (height + TILE_PX - 1) / TILE_PX};
        slide->level_count++;
    }
    find_bounds(o);
    slide->mpp_um = property(os, OPENSLIDE_PROPERTY_NAME_MPP_X);
    slide->objective_power = property(os, OPENSLIDE_PROPERTY_NAME_OBJECTIVE_POWER);
    return LETHE_OK;
}

static void source_close(lethe_slide *slide) {
    opened *o = slide->state;
    if (o && o->os) openslide_close(o->os);
    lethe_free(o);
    slide->state = NULL;
}

/* Premultiplied ARGB words to RGBA bytes over white. */
static void to_rgba(const uint32_t *argb, lethe_image *rgba) {
    for (size_t i = 0; i < (size_t)rgba->columns * rgba->rows; i++) {
        uint32_t pixel = argb[i], rest = 255 - (pixel >> 24);
        uint8_t *out = rgba->pixels + 4 * i;
        out[0] = (uint8_t)((pixel >> 16 & 255) + rest), out[1] = (uint8_t)((pixel >> 8 & 255) + rest), out[2] = (uint8_t)((pixel & 255) + rest),
        out[3] = 255;
    }
}

static lethe_status source_read_tile(lethe_slide *slide, unsigned level, int64_t column, int64_t row, lethe_image *rgba, lethe_error *error) {
    openslide_t *os = ((opened *)slide->state)->os;
    if (is_empty(slide, level, column, row)) return LETHE_OK;
    uint32_t *argb = lethe_alloc_array((size_t)rgba->columns * rgba->rows, 4);
    if (!argb) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    double factor = slide->levels[level].downsample;
    openslide_read_region(os, argb, (int64_t)((double)(column * TILE_PX) * factor), (int64_t)((double)(row * TILE_PX) * factor), (int32_t)level,
                          rgba->columns, rgba->rows);
    bool failed = openslide_get_error(os) != NULL;
    if (!failed) to_rgba(argb, rgba);
    lethe_free(argb);
    return failed ? lethe_fail(error, LETHE_MALFORMED, "OpenSlide cannot read the region") : LETHE_OK;
}

/* What is empty is white in any size; the rest is read whole. */
static lethe_status source_read_reduced(lethe_slide *slide, unsigned level, int64_t column, int64_t row, unsigned shrink, lethe_image *rgba,
                                        lethe_error *error) {
    (void)shrink, (void)rgba;
    return is_empty(slide, level, column, row) ? LETHE_OK : lethe_fail(error, LETHE_UNSUPPORTED, "OpenSlide reads whole tiles");
}

static lethe_status source_read_associated(lethe_slide *slide, const char *name, lethe_image *rgba, lethe_error *error) {
    openslide_t *os = ((opened *)slide->state)->os;
    int64_t width = -1, height = -1;
    openslide_get_associated_image_dimensions(os, name, &width, &height);
    if (width <= 0 || height <= 0) return lethe_fail(error, LETHE_NOT_FOUND, "no such associated image");
    if (width > 16384 || height > 16384) return lethe_fail(error, LETHE_LIMIT, "associated image is too large");
    lethe_status status = lethe_slide_white((uint32_t)width, (uint32_t)height, rgba, error);
    if (status != LETHE_OK) return status;
    uint32_t *argb = lethe_alloc_array((size_t)width * (size_t)height, 4);
    if (argb) openslide_read_associated_image(os, name, argb);
    if (!argb) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    else if (openslide_get_error(os)) status = lethe_fail(error, LETHE_MALFORMED, "OpenSlide cannot read the associated image");
    else to_rgba(argb, rgba);
    lethe_free(argb);
    if (status != LETHE_OK) lethe_image_release(rgba);
    return status;
}

const lethe_slide_source lethe_openslide_source = {source_open, source_close, source_read_tile, source_read_associated, source_read_reduced, NULL};
