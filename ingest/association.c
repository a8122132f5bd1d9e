/* One association, in a process of its own (ingest/intake.h). */
#include "core/file.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/trail.h"
#include "ingest/confine.h"
#include "ingest/intake.h"
#include "ingest/report.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A signal handler has nothing else to reach its process by. */
static volatile sig_atomic_t stop_asked, connection_fd = -1;

static void on_stop(int number) {
    (void)number;
    stop_asked = 1;
}

/* The peer has stalled: cut the line, and whoever reads from it gets an error and cleans up. */
static void on_alarm(int number) {
    (void)number;
    if (connection_fd >= 0) (void)shutdown((int)connection_fd, SHUT_RDWR);
}

typedef struct association {
    const association_options *options;
    int32_t priority;
    char calling_aet[17];
    lethe_inbox_file *file; /* of the instance under way */
    lethe_item item;
    lethe_error failure; /* first failure of the instance under way */
    bool unanswered;     /* the receiver went away over the last question: it may have committed all the same */
    bool in_doubt;       /* the store went away over its commit: the row may stand all the same */
} association;

/* --- who may come in --- */

static bool entry_matches(const lethe_door_allow *entry, const char *aet, const char *host, const char *certificate) {
    if (entry->certificate != NULL && !lethe_text_equal_fold(entry->certificate, certificate)) return false;
    return (entry->aet == NULL || strcmp(entry->aet, aet) == 0) && (entry->host == NULL || strcmp(entry->host, host) == 0);
}

static lethe_dimse_verdict associate(void *context, const char *calling_aet, const char *called_aet, const char *certificate) {
    association *self = context;
    const lethe_door *door = self->options->door;
    (void)snprintf(self->calling_aet, sizeof self->calling_aet, "%s", calling_aet);
    if (self->options->busy) return LETHE_DIMSE_REJECT_BUSY;
    if (door->check_called && strcmp(called_aet, self->options->aet) != 0) return LETHE_DIMSE_REJECT_CALLED;
    if (door->allow_count == 0) return LETHE_DIMSE_ACCEPT;
    for (uint32_t i = 0; i < door->allow_count; i++) {
        if (!entry_matches(&door->allow[i], calling_aet, self->options->peer_host, certificate)) continue;
        self->priority = door->allow[i].priority;
        return LETHE_DIMSE_ACCEPT;
    }
    return LETHE_DIMSE_REJECT_CALLING;
}

static bool accepts_class(void *context, const char *abstract_syntax) {
    const association *self = context;
    for (uint32_t i = 0; i < self->options->door->sop_classes_count; i++)
        if (strcmp(self->options->door->sop_classes[i], abstract_syntax) == 0) return true;
    return false;
}

/* --- asking the receiver --- */

static lethe_status ask_about(association *self, const intake_request *request, lethe_error *error) {
    intake_reply reply;
    self->unanswered = true;
    ssize_t done;
    do done = send(self->options->channel, request, sizeof *request, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    if (done != (ssize_t)sizeof *request) return lethe_fail(error, LETHE_IO, "the receiver is gone");
    do done = recv(self->options->channel, &reply, sizeof reply, 0);
    while (done < 0 && errno == EINTR);
    if (done != (ssize_t)sizeof reply) return lethe_fail(error, LETHE_IO, "the receiver is gone");
    self->unanswered = false;
    self->in_doubt = reply.in_doubt;
    if (reply.status != LETHE_OK) return lethe_fail(error, reply.status, "the receiver answered: %s", lethe_status_name(reply.status));
    return LETHE_OK;
}

static lethe_status ask(association *self, intake_request_kind kind, const lethe_item *item, lethe_error *error) {
    intake_request request;
    memset(&request, 0, sizeof request); /* padding goes over the socket too */
    request.kind = kind;
    request.item = *item;
    return ask_about(self, &request, error);
}

/* --- one instance --- */

/* UIDs and titles come from the network: printable ASCII or '?', so that every store can hold them. */
static void take_ascii(char *out, size_t size, const char *text) {
    size_t i = 0;
    for (; i + 1 < size && text[i] != '\0'; i++) out[i] = text[i] > 0x20 && text[i] < 0x7f ? text[i] : '?';
    out[i] = '\0';
}

static uint16_t refuse(association *self) {
    atomic_fetch_add(&self->options->shared->refused, 1);
    lethe_log(LETHE_LOG_WARNING, "instance_refused", "status=A700 reason=%s detail=\"%s\"", lethe_status_name(self->failure.status),
              self->failure.message);
    return LETHE_DIMSE_OUT_OF_RESOURCES;
}

static uint16_t store_begin(void *context, const lethe_dimse_store *store) {
    association *self = context;
    lethe_error_clear(&self->failure);
    self->unanswered = self->in_doubt = false;
    memset(&self->item, 0, sizeof self->item);
    if (atomic_load(&self->options->shared->backlog) != 0) {
        (void)lethe_fail(&self->failure, LETHE_LIMIT, "too many items wait for de-identification");
        return refuse(self);
    }
    lethe_item *item = &self->item;
    item->kind = LETHE_ITEM_DICOM;
    item->priority = self->priority;
    take_ascii(item->sop_class, sizeof item->sop_class, store->sop_class);
    take_ascii(item->sop_instance, sizeof item->sop_instance, store->sop_instance);
    (void)snprintf(item->source, sizeof item->source, "dimse");
    char aet[17];
    take_ascii(aet, sizeof aet, store->calling_aet);
    (void)snprintf(item->source_name, sizeof item->source_name, "%s/%s.dcm", aet, item->sop_instance);
    lethe_inbox_meta meta = {item->sop_class, item->sop_instance, store->transfer_syntax, aet};
    if (lethe_inbox_begin(self->options->inbox, &meta, ".dcm", &self->file, &self->failure) != LETHE_OK) return refuse(self);
    return LETHE_DIMSE_SUCCESS;
}

static void store_data(void *context, const void *bytes, size_t size) {
    association *self = context;
    if (self->file == NULL || self->failure.status != LETHE_OK) return;
    (void)!lethe_inbox_write(self->file, bytes, size, &self->failure);
}

/* What the data set says of whom and what; false for what cannot be parsed: it goes on, and de-identification quarantines it. */
static bool read_facts(const association *self, lethe_cohort_facts *facts) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    char *path = lethe_path_join(self->options->project->private_path, self->item.path);
    bool read = arena != NULL && path != NULL && lethe_map_open(path, &map, NULL) == LETHE_OK &&
                lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) == LETHE_OK;
    if (read) {
        lethe_cohort_facts_of(dataset, facts);
        lethe_dicom_dataset_release(dataset);
    }
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    lethe_free(path);
    return read;
}

