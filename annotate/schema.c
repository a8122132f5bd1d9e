/* Label schemas: from YAML (annotate/schema_yaml.c) come plain values; here are the questions one asks of them. */
#include "annotate/schema.h"

#include "core/memory.h"
#include "core/text.h"

#include <jansson.h>
#include <string.h>

static const char *const level_names[] = {"region", "image", "series", "study", "patient"};

const char *lethe_level_name(lethe_level level) { return (unsigned)level < 5 ? level_names[level] : "unknown"; }

bool lethe_level_parse(const char *name, lethe_level *level) {
    for (unsigned i = 0; i < 5; i++) {
        if (strcmp(level_names[i], name) != 0) continue;
        *level = (lethe_level)i;
        return true;
    }
    return false;
}

const lethe_label *lethe_schema_label(const lethe_schema *schema, const char *name) {
    for (unsigned i = 0; i < schema->labels_count; i++)
        if (strcmp(schema->labels[i].question.name, name) == 0) return &schema->labels[i];
    return NULL;
}

const lethe_field *lethe_label_field(const lethe_label *label, const char *name) {
    for (unsigned i = 0; i < label->fields_count; i++)
        if (strcmp(label->fields[i].name, name) == 0) return &label->fields[i];
    return NULL;
}

/* --- answers --- */

static int option_index(const lethe_field *field, const char *value, size_t length) {
    for (unsigned i = 0; i < field->options_count; i++)
        if (strlen(field->options[i].value) == length && strncmp(field->options[i].value, value, length) == 0) return (int)i;
    return -1;
}

static lethe_status check_multi(const lethe_field *field, const char *value, lethe_error *error) {
    int last = -1;
    for (const char *at = value;; at++) {
        size_t length = strcspn(at, "|");
        int index = option_index(field, at, length);
        if (index < 0) return lethe_fail(error, LETHE_MALFORMED, "'%.*s' is not an option of %s", (int)(length < 40 ? length : 40), at, field->name);
        if (index <= last) return lethe_fail(error, LETHE_MALFORMED, "options of %s are repeated or not in the schema's order", field->name);
        last = index;
        at += length;
        if (*at == '\0') return LETHE_OK;
    }
}

static lethe_status check_number(const lethe_field *field, const char *value, lethe_error *error) {
    double number;
    if (!lethe_text_to_double(value, &number)) return lethe_fail(error, LETHE_MALFORMED, "'%.40s' is not a number for %s", value, field->name);
    if ((field->minimum != NULL && number < *field->minimum) || (field->maximum != NULL && number > *field->maximum))
        return lethe_fail(error, LETHE_MALFORMED, "%g is out of range for %s", number, field->name);
    return LETHE_OK;
}

lethe_status lethe_field_check(const lethe_field *field, const char *value, lethe_error *error) {
    if (value[0] == '\0') return LETHE_OK;
    if (!lethe_utf8_is_valid(value, strlen(value))) return lethe_fail(error, LETHE_MALFORMED, "the answer to %s is not UTF-8", field->name);
    switch (field->answer) {
    case LETHE_ANSWER_NONE: return lethe_fail(error, LETHE_MALFORMED, "%s takes no answer", field->name);
    case LETHE_ANSWER_SINGLE:
    case LETHE_ANSWER_ORDINAL:
        return option_index(field, value, strlen(value)) >= 0
                   ? LETHE_OK
                   : lethe_fail(error, LETHE_MALFORMED, "'%.40s' is not an option of %s", value, field->name);
    case LETHE_ANSWER_MULTI: return check_multi(field, value, error);
    case LETHE_ANSWER_NUMBER: return check_number(field, value, error);
    case LETHE_ANSWER_TEXT: return LETHE_OK;
    default: return lethe_fail(error, LETHE_INTERNAL, "unknown kind of answer");
    }
}

/* --- whole annotations --- */

static lethe_status check_required(const lethe_label *label, const json_t *form, lethe_error *error) {
    for (unsigned i = 0; i < label->fields_count; i++) {
        const lethe_field *field = &label->fields[i];
        const char *answer = json_string_value(json_object_get(form, field->name));
        if (!field->required || (answer != NULL && answer[0] != '\0')) continue;
        if (field->when_field[0] != '\0') {
            const char *condition = json_string_value(json_object_get(form, field->when_field));
            if (condition == NULL || strcmp(condition, field->when_value) != 0) continue;
        }
        return lethe_fail(error, LETHE_MALFORMED, "%s of %s is required", field->name, label->question.name);
    }
    return LETHE_OK;
}

