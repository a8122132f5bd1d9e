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

/* What readers may write of new rows: all but their numbers. */
#define ANNOTATION_COLUMNS "target, author, task, head, deleted, shared, origin, x0, y0, x1, y1"
#define REVISION_COLUMNS                                                                                                                             \
    "annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, confidence, spent_ms, deleted, shape"
#define STATE_COLUMNS "author, image, name, revision, at_us"
#define EVENT_COLUMNS "task, state, note, author, at_us"
/* Asked once per statement. */
#define TRUSTED "(SELECT is_trusted(current_user::text))"

/* Where a revision lies in the patient (store_place.c). */
#define PLANE_TABLE                                                                                                                                  \
    "CREATE TABLE annotation_plane (revision BIGINT NOT NULL, slice BIGINT NOT NULL, frame_uid TEXT NOT NULL, ox REAL NOT NULL, oy REAL NOT NULL, "  \
    "oz REAL NOT NULL, xx REAL NOT NULL, xy REAL NOT NULL, xz REAL NOT NULL, yx REAL NOT NULL, yy REAL NOT NULL, yz REAL NOT NULL, "                 \
    "PRIMARY KEY (revision, slice));"

static const char planes_sqlite[] =
    PLANE_TABLE "CREATE TRIGGER annotation_plane_kept BEFORE UPDATE ON annotation_plane BEGIN SELECT RAISE(ABORT, 'planes are append-only'); END;"
                "CREATE TRIGGER annotation_plane_held BEFORE DELETE ON annotation_plane BEGIN SELECT RAISE(ABORT, 'planes are append-only'); END;";

static const char planes_postgresql[] =
    PLANE_TABLE "CREATE TRIGGER annotation_plane_kept BEFORE UPDATE OR DELETE ON annotation_plane FOR EACH ROW EXECUTE FUNCTION refuse_change();"
                "ALTER TABLE annotation_plane ENABLE ROW LEVEL SECURITY;"
                "CREATE POLICY see ON annotation_plane FOR SELECT USING (EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = "
                "annotation_plane.revision));"
                "CREATE POLICY add ON annotation_plane FOR INSERT WITH CHECK (EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = "
                "annotation_plane.revision AND r.author = current_user) OR is_trusted(current_user::text));";

/* What a blind reader could still learn or bend by SQL of their own, closed:
 * - numbers come from the clock, not from sequences that count what others do; a target's number is a hash of what it names;
 * - the time of a revision is the server's; a closed task takes no revision and is not opened again by its reader;
 * - an annotation's head is one of its own revisions;
 * - no statistics of what was said: EXPLAIN would tell how often a value was given. */
