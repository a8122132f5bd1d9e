/* Places: streets, towns behind their postcode, hospitals by their name, rooms and beds. */
#include "deid/text/clean_internal.h"

#include <string.h>

enum { MOST_STREET_WORDS = 6 };

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
        bool after = index + 1 < cleaner->words.count && lethe_clean_joins_next(cleaner, index) && word_at(cleaner, index + 1)->digits == 0;
        if (numbered && after && !is_one_of(word, sure) && !has(word_at(cleaner, index + 1), LETHE_WORD_PARTICLE | LETHE_WORD_NAME) &&
            has(word_at(cleaner, index + 1), LETHE_WORD_TECHNICAL))
            return;
        if (!after || (!numbered && !is_one_of(word, sure))) {
            /* English: "221 Baker Street" */
            if (!(index >= 2 && is_one_of(word, sure) && word_at(cleaner, index - 2)->letters <= 1 && word_at(cleaner, index - 2)->digits >= 1 &&
                  word_at(cleaner, index - 2)->digits <= 4))
                return;
            mark_run(cleaner, index - 2, 3, LETHE_TEXT_ADDRESS);
            return;
        }
        if (numbered) mark_run(cleaner, number - 1, index - number + 1, LETHE_TEXT_ADDRESS);
        size_t at = index;
        do mark_run(cleaner, at++, 1, LETHE_TEXT_ADDRESS);
        while (at < cleaner->words.count && at - index <= MOST_STREET_WORDS && lethe_clean_joins_next(cleaner, at - 1) &&
               memchr(cleaner->text + word_at(cleaner, at - 1)->start, ',', word_at(cleaner, at)->start - word_at(cleaner, at - 1)->start) == NULL &&
               word_at(cleaner, at)->digits == 0 && !lethe_clean_is_medical_name(cleaner, at) &&
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
    if (word->letters == 0 && word->digits == 5 && lethe_clean_joins_next(cleaner, index)) {
        const lethe_word *town = word_at(cleaner, index + 1);
        if (town->digits != 0 || town->letters < 2 || !town->first_upper ||
            (has(town, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION) && !has(town, LETHE_WORD_PARTICLE)))
            return;
        size_t at = index + 1;
        mark_run(cleaner, index, 1, LETHE_TEXT_ADDRESS);
        while (at < cleaner->words.count && at - index <= 4 && lethe_clean_joins_next(cleaner, at - 1) &&
               (word_at(cleaner, at)->digits == 0 || (word_at(cleaner, at)->letters == 0 && is_word(word_at(cleaner, at - 1), "CEDEX"))) &&
               (at == index + 1 || word_at(cleaner, at)->digits != 0 || lethe_clean_continues_name(cleaner, at) ||
                is_word(word_at(cleaner, at), "CEDEX")) &&
               !(has(word_at(cleaner, at), LETHE_WORD_TECHNICAL) && !has(word_at(cleaner, at), LETHE_WORD_PARTICLE)))
            mark_run(cleaner, at++, 1, LETHE_TEXT_ADDRESS);
    }
}

/* CALLE MAYOR 5, VIA ROMA 12: the number stands behind. */
static void mark_southern_street(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const streets[] = {"CALLE", "VIA", "RUA", "PIAZZA", "PLAZA", "CORSO", "VIALE", "PASEO", "AVENIDA", NULL};
    if (!is_one_of(word_at(cleaner, index), streets)) return;
    size_t at = index + 1;
    while (at < cleaner->words.count && at - index <= 4 && lethe_clean_joins_next(cleaner, at - 1) && word_at(cleaner, at)->digits == 0 &&
           (word_at(cleaner, at)->first_upper || has(word_at(cleaner, at), LETHE_WORD_PARTICLE)))
        at++;
    if (at == index + 1 || at >= cleaner->words.count || !lethe_clean_joins_next(cleaner, at - 1)) return;
    const lethe_word *number = word_at(cleaner, at);
    if (number->digits >= 1 && number->digits <= 4 && number->letters <= 1) mark_run(cleaner, index, at - index + 1, LETHE_TEXT_ADDRESS);
}

