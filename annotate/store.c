/* Opening the store, users and schemas. */
#include "annotate/store_internal.h"

#include "core/memory.h"
#include "core/text.h"

#include <string.h>
#include <time.h>

static const char *const role_names[] = {"reader", "adjudicator", "organiser"};

const char *lethe_role_name(lethe_role role) { return (unsigned)role < 3 ? role_names[role] : "unknown"; }

bool lethe_role_parse(const char *name, lethe_role *role) {
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(role_names[i], name) != 0) continue;
        *role = (lethe_role)i;
        return true;
    }
    return false;
}

/* --- helpers of all store files --- */

int64_t lethe_store_now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

lethe_status lethe_store_query(lethe_store *store, const char *sql, const char *const *texts, int count, lethe_statement **out, lethe_error *error) {
    lethe_status status = lethe_statement_prepare(store->database, sql, out, error);
    for (int i = 0; status == LETHE_OK && i < count; i++) lethe_statement_bind_text(*out, i + 1, texts[i] == NULL ? "" : texts[i]);
    return status;
}

lethe_status lethe_store_number(lethe_store *store, const char *sql, const char *const *texts, int count, int64_t *number, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    *number = 0;
    lethe_status status = lethe_store_query(store, sql, texts, count, &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && row) *number = lethe_statement_int64(statement, 0);
    lethe_statement_finalize(statement);
    return status;
}

/* --- users --- */

static bool user_name_is_fit(const char *name) {
    size_t length = strlen(name);
    if (length == 0 || length > 63) return false; /* NAMEDATALEN of PostgreSQL */
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x21 || name[i] == '"' || name[i] == '/' || name[i] == '\\' || (unsigned char)name[i] == 0x7F) return false;
    return lethe_utf8_is_valid(name, length);
}

static lethe_status insert_account(lethe_store *store, const char *name, lethe_role role, lethe_error *error) {
    lethe_statement *statement = NULL;
    const char *texts[2] = {name, lethe_role_name(role)};
    lethe_status status = lethe_store_query(store, "INSERT INTO account (name, role, created_us) VALUES (?1, ?2, ?3)", texts, 2, &statement, error);
    if (status == LETHE_OK) {
        lethe_statement_bind_int64(statement, 3, lethe_store_now_us());
        status = lethe_statement_run(statement, error);
    }
    lethe_statement_finalize(statement);
    return status;
}

lethe_status lethe_store_add_user(lethe_store *store, const char *name, lethe_role role, lethe_error *error) {
    if (store->role != LETHE_ROLE_ORGANISER) return lethe_fail(error, LETHE_DENIED, "only an organiser adds users");
    if (!user_name_is_fit(name)) return lethe_fail(error, LETHE_USAGE, "a user's name has 1 to 63 bytes without spaces, quotes and slashes");
    lethe_status status = lethe_database_begin(store->database, error);
    if (status != LETHE_OK) return status;
    status = insert_account(store, name, role, error);
    if (status == LETHE_OK) status = lethe_store_grant(store, name, role, error);
    if (status == LETHE_OK) return lethe_database_commit(store->database, error);
    lethe_database_rollback(store->database);
    return status;
}

lethe_status lethe_store_visit_users(lethe_store *store, lethe_user_fn visit, void *context, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_store_query(store, "SELECT name, role FROM account ORDER BY name", NULL, 0, &statement, error);
    for (bool row = true; status == LETHE_OK;) {
        status = lethe_statement_step(statement, &row, error);
        if (status != LETHE_OK || !row) break;
        lethe_role role = LETHE_ROLE_READER;
        if (!lethe_role_parse(lethe_statement_text(statement, 1), &role))
            status = lethe_fail(error, LETHE_DATABASE, "an account has an unknown role");
        else status = visit(context, lethe_statement_text(statement, 0), role, error);
    }
    lethe_statement_finalize(statement);
    return status;
}

static bool is_postgres(const lethe_store *store) { return lethe_database_backend(store->database) == LETHE_POSTGRESQL; }