static const char guards_postgresql[] =
    "CREATE FUNCTION fresh_number() RETURNS BIGINT LANGUAGE sql VOLATILE AS $$ SELECT ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint - "
    "1577836800000000) * 8192 + pg_backend_pid() % 8192 $$;"
    "ALTER TABLE annotation ALTER COLUMN id SET DEFAULT fresh_number();"
    "ALTER TABLE annotation_revision ALTER COLUMN id SET DEFAULT fresh_number();"
    "ALTER TABLE named_state ALTER COLUMN id SET DEFAULT fresh_number();"
    "ALTER TABLE task_event ALTER COLUMN id SET DEFAULT fresh_number();"
    "CREATE OR REPLACE FUNCTION target_number(p TEXT, st TEXT, se TEXT, im TEXT) RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER SET search_path = "
    "lethe_released, pg_temp AS "
    "$$ DECLARE found BIGINT; BEGIN "
    "IF NOT EXISTS (SELECT 1 FROM entry e WHERE e.patient = p AND (st = '' OR e.study_uid = st) AND (se = '' OR e.series_uid = se) AND (im = '' OR "
    "e.instance_uid = im OR e.path = im)) THEN RAISE EXCEPTION 'nothing released has this name'; END IF; "
    "INSERT INTO target (no, patient, study_uid, series_uid, image) VALUES (hashtextextended(p || '|' || st || '|' || se || '|' || im, 0) & "
    "9223372036854775807, p, st, se, im) ON CONFLICT DO NOTHING; "
    "SELECT no INTO found FROM target WHERE image = im AND series_uid = se AND study_uid = st AND patient = p; RETURN found; END $$;"
    "CREATE FUNCTION guard_annotation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ BEGIN IF is_trusted(session_user::text) THEN RETURN NEW; END IF; "
    "IF NEW.task <> 0 AND NOT EXISTS (SELECT 1 FROM task t WHERE t.id = NEW.task AND t.reader = NEW.author) THEN RAISE EXCEPTION 'not a task of "
    "this reader'; END IF; "
    "IF NEW.task = 0 AND EXISTS (SELECT 1 FROM task t JOIN target g ON g.no = NEW.target WHERE t.reader = NEW.author AND t.case_id IN (g.study_uid, "
    "g.image)) THEN RAISE EXCEPTION 'this case is read under a task'; END IF; RETURN NEW; END $$;"
    "CREATE TRIGGER annotation_guarded BEFORE INSERT ON annotation FOR EACH ROW EXECUTE FUNCTION guard_annotation();"
    "CREATE FUNCTION guard_revision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ BEGIN NEW.at_us := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint; "
    "IF NOT is_trusted(session_user::text) AND EXISTS (SELECT 1 FROM annotation a JOIN task t ON t.id = a.task WHERE a.id = NEW.annotation AND "
    "t.state IN (2, 4)) THEN RAISE EXCEPTION 'the task is closed'; END IF; RETURN NEW; END $$;"
    "CREATE TRIGGER annotation_revision_guarded BEFORE INSERT ON annotation_revision FOR EACH ROW EXECUTE FUNCTION guard_revision();"
    "CREATE FUNCTION guard_head() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ BEGIN IF NOT EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = NEW.head AND r.annotation = NEW.id AND r.deleted = NEW.deleted) THEN "
    "RAISE EXCEPTION 'the head of an annotation is one of its revisions'; END IF; RETURN NEW; END $$;"
    "CREATE TRIGGER annotation_head_guarded BEFORE UPDATE ON annotation FOR EACH ROW EXECUTE FUNCTION guard_head();"
    "CREATE FUNCTION guard_task() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ BEGIN IF NOT is_trusted(session_user::text) AND (OLD.state IN (2, 4) OR NEW.state IN (0, 3)) THEN RAISE EXCEPTION 'only an organiser or "
    "adjudicator opens a task again'; END IF; RETURN NEW; END $$;"
    "CREATE TRIGGER task_guarded BEFORE UPDATE ON task FOR EACH ROW EXECUTE FUNCTION guard_task();";

static const char secrets_postgresql[] =
    "ALTER TABLE annotation ALTER COLUMN author SET STATISTICS 0;"
    "ALTER TABLE annotation_revision ALTER COLUMN author SET STATISTICS 0, ALTER COLUMN label SET STATISTICS 0, ALTER COLUMN value SET STATISTICS 0, "
    "ALTER COLUMN form SET STATISTICS 0, ALTER COLUMN source SET STATISTICS 0, ALTER COLUMN confidence SET STATISTICS 0, ALTER COLUMN shape SET "
    "STATISTICS 0;"
    "ALTER TABLE task ALTER COLUMN kind SET STATISTICS 0, ALTER COLUMN reader SET STATISTICS 0, ALTER COLUMN state SET STATISTICS 0;"
    "DO $$ DECLARE who RECORD; BEGIN FOR who IN SELECT name, role FROM account WHERE name IN (SELECT rolname FROM pg_roles) LOOP "
    "EXECUTE format('GRANT SELECT, INSERT ON annotation_plane TO %I', who.name); "
    "IF who.role = 'reader' THEN EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA lethe_released FROM %I', who.name); END IF; "
    "END LOOP; END $$;";

/* - numbers rise within a session, so that many rows may come in one statement; a reader cannot choose one and so not ask by a conflict which are
 * taken;
 * - policies ask once per statement, not once per row, whether somebody is trusted. */
