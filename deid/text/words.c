#include "deid/text/words.h"

#include "core/memory.h"
#include "core/text.h"
#include "deid/text/identifiers.h"
#include "deid/text/vocabulary.h"

#include <string.h>

enum { CAP_BYTES = 64 << 20 };

/* Base letters of U+00C0 to U+017F, two characters each; "  " = none. */
static const char latin[] = "A A A A A A AEC E E E E I I I I "
                            "D N O O O O O   O U U U U Y THSS"
                            "A A A A A A AEC E E E E I I I I "
                            "D N O O O O O   O U U U U Y THY "
                            "A A A A A A C C C C C C C C D D "
                            "D D E E E E E E E E E E G G G G "
                            "G G G G H H H H I I I I I I I I "
                            "I I IJIJJ J K K K L L L L L L L "
                            "L L L N N N N N N N N N O O O O "
                            "O O OEOER R R R R R S S S S S S "
                            "S S T T T T T T U U U U U U U U "
                            "U U U U W W Y Y Y Z Z Z Z Z Z S ";

static size_t put_base(uint32_t point, char out[4]) {
    const char *base = latin + (point - 0xC0) * 2;
    out[0] = base[0];
    if (base[1] == ' ') return base[0] == ' ' ? 0 : 1;
    out[1] = base[1];
    return 2;
}

/* Vietnamese and other Latin letters of U+1E00 to U+1EFF go by their neighbours in alphabetical order. */
static char latin_additional(uint32_t point) {
    static const struct {
        uint16_t last;
        char base;
    } runs[] = {{0x1E01, 'A'}, {0x1E07, 'B'}, {0x1E09, 'C'}, {0x1E13, 'D'}, {0x1E1D, 'E'}, {0x1E1F, 'F'}, {0x1E21, 'G'}, {0x1E2B, 'H'},
                {0x1E2F, 'I'}, {0x1E35, 'K'}, {0x1E3D, 'L'}, {0x1E43, 'M'}, {0x1E4B, 'N'}, {0x1E53, 'O'}, {0x1E57, 'P'}, {0x1E5F, 'R'},
                {0x1E69, 'S'}, {0x1E71, 'T'}, {0x1E7B, 'U'}, {0x1E7F, 'V'}, {0x1E89, 'W'}, {0x1E8D, 'X'}, {0x1E8F, 'Y'}, {0x1E95, 'Z'},
                {0x1E9F, 'S'}, {0x1EB7, 'A'}, {0x1EC7, 'E'}, {0x1ECB, 'I'}, {0x1EE3, 'O'}, {0x1EF1, 'U'}, {0x1EFF, 'Y'}};
    for (size_t row = 0; row < sizeof runs / sizeof runs[0]; row++) {
        if (point <= runs[row].last) return runs[row].base;
    }
    return 'Y';
}

/* Letters of U+0180 to U+025B in names: Pinyin, Romanian, Sami; with a horn (Vietnamese), a hook (Hausa), open and turned ones. */
static char latin_beyond(uint32_t point) {
    static const char run[] = "AAIIOOUUUUUUUUUUEAAAAAAGGGGKKOOOOZZJDDDGGHWNNAAAAOO"
                              "AAAAEEEEIIIIOOOORRRRUUUUSSTTGGHHNDOOZZAAEEOOOOOOOOYY"; /* from U+01CD */
    static const struct {
        uint16_t from, other;
        char base;
    } single[] = {{0x181, 0x253, 'B'}, {0x186, 0x254, 'O'}, {0x18A, 0x257, 'D'}, {0x18F, 0x259, 'E'}, {0x190, 0x25B, 'E'},
                  {0x198, 0x199, 'K'}, {0x1A0, 0x1A1, 'O'}, {0x1AF, 0x1B0, 'U'}, {0x1B3, 0x1B4, 'Y'}};
    if (point >= 0x1CD && point - 0x1CD < sizeof run - 1) return run[point - 0x1CD];
    for (size_t row = 0; row < sizeof single / sizeof *single; row++)
        if (single[row].from == point || single[row].other == point) return single[row].base;
    return '\0';
}

