#include "viewer/study.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_ARENA_BYTES = 512 << 20 };

static char *copy(const char *text) { return lethe_strdup(text ? text : ""); }

static void free_series(lethe_series *series) {
    for (size_t i = 0; i < series->file_count; i++) {
        lethe_free(series->files[i].path);
        lethe_free(series->files[i].image_key);
    }
    lethe_free(series->files);
    lethe_free(series->frames);
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
    *series = (lethe_series){.source = ++*b->next_source, .number = entry->series_number, .is_slide = slide, .aspect = 1};
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

static lethe_status take_entry(void *context, const lethe_catalogue_entry *entry, lethe_error *error) {
    builder *b = context;
    bool slide = strcmp(entry->kind, "slide") == 0;
    if (slide ? strcmp(entry->path, b->case_id) != 0 && strcmp(entry->study_uid, b->case_id) != 0 : strcmp(entry->study_uid, b->case_id) != 0)
        return LETHE_OK;
    if (!is_image(entry)) return LETHE_OK;
    lethe_study *study = b->study;
    if (!study->patient) {
        study->patient = copy(entry->patient);
        study->study_uid = copy(entry->study_uid);
        study->description = copy(entry->study_description);
        study->date = copy(entry->study_date);
        study->is_slide = slide;
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

/* --- headers of a series --- */

static bool patient_orientation_is_right(const lethe_dicom_item *root) {
    /* PatientOrientation says where rows run to: "P" of a mammogram means that the chest wall is on the right of the stored picture. */
    char word[17];
    return lethe_dicom_text(root, LETHE_TAG(0x0020, 0x0020), 0, word, sizeof word) && word[0] == 'P';
}

static void read_hanging_facts(lethe_series *series, const lethe_dicom_item *root) {
    series->peeked = true;
    size_t used = 0;
    char part[17];
    for (unsigned i = 0; i < 4 && lethe_dicom_text(root, LETHE_TAG(0x0008, 0x0008), i, part, sizeof part); i++)
        used += (size_t)snprintf(series->image_type + used, sizeof series->image_type - used, "%s%s", i ? "\\" : "", part);
    text_of(root, LETHE_TAG(0x0018, 0x0020), series->sequence, sizeof series->sequence);
    double echo;
    if (lethe_dicom_double(root, LETHE_TAG(0x0018, 0x0081), 0, &echo) && echo > 0) series->echo_ms = echo;
    if (series->laterality[0] == '\0') {
        text_of(root, LETHE_TAG(0x0020, 0x0062), series->laterality, sizeof series->laterality);
        if (series->laterality[0] == '\0') text_of(root, LETHE_TAG(0x0020, 0x0060), series->laterality, sizeof series->laterality);
    }
    if (series->view_position[0] == '\0') text_of(root, LETHE_TAG(0x0018, 0x5101), series->view_position, sizeof series->view_position);
    series->chest_wall_right = patient_orientation_is_right(root);
}

static void read_series_facts(lethe_series *series, const lethe_dicom_dataset *dataset) {
    const lethe_dicom_item *root = dataset->root;
    if (!series->peeked) read_hanging_facts(series, root);
    lethe_pixels *pixels = NULL;
    if (lethe_pixels_open(dataset, &pixels, NULL) == LETHE_OK) {
        const lethe_pixels_info *info = lethe_pixels_describe(pixels);
        series->columns = info->columns;
        series->rows = info->rows;
        series->colour = info->samples_per_pixel > 1 || info->photometric == LETHE_PALETTE_COLOR;
        series->aspect = info->aspect > 0 ? info->aspect : 1;
        series->has_padding = info->has_padding && !series->colour;
        series->padding_low = series->padding_high = info->padding_value;
        double limit;
        if (series->has_padding && lethe_dicom_double(root, LETHE_TAG(0x0028, 0x0121), 0, &limit)) {
            series->padding_low = fmin(series->padding_low, limit);
            series->padding_high = fmax(series->padding_high, limit);
        }
    }
    lethe_pixels_close(pixels);
    double value;
    if (lethe_dicom_double(root, LETHE_TAG(0x0018, 0x1063), 0, &value) && value > 0) series->frame_ms = value;
    else if (lethe_dicom_double(root, LETHE_TAG(0x0008, 0x2144), 0, &value) && value > 0) series->frame_ms = 1000 / value;
    else if (lethe_dicom_double(root, LETHE_TAG(0x0018, 0x0040), 0, &value) && value > 0) series->frame_ms = 1000 / value;
    series->calibrated = lethe_dicom_find(root, LETHE_TAG(0x0028, 0x0030)) != NULL || lethe_dicom_find(root, LETHE_TAG(0x5200, 0x9229)) != NULL;
    text_of(root, LETHE_TAG(0x0028, 0x1054), series->unit, sizeof series->unit);
    if (series->unit[0] == '\0' && strcmp(series->modality, "CT") == 0) (void)snprintf(series->unit, sizeof series->unit, "HU");
    /* Only units of PS3.3 C.11.1.1.2: a replaced value is no unit. */
    static const char *const units[] = {"HU", "OD", "PCT", "HU_MOD", "MGML", "Z_EFF", "ED", "EDW"};
    bool known = false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) known = known || strcmp(series->unit, units[i]) == 0;
    if (!known) series->unit[0] = '\0';
}

static lethe_status append_frames(lethe_series *series, uint32_t file, const lethe_dicom_dataset *dataset, lethe_error *error) {
    int64_t frames = 1;
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0008), 0, &frames);
    if (frames < 1 || frames > 1000000) frames = 1;
    lethe_study_frame *more = lethe_realloc_array(series->frames, series->frame_count + (size_t)frames, sizeof *more);
    if (!more) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    series->frames = more;
    if (frames > 1) series->multi_frame = true;
    for (int64_t f = 0; f < frames; f++) {
        lethe_study_frame *frame = &more[series->frame_count++];
        frame->file = file;
        frame->frame = (uint32_t)f;
        lethe_frame_geometry_load(dataset, (uint32_t)f, &frame->geometry);
        lethe_display_load(dataset, (uint32_t)f, 0, &frame->display);
    }
    return LETHE_OK;
}

