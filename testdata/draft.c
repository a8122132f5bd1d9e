#include "testdata/draft.h"

#include "core/pseudonym.h"
#include "testdata/draft_internal.h"

#include <iconv.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES = 256 << 20, LONGEST_TEXT = 64 << 10 };

lethe_draft *lethe_draft_create(lethe_answer_key *key, lethe_draft_charset charset) {
    lethe_arena *arena = lethe_arena_create(ARENA_BYTES);
    lethe_draft *draft = arena == NULL ? NULL : lethe_arena_alloc(arena, sizeof *draft);
    if (draft == NULL) {
        lethe_arena_destroy(arena);
        return NULL;
    }
    *draft = (lethe_draft){.arena = arena, .key = key, .charset = charset, .root = {.draft = draft}};
    static const char *const names[] = {
        NULL, "ISO_IR 100", "ISO_IR 192", "ISO_IR 101", "ISO 2022 IR 100\\ISO 2022 IR 101", "\\ISO 2022 IR 87", "ISO_IR 126", "ISO_IR 144"};
    if (names[charset] != NULL) lethe_draft_text(&draft->root, 0x00080005, "CS", names[charset], EXPECT_NOTHING);
    return draft;
}

void lethe_draft_destroy(lethe_draft *draft) {
    if (draft != NULL) lethe_arena_destroy(draft->arena);
}

lethe_draft_item *lethe_draft_root(lethe_draft *draft) { return &draft->root; }
lethe_draft *lethe_draft_of(lethe_draft_item *item) { return item->draft; }

static void failed(lethe_draft *draft, lethe_status status, const char *what) {
    if (draft->status == LETHE_OK) draft->status = lethe_fail(&draft->error, status, "test data: %s", what);
}

static void keep_status(lethe_draft *draft, lethe_status status) {
    if (draft->status == LETHE_OK) draft->status = status;
}

static void *take(lethe_draft *draft, size_t size) {
    void *memory = draft->status == LETHE_OK ? lethe_arena_alloc(draft->arena, size) : NULL;
    if (memory == NULL) failed(draft, LETHE_NO_MEMORY, "out of memory");
    return memory;
}

draft_element *draft_element_at(lethe_draft_item *item, uint32_t tag, const char *vr) {
    draft_element **at = &item->elements;
    while (*at != NULL && (*at)->tag < tag) at = &(*at)->next;
    if (*at != NULL && (*at)->tag == tag) return *at;
    draft_element *fresh = take(item->draft, sizeof *fresh);
    if (fresh == NULL) return NULL;
    *fresh = (draft_element){.next = *at, .tag = tag, .repeats = 1};
    memcpy(fresh->vr, vr, 2);
    *at = fresh;
    return fresh;
}

static void store(lethe_draft_item *item, uint32_t tag, const char *vr, const void *bytes, size_t size, char padding) {
    draft_element *element = draft_element_at(item, tag, vr);
    uint8_t *copy = take(item->draft, size + 1);
    if (element == NULL || copy == NULL) return;
    if (size != 0) memcpy(copy, bytes, size);
    if (size % 2 != 0) copy[size++] = (uint8_t)padding;
    memcpy(element->vr, vr, 2);
    element->bytes = copy;
    element->size = size;
}

/* --- paths and answers --- */

static const char *creator_of(const lethe_draft_item *item, uint32_t tag) {
    uint32_t wanted = (tag & 0xFFFF0000) | (tag >> 8 & 0xFF);
    for (const draft_element *e = item->elements; e != NULL; e = e->next)
        if (e->tag == wanted && e->creator != NULL) return e->creator;
    return "";
}

static void path_of(const lethe_draft_item *item, uint32_t tag, char *path, size_t size) {
    bool is_private = (tag & 0x10000) != 0 && (tag & 0xFFFF) >= 0x1000;
    if (!is_private) {
        (void)snprintf(path, size, "%s<(%04x,%04x)>", item->path, tag >> 16, tag & 0xFFFF);
        return;
    }
    char creator[68];
    (void)snprintf(creator, sizeof creator, "%s", creator_of(item, tag));
    for (size_t length = strlen(creator); length != 0 && creator[length - 1] == ' ';) creator[--length] = '\0';
    (void)snprintf(path, size, "%s<(%04x,\"%s\",%02x)>", item->path, tag >> 16, creator, tag & 0xFF);
}

