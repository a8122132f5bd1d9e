/* room: imaging
 * A DICOM file as bytes: find its frames, decode up to four of them, render them with their lookup tables and palettes. */
#include "core/limits.h"
#include "imaging/dicom/pixels.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    lethe_error error = {0};
    lethe_dicom_dataset *dataset = NULL;
    lethe_pixels *pixels = NULL;
    lethe_arena *arena = lethe_arena_create(16u << 20);
    if (arena == NULL) return 0;
    if (lethe_dicom_dataset_parse(bytes, size, arena, &dataset, &error) == LETHE_OK && lethe_pixels_open(dataset, &pixels, &error) == LETHE_OK) {
        const lethe_pixels_info *info = lethe_pixels_describe(pixels);
        bool small = (uint64_t)info->columns * info->rows <= 1u << 20;
        for (uint32_t frame = 0; frame < info->frames && frame < 4 && small; frame++) {
            lethe_image stored = {0}, picture = {0};
            lethe_display display;
            lethe_error why = {0};
            if (lethe_pixels_decode(pixels, frame, &stored, &why) == LETHE_OK) {
                lethe_display_load(dataset, frame, 0, &display);
                (void)!(lethe_display_render(dataset, &stored, &display, &picture, &why) == LETHE_OK);
            }
            lethe_image_release(&picture);
            lethe_image_release(&stored);
        }
    }
    lethe_pixels_close(pixels);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    return 0;
}
