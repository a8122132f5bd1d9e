#include "deid/text/identifiers.h"

#include "core/arena.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/text/identifiers_internal.h"
#include "deid/text/vocabulary.h"
#include "deid/text/words.h"

#include <string.h>

enum { MOST_IDENTIFIERS = 65536, LONGEST_BYTES = 1024, MOST_JOINED = 6, CAP_BYTES = 64 << 20, SHORT_NAME = 3, SHORT_NUMBER = 5 };

struct lethe_identifiers {
    lethe_arena *arena;
    lethe_identifier *at;
    size_t count, capacity;
    uint32_t *slots; /* index + 1 by hash of the folded form */
    size_t slot_count;
    lethe_words words;
    bool has_lost;    /* a name with a question mark where its character set lost a letter */
    unsigned scripts; /* lethe_script: in which a name of the patient is known */
    bool names_lost;  /* a name of the patient whose letters were all lost: in what script it was nobody knows */
    bool has_cjk;     /* a name in letters beyond ASCII: matching inside runs is needed */
};

static uint32_t hash_of(const char *text, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t at = 0; at < size; at++) hash = (hash ^ (unsigned char)text[at]) * 16777619u;
    return hash ^ (hash >> 15);
}

lethe_status lethe_identifiers_create(lethe_identifiers **out, lethe_error *error) {
    *out = NULL;
    lethe_identifiers *ids = lethe_alloc_array(1, sizeof *ids);
    if (ids != NULL) {
        lethe_words_init(&ids->words);
        ids->arena = lethe_arena_create(CAP_BYTES);
    }
    if (ids == NULL || ids->arena == NULL) {
        lethe_identifiers_destroy(ids);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for identifiers");
    }
    *out = ids;
    return LETHE_OK;
}

void lethe_identifiers_clear(lethe_identifiers *ids) {
    for (size_t at = 0; at < ids->count; at++) {
        lethe_wipe((void *)(uintptr_t)ids->at[at].text, strlen(ids->at[at].text));
        lethe_wipe((void *)(uintptr_t)ids->at[at].folded, strlen(ids->at[at].folded));
    }
    if (ids->slot_count != 0 && ids->count != 0) memset(ids->slots, 0, ids->slot_count * sizeof *ids->slots);
    ids->count = 0;
    ids->has_cjk = ids->has_lost = ids->names_lost = false;
    ids->scripts = 0;
    lethe_arena_reset(ids->arena);
}

void lethe_identifiers_destroy(lethe_identifiers *ids) {
    if (ids == NULL) return;
    if (ids->arena != NULL) lethe_identifiers_clear(ids);
    lethe_arena_destroy(ids->arena);
    lethe_words_release(&ids->words);
    lethe_free(ids->at);
    lethe_free(ids->slots);
    lethe_free(ids);
}

static uint32_t *find_slot(const lethe_identifiers *ids, const char *folded, size_t size) {
    size_t mask = ids->slot_count - 1;
    for (size_t at = hash_of(folded, size) & mask;; at = (at + 1) & mask) {
        uint32_t index = ids->slots[at];
        if (index == 0) return &ids->slots[at];
        const char *other = ids->at[index - 1].folded;
        if (strncmp(other, folded, size) == 0 && other[size] == '\0') return &ids->slots[at];
    }
}

