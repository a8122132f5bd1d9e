/* Test helper: decode every frame of FILE and write "columns rows samples frames photometric\n" and all samples as 32-bit little-endian integers to
 * OUT. Exit 0 done, 1 an error (printed), 77 no pixel data or a codec that is not decoded. */
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/pixels.h"

#include <stdio.h>

static lethe_status dump(const lethe_dicom_dataset *dataset, FILE *out, lethe_error *error) {
    lethe_pixels *pixels;
    lethe_status status = lethe_pixels_open(dataset, &pixels, error);
    if (status != LETHE_OK) return status;
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    for (uint32_t frame = 0; frame < info->frames && status == LETHE_OK; frame++) {
        lethe_image image;
        status = lethe_pixels_decode(pixels, frame, &image, error);
        if (status != LETHE_OK) break;
        if (frame == 0) (void)fprintf(out, "%u %u %u %u %d\n", image.columns, image.rows, image.samples, info->frames, (int)image.photometric);
        for (uint32_t y = 0; y < image.rows; y++)
            for (uint32_t x = 0; x < image.columns; x++)
                for (unsigned c = 0; c < image.samples; c++) {
                    int32_t value = lethe_image_sample(&image, x, y, c);
                    (void)fwrite(&value, sizeof value, 1, out);
                }
        lethe_image_release(&image);
    }
    lethe_pixels_close(pixels);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    lethe_error error = {0};
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    FILE *out = fopen(argv[2], "wb");
    lethe_status status = arena == NULL || out == NULL ? LETHE_IO : lethe_map_open(argv[1], &map, &error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, &error);
    if (status == LETHE_OK) status = dump(dataset, out, &error);
    if (status != LETHE_OK) (void)fprintf(stderr, "%s: %s\n", lethe_status_name(status), error.message);
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    if (out != NULL) (void)fclose(out);
    return status == LETHE_OK ? 0 : status == LETHE_NOT_FOUND || status == LETHE_UNSUPPORTED ? 77 : 1;
}
