/* Tiles straight from a TIFF pyramid: JPEG by libjpeg-turbo, JPEG 2000 by OpenJPEG, raw and the rest by libtiff. */
#include "core/memory.h"
#include "imaging/slide/source.h"
#include "imaging/slide/tiff_levels.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

typedef struct tiff_level {
    const lethe_tiff_directory *directory;
    lethe_tiff_segments segments;
    uint64_t compression, samples;
    lethe_jpeg_hint hint;
} tiff_level;

typedef struct tiff_state {
    tiff_level levels[LETHE_SLIDE_MAX_LEVELS];
    pthread_mutex_t lock; /* of `tiff` */
    TIFF *tiff;           /* opened when a compression needs it */
} tiff_state;

static void read_hint(const lethe_tiff_tree *tree, tiff_level *level) {
    const lethe_tiff_entry *tables = lethe_tiff_find(level->directory, LETHE_TIFF_JPEG_TABLES);
    if (tables && tables->value && tables->bytes > 4) {
        level->hint.tables = tables->value;
        level->hint.tables_size = (size_t)tables->bytes;
    }
    level->hint.rgb = lethe_tiff_uint(tree, level->directory, LETHE_TIFF_PHOTOMETRIC, 6) == 2;
}

static bool can_read(const lethe_tiff_tree *tree, const tiff_level *level) {
    if (lethe_tiff_uint(tree, level->directory, LETHE_TIFF_PLANAR_CONFIGURATION, 1) != 1) return level->compression != LETHE_TIFF_JPEG;
    return level->compression != LETHE_TIFF_OLD_JPEG;
}

/* A directory as the next level; false when it cannot be one. */
static bool add_level(lethe_slide *slide, const lethe_tiff_directory *directory) {
    const lethe_tiff_tree *tree = slide->probe.tree;
    tiff_state *state = slide->state;
    if (slide->level_count == LETHE_SLIDE_MAX_LEVELS) return false;
    tiff_level *raw = &state->levels[slide->level_count];
    lethe_slide_level *level = &slide->levels[slide->level_count];
    raw->directory = directory;
    raw->compression = lethe_tiff_uint(tree, directory, LETHE_TIFF_COMPRESSION, LETHE_TIFF_NONE);
    raw->samples = lethe_tiff_uint(tree, directory, LETHE_TIFF_SAMPLES_PER_PIXEL, 1);
    uint64_t width = lethe_tiff_uint(tree, directory, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, directory, LETHE_TIFF_HEIGHT, 0);
    uint64_t tile_width = lethe_tiff_uint(tree, directory, LETHE_TIFF_TILE_WIDTH, 0),
             tile_height = lethe_tiff_uint(tree, directory, LETHE_TIFF_TILE_HEIGHT, 0);
    if (!width || !height || width > INT32_MAX || height > INT32_MAX || !tile_width || !tile_height || tile_width > 16384 || tile_height > 16384)
        return false;
    if (!lethe_tiff_segments_of(directory, &raw->segments) || !raw->segments.tiled || !can_read(tree, raw)) return false;
    read_hint(tree, raw);
    *level = (lethe_slide_level){
        .width_px = (int64_t)width, .height_px = (int64_t)height, .tile_width_px = (uint32_t)tile_width, .tile_height_px = (uint32_t)tile_height};
    level->tiles_across = (int64_t)((width + tile_width - 1) / tile_width);
    level->tiles_down = (int64_t)((height + tile_height - 1) / tile_height);
    if ((uint64_t)(level->tiles_across * level->tiles_down) > raw->segments.count) return false;
    const lethe_slide_level *first = &slide->levels[0];
    level->downsample = ((double)first->width_px / (double)width + (double)first->height_px / (double)height) / 2;
    /* Philips pads levels to whole tiles; its factors are powers of two. */
    if (strcmp(slide->format, "philips") == 0) level->downsample = exp2(round(log2(level->downsample)));
    slide->level_count++;
    return true;
}