static const char speed_postgresql[] =
    "CREATE OR REPLACE FUNCTION fresh_number() RETURNS BIGINT LANGUAGE plpgsql VOLATILE AS $$ DECLARE "
    "last BIGINT := COALESCE(NULLIF(current_setting('lethe.last_number', true), ''), '0')::bigint; "
    "fresh BIGINT := ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 1577836800000000) * 8192 + pg_backend_pid() % 8192; "
    "BEGIN IF fresh <= last THEN fresh := last + 8192; END IF; PERFORM set_config('lethe.last_number', fresh::text, false); RETURN fresh; END $$;"
    "ALTER POLICY see ON annotation USING (author = current_user OR shared = 1 OR " TRUSTED ");"
    "ALTER POLICY add ON annotation WITH CHECK ((author = current_user AND shared = 0) OR " TRUSTED ");"
    "ALTER POLICY move ON annotation USING (author = current_user OR " TRUSTED ") WITH CHECK ((author = current_user AND shared = 0) OR " TRUSTED ");"
    "ALTER POLICY see ON annotation_revision USING (" TRUSTED " OR EXISTS (SELECT 1 FROM annotation a WHERE a.id = annotation_revision.annotation));"
    "ALTER POLICY add ON annotation_revision WITH CHECK (" TRUSTED " OR (author = current_user AND EXISTS (SELECT 1 FROM annotation a WHERE a.id = "
    "annotation_revision.annotation AND a.author = current_user)));"
    "ALTER POLICY see ON annotation_image USING (" TRUSTED " OR EXISTS (SELECT 1 FROM annotation a WHERE a.id = annotation_image.annotation));"
    "ALTER POLICY add ON annotation_image WITH CHECK (" TRUSTED " OR EXISTS (SELECT 1 FROM annotation a WHERE a.id = annotation_image.annotation AND "
    "a.author = current_user));"
    "ALTER POLICY see ON annotation_plane USING (" TRUSTED " OR EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = annotation_plane.revision));"
    "ALTER POLICY add ON annotation_plane WITH CHECK (" TRUSTED " OR EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = "
    "annotation_plane.revision AND r.author = current_user));"
    "ALTER POLICY see ON target USING (" TRUSTED " OR EXISTS (SELECT 1 FROM annotation a WHERE a.target = target.no));"
    "ALTER POLICY see ON task USING (reader = current_user OR " TRUSTED ");"
    "ALTER POLICY move ON task USING (reader = current_user OR " TRUSTED ");"
    "ALTER POLICY see ON task_event USING (author = current_user OR " TRUSTED ");"
    "DO $$ DECLARE who RECORD; BEGIN FOR who IN SELECT name FROM account WHERE role = 'reader' AND name IN (SELECT rolname FROM pg_roles) LOOP "
    "EXECUTE format('REVOKE INSERT ON annotation, annotation_revision, named_state, task_event FROM %I', who.name);"
    "EXECUTE format('GRANT INSERT (" ANNOTATION_COLUMNS ") ON annotation TO %I', who.name);"
    "EXECUTE format('GRANT INSERT (" REVISION_COLUMNS ") ON annotation_revision TO %I', who.name);"
    "EXECUTE format('GRANT INSERT (" STATE_COLUMNS ") ON named_state TO %I', who.name);"
    "EXECUTE format('GRANT INSERT (" EVENT_COLUMNS ") ON task_event TO %I', who.name);"
    "END LOOP; END $$;";

/* Checks run once per statement over all of its rows; the time of a revision is set row by row. A new annotation of a reader has no head yet, or it
 * could name a revision that is not its own. */
static const char statement_guards_postgresql[] =
    "DROP TRIGGER annotation_guarded ON annotation; DROP TRIGGER annotation_head_guarded ON annotation;"
    "CREATE OR REPLACE FUNCTION guard_annotation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ BEGIN IF is_trusted(session_user::text) THEN RETURN NULL; END IF; "
    "IF EXISTS (SELECT 1 FROM fresh f WHERE f.head <> 0) THEN RAISE EXCEPTION 'a new annotation has no head'; END IF; "
    "IF EXISTS (SELECT 1 FROM fresh f WHERE f.task <> 0 AND NOT EXISTS (SELECT 1 FROM task t WHERE t.id = f.task AND t.reader = f.author)) THEN "
    "RAISE EXCEPTION 'not a task of this reader'; END IF; "
    "IF EXISTS (SELECT 1 FROM fresh f JOIN target g ON g.no = f.target JOIN task t ON t.reader = f.author AND t.case_id IN (g.study_uid, g.image) "
    "WHERE f.task = 0) THEN RAISE EXCEPTION 'this case is read under a task'; END IF; RETURN NULL; END $$;"
    "CREATE TRIGGER annotation_guarded AFTER INSERT ON annotation REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "
    "guard_annotation();"
    "CREATE OR REPLACE FUNCTION guard_head() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ BEGIN IF EXISTS (SELECT 1 FROM fresh f WHERE NOT EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = f.head AND r.annotation = f.id AND "
    "r.deleted = f.deleted)) THEN RAISE EXCEPTION 'the head of an annotation is one of its revisions'; END IF; RETURN NULL; END $$;"
    "CREATE TRIGGER annotation_head_guarded AFTER UPDATE ON annotation REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "
    "guard_head();"
    "CREATE OR REPLACE FUNCTION guard_revision() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at_us := (extract(epoch FROM clock_timestamp()) * "
    "1000000)::bigint; RETURN NEW; END $$;"
    "CREATE FUNCTION guard_closed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lethe_released, pg_temp AS "
    "$$ BEGIN IF is_trusted(session_user::text) THEN RETURN NULL; END IF; "
    "IF EXISTS (SELECT 1 FROM fresh f JOIN annotation a ON a.id = f.annotation JOIN task t ON t.id = a.task WHERE t.state IN (2, 4)) THEN RAISE "
    "EXCEPTION 'the task is closed'; END IF; RETURN NULL; END $$;"
    "CREATE TRIGGER annotation_revision_open AFTER INSERT ON annotation_revision REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "
    "guard_closed();";

