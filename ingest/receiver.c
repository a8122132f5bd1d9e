#include "ingest/receiver.h"

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "ingest/intake.h"
#include "ingest/objection.h"
#include "ingest/report.h"
#include "ingest/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REJECTORS = 32,     /* associations beyond the limit that are rejected politely; the rest is cut */
    GRACE_SECONDS = 15, /* for instances under way when told to stop */
    STORE_LOOK_SECONDS = 1
};

typedef struct child {
    pid_t pid;
    int channel;
    bool busy;
} child;

typedef struct receiver {
    const lethe_receiver_options *options;
    const char *aet, *host;
    lethe_queue *queue; /* NULL while the store is away */
    lethe_inbox *inbox;
    intake_shared *shared;
    int listen_fd, signal_fd;
    child *children;
    size_t child_count, child_capacity, serving;
    struct pollfd *polls;
    /* One batch: a request per child at most. */
    intake_request *requests;
    lethe_item *items;
    lethe_status *results;
    int *repliers, *adders;
    lethe_statement *lookup;
    int64_t store_looked; /* lethe_service_seconds; 0 = not yet */
    lethe_cohort *cohort;
    struct timespec cohort_changed;
    supervisor services;
    bool stopping;
    bool full_sync; /* of the store, now */
    bool in_doubt;  /* the last commit may or may not have happened */
    pid_t pid;      /* ours, for children that outlive us by an instant */
} receiver;

/* --- listening --- */

static lethe_status announce(receiver *self, lethe_error *error) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(self->listen_fd, (struct sockaddr *)&address, &size) != 0) return lethe_fail_errno(error, errno, "cannot tell the own address");
    if (getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return lethe_fail(error, LETHE_NETWORK, "cannot tell the own address");
    bool six = strchr(host, ':') != NULL;
    if (self->options->announce != NULL) {
        (void)fprintf(self->options->announce, "listening on %s%s%s:%s\n", six ? "[" : "", host, six ? "]" : "", port);
        (void)fflush(self->options->announce);
    }
    return LETHE_OK;
}