static size_t fold_point(uint32_t point, char out[4]) {
    if (point >= 0xC0 && point <= 0x17F) {
        if (point == 0xD7 || point == 0xF7) return lethe_utf8_put(point, out);
        if (point == 0x17F) return (out[0] = 'S', 1);
        return put_base(point, out);
    }
    if (point >= 0x1E00 && point <= 0x1EFF) return (out[0] = latin_additional(point), 1);
    if (point > 0x17F && point <= 0x25B && (out[0] = latin_beyond(point)) != '\0') return 1;
    if ((point >= 0x0300 && point <= 0x036F) || (point >= 0x200B && point <= 0x200F) || point == 0xAD || point == 0xFEFF)
        return 0;                             /* marks, invisible */
    if (point >= 0xFF01 && point <= 0xFF5E) { /* full-width ASCII */
        char plain = (char)(point - 0xFF01 + 0x21);
        out[0] = plain >= 'a' && plain <= 'z' ? (char)(plain - 32) : plain;
        return 1;
    }
    if (point == 0x386 || (point >= 0x388 && point <= 0x38F) || (point >= 0x3AC && point <= 0x3AF) || (point >= 0x3CC && point <= 0x3CE)) {
        static const struct {
            uint16_t from, to;
        } accents[] = {{0x386, 0x391}, {0x388, 0x395}, {0x389, 0x397}, {0x38A, 0x399}, {0x38C, 0x39F}, {0x38E, 0x3A5}, {0x38F, 0x3A9},
                       {0x3AC, 0x391}, {0x3AD, 0x395}, {0x3AE, 0x397}, {0x3AF, 0x399}, {0x3CC, 0x39F}, {0x3CD, 0x3A5}, {0x3CE, 0x3A9}};
        for (size_t row = 0; row < sizeof accents / sizeof accents[0]; row++) {
            if (accents[row].from == point) return lethe_utf8_put(accents[row].to, out);
        }
    }
    if (point >= 0x3B1 && point <= 0x3C9) return lethe_utf8_put(point == 0x3C2 ? 0x3A3 : point - 0x20, out); /* Greek */
    if (point >= 0x430 && point <= 0x44F) point -= 0x20;                                                     /* Cyrillic */
    if (point >= 0x450 && point <= 0x45F) point -= 0x50;
    if (point == 0x401) point = 0x415; /* Ё as Е */
    if (point == 0x419) point = 0x418; /* Й as И */
    return lethe_utf8_put(point, out);
}

size_t lethe_text_fold(const char *utf8, size_t size, char *out, size_t room) {
    size_t used = 0;
    const char *at = utf8, *end = utf8 + size;
    while (at < end) {
        char folded[4];
        size_t length = 1;
        if ((unsigned char)*at < 0x80) {
            folded[0] = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
            at++;
        } else {
            length = fold_point(lethe_utf8_next(&at, end), folded);
        }
        if (out != NULL) {
            if (length > room - used) break;
            memcpy(out + used, folded, length);
        }
        used += length;
    }
    return used;
}

bool lethe_is_letter(uint32_t point) {
    if (point < 0x80) return (point | 0x20) >= 'a' && (point | 0x20) <= 'z';
    if (point < 0xC0) return point == 0xAA || point == 0xB5 || point == 0xBA || point == 0xAD;
    if (point == 0xD7 || point == 0xF7 || point == 0xFFFD) return false;
    if (point >= 0x2000 && point <= 0x2BFF) return point >= 0x200B && point <= 0x200F; /* punctuation, symbols, arrows */
    if (point >= 0x3000 && point <= 0x3004) return false;
    if (point >= 0x3008 && point <= 0x3020) return false;
    if (point == 0x30FB || (point >= 0xFF00 && point <= 0xFF20) || (point >= 0xFF3B && point <= 0xFF40) || (point >= 0xFF5B && point <= 0xFF65))
        return false;
    return true;
}