/* Readers are told when an image that they labelled was made again. */
static const char changes_postgresql[] =
    "DO $$ DECLARE who RECORD; BEGIN FOR who IN SELECT name FROM account WHERE name IN (SELECT rolname FROM pg_roles) LOOP "
    "EXECUTE format('GRANT SELECT ON entry_change TO %I', who.name); END LOOP; END $$;";

static const lethe_migration migrations[] = {{1, tables_sql, NULL},
                                             {2, rules_sqlite, rules_postgresql},
                                             {3, planes_sqlite, planes_postgresql},
                                             {4, "SELECT 1;", guards_postgresql},
                                             {5, "SELECT 1;", secrets_postgresql},
                                             {6, "SELECT 1;", speed_postgresql},
                                             {7, "SELECT 1;", statement_guards_postgresql},
                                             {8, "SELECT 1;", changes_postgresql}};

lethe_status lethe_store_migrate(lethe_database *database, lethe_error *error) {
    return lethe_database_migrate_component(database, "annotate", migrations, sizeof migrations / sizeof *migrations, error);
}

/* --- rights on PostgreSQL --- */

/* Readers get no right on the kind of a task: a honeypot must look like any other case. */
static const char *const reader_grants[] = {
    "USAGE ON SCHEMA lethe_released",
    "SELECT ON entry, entry_change, label_schema, target, migration",
    "SELECT ON annotation, annotation_revision, annotation_image, annotation_plane, named_state, task_event",
    "INSERT ON annotation_image, annotation_plane",
    "INSERT (" ANNOTATION_COLUMNS ") ON annotation",
    "INSERT (" REVISION_COLUMNS ") ON annotation_revision",
    "INSERT (" STATE_COLUMNS ") ON named_state",
    "INSERT (" EVENT_COLUMNS ") ON task_event",
    "UPDATE (head, deleted, x0, y0, x1, y1) ON annotation",
    "UPDATE (revision, at_us) ON named_state",
    "SELECT (id, case_id, patient, reader, batch, note, state, priority, pass, created_us, changed_us) ON task",
    "UPDATE (state, note, changed_us) ON task",
    "EXECUTE ON ALL FUNCTIONS IN SCHEMA lethe_released",
};
static const char *const adjudicator_grants[] = {"SELECT ON ALL TABLES IN SCHEMA lethe_released", "INSERT ON snapshot, snapshot_item, task",
                                                 "USAGE ON ALL SEQUENCES IN SCHEMA lethe_released"};
static const char *const organiser_grants[] = {"SELECT, INSERT ON ALL TABLES IN SCHEMA lethe_released", "UPDATE ON target, label_schema, task"};

bool lethe_store_quote(const char *name, char *out, size_t size) {
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
    if (!lethe_store_quote(name, quoted, sizeof quoted)) return lethe_fail(error, LETHE_USAGE, "the user's name is too long");
    lethe_status status = lethe_store_number(store, "SELECT COUNT(*) FROM pg_roles WHERE rolname = ?1", &name, 1, &known, error);
    if (status == LETHE_OK && known == 0) {
        (void)snprintf(sql, sizeof sql, "CREATE ROLE %s LOGIN", quoted);
        status = lethe_database_execute(store->database, sql, error);
    }
    if (status == LETHE_OK) status = grant_all(store, reader_grants, sizeof reader_grants / sizeof *reader_grants, quoted, error);
    if (status == LETHE_OK && role != LETHE_ROLE_READER) status = grant_all(store, adjudicator_grants, 3, quoted, error);
    if (status == LETHE_OK && role == LETHE_ROLE_ORGANISER) status = grant_all(store, organiser_grants, 2, quoted, error);
    return status;
}
