#include "deid/text/text.h"

#include "core/memory.h"
#include "core/text.h"
#include "deid/text/clean_internal.h"
#include "imaging/dicom/charset.h"

#include <string.h>

enum { CAP_BYTES = 64 << 20 };

lethe_status lethe_text_cleaner_create(const lethe_identifiers *identifiers, lethe_text_cleaner **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    if (*out == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a text cleaner");
    (*out)->identifiers = identifiers;
    lethe_words_init(&(*out)->words);
    lethe_buffer_init(&(*out)->kept_words, 1 << 16);
    return LETHE_OK;
}

void lethe_text_cleaner_destroy(lethe_text_cleaner *cleaner) {
    if (cleaner == NULL) return;
    lethe_words_release(&cleaner->words);
    lethe_buffer_release(&cleaner->kept_words);
    lethe_free(cleaner);
}

void lethe_text_cleaner_set_shift(lethe_text_cleaner *cleaner, int32_t shift_days) { cleaner->shift_days = shift_days; }

lethe_status lethe_text_cleaner_keep_word(lethe_text_cleaner *cleaner, const char *word, lethe_error *error) {
    char folded[256];
    size_t size = lethe_text_fold(word, strlen(word), folded, sizeof folded - 1);
    folded[size] = '\0';
    return lethe_buffer_append(&cleaner->kept_words, folded, size + 1, error);
}

/* --- putting the rest together --- */

/* Bytes that stay, with the dates in them shifted and the pieces in them cut out. */
static lethe_status append_kept(const lethe_text_cleaner *cleaner, size_t start, size_t end, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (start < end && status == LETHE_OK) {
        const clean_date *next = NULL;
        for (size_t row = 0; row < cleaner->date_count; row++) {
            const clean_date *date = &cleaner->dates[row];
            if (date->fate == CLEAN_DATE_GONE || date->match.start < start || date->match.start >= end) continue;
            if (next == NULL || date->match.start < next->match.start) next = date;
        }
        size_t stop = next == NULL ? end : next->match.start;
        status = lethe_buffer_append(out, cleaner->text + start, stop - start, error);
        if (next == NULL || status != LETHE_OK) break;
        if (next->fate == CLEAN_DATE_SHIFT) status = lethe_date_write(cleaner->text, &next->match, cleaner->shift_days, out, error);
        start = next->match.start + next->match.size;
    }
    return status;
}

static bool sticks_before(char byte) { return byte != 0 && ((unsigned char)byte >= 0x80 || strchr("%'\"!?", byte) != NULL); }
static bool sticks_after(char byte) { return byte != 0 && strchr("+-#<>~", byte) != NULL; }

typedef struct hole {
    size_t first_gap_start, first_gap_end, last_gap_start, last_gap_end; /* the separators at its two ends; the same when there is only one */
    bool at_start, at_end;                                               /* of the text */
} hole;

/* Brackets whose partner stays: closing ones that belong to what stands before, opening ones of what stands behind. */
static void loose_brackets(const lethe_text_cleaner *cleaner, const hole *gap, char closers[8], char openers[8]) {
    size_t open = 0, closed = 0;
    for (size_t at = gap->first_gap_start; at < gap->last_gap_end; at++) {
        char byte = cleaner->text[at];
        if (byte == '(' || byte == '[' || byte == '{') {
            if (open < 7) openers[open++] = byte;
        } else if (byte == ')' || byte == ']' || byte == '}') {
            if (open != 0) open--;
            else if (closed < 7) closers[closed++] = byte;
        }
    }
    openers[open] = closers[closed] = '\0';
}

static lethe_status append_joint(const lethe_text_cleaner *cleaner, const hole *gap, lethe_buffer *out, lethe_error *error) {
    const char *text = cleaner->text;
    char closers[8], openers[8];
    loose_brackets(cleaner, gap, closers, openers);
    lethe_status status = LETHE_OK;
    if (!gap->at_start) {
        size_t at = gap->first_gap_start;
        while (at < gap->first_gap_end && sticks_before(text[at])) at++;
        for (size_t later = at; later < gap->first_gap_end; later++) { /* "70 % DUPONT" */
            if (text[later] == '%') at = later + 1;
        }
        if (at + 1 < gap->first_gap_end && text[at] == '.' && text[at + 1] == ' ' && !gap->at_end) at++; /* the end of a sentence */
        status = lethe_buffer_append(out, text + gap->first_gap_start, at - gap->first_gap_start, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, closers, error);
    }
    if (status != LETHE_OK) return status;
    bool comma = false, space = false, line = false;
    char other = 0;
    for (int side = 0; side < 2; side++) {
        size_t at = side == 0 ? gap->first_gap_start : gap->last_gap_start, end = side == 0 ? gap->first_gap_end : gap->last_gap_end;
        for (; at < end; at++) {
            if (text[at] == '\n' || text[at] == '\r') line = true;
            else if (text[at] == ' ' || text[at] == '\t') space = true;
            else if (text[at] == ',' || text[at] == ';') comma = true;
            else if (other == 0 && strchr("_-^/.:=|&", text[at]) != NULL) other = text[at];
        }
    }
    if (!gap->at_start && !gap->at_end) {
        const char *joint = line ? "\r\n" : comma ? ", " : space ? " " : NULL;
        char single[2] = {other == 0 ? ' ' : other, '\0'};
        status = lethe_buffer_append_text(out, joint == NULL ? single : joint, error);
    }
    if (status == LETHE_OK && !gap->at_end) {
        status = lethe_buffer_append_text(out, openers, error);
        size_t at = gap->last_gap_end;
        while (at > gap->last_gap_start && sticks_after(text[at - 1])) at--;
        bool signs = at < gap->last_gap_end && at > gap->last_gap_start && text[at - 1] == ' ';
        if (status == LETHE_OK && signs) status = lethe_buffer_append(out, text + at, gap->last_gap_end - at, error);
    }
    return status;
}

static lethe_status append_cleaned(const lethe_text_cleaner *cleaner, lethe_buffer *out, lethe_error *error) {
    const lethe_words *words = &cleaner->words;
    lethe_status status = LETHE_OK;
    size_t at = 0;
    if (words->count != 0 && words->at[0].reason == 0) status = lethe_buffer_append(out, cleaner->text, words->at[0].start, error);
    while (at < words->count && status == LETHE_OK) {
        size_t next = at;
        if (words->at[at].reason == 0) {
            /* A run that stays, with what stands between. */
            while (next + 1 < words->count && words->at[next + 1].reason == 0) next++;
            size_t end = next + 1 == words->count ? cleaner->size : word_end(&words->at[next]);
            status = append_kept(cleaner, words->at[at].start, end, out, error);
            at = next + 1;
            continue;
        }
        while (next + 1 < words->count && words->at[next + 1].reason != 0) next++;
        hole gap = {.at_start = at == 0, .at_end = next + 1 == words->count};
        gap.first_gap_start = at == 0 ? 0 : word_end(&words->at[at - 1]);
        gap.first_gap_end = words->at[at].start;
        gap.last_gap_start = word_end(&words->at[next]);
        gap.last_gap_end = gap.at_end ? cleaner->size : words->at[next + 1].start;
        status = append_joint(cleaner, &gap, out, error);
        at = next + 1;
    }
    return status;
}

static void note(lethe_text_result *result, lethe_text_reason reason, size_t start, size_t size) {
    if (result->change_count < sizeof result->changes / sizeof result->changes[0])
        result->changes[result->change_count++] = (lethe_text_change){reason, start, size};
}

static void summarise(const lethe_text_cleaner *cleaner, lethe_text_result *result) {
    for (size_t at = 0; at < cleaner->words.count; at++) {
        const lethe_word *word = &cleaner->words.at[at];
        if (word->reason == 0) continue;
        result->reasons |= word->reason;
        result->removed++;
        note(result, (lethe_text_reason)(word->reason & -word->reason), word->start, word->size);
    }
    for (size_t row = 0; row < cleaner->date_count; row++) {
        const clean_date *date = &cleaner->dates[row];
        if (date->fate == CLEAN_DATE_GONE || cleaner->words.count == 0) continue;
        lethe_text_reason reason = date->match.year == 0 ? LETHE_TEXT_KNOWN : LETHE_TEXT_DATE;
        result->reasons |= reason;
        if (date->fate == CLEAN_DATE_SHIFT) result->shifted++;
        else result->removed++;
        note(result, reason, date->match.start, date->match.size);
    }
    result->changed = result->removed != 0 || result->shifted != 0;
}

lethe_status lethe_text_clean(lethe_text_cleaner *cleaner, const char *utf8, size_t size, lethe_text_mode mode, lethe_buffer *out,
                              lethe_text_result *result, lethe_error *error) {
    lethe_text_result scratch;
    if (result == NULL) result = &scratch;
    *result = (lethe_text_result){0};
    cleaner->text = utf8;
    cleaner->size = size;
    cleaner->mode = mode;
    lethe_status status = lethe_words_split(&cleaner->words, utf8, size, error);
    if (status != LETHE_OK) return status;
    lethe_clean_patterns(cleaner);
    lethe_clean_words(cleaner);
    summarise(cleaner, result);
    if (!result->changed) return lethe_buffer_append(out, utf8, size, error);
    size_t before = out->size;
    status = append_cleaned(cleaner, out, error);
    if (status != LETHE_OK) return status;
    while (out->size > before && (out->bytes[out->size - 1] == ' ' || out->bytes[out->size - 1] == '\t')) out->bytes[--out->size] = 0;
    return LETHE_OK;
}

/* --- elements --- */

lethe_status lethe_text_encode(lethe_charset *charset, const char *utf8, size_t size, lethe_buffer *bytes, lethe_error *error) {
    lethe_error reason = {0};
    lethe_status status = lethe_charset_encode(charset, utf8, size, bytes, &reason);
    if (status != LETHE_UNSUPPORTED) return status == LETHE_OK ? status : lethe_fail(error, status, "%s", reason.message);
    const char *at = utf8, *end = utf8 + size;
    status = LETHE_OK;
    while (at < end && status == LETHE_OK) {
        const char *start = at;
        uint32_t point = lethe_utf8_next(&at, end);
        if (lethe_charset_encode(charset, start, (size_t)(at - start), bytes, NULL) == LETHE_OK) continue;
        char base[8];
        size_t length = lethe_text_fold(start, (size_t)(at - start), base, sizeof base);
        if (point < 0x250 && length != 0 && (unsigned char)base[0] < 0x80) status = lethe_buffer_append(bytes, base, length, error);
    }
    return status;
}

static bool is_multiple(lethe_vr vr) { return vr != LETHE_VR_ST && vr != LETHE_VR_LT && vr != LETHE_VR_UT && vr != LETHE_VR_UR; }

lethe_status lethe_text_clean_element(lethe_text_cleaner *cleaner, const lethe_dicom_element *element, lethe_text_mode mode, lethe_buffer *bytes,
                                      lethe_text_result *result, lethe_error *error) {
    lethe_text_result scratch;
    if (result == NULL) result = &scratch;
    *result = (lethe_text_result){0};
    lethe_charset *charset = NULL;
    lethe_buffer utf8, cleaned;
    lethe_buffer_init(&utf8, CAP_BYTES);
    lethe_buffer_init(&cleaned, CAP_BYTES);
    char terms[129];
    size_t size = (size_t)element->value_bytes;
    while (size != 0 && (element->value[size - 1] == ' ' || element->value[size - 1] == 0)) size--;
    lethe_status status = element->value_bytes > CAP_BYTES ? lethe_fail(error, LETHE_LIMIT, "a text is longer than 64 MiB") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_charset_create(lethe_charset_governing(element->parent, terms), &charset, error);
    if (status == LETHE_OK) status = lethe_charset_decode(charset, element->value, size, element->vr, &utf8, NULL, error);
    const char *at = lethe_buffer_text(&utf8), *end = at + utf8.size;
    while (status == LETHE_OK) {
        const char *stop = is_multiple(element->vr) && at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;
        if (stop == NULL) stop = end;
        lethe_text_result one;
        status = lethe_text_clean(cleaner, at, (size_t)(stop - at), mode, &cleaned, &one, error);
        result->changed = result->changed || one.changed;
        result->reasons |= one.reasons;
        result->removed += one.removed;
        result->shifted += one.shifted;
        for (unsigned row = 0; row < one.change_count; row++)
            note(result, one.changes[row].reason, one.changes[row].start + (size_t)(at - lethe_buffer_text(&utf8)), one.changes[row].size);
        if (stop == end || status != LETHE_OK) break;
        status = lethe_buffer_append(&cleaned, "\\", 1, error);
        at = stop + 1;
    }
    if (status == LETHE_OK && !result->changed) status = lethe_buffer_append(bytes, element->value, (size_t)element->value_bytes, error);
    else if (status == LETHE_OK) status = lethe_text_encode(charset, lethe_buffer_text(&cleaned), cleaned.size, bytes, error);
    lethe_charset_destroy(charset);
    lethe_buffer_release(&utf8);
    lethe_buffer_release(&cleaned);
    return status;
}
