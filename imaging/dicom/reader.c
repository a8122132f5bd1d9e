#include "imaging/dicom/reader.h"

#include "imaging/dicom/bytes.h"

enum { FRAME_SEQUENCE, FRAME_ITEM, FRAME_FRAGMENTS };
#define TAG_ITEM 0xFFFEE000u
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu
#define TAG_PIXEL_DATA 0x7FE00010u
#define UNDEFINED UINT32_MAX

typedef struct header {
    lethe_tag tag;
    lethe_vr vr; /* LETHE_VR_NONE when not written */
    uint32_t length, bytes;
} header;

static const lethe_dicom_encoding implicit_little = {false, false};

/* False when the bytes cannot be a header. */
static bool read_header(const uint8_t *bytes, uint64_t at, uint64_t end, lethe_dicom_encoding encoding, header *out) {
    if (end - at < 8) return false;
    const uint8_t *p = bytes + at;
    bool big = encoding.big_endian;
    out->tag = LETHE_TAG(lethe_get16(p, big), lethe_get16(p + 2, big));
    out->vr = LETHE_VR_NONE;
    out->bytes = 8;
    if (!encoding.explicit_vr || lethe_tag_group(out->tag) == 0xFFFE) {
        out->length = lethe_get32(p + 4, big);
        return true;
    }
    bool blank = p[4] == ' ' && p[5] == ' ';
    if (!blank && (p[4] < 'A' || p[4] > 'Z' || p[5] < 'A' || p[5] > 'Z')) return false;
    out->vr = LETHE_VR(p[4], p[5]);
    if (!lethe_vr_is_long(out->vr)) {
        out->length = lethe_get16(p + 6, big);
        return true;
    }
    if (end - at < 12) return false;
    out->bytes = 12;
    out->length = lethe_get32(p + 8, big);
    return true;
}

static bool fits(const header *head, uint64_t at, uint64_t end) { return head->length == UNDEFINED || head->length <= end - at - head->bytes; }

lethe_dicom_encoding lethe_dicom_guess_encoding(const uint8_t *bytes, uint64_t size, uint64_t at, lethe_dicom_encoding assumed) {
    lethe_dicom_encoding explicit_vr = {true, assumed.big_endian};
    header as_explicit, as_implicit;
    bool explicit_fits = read_header(bytes, at, size, explicit_vr, &as_explicit) && lethe_vr_is_known(as_explicit.vr) && fits(&as_explicit, at, size);
    bool implicit_fits = read_header(bytes, at, size, implicit_little, &as_implicit) && fits(&as_implicit, at, size);
    if (implicit_fits && lethe_tag_group(as_implicit.tag) == 0xFFFE) return assumed; /* an empty item: nothing to see */
    if (assumed.explicit_vr) return !explicit_fits && implicit_fits && !lethe_vr_is_known(as_explicit.vr) ? implicit_little : assumed;
    return !implicit_fits && explicit_fits ? explicit_vr : assumed;
}

void lethe_dicom_reader_init(lethe_dicom_reader *reader, const uint8_t *bytes, uint64_t size, uint64_t start, lethe_dicom_encoding encoding) {
    reader->bytes = bytes;
    reader->size = size;
    reader->at = start;
    reader->encoding = encoding;
    reader->depth = 0;
    reader->elements = 0;
    reader->pending = (lethe_dicom_event){.kind = LETHE_DICOM_END};
}

static lethe_status malformed(lethe_error *error, lethe_tag tag, uint64_t offset, const char *what) {
    return lethe_fail(error, LETHE_MALFORMED, "(%04X,%04X) at offset %llu: %s", lethe_tag_group(tag), lethe_tag_element(tag),
                      (unsigned long long)offset, what);
}

/* Whether a value of defined length is a chain of items (UN, and implicit VR with an unknown private tag, do not say so). Hops over items of defined
 * length; one of undefined length is taken on the look of its first element. */
