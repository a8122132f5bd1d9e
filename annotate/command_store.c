/* lethe annotate schema | user | import | status | show, lethe snapshot. */
#include "annotate/commands.h"

#include "annotate/changed.h"
#include "annotate/snapshot.h"
#include "annotate/text_out.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void format_time(int64_t us, char out[32]) {
    time_t seconds = (time_t)(us / 1000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) out[0] = '\0';
}

/* --- schema --- */

/* A file, or the name of a ready schema. */
static char *find_schema_file(const char *name) {
    if (access(name, R_OK) == 0 || strchr(name, '/') != NULL) return lethe_strdup(name);
    for (const char *at = LETHE_SCHEMA_FOLDERS; *at != '\0';) {
        size_t length = strcspn(at, ":");
        char *path = lethe_asprintf("%.*s/%s.yaml", (int)length, at, name);
        if (path != NULL && access(path, R_OK) == 0) return path;
        lethe_free(path);
        at += length + (at[length] == ':');
    }
    return lethe_strdup(name);
}

static int install_schema(lethe_command *c, const char *name) {
    lethe_error error = {0};
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    char *path = find_schema_file(name);
    lethe_status status = path == NULL ? lethe_fail(&error, LETHE_NO_MEMORY, "no memory") : lethe_file_read(path, &text, &error);
    if (status == LETHE_OK) status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_store_install_schema(c->store, lethe_buffer_text(&text), text.size, lethe_path_name(path), &error);
    if (status == LETHE_OK) {
        const lethe_schema *schema = lethe_store_schema(c->store);
        (void)printf("schema %s version %u: %u labels\n", schema->name, schema->version, schema->labels_count);
    }
    lethe_buffer_release(&text);
    lethe_free(path);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

static int check_schema(lethe_command *c, const char *name) {
    lethe_error error = {0};
    lethe_schema *schema = NULL;
    char *path = find_schema_file(name);
    lethe_status status = path == NULL ? lethe_fail(&error, LETHE_NO_MEMORY, "no memory") : lethe_schema_load(path, &schema, &error);
    if (status == LETHE_OK) (void)printf("schema %s version %u: %u labels, sound\n", schema->name, schema->version, schema->labels_count);
    lethe_schema_destroy(schema);
    lethe_free(path);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

int lethe_command_schema(lethe_command *c) {
    const char *what = lethe_command_word(c), *name = lethe_command_word(c);
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (what != NULL && strcmp(what, "install") == 0 && name != NULL) return install_schema(c, name);
    if (what != NULL && strcmp(what, "check") == 0 && name != NULL) return check_schema(c, name);
    if (what == NULL || strcmp(what, "show") != 0 || name != NULL)
        return lethe_command_usage(c, "schema install FILE|NAME, schema check FILE|NAME, or schema show");
    if (lethe_command_open(c, &error) != LETHE_OK) return lethe_command_fail(c, &error);
    const lethe_schema *schema = lethe_store_schema(c->store);
    if (schema == NULL) (void)fprintf(stderr, "lethe annotate: no schema is installed\n");
    else (void)fputs(schema->yaml, stdout);
    return schema == NULL ? LETHE_EXIT_FAILED : LETHE_EXIT_DONE;
}

/* --- users --- */

static lethe_status print_user(void *context, const char *name, lethe_role role, lethe_error *error) {
    (void)context;
    (void)error;
    (void)printf("%-24s %s\n", name, lethe_role_name(role));
    return LETHE_OK;
}

/* The first line of a private file; "-" is the standard input. */
static lethe_status set_password(lethe_command *c, const char *name, const char *path, lethe_error *error) {
    char line[512];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) return lethe_fail(error, LETHE_IO, "the file with the password cannot be read");
    bool read = fgets(line, sizeof line, file) != NULL;
    if (file != stdin) (void)fclose(file);
    if (!read) return lethe_fail(error, LETHE_USAGE, "the file with the password is empty");
    line[strcspn(line, "\r\n")] = '\0';
    lethe_status status = lethe_store_set_password(c->store, name, line, error);
    lethe_wipe(line, sizeof line);
    return status;
}

int lethe_command_user(lethe_command *c) {
    const char *password = lethe_command_option(c, "--password-file");
    const char *role_name = lethe_command_option(c, "--role"), *what = lethe_command_word(c), *name = lethe_command_word(c);
    lethe_error error = {0};
    lethe_role role = LETHE_ROLE_READER;
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (role_name != NULL && !lethe_role_parse(role_name, &role))
        return lethe_command_usage(c, "'%s' is no role: reader, adjudicator or organiser", role_name);
    bool change = what != NULL && strcmp(what, "password") == 0 && name != NULL && password != NULL;
    bool add = what != NULL && strcmp(what, "add") == 0 && name != NULL, list = what != NULL && strcmp(what, "list") == 0 && name == NULL;
    if (!add && !list && !change)
        return lethe_command_usage(
            c, "user add NAME [--role reader|adjudicator|organiser] [--password-file FILE], user password NAME --password-file FILE, or user list");
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK && add) status = lethe_store_add_user(c->store, name, role, &error);
    if (status == LETHE_OK && (add || change) && password != NULL) status = set_password(c, name, password, &error);
    if (status == LETHE_OK && list) status = lethe_store_visit_users(c->store, print_user, NULL, &error);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

/* --- import --- */

enum { MOST_PAIRS = 256 };

/* "foreign=own" pairs of every --map. */
static int collect_map(lethe_command *c, const char *pairs[2 * MOST_PAIRS + 1], char *owned[MOST_PAIRS], int *count) {
    *count = 0;
    for (const char *text; (text = lethe_command_option(c, "--map")) != NULL; ++*count) {
        const char *equals = strchr(text, '=');
        if (equals == NULL || *count == MOST_PAIRS) return lethe_command_usage(c, "--map wants FOREIGN=OWN");
        owned[*count] = lethe_strndup(text, (size_t)(equals - text));
        if (owned[*count] == NULL) return LETHE_EXIT_FAILED;
        pairs[2 * *count] = owned[*count];
        pairs[2 * *count + 1] = equals + 1;
    }
    pairs[2 * *count] = NULL;
    return 0;
}

static int run_import(lethe_command *c, const lethe_format *format, const char *path, const lethe_import_options *options) {
    lethe_error error = {0};
    lethe_image_index *index = NULL;
    int64_t count = 0;
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_image_index_load(lethe_store_catalogue(c->store), &index, &error);
    lethe_import_options settings = *options;
    if (status == LETHE_OK) settings.released_path = c->project->released_path;
    if (status == LETHE_OK) status = lethe_import_run(c->store, index, format, path, &settings, &count, &error);
    lethe_image_index_destroy(index);
    if (status != LETHE_OK) return lethe_command_fail(c, &error);
    (void)printf(c->json ? "{\"imported\":%" PRId64 "}\n" : "imported %" PRId64 " annotations\n", count);
    return LETHE_EXIT_DONE;
}

int lethe_command_import(lethe_command *c) {
    const char *pairs[2 * MOST_PAIRS + 1];
    char *owned[MOST_PAIRS];
    int mapped = 0, code = collect_map(c, pairs, owned, &mapped);
    if (code == 0) {
        lethe_import_options options = {.author = lethe_command_option(c, "--as"),
                                        .source = lethe_command_option(c, "--source"),
                                        .series_uid = lethe_command_option(c, "--series"),
                                        .image = lethe_command_option(c, "--image"),
                                        .shared = lethe_command_flag(c, "--predictions"),
                                        .map = mapped > 0 ? pairs : NULL};
        const char *format_name = lethe_command_option(c, "--format");
        if (format_name == NULL) format_name = lethe_command_word(c);
        const char *path = lethe_command_word(c);
        const lethe_format *format = format_name == NULL ? NULL : lethe_format_find(format_name);
        code = lethe_command_leftover(c);
        if (code == 0 && (format == NULL || format->read == NULL))
            code = lethe_command_usage(c, "import FORMAT FILE: '%s' is not an import format", format_name == NULL ? "" : format_name);
        else if (code == 0 && path == NULL) code = lethe_command_usage(c, "import %s FILE: which file?", format->name);
        else if (code == 0) code = run_import(c, format, path, &options);
    }
    for (int i = 0; i < mapped; i++) lethe_free(owned[i]);
    return code;
}

/* --- status and show --- */

static lethe_status count_where(lethe_command *c, const char *sql, int64_t *number, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = false;
    lethe_status status = lethe_statement_prepare(lethe_store_database(c->store), sql, &statement, error);
    if (status == LETHE_OK) status = lethe_statement_step(statement, &row, error);
    *number = status == LETHE_OK && row ? lethe_statement_int64(statement, 0) : 0;
    lethe_statement_finalize(statement);
    return status;
}

int lethe_command_status(lethe_command *c) {
    static const struct {
        const char *name, *sql;
    } counts[] = {{"images", "SELECT COUNT(*) FROM entry"},
                  {"annotations", "SELECT COUNT(*) FROM annotation WHERE deleted = 0"},
                  {"revisions", "SELECT COUNT(*) FROM annotation_revision"},
                  {"tasks", "SELECT COUNT(*) FROM task"},
                  {"tasks_submitted", "SELECT COUNT(*) FROM task WHERE state = 2"},
                  {"tasks_waiting", "SELECT COUNT(*) FROM task WHERE state IN (0, 1, 3)"}};
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK && c->json)
        (void)printf("{\"user\":\"%s\",\"role\":\"%s\"", lethe_store_user(c->store), lethe_role_name(lethe_store_role(c->store)));
    for (size_t i = 0; status == LETHE_OK && i < sizeof counts / sizeof *counts; i++) {
        int64_t number = 0;
        status = count_where(c, counts[i].sql, &number, &error);
        if (status == LETHE_OK) (void)printf(c->json ? ",\"%s\":%" PRId64 : "%-16s %" PRId64 "\n", counts[i].name, number);
    }
    int64_t images = 0, annotations = 0;
    if (status == LETHE_OK) status = lethe_changed_count(c->store, 0, &images, &annotations, &error);
    if (status == LETHE_OK) (void)printf(c->json ? ",\"images_changed\":%" PRId64 : "images_changed   %" PRId64 "\n", images);
    if (status == LETHE_OK && c->json) (void)puts("}");
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

/* --- what was made again --- */

static lethe_status print_changed(void *context, const lethe_changed_image *image, lethe_error *error) {
    char at[32];
    lethe_buffer path;
    lethe_status status = LETHE_OK;
    format_time(image->changed_us, at);
    if (!*(const bool *)context) {
        (void)printf("%s  made again %s  %" PRId64 " annotations\n", image->path, at, image->annotations);
        return LETHE_OK;
    }
    lethe_buffer_init(&path, 1 << 16);
    status = lethe_json_string(&path, image->path, error);
    if (status == LETHE_OK)
        (void)printf("{\"image\":%s,\"changed\":\"%s\",\"annotations\":%" PRId64 "}\n", lethe_buffer_text(&path), at, image->annotations);
    lethe_buffer_release(&path);
    return status;
}

int lethe_command_changed(lethe_command *c) {
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_changed_visit(c->store, 0, print_changed, &c->json, &error);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

static int verify_snapshot(lethe_command *c, const char *name) {
    lethe_error error = {0};
    int64_t id = 0, images = 0, annotations = 0;
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_snapshot_find(c->store, name, &id, &error);
    if (status == LETHE_OK) status = lethe_changed_visit(c->store, id, print_changed, &c->json, &error);
    if (status == LETHE_OK) status = lethe_changed_count(c->store, id, &images, &annotations, &error);
    if (status == LETHE_OK && images > 0)
        status = lethe_fail(&error, LETHE_UNSAFE, "%" PRId64 " images were made again after this snapshot was frozen", images);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

/* One annotation or revision as a JSON line. */
/* Corners in the patient: of the points, or of the box of pixels of the first slice of a mask. */
static lethe_status put_patient_points(const lethe_pixel_plane *plane, const lethe_annotation *a, lethe_buffer *out, lethe_error *error) {
    enum { MOST_POINTS = 1000 };
    if (plane == NULL || a->shape.kind == LETHE_SHAPE_NONE) return LETHE_OK;
    size_t count = a->shape.point_count > MOST_POINTS ? MOST_POINTS : a->shape.point_count;
    lethe_point corners[2] = {{0, 0}, {0, 0}};
    if (a->shape.kind == LETHE_SHAPE_ELLIPSE || a->shape.kind == LETHE_SHAPE_ROTATED_BOX) count = 1; /* the second pair is a size */
    if (a->shape.slice_count > 0) {
        const lethe_rle *mask = &a->shape.slices[0].mask;
        corners[0] = (lethe_point){(double)mask->x, (double)mask->y};
        corners[1] = (lethe_point){(double)mask->x + mask->columns, (double)mask->y + mask->rows};
    }
    const lethe_point *points = a->shape.slice_count > 0 ? corners : a->shape.points;
    if (a->shape.slice_count > 0) count = 2;
    lethe_status status = lethe_buffer_append_text(out, ",\"frame_of_reference\":", error);
    if (status == LETHE_OK) status = lethe_json_string(out, plane->frame_of_reference, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, ",\"patient_mm\":[", error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        double mm[3];
        lethe_pixel_plane_point(plane, points[i], mm);
        status = lethe_buffer_printf(out, error, "%s[%.9g,%.9g,%.9g]", i == 0 ? "" : ",", mm[0], mm[1], mm[2]);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "]", error) : status;
}

/* Beyond 2^53 readers of JSON round: then a string. */
static lethe_status put_number(lethe_buffer *out, const char *key, int64_t number, lethe_error *error) {
    const char *quote = number > (INT64_C(1) << 53) ? "\"" : "";
    return lethe_buffer_printf(out, error, "%s:%s%" PRId64 "%s", key, quote, number, quote);
}

static lethe_status print_annotation(const lethe_pixel_plane *plane, const lethe_annotation *a, lethe_error *error) {
    const struct {
        const char *key, *text;
    } texts[] = {{"level", lethe_level_name(a->level)},
                 {"patient", a->patient},
                 {"study_uid", a->study_uid},
                 {"series_uid", a->series_uid},
                 {"image", a->image},
                 {"label", a->label},
                 {"value", a->value},
                 {"author", a->author},
                 {"tool", a->tool},
                 {"source", a->source},
                 {"shape", lethe_shape_kind_name(a->shape.kind)}};
    static const char *const actions[] = {"create", "change", "delete", "undo", "redo"};
    char at[32];
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 26);
    format_time(a->at_us, at);
    lethe_status status = put_number(&out, "{\"annotation\"", a->id, error);
    if (status == LETHE_OK) status = put_number(&out, ",\"revision\"", a->revision, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(&out, error, ",\"action\":\"%s\",\"at\":\"%s\",\"deleted\":%s,\"spent_ms\":%" PRId64,
                                     (unsigned)a->action < 5 ? actions[a->action] : "?", at, a->deleted ? "true" : "false", a->spent_ms);
    for (size_t i = 0; status == LETHE_OK && i < sizeof texts / sizeof *texts; i++) {
        status = lethe_buffer_printf(&out, error, ",\"%s\":", texts[i].key);
        if (status == LETHE_OK) status = lethe_json_string(&out, texts[i].text, error);
    }
    if (status == LETHE_OK && a->form[0] != '\0') status = lethe_buffer_printf(&out, error, ",\"form\":%s", a->form);
    lethe_box box;
    if (status == LETHE_OK && lethe_shape_bounds(&a->shape, &box))
        status =
            lethe_buffer_printf(&out, error, ",\"frame\":%u,\"bounds\":[%.9g,%.9g,%.9g,%.9g]", a->shape.frame + 1, box.x0, box.y0, box.x1, box.y1);
    if (status == LETHE_OK && a->shape.kind == LETHE_SHAPE_MEASUREMENT && a->shape.measure >= 1 && a->shape.measure <= 4) {
        static const char *const names[] = {"length_mm", "angle_degrees", "area_mm2", "volume_mm3"};
        status = lethe_buffer_printf(&out, error, ",\"%s\":", names[a->shape.measure - 1]);
        if (status == LETHE_OK) status = lethe_json_number(&out, a->shape.measured, error);
    }
    if (status == LETHE_OK) status = put_patient_points(plane, a, &out, error);
    if (status == LETHE_OK) (void)printf("%s}\n", lethe_buffer_text(&out));
    lethe_buffer_release(&out);
    return status;
}

int lethe_command_show(lethe_command *c) {
    lethe_error error = {0};
    lethe_annotations *list = NULL;
    lethe_annotation_filter filter = {.patient = lethe_command_option(c, "--patient"),
                                      .study_uid = lethe_command_option(c, "--study"),
                                      .series_uid = lethe_command_option(c, "--series"),
                                      .image = lethe_command_option(c, "--image"),
                                      .label = lethe_command_option(c, "--label"),
                                      .author = lethe_command_option(c, "--author"),
                                      .include_deleted = lethe_command_flag(c, "--deleted"),
                                      .history = lethe_command_flag(c, "--history")};
    const char *within = lethe_command_option(c, "--within"), *id = lethe_command_word(c);
    lethe_box box;
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (within != NULL) {
        if (filter.image == NULL || sscanf(within, "%lf,%lf,%lf,%lf", &box.x0, &box.y0, &box.x1, &box.y1) != 4 ||
            !(box.x0 <= box.x1 && box.y0 <= box.y1))
            return lethe_command_usage(c, "--within X0,Y0,X1,Y1 wants pixels, and --image");
        filter.within = &box;
    }
    if (id != NULL) {
        char *end;
        filter.annotation = strtoll(id, &end, 10);
        if (*end != '\0' || filter.annotation <= 0) return lethe_command_usage(c, "'%s' is no annotation's number", id);
    }
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_store_load(c->store, &filter, &list, &error);
    enum { AT_ONCE = 5000 };
    lethe_pixel_plane *planes = lethe_alloc_array(AT_ONCE, sizeof *planes);
    bool *known = lethe_alloc_array(AT_ONCE, sizeof *known);
    if (status == LETHE_OK && (planes == NULL || known == NULL)) status = lethe_fail(&error, LETHE_NO_MEMORY, "no memory for planes");
    for (size_t from = 0; status == LETHE_OK && from < list->count; from += AT_ONCE) {
        size_t count = list->count - from < AT_ONCE ? list->count - from : AT_ONCE;
        status = lethe_store_load_planes(c->store, list->items + from, count, planes, known, &error);
        for (size_t i = 0; status == LETHE_OK && i < count; i++)
            status = print_annotation(known[i] ? &planes[i] : NULL, &list->items[from + i], &error);
    }
    lethe_free(planes);
    lethe_free(known);
    lethe_annotations_destroy(list);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

/* --- snapshots --- */

static lethe_status print_snapshot(void *context, const lethe_snapshot *s, lethe_error *error) {
    (void)error;
    char at[32];
    format_time(s->at_us, at);
    if (*(const bool *)context)
        (void)printf("{\"snapshot\":%" PRId64 ",\"name\":\"%s\",\"at\":\"%s\",\"author\":\"%s\",\"annotations\":%" PRId64
                     ",\"schema\":\"%s\",\"schema_version\":%" PRId64 "}\n",
                     s->id, s->name, at, s->author, s->items, s->schema_name, s->schema_version);
    else
        (void)printf("%4" PRId64 "  %-24s %s  %-12s %8" PRId64 " annotations  %s %" PRId64 "\n", s->id, s->name, at, s->author, s->items,
                     s->schema_name, s->schema_version);
    return LETHE_OK;
}

static bool snapshot_name_is_plain(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length < 100 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == length;
}

int lethe_command_snapshot(lethe_command *c) {
    const char *name = lethe_command_option(c, "--name"), *what = lethe_command_word(c);
    if (name == NULL) name = lethe_command_word(c);
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (what != NULL && strcmp(what, "verify") == 0 && name != NULL) return verify_snapshot(c, name);
    bool create = what != NULL && strcmp(what, "create") == 0, list = what != NULL && strcmp(what, "list") == 0 && name == NULL;
    if (!create && !list) return lethe_command_usage(c, "create [NAME], list, or verify N|NAME");
    if (name != NULL && !snapshot_name_is_plain(name)) return lethe_command_usage(c, "a snapshot's name has letters, digits, '-', '_' and '.'");
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK && list) status = lethe_snapshot_visit(c->store, print_snapshot, &c->json, &error);
    if (status == LETHE_OK && create) {
        int64_t id = 0, items = 0, newest = 0;
        char fallback[40];
        status = count_where(c, "SELECT COALESCE(MAX(id), 0) FROM snapshot", &newest, &error);
        (void)snprintf(fallback, sizeof fallback, "snapshot-%" PRId64, newest + 1);
        if (status == LETHE_OK) status = lethe_snapshot_create(c->store, name != NULL ? name : fallback, &id, &items, &error);
        if (status == LETHE_OK)
            (void)printf(c->json ? "{\"snapshot\":%" PRId64 ",\"annotations\":%" PRId64 "}\n" : "snapshot %" PRId64 ": %" PRId64 " annotations\n", id,
                         items);
    }
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}
