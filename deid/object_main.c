#include "core/catalogue.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/project.h"
#include "core/queue.h"
#include "core/text.h"
#include "deid/file_set.h"
#include "deid/objections.h"
#include "deid/pipeline.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void usage(FILE *to) {
    (void)fputs("usage: lethe object [-C DIR] add PATIENT_ID... [--issuer ISSUER] [--file LIST]\n"
                "       lethe object [-C DIR] remove PATIENT_ID... [--issuer ISSUER] [--file LIST]\n"
                "       lethe object [-C DIR] list\n\n"
                "Patients who object to the use of their data: never released, and withdrawn if they were. Only their pseudonyms are stored. "
                "PATIENT_ID may be\n"
                "a patient ID of the hospital or a pseudonym (P-...). --file reads one patient ID a line.\n",
                to);
}

typedef struct object_run {
    lethe_project *project;
    lethe_profile *profile;
    lethe_engine *engine; /* for pseudonyms as the pipeline makes them */
    lethe_queue *queue;
    lethe_catalogue *catalogue;
    const char *issuer;
    uint64_t changed, withdrawn;
} object_run;

static lethe_status open_run(object_run *run, const char *folder, lethe_error *error) {
    uint8_t key[LETHE_KEY_BYTES];
    lethe_objections *made = NULL;
    lethe_status status = lethe_project_open(folder, true, &run->project, error);
    if (status == LETHE_OK) status = lethe_profile_load("basic", &run->profile, error);
    if (status == LETHE_OK) status = lethe_key_load(run->project->key_path, key, error);
    if (status == LETHE_OK) {
        lethe_engine_options options = {.profile = run->profile, .key = key};
        status = lethe_engine_create(&options, &run->engine, error);
        lethe_wipe(key, sizeof key);
    }
    if (status == LETHE_OK) status = lethe_queue_open(run->project, &run->queue, error);
    if (status == LETHE_OK) status = lethe_catalogue_open(run->project, &run->catalogue, error);
    if (status == LETHE_OK) status = lethe_objections_load(lethe_queue_database(run->queue), &made, error); /* makes the table */
    lethe_objections_destroy(made);
    return status;
}

static void close_run(object_run *run) {
    lethe_catalogue_close(run->catalogue);
    lethe_queue_close(run->queue);
    lethe_engine_destroy(run->engine);
    lethe_profile_destroy(run->profile);
    lethe_project_close(run->project);
}

