#include "ingest/objection.h"

#include "core/memory.h"
#include "core/pseudonym.h"

/* One question with at most one parameter; *row tells whether there is an answer other than 0. */
static lethe_status ask(lethe_queue *queue, const char *sql, const char *parameter, bool *row, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(lethe_queue_database(queue), sql, &statement, error);
    if (status != LETHE_OK) return status;
    if (parameter != NULL) lethe_statement_bind_text(statement, 1, parameter);
    status = lethe_statement_step(statement, row, error);
    *row = status == LETHE_OK && *row && lethe_statement_int64(statement, 0) != 0;
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_door_has_objections(lethe_queue *queue, bool *any, lethe_error *error) {
    *any = false;
    bool made = false; /* the table comes with the first objection */
    lethe_status status = ask(queue, "SELECT COUNT(*) FROM migration WHERE component = ?1", "objections", &made, error);
    return status == LETHE_OK && made ? ask(queue, "SELECT 1 FROM objection LIMIT 1", NULL, any, error) : status;
}

lethe_status lethe_door_patient_objects(const lethe_project *project, lethe_queue *queue, const char *issuer, const char *patient_id, bool *objects,
                                        lethe_error *error) {
    uint8_t key[LETHE_KEY_BYTES];
    char pseudonym[LETHE_PATIENT_PSEUDONYM_SIZE];
    lethe_pseudonymizer *pseudonymizer = NULL;
    *objects = false;
    if (patient_id[0] == '\0') return LETHE_OK;
    lethe_status status = lethe_key_load(project->key_path, key, error);
    if (status == LETHE_OK) status = lethe_pseudonymizer_create(key, &pseudonymizer, error);
    lethe_wipe(key, sizeof key);
    if (status == LETHE_OK) status = lethe_pseudonym_patient(pseudonymizer, issuer, patient_id, pseudonym, error);
    if (status == LETHE_OK) status = ask(queue, "SELECT 1 FROM objection WHERE patient = ?1", pseudonym, objects, error);
    if (status == LETHE_OK && !*objects && issuer[0] != '\0') { /* an objection that names no issuer is of whoever has this ID */
        status = lethe_pseudonym_patient(pseudonymizer, "", patient_id, pseudonym, error);
        if (status == LETHE_OK) status = ask(queue, "SELECT 1 FROM objection WHERE patient = ?1", pseudonym, objects, error);
    }
    lethe_pseudonymizer_destroy(pseudonymizer);
    return status;
}
