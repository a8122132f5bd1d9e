/* The audit trail: private/audit.jsonl, one JSON object a line, each carrying the SHA-256 of the line before it, so that a line that was changed,
 * removed or put in shows. What it holds says what was done and how much, never to whom. Layer: core. Thread rule: safe between processes (a lock
 * per line). */
#ifndef LETHE_CORE_TRAIL_H
#define LETHE_CORE_TRAIL_H

#include "core/error.h"
#include "core/project.h"

#include <stdint.h>

/* Append one event, synced. `event` is one word; `format` gives further members of the object as JSON text, e.g. "\"instances\":%u", or "" for none;
 * the caller quotes what needs it. Errors: LETHE_IO, LETHE_MALFORMED when the trail's last line is damaged. */
LETHE_NODISCARD lethe_status lethe_trail_append(const lethe_project *project, lethe_error *error, const char *event, const char *format, ...)
    LETHE_PRINTF(4, 5);

/* Check the whole chain. Errors: LETHE_UNSAFE with the number of the first line that does not fit; LETHE_NOT_FOUND when there is no trail. `head`
 * gets the digest of the last line: kept elsewhere, it also shows a trail that was cut at its end. */
LETHE_NODISCARD lethe_status lethe_trail_verify(const lethe_project *project, uint64_t *lines, char head[65], lethe_error *error);

#endif
