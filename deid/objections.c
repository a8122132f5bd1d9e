#include "deid/objections.h"

#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lethe_objections {
    char **pseudonyms; /* sorted */
    size_t count, capacity;
};

lethe_status lethe_objections_create(lethe_objections **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    return *out != NULL ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for objections");
}

lethe_status lethe_objections_add(lethe_objections *objections, const char *patient_pseudonym, lethe_error *error) {
    if (objections->count == objections->capacity) {
        size_t capacity = objections->capacity == 0 ? 64 : 2 * objections->capacity;
        char **grown = lethe_realloc_array(objections->pseudonyms, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for objections");
        objections->pseudonyms = grown;
        objections->capacity = capacity;
    }
    char *copy = lethe_strdup(patient_pseudonym);
    if (copy == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for objections");
    /* Kept sorted: lists are short, and readers never change anything. */
    size_t at = objections->count;
    while (at > 0 && strcmp(objections->pseudonyms[at - 1], copy) > 0) {
        objections->pseudonyms[at] = objections->pseudonyms[at - 1];
        at--;
    }
    objections->pseudonyms[at] = copy;
    objections->count++;
    return LETHE_OK;
}

void lethe_objections_destroy(lethe_objections *objections) {
    if (objections == NULL) return;
    for (size_t i = 0; i < objections->count; i++) lethe_free(objections->pseudonyms[i]);
    lethe_free(objections->pseudonyms);
    lethe_free(objections);
}

static int compare(const void *key, const void *entry) { return strcmp(key, *(char *const *)entry); }

bool lethe_objections_contain(const lethe_objections *objections, const char *patient_pseudonym) {
    return objections != NULL && objections->count != 0 &&
           bsearch(patient_pseudonym, objections->pseudonyms, objections->count, sizeof *objections->pseudonyms, compare) != NULL;
}

bool lethe_objections_same(const lethe_objections *a, const lethe_objections *b) {
    if (lethe_objections_count(a) != lethe_objections_count(b)) return false;
    for (size_t i = 0; i < lethe_objections_count(a); i++)
        if (strcmp(a->pseudonyms[i], b->pseudonyms[i]) != 0) return false;
    return true;
}

size_t lethe_objections_count(const lethe_objections *objections) { return objections == NULL ? 0 : objections->count; }

static const lethe_migration migrations[] = {
    {1, "CREATE TABLE objection (patient TEXT PRIMARY KEY, since_us BIGINT NOT NULL, withdrawn BIGINT NOT NULL DEFAULT 0)", NULL},
    {2, "CREATE TABLE patient_alias (keyed TEXT NOT NULL, assigned TEXT NOT NULL, PRIMARY KEY (keyed, assigned))", NULL},
};

lethe_status lethe_objections_load(lethe_database *intake, lethe_objections **out, lethe_error *error) {
    *out = NULL;
    lethe_objections *fresh = NULL;
    lethe_statement *select = NULL;
    lethe_status status = lethe_database_migrate_component(intake, "objections", migrations, sizeof migrations / sizeof *migrations, error);
    if (status == LETHE_OK) status = lethe_objections_create(&fresh, error);
    if (status == LETHE_OK) status = lethe_statement_prepare(intake, "SELECT patient FROM objection ORDER BY patient", &select, error);
    bool row = true;
    while (status == LETHE_OK && row) {
        status = lethe_statement_step(select, &row, error);
        if (status == LETHE_OK && row) status = lethe_objections_add(fresh, lethe_statement_text(select, 0), error);
    }
    lethe_statement_finalize(select);
    if (status != LETHE_OK) lethe_objections_destroy(fresh);
    else *out = fresh;
    return status;
}

lethe_status lethe_objections_note_alias(lethe_database *intake, const char *keyed, const char *assigned, lethe_error *error) {
    lethe_statement *insert = NULL;
    lethe_status status = lethe_statement_prepare(
        intake, "INSERT INTO patient_alias (keyed, assigned) VALUES (?1, ?2) ON CONFLICT (keyed, assigned) DO NOTHING", &insert, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(insert, 1, keyed);
    lethe_statement_bind_text(insert, 2, assigned);
    status = lethe_statement_run(insert, error);
    lethe_statement_finalize(insert);
    return status;
}

/* The same table; a star, which no pseudonym has, keeps the two kinds apart. */
lethe_status lethe_objections_note_unissued(lethe_database *intake, const char *unissued, const char *patient, lethe_error *error) {
    char name[96];
    (void)snprintf(name, sizeof name, "*%s", unissued);
    return lethe_objections_note_alias(intake, name, patient, error);
}

lethe_status lethe_objections_of_any_issuer(lethe_database *intake, const char *unissued, lethe_alias_fn visit, void *context, lethe_error *error) {
    char name[96];
    (void)snprintf(name, sizeof name, "*%s", unissued);
    return lethe_objections_aliases(intake, name, visit, context, error);
}

lethe_status lethe_objections_aliases(lethe_database *intake, const char *pseudonym, lethe_alias_fn visit, void *context, lethe_error *error) {
    lethe_statement *select = NULL;
    lethe_status status = lethe_statement_prepare(intake,
                                                  "SELECT assigned FROM patient_alias WHERE keyed = ?1 UNION SELECT keyed FROM patient_alias WHERE "
                                                  "assigned = ?1 AND keyed NOT LIKE '*%' ORDER BY 1",
                                                  &select, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(select, 1, pseudonym);
    char names[16][80]; /* read first: visitors may write to the same database */
    unsigned count = 0;
    bool row = true;
    while (status == LETHE_OK && count < 16) {
        status = lethe_statement_step(select, &row, error);
        if (status != LETHE_OK || !row) break;
        (void)snprintf(names[count++], sizeof names[0], "%s", lethe_statement_text(select, 0));
    }
    lethe_statement_finalize(select);
    for (unsigned i = 0; i < count && status == LETHE_OK; i++) status = visit(context, names[i], error);
    return status;
}