static lethe_status check_form(const lethe_label *label, const char *form_json, bool complete, lethe_error *error) {
    lethe_status status = LETHE_OK;
    json_t *form = form_json[0] == '\0' ? json_object() : json_loads(form_json, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(form)) {
        json_decref(form);
        return lethe_fail(error, LETHE_MALFORMED, "the form of %s is not a JSON object", label->question.name);
    }
    const char *name;
    json_t *answer;
    json_object_foreach(form, name, answer) {
        const lethe_field *field = lethe_label_field(label, name);
        if (field == NULL) status = lethe_fail(error, LETHE_MALFORMED, "%s has no field '%.40s'", label->question.name, name);
        else if (!json_is_string(answer)) status = lethe_fail(error, LETHE_MALFORMED, "field '%.40s' is not a JSON string", name);
        else status = lethe_field_check(field, json_string_value(answer), error);
        if (status != LETHE_OK) break;
    }
    if (status == LETHE_OK && complete) status = check_required(label, form, error);
    json_decref(form);
    return status;
}

lethe_status lethe_schema_check(const lethe_schema *schema, const char *label_name, lethe_level level, lethe_shape_kind kind, const char *value,
                                const char *form_json, bool complete, lethe_error *error) {
    const lethe_label *label = lethe_schema_label(schema, label_name);
    if (label == NULL) return lethe_fail(error, LETHE_MALFORMED, "the schema %s has no label '%.40s'", schema->name, label_name);
    if (label->level != level)
        return lethe_fail(error, LETHE_MALFORMED, "%s is said of a %s, not of a %s", label_name, lethe_level_name(label->level),
                          lethe_level_name(level));
    if (level == LETHE_LEVEL_REGION && !lethe_label_allows(label, kind))
        return lethe_fail(error, LETHE_MALFORMED, "%s may not be drawn as a %s", label_name, lethe_shape_kind_name(kind));
    if (level != LETHE_LEVEL_REGION && kind != LETHE_SHAPE_NONE)
        return lethe_fail(error, LETHE_MALFORMED, "%s has no place on the image", label_name);
    lethe_status status = lethe_field_check(&label->question, value, error);
    if (status == LETHE_OK && complete && label->question.required && value[0] == '\0')
        status = lethe_fail(error, LETHE_MALFORMED, "%s needs an answer", label_name);
    return status == LETHE_OK ? check_form(label, form_json, complete, error) : status;
}

/* --- growth of a schema --- */

static lethe_status field_compatible(const lethe_field *from, const lethe_field *to, lethe_error *error) {
    if (from->answer != to->answer) return lethe_fail(error, LETHE_CONFIG, "%s changes its kind of answer", from->name);
    int last = -1;
    for (unsigned i = 0; i < from->options_count; i++) {
        int index = option_index(to, from->options[i].value, strlen(from->options[i].value));
        if (index < 0) return lethe_fail(error, LETHE_CONFIG, "%s loses its option '%.40s'", from->name, from->options[i].value);
        if (index < last) return lethe_fail(error, LETHE_CONFIG, "%s changes the order of its options", from->name);
        last = index;
    }
    if (to->minimum != NULL && (from->minimum == NULL || *to->minimum > *from->minimum))
        return lethe_fail(error, LETHE_CONFIG, "%s narrows its range", from->name);
    if (to->maximum != NULL && (from->maximum == NULL || *to->maximum < *from->maximum))
        return lethe_fail(error, LETHE_CONFIG, "%s narrows its range", from->name);
    if (strcmp(from->unit, to->unit) != 0) return lethe_fail(error, LETHE_CONFIG, "%s changes its unit", from->name);
    if (to->required && (!from->required || strcmp(from->when_field, to->when_field) != 0 || strcmp(from->when_value, to->when_value) != 0))
        return to->when_field[0] != '\0' && !from->required ? LETHE_OK : lethe_fail(error, LETHE_CONFIG, "%s becomes required", from->name);
    return LETHE_OK;
}

lethe_status lethe_schema_compatible(const lethe_schema *from, const lethe_schema *to, lethe_error *error) {
    for (unsigned i = 0; i < from->labels_count; i++) {
        const lethe_label *old = &from->labels[i], *now = lethe_schema_label(to, old->question.name);
        if (now == NULL) return lethe_fail(error, LETHE_CONFIG, "label %s is gone", old->question.name);
        if (now->level != old->level) return lethe_fail(error, LETHE_CONFIG, "label %s changes its level", old->question.name);
        if ((old->geometries & ~now->geometries) != 0) return lethe_fail(error, LETHE_CONFIG, "label %s loses a geometry", old->question.name);
        lethe_status status = field_compatible(&old->question, &now->question, error);
        for (unsigned k = 0; status == LETHE_OK && k < old->fields_count; k++) {
            const lethe_field *field = lethe_label_field(now, old->fields[k].name);
            if (field == NULL) status = lethe_fail(error, LETHE_CONFIG, "label %s loses its field %s", old->question.name, old->fields[k].name);
            else status = field_compatible(&old->fields[k], field, error);
        }
        for (unsigned k = 0; status == LETHE_OK && k < now->fields_count; k++)
            if (now->fields[k].required && now->fields[k].when_field[0] == '\0' && lethe_label_field(old, now->fields[k].name) == NULL)
                status = lethe_fail(error, LETHE_CONFIG, "the new field %s of %s is required", now->fields[k].name, old->question.name);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}
