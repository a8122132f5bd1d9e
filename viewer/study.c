#include "viewer/study.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_ARENA_BYTES = 512 << 20 };

static char *copy(const char *text) { return lethe_strdup(text ? text : ""); }

void lethe_series_release_loaded(lethe_series *series) {
    lethe_free(series->frames);
    for (size_t i = 0; i < series->table_count; i++) lethe_display_table_release(&series->tables[i]);
    lethe_free(series->tables);
    lethe_colour_profile_destroy(series->profile);
    lethe_display_table_release(&series->modality_table);
    lethe_arena_destroy(series->arena);
    series->frames = NULL;
    series->tables = NULL;
    series->profile = NULL;
    series->modality_table = (lethe_display_table){0};
    series->arena = NULL;
    series->frame_count = series->table_count = series->damaged_files = 0;
    series->failure[0] = '\0';
    series->multi_frame = series->mapped = series->loaded = false;
    for (size_t i = 0; i < series->file_count; i++) { /* these lived in the arena */
        series->files[i].shutter = NULL;
        series->files[i].regions = NULL;
        series->files[i].region_count = 0;
    }
}

static void free_series(lethe_series *series) {
    lethe_series_cancel(series);
    for (size_t i = 0; i < series->file_count; i++) {
        lethe_free(series->files[i].path);
        lethe_free(series->files[i].image_key);
    }
    lethe_series_release_loaded(series);
    lethe_free(series->files);
    lethe_free(series->uid);
    lethe_free(series->description);
    lethe_free(series->modality);
    lethe_free(series->body_part);
    lethe_free(series->date);
    lethe_slide_close(series->slide);
}

void lethe_study_close(lethe_study *study) {
    if (!study) return;
    for (size_t i = 0; i < study->series_count; i++) free_series(&study->series[i]);
    lethe_free(study->series);
    for (size_t i = 0; i < study->state_count; i++) lethe_presentation_destroy(study->states[i]);
    lethe_free(study->states);
    lethe_free(study->id);
    lethe_free(study->patient);
    lethe_free(study->study_uid);
    lethe_free(study->description);
    lethe_free(study->date);
    lethe_free(study);
}

/* --- building it --- */

typedef struct builder {
    lethe_study *study;
    const char *released_path, *case_id;
    uint32_t *next_source;
} builder;

/* Mammograms and plain radiographs hang one image at a time, so each image is a series of its own here. */
static bool one_image_each(const char *modality) { return strcmp(modality, "MG") == 0 || strcmp(modality, "CR") == 0 || strcmp(modality, "DX") == 0; }

/* The instances of a DICOM slide are one series, opened as one pyramid. */
static bool is_wsi(const lethe_catalogue_entry *entry) { return entry->sop_class && strcmp(entry->sop_class, "1.2.840.10008.5.1.4.1.1.77.1.6") == 0; }

static lethe_series *series_for(builder *b, const lethe_catalogue_entry *entry, lethe_error *error) {
    lethe_study *study = b->study;
    bool slide = strcmp(entry->kind, "slide") == 0;
    for (size_t i = study->series_count; i-- > 0 && !slide && !one_image_each(entry->modality);)
        if (strcmp(study->series[i].uid, entry->series_uid) == 0) return &study->series[i];
    lethe_series *more = lethe_realloc_array(study->series, study->series_count + 1, sizeof *more);
    if (!more) {
        (void)lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        return NULL;
    }
    study->series = more;
    lethe_series *series = &more[study->series_count++];
    *series = (lethe_series){.source = ++*b->next_source, .number = entry->series_number, .is_slide = slide || is_wsi(entry), .aspect = 1};
    series->uid = copy(entry->series_uid);
    series->description = copy(entry->series_description);
    series->modality = copy(slide && entry->modality[0] == '\0' ? "SM" : entry->modality);
    series->body_part = copy(entry->body_part);
    series->date = copy(entry->study_date);
    (void)snprintf(series->laterality, sizeof series->laterality, "%s", entry->laterality);
    (void)snprintf(series->view_position, sizeof series->view_position, "%s", entry->view_position);
    if (!series->uid || !series->description || !series->modality || !series->body_part || !series->date) {
        (void)lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        return NULL;
    }
    return series;
}

