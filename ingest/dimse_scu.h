/* DICOM associations that we open: query, retrieve, store, commitment reports; through DCMTK, behind plain C. Layer: ingest. Thread rule: one thread
 * at a time per association. */
#ifndef LETHE_INGEST_DIMSE_SCU_H
#define LETHE_INGEST_DIMSE_SCU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "core/error.h"
#include "ingest/dimse.h"

typedef struct lethe_scu lethe_scu;

typedef enum lethe_scu_purpose {
    LETHE_SCU_ECHO,
    LETHE_SCU_FIND,  /* Study Root C-FIND */
    LETHE_SCU_GET,   /* Study Root C-GET, with the storage classes as provider */
    LETHE_SCU_MOVE,  /* Study Root C-MOVE */
    LETHE_SCU_STORE, /* C-STORE of one class in one transfer syntax */
    LETHE_SCU_COMMIT /* to report on a storage commitment, in the provider's role */
} lethe_scu_purpose;

typedef struct lethe_scu_options {
    lethe_scu_purpose purpose;
    const char *host, *aet, *our_aet;
    uint16_t port;
    unsigned timeout_seconds;                /* 0 = 60 */
    const char *sop_class, *transfer_syntax; /* LETHE_SCU_STORE */
    /* TLS 1.2 and 1.3 (BCP 195). PEM files; authorities that vouch for the peer; certificate and private_key "" or NULL = we show none. */
    bool tls;
    const char *authorities, *certificate, *private_key;
    const char *tls_name; /* host name or address that the peer's certificate must have as subject alternative name; "" or NULL = any */
} lethe_scu_options;

/* Connect and negotiate. Errors: LETHE_NETWORK (no connection, rejected, a context refused). */
LETHE_NODISCARD lethe_status lethe_scu_open(const lethe_scu_options *options, lethe_scu **out, lethe_error *error);
/* Releases the association. NULL is a no-op. */
void lethe_scu_close(lethe_scu *scu);

LETHE_NODISCARD lethe_status lethe_scu_echo(lethe_scu *scu, lethe_error *error);

/* A key of a query, or an attribute of an answer. */
typedef struct lethe_scu_key {
    uint32_t tag;
    const char *value; /* UTF-8 in queries that need no more than ASCII; "" = return it */
} lethe_scu_key;
/* One answer; `values[i]` belongs to keys[i], "" when the peer left it out. Borrowed. */
typedef lethe_status (*lethe_scu_answer_fn)(void *context, const char *const *values, lethe_error *error);
enum { LETHE_SCU_MAX_KEYS = 24 };
/* C-FIND at level "STUDY", "SERIES" or "IMAGE". Errors: LETHE_LIMIT when the peer had too many answers (A700), LETHE_NETWORK otherwise. `answers` may
 * be NULL. */
LETHE_NODISCARD lethe_status lethe_scu_find(lethe_scu *scu, const char *level, const lethe_scu_key *keys, size_t count, lethe_scu_answer_fn answer,
                                            void *context, size_t *answers, lethe_error *error);

typedef struct lethe_scu_retrieved {
    unsigned completed, failed, warnings;
    uint16_t status; /* final DIMSE status */
} lethe_scu_retrieved;
/* C-GET of a series (or one instance when `instance` is not NULL) into `folder`, each data set as received. */
LETHE_NODISCARD lethe_status lethe_scu_get(lethe_scu *scu, const char *study, const char *series, const char *instance, const char *folder,
                                           lethe_scu_retrieved *result, lethe_error *error);
/* C-MOVE of the same to the title `destination`. */
LETHE_NODISCARD lethe_status lethe_scu_move(lethe_scu *scu, const char *study, const char *series, const char *instance, const char *destination,
                                            lethe_scu_retrieved *result, lethe_error *error);
/* C-STORE of a Part 10 file; *status is the peer's answer. Errors: LETHE_NETWORK, LETHE_MALFORMED (unreadable file). */
LETHE_NODISCARD lethe_status lethe_scu_store(lethe_scu *scu, const char *path, uint16_t *status, lethe_error *error);
/* N-EVENT-REPORT of a storage commitment (PS3.4 J.3.3). */
LETHE_NODISCARD lethe_status lethe_scu_report(lethe_scu *scu, const char *transaction_uid, const lethe_dimse_reference *references, size_t count,
                                              lethe_error *error);

#ifdef __cplusplus
}
#endif

#endif
