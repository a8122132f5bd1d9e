/* Hostile and odd files: each gives the error it should, with tag and offset, or the tree it should. */
#include "core/memory.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define IVR_SOP                                                                                                                                      \
    "\x08\0\x16\0\x04\0\0\0"                                                                                                                         \
    "1.2\0"
#define ITEM "\xFE\xFF\0\xE0"
#define ITEM_END "\xFE\xFF\x0D\xE0\0\0\0\0"
#define SEQUENCE_END "\xFE\xFF\xDD\xE0\0\0\0\0"
#define UNDEFINED_LENGTH "\xFF\xFF\xFF\xFF"

typedef struct bad_file {
    const char *why;
    const char *bytes;
    size_t size;
    lethe_status status;
    const char *message; /* part of it */
} bad_file;

#define FILE_OF(text) text, sizeof text - 1

static const bad_file bad_files[] = {
    {"nothing", FILE_OF(""), LETHE_MALFORMED, "not DICOM"},
    {"text", FILE_OF("Hello, this is not an image at all."), LETHE_MALFORMED, "not DICOM"},
    {"value past the end",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\x10\0\x10\0PN\x50\0X"),
     LETHE_MALFORMED, "(0010,0010) at offset 18"},
    {"32-bit length past the end",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\x10\0\x10\0UT\0\0\xF0\xFF\xFF\xFFX"),
     LETHE_MALFORMED, "(0010,0010) at offset 18"},
    {"no VR",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\x10\0\x10\0\1\2\x04\0ABCD"),
     LETHE_MALFORMED, "(0010,0010) at offset 18: no value representation"},
    {"delimiter at top level",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100" ITEM_END),
     LETHE_MALFORMED, "(FFFE,E00D) at offset 18"},
    {"sequence without end", FILE_OF(IVR_SOP "\x08\0\x40\x11" UNDEFINED_LENGTH), LETHE_MALFORMED, "(0008,1140) at offset 20: a delimiter is missing"},
    {"item longer than its sequence",
     FILE_OF(IVR_SOP "\x08\0\x40\x11\x08\0\0\0" ITEM "\x09\0\0\0"
                     "123456789"),
     LETHE_MALFORMED, "(0008,1140) at offset 20: an item is longer"},
    {"element longer than its item",
     FILE_OF(IVR_SOP "\x08\0\x40\x11\x14\0\0\0" ITEM "\x0C\0\0\0\x08\0\x55\x11\x05\0\0\0"
                     "12345678"),
     LETHE_MALFORMED, "(0008,1155) at offset 28"},
    {"no item in a sequence",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\x08\0\x40\x11SQ\0\0\x08\0\0\0\x08\0\x55\x11UI\0\0"),
     LETHE_MALFORMED, "(0008,1155) at offset 30: an item was expected"},
    {"undefined length of text",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\x08\0\x40\x11UT\0\0" UNDEFINED_LENGTH),
     LETHE_MALFORMED, "undefined length"},
    {"fragment of undefined length",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\xE0\x7F\x10\0OB\0\0" UNDEFINED_LENGTH ITEM UNDEFINED_LENGTH),
     LETHE_MALFORMED, "a fragment has undefined length"},
    {"fragments without end",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\xE0\x7F\x10\0OB\0\0" UNDEFINED_LENGTH ITEM "\0\0\0\0"),
     LETHE_MALFORMED, "a delimiter is missing"},
    {"command group",
     FILE_OF("\x08\0\x05\0"
             "CS\x0A\0ISO_IR 100\0\0\0\0UL\x04\0\1\2\3\4"),
     LETHE_MALFORMED, "(0000,0000) at offset 18"},
};

static lethe_status parse(const void *bytes, size_t size, lethe_arena *arena, lethe_dicom_dataset **dataset, lethe_error *error) {
    return lethe_dicom_dataset_parse(bytes, size, arena, dataset, error);
}

static void hostile_files_are_refused_with_tag_and_offset(void **state) {
    (void)state;
    for (size_t row = 0; row < sizeof bad_files / sizeof bad_files[0]; row++) {
        const bad_file *file = &bad_files[row];
        lethe_arena *arena = lethe_arena_create(1 << 20);
        lethe_dicom_dataset *dataset = NULL;
        lethe_error error = {0};
        /* A copy of the exact size, so that a read past the end shows under AddressSanitizer. */
        uint8_t *copy = lethe_alloc(file->size);
        if (file->size != 0) memcpy(copy, file->bytes, file->size);
        lethe_status status = parse(copy, file->size, arena, &dataset, &error);
        if (status != file->status || strstr(error.message, file->message) == NULL) fail_msg("%s: %d %s", file->why, (int)status, error.message);
        assert_null(dataset);
        lethe_free(copy);
        lethe_arena_destroy(arena);
    }
}

