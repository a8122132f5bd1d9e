/* What an association's process and the receiver say to each other, over a SOCK_SEQPACKET pair. Layer: ingest. */
#ifndef LETHE_INGEST_INTAKE_H
#define LETHE_INGEST_INTAKE_H

#include "core/queue.h"
#include "ingest/cohort.h"
#include "ingest/dimse.h"
#include "ingest/door.h"
#include "ingest/inbox.h"

#include <stdatomic.h>

typedef enum intake_request_kind {
    INTAKE_ADD,     /* record `item`, whose file is synced */
    INTAKE_OBJECTS, /* does this patient object? LETHE_OK = no, LETHE_DENIED = yes */
    INTAKE_LOOKUP   /* is an item with this SOP instance (and class, unless "") recorded? */
} intake_request_kind;

typedef struct intake_request {
    intake_request_kind kind;
    lethe_item item;
    char patient_id[65], issuer[65]; /* INTAKE_OBJECTS; otherwise "" */
} intake_request;

/* LETHE_OK: recorded (or found). LETHE_EXISTS: the same content was there already. LETHE_NOT_FOUND. Anything else: refused. */
typedef struct intake_reply {
    lethe_status status;
    bool in_doubt; /* refused, but the row may stand: the file must stay */
} intake_reply;

/* In memory shared by all processes of the receiver. */
typedef struct intake_shared {
    _Atomic int backlog;    /* too many items wait: refuse new ones */
    _Atomic int objections; /* some patients object: ask about each */
    _Atomic uint64_t instances, bytes, duplicates, refused, dropped, associations, rejected, broken;
} intake_shared;

typedef struct association_options {
    const lethe_project *project;
    const lethe_door *door;
    const char *aet;       /* ours */
    const char *peer_host; /* numeric */
    lethe_inbox *inbox;
    const lethe_cohort *cohort; /* NULL = everybody */
    intake_shared *shared;
    int channel; /* to the receiver */
    bool busy;   /* reject: too many associations */
} association_options;

/* In a forked child: serve the connection and return the exit code. */
int lethe_association_run(int socket, const association_options *options);

#endif
