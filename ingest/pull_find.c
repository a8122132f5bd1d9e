/* The first half of a pull: what does the PACS have of the cohort? Study, series and instance level. */
#include "ingest/pull.h"

#include "core/memory.h"
#include "core/progress.h"
#include "core/text.h"
#include "ingest/remote.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_STUDIES = 1 << 20, DEEPEST_SPLIT = 16 };

static const lethe_migration migrations[] = {
    {1,
     "CREATE TABLE pull (id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, started_us BIGINT NOT NULL);"
     "CREATE TABLE pull_row (pull BIGINT NOT NULL, line BIGINT NOT NULL, studies BIGINT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (pull, line));"
     "CREATE TABLE pull_series (id INTEGER PRIMARY KEY AUTOINCREMENT, pull BIGINT NOT NULL, line BIGINT NOT NULL, study_uid TEXT NOT NULL, "
     "series_uid TEXT NOT NULL, state BIGINT NOT NULL, attempts BIGINT NOT NULL, reason TEXT NOT NULL, UNIQUE (pull, line, series_uid));"
     "CREATE TABLE pull_instance (pull BIGINT NOT NULL, series_uid TEXT NOT NULL, sop_instance TEXT NOT NULL, PRIMARY KEY (pull, series_uid, "
     "sop_instance));",
     NULL},
};

lethe_status lethe_pull_prepare(lethe_queue *queue, lethe_error *error) {
    return lethe_database_migrate_component(lethe_queue_database(queue), "pull", migrations, sizeof migrations / sizeof *migrations, error);
}

typedef struct study {
    char uid[65], description[65];
} study;

typedef struct finder {
    const lethe_pull_options *options;
    lethe_database *database;
    lethe_remote *remote;
    int64_t pull;
    const lethe_cohort_row *row;
    study *studies; /* of the row */
    size_t study_count, study_capacity;
    const study *current;
    char series_uid[65];
    lethe_statement *put_series, *put_instance, *put_row;
} finder;

/* --- answers --- */

static lethe_status take_study(void *context, const char *const *values, lethe_error *error) {
    finder *self = context;
    if (values[0][0] == '\0') return LETHE_OK;
    for (size_t i = 0; i < self->study_count; i++)
        if (strcmp(self->studies[i].uid, values[0]) == 0) return LETHE_OK; /* split queries may overlap */
    if (self->study_count == self->study_capacity) {
        size_t more = self->study_capacity == 0 ? 64 : 2 * self->study_capacity;
        study *studies = more > MAX_STUDIES ? NULL : lethe_realloc_array(self->studies, more, sizeof *studies);
        if (studies == NULL) return lethe_fail(error, LETHE_LIMIT, "too many studies for one row");
        self->studies = studies;
        self->study_capacity = more;
    }
    study *fresh = &self->studies[self->study_count++];
    (void)snprintf(fresh->uid, sizeof fresh->uid, "%s", values[0]);
    (void)snprintf(fresh->description, sizeof fresh->description, "%s", values[1]);
    return LETHE_OK;
}

static lethe_status take_series(void *context, const char *const *values, lethe_error *error) {
    finder *self = context;
    /* Study-level conditions were the query's; what is left are modality and description. */
    lethe_cohort_row rest = {.patient_id = "",
                             .accession_number = "",
                             .study_uid = "",
                             .date_from = "",
                             .date_to = "",
                             .modality = self->row->modality,
                             .description = self->row->description};
    lethe_cohort_facts facts = {0};
    (void)snprintf(facts.modality, sizeof facts.modality, "%.16s", values[1]);
    (void)snprintf(facts.series_description, sizeof facts.series_description, "%.64s", values[2]);
    (void)snprintf(facts.study_description, sizeof facts.study_description, "%s", self->current->description);
    if (values[0][0] == '\0' || !lethe_cohort_row_holds(&rest, &facts)) return LETHE_OK;
    lethe_statement_bind_int64(self->put_series, 1, self->pull);
    lethe_statement_bind_int64(self->put_series, 2, (int64_t)self->row->line);
    lethe_statement_bind_text(self->put_series, 3, self->current->uid);
    lethe_statement_bind_text(self->put_series, 4, values[0]);
    return lethe_statement_run(self->put_series, error);
}

