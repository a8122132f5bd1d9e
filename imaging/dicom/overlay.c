#include "imaging/dicom/overlay.h"

#include "core/buffer.h"

enum { GROUPS = 16 };

typedef struct plane {
    int64_t rows, columns, row, column; /* row, column: of its first bit in the image, from 0 */
    int64_t frames, first_frame;        /* of the image, from 0 */
    int64_t bits_allocated, bit;
    const lethe_dicom_element *data; /* NULL: inside of the pixel cells */
    bool big_endian;
} plane;

static lethe_tag tag_of(unsigned number, unsigned element) { return LETHE_TAG(0x6000u + 2 * number, element); }

static int64_t number_of(const lethe_dicom_item *root, lethe_tag tag, unsigned index, int64_t otherwise) {
    int64_t value;
    return lethe_dicom_int(root, tag, index, &value) ? value : otherwise;
}

static bool load(const lethe_dicom_dataset *dataset, unsigned number, plane *out) {
    const lethe_dicom_item *root = dataset->root;
    *out = (plane){.rows = number_of(root, tag_of(number, 0x0010), 0, 0),
                   .columns = number_of(root, tag_of(number, 0x0011), 0, 0),
                   .frames = number_of(root, tag_of(number, 0x0015), 0, 1),
                   .first_frame = number_of(root, tag_of(number, 0x0051), 0, 1) - 1,
                   .row = number_of(root, tag_of(number, 0x0050), 0, 1) - 1,
                   .column = number_of(root, tag_of(number, 0x0050), 1, 1) - 1,
                   .bits_allocated = number_of(root, tag_of(number, 0x0100), 0, 1),
                   .bit = number_of(root, tag_of(number, 0x0102), 0, 0)};
    const lethe_dicom_element *data = lethe_dicom_find(root, tag_of(number, 0x3000));
    if (data && data->form == LETHE_DICOM_LEAF) out->data = data;
    out->big_endian = out->data && root->encoding.big_endian && data->vr == LETHE_VR_OW;
    if (out->rows <= 0 || out->columns <= 0 || out->rows > 65535 || out->columns > 65535 || out->frames < 1 || out->first_frame < 0) return false;
    if (out->row < -65536 || out->row > 65536 || out->column < -65536 || out->column > 65536) return false;
    return out->data || (out->bits_allocated == 16 && out->bit > 0 && out->bit < 16);
}

unsigned lethe_overlay_count(const lethe_dicom_dataset *dataset) {
    unsigned count = 0;
    plane p;
    for (unsigned n = 0; n < GROUPS; n++) count += load(dataset, n, &p);
    return count;
}

static bool plane_bit(const plane *p, uint64_t index) {
    uint64_t byte = index / 8;
    if (p->big_endian) byte ^= 1;
    return byte < p->data->value_bytes && (p->data->value[byte] >> (index % 8) & 1);
}

static void draw_plane(const plane *p, uint32_t frame, uint8_t value, lethe_image *out) {
    /* An overlay without frames of its own lies over every frame; one with some begins at its frame origin. */
    int64_t own = p->frames > 1 || p->first_frame > 0 ? (int64_t)frame - p->first_frame : 0;
    if (own < 0 || own >= p->frames) return;
    uint64_t first = (uint64_t)own * (uint64_t)(p->rows * p->columns);
    for (int64_t y = 0; y < p->rows; y++) {
        int64_t to_y = y + p->row;
        if (to_y < 0 || to_y >= out->rows) continue;
        for (int64_t x = 0; x < p->columns; x++) {
            int64_t to_x = x + p->column;
            if (to_x < 0 || to_x >= out->columns) continue;
            if (plane_bit(p, first + (uint64_t)(y * p->columns + x))) out->pixels[(size_t)to_y * out->columns + (size_t)to_x] = value;
        }
    }
}

static lethe_status draw_embedded(const plane *p, lethe_pixels *pixels, uint32_t frame, bool big_endian, uint8_t value, lethe_image *out,
                                  lethe_error *error) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    if (info->codec != LETHE_CODEC_RAW || info->bits_allocated != 16 || info->samples_per_pixel != 1) return LETHE_OK;
    lethe_buffer joined;
    lethe_buffer_init(&joined, 1u << 30);
    const uint8_t *bytes;
    size_t size;
    lethe_status status = lethe_pixels_frame_bytes(pixels, frame, &joined, &bytes, &size, error);
    size_t count = (size_t)out->columns * out->rows;
    for (size_t i = 0; i < count && !status && 2 * i + 1 < size; i++) {
        unsigned cell = big_endian ? (unsigned)(bytes[2 * i] << 8 | bytes[2 * i + 1]) : (unsigned)(bytes[2 * i + 1] << 8 | bytes[2 * i]);
        if (cell >> p->bit & 1) out->pixels[i] = value;
    }
    lethe_buffer_release(&joined);
    return status;
}

lethe_status lethe_overlay_draw(const lethe_dicom_dataset *dataset, lethe_pixels *pixels, uint32_t frame, lethe_image *out, lethe_error *error) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    *out = (lethe_image){
        .columns = info->columns, .rows = info->rows, .samples = 1, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_MONOCHROME2};
    lethe_status status = lethe_image_allocate(out, error);
    for (unsigned n = 0; n < GROUPS && !status; n++) {
        plane p;
        if (!load(dataset, n, &p)) continue;
        if (p.data) draw_plane(&p, frame, (uint8_t)(n + 1), out);
        else status = draw_embedded(&p, pixels, frame, dataset->root->encoding.big_endian, (uint8_t)(n + 1), out, error);
    }
    if (status) lethe_image_release(out);
    return status;
}
