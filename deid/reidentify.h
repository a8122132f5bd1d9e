/* `lethe deid reidentify`: the attributes of encrypted.h put back by who holds a recipient's private key. What comes out identifies: private side.
 * Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_REIDENTIFY_H
#define LETHE_DEID_REIDENTIFY_H

#include "core/error.h"

#include <stdint.h>

typedef struct lethe_private_key lethe_private_key;

/* A PEM private key in a file that others cannot read (mode & 077 == 0). `passphrase_path` (first line of a file) may be NULL: an encrypted key is
 * then refused, nobody is asked. Errors: LETHE_IO, LETHE_DENIED (mode), LETHE_CRYPTO. */
LETHE_NODISCARD lethe_status lethe_private_key_load(const char *pem_path, const char *passphrase_path, lethe_private_key **out, lethe_error *error);
void lethe_private_key_destroy(lethe_private_key *key); /* NULL is a no-op */

/* Restore one instance: the attributes of its Encrypted Attributes Sequence take their places again, and the statements of PS3.15 E.1.1 go. `to` is
 * written with mode 0600. Errors: LETHE_NOT_FOUND without such a sequence, LETHE_CRYPTO when the key opens no item of it, LETHE_MALFORMED. */
LETHE_NODISCARD lethe_status lethe_reidentify_file(const lethe_private_key *key, const char *from, const char *to, lethe_error *error);

typedef struct lethe_reidentify_counts {
    uint64_t restored, without, failed; /* without: no encrypted attributes; no output then */
} lethe_reidentify_counts;
typedef void (*lethe_reidentify_fn)(void *context, const char *relative, const char *reason);

/* The same for every DICOM file below `from` (second names of a file-set aside), into the same tree below `to` (created with mode 0700). `tell` hears
 * of each file that is not restored. Errors: LETHE_USAGE when one lies in the other. */
LETHE_NODISCARD lethe_status lethe_reidentify_tree(const lethe_private_key *key, const char *from, const char *to, lethe_reidentify_fn tell,
                                                   void *context, lethe_reidentify_counts *counts, lethe_error *error);

#endif
