/* A peer that we ask, fetch from or send to, by DICOM (ingest/dimse_scu.h) or DICOMweb (ingest/web.h), whichever project.yaml gives for it. Layer:
 * ingest. Thread rule: one thread at a time per object; not carried over fork(). */
#ifndef LETHE_INGEST_REMOTE_H
#define LETHE_INGEST_REMOTE_H

#include "core/project.h"
#include "ingest/dimse_scu.h"

typedef struct lethe_remote lethe_remote;

typedef struct lethe_remote_options {
    const lethe_project *project;
    const lethe_peer *peer;
    bool web;                  /* DICOMweb */
    lethe_scu_purpose purpose; /* DICOM: what the association is for */
    unsigned timeout_seconds;  /* DICOM; 0 = 60 */
    const char *sop_class, *transfer_syntax;
} lethe_remote_options;

/* The peer of project.yaml with this name, or NULL. */
const lethe_peer *lethe_remote_peer(const lethe_project *project, const char *name);
/* Whether DICOMweb is to be spoken: when the peer has a URL and no port. */
bool lethe_remote_is_web(const lethe_peer *peer);

/* Errors: as lethe_scu_open and lethe_web_open. */
LETHE_NODISCARD lethe_status lethe_remote_open(const lethe_remote_options *options, lethe_remote **out, lethe_error *error);
void lethe_remote_close(lethe_remote *remote);
/* As lethe_scu_find, lethe_scu_get and lethe_scu_store. */
LETHE_NODISCARD lethe_status lethe_remote_find(lethe_remote *remote, const char *level, const lethe_scu_key *keys, size_t count,
                                               lethe_scu_answer_fn answer, void *context, size_t *answers, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_remote_get(lethe_remote *remote, const char *study, const char *series, const char *folder,
                                              lethe_scu_retrieved *result, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_remote_move(lethe_remote *remote, const char *study, const char *series, const char *destination,
                                               lethe_scu_retrieved *result, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_remote_store(lethe_remote *remote, const char *path, uint16_t *status, lethe_error *error);

#endif
