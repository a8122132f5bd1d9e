/* The annotation store on the released side: users, tasks, and annotations as append-only revisions. In the catalogue's database (SQLite for one
 * annotator at a time, PostgreSQL for several). Every change is one transaction: once a function returned, it is on disk.
 *
 * Layer: annotate. Thread rule: one thread at a time per object; never carry one over fork(). */
#ifndef LETHE_ANNOTATE_STORE_H
#define LETHE_ANNOTATE_STORE_H

#include "annotate/schema.h"
#include "annotate/shape.h"
#include "core/catalogue.h"
#include "core/error.h"
#include "core/project.h"

#include <stdint.h>

typedef struct lethe_store lethe_store;

typedef enum lethe_role { LETHE_ROLE_READER = 0, LETHE_ROLE_ADJUDICATOR, LETHE_ROLE_ORGANISER } lethe_role;

/* Open (and create missing tables). `user` is who annotates; NULL or "" is "local", an organiser, made on first use (on PostgreSQL: the role that the
 * connection logged in as, whatever `user` says). Errors: LETHE_NOT_FOUND for an unknown user, LETHE_DATABASE. */
LETHE_NODISCARD lethe_status lethe_store_open(const lethe_project *project, const char *user, lethe_store **out, lethe_error *error);
void lethe_store_close(lethe_store *store);
lethe_catalogue *lethe_store_catalogue(lethe_store *store); /* borrowed */
lethe_database *lethe_store_database(lethe_store *store);   /* borrowed */
const char *lethe_store_user(const lethe_store *store);
lethe_role lethe_store_role(const lethe_store *store);

/* The key under which annotations name an image: its SOP Instance UID, or the path of a slide below released/. */
static inline const char *lethe_image_key(const lethe_catalogue_entry *entry) {
    return entry->instance_uid[0] != '\0' ? entry->instance_uid : entry->path;
}

/* --- schemas --- */

/* The schema that new annotations follow (the one installed last); NULL when none is. Borrowed until the next install or close. */
const lethe_schema *lethe_store_schema(const lethe_store *store);
/* Install a schema, or a higher version of one. Errors: LETHE_EXISTS (same name and version, other text), LETHE_CONFIG when labels in the store would
 * become invalid, LETHE_DENIED unless organiser. */
LETHE_NODISCARD lethe_status lethe_store_install_schema(lethe_store *store, const char *yaml, size_t size, const char *name, lethe_error *error);

/* --- cases: what can be opened --- */

typedef struct lethe_case {
    char *id; /* study UID, or slide path */
    char *patient, *study_uid, *description, *date, *modalities /* "MR" or "CT\\SR" */;
    bool is_slide;
    int64_t series_count, image_count;
    int64_t annotation_count; /* that this user may see */
} lethe_case;
typedef struct lethe_cases {
    lethe_case *items;
    size_t count;
    lethe_arena *arena;
} lethe_cases;
/* Every released study and slide, ordered by patient, date, id. */
LETHE_NODISCARD lethe_status lethe_store_cases(lethe_store *store, lethe_cases **out, lethe_error *error);
void lethe_cases_destroy(lethe_cases *cases);

/* --- tasks: who is to read what --- */

typedef enum lethe_task_state {
    LETHE_TASK_OPEN = 0,
    LETHE_TASK_STARTED,
    LETHE_TASK_SUBMITTED, /* done; annotations of this reader and case are closed for change until it is returned */
    LETHE_TASK_RETURNED,  /* handed back by an organiser or adjudicator */
    LETHE_TASK_SKIPPED,   /* handed back by the reader, with a reason */
    LETHE_TASK_STATES
} lethe_task_state;
typedef enum lethe_task_kind { LETHE_TASK_READ = 0, LETHE_TASK_CALIBRATION, LETHE_TASK_HONEYPOT, LETHE_TASK_ADJUDICATION } lethe_task_kind;

