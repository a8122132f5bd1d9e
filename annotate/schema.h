/* Label schemas: what may be said about an image, as versioned YAML (annotate/schemas/ has ready ones).
 *
 * Layer: annotate. Thread rule: immutable after load. All strings are UTF-8, never NULL, and live as long as the schema. */
#ifndef LETHE_ANNOTATE_SCHEMA_H
#define LETHE_ANNOTATE_SCHEMA_H

#include "annotate/shape.h"
#include "core/error.h"

#include <stdint.h>

typedef enum lethe_level { LETHE_LEVEL_REGION = 0, LETHE_LEVEL_IMAGE, LETHE_LEVEL_SERIES, LETHE_LEVEL_STUDY, LETHE_LEVEL_PATIENT } lethe_level;

typedef enum lethe_answer_kind {
    LETHE_ANSWER_NONE = 0, /* the label alone says it (a region, or a flag) */
    LETHE_ANSWER_SINGLE,   /* one of the options */
    LETHE_ANSWER_MULTI,    /* several of them, joined by '|' in the order of the options */
    LETHE_ANSWER_ORDINAL,  /* one of the options, whose order means something */
    LETHE_ANSWER_NUMBER,
    LETHE_ANSWER_TEXT
} lethe_answer_kind;

/* A code of an ontology (SCT, RADLEX, DCM, ICDO3, UCUM ...). Empty scheme: none. */
typedef struct lethe_code {
    char *scheme, *value, *meaning;
} lethe_code;

typedef struct lethe_option {
    char *value;      /* what is stored */
    char *title;      /* what is shown; "" = value */
    lethe_code *code; /* NULL: none */
} lethe_option;

/* One question: of a form, or of a label itself. */
typedef struct lethe_field {
    char *name, *title; /* title "" = name */
    lethe_answer_kind answer;
    bool required;
    lethe_option *options;
    unsigned options_count;
    double *minimum, *maximum; /* of a number; NULL: open */
    char *unit;                /* UCUM; "" none */
    /* Asked only when another field of the same label has this value; "" = always. */
    char *when_field, *when_value;
} lethe_field;

typedef struct lethe_label {
    lethe_field question; /* name and title of the label; its answer (levels other than region: the classification itself) */
    lethe_level level;
    uint32_t colour_rgb; /* 0xRRGGBB */
    uint32_t geometries; /* regions: bit 1 << lethe_shape_kind for each allowed kind */
    lethe_code *code;    /* NULL: none */
    lethe_field *fields; /* the form of a region */
    unsigned fields_count;
} lethe_label;

typedef struct lethe_schema {
    char *name, *title;
    uint32_t version;
    char **modalities; /* of DICOM, or SM for slides; none = any */
    unsigned modalities_count;
    lethe_label *labels;
    unsigned labels_count;
    char *yaml;      /* the text it came from */
    char sha256[65]; /* of that text */
} lethe_schema;

/* Parse and check. `name` stands for the file in messages. Errors: LETHE_CONFIG naming file, line and key. */
LETHE_NODISCARD lethe_status lethe_schema_parse(const char *text, size_t size, const char *name, lethe_schema **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_schema_load(const char *path, lethe_schema **out, lethe_error *error);
void lethe_schema_destroy(lethe_schema *schema);

/* By name; NULL when unknown. */
const lethe_label *lethe_schema_label(const lethe_schema *schema, const char *name);
const lethe_field *lethe_label_field(const lethe_label *label, const char *name);
static inline bool lethe_label_allows(const lethe_label *label, lethe_shape_kind kind) { return ((label->geometries >> kind) & 1u) != 0; }
const char *lethe_level_name(lethe_level level); /* "region", "image", "series", "study", "patient" */
bool lethe_level_parse(const char *name, lethe_level *level);

/* Check an answer: `value` is text ("" = not answered). Errors: LETHE_MALFORMED saying which rule is broken. */
LETHE_NODISCARD lethe_status lethe_field_check(const lethe_field *field, const char *value, lethe_error *error);
/* Check a whole annotation's label, level, shape kind, value and form (`form_json`: a JSON object of strings, "" = none). With `complete`, required
 * questions whose condition holds must be answered (drafts may leave them open). */
LETHE_NODISCARD lethe_status lethe_schema_check(const lethe_schema *schema, const char *label, lethe_level level, lethe_shape_kind kind,
                                                const char *value, const char *form_json, bool complete, lethe_error *error);
/* Whether every annotation that is valid under `from` stays valid under `to` (labels, options, geometries only added, ranges only widened). Errors:
 * LETHE_CONFIG naming the first thing that was taken away. */
LETHE_NODISCARD lethe_status lethe_schema_compatible(const lethe_schema *from, const lethe_schema *to, lethe_error *error);

#endif