static lethe_status start_listening(receiver *self, lethe_error *error) {
    char port[16];
    (void)snprintf(port, sizeof port, "%d", self->options->port >= 0 ? self->options->port : self->options->project->ingest.port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    int code = getaddrinfo(self->host, port, &hints, &found);
    if (code != 0) return lethe_fail(error, LETHE_NETWORK, "cannot resolve the address to listen on: %s", gai_strerror(code));
    lethe_status status = LETHE_OK;
    int on = 1;
    self->listen_fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->listen_fd < 0 || setsockopt(self->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(self->listen_fd, found->ai_addr, found->ai_addrlen) != 0 || listen(self->listen_fd, 1024) != 0)
        status = lethe_fail_errno(error, errno, "cannot listen on port %s", port);
    freeaddrinfo(found);
    return status == LETHE_OK ? announce(self, error) : status;
}

/* --- children --- */

static void run_child(receiver *self, int connection, int channel, const char *peer, bool busy) {
    /* Only the connection, the channel and stderr are the child's business: no database, no listening socket, no other connection. */
    int top = connection > channel ? connection : channel, low = connection > channel ? channel : connection;
    if (low > 3) (void)close_range(3, (unsigned)low - 1, 0);
    if (top > low + 1) (void)close_range((unsigned)low + 1, (unsigned)top - 1, 0);
    (void)close_range((unsigned)top + 1, ~0u, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self->pid) _exit(1);
    association_options options = {self->options->project, self->options->door, self->aet, peer, self->inbox,
                                   self->cohort,           self->shared,        channel,   busy};
    _exit(lethe_association_run(connection, &options));
}

static void start_child(receiver *self, int connection, const char *peer) {
    int ends[2];
    bool busy = self->serving >= self->options->door->max_associations;
    if (self->child_count == self->child_capacity || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        lethe_log(LETHE_LOG_WARNING, "connection_cut", "peer=%s connections=%zu", peer, self->child_count);
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        run_child(self, connection, ends[1], peer, busy);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        lethe_log(LETHE_LOG_ERROR, "fork_failed", "errno=%d", errno);
        (void)close(ends[0]);
        return;
    }
    self->children[self->child_count++] = (child){pid, ends[0], busy};
    if (!busy) self->serving++;
    atomic_fetch_add(&self->shared->associations, 1);
}

/* A peer whose cable is pulled between two requests shows within a minute. */
static void watch_link(int connection) {
    const struct {
        int level, name, value;
    } options[] = {{SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 30}, {IPPROTO_TCP, TCP_KEEPINTVL, 10}, {IPPROTO_TCP, TCP_KEEPCNT, 3}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        (void)setsockopt(connection, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

static void accept_all(receiver *self) {
    for (int i = 0; i < 64; i++) { /* then look after the others again */
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int connection = accept4(self->listen_fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
        if (connection < 0) return;
        char peer[NI_MAXHOST];
        if (getnameinfo((struct sockaddr *)&address, size, peer, sizeof peer, NULL, 0, NI_NUMERICHOST) != 0)
            (void)snprintf(peer, sizeof peer, "unknown");
        watch_link(connection);
        start_child(self, connection, peer);
        (void)close(connection);
    }
}

static void reap(receiver *self) {
    int code = 0;
    for (pid_t pid; (pid = waitpid(-1, &code, WNOHANG)) > 0;) {
        if (supervisor_reaped(&self->services, pid, code)) continue;
        for (size_t i = 0; i < self->child_count; i++) {
            if (self->children[i].pid != pid) continue;
            if (WIFSIGNALED(code)) lethe_log(LETHE_LOG_ERROR, "association_crashed", "signal=%d", WTERMSIG(code));
            (void)close(self->children[i].channel);
            if (!self->children[i].busy) self->serving--;
            self->children[i] = self->children[--self->child_count];
            break;
        }
    }
}

static void signal_children(const receiver *self, int number) {
    for (size_t i = 0; i < self->child_count; i++) (void)kill(self->children[i].pid, number);
}

/* --- committing --- */

static void reply(int channel, lethe_status status, bool in_doubt) {
    intake_reply answer;
    memset(&answer, 0, sizeof answer);
    answer.status = status;
    answer.in_doubt = in_doubt;
    ssize_t sent = send(channel, &answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a child that died has nothing to answer its peer with */
}

static lethe_status look_up(receiver *self, const lethe_item *item) {
    lethe_error error = {0};
    bool row = false;
    lethe_status status = self->queue == NULL ? LETHE_DATABASE : LETHE_OK;
    if (status == LETHE_OK && self->lookup == NULL)
        status = lethe_statement_prepare(lethe_queue_database(self->queue),
                                         "SELECT sop_class FROM item WHERE sop_instance = ?1 AND sha256 <> '' LIMIT 1", &self->lookup, &error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(self->lookup, 1, item->sop_instance);
    status = lethe_statement_step(self->lookup, &row, &error);
    if (status == LETHE_OK && !row) status = LETHE_NOT_FOUND;
    /* 0119H: the class does not match (PS3.3 C.14.1.1). */
    if (status == LETHE_OK && item->sop_class[0] != '\0' && strcmp(lethe_statement_text(self->lookup, 0), item->sop_class) != 0)
        status = LETHE_MALFORMED;
    lethe_statement_reset(self->lookup);
    return status;
}

static lethe_status look_for_objection(receiver *self, const intake_request *request) {
    bool objects = false;
    lethe_error error = {0};
    if (self->queue == NULL) return LETHE_DATABASE;
    lethe_status status = lethe_door_patient_objects(self->options->project, self->queue, request->issuer, request->patient_id, &objects, &error);
    if (status != LETHE_OK) lethe_log(LETHE_LOG_ERROR, "objections_not_read", "detail=\"%s\"", error.message);
    return status == LETHE_OK && objects ? LETHE_DENIED : status;
}

/* A received file carries its row and is synced: its transaction need not be. A tombstone has nothing but its row. Only SQLite can be told so for one
 * transaction; PostgreSQL syncs always. */
static lethe_status choose_sync(receiver *self, size_t adds, lethe_error *error) {
    if (lethe_database_backend(lethe_queue_database(self->queue)) != LETHE_SQLITE) return LETHE_OK;
    bool full = false;
    for (size_t i = 0; i < adds; i++) full = full || self->items[i].path[0] == '\0';
    if (full == self->full_sync) return LETHE_OK;
    lethe_status status =
        lethe_database_execute(lethe_queue_database(self->queue), full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", error);
    if (status == LETHE_OK) self->full_sync = full;
    return status;
}

/* A store that went away over its commit is asked once more: a row that stands already, with the same file, counts as recorded. */
static lethe_status record(receiver *self, size_t adds, lethe_error *error) {
    lethe_status status = LETHE_DATABASE;
    if (self->queue == NULL) return lethe_fail(error, LETHE_DATABASE, "the store is away");
    for (int attempt = 0; attempt < 2 && status == LETHE_DATABASE; attempt++) {
        lethe_error_clear(error);
        status = choose_sync(self, adds, error);
        if (status == LETHE_OK) status = lethe_queue_record_many(self->queue, self->items, adds, self->results, error);
        if (status == LETHE_DATABASE && lethe_database_in_doubt(lethe_queue_database(self->queue))) self->in_doubt = true;
    }
    return status;
}

/* Everything that waits, in one transaction. Nothing is answered before it is committed. */
static void serve_requests(receiver *self, size_t count) {
    size_t adds = 0;
    for (size_t i = 0; i < count; i++) {
        if (self->requests[i].kind == INTAKE_LOOKUP) {
            reply(self->repliers[i], look_up(self, &self->requests[i].item), false);
        } else if (self->requests[i].kind == INTAKE_OBJECTS) {
            reply(self->repliers[i], look_for_objection(self, &self->requests[i]), false);
        } else {
            self->items[adds] = self->requests[i].item;
            self->adders[adds++] = self->repliers[i];
        }
    }
    if (adds == 0) return;
    lethe_error error = {0};
    self->in_doubt = false;
    lethe_status status = record(self, adds, &error);
    if (status != LETHE_OK)
        lethe_log(LETHE_LOG_ERROR, "commit_failed", "items=%zu reason=%s detail=\"%s\"", adds, lethe_status_name(status), error.message);
    for (size_t i = 0; i < adds; i++) reply(self->adders[i], status == LETHE_OK ? self->results[i] : status, status != LETHE_OK && self->in_doubt);
}

static size_t gather_requests(receiver *self, const struct pollfd *polls, size_t children) {
    size_t count = 0;
    for (size_t i = 0; i < children; i++) {
        if ((polls[i].revents & POLLIN) == 0) continue;
        ssize_t got = recv(polls[i].fd, &self->requests[count], sizeof self->requests[count], MSG_DONTWAIT);
        if (got == (ssize_t)sizeof self->requests[count]) self->repliers[count++] = polls[i].fd;
    }
    return count;
}

static void look_at_store(receiver *self) {
    uint32_t limit = self->options->door->max_queued;
    int64_t now = lethe_service_seconds();
    if (self->queue == NULL || (self->store_looked != 0 && now - self->store_looked < STORE_LOOK_SECONDS)) return;
    self->store_looked = now;
    lethe_queue_counts counts;
    lethe_error error = {0};
    bool any = true; /* when in doubt, ask */
    (void)!lethe_door_has_objections(self->queue, &any, &error);
    atomic_store(&self->shared->objections, any);
    if (limit == 0) return;
    lethe_error_clear(&error);
    if (lethe_queue_count(self->queue, &counts, &error) != LETHE_OK) return;
    int backlog = counts.by_state[LETHE_ITEM_QUEUED] >= (int64_t)limit;
    if (atomic_exchange(&self->shared->backlog, backlog) != backlog)
        lethe_log(LETHE_LOG_WARNING, backlog ? "backlog_full" : "backlog_over", "queued=%" PRId64 " limit=%" PRIu32,
                  counts.by_state[LETHE_ITEM_QUEUED], limit);
}

/* --- the loop --- */

static void take_signals(receiver *self) {
    struct signalfd_siginfo info;
    while (read(self->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) reap(self);
        else self->stopping = true;
    }
}

static lethe_status loop_once(receiver *self, int timeout_ms, lethe_error *error) {
    size_t used = 0;
    self->polls[used++] = (struct pollfd){.fd = self->signal_fd, .events = POLLIN};
    self->polls[used++] = (struct pollfd){.fd = self->stopping ? -1 : self->listen_fd, .events = POLLIN};
    size_t first = used, children = self->child_count;
    for (size_t i = 0; i < children; i++) self->polls[used++] = (struct pollfd){.fd = self->children[i].channel, .events = POLLIN};
    if (poll(self->polls, used, timeout_ms) < 0 && errno != EINTR) return lethe_fail_errno(error, errno, "cannot wait for connections");
    /* Requests first: reaping closes channels. */
    size_t requests = gather_requests(self, self->polls + first, children);
    if (requests != 0) serve_requests(self, requests);
    bool waiting = (self->polls[1].revents & POLLIN) != 0;
    if (self->polls[0].revents & POLLIN) take_signals(self);
    if (waiting && !self->stopping) accept_all(self);
    return LETHE_OK;
}

/* A server that is away now will be back: until then instances are refused ("later"). */
static lethe_status open_store(receiver *self, lethe_error *error) {
    lethe_error own = {0};
    self->full_sync = true;
    lethe_status status = lethe_queue_open(self->options->project, &self->queue, &own);
    if (status == LETHE_DATABASE && self->options->project->store[0] != '\0') {
        lethe_log(LETHE_LOG_ERROR, "store_away", "detail=\"%s\"", own.message);
        return LETHE_OK;
    }
    return status == LETHE_OK ? LETHE_OK : lethe_fail(error, status, "%s", own.message);
}

/* SQLite must not be carried over fork(): the services start while nothing is open. */
static lethe_status start_services(receiver *self, lethe_error *error) {
    if (!supervisor_has_work(&self->services)) return self->queue == NULL ? open_store(self, error) : LETHE_OK;
    lethe_statement_finalize(self->lookup);
    self->lookup = NULL;
    lethe_queue_close(self->queue);
    self->queue = NULL;
    supervisor_start(&self->services);
    return open_store(self, error);
}

/* The cohort's file may be changed while we run; a wrong one leaves the old in force. */
static lethe_status refresh_cohort(receiver *self, lethe_error *error) {
    struct stat info;
    lethe_cohort *fresh = NULL;
    const char *path = self->options->door->cohort;
    if (path == NULL) return LETHE_OK;
    if (stat(path, &info) != 0)
        return self->cohort != NULL ? LETHE_OK : lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.cohort: no such file");
    if (self->cohort != NULL && memcmp(&info.st_mtim, &self->cohort_changed, sizeof info.st_mtim) == 0) return LETHE_OK;
    lethe_error own = {0};
    self->cohort_changed = info.st_mtim;
    lethe_status status = lethe_cohort_load(path, "cohort", &fresh, &own);
    if (status == LETHE_OK) {
        lethe_cohort_free(self->cohort);
        self->cohort = fresh;
        lethe_log(LETHE_LOG_INFO, "cohort_loaded", "rows=%zu", lethe_cohort_size(fresh));
    } else if (self->cohort == NULL) {
        (void)lethe_fail(error, status, "%s", own.message);
    } else {
        lethe_log(LETHE_LOG_ERROR, "cohort_refused", "detail=\"%s\"", own.message);
    }
    return self->cohort != NULL ? LETHE_OK : status;
}

static lethe_status loop(receiver *self, lethe_error *error) {
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK && !self->stopping) {
        look_at_store(self);
        status = refresh_cohort(self, error);
        if (status == LETHE_OK) status = start_services(self, error);
        if (status == LETHE_OK) status = loop_once(self, 1000, error);
    }
    signal_children(self, SIGTERM);
    supervisor_signal(&self->services, SIGTERM);
    for (int64_t end = lethe_service_seconds() + GRACE_SECONDS; status == LETHE_OK && lethe_service_seconds() < end;) {
        if (self->child_count == 0 && supervisor_is_idle(&self->services)) break;
        status = loop_once(self, 200, error);
    }
    signal_children(self, SIGKILL);
    supervisor_signal(&self->services, SIGKILL);
    for (int i = 0; i < 50 && (self->child_count != 0 || !supervisor_is_idle(&self->services)); i++) {
        (void)poll(NULL, 0, 10);
        reap(self);
    }
    return status;
}

static lethe_status prepare(receiver *self, lethe_error *error) {
    const lethe_project *project = self->options->project;
    self->aet = self->options->aet != NULL ? self->options->aet : project->ingest.aet;
    self->host = self->options->host != NULL ? self->options->host : project->ingest.host;
    self->child_capacity = self->options->door->max_associations + REJECTORS;
    self->children = lethe_alloc_array(self->child_capacity, sizeof *self->children);
    self->polls = lethe_alloc_array(self->child_capacity + 2, sizeof *self->polls);
    self->requests = lethe_alloc_array(self->child_capacity, sizeof *self->requests);
    self->items = lethe_alloc_array(self->child_capacity, sizeof *self->items);
    self->results = lethe_alloc_array(self->child_capacity, sizeof *self->results);
    self->repliers = lethe_alloc_array(self->child_capacity, sizeof *self->repliers);
    self->adders = lethe_alloc_array(self->child_capacity, sizeof *self->adders);
    if (self->children == NULL || self->polls == NULL || self->requests == NULL || self->items == NULL || self->results == NULL ||
        self->repliers == NULL || self->adders == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the receiver");
    void *shared = mmap(NULL, sizeof *self->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the receiver");
    self->shared = shared;
    self->services.context = (service_context){
        .project = project, .door = self->options->door, .host = self->host, .aet = self->aet, .shared = self->shared, .stop_fd = -1};
    char *reports = lethe_reports_path(project);
    lethe_status status = reports == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create(reports, 0700, error);
    lethe_free(reports);
    if (!lethe_sandbox_has_landlock()) lethe_log(LETHE_LOG_WARNING, "sandbox_weak", "missing=landlock");
    if (status == LETHE_OK) status = lethe_dimse_prepare(error);
    if (status == LETHE_OK) status = refresh_cohort(self, error);
    if (status == LETHE_OK) status = lethe_queue_open(project, &self->queue, error);
    if (status == LETHE_OK) status = lethe_inbox_open(project, (uint64_t)self->options->door->reserve_mib << 20, &self->inbox, error);
    uint64_t removed = 0;
    if (status == LETHE_OK) status = lethe_inbox_sweep(self->inbox, self->queue, &removed, error);
    if (removed != 0) lethe_log(LETHE_LOG_INFO, "inbox_swept", "unacknowledged=%" PRIu64, removed);
    if (status != LETHE_OK) return status;
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    self->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->signal_fd < 0) return lethe_fail_errno(error, errno, "cannot receive signals");
    return start_listening(self, error);
}

lethe_status lethe_receiver_run(const lethe_receiver_options *options, lethe_error *error) {
    receiver self = {.options = options, .listen_fd = -1, .signal_fd = -1, .full_sync = true, .pid = getpid()};
    lethe_status status = prepare(&self, error);
    if (status == LETHE_OK) status = loop(&self, error);
    if (self.shared != NULL && status == LETHE_OK)
        lethe_log(LETHE_LOG_INFO, "receiver_stopped", "associations=%" PRIu64 " instances=%" PRIu64 " duplicates=%" PRIu64 " refused=%" PRIu64,
                  atomic_load(&self.shared->associations), atomic_load(&self.shared->instances), atomic_load(&self.shared->duplicates),
                  atomic_load(&self.shared->refused));
    if (self.listen_fd >= 0) (void)close(self.listen_fd);
    if (self.signal_fd >= 0) (void)close(self.signal_fd);
    if (self.shared != NULL) (void)munmap(self.shared, sizeof *self.shared);
    lethe_statement_finalize(self.lookup);
    lethe_cohort_free(self.cohort);
    lethe_inbox_close(self.inbox);
    lethe_queue_close(self.queue);
    lethe_free(self.children);
    lethe_free(self.polls);
    lethe_free(self.requests);
    lethe_free(self.items);
    lethe_free(self.results);
    lethe_free(self.repliers);
    lethe_free(self.adders);
    return status;
}
