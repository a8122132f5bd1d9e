#include "ingest/report.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/confine.h"
#include "ingest/dimse_scu.h"
#include "ingest/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { GIVE_UP_SECONDS = 3 * 24 * 3600, LONGEST_WAIT_SECONDS = 600, TIMEOUT_SECONDS = 20, MAX_REFERENCES = 100000, LINE_BYTES = 512 };

static const char extension[] = ".report";

char *lethe_reports_path(const lethe_project *project) { return lethe_path_join(project->private_path, "commitments"); }

/* --- keeping --- */

lethe_status lethe_report_keep(const lethe_project *project, const char *aet, const char *transaction_uid, const lethe_dimse_reference *references,
                               size_t count, lethe_error *error) {
    uint8_t random[16];
    char name[33];
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return lethe_fail(error, LETHE_IO, "no random bytes for a file name");
    lethe_hex(random, sizeof random, name);
    char *folder = lethe_reports_path(project), *path = folder == NULL ? NULL : lethe_asprintf("%s/%s%s", folder, name, extension);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_buffer_printf(&text, error, "%s\t%s\t%" PRId64 "\n", aet, transaction_uid, (int64_t)time(NULL));
    for (size_t i = 0; status == LETHE_OK && i < count; i++)
        status = lethe_buffer_printf(&text, error, "%s\t%s\t%u\n", references[i].sop_class, references[i].sop_instance,
                                     references[i].committed ? 0u : (unsigned)references[i].failure);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "end\n", error);
    if (status == LETHE_OK) status = lethe_file_write(path, text.bytes, text.size, 0600, error);
    lethe_buffer_release(&text);
    lethe_free(folder);
    lethe_free(path);
    return status;
}

/* --- delivering --- */

typedef struct kept_report {
    char aet[17], transaction[65];
    int64_t since;
    lethe_dimse_reference *references;
    size_t count;
} kept_report;

/* The next field of a line: cut out in place. */
static char *next_field(char **at, char end) {
    char *field = *at, *stop = field == NULL ? NULL : strchr(field, end);
    if (stop == NULL) return NULL;
    *stop = '\0';
    *at = stop + 1;
    return field;
}

static bool parse(char *text, kept_report *report) {
    char *at = text;
    const char *aet = next_field(&at, '\t'), *transaction = aet == NULL ? NULL : next_field(&at, '\t'),
               *since = transaction == NULL ? NULL : next_field(&at, '\n');
    if (since == NULL || !lethe_text_to_int64(since, &report->since)) return false;
    (void)snprintf(report->aet, sizeof report->aet, "%s", aet);
    (void)snprintf(report->transaction, sizeof report->transaction, "%s", transaction);
    size_t capacity = 0;
    for (const char *scan = at; (scan = strchr(scan, '\n')) != NULL; scan++) capacity++;
    if (capacity == 0 || capacity > MAX_REFERENCES + 1) return false;
    report->references = lethe_alloc_array(capacity, sizeof *report->references);
    if (report->references == NULL) return false;
    while (strcmp(at, "end\n") != 0) {
        int64_t failure = 0;
        lethe_dimse_reference *reference = &report->references[report->count];
        const char *class_uid = next_field(&at, '\t'), *instance = class_uid == NULL ? NULL : next_field(&at, '\t'),
                   *code = instance == NULL ? NULL : next_field(&at, '\n');
        if (code == NULL || !lethe_text_to_int64(code, &failure) || failure < 0 || failure > UINT16_MAX) return false;
        (void)snprintf(reference->sop_class, sizeof reference->sop_class, "%s", class_uid);
        (void)snprintf(reference->sop_instance, sizeof reference->sop_instance, "%s", instance);
        reference->committed = failure == 0;
        reference->failure = (uint16_t)failure;
        report->count++;
    }
    return true;
}

