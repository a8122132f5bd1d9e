#include "ingest/confine.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "ingest/report.h"

#include <errno.h>
#include <sys/resource.h>

enum { MOST_PATHS = 300 };
#define ASSOCIATION_BYTES (1ull << 30) /* twice what reading one data set may need */

typedef struct paths {
    const char *at[MOST_PATHS + 1]; /* NULL-terminated */
    size_t count;
} paths;

static void put(paths *list, const char *path) {
    if (path != NULL && path[0] != '\0' && list->count < MOST_PATHS) list->at[list->count++] = path;
}

/* DCMTK's dictionary, OpenSSL's configuration, and what project.yaml names. */
static void put_readable(paths *list, const lethe_project *project, const lethe_door *door) {
    put(list, "/usr/share");
    put(list, "/usr/lib");
    put(list, "/etc/ssl");
    put(list, door->tls.certificate);
    put(list, door->tls.private_key);
    put(list, door->tls.authorities);
    put(list, project->config_path);
}

/* A few bytes of a request may claim gigabytes: they are refused by the kernel rather than by the machine's memory. Mapped files do not count. */
static lethe_status limit_memory(lethe_error *error) {
    const struct rlimit none = {0, 0}; /* a core dump would hold patients' data */
    if (setrlimit(RLIMIT_CORE, &none) != 0) return lethe_fail_errno(error, errno, "cannot forbid core dumps");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return LETHE_OK; /* sanitizers reserve terabytes */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
    return LETHE_OK;
#endif
#endif
    const struct rlimit data = {ASSOCIATION_BYTES, ASSOCIATION_BYTES};
    return setrlimit(RLIMIT_DATA, &data) == 0 ? LETHE_OK : lethe_fail_errno(error, errno, "cannot limit memory");
}

lethe_status lethe_confine_association(const lethe_project *project, const lethe_door *door, lethe_error *error) {
    paths readable = {.count = 0}, writable = {.count = 0};
    char *trail = lethe_path_join(project->private_path, "audit.jsonl"), *reports = lethe_reports_path(project);
    put_readable(&readable, project, door);
    put(&writable, project->inbox_path);
    put(&writable, trail);
    put(&writable, reports);
    const lethe_sandbox_options options = {.read_only = readable.at, .read_write = writable.at};
    lethe_status status = trail == NULL || reports == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : limit_memory(error);
    if (status == LETHE_OK) status = lethe_sandbox_enter(&options, NULL, error);
    lethe_free(trail);
    lethe_free(reports);
    return status;
}

lethe_status lethe_confine_service(const lethe_project *project, const lethe_door *door, lethe_error *error) {
    paths readable = {.count = 0}, writable = {.count = 0};
    put_readable(&readable, project, door);
    put(&readable, door->cohort);
    put(&readable, door->stow.token_file);
    put(&writable, project->private_path);
    for (unsigned i = 0; i < project->ingest.watch_count; i++) put(&writable, project->ingest.watch[i]);
    if (project->store[0] != '\0') { /* PostgreSQL: everything may be read and written, nothing be started */
        put(&writable, "/");
    }
    const lethe_sandbox_options options = {.read_only = readable.at, .read_write = writable.at, .allow_local_sockets = true};
    return lethe_sandbox_enter(&options, NULL, error);
}
