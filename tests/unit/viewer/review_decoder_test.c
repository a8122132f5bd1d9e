/* Originals under review are decoded by a confined process: what it may not open it does not open, its end is a message, and the next image is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "imaging/dicom/edit.h"
#include "viewer/review_decoder.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 24, COLUMNS = 40 };

typedef struct place {
    char folder[64], private_path[96], released_path[96], image[128], broken[128], outside[128];
    lethe_project project;
} place;

static void us(lethe_buffer *out, uint16_t element, uint16_t value) {
    const lethe_dicom_encoding e = {true, false};
    assert_int_equal(lethe_dicom_encode_us(out, e, LETHE_TAG(0x0028, element), value, NULL), LETHE_OK);
}

static void put_file(const char *path, const lethe_buffer *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void make_place(place *p) {
    const lethe_dicom_encoding e = {true, false};
    uint8_t pixels[ROWS * COLUMNS];
    lethe_buffer out;
    (void)snprintf(p->folder, sizeof p->folder, "/tmp/lethe-decoder-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->private_path, sizeof p->private_path, "%s/private", p->folder);
    (void)snprintf(p->released_path, sizeof p->released_path, "%s/released", p->folder);
    (void)snprintf(p->image, sizeof p->image, "%s/image.dcm", p->private_path);
    (void)snprintf(p->broken, sizeof p->broken, "%s/broken.dcm", p->private_path);
    (void)snprintf(p->outside, sizeof p->outside, "%s/outside.dcm", p->folder);
    assert_int_equal(mkdir(p->private_path, 0700), 0);
    assert_int_equal(mkdir(p->released_path, 0700), 0);
    p->project = (lethe_project){.private_path = p->private_path, .released_path = p->released_path};
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 7);
    lethe_buffer_init(&out, 1 << 20);
    assert_int_equal(lethe_dicom_encode_file_head(&out, "1.2.840.10008.5.1.4.1.1.7", "1.2.3", "1.2.840.10008.1.2.1", NULL), LETHE_OK);
    us(&out, 0x0002, 1);
    assert_int_equal(lethe_dicom_encode_text(&out, e, LETHE_TAG(0x0028, 0x0004), LETHE_VR_CS, "MONOCHROME2", NULL), LETHE_OK);
    us(&out, 0x0010, ROWS);
    us(&out, 0x0011, COLUMNS);
    us(&out, 0x0100, 8);
    us(&out, 0x0101, 8);
    us(&out, 0x0102, 7);
    us(&out, 0x0103, 0);
    assert_int_equal(lethe_dicom_encode(&out, e, LETHE_TAG(0x7FE0, 0x0010), LETHE_VR_OB, pixels, sizeof pixels, NULL), LETHE_OK);
    put_file(p->image, &out, out.size);
    put_file(p->outside, &out, out.size);
    put_file(p->broken, &out, out.size - 100);
    lethe_buffer_release(&out);
}

static void drop_place(const place *p) {
    (void)unlink(p->image);
    (void)unlink(p->broken);
    (void)unlink(p->outside);
    (void)rmdir(p->private_path);
    (void)rmdir(p->released_path);
    (void)rmdir(p->folder);
}

/* The mode of seccomp as the kernel tells it: 2 is a filter. -1: it does not tell. */
static int seccomp_of(int process) {
    char path[64], line[256];
    int mode = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/status", process);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) (void)sscanf(line, "Seccomp: %d", &mode);
    if (file != NULL) (void)fclose(file);
    return mode;
}

static void frames_are_decoded_outside_of_this_process(void **state) {
    (void)state;
    place p;
    lethe_review_decoder *decoder = NULL;
    lethe_image image = {0};
    make_place(&p);
    assert_int_equal(lethe_review_decoder_start(&p.project, &decoder, NULL), LETHE_OK);
    lethe_frame_reader *reader = lethe_frame_reader_create();
    assert_non_null(reader);
    lethe_frame_reader_decode_outside(reader, lethe_review_decoder_frames(decoder));

    int process = lethe_review_decoder_process(decoder);
    assert_true(process > 0 && process != getpid());
    if (seccomp_of(getpid()) >= 0) assert_int_equal(seccomp_of(process), 2);

    assert_int_equal(lethe_frame_reader_read(reader, p.image, 0, &image, NULL), LETHE_OK);
    assert_int_equal(image.columns, COLUMNS);
    assert_int_equal(image.rows, ROWS);
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++) assert_int_equal(image.pixels[i], (uint8_t)(i * 7));
    lethe_image_release(&image);
    assert_int_equal(lethe_frame_reader_thumbnail(reader, p.image, 0, 10, &image, NULL), LETHE_OK);
    assert_int_equal(image.columns, 10);
    lethe_image_release(&image);
    assert_int_equal(lethe_frame_reader_overlays(reader, p.image, 0, &image, NULL), LETHE_OK);
    lethe_image_release(&image);

    /* A damaged file, a frame that there is not, a file outside of the project: errors, and the next is served. */
    assert_int_not_equal(lethe_frame_reader_read(reader, p.broken, 0, &image, NULL), LETHE_OK);
    assert_int_not_equal(lethe_frame_reader_read(reader, p.image, 7, &image, NULL), LETHE_OK);
    if (lethe_sandbox_has_landlock()) assert_int_not_equal(lethe_frame_reader_read(reader, p.outside, 0, &image, NULL), LETHE_OK);
    assert_null(image.pixels);
    assert_int_equal(lethe_frame_reader_read(reader, p.image, 0, &image, NULL), LETHE_OK);
    lethe_image_release(&image);

    /* It dies: one image is lost at most, and another process takes its place. */
    assert_int_equal(kill(process, SIGKILL), 0);
    if (lethe_frame_reader_read(reader, p.image, 0, &image, NULL) == LETHE_OK) lethe_image_release(&image);
    assert_int_equal(lethe_frame_reader_read(reader, p.image, 0, &image, NULL), LETHE_OK);
    lethe_image_release(&image);
    int next = lethe_review_decoder_process(decoder);
    assert_true(next > 0 && next != process);
    if (seccomp_of(getpid()) >= 0) assert_int_equal(seccomp_of(next), 2);
    lethe_frame_reader_destroy(reader);
    lethe_review_decoder_destroy(decoder);
    drop_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_are_decoded_outside_of_this_process)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