void lethe_draft_answer(lethe_draft_item *item, uint32_t tag, lethe_answer_action action, const char *value, const char *text) {
    lethe_draft *draft = item->draft;
    if (draft->key == NULL || draft->status != LETHE_OK) return;
    char path[320];
    path_of(item, tag, path, sizeof path);
    keep_status(draft, lethe_answer_add(draft->key, path, action, value, text, &draft->error));
}

void lethe_draft_absent(lethe_draft *draft, const char *text) {
    if (draft->key != NULL && draft->status == LETHE_OK)
        keep_status(draft, lethe_answer_add(draft->key, "file", LETHE_ANSWER_BYTES_ABSENT, NULL, text, &draft->error));
}

static void answer(lethe_draft_item *item, uint32_t tag, const char *value, lethe_expect expect) {
    switch (expect) {
    case EXPECT_NOTHING: return;
    case EXPECT_KEPT: lethe_draft_answer(item, tag, LETHE_ANSWER_TEXT_RETAINED, value, NULL); return;
    case EXPECT_PRESENT: lethe_draft_answer(item, tag, LETHE_ANSWER_TAG_RETAINED, value, NULL); return;
    case EXPECT_FILLED: lethe_draft_answer(item, tag, LETHE_ANSWER_TEXT_NOTNULL, value, NULL); return;
    case EXPECT_GONE: lethe_draft_answer(item, tag, LETHE_ANSWER_TEXT_REMOVED, value, NULL); return;
    case EXPECT_DATE: lethe_draft_answer(item, tag, LETHE_ANSWER_DATE_SHIFTED, value, NULL); return;
    case EXPECT_UID:
        lethe_draft_answer(item, tag, LETHE_ANSWER_UID_CHANGED, value, NULL);
        lethe_draft_answer(item, tag, LETHE_ANSWER_UID_CONSISTENT, value, NULL);
        return;
    case EXPECT_PATIENT_ID:
        lethe_draft_answer(item, tag, LETHE_ANSWER_TEXT_REMOVED, value, NULL);
        lethe_draft_answer(item, tag, LETHE_ANSWER_PATID_CONSISTENT, value, NULL);
        return;
    }
}

/* --- text in character sets --- */

static size_t convert_within(const char *charset, const char *text, size_t length, char *out, size_t room) {
    iconv_t converter = iconv_open(charset, "UTF-8");
    if (converter == (iconv_t)-1) return (size_t)-1;
    char *in = (char *)(uintptr_t)text, *to = out;
    size_t left = room;
    size_t result = iconv(converter, &in, &length, &to, &left);
    if (result != (size_t)-1) result = iconv(converter, NULL, NULL, &to, &left); /* back to the initial state */
    (void)iconv_close(converter);
    return result == (size_t)-1 ? (size_t)-1 : (size_t)(to - out);
}

static size_t convert(const char *charset, const char *text, size_t length, char *out) {
    return convert_within(charset, text, length, out, LONGEST_TEXT - 16);
}

/* ISO 2022 IR 100 in G1 at the start and after each delimiter; Latin 2 by ESC 2/13 4/2 where Latin 1 lacks a letter (PS3.3 C.12.1.1.2). */
static size_t convert_extensions(const char *text, size_t length, char *out) {
    size_t at = 0, used = 0;
    int in_use = 1;
    while (at < length) {
        size_t step = 1;
        while (at + step < length && ((unsigned char)text[at + step] & 0xC0) == 0x80) step++;
        char bytes[8];
        int needed = in_use;
        size_t size = 1;
        if (step == 1) {
            bytes[0] = text[at];
            if (strchr("^=\\\r\n", text[at]) != NULL) needed = in_use = 1;
        } else {
            size = convert_within("ISO-8859-1", text + at, step, bytes, sizeof bytes);
            needed = 1;
            if (size == (size_t)-1) size = convert_within("ISO-8859-2", text + at, step, bytes, sizeof bytes), needed = 2;
            if (size == (size_t)-1) return size;
        }
        if (needed != in_use) {
            memcpy(out + used, needed == 1 ? "\x1b-A" : "\x1b-B", 3);
            used += 3;
            in_use = needed;
        }
        memcpy(out + used, bytes, size);
        used += size;
        at += step;
    }
    return used;
}

/* What a character set lacks becomes a question mark, as many a device does it. */
static size_t convert_lossy(const char *charset, const char *text, size_t length, char *out) {
    size_t at = 0, used = 0;
    while (at < length && used + 16 < LONGEST_TEXT) {
        size_t step = 1;
        while (at + step < length && ((unsigned char)text[at + step] & 0xC0) == 0x80) step++;
        size_t size = charset == NULL ? (size_t)-1 : convert_within(charset, text + at, step, out + used, 16);
        if (size == (size_t)-1) out[used] = '?', size = 1;
        used += size;
        at += step;
    }
    return used;
}

