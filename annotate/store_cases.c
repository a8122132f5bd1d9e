/* Cases (what can be opened) and tasks (who is to read what). */
#include "annotate/store_internal.h"

#include "core/limits.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[LETHE_TASK_STATES] = {"open", "started", "submitted", "returned", "skipped"};

const char *lethe_task_state_name(lethe_task_state state) { return (unsigned)state < LETHE_TASK_STATES ? state_names[state] : "unknown"; }

/* Room for one more item of `size` bytes in a list that doubles. */
static lethe_status make_room(void **items, size_t count, size_t *capacity, size_t size, lethe_error *error) {
    if (count < *capacity) return LETHE_OK;
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = lethe_realloc_array(*items, wanted, size);
    if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a list");
    *items = grown;
    *capacity = wanted;
    return LETHE_OK;
}

static char *keep(lethe_arena *arena, const char *text) { return lethe_arena_strndup(arena, text, strlen(text)); }

/* --- cases --- */

/* One row per study or slide, and per modality in it. */
static const char cases_sql[] = "SELECT CASE WHEN kind = 'slide' THEN path ELSE study_uid END AS id, MIN(patient), MIN(study_uid), "
                                "MIN(study_description), MIN(study_date), modality, "
                                "MAX(CASE WHEN kind = 'slide' THEN 1 ELSE 0 END), COUNT(DISTINCT series_uid), COUNT(*) FROM entry "
                                "GROUP BY CASE WHEN kind = 'slide' THEN path ELSE study_uid END, modality ORDER BY 2, 1, 6";

static lethe_status read_case(lethe_arena *arena, lethe_statement *row, lethe_case *item, lethe_error *error) {
    *item = (lethe_case){.id = keep(arena, lethe_statement_text(row, 0)),
                         .patient = keep(arena, lethe_statement_text(row, 1)),
                         .study_uid = keep(arena, lethe_statement_text(row, 2)),
                         .description = keep(arena, lethe_statement_text(row, 3)),
                         .date = keep(arena, lethe_statement_text(row, 4)),
                         .modalities = keep(arena, lethe_statement_text(row, 5)),
                         .is_slide = lethe_statement_int64(row, 6) != 0,
                         .series_count = lethe_statement_int64(row, 7),
                         .image_count = lethe_statement_int64(row, 8)};
    bool complete = item->id != NULL && item->patient != NULL && item->study_uid != NULL && item->description != NULL && item->date != NULL &&
                    item->modalities != NULL;
    return complete ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for cases");
}

