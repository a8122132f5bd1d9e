#include "deid/documents_text.h"

#include "core/buffer.h"
#include "core/text.h"
#include "deid/audit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_CAP = 64 << 20, STL_HEADER = 80, STL_COUNT = 4, STL_TRIANGLE = 50, LONGEST_REFERENCE = 32, ENCODED_RUN = 120 };

static lethe_status unreadable(const char *why, lethe_error *error) { return lethe_fail(error, LETHE_REVIEW, "encapsulated document: %s", why); }

/* Triangles behind a header: a size that comes out even says so, whatever the header begins with. */
static bool is_binary_stl(const uint8_t *bytes, size_t size) {
    if (size < STL_HEADER + STL_COUNT) return false;
    const uint8_t *at = bytes + STL_HEADER;
    uint64_t triangles = at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
    return STL_HEADER + STL_COUNT + triangles * STL_TRIANGLE == size;
}

static bool is_plain(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < 0x20 && bytes[i] != '\t' && bytes[i] != '\n' && bytes[i] != '\r') return false;
    return true;
}

/* UTF-16 with its mark, as UTF-8. */
static lethe_status from_utf16(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    unsigned high = bytes[0] == 0xFE ? 0 : 1, low = 1 - high;
    lethe_status status = LETHE_OK;
    for (size_t at = 2; at + 1 < size && status == LETHE_OK; at += 2) {
        uint32_t point = (uint32_t)bytes[at + high] << 8 | bytes[at + low];
        if (point >= 0xD800 && point < 0xDC00 && at + 3 < size) {
            point = 0x10000 + ((point & 0x3FF) << 10) + (((uint32_t)bytes[at + 2 + high] << 8 | bytes[at + 2 + low]) & 0x3FF);
            at += 2;
        }
        char utf8[4];
        status = lethe_buffer_append(out, utf8, lethe_utf8_put(point, utf8), error);
    }
    return status;
}

typedef enum encoding { UNKNOWN, UNICODE, LATIN_1, LATIN_9, WINDOWS_1252 } encoding;

/* What a declaration "encoding='...'" names; without one it is UTF-8 (XML 1.0, 4.3.3). */
static encoding find_encoding(const char *text, size_t size) {
    static const struct {
        const char *name;
        encoding is;
    } known[] = {{"utf-8", UNICODE},      {"utf8", UNICODE},   {"utf-16", UNICODE},      {"us-ascii", UNICODE},         {"ascii", UNICODE},
                 {"iso-8859-1", LATIN_1}, {"latin1", LATIN_1}, {"iso-8859-15", LATIN_9}, {"windows-1252", WINDOWS_1252}};
    if (size < 5 || memcmp(text, "<?xml", 5) != 0) return UNICODE;
    const char *end = memmem(text, size < 200 ? size : 200, "?>", 2);
    if (end == NULL) return UNKNOWN;
    const char *at = memmem(text, (size_t)(end - text), "encoding", 8);
    if (at == NULL) return UNICODE;
    for (at += 8; at < end && memchr(" =\"'\t\r\n", *at, 7) != NULL;) at++;
    size_t length = 0;
    while (at + length < end && memchr(" \"'?\t\r\n", at[length], 7) == NULL) length++;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (length == strlen(known[i].name) && strncasecmp(at, known[i].name, length) == 0) return known[i].is;
    return UNKNOWN;
}

/* Bytes of a Latin character set, as UTF-8: ISO 8859-1 with the letters that ISO 8859-15 and Windows-1252 have in other places. */
static lethe_status from_latin(const char *text, size_t size, encoding is, lethe_buffer *out, lethe_error *error) {
    static const struct {
        uint8_t latin_9, windows;
        uint16_t point;
    } letters[] = {{0xA6, 0x8A, 0x160}, {0xA8, 0x9A, 0x161}, {0xB4, 0x8E, 0x17D}, {0xB8, 0x9E, 0x17E},
                   {0xBC, 0x8C, 0x152}, {0xBD, 0x9C, 0x153}, {0xBE, 0x9F, 0x178}, {0xFF, 0x92, 0x2019}};
    lethe_status status = LETHE_OK;
    for (size_t at = 0; at < size && status == LETHE_OK; at++) {
        uint8_t byte = (uint8_t)text[at];
        uint32_t point = byte;
        for (size_t i = 0; byte >= 0x80 && i < sizeof letters / sizeof *letters; i++)
            if ((is == LATIN_9 && byte != 0xFF && byte == letters[i].latin_9) || (is == WINDOWS_1252 && byte == letters[i].windows))
                point = letters[i].point;
        char utf8[4];
        status = lethe_buffer_append(out, utf8, lethe_utf8_put(point, utf8), error);
    }
    return status;
}

static bool contains(const char *text, size_t size, const char *word) {
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= size; at++)
        if ((text[at] | 0x20) == (word[0] | 0x20) && strncasecmp(text + at, word, length) == 0) return true;
    return false;
}

/* A run that no prose has: base64 or hexadecimal digits. */
static bool has_encoded_run(const char *text, size_t size) {
    size_t run = 0, digits = 0;
    for (size_t at = 0; at < size; at++) {
        char c = text[at];
        bool digit = c >= '0' && c <= '9', letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (run != 0 && (c == '\r' || c == '\n')) continue; /* base64 is broken into lines */
        if (!digit && !letter && c != '+' && c != '/') run = digits = 0;
        else run++, digits += digit;
        if (run >= ENCODED_RUN && digits >= run / 32) return true;
    }
    return false;
}

