/* The pieces of slide de-identification: typed values, search, XML filter, ICC profiles, mapping, the verifier's eye for what does not belong. */
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/regions.h"
#include "deid/slides/search.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/typed.h"
#include "deid/slides/verify.h"
#include "deid/slides/xml_filter.h"
#include "imaging/dicom/codec.h"
#include "imaging/slide/stream_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool fits(lethe_typed_kind kind, const char *text) { return lethe_typed_fits(kind, "AT2|GT450", text, strlen(text)); }

static void test_typed_values(void **state) {
    (void)state;
    assert_true(fits(LETHE_TYPED_INTEGER, " -12 "));
    assert_true(fits(LETHE_TYPED_DECIMAL, "0.2525"));
    assert_true(fits(LETHE_TYPED_DECIMAL, "-0.000424"));
    assert_true(fits(LETHE_TYPED_DECIMAL, "1e-3"));
    assert_true(fits(LETHE_TYPED_DECIMALS, "\"0.000226891\" \"0.000226907\""));
    assert_true(fits(LETHE_TYPED_WORD, "AT2"));
    assert_true(fits(LETHE_TYPED_OME_ID, "Channel:0:1"));
    assert_true(fits(LETHE_TYPED_HEX, "0x301D"));
    assert_false(fits(LETHE_TYPED_INTEGER, "12345678901"));
    assert_false(fits(LETHE_TYPED_INTEGER, "12 Dupont"));
    assert_false(fits(LETHE_TYPED_INTEGER, ""));
    assert_false(fits(LETHE_TYPED_DECIMAL, "1.2.3"));
    assert_false(fits(LETHE_TYPED_DECIMAL, "."));
    assert_false(fits(LETHE_TYPED_DECIMAL, "0x10"));
    assert_false(fits(LETHE_TYPED_DECIMAL, "nan"));
    assert_false(fits(LETHE_TYPED_DECIMALS, "1 2 Dupont"));
    assert_false(fits(LETHE_TYPED_WORD, "AT"));
    assert_false(fits(LETHE_TYPED_WORD, "AT2|GT450"));
    assert_false(fits(LETHE_TYPED_OME_ID, "Patient:12345"));
    assert_false(fits(LETHE_TYPED_OME_ID, "Image:12345678"));
    assert_false(fits(LETHE_TYPED_NOTHING, "1"));
}

/* --- search --- */