static double resolution_um(const lethe_tiff_tree *tree) {
    double per_unit = lethe_tiff_double(tree, tree->first, LETHE_TIFF_X_RESOLUTION, 0);
    uint64_t unit = lethe_tiff_uint(tree, tree->first, LETHE_TIFF_RESOLUTION_UNIT, 2);
    if (per_unit <= 0 || unit == 1) return 0;
    return (unit == 3 ? 10000.0 : 25400.0) / per_unit;
}

/* The number behind `name` (an attribute with its opening quote, or a tag); 0 when absent. For display only. */
static double number_after(const char *text, const char *name) {
    const char *at = strstr(text, name);
    return at ? strtod(at + strlen(name) + strspn(at + strlen(name), " \"&quot;>"), NULL) : 0;
}

static void read_properties(lethe_slide *slide) {
    const lethe_tiff_tree *tree = slide->probe.tree;
    const char *text = lethe_tiff_text(tree, tree->first, LETHE_TIFF_IMAGE_DESCRIPTION);
    if (!text) text = "";
    if (strcmp(slide->format, "aperio") == 0) {
        (void)lethe_aperio_number(text, "MPP", &slide->mpp_um);
        (void)lethe_aperio_number(text, "AppMag", &slide->objective_power);
    } else if (strcmp(slide->format, "ome") == 0) {
        slide->mpp_um = number_after(text, "PhysicalSizeX=\"");
        slide->objective_power = number_after(text, "NominalMagnification=\"");
    } else if (strcmp(slide->format, "philips") == 0) {
        const char *spacing = strstr(text, "DICOM_PIXEL_SPACING");
        const char *value = spacing ? strchr(spacing, '>') : NULL;
        if (value) slide->mpp_um = 1000 * number_after(value, ">");
    } else slide->mpp_um = resolution_um(tree);
    if (!isfinite(slide->mpp_um) || slide->mpp_um < 0) slide->mpp_um = 0;
    if (!isfinite(slide->objective_power) || slide->objective_power < 0) slide->objective_power = 0;
    const lethe_tiff_entry *icc = lethe_tiff_find(tree->first, LETHE_TIFF_ICC_PROFILE);
    if (icc && icc->value) slide->icc = icc->value, slide->icc_size = (size_t)icc->bytes;
}

static lethe_status tiff_open(lethe_slide *slide, lethe_error *error) {
    const lethe_tiff_tree *tree = slide->probe.tree;
    if (!tree) return lethe_fail(error, LETHE_MALFORMED, "not a TIFF file");
    tiff_state *state = lethe_alloc_array(1, sizeof *state);
    if (!state) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    (void)pthread_mutex_init(&state->lock, NULL);
    slide->state = state;
    for (const lethe_tiff_directory *d = tree->first; d; d = d->next) {
        if (lethe_tiff_role_of(tree, d, slide->format) != LETHE_TIFF_ROLE_LEVEL) continue;
        if (!add_level(slide, d) && d == tree->first)
            return lethe_fail(error, LETHE_UNSUPPORTED, "level 0 is of a kind that cannot be read directly");
    }
    /* OME keeps its pyramid in SubIFDs of the first directory. */
    for (const lethe_tiff_directory *d = tree->first->children; d; d = d->next)
        if (d->parent_tag == LETHE_TIFF_SUB_IFDS && lethe_tiff_role_of(tree, d, slide->format) == LETHE_TIFF_ROLE_LEVEL) (void)add_level(slide, d);
    read_properties(slide);
    return slide->level_count ? LETHE_OK : lethe_fail(error, LETHE_UNSUPPORTED, "no tiled level");
}

static void tiff_close(lethe_slide *slide) {
    tiff_state *state = slide->state;
    if (!state) return;
    if (state->tiff) TIFFClose(state->tiff);
    (void)pthread_mutex_destroy(&state->lock);
    lethe_free(state);
    slide->state = NULL;
}

