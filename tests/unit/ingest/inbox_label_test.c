/* A row in a file: it comes back only from the very bytes and under the very name under which it was written. */
#include "ingest/inbox_label.h"

#include "core/file.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DATA_BYTES = 300 };

static char folder[] = "/tmp/lethe-label-XXXXXX";
static const char name[] = "inbox/20260131/1207/00112233445566778899aabbccddeeff.dcm";

typedef struct sample {
    char path[64];
    uint8_t bytes[LETHE_INBOX_HEADER_BYTES + DATA_BYTES];
    size_t size, label;
    lethe_item item;
} sample;

static int set_up(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state) {
    (void)state;
    return rmdir(folder);
}

static void make_with(sample *s, bool old) {
    const lethe_inbox_meta meta = {"1.2.840.10008.5.1.4.1.1.2", "2.25.1", "1.2.840.10008.1.2.1", "SENDER"};
    char header_sha256[65], check[65], label[LETHE_INBOX_LABEL_BYTES];
    lethe_inbox_check *made = NULL;
    memset(s, 0, sizeof *s);
    (void)snprintf(s->path, sizeof s->path, "%s/file", folder);
    size_t header = lethe_inbox_header(&meta, s->bytes, &s->label);
    for (size_t i = 0; i < DATA_BYTES; i++) s->bytes[header + i] = (uint8_t)(i * 7 + 1);
    s->size = header + DATA_BYTES;
    s->item = (lethe_item){.size_bytes = s->size, .received_us = 1769860020123456, .priority = -12};
    (void)snprintf(s->item.path, sizeof s->item.path, "%s", name);
    assert_int_equal(lethe_sha256_hex(s->bytes + header, DATA_BYTES, s->item.sha256, NULL), LETHE_OK);
    assert_int_equal(lethe_sha256_hex(s->bytes, s->label, header_sha256, NULL), LETHE_OK);
    assert_int_equal(lethe_inbox_check_create(name, &made, NULL), LETHE_OK);
    for (size_t i = 0; i < DATA_BYTES; i += 100) assert_int_equal(lethe_inbox_check_add(made, s->bytes + header + i, 100, NULL), LETHE_OK);
    assert_int_equal(lethe_inbox_check_end(made, check, NULL), LETHE_OK);
    lethe_inbox_check_destroy(made);
    assert_int_equal(lethe_inbox_label(&s->item, header_sha256, old ? s->item.sha256 : check, label, NULL), LETHE_OK);
    memcpy(s->bytes + s->label, label, sizeof label);
}

static void make(sample *s) { make_with(s, false); }

static bool reads(const sample *s, const char *row_path, lethe_item *item) {
    bool labelled = false;
    FILE *file = fopen(s->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(s->bytes, 1, s->size, file), s->size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(lethe_inbox_read_label(s->path, row_path, item, &labelled, NULL), LETHE_OK);
    assert_int_equal(unlink(s->path), 0);
    return labelled;
}

static void the_whole_row_comes_back(void **state) {
    (void)state;
    static sample s;
    static lethe_item back;
    make(&s);
    assert_true(reads(&s, name, &back));
    assert_string_equal(back.sop_class, "1.2.840.10008.5.1.4.1.1.2");
    assert_string_equal(back.sop_instance, "2.25.1");
    assert_string_equal(back.source, "dimse");
    assert_string_equal(back.source_name, "SENDER/2.25.1.dcm");
    assert_string_equal(back.path, name);
    assert_string_equal(back.sha256, s.item.sha256);
    assert_int_equal(back.size_bytes, s.size);
    assert_int_equal(back.received_us, 1769860020123456);
    assert_int_equal(back.priority, -12);
    assert_int_equal(back.kind, LETHE_ITEM_DICOM);
}

/* A power cut, an upgrade, a start. */
static void a_row_of_an_earlier_version_comes_back(void **state) {
    (void)state;
    static sample s;
    static lethe_item back;
    make_with(&s, true);
    assert_memory_equal(s.bytes + s.label, "LETHE-ROW 2 ", 12);
    assert_true(reads(&s, name, &back));
    assert_string_equal(back.sha256, s.item.sha256);
    assert_int_equal(back.priority, -12);
    s.bytes[s.size - 1] ^= 1;
    assert_false(reads(&s, name, &back));
}

static void another_name_has_no_row(void **state) {
    (void)state;
    static sample s;
    static lethe_item back;
    make(&s);
    assert_false(reads(&s, "inbox/20260131/1207/00112233445566778899aabbccddeef0.dcm", &back));
    assert_false(reads(&s, "inbox/20260131/1208/00112233445566778899aabbccddeeff.dcm", &back));
}

static void any_changed_byte_shows(void **state) {
    (void)state;
    static sample s;
    static lethe_item back;
    make(&s);
    for (size_t i = 0; i < s.size; i++) {
        s.bytes[i] ^= 0x01;
        if (reads(&s, name, &back)) fail_msg("a change of byte %zu was not noticed", i);
        s.bytes[i] ^= 0x01;
    }
    assert_true(reads(&s, name, &back));
}

static void what_is_torn_shows(void **state) {
    (void)state;
    static sample s, whole;
    static lethe_item back;
    make(&whole);
    size_t text = strlen((const char *)whole.bytes + whole.label);
    for (size_t kept = 0; kept < text; kept++) { /* the label's end did not reach the disk */
        s = whole;
        memset(s.bytes + s.label + kept, 0, LETHE_INBOX_LABEL_BYTES - kept);
        if (reads(&s, name, &back)) fail_msg("a label of %zu bytes was taken", kept);
    }
    for (s = whole, s.size = 0; s.size < whole.size; s.size++) /* the file's end did not */
        if (reads(&s, name, &back)) fail_msg("a file of %zu bytes was taken", s.size);
    s = whole;
    s.size++; /* nor does anything come after it */
    assert_false(reads(&s, name, &back));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_whole_row_comes_back), cmocka_unit_test(a_row_of_an_earlier_version_comes_back),
                                       cmocka_unit_test(another_name_has_no_row), cmocka_unit_test(any_changed_byte_shows),
                                       cmocka_unit_test(what_is_torn_shows)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