unsigned lethe_script_of(uint32_t point) {
    static const struct {
        uint32_t first, last;
        unsigned script;
    } ranges[] = {{0x0370, 0x03FF, LETHE_SCRIPT_GREEK},
                  {0x0400, 0x052F, LETHE_SCRIPT_CYRILLIC},
                  {0x0590, 0x05FF, LETHE_SCRIPT_HEBREW},
                  {0x0600, 0x077F, LETHE_SCRIPT_ARABIC},
                  {0x0E00, 0x0E7F, LETHE_SCRIPT_THAI},
                  {0x1100, 0x11FF, LETHE_SCRIPT_HANGUL},
                  {0x1E00, 0x1EFF, 0},
                  {0x1F00, 0x1FFF, LETHE_SCRIPT_GREEK},
                  {0x3040, 0x312F, LETHE_SCRIPT_HAN},
                  {0x3130, 0x318F, LETHE_SCRIPT_HANGUL},
                  {0x31F0, 0x31FF, LETHE_SCRIPT_HAN},
                  {0x3400, 0x9FFF, LETHE_SCRIPT_HAN},
                  {0xAC00, 0xD7AF, LETHE_SCRIPT_HANGUL},
                  {0xF900, 0xFAFF, LETHE_SCRIPT_HAN},
                  {0xFB00, 0xFB06, 0},
                  {0xFB50, 0xFEFE, LETHE_SCRIPT_ARABIC},
                  {0xFF01, 0xFF5E, 0},
                  {0xFF66, 0xFF9F, LETHE_SCRIPT_HAN},
                  {0x20000, 0x3FFFF, LETHE_SCRIPT_HAN}};
    if (point < 0x370 || !lethe_is_letter(point)) return 0;
    for (size_t row = 0; row < sizeof ranges / sizeof ranges[0]; row++)
        if (point >= ranges[row].first && point <= ranges[row].last) return ranges[row].script;
    return LETHE_SCRIPT_OTHER;
}

void lethe_words_init(lethe_words *words) {
    *words = (lethe_words){0};
    lethe_buffer_init(&words->folded, CAP_BYTES);
}

void lethe_words_release(lethe_words *words) {
    if (words->folded.bytes != NULL) lethe_wipe(words->folded.bytes, words->folded.capacity);
    lethe_buffer_release(&words->folded);
    lethe_free(words->at);
    words->at = NULL;
    words->count = words->capacity = 0;
}

