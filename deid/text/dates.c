#include "deid/text/dates.h"

#include <stdio.h>
#include <string.h>

/* --- the calendar --- */

static int32_t days_of(int year, int month, int day) {
    /* Days of the proleptic Gregorian calendar; years start in March, so that the leap day comes last. */
    year -= month <= 2;
    int era = year / 400, of_era = year - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool lethe_date_to_days(int year, int month, int day, int32_t *days) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1800 || year > 2199 || month < 1 || month > 12 || day < 1) return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && leap)) return false;
    *days = days_of(year, month, day);
    return true;
}

void lethe_date_from_days(int32_t days, int *year, int *month, int *day) {
    days += 719468;
    int era = (days >= 0 ? days : days - 146096) / 146097;
    int of_era = days - era * 146097;
    int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted_month = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month + (shifted_month < 10 ? 3 : -9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

/* --- values --- */

static bool digits(const char *text, size_t count, int *value) {
    *value = 0;
    for (size_t at = 0; at < count; at++) {
        if (text[at] < '0' || text[at] > '9') return false;
        *value = *value * 10 + (text[at] - '0');
    }
    return true;
}

static size_t digit_run(const char *text, size_t size) {
    size_t at = 0;
    while (at < size && text[at] >= '0' && text[at] <= '9') at++;
    return at;
}

/* One shifted date of 8, 6 or 4 digits; false when it is none. */
static bool shift_digits(const char *text, size_t count, int32_t shift_days, char out[9]) {
    int year, month = 1, day = 1;
    int32_t days;
    if (!digits(text, 4, &year) || (count >= 6 && !digits(text + 4, 2, &month)) || (count == 8 && !digits(text + 6, 2, &day))) return false;
    if (!lethe_date_to_days(year, month, day, &days)) return false;
    lethe_date_from_days(days + shift_days, &year, &month, &day);
    char whole[32];
    (void)snprintf(whole, sizeof whole, "%04d%02d%02d", year, month, day);
    memcpy(out, whole, count);
    out[count] = '\0';
    return true;
}

/* hhmmss.f and the parts of it (PS3.5 6.2), also the old hh:mm:ss. */
static bool is_time(const char *text, size_t size) {
    static const int limits[] = {23, 59, 60};
    size_t part = 0;
    while (part < 3 && size >= 2) {
        int value;
        if (!digits(text, 2, &value) || value > limits[part]) return false;
        text += 2;
        size -= 2;
        part++;
        if (size != 0 && *text == ':' && part < 3) {
            text++;
            size--;
        }
    }
    if (part == 0) return false;
    if (size == 0) return true;
    return part == 3 && *text == '.' && size >= 2 && size <= 7 && digit_run(text + 1, size - 1) == size - 1;
}

static bool is_offset(const char *text, size_t size) {
    int hours, minutes;
    return size == 5 && (*text == '+' || *text == '-') && digits(text + 1, 2, &hours) && digits(text + 3, 2, &minutes) && hours <= 14 &&
           minutes <= 59;
}

static lethe_status shift_da(const char *text, size_t size, int32_t shift_days, lethe_buffer *out, bool *good, lethe_error *error) {
    char plain[9], shifted[9];
    bool dotted = size == 10 && text[4] == '.' && text[7] == '.';
    *good = false;
    if (!dotted && size != 8) return LETHE_OK;
    memcpy(plain, text, 4);
    memcpy(plain + 4, text + (dotted ? 5 : 4), 2);
    memcpy(plain + 6, text + (dotted ? 8 : 6), 2);
    *good = shift_digits(plain, 8, shift_days, shifted);
    if (!*good) return LETHE_OK;
    if (dotted) return lethe_buffer_printf(out, error, "%.4s.%.2s.%.2s", shifted, shifted + 4, shifted + 6);
    return lethe_buffer_append(out, shifted, 8, error);
}

static lethe_status shift_dt(const char *text, size_t size, int32_t shift_days, lethe_buffer *out, bool *good, lethe_error *error) {
    char shifted[9];
    *good = false;
    size_t run = digit_run(text, size);
    size_t date = run >= 8 ? 8 : run;
    if ((date != 4 && date != 6 && date != 8) || !shift_digits(text, date, shift_days, shifted)) return LETHE_OK;
    const char *rest = text + date;
    size_t left = size - date, time = left;
    for (size_t at = 0; at < left; at++) {
        if (rest[at] == '+' || rest[at] == '-') {
            time = at;
            break;
        }
    }
    if (time != 0 && (date != 8 || !is_time(rest, time))) return LETHE_OK;
    if (time != left && !is_offset(rest + time, left - time)) return LETHE_OK;
    *good = true;
    lethe_status status = lethe_buffer_append(out, shifted, date, error);
    return status == LETHE_OK ? lethe_buffer_append(out, rest, left, error) : status;
}

static lethe_status shift_single(lethe_vr vr, const char *text, size_t size, int32_t shift_days, lethe_buffer *out, bool *good, lethe_error *error) {
    if (vr == LETHE_VR_DA) return shift_da(text, size, shift_days, out, good, error);
    if (vr == LETHE_VR_DT) return shift_dt(text, size, shift_days, out, good, error);
    *good = is_time(text, size);
    return *good ? lethe_buffer_append(out, text, size, error) : LETHE_OK;
}

/* Where the hyphen of a range stands; size when there is none. In a DT a hyphen may begin an offset instead: "-0500" at the end, or before another
 * hyphen. */
static size_t range_hyphen(lethe_vr vr, const char *text, size_t size) {
    for (size_t at = 0; at < size; at++) {
        if (text[at] != '-') continue;
        if (vr == LETHE_VR_DT && at != 0 && is_offset(text + at, size - at < 5 ? size - at : 5) && (at + 5 == size || text[at + 5] == '-')) {
            int hours;
            if (digits(text + at + 1, 2, &hours) && hours <= 14) continue;
        }
        return at;
    }
    return size;
}

/* One value of several: a date, or a range with one or two ends. */
static lethe_status shift_part(lethe_vr vr, const char *text, size_t size, int32_t shift_days, lethe_buffer *out, lethe_date_result *result,
                               lethe_error *error) {
    while (size != 0 && (*text == ' ' || *text == 0)) {
        text++;
        size--;
    }
    while (size != 0 && (text[size - 1] == ' ' || text[size - 1] == 0)) size--;
    if (size == 0) return LETHE_OK;
    size_t before = out->size;
    size_t hyphen = range_hyphen(vr, text, size);
    bool good = true;
    lethe_status status = LETHE_OK;
    if (hyphen != 0) status = shift_single(vr, text, hyphen, shift_days, out, &good, error);
    if (status == LETHE_OK && good && hyphen < size) {
        status = lethe_buffer_append(out, "-", 1, error);
        if (status == LETHE_OK && hyphen + 1 < size) status = shift_single(vr, text + hyphen + 1, size - hyphen - 1, shift_days, out, &good, error);
        else if (hyphen == 0) good = false; /* "-" alone */
    }
    if (status == LETHE_OK && !good) {
        out->size = before;
        if (out->bytes != NULL) out->bytes[before] = 0;
        result->impossible++;
    } else {
        result->shifted++;
    }
    return status;
}

lethe_status lethe_date_shift_value(lethe_vr vr, const void *value, size_t size, int32_t shift_days, lethe_buffer *out, lethe_date_result *result,
                                    lethe_error *error) {
    lethe_date_result scratch = {0};
    if (result == NULL) result = &scratch;
    *result = (lethe_date_result){0};
    if (vr != LETHE_VR_DA && vr != LETHE_VR_DT && vr != LETHE_VR_TM) return lethe_fail(error, LETHE_INTERNAL, "only DA, DT and TM can be shifted");
    const char *at = value, *end = at + size;
    lethe_status status = LETHE_OK;
    for (;;) {
        const char *stop = at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;
        if (stop == NULL) stop = end;
        status = shift_part(vr, at, (size_t)(stop - at), shift_days, out, result, error);
        if (status != LETHE_OK || stop == end) return status;
        status = lethe_buffer_append(out, "\\", 1, error);
        if (status != LETHE_OK) return status;
        at = stop + 1;
    }
}

bool lethe_date_cap_age(const void *value, size_t size, int limit_years, char out[5]) {
    const char *text = value;
    out[0] = '\0';
    while (size != 0 && (text[size - 1] == ' ' || text[size - 1] == 0)) size--;
    while (size != 0 && *text == ' ') {
        text++;
        size--;
    }
    int number;
    if (size < 2 || size > 4 || !digits(text, size - 1, &number)) return false;
    char unit = text[size - 1];
    int per_year = unit == 'Y' ? 1 : unit == 'M' ? 12 : unit == 'W' ? 52 : unit == 'D' ? 365 : 0;
    if (per_year == 0) return false;
    if (number > limit_years * per_year) {
        number = limit_years + 1;
        unit = 'Y';
    }
    char whole[16];
    (void)snprintf(whole, sizeof whole, "%03d%c", number, unit);
    memcpy(out, whole, 5);
    return true;
}
