#include "deid/text/patterns.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool lethe_pattern_is_nir(const char *text, size_t size, size_t *length) {
    char digits[15];
    size_t count = 0, at = 0;
    for (; at < size && count < 15; at++) {
        char c = text[at];
        if (is_digit(c) || (count == 6 && (c == 'A' || c == 'B' || c == 'a' || c == 'b'))) digits[count++] = c;
        else if (count == 0 || !(c == ' ' || c == '.' || c == '-')) return false;
    }
    if (count != 15 || (at < size && is_digit(text[at]))) return false;
    if (digits[0] != '1' && digits[0] != '2' && digits[0] != '3' && digits[0] != '4' && digits[0] != '7' && digits[0] != '8') return false;
    int month = (digits[3] - '0') * 10 + digits[4] - '0';
    if (month < 1 || (month > 12 && month < 20) || (month > 42 && month < 50)) return false;
    uint64_t number = 0;
    for (size_t i = 0; i < 13; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (!is_digit(digits[6]) && i == 5) digit = 1; /* 2A counts as 19, 2B as 18 */
        if (!is_digit(digits[6]) && i == 6) digit = digits[6] == 'A' || digits[6] == 'a' ? 9 : 8;
        number = number * 10 + digit;
    }
    uint64_t key = (uint64_t)(digits[13] - '0') * 10 + (uint64_t)(digits[14] - '0');
    *length = at;
    return key == 97 - number % 97;
}

static bool mail_at(const char *text, size_t size, size_t at) {
    size_t before = at, after = at + 1;
    while (before > 0 && (is_letter(text[before - 1]) || is_digit(text[before - 1]) || text[before - 1] == '.' || text[before - 1] == '-' ||
                          text[before - 1] == '_'))
        before--;
    size_t dot = 0;
    while (after < size && (is_letter(text[after]) || is_digit(text[after]) || text[after] == '.' || text[after] == '-')) {
        if (text[after] == '.') dot = after;
        after++;
    }
    return at - before >= 2 && dot > at + 2 && after - dot > 2 && is_letter(text[dot + 1]);
}

const char *lethe_pattern_find(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        size_t length;
        if (is_digit(text[i]) && (i == 0 || !is_digit(text[i - 1])) && lethe_pattern_is_nir(text + i, size - i, &length))
            return "a French NIR with its key";
        if (text[i] == '@' && mail_at(text, size, i)) return "a mail address";
    }
    return NULL;
}
