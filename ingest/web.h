/* DICOMweb as a client (PS3.18): QIDO-RS asks, WADO-RS fetches, STOW-RS stores. Same questions and answers as ingest/dimse_scu.h, so that a pull does
 * not care how its peer speaks. Through libcurl; HTTP redirects, proxies and .netrc are not followed.
 *
 * Layer: ingest. Thread rule: one thread at a time per object; not carried over fork(). */
#ifndef LETHE_INGEST_WEB_H
#define LETHE_INGEST_WEB_H

#include "core/project.h"
#include "ingest/dimse_scu.h"

typedef struct lethe_web lethe_web;

/* Prepare a client for peer->url; connects only when asked something. Errors: LETHE_CONFIG (not http or https, a token over plain HTTP to another
 * machine, a token file that cannot be read). */
LETHE_NODISCARD lethe_status lethe_web_open(const lethe_peer *peer, lethe_web **out, lethe_error *error);
void lethe_web_close(lethe_web *web);

/* QIDO-RS at level "STUDY", "SERIES" or "IMAGE" (10.6); keys as for C-FIND. All pages are asked for until one is empty. Errors: LETHE_LIMIT when the
 * peer wants a narrower question (413), LETHE_NETWORK (no connection, another HTTP status), LETHE_MALFORMED (no DICOM JSON, a UID that is none). */
LETHE_NODISCARD lethe_status lethe_web_find(lethe_web *web, const char *level, const lethe_scu_key *keys, size_t count, lethe_scu_answer_fn answer,
                                            void *context, size_t *answers, lethe_error *error);
/* WADO-RS (10.4) of a series, or one instance, in the transfer syntaxes that the peer has, into new files in `folder`. What came whole before a link
 * broke stays there. */
LETHE_NODISCARD lethe_status lethe_web_get(lethe_web *web, const char *study, const char *series, const char *instance, const char *folder,
                                           lethe_scu_retrieved *result, lethe_error *error);
/* STOW-RS (10.5) of one Part 10 file. *status as of C-STORE: 0 stored, Bxxx stored with a remark, else refused. */
LETHE_NODISCARD lethe_status lethe_web_store(lethe_web *web, const char *path, uint16_t *status, lethe_error *error);

#endif
