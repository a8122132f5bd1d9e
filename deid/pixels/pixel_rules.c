#include "deid/pixels/pixel_rules.h"

#include "core/config.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "imaging/dicom/dictionary.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_RULES = 20000, MOST_BOXES = 4096, MOST_CONDITIONS = 32 };
static const lethe_tag tag_series = LETHE_TAG(0x0020, 0x000E), tag_instance = LETHE_TAG(0x0008, 0x0018), tag_modality = LETHE_TAG(0x0008, 0x0060),
                       tag_manufacturer = LETHE_TAG(0x0008, 0x0070), tag_model = LETHE_TAG(0x0008, 0x1090);

struct lethe_pixel_rules {
    lethe_arena *arena;
    lethe_pixel_rule *rules;
    size_t count;
    char digest[65];
};

/* --- the file as libcyaml gives it --- */

typedef struct box_yaml {
    uint16_t x, y, w, h;
    int *first_frame, *last_frame;
} box_yaml;

typedef struct condition_yaml {
    char *tag, *value;
    int is;
    bool negated;
} condition_yaml;

typedef struct rule_yaml {
    char *name, *modality, *manufacturer, *model, *series, *instance;
    uint16_t rows, columns;
    condition_yaml *when;
    unsigned when_count;
    box_yaml *remove, *keep;
    unsigned remove_count, keep_count;
    bool clean;
} rule_yaml;

typedef struct file_yaml {
    rule_yaml *rules;
    unsigned rules_count;
} file_yaml;

enum { OPT = CYAML_FLAG_OPTIONAL, OPT_PTR = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER };

static const cyaml_strval_t operator_words[] = {{"contains", LETHE_DEVICE_CONTAINS}, {"equals", LETHE_DEVICE_EQUALS},
                                                {"starts", LETHE_DEVICE_STARTS},     {"ends", LETHE_DEVICE_ENDS},
                                                {"present", LETHE_DEVICE_PRESENT},   {"absent", LETHE_DEVICE_ABSENT}};
static const cyaml_schema_field_t box_fields[] = {CYAML_FIELD_UINT("x", CYAML_FLAG_DEFAULT, box_yaml, x),
                                                  CYAML_FIELD_UINT("y", CYAML_FLAG_DEFAULT, box_yaml, y),
                                                  CYAML_FIELD_UINT("w", CYAML_FLAG_DEFAULT, box_yaml, w),
                                                  CYAML_FIELD_UINT("h", CYAML_FLAG_DEFAULT, box_yaml, h),
                                                  CYAML_FIELD_INT_PTR("first_frame", OPT_PTR, box_yaml, first_frame),
                                                  CYAML_FIELD_INT_PTR("last_frame", OPT_PTR, box_yaml, last_frame),
                                                  CYAML_FIELD_END};
static const cyaml_schema_value_t box_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, box_yaml, box_fields)};
static const cyaml_schema_field_t condition_fields[] = {
    CYAML_FIELD_STRING_PTR("tag", CYAML_FLAG_POINTER, condition_yaml, tag, 1, 64),
    CYAML_FIELD_ENUM("is", CYAML_FLAG_STRICT, condition_yaml, is, operator_words, CYAML_ARRAY_LEN(operator_words)),
    CYAML_FIELD_STRING_PTR("value", OPT_PTR, condition_yaml, value, 0, 1024), CYAML_FIELD_BOOL("not", OPT, condition_yaml, negated), CYAML_FIELD_END};
static const cyaml_schema_value_t condition_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, condition_yaml, condition_fields)};
static const cyaml_schema_field_t rule_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, rule_yaml, name, 1, 96),
    CYAML_FIELD_STRING_PTR("modality", OPT_PTR, rule_yaml, modality, 1, 16),
    CYAML_FIELD_STRING_PTR("manufacturer", OPT_PTR, rule_yaml, manufacturer, 1, 1024),
    CYAML_FIELD_STRING_PTR("model", OPT_PTR, rule_yaml, model, 1, 1024),
    CYAML_FIELD_STRING_PTR("series", OPT_PTR, rule_yaml, series, 1, 64),
    CYAML_FIELD_STRING_PTR("instance", OPT_PTR, rule_yaml, instance, 1, 64),
    CYAML_FIELD_UINT("rows", OPT, rule_yaml, rows),
    CYAML_FIELD_UINT("columns", OPT, rule_yaml, columns),
    CYAML_FIELD_SEQUENCE_COUNT("when", OPT_PTR, rule_yaml, when, when_count, &condition_entry, 0, MOST_CONDITIONS),
    CYAML_FIELD_SEQUENCE_COUNT("remove", OPT_PTR, rule_yaml, remove, remove_count, &box_entry, 0, MOST_BOXES),
    CYAML_FIELD_SEQUENCE_COUNT("keep", OPT_PTR, rule_yaml, keep, keep_count, &box_entry, 0, MOST_BOXES),
    CYAML_FIELD_BOOL("clean", OPT, rule_yaml, clean),
    CYAML_FIELD_END};
