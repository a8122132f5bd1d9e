#include "annotate/image_index_internal.h"

#include "annotate/store.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *keep(lethe_image_index *index, const char *text, bool *complete) {
    const char *copy = lethe_arena_strndup(index->arena, text, strlen(text));
    if (copy == NULL) *complete = false;
    return copy;
}

static const char *keep_stem(lethe_image_index *index, const char *path, bool *complete) {
    const char *dot = strrchr(lethe_path_name(path), '.');
    const char *copy = lethe_arena_strndup(index->arena, path, dot == NULL ? strlen(path) : (size_t)(dot - path));
    if (copy == NULL) *complete = false;
    return copy;
}

static lethe_status add_entry(void *context, const lethe_catalogue_entry *e, lethe_error *error) {
    lethe_image_index *index = context;
    bool complete = true;
    if (index->count == index->capacity) {
        size_t capacity = index->capacity == 0 ? 256 : index->capacity * 2;
        lethe_image_ref *grown = lethe_realloc_array(index->images, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the catalogue");
        index->images = grown;
        index->capacity = capacity;
    }
    index->images[index->count++] = (lethe_image_ref){.key = keep(index, lethe_image_key(e), &complete),
                                                      .path = keep(index, e->path, &complete),
                                                      .stem = keep_stem(index, e->path, &complete),
                                                      .patient = keep(index, e->patient, &complete),
                                                      .study_uid = keep(index, e->study_uid, &complete),
                                                      .series_uid = keep(index, e->series_uid, &complete),
                                                      .modality = keep(index, e->modality, &complete),
                                                      .sop_class = keep(index, e->sop_class, &complete),
                                                      .series_description = keep(index, e->series_description, &complete),
                                                      .study_description = keep(index, e->study_description, &complete),
                                                      .manufacturer = keep(index, e->manufacturer, &complete),
                                                      .model = keep(index, e->model, &complete),
                                                      .sex = keep(index, e->sex, &complete),
                                                      .age = keep(index, e->age, &complete),
                                                      .laterality = keep(index, e->laterality, &complete),
                                                      .view_position = keep(index, e->view_position, &complete),
                                                      .sha256 = keep(index, e->sha256, &complete),
                                                      .study_date = keep(index, e->study_date, &complete),
                                                      .series_number = e->series_number,
                                                      .instance_number = e->instance_number,
                                                      .rows = e->rows,
                                                      .columns = e->columns,
                                                      .frames = e->frames < 1 ? 1 : e->frames,
                                                      .is_slide = strcmp(e->kind, "slide") == 0};
    lethe_image_ref *added = &index->images[index->count - 1];
    added->source = added->path;
    added->source_patient = added->patient;
    added->source_key = added->key;
    return complete ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for the catalogue");
}

static int by_name(const void *a, const void *b) {
    const name_entry *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : left->image < right->image ? -1 : left->image > right->image;
}

static lethe_status build_names(lethe_image_index *index, lethe_error *error) {
    enum { NAMES_EACH = 5 };
    lethe_free(index->names);
    index->name_count = 0;
    index->names = lethe_alloc_array(index->count * NAMES_EACH, sizeof *index->names);
    if (index->names == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the catalogue");
    for (size_t i = 0; i < index->count; i++) {
        const lethe_image_ref *image = &index->images[i];
        const char *const names[NAMES_EACH] = {image->key, image->path, image->stem, lethe_path_name(image->path), lethe_path_name(image->stem)};
        for (size_t k = 0; k < NAMES_EACH; k++) index->names[index->name_count++] = (name_entry){names[k], i};
    }
    if (index->name_count > 1) qsort(index->names, index->name_count, sizeof *index->names, by_name);
    return LETHE_OK;
}

/* The catalogue's order, in bytes: a server's collation may differ, and searches by patient rely on it. */
static int by_place(const void *a, const void *b) {
    const lethe_image_ref *left = a, *right = b;
    int order = strcmp(left->patient, right->patient);
    if (order == 0) order = strcmp(left->study_uid, right->study_uid);
    if (order == 0) order = left->series_number < right->series_number ? -1 : left->series_number > right->series_number;
    if (order == 0) order = strcmp(left->series_uid, right->series_uid);
    if (order == 0) order = left->instance_number < right->instance_number ? -1 : left->instance_number > right->instance_number;
    return order != 0 ? order : strcmp(left->path, right->path);
}

lethe_status lethe_image_index_arrange(lethe_image_index *index, lethe_error *error) {
    if (index->count > 1) qsort(index->images, index->count, sizeof *index->images, by_place);
    return build_names(index, error);
}

lethe_status lethe_image_index_load(lethe_catalogue *catalogue, lethe_image_index **out, lethe_error *error) {
    *out = NULL;
    lethe_image_index *index = lethe_alloc_array(1, sizeof *index);
    if (index == NULL || (index->arena = lethe_arena_create((size_t)LETHE_LIMIT_ARENA_BYTES * 4)) == NULL) {
        lethe_free(index);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the catalogue");
    }
    lethe_status status = lethe_catalogue_visit(catalogue, NULL, add_entry, index, error);
    if (status == LETHE_OK) status = lethe_image_index_arrange(index, error);
    if (status == LETHE_OK) *out = index;
    else lethe_image_index_destroy(index);
    return status;
}

void lethe_image_index_destroy(lethe_image_index *index) {
    if (index == NULL) return;
    lethe_arena_destroy(index->arena);
    lethe_free(index->images);
    lethe_free(index->names);
    lethe_free(index);
}

struct lethe_renamer *lethe_image_index_renamer(const lethe_image_index *index) {
    return index->renamer;
}
size_t lethe_image_index_count(const lethe_image_index *index) { return index->count; }
const lethe_image_ref *lethe_image_index_at(const lethe_image_index *index, size_t i) { return &index->images[i]; }
size_t lethe_image_index_position(const lethe_image_index *index, const lethe_image_ref *ref) { return (size_t)(ref - index->images); }

/* Exactly this name; several images may have it. */
static const lethe_image_ref *find_exact(const lethe_image_index *index, const char *name, bool *ambiguous) {
    size_t low = 0, high = index->name_count;
    while (low < high) { /* the first that is not smaller */
        size_t middle = low + (high - low) / 2;
        if (strcmp(index->names[middle].name, name) < 0) low = middle + 1;
        else high = middle;
    }
    if (low == index->name_count || strcmp(index->names[low].name, name) != 0) return NULL;
    for (size_t i = low + 1; i < index->name_count && strcmp(index->names[i].name, name) == 0; i++)
        if (index->names[i].image != index->names[low].image) *ambiguous = true;
    return *ambiguous ? NULL : &index->images[index->names[low].image];
}

const lethe_image_ref *lethe_image_index_find(const lethe_image_index *index, const char *name, bool *ambiguous) {
    bool several = false;
    const lethe_image_ref *found = NULL;
    /* "data/images/P-1/x.dcm": try the whole, then what follows each slash, so that the longest known path wins. */
    for (const char *at = name; at != NULL && found == NULL && !several; at = strchr(at, '/')) {
        if (*at == '/') at++;
        found = find_exact(index, at, &several);
    }
    if (found == NULL && !several) { /* a picture made from an image: name.png for name.dcm */
        const char *last = lethe_path_name(name), *dot = strrchr(last, '.');
        char stem[512];
        if (dot != NULL && (size_t)(dot - last) < sizeof stem) {
            memcpy(stem, last, (size_t)(dot - last));
            stem[dot - last] = '\0';
            found = find_exact(index, stem, &several);
        }
    }
    if (ambiguous != NULL) *ambiguous = several;
    return found;
}
