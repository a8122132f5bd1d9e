/* What the processes of the receiver may still do (core/sandbox.h). Layer: ingest. For the calling process and its children, for good. */
#ifndef LETHE_INGEST_CONFINE_H
#define LETHE_INGEST_CONFINE_H

#include "core/project.h"
#include "ingest/door.h"

/* For a process that serves one association: the inbox, the audit trail and reports to come may be written, its TLS files be read; no other file, no
 * new connection, no exec. A kernel without Landlock leaves the calls forbidden and the files open. Errors: LETHE_DENIED. */
LETHE_NODISCARD lethe_status lethe_confine_association(const lethe_project *project, const lethe_door *door, lethe_error *error);
/* For the processes of STOW-RS and of watched folders: also the whole private side and the watched folders may be written, and their listening socket
 * and the database be reached. With PostgreSQL files stay open, since libpq reads where its user's configuration says. */
LETHE_NODISCARD lethe_status lethe_confine_service(const lethe_project *project, const lethe_door *door, lethe_error *error);

#endif
