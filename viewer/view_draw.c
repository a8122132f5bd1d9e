/* Pictures of all views: frames, resampled planes, tiles of slides, painted labels. */
#include "viewer/app.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

enum { GAP = 2, PREFETCH = 6 };

double lethe_app_tall(const lethe_app *app, double at_14_px) {
    double letters = app->options.font_size_px > 14 ? app->options.font_size_px / 14 : 1;
    return floor(at_14_px * letters);
}

double lethe_app_wide(const lethe_app *app, double at_14_px) {
    double letters = app->options.font_size_px > 14 ? app->options.font_size_px / 14 : 1;
    return floor(at_14_px * fmax(1, fmin(letters, app->width / 1024.0)));
}

/* In a window too small for all, the image is what stays. */
double lethe_app_left(const lethe_app *app) { return app->show_left && app->width >= 560 ? lethe_app_wide(app, LETHE_LEFT_WIDTH) : 0; }

double lethe_app_right(const lethe_app *app) { return app->show_right && app->width >= 760 ? lethe_app_wide(app, LETHE_RIGHT_WIDTH) : 0; }

void lethe_app_layout(lethe_app *app) {
    double left = LETHE_TOOLS_WIDTH + lethe_app_left(app), right = lethe_app_right(app);
    lethe_rect canvas = {left, LETHE_TOP_HEIGHT, app->width - left - right,
                         app->height - LETHE_TOP_HEIGHT - lethe_app_tall(app, LETHE_STATUS_HEIGHT)};
    if (canvas.width < 64) canvas.width = 64;
    if (canvas.height < 64) canvas.height = 64;
    app->canvas = canvas;
    int cells = app->grid_columns * app->grid_rows;
    double w = (canvas.width - GAP * (app->grid_columns - 1)) / app->grid_columns, h = (canvas.height - GAP * (app->grid_rows - 1)) / app->grid_rows;
    for (int i = 0; i < LETHE_VIEWS; i++) {
        lethe_view *view = &app->views[i];
        lethe_rect rect = {0, 0, 0, 0};
        if (app->maximised >= 0) {
            if (i == app->maximised) rect = canvas;
        } else if (i < cells && cells == 3 && app->hanging == LETHE_HANGING_PROSTATE && !app->mpr_on) {
            /* The anatomy large, the functional images small beside it. */
            double wide = floor(canvas.width * 0.66), half = floor((canvas.height - GAP) / 2);
            if (i == 0) rect = (lethe_rect){canvas.x, canvas.y, wide, canvas.height};
            else rect = (lethe_rect){canvas.x + wide + GAP, canvas.y + (i - 1) * (half + GAP), canvas.width - wide - GAP, half};
        } else if (i < cells) {
            double x = floor(canvas.x + (i % app->grid_columns) * (w + GAP)), y = floor(canvas.y + (i / app->grid_columns) * (h + GAP));
            rect = (lethe_rect){x, y, floor(w), floor(h)};
        }
        if (view->framed && rect.width > 0 &&
            (rect.width != view->rect.width || rect.height != view->rect.height || rect.x != view->rect.x || rect.y != view->rect.y)) {
            bool same_size = rect.width == view->rect.width && rect.height == view->rect.height;
            lethe_camera_resize(&view->camera, rect);
            if (!same_size && view->mammogram) lethe_view_fit(app, i);
        }
        view->rect = rect;
    }
}

void lethe_view_frame_camera(lethe_app *app, int number, double width, double height, double aspect) {
    lethe_view *view = &app->views[number];
    if (view->framed && view->camera.image_width == width && view->camera.image_height == height) return;
    double angle = view->camera.angle_degrees;
    bool flip_x = view->camera.flip_x, flip_y = view->camera.flip_y;
    lethe_camera_init(&view->camera, view->rect, width, height, aspect);
    view->camera.angle_degrees = angle;
    view->camera.flip_x = flip_x;
    view->camera.flip_y = flip_y;
    lethe_view_fit(app, number);
    view->framed = true;
}

