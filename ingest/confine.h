/* What the processes of the receiver may still do (core/sandbox.h). Layer: ingest. For the calling process and its children, for good. */
#ifndef LETHE_INGEST_CONFINE_H
#define LETHE_INGEST_CONFINE_H

#include "core/project.h"
#include "ingest/door.h"

/* For a process that serves one association: the inbox, the audit trail and reports to come may be written, its TLS files be read; no other file, no
 * new connection, no exec. A kernel without Landlock leaves the calls forbidden and the files open. Errors: LETHE_DENIED. */
LETHE_NODISCARD lethe_status lethe_confine_association(const lethe_project *project, const lethe_door *door, lethe_error *error);
/* For the processes of watched folders and of STOW-RS, when their store is open, their certificates are read and their socket listens: the inbox may
 * be written (and the watched folders, when originals are moved or deleted), the project's key be read (objections are kept under pseudonyms); no
 * exec, no new connection. With PostgreSQL connections stay possible, and the system's configuration can be read, so that a lost link can be made
 * again. Errors: LETHE_DENIED. */
LETHE_NODISCARD lethe_status lethe_confine_watch(const lethe_project *project, const lethe_door *door, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_confine_stow(const lethe_project *project, const lethe_door *door, lethe_error *error);
/* For the process of metrics, when its store is open and its socket listens: no file, no new connection (but PostgreSQL's, as above), no exec. */
LETHE_NODISCARD lethe_status lethe_confine_metrics(const lethe_project *project, lethe_error *error);
/* For the process that sends audit messages, when its certificates are read: the trail and the system's configuration may be read, connections be
 * made (names must be resolved, and the link made again); no file may be written, no exec. */
LETHE_NODISCARD lethe_status lethe_confine_audit(const lethe_project *project, lethe_error *error);
/* For the process that delivers commitment reports: it may write their folder, read the peers' TLS files and the system's configuration, and make
 * connections; no exec. */
LETHE_NODISCARD lethe_status lethe_confine_report(const lethe_project *project, lethe_error *error);

#endif
