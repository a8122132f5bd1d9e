/* JPEG tiles through libjpeg-turbo. */
#include "core/buffer.h"
#include "core/memory.h"
#include "imaging/slide/source.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

typedef struct jpeg_trap {
    struct jpeg_error_mgr base;
    jmp_buf jump;
} jpeg_trap;

static void on_error(j_common_ptr info) { longjmp(((jpeg_trap *)info->err)->jump, 1); }
static void on_message(j_common_ptr info, int level) { (void)info, (void)level; }
static void on_output(j_common_ptr info) { (void)info; }

static void set_trap(jpeg_trap *trap) {
    jpeg_std_error(&trap->base);
    trap->base.error_exit = on_error;
    trap->base.emit_message = on_message;
    trap->base.output_message = on_output;
}

typedef struct decode_job {
    struct jpeg_decompress_struct info;
    jpeg_trap trap;
    lethe_image *rgba;
    uint8_t *row; /* scratch for tiles that are wider than what is wanted */
} decode_job;

static void decode_rows(decode_job *job) {
    struct jpeg_decompress_struct *info = &job->info;
    lethe_image *rgba = job->rgba;
    size_t stride = (size_t)rgba->columns * 4;
    uint32_t rows = info->output_height < rgba->rows ? info->output_height : rgba->rows;
    uint32_t columns = info->output_width < rgba->columns ? info->output_width : rgba->columns;
    bool direct = info->output_width == rgba->columns;
    while (info->output_scanline < rows) {
        uint8_t *target = rgba->pixels + (size_t)info->output_scanline * stride;
        JSAMPROW row = direct ? target : job->row;
        if (jpeg_read_scanlines(info, &row, 1) != 1) break;
        if (!direct) memcpy(target, job->row, (size_t)columns * 4);
    }
}

/* Everything that can jump; its locals are not read after the jump. */
static bool decode_inside(decode_job *job, const uint8_t *bytes, size_t size, const lethe_jpeg_hint *hint) {
    struct jpeg_decompress_struct *info = &job->info;
    if (setjmp(job->trap.jump)) return false;
    if (hint && hint->tables) {
        jpeg_mem_src(info, hint->tables, (unsigned long)hint->tables_size);
        if (jpeg_read_header(info, FALSE) != JPEG_HEADER_TABLES_ONLY) return false;
    }
    jpeg_mem_src(info, bytes, (unsigned long)size);
    if (jpeg_read_header(info, TRUE) != JPEG_HEADER_OK) return false;
    if (hint && hint->rgb && info->num_components == 3) info->jpeg_color_space = JCS_RGB;
    info->out_color_space = JCS_EXT_RGBA;
    if (hint && hint->shrink > 1) {
        info->scale_num = 1;
        info->scale_denom = hint->shrink;
        info->dct_method = JDCT_IFAST;
    }
    if (info->image_width > 65500 || info->image_height > 65500) return false;
    if (!jpeg_start_decompress(info)) return false;
    if (info->output_components != 4) return false;
    if (info->output_width != job->rgba->columns) {
        job->row = lethe_alloc_array(info->output_width, 4);
        if (!job->row) return false;
    }
    decode_rows(job);
    jpeg_abort_decompress(info);
    return true;
}

lethe_status lethe_jpeg_tile_decode(const uint8_t *bytes, size_t size, const lethe_jpeg_hint *hint, lethe_image *rgba, lethe_error *error) {
    decode_job job = {.rgba = rgba};
    set_trap(&job.trap);
    job.info.err = &job.trap.base;
    jpeg_create_decompress(&job.info);
    bool decoded = decode_inside(&job, bytes, size, hint);
    jpeg_destroy_decompress(&job.info);
    lethe_free(job.row);
    return decoded ? LETHE_OK : lethe_fail(error, LETHE_MALFORMED, "JPEG tile of %zu bytes cannot be decoded", size);
}

/* --- encoding --- */

typedef struct encode_job {
    struct jpeg_compress_struct info;
    jpeg_trap trap;
    unsigned char *bytes; /* malloc'ed by libjpeg */
    unsigned long size;
} encode_job;

static bool encode_inside(encode_job *job, const lethe_image *rgba, int quality) {
    struct jpeg_compress_struct *info = &job->info;
    if (setjmp(job->trap.jump)) return false;
    jpeg_mem_dest(info, &job->bytes, &job->size);
    info->image_width = rgba->columns;
    info->image_height = rgba->rows;
    info->input_components = 4;
    info->in_color_space = JCS_EXT_RGBA;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, quality, TRUE);
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < info->image_height) {
        JSAMPROW row = rgba->pixels + (size_t)info->next_scanline * rgba->columns * 4;
        (void)jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
    return true;
}

lethe_status lethe_jpeg_encode(const lethe_image *rgba, int quality, struct lethe_buffer *out, lethe_error *error) {
    encode_job job = {0};
    set_trap(&job.trap);
    job.info.err = &job.trap.base;
    jpeg_create_compress(&job.info);
    bool encoded = encode_inside(&job, rgba, quality);
    jpeg_destroy_compress(&job.info);
    lethe_status status = encoded ? lethe_buffer_append(out, job.bytes, job.size, error) : lethe_fail(error, LETHE_NO_MEMORY, "JPEG encoder failed");
    free(job.bytes);
    return status;
}