/* Who is at work: the login on PostgreSQL, else the name that was given. */
static lethe_status find_user_name(lethe_store *store, const char *user, lethe_error *error) {
    if (user == NULL || user[0] == '\0') user = "local";
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = LETHE_OK;
    if (is_postgres(store)) {
        status = lethe_store_query(store, "SELECT current_user", NULL, 0, &statement, error);
        if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
        if (status == LETHE_OK && row) user = lethe_statement_text(statement, 0);
    }
    if (status == LETHE_OK && !user_name_is_fit(user)) status = lethe_fail(error, LETHE_USAGE, "not a user's name");
    if (status == LETHE_OK) memcpy(store->user, user, strlen(user) + 1);
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status find_role(lethe_store *store, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    const char *user = store->user;
    const char *sql = is_postgres(store) ? "SELECT role FROM (SELECT role_of(?1) AS role) AS found WHERE role IS NOT NULL"
                                         : "SELECT role FROM account WHERE name = ?1";
    lethe_status status = lethe_store_query(store, sql, &user, 1, &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    bool known = status == LETHE_OK && row && lethe_role_parse(lethe_statement_text(statement, 0), &store->role);
    lethe_statement_finalize(statement);
    if (status != LETHE_OK || known) return status;
    /* The first one in a fresh PostgreSQL store, who made the tables, and the single user of a SQLite store are organisers. */
    int64_t others = 0;
    if (is_postgres(store)) status = lethe_store_number(store, "SELECT COUNT(*) FROM account", NULL, 0, &others, error);
    if (status != LETHE_OK) return status;
    if (is_postgres(store) ? others > 0 : strcmp(user, "local") != 0)
        return lethe_fail(error, LETHE_NOT_FOUND, "no user '%s': an organiser adds users with `lethe annotate user add`", user);
    store->role = LETHE_ROLE_ORGANISER;
    return insert_account(store, user, LETHE_ROLE_ORGANISER, error);
}

/* --- schemas --- */

static lethe_status load_schema(lethe_store *store, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_store_query(store, "SELECT yaml, name FROM label_schema ORDER BY id DESC LIMIT 1", NULL, 0, &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    if (status == LETHE_OK && row) {
        const char *yaml = lethe_statement_text(statement, 0);
        lethe_schema *schema = NULL;
        status = lethe_schema_parse(yaml, strlen(yaml), lethe_statement_text(statement, 1), &schema, error);
        if (status == LETHE_OK) {
            lethe_schema_destroy(store->schema);
            store->schema = schema;
        }
    }
    lethe_statement_finalize(statement);
    return status;
}

const lethe_schema *lethe_store_schema(const lethe_store *store) { return store->schema; }

static lethe_status insert_schema(lethe_store *store, const lethe_schema *schema, lethe_error *error) {
    lethe_statement *statement = NULL;
    lethe_status status = lethe_statement_prepare(
        store->database, "INSERT INTO label_schema (name, version, sha256, yaml, author, at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", &statement, error);
    if (status != LETHE_OK) return status;
    lethe_statement_bind_text(statement, 1, schema->name);
    lethe_statement_bind_int64(statement, 2, schema->version);
    lethe_statement_bind_text(statement, 3, schema->sha256);
    lethe_statement_bind_text(statement, 4, schema->yaml);
    lethe_statement_bind_text(statement, 5, store->user);
    lethe_statement_bind_int64(statement, 6, lethe_store_now_us());
    status = lethe_statement_run(statement, error);
    lethe_statement_finalize(statement);
    return status;
}

/* A new schema may take the place of the old one when it only adds, or when nothing was said under the old one yet. */
static lethe_status may_follow(lethe_store *store, const lethe_schema *schema, lethe_error *error) {
    const lethe_schema *old = store->schema;
    int64_t labelled = 0;
    if (old == NULL) return LETHE_OK;
    if (strcmp(old->name, schema->name) == 0 && schema->version <= old->version)
        return lethe_fail(error, LETHE_EXISTS, "version %u of schema %s is installed; a change needs a higher version than that", old->version,
                          old->name);
    lethe_status status =
        lethe_store_number(store, "SELECT COUNT(*) FROM (SELECT id FROM annotation WHERE deleted = 0 LIMIT 1) AS some", NULL, 0, &labelled, error);
    if (status != LETHE_OK || labelled == 0) return status;
    return lethe_schema_compatible(old, schema, error);
}

lethe_status lethe_store_install_schema(lethe_store *store, const char *yaml, size_t size, const char *name, lethe_error *error) {
    lethe_schema *schema = NULL;
    if (store->role != LETHE_ROLE_ORGANISER) return lethe_fail(error, LETHE_DENIED, "only an organiser installs schemas");
    lethe_status status = lethe_schema_parse(yaml, size, name, &schema, error);
    bool same = status == LETHE_OK && store->schema != NULL && strcmp(store->schema->sha256, schema->sha256) == 0;
    if (status == LETHE_OK && !same) status = may_follow(store, schema, error);
    if (status == LETHE_OK && !same) status = insert_schema(store, schema, error);
    if (status == LETHE_OK && !same) {
        lethe_schema_destroy(store->schema);
        store->schema = schema;
        schema = NULL;
    }
    lethe_schema_destroy(schema);
    return status;
}

/* --- opening --- */

lethe_status lethe_store_open(const lethe_project *project, const char *user, lethe_store **out, lethe_error *error) {
    *out = NULL;
    lethe_store *store = lethe_alloc_array(1, sizeof *store);
    if (store == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the store");
    lethe_status status = lethe_catalogue_open(project, &store->catalogue, error);
    if (status == LETHE_OK && (store->released_path = lethe_strdup(project->released_path)) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for the store");
    if (status == LETHE_OK) {
        store->database = lethe_catalogue_database(store->catalogue);
        status = lethe_store_migrate(store->database, error);
    }
    if (status == LETHE_OK) status = find_user_name(store, user, error);
    if (status == LETHE_OK) status = find_role(store, error);
    if (status == LETHE_OK) status = load_schema(store, error);
    if (status == LETHE_OK) *out = store;
    else lethe_store_close(store);
    return status;
}

void lethe_store_close(lethe_store *store) {
    if (store == NULL) return;
    lethe_schema_destroy(store->schema);
    lethe_catalogue_close(store->catalogue);
    lethe_free(store->released_path);
    lethe_free(store);
}

lethe_catalogue *lethe_store_catalogue(lethe_store *store) { return store->catalogue; }
lethe_database *lethe_store_database(lethe_store *store) { return store->database; }
const char *lethe_store_user(const lethe_store *store) { return store->user; }
lethe_role lethe_store_role(const lethe_store *store) { return store->role; }
