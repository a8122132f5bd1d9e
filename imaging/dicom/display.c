#include "core/memory.h"
#include "imaging/dicom/pixels.h"

#include <math.h>
#include <string.h>

enum {
    TAG_CENTRE = 0x00281050,
    TAG_WIDTH = 0x00281051,
    TAG_INTERCEPT = 0x00281052,
    TAG_SLOPE = 0x00281053,
    TAG_FUNCTION = 0x00281056,
    TAG_MODALITY_LUT = 0x00283000,
    TAG_LUT_DESCRIPTOR = 0x00283002,
    TAG_LUT_DATA = 0x00283006,
    TAG_VOI_LUT = 0x00283010,
    TAG_PRESENTATION_LUT_SHAPE = 0x20500020,
    TAG_SHARED = 0x52009229,
    TAG_PER_FRAME = 0x52009230,
    TAG_FRAME_VOI = 0x00289132,
    TAG_PIXEL_TRANSFORMATION = 0x00289145,
    TAG_PHOTOMETRIC = 0x00280004,
    TAG_PALETTE_DESCRIPTOR = 0x00281101,
    TAG_PALETTE_DATA = 0x00281201,
    TAG_PALETTE_SEGMENTED = 0x00281221,
    TAG_PADDING = 0x00280120
};

static const lethe_dicom_item *item_at(const lethe_dicom_element *sequence, uint32_t index) {
    if (sequence == NULL || sequence->form != LETHE_DICOM_SEQUENCE) return NULL;
    const lethe_dicom_item *item = sequence->items;
    while (item != NULL && index-- > 0) item = item->next;
    return item;
}

/* The item that holds a macro's attributes: the frame's own, the shared one, or the root. */
static const lethe_dicom_item *macro_item(const lethe_dicom_dataset *dataset, uint32_t frame, lethe_tag macro) {
    const lethe_dicom_item *own = item_at(lethe_dicom_find(dataset->root, TAG_PER_FRAME), frame);
    const lethe_dicom_item *found = own == NULL ? NULL : item_at(lethe_dicom_find(own, macro), 0);
    if (found != NULL) return found;
    const lethe_dicom_item *shared = item_at(lethe_dicom_find(dataset->root, TAG_SHARED), 0);
    found = shared == NULL ? NULL : item_at(lethe_dicom_find(shared, macro), 0);
    return found != NULL ? found : dataset->root;
}

void lethe_display_load(const lethe_dicom_dataset *dataset, uint32_t frame, unsigned window_index, lethe_display *display) {
    *display = (lethe_display){.slope = 1};
    const lethe_dicom_item *item = macro_item(dataset, frame, TAG_PIXEL_TRANSFORMATION);
    double value;
    if (lethe_dicom_double(item, TAG_SLOPE, 0, &value) && value != 0 && isfinite(value)) display->slope = value;
    if (lethe_dicom_double(item, TAG_INTERCEPT, 0, &value) && isfinite(value)) display->intercept = value;
    item = macro_item(dataset, frame, TAG_FRAME_VOI);
    double centre, width;
    if (lethe_dicom_double(item, TAG_CENTRE, window_index, &centre) && lethe_dicom_double(item, TAG_WIDTH, window_index, &width) &&
        isfinite(centre) && isfinite(width) && width > 0) {
        display->centre = centre;
        display->width = width;
        display->has_window = true;
    }
    char word[17];
    if (lethe_dicom_text(item, TAG_FUNCTION, 0, word, sizeof word)) {
        if (strcmp(word, "SIGMOID") == 0) display->function = LETHE_VOI_SIGMOID;
        else if (strcmp(word, "LINEAR_EXACT") == 0) display->function = LETHE_VOI_LINEAR_EXACT;
    }
    if (lethe_dicom_text(dataset->root, TAG_PRESENTATION_LUT_SHAPE, 0, word, sizeof word)) display->invert = strcmp(word, "INVERSE") == 0;
    else display->invert = lethe_dicom_text(dataset->root, TAG_PHOTOMETRIC, 0, word, sizeof word) && strcmp(word, "MONOCHROME1") == 0;
}