typedef struct lethe_task {
    int64_t id;
    char *case_id; /* as in lethe_case.id */
    char *patient, *reader, *batch;
    char *note; /* the reason of a hand-back */
    lethe_task_state state;
    lethe_task_kind kind; /* shown to organisers only; readers see LETHE_TASK_READ (adjudication excepted) */
    int64_t priority;     /* higher first */
    int64_t pass;         /* 1, or 2, 3 ... for a repeated reading of the same case by the same reader */
    int64_t created_us, changed_us;
} lethe_task;
typedef struct lethe_tasks {
    lethe_task *items;
    size_t count;
    lethe_arena *arena;
} lethe_tasks;
typedef struct lethe_task_filter {
    const char *reader, *case_id, *batch; /* NULL = any (a reader only ever sees their own) */
    bool unfinished_only;
} lethe_task_filter;
/* Ordered by priority (highest first), then id. */
LETHE_NODISCARD lethe_status lethe_store_tasks(lethe_store *store, const lethe_task_filter *filter, lethe_tasks **out, lethe_error *error);
void lethe_tasks_destroy(lethe_tasks *tasks);
/* Move a task on. Submitting checks that required labels are answered. Errors: LETHE_DENIED, LETHE_NOT_FOUND, LETHE_MALFORMED naming what is missing.
 */
LETHE_NODISCARD lethe_status lethe_store_set_task_state(lethe_store *store, int64_t task, lethe_task_state state, const char *note,
                                                        lethe_error *error);
/* Higher ones are listed first. Errors: LETHE_DENIED unless organiser, LETHE_NOT_FOUND. */
LETHE_NODISCARD lethe_status lethe_store_set_task_priority(lethe_store *store, int64_t task, int64_t priority, lethe_error *error);
const char *lethe_task_state_name(lethe_task_state state);

/* --- annotations --- */

typedef enum lethe_action { LETHE_ACTION_CREATE = 0, LETHE_ACTION_CHANGE, LETHE_ACTION_DELETE, LETHE_ACTION_UNDO, LETHE_ACTION_REDO } lethe_action;

/* One revision of one annotation. When appended, strings are borrowed during the call and NULL counts as "". When loaded, strings and shape live in
 * the list's arena. */
typedef struct lethe_annotation {
    int64_t id;       /* 0 = new */
    int64_t revision; /* of what was loaded; 0 = new */
    int64_t task;     /* 0 = none */
    lethe_level level;
    const char *patient, *study_uid, *series_uid; /* "" below the level they are about; filled from the catalogue when `image` is known */
    const char *image;                            /* lethe_image_key; "" for series, study and patient levels */
    const char *label;                            /* name in the schema */
    const char *value;                            /* the answer of a classification, "" for none */
    const char *form;                             /* JSON object of a region's answers, "" for none */
    const char *tool;                             /* "polygon", "brush", "import coco", ... */
    const char *source;                           /* model or file that it came from; "" = drawn by hand */
    double confidence;                            /* of a model, 0 to 1; NaN or negative = none */
    int64_t spent_ms;                             /* time that the reader spent on this revision */
    lethe_shape shape;
    /* set by the store */
    const char *author;
    int64_t at_us; /* UTC, microseconds since 1970 */
    lethe_action action;
    bool deleted;
} lethe_annotation;
typedef struct lethe_annotations {
    lethe_annotation *items;
    size_t count;
    lethe_arena *arena;
} lethe_annotations;
typedef struct lethe_annotation_filter {
    const char *patient, *study_uid, *series_uid, *image, *label, *author; /* NULL = any */
    int64_t task;                                                          /* 0 = any */
    const lethe_box *within;                                               /* only what touches this box (needs `image`); NULL = any */
    bool include_deleted;
    bool history;       /* every revision, oldest first, instead of the current one */
    int64_t annotation; /* 0 = any */
} lethe_annotation_filter;
/* Current annotations that this user may see, ordered by id. Volumes are found by their series (and by each of their images). */
LETHE_NODISCARD lethe_status lethe_store_load(lethe_store *store, const lethe_annotation_filter *filter, lethe_annotations **out, lethe_error *error);
/* One revision, current or not. Errors: LETHE_NOT_FOUND. */
LETHE_NODISCARD lethe_status lethe_store_load_revision(lethe_store *store, int64_t revision, lethe_annotations **out, lethe_error *error);
/* What a snapshot froze, without what was withdrawn from the release since. `patient` NULL = all. */
LETHE_NODISCARD lethe_status lethe_store_load_snapshot(lethe_store *store, int64_t snapshot, const char *patient, lethe_annotations **out,
                                                       lethe_error *error);
void lethe_annotations_destroy(lethe_annotations *annotations);

/* Append a revision: id 0 makes a new annotation, else it changes that one. Sets id, revision, author and at_us. Checked against the schema (if one
 * is installed). Errors: LETHE_MALFORMED, LETHE_NOT_FOUND (image not released), LETHE_DENIED (another's annotation, or the task is submitted),
 * LETHE_EXISTS when `revision` is not the current one (somebody else changed it: load again). */
