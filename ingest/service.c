#include "ingest/service.h"

#include "core/log.h"
#include "ingest/supervisor.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RESTART_SECONDS = 2 };

static const struct {
    const char *name;
    lethe_status (*run)(const service_context *context, lethe_error *error);
} kinds[SUPERVISED] = {
    {"watch", lethe_watch_run}, {"metrics", lethe_metrics_run}, {"stow", lethe_stow_run}, {"audit", lethe_audit_run}, {"report", lethe_report_run}};

int64_t lethe_service_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Only to them are commitment reports sent on associations of their own. */
static bool has_dicom_peers(const lethe_project *project) {
    for (unsigned i = 0; i < project->ingest.peers_count; i++)
        if (project->ingest.peers[i].port != 0) return true;
    return false;
}

static bool is_wanted(const supervisor *self, size_t kind) {
    switch (kind) {
    case 0: return self->context.project->ingest.watch_count != 0;
    case 1: return self->context.door->metrics != NULL;
    case 2: return self->context.door->stow.port != 0;
    case 3: return self->context.door->audit.host != NULL;
    default: return has_dicom_peers(self->context.project);
    }
}

static void run_service(const supervisor *self, size_t kind, pid_t parent) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    (void)close_range(3, ~0u, 0);
    sigset_t stops;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)sigprocmask(SIG_SETMASK, &stops, NULL);
    service_context context = self->context;
    context.stop_fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    lethe_error error = {0};
    lethe_status status = context.stop_fd < 0 ? lethe_fail(&error, LETHE_IO, "cannot receive signals") : kinds[kind].run(&context, &error);
    if (status != LETHE_OK)
        lethe_log(LETHE_LOG_ERROR, "service_failed", "service=%s reason=%s detail=\"%s\"", kinds[kind].name, lethe_status_name(status),
                  error.message);
    _exit(status == LETHE_OK ? 0 : 1);
}

bool supervisor_has_work(const supervisor *self) {
    for (size_t i = 0; i < SUPERVISED; i++)
        if (is_wanted(self, i) && self->pids[i] == 0 && lethe_service_seconds() >= self->not_before[i]) return true;
    return false;
}

void supervisor_start(supervisor *self) {
    pid_t parent = getpid();
    for (size_t i = 0; i < SUPERVISED; i++) {
        if (!is_wanted(self, i) || self->pids[i] != 0 || lethe_service_seconds() < self->not_before[i]) continue;
        pid_t pid = fork();
        if (pid == 0) run_service(self, i, parent);
        if (pid > 0) self->pids[i] = pid;
        self->not_before[i] = lethe_service_seconds() + RESTART_SECONDS;
    }
}

bool supervisor_reaped(supervisor *self, pid_t pid, int code) {
    for (size_t i = 0; i < SUPERVISED; i++) {
        if (self->pids[i] != pid) continue;
        self->pids[i] = 0;
        if (WIFSIGNALED(code)) lethe_log(LETHE_LOG_ERROR, "service_crashed", "service=%s signal=%d", kinds[i].name, WTERMSIG(code));
        return true;
    }
    return false;
}

void supervisor_signal(const supervisor *self, int number) {
    for (size_t i = 0; i < SUPERVISED; i++)
        if (self->pids[i] != 0) (void)kill(self->pids[i], number);
}

bool supervisor_is_idle(const supervisor *self) {
    for (size_t i = 0; i < SUPERVISED; i++)
        if (self->pids[i] != 0) return false;
    return true;
}
