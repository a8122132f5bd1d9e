#include "deid/audit.h"

#include "core/memory.h"
#include "core/text.h"
#include "deid/audit_memo.h"
#include "deid/audit_walk.h"
#include "deid/matcher.h"
#include "deid/text/identifiers_internal.h"
#include "deid/text/vocabulary.h"
#include "imaging/dicom/dictionary.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_VALUE = 4096, LONGEST_MAKER = 64 };

typedef enum writing { AS_IS, AS_LATIN, AS_PLAIN, AS_UTF16LE, AS_UTF16BE, AS_BASE64, AS_OTHER_ORDER, WRITINGS } writing;

struct lethe_audit {
    lethe_matcher *matcher;
    lethe_audit_memo *memo;
    lethe_buffer allowed;    /* values, each ended by a newline */
    bool allowed_bytes[256]; /* letters in lower case: what begins with another byte stands in none of them */
    lethe_buffer inflated;
    uint32_t found_tag;
    const uint8_t *exempt; /* borrowed */
    size_t exempt_size;
};

static const char *const kind_names[LETHE_AUDIT_KINDS] = {"name", "known identifier", "removed value", "date", "UID"};
static const char *const writing_names[WRITINGS] = {"as it was", "in Latin-1", "without accents", "in UTF-16",
                                                    "in UTF-16", "in base64",  "in another order"};

lethe_status lethe_audit_create(lethe_audit **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    if (*out == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an audit");
    lethe_buffer_init(&(*out)->inflated, 1u << 30);
    lethe_buffer_init(&(*out)->allowed, 16u << 20);
    (*out)->memo = lethe_audit_memo_create();
    lethe_status status =
        (*out)->memo == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for an audit") : lethe_matcher_create(&(*out)->matcher, error);
    if (status != LETHE_OK) {
        lethe_audit_destroy(*out);
        *out = NULL;
    }
    return status;
}

void lethe_audit_destroy(lethe_audit *audit) {
    if (audit == NULL) return;
    lethe_matcher_destroy(audit->matcher);
    lethe_audit_memo_destroy(audit->memo);
    lethe_buffer_release(&audit->inflated);
    lethe_buffer_release(&audit->allowed);
    lethe_free(audit);
}

void lethe_audit_reset(lethe_audit *audit) {
    if (!lethe_matcher_sleep(audit->matcher)) lethe_audit_memo_clear(audit->memo);
    lethe_buffer_clear(&audit->allowed);
    memset(audit->allowed_bytes, 0, sizeof audit->allowed_bytes);
    audit->exempt = NULL;
    audit->exempt_size = 0;
}

void lethe_audit_exempt(lethe_audit *audit, const void *bytes, size_t size) {
    audit->exempt = bytes;
    audit->exempt_size = size;
}

uint32_t lethe_audit_found_tag(const lethe_audit *audit) { return audit->found_tag; }

size_t lethe_audit_pattern_count(const lethe_audit *audit) { return lethe_matcher_count(audit->matcher); }

lethe_status lethe_audit_allow(lethe_audit *audit, const void *bytes, size_t size, lethe_error *error) {
    for (size_t i = 0; i < size; i++) {
        uint8_t c = ((const uint8_t *)bytes)[i];
        audit->allowed_bytes[c >= 'A' && c <= 'Z' ? c | 0x20 : c] = true;
    }
    lethe_status status = lethe_buffer_append(&audit->allowed, bytes, size, error);
    return status == LETHE_OK ? lethe_buffer_append(&audit->allowed, "\n", 1, error) : status;
}

static bool is_allowed(const lethe_audit *a, const char *text, size_t size) {
    const char *at = (const char *)a->allowed.bytes;
    char first = (char)(text[0] >= 'A' && text[0] <= 'Z' ? text[0] | 0x20 : text[0]);
    if (!a->allowed_bytes[(uint8_t)first]) return false;
    for (const char *end = at + a->allowed.size; at != NULL && (size_t)(end - at) >= size; at++) {
        if (*at != first && (*at | 0x20) != first) continue;
        if (strncasecmp(at, text, size) == 0) return true;
    }
    return false;
}

/* --- writings of a value --- */

static lethe_status put(lethe_audit *a, const void *bytes, size_t size, unsigned stride, unsigned flags, lethe_audit_kind kind, writing how,
                        lethe_error *error) {
    uint16_t label = (uint16_t)(kind * WRITINGS + how);
    uint32_t index;
    lethe_status status = lethe_matcher_add(a->matcher, bytes, size, stride, flags, label, &index, error);
    if (index != UINT32_MAX) lethe_audit_memo_note(a->memo, index, label);
    return status;
}

/* The letter without its accent for Latin-1 and Latin Extended-A, two letters for ligatures; 0 when there is none. */
static const char *without_accent(uint32_t c) {
    static const char *const latin1[] = {"A", "A", "A", "A", "A", "A", "AE", "C",  "E", "E", "E", "E", "I", "I", "I",  "I",
                                         "D", "N", "O", "O", "O", "O", "O",  NULL, "O", "U", "U", "U", "U", "Y", "TH", "ss"};
    static const char extended[] =
        "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi??JjKk?LlLlLlLlLlNnNnNn???OoOoOo??RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
    static _Thread_local char one[2];
    if (c >= 0xC0 && c <= 0xDF) return latin1[c - 0xC0];
    if (c >= 0xE0 && c <= 0xFF) return c == 0xFF ? "Y" : latin1[c - 0xE0];
    if (c >= 0x100 && c < 0x100 + sizeof extended - 1 && extended[c - 0x100] != '?') {
        one[0] = extended[c - 0x100];
        return one;
    }
    if (c == 0x152 || c == 0x153) return "OE";
    return NULL;
}

/* The other case of a letter with an accent, of Greek and of Cyrillic; the same code point when there is none. */
static uint32_t other_case(uint32_t c) {
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) return c + 0x20;
    if ((c >= 0xE0 && c <= 0xFE && c != 0xF7) || (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) || (c >= 0x430 && c <= 0x44F)) return c - 0x20;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c ^ 1;
    if (c >= 0x400 && c <= 0x40F) return c + 0x50;
    if (c >= 0x450 && c <= 0x45F) return c - 0x50;
    return c;
}

