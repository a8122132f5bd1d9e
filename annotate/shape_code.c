/* The stored form of a shape: 'L' 'S' version kind flags, then what the flags announce. Integers are LEB128, doubles 8 bytes little endian. */
#include "annotate/shape.h"

#include "core/memory.h"

#include <string.h>

enum { VERSION = 1, HAS_ANGLE = 1, HAS_MEASURE = 2, HAS_RINGS = 4, HAS_SLICES = 8, ALL_FLAGS = 15 };

static lethe_status put_byte(lethe_buffer *out, unsigned value, lethe_error *error) {
    uint8_t byte = (uint8_t)value;
    return lethe_buffer_append(out, &byte, 1, error);
}

static lethe_status put_number(lethe_buffer *out, uint64_t value, lethe_error *error) {
    uint8_t bytes[10];
    size_t size = 0;
    do {
        bytes[size] = (uint8_t)(value & 0x7F);
        value >>= 7;
        if (value != 0) bytes[size] |= 0x80;
        size++;
    } while (value != 0);
    return lethe_buffer_append(out, bytes, size, error);
}

static uint64_t zigzag(int64_t value) { return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0); }

static int64_t unzigzag(uint64_t value) { return (int64_t)(value >> 1) ^ -(int64_t)(value & 1); }

static lethe_status put_double(lethe_buffer *out, double value, lethe_error *error) {
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &value, sizeof bits);
    for (unsigned i = 0; i < 8; i++) bytes[i] = (uint8_t)(bits >> (8 * i));
    return lethe_buffer_append(out, bytes, sizeof bytes, error);
}

static lethe_status put_slice(lethe_buffer *out, const lethe_mask_slice *slice, lethe_error *error) {
    const char *image = slice->image != NULL ? slice->image : "";
    uint64_t head[7] = {slice->frame,     zigzag(slice->mask.x), zigzag(slice->mask.y), slice->mask.columns,
                        slice->mask.rows, slice->mask.run_count, strlen(image)};
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < 7; i++) status = put_number(out, head[i], error);
    if (status == LETHE_OK) status = lethe_buffer_append(out, image, strlen(image), error);
    for (size_t i = 0; status == LETHE_OK && i < slice->mask.run_count; i++) status = put_number(out, slice->mask.runs[i], error);
    return status;
}

lethe_status lethe_shape_encode(const lethe_shape *shape, lethe_buffer *out, lethe_error *error) {
    bool has_angle = shape->angle_degrees < 0 || shape->angle_degrees > 0;
    unsigned flags = (has_angle ? HAS_ANGLE : 0u) | (shape->measure != 0 ? HAS_MEASURE : 0u) | (shape->ring_ends != NULL ? HAS_RINGS : 0u) |
                     (shape->slice_count != 0 ? HAS_SLICES : 0u);
    uint8_t head[5] = {'L', 'S', VERSION, (uint8_t)shape->kind, (uint8_t)flags};
    lethe_status status = lethe_buffer_append(out, head, sizeof head, error);
    if (status == LETHE_OK) status = put_number(out, shape->frame, error);
    if (status == LETHE_OK) status = put_number(out, shape->point_count, error);
    if (status == LETHE_OK && has_angle) status = put_double(out, shape->angle_degrees, error);
    if (status == LETHE_OK && shape->measure != 0) status = put_byte(out, (unsigned)shape->measure, error);
    if (status == LETHE_OK && shape->measure != 0) status = put_double(out, shape->measured, error);
    for (size_t i = 0; status == LETHE_OK && i < shape->point_count; i++) {
        status = put_double(out, shape->points[i].x, error);
        if (status == LETHE_OK) status = put_double(out, shape->points[i].y, error);
    }
    if (status == LETHE_OK && shape->ring_ends != NULL) status = put_number(out, shape->ring_count, error);
    for (size_t i = 0; status == LETHE_OK && shape->ring_ends != NULL && i < shape->ring_count; i++)
        status = put_number(out, shape->ring_ends[i], error);
    if (status == LETHE_OK && shape->slice_count != 0) status = put_number(out, shape->slice_count, error);
    for (size_t i = 0; status == LETHE_OK && i < shape->slice_count; i++) status = put_slice(out, &shape->slices[i], error);
    return status;
}

/* --- reading: a cursor that remembers that it ran over --- */

typedef struct cursor {
    const uint8_t *at, *end;
    bool bad;
} cursor;

static uint8_t get_byte(cursor *from) {
    if (from->at == from->end) {
        from->bad = true;
        return 0;
    }
    return *from->at++;
}

