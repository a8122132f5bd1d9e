/* What is known about the people of one study: every name, number, date, institution, address and device that the object itself tells, at every
 * depth. Text cleaning removes them wherever they turn up; the audit searches the output for them.
 *
 * Layer: deid. Thread rule: one thread at a time while gathering; then readable by many. Values stay in memory only, and are wiped on destroy. */
#ifndef LETHE_DEID_IDENTIFIERS_H
#define LETHE_DEID_IDENTIFIERS_H

#include "core/error.h"
#include "imaging/dicom/dataset.h"

typedef enum lethe_identifier_kind {
    LETHE_ID_NAME,        /* a part of the name of the patient (or of a relative) */
    LETHE_ID_STAFF,       /* a part of the name of a physician, operator, observer ... */
    LETHE_ID_NUMBER,      /* patient ID, accession number, study ID, visit, insurance ... */
    LETHE_ID_DATE,        /* YYYYMMDD */
    LETHE_ID_INSTITUTION, /* a word of the name of an institution or department that says which one */
    LETHE_ID_ADDRESS,     /* a word or number of an address; town */
    LETHE_ID_CONTACT,     /* telephone number, e-mail address */
    LETHE_ID_DEVICE,      /* serial number, station name */
    LETHE_ID_UID
} lethe_identifier_kind;

typedef struct lethe_identifier {
    lethe_identifier_kind kind;
    const char *text;   /* UTF-8 as it was gathered */
    const char *folded; /* upper case, no accents, no punctuation; what matching compares */
    /* Also an ordinary technical word ("HEAD", "PETIT"), or too short to say anything by itself: it identifies only beside another identifier. An
     * audit that searches bytes passes over these. */
    bool common;
    bool maker; /* common, since a maker of devices is called so: goes where nothing around it speaks of a product (adr/0305) */
} lethe_identifier;

typedef struct lethe_identifiers lethe_identifiers;

LETHE_NODISCARD lethe_status lethe_identifiers_create(lethe_identifiers **out, lethe_error *error);
/* Wipes what it knew. NULL is a no-op. */
void lethe_identifiers_destroy(lethe_identifiers *identifiers);
/* Forget all, keep the memory: the cheap way from file to file. */
void lethe_identifiers_clear(lethe_identifiers *identifiers);

/* Take everything that a parsed object tells (standard attributes that hold names, IDs, dates, institutions, addresses, devices; character sets as
 * each item says). May be called for several objects of one study. Pixel data is not looked at. Errors: LETHE_NO_MEMORY, LETHE_LIMIT (more than
 * 65,536 identifiers). */
LETHE_NODISCARD lethe_status lethe_identifiers_gather(lethe_identifiers *identifiers, const lethe_dicom_dataset *dataset, lethe_error *error);
/* The same values as they are found, before they are cut into words: for who collects them over many objects. Names come by component group. */
typedef lethe_status (*lethe_identifier_fn)(void *context, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_identifiers_list(const lethe_dicom_dataset *dataset, lethe_identifier_fn tell, void *context, lethe_error *error);
/* True for the value of a content item (TextValue, PersonName, Date, DateTime) whose concept says that it names a person, a number of theirs, a place
 * or a device (PS3.16 TID 1002 to 1009, 1020); *kind says which. */
bool lethe_content_tells_who(const lethe_dicom_element *element, lethe_identifier_kind *kind);
/* Add one by hand, e.g. from a worklist, a CSV or the label of a slide. Names are cut into their parts here. */
LETHE_NODISCARD lethe_status lethe_identifiers_add(lethe_identifiers *identifiers, lethe_identifier_kind kind, const char *utf8, size_t size,
                                                   lethe_error *error);

size_t lethe_identifiers_count(const lethe_identifiers *identifiers);
const lethe_identifier *lethe_identifiers_at(const lethe_identifiers *identifiers, size_t index);
/* The identifier that a folded word (see lethe_text_fold) equals, or NULL. */
const lethe_identifier *lethe_identifiers_find(const lethe_identifiers *identifiers, const char *folded, size_t size);
/* True when a text contains an identifier that is not `common` (or a common one beside another). *kind may be NULL. For OCR results, private values,
 * file names. */
bool lethe_identifiers_in_text(const lethe_identifiers *identifiers, const char *utf8, size_t size, lethe_identifier_kind *kind);

/* Upper case without accents and ligatures (É -> E, ß -> SS, Ø -> O, Œ -> OE); other scripts stay. Writes at most `room` bytes and returns how many;
 * `out` may be NULL to count. */
size_t lethe_text_fold(const char *utf8, size_t size, char *out, size_t room);

#endif