static bool looks_like_items(const uint8_t *bytes, uint64_t at, uint64_t end) {
    if (end - at < 8) return false;
    while (at < end) {
        header item, first;
        if (!read_header(bytes, at, end, implicit_little, &item) || item.tag != TAG_ITEM || !fits(&item, at, end)) return false;
        uint64_t content = at + 8;
        uint64_t limit = item.length == UNDEFINED ? end : content + item.length;
        if (content < limit) {
            if (!read_header(bytes, content, limit, implicit_little, &first)) return false;
            bool is_end = first.tag == TAG_ITEM_END && item.length == UNDEFINED;
            lethe_dicom_encoding encoding = lethe_dicom_guess_encoding(bytes, limit, content, implicit_little);
            if (!is_end && (lethe_tag_group(first.tag) == 0xFFFE || lethe_tag_group(first.tag) == 0)) return false;
            if (!encoding.explicit_vr && !fits(&first, content, limit)) return false;
        }
        if (item.length == UNDEFINED) return true;
        at = limit;
    }
    return true;
}

static lethe_status push(lethe_dicom_reader *reader, int kind, const lethe_dicom_event *event, uint64_t bound, bool implicit_inside,
                         lethe_error *error) {
    if (reader->depth >= sizeof reader->stack / sizeof reader->stack[0] || event->depth > LETHE_LIMIT_SEQUENCE_DEPTH)
        return lethe_fail(error, LETHE_LIMIT, "(%04X,%04X) at offset %llu: sequences are nested deeper than %d", lethe_tag_group(event->tag),
                          lethe_tag_element(event->tag), (unsigned long long)event->offset, LETHE_LIMIT_SEQUENCE_DEPTH);
    uint64_t end = event->undefined_length ? UINT64_MAX : event->value_offset + event->value_bytes;
    reader->stack[reader->depth].end = end;
    reader->stack[reader->depth].bound = event->undefined_length ? bound : end;
    reader->stack[reader->depth].kind = (uint8_t)kind;
    reader->stack[reader->depth].implicit_inside = implicit_inside;
    reader->stack[reader->depth].vr = event->vr;
    reader->stack[reader->depth].tag = event->tag;
    reader->depth++;
    return LETHE_OK;
}

static lethe_dicom_event_kind end_kind(int frame) {
    return frame == FRAME_SEQUENCE ? LETHE_DICOM_SEQUENCE_END : frame == FRAME_ITEM ? LETHE_DICOM_ITEM_END : LETHE_DICOM_FRAGMENTS_END;
}

/* Close the innermost frame; `header_bytes` 8 when a delimiter stands at `at`. */
static lethe_status pop(lethe_dicom_reader *reader, lethe_dicom_event *event, uint32_t header_bytes) {
    reader->depth--;
    event->kind = end_kind(reader->stack[reader->depth].kind);
    event->tag = reader->stack[reader->depth].tag;
    event->vr = reader->stack[reader->depth].vr;
    event->depth = reader->depth / 2;
    event->header_bytes = header_bytes;
    event->value_offset = event->offset + header_bytes;
    event->value_bytes = 0;
    event->undefined_length = event->implicit_inside = false;
    reader->at += header_bytes;
    return LETHE_OK;
}