static lethe_status grow(lethe_identifiers *ids, lethe_error *error) {
    size_t capacity = ids->capacity == 0 ? 128 : ids->capacity * 2;
    lethe_identifier *at = lethe_realloc_array(ids->at, capacity, sizeof *at);
    if (at != NULL) ids->at = at;
    uint32_t *slots = at == NULL ? NULL : lethe_alloc_array(capacity * 2, sizeof *slots);
    if (slots == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for identifiers");
    lethe_free(ids->slots);
    ids->slots = slots;
    ids->slot_count = capacity * 2;
    ids->capacity = capacity;
    for (size_t index = 0; index < ids->count; index++) *find_slot(ids, ids->at[index].folded, strlen(ids->at[index].folded)) = (uint32_t)index + 1;
    return LETHE_OK;
}

lethe_status lethe_identifiers_put(lethe_identifiers *ids, lethe_identifier_kind kind, const char *text, size_t size, const char *folded,
                                   size_t folded_size, bool common, lethe_error *error) {
    if (folded_size == 0 || memchr(folded, 0, folded_size) != NULL) return LETHE_OK;
    if (ids->count == ids->capacity) {
        lethe_status status = grow(ids, error);
        if (status != LETHE_OK) return status;
    }
    uint32_t *slot = find_slot(ids, folded, folded_size);
    if (*slot != 0) {
        lethe_identifier *known = &ids->at[*slot - 1];
        if (!common) known->common = false;
        if (kind < known->kind) known->kind = kind;
        return LETHE_OK;
    }
    if (ids->count >= MOST_IDENTIFIERS) return lethe_fail(error, LETHE_LIMIT, "more than %d identifiers", MOST_IDENTIFIERS);
    lethe_identifier *fresh = &ids->at[ids->count];
    *fresh = (lethe_identifier){.kind = kind, .common = common};
    fresh->text = lethe_arena_strndup(ids->arena, text, size);
    fresh->folded = lethe_arena_strndup(ids->arena, folded, folded_size);
    if (fresh->text == NULL || fresh->folded == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an identifier");
    for (size_t at = 0; at < folded_size; at++) ids->has_cjk = ids->has_cjk || (unsigned char)folded[at] >= 0x80;
    ids->has_lost = ids->has_lost || memchr(folded, '?', folded_size) != NULL;
    *slot = (uint32_t)++ids->count;
    return LETHE_OK;
}

/* --- words that say nothing by themselves --- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_ordinary(const lethe_word *word) {
    if (lethe_identifiers_is_trade_word(word)) return true; /* "GE Medical Systems" */
    unsigned classes = lethe_vocabulary_classes(word->folded, word->folded_size);
    if ((classes & LETHE_WORD_EPONYM) != 0) return false; /* the patient's own name first */
    return (classes & ~(unsigned)(LETHE_WORD_NAME | LETHE_WORD_PLAIN)) != 0;
}

static bool is_weak_name(const lethe_word *word) { return (word->ascii && word->folded_size < SHORT_NAME) || is_ordinary(word); }

static bool is_weak_number(const lethe_word *word) {
    if (word->letters == 0) return word->digits < SHORT_NUMBER;
    return word->folded_size < 4 || (word->digits == 0 && is_ordinary(word));
}

bool lethe_identifiers_is_trade_word(const lethe_word *word) {
    static const char *const words[] = {
        "MEDICAL",     "HEALTHCARE", "HEALTHINEERS", "HEALTH",  "SYSTEM",   "SYSTEMS",     "SYSTEME",    "INC",          "CORP",
        "CORPORATION", "GMBH",       "LTD",          "LIMITED", "LLC",      "AG",          "BV",         "NV",           "SA",
        "SAS",         "KK",         "CO",           "COMPANY", "GROUP",    "ELECTRONICS", "BIOSYSTEMS", "MICROSYSTEMS", "TECHNOLOGIES",
        "TECHNOLOGY",  "IMAGING",    "ULTRASOUND",   "SCANNER", "SOFTWARE", "WORKSTATION", "CONSOLE",    "DETECTOR",     "PACS",
        "SERVICE",     "PHANTOM",    "FANTOME",      "MODEL",   "DEVICE",   "MACHINE",     "SEQUENCE",   "KERNEL"};
    for (size_t row = 0; row < sizeof words / sizeof *words; row++)
        if (strlen(words[row]) == word->folded_size && memcmp(words[row], word->folded, word->folded_size) == 0) return true;
    return false;
}

/* "Canon^Jean" names a person, "Philips^Service" and "Leica Biosystems" do not. */
static bool names_nobody(const lethe_words *words, lethe_identifier_kind kind) {
    if (words->count == 1) return kind != LETHE_ID_NAME;
    for (size_t at = 0; at < words->count; at++) {
        unsigned classes = lethe_vocabulary_classes(words->at[at].folded, words->at[at].folded_size);
        if (lethe_identifiers_is_trade_word(&words->at[at])) return true;
        bool person = kind == LETHE_ID_NAME || kind == LETHE_ID_STAFF;
        if (person && (classes & LETHE_WORD_TECHNICAL) != 0 && (classes & (LETHE_WORD_NAME | LETHE_WORD_MAKER)) == 0 && words->at[at].letters > 2)
            return true;
    }
    return false;
}

static void note_maker(lethe_identifiers *ids, lethe_identifier_kind kind, const lethe_word *word) {
    if ((lethe_vocabulary_classes(word->folded, word->folded_size) & LETHE_WORD_MAKER) == 0 || names_nobody(&ids->words, kind)) return;
    uint32_t *slot = ids->slot_count == 0 ? NULL : find_slot(ids, word->folded, word->folded_size);
    if (slot != NULL && *slot != 0) ids->at[*slot - 1].maker = true;
}

static lethe_status put_word(lethe_identifiers *ids, lethe_identifier_kind kind, const char *utf8, const lethe_word *word, bool common,
                             lethe_error *error) {
    return lethe_identifiers_put(ids, kind, utf8 + word->start, word->size, word->folded, word->folded_size, common, error);
}

/* Words first to last as one, without what stands between them. */
static lethe_status put_joined(lethe_identifiers *ids, lethe_identifier_kind kind, const char *utf8, size_t first, size_t last, bool common,
                               lethe_error *error) {
    char joined[LONGEST_BYTES];
    size_t used = 0;
    for (size_t at = first; at <= last; at++) {
        const lethe_word *word = &ids->words.at[at];
        if (word->folded_size > sizeof joined - used) return LETHE_OK;
        memcpy(joined + used, word->folded, word->folded_size);
        used += word->folded_size;
    }
    size_t start = ids->words.at[first].start, end = ids->words.at[last].start + ids->words.at[last].size;
    return lethe_identifiers_put(ids, kind, utf8 + start, end - start, joined, used, common, error);
}

/* "Ys?" of Ysé: a name whose last letter its own character set lost. */
static lethe_status put_without_end(lethe_identifiers *ids, lethe_identifier_kind kind, const char *utf8, size_t size, const lethe_word *word,
                                    lethe_error *error) {
    size_t end = word->start + word->size;
    char folded[64];
    if (end >= size || utf8[end] != '?' || word->letters < 2 || word->folded_size >= sizeof folded) return LETHE_OK;
    memcpy(folded, word->folded, word->folded_size);
    folded[word->folded_size] = '?';
    return lethe_identifiers_put(ids, kind, utf8 + word->start, word->size + 1, folded, word->folded_size + 1, false, error);
}

/* A name: each part, parts with particles, and the whole; initials as something common. */
static lethe_status add_name(lethe_identifiers *ids, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error) {
    const lethe_words *words = &ids->words;
    lethe_status status = LETHE_OK;
    char initials[16], turned[16]; /* family name first, and given names first */
    char whole[16];                /* particles too: "LMY" of Le Moal^Yann */
    size_t initial_count = 0, family_count = 0, whole_count = 0, whole_family = 0;
    const char *caret = memchr(utf8, '^', size);
    for (size_t at = 0; at < words->count && status == LETHE_OK; at++) {
        const lethe_word *word = &words->at[at];
        if (word->letters == 0) {
            status = put_word(ids, kind, utf8, word, word->digits < SHORT_NUMBER, error); /* names of tests and phantoms have numbers */
            continue;
        }
        unsigned classes = lethe_vocabulary_classes(word->folded, word->folded_size);
        bool particle = (classes & (LETHE_WORD_PARTICLE | LETHE_WORD_TITLE)) != 0;
        if (status == LETHE_OK) status = put_without_end(ids, kind, utf8, size, word, error);
        if (status == LETHE_OK && (!particle || words->count == 1)) status = put_word(ids, kind, utf8, word, is_weak_name(word), error);
        note_maker(ids, kind, word);
        size_t last = at; /* "de la Tour": particles and the word they lead to */
        while (particle && last + 1 < words->count &&
               (lethe_vocabulary_classes(words->at[last].folded, words->at[last].folded_size) & (LETHE_WORD_PARTICLE | LETHE_WORD_TITLE)) != 0)
            last++;
        if (status == LETHE_OK && last > at) status = put_joined(ids, kind, utf8, at, last, is_weak_name(&words->at[last]), error);
        if ((unsigned char)word->folded[0] < 0x80 && whole_count < sizeof whole) {
            if (caret != NULL && utf8 + word->start < caret) whole_family++;
            whole[whole_count++] = word->folded[0];
        }
        if ((unsigned char)word->folded[0] < 0x80 && !particle && initial_count < sizeof initials) {
            if (caret != NULL && utf8 + word->start < caret) family_count++;
            initials[initial_count++] = word->folded[0];
        }
    }
    size_t family_words = 0; /* "de La Tour d'Aigues": by its parts alone it could be ordinary words */
    bool family_weak = true;
    while (caret != NULL && family_words < words->count && utf8 + words->at[family_words].start < caret)
        family_weak = is_weak_name(&words->at[family_words++]) && family_weak;
    if (status == LETHE_OK && family_words > 1 && family_words <= MOST_JOINED)
        status = put_joined(ids, kind, utf8, 0, family_words - 1, family_weak, error);
    if (status == LETHE_OK && words->count > 1 && words->count <= MOST_JOINED) {
        bool all_ordinary = true;
        for (size_t at = 0; at < words->count; at++) all_ordinary = all_ordinary && is_weak_name(&words->at[at]);
        status = put_joined(ids, kind, utf8, 0, words->count - 1, all_ordinary, error);
        if (status == LETHE_OK && words->count == 2) { /* given name first */
            char joined[LONGEST_BYTES];
            const lethe_word *family = &words->at[0], *given = &words->at[1];
            if (family->folded_size + given->folded_size <= sizeof joined) {
                memcpy(joined, given->folded, given->folded_size);
                memcpy(joined + given->folded_size, family->folded, family->folded_size);
                status = lethe_identifiers_put(ids, kind, utf8 + family->start, family->size, joined, family->folded_size + given->folded_size,
                                               all_ordinary, error);
            }
        }
    }
    if (status == LETHE_OK && whole_count > initial_count && whole_family != 0 && whole_family < whole_count) {
        memcpy(turned, whole + whole_family, whole_count - whole_family);
        memcpy(turned + whole_count - whole_family, whole, whole_family);
        status = lethe_identifiers_put(ids, kind, whole, whole_count, whole, whole_count, true, error);
        if (status == LETHE_OK) status = lethe_identifiers_put(ids, kind, turned, whole_count, turned, whole_count, true, error);
    }
    if (status != LETHE_OK || initial_count < 2) return status;
    status = lethe_identifiers_put(ids, kind, initials, initial_count, initials, initial_count, true, error);
    if (status != LETHE_OK || family_count == 0 || family_count == initial_count) return status;
    memcpy(turned, initials + family_count, initial_count - family_count);
    memcpy(turned + initial_count - family_count, initials, family_count);
    status = lethe_identifiers_put(ids, kind, turned, initial_count, turned, initial_count, true, error);
    if (status != LETHE_OK || family_count < 2 || initial_count - family_count < 2) return status;
    initials[family_count + 1] = '\0'; /* with the first of the given names only: "GVO" of Vandermeersch-Oulevay^Ghislaine^Anne */
    memmove(turned + 1, initials, family_count);
    status = lethe_identifiers_put(ids, kind, initials, family_count + 1, initials, family_count + 1, true, error);
    if (status == LETHE_OK) status = lethe_identifiers_put(ids, kind, turned, family_count + 1, turned, family_count + 1, true, error);
    return status;
}

/* The digits of "IPP8837261", also without zeros in front: the number is written without its prefix too. */
static lethe_status put_digits(lethe_identifiers *ids, lethe_identifier_kind kind, const lethe_word *word, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t at = 0; at < word->folded_size && status == LETHE_OK;) {
        size_t end = at;
        while (end < word->folded_size && is_digit(word->folded[end])) end++;
        for (size_t start = at; status == LETHE_OK && end - start > SHORT_NUMBER; start++) {
            if (start == at || word->folded[start - 1] == '0')
                status = lethe_identifiers_put(ids, kind, word->folded + start, end - start, word->folded + start, end - start, false, error);
            if (word->folded[start] != '0') break;
        }
        at = end == at ? at + 1 : end;
    }
    return status;
}

