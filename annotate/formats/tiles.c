/* Tiles of slides with their masks: tiles/images/<slide>/<x>_<y>.jpg|png and tiles/masks/<slide>/<x>_<y>.png (0 = nothing, else the category's
 * number), x and y in pixels of level 0. tiles/tiles.csv tells the place, level and resolution of each, and how many of its pixels each category has.
 *
 * Tiles lie on a grid from the corner of the slide. Taken are those that a region touches (`all`: every one). At a level of the pyramid the pixels
 * are those of the level; at a resolution in between they are area means of the next finer level. */
#include "annotate/formats/formats.h"

#include "annotate/text_out.h"
#include "core/file.h"
#include "core/memory.h"
#include "imaging/slide/slide.h"
#include "imaging/slide/source.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { JPEG_QUALITY = 90, LARGEST_TILE_PX = 4096, LARGEST_SOURCE_PX = 16384 };

/* How one slide is cut. */
typedef struct cutting {
    lethe_dataset *d;
    const lethe_image_ref *ref;
    const lethe_part *parts;
    size_t part_count;
    lethe_slide *slide;
    unsigned level;
    double downsample;           /* pixels of level 0 per tile pixel */
    uint32_t tile_px, source_px; /* side of a tile; of the region of the level that it is made from */
    double mpp_um;               /* of a tile pixel; 0 = unknown */
    lethe_buffer *table;
    uint8_t *mask;
    size_t *counts; /* per category */
} cutting;

static lethe_status choose_level(cutting *c, lethe_error *error) {
    const lethe_dataset_options *o = &c->d->options;
    double base_um = lethe_slide_mpp_um(c->slide);
    c->tile_px = o->tile_px == 0 ? 512 : o->tile_px;
    c->level = o->tile_level;
    if (c->tile_px > LARGEST_TILE_PX) return lethe_fail(error, LETHE_USAGE, "a tile has at most %d pixels a side", LARGEST_TILE_PX);
    if (o->tile_mpp_um > 0) {
        if (!(base_um > 0)) return lethe_fail(error, LETHE_UNSUPPORTED, "a slide does not say its resolution: choose a level instead");
        c->downsample = o->tile_mpp_um / base_um;
        if (c->downsample < 0.98)
            return lethe_fail(error, LETHE_UNSUPPORTED, "a slide has %.4g um per pixel, which is coarser than the tiles", base_um);
        c->level = 0;
        for (unsigned i = 1; i < lethe_slide_level_count(c->slide); i++)
            if (lethe_slide_level_at(c->slide, i)->downsample <= c->downsample * 1.02) c->level = i;
    }
    if (c->level >= lethe_slide_level_count(c->slide)) return lethe_fail(error, LETHE_UNSUPPORTED, "a slide has no level %u", c->level);
    double of_level = lethe_slide_level_at(c->slide, c->level)->downsample;
    if (!(o->tile_mpp_um > 0) || fabs(c->downsample / of_level - 1) <= 0.02) c->downsample = of_level;
    c->source_px = (uint32_t)lround(c->tile_px * c->downsample / of_level);
    if (c->source_px > LARGEST_SOURCE_PX) return lethe_fail(error, LETHE_UNSUPPORTED, "a slide's levels are too far apart for this resolution");
    c->downsample = (double)c->source_px / c->tile_px * of_level; /* exactly what a tile shows */
    c->mpp_um = base_um * c->downsample;
    return LETHE_OK;
}

/* --- masks --- */

/* Draw a region into the tile at (x, y) of level 0: geometry is brought to tile pixels first. */
static lethe_status draw(const cutting *c, const lethe_part *part, double x, double y, uint8_t value, lethe_error *error) {
    const lethe_shape *shape = &part->annotation->shape;
    lethe_shape own = {0};
    lethe_status status = LETHE_OK;
    if (shape->slice_count != 0 || shape->kind == LETHE_SHAPE_ELLIPSE || shape->kind == LETHE_SHAPE_ROTATED_BOX || shape->kind == LETHE_SHAPE_BOX)
        status = lethe_shape_to_polygon(shape, part->slice, &own, error);
    else status = lethe_shape_copy(shape, NULL, &own, error);
    for (size_t i = 0; status == LETHE_OK && i < own.point_count; i++) {
        own.points[i].x = (own.points[i].x - x) / c->downsample;
        own.points[i].y = (own.points[i].y - y) / c->downsample;
    }
    if (status == LETHE_OK) status = lethe_shape_rasterize(&own, 0, value, c->mask, c->tile_px, c->tile_px, 0, 0, error);
    lethe_shape_release(&own);
    return status;
}