static void every_prefix_of_a_file_is_safe(void **state) {
    (void)state;
    static const char whole[] = "\x08\0\x05\0"
                                "CS\x0A\0ISO_IR 100\x08\0\x40\x11SQ\0\0" UNDEFINED_LENGTH ITEM UNDEFINED_LENGTH "\x08\0\x55\x11UI\x04\0"
                                "1.2\0" ITEM_END ITEM "\x0C\0\0\0\x08\0\x55\x11UI\x04\0"
                                "1.2\0" SEQUENCE_END "\x09\0\x10\0LO\x04\0"
                                "ACME\x09\0\x01\x10UN\0\0" UNDEFINED_LENGTH ITEM "\x0C\0\0\0\x08\0\x55\x11\x04\0\0\0"
                                "1.2\0" SEQUENCE_END "\xE0\x7F\x10\0OB\0\0" UNDEFINED_LENGTH ITEM "\0\0\0\0" ITEM "\x02\0\0\0ab" SEQUENCE_END;
    for (size_t size = 0; size < sizeof whole; size++) {
        lethe_arena *arena = lethe_arena_create(1 << 20);
        lethe_dicom_dataset *dataset = NULL;
        uint8_t *copy = lethe_alloc(size);
        if (size != 0) memcpy(copy, whole, size);
        lethe_status status = parse(copy, size, arena, &dataset, NULL);
        assert_true(status == LETHE_OK || status == LETHE_MALFORMED);
        if (size == sizeof whole - 1) assert_int_equal(status, LETHE_OK);
        lethe_dicom_dataset_release(dataset);
        lethe_free(copy);
        lethe_arena_destroy(arena);
    }
}

static void deep_nesting_is_a_limit_not_a_crash(void **state) {
    (void)state;
    lethe_buffer file;
    lethe_buffer_init(&file, 1 << 22);
    assert_int_equal(lethe_buffer_append(&file, IVR_SOP, 12, NULL), LETHE_OK);
    for (int depth = 0; depth < 20000; depth++)
        assert_int_equal(lethe_buffer_append(&file, "\x08\0\x40\x11" UNDEFINED_LENGTH ITEM UNDEFINED_LENGTH, 16, NULL), LETHE_OK);
    lethe_arena *arena = lethe_arena_create(1 << 24);
    lethe_dicom_dataset *dataset = NULL;
    lethe_error error = {0};
    assert_int_equal(parse(file.bytes, file.size, arena, &dataset, &error), LETHE_LIMIT);
    assert_non_null(strstr(error.message, "nested deeper"));
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
}

static void many_elements_end_at_the_arena(void **state) {
    (void)state;
    lethe_buffer file;
    lethe_buffer_init(&file, 1 << 24);
    assert_int_equal(lethe_buffer_append(&file, IVR_SOP, 12, NULL), LETHE_OK);
    for (int count = 0; count < 100000; count++) assert_int_equal(lethe_buffer_append(&file, "\x08\0\x18\0\0\0\0\0", 8, NULL), LETHE_OK);
    lethe_arena *arena = lethe_arena_create(1 << 20);
    lethe_dicom_dataset *dataset = NULL;
    assert_int_equal(parse(file.bytes, file.size, arena, &dataset, NULL), LETHE_LIMIT);
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
}

