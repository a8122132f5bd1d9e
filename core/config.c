/* libcyaml loads; the walk below goes first, because its messages have to name the line, the key and the right word, and because libcyaml is
 * lenient where a mistake must not pass: any word that is not one of its four for "false" counts as true. */
#include "core/config.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { KEY_SIZE = 96, DEEPEST = 64 };

typedef struct checker {
    yaml_document_t *document;
    const char *name;
    lethe_error *error;
} checker;

static size_t line_of(const yaml_node_t *node) { return node->start_mark.line + 1; }

static lethe_status refuse(const checker *c, const yaml_node_t *node, const char *key, const char *reason) {
    return lethe_fail(c->error, LETHE_CONFIG, "%s:%zu: %s: %s", c->name, line_of(node), *key == '\0' ? "top" : key, reason);
}

/* --- the nearest right word --- */

typedef struct nearest {
    const char *wanted, *best;
    size_t distance;
} nearest;

static void consider(nearest *n, const char *candidate) {
    size_t distance = lethe_text_distance(n->wanted, candidate, 3);
    if (distance >= n->distance || distance >= strlen(n->wanted)) return; /* a word with every letter changed is no hint */
    n->distance = distance;
    n->best = candidate;
}

static lethe_status refuse_word(const checker *c, const yaml_node_t *node, const char *key, const char *what, const nearest *n) {
    char reason[160];
    if (n->best != NULL) (void)snprintf(reason, sizeof reason, "unknown %s '%.40s', did you mean '%s'?", what, n->wanted, n->best);
    else (void)snprintf(reason, sizeof reason, "unknown %s '%.40s'", what, n->wanted);
    return refuse(c, node, key, reason);
}

/* --- scalars --- */

static const char *scalar_text(const yaml_node_t *node) {
    return node->type == YAML_SCALAR_NODE && strlen((const char *)node->data.scalar.value) == node->data.scalar.length
               ? (const char *)node->data.scalar.value
               : NULL;
}

static lethe_status check_integer(const checker *c, const cyaml_schema_value_t *schema, const yaml_node_t *node, const char *key, const char *text) {
    int64_t value;
    if (!lethe_text_to_int64(text, &value)) return refuse(c, node, key, "wants a whole number");
    unsigned bits = schema->data_size * 8;
    if (schema->type == CYAML_UINT && (value < 0 || (bits < 63 && value >> bits != 0))) return refuse(c, node, key, "number out of range");
    if (schema->type == CYAML_INT && bits < 64 && (value >= (int64_t)1 << (bits - 1) || value < -((int64_t)1 << (bits - 1))))
        return refuse(c, node, key, "number out of range");
    return LETHE_OK;
}

static lethe_status check_bool(const checker *c, const yaml_node_t *node, const char *key, const char *text) {
    static const char *const words[] = {"true", "false", "yes", "no"};
    nearest n = {.wanted = text, .distance = 4};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0) return LETHE_OK;
        consider(&n, words[i]);
    }
    return refuse_word(c, node, key, "truth value", &n);
}

static lethe_status check_word(const checker *c, const cyaml_schema_value_t *schema, const yaml_node_t *node, const char *key) {
    const char *text = scalar_text(node);
    if (text == NULL) return refuse(c, node, key, "wants a word");
    int64_t number;
    if ((schema->flags & CYAML_FLAG_STRICT) == 0 && lethe_text_to_int64(text, &number)) return LETHE_OK;
    nearest n = {.wanted = text, .distance = 4};
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *word = schema->enumeration.strings[i].str;
        if (strcmp(text, word) == 0) return LETHE_OK;
        if ((schema->flags & CYAML_FLAG_CASE_INSENSITIVE) != 0 && lethe_text_equal_fold(text, word)) return LETHE_OK;
        consider(&n, word);
    }
    return refuse_word(c, node, key, "word", &n);
}

static lethe_status check_string(const checker *c, const cyaml_schema_value_t *schema, const yaml_node_t *node, const char *key, const char *text) {
    size_t length = strlen(text);
    if (length < schema->string.min) return refuse(c, node, key, length == 0 ? "must not be empty" : "text is too short");
    if (length > schema->string.max) return refuse(c, node, key, "text is too long");
    return LETHE_OK;
}