/* --- through libtiff: LZW, Deflate, ZSTD, raw ... --- */

static lethe_status read_rgba(TIFF *tiff, uint32_t x, uint32_t y, uint32_t tile_width, uint32_t tile_height, lethe_image *rgba, lethe_error *error) {
    uint32_t *raster = lethe_alloc_array((size_t)tile_width * tile_height, 4);
    if (!raster) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    bool read = TIFFReadRGBATile(tiff, x, y, raster) == 1;
    /* Rows come bottom up. */
    for (uint32_t row = 0; read && row < rgba->rows; row++)
        for (uint32_t column = 0; column < rgba->columns; column++) {
            uint32_t pixel = raster[(size_t)(tile_height - 1 - row) * tile_width + column];
            uint8_t *out = rgba->pixels + ((size_t)row * rgba->columns + column) * 4;
            out[0] = (uint8_t)TIFFGetR(pixel), out[1] = (uint8_t)TIFFGetG(pixel), out[2] = (uint8_t)TIFFGetB(pixel), out[3] = 255;
        }
    lethe_free(raster);
    return read ? LETHE_OK : lethe_fail(error, LETHE_MALFORMED, "tile cannot be decoded");
}

static lethe_status read_by_libtiff(lethe_slide *slide, const lethe_tiff_directory *directory, uint32_t x, uint32_t y, uint32_t tile_width,
                                    uint32_t tile_height, lethe_image *rgba, lethe_error *error) {
    tiff_state *state = slide->state;
    lethe_status status = LETHE_OK;
    (void)pthread_mutex_lock(&state->lock);
    if (!state->tiff) {
        (void)TIFFSetErrorHandler(NULL), (void)TIFFSetWarningHandler(NULL);
        state->tiff = TIFFOpen(slide->path, "rm");
    }
    if (!state->tiff || !TIFFSetSubDirectory(state->tiff, directory->offset))
        status = lethe_fail(error, LETHE_MALFORMED, "libtiff cannot open the directory");
    else status = read_rgba(state->tiff, x, y, tile_width, tile_height, rgba, error);
    (void)pthread_mutex_unlock(&state->lock);
    return status;
}

static lethe_status tiff_read_tile(lethe_slide *slide, unsigned level, int64_t column, int64_t row, lethe_image *rgba, lethe_error *error) {
    const tiff_level *raw = &((const tiff_state *)slide->state)->levels[level];
    const lethe_slide_level *l = &slide->levels[level];
    uint64_t offset, bytes;
    if (!lethe_tiff_segment_at(slide->probe.tree, &raw->segments, (uint64_t)(row * l->tiles_across + column), &offset, &bytes))
        return lethe_fail(error, LETHE_MALFORMED, "tile lies outside the file");
    if (bytes == 0) return LETHE_OK; /* missing: white */
    const uint8_t *at = slide->probe.map.bytes + offset;
    bool ordinary = raw->samples == 1 || raw->samples == 3;
    switch (ordinary ? raw->compression : LETHE_TIFF_NONE) {
    case LETHE_TIFF_JPEG: return lethe_jpeg_tile_decode(at, (size_t)bytes, &raw->hint, rgba, error);
    case LETHE_TIFF_APERIO_J2K_YCBCR: return lethe_j2k_tile_decode(at, (size_t)bytes, true, rgba, error);
    case LETHE_TIFF_APERIO_J2K_RGB:
    case LETHE_TIFF_JPEG_2000: return lethe_j2k_tile_decode(at, (size_t)bytes, false, rgba, error);
    default:
        return read_by_libtiff(slide, raw->directory, (uint32_t)column * l->tile_width_px, (uint32_t)row * l->tile_height_px, l->tile_width_px,
                               l->tile_height_px, rgba, error);
    }
}