static bool is_upper(uint32_t c) {
    return (c >= 0xC0 && c <= 0xDE) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x400 && c <= 0x42F) || (c >= 0x100 && c <= 0x177 && (c & 1) == 0);
}

typedef struct forms {
    uint8_t latin[LONGEST_VALUE], plain[2 * LONGEST_VALUE], utf16[2 * LONGEST_VALUE], upper[4 * LONGEST_VALUE], lower[4 * LONGEST_VALUE];
    uint8_t latin_upper[LONGEST_VALUE], latin_lower[LONGEST_VALUE];
    size_t latin_size, plain_size, utf16_size, upper_size, lower_size;
    bool ascii, latin_valid, bmp;
} forms;

static void make_forms(const char *utf8, size_t size, forms *f) {
    f->latin_size = f->plain_size = f->utf16_size = f->upper_size = f->lower_size = 0;
    f->ascii = f->latin_valid = f->bmp = true;
    for (const char *at = utf8, *end = utf8 + size; at < end;) {
        uint32_t c = lethe_utf8_next(&at, end), swapped = other_case(c);
        uint32_t up = is_upper(c) ? c : swapped, down = is_upper(c) ? swapped : c;
        if (c >= 0x80) f->ascii = false;
        if (c > 0xFF) f->latin_valid = false;
        if (c > 0xFFFF) f->bmp = false;
        f->latin_upper[f->latin_size] = (uint8_t)up;
        f->latin_lower[f->latin_size] = (uint8_t)down;
        f->latin[f->latin_size++] = (uint8_t)c;
        f->utf16[f->utf16_size++] = (uint8_t)c;
        f->utf16[f->utf16_size++] = (uint8_t)(c >> 8);
        f->upper_size += lethe_utf8_put(up, (char *)f->upper + f->upper_size);
        f->lower_size += lethe_utf8_put(down, (char *)f->lower + f->lower_size);
        const char *base = without_accent(c);
        if (base == NULL) f->plain_size += lethe_utf8_put(c, (char *)f->plain + f->plain_size);
        for (; base != NULL && *base != '\0'; base++) f->plain[f->plain_size++] = (uint8_t)*base;
    }
}

