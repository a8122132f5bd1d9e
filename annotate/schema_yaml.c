/* Label schemas as YAML. libcyaml fills raw structures; they are checked and turned into the values of annotate/schema.h, which live in one arena. */
#include "annotate/schema.h"

#include "core/config.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"

#include <string.h>

typedef struct raw_code {
    char *scheme, *value, *meaning;
} raw_code;
typedef struct raw_option {
    char *value, *title;
    raw_code *code;
} raw_option;
typedef struct raw_when {
    char *field, *is;
} raw_when;
typedef struct raw_field {
    char *name, *title;
    lethe_answer_kind answer;
    bool required;
    raw_option *options;
    unsigned options_count;
    double *minimum, *maximum;
    char *unit;
    raw_when *when;
} raw_field;
typedef struct raw_label {
    char *name, *title;
    lethe_answer_kind answer;
    bool required;
    raw_option *options;
    unsigned options_count;
    double *minimum, *maximum;
    char *unit;
    lethe_level level;
    char *colour;
    uint32_t geometries;
    raw_code *code;
    raw_field *fields;
    unsigned fields_count;
} raw_label;
typedef struct raw_schema {
    char *name, *title;
    uint32_t version;
    char **modalities;
    unsigned modalities_count;
    raw_label *labels;
    unsigned labels_count;
} raw_schema;

/* --- what libcyaml is told --- */

static const cyaml_strval_t answers[] = {{"none", LETHE_ANSWER_NONE},       {"single", LETHE_ANSWER_SINGLE}, {"multi", LETHE_ANSWER_MULTI},
                                         {"ordinal", LETHE_ANSWER_ORDINAL}, {"number", LETHE_ANSWER_NUMBER}, {"text", LETHE_ANSWER_TEXT}};
static const cyaml_strval_t levels[] = {{"region", LETHE_LEVEL_REGION},
                                        {"image", LETHE_LEVEL_IMAGE},
                                        {"series", LETHE_LEVEL_SERIES},
                                        {"study", LETHE_LEVEL_STUDY},
                                        {"patient", LETHE_LEVEL_PATIENT}};
#define GEOMETRY(name, kind)                                                                                                                         \
    { name, 1u << (kind) }
static const cyaml_strval_t geometries[] = {GEOMETRY("point", LETHE_SHAPE_POINT),
                                            GEOMETRY("line", LETHE_SHAPE_LINE),
                                            GEOMETRY("polyline", LETHE_SHAPE_POLYLINE),
                                            GEOMETRY("box", LETHE_SHAPE_BOX),
                                            GEOMETRY("rotated_box", LETHE_SHAPE_ROTATED_BOX),
                                            GEOMETRY("ellipse", LETHE_SHAPE_ELLIPSE),
                                            GEOMETRY("polygon", LETHE_SHAPE_POLYGON),
                                            GEOMETRY("freehand", LETHE_SHAPE_FREEHAND),
                                            GEOMETRY("mask", LETHE_SHAPE_MASK),
                                            GEOMETRY("volume", LETHE_SHAPE_VOLUME),
                                            GEOMETRY("measurement", LETHE_SHAPE_MEASUREMENT)};

enum { TEXT_MAX = 1000, LIST_MAX = 1000 };

#define STRING(key, flags, type, member) CYAML_FIELD_STRING_PTR(key, (flags) | CYAML_FLAG_POINTER, type, member, 0, TEXT_MAX)

static const cyaml_schema_field_t code_fields[] = {STRING("scheme", CYAML_FLAG_DEFAULT, raw_code, scheme),
                                                   STRING("value", CYAML_FLAG_DEFAULT, raw_code, value),
                                                   STRING("meaning", CYAML_FLAG_DEFAULT, raw_code, meaning), CYAML_FIELD_END};

static const cyaml_schema_field_t option_fields[] = {
    STRING("value", CYAML_FLAG_DEFAULT, raw_option, value), STRING("title", CYAML_FLAG_OPTIONAL, raw_option, title),
    CYAML_FIELD_MAPPING_PTR("code", CYAML_FLAG_OPTIONAL, raw_option, code, code_fields), CYAML_FIELD_END};
static const cyaml_schema_value_t option_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_option, option_fields)};

static const cyaml_schema_field_t when_fields[] = {STRING("field", CYAML_FLAG_DEFAULT, raw_when, field),
                                                   STRING("is", CYAML_FLAG_DEFAULT, raw_when, is), CYAML_FIELD_END};

