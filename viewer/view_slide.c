/* Pictures of slides: tiles of the level that fits the screen over coarser ones, and what was painted on them. */
#include "viewer/app.h"

#include <math.h>

typedef struct tile_range {
    int64_t x0, y0, x1, y1; /* columns and rows of tiles, end excluded */
} tile_range;

static tile_range visible_tiles(const lethe_view *view, const lethe_slide_level *level) {
    lethe_rect v = lethe_camera_visible(&view->camera);
    double tw = level->tile_width_px * level->downsample, th = level->tile_height_px * level->downsample;
    tile_range r = {(int64_t)floor(v.x / tw), (int64_t)floor(v.y / th), (int64_t)ceil((v.x + v.width) / tw), (int64_t)ceil((v.y + v.height) / th)};
    if (r.x0 < 0) r.x0 = 0;
    if (r.y0 < 0) r.y0 = 0;
    if (r.x1 > level->tiles_across) r.x1 = level->tiles_across;
    if (r.y1 > level->tiles_down) r.y1 = level->tiles_down;
    return r;
}

/* The coarsest level that still has a pixel for each pixel of the screen. */
static unsigned level_for(const lethe_slide *slide, double scale) {
    unsigned best = 0;
    for (unsigned i = 0; i < lethe_slide_level_count(slide); i++)
        if (lethe_slide_level_at(slide, i)->downsample * scale <= 1.25) best = i;
    return best;
}

static void draw_tile(lethe_app *app, lethe_view *view, const lethe_slide_level *level, const lethe_texture *texture, int64_t column, int64_t row) {
    static const lethe_display plain = {.slope = 1};
    lethe_picture p = lethe_view_picture(app, view, texture, 0, 0, &plain);
    double d = level->downsample;
    p.place =
        (lethe_rect){(double)(column * level->tile_width_px) * d, (double)(row * level->tile_height_px) * d, texture->width * d, texture->height * d};
    lethe_draw_picture(app->draw, &p);
}

/* Draw what is there of a level; want what is not. True when all of it was there. */
static bool draw_level(lethe_app *app, lethe_view *view, unsigned number, double base_priority, bool want) {
    const lethe_slide_level *level = lethe_slide_level_at(view->series->slide, number);
    tile_range r = visible_tiles(view, level);
    double tw = level->tile_width_px * level->downsample, th = level->tile_height_px * level->downsample;
    bool whole = true;
    for (int64_t row = r.y0; row < r.y1; row++)
        for (int64_t column = r.x0; column < r.x1; column++) {
            lethe_tile_key key = {.source = view->series->source, .level = number, .column = column, .row = row};
            const lethe_texture *texture = lethe_texture_cache_find(app->textures, &key);
            bool failed = false;
            if (!texture && want) {
                double dx = ((double)column + 0.5) * tw - view->camera.centre.x, dy = ((double)row + 0.5) * th - view->camera.centre.y;
                double away = hypot(dx, dy) * view->camera.scale / 100;
                const lethe_image *image = lethe_tiles_want(app->tiles, &key, base_priority + away, &failed);
                if (image) texture = lethe_texture_cache_put(app->textures, &key, image);
            }
            if (texture) draw_tile(app, view, level, texture, column, row);
            else if (!failed) whole = false;
            view->damaged += failed;
        }
    return whole;
}

static bool level_is_there(lethe_app *app, const lethe_view *view, unsigned number) {
    const lethe_slide_level *level = lethe_slide_level_at(view->series->slide, number);
    tile_range r = visible_tiles(view, level);
    for (int64_t row = r.y0; row < r.y1; row++)
        for (int64_t column = r.x0; column < r.x1; column++) {
            lethe_tile_key key = {.source = view->series->source, .level = number, .column = column, .row = row};
            if (!lethe_texture_cache_find(app->textures, &key)) return false;
        }
    return true;
}

/* --- paint --- */

/* Where a tile is smaller than this on the screen, its bitmap says no more than its first label. */
enum { PAINT_TILE_LEAST_PX = 3 };

static lethe_texture *solid_texture(lethe_app *app, uint8_t value) {
    lethe_texture *t = &app->solid_labels[value];
    if (t->kind == LETHE_TEXTURE_NONE && lethe_texture_load_labels(app->draw, &value, 1, 1, t, NULL)) return NULL;
    return t;
}