/* The part of a base64 text that does not depend on what stands around the value, for its three alignments. */
static lethe_status put_base64(lethe_audit *a, const uint8_t *bytes, size_t size, lethe_audit_kind kind, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t skip = 0; skip < 3 && status == LETHE_OK; skip++) {
        size_t first = (3 - skip) % 3, whole = size > first ? (size - first) / 3 * 3 : 0;
        if (whole < 6) continue;
        lethe_buffer text;
        lethe_buffer_init(&text, 2 * LONGEST_VALUE);
        status = lethe_base64(bytes + first, whole, &text, error);
        if (status == LETHE_OK) status = put(a, text.bytes, text.size, 1, LETHE_MATCH_EXACT | LETHE_MATCH_ANYWHERE, kind, AS_BASE64, error);
        lethe_buffer_release(&text);
    }
    return status;
}

/* Every writing of a text in one order. */
static lethe_status put_writings(lethe_audit *a, const char *text, size_t size, lethe_audit_kind kind, writing how, lethe_error *error) {
    lethe_status status = put(a, text, size, 1, 0, kind, how, error);
    if (!lethe_utf8_is_valid(text, size)) return status; /* raw bytes of another character set */
    static _Thread_local forms f;
    make_forms(text, size, &f);
    if (status == LETHE_OK && !f.ascii) {
        status = put(a, f.upper, f.upper_size, 1, 0, kind, how, error);
        if (status == LETHE_OK) status = put(a, f.lower, f.lower_size, 1, 0, kind, how, error);
        if (status == LETHE_OK) status = put(a, f.plain, f.plain_size, 1, 0, kind, AS_PLAIN, error);
        if (f.latin_valid) {
            if (status == LETHE_OK) status = put(a, f.latin, f.latin_size, 1, 0, kind, AS_LATIN, error);
            if (status == LETHE_OK) status = put(a, f.latin_upper, f.latin_size, 1, 0, kind, AS_LATIN, error);
            if (status == LETHE_OK) status = put(a, f.latin_lower, f.latin_size, 1, 0, kind, AS_LATIN, error);
        }
    }
    if (status == LETHE_OK && f.bmp) {
        status = put(a, f.utf16, f.utf16_size, 2, 0, kind, AS_UTF16LE, error);
        for (size_t i = 0; i + 1 < f.utf16_size; i += 2) {
            uint8_t low = f.utf16[i];
            f.utf16[i] = f.utf16[i + 1];
            f.utf16[i + 1] = low;
        }
        if (status == LETHE_OK) status = put(a, f.utf16, f.utf16_size, 2, 0, kind, AS_UTF16BE, error);
    }
    if (status == LETHE_OK) status = put_base64(a, (const uint8_t *)text, size, kind, error);
    if (status == LETHE_OK && !f.ascii && f.latin_valid) status = put_base64(a, f.latin, f.latin_size, kind, error);
    return status;
}

static lethe_status put_text(lethe_audit *a, const char *text, size_t size, lethe_audit_kind kind, writing how, lethe_error *error) {
    if (size > LONGEST_VALUE / 4) size = LONGEST_VALUE / 4; /* a long text is recognised by its start */
    return put_writings(a, text, size, kind, how, error);
}

/* How a value becomes patterns: remembered as a whole, since most values of a series come again in its next file. */
typedef lethe_status (*spell_fn)(lethe_audit *a, lethe_audit_kind kind, const char *text, size_t size, lethe_error *error);
static lethe_status spell_once(lethe_audit *a, spell_fn spell, unsigned which, lethe_audit_kind kind, const char *text, size_t size,
                               lethe_error *error) {
    uint16_t label = (uint16_t)(which * LETHE_AUDIT_KINDS + kind);
    if (lethe_audit_memo_replay(a->memo, a->matcher, text, size, label)) return LETHE_OK;
    lethe_audit_memo_start(a->memo);
    lethe_status status = spell(a, kind, text, size, error);
    if (status == LETHE_OK) lethe_audit_memo_finish(a->memo, text, size, label);
    return status;
}