static lethe_status take_instance(void *context, const char *const *values, lethe_error *error) {
    finder *self = context;
    if (values[0][0] == '\0') return LETHE_OK;
    lethe_statement_bind_int64(self->put_instance, 1, self->pull);
    lethe_statement_bind_text(self->put_instance, 2, self->series_uid);
    lethe_statement_bind_text(self->put_instance, 3, values[0]);
    return lethe_statement_run(self->put_instance, error);
}

/* --- study level, split by date where the peer limits its answers --- */

static int64_t day_number(const char *date) {
    struct tm tm = {.tm_hour = 12};
    int64_t number = 0;
    if (strlen(date) != 8 || !lethe_text_to_int64(date, &number)) return 0;
    tm.tm_year = (int)(number / 10000) - 1900;
    tm.tm_mon = (int)(number / 100 % 100) - 1;
    tm.tm_mday = (int)(number % 100);
    return (int64_t)(timegm(&tm) / 86400);
}

static void day_text(int64_t day, char out[16]) {
    time_t time = (time_t)day * 86400;
    struct tm tm;
    (void)gmtime_r(&time, &tm);
    (void)strftime(out, 16, "%Y%m%d", &tm);
}

static lethe_status find_studies(finder *self, const char *modality, int64_t from, int64_t to, unsigned depth, lethe_error *error);

static lethe_status split(finder *self, const char *modality, int64_t from, int64_t to, unsigned depth, lethe_error *error) {
    int64_t last = to != 0 ? to : (int64_t)(time(NULL) / 86400) + 1, first = from != 0 ? from : day_number("19700101") + 1;
    if (depth >= DEEPEST_SPLIT || first >= last) return lethe_fail(error, LETHE_LIMIT, "the peer limits its answers, even for one day");
    int64_t middle = first + (last - first) / 2;
    lethe_status status = find_studies(self, modality, first, middle, depth + 1, error);
    return status == LETHE_OK ? find_studies(self, modality, middle + 1, last, depth + 1, error) : status;
}

static lethe_status find_studies(finder *self, const char *modality, int64_t from, int64_t to, unsigned depth, lethe_error *error) {
    const lethe_cohort_row *row = self->row;
    char range[40] = "", first[16] = "", last[16] = "";
    if (from != 0) day_text(from, first);
    if (to != 0) day_text(to, last);
    if (from != 0 || to != 0) (void)snprintf(range, sizeof range, "%s-%s", first, last);
    if (from != 0 && from == to) (void)snprintf(range, sizeof range, "%s", first);
    const lethe_scu_key keys[] = {{0x0020000d, row->study_uid},        {0x00081030, ""},    {0x00100020, row->patient_id},
                                  {0x00080050, row->accession_number}, {0x00080020, range}, {0x00080061, modality}};
    lethe_error own = {0};
    size_t before = self->study_count, answers = 0;
    lethe_status status = lethe_remote_find(self->remote, "STUDY", keys, sizeof keys / sizeof *keys, take_study, self, &answers, &own);
    bool limited = status == LETHE_LIMIT || (status == LETHE_OK && self->options->answer_limit != 0 && answers >= self->options->answer_limit);
    if (limited) {
        self->study_count = before;
        return split(self, modality, from, to, depth, error);
    }
    return status == LETHE_OK ? LETHE_OK : lethe_fail(error, status, "%s", own.message);
}

