/* Structured log lines on stderr for the programs and daemons; libraries never log.
 *
 * A line is `2026-01-31T12:00:00Z level event key=value ...`. Values are counts, codes, tags, offsets, states and pseudonyms: never an attribute
 * value, a private path, a host name of a patient's device or anything else that may identify. Layer: core. Thread rule: safe (one write a line). */
#ifndef LETHE_CORE_LOG_H
#define LETHE_CORE_LOG_H

#include "core/error.h"

typedef enum lethe_log_level { LETHE_LOG_DEBUG, LETHE_LOG_INFO, LETHE_LOG_WARNING, LETHE_LOG_ERROR, LETHE_LOG_OFF } lethe_log_level;

/* Lines below `level` are not written; starts at LETHE_LOG_INFO. */
void lethe_log_set_level(lethe_log_level level);
/* `event` is one snake_case word; `format` gives the key=value pairs. */
void lethe_log(lethe_log_level level, const char *event, const char *format, ...) LETHE_PRINTF(3, 4);

#endif