static lethe_status read_cases(lethe_store *store, lethe_cases *cases, lethe_error *error) {
    lethe_statement *statement = NULL;
    size_t capacity = 0;
    lethe_status status = lethe_store_query(store, cases_sql, NULL, 0, &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        lethe_case *last = cases->count == 0 ? NULL : &cases->items[cases->count - 1];
        if (last != NULL && strcmp(last->id, lethe_statement_text(statement, 0)) == 0) { /* the same study, another modality */
            last->series_count += lethe_statement_int64(statement, 7);
            last->image_count += lethe_statement_int64(statement, 8);
            last->modalities = lethe_arena_printf(cases->arena, "%s\\%s", last->modalities, lethe_statement_text(statement, 5));
            if (last->modalities == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for cases");
            continue;
        }
        status = make_room((void **)&cases->items, cases->count, &capacity, sizeof *cases->items, error);
        if (status == LETHE_OK) status = read_case(cases->arena, statement, &cases->items[cases->count], error);
        if (status == LETHE_OK) cases->count++;
    }
    lethe_statement_finalize(statement);
    return status;
}

static int by_id(const void *a, const void *b) { return strcmp((*(lethe_case *const *)a)->id, (*(lethe_case *const *)b)->id); }

static int find_id(const void *key, const void *item) { return strcmp(key, (*(lethe_case *const *)item)->id); }

/* How many annotations each case has: one pass over the annotations, then a search per study. */
static lethe_status count_annotations(lethe_store *store, lethe_cases *cases, lethe_error *error) {
    static const char count_sql[] =
        "SELECT t.study_uid, t.image, COUNT(*) FROM annotation a JOIN target t ON t.no = a.target WHERE a.deleted = 0 AND "
        "(?1 = '' OR a.author = ?1 OR a.shared = 1) GROUP BY t.no, t.study_uid, t.image";
    const char *only = store->role == LETHE_ROLE_READER ? store->user : "";
    lethe_statement *statement = NULL;
    lethe_case **sorted = lethe_alloc_array(cases->count, sizeof(lethe_case *));
    lethe_status status = sorted == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for cases") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < cases->count; i++) sorted[i] = &cases->items[i];
    if (status == LETHE_OK && cases->count > 1) qsort(sorted, cases->count, sizeof *sorted, by_id);
    if (status == LETHE_OK) status = lethe_store_query(store, count_sql, &only, 1, &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        for (int column = 0; column < 2; column++) { /* a slide is its own case */
            lethe_case **found = bsearch(lethe_statement_text(statement, column), sorted, cases->count, sizeof *sorted, find_id);
            if (found == NULL || (*found)->is_slide != (column == 1)) continue;
            (*found)->annotation_count += lethe_statement_int64(statement, 2);
        }
    }
    lethe_statement_finalize(statement);
    lethe_free(sorted);
    return status;
}

static int by_patient_and_date(const void *a, const void *b) {
    const lethe_case *left = a, *right = b;
    int order = strcmp(left->patient, right->patient);
    if (order == 0) order = strcmp(left->date, right->date);
    return order != 0 ? order : strcmp(left->id, right->id);
}

lethe_status lethe_store_cases(lethe_store *store, lethe_cases **out, lethe_error *error) {
    *out = NULL;
    lethe_cases *cases = lethe_alloc_array(1, sizeof *cases);
    if (cases == NULL || (cases->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) == NULL) {
        lethe_free(cases);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for cases");
    }
    lethe_status status = read_cases(store, cases, error);
    if (status == LETHE_OK) status = count_annotations(store, cases, error);
    if (status == LETHE_OK && cases->count > 1) qsort(cases->items, cases->count, sizeof *cases->items, by_patient_and_date);
    if (status == LETHE_OK) *out = cases;
    else lethe_cases_destroy(cases);
    return status;
}

void lethe_cases_destroy(lethe_cases *cases) {
    if (cases == NULL) return;
    lethe_arena_destroy(cases->arena);
    lethe_free(cases->items);
    lethe_free(cases);
}

/* --- tasks --- */

/* A reader does not learn what kind a task is: on PostgreSQL the column itself is closed to them. */
static const char tasks_for_reader[] =
    "SELECT id, case_id, patient, reader, batch, note, state, 0, priority, pass, created_us, changed_us FROM task "
    "WHERE (?1 = '' OR reader = ?1) AND (?2 = '' OR case_id = ?2) AND (?3 = '' OR batch = ?3) ORDER BY priority DESC, id";
static const char tasks_for_others[] =
    "SELECT id, case_id, patient, reader, batch, note, state, kind, priority, pass, created_us, changed_us FROM task "
    "WHERE (?1 = '' OR reader = ?1) AND (?2 = '' OR case_id = ?2) AND (?3 = '' OR batch = ?3) ORDER BY priority DESC, id";

static lethe_status read_task(lethe_arena *arena, lethe_statement *row, lethe_task *task, lethe_error *error) {
    *task = (lethe_task){.id = lethe_statement_int64(row, 0),
                         .case_id = keep(arena, lethe_statement_text(row, 1)),
                         .patient = keep(arena, lethe_statement_text(row, 2)),
                         .reader = keep(arena, lethe_statement_text(row, 3)),
                         .batch = keep(arena, lethe_statement_text(row, 4)),
                         .note = keep(arena, lethe_statement_text(row, 5)),
                         .state = (lethe_task_state)lethe_statement_int64(row, 6),
                         .kind = (lethe_task_kind)lethe_statement_int64(row, 7),
                         .priority = lethe_statement_int64(row, 8),
                         .pass = lethe_statement_int64(row, 9),
                         .created_us = lethe_statement_int64(row, 10),
                         .changed_us = lethe_statement_int64(row, 11)};
    bool complete = task->case_id != NULL && task->patient != NULL && task->reader != NULL && task->batch != NULL && task->note != NULL;
    return complete ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for tasks");
}

static bool is_finished(lethe_task_state state) { return state == LETHE_TASK_SUBMITTED || state == LETHE_TASK_SKIPPED; }

lethe_status lethe_store_tasks(lethe_store *store, const lethe_task_filter *filter, lethe_tasks **out, lethe_error *error) {
    static const lethe_task_filter all = {0};
    lethe_statement *statement = NULL;
    size_t capacity = 0;
    *out = NULL;
    if (filter == NULL) filter = &all;
    bool reader = store->role == LETHE_ROLE_READER;
    const char *texts[3] = {reader ? store->user : filter->reader, filter->case_id, filter->batch};
    lethe_tasks *tasks = lethe_alloc_array(1, sizeof *tasks);
    if (tasks == NULL || (tasks->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) == NULL) {
        lethe_free(tasks);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for tasks");
    }
    lethe_status status = lethe_store_query(store, reader ? tasks_for_reader : tasks_for_others, texts, 3, &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        if (filter->unfinished_only && is_finished((lethe_task_state)lethe_statement_int64(statement, 6))) continue;
        status = make_room((void **)&tasks->items, tasks->count, &capacity, sizeof *tasks->items, error);
        if (status == LETHE_OK) status = read_task(tasks->arena, statement, &tasks->items[tasks->count], error);
        if (status == LETHE_OK) tasks->count++;
    }
    lethe_statement_finalize(statement);
    if (status == LETHE_OK) *out = tasks;
    else lethe_tasks_destroy(tasks);
    return status;
}

void lethe_tasks_destroy(lethe_tasks *tasks) {
    if (tasks == NULL) return;
    lethe_arena_destroy(tasks->arena);
    lethe_free(tasks->items);
    lethe_free(tasks);
}

lethe_status lethe_store_task_for(lethe_store *store, const char *case_id, const char *author, int64_t *task, lethe_error *error) {
    lethe_statement *statement = NULL;
    const char *texts[2] = {case_id, author};
    bool any = false;
    *task = 0;
    lethe_status status =
        lethe_store_query(store, "SELECT id, state FROM task WHERE case_id = ?1 AND reader = ?2 ORDER BY pass", texts, 2, &statement, error);
    for (bool row = true; status == LETHE_OK && *task == 0;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        any = true;
        if (!is_finished((lethe_task_state)lethe_statement_int64(statement, 1))) *task = lethe_statement_int64(statement, 0);
    }
    lethe_statement_finalize(statement);
    if (status == LETHE_OK && any && *task == 0) status = lethe_fail(error, LETHE_DENIED, "this case was submitted: ask for it to be returned");
    return status;
}

/* --- moving tasks on --- */

/* Every required question of the case that has no answer by this reader. `table` counts what should be answered. */
static lethe_status check_required_label(lethe_store *store, const lethe_task *task, const lethe_label *label, lethe_error *error) {
    static const char *const wanted_sql[] = {NULL, "SELECT COUNT(*) FROM entry WHERE (study_uid = ?1 AND kind <> 'slide') OR path = ?1",
                                             "SELECT COUNT(DISTINCT series_uid) FROM entry WHERE (study_uid = ?1 AND kind <> 'slide') OR path = ?1",
                                             "SELECT COUNT(DISTINCT study_uid) FROM entry WHERE (study_uid = ?1 AND kind <> 'slide') OR path = ?1",
                                             "SELECT 1"};
    const char *answered_sql =
        label->level == LETHE_LEVEL_PATIENT
            ? "SELECT COUNT(DISTINCT t.no) FROM annotation a JOIN target t ON t.no = a.target JOIN annotation_revision r ON r.id = a.head "
              "WHERE t.patient = ?1 AND a.author = ?2 AND a.deleted = 0 AND r.label = ?3 AND r.value <> ''"
            : "SELECT COUNT(DISTINCT t.no) FROM annotation a JOIN target t ON t.no = a.target JOIN annotation_revision r ON r.id = a.head "
              "WHERE (t.study_uid = ?1 OR t.image = ?1) AND a.author = ?2 AND a.deleted = 0 AND r.label = ?3 AND r.value <> ''";
    int64_t wanted = 0, answered = 0;
    const char *texts[3] = {label->level == LETHE_LEVEL_PATIENT ? task->patient : task->case_id, task->reader, label->question.name};
    lethe_status status = lethe_store_number(store, wanted_sql[label->level], texts, label->level == LETHE_LEVEL_PATIENT ? 0 : 1, &wanted, error);
    if (status == LETHE_OK) status = lethe_store_number(store, answered_sql, texts, 3, &answered, error);
    if (status == LETHE_OK && answered < wanted)
        status =
            lethe_fail(error, LETHE_MALFORMED, "%s is required: %lld of %lld answered", label->question.name, (long long)answered, (long long)wanted);
    return status;
}

static lethe_status check_complete(lethe_store *store, const lethe_task *task, lethe_error *error) {
    const lethe_schema *schema = store->schema;
    lethe_annotations *list = NULL;
    lethe_annotation_filter filter = {.author = task->reader, .task = task->id};
    if (schema == NULL) return LETHE_OK;
    lethe_status status = lethe_store_load(store, &filter, &list, error);
    for (size_t i = 0; status == LETHE_OK && i < list->count; i++) {
        const lethe_annotation *a = &list->items[i];
        status = lethe_schema_check(schema, a->label, a->level, a->shape.kind, a->value, a->form, true, error);
    }
    lethe_annotations_destroy(list);
    for (unsigned i = 0; status == LETHE_OK && i < schema->labels_count; i++)
        if (schema->labels[i].question.required && schema->labels[i].level != LETHE_LEVEL_REGION)
            status = check_required_label(store, task, &schema->labels[i], error);
    return status;
}

static lethe_status write_state(lethe_store *store, int64_t task, lethe_task_state state, const char *note, lethe_error *error) {
    static const char *const sqls[2] = {"UPDATE task SET note = ?1, state = ?2, changed_us = ?3 WHERE id = ?4",
                                        "INSERT INTO task_event (note, state, at_us, task, author) VALUES (?1, ?2, ?3, ?4, ?5)"};
    lethe_status status = lethe_database_begin(store->database, error);
    if (status != LETHE_OK) return status;
    for (int i = 0; status == LETHE_OK && i < 2; i++) {
        lethe_statement *statement = NULL;
        status = lethe_store_query(store, sqls[i], &note, 1, &statement, error);
        if (status == LETHE_OK) {
            lethe_statement_bind_int64(statement, 2, state);
            lethe_statement_bind_int64(statement, 3, lethe_store_now_us());
            lethe_statement_bind_int64(statement, 4, task);
            if (i == 1) lethe_statement_bind_text(statement, 5, store->user);
            status = lethe_statement_run(statement, error);
        }
        lethe_statement_finalize(statement);
    }
    if (status == LETHE_OK) return lethe_database_commit(store->database, error);
    lethe_database_rollback(store->database);
    return status;
}

static const lethe_task *task_by_id(const lethe_tasks *tasks, int64_t id) {
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].id == id) return &tasks->items[i];
    return NULL;
}

