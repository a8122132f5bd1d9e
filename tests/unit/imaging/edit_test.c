/* Edits at every depth, in every encoding. With arguments "IN OUT": the same edits on a file, for independent readers
 * (tests/interop/imaging_edit.sh). */
#include "core/memory.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { CAP = 1 << 22 };

typedef enum kind { EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED, ENCAPSULATED, KINDS } kind;

static const char *const syntaxes[KINDS] = {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
                                            "1.2.840.10008.1.2.4.50"};
static const lethe_dicom_encoding encodings[KINDS] = {{true, false}, {false, false}, {true, true}, {true, false}, {true, false}};

#define OK(call) assert_int_equal((call), LETHE_OK)

static void text(lethe_buffer *out, lethe_dicom_encoding encoding, uint16_t group, uint16_t element, lethe_vr vr, const char *value) {
    OK(lethe_dicom_encode_text(out, encoding, LETHE_TAG(group, element), vr, value, NULL));
}

/* A sequence of two items (names in each, and a sequence inside the first), with defined or undefined lengths. */
static void sequence(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, bool undefined) {
    lethe_buffer inner, first, second, items;
    lethe_buffer_init(&inner, CAP);
    lethe_buffer_init(&first, CAP);
    lethe_buffer_init(&second, CAP);
    lethe_buffer_init(&items, CAP);
    text(&inner, encoding, 0x0010, 0x0010, LETHE_VR_PN, "INNER^NAME");
    text(&inner, encoding, 0x0010, 0x0020, LETHE_VR_LO, "KEEP1");
    text(&first, encoding, 0x0008, 0x1150, LETHE_VR_UI, "1.2.3");
    text(&first, encoding, 0x0010, 0x0010, LETHE_VR_PN, "FIRST^NAME");
    lethe_tag item_tag = LETHE_TAG(0xFFFE, 0xE000);
    if (undefined) {
        OK(lethe_dicom_encode_sequence_begin(&first, encoding, LETHE_TAG(0x0040, 0x0275), NULL));
        OK(lethe_dicom_encode_item_begin(&first, encoding, NULL));
        OK(lethe_buffer_append(&first, inner.bytes, inner.size, NULL));
        OK(lethe_dicom_encode_item_end(&first, encoding, NULL));
        OK(lethe_dicom_encode_sequence_end(&first, encoding, NULL));
    } else {
        lethe_buffer wrapped;
        lethe_buffer_init(&wrapped, CAP);
        OK(lethe_dicom_encode(&wrapped, encoding, item_tag, LETHE_VR_NONE, inner.bytes, inner.size, NULL));
        OK(lethe_dicom_encode(&first, encoding, LETHE_TAG(0x0040, 0x0275), LETHE_VR_SQ, wrapped.bytes, wrapped.size, NULL));
        lethe_buffer_release(&wrapped);
    }
    text(&second, encoding, 0x0010, 0x0010, LETHE_VR_PN, "SECOND^NAME");
    const lethe_buffer *parts[] = {&first, &second};
    for (int part = 0; part < 2; part++) {
        if (undefined) {
            OK(lethe_dicom_encode_item_begin(&items, encoding, NULL));
            OK(lethe_buffer_append(&items, parts[part]->bytes, parts[part]->size, NULL));
            OK(lethe_dicom_encode_item_end(&items, encoding, NULL));
        } else {
            OK(lethe_dicom_encode(&items, encoding, item_tag, LETHE_VR_NONE, parts[part]->bytes, parts[part]->size, NULL));
        }
    }
    if (undefined) {
        OK(lethe_dicom_encode_sequence_begin(out, encoding, tag, NULL));
        OK(lethe_buffer_append(out, items.bytes, items.size, NULL));
        OK(lethe_dicom_encode_sequence_end(out, encoding, NULL));
    } else {
        OK(lethe_dicom_encode(out, encoding, tag, LETHE_VR_SQ, items.bytes, items.size, NULL));
    }
    lethe_buffer_release(&inner);
    lethe_buffer_release(&first);
    lethe_buffer_release(&second);
    lethe_buffer_release(&items);
}

