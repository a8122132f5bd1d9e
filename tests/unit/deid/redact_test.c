/* Redaction over every codec: pixels outside the boxes are identical after decoding, pixels inside are gone. Uses Debian's pydicom files and, where
 * it exists, the shared test data; says what it did not find. */
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/redact.h"
#include "deid/pixels/redact_internal.h"
#include "imaging/dicom/pixels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char pydicom_folder[] = "/usr/lib/python3/dist-packages/pydicom/data/test_files";

typedef struct tally {
    unsigned redacted, unsupported, passed_over;
    unsigned by_codec[LETHE_CODEC_UNKNOWN + 1];
} tally;

/* Blocks and chroma upsampling of JPEG leave flat areas only inside: look at the middle of each box, well away from its edges. */
static void check_inside(const lethe_image *image, const lethe_pixel_box *box, bool exact) {
    uint32_t x0 = box->x + box->w / 3, y0 = box->y + box->h / 3, x1 = box->x + 2 * box->w / 3, y1 = box->y + 2 * box->h / 3;
    for (uint32_t y = y0; y < y1; y++)
        for (uint32_t x = x0; x < x1; x++)
            for (unsigned c = 0; c < image->samples; c++) {
                int32_t difference = lethe_image_sample(image, x, y, c) - lethe_image_sample(image, x0, y0, c);
                if (difference < 0) difference = -difference;
                assert_true(difference <= (exact ? 0 : 2));
            }
}

static void compare(const lethe_dicom_dataset *before, const lethe_dicom_dataset *after, const lethe_pixel_decision *decision, const char *name) {
    lethe_error error = {0};
    lethe_pixels *old, *new;
    assert_int_equal(lethe_pixels_open(before, &old, &error), LETHE_OK);
    if (lethe_pixels_open(after, &new, &error) != LETHE_OK) fail_msg("%s: %s", name, error.message);
    const lethe_pixels_info *info = lethe_pixels_describe(old);
    uint8_t *mask = lethe_alloc((size_t)info->columns * info->rows);
    for (uint32_t frame = 0; frame < info->frames; frame++) {
        lethe_image a = {0}, b = {0};
        assert_int_equal(lethe_pixels_decode(old, frame, &a, &error), LETHE_OK);
        if (lethe_pixels_decode(new, frame, &b, &error) != LETHE_OK) fail_msg("%s: output frame %u: %s", name, frame, error.message);
        assert_int_equal(lethe_image_size_bytes(&a), lethe_image_size_bytes(&b));
        size_t pixel = (size_t)a.samples * a.bytes_per_sample, changed = 0;
        bool any = lethe_redact_mask(decision, frame, info->columns, info->rows, mask);
        for (size_t i = 0; i < (size_t)a.columns * a.rows; i++) {
            bool differs = memcmp(a.pixels + i * pixel, b.pixels + i * pixel, pixel) != 0;
            if (differs && mask[i] == 0) fail_msg("%s: frame %u pixel %zu,%zu outside the boxes changed", name, frame, i % a.columns, i / a.columns);
            changed += differs;
        }
        assert_true(any || changed == 0);
        if (any) check_inside(&b, &decision->boxes[0], info->codec != LETHE_CODEC_JPEG_BASELINE && info->codec != LETHE_CODEC_JPEG_EXTENDED);
        lethe_image_release(&a);
        lethe_image_release(&b);
    }
    lethe_free(mask);
    lethe_pixels_close(old);
    lethe_pixels_close(new);
}

static bool can_decode(const lethe_dicom_dataset *dataset, lethe_pixels_info *info) {
    lethe_pixels *pixels;
    lethe_image image = {0};
    if (lethe_pixels_open(dataset, &pixels, NULL) != LETHE_OK) return false;
    *info = *lethe_pixels_describe(pixels);
    bool fine = info->columns >= 24 && info->rows >= 24 && info->bits_allocated >= 8;
    for (uint32_t frame = 0; frame < info->frames && fine; frame++) {
        fine = lethe_pixels_decode(pixels, frame, &image, NULL) == LETHE_OK;
        lethe_image_release(&image);
    }
    lethe_pixels_close(pixels);
    return fine;
}