static bool null_is_fine(const cyaml_schema_value_t *schema, const yaml_node_t *node) {
    const char *text = scalar_text(node);
    bool plain = text != NULL && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return plain && *text == '\0' && (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL;
}

static lethe_status check_scalar(const checker *c, const cyaml_schema_value_t *schema, const yaml_node_t *node, const char *key) {
    const char *text = scalar_text(node);
    if (text == NULL) return refuse(c, node, key, "wants a single value");
    double number;
    switch (schema->type) {
    case CYAML_INT:
    case CYAML_UINT: return check_integer(c, schema, node, key, text);
    case CYAML_BOOL: return check_bool(c, node, key, text);
    case CYAML_FLOAT: return lethe_text_to_double(text, &number) ? LETHE_OK : refuse(c, node, key, "wants a number");
    case CYAML_STRING: return check_string(c, schema, node, key, text);
    default: return LETHE_OK;
    }
}

/* --- mappings and sequences; the depth of the recursion is the depth of the schema, at most DEEPEST --- */

static lethe_status check_value(const checker *c, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *key, int depth);

static const cyaml_schema_field_t *field_of(const cyaml_schema_value_t *schema, const char *key) {
    bool fold = (schema->flags & CYAML_FLAG_CASE_INSENSITIVE) != 0;
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++)
        if (strcmp(f->key, key) == 0 || (fold && lethe_text_equal_fold(f->key, key))) return f;
    return NULL;
}

static lethe_status check_field(const checker *c, const cyaml_schema_value_t *schema, const yaml_node_pair_t *pair, const char *path, int depth) {
    const yaml_node_t *key_node = yaml_document_get_node(c->document, pair->key);
    const char *key = scalar_text(key_node);
    if (key == NULL) return refuse(c, key_node, path, "wants plain words as keys");
    const cyaml_schema_field_t *field = field_of(schema, key);
    char full[KEY_SIZE];
    (void)snprintf(full, sizeof full, "%s%s%.40s", path, *path == '\0' ? "" : ".", key);
    if (field == NULL) {
        nearest n = {.wanted = key, .distance = 4};
        for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++) consider(&n, f->key);
        return refuse_word(c, key_node, full, "key", &n);
    }
    return check_value(c, &field->value, yaml_document_get_node(c->document, pair->value), full, depth + 1);
}

static lethe_status check_mapping(const checker *c, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path, int depth) {
    if (node->type != YAML_MAPPING_NODE) return refuse(c, node, path, "wants keys with values");
    const yaml_node_pair_t *start = node->data.mapping.pairs.start, *end = node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *pair = start; pair < end; pair++) {
        lethe_status status = check_field(c, schema, pair, path, depth);
        if (status != LETHE_OK) return status;
    }
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++) {
        unsigned seen = 0;
        const yaml_node_t *last = node;
        for (const yaml_node_pair_t *pair = start; pair < end; pair++) {
            const yaml_node_t *key_node = yaml_document_get_node(c->document, pair->key);
            if (field_of(schema, scalar_text(key_node)) != f) continue;
            seen++;
            last = key_node;
        }
        char full[KEY_SIZE];
        (void)snprintf(full, sizeof full, "%s%s%.40s", path, *path == '\0' ? "" : ".", f->key);
        if (seen > 1) return refuse(c, last, full, "stands here twice");
        if (seen == 0 && (f->value.flags & CYAML_FLAG_OPTIONAL) == 0) return refuse(c, node, full, "is missing");
    }
    return LETHE_OK;
}

