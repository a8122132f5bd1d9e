#include "annotate/formats/nifti_file.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

enum { HEADER_BYTES = 348, DATA_OFFSET = 352 };
#define VOLUME_LIMIT_BYTES ((size_t)4 << 30)

/* --- little-endian fields --- */

typedef struct raw {
    const uint8_t *bytes;
    bool swap;
} raw;

static uint32_t get(const raw *r, size_t at, unsigned size) {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) value |= (uint32_t)r->bytes[at + i] << (8 * (r->swap ? size - 1 - i : i));
    return value;
}
static int16_t get_short(const raw *r, size_t at) { return (int16_t)get(r, at, 2); }
static float get_float(const raw *r, size_t at) {
    uint32_t bits = get(r, at, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* --- reading --- */

static lethe_status inflate_all(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes};
    lethe_status status = LETHE_OK;
    size_t left = size;
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to inflate");
    for (int code = Z_OK; status == LETHE_OK && code != Z_STREAM_END;) {
        uint8_t *at;
        enum { PIECE = 1 << 18 };
        if (stream.avail_in == 0) {
            stream.avail_in = left > UINT32_MAX ? UINT32_MAX : (uInt)left;
            left -= stream.avail_in;
        }
        status = lethe_buffer_extend(out, PIECE, &at, error);
        if (status != LETHE_OK) break;
        stream.next_out = at;
        stream.avail_out = PIECE;
        code = inflate(&stream, Z_NO_FLUSH);
        out->size -= stream.avail_out;
        if (code != Z_OK && code != Z_STREAM_END) status = lethe_fail(error, LETHE_MALFORMED, "the compressed data are damaged or end too soon");
    }
    (void)inflateEnd(&stream);
    return status;
}

static double sample(const raw *data, int16_t type, size_t i) {
    switch (type) {
    case 2: return data->bytes[i];
    case 256: return (int8_t)data->bytes[i];
    case 4: return get_short(data, i * 2);
    case 512: return get(data, i * 2, 2);
    case 8: return (int32_t)get(data, i * 4, 4);
    case 768: return get(data, i * 4, 4);
    case 16: return (double)get_float(data, i * 4);
    default: {
        uint64_t bits = data->swap ? (uint64_t)get(data, i * 8, 4) << 32 | get(data, i * 8 + 4, 4)
                                   : (uint64_t)get(data, i * 8 + 4, 4) << 32 | get(data, i * 8, 4);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    }
}

static size_t sample_bytes(int16_t type) {
    switch (type) {
    case 2:
    case 256: return 1;
    case 4:
    case 512: return 2;
    case 8:
    case 768:
    case 16: return 4;
    case 64: return 8;
    default: return 0;
    }
}

static void affine_from_quaternion(const raw *h, lethe_nifti *n) {
    double b = (double)get_float(h, 256), c = (double)get_float(h, 260), d = (double)get_float(h, 264),
           a = sqrt(fmax(0, 1 - (b * b + c * c + d * d)));
    double handed = get_float(h, 76) < 0 ? -1 : 1;
    const double rotation[9] = {a * a + b * b - c * c - d * d, 2 * (b * c - a * d),           2 * (b * d + a * c),
                                2 * (b * c + a * d),           a * a + c * c - b * b - d * d, 2 * (c * d - a * b),
                                2 * (b * d - a * c),           2 * (c * d + a * b),           a * a + d * d - b * b - c * c};
    for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 3; column++)
            n->affine[row * 4 + column] = rotation[row * 3 + column] * n->spacing_mm[column] * (column == 2 ? handed : 1);
        n->affine[row * 4 + 3] = (double)get_float(h, (size_t)(268 + 4 * row));
    }
}

static lethe_status read_header(const raw *h, lethe_nifti *n, lethe_error *error) {
    int16_t dimensions = get_short(h, 40);
    if (memcmp(h->bytes + 344, "n+1", 4) != 0) return lethe_fail(error, LETHE_UNSUPPORTED, "not a single-file NIfTI-1");
    if (dimensions < 2 || dimensions > 7) return lethe_fail(error, LETHE_MALFORMED, "%d dimensions", dimensions);
    for (int i = 4; i <= dimensions; i++)
        if (get_short(h, (size_t)(40 + 2 * i)) > 1) return lethe_fail(error, LETHE_UNSUPPORTED, "more than three dimensions");
    int16_t columns = get_short(h, 42), rows = get_short(h, 44), slices = dimensions >= 3 ? get_short(h, 46) : 1;
    if (columns < 1 || rows < 1 || slices < 1) return lethe_fail(error, LETHE_MALFORMED, "a dimension is not positive");
    n->columns = (uint32_t)columns;
    n->rows = (uint32_t)rows;
    n->slices = (uint32_t)slices;
    for (size_t i = 0; i < 3; i++) {
        n->spacing_mm[i] = fabs((double)get_float(h, 80 + 4 * i));
        if (!(n->spacing_mm[i] > 0) || !isfinite(n->spacing_mm[i])) n->spacing_mm[i] = 1;
    }
    if (get_short(h, 254) > 0) {
        for (size_t i = 0; i < 12; i++) n->affine[i] = (double)get_float(h, 280 + 4 * i);
    } else if (get_short(h, 252) > 0) {
        affine_from_quaternion(h, n);
    } else {
        for (size_t i = 0; i < 3; i++) n->affine[i * 5] = n->spacing_mm[i];
    }
    return LETHE_OK;
}

