/* A DICOM instance while it is being invented: a tree of elements that is written in any Part 10 form, and whose answers go into the key as the
 * elements are put. It shares no code with Lethe's own reader and writer, so that a mistake of theirs cannot hide in the test data. Failures are kept
 * and told by lethe_draft_write. Thread rule: one thread at a time per draft. */
#ifndef LETHE_TESTDATA_DRAFT_H
#define LETHE_TESTDATA_DRAFT_H

#include "core/error.h"
#include "testdata/answer_key.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_draft lethe_draft;
typedef struct lethe_draft_item lethe_draft_item;

/* What the answer key says about an element, for the profile `research` (Annex E with clean descriptors, patient characteristics, safe private,
 * modified dates, clean structured content, clean graphics). */
typedef enum lethe_expect {
    EXPECT_NOTHING,
    EXPECT_KEPT,      /* text_retained: the whole value */
    EXPECT_PRESENT,   /* tag_retained */
    EXPECT_FILLED,    /* text_notnull */
    EXPECT_GONE,      /* text_removed: the whole value */
    EXPECT_DATE,      /* date_shifted */
    EXPECT_UID,       /* uid_changed and uid_consistent */
    EXPECT_PATIENT_ID /* patid_consistent and text_removed */
} lethe_expect;

typedef enum lethe_draft_charset {
    CHARSET_ASCII,
    CHARSET_LATIN_1,    /* ISO_IR 100 */
    CHARSET_UTF_8,      /* ISO_IR 192 */
    CHARSET_LATIN_2,    /* ISO_IR 101 */
    CHARSET_EXTENSIONS, /* ISO 2022 IR 100 \ ISO 2022 IR 101: escape sequences inside values */
    CHARSET_JAPANESE,   /* \ ISO 2022 IR 87 */
    CHARSET_GREEK,      /* ISO_IR 126 */
    CHARSET_CYRILLIC    /* ISO_IR 144 */
} lethe_draft_charset;

typedef enum lethe_draft_syntax { SYNTAX_EXPLICIT, SYNTAX_IMPLICIT, SYNTAX_BIG_ENDIAN, SYNTAX_DEFLATED, SYNTAX_JPEG_BASELINE } lethe_draft_syntax;

/* `key` may be NULL: no answers. The subject's strings are copied. */
LETHE_NODISCARD lethe_draft *lethe_draft_create(lethe_answer_key *key, lethe_draft_charset charset);
void lethe_draft_destroy(lethe_draft *draft);
lethe_draft_item *lethe_draft_root(lethe_draft *draft);
lethe_draft *lethe_draft_of(lethe_draft_item *item);

/* Text of any string VR; `utf8` is encoded in the draft's character set where the VR obeys it. NULL or "": an empty element. */
void lethe_draft_text(lethe_draft_item *item, uint32_t tag, const char *vr, const char *utf8, lethe_expect expect);
/* Text of which `kept` must stay and each of `gone` ('|' between them) must go; either may be NULL. */
void lethe_draft_mixed(lethe_draft_item *item, uint32_t tag, const char *vr, const char *utf8, const char *kept, const char *gone);
void lethe_draft_u16(lethe_draft_item *item, uint32_t tag, unsigned value);
void lethe_draft_u16s(lethe_draft_item *item, uint32_t tag, const char *vr, const uint16_t *values, size_t count); /* US, SS, OW */
void lethe_draft_u32(lethe_draft_item *item, uint32_t tag, const char *vr, uint32_t value);                        /* UL, SL, AT */
void lethe_draft_f32s(lethe_draft_item *item, uint32_t tag, const char *vr, const float *values, size_t count);    /* FL, OF */
void lethe_draft_f64s(lethe_draft_item *item, uint32_t tag, const double *values, size_t count);                   /* FD */
void lethe_draft_bytes(lethe_draft_item *item, uint32_t tag, const char *vr, const void *bytes, size_t size);      /* copied */
/* DS and IS from numbers, at most six values. */
void lethe_draft_decimals(lethe_draft_item *item, uint32_t tag, const double *values, size_t count, lethe_expect expect);
void lethe_draft_decimal(lethe_draft_item *item, uint32_t tag, double value, lethe_expect expect);
void lethe_draft_integer(lethe_draft_item *item, uint32_t tag, long value);
/* Says more about an element that stands already: `kept` and `gone` as above, looked for in its answer only. */
void lethe_draft_answer(lethe_draft_item *item, uint32_t tag, lethe_answer_action action, const char *value, const char *text);
/* `text` must not stand anywhere in the output's bytes. */
void lethe_draft_absent(lethe_draft *draft, const char *text);

/* Append an item to a sequence, which is made when missing. */
lethe_draft_item *lethe_draft_sequence(lethe_draft_item *item, uint32_t tag);
/* A sequence without items (Type 2). */
void lethe_draft_empty_sequence(lethe_draft_item *item, uint32_t tag);
/* The same as lethe_draft_sequence, hidden in an element of VR UN whose bytes are implicit little endian (PS3.5 6.2.2). */
lethe_draft_item *lethe_draft_hidden_sequence(lethe_draft_item *item, uint32_t tag);
/* Reserve a private block; returns the tag of its element 00, to which the element number is added. */
uint32_t lethe_draft_block(lethe_draft_item *item, uint16_t group, const char *creator);

/* Native pixels of 8 or 16 bits; borrowed until the write, repeated `repeats` times (for files larger than memory). Answers pixels_retained when
 * `kept`. */
void lethe_draft_pixels(lethe_draft *draft, const void *pixels, size_t size, unsigned bits, unsigned repeats, bool kept);
/* Encapsulated frames, copied. */
void lethe_draft_fragment(lethe_draft *draft, const void *bytes, size_t size, bool kept);

typedef struct lethe_draft_form {
    lethe_draft_syntax syntax;
    bool undefined_lengths;          /* of sequences and items */
    bool group_lengths;              /* retired (gggg,0000) elements */
    const char *preamble;            /* text in the 128 bytes, or NULL */
    bool no_meta;                    /* neither preamble nor file meta; implicit little endian */
    const char *private_information; /* (0002,0102), or NULL */
    const char *source_title;        /* (0002,0016), or NULL */
    const char *trailing_padding;    /* text in (FFFC,FFFC), or NULL */
} lethe_draft_form;

/* Write `folder`/`relative`; its parents are made. SOP Class and Instance UID must have been put. */
LETHE_NODISCARD lethe_status lethe_draft_write(lethe_draft *draft, const lethe_draft_form *form, const char *folder, const char *relative,
                                               lethe_error *error);

#endif
