/* Encapsulated documents that are no PDF, when a profile keeps them: CDA and other XML, OBJ and MTL, STL. Layer: deid, private to documents.c. Thread
 * rule: no state. */
#ifndef LETHE_DEID_DOCUMENTS_TEXT_H
#define LETHE_DEID_DOCUMENTS_TEXT_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

struct lethe_audit;

/* Search a text as a reader of XML would see it: character references resolved, with mark-up and without. A binary STL has only its header (80 bytes)
 * that can say something. Errors: LETHE_UNSAFE when a known identifier is found; LETHE_REVIEW for everything that cannot be read here (archives,
 * pictures, RTF, encodings other than UTF-8, UTF-16, ISO 8859-1, ISO 8859-15 and Windows-1252, entities of its own, documents within as base64). */
LETHE_NODISCARD lethe_status lethe_documents_search_text(const uint8_t *bytes, size_t size, struct lethe_audit *audit, lethe_error *error);

#endif
