#include "imaging/dicom/pixels.h"

#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/codec.h"
#include "imaging/dicom/frames.h"

#include <stdio.h>
#include <string.h>

struct lethe_pixels {
    const lethe_dicom_dataset *dataset;
    const lethe_dicom_element *element;
    lethe_pixels_info info;
    lethe_frame_table table; /* encapsulated */
    uint64_t frame_bits;     /* raw */
};

enum {
    TAG_SAMPLES = 0x00280002,
    TAG_PHOTOMETRIC = 0x00280004,
    TAG_PLANAR = 0x00280006,
    TAG_FRAMES = 0x00280008,
    TAG_ROWS = 0x00280010,
    TAG_COLUMNS = 0x00280011,
    TAG_SPACING = 0x00280030,
    TAG_ASPECT = 0x00280034,
    TAG_ALLOCATED = 0x00280100,
    TAG_STORED = 0x00280101,
    TAG_HIGH_BIT = 0x00280102,
    TAG_REPRESENTATION = 0x00280103,
    TAG_PADDING = 0x00280120,
    TAG_LOSSY = 0x00282110,
    TAG_IMAGER_SPACING = 0x00181164,
    TAG_SHARED_GROUPS = 0x52009229,
    TAG_PIXEL_MEASURES = 0x00289110
};
static const lethe_tag tag_pixel_data = LETHE_TAG(0x7FE0, 0x0010), tag_float = LETHE_TAG(0x7FE0, 0x0008), tag_double = LETHE_TAG(0x7FE0, 0x0009);

typedef struct syntax {
    const char *uid;
    lethe_codec codec;
    bool lossy;
} syntax;
#define DICOM_UID "1.2.840.10008.1.2"
static const syntax syntaxes[] = {
    {DICOM_UID ".5", LETHE_CODEC_RLE, false},
    {DICOM_UID ".4.50", LETHE_CODEC_JPEG_BASELINE, true},
    {DICOM_UID ".4.51", LETHE_CODEC_JPEG_EXTENDED, true},
    {DICOM_UID ".4.57", LETHE_CODEC_JPEG_LOSSLESS, false},
    {DICOM_UID ".4.70", LETHE_CODEC_JPEG_LOSSLESS, false},
    {DICOM_UID ".4.80", LETHE_CODEC_JPEG_LS, false},
    {DICOM_UID ".4.81", LETHE_CODEC_JPEG_LS, true},
    {DICOM_UID ".4.90", LETHE_CODEC_JPEG_2000, false},
    {DICOM_UID ".4.91", LETHE_CODEC_JPEG_2000, true},
    {DICOM_UID ".4.92", LETHE_CODEC_JPEG_2000, false},
    {DICOM_UID ".4.93", LETHE_CODEC_JPEG_2000, true},
    {DICOM_UID ".4.201", LETHE_CODEC_JPEG_2000, false},
    {DICOM_UID ".4.202", LETHE_CODEC_JPEG_2000, false},
    {DICOM_UID ".4.203", LETHE_CODEC_JPEG_2000, true},
};

static void find_codec(lethe_pixels *pixels) {
    lethe_pixels_info *info = &pixels->info;
    const char *uid = pixels->dataset->transfer_syntax;
    info->encapsulated = pixels->element->form == LETHE_DICOM_FRAGMENTS;
    if (!info->encapsulated) {
        info->codec = LETHE_CODEC_RAW;
        return;
    }
    info->codec = LETHE_CODEC_UNKNOWN;
    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++)
        if (strcmp(uid, syntaxes[i].uid) == 0) {
            info->codec = syntaxes[i].codec;
            info->lossy = syntaxes[i].lossy;
        }
    /* .100 to .108 with suffixes: MPEG-2, MPEG-4, HEVC */
    if (strncmp(uid, DICOM_UID ".4.10", sizeof DICOM_UID ".4.10" - 1) == 0) {
        info->codec = LETHE_CODEC_VIDEO;
        info->lossy = true;
    }
}

