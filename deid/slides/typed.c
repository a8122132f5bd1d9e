#include "deid/slides/typed.h"

#include <string.h>
#include <strings.h>

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

void lethe_typed_trim(const char **text, size_t *length) {
    while (*length && is_space((*text)[*length - 1])) --*length;
    while (*length && is_space(**text)) ++*text, --*length;
}

static size_t digits(const char *at, const char *end) {
    size_t count = 0;
    while (at + count < end && is_digit(at[count])) count++;
    return count;
}

static bool is_integer(const char *at, const char *end) {
    if (at < end && (*at == '-' || *at == '+')) at++;
    size_t count = digits(at, end);
    return count >= 1 && count <= 10 && at + count == end;
}

static bool is_decimal(const char *at, const char *end) {
    if (end - at > 24) return false;
    if (at < end && (*at == '-' || *at == '+')) at++;
    size_t whole = digits(at, end), part = 0;
    at += whole;
    if (at < end && *at == '.') {
        part = digits(at + 1, end);
        at += 1 + part;
    }
    if (whole + part == 0 || whole > 9) return false; /* no measure of a slide has more digits; a patient's number may */
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '-' || *at == '+')) at++;
        size_t exponent = digits(at, end);
        if (exponent < 1 || exponent > 3) return false;
        at += exponent;
    }
    return at == end;
}

static bool are_decimals(const char *at, const char *end) {
    unsigned count = 0;
    while (at < end) {
        if (is_space(*at) || *at == ',' || *at == ';') {
            at++;
            continue;
        }
        bool quoted = *at == '"';
        const char *start = quoted ? at + 1 : at, *stop = start;
        while (stop < end && !is_space(*stop) && *stop != ',' && *stop != ';' && *stop != '"') stop++;
        if (quoted && (stop == end || *stop != '"')) return false;
        if (!is_decimal(start, stop) || ++count > 64) return false;
        at = quoted ? stop + 1 : stop;
    }
    return count != 0;
}

static bool is_word(const char *words, const char *value, size_t length) {
    for (const char *at = words; at && *at;) {
        size_t size = strcspn(at, "|");
        if (size == length && memcmp(at, value, length) == 0) return true;
        at += size + (at[size] == '|');
    }
    return false;
}

static bool is_hex(const char *at, const char *end) {
    if (end - at < 3 || end - at > 10 || at[0] != '0' || at[1] != 'x') return false;
    for (at += 2; at < end; at++)
        if (!is_digit(*at) && !(*at >= 'a' && *at <= 'f') && !(*at >= 'A' && *at <= 'F')) return false;
    return true;
}

static bool is_ome_id(const char *at, const char *end) {
    static const char *const kinds = "Image|Pixels|Channel|LightPath|Objective|Instrument|Detector|Dataset|Plane";
    const char *start = at;
    while (at < end && is_letter(*at)) at++;
    if (at == end || !is_word(kinds, start, (size_t)(at - start))) return false;
    for (unsigned part = 0; at < end; part++) {
        if (*at != ':' || part == 4) return false;
        size_t count = digits(at + 1, end);
        if (count < 1 || count > 4) return false;
        at += 1 + count;
    }
    return true;
}

bool lethe_typed_fits(lethe_typed_kind kind, const char *words, const char *value, size_t length) {
    lethe_typed_trim(&value, &length);
    const char *end = value + length;
    switch (kind) {
    case LETHE_TYPED_NOTHING: return false;
    case LETHE_TYPED_INTEGER: return is_integer(value, end);
    case LETHE_TYPED_DECIMAL: return is_decimal(value, end);
    case LETHE_TYPED_DECIMALS: return are_decimals(value, end);
    case LETHE_TYPED_FLAG: {
        static const char *const flags[] = {"true", "false", "yes", "no", "0", "1"};
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (strlen(flags[i]) == length && strncasecmp(flags[i], value, length) == 0) return true;
        return false;
    }
    case LETHE_TYPED_WORD: return is_word(words, value, length);
    case LETHE_TYPED_HEX: return is_hex(value, end);
    case LETHE_TYPED_OME_ID: return is_ome_id(value, end);
    case LETHE_TYPED_EMPTY: return length == 0;
    }
    return false;
}

const lethe_typed_rule *lethe_typed_find(const lethe_typed_rule *rules, size_t count, const char *key, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (strlen(rules[i].key) == length && memcmp(rules[i].key, key, length) == 0) return &rules[i];
    return NULL;
}
