/* The second half of a pull: fetch the series that are not complete, in several processes that share the list in the database. */
#include "ingest/pull.h"

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/progress.h"
#include "ingest/add.h"
#include "ingest/remote.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* pull_series.state */
enum { TO_DO = 0, IN_WORK = 1, COMPLETE = 2, GIVEN_UP = 3 };

typedef struct fetcher {
    const lethe_pull_options *options;
    int64_t pull;
    lethe_queue *queue;
    lethe_inbox *inbox;
    lethe_adder *adder;
    lethe_remote *remote;
    char *folder;
    struct {
        int64_t id, attempts;
        char study[65], series[65];
    } series;
} fetcher;

/* --- when --- */

static bool in_window(const lethe_pull_options *options) {
    if (options->window_from_min == options->window_to_min) return true;
    time_t now = time(NULL);
    struct tm local;
    (void)localtime_r(&now, &local);
    int minute = local.tm_hour * 60 + local.tm_min;
    return options->window_from_min < options->window_to_min ? minute >= options->window_from_min && minute < options->window_to_min
                                                             : minute >= options->window_from_min || minute < options->window_to_min;
}

static void wait_for_window(const lethe_pull_options *options) {
    for (bool told = false; !in_window(options); told = true) {
        if (!told) lethe_log(LETHE_LOG_INFO, "pull_waits", "until_minute_of_day=%d", options->window_from_min);
        (void)sleep(20);
    }
}

static void keep_rate(const lethe_pull_options *options, unsigned instances, const struct timespec *started) {
    if (options->instances_per_minute == 0 || instances == 0) return;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    double took = (double)(now.tv_sec - started->tv_sec) + (double)(now.tv_nsec - started->tv_nsec) / 1e9;
    double should = 60.0 * instances * options->jobs / options->instances_per_minute;
    if (should > took) (void)usleep((useconds_t)((should - took) * 1e6 < 60e6 ? (should - took) * 1e6 : 60e6));
}

/* --- which --- */

