/* Re-identification on request: what an instance loses travels in it, encrypted for named recipients (PS3.15 E.1.1; PS3.3 C.12.1.1.4.1, Encrypted
 * Attributes Sequence).
 *
 * The content is a Modified Attributes Sequence (0400,0550) with one item that holds every top-level attribute that was removed or changed, as it
 * stood in the input, in a CMS EnvelopedData (RFC 5652: AES-256-CBC, RSA key transport). Content key, vector and padding are functions of the project
 * key and the content: a repeated run and every shard write the same bytes, and the key never meets the same content twice. Layer: deid.
 * Thread rule: recipients are immutable after load. */
#ifndef LETHE_DEID_ENCRYPTED_H
#define LETHE_DEID_ENCRYPTED_H

#include "core/buffer.h"
#include "core/pseudonym.h"
#include "imaging/dicom/edit.h"

typedef struct lethe_recipients lethe_recipients;

enum { LETHE_RECIPIENTS_MAX = 8 };

/* The certificates of a PEM file, one to eight, each with an RSA key of 2,048 bits or more. Errors: LETHE_IO, LETHE_CONFIG for what is no such
 * certificate, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_recipients_load(const char *pem_path, lethe_recipients **out, lethe_error *error);
void lethe_recipients_destroy(lethe_recipients *recipients); /* NULL is a no-op */

/* Append the DER of an EnvelopedData over `plain`. Errors: LETHE_CRYPTO, LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_envelope_seal(const lethe_recipients *recipients, lethe_pseudonymizer *pseudonymizer, const void *plain,
                                                 size_t size, lethe_buffer *der, lethe_error *error);
/* True when bytes are a CMS EnvelopedData and nothing else (one zero byte of padding aside). */
bool lethe_envelope_is_one(const uint8_t *bytes, size_t size);

/* Put (0400,0500) into `script`: everything at the top level that the script removes or changes so far. Pixel data, group lengths and padding are
 * left out; an attribute that the script adds and the input did not have stands there without a value. `sealed` (initialised) gets the bytes of
 * (0400,0520), for the audit, which need not search them. Nothing changed: nothing is added, `sealed` stays empty. */
LETHE_NODISCARD lethe_status lethe_encrypted_insert(const lethe_recipients *recipients, lethe_pseudonymizer *pseudonymizer,
                                                    lethe_dicom_dataset *dataset, lethe_edit_script *script, lethe_buffer *sealed,
                                                    lethe_error *error);

#endif