static bool touches(const lethe_part *part, double x, double y, double side) {
    lethe_shape view = part->annotation->shape;
    lethe_box box;
    if (view.slice_count > 0) {
        view.slices += part->slice;
        view.slice_count = 1;
    }
    return lethe_shape_bounds(&view, &box) && box.x1 >= x && box.y1 >= y && box.x0 < x + side && box.y0 < y + side;
}

static lethe_status draw_mask(cutting *c, double x, double y, bool *any, lethe_error *error) {
    lethe_status status = LETHE_OK;
    memset(c->mask, 0, (size_t)c->tile_px * c->tile_px);
    *any = false;
    for (size_t i = 0; status == LETHE_OK && i < c->part_count; i++) {
        size_t category = lethe_dataset_category(c->d, c->parts[i].annotation->label);
        if (!touches(&c->parts[i], x, y, c->tile_px * c->downsample)) continue;
        if (category >= 255) return lethe_fail(error, LETHE_LIMIT, "a PNG label map holds at most 255 categories");
        *any = true;
        status = draw(c, &c->parts[i], x, y, (uint8_t)(category + 1), error);
    }
    return status;
}

/* --- pictures --- */

static lethe_status read_picture(const cutting *c, int64_t x, int64_t y, lethe_image *out, lethe_error *error) {
    lethe_image region = {0};
    lethe_status status = lethe_slide_read_region(c->slide, c->level, x, y, c->source_px, c->source_px, &region, error);
    if (status == LETHE_OK && c->source_px != c->tile_px) {
        status = lethe_image_thumbnail(&region, c->tile_px, out, error);
        lethe_image_release(&region);
    } else {
        *out = region;
    }
    return status;
}

/* RGBA to RGB in place: tiles have no holes. */
static void drop_alpha(lethe_image *image) {
    if (image->samples != 4) return;
    for (size_t i = 0; i < (size_t)image->columns * image->rows; i++) memmove(image->pixels + 3 * i, image->pixels + 4 * i, 3);
    image->samples = 3;
    image->photometric = LETHE_RGB;
}

static lethe_status write_picture(cutting *c, lethe_image *image, const char *name, bool png, lethe_error *error) {
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, (size_t)1 << 28);
    if (png) drop_alpha(image);
    lethe_status status = png ? lethe_png_encode(image, &bytes, error) : lethe_jpeg_encode(image, JPEG_QUALITY, &bytes, error);
    if (status == LETHE_OK) status = lethe_package_write(c->d->package, name, bytes.bytes, bytes.size, error);
    lethe_buffer_release(&bytes);
    return status;
}