/* --- kinds --- */

/* Words that Lethe writes into every output, or that say that there is no name. */
static bool own_word(const char *text, size_t size) {
    static const char *const words[] = {"yes",
                                        "dcm",
                                        "lethe",
                                        "dicom",
                                        "ps3",
                                        "annex",
                                        "profile",
                                        "basic",
                                        "application",
                                        "confidentiality",
                                        "clean",
                                        "pixel",
                                        "data",
                                        "option",
                                        "graphics",
                                        "structured",
                                        "content",
                                        "descriptors",
                                        "retain",
                                        "longitudinal",
                                        "temporal",
                                        "information",
                                        "full",
                                        "dates",
                                        "modified",
                                        "patient",
                                        "characteristics",
                                        "device",
                                        "identity",
                                        "uids",
                                        "safe",
                                        "private",
                                        "institution",
                                        "research",
                                        "challenge",
                                        "removed",
                                        "unmodified",
                                        "anonymized",
                                        "99lethe",
                                        "derived",
                                        "anonymous",
                                        "anonymised",
                                        "anonymize",
                                        "anonymise",
                                        "anon",
                                        "unknown",
                                        "none",
                                        "null",
                                        "noname",
                                        "nobody",
                                        "test",
                                        "name",
                                        "original",
                                        "primary",
                                        "secondary",
                                        "axial",
                                        "other",
                                        "iso_ir",
                                        "ansi"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i][0] == (text[0] | 0x20) && strlen(words[i]) == size && strncasecmp(words[i], text, size) == 0) return true;
    return false;
}

static bool all_digits(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9') return false;
    return true;
}

static size_t count_letters(const char *text, size_t size) {
    size_t letters = 0;
    for (const char *at = text, *end = text + size; at < end;) {
        uint32_t c = lethe_utf8_next(&at, end);
        letters += c >= 0x80 || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }
    return letters;
}

static size_t count_digits(const char *text, size_t size) {
    size_t digits = 0;
    for (size_t i = 0; i < size; i++) digits += text[i] >= '0' && text[i] <= '9';
    return digits;
}

enum { SPELL_WORD, SPELL_PAIR, SPELL_DATE, SPELL_UID };

static lethe_status spell_word(lethe_audit *a, lethe_audit_kind kind, const char *text, size_t size, lethe_error *error) {
    if (own_word(text, size)) return LETHE_OK;
    bool digits = all_digits(text, size);
    if (digits ? size < 5 : size < 6 && count_letters(text, size) < 3) return LETHE_OK;
    /* A whole removed value: without digits and short it is a description that may stand elsewhere by right ("ABDOMEN"); names come as words. */
    if (kind == LETHE_AUDIT_TEXT && size < 12 && count_digits(text, size) < 2) return LETHE_OK;
    return put_text(a, text, size, kind, AS_IS, error);
}

static lethe_status add_word(lethe_audit *a, lethe_audit_kind kind, const char *text, size_t size, lethe_error *error) {
    while (size != 0 && (text[0] == ' ' || text[0] == '\0')) text++, size--;
    while (size != 0 && (text[size - 1] == ' ' || text[size - 1] == '\0')) size--;
    return size < 3 || is_allowed(a, text, size) ? LETHE_OK : spell_once(a, spell_word, SPELL_WORD, kind, text, size, error);
}

