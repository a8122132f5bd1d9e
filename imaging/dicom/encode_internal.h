/* Header bytes and padding, shared by encode.c and the edit writer. Layer: imaging, private to it. Thread rule: no state. */
#ifndef LETHE_IMAGING_DICOM_ENCODE_INTERNAL_H
#define LETHE_IMAGING_DICOM_ENCODE_INTERNAL_H

#include "imaging/dicom/reader.h"

/* Of this implementation (PS3.7 D.3.3.2): a UUID-derived UID (PS3.5 B.2), made once for this project. */
#define LETHE_IMPLEMENTATION_CLASS_UID "2.25.337097350930039821194483036829242267958"
#define LETHE_IMPLEMENTATION_VERSION "LETHE_0_1"

/* What fills a value of odd length (PS3.5 6.2): space for text, NUL for UIDs and binary. */
uint8_t lethe_dicom_padding(lethe_vr vr);
/* Whether the length field of that VR can hold `size` (padded to even). */
bool lethe_dicom_length_fits(lethe_dicom_encoding encoding, lethe_vr vr, uint64_t size);
/* Write tag, VR and length; returns 8 or 12. */
size_t lethe_dicom_put_header(uint8_t out[12], lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, uint32_t length);

#endif