static bool found(const char *value, lethe_search_in in, const void *bytes, size_t size) {
    lethe_search *search = NULL;
    lethe_search_hit hit;
    assert_int_equal(lethe_search_create(&search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add(search, value, strlen(value), NULL), LETHE_OK);
    bool result = lethe_search_run(search, in, bytes, size, &hit);
    lethe_search_destroy(search);
    return result;
}

static void expect_found(const char *value, const void *spelling, size_t size) {
    uint8_t haystack[1024];
    for (size_t shift = 0; shift < 8; shift++) {
        memset(haystack, 0xA5, sizeof haystack);
        memcpy(haystack + 300 + shift, spelling, size);
        assert_true(found(value, LETHE_SEARCH_TEXT, haystack, sizeof haystack));
        assert_true(found(value, LETHE_SEARCH_PIXELS, haystack, sizeof haystack));
        assert_false(found("Somebody Else", LETHE_SEARCH_TEXT, haystack, sizeof haystack));
    }
}

static void test_search_finds_every_spelling(void **state) {
    (void)state;
    static const char value[] = "Lefort Marie", hex[] = "4c65666f7274204D61726965", lower[] = "lefort MARIE";
    uint8_t wide[24], wide_big[24];
    for (size_t i = 0; i < 12; i++) {
        wide[2 * i] = wide_big[2 * i + 1] = (uint8_t)value[i];
        wide[2 * i + 1] = wide_big[2 * i] = 0;
    }
    expect_found(value, value, 12);
    expect_found(value, lower, 12);
    expect_found(value, wide, 24);
    expect_found(value, wide_big, 24);
    expect_found(value, hex, 24);
    for (size_t shift = 0; shift < 3; shift++) { /* "...Lefort Marie..." inside a longer base64 text */
        char text[32];
        lethe_buffer coded;
        lethe_buffer_init(&coded, 256);
        int length = snprintf(text, sizeof text, "%.*s%s--", (int)shift, "xy", value);
        assert_int_equal(lethe_base64((const uint8_t *)text, (size_t)length, &coded, NULL), LETHE_OK);
        expect_found(value, coded.bytes, coded.size);
        lethe_buffer_release(&coded);
    }
    expect_found("Am\xC3\xA9lie Gu\xC3\xA9rin", "Am\xE9lie Gu\xE9rin", 13); /* Latin-1 */
}

static void test_search_of_short_values(void **state) {
    (void)state;
    static const char text[] = "Fleece 23 Lee, end";
    assert_true(found("Lee", LETHE_SEARCH_TEXT, text, sizeof text - 1));
    assert_false(found("Lee", LETHE_SEARCH_TEXT, "Fleece Leeds", 12));
    assert_false(found("Lee", LETHE_SEARCH_PIXELS, text, sizeof text - 1)); /* chance finds it in any large picture */
    assert_false(found("2", LETHE_SEARCH_TEXT, "MPP = 0.2525", 12));
    assert_true(found("20477", LETHE_SEARCH_TEXT, "id=20477;", 9));
    assert_false(found("20477", LETHE_SEARCH_TEXT, "120477x5", 8));
}

static void test_search_of_streams(void **state) {
    (void)state;
    uint8_t stream[300], haystack[5000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof haystack; i++) haystack[i] = (uint8_t)((x = x * 1103515245u + 12345u) >> 16);
    for (size_t i = 0; i < sizeof stream; i++) stream[i] = (uint8_t)((x = x * 1103515245u + 12345u) >> 16);
    lethe_search *search = NULL;
    lethe_search_hit hit;
    assert_int_equal(lethe_search_create(&search, NULL), LETHE_OK);
    assert_int_equal(lethe_search_add_bytes(search, stream, sizeof stream, NULL), LETHE_OK);
    assert_false(lethe_search_run(search, LETHE_SEARCH_PIXELS, haystack, sizeof haystack, &hit));
    memcpy(haystack + 3333, stream, sizeof stream);
    assert_true(lethe_search_run(search, LETHE_SEARCH_PIXELS, haystack, sizeof haystack, &hit));
    assert_int_equal(hit.offset, 3333);
    lethe_search_destroy(search);
}

/* --- XML --- */

static const lethe_typed_rule rules[] = {{"a", LETHE_TYPED_EMPTY, NULL},
                                         {"a@n", LETHE_TYPED_INTEGER, NULL},
                                         {"b", LETHE_TYPED_DECIMAL, NULL},
                                         {"AOI#", LETHE_TYPED_EMPTY, NULL},
                                         {NULL, LETHE_TYPED_NOTHING, NULL}};

static lethe_status filter(const char *xml, lethe_buffer *out) {
    lethe_buffer_init(out, 65536);
    const lethe_xml_filter f = {.rules = rules};
    return lethe_xml_filter_text(&f, xml, strlen(xml), out, NULL);
}

static void expect_filtered(const char *xml, const char *expected) {
    lethe_buffer out;
    assert_int_equal(filter(xml, &out), LETHE_OK);
    const char *body = strstr(lethe_buffer_text(&out), "?>");
    assert_non_null(body);
    assert_string_equal(body + 2, expected);
    lethe_buffer_release(&out);
}

static void test_xml_keeps_what_rules_name(void **state) {
    (void)state;
    expect_filtered("<a n='3' who='Dupont'><b>0.25</b><b>Dupont</b><c>x<b>1</b></c><!-- Dupont --><?pi Dupont?>Dupont<AOI12 n='4'/></a>",
                    "<a n=\"3\"><b>0.25</b><b/><AOI12/></a>");
    expect_filtered("<a xmlns='http://dupont.example/'/>", "<a/>");
    expect_filtered("<a n='3 Dupont'><![CDATA[Dupont]]></a>", "<a/>");
}

static void test_xml_refuses(void **state) {
    (void)state;
    lethe_buffer out;
    static const char *const bad[] = {"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "<a", "", "<unknown/>", "plain text"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(filter(bad[i], &out), LETHE_OK);
        lethe_buffer_release(&out);
    }
    char deep[1024] = "";
    for (unsigned i = 0; i < 100; i++) memcpy(deep + 3 * i, "<a>", 3);
    for (unsigned i = 0; i < 100; i++) memcpy(deep + 300 + 4 * i, "</a>", 5);
    assert_int_equal(filter(deep, &out), LETHE_UNSAFE);
    lethe_buffer_release(&out);
}

/* --- streams --- */

static void test_jpeg_check(void **state) {
    (void)state;
    static const uint8_t clean[] = {0xFF, 0xD8, 0xFF, 0xDD, 0, 4, 0,    2, 0xFF, 0xDA, 0,    8, 1,    1,
                                    0,    0,    63,   0,    1, 2, 0xFF, 0, 3,    0xFF, 0xD0, 4, 0xFF, 0xD9};
    static const uint8_t dirty[] = {0xFF, 0xD8, 0xFF, 0xFE, 0, 5, 'D', 'u', 'p', 0xFF, 0xDD, 0, 4,    0,    2,
                                    0xFF, 0xDA, 0,    8,    1, 1, 0,   0,   63,  0,    1,    2, 0xFF, 0xD9, 'x'};
    static const uint8_t long_table[] = {0xFF, 0xD8, 0xFF, 0xDD, 0, 7, 0, 2, 'D', 'u', 'p', 0xFF, 0xD9};
    lethe_stream_pieces pieces = {0};
    assert_int_equal(lethe_jpeg_check(clean, sizeof clean, &pieces, NULL), LETHE_OK);
    assert_int_equal(pieces.dropped_bytes, 0);
    assert_int_equal(pieces.keep[0].size, sizeof clean);
    assert_int_equal(lethe_jpeg_check(dirty, sizeof dirty, &pieces, NULL), LETHE_OK);
    assert_int_equal(pieces.dropped_bytes, 8); /* the comment and the byte behind the end */
    assert_int_equal(pieces.count, 2);
    assert_int_equal(lethe_jpeg_check(clean, sizeof clean - 2, &pieces, NULL), LETHE_MALFORMED);
    assert_int_equal(lethe_jpeg_check(dirty, 12, &pieces, NULL), LETHE_MALFORMED);
    assert_int_equal(lethe_jpeg_check(long_table, sizeof long_table, &pieces, NULL), LETHE_UNSAFE);
    assert_int_equal(lethe_jpeg_check(clean + 2, sizeof clean - 2, &pieces, NULL), LETHE_MALFORMED);
}

/* The tables of three components, of which each has a scan of its own: what the first scan does not name, another one does. */
static void test_jpeg_scans(void **state) {
    (void)state;
    static const uint8_t frame[] = {0xFF, 0xC0, 0, 17, 8, 0, 16, 0, 16, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0};
    static const uint8_t together[] = {0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 1, 2, 0xFF, 0xD9};
    uint8_t bytes[512] = {0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0};
    size_t size = 7 + 64;
    memset(bytes + 7, 1, 64);
    memcpy(bytes + size, frame, sizeof frame);
    size += sizeof frame;
    for (unsigned i = 0; i < 4; i++, size += 22) { /* DC 0, AC 0, DC 1, AC 1: one code of one bit */
        const uint8_t table[] = {0xFF, 0xC4, 0, 20, (uint8_t)((i & 1) << 4 | i >> 1), 1};
        memcpy(bytes + size, table, sizeof table);
    }
    const size_t head = size;
    for (uint8_t c = 1; c <= 3; c++, size += 12) {
        const uint8_t scan[] = {0xFF, 0xDA, 0, 8, 1, c, c == 1 ? 0 : 0x11, 0, 63, 0, 1, 2};
        memcpy(bytes + size, scan, sizeof scan);
    }
    memcpy(bytes + size, "\xFF\xD9", 2);
    lethe_stream_pieces pieces = {0};
    assert_int_equal(lethe_jpeg_check(bytes, size + 2, &pieces, NULL), LETHE_OK);
    assert_int_equal(pieces.dropped_bytes, 0);
    /* One scan of all of them: nothing uses the second two tables. */
    memcpy(bytes + head, together, sizeof together);
    assert_int_equal(lethe_jpeg_check(bytes, head + sizeof together, &pieces, NULL), LETHE_OK);
    assert_int_equal(pieces.dropped_bytes, 44);
}

static void test_packed_ends(void **state) {
    (void)state;
    /* LZW: clear, 7, "7 7", end: three bytes. Then three that nobody reads. */
    static const uint8_t lzw[] = {0x80, 0x01, 0xE0, 0x50, 0x10, 'D', 'u', 'p'};
    static const uint8_t packbits[] = {2, 'a', 'b', 'c', 0xFE, 'x', 'D', 'u', 'p'};                                      /* abcxxx */
    static const uint8_t deflated[] = {0x78, 0x9C, 0x4B, 0x4C, 0x4A, 0x06, 0x00, 0x02, 0x4D, 0x01, 0x27, 'D', 'u', 'p'}; /* abc */
    lethe_stream_pieces pieces = {0};
    assert_int_equal(lethe_packed_check(32773, packbits, sizeof packbits, 6, &pieces, NULL), LETHE_OK);
    assert_int_equal(pieces.dropped_bytes, 3);
    assert_int_equal(lethe_packed_check(8, deflated, sizeof deflated, 3, &pieces, NULL), LETHE_OK);
    assert_int_equal(pieces.dropped_bytes, 3);
    assert_int_equal(lethe_packed_check(5, lzw, sizeof lzw, 3, &pieces, NULL), LETHE_OK);
    assert_int_equal(pieces.dropped_bytes, 3);
    assert_int_equal(lethe_packed_check(8, deflated, 5, 3, &pieces, NULL), LETHE_MALFORMED);
    assert_int_equal(lethe_packed_check(32773, packbits, 3, 6, &pieces, NULL), LETHE_MALFORMED);
    assert_int_equal(lethe_packed_check(5, (const uint8_t *)"\xFF\xFF\xFF", 3, 6, &pieces, NULL), LETHE_MALFORMED);
}

/* --- mapping --- */

static lethe_status load_mapping(const char *text, lethe_slide_mapping **mapping, lethe_error *error) {
    char path[] = "/tmp/lethe-mapping-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    lethe_status status = lethe_slide_mapping_load(path, mapping, error);
    (void)unlink(path);
    return status;
}

static void test_mapping(void **state) {
    (void)state;
    lethe_slide_mapping *mapping = NULL;
    assert_int_equal(
        load_mapping("\xEF\xBB\xBFslide,patient_id,issuer,pseudonym,barcode\r\nS12-1.svs,4711,CHU,,\r\n\"S12,2\",,,P-0007,B9\n", &mapping, NULL),
        LETHE_OK);
    assert_int_equal(lethe_slide_mapping_count(mapping), 2);
    assert_null(lethe_slide_mapping_find(mapping, "S12-1.ndpi", NULL)); /* the row has an extension: another one is another slide */
    const lethe_slide_mapping_row *row = lethe_slide_mapping_find(mapping, "batch 1/S12-1.svs", NULL);
    assert_non_null(row);
    assert_string_equal(row->patient_id, "4711");
    assert_string_equal(row->issuer, "CHU");
    row = lethe_slide_mapping_find(mapping, "S12,2.ome.tiff", NULL);
    assert_non_null(row);
    assert_string_equal(row->pseudonym, "P-0007");
    assert_ptr_equal(lethe_slide_mapping_find(mapping, NULL, "B9"), row);
    assert_null(lethe_slide_mapping_find(mapping, "S12", "B"));
    lethe_slide_mapping_destroy(mapping);
    /* Folders: the row with more of them is meant; a folder's border is one. */
    assert_int_equal(load_mapping("slide,pseudonym\na,P-1\nx/a,P-2\ny/x/a.svs,P-3\nb.c,P-4\n", &mapping, NULL), LETHE_OK);
    static const struct {
        const char *name, *pseudonym;
    } cases[] = {{"a.svs", "P-1"},    {"z/a.svs", "P-1"},  {"x/a.svs", "P-2"}, {"y/x/a.svs", "P-3"},
                 {"xx/a.svs", "P-1"}, {"b.c.mrxs", "P-4"}, {"b.c", "P-4"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        row = lethe_slide_mapping_find(mapping, cases[i].name, NULL);
        assert_non_null(row);
        assert_string_equal(row->pseudonym, cases[i].pseudonym);
    }
    assert_null(lethe_slide_mapping_find(mapping, "aa.svs", NULL));
    assert_null(lethe_slide_mapping_find(mapping, "b.svs", NULL));
    /* Rows that fit nothing, with their lines. */
    char lines[64];
    assert_int_equal(lethe_slide_mapping_note_input(mapping, "q/a.svs", NULL), LETHE_OK);
    assert_int_equal(lethe_slide_mapping_check_inputs(mapping, NULL), LETHE_OK);
    lethe_slide_mapping_note_used(mapping, 1);
    assert_int_equal(lethe_slide_mapping_unused(mapping, false, lines, sizeof lines), 3);
    assert_string_equal(lines, "3, 4, 5");
    assert_int_equal(lethe_slide_mapping_note_input(mapping, "r/a.txt", NULL), LETHE_OK); /* a side file is no slide */
    assert_int_equal(lethe_slide_mapping_check_inputs(mapping, NULL), LETHE_OK);
    assert_int_equal(lethe_slide_mapping_note_input(mapping, "r/a.svs", NULL), LETHE_OK);
    assert_int_equal(lethe_slide_mapping_check_inputs(mapping, NULL), LETHE_CONFIG);
    lethe_slide_mapping_destroy(mapping);
    static const char *const bad[] = {"slide\nx\n",
                                      "slide,pseudonym\nx,../etc\n",
                                      "slide,patient_id\nx,\n",
                                      "slide,patient_id\nx,1\nx,2\n",
                                      "barcode,patient_id\nx,1\nx,2\n",
                                      "slide,patient_id\n\"x,1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lethe_error error = {0};
        assert_int_equal(load_mapping(bad[i], &mapping, &error), LETHE_CONFIG);
        assert_null(mapping);
        assert_non_null(strstr(error.message, "slide mapping"));
    }
}

/* --- ICC --- */

static void put_be32(uint8_t *at, uint32_t value) {
    for (unsigned i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Two tags: a description and the red primary. Returns the size. */
static size_t make_profile(const char *text, uint8_t out[512]) {
    memset(out, 0, 512);
    const size_t length = strlen(text), desc = 12 + length + 1 + 8 + 3 + 67, xyz = 156 + ((desc + 3) & ~(size_t)3), size = xyz + 20;
    out[8] = 2;
    memcpy(out + 36, "acsp", 4);
    put_be32(out, (uint32_t)size);
    put_be32(out + 128, 2);
    memcpy(out + 132, "desc", 4), put_be32(out + 136, 156), put_be32(out + 140, (uint32_t)desc);
    memcpy(out + 144, "rXYZ", 4), put_be32(out + 148, (uint32_t)xyz), put_be32(out + 152, 20);
    memcpy(out + 156, "desc", 4), put_be32(out + 164, (uint32_t)length + 1);
    memcpy(out + 168, text, length);
    memcpy(out + xyz, "XYZ ", 4), put_be32(out + xyz + 8, 0x6FA2), put_be32(out + xyz + 12, 0x38F5), put_be32(out + xyz + 16, 0x0390);
    return size;
}

static void test_icc_profiles(void **state) {
    (void)state;
    static const uint8_t red[] = {'X', 'Y', 'Z', ' ', 0, 0, 0, 0, 0, 0, 0x6F, 0xA2, 0, 0, 0x38, 0xF5, 0, 0, 3, 0x90};
    uint8_t profile[512];
    const uint8_t *out = NULL;
    size_t out_size = 0;
    lethe_slide_result result = {0};
    lethe_slide_job job = {.result = &result, .arena = lethe_arena_create(1 << 20)};
    assert_non_null(job.arena);
    assert_int_equal(lethe_search_create(&job.search, NULL), LETHE_OK);
    size_t size = make_profile("sRGB IEC61966-2.1", profile);
    assert_int_equal(lethe_icc_clean(&job, profile, size, &out, &out_size, NULL), LETHE_OK);
    assert_ptr_equal(out, profile); /* a public text: the same bytes */
    assert_int_equal(out_size, size);
    size = make_profile("Scanner of Dr Dupont", profile);
    assert_int_equal(lethe_icc_clean(&job, profile, size, &out, &out_size, NULL), LETHE_OK);
    assert_ptr_not_equal(out, profile);
    assert_null(memmem(out, out_size, "Dupont", 6));
    assert_non_null(memmem(out, out_size, red, sizeof red)); /* the colours stay exactly */
    assert_int_equal(result.removed_count, 1);
    assert_string_equal(result.removed[0], "Scanner of Dr Dupont");
    const uint8_t *again = NULL;
    size_t again_size = 0;
    assert_int_equal(lethe_icc_clean(&job, out, out_size, &again, &again_size, NULL), LETHE_OK);
    assert_ptr_equal(again, out); /* clean already */
    put_be32(profile + 136, 5000);
    assert_int_equal(lethe_icc_clean(&job, profile, size, &out, &out_size, NULL), LETHE_MALFORMED);
    lethe_slide_result_release(&result);
    lethe_search_destroy(job.search);
    lethe_arena_destroy(job.arena);
}

static void remember_code(void *context, const char *text) { (void)snprintf(context, 64, "%s", text); }

static void test_label_is_drawn(void **state) {
    (void)state;
    lethe_image picture = {0};
    char code[64] = "";
    assert_int_equal(lethe_label_draw("S-ABCDEFGH12345678", 400, 400, &picture, NULL), LETHE_OK);
    size_t black = 0;
    for (size_t i = 0; i < 400 * 400; i++) black += picture.pixels[4 * i] == 0;
    assert_in_range(black, 1000, 40000);
    assert_int_equal(lethe_barcode_read(&picture, remember_code, code, NULL), LETHE_OK);
    assert_string_equal(code, ""); /* letters are no bar code */
    lethe_image_release(&picture);
}

/* --- regions --- */

static void test_masks(void **state) {
    (void)state;
    lethe_slide_region r[2];
    size_t count = 9;
    assert_true(lethe_slide_mask_parse("none", r, 2, &count));
    assert_int_equal(count, 0);
    assert_true(lethe_slide_mask_parse("10,20,30,40 120000,5,1,1", r, 2, &count));
    assert_int_equal(count, 2);
    assert_int_equal(r[1].x_l0, 120000);
    assert_int_equal(r[0].height_l0, 40);
    assert_false(lethe_slide_mask_parse("1,2,3", r, 2, &count));
    assert_false(lethe_slide_mask_parse("1,2,0,4", r, 2, &count));
    assert_false(lethe_slide_mask_parse("-1,2,3,4", r, 2, &count));
    assert_false(lethe_slide_mask_parse("1,2,3,4;1,2,3,4", r, 2, &count));
    assert_false(lethe_slide_mask_parse("1,2,3,4 1,2,3,4 1,2,3,4", r, 2, &count));
    assert_false(lethe_slide_mask_parse("99999999999,2,3,4", r, 2, &count));
}

static void test_regions_on_levels(void **state) {
    (void)state;
    const lethe_slide_region region = {1000, 2000, 400, 100};
    lethe_level_box box;
    assert_true(lethe_region_on_level(&region, 8000, 8000, 8000, 8000, false, &box));
    assert_true(box.x == 1000 && box.y == 2000 && box.width == 400 && box.height == 100);
    assert_true(lethe_region_on_level(&region, 8000, 8000, 2000, 2000, false, &box)); /* one pixel more all round */
    assert_true(box.x == 249 && box.y == 499 && box.width == 102 && box.height == 27);
    const lethe_slide_region outside = {9000, 0, 10, 10}, edge = {7990, 7990, 100, 100};
    assert_false(lethe_region_on_level(&outside, 8000, 8000, 8000, 8000, false, &box));
    assert_true(lethe_region_on_level(&edge, 8000, 8000, 8000, 8000, false, &box));
    assert_true(box.width == 10 && box.height == 10);
}

/* A JPEG 2000 tile: black inside the box, every sample outside as it was. */
static void test_region_in_jpeg_2000(void **state) {
    (void)state;
    enum { SIDE = 64 };
    lethe_image image = {.columns = SIDE, .rows = SIDE, .samples = 3, .bytes_per_sample = 1, .bits_stored = 8}, after = image;
    const lethe_codec_traits traits = {.precision = 8, .colour_transformed = true};
    lethe_codec_traits again = {0};
    lethe_buffer stream, redacted;
    lethe_buffer_init(&stream, 1 << 20);
    lethe_buffer_init(&redacted, 1 << 20);
    assert_int_equal(lethe_image_allocate(&image, NULL), LETHE_OK);
    assert_int_equal(lethe_image_allocate(&after, NULL), LETHE_OK);
    for (size_t i = 0; i < sizeof(uint8_t[SIDE][SIDE][3]); i++) image.pixels[i] = (uint8_t)(i * 37 % 251 + 1);
    assert_int_equal(lethe_j2k_encode(&image, &traits, &stream, NULL), LETHE_OK);
    const lethe_level_box box = {-5, 10, 25, 8};
    const lethe_region_tile tile = {.compression = LETHE_TIFF_APERIO_J2K_RGB,
                                    .bytes = stream.bytes,
                                    .size = stream.size,
                                    .width_px = SIDE,
                                    .height_px = SIDE,
                                    .samples = 3,
                                    .bits = 8,
                                    .boxes = &box,
                                    .box_count = 1};
    assert_int_equal(lethe_region_redact_tile(&tile, &redacted, NULL), LETHE_OK);
    assert_int_equal(lethe_j2k_decode(redacted.bytes, redacted.size, &after, &again, NULL), LETHE_OK);
    for (unsigned y = 0; y < SIDE; y++)
        for (unsigned x = 0; x < SIDE; x++) {
            const uint8_t *old = image.pixels + (y * SIDE + x) * 3, *new = after.pixels + (y * SIDE + x) * 3;
            bool inside = x < 20 && y >= 10 && y < 18;
            for (unsigned s = 0; s < 3; s++) assert_int_equal(new[s], inside ? 0 : old[s]);
        }
    lethe_image_release(&image);
    lethe_image_release(&after);
    lethe_buffer_release(&stream);
    lethe_buffer_release(&redacted);
}

static void test_streams_are_measured(void **state) {
    (void)state;
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF, 0xFF, 0xFE, 0, 4, 'h', 'i', 0xFF, 0xC0, 0, 17, 8, 1, 44, 2, 88, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    lethe_stream_size size;
    assert_true(lethe_stream_measure(jpeg, sizeof jpeg, &size));
    assert_true(size.height_px == 300 && size.width_px == 600 && size.samples == 3);
    assert_false(lethe_stream_measure(jpeg, 12, &size));
    assert_false(lethe_stream_measure((const uint8_t *)"no picture", 10, &size));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typed_values),
        cmocka_unit_test(test_search_finds_every_spelling),
        cmocka_unit_test(test_search_of_short_values),
        cmocka_unit_test(test_search_of_streams),
        cmocka_unit_test(test_xml_keeps_what_rules_name),
        cmocka_unit_test(test_xml_refuses),
        cmocka_unit_test(test_jpeg_check),
        cmocka_unit_test(test_jpeg_scans),
        cmocka_unit_test(test_packed_ends),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_icc_profiles),
        cmocka_unit_test(test_label_is_drawn),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_regions_on_levels),
        cmocka_unit_test(test_region_in_jpeg_2000),
        cmocka_unit_test(test_streams_are_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