/* Family and given name, the first two components: in both orders with the usual separators. */
static lethe_status spell_pair(lethe_audit *a, lethe_audit_kind kind, const char *text, size_t size, lethe_error *error) {
    static const char *const separators[] = {"^", " ", ", ", "_", "-", ".", ""};
    const char *hat = memchr(text, '^', size);
    lethe_status status = LETHE_OK;
    if (hat == NULL) return LETHE_OK;
    int family = (int)(hat - text), given = (int)(size - (size_t)family - 1);
    for (size_t i = 0; i < sizeof separators / sizeof *separators && status == LETHE_OK && family + given < 200; i++) {
        char pair[256];
        int length = snprintf(pair, sizeof pair, "%.*s%s%.*s", family, text, separators[i], given, hat + 1);
        if (length >= 6) status = put_text(a, pair, (size_t)length, kind, AS_IS, error);
        length = snprintf(pair, sizeof pair, "%.*s%s%.*s", given, hat + 1, separators[i], family, text);
        if (status == LETHE_OK && length >= 6) status = put_text(a, pair, (size_t)length, kind, AS_OTHER_ORDER, error);
    }
    return status;
}

/* Nothing but a maker of devices ("Lunit Inc.", "PHILIPS"): it stands in Manufacturer by right, whoever is called so too (adr/0305). */
static bool is_maker(const char *text, size_t size) {
    lethe_words words;
    bool maker = false, other = size == 0 || size > LONGEST_MAKER;
    lethe_words_init(&words);
    other = other || lethe_words_split(&words, text, size, NULL) != LETHE_OK;
    for (size_t at = 0; at < words.count && !other; at++) {
        const lethe_word *word = &words.at[at];
        if ((lethe_vocabulary_classes(word->folded, word->folded_size) & LETHE_WORD_MAKER) != 0) maker = true;
        else other = !lethe_identifiers_is_trade_word(word);
    }
    lethe_words_release(&words);
    return maker && !other;
}

/* "DUPONT^MARIE": the pair in both orders with the usual separators (the words alone come as known identifiers). */
static lethe_status add_name(lethe_audit *a, const char *text, size_t size, lethe_error *error) {
    lethe_status status = LETHE_OK;
    const char *end = text + size;
    for (const char *group = text; group < end && status == LETHE_OK;) {
        const char *stop = group;
        while (stop < end && *stop != '=' && *stop != '\\') stop++;
        const char *hat = memchr(group, '^', (size_t)(stop - group));
        const char *given_end = hat == NULL ? NULL : memchr(hat + 1, '^', (size_t)(stop - hat - 1));
        if (given_end == NULL) given_end = stop;
        while (given_end > group && (given_end[-1] == ' ' || given_end[-1] == '\0')) given_end--;
        if (hat == NULL || hat == group || given_end <= hat + 1) {
            if (!is_maker(group, (size_t)(stop - group))) status = add_word(a, LETHE_AUDIT_NAME, group, (size_t)(stop - group), error);
        } else {
            status = spell_once(a, spell_pair, SPELL_PAIR, LETHE_AUDIT_NAME, group, (size_t)(given_end - group), error);
        }
        group = stop + 1;
    }
    return status;
}

static lethe_status spell_date(lethe_audit *a, lethe_audit_kind kind, const char *text, size_t size, lethe_error *error) {
    (void)kind;
    (void)size;
    if (memcmp(text, "1900", 4) == 0 || memcmp(text, "0000", 4) == 0 || memcmp(text, "99991231", 8) == 0) return LETHE_OK; /* no date at all */
    lethe_status status = put_text(a, text, 8, LETHE_AUDIT_DATE, AS_IS, error);
    static const char *const patterns[] = {"D/M/Y", "D-M-Y", "D.M.Y", "Y-M-D", "Y/M/D", "Y.M.D", "M/D/Y"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns && status == LETHE_OK; i++) {
        char written[16];
        size_t length = 0;
        for (const char *p = patterns[i]; *p != '\0'; p++) {
            if (*p == 'Y') memcpy(written + length, text, 4), length += 4;
            else if (*p == 'M') memcpy(written + length, text + 4, 2), length += 2;
            else if (*p == 'D') memcpy(written + length, text + 6, 2), length += 2;
            else written[length++] = *p;
        }
        status = put(a, written, length, 1, 0, LETHE_AUDIT_DATE, AS_OTHER_ORDER, error);
    }
    return status;
}

