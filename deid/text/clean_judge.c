/* What a word is by itself: technical, a compound of technical words, a name, or nothing that a list knows. */
#include "core/text.h"
#include "deid/text/clean_internal.h"

#include <string.h>

bool lethe_clean_is_kept_word(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    const char *at = lethe_buffer_text(&cleaner->kept_words), *end = at + cleaner->kept_words.size;
    while (at < end) {
        size_t length = strlen(at);
        if (length == word->folded_size && memcmp(at, word->folded, length) == 0) return true;
        at += length + 1;
    }
    return false;
}

/* HEADNECK, thxabdo; Verlaufskontrolle, Schilddruesenknoten: German joins its words by S, N or EN. */
static bool is_two_words(const char *folded, size_t size) {
    for (size_t cut = 3; cut + 3 <= size && size <= 32 && size >= 7; cut++) {
        if ((lethe_vocabulary_classes(folded + cut, size - cut) & LETHE_WORD_TECHNICAL) == 0) continue;
        if ((lethe_vocabulary_classes(folded, cut) & LETHE_WORD_TECHNICAL) != 0) return true;
        bool joint = cut >= 6 && size - cut >= 4 && (folded[cut - 1] == 'S' || folded[cut - 1] == 'N');
        if (joint && (lethe_vocabulary_classes(folded, cut - 1) & LETHE_WORD_TECHNICAL) != 0) return true;
        if (joint && folded[cut - 1] == 'N' && folded[cut - 2] == 'E' && (lethe_vocabulary_classes(folded, cut - 2) & LETHE_WORD_TECHNICAL) != 0)
            return true;
    }
    return false;
}

/* HeadNeckRoutine, Abdomen3, HEADNECK: all parts technical. A part that is only a name: *name is set. */
static bool is_compound(const lethe_text_cleaner *cleaner, const lethe_word *word, bool *name) {
    *name = false;
    if (!word->ascii || word->folded_size != word->size || word->size > 63) return false;
    const char *written = cleaner->text + word->start;
    size_t start = 0, parts = 0;
    bool all = true;
    for (size_t at = 1; at <= word->size; at++) {
        bool digit = at < word->size && written[at] >= '0' && written[at] <= '9', before = written[at - 1] >= '0' && written[at - 1] <= '9';
        bool upper = at < word->size && written[at] >= 'A' && written[at] <= 'Z', lower_before = written[at - 1] >= 'a';
        bool new_word = upper && at + 1 < word->size && written[at + 1] >= 'a' && written[at - 1] >= 'A' && written[at - 1] <= 'Z';
        if (at != word->size && digit == before && !(upper && lower_before) && !new_word) continue;
        if (!before && at - start >= 2) {
            parts++;
            unsigned classes = lethe_vocabulary_classes(word->folded + start, at - start);
            if ((classes & (LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION)) == 0 && !is_two_words(word->folded + start, at - start)) all = false;
            if (classes == LETHE_WORD_NAME && at - start >= 4) *name = true;
        }
        start = at;
    }
    if (parts >= 1 && all) return true;
    return false;
}

/* Greek and Latin word building of medicine. */
bool lethe_clean_has_medical_ending(const lethe_word *word) {
    static const char *const endings[] = {
        "GRAPHIE", "GRAPHY",   "GRAPHIQUE", "GRAPHIC", "GRAMME",   "GRAM",    "SCOPIE",  "SCOPY",   "SCOPIQUE", "TOMIE",    "TOMY",     "ECTOMIE",
        "ECTOMY",  "PLASTIE",  "PLASTY",    "ITIS",    "ITE",      "ITES",    "OSE",     "OSES",    "OSIS",     "OMA",      "OME",      "OMES",
        "OMATEUX", "OMATEUSE", "PATHIE",    "PATHY",   "PATHIQUE", "PATHIC",  "LOGIE",   "LOGY",    "LOGIQUE",  "LOGICAL",  "THERAPIE", "THERAPY",
        "METRIE",  "METRY",    "METRIQUE",  "ALGIE",   "ALGIA",    "ALGIES",  "EMIE",    "EMIA",    "URIE",     "URIA",     "GENE",     "GENIC",
        "LYSE",    "LYSIS",    "PLEGIE",    "PLEGIA",  "PENIE",    "PENIA",   "TROPHIE", "TROPHY",  "PHASIE",   "PHAGIE",   "PNEE",     "PNEA",
        "CELE",    "STOMIE",   "STOMY",     "DESE",    "DESIS",    "IQUE",    "IQUES",   "ICAL",    "ICALE",    "AIRES",    "OIDE",     "OIDES",
        "OIDIEN",  "IENNE",    "ATION",     "ATIONS",  "ITION",    "CTION",   "SION",    "TIQUE",   "TURE",     "MENT",     "MENTS",    "EMENT",
        "ABLE",    "IBLE",     "ULAIRE",    "ULAIRES", "ULAR",     "ATOIRE",  "ISATION", "IZATION", "ISED",     "IZED",     "ATED",     "ING",
        "NESS",    "ITY",      "ITE",       "LUNG",    "UNGEN",    "UNG",     "ISCH",    "ISCHE",   "KOPIE",    "AUFNAHME", "LICH",     "KEIT",
        "HEIT",    "SCAN",     "SCANS",     "MYCIN",   "CILLIN",   "PRAZOLE", "STATINE", "EUX",     "EUSE",     "IVES",     "IVE",      "IFS",
    };
    for (size_t row = 0; row < sizeof endings / sizeof endings[0]; row++) {
        size_t length = strlen(endings[row]);
        if (word->folded_size >= length + 3 && memcmp(word->folded + word->folded_size - length, endings[row], length) == 0) return true;
    }
    return false;
}

