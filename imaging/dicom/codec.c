#include "imaging/dicom/codec.h"

#include "core/memory.h"
#include "imaging/dicom/dcmtk_codec.h"

#include <string.h>

void lethe_codec_normalise(lethe_image *image, unsigned bits_stored, unsigned high_bit, bool is_signed) {
    unsigned width = 8u * image->bytes_per_sample;
    if (bits_stored == 0 || bits_stored > width) bits_stored = width;
    unsigned shift = high_bit + 1 > bits_stored && high_bit < width ? high_bit + 1 - bits_stored : 0;
    size_t count = (size_t)image->columns * image->rows * image->samples;
    if (bits_stored == width && shift == 0) return;
    uint32_t mask = bits_stored == 32 ? UINT32_MAX : (1u << bits_stored) - 1, sign = 1u << (bits_stored - 1);
    if (width == 8) {
        for (size_t i = 0; i < count; i++) {
            uint32_t value = (uint32_t)(image->pixels[i] >> shift) & mask;
            image->pixels[i] = (uint8_t)(is_signed ? (value ^ sign) - sign : value);
        }
    } else if (width == 16) {
        uint16_t *words = (uint16_t *)(void *)image->pixels;
        for (size_t i = 0; i < count; i++) {
            uint32_t value = (uint32_t)(words[i] >> shift) & mask;
            words[i] = (uint16_t)(is_signed ? (value ^ sign) - sign : value);
        }
    } else {
        uint32_t *words = (uint32_t *)(void *)image->pixels;
        for (size_t i = 0; i < count; i++) {
            uint32_t value = (words[i] >> shift) & mask;
            words[i] = is_signed ? (value ^ sign) - sign : value;
        }
    }
}

