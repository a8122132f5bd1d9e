#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/codec.h"

#include <openjpeg.h>
#include <string.h>

/* OpenJPEG reads and writes through these. */
typedef struct memory_stream {
    const uint8_t *bytes;
    size_t size, at;
    lethe_buffer *out;
    size_t out_start;
} memory_stream;

static OPJ_SIZE_T stream_read(void *to, OPJ_SIZE_T size, void *context) {
    memory_stream *stream = context;
    size_t left = stream->size - stream->at;
    if (left == 0) return (OPJ_SIZE_T)-1;
    if (size > left) size = left;
    memcpy(to, stream->bytes + stream->at, size);
    stream->at += size;
    return size;
}
static OPJ_OFF_T stream_skip(OPJ_OFF_T count, void *context) {
    memory_stream *stream = context;
    if (count < 0) return -1;
    size_t left = stream->size - stream->at;
    if ((uint64_t)count > left) count = (OPJ_OFF_T)left;
    stream->at += (size_t)count;
    return count;
}
static OPJ_BOOL stream_seek(OPJ_OFF_T position, void *context) {
    memory_stream *stream = context;
    if (position < 0 || (uint64_t)position > stream->size) return OPJ_FALSE;
    stream->at = (size_t)position;
    return OPJ_TRUE;
}
static OPJ_SIZE_T stream_write(void *from, OPJ_SIZE_T size, void *context) {
    memory_stream *stream = context;
    size_t end = stream->at + size, have = stream->out->size - stream->out_start;
    if (end > have) {
        uint8_t *at;
        if (lethe_buffer_extend(stream->out, end - have, &at, NULL) != LETHE_OK) return (OPJ_SIZE_T)-1;
    }
    memcpy(stream->out->bytes + stream->out_start + stream->at, from, size);
    stream->at = end;
    return size;
}
static OPJ_OFF_T write_skip(OPJ_OFF_T count, void *context) {
    memory_stream *stream = context;
    if (count < 0) return -1;
    stream->at += (size_t)count;
    return count;
}
static OPJ_BOOL write_seek(OPJ_OFF_T position, void *context) {
    memory_stream *stream = context;
    if (position < 0) return OPJ_FALSE;
    stream->at = (size_t)position;
    return OPJ_TRUE;
}

static opj_stream_t *make_stream(memory_stream *stream, bool reading) {
    opj_stream_t *out = opj_stream_create(1 << 16, reading ? OPJ_TRUE : OPJ_FALSE);
    if (out == NULL) return NULL;
    opj_stream_set_user_data(out, stream, NULL);
    if (reading) {
        opj_stream_set_user_data_length(out, stream->size);
        opj_stream_set_read_function(out, stream_read);
        opj_stream_set_skip_function(out, stream_skip);
        opj_stream_set_seek_function(out, stream_seek);
    } else {
        opj_stream_set_write_function(out, stream_write);
        opj_stream_set_skip_function(out, write_skip);
        opj_stream_set_seek_function(out, write_seek);
    }
    return out;
}

static void quiet(const char *message, void *context) {
    (void)message;
    (void)context;
}

static lethe_status check_image(const opj_image_t *image, const lethe_image *out, lethe_error *error) {
    if (image->numcomps != out->samples || image->x1 - image->x0 != out->columns || image->y1 - image->y0 != out->rows)
        return lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 frame of %u x %u x %u where the header says %u x %u x %u", image->x1 - image->x0,
                          image->y1 - image->y0, image->numcomps, out->columns, out->rows, out->samples);
    for (unsigned c = 0; c < out->samples; c++)
        if (image->comps[c].prec > 8u * out->bytes_per_sample || image->comps[c].prec == 0 || image->comps[c].dx == 0 || image->comps[c].dy == 0)
            return lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 component of %u bits does not fit", image->comps[c].prec);
    for (unsigned c = 1; c < out->samples; c++)
        if (image->comps[c].sgnd != image->comps[0].sgnd)
            return lethe_fail(error, LETHE_UNSUPPORTED, "JPEG 2000 frame with signed and unsigned components");
    return LETHE_OK;
}

static lethe_status copy_samples(const opj_image_t *image, lethe_image *out, lethe_error *error) {
    for (unsigned c = 0; c < out->samples; c++) {
        const opj_image_comp_t *component = &image->comps[c];
        if (component->data == NULL) return lethe_fail(error, LETHE_MALFORMED, "JPEG 2000 component %u is missing", c);
        for (uint32_t y = 0; y < out->rows; y++) {
            uint32_t v = y / component->dy;
            if (v >= component->h) v = component->h - 1;
            for (uint32_t x = 0; x < out->columns; x++) {
                uint32_t u = x / component->dx;
                if (u >= component->w) u = component->w - 1;
                OPJ_INT32 value = component->data[(size_t)v * component->w + u];
                size_t index = ((size_t)y * out->columns + x) * out->samples + c;
                if (out->bytes_per_sample == 1) out->pixels[index] = (uint8_t)value;
                else if (out->bytes_per_sample == 2) ((uint16_t *)(void *)out->pixels)[index] = (uint16_t)value;
                else ((uint32_t *)(void *)out->pixels)[index] = (uint32_t)value;
            }
        }
    }
    return LETHE_OK;
}

