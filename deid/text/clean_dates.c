/* Dates that stand in a text: shifted, cut out of their word, or gone with what is about a birth. */
#include "deid/text/clean_internal.h"

#include <stdio.h>

bool lethe_clean_is_birth_cue(const lethe_word *word) {
    static const char *const cues[] = {"NE",        "NEE",   "DDN",       "DOB",      "DN",   "BORN", "GEB",    "GEBOREN", "GEBURTSDATUM",
                                       "NAISSANCE", "BIRTH", "BIRTHDATE", "BIRTHDAY", "NATO", "NATA", "NACIDO", "NACIDA",  NULL};
    return is_one_of(word, cues);
}

/* The patient's own date of birth, however it is written; its month and year too. */
static bool is_known_date(const lethe_text_cleaner *cleaner, const lethe_date_match *match) {
    if (cleaner->identifiers == NULL) return false;
    char digits[16];
    int length = snprintf(digits, sizeof digits, "%04d%02d%02d", match->year, match->month, match->day);
    if (length != 8) return false;
    if (match->day != 0) {
        const lethe_identifier *id = lethe_identifiers_find(cleaner->identifiers, digits, 8);
        return id != NULL && id->kind == LETHE_ID_DATE;
    }
    for (size_t row = 0; match->month != 0 && row < lethe_identifiers_count(cleaner->identifiers); row++) {
        const lethe_identifier *id = lethe_identifiers_at(cleaner->identifiers, row);
        if (id->kind == LETHE_ID_DATE && strlen(id->folded) == 8 && memcmp(id->folded, digits, 6) == 0) return true;
    }
    return false;
}

/* "né le" and "née le" whose accents were lost, and the German star. */
static bool is_birth_sign(const lethe_text_cleaner *cleaner, size_t first, size_t start) {
    if (start != 0 && cleaner->text[start - 1] == '*') return true;
    if (first < 2 || !is_word(&cleaner->words.at[first - 1], "LE")) return false;
    const lethe_word *cue = &cleaner->words.at[first - 2];
    size_t after = cue->start + cue->size;
    return is_word(cue, "N?E") ||
           (is_word(cue, "N") && after < cleaner->size && (cleaner->text[after] == '?' || (unsigned char)cleaner->text[after] >= 0x80));
}

static bool is_personal(uint16_t reason) {
    return (reason & (LETHE_TEXT_KNOWN | LETHE_TEXT_TITLE | LETHE_TEXT_NAME | LETHE_TEXT_ADDRESS | LETHE_TEXT_NUMBER | LETHE_TEXT_CONTACT)) != 0;
}

/* Which words each date covers. */
void lethe_clean_locate_dates(lethe_text_cleaner *cleaner) {
    size_t count = cleaner->found_dates = cleaner->date_count;
    for (size_t row = 0; row < count; row++) {
        clean_date *date = &cleaner->dates[row];
        size_t start = date->match.start, end = start + date->match.size, first = 0, last;
        while (first < cleaner->words.count && word_at(cleaner, first)->start + word_at(cleaner, first)->size <= start) first++;
        for (last = first; last + 1 < cleaner->words.count && word_at(cleaner, last + 1)->start < end;) last++;
        date->first_word = first;
        date->last_word = last;
        date->fate = CLEAN_DATE_SHIFT;
    }
}