uint8_t lethe_display_window(const lethe_display *display, double x) {
    double c = display->centre, w = display->width, y;
    if (display->function == LETHE_VOI_SIGMOID) y = w > 0 ? 255.0 / (1.0 + exp(-4.0 * (x - c) / w)) : x < c ? 0 : 255;
    else if (display->function == LETHE_VOI_LINEAR_EXACT) y = w > 0 ? ((x - c) / w + 0.5) * 255.0 : x <= c ? 0 : 255;
    else if (w > 1) y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255.0;
    else y = x <= c - 0.5 ? 0 : 255;
    if (!(y > 0)) y = 0; /* NaN too */
    if (y > 255) y = 255;
    uint8_t grey = (uint8_t)(y + 0.5);
    return display->invert ? (uint8_t)(255 - grey) : grey;
}

static uint8_t clamp_byte(double value) { return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5); }

void lethe_image_to_rgb(lethe_image *image) {
    if (image->photometric != LETHE_YBR_FULL || image->samples != 3 || image->bytes_per_sample != 1) return;
    size_t count = (size_t)image->columns * image->rows;
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = image->pixels + 3 * i;
        double y = p[0], cb = p[1] - 128.0, cr = p[2] - 128.0;
        p[0] = clamp_byte(y + 1.402 * cr);
        p[1] = clamp_byte(y - 0.344136 * cb - 0.714136 * cr);
        p[2] = clamp_byte(y + 1.772 * cb);
    }
    image->photometric = LETHE_RGB;
}

/* --- lookup tables (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5) --- */

typedef struct table {
    uint32_t entries, bits;
    int32_t first;
    uint16_t *values; /* owned */
} table;

static uint16_t word_of(const lethe_dicom_element *element, size_t index, bool big_endian) {
    const uint8_t *at = element->value + 2 * index;
    return big_endian ? (uint16_t)(at[0] << 8 | at[1]) : (uint16_t)(at[1] << 8 | at[0]);
}

static bool load_descriptor(const lethe_dicom_element *descriptor, bool is_signed, table *out) {
    if (descriptor == NULL || descriptor->form != LETHE_DICOM_LEAF || descriptor->value_bytes < 6) return false;
    bool big_endian = descriptor->parent != NULL && descriptor->parent->encoding.big_endian;
    uint16_t entries = word_of(descriptor, 0, big_endian), first = word_of(descriptor, 1, big_endian), bits = word_of(descriptor, 2, big_endian);
    out->entries = entries == 0 ? 65536 : entries;
    out->first = is_signed ? (int16_t)first : first;
    out->bits = bits >= 1 && bits <= 16 ? bits : 16;
    return true;
}

/* Segmented data (C.7.9.2): discrete, linear and indirect segments. */
static void expand_segments(const uint16_t *words, size_t count, size_t from, unsigned segments, bool nested, table *out, uint32_t *done) {
    size_t at = from;
    while (at + 1 < count && *done < out->entries && (!nested || segments-- > 0)) {
        uint16_t kind = words[at], length = words[at + 1];
        at += 2;
        if (kind == 0) {
            for (uint16_t i = 0; i < length && at < count && *done < out->entries; i++) out->values[(*done)++] = words[at++];
        } else if (kind == 1 && at < count) {
            double start = *done > 0 ? out->values[*done - 1] : 0, end = words[at++];
            for (uint16_t i = 1; i <= length && *done < out->entries; i++)
                out->values[(*done)++] = (uint16_t)(start + (end - start) * i / length + 0.5);
        } else if (kind == 2 && at + 1 < count) {
            size_t offset = (size_t)words[at] | (size_t)words[at + 1] << 16;
            at += 2;
            if (nested) return; /* an indirect segment may not point to another (C.7.9.2.3) */
            expand_segments(words, count, offset, length, true, out, done);
        } else {
            return;
        }
    }
}

