/* JPEG 2000 tiles through OpenJPEG. */
#include "core/limits.h"
#include "imaging/slide/source.h"

#include <openjpeg.h>
#include <string.h>

typedef struct cursor {
    const uint8_t *bytes;
    size_t size, at;
} cursor;

static OPJ_SIZE_T on_read(void *buffer, OPJ_SIZE_T wanted, void *user) {
    cursor *c = user;
    size_t left = c->size - c->at;
    if (left == 0) return (OPJ_SIZE_T)-1;
    if (wanted > left) wanted = left;
    memcpy(buffer, c->bytes + c->at, wanted);
    c->at += wanted;
    return wanted;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T bytes, void *user) {
    cursor *c = user;
    if (bytes < 0 || (uint64_t)bytes > c->size - c->at) return -1;
    c->at += (size_t)bytes;
    return bytes;
}

static OPJ_BOOL on_seek(OPJ_OFF_T offset, void *user) {
    cursor *c = user;
    if (offset < 0 || (uint64_t)offset > c->size) return OPJ_FALSE;
    c->at = (size_t)offset;
    return OPJ_TRUE;
}

static void quiet(const char *message, void *user) { (void)message, (void)user; }

static uint8_t clip(int value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

static int sample(const opj_image_t *image, unsigned component, uint32_t x, uint32_t y) {
    const opj_image_comp_t *c = &image->comps[component];
    uint32_t cx = x / c->dx, cy = y / c->dy;
    if (cx >= c->w) cx = c->w - 1;
    if (cy >= c->h) cy = c->h - 1;
    int value = c->data[(size_t)cy * c->w + cx] + (c->sgnd ? 1 << (c->prec - 1) : 0);
    return c->prec > 8 ? value >> (c->prec - 8) : value;
}

static void to_rgba(const opj_image_t *image, bool ycc, lethe_image *rgba) {
    uint32_t width = image->x1 - image->x0, height = image->y1 - image->y0;
    if (width > rgba->columns) width = rgba->columns;
    if (height > rgba->rows) height = rgba->rows;
    bool colour = image->numcomps >= 3;
    for (uint32_t y = 0; y < height; y++) {
        uint8_t *out = rgba->pixels + (size_t)y * rgba->columns * 4;
        for (uint32_t x = 0; x < width; x++, out += 4) {
            int a = sample(image, 0, x, y), b = colour ? sample(image, 1, x, y) : a, c = colour ? sample(image, 2, x, y) : a;
            if (ycc && colour) {
                int cb = b - 128, cr = c - 128, luma = a;
                a = luma + (91881 * cr + 32768) / 65536;
                b = luma - (22554 * cb + 46802 * cr + 32768) / 65536;
                c = luma + (116130 * cb + 32768) / 65536;
            }
            out[0] = clip(a), out[1] = clip(b), out[2] = clip(c), out[3] = 255;
        }
    }
}

static bool plausible(const opj_image_t *image) {
    if (image->numcomps < 1 || image->x1 <= image->x0 || image->y1 <= image->y0) return false;
    for (unsigned i = 0; i < image->numcomps && i < 3; i++) {
        const opj_image_comp_t *c = &image->comps[i];
        if (!c->data || !c->w || !c->h || !c->dx || !c->dy || c->prec < 1 || c->prec > 16) return false;
    }
    return true;
}

lethe_status lethe_j2k_tile_decode(const uint8_t *bytes, size_t size, bool ycc, lethe_image *rgba, lethe_error *error) {
    cursor c = {bytes, size, 0};
    bool boxed = size >= 12 && memcmp(bytes + 4, "jP  ", 4) == 0;
    opj_image_t *image = NULL;
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_codec_t *codec = opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create(65536, OPJ_TRUE);
    bool decoded = false;
    if (codec && stream) {
        opj_set_info_handler(codec, quiet, NULL);
        opj_set_warning_handler(codec, quiet, NULL);
        opj_set_error_handler(codec, quiet, NULL);
        opj_stream_set_user_data(stream, &c, NULL);
        opj_stream_set_user_data_length(stream, size);
        opj_stream_set_read_function(stream, on_read);
        opj_stream_set_skip_function(stream, on_skip);
        opj_stream_set_seek_function(stream, on_seek);
        decoded = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
                  image->x1 - image->x0 <= LETHE_LIMIT_PIXEL_SIDE && image->y1 - image->y0 <= LETHE_LIMIT_PIXEL_SIDE &&
                  opj_decode(codec, stream, image) && plausible(image);
    }
    if (decoded) to_rgba(image, ycc, rgba);
    opj_image_destroy(image);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    return decoded ? LETHE_OK : lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 tile of %zu bytes cannot be decoded", size);
}
