/* Plays an edit script: sizes of what changed first, then bytes in order; what did not change goes out in ranges as long as possible. */
#include "core/memory.h"
#include "imaging/dicom/bytes.h"
#include "imaging/dicom/edit_internal.h"
#include "imaging/dicom/encode_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { SHORTEST_COPY_BYTES = 32 << 10, DEFLATE_CHUNK_BYTES = 64 << 10, PAINT_CHUNK_BYTES = 256 << 10 };
#define TAG_GROUP_LENGTH LETHE_TAG(0x0002, 0x0000)

typedef struct player {
    lethe_edit_script *script;
    lethe_output *output; /* one of the two */
    lethe_buffer *buffer;
    int source_fd;
    const uint8_t *base; /* what kept ranges count in */
    bool base_is_file;
    uint64_t kept_start, kept_end; /* not yet written */
    z_stream *deflating;
    uint64_t deflated_bytes;
} player;

/* --- where bytes go --- */

static lethe_status put_out(player *play, const void *bytes, uint64_t size, lethe_error *error) {
    if (play->output != NULL) return lethe_output_write(play->output, bytes, (size_t)size, error);
    return lethe_buffer_append(play->buffer, bytes, (size_t)size, error);
}

static lethe_status put_deflated(player *play, const void *bytes, uint64_t size, int flush, lethe_error *error) {
    uint8_t chunk[DEFLATE_CHUNK_BYTES];
    z_stream *stream = play->deflating;
    stream->next_in = (Bytef *)(uintptr_t)bytes;
    do {
        stream->avail_in = size < (1u << 30) ? (uInt)size : 1u << 30;
        size -= stream->avail_in;
        int result;
        do {
            stream->next_out = chunk;
            stream->avail_out = sizeof chunk;
            result = deflate(stream, size == 0 ? flush : Z_NO_FLUSH);
            if (result == Z_STREAM_ERROR) return lethe_fail(error, LETHE_INTERNAL, "cannot deflate");
            size_t made = sizeof chunk - stream->avail_out;
            play->deflated_bytes += made;
            lethe_status status = put_out(play, chunk, made, error);
            if (status != LETHE_OK) return status;
        } while (stream->avail_out == 0);
    } while (size != 0);
    return LETHE_OK;
}

static lethe_status put(player *play, const void *bytes, uint64_t size, lethe_error *error) {
    if (play->deflating != NULL) return size == 0 ? LETHE_OK : put_deflated(play, bytes, size, Z_NO_FLUSH, error);
    return put_out(play, bytes, size, error);
}

static lethe_status flush_kept(player *play, lethe_error *error) {
    uint64_t start = play->kept_start, size = play->kept_end - start;
    play->kept_start = play->kept_end = 0;
    if (size == 0) return LETHE_OK;
    if (play->base_is_file && play->output != NULL && play->source_fd >= 0 && size >= SHORTEST_COPY_BYTES)
        return lethe_output_copy(play->output, play->source_fd, start, size, error);
    return put(play, play->base + start, size, error);
}

static lethe_status keep(player *play, uint64_t start, uint64_t size, lethe_error *error) {
    if (size == 0) return LETHE_OK;
    if (play->kept_end == start && play->kept_end != play->kept_start) {
        play->kept_end += size;
        return LETHE_OK;
    }
    lethe_status status = flush_kept(play, error);
    play->kept_start = start;
    play->kept_end = start + size;
    return status;
}

static lethe_status emit(player *play, const void *bytes, uint64_t size, lethe_error *error) {
    lethe_status status = flush_kept(play, error);
    return status == LETHE_OK && size != 0 ? put(play, bytes, size, error) : status;
}

/* --- sizes --- */

static bool is_undefined(const edit_node *node) {
    if (node->encapsulated) return true;
    const lethe_dicom_element *element = node->edit.element;
    bool sequence = node->edit.vr == LETHE_VR_SQ || node->edit.vr == LETHE_VR_UN;
    return element != NULL && element->form == LETHE_DICOM_SEQUENCE && element->undefined_length && sequence;
}

static lethe_dicom_encoding encoding_of(const edit_node *node) { return node->edit.parent->encoding; }

static uint64_t node_bytes(const edit_node *node) {
    lethe_dicom_encoding encoding = encoding_of(node);
    uint64_t header = encoding.explicit_vr && lethe_vr_is_long(node->edit.vr) ? 12 : 8;
    return header + node->edit.value_bytes + (node->edit.value_bytes & 1) + (is_undefined(node) ? 8 : 0);
}