/* The questions of forms and of labels themselves. */
#define QUESTION_FIELDS(type)                                                                                                                        \
    STRING("name", CYAML_FLAG_DEFAULT, type, name), STRING("title", CYAML_FLAG_OPTIONAL, type, title),                                               \
        CYAML_FIELD_ENUM("answer", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, type, answer, answers, CYAML_ARRAY_LEN(answers)),                        \
        CYAML_FIELD_BOOL("required", CYAML_FLAG_OPTIONAL, type, required),                                                                           \
        CYAML_FIELD_SEQUENCE("options", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, type, options, &option_value, 0, LIST_MAX),                        \
        CYAML_FIELD_FLOAT_PTR("minimum", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, type, minimum),                                                   \
        CYAML_FIELD_FLOAT_PTR("maximum", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, type, maximum), STRING("unit", CYAML_FLAG_OPTIONAL, type, unit)

static const cyaml_schema_field_t field_fields[] = {
    QUESTION_FIELDS(raw_field), CYAML_FIELD_MAPPING_PTR("when", CYAML_FLAG_OPTIONAL, raw_field, when, when_fields), CYAML_FIELD_END};
static const cyaml_schema_value_t field_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_field, field_fields)};

static const cyaml_schema_field_t label_fields[] = {
    QUESTION_FIELDS(raw_label),
    CYAML_FIELD_ENUM("level", CYAML_FLAG_STRICT, raw_label, level, levels, CYAML_ARRAY_LEN(levels)),
    STRING("colour", CYAML_FLAG_OPTIONAL, raw_label, colour),
    CYAML_FIELD_FLAGS("geometries", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_label, geometries, geometries, CYAML_ARRAY_LEN(geometries)),
    CYAML_FIELD_MAPPING_PTR("code", CYAML_FLAG_OPTIONAL, raw_label, code, code_fields),
    CYAML_FIELD_SEQUENCE("fields", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, raw_label, fields, &field_value, 0, LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t label_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_label, label_fields)};
static const cyaml_schema_value_t modality_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, 16)};

static const cyaml_schema_field_t schema_fields[] = {
    STRING("schema", CYAML_FLAG_DEFAULT, raw_schema, name),
    STRING("title", CYAML_FLAG_OPTIONAL, raw_schema, title),
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, raw_schema, version),
    CYAML_FIELD_SEQUENCE("modalities", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, raw_schema, modalities, &modality_value, 0, LIST_MAX),
    CYAML_FIELD_SEQUENCE("labels", CYAML_FLAG_POINTER, raw_schema, labels, &label_value, 1, LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t schema_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, raw_schema, schema_fields)};

/* --- from raw to checked values --- */

typedef struct builder {
    lethe_arena *arena;
    const char *file;
    bool out_of_memory;
} builder;

typedef struct schema_holder {
    lethe_schema schema; /* first: lethe_schema_destroy gets its address */
    lethe_arena *arena;
} schema_holder;

