/* What was done to which attribute, counted over many instances, for the report: rows of Table E.1-1, options, what happened, how often. Kept in a
 * table of fixed size; a worker sends its own to the parent with its replies. On demand also texts before and after cleaning: those identify, and
 * belong on the private side only. Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_TALLY_H
#define LETHE_DEID_TALLY_H

#include "core/buffer.h"
#include "imaging/dicom/edit.h"

#include <stdint.h>

/* What happened to an element. */
typedef enum lethe_deed {
    LETHE_DEED_KEPT,
    LETHE_DEED_REMOVED,
    LETHE_DEED_EMPTIED,
    LETHE_DEED_REPLACED, /* a dummy, a pseudonym, another code */
    LETHE_DEED_UID,
    LETHE_DEED_CLEANED,
    LETHE_DEED_SHIFTED,
    LETHE_DEED_PIXELS, /* bytes inside the value */
    LETHE_DEEDS
} lethe_deed;

/* On whose word: the Basic Profile column, an option's column (LETHE_CLAUSE_OPTION + the number of its LETHE_OPTION_ bit), or neither. */
enum { LETHE_CLAUSE_BASIC = 0, LETHE_CLAUSE_OPTION = 1, LETHE_CLAUSE_OUTSIDE = 20, LETHE_CLAUSE_PRIVATE, LETHE_CLAUSE_RULE, LETHE_CLAUSES };

typedef struct lethe_tally_row {
    lethe_tag tag; /* of private elements (gggg,00ee), of repeating groups the first, (0001,0000) for all private elements that went */
    uint8_t deed, clause;
    uint64_t elements;
} lethe_tally_row;

/* Texts that differ: at most so many, each cut after so many bytes. */
enum { LETHE_TALLY_TEXTS = 5000, LETHE_TALLY_TEXT_BYTES = 600 };
typedef struct lethe_tally_text {
    lethe_tag tag;
    const char *before, *after; /* UTF-8; `after` is empty where nothing stayed */
} lethe_tally_text;

typedef struct lethe_tally lethe_tally;
/* `options`: the LETHE_OPTION_ bits in force. */
LETHE_NODISCARD lethe_status lethe_tally_create(uint32_t options, bool want_texts, lethe_tally **out, lethe_error *error);
void lethe_tally_destroy(lethe_tally *tally); /* wipes; NULL is a no-op */

/* Count an instance that was released. Cost: one look at each element. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_tally_add(lethe_tally *tally, const lethe_dicom_dataset *dataset, const lethe_edit_script *script,
                                             lethe_error *error);
/* Append all that was counted since the last call, for another process; counts start at zero again. Texts that were told once are not told again by
 * the same tally, as far as it remembers. */
LETHE_NODISCARD lethe_status lethe_tally_take(lethe_tally *tally, lethe_buffer *out, lethe_error *error);
/* Add what another tally appended. Errors: LETHE_MALFORMED for other bytes. */
LETHE_NODISCARD lethe_status lethe_tally_merge(lethe_tally *tally, const void *bytes, size_t size, lethe_error *error);

/* Rows by tag, clause and deed; *count of them. Borrowed until the tally changes. */
const lethe_tally_row *lethe_tally_rows(lethe_tally *tally, size_t *count);
/* Elements that found no place in the table. */
uint64_t lethe_tally_overflow(const lethe_tally *tally);
/* Texts in the order of tag and text; NULL beyond the last. */
size_t lethe_tally_text_count(const lethe_tally *tally);
lethe_tally_text lethe_tally_text_at(lethe_tally *tally, size_t index);
/* True when more texts came than are kept. */
bool lethe_tally_texts_cut(const lethe_tally *tally);

#endif
