#include "imaging/slide/slide.h"

#include "core/memory.h"
#include "imaging/slide/source.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

/* --- registry: which source reads which format; the first that opens wins --- */

static const struct {
    const char *format;
    const lethe_slide_source *sources[2];
} readers[] = {
    {"aperio", {&lethe_tiff_source, &lethe_openslide_source}},
    {"generic", {&lethe_tiff_source, &lethe_openslide_source}},
    {"ome", {&lethe_tiff_source, &lethe_openslide_source}},
    {"philips", {&lethe_tiff_source, &lethe_openslide_source}},
    {"leica", {&lethe_openslide_source, NULL}},
    {"ventana", {&lethe_openslide_source, NULL}},
    {"hamamatsu", {&lethe_openslide_source, NULL}},
    {"hamamatsu-vms", {&lethe_openslide_source, NULL}},
    {"mirax", {&lethe_openslide_source, NULL}},
    {"trestle", {&lethe_openslide_source, NULL}},
    {"sakura", {&lethe_openslide_source, NULL}},
    {"dicom", {&lethe_dicom_source, NULL}},
};

const char *lethe_slide_detect(const char *path) {
    lethe_slide_probe probe;
    if (lethe_slide_probe_open(path, &probe, NULL) != LETHE_OK) return NULL;
    const char *format = lethe_slide_probe_format(&probe);
    lethe_slide_probe_close(&probe);
    return format;
}

static lethe_status open_by(lethe_slide *slide, const lethe_slide_source *const sources[2], lethe_error *error) {
    lethe_status status = LETHE_UNSUPPORTED;
    for (unsigned i = 0; i < 2 && sources[i] && status == LETHE_UNSUPPORTED; i++) {
        lethe_error_clear(error);
        slide->level_count = 0;
        slide->source = sources[i];
        status = sources[i]->open(slide, error);
        if (status != LETHE_OK) {
            sources[i]->close(slide);
            slide->source = NULL;
        }
    }
    return status;
}

lethe_status lethe_slide_open(const char *path, lethe_slide **out, lethe_error *error) {
    *out = NULL;
    lethe_error own = {0};
    if (!error) error = &own;
    lethe_slide *slide = lethe_alloc_array(1, sizeof *slide);
    if (!slide) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    slide->probe.map.fd = -1;
    slide->path = lethe_strdup(path);
    lethe_status status =
        slide->path ? lethe_slide_probe_open(slide->path, &slide->probe, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status != LETHE_OK) goto out;
    slide->format = lethe_slide_probe_format(&slide->probe);
    status = LETHE_UNSUPPORTED;
    for (size_t i = 0; slide->format && i < sizeof readers / sizeof *readers; i++)
        if (strcmp(readers[i].format, slide->format) == 0) status = open_by(slide, readers[i].sources, error);
    if (status == LETHE_UNSUPPORTED) (void)lethe_fail(error, LETHE_UNSUPPORTED, "no slide of a format that can be read");
    if (status == LETHE_OK && slide->level_count == 0) status = lethe_fail(error, LETHE_UNSUPPORTED, "slide without levels");
out:
    if (status == LETHE_OK) *out = slide;
    else lethe_slide_close(slide);
    return status;
}

void lethe_slide_close(lethe_slide *slide) {
    if (!slide) return;
    if (slide->source) slide->source->close(slide);
    lethe_slide_probe_close(&slide->probe);
    lethe_free(slide->path);
    lethe_free(slide);
}

const char *lethe_slide_front(const lethe_slide *slide) { return slide->source->front ? slide->source->front(slide) : slide->path; }
const char *lethe_slide_format(const lethe_slide *slide) { return slide->format; }
unsigned lethe_slide_level_count(const lethe_slide *slide) { return slide->level_count; }
const lethe_slide_level *lethe_slide_level_at(const lethe_slide *slide, unsigned level) {
    return level < slide->level_count ? &slide->levels[level] : NULL;
}
double lethe_slide_mpp_um(const lethe_slide *slide) { return slide->mpp_um; }
double lethe_slide_objective_power(const lethe_slide *slide) { return slide->objective_power; }
const uint8_t *lethe_slide_icc(const lethe_slide *slide, size_t *size) {
    *size = slide->icc_size;
    return slide->icc;
}

void lethe_slide_forget(lethe_slide *slide) {
    const lethe_map *map = &slide->probe.map;
    if (map->bytes && map->size && !map->copied) (void)madvise((void *)(uintptr_t)map->bytes, (size_t)map->size, MADV_DONTNEED);
}

/* --- pixels --- */

lethe_status lethe_slide_white(uint32_t columns, uint32_t rows, lethe_image *rgba, lethe_error *error) {
    *rgba = (lethe_image){.columns = columns, .rows = rows, .samples = 4, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_RGB};
    lethe_status status = lethe_image_allocate(rgba, error);
    if (status == LETHE_OK) memset(rgba->pixels, 255, lethe_image_size_bytes(rgba));
    return status;
}

lethe_status lethe_slide_read_tile(lethe_slide *slide, unsigned level, int64_t column, int64_t row, lethe_image *rgba, lethe_error *error) {
    *rgba = (lethe_image){0};
    const lethe_slide_level *l = lethe_slide_level_at(slide, level);
    if (!l || column < 0 || row < 0 || column >= l->tiles_across || row >= l->tiles_down) return lethe_fail(error, LETHE_NOT_FOUND, "no such tile");
    int64_t width = l->width_px - column * l->tile_width_px, height = l->height_px - row * l->tile_height_px;
    if (width > l->tile_width_px) width = l->tile_width_px;
    if (height > l->tile_height_px) height = l->tile_height_px;
    lethe_status status = lethe_slide_white((uint32_t)width, (uint32_t)height, rgba, error);
    if (status == LETHE_OK) status = slide->source->read_tile(slide, level, column, row, rgba, error);
    if (status != LETHE_OK) lethe_image_release(rgba);
    return status;
}

