#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/image.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

/* libpng leaves by longjmp: nothing that is owned is a local of the function that calls setjmp. */
typedef struct png_job {
    lethe_buffer *out;
    const uint8_t *at, *end;
    bool failed_memory;
} png_job;

static void on_error(png_structp png, png_const_charp message) {
    (void)message;
    longjmp(png_jmpbuf(png), 1);
}
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}
static void on_write(png_structp png, png_bytep bytes, png_size_t size) {
    png_job *job = png_get_io_ptr(png);
    if (lethe_buffer_append(job->out, bytes, size, NULL) != LETHE_OK) {
        job->failed_memory = true;
        png_error(png, "full");
    }
}
static void on_flush(png_structp png) { (void)png; }
static void on_read(png_structp png, png_bytep bytes, png_size_t size) {
    png_job *job = png_get_io_ptr(png);
    if ((size_t)(job->end - job->at) < size) png_error(png, "end of data");
    memcpy(bytes, job->at, size);
    job->at += size;
}

static bool write_rows(png_structp png, png_infop info, const lethe_image *image) {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    int type = image->samples == 1 ? PNG_COLOR_TYPE_GRAY : image->samples == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA;
    png_set_IHDR(png, info, image->columns, image->rows, 8, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 6);
    png_write_info(png, info);
    size_t stride = (size_t)image->columns * image->samples;
    for (uint32_t y = 0; y < image->rows; y++) png_write_row(png, image->pixels + y * stride);
    png_write_end(png, info);
    return true;
}

lethe_status lethe_png_encode(const lethe_image *image, lethe_buffer *out, lethe_error *error) {
    if (image->bytes_per_sample != 1 || (image->samples != 1 && image->samples != 3 && image->samples != 4))
        return lethe_fail(error, LETHE_UNSUPPORTED, "a PNG needs 8-bit grey, RGB or RGBA");
    png_job job = {.out = out};
    png_infop info = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    if (png != NULL) info = png_create_info_struct(png);
    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a PNG");
    }
    png_set_write_fn(png, &job, on_write, on_flush);
    bool done = write_rows(png, info, image);
    png_destroy_write_struct(&png, &info);
    if (!done) return lethe_fail(error, job.failed_memory ? LETHE_LIMIT : LETHE_INTERNAL, "cannot encode a PNG");
    return LETHE_OK;
}

lethe_status lethe_png_write(const char *path, const lethe_image *image, lethe_error *error) {
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, LETHE_LIMIT_FRAME_BYTES + (64u << 20));
    lethe_status status = lethe_png_encode(image, &bytes, error);
    if (status == LETHE_OK) status = lethe_file_write(path, bytes.bytes, bytes.size, 0644, error);
    lethe_buffer_release(&bytes);
    return status;
}

static bool read_head(png_structp png, png_infop info, lethe_image *image) {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    png_read_info(png, info);
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    image->columns = png_get_image_width(png, info);
    image->rows = png_get_image_height(png, info);
    image->samples = png_get_channels(png, info);
    image->bytes_per_sample = 1;
    image->bits_stored = 8;
    image->is_signed = false;
    image->photometric = image->samples < 3 ? LETHE_MONOCHROME2 : LETHE_RGB;
    return png_get_bit_depth(png, info) == 8 && image->samples != 2;
}

static bool read_rows(png_structp png, png_bytepp rows) {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    png_read_image(png, rows);
    return true;
}

lethe_status lethe_png_read(const char *path, lethe_image *image, lethe_error *error) {
    lethe_map map = {.fd = -1};
    png_structp png = NULL;
    png_infop info = NULL;
    png_bytepp rows = NULL;
    *image = (lethe_image){0};
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    png_job job = {.at = map.bytes, .end = map.bytes + map.size};
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    if (png != NULL) info = png_create_info_struct(png);
    if (info == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a PNG");
        goto out;
    }
    png_set_read_fn(png, &job, on_read);
    png_set_user_limits(png, LETHE_LIMIT_PIXEL_SIDE, LETHE_LIMIT_PIXEL_SIDE);
    if (!read_head(png, info, image)) {
        status = lethe_fail(error, LETHE_MALFORMED, "not a PNG that can be read");
        goto out;
    }
    status = lethe_image_allocate(image, error);
    if (status != LETHE_OK) goto out;
    rows = lethe_alloc_array(image->rows, sizeof *rows);
    if (rows == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a PNG");
        goto out;
    }
    for (uint32_t y = 0; y < image->rows; y++) rows[y] = image->pixels + (size_t)y * image->columns * image->samples;
    if (!read_rows(png, rows)) status = lethe_fail(error, LETHE_MALFORMED, "damaged PNG");
out:
    if (status != LETHE_OK) lethe_image_release(image);
    lethe_free(rows);
    png_destroy_read_struct(&png, &info, NULL);
    lethe_map_close(&map);
    return status;
}
