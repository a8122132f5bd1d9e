/* What an instance says, whatever way it is written: two files of one SOP Instance UID are one instance when this is equal. Explicit or implicit VR,
 * byte order, deflation, defined or undefined lengths, padding, group lengths, file meta, how compressed frames are cut into fragments, and lossless
 * compression make no difference; every value, and every decoded pixel, does. Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_CONTENT_H
#define LETHE_DEID_CONTENT_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* SHA-256 as hex over the content of a DICOM file. Memory: its index and one frame. Cost: lossless frames are decoded. Errors: those of
 * lethe_dicom_dataset_parse, LETHE_CRYPTO. */
LETHE_NODISCARD lethe_status lethe_content_digest(const uint8_t *bytes, size_t size, char hex[65], lethe_error *error);
LETHE_NODISCARD lethe_status lethe_content_digest_file(const char *path, char hex[65], lethe_error *error);

#endif