static void make_file(lethe_buffer *file, kind which, bool with_head) {
    lethe_dicom_encoding encoding = encodings[which];
    lethe_buffer body;
    lethe_buffer_init(&body, CAP);
    if (with_head) OK(lethe_dicom_encode_file_head(file, "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4", syntaxes[which], NULL));
    text(&body, encoding, 0x0008, 0x0016, LETHE_VR_UI, "1.2.840.10008.5.1.4.1.1.7");
    text(&body, encoding, 0x0008, 0x0018, LETHE_VR_UI, "1.2.3.4");
    text(&body, encoding, 0x0008, 0x0060, LETHE_VR_CS, "OT");
    sequence(&body, encoding, LETHE_TAG(0x0008, 0x1140), true);
    sequence(&body, encoding, LETHE_TAG(0x0008, 0x1250), false);
    text(&body, encoding, 0x0010, 0x0010, LETHE_VR_PN, "OUTER^NAME");
    text(&body, encoding, 0x0010, 0x0020, LETHE_VR_LO, "PATIENT1");
    text(&body, encoding, 0x0010, 0x4000, LETHE_VR_LT, "DROP ME");
    OK(lethe_dicom_encode_us(&body, encoding, LETHE_TAG(0x0028, 0x0010), 4, NULL));
    if (which == ENCAPSULATED) {
        static const char fragments[] =
            "\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0\x04\0\0\0abcd\xFE\xFF\xDD\xE0\0\0\0";
        OK(lethe_buffer_append(&body, fragments, sizeof fragments, NULL));
    } else {
        OK(lethe_dicom_encode(&body, encoding, LETHE_TAG(0x7FE0, 0x0010), LETHE_VR_OW, "0123456789abcdef", 16, NULL));
    }
    if (which == DEFLATED) {
        uint8_t packed[4096];
        z_stream stream = {.next_in = body.bytes, .avail_in = (uInt)body.size, .next_out = packed, .avail_out = sizeof packed};
        assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        OK(lethe_buffer_append(file, packed, sizeof packed - stream.avail_out, NULL));
        assert_int_equal(deflateEnd(&stream), Z_OK);
    } else {
        OK(lethe_buffer_append(file, body.bytes, body.size, NULL));
    }
    lethe_buffer_release(&body);
}

static bool rename_person(void *context, const lethe_dicom_element *element) {
    lethe_edit_script *script = context;
    if (element->vr == LETHE_VR_PN || (element->vr == LETHE_VR_NONE && element->tag == LETHE_TAG(0x0010, 0x0010)))
        return lethe_edit_replace(script, element, 0, "X^LONGER NAME THAN BEFORE", 25, "rename", NULL) == LETHE_OK;
    return true;
}

