/* The audit trail goes on to an audit record repository: syslog over TLS (RFC 5425), one DICOM audit message a line, in order, from where it stood.
 * What was sent is remembered in private/audit.sent; syslog knows no answer, so a line under way when a link breaks is sent again. */
#include "ingest/service.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/audit_message.h"
#include "ingest/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { CHUNK_BYTES = 64 << 10, FRAMES_BYTES = 4 << 20, TIMEOUT_SECONDS = 20, LONGEST_WAIT_SECONDS = 300 };

typedef struct sender {
    const service_context *context;
    const lethe_door_audit *door;
    lethe_audit_source source;
    char hostname[256];
    char *trail_path;
    int sent_fd;   /* private/audit.sent: opened before the fence closes */
    uint64_t sent; /* bytes of the trail */
    SSL_CTX *tls;
    SSL *link;
    int socket;
} sender;

/* --- the link --- */

static void hang_up(sender *self) {
    if (self->link != NULL) {
        (void)SSL_shutdown(self->link);
        SSL_free(self->link);
    }
    self->link = NULL;
    if (self->socket >= 0) (void)close(self->socket);
    self->socket = -1;
}

static lethe_status make_context(sender *self, lethe_error *error) {
    self->tls = SSL_CTX_new(TLS_client_method());
    if (self->tls == NULL || SSL_CTX_set_min_proto_version(self->tls, TLS1_2_VERSION) != 1) return lethe_fail(error, LETHE_CRYPTO, "no TLS");
    SSL_CTX_set_verify(self->tls, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(self->tls, self->door->authorities, NULL) != 1)
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.audit: authorities cannot be read");
    if (self->door->certificate != NULL && (SSL_CTX_use_certificate_chain_file(self->tls, self->door->certificate) != 1 ||
                                            SSL_CTX_use_PrivateKey_file(self->tls, self->door->private_key, SSL_FILETYPE_PEM) != 1))
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.audit: certificate or private_key cannot be used");
    return LETHE_OK;
}

