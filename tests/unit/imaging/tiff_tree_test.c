/* TIFF trees: typed values of every kind and order, hostile pointers, and a draft written and read again. */
#include "core/file.h"
#include "core/memory.h"
#include "imaging/slide/ini.h"
#include "imaging/slide/mirax_index.h"
#include "imaging/slide/tiff_tree.h"
#include "imaging/slide/tiff_write.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Little-endian classic: width 7 (SHORT), resolution 5/2 (RATIONAL at 8), text "ab" inline, next 0. */
static const uint8_t small_file[] = {'I', 'I', 42, 0, 16, 0, 0, 0, 5, 0, 0, 0, 2, 0,  0, 0, 3, 0, 0, 1, 3, 0,   1,   0, 0, 0, 7, 0, 0,
                                     0,   26,  1,  5, 0,  1, 0, 0, 0, 8, 0, 0, 0, 14, 1, 2, 0, 3, 0, 0, 0, 'a', 'b', 0, 0, 0, 0, 0, 0};

static lethe_arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = lethe_arena_create(64u << 20);
    return arena ? 0 : -1;
}
static int tear_down(void **state) {
    (void)state;
    lethe_arena_destroy(arena);
    return 0;
}

static void test_values(void **state) {
    (void)state;
    lethe_tiff_tree *tree = NULL;
    assert_int_equal(lethe_tiff_parse(small_file, sizeof small_file, arena, &tree, NULL), LETHE_OK);
    assert_int_equal(tree->chain_count, 1);
    assert_int_equal(lethe_tiff_uint(tree, tree->first, LETHE_TIFF_WIDTH, 0), 7);
    assert_true(lethe_tiff_double(tree, tree->first, LETHE_TIFF_X_RESOLUTION, 0) == 2.5);
    assert_string_equal(lethe_tiff_text(tree, tree->first, LETHE_TIFF_IMAGE_DESCRIPTION), "ab");
    assert_string_equal(lethe_tiff_text(tree, tree->first, LETHE_TIFF_SOFTWARE), "");
    assert_int_equal(lethe_tiff_uint(tree, tree->first, LETHE_TIFF_HEIGHT, 99), 99);
}

static void test_every_cut_fails(void **state) {
    (void)state;
    for (size_t size = 0; size < sizeof small_file; size++) {
        lethe_tiff_tree *tree = NULL;
        uint8_t *copy = malloc(size + 1); /* exact, so that a sanitizer sees every step beyond */
        assert_non_null(copy);
        memcpy(copy, small_file, size);
        lethe_error error = {0};
        assert_int_equal(lethe_tiff_parse(copy, size, arena, &tree, &error), LETHE_MALFORMED);
        assert_null(tree);
        assert_true(error.message[0] != '\0');
        free(copy);
    }
}

static void test_loops_and_far_pointers_fail(void **state) {
    (void)state;
    uint8_t bytes[sizeof small_file];
    lethe_tiff_tree *tree;
    memcpy(bytes, small_file, sizeof bytes);
    bytes[54] = 16; /* next: itself */
    assert_int_equal(lethe_tiff_parse(bytes, sizeof bytes, arena, &tree, NULL), LETHE_MALFORMED);
    memcpy(bytes, small_file, sizeof bytes);
    memset(bytes + 38, 0xFF, 4); /* the rational's offset */
    assert_int_equal(lethe_tiff_parse(bytes, sizeof bytes, arena, &tree, NULL), LETHE_MALFORMED);
    memcpy(bytes, small_file, sizeof bytes);
    memset(bytes + 34, 0xFF, 4); /* its count */
    assert_int_equal(lethe_tiff_parse(bytes, sizeof bytes, arena, &tree, NULL), LETHE_MALFORMED);
}

