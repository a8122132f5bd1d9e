/* Dates in running text: finding them in the ways people write them, and writing them shifted in the same way. */
#include "deid/text/dates.h"
#include "deid/text/identifiers.h"
#include "deid/text/words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MONTHS = 12, LONGEST_MONTH = 16 };

/* Month names by language, full and short. The short form is what the written one is compared with when it is not full. */
static const char *const month_names[][MONTHS] = {
    {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
    {"janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc"},
    {"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"},
    {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"},
    {"januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "dezember"},
    {"jän", "feb", "mrz", "apr", "mai", "jun", "jul", "aug", "sept", "okt", "nov", "dez"},
    {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
    {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
    {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"},
    {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
    {"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"},
    {"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"},
    {"jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"},
    {"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"}, /* read_roman() */
    {"fev", "fév", "mär", "avri", "mei", "jui", "juill", "aou", "sep", "okto", "nove", "dece"},
};
enum { LANGUAGES = sizeof month_names / sizeof month_names[0], ENGLISH_SHORT = 3, ROMAN = LANGUAGES - 2, ODD_FORMS = LANGUAGES - 1 };
/* Months that the odd forms stand for. */
static const int odd_months[MONTHS] = {2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
static bool is_ascii_letter(char byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }
static bool is_word_byte(char byte) { return is_digit(byte) || is_ascii_letter(byte) || (unsigned char)byte >= 0xC3; }

/* A question mark, or U+FFFD, in the place of a letter that a character set lost; its size in bytes, 0 when there is none. */
static size_t lost_letter(const char *text, size_t size, size_t at) {
    if (text[at] == '?') return 1;
    return at + 2 < size && memcmp(text + at, "\xEF\xBF\xBD", 3) == 0 ? 3 : 0;
}

/* Where the word that begins at `at` ends, with letters that were lost between others: "d?cembre". */
static size_t end_of_letters(const char *text, size_t size, size_t at) {
    size_t end = at;
    while (end < size && end - at < 20) {
        size_t lost = lost_letter(text, size, end);
        if (lost != 0 && end > at && end + lost < size && is_ascii_letter(text[end + lost])) end += lost;
        else if (is_digit(text[end]) || !is_word_byte(text[end])) break;
        else end += (unsigned char)text[end] >= 0xC3 && end + 1 < size ? 2 : 1;
    }
    return end;
}

static bool is_month_name(const char *name, const char *folded, size_t length) {
    for (size_t at = 0; at < length; at++)
        if (folded[at] != name[at] && folded[at] != '?') return false;
    return true;
}

static size_t run_of_digits(const char *text, size_t size, size_t at) {
    size_t end = at;
    while (end < size && is_digit(text[end])) end++;
    return end - at;
}

static int number(const char *text, size_t count) {
    int value = 0;
    for (size_t at = 0; at < count; at++) value = value * 10 + (text[at] - '0');
    return value;
}

static bool is_day(int year, int month, int day) {
    int32_t days;
    return year >= 1880 && year <= 2099 && lethe_date_to_days(year, month, day, &days);
}

static int full_year(int year, size_t digits) { return digits == 4 ? year : year <= 35 ? 2000 + year : 1900 + year; }

/* A month in letters at `at`; returns its length in bytes, 0 when there is none. */
static size_t read_month(const char *text, size_t size, size_t at, int *month, int *language) {
    size_t end = end_of_letters(text, size, at);
    char folded[LONGEST_MONTH], name[LONGEST_MONTH];
    size_t length = lethe_text_fold(text + at, end - at, folded, sizeof folded);
    for (size_t i = 0; i + 2 < length; i++) {
        if (memcmp(folded + i, "\xEF\xBF\xBD", 3) != 0) continue;
        folded[i] = '?';
        length -= 2;
        memmove(folded + i + 1, folded + i + 3, length - i - 1);
    }
    if (length < 3 || length >= sizeof folded) return 0;
    static const char first_letters[] = "JFMASONDGLEO";
    if (strchr(first_letters, folded[0]) == NULL) return 0;
    for (int row = 0; row < (int)LANGUAGES; row++) {
        for (int column = 0; column < MONTHS; column++) {
            if ((month_names[row][column][0] & ~0x20) != folded[0]) continue;
            size_t size_of_name = lethe_text_fold(month_names[row][column], strlen(month_names[row][column]), name, sizeof name);
            if (size_of_name != length || !is_month_name(name, folded, length)) continue;
            *month = row == (int)ODD_FORMS ? odd_months[column] : column + 1;
            *language = row == (int)ODD_FORMS ? 1 : row;
            return end - at;
        }
    }
    return 0;
}

bool lethe_date_is_month(const char *utf8, size_t size) {
    int month, language;
    return (size > 3 || (size == 3 && strncasecmp(utf8, "mai", 3) == 0)) && end_of_letters(utf8, size, 0) == size &&
           read_month(utf8, size, 0, &month, &language) == size;
}

/* 14-VII-1985: between two equal signs and before a whole year, since IV and X mean other things as well. */
static size_t read_roman(const char *text, size_t size, size_t at, int *month) {
    size_t end = end_of_letters(text, size, at), length = end - at;
    char folded[LONGEST_MONTH];
    if (length == 0 || length > 4 || at == 0 || end + 4 >= size || strchr("-./", text[at - 1]) == NULL || text[end] != text[at - 1]) return 0;
    if (run_of_digits(text, size, end + 1) != 4 || lethe_text_fold(text + at, length, folded, sizeof folded) != length) return 0;
    for (int column = 0; column < MONTHS; column++) {
        const char *name = month_names[ROMAN][column];
        if (strlen(name) != length || strncasecmp(name, folded, length) != 0) continue;
        *month = column + 1;
        return length;
    }
    return 0;
}

static void put_piece(lethe_date_piece *piece, size_t start, size_t size) { *piece = (lethe_date_piece){start, size}; }

/* 8, 12 or 14 digits. */
static bool match_compact(const char *text, size_t at, size_t run, lethe_date_match *match) {
    if (run != 8 && run != 12 && run != 14) return false;
    const char *d = text + at;
    if (is_day(number(d, 4), number(d + 4, 2), number(d + 6, 2))) {
        if (run > 8 && (number(d + 8, 2) > 23 || number(d + 10, 2) > 59)) return false;
        *match = (lethe_date_match){.year = number(d, 4), .month = number(d + 4, 2), .day = number(d + 6, 2)};
        put_piece(&match->year_at, at, 4);
        put_piece(&match->month_at, at + 4, 2);
        put_piece(&match->day_at, at + 6, 2);
    } else if (run == 8 && is_day(number(d + 4, 4), number(d + 2, 2), number(d, 2))) {
        *match = (lethe_date_match){.year = number(d + 4, 4), .month = number(d + 2, 2), .day = number(d, 2)};
        put_piece(&match->day_at, at, 2);
        put_piece(&match->month_at, at + 2, 2);
        put_piece(&match->year_at, at + 4, 4);
    } else {
        return false;
    }
    match->start = at;
    match->size = 8;
    return true;
}

static size_t skip_between(const char *text, size_t size, size_t at) {
    size_t start = at;
    while (at < size && at - start < 3 && text[at] != '\0' && strchr(" .,-/_'", text[at]) != NULL) at++;
    return at;
}

/* "12 mars 61" ends a date; "2 mar 20 mm" does not. */
static bool is_short_year(const char *text, size_t size, size_t year, size_t run) {
    static const char *const units[] = {"mm", "cm", "ms", "sec", "s", "min", "ml", "mg", "kv", "ma", "mas", "h", "x", "%"};
    size_t at = year + run;
    if (run != 2 || (at < size && (is_word_byte(text[at]) || ((text[at] == '.' || text[at] == '/') && at + 1 < size && is_digit(text[at + 1])))))
        return false;
    while (at < size && text[at] == ' ') at++;
    for (size_t row = 0; row < sizeof units / sizeof units[0]; row++) {
        size_t length = strlen(units[row]);
        if (size - at >= length && strncasecmp(text + at, units[row], length) == 0 && (at + length == size || !is_word_byte(text[at + length])))
            return false;
    }
    return true;
}

/* "6/11/18", and "am 6.11.18" behind a word that leads to a date: by itself the latter is the number of a version. */
static bool is_short_date(const char *text, size_t size, size_t at, char separator, size_t year) {
    static const char *const leading[] = {"am", "vom", "seit", "bis", "le", "du", "au", "on", "of", "from", "until", "ne", "n\xc3\xa9", "geb."};
    if (!is_short_year(text, size, year, run_of_digits(text, size, year))) return false;
    if (separator == '/') return true;
    if (separator != '.' || at < 3 || (text[at - 1] != ' ' && text[at - 1] != '*')) return false;
    for (size_t row = 0; row < sizeof leading / sizeof leading[0]; row++) {
        size_t length = strlen(leading[row]);
        if (at > length && strncasecmp(text + at - 1 - length, leading[row], length) == 0 &&
            (at == length + 1 || !is_word_byte(text[at - 2 - length])))
            return true;
    }
    return text[at - 1] == '*';
}

/* Three numbers between two equal separators, or two for month and year. */
static bool match_separated(const char *text, size_t size, size_t at, size_t run, lethe_date_match *match) {
    size_t first = at, second = at + run + 1;
    if (second >= size || (run != 4 && run > 2)) return false;
    char separator = text[at + run];
    if (strchr("./-_ ", separator) == NULL) return false;
    size_t second_run = run_of_digits(text, size, second);
    if (run <= 2 && second_run == 4 && (separator == '/' || separator == '-')) { /* 03/1961 */
        size_t end = second + 4;
        int month = number(text + first, run), year = number(text + second, 4);
        if (run != 2 || month < 1 || month > 12 || year < 1900 || year > 2099 || (end < size && (is_word_byte(text[end]) || text[end] == separator)))
            return false;
        *match = (lethe_date_match){.start = at, .size = end - at, .year = year, .month = month};
        put_piece(&match->month_at, first, run);
        put_piece(&match->year_at, second, 4);
        return true;
    }
    if (second_run < 1 || second_run > 2 || second + second_run + 1 >= size || text[second + second_run] != separator) return false;
    size_t third = second + second_run + 1, third_run = run_of_digits(text, size, third), end = third + third_run;
    if (end < size && (is_ascii_letter(text[end]) && text[end] != 'T')) return false;
    if (end + 1 < size && text[end] == separator && separator != ' ' && is_digit(text[end + 1])) return false;
    int a = number(text + first, run), b = number(text + second, second_run);
    if (run == 4) {
        if (third_run < 1 || third_run > 2 || !is_day(a, b, number(text + third, third_run))) return false;
        *match = (lethe_date_match){.year = a, .month = b, .day = number(text + third, third_run)};
        put_piece(&match->year_at, first, 4);
        put_piece(&match->month_at, second, second_run);
        put_piece(&match->day_at, third, third_run);
    } else {
        bool two_two = run == 2 && second_run == 2;
        if (third_run != 4 && !(third_run == 2 && (two_two || is_short_date(text, size, at, separator, third)))) return false;
        if (separator == ' ' && (third_run != 4 || !two_two)) return false;
        int c = number(text + third, third_run), year = full_year(c, third_run);
        bool day_first = is_day(year, b, a);
        if (!day_first && !is_day(year, a, b)) { /* 85-07-14 */
            if (third_run != 2 || a <= 31 || separator == '.' || separator == '_' || !is_day(full_year(a, run), b, c)) return false;
            *match = (lethe_date_match){.start = at, .size = end - at, .year = full_year(a, run), .month = b, .day = c, .short_year = true};
            put_piece(&match->year_at, first, run);
            put_piece(&match->month_at, second, second_run);
            put_piece(&match->day_at, third, third_run);
            return true;
        }
        *match = (lethe_date_match){.year = year, .month = day_first ? b : a, .day = day_first ? a : b, .short_year = third_run == 2};
        put_piece(day_first ? &match->day_at : &match->month_at, first, run);
        put_piece(day_first ? &match->month_at : &match->day_at, second, second_run);
        put_piece(&match->year_at, third, third_run);
    }
    match->start = at;
    match->size = end - at;
    return true;
}

/* 12 mars 1961, 1er mars 1961, 12. März 1961, 12-MAR-61, 12MAR1961. */
static bool match_day_month(const char *text, size_t size, size_t at, size_t run, lethe_date_match *match) {
    if (run > 2) return false;
    int day = number(text + at, run), month, language;
    if (day < 1 || day > 31) return false;
    size_t next = at + run;
    if (next + 2 < size && day == 1 && (text[next] | 0x20) == 'e' && (text[next + 1] | 0x20) == 'r') next += 2;
    if (next + 2 < size && (memcmp(text + next, "th", 2) == 0 || memcmp(text + next, "st", 2) == 0 || memcmp(text + next, "nd", 2) == 0 ||
                            memcmp(text + next, "rd", 2) == 0))
        next += 2;
    size_t word = skip_between(text, size, next);
    if (word + 3 < size && (text[word] | 0x20) == 'd' && (text[word + 1] | 0x20) == 'e' && text[word + 2] == ' ') word += 3; /* 12 de marzo de 1961 */
    if (word + 3 < size && (text[word] | 0x20) == 'o' && (text[word + 1] | 0x20) == 'f' && text[word + 2] == ' ') word += 3; /* 12th of March */
    size_t length = read_month(text, size, word, &month, &language);
    if (length == 0) {
        length = read_roman(text, size, word, &month);
        language = ROMAN;
    }
    if (length == 0) return false;
    size_t year = skip_between(text, size, word + length);
    if (year + 3 < size && (text[year] | 0x20) == 'd' && (text[year + 1] | 0x20) == 'e' && text[year + 2] == ' ') year += 3;
    size_t year_run = run_of_digits(text, size, year);
    bool tight = year == word + length || text[year - 1] == '-';
    bool sure = length >= 4 || language == ENGLISH_SHORT; /* "12 MAR 61", not "5 SET 10" */
    if (year_run != 4 && !(year_run == 2 && tight) && !(sure && is_short_year(text, size, year, year_run))) return false;
    int full = full_year(number(text + year, year_run), year_run);
    if (!is_day(full, month, day)) return false;
    *match = (lethe_date_match){
        .start = at, .size = year + year_run - at, .year = full, .month = month, .day = day, .language = language, .short_year = year_run == 2};
    put_piece(&match->day_at, at, run);
    put_piece(&match->month_at, word, length);
    put_piece(&match->year_at, year, year_run);
    return true;
}

/* March 12, 1961; mars 1961. */
static bool match_month_first(const char *text, size_t size, size_t at, lethe_date_match *match) {
    int month, language;
    size_t word_end = end_of_letters(text, size, at);
    size_t number_at = skip_between(text, size, word_end);
    if (number_at >= size || !is_digit(text[number_at])) return false; /* the quick way out for most words */
    size_t length = read_month(text, size, at, &month, &language);
    if (length == 0) return false;
    size_t next = skip_between(text, size, at + length);
    size_t run = run_of_digits(text, size, next);
    if (run == 4 && next > at + length) {
        int year = number(text + next, 4);
        if (year < 1900 || year > 2099) return false;
        *match = (lethe_date_match){.start = at, .size = next + 4 - at, .year = year, .month = month, .language = language};
        put_piece(&match->month_at, at, length);
        put_piece(&match->year_at, next, 4);
        return true;
    }
    if (run < 1 || run > 2) return false;
    size_t after = next + run;
    if (after + 2 < size && (memcmp(text + after, "th", 2) == 0 || memcmp(text + after, "st", 2) == 0 || memcmp(text + after, "nd", 2) == 0 ||
                             memcmp(text + after, "rd", 2) == 0))
        after += 2;
    size_t year = skip_between(text, size, after);
    size_t year_run = run_of_digits(text, size, year);
    bool spaced = text[word_end] == ' ' && year == after + 1 && text[after] == ' ' && length == 3 && language == ENGLISH_SHORT; /* Aug 23 57 */
    bool signed_year = year > after + 1 && (text[after] == ',' || text[year - 1] == '\'');
    bool good = year_run == 4 || ((spaced || signed_year) && is_short_year(text, size, year, year_run));
    if (year == after || !good) return false;
    int full = full_year(number(text + year, year_run), year_run), day = number(text + next, run);
    if (!is_day(full, month, day)) return false;
    *match = (lethe_date_match){
        .start = at, .size = year + year_run - at, .year = full, .month = month, .day = day, .language = language, .short_year = year_run == 2};
    put_piece(&match->month_at, at, length);
    put_piece(&match->day_at, next, run);
    put_piece(&match->year_at, year, year_run);
    return true;
}

bool lethe_date_find(const char *utf8, size_t size, size_t from, lethe_date_match *match) {
    for (size_t at = from; at < size; at++) {
        if (at != 0 && is_word_byte(utf8[at - 1]) && is_word_byte(utf8[at])) {
            /* Inside a word or a number; but a date may stick to letters in front of it: "IRM20140321". */
            if (!is_digit(utf8[at]) || is_digit(utf8[at - 1])) continue;
            size_t run = run_of_digits(utf8, size, at);
            if (run == 8 && match_compact(utf8, at, run, match)) {
                match->language = -1;
                return true;
            }
            continue;
        }
        if (is_digit(utf8[at])) {
            size_t run = run_of_digits(utf8, size, at);
            bool part =
                at >= 2 && (utf8[at - 1] == '.' || utf8[at - 1] == '/' || utf8[at - 1] == '-') && is_digit(utf8[at - 2]); /* of something longer */
            bool found = match_compact(utf8, at, run, match) || (!part && match_separated(utf8, size, at, run, match));
            if (found) match->language = -1;
            if (found || (!part && match_day_month(utf8, size, at, run, match))) return true;
            at += run - 1;
        } else if (is_word_byte(utf8[at]) && match_month_first(utf8, size, at, match)) {
            return true;
        }
    }
    return false;
}

/* --- writing --- */

static lethe_status write_month(const char *utf8, const lethe_date_match *match, int month, lethe_buffer *out, lethe_error *error) {
    const char *old = utf8 + match->month_at.start;
    char name[2 * LONGEST_MONTH];
    const char *source = month_names[match->language][month - 1];
    size_t length = strlen(source);
    bool ascii = true, any_lower = false;
    for (size_t at = 0; at < match->month_at.size; at++) {
        if ((unsigned char)old[at] >= 0x80) ascii = false;
        if (old[at] >= 'a' && old[at] <= 'z') any_lower = true;
    }
    if (ascii || !any_lower) {
        length = lethe_text_fold(source, length, name, sizeof name); /* upper case, no accents */
        for (size_t at = any_lower ? (old[0] >= 'a' ? 0 : 1) : length; at < length; at++) name[at] = (char)(name[at] | 0x20);
    } else {
        memcpy(name, source, length);
        if (old[0] < 'a' && name[0] >= 'a' && name[0] <= 'z') name[0] = (char)(name[0] & ~0x20);
    }
    return lethe_buffer_append(out, name, length, error);
}

lethe_status lethe_date_write(const char *utf8, const lethe_date_match *match, int32_t shift_days, lethe_buffer *out, lethe_error *error) {
    int32_t days;
    int year, month, day;
    if (!lethe_date_to_days(match->year, match->month, match->day == 0 ? 1 : match->day, &days))
        return lethe_fail(error, LETHE_INTERNAL, "not a date");
    lethe_date_from_days(days + shift_days, &year, &month, &day);
    lethe_status status = LETHE_OK;
    size_t at = match->start, end = match->start + match->size;
    while (at < end && status == LETHE_OK) {
        if (at == match->year_at.start && match->year_at.size != 0) {
            status = match->short_year ? lethe_buffer_printf(out, error, "%02d", year % 100) : lethe_buffer_printf(out, error, "%04d", year);
            at += match->year_at.size;
        } else if (at == match->month_at.start && match->month_at.size != 0) {
            status = match->language >= 0 ? write_month(utf8, match, month, out, error)
                                          : lethe_buffer_printf(out, error, match->month_at.size == 1 ? "%d" : "%02d", month);
            at += match->month_at.size;
        } else if (at == match->day_at.start && match->day_at.size != 0) {
            status = lethe_buffer_printf(out, error, match->day_at.size == 1 ? "%d" : "%02d", day);
            at += match->day_at.size;
        } else {
            status = lethe_buffer_append(out, utf8 + at++, 1, error);
        }
    }
    return status;
}
