/* The audit: searches an output for what must not be in it.
 *
 * It shares nothing with the rules: it reads the output's bytes with a walk of its own, and looks in everything but pixel data for every value that
 * was removed and every known identifier, as ASCII, in the declared character set, UTF-8, Latin-1, UTF-16 and base64, with names in both orders,
 * without accents, and in any case. Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_AUDIT_H
#define LETHE_DEID_AUDIT_H

#include "core/error.h"
#include "imaging/dicom/dictionary.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_audit lethe_audit;

typedef enum lethe_audit_kind {
    LETHE_AUDIT_NAME, /* a person's name as DICOM writes it: each component is searched, and pairs in both orders */
    LETHE_AUDIT_WORD, /* a known identifier; found only as a word of its own */
    LETHE_AUDIT_TEXT, /* a whole removed value */
    LETHE_AUDIT_DATE, /* yyyymmdd...; also as dd/mm/yyyy, yyyy-mm-dd and the like */
    LETHE_AUDIT_UID,
    LETHE_AUDIT_KINDS
} lethe_audit_kind;

LETHE_NODISCARD lethe_status lethe_audit_create(lethe_audit **out, lethe_error *error);
void lethe_audit_destroy(lethe_audit *audit);
/* Forget everything: before each file. */
void lethe_audit_reset(lethe_audit *audit);
/* A date, or a text, that stands in the output by right: what it contains is not searched for. Call before lethe_audit_add. */
LETHE_NODISCARD lethe_status lethe_audit_allow(lethe_audit *audit, const void *bytes, size_t size, lethe_error *error);
/* Bytes of an element that say nothing by themselves (a ciphertext): the value of (0400,0520) that equals them is not searched. Borrowed until the
 * next lethe_audit_reset. */
void lethe_audit_exempt(lethe_audit *audit, const void *bytes, size_t size);
/* Search for a value. `bytes` are UTF-8 or raw bytes of the input's character set. What is too short to mean anything (words under 3 letters, numbers
 * under 5 digits, texts under 6 bytes) and words that Lethe writes itself are passed over. */
LETHE_NODISCARD lethe_status lethe_audit_add(lethe_audit *audit, lethe_audit_kind kind, const void *bytes, size_t size, lethe_error *error);
size_t lethe_audit_pattern_count(const lethe_audit *audit);

/* Read an output and search it. Errors: LETHE_UNSAFE naming tag, offset, kind and writing of what was found (never the value), or when the statements
 * of PS3.15 E.1.1 are missing or a preamble, group length or trailing bytes are left; LETHE_MALFORMED when the walk does not come out even. */
LETHE_NODISCARD lethe_status lethe_audit_dicom(lethe_audit *audit, const uint8_t *bytes, uint64_t size, lethe_error *error);
/* The tag of the element in which the last search found something; 0 when it found nothing or no element holds it. */
uint32_t lethe_audit_found_tag(const lethe_audit *audit);
/* Search bytes of any other kind (a report, a catalogue, a slide's metadata). */
LETHE_NODISCARD lethe_status lethe_audit_bytes(lethe_audit *audit, const uint8_t *bytes, uint64_t size, lethe_error *error);

#endif
