/* room: deid
 * Speed of the search (parse, decode, detect, read candidates, decide) and of full-frame Tesseract on the first frame of the same files, one after
 * the other, one core, by kind of image. Tesseract runs as its program does by default (automatic page segmentation) and for sparse text. Both sides
 * start with their language data loaded. Decoding, which both need, is in all numbers but those that say otherwise; what it takes is measured by
 * doing it once more. Usage: bench-pixels_speed LIST [TESSERACT_FILES] */
#include "core/file.h"
#include "core/limits.h"
#include "deid/pixels/burned_in.h"
#include "imaging/dicom/pixels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tesseract/capi.h>

enum { GROUPS = 24, MODES = 2 };
static const TessPageSegMode modes[MODES] = {PSM_AUTO, PSM_SPARSE_TEXT};

static double seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

typedef struct tally {
    char name[40];
    unsigned images;
    double seconds, decoding, megapixels;                   /* ours */
    double theirs[MODES], their_decoding, their_megapixels; /* Tesseract's */
} tally;

typedef struct bench {
    lethe_burned_in *engine;
    TessBaseAPI *reader;
    tally groups[GROUPS];
    unsigned count;
} bench;

static tally *group_of(bench *b, const char *path, const lethe_dicom_dataset *dataset, const lethe_pixels_info *info) {
    char name[40], modality[17] = "";
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0060), 0, modality, sizeof modality);
    (void)snprintf(name, sizeof name, "%.8s%s%s, %s", modality, info->samples_per_pixel > 1 ? " colour" : "", info->frames > 1 ? " cine" : "",
                   strstr(path, "/text/") != NULL ? "text" : "clean");
    for (unsigned i = 0; i < b->count; i++)
        if (strcmp(b->groups[i].name, name) == 0) return &b->groups[i];
    if (b->count == GROUPS) return &b->groups[GROUPS - 1];
    memcpy(b->groups[b->count].name, name, sizeof name);
    return &b->groups[b->count++];
}

static void read_whole(bench *b, const lethe_dicom_dataset *dataset, lethe_pixels *pixels, tally *t) {
    lethe_image stored = {0}, picture = {0};
    lethe_display display;
    lethe_display_load(dataset, 0, 0, &display);
    double start = seconds(), prepared;
    if (lethe_pixels_decode(pixels, 0, &stored, NULL) == LETHE_OK && lethe_display_render(dataset, &stored, &display, &picture, NULL) == LETHE_OK) {
        prepared = seconds() - start;
        t->their_decoding += prepared;
        for (unsigned mode = 0; mode < MODES; mode++) {
            start = seconds();
            TessBaseAPISetPageSegMode(b->reader, modes[mode]);
            TessBaseAPISetImage(b->reader, picture.pixels, (int)picture.columns, (int)picture.rows, picture.samples,
                                (int)(picture.columns * picture.samples));
            TessBaseAPISetSourceResolution(b->reader, 100);
            TessDeleteText(TessBaseAPIGetUTF8Text(b->reader));
            t->theirs[mode] += seconds() - start + prepared;
        }
        t->their_megapixels += (double)picture.columns * picture.rows / 1e6;
    }
    lethe_image_release(&stored);
    lethe_image_release(&picture);
}

static double decode_all(lethe_pixels *pixels) {
    double start = seconds();
    uint32_t frames = lethe_pixels_describe(pixels)->frames;
    for (uint32_t frame = 0; frame < frames; frame++) {
        lethe_image image = {0};
        if (lethe_pixels_decode(pixels, frame, &image, NULL) != LETHE_OK) break;
        lethe_image_release(&image);
    }
    return seconds() - start;
}