static lethe_status claim_series(fetcher *self, bool *any, lethe_error *error) {
    bool postgres = lethe_database_backend(lethe_queue_database(self->queue)) == LETHE_POSTGRESQL;
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(
        lethe_queue_database(self->queue),
        postgres ? "UPDATE pull_series SET state = 1, attempts = attempts + 1 WHERE id = (SELECT id FROM pull_series WHERE "
                   "pull = ?1 AND state = 0 ORDER BY attempts, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, attempts, study_uid, series_uid"
                 : "UPDATE pull_series SET state = 1, attempts = attempts + 1 WHERE id = (SELECT id FROM pull_series WHERE "
                   "pull = ?1 AND state = 0 ORDER BY attempts, id LIMIT 1) RETURNING id, attempts, study_uid, series_uid",
        &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, self->pull);
    status = lethe_statement_step(statement, any, error);
    if (status == LETHE_OK && *any) {
        self->series.id = lethe_statement_int64(statement, 0);
        self->series.attempts = lethe_statement_int64(statement, 1);
        (void)snprintf(self->series.study, sizeof self->series.study, "%s", lethe_statement_text(statement, 2));
        (void)snprintf(self->series.series, sizeof self->series.series, "%s", lethe_statement_text(statement, 3));
    }
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status set_series(fetcher *self, int state, const char *reason, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status =
        lethe_statement_prepare(lethe_queue_database(self->queue), "UPDATE pull_series SET state = ?1, reason = ?2 WHERE id = ?3", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, state);
    lethe_statement_bind_text(statement, 2, reason);
    lethe_statement_bind_int64(statement, 3, self->series.id);
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

/* How many instances of the series are not here. */
static lethe_status count_missing(fetcher *self, int64_t *missing, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(lethe_queue_database(self->queue),
                                                  "SELECT COUNT(*) FROM pull_instance p WHERE p.pull = ?1 AND p.series_uid = ?2 AND NOT EXISTS "
                                                  "(SELECT 1 FROM item i WHERE i.sop_instance = p.sop_instance AND i.sha256 <> '')",
                                                  &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, self->pull);
    lethe_statement_bind_text(statement, 2, self->series.series);
    status = lethe_statement_step(statement, &row, error);
    *missing = row ? lethe_statement_int64(statement, 0) : 0;
    lethe_statement_finalize(statement);
    return status;
}

/* --- fetching --- */

static lethe_status open_remote(fetcher *self, lethe_error *error) {
    if (self->remote != NULL) return LETHE_OK;
    const lethe_remote_options options = {.project = self->options->project,
                                          .peer = self->options->peer,
                                          .web = self->options->web,
                                          .purpose = self->options->move ? LETHE_SCU_MOVE : LETHE_SCU_GET,
                                          .timeout_seconds = 600};
    return lethe_remote_open(&options, &self->remote, error);
}

static lethe_status add_fetched(void *context, const char *path, const char *relative, lethe_error *error) {
    fetcher *self = context;
    lethe_status status = lethe_adder_file(self->adder, path, relative, error);
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    if (where->level == 0) return 0;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static void empty_folder(const fetcher *self) { (void)nftw(self->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

static lethe_status fetch_series(fetcher *self, unsigned *instances, lethe_error *error) {
    lethe_scu_retrieved result;
    lethe_status status = open_remote(self, error);
    if (status != LETHE_OK) return status;
    if (self->options->move) {
        status = lethe_remote_move(self->remote, self->series.study, self->series.series, self->options->project->ingest.aet, &result, error);
    } else {
        status = lethe_remote_get(self->remote, self->series.study, self->series.series, self->folder, &result, error);
        /* What came before a link broke is kept. */
        lethe_error own = {0};
        lethe_status added = lethe_walk(self->folder, add_fetched, self, &own);
        if (added == LETHE_OK) added = lethe_adder_flush(self->adder, &own);
        empty_folder(self);
        if (status == LETHE_OK && added != LETHE_OK) status = lethe_fail(error, added, "%s", own.message);
    }
    *instances = result.completed;
    if (status == LETHE_NETWORK) {
        lethe_remote_close(self->remote);
        self->remote = NULL;
    }
    if (status == LETHE_OK && result.status != 0 && result.completed == 0)
        status = lethe_fail(error, LETHE_NETWORK, "the peer answered with status %04x", (unsigned)result.status);
    return status;
}

static lethe_status settle_series(fetcher *self, lethe_status fetched, const lethe_error *failure, lethe_error *error) {
    int64_t missing = 0;
    char reason[256] = "";
    lethe_status status = count_missing(self, &missing, error);
    if (status != LETHE_OK) return status;
    if (missing == 0) return set_series(self, COMPLETE, "", error);
    if (fetched != LETHE_OK) (void)snprintf(reason, sizeof reason, "%s", failure->message);
    else (void)snprintf(reason, sizeof reason, "the peer did not send %" PRId64 " of its instances", missing);
    bool again = self->series.attempts < (int64_t)self->options->attempts;
    if (again) { /* back-off, while other processes go on */
        unsigned shift = self->series.attempts < 8 ? (unsigned)self->series.attempts - 1 : 7;
        (void)usleep((useconds_t)(self->options->back_off_ms << shift) * 1000);
    }
    return set_series(self, again ? TO_DO : GIVEN_UP, reason, error);
}

static lethe_status work(fetcher *self, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (bool any = true; status == LETHE_OK && any;) {
        struct timespec started;
        int64_t missing = 0;
        unsigned instances = 0;
        lethe_error failure = {0};
        wait_for_window(self->options);
        status = claim_series(self, &any, error);
        if (status != LETHE_OK || !any) break;
        (void)clock_gettime(CLOCK_MONOTONIC, &started);
        status = count_missing(self, &missing, error);
        if (status != LETHE_OK) break;
        lethe_status fetched = missing == 0 ? LETHE_OK : fetch_series(self, &instances, &failure);
        if (fetched == LETHE_DATABASE || fetched == LETHE_LIMIT || fetched == LETHE_NO_MEMORY) {
            /* Not the peer's fault: give the series back and stop. */
            (void)!set_series(self, TO_DO, failure.message, NULL);
            return lethe_fail(error, fetched, "%s", failure.message);
        }
        status = settle_series(self, fetched, &failure, error);
        if (status == LETHE_OK) keep_rate(self->options, instances, &started);
    }
    return status;
}

static int run_worker(const lethe_pull_options *options, int64_t pull, pid_t parent) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return 1;
    fetcher self = {.options = options, .pull = pull};
    const lethe_add_options add = {.source = "pull"};
    lethe_error error = {0};
    uint64_t room = 0;
    lethe_status status = lethe_queue_open(options->project, &self.queue, &error);
    if (status == LETHE_OK) status = lethe_inbox_open(options->project, (uint64_t)options->door->reserve_mib << 20, &self.inbox, &error);
    if (status == LETHE_OK) status = lethe_adder_create(self.queue, self.inbox, &add, &self.adder, &error);
    if (status == LETHE_OK) status = lethe_inbox_make_folder(self.inbox, &self.folder, &room, &error);
    if (status == LETHE_OK) status = work(&self, &error);
    if (self.folder != NULL) {
        empty_folder(&self);
        (void)rmdir(self.folder);
    }
    if (status != LETHE_OK) lethe_log(LETHE_LOG_ERROR, "pull_worker_failed", "reason=%s detail=\"%s\"", lethe_status_name(status), error.message);
    lethe_free(self.folder);
    lethe_remote_close(self.remote);
    lethe_adder_destroy(self.adder);
    lethe_inbox_close(self.inbox);
    lethe_queue_close(self.queue);
    return status == LETHE_OK ? 0 : 1;
}

/* Series that an earlier, killed run had in work, and those it gave up: try them afresh. */
static lethe_status reset_series(const lethe_pull_options *options, int64_t pull, lethe_error *error) {
    lethe_queue *queue = NULL;
    lethe_statement *statement = NULL;
    lethe_status status = lethe_queue_open(options->project, &queue, error);
    if (status == LETHE_OK)
        status =
            lethe_statement_prepare(lethe_queue_database(queue),
                                    "UPDATE pull_series SET state = 0, attempts = 0, reason = '' WHERE pull = ?1 AND state <> 2", &statement, error);
    if (status == LETHE_OK) {
        lethe_statement_bind_int64(statement, 1, pull);
        status = lethe_statement_run(statement, error);
    }
    lethe_statement_finalize(statement);
    lethe_queue_close(queue);
    return status;
}

lethe_status lethe_pull_fetch(const lethe_pull_options *options, int64_t pull, lethe_error *error) {
    lethe_status status = reset_series(options, pull, error);
    if (status != LETHE_OK) return status;
    pid_t parent = getpid();
    unsigned started = 0, failed = 0;
    for (; started < options->jobs; started++) {
        pid_t pid = fork();
        if (pid == 0) _exit(run_worker(options, pull, parent));
        if (pid < 0) break;
    }
    for (unsigned i = 0; i < started; i++) {
        int code = 0;
        while (waitpid(-1, &code, 0) < 0 && errno == EINTR) continue;
        if (!WIFEXITED(code) || WEXITSTATUS(code) != 0) failed++;
    }
    if (started == 0 || failed == started) return lethe_fail(error, LETHE_NETWORK, "no process could fetch");
    return LETHE_OK;
}
