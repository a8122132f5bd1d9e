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

#endif