static lethe_status load_table(const lethe_dicom_item *item, lethe_tag descriptor_tag, lethe_tag data_tag, lethe_tag segmented_tag, bool is_signed,
                               table *out, lethe_error *error) {
    *out = (table){0};
    if (!load_descriptor(lethe_dicom_find(item, descriptor_tag), is_signed, out)) return LETHE_OK;
    const lethe_dicom_element *data = lethe_dicom_find(item, data_tag);
    const lethe_dicom_element *segmented = segmented_tag == 0 ? NULL : lethe_dicom_find(item, segmented_tag);
    if (data == NULL && segmented == NULL) return lethe_fail(error, LETHE_MALFORMED, "lookup table without data");
    out->values = lethe_alloc_array(out->entries, sizeof *out->values);
    if (out->values == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a lookup table");
    if (data != NULL && data->form == LETHE_DICOM_LEAF) {
        bool big_endian = item->encoding.big_endian, bytes = data->value_bytes < 2ull * out->entries;
        for (uint32_t i = 0; i < out->entries; i++) {
            if (bytes) out->values[i] = i < data->value_bytes ? data->value[i] : 0;
            else out->values[i] = word_of(data, i, big_endian);
        }
        return LETHE_OK;
    }
    if (segmented == NULL || segmented->form != LETHE_DICOM_LEAF) return LETHE_OK;
    size_t count = (size_t)segmented->value_bytes / 2;
    uint16_t *words = lethe_alloc_array(count == 0 ? 1 : count, sizeof *words);
    if (words == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a lookup table");
    for (size_t i = 0; i < count; i++) words[i] = word_of(segmented, i, item->encoding.big_endian);
    uint32_t done = 0;
    expand_segments(words, count, 0, 0, false, out, &done);
    lethe_free(words);
    return LETHE_OK;
}

static uint16_t look_up(const table *lut, int64_t index) {
    index -= lut->first;
    if (index < 0) index = 0;
    if (index >= lut->entries) index = lut->entries - 1;
    return lut->values[index];
}

static uint8_t look_up_byte(const table *lut, int64_t index) {
    uint16_t value = look_up(lut, index);
    return lut->bits > 8 ? (uint8_t)(value >> (lut->bits - 8)) : (uint8_t)value;
}

static lethe_status render_palette(const lethe_dicom_dataset *dataset, const lethe_image *stored, lethe_image *out, lethe_error *error) {
    table tables[3] = {{0}, {0}, {0}};
    lethe_status status = LETHE_OK;
    for (unsigned c = 0; c < 3 && status == LETHE_OK; c++) {
        status = load_table(dataset->root, TAG_PALETTE_DESCRIPTOR + c, TAG_PALETTE_DATA + c, TAG_PALETTE_SEGMENTED + c, stored->is_signed, &tables[c],
                            error);
        if (status == LETHE_OK && tables[c].values == NULL) status = lethe_fail(error, LETHE_MALFORMED, "PALETTE COLOR without a palette");
    }
    *out = (lethe_image){
        .columns = stored->columns, .rows = stored->rows, .samples = 3, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_RGB};
    if (status == LETHE_OK) status = lethe_image_allocate(out, error);
    if (status == LETHE_OK) {
        /* Writers of 8-bit tables sometimes declare 16 bits: then no value leaves the low byte. */
        for (unsigned c = 0; c < 3; c++) {
            uint16_t highest = 0;
            for (uint32_t i = 0; i < tables[c].entries; i++)
                if (tables[c].values[i] > highest) highest = tables[c].values[i];
            if (tables[c].bits > 8 && highest < 256) tables[c].bits = 8;
        }
        for (uint32_t y = 0; y < stored->rows; y++)
            for (uint32_t x = 0; x < stored->columns; x++) {
                int32_t index = lethe_image_sample(stored, x, y, 0);
                uint8_t *to = out->pixels + 3 * ((size_t)y * stored->columns + x);
                for (unsigned c = 0; c < 3; c++) to[c] = look_up_byte(&tables[c], index);
            }
    }
    for (unsigned c = 0; c < 3; c++) lethe_free(tables[c].values);
    return status;
}

static lethe_status render_colour(const lethe_image *stored, lethe_image *out, lethe_error *error) {
    *out = (lethe_image){.columns = stored->columns,
                         .rows = stored->rows,
                         .samples = stored->samples,
                         .bytes_per_sample = 1,
                         .bits_stored = 8,
                         .photometric = stored->photometric};
    lethe_status status = lethe_image_allocate(out, error);
    if (status != LETHE_OK) return status;
    size_t count = (size_t)stored->columns * stored->rows * stored->samples;
    if (stored->bytes_per_sample == 1) {
        memcpy(out->pixels, stored->pixels, count);
    } else {
        unsigned shift = stored->bits_stored > 8 ? stored->bits_stored - 8u : 0;
        for (size_t i = 0; i < count; i++) {
            uint32_t value = stored->bytes_per_sample == 2 ? ((const uint16_t *)(const void *)stored->pixels)[i]
                                                           : ((const uint32_t *)(const void *)stored->pixels)[i];
            value >>= shift;
            out->pixels[i] = value > 255 ? 255 : (uint8_t)value;
        }
    }
    lethe_image_to_rgb(out);
    if (out->samples == 3) out->photometric = LETHE_RGB;
    return LETHE_OK;
}

typedef struct grey_tables {
    table modality, voi;
} grey_tables;

static double modality_value(const grey_tables *tables, const lethe_display *display, double stored) {
    if (tables->modality.values != NULL) return look_up(&tables->modality, (int64_t)stored);
    return stored * display->slope + display->intercept;
}

static uint8_t grey_value(const grey_tables *tables, const lethe_display *display, double stored) {
    double value = modality_value(tables, display, stored);
    if (!display->has_window && tables->voi.values != NULL) {
        uint8_t grey = look_up_byte(&tables->voi, (int64_t)floor(value + 0.5));
        return display->invert ? (uint8_t)(255 - grey) : grey;
    }
    return lethe_display_window(display, value);
}

/* No window given: the data's own range, padding left out. */
static void window_from_data(const lethe_dicom_dataset *dataset, const grey_tables *tables, const lethe_image *stored, lethe_display *display) {
    int64_t padding = 0;
    bool has_padding = lethe_dicom_int(dataset->root, TAG_PADDING, 0, &padding);
    if (has_padding && stored->is_signed && stored->bytes_per_sample == 2) padding = (int16_t)padding;
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (uint32_t y = 0; y < stored->rows; y++)
        for (uint32_t x = 0; x < stored->columns; x++) {
            int32_t value = lethe_image_sample(stored, x, y, 0);
            if (has_padding && value == padding) continue;
            if (value < low) low = value;
            if (value > high) high = value;
        }
    if (low > high) low = high = 0;
    double a = modality_value(tables, display, low), b = modality_value(tables, display, high);
    if (a > b) {
        double swap = a;
        a = b;
        b = swap;
    }
    display->function = LETHE_VOI_LINEAR_EXACT;
    display->centre = (a + b) / 2;
    display->width = b - a;
}

static void render_grey(const grey_tables *tables, const lethe_display *display, const lethe_image *stored, lethe_image *out, uint8_t *map) {
    size_t count = (size_t)stored->columns * stored->rows;
    if (stored->bytes_per_sample == 4) {
        for (size_t i = 0; i < count; i++)
            out->pixels[i] =
                grey_value(tables, display, lethe_image_sample(stored, (uint32_t)(i % stored->columns), (uint32_t)(i / stored->columns), 0));
        return;
    }
    uint32_t values = stored->bytes_per_sample == 1 ? 256 : 65536;
    for (uint32_t v = 0; v < values; v++) {
        int32_t value = !stored->is_signed ? (int32_t)v : values == 256 ? (int8_t)v : (int16_t)v;
        map[v] = grey_value(tables, display, value);
    }
    if (values == 256)
        for (size_t i = 0; i < count; i++) out->pixels[i] = map[stored->pixels[i]];
    else
        for (size_t i = 0; i < count; i++) out->pixels[i] = map[((const uint16_t *)(const void *)stored->pixels)[i]];
}

lethe_status lethe_display_render(const lethe_dicom_dataset *dataset, const lethe_image *stored, const lethe_display *display, lethe_image *out,
                                  lethe_error *error) {
    *out = (lethe_image){0};
    if (stored->photometric == LETHE_PALETTE_COLOR && stored->samples == 1) return render_palette(dataset, stored, out, error);
    if (stored->samples >= 3) return render_colour(stored, out, error);
    grey_tables tables = {{0}, {0}};
    lethe_display used = *display;
    uint8_t *map = lethe_alloc_array(65536, 1);
    lethe_status status = map == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a lookup table") : LETHE_OK;
    const lethe_dicom_item *item = item_at(lethe_dicom_find(dataset->root, TAG_MODALITY_LUT), 0);
    if (status == LETHE_OK && item != NULL)
        status = load_table(item, TAG_LUT_DESCRIPTOR, TAG_LUT_DATA, 0, stored->is_signed, &tables.modality, error);
    item = item_at(lethe_dicom_find(dataset->root, TAG_VOI_LUT), 0);
    if (status == LETHE_OK && item != NULL) status = load_table(item, TAG_LUT_DESCRIPTOR, TAG_LUT_DATA, 0, stored->is_signed, &tables.voi, error);
    if (status != LETHE_OK) goto out;
    *out = (lethe_image){
        .columns = stored->columns, .rows = stored->rows, .samples = 1, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_MONOCHROME2};
    status = lethe_image_allocate(out, error);
    if (status != LETHE_OK) goto out;
    if (!used.has_window && used.width <= 0 && tables.voi.values == NULL) window_from_data(dataset, &tables, stored, &used);
    if (used.width > 0) used.has_window = true;
    render_grey(&tables, &used, stored, out, map);
out:
    lethe_free(tables.modality.values);
    lethe_free(tables.voi.values);
    lethe_free(map);
    return status;
}

/* --- tables for other programs' shaders --- */

lethe_status lethe_display_table_take(const lethe_dicom_item *item, bool is_signed, lethe_display_table *out, lethe_error *error) {
    *out = (lethe_display_table){0};
    table found = {0};
    lethe_status status = load_table(item, TAG_LUT_DESCRIPTOR, TAG_LUT_DATA, 0, is_signed, &found, error);
    if (status != LETHE_OK || found.values == NULL) {
        lethe_free(found.values);
        return status;
    }
    /* Some writers declare fewer bits than their values need. */
    for (uint32_t i = 0; i < found.entries; i++)
        while (found.bits < 16 && found.values[i] >> found.bits) found.bits++;
    *out = (lethe_display_table){.entries = found.entries, .bits = found.bits, .first = found.first, .values = found.values};
    if (!lethe_dicom_text(item, LETHE_TAG(0x0028, 0x3003), 0, out->explanation, sizeof out->explanation)) out->explanation[0] = '\0';
    return LETHE_OK;
}

lethe_status lethe_display_table_load(const lethe_dicom_dataset *dataset, uint32_t frame, lethe_table_kind kind, unsigned index,
                                      lethe_display_table *out, lethe_error *error) {
    *out = (lethe_display_table){0};
    const lethe_dicom_item *holder = kind == LETHE_TABLE_VOI ? macro_item(dataset, frame, TAG_FRAME_VOI) : dataset->root;
    const lethe_dicom_element *sequence = lethe_dicom_find(holder, kind == LETHE_TABLE_VOI ? TAG_VOI_LUT : TAG_MODALITY_LUT);
    if (sequence == NULL) sequence = lethe_dicom_find(dataset->root, kind == LETHE_TABLE_VOI ? TAG_VOI_LUT : TAG_MODALITY_LUT);
    const lethe_dicom_item *item = item_at(sequence, index);
    if (item == NULL) return LETHE_OK;
    /* The first input is signed when what goes in is: stored values for the modality LUT, modality values (CT: from -1024) for the VOI LUT. */
    int64_t representation = 0;
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0103), 0, &representation);
    lethe_display display;
    lethe_display_load(dataset, frame, 0, &display);
    return lethe_display_table_take(item, representation != 0 || (kind == LETHE_TABLE_VOI && display.intercept < 0), out, error);
}

void lethe_display_table_release(lethe_display_table *released) {
    lethe_free(released->values);
    *released = (lethe_display_table){0};
}

lethe_status lethe_image_apply_table(lethe_image *image, const lethe_display_table *applied, lethe_error *error) {
    if (image->samples != 1 || applied->entries == 0) return LETHE_OK;
    const table lut = {.entries = applied->entries, .bits = applied->bits, .first = applied->first, .values = applied->values};
    lethe_image mapped = {.columns = image->columns,
                          .rows = image->rows,
                          .samples = 1,
                          .bytes_per_sample = 2,
                          .bits_stored = (uint16_t)applied->bits,
                          .photometric = image->photometric};
    lethe_status status = lethe_image_allocate(&mapped, error);
    if (status != LETHE_OK) return status;
    uint16_t *to = (uint16_t *)(void *)mapped.pixels;
    for (uint32_t y = 0; y < image->rows; y++)
        for (uint32_t x = 0; x < image->columns; x++) *to++ = look_up(&lut, lethe_image_sample(image, x, y, 0));
    lethe_image_release(image);
    *image = mapped;
    return LETHE_OK;
}