/* The two halves of a British postcode, SW1A 2AA (BS 7666): the second has none of C I K M O V, and is no "3RD". */
static bool is_british_postcode(const lethe_word *outward, const lethe_word *inward) {
    const char *a = outward->folded, *b = inward->folded;
    if (outward->any_lower || inward->any_lower || inward->folded_size != 3 || inward->digits != 1 || b[0] > '9') return false;
    if (memchr("CIKMOV", b[1], 6) != NULL || memchr("CIKMOV", b[2], 6) != NULL) return false;
    if (memcmp(b + 1, "ST", 2) == 0 || memcmp(b + 1, "ND", 2) == 0 || memcmp(b + 1, "RD", 2) == 0 || memcmp(b + 1, "TH", 2) == 0) return false;
    if (outward->folded_size < 2 || outward->folded_size > 4 || a[0] <= '9') return false;
    size_t letters = a[1] <= '9' ? 1 : 2;
    if (letters == 1 && memchr("BEGLMNSW", a[0], 8) == NULL) return false; /* towns of one letter */
    return letters < outward->folded_size && a[letters] <= '9' && outward->letters <= 3 && outward->digits <= 2;
}

/* Springfield, IL 62704 */
static bool is_american_state(const lethe_word *word) {
    static const char states[] =
        "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR PA RI "
        "SC SD TN TX UT VA VT WA WI WV WY ";
    if (word->folded_size != 2 || word->any_lower) return false;
    for (const char *at = states; *at != '\0'; at += 3)
        if (memcmp(at, word->folded, 2) == 0) return true;
    return false;
}

static void mark_foreign_postcode(lethe_text_cleaner *cleaner, size_t index) {
    const lethe_word *word = word_at(cleaner, index);
    if (index + 1 >= cleaner->words.count || word_at(cleaner, index + 1)->start != word_end(word) + 1 || cleaner->text[word_end(word)] != ' ') return;
    const lethe_word *next = word_at(cleaner, index + 1);
    if (is_british_postcode(word, next)) mark_run(cleaner, index, 2, LETHE_TEXT_ADDRESS);
    if (index == 0 || next->letters != 0 || next->digits != 5 || !is_american_state(word)) return;
    const lethe_word *town = word_at(cleaner, index - 1);
    size_t gap = word_end(town);
    if (cleaner->text[gap] == ',' && town->first_upper && town->digits == 0 && (town->any_lower || !has(town, LETHE_WORD_TECHNICAL)))
        mark_run(cleaner, index - 1, 3, LETHE_TEXT_ADDRESS);
}

/* --- hospitals --- */

/* Part of the name of a house: not a word that says what kind of house, or what is examined. */
static bool names_house(const lethe_word *word) {
    static const char *const general[] = {"UNIVERSITY", "UNIVERSITE",    "UNIVERSITAIRE", "GENERAL", "REGIONAL", "CENTRAL",  "NATIONAL", "PRIVE",
                                          "PRIVATE",    "CLINIC",        "CLINICAL",      "MEDICAL", "CENTER",   "CENTRE",   "HOSPITAL", "IMAGING",
                                          "JOUR",       "UNIVERSITARIO", "INFANTIL",      "DAY",     "PATIENT",  "PATIENTS", NULL};
    return word->digits == 0 && word->letters >= 2 && word->first_upper && !is_one_of(word, general) &&
           (!has(word, LETHE_WORD_TECHNICAL | LETHE_WORD_FUNCTION | LETHE_WORD_TITLE | LETHE_WORD_CUE) || has(word, LETHE_WORD_NAME));
}

/* CHU de Nantes, Clinique des Cedres, Hopital Saint-Antoine, Klinikum Grosshadern */
static void mark_house_behind(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const houses[] = {"CHU",       "CHR",      "CHRU",         "CHI",      "CHG",    "CHIC",       "HOPITAL",
                                         "HOPITAUX",  "CLINIQUE", "POLYCLINIQUE", "KLINIKUM", "KLINIK", "SPITAL",     "UNIVERSITATSKLINIKUM",
                                         "UNIKLINIK", "OSPEDALE", "CLINICA",      "HOSPICES", "EHPAD",  "SANATORIUM", "ZIEKENHUIS",
                                         NULL};
    static const char *const linking[] = {"DE", "DU", "DES", "D", "LE", "LA", "LES", "L", "DI", "DEL", "DELLA", "VON", "AM", "IM", "AN", "DER", NULL};
    if (!is_one_of(word_at(cleaner, index), houses)) return;
    size_t at = index + 1;
    while (at < cleaner->words.count && at - index <= 3 && lethe_clean_joins_next(cleaner, at - 1) && is_one_of(word_at(cleaner, at), linking)) at++;
    size_t first = at;
    bool saint = false;
    while (at < cleaner->words.count && at - first < 4 && lethe_clean_joins_next(cleaner, at - 1)) {
        const lethe_word *word = word_at(cleaner, at);
        bool holy = word->first_upper && (is_word(word, "SAINT") || is_word(word, "SAINTE") || is_word(word, "ST") || is_word(word, "STE") ||
                                          is_word(word, "SANTA") || is_word(word, "SAN") || is_word(word, "NOTRE"));
        bool follows = at > first && cleaner->text[word->start - 1] == '-' && word->first_upper && word->digits == 0;
        if (!holy && !saint && !follows && !names_house(word)) break;
        if (saint && (!word->first_upper || word->digits != 0)) break;
        saint = holy;
        at++;
    }
    if (at > first) mark_run(cleaner, index, at - index, LETHE_TEXT_ADDRESS);
}