static void sequences_hide_in_un(void **state) {
    (void)state;
    /* Explicit big endian; UN of undefined and of defined length with implicit little endian items inside (PS3.5 6.2.2). */
    static const char bytes[] = "\0\x08\0\x05"
                                "CS\0\x0AISO_IR 100\0\x08\x11\x40UN\0\0" UNDEFINED_LENGTH ITEM UNDEFINED_LENGTH "\x08\0\x50\x11\x04\0\0\0"
                                "1.2\0" ITEM_END SEQUENCE_END "\0\x09\0\x10LO\0\x04"
                                "ACME\0\x09\x10\x01UN\0\0\0\0\0\x14" ITEM "\x0C\0\0\0\x10\0\x10\0\x04\0\0\0"
                                "DUPO";
    lethe_arena *arena = lethe_arena_create(1 << 20);
    lethe_dicom_dataset *dataset = NULL;
    lethe_error error = {0};
    lethe_status status = parse(bytes, sizeof bytes - 1, arena, &dataset, &error);
    if (status != LETHE_OK) fail_msg("%s", error.message);
    assert_true(dataset->encoding.big_endian);
    const lethe_dicom_element *sequence = lethe_dicom_find(dataset->root, LETHE_TAG(0x0008, 0x1140));
    assert_non_null(sequence);
    assert_int_equal(sequence->form, LETHE_DICOM_SEQUENCE);
    assert_int_equal(sequence->vr, LETHE_VR_UN);
    assert_false(sequence->items->encoding.explicit_vr);
    assert_false(sequence->items->encoding.big_endian);
    char text[16];
    assert_true(lethe_dicom_text(sequence->items, LETHE_TAG(0x0008, 0x1150), 0, text, sizeof text));
    assert_string_equal(text, "1.2");
    const lethe_dicom_element *hidden = lethe_dicom_find_private(dataset->root, 0x0009, "ACME", 0x01);
    assert_non_null(hidden);
    assert_true(lethe_dicom_text(hidden->items, LETHE_TAG(0x0010, 0x0010), 0, text, sizeof text));
    assert_string_equal(text, "DUPO");
    lethe_arena_destroy(arena);
}

static void values_are_read_in_their_order(void **state) {
    (void)state;
    static const lethe_dicom_encoding encodings[] = {{true, false}, {false, false}, {true, true}};
    for (int form = 0; form < 3; form++) {
        lethe_buffer file;
        lethe_buffer_init(&file, 1 << 16);
        lethe_dicom_encoding encoding = encodings[form];
        assert_int_equal(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0008, 0x0008), LETHE_VR_CS, "ORIGINAL\\ PRIMARY \\AXIAL", NULL),
                         LETHE_OK);
        assert_int_equal(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0020, 0x0013), LETHE_VR_IS, " +12 ", NULL), LETHE_OK);
        assert_int_equal(lethe_dicom_encode_us(&file, encoding, LETHE_TAG(0x0028, 0x0010), 0x0102, NULL), LETHE_OK);
        assert_int_equal(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0028, 0x0030), LETHE_VR_DS, "0.5\\-1.25e1", NULL), LETHE_OK);
        lethe_arena *arena = lethe_arena_create(1 << 20);
        lethe_dicom_dataset *dataset = NULL;
        assert_int_equal(parse(file.bytes, file.size, arena, &dataset, NULL), LETHE_OK);
        char text[16];
        int64_t integer = 0;
        double number = 0;
        assert_true(lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0008), 1, text, sizeof text));
        assert_string_equal(text, "PRIMARY");
        assert_false(lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0008), 3, text, sizeof text));
        assert_int_equal(lethe_dicom_multiplicity(lethe_dicom_find(dataset->root, LETHE_TAG(0x0008, 0x0008))), 3);
        assert_true(lethe_dicom_int(dataset->root, LETHE_TAG(0x0020, 0x0013), 0, &integer));
        assert_int_equal(integer, 12);
        assert_true(lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0010), 0, &integer));
        assert_int_equal(integer, 0x0102);
        assert_true(lethe_dicom_double(dataset->root, LETHE_TAG(0x0028, 0x0030), 1, &number));
        assert_true(number == -12.5);
        assert_false(lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0030), 0, &integer));
        lethe_arena_destroy(arena);
        lethe_buffer_release(&file);
    }
}

static void allocation_failures_are_reported(void **state) {
    (void)state;
    static const char bytes[] = "\x08\0\x05\0"
                                "CS\x0A\0ISO_IR 100\x10\0\x10\0PN\x04\0"
                                "A^BC";
    for (uint64_t nth = 1; nth < 10; nth++) {
        lethe_memory_fail_at(nth);
        lethe_arena *arena = lethe_arena_create(1 << 20);
        lethe_dicom_dataset *dataset = NULL;
        lethe_status status = arena == NULL ? LETHE_NO_MEMORY : parse(bytes, sizeof bytes - 1, arena, &dataset, NULL);
        lethe_memory_fail_at(0);
        if (status == LETHE_OK) assert_non_null(dataset);
        else assert_true(status == LETHE_NO_MEMORY || status == LETHE_LIMIT);
        lethe_arena_destroy(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_files_are_refused_with_tag_and_offset),
        cmocka_unit_test(every_prefix_of_a_file_is_safe),
        cmocka_unit_test(deep_nesting_is_a_limit_not_a_crash),
        cmocka_unit_test(many_elements_end_at_the_arena),
        cmocka_unit_test(sequences_hide_in_un),
        cmocka_unit_test(values_are_read_in_their_order),
        cmocka_unit_test(allocation_failures_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