static bool obeys_charset(const char *vr) {
    static const char *const list[] = {"LO", "LT", "PN", "SH", "ST", "UC", "UT", "UN"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(vr, list[i]) == 0) return true;
    return false;
}

static void encode(lethe_draft_item *item, uint32_t tag, const char *vr, const char *utf8) {
    static const char *const names[] = {"ISO-8859-1", "ISO-8859-1", "UTF-8", "ISO-8859-2", NULL, "ISO-2022-JP", "ISO-8859-7", "ISO-8859-5"};
    lethe_draft *draft = item->draft;
    size_t length = strlen(utf8);
    char *out = take(draft, LONGEST_TEXT);
    if (out == NULL) return;
    size_t size;
    if (!obeys_charset(vr)) size = convert("ASCII", utf8, length, out);
    else if (draft->charset == CHARSET_EXTENSIONS) size = convert_extensions(utf8, length, out);
    else size = convert(names[draft->charset], utf8, length, out);
    if (size == (size_t)-1) size = convert_lossy(names[draft->charset], utf8, length, out);
    if (size == (size_t)-1) failed(draft, LETHE_INTERNAL, "text cannot be encoded");
    else store(item, tag, vr, out, size, strcmp(vr, "UI") == 0 ? '\0' : ' ');
}

void lethe_draft_text(lethe_draft_item *item, uint32_t tag, const char *vr, const char *utf8, lethe_expect expect) {
    encode(item, tag, vr, utf8 == NULL ? "" : utf8);
    if (utf8 != NULL && *utf8 != '\0') answer(item, tag, utf8, expect);
}

void lethe_draft_mixed(lethe_draft_item *item, uint32_t tag, const char *vr, const char *utf8, const char *kept, const char *gone) {
    encode(item, tag, vr, utf8);
    if (kept != NULL) lethe_draft_answer(item, tag, LETHE_ANSWER_TEXT_RETAINED, utf8, kept);
    while (gone != NULL && *gone != '\0') {
        size_t length = strcspn(gone, "|");
        char part[256];
        (void)snprintf(part, sizeof part, "%.*s", (int)length, gone);
        if (*part != '\0') lethe_draft_answer(item, tag, LETHE_ANSWER_TEXT_REMOVED, utf8, part);
        gone += length + (gone[length] == '|');
    }
}

/* --- numbers --- */

static void put_little(uint8_t *out, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; i++) out[i] = (uint8_t)(value >> 8 * i);
}

void lethe_draft_u16(lethe_draft_item *item, uint32_t tag, unsigned value) {
    uint8_t bytes[2];
    put_little(bytes, value, 2);
    store(item, tag, "US", bytes, 2, 0);
}

void lethe_draft_u16s(lethe_draft_item *item, uint32_t tag, const char *vr, const uint16_t *values, size_t count) {
    uint8_t *bytes = take(item->draft, count * 2);
    for (size_t i = 0; bytes != NULL && i < count; i++) put_little(bytes + 2 * i, values[i], 2);
    if (bytes != NULL) store(item, tag, vr, bytes, count * 2, 0);
}

void lethe_draft_u32(lethe_draft_item *item, uint32_t tag, const char *vr, uint32_t value) {
    uint8_t bytes[4];
    if (strcmp(vr, "AT") == 0) value = value << 16 | value >> 16;
    put_little(bytes, value, 4);
    store(item, tag, vr, bytes, 4, 0);
}

void lethe_draft_f32s(lethe_draft_item *item, uint32_t tag, const char *vr, const float *values, size_t count) {
    uint8_t *bytes = take(item->draft, count * 4);
    for (size_t i = 0; bytes != NULL && i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        put_little(bytes + 4 * i, bits, 4);
    }
    if (bytes != NULL) store(item, tag, vr, bytes, count * 4, 0);
}

void lethe_draft_f64s(lethe_draft_item *item, uint32_t tag, const double *values, size_t count) {
    uint8_t *bytes = take(item->draft, count * 8);
    for (size_t i = 0; bytes != NULL && i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], 8);
        put_little(bytes + 8 * i, bits, 8);
    }
    if (bytes != NULL) store(item, tag, "FD", bytes, count * 8, 0);
}

