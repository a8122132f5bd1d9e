#include "imaging/dicom/charset.h"

#include "core/memory.h"
#include "core/text.h"

#include <string.h>

#include "imaging/dicom/charset_table.h"

enum { ESCAPE = 0x1B, REPLACEMENT = 0xFFFD, MOST_TERMS = 16, SINGLE_COUNT = sizeof single_byte / sizeof single_byte[0] };

/* Graphic sets. SINGLE + n is row n of single_byte, the right half of an ISO 8859 part. */
typedef enum set { SET_NONE, ASCII, KATAKANA, JIS0208, JIS0212, KS1001, GB2312, SINGLE } set;

typedef enum method { ISO_2022, UTF_8, GB_18030, GBK, LATIN_1 } method;

struct lethe_charset {
    method how;
    bool known, may_be_utf8; /* may_be_utf8: bytes that happen to be UTF-8 are taken as such */
    set first_g1;            /* at the start and after each reset; G0 is always ASCII then */
    set terms[MOST_TERMS];   /* that escapes may call */
    unsigned term_count;
};

/* --- terms --- */

static set set_of_registration(unsigned registration) {
    switch (registration) {
    case 6:
    case 14: return ASCII;
    case 13: return KATAKANA;
    case 87: return JIS0208;
    case 159: return JIS0212;
    case 149: return KS1001;
    case 58: return GB2312;
    default: break;
    }
    for (unsigned row = 0; row < SINGLE_COUNT; row++) {
        if (single_byte[row].registration == registration) return (set)(SINGLE + row);
    }
    return SET_NONE;
}

/* The number after "IR" in whatever punctuation ("ISO_IR 100", "ISO 2022 IR 100", "ISO-IR 100", "ISO_IR_100"); 0 when there is none. */
static unsigned registration_of(const char *term, size_t size) {
    for (size_t at = 0; at + 2 < size; at++) {
        if (term[at] != 'I' || term[at + 1] != 'R') continue;
        unsigned number = 0, digits = 0;
        for (at += 2; at < size && digits < 4; at++) {
            if (term[at] >= '0' && term[at] <= '9') {
                number = number * 10 + (unsigned)(term[at] - '0');
                digits++;
            } else if (digits != 0 || (term[at] != ' ' && term[at] != '_' && term[at] != '-')) {
                return 0;
            }
        }
        return number;
    }
    return 0;
}

static bool is_word(const char *term, size_t size, const char *word) { return size == strlen(word) && memcmp(term, word, size) == 0; }

static void take_term(lethe_charset *charset, const char *term, size_t size, bool first) {
    if (size == 0) return;
    unsigned registration = registration_of(term, size);
    if (registration == 192 || is_word(term, size, "UTF-8") || is_word(term, size, "UTF8")) charset->how = UTF_8;
    else if (is_word(term, size, "GB18030")) charset->how = GB_18030;
    else if (is_word(term, size, "GBK")) charset->how = GBK;
    else {
        set which = set_of_registration(registration);
        if (which == SET_NONE) {
            charset->known = false;
            return;
        }
        if (which >= SINGLE && single_byte[which - SINGLE].registration != 100 && single_byte[which - SINGLE].registration != 101 &&
            single_byte[which - SINGLE].registration != 148 && single_byte[which - SINGLE].registration != 203)
            charset->may_be_utf8 = false;
        if (which != ASCII && which < SINGLE) charset->may_be_utf8 = false;
        if (first && which != JIS0208 && which != JIS0212 && which != ASCII) charset->first_g1 = which;
        if (charset->term_count < MOST_TERMS) charset->terms[charset->term_count++] = which;
    }
}