/* --- painted labels --- */

static lethe_texture *paint_texture(lethe_app *app, lethe_paint *paint) {
    lethe_paint_texture *slot = NULL, *spare = &app->paint_textures[0];
    for (int i = 0; i < LETHE_VIEWS; i++) {
        lethe_paint_texture *t = &app->paint_textures[i];
        if (t->paint == paint) slot = t;
        else if (t->paint == NULL || t->version < spare->version) spare = t;
    }
    if (!slot) {
        slot = spare;
        lethe_texture_drop(app->draw, &slot->texture);
        *slot = (lethe_paint_texture){.paint = paint};
        if (lethe_texture_load_labels(app->draw, paint->labels, paint->columns, paint->rows, &slot->texture, NULL)) return NULL;
        lethe_paint_clean(paint);
    }
    slot->version = app->frames_drawn + 1;
    if (paint->dirty_x0 < paint->dirty_x1) {
        lethe_texture_update_labels(app->draw, &slot->texture, paint->labels, paint->columns, paint->dirty_x0, paint->dirty_y0,
                                    paint->dirty_x1 - paint->dirty_x0, paint->dirty_y1 - paint->dirty_y0);
        lethe_paint_clean(paint);
    }
    return &slot->texture;
}

static void draw_paint(lethe_app *app, const lethe_view *view) {
    const char *image;
    uint32_t frame;
    if (!app->marks || !app->show_marks || !lethe_view_image(view, &image, &frame) || view->kind != LETHE_VIEW_STACK) return;
    if (app->compare_on && view->reader > 0) return; /* another reader's pane */
    lethe_paint *paint = lethe_marks_painted(app->marks, image, frame);
    if (!paint && view->series->columns && lethe_marks_has_paint(app->marks, image, frame))
        paint = lethe_marks_paint(app->marks, image, frame, view->series->columns, view->series->rows);
    lethe_texture *texture = paint ? paint_texture(app, paint) : NULL;
    if (!texture) return;
    lethe_picture p = {.texture = texture,
                       .camera = &view->camera,
                       .place = {0, 0, paint->columns, paint->rows},
                       .opacity = app->opacity,
                       .palette = app->palette,
                       .outline = app->fill_outline};
    lethe_draw_picture(app->draw, &p);
}

static void fill_palette(lethe_app *app) {
    memset(app->palette, 0, sizeof app->palette);
    for (int i = 0; i < app->label_count; i++) {
        uint8_t *rgba = app->palette + 4 * (i + 1);
        uint32_t c = app->labels[i].colour;
        rgba[0] = (uint8_t)(c >> 16);
        rgba[1] = (uint8_t)(c >> 8);
        rgba[2] = (uint8_t)c;
        rgba[3] = app->labels[i].hidden ? 0 : 255;
    }
}

/* --- stacks --- */

static const lethe_texture *frame_texture(lethe_app *app, const lethe_series *series, size_t index, double priority, bool *failed) {
    lethe_tile_key key = {.source = series->source, .column = (int64_t)index};
    const lethe_texture *texture = lethe_texture_cache_find(app->textures, &key);
    const lethe_image *image = lethe_tiles_want(app->tiles, &key, priority, failed);
    if (!texture && image) texture = lethe_texture_cache_put(app->textures, &key, image);
    return texture;
}

static void prefetch(lethe_app *app, const lethe_view *view) {
    for (int distance = 1; distance <= PREFETCH; distance++)
        for (int side = -1; side <= 1; side += 2) {
            int64_t index = (int64_t)view->index + distance * side;
            if (index < 0 || index >= (int64_t)view->series->frame_count) continue;
            lethe_tile_key key = {.source = view->series->source, .column = index};
            (void)lethe_tiles_want(app->tiles, &key, 100 + distance, NULL);
        }
}