/* A list of modalities is asked for one by one: a list is no valid key. */
static lethe_status find_row_studies(finder *self, lethe_error *error) {
    const lethe_cohort_row *row = self->row;
    int64_t from = day_number(row->date_from), to = day_number(row->date_to);
    const char *at = row->modality;
    lethe_status status = LETHE_OK;
    do {
        char modality[17];
        size_t length = strcspn(at, "|, ");
        (void)snprintf(modality, sizeof modality, "%.*s", (int)(length < 16 ? length : 16), at);
        if (length != 0 || row->modality[0] == '\0') status = find_studies(self, modality, from, to, 0, error);
        at += length;
        if (*at != '\0') at++;
    } while (status == LETHE_OK && *at != '\0');
    return status;
}

/* --- series and instance level --- */

typedef struct series_list {
    char (*uids)[65];
    char (*studies)[65];
    size_t count;
} series_list;

static lethe_status list_new_series(finder *self, series_list *list, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(
        self->database, "SELECT study_uid, series_uid FROM pull_series WHERE pull = ?1 AND line = ?2 AND state <> 2 ORDER BY id", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, self->pull);
    lethe_statement_bind_int64(statement, 2, (int64_t)self->row->line);
    size_t capacity = 0;
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        if (list->count == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            void *uids = lethe_realloc_array(list->uids, capacity, sizeof *list->uids);
            if (uids != NULL) list->uids = uids;
            void *studies = uids == NULL ? NULL : lethe_realloc_array(list->studies, capacity, sizeof *list->studies);
            if (studies != NULL) list->studies = studies;
            if (studies == NULL) {
                status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for series");
                break;
            }
        }
        (void)snprintf(list->studies[list->count], 65, "%s", lethe_statement_text(statement, 0));
        (void)snprintf(list->uids[list->count++], 65, "%s", lethe_statement_text(statement, 1));
    }
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status find_instances(finder *self, lethe_error *error) {
    series_list list = {0};
    lethe_status status = list_new_series(self, &list, error);
    for (size_t i = 0; status == LETHE_OK && i < list.count; i++) {
        (void)snprintf(self->series_uid, sizeof self->series_uid, "%s", list.uids[i]);
        /* SOP Class UID is not asked for: some peers refuse or omit it, and fetching tells. */
        const lethe_scu_key keys[] = {{0x00080018, ""}, {0x0020000d, list.studies[i]}, {0x0020000e, list.uids[i]}};
        status = lethe_remote_find(self->remote, "IMAGE", keys, 3, take_instance, self, NULL, error);
    }
    lethe_free(list.uids);
    lethe_free(list.studies);
    return status;
}

static lethe_status find_row(finder *self, lethe_error *error) {
    self->study_count = 0;
    lethe_status status = find_row_studies(self, error);
    for (size_t i = 0; status == LETHE_OK && i < self->study_count; i++) {
        self->current = &self->studies[i];
        const lethe_scu_key keys[] = {{0x0020000e, ""}, {0x00080060, ""}, {0x0008103e, ""}, {0x0020000d, self->current->uid}};
        status = lethe_remote_find(self->remote, "SERIES", keys, 4, take_series, self, NULL, error);
    }
    return status == LETHE_OK ? find_instances(self, error) : status;
}

static lethe_status record_row(finder *self, const char *reason, lethe_error *error) {
    lethe_statement_bind_int64(self->put_row, 1, self->pull);
    lethe_statement_bind_int64(self->put_row, 2, (int64_t)self->row->line);
    lethe_statement_bind_int64(self->put_row, 3, (int64_t)self->study_count);
    lethe_statement_bind_text(self->put_row, 4, reason);
    return lethe_statement_run(self->put_row, error);
}

static lethe_status open_remote(finder *self, lethe_error *error) {
    const lethe_remote_options options = {
        .project = self->options->project, .peer = self->options->peer, .web = self->options->web, .purpose = LETHE_SCU_FIND};
    lethe_remote_close(self->remote);
    self->remote = NULL;
    return lethe_remote_open(&options, &self->remote, error);
}