/* Mount Sinai Hospital, St Mary's Hospital, Josefs-Krankenhaus */
static void mark_house_before(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const houses[] = {"HOSPITAL", "HOSPITALS", "KRANKENHAUS", "INFIRMARY", "CLINIC", "HOSPICE", "KLINIK", "SPITAL", NULL};
    bool centre = index > 1 && (is_word(word_at(cleaner, index), "CENTER") || is_word(word_at(cleaner, index), "CENTRE")) &&
                  (is_word(word_at(cleaner, index - 1), "MEDICAL") || is_word(word_at(cleaner, index - 1), "HEALTH") ||
                   is_word(word_at(cleaner, index - 1), "CANCER") || is_word(word_at(cleaner, index - 1), "IMAGING"));
    if (!word_at(cleaner, index)->first_upper || (!centre && !is_one_of(word_at(cleaner, index), houses))) return;
    size_t last = index;
    if (centre) index--; /* St. Elsewhere Medical Center */
    static const char *const first_words[] = {"S",    "ST",    "SAINT", "SANKT", "MOUNT", "ROYAL", "HOLY", "GOOD", "QUEEN",
                                              "KING", "NORTH", "SOUTH", "EAST",  "WEST",  "NEW",   "LAKE", NULL};
    size_t first = index;
    while (first > 0 && index - first < 4 && lethe_clean_joins_next(cleaner, first - 1)) {
        const lethe_word *word = word_at(cleaner, first - 1);
        if (!is_one_of(word, first_words) && !names_house(word)) break;
        first--;
    }
    while (first < index && is_word(word_at(cleaner, first), "S")) first++;
    if (first < index) mark_run(cleaner, first, last - first + 1, LETHE_TEXT_ADDRESS);
}

/* Chambre 214 lit 2, Room 12B, Zimmer 12: where somebody lay on that day. */
static void mark_room(lethe_text_cleaner *cleaner, size_t index) {
    static const char *const rooms[] = {"CHAMBRE", "CHBRE", "CHB",   "CH",     "ROOM", "RM",   "ZIMMER", "HABITACION", "CAMA",
                                        "STANZA",  "LETTO", "KAMER", "QUARTO", "LIT",  "BETT", "BED",    "WARD",       NULL};
    static const char *const after_room[] = {"LIT", "BED", "BETT", "CAMA", "LETTO", NULL}, *const doubtful[] = {"CH", "RM", "BED", NULL};
    const lethe_word *word = word_at(cleaner, index);
    if (!is_one_of(word, rooms) || index + 1 >= cleaner->words.count || word->digits != 0) return;
    const lethe_word *number = word_at(cleaner, index + 1);
    if (number->start - word_end(word) > 4 || number->digits < 1 || number->digits > 4 || number->letters > 1) return;
    bool behind_room = index >= 2 && (word_at(cleaner, index - 1)->reason & LETHE_TEXT_ADDRESS) != 0;
    if (is_one_of(word, doubtful) && !behind_room) { /* "8 CH", "RM GENOU", bed positions of PET: a number of three digits, or a bed behind it */
        bool bed = index + 2 < cleaner->words.count && is_one_of(word_at(cleaner, index + 2), after_room);
        if (!bed && (is_word(word, "BED") || is_word(word, "RM") || number->digits < 3)) return;
    }
    if (index > 0 && word_at(cleaner, index - 1)->letters == 0 && word_end(word_at(cleaner, index - 1)) + 1 == word->start && is_word(word, "CH"))
        return;
    mark_run(cleaner, index, 2, LETHE_TEXT_ADDRESS);
}

void lethe_clean_places(lethe_text_cleaner *cleaner) {
    for (size_t at = 0; at < cleaner->words.count; at++) {
        mark_address(cleaner, at);
        mark_southern_street(cleaner, at);
        mark_foreign_postcode(cleaner, at);
        mark_house_behind(cleaner, at);
        mark_house_before(cleaner, at);
        mark_room(cleaner, at);
    }
}
