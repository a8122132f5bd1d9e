/* Free text: remove what identifies, keep what describes (PS3.15 E.3.5 Clean Descriptors). docs/free-text.md says how it decides.
 *
 * Known identifiers first, then patterns (numbers with check digits, telephone, mail, addresses, titles with names, dates), then a vocabulary of
 * technical words. Layer: deid. Thread rule: one thread at a time per cleaner. */
#ifndef LETHE_DEID_TEXT_H
#define LETHE_DEID_TEXT_H

#include "core/buffer.h"
#include "core/error.h"
#include "deid/text/identifiers.h"
#include "imaging/dicom/charset.h"
#include "imaging/dicom/dataset.h"

typedef enum lethe_text_mode {
    LETHE_TEXT_STRICT = 0, /* `challenge`: a word that is in no list is removed; dates are removed */
    LETHE_TEXT_RESEARCH,   /* a word that is in no list is judged by its shape and its neighbours; dates are shifted when shift_days is not 0 */
    LETHE_TEXT_PRODUCT     /* what names a device or a program: revisions, addresses of source code and unknown words stay; what is known to identify,
                              dates, names with a title, numbers with a key, mail addresses and telephone numbers go as in research */
} lethe_text_mode;

typedef enum lethe_text_reason {
    LETHE_TEXT_KNOWN = 1 << 0,   /* an identifier of this patient or study */
    LETHE_TEXT_TITLE = 1 << 1,   /* Dr, Mme ... and the words after it */
    LETHE_TEXT_NUMBER = 1 << 2,  /* NIR, IPP, RPPS, FINESS, a long number */
    LETHE_TEXT_CONTACT = 1 << 3, /* telephone, mail, URL */
    LETHE_TEXT_ADDRESS = 1 << 4,
    LETHE_TEXT_DATE = 1 << 5,
    LETHE_TEXT_NAME = 1 << 6,       /* a first name or family name of the lists, or what stands where a name stands */
    LETHE_TEXT_UNKNOWN = 1 << 7,    /* in no list (strict) */
    LETHE_TEXT_UNREADABLE = 1 << 8, /* bytes that the character set does not know */
    LETHE_TEXT_SCRIPT = 1 << 9      /* a word in a script in which the patient's name is not known: nobody can say that it is not the name */
} lethe_text_reason;

typedef struct lethe_text_change {
    lethe_text_reason reason;
    size_t start, size; /* in the input */
} lethe_text_change;

typedef struct lethe_text_result {
    bool changed;
    unsigned reasons;              /* lethe_text_reason, or-ed */
    unsigned removed, shifted;     /* pieces */
    lethe_text_change changes[16]; /* the first of them */
    unsigned change_count;
} lethe_text_result;

typedef struct lethe_text_cleaner lethe_text_cleaner;

/* `identifiers` are borrowed and may be refilled between calls; NULL: patterns and vocabulary only. `shift_days` 0 removes dates. */
LETHE_NODISCARD lethe_status lethe_text_cleaner_create(const lethe_identifiers *identifiers, lethe_text_cleaner **out, lethe_error *error);
void lethe_text_cleaner_destroy(lethe_text_cleaner *cleaner);
void lethe_text_cleaner_set_shift(lethe_text_cleaner *cleaner, int32_t shift_days);
/* Words that this project wants kept ("ACRIN"), one at a time; known identifiers go all the same. */
LETHE_NODISCARD lethe_status lethe_text_cleaner_keep_word(lethe_text_cleaner *cleaner, const char *word, lethe_error *error);

/* Append the cleaned text. Spaces and punctuation that a removal leaves behind are tidied; a text with nothing removed comes out byte for byte.
 * `result` may be NULL. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_text_clean(lethe_text_cleaner *cleaner, const char *utf8, size_t size, lethe_text_mode mode, lethe_buffer *out,
                                              lethe_text_result *result, lethe_error *error);
/* The same for an element of a text VR (also CS, DS.. as text): decoded by the character set that governs it, each value cleaned on its own, encoded
 * back. When nothing changes, `bytes` holds the value as it was. What cannot be decoded or encoded is left out. */
LETHE_NODISCARD lethe_status lethe_text_clean_element(lethe_text_cleaner *cleaner, const lethe_dicom_element *element, lethe_text_mode mode,
                                                      lethe_buffer *bytes, lethe_text_result *result, lethe_error *error);

/* Append UTF-8 in a character set; what has no place in it comes without its accents, or not at all. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_text_encode(lethe_charset *charset, const char *utf8, size_t size, lethe_buffer *bytes, lethe_error *error);

#endif