static bool is_pseudonym(const char *text) {
    return strlen(text) == LETHE_PATIENT_PSEUDONYM_SIZE - 1 && text[0] == 'P' && text[1] == '-' &&
           strspn(text + 2, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == LETHE_PATIENT_PSEUDONYM_SIZE - 3;
}

static lethe_status note_found(void *context, const char *pseudonym, lethe_error *error) {
    (void)pseudonym;
    (void)error;
    *(bool *)context = true;
    return LETHE_OK;
}

/* A patient ID, a keyed pseudonym, or a pre-assigned one under which somebody was released. */
static lethe_status pseudonym_of(object_run *run, const char *patient, char out[80], lethe_error *error) {
    bool assigned = false;
    lethe_status status = lethe_objections_aliases(lethe_queue_database(run->queue), patient, note_found, &assigned, error);
    if (status != LETHE_OK) return status;
    if (!assigned && !is_pseudonym(patient)) return lethe_engine_patient(run->engine, run->issuer, patient, out, error);
    (void)snprintf(out, 80, "%s", patient);
    return LETHE_OK;
}

static lethe_status write_row(object_run *run, const char *sql, const char *pseudonym, bool with_time, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(lethe_queue_database(run->queue), sql, &statement, error);
    if (status != LETHE_OK) return status;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    lethe_statement_bind_text(statement, 1, pseudonym);
    if (with_time) lethe_statement_bind_int64(statement, 2, (int64_t)now.tv_sec * 1000000);
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

/* --- withdrawal --- */

typedef struct withdrawal {
    object_run *run;
    const char *pseudonym;
} withdrawal;

static lethe_status remove_file(void *context, const char *path, const char *relative, lethe_error *error) {
    (void)relative;
    withdrawal *w = context;
    if (unlink(path) != 0) return lethe_fail(error, LETHE_IO, "cannot remove a released file");
    w->run->withdrawn++;
    return LETHE_OK;
}

typedef struct item_list {
    int64_t *ids;
    size_t count, capacity;
    const char *prefix;
} item_list;

static lethe_status note_item(void *context, const lethe_item *item, lethe_error *error) {
    item_list *list = context;
    size_t length = strlen(list->prefix);
    if (strncmp(item->output, list->prefix, length) != 0 || item->output[length] != '/') return LETHE_OK;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        int64_t *grown = lethe_realloc_array(list->ids, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a withdrawal");
        list->ids = grown;
        list->capacity = capacity;
    }
    list->ids[list->count++] = item->id;
    return LETHE_OK;
}

/* Released items of the patient become dropped ones; their originals go too, as for any dropped item: a person who takes the objection back is sent
 * again. */
static lethe_status drop_items(object_run *run, const char *pseudonym, lethe_error *error) {
    item_list list = {.prefix = pseudonym};
    lethe_status status = lethe_queue_visit(run->queue, LETHE_ITEM_RELEASED, note_item, &list, error);
    for (size_t i = 0; i < list.count && status == LETHE_OK; i++) {
        lethe_item *item = lethe_alloc_array(1, sizeof *item);
        if (item == NULL) {
            status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a withdrawal");
            break;
        }
        status = lethe_queue_get(run->queue, list.ids[i], item, error);
        item->state = LETHE_ITEM_DROPPED;
        item->output[0] = '\0';
        (void)snprintf(item->reason, sizeof item->reason, "withdrawn: the patient objects to the use of the data");
        if (status == LETHE_OK) status = lethe_queue_finish(run->queue, item, error);
        lethe_free(item);
    }
    if (status == LETHE_OK) status = lethe_queue_remove_left(run->queue, run->project, NULL, error);
    lethe_free(list.ids);
    return status;
}

/* First out of the catalogue (nothing new will show or export it), then the files, then the queue. A kill in between is mended by the same command
 * again. */
static lethe_status withdraw(object_run *run, const char *pseudonym, lethe_error *error) {
    int64_t removed = 0;
    withdrawal w = {.run = run, .pseudonym = pseudonym};
    lethe_status status = lethe_catalogue_remove_patient(run->catalogue, pseudonym, &removed, error);
    char *folder = lethe_path_join(run->project->released_path, pseudonym);
    if (status == LETHE_OK && folder == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    if (status == LETHE_OK && access(folder, F_OK) == 0) status = lethe_walk(folder, remove_file, &w, error);
    lethe_free(folder);
    return status == LETHE_OK ? drop_items(run, pseudonym, error) : status;
}

/* --- the verbs --- */

typedef struct changing {
    object_run *run;
    bool add;
} changing;

static lethe_status change_alias(void *context, const char *pseudonym, lethe_error *error) {
    const changing *c = context;
    if (!c->add) return write_row(c->run, "DELETE FROM objection WHERE patient = ?1", pseudonym, false, error);
    lethe_status status =
        write_row(c->run, "INSERT INTO objection (patient, since_us) VALUES (?1, ?2) ON CONFLICT (patient) DO NOTHING", pseudonym, true, error);
    return status == LETHE_OK ? withdraw(c->run, pseudonym, error) : status;
}

static lethe_status change_one(object_run *run, bool add, const char *patient, lethe_error *error) {
    char pseudonym[80];
    lethe_status status = pseudonym_of(run, patient, pseudonym, error);
    if (status != LETHE_OK) return status;
    if (!add) status = write_row(run, "DELETE FROM objection WHERE patient = ?1", pseudonym, false, error);
    else
        status = write_row(run, "INSERT INTO objection (patient, since_us) VALUES (?1, ?2) ON CONFLICT (patient) DO NOTHING", pseudonym, true, error);
    if (status == LETHE_OK && add) status = withdraw(run, pseudonym, error);
    /* The same person under other pseudonyms. */
    changing other = {.run = run, .add = add};
    if (status == LETHE_OK && run->issuer[0] == '\0')
        status = lethe_objections_of_any_issuer(lethe_queue_database(run->queue), pseudonym, change_alias, &other, error);
    if (status == LETHE_OK) status = lethe_objections_aliases(lethe_queue_database(run->queue), pseudonym, change_alias, &other, error);
    if (status == LETHE_OK) run->changed++;
    return status;
}

static lethe_status change_listed(void *context, const char *patient, lethe_error *error) {
    const changing *c = context;
    return change_one(c->run, c->add, patient, error);
}

static lethe_status change_file(object_run *run, bool add, const char *path, lethe_error *error) {
    changing all = {.run = run, .add = add};
    return lethe_objections_read_list(path, change_listed, &all, error);
}

static lethe_status list_all(object_run *run, lethe_error *error) {
    lethe_statement *select = NULL;
    lethe_status status = lethe_statement_prepare(lethe_queue_database(run->queue),
                                                  "SELECT patient, since_us FROM objection ORDER BY since_us, patient", &select, error);
    bool row = true;
    while (status == LETHE_OK && row) {
        status = lethe_statement_step(select, &row, error);
        if (status != LETHE_OK || !row) break;
        time_t since = (time_t)(lethe_statement_int64(select, 1) / 1000000);
        struct tm day;
        (void)gmtime_r(&since, &day);
        (void)printf("%s  since %04d-%02d-%02d\n", lethe_statement_text(select, 0), day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
    }
    lethe_statement_finalize(select);
    return status;
}

int lethe_object_main(int argc, char **argv) {
    static const struct option options[] = {
        {"issuer", required_argument, NULL, 'i'}, {"file", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    object_run run = {.issuer = ""};
    const char *folder = ".", *file = NULL;
    for (int option; (option = getopt_long(argc, argv, "C:", options, NULL)) != -1;) {
        if (option == 'C') folder = optarg;
        else if (option == 'i') run.issuer = optarg;
        else if (option == 'f') file = optarg;
        else {
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? LETHE_EXIT_DONE : LETHE_EXIT_USAGE;
        }
    }
    const char *verb = optind < argc ? argv[optind] : "";
    bool add = strcmp(verb, "add") == 0, removing = strcmp(verb, "remove") == 0, list = strcmp(verb, "list") == 0;
    if (!(add || removing || list) || ((add || removing) && optind + 1 == argc && file == NULL) || (list && optind + 1 != argc)) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    lethe_error error = {0};
    lethe_status status = open_run(&run, folder, &error);
    if (status == LETHE_OK && list) status = list_all(&run, &error);
    if (status == LETHE_OK && add) status = lethe_file_set_take_down(run.project, &error); /* second names of what may have to go */
    for (int i = optind + 1; i < argc && status == LETHE_OK; i++) status = change_one(&run, add, argv[i], &error);
    if (status == LETHE_OK && file != NULL) status = change_file(&run, add, file, &error);
    if (status == LETHE_OK && add) status = lethe_file_set_put_up(run.project, &error);
    if (status == LETHE_OK && !list)
        (void)printf("%llu patients %s, %llu released files withdrawn\n", (unsigned long long)run.changed, add ? "on the list" : "off the list",
                     (unsigned long long)run.withdrawn);
    close_run(&run);
    if (status == LETHE_OK) return LETHE_EXIT_DONE;
    (void)fprintf(stderr, "lethe object: %s\n", error.message);
    return (int)lethe_status_exit(error.status);
}
