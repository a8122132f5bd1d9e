/* room: viewer
 * Presentation states, shutters and ultrasound regions of any bytes: read, asked for every image that they name, and drawn into tables and masks. */
#include "viewer/study.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const lethe_presentation *state) {
    for (size_t i = 0; i < state->images.count && i < 16; i++) {
        const lethe_presentation_image *image = &state->images.images[i];
        const lethe_presentation_voi *voi = lethe_presentation_voi_for(state, image->instance, image->frame ? image->frame - 1 : 0);
        (void)lethe_presentation_area_for(state, image->instance, 0);
        lethe_display_table table;
        if (lethe_presentation_table(state, voi, -1024, 3071, &table, NULL) == LETHE_OK) lethe_display_table_release(&table);
    }
    size_t points = 0;
    for (size_t i = 0; i < state->graphic_count; i++)
        for (size_t p = 0; p < state->graphics[i].count; p++) points += state->graphics[i].points[p].x > 0;
    if (points == SIZE_MAX) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lethe_arena *arena = lethe_arena_create(64 << 20);
    lethe_dicom_dataset *dataset = NULL;
    if (arena && lethe_dicom_dataset_parse(data, size, arena, &dataset, NULL) == LETHE_OK) {
        lethe_presentation *state = NULL;
        if (lethe_presentation_take(dataset, &state, NULL) == LETHE_OK) ask(state);
        lethe_presentation_destroy(state);
        lethe_shutter shutter;
        static uint8_t mask[64 * 64];
        if (lethe_shutter_load(dataset->root, arena, &shutter)) lethe_shutter_mask(&shutter, 64, 64, mask);
        size_t count;
        double across, down;
        const lethe_point at[2] = {{1, 1}, {20, 20}};
        const lethe_us_region *regions = lethe_us_regions_load(dataset->root, arena, &count);
        (void)lethe_us_regions_scale(regions, count, at, 2, &across, &down);
    }
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    return 0;
}
