/* Prometheus metrics over HTTP, text format 0.0.4: counts, ages and free space, nothing about anybody. */
#include "ingest/service.h"

#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 16 };

typedef struct metrics {
    const service_context *context;
    lethe_queue *queue;
    lethe_inbox *inbox;
} metrics;

static lethe_status put(lethe_buffer *out, const char *name, const char *kind, const char *help, double value, lethe_error *error) {
    return lethe_buffer_printf(out, error, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, kind, name, value);
}

static lethe_status put_states(lethe_buffer *out, const lethe_queue_counts *counts, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "# HELP lethe_items Items by state.\n# TYPE lethe_items gauge\n", error);
    for (int state = 0; status == LETHE_OK && state < LETHE_ITEM_STATES; state++)
        status = lethe_buffer_printf(out, error, "lethe_items{state=\"%s\"} %" PRId64 "\n", lethe_item_state_name((lethe_item_state)state),
                                     counts->by_state[state]);
    return status;
}

static lethe_status write_metrics(metrics *self, lethe_buffer *out, lethe_error *error) {
    lethe_queue_counts counts;
    uint64_t free_bytes = 0;
    intake_shared *shared = self->context->shared;
    lethe_status status = lethe_queue_count(self->queue, &counts, error);
    if (status == LETHE_OK) status = lethe_inbox_free_bytes(self->inbox, &free_bytes, error);
    if (status == LETHE_OK) status = put_states(out, &counts, error);
    double age = counts.oldest_queued_us == 0 ? 0 : (double)time(NULL) - (double)counts.oldest_queued_us / 1e6;
    const struct {
        const char *name, *kind, *help;
        double value;
    } lines[] = {
        {"lethe_received_total", "counter", "Items recorded since the project began.", (double)counts.received},
        {"lethe_finished_per_second", "gauge", "Items that de-identification gave an outcome, over the last minute.",
         (double)counts.finished_lately / LETHE_QUEUE_RATE_SECONDS},
        {"lethe_queue_age_seconds", "gauge", "Age of the oldest item that waits for de-identification.", age < 0 ? 0 : age},
        {"lethe_inbox_free_bytes", "gauge", "Free space where the inbox lies.", (double)free_bytes},
        {"lethe_dimse_instances_total", "counter", "Instances acknowledged since the receiver started.", (double)atomic_load(&shared->instances)},
        {"lethe_dimse_bytes_total", "counter", "Their bytes.", (double)atomic_load(&shared->bytes)},
        {"lethe_dimse_duplicates_total", "counter", "Instances that had come before.", (double)atomic_load(&shared->duplicates)},
        {"lethe_dimse_refused_total", "counter", "Instances refused with A700.", (double)atomic_load(&shared->refused)},
        {"lethe_dimse_dropped_total", "counter", "Instances outside the cohort, or of patients who object.", (double)atomic_load(&shared->dropped)},
        {"lethe_dimse_associations_total", "counter", "Connections.", (double)atomic_load(&shared->associations)},
        {"lethe_dimse_rejected_total", "counter", "Associations rejected.", (double)atomic_load(&shared->rejected)},
        {"lethe_dimse_broken_total", "counter", "Associations that ended badly.", (double)atomic_load(&shared->broken)},
    };
    for (size_t i = 0; status == LETHE_OK && i < sizeof lines / sizeof *lines; i++)
        status = put(out, lines[i].name, lines[i].kind, lines[i].help, lines[i].value, error);
    return status;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                              const char *upload, size_t *upload_size, void **state) {
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)state;
    metrics *self = context;
    lethe_error error = {0};
    lethe_buffer text;
    lethe_buffer_init(&text, 1 << 20);
    unsigned code = MHD_HTTP_OK;
    if (strcmp(method, "GET") != 0) code = MHD_HTTP_METHOD_NOT_ALLOWED;
    else if (strcmp(url, "/metrics") != 0) code = MHD_HTTP_NOT_FOUND;
    else if (write_metrics(self, &text, &error) != LETHE_OK) code = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (code != MHD_HTTP_OK) lethe_buffer_clear(&text);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.size, text.size == 0 ? (void *)(uintptr_t) "" : text.bytes, MHD_RESPMEM_MUST_COPY);
    lethe_buffer_release(&text);
    if (response == NULL) return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

/* "127.0.0.1:9100"; only loopback addresses. */
static lethe_status parse_address(const char *text, struct sockaddr_in *address, lethe_error *error) {
    char host[64];
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    if (colon == NULL || (size_t)(colon - text) >= sizeof host || !lethe_text_to_int64(colon + 1, &port) || port < 0 || port > 65535)
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.metrics: not HOST:PORT");
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (strcmp(host, "localhost") == 0) (void)snprintf(host, sizeof host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1 || (ntohl(address->sin_addr.s_addr) >> 24) != 127)
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.metrics: only a loopback address (127.x.x.x) is served");
    address->sin_port = htons((uint16_t)port);
    return LETHE_OK;
}

static lethe_status start_listening(const struct sockaddr_in *address, int *listen_fd, lethe_error *error) {
    int on = 1;
    *listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*listen_fd < 0 || setsockopt(*listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(*listen_fd, (const struct sockaddr *)address, sizeof *address) != 0 || listen(*listen_fd, CONNECTIONS) != 0)
        return lethe_fail_errno(error, errno, "cannot serve metrics on port %u", (unsigned)ntohs(address->sin_port));
    return LETHE_OK;
}

/* The daemon's thread is made inside the fence. Takes *listen_fd. */
static lethe_status start_daemon(metrics *self, int *listen_fd, struct MHD_Daemon **daemon, lethe_error *error) {
    *daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, answer, self, MHD_OPTION_LISTEN_SOCKET, *listen_fd,
                               MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_END);
    if (*daemon == NULL) return lethe_fail(error, LETHE_NETWORK, "cannot serve metrics");
    *listen_fd = -1;
    return LETHE_OK;
}

lethe_status lethe_metrics_run(const service_context *context, lethe_error *error) {
    metrics self = {.context = context};
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    struct MHD_Daemon *daemon = NULL;
    int listen_fd = -1;
    lethe_status status = parse_address(context->door->metrics, &address, error);
    if (status == LETHE_OK) status = lethe_queue_open(context->project, &self.queue, error);
    if (status == LETHE_OK) status = lethe_inbox_open(context->project, 0, &self.inbox, error);
    if (status == LETHE_OK) status = start_listening(&address, &listen_fd, error);
    if (status == LETHE_OK && getsockname(listen_fd, (struct sockaddr *)&address, &size) != 0)
        status = lethe_fail_errno(error, errno, "cannot tell the port of the metrics");
    if (status == LETHE_OK) status = lethe_confine_metrics(context->project, error);
    if (status == LETHE_OK) status = start_daemon(&self, &listen_fd, &daemon, error);
    if (status == LETHE_OK) {
        lethe_log(LETHE_LOG_INFO, "metrics_served", "port=%u", (unsigned)ntohs(address.sin_port));
        struct pollfd stop = {.fd = context->stop_fd, .events = POLLIN};
        while (poll(&stop, 1, -1) < 0 && errno == EINTR) continue;
    }
    if (daemon != NULL) MHD_stop_daemon(daemon);
    if (listen_fd >= 0) (void)close(listen_fd);
    lethe_inbox_close(self.inbox);
    lethe_queue_close(self.queue);
    return status;
}