/* True when the main header's COD marker switches the component transform on (ISO 15444-1 A.6.1). */
static bool uses_component_transform(const uint8_t *bytes, size_t size) {
    for (size_t at = 0; at + 10 < size && at < 4096; at++)
        if (bytes[at] == 0xFF && bytes[at + 1] == 0x52) return bytes[at + 8] == 1;
    return false;
}

lethe_status lethe_j2k_decode(const uint8_t *bytes, size_t size, lethe_image *out, lethe_codec_traits *traits, lethe_error *error) {
    static const uint8_t jp2_signature[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    lethe_status status = LETHE_OK;
    opj_image_t *image = NULL;
    opj_stream_t *stream = NULL;
    memory_stream memory = {.bytes = bytes, .size = size};
    bool boxed = size > 8 && memcmp(bytes, jp2_signature, sizeof jp2_signature) == 0;
    opj_codec_t *codec = opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (codec != NULL) stream = make_stream(&memory, true);
    if (stream == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a JPEG 2000 decoder");
        goto out;
    }
    opj_set_info_handler(codec, quiet, NULL);
    opj_set_warning_handler(codec, quiet, NULL);
    opj_set_error_handler(codec, quiet, NULL);
    if (!opj_setup_decoder(codec, &parameters) || !opj_read_header(stream, codec, &image)) {
        status = lethe_fail(error, LETHE_MALFORMED, "damaged JPEG 2000 header");
        goto out;
    }
    status = check_image(image, out, error);
    if (status != LETHE_OK) goto out;
    if (!opj_decode(codec, stream, image) || !opj_end_decompress(codec, stream)) {
        status = lethe_fail(error, LETHE_MALFORMED, "damaged JPEG 2000 frame");
        goto out;
    }
    traits->precision = 0; /* the widest: the others' samples fit into it */
    for (unsigned c = 0; c < out->samples; c++)
        if (image->comps[c].prec > traits->precision) traits->precision = (uint16_t)image->comps[c].prec;
    traits->stream_signed = image->comps[0].sgnd != 0;
    traits->colour_transformed = out->samples == 3 && uses_component_transform(bytes, size);
    status = copy_samples(image, out, error);
out:
    opj_image_destroy(image);
    if (stream != NULL) opj_stream_destroy(stream);
    if (codec != NULL) opj_destroy_codec(codec);
    return status;
}

static opj_image_t *make_image(const lethe_image *from, const lethe_codec_traits *traits) {
    opj_image_cmptparm_t components[4];
    memset(components, 0, sizeof components);
    for (unsigned c = 0; c < from->samples; c++)
        components[c] = (opj_image_cmptparm_t){.dx = 1,
                                               .dy = 1,
                                               .w = from->columns,
                                               .h = from->rows,
                                               .prec = traits->precision,
                                               .bpp = traits->precision,
                                               .sgnd = traits->stream_signed};
    opj_image_t *image = opj_image_create(from->samples, components, from->samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
    if (image == NULL) return NULL;
    image->x1 = from->columns;
    image->y1 = from->rows;
    unsigned unused = 32u - traits->precision;
    size_t count = (size_t)from->columns * from->rows;
    for (unsigned c = 0; c < from->samples; c++)
        for (size_t i = 0; i < count; i++) {
            size_t index = i * from->samples + c;
            uint32_t value = from->bytes_per_sample == 1 ? from->pixels[index] : ((const uint16_t *)(const void *)from->pixels)[index];
            /* Through the precision: signed codestreams want negative numbers. */
            value <<= unused;
            image->comps[c].data[i] = traits->stream_signed ? (OPJ_INT32)value >> unused : (OPJ_INT32)(value >> unused);
        }
    return image;
}

lethe_status lethe_j2k_encode(const lethe_image *from, const lethe_codec_traits *traits, lethe_buffer *out, lethe_error *error) {
    if (from->bytes_per_sample > 2 || traits->precision == 0 || traits->precision > 8u * from->bytes_per_sample)
        return lethe_fail(error, LETHE_UNSUPPORTED, "JPEG 2000 encoding of %u bits", traits->precision);
    lethe_status status = LETHE_OK;
    opj_stream_t *stream = NULL;
    memory_stream memory = {.out = out, .out_start = out->size};
    opj_cparameters_t parameters;
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.tcp_rates[0] = 0;
    parameters.cp_disto_alloc = 1;
    parameters.irreversible = 0;
    parameters.tcp_mct = from->samples == 3 && traits->colour_transformed ? 1 : 0;
    uint32_t side = from->columns < from->rows ? from->columns : from->rows;
    parameters.numresolution = 1;
    while (parameters.numresolution < 6 && side >> parameters.numresolution != 0) parameters.numresolution++;
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_image_t *image = make_image(from, traits);
    if (codec != NULL) stream = make_stream(&memory, false);
    if (stream == NULL || image == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a JPEG 2000 encoder");
        goto out;
    }
    opj_set_info_handler(codec, quiet, NULL);
    opj_set_warning_handler(codec, quiet, NULL);
    opj_set_error_handler(codec, quiet, NULL);
    if (!opj_setup_encoder(codec, &parameters, image) || !opj_start_compress(codec, image, stream) || !opj_encode(codec, stream) ||
        !opj_end_compress(codec, stream))
        status = lethe_fail(error, LETHE_INTERNAL, "cannot encode a JPEG 2000 frame");
out:
    opj_image_destroy(image);
    if (stream != NULL) opj_stream_destroy(stream);
    if (codec != NULL) opj_destroy_codec(codec);
    return status;
}
