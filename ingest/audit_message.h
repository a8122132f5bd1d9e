/* Lines of the audit trail as DICOM audit messages (PS3.15 A.5), to be sent by syslog (PS3.15 A.6, RFC 5424, RFC 5425). They say what was done, by
 * which host, and how much: patients and studies, which A.5.3 would name, are left out as in the trail itself. Layer: ingest. Thread rule: pure. */
#ifndef LETHE_INGEST_AUDIT_MESSAGE_H
#define LETHE_INGEST_AUDIT_MESSAGE_H

#include "core/buffer.h"

typedef struct lethe_audit_source {
    const char *aet;      /* ours */
    const char *hostname; /* of this machine */
    long pid;
} lethe_audit_source;

/* Append the frame of one line of private/audit.jsonl: MSG-LEN SP SYSLOG-MSG. Errors: LETHE_MALFORMED when it is no line of a trail. */
LETHE_NODISCARD lethe_status lethe_audit_frame(const lethe_audit_source *source, const char *line, size_t length, lethe_buffer *out,
                                               lethe_error *error);

#endif
