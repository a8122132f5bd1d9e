/* Patterns in bytes: what identifies by its shape alone. Numbers with check digits: NIR (INSEE), SSN; telephone numbers of France, North America and
 * in international form; mail and web addresses; UIDs; runs of six digits and more. */
#include "deid/text/clean_internal.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
static bool is_letter(char byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }
static bool is_alnum(char byte) { return is_digit(byte) || is_letter(byte); }

void lethe_clean_mark(lethe_text_cleaner *cleaner, size_t start, size_t end, lethe_text_reason reason) {
    for (size_t at = 0; at < cleaner->words.count; at++) {
        lethe_word *word = &cleaner->words.at[at];
        if (word->start >= end) break;
        if (word->start + word->size > start) word->reason |= (uint16_t)reason;
    }
}

/* Digits from `at` on, separated by at most one of " .-" each; letters A and B count where a NIR may have them. Returns how many, and where they end.
 */
static size_t grouped_digits(const char *text, size_t size, size_t at, bool nir, char *digits, size_t most, size_t *end) {
    size_t count = 0;
    *end = at;
    while (at < size && count < most) {
        bool corsica = nir && count == 6 && digits[5] == '2' && (text[at] == 'A' || text[at] == 'B' || text[at] == 'a' || text[at] == 'b');
        if (is_digit(text[at]) || corsica) {
            digits[count++] = text[at++];
            *end = at;
        } else if ((text[at] == ' ' || text[at] == '.' || text[at] == '-' || text[at] == '/') && count != 0 && at + 1 < size &&
                   (is_digit(text[at + 1]) || nir)) {
            at++;
        } else {
            break;
        }
    }
    return count;
}

