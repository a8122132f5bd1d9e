#include "ingest/confine.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "ingest/report.h"

#include <errno.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_PATHS = 3200 };            /* three files for each of 1,024 peers */
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

/* What resolving a name reads. */
static void put_resolver(paths *list) {
    static const char *const system_paths[] = {"/usr/lib",        "/usr/share",  "/etc", "/run/systemd/resolve", "/run/NetworkManager",
                                               "/run/resolvconf", "/dev/urandom"};
    for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++) put(list, system_paths[i]);
}

/* What libpq reads when it connects again. A configuration that lies elsewhere ends the service over a lost link, and its next start reads it. */
static void put_postgres(paths *list, char **passwords, char **certificates) {
    static const char *const system_paths[] = {"/etc", "/run"};
    const struct passwd *user = getpwuid(geteuid());
    for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++) put(list, system_paths[i]);
    if (user == NULL || user->pw_dir == NULL) return;
    *passwords = lethe_path_join(user->pw_dir, ".pgpass");
    *certificates = lethe_path_join(user->pw_dir, ".postgresql");
    put(list, *passwords);
    put(list, *certificates);
}

static lethe_status confine_service(const lethe_project *project, bool watches, bool may_take_away, bool accepts, lethe_error *error) {
    paths readable = {.count = 0}, writable = {.count = 0};
    char *passwords = NULL, *certificates = NULL;
    bool postgres = project->store[0] != '\0';
    put(&readable, "/usr/share");
    put(&readable, "/usr/lib");
    put(&readable, "/etc/ssl");
    put(&readable, "/etc/gnutls");
    put(&readable, "/dev/urandom");
    put(&readable, project->key_path);
    if (postgres) put_postgres(&readable, &passwords, &certificates);
    put(&writable, project->inbox_path);
    for (unsigned i = 0; watches && i < project->ingest.watch_count; i++) put(may_take_away ? &writable : &readable, project->ingest.watch[i]);
    const lethe_sandbox_options options = {
        .read_only = readable.at, .read_write = writable.at, .allow_local_sockets = postgres, .allow_accept = accepts};
    lethe_status status = lethe_sandbox_enter(&options, NULL, error);
    lethe_free(passwords);
    lethe_free(certificates);
    return status;
}

lethe_status lethe_confine_watch(const lethe_project *project, const lethe_door *door, lethe_error *error) {
    return confine_service(project, true, door->originals != LETHE_ORIGINALS_KEEP, false, error);
}

lethe_status lethe_confine_stow(const lethe_project *project, const lethe_door *door, lethe_error *error) {
    (void)door;
    return confine_service(project, false, false, true, error);
}

lethe_status lethe_confine_metrics(const lethe_project *project, lethe_error *error) {
    paths readable = {.count = 0};
    char *passwords = NULL, *certificates = NULL;
    bool postgres = project->store[0] != '\0';
    if (postgres) {
        put_resolver(&readable);
        put_postgres(&readable, &passwords, &certificates);
    }
    const lethe_sandbox_options options = {.read_only = readable.at, .allow_local_sockets = postgres, .allow_accept = true};
    lethe_status status = lethe_sandbox_enter(&options, NULL, error);
    lethe_free(passwords);
    lethe_free(certificates);
    return status;
}

lethe_status lethe_confine_audit(const lethe_project *project, lethe_error *error) {
    paths readable = {.count = 0};
    char *trail = lethe_path_join(project->private_path, "audit.jsonl");
    put_resolver(&readable);
    put(&readable, trail);
    const lethe_sandbox_options options = {.read_only = readable.at, .allow_local_sockets = true};
    lethe_status status = trail == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_sandbox_enter(&options, NULL, error);
    lethe_free(trail);
    return status;
}

lethe_status lethe_confine_report(const lethe_project *project, lethe_error *error) {
    paths readable = {.count = 0}, writable = {.count = 0};
    char *reports = lethe_reports_path(project);
    put_resolver(&readable);
    for (unsigned i = 0; i < project->ingest.peers_count; i++) {
        put(&readable, project->ingest.peers[i].authorities);
        put(&readable, project->ingest.peers[i].certificate);
        put(&readable, project->ingest.peers[i].private_key);
    }
    put(&writable, reports);
    const lethe_sandbox_options options = {.read_only = readable.at, .read_write = writable.at, .allow_local_sockets = true};
    lethe_status status = reports == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_sandbox_enter(&options, NULL, error);
    lethe_free(reports);
    return status;
}
