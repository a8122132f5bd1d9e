/* The common part of imports: names, label mapping, and all or nothing. */
#include "annotate/format.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

struct lethe_import {
    lethe_store *store;
    const lethe_image_index *index;
    lethe_import_options options;
    const char *file_name;
    char tool[64];
    lethe_arena *arena;
    lethe_annotation *items;
    char **where;
    size_t count, capacity;
};

lethe_store *lethe_import_store(const lethe_import *import) { return import->store; }
const lethe_image_index *lethe_import_index(const lethe_import *import) { return import->index; }
const lethe_import_options *lethe_import_settings(const lethe_import *import) { return &import->options; }
const char *lethe_import_released(const lethe_import *import) { return import->options.released_path != NULL ? import->options.released_path : "."; }
const char *lethe_import_file_name(const lethe_import *import) { return import->file_name; }
lethe_arena *lethe_import_arena(const lethe_import *import) { return import->arena; }

const char *lethe_import_label(const lethe_import *import, const char *foreign) {
    for (const char *const *pair = import->options.map; pair != NULL && *pair != NULL; pair += 2)
        if (strcmp(pair[0], foreign) == 0) return pair[1][0] == '\0' ? NULL : pair[1];
    return foreign;
}

lethe_status lethe_import_find(lethe_import *import, const char *name, const char *where, const lethe_image_ref **image, lethe_error *error) {
    bool ambiguous = false;
    *image = lethe_image_index_find(import->index, name, &ambiguous);
    if (*image != NULL) return LETHE_OK;
    if (ambiguous) return lethe_fail(error, LETHE_MALFORMED, "%s: %s: several released images are called '%.80s'", import->file_name, where, name);
    return lethe_fail(error, LETHE_NOT_FOUND, "%s: %s: no released image is called '%.80s'", import->file_name, where, name);
}

/* Put "file: where: " in front of what went wrong. */
static lethe_status place_error(const lethe_import *import, const char *where, const lethe_error *inner, lethe_error *error) {
    return lethe_fail(error, inner->status, "%s: %s: %.150s", import->file_name, where, inner->message);
}

static lethe_status make_room(lethe_import *import, lethe_error *error) {
    if (import->count < import->capacity) return LETHE_OK;
    size_t capacity = import->capacity == 0 ? 256 : import->capacity * 2;
    lethe_annotation *items = lethe_realloc_array(import->items, capacity, sizeof *items);
    if (items != NULL) import->items = items;
    char **where = items == NULL ? NULL : lethe_realloc_array(import->where, capacity, sizeof *where);
    if (where == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an import");
    import->where = where;
    import->capacity = capacity;
    return LETHE_OK;
}

static const char *keep(lethe_import *import, const char *text, bool *complete) {
    if (text == NULL || text[0] == '\0') return "";
    const char *copy = lethe_arena_strndup(import->arena, text, strlen(text));
    if (copy == NULL) *complete = false;
    return copy;
}

lethe_status lethe_import_add(lethe_import *import, const lethe_annotation *a, const char *where, lethe_error *error) {
    lethe_error inner = {0};
    bool complete = true;
    const lethe_schema *schema = lethe_store_schema(import->store);
    lethe_status status = lethe_shape_check(&a->shape, &inner);
    if (status == LETHE_OK && schema != NULL)
        status = lethe_schema_check(schema, a->label == NULL ? "" : a->label, a->level, a->shape.kind, a->value == NULL ? "" : a->value,
                                    a->form == NULL ? "" : a->form, false, &inner);
    if (status != LETHE_OK) return place_error(import, where, &inner, error);
    status = make_room(import, error);
    if (status != LETHE_OK) return status;
    lethe_annotation *copy = &import->items[import->count];
    *copy = *a;
    copy->patient = keep(import, a->patient, &complete);
    copy->study_uid = keep(import, a->study_uid, &complete);
    copy->series_uid = keep(import, a->series_uid, &complete);
    copy->image = keep(import, a->image, &complete);
    copy->label = keep(import, a->label, &complete);
    copy->value = keep(import, a->value, &complete);
    copy->form = keep(import, a->form, &complete);
    copy->tool = import->tool;
    copy->source = import->options.source != NULL ? import->options.source : import->file_name;
    import->where[import->count] = lethe_arena_strndup(import->arena, where, strlen(where));
    if (!complete || import->where[import->count] == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an import");
    status = lethe_shape_copy(&a->shape, import->arena, &copy->shape, error);
    if (status == LETHE_OK) import->count++;
    return status;
}

lethe_status lethe_import_run(lethe_store *store, const lethe_image_index *index, const lethe_format *format, const char *path,
                              const lethe_import_options *options, int64_t *count, lethe_error *error) {
    lethe_import import = {.store = store, .index = index, .file_name = lethe_path_name(path)};
    lethe_error inner = {0};
    size_t failed = 0;
    *count = 0;
    if (options != NULL) import.options = *options;
    if (format->read == NULL) return lethe_fail(error, LETHE_USAGE, "%s is not imported", format->name);
    (void)snprintf(import.tool, sizeof import.tool, "import %s", format->name);
    import.arena = lethe_arena_create((size_t)LETHE_LIMIT_ARENA_BYTES * 8);
    lethe_status status = import.arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for an import") : format->read(&import, path, error);
    if (status == LETHE_OK && import.count != 0) {
        const char *author = import.options.author != NULL ? import.options.author : lethe_store_user(store);
        status = lethe_store_append_as(store, author, import.options.shared, import.items, import.count, &failed, &inner);
        if (status != LETHE_OK) (void)place_error(&import, import.where[failed], &inner, error);
    }
    if (status == LETHE_OK) *count = (int64_t)import.count;
    lethe_arena_destroy(import.arena);
    lethe_free(import.items);
    lethe_free(import.where);
    return status;
}