/* Shift, cut out, or mark; a date beside a name, or after "born", is a birth date and goes. */
void lethe_clean_settle_dates(lethe_text_cleaner *cleaner) {
    for (size_t row = 0; row < cleaner->found_dates; row++) {
        clean_date *date = &cleaner->dates[row];
        size_t start = date->match.start, end = start + date->match.size;
        size_t first = date->first_word, last = date->last_word;
        if (first >= cleaner->words.count) continue;
        bool whole = word_at(cleaner, first)->start == start && word_at(cleaner, last)->start + word_at(cleaner, last)->size == end;
        bool personal = is_known_date(cleaner, &date->match) || is_birth_sign(cleaner, first, start);
        for (size_t at = first; at <= last; at++) personal = personal || word_at(cleaner, at)->reason != 0;
        size_t before = first;
        while (before > 0 && before + 2 > first && has(word_at(cleaner, before - 1), LETHE_WORD_FUNCTION) &&
               !lethe_clean_is_birth_cue(word_at(cleaner, before - 1)))
            before--; /* "né le", "born on" */
        if (before > 0 && (lethe_clean_is_birth_cue(word_at(cleaner, before - 1)) || is_personal(word_at(cleaner, before - 1)->reason)))
            personal = true;
        if (first >= 2 && is_birth_sign(cleaner, first, start) && is_word(word_at(cleaner, first - 1), "LE"))
            mark_run(cleaner, first - 2, 2, LETHE_TEXT_DATE);
        if (before > 0 && lethe_clean_is_birth_cue(word_at(cleaner, before - 1))) mark_run(cleaner, before - 1, first - before + 1, LETHE_TEXT_DATE);
        if (last + 1 < cleaner->words.count && is_personal(word_at(cleaner, last + 1)->reason) && !has(word_at(cleaner, last + 1), LETHE_WORD_TITLE))
            personal = true;
        bool shift = cleaner->mode != LETHE_TEXT_STRICT && cleaner->shift_days != 0 && !personal;
        if (shift) {
            date->fate = CLEAN_DATE_SHIFT;
        } else if (whole || word_at(cleaner, first)->letters == 0) {
            date->fate = CLEAN_DATE_GONE;
            mark_run(cleaner, first, last - first + 1, LETHE_TEXT_DATE);
        } else {
            date->fate = CLEAN_DATE_CUT;
        }
    }
}

bool lethe_clean_in_date(const lethe_text_cleaner *cleaner, size_t index) {
    for (size_t row = 0; row < cleaner->found_dates; row++) {
        const clean_date *date = &cleaner->dates[row];
        if (date->fate != CLEAN_DATE_GONE && index >= date->first_word && index <= date->last_word) return true;
    }
    return false;
}

/* 92 ans, 95 years old: over 89 the age itself identifies (strict only). */
static void mark_old_age(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const units[] = {"ANS", "AN", "YEARS", "YEAR", "YO", "Y", "YRS", "JAHRE", "ANOS", "ANNI", NULL};
    const lethe_word *word = word_at(cleaner, index);
    if (cleaner->mode != LETHE_TEXT_STRICT || word->digits < 2 || word->digits > 3 || index + 1 >= cleaner->words.count) return;
    int age = 0;
    for (uint32_t at = 0; at < word->folded_size && word->letters == 0; at++) age = age * 10 + (word->folded[at] - '0');
    if (age > 89 && age < 130 && is_one_of(word_at(cleaner, index + 1), units)) mark_run(cleaner, index, 2, LETHE_TEXT_NUMBER);
}

void lethe_clean_ages(lethe_text_cleaner *cleaner) {
    for (size_t at = 0; at < cleaner->words.count; at++) mark_old_age(cleaner, at);
}

/* "DOB 1961", "born in 1961", "nee a Quimper": a year or a place behind a word of birth. */
static void mark_birth(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const linking[] = {"EN", "IN", "A", "LE", "AM", "EL", "IL", "NEL", "ON", "ANO", "JAHR", "ANNEE", "YEAR", NULL};
    const lethe_word *cue = word_at(cleaner, index);
    if (!lethe_clean_is_birth_cue(cue) || is_word(cue, "DN")) return;
    if (is_word(cue, "NE") && !cue->first_upper && cue->ascii) return; /* French "ne ... pas", the element neon */
    size_t at = index + 1;
    while (at < cleaner->words.count && at - index <= 3 && is_one_of(word_at(cleaner, at), linking)) at++;
    if (at >= cleaner->words.count || word_at(cleaner, at)->start - word_end(word_at(cleaner, at - 1)) > 3) return;
    const lethe_word *word = word_at(cleaner, at);
    bool year = word->digits == 4 && word->letters == 0 && (memcmp(word->folded, "19", 2) == 0 || memcmp(word->folded, "20", 2) == 0);
    bool place =
        at > index + 1 && word->digits == 0 && word->first_upper && word->letters >= 3 && !has(word, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION);
    bool short_year = word->digits == 2 && word->letters == 0 && at + 1 == cleaner->words.count;
    if (year || place || short_year) mark_run(cleaner, index, at - index + 1, LETHE_TEXT_DATE);
}