static lethe_status size_item(lethe_edit_script *script, const lethe_dicom_item *item, uint64_t *size, lethe_error *error);

static lethe_status size_element(lethe_edit_script *script, const lethe_dicom_element *element, uint64_t *size, lethe_error *error) {
    edit_slot *slot = lethe_edit_slot(script, element->ordinal);
    *size = (uint64_t)element->header_bytes + element->value_bytes + element->trailer_bytes;
    if (!slot->changed) return LETHE_OK;
    if (slot->node != NULL && slot->node->edit.kind == LETHE_EDIT_DROP) *size = 0;
    else if (slot->node != NULL && slot->node->edit.kind == LETHE_EDIT_REPLACE) *size = node_bytes(slot->node);
    else if (element->items != NULL) {
        uint64_t content = 0;
        for (const lethe_dicom_item *item = element->items; item != NULL; item = item->next) {
            uint64_t part;
            lethe_status status = size_item(script, item, &part, error);
            if (status != LETHE_OK) return status;
            content += part;
        }
        slot->content_bytes = content;
        *size = element->header_bytes + content + element->trailer_bytes;
        if (!element->undefined_length && content + element->trailer_bytes > 0xFFFFFFFEu)
            return lethe_fail(error, LETHE_LIMIT, "(%04X,%04X): the sequence would be too long", lethe_tag_group(element->tag),
                              lethe_tag_element(element->tag));
    }
    return LETHE_OK;
}

static lethe_status size_item(lethe_edit_script *script, const lethe_dicom_item *item, uint64_t *size, lethe_error *error) {
    edit_slot *slot = lethe_edit_slot(script, item->ordinal);
    *size = item->header_bytes + item->value_bytes + item->trailer_bytes;
    if (!slot->changed) return LETHE_OK;
    *size = 0;
    if (slot->node != NULL) return LETHE_OK;
    uint64_t content = 0;
    for (const lethe_dicom_element *element = item->first; element != NULL; element = element->next) {
        uint64_t part;
        lethe_status status = size_element(script, element, &part, error);
        if (status != LETHE_OK) return status;
        content += part;
    }
    for (const edit_node *insert = slot->inserts; insert != NULL; insert = insert->next) content += node_bytes(insert);
    slot->content_bytes = content;
    *size = item->header_bytes + content + item->trailer_bytes;
    if (item->parent != NULL && !item->undefined_length && content + item->trailer_bytes > 0xFFFFFFFEu)
        return lethe_fail(error, LETHE_LIMIT, "an item at offset %llu would be too long", (unsigned long long)item->offset);
    return LETHE_OK;
}

/* --- bytes --- */