static lethe_status put_line(cutting *c, const char *name, int64_t x, int64_t y, lethe_error *error) {
    size_t pixels = (size_t)c->tile_px * c->tile_px;
    memset(c->counts, 0, 256 * sizeof *c->counts);
    for (size_t i = 0; i < pixels; i++) c->counts[c->mask[i]]++;
    lethe_status status = lethe_csv_field(c->table, name, error);
    if (status == LETHE_OK) status = lethe_buffer_append(c->table, ",", 1, error);
    if (status == LETHE_OK) status = lethe_csv_field(c->table, c->ref->path, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(c->table, error, ",%s,%" PRId64 ",%" PRId64 ",%u,%.9g,%.6g", c->ref->patient, x, y, c->level, c->downsample,
                                     c->mpp_um);
    size_t shown = c->d->options.tile_part == LETHE_TILES_PICTURES ? 0 : c->d->category_count;
    for (size_t i = 0; status == LETHE_OK && i < shown && i < 255; i++) status = lethe_buffer_printf(c->table, error, ",%zu", c->counts[i + 1]);
    return status == LETHE_OK ? lethe_buffer_append(c->table, "\n", 1, error) : status;
}

static lethe_status cut_tile(cutting *c, int64_t x, int64_t y, lethe_error *error) {
    const lethe_dataset_options *o = &c->d->options;
    bool any = false;
    char place[600], name[700];
    lethe_image picture = {0}, mask = {.columns = c->tile_px,
                                       .rows = c->tile_px,
                                       .samples = 1,
                                       .bytes_per_sample = 1,
                                       .bits_stored = 8,
                                       .photometric = LETHE_MONOCHROME2,
                                       .pixels = c->mask};
    lethe_status status = draw_mask(c, (double)x, (double)y, &any, error);
    if (status != LETHE_OK || (!any && !o->tile_all)) return status;
    bool pictures = o->tile_part != LETHE_TILES_MASKS, masks = o->tile_part != LETHE_TILES_PICTURES;
    (void)snprintf(place, sizeof place, "%.500s/%" PRId64 "_%" PRId64, c->ref->stem, x, y);
    if (pictures) status = read_picture(c, x, y, &picture, error);
    (void)snprintf(name, sizeof name, "tiles/images/%s.%s", place, o->tile_png ? "png" : "jpg");
    if (status == LETHE_OK && pictures) status = write_picture(c, &picture, name, o->tile_png, error);
    lethe_image_release(&picture);
    if (status == LETHE_OK) status = put_line(c, name, x, y, error);
    (void)snprintf(name, sizeof name, "tiles/masks/%s.png", place);
    return status == LETHE_OK && masks ? write_picture(c, &mask, name, true, error) : status;
}

static lethe_status cut_slide(cutting *c, lethe_error *error) {
    char *path = lethe_path_join(c->d->released_path, c->ref->source);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_slide_open(path, &c->slide, error);
    lethe_free(path);
    if (status == LETHE_OK) status = choose_level(c, error);
    if (status == LETHE_OK && (c->mask = lethe_alloc_array((size_t)c->tile_px * c->tile_px, 1)) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a tile");
    const lethe_slide_level *whole = status == LETHE_OK ? lethe_slide_level_at(c->slide, 0) : NULL;
    double side = c->tile_px * c->downsample;
    for (int64_t row = 0; status == LETHE_OK && (double)row * side < (double)whole->height_px; row++)
        for (int64_t column = 0; status == LETHE_OK && (double)column * side < (double)whole->width_px; column++)
            status = cut_tile(c, (int64_t)llround((double)column * side), (int64_t)llround((double)row * side), error);
    lethe_free(c->mask);
    lethe_slide_close(c->slide);
    c->mask = NULL;
    c->slide = NULL;
    return status;
}

static lethe_status write_tiles(lethe_dataset *d, lethe_error *error) {
    lethe_buffer table;
    size_t counts[256];
    lethe_buffer_init(&table, (size_t)1 << 31);
    lethe_status status = lethe_buffer_append_text(&table, "tile,slide,patient,x_l0,y_l0,level,downsample,mpp_um", error);
    size_t shown = d->options.tile_part == LETHE_TILES_PICTURES ? 0 : d->category_count;
    for (size_t i = 0; status == LETHE_OK && i < shown && i < 255; i++) {
        status = lethe_buffer_append(&table, ",", 1, error);
        if (status == LETHE_OK) status = lethe_csv_field(&table, d->categories[i].name, error);
    }
    if (status == LETHE_OK) status = lethe_buffer_append(&table, "\n", 1, error);
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(d->index); i++) {
        cutting c = {.d = d, .ref = lethe_image_index_at(d->index, i), .table = &table, .counts = counts};
        c.parts = lethe_dataset_parts_of(d, i, &c.part_count);
        if (!c.ref->is_slide || !lethe_dataset_has(d, i) || (c.part_count == 0 && !d->options.tile_all)) continue;
        status = cut_slide(&c, error);
    }
    if (status == LETHE_OK) status = lethe_package_write(d->package, "tiles/tiles.csv", table.bytes, table.size, error);
    lethe_buffer_release(&table);
    return status;
}

const lethe_format lethe_format_tiles = {
    "tiles", "tiles of slides and their masks (--tile-size, --tile-level or --tile-mpp, --tile-type, --tile-all)", write_tiles, NULL};
