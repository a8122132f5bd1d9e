/* A pull parser over the bytes of a DICOM file or data set: every form of PS3.10 and PS3.5, no allocation, no copying.
 *
 * Handles explicit and implicit VR little endian, explicit VR big endian, encapsulated pixel data, defined and undefined lengths, nested
 * sequences, UN with sequences inside (PS3.5 6.2.2: implicit VR little endian), files with no preamble or no file meta, odd lengths, trailing bytes.
 * Deflated data sets are inflated by dataset.h first. Limits: core/limits.h. Layer: imaging. Thread rule: one thread at a time per reader; the bytes
 * are borrowed and must outlive it. */
#ifndef LETHE_IMAGING_DICOM_READER_H
#define LETHE_IMAGING_DICOM_READER_H

#include "core/error.h"
#include "core/limits.h"
#include "imaging/dicom/dictionary.h"

typedef enum lethe_dicom_event_kind {
    LETHE_DICOM_ELEMENT,         /* a leaf: value and value_bytes are set */
    LETHE_DICOM_SEQUENCE_BEGIN,  /* SQ, or UN of undefined length */
    LETHE_DICOM_ITEM_BEGIN,      /* FFFE,E000 in a sequence */
    LETHE_DICOM_ITEM_END,        /* header_bytes 8 when a delimiter stands in the file, else 0 */
    LETHE_DICOM_SEQUENCE_END,    /* likewise */
    LETHE_DICOM_FRAGMENTS_BEGIN, /* encapsulated pixel data */
    LETHE_DICOM_FRAGMENT,        /* one item of it; the first is the basic offset table */
    LETHE_DICOM_FRAGMENTS_END,
    LETHE_DICOM_END /* of the data set; value_offset is where trailing bytes start */
} lethe_dicom_event_kind;

typedef struct lethe_dicom_event {
    lethe_dicom_event_kind kind;
    lethe_tag tag;
    lethe_vr vr;           /* as in the file, or from the dictionary for implicit VR; LETHE_VR_NONE when unknown */
    uint32_t depth;        /* 0 = top level */
    uint64_t offset;       /* of the element's or item's first byte */
    uint32_t header_bytes; /* tag, VR and length */
    uint64_t value_offset;
    uint64_t value_bytes; /* 0 with undefined_length */
    bool undefined_length;
    bool implicit_inside; /* the content is implicit VR little endian although the data set is not (UN, or an item that is so by mistake) */
} lethe_dicom_event;

typedef struct lethe_dicom_encoding {
    bool explicit_vr, big_endian;
} lethe_dicom_encoding;

typedef struct lethe_dicom_reader {
    const uint8_t *bytes;
    uint64_t size, at;
    lethe_dicom_encoding encoding;
    uint32_t depth, elements;
    lethe_dicom_event pending; /* parser state; not for callers */
    struct {
        uint64_t end;   /* of a defined length; UINT64_MAX when undefined */
        uint64_t bound; /* no byte of the content can stand beyond */
        uint8_t kind, implicit_inside;
        uint16_t vr;
        lethe_tag tag;
    } stack[2 * LETHE_LIMIT_SEQUENCE_DEPTH + 4];
} lethe_dicom_reader;

/* Read a data set of known encoding that fills bytes[start, size). */
void lethe_dicom_reader_init(lethe_dicom_reader *reader, const uint8_t *bytes, uint64_t size, uint64_t start, lethe_dicom_encoding encoding);
/* The encoding of the elements at bytes[at, size), from the look of the first; `assumed` unless only another makes sense. */
lethe_dicom_encoding lethe_dicom_guess_encoding(const uint8_t *bytes, uint64_t size, uint64_t at, lethe_dicom_encoding assumed);
/* The next event. Errors name tag and offset: LETHE_MALFORMED (length past the end, item outside a sequence, unknown VR bytes ...), LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_dicom_reader_next(lethe_dicom_reader *reader, lethe_dicom_event *event, lethe_error *error);

#endif