static lethe_status write_from_file(player *play, const edit_node *node, lethe_error *error) {
    if (play->output != NULL && play->deflating == NULL)
        return lethe_output_copy(play->output, node->fd, node->fd_offset, node->edit.value_bytes, error);
    lethe_map map = {.fd = -1};
    int copy = fcntl(node->fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return lethe_fail_errno(error, errno, "cannot read the replacement of pixel data");
    lethe_status status = lethe_map_take(copy, &map, error);
    if (status != LETHE_OK) return status;
    if (node->fd_offset > map.size || node->edit.value_bytes > map.size - node->fd_offset)
        status = lethe_fail(error, LETHE_IO, "the replacement of pixel data is shorter than announced");
    else status = put(play, map.bytes + node->fd_offset, node->edit.value_bytes, error);
    lethe_map_close(&map);
    return status;
}

static lethe_status write_node(player *play, const edit_node *node, lethe_error *error) {
    lethe_dicom_encoding encoding = encoding_of(node);
    uint8_t head[12];
    bool undefined = is_undefined(node);
    uint64_t odd = node->edit.value_bytes & 1;
    uint32_t length = undefined ? UINT32_MAX : (uint32_t)(node->edit.value_bytes + odd);
    size_t head_bytes = lethe_dicom_put_header(head, encoding, node->edit.tag, node->edit.vr, length);
    lethe_status status = emit(play, head, head_bytes, error);
    if (status == LETHE_OK && node->from_file) status = write_from_file(play, node, error);
    else if (status == LETHE_OK) status = emit(play, node->edit.value, node->edit.value_bytes, error);
    uint8_t padding = lethe_dicom_padding(node->edit.vr);
    if (status == LETHE_OK && odd != 0) status = emit(play, &padding, 1, error);
    if (status == LETHE_OK && undefined) {
        if (node->edit.vr == LETHE_VR_UN) encoding.big_endian = false;
        head_bytes = lethe_dicom_put_header(head, encoding, LETHE_TAG(0xFFFE, 0xE0DD), LETHE_VR_NONE, 0);
        status = emit(play, head, head_bytes, error);
    }
    return status;
}

static lethe_status write_patched(player *play, const lethe_dicom_element *element, const edit_patch *patch, lethe_error *error) {
    uint64_t at = element->offset, value = element->offset + element->header_bytes;
    lethe_status status = LETHE_OK;
    for (; patch != NULL && status == LETHE_OK; patch = patch->next) {
        uint64_t start = value + patch->offset;
        if (start < at) return lethe_fail(error, LETHE_INTERNAL, "patches overlap");
        status = keep(play, at, start - at, error);
        if (status == LETHE_OK) status = emit(play, patch->bytes, patch->size, error);
        at = start + patch->size;
    }
    return status == LETHE_OK ? keep(play, at, value + element->value_bytes + element->trailer_bytes - at, error) : status;
}

/* The input's bytes, through the descriptor where there is one: a mapping would stay resident. */
static lethe_status fetch(const player *play, uint64_t offset, uint8_t *bytes, size_t size, lethe_error *error) {
    if (!play->base_is_file || play->source_fd < 0) {
        memcpy(bytes, play->base + offset, size);
        return LETHE_OK;
    }
    while (size != 0) {
        ssize_t got = pread(play->source_fd, bytes, size, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return lethe_fail_errno(error, errno, "cannot read input at offset %llu", (unsigned long long)offset);
        if (got == 0) return lethe_fail(error, LETHE_IO, "input ended at offset %llu while copying", (unsigned long long)offset);
        bytes += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return LETHE_OK;
}

/* What stands between two stretches: short pieces through memory of our own, for the same reason. */
static lethe_status keep_between(player *play, uint64_t start, uint64_t size, uint8_t *chunk, lethe_error *error) {
    if (size == 0 || size >= SHORTEST_COPY_BYTES) return keep(play, start, size, error);
    lethe_status status = fetch(play, start, chunk, (size_t)size, error);
    return status == LETHE_OK ? emit(play, chunk, size, error) : status;
}

static lethe_status write_painted(player *play, const lethe_dicom_element *element, const lethe_edit_painter *painter, lethe_error *error) {
    uint64_t value = element->offset + element->header_bytes, done = 0, start, size;
    bool whole;
    uint8_t *chunk = lethe_alloc(PAINT_CHUNK_BYTES);
    if (chunk == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to write pixel data");
    lethe_status status = keep(play, element->offset, element->header_bytes, error);
    while (status == LETHE_OK) {
        status = painter->next(painter->context, done, &start, &size, &whole, error);
        if (status != LETHE_OK || size == 0) break;
        if (start < done || start > element->value_bytes || size > element->value_bytes - start) {
            status = lethe_fail(error, LETHE_INTERNAL, "a painted stretch stands outside the value");
            break;
        }
        status = keep_between(play, value + done, start - done, chunk, error);
        for (done = start; done < start + size && status == LETHE_OK;) {
            size_t part = start + size - done < PAINT_CHUNK_BYTES ? (size_t)(start + size - done) : PAINT_CHUNK_BYTES;
            if (!whole) status = fetch(play, value + done, chunk, part, error);
            if (status != LETHE_OK) break;
            painter->paint(painter->context, done, chunk, part);
            status = emit(play, chunk, part, error);
            done += part;
        }
    }
    lethe_free(chunk);
    return status == LETHE_OK ? keep(play, value + done, element->value_bytes + element->trailer_bytes - done, error) : status;
}

/* A header as it stands, but with another length: the last four bytes of it. */
static lethe_status write_header(player *play, uint64_t offset, uint32_t header_bytes, bool big_endian, uint64_t length, lethe_error *error) {
    uint8_t head[12];
    memcpy(head, play->base + offset, header_bytes);
    lethe_put32(head + header_bytes - 4, (uint32_t)length, big_endian);
    return emit(play, head, header_bytes, error);
}

static lethe_status write_content(player *play, const lethe_dicom_item *item, lethe_error *error);

static lethe_status write_items(player *play, const lethe_dicom_element *element, lethe_error *error) {
    const edit_slot *slot = lethe_edit_slot(play->script, element->ordinal);
    lethe_status status = LETHE_OK;
    if (element->undefined_length) status = keep(play, element->offset, element->header_bytes, error);
    else
        status = write_header(play, element->offset, element->header_bytes, element->parent->encoding.big_endian,
                              slot->content_bytes + element->trailer_bytes, error);
    uint64_t end = element->offset + element->header_bytes;
    for (const lethe_dicom_item *item = element->items; item != NULL && status == LETHE_OK; item = item->next) {
        const edit_slot *inside = lethe_edit_slot(play->script, item->ordinal);
        uint64_t content = item->offset + item->header_bytes;
        end = content + item->value_bytes + item->trailer_bytes;
        if (!inside->changed) {
            status = keep(play, item->offset, end - item->offset, error);
            continue;
        }
        if (inside->node != NULL) continue;
        bool big_endian = play->base[item->offset] == 0xFF;
        if (item->undefined_length) status = keep(play, item->offset, item->header_bytes, error);
        else status = write_header(play, item->offset, item->header_bytes, big_endian, inside->content_bytes + item->trailer_bytes, error);
        if (status == LETHE_OK) status = write_content(play, item, error);
        if (status == LETHE_OK) status = keep(play, content + item->value_bytes, item->trailer_bytes, error);
    }
    return status == LETHE_OK ? keep(play, end, element->trailer_bytes, error) : status;
}

static lethe_status write_element(player *play, const lethe_dicom_element *element, lethe_error *error) {
    const edit_slot *slot = lethe_edit_slot(play->script, element->ordinal);
    lethe_edit_kind kind = slot->node == NULL ? LETHE_EDIT_KEEP : slot->node->edit.kind;
    if (slot->changed && kind == LETHE_EDIT_DROP) return LETHE_OK;
    if (slot->changed && kind == LETHE_EDIT_REPLACE) return write_node(play, slot->node, error);
    if (slot->changed && kind == LETHE_EDIT_PATCH && slot->node->painter.next != NULL)
        return write_painted(play, element, &slot->node->painter, error);
    if (slot->changed && kind == LETHE_EDIT_PATCH) return write_patched(play, element, slot->node->patches, error);
    if (slot->changed && element->items != NULL) return write_items(play, element, error);
    return keep(play, element->offset, element->header_bytes + element->value_bytes + element->trailer_bytes, error);
}

static lethe_status write_content(player *play, const lethe_dicom_item *item, lethe_error *error) {
    const edit_slot *slot = lethe_edit_slot(play->script, item->ordinal);
    if (!slot->changed) return keep(play, item->offset + item->header_bytes, item->value_bytes, error);
    lethe_status status = LETHE_OK;
    const edit_node *insert = slot->inserts;
    for (const lethe_dicom_element *element = item->first; element != NULL && status == LETHE_OK; element = element->next) {
        for (; insert != NULL && insert->edit.tag < element->tag && status == LETHE_OK; insert = insert->next)
            status = write_node(play, insert, error);
        if (status == LETHE_OK) status = write_element(play, element, error);
    }
    for (; insert != NULL && status == LETHE_OK; insert = insert->next) status = write_node(play, insert, error);
    return status;
}

/* --- the file meta --- */

typedef struct text_value {
    const uint8_t *bytes;
    uint64_t size;
} text_value;

/* The value as it will stand in the output, trimmed; size 0 when it will not. */
static text_value edited_value(const lethe_edit_script *script, const lethe_dicom_item *item, lethe_tag tag) {
    text_value value = {NULL, 0};
    const lethe_dicom_element *element = lethe_dicom_find(item, tag);
    if (element != NULL) {
        const edit_node *node = lethe_edit_slot(script, element->ordinal)->node;
        if (node != NULL && (node->edit.kind == LETHE_EDIT_DROP || node->from_file)) return value;
        if (node != NULL && node->edit.kind == LETHE_EDIT_REPLACE) value = (text_value){node->edit.value, node->edit.value_bytes};
        else if (element->form == LETHE_DICOM_LEAF) value = (text_value){element->value, element->value_bytes};
    } else {
        for (const edit_node *insert = lethe_edit_slot(script, item->ordinal)->inserts; insert != NULL; insert = insert->next) {
            if (insert->edit.tag == tag) value = (text_value){insert->edit.value, insert->edit.value_bytes};
        }
    }
    while (value.size != 0 && (value.bytes[value.size - 1] == 0 || value.bytes[value.size - 1] == ' ')) value.size--;
    return value;
}

static lethe_status require(lethe_edit_script *script, lethe_tag tag, lethe_vr vr, const void *value, uint64_t size, lethe_error *error) {
    text_value now = edited_value(script, script->meta, tag);
    if (now.size == size && size != 0 && memcmp(now.bytes, value, (size_t)size) == 0) return LETHE_OK;
    return lethe_edit_insert(script, script->meta, tag, vr, value, (size_t)size, "file meta, PS3.10 7.1", error);
}

static lethe_status require_from_root(lethe_edit_script *script, lethe_tag meta_tag, lethe_tag root_tag, lethe_error *error) {
    text_value value = edited_value(script, script->dataset->root, root_tag);
    return value.size == 0 ? LETHE_OK : require(script, meta_tag, LETHE_VR_UI, value.bytes, value.size, error);
}

static lethe_status require_transfer_syntax(lethe_edit_script *script, lethe_error *error) {
    const lethe_dicom_dataset *dataset = script->dataset;
    const char *uid = script->transfer_syntax != NULL ? script->transfer_syntax : dataset->transfer_syntax;
    lethe_dicom_encoding encoding;
    bool deflated, encapsulated;
    (void)lethe_transfer_syntax_encoding(uid, &encoding, &deflated, &encapsulated);
    bool fits = encoding.explicit_vr == dataset->encoding.explicit_vr && encoding.big_endian == dataset->encoding.big_endian;
    if (uid[0] == '\0' || (!fits && dataset->encapsulated))
        return lethe_fail(error, LETHE_UNSUPPORTED, "the transfer syntax of the pixel data is not known");
    if (!fits)
        uid = dataset->encoding.big_endian ? "1.2.840.10008.1.2.2" : dataset->encoding.explicit_vr ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2";
    return require(script, LETHE_TAG(0x0002, 0x0010), LETHE_VR_UI, uid, strlen(uid), error);
}

static lethe_status prepare_meta(lethe_edit_script *script, lethe_error *error) {
    static const uint8_t version[2] = {0, 1};
    lethe_status status = LETHE_OK;
    if (script->meta == NULL && (script->require_meta || script->transfer_syntax != NULL)) {
        script->meta = lethe_arena_alloc(script->arena, sizeof *script->meta);
        if (script->meta == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file meta");
        script->meta->encoding.explicit_vr = true;
        script->meta->ascending = true;
        script->meta->ordinal = script->dataset->node_count; /* the slot to spare */
        script->require_meta = true;
    }
    if (script->require_meta) {
        if (lethe_dicom_find(script->meta, LETHE_TAG(2, 1)) == NULL)
            status = require(script, LETHE_TAG(2, 1), LETHE_VR_OB, version, sizeof version, error);
        if (status == LETHE_OK) status = require_from_root(script, LETHE_TAG(2, 2), LETHE_TAG(0x0008, 0x0016), error);
        if (status == LETHE_OK) status = require_from_root(script, LETHE_TAG(2, 3), LETHE_TAG(0x0008, 0x0018), error);
        if (status == LETHE_OK && edited_value(script, script->meta, LETHE_TAG(2, 0x12)).size == 0) {
            status = require(script, LETHE_TAG(2, 0x12), LETHE_VR_UI, LETHE_IMPLEMENTATION_CLASS_UID, strlen(LETHE_IMPLEMENTATION_CLASS_UID), error);
            if (status == LETHE_OK)
                status = require(script, LETHE_TAG(2, 0x13), LETHE_VR_SH, LETHE_IMPLEMENTATION_VERSION, strlen(LETHE_IMPLEMENTATION_VERSION), error);
        }
    }
    if (status == LETHE_OK && (script->require_meta || script->transfer_syntax != NULL)) status = require_transfer_syntax(script, error);
    return status;
}

/* Size the meta, and put its size without the group length element (12 bytes) into that element. */
static lethe_status size_meta(lethe_edit_script *script, lethe_error *error) {
    if (script->meta == NULL || !lethe_edit_slot(script, script->meta->ordinal)->changed) return LETHE_OK;
    uint8_t length[4] = {0};
    lethe_status status =
        lethe_edit_insert(script, script->meta, TAG_GROUP_LENGTH, LETHE_VR_UL, length, sizeof length, "file meta, PS3.10 7.1", error);
    uint64_t size = 0;
    if (status == LETHE_OK) status = size_item(script, script->meta, &size, error);
    if (status != LETHE_OK) return status;
    lethe_put32(length, (uint32_t)(lethe_edit_slot(script, script->meta->ordinal)->content_bytes - 12), script->meta->encoding.big_endian);
    return lethe_edit_insert(script, script->meta, TAG_GROUP_LENGTH, LETHE_VR_UL, length, sizeof length, "file meta, PS3.10 7.1", error);
}

/* --- the whole --- */

static lethe_status write_head(player *play, lethe_error *error) {
    static const uint8_t blank[132] = {[128] = 'D', 'I', 'C', 'M'};
    const lethe_edit_script *script = play->script;
    const lethe_dicom_dataset *dataset = script->dataset;
    lethe_status status;
    if (script->require_meta && !dataset->has_preamble) status = emit(play, blank, sizeof blank, error);
    else if (dataset->has_preamble && script->clear_preamble) status = emit(play, blank, sizeof blank, error);
    else status = keep(play, 0, dataset->head_bytes, error);
    if (status != LETHE_OK || script->meta == NULL) return status;
    return write_content(play, script->meta, error);
}

static lethe_status write_deflated(player *play, lethe_error *error) {
    const lethe_dicom_dataset *dataset = play->script->dataset;
    z_stream stream = {0};
    lethe_status status = flush_kept(play, error);
    if (status != LETHE_OK) return status;
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return lethe_fail(error, LETHE_NO_MEMORY, "cannot start to deflate");
    play->base = dataset->bytes;
    play->base_is_file = false;
    play->deflating = &stream;
    status = write_content(play, dataset->root, error);
    if (status == LETHE_OK && !play->script->drop_trailing) status = keep(play, dataset->trailing_offset, dataset->trailing_bytes, error);
    if (status == LETHE_OK) status = flush_kept(play, error);
    if (status == LETHE_OK) status = put_deflated(play, "", 0, Z_FINISH, error);
    play->deflating = NULL;
    (void)deflateEnd(&stream);
    if (status == LETHE_OK && (play->deflated_bytes & 1) != 0) status = put_out(play, "", 1, error); /* PS3.5 A.5 */
    return status;
}

static lethe_status play_script(player *play, lethe_error *error) {
    lethe_edit_script *script = play->script;
    const lethe_dicom_dataset *dataset = script->dataset;
    play->base = dataset->file_bytes;
    play->base_is_file = true;
    uint64_t size;
    lethe_status status = prepare_meta(script, error);
    if (status == LETHE_OK) status = size_meta(script, error);
    if (status == LETHE_OK) status = size_item(script, dataset->root, &size, error);
    if (status == LETHE_OK) status = write_head(play, error);
    if (status != LETHE_OK) return status;
    bool trailing = dataset->trailing_bytes != 0 && script->drop_trailing;
    if (dataset->deflated && (lethe_edit_slot(script, dataset->root->ordinal)->changed || trailing)) return write_deflated(play, error);
    if (dataset->deflated) {
        uint64_t end = script->drop_trailing ? dataset->data_set_end : dataset->file_size;
        status = keep(play, dataset->data_set_offset, end - dataset->data_set_offset, error);
        if (status == LETHE_OK && script->drop_trailing && ((end - dataset->data_set_offset) & 1) != 0) status = emit(play, "", 1, error);
    } else {
        status = write_content(play, dataset->root, error);
        if (status == LETHE_OK && !script->drop_trailing) status = keep(play, dataset->trailing_offset, dataset->trailing_bytes, error);
    }
    return status == LETHE_OK ? flush_kept(play, error) : status;
}

lethe_status lethe_edit_write(lethe_edit_script *script, int source_fd, lethe_output *output, lethe_error *error) {
    player play = {.script = script, .output = output, .source_fd = source_fd};
    return play_script(&play, error);
}

lethe_status lethe_edit_write_buffer(lethe_edit_script *script, lethe_buffer *out, lethe_error *error) {
    player play = {.script = script, .buffer = out, .source_fd = -1};
    return play_script(&play, error);
}