static lethe_status one_file(void *context, const char *path, const char *relative, lethe_error *unused) {
    (void)unused;
    tally *t = context;
    lethe_error error = {0};
    lethe_map map = {.fd = -1};
    struct stat status;
    if (stat(path, &status) != 0 || status.st_size > 3000000 || strstr(relative, "malformed") != NULL) return LETHE_OK;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES), *after_arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL, *after = NULL;
    lethe_pixels_info info = {0};
    lethe_pixel_decision decision = {0};
    lethe_redaction *redaction = NULL;
    lethe_buffer out;
    lethe_buffer_init(&out, LETHE_LIMIT_FRAME_BYTES);
    if (lethe_map_open(path, &map, &error) != LETHE_OK || lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, &error) != LETHE_OK ||
        !can_decode(dataset, &info)) {
        t->passed_over++;
        goto out;
    }
    /* Odd places, overlapping, one at the edge; in files of several frames only the second and later. */
    lethe_pixel_box boxes[3] = {{.x = 3, .y = 5, .w = info.columns / 2, .h = info.rows / 3},
                                {.x = info.columns / 3, .y = info.rows / 4, .w = info.columns / 3, .h = 9},
                                {.x = info.columns - 5, .y = info.rows - 7, .w = 5, .h = 7}};
    decision.boxes = boxes;
    decision.box_count = decision.box_capacity = 3;
    for (unsigned i = 0; i < 3; i++) {
        boxes[i].first_frame = info.frames > 1 ? 1 : 0;
        boxes[i].last_frame = info.frames - 1;
    }
    lethe_edit_script *script = lethe_edit_script_create(dataset);
    lethe_status result = lethe_redact_apply(dataset, &decision, script, NULL, &redaction, &error);
    if (result == LETHE_UNSUPPORTED) {
        t->unsupported++;
        goto out;
    }
    if (result != LETHE_OK) fail_msg("%s: %s", relative, error.message);
    if (lethe_edit_write_buffer(script, &out, &error) != LETHE_OK) fail_msg("%s: %s", relative, error.message);
    if (lethe_dicom_dataset_parse(out.bytes, out.size, after_arena, &after, &error) != LETHE_OK) fail_msg("%s: output: %s", relative, error.message);
    compare(dataset, after, &decision, relative);
    t->redacted++;
    t->by_codec[info.codec]++;
out:
    lethe_free(decision.drawn); /* the boxes themselves are not the decision's here */
    lethe_redaction_destroy(redaction);
    lethe_dicom_dataset_release(after);
    lethe_dicom_dataset_release(dataset);
    lethe_buffer_release(&out);
    lethe_arena_destroy(arena);
    lethe_arena_destroy(after_arena);
    lethe_map_close(&map);
    return LETHE_OK;
}

static void redacts_real_files_of_every_codec(void **state) {
    (void)state;
    struct stat status;
    tally t = {0};
    char shared[512];
    if (stat(pydicom_folder, &status) != 0) {
        print_message("skipped: python3-pydicom is not installed\n");
        skip();
    }
    assert_int_equal(lethe_walk(pydicom_folder, one_file, &t, NULL), LETHE_OK);
    (void)snprintf(shared, sizeof shared, "%s/../shared/testdata/dicom", LETHE_SOURCE_DIR);
    if (getenv("LETHE_SLOW") != NULL && stat(shared, &status) == 0) assert_int_equal(lethe_walk(shared, one_file, &t, NULL), LETHE_OK);
    print_message(
        "%u redacted (raw %u, RLE %u, JPEG baseline %u, extended %u, lossless %u, JPEG-LS %u, JPEG 2000 %u), %u unsupported, %u passed over\n",
        t.redacted, t.by_codec[LETHE_CODEC_RAW], t.by_codec[LETHE_CODEC_RLE], t.by_codec[LETHE_CODEC_JPEG_BASELINE],
        t.by_codec[LETHE_CODEC_JPEG_EXTENDED], t.by_codec[LETHE_CODEC_JPEG_LOSSLESS], t.by_codec[LETHE_CODEC_JPEG_LS],
        t.by_codec[LETHE_CODEC_JPEG_2000], t.unsupported, t.passed_over);
    assert_true(t.by_codec[LETHE_CODEC_RAW] > 5);
    assert_true(t.by_codec[LETHE_CODEC_RLE] > 3);
    assert_true(t.by_codec[LETHE_CODEC_JPEG_BASELINE] > 3);
    assert_true(t.by_codec[LETHE_CODEC_JPEG_EXTENDED] > 0);
    assert_true(t.by_codec[LETHE_CODEC_JPEG_LOSSLESS] > 0);
    assert_true(t.by_codec[LETHE_CODEC_JPEG_2000] > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(redacts_real_files_of_every_codec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
