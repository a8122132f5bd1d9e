/* Which words go, step by step. docs/free-text.md. */
#include "deid/text/clean_internal.h"

#include <string.h>

/* Not a line break or a stop between word `index` and the next: they may belong to one name. */
bool lethe_clean_joins_next(const lethe_text_cleaner *cleaner, size_t index) {
    static const char *const shortened[] = {"AV", "AVE", "BD", "BLD", "BVD", "PL", "RTE", "ST", "STR", "RD", "SQ", "REF", NULL};
    if (index + 1 >= cleaner->words.count) return false;
    const lethe_word *word = &cleaner->words.at[index];
    for (size_t at = word->start + word->size; at < cleaner->words.at[index + 1].start; at++) {
        char byte = cleaner->text[at];
        if (byte == ' ' || byte == '\'' || byte == '-' || byte == '^' || byte == '_' || byte == ',' || byte == '*' || (unsigned char)byte >= 0x80)
            continue;
        if (byte == '.' && (word->letters == 1 || has(word, LETHE_WORD_TITLE) || is_one_of(word, shortened))) continue; /* J. DUPONT, Dr. Dupont */
        if (byte == '.' && at + 1 == cleaner->words.at[index + 1].start) continue;                                      /* marie.dupont */
        if (byte == ':' && has(word, LETHE_WORD_CUE | LETHE_WORD_TITLE)) continue;
        return false;
    }
    return true;
}

/* Words that a removal leaves hanging: "for", "né le", "Dr" at the end or before another hole. */
static void mark_dangling(lethe_text_cleaner *cleaner) {
    static const char *const hanging[] = {"DE",   "DU",  "DES", "LE",  "LA", "L",    "D",   "POUR", "PAR",  "CHEZ", "ET",  "AU",  "AUX",
                                          "DATE", "FOR", "BY",  "OF",  "TO", "FROM", "THE", "AND",  "ON",   "VON",  "VOM", "FUR", "BEI",
                                          "UND",  "AM",  "DER", "DEM", "DI", "DEL",  "DA",  "EL",   "PARA", "POR",  "AT",  NULL};
    static const char *const before_dates[] = {"DU", "LE", "AU", "AM", "VOM", "ON", "EL", "DEL", "DAL", NULL};
    for (size_t at = cleaner->words.count; at-- > 0;) {
        lethe_word *word = word_at(cleaner, at);
        if (word->reason != 0 || at + 1 >= cleaner->words.count || word_at(cleaner, at + 1)->reason == 0 || !lethe_clean_joins_next(cleaner, at))
            continue;
        size_t after = at + 1;
        while (after < cleaner->words.count && word_at(cleaner, after)->reason != 0) after++;
        size_t behind = after == cleaner->words.count ? cleaner->size : word_end(word_at(cleaner, after - 1));
        while (behind < cleaner->size && cleaner->text[behind] == ' ') behind++;
        bool last = after == cleaner->words.count || (behind < cleaner->size && strchr(",;:)]-\r\n", cleaner->text[behind]) != NULL);
        bool dated =
            (word_at(cleaner, at + 1)->reason & ~(unsigned)LETHE_TEXT_DATE) == 0 && is_one_of(word, before_dates); /* "IRM du 12/05/2016 : ..." */
        bool spaced = (word->start == 0 || cleaner->text[word->start - 1] == ' ') && cleaner->text[word->start + word->size] == ' ';
        bool light = spaced && (is_one_of(word, hanging) || (is_word(word, "A") && !word->ascii)); /* "Notaire à ..." */
        bool colon =
            cleaner->text[word->start + word->size] == ':' && (is_word(word, "PATIENT") || is_word(word, "PATIENTE")); /* "patient: DUPONT" */
        bool cue = has(word, LETHE_WORD_CUE) && (colon || !has(word, LETHE_WORD_TECHNICAL));
        uint16_t reason = word_at(cleaner, at + 1)->reason;
        if (((light && (last || dated)) || cue) && (reason & ~(unsigned)LETHE_TEXT_UNKNOWN) != 0) word->reason = reason;
    }
}

void lethe_clean_words(lethe_text_cleaner *cleaner) {
    lethe_clean_locate_dates(cleaner);
    lethe_clean_classify(cleaner);
    lethe_clean_known(cleaner);
    lethe_clean_places(cleaner);
    lethe_clean_ages(cleaner);
    lethe_clean_births(cleaner);
    lethe_clean_announced(cleaner);
    lethe_clean_judge(cleaner);
    lethe_clean_settle_dates(cleaner);
    lethe_clean_neighbours(cleaner);
    mark_dangling(cleaner);
}
