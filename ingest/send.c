/* lethe ingest send: released instances go on to a research archive by C-STORE or STOW-RS, each once, with a record. */
#include "core/catalogue.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/queue.h"
#include "core/text.h"
#include "core/trail.h"
#include "imaging/dicom/dataset.h"
#include "ingest/commands.h"
#include "ingest/remote.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: lethe ingest send [-C DIR] --peer NAME [--patient PSEUDONYM] [--retries N]\n\n"
                            "Send released instances to a peer of project.yaml by C-STORE, or by STOW-RS when it has a url and no port. What was "
                            "sent is recorded and not sent again; give the same command again\n"
                            "after new releases or an interruption. Exit code 1 when some could not be sent.\n";

static const lethe_migration migrations[] = {
    {1, "CREATE TABLE sent (peer TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, sent_us BIGINT NOT NULL, PRIMARY KEY (peer, path, sha256))",
     NULL},
};

typedef struct sender {
    const lethe_project *project;
    const lethe_peer *peer;
    lethe_database *database;
    lethe_statement *known, *record;
    lethe_arena *arena;
    lethe_remote *remote;
    char sop_class[65], transfer_syntax[65]; /* of the open association */
    bool web;                                /* STOW-RS */
    unsigned attempts;
    uint64_t sent, earlier, failed;
    lethe_progress progress;
} sender;

static lethe_status was_sent(sender *self, const lethe_catalogue_entry *entry, bool *known, lethe_error *error) {
    lethe_statement_bind_text(self->known, 1, self->peer->name);
    lethe_statement_bind_text(self->known, 2, entry->path);
    lethe_statement_bind_text(self->known, 3, entry->sha256);
    lethe_status status = lethe_statement_step(self->known, known, error);
    lethe_statement_reset(self->known);
    return status;
}

static lethe_status note_sent(sender *self, const lethe_catalogue_entry *entry, lethe_error *error) {
    lethe_statement_bind_text(self->record, 1, self->peer->name);
    lethe_statement_bind_text(self->record, 2, entry->path);
    lethe_statement_bind_text(self->record, 3, entry->sha256);
    lethe_statement_bind_int64(self->record, 4, (int64_t)time(NULL) * 1000000);
    return lethe_statement_run(self->record, error);
}

/* Only what the catalogue knows, byte for byte, leaves the house. */
static lethe_status check_file(sender *self, const lethe_catalogue_entry *entry, const char *path, char sop_class[65], char syntax[65],
                               lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    char digest[65];
    lethe_status status = lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_sha256_hex(map.bytes, map.size, digest, error);
    if (status == LETHE_OK && strcmp(digest, entry->sha256) != 0)
        status = lethe_fail(error, LETHE_UNSAFE, "the file is not the one that was released");
    lethe_arena_reset(self->arena);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, self->arena, &dataset, error);
    if (status == LETHE_OK && (!lethe_dicom_text(dataset->root, 0x00080016, 0, sop_class, 65) || dataset->transfer_syntax[0] == '\0'))
        status = lethe_fail(error, LETHE_MALFORMED, "no SOP class or transfer syntax");
    if (status == LETHE_OK) (void)snprintf(syntax, 65, "%s", dataset->transfer_syntax);
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    return status;
}

static void hang_up(sender *self) {
    lethe_remote_close(self->remote);
    self->remote = NULL;
}

/* One association per class and transfer syntax: the peer gets the bytes as they are. Entries come ordered by series, so it seldom changes. DICOMweb
 * keeps one connection for all. */
static lethe_status store(sender *self, const char *path, const char *sop_class, const char *syntax, lethe_error *error) {
    uint16_t answered = 0;
    lethe_status status = LETHE_OK;
    bool other = strcmp(self->sop_class, sop_class) != 0 || strcmp(self->transfer_syntax, syntax) != 0;
    if (self->remote != NULL && other && !self->web) hang_up(self);
    if (self->remote == NULL) {
        (void)snprintf(self->sop_class, sizeof self->sop_class, "%s", sop_class);
        (void)snprintf(self->transfer_syntax, sizeof self->transfer_syntax, "%s", syntax);
        const lethe_remote_options options = {.project = self->project,
                                              .peer = self->peer,
                                              .web = self->web,
                                              .purpose = LETHE_SCU_STORE,
                                              .sop_class = self->sop_class,
                                              .transfer_syntax = self->transfer_syntax};
        status = lethe_remote_open(&options, &self->remote, error);
    }
    if (status == LETHE_OK) status = lethe_remote_store(self->remote, path, &answered, error);
    if (status != LETHE_OK) hang_up(self);
    /* B000, B006, B007: stored, with a remark (PS3.4 B.2.3). */
    if (status == LETHE_OK && answered != 0 && (answered & 0xf000) != 0xb000)
        status = lethe_fail(error, LETHE_NETWORK, "the peer answered with status %04x", (unsigned)answered);
    return status;
}

