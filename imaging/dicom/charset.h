/* Character sets of PS3.3 C.12.1.1.2 and PS3.5 6.1: values to UTF-8 and back. Layer: imaging. Thread rule: one thread at a time per object. */
#ifndef LETHE_IMAGING_DICOM_CHARSET_H
#define LETHE_IMAGING_DICOM_CHARSET_H

#include "core/buffer.h"
#include "core/error.h"
#include "imaging/dicom/dataset.h"

typedef struct lethe_charset lethe_charset;

/* From the value of Specific Character Set (0008,0005), e.g. "\\ISO 2022 IR 87"; "" is the default repertoire. Unknown terms give an object that
 * decodes byte for byte as Latin-1 and says so by lethe_charset_is_known. */
LETHE_NODISCARD lethe_status lethe_charset_create(const char *specific_character_set, lethe_charset **out, lethe_error *error);
void lethe_charset_destroy(lethe_charset *charset);
bool lethe_charset_is_known(const lethe_charset *charset);
/* The one that governs an item: its own (0008,0005) or the nearest enclosing one's, as text. */
const char *lethe_charset_governing(const lethe_dicom_item *item, char out[129]);

/* Append UTF-8; what cannot be decoded becomes U+FFFD and *lossy is set (may be NULL). ISO 2022 escapes are followed and reset at \ ^ = and line
 * ends. Values that are not in their character set are common, and names hide in them: bytes that are not UTF-8 although they should be are read as
 * Latin-1; UTF-8 in a value that is declared as default or Latin is read as UTF-8. Both set *lossy. */
LETHE_NODISCARD lethe_status lethe_charset_decode(lethe_charset *charset, const uint8_t *bytes, size_t size, lethe_vr vr, lethe_buffer *utf8,
                                                  bool *lossy, lethe_error *error);
/* Append bytes in this character set. Errors: LETHE_UNSUPPORTED when a character has no place in it. */
LETHE_NODISCARD lethe_status lethe_charset_encode(lethe_charset *charset, const char *utf8, size_t size, lethe_buffer *bytes, lethe_error *error);

#endif