static void draw_paint_tile(lethe_app *app, const lethe_view *view, const lethe_mask_tile *tile) {
    const double side = LETHE_MASK_TILE, on_screen = side * view->camera.scale * app->pixel_scale;
    const lethe_texture *texture = NULL;
    bool solid = !tile->labels;
    if (solid || on_screen < PAINT_TILE_LEAST_PX) {
        uint8_t value = solid ? tile->uniform : tile->labels[(LETHE_MASK_TILE + 1) * LETHE_MASK_TILE / 2];
        if (value) texture = solid_texture(app, value);
    } else {
        lethe_tile_key key = {.source = view->series->source, .level = LETHE_TILE_PAINT + tile->version, .column = tile->column, .row = tile->row};
        texture = lethe_texture_cache_find(app->textures, &key);
        if (!texture) texture = lethe_texture_cache_put_labels(app->textures, &key, tile->labels, LETHE_MASK_TILE, LETHE_MASK_TILE);
    }
    if (!texture) return;
    lethe_picture p = {.texture = texture,
                       .camera = &view->camera,
                       .place = {tile->column * side, tile->row * side, side, side},
                       .opacity = app->opacity,
                       .palette = app->palette,
                       .outline = app->fill_outline && !solid};
    if (app->fill_outline && solid) return;
    lethe_draw_picture(app->draw, &p);
}

static void draw_slide_paint(lethe_app *app, const lethe_view *view) {
    const char *image;
    uint32_t frame;
    if (!app->marks || !app->show_marks || (app->compare_on && view->reader > 0) || !lethe_view_image(view, &image, &frame)) return;
    const lethe_tiled_mask *mask = lethe_marks_tiled(app->marks, image, (int64_t)view->camera.image_width, (int64_t)view->camera.image_height, false);
    if (!mask) return;
    lethe_rect v = lethe_camera_visible(&view->camera);
    int32_t x0 = (int32_t)floor(v.x / LETHE_MASK_TILE), y0 = (int32_t)floor(v.y / LETHE_MASK_TILE);
    int32_t x1 = (int32_t)floor((v.x + v.width) / LETHE_MASK_TILE), y1 = (int32_t)floor((v.y + v.height) / LETHE_MASK_TILE);
    const lethe_mask_tile *tile;
    for (size_t i = 0; (tile = lethe_tiled_mask_tile(mask, i)) != NULL; i++)
        if (tile->column >= x0 && tile->column <= x1 && tile->row >= y0 && tile->row <= y1) draw_paint_tile(app, view, tile);
}

enum { COARSE_TILES = 64, SCREEN_TILES = 400 };

static bool draw_background(lethe_app *app, lethe_view *view) {
    static const lethe_display plain = {.slope = 1};
    lethe_tile_key key = {.source = view->series->source, .level = LETHE_TILE_BACKGROUND};
    bool failed = false;
    const lethe_texture *texture = lethe_texture_cache_find(app->textures, &key);
    const lethe_image *image = lethe_tiles_want(app->tiles, &key, 2000, &failed);
    if (!texture && image) texture = lethe_texture_cache_put(app->textures, &key, image);
    if (!texture) return failed;
    lethe_picture p = lethe_view_picture(app, view, texture, view->camera.image_width, view->camera.image_height, &plain);
    lethe_draw_picture(app->draw, &p);
    return true;
}

void lethe_view_draw_slide(lethe_app *app, int number) {
    lethe_view *view = &app->views[number];
    lethe_slide *slide = view->series->slide;
    const lethe_slide_level *base = lethe_slide_level_at(slide, 0);
    lethe_view_frame_camera(app, number, (double)base->width_px, (double)base->height_px, 1);
    view->camera.scale_max = 16;
    view->damaged = 0;
    lethe_view_default_window(app, view);
    unsigned last = lethe_slide_level_count(slide) - 1, target = level_for(slide, view->camera.scale * app->pixel_scale);
    /* Coarse levels lie under what is still missing; where the file has no small one, a picture of the whole is made once. */
    const lethe_slide_level *coarsest = lethe_slide_level_at(slide, last);
    bool small = coarsest->tiles_across * coarsest->tiles_down <= COARSE_TILES;
    bool background = small || draw_background(app, view);
    tile_range r = visible_tiles(view, lethe_slide_level_at(slide, target));
    if ((r.x1 - r.x0) * (r.y1 - r.y0) > SCREEN_TILES) { /* far out on a slide of one huge level */
        view->shown = background;
    } else {
        if (!level_is_there(app, view, target))
            for (unsigned level = last; level > target; level--) (void)draw_level(app, view, level, 1000, level == last && small);
        view->shown = draw_level(app, view, target, 0, true);
    }
    draw_slide_paint(app, view);
}
