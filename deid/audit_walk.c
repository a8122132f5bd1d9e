#include "deid/audit_walk.h"

#include "imaging/dicom/dictionary.h"

#include <string.h>
#include <zlib.h>

enum { DEPTH = 80 };
#define UNDEFINED 0xFFFFFFFFu
#define ITEM 0xFFFEE000u
#define ITEM_END 0xFFFEE00Du
#define SEQUENCE_END 0xFFFEE0DDu

typedef struct cursor {
    lethe_audit_layout *layout;
    lethe_audit_visit_fn visit;
    void *context;
    lethe_error *error;
} cursor;

typedef struct form {
    bool explicit_vr, big;
} form;

static uint32_t u16(const uint8_t *p, bool big) { return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0]; }
static uint32_t u32(const uint8_t *p, bool big) { return big ? u16(p, true) << 16 | u16(p + 2, true) : u16(p + 2, false) << 16 | u16(p, false); }

static lethe_status broken(const cursor *c, uint64_t at, const char *what) {
    return lethe_fail(c->error, LETHE_MALFORMED, "audit: %s at offset %llu of the output", what, (unsigned long long)at);
}

static bool long_form(uint16_t vr) {
    static const char names[] = "OBODOFOLOVOWSQSVUCUNURUTUV";
    for (size_t i = 0; i + 1 < sizeof names; i += 2)
        if (vr == (uint16_t)((unsigned)names[i] << 8 | (unsigned)names[i + 1])) return true;
    return false;
}

/* Header at `at`; returns its size, 0 when it does not fit. */
static uint32_t read_header(const uint8_t *bytes, uint64_t left, form f, lethe_audit_element *e, uint32_t *length) {
    if (left < 8) return 0;
    e->tag = u16(bytes, f.big) << 16 | u16(bytes + 2, f.big);
    e->vr = 0;
    if ((e->tag >> 16) == 0xFFFE || !f.explicit_vr) {
        *length = u32(bytes + 4, f.big);
        return 8;
    }
    e->vr = (uint16_t)((unsigned)bytes[4] << 8 | bytes[5]);
    if (!long_form(e->vr)) {
        *length = u16(bytes + 6, f.big);
        return 8;
    }
    if (left < 12) return 0;
    *length = u32(bytes + 8, f.big);
    return 12;
}

static lethe_status walk_elements(cursor *c, uint64_t *at, uint64_t end, form f, uint32_t depth, bool in_item);

/* Items of a sequence or fragments from *at; ends at `end` or at the delimiter when `open`. */
static lethe_status walk_items(cursor *c, uint64_t *at, uint64_t end, bool open, form f, bool fragments, uint32_t depth) {
    while (*at < end) {
        lethe_audit_element e = {0};
        uint32_t length, head = read_header(c->layout->bytes + *at, end - *at, f, &e, &length);
        if (head == 0 || (e.tag >> 16) != 0xFFFE) return broken(c, *at, "no item");
        uint64_t value = *at + head;
        if (e.tag == SEQUENCE_END) {
            *at = value;
            return open ? LETHE_OK : broken(c, *at, "stray delimiter");
        }
        if (e.tag != ITEM) return broken(c, *at, "stray delimiter");
        bool undefined = length == UNDEFINED;
        if (!undefined && length > end - value) return broken(c, *at, "item past the end");
        *at = value;
        if (fragments) {
            if (undefined) return broken(c, value, "fragment without a length");
            *at = value + length;
            continue;
        }
        lethe_status status = walk_elements(c, at, undefined ? end : value + length, f, depth + 1, undefined);
        if (status != LETHE_OK) return status;
    }
    return open ? broken(c, *at, "sequence without an end") : LETHE_OK;
}

static lethe_status walk_elements(cursor *c, uint64_t *at, uint64_t end, form f, uint32_t depth, bool in_item) {
    if (depth > DEPTH) return broken(c, *at, "sequences too deep");
    while (*at < end) {
        lethe_audit_element e = {.depth = depth, .offset = *at};
        uint32_t length, head = read_header(c->layout->bytes + *at, end - *at, f, &e, &length);
        if (head == 0) return broken(c, *at, "half an element");
        if (e.tag == ITEM_END && in_item) {
            *at += head;
            return LETHE_OK;
        }
        if ((e.tag >> 16) == 0xFFFE) return broken(c, *at, "stray item");
        bool undefined = length == UNDEFINED;
        e.value_offset = *at + head;
        if (!undefined && length > end - e.value_offset) return broken(c, *at, "element past the end");
        const lethe_dictionary_entry *entry = f.explicit_vr || (e.tag >> 16 & 1) != 0 ? NULL : lethe_dictionary_find(e.tag);
        bool sequence = e.vr == LETHE_VR_SQ || (entry != NULL && entry->vr == LETHE_VR_SQ), pixels = (e.tag >> 16) == 0x7FE0;
        e.container = sequence || undefined;
        e.value_bytes = undefined ? 0 : length;
        lethe_status status = c->visit == NULL ? LETHE_OK : c->visit(c->context, c->layout, &e, c->error);
        if (status != LETHE_OK) return status;
        *at = e.value_offset;
        if (undefined || sequence) {
            bool fragments = pixels && undefined && e.vr != LETHE_VR_SQ;
            form inner = e.vr == LETHE_VR_UN ? (form){.explicit_vr = false, .big = false} : f;
            status = walk_items(c, at, undefined ? end : e.value_offset + length, undefined, inner, fragments, depth);
            if (status != LETHE_OK) return status;
        } else {
            *at += length;
        }
        if (pixels && depth == 0 && (e.tag == 0x7FE00010u || e.tag == 0x7FE00008u || e.tag == 0x7FE00009u)) {
            c->layout->pixel_from = e.value_offset;
            c->layout->pixel_to = *at;
        }
    }
    return in_item ? broken(c, *at, "item without an end") : LETHE_OK;
}