/* Rename at every depth, drop an item and an element, insert into items, the root and the meta, replace a sequence. */
static lethe_status edit_all(lethe_edit_script *script, lethe_dicom_dataset *dataset, lethe_error *error) {
    const lethe_dicom_item *root = dataset->root;
    lethe_dicom_visit(root, rename_person, script);
    lethe_status status = LETHE_OK;
    const lethe_dicom_element *comments = lethe_dicom_find(root, LETHE_TAG(0x0010, 0x4000));
    if (comments != NULL) status = lethe_edit_drop(script, comments, "drop", error);
    static const lethe_tag sequences[] = {LETHE_TAG(0x0008, 0x1140), LETHE_TAG(0x0008, 0x1250)};
    for (int which = 0; which < 2 && status == LETHE_OK; which++) {
        const lethe_dicom_element *element = lethe_dicom_find(root, sequences[which]);
        if (element == NULL || element->item_count < 2) continue;
        status = lethe_edit_drop_item(script, element->items->next, "drop item", error);
        if (status == LETHE_OK)
            status = lethe_edit_insert(script, element->items, LETHE_TAG(0x0008, 0x1155), LETHE_VR_UI, "1.2.3.4.5", 9, "insert", error);
        const lethe_dicom_element *inner = lethe_dicom_find(element->items, LETHE_TAG(0x0040, 0x0275));
        if (status == LETHE_OK && inner != NULL && inner->items != NULL)
            status = lethe_edit_insert(script, inner->items, LETHE_TAG(0x0010, 0x0040), LETHE_VR_CS, "O", 1, "insert", error);
    }
    if (status == LETHE_OK) status = lethe_edit_insert(script, root, LETHE_TAG(0x0012, 0x0062), LETHE_VR_CS, "YES", 3, "insert", error);
    lethe_buffer items;
    lethe_buffer_init(&items, CAP);
    if (status == LETHE_OK) status = lethe_dicom_encode_item_begin(&items, dataset->encoding, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(&items, dataset->encoding, LETHE_TAG(0x0008, 0x0100), LETHE_VR_SH, "113100", error);
    if (status == LETHE_OK) status = lethe_dicom_encode_item_end(&items, dataset->encoding, error);
    if (status == LETHE_OK)
        status = lethe_edit_insert(script, root, LETHE_TAG(0x0012, 0x0064), LETHE_VR_SQ, items.bytes, items.size, "insert", error);
    lethe_buffer_release(&items);
    const lethe_dicom_element *instance = lethe_dicom_find(root, LETHE_TAG(0x0008, 0x0018));
    if (status == LETHE_OK && instance != NULL) status = lethe_edit_replace(script, instance, 0, "2.25.1", 6, "uid", error);
    lethe_edit_require_meta(script);
    lethe_edit_clear_preamble(script);
    return status;
}

static void check_text(const lethe_dicom_item *item, uint16_t group, uint16_t element, const char *expected) {
    char value[65];
    if (expected == NULL) {
        assert_null(lethe_dicom_find(item, LETHE_TAG(group, element)));
        return;
    }
    assert_true(lethe_dicom_text(item, LETHE_TAG(group, element), 0, value, sizeof value));
    assert_string_equal(value, expected);
}

static void check_sequence(const lethe_dicom_dataset *dataset, lethe_tag tag, bool undefined) {
    const lethe_dicom_element *element = lethe_dicom_find(dataset->root, tag);
    assert_non_null(element);
    assert_int_equal(element->undefined_length, undefined);
    assert_int_equal(element->item_count, 1);
    check_text(element->items, 0x0008, 0x1150, "1.2.3");
    check_text(element->items, 0x0008, 0x1155, "1.2.3.4.5");
    check_text(element->items, 0x0010, 0x0010, "X^LONGER NAME THAN BEFORE");
    const lethe_dicom_element *inner = lethe_dicom_find(element->items, LETHE_TAG(0x0040, 0x0275));
    assert_non_null(inner);
    check_text(inner->items, 0x0010, 0x0010, "X^LONGER NAME THAN BEFORE");
    check_text(inner->items, 0x0010, 0x0020, "KEEP1");
    check_text(inner->items, 0x0010, 0x0040, "O");
}

static void edits_at_every_depth_in_every_encoding(void **state) {
    (void)state;
    for (int which = 0; which < KINDS; which++) {
        for (int with_head = which >= DEFLATED; with_head < 2; with_head++) {
            lethe_buffer file, out;
            lethe_error error = {0};
            lethe_buffer_init(&file, CAP);
            lethe_buffer_init(&out, CAP);
            make_file(&file, (kind)which, with_head != 0);
            lethe_arena *arena = lethe_arena_create(CAP);
            lethe_dicom_dataset *dataset = NULL, *again = NULL;
            OK(lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, &error));
            lethe_edit_script *script = lethe_edit_script_create(dataset);
            assert_non_null(script);
            OK(edit_all(script, dataset, &error));
            OK(lethe_edit_write_buffer(script, &out, &error));
            if (lethe_dicom_dataset_parse(out.bytes, out.size, arena, &again, &error) != LETHE_OK) fail_msg("%d: %s", which, error.message);
            assert_true(again->has_preamble && again->has_meta);
            assert_string_equal(again->transfer_syntax, syntaxes[which]);
            assert_int_equal(again->trailing_bytes, 0);
            check_text(again->meta, 0x0002, 0x0002, "1.2.840.10008.5.1.4.1.1.7");
            check_text(again->meta, 0x0002, 0x0003, "2.25.1");
            int64_t group_length = 0;
            assert_true(lethe_dicom_int(again->meta, LETHE_TAG(2, 0), 0, &group_length));
            assert_int_equal((uint64_t)group_length, again->data_set_offset - 132 - 12);
            check_text(again->root, 0x0008, 0x0018, "2.25.1");
            check_text(again->root, 0x0010, 0x0010, "X^LONGER NAME THAN BEFORE");
            check_text(again->root, 0x0010, 0x0020, "PATIENT1");
            check_text(again->root, 0x0010, 0x4000, NULL);
            check_text(again->root, 0x0012, 0x0062, "YES");
            assert_true(again->root->ascending);
            const lethe_dicom_element *method = lethe_dicom_find(again->root, LETHE_TAG(0x0012, 0x0064));
            assert_non_null(method);
            check_text(method->items, 0x0008, 0x0100, "113100");
            check_sequence(again, LETHE_TAG(0x0008, 0x1140), true);
            check_sequence(again, LETHE_TAG(0x0008, 0x1250), false);
            const lethe_dicom_element *pixels = lethe_dicom_find(again->root, LETHE_TAG(0x7FE0, 0x0010));
            if (which == ENCAPSULATED) assert_int_equal(pixels->item_count, 2);
            else assert_memory_equal(pixels->value, "0123456789abcdef", 16);
            lethe_dicom_dataset_release(dataset);
            lethe_dicom_dataset_release(again);
            lethe_arena_destroy(arena);
            lethe_buffer_release(&file);
            lethe_buffer_release(&out);
        }
    }
}

