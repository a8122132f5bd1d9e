#include "core/error.h"

#include <stdio.h>
#include <string.h>

static void store(lethe_error *error, lethe_status status, const char *format, va_list arguments) LETHE_PRINTF(3, 0);
static void store(lethe_error *error, lethe_status status, const char *format, va_list arguments) {
    if (error == NULL || error->status != LETHE_OK) return;
    error->status = status;
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
}

lethe_status lethe_fail(lethe_error *error, lethe_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    store(error, status, format, arguments);
    va_end(arguments);
    return status;
}

lethe_status lethe_fail_errno(lethe_error *error, int errno_value, const char *format, ...) {
    if (error == NULL || error->status != LETHE_OK) return LETHE_IO;
    va_list arguments;
    va_start(arguments, format);
    store(error, LETHE_IO, format, arguments);
    va_end(arguments);
    char reason[96];
    const char *word = strerror_r(errno_value, reason, sizeof reason);
    size_t used = strlen(error->message);
    (void)snprintf(error->message + used, sizeof error->message - used, ": %s", word);
    return LETHE_IO;
}

void lethe_error_clear(lethe_error *error) {
    if (error == NULL) return;
    error->status = LETHE_OK;
    error->message[0] = '\0';
}

const char *lethe_status_name(lethe_status status) {
    switch (status) {
    case LETHE_OK: return "ok";
    case LETHE_NO_MEMORY: return "no_memory";
    case LETHE_IO: return "io";
    case LETHE_LIMIT: return "limit";
    case LETHE_MALFORMED: return "malformed";
    case LETHE_UNSUPPORTED: return "unsupported";
    case LETHE_USAGE: return "usage";
    case LETHE_CONFIG: return "config";
    case LETHE_NOT_FOUND: return "not_found";
    case LETHE_EXISTS: return "exists";
    case LETHE_DENIED: return "denied";
    case LETHE_DATABASE: return "database";
    case LETHE_NETWORK: return "network";
    case LETHE_CRYPTO: return "crypto";
    case LETHE_UNSAFE: return "unsafe";
    case LETHE_REVIEW: return "review";
    case LETHE_INTERNAL: return "internal";
    }
    return "unknown";
}

lethe_exit lethe_status_exit(lethe_status status) {
    if (status == LETHE_OK) return LETHE_EXIT_DONE;
    if (status == LETHE_USAGE || status == LETHE_CONFIG) return LETHE_EXIT_USAGE;
    return LETHE_EXIT_FAILED;
}