static lethe_status load_file(lethe_series *series, uint32_t index, lethe_error *error) {
    lethe_map map = {0};
    lethe_dicom_dataset *dataset = NULL;
    lethe_status status = lethe_map_open(series->files[index].path, &map, error);
    if (status) return status;
    lethe_arena *arena = lethe_arena_create(HEADER_ARENA_BYTES);
    status = arena ? lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status && series->frame_count == 0) read_series_facts(series, dataset);
    if (!status) status = append_frames(series, index, dataset, error);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
    return status;
}

void lethe_series_peek(lethe_series *series) {
    if (series->peeked || series->is_slide || series->file_count == 0) return;
    lethe_map map = {0};
    lethe_dicom_dataset *dataset = NULL;
    if (lethe_map_open(series->files[0].path, &map, NULL)) return;
    lethe_arena *arena = lethe_arena_create(HEADER_ARENA_BYTES);
    if (arena && lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) == LETHE_OK) read_hanging_facts(series, dataset->root);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
}

/* A cine keeps its own order; stacks are put in the order of space. */
static lethe_status sort_frames(lethe_series *series, lethe_error *error) {
    size_t count = series->frame_count;
    lethe_frame_geometry *geometry = lethe_alloc_array(count, sizeof *geometry);
    int64_t *instances = lethe_alloc_array(count, sizeof *instances);
    size_t *order = lethe_alloc_array(count, sizeof *order);
    lethe_study_frame *sorted = lethe_alloc_array(count, sizeof *sorted);
    lethe_status status = LETHE_OK;
    if (!geometry || !instances || !order || !sorted) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        geometry[i] = series->frames[i].geometry;
        instances[i] = series->files[series->frames[i].file].instance_number * 1000000 + series->frames[i].frame;
        if (series->frame_ms > 0 && series->file_count == 1) geometry[i].has_plane = false;
    }
    status = lethe_series_sort(geometry, instances, count, order, &series->stacks, error);
    if (status) goto out;
    for (size_t i = 0; i < count; i++) sorted[i] = series->frames[order[i]];
    memcpy(series->frames, sorted, count * sizeof *sorted);
out:
    lethe_free(geometry);
    lethe_free(instances);
    lethe_free(order);
    lethe_free(sorted);
    return status;
}

static lethe_status load_slide(lethe_series *series) {
    lethe_error error = {0};
    if (lethe_slide_open(series->files[0].path, &series->slide, &error)) {
        (void)snprintf(series->failure, sizeof series->failure, "%s", error.message);
        return LETHE_OK;
    }
    const lethe_slide_level *level = lethe_slide_level_at(series->slide, 0);
    series->columns = (uint32_t)level->width_px;
    series->rows = (uint32_t)level->height_px;
    series->colour = true;
    return LETHE_OK;
}

