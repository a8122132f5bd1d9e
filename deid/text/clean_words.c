/* Which words go: known identifiers, what titles and cues announce, addresses, and what the vocabulary and the shape of a word say.
 * docs/free-text.md. */
#include "deid/text/clean_internal.h"

#include <stdio.h>
#include <string.h>

enum { MOST_AFTER_TITLE = 4, MOST_STREET_WORDS = 6 };

static lethe_word *word_at(lethe_text_cleaner *cleaner, size_t index) { return &cleaner->words.at[index]; }

static bool is_word(const lethe_word *word, const char *folded) {
    return word->folded_size == strlen(folded) && memcmp(word->folded, folded, word->folded_size) == 0;
}

static bool is_one_of(const lethe_word *word, const char *const *list) {
    for (; *list != NULL; list++) {
        if (is_word(word, *list)) return true;
    }
    return false;
}

static bool has(const lethe_word *word, unsigned classes) { return (word->classes & classes) != 0; }

/* Not a line break or a stop between word `index` and the next: they may belong to one name. */
static bool joins_next(const lethe_text_cleaner *cleaner, size_t index) {
    if (index + 1 >= cleaner->words.count) return false;
    const lethe_word *word = &cleaner->words.at[index];
    for (size_t at = word->start + word->size; at < cleaner->words.at[index + 1].start; at++) {
        char byte = cleaner->text[at];
        if (byte == ' ' || byte == '\'' || byte == '-' || byte == '^' || byte == '_' || byte == ',' || (unsigned char)byte >= 0x80) continue;
        if (byte == '.' && (word->letters == 1 || has(word, LETHE_WORD_TITLE))) continue; /* J. DUPONT, Dr. Dupont */
        if (byte == '.' && at + 1 == cleaner->words.at[index + 1].start) continue;        /* marie.dupont */
        if (byte == ':' && has(word, LETHE_WORD_CUE | LETHE_WORD_TITLE)) continue;
        return false;
    }
    return true;
}

static bool is_kept_word(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    const char *at = lethe_buffer_text(&cleaner->kept_words), *end = at + cleaner->kept_words.size;
    while (at < end) {
        size_t length = strlen(at);
        if (length == word->folded_size && memcmp(at, word->folded, length) == 0) return true;
        at += length + 1;
    }
    return false;
}

