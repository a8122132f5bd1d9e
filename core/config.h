/* YAML files with a schema, through libcyaml. Layer: core. Thread rule: no shared state. */
#ifndef LETHE_CORE_CONFIG_H
#define LETHE_CORE_CONFIG_H

#include "core/error.h"

#include <cyaml/cyaml.h>

/* Load `path` into a structure that `schema` describes. Errors: LETHE_CONFIG with "NAME:LINE: key: reason" and, for an unknown key or word, the
 * nearest right one ("did you mean ...?"); LETHE_IO; LETHE_LIMIT for files over LETHE_LIMIT_TEXT_FILE_BYTES. Never prints. Free with
 * lethe_config_free and the same schema. `name` stands for the file in messages. */
LETHE_NODISCARD lethe_status lethe_config_load(const char *path, const char *name, const cyaml_schema_value_t *schema, cyaml_data_t **data,
                                               lethe_error *error);
LETHE_NODISCARD lethe_status lethe_config_parse(const void *text, size_t size, const char *name, const cyaml_schema_value_t *schema,
                                                cyaml_data_t **data, lethe_error *error);
void lethe_config_free(const cyaml_schema_value_t *schema, cyaml_data_t *data);

#endif
