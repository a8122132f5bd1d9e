/* A DICOM slide of several instances, written here by hand: whichever is opened, all volumes of the series are its levels; concatenations fill one
 * level, sparse tiles lie where they say, other focal planes and optical paths do not get in the way, label and overview are associated images. */
#include "core/buffer.h"
#include "core/file.h"
#include "core/memory.h"
#include "imaging/slide/slide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 8 };

static void put(lethe_buffer *out, const void *bytes, size_t size) { assert_int_equal(lethe_buffer_append(out, bytes, size, NULL), LETHE_OK); }
static void put16(lethe_buffer *out, unsigned value) { put(out, (const uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2); }
static void put32(lethe_buffer *out, uint32_t value) { put16(out, value & 0xFFFF), put16(out, value >> 16); }

static void element(lethe_buffer *out, uint32_t tag, const char *vr, const void *value, size_t size) {
    bool wide = strcmp(vr, "SQ") == 0 || strcmp(vr, "OB") == 0;
    put16(out, tag >> 16), put16(out, tag & 0xFFFF);
    put(out, vr, 2);
    if (wide) put16(out, 0), put32(out, (uint32_t)size);
    else put16(out, (unsigned)size);
    put(out, value, size);
}

static void text(lethe_buffer *out, uint32_t tag, const char *vr, const char *value) {
    char padded[128];
    size_t size = (size_t)snprintf(padded, sizeof padded, "%s", value);
    if (size % 2) padded[size++] = strcmp(vr, "UI") == 0 ? '\0' : ' ';
    element(out, tag, vr, padded, size);
}

static void short_number(lethe_buffer *out, uint32_t tag, unsigned value) {
    element(out, tag, "US", (const uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2);
}
static void long_number(lethe_buffer *out, uint32_t tag, const char *vr, uint32_t value) {
    element(out, tag, vr, (const uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)}, 4);
}

/* A sequence of items whose content the caller has made. */
static void sequence(lethe_buffer *out, uint32_t tag, const lethe_buffer *items, size_t count) {
    lethe_buffer all;
    lethe_buffer_init(&all, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        put32(&all, 0xE000FFFE), put32(&all, (uint32_t)items[i].size);
        put(&all, items[i].bytes, items[i].size);
    }
    element(out, tag, "SQ", all.bytes, all.size);
    lethe_buffer_release(&all);
}

typedef struct frame {
    uint8_t grey;
    int column, row; /* sparse: of the top left corner, from 1 */
    const char *z, *path;
} frame;

typedef struct made {
    const char *name, *series, *kind, *concatenation;
    unsigned matrix, first;
    bool sparse;
    const frame *frames;
    unsigned count;
} made;

static void sparse_places(lethe_buffer *out, const made *m) {
    lethe_buffer items[16];
    for (unsigned i = 0; i < m->count; i++) {
        lethe_buffer position, light;
        lethe_buffer_init(&items[i], 4096);
        lethe_buffer_init(&position, 4096);
        lethe_buffer_init(&light, 4096);
        text(&position, 0x0040074A, "DS", m->frames[i].z);
        long_number(&position, 0x0048021E, "SL", (uint32_t)m->frames[i].column);
        long_number(&position, 0x0048021F, "SL", (uint32_t)m->frames[i].row);
        text(&light, 0x00480106, "SH", m->frames[i].path);
        sequence(&items[i], 0x0048021A, &position, 1);
        sequence(&items[i], 0x00480207, &light, 1);
        lethe_buffer_release(&position);
        lethe_buffer_release(&light);
    }
    sequence(out, 0x52009230, items, m->count);
    for (unsigned i = 0; i < m->count; i++) lethe_buffer_release(&items[i]);
}

static void make(const char *folder, const made *m) {
    static const char wsi[] = "1.2.840.10008.5.1.4.1.1.77.1.6";
    lethe_buffer out, meta;
    char uid[64], value[64], number[16];
    lethe_buffer_init(&out, 1 << 20);
    lethe_buffer_init(&meta, 4096);
    (void)snprintf(uid, sizeof uid, "1.2.3.%zu.%d", strlen(m->name), m->name[0] + m->name[strlen(m->name) - 1]);
    text(&meta, 0x00020002, "UI", wsi);
    text(&meta, 0x00020003, "UI", uid);
    text(&meta, 0x00020010, "UI", "1.2.840.10008.1.2.1");
    static const uint8_t preamble[128];
    put(&out, preamble, sizeof preamble);
    put(&out, "DICM", 4);
    long_number(&out, 0x00020000, "UL", (uint32_t)meta.size);
    put(&out, meta.bytes, meta.size);
    (void)snprintf(value, sizeof value, "DERIVED\\PRIMARY\\%s\\NONE", m->kind);
    text(&out, 0x00080008, "CS", value);
    text(&out, 0x00080016, "UI", wsi);
    text(&out, 0x00080018, "UI", uid);
    text(&out, 0x00080060, "CS", "SM");
    text(&out, 0x0020000E, "UI", m->series);
    if (m->concatenation) text(&out, 0x00209161, "UI", m->concatenation);
    if (m->concatenation) long_number(&out, 0x00209228, "UL", m->first);
    text(&out, 0x00209311, "CS", m->sparse ? "TILED_SPARSE" : "TILED_FULL");
    short_number(&out, 0x00280002, 1);
    text(&out, 0x00280004, "CS", "MONOCHROME2");
    (void)snprintf(number, sizeof number, "%u", m->count);
    text(&out, 0x00280008, "IS", number);
    short_number(&out, 0x00280010, SIDE);
    short_number(&out, 0x00280011, SIDE);
    short_number(&out, 0x00280100, 8);
    short_number(&out, 0x00280101, 8);
    short_number(&out, 0x00280102, 7);
    short_number(&out, 0x00280103, 0);
    long_number(&out, 0x00480006, "UL", m->matrix);
    long_number(&out, 0x00480007, "UL", m->matrix);
    if (m->sparse) sparse_places(&out, m);
    uint8_t pixels[16 * SIDE * SIDE];
    for (unsigned i = 0; i < m->count; i++) memset(pixels + i * SIDE * SIDE, m->frames[i].grey, SIDE * SIDE);
    element(&out, 0x7FE00010, "OB", pixels, m->count * SIDE * SIDE);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s.dcm", folder, m->name);
    assert_int_equal(lethe_file_write(path, out.bytes, out.size, 0600, NULL), LETHE_OK);
    lethe_buffer_release(&out);
    lethe_buffer_release(&meta);
}

/* Level 0 is 3 x 3 tiles in two parts of a concatenation; level 1 is 2 x 2, sparse, with a tile missing; greys are told by place. */
static const frame
    first_part[] = {{10, 0, 0, NULL, NULL}, {11, 0, 0, NULL, NULL}, {12, 0, 0, NULL, NULL}, {13, 0, 0, NULL, NULL}},
    second_part[] = {{14, 0, 0, NULL, NULL}, {15, 0, 0, NULL, NULL}, {16, 0, 0, NULL, NULL}, {17, 0, 0, NULL, NULL}, {18, 0, 0, NULL, NULL}},
    sparse[] = {{23, 9, 9, "0.0", "1"}, {200, 9, 9, "0.0", "2"}, {201, 1, 1, "0.003", "1"}, {20, 1, 1, "0.0", "1"}, {21, 9, 1, "0.0", "1"}},
    /* TILED_FULL, two focal planes: the second must not be taken for anything */
    planes[] = {{30, 0, 0, NULL, NULL}, {202, 0, 0, NULL, NULL}}, single[] = {{99, 0, 0, NULL, NULL}};
static const char series[] = "1.2.3.4.5", other[] = "1.2.3.4.6", joined[] = "1.2.3.7";
static const made instances[] = {
    {"a_thumb", series, "THUMBNAIL", NULL, 8, 0, false, single, 1},     {"b_label", series, "LABEL", NULL, 8, 0, false, single, 1},
    {"c_level1", series, "VOLUME", NULL, 16, 0, true, sparse, 5},       {"d_second", series, "VOLUME", joined, 24, 4, false, second_part, 5},
    {"e_first", series, "VOLUME", joined, 24, 0, false, first_part, 4}, {"f_level2", series, "VOLUME", NULL, 8, 0, false, planes, 2},
    {"g_other", other, "VOLUME", NULL, 4096, 0, false, single, 1},
};

static void expect(lethe_slide *slide, unsigned level, int64_t column, int64_t row, uint8_t grey) {
    lethe_image tile;
    assert_int_equal(lethe_slide_read_tile(slide, level, column, row, &tile, NULL), LETHE_OK);
    assert_int_equal(tile.columns, SIDE);
    for (unsigned i = 0; i < SIDE * SIDE; i++) assert_int_equal(tile.pixels[4 * i + i % 3], grey);
    lethe_image_release(&tile);
}

static void look(const char *folder, const char *name) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s.dcm", folder, name);
    lethe_slide *slide = NULL;
    assert_int_equal(lethe_slide_open(path, &slide, NULL), LETHE_OK);
    assert_string_equal(lethe_slide_format(slide), "dicom");
    assert_int_equal(lethe_slide_level_count(slide), 3);
    for (unsigned i = 0; i < 9; i++) expect(slide, 0, i % 3, i / 3, (uint8_t)(10 + i));
    expect(slide, 1, 0, 0, 20);
    expect(slide, 1, 1, 0, 21);
    expect(slide, 1, 0, 1, 255); /* nobody gave it */
    expect(slide, 1, 1, 1, 23);
    expect(slide, 2, 0, 0, 30);
    assert_true(lethe_slide_level_at(slide, 1)->downsample == 1.5 && lethe_slide_level_at(slide, 2)->downsample == 3);
    assert_non_null(strstr(lethe_slide_front(slide), "/d_second.dcm")); /* the first of level 0 by name, whichever was opened */
    lethe_image label;
    assert_int_equal(lethe_slide_read_associated(slide, "label", &label, NULL), LETHE_OK);
    assert_int_equal(label.pixels[0], 99);
    lethe_image_release(&label);
    assert_int_equal(lethe_slide_read_associated(slide, "macro", &label, NULL), LETHE_NOT_FOUND);
    lethe_slide_close(slide);
}