/* NIR, 13 characters and perhaps a key of 2 (97 minus the number modulo 97; 2A counts as 19, 2B as 18). */
static bool is_nir(const char *digits, size_t count, bool *key_is_right) {
    *key_is_right = false;
    if (count != 13 && count != 15) return false;
    if (memchr("123478", digits[0], 6) == NULL) return false;
    uint64_t number = 0;
    for (size_t at = 0; at < 13; at++) {
        int digit = digits[at] - '0';
        if (at == 6 && !is_digit(digits[at])) digit = (digits[at] | 0x20) == 'a' ? 9 : 8;
        if (at == 5 && !is_digit(digits[6])) digit = 1; /* 2A -> 19, 2B -> 18 */
        number = number * 10 + (uint64_t)digit;
    }
    int month = (digits[3] - '0') * 10 + digits[4] - '0';
    bool month_is_right = (month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50;
    if (!month_is_right) return false;
    if (count == 15 && is_digit(digits[13]) && is_digit(digits[14]))
        *key_is_right = 97 - number % 97 == (uint64_t)((digits[13] - '0') * 10 + digits[14] - '0');
    return true;
}

/* All in one, or 1 85 05 78 006 084 (36), as it is written in France. A wrong key is then a typing mistake. */
static bool is_usual_grouping(const char *text, size_t length) {
    static const size_t groups[] = {1, 2, 2, 2, 3, 3, 2};
    size_t at = 0, group = 0, run = 0;
    bool one_run = true;
    for (; at <= length; at++) {
        if (at < length && is_alnum(text[at])) {
            run++;
            continue;
        }
        if (at < length) one_run = false;
        if (group == 0 && run == 13 && length - at == 3) return true; /* 1850578006084 36 */
        if (!one_run && (group >= 7 || groups[group] != run)) return false;
        group++;
        run = 0;
    }
    return one_run || group >= 6;
}

static bool find_nir(lethe_text_cleaner *cleaner, size_t at, size_t *end) {
    char digits[16];
    bool key;
    if (!(cleaner->text[at] >= '1' && cleaner->text[at] <= '8')) return false;
    size_t count = grouped_digits(cleaner->text, cleaner->size, at, true, digits, 15, end);
    if (count < 13 || (*end < cleaner->size && is_digit(cleaner->text[*end]))) return false;
    if (count == 14 || !is_nir(digits, count, &key)) return false;
    return key || !is_digit(digits[6]) || is_usual_grouping(cleaner->text + at, *end - at);
}

/* NHS number, 943 476 5919: ten digits in threes and four, the last by modulus 11 (NHS Data Dictionary). */
static bool find_nhs(const char *text, size_t size, size_t at, size_t *end) {
    if (size - at < 12 || (text[at + 3] != ' ' && text[at + 3] != '-') || text[at + 7] != text[at + 3]) return false;
    unsigned sum = 0, count = 0, last = 0;
    for (size_t now = at; now < at + 12; now++) {
        if (now == at + 3 || now == at + 7) continue;
        if (!is_digit(text[now])) return false;
        last = (unsigned)(text[now] - '0');
        if (count < 9) sum += last * (10 - count);
        count++;
    }
    *end = at + 12;
    return (at + 12 == size || !is_digit(text[at + 12])) && (11 - sum % 11) % 11 == last;
}

/* Up to three signs of " .-()/" between two digits, as in "+49 (0)5731 / 42 18 77". */
static bool is_phone_gap(const char *text, size_t size, size_t at) {
    if (text[at] == '\0' || strchr(" .-()/", text[at]) == NULL) return false;
    size_t end = at;
    while (end < size && end < at + 3 && text[end] != '\0' && strchr(" .-()/", text[end]) != NULL) end++;
    return end < size && is_digit(text[end]);
}

/* 06 12 34 56 78, 01.23.45.67.89, (514) 555-0199, 514-555-0199, +33 6 12 34 56 78, 0033..., 123-45-6789. */
static bool find_phone(const char *text, size_t size, size_t at, size_t *end) {
    char digits[16];
    size_t stop;
    bool plus = text[at] == '+';
    size_t first = at + plus;
    if (first >= size || !is_digit(text[first])) return false;
    if (plus || (text[at] == '0' && at + 1 < size && text[at + 1] == '0')) {
        size_t count = 0, now = first, group_end = first, group_count = 0; /* a number may follow: "+33 3 92 49 13 37 2 28 11" */
        while (now < size && count < 16) {
            if (is_digit(text[now])) count++;
            else if (!is_phone_gap(text, size, now)) break;
            now++;
            if (count == 11 + (plus ? 0u : 2u) && text[first + (plus ? 0 : 2)] == '3' && text[first + (plus ? 1 : 3)] == '3') { /* France */
                *end = now;
                return true;
            }
            if (count <= 15 && (now == size || !is_digit(text[now]))) {
                group_end = now;
                group_count = count;
            }
        }
        *end = group_end;
        return group_count >= (plus ? 8u : 11u);
    }
    size_t count = grouped_digits(text, size, at, false, digits, 10, &stop);
    *end = stop;
    if (count == 10 && (stop == size || !is_digit(text[stop])) && digits[0] == '0' && digits[1] != '0') { /* in pairs, or in one run */
        size_t length = stop - at;
        if (length == 10) return true;
        if (length == 14 && !is_digit(text[at + 2]) && !is_digit(text[at + 5]) && !is_digit(text[at + 8]) && !is_digit(text[at + 11])) return true;
    }
    /* groups of 3-3-4, and 3-2-4 */
    if (size - at >= 12 && count >= 10 && is_digit(text[at + 2]) && text[at + 3] == text[at + 7] && (text[at + 3] == '-' || text[at + 3] == '.')) {
        *end = at + 12;
        size_t good = 0;
        for (size_t now = at; now < at + 12; now++) good += is_digit(text[now]);
        if (good == 10 && (at + 12 == size || !is_digit(text[at + 12]))) return true;
    }
    if (size - at >= 11 && text[at + 3] == '-' && text[at + 6] == '-' && (at + 11 == size || !is_digit(text[at + 11]))) {
        *end = at + 11;
        size_t good = 0;
        for (size_t now = at; now < at + 11; now++) good += is_digit(text[now]);
        if (good == 9) return true;
    }
    return false;
}

static void find_dates(lethe_text_cleaner *cleaner) {
    size_t from = 0;
    lethe_date_match match;
    while (cleaner->date_count < CLEAN_MOST_DATES && lethe_date_find(cleaner->text, cleaner->size, from, &match)) {
        cleaner->dates[cleaner->date_count++].match = match;
        from = match.start + match.size;
    }
    /* More dates than a description can have: the rest is treated as numbers and goes. */
}

/* The birth date of somebody who is known, in figures, in any order and with one sign between them: "14.7.85" alone could be a version. */
static bool is_birth_date(const lethe_text_cleaner *cleaner, int year, int month, int day) {
    int32_t days;
    char digits[24];
    if (month < 1 || month > 12 || !lethe_date_to_days(year, month, day, &days)) return false;
    int length = snprintf(digits, sizeof digits, "%04d%02d%02d", year, month, day);
    const lethe_identifier *id = length == 8 ? lethe_identifiers_find(cleaner->identifiers, digits, 8) : NULL;
    return id != NULL && id->kind == LETHE_ID_DATE;
}

static void find_birth_dates(lethe_text_cleaner *cleaner) {
    const char *text = cleaner->text;
    for (size_t start = 0; cleaner->identifiers != NULL && start < cleaner->size; start++) {
        if (!is_digit(text[start]) || (start != 0 && is_alnum(text[start - 1]))) continue;
        int part[3] = {0};
        size_t run[3] = {0}, at = start, count = 0;
        char sign = 0;
        for (; count < 3 && at < cleaner->size; count++) {
            while (at < cleaner->size && run[count] < 5 && is_digit(text[at])) {
                part[count] = part[count] * 10 + (text[at++] - '0');
                run[count]++;
            }
            if (count == 2 || at + 1 >= cleaner->size || strchr("./-_ ", text[at]) == NULL || (count == 1 && text[at] != sign)) break;
            sign = text[at++];
        }
        if (count != 2 || run[0] == 0 || run[0] == 3 || run[0] > 4 || run[1] == 0 || run[1] > 2 || run[2] == 0 || run[2] == 3 || run[2] > 4) continue;
        if (at < cleaner->size && is_digit(text[at])) continue;
        bool found = false;
        for (int century = 1900; century <= 2000 && !found; century += 100) {
            int last = run[2] == 4 ? part[2] : century + part[2], first = run[0] == 4 ? part[0] : century + part[0];
            if (run[0] != 4 && run[2] != 1) found = is_birth_date(cleaner, last, part[1], part[0]) || is_birth_date(cleaner, last, part[0], part[1]);
            if (run[2] != 4 && run[0] != 1) found = found || is_birth_date(cleaner, first, part[1], part[2]);
        }
        if (found) lethe_clean_mark(cleaner, start, at, LETHE_TEXT_KNOWN);
    }
}

static bool in_date(const lethe_text_cleaner *cleaner, size_t at) {
    for (size_t row = 0; row < cleaner->date_count; row++) {
        const lethe_date_match *match = &cleaner->dates[row].match;
        if (at >= match->start && at < match->start + match->size) return true;
    }
    return false;
}

static void find_mail(lethe_text_cleaner *cleaner) {
    const char *text = cleaner->text;
    for (size_t at = 1; at + 1 < cleaner->size; at++) {
        if (text[at] != '@') continue;
        size_t start = at, end = at + 1;
        while (start > 0 && (is_alnum(text[start - 1]) || (unsigned char)text[start - 1] >= 0x80 || strchr("._%+-", text[start - 1]) != NULL))
            start--;
        while (end < cleaner->size && (is_alnum(text[end]) || text[end] == '.' || text[end] == '-')) end++;
        bool repository = cleaner->mode == LETHE_TEXT_PRODUCT && at == start + 3 && memcmp(text + start, "git", 3) == 0; /* git@github.com:... */
        if (start < at && end > at + 2 && !repository) lethe_clean_mark(cleaner, start, end, LETHE_TEXT_CONTACT);
    }
}

static bool starts_with(const lethe_text_cleaner *cleaner, size_t at, const char *lower) {
    size_t length = strlen(lower);
    if (cleaner->size - at < length) return false;
    for (size_t now = 0; now < length; now++) {
        char byte = cleaner->text[at + now];
        if ((byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte) != lower[now]) return false;
    }
    return true;
}

/* Web addresses and file paths, up to the next space. */
static void find_web(lethe_text_cleaner *cleaner) {
    for (size_t at = 0; at < cleaner->size; at++) {
        bool inside = at != 0 && is_alnum(cleaner->text[at - 1]);
        if (inside) continue;
        bool drive = at + 3 < cleaner->size && is_letter(cleaner->text[at]) && cleaner->text[at + 1] == ':' &&
                     (cleaner->text[at + 2] == '\\' || cleaner->text[at + 2] == '/');
        if (!drive && !starts_with(cleaner, at, "www.") && !starts_with(cleaner, at, "http:") && !starts_with(cleaner, at, "https:") &&
            !starts_with(cleaner, at, "ftp:") && !starts_with(cleaner, at, "file:") && !starts_with(cleaner, at, "/home/") &&
            !starts_with(cleaner, at, "/users/") && !starts_with(cleaner, at, "\\\\"))
            continue;
        size_t end = at;
        while (end < cleaner->size && (unsigned char)cleaner->text[end] > ' ' && cleaner->text[end] != ')' && cleaner->text[end] != '"') end++;
        lethe_clean_mark(cleaner, at, end, LETHE_TEXT_CONTACT);
        at = end;
    }
}

/* A run of digits that is neither date nor decimal fraction nor part of a short number. */
static void judge_run(lethe_text_cleaner *cleaner, size_t start, size_t end) {
    const char *text = cleaner->text;
    if (end - start < 6 || cleaner->mode == LETHE_TEXT_PRODUCT) return;
    bool fraction = start >= 2 && text[start - 1] == '.' && is_digit(text[start - 2]);
    for (size_t at = start >= 2 ? start - 2 : 0; fraction; at--) { /* one point, few digits before it: 0.123456 */
        if (is_digit(text[at])) {
            if (start - at > 5) fraction = false;
        } else {
            if (text[at] == '.') fraction = false;
            break;
        }
        if (at == 0) break;
    }
    if (fraction && (end == cleaner->size || text[end] != '.')) return;
    lethe_clean_mark(cleaner, start, end, LETHE_TEXT_NUMBER);
}

/* UIDs and other chains: five numbers and more between points. */
static size_t dotted_end(const lethe_text_cleaner *cleaner, size_t at) {
    size_t points = 0, end = at;
    while (end < cleaner->size &&
           (is_digit(cleaner->text[end]) || (cleaner->text[end] == '.' && end + 1 < cleaner->size && is_digit(cleaner->text[end + 1])))) {
        points += cleaner->text[end] == '.';
        end++;
    }
    return points >= 4 ? end : at;
}

static void find_numbers(lethe_text_cleaner *cleaner) {
    const char *text = cleaner->text;
    for (size_t at = 0; at < cleaner->size; at++) {
        bool starts = (is_digit(text[at]) || text[at] == '+' || text[at] == '(') && (at == 0 || !is_digit(text[at - 1]));
        if (!starts) continue;
        if (in_date(cleaner, at)) continue;
        size_t end = at, open = at + (text[at] == '(');
        if (open >= cleaner->size) break;
        bool letter_before = at != 0 && is_letter(text[at - 1]);
        if (!letter_before && (find_nir(cleaner, at, &end) || find_nhs(text, cleaner->size, at, &end)))
            lethe_clean_mark(cleaner, at, end, LETHE_TEXT_NUMBER);
        else if (!letter_before && is_digit(text[open]) && open != at && cleaner->size - at >= 13 && text[at + 4] == ')') {
            /* (514) 555-0199 */
            size_t digits = 0;
            for (end = at; end < cleaner->size && digits < 10 && (is_digit(text[end]) || strchr("() -.", text[end]) != NULL); end++)
                digits += is_digit(text[end]);
            if (digits == 10) lethe_clean_mark(cleaner, at, end, LETHE_TEXT_CONTACT);
            else continue;
        } else if (!letter_before && find_phone(text, cleaner->size, at, &end)) {
            lethe_clean_mark(cleaner, at, end, LETHE_TEXT_CONTACT);
        } else if ((end = dotted_end(cleaner, at)) > at) {
            if (cleaner->mode != LETHE_TEXT_PRODUCT) lethe_clean_mark(cleaner, at, end, LETHE_TEXT_NUMBER);
        } else {
            end = at;
            while (end < cleaner->size && is_digit(text[end])) end++;
            if (end > at) judge_run(cleaner, at, end);
        }
        if (end > at) at = end - 1;
    }
}

void lethe_clean_patterns(lethe_text_cleaner *cleaner) {
    bool digit = false, at_sign = false, slash = false;
    cleaner->date_count = 0;
    for (size_t at = 0; at < cleaner->size; at++) {
        char byte = cleaner->text[at];
        digit = digit || is_digit(byte);
        at_sign = at_sign || byte == '@';
        slash = slash || byte == '/' || byte == '\\' || byte == 'w' || byte == 'W';
    }
    if (at_sign) find_mail(cleaner);
    bool product = cleaner->mode == LETHE_TEXT_PRODUCT;
    if (slash && !product) find_web(cleaner);
    if (!digit) return;
    find_dates(cleaner);
    find_birth_dates(cleaner);
    find_numbers(cleaner);
}
