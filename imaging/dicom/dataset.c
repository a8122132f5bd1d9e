#include "imaging/dicom/dataset.h"

#include "core/buffer.h"
#include "core/memory.h"
#include "imaging/dicom/bytes.h"

#include <string.h>
#include <zlib.h>

enum { LONGEST_CREATOR_WALK = 512, HEAD_BYTES = 132 };

static const lethe_dicom_encoding explicit_little = {true, false}, implicit_little = {false, false}, explicit_big = {true, true};

/* --- building the tree from the parser's events --- */

typedef struct creator {
    struct creator *next; /* reserved before this one in the same item */
    uint16_t group;
    uint8_t block;
    const char *text;
} creator;

typedef struct builder {
    lethe_dicom_dataset *dataset;
    lethe_arena *arena;
    const uint8_t *bytes;
    lethe_dicom_item *item;       /* that elements go to */
    lethe_dicom_element *element; /* that items go to */
    lethe_dicom_item *last_item[LETHE_LIMIT_SEQUENCE_DEPTH + 3];
    creator *creators[LETHE_LIMIT_SEQUENCE_DEPTH + 3];
} builder;

static lethe_status no_memory(const lethe_dicom_event *event, lethe_error *error) {
    return lethe_fail(error, LETHE_LIMIT, "no memory for the index at offset %llu", (unsigned long long)event->offset);
}

static lethe_status take_node(builder *build, const lethe_dicom_event *event, uint32_t *ordinal, lethe_error *error) {
    if (build->dataset->node_count >= LETHE_LIMIT_ELEMENTS)
        return lethe_fail(error, LETHE_LIMIT, "more than %u elements and items at offset %llu", LETHE_LIMIT_ELEMENTS,
                          (unsigned long long)event->offset);
    *ordinal = build->dataset->node_count++;
    return LETHE_OK;
}

static void trimmed(const uint8_t **value, uint64_t *size) {
    while (*size != 0 && ((*value)[*size - 1] == ' ' || (*value)[*size - 1] == 0)) (*size)--;
    while (*size != 0 && **value == ' ') {
        (*value)++;
        (*size)--;
    }
}

static bool reserve_block(builder *build, const lethe_dicom_element *element, uint32_t depth) {
    const uint8_t *value = element->value;
    uint64_t size = element->value_bytes;
    trimmed(&value, &size);
    if (size == 0) return true;
    creator *fresh = lethe_arena_alloc(build->arena, sizeof *fresh);
    if (fresh == NULL) return false;
    fresh->text = lethe_arena_strndup(build->arena, (const char *)value, size < 256 ? (size_t)size : 256);
    fresh->group = lethe_tag_group(element->tag);
    fresh->block = (uint8_t)element->tag;
    fresh->next = build->creators[depth];
    build->creators[depth] = fresh;
    return fresh->text != NULL;
}

static const char *find_creator(const builder *build, lethe_tag tag, uint32_t depth) {
    uint16_t group = lethe_tag_group(tag);
    uint8_t block = (uint8_t)(lethe_tag_element(tag) >> 8);
    int walked = 0;
    for (const creator *at = build->creators[depth]; at != NULL && walked < LONGEST_CREATOR_WALK; at = at->next, walked++) {
        if (at->group == group && at->block == block) return at->text;
    }
    return NULL;
}