static void test_pyramid(void **state) {
    (void)state;
    char folder[] = "/tmp/lethe-test-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof instances / sizeof *instances; i++) make(folder, &instances[i]);
    static const char *const volumes[] = {"c_level1", "d_second", "e_first", "f_level2"};
    for (size_t i = 0; i < sizeof volumes / sizeof *volumes; i++) look(folder, volumes[i]);
    /* Opened by itself, the thumbnail is one picture, and says which file stands for the slide. */
    lethe_slide *slide = NULL;
    (void)snprintf(path, sizeof path, "%s/a_thumb.dcm", folder);
    assert_int_equal(lethe_slide_open(path, &slide, NULL), LETHE_OK);
    assert_int_equal(lethe_slide_level_count(slide), 1);
    assert_non_null(strstr(lethe_slide_front(slide), "/d_second.dcm"));
    lethe_slide_close(slide);
    /* A damaged sibling costs its level, not the slide. */
    (void)snprintf(path, sizeof path, "%s/f_level2.dcm", folder);
    assert_int_equal(truncate(path, 400), 0);
    (void)snprintf(path, sizeof path, "%s/e_first.dcm", folder);
    assert_int_equal(lethe_slide_open(path, &slide, NULL), LETHE_OK);
    assert_int_equal(lethe_slide_level_count(slide), 2);
    lethe_slide_close(slide);
    for (size_t i = 0; i < sizeof instances / sizeof *instances; i++) {
        (void)snprintf(path, sizeof path, "%s/%s.dcm", folder, instances[i].name);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pyramid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