/* A decoder gave 8-bit samples for a frame of 16 bits allocated: spread them out, from the end. */
static lethe_status widen(lethe_image *image, lethe_error *error) {
    size_t count = (size_t)image->columns * image->rows * image->samples;
    uint16_t *words = lethe_alloc_array(count, sizeof *words);
    if (words == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a frame");
    for (size_t i = 0; i < count; i++) words[i] = image->pixels[i];
    lethe_free(image->pixels);
    image->pixels = (uint8_t *)words;
    image->bytes_per_sample = 2;
    return LETHE_OK;
}

/* Which DCMTK decoder a JPEG stream really needs; files lie about their transfer syntax. */
static const char *syntax_of_sof(uint8_t sof, const char *declared) {
    switch (sof) {
    case 0xC0: return "1.2.840.10008.1.2.4.50";
    case 0xC1: return "1.2.840.10008.1.2.4.51";
    case 0xC3: return strcmp(declared, "1.2.840.10008.1.2.4.57") == 0 ? declared : "1.2.840.10008.1.2.4.70";
    case 0xF7: return strcmp(declared, "1.2.840.10008.1.2.4.81") == 0 ? declared : "1.2.840.10008.1.2.4.80";
    default: return NULL;
    }
}

static lethe_status decode_jpeg(const lethe_pixels_info *info, const char *syntax, const uint8_t *bytes, size_t size, lethe_image *out,
                                lethe_codec_traits *traits, lethe_error *error) {
    uint8_t sof = 0, precision = 0, components = 0;
    uint32_t columns = 0, rows = 0;
    if (!lethe_jpeg_probe(bytes, size, &sof, &precision, &columns, &rows, &components))
        return lethe_fail(error, LETHE_MALFORMED, "frame is no JPEG stream");
    if (columns != info->columns || rows != info->rows || components != info->samples_per_pixel)
        return lethe_fail(error, LETHE_MALFORMED, "JPEG frame of %u x %u x %u where the header says %u x %u x %u", columns, rows, components,
                          info->columns, info->rows, info->samples_per_pixel);
    unsigned needed = precision > 8 ? 2 : 1;
    if (needed > info->bits_allocated / 8u)
        return lethe_fail(error, LETHE_MALFORMED, "JPEG frame of %u bits where %u are allocated", precision, info->bits_allocated);
    out->bytes_per_sample = (uint16_t)needed;
    lethe_status status = lethe_image_allocate(out, error);
    if (status != LETHE_OK) return status;
    traits->precision = precision;
    if (precision == 8 && sof <= 0xC2) return lethe_jpeg8_decode(bytes, size, info->photometric, out, &traits->became_rgb, error);
    const char *real = syntax_of_sof(sof, syntax);
    if (real == NULL) return lethe_fail(error, LETHE_UNSUPPORTED, "JPEG process of marker FF%02X", sof);
    lethe_dcmtk_frame frame = {.columns = info->columns,
                               .rows = info->rows,
                               .samples = info->samples_per_pixel,
                               .bits_allocated = (uint16_t)(8 * needed),
                               .bits_stored = precision < 8 * needed ? precision : (uint16_t)(8 * needed),
                               .is_signed = info->is_signed,
                               .photometric = info->photometric_text};
    return lethe_dcmtk_decode(real, &frame, bytes, size, out->pixels, lethe_image_size_bytes(out), error);
}

lethe_status lethe_codec_decode(const lethe_pixels_info *info, const char *syntax, const uint8_t *bytes, size_t size, lethe_image *out,
                                lethe_codec_traits *traits, lethe_error *error) {
    *traits = (lethe_codec_traits){.precision = info->bits_stored};
    *out = (lethe_image){.columns = info->columns,
                         .rows = info->rows,
                         .samples = info->samples_per_pixel,
                         .bytes_per_sample = info->bits_allocated <= 8    ? 1
                                             : info->bits_allocated <= 16 ? 2
                                                                          : 4,
                         .bits_stored = info->bits_stored,
                         .is_signed = info->is_signed,
                         .photometric = info->photometric};
    unsigned wanted = out->bytes_per_sample;
    lethe_status status;
    switch (info->codec) {
    case LETHE_CODEC_RLE:
        status = lethe_image_allocate(out, error);
        if (status == LETHE_OK) status = lethe_rle_decode(bytes, size, out, error);
        break;
    case LETHE_CODEC_JPEG_BASELINE:
    case LETHE_CODEC_JPEG_EXTENDED:
    case LETHE_CODEC_JPEG_LOSSLESS:
    case LETHE_CODEC_JPEG_LS: status = decode_jpeg(info, syntax, bytes, size, out, traits, error); break;
    case LETHE_CODEC_JPEG_2000:
        status = lethe_image_allocate(out, error);
        if (status == LETHE_OK) status = lethe_j2k_decode(bytes, size, out, traits, error);
        if (traits->colour_transformed || strcmp(info->photometric_text, "YBR_ICT") == 0 || strcmp(info->photometric_text, "YBR_RCT") == 0)
            traits->became_rgb = true;
        break;
    default: return lethe_fail(error, LETHE_UNSUPPORTED, "pixel data of transfer syntax %s is not decoded", syntax);
    }
    if (status == LETHE_OK && out->bytes_per_sample == 1 && wanted == 2) status = widen(out, error);
    if (status != LETHE_OK) lethe_image_release(out);
    else if (traits->became_rgb) out->photometric = LETHE_RGB;
    return status;
}

lethe_status lethe_codec_encode(const lethe_pixels_info *info, const char *syntax, const lethe_image *image, const lethe_codec_traits *traits,
                                lethe_buffer *out, lethe_error *error) {
    lethe_status status;
    switch (info->codec) {
    case LETHE_CODEC_RLE: return lethe_rle_encode(image, out, error);
    case LETHE_CODEC_JPEG_2000: return lethe_j2k_encode(image, traits, out, error);
    case LETHE_CODEC_JPEG_LOSSLESS:
    case LETHE_CODEC_JPEG_LS: {
        if (image->bytes_per_sample > 2) return lethe_fail(error, LETHE_UNSUPPORTED, "JPEG encoding of %u bytes", image->bytes_per_sample);
        lethe_dcmtk_frame frame = {.columns = image->columns,
                                   .rows = image->rows,
                                   .samples = image->samples,
                                   .bits_allocated = (uint16_t)(8 * image->bytes_per_sample),
                                   .bits_stored = traits->precision,
                                   .is_signed = info->is_signed,
                                   .photometric = image->samples == 1 ? "MONOCHROME2" : "RGB"};
        size_t start = out->size;
        status = lethe_dcmtk_encode(syntax, &frame, image->pixels, lethe_image_size_bytes(image), out, error);
        if (status == LETHE_OK && out->size == start) status = lethe_fail(error, LETHE_INTERNAL, "encoder gave nothing");
        return status;
    }
    default: return lethe_fail(error, LETHE_UNSUPPORTED, "no lossless encoder for transfer syntax %s", syntax);
    }
}
