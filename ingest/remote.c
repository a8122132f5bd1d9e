#include "ingest/remote.h"

#include "core/memory.h"
#include "ingest/web.h"

#include <string.h>

struct lethe_remote {
    lethe_scu *scu; /* one of the two */
    lethe_web *web;
};

const lethe_peer *lethe_remote_peer(const lethe_project *project, const char *name) {
    for (unsigned i = 0; i < project->ingest.peers_count; i++)
        if (strcmp(project->ingest.peers[i].name, name) == 0) return &project->ingest.peers[i];
    return NULL;
}

bool lethe_remote_is_web(const lethe_peer *peer) { return peer->port == 0 && peer->url[0] != '\0'; }

lethe_status lethe_remote_open(const lethe_remote_options *options, lethe_remote **out, lethe_error *error) {
    const lethe_peer *peer = options->peer;
    *out = NULL;
    lethe_remote *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a peer");
    lethe_status status = LETHE_OK;
    if (options->web) {
        status = lethe_web_open(peer, &fresh->web, error);
    } else {
        const lethe_scu_options scu = {.purpose = options->purpose,
                                       .host = peer->host,
                                       .aet = peer->aet,
                                       .our_aet = options->project->ingest.aet,
                                       .port = peer->port,
                                       .timeout_seconds = options->timeout_seconds,
                                       .sop_class = options->sop_class,
                                       .transfer_syntax = options->transfer_syntax,
                                       .tls = peer->tls,
                                       .authorities = peer->authorities,
                                       .certificate = peer->certificate,
                                       .private_key = peer->private_key,
                                       .tls_name = peer->tls_name};
        status = lethe_scu_open(&scu, &fresh->scu, error);
    }
    if (status != LETHE_OK) lethe_free(fresh);
    else *out = fresh;
    return status;
}

void lethe_remote_close(lethe_remote *remote) {
    if (remote == NULL) return;
    lethe_scu_close(remote->scu);
    lethe_web_close(remote->web);
    lethe_free(remote);
}

lethe_status lethe_remote_find(lethe_remote *remote, const char *level, const lethe_scu_key *keys, size_t count, lethe_scu_answer_fn answer,
                               void *context, size_t *answers, lethe_error *error) {
    return remote->web != NULL ? lethe_web_find(remote->web, level, keys, count, answer, context, answers, error)
                               : lethe_scu_find(remote->scu, level, keys, count, answer, context, answers, error);
}

lethe_status lethe_remote_get(lethe_remote *remote, const char *study, const char *series, const char *folder, lethe_scu_retrieved *result,
                              lethe_error *error) {
    return remote->web != NULL ? lethe_web_get(remote->web, study, series, NULL, folder, result, error)
                               : lethe_scu_get(remote->scu, study, series, NULL, folder, result, error);
}

lethe_status lethe_remote_move(lethe_remote *remote, const char *study, const char *series, const char *destination, lethe_scu_retrieved *result,
                               lethe_error *error) {
    if (remote->web != NULL) return lethe_fail(error, LETHE_INTERNAL, "DICOMweb does not move");
    return lethe_scu_move(remote->scu, study, series, NULL, destination, result, error);
}

lethe_status lethe_remote_store(lethe_remote *remote, const char *path, uint16_t *status, lethe_error *error) {
    return remote->web != NULL ? lethe_web_store(remote->web, path, status, error) : lethe_scu_store(remote->scu, path, status, error);
}
