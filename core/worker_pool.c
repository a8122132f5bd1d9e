#include "core/worker_pool.h"

#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Each worker has a stream socket. The parent never blocks on it: what does not fit waits in `outgoing`, so that a parent with a long task and a
 * child with a long reply cannot wait for each other. Tasks are answered in the order in which they were sent: when a child dies, the first
 * unanswered task is the one that killed it, and the next one goes to its successor. */

enum { IN_HAND = 2, MOST_WORKERS = 256, DEFAULT_SECONDS = 600, DEFAULT_MESSAGE_BYTES = 1 << 20, READ_BYTES = 64 << 10 };

typedef struct task_header {
    uint64_t size;
} task_header;

/* The first message of a child is about `start`, with an empty reply. */
typedef struct reply_header {
    uint32_t status;
    uint32_t message_size;
    uint64_t reply_size;
} reply_header;

typedef struct task {
    uint64_t tag;
    uint8_t *bytes;
    size_t size;
} task;

typedef struct worker {
    pid_t pid; /* 0 = none */
    int fd;
    bool greeted; /* `start` has succeeded in the child */
    lethe_buffer incoming, outgoing;
    size_t sent; /* of outgoing */
    task tasks[IN_HAND];
    unsigned task_count;
    uint64_t deadline_ns; /* of the first task, or of `start` */
} worker;

struct lethe_worker_pool {
    lethe_worker_options options;
    lethe_work_fn work;
    lethe_task_done_fn done;
    void *done_context;
    worker *workers;
    unsigned count;
    uint64_t delivered;
};

static uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t fresh_deadline(const lethe_worker_pool *pool) { return now_ns() + (uint64_t)pool->options.task_seconds * 1000000000u; }

/* --- in the child --- */

