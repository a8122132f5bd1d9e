/* Development tool: candidate lines of raw images with their features, for text_train.py. Reads names from stdin; each file is
 * "columns rows samples bytes\n" and the samples; prints one line per candidate. */
#include "deid/text_detector.h"
#include "deid/text_internal.h"

#include <stdio.h>
#include <string.h>

const float *lethe_text_detector_features(const lethe_text_detector *detector, size_t line);

int main(void) {
    char name[512];
    lethe_text_detector *detector = lethe_text_detector_create();
    if (detector == NULL) return 1;
    while (fgets(name, sizeof name, stdin) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        FILE *file = fopen(name, "rb");
        unsigned columns, rows, samples, bytes;
        if (file == NULL || fscanf(file, "%u %u %u %u", &columns, &rows, &samples, &bytes) != 4 || fgetc(file) != '\n') return 1;
        lethe_image image = {.columns = columns, .rows = rows, .samples = (uint16_t)samples, .bytes_per_sample = (uint16_t)bytes};
        lethe_error error = {0};
        if (lethe_image_allocate(&image, &error) != LETHE_OK || fread(image.pixels, 1, lethe_image_size_bytes(&image), file) != lethe_image_size_bytes(&image))
            return 1;
        (void)fclose(file);
        const lethe_text_line *lines;
        size_t count;
        if (lethe_text_detector_find(detector, &image, &lines, &count, &error) != LETHE_OK) return 1;
        for (size_t i = 0; i < count; i++) {
            const lethe_text_line *l = &lines[i];
            (void)printf("%s %u %u %u %u %d %d %d %u %.4f", name, l->x, l->y, l->w, l->h, l->vertical, l->dark, l->plane, l->height_px,
                         (double)l->score);
            for (unsigned f = 0; f < LETHE_TEXT_FEATURES; f++) (void)printf(" %.5f", (double)lethe_text_detector_features(detector, i)[f]);
            (void)printf("\n");
        }
        lethe_image_release(&image);
    }
    lethe_text_detector_destroy(detector);
    return 0;
}
