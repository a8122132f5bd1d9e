/* room: deid
 * Speed of the search (decode, detect, read candidates, decide) and of full-frame Tesseract over the same files, one after the other, one core.
 * Usage: bench-pixels_speed LIST [TESSERACT_FILES] */
#include "core/file.h"
#include "core/limits.h"
#include "deid/burned_in.h"
#include "imaging/dicom/pixels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tesseract/capi.h>

static double seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

typedef struct tally {
    double lethe, tesseract, lethe_megapixels, tesseract_megapixels;
    unsigned lethe_images, tesseract_images;
} tally;

static int one(const char *path, lethe_burned_in *engine, TessBaseAPI *reader, tally *t) {
    lethe_map map;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL;
    lethe_pixel_decision decision;
    lethe_pixels *pixels = NULL;
    if (arena == NULL || lethe_map_open(path, &map, NULL) != LETHE_OK) return 1;
    double start = seconds();
    int failed = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) != LETHE_OK ||
                 lethe_burned_in_decide(engine, dataset, NULL, &decision, NULL) != LETHE_OK || lethe_pixels_open(dataset, &pixels, NULL) != LETHE_OK;
    t->lethe += seconds() - start;
    if (failed) return 1;
    lethe_pixel_decision_release(&decision);
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    double megapixels = (double)info->columns * info->rows * info->frames / 1e6;
    t->lethe_megapixels += megapixels;
    t->lethe_images++;
    if (reader != NULL) {
        lethe_image stored = {0}, picture = {0};
        lethe_display display;
        lethe_display_load(dataset, 0, 0, &display);
        start = seconds();
        if (lethe_pixels_decode(pixels, 0, &stored, NULL) == LETHE_OK &&
            lethe_display_render(dataset, &stored, &display, &picture, NULL) == LETHE_OK) {
            TessBaseAPISetImage(reader, picture.pixels, (int)picture.columns, (int)picture.rows, picture.samples,
                                (int)(picture.columns * picture.samples));
            TessBaseAPISetSourceResolution(reader, 100);
            TessDeleteText(TessBaseAPIGetUTF8Text(reader));
            t->tesseract += seconds() - start;
            t->tesseract_megapixels += (double)info->columns * info->rows / 1e6;
            t->tesseract_images++;
        }
        lethe_image_release(&stored);
        lethe_image_release(&picture);
    }
    lethe_pixels_close(pixels);
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    return 0;
}

int main(int argc, char **argv) {
    char path[1024];
    unsigned limit = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 40;
    tally t = {0};
    lethe_pixel_policy policy;
    lethe_burned_in *engine = NULL;
    lethe_pixel_policy_default(&policy);
    FILE *list = argc > 1 ? fopen(argv[1], "r") : NULL;
    TessBaseAPI *reader = TessBaseAPICreate();
    if (list == NULL || reader == NULL || TessBaseAPIInit3(reader, NULL, "eng") != 0 || lethe_burned_in_create(&policy, &engine, NULL) != LETHE_OK)
        return 1;
    (void)TessBaseAPISetVariable(reader, "debug_file", "/dev/null");
    TessBaseAPISetPageSegMode(reader, PSM_SPARSE_TEXT);
    tally none = {0};
    for (int k = 0; k < 3 && fgets(path, sizeof path, list) != NULL; k++) {
        path[strcspn(path, "\n")] = 0;
        (void)one(path, engine, NULL, &none);
    }
    rewind(list);
    unsigned total = 0, seen = 0;
    while (fgets(path, sizeof path, list) != NULL) total++;
    rewind(list);
    unsigned step = total / limit + 1;
    while (fgets(path, sizeof path, list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        if (one(path, engine, seen++ % step == 0 ? reader : NULL, &t) != 0) (void)fprintf(stderr, "not searched: one file\n");
    }
    double ours = t.lethe / t.lethe_megapixels, theirs = t.tesseract / t.tesseract_megapixels;
    (void)printf("lethe: %u images, %.1f images/s, %.1f ms per megapixel\n", t.lethe_images, t.lethe_images / t.lethe, 1000 * ours);
    (void)printf("tesseract, whole frames: %u images, %.1f images/s, %.1f ms per megapixel\n", t.tesseract_images, t.tesseract_images / t.tesseract,
                 1000 * theirs);
    (void)printf("ratio: %.1f\n", theirs / ours);
    lethe_burned_in_destroy(engine);
    TessBaseAPIEnd(reader);
    TessBaseAPIDelete(reader);
    (void)fclose(list);
    return 0;
}