/* "&amp;", "&eacute;" of HTML: of letters the base, which the audit compares; what is none stands between words. */
static size_t resolve_name(const char *name, size_t length, char out[4]) {
    static const struct {
        const char *name, *text;
    } known[] = {{"apos", "'"},  {"lsquo", "'"}, {"rsquo", "'"},  {"quot", " "},   {"ldquo", " "},  {"rdquo", " "}, {"laquo", " "},
                 {"raquo", " "}, {"nbsp", " "},  {"ensp", " "},   {"emsp", " "},   {"ndash", "-"},  {"mdash", "-"}, {"shy", ""},
                 {"zwj", ""},    {"zwnj", ""},   {"szlig", "ss"}, {"thorn", "th"}, {"THORN", "TH"}, {"eth", "d"},   {"ETH", "D"}};
    for (size_t row = 0; row < sizeof known / sizeof *known; row++) {
        size_t size = strlen(known[row].text);
        if (strlen(known[row].name) != length || memcmp(known[row].name, name, length) != 0) continue;
        memcpy(out, known[row].text, size);
        return size;
    }
    out[0] = length > 3 ? name[0] : ' '; /* eacute; lt, gt, amp */
    out[1] = name[1];                    /* aelig */
    return length > 4 && memcmp(name + length - 3, "lig", 3) == 0 ? 2 : 1;
}

/* A reference at `at`, "&#233;", "&#xE9;" or one by name: what it stands for, *length bytes (0 to 4), and how many it takes. */
static bool resolve(const char *at, const char *end, char out[4], size_t *length, size_t *used) {
    const char *stop = memchr(at, ';', (size_t)(end - at) < LONGEST_REFERENCE ? (size_t)(end - at) : LONGEST_REFERENCE);
    if (stop == NULL || stop - at < 3) return false;
    *used = (size_t)(stop + 1 - at);
    if (at[1] == '#') {
        bool hexadecimal = (at[2] | 0x20) == 'x';
        char *rest;
        unsigned long point = strtoul(at + (hexadecimal ? 3 : 2), &rest, hexadecimal ? 16 : 10);
        if (rest != stop || point == 0 || point > 0x10FFFF) return false;
        *length = lethe_utf8_put((uint32_t)point, out);
        return true;
    }
    for (const char *c = at + 1; c < stop; c++)
        if ((*c | 0x20) < 'a' || (*c | 0x20) > 'z') return false;
    *length = resolve_name(at + 1, *used - 2, out);
    return true;
}

/* The text without references, and without mark-up when `bare`. */
static lethe_status read_out(const char *text, size_t size, bool bare, lethe_buffer *out, lethe_error *error) {
    const char *at = text, *end = text + size;
    lethe_status status = LETHE_OK;
    while (at < end && status == LETHE_OK) {
        char letter[4];
        size_t used = 1, length = 1;
        letter[0] = *at;
        if (*at == '&') {
            if (!resolve(at, end, letter, &length, &used)) {
                letter[0] = '&';
                used = length = 1;
            }
        } else if (bare && *at == '<') {
            const char *stop = memchr(at, '>', (size_t)(end - at));
            used = stop == NULL ? 1 : (size_t)(stop + 1 - at);
            length = stop == NULL ? 1 : 0;
        }
        status = lethe_buffer_append(out, letter, length, error);
        at += used;
    }
    return status;
}

static lethe_status search(const char *text, size_t size, struct lethe_audit *audit, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (int bare = 0; bare < 2 && status == LETHE_OK; bare++) {
        lethe_buffer out;
        lethe_buffer_init(&out, TEXT_CAP);
        status = read_out(text, size, bare != 0, &out, error);
        if (status == LETHE_OK) status = lethe_audit_bytes(audit, out.bytes, out.size, error);
        lethe_buffer_release(&out);
    }
    return status;
}

lethe_status lethe_documents_search_text(const uint8_t *bytes, size_t size, struct lethe_audit *audit, lethe_error *error) {
    if (is_binary_stl(bytes, size)) return LETHE_OK;  /* its header is searched with the rest of the output */
    while (size != 0 && bytes[size - 1] == 0) size--; /* padding */
    bool wide = size >= 2 && ((bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF));
    encoding is = wide ? UNICODE : find_encoding((const char *)bytes, size);
    bool latin = is == LATIN_1 || is == LATIN_9 || is == WINDOWS_1252;
    lethe_buffer utf8;
    lethe_buffer_init(&utf8, TEXT_CAP);
    lethe_status status = wide    ? from_utf16(bytes, size, &utf8, error)
                          : latin ? from_latin((const char *)bytes, size, is, &utf8, error)
                                  : lethe_buffer_append(&utf8, bytes, size, error);
    const char *text = lethe_buffer_text(&utf8);
    size_t length = utf8.size;
    if (status != LETHE_OK) goto out;
    if (!is_plain((const uint8_t *)text, length)) status = unreadable("it is of a kind that cannot be read here", error);
    else if (length > 5 && memcmp(text, "{\\rtf", 5) == 0) status = unreadable("it is of a kind that cannot be read here", error);
    else if (is == UNKNOWN || find_encoding(text, length) == UNKNOWN || !lethe_utf8_is_valid(text, length))
        status = unreadable("its text is in an encoding that cannot be read here", error);
    else if (contains(text, length, "<!ENTITY") || contains(text, length, "\"B64\"") || contains(text, length, "base64") ||
             has_encoded_run(text, length))
        status = unreadable("it holds something that is written as something else", error);
    else status = search(text, length, audit, error);
out:
    lethe_buffer_release(&utf8);
    return status;
}