static const cyaml_schema_value_t rule_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, rule_yaml, rule_fields)};
static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("rules", OPT_PTR | CYAML_FLAG_POINTER_NULL, file_yaml, rules, rules_count, &rule_entry, 0, MOST_RULES),
    CYAML_FIELD_END};
static const cyaml_schema_value_t file_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, file_yaml, file_fields)};

/* --- building --- */

static bool parse_tag(const char *text, lethe_tag *tag) {
    const lethe_dictionary_entry *entry = lethe_dictionary_find_keyword(text);
    unsigned group, element;
    char rest;
    if (entry != NULL && entry->mask == 0xFFFFFFFFu) {
        *tag = entry->tag;
        return true;
    }
    if (strlen(text) != 9 || sscanf(text, "%4x,%4x%c", &group, &element, &rest) != 2) return false;
    *tag = LETHE_TAG(group, element);
    return true;
}

static lethe_status build_boxes(lethe_arena *arena, const char *rule, const box_yaml *from, unsigned count, const char *why,
                                const lethe_pixel_box **out, lethe_error *error) {
    *out = NULL;
    if (count == 0) return LETHE_OK;
    lethe_pixel_box *boxes = lethe_arena_alloc_array(arena, count, sizeof *boxes);
    if (boxes == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for pixel rules");
    for (unsigned i = 0; i < count; i++) {
        int64_t first = from[i].first_frame == NULL ? 0 : *from[i].first_frame, last = from[i].last_frame == NULL ? -1 : *from[i].last_frame;
        if (from[i].w == 0 || from[i].h == 0 || first < 0 || (from[i].last_frame != NULL && last < first))
            return lethe_fail(error, LETHE_CONFIG, "rule '%.60s': box %u is empty", rule, i + 1);
        boxes[i] = (lethe_pixel_box){.first_frame = (uint32_t)first,
                                     .last_frame = last < 0 ? UINT32_MAX : (uint32_t)last,
                                     .x = from[i].x,
                                     .y = from[i].y,
                                     .w = from[i].w,
                                     .h = from[i].h};
        (void)snprintf(boxes[i].why, sizeof boxes[i].why, "%s %.44s", why, rule);
    }
    *out = boxes;
    return LETHE_OK;
}

static void add_equals(lethe_arena *arena, lethe_device_condition *conditions, unsigned *count, lethe_tag tag, const char *value) {
    if (value == NULL) return;
    const char *copy = lethe_arena_strndup(arena, value, strlen(value));
    if (copy != NULL) conditions[(*count)++] = (lethe_device_condition){.tag = tag, .operation = LETHE_DEVICE_EQUALS, .value = copy};
}

static lethe_status build_conditions(lethe_arena *arena, const rule_yaml *from, lethe_pixel_rule *rule, lethe_error *error) {
    lethe_device_condition *conditions = lethe_arena_alloc_array(arena, from->when_count + 5u, sizeof *conditions);
    if (conditions == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for pixel rules");
    unsigned count = 0;
    int wanted = (from->instance != NULL) + (from->series != NULL) + (from->modality != NULL) + (from->manufacturer != NULL) + (from->model != NULL);
    /* What tells most images apart comes first. */
    add_equals(arena, conditions, &count, tag_instance, from->instance);
    add_equals(arena, conditions, &count, tag_series, from->series);
    add_equals(arena, conditions, &count, tag_model, from->model);
    add_equals(arena, conditions, &count, tag_manufacturer, from->manufacturer);
    add_equals(arena, conditions, &count, tag_modality, from->modality);
    if ((int)count != wanted) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for pixel rules");
    for (unsigned i = 0; i < from->when_count; i++) {
        const condition_yaml *when = &from->when[i];
        lethe_device_condition *c = &conditions[count++];
        bool asks = when->is != LETHE_DEVICE_PRESENT && when->is != LETHE_DEVICE_ABSENT;
        if (!parse_tag(when->tag, &c->tag))
            return lethe_fail(error, LETHE_CONFIG, "rule '%.60s': '%.60s' is no attribute (a keyword, or gggg,eeee)", rule->name, when->tag);
        if (asks && (when->value == NULL || when->value[0] == '\0'))
            return lethe_fail(error, LETHE_CONFIG, "rule '%.60s': a condition on %.60s has no value", rule->name, when->tag);
        c->operation = (uint8_t)when->is;
        c->negated = when->negated;
        c->value = asks ? lethe_arena_strndup(arena, when->value, strlen(when->value)) : "";
        if (c->value == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for pixel rules");
    }
    rule->conditions = conditions;
    rule->condition_count = count;
    rule->is_device = from->series == NULL && from->instance == NULL;
    for (unsigned i = 0; i < count; i++)
        if (conditions[i].tag == tag_series || conditions[i].tag == tag_instance) rule->is_device = false;
    return LETHE_OK;
}

static lethe_status build_rule(lethe_arena *arena, const rule_yaml *from, lethe_pixel_rule *rule, lethe_error *error) {
    rule->name = lethe_arena_strndup(arena, from->name, strlen(from->name));
    if (rule->name == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for pixel rules");
    rule->rows = from->rows;
    rule->columns = from->columns;
    rule->clean = from->clean;
    rule->remove_count = from->remove_count;
    rule->keep_count = from->keep_count;
    lethe_status status = build_conditions(arena, from, rule, error);
    if (status == LETHE_OK) status = build_boxes(arena, rule->name, from->remove, from->remove_count, "own rule", &rule->remove, error);
    if (status == LETHE_OK) status = build_boxes(arena, rule->name, from->keep, from->keep_count, "kept by", &rule->keep, error);
    if (status != LETHE_OK) return status;
    if (rule->condition_count == 0)
        return lethe_fail(error, LETHE_CONFIG, "rule '%.60s' says nothing about which images it means (a size alone is not enough)", rule->name);
    if (rule->remove_count == 0 && rule->keep_count == 0 && !rule->clean)
        return lethe_fail(error, LETHE_CONFIG, "rule '%.60s' neither removes nor keeps anything, nor says clean: true", rule->name);
    if (rule->clean && rule->remove_count > 0) return lethe_fail(error, LETHE_CONFIG, "rule '%.60s' says clean and has boxes to remove", rule->name);
    return LETHE_OK;
}

static lethe_status parse(const char *yaml, size_t size, const char *name, lethe_pixel_rules **out, lethe_error *error) {
    cyaml_data_t *data = NULL;
    lethe_error why = {0};
    lethe_pixel_rules *rules = lethe_alloc_array(1, sizeof *rules);
    if (rules != NULL) rules->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = rules == NULL || rules->arena == NULL ? lethe_fail(&why, LETHE_NO_MEMORY, "no memory for pixel rules") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_sha256_hex(yaml, size, rules->digest, &why);
    if (status == LETHE_OK) status = lethe_config_parse(yaml, size, name, &file_schema, &data, error);
    if (status != LETHE_OK && why.status == LETHE_OK) goto out;
    if (status == LETHE_OK) {
        const file_yaml *file = (const file_yaml *)data;
        rules->rules = lethe_arena_alloc_array(rules->arena, file->rules_count + 1u, sizeof *rules->rules);
        if (rules->rules == NULL) status = lethe_fail(&why, LETHE_NO_MEMORY, "no memory for pixel rules");
        for (unsigned i = 0; i < file->rules_count && status == LETHE_OK; i++)
            status = build_rule(rules->arena, &file->rules[i], &rules->rules[rules->count++], &why);
    }
    if (status != LETHE_OK) status = lethe_fail(error, status, "%s: %.200s", name, why.message);
out:
    if (data != NULL) lethe_config_free(&file_schema, data);
    if (status != LETHE_OK) lethe_pixel_rules_destroy(rules);
    else *out = rules;
    return status;
}

lethe_status lethe_pixel_rules_from_text(const char *text, size_t size, lethe_pixel_rules **out, lethe_error *error) {
    lethe_buffer file;
    *out = NULL;
    lethe_buffer_init(&file, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_buffer_append_text(&file, "rules:\n", error);
    if (status == LETHE_OK) status = lethe_buffer_append(&file, text, size, error);
    if (status == LETHE_OK) status = parse(lethe_buffer_text(&file), file.size, "rule", out, error);
    lethe_buffer_release(&file);
    return status;
}

lethe_status lethe_pixel_rules_load(const char *path, lethe_pixel_rules **out, lethe_error *error) {
    lethe_buffer text;
    *out = NULL;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK) status = parse(lethe_buffer_text(&text), text.size, lethe_path_name(path), out, error);
    lethe_buffer_release(&text);
    return status;
}

lethe_status lethe_pixel_rules_load_optional(const char *path, lethe_pixel_rules **out, lethe_error *error) {
    *out = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) return LETHE_OK;
    return lethe_pixel_rules_load(path, out, error);
}

void lethe_pixel_rules_destroy(lethe_pixel_rules *rules) {
    if (rules == NULL) return;
    lethe_arena_destroy(rules->arena);
    lethe_free(rules);
}

/* --- asking --- */

size_t lethe_pixel_rules_count(const lethe_pixel_rules *rules) { return rules == NULL ? 0 : rules->count; }
const lethe_pixel_rule *lethe_pixel_rules_at(const lethe_pixel_rules *rules, size_t index) {
    return rules == NULL || index >= rules->count ? NULL : &rules->rules[index];
}

bool lethe_pixel_rules_same(const lethe_pixel_rules *a, const lethe_pixel_rules *b) {
    if (a == NULL || b == NULL) return a == b;
    return strcmp(a->digest, b->digest) == 0;
}

bool lethe_pixel_rule_fits(const lethe_pixel_rule *rule, const lethe_dicom_dataset *dataset) {
    int64_t rows = 0, columns = 0;
    if (rule->rows != 0 && (!lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0010), 0, &rows) || rows != rule->rows)) return false;
    if (rule->columns != 0 && (!lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0011), 0, &columns) || columns != rule->columns)) return false;
    return lethe_device_conditions_hold(dataset, rule->conditions, rule->condition_count);
}