lethe_status lethe_series_load(lethe_series *series, lethe_error *error) {
    if (series->loaded) return LETHE_OK;
    series->loaded = true;
    if (series->is_slide) return load_slide(series);
    for (size_t i = 0; i < series->file_count; i++) {
        lethe_error failure = {0};
        lethe_status status = load_file(series, (uint32_t)i, &failure);
        if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", failure.message);
        if (status && series->failure[0] == '\0') (void)snprintf(series->failure, sizeof series->failure, "%s", failure.message);
    }
    return series->frame_count > 1 ? sort_frames(series, error) : LETHE_OK;
}

bool lethe_series_spacing(const lethe_series *series, size_t frame, double *across_mm, double *down_mm) {
    *across_mm = *down_mm = 1;
    if (series->is_slide) {
        double um = series->slide ? lethe_slide_mpp_um(series->slide) : 0;
        if (!(um > 0)) return false;
        *across_mm = *down_mm = um / 1000;
        return true;
    }
    if (frame >= series->frame_count) return false;
    const lethe_frame_geometry *g = &series->frames[frame].geometry;
    *across_mm = g->column_spacing_mm;
    *down_mm = g->row_spacing_mm;
    return g->has_spacing;
}

/* --- decoding --- */

struct lethe_frame_reader {
    char *path;
    lethe_map map;
    lethe_arena *arena;
    lethe_dicom_dataset *dataset;
    lethe_pixels *pixels;
};

lethe_frame_reader *lethe_frame_reader_create(void) { return lethe_alloc_array(1, sizeof(lethe_frame_reader)); }

static void reader_close(lethe_frame_reader *reader) {
    lethe_pixels_close(reader->pixels);
    lethe_dicom_dataset_release(reader->dataset);
    lethe_arena_destroy(reader->arena);
    lethe_map_close(&reader->map);
    lethe_free(reader->path);
    *reader = (lethe_frame_reader){0};
}

void lethe_frame_reader_destroy(lethe_frame_reader *reader) {
    if (!reader) return;
    reader_close(reader);
    lethe_free(reader);
}

static lethe_status reader_open(lethe_frame_reader *reader, const char *path, lethe_error *error) {
    if (reader->path && strcmp(reader->path, path) == 0) return LETHE_OK;
    reader_close(reader);
    lethe_status status = lethe_map_open(path, &reader->map, error);
    if (status) return status;
    reader->arena = lethe_arena_create(HEADER_ARENA_BYTES);
    reader->path = copy(path);
    if (!reader->arena || !reader->path) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) status = lethe_dicom_dataset_parse(reader->map.bytes, reader->map.size, reader->arena, &reader->dataset, error);
    if (!status) status = lethe_pixels_open(reader->dataset, &reader->pixels, error);
    if (status) reader_close(reader);
    return status;
}

lethe_status lethe_frame_reader_read(lethe_frame_reader *reader, const char *path, uint32_t frame, lethe_image *out, lethe_error *error) {
    *out = (lethe_image){0};
    lethe_status status = reader_open(reader, path, error);
    if (status) return status;
    lethe_image stored = {0};
    status = lethe_pixels_decode(reader->pixels, frame, &stored, error);
    if (status) return status;
    bool deep_colour = stored.samples > 1 && stored.bytes_per_sample > 1;
    if (stored.photometric == LETHE_PALETTE_COLOR || deep_colour) {
        lethe_display display;
        lethe_display_load(reader->dataset, frame, 0, &display);
        status = lethe_display_render(reader->dataset, &stored, &display, out, error);
        lethe_image_release(&stored);
        return status;
    }
    lethe_image_to_rgb(&stored);
    *out = stored;
    return LETHE_OK;
}

lethe_status lethe_frame_reader_thumbnail(lethe_frame_reader *reader, const char *path, uint32_t frame, uint32_t side, lethe_image *out,
                                          lethe_error *error) {
    *out = (lethe_image){0};
    lethe_image stored = {0}, picture = {0};
    lethe_status status = reader_open(reader, path, error);
    if (!status) status = lethe_pixels_decode(reader->pixels, frame, &stored, error);
    if (status) return status;
    lethe_display display;
    lethe_display_load(reader->dataset, frame, 0, &display);
    status = lethe_display_render(reader->dataset, &stored, &display, &picture, error);
    if (!status) status = lethe_image_thumbnail(&picture, side, out, error);
    lethe_image_release(&stored);
    lethe_image_release(&picture);
    return status;
}
