/* Development tool: candidate lines of raw images with their features, for text_train.py. Reads names from stdin; each file is
 * "columns rows samples bytes\n" and the samples; prints one line per candidate. */
#include "deid/pixels/text_detector.h"
#include "deid/pixels/text_internal.h"

#include <stdio.h>
#include <string.h>

static void write_signed(FILE *to, const float *crop, size_t count) {
    signed char bytes[LETHE_TEXT_JUDGE_HEIGHT * LETHE_TEXT_JUDGE_WIDTH];
    for (size_t i = 0; i < count; i++) bytes[i] = (signed char)(crop[i] * 31.0f);
    (void)fwrite(bytes, count, 1, to);
}

/* Windows of each candidate as signed bytes, 31 to one deviation; always the same number (a single one many times). */
static void observe_found(void *context, const lethe_text_level *level, const lethe_text_line *line, const float *features) {
    float crops[LETHE_TEXT_CROPS][LETHE_TEXT_CROP_HEIGHT * LETHE_TEXT_CROP_WIDTH];
    unsigned count = lethe_text_crops(level, line, crops);
    (void)features;
    for (unsigned c = 0; c < LETHE_TEXT_CROPS; c++) write_signed(context, crops[c % count], sizeof crops[0] / sizeof crops[0][0]);
}

/* The same for the judge, and the features that it is shown. */
static void observe_left(void *context, const lethe_text_level *level, const lethe_text_line *line, const float *features) {
    float crops[LETHE_TEXT_JUDGE_CROPS][LETHE_TEXT_JUDGE_HEIGHT * LETHE_TEXT_JUDGE_WIDTH], scaled[LETHE_TEXT_FEATURES];
    unsigned count = lethe_text_judge_crops(level, line, crops);
    for (unsigned c = 0; c < LETHE_TEXT_JUDGE_CROPS; c++) write_signed(context, crops[c % count], sizeof crops[0] / sizeof crops[0][0]);
    lethe_text_features_scale(features, scaled);
    (void)fwrite(scaled, sizeof scaled, 1, context);
}

/* Numbers of a block for the gate. */
typedef struct gate_record {
    uint32_t picture;
    uint16_t level_width, bx, by, dark;
    float inputs[LETHE_TEXT_GATE_INPUTS];
} gate_record;
typedef struct gate_file {
    FILE *to;
    uint32_t picture;
} gate_file;

static void see(void *context, const lethe_text_level *level, uint32_t bx, uint32_t by, bool dark, const float inputs[LETHE_TEXT_GATE_INPUTS]) {
    gate_file *file = context;
    gate_record r = {.picture = file->picture, .level_width = (uint16_t)level->w, .bx = (uint16_t)bx, .by = (uint16_t)by, .dark = dark};
    memcpy(r.inputs, inputs, sizeof r.inputs);
    (void)fwrite(&r, sizeof r, 1, file->to);
}

int main(int argc, char **argv) {
    FILE *crops = argc > 1 ? fopen(argv[1], "wb") : NULL;
    char name[512];
    lethe_text_detector *detector = lethe_text_detector_create();
    if (detector == NULL || (argc > 1 && crops == NULL)) return 1;
    bool gate = argc > 2 && strcmp(argv[2], "gate") == 0;
    gate_file file_of_gate = {.to = crops};
    lethe_text_gate_watch watch = {.see = see, .context = &file_of_gate};
    if (gate) lethe_text_detector_watch(detector, &watch);
    else if (crops != NULL)
        lethe_text_detector_observe(detector, argc > 2 ? LETHE_TEXT_LEFT : LETHE_TEXT_FOUND, argc > 2 ? observe_left : observe_found, crops);
    while (fgets(name, sizeof name, stdin) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        FILE *file = fopen(name, "rb");
        unsigned columns, rows, samples, bytes;
        if (file == NULL || fscanf(file, "%u %u %u %u", &columns, &rows, &samples, &bytes) != 4 || fgetc(file) != '\n') return 1;
        lethe_image image = {.columns = columns, .rows = rows, .samples = (uint16_t)samples, .bytes_per_sample = (uint16_t)bytes};
        lethe_error error = {0};
        if (lethe_image_allocate(&image, &error) != LETHE_OK ||
            fread(image.pixels, 1, lethe_image_size_bytes(&image), file) != lethe_image_size_bytes(&image))
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
        file_of_gate.picture++;
    }
    lethe_text_detector_destroy(detector);
    if (crops != NULL) (void)fclose(crops);
    return 0;
}