static lethe_status read_plain(const uint8_t *bytes, size_t size, lethe_nifti *n, lethe_error *error) {
    raw h = {bytes, false};
    if (size < DATA_OFFSET) return lethe_fail(error, LETHE_MALFORMED, "%zu bytes are too short for a NIfTI header", size);
    h.swap = get(&h, 0, 4) != HEADER_BYTES;
    if (get(&h, 0, 4) != HEADER_BYTES) return lethe_fail(error, LETHE_MALFORMED, "not a NIfTI-1 file");
    lethe_status status = read_header(&h, n, error);
    if (status != LETHE_OK) return status;
    int16_t type = get_short(&h, 70);
    size_t each = sample_bytes(type), count = (size_t)n->columns * n->rows * n->slices;
    double offset = (double)get_float(&h, 108), slope = (double)get_float(&h, 112), intercept = (double)get_float(&h, 116);
    if (each == 0) return lethe_fail(error, LETHE_UNSUPPORTED, "voxels of type %d", type);
    if (!(offset >= DATA_OFFSET) || offset > (double)size || count > (size - (size_t)offset) / each)
        return lethe_fail(error, LETHE_MALFORMED, "the file ends before its voxels do");
    if (!isfinite(slope) || !isfinite(intercept) || (!(slope < 0) && !(slope > 0))) {
        slope = 1;
        intercept = 0;
    }
    raw data = {bytes + (size_t)offset, h.swap};
    if ((n->voxels = lethe_alloc_array(count, sizeof *n->voxels)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a volume");
    for (size_t i = 0; i < count; i++) n->voxels[i] = (float)(sample(&data, type, i) * slope + intercept);
    return LETHE_OK;
}

lethe_status lethe_nifti_parse(const uint8_t *bytes, size_t size, lethe_nifti *out, lethe_error *error) {
    lethe_buffer inflated;
    lethe_buffer_init(&inflated, VOLUME_LIMIT_BYTES);
    memset(out, 0, sizeof *out);
    lethe_status status = LETHE_OK;
    if (size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        status = inflate_all(bytes, size, &inflated, error);
        if (status == LETHE_OK) status = read_plain(inflated.bytes, inflated.size, out, error);
    } else {
        status = read_plain(bytes, size, out, error);
    }
    lethe_buffer_release(&inflated);
    if (status != LETHE_OK) lethe_nifti_release(out);
    return status;
}

lethe_status lethe_nifti_load(const char *path, lethe_nifti *out, lethe_error *error) {
    lethe_map map = {.fd = -1};
    memset(out, 0, sizeof *out);
    lethe_status status = lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_nifti_parse(map.bytes, map.size, out, error);
    if (map.fd >= 0) lethe_map_close(&map);
    return status;
}

void lethe_nifti_release(lethe_nifti *nifti) {
    lethe_free(nifti->voxels);
    memset(nifti, 0, sizeof *nifti);
}

/* --- writing --- */

static void set_short(uint8_t *h, size_t at, int value) {
    h[at] = (uint8_t)value;
    h[at + 1] = (uint8_t)(value >> 8);
}

static void set_float(uint8_t *h, size_t at, double value) {
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    for (int i = 0; i < 4; i++) h[at + (size_t)i] = (uint8_t)(bits >> (8 * i));
}

/* Quaternion of the rotation (columns of the affine over their spacing); qfac is the handedness. */
static void set_quaternion(uint8_t *h, const lethe_nifti *n) {
    double r[9], q[4];
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 3; column++) r[row * 3 + column] = n->affine[row * 4 + column] / n->spacing_mm[column];
    double determinant = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) + r[2] * (r[3] * r[7] - r[4] * r[6]);
    if (determinant < 0)
        for (int row = 0; row < 3; row++) r[row * 3 + 2] = -r[row * 3 + 2];
    double trace = r[0] + r[4] + r[8] + 1;
    if (trace > 0.5) {
        q[0] = 0.5 * sqrt(trace);
        q[1] = 0.25 * (r[7] - r[5]) / q[0];
        q[2] = 0.25 * (r[2] - r[6]) / q[0];
        q[3] = 0.25 * (r[3] - r[1]) / q[0];
    } else {
        double xd = 1 + r[0] - (r[4] + r[8]), yd = 1 + r[4] - (r[0] + r[8]), zd = 1 + r[8] - (r[0] + r[4]);
        if (xd > 1) {
            q[1] = 0.5 * sqrt(xd);
            q[2] = 0.25 * (r[1] + r[3]) / q[1];
            q[3] = 0.25 * (r[2] + r[6]) / q[1];
            q[0] = 0.25 * (r[7] - r[5]) / q[1];
        } else if (yd > 1) {
            q[2] = 0.5 * sqrt(yd);
            q[1] = 0.25 * (r[1] + r[3]) / q[2];
            q[3] = 0.25 * (r[5] + r[7]) / q[2];
            q[0] = 0.25 * (r[2] - r[6]) / q[2];
        } else {
            q[3] = 0.5 * sqrt(zd);
            q[1] = 0.25 * (r[2] + r[6]) / q[3];
            q[2] = 0.25 * (r[5] + r[7]) / q[3];
            q[0] = 0.25 * (r[3] - r[1]) / q[3];
        }
        if (q[0] < 0)
            for (int i = 0; i < 4; i++) q[i] = -q[i];
    }
    set_float(h, 76, determinant < 0 ? -1 : 1);
    for (size_t i = 0; i < 3; i++) set_float(h, 256 + 4 * i, q[i + 1]);
    for (size_t i = 0; i < 3; i++) set_float(h, 268 + 4 * i, n->affine[i * 4 + 3]);
}