/* An ID, telephone number or serial number: as one run, and its long parts. */
static lethe_status add_number(lethe_identifiers *ids, lethe_identifier_kind kind, const char *utf8, lethe_error *error) {
    const lethe_words *words = &ids->words;
    lethe_status status = LETHE_OK;
    bool all_weak = true;
    size_t digits = 0;
    for (size_t at = 0; at < words->count && status == LETHE_OK; at++) {
        const lethe_word *word = &words->at[at];
        bool weak = is_weak_number(word);
        digits += word->digits;
        all_weak = all_weak && weak;
        if (words->count == 1 || (!weak && word->digits != 0) || (!weak && word->letters >= 5)) status = put_word(ids, kind, utf8, word, weak, error);
        if (status == LETHE_OK && kind == LETHE_ID_NUMBER && word->digits > SHORT_NUMBER) status = put_digits(ids, kind, word, error);
    }
    if (status == LETHE_OK && words->count > 1)
        status = put_joined(ids, kind, utf8, 0, words->count - 1, all_weak && digits < SHORT_NUMBER + 1, error);
    return status;
}

/* Institution, address: the words that say which one. */
static lethe_status add_place(lethe_identifiers *ids, lethe_identifier_kind kind, const char *utf8, lethe_error *error) {
    const lethe_words *words = &ids->words;
    lethe_status status = LETHE_OK;
    bool telling = false;
    for (size_t at = 0; at < words->count && status == LETHE_OK; at++) {
        const lethe_word *word = &words->at[at];
        if (word->letters == 0) {
            if (word->digits >= SHORT_NUMBER) status = put_word(ids, kind, utf8, word, false, error);
            continue;
        }
        if (kind == LETHE_ID_INSTITUTION && word->folded_size >= SHORT_NAME &&
            (lethe_vocabulary_classes(word->folded, word->folded_size) & LETHE_WORD_MAKER) != 0) {
            status = put_word(ids, kind, utf8, word, true, error);
            note_maker(ids, kind, word);
            continue;
        }
        if ((word->ascii && word->folded_size < SHORT_NAME) || is_ordinary(word)) continue;
        status = put_word(ids, kind, utf8, word, false, error);
        telling = true;
    }
    if (status == LETHE_OK && words->count > 1 && words->count <= MOST_JOINED)
        status = put_joined(ids, kind, utf8, 0, words->count - 1, !telling, error);
    return status;
}

