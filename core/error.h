/* Status codes and error messages.
 *
 * Every fallible function returns a lethe_status and takes the caller's lethe_error as its last parameter (may be NULL). The first error
 * wins: a lethe_error that already holds a failure is not overwritten. Messages never contain an attribute value, a pixel or a path of the
 * private side; they name a tag, an offset, a length or a rule. Layer: core. Thread rule: no shared state. */
#ifndef LETHE_CORE_ERROR_H
#define LETHE_CORE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define LETHE_NODISCARD __attribute__((warn_unused_result))
#define LETHE_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

typedef enum lethe_status {
    LETHE_OK = 0,
    LETHE_NO_MEMORY,   /* an allocation failed */
    LETHE_IO,          /* the operating system refused to read, write, sync or rename */
    LETHE_LIMIT,       /* input larger, deeper or longer than core/limits.h allows */
    LETHE_MALFORMED,   /* bytes that do not follow their standard */
    LETHE_UNSUPPORTED, /* well-formed, but of a kind that Lethe does not handle */
    LETHE_USAGE,       /* wrong command line */
    LETHE_CONFIG,      /* wrong configuration, profile or schema file */
    LETHE_NOT_FOUND,
    LETHE_EXISTS,
    LETHE_DENIED,   /* the caller has no right to it */
    LETHE_DATABASE, /* the store refused */
    LETHE_NETWORK,
    LETHE_CRYPTO,
    LETHE_UNSAFE,  /* releasing this would, or might, identify a person */
    LETHE_REVIEW,  /* a person has to decide */
    LETHE_INTERNAL /* a mistake of ours */
} lethe_status;

typedef struct lethe_error {
    lethe_status status; /* LETHE_OK until something failed */
    char message[256];   /* UTF-8, NUL-terminated, one line */
} lethe_error;

/* Exit codes of every program (docs/guide.md). */
typedef enum lethe_exit {
    LETHE_EXIT_DONE = 0,
    LETHE_EXIT_FAILED = 1,
    LETHE_EXIT_USAGE = 2,
    LETHE_EXIT_QUARANTINED = 3,
    LETHE_EXIT_REVIEW = 4
} lethe_exit;

/* Store `status` and the message in `error` unless it holds a failure already. Returns `status`, so that a caller can write
 * `return lethe_fail(error, LETHE_IO, ...)`. */
lethe_status lethe_fail(lethe_error *error, lethe_status status, const char *format, ...) LETHE_PRINTF(3, 4);

/* The same for an errno value; appends the system's word for it. */
lethe_status lethe_fail_errno(lethe_error *error, int errno_value, const char *format, ...) LETHE_PRINTF(3, 4);

void lethe_error_clear(lethe_error *error);

/* A lower-case word for a status, as it stands in manifests and JSON: "malformed". Static storage. */
const char *lethe_status_name(lethe_status status);

/* The exit code that fits a failure: usage and configuration give 2, the rest 1. */
lethe_exit lethe_status_exit(lethe_status status);

#endif
