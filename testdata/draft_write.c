/* Drafts as Part 10 files (PS3.5 7, PS3.10 7). */
#include "testdata/draft.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "testdata/draft_internal.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { TAG_ITEM = 0xE000, TAG_ITEM_END = 0xE00D, TAG_SEQUENCE_END = 0xE0DD };

typedef struct writer {
    lethe_buffer bytes;
    lethe_output *output; /* where `bytes` go when they are many; NULL: they stay */
    bool implicit, big, undefined, group_lengths;
    lethe_error *error;
    lethe_status status;
} writer;

static const char *const syntax_uids[] = {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
                                          "1.2.840.10008.1.2.4.50"};

static void raw(writer *w, const void *bytes, size_t size) {
    if (w->status == LETHE_OK) w->status = lethe_buffer_append(&w->bytes, bytes, size, w->error);
}

static void number(writer *w, uint32_t value, size_t width) {
    uint8_t bytes[4];
    for (size_t i = 0; i < width; i++) bytes[w->big ? width - 1 - i : i] = (uint8_t)(value >> 8 * i);
    raw(w, bytes, width);
}

static void tag_of(writer *w, uint32_t tag) {
    number(w, tag >> 16, 2);
    number(w, tag & 0xFFFF, 2);
}

static bool is_long(const char *vr) { return strstr("OB OD OF OL OV OW SQ SV UC UN UR UT UV", vr) != NULL; }

static size_t unit_of(const char *vr) {
    if (strstr("US SS OW AT", vr) != NULL) return 2;
    if (strstr("UL SL FL OF OL", vr) != NULL) return 4;
    return strstr("FD OD SV UV OV", vr) != NULL ? 8 : 1;
}

static size_t items_size(const writer *w, const lethe_draft_item *items);

static size_t value_size(const writer *w, const draft_element *e) {
    writer hidden = {.implicit = true};
    if (e->items != NULL) return items_size(e->hidden ? &hidden : w, e->items);
    return e->size * e->repeats;
}

static size_t element_size(const writer *w, const draft_element *e) {
    size_t head = w->implicit || !is_long(e->vr) ? 8 : 12;
    size_t end = e->items != NULL && !e->hidden && w->undefined ? 8 : 0;
    return head + value_size(w, e) + end;
}

static size_t item_size(const writer *w, const lethe_draft_item *item) {
    size_t size = 0;
    for (const draft_element *e = item->elements; e != NULL; e = e->next) size += element_size(w, e);
    return size;
}

static size_t items_size(const writer *w, const lethe_draft_item *items) {
    size_t size = 0;
    for (; items != NULL; items = items->next) size += 8 + item_size(w, items) + (w->undefined ? 8 : 0);
    return size;
}

static void value_bytes(writer *w, const draft_element *e) {
    size_t unit = w->big ? unit_of(e->vr) : 1;
    if (unit == 1) {
        raw(w, e->bytes, e->size);
        return;
    }
    uint8_t *at = NULL;
    if (w->status == LETHE_OK) w->status = lethe_buffer_extend(&w->bytes, e->size, &at, w->error);
    for (size_t i = 0; w->status == LETHE_OK && i < e->size; i++) at[i] = e->bytes[i / unit * unit + (unit - 1 - i % unit)];
}

/* Pixels may be larger than memory: they go straight to the output. */
static void big_value(writer *w, const draft_element *e) {
    if (w->status == LETHE_OK) w->status = lethe_output_write(w->output, w->bytes.bytes, w->bytes.size, w->error);
    lethe_buffer_clear(&w->bytes);
    for (unsigned i = 0; w->status == LETHE_OK && i < e->repeats; i++) w->status = lethe_output_write(w->output, e->bytes, e->size, w->error);
}

static void elements(writer *w, const lethe_draft_item *item);

static void items(writer *w, const draft_element *e) {
    for (const lethe_draft_item *item = e->items; item != NULL; item = item->next) {
        tag_of(w, 0xFFFE0000 | TAG_ITEM);
        number(w, w->undefined ? 0xFFFFFFFF : (uint32_t)item_size(w, item), 4);
        elements(w, item);
        if (!w->undefined) continue;
        tag_of(w, 0xFFFE0000 | TAG_ITEM_END);
        number(w, 0, 4);
    }
    if (!w->undefined) return;
    tag_of(w, 0xFFFE0000 | TAG_SEQUENCE_END);
    number(w, 0, 4);
}