static lethe_status add_date(lethe_identifiers *ids, const char *utf8, lethe_error *error) {
    if (ids->words.count == 0) return LETHE_OK;
    const lethe_word *word = &ids->words.at[0];
    if (word->digits < 8) return LETHE_OK;
    const char *d = word->folded;
    lethe_status status = lethe_identifiers_put(ids, LETHE_ID_DATE, utf8 + word->start, 8, d, 8, false, error);
    /* As it is written by hand, without separators: DDMMYYYY, MMDDYYYY, DDMMYY. */
    const char forms[3][9] = {{d[6], d[7], d[4], d[5], d[0], d[1], d[2], d[3], 0},
                              {d[4], d[5], d[6], d[7], d[0], d[1], d[2], d[3], 0},
                              {d[6], d[7], d[4], d[5], d[2], d[3], 0}};
    for (int form = 0; form < 3 && status == LETHE_OK; form++)
        status = lethe_identifiers_put(ids, LETHE_ID_DATE, forms[form], strlen(forms[form]), forms[form], strlen(forms[form]), form == 2, error);
    return status;
}

/* The scripts of a name of the patient; a component group that is nothing but question marks was written by a character set that could not. */
static void note_scripts(lethe_identifiers *ids, const char *utf8, size_t size) {
    bool lost = false, letters = false;
    for (const char *at = utf8, *end = utf8 + size; at < end;) {
        uint32_t point = lethe_utf8_next(&at, end);
        ids->scripts |= lethe_script_of(point);
        lost = lost || point == '?' || point == 0xFFFD;
        letters = letters || (point != 0xFFFD && lethe_is_letter(point));
        if (point == '=' || at >= end) {
            ids->names_lost = ids->names_lost || (lost && !letters);
            lost = letters = false;
        }
    }
}

