/* An empty edit script gives back every file byte for byte, and so does one that patches every value with itself (which makes the writer rebuild
 * every header, length and delimiter). Without arguments: generated files of every form. With arguments: files and folders; a line
 * "unreadable<TAB>path<TAB>why" for each file that cannot be parsed (tests/cases/imaging_round_trip.sh compares them with what must be so). */
#include "core/file.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static bool patch_with_itself(void *context, const lethe_dicom_element *element) {
    lethe_edit_script *script = context;
    size_t size = element->value_bytes < 1000 ? (size_t)element->value_bytes : 1000;
    if (element->form == LETHE_DICOM_LEAF && size != 0) return lethe_edit_patch(script, element, 0, element->value, size, "test", NULL) == LETHE_OK;
    return true;
}

typedef enum outcome { SAME, DIFFERENT, UNREADABLE } outcome;

static outcome round_trip(const uint8_t *bytes, size_t size, int fd, bool patched, bool right_meta, lethe_error *error) {
    outcome result = UNREADABLE;
    lethe_dicom_dataset *dataset = NULL;
    lethe_output *output = NULL;
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)2 << 30);
    char path[] = "/tmp/lethe-round-trip-XXXXXX";
    int scratch = mkstemp(path);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (scratch < 0 || arena == NULL || lethe_dicom_dataset_parse(bytes, size, arena, &dataset, error) != LETHE_OK) goto out;
    result = DIFFERENT;
    lethe_edit_script *script = lethe_edit_script_create(dataset);
    if (script == NULL) goto out;
    if (patched) {
        /* The writer puts a wrong or missing group length of the file meta right, so the meta of real files is left alone. */
        if (right_meta) lethe_dicom_visit(dataset->meta, patch_with_itself, script);
        if (!dataset->deflated) lethe_dicom_visit(dataset->root, patch_with_itself, script);
    }
    if (fd >= 0) {
        if (lethe_output_create(path, &output, error) != LETHE_OK || lethe_edit_write(script, fd, output, error) != LETHE_OK) goto out;
        lethe_output *committing = output;
        output = NULL;
        if (lethe_output_commit(committing, 0600, LETHE_SYNC_NONE, error) != LETHE_OK || lethe_file_read(path, &out, error) != LETHE_OK) goto out;
    } else if (lethe_edit_write_buffer(script, &out, error) != LETHE_OK) {
        goto out;
    }
    if (out.size == size && (size == 0 || memcmp(out.bytes, bytes, size) == 0)) result = SAME;
out:
    lethe_output_discard(output);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_buffer_release(&out);
    if (scratch >= 0) {
        (void)close(scratch);
        (void)unlink(path);
    }
    return result;
}

/* --- over real files --- */

typedef struct tally {
    unsigned same, different, unreadable;
} tally;

static lethe_status visit_file(void *context, const char *path, const char *relative, lethe_error *error) {
    tally *counts = context;
    lethe_map map = {.fd = -1};
    (void)relative;
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    lethe_error reason = {0};
    outcome result = round_trip(map.bytes, map.size, map.fd, false, false, &reason);
    if (result == SAME) result = round_trip(map.bytes, map.size, -1, true, false, &reason);
    if (result == SAME) counts->same++;
    else if (result == UNREADABLE) counts->unreadable++;
    else counts->different++;
    if (result != SAME) printf("%s\t%s\t%s\n", result == UNREADABLE ? "unreadable" : "DIFFERENT", path, reason.message);
    lethe_map_close(&map);
    return LETHE_OK;
}

/* --- generated --- */

static const lethe_dicom_encoding encodings[] = {{true, false}, {false, false}, {true, true}};

static void add_text(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, const char *text) {
    assert_int_equal(lethe_dicom_encode_text(out, encoding, tag, vr, text, NULL), LETHE_OK);
}