static lethe_status add_file(lethe_series *series, const lethe_catalogue_entry *entry, char *path, lethe_error *error) {
    lethe_study_file *more = path ? lethe_realloc_array(series->files, series->file_count + 1, sizeof *more) : NULL;
    char *key = copy(entry->instance_uid && entry->instance_uid[0] ? entry->instance_uid : entry->path);
    if (more) series->files = more;
    if (!more || !key) {
        lethe_free(key);
        lethe_free(path);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    lethe_study_file *file = &more[series->file_count++];
    *file = (lethe_study_file){.path = path,
                               .image_key = key,
                               .instance_number = entry->instance_number,
                               .rows = entry->rows,
                               .columns = entry->columns,
                               .frames = entry->frames > 0 ? entry->frames : 1};
    (void)snprintf(file->laterality, sizeof file->laterality, "%s", entry->laterality);
    (void)snprintf(file->view_position, sizeof file->view_position, "%s", entry->view_position);
    return LETHE_OK;
}

static bool is_image(const lethe_catalogue_entry *entry) { return strcmp(entry->kind, "slide") == 0 || (entry->rows > 0 && entry->columns > 0); }

/* A state that cannot be read is not offered; images are shown without it as they are. */
static lethe_status add_state(lethe_study *study, const char *path, lethe_error *error) {
    enum { MOST_STATES = 256 };
    lethe_presentation *state = NULL;
    lethe_error ignored = {0};
    if (!path) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (study->state_count >= MOST_STATES || lethe_presentation_load(path, &state, &ignored)) return LETHE_OK;
    lethe_presentation **more = lethe_realloc_array(study->states, study->state_count + 1, sizeof *more);
    if (!more) {
        lethe_presentation_destroy(state);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    study->states = more;
    more[study->state_count++] = state;
    return LETHE_OK;
}

static lethe_status take_entry(void *context, const lethe_catalogue_entry *entry, lethe_error *error) {
    builder *b = context;
    bool slide = strcmp(entry->kind, "slide") == 0;
    if (slide ? strcmp(entry->path, b->case_id) != 0 && strcmp(entry->study_uid, b->case_id) != 0 : strcmp(entry->study_uid, b->case_id) != 0)
        return LETHE_OK;
    if (lethe_presentation_class(entry->sop_class)) {
        char *path = lethe_path_join(b->released_path, entry->path);
        lethe_status status = add_state(b->study, path, error);
        lethe_free(path);
        return status;
    }
    if (!is_image(entry)) return LETHE_OK;
    lethe_study *study = b->study;
    if (!study->patient) {
        study->patient = copy(entry->patient);
        study->study_uid = copy(entry->study_uid);
        study->description = copy(entry->study_description);
        study->date = copy(entry->study_date);
        study->is_slide = slide || is_wsi(entry);
    }
    lethe_series *series = series_for(b, entry, error);
    if (!series) return LETHE_NO_MEMORY;
    return add_file(series, entry, lethe_path_join(b->released_path, entry->path), error);
}

lethe_status lethe_study_open(lethe_catalogue *catalogue, const char *released_path, const char *case_id, uint32_t *next_source, lethe_study **out,
                              lethe_error *error) {
    *out = NULL;
    lethe_study *study = lethe_alloc_array(1, sizeof *study);
    if (!study) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    study->id = copy(case_id);
    builder b = {.study = study, .released_path = released_path, .case_id = case_id, .next_source = next_source};
    lethe_catalogue_filter filter = {.study_uid = case_id};
    lethe_status status = lethe_catalogue_visit(catalogue, &filter, take_entry, &b, error);
    if (!status && study->series_count == 0) { /* a slide is found by its path */
        filter.study_uid = NULL;
        status = lethe_catalogue_visit(catalogue, &filter, take_entry, &b, error);
    }
    if (!status && study->series_count == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no released images in this case");
    if (status) {
        lethe_study_close(study);
        return status;
    }
    *out = study;
    return LETHE_OK;
}

/* --- loose files --- */

static void text_of(const lethe_dicom_item *root, lethe_tag tag, char *out, size_t size) {
    if (!lethe_dicom_text(root, tag, 0, out, size)) out[0] = '\0';
}

static int64_t int_of(const lethe_dicom_item *root, lethe_tag tag, int64_t otherwise) {
    int64_t value;
    return lethe_dicom_int(root, tag, 0, &value) ? value : otherwise;
}

static lethe_status take_dicom(builder *b, const char *path, const lethe_dicom_item *root, lethe_error *error) {
    char series_uid[65], instance[65], modality[17], description[65], study_text[65], patient[65], laterality[4], view[12], date[17], study_uid[65];
    text_of(root, LETHE_TAG(0x0020, 0x000E), series_uid, sizeof series_uid);
    text_of(root, LETHE_TAG(0x0008, 0x0018), instance, sizeof instance);
    text_of(root, LETHE_TAG(0x0008, 0x0060), modality, sizeof modality);
    text_of(root, LETHE_TAG(0x0008, 0x103E), description, sizeof description);
    text_of(root, LETHE_TAG(0x0008, 0x1030), study_text, sizeof study_text);
    text_of(root, LETHE_TAG(0x0020, 0x000D), study_uid, sizeof study_uid);
    text_of(root, LETHE_TAG(0x0008, 0x0020), date, sizeof date);
    text_of(root, LETHE_TAG(0x0010, 0x0020), patient, sizeof patient);
    text_of(root, LETHE_TAG(0x0020, 0x0062), laterality, sizeof laterality);
    text_of(root, LETHE_TAG(0x0018, 0x5101), view, sizeof view);
    lethe_catalogue_entry entry = {.path = path,
                                   .kind = "dicom",
                                   .patient = patient,
                                   .study_uid = study_uid,
                                   .series_uid = series_uid,
                                   .instance_uid = instance,
                                   .modality = modality,
                                   .series_description = description,
                                   .study_description = study_text,
                                   .body_part = "",
                                   .study_date = date,
                                   .laterality = laterality,
                                   .view_position = view,
                                   .series_number = int_of(root, LETHE_TAG(0x0020, 0x0011), 0),
                                   .instance_number = int_of(root, LETHE_TAG(0x0020, 0x0013), 0),
                                   .rows = int_of(root, LETHE_TAG(0x0028, 0x0010), 0),
                                   .columns = int_of(root, LETHE_TAG(0x0028, 0x0011), 0),
                                   .frames = int_of(root, LETHE_TAG(0x0028, 0x0008), 1)};
    if (!is_image(&entry)) return LETHE_OK;
    if (!b->study->patient) {
        b->study->patient = copy(patient);
        b->study->study_uid = copy(study_uid);
        b->study->description = copy(study_text);
        b->study->date = copy(date);
    }
    lethe_series *series = series_for(b, &entry, error);
    return series ? add_file(series, &entry, copy(path), error) : LETHE_NO_MEMORY;
}

static lethe_status take_path(void *context, const char *path, const char *relative, lethe_error *error) {
    builder *b = context;
    lethe_map map = {0};
    lethe_status status = LETHE_OK;
    if (lethe_slide_detect(path)) {
        lethe_catalogue_entry entry = {.path = relative,
                                       .kind = "slide",
                                       .patient = "",
                                       .study_uid = "",
                                       .series_uid = "",
                                       .instance_uid = "",
                                       .modality = "SM",
                                       .series_description = "",
                                       .study_description = "",
                                       .body_part = "",
                                       .study_date = "",
                                       .laterality = "",
                                       .view_position = ""};
        if (!b->study->patient) {
            b->study->patient = copy("");
            b->study->study_uid = copy("");
            b->study->description = copy("");
            b->study->date = copy("");
            b->study->is_slide = true;
        }
        lethe_series *series = series_for(b, &entry, error);
        return series ? add_file(series, &entry, copy(path), error) : LETHE_NO_MEMORY;
    }
    if (lethe_map_open(path, &map, error)) return LETHE_IO;
    lethe_arena *arena = lethe_arena_create(HEADER_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL;
    if (!arena) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    else if (lethe_dicom_looks_like(map.bytes, map.size) && lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) == LETHE_OK)
        status = take_dicom(b, path, dataset->root, error);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
    return status;
}

static int by_number(const void *left, const void *right) {
    const lethe_series *a = left, *b = right;
    if (a->number != b->number) return a->number < b->number ? -1 : 1;
    return a->source < b->source ? -1 : a->source > b->source;
}

lethe_status lethe_study_open_files(const char *const *paths, size_t count, uint32_t *next_source, lethe_study **out, lethe_error *error) {
    *out = NULL;
    lethe_study *study = lethe_alloc_array(1, sizeof *study);
    if (!study) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    study->id = copy("");
    builder b = {.study = study, .released_path = "", .case_id = "", .next_source = next_source};
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < count && !status; i++) status = lethe_walk(paths[i], take_path, &b, error);
    if (!status && study->series_count == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no images found");
    if (status) {
        lethe_study_close(study);
        return status;
    }
    qsort(study->series, study->series_count, sizeof *study->series, by_number);
    *out = study;
    return LETHE_OK;
}