void lethe_draft_bytes(lethe_draft_item *item, uint32_t tag, const char *vr, const void *bytes, size_t size) { store(item, tag, vr, bytes, size, 0); }

void lethe_draft_decimals(lethe_draft_item *item, uint32_t tag, const double *values, size_t count, lethe_expect expect) {
    char text[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && i < 6; i++) used += (size_t)snprintf(text + used, sizeof text - used, "%s%.8g", i == 0 ? "" : "\\", values[i]);
    lethe_draft_text(item, tag, "DS", text, expect);
}

void lethe_draft_decimal(lethe_draft_item *item, uint32_t tag, double value, lethe_expect expect) {
    lethe_draft_decimals(item, tag, &value, 1, expect);
}

void lethe_draft_integer(lethe_draft_item *item, uint32_t tag, long value) {
    char text[16];
    (void)snprintf(text, sizeof text, "%ld", value);
    lethe_draft_text(item, tag, "IS", text, EXPECT_NOTHING);
}

/* --- structure --- */

static lethe_draft_item *add_item(lethe_draft_item *parent, uint32_t tag, bool hidden) {
    draft_element *element = draft_element_at(parent, tag, hidden ? "UN" : "SQ");
    lethe_draft_item *fresh = take(parent->draft, sizeof *fresh);
    if (element == NULL || fresh == NULL) return &parent->draft->root; /* the failure is kept; nothing will be written */
    element->hidden = hidden;
    unsigned index = 0;
    lethe_draft_item **at = &element->items;
    for (; *at != NULL; at = &(*at)->next) index++;
    *fresh = (lethe_draft_item){.draft = parent->draft};
    char path[320];
    path_of(parent, tag, path, sizeof path);
    int length = snprintf(fresh->path, sizeof fresh->path, "%.200s[<%04u>]", path, index);
    if (length >= (int)sizeof fresh->path || strlen(path) > 200) failed(parent->draft, LETHE_INTERNAL, "sequence nested too deeply");
    *at = fresh;
    return fresh;
}

void lethe_draft_empty_sequence(lethe_draft_item *item, uint32_t tag) { (void)draft_element_at(item, tag, "SQ"); }

lethe_draft_item *lethe_draft_sequence(lethe_draft_item *item, uint32_t tag) { return add_item(item, tag, false); }
lethe_draft_item *lethe_draft_hidden_sequence(lethe_draft_item *item, uint32_t tag) { return add_item(item, tag, true); }

uint32_t lethe_draft_block(lethe_draft_item *item, uint16_t group, const char *creator) {
    for (uint32_t block = 0x10; block < 0x100; block++) {
        uint32_t tag = (uint32_t)group << 16 | block;
        const draft_element *e = item->elements;
        while (e != NULL && e->tag != tag) e = e->next;
        if (e != NULL) continue;
        lethe_draft_text(item, tag, "LO", creator, EXPECT_NOTHING);
        draft_element *made = draft_element_at(item, tag, "LO");
        if (made != NULL) made->creator = lethe_arena_strndup(item->draft->arena, creator, strlen(creator));
        return (uint32_t)group << 16 | block << 8;
    }
    failed(item->draft, LETHE_INTERNAL, "no free private block");
    return (uint32_t)group << 16 | 0x1000;
}

void lethe_draft_pixels(lethe_draft *draft, const void *pixels, size_t size, unsigned bits, unsigned repeats, bool kept) {
    draft_element *element = draft_element_at(&draft->root, 0x7FE00010, bits > 8 ? "OW" : "OB");
    if (element == NULL) return;
    element->bytes = pixels;
    element->size = size;
    element->repeats = repeats;
    if (!kept || draft->key == NULL) return;
    char digest[65];
    keep_status(draft, lethe_sha256_hex(pixels, size, digest, &draft->error));
    lethe_draft_answer(&draft->root, 0x7FE00010, LETHE_ANSWER_PIXELS_RETAINED, NULL, digest);
}

void lethe_draft_fragment(lethe_draft *draft, const void *bytes, size_t size, bool kept) {
    draft_element *element = draft_element_at(&draft->root, 0x7FE00010, "OB");
    draft_fragment *fresh = take(draft, sizeof *fresh);
    uint8_t *copy = take(draft, size + 1);
    if (element == NULL || fresh == NULL || copy == NULL) return;
    memcpy(copy, bytes, size);
    *fresh = (draft_fragment){.bytes = copy, .size = size + size % 2};
    draft_fragment **at = &element->fragments;
    while (*at != NULL) at = &(*at)->next;
    *at = fresh;
    (void)kept;
}