typedef struct seen {
    char tags[512];
} seen;

static lethe_status note(void *context, const lethe_edit *edit, lethe_error *error) {
    (void)error;
    seen *list = context;
    size_t used = strlen(list->tags);
    (void)snprintf(list->tags + used, sizeof list->tags - used, "%d:%08x ", (int)edit->kind, edit->tag);
    return LETHE_OK;
}

static void a_later_edit_takes_the_place_and_visits_come_in_order(void **state) {
    (void)state;
    lethe_buffer file, out;
    lethe_buffer_init(&file, CAP);
    lethe_buffer_init(&out, CAP);
    make_file(&file, EXPLICIT_LITTLE, true);
    lethe_arena *arena = lethe_arena_create(CAP);
    lethe_dicom_dataset *dataset = NULL;
    OK(lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, NULL));
    lethe_edit_script *script = lethe_edit_script_create(dataset);
    const lethe_dicom_element *name = lethe_dicom_find(dataset->root, LETHE_TAG(0x0010, 0x0010));
    OK(lethe_edit_replace(script, name, 0, "A", 1, "first", NULL));
    OK(lethe_edit_drop(script, name, "second", NULL));
    OK(lethe_edit_insert(script, dataset->root, LETHE_TAG(0x0010, 0x0040), LETHE_VR_CS, "M", 1, "one", NULL));
    OK(lethe_edit_insert(script, dataset->root, LETHE_TAG(0x0010, 0x0040), LETHE_VR_CS, "F", 1, "two", NULL));
    OK(lethe_edit_insert(script, dataset->root, LETHE_TAG(0x0010, 0x0030), LETHE_VR_DA, "20000101", 8, "three", NULL));
    const lethe_dicom_element *id = lethe_dicom_find(dataset->root, LETHE_TAG(0x0010, 0x0020));
    OK(lethe_edit_keep(script, id, "kept", NULL));
    OK(lethe_edit_drop(script, id, "gone", NULL));
    OK(lethe_edit_keep(script, id, "kept after all", NULL));
    assert_int_equal(lethe_edit_find(script, name)->kind, LETHE_EDIT_DROP);
    assert_null(lethe_edit_find(script, dataset->root->first));
    seen list = {""};
    OK(lethe_edit_visit(script, note, &list, NULL));
    assert_string_equal(list.tags, "1:00100010 0:00100020 4:00100030 4:00100040 ");
    OK(lethe_edit_write_buffer(script, &out, NULL));
    lethe_dicom_dataset *again = NULL;
    OK(lethe_dicom_dataset_parse(out.bytes, out.size, arena, &again, NULL));
    check_text(again->root, 0x0010, 0x0010, NULL);
    check_text(again->root, 0x0010, 0x0020, "PATIENT1");
    check_text(again->root, 0x0010, 0x0040, "F");
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
    lethe_buffer_release(&out);
}

