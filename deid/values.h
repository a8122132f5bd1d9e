/* Values of single elements: dummies, grammar by VR, mapping and cleaning with the character set in force. Used by attributes.c and private.c.
 * Layer: deid. Thread rule: one thread at a time per job. */
#ifndef LETHE_DEID_VALUES_H
#define LETHE_DEID_VALUES_H

#include "deid/attributes.h"

/* The VR that counts: the dictionary's when the file says UN or nothing. */
lethe_vr lethe_value_vr(const lethe_dicom_element *element, const lethe_dictionary_entry *entry);
/* True when the bytes follow the grammar of their VR (PS3.5 6.2): text VRs always do. */
bool lethe_value_fits(lethe_vr vr, const uint8_t *bytes, size_t size);
/* A valid value that says nothing; static bytes. False for sequences. */
bool lethe_value_dummy(lethe_vr vr, const void **bytes, size_t *size);

/* The value of a text element in UTF-8, padding trimmed. *borrowed is set when the bytes are plain ASCII and were not copied. */
LETHE_NODISCARD lethe_status lethe_value_utf8(const lethe_dicom_element *element, lethe_vr vr, lethe_buffer *copy, const char **text, size_t *size,
                                              lethe_error *error);
/* Clean a text value. *changed: whether anything went; *out is then the new value in the element's character set (may be empty). */
LETHE_NODISCARD lethe_status lethe_value_clean(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_vr vr, lethe_clean_mode mode,
                                               lethe_buffer *out, bool *changed, lethe_error *error);
/* True when the value holds a known identifier (of a person, when `person_only`). */
LETHE_NODISCARD lethe_status lethe_value_identifies(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_vr vr, bool person_only,
                                                    bool *identifies, lethe_error *error);
/* Map each UID of a value that the standard does not register. */
LETHE_NODISCARD lethe_status lethe_value_map_uids(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_buffer *out,
                                                  bool *changed, lethe_error *error);

#endif