static lethe_photometric photometric_of(const char *text) {
    if (strcmp(text, "MONOCHROME1") == 0) return LETHE_MONOCHROME1;
    if (strcmp(text, "MONOCHROME2") == 0) return LETHE_MONOCHROME2;
    if (strcmp(text, "PALETTE COLOR") == 0) return LETHE_PALETTE_COLOR;
    if (strcmp(text, "RGB") == 0) return LETHE_RGB;
    if (strncmp(text, "YBR_", 4) == 0) return LETHE_YBR_FULL;
    return LETHE_PHOTOMETRIC_UNKNOWN;
}

static int64_t integer_or(const lethe_dicom_item *root, lethe_tag tag, int64_t otherwise) {
    int64_t value;
    return lethe_dicom_int(root, tag, 0, &value) ? value : otherwise;
}

static void load_spacing(const lethe_dicom_item *root, lethe_pixels_info *info) {
    const lethe_tag measures[] = {TAG_SHARED_GROUPS, TAG_PIXEL_MEASURES, TAG_SPACING};
    const lethe_dicom_element *element = lethe_dicom_find(root, TAG_SPACING);
    if (element == NULL) element = lethe_dicom_find_path(root, measures, 3);
    if (element == NULL) element = lethe_dicom_find(root, TAG_IMAGER_SPACING);
    double row = 0, column = 0;
    if (element != NULL && lethe_dicom_element_double(element, 0, &row) && lethe_dicom_element_double(element, 1, &column) && row > 0 && column > 0) {
        info->pixel_spacing_mm[0] = row;
        info->pixel_spacing_mm[1] = column;
    }
    info->aspect = info->pixel_spacing_mm[1] > 0 ? info->pixel_spacing_mm[0] / info->pixel_spacing_mm[1] : 1;
    if (info->pixel_spacing_mm[0] <= 0 && lethe_dicom_double(root, TAG_ASPECT, 0, &row) && lethe_dicom_double(root, TAG_ASPECT, 1, &column) &&
        row > 0 && column > 0)
        info->aspect = row / column;
}

static lethe_status load_info(lethe_pixels *pixels, lethe_error *error) {
    const lethe_dicom_item *root = pixels->dataset->root;
    lethe_pixels_info *info = &pixels->info;
    int64_t columns = integer_or(root, TAG_COLUMNS, 0), rows = integer_or(root, TAG_ROWS, 0), frames = integer_or(root, TAG_FRAMES, 1);
    int64_t samples = integer_or(root, TAG_SAMPLES, 1), allocated = integer_or(root, TAG_ALLOCATED, 0);
    if (pixels->element->tag == tag_float) allocated = 32;
    if (pixels->element->tag == tag_double) allocated = 64;
    if (columns <= 0 || rows <= 0) return lethe_fail(error, LETHE_MALFORMED, "pixel data without Rows (0028,0010) and Columns (0028,0011)");
    if (frames <= 0) frames = 1;
    if (columns > LETHE_LIMIT_PIXEL_SIDE || rows > LETHE_LIMIT_PIXEL_SIDE || frames > LETHE_LIMIT_FRAMES)
        return lethe_fail(error, LETHE_LIMIT, "frames (0028,0008), rows (0028,0010) or columns (0028,0011) beyond the limits");
    if (samples < 1 || samples > 4) return lethe_fail(error, LETHE_UNSUPPORTED, "%lld samples per pixel (0028,0002)", (long long)samples);
    if (allocated != 1 && allocated != 8 && allocated != 16 && allocated != 32 && allocated != 64)
        return lethe_fail(error, LETHE_UNSUPPORTED, "%lld bits allocated (0028,0100)", (long long)allocated);
    int64_t stored = integer_or(root, TAG_STORED, allocated);
    if (stored < 1 || stored > allocated) stored = allocated;
    int64_t high_bit = integer_or(root, TAG_HIGH_BIT, stored - 1);
    if (high_bit < stored - 1 || high_bit >= allocated) high_bit = stored - 1;
    info->columns = (uint32_t)columns;
    info->rows = (uint32_t)rows;
    info->frames = (uint32_t)frames;
    info->samples_per_pixel = (uint16_t)samples;
    info->bits_allocated = (uint16_t)allocated;
    info->bits_stored = (uint16_t)stored;
    info->high_bit = (uint16_t)high_bit;
    info->planar_configuration = samples > 1 && integer_or(root, TAG_PLANAR, 0) == 1;
    info->is_signed = integer_or(root, TAG_REPRESENTATION, 0) == 1;
    if (!lethe_dicom_text(root, TAG_PHOTOMETRIC, 0, info->photometric_text, sizeof info->photometric_text))
        (void)snprintf(info->photometric_text, sizeof info->photometric_text, "%s", samples == 3 ? "RGB" : "MONOCHROME2");
    info->photometric = photometric_of(info->photometric_text);
    int64_t padding;
    if (lethe_dicom_int(root, TAG_PADDING, 0, &padding)) {
        info->has_padding = true;
        info->padding_value = info->is_signed && allocated == 16 ? (int16_t)padding : (int32_t)padding;
    }
    char lossy[17];
    if (lethe_dicom_text(root, TAG_LOSSY, 0, lossy, sizeof lossy) && strcmp(lossy, "01") == 0) info->lossy = true;
    load_spacing(root, info);
    return LETHE_OK;
}