/* --- what a word is by itself --- */

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
static bool has_medical_ending(const lethe_word *word) {
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

static lethe_text_reason judge(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    bool strict = cleaner->mode == LETHE_TEXT_STRICT;
    if (is_kept_word(cleaner, word) ||
        has(word, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION | LETHE_WORD_TITLE | LETHE_WORD_PARTICLE | LETHE_WORD_CUE))
        return 0;
    if (has(word, LETHE_WORD_NAME)) return LETHE_TEXT_NAME;
    if (has(word, LETHE_WORD_PLAIN)) return 0;
    if (word->letters == 0) return strict && word->digits == 5 ? LETHE_TEXT_NUMBER : 0; /* longer ones are marked already */
    if (word->letters == 1 && word->digits == 0) return 0;
    if (word->digits != 0) return judge_mixed(cleaner, word);
    if (strict && word->letters >= 7 && word->ascii && has_medical_ending(word) &&
        (!word->first_upper || lethe_vocabulary_resemblance(word->folded, word->folded_size) > 0))
        return 0;
    if (strict) return word->letters <= (word->any_lower ? 2 : 3) && word->ascii ? 0 : LETHE_TEXT_UNKNOWN;
    if (word->letters <= 2 || !word->ascii || !has_vowel(word)) {
        if (word->ascii || word->folded_size == word->letters) return 0;
        if ((unsigned char)word->folded[0] >= 0x80) return 0; /* another script: known names were looked for inside */
    }
    if (!word->any_lower && word->letters <= 4) return 0; /* an abbreviation */
    if (!word->first_upper) return 0;                     /* names are written with a capital */
    if (has_medical_ending(word)) return 0;
    return lethe_vocabulary_resemblance(word->folded, word->folded_size) > 0 ? 0 : LETHE_TEXT_NAME;
}

/* --- known identifiers --- */

static void mark_run(lethe_text_cleaner *cleaner, size_t first, size_t count, lethe_text_reason reason) {
    for (size_t at = first; at < first + count && at < cleaner->words.count; at++) word_at(cleaner, at)->reason |= (uint16_t)reason;
}

static void cut_piece(lethe_text_cleaner *cleaner, size_t start, size_t size) {
    if (cleaner->date_count == CLEAN_MOST_DATES) return;
    cleaner->dates[cleaner->date_count++] = (clean_date){.match = {.start = start, .size = size, .language = -1}, .fate = CLEAN_DATE_CUT};
}

static bool is_name_kind(const lethe_identifier *id) { return id->kind == LETHE_ID_NAME || id->kind == LETHE_ID_STAFF; }

/* "Andr?" of André: its last letter was lost. */
static const lethe_identifier *find_without_end(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    size_t after = word->start + word->size;
    char lost[64];
    if (after >= cleaner->size || cleaner->text[after] != '?' || word->folded_size >= sizeof lost || word->letters < 2) return NULL;
    memcpy(lost, word->folded, word->folded_size);
    lost[word->folded_size] = '?';
    const lethe_identifier *id = lethe_identifiers_find(cleaner->identifiers, lost, word->folded_size + 1);
    return id != NULL && !id->common ? id : NULL;
}

static void mark_known(lethe_text_cleaner *cleaner) {
    if (cleaner->identifiers == NULL || lethe_identifiers_count(cleaner->identifiers) == 0) return;
    size_t weak = SIZE_MAX; /* the last common name */
    for (size_t at = 0; at < cleaner->words.count;) {
        size_t count, start, length;
        lethe_word *word = word_at(cleaner, at);
        const lethe_identifier *id = lethe_identifiers_match(cleaner->identifiers, &cleaner->words, at, &count);
        if (id == NULL && (id = find_without_end(cleaner, word)) != NULL) count = 1;
        if (id != NULL && !id->common) {
            mark_run(cleaner, at, count, LETHE_TEXT_KNOWN);
        } else if (id != NULL && is_name_kind(id) && word->letters >= 1) {
            /* Common by itself; two side by side are a name, and so is one beside a title or a name. */
            bool beside =
                weak != SIZE_MAX && weak + 1 == at && joins_next(cleaner, weak) && word->letters >= 2 && word_at(cleaner, weak)->letters >= 2;
            if (beside) mark_run(cleaner, weak, 1 + count, LETHE_TEXT_KNOWN);
            else if (count >= 2) mark_run(cleaner, at, count, LETHE_TEXT_KNOWN);
            weak = at + count - 1;
        } else {
            id = word->reason == 0 && (!word->ascii || (word->classes & LETHE_WORD_TECHNICAL) == 0)
                     ? lethe_identifiers_inside(cleaner->identifiers, word, &start, &length)
                     : NULL;
            if (id != NULL && !word->ascii && word->folded_size == word->size) cut_piece(cleaner, word->start + start, length);
            else if (id != NULL) word->reason |= LETHE_TEXT_KNOWN;
            count = 1;
        }
        at += count;
    }
}

/* A name of somebody whom the object itself tells, common or not. */
static bool is_known_name(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    if (cleaner->identifiers == NULL) return false;
    const lethe_identifier *id = lethe_identifiers_find(cleaner->identifiers, word->folded, word->folded_size);
    return id != NULL && is_name_kind(id) && word->letters >= 2;
}

static bool begins_known_name(const lethe_text_cleaner *cleaner, char letter) {
    for (size_t row = 0; row < lethe_identifiers_count(cleaner->identifiers); row++) {
        const lethe_identifier *id = lethe_identifiers_at(cleaner->identifiers, row);
        if (id->kind == LETHE_ID_NAME && id->folded[0] == letter && id->folded[1] != '\0') return true;
    }
    return false;
}

/* "LONG M." and "M. LONG" of Mark Long: the initial tells that the common word is a name. */
static void mark_initial(lethe_text_cleaner *cleaner, size_t index) {
    lethe_word *name = word_at(cleaner, index);
    if (cleaner->identifiers == NULL || (name->reason & LETHE_TEXT_KNOWN) != 0 || !name->first_upper || !is_known_name(cleaner, name)) return;
    for (int side = 0; side < 2; side++) {
        if (side == 0 ? index == 0 || !joins_next(cleaner, index - 1) : !joins_next(cleaner, index)) continue;
        lethe_word *initial = word_at(cleaner, side == 0 ? index - 1 : index + 1);
        size_t after = initial->start + initial->size;
        if (initial->letters != 1 || initial->digits != 0 || after >= cleaner->size || cleaner->text[after] != '.') continue;
        if (!begins_known_name(cleaner, initial->folded[0])) continue;
        initial->reason |= LETHE_TEXT_KNOWN;
        name->reason |= LETHE_TEXT_KNOWN;
    }
}

/* --- titles and cues --- */

/* A word that can go on a name after the first. Looks on as far as particles stand in a row. */
static bool continues_name(const lethe_text_cleaner *cleaner, size_t index) {
    const lethe_word *word = &cleaner->words.at[index];
    if (word->digits != 0) return false;
    if (word->reason != 0 || has(word, LETHE_WORD_NAME)) return true;
    if (has(word, LETHE_WORD_PARTICLE)) {
        if (index + 1 >= cleaner->words.count || !joins_next(cleaner, index)) return false;
        const lethe_word *next = &cleaner->words.at[index + 1];
        return has(next, LETHE_WORD_PARTICLE) ? continues_name(cleaner, index + 1)
                                              : next->first_upper && !has(next, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION);
    }
    if (has(word, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION | LETHE_WORD_CUE | LETHE_WORD_TITLE | LETHE_WORD_PLAIN)) return false;
    return word->first_upper && !has_medical_ending(word);
}

/* Mark the name that starts at `first`; returns how many words it has. */
static size_t mark_name(lethe_text_cleaner *cleaner, size_t first, lethe_text_reason reason) {
    size_t at = first;
    while (at < cleaner->words.count && at - first < MOST_AFTER_TITLE) {
        if (at != first && (!joins_next(cleaner, at - 1) || !continues_name(cleaner, at))) break;
        word_at(cleaner, at)->reason |= (uint16_t)reason;
        at++;
    }
    return at - first;
}

static bool is_plain_title(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    static const char *const doubtful[] = {"M",    "MR",  "DR",  "PR", "MS", "ME",   "MM",   "DOC",  "DON", "DONA", "SIR",
                                           "LORD", "REV", "SIG", "HR", "FR", "LADY", "PROF", "MISS", "H",   NULL};
    if (!is_one_of(word, doubtful)) return true;
    size_t after = word->start + word->size;
    bool point = after + 1 < cleaner->size && cleaner->text[after] == '.' && !(cleaner->text[after + 1] >= '0' && cleaner->text[after + 1] <= '9');
    return word->letters >= 2 && ((word->first_upper && word->any_lower) || point); /* Dr, DR. */
}

static void mark_title(lethe_text_cleaner *cleaner, size_t index) {
    lethe_word *title = word_at(cleaner, index);
    if (!joins_next(cleaner, index) || (has(title, LETHE_WORD_TECHNICAL) && !title->first_upper)) return; /* mm, ms */
    size_t first = index + 1;
    while (first < cleaner->words.count && has(word_at(cleaner, first), LETHE_WORD_TITLE) && !has(word_at(cleaner, first), LETHE_WORD_PARTICLE) &&
           joins_next(cleaner, first))
        first++; /* Herr Prof. Dr. */
    lethe_word *word = word_at(cleaner, first);
    bool known = is_known_name(cleaner, word) && word->first_upper;
    bool plain = is_plain_title(cleaner, title), name = known || has(word, LETHE_WORD_NAME) || word->reason != 0;
    if (word->digits != 0 && word->letters == 0) return;
    if (!name && has(word, LETHE_WORD_FUNCTION | LETHE_WORD_CUE) && !has(word, LETHE_WORD_PARTICLE)) return;
    bool technical = has(word, LETHE_WORD_TECHNICAL) && !has(word, LETHE_WORD_NAME) && !known;
    if (technical && (!plain || !word->first_upper || !word->any_lower)) return; /* "Dr Long" goes, "MR LUMBAR" and "Dr traitant" stay */
    if (!plain && !name && (word->letters < 3 || word->digits != 0 || !word->first_upper)) return;
    if (plain && !name && !word->first_upper && has_medical_ending(word)) return;
    size_t count = mark_name(cleaner, first, LETHE_TEXT_TITLE);
    if (count == 0) return;
    bool unit = index > 0 && word_at(cleaner, index - 1)->letters == 0 && !plain; /* "5 MM DUPONT" */
    if (!unit) mark_run(cleaner, index, first - index, LETHE_TEXT_TITLE);
    size_t next = first + count; /* Drs DUPONT et MARTIN */
    if (next + 1 < cleaner->words.count &&
        (is_word(word_at(cleaner, next), "ET") || is_word(word_at(cleaner, next), "AND") || is_word(word_at(cleaner, next), "UND"))) {
        lethe_word *second = word_at(cleaner, next + 1);
        if (second->letters >= 3 && second->first_upper && !has(second, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION)) {
            mark_run(cleaner, next, 1, LETHE_TEXT_TITLE);
            (void)mark_name(cleaner, next + 1, LETHE_TEXT_TITLE);
        }
    }
}

static void mark_cue(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const number_cues[] = {"ID",  "PID",       "PATID", "PATIENTID", "IPP",     "NIP",      "NDA",    "NPI",   "MRN",
                                              "SSN", "NIR",       "INS",   "IEP",       "DOSSIER", "NUMERO",   "NUM",    "NO",    "NR",
                                              "ACC", "ACCESSION", "VISIT", "VISITE",    "SEJOUR",  "RPPS",     "FINESS", "ADELI", "SECU",
                                              "TEL", "TELEPHONE", "PHONE", "FAX",       "MOBILE",  "PORTABLE", "GSM",    NULL};
    static const char *const weak_cues[] = {"NO", "NR", "NUM", "NUMERO", "VISIT", "VISITE", "ID", "INS", "ACC", NULL};
    lethe_word *cue = word_at(cleaner, index);
    if (!joins_next(cleaner, index)) {
        /* "IPP: 123", "N° 123", "IPP=123" */
        size_t gap = cue->start + cue->size;
        if (index + 1 >= cleaner->words.count || word_at(cleaner, index + 1)->start - gap > 4) return;
    }
    lethe_word *next = word_at(cleaner, index + 1);
    if (is_one_of(cue, number_cues)) {
        size_t least = is_one_of(cue, weak_cues) ? 5 : 3, at = index + 1, digits = 0;
        while (at < cleaner->words.count && word_at(cleaner, at)->digits != 0 && at - index <= 6 &&
               (at == index + 1 || (joins_next(cleaner, at - 1) && word_at(cleaner, at)->letters == 0 && digits < 6)))
            digits += word_at(cleaner, at++)->digits;
        if (digits < least) return;
        bool gentle =
            is_word(cue, "PORTABLE") || is_word(cue, "MOBILE") || is_word(cue, "VISIT") || is_word(cue, "ACCESSION"); /* words in their own right */
        mark_run(cleaner, gentle ? index + 1 : index, gentle ? at - index - 1 : at - index, LETHE_TEXT_NUMBER);
        return;
    }
    bool name = has(next, LETHE_WORD_NAME) || (next->reason & (LETHE_TEXT_KNOWN | LETHE_TEXT_TITLE)) != 0;
    if (has(next, LETHE_WORD_TITLE) && !name) return;
    if (has(next, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION | LETHE_WORD_CUE) && !(has(next, LETHE_WORD_NAME) && next->first_upper)) return;
    if (next->digits != 0 || next->letters < 2 || (!name && !next->first_upper)) return;
    if (!name && (has_medical_ending(next) || (!next->any_lower && next->letters <= 4))) return;
    if (!name && has(next, LETHE_WORD_PLAIN) && has(cue, LETHE_WORD_FUNCTION | LETHE_WORD_TECHNICAL)) return; /* "for Planning" */
    (void)mark_name(cleaner, index + 1, LETHE_TEXT_NAME);
}

/* --- addresses --- */

static void mark_address(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const streets[] = {
        "RUE",      "AVENUE",      "AV",        "AVE",    "BOULEVARD", "BD",    "BLD",   "BVD", "CHEMIN", "IMPASSE", "ALLEE",  "ALLEES", "QUAI",
        "STREET",   "ST",          "ROAD",      "RD",     "LANE",      "DRIVE", "PLACE", "PL",  "ROUTE",  "RTE",     "COURS",  "SQUARE", "PASSAGE",
        "FAUBOURG", "LOTISSEMENT", "RESIDENCE", "HAMEAU", "STRASSE",   "STR",   "CALLE", "VIA", "RUA",    "PLAZA",   "PIAZZA", NULL};
    static const char *const sure[] = {"RUE", "AVENUE", "BOULEVARD", "IMPASSE", "ALLEE", "STREET", "STRASSE", "CHEMIN", NULL};
    lethe_word *word = word_at(cleaner, index);
    if (is_one_of(word, streets)) {
        size_t number = index;
        if (number > 0 && (is_word(word_at(cleaner, number - 1), "BIS") || is_word(word_at(cleaner, number - 1), "TER"))) number--;
        bool numbered = number > 0 && word_at(cleaner, number - 1)->letters <= 1 && word_at(cleaner, number - 1)->digits >= 1 &&
                        word_at(cleaner, number - 1)->digits <= 4;
        bool after = index + 1 < cleaner->words.count && joins_next(cleaner, index) && word_at(cleaner, index + 1)->digits == 0;
        if (numbered && after && !is_one_of(word, sure) && !has(word_at(cleaner, index + 1), LETHE_WORD_PARTICLE | LETHE_WORD_NAME) &&
            has(word_at(cleaner, index + 1), LETHE_WORD_TECHNICAL))
            return;
        if (!after || (!numbered && !is_one_of(word, sure))) {
            /* English: "221 Baker Street" */
            if (!(index >= 2 && is_one_of(word, sure) && word_at(cleaner, index - 2)->letters == 0 && word_at(cleaner, index - 2)->digits <= 4))
                return;
            mark_run(cleaner, index - 2, 3, LETHE_TEXT_ADDRESS);
            return;
        }
        if (numbered) mark_run(cleaner, number - 1, index - number + 1, LETHE_TEXT_ADDRESS);
        size_t at = index;
        do mark_run(cleaner, at++, 1, LETHE_TEXT_ADDRESS);
        while (at < cleaner->words.count && at - index <= MOST_STREET_WORDS && joins_next(cleaner, at - 1) &&
               memchr(cleaner->text + word_at(cleaner, at - 1)->start, ',', word_at(cleaner, at)->start - word_at(cleaner, at - 1)->start) == NULL &&
               word_at(cleaner, at)->digits == 0 &&
               (has(word_at(cleaner, at), LETHE_WORD_FUNCTION) ? has(word_at(cleaner, at), LETHE_WORD_PARTICLE) || !word_at(cleaner, at)->first_upper
                                                               : word_at(cleaner, at)->first_upper) &&
               !(has(word_at(cleaner, at), LETHE_WORD_TECHNICAL | LETHE_WORD_PLAIN) &&
                 !has(word_at(cleaner, at), LETHE_WORD_NAME | LETHE_WORD_FUNCTION) && at > index + 2));
        return;
    }
    /* Hauptstrasse 12 */
    if (word->letters >= 9 && word->folded_size > 7 && memcmp(word->folded + word->folded_size - 7, "STRASSE", 7) == 0) {
        mark_run(cleaner, index,
                 index + 1 < cleaner->words.count && word_at(cleaner, index + 1)->letters <= 1 && word_at(cleaner, index + 1)->digits >= 1 ? 2 : 1,
                 LETHE_TEXT_ADDRESS);
        return;
    }
    /* 59000 LILLE CEDEX */
    if (word->letters == 0 && word->digits == 5 && joins_next(cleaner, index)) {
        const lethe_word *town = word_at(cleaner, index + 1);
        if (town->digits != 0 || town->letters < 2 || !town->first_upper ||
            (has(town, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION) && !has(town, LETHE_WORD_PARTICLE)))
            return;
        size_t at = index + 1;
        mark_run(cleaner, index, 1, LETHE_TEXT_ADDRESS);
        while (at < cleaner->words.count && at - index <= 4 && joins_next(cleaner, at - 1) &&
               (word_at(cleaner, at)->digits == 0 || (word_at(cleaner, at)->letters == 0 && is_word(word_at(cleaner, at - 1), "CEDEX"))) &&
               (at == index + 1 || word_at(cleaner, at)->digits != 0 || continues_name(cleaner, at) || is_word(word_at(cleaner, at), "CEDEX")) &&
               !(has(word_at(cleaner, at), LETHE_WORD_TECHNICAL) && !has(word_at(cleaner, at), LETHE_WORD_PARTICLE)))
            mark_run(cleaner, at++, 1, LETHE_TEXT_ADDRESS);
    }
}

/* --- dates --- */

static bool is_birth_cue(const lethe_word *word) {
    static const char *const cues[] = {"NE",        "NEE",   "DDN",       "DOB",      "DN",   "BORN", "GEB",    "GEBOREN", "GEBURTSDATUM",
                                       "NAISSANCE", "BIRTH", "BIRTHDATE", "BIRTHDAY", "NATO", "NATA", "NACIDO", "NACIDA",  NULL};
    return is_one_of(word, cues);
}

/* The patient's own date of birth, however it is written. */
static bool is_known_date(const lethe_text_cleaner *cleaner, const lethe_date_match *match) {
    if (cleaner->identifiers == NULL || match->day == 0) return false;
    char digits[16];
    int length = snprintf(digits, sizeof digits, "%04d%02d%02d", match->year, match->month, match->day);
    const lethe_identifier *id = length == 8 ? lethe_identifiers_find(cleaner->identifiers, digits, 8) : NULL;
    return id != NULL && id->kind == LETHE_ID_DATE;
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
static void locate_dates(lethe_text_cleaner *cleaner, size_t count) {
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
static void settle_dates(lethe_text_cleaner *cleaner, size_t count) {
    for (size_t row = 0; row < count; row++) {
        clean_date *date = &cleaner->dates[row];
        size_t start = date->match.start, end = start + date->match.size;
        size_t first = date->first_word, last = date->last_word;
        if (first >= cleaner->words.count) continue;
        bool whole = word_at(cleaner, first)->start == start && word_at(cleaner, last)->start + word_at(cleaner, last)->size == end;
        bool personal = is_known_date(cleaner, &date->match) || is_birth_sign(cleaner, first, start);
        for (size_t at = first; at <= last; at++) personal = personal || word_at(cleaner, at)->reason != 0;
        size_t before = first;
        while (before > 0 && before + 2 > first && has(word_at(cleaner, before - 1), LETHE_WORD_FUNCTION) &&
               !is_birth_cue(word_at(cleaner, before - 1)))
            before--; /* "né le", "born on" */
        if (before > 0 && (is_birth_cue(word_at(cleaner, before - 1)) || is_personal(word_at(cleaner, before - 1)->reason))) personal = true;
        if (first >= 2 && is_birth_sign(cleaner, first, start) && is_word(word_at(cleaner, first - 1), "LE"))
            mark_run(cleaner, first - 2, 2, LETHE_TEXT_DATE);
        if (before > 0 && is_birth_cue(word_at(cleaner, before - 1))) mark_run(cleaner, before - 1, first - before + 1, LETHE_TEXT_DATE);
        if (last + 1 < cleaner->words.count && is_personal(word_at(cleaner, last + 1)->reason) && !has(word_at(cleaner, last + 1), LETHE_WORD_TITLE))
            personal = true;
        bool shift = cleaner->mode == LETHE_TEXT_RESEARCH && cleaner->shift_days != 0 && !personal;
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

static bool in_shifted_date(const lethe_text_cleaner *cleaner, size_t count, size_t index) {
    for (size_t row = 0; row < count; row++) {
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

/* Words that a removal leaves hanging: "for", "né le", "Dr" at the end or before another hole. */
static void mark_dangling(lethe_text_cleaner *cleaner) {
    static const char *const hanging[] = {"DE",   "DU",  "DES", "LE",  "LA", "L",    "D",   "POUR", "PAR",  "CHEZ", "ET",  "AU",  "AUX",
                                          "DATE", "FOR", "BY",  "OF",  "TO", "FROM", "THE", "AND",  "ON",   "VON",  "VOM", "FUR", "BEI",
                                          "UND",  "AM",  "DER", "DEM", "DI", "DEL",  "DA",  "EL",   "PARA", "POR",  "AT",  NULL};
    for (size_t at = cleaner->words.count; at-- > 0;) {
        lethe_word *word = word_at(cleaner, at);
        if (word->reason != 0 || at + 1 >= cleaner->words.count || word_at(cleaner, at + 1)->reason == 0 || !joins_next(cleaner, at)) continue;
        size_t after = at + 1;
        while (after < cleaner->words.count && word_at(cleaner, after)->reason != 0) after++;
        bool last = after == cleaner->words.count ||
                    strchr(",;:)]-\r\n", cleaner->text[word_at(cleaner, after - 1)->start + word_at(cleaner, after - 1)->size]) != NULL;
        bool spaced = (word->start == 0 || cleaner->text[word->start - 1] == ' ') && cleaner->text[word->start + word->size] == ' ';
        bool light = spaced && is_one_of(word, hanging);
        bool colon =
            cleaner->text[word->start + word->size] == ':' && (is_word(word, "PATIENT") || is_word(word, "PATIENTE")); /* "patient: DUPONT" */
        bool cue = has(word, LETHE_WORD_CUE) && (colon || !has(word, LETHE_WORD_TECHNICAL));
        uint16_t reason = word_at(cleaner, at + 1)->reason;
        if (((light && last) || cue) && (reason & ~(unsigned)LETHE_TEXT_UNKNOWN) != 0) word->reason = reason;
    }
}

static bool touches_name(lethe_text_cleaner *cleaner, size_t index, unsigned least_letters) {
    enum { NAMES = LETHE_TEXT_KNOWN | LETHE_TEXT_TITLE | LETHE_TEXT_NAME };
    const lethe_word *last = index > 0 && joins_next(cleaner, index - 1) ? word_at(cleaner, index - 1) : NULL;
    const lethe_word *next = joins_next(cleaner, index) ? word_at(cleaner, index + 1) : NULL;
    if (last != NULL && (last->reason & NAMES) != 0 && last->letters >= least_letters) return true;
    return next != NULL && (next->reason & NAMES) != 0 && next->letters >= least_letters && !has(next, LETHE_WORD_TITLE);
}

/* "JB" of Jean-Baptiste: each letter begins a known name. */
static bool is_initials(const lethe_text_cleaner *cleaner, const lethe_word *word) {
    if (cleaner->identifiers == NULL || word->letters > 3 || word->letters < 2 || word->any_lower || !word->ascii) return false;
    for (uint32_t at = 0; at < word->folded_size; at++) {
        bool found = false;
        for (size_t row = 0; row < lethe_identifiers_count(cleaner->identifiers) && !found; row++) {
            const lethe_identifier *id = lethe_identifiers_at(cleaner->identifiers, row);
            found = id->kind == LETHE_ID_NAME && id->folded[0] == word->folded[at];
        }
        if (!found) return false;
    }
    return true;
}

/* Names that are also technical words, and unknown words, beside what is known to be a name. */
static void mark_neighbours(lethe_text_cleaner *cleaner, size_t dates) {
    for (int pass = 0; pass < 2; pass++) {
        for (size_t at = 0; at < cleaner->words.count; at++) {
            lethe_word *word = word_at(cleaner, at);
            if (word->reason != 0 || !word->first_upper || word->digits != 0 || in_shifted_date(cleaner, dates, at)) continue;
            bool both = has(word, LETHE_WORD_NAME) && has(word, LETHE_WORD_TECHNICAL) && word->letters >= 3;
            bool initial = word->letters == 1 && word->start + 1 < cleaner->size && cleaner->text[word->start + 1] == '.';
            bool unknown = word->classes == LETHE_WORD_UNKNOWN && word->letters >= 3 && word->ascii && !has_medical_ending(word) &&
                           (word->any_lower || word->letters >= 5);
            const lethe_identifier *id =
                cleaner->identifiers == NULL ? NULL : lethe_identifiers_find(cleaner->identifiers, word->folded, word->folded_size);
            bool own = id != NULL && id->common && is_name_kind(id) && word->letters >= (has(word, LETHE_WORD_TECHNICAL) ? 3 : 2);
            if (word->classes == LETHE_WORD_UNKNOWN && is_initials(cleaner, word)) own = true;
            if ((!both && !unknown && !own && !initial) || is_kept_word(cleaner, word)) continue;
            if (touches_name(cleaner, at, initial ? 1 : 2)) word->reason |= LETHE_TEXT_NAME;
        }
    }
}

/* "MKB" of Maïwenn Kermoal-Brézillon: three initials of the patient and more, where no list knows the word. */
static void mark_all_initials(lethe_text_cleaner *cleaner, size_t index) {
    lethe_word *word = word_at(cleaner, index);
    if (cleaner->identifiers == NULL || word->classes != LETHE_WORD_UNKNOWN || word->letters < 3 || word->digits != 0 || word->any_lower) return;
    const lethe_identifier *id = lethe_identifiers_find(cleaner->identifiers, word->folded, word->folded_size);
    if (id != NULL && id->common && id->kind == LETHE_ID_NAME) word->reason |= LETHE_TEXT_KNOWN;
}

void lethe_clean_words(lethe_text_cleaner *cleaner) {
    size_t count = cleaner->words.count, dates = cleaner->date_count;
    locate_dates(cleaner, dates);
    for (size_t at = 0; at < count; at++) {
        lethe_word *word = word_at(cleaner, at);
        word->classes = (uint16_t)lethe_vocabulary_classes(word->folded, word->folded_size);
        bool name;
        if (word->classes == LETHE_WORD_UNKNOWN && word->letters >= 4 && is_compound(cleaner, word, &name)) word->classes = LETHE_WORD_TECHNICAL;
        else if (word->classes == LETHE_WORD_UNKNOWN && word->letters >= 4 && name) word->classes = LETHE_WORD_NAME; /* DupontMarie */
    }
    mark_known(cleaner);
    for (size_t at = 0; at < count; at++) {
        mark_initial(cleaner, at);
        mark_all_initials(cleaner, at);
    }
    for (size_t at = 0; at < count; at++) {
        mark_address(cleaner, at);
        mark_old_age(cleaner, at);
    }
    for (size_t at = 0; at < count; at++) {
        if (has(word_at(cleaner, at), LETHE_WORD_TITLE)) mark_title(cleaner, at);
    }
    for (size_t at = 0; at + 1 < count; at++) {
        if (has(word_at(cleaner, at), LETHE_WORD_CUE)) mark_cue(cleaner, at);
    }
    for (size_t at = 0; at < count; at++) {
        lethe_word *word = word_at(cleaner, at);
        if (word->reason == 0 && !in_shifted_date(cleaner, dates, at)) word->reason = (uint16_t)judge(cleaner, word);
    }
    settle_dates(cleaner, dates);
    mark_neighbours(cleaner, dates);
    mark_dangling(cleaner);
}