static void fragments(writer *w, const draft_element *e) {
    unsigned count = 0;
    for (const draft_fragment *f = e->fragments; f != NULL; f = f->next) count++;
    tag_of(w, 0xFFFE0000 | TAG_ITEM); /* basic offset table: one fragment a frame */
    number(w, count * 4, 4);
    uint32_t offset = 0;
    for (const draft_fragment *f = e->fragments; f != NULL; f = f->next, offset += 8) {
        number(w, offset, 4);
        offset += (uint32_t)f->size;
    }
    for (const draft_fragment *f = e->fragments; f != NULL; f = f->next) {
        tag_of(w, 0xFFFE0000 | TAG_ITEM);
        number(w, (uint32_t)f->size, 4);
        raw(w, f->bytes, f->size);
    }
    tag_of(w, 0xFFFE0000 | TAG_SEQUENCE_END);
    number(w, 0, 4);
}

static void element(writer *w, const draft_element *e) {
    bool open = e->fragments != NULL || (e->items != NULL && !e->hidden && w->undefined);
    uint32_t length = open ? 0xFFFFFFFF : (uint32_t)value_size(w, e);
    tag_of(w, e->tag);
    if (!w->implicit) raw(w, e->vr, 2);
    if (!w->implicit && is_long(e->vr)) number(w, 0, 2);
    number(w, length, w->implicit || is_long(e->vr) ? 4 : 2);
    if (e->fragments != NULL) {
        fragments(w, e);
    } else if (e->items != NULL) {
        writer before = *w;
        if (e->hidden) w->implicit = true, w->undefined = false, w->big = false;
        items(w, e);
        w->implicit = before.implicit;
        w->undefined = before.undefined;
        w->big = before.big;
    } else if (w->output != NULL && (e->repeats > 1 || (e->size > (1 << 20) && !w->big))) {
        big_value(w, e);
    } else {
        value_bytes(w, e);
    }
}

static void elements(writer *w, const lethe_draft_item *item) {
    uint32_t group = 0;
    for (const draft_element *e = item->elements; e != NULL && w->status == LETHE_OK; e = e->next) {
        if (w->group_lengths && item == &item->draft->root && e->tag >> 16 != group && e->tag >> 16 != 0x7FE0) {
            size_t size = 0;
            group = e->tag >> 16;
            for (const draft_element *f = e; f != NULL && f->tag >> 16 == group; f = f->next) size += element_size(w, f);
            tag_of(w, group << 16);
            if (!w->implicit) raw(w, "UL", 2), number(w, 4, 2);
            else number(w, 4, 4);
            number(w, (uint32_t)size, 4);
        }
        element(w, e);
    }
}

static void meta_text(writer *w, uint32_t tag, const char *vr, const char *text, size_t size, char padding) {
    tag_of(w, tag);
    raw(w, vr, 2);
    if (is_long(vr)) number(w, 0, 2);
    number(w, (uint32_t)(size + size % 2), is_long(vr) ? 4 : 2);
    raw(w, text, size);
    if (size % 2 != 0) raw(w, &padding, 1);
}

static const char *text_at(const lethe_draft *draft, uint32_t tag, size_t *size) {
    *size = 0;
    for (const draft_element *e = draft->root.elements; e != NULL; e = e->next) {
        if (e->tag != tag) continue;
        *size = e->size;
        while (*size != 0 && e->bytes[*size - 1] == '\0') (*size)--;
        return (const char *)e->bytes;
    }
    return "";
}