static bool has_vowel(const lethe_word *word) {
    for (uint32_t at = 0; at < word->folded_size; at++) {
        if (memchr("AEIOUY", word->folded[at], 6) != NULL || (unsigned char)word->folded[at] >= 0x80) return true;
    }
    return false;
}

/* A word with a Latin letter in it, also beside letters that have no base letter. */
static bool is_latin(const lethe_word *word) {
    for (uint32_t at = 0; at < word->folded_size; at++)
        if (word->folded[at] >= 'A' && word->folded[at] <= 'Z') return true;
    return false;
}

/* Letters and digits together: T2, P101, B30f, 512x512, 18F, L4L5. */
static lethe_text_reason judge_mixed(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    if (word->digits <= 4 && word->letters <= 4) return 0;
    size_t times = 0, run = 0, longest = 0;
    for (uint32_t at = 0; at < word->folded_size; at++) {
        times += word->folded[at] == 'X';
        run = word->folded[at] >= '0' && word->folded[at] <= '9' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    if (times >= 1 && times == word->letters && longest <= 4) return 0; /* 1024x1024x64 */
    if (word->digits >= 6) return LETHE_TEXT_NUMBER;
    if (word->digits >= 5) return LETHE_TEXT_UNKNOWN;
    if (cleaner->mode == LETHE_TEXT_STRICT) return LETHE_TEXT_UNKNOWN;
    if (word->letters <= 5 && !word->any_lower) return 0;
    char letters[64];
    size_t count = 0;
    for (uint32_t at = 0; at < word->folded_size && count < sizeof letters; at++) {
        if (word->folded[at] < '0' || word->folded[at] > '9') letters[count++] = word->folded[at];
    }
    if (lethe_vocabulary_classes(letters, count) == LETHE_WORD_NAME) return LETHE_TEXT_NAME;
    return lethe_vocabulary_resemblance(letters, count) > 0 ? 0 : LETHE_TEXT_NAME;
}

/* --- names in terms of medicine --- */

static bool is_eponym(const lethe_text_cleaner *cleaner, size_t index) { return has(word_at(cleaner, index), LETHE_WORD_EPONYM); }

/* One space or hyphen between word `index` and the next, or "'s ". */
static bool hangs_together(const lethe_text_cleaner *cleaner, size_t index) {
    if (index + 1 >= cleaner->words.count) return false;
    size_t end = word_end(word_at(cleaner, index)), next = word_at(cleaner, index + 1)->start;
    return next == end + 1 && strchr(" -_'/", cleaner->text[end]) != NULL;
}

/* "syndrome de Kallmann", "maladie d'Erdheim": behind these words hardly anything else stands than whom they are named after; nobody the object
 * tells, no name that a list has ("la maladie de Monique"), and no first name before another name. A sign is that "de" somebody: "signé Kermoal". */
static bool is_named_after(const lethe_text_cleaner *cleaner, size_t index) {
    static const char *const terms[] = {"SYNDROME", "SYNDROMES", "MALADIE", "MORBUS", "SIGNE", "CLASSIFICATION", "MANOEUVRE", "TRIADE", NULL};
    static const char *const linking[] = {"DE", "D", "OF", "VON", NULL};
    const lethe_word *word = word_at(cleaner, index);
    if (index == 0 || !word->first_upper || !word->any_lower || word->digits != 0 || word->letters < 4 || has(word, LETHE_WORD_NAME)) return false;
    size_t before = index - 1;
    if (is_one_of(word_at(cleaner, before), linking) && before > 0) before--;
    if (is_word(word_at(cleaner, before), "SIGNE") && (before == index - 1 || !word_at(cleaner, before)->ascii)) return false;
    if (!is_one_of(word_at(cleaner, before), terms) || !hangs_together(cleaner, before) || !hangs_together(cleaner, index - 1)) return false;
    if (cleaner->identifiers != NULL && lethe_identifiers_find(cleaner->identifiers, word->folded, word->folded_size) != NULL) return false;
    return !hangs_together(cleaner, index) || cleaner->text[word_end(word)] != ' ' || !word_at(cleaner, index + 1)->first_upper;
}

bool lethe_clean_is_medical_name(const lethe_text_cleaner *cleaner, size_t index) {
    static const char *const linking[] = {"DE", "D", "DU", "OF", "VON", "DI", "DEL", NULL};
    static const char *const before[] = {"MORBUS", "INCIDENCE", "STADE",  "STADIUM",        "STAGE", "SCORE",
                                         "GRADE",  "INDEX",     "INDICE", "CLASSIFICATION", NULL};
    if (is_word(word_at(cleaner, index), "LI") && hangs_together(cleaner, index) && is_word(word_at(cleaner, index + 1), "RADS")) return true;
    if (!is_eponym(cleaner, index)) return is_named_after(cleaner, index);
    size_t first = index, last = index;
    while (first > 0 && index - first < 3 && is_eponym(cleaner, first - 1) && hangs_together(cleaner, first - 1)) first--;
    while (last < index + 3 && hangs_together(cleaner, last) && is_eponym(cleaner, last + 1)) last++;
    for (size_t at = first; at <= last; at++) /* Osgood-Schlatter */
        if (at != index && has(word_at(cleaner, at), LETHE_WORD_TECHNICAL) && !has(word_at(cleaner, at), LETHE_WORD_NAME)) return true;
    if (hangs_together(cleaner, last) && is_word(word_at(cleaner, last + 1), "S") && cleaner->text[word_end(word_at(cleaner, last))] == '\'') last++;
    if (hangs_together(cleaner, last) && has(word_at(cleaner, last + 1), LETHE_WORD_TERM)) return true; /* Baker's cyst */
    if (first == 0 || !hangs_together(cleaner, first - 1)) return false;
    const lethe_word *word = word_at(cleaner, first - 1);
    if (is_one_of(word, before)) return true;
    return first >= 2 && is_one_of(word, linking) && hangs_together(cleaner, first - 2) &&
           has(word_at(cleaner, first - 2), LETHE_WORD_TERM); /* kyste de Baker */
}

/* Two letters and more of a script in which no name of the patient is known. */
static bool is_unchecked_script(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    if (word->ascii || word->letters < 2) return false;
    unsigned scripts = 0, letters = 0;
    for (const char *at = cleaner->text + word->start, *end = at + word->size; at < end;) {
        unsigned script = lethe_script_of(lethe_utf8_next(&at, end));
        letters += script != 0;
        scripts |= script;
    }
    if (scripts == LETHE_SCRIPT_GREEK && letters < 3) return false; /* signs of physics */
    return letters >= 2 && (cleaner->identifiers == NULL || !lethe_identifiers_tell_script(cleaner->identifiers, scripts));
}

static lethe_text_reason judge(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    bool strict = cleaner->mode == LETHE_TEXT_STRICT;
    if (is_unchecked_script(cleaner, word) && !lethe_clean_is_kept_word(cleaner, word)) return LETHE_TEXT_SCRIPT;
    if (cleaner->mode == LETHE_TEXT_PRODUCT) return 0;
    if (lethe_clean_is_kept_word(cleaner, word) ||
        has(word, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION | LETHE_WORD_TITLE | LETHE_WORD_PARTICLE | LETHE_WORD_CUE))
        return 0;
    if (has(word, LETHE_WORD_NAME)) return LETHE_TEXT_NAME;
    if (has(word, LETHE_WORD_PLAIN)) return 0;
    if (word->letters == 0) return strict && word->digits == 5 ? LETHE_TEXT_NUMBER : 0; /* longer ones are marked already */
    if (word->letters == 1 && word->digits == 0) return 0;
    if (word->digits != 0) return judge_mixed(cleaner, word);
    if (strict && word->letters >= 7 && word->ascii && lethe_clean_has_medical_ending(word) &&
        (!word->first_upper || lethe_vocabulary_resemblance(word->folded, word->folded_size) > 0))
        return 0;
    if (strict) return word->letters <= (word->any_lower ? 2 : 3) && word->ascii ? 0 : LETHE_TEXT_UNKNOWN;
    if (!is_latin(word)) return 0; /* another script: known names were looked for inside */
    if (word->letters <= 2 || !has_vowel(word)) return 0;
    if (!word->any_lower && word->letters <= 4) return 0; /* an abbreviation */
    if (!word->first_upper) return 0;                     /* names are written with a capital */
    if (lethe_clean_has_medical_ending(word)) return 0;
    return lethe_vocabulary_resemblance(word->folded, word->folded_size) > 0 ? 0 : LETHE_TEXT_NAME;
}

void lethe_clean_classify(lethe_text_cleaner *cleaner) {
    for (size_t at = 0; at < cleaner->words.count; at++) {
        lethe_word *word = word_at(cleaner, at);
        word->classes = (uint16_t)lethe_vocabulary_classes(word->folded, word->folded_size);
        bool name;
        if (word->classes == LETHE_WORD_UNKNOWN && word->letters >= 4 && is_compound(cleaner, word, &name)) word->classes = LETHE_WORD_TECHNICAL;
        else if (word->classes == LETHE_WORD_UNKNOWN && word->letters >= 4 && name) word->classes = LETHE_WORD_NAME; /* DupontMarie */
    }
}

void lethe_clean_judge(lethe_text_cleaner *cleaner) {
    for (size_t at = 0; at < cleaner->words.count; at++) {
        lethe_word *word = word_at(cleaner, at);
        if (word->reason == 0 && !lethe_clean_in_date(cleaner, at) && !lethe_clean_is_medical_name(cleaner, at))
            word->reason = (uint16_t)judge(cleaner, word);
    }
}
