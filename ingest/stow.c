/* STOW-RS (PS3.18 10.5) over HTTPS: POST /studies or /studies/{study}, with a bearer token. Success is answered when the rows are committed. */
#include "ingest/service.h"

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/add.h"
#include "ingest/confine.h"
#include "ingest/multipart.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_BYTES = 512, SECONDS_OF_SILENCE = 60, CONNECTIONS = 64, MOST_PARTS = 20000 };

typedef struct stow {
    const service_context *context;
    lethe_queue *queue;
    lethe_inbox *inbox;
    lethe_cohort *cohort;
    char *token, *folder, *key, *certificate;
    int listen_fd;
    _Atomic bool store_lost; /* its link may not be made again from inside the fence: the next process makes it */
    uint64_t parts;
} stow;

/* One request. */
typedef struct upload {
    stow *self;
    lethe_adder *adder; /* its own: what another request failed to commit must not be taken for committed here */
    lethe_multipart multipart;
    bool has_multipart;
    unsigned parts;
    unsigned refusal; /* HTTP code; 0 = go on */
    lethe_output *part;
    char *part_path;
    json_t *stored, *failed;
    lethe_error error;
} upload;

/* --- parts --- */

static lethe_status begin_part(void *context, const char *content_type, lethe_error *error) {
    upload *request = context;
    (void)content_type; /* what it is shows in the bytes */
    if (++request->parts > MOST_PARTS) return lethe_fail(error, LETHE_UNSAFE, "more than %d parts in one request", MOST_PARTS);
    lethe_free(request->part_path);
    request->part_path = lethe_asprintf("%s/%llu", request->self->folder, (unsigned long long)request->self->parts++);
    if (request->part_path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a part");
    lethe_status status = lethe_inbox_has_room(request->self->inbox, 0, error);
    return status == LETHE_OK ? lethe_output_create(request->part_path, &request->part, error) : status;
}

static lethe_status part_data(void *context, const void *bytes, size_t size, lethe_error *error) {
    upload *request = context;
    lethe_status status = lethe_inbox_has_room(request->self->inbox, 0, error);
    if (status != LETHE_OK) return status;
    return lethe_output_write(request->part, bytes, size, error);
}

static json_t *reference(const lethe_item *item) {
    return json_pack("{s:{s:s,s:[s]},s:{s:s,s:[s]}}", "00081150", "vr", "UI", "Value", item->sop_class, "00081155", "vr", "UI", "Value",
                     item->sop_instance);
}

static lethe_status end_part(void *context, lethe_error *error) {
    upload *request = context;
    lethe_output *part = request->part;
    request->part = NULL;
    lethe_status status = lethe_output_commit(part, 0600, LETHE_SYNC_NONE, error);
    if (status == LETHE_OK) status = lethe_adder_file(request->adder, request->part_path, "stow.dcm", error);
    (void)unlink(request->part_path);
    if (status != LETHE_OK) return status;
    const lethe_item *item = lethe_adder_last(request->adder);
    json_t *entry = reference(item);
    bool refused = item->state == LETHE_ITEM_QUARANTINED;
    if (refused && entry != NULL) (void)json_object_set_new(entry, "00081197", json_pack("{s:s,s:[i]}", "vr", "US", "Value", 0xC000));
    if (entry == NULL || json_array_append_new(refused ? request->failed : request->stored, entry) != 0)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an answer");
    return LETHE_OK;
}

/* --- requests --- */

static unsigned code_of(stow *self, lethe_status status) {
    if (status == LETHE_DATABASE) atomic_store(&self->store_lost, true);
    switch (status) {
    case LETHE_UNSUPPORTED: return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    case LETHE_MALFORMED: return MHD_HTTP_BAD_REQUEST;
    case LETHE_UNSAFE: return 413;                /* too large; its name differs between versions of the library */
    default: return MHD_HTTP_SERVICE_UNAVAILABLE; /* disk, database, memory: come back later */
    }
}

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned code, const char *type, const char *text) {
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (code == MHD_HTTP_UNAUTHORIZED) (void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (code == MHD_HTTP_BAD_REQUEST) (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close"); /* where does the next begin? */
    if (code == MHD_HTTP_SERVICE_UNAVAILABLE) (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "60");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static bool is_allowed(const stow *self, struct MHD_Connection *connection) {
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    if (given == NULL || strncmp(given, "Bearer ", 7) != 0 || strlen(given + 7) != strlen(self->token)) return false;
    return CRYPTO_memcmp(given + 7, self->token, strlen(self->token)) == 0;
}

static enum MHD_Result count_framing(void *context, enum MHD_ValueKind kind, const char *name, const char *value) {
    unsigned *count = context;
    (void)kind;
    (void)value;
    *count += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 || strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/* Two statements of where the body ends: a proxy before us may believe the other one (RFC 9112 6.1, 6.3 and 11.2). */
static bool is_ambiguous(struct MHD_Connection *connection) {
    unsigned count = 0;
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_framing, &count);
    return count > 1;
}

static unsigned check_request(const stow *self, struct MHD_Connection *connection, const char *url, const char *method) {
    if (is_ambiguous(connection)) return MHD_HTTP_BAD_REQUEST;
    if (!is_allowed(self, connection)) return MHD_HTTP_UNAUTHORIZED;
    if (strcmp(url, "/studies") != 0 && !lethe_text_starts(url, "/studies/")) return MHD_HTTP_NOT_FOUND;
    if (strcmp(method, "POST") != 0) return MHD_HTTP_METHOD_NOT_ALLOWED;
    return atomic_load(&self->context->shared->backlog) != 0 ? MHD_HTTP_SERVICE_UNAVAILABLE : 0;
}

static upload *start_upload(stow *self, struct MHD_Connection *connection, const char *url, const char *method) {
    static const lethe_multipart_handler handler = {NULL, begin_part, part_data, end_part};
    upload *request = lethe_alloc_array(1, sizeof *request);
    if (request == NULL) return NULL;
    request->self = self;
    request->stored = json_array();
    request->failed = json_array();
    request->refusal = check_request(self, connection, url, method);
    if (request->refusal == 0) {
        lethe_multipart_handler own = handler;
        own.context = request;
        const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
        const lethe_add_options options = {.source = "stow", .cohort = self->cohort};
        lethe_status status = lethe_multipart_init(&request->multipart, type, &own, &request->error);
        request->has_multipart = true;
        if (status == LETHE_OK) status = lethe_adder_create(self->queue, self->inbox, &options, &request->adder, &request->error);
        if (status != LETHE_OK) request->refusal = code_of(request->self, status);
    }
    return request;
}

static enum MHD_Result finish_upload(upload *request, struct MHD_Connection *connection) {
    lethe_error *error = &request->error;
    lethe_status status = request->refusal != 0 ? LETHE_UNSUPPORTED : lethe_multipart_finish(&request->multipart, error);
    if (status == LETHE_OK) status = lethe_adder_flush(request->adder, error);
    if (request->refusal == 0 && status != LETHE_OK) request->refusal = code_of(request->self, status);
    if (request->refusal != 0) {
        lethe_log(LETHE_LOG_WARNING, "stow_refused", "code=%u detail=\"%s\"", request->refusal, error->message);
        return respond(connection, request->refusal, "text/plain", error->message);
    }
    size_t stored = json_array_size(request->stored), failed = json_array_size(request->failed);
    json_t *answer = json_object();
    if (stored != 0) (void)json_object_set_new(answer, "00081199", json_pack("{s:s,s:O}", "vr", "SQ", "Value", request->stored));
    if (failed != 0) (void)json_object_set_new(answer, "00081198", json_pack("{s:s,s:O}", "vr", "SQ", "Value", request->failed));
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    lethe_log(LETHE_LOG_INFO, "stow_done", "stored=%zu failed=%zu", stored, failed);
    unsigned code = failed == 0 && stored != 0 ? MHD_HTTP_OK : stored != 0 ? MHD_HTTP_ACCEPTED : MHD_HTTP_CONFLICT;
    enum MHD_Result result = text == NULL ? MHD_NO : respond(connection, code, "application/dicom+json", text);
    free(text);
    return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                              const char *bytes, size_t *size, void **state) {
    (void)version;
    if (*state == NULL) {
        upload *request = start_upload(context, connection, url, method);
        *state = request;
        /* Before the body: a refused peer need not send it. */
        if (request != NULL && request->refusal != 0) {
            lethe_log(LETHE_LOG_WARNING, "stow_refused", "code=%u detail=\"%s\"", request->refusal, request->error.message);
            return respond(connection, request->refusal, "text/plain", "refused\n");
        }
        return request == NULL ? MHD_NO : MHD_YES;
    }
    upload *request = *state;
    if (*size == 0) return finish_upload(request, connection);
    if (request->refusal == 0) {
        lethe_status status = lethe_multipart_feed(&request->multipart, bytes, *size, &request->error);
        if (status != LETHE_OK) request->refusal = code_of(request->self, status);
    }
    *size = 0;
    return MHD_YES;
}

static void completed(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code) {
    (void)context;
    (void)connection;
    (void)code;
    upload *request = *state;
    if (request == NULL) return;
    lethe_output_discard(request->part);
    lethe_adder_destroy(request->adder);
    if (request->has_multipart) lethe_multipart_release(&request->multipart);
    json_decref(request->stored);
    json_decref(request->failed);
    lethe_free(request->part_path);
    lethe_free(request);
    *state = NULL;
}

/* --- starting --- */

static lethe_status read_text(const char *path, size_t cap_bytes, const char *what, char **out, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, cap_bytes);
    lethe_status status = lethe_file_read(path, &text, NULL);
    if (status != LETHE_OK) status = lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door: %s cannot be read", what);
    while (text.size != 0 && (text.bytes[text.size - 1] == '\n' || text.bytes[text.size - 1] == '\r' || text.bytes[text.size - 1] == ' '))
        text.bytes[--text.size] = '\0';
    *out = status == LETHE_OK ? lethe_strdup(lethe_buffer_text(&text)) : NULL;
    if (status == LETHE_OK && *out == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for the configuration");
    lethe_buffer_release(&text);
    return status;
}

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static lethe_status start_listening(stow *self, lethe_error *error) {
    const lethe_door *door = self->context->door;
    char port[16];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    (void)snprintf(port, sizeof port, "%u", door->stow.port);
    if (getaddrinfo(door->stow.host != NULL ? door->stow.host : self->context->host, port, &hints, &found) != 0)
        return lethe_fail(error, LETHE_NETWORK, "cannot resolve the address of STOW-RS");
    lethe_status status = LETHE_OK;
    int on = 1;
    if (door->tls.certificate == NULL && !is_loopback(found->ai_addr)) {
        status = lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.stow: needs ingest.door.tls unless it listens on loopback");
    } else {
        self->listen_fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (self->listen_fd < 0 || setsockopt(self->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
            bind(self->listen_fd, found->ai_addr, found->ai_addrlen) != 0 || listen(self->listen_fd, CONNECTIONS) != 0)
            status = lethe_fail_errno(error, errno, "cannot serve STOW-RS on port %s", port);
    }
    freeaddrinfo(found);
    return status;
}

/* The daemon's thread is made inside the fence. */
static lethe_status start_daemon(stow *self, struct MHD_Daemon **daemon, lethe_error *error) {
    bool tls = self->certificate != NULL;
    const struct MHD_OptionItem secure[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, self->key},
                                            {MHD_OPTION_HTTPS_MEM_CERT, 0, self->certificate},
                                            {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
                                            {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | (tls ? MHD_USE_TLS : 0u);
    *daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, self, MHD_OPTION_LISTEN_SOCKET, self->listen_fd, MHD_OPTION_NOTIFY_COMPLETED, completed,
                               NULL, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS_OF_SILENCE, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(256 << 10), MHD_OPTION_ARRAY, tls ? secure : none, MHD_OPTION_END);
    if (*daemon == NULL) return lethe_fail(error, LETHE_NETWORK, "cannot serve STOW-RS (are certificate and key right?)");
    self->listen_fd = -1; /* the daemon's now */
    return LETHE_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    (void)where;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static lethe_status prepare(stow *self, lethe_error *error) {
    const service_context *context = self->context;
    uint64_t room = 0;
    lethe_status status = read_text(context->door->stow.token_file, TOKEN_BYTES, "stow.token_file", &self->token, error);
    if (status == LETHE_OK && strlen(self->token) < 16)
        status = lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.stow.token_file: at least 16 characters");
    if (status == LETHE_OK && context->door->cohort != NULL) status = lethe_cohort_load(context->door->cohort, "cohort", &self->cohort, error);
    if (status == LETHE_OK) status = lethe_queue_open(context->project, &self->queue, error);
    if (status == LETHE_OK) status = lethe_inbox_open(context->project, (uint64_t)context->door->reserve_mib << 20, &self->inbox, error);
    if (status == LETHE_OK) status = lethe_inbox_make_folder(self->inbox, &self->folder, &room, error);
    if (status == LETHE_OK && context->door->tls.certificate != NULL) {
        status = read_text(context->door->tls.private_key, 1 << 20, "tls.private_key", &self->key, error);
        if (status == LETHE_OK) status = read_text(context->door->tls.certificate, 1 << 20, "tls.certificate", &self->certificate, error);
    }
    return status == LETHE_OK ? start_listening(self, error) : status;
}

lethe_status lethe_stow_run(const service_context *context, lethe_error *error) {
    stow self = {.context = context, .listen_fd = -1};
    struct MHD_Daemon *daemon = NULL;
    lethe_status status = prepare(&self, error);
    if (status == LETHE_OK) status = lethe_confine_stow(context->project, context->door, error);
    if (status == LETHE_OK) status = start_daemon(&self, &daemon, error);
    if (self.key != NULL) lethe_wipe(self.key, strlen(self.key));
    if (status == LETHE_OK) {
        lethe_log(LETHE_LOG_INFO, "stow_served", "port=%u tls=%d", context->door->stow.port, context->door->tls.certificate != NULL);
        struct pollfd stop = {.fd = context->stop_fd, .events = POLLIN};
        while (poll(&stop, 1, 500) <= 0 && !atomic_load(&self.store_lost)) continue;
        if (atomic_load(&self.store_lost)) status = lethe_fail(error, LETHE_DATABASE, "the store went away");
    }
    if (daemon != NULL) MHD_stop_daemon(daemon);
    if (self.listen_fd >= 0) (void)close(self.listen_fd);
    if (self.folder != NULL) (void)nftw(self.folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    lethe_cohort_free(self.cohort);
    lethe_inbox_close(self.inbox);
    lethe_queue_close(self.queue);
    if (self.token != NULL) lethe_wipe(self.token, strlen(self.token));
    lethe_free(self.token);
    lethe_free(self.folder);
    lethe_free(self.key);
    lethe_free(self.certificate);
    return status;
}
