/* The tables of the annotation store, and who may touch them.
 *
 * target              what can be labelled: a patient, study, series or image, numbered
 * annotation          one row per annotation: whose, where, and which revision is current
 * annotation_revision what was said, append-only: triggers refuse UPDATE and DELETE
 * annotation_image    further images that a volume touches
 *
 * On PostgreSQL every reader is a role of the server, and row-level security hides other readers' rows from SQL itself. */
#include "annotate/store_internal.h"

#include "core/buffer.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

static const char tables_sql[] =
    "CREATE TABLE account (name TEXT PRIMARY KEY, role TEXT NOT NULL, created_us BIGINT NOT NULL);"
    "CREATE TABLE label_schema (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version BIGINT NOT NULL, sha256 TEXT NOT NULL, yaml TEXT NOT NULL, "
    "author TEXT NOT NULL, at_us BIGINT NOT NULL, UNIQUE (name, version));"
    "CREATE TABLE target (no INTEGER PRIMARY KEY, patient TEXT NOT NULL, study_uid TEXT NOT NULL, series_uid TEXT NOT NULL, image TEXT NOT NULL, "
    "UNIQUE (image, series_uid, study_uid, patient));"
    "CREATE INDEX target_series ON target (series_uid);"
    "CREATE INDEX target_study ON target (study_uid);"
    "CREATE INDEX target_patient ON target (patient);"
    "CREATE TABLE task (id INTEGER PRIMARY KEY, case_id TEXT NOT NULL, patient TEXT NOT NULL, reader TEXT NOT NULL, batch TEXT NOT NULL, note TEXT "
    "NOT NULL, "
    "state BIGINT NOT NULL, kind BIGINT NOT NULL, priority BIGINT NOT NULL, pass BIGINT NOT NULL, created_us BIGINT NOT NULL, changed_us BIGINT NOT "
    "NULL, "
    "UNIQUE (case_id, reader, pass));"
    "CREATE INDEX task_reader ON task (reader, state);"
    "CREATE TABLE task_event (id INTEGER PRIMARY KEY, task BIGINT NOT NULL, state BIGINT NOT NULL, note TEXT NOT NULL, author TEXT NOT NULL, "
    "at_us BIGINT NOT NULL);"
    "CREATE TABLE annotation (id INTEGER PRIMARY KEY, target BIGINT NOT NULL, author TEXT NOT NULL, task BIGINT NOT NULL, head BIGINT NOT NULL, "
    "deleted BIGINT NOT NULL, shared BIGINT NOT NULL, origin BIGINT NOT NULL, x0 BIGINT, y0 BIGINT, x1 BIGINT, y1 BIGINT);"
    "CREATE INDEX annotation_target ON annotation (target, author);"
    "CREATE INDEX annotation_origin ON annotation (origin) WHERE origin <> 0;"
    "CREATE TABLE annotation_revision (id INTEGER PRIMARY KEY, annotation BIGINT NOT NULL, previous BIGINT NOT NULL, action BIGINT NOT NULL, "
    "undoes BIGINT NOT NULL, author TEXT NOT NULL, at_us BIGINT NOT NULL, level BIGINT NOT NULL, label TEXT NOT NULL, value TEXT NOT NULL, "
    "form TEXT NOT NULL, tool TEXT NOT NULL, source TEXT NOT NULL, confidence REAL, spent_ms BIGINT NOT NULL, deleted BIGINT NOT NULL, shape BLOB, "
    "UNIQUE (annotation, previous));"
    "CREATE TABLE annotation_image (image TEXT NOT NULL, annotation BIGINT NOT NULL, PRIMARY KEY (image, annotation));"
    "CREATE TABLE named_state (id INTEGER PRIMARY KEY, author TEXT NOT NULL, image TEXT NOT NULL, name TEXT NOT NULL, revision BIGINT NOT NULL, "
    "at_us BIGINT NOT NULL, UNIQUE (author, image, name));"
    "CREATE TABLE snapshot (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, author TEXT NOT NULL, at_us BIGINT NOT NULL, schema_name TEXT NOT "
    "NULL, "
    "schema_version BIGINT NOT NULL, schema_sha256 TEXT NOT NULL, items BIGINT NOT NULL);"
    "CREATE TABLE snapshot_item (snapshot BIGINT NOT NULL, revision BIGINT NOT NULL, annotation BIGINT NOT NULL, PRIMARY KEY (snapshot, revision));";

