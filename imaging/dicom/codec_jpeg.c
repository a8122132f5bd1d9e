#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/codec.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

bool lethe_jpeg_probe(const uint8_t *bytes, size_t size, uint8_t *sof, uint8_t *precision, uint32_t *columns, uint32_t *rows, uint8_t *components) {
    size_t at = 2;
    if (size < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8) return false;
    while (at + 4 <= size) {
        if (bytes[at] != 0xFF) return false;
        uint8_t marker = bytes[at + 1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
            at += 2;
            continue;
        }
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        bool is_sof = (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) || marker == 0xF7;
        if (is_sof) {
            if (length < 8 || at + 2 + length > size) return false;
            *sof = marker;
            *precision = bytes[at + 4];
            *rows = (uint32_t)bytes[at + 5] << 8 | bytes[at + 6];
            *columns = (uint32_t)bytes[at + 7] << 8 | bytes[at + 8];
            *components = bytes[at + 9];
            return true;
        }
        if (marker == 0xD9 || marker == 0xDA || length < 2) return false;
        at += 2 + length;
    }
    return false;
}

typedef struct jpeg_job {
    struct jpeg_error_mgr errors;
    jmp_buf jump;
    struct jpeg_decompress_struct jpeg;
    bool corrupt;
} jpeg_job;

static void on_error(j_common_ptr common) {
    jpeg_job *job = (jpeg_job *)common->err; /* errors is the first member */
    longjmp(job->jump, 1);
}
/* libjpeg goes on after data errors and only warns; a warning about the data is corruption for us. */
static void on_message(j_common_ptr common, int level) {
    jpeg_job *job = (jpeg_job *)common->err;
    if (level < 0) job->corrupt = true;
}
static void on_output(j_common_ptr common) { (void)common; }

/* What colour space the three components are in, where neither JFIF nor Adobe markers tell: what DICOM declares. */
static void choose_colour(struct jpeg_decompress_struct *jpeg, lethe_photometric declared) {
    if (jpeg->num_components == 1) {
        jpeg->out_color_space = JCS_GRAYSCALE;
        return;
    }
    bool told = jpeg->saw_JFIF_marker || jpeg->saw_Adobe_marker;
    if (!told) jpeg->jpeg_color_space = declared == LETHE_RGB ? JCS_RGB : JCS_YCbCr;
    jpeg->out_color_space = JCS_RGB;
}

static bool decode(jpeg_job *job, const uint8_t *bytes, size_t size, lethe_photometric declared, lethe_image *out, lethe_status *status,
                   lethe_error *error) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    if (setjmp(job->jump) != 0) return false;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg->mem->max_memory_to_use = (long)LETHE_LIMIT_FRAME_BYTES;
    if (jpeg_read_header(jpeg, TRUE) != JPEG_HEADER_OK) return false;
    if (jpeg->image_width != out->columns || jpeg->image_height != out->rows || jpeg->num_components != out->samples) {
        *status = lethe_fail(error, LETHE_MALFORMED, "JPEG frame of %u x %u x %d where the header says %u x %u x %u", jpeg->image_width,
                             jpeg->image_height, jpeg->num_components, out->columns, out->rows, out->samples);
        return true;
    }
    choose_colour(jpeg, declared);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    if (!jpeg_start_decompress(jpeg)) return false;
    size_t stride = (size_t)out->columns * out->samples;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = out->pixels + (size_t)jpeg->output_scanline * stride;
        if (jpeg_read_scanlines(jpeg, &row, 1) != 1) return false;
    }
    return jpeg_finish_decompress(jpeg) != FALSE;
}

lethe_status lethe_jpeg8_decode(const uint8_t *bytes, size_t size, lethe_photometric declared, lethe_image *out, bool *became_rgb,
                                lethe_error *error) {
    lethe_status status = LETHE_OK;
    jpeg_job *job = lethe_alloc_array(1, sizeof *job);
    if (job == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a JPEG decoder");
    job->jpeg.err = jpeg_std_error(&job->errors);
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
    job->errors.output_message = on_output;
    bool done = decode(job, bytes, size, declared, out, &status, error);
    *became_rgb = job->jpeg.num_components == 3 && job->jpeg.jpeg_color_space == JCS_YCbCr;
    jpeg_destroy_decompress(&job->jpeg);
    if (status == LETHE_OK && (!done || job->corrupt)) status = lethe_fail(error, LETHE_MALFORMED, "damaged JPEG frame");
    lethe_free(job);
    return status;
}
