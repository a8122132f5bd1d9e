/* Dates: shift the values of DA and DT by whole days (so that every interval, and every TM, stays as it is), find dates in text, cap ages.
 * PS3.5 6.2 (DA, DT, TM, AS), PS3.15 E.3.6. Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_DATES_H
#define LETHE_DEID_DATES_H

#include "core/buffer.h"
#include "core/error.h"
#include "imaging/dicom/dictionary.h"

#include <stddef.h>
#include <stdint.h>

/* Days since 1970-01-01 in the Gregorian calendar. False for what is no day between 1800-01-01 and 2199-12-31. */
bool lethe_date_to_days(int year, int month, int day, int32_t *days);
void lethe_date_from_days(int32_t days, int *year, int *month, int *day);

typedef struct lethe_date_result {
    unsigned shifted;    /* values that were shifted */
    unsigned impossible; /* values that are no date (20231399, 00000000, "unknown"): they come out empty */
} lethe_date_result;

/* Append the value (raw bytes, backslash-separated, ranges with '-' allowed) with every date moved by `shift_days`.
 * DA: YYYYMMDD and the old YYYY.MM.DD. DT: YYYY[MM[DD[HH[MM[SS[.F]]]]]][&ZZXX]; the time and the offset stay; a year, or a year and month alone, is
 * counted from its first day and written as far as it was given. TM stays as it is unless it is no time at all: then it comes out empty. Errors:
 * LETHE_NO_MEMORY, LETHE_INTERNAL for another VR. */
LETHE_NODISCARD lethe_status lethe_date_shift_value(lethe_vr vr, const void *value, size_t size, int32_t shift_days, lethe_buffer *out,
                                                    lethe_date_result *result, lethe_error *error);

typedef struct lethe_date_piece {
    size_t start, size; /* in the text; size 0: not written */
} lethe_date_piece;

typedef struct lethe_date_match {
    size_t start, size;   /* in the text */
    int year, month, day; /* month and day 0 when not written */
    lethe_date_piece year_at, month_at, day_at;
    int language;    /* of a month in letters: an index for lethe_date_write; -1 when in digits */
    bool short_year; /* two digits */
} lethe_date_match;

/* Kinds of writing that are found: 19610312, 12031961, 1961-03-12, 12/03/1961, 03/28/1961, 12.03.61, 12 mars 1961, 1er mars 1961, March 12, 1961, 12.
 * Maerz 1961, 12-MAR-1961, 12 mars 61, 12th of March 1961, mars 1961, 03/1961; the date of 20140321101500 and 20140321T1015. Separators . - / _ and
 * space. A number in a technical shape ("1.2.840", "0/50/800", "3.1.20") is no date. */
/* The first date at or after `from`; false when there is none. */
bool lethe_date_find(const char *utf8, size_t size, size_t from, lethe_date_match *match);
/* Whether a word of four letters and more, or "mai", is the name of a month in one of the languages that dates are found in. */
bool lethe_date_is_month(const char *utf8, size_t size);
/* Append the date of a match, shifted, in the way it was written. Month names come out in the language they were in. A date without a day is counted
 * from the first of its month. */
LETHE_NODISCARD lethe_status lethe_date_write(const char *utf8, const lethe_date_match *match, int32_t shift_days, lethe_buffer *out,
                                              lethe_error *error);

/* AS: "095Y" becomes "090Y" when the age is over `limit_years` (89 gives 90 and more as one group); `out` gets 4 characters and NUL. False when the
 * value is no age; `out` is then "". */
bool lethe_date_cap_age(const void *value, size_t size, int limit_years, char out[5]);

#endif