static lethe_status add_element(builder *build, const lethe_dicom_event *event, lethe_dicom_element_form form, lethe_error *error) {
    lethe_dicom_element *element = lethe_arena_alloc(build->arena, sizeof *element);
    if (element == NULL) return no_memory(event, error);
    lethe_status status = take_node(build, event, &element->ordinal, error);
    if (status != LETHE_OK) return status;
    element->tag = event->tag;
    element->vr = event->vr;
    element->form = form;
    element->undefined_length = event->undefined_length;
    element->header_bytes = event->header_bytes;
    element->offset = event->offset;
    element->value_bytes = event->value_bytes;
    element->value = build->bytes + event->value_offset;
    element->parent = build->item;
    if (build->item->last == NULL) build->item->first = element;
    else build->item->last->next = element;
    if (build->item->last != NULL && build->item->last->tag >= element->tag) build->item->ascending = false;
    build->item->last = element;
    if (lethe_tag_is_private(event->tag)) {
        if (lethe_tag_is_private_creator(event->tag)) {
            if (form == LETHE_DICOM_LEAF && !reserve_block(build, element, event->depth)) return no_memory(event, error);
        } else {
            element->private_creator = find_creator(build, event->tag, event->depth);
            if (element->vr == LETHE_VR_NONE) element->vr = lethe_dictionary_vr(event->tag, element->private_creator);
        }
    }
    if (form == LETHE_DICOM_LEAF && element->vr == LETHE_VR_SQ && event->value_bytes == 0) element->form = LETHE_DICOM_SEQUENCE;
    if (form != LETHE_DICOM_LEAF) {
        build->element = element;
        build->last_item[event->depth] = NULL;
        if (form == LETHE_DICOM_FRAGMENTS) build->dataset->encapsulated = true;
    }
    return LETHE_OK;
}

static lethe_status add_item(builder *build, const lethe_dicom_event *event, uint32_t owner_depth, lethe_error *error) {
    lethe_dicom_item *item = lethe_arena_alloc(build->arena, sizeof *item);
    if (item == NULL) return no_memory(event, error);
    lethe_status status = take_node(build, event, &item->ordinal, error);
    if (status != LETHE_OK) return status;
    lethe_dicom_element *owner = build->element;
    item->parent = owner;
    item->index = owner->item_count++;
    item->offset = event->offset;
    item->header_bytes = event->header_bytes;
    item->value_bytes = event->value_bytes;
    item->undefined_length = event->undefined_length;
    item->ascending = true;
    item->encoding = event->implicit_inside ? implicit_little : build->item->encoding;
    if (!event->implicit_inside && build->dataset->encoding.explicit_vr) item->encoding = build->dataset->encoding;
    if (build->last_item[owner_depth] == NULL) owner->items = item;
    else build->last_item[owner_depth]->next = item;
    build->last_item[owner_depth] = item;
    return LETHE_OK;
}

static lethe_status take_event(builder *build, const lethe_dicom_event *event, lethe_error *error) {
    lethe_status status = LETHE_OK;
    switch (event->kind) {
    case LETHE_DICOM_ELEMENT: return add_element(build, event, LETHE_DICOM_LEAF, error);
    case LETHE_DICOM_SEQUENCE_BEGIN: return add_element(build, event, LETHE_DICOM_SEQUENCE, error);
    case LETHE_DICOM_FRAGMENTS_BEGIN: return add_element(build, event, LETHE_DICOM_FRAGMENTS, error);
    case LETHE_DICOM_ITEM_BEGIN:
        status = add_item(build, event, event->depth - 1, error);
        if (status != LETHE_OK) return status;
        build->item = build->last_item[event->depth - 1];
        build->creators[event->depth] = NULL;
        return LETHE_OK;
    case LETHE_DICOM_FRAGMENT: return add_item(build, event, event->depth - 1, error);
    case LETHE_DICOM_ITEM_END:
        build->item->value_bytes = event->offset - build->item->offset - build->item->header_bytes;
        build->item->trailer_bytes = event->header_bytes;
        build->element = build->item->parent;
        build->item = build->element->parent;
        return LETHE_OK;
    case LETHE_DICOM_SEQUENCE_END:
    case LETHE_DICOM_FRAGMENTS_END:
        build->element->value_bytes = event->offset - build->element->offset - build->element->header_bytes;
        build->element->trailer_bytes = event->header_bytes;
        if (build->element->parent != NULL) build->element = build->element->parent->parent;
        return LETHE_OK;
    case LETHE_DICOM_END: break;
    }
    return LETHE_OK;
}