static lethe_status connect_socket(sender *self, lethe_error *error) {
    char port[16];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    const struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
    (void)snprintf(port, sizeof port, "%u", self->door->port);
    if (getaddrinfo(self->door->host, port, &hints, &found) != 0) return lethe_fail(error, LETHE_NETWORK, "cannot resolve the repository's address");
    for (const struct addrinfo *at = found; at != NULL && self->socket < 0; at = at->ai_next) {
        self->socket = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (self->socket < 0) continue;
        (void)setsockopt(self->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* bounds connect() too */
        (void)setsockopt(self->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (connect(self->socket, at->ai_addr, at->ai_addrlen) == 0) break;
        (void)close(self->socket);
        self->socket = -1;
    }
    freeaddrinfo(found);
    return self->socket >= 0 ? LETHE_OK : lethe_fail(error, LETHE_NETWORK, "cannot connect to the repository");
}

/* The certificate must be the named host's (RFC 5425 5.2). */
static bool expect_host(SSL *link, const char *host) {
    unsigned char address[16];
    X509_VERIFY_PARAM *parameters = SSL_get0_param(link);
    bool numeric = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (numeric) return X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1;
    return X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1 && SSL_set_tlsext_host_name(link, host) == 1;
}

static lethe_status open_link(sender *self, lethe_error *error) {
    if (self->link != NULL) return LETHE_OK;
    lethe_status status = connect_socket(self, error);
    if (status != LETHE_OK) return status;
    self->link = SSL_new(self->tls);
    if (self->link == NULL || !expect_host(self->link, self->door->host) || SSL_set_fd(self->link, self->socket) != 1)
        status = lethe_fail(error, LETHE_CRYPTO, "no TLS");
    else if (SSL_connect(self->link) != 1) status = lethe_fail(error, LETHE_NETWORK, "no TLS with the repository");
    if (status != LETHE_OK) hang_up(self);
    return status;
}

/* A repository says nothing; what can be read is its end. Or a session ticket of TLS 1.3, behind which a blocking read would sit for a word that
 * never comes: the socket does not block meanwhile. */
static bool has_ended(const sender *self) {
    char byte;
    int flags = fcntl(self->socket, F_GETFL);
    if (flags < 0 || fcntl(self->socket, F_SETFL, flags | O_NONBLOCK) != 0) return true;
    ERR_clear_error(); /* SSL_get_error looks at the thread's queue too */
    int got = SSL_read(self->link, &byte, 1);
    bool ended = got <= 0 && SSL_get_error(self->link, got) != SSL_ERROR_WANT_READ;
    return fcntl(self->socket, F_SETFL, flags) != 0 || ended;
}

static lethe_status send_frames(sender *self, const lethe_buffer *frames, lethe_error *error) {
    size_t put = 0;
    if (self->link != NULL && has_ended(self)) hang_up(self);
    lethe_status status = open_link(self, error);
    if (status != LETHE_OK) return status;
    if (SSL_write_ex(self->link, frames->bytes, frames->size, &put) == 1 && put == frames->size && !has_ended(self)) return LETHE_OK;
    hang_up(self);
    return lethe_fail(error, LETHE_NETWORK, "the link to the repository broke");
}

/* --- the trail --- */

static lethe_status read_mark(sender *self, lethe_error *error) {
    char text[32] = "";
    int64_t sent = 0;
    char *path = lethe_path_join(self->context->project->private_path, "audit.sent");
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    self->sent_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int reason = errno;
    lethe_free(path);
    if (self->sent_fd < 0) return lethe_fail_errno(error, reason, "cannot open the mark of what was sent");
    if (pread(self->sent_fd, text, sizeof text - 1, 0) < 0) return lethe_fail_errno(error, errno, "cannot read the mark of what was sent");
    if (lethe_text_to_int64(text, &sent) && sent > 0) self->sent = (uint64_t)sent;
    return LETHE_OK;
}

/* One number in the first sector: it is there as a whole or not yet. It only grows, so that nothing of the last one stays behind it. */
static lethe_status write_mark(const sender *self, lethe_error *error) {
    char text[32];
    int length = snprintf(text, sizeof text, "%" PRIu64, self->sent);
    if (pwrite(self->sent_fd, text, (size_t)length, 0) != (ssize_t)length || ftruncate(self->sent_fd, length) != 0 || fdatasync(self->sent_fd) != 0)
        return lethe_fail_errno(error, errno, "cannot write the mark of what was sent");
    return LETHE_OK;
}

/* Whole lines from where it stood; *taken is how far they reach. A damaged line is told of and passed over: the trail's own check finds it. */
static lethe_status read_lines(const sender *self, lethe_buffer *frames, uint64_t *taken, lethe_error *error) {
    char *chunk = lethe_alloc(CHUNK_BYTES);
    *taken = 0;
    int fd = open(self->trail_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    lethe_status status = LETHE_OK;
    /* A trail that came into being, or came back as another file, behind the fence: the next start of this service can read it. */
    if (fd < 0 && errno != ENOENT) status = lethe_fail_errno(error, errno, "cannot open the audit trail");
    if (status == LETHE_OK && chunk == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for the trail");
    ssize_t got = status != LETHE_OK || fd < 0 ? 0 : pread(fd, chunk, CHUNK_BYTES, (off_t)self->sent);
    for (const char *at = chunk, *end; status == LETHE_OK && got > 0; at = end + 1) {
        end = memchr(at, '\n', (size_t)(chunk + got - at));
        if (end == NULL) break;
        lethe_error own = {0};
        status = lethe_audit_frame(&self->source, at, (size_t)(end - at), frames, &own);
        if (status == LETHE_MALFORMED) {
            lethe_log(LETHE_LOG_ERROR, "audit_line_damaged", "offset=%" PRIu64, self->sent + (uint64_t)(at - chunk));
            status = LETHE_OK;
        } else if (status != LETHE_OK) {
            (void)lethe_fail(error, status, "%s", own.message);
        }
        *taken = (uint64_t)(end + 1 - chunk);
    }
    if (fd >= 0) (void)close(fd);
    lethe_free(chunk);
    return status;
}

static lethe_status send_new(sender *self, bool *more, lethe_error *error) {
    lethe_buffer frames;
    uint64_t taken = 0;
    lethe_buffer_init(&frames, FRAMES_BYTES);
    lethe_status status = read_lines(self, &frames, &taken, error);
    if (status == LETHE_OK && frames.size != 0) status = send_frames(self, &frames, error);
    if (status == LETHE_OK && taken != 0) {
        self->sent += taken;
        status = write_mark(self, error);
    }
    *more = status == LETHE_OK && taken != 0;
    lethe_buffer_release(&frames);
    return status;
}

static lethe_status run(sender *self, lethe_error *error) {
    for (unsigned wait_s = 1, failures = 0;;) {
        bool more = false;
        lethe_error own = {0};
        lethe_status status = send_new(self, &more, &own);
        if (status != LETHE_OK && status != LETHE_NETWORK) return lethe_fail(error, status, "%s", own.message);
        if (status == LETHE_NETWORK && failures++ == 0) lethe_log(LETHE_LOG_WARNING, "audit_not_sent", "detail=\"%s\"", own.message);
        if (status == LETHE_OK && failures != 0) {
            lethe_log(LETHE_LOG_INFO, "audit_sent_again", "failures=%u", failures);
            failures = 0;
        }
        wait_s = status == LETHE_OK ? 1 : wait_s * 2 < LONGEST_WAIT_SECONDS ? wait_s * 2 : LONGEST_WAIT_SECONDS;
        struct pollfd stop = {.fd = self->context->stop_fd, .events = POLLIN};
        int ready = poll(&stop, 1, more ? 0 : (int)wait_s * 1000);
        if (ready > 0) return LETHE_OK;
        if (ready < 0 && errno != EINTR) return lethe_fail_errno(error, errno, "cannot wait");
    }
}

lethe_status lethe_audit_run(const service_context *context, lethe_error *error) {
    sender self = {.context = context, .door = &context->door->audit, .socket = -1, .sent_fd = -1};
    if (gethostname(self.hostname, sizeof self.hostname - 1) != 0) self.hostname[0] = '\0';
    self.source = (lethe_audit_source){.aet = context->aet, .hostname = self.hostname, .pid = (long)getpid()};
    self.trail_path = lethe_path_join(context->project->private_path, "audit.jsonl");
    lethe_status status = self.trail_path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : make_context(&self, error);
    if (status == LETHE_OK) status = read_mark(&self, error);
    if (status == LETHE_OK) status = lethe_confine_audit(context->project, error);
    if (status == LETHE_OK) status = run(&self, error);
    hang_up(&self);
    SSL_CTX_free(self.tls);
    lethe_free(self.trail_path);
    if (self.sent_fd >= 0) (void)close(self.sent_fd);
    return status;
}
