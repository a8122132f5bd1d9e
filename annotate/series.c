#include "annotate/series.h"

#include "annotate/rename.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "core/text.h"
#include "imaging/dicom/dataset.h"
#include "imaging/dicom/pixels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One open file of the series. */
typedef struct opened {
    lethe_map map;
    lethe_arena *arena;
    lethe_dicom_dataset *dataset;
} opened;

static void close_file(opened *file) {
    lethe_dicom_dataset_release(file->dataset);
    lethe_arena_destroy(file->arena);
    if (file->map.fd >= 0) lethe_map_close(&file->map);
    *file = (opened){.map = {.fd = -1}};
}

static lethe_status open_file(const lethe_image_index *index, const char *released_path, size_t image, opened *file, lethe_error *error) {
    *file = (opened){.map = {.fd = -1}};
    char *path = lethe_path_join(released_path, lethe_image_index_at(index, image)->source);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_map_open(path, &file->map, error);
    lethe_free(path);
    if (status == LETHE_OK && (file->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file");
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(file->map.bytes, file->map.size, file->arena, &file->dataset, error);
    if (status != LETHE_OK) close_file(file);
    return status;
}

static void read_shared(const lethe_dicom_item *root, lethe_series *s) {
    const struct {
        lethe_tag tag;
        char *out;
        size_t size;
    } fields[] = {{0x00100010, s->patient_name, sizeof s->patient_name},
                  {0x00100020, s->patient_id, sizeof s->patient_id},
                  {0x00100030, s->patient_birth_date, sizeof s->patient_birth_date},
                  {0x00100040, s->patient_sex, sizeof s->patient_sex},
                  {0x0020000D, s->study_uid, sizeof s->study_uid},
                  {0x00080020, s->study_date, sizeof s->study_date},
                  {0x00080030, s->study_time, sizeof s->study_time},
                  {0x00200010, s->study_id, sizeof s->study_id},
                  {0x00080050, s->accession, sizeof s->accession},
                  {0x00080090, s->referring, sizeof s->referring},
                  {0x00080005, s->charset, sizeof s->charset},
                  {0x00200060, s->laterality, sizeof s->laterality},
                  {0x00180015, s->body_part, sizeof s->body_part},
                  {0x00080060, s->modality, sizeof s->modality},
                  {0x00200052, s->frame_of_reference, sizeof s->frame_of_reference}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!lethe_dicom_text(root, fields[i].tag, 0, fields[i].out, fields[i].size)) fields[i].out[0] = '\0';
}

/* Under random case names objects are made for the renamed images. */
static lethe_status take_names(const lethe_image_index *index, const lethe_image_ref *ref, lethe_series *s, lethe_error *error) {
    char fresh[65];
    (void)snprintf(s->patient_name, sizeof s->patient_name, "%s", ref->patient);
    (void)snprintf(s->patient_id, sizeof s->patient_id, "%s", ref->patient);
    (void)snprintf(s->study_uid, sizeof s->study_uid, "%s", ref->study_uid);
    s->study_id[0] = s->accession[0] = '\0';
    lethe_status status = lethe_renamer_uid(lethe_image_index_renamer(index), s->frame_of_reference, fresh, error);
    if (status == LETHE_OK) memcpy(s->frame_of_reference, fresh, sizeof fresh);
    return status;
}

typedef struct builder {
    lethe_series *series;
    size_t capacity;
    int64_t *instances;
} builder;

static lethe_status add_frames(builder *b, const lethe_image_index *index, size_t image, const lethe_dicom_dataset *dataset, lethe_error *error) {
    lethe_series *s = b->series;
    const lethe_image_ref *ref = lethe_image_index_at(index, image);
    int64_t columns = 0, rows = 0, frames = 1;
    lethe_status status = LETHE_OK;
    if (!lethe_dicom_int(dataset->root, 0x00280011, 0, &columns) || !lethe_dicom_int(dataset->root, 0x00280010, 0, &rows) || columns <= 0 ||
        rows <= 0)
        return LETHE_OK; /* a report or another object without pixels */
    (void)lethe_dicom_int(dataset->root, 0x00280008, 0, &frames);
    if (frames < 1 || frames > LETHE_LIMIT_FRAMES) return lethe_fail(error, LETHE_LIMIT, "%lld frames", (long long)frames);
    if (s->count == 0) {
        read_shared(dataset->root, s);
        if (lethe_image_index_renamer(index) != NULL) status = take_names(index, ref, s, error);
        if (status != LETHE_OK) return status;
        s->columns = (uint32_t)columns;
        s->rows = (uint32_t)rows;
    } else if (columns != s->columns || rows != s->rows) {
        return lethe_fail(error, LETHE_UNSUPPORTED, "the images of the series differ in size");
    }
    for (uint32_t frame = 0; frame < (uint32_t)frames; frame++) {
        if (s->count == b->capacity) {
            size_t capacity = b->capacity == 0 ? 64 : b->capacity * 2;
            lethe_series_frame *grown = lethe_realloc_array(s->frames, capacity, sizeof *grown);
            if (grown != NULL) s->frames = grown;
            int64_t *instances = grown == NULL ? NULL : lethe_realloc_array(b->instances, capacity, sizeof *instances);
            if (instances == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a series");
            b->instances = instances;
            b->capacity = capacity;
        }
        s->frames[s->count] = (lethe_series_frame){.image = image, .frame = frame};
        lethe_frame_geometry_load(dataset, frame, &s->frames[s->count].geometry);
        b->instances[s->count++] = ref->instance_number * 100000 + frame;
    }
    return LETHE_OK;
}

static lethe_status sort_frames(builder *b, lethe_error *error) {
    lethe_series *s = b->series;
    size_t *order = lethe_alloc_array(s->count, sizeof *order);
    lethe_frame_geometry *geometries = lethe_alloc_array(s->count, sizeof *geometries);
    lethe_series_frame *sorted = lethe_alloc_array(s->count, sizeof *sorted);
    lethe_status status =
        order == NULL || geometries == NULL || sorted == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a series") : LETHE_OK;
    s->in_space = true;
    for (size_t i = 0; status == LETHE_OK && i < s->count; i++) {
        geometries[i] = s->frames[i].geometry;
        s->in_space = s->in_space && geometries[i].has_plane;
    }
    if (status == LETHE_OK) status = lethe_series_sort(geometries, b->instances, s->count, order, &s->stacks, error);
    for (size_t i = 0; status == LETHE_OK && i < s->count; i++) sorted[i] = s->frames[order[i]];
    if (status == LETHE_OK) {
        lethe_free(s->frames);
        s->frames = sorted;
        sorted = NULL;
        if (s->stacks == 0 || s->count % s->stacks != 0) s->stacks = 1;
    }
    lethe_free(order);
    lethe_free(geometries);
    lethe_free(sorted);
    return status;
}

lethe_status lethe_series_load(const lethe_image_index *index, const char *released_path, const char *series_uid, lethe_series **out,
                               lethe_error *error) {
    *out = NULL;
    builder b = {.series = lethe_alloc_array(1, sizeof(lethe_series))};
    lethe_status status = b.series == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a series") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(index, i);
        opened file;
        if (ref->is_slide || strcmp(ref->series_uid, series_uid) != 0) continue;
        status = open_file(index, released_path, i, &file, error);
        if (status != LETHE_OK) break;
        status = add_frames(&b, index, i, file.dataset, error);
        close_file(&file);
    }
    if (status == LETHE_OK && b.series->count == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no released image of series %s", series_uid);
    if (status == LETHE_OK) status = sort_frames(&b, error);
    lethe_free(b.instances);
    if (status == LETHE_OK) *out = b.series;
    else lethe_series_destroy(b.series);
    return status;
}

void lethe_series_destroy(lethe_series *series) {
    if (series == NULL) return;
    lethe_free(series->frames);
    lethe_free(series);
}

size_t lethe_series_find(const lethe_series *series, size_t image, uint32_t frame) {
    for (size_t i = 0; i < series->count; i++)
        if (series->frames[i].image == image && series->frames[i].frame == frame) return i;
    return SIZE_MAX;
}

double lethe_series_step_mm(const lethe_series *series) {
    size_t each = series->count / series->stacks;
    double first = 0;
    for (size_t i = 1; series->in_space && i < each; i++) {
        const lethe_frame_geometry *a = &series->frames[i - 1].geometry, *b = &series->frames[i].geometry;
        double step = 0;
        for (int k = 0; k < 3; k++) step += (b->position_mm[k] - a->position_mm[k]) * a->normal[k];
        if (i == 1) first = step;
        else if (fabs(step - first) > 0.1 && fabs(step - first) > 0.05 * fabs(first)) return 0;
    }
    return fabs(first);
}

lethe_status lethe_series_decode(const lethe_series *series, const lethe_image_index *index, const char *released_path, lethe_series_pixels_fn visit,
                                 void *context, lethe_error *error) {
    opened file = {.map = {.fd = -1}};
    lethe_pixels *pixels = NULL;
    size_t current = SIZE_MAX, count = (size_t)series->columns * series->rows;
    float *values = lethe_alloc_array(count, sizeof *values);
    lethe_status status = values == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a frame") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < series->count; i++) {
        const lethe_series_frame *frame = &series->frames[i];
        lethe_image image = {0};
        lethe_display display = {.slope = 1};
        if (frame->image != current) {
            lethe_pixels_close(pixels);
            pixels = NULL;
            close_file(&file);
            current = frame->image;
            status = open_file(index, released_path, current, &file, error);
            if (status == LETHE_OK) status = lethe_pixels_open(file.dataset, &pixels, error);
        }
        if (status == LETHE_OK) status = lethe_pixels_decode(pixels, frame->frame, &image, error);
        if (status == LETHE_OK && (image.samples != 1 || (size_t)image.columns * image.rows != count))
            status = lethe_fail(error, LETHE_UNSUPPORTED, "a frame is not a grey picture of the series' size");
        if (status == LETHE_OK) {
            lethe_display_load(file.dataset, frame->frame, 0, &display);
            for (size_t k = 0; k < count; k++)
                values[k] = (float)(lethe_image_sample(&image, (uint32_t)(k % series->columns), (uint32_t)(k / series->columns), 0) * display.slope +
                                    display.intercept);
            status = visit(context, i, values, error);
        }
        lethe_image_release(&image);
    }
    lethe_pixels_close(pixels);
    close_file(&file);
    lethe_free(values);
    return status;
}

/* --- series of an export --- */

static bool seen_before(const lethe_dataset *d, size_t image) {
    const char *series = lethe_image_index_at(d->index, image)->series_uid;
    for (size_t i = image; i > 0; i--) { /* the catalogue keeps the images of a series together */
        if (strcmp(lethe_image_index_at(d->index, i - 1)->series_uid, series) != 0) return false;
        size_t count;
        (void)lethe_dataset_parts_of(d, i - 1, &count);
        if (count != 0 && lethe_dataset_has(d, i - 1)) return true;
    }
    return false;
}

static lethe_status visit_series(lethe_dataset *d, const char *series_uid, lethe_series_fn visit, lethe_error *error) {
    lethe_series *series = NULL;
    size_t count = 0;
    const lethe_part **parts = lethe_alloc_array(d->part_count, sizeof(lethe_part *));
    lethe_status status = parts == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a series")
                                        : lethe_series_load(d->index, d->released_path, series_uid, &series, error);
    for (size_t i = 0; status == LETHE_OK && i < d->part_count; i++)
        if (strcmp(lethe_image_index_at(d->index, d->parts[i].image)->series_uid, series_uid) == 0 && lethe_dataset_has(d, d->parts[i].image))
            parts[count++] = &d->parts[i];
    if (status == LETHE_OK) status = visit(d, series, series_uid, parts, count, error);
    lethe_series_destroy(series);
    lethe_free(parts);
    return status;
}

lethe_status lethe_dataset_each_series(lethe_dataset *d, lethe_series_fn visit, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t image = 0; status == LETHE_OK && image < lethe_image_index_count(d->index); image++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, image);
        size_t count;
        (void)lethe_dataset_parts_of(d, image, &count);
        if (count == 0 || ref->is_slide || ref->series_uid[0] == '\0' || !lethe_dataset_has(d, image) || seen_before(d, image)) continue;
        status = visit_series(d, ref->series_uid, visit, error);
    }
    return status;
}

/* --- UIDs --- */

__extension__ typedef unsigned __int128 uint128;

lethe_status lethe_derived_uid(const char *const *words, char out[65], lethe_error *error) {
    lethe_buffer text;
    char hex[65], digits[40];
    uint8_t bytes[32];
    uint128 value = 0;
    size_t at = sizeof digits - 1;
    lethe_buffer_init(&text, 1 << 16);
    lethe_status status = LETHE_OK;
    for (; status == LETHE_OK && *words != NULL; words++)
        status = lethe_buffer_append(&text, *words, strlen(*words) + 1, error); /* with the NUL: no two lists run together */
    if (status == LETHE_OK) status = lethe_sha256_hex(text.bytes, text.size, hex, error);
    lethe_buffer_release(&text);
    if (status != LETHE_OK) return status;
    if (!lethe_unhex(hex, bytes, 32)) return lethe_fail(error, LETHE_INTERNAL, "a digest is not hex");
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x80); /* a version 8 UUID, RFC 9562 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++) value = value << 8 | bytes[i];
    digits[at] = '\0';
    do digits[--at] = (char)('0' + (int)(value % 10));
    while ((value /= 10) != 0);
    (void)snprintf(out, 65, "2.25.%s", digits + at);
    return LETHE_OK;
}