/* Read elements from `start` into a fresh item; group 2 only for the file meta. `*end` is the offset of the first byte that is not part of it. */
static lethe_status build_item(lethe_dicom_dataset *dataset, const uint8_t *bytes, uint64_t size, uint64_t start, lethe_dicom_encoding encoding,
                               bool meta, lethe_dicom_item **out, uint64_t *end, lethe_error *error) {
    builder build = {.dataset = dataset, .arena = dataset->arena, .bytes = bytes};
    lethe_dicom_event event = {.offset = start};
    build.item = lethe_arena_alloc(dataset->arena, sizeof *build.item);
    if (build.item == NULL) return no_memory(&event, error);
    *out = build.item;
    build.item->offset = start;
    build.item->encoding = encoding;
    build.item->ascending = true;
    lethe_status status = take_node(&build, &event, &build.item->ordinal, error);
    lethe_dicom_reader reader;
    lethe_dicom_reader_init(&reader, bytes, size, start, encoding);
    while (status == LETHE_OK) {
        if (meta && reader.depth == 0 && (size - reader.at < 8 || lethe_get16(bytes + reader.at, false) != 0x0002)) break;
        status = lethe_dicom_reader_next(&reader, &event, error);
        if (status == LETHE_OK && event.kind == LETHE_DICOM_END) break;
        if (status == LETHE_OK) status = take_event(&build, &event, error);
    }
    (*out)->value_bytes = reader.at - start;
    *end = reader.at;
    return status;
}

/* --- the file around it --- */

bool lethe_transfer_syntax_encoding(const char *uid, lethe_dicom_encoding *encoding, bool *deflated, bool *encapsulated) {
    *encoding = explicit_little;
    *deflated = *encapsulated = false;
    if (strcmp(uid, "1.2.840.10008.1.2") == 0 || strcmp(uid, "1.2.840.113619.5.2") == 0) *encoding = implicit_little;
    else if (strcmp(uid, "1.2.840.10008.1.2.2") == 0) *encoding = explicit_big;
    else if (strcmp(uid, "1.2.840.10008.1.2.1.99") == 0) *deflated = true;
    else if (strcmp(uid, "1.2.840.10008.1.2.4.95") == 0 || strcmp(uid, "1.2.840.10008.1.2.4.205") == 0)
        *deflated = true; /* JPIP Referenced Deflate */
    else if (strcmp(uid, "1.2.840.10008.1.2.1") != 0 && strcmp(uid, "1.2.840.10008.1.2.4.94") != 0 && strcmp(uid, "1.2.840.10008.1.2.4.204") != 0)
        *encapsulated = true;
    return *encapsulated;
}

typedef enum bare { BARE_NONE, BARE_EXPLICIT_LITTLE, BARE_IMPLICIT_LITTLE, BARE_EXPLICIT_BIG } bare;

/* How a data set without transfer syntax is written, from its first element. With nothing before it (`strict`) the element must be one of those that
 * data sets start with. */
static bare guess_bare(const uint8_t *bytes, uint64_t size, uint64_t at, bool strict) {
    if (size - at < 8) return BARE_NONE;
    bool big = lethe_get16(bytes + at, true) < lethe_get16(bytes + at, false);
    lethe_tag tag = LETHE_TAG(lethe_get16(bytes + at, big), lethe_get16(bytes + at + 2, big));
    uint16_t group = lethe_tag_group(tag);
    if (strict && (group < 0x0004 || group > 0x0040)) return BARE_NONE;
    lethe_vr vr = LETHE_VR(bytes[at + 4], bytes[at + 5]);
    if (lethe_vr_is_known(vr)) {
        uint64_t header = lethe_vr_is_long(vr) ? 12 : 8;
        if (size - at < header) return BARE_NONE;
        uint64_t length = header == 12 ? lethe_get32(bytes + at + 8, big) : lethe_get16(bytes + at + 6, big);
        if (length <= size - at - header || length == UINT32_MAX) return big ? BARE_EXPLICIT_BIG : BARE_EXPLICIT_LITTLE;
    }
    uint64_t length = lethe_get32(bytes + at + 4, false);
    if (big || (strict && lethe_dictionary_vr(tag, NULL) == LETHE_VR_NONE)) return BARE_NONE;
    return length <= size - at - 8 || length == UINT32_MAX ? BARE_IMPLICIT_LITTLE : BARE_NONE;
}