static uint64_t get_number(cursor *from, uint64_t limit) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = get_byte(from);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) != 0) continue;
        if (value > limit) from->bad = true;
        return from->bad ? 0 : value;
    }
    from->bad = true;
    return 0;
}

/* A count of things that take at least `each` bytes: more cannot follow than bytes are left. */
static size_t get_count(cursor *from, size_t each) { return (size_t)get_number(from, (uint64_t)(from->end - from->at) / each); }

static double get_double(cursor *from) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++) bits |= (uint64_t)get_byte(from) << (8 * i);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void *take(lethe_arena *arena, size_t count, size_t size) {
    return arena != NULL ? lethe_arena_alloc_array(arena, count, size) : lethe_alloc_array(count, size);
}

static bool get_slice(cursor *from, lethe_arena *arena, lethe_mask_slice *slice) {
    slice->frame = (uint32_t)get_number(from, UINT32_MAX);
    slice->mask.x = unzigzag(get_number(from, UINT64_MAX));
    slice->mask.y = unzigzag(get_number(from, UINT64_MAX));
    slice->mask.columns = (uint32_t)get_number(from, UINT32_MAX);
    slice->mask.rows = (uint32_t)get_number(from, UINT32_MAX);
    size_t runs = get_count(from, 1), image_size = get_count(from, 1);
    if (from->bad || (slice->image = take(arena, image_size + 1, 1)) == NULL) return false;
    memcpy(slice->image, from->at, image_size);
    from->at += image_size;
    if ((slice->mask.runs = take(arena, runs, sizeof *slice->mask.runs)) == NULL) return false;
    slice->mask.run_count = runs;
    for (size_t i = 0; i < runs; i++) slice->mask.runs[i] = (uint32_t)get_number(from, UINT32_MAX);
    return true;
}

static bool get_parts(cursor *from, unsigned flags, lethe_arena *arena, lethe_shape *out) {
    out->frame = (uint32_t)get_number(from, UINT32_MAX);
    size_t points = get_count(from, 16);
    if ((flags & HAS_ANGLE) != 0) out->angle_degrees = get_double(from);
    if ((flags & HAS_MEASURE) != 0) {
        out->measure = (lethe_measure)get_byte(from);
        out->measured = get_double(from);
    }
    if (points != 0 && (out->points = take(arena, points, sizeof *out->points)) == NULL) return false;
    out->point_count = points;
    for (size_t i = 0; i < points; i++) {
        out->points[i].x = get_double(from);
        out->points[i].y = get_double(from);
    }
    if ((flags & HAS_RINGS) != 0) {
        size_t rings = get_count(from, 1);
        if ((out->ring_ends = take(arena, rings, sizeof *out->ring_ends)) == NULL) return false;
        out->ring_count = rings;
        for (size_t i = 0; i < rings; i++) out->ring_ends[i] = (uint32_t)get_number(from, UINT32_MAX);
    }
    if ((flags & HAS_SLICES) == 0) return true;
    size_t slices = get_count(from, 7);
    if ((out->slices = take(arena, slices, sizeof *out->slices)) == NULL) return false;
    for (size_t i = 0; !from->bad && i < slices; i++) {
        out->slice_count = i + 1;
        if (!get_slice(from, arena, &out->slices[i])) return false;
    }
    return true;
}

lethe_status lethe_shape_decode(const void *bytes, size_t size, lethe_arena *arena, lethe_shape *out, lethe_error *error) {
    memset(out, 0, sizeof *out);
    if (size == 0) return LETHE_OK; /* the annotation is not about a region */
    cursor from = {bytes, (const uint8_t *)bytes + size, false};
    lethe_status status = LETHE_OK;
    bool magic = get_byte(&from) == 'L';
    magic = get_byte(&from) == 'S' && magic;
    unsigned version = get_byte(&from), kind = get_byte(&from), flags = get_byte(&from);
    if (!magic || version != VERSION || kind >= LETHE_SHAPE_KINDS || (flags & ~(unsigned)ALL_FLAGS) != 0)
        return lethe_fail(error, LETHE_MALFORMED, "not a stored shape of version %d", VERSION);
    out->kind = (lethe_shape_kind)kind;
    bool enough = get_parts(&from, flags, arena, out);
    if (from.bad || from.at != from.end) status = lethe_fail(error, LETHE_MALFORMED, "a stored shape of %zu bytes ends in the wrong place", size);
    else if (!enough) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a shape");
    else status = lethe_shape_check(out, error);
    if (status != LETHE_OK) {
        if (arena == NULL) lethe_shape_release(out);
        memset(out, 0, sizeof *out);
    }
    return status;
}