bool lethe_identifiers_tell_script(const lethe_identifiers *ids, unsigned script) { return !ids->names_lost && (ids->scripts & script) == script; }

lethe_status lethe_identifiers_add(lethe_identifiers *ids, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error) {
    if (size > LONGEST_BYTES) size = LONGEST_BYTES;
    if (kind == LETHE_ID_NAME) note_scripts(ids, utf8, size);
    lethe_status status = lethe_words_split(&ids->words, utf8, size, error);
    if (status != LETHE_OK || ids->words.count == 0) return status;
    switch (kind) {
    case LETHE_ID_NAME:
    case LETHE_ID_STAFF: return add_name(ids, kind, utf8, size, error);
    case LETHE_ID_NUMBER:
    case LETHE_ID_CONTACT:
    case LETHE_ID_DEVICE:
    case LETHE_ID_UID: return add_number(ids, kind, utf8, error);
    case LETHE_ID_INSTITUTION:
    case LETHE_ID_ADDRESS: return add_place(ids, kind, utf8, error);
    case LETHE_ID_DATE: return add_date(ids, utf8, error);
    }
    return LETHE_OK;
}

size_t lethe_identifiers_count(const lethe_identifiers *ids) { return ids->count; }
const lethe_identifier *lethe_identifiers_at(const lethe_identifiers *ids, size_t index) { return &ids->at[index]; }

