/* What a run over many inputs learns before it releases the first: identifiers of each patient and study (known.h), and which inputs have one SOP
 * Instance UID. Private side. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_INPUTS_H
#define LETHE_DEID_INPUTS_H

#include "deid/known.h"
#include "deid/pipeline.h"

typedef struct lethe_inputs lethe_inputs;
/* `scratch_folder` as in lethe_known_create. */
LETHE_NODISCARD lethe_status lethe_inputs_create(const char *scratch_folder, lethe_inputs **out, lethe_error *error);
void lethe_inputs_destroy(lethe_inputs *inputs); /* NULL is a no-op */

LETHE_NODISCARD lethe_status lethe_inputs_add(lethe_inputs *inputs, const char *path, const lethe_learned *learned, const void *values, size_t size,
                                              lethe_error *error);
/* All were added: from here on questions can be asked. */
LETHE_NODISCARD lethe_status lethe_inputs_settle(lethe_inputs *inputs, lethe_error *error);
/* Inputs that share their SOP Instance UID with another; 0: nothing to probe. */
size_t lethe_inputs_contested_count(const lethe_inputs *inputs);
bool lethe_inputs_is_contested(const lethe_inputs *inputs, const char *path);
/* What a contested input would become: the digest of its bytes ("" when it would not be released) and of its content (content.h). */
void lethe_inputs_probed(lethe_inputs *inputs, const char *path, const char *sha256, const char *content);
typedef enum lethe_claim {
    LETHE_CLAIM_GOOD = 0,
    LETHE_CLAIM_CONFLICT, /* inputs of one SOP Instance UID have different content: none of them can be released, whoever comes first */
    LETHE_CLAIM_COPY      /* the same content in other bytes than the one that is released (the one of the smallest digest) */
} lethe_claim;
lethe_claim lethe_inputs_claim(const lethe_inputs *inputs, const char *path);
/* What others told (lethe_known_others). Errors: LETHE_NOT_FOUND for an input that was not added. */
LETHE_NODISCARD lethe_status lethe_inputs_others(const lethe_inputs *inputs, const char *path, lethe_buffer *values, lethe_error *error);

#endif
