/* 3DHISTECH MRXS: a folder with Slidedat.ini, Index.dat and data files, beside a small .mrxs file. */
#include "core/file.h"
#include "core/memory.h"
#include "testdata/slide_art.h"
#include "testdata/slides.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 256, PER_SIDE = 2, OVERLAP = 22, LEVELS = 3, DATA_FILES = 2, RECORDS = 6 };

static const char slide_id[] = "5C0FFEE5A11CE0BADC0DE00000000001";

typedef struct record {
    uint32_t index, offset, length, file;
} record;

typedef struct maker {
    const slide_case *c;
    lethe_buffer data[DATA_FILES], index;
    uint32_t across, down;
    lethe_status status;
    lethe_error *error;
} maker;

static void put(maker *m, lethe_buffer *to, const void *bytes, size_t size) {
    if (m->status == LETHE_OK) m->status = lethe_buffer_append(to, bytes, size, m->error);
}

static void put32(maker *m, lethe_buffer *to, uint32_t value) {
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    put(m, to, bytes, 4);
}

static void set32(lethe_buffer *in, size_t at, uint32_t value) {
    for (unsigned i = 0; i < 4 && at + i < in->size; i++) in->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static record put_jpeg(maker *m, unsigned file, const uint8_t *rgb, uint32_t width, uint32_t height, uint32_t index) {
    const slide_jpeg how = {.quality = 80};
    record r = {.index = index, .offset = (uint32_t)m->data[file].size, .file = file};
    if (m->status == LETHE_OK) m->status = slide_jpeg_encode(rgb, width, height, &how, &m->data[file], NULL, m->error);
    r.length = (uint32_t)m->data[file].size - r.offset;
    return r;
}

static void put_page(maker *m, const record *records, uint32_t count) {
    put32(m, &m->index, count);
    put32(m, &m->index, 0); /* no next page */
    for (uint32_t i = 0; i < count; i++) {
        put32(m, &m->index, records[i].index);
        put32(m, &m->index, records[i].offset);
        put32(m, &m->index, records[i].length);
        put32(m, &m->index, records[i].file);
    }
}

/* Images of all levels; the pointer array stands at `root`. */
static void put_levels(maker *m, size_t root) {
    uint8_t *rgb = lethe_alloc_array((size_t)SIDE * SIDE, 3);
    record *records = lethe_alloc_array((size_t)m->across * m->down, sizeof *records);
    if (!rgb || !records) m->status = lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    for (uint32_t level = 0; m->status == LETHE_OK && level < LEVELS; level++) {
        uint32_t step = 1u << level, count = 0;
        for (uint32_t y = 0; y < m->down; y += step)
            for (uint32_t x = 0; x < m->across; x += step) {
                slide_tissue_tile(m->c->phase, (int64_t)(x / step) * SIDE, (int64_t)(y / step) * SIDE, step, SIDE, SIDE, rgb);
                records[count++] = put_jpeg(m, level % DATA_FILES, rgb, SIDE, SIDE, y * m->across + x);
            }
        set32(&m->index, root + 4 * level, (uint32_t)m->index.size);
        put32(m, &m->index, 0);
        put32(m, &m->index, (uint32_t)m->index.size + 4);
        put_page(m, records, count);
    }
    lethe_free(rgb);
    lethe_free(records);
}

static void put_other(maker *m, size_t root, uint32_t number, record r) {
    set32(&m->index, root + 4 * (size_t)number, (uint32_t)m->index.size);
    put32(m, &m->index, 0);
    put32(m, &m->index, (uint32_t)m->index.size + 4);
    put32(m, &m->index, 1);
    for (unsigned i = 0; i < 3; i++) put32(m, &m->index, 0);
    put32(m, &m->index, r.offset);
    put32(m, &m->index, r.length);
    put32(m, &m->index, r.file);
}

static void put_others(maker *m, size_t root) {
    uint8_t *rgb = lethe_alloc_array(300 * 300, 3);
    char text[256];
    if (!rgb) {
        m->status = lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
        return;
    }
    slide_label(m->c->label, 300, 300, rgb);
    for (uint32_t i = 0; i < 2; i++) put_other(m, root, i, put_jpeg(m, 1, rgb, 300, 300, 0)); /* label and macro */
    slide_tissue_tile(m->c->phase, 0, 0, 4, 300, 300, rgb);
    put_other(m, root, 2, put_jpeg(m, 0, rgb, 300, 300, 0)); /* preview */
    (void)snprintf(text, sizeof text, "<Profile ProfileName=\"%s\" Operator=\"%s\"/>", m->c->hospital, m->c->user);
    record profile = {.offset = (uint32_t)m->data[0].size, .length = (uint32_t)strlen(text)};
    put(m, &m->data[0], text, strlen(text));
    put_other(m, root, 3, profile);
    /* Photographs overlap, and the stage is not quite even. */
    uint32_t columns = m->across / PER_SIDE, rows = m->down / PER_SIDE;
    record positions = {.offset = (uint32_t)m->data[1].size, .file = 1, .length = 9 * columns * rows};
    for (uint32_t i = 0; i < columns * rows; i++) {
        uint32_t column = i % columns, row = i / columns;
        put(m, &m->data[1], "", 1);
        put32(m, &m->data[1], column * (PER_SIDE * SIDE - OVERLAP) + row % 3 * (column ? 2 : 0));
        put32(m, &m->data[1], row * (PER_SIDE * SIDE - OVERLAP) + column % 2 * (row ? 3 : 0));
    }
    put_other(m, root, 4, positions);
    lethe_free(rgb);
}

static void put_ini(maker *m, lethe_buffer *ini) {
    const slide_case *c = m->c;
    lethe_status status = lethe_buffer_printf(
        ini, m->error,
        "\xEF\xBB\xBF[GENERAL]\r\nSLIDE_VERSION = 01.02\r\nSLIDE_ID = %s\r\nSLIDE_NAME = %s\r\nPROJECT_NAME = %s\r\nSLIDE_CREATIONDATETIME = %s "
        "%s\r\n"
        "SLIDE_BARCODE = %s\r\nIMAGENUMBER_X = %u\r\nIMAGENUMBER_Y = %u\r\nOBJECTIVE_MAGNIFICATION = 20\r\nCameraImageDivisionsPerSide = %d\r\n\r\n"
        "[HIERARCHICAL]\r\nHIER_COUNT = 1\r\nHIER_0_NAME = Slide zoom level\r\nHIER_0_COUNT = %d\r\n",
        slide_id, c->name, c->hospital, c->date, c->time, c->barcode, m->across, m->down, PER_SIDE, LEVELS);
    for (unsigned i = 0; status == LETHE_OK && i < LEVELS; i++)
        status =
            lethe_buffer_printf(ini, m->error, "HIER_0_VAL_%u = ZoomLevel_%u\r\nHIER_0_VAL_%u_SECTION = LAYER_0_LEVEL_%u_SECTION\r\n", i, i, i, i);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(
            ini, m->error,
            "NONHIER_COUNT = 3\r\nNONHIER_0_NAME = Scan data layer\r\nNONHIER_0_COUNT = 3\r\nNONHIER_0_VAL_0 = ScanDataLayer_SlideBarcode\r\n"
            "NONHIER_0_VAL_0_SECTION = NONHIERLAYER_0_LEVEL_0_SECTION\r\nNONHIER_0_VAL_1 = ScanDataLayer_SlideThumbnail\r\n"
            "NONHIER_0_VAL_1_SECTION = NONHIERLAYER_0_LEVEL_1_SECTION\r\nNONHIER_0_VAL_2 = ScanDataLayer_SlidePreview\r\n"
            "NONHIER_0_VAL_2_SECTION = NONHIERLAYER_0_LEVEL_2_SECTION\r\nNONHIER_1_NAME = ProfileXMLHeader\r\nNONHIER_1_COUNT = 1\r\n"
            "NONHIER_1_VAL_0 = Profile %s\r\nNONHIER_1_VAL_0_SECTION = NONHIERLAYER_1_LEVEL_0_SECTION\r\nNONHIER_2_NAME = "
            "VIMSLIDE_POSITION_BUFFER\r\n"
            "NONHIER_2_COUNT = 1\r\nNONHIER_2_VAL_0 = default\r\nNONHIER_2_VAL_0_SECTION = NONHIERLAYER_2_LEVEL_0_SECTION\r\nINDEXFILE = "
            "Index.dat\r\n\r\n"
            "[DATAFILE]\r\nFILE_COUNT = %d\r\nFILE_0 = Data0000.dat\r\nFILE_1 = Data0001.dat\r\n\r\n[NONHIERLAYER_0_SECTION]\r\nSCANNER_HARDWARE_ID "
            "= %s\r\n\r\n",
            c->user, DATA_FILES, c->serial);
    for (unsigned i = 0; status == LETHE_OK && i < LEVELS; i++)
        status = lethe_buffer_printf(
            ini, m->error,
            "[LAYER_0_LEVEL_%u_SECTION]\r\nOVERLAP_X = %d\r\nOVERLAP_Y = %d\r\nMICROMETER_PER_PIXEL_X = %.6f\r\nMICROMETER_PER_PIXEL_Y = %.6f\r\n"
            "IMAGE_FORMAT = JPEG\r\nIMAGE_FILL_COLOR_BGR = 16777215\r\nDIGITIZER_WIDTH = %d\r\nDIGITIZER_HEIGHT = %d\r\nIMAGE_CONCAT_FACTOR = %u\r\n"
            "OPERATOR = %s\r\n\r\n",
            i, OVERLAP >> i, OVERLAP >> i, 0.325 * (1 << i), 0.325 * (1 << i), SIDE, SIDE, i ? 1 : 0, c->user);
    static const char *const types[] = {"BARCODE_IMAGE_TYPE", "THUMBNAIL_IMAGE_TYPE", "PREVIEW_IMAGE_TYPE"};
    for (unsigned i = 0; status == LETHE_OK && i < 3; i++)
        status = lethe_buffer_printf(ini, m->error, "[NONHIERLAYER_0_LEVEL_%u_SECTION]\r\n%s = JPEG\r\n\r\n", i, types[i]);
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(ini, "[NONHIERLAYER_2_LEVEL_0_SECTION]\r\nVIMSLIDE_POSITION_DATA_FORMAT_VERSION = 257\r\n", m->error);
    if (m->status == LETHE_OK) m->status = status;
}

static void save(maker *m, const char *folder, const char *name, const lethe_buffer *bytes) {
    char *path = lethe_path_join(folder, name);
    if (m->status == LETHE_OK && !path) m->status = lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    if (m->status == LETHE_OK) m->status = lethe_file_write(path, bytes->bytes, bytes->size, 0644, m->error);
    lethe_free(path);
}

lethe_status slide_make_mirax(const slide_case *c, const char *folder, const char *stem, lethe_error *error) {
    maker m = {.c = c, .across = (c->width / SIDE + 3) & ~3u, .down = (c->height / SIDE + 3) & ~3u, .error = error};
    lethe_buffer ini;
    char name[96];
    lethe_buffer_init(&ini, 1 << 20);
    lethe_buffer_init(&m.index, 1 << 24);
    for (unsigned i = 0; i < DATA_FILES; i++) {
        lethe_buffer_init(&m.data[i], 1 << 28);
        put(&m, &m.data[i], "01.02", 5);
        put(&m, &m.data[i], slide_id, 32);
        (void)snprintf(name, sizeof name, "   %u", i);
        put(&m, &m.data[i], name, 4);
        put(&m, &m.data[i], c->accession, strlen(c->accession)); /* a stretch that nothing points to */
    }
    put(&m, &m.index, "01.02", 5);
    put(&m, &m.index, slide_id, 32);
    size_t roots = m.index.size, hier = roots + 8, nonhier = hier + 4 * LEVELS;
    put32(&m, &m.index, (uint32_t)hier);
    put32(&m, &m.index, (uint32_t)nonhier);
    for (unsigned i = 0; i < LEVELS + RECORDS; i++) put32(&m, &m.index, 0);
    put_levels(&m, hier);
    put_others(&m, nonhier);
    put_ini(&m, &ini);
    char *inside = lethe_path_join(folder, stem);
    if (m.status == LETHE_OK) m.status = inside ? lethe_folder_create(inside, 0755, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (m.status == LETHE_OK) {
        save(&m, inside, "Slidedat.ini", &ini);
        save(&m, inside, "Index.dat", &m.index);
        save(&m, inside, "Data0000.dat", &m.data[0]);
        save(&m, inside, "Data0001.dat", &m.data[1]);
        lethe_buffer_clear(&ini);
        put(&m, &ini, c->name, strlen(c->name));
        (void)snprintf(name, sizeof name, "%s.mrxs", stem);
        save(&m, folder, name, &ini);
    }
    lethe_free(inside);
    lethe_buffer_release(&ini);
    lethe_buffer_release(&m.index);
    for (unsigned i = 0; i < DATA_FILES; i++) lethe_buffer_release(&m.data[i]);
    return m.status;
}