/* Write a draft of two directories with shared and moved segments, read it again. */
static void round_trip(bool big, bool ndpi) {
    char source_path[] = "/tmp/lethe-tiff-XXXXXX", out_path[64];
    lethe_tiff_tree *tree = NULL, kind = {.big = big, .ndpi = ndpi};
    lethe_output *output = NULL;
    lethe_map map = {.fd = -1};
    int fd = mkstemp(source_path);
    assert_true(fd >= 0);
    for (unsigned i = 0; i < 1000; i++) assert_int_equal(write(fd, (const uint8_t[]){(uint8_t)i, (uint8_t)(i >> 8)}, 2), 2);
    (void)snprintf(out_path, sizeof out_path, "%s.out", source_path);
    lethe_tiff_draft *draft = lethe_tiff_draft_create(&kind, arena);
    lethe_tiff_segment first[3] = {{.offset = 600, .bytes = 50}, {.offset = 100, .bytes = 40}, {.offset = 600, .bytes = 50}},
                       second[1] = {{.offset = 20, .bytes = 30}};
    lethe_tiff_draft_directory *a = lethe_tiff_draft_add(draft, NULL), *b = lethe_tiff_draft_add(draft, ndpi ? NULL : a);
    assert_int_equal(lethe_tiff_draft_uint(a, LETHE_TIFF_WIDTH, LETHE_TIFF_LONG, 300, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_draft_text(a, LETHE_TIFF_IMAGE_DESCRIPTION, "a longer text", NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_draft_segments(a, true, first, 3, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_draft_segments(b, false, second, 1, NULL), LETHE_OK);
    if (ndpi) assert_int_equal(lethe_tiff_draft_uint(a, LETHE_NDPI_FORMAT_FLAG, LETHE_TIFF_LONG, 1, NULL), LETHE_OK);
    assert_int_equal(lethe_output_create(out_path, &output, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_draft_write(draft, fd, output, NULL, NULL), LETHE_OK);
    assert_int_equal(lethe_output_commit(output, 0600, LETHE_SYNC_NONE, NULL), LETHE_OK);
    assert_int_equal(lethe_map_open(out_path, &map, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_parse(map.bytes, map.size, arena, &tree, NULL), LETHE_OK);
    assert_int_equal(tree->big, big);
    assert_int_equal(tree->ndpi, ndpi);
    assert_int_equal(tree->directory_count, 2);
    lethe_tiff_segments list;
    uint64_t offset[3], bytes[3];
    assert_true(lethe_tiff_segments_of(tree->first, &list));
    assert_true(list.tiled);
    for (unsigned i = 0; i < 3; i++) assert_true(lethe_tiff_segment_at(tree, &list, i, &offset[i], &bytes[i]));
    assert_int_equal(offset[0], offset[2]); /* shared as before */
    assert_int_equal(bytes[1], 40);
    assert_int_equal(map.bytes[offset[0]], 44); /* 600 / 2 = 300 = 0x012C */
    assert_int_equal(map.bytes[offset[1]], 50);
    assert_true(lethe_tiff_segments_of(ndpi ? tree->first->next : tree->first->children, &list));
    assert_false(list.tiled);
    assert_true(map.size < 700); /* nothing of the source's 2000 bytes but the segments */
    lethe_map_close(&map);
    (void)close(fd);
    (void)unlink(out_path);
    (void)unlink(source_path);
}

static void test_round_trips(void **state) {
    (void)state;
    round_trip(false, false);
    round_trip(true, false);
    round_trip(false, true);
}

static void test_overlap_is_refused(void **state) {
    (void)state;
    lethe_tiff_tree kind = {0};
    lethe_tiff_draft *draft = lethe_tiff_draft_create(&kind, arena);
    lethe_tiff_draft_directory *a = lethe_tiff_draft_add(draft, NULL);
    lethe_tiff_segment segments[2] = {{.offset = 100, .bytes = 50}, {.offset = 120, .bytes = 50}};
    lethe_output *output = NULL;
    char path[] = "/tmp/lethe-tiff-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(lethe_tiff_draft_segments(a, true, segments, 2, NULL), LETHE_OK);
    assert_int_equal(lethe_output_create(path, &output, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_draft_write(draft, fd, output, NULL, NULL), LETHE_UNSAFE);
    lethe_output_discard(output);
    (void)close(fd);
    (void)unlink(path);
}

/* The second directory lies beyond 4 GiB: a sparse file, NDPI's way of 64-bit offsets. */
static void test_ndpi_beyond_4_gib(void **state) {
    (void)state;
    char path[] = "/tmp/lethe-ndpi-XXXXXX";
    int fd = mkstemp(path);
    const uint64_t far = (5ull << 30) + 16;
    uint8_t head[12] = {'I', 'I', 42, 0}, directory[2 + 24 + 8 + 8] = {2, 0};
    lethe_map map = {.fd = -1};
    lethe_tiff_tree *tree = NULL;
    assert_true(fd >= 0);
    memcpy(head + 4, &far, 8);
    static const uint8_t width[12] = {0, 1, 4, 0, 1, 0, 0, 0, 9, 0, 0, 0}, flag[12] = {0x8C, 0xFF, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    memcpy(directory + 2, width, 12);
    memcpy(directory + 14, flag, 12);
    directory[34] = 1; /* upper word of the width: 4 GiB + 9 */
    assert_int_equal(pwrite(fd, head, sizeof head, 0), sizeof head);
    assert_int_equal(pwrite(fd, directory, sizeof directory, (off_t)far), sizeof directory);
    assert_int_equal(lethe_map_take(fd, &map, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_parse(map.bytes, map.size, arena, &tree, NULL), LETHE_OK);
    assert_true(tree->ndpi);
    assert_int_equal(tree->first->offset, far);
    assert_int_equal(lethe_tiff_uint(tree, tree->first, LETHE_TIFF_WIDTH, 0), (1ull << 32) + 9);
    lethe_map_close(&map);
    (void)unlink(path);
}

static void test_ini(void **state) {
    (void)state;
    static const char text[] = "\xEF\xBB\xBF; note\r\n[A]\r\nKey = a = b \r\nN=12\r\n\r\n[B]\nKey=\n";
    lethe_ini *ini = NULL;
    int64_t number = 0;
    assert_int_equal(lethe_ini_parse(text, sizeof text - 1, arena, &ini, NULL), LETHE_OK);
    assert_int_equal(ini->count, 3);
    assert_string_equal(lethe_ini_text(ini, "A", "Key"), "a = b");
    assert_string_equal(lethe_ini_text(ini, "B", "Key"), "");
    assert_string_equal(lethe_ini_text(ini, "B", "N"), "");
    assert_true(lethe_ini_integer(ini, "A", "N", &number));
    assert_int_equal(number, 12);
    assert_int_equal(lethe_ini_parse("Key=1\n", 6, arena, &ini, NULL), LETHE_MALFORMED);
    assert_int_equal(lethe_ini_parse("[A\n", 3, arena, &ini, NULL), LETHE_MALFORMED);
    assert_int_equal(lethe_ini_parse("[A]\nab\0c\n", 9, arena, &ini, NULL), LETHE_MALFORMED);
}

static void test_mirax_index_refuses(void **state) {
    (void)state;
    uint8_t bytes[96] = "01.02ID";
    lethe_mirax_index *index = NULL;
    bytes[7] = 15, bytes[11] = 19; /* arrays */
    bytes[15] = 23;                /* level 0 -> 23: zero, page at 31 */
    bytes[27] = 31;
    bytes[31] = 1, bytes[35] = 0; /* one entry, no next page */
    bytes[39] = 5, bytes[43] = 6, bytes[47] = 7, bytes[51] = 0;
    assert_int_equal(lethe_mirax_index_parse(bytes, sizeof bytes, 2, 1, 0, arena, &index, NULL), LETHE_OK);
    assert_int_equal(index->levels[0].count, 1);
    assert_int_equal(index->levels[0].records[0].bytes, 7);
    bytes[35] = 31; /* the page leads to itself */
    assert_int_equal(lethe_mirax_index_parse(bytes, sizeof bytes, 2, 1, 0, arena, &index, NULL), LETHE_MALFORMED);
    bytes[35] = 0, bytes[34] = 0x80; /* a negative count */
    assert_int_equal(lethe_mirax_index_parse(bytes, sizeof bytes, 2, 1, 0, arena, &index, NULL), LETHE_MALFORMED);
    assert_int_equal(lethe_mirax_index_parse(bytes, 10, 2, 1, 0, arena, &index, NULL), LETHE_MALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_cut_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loops_and_far_pointers_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_round_trips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_overlap_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ndpi_beyond_4_gib, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ini, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mirax_index_refuses, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
