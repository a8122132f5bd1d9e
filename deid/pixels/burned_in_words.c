/* What a line that was read says: a marker, something that identifies, a name or number that the header knows. */
#include "core/text.h"
#include "deid/pixels/burned_in_internal.h"
#include "deid/text/identifiers.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Laterality, view and projection markers (PS3.16 CID 4013 ff., and what film markers carry): letters only, no patient. */
bool lethe_burned_in_is_marker(const char *text) {
    static const char *const markers[] = {"L",     "R",     "LT",  "RT",  "CC",  "LCC",   "RCC",     "MLO",    "LMLO",  "RMLO",    "ML",
                                          "LM",    "LMO",   "LML", "RML", "LLM", "RLM",   "XCC",     "XCCL",   "XCCM",  "LXCC",    "RXCC",
                                          "LXCCL", "RXCCL", "SIO", "FB",  "AT",  "LAT",   "AP",      "PA",     "LL",    "RL",      "LEFT",
                                          "RIGHT", "OBL",   "AX",  "SAG", "COR", "TRANS", "LONG",    "CV",     "TAN",   "MAG",     "SPOT",
                                          "ID",    "RM",    "LD",  "RD",  "SUP", "INF",   "UPRIGHT", "SUPINE", "ERECT", "CRANIAL", "CAUDAL"};
    char word[24];
    size_t length = 0;
    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text) || *text == '-' || *text == '.' || *text == '(' || *text == ')') continue;
        if (!isalpha((unsigned char)*text) || length + 1 >= sizeof word) return false;
        word[length++] = (char)toupper((unsigned char)*text);
    }
    word[length] = '\0';
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (strcmp(word, markers[i]) == 0) return true;
    return false;
}

/* A date, a long number, or a word that introduces a name. */
bool lethe_burned_in_looks_identifying(const char *text) {
    static const char *const words[] = {"NAME", "NOM", "PATIENT", "DOB", "BIRTH", "ID", "MRN", "IPP", "NIP", "ACC", "DR", "HOSP", "CLIN", "CHU"};
    unsigned digits = 0, run = 0, longest = 0, separators = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (isdigit((unsigned char)*at)) {
            digits++;
            if (++run > longest) longest = run;
        } else {
            run = 0;
            if (*at == '/' || *at == '-' || *at == '.') separators++;
        }
    }
    if (longest >= 5 || (digits >= 6 && separators >= 2)) return true;
    char upper[256];
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < sizeof upper; i++) upper[i] = (char)toupper((unsigned char)text[i]);
    upper[i] = '\0';
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (strstr(upper, words[w]) != NULL) return true;
    return false;
}

/* Letters and digits that readers take for each other become one: "0" for O and Q, "1" for I and L, ... */
static void merge_lookalikes(char *word) {
    static const char from[] = "OQDILJSBZGT", to[] = "00011158261";
    for (; *word != '\0'; word++) {
        const char *at = strchr(from, *word);
        if (at != NULL) *word = to[at - from];
    }
}

/* Is `known` in `word`: equal or a letter or two off, or, for longer ones, somewhere inside because a space was not seen? */
static bool resembles(const char *word, const char *known) {
    char a[64], b[64], part[64];
    size_t length = strlen(word), size = strlen(known), allowed = size >= 8 ? 2 : 1;
    if (length >= sizeof a || size >= sizeof b) return false;
    memcpy(a, word, length + 1);
    memcpy(b, known, size + 1);
    if (length + allowed >= size && size + allowed >= length && lethe_text_distance(a, b, allowed) <= allowed) return true;
    merge_lookalikes(a);
    merge_lookalikes(b);
    if (length == size && strcmp(a, b) == 0) return true;
    if (size < 6 || length <= size) return false;
    for (size_t at = 0; at + size <= length; at++) {
        memcpy(part, a + at, size);
        part[size] = '\0';
        if (lethe_text_distance(part, b, 1) <= 1) return true;
    }
    return false;
}

/* A date in any order of day, month and year, one digit misread. `word` is eight digits. */
static bool is_date(const char *word, const char *known) {
    static const unsigned orders[3][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {4, 5, 6, 7, 2, 3, 0, 1}, {4, 5, 6, 7, 0, 1, 2, 3}};
    for (unsigned o = 0; o < 3; o++) {
        unsigned wrong = 0;
        for (unsigned i = 0; i < 8; i++) wrong += word[orders[o][i]] != known[i];
        if (wrong <= 1) return true;
    }
    return false;
}

static bool matches_any(const lethe_identifiers *identifiers, const char *word) {
    size_t length = strlen(word), digits = strspn(word, "0123456789");
    if (length < 4) return false;
    for (size_t i = 0; i < lethe_identifiers_count(identifiers); i++) {
        const lethe_identifier *known = lethe_identifiers_at(identifiers, i);
        if (known->common || known->kind == LETHE_ID_UID || strlen(known->folded) < 4) continue;
        if (known->kind == LETHE_ID_DATE && length == 8 && digits == 8 && strlen(known->folded) == 8 && is_date(word, known->folded)) return true;
        if (resembles(word, known->folded)) return true;
    }
    return false;
}

enum { LONGEST_WORD = 64 };

/* Known identifiers as they were read: order and punctuation do not matter, accents do not, a word may have lost or gained a space and a letter or
 * two may be wrong. */
bool lethe_burned_in_names_someone(const lethe_identifiers *identifiers, const char *text) {
    if (identifiers == NULL) return false;
    if (lethe_identifiers_in_text(identifiers, text, strlen(text), NULL)) return true;
    char folded[512], word[LONGEST_WORD], before[LONGEST_WORD] = "", joined[2 * LONGEST_WORD], digits[LONGEST_WORD];
    size_t size = lethe_text_fold(text, strlen(text), folded, sizeof folded), digit_count = 0;
    bool found = false;
    for (size_t at = 0; at < size && !found;) {
        while (at < size && !isalnum((unsigned char)folded[at])) at++;
        size_t length = 0;
        while (at < size && isalnum((unsigned char)folded[at])) {
            if (length + 1 < sizeof word) word[length++] = folded[at];
            at++;
        }
        word[length] = '\0';
        found = matches_any(identifiers, word);
        (void)snprintf(joined, sizeof joined, "%s%s", before, word);
        if (!found && before[0] != '\0' && strlen(joined) < LONGEST_WORD) found = matches_any(identifiers, joined);
        /* The numbers of a date stand apart: 12 03 1961. */
        if (strspn(word, "0123456789") == length && digit_count + length < sizeof digits) {
            memcpy(digits + digit_count, word, length + 1);
            digit_count += length;
            if (!found && digit_count == 8) found = matches_any(identifiers, digits);
        } else digit_count = 0;
        memcpy(before, word, length + 1);
    }
    lethe_wipe(folded, sizeof folded);
    lethe_wipe(word, sizeof word);
    lethe_wipe(before, sizeof before);
    lethe_wipe(joined, sizeof joined);
    lethe_wipe(digits, sizeof digits);
    return found;
}