/* *why is set for an instance that is not to come in. */
static lethe_status look_whose(association *self, const char **why, lethe_error *error) {
    lethe_cohort_facts facts;
    bool ask_objection = atomic_load(&self->options->shared->objections) != 0;
    *why = NULL;
    if ((self->options->cohort == NULL && !ask_objection) || !read_facts(self, &facts)) return LETHE_OK;
    if (self->options->cohort != NULL && !lethe_cohort_has(self->options->cohort, &facts)) *why = "not in the cohort";
    if (*why != NULL || !ask_objection) return LETHE_OK;
    intake_request request;
    memset(&request, 0, sizeof request);
    request.kind = INTAKE_OBJECTS;
    (void)snprintf(request.patient_id, sizeof request.patient_id, "%s", facts.patient_id);
    (void)snprintf(request.issuer, sizeof request.issuer, "%s", facts.issuer);
    lethe_error own = {0};
    lethe_status status = ask_about(self, &request, &own);
    if (status == LETHE_DENIED) *why = "the patient objects to the use of the data";
    else if (status != LETHE_OK) return lethe_fail(error, status, "%s", own.message);
    return LETHE_OK;
}

/* What stays is a tombstone that says why and nothing else. */
static uint16_t drop(association *self, lethe_inbox_file *file, const char *why) {
    lethe_item tombstone = {.kind = LETHE_ITEM_DICOM, .state = LETHE_ITEM_DROPPED, .size_bytes = self->item.size_bytes};
    (void)snprintf(tombstone.source, sizeof tombstone.source, "dimse");
    (void)snprintf(tombstone.reason, sizeof tombstone.reason, "%s", why);
    lethe_inbox_discard(file);
    if (ask(self, INTAKE_ADD, &tombstone, &self->failure) != LETHE_OK) return refuse(self);
    atomic_fetch_add(&self->options->shared->dropped, 1);
    return LETHE_DIMSE_SUCCESS;
}

static uint16_t store_end(void *context, bool complete) {
    association *self = context;
    lethe_inbox_file *file = self->file;
    const char *why = NULL;
    self->file = NULL;
    if (file == NULL) return LETHE_DIMSE_OUT_OF_RESOURCES;
    lethe_status status = self->failure.status;
    if (!complete && status == LETHE_OK) status = lethe_fail(&self->failure, LETHE_NETWORK, "the data set broke off");
    if (status == LETHE_OK) status = lethe_inbox_complete(file, &self->item, &self->failure);
    if (status == LETHE_OK) status = look_whose(self, &why, &self->failure);
    if (status == LETHE_OK && why != NULL) return drop(self, file, why); /* before it carries a row */
    if (status == LETHE_OK) status = lethe_inbox_sync(file, &self->item, &self->failure);
    if (status == LETHE_OK) status = ask(self, INTAKE_ADD, &self->item, &self->failure);
    if (status == LETHE_OK) {
        atomic_fetch_add(&self->options->shared->instances, 1);
        atomic_fetch_add(&self->options->shared->bytes, self->item.size_bytes);
        lethe_inbox_keep(file);
        return LETHE_DIMSE_SUCCESS;
    }
    /* A receiver that was killed between its commit and its answer has left a row: the file must stay. Without a row, the next sweep removes it. */
    if (self->unanswered || self->in_doubt) lethe_inbox_keep(file);
    else lethe_inbox_discard(file);
    if (status == LETHE_EXISTS) { /* accepted once: it lies here already */
        atomic_fetch_add(&self->options->shared->duplicates, 1);
        return LETHE_DIMSE_SUCCESS;
    }
    return complete ? refuse(self) : LETHE_DIMSE_PROCESSING_FAILURE;
}