static void add_body(lethe_buffer *out, lethe_dicom_encoding encoding) {
    add_text(out, encoding, LETHE_TAG(0x0008, 0x0016), LETHE_VR_UI, "1.2.840.10008.5.1.4.1.1.2");
    add_text(out, encoding, LETHE_TAG(0x0008, 0x0018), LETHE_VR_UI, "1.2.3.4");
    assert_int_equal(lethe_dicom_encode_sequence_begin(out, encoding, LETHE_TAG(0x0008, 0x1111), NULL), LETHE_OK);
    for (int item = 0; item < 3; item++) {
        assert_int_equal(lethe_dicom_encode_item_begin(out, encoding, NULL), LETHE_OK);
        add_text(out, encoding, LETHE_TAG(0x0008, 0x1155), LETHE_VR_UI, "1.2.3");
        assert_int_equal(lethe_dicom_encode_sequence_begin(out, encoding, LETHE_TAG(0x0040, 0xA170), NULL), LETHE_OK);
        assert_int_equal(lethe_dicom_encode_sequence_end(out, encoding, NULL), LETHE_OK);
        assert_int_equal(lethe_dicom_encode_item_end(out, encoding, NULL), LETHE_OK);
    }
    assert_int_equal(lethe_dicom_encode_sequence_end(out, encoding, NULL), LETHE_OK);
    add_text(out, encoding, LETHE_TAG(0x0010, 0x0010), LETHE_VR_PN, "MARTIN^ALICE");
    add_text(out, encoding, LETHE_TAG(0x0011, 0x0010), LETHE_VR_LO, "ACME");
    add_text(out, encoding, LETHE_TAG(0x0011, 0x1001), LETHE_VR_UN, "private");
    assert_int_equal(lethe_dicom_encode_us(out, encoding, LETHE_TAG(0x0028, 0x0010), 4, NULL), LETHE_OK);
    assert_int_equal(lethe_dicom_encode(out, encoding, LETHE_TAG(0x7FE0, 0x0010), LETHE_VR_OW, "0123456789abcdef", 16, NULL), LETHE_OK);
}

static void check_same(const lethe_buffer *file) {
    lethe_error error = {0};
    for (int patched = 0; patched < 2; patched++) {
        outcome result = round_trip(file->bytes, file->size, -1, patched != 0, true, &error);
        if (result != SAME) fail_msg("%s", error.message);
    }
}

static void generated_files_come_back_the_same(void **state) {
    (void)state;
    static const char *const syntaxes[] = {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"};
    for (int form = 0; form < 3; form++) {
        for (int with_head = 0; with_head < 2; with_head++) {
            lethe_buffer file;
            lethe_buffer_init(&file, 1 << 20);
            if (with_head)
                assert_int_equal(lethe_dicom_encode_file_head(&file, "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4", syntaxes[form], NULL), LETHE_OK);
            add_body(&file, encodings[form]);
            check_same(&file);
            assert_int_equal(lethe_buffer_append(&file, "\0\0\0\0\0\0\0\0\0\0", 10, NULL), LETHE_OK); /* trailing */
            check_same(&file);
            lethe_buffer_release(&file);
        }
    }
}

static void encapsulated_and_odd_lengths(void **state) {
    (void)state;
    lethe_dicom_encoding encoding = encodings[0];
    lethe_buffer file;
    lethe_buffer_init(&file, 1 << 20);
    assert_int_equal(lethe_dicom_encode_file_head(&file, "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4", "1.2.840.10008.1.2.4.50", NULL), LETHE_OK);
    add_text(&file, encoding, LETHE_TAG(0x0008, 0x0016), LETHE_VR_UI, "1.2.840.10008.5.1.4.1.1.7");
    assert_int_equal(lethe_buffer_append(&file, "\x10\0\x10\0PN\x05\0ODD^X", 13, NULL), LETHE_OK);
    static const char fragments[] = "\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0\x03\0\0\0abc\xFE\xFF\xDD\xE0\0\0\0";
    assert_int_equal(lethe_buffer_append(&file, fragments, sizeof fragments, NULL), LETHE_OK);
    check_same(&file);
    lethe_buffer_release(&file);
}

static void deflated_comes_back_the_same(void **state) {
    (void)state;
    lethe_buffer file, body;
    lethe_buffer_init(&file, 1 << 20);
    lethe_buffer_init(&body, 1 << 20);
    add_body(&body, encodings[0]);
    assert_int_equal(lethe_dicom_encode_file_head(&file, "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4", "1.2.840.10008.1.2.1.99", NULL), LETHE_OK);
    uint8_t packed[4096];
    z_stream stream = {.next_in = body.bytes, .avail_in = (uInt)body.size, .next_out = packed, .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&stream), Z_OK);
    assert_int_equal(lethe_buffer_append(&file, packed, sizeof packed - stream.avail_out, NULL), LETHE_OK);
    assert_int_equal(lethe_buffer_append(&file, "\0\0\0", 3, NULL), LETHE_OK);
    check_same(&file);
    lethe_buffer_release(&body);
    lethe_buffer_release(&file);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        tally counts = {0};
        lethe_error error = {0};
        for (int argument = 1; argument < argc; argument++) {
            if (lethe_walk(argv[argument], visit_file, &counts, &error) != LETHE_OK) {
                fprintf(stderr, "%s\n", error.message);
                return 2;
            }
        }
        printf("same\t%u\ndifferent\t%u\nunreadable\t%u\n", counts.same, counts.different, counts.unreadable);
        return counts.different == 0 && counts.same != 0 ? 0 : 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_files_come_back_the_same),
        cmocka_unit_test(encapsulated_and_odd_lengths),
        cmocka_unit_test(deflated_comes_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