lethe_status lethe_charset_create(const char *specific_character_set, lethe_charset **out, lethe_error *error) {
    *out = NULL;
    lethe_charset *charset = lethe_alloc_array(1, sizeof *charset);
    if (charset == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a character set");
    charset->known = charset->may_be_utf8 = true;
    charset->how = ISO_2022;
    bool first = true;
    for (const char *at = specific_character_set;; at++) {
        const char *end = strchr(at, '\\');
        const char *stop = end == NULL ? at + strlen(at) : end;
        while (at < stop && *at == ' ') at++;
        while (stop > at && stop[-1] == ' ') stop--;
        take_term(charset, at, (size_t)(stop - at), first);
        first = false;
        if (end == NULL) break;
        at = end;
    }
    if (!charset->known) charset->how = LATIN_1;
    *out = charset;
    return LETHE_OK;
}

void lethe_charset_destroy(lethe_charset *charset) { lethe_free(charset); }
bool lethe_charset_is_known(const lethe_charset *charset) { return charset->known; }

const char *lethe_charset_governing(const lethe_dicom_item *item, char out[129]) {
    out[0] = '\0';
    for (; item != NULL; item = item->parent == NULL ? NULL : item->parent->parent) {
        const lethe_dicom_element *element = lethe_dicom_find(item, LETHE_TAG(0x0008, 0x0005));
        if (element == NULL || element->form != LETHE_DICOM_LEAF) continue;
        size_t size = element->value_bytes < 128 ? (size_t)element->value_bytes : 128;
        memcpy(out, element->value, size);
        while (size != 0 && (out[size - 1] == ' ' || out[size - 1] == 0)) size--;
        out[size] = '\0';
        break;
    }
    return out;
}

/* --- decoding --- */

static lethe_status put(lethe_buffer *utf8, uint32_t point, bool *lossy, lethe_error *error) {
    char bytes[4];
    if (point == REPLACEMENT && lossy != NULL) *lossy = true;
    return lethe_buffer_append(utf8, bytes, lethe_utf8_put(point, bytes), error);
}

static uint32_t square_point(const uint16_t *table, uint8_t row, uint8_t cell) {
    if (row < 0x21 || row > 0x7E || cell < 0x21 || cell > 0x7E) return REPLACEMENT;
    uint16_t point = table[(row - 0x21) * 94 + (cell - 0x21)];
    return point == 0 ? REPLACEMENT : point;
}

static uint32_t gb_point(uint8_t lead, uint8_t trail) {
    if (lead < 0x81 || lead > 0xFE || trail < 0x40 || trail > 0xFE) return REPLACEMENT;
    uint16_t point = gb[(lead - 0x81) * (0xFF - 0x40) + (trail - 0x40)];
    return point == 0 ? REPLACEMENT : point;
}

/* The set that an escape sequence calls, into G0 or G1; returns its length, 0 when it is none that is known. */
static size_t read_escape(const uint8_t *at, size_t left, set *g0, set *g1) {
    if (left < 3 || at[0] != ESCAPE) return 0;
    if (at[1] == '(' && (at[2] == 'B' || at[2] == 'J')) *g0 = ASCII;
    else if (at[1] == ')' && at[2] == 'I') *g1 = KATAKANA;
    else if (at[1] == '$' && (at[2] == 'B' || at[2] == '@')) *g0 = JIS0208;
    else if (at[1] == '$' && left >= 4 && at[2] == '(' && at[3] == 'D') *g0 = JIS0212;
    else if (at[1] == '$' && left >= 4 && at[2] == ')' && at[3] == 'C') *g1 = KS1001;
    else if (at[1] == '$' && left >= 4 && at[2] == ')' && at[3] == 'A') *g1 = GB2312;
    else if (at[1] == '-') {
        static const char finals[] = "ABCDLGFHMbT";
        static const uint16_t registrations[] = {100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 166};
        const char *found = at[2] == 0 ? NULL : strchr(finals, at[2]);
        if (found == NULL) return 0;
        *g1 = set_of_registration(registrations[found - finals]);
    } else {
        return 0;
    }
    return at[1] == '$' && at[2] != 'B' && at[2] != '@' ? 4 : 3;
}

static bool is_reset(uint8_t byte, lethe_vr vr) {
    if (byte == '\n' || byte == '\r' || byte == '\f' || byte == '\t') return true;
    if (byte == '\\') return vr != LETHE_VR_ST && vr != LETHE_VR_LT && vr != LETHE_VR_UT;
    return vr == LETHE_VR_PN && (byte == '^' || byte == '=');
}

static lethe_status decode_iso_2022(const lethe_charset *charset, const uint8_t *at, size_t size, lethe_vr vr, lethe_buffer *utf8, bool *lossy,
                                    lethe_error *error) {
    set g0 = ASCII, g1 = charset->first_g1;
    const uint8_t *end = at + size;
    lethe_status status = LETHE_OK;
    while (at < end && status == LETHE_OK) {
        size_t left = (size_t)(end - at);
        size_t escape = read_escape(at, left, &g0, &g1);
        if (escape != 0) {
            at += escape;
            continue;
        }
        uint8_t byte = *at;
        size_t used = 1;
        uint32_t point = REPLACEMENT;
        if (byte < 0x21 || byte == 0x7F || (byte < 0x80 && g0 == ASCII)) {
            point = byte;
            if (is_reset(byte, vr)) {
                g0 = ASCII;
                g1 = charset->first_g1;
            }
        } else if (byte < 0x80) {
            if (left >= 2) {
                point = square_point(g0 == JIS0208 ? jis0208 : jis0212, byte, at[1]);
                used = 2;
            }
        } else if (g1 == KATAKANA) {
            if (byte >= 0xA1 && byte <= 0xDF) point = 0xFF61u + (byte - 0xA1u);
        } else if (g1 == KS1001 || g1 == GB2312) {
            if (left >= 2 && at[1] >= 0xA1) {
                point = g1 == GB2312 ? gb_point(byte, at[1]) : square_point(ks1001, byte & 0x7F, at[1] & 0x7F);
                used = 2;
            }
        } else if (g1 >= SINGLE) {
            uint16_t mapped = single_byte[g1 - SINGLE].points[byte - 0x80];
            point = mapped == 0 ? REPLACEMENT : mapped;
        } else {
            point = byte; /* default repertoire: beyond it, Latin-1 is the best guess */
            if (lossy != NULL) *lossy = true;
        }
        at += used;
        status = put(utf8, point, lossy, error);
    }
    return status;
}

/* One character of GB18030 or GBK; returns how many bytes it took. */
static size_t gb_next(const uint8_t *at, size_t left, uint32_t *point) {
    *point = REPLACEMENT;
    if (*at < 0x80) *point = *at;
    if (*at < 0x81 || *at == 0xFF || left < 2) return 1;
    if (at[1] >= 0x40) {
        *point = gb_point(at[0], at[1]);
        return *point == REPLACEMENT ? 1 : 2;
    }
    if (left < 4 || at[1] < 0x30 || at[1] > 0x39 || at[2] < 0x81 || at[2] == 0xFF || at[3] < 0x30 || at[3] > 0x39) return 1;
    uint32_t linear = (((uint32_t)at[0] - 0x81) * 10 + at[1] - 0x30) * 1260 + ((uint32_t)at[2] - 0x81) * 10 + at[3] - 0x30;
    if (linear >= 189000 && linear - 189000 <= 0xFFFFF) *point = linear - 189000 + 0x10000;
    for (size_t row = 0; row < sizeof gb_ranges / sizeof gb_ranges[0] && linear < 0x10000; row++) {
        if (linear >= gb_ranges[row].linear && linear - gb_ranges[row].linear < gb_ranges[row].count)
            *point = gb_ranges[row].point + linear - gb_ranges[row].linear;
    }
    return 4;
}

static lethe_status decode_gb(const uint8_t *at, size_t size, lethe_buffer *utf8, bool *lossy, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (size != 0 && status == LETHE_OK) {
        uint32_t point;
        size_t used = gb_next(at, size, &point);
        at += used;
        size -= used;
        status = put(utf8, point, lossy, error);
    }
    return status;
}

static lethe_status decode_utf8(const uint8_t *bytes, size_t size, lethe_buffer *utf8, bool *lossy, lethe_error *error) {
    if (lethe_utf8_is_valid((const char *)bytes, size)) return lethe_buffer_append(utf8, bytes, size, error);
    if (lossy != NULL) *lossy = true;
    const char *at = (const char *)bytes, *end = at + size;
    lethe_status status = LETHE_OK;
    while (at < end && status == LETHE_OK) {
        const char *start = at;
        uint32_t point = lethe_utf8_next(&at, end);
        if (point == REPLACEMENT && at - start == 1) point = (uint8_t)*start;
        status = put(utf8, point, NULL, error);
    }
    return status;
}

static bool is_plain(const uint8_t *bytes, size_t size) {
    for (size_t at = 0; at < size; at++) {
        if (bytes[at] >= 0x80 || bytes[at] == ESCAPE) return false;
    }
    return true;
}

static bool has_escape(const uint8_t *bytes, size_t size) { return size != 0 && memchr(bytes, ESCAPE, size) != NULL; }

/* UTF-8 that somebody took for Latin-1 and made UTF-8 of again ("LefÃ¨vre" for "Lefèvre"): taken back, in place. */
static void undo_double(lethe_buffer *utf8, size_t from) {
    uint8_t *start = utf8->bytes + from, *to = start;
    const char *at = (const char *)start, *end = (const char *)utf8->bytes + utf8->size;
    if (memmem(at, (size_t)(end - at), "\xC3\x83", 2) == NULL && memmem(at, (size_t)(end - at), "\xC3\x82", 2) == NULL) return;
    while (at < end) {
        uint32_t point = lethe_utf8_next(&at, end);
        if (point > 0xFF) return;
    }
    lethe_buffer once;
    lethe_buffer_init(&once, utf8->size - from + 1);
    uint8_t *room;
    if (lethe_buffer_extend(&once, utf8->size - from, &room, NULL) != LETHE_OK) return;
    size_t size = 0;
    for (at = (const char *)start; at < end;) room[size++] = (uint8_t)lethe_utf8_next(&at, end);
    if (lethe_utf8_is_valid((const char *)room, size)) {
        memcpy(to, room, size);
        utf8->size = from + size;
        utf8->bytes[utf8->size] = 0;
    }
    lethe_buffer_release(&once);
}

static lethe_status decode_bytes(lethe_charset *charset, const uint8_t *bytes, size_t size, lethe_vr vr, lethe_buffer *utf8, bool *lossy,
                                 lethe_error *error) {
    if (charset->how == UTF_8) return decode_utf8(bytes, size, utf8, lossy, error);
    if (charset->how == GB_18030 || charset->how == GBK) return decode_gb(bytes, size, utf8, lossy, error);
    if (charset->may_be_utf8 && !has_escape(bytes, size) && lethe_utf8_is_valid((const char *)bytes, size)) {
        if (lossy != NULL) *lossy = true;
        return lethe_buffer_append(utf8, bytes, size, error);
    }
    return decode_iso_2022(charset, bytes, size, vr, utf8, lossy, error);
}

lethe_status lethe_charset_decode(lethe_charset *charset, const uint8_t *bytes, size_t size, lethe_vr vr, lethe_buffer *utf8, bool *lossy,
                                  lethe_error *error) {
    if (lossy != NULL) *lossy = false;
    if (is_plain(bytes, size)) return lethe_buffer_append(utf8, bytes, size, error);
    size_t from = utf8->size;
    lethe_status status = decode_bytes(charset, bytes, size, vr, utf8, lossy, error);
    if (status == LETHE_OK && utf8->size != from) undo_double(utf8, from);
    return status;
}

/* --- encoding --- */

static unsigned find_code(const uint16_t *points, const uint16_t *codes, size_t count, uint32_t point) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (points[middle] == point) return codes[middle];
        if (points[middle] < point) low = middle + 1;
        else high = middle;
    }
    return 0;
}

