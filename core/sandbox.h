/* Confinement of worker processes: Landlock for files, seccomp for network, exec and ptrace. Layer: core. Applies to the calling thread and its
 * children for good. */
#ifndef LETHE_CORE_SANDBOX_H
#define LETHE_CORE_SANDBOX_H

#include "core/error.h"

typedef struct lethe_sandbox_options {
    const char *const *read_only;  /* NULL-terminated paths that may be read; NULL = none */
    const char *const *read_write; /* NULL-terminated folders in which files may be made, written, renamed, removed; NULL = none */
    bool allow_local_sockets;      /* AF_UNIX, AF_INET, AF_INET6 stay usable: only for workers that must reach their database server */
    bool allow_accept;             /* a socket that listens already may take connections */
} lethe_sandbox_options;

typedef struct lethe_sandbox_report {
    bool landlock; /* the kernel enforces the path rules */
    bool seccomp;  /* the kernel enforces the call rules */
} lethe_sandbox_report;

/* Whether this kernel can enforce the path rules, asked without entering anything. */
bool lethe_sandbox_has_landlock(void);

/* Enter the sandbox. A kernel without Landlock gives report->landlock = false and no error (the caller decides and tells); any other failure is
 * LETHE_DENIED. */
LETHE_NODISCARD lethe_status lethe_sandbox_enter(const lethe_sandbox_options *options, lethe_sandbox_report *report, lethe_error *error);

#endif