static char *copy_text(builder *build, const char *text) {
    char *copy = lethe_arena_strndup(build->arena, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
    if (copy == NULL) build->out_of_memory = true;
    return copy;
}

static void *take(builder *build, size_t count, size_t size) {
    void *memory = lethe_arena_alloc_array(build->arena, count == 0 ? 1 : count, size);
    if (memory == NULL) build->out_of_memory = true;
    return memory;
}

static double *copy_number(builder *build, const double *number) {
    if (number == NULL) return NULL;
    double *copy = take(build, 1, sizeof *copy);
    if (copy != NULL) *copy = *number;
    return copy;
}

static lethe_code *copy_code(builder *build, const raw_code *raw) {
    if (raw == NULL) return NULL;
    lethe_code *code = take(build, 1, sizeof *code);
    if (code == NULL) return NULL;
    *code = (lethe_code){copy_text(build, raw->scheme), copy_text(build, raw->value), copy_text(build, raw->meaning)};
    return code;
}

/* Names become file names, JSON keys and SQL text: letters, digits, '-', '_' and '.' only. */
static bool name_is_plain(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == length &&
           name[0] != '.';
}

static lethe_status check_options(builder *build, const lethe_field *field, lethe_error *error) {
    bool wants = field->answer == LETHE_ANSWER_SINGLE || field->answer == LETHE_ANSWER_MULTI || field->answer == LETHE_ANSWER_ORDINAL;
    if (wants != (field->options_count > 0))
        return lethe_fail(error, LETHE_CONFIG, "%s: options: %s %s options", build->file, field->name, wants ? "needs" : "takes no");
    for (unsigned i = 0; i < field->options_count; i++) {
        const char *value = field->options[i].value;
        if (value[0] == '\0' || strchr(value, '|') != NULL)
            return lethe_fail(error, LETHE_CONFIG, "%s: options: a value of %s is empty or holds '|'", build->file, field->name);
        for (unsigned k = 0; k < i; k++)
            if (strcmp(field->options[k].value, value) == 0)
                return lethe_fail(error, LETHE_CONFIG, "%s: options: '%.40s' stands twice in %s", build->file, value, field->name);
    }
    return LETHE_OK;
}

static lethe_status build_question(builder *build, const raw_field *raw, lethe_field *field, lethe_error *error) {
    *field = (lethe_field){.name = copy_text(build, raw->name),
                           .title = copy_text(build, raw->title),
                           .answer = raw->answer,
                           .required = raw->required,
                           .options_count = raw->options_count,
                           .minimum = copy_number(build, raw->minimum),
                           .maximum = copy_number(build, raw->maximum),
                           .unit = copy_text(build, raw->unit),
                           .when_field = copy_text(build, raw->when != NULL ? raw->when->field : NULL),
                           .when_value = copy_text(build, raw->when != NULL ? raw->when->is : NULL)};
    field->options = take(build, raw->options_count, sizeof *field->options);
    for (unsigned i = 0; !build->out_of_memory && i < raw->options_count; i++)
        field->options[i] =
            (lethe_option){copy_text(build, raw->options[i].value), copy_text(build, raw->options[i].title), copy_code(build, raw->options[i].code)};
    if (build->out_of_memory) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a schema");
    if (!name_is_plain(field->name))
        return lethe_fail(error, LETHE_CONFIG, "%s: name: '%.40s' must be 1 to 64 letters, digits, '-', '_' or '.'", build->file, field->name);
    if (field->title[0] == '\0') field->title = field->name;
    for (unsigned i = 0; i < field->options_count; i++)
        if (field->options[i].title[0] == '\0') field->options[i].title = field->options[i].value;
    if (field->minimum != NULL && field->maximum != NULL && *field->minimum > *field->maximum)
        return lethe_fail(error, LETHE_CONFIG, "%s: minimum: of %s is above its maximum", build->file, field->name);
    return check_options(build, field, error);
}

static bool parse_colour(const char *text, uint32_t *rgb) {
    static const char digits[] = "0123456789abcdef";
    if (text[0] != '#' || strlen(text) != 7) return false;
    *rgb = 0;
    for (unsigned i = 1; i < 7; i++) {
        const char *digit = strchr(digits, text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 'a' : text[i]);
        if (digit == NULL) return false;
        *rgb = *rgb << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

static lethe_status check_conditions(builder *build, const lethe_label *label, lethe_error *error) {
    for (unsigned i = 0; i < label->fields_count; i++) {
        const lethe_field *field = &label->fields[i];
        if (lethe_label_field(label, field->name) != field)
            return lethe_fail(error, LETHE_CONFIG, "%s: fields: %s stands twice in %s", build->file, field->name, label->question.name);
        if (field->when_field[0] == '\0') continue;
        const lethe_field *other = lethe_label_field(label, field->when_field);
        if (other == NULL || other == field)
            return lethe_fail(error, LETHE_CONFIG, "%s: when: %s of %s names an unknown field", build->file, field->name, label->question.name);
        if (lethe_field_check(other, field->when_value, NULL) != LETHE_OK)
            return lethe_fail(error, LETHE_CONFIG, "%s: when: %s never has the value '%.40s'", build->file, other->name, field->when_value);
    }
    return LETHE_OK;
}

static lethe_status build_label(builder *build, const raw_label *raw, unsigned index, lethe_label *label, lethe_error *error) {
    static const uint32_t palette[8] = {0xE6194B, 0x3CB44B, 0x4363D8, 0xF58231, 0x911EB4, 0x42D4F4, 0xF032E6, 0xBFEF45};
    raw_field question = {raw->name,          raw->title,   raw->answer,  raw->required, raw->options,
                          raw->options_count, raw->minimum, raw->maximum, raw->unit,     NULL};
    lethe_status status = build_question(build, &question, &label->question, error);
    if (status != LETHE_OK) return status;
    label->level = raw->level;
    label->geometries = raw->geometries;
    label->code = copy_code(build, raw->code);
    label->colour_rgb = palette[index % 8];
    if (raw->colour != NULL && !parse_colour(raw->colour, &label->colour_rgb))
        return lethe_fail(error, LETHE_CONFIG, "%s: colour: of %s is not \"#rrggbb\"", build->file, raw->name);
    if ((label->level == LETHE_LEVEL_REGION) != (label->geometries != 0))
        return lethe_fail(error, LETHE_CONFIG, "%s: geometries: %s", build->file,
                          label->geometries != 0 ? "only regions have them" : "a region needs at least one");
    if (label->level != LETHE_LEVEL_REGION && raw->fields_count != 0)
        return lethe_fail(error, LETHE_CONFIG, "%s: fields: only regions have forms (%s)", build->file, raw->name);
    label->fields_count = raw->fields_count;
    label->fields = take(build, raw->fields_count, sizeof *label->fields);
    for (unsigned i = 0; status == LETHE_OK && !build->out_of_memory && i < raw->fields_count; i++)
        status = build_question(build, &raw->fields[i], &label->fields[i], error);
    if (status == LETHE_OK && build->out_of_memory) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a schema");
    return status == LETHE_OK ? check_conditions(build, label, error) : status;
}

static lethe_status build_schema(builder *build, const raw_schema *raw, lethe_schema *schema, lethe_error *error) {
    lethe_status status = LETHE_OK;
    schema->name = copy_text(build, raw->name);
    schema->title = copy_text(build, raw->title != NULL ? raw->title : raw->name);
    schema->version = raw->version;
    schema->modalities_count = raw->modalities_count;
    schema->modalities = take(build, raw->modalities_count, sizeof *schema->modalities);
    schema->labels_count = raw->labels_count;
    schema->labels = take(build, raw->labels_count, sizeof *schema->labels);
    for (unsigned i = 0; !build->out_of_memory && i < raw->modalities_count; i++) schema->modalities[i] = copy_text(build, raw->modalities[i]);
    if (build->out_of_memory) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a schema");
    if (!name_is_plain(schema->name)) return lethe_fail(error, LETHE_CONFIG, "%s: schema: not a plain name", build->file);
    if (schema->version == 0) return lethe_fail(error, LETHE_CONFIG, "%s: version: counts from 1", build->file);
    for (unsigned i = 0; status == LETHE_OK && i < raw->labels_count; i++) {
        status = build_label(build, &raw->labels[i], i, &schema->labels[i], error);
        if (status == LETHE_OK && lethe_schema_label(schema, raw->labels[i].name) != &schema->labels[i])
            status = lethe_fail(error, LETHE_CONFIG, "%s: labels: %s stands twice", build->file, raw->labels[i].name);
    }
    return status;
}

lethe_status lethe_schema_parse(const char *text, size_t size, const char *name, lethe_schema **out, lethe_error *error) {
    *out = NULL;
    cyaml_data_t *data = NULL;
    schema_holder *holder = NULL;
    lethe_arena *arena = NULL;
    lethe_status status = lethe_config_parse(text, size, name, &schema_value, &data, error);
    if (status != LETHE_OK) goto out;
    status = LETHE_NO_MEMORY;
    if ((arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) == NULL || (holder = lethe_arena_alloc(arena, sizeof *holder)) == NULL) goto out;
    builder build = {arena, name, false};
    status = build_schema(&build, data, &holder->schema, error);
    if (status != LETHE_OK) goto out;
    status = lethe_sha256_hex(text, size, holder->schema.sha256, error);
    if (status != LETHE_OK) goto out;
    if ((holder->schema.yaml = lethe_arena_strndup(arena, text, size)) == NULL) status = LETHE_NO_MEMORY;
out:
    if (status == LETHE_OK) {
        holder->arena = arena;
        *out = &holder->schema;
        arena = NULL;
    } else {
        (void)lethe_fail(error, status, "no memory for a schema");
    }
    lethe_arena_destroy(arena);
    lethe_config_free(&schema_value, data);
    return status;
}

lethe_status lethe_schema_load(const char *path, lethe_schema **out, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    *out = NULL;
    lethe_status status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK) status = lethe_schema_parse(lethe_buffer_text(&text), text.size, lethe_path_name(path), out, error);
    lethe_buffer_release(&text);
    return status;
}

void lethe_schema_destroy(lethe_schema *schema) {
    if (schema == NULL) return;
    lethe_arena *arena = ((schema_holder *)schema)->arena;
    lethe_arena_destroy(arena);
}
