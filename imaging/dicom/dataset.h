/* A parsed DICOM file as a tree over its bytes: nothing is copied but the index. All nodes live in the caller's arena.
 *
 * Layer: imaging. Thread rule: immutable after parse; readable by many threads. */
#ifndef LETHE_IMAGING_DICOM_DATASET_H
#define LETHE_IMAGING_DICOM_DATASET_H

#include "core/arena.h"
#include "core/error.h"
#include "imaging/dicom/dictionary.h"
#include "imaging/dicom/reader.h"

typedef struct lethe_dicom_element lethe_dicom_element;
typedef struct lethe_dicom_item lethe_dicom_item;

/* A data set or an item of a sequence. */
struct lethe_dicom_item {
    lethe_dicom_element *first, *last; /* in file order */
    lethe_dicom_element *parent;       /* the sequence; NULL for the file meta and the root */
    lethe_dicom_item *next;
    uint32_t index;         /* in its sequence, from 0 */
    uint64_t offset;        /* of the item tag (root: of its first element) */
    uint32_t header_bytes;  /* 8; root: 0 */
    uint64_t value_bytes;   /* of the content, delimiter not counted */
    uint32_t trailer_bytes; /* 8 when a delimitation item stands in the file */
    bool undefined_length;
    bool ascending;                /* its tags stand in order, as they should */
    lethe_dicom_encoding encoding; /* of its elements */
    uint32_t ordinal;              /* of all elements and items, in file order, from 0; below node_count */
};

typedef enum lethe_dicom_element_form { LETHE_DICOM_LEAF, LETHE_DICOM_SEQUENCE, LETHE_DICOM_FRAGMENTS } lethe_dicom_element_form;

struct lethe_dicom_element {
    lethe_tag tag;
    lethe_vr vr; /* as written, or from the dictionary; LETHE_VR_NONE when unknown */
    lethe_dicom_element_form form;
    bool undefined_length;
    uint32_t header_bytes, trailer_bytes;
    uint64_t offset;      /* of the header */
    uint64_t value_bytes; /* content without trailer */
    const uint8_t *value; /* offset + header_bytes; borrowed from the parsed bytes */
    lethe_dicom_item
        *items; /* LETHE_DICOM_SEQUENCE: linked by next. LETHE_DICOM_FRAGMENTS: each an item with no elements; the first is the offset table */
    uint32_t item_count;
    lethe_dicom_item *parent;
    lethe_dicom_element *next;
    uint32_t ordinal;            /* as in lethe_dicom_item */
    const char *private_creator; /* of a private element whose block is reserved in its item: trimmed, NUL-terminated, raw bytes; else NULL */
};

typedef struct lethe_dicom_dataset {
    const uint8_t *file_bytes; /* the file, borrowed */
    uint64_t file_size;
    const uint8_t *bytes; /* what offsets of `root` count in: file_bytes, or the inflated data set (owned by the data set) */
    uint64_t size;
    bool has_preamble, has_meta, deflated, encapsulated; /* has_preamble: 128 bytes and DICM; encapsulated: there is pixel data in fragments */
    uint32_t head_bytes;                                 /* before the file meta: 132, 4 (DICM without preamble) or 0 */
    uint32_t node_count;                                 /* elements and items of meta and root */
    uint64_t data_set_offset;                            /* in the file: first byte after the file meta */
    uint64_t data_set_end;  /* in the file: of what was read of it; beyond stand trailing bytes. Deflated: the end of the deflate stream */
    lethe_dicom_item *meta; /* group 0002, explicit little endian; NULL without file meta */
    lethe_dicom_item *root;
    lethe_dicom_encoding encoding;
    char transfer_syntax[65];                 /* as the file meta says; without it what was guessed, "" when that is not possible (compressed) */
    uint64_t trailing_offset, trailing_bytes; /* bytes after the last element, in `bytes` */
    lethe_arena *arena;
} lethe_dicom_dataset;

/* Parse a whole file or a bare data set (guessed: explicit or implicit little endian, or big endian). Errors: LETHE_MALFORMED with tag and offset
 * (also for what is not DICOM at all), LETHE_LIMIT, LETHE_UNSUPPORTED, LETHE_NO_MEMORY. Pair with lethe_dicom_dataset_release. */
LETHE_NODISCARD lethe_status lethe_dicom_dataset_parse(const uint8_t *bytes, size_t size, lethe_arena *arena, lethe_dicom_dataset **out,
                                                       lethe_error *error);
/* Free what the arena does not hold (the inflated bytes). NULL is a no-op. */
void lethe_dicom_dataset_release(lethe_dicom_dataset *dataset);
/* Cheap test for ingest and walks: preamble and DICM, or a plausible bare data set that starts with group 0002 or 0008. */
bool lethe_dicom_looks_like(const uint8_t *bytes, size_t size);

/* First element with `tag` in an item; NULL when absent. */
const lethe_dicom_element *lethe_dicom_find(const lethe_dicom_item *item, lethe_tag tag);
/* By path, e.g. {0x00540016, 0x00181074}: through the first item of each sequence. */
const lethe_dicom_element *lethe_dicom_find_path(const lethe_dicom_item *item, const lethe_tag *path, size_t count);
/* Element of a private block by creator: (group, creator, last byte). */
const lethe_dicom_element *lethe_dicom_find_private(const lethe_dicom_item *item, uint16_t group, const char *creator, uint8_t element);

/* Values. `index` counts backslash-separated values from 0. Text is raw bytes, trimmed of padding (trailing spaces and NULs; leading spaces too
 * unless ST/LT/UT), cut to size - 1, NUL-terminated: use charset.h for UTF-8. Return false when absent, empty or not of that kind. */
bool lethe_dicom_text(const lethe_dicom_item *item, lethe_tag tag, unsigned index, char *out, size_t size);
bool lethe_dicom_int(const lethe_dicom_item *item, lethe_tag tag, unsigned index, int64_t *value);   /* US SS UL SL UV SV IS */
bool lethe_dicom_double(const lethe_dicom_item *item, lethe_tag tag, unsigned index, double *value); /* DS FL FD and the integers */
unsigned lethe_dicom_multiplicity(const lethe_dicom_element *element);
bool lethe_dicom_element_int(const lethe_dicom_element *element, unsigned index, int64_t *value);
bool lethe_dicom_element_double(const lethe_dicom_element *element, unsigned index, double *value);
bool lethe_dicom_element_text(const lethe_dicom_element *element, unsigned index, char *out, size_t size);

/* Visit every element, sequences before their content; return false from `visit` to stop. */
typedef bool (*lethe_dicom_visit_fn)(void *context, const lethe_dicom_element *element);
void lethe_dicom_visit(const lethe_dicom_item *item, lethe_dicom_visit_fn visit, void *context);

/* Transfer syntax: true when pixel data is encapsulated. Unknown UIDs are taken as encapsulated explicit little endian. */
bool lethe_transfer_syntax_encoding(const char *uid, lethe_dicom_encoding *encoding, bool *deflated, bool *encapsulated);

#endif