static lethe_status next_item(lethe_dicom_reader *reader, lethe_dicom_event *event, uint64_t bound, bool inside, lethe_error *error) {
    int frame = reader->stack[reader->depth - 1].kind;
    uint64_t end = reader->stack[reader->depth - 1].end;
    lethe_tag owner = reader->stack[reader->depth - 1].tag;
    header head;
    lethe_dicom_encoding encoding = inside ? implicit_little : reader->encoding;
    encoding.explicit_vr = false;
    if (!read_header(reader->bytes, reader->at, bound, encoding, &head))
        return malformed(error, owner, reader->at, "the sequence ends without its delimiter");
    if (head.tag == TAG_SEQUENCE_END && (end == UINT64_MAX || reader->at + 8 == end)) return pop(reader, event, 8);
    if (head.tag != TAG_ITEM) return malformed(error, head.tag, reader->at, "an item was expected");
    event->tag = head.tag;
    event->vr = LETHE_VR_NONE;
    event->header_bytes = 8;
    event->value_offset = reader->at + 8;
    event->undefined_length = head.length == UNDEFINED;
    event->value_bytes = event->undefined_length ? 0 : head.length;
    if (!fits(&head, reader->at, bound)) return malformed(error, owner, reader->at, "an item is longer than what holds it");
    if (frame == FRAME_FRAGMENTS) {
        if (event->undefined_length) return malformed(error, owner, reader->at, "a fragment has undefined length");
        event->kind = LETHE_DICOM_FRAGMENT;
        event->implicit_inside = false;
        reader->at = event->value_offset + event->value_bytes;
        return LETHE_OK;
    }
    event->kind = LETHE_DICOM_ITEM_BEGIN;
    uint64_t limit = event->undefined_length ? bound : event->value_offset + event->value_bytes;
    if (reader->encoding.explicit_vr && event->value_offset < limit) {
        lethe_dicom_encoding assumed = inside ? implicit_little : reader->encoding;
        inside = !lethe_dicom_guess_encoding(reader->bytes, limit, event->value_offset, assumed).explicit_vr;
    }
    event->implicit_inside = inside;
    reader->at = event->value_offset;
    return push(reader, FRAME_ITEM, event, bound, inside, error);
}

/* What follows the last element: padding of zeros, less than a header, or what cannot be read after the pixel data. */
static bool is_trailing(const lethe_dicom_reader *reader, bool readable) {
    if (reader->size - reader->at < 8) return true;
    if (!readable) return reader->pending.tag >= TAG_PIXEL_DATA;
    const uint8_t *p = reader->bytes + reader->at;
    for (uint64_t left = reader->size - reader->at; left != 0; left--, p++) {
        if (*p != 0) return false;
    }
    return true;
}

static bool is_fragment_vr(lethe_vr vr) { return vr == LETHE_VR_OB || vr == LETHE_VR_OW; }