static void file_meta(writer *w, const lethe_draft *draft, const lethe_draft_form *form) {
    char preamble[128] = "";
    if (form->preamble != NULL) (void)snprintf(preamble, sizeof preamble, "%s", form->preamble);
    size_t class_size, instance_size;
    const char *sop_class = text_at(draft, 0x00080016, &class_size), *instance = text_at(draft, 0x00080018, &instance_size);
    writer meta = {.error = w->error};
    lethe_buffer_init(&meta.bytes, 1 << 16);
    meta_text(&meta, 0x00020001, "OB", "\0\1", 2, 0);
    meta_text(&meta, 0x00020002, "UI", sop_class, class_size, 0);
    meta_text(&meta, 0x00020003, "UI", instance, instance_size, 0);
    meta_text(&meta, 0x00020010, "UI", syntax_uids[form->syntax], strlen(syntax_uids[form->syntax]), 0);
    meta_text(&meta, 0x00020012, "UI", "1.2.276.0.7230010.3.0.3.6.7", 27, 0);
    if (form->source_title != NULL) meta_text(&meta, 0x00020016, "AE", form->source_title, strlen(form->source_title), ' ');
    if (form->private_information != NULL) {
        meta_text(&meta, 0x00020100, "UI", "1.2.840.113619.6.5", 18, 0);
        meta_text(&meta, 0x00020102, "OB", form->private_information, strlen(form->private_information), 0);
    }
    raw(w, preamble, sizeof preamble);
    raw(w, "DICM", 4);
    tag_of(w, 0x00020000);
    raw(w, "UL", 2);
    number(w, 4, 2);
    number(w, (uint32_t)meta.bytes.size, 4);
    raw(w, meta.bytes.bytes, meta.bytes.size);
    if (w->status == LETHE_OK) w->status = meta.status;
    lethe_buffer_release(&meta.bytes);
}

/* Replace what stands after `start` by its deflated form (PS3.5 A.5): raw, no zlib header. */
static void deflate_tail(writer *w, size_t start) {
    size_t size = w->bytes.size - start;
    uint8_t *plain = lethe_alloc(size);
    z_stream stream = {0};
    if (plain == NULL || deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        w->status = lethe_fail(w->error, LETHE_NO_MEMORY, "no memory to deflate");
        lethe_free(plain);
        return;
    }
    memcpy(plain, w->bytes.bytes + start, size);
    w->bytes.size = start;
    uint8_t *at = NULL;
    size_t room = deflateBound(&stream, size) + 1;
    if (w->status == LETHE_OK) w->status = lethe_buffer_extend(&w->bytes, room, &at, w->error);
    if (w->status == LETHE_OK) {
        stream.next_in = plain;
        stream.avail_in = (uInt)size;
        stream.next_out = at;
        stream.avail_out = (uInt)room;
        if (deflate(&stream, Z_FINISH) != Z_STREAM_END) w->status = lethe_fail(w->error, LETHE_INTERNAL, "cannot deflate");
        size_t made = room - stream.avail_out;
        if (made % 2 != 0) at[made++] = 0;
        w->bytes.size = start + made;
    }
    (void)deflateEnd(&stream);
    lethe_free(plain);
}

lethe_status lethe_draft_write(lethe_draft *draft, const lethe_draft_form *form, const char *folder, const char *relative, lethe_error *error) {
    if (draft->status != LETHE_OK) return lethe_fail(error, draft->status, "%s", draft->error.message);
    writer w = {.error = error};
    lethe_buffer_init(&w.bytes, 1u << 31);
    if (form->trailing_padding != NULL) lethe_draft_bytes(&draft->root, 0xFFFCFFFC, "OB", form->trailing_padding, strlen(form->trailing_padding));
    char *path = lethe_path_join(folder, relative);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create_for(path, 0755, error);
    if (status == LETHE_OK) status = lethe_output_create(path, &w.output, error);
    lethe_free(path);
    if (status != LETHE_OK) return status;
    if (!form->no_meta) file_meta(&w, draft, form);
    w.implicit = form->no_meta || form->syntax == SYNTAX_IMPLICIT;
    w.big = form->syntax == SYNTAX_BIG_ENDIAN;
    w.undefined = form->undefined_lengths;
    w.group_lengths = form->group_lengths;
    lethe_output *output = w.output;
    size_t start = w.bytes.size;
    if (form->syntax == SYNTAX_DEFLATED) w.output = NULL;
    elements(&w, &draft->root);
    if (w.status == LETHE_OK && form->syntax == SYNTAX_DEFLATED) deflate_tail(&w, start);
    if (w.status == LETHE_OK) w.status = lethe_output_write(output, w.bytes.bytes, w.bytes.size, error);
    lethe_buffer_release(&w.bytes);
    if (w.status == LETHE_OK) return lethe_output_commit(output, 0644, LETHE_SYNC_NONE, error);
    lethe_output_discard(output);
    return w.status;
}