static lethe_status deliver(const lethe_project *project, const char *our_aet, const kept_report *report, lethe_error *error) {
    const lethe_peer *peer = NULL;
    for (unsigned i = 0; i < project->ingest.peers_count && peer == NULL; i++)
        if (strcmp(project->ingest.peers[i].aet, report->aet) == 0 && project->ingest.peers[i].port != 0) peer = &project->ingest.peers[i];
    if (peer == NULL) return lethe_fail(error, LETHE_CONFIG, "project.yaml has no peer of that title any more");
    const lethe_scu_options options = {.purpose = LETHE_SCU_COMMIT,
                                       .host = peer->host,
                                       .aet = peer->aet,
                                       .our_aet = our_aet,
                                       .port = peer->port,
                                       .timeout_seconds = TIMEOUT_SECONDS,
                                       .tls = peer->tls,
                                       .authorities = peer->authorities,
                                       .certificate = peer->certificate,
                                       .private_key = peer->private_key,
                                       .tls_name = peer->tls_name};
    lethe_scu *scu = NULL;
    lethe_status status = lethe_scu_open(&options, &scu, error);
    if (status == LETHE_OK) status = lethe_scu_report(scu, report->transaction, report->references, report->count, error);
    lethe_scu_close(scu);
    return status;
}

/* Its modification time says when it is due. */
static void put_off(const char *path, int64_t now, int64_t since) {
    int64_t wait = (now - since) / 2;
    wait = wait < 1 ? 1 : wait > LONGEST_WAIT_SECONDS ? LONGEST_WAIT_SECONDS : wait;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)(now + wait)}};
    (void)utimensat(AT_FDCWD, path, times, 0);
}

static lethe_status deliver_one(const lethe_project *project, const char *our_aet, const char *path, lethe_error *error) {
    struct stat info;
    int64_t now = (int64_t)time(NULL);
    if (stat(path, &info) != 0 || (int64_t)info.st_mtim.tv_sec + 1 > now) return LETHE_OK;
    lethe_buffer text;
    kept_report report = {.references = NULL};
    lethe_error own = {0};
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK) {
        bool usable = text.size != 0 && parse((char *)text.bytes, &report);
        lethe_status told = usable ? deliver(project, our_aet, &report, &own) : lethe_fail(&own, LETHE_MALFORMED, "a kept report is damaged");
        bool over = !usable || now - report.since > GIVE_UP_SECONDS;
        if (told == LETHE_OK) lethe_log(LETHE_LOG_INFO, "commitment_reported", "instances=%zu", report.count);
        else lethe_log(LETHE_LOG_WARNING, over ? "commitment_given_up" : "commitment_not_reported", "detail=\"%s\"", own.message);
        if (told == LETHE_OK || over) (void)unlink(path);
        else put_off(path, now, report.since);
    }
    lethe_free(report.references);
    lethe_buffer_release(&text);
    return status;
}

typedef struct delivery {
    const lethe_project *project;
    const char *our_aet;
} delivery;

static lethe_status visit(void *context, const char *path, const char *relative, lethe_error *error) {
    const delivery *self = context;
    size_t length = strlen(relative);
    if (length < sizeof extension || strcmp(relative + length - (sizeof extension - 1), extension) != 0) return LETHE_OK;
    return deliver_one(self->project, self->our_aet, path, error);
}

lethe_status lethe_reports_deliver(const lethe_project *project, const char *our_aet, lethe_error *error) {
    delivery self = {project, our_aet};
    char *folder = lethe_reports_path(project);
    lethe_status status = folder == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_walk(folder, visit, &self, error);
    lethe_free(folder);
    return status;
}

lethe_status lethe_report_run(const service_context *context, lethe_error *error) {
    const char *aet = context->aet;
    lethe_status status = lethe_confine_report(context->project, error);
    while (status == LETHE_OK) {
        struct pollfd stop = {.fd = context->stop_fd, .events = POLLIN};
        int ready = poll(&stop, 1, 1000);
        if (ready > 0) return LETHE_OK;
        if (ready < 0 && errno != EINTR) return lethe_fail_errno(error, errno, "cannot wait");
        status = lethe_reports_deliver(context->project, aet, error);
    }
    return status;
}