static lethe_status next_element(lethe_dicom_reader *reader, lethe_dicom_event *event, uint64_t bound, bool inside, lethe_error *error) {
    lethe_dicom_encoding encoding = inside ? implicit_little : reader->encoding;
    header head = {0};
    bool readable = read_header(reader->bytes, reader->at, bound, encoding, &head) && fits(&head, reader->at, bound);
    if (reader->depth == 0 && (!readable || head.tag == 0) && is_trailing(reader, readable)) {
        *event =
            (lethe_dicom_event){.kind = LETHE_DICOM_END, .offset = reader->at, .value_offset = reader->at, .value_bytes = reader->size - reader->at};
        return LETHE_OK;
    }
    if (!readable) {
        if (head.tag == 0 && bound - reader->at < 8)
            return malformed(error, reader->pending.tag, reader->at, "the data ends inside an element's header");
        if (encoding.explicit_vr && head.vr == LETHE_VR_NONE && lethe_tag_group(head.tag) != 0xFFFE)
            return malformed(error, head.tag, reader->at, "no value representation where one must stand");
        return malformed(error, head.tag, reader->at, "the value is longer than what holds it");
    }
    if (head.tag == 0) return malformed(error, head.tag, reader->at, "a command element stands in a data set");
    if (lethe_tag_group(head.tag) == 0xFFFE) {
        uint64_t end = reader->depth == 0 ? 0 : reader->stack[reader->depth - 1].end;
        if (reader->depth != 0 && head.tag == TAG_ITEM_END && (end == UINT64_MAX || reader->at + 8 == end)) return pop(reader, event, 8);
        return malformed(error, head.tag, reader->at, "a delimiter or item stands where an element was expected");
    }
    event->tag = head.tag;
    event->vr = encoding.explicit_vr ? head.vr : lethe_dictionary_vr(head.tag, NULL);
    event->header_bytes = head.bytes;
    event->value_offset = reader->at + head.bytes;
    event->undefined_length = head.length == UNDEFINED;
    event->value_bytes = event->undefined_length ? 0 : head.length;
    event->implicit_inside = inside;
    if (reader->depth == 0) reader->pending.tag = head.tag;
    reader->at = event->value_offset;
    if (event->undefined_length) {
        if (head.tag == TAG_PIXEL_DATA || (encoding.explicit_vr && is_fragment_vr(head.vr))) {
            event->kind = LETHE_DICOM_FRAGMENTS_BEGIN;
            return push(reader, FRAME_FRAGMENTS, event, bound, inside, error);
        }
        if (encoding.explicit_vr && head.vr != LETHE_VR_SQ && head.vr != LETHE_VR_UN)
            return malformed(error, head.tag, event->offset, "undefined length with a value representation that cannot have it");
        if (!encoding.explicit_vr) event->vr = LETHE_VR_SQ;
        event->implicit_inside = inside || event->vr == LETHE_VR_UN;
        event->kind = LETHE_DICOM_SEQUENCE_BEGIN;
        return push(reader, FRAME_SEQUENCE, event, bound, event->implicit_inside, error);
    }
    bool hidden = false; /* a sequence that does not say so */
    if (event->vr == LETHE_VR_UN || event->vr == LETHE_VR_NONE) {
        bool unknown =
            event->vr == LETHE_VR_NONE || lethe_dictionary_vr(head.tag, NULL) == LETHE_VR_SQ || lethe_dictionary_vr(head.tag, NULL) == LETHE_VR_NONE;
        hidden = unknown && looks_like_items(reader->bytes, event->value_offset, event->value_offset + event->value_bytes);
    }
    if (event->vr == LETHE_VR_SQ || hidden) {
        event->implicit_inside = inside || event->vr == LETHE_VR_UN;
        if (event->vr == LETHE_VR_NONE) event->vr = LETHE_VR_SQ;
        event->kind = LETHE_DICOM_SEQUENCE_BEGIN;
        return push(reader, FRAME_SEQUENCE, event, bound, event->implicit_inside, error);
    }
    event->kind = LETHE_DICOM_ELEMENT;
    reader->at = event->value_offset + event->value_bytes;
    return LETHE_OK;
}

lethe_status lethe_dicom_reader_next(lethe_dicom_reader *reader, lethe_dicom_event *event, lethe_error *error) {
    if (++reader->elements > 2 * LETHE_LIMIT_ELEMENTS)
        return lethe_fail(error, LETHE_LIMIT, "more than %u elements at offset %llu", LETHE_LIMIT_ELEMENTS, (unsigned long long)reader->at);
    event->offset = reader->at;
    event->depth = (reader->depth + 1) / 2;
    if (reader->depth == 0) {
        if (reader->at < reader->size) return next_element(reader, event, reader->size, false, error);
        *event = (lethe_dicom_event){.kind = LETHE_DICOM_END, .offset = reader->at, .value_offset = reader->at};
        return LETHE_OK;
    }
    uint64_t end = reader->stack[reader->depth - 1].end, bound = reader->stack[reader->depth - 1].bound;
    bool inside = reader->stack[reader->depth - 1].implicit_inside != 0;
    if (reader->at == end) return pop(reader, event, 0);
    if (reader->at >= bound) return malformed(error, reader->stack[reader->depth - 1].tag, reader->at, "a delimiter is missing at the end");
    return reader->stack[reader->depth - 1].kind == FRAME_ITEM ? next_element(reader, event, bound, inside, error)
                                                               : next_item(reader, event, bound, inside, error);
}