static void patches_and_values_too_long(void **state) {
    (void)state;
    lethe_buffer file, out;
    lethe_buffer_init(&file, CAP);
    lethe_buffer_init(&out, CAP);
    make_file(&file, EXPLICIT_LITTLE, true);
    lethe_arena *arena = lethe_arena_create(CAP);
    lethe_dicom_dataset *dataset = NULL;
    OK(lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, NULL));
    lethe_edit_script *script = lethe_edit_script_create(dataset);
    const lethe_dicom_element *pixels = lethe_dicom_find(dataset->root, LETHE_TAG(0x7FE0, 0x0010));
    OK(lethe_edit_patch(script, pixels, 10, "XY", 2, "mask", NULL));
    OK(lethe_edit_patch(script, pixels, 0, "Z", 1, "mask", NULL));
    assert_int_equal(lethe_edit_patch(script, pixels, 15, "ab", 2, "mask", NULL), LETHE_INTERNAL);
    assert_int_equal(lethe_edit_patch(script, pixels, UINT64_MAX, "ab", 2, "mask", NULL), LETHE_INTERNAL);
    OK(lethe_edit_write_buffer(script, &out, NULL));
    assert_int_equal(out.size, file.size);
    assert_memory_equal(out.bytes + out.size - 16, "Z123456789XYcdef", 16);
    uint8_t *large = lethe_alloc_array(70000, 1);
    assert_int_equal(lethe_edit_replace(script, lethe_dicom_find(dataset->root, LETHE_TAG(0x0010, 0x0020)), 0, large, 70000, "long", NULL),
                     LETHE_LIMIT);
    OK(lethe_edit_replace(script, lethe_dicom_find(dataset->root, LETHE_TAG(0x0010, 0x0020)), LETHE_VR_UT, large, 70000, "long", NULL));
    lethe_free(large);
    assert_int_equal(lethe_edit_transfer_syntax(script, "1.2.840.10008.1.2", NULL), LETHE_UNSUPPORTED);
    OK(lethe_edit_transfer_syntax(script, "1.2.840.10008.1.2.4.70", NULL));
    lethe_buffer_clear(&out);
    OK(lethe_edit_write_buffer(script, &out, NULL));
    lethe_dicom_dataset *again = NULL;
    OK(lethe_dicom_dataset_parse(out.bytes, out.size, arena, &again, NULL));
    assert_string_equal(again->transfer_syntax, "1.2.840.10008.1.2.4.70");
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
    lethe_buffer_release(&out);
}

static int edit_file(const char *from, const char *to) {
    lethe_map map = {.fd = -1};
    lethe_error error = {0};
    lethe_output *output = NULL;
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = lethe_map_open(from, &map, &error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, &error);
    lethe_edit_script *script = status == LETHE_OK ? lethe_edit_script_create(dataset) : NULL;
    if (status == LETHE_OK) status = edit_all(script, dataset, &error);
    if (status == LETHE_OK) status = lethe_output_create(to, &output, &error);
    if (status == LETHE_OK) status = lethe_edit_write(script, map.fd, output, &error);
    if (status == LETHE_OK) status = lethe_output_commit(output, 0644, LETHE_SYNC_NONE, &error);
    else lethe_output_discard(output);
    if (status != LETHE_OK) printf("%s: %s\n", from, error.message);
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    return status == LETHE_OK ? 0 : 1;
}

static int generate_files(const char *folder) {
    for (int which = 0; which < KINDS; which++) {
        lethe_buffer file;
        lethe_buffer_init(&file, CAP);
        make_file(&file, (kind)which, true);
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/made-%d.dcm", folder, which);
        lethe_status status = lethe_file_write(path, file.bytes, file.size, 0644, NULL);
        lethe_buffer_release(&file);
        if (status != LETHE_OK) return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2) return generate_files(argv[1]);
    if (argc == 3) return edit_file(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_at_every_depth_in_every_encoding),
        cmocka_unit_test(a_later_edit_takes_the_place_and_visits_come_in_order),
        cmocka_unit_test(patches_and_values_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