static void commitment(void *context, lethe_dimse_reference *references, size_t count) {
    association *self = context;
    for (size_t i = 0; i < count; i++) {
        lethe_item item = {0};
        lethe_error error = {0};
        take_ascii(item.sop_class, sizeof item.sop_class, references[i].sop_class);
        take_ascii(item.sop_instance, sizeof item.sop_instance, references[i].sop_instance);
        lethe_status status = ask(self, INTAKE_LOOKUP, &item, &error);
        (void)snprintf(references[i].sop_class, sizeof references[i].sop_class, "%s", item.sop_class);
        (void)snprintf(references[i].sop_instance, sizeof references[i].sop_instance, "%s", item.sop_instance);
        references[i].committed = status == LETHE_OK;
        references[i].failure = status == LETHE_NOT_FOUND   ? LETHE_DIMSE_NO_SUCH_INSTANCE
                                : status == LETHE_MALFORMED ? 0x0119
                                                            : LETHE_DIMSE_PROCESSING_FAILURE;
    }
}

/* A peer whose address stands in project.yaml gets its report on an association of its own (PS3.4 J.3.3), from another process (ingest/report.h):
 * this one can be released meanwhile, and the host go down. */
static bool report(void *context, const char *transaction_uid, const lethe_dimse_reference *references, size_t count) {
    const association *self = context;
    const lethe_project *project = self->options->project;
    char transaction[65];
    bool known = false;
    for (unsigned i = 0; i < project->ingest.peers_count && !known; i++)
        known = strcmp(project->ingest.peers[i].aet, self->calling_aet) == 0 && project->ingest.peers[i].port != 0;
    if (!known) return false;
    lethe_error error = {0};
    take_ascii(transaction, sizeof transaction, transaction_uid);
    if (lethe_report_keep(project, self->calling_aet, transaction, references, count, &error) == LETHE_OK) return true;
    lethe_log(LETHE_LOG_ERROR, "commitment_not_kept", "detail=\"%s\"", error.message);
    return false;
}

static bool stopping(void *context) {
    (void)context;
    return stop_asked != 0;
}

static void deadline(void *context, unsigned seconds) {
    (void)context;
    (void)alarm(seconds);
}

static void install_handlers(int socket) {
    connection_fd = socket;
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = on_alarm;
    (void)sigaction(SIGALRM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int lethe_association_run(int socket, const association_options *options) {
    install_handlers(socket);
    association self = {.options = options};
    const lethe_dimse_handler handler = {&self, associate, accepts_class, store_begin, store_data, store_end, commitment, report, stopping, deadline};
    lethe_dimse_options dimse = {
        .idle_seconds = options->door->idle_seconds, .stall_seconds = options->door->stall_seconds, .max_pdu_bytes = options->door->max_pdu_bytes};
    if (options->busy) dimse.stall_seconds = 5;
    lethe_dimse_tls tls = {options->door->tls.certificate, options->door->tls.private_key, options->door->tls.authorities,
                           options->door->tls.require_client};
    if (tls.certificate != NULL) dimse.tls = &tls;
    lethe_dimse_summary summary;
    lethe_error error = {0};
    memset(&summary, 0, sizeof summary);
    lethe_status status = lethe_confine_association(options->project, options->door, &error);
    if (status == LETHE_OK) status = lethe_dimse_serve(socket, &dimse, &handler, &summary, &error);
    else (void)close(socket);
    (void)alarm(0);
    if (self.file != NULL) lethe_inbox_discard(self.file);
    lethe_inbox_drop_spares(options->inbox);
    lethe_error trail = {0};
    if (lethe_trail_append(options->project, &trail, "association", "\"peer\":\"%s\",\"instances\":%" PRIu64 ",\"end\":\"%s\"", options->peer_host,
                           summary.instances,
                           status == LETHE_OK       ? "released"
                           : status == LETHE_DENIED ? "rejected"
                                                    : "broken") != LETHE_OK)
        lethe_log(LETHE_LOG_ERROR, "trail_not_written", "detail=\"%s\"", trail.message);
    if (status == LETHE_OK) {
        lethe_log(LETHE_LOG_INFO, "association_done", "peer=%s instances=%" PRIu64 " bytes=%" PRIu64, options->peer_host, summary.instances,
                  summary.bytes);
    } else if (status == LETHE_DENIED) {
        atomic_fetch_add(&options->shared->rejected, 1);
        lethe_log(LETHE_LOG_WARNING, "association_rejected", "peer=%s busy=%d", options->peer_host, options->busy);
    } else {
        atomic_fetch_add(&options->shared->broken, 1);
        lethe_log(LETHE_LOG_WARNING, "association_broken", "peer=%s instances=%" PRIu64 " reason=\"%s\"", options->peer_host, summary.instances,
                  error.message);
    }
    return status == LETHE_OK ? 0 : 1;
}
