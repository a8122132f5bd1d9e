/* The edit script: what to do with each element of a parsed file, and the writer that plays it.
 *
 * Long kept ranges (pixel data) go from file to file in the kernel and are never touched; an empty script reproduces the file byte for byte. Lengths
 * of enclosing sequences and items, group lengths of the file meta, and even padding are made right by the writer. The script is also the record that
 * `lethe deid explain` and the manifest show. Layer: imaging. Thread rule: one thread at a time. All memory is the data set's arena. */
#ifndef LETHE_IMAGING_DICOM_EDIT_H
#define LETHE_IMAGING_DICOM_EDIT_H

#include "core/buffer.h"
#include "core/error.h"
#include "core/file.h"
#include "imaging/dicom/dataset.h"

typedef struct lethe_edit_script lethe_edit_script;

typedef enum lethe_edit_kind {
    LETHE_EDIT_KEEP, /* recorded for the explanation only */
    LETHE_EDIT_DROP,
    LETHE_EDIT_REPLACE, /* the whole value (and the VR, if given) */
    LETHE_EDIT_PATCH,   /* bytes inside the value, same length */
    LETHE_EDIT_INSERT
} lethe_edit_kind;

typedef struct lethe_edit {
    lethe_edit_kind kind;
    const lethe_dicom_element *element; /* NULL for inserts */
    const lethe_dicom_item *parent;     /* where an insert goes */
    const lethe_dicom_item *item;       /* set when a whole item of `element` is dropped */
    lethe_tag tag;
    lethe_vr vr;
    const uint8_t *value; /* replacement; NULL for drops and for values that come from a file */
    uint64_t value_bytes;
    const char *rule; /* why: a short text with the clause, borrowed (static or arena) */
} lethe_edit;

LETHE_NODISCARD lethe_edit_script *lethe_edit_script_create(lethe_dicom_dataset *dataset); /* NULL when memory is short */

/* A later edit of the same element takes the place of an earlier one. Values are copied into the arena. Replacement values need not be padded.
 * Errors: LETHE_NO_MEMORY; LETHE_LIMIT for a value that its VR's length field cannot hold. */
LETHE_NODISCARD lethe_status lethe_edit_keep(lethe_edit_script *script, const lethe_dicom_element *element, const char *rule, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_edit_drop(lethe_edit_script *script, const lethe_dicom_element *element, const char *rule, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_edit_drop_item(lethe_edit_script *script, const lethe_dicom_item *item, const char *rule, lethe_error *error);
/* `vr` 0 keeps the VR. For a sequence the value is the encoded items (lethe_dicom_encoder in the item's encoding; size 0 = an empty sequence). */
LETHE_NODISCARD lethe_status lethe_edit_replace(lethe_edit_script *script, const lethe_dicom_element *element, lethe_vr vr, const void *value,
                                                size_t size, const char *rule, lethe_error *error);
/* The value comes from an open file when the script is played; for pixel data. `encapsulated`: the bytes are complete fragment items with offset
 * table, without the sequence delimiter. `fd` is borrowed until lethe_edit_write has returned. */
LETHE_NODISCARD lethe_status lethe_edit_replace_from_file(lethe_edit_script *script, const lethe_dicom_element *element, lethe_vr vr,
                                                          bool encapsulated, int fd, uint64_t offset, uint64_t size, const char *rule,
                                                          lethe_error *error);
/* Overwrite bytes inside a leaf or a fragment; offset counts from the element's value. Several patches of one element may not overlap. */
LETHE_NODISCARD lethe_status lethe_edit_patch(lethe_edit_script *script, const lethe_dicom_element *element, uint64_t value_offset, const void *bytes,
                                              size_t size, const char *rule, lethe_error *error);
/* Values that are changed while they go from file to file; for pixel data that is too large to hold as patches. */
typedef struct lethe_edit_painter {
    void *context;
    /* The first stretch that ends behind `offset` of the value; size 0: none is left. Offsets ascend. `whole`: paint() sets every byte of it, so that
     * the original is not even read. */
    lethe_status (*next)(void *context, uint64_t offset, uint64_t *start, uint64_t *size, bool *whole, lethe_error *error);
    /* Change `size` bytes that stand at `offset` of the value, all in the stretch that next() named last. */
    void (*paint)(void *context, uint64_t offset, uint8_t *bytes, size_t size);
} lethe_edit_painter;
/* Paint over a leaf's value. The painter's context is borrowed until lethe_edit_write has returned. */
LETHE_NODISCARD lethe_status lethe_edit_paint(lethe_edit_script *script, const lethe_dicom_element *element, const lethe_edit_painter *painter,
                                              const char *rule, lethe_error *error);
/* Put a new element at its sorted place in `parent` (the root, the meta or an item), taking the place of an existing one. */
LETHE_NODISCARD lethe_status lethe_edit_insert(lethe_edit_script *script, const lethe_dicom_item *parent, lethe_tag tag, lethe_vr vr,
                                               const void *value, size_t size, const char *rule, lethe_error *error);
/* Preamble: write zeros (if there is one). Trailing bytes: leave out. Group lengths outside group 0002: drop each with lethe_edit_drop. */
void lethe_edit_clear_preamble(lethe_edit_script *script);
void lethe_edit_drop_trailing(lethe_edit_script *script);
/* Write a preamble and a file meta even if the input had none (needs TransferSyntaxUID, which is taken from the data set). SOP class and instance in
 * the meta come from the root as edited. */
void lethe_edit_require_meta(lethe_edit_script *script);
/* Change the transfer syntax in the file meta; only between syntaxes of the same encoding (explicit little endian). */
LETHE_NODISCARD lethe_status lethe_edit_transfer_syntax(lethe_edit_script *script, const char *uid, lethe_error *error);

/* The edit of an element, or NULL. */
const lethe_edit *lethe_edit_find(const lethe_edit_script *script, const lethe_dicom_element *element);
/* All edits in the order of the output. */
typedef lethe_status (*lethe_edit_fn)(void *context, const lethe_edit *edit, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_edit_visit(const lethe_edit_script *script, lethe_edit_fn visit, void *context, lethe_error *error);

/* Play the script into `output` (not committed). `source_fd` is the input file (its descriptor in lethe_map); -1 writes everything from memory. */
LETHE_NODISCARD lethe_status lethe_edit_write(lethe_edit_script *script, int source_fd, lethe_output *output, lethe_error *error);
/* The same into memory, for tests and fuzzing. */
LETHE_NODISCARD lethe_status lethe_edit_write_buffer(lethe_edit_script *script, lethe_buffer *out, lethe_error *error);

/* --- encoding elements by hand --- */

/* Appends elements in a given encoding; sequences and items with undefined length. `size` bytes are padded to even length as the VR asks. */
LETHE_NODISCARD lethe_status lethe_dicom_encode(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, const void *value,
                                                size_t size, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_dicom_encode_text(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, const char *text,
                                                     lethe_error *error);
LETHE_NODISCARD lethe_status lethe_dicom_encode_sequence_begin(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_dicom_encode_sequence_end(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_dicom_encode_item_begin(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_dicom_encode_item_end(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_error *error);
/* Numbers as binary values in the encoding's byte order. */
LETHE_NODISCARD lethe_status lethe_dicom_encode_us(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, uint16_t value,
                                                   lethe_error *error);
/* Preamble, DICM and a file meta (PS3.10 7.1) for a file made from scratch. */
LETHE_NODISCARD lethe_status lethe_dicom_encode_file_head(lethe_buffer *out, const char *sop_class, const char *sop_instance,
                                                          const char *transfer_syntax, lethe_error *error);

#endif