static lethe_status add_date(lethe_audit *a, const char *text, size_t size, lethe_error *error) {
    if (size < 8 || !all_digits(text, 8) || is_allowed(a, text, 8)) return LETHE_OK;
    return spell_once(a, spell_date, SPELL_DATE, LETHE_AUDIT_DATE, text, 8, error);
}

static lethe_status spell_uid(lethe_audit *a, lethe_audit_kind kind, const char *text, size_t size, lethe_error *error) {
    return put_text(a, text, size, kind, AS_IS, error);
}

lethe_status lethe_audit_add(lethe_audit *audit, lethe_audit_kind kind, const void *bytes, size_t size, lethe_error *error) {
    const char *text = bytes;
    while (size != 0 && (text[size - 1] == ' ' || text[size - 1] == '\0')) size--;
    while (size != 0 && text[0] == ' ') text++, size--;
    lethe_status status = LETHE_OK;
    switch (kind) {
    case LETHE_AUDIT_NAME: return add_name(audit, text, size, error);
    case LETHE_AUDIT_WORD: return add_word(audit, kind, text, size, error);
    case LETHE_AUDIT_TEXT:
    case LETHE_AUDIT_DATE:
    case LETHE_AUDIT_UID:
        for (const char *end = text + size; text < end && status == LETHE_OK;) {
            const char *stop = memchr(text, '\\', (size_t)(end - text));
            size_t length = (size_t)((stop != NULL ? stop : end) - text);
            if (kind == LETHE_AUDIT_DATE) status = add_date(audit, text, length, error);
            else if (kind == LETHE_AUDIT_UID && length >= 10 && !is_allowed(audit, text, length))
                status = spell_once(audit, spell_uid, SPELL_UID, kind, text, length, error);
            else if (kind == LETHE_AUDIT_TEXT && length >= 6 && !is_maker(text, length)) status = add_word(audit, kind, text, length, error);
            text = stop != NULL ? stop + 1 : end;
        }
        return status;
    default: return LETHE_OK;
    }
}

/* --- searching --- */

typedef struct survey {
    uint64_t at;  /* looked for */
    uint32_t tag; /* of the deepest element that holds it */
    uint16_t vr;
    uint64_t value_from, value_to;
    bool identity_removed, method;
    const lethe_audit *audit;
    uint64_t exempt_from, exempt_to; /* (0400,0520) with the bytes of lethe_audit_exempt */
    lethe_error *error;
} survey;

static lethe_status check_element(void *context, const lethe_audit_layout *layout, const lethe_audit_element *e, lethe_error *error) {
    survey *s = context;
    if ((e->tag & 0xFFFF) == 0) return lethe_fail(error, LETHE_UNSAFE, "audit: group length (%04x,0000) left in the output", e->tag >> 16);
    if (e->tag == 0xFFFCFFFCu || e->tag == 0xFFFAFFFAu) return lethe_fail(error, LETHE_UNSAFE, "audit: padding or signature left in the output");
    if (e->depth == 0 && e->tag == 0x00120062u) s->identity_removed = e->value_bytes >= 3 && memcmp(layout->bytes + e->value_offset, "YES", 3) == 0;
    if (e->depth == 0 && (e->tag == 0x00120063u || e->tag == 0x00120064u)) s->method = true;
    if (e->tag == 0x04000520u && e->depth == 1 && s->audit->exempt_size != 0 && e->value_bytes == s->audit->exempt_size &&
        memcmp(layout->bytes + e->value_offset, s->audit->exempt, s->audit->exempt_size) == 0) {
        s->exempt_from = e->value_offset;
        s->exempt_to = e->value_offset + e->value_bytes;
    }
    return LETHE_OK;
}

static lethe_status locate(void *context, const lethe_audit_layout *layout, const lethe_audit_element *e, lethe_error *error) {
    (void)layout;
    (void)error;
    survey *s = context;
    if (e->offset > s->at) return LETHE_OK;
    s->tag = e->tag;
    s->vr = e->vr != 0 ? e->vr : lethe_dictionary_vr(e->tag, NULL);
    s->value_from = e->value_offset;
    s->value_to = e->value_offset + e->value_bytes;
    return LETHE_OK;
}