/* JPEG alone: its blocks hold their mean. */
static lethe_status tiff_read_reduced(lethe_slide *slide, unsigned level, int64_t column, int64_t row, unsigned shrink, lethe_image *rgba,
                                      lethe_error *error) {
    const tiff_level *raw = &((const tiff_state *)slide->state)->levels[level];
    uint64_t offset, bytes;
    if (raw->compression != LETHE_TIFF_JPEG || (raw->samples != 1 && raw->samples != 3))
        return lethe_fail(error, LETHE_UNSUPPORTED, "the tile can only be read whole");
    if (!lethe_tiff_segment_at(slide->probe.tree, &raw->segments, (uint64_t)(row * slide->levels[level].tiles_across + column), &offset, &bytes))
        return lethe_fail(error, LETHE_MALFORMED, "tile lies outside the file");
    if (bytes == 0) return LETHE_OK; /* missing: white */
    lethe_jpeg_hint hint = raw->hint;
    hint.shrink = shrink;
    return lethe_jpeg_tile_decode(slide->probe.map.bytes + offset, (size_t)bytes, &hint, rgba, error);
}

/* --- label, macro, thumbnail --- */

static lethe_status read_whole(const char *path, const lethe_tiff_directory *directory, uint32_t width, uint32_t height, lethe_image *rgba,
                               lethe_error *error) {
    lethe_status status = lethe_slide_white(width, height, rgba, error);
    if (status != LETHE_OK) return status;
    (void)TIFFSetErrorHandler(NULL), (void)TIFFSetWarningHandler(NULL);
    TIFF *tiff = TIFFOpen(path, "rm");
    uint32_t *raster = lethe_alloc_array((size_t)width * height, 4);
    bool read = tiff && raster && TIFFSetSubDirectory(tiff, directory->offset) &&
                TIFFReadRGBAImageOriented(tiff, width, height, raster, ORIENTATION_TOPLEFT, 0);
    for (size_t i = 0; read && i < (size_t)width * height; i++) {
        uint8_t *out = rgba->pixels + 4 * i;
        out[0] = (uint8_t)TIFFGetR(raster[i]), out[1] = (uint8_t)TIFFGetG(raster[i]), out[2] = (uint8_t)TIFFGetB(raster[i]), out[3] = 255;
    }
    lethe_free(raster);
    if (tiff) TIFFClose(tiff);
    if (read) return LETHE_OK;
    lethe_image_release(rgba);
    return lethe_fail(error, LETHE_MALFORMED, "associated image cannot be decoded");
}

static lethe_status tiff_read_associated(lethe_slide *slide, const char *name, lethe_image *rgba, lethe_error *error) {
    const lethe_tiff_tree *tree = slide->probe.tree;
    lethe_tiff_role wanted = strcmp(name, "label") == 0       ? LETHE_TIFF_ROLE_LABEL
                             : strcmp(name, "macro") == 0     ? LETHE_TIFF_ROLE_MACRO
                             : strcmp(name, "thumbnail") == 0 ? LETHE_TIFF_ROLE_THUMBNAIL
                                                              : LETHE_TIFF_ROLE_STRANGE;
    for (const lethe_tiff_directory *d = tree->first; d && wanted != LETHE_TIFF_ROLE_STRANGE; d = d->next) {
        if (lethe_tiff_role_of(tree, d, slide->format) != wanted) continue;
        uint64_t width = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0);
        if (!width || !height || width > 16384 || height > 16384) return lethe_fail(error, LETHE_LIMIT, "associated image is too large");
        return read_whole(slide->path, d, (uint32_t)width, (uint32_t)height, rgba, error);
    }
    return lethe_fail(error, LETHE_NOT_FOUND, "no such associated image");
}

const lethe_slide_source lethe_tiff_source = {tiff_open, tiff_close, tiff_read_tile, tiff_read_associated, tiff_read_reduced, NULL};