/* "le 12 mars", "March 12th": a day of no year cannot be shifted. */
static bool is_day_number(const lethe_word *word) {
    static const char *const endings[] = {"ER", "ST", "ND", "RD", "TH"};
    if (word->digits < 1 || word->digits > 2 || (word->letters != 0 && word->letters != 2) ||
        word->folded_size != (uint32_t)word->digits + word->letters)
        return false;
    int day = 0;
    for (uint32_t at = 0; at < word->digits; at++) {
        if (word->folded[at] > '9') return false;
        day = 10 * day + word->folded[at] - '0';
    }
    bool good = word->letters == 0;
    for (size_t row = 0; row < sizeof endings / sizeof *endings && !good; row++) good = memcmp(word->folded + word->digits, endings[row], 2) == 0;
    return good && day >= 1 && day <= 31;
}

/* "*26 f#vrier 1936": behind a sign of birth, a day and a year with something between them that is no month any more. */
static void mark_broken_birth(lethe_text_cleaner *cleaner, size_t index) {
    const lethe_word *day = word_at(cleaner, index);
    if (!is_day_number(day) || lethe_clean_in_date(cleaner, index)) return;
    bool born = day->start != 0 && cleaner->text[day->start - 1] == '*';
    for (size_t back = 1; back <= 2 && back <= index && !born; back++)
        born = lethe_clean_is_birth_cue(word_at(cleaner, index - back)) && !is_word(word_at(cleaner, index - back), "DN");
    for (size_t at = index + 1; born && at < cleaner->words.count && at <= index + 3; at++) {
        const lethe_word *year = word_at(cleaner, at);
        if (year->digits != 4 || year->letters != 0 || (memcmp(year->folded, "19", 2) != 0 && memcmp(year->folded, "20", 2) != 0)) continue;
        mark_run(cleaner, index, at - index + 1, LETHE_TEXT_DATE);
        return;
    }
}

static void mark_day_of_month(lethe_text_cleaner *cleaner, size_t index) {
    if (index + 1 >= cleaner->words.count || lethe_clean_in_date(cleaner, index) || lethe_clean_in_date(cleaner, index + 1)) return;
    const lethe_word *one = word_at(cleaner, index), *two = word_at(cleaner, index + 1);
    static const char *const units[] = {"MM", "CM", "MS", "SEC", "S", "MIN", "ML", "X", "D", NULL};
    size_t gap = two->start - word_end(one);
    if (gap == 0 || gap > 2) return;
    bool measures = index + 2 < cleaner->words.count && is_one_of(word_at(cleaner, index + 2), units);
    bool forth = is_day_number(one) && two->digits == 0 && lethe_date_is_month(cleaner->text + two->start, two->size);
    bool back = is_day_number(two) && one->digits == 0 && one->first_upper && !is_word(one, "MARS") && !is_word(one, "MAI") && !measures &&
                lethe_date_is_month(cleaner->text + one->start, one->size);
    if (forth || back) mark_run(cleaner, index, 2, LETHE_TEXT_DATE);
}

void lethe_clean_births(lethe_text_cleaner *cleaner) {
    for (size_t at = 0; at < cleaner->words.count; at++) {
        mark_birth(cleaner, at);
        mark_broken_birth(cleaner, at);
        mark_day_of_month(cleaner, at);
    }
}