static bool digit_at(const lethe_audit_layout *layout, uint64_t at) {
    return at < layout->size && layout->bytes[at] >= '0' && layout->bytes[at] <= '9';
}

/* Five to seven digits before or after the point of a decimal: among the coordinates of a structure set every such number comes up by chance. A
 * longer one does not, and one that stands alone is an identifier. */
static bool is_piece_of_decimal(const lethe_audit_layout *layout, uint64_t at) {
    uint64_t end = at;
    while (digit_at(layout, end)) end++;
    if (end - at < 5 || end - at > 7) return false;
    bool after_point = at >= 2 && layout->bytes[at - 1] == '.' && digit_at(layout, at - 2);
    bool before_point = end + 1 < layout->size && layout->bytes[end] == '.' && digit_at(layout, end + 1) && layout->bytes[end + 1] != '0';
    return after_point || before_point;
}

/* First hit in [from, to) that counts; the element that holds it is in `s`. `file` is what the layout was made of. */
static bool find_hit(lethe_audit *audit, const uint8_t *file, uint64_t file_size, lethe_audit_layout *layout, uint64_t from, uint64_t to, survey *s,
                     lethe_match *match) {
    *match = (lethe_match){0};
    while (lethe_matcher_find(audit->matcher, layout->bytes, layout->size, from, to, match)) {
        s->at = match->offset;
        if (s->at < s->value_from || s->at >= s->value_to) {
            lethe_buffer_clear(&audit->inflated);
            if (lethe_audit_walk(file, file_size, &audit->inflated, layout, locate, s, NULL) != LETHE_OK) return true;
        }
        if (s->vr != LETHE_VR_DS || !is_piece_of_decimal(layout, s->at)) return true;
    }
    return false;
}

static lethe_status found(const lethe_match *match, uint32_t tag, lethe_error *error) {
    return lethe_fail(error, LETHE_UNSAFE, "audit: a %s stands %s in (%04x,%04x), offset %llu of the output",
                      kind_names[match->label / WRITINGS % LETHE_AUDIT_KINDS], writing_names[match->label % WRITINGS], tag >> 16, tag & 0xFFFF,
                      (unsigned long long)match->offset);
}

lethe_status lethe_audit_dicom(lethe_audit *audit, const uint8_t *bytes, uint64_t size, lethe_error *error) {
    survey s = {.audit = audit, .error = error};
    audit->found_tag = 0;
    lethe_audit_layout layout;
    lethe_buffer_clear(&audit->inflated);
    lethe_status status = lethe_audit_walk(bytes, size, &audit->inflated, &layout, check_element, &s, error);
    if (status != LETHE_OK) return status;
    for (size_t i = 0; i < 128; i++)
        if (bytes[i] != 0) return lethe_fail(error, LETHE_UNSAFE, "audit: the preamble is not empty");
    if (!s.identity_removed || !s.method)
        return lethe_fail(error, LETHE_UNSAFE, "audit: (0012,0062) Patient Identity Removed or its method is missing");
    lethe_match match;
    uint64_t text_to = layout.pixel_to == 0 ? layout.size : layout.pixel_from;
    uint64_t pixel_to = layout.pixel_to;
    bool hit = find_hit(audit, bytes, size, &layout, 0, s.exempt_to == 0 ? text_to : s.exempt_from, &s, &match);
    if (!hit && s.exempt_to != 0) hit = find_hit(audit, bytes, size, &layout, s.exempt_to, text_to, &s, &match);
    if (!hit && pixel_to != 0) hit = find_hit(audit, bytes, size, &layout, pixel_to, layout.size, &s, &match);
    if (!hit) return LETHE_OK;
    audit->found_tag = s.tag;
    return found(&match, s.tag, error);
}

lethe_status lethe_audit_bytes(lethe_audit *audit, const uint8_t *bytes, uint64_t size, lethe_error *error) {
    lethe_match match = {0};
    return lethe_matcher_find(audit->matcher, bytes, size, 0, size, &match) ? found(&match, 0, error) : LETHE_OK;
}