#define FIND_CODE(table, point) find_code(table##_points, table##_codes, sizeof table##_points / sizeof table##_points[0], point)

/* Code of a character in a set: one byte or two; 0 when it has none there. */
static unsigned code_in(set which, uint32_t point) {
    unsigned code = 0;
    switch (which) {
    case SET_NONE: return 0;
    case ASCII: return point < 0x80 ? point : 0;
    case KATAKANA: return point >= 0xFF61 && point <= 0xFF9F ? point - 0xFF61 + 0xA1 : 0;
    case JIS0208: return FIND_CODE(jis0208, point);
    case JIS0212: return FIND_CODE(jis0212, point);
    case KS1001: code = FIND_CODE(ks1001, point); return code == 0 ? 0 : code | 0x8080;
    case GB2312:
        code = FIND_CODE(gb, point);
        return (code & 0xFF) >= 0xA1 && ((code >= 0xA1A1 && code <= 0xA9FE) || (code >= 0xB0A1 && code <= 0xF7FE)) ? code : 0;
    case SINGLE:
    default: break;
    }
    for (unsigned at = 0; at < 128; at++) {
        if (single_byte[which - SINGLE].points[at] == point) return at + 0x80;
    }
    return 0;
}

static const char *escape_of(set which) {
    static const char *const single[] = {"\x1B-A", "\x1B-B", "\x1B-C", "\x1B-D", "\x1B-L", "\x1B-G",
                                         "\x1B-F", "\x1B-H", "\x1B-M", "\x1B-b", "\x1B-T"};
    switch (which) {
    case ASCII: return "\x1B(B";
    case KATAKANA: return "\x1B)I";
    case JIS0208: return "\x1B$B";
    case JIS0212: return "\x1B$(D";
    case KS1001: return "\x1B$)C";
    case GB2312: return "\x1B$)A";
    case SET_NONE: return "";
    case SINGLE:
    default: return single[which - SINGLE];
    }
}