LETHE_NODISCARD lethe_status lethe_store_append(lethe_store *store, lethe_annotation *annotation, lethe_error *error);
/* Several in one transaction: all or none. `failed` (may be NULL) gets the index of the one that was refused. */
LETHE_NODISCARD lethe_status lethe_store_append_many(lethe_store *store, lethe_annotation *annotations, size_t count, size_t *failed,
                                                     lethe_error *error);
/* The same in the name of another user (imports), or `shared`: seen by every reader, whose first change of it makes a copy of their own (predictions
 * of a model). Errors: LETHE_DENIED unless organiser (or one's own name and not shared). */
LETHE_NODISCARD lethe_status lethe_store_append_as(lethe_store *store, const char *author, bool shared, lethe_annotation *annotations, size_t count,
                                                   size_t *failed, lethe_error *error);
/* Append a revision that says "deleted". */
LETHE_NODISCARD lethe_status lethe_store_delete(lethe_store *store, int64_t annotation, int64_t spent_ms, lethe_error *error);

/* The plane in the patient of the frame that a revision was drawn on, as it was when it was written (PS3.3 C.7.6.2.1.1). Pixel coordinates are those
 * of shape.h: (0.5, 0.5) is the centre of the first pixel. */
typedef struct lethe_pixel_plane {
    char frame_of_reference[65];           /* "" when the image names none */
    double origin_mm[3], x_mm[3], y_mm[3]; /* patient = origin + x * x_mm + y * y_mm */
} lethe_pixel_plane;
void lethe_pixel_plane_point(const lethe_pixel_plane *plane, lethe_point pixel, double patient_mm[3]);
/* `slice`: of masks and volumes, from 0; else 0. *known is false where the image has no plane (slides, projections). */
LETHE_NODISCARD lethe_status lethe_store_load_plane(lethe_store *store, int64_t revision, size_t slice, lethe_pixel_plane *plane, bool *known,
                                                    lethe_error *error);

/* The planes of the first slices of many revisions, in few requests: known[i] tells whether planes[i] is there. */
LETHE_NODISCARD lethe_status lethe_store_load_planes(lethe_store *store, const lethe_annotation *annotations, size_t count, lethe_pixel_plane *planes,
                                                     bool *known, lethe_error *error);

/* Undo or redo this user's last change on an image, in this session or an earlier one, by a new revision. *annotation gets what changed, 0 when there
 * was nothing to undo. */
LETHE_NODISCARD lethe_status lethe_store_undo(lethe_store *store, const char *image, int64_t *annotation, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_store_redo(lethe_store *store, const char *image, int64_t *annotation, lethe_error *error);

/* Named states of an image: a name for how this user's annotations of an image stand now; restoring appends revisions that bring them back. */
LETHE_NODISCARD lethe_status lethe_store_name_state(lethe_store *store, const char *image, const char *name, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_store_restore_state(lethe_store *store, const char *image, const char *name, int64_t *changed, lethe_error *error);
typedef struct lethe_state_name {
    char *name;
    int64_t at_us;
} lethe_state_name;
typedef struct lethe_state_names {
    lethe_state_name *items;
    size_t count;
    lethe_arena *arena;
} lethe_state_names;
LETHE_NODISCARD lethe_status lethe_store_state_names(lethe_store *store, const char *image, lethe_state_names **out, lethe_error *error);
void lethe_state_names_destroy(lethe_state_names *names);

/* --- users --- */

/* Errors: LETHE_EXISTS, LETHE_DENIED unless organiser. On PostgreSQL also makes the role, which has no password yet. */
LETHE_NODISCARD lethe_status lethe_store_add_user(lethe_store *store, const char *name, lethe_role role, lethe_error *error);
/* PostgreSQL: set a user's password; only its SCRAM-SHA-256 verifier (RFC 5802) goes to the server. Printable ASCII, 8 to 200 characters. Errors:
 * LETHE_USAGE (SQLite, or not a fit password), LETHE_DENIED unless organiser, LETHE_NOT_FOUND. */
LETHE_NODISCARD lethe_status lethe_store_set_password(lethe_store *store, const char *name, const char *password, lethe_error *error);
typedef lethe_status (*lethe_user_fn)(void *context, const char *name, lethe_role role, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_store_visit_users(lethe_store *store, lethe_user_fn visit, void *context, lethe_error *error);
const char *lethe_role_name(lethe_role role);
bool lethe_role_parse(const char *name, lethe_role *role);

#endif