/* '?' on either side stands for one letter, or two ("WEI?ENBORN" is "WEISSENBORN"). Goes as deep as there are question marks, 6 at most. */
static bool same_but_lost(const char *a, size_t a_size, const char *b, size_t b_size, unsigned same, unsigned lost) {
    while (a_size != 0 && b_size != 0 && *a != '?' && *b != '?') {
        if (*a != *b || (unsigned char)*a >= 0x80) return false;
        a++, b++, a_size--, b_size--, same++;
    }
    if (a_size == 0 || b_size == 0) return a_size == b_size && same + lost >= 3 && same >= 2;
    if (lost == 6) return false;
    return same_but_lost(a + 1, a_size - 1, b + 1, b_size - 1, same, lost + 1) ||
           (*a == '?' && b_size > 1 && same_but_lost(a + 1, a_size - 1, b + 2, b_size - 2, same, lost + 1)) ||
           (*b == '?' && a_size > 1 && same_but_lost(a + 2, a_size - 2, b + 1, b_size - 1, same, lost + 1));
}

/* A name whose letters were lost on one of the two sides: "LEF?VRE" is "LEFEVRE". */
static const lethe_identifier *find_lost(const lethe_identifiers *ids, const char *folded, size_t size) {
    if (size < 3 || size > 64) return NULL;
    for (size_t index = 0; index < ids->count; index++) {
        const lethe_identifier *id = &ids->at[index];
        size_t length = strlen(id->folded);
        if (id->kind <= LETHE_ID_STAFF && length <= 64 && length + 4 > size && size + 4 > length &&
            same_but_lost(id->folded, length, folded, size, 0, 0))
            return id;
    }
    return NULL;
}

