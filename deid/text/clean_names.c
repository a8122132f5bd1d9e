/* Names: known identifiers, what titles and cues announce, and what stands beside a name. */
#include "deid/text/clean_internal.h"

#include <string.h>

enum { MOST_AFTER_TITLE = 4 };

/* --- known identifiers --- */
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

/* "Canon Medical", "Leica SP8 Microsystems", "Philips Ingenia": beside another word of a maker or of its trade, a maker is meant, whoever bears the
 * name. */
static bool speaks_of_product(const lethe_text_cleaner *cleaner, size_t index) {
    if (cleaner->mode == LETHE_TEXT_PRODUCT) return true;
    for (int side = 0; side < 2; side++) {
        if (side == 0 ? index == 0 || !lethe_clean_joins_next(cleaner, index - 1) : !lethe_clean_joins_next(cleaner, index)) continue;
        const lethe_word *next = word_at(cleaner, side == 0 ? index - 1 : index + 1);
        if (next->reason != 0) continue;
        const lethe_identifier *id = lethe_identifiers_find(cleaner->identifiers, next->folded, next->folded_size);
        if (lethe_identifiers_is_trade_word(next) || (has(next, LETHE_WORD_MAKER) && (id == NULL || !id->maker))) return true;
    }
    return false;
}

static void mark_known(lethe_text_cleaner *cleaner) {
    if (cleaner->identifiers == NULL || lethe_identifiers_count(cleaner->identifiers) == 0) return;
    size_t weak = SIZE_MAX; /* the last common name */
    for (size_t at = 0; at < cleaner->words.count;) {
        size_t count, start, length;
        lethe_word *word = word_at(cleaner, at);
        const lethe_identifier *id = lethe_identifiers_match(cleaner->identifiers, &cleaner->words, at, &count);
        const lethe_identifier *cut = id == NULL || id->common ? find_without_end(cleaner, word) : NULL;
        if (cut != NULL) {
            id = cut;
            count = 1;
        }
        if (id != NULL && !id->common) {
            mark_run(cleaner, at, count, LETHE_TEXT_KNOWN);
        } else if (id != NULL && count >= 2 && (id->kind == LETHE_ID_INSTITUTION || id->kind == LETHE_ID_ADDRESS)) {
            mark_run(cleaner, at, count, LETHE_TEXT_KNOWN); /* "Imagerie du Port": ordinary words that are a place together */
        } else if (id != NULL && id->maker && count == 1 && !speaks_of_product(cleaner, at) && !lethe_clean_is_kept_word(cleaner, word)) {
            word->reason |= LETHE_TEXT_KNOWN;
        } else if (id != NULL && is_name_kind(id) && word->letters >= 1) {
            /* Common by itself; two side by side are a name, and so is one beside a title or a name. */
            bool beside = weak != SIZE_MAX && weak + 1 == at && lethe_clean_joins_next(cleaner, weak) && word->letters >= 2 &&
                          word_at(cleaner, weak)->letters >= 2;
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
        if (side == 0 ? index == 0 || !lethe_clean_joins_next(cleaner, index - 1) : !lethe_clean_joins_next(cleaner, index)) continue;
        lethe_word *initial = word_at(cleaner, side == 0 ? index - 1 : index + 1);
        size_t after = initial->start + initial->size;
        if (initial->letters != 1 || initial->digits != 0 || after >= cleaner->size || cleaner->text[after] != '.') continue;
        if (!begins_known_name(cleaner, initial->folded[0])) continue;
        initial->reason |= LETHE_TEXT_KNOWN;
        name->reason |= LETHE_TEXT_KNOWN;
    }
}

/* Nothing but one space, hyphen or underscore between word `index` and the next. */
static bool hangs_on(const lethe_text_cleaner *cleaner, size_t index) {
    size_t end = word_end(word_at(cleaner, index));
    return word_at(cleaner, index + 1)->start == end + 1 && strchr(" -_", cleaner->text[end]) != NULL;
}

/* "OULEVAY G 71604418", "G OULEVAY": one capital of the patient's beside a name of theirs, and no word of medicine on its other side, which it could
 * belong to ("GENOU G"). */
static void mark_bare_initial(lethe_text_cleaner *cleaner, size_t index) {
    lethe_word *initial = word_at(cleaner, index);
    if (cleaner->identifiers == NULL || initial->reason != 0 || initial->letters != 1 || initial->digits != 0 || initial->any_lower ||
        !initial->ascii || !begins_known_name(cleaner, initial->folded[0]))
        return;
    bool beside = false;
    for (int side = 0; side < 2; side++) {
        bool there = side == 0 ? index > 0 : index + 1 < cleaner->words.count;
        if (!there) continue;
        const lethe_word *next = word_at(cleaner, side == 0 ? index - 1 : index + 1);
        bool joined = side == 0 ? lethe_clean_joins_next(cleaner, index - 1) : lethe_clean_joins_next(cleaner, index);
        if ((next->reason & LETHE_TEXT_KNOWN) != 0 && joined && is_known_name(cleaner, next)) beside = true;
        else if (next->reason == 0 && hangs_on(cleaner, side == 0 ? index - 1 : index)) return;
    }
    if (beside) initial->reason |= LETHE_TEXT_KNOWN;
}

/* "MKB" of Maïwenn Kermoal-Brézillon: three initials of the patient and more, where no list knows the word. */
static void mark_all_initials(lethe_text_cleaner *cleaner, size_t index) {
    lethe_word *word = word_at(cleaner, index);
    if (cleaner->identifiers == NULL || word->classes != LETHE_WORD_UNKNOWN || word->letters < 3 || word->digits != 0 || word->any_lower) return;
    const lethe_identifier *id = lethe_identifiers_find(cleaner->identifiers, word->folded, word->folded_size);
    if (id != NULL && id->common && id->kind == LETHE_ID_NAME) word->reason |= LETHE_TEXT_KNOWN;
}

void lethe_clean_known(lethe_text_cleaner *cleaner) {
    mark_known(cleaner);
    for (size_t at = 0; at < cleaner->words.count; at++) {
        mark_initial(cleaner, at);
        mark_all_initials(cleaner, at);
    }
    for (size_t at = 0; at < cleaner->words.count; at++) mark_bare_initial(cleaner, at);
}

/* --- titles and cues --- */

/* A word that can go on a name after the first. Looks on as far as particles stand in a row. */
bool lethe_clean_continues_name(const lethe_text_cleaner *cleaner, size_t index) {
    const lethe_word *word = &cleaner->words.at[index];
    if (word->digits != 0 || (word->reason == 0 && lethe_clean_is_medical_name(cleaner, index))) return false;
    if (word->reason != 0 || has(word, LETHE_WORD_NAME)) return true;
    if (has(word, LETHE_WORD_PARTICLE)) {
        if (index + 1 >= cleaner->words.count || !lethe_clean_joins_next(cleaner, index)) return false;
        const lethe_word *next = &cleaner->words.at[index + 1];
        return has(next, LETHE_WORD_PARTICLE) ? lethe_clean_continues_name(cleaner, index + 1)
                                              : next->first_upper && !has(next, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION);
    }
    if (has(word, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION | LETHE_WORD_CUE | LETHE_WORD_TITLE | LETHE_WORD_PLAIN)) return false;
    return word->first_upper && !lethe_clean_has_medical_ending(word);
}

/* Mark the name that starts at `first`; returns how many words it has. */
static size_t mark_name(lethe_text_cleaner *cleaner, size_t first, lethe_text_reason reason) {
    size_t at = first;
    while (at < cleaner->words.count && at - first < MOST_AFTER_TITLE) {
        if (at != first && (!lethe_clean_joins_next(cleaner, at - 1) || !lethe_clean_continues_name(cleaner, at))) break;
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

/* One capital, alone or with its point. */
static bool is_initial(const lethe_text_cleaner *cleaner, size_t index) {
    const lethe_word *word = word_at(cleaner, index);
    return word->letters == 1 && word->digits == 0 && word->ascii && word->first_upper;
}

static bool may_be_name(const lethe_word *word) {
    return word->letters >= 2 && word->digits == 0 && word->first_upper &&
           !has(word, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION | LETHE_WORD_CUE | LETHE_WORD_TITLE);
}

/* "Dr. F. Z. Bouazza": on to the name. True when there is none behind them: "Mme L.G.", "Frau G-K". */
static bool take_initials(lethe_text_cleaner *cleaner, size_t title, size_t *first) {
    size_t at = *first;
    while (at - *first < 3 && is_initial(cleaner, at) && lethe_clean_joins_next(cleaner, at)) at++;
    if (at > *first && may_be_name(word_at(cleaner, at))) {
        mark_run(cleaner, title, at - title, LETHE_TEXT_TITLE);
        *first = at;
        return false;
    }
    if (at > *first && is_initial(cleaner, at)) at++;
    if (at < *first + 2 || !is_plain_title(cleaner, word_at(cleaner, title)) || word_at(cleaner, title)->letters < 3) return false;
    mark_run(cleaner, title, at - title, LETHE_TEXT_TITLE);
    return true;
}

static void mark_title(lethe_text_cleaner *cleaner, size_t index) {
    lethe_word *title = word_at(cleaner, index);
    if (!lethe_clean_joins_next(cleaner, index) || (has(title, LETHE_WORD_TECHNICAL) && !title->first_upper)) return; /* mm, ms */
    size_t first = index + 1;
    while (first < cleaner->words.count && has(word_at(cleaner, first), LETHE_WORD_TITLE) && !has(word_at(cleaner, first), LETHE_WORD_PARTICLE) &&
           lethe_clean_joins_next(cleaner, first))
        first++; /* Herr Prof. Dr. */
    if (take_initials(cleaner, index, &first)) return;
    lethe_word *word = word_at(cleaner, first);
    bool known = is_known_name(cleaner, word) && word->first_upper;
    bool plain = is_plain_title(cleaner, title), name = known || has(word, LETHE_WORD_NAME) || word->reason != 0;
    if (word->digits != 0 && word->letters == 0) return;
    if (!name && has(word, LETHE_WORD_FUNCTION | LETHE_WORD_CUE) && !has(word, LETHE_WORD_PARTICLE)) return;
    bool technical = has(word, LETHE_WORD_TECHNICAL) && !has(word, LETHE_WORD_NAME) && !known;
    if (technical && (!plain || !word->first_upper || !word->any_lower)) return; /* "Dr Long" goes, "MR LUMBAR" and "Dr traitant" stay */
    if (!plain && !name && (word->letters < 3 || word->digits != 0 || !word->first_upper)) return;
    if (plain && !name && !word->first_upper && lethe_clean_has_medical_ending(word)) return;
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

/* "ACC:US-22-4711", "MRN#AB-78-45": with a sign between, all that hangs together when it has four digits. */
static bool mark_behind_sign(lethe_text_cleaner *cleaner, size_t index) {
    size_t at = word_end(word_at(cleaner, index)), sign = at;
    while (at < cleaner->size && strchr(":#=", cleaner->text[at]) != NULL && cleaner->text[at] != '\0') at++;
    if (at == sign) return false;
    if (at < cleaner->size && cleaner->text[at] == ' ') at++;
    size_t end = at, digits = 0;
    while (end < cleaner->size && (unsigned char)cleaner->text[end] > ' ' && strchr(",;()[]", cleaner->text[end]) == NULL) {
        digits += cleaner->text[end] >= '0' && cleaner->text[end] <= '9';
        end++;
    }
    if (digits < 4) return false;
    lethe_clean_mark(cleaner, word_at(cleaner, index)->start, end, LETHE_TEXT_NUMBER);
    return true;
}

/* "Study ID WM-2019-00471": behind a cue and one space, letters and numbers that hang together by hyphens, with six digits and more. */
static bool mark_hanging_number(lethe_text_cleaner *cleaner, size_t index) {
    size_t at = word_end(word_at(cleaner, index)) + 1, end = at, digits = 0;
    if (index + 1 >= cleaner->words.count || word_at(cleaner, index + 1)->start != at || word_at(cleaner, index + 1)->digits != 0 ||
        word_at(cleaner, index + 1)->letters > 4 || word_at(cleaner, index + 1)->any_lower)
        return false;
    for (; end < cleaner->size; end++) {
        char c = cleaner->text[end];
        bool digit = c >= '0' && c <= '9';
        if (!digit && c != '-' && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) break;
        digits += digit;
    }
    if (digits < 6) return false;
    lethe_clean_mark(cleaner, word_at(cleaner, index)->start, end, LETHE_TEXT_NUMBER);
    return true;
}

/* "tech: JD", "performed by KL", "lu par AB/CD": two or three capitals of somebody who worked. */
static void mark_worker(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const alone[] = {"TECH",         "TECHNOLOGIST",  "TECHNICIEN",  "TECHNICIENNE", "TECHNICIAN", "MANIP",
                                        "MANIPULATEUR", "MANIPULATRICE", "MTRA",        "MER",          "OPERATOR",   "OPERATEUR",
                                        "OPERATRICE",   "RADIOGRAPHER",  "RADIOLOGIST", "RADIOLOGUE",   "INITIALS",   "INITIALES",
                                        "REFERRING",    "PRESCRIPTEUR",  "SIGNED",      "SIGNE",        "REPORTED",   "DICTATED",
                                        "DICTE",        "PHYSICIAN",     "MEDECIN",     "INTERNE",      NULL};
    static const char *const by[] = {"BY", "PAR", "DURCH", "VON", "POR", "DA", NULL};
    static const char *const doing[] = {"PERFORMED", "REPORTED", "READ",     "DICTATED", "VERIFIED",   "SIGNED",   "REQUESTED", "REVIEWED", "SCANNED",
                                        "DONE",      "REALISE",  "REALISEE", "LU",       "LUE",        "RELU",     "RELUE",     "VU",       "VUE",
                                        "FAIT",      "FAITE",    "DICTE",    "VALIDE",   "INTERPRETE", "BEFUNDET", "REALIZADO", "ESEGUITO", NULL};
    const lethe_word *cue = word_at(cleaner, index);
    size_t at = index + 1;
    bool says_by = index > 0 && is_one_of(cue, by) && is_one_of(word_at(cleaner, index - 1), doing);
    bool colon = at < cleaner->words.count && memchr(cleaner->text + word_end(cue), ':', word_at(cleaner, at)->start - word_end(cue)) != NULL;
    if (!says_by && !(is_one_of(cue, alone) && (colon || is_word(cue, "TECH") || is_word(cue, "MANIP") || is_word(cue, "INITIALS")))) return;
    for (size_t count = 0; at < cleaner->words.count && count < 4; at++, count++) {
        lethe_word *word = word_at(cleaner, at);
        const lethe_word *last = word_at(cleaner, at - 1);
        size_t gap = word->start - word_end(last);
        if (gap > 3 || (count != 0 && (gap != 1 || strchr("./-", cleaner->text[word_end(last)]) == NULL) && word_at(cleaner, at - 1)->letters != 1))
            break;
        if (word->digits != 0 || !word->first_upper || word->any_lower || word->letters > 3) break;
        if (has(word, LETHE_WORD_TECHNICAL) && word->letters > 1) break;
        word->reason |= LETHE_TEXT_NAME;
    }
}

static void mark_cue(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const number_cues[] = {"ID",
                                              "PID",
                                              "PATID",
                                              "PATIENTID",
                                              "IPP",
                                              "NIP",
                                              "NDA",
                                              "NPI",
                                              "MRN",
                                              "SSN",
                                              "NIR",
                                              "INS",
                                              "IEP",
                                              "DOSSIER",
                                              "NUMERO",
                                              "NUM",
                                              "NO",
                                              "NR",
                                              "ACC",
                                              "ACCESSION",
                                              "VISIT",
                                              "VISITE",
                                              "SEJOUR",
                                              "RPPS",
                                              "FINESS",
                                              "ADELI",
                                              "SECU",
                                              "NHS",
                                              "CHI",
                                              "KVNR",
                                              "VERSICHERTENNUMMER",
                                              "PATIENTENNUMMER",
                                              "FALLNUMMER",
                                              "DNI",
                                              "NIE",
                                              "NIF",
                                              "NSS",
                                              "NUHSA",
                                              "CIP",
                                              "CPF",
                                              "CNS",
                                              "BSN",
                                              "CF",
                                              "FISCALE",
                                              "PESEL",
                                              "AVS",
                                              "AHV",
                                              "NISS",
                                              "INSZ",
                                              "MBI",
                                              "HICN",
                                              "MEDICARE",
                                              "HIC",
                                              "PASSPORT",
                                              "PASSEPORT",
                                              "EXT",
                                              "PAGER",
                                              "BEEPER",
                                              "BIP",
                                              "DECT",
                                              "TEL",
                                              "TELEPHONE",
                                              "PHONE",
                                              "FAX",
                                              "MOBILE",
                                              "PORTABLE",
                                              "GSM",
                                              "POSTE",
                                              "REF",
                                              "REFERENCE",
                                              NULL};
    static const char *const weak_cues[] = {"NO",  "NR",  "NUM", "NUMERO", "VISIT", "VISITE", "ID",  "INS", "ACC", "CHI",       "CIP", "CF",
                                            "AVS", "MBI", "HIC", "NSS",    "EXT",   "NIE",    "CNS", "BIP", "REF", "REFERENCE", NULL};
    lethe_word *cue = word_at(cleaner, index);
    if (!lethe_clean_joins_next(cleaner, index)) {
        /* "IPP: 123", "N° 123", "IPP=123" */
        size_t gap = cue->start + cue->size;
        if (index + 1 >= cleaner->words.count || word_at(cleaner, index + 1)->start - gap > 4) return;
    }
    lethe_word *next = word_at(cleaner, index + 1);
    if (is_one_of(cue, number_cues)) {
        if (mark_behind_sign(cleaner, index) || mark_hanging_number(cleaner, index)) return;
        size_t least = is_one_of(cue, weak_cues) ? 5 : 3, at = index + 1, digits = 0;
        while (at < cleaner->words.count && word_at(cleaner, at)->digits != 0 && at - index <= 6 &&
               (at == index + 1 || (lethe_clean_joins_next(cleaner, at - 1) && word_at(cleaner, at)->letters == 0 &&
                                    (digits < 6 || (digits < 11 && strchr(".-", cleaner->text[word_at(cleaner, at)->start - 1]) != NULL)))))
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
    if (!name && (lethe_clean_has_medical_ending(next) || (!next->any_lower && next->letters <= 4))) return;
    if (!name && has(next, LETHE_WORD_PLAIN) && has(cue, LETHE_WORD_FUNCTION | LETHE_WORD_TECHNICAL)) return; /* "for Planning" */
    (void)mark_name(cleaner, index + 1, LETHE_TEXT_NAME);
}

void lethe_clean_announced(lethe_text_cleaner *cleaner) {
    for (size_t at = 0; at < cleaner->words.count; at++)
        if (has(word_at(cleaner, at), LETHE_WORD_TITLE) && (word_at(cleaner, at)->reason & LETHE_TEXT_CONTACT) == 0)
            mark_title(cleaner, at); /* not ".fr" */
    for (size_t at = 0; at + 1 < cleaner->words.count; at++)
        if (has(word_at(cleaner, at), LETHE_WORD_CUE)) mark_cue(cleaner, at);
    for (size_t at = 0; at + 1 < cleaner->words.count; at++) mark_worker(cleaner, at);
}

/* --- beside a name --- */

static bool touches_name(lethe_text_cleaner *cleaner, size_t index, unsigned least_letters) {
    enum { NAMES = LETHE_TEXT_KNOWN | LETHE_TEXT_TITLE | LETHE_TEXT_NAME };
    const lethe_word *last = index > 0 && lethe_clean_joins_next(cleaner, index - 1) ? word_at(cleaner, index - 1) : NULL;
    const lethe_word *next = lethe_clean_joins_next(cleaner, index) ? word_at(cleaner, index + 1) : NULL;
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

/* "Anna Baker cyst": behind a first name it is somebody's, whatever the word after it. Not behind another name of medicine ("Charcot-Marie"). */
static bool follows_first_name(const lethe_text_cleaner *cleaner, size_t index) {
    if (index == 0) return false;
    const lethe_word *last = word_at(cleaner, index - 1), *word = word_at(cleaner, index);
    bool one_space = word->start == word_end(last) + 1 && cleaner->text[word_end(last)] == ' ';
    return one_space && (last->reason & (LETHE_TEXT_KNOWN | LETHE_TEXT_NAME)) != 0 && last->letters >= 2 && last->first_upper &&
           has(last, LETHE_WORD_NAME) && !has(last, LETHE_WORD_TECHNICAL);
}

/* "Guivarc'h", "Bertheaume's": what hangs on a name that goes by an apostrophe; "Moelan-sur-Mer": a small word between two parts of one. */
static void mark_what_hangs_on(lethe_text_cleaner *cleaner) {
    enum { NAMES = LETHE_TEXT_KNOWN | LETHE_TEXT_TITLE | LETHE_TEXT_NAME | LETHE_TEXT_ADDRESS | LETHE_TEXT_UNKNOWN };
    for (size_t at = 1; at < cleaner->words.count; at++) {
        lethe_word *word = word_at(cleaner, at);
        const lethe_word *last = word_at(cleaner, at - 1), *next = at + 1 < cleaner->words.count ? word_at(cleaner, at + 1) : NULL;
        if (word->reason != 0 || (last->reason & NAMES) == 0 || word->digits != 0) continue;
        const char *gap = cleaner->text + word_end(last);
        size_t size = word->start - word_end(last);
        bool apostrophe = (size == 1 && *gap == '\'') || (size == 3 && memcmp(gap, "\xE2\x80\x99", 3) == 0);
        if (apostrophe && !word->first_upper && (last->reason & NAMES) != LETHE_TEXT_UNKNOWN) word->reason = last->reason;
        bool between = next != NULL && (next->reason & NAMES) != 0 && size == 1 && *gap == '-' && next->start == word_end(word) + 1 &&
                       cleaner->text[word_end(word)] == '-';
        if (between && has(word, LETHE_WORD_FUNCTION | LETHE_WORD_PARTICLE)) word->reason = last->reason;
    }
    for (size_t at = 0; at + 1 < cleaner->words.count; at++) { /* "Bad Oeynhausen" */
        lethe_word *word = word_at(cleaner, at);
        bool town = word->first_upper && (is_word(word, "BAD") || is_word(word, "SANKT"));
        if (town && word->reason == 0 && (word_at(cleaner, at + 1)->reason & NAMES) != 0 && hangs_on(cleaner, at)) word->reason = LETHE_TEXT_ADDRESS;
    }
}

/* Names that are also technical words, and unknown words, beside what is known to be a name. */
void lethe_clean_neighbours(lethe_text_cleaner *cleaner) {
    if (cleaner->mode == LETHE_TEXT_PRODUCT) return;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t at = 0; at < cleaner->words.count; at++) {
            lethe_word *word = word_at(cleaner, at);
            if (word->reason != 0 || !word->first_upper || word->digits != 0 || lethe_clean_in_date(cleaner, at)) continue;
            bool both = has(word, LETHE_WORD_NAME) && has(word, LETHE_WORD_TECHNICAL) && word->letters >= 3;
            bool initial = word->letters == 1 && word_end(word) < cleaner->size && cleaner->text[word_end(word)] == '.';
            bool unknown = word->classes == LETHE_WORD_UNKNOWN && word->letters >= 3 && word->ascii && !lethe_clean_has_medical_ending(word) &&
                           (word->any_lower || word->letters >= 5);
            const lethe_identifier *id =
                cleaner->identifiers == NULL ? NULL : lethe_identifiers_find(cleaner->identifiers, word->folded, word->folded_size);
            bool own = id != NULL && id->common && is_name_kind(id) && word->letters >= (has(word, LETHE_WORD_TECHNICAL) ? 3 : 2);
            if (word->classes == LETHE_WORD_UNKNOWN && is_initials(cleaner, word)) own = true;
            bool person = has(word, LETHE_WORD_EPONYM) && has(word, LETHE_WORD_NAME) && follows_first_name(cleaner, at);
            if ((!both && !unknown && !own && !initial && !person) || lethe_clean_is_kept_word(cleaner, word)) continue;
            if (touches_name(cleaner, at, initial ? 1 : 2) && (own || person || !lethe_clean_is_medical_name(cleaner, at)))
                word->reason |= LETHE_TEXT_NAME;
            bool lone = initial && cleaner->mode == LETHE_TEXT_STRICT && at > 0 && lethe_clean_joins_next(cleaner, at - 1); /* "Gwenaelle T." */
            if (lone && (word_at(cleaner, at - 1)->reason & (LETHE_TEXT_UNKNOWN | LETHE_TEXT_NAME)) != 0) word->reason |= LETHE_TEXT_NAME;
        }
    }
    mark_what_hangs_on(cleaner);
}