/* Bytes before the file meta; UINT32_MAX when the file starts otherwise. */
static uint32_t find_head(const uint8_t *bytes, uint64_t size) {
    if (size >= HEAD_BYTES && memcmp(bytes + 128, "DICM", 4) == 0) {
        bool meta_follows = size - HEAD_BYTES >= 2 && bytes[HEAD_BYTES] == 2 && bytes[HEAD_BYTES + 1] == 0;
        if (meta_follows || guess_bare(bytes, size, 0, true) == BARE_NONE) return HEAD_BYTES; /* else the four letters stand in a value */
    }
    if (size >= 12 && memcmp(bytes, "DICM\2\0", 6) == 0) return 4;
    if (size >= 12 && memcmp(bytes, "\2\0", 2) == 0 && bytes[3] == 0) return 0;
    return UINT32_MAX;
}

bool lethe_dicom_looks_like(const uint8_t *bytes, size_t size) {
    if (find_head(bytes, size) != UINT32_MAX) return true;
    bool big = size >= 2 && bytes[0] == 0;
    return size >= 8 && lethe_get16(bytes, big) == 0x0008 && guess_bare(bytes, size, 0, true) != BARE_NONE;
}

static lethe_status inflate_data_set(lethe_dicom_dataset *dataset, int window_bits, lethe_error *error) {
    lethe_status status = LETHE_OK;
    uint64_t left = dataset->file_size - dataset->data_set_offset;
    lethe_buffer inflated;
    lethe_buffer_init(&inflated, (size_t)LETHE_LIMIT_INFLATED_BYTES);
    z_stream stream = {0};
    if (inflateInit2(&stream, window_bits) != Z_OK) return lethe_fail(error, LETHE_NO_MEMORY, "cannot start to inflate");
    stream.next_in = (Bytef *)(uintptr_t)(dataset->file_bytes + dataset->data_set_offset);
    int result = Z_OK;
    while (status == LETHE_OK && result == Z_OK) {
        if (stream.avail_in == 0) {
            stream.avail_in = left < (1u << 30) ? (uInt)left : 1u << 30;
            left -= stream.avail_in;
        }
        size_t before = inflated.size;
        uint8_t *room;
        uInt chunk = 1u << 18;
        if (before + chunk > LETHE_LIMIT_INFLATED_BYTES) {
            status = lethe_fail(error, LETHE_LIMIT, "the deflated data set at offset %llu inflates to more than %llu bytes",
                                (unsigned long long)dataset->data_set_offset, LETHE_LIMIT_INFLATED_BYTES);
            break;
        }
        status = lethe_buffer_extend(&inflated, chunk, &room, error);
        if (status != LETHE_OK) break;
        stream.next_out = room;
        stream.avail_out = chunk;
        result = inflate(&stream, Z_NO_FLUSH);
        inflated.size = before + (chunk - stream.avail_out);
        if (result == Z_BUF_ERROR && (left != 0 || stream.avail_in != 0)) result = Z_OK;
    }
    dataset->data_set_end = dataset->file_size - left - stream.avail_in;
    (void)inflateEnd(&stream);
    if (status == LETHE_OK && result != Z_STREAM_END)
        status = lethe_fail(error, LETHE_MALFORMED, "the deflated data set at offset %llu is damaged", (unsigned long long)dataset->data_set_offset);
    if (status != LETHE_OK) {
        lethe_buffer_release(&inflated);
        return status;
    }
    uint8_t *fitted = lethe_realloc_array(inflated.bytes, inflated.size + 1, 1);
    dataset->bytes = fitted != NULL ? fitted : inflated.bytes;
    dataset->size = inflated.size;
    dataset->deflated = true;
    return LETHE_OK;
}