lethe_status lethe_store_set_task_state(lethe_store *store, int64_t id, lethe_task_state state, const char *note, lethe_error *error) {
    lethe_tasks *tasks = NULL;
    if (note == NULL) note = "";
    lethe_status status = lethe_store_tasks(store, NULL, &tasks, error);
    if (status != LETHE_OK) return status;
    const lethe_task *task = task_by_id(tasks, id);
    if (task == NULL) status = lethe_fail(error, LETHE_NOT_FOUND, "no task %lld", (long long)id);
    else if (store->role == LETHE_ROLE_READER && (state == LETHE_TASK_RETURNED || state == LETHE_TASK_OPEN))
        status = lethe_fail(error, LETHE_DENIED, "only an organiser or adjudicator returns a task");
    else if (store->role == LETHE_ROLE_READER && is_finished(task->state))
        status = lethe_fail(error, LETHE_DENIED, "the task is closed: ask for it to be returned");
    else if (state == LETHE_TASK_SKIPPED && note[0] == '\0') status = lethe_fail(error, LETHE_USAGE, "handing a task back needs a reason");
    else if (state == LETHE_TASK_SUBMITTED) status = check_complete(store, task, error);
    if (status == LETHE_OK) status = write_state(store, id, state, note, error);
    lethe_tasks_destroy(tasks);
    return status;
}

lethe_status lethe_store_set_task_priority(lethe_store *store, int64_t task, int64_t priority, lethe_error *error) {
    lethe_statement *statement = NULL;
    if (store->role != LETHE_ROLE_ORGANISER) return lethe_fail(error, LETHE_DENIED, "only an organiser orders tasks");
    lethe_status status = lethe_statement_prepare(store->database, "UPDATE task SET priority = ?2, changed_us = ?3 WHERE id = ?1", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_int64(statement, 1, task);
    lethe_statement_bind_int64(statement, 2, priority);
    lethe_statement_bind_int64(statement, 3, lethe_store_now_us());
    status = lethe_statement_run(statement, error);
    if (status == LETHE_OK && lethe_statement_changes(statement) == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no task %lld", (long long)task);
    lethe_statement_finalize(statement);
    return status;
}