static void fill_header(const lethe_nifti *n, lethe_nifti_type type, uint8_t h[DATA_OFFSET]) {
    memset(h, 0, DATA_OFFSET);
    set_short(h, 0, HEADER_BYTES);
    h[38] = 'r';
    set_short(h, 40, 3);
    set_short(h, 42, (int)n->columns);
    set_short(h, 44, (int)n->rows);
    set_short(h, 46, (int)n->slices);
    for (size_t i = 4; i < 8; i++) set_short(h, 40 + 2 * i, 1);
    set_short(h, 70, (int)type);
    set_short(h, 72, type == LETHE_NIFTI_UINT8 ? 8 : type == LETHE_NIFTI_INT16 ? 16 : 32);
    for (size_t i = 0; i < 3; i++) set_float(h, 80 + 4 * i, n->spacing_mm[i]);
    set_float(h, 108, DATA_OFFSET);
    set_float(h, 112, 1);
    h[123] = 2; /* millimetres */
    set_short(h, 252, 1);
    set_short(h, 254, 1);
    set_quaternion(h, n);
    for (size_t i = 0; i < 12; i++) set_float(h, 280 + 4 * i, n->affine[i]);
    memcpy(h + 344, "n+1", 4);
}

static lethe_status deflate_piece(z_stream *stream, const void *bytes, size_t size, int flush, lethe_buffer *out, lethe_error *error) {
    stream->next_in = (Bytef *)(uintptr_t)bytes;
    stream->avail_in = (uInt)size;
    do {
        uint8_t *at;
        enum { PIECE = 1 << 17 };
        lethe_status status = lethe_buffer_extend(out, PIECE, &at, error);
        if (status != LETHE_OK) return status;
        stream->next_out = at;
        stream->avail_out = PIECE;
        (void)deflate(stream, flush);
        out->size -= stream->avail_out;
    } while (stream->avail_out == 0);
    return LETHE_OK;
}

lethe_status lethe_nifti_encode(const lethe_nifti *n, lethe_nifti_type type, lethe_buffer *out, lethe_error *error) {
    uint8_t header[DATA_OFFSET];
    z_stream stream = {0};
    size_t row = n->columns, each = type == LETHE_NIFTI_UINT8 ? 1 : type == LETHE_NIFTI_INT16 ? 2 : 4;
    if (n->columns > INT16_MAX || n->rows > INT16_MAX || n->slices > INT16_MAX)
        return lethe_fail(error, LETHE_LIMIT, "NIfTI-1 holds at most 32,767 voxels along an axis");
    uint8_t *line = lethe_alloc_array(row, each);
    if (line == NULL || deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        lethe_free(line);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory to deflate");
    }
    fill_header(n, type, header);
    lethe_status status = deflate_piece(&stream, header, sizeof header, Z_NO_FLUSH, out, error);
    for (size_t y = 0; status == LETHE_OK && y < (size_t)n->rows * n->slices; y++) {
        for (size_t x = 0; x < row; x++) {
            float value = n->voxels[y * row + x];
            if (type == LETHE_NIFTI_UINT8) line[x] = (uint8_t)value;
            else if (type == LETHE_NIFTI_INT16) set_short(line, 2 * x, (int)value);
            else set_float(line, 4 * x, (double)value);
        }
        status = deflate_piece(&stream, line, row * each, Z_NO_FLUSH, out, error);
    }
    if (status == LETHE_OK) status = deflate_piece(&stream, line, 0, Z_FINISH, out, error);
    (void)deflateEnd(&stream);
    lethe_free(line);
    return status;
}