static lethe_status inflate_into(const uint8_t *bytes, uint64_t size, lethe_buffer *out, lethe_error *error) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    if (size > UINT32_MAX || inflateInit2(&stream, -15) != Z_OK) return lethe_fail(error, LETHE_MALFORMED, "audit: cannot inflate the output");
    int result = Z_OK;
    lethe_status status = LETHE_OK;
    while (result == Z_OK && status == LETHE_OK) {
        uint8_t chunk[16384];
        stream.next_out = chunk;
        stream.avail_out = sizeof chunk;
        result = inflate(&stream, Z_NO_FLUSH);
        status = lethe_buffer_append(out, chunk, sizeof chunk - stream.avail_out, error);
    }
    (void)inflateEnd(&stream);
    if (status == LETHE_OK && result != Z_STREAM_END) status = lethe_fail(error, LETHE_MALFORMED, "audit: cannot inflate the output");
    return status;
}

typedef struct head_scan {
    char syntax[65];
} head_scan;

static lethe_status read_syntax(void *context, const lethe_audit_layout *layout, const lethe_audit_element *e, lethe_error *error) {
    (void)error;
    head_scan *scan = context;
    if (e->tag != 0x00020010u || e->value_bytes >= sizeof scan->syntax) return LETHE_OK;
    memcpy(scan->syntax, layout->bytes + e->value_offset, (size_t)e->value_bytes);
    for (size_t n = (size_t)e->value_bytes; n != 0 && (scan->syntax[n - 1] == ' ' || scan->syntax[n - 1] == '\0'); n--) scan->syntax[n - 1] = '\0';
    return LETHE_OK;
}

lethe_status lethe_audit_walk(const uint8_t *bytes, uint64_t size, lethe_buffer *inflated, lethe_audit_layout *layout, lethe_audit_visit_fn visit,
                              void *context, lethe_error *error) {
    *layout = (lethe_audit_layout){.bytes = bytes, .size = size};
    cursor c = {.layout = layout, .error = error};
    if (size < 144 || memcmp(bytes + 128, "DICM", 4) != 0) return broken(&c, 0, "no preamble and DICM");
    /* Group 0002 begins with its length. */
    if (u32(bytes + 132, false) != 0x00000002u || bytes[136] != 'U' || bytes[137] != 'L') return broken(&c, 132, "no group length of the file meta");
    uint64_t at = 132, meta_end = 144 + (uint64_t)u32(bytes + 140, false);
    if (meta_end > size) return broken(&c, 132, "file meta past the end");
    head_scan scan = {{0}};
    c.visit = read_syntax;
    c.context = &scan;
    lethe_status status = walk_elements(&c, &at, meta_end, (form){.explicit_vr = true}, 0, false);
    if (status != LETHE_OK) return status;
    if (scan.syntax[0] == '\0') return broken(&c, 132, "no transfer syntax");
    form f = {.explicit_vr = strcmp(scan.syntax, "1.2.840.10008.1.2") != 0, .big = strcmp(scan.syntax, "1.2.840.10008.1.2.2") == 0};
    if (strcmp(scan.syntax, "1.2.840.10008.1.2.1.99") == 0) {
        status = lethe_buffer_append(inflated, bytes, (size_t)meta_end, error);
        if (status == LETHE_OK) status = inflate_into(bytes + meta_end, size - meta_end, inflated, error);
        if (status != LETHE_OK) return status;
        layout->bytes = inflated->bytes;
        layout->size = inflated->size;
    }
    layout->explicit_vr = f.explicit_vr;
    layout->big_endian = f.big;
    layout->data_set_offset = at = meta_end;
    c.visit = visit;
    c.context = context;
    return walk_elements(&c, &at, layout->size, f, 0, false);
}