static lethe_status grow(lethe_words *words, lethe_error *error) {
    size_t capacity = words->capacity == 0 ? 64 : words->capacity * 2;
    lethe_word *at = lethe_realloc_array(words->at, capacity, sizeof *at);
    if (at == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for words");
    words->at = at;
    words->capacity = capacity;
    return LETHE_OK;
}

static void take_character(lethe_word *word, uint32_t point) {
    bool digit = point >= '0' && point <= '9';
    if (digit) {
        if (word->digits < UINT16_MAX) word->digits++;
        return;
    }
    bool lower = (point >= 'a' && point <= 'z') || (point >= 0xDF && point <= 0xFF) || (point >= 0x430 && point <= 0x45F) ||
                 (point >= 0x3AC && point <= 0x3CE) || (point >= 0x100 && point <= 0x17F && (point & 1) != 0);
    if (word->letters == 0) word->first_upper = !lower;
    if (lower) word->any_lower = true;
    if (word->letters < UINT16_MAX) word->letters++;
}

/* A character set that could not write a letter left a question mark in its place: "LEF?VRE". Between two words that the vocabulary knows it asks. */
static bool is_lost_letter(const char *text, size_t size, size_t at, size_t width) {
    size_t after = at + width, start = at, end = after;
    if (at == 0 || after >= size) return false;
    const char *next = text + after;
    if (!lethe_is_letter(lethe_utf8_next(&next, text + size)) ||
        ((unsigned char)text[at - 1] < 0x80 && !lethe_is_letter((unsigned char)text[at - 1])))
        return false;
    while (start > 0 && lethe_is_letter((unsigned char)text[start - 1])) start--;
    while (end < size && (unsigned char)text[end] < 0x80 && lethe_is_letter((unsigned char)text[end])) end++;
    char before[64], behind[64];
    if (at - start < 3 || end - after < 3 || at - start > sizeof before || end - after > sizeof behind) return true;
    (void)lethe_text_fold(text + start, at - start, before, sizeof before);
    (void)lethe_text_fold(text + after, end - after, behind, sizeof behind);
    return lethe_vocabulary_classes(before, at - start) == LETHE_WORD_UNKNOWN || lethe_vocabulary_classes(behind, end - after) == LETHE_WORD_UNKNOWN;
}

/* The same at the beginning of a word that nobody knows without it: "?elebio?lu". */
static bool is_lost_first_letter(const char *text, size_t size, size_t at) {
    size_t start = at + ((unsigned char)text[at] >= 0x80 ? 3 : 1), end = start;
    if (at != 0 && (lethe_is_letter((unsigned char)text[at - 1]) || (text[at - 1] >= '0' && text[at - 1] <= '9'))) return false;
    while (end < size && (unsigned char)text[end] < 0x80 && lethe_is_letter((unsigned char)text[end])) end++;
    char folded[64];
    if (end - start < 3 || end - start > sizeof folded) return false;
    (void)lethe_text_fold(text + start, end - start, folded, sizeof folded);
    return lethe_vocabulary_classes(folded, end - start) == LETHE_WORD_UNKNOWN;
}

lethe_status lethe_words_split(lethe_words *words, const char *utf8, size_t size, lethe_error *error) {
    words->count = 0;
    lethe_buffer_clear(&words->folded);
    uint8_t *room;
    /* Folding makes at most 2 bytes of 2, and 1 of 1: it never grows beyond the text and a half. */
    lethe_status status = lethe_buffer_extend(&words->folded, size + size / 2 + 8, &room, error);
    if (status != LETHE_OK) return status;
    char *folded = (char *)room;
    const char *at = utf8, *end = utf8 + size;
    while (at < end) {
        const char *start = at;
        uint32_t point = (unsigned char)*at < 0x80 ? (uint32_t)(unsigned char)*at++ : lethe_utf8_next(&at, end);
        bool digit = point >= '0' && point <= '9';
        if (!digit && (point == '?' || point == 0xFFFD) && is_lost_first_letter(utf8, size, (size_t)(start - utf8))) point = '?';
        else if (!digit && !lethe_is_letter(point)) continue;
        if (words->count == words->capacity) {
            status = grow(words, error);
            if (status != LETHE_OK) return status;
        }
        lethe_word *word = &words->at[words->count];
        *word = (lethe_word){.start = (size_t)(start - utf8), .folded = folded, .ascii = true};
        for (;;) {
            take_character(word, point);
            if (point >= 0x80) word->ascii = false;
            size_t length = 1;
            if (point < 0x80) *folded = point >= 'a' && point <= 'z' ? (char)(point - 32) : (char)point;
            else length = fold_point(point, folded);
            folded += length;
            word->size = (size_t)(at - utf8) - word->start;
            if (at >= end) break;
            const char *next = at;
            point = (unsigned char)*next < 0x80 ? (uint32_t)(unsigned char)*next++ : lethe_utf8_next(&next, end);
            if (point == '?' || point == 0xFFFD) {
                size_t width = (size_t)(next - at); /* two in a row are the two bytes of one letter: "LEF??VRE" */
                if ((size_t)(end - next) > width && memcmp(next, at, width) == 0) next += width;
                if (!is_lost_letter(utf8, size, (size_t)(at - utf8), (size_t)(next - at))) break;
                point = '?';
            } else if (!(point >= '0' && point <= '9') && !lethe_is_letter(point)) {
                break;
            }
            at = next;
        }
        word->folded_size = (uint32_t)(folded - word->folded);
        if (word->folded_size != 0) words->count++;
    }
    return LETHE_OK;
}