static lethe_status choose_syntax(lethe_dicom_dataset *dataset, lethe_error *error) {
    uint64_t at = dataset->data_set_offset;
    bool deflated = false, encapsulated = false;
    if (dataset->meta != NULL &&
        lethe_dicom_text(dataset->meta, LETHE_TAG(0x0002, 0x0010), 0, dataset->transfer_syntax, sizeof dataset->transfer_syntax)) {
        (void)lethe_transfer_syntax_encoding(dataset->transfer_syntax, &dataset->encoding, &deflated, &encapsulated);
    } else {
        static const char *const uids[] = {"", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"};
        bare form = guess_bare(dataset->bytes, dataset->size, at, dataset->head_bytes == 0 && dataset->meta == NULL);
        if (form == BARE_NONE) return lethe_fail(error, LETHE_MALFORMED, "not DICOM: no data set can be read at offset %llu", (unsigned long long)at);
        dataset->encoding = form == BARE_EXPLICIT_BIG ? explicit_big : form == BARE_IMPLICIT_LITTLE ? implicit_little : explicit_little;
        memcpy(dataset->transfer_syntax, uids[form], strlen(uids[form]) + 1);
    }
    if (deflated) {
        lethe_error first = {0};
        lethe_status status = inflate_data_set(dataset, -15, &first);
        if (status == LETHE_MALFORMED && inflate_data_set(dataset, 15, NULL) == LETHE_OK) return LETHE_OK; /* with a zlib header, by mistake */
        return status == LETHE_OK ? status : lethe_fail(error, status, "%s", first.message);
    }
    if (dataset->size - at < 8) return LETHE_OK;
    /* A file meta that does not fit the data set happens; readers go by the data. */
    bare form = guess_bare(dataset->bytes, dataset->size, at, dataset->head_bytes == 0 && dataset->meta == NULL);
    if (form == BARE_EXPLICIT_BIG || (form == BARE_EXPLICIT_LITTLE && dataset->encoding.big_endian))
        dataset->encoding.big_endian = form == BARE_EXPLICIT_BIG;
    dataset->encoding = lethe_dicom_guess_encoding(dataset->bytes, dataset->size, at, dataset->encoding);
    return LETHE_OK;
}

static lethe_status read_meta(lethe_dicom_dataset *dataset, lethe_error *error) {
    uint64_t at = dataset->head_bytes;
    dataset->data_set_offset = at;
    if (dataset->file_size - at < 8 || lethe_get16(dataset->file_bytes + at, false) != 0x0002) return LETHE_OK;
    lethe_dicom_encoding encoding = lethe_dicom_guess_encoding(dataset->file_bytes, dataset->file_size, at, explicit_little);
    dataset->encoding = encoding;
    dataset->has_meta = true;
    return build_item(dataset, dataset->file_bytes, dataset->file_size, at, encoding, true, &dataset->meta, &dataset->data_set_offset, error);
}

lethe_status lethe_dicom_dataset_parse(const uint8_t *bytes, size_t size, lethe_arena *arena, lethe_dicom_dataset **out, lethe_error *error) {
    *out = NULL;
    uint32_t head = find_head(bytes, size);
    if (head == UINT32_MAX && guess_bare(bytes, size, 0, true) == BARE_NONE)
        return lethe_fail(error, LETHE_MALFORMED, "not DICOM: no preamble, no file meta and no data set at offset 0");
    lethe_dicom_dataset *dataset = lethe_arena_alloc(arena, sizeof *dataset);
    if (dataset == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a data set");
    dataset->arena = arena;
    dataset->file_bytes = dataset->bytes = bytes;
    dataset->file_size = dataset->size = size;
    dataset->head_bytes = head == UINT32_MAX ? 0 : head;
    dataset->has_preamble = head == HEAD_BYTES;
    lethe_status status = head == UINT32_MAX ? LETHE_OK : read_meta(dataset, error);
    if (status == LETHE_OK) status = choose_syntax(dataset, error);
    uint64_t end = 0;
    if (status == LETHE_OK)
        status = build_item(dataset, dataset->bytes, dataset->size, dataset->deflated ? 0 : dataset->data_set_offset, dataset->encoding, false,
                            &dataset->root, &end, error);
    if (status != LETHE_OK) {
        lethe_dicom_dataset_release(dataset);
        return status;
    }
    dataset->trailing_offset = end;
    dataset->trailing_bytes = dataset->size - end;
    if (!dataset->deflated) dataset->data_set_end = end;
    if (!dataset->has_meta && dataset->encapsulated) dataset->transfer_syntax[0] = '\0';
    *out = dataset;
    return LETHE_OK;
}

void lethe_dicom_dataset_release(lethe_dicom_dataset *dataset) {
    if (dataset == NULL || !dataset->deflated) return;
    lethe_free((void *)(uintptr_t)dataset->bytes);
    dataset->bytes = NULL;
    dataset->deflated = false;
}