/* One row in one transaction; on a broken link once more on a fresh association. What cannot be asked is recorded as such. */
static lethe_status try_row(finder *self, lethe_error *error) {
    lethe_error own = {0};
    lethe_status status = LETHE_NETWORK;
    for (int attempt = 0; attempt < 2 && status == LETHE_NETWORK; attempt++) {
        lethe_error_clear(&own);
        status = attempt == 0 && self->remote != NULL ? LETHE_OK : open_remote(self, &own);
        if (status != LETHE_OK) continue;
        status = lethe_database_begin(self->database, &own);
        if (status != LETHE_OK) break;
        status = find_row(self, &own);
        if (status == LETHE_OK) status = record_row(self, self->study_count == 0 ? "the peer has no such study" : "", &own);
        if (status == LETHE_OK) status = lethe_database_commit(self->database, &own);
        else lethe_database_rollback(self->database);
    }
    if (status == LETHE_OK) return LETHE_OK;
    if (status != LETHE_NETWORK && status != LETHE_LIMIT) return lethe_fail(error, status, "%s", own.message);
    return record_row(self, own.message, error);
}

static lethe_status begin_pull(finder *self, lethe_error *error) {
    char key[256];
    lethe_statement *statement = NULL;
    bool row = false;
    (void)snprintf(key, sizeof key, "%.64s %.64s", self->options->cohort_digest, self->options->peer->name);
    lethe_status status =
        lethe_statement_prepare(self->database, "INSERT INTO pull (digest, started_us) VALUES (?1, ?2) ON CONFLICT DO NOTHING", &statement, error);
    if (status == LETHE_OK) {
        lethe_statement_bind_text(statement, 1, key);
        lethe_statement_bind_int64(statement, 2, (int64_t)time(NULL) * 1000000);
        status = lethe_statement_run(statement, error);
    }
    lethe_statement_finalize(statement);
    statement = NULL;
    if (status == LETHE_OK) status = lethe_statement_prepare(self->database, "SELECT id FROM pull WHERE digest = ?1", &statement, error);
    if (status == LETHE_OK) {
        lethe_statement_bind_text(statement, 1, key);
        status = lethe_statement_step(statement, &row, error);
        if (status == LETHE_OK) self->pull = lethe_statement_int64(statement, 0);
    }
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status prepare(finder *self, lethe_error *error) {
    lethe_status status = lethe_statement_prepare(
        self->database,
        "INSERT INTO pull_series (pull, line, study_uid, series_uid, state, attempts, reason) VALUES (?1, ?2, ?3, ?4, 0, 0, '') "
        "ON CONFLICT DO NOTHING",
        &self->put_series, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(self->database,
                                         "INSERT INTO pull_instance (pull, series_uid, sop_instance) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                                         &self->put_instance, error);
    if (status == LETHE_OK)
        status = lethe_statement_prepare(
            self->database,
            "INSERT INTO pull_row (pull, line, studies, reason) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (pull, line) DO UPDATE SET "
            "studies = excluded.studies, reason = excluded.reason",
            &self->put_row, error);
    return status;
}

lethe_status lethe_pull_find(const lethe_pull_options *options, lethe_queue *queue, int64_t *pull, lethe_error *error) {
    finder self = {.options = options, .database = lethe_queue_database(queue)};
    lethe_progress progress;
    lethe_status status = lethe_pull_prepare(queue, error);
    if (status == LETHE_OK) status = begin_pull(&self, error);
    if (status == LETHE_OK) status = prepare(&self, error);
    if (status == LETHE_OK) status = open_remote(&self, error); /* a peer that is not there at all is an error of the whole */
    lethe_progress_start(&progress, "asking", lethe_cohort_size(options->cohort), options->quiet);
    for (size_t i = 0; status == LETHE_OK && i < lethe_cohort_size(options->cohort); i++) {
        self.row = lethe_cohort_at(options->cohort, i);
        status = try_row(&self, error);
        lethe_progress_update(&progress, i + 1);
    }
    lethe_progress_finish(&progress);
    *pull = self.pull;
    lethe_remote_close(self.remote);
    lethe_statement_finalize(self.put_series);
    lethe_statement_finalize(self.put_instance);
    lethe_statement_finalize(self.put_row);
    lethe_free(self.studies);
    return status;
}