static lethe_status send_entry(void *context, const lethe_catalogue_entry *entry, lethe_error *error) {
    sender *self = context;
    bool known = false;
    char sop_class[65], syntax[65];
    if (strcmp(entry->kind, "dicom") != 0) return LETHE_OK;
    lethe_status status = was_sent(self, entry, &known, error);
    if (status != LETHE_OK) return status;
    if (known) {
        self->earlier++;
        return LETHE_OK;
    }
    char *path = lethe_path_join(self->project->released_path, entry->path);
    if (path == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_error own = {0};
    lethe_status result = check_file(self, entry, path, sop_class, syntax, &own);
    for (unsigned attempt = 1; result == LETHE_OK; attempt++) {
        lethe_error_clear(&own);
        result = store(self, path, sop_class, syntax, &own);
        if (result == LETHE_OK || result != LETHE_NETWORK || attempt >= self->attempts) break;
        (void)sleep(attempt);
        result = LETHE_OK;
    }
    lethe_free(path);
    if (result == LETHE_OK) {
        self->sent++;
        status = note_sent(self, entry, error);
    } else {
        self->failed++;
        (void)fprintf(stderr, "lethe ingest send: %s: %s\n", entry->path, own.message);
    }
    lethe_progress_update(&self->progress, self->sent + self->earlier + self->failed);
    return status;
}

static lethe_status prepare(sender *self, lethe_queue *queue, lethe_error *error) {
    self->database = lethe_queue_database(queue);
    self->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (self->arena == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for sending");
    lethe_status status = lethe_database_migrate_component(self->database, "send", migrations, 1, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(self->database, "SELECT 1 FROM sent WHERE peer = ?1 AND path = ?2 AND sha256 = ?3", &self->known, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(
            self->database, "INSERT INTO sent (peer, path, sha256, sent_us) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING", &self->record, error);
    return status;
}

static lethe_status send_all(sender *self, const char *patient, lethe_error *error) {
    lethe_queue *queue = NULL;
    lethe_catalogue *catalogue = NULL;
    const lethe_catalogue_filter filter = {.patient = patient};
    lethe_status status = lethe_queue_open(self->project, &queue, error);
    if (status == LETHE_OK) status = prepare(self, queue, error);
    if (status == LETHE_OK) status = lethe_catalogue_open(self->project, &catalogue, error);
    lethe_progress_start(&self->progress, "sending", 0, false);
    if (status == LETHE_OK) status = lethe_catalogue_visit(catalogue, &filter, send_entry, self, error);
    lethe_progress_finish(&self->progress);
    hang_up(self);
    if (status == LETHE_OK)
        status = lethe_trail_append(self->project, error, "send", "\"sent\":%" PRIu64 ",\"failed\":%" PRIu64, self->sent, self->failed);
    lethe_statement_finalize(self->known);
    lethe_statement_finalize(self->record);
    lethe_arena_destroy(self->arena);
    lethe_catalogue_close(catalogue);
    lethe_queue_close(queue);
    return status;
}

int lethe_command_send(int argc, char **argv) {
    static const struct option options[] = {{"peer", required_argument, NULL, 'p'},
                                            {"patient", required_argument, NULL, 'i'},
                                            {"retries", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *folder = ".", *peer = NULL, *patient = NULL;
    int64_t attempts = 3;
    for (int option; (option = getopt_long(argc, argv, "C:h", options, NULL)) != -1;) {
        if (option == 'C') folder = optarg;
        else if (option == 'p') peer = optarg;
        else if (option == 'i') patient = optarg;
        else if (option == 't' && lethe_text_to_int64(optarg, &attempts) && attempts >= 1 && attempts <= 100) continue;
        else return option == 'h' ? lethe_command_usage(usage, NULL) : lethe_command_usage(usage, "lethe ingest send: wrong option or value");
    }
    if (peer == NULL || optind != argc) return lethe_command_usage(usage, "lethe ingest send: give --peer");
    (void)setenv("TCP_NODELAY", "1", 0); /* DCMTK's own switch */
    lethe_project *project = NULL;
    lethe_error error = {0};
    sender self = {.attempts = (unsigned)attempts};
    lethe_status status = lethe_project_open(folder, true, &project, &error);
    if (status == LETHE_OK) {
        self.project = project;
        self.peer = lethe_remote_peer(project, peer);
        self.web = self.peer != NULL && lethe_remote_is_web(self.peer);
        status = self.peer == NULL || (!self.web && self.peer->port == 0)
                     ? lethe_fail(&error, LETHE_USAGE, "project.yaml has no peer of that name with a port or a url")
                     : send_all(&self, patient, &error);
    }
    if (status == LETHE_OK) (void)printf("sent %" PRIu64 ", sent earlier %" PRIu64 ", failed %" PRIu64 "\n", self.sent, self.earlier, self.failed);
    lethe_project_close(project);
    if (status != LETHE_OK) return lethe_command_failed("ingest send", &error);
    return self.failed != 0 ? LETHE_EXIT_FAILED : LETHE_EXIT_DONE;
}
