/* Redaction code by code against redaction by way of libjpeg's coefficients: the same coefficients, for every sampling, restart interval and size. */
#include "core/memory.h"
#include "imaging/dicom/codec.h"
#include "imaging/dicom/jpeg_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

typedef struct kind {
    int components, h, v, quality;
    unsigned restart, columns, rows;
    bool optimise, progressive, arithmetic, rgb;
} kind;

static const kind kinds[] = {
    {1, 1, 1, 90, 0, 131, 77, false, false, false, false},  {1, 2, 2, 60, 5, 64, 64, false, false, false, false},
    {3, 1, 1, 85, 0, 131, 77, false, false, false, false},  {3, 2, 1, 85, 0, 131, 77, false, false, false, false},
    {3, 2, 2, 85, 0, 130, 78, false, false, false, false},  {3, 1, 2, 95, 3, 97, 99, false, false, false, false},
    {3, 4, 1, 75, 1, 100, 50, false, false, false, false},  {3, 2, 2, 100, 7, 17, 9, false, false, false, false},
    {3, 2, 2, 30, 0, 8, 8, false, false, false, false},     {3, 1, 1, 90, 0, 120, 80, false, false, false, true},
    {3, 2, 1, 85, 2, 131, 77, true, false, false, false},   {4, 1, 1, 85, 0, 64, 48, false, false, false, false},
    {1, 1, 1, 100, 0, 512, 40, false, false, false, false},
};

static uint32_t noise(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 24;
}

static void encode(const kind *k, unsigned char **bytes, unsigned long *size) {
    struct jpeg_compress_struct out;
    struct jpeg_error_mgr errors;
    out.err = jpeg_std_error(&errors);
    jpeg_create_compress(&out);
    jpeg_mem_dest(&out, bytes, size);
    out.image_width = k->columns;
    out.image_height = k->rows;
    out.input_components = k->components;
    out.in_color_space = k->components == 1 ? JCS_GRAYSCALE : k->components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&out);
    if (k->rgb) jpeg_set_colorspace(&out, JCS_RGB);
    jpeg_set_quality(&out, k->quality, TRUE);
    out.comp_info[0].h_samp_factor = k->h;
    out.comp_info[0].v_samp_factor = k->v;
    out.restart_interval = k->restart;
    out.optimize_coding = k->optimise;
    out.arith_code = k->arithmetic;
    if (k->progressive) jpeg_simple_progression(&out);
    jpeg_start_compress(&out, TRUE);
    static const uint8_t comment[] = "somebody's name";
    jpeg_write_marker(&out, JPEG_COM, comment, sizeof comment);
    uint8_t *row = lethe_alloc_array((size_t)k->columns * (unsigned)k->components, 1);
    uint32_t state = 7;
    for (unsigned y = 0; y < k->rows; y++) {
        for (size_t i = 0; i < (size_t)k->columns * (unsigned)k->components; i++)
            row[i] = (uint8_t)(y * 2 + i / 3 + noise(&state) / (k->quality > 95 ? 1 : 6));
        JSAMPROW rows[] = {row};
        (void)jpeg_write_scanlines(&out, rows, 1);
    }
    jpeg_finish_compress(&out);
    jpeg_destroy_compress(&out);
    lethe_free(row);
}

/* A digest of all coefficients of the picture's blocks. */
static uint64_t coefficients(const uint8_t *bytes, size_t size) {
    struct jpeg_decompress_struct in;
    struct jpeg_error_mgr errors;
    uint64_t hash = 1469598103934665603ull;
    in.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&in);
    jpeg_mem_src(&in, bytes, (unsigned long)size);
    assert_int_equal(jpeg_read_header(&in, TRUE), JPEG_HEADER_OK);
    jvirt_barray_ptr *arrays = jpeg_read_coefficients(&in);
    for (int c = 0; c < in.num_components; c++)
        for (JDIMENSION y = 0; y < in.comp_info[c].height_in_blocks; y++) {
            JBLOCKARRAY row = in.mem->access_virt_barray((j_common_ptr)&in, arrays[c], y, 1, FALSE);
            for (JDIMENSION x = 0; x < in.comp_info[c].width_in_blocks; x++)
                for (int i = 0; i < DCTSIZE2; i++) hash = (hash ^ (uint16_t)row[0][x][i]) * 1099511628211ull;
        }
    (void)jpeg_finish_decompress(&in);
    assert_int_equal(in.err->num_warnings, 0); /* nothing is left over, nothing is missing */
    jpeg_destroy_decompress(&in);
    return hash;
}

