#include "annotate/assign.h"

#include "annotate/metrics.h"
#include "annotate/store_internal.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct chosen_case {
    const char *id, *patient;
} chosen_case;

typedef struct plan {
    lethe_store *store;
    const lethe_assignment *options;
    lethe_arena *arena;
    chosen_case *cases;
    size_t case_count, capacity, reader_count;
    int64_t *load; /* tasks of each reader */
    lethe_random random;
    int64_t created;
} plan;

enum { MOST_CONDITIONS = 16 };

/* "a=b,c~d" -> SQL conditions on `entry`; values are bound. */
static lethe_status build_query(const char *query, lethe_arena *arena, lethe_buffer *sql, const char *values[MOST_CONDITIONS], int *count,
                                lethe_error *error) {
    static const char *const columns[] = {"patient",
                                          "study_uid",
                                          "series_uid",
                                          "modality",
                                          "sop_class",
                                          "series_description",
                                          "study_description",
                                          "body_part",
                                          "study_date",
                                          "manufacturer",
                                          "model",
                                          "sex",
                                          "age",
                                          "laterality",
                                          "view_position",
                                          "kind",
                                          "path",
                                          NULL};
    *count = 0;
    lethe_status status = lethe_buffer_append_text(
        sql, "SELECT DISTINCT CASE WHEN kind = 'slide' THEN path ELSE study_uid END AS id, patient FROM entry WHERE 1 = 1", error);
    for (const char *at = query; status == LETHE_OK && *at != '\0';) {
        size_t length = strcspn(at, ","), name = strcspn(at, "=~");
        char column[40];
        if (name >= length || name >= sizeof column || *count == MOST_CONDITIONS)
            return lethe_fail(error, LETHE_USAGE, "a query is COLUMN=VALUE or COLUMN~PART, joined by commas");
        memcpy(column, at, name);
        column[name] = '\0';
        bool known = false;
        for (size_t i = 0; columns[i] != NULL; i++) known = known || strcmp(columns[i], column) == 0;
        if (!known) {
            const char *near = lethe_text_nearest(column, columns);
            return lethe_fail(error, LETHE_USAGE, "the catalogue has no column '%s'%s%s%s", column, near != NULL ? ", did you mean '" : "",
                              near != NULL ? near : "", near != NULL ? "'?" : "");
        }
        bool part = at[name] == '~';
        values[*count] = lethe_arena_printf(arena, part ? "%%%.*s%%" : "%.*s", (int)(length - name - 1), at + name + 1);
        if (values[*count] == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a query");
        ++*count;
        status = part ? lethe_buffer_printf(sql, error, " AND LOWER(%s) LIKE LOWER(?%d)", column, *count)
                      : lethe_buffer_printf(sql, error, " AND %s = ?%d", column, *count);
        at += length + (at[length] == ',');
    }
    return status == LETHE_OK ? lethe_buffer_append_text(sql, " ORDER BY 1", error) : status;
}

static lethe_status add_case(plan *p, const char *id, const char *patient, lethe_error *error) {
    if (p->case_count == p->capacity) {
        size_t capacity = p->capacity == 0 ? 256 : p->capacity * 2;
        chosen_case *grown = lethe_realloc_array(p->cases, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for tasks");
        p->cases = grown;
        p->capacity = capacity;
    }
    chosen_case *slot = &p->cases[p->case_count];
    slot->id = lethe_arena_strndup(p->arena, id, strlen(id));
    slot->patient = lethe_arena_strndup(p->arena, patient, strlen(patient));
    if (slot->id == NULL || slot->patient == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for tasks");
    p->case_count++;
    return LETHE_OK;
}

static lethe_status find_cases(plan *p, lethe_error *error) {
    lethe_buffer sql;
    lethe_statement *statement = NULL;
    const char *values[MOST_CONDITIONS];
    int count;
    lethe_buffer_init(&sql, 1 << 16);
    lethe_status status = build_query(p->options->query == NULL ? "" : p->options->query, p->arena, &sql, values, &count, error);
    if (status == LETHE_OK) status = lethe_store_query(p->store, lethe_buffer_text(&sql), values, count, &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        if (lethe_statement_text(statement, 0)[0] != '\0')
            status = add_case(p, lethe_statement_text(statement, 0), lethe_statement_text(statement, 1), error);
    }
    lethe_statement_finalize(statement);
    lethe_buffer_release(&sql);
    for (size_t i = p->case_count; i > 1; i--) { /* Fisher and Yates */
        size_t k = lethe_random_below(&p->random, i);
        chosen_case swap = p->cases[i - 1];
        p->cases[i - 1] = p->cases[k];
        p->cases[k] = swap;
    }
    return status;
}

static lethe_status check_readers(plan *p, lethe_error *error) {
    for (p->reader_count = 0; p->options->readers[p->reader_count] != NULL; p->reader_count++) {
        int64_t known = 0;
        const char *name = p->options->readers[p->reader_count];
        lethe_status status = lethe_store_number(p->store, "SELECT COUNT(*) FROM account WHERE name = ?1", &name, 1, &known, error);
        if (status == LETHE_OK && known == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no user '%.60s'", name);
        for (size_t i = 0; i < p->reader_count; i++)
            if (strcmp(p->options->readers[i], name) == 0) return lethe_fail(error, LETHE_USAGE, "reader '%.60s' is named twice", name);
        if (status != LETHE_OK) return status;
    }
    if (p->reader_count == 0) return lethe_fail(error, LETHE_USAGE, "tasks need readers");
    if (p->options->per_case > p->reader_count)
        return lethe_fail(error, LETHE_USAGE, "%u readers per case, but only %zu are named", p->options->per_case, p->reader_count);
    if ((p->load = lethe_alloc_array(p->reader_count, sizeof *p->load)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for tasks");
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < p->reader_count; i++)
        status = lethe_store_number(p->store, "SELECT COUNT(*) FROM task WHERE reader = ?1 AND state IN (0, 1, 3)", &p->options->readers[i], 1,
                                    &p->load[i], error);
    return status;
}

/* The pass that a new task of this reader on this case would be: 1 when there is none yet. */
static lethe_status next_pass(plan *p, const char *case_id, size_t reader, int64_t *pass, lethe_error *error) {
    const char *texts[2] = {case_id, p->options->readers[reader]};
    lethe_status status =
        lethe_store_number(p->store, "SELECT COALESCE(MAX(pass), 0) + 1 FROM task WHERE case_id = ?1 AND reader = ?2", texts, 2, pass, error);
    return status;
}

static lethe_status insert_task(plan *p, const chosen_case *of, size_t reader, lethe_task_kind kind, int64_t pass, lethe_error *error) {
    lethe_statement *statement = NULL;
    const char *texts[4] = {of->id, of->patient, p->options->readers[reader], p->options->batch == NULL ? "" : p->options->batch};
    int64_t now = lethe_store_now_us();
    /* A second look comes late: after everything of the first. */
    const int64_t numbers[5] = {kind, kind == LETHE_TASK_CALIBRATION ? p->options->priority - 1 : p->options->priority, pass, now, now};
    lethe_status status =
        lethe_store_query(p->store,
                          "INSERT INTO task (case_id, patient, reader, batch, note, state, kind, priority, pass, created_us, changed_us) "
                          "VALUES (?1, ?2, ?3, ?4, '', 0, ?5, ?6, ?7, ?8, ?9)",
                          texts, 4, &statement, error);
    for (int i = 0; status == LETHE_OK && i < 5; i++) lethe_statement_bind_int64(statement, 5 + i, numbers[i]);
    if (status == LETHE_OK) status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    if (status != LETHE_OK) return status;
    p->load[reader]++;
    p->created++;
    return LETHE_OK;
}

/* Give a case to readers who do not have it, the least loaded first; ties fall by the order of a rotation, so that nobody is always first. */
static lethe_status give(plan *p, size_t number, size_t readers, bool repeat, lethe_error *error) {
    const chosen_case *of = &p->cases[number];
    bool *taken = lethe_alloc_array(p->reader_count, sizeof *taken);
    lethe_status status = taken == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for tasks") : LETHE_OK;
    for (size_t given = 0; status == LETHE_OK && given < readers; given++) {
        size_t best = p->reader_count;
        for (size_t i = 0; i < p->reader_count; i++) {
            size_t candidate = (i + number) % p->reader_count;
            if (!taken[candidate] && (best == p->reader_count || p->load[candidate] < p->load[best])) best = candidate;
        }
        if (best == p->reader_count) break;
        int64_t pass = 0;
        taken[best] = true;
        status = next_pass(p, of->id, best, &pass, error);
        if (status != LETHE_OK || pass > 1) continue; /* has it already: counts as one of its readers */
        status = insert_task(p, of, best, p->options->kind, 1, error);
        if (status == LETHE_OK && repeat) status = insert_task(p, of, best, LETHE_TASK_CALIBRATION, 2, error);
    }
    lethe_free(taken);
    return status;
}

static lethe_status give_honeypots(plan *p, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const char *const *id = p->options->honeypots; status == LETHE_OK && id != NULL && *id != NULL; id++) {
        lethe_statement *statement = NULL;
        bool row = false;
        char patient[128] = "";
        status = lethe_store_query(p->store, "SELECT patient FROM entry WHERE study_uid = ?1 OR path = ?1 LIMIT 1", id, 1, &statement, error);
        if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
        if (status == LETHE_OK && !row) status = lethe_fail(error, LETHE_NOT_FOUND, "no released case %.100s", *id);
        if (status == LETHE_OK) (void)snprintf(patient, sizeof patient, "%s", lethe_statement_text(statement, 0));
        lethe_statement_finalize(statement);
        chosen_case of = {*id, patient};
        for (size_t reader = 0; status == LETHE_OK && reader < p->reader_count; reader++) {
            int64_t pass = 0;
            status = next_pass(p, *id, reader, &pass, error);
            if (status == LETHE_OK && pass == 1) status = insert_task(p, &of, reader, LETHE_TASK_HONEYPOT, 1, error);
        }
    }
    return status;
}

lethe_status lethe_assign(lethe_store *store, const lethe_assignment *options, int64_t *created, lethe_error *error) {
    plan p = {.store = store, .options = options, .random = {options->seed}};
    *created = 0;
    if (store->role != LETHE_ROLE_ORGANISER) return lethe_fail(error, LETHE_DENIED, "only an organiser makes tasks");
    if ((p.arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for tasks");
    lethe_status status = lethe_database_begin(store->database, error);
    if (status == LETHE_OK) {
        status = check_readers(&p, error);
        if (status == LETHE_OK) status = give_honeypots(&p, error); /* first: a honeypot is not also an ordinary case */
        if (status == LETHE_OK) status = find_cases(&p, error);
        size_t readers = options->per_case == 0 ? p.reader_count : options->per_case;
        for (size_t i = 0; status == LETHE_OK && i < p.case_count; i++) status = give(&p, i, readers, i < options->calibration, error);
        if (status == LETHE_OK) status = lethe_database_commit(store->database, error);
        else lethe_database_rollback(store->database);
    }
    if (status == LETHE_OK) *created = p.created;
    lethe_arena_destroy(p.arena);
    lethe_free(p.cases);
    lethe_free(p.load);
    return status;
}