static const char rules_sqlite[] =
    "CREATE VIRTUAL TABLE annotation_rtree USING rtree_i32(id, n0, n1, x0, x1, y0, y1);"
    "CREATE TRIGGER annotation_revision_kept BEFORE UPDATE ON annotation_revision BEGIN SELECT RAISE(ABORT, 'revisions are append-only'); END;"
    "CREATE TRIGGER annotation_revision_held BEFORE DELETE ON annotation_revision BEGIN SELECT RAISE(ABORT, 'revisions are append-only'); END;"
    "CREATE TRIGGER annotation_held BEFORE DELETE ON annotation BEGIN SELECT RAISE(ABORT, 'annotations are never removed'); END;"
    "CREATE TRIGGER task_event_kept BEFORE UPDATE ON task_event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;"
    "CREATE TRIGGER task_event_held BEFORE DELETE ON task_event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;"
    "CREATE TRIGGER snapshot_kept BEFORE UPDATE ON snapshot BEGIN SELECT RAISE(ABORT, 'snapshots are frozen'); END;"
    "CREATE TRIGGER snapshot_item_kept BEFORE UPDATE ON snapshot_item BEGIN SELECT RAISE(ABORT, 'snapshots are frozen'); END;"
    "CREATE TRIGGER snapshot_item_held BEFORE DELETE ON snapshot_item BEGIN SELECT RAISE(ABORT, 'snapshots are frozen'); END;";

static const char rules_postgresql[] =
    "CREATE INDEX annotation_box ON annotation USING gist (box(point(x0, y0), point(x1, y1)));"
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only'; END $$;"
    "CREATE TRIGGER annotation_revision_kept BEFORE UPDATE OR DELETE ON annotation_revision FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    "CREATE TRIGGER annotation_held BEFORE DELETE ON annotation FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    "CREATE TRIGGER task_event_kept BEFORE UPDATE OR DELETE ON task_event FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    "CREATE TRIGGER snapshot_kept BEFORE UPDATE ON snapshot FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    "CREATE TRIGGER snapshot_item_kept BEFORE UPDATE OR DELETE ON snapshot_item FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    /* Runs with the owner's rights, so that a reader need not see the table of accounts. */
    "CREATE FUNCTION is_trusted(who TEXT) RETURNS BOOLEAN LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ SELECT EXISTS (SELECT 1 FROM account WHERE name = who AND role <> 'reader') $$;"
    "CREATE FUNCTION role_of(who TEXT) RETURNS TEXT LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ SELECT role FROM account WHERE name = who $$;"
    /* A reader may not even learn that a target exists because somebody else labelled it. */
    "CREATE FUNCTION target_number(p TEXT, st TEXT, se TEXT, im TEXT) RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER SET search_path = "
    "lethe_released, pg_temp AS "
    "$$ DECLARE found BIGINT; BEGIN "
    "INSERT INTO target (patient, study_uid, series_uid, image) VALUES (p, st, se, im) ON CONFLICT DO NOTHING; "
    "SELECT no INTO found FROM target WHERE image = im AND series_uid = se AND study_uid = st AND patient = p; RETURN found; END $$;"
    "ALTER TABLE annotation ENABLE ROW LEVEL SECURITY;"
    "ALTER TABLE annotation_revision ENABLE ROW LEVEL SECURITY;"
    "ALTER TABLE annotation_image ENABLE ROW LEVEL SECURITY;"
    "ALTER TABLE target ENABLE ROW LEVEL SECURITY;"
    "ALTER TABLE task ENABLE ROW LEVEL SECURITY;"
    "ALTER TABLE task_event ENABLE ROW LEVEL SECURITY;"
    "ALTER TABLE named_state ENABLE ROW LEVEL SECURITY;"
    "CREATE POLICY see ON annotation FOR SELECT USING (author = current_user OR shared = 1 OR is_trusted(current_user::text));"
    "CREATE POLICY add ON annotation FOR INSERT WITH CHECK ((author = current_user AND shared = 0) OR is_trusted(current_user::text));"
    "CREATE POLICY move ON annotation FOR UPDATE USING (author = current_user OR is_trusted(current_user::text)) "
    "WITH CHECK ((author = current_user AND shared = 0) OR is_trusted(current_user::text));"
    "CREATE POLICY see ON annotation_revision FOR SELECT USING (EXISTS (SELECT 1 FROM annotation a WHERE a.id = annotation_revision.annotation));"
    "CREATE POLICY add ON annotation_revision FOR INSERT WITH CHECK ((author = current_user AND "
    "EXISTS (SELECT 1 FROM annotation a WHERE a.id = annotation_revision.annotation AND a.author = current_user)) OR is_trusted(current_user::text));"
    "CREATE POLICY see ON annotation_image FOR SELECT USING (EXISTS (SELECT 1 FROM annotation a WHERE a.id = annotation_image.annotation));"
    "CREATE POLICY add ON annotation_image FOR INSERT WITH CHECK (EXISTS (SELECT 1 FROM annotation a WHERE a.id = annotation_image.annotation AND "
    "a.author = current_user) "
    "OR is_trusted(current_user::text));"
    "CREATE POLICY see ON target FOR SELECT USING (is_trusted(current_user::text) OR EXISTS (SELECT 1 FROM annotation a WHERE a.target = target.no));"
    "CREATE POLICY see ON task FOR SELECT USING (reader = current_user OR is_trusted(current_user::text));"
    "CREATE POLICY move ON task FOR UPDATE USING (reader = current_user OR is_trusted(current_user::text));"
    "CREATE POLICY add ON task FOR INSERT WITH CHECK (is_trusted(current_user::text));"
    "CREATE POLICY see ON task_event FOR SELECT USING (author = current_user OR is_trusted(current_user::text));"
    "CREATE POLICY add ON task_event FOR INSERT WITH CHECK (author = current_user OR is_trusted(current_user::text));"
    "CREATE POLICY own ON named_state USING (author = current_user) WITH CHECK (author = current_user);";