static bool patch(const kind *k, const uint8_t *mask, const uint8_t *bytes, size_t size, lethe_buffer *out) {
    lethe_jpeg_redaction r = {.columns = k->columns, .rows = k->rows, .mask = mask, .is_rgb = k->rgb};
    bool done;
    lethe_buffer_clear(out);
    assert_int_equal(lethe_jpeg_patch(bytes, size, &r, &done, out, NULL), LETHE_OK);
    return done;
}

static void check(const kind *k, const uint8_t *mask, const uint8_t *bytes, size_t size) {
    lethe_jpeg_redaction r = {.columns = k->columns, .rows = k->rows, .mask = mask, .is_rgb = k->rgb};
    lethe_buffer fast, slow;
    lethe_buffer_init(&fast, 64u << 20);
    lethe_buffer_init(&slow, 64u << 20);
    assert_int_equal(lethe_jpeg_redact(bytes, size, &r, &slow, NULL), LETHE_OK);
    bool done = patch(k, mask, bytes, size, &fast);
    assert_true(done || k->optimise); /* tables made for one picture may lack a code */
    if (done) {
        assert_true(coefficients(fast.bytes, fast.size) == coefficients(slow.bytes, slow.size));
        assert_null(memmem(fast.bytes, fast.size, "somebody", 8));
    }
    lethe_buffer_release(&fast);
    lethe_buffer_release(&slow);
}

static void the_coefficients_are_those_of_libjpeg(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        unsigned char *bytes = NULL;
        unsigned long size = 0;
        encode(k, &bytes, &size);
        uint8_t *mask = lethe_alloc_array((size_t)k->columns * k->rows, 1);
        check(k, mask, bytes, size); /* nothing is touched */
        const unsigned boxes[][4] = {
            {0, 0, k->columns, 9}, {k->columns / 3, k->rows / 3, 20, 11}, {k->columns - 3, 0, 3, k->rows}, {0, k->rows - 1, k->columns, 1}};
        for (size_t b = 0; b < 4; b++) {
            for (unsigned y = boxes[b][1]; y < boxes[b][1] + boxes[b][3] && y < k->rows; y++)
                for (unsigned x = boxes[b][0]; x < boxes[b][0] + boxes[b][2] && x < k->columns; x++) mask[(size_t)y * k->columns + x] = 1;
            check(k, mask, bytes, size);
        }
        memset(mask, 1, (size_t)k->columns * k->rows);
        check(k, mask, bytes, size);
        free(bytes);
        lethe_free(mask);
    }
}

/* What is left over in the stream goes, what is cut off or of another kind is not touched. */
static void other_streams_are_left_to_others(void **state) {
    (void)state;
    kind k = {3, 2, 2, 85, 4, 130, 78, false, false, false, false};
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    lethe_buffer out, with;
    lethe_buffer_init(&out, 64u << 20);
    lethe_buffer_init(&with, 64u << 20);
    encode(&k, &bytes, &size);
    uint8_t *mask = lethe_alloc_array((size_t)k.columns * k.rows, 1);
    memset(mask, 1, 4000);
    assert_true(patch(&k, mask, bytes, size, &out));
    uint64_t wanted = coefficients(out.bytes, out.size);
    /* between the last block and the end, and behind it */
    assert_int_equal(lethe_buffer_append(&with, bytes, size - 2, NULL), LETHE_OK);
    assert_int_equal(lethe_buffer_append(&with, "MOREAU JEANNE\xFF\xD9MOREAU", 21, NULL), LETHE_OK);
    assert_true(patch(&k, mask, with.bytes, with.size, &out));
    assert_null(memmem(out.bytes, out.size, "MOREAU", 6));
    assert_true(coefficients(out.bytes, out.size) == wanted);
    for (unsigned long cut = 0; cut < size; cut += cut < 800 ? 1 : 97) {
        assert_false(patch(&k, mask, bytes, cut, &out));
        assert_int_equal(out.size, 0);
    }
    for (size_t at = 0; at < size; at += 3) { /* must not crash, whatever it makes of it */
        bytes[at] ^= 0x55;
        (void)patch(&k, mask, bytes, size, &out);
        bytes[at] ^= 0x55;
    }
    free(bytes);
    for (int i = 0; i < 2; i++) {
        kind other = {3, 2, 2, 85, 0, 130, 78, false, i == 0, i == 1, false};
        bytes = NULL;
        size = 0;
        encode(&other, &bytes, &size);
        assert_false(patch(&other, mask, bytes, size, &out));
        free(bytes);
    }
    lethe_free(mask);
    lethe_buffer_release(&out);
    lethe_buffer_release(&with);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_coefficients_are_those_of_libjpeg), cmocka_unit_test(other_streams_are_left_to_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
