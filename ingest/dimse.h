/* DICOM associations through DCMTK: the provider of one accepted connection. Plain C; DCMTK stays behind it (PS3.7, PS3.8).
 *
 * Layer: ingest. Thread rule: one association per process (DCMTK keeps the external socket in a global). */
#ifndef LETHE_INGEST_DIMSE_H
#define LETHE_INGEST_DIMSE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "core/error.h"

/* C-STORE and N-ACTION status codes (PS3.4 B.2.3, PS3.7 C). */
enum {
    LETHE_DIMSE_SUCCESS = 0x0000,
    LETHE_DIMSE_OUT_OF_RESOURCES = 0xA700,
    LETHE_DIMSE_CANNOT_UNDERSTAND = 0xC000,
    LETHE_DIMSE_PROCESSING_FAILURE = 0x0110,
    LETHE_DIMSE_NO_SUCH_INSTANCE = 0x0112
};

typedef enum lethe_dimse_verdict {
    LETHE_DIMSE_ACCEPT,
    LETHE_DIMSE_REJECT_CALLING, /* permanent: calling AE title not recognized */
    LETHE_DIMSE_REJECT_CALLED,  /* permanent: called AE title not recognized */
    LETHE_DIMSE_REJECT_BUSY     /* transient: local limit exceeded */
} lethe_dimse_verdict;

/* Who stores what; strings live during the call and are not trusted: they may hold any bytes. */
typedef struct lethe_dimse_store {
    const char *calling_aet, *called_aet;
    const char *sop_class, *sop_instance, *transfer_syntax;
} lethe_dimse_store;

/* One instance of a storage commitment request (PS3.4 J.3). */
typedef struct lethe_dimse_reference {
    char sop_class[65], sop_instance[65];
    bool committed;   /* set by `commitment` */
    uint16_t failure; /* PS3.3 C.14 Failure Reason when not: 0x0110, 0x0112, 0x0119 */
} lethe_dimse_reference;

/* What the caller does; `context` goes to each. */
typedef struct lethe_dimse_handler {
    void *context;
    /* `certificate` is the SHA-256 of the peer's certificate in hex, "" without one. */
    lethe_dimse_verdict (*associate)(void *context, const char *calling_aet, const char *called_aet, const char *certificate);
    bool (*accepts_class)(void *context, const char *abstract_syntax); /* storage classes beyond the standard's */
    /* Begin an instance: LETHE_DIMSE_SUCCESS, or the status to answer after its data set has been read away. */
    uint16_t (*store_begin)(void *context, const lethe_dimse_store *store);
    void (*store_data)(void *context, const void *bytes, size_t size); /* the data set as received; failures are told by store_end */
    /* The data set has ended (`complete`) or the link broke. Returns the status to answer; what it says is true when it returns. */
    uint16_t (*store_end)(void *context, bool complete);
    void (*commitment)(void *context, lethe_dimse_reference *references, size_t count);
    /* Keep the report, to tell the peer on an association of its own, later; false = it is to be told on this one, once its request is answered. */
    bool (*report)(void *context, const char *transaction_uid, const lethe_dimse_reference *references, size_t count);
    bool (*stopping)(void *context); /* asked about once a second while idle */
    /* Called whenever the peer made progress worth a new deadline: `seconds` from now the caller may cut the connection. 0 = none. */
    void (*deadline)(void *context, unsigned seconds);
} lethe_dimse_handler;

/* TLS (BCP 195, RFC 9325); all paths of PEM files. */
typedef struct lethe_dimse_tls {
    const char *certificate, *private_key;
    const char *authorities;         /* of clients; NULL = none are trusted */
    bool require_client_certificate; /* else a client without one is let in */
} lethe_dimse_tls;

typedef struct lethe_dimse_options {
    unsigned idle_seconds;      /* between two requests; 0 = 300 */
    unsigned stall_seconds;     /* within an association request or a data set; 0 = 60 */
    uint32_t max_pdu_bytes;     /* that we receive; 0 = 131072 */
    const lethe_dimse_tls *tls; /* NULL = plain */
} lethe_dimse_options;

typedef struct lethe_dimse_summary {
    char calling_aet[17], called_aet[17];
    uint64_t instances, bytes; /* answered with success; data set bytes */
    bool released;             /* the peer ended in good order */
} lethe_dimse_summary;

/* Load DCMTK's dictionary, before a process per association is forked: each would read it for itself. Idempotent. */
LETHE_NODISCARD lethe_status lethe_dimse_prepare(lethe_error *error);

/* Serve one association on a connected socket until it ends; takes the socket. Accepts Verification, Storage Commitment and every storage class with
 * the transfer syntax as sent. Errors: LETHE_NETWORK with DCMTK's words for a connection that broke, was no DICOM or stalled. */
LETHE_NODISCARD lethe_status lethe_dimse_serve(int socket, const lethe_dimse_options *options, const lethe_dimse_handler *handler,
                                               lethe_dimse_summary *summary, lethe_error *error);

#ifdef __cplusplus
}
#endif

#endif