const lethe_identifier *lethe_identifiers_find(const lethe_identifiers *ids, const char *folded, size_t size) {
    if (ids->count == 0 || size == 0) return NULL;
    uint32_t index = *find_slot(ids, folded, size);
    if (index != 0) return &ids->at[index - 1];
    return ids->has_lost || memchr(folded, '?', size) != NULL ? find_lost(ids, folded, size) : NULL;
}

/* --- matching --- */

/* Digits match as whole runs, zeros in front aside: 20000 does not stand in 120000, 8837261 stands in 008837261. */
static bool cuts_number(const lethe_word *word, const char *hit, size_t length) {
    const char *end = word->folded + word->folded_size, *before = hit;
    if (is_digit(hit[length - 1]) && hit + length < end && is_digit(hit[length])) return true;
    if (!is_digit(hit[0])) return false;
    while (before > word->folded && before[-1] == '0') before--;
    return before > word->folded && is_digit(before[-1]);
}

static const char *find_whole_numbers(const lethe_word *word, const char *folded, size_t length) {
    const char *at = word->folded, *end = word->folded + word->folded_size;
    for (const char *hit; (hit = memmem(at, (size_t)(end - at), folded, length)) != NULL; at = hit + 1)
        if (!cuts_number(word, hit, length)) return hit;
    return NULL;
}

const lethe_identifier *lethe_identifiers_inside(const lethe_identifiers *ids, const lethe_word *word, size_t *start, size_t *size) {
    if (ids->count == 0) return NULL;
    bool needed = (!word->ascii && ids->has_cjk) || word->folded_size >= 6;
    if (!needed) return NULL;
    for (size_t index = 0; index < ids->count; index++) {
        const lethe_identifier *id = &ids->at[index];
        if (id->common) continue;
        size_t length = strlen(id->folded);
        bool other_script = (unsigned char)id->folded[0] >= 0xE0;
        if (length >= word->folded_size || (!other_script && length < 5)) continue;
        const char *hit = find_whole_numbers(word, id->folded, length);
        if (hit == NULL) continue;
        *start = (size_t)(hit - word->folded);
        *size = length;
        return id;
    }
    return NULL;
}

const lethe_identifier *lethe_identifiers_match(const lethe_identifiers *ids, const lethe_words *words, size_t first, size_t *count) {
    const lethe_identifier *best = NULL;
    *count = 0;
    if (ids->count == 0) return NULL;
    char joined[256];
    size_t used = 0;
    bool spelled = true; /* "D U P O N T" */
    for (size_t at = first; at < words->count && (spelled || at < first + MOST_JOINED); at++) {
        const lethe_word *word = &words->at[at];
        spelled = spelled && word->letters + word->digits == 1;
        if (word->folded_size > sizeof joined - used) break;
        memcpy(joined + used, word->folded, word->folded_size);
        used += word->folded_size;
        const lethe_identifier *id = lethe_identifiers_find(ids, joined, used);
        if (id != NULL && (best == NULL || best->common || !id->common)) {
            best = id;
            *count = at - first + 1;
        }
    }
    return best;
}

bool lethe_identifiers_in_text(const lethe_identifiers *ids, const char *utf8, size_t size, lethe_identifier_kind *kind) {
    lethe_words words;
    bool found = false, after_common = false;
    if (ids->count == 0) return false;
    lethe_words_init(&words);
    if (lethe_words_split(&words, utf8, size, NULL) != LETHE_OK) {
        lethe_words_release(&words);
        if (kind != NULL) *kind = LETHE_ID_NAME;
        return true; /* cannot say no */
    }
    for (size_t at = 0; at < words.count && !found;) {
        size_t count, start, length;
        const lethe_identifier *id = lethe_identifiers_match(ids, &words, at, &count);
        if (id == NULL) id = lethe_identifiers_inside(ids, &words.at[at], &start, &length);
        bool name = id != NULL && (id->kind == LETHE_ID_NAME || id->kind == LETHE_ID_STAFF);
        found = id != NULL && (!id->common || (name && after_common));
        if (found && kind != NULL) *kind = id->kind;
        after_common = name;
        at += count == 0 ? 1 : count;
    }
    lethe_words_release(&words);
    return found;
}