/* Graphics of the file (60xx) over the picture; decoded like a frame of their own. */
static void draw_overlay_planes(lethe_app *app, lethe_view *view) {
    if (!view->series->has_overlays || !app->show_overlays) return;
    lethe_tile_key key = {.source = view->series->source, .level = LETHE_TILE_OVERLAYS, .column = (int64_t)view->index};
    bool failed = false;
    const lethe_texture *texture = lethe_texture_cache_find(app->textures, &key);
    const lethe_image *image = lethe_tiles_want(app->tiles, &key, 50, &failed);
    if (!texture && image) texture = lethe_texture_cache_put(app->textures, &key, image);
    if (!texture) {
        view->shown = view->shown && failed;
        return;
    }
    lethe_picture p = {.texture = texture,
                       .camera = &view->camera,
                       .place = {0, 0, texture->width, texture->height},
                       .slope = 1,
                       .width = 1,
                       .colour_map = LETHE_COLOUR_MAP_OVERLAY};
    lethe_draw_picture(app->draw, &p);
}

static void draw_shutter(lethe_app *app, lethe_view *view, const lethe_texture *image) {
    double grey = 0;
    const lethe_texture *texture = lethe_view_shutter(app, view, image->width, image->height, &grey);
    if (!texture) return;
    lethe_picture p = {.texture = texture,
                       .camera = &view->camera,
                       .place = {0, 0, texture->width, texture->height},
                       .slope = 1,
                       .centre = grey,
                       .width = 1,
                       .colour_map = LETHE_COLOUR_MAP_SHUTTER};
    lethe_draw_picture(app->draw, &p);
}

static void draw_stack(lethe_app *app, int number) {
    lethe_view *view = &app->views[number];
    lethe_series *series = view->series;
    bool failed = false;
    const lethe_texture *texture = frame_texture(app, series, view->index, number == app->active ? 0 : 1 + number, &failed);
    size_t shown = view->index;
    if (texture) view->last_good = view->index;
    else if (!failed) { /* keep the neighbour on the screen rather than flash black */ shown = view->last_good;
        lethe_tile_key key = {.source = series->source, .column = (int64_t)shown};
        texture = lethe_texture_cache_find(app->textures, &key);
    }
    view->shown = failed || (texture && shown == view->index);
    prefetch(app, view);
    if (!texture || shown >= series->frame_count) return;
    if (shown == view->index) lethe_view_default_window(app, view);
    lethe_view_frame_camera(app, number, texture->width, texture->height, series->aspect);
    lethe_view_state_frame(app, view);
    lethe_picture p = lethe_view_picture(app, view, texture, texture->width, texture->height, &series->frames[shown].display);
    p.has_padding = series->has_padding;
    p.padding_low = series->padding_low;
    p.padding_high = series->padding_high;
    lethe_draw_picture(app->draw, &p);
    draw_shutter(app, view, texture);
    if (shown == view->index) {
        draw_overlay_planes(app, view);
        draw_paint(app, view);
    }
}

/* --- planes cut through a volume --- */

static bool same_plane(const lethe_plane *a, const lethe_plane *b) {
    return memcmp(a->origin_mm, b->origin_mm, sizeof a->origin_mm) == 0 && memcmp(a->across_mm, b->across_mm, sizeof a->across_mm) == 0 &&
           a->columns == b->columns && a->rows == b->rows && a->slab_mm == b->slab_mm && a->slab == b->slab && a->nearest == b->nearest;
}

