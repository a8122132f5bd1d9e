/* The section `ingest.door` of project.yaml: who may come in and how (docs/ingest.md). Layer: ingest. Thread rule: immutable after load. */
#ifndef LETHE_INGEST_DOOR_H
#define LETHE_INGEST_DOOR_H

#include "core/error.h"
#include "core/project.h"

#include <stdint.h>

typedef enum lethe_door_originals { LETHE_ORIGINALS_KEEP, LETHE_ORIGINALS_MOVE, LETHE_ORIGINALS_DELETE } lethe_door_originals;

typedef struct lethe_door_allow {
    char *aet;         /* calling AE title; NULL = any */
    char *host;        /* numeric address; NULL = any */
    char *certificate; /* SHA-256 fingerprint of the client certificate in hex; NULL = any */
    int32_t priority;  /* of what comes from there */
} lethe_door_allow;

typedef struct lethe_door_tls {
    char *certificate, *private_key, *authorities; /* PEM; NULL = no TLS */
    bool require_client;
} lethe_door_tls;

typedef struct lethe_door_stow {
    uint32_t port; /* 0 = off */
    char *host;    /* default: ingest.host */
    char *token_file;
} lethe_door_stow;

/* Where audit messages go: an audit record repository by syslog over TLS. */
typedef struct lethe_door_audit {
    char *host;                                    /* NULL = nowhere */
    uint32_t port;                                 /* default 6514 */
    char *authorities, *certificate, *private_key; /* PEM; the latter two may be NULL */
} lethe_door_audit;

typedef struct lethe_door {
    uint32_t max_associations;            /* default 64 */
    uint32_t idle_seconds, stall_seconds; /* 300, 60 */
    uint32_t max_pdu_bytes;               /* 131072 */
    uint32_t reserve_mib;                 /* refuse with A700 below this; default 1024 */
    uint32_t max_queued;                  /* refuse with A700 when more items wait; 0 = no limit */
    bool check_called;                    /* reject other called AE titles than ours */
    lethe_door_allow *allow;              /* empty = everybody */
    uint32_t allow_count;
    char **sop_classes; /* private storage classes to accept */
    uint32_t sop_classes_count;
    char *cohort;                   /* CSV of who may come in; NULL = all. Path relative to the project folder */
    char *metrics;                  /* "HOST:PORT" for Prometheus; NULL = off */
    lethe_door_originals originals; /* of watched folders */
    uint32_t stable_seconds;        /* a watched file must not have changed for so long; default 5 */
    uint32_t rescan_seconds;        /* default 60 */
    lethe_door_tls tls;
    lethe_door_stow stow;
    lethe_door_audit audit;
} lethe_door;

/* Defaults where the section or a key is missing. Relative paths are made relative to the project folder. Errors: LETHE_CONFIG. */
LETHE_NODISCARD lethe_status lethe_door_load(const lethe_project *project, lethe_door **out, lethe_error *error);
void lethe_door_free(lethe_door *door);

#endif
