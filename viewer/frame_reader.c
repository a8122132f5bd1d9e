/* Frames decoded from files. */
#include "viewer/study.h"

#include "viewer/cut_off.h"

#include "core/file.h"
#include "core/memory.h"
#include "imaging/dicom/overlay.h"

#include <string.h>

enum { HEADER_ARENA_BYTES = 512 << 20 };

struct lethe_frame_reader {
    char *path;
    lethe_map map;
    lethe_arena *arena;
    lethe_dicom_dataset *dataset;
    lethe_pixels *pixels;
    lethe_display_table modality;
    lethe_frame_outside outside;
};

lethe_frame_reader *lethe_frame_reader_create(void) { return lethe_alloc_array(1, sizeof(lethe_frame_reader)); }

void lethe_frame_reader_decode_outside(lethe_frame_reader *reader, lethe_frame_outside outside) { reader->outside = outside; }

static void reader_close(lethe_frame_reader *reader) {
    lethe_pixels_close(reader->pixels);
    lethe_display_table_release(&reader->modality);
    lethe_dicom_dataset_release(reader->dataset);
    lethe_arena_destroy(reader->arena);
    lethe_map_close(&reader->map);
    lethe_free(reader->path);
    *reader = (lethe_frame_reader){.outside = reader->outside};
}

void lethe_frame_reader_destroy(lethe_frame_reader *reader) {
    if (!reader) return;
    reader_close(reader);
    lethe_free(reader);
}

static lethe_status reader_open(lethe_frame_reader *reader, const char *path, lethe_error *error) {
    if (reader->path && strcmp(reader->path, path) == 0) return LETHE_OK;
    reader_close(reader);
    lethe_status status = lethe_map_open(path, &reader->map, error);
    if (status) return status;
    reader->arena = lethe_arena_create(HEADER_ARENA_BYTES);
    reader->path = lethe_strdup(path);
    if (!reader->arena || !reader->path) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) status = lethe_dicom_dataset_parse(reader->map.bytes, reader->map.size, reader->arena, &reader->dataset, error);
    if (!status) status = lethe_pixels_open(reader->dataset, &reader->pixels, error);
    if (!status) status = lethe_display_table_load(reader->dataset, 0, LETHE_TABLE_MODALITY, 0, &reader->modality, error);
    if (status) reader_close(reader);
    return status;
}

/* What was read from a file that was cut off meanwhile is nothing. The file is opened again next time. */
static lethe_status whole(lethe_frame_reader *reader, unsigned met, lethe_status status, lethe_image *out, lethe_error *error) {
    if (lethe_cut_off_count() == met) return status;
    reader_close(reader);
    lethe_image_release(out);
    return lethe_fail(error, LETHE_IO, "the file was cut off, or cannot be read any more");
}

static lethe_status read_frame(lethe_frame_reader *reader, const char *path, uint32_t frame, lethe_image *out, lethe_error *error) {
    *out = (lethe_image){0};
    lethe_status status = reader_open(reader, path, error);
    if (status) return status;
    lethe_image stored = {0};
    status = lethe_pixels_decode(reader->pixels, frame, &stored, error);
    if (status) return status;
    bool deep_colour = stored.samples > 1 && stored.bytes_per_sample > 1;
    if (stored.photometric == LETHE_PALETTE_COLOR || deep_colour) {
        lethe_display display;
        lethe_display_load(reader->dataset, frame, 0, &display);
        status = lethe_display_render(reader->dataset, &stored, &display, out, error);
        lethe_image_release(&stored);
        return status;
    }
    lethe_image_to_rgb(&stored);
    status = lethe_image_apply_table(&stored, &reader->modality, error);
    if (status) lethe_image_release(&stored);
    else *out = stored;
    return status;
}

static lethe_status read_overlays(lethe_frame_reader *reader, const char *path, uint32_t frame, lethe_image *out, lethe_error *error) {
    *out = (lethe_image){0};
    lethe_status status = reader_open(reader, path, error);
    return status ? status : lethe_overlay_draw(reader->dataset, reader->pixels, frame, out, error);
}

static lethe_status read_thumbnail(lethe_frame_reader *reader, const char *path, uint32_t frame, uint32_t side, lethe_image *out,
                                   lethe_error *error) {
    *out = (lethe_image){0};
    lethe_image stored = {0}, picture = {0};
    lethe_status status = reader_open(reader, path, error);
    if (!status) status = lethe_pixels_decode(reader->pixels, frame, &stored, error);
    if (status) return status;
    lethe_display display;
    lethe_display_load(reader->dataset, frame, 0, &display);
    status = lethe_display_render(reader->dataset, &stored, &display, &picture, error);
    if (!status) status = lethe_image_thumbnail(&picture, side, out, error);
    lethe_image_release(&stored);
    lethe_image_release(&picture);
    return status;
}

lethe_status lethe_frame_reader_get(lethe_frame_reader *reader, lethe_frame_kind kind, const char *path, uint32_t frame, uint32_t side,
                                    lethe_image *out, lethe_error *error) {
    if (reader->outside.get) return reader->outside.get(reader->outside.context, kind, path, frame, side, out, error);
    unsigned met = lethe_cut_off_count();
    lethe_status status = kind == LETHE_FRAME_OVERLAYS    ? read_overlays(reader, path, frame, out, error)
                          : kind == LETHE_FRAME_THUMBNAIL ? read_thumbnail(reader, path, frame, side, out, error)
                                                          : read_frame(reader, path, frame, out, error);
    return whole(reader, met, status, out, error);
}

lethe_status lethe_frame_reader_read(lethe_frame_reader *reader, const char *path, uint32_t frame, lethe_image *out, lethe_error *error) {
    return lethe_frame_reader_get(reader, LETHE_FRAME_PIXELS, path, frame, 0, out, error);
}

lethe_status lethe_frame_reader_overlays(lethe_frame_reader *reader, const char *path, uint32_t frame, lethe_image *out, lethe_error *error) {
    return lethe_frame_reader_get(reader, LETHE_FRAME_OVERLAYS, path, frame, 0, out, error);
}

lethe_status lethe_frame_reader_thumbnail(lethe_frame_reader *reader, const char *path, uint32_t frame, uint32_t side, lethe_image *out,
                                          lethe_error *error) {
    return lethe_frame_reader_get(reader, LETHE_FRAME_THUMBNAIL, path, frame, side, out, error);
}