static lethe_status check_sequence(const checker *c, const cyaml_schema_value_t *schema, const yaml_node_t *node, const char *path, int depth) {
    if (node->type != YAML_SEQUENCE_NODE) return refuse(c, node, path, "wants a list");
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (count < schema->sequence.min) return refuse(c, node, path, "list is too short");
    if (count > schema->sequence.max) return refuse(c, node, path, "list is too long");
    for (size_t i = 0; i < count; i++) {
        char full[KEY_SIZE];
        (void)snprintf(full, sizeof full, "%.70s[%zu]", path, i);
        lethe_status status =
            check_value(c, schema->sequence.entry, yaml_document_get_node(c->document, node->data.sequence.items.start[i]), full, depth + 1);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

static lethe_status check_flags(const checker *c, const cyaml_schema_value_t *schema, const yaml_node_t *node, const char *path) {
    if (node->type != YAML_SEQUENCE_NODE) return refuse(c, node, path, "wants a list of words");
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        lethe_status status = check_word(c, schema, yaml_document_get_node(c->document, *item), path);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

static lethe_status check_value(const checker *c, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *key, int depth) {
    if (depth > DEEPEST) return refuse(c, node, key, "is nested too deeply");
    if (null_is_fine(schema, node)) return LETHE_OK;
    switch (schema->type) {
    case CYAML_MAPPING: return check_mapping(c, schema, node, key, depth);
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED: return check_sequence(c, schema, node, key, depth);
    case CYAML_ENUM: return check_word(c, schema, node, key);
    case CYAML_FLAGS: return check_flags(c, schema, node, key);
    case CYAML_BITFIELD:
    case CYAML_IGNORE: return LETHE_OK;
    default: return check_scalar(c, schema, node, key);
    }
}

/* --- the passes --- */

static lethe_status refuse_syntax(const yaml_parser_t *parser, const char *name, lethe_error *error) {
    if (parser->error == YAML_MEMORY_ERROR) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for %s", name);
    return lethe_fail(error, LETHE_CONFIG, "%s:%zu: syntax: %s", name, parser->problem_mark.line + 1,
                      parser->problem == NULL ? "not YAML" : parser->problem);
}

/* Syntax, no aliases (a few of them can stand for billions of nodes), bounded depth, one document. */
static lethe_status check_events(const void *text, size_t size, const char *name, lethe_error *error) {
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for %s", name);
    yaml_parser_set_input_string(&parser, text, size);
    lethe_status status = LETHE_OK;
    int depth = 0, documents = 0;
    bool ended = false;
    while (status == LETHE_OK && !ended) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = refuse_syntax(&parser, name, error);
            break;
        }
        size_t line = event.start_mark.line + 1;
        if (event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT) depth++;
        if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT) depth--;
        if (event.type == YAML_DOCUMENT_START_EVENT) documents++;
        if (event.type == YAML_ALIAS_EVENT)
            status = lethe_fail(error, LETHE_CONFIG, "%s:%zu: syntax: references (*name) are not supported", name, line);
        if (depth > DEEPEST) status = lethe_fail(error, LETHE_CONFIG, "%s:%zu: syntax: nested deeper than %d", name, line, DEEPEST);
        if (documents > 1) status = lethe_fail(error, LETHE_CONFIG, "%s:%zu: syntax: more than one document", name, line);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    if (status == LETHE_OK && documents == 0) status = lethe_fail(error, LETHE_CONFIG, "%s:1: top: the file is empty", name);
    yaml_parser_delete(&parser);
    return status;
}

static lethe_status check_schema(const void *text, size_t size, const char *name, const cyaml_schema_value_t *schema, lethe_error *error) {
    yaml_parser_t parser;
    yaml_document_t document;
    if (yaml_parser_initialize(&parser) == 0) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for %s", name);
    yaml_parser_set_input_string(&parser, text, size);
    lethe_status status;
    if (yaml_parser_load(&parser, &document) == 0) {
        status = refuse_syntax(&parser, name, error);
    } else {
        checker c = {.document = &document, .name = name, .error = error};
        yaml_node_t *root = yaml_document_get_root_node(&document);
        if (root == NULL) status = lethe_fail(error, LETHE_CONFIG, "%s:1: top: the file is empty", name);
        else status = check_value(&c, schema, root, "", 0);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return status;
}

static void *config_memory(void *context, void *memory, size_t size) {
    (void)context;
    if (size != 0) return lethe_realloc_array(memory, size, 1);
    lethe_free(memory);
    return NULL;
}

static cyaml_config_t loader_config(void) {
    return (cyaml_config_t){.log_fn = NULL, .log_level = CYAML_LOG_ERROR, .mem_fn = config_memory, .flags = CYAML_CFG_NO_ALIAS};
}

lethe_status lethe_config_parse(const void *text, size_t size, const char *name, const cyaml_schema_value_t *schema, cyaml_data_t **data,
                                lethe_error *error) {
    *data = NULL;
    if (size > LETHE_LIMIT_TEXT_FILE_BYTES) return lethe_fail(error, LETHE_LIMIT, "%s is larger than %u bytes", name, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = check_events(text, size, name, error);
    if (status == LETHE_OK) status = check_schema(text, size, name, schema, error);
    if (status != LETHE_OK) return status;
    cyaml_config_t config = loader_config();
    cyaml_err_t code = cyaml_load_data(text, size, &config, schema, data, NULL);
    if (code == CYAML_OK && *data != NULL) return LETHE_OK;
    *data = NULL;
    if (code == CYAML_ERR_OOM) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for %s", name);
    return lethe_fail(error, LETHE_CONFIG, "%s:1: top: %s", name, cyaml_strerror(code));
}

lethe_status lethe_config_load(const char *path, const char *name, const cyaml_schema_value_t *schema, cyaml_data_t **data, lethe_error *error) {
    *data = NULL;
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK) status = lethe_config_parse(text.bytes == NULL ? (const uint8_t *)"" : text.bytes, text.size, name, schema, data, error);
    lethe_buffer_release(&text);
    return status;
}

void lethe_config_free(const cyaml_schema_value_t *schema, cyaml_data_t *data) {
    if (data == NULL) return;
    cyaml_config_t config = loader_config();
    (void)cyaml_free(&config, schema, data, 0);
}