/* Each pixel of `small` is the mean of the shrink x shrink pixels of `whole` that there are. */
static void average(const lethe_image *whole, unsigned shrink, lethe_image *small) {
    for (uint32_t y = 0; y < small->rows; y++)
        for (uint32_t x = 0; x < small->columns; x++) {
            uint32_t sums[4] = {0}, count = 0;
            for (uint32_t v = y * shrink; v < (y + 1) * shrink && v < whole->rows; v++)
                for (uint32_t u = x * shrink; u < (x + 1) * shrink && u < whole->columns; u++, count++)
                    for (unsigned s = 0; s < 4; s++) sums[s] += whole->pixels[((size_t)v * whole->columns + u) * 4 + s];
            for (unsigned s = 0; s < 4 && count; s++) small->pixels[((size_t)y * small->columns + x) * 4 + s] = (uint8_t)(sums[s] / count);
        }
}

lethe_status lethe_slide_read_tile_reduced(lethe_slide *slide, unsigned level, int64_t column, int64_t row, unsigned shrink, lethe_image *rgba,
                                           lethe_error *error) {
    if (shrink <= 1) return lethe_slide_read_tile(slide, level, column, row, rgba, error);
    *rgba = (lethe_image){0};
    const lethe_slide_level *l = lethe_slide_level_at(slide, level);
    if (shrink > 8 || (shrink & (shrink - 1))) return lethe_fail(error, LETHE_UNSUPPORTED, "tiles are reduced by 2, 4 or 8");
    if (!l || column < 0 || row < 0 || column >= l->tiles_across || row >= l->tiles_down) return lethe_fail(error, LETHE_NOT_FOUND, "no such tile");
    int64_t width = l->width_px - column * l->tile_width_px, height = l->height_px - row * l->tile_height_px;
    if (width > l->tile_width_px) width = l->tile_width_px;
    if (height > l->tile_height_px) height = l->tile_height_px;
    lethe_status status = lethe_slide_white((uint32_t)(width + shrink - 1) / shrink, (uint32_t)(height + shrink - 1) / shrink, rgba, error);
    if (status != LETHE_OK) return status;
    lethe_error own = {0};
    status = slide->source->read_reduced ? slide->source->read_reduced(slide, level, column, row, shrink, rgba, &own) : LETHE_UNSUPPORTED;
    if (status == LETHE_UNSUPPORTED) {
        lethe_image whole;
        status = lethe_slide_read_tile(slide, level, column, row, &whole, error);
        if (status == LETHE_OK) average(&whole, shrink, rgba);
        lethe_image_release(&whole);
    } else if (status != LETHE_OK) (void)lethe_fail(error, status, "%s", own.message);
    if (status != LETHE_OK) lethe_image_release(rgba);
    return status;
}

/* Copy the part of `tile`, whose corner is at (tile_x, tile_y) of the level, that falls into `region` at (x, y). */
static void blend(const lethe_image *tile, int64_t tile_x, int64_t tile_y, int64_t x, int64_t y, lethe_image *region) {
    int64_t left = tile_x > x ? tile_x : x, top = tile_y > y ? tile_y : y;
    int64_t right = tile_x + tile->columns < x + region->columns ? tile_x + tile->columns : x + region->columns;
    int64_t bottom = tile_y + tile->rows < y + region->rows ? tile_y + tile->rows : y + region->rows;
    if (right <= left) return;
    for (int64_t at = top; at < bottom; at++)
        memcpy(region->pixels + ((size_t)(at - y) * region->columns + (size_t)(left - x)) * 4,
               tile->pixels + ((size_t)(at - tile_y) * tile->columns + (size_t)(left - tile_x)) * 4, (size_t)(right - left) * 4);
}

lethe_status lethe_slide_read_region(lethe_slide *slide, unsigned level, int64_t x_l0, int64_t y_l0, uint32_t width_px, uint32_t height_px,
                                     lethe_image *rgba, lethe_error *error) {
    *rgba = (lethe_image){0};
    const lethe_slide_level *l = lethe_slide_level_at(slide, level);
    if (!l) return lethe_fail(error, LETHE_NOT_FOUND, "no such level");
    lethe_status status = lethe_slide_white(width_px, height_px, rgba, error);
    if (status != LETHE_OK) return status;
    int64_t x = (int64_t)floor((double)x_l0 / l->downsample), y = (int64_t)floor((double)y_l0 / l->downsample);
    int64_t first_column = x < 0 ? 0 : x / l->tile_width_px, first_row = y < 0 ? 0 : y / l->tile_height_px;
    for (int64_t row = first_row; status == LETHE_OK && row < l->tiles_down && row * l->tile_height_px < y + height_px; row++)
        for (int64_t column = first_column; status == LETHE_OK && column < l->tiles_across && column * l->tile_width_px < x + width_px; column++) {
            lethe_image tile;
            status = lethe_slide_read_tile(slide, level, column, row, &tile, error);
            if (status != LETHE_OK) break;
            blend(&tile, column * l->tile_width_px, row * l->tile_height_px, x, y, rgba);
            lethe_image_release(&tile);
        }
    if (status != LETHE_OK) lethe_image_release(rgba);
    return status;
}

lethe_status lethe_slide_read_associated(lethe_slide *slide, const char *name, lethe_image *rgba, lethe_error *error) {
    *rgba = (lethe_image){0};
    if (!slide->source->read_associated) return lethe_fail(error, LETHE_NOT_FOUND, "no such associated image");
    return slide->source->read_associated(slide, name, rgba, error);
}