static bool read_exactly(int fd, void *bytes, size_t size) {
    uint8_t *at = bytes;
    while (size != 0) {
        ssize_t got = read(fd, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool write_exactly(int fd, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    while (size != 0) {
        ssize_t put = send(fd, at, size, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

static bool send_reply(int fd, lethe_status status, const lethe_error *error, const lethe_buffer *reply) {
    reply_header header = {.status = (uint32_t)status, .message_size = 0, .reply_size = reply == NULL || status != LETHE_OK ? 0 : reply->size};
    if (status != LETHE_OK) header.message_size = (uint32_t)strnlen(error->message, sizeof error->message - 1);
    return write_exactly(fd, &header, sizeof header) && write_exactly(fd, error->message, header.message_size) &&
           (header.reply_size == 0 || write_exactly(fd, reply->bytes, (size_t)header.reply_size));
}

static bool limit_child(const lethe_worker_options *options) {
    struct rlimit none = {0, 0}; /* a core dump would hold patients' data */
    if (setrlimit(RLIMIT_CORE, &none) != 0) return false;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true; /* sanitizers reserve terabytes of address space */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
    return true;
#endif
#endif
    struct rlimit limit = {(rlim_t)options->memory_bytes, (rlim_t)options->memory_bytes};
    return options->memory_bytes == 0 || setrlimit(RLIMIT_AS, &limit) == 0;
}

static void serve(const lethe_worker_pool *pool, int fd, void *state) {
    lethe_buffer incoming, reply;
    lethe_buffer_init(&incoming, pool->options.message_cap_bytes);
    lethe_buffer_init(&reply, pool->options.message_cap_bytes);
    for (;;) {
        task_header header;
        uint8_t *at = NULL;
        lethe_error error = {0};
        lethe_buffer_clear(&incoming);
        lethe_buffer_clear(&reply);
        if (!read_exactly(fd, &header, sizeof header) || header.size > pool->options.message_cap_bytes) break;
        lethe_status status = lethe_buffer_extend(&incoming, (size_t)header.size, &at, &error);
        if (status != LETHE_OK) break; /* the stream cannot be followed any more: the parent sees the end */
        if (!read_exactly(fd, at, (size_t)header.size)) break;
        status = pool->work(pool->options.context, state, incoming.bytes, incoming.size, &reply, &error);
        if (!send_reply(fd, status, &error, &reply)) break;
    }
    lethe_buffer_release(&incoming);
    lethe_buffer_release(&reply);
}

static _Noreturn void child_main(const lethe_worker_pool *pool, int fd, pid_t parent) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    (void)signal(SIGINT, SIG_IGN); /* the parent decides when to stop */
    (void)signal(SIGTERM, SIG_IGN);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->workers[i].pid != 0) (void)close(pool->workers[i].fd);
    lethe_error error = {0};
    void *state = NULL;
    lethe_status status = limit_child(&pool->options) ? LETHE_OK : lethe_fail_errno(&error, errno, "cannot limit a worker");
    if (status == LETHE_OK && pool->options.start != NULL) status = pool->options.start(pool->options.context, &state, &error);
    if (!send_reply(fd, status, &error, NULL) || status != LETHE_OK) _exit(1);
    serve(pool, fd, state);
    if (pool->options.stop != NULL) pool->options.stop(state);
    _exit(0);
}

/* --- children seen from the parent --- */

static lethe_status spawn(lethe_worker_pool *pool, worker *w, lethe_error *error) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return lethe_fail_errno(error, errno, "cannot make a worker's socket");
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        int reason = errno;
        (void)close(pair[0]);
        (void)close(pair[1]);
        return lethe_fail_errno(error, reason, "cannot start a worker");
    }
    if (pid == 0) {
        (void)close(pair[0]);
        child_main(pool, pair[1], parent);
    }
    (void)close(pair[1]);
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    w->pid = pid;
    w->fd = pair[0];
    w->greeted = false;
    w->sent = 0;
    lethe_buffer_clear(&w->incoming);
    lethe_buffer_clear(&w->outgoing);
    w->deadline_ns = fresh_deadline(pool);
    return LETHE_OK;
}

/* Take the child's exit status; `forced` kills it first. */
static int bury(worker *w, bool forced) {
    int wait_status = 0;
    if (w->pid == 0) return 0;
    (void)close(w->fd);
    if (forced) (void)kill(w->pid, SIGKILL);
    while (waitpid(w->pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    w->pid = 0;
    return wait_status;
}

static lethe_status queue_task(worker *w, const task *t, lethe_error *error) {
    task_header header = {.size = t->size};
    if (w->sent != 0) { /* what a busy child has taken already must not count against the cap */
        w->outgoing.size -= w->sent;
        memmove(w->outgoing.bytes, w->outgoing.bytes + w->sent, w->outgoing.size);
        w->sent = 0;
    }
    lethe_status status = lethe_buffer_append(&w->outgoing, &header, sizeof header, error);
    return status == LETHE_OK ? lethe_buffer_append(&w->outgoing, t->bytes, t->size, error) : status;
}

/* Report the first task of a worker and forget it. */
static void deliver(lethe_worker_pool *pool, worker *w, lethe_task_fate fate, const uint8_t *reply, size_t size, const lethe_error *error) {
    task first = w->tasks[0];
    w->task_count--;
    for (unsigned i = 0; i < w->task_count; i++) w->tasks[i] = w->tasks[i + 1];
    w->deadline_ns = fresh_deadline(pool);
    lethe_free(first.bytes);
    pool->delivered++;
    pool->done(pool->done_context, first.tag, fate, reply, size, error);
}

/* Give a worker without a process a new one and send it what it has in hand. A failure is reported on the tasks themselves. */
static void revive(lethe_worker_pool *pool, worker *w) {
    while (w->pid == 0 && w->task_count != 0) {
        lethe_error error = {0};
        lethe_status status = spawn(pool, w, &error);
        for (unsigned i = 0; status == LETHE_OK && i < w->task_count; i++) status = queue_task(w, &w->tasks[i], &error);
        if (status == LETHE_OK) return;
        (void)bury(w, true);
        deliver(pool, w, LETHE_TASK_FAILED, NULL, 0, &error);
    }
}

/* The child is gone or must go: blame its first task, hand the rest to a successor. */
static void replace(lethe_worker_pool *pool, worker *w, lethe_task_fate fate, lethe_error *error) {
    bool forced = fate == LETHE_TASK_TIMED_OUT || error->status != LETHE_OK;
    int wait_status = bury(w, forced);
    if (fate == LETHE_TASK_TIMED_OUT) (void)lethe_fail(error, LETHE_LIMIT, "worker took longer than %u s", pool->options.task_seconds);
    else if (WIFSIGNALED(wait_status)) (void)lethe_fail(error, LETHE_INTERNAL, "worker died of signal %d", WTERMSIG(wait_status));
    else (void)lethe_fail(error, LETHE_INTERNAL, "worker ended with code %d", WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1);
    if (w->task_count != 0) deliver(pool, w, fate, NULL, 0, error);
    revive(pool, w);
}

static lethe_status flush(worker *w) {
    while (w->sent < w->outgoing.size) {
        ssize_t put = send(w->fd, w->outgoing.bytes + w->sent, w->outgoing.size - w->sent, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return LETHE_OK;
        if (put <= 0) return LETHE_IO;
        w->sent += (size_t)put;
    }
    lethe_buffer_clear(&w->outgoing);
    w->sent = 0;
    return LETHE_OK;
}

/* A whole message at the front of `incoming`? A child may be hostile: sizes are checked before they are believed. */
static lethe_status next_message(const lethe_worker_pool *pool, const worker *w, size_t at, reply_header *header, bool *whole, lethe_error *error) {
    *whole = false;
    if (w->incoming.size - at < sizeof *header) return LETHE_OK;
    memcpy(header, w->incoming.bytes + at, sizeof *header);
    bool sound =
        header->status <= LETHE_INTERNAL && header->message_size < sizeof error->message && header->reply_size <= pool->options.message_cap_bytes;
    if (!sound) return lethe_fail(error, LETHE_INTERNAL, "worker sent a message that makes no sense");
    *whole = w->incoming.size - at - sizeof *header >= header->message_size + header->reply_size;
    return LETHE_OK;
}

/* Deliver all whole messages. LETHE_OK: the worker lives on; else `error` says why it cannot. */
static lethe_status digest(lethe_worker_pool *pool, worker *w, lethe_error *error) {
    size_t at = 0;
    lethe_status status;
    for (;;) {
        reply_header header;
        bool whole;
        status = next_message(pool, w, at, &header, &whole, error);
        if (status != LETHE_OK || !whole) break;
        const uint8_t *body = w->incoming.bytes + at + sizeof header;
        at += sizeof header + header.message_size + (size_t)header.reply_size;
        lethe_error reported = {0};
        if (header.status != LETHE_OK) {
            reported.status = (lethe_status)header.status;
            memcpy(reported.message, body, header.message_size);
        }
        if (!w->greeted) {
            w->greeted = header.status == LETHE_OK;
            w->deadline_ns = fresh_deadline(pool);
            if (!w->greeted) {
                *error = reported;
                return reported.status;
            }
        } else if (w->task_count == 0) {
            return lethe_fail(error, LETHE_INTERNAL, "worker answered what it was not asked");
        } else if (header.status != LETHE_OK) {
            deliver(pool, w, LETHE_TASK_FAILED, NULL, 0, &reported);
        } else {
            deliver(pool, w, LETHE_TASK_REPLIED, body, (size_t)header.reply_size, &reported);
        }
    }
    if (at != 0) {
        memmove(w->incoming.bytes, w->incoming.bytes + at, w->incoming.size - at);
        w->incoming.size -= at;
    }
    return status;
}

/* Read what is there. *ended: the child closed its side. */
static lethe_status receive(worker *w, bool *ended, lethe_error *error) {
    *ended = false;
    uint8_t *at;
    lethe_status status = lethe_buffer_extend(&w->incoming, READ_BYTES, &at, error);
    if (status != LETHE_OK) return status;
    ssize_t got = recv(w->fd, at, READ_BYTES, 0);
    w->incoming.size -= READ_BYTES - (got > 0 ? (size_t)got : 0);
    *ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    return LETHE_OK;
}

static void attend(lethe_worker_pool *pool, worker *w, short events) {
    lethe_error error = {0};
    lethe_status status = LETHE_OK;
    bool ended = false, started = w->greeted;
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) status = receive(w, &ended, &error);
    if (status == LETHE_OK) status = digest(pool, w, &error);
    if (status != LETHE_OK && !started && !w->greeted) { /* `start` failed: not a crash */
        (void)bury(w, true);
        if (w->task_count != 0) deliver(pool, w, LETHE_TASK_FAILED, NULL, 0, &error);
        revive(pool, w);
        return;
    }
    /* A failed send is not yet an end: the child's last replies may still be unread. */
    if (status == LETHE_OK && !ended && (events & POLLOUT) != 0) (void)flush(w);
    if (status != LETHE_OK || ended) replace(pool, w, LETHE_TASK_CRASHED, &error);
}

static bool is_timed(const worker *w) { return w->pid != 0 && (w->task_count != 0 || !w->greeted); }

/* One round of poll(): at most `timeout_ms`, less when a deadline comes first. */
static lethe_status turn(lethe_worker_pool *pool, int timeout_ms, lethe_error *error) {
    struct pollfd polled[MOST_WORKERS];
    unsigned owner[MOST_WORKERS];
    nfds_t count = 0;
    uint64_t now = now_ns();
    for (unsigned i = 0; i < pool->count; i++) {
        worker *w = &pool->workers[i];
        if (w->pid == 0) continue;
        owner[count] = i;
        polled[count++] = (struct pollfd){.fd = w->fd, .events = (short)(POLLIN | (w->sent < w->outgoing.size ? POLLOUT : 0))};
        if (!is_timed(w)) continue;
        uint64_t left_ms = w->deadline_ns <= now ? 0 : (w->deadline_ns - now) / 1000000u + 1;
        if (timeout_ms < 0 || left_ms < (uint64_t)timeout_ms) timeout_ms = left_ms > 1u << 30 ? 1 << 30 : (int)left_ms;
    }
    int ready = poll(polled, count, timeout_ms);
    if (ready < 0 && errno != EINTR) return lethe_fail_errno(error, errno, "cannot wait for workers");
    for (nfds_t i = 0; ready > 0 && i < count; i++)
        if (polled[i].revents != 0) attend(pool, &pool->workers[owner[i]], polled[i].revents);
    now = now_ns();
    for (unsigned i = 0; i < pool->count; i++) {
        lethe_error late = {0};
        if (is_timed(&pool->workers[i]) && pool->workers[i].deadline_ns <= now) replace(pool, &pool->workers[i], LETHE_TASK_TIMED_OUT, &late);
    }
    return LETHE_OK;
}

/* --- the pool --- */

/* All children have run `start`, or the first failure. */
static lethe_status await_greetings(lethe_worker_pool *pool, lethe_error *error) {
    for (unsigned i = 0; i < pool->count; i++) {
        worker *w = &pool->workers[i];
        while (!w->greeted) {
            uint64_t now = now_ns();
            if (now >= w->deadline_ns) return lethe_fail(error, LETHE_LIMIT, "worker took longer than %u s to start", pool->options.task_seconds);
            struct pollfd polled = {.fd = w->fd, .events = POLLIN};
            if (poll(&polled, 1, (int)((w->deadline_ns - now) / 1000000u % (1u << 30)) + 1) <= 0) continue;
            bool ended;
            lethe_status status = receive(w, &ended, error);
            if (status == LETHE_OK) status = digest(pool, w, error);
            if (status == LETHE_OK && ended && !w->greeted) status = lethe_fail(error, LETHE_INTERNAL, "worker died while starting");
            if (status != LETHE_OK) return status;
        }
    }
    return LETHE_OK;
}

lethe_status lethe_worker_pool_start(const lethe_worker_options *options, lethe_work_fn work, lethe_task_done_fn done, void *done_context,
                                     lethe_worker_pool **out, lethe_error *error) {
    *out = NULL;
    lethe_worker_pool *pool = lethe_alloc_array(1, sizeof *pool);
    if (pool == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a worker pool");
    pool->options = *options;
    pool->work = work;
    pool->done = done;
    pool->done_context = done_context;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = options->workers != 0 ? options->workers : processors > 0 ? (unsigned)processors : 1;
    if (wanted > MOST_WORKERS) wanted = MOST_WORKERS;
    if (pool->options.task_seconds == 0) pool->options.task_seconds = DEFAULT_SECONDS;
    if (pool->options.message_cap_bytes == 0) pool->options.message_cap_bytes = DEFAULT_MESSAGE_BYTES;
    size_t cap = pool->options.message_cap_bytes;
    lethe_status status = LETHE_OK;
    if (!lethe_multiply_size(cap, IN_HAND + 1, &cap) || !lethe_add_size(cap, (size_t)READ_BYTES + 4096, &cap))
        status = lethe_fail(error, LETHE_LIMIT, "messages of workers cannot be that long");
    if (status == LETHE_OK) pool->workers = lethe_alloc_array(wanted, sizeof *pool->workers);
    if (status == LETHE_OK && pool->workers == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a worker pool");
    while (status == LETHE_OK && pool->count < wanted) {
        worker *w = &pool->workers[pool->count++];
        lethe_buffer_init(&w->incoming, cap);
        lethe_buffer_init(&w->outgoing, cap);
        status = spawn(pool, w, error);
    }
    if (status == LETHE_OK) status = await_greetings(pool, error);
    if (status == LETHE_OK) *out = pool;
    else lethe_worker_pool_destroy(pool);
    return status;
}

unsigned lethe_worker_pool_size(const lethe_worker_pool *pool) { return pool->count; }

unsigned lethe_worker_pool_pending(const lethe_worker_pool *pool) {
    unsigned pending = 0;
    for (unsigned i = 0; i < pool->count; i++) pending += pool->workers[i].task_count;
    return pending;
}

/* The worker with the fewest tasks, a living one first. */
static worker *idlest(lethe_worker_pool *pool) {
    worker *best = NULL;
    for (unsigned i = 0; i < pool->count; i++) {
        worker *w = &pool->workers[i];
        if (w->task_count == IN_HAND) continue;
        if (best == NULL || w->task_count < best->task_count) best = w;
    }
    return best;
}

lethe_status lethe_worker_pool_submit(lethe_worker_pool *pool, uint64_t tag, const void *bytes, size_t size, lethe_error *error) {
    if (size > pool->options.message_cap_bytes) return lethe_fail(error, LETHE_LIMIT, "task of %zu bytes is too long for a worker", size);
    worker *w;
    while ((w = idlest(pool)) == NULL) {
        lethe_status status = turn(pool, -1, error);
        if (status != LETHE_OK) return status;
    }
    task fresh = {.tag = tag, .bytes = lethe_alloc(size), .size = size};
    if (fresh.bytes == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a task");
    if (size != 0) memcpy(fresh.bytes, bytes, size);
    lethe_status status = w->pid == 0 ? spawn(pool, w, error) : LETHE_OK;
    size_t before = w->outgoing.size;
    if (status == LETHE_OK) status = queue_task(w, &fresh, error);
    if (status != LETHE_OK) {
        if (w->pid != 0) w->outgoing.size = before;
        lethe_free(fresh.bytes);
        return status;
    }
    if (w->task_count == 0) w->deadline_ns = fresh_deadline(pool);
    w->tasks[w->task_count++] = fresh;
    (void)flush(w); /* a dead child shows at the next turn */
    return LETHE_OK;
}

lethe_status lethe_worker_pool_poll(lethe_worker_pool *pool, int timeout_ms, lethe_error *error) {
    uint64_t before = pool->delivered, until = timeout_ms < 0 ? UINT64_MAX : now_ns() + (uint64_t)timeout_ms * 1000000u;
    while (lethe_worker_pool_pending(pool) != 0) {
        uint64_t now = now_ns();
        int wait_ms = timeout_ms < 0 ? -1 : until <= now ? 0 : (int)((until - now) / 1000000u);
        lethe_status status = turn(pool, wait_ms, error);
        if (status != LETHE_OK) return status;
        if (pool->delivered != before || now_ns() >= until) break;
    }
    return LETHE_OK;
}

lethe_status lethe_worker_pool_drain(lethe_worker_pool *pool, lethe_error *error) {
    while (lethe_worker_pool_pending(pool) != 0) {
        lethe_status status = turn(pool, -1, error);
        if (status != LETHE_OK) return status;
    }
    /* Closing their sockets ends them; each runs its `stop` to the end, within the time that a task has. */
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->workers[i].pid != 0) (void)shutdown(pool->workers[i].fd, SHUT_WR);
    for (unsigned i = 0; i < pool->count; i++) {
        worker *w = &pool->workers[i];
        if (w->pid == 0) continue;
        struct pollfd polled = {.fd = w->fd, .events = POLLIN};
        bool ended = poll(&polled, 1, (int)(pool->options.task_seconds % 2000000u * 1000u)) > 0;
        (void)bury(w, !ended);
    }
    return LETHE_OK;
}

void lethe_worker_pool_destroy(lethe_worker_pool *pool) {
    if (pool == NULL) return;
    for (unsigned i = 0; i < pool->count; i++) {
        worker *w = &pool->workers[i];
        (void)bury(w, true);
        for (unsigned j = 0; j < w->task_count; j++) lethe_free(w->tasks[j].bytes);
        lethe_buffer_release(&w->incoming);
        lethe_buffer_release(&w->outgoing);
    }
    lethe_free(pool->workers);
    lethe_free(pool);
}
