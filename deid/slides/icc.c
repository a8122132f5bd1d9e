/* ICC profiles (ICC.1:2010): numbers of the colour transform stay exactly, texts and dates go. */
#include "core/text.h"
#include "deid/slides/slide_job.h"

#include <string.h>

enum { HEADER = 128, ENTRY = 12, MAX_TAGS = 100 };

static uint32_t be32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }
static void put32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24), at[1] = (uint8_t)(value >> 16), at[2] = (uint8_t)(value >> 8), at[3] = (uint8_t)value;
}

/* Types whose content is numbers (10 of the specification). */
static bool is_numeric_type(const uint8_t *type) {
    static const char types[][5] = {"XYZ ", "curv", "para", "mft1", "mft2", "mAB ", "mBA ", "sf32",
                                    "uf32", "chrm", "view", "meas", "sig ", "ui08", "ui16", "ui32"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (memcmp(types[i], type, 4) == 0) return true;
    return false;
}

/* Tags that the colour transform needs (9.2); the rest is description. */
static bool is_colour_tag(const uint8_t *tag) {
    static const char tags[][5] = {"rXYZ", "gXYZ", "bXYZ", "wtpt", "bkpt", "rTRC", "gTRC", "bTRC", "kTRC", "A2B0",
                                   "A2B1", "A2B2", "B2A0", "B2A1", "B2A2", "gamt", "chad", "chrm", "lumi", "meas",
                                   "view", "tech", "pre0", "pre1", "pre2", "D2B0", "B2D0", "rig0", "rig2"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (memcmp(tags[i], tag, 4) == 0) return true;
    return false;
}

/* A "desc" of version 2 or "mluc" of version 4, or "text": fixed words, so that readers that insist on one find it. */
static size_t put_text(uint8_t *at, const uint8_t *tag, bool version4) {
    const char *words = memcmp(tag, "cprt", 4) == 0 ? "none" : "slide";
    size_t length = strlen(words);
    if (version4) {
        memcpy(at, "mluc", 4);
        put32(at + 8, 1), put32(at + 12, 12);
        memcpy(at + 16, "enUS", 4);
        put32(at + 20, (uint32_t)(2 * length)), put32(at + 24, 28);
        for (size_t i = 0; i < length; i++) at[28 + 2 * i + 1] = (uint8_t)words[i];
        return 28 + 2 * length;
    }
    if (memcmp(tag, "cprt", 4) == 0) {
        memcpy(at, "text", 4);
        memcpy(at + 8, words, length + 1);
        return 8 + length + 1;
    }
    memcpy(at, "desc", 4);
    put32(at + 8, (uint32_t)length + 1);
    memcpy(at + 12, words, length + 1);
    return 12 + length + 1 + 8 + 3 + 67; /* empty Unicode and ScriptCode parts */
}

static bool known_header_code(const uint8_t *code) {
    static const char codes[][5] = {"ADBE", "lcms", "APPL", "MSFT", "appl", "KODA", "HP  ", "none", "IEC ", "sRGB", "SGI ", "SUNW"};
    if (be32(code) == 0) return true;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (memcmp(codes[i], code, 4) == 0) return true;
    return false;
}

static void clean_header(const uint8_t *in, uint8_t *out) {
    memcpy(out, in, HEADER);
    memset(out + 24, 0, 12);                         /* creation date */
    static const unsigned codes[] = {4, 48, 52, 80}; /* preferred module, manufacturer, model, creator */
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (!known_header_code(in + codes[i])) memset(out + codes[i], 0, 4);
    memset(out + 84, 0, HEADER - 84); /* profile ID, reserved */
}

typedef struct icc_entry {
    const uint8_t *tag, *data;
    uint32_t size;
    bool keep, text;
} icc_entry;

static lethe_status read_entries(const uint8_t *bytes, size_t size, icc_entry *entries, uint32_t *count, lethe_error *error) {
    if (size < HEADER + 4 || memcmp(bytes + 36, "acsp", 4) != 0) return lethe_fail(error, LETHE_MALFORMED, "ICC profile without its signature");
    *count = be32(bytes + HEADER);
    if (*count > MAX_TAGS || HEADER + 4 + (size_t)*count * ENTRY > size)
        return lethe_fail(error, LETHE_MALFORMED, "ICC profile with a wrong count of tags");
    for (uint32_t i = 0; i < *count; i++) {
        const uint8_t *at = bytes + HEADER + 4 + (size_t)i * ENTRY;
        uint32_t offset = be32(at + 4), length = be32(at + 8);
        if (offset > size || length > size - offset || length < 8)
            return lethe_fail(error, LETHE_MALFORMED, "ICC tag %u lies outside the profile", i);
        entries[i] = (icc_entry){.tag = at, .data = bytes + offset, .size = length};
        entries[i].keep = is_colour_tag(at) && is_numeric_type(bytes + offset);
        entries[i].text = memcmp(at, "desc", 4) == 0 || memcmp(at, "cprt", 4) == 0;
    }
    return LETHE_OK;
}

/* Descriptions that many profiles of the world share. */
static bool is_public_text(const char *text, size_t length) {
    static const char *const texts[] = {"sRGB IEC61966-2.1",
                                        "sRGB built-in",
                                        "sRGB",
                                        "ScanScope v1",
                                        "Adobe RGB (1998)",
                                        "no copyright, use freely",
                                        "No copyright, use freely",
                                        "Copyright (c) 1998 Hewlett-Packard Company",
                                        "IEC http://www.iec.ch",
                                        "IEC 61966-2.1 Default RGB colour space - sRGB",
                                        "Reference Viewing Condition in IEC61966-2.1",
                                        "Copyright 1999 Adobe Systems Incorporated",
                                        "Public Domain",
                                        "none",
                                        "slide",
                                        "desc",
                                        "text",
                                        "mluc",
                                        "enUS"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strlen(texts[i]) == length && memcmp(texts[i], text, length) == 0) return true;
    return false;
}

/* True when every readable run of a describing tag is public: then nothing of it points to a person or a place. */
static bool is_public(const icc_entry *entry) {
    char run[128];
    size_t length = 0;
    for (uint32_t i = 8; i <= entry->size; i++) {
        uint8_t c = i < entry->size ? entry->data[i] : 0;
        bool wide = c == 0 && i + 1 < entry->size && i > 8 && entry->data[i - 1] >= 0x20 && entry->data[i + 1] >= 0x20; /* UTF-16 of "mluc" */
        if (c >= 0x20 && length + 1 < sizeof run) run[length++] = (char)c;
        else if (c >= 0x20) return false;
        else if (!wide) {
            if (length >= 4 && !is_public_text(run, length)) return false;
            length = 0;
        }
    }
    return true;
}

static bool all_public(const uint8_t *bytes, const icc_entry *entries, uint32_t count) {
    static const unsigned codes[] = {4, 48, 52, 80};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (!known_header_code(bytes + codes[i])) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!entries[i].keep && !is_public(&entries[i])) return false;
    return true;
}

/* Every byte belongs to the header, the table, a tag or zero padding. */
static bool is_filled(const uint8_t *bytes, size_t size, const icc_entry *entries, uint32_t count) {
    for (size_t at = HEADER + 4 + (size_t)count * ENTRY; at < size; at++) {
        bool inside = false;
        for (uint32_t i = 0; i < count && !inside; i++) {
            size_t start = (size_t)(entries[i].data - bytes);
            if (at >= start && at < start + entries[i].size) inside = true, at = start + entries[i].size - 1;
        }
        if (!inside && bytes[at]) return false;
    }
    return true;
}

/* Texts of a removed tag. Those of "mluc" are UTF-16 at the places that its records tell (ICC.1, 10.15); the records' codes are no values. */
static lethe_status remember_texts(lethe_slide_job *job, const icc_entry *entry, lethe_error *error) {
    const uint8_t *data = entry->data;
    uint32_t records = entry->size >= 16 && memcmp(data, "mluc", 4) == 0 && be32(data + 12) == 12 ? be32(data + 8) : 0;
    if (records > MAX_TAGS || 16 + 12 * (size_t)records > entry->size) records = 0;
    for (uint32_t r = 0; r < records; r++) {
        uint32_t length = be32(data + 16 + 12 * r + 4), offset = be32(data + 16 + 12 * r + 8);
        char text[512];
        size_t used = 0;
        if (offset > entry->size || length > entry->size - offset) continue;
        for (uint32_t i = 0; i + 1 < length && used + 4 <= sizeof text; i += 2) {
            uint32_t unit = (uint32_t)data[offset + i] << 8 | data[offset + i + 1];
            used += unit ? lethe_utf8_put(unit, text + used) : 0;
        }
        lethe_status status = used && !is_public_text(text, used) ? lethe_job_removed(job, text, used, error) : LETHE_OK;
        if (status != LETHE_OK) return status;
    }
    size_t head = records ? 16 + 12 * (size_t)records : 8;
    return lethe_job_removed_blob(job, data + head, entry->size - head, error);
}

lethe_status lethe_icc_clean(lethe_slide_job *job, const uint8_t *bytes, size_t size, const uint8_t **out, size_t *out_size, lethe_error *error) {
    icc_entry entries[MAX_TAGS];
    uint32_t count = 0, kept = 0;
    lethe_status status = read_entries(bytes, size, entries, &count, error);
    if (status != LETHE_OK) return status;
    *out = bytes;
    *out_size = size;
    if (all_public(bytes, entries, count) && is_filled(bytes, size, entries, count)) return LETHE_OK;
    for (uint32_t i = 0; i < count; i++) {
        kept += entries[i].keep || entries[i].text;
        if (!entries[i].keep && (status = remember_texts(job, &entries[i], error)) != LETHE_OK) return status;
    }
    uint8_t *fresh = lethe_arena_alloc(job->arena, size + 512);
    if (!fresh) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    clean_header(bytes, fresh);
    put32(fresh + HEADER, kept);
    uint8_t *row = fresh + HEADER + 4;
    size_t at = HEADER + 4 + (size_t)kept * ENTRY;
    for (uint32_t i = 0; i < count; i++) {
        const icc_entry *entry = &entries[i];
        if (!entry->keep && !entry->text) continue;
        /* Curves are often shared by three tags. */
        uint32_t shared = 0;
        for (uint32_t k = 0; entry->keep && k < i; k++)
            if (entries[k].keep && entries[k].data == entry->data && entries[k].size == entry->size) {
                const uint8_t *before = fresh + HEADER + 4;
                for (uint32_t r = 0; r < kept; r++)
                    if (memcmp(before + r * ENTRY, entries[k].tag, 4) == 0) shared = be32(before + r * ENTRY + 4);
            }
        size_t length = entry->size;
        if (!shared) {
            at = (at + 3) & ~(size_t)3;
            if (at + length + 256 > size + 512) return lethe_fail(error, LETHE_MALFORMED, "ICC tags overlap each other");
            if (entry->text) length = put_text(fresh + at, entry->tag, bytes[8] >= 4);
            else memcpy(fresh + at, entry->data, length);
        }
        memcpy(row, entry->tag, 4);
        put32(row + 4, shared ? shared : (uint32_t)at);
        put32(row + 8, (uint32_t)length);
        row += ENTRY;
        if (!shared) at += length;
    }
    at = (at + 3) & ~(size_t)3;
    put32(fresh, (uint32_t)at);
    *out = fresh;
    *out_size = at;
    return LETHE_OK;
}