static lethe_status put_code(lethe_buffer *bytes, unsigned code, lethe_error *error) {
    uint8_t pair[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    return code > 0xFF ? lethe_buffer_append(bytes, pair, 2, error) : lethe_buffer_append(bytes, pair + 1, 1, error);
}

static lethe_status no_place(lethe_error *error) { return lethe_fail(error, LETHE_UNSUPPORTED, "a character has no place in the character set"); }

/* Delimiters reset both sides' state, whatever the VR: a reset too many does no harm. */
static bool ends_state(uint32_t point) {
    return point == '\n' || point == '\r' || point == '\f' || point == '\t' || point == '\\' || point == '^' || point == '=';
}

static lethe_status encode_iso_2022(const lethe_charset *charset, const char *at, const char *end, lethe_buffer *bytes, lethe_error *error) {
    set g0 = ASCII, g1 = charset->first_g1;
    lethe_status status = LETHE_OK;
    while (at < end && status == LETHE_OK) {
        uint32_t point = lethe_utf8_next(&at, end);
        unsigned code = code_in(g1, point);
        set which = g1;
        if (point < 0x80) {
            code = point;
            which = ASCII;
        } else if (code == 0) {
            for (unsigned term = 0; term < charset->term_count && code == 0; term++) {
                which = charset->terms[term];
                code = code_in(which, point);
            }
        }
        if (code == 0 && point != 0) return no_place(error);
        bool left_side = which == ASCII || which == JIS0208 || which == JIS0212;
        if (which != (left_side ? g0 : g1)) {
            status = lethe_buffer_append_text(bytes, escape_of(which), error);
            *(left_side ? &g0 : &g1) = which;
        }
        if (status == LETHE_OK) status = put_code(bytes, code, error);
        if (ends_state(point)) g1 = charset->first_g1;
    }
    if (status == LETHE_OK && g0 != ASCII) status = lethe_buffer_append_text(bytes, escape_of(ASCII), error);
    return status;
}

static lethe_status encode_gb(bool four_bytes, const char *at, const char *end, lethe_buffer *bytes, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (at < end && status == LETHE_OK) {
        uint32_t point = lethe_utf8_next(&at, end);
        unsigned code = point < 0x80 ? point : point < 0x10000 ? FIND_CODE(gb, point) : 0;
        if (code != 0 || point == 0) {
            status = put_code(bytes, code, error);
            continue;
        }
        uint32_t linear = point >= 0x10000 ? point - 0x10000 + 189000 : UINT32_MAX;
        for (size_t row = 0; row < sizeof gb_ranges / sizeof gb_ranges[0] && point < 0x10000; row++) {
            if (point >= gb_ranges[row].point && point - gb_ranges[row].point < gb_ranges[row].count)
                linear = gb_ranges[row].linear + point - gb_ranges[row].point;
        }
        if (!four_bytes || linear == UINT32_MAX) return no_place(error);
        uint8_t four[4] = {(uint8_t)(0x81 + linear / 12600), (uint8_t)(0x30 + linear / 1260 % 10), (uint8_t)(0x81 + linear / 10 % 126),
                           (uint8_t)(0x30 + linear % 10)};
        status = lethe_buffer_append(bytes, four, sizeof four, error);
    }
    return status;
}

lethe_status lethe_charset_encode(lethe_charset *charset, const char *utf8, size_t size, lethe_buffer *bytes, lethe_error *error) {
    if (is_plain((const uint8_t *)utf8, size)) return lethe_buffer_append(bytes, utf8, size, error);
    if (!lethe_utf8_is_valid(utf8, size)) return lethe_fail(error, LETHE_MALFORMED, "text is not UTF-8");
    if (charset->how == UTF_8) return lethe_buffer_append(bytes, utf8, size, error);
    size_t before = bytes->size;
    lethe_status status;
    if (charset->how == GB_18030 || charset->how == GBK) {
        status = encode_gb(charset->how == GB_18030, utf8, utf8 + size, bytes, error);
    } else if (charset->how == LATIN_1) {
        lethe_charset latin = {.how = ISO_2022, .first_g1 = SINGLE};
        status = encode_iso_2022(&latin, utf8, utf8 + size, bytes, error);
    } else {
        status = encode_iso_2022(charset, utf8, utf8 + size, bytes, error);
    }
    if (status != LETHE_OK) bytes->size = before;
    return status;
}