static bool recut(lethe_app *app, lethe_view *view, const lethe_volume *volume) {
    lethe_plane plane;
    lethe_volume_view_plane(volume, view->plane, app->cross_mm, &plane);
    plane.slab_mm = app->slab_mm;
    plane.slab = app->slab;
    plane.nearest = !view->linear;
    if (view->cut_values && same_plane(&plane, &view->cut)) return true;
    size_t count = (size_t)plane.columns * plane.rows;
    float *values = lethe_realloc_array(view->cut_values, count, sizeof *values);
    if (!values) return false;
    view->cut_values = values;
    lethe_volume_cut(volume, &plane, NAN, values);
    bool same_size = view->plane_texture.width == plane.columns && view->plane_texture.height == plane.rows;
    float *shown = lethe_alloc_array(count, sizeof *shown);
    if (!shown) return false;
    for (size_t i = 0; i < count; i++) shown[i] = isnan(values[i]) ? -3.0e38f : values[i]; /* outside of the volume: black */
    lethe_status status = LETHE_OK;
    if (same_size) lethe_texture_update_float(app->draw, &view->plane_texture, shown);
    else {
        lethe_texture_drop(app->draw, &view->plane_texture);
        status = lethe_texture_load_float(app->draw, shown, plane.columns, plane.rows, &view->plane_texture, NULL);
    }
    lethe_free(shown);
    view->cut = plane;
    return status == LETHE_OK;
}

static void draw_plane(lethe_app *app, int number) {
    lethe_view *view = &app->views[number];
    lethe_error error = {0};
    if (!app->mpr || lethe_mpr_failed(app->mpr, &error)) {
        view->shown = true;
        return;
    }
    const lethe_volume *volume = lethe_mpr_volume(app->mpr);
    view->shown = volume != NULL;
    if (!volume) return;
    if (!app->has_cross) {
        lethe_volume_centre(volume, app->cross_mm);
        app->has_cross = true;
    }
    if (!recut(app, view, volume)) return;
    lethe_view_default_window(app, view);
    if (!view->has_window) {
        view->centre = (double)(volume->low + volume->high) / 2;
        view->width = fmax(1, (double)(volume->high - volume->low));
        view->has_window = true;
    }
    double across, down;
    (void)lethe_view_spacing(view, &across, &down);
    lethe_view_frame_camera(app, number, view->cut.columns, view->cut.rows, down / across);
    lethe_display display = view->series->frames[lethe_mpr_first(app->mpr)].display;
    display.slope = 1;
    display.intercept = 0;
    lethe_picture p = lethe_view_picture(app, view, &view->plane_texture, view->cut.columns, view->cut.rows, &display);
    p.has_padding = true;
    p.padding_low = -3.4e38;
    p.padding_high = -2.9e38;
    p.linear = false; /* the cut has interpolated in space already */
    lethe_draw_picture(app->draw, &p);
}

/* --- all of them --- */

static void load_thumbnails(lethe_app *app) {
    for (size_t i = 0; i < app->thumbnail_count; i++) {
        lethe_thumbnail *t = &app->thumbnails[i];
        if (t->texture.kind != LETHE_TEXTURE_NONE || t->failed) continue;
        lethe_tile_key key = {.source = t->source, .level = LETHE_TILE_THUMBNAIL};
        const lethe_image *image = lethe_tiles_want(app->tiles, &key, 500 + (double)i, &t->failed);
        if (!image) continue;
        lethe_image copy = *image; /* grey thumbnails are shown by the interface, which wants colour */
        if (image->samples != 1) {
            t->failed = lethe_texture_load(app->draw, image, &t->texture, NULL) != LETHE_OK;
            continue;
        }
        size_t count = (size_t)image->columns * image->rows;
        copy.samples = 3;
        copy.pixels = lethe_alloc_array(count, 3);
        for (size_t n = 0; copy.pixels && n < count; n++) memset(copy.pixels + 3 * n, image->pixels[n], 3);
        t->failed = !copy.pixels || lethe_texture_load(app->draw, &copy, &t->texture, NULL) != LETHE_OK;
        lethe_free(copy.pixels);
    }
}

void lethe_app_draw_views(lethe_app *app) {
    fill_palette(app);
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++) {
        lethe_view *view = &app->views[i];
        if (view->rect.width <= 0) continue;
        if (view->kind == LETHE_VIEW_STACK) draw_stack(app, i);
        else if (view->kind == LETHE_VIEW_PLANE) draw_plane(app, i);
        else if (view->kind == LETHE_VIEW_SLIDE) lethe_view_draw_slide(app, i);
        else view->shown = true;
    }
    load_thumbnails(app);
}
