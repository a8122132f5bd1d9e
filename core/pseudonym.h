/* Keyed pseudonyms: every replacement is a function of (project key, purpose, original value), so that no table, lock or coordination is
 * needed and a re-run is byte-identical. docs/pseudonyms.md has the construction and test vectors. Layer: core. Thread rule: one thread at a
 * time per object; create one per worker. */
#ifndef LETHE_CORE_PSEUDONYM_H
#define LETHE_CORE_PSEUDONYM_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    LETHE_KEY_BYTES = 32,
    LETHE_PATIENT_PSEUDONYM_SIZE = 19, /* "P-" and 16 base32 characters, NUL */
    LETHE_UID_SIZE = 65,               /* 64 characters of PS3.5 9.1, NUL */
    LETHE_TOKEN_SIZE = 17              /* 16 base32 characters, NUL */
};

typedef struct lethe_pseudonymizer lethe_pseudonymizer;

/* Read a key file: exactly 32 bytes, a regular file that others cannot read (mode & 077 == 0). Errors: LETHE_IO, LETHE_DENIED (mode),
 * LETHE_CRYPTO (length). `key` must be wiped by the caller. */
LETHE_NODISCARD lethe_status lethe_key_load(const char *path, uint8_t key[LETHE_KEY_BYTES], lethe_error *error);
/* Create a fresh random key file with mode 0600. Errors: LETHE_EXISTS rather than ever replacing one. */
LETHE_NODISCARD lethe_status lethe_key_create(const char *path, lethe_error *error);

/* The key is copied and wiped on destroy. */
LETHE_NODISCARD lethe_status lethe_pseudonymizer_create(const uint8_t key[LETHE_KEY_BYTES], lethe_pseudonymizer **out, lethe_error *error);
void lethe_pseudonymizer_destroy(lethe_pseudonymizer *pseudonymizer);

/* HMAC-SHA-256(sub-key(purpose), value); the ground of all that follows. `purpose` is a short ASCII word. Errors: LETHE_CRYPTO. */
LETHE_NODISCARD lethe_status lethe_pseudonym_digest(lethe_pseudonymizer *pseudonymizer, const char *purpose, const void *value, size_t size,
                                                    uint8_t digest[32], lethe_error *error);

/* Patient ID -> "P-XXXXXXXXXXXXXXXX" (80 bits). `issuer` may be "" (PS3.3 C.7.1.1 Issuer of Patient ID). Leading and trailing spaces do not
 * count (PS3.5 6.2, LO). */
LETHE_NODISCARD lethe_status lethe_pseudonym_patient(lethe_pseudonymizer *pseudonymizer, const char *issuer, const char *patient_id,
                                                     char out[LETHE_PATIENT_PSEUDONYM_SIZE], lethe_error *error);
/* Any UID -> "2.25." and a 128-bit version 8 UUID in decimal (PS3.5 B.2, RFC 9562). Trailing NUL and spaces of the value do not count. */
LETHE_NODISCARD lethe_status lethe_pseudonym_uid(lethe_pseudonymizer *pseudonymizer, const char *uid, size_t length, char out[LETHE_UID_SIZE],
                                                 lethe_error *error);
/* Days to add to every date of this patient: -3652 to -365, never 0. */
LETHE_NODISCARD lethe_status lethe_pseudonym_date_shift(lethe_pseudonymizer *pseudonymizer, const char *issuer, const char *patient_id,
                                                        int32_t *shift_days, lethe_error *error);
/* A free identifier (accession number, slide name, device serial): 16 base32 characters. */
LETHE_NODISCARD lethe_status lethe_pseudonym_token(lethe_pseudonymizer *pseudonymizer, const char *purpose, const char *value, size_t length,
                                                   char out[LETHE_TOKEN_SIZE], lethe_error *error);

/* SHA-256 of bytes, as 64 hex characters and NUL. */
LETHE_NODISCARD lethe_status lethe_sha256_hex(const void *bytes, size_t size, char out[65], lethe_error *error);
/* Of everything behind a descriptor, read in pieces from its start; its position stays. For files that are too large to be mapped and touched: pages
 * that were touched count as memory of the process. */
LETHE_NODISCARD lethe_status lethe_sha256_fd(int fd, char out[65], lethe_error *error);
/* Of a whole file, read in pieces. */
LETHE_NODISCARD lethe_status lethe_sha256_file(const char *path, char out[65], lethe_error *error);

#endif
