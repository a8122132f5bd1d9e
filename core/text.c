#include "core/text.h"

#include "core/memory.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

bool lethe_text_to_int64(const char *text, int64_t *value) {
    if (text == NULL || !(*text == '-' || *text == '+' || (*text >= '0' && *text <= '9'))) return false;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') return false;
    *value = number;
    return true;
}

bool lethe_text_to_double(const char *text, double *value) {
    if (text == NULL || !(*text == '-' || *text == '+' || *text == '.' || (*text >= '0' && *text <= '9'))) return false;
    for (const char *at = text; *at != '\0'; at++)
        if (strchr("+-.0123456789eE", *at) == NULL) return false;
    static _Thread_local locale_t c_locale; /* created once a thread: the decimal separator must not depend on the user */
    if (c_locale == (locale_t)0) c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    char *end = NULL;
    errno = 0;
    double number = c_locale == (locale_t)0 ? strtod(text, &end) : strtod_l(text, &end, c_locale);
    if ((errno == ERANGE && (number > 1 || number < -1)) || end == text || *end != '\0') return false;
    *value = number;
    return true;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool lethe_text_equal_fold(const char *a, const char *b) {
    while (*a != '\0' && lower(*a) == lower(*b)) a++, b++;
    return lower(*a) == lower(*b);
}

bool lethe_text_starts(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

bool lethe_text_ends(const char *text, const char *suffix) {
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

void lethe_hex(const uint8_t *bytes, size_t size, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool lethe_unhex(const char *text, uint8_t *bytes, size_t size) {
    if (strlen(text) != 2 * size) return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

void lethe_base32(const uint8_t *bytes, size_t size, char *out) {
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < size; i++) {
        bits = (bits << 8) | bytes[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            *out++ = digits[(bits >> held) & 31];
        }
        bits &= 31;
    }
    if (held != 0) *out++ = digits[(bits << (5 - held)) & 31];
    *out = '\0';
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

lethe_status lethe_base64(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    size_t groups = size / 3 + (size % 3 != 0), total;
    uint8_t *at;
    if (!lethe_multiply_size(groups, 4, &total)) return lethe_fail(error, LETHE_LIMIT, "too many bytes for base64");
    lethe_status status = lethe_buffer_extend(out, total, &at, error);
    for (size_t i = 0; status == LETHE_OK && i < size; i += 3) {
        size_t left = size - i;
        uint32_t word = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        *at++ = (uint8_t)base64_digits[word >> 18];
        *at++ = (uint8_t)base64_digits[(word >> 12) & 63];
        *at++ = (uint8_t)(left > 1 ? base64_digits[(word >> 6) & 63] : '=');
        *at++ = (uint8_t)(left > 2 ? base64_digits[word & 63] : '=');
    }
    return status;
}

lethe_status lethe_unbase64(const char *text, size_t length, lethe_buffer *out, lethe_error *error) {
    uint32_t word = 0;
    unsigned held = 0, padding = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c == '=') {
            padding++;
            continue;
        }
        const char *digit = c == '\0' ? NULL : strchr(base64_digits, c);
        if (digit == NULL || padding != 0) return lethe_fail(error, LETHE_MALFORMED, "base64: unexpected character at offset %zu", i);
        word = (word << 6) | (uint32_t)(digit - base64_digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            uint8_t byte = (uint8_t)(word >> held);
            lethe_status status = lethe_buffer_append(out, &byte, 1, error);
            if (status != LETHE_OK) return status;
        }
    }
    if (padding > 2 || held == 6) return lethe_fail(error, LETHE_MALFORMED, "base64: wrong length");
    return LETHE_OK;
}

uint32_t lethe_utf8_next(const char **at, const char *end) {
    const uint8_t *p = (const uint8_t *)*at;
    size_t left = (size_t)(end - *at);
    uint32_t first = p[0];
    size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
    if (length == 1) {
        *at += 1;
        return first;
    }
    bool valid = length != 0 && length <= left;
    uint32_t code = valid ? first & (0xFFu >> (length + 1)) : 0;
    for (size_t i = 1; valid && i < length; i++) {
        valid = (p[i] & 0xC0) == 0x80;
        code = code << 6 | (p[i] & 0x3F);
    }
    if (valid && ((length == 3 && (code < 0x800 || (code >= 0xD800 && code < 0xE000))) || (length == 4 && (code < 0x10000 || code > 0x10FFFF))))
        valid = false;
    *at += valid ? length : 1;
    return valid ? code : 0xFFFD;
}

size_t lethe_utf8_put(uint32_t c, char out[4]) {
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3F)), 2;
    if (c < 0x10000) return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 0x3F)), out[2] = (char)(0x80 | (c & 0x3F)), 3;
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

bool lethe_utf8_is_valid(const char *text, size_t length) {
    const char *at = text, *end = text + length;
    while (at < end) {
        const char *before = at;
        if (lethe_utf8_next(&at, end) == 0xFFFD && !(at - before == 3)) return false;
    }
    return true;
}

lethe_status lethe_html_escape(const char *text, lethe_buffer *out, lethe_error *error) {
    for (; *text != '\0'; text++) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;
        lethe_status status = entity != NULL ? lethe_buffer_append_text(out, entity, error) : lethe_buffer_append(out, text, 1, error);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

size_t lethe_text_distance(const char *a, const char *b, size_t limit) {
    enum { LONGEST = 128 };
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > LONGEST || columns > LONGEST) return limit + 1;
    size_t previous[LONGEST + 1], current[LONGEST + 1];
    for (size_t j = 0; j <= columns; j++) previous[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        current[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t best = previous[j - 1] + (a[i - 1] != b[j - 1]);
            if (previous[j] + 1 < best) best = previous[j] + 1;
            if (current[j - 1] + 1 < best) best = current[j - 1] + 1;
            current[j] = best;
        }
        memcpy(previous, current, sizeof previous);
    }
    return previous[columns] > limit ? limit + 1 : previous[columns];
}

const char *lethe_text_nearest(const char *word, const char *const *words) {
    const char *best = NULL;
    size_t best_distance = 4;
    for (; *words != NULL; words++) {
        size_t distance = lethe_text_distance(word, *words, 3);
        if (distance < best_distance) best = *words, best_distance = distance;
    }
    return best;
}