/* `counted`: not for the first files, which load what both sides need once. */
static int one(bench *b, const char *path, bool counted, bool both) {
    lethe_map map;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL;
    lethe_pixel_decision decision;
    lethe_pixels *pixels = NULL;
    if (arena == NULL || lethe_map_open(path, &map, NULL) != LETHE_OK) return 1;
    double start = seconds();
    int failed = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) != LETHE_OK ||
                 lethe_burned_in_decide(b->engine, dataset, NULL, &decision, NULL) != LETHE_OK ||
                 lethe_pixels_open(dataset, &pixels, NULL) != LETHE_OK;
    double taken = seconds() - start;
    if (failed) return 1;
    lethe_pixel_decision_release(&decision);
    if (counted) {
        const lethe_pixels_info *info = lethe_pixels_describe(pixels);
        tally *t = group_of(b, path, dataset, info);
        t->seconds += taken;
        t->megapixels += (double)info->columns * info->rows * info->frames / 1e6;
        t->images++;
        t->decoding += decode_all(pixels);
        if (both) read_whole(b, dataset, pixels, t);
    }
    lethe_pixels_close(pixels);
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    return 0;
}

static void print(const tally *t) {
    double ours = 1000 * t->seconds / t->megapixels, search = 1000 * (t->seconds - t->decoding) / t->megapixels;
    (void)printf("  %-22s %4u images %7.1f images/s %7.1f MP/s %7.1f ms/MP, %6.1f but for decoding", t->name, t->images, t->images / t->seconds,
                 t->megapixels / t->seconds, ours, search);
    if (t->their_megapixels > 0) {
        (void)printf("   tesseract:");
        for (unsigned mode = 0; mode < MODES; mode++) {
            double whole = 1000 * t->theirs[mode] / t->their_megapixels, reading = whole - 1000 * t->their_decoding / t->their_megapixels;
            (void)printf(" %s %7.1f ms/MP (%5.1f times), %7.1f but for decoding (%5.1f times)%s", mode == 0 ? "page" : "sparse", whole, whole / ours,
                         reading, reading / search, mode == 0 ? "," : "");
        }
    }
    (void)printf("\n");
}

int main(int argc, char **argv) {
    char path[1024];
    unsigned limit = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 60;
    bench b = {0};
    lethe_pixel_policy policy;
    lethe_pixel_policy_default(&policy);
    FILE *list = argc > 1 ? fopen(argv[1], "r") : NULL;
    b.reader = TessBaseAPICreate();
    if (list == NULL || b.reader == NULL || TessBaseAPIInit3(b.reader, NULL, "eng") != 0 ||
        lethe_burned_in_create(&policy, &b.engine, NULL) != LETHE_OK)
        return 1;
    (void)TessBaseAPISetVariable(b.reader, "debug_file", "/dev/null");
    unsigned total = 0, seen = 0;
    for (; fgets(path, sizeof path, list) != NULL; total++)
        if (total < 8) {
            path[strcspn(path, "\n")] = '\0';
            (void)one(&b, path, false, false);
        }
    rewind(list);
    unsigned step = total / (limit == 0 ? 1 : limit) + 1;
    while (fgets(path, sizeof path, list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        if (one(&b, path, true, seen++ % step == 0) != 0) (void)fprintf(stderr, "not searched: one file\n");
    }
    tally all = {.name = "all"};
    for (unsigned i = 0; i < b.count; i++) {
        print(&b.groups[i]);
        all.images += b.groups[i].images;
        all.seconds += b.groups[i].seconds;
        all.decoding += b.groups[i].decoding;
        all.megapixels += b.groups[i].megapixels;
        all.their_decoding += b.groups[i].their_decoding;
        all.their_megapixels += b.groups[i].their_megapixels;
        for (unsigned mode = 0; mode < MODES; mode++) all.theirs[mode] += b.groups[i].theirs[mode];
    }
    if (all.images > 0) print(&all);
    lethe_burned_in_destroy(b.engine);
    TessBaseAPIEnd(b.reader);
    TessBaseAPIDelete(b.reader);
    (void)fclose(list);
    return all.images == 0;
}