static bool is_422(const lethe_pixels_info *info) {
    return info->samples_per_pixel == 3 && info->bits_allocated == 8 &&
           (strcmp(info->photometric_text, "YBR_FULL_422") == 0 || strcmp(info->photometric_text, "YBR_PARTIAL_422") == 0);
}

lethe_status lethe_pixels_open(const lethe_dicom_dataset *dataset, lethe_pixels **out, lethe_error *error) {
    *out = NULL;
    const lethe_dicom_element *element = lethe_dicom_find(dataset->root, tag_pixel_data);
    if (element == NULL) element = lethe_dicom_find(dataset->root, tag_float);
    if (element == NULL) element = lethe_dicom_find(dataset->root, tag_double);
    if (element == NULL || (element->form == LETHE_DICOM_LEAF && element->value_bytes == 0))
        return lethe_fail(error, LETHE_NOT_FOUND, "no pixel data");
    lethe_pixels *pixels = lethe_alloc_array(1, sizeof *pixels);
    if (pixels == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for pixel data");
    pixels->dataset = dataset;
    pixels->element = element;
    find_codec(pixels);
    lethe_status status = load_info(pixels, error);
    if (status != LETHE_OK) goto out;
    if (pixels->info.codec == LETHE_CODEC_VIDEO) status = LETHE_OK; /* one stream of all frames: nothing to tell apart */
    else if (pixels->info.encapsulated) status = lethe_frame_table_build(dataset->root, element, pixels->info.frames, &pixels->table, error);
    else if (element->form == LETHE_DICOM_SEQUENCE)
        status = lethe_fail(error, LETHE_MALFORMED, "pixel data (7FE0,0010) at %llu is a sequence", (unsigned long long)element->offset);
    pixels->frame_bits = (uint64_t)pixels->info.columns * pixels->info.rows *
                         (is_422(&pixels->info) ? 16u : (uint64_t)pixels->info.samples_per_pixel * pixels->info.bits_allocated);
    if (status == LETHE_OK && pixels->frame_bits / 8 > LETHE_LIMIT_FRAME_BYTES)
        status = lethe_fail(error, LETHE_LIMIT, "a frame of %llu bytes", (unsigned long long)(pixels->frame_bits / 8));
out:
    if (status != LETHE_OK) lethe_pixels_close(pixels);
    else *out = pixels;
    return status;
}

void lethe_pixels_close(lethe_pixels *pixels) {
    if (pixels == NULL) return;
    lethe_frame_table_release(&pixels->table);
    lethe_free(pixels);
}

const lethe_pixels_info *lethe_pixels_describe(const lethe_pixels *pixels) { return &pixels->info; }
const lethe_dicom_element *lethe_pixels_element(const lethe_pixels *pixels) { return pixels->element; }

bool lethe_pixels_tables_fit(const lethe_pixels *pixels) {
    return pixels->table.fragments == NULL || lethe_frame_table_is_told(&pixels->table, pixels->dataset->root, pixels->element);
}

static lethe_status raw_range(const lethe_pixels *pixels, uint32_t frame, uint64_t *first_bit, lethe_error *error) {
    *first_bit = frame * pixels->frame_bits; /* both are limited: frames < 2^20, a frame < 2^33 bits */
    if (*first_bit + pixels->frame_bits > pixels->element->value_bytes * 8)
        return lethe_fail(error, LETHE_MALFORMED, "frame %u ends behind the %llu bytes of pixel data", frame,
                          (unsigned long long)pixels->element->value_bytes);
    return LETHE_OK;
}

lethe_status lethe_pixels_frame_bytes(lethe_pixels *pixels, uint32_t frame, lethe_buffer *joined, const uint8_t **bytes, size_t *size,
                                      lethe_error *error) {
    if (frame >= pixels->info.frames) return lethe_fail(error, LETHE_NOT_FOUND, "no frame %u of %u", frame, pixels->info.frames);
    if (pixels->info.codec == LETHE_CODEC_VIDEO) return lethe_fail(error, LETHE_UNSUPPORTED, "frames of a video");
    if (!pixels->info.encapsulated) {
        uint64_t first_bit;
        lethe_status status = raw_range(pixels, frame, &first_bit, error);
        if (status != LETHE_OK) return status;
        *bytes = pixels->element->value + first_bit / 8;
        *size = (size_t)((first_bit % 8 + pixels->frame_bits + 7) / 8);
        return LETHE_OK;
    }
    const lethe_frame_table *table = &pixels->table;
    uint32_t first = table->first[frame], end = table->first[frame + 1];
    if (end == first + 1) {
        *bytes = table->fragments[first].bytes;
        *size = (size_t)table->fragments[first].size;
        return LETHE_OK;
    }
    lethe_buffer_clear(joined);
    for (uint32_t i = first; i < end; i++) {
        lethe_status status = lethe_buffer_append(joined, table->fragments[i].bytes, (size_t)table->fragments[i].size, error);
        if (status != LETHE_OK) return status;
    }
    *bytes = joined->bytes;
    *size = joined->size;
    return LETHE_OK;
}

/* One raw sample's word in the file's byte order. */
static void copy_words(const lethe_pixels *pixels, const uint8_t *from, lethe_image *image) {
    const lethe_pixels_info *info = &pixels->info;
    bool swap = pixels->dataset->encoding.big_endian;
    size_t pixel_count = (size_t)info->columns * info->rows, samples = info->samples_per_pixel, width = image->bytes_per_sample;
    bool planar = info->planar_configuration == 1;
    if (!planar && !(swap && width > 1)) {
        memcpy(image->pixels, from, pixel_count * samples * width);
        return;
    }
    for (size_t c = 0; c < samples; c++)
        for (size_t i = 0; i < pixel_count; i++) {
            const uint8_t *word = from + (planar ? c * pixel_count + i : i * samples + c) * width;
            uint8_t *to = image->pixels + (i * samples + c) * width;
            for (size_t b = 0; b < width; b++) to[b] = word[swap ? width - 1 - b : b];
        }
}

static void copy_422(const uint8_t *from, lethe_image *image) {
    size_t pairs = (size_t)image->columns * image->rows / 2;
    for (size_t i = 0; i < pairs; i++) {
        const uint8_t *quad = from + 4 * i;
        uint8_t *to = image->pixels + 6 * i;
        to[0] = quad[0];
        to[3] = quad[1];
        to[1] = to[4] = quad[2];
        to[2] = to[5] = quad[3];
    }
}

static lethe_status decode_raw(lethe_pixels *pixels, uint32_t frame, lethe_image *image, lethe_error *error) {
    const lethe_pixels_info *info = &pixels->info;
    uint64_t first_bit;
    lethe_status status = raw_range(pixels, frame, &first_bit, error);
    if (status != LETHE_OK) return status;
    if (info->bits_allocated == 64 || pixels->element->tag != tag_pixel_data)
        return lethe_fail(error, LETHE_UNSUPPORTED, "floating point pixel data");
    image->bytes_per_sample = info->bits_allocated <= 8 ? 1 : info->bits_allocated == 16 ? 2 : 4;
    status = lethe_image_allocate(image, error);
    if (status != LETHE_OK) return status;
    const uint8_t *from = pixels->element->value + first_bit / 8;
    if (info->bits_allocated == 1) {
        size_t count = (size_t)info->columns * info->rows * info->samples_per_pixel;
        for (size_t i = 0; i < count; i++) {
            uint64_t bit = first_bit % 8 + i;
            image->pixels[i] = (from[bit / 8] >> (bit % 8)) & 1;
        }
        return LETHE_OK;
    }
    if (is_422(info)) {
        if (info->columns % 2 != 0) return lethe_fail(error, LETHE_MALFORMED, "YBR_FULL_422 with an odd number of columns");
        copy_422(from, image);
        return LETHE_OK;
    }
    /* 8-bit samples in big-endian OW words come swapped in pairs. */
    if (pixels->dataset->encoding.big_endian && info->bits_allocated == 8 && pixels->element->vr == LETHE_VR_OW) {
        size_t size = lethe_image_size_bytes(image), last = (size_t)pixels->element->value_bytes;
        size_t start = (size_t)(first_bit / 8);
        for (size_t i = 0; i < size; i++) {
            size_t at = (start + i) ^ 1u;
            image->pixels[i] = pixels->element->value[at < last ? at : last - 1];
        }
        if (info->planar_configuration == 1) {
            uint8_t *swapped = image->pixels;
            image->pixels = NULL;
            status = lethe_image_allocate(image, error);
            if (status == LETHE_OK) copy_words(pixels, swapped, image);
            lethe_free(swapped);
        }
        return status;
    }
    copy_words(pixels, from, image);
    return LETHE_OK;
}

lethe_status lethe_pixels_decode(lethe_pixels *pixels, uint32_t frame, lethe_image *image, lethe_error *error) {
    const lethe_pixels_info *info = &pixels->info;
    lethe_buffer joined;
    lethe_buffer_init(&joined, LETHE_LIMIT_FRAME_BYTES);
    *image = (lethe_image){.columns = info->columns,
                           .rows = info->rows,
                           .samples = info->samples_per_pixel,
                           .bits_stored = info->bits_stored,
                           .is_signed = info->is_signed,
                           .photometric = info->photometric};
    lethe_status status;
    unsigned bits = info->bits_stored, high_bit = info->high_bit;
    if (frame >= info->frames) status = lethe_fail(error, LETHE_NOT_FOUND, "no frame %u of %u", frame, info->frames);
    else if (!info->encapsulated) status = decode_raw(pixels, frame, image, error);
    else {
        const uint8_t *bytes = NULL;
        size_t size = 0;
        lethe_codec_traits traits;
        status = lethe_pixels_frame_bytes(pixels, frame, &joined, &bytes, &size, error);
        if (status == LETHE_OK) status = lethe_codec_decode(info, pixels->dataset->transfer_syntax, bytes, size, image, &traits, error);
        /* Codestreams may carry fewer bits than are declared stored, and a sign bit of their own place. */
        if (status == LETHE_OK && info->codec != LETHE_CODEC_RLE) {
            if (traits.precision < bits || info->codec == LETHE_CODEC_JPEG_2000) bits = traits.precision; /* lossy ones overshoot: do not wrap */
            high_bit = bits - 1;
        }
    }
    if (status == LETHE_OK && info->bits_allocated > 1) lethe_codec_normalise(image, bits, high_bit, info->is_signed);
    if (status != LETHE_OK) lethe_image_release(image);
    lethe_buffer_release(&joined);
    return status;
}