static const lethe_migration migrations[] = {{1, tables_sql, NULL}, {2, rules_sqlite, rules_postgresql}};

lethe_status lethe_store_migrate(lethe_database *database, lethe_error *error) {
    return lethe_database_migrate_component(database, "annotate", migrations, sizeof migrations / sizeof *migrations, error);
}

/* --- rights on PostgreSQL --- */

/* Readers get no right on the kind of a task: a honeypot must look like any other case. */
static const char *const reader_grants[] = {
    "USAGE ON SCHEMA lethe_released",
    "SELECT ON entry, label_schema, target, migration",
    "SELECT, INSERT ON annotation, annotation_revision, annotation_image, named_state, task_event",
    "UPDATE (head, deleted, x0, y0, x1, y1) ON annotation",
    "UPDATE (revision, at_us) ON named_state",
    "SELECT (id, case_id, patient, reader, batch, note, state, priority, pass, created_us, changed_us) ON task",
    "UPDATE (state, note, changed_us) ON task",
    "USAGE ON ALL SEQUENCES IN SCHEMA lethe_released",
    "EXECUTE ON ALL FUNCTIONS IN SCHEMA lethe_released",
};
static const char *const adjudicator_grants[] = {"SELECT ON ALL TABLES IN SCHEMA lethe_released", "INSERT ON snapshot, snapshot_item, task"};
static const char *const organiser_grants[] = {"SELECT, INSERT ON ALL TABLES IN SCHEMA lethe_released", "UPDATE ON target, label_schema, task"};

static bool quote_identifier(const char *name, char *out, size_t size) {
    size_t at = 0;
    out[at++] = '"';
    for (; *name != '\0'; name++) {
        if (at + 4 > size) return false;
        if (*name == '"') out[at++] = '"';
        out[at++] = *name;
    }
    out[at++] = '"';
    out[at] = '\0';
    return true;
}

static lethe_status grant_all(lethe_store *store, const char *const *grants, size_t count, const char *quoted, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        char sql[512];
        (void)snprintf(sql, sizeof sql, "GRANT %s TO %s", grants[i], quoted);
        status = lethe_database_execute(store->database, sql, error);
    }
    return status;
}

lethe_status lethe_store_grant(lethe_store *store, const char *name, lethe_role role, lethe_error *error) {
    char quoted[160], sql[256];
    int64_t known = 0;
    if (lethe_database_backend(store->database) != LETHE_POSTGRESQL) return LETHE_OK;
    if (!quote_identifier(name, quoted, sizeof quoted)) return lethe_fail(error, LETHE_USAGE, "the user's name is too long");
    lethe_status status = lethe_store_number(store, "SELECT COUNT(*) FROM pg_roles WHERE rolname = ?1", &name, 1, &known, error);
    if (status == LETHE_OK && known == 0) {
        (void)snprintf(sql, sizeof sql, "CREATE ROLE %s LOGIN", quoted);
        status = lethe_database_execute(store->database, sql, error);
    }
    if (status == LETHE_OK) status = grant_all(store, reader_grants, sizeof reader_grants / sizeof *reader_grants, quoted, error);
    if (status == LETHE_OK && role != LETHE_ROLE_READER) status = grant_all(store, adjudicator_grants, 2, quoted, error);
    if (status == LETHE_OK && role == LETHE_ROLE_ORGANISER) status = grant_all(store, organiser_grants, 2, quoted, error);
    return status;
}
